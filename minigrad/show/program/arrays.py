"""Terms of arrays, made as simple as they can be: what a careful student would have crossed out.

`make` is the only way to a term of arrays. It knows that a sum over an axis that is kept and then reshaped away need
not be kept, that an array of ones need not be multiplied by, that a broadcast operand of a broadcasting operation need
not be broadcast. Each of these rewrites keeps value, shape and dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.show.program.expressions import REDUCTIONS
from minigrad.show.program.terms import Term, Terms, is_view, same_number, trivial

_NOT_UFUNCS = {"where": np.where, "clip": np.clip}


def elementwise(op: str) -> Any:
    """The NumPy function of this name, if it acts on each element alone; else None."""
    if op in _NOT_UFUNCS:
        return _NOT_UFUNCS[op]
    function = getattr(np, op, None)
    return function if isinstance(function, np.ufunc) and function.signature is None else None


class Arrays:
    """Makes the terms of one program."""

    def __init__(self) -> None:
        self.terms = Terms()

    def fill(self, value: Any, shape: tuple[int, ...], dtype: Any) -> Term:
        """An array with the same number everywhere; with None, anything."""
        dtype = np.dtype(dtype)
        return self.terms("fill", None if value is None else dtype.type(value).item(), shape=shape, dtype=dtype)

    def make(self, op: str, *args: Any, shape: Any, dtype: Any, keywords: Any = ()) -> Term:
        """The term for an operation whose result has this shape and dtype."""
        keywords = dict(keywords)
        rule = getattr(self, f"_{op}", None) or (self._reduction if op in REDUCTIONS else None)
        if rule is not None:
            return rule(op, args, keywords, shape, dtype)
        if elementwise(op) is not None and not keywords:
            return self._elementwise(op, args, shape, dtype)
        return self.terms(op, *args, shape=shape, dtype=dtype, keywords=keywords)

    # ---- elementwise -------------------------------------------------------------------------------------------

    def _elementwise(self, op: str, args: tuple[Any, ...], shape: Any, dtype: Any) -> Term:
        function = elementwise(op)
        if all(not isinstance(a, Term) or a.op == "fill" and a.args[0] is not None for a in args):
            values = [a.dtype.type(a.args[0]) if isinstance(a, Term) else a for a in args]
            with np.errstate(all="ignore"):
                return self.fill(function(*values), shape, dtype)
        kept = list(args)
        for i, a in enumerate(args):
            for other in self._shorter(a):
                tried = [*kept[:i], other, *kept[i + 1 :]]
                if self._meet(function, tried) == (shape, dtype):
                    kept = tried
                    break
        if dtype == np.float32:  # the shortest that is the same number among these
            kept = [float(str(np.float32(a))) if isinstance(a, float) else a for a in kept]
        if op == "multiply" and isinstance(kept[0], Term) and not isinstance(kept[1], Term):
            kept.reverse()  # a number comes first
        same = trivial(op, kept)
        if isinstance(same, Term) and same.dtype == dtype:
            return self._as(same, shape, dtype)
        if same is not None and not isinstance(same, Term):
            return self.fill(same, shape, dtype)
        if op == "multiply" and same_number(kept[0], -1):
            return self.make("negative", kept[1], shape=shape, dtype=dtype)
        if op == "multiply" and isinstance(kept[0], float) and (n := _whole_part(kept[0], dtype)):
            return self.make("divide", kept[1], n, shape=shape, dtype=dtype)
        if op == "maximum" and same_number(kept[0], -math.inf) and isinstance(kept[1], Term):
            return self._as(kept[1], shape, dtype)
        if op == "clip" and any(same_number(end, sign * math.inf) for end, sign in ((kept[1], -1), (kept[2], 1))):
            low = same_number(kept[1], -math.inf)
            bound = ("minimum", kept[0], kept[2]) if low else ("maximum", kept[1], kept[0])
            return self.make(*bound, shape=shape, dtype=dtype)
        if op == "bitwise_and" and (other := _other_bound(*kept)) is not None:
            return other
        if op == "add" and (placed := self._placed(kept, shape, dtype)) is not None:
            return placed
        return self.terms(op, *kept, shape=shape, dtype=dtype)

    def _placed(self, args: list[Any], shape: Any, dtype: Any) -> Term | None:
        """The sum of two arrays that are 0 but for a part of them, as one array with both parts."""
        a, b = (a if isinstance(a, Term) and (a.shape, a.dtype) == (shape, dtype) else None for a in args)
        if a is None or b is None or a.op != "store" or b.op != "store":
            return None
        old, path, value = b.args
        below = a
        while below.op == "store":
            if not disjoint(below.args[1], path, shape):
                return None
            below = below.args[0]
        if not all(t.op == "fill" and same_number(t.args[0], 0) for t in (below, old)):
            return None
        return self.terms("store", a, path, value, shape=shape, dtype=dtype)

    def _shorter(self, a: Any) -> list[Any]:
        """What may stand for an operand where it is broadcast anyhow, the shortest first."""
        if not isinstance(a, Term):
            return [a.item()] if isinstance(a, np.generic) else []
        if a.op == "fill" and a.args[0] is not None:
            return [a.args[0]]
        if a.op == "index" and is_view(a) and a.args[1][0] is None:  # axes in front are implied
            inner = self.make("index", a.args[0], a.args[1][1:], shape=a.shape[1:], dtype=a.dtype)
            return [*self._shorter(inner), inner]
        if a.op == "broadcast":
            return [*self._shorter(a.args[0]), a.args[0]]
        return []

    def _meet(self, function: Any, args: list[Any]) -> tuple[Any, Any] | None:
        """The shape and dtype of the function's result."""
        try:
            shape = np.broadcast_shapes(*[a.shape for a in args if isinstance(a, Term)])
            with np.errstate(all="ignore"):
                examples = [np.ones(0, a.dtype) if isinstance(a, Term) else a for a in args]
                return shape, function(*examples).dtype
        except (TypeError, ValueError, OverflowError):
            return None

    def _as(self, term: Term, shape: Any, dtype: Any) -> Term:
        if term.shape != shape:
            term = self.make("broadcast", term, shape, shape=shape, dtype=term.dtype)
        return self.make("astype", term, dtype, shape=shape, dtype=dtype)

    # ---- shapes ------------------------------------------------------------------------------------------------

    def _reduction(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        x = args[0]
        if x.op == "fill" and op in ("max", "min", "mean") and x.args[0] is not None and math.prod(x.shape):
            return self.fill(x.args[0], shape, dtype)
        if x.op == "fill" and op == "sum" and x.args[0] is not None and dtype.kind == "f":
            count = math.prod(x.shape) / (math.prod(shape) or 1)
            return self.fill(x.args[0] * count if count else 0, shape, dtype)
        axis, keepdims = keywords.get("axis"), keywords.get("keepdims", False)
        axes = tuple(range(len(x.shape))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        axes = tuple(sorted(a % max(len(x.shape), 1) for a in axes)) if x.shape else ()
        given: dict[str, Any] = {}
        if len(axes) < len(x.shape) or len(x.shape) == 1 and axis is not None and keepdims:
            given["axis"] = axes[0] if len(axes) == 1 else axes
        if keepdims and x.shape:
            given["keepdims"] = True
        for name in ("initial", "dtype"):
            if name in keywords and (name == "dtype" or math.prod(x.shape[a] for a in axes) == 0):
                given[name] = keywords[name]  # an initial value says something of no elements only
        if op in ("sum", "mean", "max", "min", "prod") and not axes and x.shape and not given:
            return self.make("astype", x, dtype, shape=shape, dtype=dtype)
        return self.terms(op, x, shape=shape, dtype=dtype, keywords=given)

    def _reshape(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        x = args[0]
        if x.shape == shape:
            return x
        if x.op == "fill":
            return self.fill(x.args[0], shape, dtype)
        if x.op == "reshape":
            return self.make("reshape", x.args[0], shape, shape=shape, dtype=dtype)
        if x.op in REDUCTIONS and ("keepdims", True) in x.keywords:
            given = {k: v for k, v in x.keywords if k != "keepdims"}
            axis = given.get("axis")
            axes = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
            if shape == tuple(n for i, n in enumerate(x.shape) if i not in axes):
                return self.make(x.op, x.args[0], shape=shape, dtype=dtype, keywords=given)
        added = x.op == "index" and all(i is None or i == slice(None) for i in x.args[1])
        if added and x.args[0].shape == shape:  # axes of size 1, which go again
            return x.args[0]
        index = _with_new_axes(x.shape, shape)
        if index is not None:
            return self.make("index", x, index, shape=shape, dtype=dtype)
        return self.terms("reshape", x, shape, shape=shape, dtype=dtype)

    def _transpose(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        x, axes = args
        if x.op == "transpose":
            x, axes = x.args[0], tuple(x.args[1][a] for a in axes)
        if axes == tuple(range(len(axes))):
            return x
        if x.op == "fill":
            return self.fill(x.args[0], shape, dtype)
        return self.terms("transpose", x, axes, shape=shape, dtype=dtype)

    def _broadcast(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        x = args[0]
        if x.shape == shape:
            return x
        if x.op == "fill":
            return self.fill(x.args[0], shape, dtype)
        if x.op == "broadcast":
            x = x.args[0]
        return self.terms("broadcast", x, shape, shape=shape, dtype=dtype)

    def _astype(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        x = args[0]
        if x.dtype == dtype:
            return x
        if x.op == "fill" and x.args[0] is not None:
            return self.fill(x.args[0], shape, dtype)
        return self.terms("astype", x, dtype, shape=shape, dtype=dtype)

    def _index(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        x, index = args
        basic = not any(isinstance(i, Term) for i in index)
        if basic and all(i == slice(None) for i in index):
            return x
        if x.op == "fill" and basic:
            return self.fill(x.args[0], shape, dtype)
        if basic and x.op == "index" and is_view(x) and None not in x.args[1]:
            both = composed(x.args[1], index, x.args[0].shape)
            if both is not None:
                return self.make("index", x.args[0], both, shape=shape, dtype=dtype)
        if basic and x.op in REDUCTIONS and ("keepdims", True) in x.keywords:
            given = {k: v for k, v in x.keywords if k != "keepdims"}
            axis = given.get("axis")
            axes = range(len(x.shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
            wanted = tuple(0 if i in axes else slice(None) for i in range(len(x.shape)))
            if _stripped(wanted) == index:
                return self.make(x.op, x.args[0], shape=shape, dtype=dtype, keywords=given)
        return self.terms("index", x, index, shape=shape, dtype=dtype)


def _other_bound(a: Any, b: Any) -> Term | None:
    """Of two comparisons of the same array, the one that says something, where the other is with an infinite bound."""
    if isinstance(a, Term) and isinstance(b, Term) and a.args[:1] == b.args[:1]:
        for one, other in ((a, b), (b, a)):
            infinite = {"greater_equal": -math.inf, "less_equal": math.inf}.get(one.op)
            if (
                infinite is not None
                and same_number(one.args[1], infinite)
                and other.op in ("less_equal", "greater_equal")
            ):
                return other
    return None


def _whole_part(x: float, dtype: np.dtype) -> int | None:
    """n, where x is 1 / n among the numbers of this dtype; a half is a half."""
    if not 0 < x < 0.5 or 1 / x > 1 << 31:
        return None
    n = round(1 / x)
    return n if dtype.type(1 / n) == dtype.type(x) else None


def _with_new_axes(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The index that gives an array of the shape `old` the shape `new` by axes of size 1; None if that is not all."""
    if len(new) <= len(old):
        return None
    index: list[Any] = []
    rest = list(old)
    for n in new:
        if rest and rest[0] == n:
            index.append(slice(None))
            rest.pop(0)
        elif n == 1:
            index.append(None)
        else:
            return None
    return None if rest else _stripped(tuple(index))


def _stripped(index: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without full slices at the end, which mean nothing."""
    while index and isinstance(index[-1], slice) and index[-1] == slice(None):
        index = index[:-1]
    return index


def normal_index(index: Any, shape: tuple[int, ...], term: Any) -> tuple[Any, ...]:
    """An index in the one form that means the same: a tuple without ..., negative integers and bounds that are implied.

    Args:
        term: turns an array of indices into a term; one that is not an array into None.
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
    return _stripped(tuple(found))


def _plain_or_term(i: Any, term: Any) -> Any:
    if isinstance(i, int | np.integer) and not isinstance(i, bool | np.bool_):
        return int(i)
    return term(i)


def _dimensions(i: Any) -> int:
    """How many dimensions a part of an index is for."""
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
    """The one index that does what two do, one after the other; both without arrays, the first without new axes."""
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
    return _stripped(tuple([*found, *rest]))


Step = tuple[str, Any, Any, Any]
"""An operation that leads to a view: its name, its argument, and the shape and dtype of what it gives."""


def joined(path: Iterable[Step], shape: tuple[int, ...]) -> tuple[Step, ...]:
    """A path from memory of this shape in the one form that means the same."""
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
    """The path in the part that `outer` leads to, to what `inner` leads to from memory of this shape; None where it is
    not in it, as far as the first steps tell."""
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
    return (("index", _stripped(tuple(index)), *inner[0][2:]), *inner[1:])


def disjoint(a: tuple[Step, ...], b: tuple[Step, ...], shape: tuple[int, ...]) -> bool:
    """Whether two parts of memory of this shape have no element in common, as far as their first steps tell."""
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
