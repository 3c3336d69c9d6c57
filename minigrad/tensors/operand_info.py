"""What a graph remembers of operands that get no gradient, for whoever wants to look at it.

Rules keep what their derivatives need themselves. Beyond that, a small constant is kept for as long as its graph is,
and a large one is known for as long as somebody else holds it, so that being looked at costs programs little memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

SMALL = 1 << 14
"""Bytes."""


class Constant:
    """A constant in the graph: what a picture shows of it."""

    def __init__(self, c: Any) -> None:
        self.name, self.shape, self.dtype, self.ndim = getattr(c, "name", None), c.shape, c.dtype, c.ndim
        a = getattr(c, "_array", c)
        self._held = a if a.nbytes <= SMALL else weakref.ref(a)

    @property
    def value(self) -> np.ndarray | None:
        """The array, if it is still there."""
        return self._held() if isinstance(self._held, weakref.ref) else self._held


def describe_constants(operands: Iterable[Any], inputs: Sequence[Any]) -> dict[int, Any]:
    """The operands that are constants, by position; numbers as they are."""
    constants = [(i, o) for i, o in enumerate(operands) if inputs[i] is None]
    return {i: Constant(o) if getattr(o, "ndim", 0) else o for i, o in constants}


def snapshot(array: np.ndarray, node: Any) -> np.ndarray:
    """What is about to be recorded as written to; a small constant as a copy, which stays as it was."""
    return array.copy() if node is None and array.nbytes <= SMALL else array
