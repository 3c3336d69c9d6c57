"""The error function and its relatives, which NumPy does not have."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive

# sinc(x) = f(pi x) with f(z) = sin(z) / z, and its derivatives. From z f(z) = sin(z) follows, differentiated n times,
# z f⁽ⁿ⁾(z) + n f⁽ⁿ⁻¹⁾(z) = sin⁽ⁿ⁾(z). Near 0, where that cancels, it is the series 1 - z² / 3! + z⁴ / 5! - …


def _sinc_derivative(x: Any, *, order: int) -> Any:
    z = x.astype(np.float64) * math.pi
    near = abs(z) < order + 1
    far = np.where(near, 1, z)
    s, c = np.sin(far), np.cos(far)
    y = s / far
    for n in range(1, order + 1):
        y = ((s, c, -s, -c)[n % 4] - n * y) / far
    inner = np.where(near, z, 0)
    first = (order + 1) // 2  # of the terms (-1)ᵏ z²ᵏ / (2k + 1)!, those below are gone
    terms = [(-1) ** k / ((2 * k + 1) * math.factorial(2 * k - order)) for k in range(first, 2 * order + 12)]
    series = _polynomial(terms[::-1], inner * inner) * inner ** (2 * first - order)
    return (np.where(near, series, y) * math.pi**order).astype(x.dtype)


sinc_derivative: Primitive = Primitive(
    "sinc_derivative", _sinc_derivative, x=lambda g, x, order: g * sinc_derivative(x, order=order + 1)
)
sinc = Primitive("sinc", lambda x: np.sinc(x), x=lambda g, x: g * sinc_derivative(x, order=1)).with_notation(
    "sin(pi * x) / (pi * x)", x="g * (cos(pi * x) - y) / x"
)

# erfc(x) = p(t) exp(-x²) / (1 + 2x) for all x >= 0, with t = (x - 3.75) / (x + 3.75) in [-1, 1] and p a polynomial, and
# these are the coefficients of its Chebyshev series, found with 50 digits. The form: Shepherd and Laframboise,
# "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < inf", 1981.
_TAIL = (
    *(1.1775789345674017, -4.590054580646477e-3, -8.424913336651792e-2, 5.920993999819189e-2, -2.665866843530575e-2),
    *(9.074997670705265e-3, -2.413163540417608e-3, 4.907758365258086e-4, -6.916973302501206e-5, 4.139027986073010e-6),
    *(7.740383066198491e-7, -2.188640104923440e-7, 1.076499946567091e-8, 4.521959811218287e-9, -7.754400208831351e-10),
    *(-6.318088340886685e-11, 2.868795010930670e-11, 1.945586854577740e-13, -9.654696748433428e-13),
    *(3.252548148148898e-14, 3.347811948287139e-14, -1.864562880416744e-15, -1.250795053065837e-15),
    *(7.418235256969802e-17, 5.068148905181513e-17),
)
# erf(x) = x (2 / sqrt(pi)) (1 - x² / 3 + x⁴ / 10 - ...), the Taylor series, for x < 1/2
_NEAR = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(13)]


@functools.cache
def _coefficients(dtype: np.dtype) -> tuple[list[Any], list[Any]]:
    """Return those of `p` and of the Taylor series, the highest power first; as many as this dtype can resolve."""
    single = dtype == np.float32
    tail = np.polynomial.chebyshev.cheb2poly(_TAIL[: 12 if single else None])
    p, near = [*tail[::-1].astype(dtype)], [*np.array(_NEAR[: 7 if single else None])[::-1].astype(dtype)]
    p[-2] -= 1 - _polynomial(p, dtype.type(-1))  # in the last place, so that erfc(0) is exactly 1
    return p, near


def _polynomial(coefficients: list[Any], x: Any) -> Any:
    """Evaluate the polynomial at x, by Horner's rule."""
    y = coefficients[0] * x
    for c in coefficients[1:-1]:
        y += c
        y *= x
    y += coefficients[-1]
    return y


