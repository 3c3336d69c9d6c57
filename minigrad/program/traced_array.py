"""Traced: the stand-in of an array that a term computes.

Views are tracked: each knows the memory that it is a part of, and a write to it gives that memory a new content.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive
from minigrad.program.ir import Term, frozen
from minigrad.program.stand_ins import StandIn
from minigrad.program.views import disjoint, joined, within


class Memory:
    """Memory that several views share, with its current content."""

    __slots__ = ("content",)

    def __init__(self, content: Term) -> None:
        self.content = content


class Traced(StandIn):
    """A stand-in that a term of the program computes.

    Attributes:
        memory: the memory that this array is, or is a view of.
        path: the operations that lead from the whole memory to this view of it.
    """

    __slots__ = ("memory", "path")

    def __init__(self, recorder: Any, value: np.ndarray, memory: Memory, path: tuple[Any, ...] = ()) -> None:
        super().__init__(recorder, value)
        self.memory, self.path = memory, path

    @property
    def term(self) -> Term:
        """The current content: what was stored at exactly this place, if known, otherwise a part of the memory's."""
        content, path = self._known() or (self.memory.content, self.path)
        for step in path:
            content = self.recorder.step(content, step)
        return content

    def _known(self) -> tuple[Term, tuple[Any, ...]] | None:
        """Return what was stored at this place and the path in it; None if unknown."""
        content, path = self.memory.content, self.path
        ways = [joined(path[:k], content.shape) for k in range(1, len(path) + 1)]
        while content.op == "store" and path:
            old, stored, value = content.args
            value = self.recorder.fitted(value, *stored[-1][2:])
            for k, way in enumerate(ways, 1):
                if frozen(way) == frozen(stored):
                    return value, path[k:]
            inner = within(ways[-1], stored, old.shape)
            if inner is not None:
                return value, inner
            if not disjoint(ways[-1], stored, old.shape):
                return None
            content = old  # it was written to elsewhere
        return None if content.op != "fill" or not path else (content, path)

    def write(self, value: Any) -> None:
        """Store `value`, a term or a number, in this array."""
        if self.term is value:
            return
        whole = self.memory.content
        path = joined(self.path, whole.shape)
        if whole.op == "store" and frozen(whole.args[1]) == frozen(path):
            whole = whole.args[0]  # this overwrites what was stored there before
        if not path:
            self.memory.content = self.recorder.fitted(value, whole.shape, whole.dtype)
        else:
            value = self.recorder.bare(value)
            self.memory.content = self.recorder.make("store", whole, path, value, shape=whole.shape, dtype=whole.dtype)

    def apply(self, primitive: Primitive, *operands: Any, **parameters: Any) -> Any:
        """Apply a primitive to traced arrays."""
        return self.recorder.forward(primitive, operands, parameters)
