"""The methods of a Tensor that compute: each names a rule, or is a composition of such. PyTorch's names and meaning.

`dim`/`keepdim` (PyTorch) and `axis`/`keepdims` (NumPy) are the same. A function `minigrad.f(t, …)` is the method
`t.f(…)`, and `np.f(t, …)` arrives here as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

import numpy as np

from minigrad.promotion import NUMBERS, check_broadcast, default_dtype, operand, promoted, result_type
from minigrad.rules import elementwise as ew
from minigrad.rules import index, linalg, reduce
from minigrad.rules import nn as special
from minigrad.rules import shape as moves
from minigrad.rules.rule import Elementwise, Rule

Dims: TypeAlias = int | Sequence[int] | None
T = TypeVar("T", bound="Operations")


class Extremes(NamedTuple):
    """What `max` and `min` along a dimension give: the extreme values, and where they were."""

    values: Any
    indices: Any


# ---- methods made from elementwise rules -----------------------------------------------------------------------


def _formula(rule: Elementwise) -> str:
    partials = ", ".join(f"dy/d{name} = {text}" for name, text in rule.partials.items())
    return f"y = {rule.formula}, element by element; {partials}."


def _unary(rule: Elementwise, exact: bool = False) -> Callable[[T], T]:
    """A method of one tensor. Unless the rule is `exact`, integers become floats first, as in PyTorch."""

    def method(self: T) -> T:
        if not exact and self._array.dtype.kind != "f":
            self = self.astype(default_dtype)
        return self.apply(rule, self)

    method.__name__, method.__doc__ = rule.name, _formula(rule)
    return method


def _binary(rule: Elementwise, division: bool = False) -> Callable[[T, Any], T]:
    """A method of two operands, which broadcast; the other one may be an array or a number."""

    def method(self: T, other: Any) -> T:
        if isinstance(other, Operations):
            x, y = self._array, other._array
            if x.dtype is y.dtype and x.shape == y.shape and not division:
                return self.apply(rule, self, other)  # the commonest case needs no adapting
        return _combine(rule, self, self, other, division)

    method.__name__, method.__doc__ = rule.name, _formula(rule)
    return method


def _reflected(rule: Elementwise, division: bool = False) -> Callable[[T, Any], T]:
    """The same with the tensor on the right: 2 - t."""

    def method(self: T, other: Any) -> T:
        return _combine(rule, self, other, self, division)

    return method


def _combine(rule: Elementwise, self: T, a: Any, b: Any, division: bool) -> T:
    """rule(a, b), after promotion and a check of the shapes. NotImplemented lets Python complain of the types."""
    a, b = promoted(a, b, division)
    if a is None:
        return NotImplemented
    if a.__class__ not in NUMBERS and b.__class__ not in NUMBERS and a.shape != b.shape:
        check_broadcast(rule.name, a, b)
    return self.apply(rule, a, b)


def _comparison(ufunc: np.ufunc) -> Callable[[T, Any], T]:
    """A method that answers in booleans, which have no gradient."""

    def method(self: T, other: Any) -> T:
        value = operand(other)
        if value is None:
            return NotImplemented
        if value.__class__ not in NUMBERS and value.shape != self.shape:
            check_broadcast(ufunc.__name__, self, value)
        return self.apply(_comparisons[ufunc], self, value)

    method.__name__, method.__doc__ = ufunc.__name__, f"np.{ufunc.__name__}, element by element: a boolean tensor."
    return method


_comparisons: dict[Any, Rule] = {
    u: Rule(u.__name__, (lambda f: lambda a, b: f(a, b))(u))
    for u in (
        np.equal,
        np.not_equal,
        np.less,
        np.less_equal,
        np.greater,
        np.greater_equal,
        np.logical_and,
        np.logical_or,
        np.logical_xor,
        np.bitwise_and,
        np.bitwise_or,
        np.bitwise_xor,
    )
}
_tests = {
    "isnan": Rule("isnan", lambda x: np.isnan(x)),
    "isinf": Rule("isinf", lambda x: np.isinf(x)),
    "isfinite": Rule("isfinite", lambda x: np.isfinite(x)),
}
_invert = Rule("invert", lambda x: np.invert(x))
_not = Rule("logical_not", lambda x: np.logical_not(x))


def _in_place(operator: str) -> Callable[[T, Any], T]:
    """A method that writes the operator's result into the tensor's own memory."""

    def method(self: T, other: Any) -> T:
        new = getattr(self._past(other), operator)(other)
        return new if new is NotImplemented else self._write(new, operator.strip("_"))

    method.__name__ = f"{operator.strip('_')}_"
    method.__doc__ = f"`{operator.strip('_')}`, written into this tensor's own memory; gives the tensor."
    return method


class Operations:
    """The computing half of Tensor. `apply`, `shape`, `ndim`, `dtype` and `astype` are the other half's."""

    apply: Callable[..., Any]
    _array: np.ndarray
    _past: Callable[..., Any]
    _write: Callable[..., Any]
    shape: tuple[int, ...]
    ndim: int
    dtype: np.dtype
    astype: Callable[..., Self]

    # -- elementwise ---------------------------------------------------------------------------------------------

    exp, log, expm1, log1p = _unary(ew.exp), _unary(ew.log), _unary(ew.expm1), _unary(ew.log1p)
    sqrt, sin, cos, tanh = _unary(ew.sqrt), _unary(ew.sin), _unary(ew.cos), _unary(ew.tanh)
    sigmoid = _unary(ew.sigmoid)
    relu, neg, abs, square = (_unary(rule, exact=True) for rule in (ew.relu, ew.neg, ew.abs, ew.square))
    sign, floor, ceil = (_unary(rule, exact=True) for rule in (ew.sign, ew.floor, ew.ceil))
    __neg__, __abs__ = neg, abs

    def __pos__(self) -> Self:
        return self

    add, sub, mul, div = _binary(ew.add), _binary(ew.sub), _binary(ew.mul), _binary(ew.div, division=True)
    pow, maximum, minimum = _binary(ew.pow), _binary(ew.maximum), _binary(ew.minimum)
    __add__, __radd__ = add, _reflected(ew.add)
    __sub__, __rsub__ = sub, _reflected(ew.sub)
    __mul__, __rmul__ = mul, _reflected(ew.mul)
    __truediv__, __rtruediv__ = div, _reflected(ew.div, division=True)
    __pow__, __rpow__ = pow, _reflected(ew.pow)

    add_, sub_, mul_, div_ = (_in_place(f"__{name}__") for name in ("add", "sub", "mul", "truediv"))
    pow_ = _in_place("__pow__")
    __iadd__, __isub__, __imul__, __itruediv__, __ipow__ = add_, sub_, mul_, div_, pow_

    eq, ne, lt = _comparison(np.equal), _comparison(np.not_equal), _comparison(np.less)
    le, gt, ge = _comparison(np.less_equal), _comparison(np.greater), _comparison(np.greater_equal)
    __eq__, __ne__, __lt__, __le__, __gt__, __ge__ = eq, ne, lt, le, gt, ge  # type: ignore[assignment]
    __hash__ = object.__hash__  # by identity, although == compares elements
    logical_and, logical_or = _comparison(np.logical_and), _comparison(np.logical_or)
    __and__, __or__, __xor__ = (_comparison(u) for u in (np.bitwise_and, np.bitwise_or, np.bitwise_xor))
    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Self:
        """not, element by element (of integers: of their bits)."""
        return self.apply(_invert, self)

    def logical_not(self) -> Self:
        """Whether each element is 0."""
        return self.apply(_not, self)

    def erf(self) -> Self:
        """The error function, the integral of 2/sqrt(pi) exp(-t²) from 0 to x, element by element."""
        t = self if self.dtype.kind == "f" else self.astype(default_dtype)
        return t.apply(special.erf, t)

    def clamp(self, min: Any = None, max: Any = None) -> Self:
        """Each element, moved into [min, max]; the gradient passes where it was within (the ends included).

        The bounds are numbers, or tensors or arrays that broadcast.

        Raises:
            ValueError: when neither bound is given, and for shapes that do not broadcast.
        """
        if min is None and max is None:
            raise ValueError("clamp: give min, max or both")
        t = self
        for bound in (min, max):
            t = t if bound is None else promoted(t, bound)[0]
        if t is None:
            raise TypeError("clamp: the bounds are numbers, or tensors or arrays of numbers")
        if t.dtype.kind == "b":
            raise TypeError("clamp: takes numbers, not booleans")
        least, most = (-math.inf, math.inf) if t.dtype.kind == "f" else (np.iinfo(t.dtype).min, np.iinfo(t.dtype).max)
        low, high = (
            otherwise if bound is None else promoted(t, bound)[1] for bound, otherwise in ((min, least), (max, most))
        )
        check_broadcast("clamp", t, low, high)
        return t.apply(ew.clamp, t, low, high)

    def masked_fill(self, mask: Any, value: float) -> Self:
        """`value` where the boolean `mask` is true, elsewhere self's elements."""
        out = self._choose(mask, value, self)
        if out.dtype != self.dtype:
            raise TypeError(f"masked_fill: a tensor of {self.dtype} cannot hold {value!r}")
        return out

    def where(self, condition: Any, other: Any) -> Self:
        """self's elements where the condition holds, those of `other` elsewhere."""
        return self._choose(condition, self, other)

    def _choose(self, condition: Any, a: Any = None, b: Any = None) -> Self:
        """np.where with a tensor at any of its three places."""
        if a is None or b is None:
            raise TypeError("where: give what to take where the condition holds, and what elsewhere")
        condition = condition if hasattr(condition, "dtype") else np.asarray(condition)
        if condition.dtype.kind != "b":
            condition = condition != 0
        a, b = promoted(a, b)
        if a is None:
            raise TypeError("where: chooses between tensors, arrays of numbers and numbers")
        check_broadcast("where", condition, a, b)
        return self.apply(ew.where, condition, a, b)

    def isnan(self) -> Self:
        """Whether each element is nan."""
        return self.apply(_tests["isnan"], self)

    def isinf(self) -> Self:
        """Whether each element is infinite."""
        return self.apply(_tests["isinf"], self)

    def isfinite(self) -> Self:
        """Whether each element is a number, neither infinite nor nan."""
        return self.apply(_tests["isfinite"], self)

    # -- reductions ----------------------------------------------------------------------------------------------

    def _dims(self, dim: Dims, axis: Dims) -> int | tuple[int, ...] | None:
        """The one of `dim` and `axis` that was given, checked against the shape; from 0 on."""
        if dim is not None and axis is not None:
            raise TypeError("dim and axis are two names for the same: give one")
        dim = axis if dim is None else dim
        if dim is None or dim == ():
            return None
        many = isinstance(dim, Sequence)
        dims = []
        for d in dim if many else [dim]:  # type: ignore[union-attr]
            if isinstance(d, bool) or not isinstance(d, int | np.integer):
                raise TypeError(f"a dimension is an integer, got {type(d).__name__}: {d!r}")
            if not -max(self.ndim, 1) <= d < max(self.ndim, 1):
                raise IndexError(
                    f"dimension {d} is out of range for a tensor of shape {self.shape}, which has {self.ndim} "
                    f"dimension{'s' * (self.ndim != 1)}: it may be {-max(self.ndim, 1)} to {max(self.ndim, 1) - 1}"
                )
            dims.append(int(d) % max(self.ndim, 1))
        if len(set(dims)) < len(dims):
            raise ValueError(f"dimensions {tuple(dim)} name one of the {self.ndim} twice")  # type: ignore[arg-type]
        if not self.ndim:
            return None
        return tuple(dims) if many else dims[0]

    def _sizes_along(self, dims: int | tuple[int, ...] | None) -> list[int]:
        """The sizes of these dimensions; None means all."""
        return [
            self.shape[d] for d in (range(self.ndim) if dims is None else (dims,) if isinstance(dims, int) else dims)
        ]

    def _reduce(self, rule: Rule, dim: Dims, keepdim: bool, axis: Dims, keepdims: bool | None) -> Self:
        keep = keepdim if keepdims is None else keepdims
        dims = self._dims(dim, axis)
        if rule in (reduce.amax, reduce.amin) and 0 in self._sizes_along(dims):
            raise ValueError(f"{rule.name}: no elements to choose from in a tensor of shape {self.shape}")
        return self.apply(rule, self, axis=dims, keepdims=bool(keep))

    def sum(
        self,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Self:
        """The sum of all elements, or along `dim`. Booleans and integers are summed in int64."""
        t = self if dtype is None else self.astype(dtype)
        if dtype is None and t.dtype.kind in "biu":
            t = t.astype(np.dtype("int64"))
        return t._reduce(reduce.sum, dim, keepdim, axis, keepdims)

    def mean(
        self,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Self:
        """The mean of all elements, or along `dim`.

        Raises:
            TypeError: for integers, whose mean is none.
        """
        t = self if dtype is None else self.astype(dtype)
        if t.dtype.kind != "f":
            raise TypeError(f"mean of a tensor of {t.dtype}: convert it to floats first, as in t.float().mean()")
        return t._reduce(reduce.mean, dim, keepdim, axis, keepdims)

    def amax(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Self:
        """The largest of all elements, or along `dim`. Ties share the gradient equally."""
        return self._reduce(reduce.amax, dim, keepdim, axis, keepdims)

    def amin(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Self:
        """The smallest of all elements, or along `dim`. Ties share the gradient equally."""
        return self._reduce(reduce.amin, dim, keepdim, axis, keepdims)

    def max(
        self, dim: Any = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
    ) -> Any:
        """The largest of all elements (ties share the gradient); along `dim`, (values, indices), where one of the
        tied gets the gradient; with another tensor in place of `dim`, the elementwise maximum. As in PyTorch.

        `np.max(t, axis)` is `amax`, as NumPy's name promises.
        """
        return self._extreme("max", dim, keepdim, axis, keepdims)

    def min(
        self, dim: Any = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
    ) -> Any:
        """As `max`, for the smallest."""
        return self._extreme("min", dim, keepdim, axis, keepdims)

    def _extreme(self, name: str, dim: Any, keepdim: bool, axis: int | None, keepdims: bool | None) -> Any:
        if hasattr(dim, "dtype") and getattr(dim, "ndim", 0) + isinstance(dim, Operations):
            return getattr(self, f"{name}imum")(dim)
        dims = self._dims(dim, axis)
        if dims is None and dim is None and axis is None:
            return getattr(self, f"a{name}")()
        if isinstance(dims, tuple):
            raise TypeError(f"{name} gives indices and so takes one dim, got {dims}; for several: a{name}")
        keep = keepdim if keepdims is None else keepdims
        if dims is None:  # of one number
            return Extremes(self, self.apply(moves.clone, np.zeros((), np.int64)))
        where = getattr(self, f"arg{name}")(dims, keepdim=True)
        values = self.apply(index.gather, self, index=where.detach().numpy(), axis=dims)
        return Extremes(values, where) if keep else Extremes(values.squeeze(dims), where.squeeze(dims))

    def argmax(
        self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
    ) -> Self:
        """Where the largest element is: in the flattened tensor, or along `dim`. The first of equals; int64."""
        return self._where_extreme("max", dim, keepdim, axis, keepdims)

    def argmin(
        self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
    ) -> Self:
        """Where the smallest element is; see `argmax`."""
        return self._where_extreme("min", dim, keepdim, axis, keepdims)

    def _where_extreme(self, name: str, dim: Any, keepdim: bool, axis: Any, keepdims: bool | None) -> Self:
        dims = self._dims(dim, axis)
        if 0 in self._sizes_along(dims):
            raise ValueError(f"arg{name}: no elements to choose from in a tensor of shape {self.shape}")
        keep = keepdim if keepdims is None else keepdims
        return self.apply(reduce.argmax if name == "max" else reduce.argmin, self, axis=dims, keepdims=bool(keep))

    def all(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Self:
        """Whether all elements are true (not 0)."""
        return self._reduce(reduce.all, dim, keepdim, axis, keepdims)

    def any(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Self:
        """Whether any element is true (not 0)."""
        return self._reduce(reduce.any, dim, keepdim, axis, keepdims)

    def var(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: int | None = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Self:
        """The variance of all elements, or along `dim`: the squared deviations, summed and divided by
        n - correction; correction is 1 (Bessel's) unless given, or 0 with `unbiased=False`."""
        dims = self._dims(dim, axis)
        less = int(unbiased) if correction is None else correction
        n = math.prod(self._sizes_along(dims))
        deviation = self - self.mean(dims, keepdim=True)
        total = (deviation * deviation).sum(dims, keepdim if keepdims is None else keepdims)
        return total / float(n - less) if n > less else total * math.nan

    def std(self, dim: Dims = None, unbiased: bool = True, keepdim: bool = False, **options: Any) -> Self:
        """The standard deviation: the root of `var`, which see. Where it is 0, so is its gradient."""
        variance = self.var(dim, unbiased, keepdim, **options)
        constant = variance.eq(0)
        if not constant.any():
            return variance.sqrt()
        return (
            variance.masked_fill(constant, 1.0).sqrt().masked_fill(constant, 0.0)
        )  # the root's slope at 0 is infinite

    def logsumexp(
        self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None
    ) -> Self:
        """log(sum(exp(self))) along `dim`, without overflow."""
        t = self if self.dtype.kind == "f" else self.astype(default_dtype)
        return t._reduce(reduce.logsumexp, dim, keepdim, axis, keepdims)

    def softmax(self, dim: int | None = None, *, axis: int | None = None) -> Self:
        """exp(self) / sum(exp(self)) along `dim`, without overflow."""
        return self._normalised(reduce.softmax, dim, axis)

    def log_softmax(self, dim: int | None = None, *, axis: int | None = None) -> Self:
        """log(softmax(self)) along `dim`, without underflow."""
        return self._normalised(reduce.log_softmax, dim, axis)

    def _normalised(self, rule: Rule, dim: int | None, axis: int | None) -> Self:
        if dim is None and axis is None:
            raise TypeError(f"{rule.name}: along which dim? For a batch of scores (N, classes) it is dim=1")
        t = self if self.dtype.kind == "f" else self.astype(default_dtype)
        dims = t._dims(dim, axis)
        if dims is None:  # 0-d: one number by itself
            return t.reshape(1)._normalised(rule, 0, None).reshape(())
        return t.apply(rule, t, axis=dims)

    # -- linear algebra ------------------------------------------------------------------------------------------

    def matmul(self, other: Any) -> Self:
        """The matrix product, of batches of matrices with broadcasting; 1-d operands are vectors. As NumPy's `@`."""
        return self._product(self, other)

    __matmul__ = matmul

    def __rmatmul__(self, other: Any) -> Self:
        return self._product(other, self)

    def _product(self, a: Any, b: Any) -> Self:
        if not (hasattr(a, "dtype") and hasattr(b, "dtype")):
            return NotImplemented
        a, b = promoted(a, b)
        if a is None:
            return NotImplemented
        if a.__class__ in NUMBERS or b.__class__ in NUMBERS or not a.ndim or not b.ndim:
            raise ValueError("matmul: both operands need at least one dimension; to scale, use *")
        inner = -1 if b.ndim == 1 else -2
        if a.shape[-1] != b.shape[inner]:
            mend = ""
            if b.ndim > 1 and a.shape[-1] == b.shape[-1]:
                mend = " The second one transposed would fit: b.mT?"
            elif a.ndim > 1 and a.shape[-2] == b.shape[inner]:
                mend = " The first one transposed would fit: a.mT?"
            raise ValueError(
                f"matmul: shapes {a.shape} and {b.shape} do not fit: the last dimension of the first, {a.shape[-1]}, "
                f"must equal dimension {inner} of the second, {b.shape[inner]}.{mend}"
            )
        if a.ndim > 2 and b.ndim > 2:
            try:
                np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            except ValueError:
                raise ValueError(
                    f"matmul: the batch dimensions of shapes {a.shape} and {b.shape} do not broadcast: "
                    f"{a.shape[:-2]} and {b.shape[:-2]}"
                ) from None
        return self.apply(linalg.matmul, a, b)

    # -- shape ---------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any) -> Self:
        """The same elements in another shape; one size may be -1, for what is left. Shares memory where it can.

        Raises:
            ValueError: when the numbers of elements differ.
        """
        return self.apply(moves.reshape, self, shape=self._new_shape(_sizes(shape)))

    def _new_shape(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        n, known = math.prod(self.shape), math.prod(s for s in sizes if s != -1)
        free = sizes.count(-1)
        if free == 1 and known and n % known == 0:
            return tuple([n // known if s == -1 else s for s in sizes])
        if free or known != n or min(sizes, default=0) < 0:
            raise ValueError(
                f"reshape: a tensor of shape {self.shape} has {n} elements, which do not fill the shape {sizes}"
                + (": only one size can be -1" if free > 1 else "")
            )
        return sizes

    view = reshape

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self:
        """The dimensions from `start_dim` to `end_dim` as one; flatten(1) leaves the batch alone."""
        if not self.ndim:
            return self.reshape(1)
        start: Any = self._dims(start_dim, None)
        end: Any = self._dims(end_dim, None)
        if start > end:
            raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {self.shape}")
        middle = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], middle, *self.shape[end + 1 :])

    def ravel(self) -> Self:
        """All elements in one dimension."""
        return self.reshape(-1) if 0 not in self.shape else self.reshape(0)

    def permute(self, *dims: Any) -> Self:
        """The dimensions in another order, all of them named."""
        order = self._dims(_sizes(dims), None) if self.ndim else ()
        if not isinstance(order, tuple) or len(order) != self.ndim:
            raise ValueError(f"permute: name all {self.ndim} dimensions of shape {self.shape} once, got {_sizes(dims)}")
        return self.apply(moves.permute, self, axes=order)

    def transpose(self, *dims: Any) -> Self:
        """Two dimensions exchanged (PyTorch); as in NumPy, all reversed or, if all are named, permuted."""
        if len(dims) == 2 and all(isinstance(d, int) for d in dims):
            order = list(range(self.ndim))
            a, b = (self._dims(d, None) for d in dims)
            if a is not None:
                order[a], order[b] = order[b], order[a]  # type: ignore[index]
            return self.permute(*order)
        if not dims or dims == (None,):
            return self.permute(*reversed(range(self.ndim)))
        return self.permute(*dims)

    def swapaxes(self, axis0: int, axis1: int) -> Self:
        """Two dimensions exchanged."""
        return self.transpose(axis0, axis1)

    def t(self) -> Self:
        """The transpose of a matrix; a vector or a number as it is."""
        if self.ndim > 2:
            raise ValueError(f"t: the transpose is that of a matrix, got shape {self.shape}; for more: .mT, .transpose")
        return self.transpose()

    @property
    def T(self) -> Self:
        """All dimensions reversed."""
        return self.transpose()

    @property
    def mT(self) -> Self:
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise ValueError(f"mT: needs at least two dimensions, got shape {self.shape}")
        return self.transpose(-2, -1)

    def squeeze(self, dim: Dims = None, *, axis: Dims = None) -> Self:
        """Without its dimensions of size 1: all of them, or those of `dim` that are."""
        dims = self._dims(dim, axis)
        chosen = range(self.ndim) if dim is None and axis is None else (dims,) if isinstance(dims, int) else dims or ()
        return self.reshape(*[n for i, n in enumerate(self.shape) if n != 1 or i not in chosen])

    def unsqueeze(self, dim: Any) -> Self:
        """With a new dimension of size 1 at `dim` (of the result)."""
        many = isinstance(dim, Sequence)
        new = self.ndim + (len(dim) if many else 1)
        places = []
        for d in dim if many else (dim,):
            if not -new <= d < new:
                raise IndexError(
                    f"unsqueeze: dim {d} is out of range; for shape {self.shape} it may be {-new} to {new - 1}"
                )
            places.append(d % new)
        old = iter(self.shape)
        return self.reshape(*[1 if i in places else next(old) for i in range(new)])

    def expand(self, *sizes: Any) -> Self:
        """Dimensions of size 1 repeated to the given sizes, without copying; -1 leaves a size as it is."""
        wanted = _sizes(sizes)
        new = len(wanted) - self.ndim
        target = tuple([self.shape[i - new] if n == -1 and i >= new else n for i, n in enumerate(wanted)])
        if new < 0 or any(m not in (1, n) for m, n in zip(self.shape, target[new:])) or -1 in target:
            raise ValueError(f"expand: shape {self.shape} cannot become {wanted}: only sizes of 1 can be repeated")
        return self.apply(moves.expand, self, shape=target)

    def broadcast_to(self, shape: Sequence[int]) -> Self:
        """`expand` under NumPy's name."""
        return self.expand(*shape)

    def _joined(self, how: str, tensors: Sequence[Any], dim: int) -> Self:
        """`cat` and `stack`: of tensors and arrays, in their common dtype."""
        for t in tensors:
            if operand(t) is None or t.__class__ in NUMBERS:
                raise TypeError(f"{how}: takes tensors and arrays, got {type(t).__name__} {t!r}")
        if not isinstance(dim, int):
            raise TypeError(f"{how}: the dimension is an integer, got {dim!r}")
        shapes = [tuple(t.shape) for t in tensors]
        first = shapes[0]
        ndim = len(first) + (how == "stack")
        if not -ndim <= dim < ndim:
            raise IndexError(f"{how}: dim {dim} is out of range for tensors of shape {first}")
        for i, other in enumerate(shapes):
            fits = (
                other == first
                if how == "stack"
                else (
                    len(other) == len(first)
                    and all(m == n for d, (m, n) in enumerate(zip(first, other)) if d != dim % ndim)
                )
            )
            if not fits:
                raise ValueError(
                    f"{how} along dim {dim}: tensor 0 has shape {first}, but tensor {i} has shape {other}"
                    + ("" if how == "stack" else "; all other dimensions must be equal")
                )
        dtype = result_type(*tensors)
        tensors = [t if t.dtype == dtype else t.astype(dtype) for t in tensors]
        return self.apply(getattr(moves, how), *tensors, axis=dim)

    def dot(self, other: Any) -> Self:
        """The inner product of two vectors; as np.dot, also a matrix product, or one with a number."""
        return self._dot(self, other)

    def _dot(self, a: Any, b: Any) -> Self:
        if not np.ndim(a) or not np.ndim(b):
            return a * b
        if np.ndim(b) > 2:
            raise ValueError(f"dot: of shapes {np.shape(a)} and {np.shape(b)}; for batches of matrices use matmul, @")
        return a @ b

    def clone(self) -> Self:
        """A copy with memory of its own, through which gradients pass."""
        return self.apply(moves.clone, self)

    copy = clone


def _sizes(args: Any) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence."""
    if len(args) == 1 and not isinstance(args[0], int | np.integer):
        args = tuple(args[0])
    for n in args:
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise TypeError(f"sizes are integers, got {type(n).__name__}: {n!r}")
    return tuple([int(n) for n in args])


class Casts:
    """The methods that change the dtype. (Apart, for in a class with methods of these names `float` is no type.)"""

    to: Callable[..., Any]

    def float(self) -> Any:
        """As float32."""
        return self.to(np.float32)

    def double(self) -> Any:
        """As float64."""
        return self.to(np.float64)

    def long(self) -> Any:
        """As int64; floats are cut towards zero."""
        return self.to(np.int64)

    def int(self) -> Any:
        """As int32; floats are cut towards zero."""
        return self.to(np.int32)

    def bool(self) -> Any:
        """Whether each element is not 0."""
        return self.to(np.bool_)
