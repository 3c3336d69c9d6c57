"""Standardising: to mean 0 and variance 1 along some axes, the heart of all normalisation layers.

With y = (x - mean) * scale, where mean and scale = 1 / sqrt(var + eps) depend on x themselves, the gradient is
dx = scale * (g - mean(g) - y * mean(g * y)), with means along the same axes. Source: Ioffe and Szegedy, "Batch
normalization", 2015, section 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive, plain

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
standardize = Primitive("standardize", _standardize, x=_standardize_x).written(
    "(x - mean) * scale", x="scale * (g - mean(g) - y * mean(g * y))"
)


def _plainly_standardized(x: Any, *, mean: Any, scale: Any, axis: Axes, eps: float) -> Any:
    mean, var = moments(x, axis)
    deviation = x - mean
    scale = (var + eps) ** -0.5
    return deviation * scale


plain[_standardize] = _plainly_standardized


def _layer_norm(*xs: Any, eps: float) -> Any:
    """x, weight, bias: standardised over the last dimensions, those of the weight; all in the memory of the result."""
    x, w, b = xs
    y, _ = _deviations(x.reshape(-1, w.size))
    y *= _row_scale(y, eps)
    y *= w.ravel()
    y += b.ravel()
    return y.reshape(x.shape)


def _deviations(rows: Any) -> tuple[Any, Any]:
    """Each row less its mean, in new memory, and a column that takes means of rows, as a product."""
    average = np.full((rows.shape[1], 1), 1 / max(rows.shape[1], 1), rows.dtype)
    return rows - rows @ average, average


def _row_scale(deviations: Any, eps: float) -> Any:
    return (np.vecdot(deviations, deviations)[:, None] / deviations.shape[1] + eps) ** -0.5


def _layer_norm_xs(g: Any, xs: Any, eps: float) -> Any:
    x, w, _ = xs
    if hasattr(g, "apply"):  # being recorded: the formula at the top
        axis, rest = tuple(range(-w.ndim, 0)), tuple(range(x.ndim - w.ndim))
        mean, var = moments(x, axis)
        scale = (var + eps) ** -0.5
        y, gw = (x - mean) * scale, g * w
        shares = [g * y, g]
        if rest:
            shares = [np.sum(share, axis=rest) for share in shares]
        return [scale * (gw - _mean(gw, axis) - y * _mean(gw * y, axis)), *shares]
    y, average = _deviations(x.reshape(-1, w.size))
    scale = _row_scale(y, eps)
    y *= scale
    dx = np.multiply(g, w, out=np.empty(x.shape, x.dtype))
    g, d = g.reshape(y.shape), dx.reshape(y.shape)
    dw, db = np.einsum("ij,ij->j", g, y), np.ones(len(g), g.dtype) @ g
    y *= np.vecdot(d, y)[:, None] / y.shape[1]
    y += d @ average
    d -= y
    d *= scale
    return [dx, dw.reshape(w.shape), db.reshape(w.shape)]


def _plain_layer_norm(*xs: Any, eps: float) -> Any:
    x, w, b = xs
    mean, var = moments(x, tuple(range(-w.ndim, 0)))
    deviation = x - mean
    scale = (var + eps) ** -0.5
    xhat = deviation * scale
    return xhat * w + b


layer_norm = Primitive("layer_norm", _layer_norm, xs=_layer_norm_xs).written(
    "n * weight + bias, where n = (x - mean(x)) / sqrt(var(x) + eps)",
    xs=(
        "scale * (g * weight - mean(g * weight) - n * mean(g * weight * n)), where scale = 1 / sqrt(var(x) + eps)",
        "the sum of g * n over all but the last dimensions",
        "the sum of g over all but the last dimensions",
    ),
)
plain[_layer_norm] = _plain_layer_norm


def _rms_scale(x: Any, axis: Axes, eps: float) -> Any:
    return (_mean(x * x, axis) + eps) ** -0.5


def _rms_x(g: Any, x: Any, axis: Axes, eps: float) -> Any:
    scale = _rms_scale(x, axis, eps)
    y = x * scale
    return scale * (g - y * _mean(g * y, axis))


# the same without the mean: x over its root mean square. Source: Zhang and Sennrich, 2019
rms_normalize = Primitive("rms_normalize", lambda x, *, axis, eps: x * _rms_scale(x, axis, eps), x=_rms_x).written(
    "x / sqrt(mean(x * x) + eps)", x="scale * (g - y * mean(g * y)), where scale = 1 / sqrt(mean(x * x) + eps)"
)
