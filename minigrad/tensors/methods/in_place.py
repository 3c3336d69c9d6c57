"""The in-place variant of every elementwise method: exp_, add_, clamp_, +=.

`Tensor._write` records the write, or refuses it. The methods below have no other code.
"""

from __future__ import annotations

from minigrad.tensors.base import Base, Out
from minigrad.tensors.methods.logic import Logic
from minigrad.tensors.methods.method_factories import in_place
from minigrad.tensors.methods.pointwise import Pointwise


class InPlace(Base[Out]):
    """The elementwise methods whose names end in `_`, and the operators that end in `=`."""

    abs_ = absolute_ = in_place(Pointwise.abs)
    neg_ = negative_ = in_place(Pointwise.neg)
    square_ = in_place(Pointwise.square)
    sign_ = sgn_ = in_place(Pointwise.sign)
    relu_, sigmoid_ = in_place(Pointwise.relu), in_place(Pointwise.sigmoid)
    trunc_ = fix_ = in_place(Pointwise.trunc)
    floor_, ceil_ = in_place(Pointwise.floor), in_place(Pointwise.ceil)
    round_, frac_ = in_place(Pointwise.round), in_place(Pointwise.frac)
    deg2rad_, rad2deg_, nan_to_num_ = (
        in_place(Pointwise.deg2rad),
        in_place(Pointwise.rad2deg),
        in_place(Pointwise.nan_to_num),
    )
    exp_, exp2_, expm1_ = in_place(Pointwise.exp), in_place(Pointwise.exp2), in_place(Pointwise.expm1)
    log_, log2_, log10_ = in_place(Pointwise.log), in_place(Pointwise.log2), in_place(Pointwise.log10)
    log1p_, logit_ = in_place(Pointwise.log1p), in_place(Pointwise.logit)
    sqrt_, rsqrt_, reciprocal_ = in_place(Pointwise.sqrt), in_place(Pointwise.rsqrt), in_place(Pointwise.reciprocal)
    erf_, erfc_, erfinv_ = in_place(Pointwise.erf), in_place(Pointwise.erfc), in_place(Pointwise.erfinv)
    sinc_, sin_, cos_ = in_place(Pointwise.sinc), in_place(Pointwise.sin), in_place(Pointwise.cos)
    tan_ = in_place(Pointwise.tan)
    asin_ = arcsin_ = in_place(Pointwise.asin)
    acos_ = arccos_ = in_place(Pointwise.acos)
    atan_ = arctan_ = in_place(Pointwise.atan)
    sinh_, cosh_, tanh_ = in_place(Pointwise.sinh), in_place(Pointwise.cosh), in_place(Pointwise.tanh)
    asinh_ = arcsinh_ = in_place(Pointwise.asinh)
    acosh_ = arccosh_ = in_place(Pointwise.acosh)
    atanh_ = arctanh_ = in_place(Pointwise.atanh)
    sub_ = subtract_ = in_place(Pointwise.sub)
    mul_ = multiply_ = in_place(Pointwise.mul)
    add_ = in_place(Pointwise.add)
    div_ = divide_ = true_divide_ = in_place(Pointwise.div)
    floor_divide_, remainder_ = in_place(Pointwise.floor_divide), in_place(Pointwise.remainder)
    fmod_, pow_, ldexp_ = in_place(Pointwise.fmod), in_place(Pointwise.pow), in_place(Pointwise.ldexp)
    lerp_, addcmul_, addcdiv_ = in_place(Pointwise.lerp), in_place(Pointwise.addcmul), in_place(Pointwise.addcdiv)
    atan2_ = arctan2_ = in_place(Pointwise.atan2)
    hypot_, copysign_ = in_place(Pointwise.hypot), in_place(Pointwise.copysign)
    xlogy_, masked_fill_ = in_place(Pointwise.xlogy), in_place(Pointwise.masked_fill)
    clamp_ = clip_ = in_place(Pointwise.clamp)
    clamp_min_, clamp_max_ = in_place(Pointwise.clamp_min), in_place(Pointwise.clamp_max)

    ne_ = not_equal_ = in_place(Logic.ne)
    eq_ = in_place(Logic.eq)
    lt_ = less_ = in_place(Logic.lt)
    le_ = less_equal_ = in_place(Logic.le)
    gt_ = greater_ = in_place(Logic.gt)
    ge_ = greater_equal_ = in_place(Logic.ge)
    logical_and_, logical_or_ = in_place(Logic.logical_and), in_place(Logic.logical_or)
    logical_xor_, logical_not_ = in_place(Logic.logical_xor), in_place(Logic.logical_not)
    bitwise_and_, bitwise_or_ = in_place(Logic.bitwise_and), in_place(Logic.bitwise_or)
    bitwise_xor_, bitwise_not_ = in_place(Logic.bitwise_xor), in_place(Logic.bitwise_not)
    bitwise_left_shift_, bitwise_right_shift_ = in_place(Logic.bitwise_left_shift), in_place(Logic.bitwise_right_shift)
    gcd_, lcm_ = in_place(Logic.gcd), in_place(Logic.lcm)

    __iadd__, __isub__, __imul__ = in_place(Pointwise.__add__), in_place(Pointwise.__sub__), in_place(Pointwise.__mul__)
    __itruediv__, __ifloordiv__ = in_place(Pointwise.__truediv__), in_place(Pointwise.__floordiv__)
    __imod__, __ipow__, __iand__ = in_place(Pointwise.__mod__), in_place(Pointwise.__pow__), in_place(Logic.__and__)
    __ior__, __ixor__, __ilshift__ = in_place(Logic.__or__), in_place(Logic.__xor__), in_place(Logic.__lshift__)
    __irshift__ = in_place(Logic.__rshift__)
