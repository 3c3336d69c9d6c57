"""Elementwise methods: arithmetic, functions of one number, comparisons, choices. Each names a rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from minigrad.operations.base import Base, T
from minigrad.promotion import NUMBERS, check_broadcast, default_dtype, promoted
from minigrad.rules import elementwise as ew
from minigrad.rules import nn as special
from minigrad.rules.rule import Elementwise, Rule

# ---- methods made from elementwise rules -----------------------------------------------------------------------


def _formula(rule: Elementwise) -> str:
    partials = ", ".join(f"dy/d{name} = {text}" for name, text in rule.partials.items())
    return f"y = {rule.formula}, element by element; {partials}."


def _unary(rule: Elementwise, exact: bool = False) -> Callable[[T], T]:
    """A method of one tensor. Unless the rule is `exact`, integers become floats first, as in PyTorch."""

    def method(self: T) -> T:
        if not isinstance(self, Base):
            _refuse(rule.name, self)
        if not exact and self._array.dtype.kind != "f":
            self = self.astype(default_dtype)
        if self._array.dtype.kind == "b":
            _refuse_bool(rule, self)
        return self.apply(rule, self)

    method.__name__, method.__doc__ = rule.name, _formula(rule)
    return method


def _refuse(name: str, self: Any) -> None:
    """What minigrad.exp(2.0) says."""
    raise TypeError(f"{name}: takes a tensor, got {type(self).__name__}; make it one: minigrad.tensor(...)")


def _named(operator: Callable[[Any, Any], Any]) -> Callable[[T, Any], T]:
    """An operator under a name: where the operator leaves it to Python to complain of the types, it does so itself."""

    def method(self: T, other: Any) -> T:
        if not isinstance(self, Base):
            _refuse(operator.__name__, self)
        answer = operator(self, other)
        if answer is NotImplemented:
            raise TypeError(f"{operator.__name__}: computes with tensors, arrays, numbers; got {type(other).__name__}")
        return answer

    method.__name__, method.__doc__ = operator.__name__, operator.__doc__
    return method


def _binary(rule: Elementwise, division: bool = False) -> Callable[[T, Any], T]:
    """An operator of two operands, which broadcast; the other one may be an array or a number."""

    def method(self: T, other: Any) -> T:
        if isinstance(other, Base):
            x, y = self._array, other._array
            if x.dtype is y.dtype and x.shape == y.shape and x.dtype.kind == "f":
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
    _refuse_bool(rule, a, b)
    a, b = promoted(a, b, division)
    if a is None:
        return NotImplemented
    if a.__class__ not in NUMBERS and b.__class__ not in NUMBERS and a.shape != b.shape:
        check_broadcast(rule.name, a, b)
    return self.apply(rule, a, b)


def _refuse_bool(rule: Elementwise, *operands: Any) -> None:
    """Raise where arithmetic with truth values is hardly meant; as PyTorch."""
    bools = [o.__class__ is bool or getattr(o, "dtype", None) == np.bool_ for o in operands]
    if (rule in (ew.sub, ew.neg) and any(bools)) or (rule is ew.pow and all(bools)):
        raise TypeError(f"{rule.name}: not of bool tensors; for logic use ~ and ^, for numbers .float() or .long()")


def _comparison(ufunc: np.ufunc) -> Callable[[T, Any], T]:
    """A method that answers in booleans, which have no gradient."""

    def method(self: T, other: Any) -> T:
        a, b = promoted(self, other)
        if a is None:
            return NotImplemented
        if b.__class__ not in NUMBERS and b.shape != a.shape:
            check_broadcast(ufunc.__name__, a, b)
        return self.apply(_comparisons[ufunc], a, b)

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


class Pointwise(Base):
    """Each element by itself, or with those at the same place in others."""

    exp, log, expm1, log1p = _unary(ew.exp), _unary(ew.log), _unary(ew.expm1), _unary(ew.log1p)
    sqrt, sin, cos, tanh = _unary(ew.sqrt), _unary(ew.sin), _unary(ew.cos), _unary(ew.tanh)
    sigmoid = _unary(ew.sigmoid)
    relu, neg, abs, square = (_unary(rule, exact=True) for rule in (ew.relu, ew.neg, ew.abs, ew.square))
    sign, floor, ceil = (_unary(rule, exact=True) for rule in (ew.sign, ew.floor, ew.ceil))
    __neg__, __abs__ = neg, abs

    def __pos__(self) -> Self:
        return self

    __add__, __radd__ = _binary(ew.add), _reflected(ew.add)
    __sub__, __rsub__ = _binary(ew.sub), _reflected(ew.sub)
    __mul__, __rmul__ = _binary(ew.mul), _reflected(ew.mul)
    __truediv__, __rtruediv__ = _binary(ew.div, division=True), _reflected(ew.div, division=True)
    __pow__, __rpow__ = _binary(ew.pow), _reflected(ew.pow)
    add, sub, mul, div, pow = (_named(operator) for operator in (__add__, __sub__, __mul__, __truediv__, __pow__))
    maximum, minimum = _named(_binary(ew.maximum)), _named(_binary(ew.minimum))

    __iadd__, __isub__, __imul__ = _in_place("__add__"), _in_place("__sub__"), _in_place("__mul__")
    __itruediv__, __ipow__ = _in_place("__truediv__"), _in_place("__pow__")
    __iand__, __ior__, __ixor__ = _in_place("__and__"), _in_place("__or__"), _in_place("__xor__")
    add_, sub_, mul_, div_, pow_ = (
        _named(operator) for operator in (__iadd__, __isub__, __imul__, __itruediv__, __ipow__)
    )

    __eq__ = _comparison(np.equal)  # type: ignore[assignment]
    __ne__ = _comparison(np.not_equal)  # type: ignore[assignment]
    __lt__, __le__ = _comparison(np.less), _comparison(np.less_equal)
    __gt__, __ge__ = _comparison(np.greater), _comparison(np.greater_equal)
    eq, ne, lt, le, gt, ge = (_named(operator) for operator in (__eq__, __ne__, __lt__, __le__, __gt__, __ge__))
    __hash__ = object.__hash__  # by identity, although == compares elements
    logical_and, logical_or = _named(_comparison(np.logical_and)), _named(_comparison(np.logical_or))
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
