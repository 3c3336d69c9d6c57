"""Rules that reduce along axes. `axis` is None (all), an integer or a tuple of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive

Axis = int | tuple[int, ...] | None


def spread(r: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Undo the shape of a reduction: give every element of an array of `shape` the result it went into."""
    if axis is not None and not keepdims:
        r = np.expand_dims(r, axis)
    return np.broadcast_to(r, shape)


def _shared_among_ties(g: Any, x: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    """The gradient of a maximum or minimum, in equal parts to all elements that attain it (as PyTorch's amax)."""
    attains = x == spread(y, x.shape, axis, keepdims)
    return attains * (spread(g, x.shape, axis, keepdims) / np.sum(attains, axis=axis, keepdims=True))


sum = Primitive(
    "sum",
    lambda x, *, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    x=lambda g, x_shape, axis, keepdims: spread(g, x_shape, axis, keepdims),
).written("sum(x)", x="g, at every element of x")
mean = Primitive(
    "mean",
    lambda x, *, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    x=lambda g, x_shape, y_shape, axis, keepdims: spread(g * _share(x_shape, y_shape), x_shape, axis, keepdims),
).written("mean(x)", x="g / n, at each of the n elements of x that went into it")
amax = Primitive(
    "amax", lambda x, *, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims), x=_shared_among_ties
).written("max(x)", x="g where x == y, in equal parts at a tie")
amin = Primitive(
    "amin", lambda x, *, axis, keepdims: np.min(x, axis=axis, keepdims=keepdims), x=_shared_among_ties
).written("min(x)", x="g where x == y, in equal parts at a tie")


def _share(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> float:
    """One over the number of elements that go into each mean."""
    return math.prod(y_shape) / (math.prod(x_shape) or 1)


def _top(x: Any, axis: Axis) -> Any:
    """The maximum: subtracted, it keeps exp from overflowing."""
    return np.max(x, axis=axis, keepdims=True, initial=-np.inf)  # (the initial value is for no elements at all)


def _logsumexp(x: Any, *, axis: Axis, keepdims: bool) -> Any:
    top = _top(x, axis)
    top = np.where(np.isfinite(top), top, 0).astype(x.dtype)  # inf - inf would be nan
    with np.errstate(divide="ignore"):  # log(0) is the right answer for a row of -inf
        out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)


def _softmax(x: Any, *, axis: int) -> Any:
    e = np.asarray(x - _top(x, axis))
    np.exp(e, out=e)
    e /= np.sum(e, axis=axis, keepdims=True)
    return e


def _log_softmax(x: Any, *, axis: int) -> Any:
    y = np.asarray(x - _top(x, axis))
    with np.errstate(divide="ignore"):  # log(0) of no elements at all
        y -= np.log(np.sum(np.exp(y), axis=axis, keepdims=True))
    return y


logsumexp = Primitive(
    "logsumexp",
    _logsumexp,
    x=lambda g, x, y, axis, keepdims: (
        spread(g, x.shape, axis, keepdims) * np.exp(x - spread(y, x.shape, axis, keepdims))
    ),
).written("log(sum(exp(x)))", x="g * exp(x - y)")
softmax = Primitive(
    "softmax", _softmax, x=lambda g, y, axis: y * (g - np.sum(g * y, axis=axis, keepdims=True))
).written("exp(x) / sum(exp(x))", x="y * (g - sum(g * y))")
log_softmax = Primitive(
    "log_softmax", _log_softmax, x=lambda g, y, axis: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True)
).written("x - log(sum(exp(x)))", x="g - exp(y) * sum(g)")


# ---- variance ----------------------------------------------------------------------------------------------------


def _deviation(x: Any, axis: Axis) -> Any:
    """x - mean; twice, for the first mean is rounded, which shows where it is large and the deviations are small."""
    n = _counted(x.shape, axis) or 1
    d = x - np.sum(x, axis=axis, keepdims=True) / n
    return d - np.sum(d, axis=axis, keepdims=True) / n


def _counted(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements go into each result."""
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod([shape[a] for a in axes])


def _var(x: Any, *, less: float, axis: Axis, keepdims: bool) -> Any:
    d = _deviation(x, axis)
    with np.errstate(divide="ignore", invalid="ignore"):  # nan, of a single element
        return np.sum(d * d, axis=axis, keepdims=keepdims) / np.asarray(max(_counted(x.shape, axis) - less, 0), x.dtype)


def _var_x(g: Any, x: Any, less: float, axis: Axis, keepdims: bool) -> Any:
    n = _counted(x.shape, axis)
    slope = 2 / (n - less) if n > less else math.nan
    return spread(g, x.shape, axis, keepdims) * (_deviation(x, axis) * slope)


var = Primitive("var", _var, x=_var_x).written(
    "sum((x - mean(x)) ** 2) / (n - less)", x="g * 2 * (x - mean(x)) / (n - less)"
)
std = Primitive(
    "std",
    lambda x, *, less, axis, keepdims: np.sqrt(_var(x, less=less, axis=axis, keepdims=keepdims)),
    # the root's slope at 0 is infinite; 0 is a subgradient
    x=lambda g, x, y, less, axis, keepdims: _var_x(_quotient(g, 2 * y), x, less, axis, keepdims),
).written("sqrt(sum((x - mean(x)) ** 2) / (n - less))", x="g * (x - mean(x)) / ((n - less) * y)")

# ---- norms: in each the gradient is 0 where the norm is 0, one of the subgradients there --------------------------


def _quotient(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0; so also when it is differentiated again."""
    zero = b == 0
    return np.where(zero, 0, a / np.where(zero, 1, b))


def _power_norm_x(g: Any, x: Any, y: Any, p: float, axis: Axis, keepdims: bool) -> Any:
    """sign(x) (|x| / y)**(p - 1): as a ratio, for the powers alone may overflow."""
    ratio = _quotient(np.abs(x), spread(y, x.shape, axis, keepdims))
    zero = ratio == 0
    slope = np.where(zero, 0, np.where(zero, 1, ratio) ** (p - 1))  # infinite at 0 if p < 1
    return spread(g, x.shape, axis, keepdims) * np.sign(x) * slope


norm = Primitive(
    "norm",
    lambda x, *, axis, keepdims: np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims)),
    x=lambda g, x, y, axis, keepdims: x * spread(_quotient(g, y), x.shape, axis, keepdims),
).written("sqrt(sum(x * x))", x="g * x / y")
power_norm = Primitive(
    "norm of a power",
    lambda x, *, p, axis, keepdims: np.sum(np.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1 / p),
    x=_power_norm_x,
).written(x="g * sign(x) * (abs(x) / y) ** (p - 1)")

