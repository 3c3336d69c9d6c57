"""The loops that numba compiles, see `compiled`. Without numba they are plain Python, which only the tests run.

All arrays are float32 and in C order; rows are those of a matrix.
"""

from __future__ import annotations

import functools
import importlib
from importlib.util import find_spec
from typing import Any

import numpy as np

from minigrad.primitives.kernels.rows import FAR as _FAR
from minigrad.primitives.special import _coefficients

f = np.float32
_TAIL = tuple([float(c) for c in _coefficients(np.dtype("float32"))[0]])


def _float_of_bits(bits: Any) -> Any:
    """Return the float32 that these 32 bits are."""
    return bits.view(np.float32)


def compiled(function: Any) -> Any:
    """Decorate a loop: compile it when it is first called."""
    return function


if find_spec("numba") is not None:
    _numba: Any = importlib.import_module("numba")

    def compiled(function: Any) -> Any:
        """Decorate a loop. Sums may be added in any order, which lets the processor add several elements at a time."""
        settings = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}
        try:
            return _numba.njit(cache=True, **settings)(function)
        except RuntimeError:  # there is no folder that a cache can be written to
            return _numba.njit(**settings)(function)

    def _bitcast(_: Any, bits: Any) -> Any:
        float_type = importlib.import_module("llvmlite.ir").FloatType()
        signature = _numba.types.float32(_numba.types.int32)
        return signature, lambda context, builder, signature, args: builder.bitcast(args[0], float_type)

    _float_of_bits = importlib.import_module("numba.extending").intrinsic(_bitcast)


@compiled
def _exp(x: Any) -> Any:
    """exp(x) for x < 88: 2**k exp(r), where exp(r) is Cephes's polynomial; 0 below -87."""
    v = f(-87) if x < f(-87) else x  # (nan stays nan)
    k = np.floor(v * f(1.44269504) + f(0.5))
    r = (v - k * f(0.693359375)) - k * f(-2.12194440e-4)
    p = f(1.9875691500e-4) * r + f(1.3981999507e-3)
    p = p * r + f(8.3334519073e-3)
    p = p * r + f(4.1665795894e-2)
    p = p * r + f(1.6666665459e-1)
    p = p * r + f(5.0000001201e-1)
    p = p * r * r + r + f(1)
    scaled = p * _float_of_bits((np.int32(k) + np.int32(127)) << np.int32(23))
    return f(0) if x < f(-87) else scaled


# ---- softmax ---------------------------------------------------------------------------------------------------------


@compiled
def softmax(x: Any, out: Any) -> None:
    """As `rows.exponentials`: a row is shifted by its largest element only where the sum of exponentials needs that."""
    for i in range(x.shape[0]):
        total = f(0)
        for j in range(x.shape[1]):
            e = _exp(x[i, j] if x[i, j] < f(80) else f(80))  # (80 for nan)
            out[i, j] = e
            total += e
        if total < f(_FAR[0]) or total > f(_FAR[1]):
            top = x[i, 0]
            for j in range(x.shape[1]):
                top = x[i, j] if x[i, j] > top or x[i, j] != x[i, j] else top
            total = f(0)
            for j in range(x.shape[1]):
                e = _exp(x[i, j] - top)
                out[i, j] = e
                total += e
        factor = f(1) / total
        for j in range(x.shape[1]):
            out[i, j] *= factor


@compiled
def softmax_vjp(g: Any, y: Any, out: Any) -> None:
    """y * (g - sum(g * y)), row by row."""
    for i in range(y.shape[0]):
        total = f(0)
        for j in range(y.shape[1]):
            total += g[i, j] * y[i, j]
        for j in range(y.shape[1]):
            out[i, j] = y[i, j] * (g[i, j] - total)


# ---- layer norm ------------------------------------------------------------------------------------------------------


@compiled
def layer_norm(x: Any, weight: Any, bias: Any, eps: float, out: Any, mean: Any, scale: Any) -> None:
    """Also set the rows' means, and their scales 1 / sqrt(var(x) + eps)."""
    n = f(x.shape[1])
    for i in range(x.shape[0]):
        total = f(0)
        for j in range(x.shape[1]):
            total += x[i, j]
        m = total / n
        squares = f(0)
        for j in range(x.shape[1]):
            squares += (x[i, j] - m) * (x[i, j] - m)
        s = f(1) / np.sqrt(squares / n + f(eps))
        mean[i, 0], scale[i, 0] = m, s
        for j in range(x.shape[1]):
            out[i, j] = (x[i, j] - m) * s * weight[j] + bias[j]


