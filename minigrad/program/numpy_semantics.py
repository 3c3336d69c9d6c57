"""The NumPy functions with a meaning in the intermediate representation: reductions, and moves of elements.

All others are written as calls. `KNOWN` maps each function to its effect on traced arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.program.traced_array import Recorder, Traced, value_of


def _reduction(function: Any) -> Callable[..., Any]:
    name = {"amax": "max", "amin": "min"}.get(function.__name__, function.__name__)

    def reduce(trace: Recorder, x: Any, axis: Any = None, **keywords: Any) -> Any:
        with np.errstate(all="ignore"):
            value = function(value_of(x), axis=axis, **keywords)
        given = {k: v for k, v in keywords.items() if k != "keepdims" or v}
        if axis is not None:
            given["axis"] = axis
        return trace.new(value, trace.make(name, x.term, shape=np.shape(value), dtype=value.dtype, keywords=given))

    return reduce


def _reshape(trace: Recorder, x: Any, shape: Any) -> Any:
    value = np.reshape(x.value, shape)
    return trace.shown(x, value, "reshape", value.shape)


def _transpose(trace: Recorder, x: Any, axes: Any = None) -> Any:
    axes = tuple(reversed(range(x.ndim))) if axes is None else tuple(a % x.ndim for a in axes)
    return trace.shown(x, np.transpose(x.value, axes), "transpose", axes)


def _as_transpose(function: Any) -> Callable[..., Any]:
    def move(trace: Recorder, x: Any, *args: Any) -> Any:
        axes = function(
            np.empty([2 + i for i in range(x.ndim)]), *args
        ).shape  # distinct sizes, which show where each axis goes
        return _transpose(trace, x, [n - 2 for n in axes])

    return move


def _as_reshape(function: Any) -> Callable[..., Any]:
    def move(trace: Recorder, x: Any, axis: Any = None) -> Any:
        value = function(x.value, axis) if axis is not None else function(x.value)
        return trace.shown(x, value, "reshape", value.shape)

    return move


def _squeeze(trace: Recorder, x: Any, axis: Any = None) -> Any:
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else axis
    axes = {a % x.ndim for a in (axes if isinstance(axes, list | tuple) else [axes])} if x.ndim else set()
    return trace.read(x, tuple(0 if i in axes else slice(None) for i in range(x.ndim)) or ...)


def _flip(trace: Recorder, x: Any, axis: Any = None) -> Any:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    turned = {a % x.ndim for a in axes}
    return trace.read(x, tuple(slice(None, None, -1 if i in turned else None) for i in range(x.ndim)) or ...)


def _broadcast_to(trace: Recorder, x: Any, shape: Any) -> Any:
    value = np.broadcast_to(x.value, shape)
    return trace.shown(x, value, "broadcast", value.shape)


def copied(trace: Recorder, x: Any, dtype: Any = None, copy: Any = True) -> Any:
    """The effect of np.array(x) and x.copy()."""
    return trace.new(x.value.copy(), x.term) if dtype is None else trace.converted(x, dtype)


def as_array(trace: Recorder, x: Any, dtype: Any = None) -> Any:
    """The effect of np.asarray(x)."""
    return x if dtype is None or x.dtype == dtype else trace.converted(x, dtype)


def _like(value: float | None) -> Callable[..., Any]:
    def fill(trace: Recorder, x: Any, dtype: Any = None, shape: Any = None) -> Any:
        return filled(trace, x.shape if shape is None else shape, value, dtype or x.dtype)

    return fill


def filled(trace: Recorder, shape: Any, value: Any, dtype: Any) -> Traced:
    """Return an array created by a primitive."""
    array = np.full(shape, 0 if value is None else value, dtype)
    return trace.new(array, trace.arrays.fill(value, array.shape, array.dtype))


def _broadcast_arrays(trace: Recorder, *xs: Any) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, xs))
    return tuple([np.broadcast_to(x, shape) for x in xs])


def _take(trace: Recorder, x: Any, indices: Any, axis: int) -> Any:
    return trace.read(x, (*[slice(None)] * axis, indices))


KNOWN: dict[Any, Callable[..., Any]] = {
    **{f: _reduction(f) for f in (np.sum, np.max, np.min, np.mean, np.prod, np.any, np.all, np.argmax, np.argmin)},
    **{f: _as_transpose(f) for f in (np.swapaxes, np.moveaxis, np.matrix_transpose)},
    **{f: _as_reshape(f) for f in (np.expand_dims, np.ravel)},
    **{np.reshape: _reshape, np.transpose: _transpose, np.squeeze: _squeeze, np.flip: _flip},
    **{np.broadcast_to: _broadcast_to, np.copy: copied, np.take: _take},
    np.broadcast_arrays: _broadcast_arrays,
    **{np.zeros_like: _like(0), np.ones_like: _like(1), np.empty_like: _like(None)},
}
