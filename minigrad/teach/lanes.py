"""The graph of a loss of Values as a graph of arrays: the terms of its sum are computed alike, one for each example.

So what is known about losses of tensors can be seen in those of micrograd's networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.scalar import Value
from minigrad.teach.loss_graph import arrays, first_operand, kind_of, nodes_between, nodes_of

FEWEST = 4
"""The number of examples from which they are an array."""


@dataclass(eq=False)
class Lanes:
    """A node: an operation that each of the terms has, on numbers of its own."""

    primitive: Any
    index: int
    shape: tuple[int, ...] = ()
    inputs: tuple[Any, ...] = ()
    constants: dict[int, Any] = field(default_factory=dict)
    parameters: None = None


def as_arrays(loss: Value, weights: Collection[int]) -> tuple[Lanes, Lanes, np.ndarray | None] | None:
    """Return the loss and the network's output as nodes of arrays, and the inputs; None where examples differ.

    Args:
        loss: a sum, or a mean, over examples; what is added to that, as a penalty, is left out.
        weights: the identities of the parameters.
    """
    terms, factor = _terms(loss)
    kinds = Counter(map(kind_of, terms))
    common = max(kinds, key=kinds.__getitem__, default="")
    terms = [term for term in terms if kind_of(term) == common]
    if len(terms) < FEWEST or not common:
        return None
    try:
        end = _Merging(weights).merged(tuple(terms))
    except (LookupError, RecursionError):
        return None
    reduced = Lanes(SimpleNamespace(name="mean"), end.index + 1, (), (end,))
    if abs(factor - 1) > 1e-9:
        constants = {1: SimpleNamespace(value=factor)}
        reduced = Lanes(SimpleNamespace(name="mul"), end.index + 2, (), (reduced, None), constants)
    results = [node for node in nodes_of(end) if _is_linear(node)]
    if not results or any(map(_is_linear, nodes_between(results[0], end))):
        return None
    first = [n for n in nodes_of(end) if kind_of(n) == "mul" and kind_of(w := first_operand(n)) == "" and w is not None]
    columns = {a.tobytes(): a for n in reversed(first) for a in arrays(n)}
    return reduced, results[0], np.stack([*columns.values()], axis=1) if columns else None


def _terms(loss: Value) -> tuple[list[Value], float]:
    """Return what a loss adds up, and what their mean is multiplied by."""
    node: Any = loss
    factor = 1.0
    while (kind := kind_of(node)) in ("mul", "div", "neg") or (kind == "add" and _is_scaled_sum(node.a)):
        if kind in ("mul", "div"):
            if None not in node.inputs or (kind == "div" and node.inputs[0] is None):
                break
            number = node.a if node.inputs[0] is None else node.b
            factor *= number if kind == "mul" else 1 / number if number else 0.0
        factor *= -1 if kind == "neg" else 1
        node = node.a if kind == "add" else first_operand(node)
    terms = []
    while kind_of(node) == "add":
        terms += [node.b] if isinstance(node.b, Value) else []
        node = node.a if isinstance(node.a, Value) else None
    terms += [node] if kind_of(node) else []
    return terms, factor * len(terms)


def _is_scaled_sum(node: Any) -> bool:
    scaled = isinstance(node, Value) and kind_of(node) in ("mul", "div") and None in node.inputs
    return scaled and kind_of(first_operand(node)) == "add"


class _Merging:
    """Merges numbers that are computed alike into arrays."""

    def __init__(self, weights: Collection[int]) -> None:
        self._weights = weights
        self._known: dict[tuple[int, ...], Any] = {}

    def merged(self, several: tuple[Any, ...]) -> Any:
        """Return the node of these numbers, or their array, if they are given; raises LookupError if they differ."""
        key = tuple(map(id, several))
        if key not in self._known:
            self._known[key] = self._merge(several)
        return self._known[key]

    def _merge(self, several: tuple[Any, ...]) -> Any:
        first = several[0]
        if not any(isinstance(v, Value) for v in several):
            numbers = np.array(several, float)
            return numbers if np.ptp(numbers) else float(first)
        if not all(isinstance(v, Value) for v in several) or len({kind_of(v) for v in several}) > 1:
            raise LookupError
        if first.primitive is None:
            if all(v is first for v in several) and id(first) in self._weights:
                return Lanes(None, len(self._known))
            if any(id(v) in self._weights for v in several):
                raise LookupError
            return np.array([v.data for v in several])
        operands = [(v.a, v.b)[: len(v.inputs)] for v in several]
        merged = [self.merged(each) for each in zip(*operands)]
        inputs = tuple(m if isinstance(m, Lanes) else None for m in merged)
        constants = {i: SimpleNamespace(value=m) for i, m in enumerate(merged) if inputs[i] is None}
        return Lanes(first.primitive, len(self._known), (len(several),), inputs, constants)


def _is_linear(node: Any) -> bool:
    """Return whether a node is a sum of products with weights, and is added to no given numbers, such as targets."""
    parts = [node] if kind_of(node) == "add" else []
    for part in parts:  # which grow
        sources = [source for source in part.inputs if source is not None]
        if kind_of(part) == "add" and not [*arrays(part)]:
            parts += sources
        elif kind_of(part) not in ("", "mul") or all(map(kind_of, (part, *sources))):
            return False
    return bool(parts)
