"""Indices and views: their normal form, composition and overlap.

A path is the sequence of operations that leads from memory to a view of it; most often one index.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.program.ir import Term


def stripped(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return an index without full slices at its end, which have no effect."""
    while index and isinstance(index[-1], slice) and index[-1] == slice(None):
        index = index[:-1]
    return index


def normal_index(index: Any, shape: tuple[int, ...], term: Any) -> tuple[Any, ...]:
    """Return an index in normal form: a tuple without `...`, negative integers and implied bounds.

    Args:
        term: maps an array of indices to a term, anything else to None.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    parts = [i if i is None or i is ... or isinstance(i, slice) else _plain_or_term(i, term) for i in parts]
    used = sum(_dimensions(i) for i in parts)
    gap = [slice(None)] * (len(shape) - used)
    where = next((n for n, i in enumerate(parts) if i is ...), None)
    parts = [*parts, *gap] if where is None else [*parts[:where], *gap, *parts[where + 1 :]]
    found: list[Any] = []
    d = 0
    for i in parts:
        if isinstance(i, slice):
            found.append(_normal_slice(i, shape[d]))
        elif isinstance(i, int) and not isinstance(i, bool):
            found.append(i % shape[d] if shape[d] else i)
        else:
            found.append(i)
        d += _dimensions(i)
    return stripped(tuple(found))


def _plain_or_term(i: Any, term: Any) -> Any:
    if isinstance(i, int | np.integer) and not isinstance(i, bool | np.bool_):
        return int(i)
    return term(i)


def _dimensions(i: Any) -> int:
    """Return how many dimensions a part of an index consumes."""
    if i is None or i is ...:
        return 0
    return len(i.shape) if isinstance(i, Term) and i.dtype.kind == "b" else 1


def _normal_slice(s: slice, n: int) -> slice:
    start, stop, step = s.indices(n)
    if step < 0:
        stop_ = None if stop < 0 else stop
        return slice(None if start == n - 1 else start, stop_, step)
    count = len(range(start, stop, step))
    if not count:
        return slice(0, 0, None)
    if count == 1:
        stop, step = start + 1, 1
    return slice(start or None, None if start + count * step >= n else stop, None if step == 1 else step)


def composed(first: tuple[Any, ...], then: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """Return the composition of two indices; both without arrays, the first without new axes."""
    first = (*first, *[slice(None)] * (len(shape) - len(first)))
    rest = list(then)
    found: list[Any] = []
    for i, n in zip(first, shape):
        if not isinstance(i, slice):
            found.append(i)
            continue
        while rest and rest[0] is None:
            found.append(rest.pop(0))
        j = rest.pop(0) if rest else slice(None)
        places = range(n)[i]
        if isinstance(j, int):
            found.append(places[j])
        else:
            chosen = places[j]
            if not len(chosen):
                found.append(slice(0, 0, None))
                continue
            stop = chosen[-1] + chosen.step // abs(chosen.step)
            found.append(_normal_slice(slice(chosen[0], None if stop < 0 else stop, chosen.step), n))
    return stripped(tuple([*found, *rest]))


Step = tuple[str, Any, Any, Any]
"""An operation that returns a view: its name, its argument, and the shape and dtype of the result."""


def joined(path: Iterable[Step], shape: tuple[int, ...]) -> tuple[Step, ...]:
    """Return a path from memory of this shape in normal form."""
    found: list[Step] = []
    for op, argument, after, dtype in path:
        if op == "index" and found and found[-1][0] == "index" and None not in found[-1][1]:
            first = found[-1][1]
            if not any(isinstance(i, Term) for i in (*first, *argument)):
                found.pop()
                argument = composed(first, argument, found[-1][2] if found else shape)
        before = found[-1][2] if found else shape
        nothing = {"index": argument == (), "transpose": argument == (*range(len(after)),), "view": False}
        if not nothing.get(op, after == before):
            found.append((op, argument, after, dtype))
    return tuple(found)


def within(inner: tuple[Step, ...], outer: tuple[Step, ...], shape: tuple[int, ...]) -> tuple[Step, ...] | None:
    """Return the path from the view `outer` to the view `inner` of memory of this shape.

    None if `inner` does not lie in `outer`, as far as their first steps show.
    """
    if len(outer) != 1 or not inner or outer[0][0] != "index" or inner[0][0] != "index":
        return None
    first, other = inner[0][1], outer[0][1]
    if any(isinstance(i, Term) or i is None for i in (*first, *other)):
        return None
    index: list[Any] = []
    every = [slice(None)] * len(shape)
    for i, j, n in zip((*first, *every[len(first) :]), (*other, *every[len(other) :]), shape):
        places = range(n)[j] if isinstance(j, slice) else range(j, j + 1)
        wanted = range(n)[i] if isinstance(i, slice) else range(i, i + 1)
        if not {*wanted} <= {*places} or not wanted:
            return None
        if isinstance(j, int):
            if not isinstance(i, int):
                return None
        elif isinstance(i, int):
            index.append(places.index(i))
        else:
            start, step = places.index(wanted[0]), wanted.step // places.step
            index.append(_normal_slice(slice(start, start + step * len(wanted), step), len(places)))
            if step < 0:
                return None
    return (("index", stripped(tuple(index)), *inner[0][2:]), *inner[1:])


def disjoint(a: tuple[Step, ...], b: tuple[Step, ...], shape: tuple[int, ...]) -> bool:
    """Return whether two views of memory of this shape share no element, as far as their first steps show."""
    if not a or not b or a[0][0] != "index" or b[0][0] != "index":
        return False
    first, other = a[0][1], b[0][1]
    if any(isinstance(i, Term) or i is None for i in (*first, *other)):
        return False
    for i, j, n in zip(first, other, shape):
        mine = range(n)[i] if isinstance(i, slice) else range(i, i + 1)
        others = range(n)[j] if isinstance(j, slice) else range(j, j + 1)
        if not {*mine} & {*others}:
            return True
    return False


def part_of(part: Any, whole: Any) -> tuple[Any, ...] | None:
    """Return the index of a view in an array, as whole[t] or whole[:, t]; None if it is none of this kind.

    >>> import numpy as np
    >>> X = np.zeros((3, 4, 2))
    >>> part_of(X[1], X), part_of(X[:, 2], X), part_of(X[:, None, 2], X), part_of(X.T, X)
    ((1,), (slice(None, None, None), 2), (slice(None, None, None), None, 2), None)
    """
    offset = part.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    if part.dtype != whole.dtype or offset < 0 or not part.size:
        return None
    index: list[Any] = []
    left = [*zip(part.shape, part.strides)]
    for size, stride in zip(whole.shape, whole.strides):
        while left and left[0][0] == 1 != size:
            left.pop(0)
            index.append(None)
        if left and left[0] == (size, stride):
            left.pop(0)
            index.append(slice(None))
        elif stride > 0:
            i, offset = divmod(offset, stride)
            if i >= size:
                return None
            index.append(int(i))
        else:
            return None
    return None if left or offset or all(isinstance(i, slice) for i in index) else stripped(tuple(index))
