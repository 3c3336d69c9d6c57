"""Elementwise methods: arithmetic, functions of one number, choices. Each applies a primitive, or composes some."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from minigrad.output.words import class_name
from minigrad.primitives import elementwise as ew
from minigrad.primitives import special
from minigrad.primitives.primitive import Elementwise
from minigrad.tensors.base import Base, Operand, Out
from minigrad.tensors.dtypes import NUMBERS, check_broadcast, check_range, kind, operand, promoted, result_type
from minigrad.tensors.methods.method_factories import binary, named, operator, reflected, unary

_logit, _trunc_divide = unary(ew.logit), binary(ew.trunc_divide)


def _rounding(primitive: Elementwise) -> Callable[[Base[Out]], Out]:
    """Make a method that rounds floats, and copies integers."""
    method = unary(primitive, exact=True)

    def rounded(self: Base[Out]) -> Out:
        return self.clone() if isinstance(self, Base) and self.dtype.kind in "iu" else method(self)

    rounded.__name__, rounded.__doc__ = method.__name__, method.__doc__
    return rounded


_round = _rounding(ew.round)


class Pointwise(Base[Out]):
    """Elementwise functions of one tensor, or of several that broadcast."""

    exp, exp2, expm1 = unary(ew.exp), unary(ew.exp2), unary(ew.expm1)
    log, log2, log10, log1p = unary(ew.log), unary(ew.log2), unary(ew.log10), unary(ew.log1p)
    sqrt, rsqrt, reciprocal = unary(ew.sqrt), unary(ew.rsqrt), unary(ew.reciprocal)
    sin, cos, tan = unary(ew.sin), unary(ew.cos), unary(ew.tan)
    sinc = unary(special.sinc, "Return sin(pi x) / (pi x), and 1 at 0.")
    asin, acos, atan = unary(ew.asin), unary(ew.acos), unary(ew.atan)
    sinh, cosh, tanh = unary(ew.sinh), unary(ew.cosh), unary(ew.tanh)
    asinh, acosh, atanh = unary(ew.asinh), unary(ew.acosh), unary(ew.atanh)
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
    sigmoid = unary(ew.sigmoid)
    erf = unary(
        special.erf,
        "Return the error function, the integral of 2/sqrt(pi) exp(-t²) from 0 to x.",
    )
    erfc = unary(special.erfc, "Return y = 1 - erf(x), accurate also where it is tiny; dy/dx = -2/sqrt(pi) exp(-x²).")
    erfinv = unary(special.erfinv, "Return the inverse of erf: infinite at -1 and 1, nan beyond.")
    relu, neg, abs, square = (unary(primitive, exact=True) for primitive in (ew.relu, ew.neg, ew.abs, ew.square))
    sign = unary(ew.sign, exact=True)
    floor, ceil, trunc = _rounding(ew.floor), _rounding(ew.ceil), _rounding(ew.trunc)
    negative, absolute, sgn, fix = neg, abs, sign, trunc
    __neg__, __abs__ = neg, abs

    __add__, __radd__ = operator(ew.add), reflected(ew.add)
    __sub__, __rsub__ = operator(ew.sub), reflected(ew.sub)
    __mul__, __rmul__ = operator(ew.mul), reflected(ew.mul)
    __truediv__, __rtruediv__ = operator(ew.div, division=True), reflected(ew.div, division=True)
    __floordiv__, __rfloordiv__ = operator(ew.floor_divide), reflected(ew.floor_divide)
    __mod__, __rmod__ = operator(ew.remainder), reflected(ew.remainder)
    __pow__, __rpow__ = operator(ew.pow), reflected(ew.pow)
    _add, _sub = named(__add__, __radd__), named(__sub__, __rsub__)
    _div, _pow = named(__truediv__, __rtruediv__), named(__pow__, __rpow__)
    mul = multiply = named(__mul__, __rmul__)
    floor_divide, remainder = named(__floordiv__, __rfloordiv__), named(__mod__, __rmod__)

    fmod, hypot = binary(ew.fmod), binary(ew.hypot, division=True)
    atan2 = arctan2 = binary(ew.atan2, division=True)
    maximum, minimum, fmax, fmin = binary(ew.maximum), binary(ew.minimum), binary(ew.fmax), binary(ew.fmin)
    logaddexp, xlogy = binary(ew.logaddexp, division=True), binary(ew.xlogy, division=True)
    copysign, heaviside = binary(ew.copysign, division=True), binary(ew.heaviside, division=True)

    def add(self, other: Operand, *, alpha: float = 1) -> Out:
        """Return self + alpha other, element by element, with broadcasting. The method of the operator +.

        >>> from minigrad import tensor
        >>> tensor([[1.0], [2.0]]).add(tensor([10.0, 20.0]))
        tensor([[11., 21.],
                [12., 22.]])
        """
        return Pointwise._add(self, other if alpha == 1 else self._scaled("add", other, alpha))

    def sub(self, other: Operand, *, alpha: float = 1) -> Out:
        """Return self - alpha other, element by element, with broadcasting. The method of the operator -.

        >>> from minigrad import tensor
        >>> tensor([3.0, 4.0]).sub(1.0)
        tensor([2., 3.])
        """
        return Pointwise._sub(self, other if alpha == 1 else self._scaled("sub", other, alpha))

    subtract = sub

    def _scaled(self, name: str, other: Operand, alpha: float) -> Any:
        """Return alpha other in its common dtype with self."""
        t, scaled = promoted(self, other)
        if t is None:
            return other
        if t.dtype.kind == "b" or isinstance(alpha, float) and t.dtype.kind != "f":
            raise TypeError(f"{name}: alpha={alpha} does not go with tensors of {t.dtype}; convert them: .float()")
        return scaled * alpha

    def div(self, other: Operand, *, rounding_mode: str | None = None) -> Out:
        """Return self / other, element by element, with broadcasting. The method of the operator /.

        Args:
            other: the divisor.
            rounding_mode: "trunc" rounds the quotient towards 0, "floor" down; the result then has no gradient.

        Raises:
            ZeroDivisionError: for a rounded division of integers by 0.

        >>> from minigrad import tensor
        >>> tensor([7.0, -7.0]).div(2), tensor([7.0, -7.0]).div(2, rounding_mode="trunc")
        (tensor([ 3.5000, -3.5000]), tensor([ 3., -3.]))
        """
        if rounding_mode is None:
            return Pointwise._div(self, other)
        if rounding_mode == "floor":
            return Pointwise.floor_divide(self, other)
        if rounding_mode != "trunc":
            raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
        t: Any
        t, other = promoted(self, other) if operand(other) is not None else (self, other)
        if t.dtype.kind == "f":
            return _trunc_divide(t, other)
        return (t - t.fmod(other)).floor_divide(other)  # exact also for integers that no float can hold

    divide = true_divide = div

    def pow(self, exponent: Operand) -> Out:
        """Return self**exponent, element by element, with broadcasting. The method of the operator **.

        >>> from minigrad import tensor
        >>> tensor([1.0, 2.0, 3.0]).pow(2)
        tensor([1., 4., 9.])
        """
        return Pointwise._pow(self, exponent)

    def float_power(self, exponent: Operand) -> Out:
        """Return self**exponent computed in float64, whatever the dtypes are."""
        operands: tuple[Any, Any] = self, exponent
        base, exponent = (v.astype(np.float64) if hasattr(v, "dtype") else v for v in operands)
        return Pointwise._pow(base, exponent)

    def ldexp(self, other: Operand) -> Out:
        """Return self 2**other, element by element."""
        return self * 2.0 ** promoted(self, other)[1]

    def lerp(self, end: Any, weight: Any) -> Out:
        """Return the linear interpolation self + weight (end - self), element by element.

        >>> from minigrad import tensor
        >>> tensor([0.0, 10.0]).lerp(tensor([1.0, 20.0]), 0.5)
        tensor([ 0.5000, 15.0000])
        """
        for what in (end, weight):
            if operand(what) is None or getattr(what, "dtype", self.dtype) != self.dtype or self.dtype.kind != "f":
                raise TypeError(
                    f"lerp: end and weight are floats of the tensor's dtype, {self.dtype}; got "
                    f"{getattr(what, 'dtype', class_name(what))}"
                )
        check_broadcast("lerp", self, end, weight)
        return self.apply(ew.lerp, self, end, weight)

    def addcmul(self, tensor1: Any, tensor2: Any, *, value: float = 1) -> Out:
        """Return self + value tensor1 tensor2, element by element."""
        a, b = self._meeting("addcmul", tensor1, tensor2)
        return self.add(a * b, alpha=value)

    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: float = 1) -> Out:
        """Return self + value tensor1 / tensor2, element by element; raise if both are integers."""
        a, b = self._meeting("addcdiv", tensor1, tensor2)
        if {tensor1.dtype.kind, tensor2.dtype.kind} <= set("iub"):
            raise TypeError("addcdiv: does not divide integers; write self + value * (tensor1 / tensor2), or // for /")
        return self.add(a / b, alpha=value)

    def _meeting(self, name: str, *tensors: Any) -> list[Any]:
        """Return these tensors in their common dtype with self."""
        if not all(isinstance(t, Base) for t in tensors):
            raise TypeError(f"{name}: takes two tensors, got {' and '.join(class_name(t) for t in tensors)}")
        dtype = result_type(self, *tensors)
        return [t.astype(dtype) for t in tensors]

    def logit(self, eps: float | None = None) -> Out:
        """Return log(x / (1 - x)), the inverse of sigmoid; with `eps`, of x clamped to [eps, 1 - eps]."""
        return _logit(self if eps is None else self._choose(np.isnan(self._array), self, self.clamp(eps, 1 - eps)))

    def round(self, *, decimals: int = 0) -> Out:
        """Round to the nearest integer, halves to even; or to `decimals` digits, if negative before the decimal point.

        >>> from minigrad import tensor
        >>> tensor([0.5, 1.5, 2.6]).round(), tensor([1.234]).round(decimals=1)
        (tensor([0., 2., 3.]), tensor([1.2000]))
        """
        if not decimals:
            return _round(self)
        if self.dtype.kind != "f":
            raise TypeError(f"round: decimals={decimals} is for floats; got a tensor of {self.dtype}")
        scale = 10.0 ** math.fabs(decimals)
        return _round(self * scale) / scale if decimals > 0 else _round(self / scale) * scale

    def frac(self) -> Out:
        """Return the fractional part x - trunc(x), with the sign of x."""
        return self - self.trunc()

    def deg2rad(self) -> Out:
        """Convert degrees to radians: x pi / 180."""
        return self * (math.pi / 180)

    def rad2deg(self) -> Out:
        """Convert radians to degrees: x 180 / pi."""
        return self * (180 / math.pi)

    def positive(self) -> Self:
        """Return the tensor itself: the operator +t."""
        if self.dtype.kind == "b":
            raise TypeError("positive: not of bool tensors")
        return self

    __pos__ = positive

    def clamp(self, min: Any = None, max: Any = None) -> Out:
        """Limit each element to [min, max]: y = min(max(x, low), high).

        The gradient passes where low <= x <= high, and is 0 elsewhere.

        Args:
            min: the lower bound, a number, or a tensor or array that broadcasts; None for no bound.
            max: the upper bound, likewise.

        Raises:
            ValueError: if neither bound is given, and for shapes that do not broadcast.

        >>> from minigrad import tensor
        >>> tensor([-2.0, 0.5, 3.0]).clamp(0, 1), tensor([-2.0, 3.0]).clamp(min=0)
        (tensor([0.0000, 0.5000, 1.0000]), tensor([0., 3.]))
        """
        if min is None and max is None:
            raise ValueError("clamp: give min, max or both")
        t = self
        for bound in (min, max):
            t = t if bound is None else promoted(t, bound)[0]
        if t is None:
            raise TypeError("clamp: the bounds must be numbers, or tensors or arrays of numbers")
        if t.dtype.kind == "b":
            raise TypeError("clamp: takes numbers, not booleans")
        least, most = (-math.inf, math.inf) if t.dtype.kind == "f" else (np.iinfo(t.dtype).min, np.iinfo(t.dtype).max)
        low, high = (
            otherwise if bound is None else promoted(t, bound)[1] for bound, otherwise in ((min, least), (max, most))
        )
        check_broadcast("clamp", t, low, high)
        return t.apply(ew.clamp, t, low, high)

    clip = clamp

    def clamp_min(self, min: Any) -> Out:
        """Limit each element from below: y = max(x, min)."""
        return self.clamp(min=min)

    def clamp_max(self, max: Any) -> Out:
        """Limit each element from above: y = min(x, max)."""
        return self.clamp(max=max)

    def nan_to_num(self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Out:
        """Replace nan and the infinities by numbers (None: the largest of the dtype); these get no gradient."""
        t: Any = self
        return t.where(t.isfinite(), np.nan_to_num(self._array, nan=nan, posinf=posinf, neginf=neginf))

    def masked_fill(self, mask: Any, value: Any) -> Out:
        """Return the tensor with `value` where `mask` is true; no gradient passes there.

        Args:
            mask: a bool tensor that broadcasts, for example the positions after the current one in attention.
            value: a number or a 0-d tensor.

        >>> from minigrad import tensor
        >>> tensor([1.0, 2.0]).masked_fill(tensor([False, True]), float("-inf"))
        tensor([1., -inf])
        """
        if getattr(mask, "dtype", None) != np.bool_:
            raise TypeError(
                f"masked_fill: the mask must be a bool tensor, got {getattr(mask, 'dtype', class_name(mask))}"
            )
        number = operand(value)
        if number is None or np.ndim(value) > 0:
            raise TypeError(f"masked_fill: the value must be a number or a 0-d tensor, got {value!r}")
        if kind(getattr(number, "dtype", np.dtype(type(number)))) > kind(self.dtype):
            raise TypeError(f"masked_fill: a tensor of {self.dtype} cannot hold {value!r}")
        return self._choose(mask, number.astype(self.dtype) if hasattr(number, "dtype") else number, self)

    def where(self, condition: Any, other: Operand) -> Out:
        """Return self's elements where the condition is true, those of `other` elsewhere; see `minigrad.where`."""
        return self._choose(condition, self, other)

    def _choose(self, condition: Any, a: Any = None, b: Any = None) -> Out:
        """Return elements of `a` where the condition is true, of `b` elsewhere; any of the three may be a tensor."""
        if a is None or b is None:
            raise TypeError("where: give both the elements where the condition is true, and those elsewhere")
        condition = condition if hasattr(condition, "dtype") else np.asarray(condition)
        if condition.dtype.kind != "b":
            condition = condition != 0
        a, b = promoted(a, b)
        if a is None:
            raise TypeError("where: takes tensors, arrays of numbers and numbers")
        for number, other in ((a, b), (b, a)):
            if number.__class__ is int and other.__class__ not in NUMBERS:
                check_range("where", number, other.dtype)
        check_broadcast("where", condition, a, b)
        return self.apply(ew.where, condition, a, b)
