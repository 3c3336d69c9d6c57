"""Standardizing: to mean 0 and variance 1 along some axes, the heart of all normalization layers.

With y = (x - mean) * scale, where mean and scale = 1 / sqrt(var + eps) depend on x themselves, the gradient is
dx = scale * (g - mean(g) - y * mean(g * y)), with means along the same axes. Source: Ioffe and Szegedy, "Batch
normalization", 2015, section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive

Axes = tuple[int, ...]


def _mean(x: Any, axis: Axes) -> Any:
    return np.mean(x, axis=axis, keepdims=True)


def moments(x: Any, axis: Axes) -> tuple[Any, Any]:
    """Return the mean and the variance (divided by n) along the axes, which are kept with size 1.

    The deviations are squared, not the numbers themselves: a large mean costs no digits.
    """
    mean = _mean(x, axis)
    return mean, _mean(np.square(x - mean), axis)


def standardized(x: Any, axis: Axes, eps: float) -> Any:
    """Return (x - mean) / sqrt(var + eps)."""
    mean, var = moments(x, axis)
    deviation = x - mean
    scale = (var + eps) ** -0.5
    return deviation * scale


def standardize_vjp(g: Any, x: Any, y: Any, axis: Axes, eps: float) -> Any:
    """Return the contribution to x, where y is `standardized` x."""
    scale = (moments(x, axis)[1] + eps) ** -0.5
    return scale * (g - _mean(g, axis) - y * _mean(g * y, axis))


# `given` are mean and scale, for the kernel: whoever keeps running statistics has computed them already
standardize = Primitive(
    "standardize", lambda x, *, axis, eps, given: standardized(x, axis, eps), x=standardize_vjp
).with_notation("(x - mean) * scale", x="scale * (g - mean(g) - y * mean(g * y))")


# ---- layer norm: over the last dimensions, those of the weight -------------------------------------------------------
# Source: Ba, Kiros and Hinton, "Layer normalization", 2016.


def _layer_axes(weight: Any) -> Axes:
    return tuple(range(-weight.ndim, 0))


def _layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    xhat = standardized(x, _layer_axes(weight), eps)
    return xhat * weight + bias


def _layer_norm_x(g: Any, x: Any, weight: Any, eps: float) -> Any:
    axis = _layer_axes(weight)
    xhat = standardized(x, axis, eps)
    return standardize_vjp(g * weight, x, xhat, axis, eps)


layer_norm = Primitive(
    "layer_norm",
    _layer_norm,
    x=_layer_norm_x,
    weight=lambda g, x, weight, eps: g * standardized(x, _layer_axes(weight), eps),
    bias=lambda g: g,
).with_notation(
    "n * weight + bias, where n = (x - mean(x)) / sqrt(var(x) + eps)",
    x="scale * (g * weight - mean(g * weight) - n * mean(g * weight * n)), where scale = 1 / sqrt(var(x) + eps)",
    weight="g * n",
)


# ---- the same without the mean: x over its root mean square. Source: Zhang and Sennrich, 2019 ------------------------


def _rms_scale(x: Any, axis: Axes, eps: float) -> Any:
    return (_mean(x * x, axis) + eps) ** -0.5


def _rms_x(g: Any, x: Any, axis: Axes, eps: float) -> Any:
    scale = _rms_scale(x, axis, eps)
    y = x * scale
    return scale * (g - y * _mean(g * y, axis))


rms_normalize = Primitive(
    "rms_normalize", lambda x, *, axis, eps: x * _rms_scale(x, axis, eps), x=_rms_x
).with_notation(
    "x / sqrt(mean(x * x) + eps)", x="scale * (g - y * mean(g * y)), where scale = 1 / sqrt(mean(x * x) + eps)"
)
