"""The comparison of wrong gradients: along a few directions, and element by element.

The effect of a mistake along a direction is an inner product (see `tape`); only what agrees there is run as a whole
backward pass.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.teach.mistakes import Variant
from minigrad.teach.search.candidates import Candidate
from minigrad.teach.search.responses import Responses
from minigrad.teach.tape import Tape
from minigrad.teach.wording import Words

DIRECTIONS = 4
"""The number of random directions along which candidates are compared first."""
CLOSE = 1e-7
"""The relative difference up to which a candidate gives the learner's gradient: both are computed in float64."""
IMPOSSIBLE = (ValueError, IndexError, TypeError, ArithmeticError, AttributeError, KeyError, np.linalg.LinAlgError)
"""What a mistake raises at a site where it cannot be made."""
LIMIT = 1.8
"""Seconds of computing after which the search gives up."""
SHARE = 1.4 / 1.8
"""The part of these seconds for explanations by one mistake, if the graph is large."""


class Comparison:
    """A tape, the learner's gradient, and whether a mistake explains it.

    Args:
        tape: the function, with the upstream gradient.
        learners: the learner's gradient, of the input's shape.
        trusted: where it can be compared.
        sizes: the meaning of numbers, such as {32: "the size of dimension 0 of x"}.
        close: the relative difference up to which gradients are the same.
        limit: seconds of computing after which the search gives up. Default: `LIMIT`.
    """

    def __init__(
        self,
        tape: Tape,
        learners: np.ndarray,
        trusted: Any = True,
        sizes: Mapping[int, str] = {},
        close: float = CLOSE,
        limit: float | None = None,
    ) -> None:
        self.sizes = sizes
        self.tape, self.words = tape, Words(tape)
        self.learners, self.right, self.close = learners, tape.gradient, close
        self.trusted = np.broadcast_to(trusted, learners.shape)
        self.started, self.limit = time.thread_time(), LIMIT if limit is None else limit
        self.until = self.started + self.limit * SHARE
        self.gave_up = False
        rng = np.random.default_rng(0)
        self.directions = [rng.standard_normal(learners.shape) * self.trusted for _ in range(DIRECTIONS)]
        self.tangents = [tape.tangents(v) for v in self.directions]
        self.stacked = [
            None if any(t[k] is None for t in self.tangents) else np.array([t[k].ravel() for t in self.tangents])
            for k in range(len(tape.ops))
        ]
        self.right_along, self.learners_along = self.along(self.right), self.along(learners)
        self.error = self.learners_along - self.right_along
        self.responses = Responses(tape, self.stacked)
        self.largest = float(np.abs(self.right).max(initial=0))
        size = float(np.linalg.norm(learners) + np.linalg.norm(self.right))
        self.tolerance = close * size * max(1.0, np.sqrt(np.prod(learners.shape)) ** 0.5)
        self.singles: list[Candidate] = []
        self.scaled: list[Candidate] = []  # that give the learner's gradient up to a factor, in a loop
        self._found: dict[tuple[int, str], list[Variant]] = {}
        self._linked: dict[tuple[int, ...], list[list[int]]] = {}

    def along(self, change: np.ndarray) -> np.ndarray:
        """Return a change of the gradient along the directions."""
        return np.array([float(np.vdot(change, v)) for v in self.directions])

    def effect(self, k: int, delta: np.ndarray) -> np.ndarray:
        """Return the effect of a change `delta` of the gradient of operation k."""
        tangents = self.stacked[k]
        return np.zeros(DIRECTIONS) if tangents is None else tangents @ delta.ravel()

    def is_near(self, effect: np.ndarray, wanted: np.ndarray | None = None, times: float = 10.0) -> bool:
        """Return whether an effect is the wanted one, by default the error, to a multiple of the tolerance."""
        return bool(np.abs(effect - (self.error if wanted is None else wanted)).max() <= times * self.tolerance)

    def agrees(self, gradient: np.ndarray) -> bool:
        """Return whether a gradient is the learner's."""
        if gradient.shape != self.learners.shape or not np.isfinite(gradient).all():
            return False
        size = np.maximum(np.abs(gradient), np.abs(self.learners))
        largest = float(size.max(initial=0, where=np.isfinite(size)))
        largest = max(largest, 1e-5 * self.largest)  # what cancels leaves rounding
        same = np.abs(gradient - self.learners) <= self.close * (10 * size + largest)
        return bool(same[self.trusted].all())

    @property
    def remaining(self) -> float:
        """The seconds of computing that are left."""
        return self.started + self.limit - time.thread_time()

    def late(self) -> bool:
        """Return whether the time is up."""
        self.gave_up = self.gave_up or time.thread_time() > self.until
        return self.gave_up

    def explains(self, *candidates: Candidate) -> bool:
        """Return whether the backward pass with these mistakes gives the learner's gradient."""
        changes: dict[str, Any] = {}
        for c in candidates:
            for name, change in c.changes().items():
                if changes.get(name, {}).keys() & change.keys():
                    return False
                changes.setdefault(name, {}).update(change)
        with np.errstate(all="ignore"):
            try:
                return self.agrees(self.tape.gradient_with(**changes))
            except IMPOSSIBLE:
                return False
