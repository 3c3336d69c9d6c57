"""Softmax in the memory of its result, some rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.rows import exponentials, in_blocks
from minigrad.primitives.primitive import kernel
from minigrad.primitives.softmax import largest, log_softmax, softmax


def _softmax(x: Any, *, axis: int) -> Any:
    out = np.empty(x.shape, x.dtype)
    if not _last(axis, x):
        np.exp(np.subtract(x, largest(x, axis), out=out), out=out)
        out /= np.sum(out, axis=axis, keepdims=True)
        return out
    rows, results, top = x.reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1]), None
    if compiled.usable(x):
        compiled.run("softmax", rows, results)
        return out
    for part in in_blocks(rows):
        top, total = exponentials(rows[part], results[part], shifted=top is not None)
        results[part] /= total
    return out


def _softmax_x(g: Any, y: Any, axis: int) -> Any:
    out = np.empty(y.shape, y.dtype)
    if not _last(axis, y):
        np.subtract(g, np.sum(np.multiply(g, y, out=out), axis=axis, keepdims=True), out=out)
        out *= y
        return out
    g, rows, results = (a.reshape(-1, y.shape[-1]) for a in (g, y, out))
    if compiled.usable(rows, g):
        compiled.run("softmax_vjp", g, rows, results)
        return out
    for part in in_blocks(rows):
        d = np.subtract(g[part], np.vecdot(g[part], rows[part])[:, None], out=results[part])
        d *= rows[part]
    return out


def _last(axis: int, x: Any) -> bool:
    """Whether this is the last axis of an array with elements: then it is a matrix of rows."""
    return x.size > 0 and x.ndim > 0 and axis % x.ndim == x.ndim - 1


def _log_softmax(x: Any, *, axis: int) -> Any:
    if not _last(axis, x):
        y = np.asarray(x - largest(x, axis))
        with np.errstate(divide="ignore"):  # log(0) of no elements at all
            y -= np.log(np.sum(np.exp(y), axis=axis, keepdims=True))
        return y
    out = np.empty(x.shape, x.dtype)
    rows, results = x.reshape(-1, x.shape[-1]), out.reshape(-1, x.shape[-1])
    for part in in_blocks(rows):
        top = np.maximum.reduce(rows[part], axis=1, keepdims=True)
        y = np.subtract(rows[part], top, out=results[part])
        y -= np.log(np.exp(y) @ np.ones((y.shape[1], 1), y.dtype))
    return out


def _log_softmax_x(g: Any, y: Any, axis: int) -> Any:
    if not _last(axis, y):
        return g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)
    out = np.empty(y.shape, y.dtype)
    g, rows, results = (a.reshape(-1, y.shape[-1]) for a in (g, y, out))
    for part in in_blocks(rows):
        d = np.exp(rows[part], out=results[part])
        d *= g[part] @ np.ones((d.shape[1], 1), d.dtype)
        np.subtract(g[part], d, out=d)
    return out


kernel(softmax, forward=_softmax, x=_softmax_x)
kernel(log_softmax, forward=_log_softmax, x=_log_softmax_x)
