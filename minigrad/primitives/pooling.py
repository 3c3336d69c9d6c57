"""Pooling: the sum or the maximum of each window, in any number of dimensions.

Along each dimension a window is a range of places of the input. Nothing is padded: a window that begins before the
input or ends after it has fewer places. The pooled dimensions follow each other, beginning with `axis`; `windows` has
those along each of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.primitive import Primitive


class Windows(NamedTuple):
    """Window p has the places from `starts[p]` to before `stops[p]` in steps of `step`, where the input has them."""

    size: int  # of the input
    starts: tuple[int, ...]
    stops: tuple[int, ...]
    step: int = 1

    def __repr__(self) -> str:
        """A short text for pictures and steps, such as `2 every 2`: the length of the windows and their distance."""
        lengths = {stop - start for start, stop in zip(self.starts, self.stops)}
        strides = {b - a for a, b in pairwise(self.starts)} or {self.size}
        if len(lengths) == len(strides) == 1:
            return f"{-(-lengths.pop() // self.step)} every {strides.pop()}"
        return f"{len(self.starts)} windows of {self.size}"

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


# ---- sums: axis by axis ----------------------------------------------------------------------------------------------


def _sum_pool(x: Any, *, axis: int, windows: Sequence[Windows]) -> Any:
    if spans := _spans_of_tiles(tuple(windows)):
        split = [size for w, span in zip(windows, spans) for size in (len(w.starts), span)]
        parts = np.reshape(x, (*x.shape[:axis], *split, *x.shape[axis + len(windows) :]))
        return np.sum(parts, axis=tuple(range(axis + 1, axis + len(split), 2)))
    for i, w in enumerate(windows, axis):
        out = np.zeros(resized(x, i, len(w.starts)), x.dtype)
        for _, window, place in along(i, w):
            out[window] += x[place]
        x = out
    return x


def _sum_unpool(z: Any, *, axis: int, windows: Sequence[Windows]) -> Any:
    if spans := _spans_of_tiles(tuple(windows)):
        for i, span in enumerate(spans, axis):
            z = np.repeat(z, span, axis=i)
        return z
    for i, w in enumerate(windows, axis):
        out = np.zeros(resized(z, i, w.size), z.dtype)
        for _, window, place in along(i, w):
            np.add(out[place], z[window], out=out[place])
        z = out
    return z


# the sum of each window; and its transpose: to each place the sum of what its windows have
sum_pool: Primitive = Primitive(
    "sum_pool", _sum_pool, x=lambda g, axis, windows: sum_unpool(g, axis=axis, windows=windows)
).with_notation("the sum of each window of x", x="at each element of x, the sum of g over its windows")
sum_unpool: Primitive = Primitive(
    "sum_unpool", _sum_unpool, z=lambda g, axis, windows: sum_pool(g, axis=axis, windows=windows)
)


# ---- maxima: all elements of each window at once, along the last dimensions -----------------------------------------


@lru_cache(maxsize=256)
def grid(windows: tuple[Windows, ...]) -> tuple[Any, ...]:
    """Return the index that takes the elements of all windows, (*windows, *places); a shorter window repeats its last.

    >>> rows, columns = grid((Windows(4, (0, 2), (2, 4)), Windows(3, (0, 1), (2, 3))))
    >>> rows.shape, columns.shape, rows[:, 0, :, 0].tolist()
    ((2, 1, 2, 1), (1, 2, 1, 2), [[0, 1], [2, 3]])
    """
    n, index = len(windows), []
    for i, w in enumerate(windows):
        longest = max(map(len, w.places()), default=0)
        places = np.array([[*p, *[p[-1]] * (longest - len(p))] for p in w.places()], int)
        shape = [1] * 2 * n
        shape[i], shape[n + i] = len(w.starts), longest
        index.append(places.reshape(shape))
    return tuple(index)


@lru_cache(maxsize=256)
def _flat_places(windows: tuple[Windows, ...]) -> Any:
    """Return the same places as indices into the flattened dimensions, (*windows, places)."""
    places = np.ravel_multi_index(np.broadcast_arrays(*grid(windows)), [w.size for w in windows])
    return places.reshape(*places.shape[: len(windows)], -1)


def _as_slices(w: Windows) -> tuple[int, slice, slice] | None:
    """Return the span of each window, and slices for the starts and the places; None if the windows are not regular."""
    strides = {b - a for a, b in pairwise(w.starts)} or {1}
    spans = {stop - start for start, stop in zip(w.starts, w.stops)}
    if len(strides) != 1 or len(spans) != 1 or min(strides) < 1 or w.starts[0] < 0 or w.stops[-1] > w.size:
        return None
    starts = slice(w.starts[0], w.starts[-1] + 1, strides.pop())
    return spans.pop(), starts, slice(None, None, w.step)


def _spans_of_tiles(windows: tuple[Windows, ...]) -> list[int]:
    """Return the span of each window along each dimension if the windows tile it; [] if they overlap or leave gaps."""
    regular = [slices for w in windows if (slices := _as_slices(w))]
    spans = [span for span, _, _ in regular]
    tiled = [
        w.size == span * len(w.starts) and starts == slice(0, w.size - span + 1, span) and steps.step in (None, 1)
        for w, (span, starts, steps) in zip(windows, regular)
    ]
    return spans if len(regular) == len(windows) and all(tiled) else []


def _elements(x: Any, windows: tuple[Windows, ...]) -> Any:
    """Return the elements of each window: (..., *windows, places)."""
    n = len(windows)
    front = x.ndim - n
    if spans := _spans_of_tiles(windows):
        split = [size for w, span in zip(windows, spans) for size in (len(w.starts), span)]
        found = np.transpose(np.reshape(x, (*x.shape[:front], *split)), _windows_first(front, n))
        return np.reshape(found, (*found.shape[:-n], math.prod(spans)))
    regular = [slices for w in windows if (slices := _as_slices(w))]
    if len(regular) == n:
        sizes, starts, steps = zip(*regular)
        found = np.lib.stride_tricks.sliding_window_view(x, sizes, axis=tuple(range(front, x.ndim)))
        found = found[(..., *starts, *steps)]
    else:
        found = x[(..., *grid(windows))]
    return np.reshape(found, (*found.shape[:-n], math.prod(found.shape[-n:])))


def _windows_first(front: int, n: int) -> tuple[int, ...]:
    """Return the axes that turn (..., window, place, window, place) into (..., window, window, place, place)."""
    return (*range(front), *range(front, front + 2 * n, 2), *range(front + 1, front + 2 * n, 2))


def _scattered(elements: Any, windows: tuple[Windows, ...], spans: list[int]) -> Any:
    """Return the elements of windows that tile an array at their places: the inverse of `_elements`."""
    n = len(windows)
    front = elements.ndim - n - 1
    apart = np.reshape(elements, (*elements.shape[:-1], *spans))
    together = np.transpose(apart, np.argsort(_windows_first(front, n)).tolist())
    return np.reshape(together, (*elements.shape[:front], *[w.size for w in windows]))


def _max_pool(x: Any, *, windows: tuple[Windows, ...]) -> Any:
    elements = _elements(x, windows)
    return np.max(elements, axis=-1)


def _largest_place(x: Any, *, windows: tuple[Windows, ...]) -> Any:
    """Which element of each window is its first maximum; if there is nan, the last nan."""
    elements = _elements(x, windows)
    best = np.argmax(elements, axis=-1)
    if x.dtype.kind == "f" and np.isnan(x).any():  # as in PyTorch
        last = elements.shape[-1] - 1 - np.argmax(np.isnan(elements)[..., ::-1], axis=-1)
        best = np.where(np.isnan(elements).any(axis=-1), last, best)
    return best


def _in_image(best: Any, windows: tuple[Windows, ...]) -> Any:
    """Return the same element as an index into the flattened dimensions."""
    places = _flat_places(windows)
    places = np.reshape(places, (*[1] * (best.ndim - len(windows)), *places.shape))
    return np.take_along_axis(places, best[..., None], axis=-1)[..., 0]


def _argmax_pool(x: Any, *, windows: tuple[Windows, ...]) -> Any:
    """The index of the first maximum of each window in the flattened dimensions; if there is nan, of the last nan."""
    return _in_image(_largest_place(x, windows=windows), windows)


def _pick(x: Any, best: Any, *, windows: tuple[Windows, ...]) -> Any:
    return np.take_along_axis(_elements(x, windows), best[..., None], axis=-1)[..., 0]


def _unpick(z: Any, best: Any, *, windows: tuple[Windows, ...]) -> Any:
    if spans := _spans_of_tiles(windows):  # each element is in one window
        chosen = best[..., None] == np.arange(math.prod(spans))
        return _scattered(np.where(chosen, z[..., None], 0), windows, spans)
    n = len(windows)
    front, sizes = z.shape[:-n], sizes_of(windows)
    images, pixels = math.prod(front), math.prod(z.shape[-n:])
    flat = np.zeros((images, math.prod(sizes)), z.dtype)
    which = np.reshape(np.arange(images), (images, 1))
    place = np.reshape(_in_image(best, windows), (images, pixels))
    if all(stop <= start for w in windows for stop, start in zip(w.stops, w.starts[1:])):  # no place is in two windows
        flat[which, place] = np.reshape(z, (images, pixels))
    else:
        np.add.at(flat, (which, place), np.reshape(z, (images, pixels)))
    return np.reshape(flat, (*front, *sizes))


def sizes_of(windows: tuple[Windows, ...]) -> tuple[int, ...]:
    """Return the sizes of the dimensions that the windows lie in."""
    return tuple([w.size for w in windows])


# the maximum of each window; which element it is; its index in the flattened dimensions; reading there, and the
# transpose of that
max_pool: Primitive = Primitive(
    "max_pool",
    _max_pool,
    x=lambda g, x, windows: unpick(g, largest_place(x, windows=windows), windows=windows),
).with_notation("the largest of each window of x", x="g, where each window has its largest element")
sum_pool.piecewise_linear = max_pool.piecewise_linear = True
largest_place: Primitive = Primitive("largest_place", _largest_place)
argmax_pool: Primitive = Primitive("argmax_pool", _argmax_pool)
pick: Primitive = Primitive("pick", _pick, x=lambda g, best, windows: unpick(g, best, windows=windows))
unpick: Primitive = Primitive("unpick", _unpick, z=lambda g, best, windows: pick(g, best, windows=windows))
