"""Ties: elements of a subgradient that belong together.

Where a function has a kink in several elements at once, as the maximum of equal numbers has, each element of a gradient
can lie between its slopes and the gradient still be wrong: those of a maximum add up to 1. A subgradient g is a mean of
the gradients at points nearby (F. H. Clarke, Optimization and Nonsmooth Analysis, 1983, theorem 2.5.1). So along a
direction d, the product of g and d lies between the smallest and the largest slope nearby.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from minigrad.autograd.finite_differences import Differences, Estimate, Index

FAR = 100.0
"""How far from x the points nearby are, in steps: so far that a step rarely crosses a kink between them."""


@dataclass
class Tie:
    """Elements at one kink whose gradient is no subgradient.

    Attributes:
        indices: the elements.
        direction: a direction, one number an element.
        product: the gradient times the direction.
        slopes: the smallest and the largest slope along the direction.
    """

    indices: list[Index]
    direction: list[float]
    product: float
    slopes: tuple[float, float]


def sum_of_kinks(differences: Differences, direction: np.ndarray, size: float, seed: int) -> tuple[float, float]:
    """Return the smallest and the largest slope, if each kink at x may choose its side, as in a backward pass.

    Beside x, a line along the direction crosses the kinks one after the other, and each changes the slope by its own
    amount. So the sum of all falls of the slope leads to the smallest, that of all rises to the largest.

    Args:
        size: the size of what the direction moves.
        seed: of the line; each may miss kinks that lie too close together on it.
    """
    rng = np.random.default_rng(seed)
    beside = differences.x + 1e-5 * differences.size * rng.uniform(-1, 1, differences.x.shape)
    far = 1e-5 * size * np.sinh(np.linspace(-6, 6, 401))  # most kinks are close
    values = [differences.at(beside + t * direction) for t in far]
    slopes = np.diff(values, axis=0).sum(axis=1) / np.diff(far)
    changes = np.diff(slopes)
    return float(slopes[0] + changes[changes < 0].sum()), float(slopes[0] + changes[changes > 0].sum())


class _Kinks:
    """The elements at a kink, and the function close to it."""

    def __init__(self, differences: Differences, kinks: dict[Index, Estimate]) -> None:
        self.differences, self.indices = differences, list(kinks)
        self.h = 10 * float(np.median([e.step for e in kinks.values()]))
        self.least = min(abs(e.slopes[1] - e.slopes[0]) for e in kinks.values())
        self.places = np.array([np.ravel_multi_index(i, differences.x.shape) for i in kinks])
        self.rng = np.random.default_rng(0)

    def spread(self, numbers: np.ndarray, members: list[int]) -> np.ndarray:
        """Return a direction with the numbers at the members of `indices`, 0 elsewhere."""
        out = np.zeros(self.differences.x.size)
        out[self.places[members]] = numbers
        return out.reshape(self.differences.x.shape)

    def any_share(self) -> bool:
        """Return whether any elements share a kink: then moving halves of all is not the same as moving each."""
        everything = [*range(len(self.indices))]
        differences, h = self.differences, self.h
        for _ in range(24):
            signs = self.rng.choice([-1.0, 1.0], len(everything))
            half = self.rng.random(len(everything)) < 0.5
            one, other = (self.spread(h * signs * part, everything) for part in (half, ~half))
            both, first, second = (differences.at(differences.x + move) for move in (one + other, one, other))
            mixed = float(np.sum((both - first) - (second - differences.here)))
            if not abs(mixed) <= 8 * float(np.linalg.norm(differences.noise)) + 1e-3 * self.least * h:
                return True
        return False

    def interact(self, i: int, members: list[int]) -> bool:
        """Return whether the slopes of element i change when the other members move a little."""
        own = self.spread(np.ones(1), [i])
        for signs in (np.ones(len(members)), -np.ones(len(members)), self.rng.choice([-1.0, 1.0], len(members))):
            moved = self.spread(FAR * self.h * signs, members)
            for side in (own, -own):
                at_x = self.differences.slope(0 * own, side, self.h)
                beside = self.differences.slope(moved, side, self.h)
                if abs(at_x - beside) > 1e-2 * max(abs(at_x), abs(beside)):
                    return True
        return False

    def partners(self, i: int, members: list[int]) -> list[int]:
        """Return the members that share a kink with element i, by halving."""
        if not members or not self.interact(i, members):
            return []
        if len(members) == 1:
            return members
        half = len(members) // 2
        return self.partners(i, members[:half]) + self.partners(i, members[half:])

    def groups(self) -> Iterator[list[int]]:
        """Yield the elements that share a kink, in groups of two and more."""
        alone = [*range(len(self.indices))]
        while alone:
            i = alone.pop(0)
            group = self.partners(i, alone)
            alone = [j for j in alone if j not in group]
            if group:
                yield [i, *group]

    def directions(self, size: int) -> Iterator[np.ndarray]:
        """Yield directions in which to compare: all together, pairs, and some by chance."""
        yield np.ones(size)
        for j in range(1, min(size, 8)):
            for sign in (1.0, -1.0):
                pair = np.zeros(size)
                pair[0], pair[j] = 1.0, sign
                yield pair
        for _ in range(8):
            yield self.rng.uniform(0, 1, size)
            yield self.rng.uniform(-1, 1, size)

    def slopes(self, direction: np.ndarray, members: list[int], count: int) -> np.ndarray:
        """Return slopes along a direction at points nearby."""
        points = [self.spread(FAR * self.h * self.rng.uniform(-1, 1, len(members)), members) for _ in range(count)]
        return np.array([self.differences.slope(point, direction, self.h) for point in points])

    def is_a_choice(self, direction: np.ndarray, product: float, members: list[int]) -> bool:
        """Return whether a slope follows from a choice of sides at several kinks."""
        size = float(np.median(self.differences.size.ravel()[self.places[members]]))
        bounds = np.array([sum_of_kinks(self.differences, direction, size, seed) for seed in range(4)])
        low, high = float(bounds.min()), float(bounds.max())
        margin = 0.05 * (high - low)
        return low - margin <= product <= high + margin

    def examine(self, gradient: np.ndarray, members: list[int]) -> Tie | None:
        """Return what is wrong with the elements of one group, None if nothing is."""
        own = np.array([gradient[self.indices[m]] for m in members])
        for numbers in self.directions(len(members)):
            direction = self.spread(numbers, members)
            origin = 0 * direction
            sides = (
                -self.differences.slope(origin, -direction, self.h),
                self.differences.slope(origin, direction, self.h),
            )
            product = float(own @ numbers)
            low, high = min(sides), max(sides)
            margin = 2e-3 * max(abs(low), abs(high), float(np.abs(own * numbers).max()))
            if low - margin <= product <= high + margin:
                continue
            # The slopes at x bound those nearby if the function is convex or concave along the direction. The second
            # call has many more points: what looks wrong must be certain.
            if all(
                np.all((low - margin <= s) & (s <= high + margin))
                for s in (self.slopes(direction, members, count) for count in (16, 200))
            ):
                if high - low > margin and self.is_a_choice(direction, product, members):
                    continue
                return Tie([self.indices[m] for m in members], numbers.tolist(), product, (low, high))
        return None


def wrong_ties(differences: Differences, gradient: np.ndarray, kinks: dict[Index, Estimate]) -> list[Tie]:
    """Return the groups of elements at kinks whose gradient is no subgradient.

    Args:
        differences: the function and the point.
        gradient: the gradient to examine.
        kinks: the elements at a kink, with their estimates.

    >>> d = Differences(lambda x: np.array([x.max()]), np.array([1.0, 1.0, 0.0]))
    >>> kinks = {(0,): d.estimate((0,)), (1,): d.estimate((1,))}
    >>> [tie.product for tie in wrong_ties(d, np.array([1.0, 1.0, 0.0]), kinks)]
    [2.0]
    >>> wrong_ties(d, np.array([0.25, 0.75, 0.0]), kinks)
    []
    """
    if len(kinks) < 2:
        return []
    near = _Kinks(differences, kinks)
    if not near.any_share():
        return []
    return [tie for group in near.groups() if (tie := near.examine(gradient, group)) is not None]
