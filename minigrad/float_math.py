"""Functions of Python floats under NumPy's names, twice: those of `math`, and with IEEE 754's inf and nan.

Python's floats raise where NumPy's return inf or nan: 1 / 0, exp(1000), log(-1). The scalar engine computes with
`NUMBERS` and, only if that raises, again with `IEEE_NUMBERS` on `IEEE` floats. Imports no NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any


def _maximum(a: float, b: float) -> float:
    return a if a >= b or a != a else b + 0.0  # nan wins, as in NumPy; + 0.0 makes relu's 0 a float


def _minimum(a: float, b: float) -> float:
    return a if a <= b or a != a else b + 0.0


class _Nothing(float):
    """The partial derivative for an input that was not chosen: 0, and 0 in every product, also with inf and nan."""

    def __mul__(self, other: Any) -> float:
        return 0.0

    __rmul__ = __mul__


NOTHING = _Nothing()


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)  # exp(-x) overflows beyond 709


NUMBERS: dict[str, Any] = {
    **{name: getattr(math, name) for name in ("exp", "log", "expm1", "log1p", "sqrt", "sin", "cos", "tan", "tanh")},
    "arctan": math.atan,
    "maximum": _maximum,
    "minimum": _minimum,
    "where": lambda condition, a, b: a if condition else b,
    "sigmoid": _sigmoid,
    "logical_not": lambda condition: not condition,
    "one": lambda x: 1.0,
    "sign": lambda x: float((x > 0) - (x < 0)),  # 0 for nan, as in PyTorch
}


class IEEE(float):
    """A float whose arithmetic returns inf and nan where Python's raises; used only after Python's has raised."""

    def __truediv__(self, b: float) -> IEEE:
        if not isinstance(b, float | int):
            return NotImplemented
        if b != 0:
            return IEEE(float(self) / float(b))
        return IEEE(math.nan if not self or self != self else math.copysign(math.inf, self) * math.copysign(1, b))

    def __rtruediv__(self, a: float) -> IEEE:
        return IEEE(a) / self

    def __pow__(self, b: float, _: None = None) -> IEEE:
        if not isinstance(b, float | int):
            return NotImplemented
        odd = b % 2 == 1
        try:
            return IEEE(math.pow(self, b))
        except OverflowError:
            return IEEE(-math.inf if self < 0 and odd else math.inf)
        except ValueError:  # a negative number to a broken power, or 0 to a negative one
            return IEEE(math.nan if self else math.copysign(math.inf, self) if odd else math.inf)

    def __rpow__(self, a: float, _: None = None) -> IEEE:
        return IEEE(a) ** self


def _ieee_operator(name: str) -> Callable[..., IEEE]:
    plain = getattr(float, name)

    def operator(*operands: float) -> IEEE:
        answer = plain(*operands)
        return answer if answer is NotImplemented else IEEE(answer)

    return operator


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "neg", "abs"):
    setattr(IEEE, f"__{_name}__", _ieee_operator(f"__{_name}__"))


def _ieee_function(function: Callable[..., float]) -> Callable[..., IEEE]:
    def careful(*xs: float) -> IEEE:
        try:
            return IEEE(function(*xs))
        except OverflowError:
            return IEEE(math.inf)  # only exp and expm1 overflow
        except ValueError:  # outside the domain: the pole of a logarithm, or no answer at all
            pole = {math.log: 0.0, math.log1p: -1.0}.get(function)
            return IEEE(-math.inf if xs[0] == pole else math.nan)

    return careful


_AS_IT_IS = ("where", "logical_not")
IEEE_NUMBERS = {name: f if name in _AS_IT_IS else _ieee_function(f) for name, f in NUMBERS.items()}


def with_ieee_fallback(plain: Callable[..., Any], ieee: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """A function of floats that returns what `plain` returns, or, where that raises, what `ieee` returns."""

    def compute(*numbers: float) -> tuple[Any, ...]:
        try:
            result: tuple[Any, ...] = plain(*numbers)
            if result[0].__class__ is float:
                return result
        except (ArithmeticError, ValueError):
            pass
        # also where ** leaves the real numbers: a negative number to a fractional power
        return tuple([v if v is None or v is NOTHING else float(v) for v in ieee(*map(IEEE, numbers))])

    return compute
