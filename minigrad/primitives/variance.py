"""Variance and standard deviation. `less` is what is subtracted from the number of elements: Bessel's correction."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.primitives.reductions import Axis, spread


def _counted(shape: tuple[int, ...], axis: Axis) -> int:
    """Return how many elements go into each result."""
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod([shape[a] for a in axes])


def _deviation(x: Any, axis: Axis) -> Any:
    """x - mean; twice, since the first mean is rounded, which shows where it is large and the deviations are small."""
    n = _counted(x.shape, axis) or 1
    d = x - np.sum(x, axis=axis, keepdims=True) / n
    return d - np.sum(d, axis=axis, keepdims=True) / n


def _var(x: Any, *, less: float, axis: Axis, keepdims: bool) -> Any:
    d = _deviation(x, axis)
    with np.errstate(divide="ignore", invalid="ignore"):  # nan, of a single element
        return np.sum(d * d, axis=axis, keepdims=keepdims) / np.asarray(max(_counted(x.shape, axis) - less, 0), x.dtype)


def _var_x(g: Any, x: Any, less: float, axis: Axis, keepdims: bool) -> Any:
    n = _counted(x.shape, axis)
    slope = 2 / (n - less) if n > less else math.nan
    return spread(g, x.shape, axis, keepdims) * (_deviation(x, axis) * slope)


var = Primitive("var", _var, x=_var_x).with_notation(
    "sum((x - mean(x)) ** 2) / (n - less)", x="g * 2 * (x - mean(x)) / (n - less)"
)


def quotient(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0; so also when it is differentiated again."""
    zero = b == 0
    return np.where(zero, 0, a / np.where(zero, 1, b))


std = Primitive(
    "std",
    lambda x, *, less, axis, keepdims: np.sqrt(_var(x, less=less, axis=axis, keepdims=keepdims)),
    # the root's slope at 0 is infinite; 0 is a subgradient
    x=lambda g, x, y, less, axis, keepdims: _var_x(quotient(g, 2 * y), x, less, axis, keepdims),
).with_notation("sqrt(sum((x - mean(x)) ** 2) / (n - less))", x="g * (x - mean(x)) / ((n - less) * y)")
