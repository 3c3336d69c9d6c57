"""Reading elements at an index, and writing them there. Each is the derivative of the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive


def is_basic(index: Any) -> bool:
    """Whether NumPy answers this index with a view: only integers, slices, None and ... in it."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        i is None or i is Ellipsis or isinstance(i, (int, np.integer, slice)) and not isinstance(i, bool) for i in parts
    )


def is_integer(i: Any) -> bool:
    """Whether a part of an index is an integer, or an array of integers."""
    return i.dtype.kind in "iu" if isinstance(i, np.ndarray) else isinstance(i, int) and not isinstance(i, bool)


def _placed(x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, with x added at `index`: what is read twice receives twice."""
    out = np.zeros(shape, x.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(i, np.ndarray) and is_integer(i) for i in parts):
        np.add.at(out, index, x)
    else:  # nothing is read twice
        out[index] = x
    return out


def _read(x: Any, *, index: Any) -> Any:
    out = x[index]
    # NumPy answers a single element with a number; with ... as well, with a view of it
    return out if isinstance(out, np.ndarray) else x[(*index, ...) if isinstance(index, tuple) else (index, ...)]


getitem = Primitive(
    "getitem",
    _read,
    x=lambda g, x_shape, index: place(g, index=index, shape=x_shape),
).with_notation("x[index]", x="0, and g at the index")
getitem.returns_view = True
place: Primitive = Primitive("place", _placed, x=lambda g, index: g[index])


def grid(index: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Return the index of PyTorch's gather and scatter: `index` along `axis`, each element's own place elsewhere."""
    places = [np.arange(n).reshape((n,) + (1,) * (index.ndim - 1 - d)) for d, n in enumerate(index.shape)]
    places[axis] = index
    return tuple(places)


gather: Primitive = Primitive(
    "gather",
    lambda x, *, index, axis: x[grid(index, axis)],
    x=lambda g, x_shape, index, axis: scatter(g, index=index, axis=axis, shape=x_shape),
)
scatter: Primitive = Primitive(
    "scatter",
    lambda x, *, index, axis, shape: place(x, index=grid(index, axis), shape=shape),
    x=lambda g, index, axis: gather(g, index=index, axis=axis),
)


def without_leading_ones(v: np.ndarray) -> np.ndarray:
    """Drop leading dimensions of size 1, as PyTorch does when it writes v; NumPy writes [5.] to no single element."""
    ones = next((d for d, n in enumerate(v.shape) if n != 1), v.ndim)
    return v.reshape(v.shape[ones:]) if ones else v


def _unpooled(x: Any, *, index: np.ndarray, axis: int, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, x.dtype)
    out[grid(index, axis)] = x
    return out


# as scatter, but of what is written to one place the last stays; still, each element has the gradient of its place
unpool = Primitive("unpool", _unpooled, x=lambda g, index, axis: gather(g, index=index, axis=axis))


def _overwritten(x: Any, v: Any, *, index: Any) -> Any:
    out = x.copy()
    out[index] = without_leading_ones(v)
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


# x with v written at an index: there the gradient goes to v instead of x
setitem = Primitive("setitem", _overwritten, x=_outside, v=_inside).with_notation(
    "x with v written at the index", x="g, and 0 at the index", v="g[index]"
)


def _outside_view(g: Any, view: Any) -> Any:
    mask = np.ones(g.shape, bool)
    view(mask)[...] = False
    return np.where(mask, g, 0)


def _overwritten_view(x: Any, v: Any, *, view: Any) -> Any:
    out = np.array(x)
    view(out)[...] = v
    return out


# the same, where the region is what a chain of views (a function of the array) shows of x, already written to
setview = Primitive("setview", lambda x, v, *, view: x, x=_outside_view, v=lambda g, view: view(g)).with_notation(
    "x with v written to a part of it", x="g, and 0 in that part", v="that part of g"
)
setview.recompute = _overwritten_view


def _order(x: Any, *, axis: int, descending: bool) -> Any:
    """Return the stable order of the elements; nan counts as the greatest."""
    if not descending:
        return np.argsort(x, axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis, kind="stable")  # so that equals keep their order
    return np.flip(x.shape[axis] - 1 - backwards, axis)


# no derivative: its result is integers
argsort = Primitive("argsort", _order)
