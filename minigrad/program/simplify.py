"""Simplify terms of arrays, as a careful student would.

`make` is the only constructor of array terms. It drops a `keepdims` that a reshape removes again, a product with ones,
and the broadcast of an operand that the operation broadcasts anyway. Each rewrite keeps value, shape and dtype.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.program.expressions import REDUCTIONS
from minigrad.program.ir import Term, Terms, is_view, reciprocal, root_of, same_number, same_rounded, shortest, trivial
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
        self.helpers: dict[str, None] = {}  # the functions that the program defines

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
        if dtype == np.float32:
            kept = [shortest(a, np.float32) if isinstance(a, float) else a for a in kept]
        if op == "multiply" and isinstance(kept[0], Term) and not isinstance(kept[1], Term):
            kept.reverse()  # a number comes first
        x = kept[-1]
        half = op == "multiply" and same_number(kept[0], 0.5) and isinstance(x, Term) and x.op == "multiply"
        if half and same_number(x.args[0], 2) and x.dtype == dtype:
            kept = [1, x.args[1]]  # of a square in a loss / 2
        same = trivial(op, kept)
        if isinstance(same, Term) and same.dtype == dtype:
            return self._as(same, shape, dtype)
        if same is not None and not isinstance(same, Term):
            return self.fill(same, shape, dtype)
        if (
            op == "multiply" and same_number(kept[0], -1) and kept[1].dtype == dtype
        ):  # NumPy has no negative of booleans
            return self.make("negative", kept[1], shape=shape, dtype=dtype)
        if op == "multiply" and isinstance(kept[0], float) and (n := reciprocal(abs(kept[0]), dtype.type)):
            x = kept[1] if kept[0] > 0 else self.make("negative", kept[1], shape=kept[1].shape, dtype=kept[1].dtype)
            return self.make("divide", x, n, shape=shape, dtype=dtype)
        if op == "multiply" and isinstance(kept[0], float) and 0.01 < kept[0] < 1 and dtype.kind == "f":
            n = round(kept[0] ** -2)
            if root_of(n**0.5) and same_rounded(n**-0.5, kept[0], dtype.type):  # the product with 1 / sqrt(n)
                return self.make("divide", kept[1], n**0.5, shape=shape, dtype=dtype)
        if op == "where" and isinstance(kept[0], Term) and kept[0].op in ("logical_not", "invert"):
            return self.make("where", kept[0].args[0], kept[2], kept[1], shape=shape, dtype=dtype)
        if op == "where" and (quotient := self._quotient(*kept)) is not None:
            return quotient
        if op == "logical_not" and isinstance(kept[0], Term) and kept[0].dtype == bool:
            return self.make("invert", kept[0], shape=shape, dtype=dtype)
        if op in ("add", "subtract") and isinstance(kept[1], Term) and kept[1].op == "negative":
            return self.make("subtract" if op == "add" else "add", kept[0], kept[1].args[0], shape=shape, dtype=dtype)
        if op == "maximum" and same_number(kept[0], -math.inf) and isinstance(kept[1], Term):
            return self._as(kept[1], shape, dtype)
        if op == "clip" and any(same_number(end, sign * math.inf) for end, sign in ((kept[1], -1), (kept[2], 1))):
            low = same_number(kept[1], -math.inf)
            bound = ("minimum", kept[0], kept[2]) if low else ("maximum", kept[1], kept[0])
            return self.make(*bound, shape=shape, dtype=dtype)
        if op == "bitwise_and" and (other := _other_bound(*kept)) is not None:
            return other
        if op == "divide" and (mean := self._averaged(kept[0], kept[1], shape, dtype)) is not None:
            return mean
        if op == "subtract" and all(isinstance(a, Term) for a in kept) and _is_mean_of(kept[0], kept[1]):
            d = kept[0]
            if d.op == "subtract" and _is_mean_of(*d.args) and d.args[1].keywords == kept[1].keywords:
                return d  # whose mean is 0 but for rounding
        if op == "add" and kept[0] is kept[1] and dtype.kind in "fiu":
            x = kept[0]
            c, x = (x.args[0], x.args[1]) if x.op == "multiply" and isinstance(x.args[0], float) else (1, x)
            return self.make("multiply", 2 * c, x, shape=shape, dtype=dtype)
        if op == "add" and (placed := self._placed(kept, shape, dtype)) is not None:
            return placed
        return self.terms(op, *kept, shape=shape, dtype=dtype)

    def _quotient(self, zero: Any, nothing: Any, ratio: Any) -> Term | None:
        """Return np.where(b == 0, 0, a / np.where(b == 0, 1, b)) by its name."""
        if not isinstance(zero, Term) or not isinstance(ratio, Term) or (zero.op, ratio.op) != ("equal", "divide"):
            return None
        (b, other), (a, divisor) = zero.args, ratio.args
        guarded = isinstance(divisor, Term) and divisor.op == "where" and divisor.args[0] is zero
        if not guarded or divisor.args[2] is not b or not (same_number(other, 0) and same_number(nothing, 0)):
            return None
        self.helpers["quotient"] = None
        return self.terms("call", "quotient", a, b, shape=ratio.shape, dtype=ratio.dtype)

    def _averaged(self, total: Any, n: Any, shape: Any, dtype: Any) -> Term | None:
        """Return total / n as a mean, if it is a sum over n elements whose axes are kept."""
        if isinstance(total, Term) and total.op == "negative":
            mean = self._averaged(total.args[0], n, shape, dtype)
            return None if mean is None else self.make("negative", mean, shape=shape, dtype=dtype)
        if not isinstance(total, Term) or total.op != "sum" or ("keepdims", True) not in total.keywords:
            return None
        count = math.prod(total.args[0].shape) / (math.prod(total.shape) or 1)
        if not same_number(n, count) or total.dtype != dtype:
            return None
        return self.make("mean", total.args[0], shape=shape, dtype=dtype, keywords=total.keywords)

    def _placed(self, args: list[Any], shape: Any, dtype: Any) -> Term | None:
        """Return the sum of two arrays, each 0 outside one part, as one array with both parts."""
        a, b = (a if isinstance(a, Term) and (a.shape, a.dtype) == (shape, dtype) else None for a in args)
        if a is not None and b is not None and (a.op == "store") != (b.op == "store"):
            return self._added(*((b, a) if a.op == "store" else (a, b)))
        if a is None or b is None or a.op != "store" or b.op != "store":
            return None
        old, path, value = b.args
        below = a
        while below.op == "store":
            if not disjoint(below.args[1], path, shape):
                return self._added(a, b)
            below = below.args[0]
        if not all(t.op == "fill" and same_number(t.args[0], 0) for t in (below, old)):
            return None
        return self.terms("store", a, path, value, shape=shape, dtype=dtype)

    def _added(self, a: Term, b: Term) -> Term | None:
        """Return a + b, where b is 0 outside one part: a, to whose part something is added."""
        old, path, value = b.args
        if old.op != "fill" or not same_number(old.args[0], 0) or len(path) != 1 or path[0][0] != "index":
            return None
        if a.op in ("input", "fill") or not isinstance(value, Term) or value.dtype != a.dtype:
            return None
        _, index, part_shape, _ = path[0]
        part = self.terms("index", a, index, shape=part_shape, dtype=a.dtype)
        total = self.make("add", part, value, shape=part_shape, dtype=a.dtype)
        return self.terms("store", a, path, total, shape=a.shape, dtype=a.dtype)

    def _store(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        old, path, value = args
        index = path[0][1] if len(path) == 1 and path[0][0] == "index" else (...,)
        sizes = iter(shape)
        if all(i is None or i == slice(None) and next(sizes) or isinstance(i, int) and next(sizes) == 1 for i in index):
            if isinstance(value, Term) and (value.shape, value.dtype) == (path[0][2], dtype):
                return self.make("reshape", value, shape, shape=shape, dtype=dtype)  # nothing old is left
            if isinstance(value, int | float) and dtype.kind == "f":
                return self.fill(value, shape, dtype)
        return self.terms("store", old, path, value, shape=shape, dtype=dtype)

    def _shorter(self, a: Any) -> list[Any]:
        """Return simpler terms that broadcast to the operand, the shortest first."""
        if not isinstance(a, Term):
            return [a.item()] if isinstance(a, np.generic) else []
        if a.op == "fill" and a.args[0] is not None:
            return [a.args[0], a.dtype.type(a.args[0])] if a.shape else [a.args[0]]
        if a.op == "index" and is_view(a) and None in a.args[1]:
            at = a.args[1].index(None)
            if all(isinstance(i, int) for i in a.args[1][:at]):  # leading axes are implied
                rest = a.args[1][:at] + a.args[1][at + 1 :]
                inner = self.make("index", a.args[0], rest, shape=a.shape[1:], dtype=a.dtype)
                return [*self._shorter(inner), inner]
        if a.op == "broadcast":
            return [*self._shorter(a.args[0]), a.args[0]]
        parts = a.args if elementwise(a.op) is not None else ()
        bare = [p.args[0] if isinstance(p, Term) and p.op == "broadcast" else p for p in parts]
        if [*parts] != bare:  # an operand was broadcast, so that the result was
            shape = np.broadcast_shapes(*[p.shape for p in bare if isinstance(p, Term)])
            return [self.make(a.op, *bare, shape=shape, dtype=a.dtype)] if shape != a.shape else []
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
        if op in ("sum", "mean") and x.op == "negative" and x.dtype == dtype:  # -x.sum()
            positive = self._reduction(op, (x.args[0],), keywords, shape, dtype)
            return self.make("negative", positive, shape=shape, dtype=dtype)
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
        if x.op == "negative":
            inner = self.make("reshape", x.args[0], shape, shape=shape, dtype=dtype)
            if inner.op not in ("reshape", "index"):
                return self.make("negative", inner, shape=shape, dtype=dtype)
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
        n = len(axes)
        last_two = axes == (*range(n - 2), n - 1, n - 2)
        if x.op == "matmul" and last_two and all(len(a.shape) == n for a in x.args):
            a, b = x.args
            if any(t.op == "transpose" and t.args[1] == axes for t in x.args):  # (A.T @ B).T is B.T @ A
                sizes = [(*t.shape[:-2], t.shape[-1], t.shape[-2]) for t in (b, a)]
                turned = [self.make("transpose", t, axes, shape=size, dtype=t.dtype) for t, size in zip((b, a), sizes)]
                return self.make("matmul", *turned, shape=shape, dtype=dtype)
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
        if basic and x.op == "index" and all(i is None or i == slice(None) for i in x.args[1]):
            if all(i == slice(None) or i == 0 and n == 1 for i, n in zip(index, x.shape)):
                return self.make("reshape", x.args[0], shape, shape=shape, dtype=dtype)  # axes that came and went
            swapped = self._under_new_axes(x, index, shape, dtype)
            if swapped is not None:
                return swapped
        if basic and isinstance(index[0], int) and (whole := self._joined(x, index[0])) is not None:
            part, i = whole
            return self.make("index", part, i + index[1:], shape=shape, dtype=dtype)
        if x.op == "matmul" and basic and (product := self._with_vector(x, index)) is not None:
            return product
        if basic and x.op == "index" and is_view(x) and None not in x.args[1]:
            both = composed(x.args[1], index, x.args[0].shape)
            if both is not None:
                return self.make("index", x.args[0], both, shape=shape, dtype=dtype)
        return self.terms("index", x, index, shape=shape, dtype=dtype)

    def _under_new_axes(self, x: Term, index: tuple[Any, ...], shape: Any, dtype: Any) -> Term | None:
        """Return x[index], where x has new axes, as a part of what has none yet, with the new axes that remain."""
        if None in index:
            return None
        added = (*x.args[1], *[slice(None)] * (len(x.shape) - len(x.args[1])))
        taken = (*index, *[slice(None)] * (len(x.shape) - len(index)))
        if any(a is None and t not in (slice(None), 0) for a, t in zip(added, taken)):
            return None
        part = stripped(tuple(t for a, t in zip(added, taken) if a is not None))
        left = tuple(a for a, t in zip(added, taken) if not isinstance(t, int))
        size = tuple(n for n, a in zip(shape, left) if a is not None)
        inner = self.make("index", x.args[0], part, shape=size, dtype=dtype)
        return inner if None not in left else self.make("index", inner, stripped(left), shape=shape, dtype=dtype)

    def _call(self, op: str, args: Any, keywords: Any, shape: Any, dtype: Any) -> Term:
        name, *given = args
        if name == "np.lib.stride_tricks.sliding_window_view" and math.prod(shape[len(given[0].shape) :]) == 1:
            new = (*[slice(None)] * len(given[0].shape), *[None] * (len(shape) - len(given[0].shape)))
            return self.make("index", given[0], new, shape=shape, dtype=dtype)
        if name == "np.einsum" and not keywords and (product := self._einsum(*given, shape=shape, dtype=dtype)):
            return product
        return self.terms(op, *args, shape=shape, dtype=dtype, keywords=keywords)

    def _einsum(self, subscripts: str, *operands: Term, shape: Any, dtype: Any) -> Term | None:
        """Return the sum of products without the axes of size 1 that an operand got for it; None if there are none."""
        names, result = subscripts.split("->")[0].split(","), subscripts.split("->")[1]
        added = {
            letter
            for x, letters in zip(operands, names)
            if x.op == "index" and None in x.args[1]
            for letter, i in zip(letters, x.args[1])
            if i is None
        }
        ones = {
            c for c in added if all(n == 1 for x, word in zip(operands, names) for k, n in zip(word, x.shape) if k == c)
        }
        if not ones:
            return None
        rest = [self._without(x, [c in ones for c in letters]) for x, letters in zip(operands, names)]
        words = ["".join(c for c in letters if c not in ones) for letters in (*names, result)]
        left = tuple(n for n, c in zip(shape, result) if c not in ones)
        product = self.make("call", "np.einsum", f"{','.join(words[:-1])}->{words[-1]}", *rest, shape=left, dtype=dtype)
        return self.make("reshape", product, shape, shape=shape, dtype=dtype)

    def _without(self, x: Term, axes: list[bool]) -> Term:
        """Return x without these axes of size 1."""
        index = stripped(tuple(0 if gone else slice(None) for gone in axes))
        left = tuple(n for n, gone in zip(x.shape, axes) if not gone)
        return self.make("index", x, index, shape=left, dtype=x.dtype) if any(axes) else x

    @staticmethod
    def _joined(x: Term, i: int) -> tuple[Term, tuple[int, ...]] | None:
        """Return the array that gave x[i] to a stacked or concatenated x, and the index in it; None if x is neither."""
        if x.op != "call" or x.keywords or x.args[0] not in ("np.stack", "np.concatenate") or len(x.args) != 2:
            return None
        i %= x.shape[0]
        index: tuple[int, ...] = ()
        if x.args[0] == "np.stack":
            part = x.args[1][i]
        else:
            parts = iter(x.args[1])
            while i >= (part := next(parts)).shape[0]:
                i -= part.shape[0]
            index = (i,)
        return (part, index) if part.dtype == x.dtype else None

    def _with_vector(self, product: Term, index: tuple[Any, ...]) -> Term | None:
        """Return (A @ v[:, None])[:, 0] as A @ v, and (v[None] @ B)[0] as v @ B; None for other products."""
        a, b = product.args
        if len(a.shape) != 2 or len(b.shape) != 2:
            return None
        if index == (slice(None), 0):
            b = self._vector(b, (slice(None), None))
        elif index == (0,):
            a = self._vector(a, (None,))
        if a is None or b is None or len(a.shape) + len(b.shape) != 3:
            return None
        return self.make(
            "matmul", a, b, shape=product.shape[:1] if len(a.shape) == 2 else product.shape[1:], dtype=product.dtype
        )

    def _vector(self, x: Term, index: tuple[Any, ...]) -> Term | None:
        """Return v if x is v[index]; a matrix with one row or column, all of the same number, is that too."""
        if x.op == "index" and x.args[1] == index:
            return x.args[0]
        axis = index.index(None)
        if x.op == "fill" and len(x.shape) == 2 and x.shape[axis] == 1:
            return self.fill(x.args[0], (x.shape[1 - axis],), x.dtype)
        return None


def _is_mean_of(x: Any, mean: Any) -> bool:
    """Return whether the second term is the mean of the first along some axes, which are kept."""
    is_mean = isinstance(mean, Term) and mean.op == "mean" and ("keepdims", True) in mean.keywords
    return is_mean and mean.args[0] is x


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
