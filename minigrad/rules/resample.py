"""Resampling along one axis: each new element is a weighted sum of a few old ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from minigrad.rules.rule import Rule


class Taps(NamedTuple):
    """Element p of the result is the sum of weights[k][p] * x[places[k][p]] over k; places[k] never decreases."""

    size: int  # of the input
    places: Any  # (taps, new size), integers
    weights: Any  # the same shape, of the input's dtype; None where all are 1


def _column(weights: Any, x: Any, axis: int) -> Any:
    """Numbers for the elements along an axis, so that they broadcast against x."""
    return np.reshape(weights, (-1, *[1] * (x.ndim - axis - 1)))


def _resampled(x: Any, *, axis: int, taps: Taps) -> Any:
    if taps.weights is None:
        return np.take(x, taps.places[0], axis)
    out: Any = 0
    for place, weight in zip(taps.places, taps.weights):
        out = out + np.take(x, place, axis) * _column(weight, x, axis)
    return out


def _returned(z: Any, *, axis: int, taps: Taps) -> Any:
    """To each old element what the new ones that it went into have; equal places are neighbours, and summed first."""
    out = np.zeros((*z.shape[:axis], taps.size, *z.shape[axis + 1 :]), z.dtype)
    before: Any = (slice(None),) * axis
    for k, place in enumerate(taps.places):
        g = z if taps.weights is None else z * _column(taps.weights[k], z, axis)
        there, first = np.unique(place, return_index=True)
        out[(*before, there)] += np.add.reduceat(g, first, axis)
    return out


resample: Rule = Rule("resample", _resampled, x=lambda g, axis, taps: resample_back(g, axis=axis, taps=taps))
resample_back: Rule = Rule("resample_back", _returned, z=lambda g, axis, taps: resample(g, axis=axis, taps=taps))
