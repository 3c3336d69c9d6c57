"""Losses of classification, one number for each example."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.indexing import setitem
from minigrad.primitives.primitive import Primitive
from minigrad.primitives.softmax import softmax


def at(target: Any) -> tuple[Any, ...]:
    """Return the index of each example's own class, in an array of scores (..., classes)."""
    return (*np.indices(target.shape, sparse=True), target)


def _softmax_loss(scores: Any, *, target: Any) -> Any:
    """-log softmax(scores)[target]; the scores are shifted, so that exp does not overflow."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=-1)) - shifted[at(target)]


def _softmax_loss_scores(g: Any, scores: Any, target: Any) -> Any:
    """The probabilities, less 1 for the right class: the lecture's dscores."""
    p = softmax(scores, axis=-1)
    right = at(target)
    p = setitem(p, p[right] - 1, index=right)
    return np.expand_dims(g, -1) * p


cross_entropy = Primitive("cross_entropy", _softmax_loss, scores=_softmax_loss_scores).with_notation(
    "-log(softmax(scores)[target])", scores="g * (softmax(scores) - onehot(target))"
)


# logarithms no less than -100: so a probability of 0 costs much, but not infinitely much, as in PyTorch


def _log(x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100)


def _log_of_rest(x: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log1p(-x), -100)


binary_cross_entropy = Primitive(
    "binary_cross_entropy",
    lambda x, t: -(t * _log(x) + (1 - t) * _log_of_rest(x)),
    x=lambda g, x, t: g * ((x - t) / np.maximum(x * (1 - x), 1e-12)),  # PyTorch's bound, for an x of 0 or 1
    t=lambda g, x: g * (_log_of_rest(x) - _log(x)),
).with_notation("-(t * log(x) + (1 - t) * log(1 - x))", x="g * (x - t) / (x * (1 - x))", t="g * (log(1 - x) - log(x))")
