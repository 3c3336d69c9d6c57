"""Factories for Tensor methods: from an elementwise primitive, and the in-place variant of a method."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import numpy as np

from minigrad.output.words import class_name
from minigrad.primitives import elementwise as ew
from minigrad.primitives.primitive import Elementwise, Primitive
from minigrad.tensors.base import Base, Operand, Out
from minigrad.tensors.dtypes import NUMBERS, check_broadcast, default, promoted
from minigrad.tensors.elementwise_path import one_operand, two_operands

Method = TypeVar("Method", bound=Callable[..., Any])
Itself = TypeVar("Itself", bound=Base[Any])
P = ParamSpec("P")


EXAMPLES = {
    "exp": ("[0.0, 1.0]", "exp()", "tensor([1.0000, 2.7183])"),
    "log": ("[1.0, 10.0]", "log()", "tensor([0.0000, 2.3026])"),
    "log2": ("[3.0, 5.0]", "log2()", "tensor([1.5850, 2.3219])"),
    "log10": ("[2.0, 5.0]", "log10()", "tensor([0.3010, 0.6990])"),
    "log1p": ("[0.0, 1.0]", "log1p()", "tensor([0.0000, 0.6931])"),
    "sqrt": ("[4.0, 9.0]", "sqrt()", "tensor([2., 3.])"),
    "rsqrt": ("[4.0, 1.0]", "rsqrt()", "tensor([0.5000, 1.0000])"),
    "reciprocal": ("[2.0, 4.0]", "reciprocal()", "tensor([0.5000, 0.2500])"),
    "sin": ("[0.0, 1.0]", "sin()", "tensor([0.0000, 0.8415])"),
    "cos": ("[0.0, 1.0]", "cos()", "tensor([1.0000, 0.5403])"),
    "tanh": ("[0.0, 1.0]", "tanh()", "tensor([0.0000, 0.7616])"),
    "sigmoid": ("[0.0, 2.0]", "sigmoid()", "tensor([0.5000, 0.8808])"),
    "relu": ("[-2.0, 3.0]", "relu()", "tensor([0., 3.])"),
    "neg": ("[-2.0, 3.0]", "neg()", "tensor([ 2., -3.])"),
    "abs": ("[-2.0, 3.0]", "abs()", "tensor([2., 3.])"),
    "square": ("[-2.0, 3.0]", "square()", "tensor([4., 9.])"),
    "sign": ("[-2.0, 0.0, 3.0]", "sign()", "tensor([-1.,  0.,  1.])"),
    "floor": ("[-1.5, 1.5]", "floor()", "tensor([-2.,  1.])"),
    "ceil": ("[-1.5, 1.5]", "ceil()", "tensor([-1.,  2.])"),
    "mul": ("[1.0, 2.0]", "mul(10.0)", "tensor([10., 20.])"),
    "remainder": ("[5, -5]", "remainder(3)", "tensor([2, 1])"),
    "floor_divide": ("[5, -5]", "floor_divide(3)", "tensor([ 1, -2])"),
    "maximum": ("[1.0, 5.0]", "maximum(tensor([3.0, 2.0]))", "tensor([3., 5.])"),
    "minimum": ("[1.0, 5.0]", "minimum(tensor([3.0, 2.0]))", "tensor([1., 2.])"),
}
"""name of a primitive -> its example: the elements, the call, the result."""


def refuse(name: str, self: Any) -> NoReturn:
    """Raise: a method was called as a function of something other than a tensor, as minigrad.exp(2.0)."""
    raise not_of(name, self)


def not_of(name: str, self: Any) -> TypeError:
    """Return the error of a function that was given something other than a tensor."""
    return TypeError(f"{name}: takes a tensor, got {class_name(self)}; convert it: minigrad.tensor(...)")


def formula(primitive: Elementwise) -> str:
    """Return the docstring of a method that applies an elementwise primitive: its formula, derivatives and example."""
    partials = ", ".join(f"dy/d{name} = {text}" for name, text in primitive.partials.items())
    doc = f"Return y = {primitive.formula}, element by element; {partials}."
    if primitive.name in EXAMPLES:
        elements, call, result = EXAMPLES[primitive.name]
        doc += f"\n\n>>> from minigrad import tensor\n>>> tensor({elements}).{call}\n{result}\n"
    return doc


def _called(name: str, doc: str | None, method: Method) -> Method:
    """Set the name and docstring of a method, for errors and help()."""
    method.__name__ = method.__qualname__ = name
    method.__doc__ = doc
    return method


def unary(primitive: Primitive, doc: str = "", exact: bool = False) -> Callable[[Base[Out]], Out]:
    """Make a method of one tensor. Unless the primitive is `exact`, integers become floats first, as in PyTorch."""

    def method(self: Base[Out]) -> Out:
        if not isinstance(self, Base):
            refuse(primitive.name, self)
        if not exact and self._array.dtype.kind != "f":
            self = self.astype(default.dtype)
        if self._array.dtype.kind == "b":
            if primitive.name in ("square", "sign"):  # as in PyTorch: of numbers, and the bool itself
                self = self.astype("int64")
                return self.apply(primitive, self).astype("bool" if primitive.name == "sign" else "int64")
            _refuse_bool(primitive, self)
        return self.apply(primitive, self)

    found = one_operand(primitive, method) if isinstance(primitive, Elementwise) else method
    return _called(primitive.name, doc or formula(primitive), found)  # type: ignore[arg-type]


def operator(primitive: Elementwise, division: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """Make an operator of two operands, which broadcast.

    The other operand may be an array or a number. With `division`, integers become floats first. For other types the
    operator returns NotImplemented, so that Python raises.
    """

    def method(self: Base[Out], other: Operand) -> Out:
        if isinstance(other, Base):
            x, y = self._array, other._array
            if x.dtype is y.dtype and x.shape == y.shape and x.dtype.kind == "f":
                return self.apply(primitive, self, other)  # a common case needs no adapting
        return _combine(primitive, self, self, other, division)

    return _called(primitive.name, formula(primitive), two_operands(primitive, method))


def reflected(primitive: Elementwise, division: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """Make the operator with the tensor on the right, as in 2 - t."""

    def method(self: Base[Out], other: Operand) -> Out:
        return _combine(primitive, self, other, self, division)

    return _called(primitive.name, formula(primitive), method)


def named(
    operator: Callable[[Any, Any], Any], reflected: Callable[[Any, Any], Any] | None = None
) -> Callable[[Base[Out], Operand], Out]:
    """Make a named method from an operator: where the operator returns NotImplemented, the method raises."""
    name = operator.__name__

    def method(self: Base[Out], other: Operand) -> Out:
        if isinstance(self, Base):
            answer, stranger = operator(self, other), other
        elif reflected is not None and isinstance(other, Base):
            answer, stranger = reflected(other, self), self
        else:
            refuse(name, self)
        if answer is NotImplemented:
            raise TypeError(f"{name}: computes with tensors, arrays, numbers; got {class_name(stranger)}")
        return answer

    return _called(name, operator.__doc__, method)


def binary(primitive: Elementwise, division: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """Make a method of two operands that has no operator."""
    return named(operator(primitive, division), reflected(primitive, division))


def _combine(primitive: Elementwise, self: Base[Out], a: Any, b: Any, division: bool) -> Out:
    """Apply the primitive to (a, b), after promotion and a check of the shapes."""
    _refuse_bool(primitive, a, b)
    given = [a, b]
    a, b = promoted(a, b, division)
    if a is None:
        return _no_operand(primitive.name, self, given)
    if a.__class__ not in NUMBERS and b.__class__ not in NUMBERS and a.shape != b.shape:
        check_broadcast(primitive.name, a, b)
    if primitive in _DIVISIONS and _integers(a, b) and np.any(getattr(b, "_array", b) == 0):
        raise ZeroDivisionError(f"{primitive.name}: an integer divided by 0; of floats, it would be infinite or nan")
    return self.apply(primitive, a, b)


def _no_operand(name: str, self: Base[Any], operands: list[Any]) -> Any:
    """Return NotImplemented, with which Python raises; raise for a list, whose fix is known.

    Without this, Python takes `(1.0, 2.0) * t` for t copies of the tuple; that is what `[0] * t` means for an integer.
    """
    copies = name == "mul" and not self.ndim and self._array.dtype.kind in "iu"
    for o in operands:
        if o is None or isinstance(o, list | tuple | str) and not copies:
            fix = (
                "is it the .grad of a tensor before backward(), or the result of a function without return?"
                if o is None
                else "convert it: minigrad.tensor(...), or join tensors by minigrad.stack(...)"
            )
            raise TypeError(f"{name}: a Tensor computes with tensors, arrays, numbers; got {class_name(o)}; {fix}")
    return NotImplemented


_DIVISIONS = {ew.floor_divide, ew.remainder, ew.fmod}
_NOT_OF_BOOLS = {ew.neg, ew.floor, ew.ceil, ew.trunc, ew.round, ew.pow, *_DIVISIONS}


def _integers(*operands: Any) -> bool:
    return all(o.__class__ in (int, bool) or getattr(getattr(o, "dtype", None), "kind", "f") in "iu" for o in operands)


def _refuse_bool(primitive: Primitive, *operands: Any) -> None:
    """Raise for arithmetic that PyTorch does not define for bool tensors."""
    if primitive is ew.sub or primitive in _NOT_OF_BOOLS:
        bools = [o.__class__ is bool or getattr(o, "dtype", None) == np.bool_ for o in operands]
        if any(bools) if primitive is ew.sub else all(bools):
            raise TypeError(
                f"{primitive.name}: not of bool tensors; for logic use ~ and ^, for numbers .float() or .long()"
            )


def in_place(function: Callable[Concatenate[Any, P], Any]) -> Callable[Concatenate[Itself, P], Itself]:
    """Make the in-place variant of a method: it writes the result into the tensor's own memory."""
    name = function.__name__

    @functools.wraps(function)
    def method(self: Itself, /, *args: P.args, **keywords: P.kwargs) -> Itself:
        if not isinstance(self, Base):
            refuse(f"{name}_", self)
        new = function(self._past(*args, *keywords.values()), *args, **keywords)
        return new if new is NotImplemented else self._write(new, name)

    return _called(f"{name}_", f"Compute `{name}` in place: write the result into this tensor, and return it.", method)
