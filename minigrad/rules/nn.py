"""Rules of losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.rules.reduce import softmax
from minigrad.rules.rule import Rule


def _at(target: Any) -> tuple[Any, ...]:
    """The index of each example's own class, in an array of scores (..., classes)."""
    return (*np.indices(target.shape, sparse=True), target)


def _softmax_loss(scores: Any, *, target: Any) -> Any:
    """-log softmax(scores)[target], one for each example."""
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=-1)) - shifted[_at(target)]


def _softmax_loss_scores(g: Any, scores: Any, target: Any) -> Any:
    """The probabilities, less 1 for the right class: the lecture's dscores."""
    right = np.zeros(scores.shape, scores.dtype)
    right[_at(target)] = 1
    return np.expand_dims(g, -1) * (softmax(scores, axis=-1) - right)


cross_entropy = Rule("cross_entropy", _softmax_loss, scores=_softmax_loss_scores)
