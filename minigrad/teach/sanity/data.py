"""Checks of what is given: the parameters, the inputs, the targets."""

from __future__ import annotations

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.teach.causes.inputs import badly_scaled, small_inputs
from minigrad.teach.causes.parameters import unregistered
from minigrad.teach.causes.targets import ARE_LARGE, LARGE_TARGET
from minigrad.teach.restoring import is_lazy
from minigrad.teach.sanity.learning import EIGHT
from minigrad.teach.sanity.report import Verdict, check
from minigrad.teach.sanity.trial import Trial


@check
def parameters(trial: Trial) -> Verdict:
    """Whether there is something to train, and nothing else that should be."""
    texts = [*unregistered(trial.model)]
    if texts:
        return False, "; ".join(texts)
    n = sum(p.numel() for p in trial.trainable.values() if not is_lazy(p))
    if any(map(is_lazy, trial.trainable.values())):
        return True, f"{len(trial.trainable)} to train, some of lazy layers without a shape yet"
    if not trial.trainable:
        return False, "none requires a gradient: is all of the model frozen?"
    said = "" if trial.model.training else "; the model is in evaluation mode, call model.train() before training"
    return True, f"{n:,} numbers in {len(trial.trainable)} parameters to train{said}"


@check
def inputs(trial: Trial) -> Verdict:
    """Whether the inputs are finite, about 1, and differ."""
    b, X = trial.scene.batch, trial.whole.X
    same = trial.whole.n > 1 and bool((X.take([0], trial.whole.axis) == X).all())
    if b is None and same and trial.whole.n >= EIGHT:
        return False, f"all examples are the same: are the indices all {X.flat[0]}?"
    if b is None:
        return True, f"integers from {X.min()} to {X.max()}, of shape {X.shape}"
    if b.nan or not np.isfinite(X).all():
        bad = ~np.isfinite(X)
        columns = [*np.flatnonzero(bad.all(0))] if X.ndim == 2 and trial.whole.axis == 0 else []
        why = (
            f"all of column {columns[0]}: was it divided by its standard deviation, and is that 0?"
            if len(columns)
            else "look for missing values"
        )
        return False, f"{int(bad.sum())} of {X.size} numbers are nan or infinite: {why}"
    if text := trial.said_by(badly_scaled, small_inputs):
        return False, text
    if X.size > 1 and b.std == 0:
        return False, f"all numbers are {b.mean:.3g}: is the data loaded?"
    if same:
        return False, "all examples are the same: does the loader return one example again and again?"
    usual = "" if abs(b.mean) < 1 and 0.1 < b.std < 3 else "; usual values are 0 and 1"
    return True, f"mean {b.mean:.2g} and standard deviation {b.std:.2g}, shape {X.shape}{usual}"


@check
def targets(trial: Trial) -> Verdict:
    """Whether the targets are finite, about 1, and differ."""
    y = trial.whole.y
    if y is None or y.dtype.kind not in "fiub":
        return None, "they are not an array of numbers"
    if not np.isfinite(y).all():
        return False, f"{int((~np.isfinite(y)).sum())} of {y.size} are nan or infinite"
    if y.size >= 16 and (y == y.flat[0]).all() and y.ndim < 3:
        return None, f"all {y.size} of this batch are {y.flat[0]}: is the data sorted? Shuffle the examples"
    if y.dtype.kind == "f":
        size = float(np.abs(y).max())
        if size > LARGE_TARGET and size > 3 * _largest_output(trial):
            return False, "they " + ARE_LARGE.format(size=size)
        return True, f"mean {y.mean():.2g} and standard deviation {y.std():.2g}, shape {y.shape}"
    return True, f"integers from {int(y.min())} to {int(y.max())}, shape {y.shape}"


def _largest_output(trial: Trial) -> float:
    with no_grad():
        try:
            return float(np.abs(trial.run(trial.batch)[0]._array).max())
        except Exception:
            return 0.0
