"""Softmax, its logarithm, and the logarithm of a sum of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.primitives.reductions import Axis, spread


def largest(x: Any, axis: Axis) -> Any:
    """Return the maximum: subtracted, it keeps exp from overflowing."""
    return np.max(x, axis=axis, keepdims=True, initial=-np.inf)  # (the initial value is for no elements at all)


def _softmax(x: Any, *, axis: int) -> Any:
    e = np.exp(x - largest(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


softmax = Primitive(
    "softmax", _softmax, x=lambda g, y, axis: y * (g - np.sum(g * y, axis=axis, keepdims=True))
).with_notation("exp(x) / sum(exp(x))", x="y * (g - sum(g * y))")


def _log_softmax(x: Any, *, axis: int) -> Any:
    shifted = x - largest(x, axis)
    with np.errstate(divide="ignore"):  # log(0) of no elements at all
        return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


log_softmax = Primitive(
    "log_softmax", _log_softmax, x=lambda g, y, axis: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)
).with_notation("x - log(sum(exp(x)))", x="g - exp(y) * sum(g)")


def _logsumexp(x: Any, *, axis: Axis, keepdims: bool) -> Any:
    top = largest(x, axis)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)  # inf - inf would be nan
    with np.errstate(divide="ignore"):  # log(0) is right for a row of -inf
        out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)


def _logsumexp_x(g: Any, x: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    """softmax(x), as exp(x - y)."""
    return spread(g, x.shape, axis, keepdims) * np.exp(x - spread(y, x.shape, axis, keepdims))


logsumexp = Primitive("logsumexp", _logsumexp, x=_logsumexp_x).with_notation("log(sum(exp(x)))", x="g * exp(x - y)")
