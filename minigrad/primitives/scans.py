"""Scans along an axis: cumulative sums and products, and linear recurrences. Each derivative is a scan from the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive


def _accumulated(ufunc: np.ufunc, x: Any, axis: int) -> Any:
    """In float64, as PyTorch does: otherwise the rounding errors of float32 accumulate as well."""
    wide = np.float64 if x.dtype.kind == "f" else x.dtype
    return ufunc.accumulate(x, axis, dtype=wide).astype(x.dtype, copy=False)


def _previous(x: Any, axis: int, first: float) -> Any:
    """Return each element's predecessor along the axis; that of the first is given."""
    before = (slice(None),) * axis
    start = np.full((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), first, x.dtype)
    return np.concatenate([start, x[(*before, slice(None, -1))]], axis=axis)


def _next(x: Any, axis: int, last: float) -> Any:
    return np.flip(_previous(np.flip(x, axis), axis, last), axis)


def _recurrence(a: Any, b: Any, *, axis: int) -> Any:
    out = b.copy()
    for i in range(1, b.shape[axis]):
        now, before = (slice(None),) * axis + (i,), (slice(None),) * axis + (i - 1,)
        out[now] += np.where(a[now], a[now] * out[before], 0)  # a factor of 0 ends a chain, also before nan
    return out


def _recurrence_b(g: Any, a: Any, axis: int) -> Any:
    """The same recurrence, from the end to the start."""
    return np.flip(recurrence(np.flip(_next(a, axis, 0), axis), np.flip(g, axis), axis=axis), axis)


# y[i] = a[i] y[i-1] + b[i], from y[-1] = 0
recurrence: Primitive = Primitive(
    "recurrence",
    _recurrence,
    a=lambda g, a, y, axis: _recurrence_b(g, a, axis) * _previous(y, axis, 0),
    b=_recurrence_b,
)
cumsum: Primitive = Primitive(
    "cumsum",
    lambda x, *, axis: _accumulated(np.add, x, axis),
    x=lambda g, axis: np.flip(cumsum(np.flip(g, axis), axis=axis), axis),
).with_notation("the sum of x up to each element", x="the sum of g from each element to the end")


def _behind_a_zero(x: Any, axis: int) -> Any:
    """Return which elements have a 0 before them."""
    return _previous(cumsum((x == 0) * 1.0, axis=axis), axis, 0) > 0


def _cumprod_x(g: Any, x: Any, axis: int) -> Any:
    """dy[k]/dx[i] is the product of all before i, times that of those after i up to k. The first factor is the
    cumulative product, the sum over k of the second is a recurrence; so nothing is divided by an x that may be 0.
    As in PyTorch, an x that is nan gets nan, unless a 0 comes before it: behind a 0, all products are 0."""
    found = _previous(cumprod(x, axis=axis), axis, 1) * _recurrence_b(g, x, axis)
    return np.where((found == found) & (x == x), found, np.where(_behind_a_zero(x, axis), 0.0, np.nan))


cumprod: Primitive = Primitive(
    "cumprod", lambda x, *, axis: _accumulated(np.multiply, x, axis), x=_cumprod_x
).with_notation("the product of x up to each element", x="the sum of g * y from each element to the end, over x")


def _logcumsumexp_x(g: Any, x: Any, y: Any, axis: int) -> Any:
    """dx[i] is the sum over k of exp(x[i] - y[k]) g[k], from k = i on: exp(x[i] - y[i]) times a recurrence, the factors
    of which are at most 1."""
    finite = np.where(y == -np.inf, 0, y)  # inf - inf would be nan
    return np.exp(x - finite) * _recurrence_b(g, np.exp(_previous(y, axis, -np.inf) - finite), axis)


logcumsumexp: Primitive = Primitive(
    "logcumsumexp", lambda x, *, axis: np.logaddexp.accumulate(x, axis), x=_logcumsumexp_x
)


def product_of_others(x: Any, axis: int | None) -> Any:
    """Return the product of all other elements, without a division: of those before it, and of those after it.

    As in PyTorch, an element that is nan gets nan, unless there is a 0; and two zeros among all elements (axis None, of
    a vector) make all products 0, whatever the others are.
    """
    along, zeros = axis or 0, np.sum(x == 0)
    after = np.flip(cumprod(np.flip(x, along), axis=along), along)
    found = _previous(cumprod(x, axis=along), along, 1) * _next(after, along, 1)
    if axis is None and zeros > 1:
        return np.where(found == found, found, 0.0)
    return found if zeros else np.where(x == x, found, x)