def _tail(a: Any) -> Any:
    """erfc(a) for 0 <= a <= 28. In float32 with an absolute error of its precision, in float64 a relative one."""
    y = _polynomial(_coefficients(a.dtype)[0], (a - 3.75) / (a + 3.75))
    if a.dtype == np.float32:
        y *= np.exp(-a * a)
    else:
        h = np.floor(a * 16) / 16  # h² has no rounding error, which exp would multiply
        y *= np.exp(-h * h)
        y *= np.exp((h - a) * (h + a))
    return y / (1 + 2 * a)


def _erf(x: Any) -> Any:
    a = abs(np.clip(x, -28, 28))  # beyond, erfc is 0
    near = a * _polynomial(_coefficients(a.dtype)[1], a * a)
    small = a < 0.5  # a product with it is faster than np.where, which has branches
    return np.copysign(near * small + (1 - _tail(a)) * ~small, x)


def _erfc(x: Any) -> Any:
    y = _tail(abs(np.clip(x, -28, 28)))
    return abs(2 * (x < 0) - y)  # 2 - y, or y itself


def _ndtr(x: Any) -> Any:
    below = 0.5 * _tail(math.sqrt(0.5) * abs(np.clip(x, -39, 39)))
    return abs((x > 0) - below)  # 1 - below, or itself


def _erfinv(y: Any) -> Any:
    """Where erf is y: from a formula good to three digits (Winitzki, 2008), three steps of Halley's method."""
    a = abs(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        b = np.log1p(-a * a)
        c = 2 / (math.pi * 0.147) + b / 2
        x = np.sqrt(np.maximum(np.sqrt(c * c - b / 0.147) - c, 0))
        for _ in range(3):
            error = np.where(a < 0.5, _erf(x) - a, (1 - a) - _erfc(x))
            step = error * (math.sqrt(math.pi) / 2) * np.exp(x * x)
            x = x - step / (1 + x * step)
    return np.copysign(np.where(a == 1, np.inf, x), y)


def _at_least(dtype: Any, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function computed in this dtype or a wider one, with results in the dtype of its argument."""
    return lambda x: function(x.astype(np.result_type(x.dtype, dtype), copy=False)).astype(x.dtype, copy=False)


erf = Primitive(
    "erf",
    _at_least(np.float32, _erf),  # in float32 within 3 units of the last place
    x=lambda g, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x),
).with_notation("erf(x)")
erfc = Primitive(
    "erfc", _at_least(np.float64, _erfc), x=lambda g, x: g * (-2 / math.sqrt(math.pi)) * np.exp(-x * x)
).with_notation("erfc(x)")
erfinv: Primitive = Primitive(
    "erfinv", _at_least(np.float64, _erfinv), x=lambda g, x: g * (math.sqrt(math.pi) / 2) * np.exp(erfinv(x) ** 2)
).with_notation("erfinv(x)")
normal_pdf = Primitive(
    "normal_pdf",
    _at_least(np.float32, lambda x: np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))),
    x=lambda g, x, y: -g * x * y,
).with_notation("exp(-x * x / 2) / sqrt(2 * pi)")
ndtr = Primitive(
    "ndtr",
    _at_least(np.float32, _ndtr),
    x=lambda g, x: g * normal_pdf(x),
).with_notation("(1 + erf(x / sqrt(2))) / 2", x="g * exp(-x * x / 2) / sqrt(2 * pi)")
gelu = Primitive(
    "gelu",
    lambda x: x * ndtr(x),
    x=lambda g, x: g * ndtr(x) + g * x * normal_pdf(x),
).with_notation(
    "x * (1 + erf(x / sqrt(2))) / 2", x="g * ((1 + erf(x / sqrt(2))) / 2 + x * exp(-x * x / 2) / sqrt(2 * pi))"
)
