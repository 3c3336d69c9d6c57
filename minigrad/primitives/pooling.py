"""Windows along one axis: their sums and maxima. Pooling in more dimensions goes axis by axis.

A window is a range of places of the input. Nothing is padded: a window that begins before the input or ends after it
has fewer places.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.primitive import Primitive


class Windows(NamedTuple):
    """Window p has the places from `starts[p]` to before `stops[p]` in steps of `step`, where the input has them."""

    size: int  # of the input
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    step: int = 1

    def places(self) -> list[range]:
        """Return the places of each window, in the input."""
        firsts = [start if start >= 0 else start % self.step for start in self.starts]
        return [range(first, min(stop, self.size), self.step) for first, stop in zip(firsts, self.stops)]


class Piece(NamedTuple):
    """Some windows, and for each of them the place that lies `offset` after its start."""

    offset: int
    windows: slice
    places: slice


@lru_cache(maxsize=256)
def pieces_of(windows: Windows) -> tuple[Piece, ...]:
    """Return all places of all windows, by growing offset. Regular windows have one piece for each offset, so that few
    array operations cover them all."""
    pieces = []
    starts, stops = np.array(windows.starts, int), np.minimum(windows.stops, windows.size)
    for offset in range(0, int(np.max(stops - starts, initial=0)), windows.step):
        place = starts + offset
        inside = np.flatnonzero((place >= 0) & (place < stops))
        pieces += [Piece(offset, slice(w[0], w[-1] + 1), _as_slice(place[w])) for w in _runs(inside, place)]
    return tuple(pieces)


def _runs(inside: Any, place: Any) -> Iterator[list[int]]:
    """Yield the windows `inside` in groups of neighbours whose places lie equally far apart, as in a slice."""
    run: list[int] = []
    for p in inside.tolist():
        if run and (
            p != run[-1] + 1
            or place[p] <= place[run[-1]]
            or (len(run) > 1 and place[p] - place[run[-1]] != place[run[-1]] - place[run[-2]])
        ):
            yield run
            run = []
        run.append(p)
    if run:
        yield run


def _as_slice(place: Any) -> slice:
    step = int(place[1] - place[0]) if len(place) > 1 else 1
    return slice(int(place[0]), int(place[-1]) + 1, step)


def along(axis: int, windows: Windows) -> list[tuple[int, Any, Any]]:
    """Return the pieces as (offset, index of the windows, index of the places)."""
    before = (slice(None),) * axis
    return [(k, (*before, w), (*before, i)) for k, w, i in pieces_of(windows)]


def resized(x: Any, axis: int, size: int) -> tuple[int, ...]:
    """Return the shape of x with another size along the axis."""
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


def _sum_pool(x: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(resized(x, axis, len(windows.starts)), x.dtype)
    for _, window, place in along(axis, windows):
        out[window] += x[place]
    return out


def _sum_unpool(z: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(resized(z, axis, windows.size), z.dtype)
    for _, window, place in along(axis, windows):
        np.add(out[place], z[window], out=out[place])
    return out


# the sum of each window; and its transpose: to each place the sum of what its windows have
sum_pool: Primitive = Primitive(
    "sum_pool", _sum_pool, x=lambda g, axis, windows: sum_unpool(g, axis=axis, windows=windows)
).with_notation("the sum of each window of x", x="at each element of x, the sum of g over its windows")
sum_unpool: Primitive = Primitive(
    "sum_unpool", _sum_unpool, z=lambda g, axis, windows: sum_pool(g, axis=axis, windows=windows)
)


def _max_pool(x: Any, *, axis: int, windows: Windows) -> Any:
    least = -np.inf if x.dtype.kind == "f" else 0 if x.dtype.kind == "b" else np.iinfo(x.dtype).min
    out = np.full(resized(x, axis, len(windows.starts)), least, x.dtype)
    for _, window, place in along(axis, windows):
        np.maximum(out[window], x[place], out=out[window])
    return out


def _where_largest(x: Any, y: Any, *, axis: int, windows: Windows) -> Any:
    """How far after its start each window first has its maximum y; if that is nan, the last nan, as in PyTorch."""
    pieces = along(axis, windows)
    out = np.zeros(y.shape, int)
    for offset, window, place in reversed(pieces):  # the first one is written last
        out[window] = np.where(x[place] == y[window], offset, out[window])
    if x.dtype.kind == "f" and np.isnan(x).any():
        for offset, window, place in pieces:
            out[window] = np.where(np.isnan(x[place]), offset, out[window])
    return out


def _pick(x: Any, where: Any, *, axis: int, windows: Windows) -> Any:
    starts = np.reshape(windows.starts, (-1, *[1] * (x.ndim - axis - 1)))
    return np.take_along_axis(x, starts + where, axis)


def _unpick(z: Any, where: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(resized(z, axis, windows.size), z.dtype)
    for offset, window, place in along(axis, windows):
        out[place] += np.where(where[window] == offset, z[window], 0)
    return out


# the maximum of each window; how far after the window's start it is; reading there, and the transpose of that
max_pool: Primitive = Primitive(
    "max_pool",
    _max_pool,
    x=lambda g, x, axis, windows: unpick(
        g,
        where_largest(x, max_pool(x, axis=axis, windows=windows), axis=axis, windows=windows),
        axis=axis,
        windows=windows,
    ),
).with_notation("the largest of each window of x", x="g, where each window has its largest element")
sum_pool.piecewise_linear = max_pool.piecewise_linear = True
where_largest: Primitive = Primitive("where_largest", _where_largest)
pick: Primitive = Primitive(
    "pick", _pick, x=lambda g, where, axis, windows: unpick(g, where, axis=axis, windows=windows)
)
unpick: Primitive = Primitive(
    "unpick", _unpick, z=lambda g, where, axis, windows: pick(g, where, axis=axis, windows=windows)
)
