"""Pooling without branches, and without a loop over the places of large windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.kernels.elementwise import where as chosen
from minigrad.primitives.pooling import Windows, along, max_pool, resized, sum_pool, unpick, where_largest
from minigrad.primitives.primitive import kernel


def _sum_pool(x: Any, *, axis: int, windows: Windows) -> Any:
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


def _where_largest(x: Any, y: Any, *, axis: int, windows: Windows) -> Any:
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


kernel(where_largest, forward=_where_largest)


def _unpick(z: Any, where: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(resized(z, axis, windows.size), z.dtype)
    for offset, window, place in along(axis, windows):
        np.add(out[place], chosen(where[window] == offset, z[window], 0), out=out[place])
    return out


kernel(unpick, forward=_unpick)


def _max_pool(x: Any, *, axis: int, windows: Windows) -> Any:
    y = max_pool.forward(x, axis=axis, windows=windows)
    return y, y.copy()  # for the vjp: the user may write to the result


def _max_pool_x(g: Any, x: Any, largest: Any, axis: int, windows: Windows) -> Any:
    where = _where_largest(x, largest, axis=axis, windows=windows)
    return _unpick(g, where, axis=axis, windows=windows)


kernel(max_pool, forward=_max_pool, x=_max_pool_x, keeps=("largest",))
