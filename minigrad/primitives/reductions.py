"""Reductions along axes: sums, means, products, extrema. `axis` is None (all axes), an integer or a tuple of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.primitives.scans import product_of_others

Axis = int | tuple[int, ...] | None


def spread(r: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Give every element of an array of `shape` the result that it went into. Undoes the shape of a reduction."""
    if axis is not None and not keepdims:
        r = np.expand_dims(r, axis)
    return np.broadcast_to(r, shape)


sum = Primitive(
    "sum",
    lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    x=lambda g, x_shape, axis, keepdims: spread(g, x_shape, axis, keepdims),
).with_notation("sum(x)", x="g, at every element of x")


def _reciprocal_of_number(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> float:
    """Return 1 over the number of elements that go into each mean."""
    return math.prod(y_shape) / (math.prod(x_shape) or 1)


mean = Primitive(
    "mean",
    lambda x, *, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    x=lambda g, x_shape, y_shape, axis, keepdims: spread(
        g * _reciprocal_of_number(x_shape, y_shape), x_shape, axis, keepdims
    ),
).with_notation("mean(x)", x="g / n, at each of the n elements")


def _extremum_x(g: Any, x: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    """The gradient in equal parts to all elements that attain the extremum, as in PyTorch's amax."""
    attains = x == spread(y, x.shape, axis, keepdims)
    return attains * (spread(g, x.shape, axis, keepdims) / np.sum(attains, axis=axis, keepdims=True))


amax = Primitive(
    "amax", lambda x, *, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims), x=_extremum_x
).with_notation("max(x)", x="g where x == y, in equal parts at a tie")
amin = Primitive(
    "amin", lambda x, *, axis, keepdims: np.min(x, axis=axis, keepdims=keepdims), x=_extremum_x
).with_notation("min(x)", x="g where x == y, in equal parts at a tie")

prod = Primitive(
    "prod",
    lambda x, *, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    x=lambda g, x, axis, keepdims: spread(g, x.shape, axis, keepdims) * product_of_others(x, axis),
).with_notation("the product of x", x="g times the product of all others")

# no derivatives: their results are not floats
argmax = Primitive("argmax", lambda x, *, axis, keepdims: np.asarray(np.argmax(x, axis=axis, keepdims=keepdims)))
argmin = Primitive("argmin", lambda x, *, axis, keepdims: np.asarray(np.argmin(x, axis=axis, keepdims=keepdims)))
all = Primitive("all", lambda x, *, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims))
any = Primitive("any", lambda x, *, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims))
