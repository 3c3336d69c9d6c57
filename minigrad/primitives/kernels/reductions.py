"""Sums and means of all elements without NumPy's wrappers, which take longer than the arithmetic of a small array."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.primitives import reductions
from minigrad.primitives.primitive import kernel

_reduce: Any = np.add.reduce
_EXACT = 1 << 24
"""Below this number of elements, the number itself is exact in float32, and so is what the mean divides by."""


def _sum(x: Any, *, axis: Any, keepdims: bool) -> Any:
    return _reduce(x, axis=axis, keepdims=keepdims)


def _mean(x: Any, *, axis: Any, keepdims: bool) -> Any:
    if axis is not None or not 0 < x.size < _EXACT:
        return np.mean(x, axis=axis, keepdims=keepdims)
    return _reduce(x, axis=None, keepdims=keepdims) / x.size


def _spread(g: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """Where all elements went into one result, an array of `shape` whose strides are 0."""
    if axis is not None:
        return reductions.spread(g, shape, axis, keepdims)
    g = np.asarray(g)
    spread: Any = np.ndarray(shape, g.dtype, g, 0, (0,) * len(shape))
    spread.flags.writeable = False
    return spread


def _mean_x(g: Any, x_shape: tuple[int, ...], y_shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    return _spread(g * (math.prod(y_shape) / (math.prod(x_shape) or 1)), x_shape, axis, keepdims)


kernel(reductions.sum, forward=_sum, x=lambda g, x_shape, axis, keepdims: _spread(g, x_shape, axis, keepdims))
kernel(reductions.mean, forward=_mean, x=_mean_x)
