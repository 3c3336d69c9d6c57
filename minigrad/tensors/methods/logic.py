"""Comparisons, and operations on bools and bits. None has a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.base import Base, Operand, Out
from minigrad.tensors.dtypes import NUMBERS, check_broadcast, promoted
from minigrad.tensors.methods.method_factories import named, refuse, unary


def _of_two(ufunc: np.ufunc, name: str, swapped: bool = False) -> Callable[[Base[Out], Operand], Out]:
    """Make a method of two operands, which broadcast, from a function of NumPy."""
    primitive = Primitive(name, lambda a, b: ufunc(a, b))
    bits = not any(types[0] in "fd" for types in ufunc.types)

    def method(self: Base[Out], other: Operand) -> Out:
        a, b = promoted(other, self) if swapped else promoted(self, other)
        if a is None:
            return NotImplemented
        if bits and "f" in {getattr(o, "dtype", np.dtype(type(o))).kind for o in (a, b)}:
            raise TypeError(f"{name}: of integers or booleans, not of floats; say which: .long() or > 0")
        if a.__class__ not in NUMBERS and b.__class__ not in NUMBERS and b.shape != a.shape:
            check_broadcast(name, a, b)
        return self.apply(primitive, a, b)

    method.__name__, method.__doc__ = name, f"Return np.{ufunc.__name__}, element by element, with broadcasting."
    return method


def _of_one(function: Any, name: str, doc: str) -> Callable[[Base[Out]], Out]:
    return unary(Primitive(name, lambda x: function(x)), doc, exact=True)


_isclose = Primitive("isclose", lambda a, b, *, rtol, atol, equal_nan: np.isclose(a, b, rtol, atol, equal_nan))
_eq, _ne = _of_two(np.equal, "eq"), _of_two(np.not_equal, "ne")


class Logic(Base[Out]):
    """Comparisons, logic, bits, and what kind of number an element is."""

    def __eq__(self, other: Operand) -> Out:  # type: ignore[override]
        return _eq(self, other)

    def __ne__(self, other: Operand) -> Out:  # type: ignore[override]
        return _ne(self, other)

    __lt__, __le__ = _of_two(np.less, "lt"), _of_two(np.less_equal, "le")
    __gt__, __ge__ = _of_two(np.greater, "gt"), _of_two(np.greater_equal, "ge")
    __hash__ = object.__hash__  # by identity, although == compares elements
    eq, ne, lt, le, gt, ge = (named(operator) for operator in (_eq, _ne, __lt__, __le__, __gt__, __ge__))
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge

    logical_and = named(_of_two(np.logical_and, "logical_and"))
    logical_or = named(_of_two(np.logical_or, "logical_or"))
    logical_xor = named(_of_two(np.logical_xor, "logical_xor"))
    logical_not = _of_one(np.logical_not, "logical_not", "Return True for each element that is 0.")

    __and__ = __rand__ = _of_two(np.bitwise_and, "bitwise_and")
    __or__ = __ror__ = _of_two(np.bitwise_or, "bitwise_or")
    __xor__ = __rxor__ = _of_two(np.bitwise_xor, "bitwise_xor")
    __lshift__, __rlshift__ = (_of_two(np.left_shift, "bitwise_left_shift", swapped) for swapped in (False, True))
    __rshift__, __rrshift__ = (_of_two(np.right_shift, "bitwise_right_shift", swapped) for swapped in (False, True))
    bitwise_and, bitwise_or, bitwise_xor = named(__and__), named(__or__), named(__xor__)
    bitwise_left_shift, bitwise_right_shift = named(__lshift__, __rlshift__), named(__rshift__, __rrshift__)
    __invert__ = bitwise_not = _of_one(np.invert, "bitwise_not", "Return not x; for integers, of their bits.")
    gcd, lcm = (named(operator, operator) for operator in (_of_two(np.gcd, "gcd"), _of_two(np.lcm, "lcm")))

    isnan = _of_one(np.isnan, "isnan", "Return True for each element that is nan.")
    isinf = _of_one(np.isinf, "isinf", "Return True for each element that is infinite.")
    isfinite = _of_one(np.isfinite, "isfinite", "Return True for each element that is not infinite or nan.")
    isposinf = _of_one(np.isposinf, "isposinf", "Return True for each element that is inf.")
    isneginf = _of_one(np.isneginf, "isneginf", "Return True for each element that is -inf.")
    isreal = _of_one(np.isreal, "isreal", "Return True for each element: tensors hold real numbers.")
    signbit = _of_one(
        lambda x: np.signbit(x.astype(float)), "signbit", "Return True for each negative element, also -0."
    )

    def isclose(self, other: Operand, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Out:
        """Return True where |self - other| <= atol + rtol |other|; for two nan, only if `equal_nan`."""
        if not isinstance(self, Base):
            refuse("isclose", self)
        a, b = promoted(self, other)
        if a is None:
            raise TypeError(f"isclose: takes tensors, arrays and numbers, got {class_name(other)}")
        if b.__class__ not in NUMBERS:
            check_broadcast("isclose", a, b)
        return self.apply(_isclose, a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)

    def allclose(self, other: Operand, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        """Return True if all elements are close: |self - other| <= atol + rtol |other|.

        >>> from minigrad import tensor
        >>> tensor([0.1]).add(0.2).allclose(tensor([0.3]))
        True
        """
        return bool(self.isclose(other, rtol, atol, equal_nan)._array.all())

    def equal(self, other: Any) -> bool:
        """Return True if both tensors have the same shape and elements.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).equal(tensor([1, 2]))
        True
        """
        if not isinstance(self, Base) or not isinstance(other, Base):
            refuse("equal", other if isinstance(self, Base) else self)
        return np.array_equal(self._array, other._array)
