"""Moved elements, and the axes along which they move."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np


def shifted(c: np.ndarray, by: int, axis: int) -> np.ndarray:
    """Return the elements moved by one along an axis, with 0 where nothing comes from."""
    out = np.roll(c, by, axis)
    out[(slice(None),) * axis + (0 if by > 0 else -1,)] = 0
    return out


def subsets(axes: Iterable[int]) -> Iterator[tuple[int, ...]]:
    """Yield the sets of axes that are not empty, the smallest first."""
    several = tuple(axes)
    for n in range(1, len(several) + 1):
        yield from itertools.combinations(several, n)


def orders(n: int) -> Iterator[tuple[int, ...]]:
    """Yield the orders of n axes: all up to five, and those with one or two pairs exchanged beyond."""
    if n <= 5:
        yield from itertools.permutations(range(n))
        return
    pairs = [*itertools.combinations(range(n), 2)]
    for several in [(pair,) for pair in pairs] + [
        (p, q) for p, q in itertools.combinations(pairs, 2) if not {*p} & {*q}
    ]:
        moved = {d: e for pair in several for d, e in (pair, pair[::-1])}
        yield tuple(moved.get(d, d) for d in range(n))


def dimensions(axes: tuple[int, ...]) -> str:
    """Return axes in words."""
    return f"dimension{'s' * (len(axes) > 1)} {' and '.join(map(str, axes))}"
