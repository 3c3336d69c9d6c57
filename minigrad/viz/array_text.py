"""What a box says of an array: its numbers if they are few, else their range, mean and standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np

FEW = 4


def told(array: Any) -> list[str]:
    """Lines of text about the numbers of an array.

    >>> told(np.array([1.0, -2.5]))
    ['[1, -2.5]']
    >>> told(np.array([0.0, 0.0, 0.0, 2.0, np.nan, 3.0]))
    ['0 to 3', 'mean 1, std 1.26', '50 % zeros, 1 nan']
    """
    if array.size <= FEW:
        return [numbers(array.squeeze().tolist())] if array.size else []
    if array.dtype.kind == "b":
        return [f"{share(array)} true"]
    if array.dtype.kind != "f":
        return [f"{array.min()} to {array.max()}"]
    finite = array[np.isfinite(array)]
    if finite.size == array.size and finite.min() == finite.max():
        return [f"all {finite.min():.3g}"]
    lines = []
    if finite.size:
        mean, std = finite.mean(dtype=np.float64), finite.std(dtype=np.float64)
        mean = 0.0 if abs(mean) < 1e-6 * std else mean  # what is left of rounding
        lines += [f"{finite.min():.3g} to {finite.max():.3g}", f"mean {mean:.3g}, std {std:.3g}"]
    rest = [f"{share(array == 0)} zeros"] if (array == 0).any() else []
    counts = ((array != array, "nan"), (array == np.inf, "inf"), (array == -np.inf, "-inf"))
    rest += [f"{n:,} {name}" for where, name in counts if (n := int(where.sum()))]
    return lines + ([", ".join(rest)] if rest else [])


def finite(array: Any) -> bool:
    """Whether there is neither nan nor infinity in it."""
    return bool(np.isfinite(array).all())


def share(chosen: Any) -> str:
    """How many are true, in percent.

    >>> share(np.array([True, False])), share(np.arange(1000) == 0)
    ('50 %', '0.1 %')
    """
    return f"{100 * chosen.mean():.3g} %"


def numbers(nested: Any) -> str:
    """Nested lists of numbers as a text.

    >>> numbers([[1.0, 2.0], [0.333333, 4.0]])
    '[[1, 2], [0.333, 4]]'
    """
    if isinstance(nested, list):
        return f"[{', '.join(map(numbers, nested))}]"
    return f"{nested:.3g}" if isinstance(nested, float) else str(nested)


def norm(array: Any) -> float:
    """The Euclidean length of all its numbers.

    >>> norm(np.array([[3.0], [4.0]]))
    5.0
    """
    return float(np.linalg.norm(array.astype(np.float64).ravel()))
