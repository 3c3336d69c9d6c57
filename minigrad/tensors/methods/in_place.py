"""Every elementwise method as one that writes its result into the tensor: exp_, add_, clamp_, +=.

What is recorded, and when that is refused, is said in `Tensor._write`. The methods below have no other code.
"""

from __future__ import annotations

from minigrad.tensors.base import Base
from minigrad.tensors.methods.logic import Logic
from minigrad.tensors.methods.method_factories import in_place
from minigrad.tensors.methods.pointwise import Pointwise

_METHODS = """
abs absolute neg negative square relu sigmoid sign sgn floor ceil trunc fix round frac deg2rad rad2deg nan_to_num
exp exp2 expm1 log log2 log10 log1p logit sqrt rsqrt reciprocal erf erfc erfinv sinc
sin cos tan asin acos atan arcsin arccos arctan sinh cosh tanh asinh acosh atanh arcsinh arccosh arctanh
add sub subtract mul multiply div divide true_divide floor_divide remainder fmod pow ldexp
lerp addcmul addcdiv atan2 arctan2 hypot copysign xlogy clamp clip clamp_min clamp_max masked_fill
"""
_ANSWERS = """
eq ne lt le gt ge not_equal less less_equal greater greater_equal logical_and logical_or logical_xor logical_not
bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift bitwise_right_shift gcd lcm
"""
_OPERATORS = "add sub mul truediv floordiv mod pow and or xor lshift rshift"


class InPlace(Base):
    """The elementwise methods with a `_` at the end, and the operators with a `=`."""


for _home, _names in ((Pointwise, _METHODS), (Logic, _ANSWERS)):
    for _name in _names.split():
        setattr(InPlace, f"{_name}_", in_place(getattr(_home, _name)))
for _name in _OPERATORS.split():
    setattr(InPlace, f"__i{_name}__", in_place({**vars(Pointwise), **vars(Logic)}[f"__{_name}__"]))
