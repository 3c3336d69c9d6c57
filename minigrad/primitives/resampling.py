"""Resampling along one axis: each new element is a weighted sum of a few old ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.primitive import Primitive


class Taps(NamedTuple):
    """Element p of the result is the sum of weights[k][p] * x[places[k][p]] over k."""

    size: int  # of the input
    places: Any  # (taps, new size), integers
    weights: Any  # the same shape, of the input's dtype; None where all are 1


def _column(weights: Any, x: Any, axis: int) -> Any:
    """Return the numbers for the elements along an axis in a shape that broadcasts against x."""
    return np.reshape(weights, (-1, *[1] * (x.ndim - axis - 1)))


def _resampled(x: Any, *, axis: int, taps: Taps) -> Any:
    if taps.weights is None:
        return np.take(x, taps.places[0], axis)
    out: Any = 0
    for place, weight in zip(taps.places, taps.weights):
        out = out + np.take(x, place, axis) * _column(weight, x, axis)
    return out


def _returned(z: Any, *, axis: int, taps: Taps) -> Any:
    """Add each new element to the old ones it came from: a product with the transposed matrix."""
    matrix = np.zeros((taps.size, z.shape[axis]), z.dtype)
    for k, places in enumerate(taps.places):
        matrix[places, np.arange(z.shape[axis])] += 1 if taps.weights is None else taps.weights[k]
    if axis == z.ndim - 1:
        return np.matmul(z, matrix.T)
    rows = np.reshape(z, (*z.shape[: axis + 1], math.prod(z.shape[axis + 1 :])))
    return np.matmul(matrix, rows).reshape(*z.shape[:axis], taps.size, *z.shape[axis + 1 :])


resample: Primitive = Primitive("resample", _resampled, x=lambda g, axis, taps: resample_back(g, axis=axis, taps=taps))
resample_back: Primitive = Primitive(
    "resample_back", _returned, z=lambda g, axis, taps: resample(g, axis=axis, taps=taps)
)
