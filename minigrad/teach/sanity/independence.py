"""The check that the result for an example does not depend on the other examples."""

from __future__ import annotations

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.grad_mode import no_grad
from minigrad.output.words import class_name
from minigrad.teach.sanity.examples import Examples
from minigrad.teach.sanity.report import Check
from minigrad.teach.sanity.trial import Trial, mode
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.rng import fork_rng


def examples(trial: Trial) -> Check:
    """Whether an example's output or loss depends on the other examples: those become one example, repeated.

    The last and the first example are looked at, as a recurrent network along the wrong axis looks back only.
    """
    n, depends, mixes = trial.batch.n, {True: 0.0, False: 0.0}, False
    try:
        for kept in (n - 1, 0) if n > 1 else ():
            index = np.full(n, n // 2 if n > 2 else kept)
            index[kept] = kept
            changed = trial.batch.take(index)
            if changed is None:
                return Check("examples", None, "there is no target for each example")
            for training in (True, False):
                with no_grad(), mode(trial.model, training):
                    one, other = (
                        _row(trial, trial.run(b)[0]._array, kept).astype(float) for b in (trial.batch, changed)
                    )
                error, size = float(np.abs(one - other).max()), float(np.abs(one).max()) or 1.0
                depends[training] = max(depends[training], error / size)
            mixes |= _loss_mixes(trial, index, kept, changed)
    except Exception as error:
        return Check("examples", None, f"it could not be tried: {class_name(error)}: {error}")
    if n < 2:
        return Check("examples", None, "there is one example only")
    if not depends[False] <= 1e-3:
        return Check(
            "examples",
            False,
            f"the output for an example changes by {depends[False]:.0%} if the other examples change: look for "
            "a reshape that should be a permute, batch_first, or a softmax or normalization over axis 0",
        )
    if mixes:
        return Check(
            "examples",
            False,
            "the loss of an example depends on the scores of the others: look for a softmax or a mean over "
            "axis 0, the batch. (In a contrastive loss that is right)",
        )
    if not depends[True] <= 1e-3:
        return Check("examples", True, "they depend on each other in training mode only, as in batch normalization")
    return Check("examples", True, "the output for an example does not depend on the others")


def _row(trial: Trial, out: np.ndarray, i: int) -> np.ndarray:
    """The part of the output that belongs to an example."""
    n = trial.batch.n
    if out.ndim > 1 and out.shape[1] == n and trial.batch.axis == 1:
        return out[:, i]
    if out.ndim and out.shape[0] and out.shape[0] % n == 0:
        each = out.shape[0] // n
        return out[i * each : (i + 1) * each]
    raise ValueError(f"the output of shape {out.shape} has no row for each of the {n} examples")


def _loss_mixes(trial: Trial, index: np.ndarray, kept: int, changed: Examples) -> bool:
    """Whether the direction of the gradient of an example's scores depends on the scores of the others."""
    out = trial.output._array
    if trial.batch.y is None or trial.several or not out.ndim or out.shape[0] != trial.batch.n or out[0].size < 2:
        return False  # of one number the gradient has no direction, and its length depends on averages
    rows = []
    for array, targets in (out, trial.batch.targets), (out[index], changed.targets):
        scores = as_tensor(array.copy()).requires_grad_()
        with fork_rng():
            g = grads(trial.loss(scores, targets), [scores], allow_unused=True)[0]
        if g is None:
            return False
        rows.append(g._array[kept].astype(float).ravel())
    a, b = rows
    return bool(a.any() != b.any() or a @ b < 0.99 * np.linalg.norm(a) * np.linalg.norm(b))
