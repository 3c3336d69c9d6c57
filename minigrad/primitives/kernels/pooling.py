"""Pooling axis by axis, without branches, and without a loop over the places of large windows.

The maxima of windows in several dimensions are the maxima, along one dimension, of those along the next. The last
dimension comes first: of equal elements, the first in reading order wins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.elementwise import where as chosen
from minigrad.primitives.pooling import Windows, along, argmax_pool, max_pool, resized, sum_pool
from minigrad.primitives.primitive import kernel


def _sum_pool(x: Any, *, axis: int, windows: Sequence[Windows]) -> Any:
    for i, w in enumerate(windows, axis):
        x = _sum_along(x, i, w)
    return x


def _sum_along(x: Any, axis: int, windows: Windows) -> Any:
    out = np.zeros(resized(x, axis, len(windows.starts)), x.dtype)
    pieces = along(axis, windows)
    if len(windows.starts) < len(pieces):  # few large windows
        before: Any = (slice(None),) * axis
        for p, places in enumerate(windows.places()):
            part = x[(*before, slice(places.start, places.stop, places.step))]
            out[(*before, p)] = np.sum(part, axis=axis)
        return out
    for _, window, place in pieces:
        np.add(out[window], x[place], out=out[window])
    return out


kernel(sum_pool, forward=_sum_pool)


def _axes(x: Any, windows: Sequence[Windows]) -> list[tuple[int, Windows]]:
    return list(enumerate(windows, x.ndim - len(windows)))


def _places(axis: int, windows: Windows) -> list[Any]:
    """Return the index of all windows' first places, of their second, …; [] if some windows have more than others."""
    pieces, every = along(axis, windows), slice(0, len(windows.starts))
    return [places for _, _, places in pieces] if all([window[axis] == every for _, window, _ in pieces]) else []


def _max_along(x: Any, axis: int, windows: Windows) -> Any:
    if len(places := _places(axis, windows)) > 1:
        return reduce(np.maximum, [x[place] for place in places])
    least = -np.inf if x.dtype.kind == "f" else 0 if x.dtype.kind == "b" else np.iinfo(x.dtype).min
    out = np.full(resized(x, axis, len(windows.starts)), least, x.dtype)
    for _, window, place in along(axis, windows):
        np.maximum(out[window], x[place], out=out[window])
    return out


def _where_largest(x: Any, y: Any, axis: int, windows: Windows) -> Any:
    """How far after its start each window first has its maximum y; if that is nan, the last nan, as in PyTorch."""
    pieces = along(axis, windows)
    far = 1 + max([offset for offset, _, _ in pieces], default=0)
    # the nearest has the highest number: arithmetic, for writing under a random mask is many times slower
    near = np.zeros(y.shape, np.min_scalar_type(far))
    for offset, window, place in pieces:
        number = (x[place] == y[window]) * near.dtype.type(far - offset)
        np.maximum(near[window], number, out=near[window])
    out = near.dtype.type(far) - near
    if x.dtype.kind == "f" and np.isnan(y).any():
        for offset, window, place in pieces:
            out[window][np.isnan(x[place])] = offset
    return out


def _max_pool(x: Any, *, windows: Sequence[Windows]) -> Any:
    """Return the maxima; and for the vjp those along one dimension after the other, and a copy of the result.

    A compiled loop returns the maxima and, for its vjp, their places.
    """
    if compiled.usable(x) and (regular := _regular(windows)) is not None:
        out = np.empty((*x.shape[:-2], *[len(w.starts) for w in windows]), x.dtype)
        where = np.empty(out.shape, np.int32)
        planes = [a.reshape(-1, *a.shape[-2:]) for a in (x, out, where)]
        compiled.call(compiled.made("max_pool", *regular), *planes)
        return out, where
    stages = []
    for axis, w in reversed(_axes(x, windows)):
        x = _max_along(x, axis, w)
        stages.append(x)
    return x, [*stages[:-1], x.copy()]  # the user may write to the result


@lru_cache(maxsize=256)
def _regular(windows: tuple[Windows, ...]) -> tuple[int, ...] | None:
    """Return the height and width of windows with 9 places or fewer in two dimensions, and how far they lie apart; None
    for others, and where some are cut off."""
    sizes, strides = [], []
    for w in windows:
        size, stride = w.stops[0] - w.starts[0], (w.starts[1] if len(w.starts) > 1 else 1)
        every = range(0, len(w.starts) * stride, stride)
        if w.step > 1 or w.stops[-1] > w.size or w.starts != (*every,) or w.stops != (*[i + size for i in every],):
            return None
        sizes.append(size)
        strides.append(stride)
    return (*sizes, *strides) if len(windows) == 2 and math.prod(sizes) <= 9 else None


def _max_pool_vjp(g: Any, x: Any, stages: Any, windows: Sequence[Windows]) -> Any:
    if isinstance(stages, np.ndarray):
        out = np.zeros(x.shape, g.dtype)
        planes = math.prod(x.shape[:-2])
        compiled.run(
            "max_pool_vjp", *[np.ascontiguousarray(a).reshape(planes, -1) for a in (g, stages)], out.reshape(planes, -1)
        )
        return out
    before = [x, *stages]
    for (axis, w), x_along, y_along in zip(_axes(x, windows), before[-2::-1], stages[::-1]):
        if (out := _apart(g, x_along, y_along, axis, w)) is not None:
            g = out
            continue
        where = _where_largest(x_along, y_along, axis, w)
        out = np.zeros(x_along.shape, g.dtype)
        for offset, window, place in along(axis, w):
            np.add(out[place], chosen(where[window] == offset, g[window], 0), out=out[place])
        g = out
    return g


def _apart(g: Any, x: Any, y: Any, axis: int, windows: Windows) -> Any:
    """Return g at the first maximum of each window, written once for each place; None where that is not enough: for
    windows that overlap or are cut off, and where there is nan."""
    places = _places(axis, windows)
    overlap = any([start < stop for stop, start in zip(windows.stops, windows.starts[1:])])
    if not places or overlap or g.itemsize > 8 or (x.dtype.kind == "f" and np.isnan(y).any()):
        return None
    out = (np.zeros if windows.size > len(places) * len(windows.starts) else np.empty)(x.shape, g.dtype)
    bits = f"i{g.itemsize}"  # times 0 or 1; an infinite g times 0 would be nan
    free = np.ones(y.shape, bool)
    for place in places[:-1]:
        here = x[place] == y
        here &= free
        free ^= here
        np.multiply(g.view(bits), here, out=out.view(bits)[place])
    np.multiply(g.view(bits), free, out=out.view(bits)[places[-1]])
    return out


kernel(max_pool, forward=_max_pool, x=_max_pool_vjp, keeps=("stages",))


def _argmax_pool(x: Any, *, windows: Sequence[Windows]) -> Any:
    index: Any = None
    for axis, w in reversed(_axes(x, windows)):
        y = _max_along(x, axis, w)
        starts = np.reshape(np.array(w.starts, np.int64), (-1, *[1] * (x.ndim - axis - 1)))
        place = starts + _where_largest(x, y, axis, w)
        stride = math.prod([w.size for i, w in _axes(x, windows) if i > axis])
        index = place * stride + (0 if index is None else np.take_along_axis(index, place, axis))
        x = y
    return index


kernel(argmax_pool, forward=_argmax_pool)
