"""Summaries of arrays in a few lines: the numbers themselves, or their range, mean and standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_NUMBERS = 4
"""An array of at most this many numbers is written out."""


def summarize(array: Any) -> list[str]:
    """Return lines of text about the numbers of an array.

    >>> summarize(np.array([1.0, -2.5]))
    ['[1, -2.5]']
    >>> summarize(np.array([0.0, 0.0, 0.0, 2.0, np.nan, 3.0]))
    ['0 to 3', 'mean 1, std 1.26', '50 % zeros, 1 nan']
    """
    if array.size <= MAX_NUMBERS:
        return [format_nested(array.squeeze().tolist())] if array.size else []
    if array.dtype.kind == "b":
        return [f"{percentage(array)} true"]
    if array.dtype.kind != "f":
        return [f"{array.min()} to {array.max()}"]
    finite = array[np.isfinite(array)]
    if finite.size == array.size and finite.min() == finite.max():
        return [f"all {finite.min():.3g}"]
    lines = []
    if finite.size:
        mean, std = finite.mean(dtype=np.float64), finite.std(dtype=np.float64)
        mean = 0.0 if abs(mean) < 1e-6 * std else mean  # only rounding errors
        lines += [f"{finite.min():.3g} to {finite.max():.3g}", f"mean {mean:.3g}, std {std:.3g}"]
    exceptional = [f"{percentage(array == 0)} zeros"] if (array == 0).any() else []
    counts = ((array != array, "nan"), (array == np.inf, "inf"), (array == -np.inf, "-inf"))
    exceptional += [f"{n:,} {name}" for mask, name in counts if (n := int(mask.sum()))]
    return lines + ([", ".join(exceptional)] if exceptional else [])


def all_finite(array: Any) -> bool:
    """Whether no element is nan or infinite."""
    return bool(np.isfinite(array).all())


def percentage(mask: Any) -> str:
    """Return the fraction of true elements as a percentage.

    >>> percentage(np.array([True, False])), percentage(np.arange(1000) == 0)
    ('50 %', '0.1 %')
    """
    return f"{100 * mask.mean():.3g} %"


def format_nested(nested: Any) -> str:
    """Format nested lists of numbers.

    >>> format_nested([[1.0, 2.0], [0.333333, 4.0]])
    '[[1, 2], [0.333, 4]]'
    """
    if isinstance(nested, list):
        return f"[{', '.join(map(format_nested, nested))}]"
    return f"{nested:.3g}" if isinstance(nested, float) else str(nested)


def norm(array: Any) -> float:
    """Return the Euclidean norm of all elements.

    >>> norm(np.array([[3.0], [4.0]]))
    5.0
    """
    return float(np.linalg.norm(array.astype(np.float64).ravel()))
