"""Losses in the memory of the probabilities, whose sums are computed once."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives import losses
from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.rows import exponentials
from minigrad.primitives.losses import cross_entropy
from minigrad.primitives.primitive import kernel

_SMALL = 1e-8
"""Sums of exponentials, which are below 1e30, over exponentials above this do not overflow in float32."""


def at(target: Any) -> tuple[Any, ...]:
    """Return the index of each example's own class, as the readable form; without `np.indices` for the usual shape."""
    return (np.arange(len(target)), target) if target.ndim == 1 else losses.at(target)


def _cross_entropy(scores: Any, *, target: Any) -> Any:
    """Return the losses; and for the vjp what softmax subtracts (None for 0) and divides by, for each example."""
    rows = scores.reshape(-1, scores.shape[-1])
    e = np.empty(rows.shape, rows.dtype)
    top, total = exponentials(rows, e)
    if top is None:
        own = e.reshape(scores.shape)[at(target)]
        if own.min() > _SMALL:
            total = total.reshape(*target.shape, 1)
            return np.log(total[..., 0] / own), None, total  # log(total) - score would cancel where the loss is small
        top, total = exponentials(rows, e, shifted=True)
    top, total = (a.reshape(*target.shape, 1) for a in (top, total))
    return np.log(total[..., 0]) - (scores[at(target)] - top[..., 0]), top, total


def _cross_entropy_scores(g: Any, scores: Any, target: Any, top: Any, total: Any) -> Any:
    p = np.empty(scores.shape, scores.dtype)
    if compiled.usable(scores, total):
        columns = np.zeros_like(total) if top is None else top, g[..., None] / total
        compiled.run("exp_times", *[a.reshape(-1, a.shape[-1]) for a in (scores, *columns, p)])
        p[at(target)] -= g
        return p
    np.exp(scores if top is None else np.subtract(scores, top, out=p), out=p)
    p /= total
    p[at(target)] -= 1
    p *= g[..., None]
    return p


kernel(cross_entropy, forward=_cross_entropy, scores=_cross_entropy_scores, keeps=("top", "total"))