@compiled
def layer_norm_vjp(g: Any, x: Any, weight: Any, mean: Any, scale: Any, dx: Any, dweight: Any, dbias: Any) -> None:
    """Set dx, and add to the contributions to weight and bias, which are 0 before."""
    n = f(x.shape[1])
    for i in range(x.shape[0]):
        m, s = mean[i, 0], scale[i, 0]
        of_mean, of_scale = f(0), f(0)
        for j in range(x.shape[1]):
            y = (x[i, j] - m) * s
            d = g[i, j] * weight[j]
            of_mean += d
            of_scale += d * y
            dweight[j] += g[i, j] * y
            dbias[j] += g[i, j]
        of_mean, of_scale = of_mean / n, of_scale / n
        for j in range(x.shape[1]):
            y = (x[i, j] - m) * s
            dx[i, j] = s * (g[i, j] * weight[j] - of_mean - y * of_scale)


# ---- gelu ------------------------------------------------------------------------------------------------------------


@compiled
def gelu(x: Any, out: Any, slope: Any) -> None:
    """x * phi, and phi + x * exp(-x**2 / 2) / sqrt(2 pi), with phi = (1 + erf(x / sqrt(2))) / 2, as in `special`."""
    for i in range(x.size):
        a = abs(x[i])
        a = (f(39) if a > f(39) else a) * f(0.7071067811865476)  # beyond, erfc is 0
        t = (a - f(3.75)) / (a + f(3.75))
        p = f(_TAIL[0])
        for c in _TAIL[1:]:
            p = p * t + f(c)
        e = _exp(-a * a)
        below = f(0.5) * p * e / (f(1) + f(2) * a)
        phi = f(1) - below if x[i] > f(0) else below
        out[i] = x[i] * phi
        slope[i] = phi + x[i] * e * f(0.3989422804014327)


# ---- max pooling -----------------------------------------------------------------------------------------------------


@functools.cache
def max_pool(height: int, width: int, down: int, right: int) -> Any:
    """Return the loop for windows of this height and width that lie so far apart; the compiler sees these numbers."""

    @compiled
    def max_pool(x: Any, out: Any, where: Any) -> None:
        """`where` are the places of the maxima in their planes of x. Of equal ones it is the first, of nan the last."""
        columns = np.int32(x.shape[2])
        for n in range(out.shape[0]):
            for p in range(out.shape[1]):
                for q in range(out.shape[2]):
                    top, place = x[n, p * down, q * right], np.int32(0)
                    for i in range(height):
                        for j in range(width):
                            v = x[n, p * down + i, q * right + j]
                            better = (v > top) | (v != v)
                            top = v if better else top
                            place = np.int32(i) * columns + np.int32(j) if better else place
                    out[n, p, q] = top
                    where[n, p, q] = np.int32(p * down) * columns + np.int32(q * right) + place

    return max_pool


@compiled
def max_pool_vjp(g: Any, where: Any, out: Any) -> None:
    """Add g to `out`, which is 0 before. All are matrices, a row for each plane."""
    for n in range(g.shape[0]):
        for p in range(g.shape[1]):
            out[n, where[n, p]] += g[n, p]


# ---- losses and masks ------------------------------------------------------------------------------------------------


@compiled
def exp_times(x: Any, top: Any, factor: Any, out: Any) -> None:
    """exp(x - top) * factor, row by row."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = _exp(x[i, j] - top[i, 0]) * factor[i, 0]


@compiled
def masked(condition: Any, a: Any, b: Any, out: Any) -> None:
    """where(condition, a, b), with a number b and the same condition for each row of a."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            out[i, j] = a[i, j] if condition[j] else b


@compiled
def relu_vjp(g: Any, x: Any, out: Any) -> None:
    """g, or 0 where x <= 0: at nan it is g."""
    for i in range(x.size):
        out[i] = f(0) if x[i] <= f(0) else g[i]
