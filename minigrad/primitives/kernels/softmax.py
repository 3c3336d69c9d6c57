"""Softmax in the memory of its result, some rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.rows import in_blocks
from minigrad.primitives.primitive import kernel
from minigrad.primitives.softmax import largest, log_softmax, softmax


def _softmax(x: Any, *, axis: int) -> Any:
    out = np.empty(x.shape, x.dtype)
    if compiled.usable(x) and axis % x.ndim == x.ndim - 1:
        rows, results = x.reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
        compiled.run("softmax", rows, rows.max(1, keepdims=True), results)
        return out
    axis, parts = _parts(axis, x, out)
    for x_part, e in parts:
        np.subtract(x_part, largest(x_part, axis), out=e)
        np.exp(e, out=e)
        e /= np.sum(e, axis=axis, keepdims=True)
    return out


def _softmax_x(g: Any, y: Any, axis: int) -> Any:
    out = np.empty(y.shape, y.dtype)
    if compiled.usable(y, g) and axis % y.ndim == y.ndim - 1:
        compiled.run("softmax_vjp", *[a.reshape(-1, y.shape[-1]) for a in (g, y, out)])
        return out
    axis, parts = _parts(axis, g, y, out)
    for g_part, y_part, d in parts:
        np.multiply(g_part, y_part, out=d)
        np.subtract(g_part, np.sum(d, axis=axis, keepdims=True), out=d)
        d *= y_part
    return out


def _parts(axis: int, *arrays: Any) -> tuple[int, Any]:
    """Return the axis and the whole arrays; for the last axis, some rows of each at a time."""
    ndim = arrays[-1].ndim
    if not arrays[-1].size or axis % max(ndim, 1) != ndim - 1:
        return axis, [arrays]
    rows = [a.reshape(-1, a.shape[-1]) for a in arrays]
    return 1, [[r[part] for r in rows] for part in in_blocks(rows[-1])]


def _log_softmax(x: Any, *, axis: int) -> Any:
    y = np.asarray(x - largest(x, axis))
    with np.errstate(divide="ignore"):  # log(0) of no elements at all
        y -= np.log(np.sum(np.exp(y), axis=axis, keepdims=True))
    return y


kernel(softmax, forward=_softmax, x=_softmax_x)
kernel(log_softmax, forward=_log_softmax)
