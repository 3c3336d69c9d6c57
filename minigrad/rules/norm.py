"""Standardising: to mean 0 and variance 1 along some axes, the heart of all normalisation layers.

With y = (x - mean) * scale, where mean and scale = 1 / sqrt(var + eps) depend on x themselves, the gradient is
dx = scale * (g - mean(g) - y * mean(g * y)), with means along the same axes. Source: Ioffe and Szegedy, "Batch
normalization", 2015, section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.rules.rule import Rule

Axes = tuple[int, ...]


def moments(x: Any, axis: Axes) -> tuple[Any, Any]:
    """Mean and variance (divided by n) along the axes, which are kept with size 1.

    The deviations are squared, not the numbers themselves: a large mean costs no digits.
    """
    mean = _mean(x, axis)
    return mean, _mean(np.square(x - mean), axis)


def _mean(x: Any, axis: Axes) -> Any:
    return np.mean(x, axis=axis, keepdims=True)


def _standardize_x(g: Any, x: Any, y: Any, scale: Any, axis: Axes, eps: float) -> Any:
    if hasattr(g, "apply"):  # while this is recorded, the scale is to be a function of x
        scale = (moments(x, axis)[1] + eps) ** -0.5
        return scale * (g - _mean(g, axis) - y * _mean(g * y, axis))
    d = g * y  # the same, in the memory of one array: fresh memory would take as long as the arithmetic
    np.multiply(y, _mean(d, axis), out=d)
    d += _mean(g, axis)
    np.subtract(g, d, out=d)
    d *= scale
    return d


def _standardize(x: Any, *, mean: Any, scale: Any, axis: Axes, eps: float) -> Any:
    y = x - mean
    y *= scale
    return y


# mean and scale are x's own; the caller computes them, since running statistics need them too
standardize = Rule("standardize", _standardize, x=_standardize_x)


def _rms_scale(x: Any, axis: Axes, eps: float) -> Any:
    return (_mean(x * x, axis) + eps) ** -0.5


def _rms_x(g: Any, x: Any, axis: Axes, eps: float) -> Any:
    scale = _rms_scale(x, axis, eps)
    y = x * scale
    return scale * (g - y * _mean(g * y, axis))


# the same without the mean: x over its root mean square. Source: Zhang and Sennrich, 2019
rms_normalize = Rule("rms_normalize", lambda x, *, axis, eps: x * _rms_scale(x, axis, eps), x=_rms_x)
