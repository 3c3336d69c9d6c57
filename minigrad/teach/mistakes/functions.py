"""Mistakes in functions of several operations: softmax, normalization, activations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.teach.mistakes.catalogue import Block, Variant, mistake
from minigrad.teach.mistakes.formulas import functions


@mistake(
    "diagonal",
    "block",
    "only the diagonal of the Jacobian of the softmax {node}{line} is used{detail}: each output depends on all inputs, "
    "dx = p * (g - sum(g * p))",
    assumes=0.8,
)
def _diagonal(s: Block) -> Iterator[Variant]:
    if _softmax_axis(s) is None:
        return
    y = s.y
    yield Variant(lambda g: g * y * (1 - y), ", p * (1 - p)")
    yield Variant(lambda g: g * y, ", p alone", 0.3)


@mistake(
    "softmax",
    "block",
    "the gradient of the softmax {node}{line} is {detail}; it must be p * (g - sum(g * p))",
    assumes=1.4,
)
def _softmax(s: Block) -> Iterator[Variant]:
    if (axis := _softmax_axis(s)) is None:
        return
    p, n = s.y, s.y.shape[axis]

    def total(a: np.ndarray, over: Any = axis) -> np.ndarray:
        return np.asarray(a.sum(axis=over, keepdims=True))

    yield Variant(lambda g: p * g - total(p * g), "p * g - sum(p * g): the sum is not multiplied by p")
    yield Variant(lambda g: p * (g - total(g)), "p * (g - sum(g)): p is missing in the sum")
    yield Variant(lambda g: p * (g + total(g * p)), "p * (g + sum(g * p)): the sign of the sum is wrong")
    yield Variant(lambda g: g - p * total(g), "g - p * sum(g), which is that of the logarithm of the softmax")
    yield Variant(lambda g: g - total(g * p), "g - sum(g * p): the factor p is missing")
    yield Variant(lambda g: p * (g - total(g * p) / n), "p * (g - mean(g * p)): a mean where a sum must be")
    yield Variant(lambda g: p * (g - total(g) / n), "p * (g - mean(g))")
    yield Variant(lambda g: -p * total(p * g), "-p * sum(g * p): the diagonal is missing", -0.2)
    yield Variant(lambda g: p - total(g * p), "p - sum(g * p)", 0.3)
    yield Variant(lambda g: p * (g - total(g * p, None)), "p * (g - sum(g * p)) with the sum over everything", 0.1)
    yield Variant(lambda g: p * (1 - p), "p * (1 - p), without the upstream gradient", 0.2)
    yield Variant(lambda g: np.swapaxes(np.swapaxes(p, axis, -1) * 1, axis, -1) * (1 - g), "p * (1 - g)", 0.8)
    for other in range(p.ndim):
        if other != axis:
            yield Variant(
                lambda g, o=other: p * (g - total(g * p, o)),
                f"summed over axis {other} instead of {axis}",
                key=f"axis {other}",
            )
    for a, b in itertools.combinations(range(p.ndim), 2):
        if p.shape[a] == p.shape[b]:
            yield Variant(
                lambda g, a=a, b=b: p * (g - total(g * p).swapaxes(a, b)),
                "p * (g - sum(g * p)) with a sum that lost its axis (keepdims=True is missing)",
                0.1,
            )


def _softmax_axis(s: Block) -> int | None:
    """Return the axis along which y is the softmax of x, None if it is not."""
    if s.x.shape != s.y.shape or not s.x.ndim or s.y.size < 2 or not (s.y >= 0).all():
        return None
    for axis in range(s.x.ndim):
        if s.x.shape[axis] > 1 and np.allclose(s.y.sum(axis=axis), 1, rtol=1e-9):
            shifted = np.exp(s.x - s.x.max(axis=axis, keepdims=True))
            if np.allclose(shifted / shifted.sum(axis=axis, keepdims=True), s.y, rtol=1e-7, atol=1e-12):
                return axis
    return None


@mistake(
    "normalization",
    "block",
    "the gradient of the normalization {node}{line} is wrong: {detail}; it must be "
    "(g - mean(g) - xhat * mean(g * xhat)) / std",
    assumes=1.2,
)
def _normalization(s: Block) -> Iterator[Variant]:
    found = _normalized_axes(s)
    if found is None:
        return
    axes, std, variance = found
    xhat, n = s.y, math.prod(s.x.shape[a] for a in axes)
    d = s.x - s.x.mean(axis=axes, keepdims=True)

    def mean(a: np.ndarray, over: Any = axes) -> np.ndarray:
        return np.asarray(a.mean(axis=over, keepdims=True))

    ways: dict[str, Callable[[np.ndarray], Any]] = {
        "mean and standard deviation are treated as constants (g / std)": lambda g: g / std,
        "the term of the mean, mean(g), is missing": lambda g: (g - xhat * mean(g * xhat)) / std,
        "the term of the standard deviation, xhat * mean(g * xhat), is missing": lambda g: (g - mean(g)) / std,
        "the factor 1/std is missing": lambda g: g - mean(g) - xhat * mean(g * xhat),
        "it is divided by the variance, not by its root": lambda g: (g - mean(g) - xhat * mean(g * xhat)) / std**2,
        "x - mean(x) stands where xhat must stand": lambda g: (g - mean(g) - d * mean(g * d)) / std,
        "x - mean(x) stands for one xhat": lambda g: (g - mean(g) - xhat * mean(g * d)) / std,
        "x stands where xhat must stand": lambda g: (g - mean(g) - s.x * mean(g * s.x)) / std,
        "x stands for one xhat": lambda g: (g - mean(g) - xhat * mean(g * s.x)) / std,
        "sums stand where means must stand (1/N is missing)": lambda g: (
            (g - n * mean(g) - n * xhat * mean(g * xhat)) / std
        ),
        "the first term lacks its factor N": lambda g: (g / n - mean(g) - xhat * mean(g * xhat)) / std,
        "it is N times too large": lambda g: n * (g - mean(g) - xhat * mean(g * xhat)) / std,
        "it is divided by N once more": lambda g: (g - mean(g) - xhat * mean(g * xhat)) / std / n,
        "a sign is wrong: + mean(g)": lambda g: (g + mean(g) - xhat * mean(g * xhat)) / std,
        "a sign is wrong: + xhat * mean(g * xhat)": lambda g: (g - mean(g) + xhat * mean(g * xhat)) / std,
        "the sum of g * xhat lacks its 1/N": lambda g: (g - mean(g) - n * xhat * mean(g * xhat)) / std,
        "the sum of g lacks its 1/N": lambda g: (g - n * mean(g) - xhat * mean(g * xhat)) / std,
        "xhat is missing before mean(g * xhat)": lambda g: (g - mean(g) - mean(g * xhat)) / std,
        "xhat is missing in mean(g * xhat)": lambda g: (g - mean(g) - xhat * mean(g)) / std,
        "the sum of squares of the variance is divided by N - 1": lambda g: (
            (g - mean(g) - xhat * mean(g * xhat) * n / (n - 1)) / std
        ),
        "the standard deviation's term counts twice": lambda g: (g - mean(g) - 2 * xhat * mean(g * xhat)) / std,
        "the standard deviation's term counts half": lambda g: (g - mean(g) - 0.5 * xhat * mean(g * xhat)) / std,
    }
    for detail, change in ways.items():
        yield Variant(change, detail)
    for other in s.axes:
        if other != axes:
            said = ", ".join(map(str, other))
            m = math.prod(s.x.shape[a] for a in other)
            yield Variant(
                lambda g, o=other: (g - mean(g, o) - xhat * mean(g * xhat, o)) / std,
                f"its means go over axis {said}, and must go over {', '.join(map(str, axes))}",
                0.1,
            )
            if m != n:
                yield Variant(
                    lambda g, m=m: (g - mean(g) * n / m - xhat * mean(g * xhat) * n / m) / std,
                    f"its sums are divided by {m}, the number of elements along axis {said}, and must be by {n}",
                    0.1,
                )


def _normalized_axes(s: Block) -> tuple[tuple[int, ...], np.ndarray, np.ndarray] | None:
    """Return axes, standard deviation and variance if y is (x - mean) / std for some axes."""
    if s.x.shape != s.y.shape or s.y.size < 3 or s.op.kind not in ("div", "mul", "standardize"):
        return None
    for axes in s.axes:
        d = s.x - s.x.mean(axis=axes, keepdims=True)
        with np.errstate(all="ignore"):
            std = d / s.y
        middle = np.nanmedian(std, axis=axes, keepdims=True)
        var = (d * d).mean(axis=axes, keepdims=True)
        if (
            np.allclose(s.y * middle, d, rtol=1e-6, atol=1e-9 * np.abs(d).max())
            and np.allclose(s.y.mean(axis=axes), 0, atol=1e-8)
            and np.allclose(middle**2, var, rtol=0.6, atol=1e-2)
            and math.prod(s.x.shape[a] for a in axes) > 1
        ):
            return axes, middle, var
    return None


@mistake(
    "other derivative",
    "block",
    "the derivative of {node}{line} with respect to {operand} is wrong: it is computed as {detail}",
    assumes=1.5,
)
def _other_derivative(s: Block) -> Iterator[Variant]:
    between = s.tape.between(s.k, s.early)
    if s.x.shape != s.y.shape or len(between) < 2 or s.x.size < 2:
        return
    if all(isinstance(s.tape.ops[k].primitive, Elementwise) for k in between):
        yield from functions(s.x, s.y, s.words.name(s.early), s.words.name(s.k))
        yield Variant(lambda g: g, "1: its local derivative is missing", 0.2, "1")
