"""Simplify terms of arrays, as a careful student would.

`make` is the only constructor of array terms. It drops a `keepdims` that a reshape removes again, a product with ones,
and the broadcast of an operand that the operation broadcasts anyway. Each rewrite keeps value, shape and dtype.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.program.expressions import REDUCTIONS
from minigrad.program.ir import Term, Terms, is_view, same_number, trivial
from minigrad.program.views import composed, disjoint, stripped

_NOT_UFUNCS = {"where": np.where, "clip": np.clip}


def elementwise(op: str) -> Any:
    """Return the elementwise NumPy function of this name; None if there is none."""
    if op in _NOT_UFUNCS:
        return _NOT_UFUNCS[op]
    function = getattr(np, op, None)
    return function if isinstance(function, np.ufunc) and function.signature is None else None


class Arrays:
    """The array terms of one program."""

    def __init__(self) -> None:
        self.terms = Terms()

    def fill(self, value: Any, shape: tuple[int, ...], dtype: Any) -> Term:
        """Return an array filled with a number; None stands for uninitialized memory."""
        dtype = np.dtype(dtype)
        return self.terms("fill", None if value is None else dtype.type(value).item(), shape=shape, dtype=dtype)

    def make(self, op: str, *args: Any, shape: Any, dtype: Any, keywords: Any = ()) -> Term:
        """Return the simplest term for an operation whose result has this shape and dtype."""
        keywords = dict(keywords)
        primitive = getattr(self, f"_{op}", None) or (self._reduction if op in REDUCTIONS else None)
        if primitive is not None:
            return primitive(op, args, keywords, shape, dtype)
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
        if dtype == np.float32:  # the shortest text that is the same number in float32
            kept = [float(str(np.float32(a))) if isinstance(a, float) else a for a in kept]
        if op == "multiply" and isinstance(kept[0], Term) and not isinstance(kept[1], Term):
            kept.reverse()  # a number comes first
        same = trivial(op, kept)
        if isinstance(same, Term) and same.dtype == dtype:
            return self._as(same, shape, dtype)
        if same is not None and not isinstance(same, Term):
            return self.fill(same, shape, dtype)
        if (
            op == "multiply" and same_number(kept[0], -1) and kept[1].dtype == dtype
        ):  # NumPy has no negative of booleans
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
        """Return the sum of two arrays, each 0 outside one part, as one array with both parts."""
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
        """Return simpler terms that broadcast to the operand, the shortest first."""
        if not isinstance(a, Term):
            return [a.item()] if isinstance(a, np.generic) else []
        if a.op == "fill" and a.args[0] is not None:
            return [a.args[0]]
        if a.op == "index" and is_view(a) and a.args[1][0] is None:  # leading axes are implied
            inner = self.make("index", a.args[0], a.args[1][1:], shape=a.shape[1:], dtype=a.dtype)
            return [*self._shorter(inner), inner]
        if a.op == "broadcast":
            return [*self._shorter(a.args[0]), a.args[0]]
        return []

    def _meet(self, function: Any, args: list[Any]) -> tuple[Any, Any] | None:
        """Return the shape and dtype of the function's result."""
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
                given[name] = keywords[name]  # an initial value matters for an empty array only
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
        if added and x.args[0].shape == shape:  # axes of size 1, which are removed again
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
            if stripped(wanted) == index:
                return self.make(x.op, x.args[0], shape=shape, dtype=dtype, keywords=given)
        return self.terms("index", x, index, shape=shape, dtype=dtype)


def _other_bound(a: Any, b: Any) -> Term | None:
    """Return the other of two comparisons of an array, if one of them is with an infinite bound and always true."""
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
    """Return n if x is 1 / n in this dtype and n > 2; otherwise None."""
    if not 0 < x < 0.5 or 1 / x > 1 << 31:
        return None
    n = round(1 / x)
    return n if dtype.type(1 / n) == dtype.type(x) else None


def _with_new_axes(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[Any, ...] | None:
    """Return the index that turns shape `old` into `new` by inserting axes of size 1; None if there is none."""
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
    return None if rest else stripped(tuple(index))
