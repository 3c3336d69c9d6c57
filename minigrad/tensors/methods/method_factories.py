"""Methods that are made, not written: from an elementwise rule, or from another method its form in place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.primitives.primitive import Elementwise, Primitive
from minigrad.tensors.base import Base, Operand, Out
from minigrad.tensors.dtypes import NUMBERS, check_broadcast, default, promoted

Method = TypeVar("Method", bound=Callable[..., Any])
Itself = TypeVar("Itself", bound=Base[Any])
P = ParamSpec("P")


def refuse(name: str, self: Any) -> NoReturn:
    """What minigrad.exp(2.0) says."""
    raise TypeError(f"{name}: takes a tensor, got {type(self).__name__}; make it one: minigrad.tensor(...)")


def formula(primitive: Elementwise) -> str:
    """The docstring of a method that is nothing but its rule."""
    partials = ", ".join(f"dy/d{name} = {text}" for name, text in primitive.partials.items())
    return f"y = {primitive.formula}, element by element; {partials}."


def _called(name: str, doc: str | None, method: Method) -> Method:
    """The method under its own name, in errors and in help()."""
    method.__name__ = method.__qualname__ = name
    method.__doc__ = doc
    return method


def unary(primitive: Primitive, doc: str = "", exact: bool = False) -> Callable[[Base[Out]], Out]:
    """A method of one tensor. Unless the primitive is `exact`, integers become floats first, as in PyTorch."""

    def method(self: Base[Out]) -> Out:
        if not isinstance(self, Base):
            refuse(primitive.name, self)
        if not exact and self._array.dtype.kind != "f":
            self = self.astype(default.dtype)
        if self._array.dtype.kind == "b":
            _refuse_bool(primitive, self)
        return self.apply(primitive, self)

    return _called(primitive.name, doc or formula(primitive), method)  # type: ignore[arg-type]


def operator(primitive: Elementwise, division: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """An operator of two operands, which broadcast.

    The other operand may be an array or a number. With `division`, integers become floats first. NotImplemented lets
    Python complain of the types.
    """

    def method(self: Base[Out], other: Operand) -> Out:
        if isinstance(other, Base):
            x, y = self._array, other._array
            if x.dtype is y.dtype and x.shape == y.shape and x.dtype.kind == "f":
                return self.apply(primitive, self, other)  # the commonest case needs no adapting
        return _combine(primitive, self, self, other, division)

    return _called(primitive.name, formula(primitive), method)


def reflected(primitive: Elementwise, division: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """The operator with the tensor on the right, as in 2 - t."""

    def method(self: Base[Out], other: Operand) -> Out:
        return _combine(primitive, self, other, self, division)

    return _called(primitive.name, formula(primitive), method)


def named(
    operator: Callable[[Any, Any], Any], reflected: Callable[[Any, Any], Any] | None = None
) -> Callable[[Base[Out], Operand], Out]:
    """An operator under a name: where the operator leaves it to Python to complain of the types, it does so itself."""
    name = operator.__name__

    def method(self: Base[Out], other: Operand) -> Out:
        if isinstance(self, Base):
            answer, stranger = operator(self, other), other
        elif reflected is not None and isinstance(other, Base):
            answer, stranger = reflected(other, self), self
        else:
            refuse(name, self)
        if answer is NotImplemented:
            raise TypeError(f"{name}: computes with tensors, arrays, numbers; got {type(stranger).__name__}")
        return answer

    return _called(name, operator.__doc__, method)


def binary(primitive: Elementwise, division: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """A method of two operands that is no operator."""
    return named(operator(primitive, division), reflected(primitive, division))


def _combine(primitive: Elementwise, self: Base[Out], a: Any, b: Any, division: bool) -> Out:
    """primitive(a, b), after promotion and a check of the shapes."""
    _refuse_bool(primitive, a, b)
    a, b = promoted(a, b, division)
    if a is None:
        return NotImplemented
    if a.__class__ not in NUMBERS and b.__class__ not in NUMBERS and a.shape != b.shape:
        check_broadcast(primitive.name, a, b)
    if primitive in _DIVISIONS and _integers(a, b) and np.any(getattr(b, "_array", b) == 0):
        raise ZeroDivisionError(f"{primitive.name}: an integer divided by 0; of floats, it would be infinite or nan")
    return self.apply(primitive, a, b)


_DIVISIONS = {ew.floor_divide, ew.remainder, ew.fmod}
_NOT_OF_BOOLS = {ew.neg, ew.floor, ew.ceil, ew.trunc, ew.round, ew.pow, *_DIVISIONS}


def _integers(*operands: Any) -> bool:
    return all(o.__class__ in (int, bool) or getattr(getattr(o, "dtype", None), "kind", "f") in "iu" for o in operands)


def _refuse_bool(primitive: Primitive, *operands: Any) -> None:
    """Raise where arithmetic with truth values is hardly meant; as PyTorch."""
    if primitive is ew.sub or primitive in _NOT_OF_BOOLS:
        bools = [o.__class__ is bool or getattr(o, "dtype", None) == np.bool_ for o in operands]
        if any(bools) if primitive is ew.sub else all(bools):
            raise TypeError(
                f"{primitive.name}: not of bool tensors; for logic use ~ and ^, for numbers .float() or .long()"
            )


def in_place(function: Callable[Concatenate[Any, P], Any]) -> Callable[Concatenate[Itself, P], Itself]:
    """The method that computes `function` and writes the result into the tensor's own memory."""
    name = function.__name__

    @functools.wraps(function)
    def method(self: Itself, /, *args: P.args, **keywords: P.kwargs) -> Itself:
        if not isinstance(self, Base):
            refuse(f"{name}_", self)
        new = function(self._past(*args, *keywords.values()), *args, **keywords)
        return new if new is NotImplemented else self._write(new, name)

    return _called(f"{name}_", f"`{name}`, written into this tensor's own memory; gives the tensor.", method)
