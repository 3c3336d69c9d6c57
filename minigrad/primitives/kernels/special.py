"""Special functions block by block: what is computed on the way then stays in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled
from minigrad.primitives.kernels.rows import slices
from minigrad.primitives.primitive import kernel
from minigrad.primitives.special import erf, erfc, erfinv, gelu, ndtr


def _in_blocks(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def forward(x: Any) -> Any:
        flat = x.reshape(-1)
        out = np.empty_like(flat)
        for part in slices(flat.size):
            out[part] = function(flat[part])
        return out.reshape(x.shape)

    return forward


for _primitive in (erf, erfc, erfinv, ndtr):
    kernel(_primitive, forward=_in_blocks(_primitive.forward))


# Phi(-a) = q(t) exp(-a²/2) for all a >= 0, with t = 4 / (a + 4) in (0, 1] and these coefficients of t⁷, …, t¹. They are
# the best ones in the sense of Chebyshev for the weight max(exp(-a²/2), 0.01), found with 40 digits: exact, the
# polynomial has an absolute error of 9e-9 and, up to a = 14, a relative one of 3e-5. q(1) is exactly 1/2. The form:
# Hastings, "Approximations for digital computers", 1955.
_BELOW = [
    np.float32(c)
    for c in (
        *(-0.0910180622, 0.339123119, -0.262682617, 0.277300601, 0.0266715157),
        *(0.111747486, 0.0988579566),
    )
]
_PEAK = 1 / math.sqrt(2 * math.pi)  # of the density


def _gelu(x: Any) -> Any:
    """Return the result; and for the vjp the slope, Phi(x) + x Phi'(x), which has the same exponential."""
    out, slope = np.empty(x.shape, x.dtype), np.empty(x.shape, x.dtype)
    flat, y, d = x.reshape(-1), out.reshape(-1), slope.reshape(-1)
    if compiled.usable(x):
        compiled.run("gelu", flat, y, d)
        return out, slope
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # x * x, and the slope of an infinite x
        for part in slices(x.size):
            _gelu_block(flat[part], y[part], d[part])
    return out, slope


def _gelu_block(x: Any, y: Any, slope: Any) -> None:
    density = np.square(x)
    density *= -0.5
    np.exp(density, out=density)
    if x.dtype == np.float32:
        a = np.abs(x)
        t = a + 4
        np.divide(4, t, out=t)
        below = np.multiply(_BELOW[0], t, out=a)
        for c in _BELOW[1:]:
            below += c
            below *= t
        below *= density
        phi = np.subtract(x > 0, below, out=t, dtype=x.dtype)
        np.abs(phi, out=phi)  # 1 - below, or itself
    else:
        phi = ndtr.forward(x)
    np.multiply(x, phi, out=y)
    np.multiply(density, x, out=slope)
    slope *= _PEAK
    slope += phi


kernel(gelu, forward=_gelu, x=lambda g, slope: g * slope, keeps=("slope",))
