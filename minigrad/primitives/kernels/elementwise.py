"""Elementwise primitives: `where` without branches and a vectorized `maximum` for all texts; third power; sigmoid."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.primitives.kernels import compiled
from minigrad.primitives.primitive import ARRAY_FUNCTIONS, kernel

_INTEGERS = {np.dtype(name): np.dtype(f"i{np.dtype(name).itemsize}") for name in ("float16", "float32", "float64")}
"""The integers whose bits the floats have."""


def where(condition: Any, a: Any, b: Any) -> Any:
    """np.where without branches: at a random condition, mispredicted branches cost far more than the arithmetic.

    The bits of a, times 1 or 0; with a `b` that is not 0, the bits in which a and b differ, and then b's. This holds
    for inf and nan as well.
    """
    if condition.__class__ is not np.ndarray or condition.size < 1000 or condition.dtype != bool:
        return np.where(condition, a, b)
    if b.__class__ in (int, float) and compiled.usable(a) and _is_repeated(condition, a):
        rows = a.reshape(-1, condition.size)
        out = np.empty_like(rows)
        compiled.run("masked", condition.reshape(-1), rows, np.float32(b), out)
        return out.reshape(a.shape)
    if b.__class__ is int and b == 0 and a.__class__ is np.ndarray and a.dtype in _INTEGERS:
        return np.multiply(a.view(_INTEGERS[a.dtype]), condition).view(a.dtype)
    dtype = np.result_type(a, b)
    if dtype not in _INTEGERS:
        return np.where(condition, a, b)
    a, b = (np.asarray(v, dtype).view(_INTEGERS[dtype]) for v in (a, b))
    bits = (a ^ b) * condition
    bits ^= b
    return bits.view(dtype)


def _is_repeated(condition: Any, a: Any) -> bool:
    """Whether the condition has the last dimensions of a, in C order."""
    return condition.flags.c_contiguous and condition.shape == a.shape[a.ndim - condition.ndim :]


ARRAY_FUNCTIONS["where"] = where

_ZEROS = {np.dtype(name): np.zeros(1 << 14, name) for name in ("float32", "float64")}
for _zeros in _ZEROS.values():
    _zeros.flags.writeable = False
_ZERO = {np.dtype(name): np.zeros((), name) for name in ("float16", "float32", "float64")}
"""To convert a Python number takes half as long as an operation on a small array."""


def maximum(a: Any, b: Any) -> Any:
    """np.maximum; of a large array and 0 with an array of zeros, block by block, since NumPy vectorizes only that."""
    if b.__class__ is not int or b != 0 or a.__class__ is not np.ndarray:
        return np.maximum(a, b)
    zeros = _ZEROS.get(a.dtype)
    if zeros is None or a.size < 8192 or not a.flags.c_contiguous:
        return np.maximum(a, _ZERO.get(a.dtype, 0))
    out = np.empty(a.shape, a.dtype)
    numbers, results = a.reshape(-1), out.reshape(-1)
    for start in range(0, a.size, zeros.size):
        part = numbers[start : start + zeros.size]
        np.maximum(part, zeros[: part.size], out=results[start : start + zeros.size])
    return out


ARRAY_FUNCTIONS["maximum"] = maximum


def power(a: Any, b: Any) -> Any:
    """a ** b; NumPy computes the third power of floats by logarithms."""
    return a * a * a if b.__class__ in (int, float) and b == 3 else a**b


kernel(ew.pow, forward=power)


def sigmoid(x: Any) -> Any:
    """Where the exponential overflows, 1 / inf is right."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


kernel(ew.sigmoid, forward=sigmoid)


def sign(x: Any) -> Any:
    """-1, 0 or 1; two comparisons give 0 at nan."""
    return np.subtract((x > 0).view(np.int8), x < 0, dtype=x.dtype, casting="unsafe")


kernel(ew.abs, x=lambda g, x: g * sign(x))  # (the readable form is nan at nan)


def relu_vjp(g: Any, x: Any) -> Any:
    """One comparison finds both x > 0 and nan."""
    if compiled.usable(x, g):
        out = np.empty(x.shape, x.dtype)
        compiled.run("relu_vjp", *[array.reshape(-1) for array in (g, x, out)])
        return out
    chosen = np.less_equal(x, _ZERO.get(x.dtype, 0))
    chosen = np.logical_not(chosen, out=chosen if chosen.ndim else None)
    return where(chosen, g, 0)


kernel(ew.relu, x=relu_vjp)
