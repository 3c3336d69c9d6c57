"""The check that the result for an example does not depend on the other examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.grad_mode import no_grad
from minigrad.output.words import class_name
from minigrad.teach.causes.activations import over_the_queries
from minigrad.teach.causes.inputs import copied, looks_ahead, told
from minigrad.teach.sanity.examples import Examples
from minigrad.teach.sanity.report import Verdict, check
from minigrad.teach.sanity.trial import Trial, mode
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.rng import fork_rng
from minigrad.tensors.tensor import Tensor

SAME = 1e-3
"""The relative change of an output that counts as rounding."""


@check
def examples(trial: Trial) -> Verdict:
    """Whether an example's output or loss depends on the other examples: those become one example, repeated.

    The last and the first example are looked at, as a recurrent network along the wrong axis looks back only.
    """
    n, depends, mixes, moved = trial.batch.n, {True: 0.0, False: 0.0}, False, 0
    try:
        for kept in (n - 1, 0) if n > 1 else ():
            index = np.full(n, n // 2 if n > 2 else kept)
            index[kept] = kept
            changed = trial.batch.take(index)
            if changed is None:
                return None, "there is no target for each example"
            for training in (True, False):
                with no_grad(), mode(trial.model, training):
                    outs = [trial.run(b)[0]._array.astype(float) for b in (trial.batch, changed)]
                    one, other = (_row(trial, out, kept) for out in outs)
                error, size = float(np.abs(one - other).max()), float(np.abs(one).max()) or 1.0
                # a bias may be much larger than what differs between examples
                size = min(size, max(float(np.ptp(outs[0], axis=0).max()), 1e-2 * size))
                depends[training] = max(depends[training], error / size)
            moved += depends[False] > SAME and not _own(trial, kept)
            mixes |= _loss_mixes(trial, index, kept, changed)
    except Exception as error:
        return None, f"it could not be tried: {class_name(error)}: {error}"
    if text := _keeps_state(trial):
        one_each = trial.batch.y is not None and trial.batch.y.size == n
        return False if one_each else None, text
    if text := trial.said_by(over_the_queries, looks_ahead, copied, told):
        return False, text
    if n < 2:
        return None, "there is one example only"
    if moved == 2:
        return False, (
            "the output for an example does not depend on that example, but on another one: the order of the examples "
            "is changed, by a flip, a sort, a shuffle, a transpose or a reshape"
        )
    if trial.is_contrastive():
        return True, "each example is compared with all others, as in a contrastive loss"
    if not np.isfinite([*depends.values()]).all():
        return None, "the output is not finite"
    if not depends[False] <= SAME and _differs_again(trial):
        text = (
            "the output for the same batch is another one in the next call: it draws random numbers, or keeps a state"
        )
        return None, text
    if not depends[False] <= SAME:
        return False, (
            f"the output for an example changes by {depends[False]:.0%} if the other examples change: look for "
            "a reshape that should be a permute, batch_first, or a softmax or normalization over axis 0"
        )
    if mixes and (_compares(trial) or not _uses_targets(trial)):
        return True, "the loss compares the examples with each other, as a contrastive loss does"
    if mixes:
        return False if trial.scores_and_labels() is not None and trial.output.ndim == 2 else None, (
            "the loss of an example depends on the scores of the others: look for a softmax or a mean over "
            "axis 0, the batch. (In a loss that compares examples that is right)"
        )
    if not depends[True] <= SAME:
        return True, "they depend on each other in training mode only, as in batch normalization"
    return True, "the output for an example does not depend on the others"


def _differs_again(trial: Trial) -> bool:
    """Whether the output differs, in evaluation mode, for the same batch and the same state of the generators."""
    with no_grad(), mode(trial.model, False):
        one, other = (trial.run(trial.batch)[0]._array.astype(float) for _ in range(2))
    return not np.allclose(one, other, rtol=SAME, atol=SAME * float(np.abs(one).max()))


def _keeps_state(trial: Trial) -> str:
    """Say that the model computes something else in the next call, because an attribute holds a result of the last."""

    def held() -> dict[str, Any]:
        return {
            (f"{path}." if path else "") + name: value
            for path, module in trial.model.named_modules()
            for name, value in vars(module).items()
            if isinstance(value, Tensor | np.ndarray | tuple)
        }

    with no_grad(), mode(trial.model, False):
        results = []
        for _ in range(2):
            before = held()
            results.append(trial.run(trial.batch)[0]._array.astype(float))
    changed = [name for name, value in held().items() if value is not before.get(name)]
    one, other = results
    if not changed or not np.abs(one - other).max() > SAME * np.abs(one).max():
        return ""
    return (
        f"the output of the same batch is another one in the next call: `{changed[0]}` keeps a result from call to "
        "call, so it depends on the batches before. Examples that do not continue those need a new state in each call"
    )


def _own(trial: Trial, i: int) -> bool:
    """Whether the output for an example depends on that example."""
    index = np.arange(trial.batch.n)
    index[i] = trial.batch.n // 2
    changed = trial.batch.take(index)
    if changed is None:
        return True
    with no_grad(), mode(trial.model, False):
        one, other = (_row(trial, trial.run(b)[0]._array, i) for b in (trial.batch, changed))
    return bool((one != other).any())


def _compares(trial: Trial) -> bool:
    """Whether the loss compares all outputs with all: a product of outputs with outputs, or their differences."""
    output = trial.output.node
    inside = {*trial.beyond, output}
    for node in trial.beyond:
        sources = [source for source in node.inputs if source in inside]
        if len(sources) == 2 and node.primitive.name == "matmul":
            return True
        if len(sources) == 2 and node.primitive.name == "sub" and node.shape not in [s.shape for s in sources]:
            return True
    return False


def _uses_targets(trial: Trial) -> bool:
    """Whether the loss depends on the targets."""
    y = trial.batch.y
    if y is None:
        return False
    targets = as_tensor(y[::-1].copy()) if trial.batch.tensor else y[::-1].copy()
    with no_grad(), fork_rng():
        return bool(trial.loss(trial.output, targets).item() != trial.result.item())


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
    if (
        trial.loss is None
        or trial.batch.y is None
        or trial.several
        or not out.ndim
        or out.shape[0] != trial.batch.n
        or out[0].size < 2
    ):
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
