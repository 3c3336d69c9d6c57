"""Normalization in the memory of its result: fresh memory would take as long as the arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.rows import in_blocks
from minigrad.primitives.normalization import Axes, layer_norm, standardize
from minigrad.primitives.primitive import kernel


def _standardize(x: Any, *, axis: Axes, eps: float, given: tuple[Any, Any]) -> Any:
    mean, scale = given
    y = x - mean
    y *= scale
    return y


def _standardize_x(g: Any, y: Any, axis: Axes, given: tuple[Any, Any]) -> Any:
    d = g * y
    np.multiply(y, np.mean(d, axis=axis, keepdims=True), out=d)
    d += np.mean(g, axis=axis, keepdims=True)
    np.subtract(g, d, out=d)
    d *= given[1]
    return d


kernel(standardize, forward=_standardize, x=_standardize_x)


def _layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    """Return the result; and for the vjp the mean and the scale, a column each."""
    rows, weight, bias = x.reshape(-1, weight.size), weight.ravel(), bias.ravel()
    if compiled.usable(x, weight, bias):
        out, mean, scale = np.empty_like(rows), np.empty_like(rows[:, :1]), np.empty_like(rows[:, :1])
        compiled.run("layer_norm", rows, weight, bias, eps, out, mean, scale)
        return out.reshape(x.shape), mean, scale
    mean, scale = (np.empty((len(rows), 1), x.dtype) for _ in range(2))
    out, average = np.empty(rows.shape, x.dtype), _average(rows)
    for part in in_blocks(rows):
        np.matmul(rows[part], average, out=mean[part])
        y = np.subtract(rows[part], mean[part], out=out[part])
        scale[part] = (np.vecdot(y, y)[:, None] / y.shape[1] + eps) ** -0.5
        y *= scale[part]
        y *= weight
        y += bias
    return out.reshape(x.shape), mean, scale


def _average(rows: Any) -> Any:
    """Return a column that takes means of rows, as a product."""
    return np.full((rows.shape[1], 1), 1 / max(rows.shape[1], 1), rows.dtype)


def _layer_norm_vjp(g: Any, x: Any, weight: Any, mean: Any, scale: Any) -> Any:
    rows = x.reshape(-1, weight.size)
    g, w = g.reshape(rows.shape), weight.ravel()
    dx, dweight = np.empty(rows.shape, x.dtype), np.zeros(w.shape, g.dtype)
    if compiled.usable(x, g, w, mean, scale):
        dbias = np.zeros_like(dweight)
        compiled.run("layer_norm_vjp", g, rows, w, mean, scale, dx, dweight, dbias)
        return [dx.reshape(x.shape), dweight.reshape(weight.shape), dbias.reshape(weight.shape)]
    dbias, ones = np.zeros_like(dweight), np.ones(len(rows), g.dtype)
    w_over_n, work = w / max(w.size, 1), np.empty(rows[in_blocks(rows)[0]].shape if len(rows) else 0, x.dtype)
    for part in in_blocks(rows):
        # (d - mean(d) - y * mean(d * y)) * scale, with d = g * w and y = (x - mean) * scale; a column costs two passes
        d, s = dx[part], scale[part]
        deviation = np.subtract(rows[part], mean[part], out=work[: len(d)])
        products = np.multiply(g[part], deviation, out=d)
        dweight += s[:, 0] @ products
        dbias += ones[part] @ g[part]
        deviation *= (products @ w_over_n)[:, None] * s * s
        deviation += (g[part] @ w_over_n)[:, None]
        np.multiply(g[part], w, out=d)
        d -= deviation
        d *= s
    return [dx.reshape(x.shape), dweight.reshape(weight.shape), dbias.reshape(weight.shape)]


kernel(layer_norm, forward=_layer_norm, together=_layer_norm_vjp, keeps=("mean", "scale"))
