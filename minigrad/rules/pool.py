"""Windows along one axis: their sums and maxima. Pooling in more dimensions goes axis by axis.

A window is a range of places of the input. Nothing is padded: a window that begins before the input or ends after it
has fewer places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from minigrad.rules.rule import Rule


class Windows(NamedTuple):
    """Window p has the places from `starts[p]` to before `stops[p]` in steps of `step`, where the input has them."""

    size: int  # of the input
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    step: int = 1

    def places(self) -> list[range]:
        """Those of each window, in the input."""
        firsts = [start if start >= 0 else start % self.step for start in self.starts]
        return [range(first, min(stop, self.size), self.step) for first, stop in zip(firsts, self.stops)]


@lru_cache(maxsize=256)
def _pieces(windows: Windows) -> list[tuple[slice, slice]]:
    """Slices of windows, and for each the slice of the places that are the k-th of their windows; all k in order.

    With regular windows there is one pair for each k, and few array operations cover all windows.
    """
    pieces = []
    starts, stops = np.array(windows.starts, int), np.minimum(windows.stops, windows.size)
    for k in range(0, int(np.max(stops - starts, initial=0)), windows.step):
        place = starts + k
        inside = np.flatnonzero((place >= 0) & (place < stops))
        pieces += [(slice(w[0], w[-1] + 1), _as_slice(place[w[0] : w[-1] + 1])) for w in _runs(inside, place)]
    return pieces


def _runs(inside: Any, place: Any) -> Iterator[list[int]]:
    """The windows `inside` in groups of neighbours whose places lie equally far apart, as a slice's do."""
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


def _along(axis: int, pieces: Sequence[tuple[slice, slice]]) -> list[tuple[Any, Any, Any]]:
    """The pieces as indices of arrays (of windows, of places), and the places as numbers that broadcast."""
    before = (slice(None),) * axis
    return [((*before, w), (*before, i), np.arange(i.start, i.stop, i.step)) for w, i in pieces]


def _resized(x: Any, axis: int, size: int) -> tuple[int, ...]:
    return (*x.shape[:axis], size, *x.shape[axis + 1 :])


def _column(places: Any, x: Any, axis: int) -> Any:
    """Numbers for the elements along an axis, so that they broadcast against x."""
    return np.reshape(places, (-1, *[1] * (x.ndim - axis - 1)))


def _summed(x: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(_resized(x, axis, len(windows.starts)), x.dtype)
    pieces = _along(axis, _pieces(windows))
    if len(windows.starts) < len(pieces):  # few large windows
        for p, places in enumerate(windows.places()):
            of_window: Any = (slice(None),) * axis
            part = x[(*of_window, slice(places.start, places.stop, places.step))]
            out[(*of_window, p)] = np.sum(part, axis=axis)
        return out
    for window, place, _ in pieces:
        np.add(out[window], x[place], out=out[window])
    return out


def _shared(z: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(_resized(z, axis, windows.size), z.dtype)
    for window, place, _ in _along(axis, _pieces(windows)):
        np.add(out[place], z[window], out=out[place])
    return out


# the sum of each window; and the way back: to each place the sum of what its windows have
sum_pool: Rule = Rule("sum_pool", _summed, x=lambda g, axis, windows: sum_unpool(g, axis=axis, windows=windows))
sum_unpool: Rule = Rule("sum_unpool", _shared, z=lambda g, axis, windows: sum_pool(g, axis=axis, windows=windows))


def _largest(x: Any, *, axis: int, windows: Windows) -> Any:
    least = -np.inf if x.dtype.kind == "f" else 0 if x.dtype.kind == "b" else np.iinfo(x.dtype).min
    out = np.full(_resized(x, axis, len(windows.starts)), least, x.dtype)
    for window, place, _ in _along(axis, _pieces(windows)):
        np.maximum(out[window], x[place], out=out[window])
    return out


def _where_largest(x: Any, y: Any, *, axis: int, windows: Windows) -> Any:
    """The first place in each window that has the maximum y; where that is nan, the last nan, as in PyTorch."""
    out = np.zeros(y.shape, np.int32)
    has_nan = x.dtype.kind == "f" and bool(np.isnan(y).any())
    pieces = _along(axis, _pieces(windows))
    for window, place, number in reversed(pieces):  # the first is written last
        np.copyto(out[window], _column(number, x, axis), where=x[place] == y[window])
    for window, place, number in pieces if has_nan else ():
        np.copyto(out[window], _column(number, x, axis), where=np.isnan(x[place]))
    return out


def _picked(x: Any, where: Any, *, axis: int, windows: Windows) -> Any:
    return np.take_along_axis(x, where, axis)


def _returned(z: Any, where: Any, *, axis: int, windows: Windows) -> Any:
    out = np.zeros(_resized(z, axis, windows.size), z.dtype)
    for window, place, number in _along(axis, _pieces(windows)):
        np.add(out[place], np.where(where[window] == _column(number, z, axis), z[window], 0), out=out[place])
    return out


# the maximum of each window, and where it is; reading at these places, and the way back
max_pool: Rule = Rule(
    "max_pool",
    _largest,
    x=lambda g, x, y, axis, windows: unpick(
        g, where_largest(x, y, axis=axis, windows=windows), axis=axis, windows=windows
    ),
)
where_largest: Rule = Rule("where_largest", _where_largest)
pick: Rule = Rule("pick", _picked, x=lambda g, where, axis, windows: unpick(g, where, axis=axis, windows=windows))
unpick: Rule = Rule("unpick", _returned, z=lambda g, where, axis, windows: pick(g, where, axis=axis, windows=windows))
