"""Norms of vectors. Where a norm is 0 its gradient is 0, one of the subgradients there."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.primitives.reductions import Axis, spread
from minigrad.primitives.variance import quotient

norm = Primitive(
    "norm",
    lambda x, *, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    x=lambda g, x, y, axis, keepdims: x * spread(quotient(g, y), x.shape, axis, keepdims),
).with_notation("sqrt(sum(x * x))", x="g * x / y")


zero_norm = Primitive(
    "norm of order 0",
    lambda x, *, axis, keepdims: np.sum(x != 0, axis=axis, keepdims=keepdims).astype(x.dtype),
    x=lambda g, x_shape, axis, keepdims: np.where(True, 0, spread(g, x_shape, axis, keepdims)),
).with_notation("sum(x != 0)", x="0")


def _power_norm_x(g: Any, x: Any, y: Any, p: float, axis: Axis, keepdims: bool) -> Any:
    """sign(x) (|x| / y)**(p - 1): as a ratio, since the powers alone may overflow."""
    ratio = quotient(np.abs(x), spread(y, x.shape, axis, keepdims))
    zero = ratio == 0
    slope = np.where(zero, 0, np.where(zero, 1, ratio) ** (p - 1))  # infinite at 0 if p < 1
    return spread(g, x.shape, axis, keepdims) * np.sign(x) * slope


power_norm = Primitive(
    "norm of a power",
    lambda x, *, p, axis, keepdims: np.sum(np.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1 / p),
    x=_power_norm_x,
).with_notation(x="g * sign(x) * (abs(x) / y) ** (p - 1)")
