"""Rules that reduce along axes. `axis` is None (all), an integer or a tuple of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.rules.rule import Rule

Axis = int | tuple[int, ...] | None


def spread(r: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Undo the shape of a reduction: give every element of an array of `shape` the result it went into."""
    if axis is not None and not keepdims:
        r = np.expand_dims(r, axis)
    return np.broadcast_to(r, shape)


def _shared_among_ties(g: Any, x: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    """The gradient of a maximum or minimum, in equal parts to all elements that attain it (as PyTorch's amax)."""
    attains = x == spread(y, x.shape, axis, keepdims)
    return attains * (spread(g, x.shape, axis, keepdims) / np.sum(attains, axis=axis, keepdims=True))


sum = Rule(
    "sum",
    lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    x=lambda g, x_shape, axis, keepdims: spread(g, x_shape, axis, keepdims),
)
mean = Rule(
    "mean",
    lambda x, *, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    x=lambda g, x_shape, y_shape, axis, keepdims: spread(g * _share(x_shape, y_shape), x_shape, axis, keepdims),
)
amax = Rule("amax", lambda x, *, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims), x=_shared_among_ties)
amin = Rule("amin", lambda x, *, axis, keepdims: np.min(x, axis=axis, keepdims=keepdims), x=_shared_among_ties)


def _share(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> float:
    """One over the number of elements that go into each mean."""
    return math.prod(y_shape) / (math.prod(x_shape) or 1)


def _top(x: Any, axis: Axis) -> Any:
    """The maximum: subtracted, it keeps exp from overflowing."""
    return np.max(x, axis=axis, keepdims=True, initial=-np.inf)  # (the initial value is for no elements at all)


def _logsumexp(x: Any, *, axis: Axis, keepdims: bool) -> Any:
    top = _top(x, axis)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)  # inf - inf would be nan
    with np.errstate(divide="ignore"):  # log(0) is the right answer for a row of -inf
        out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)


def _softmax(x: Any, *, axis: int) -> Any:
    e = np.exp(x - _top(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def _log_softmax(x: Any, *, axis: int) -> Any:
    shifted = x - _top(x, axis)
    with np.errstate(divide="ignore"):  # log(0) of no elements at all
        return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


logsumexp = Rule(
    "logsumexp",
    _logsumexp,
    x=lambda g, x, y, axis, keepdims: (
        spread(g, x.shape, axis, keepdims) * np.exp(x - spread(y, x.shape, axis, keepdims))
    ),
)
softmax = Rule("softmax", _softmax, x=lambda g, y, axis: y * (g - np.sum(g * y, axis=axis, keepdims=True)))
log_softmax = Rule(
    "log_softmax", _log_softmax, x=lambda g, y, axis: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)
)

# no derivatives: their results are not floats
argmax = Rule("argmax", lambda x, *, axis, keepdims: np.asarray(np.argmax(x, axis=axis, keepdims=keepdims)))
argmin = Rule("argmin", lambda x, *, axis, keepdims: np.asarray(np.argmin(x, axis=axis, keepdims=keepdims)))
all = Rule("all", lambda x, *, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims))
any = Rule("any", lambda x, *, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims))
