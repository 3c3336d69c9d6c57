"""What a graph records about operands that get no gradient, for drawings and printed programs.

Nodes save what their derivatives need. Beyond that, a small constant is held for as long as its graph, and a large one
by a weak reference, so that a graph that can be drawn costs a program little memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

SMALL = 1 << 14
"""Up to this size in bytes, a constant is held."""


class Constant:
    """A constant in the graph: its name, shape and dtype, and its value while that is available."""

    def __init__(self, c: Any) -> None:
        a = np.asarray(getattr(c, "_array", c))
        self.name, self.shape, self.dtype, self.ndim = getattr(c, "name", None), a.shape, a.dtype, a.ndim
        self._held = a if a.nbytes <= SMALL else weakref.ref(a)

    @property
    def value(self) -> np.ndarray | None:
        """The array, or None if it has been freed."""
        return self._held() if isinstance(self._held, weakref.ref) else self._held


def describe_constants(operands: Iterable[Any], inputs: Sequence[Any]) -> dict[int, Any]:
    """Return the operands that are constants, by position; numbers as they are."""
    constants = [(i, o) for i, o in enumerate(operands) if inputs[i] is None]
    return {i: Constant(o) if getattr(o, "ndim", 0) else o for i, o in constants}


def snapshot(array: np.ndarray, node: Any) -> np.ndarray:
    """Return the array before a recorded write; a small constant as a copy, which keeps the old values."""
    return array.copy() if node is None and array.nbytes <= SMALL else array
