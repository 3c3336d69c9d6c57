"""The NumPy functions with a meaning in the intermediate representation: reductions, and moves of elements.

All others are written as calls. `KNOWN` maps each function or method to its effect on traced arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.program.stand_ins import is_array, real


def _reduction(function: Any) -> Callable[..., Any]:
    name = {"amax": "max", "amin": "min"}.get(function.__name__, function.__name__)

    def reduce(trace: Any, x: Any, axis: Any = None, **keywords: Any) -> Any:
        with np.errstate(all="ignore"):
            value = function(real(x), axis=axis, **keywords)
        given = {k: v for k, v in keywords.items() if k != "keepdims" or v}
        if axis is not None:
            given["axis"] = axis
        return trace.new(value, trace.make(name, x.term, shape=np.shape(value), dtype=value.dtype, keywords=given))

    return reduce


def _reshape(trace: Any, x: Any, shape: Any) -> Any:
    value = np.reshape(x.value, shape)
    return trace.shown(x, value, "reshape", value.shape)


def _transpose(trace: Any, x: Any, axes: Any = None) -> Any:
    axes = tuple(reversed(range(x.ndim))) if axes is None else tuple(a % x.ndim for a in axes)
    return trace.shown(x, np.transpose(x.value, axes), "transpose", axes)


def _as_transpose(function: Any) -> Callable[..., Any]:
    def move(trace: Any, x: Any, *args: Any) -> Any:
        axes = function(
            np.empty([2 + i for i in range(x.ndim)]), *args
        ).shape  # distinct sizes, which show where each axis goes
        return _transpose(trace, x, [n - 2 for n in axes])

    return move


def _view(trace: Any, x: Any, dtype: Any) -> Any:
    dtype = np.dtype(dtype)
    made = trace.make("view", x.term, dtype.str[1:], shape=x.shape, dtype=dtype)
    return trace.new(x.value.view(dtype), made)


def _as_reshape(function: Any) -> Callable[..., Any]:
    def move(trace: Any, x: Any, axis: Any = None) -> Any:
        value = function(x.value, axis) if axis is not None else function(x.value)
        return trace.shown(x, value, "reshape", value.shape)

    return move


def _squeeze(trace: Any, x: Any, axis: Any = None) -> Any:
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else axis
    axes = {a % x.ndim for a in (axes if isinstance(axes, list | tuple) else [axes])} if x.ndim else set()
    return trace.item(x, tuple(0 if i in axes else slice(None) for i in range(x.ndim)) or ...)


def _flip(trace: Any, x: Any, axis: Any = None) -> Any:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    turned = {a % x.ndim for a in axes}
    return trace.item(x, tuple(slice(None, None, -1 if i in turned else None) for i in range(x.ndim)) or ...)


def _broadcast_to(trace: Any, x: Any, shape: Any) -> Any:
    value = np.broadcast_to(x.value, shape)
    return trace.shown(x, value, "broadcast", value.shape)


def _copy(trace: Any, x: Any, dtype: Any = None, copy: Any = True) -> Any:
    if not is_array(x):  # a list
        x = trace.call(np.stack, (x,), {})
    return trace.new(x.value.copy(), x.term) if dtype is None else trace.converted(x, dtype)


def _as_array(trace: Any, x: Any, dtype: Any = None) -> Any:
    return x if is_array(x) and dtype in (None, x.dtype) else _copy(trace, x, dtype)


def _like(value: float | None) -> Callable[..., Any]:
    def fill(trace: Any, x: Any, dtype: Any = None, shape: Any = None) -> Any:
        return _fill(trace, x.shape if shape is None else shape, value, dtype or x.dtype)

    return fill


def _fill(trace: Any, shape: Any, value: Any, dtype: Any) -> Any:
    array = np.full(shape, 0 if value is None else value, dtype)
    return trace.new(array, trace.arrays.fill(value, array.shape, array.dtype))


def _full(trace: Any, shape: Any, value: Any, dtype: Any = None) -> Any:
    return _fill(trace, shape, value, np.asarray(value).dtype if dtype is None else dtype)


def _filled(value: float | None) -> Callable[..., Any]:
    return lambda trace, shape, dtype=float: _fill(trace, shape, value, dtype)


def _broadcast_arrays(trace: Any, *xs: Any) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, xs))
    return tuple([np.broadcast_to(x, shape) for x in xs])


def _take(trace: Any, x: Any, indices: Any, axis: int) -> Any:
    return trace.item(x, (*[slice(None)] * axis, indices))


KNOWN: dict[Any, Callable[..., Any]] = {
    **{f: _reduction(f) for f in (np.sum, np.max, np.min, np.mean, np.prod, np.any, np.all, np.argmax, np.argmin)},
    **{f: _as_transpose(f) for f in (np.swapaxes, np.moveaxis, np.matrix_transpose)},
    **{f: _as_reshape(f) for f in (np.expand_dims, np.ravel)},
    **{np.reshape: _reshape, np.transpose: _transpose, np.squeeze: _squeeze, np.flip: _flip},
    **{np.broadcast_to: _broadcast_to, np.copy: _copy, np.take: _take},
    **{np.broadcast_arrays: _broadcast_arrays, np.array: _copy, np.asarray: _as_array, np.ascontiguousarray: _as_array},
    **{np.zeros_like: _like(0), np.ones_like: _like(1), np.empty_like: _like(None)},
    **{np.zeros: _filled(0), np.ones: _filled(1), np.empty: _filled(None), np.full: _full},
    np.ndarray.astype: lambda trace, x, dtype, copy=True: trace.converted(x, dtype),
    np.ndarray.fill: lambda trace, x, value: trace.store(x, ..., value),
    np.ndarray.reshape: lambda trace, x, *shape: _reshape(trace, x, shape[0] if len(shape) == 1 else shape),
    np.ndarray.transpose: lambda trace, x, *axes: _transpose(trace, x, axes[0] if len(axes) == 1 else axes or None),
    np.ndarray.view: _view,
}
