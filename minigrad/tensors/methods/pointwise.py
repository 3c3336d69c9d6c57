"""Elementwise methods: arithmetic, functions of one number, choices. Each names a rule, or is made of such."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.primitives import special
from minigrad.primitives.primitive import Elementwise
from minigrad.tensors.base import Base, Operand, Out
from minigrad.tensors.dtypes import check_broadcast, kind, operand, promoted, result_type
from minigrad.tensors.methods.method_factories import binary, named, operator, reflected, unary

_logit, _trunc_divide = unary(ew.logit), binary(ew.trunc_divide)


def _rounding(primitive: Elementwise) -> Callable[[Base[Out]], Out]:
    """A method that rounds floats; integers are round already."""
    method = unary(primitive, exact=True)

    def rounded(self: Base[Out]) -> Out:
        return self.clone() if isinstance(self, Base) and self.dtype.kind in "iu" else method(self)

    rounded.__name__, rounded.__doc__ = method.__name__, method.__doc__
    return rounded


_round = _rounding(ew.round)


class Pointwise(Base[Out]):
    """Each element by itself, or with those at the same place in others."""

    exp, exp2, expm1 = unary(ew.exp), unary(ew.exp2), unary(ew.expm1)
    log, log2, log10, log1p = unary(ew.log), unary(ew.log2), unary(ew.log10), unary(ew.log1p)
    sqrt, rsqrt, reciprocal = unary(ew.sqrt), unary(ew.rsqrt), unary(ew.reciprocal)
    sin, cos, tan, sinc = unary(ew.sin), unary(ew.cos), unary(ew.tan), unary(ew.sinc)
    asin, acos, atan = unary(ew.asin), unary(ew.acos), unary(ew.atan)
    sinh, cosh, tanh = unary(ew.sinh), unary(ew.cosh), unary(ew.tanh)
    asinh, acosh, atanh = unary(ew.asinh), unary(ew.acosh), unary(ew.atanh)
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
    sigmoid = unary(ew.sigmoid)
    erf = unary(special.erf, "The error function: the integral of 2/sqrt(pi) exp(-t²) from 0 to x.")
    erfc = unary(special.erfc, "1 - erf(x), exact also where that is tiny.")
    erfinv = unary(special.erfinv, "The number whose erf is x; infinite at -1 and 1, nan beyond.")
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
        """self + alpha other, element by element; what broadcasts is repeated."""
        return Pointwise._add(self, other if alpha == 1 else self._scaled("add", other, alpha))

    def sub(self, other: Operand, *, alpha: float = 1) -> Out:
        """self - alpha other, element by element; what broadcasts is repeated."""
        return Pointwise._sub(self, other if alpha == 1 else self._scaled("sub", other, alpha))

    subtract = sub

    def _scaled(self, name: str, other: Operand, alpha: float) -> Any:
        """alpha other, in the dtype in which it meets self."""
        t, scaled = promoted(self, other)
        if t is None:
            return other
        if t.dtype.kind == "b" or isinstance(alpha, float) and t.dtype.kind != "f":
            raise TypeError(f"{name}: alpha={alpha} does not go with tensors of {t.dtype}; convert them: .float()")
        return scaled * alpha

    def div(self, other: Operand, *, rounding_mode: str | None = None) -> Out:
        """self / other, element by element; "trunc" rounds towards 0, "floor" down. Rounded, it has no gradient.

        Raises:
            ZeroDivisionError: for a rounded division of integers by 0.
        """
        if rounding_mode is None:
            return Pointwise._div(self, other)
        if rounding_mode == "floor":
            return Pointwise.floor_divide(self, other)
        if rounding_mode != "trunc":
            raise ValueError(f"div: rounding_mode is None, 'trunc' or 'floor', not {rounding_mode!r}")
        t: Any
        t, other = promoted(self, other) if operand(other) is not None else (self, other)
        if t.dtype.kind == "f":
            return _trunc_divide(t, other)
        return (t - t.fmod(other)).floor_divide(other)  # exact also for integers that no float can hold

    divide = true_divide = div

    def pow(self, exponent: Operand) -> Out:
        """self to the power of the exponent, element by element."""
        return Pointwise._pow(self, exponent)

    def float_power(self, exponent: Operand) -> Out:
        """The power, computed in float64 whatever the dtypes are."""
        operands: tuple[Any, Any] = self, exponent
        base, exponent = (v.astype(np.float64) if hasattr(v, "dtype") else v for v in operands)
        return Pointwise._pow(base, exponent)

    def ldexp(self, other: Operand) -> Out:
        """self times 2 to the power of other."""
        return self * 2.0 ** promoted(self, other)[1]

    def lerp(self, end: Any, weight: Any) -> Out:
        """self + weight (end - self): on the straight line from self to `end`."""
        for what in (end, weight):
            if operand(what) is None or getattr(what, "dtype", self.dtype) != self.dtype or self.dtype.kind != "f":
                raise TypeError(
                    f"lerp: end and weight are floats of the tensor's dtype, {self.dtype}; got "
                    f"{getattr(what, 'dtype', type(what).__name__)}"
                )
        check_broadcast("lerp", self, end, weight)
        return self.apply(ew.lerp, self, end, weight)

    def addcmul(self, tensor1: Any, tensor2: Any, *, value: float = 1) -> Out:
        """self + value tensor1 tensor2, element by element."""
        a, b = self._meeting("addcmul", tensor1, tensor2)
        return self.add(a * b, alpha=value)

    def addcdiv(self, tensor1: Any, tensor2: Any, *, value: float = 1) -> Out:
        """self + value tensor1 / tensor2, element by element; of integers, write the division you mean."""
        a, b = self._meeting("addcdiv", tensor1, tensor2)
        if {tensor1.dtype.kind, tensor2.dtype.kind} <= set("iub"):
            raise TypeError("addcdiv: does not divide integers; write self + value * (tensor1 / tensor2), or // for /")
        return self.add(a / b, alpha=value)

    def _meeting(self, name: str, *tensors: Any) -> list[Any]:
        """These tensors in the dtype in which they meet self."""
        if not all(isinstance(t, Base) for t in tensors):
            raise TypeError(f"{name}: takes two tensors, got {' and '.join(type(t).__name__ for t in tensors)}")
        dtype = result_type(self, *tensors)
        return [t.astype(dtype) for t in tensors]

    def logit(self, eps: float | None = None) -> Out:
        """log(x / (1 - x)), the inverse of sigmoid; with `eps`, of x moved into [eps, 1 - eps]."""
        return _logit(self if eps is None else self.clamp(eps, 1 - eps))

    def round(self, *, decimals: int = 0) -> Out:
        """To the nearest integer, halves to the even one; or to so many decimals, if negative before the point."""
        if not decimals:
            return _round(self)
        if self.dtype.kind != "f":
            raise TypeError(f"round: decimals={decimals} is for floats; got a tensor of {self.dtype}")
        scale = 10.0 ** math.fabs(decimals)
        return _round(self * scale) / scale if decimals > 0 else _round(self / scale) * scale

    def frac(self) -> Out:
        """What is after the point, with the sign of x."""
        return self - self.trunc()

    def deg2rad(self) -> Out:
        """Degrees as radians."""
        return self * (math.pi / 180)

    def rad2deg(self) -> Out:
        """Radians as degrees."""
        return self * (180 / math.pi)

    def positive(self) -> Self:
        """The tensor itself."""
        if self.dtype.kind == "b":
            raise TypeError("positive: not of bool tensors")
        return self

    __pos__ = positive

    def clamp(self, min: Any = None, max: Any = None) -> Out:
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

    clip = clamp

    def clamp_min(self, min: Any) -> Out:
        """Each element, but at least `min`."""
        return self.clamp(min=min)

    def clamp_max(self, max: Any) -> Out:
        """Each element, but at most `max`."""
        return self.clamp(max=max)

    def nan_to_num(self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Out:
        """With numbers in place of nan and the infinities (None: the largest of the dtype); these get no gradient."""
        t: Any = self
        return t.where(t.isfinite(), np.nan_to_num(self._array, nan=nan, posinf=posinf, neginf=neginf))

    def masked_fill(self, mask: Any, value: Any) -> Out:
        """`value`, a number or a tensor of one, where the boolean `mask` is true; elsewhere self's elements."""
        if getattr(mask, "dtype", None) != np.bool_:
            raise TypeError(f"masked_fill: the mask is of booleans, got {getattr(mask, 'dtype', type(mask).__name__)}")
        number = operand(value)
        if number is None or np.ndim(value) > 0:
            raise TypeError(f"masked_fill: the value is a number or a 0-d tensor, got {value!r}")
        if kind(getattr(number, "dtype", np.dtype(type(number)))) > kind(self.dtype):
            raise TypeError(f"masked_fill: a tensor of {self.dtype} cannot hold {value!r}")
        return self._choose(mask, number.astype(self.dtype) if hasattr(number, "dtype") else number, self)

    def where(self, condition: Any, other: Operand) -> Out:
        """self's elements where the condition holds, those of `other` elsewhere."""
        return self._choose(condition, self, other)

    def _choose(self, condition: Any, a: Any = None, b: Any = None) -> Out:
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