# ---- cumulative --------------------------------------------------------------------------------------------------


def _accumulated(ufunc: np.ufunc, x: Any, axis: int) -> Any:
    """In float64, as PyTorch does: else the rounding errors of float32 accumulate as well."""
    wide = np.float64 if x.dtype.kind == "f" else x.dtype
    return ufunc.accumulate(x, axis, dtype=wide).astype(x.dtype, copy=False)


def _previous(x: Any, axis: int, first: float) -> Any:
    """Each element's predecessor along the axis; that of the first is given."""
    before = (slice(None),) * axis
    start = np.full((*x.shape[:axis], min(1, x.shape[axis]), *x.shape[axis + 1 :]), first, x.dtype)
    return np.concatenate([start, x[(*before, slice(None, -1))]], axis=axis)


def _next(x: Any, axis: int, last: float) -> Any:
    return np.flip(_previous(np.flip(x, axis), axis, last), axis)


def _recurrence(a: Any, b: Any, *, axis: int) -> Any:
    out = b.copy()
    for i in range(1, b.shape[axis]):
        now, before = (slice(None),) * axis + (i,), (slice(None),) * axis + (i - 1,)
        out[now] += a[now] * out[before]
    return out


def _recurrence_b(g: Any, a: Any, axis: int) -> Any:
    """The same recurrence, from the end to the start."""
    return np.flip(recurrence(np.flip(_next(a, axis, 0), axis), np.flip(g, axis), axis=axis), axis)


# y[i] = a[i] y[i-1] + b[i], from y[-1] = 0
recurrence: Primitive = Primitive(
    "recurrence",
    _recurrence,
    a=lambda g, a, y, axis: _recurrence_b(g, a, axis) * _previous(y, axis, 0),
    b=_recurrence_b,
)
cumsum: Primitive = Primitive(
    "cumsum",
    lambda x, *, axis: _accumulated(np.add, x, axis),
    x=lambda g, axis: np.flip(cumsum(np.flip(g, axis), axis=axis), axis),
).written("the sum of x up to each element", x="the sum of g from each element to the end")


def _cumprod_x(g: Any, x: Any, axis: int) -> Any:
    """dy[k]/dx[i] is the product of all before i, times that of those after i up to k. The first factor is the
    cumulative product, the sum over k of the second is a recurrence; so nothing is divided by an x that may be 0."""
    return _previous(cumprod(x, axis=axis), axis, 1) * _recurrence_b(g, x, axis)


cumprod: Primitive = Primitive("cumprod", lambda x, *, axis: _accumulated(np.multiply, x, axis), x=_cumprod_x).written(
    "the product of x up to each element", x="the sum of g * y from each element to the end, over x"
)


def _logcumsumexp_x(g: Any, x: Any, y: Any, axis: int) -> Any:
    """dx[i] is the sum over k of exp(x[i] - y[k]) g[k], from k = i on: exp(x[i] - y[i]) times a recurrence, the factors
    of which are at most 1."""
    finite = np.where(y == -np.inf, 0, y)  # inf - inf would be nan
    return np.exp(x - finite) * _recurrence_b(g, np.exp(_previous(y, axis, -np.inf) - finite), axis)


logcumsumexp: Primitive = Primitive(
    "logcumsumexp", lambda x, *, axis: np.logaddexp.accumulate(x, axis), x=_logcumsumexp_x
)


def _others(x: Any, axis: int) -> Any:
    """The product of all other elements, without a division: of those before it, and of those after it."""
    after = np.flip(cumprod(np.flip(x, axis), axis=axis), axis)
    return _previous(cumprod(x, axis=axis), axis, 1) * _next(after, axis, 1)


prod = Primitive(
    "prod",
    lambda x, *, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    x=lambda g, x, axis, keepdims: spread(g, x.shape, axis, keepdims) * _others(x, axis),
).written("the product of x", x="g times the product of all others")

# no derivatives: their results are not floats
argmax = Primitive("argmax", lambda x, *, axis, keepdims: np.asarray(np.argmax(x, axis=axis, keepdims=keepdims)))
argmin = Primitive("argmin", lambda x, *, axis, keepdims: np.asarray(np.argmin(x, axis=axis, keepdims=keepdims)))
all = Primitive("all", lambda x, *, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims))
any = Primitive("any", lambda x, *, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims))
