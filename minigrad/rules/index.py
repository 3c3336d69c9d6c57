"""Rules that read elements at an index, and write them there."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.rules.rule import Rule


def is_basic(index: Any) -> bool:
    """Whether NumPy answers this index with a view: only integers, slices, None and ... in it."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        i is None or i is Ellipsis or isinstance(i, (int, np.integer, slice)) and not isinstance(i, bool) for i in parts
    )


def _placed(x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, with x added at `index`: what is read twice receives twice."""
    out = np.zeros(shape, x.dtype)
    if is_basic(index):
        out[index] = x
    else:
        np.add.at(out, index, x)
    return out


def _read(x: Any, *, index: Any) -> Any:
    out = x[index]
    # NumPy answers a single element with a number; with ... as well, with a view of it
    return out if isinstance(out, np.ndarray) else x[(*index, ...) if isinstance(index, tuple) else (index, ...)]


getitem = Rule(
    "getitem",
    _read,
    x=lambda g, x_shape, index: place(g, index=index, shape=x_shape),
)
getitem.gives_view = True
place: Rule = Rule("place", _placed, x=lambda g, index: g[index])

gather = Rule(
    "gather",
    lambda x, *, index, axis: np.take_along_axis(x, index, axis),
    x=lambda g, x_shape, index, axis: scatter(g, index=index, axis=axis, shape=x_shape),
)


def _scattered(x: Any, *, index: Any, axis: int, shape: tuple[int, ...]) -> Any:
    grid = list(np.ogrid[tuple(map(slice, index.shape))])
    grid[axis] = index
    return _placed(x, index=tuple(grid), shape=shape)


scatter: Rule = Rule("scatter", _scattered, x=lambda g, index, axis: gather(g, index=index, axis=axis))


def _overwritten(x: Any, v: Any, *, index: Any) -> Any:
    out = x.copy()
    out[index] = v
    return out


def _outside(g: Any, index: Any) -> Any:
    mask = np.ones(g.shape, bool)
    mask[index] = False
    return np.where(mask, g, 0)


def _inside(g: Any, index: Any) -> Any:
    if is_basic(index):
        return g[index]
    last = np.empty(g.shape, int)  # which of the values written to each place has stayed
    order = np.arange(last[index].size).reshape(last[index].shape)
    last[index] = order
    return np.where(last[index] == order, g[index], 0)


# x with v written at an index: x's gradient is cut off there, and goes to v instead
setitem = Rule("setitem", _overwritten, x=_outside, v=_inside)


def _outside_view(g: Any, view: Any) -> Any:
    mask = np.ones(g.shape, bool)
    view(mask)[...] = False
    return np.where(mask, g, 0)


# the same, where the region is what a chain of views (a function of the array) shows of x
setview = Rule("setview", lambda x, v, *, view: x, x=_outside_view, v=lambda g, view: view(g))
