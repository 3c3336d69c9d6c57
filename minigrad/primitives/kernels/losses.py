"""Losses in the memory of the probabilities, whose sums are computed once."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives import losses
from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.rows import exponentials
from minigrad.primitives.losses import cross_entropy
from minigrad.primitives.primitive import kernel


def at(target: Any) -> tuple[Any, ...]:
    """Return the index of each example's own class, as the readable form; without `np.indices` for the usual shape."""
    return (np.arange(len(target)), target) if target.ndim == 1 else losses.at(target)


def _cross_entropy(scores: Any, *, target: Any) -> Any:
    """Return the losses; and for the vjp what softmax subtracts (None for 0) and divides by, for each example."""
    rows = scores.reshape(-1, scores.shape[-1])
    top, total = exponentials(rows, np.empty(rows.shape, rows.dtype))
    total = total.reshape(*target.shape, 1)
    right = scores[at(target)]
    if top is not None:
        top = top.reshape(total.shape)
        right = right - top[..., 0]
    return np.log(total[..., 0]) - right, top, total


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
