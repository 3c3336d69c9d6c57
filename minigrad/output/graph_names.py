"""The names by which programs that draw a graph read its nodes, written for micrograd or for PyTorch."""

from __future__ import annotations

from typing import Any

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}


class GraphNames:
    """Other names for a node's `name`, `inputs` and `primitive`.

    >>> from minigrad.scalar import Value
    >>> a = Value(2.0, label="a")
    >>> b = a * 3
    >>> b._op, b._prev == {a}, a.label
    ('*', True, 'a')
    """

    __slots__ = ()
    name: str | None
    inputs: Any
    primitive: Any

    @property
    def label(self) -> str:
        """The name of the node, "" without one."""
        return self.name or ""

    @label.setter
    def label(self, name: str) -> None:
        self.name = name  # type: ignore[misc]  # a slot of the subclasses

    @property
    def _prev(self) -> set[Any]:
        """The inputs that get a gradient."""
        return {node for node in self.inputs if node is not None}

    @property
    def _op(self) -> str:
        """The sign or name of the operation, "" for a leaf."""
        return "" if self.primitive is None else _SIGNS.get(self.primitive.name, self.primitive.name)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes of the inputs, as PyTorch lists them: pairs of a node (None for a constant) and 0."""
        return tuple([(node, 0) for node in self.inputs])
