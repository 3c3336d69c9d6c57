"""Replay the forward and the backward pass of a graph on operands that record what is done with them.

The operands are arrays (`array_replay`) or numbers (`scalar_replay`). Imports no NumPy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minigrad.engine import Node, reverse_topological_order
from minigrad.hooks import ObserverHook
from minigrad.program.ir import Term, Terms, equal_nodes


class Replay(ABC):
    """A graph as a program.

    Attributes:
        names: the names of the program's variables, see `variables`.
        inputs: the arrays or numbers that the program takes.
        results: the recording operand of each node.
        values, gradients: the terms of each node.
        rules: how the gradient of each node is made up, in words.
        conditions: what is said of inputs that are conditions, such as x > 0, evaluated for these numbers.
        deciding: the primitives whose control flow depends on numbers.
        helpers: the functions that the program defines.
        begun: (tick, node) at which the node's part of the program begins, in the forward and in the backward pass.
        middle: the tick at which the backward pass begins.
    """

    def __init__(self, end: Node, names: Mapping[Any, str], terms: Terms) -> None:
        self.end, self.names, self.terms = end, names, terms
        self.order: list[Any] = reverse_topological_order([end])[::-1]
        self.inputs: dict[Term, Any] = {}
        self.conditions: dict[Term, str] = {}
        self.deciding: dict[str, None] = {}
        self.helpers: dict[str, None] = {}
        self.rules: dict[Any, list[str]] = {}
        self.begun: list[tuple[int, Any]] = []
        self.results: dict[Any, Any] = {}

    @abstractmethod
    def result_of(self, node: Any) -> Any:
        """Return the recording operand of a node, computed from those of its inputs."""

    @abstractmethod
    def contributions(self, node: Any, g: Any) -> Iterable[tuple[Any, Any]]:
        """Yield (input, contribution) pairs: where the gradient `g` of a node goes."""

    @abstractmethod
    def term_of(self, result: Any) -> Term | None:
        """Return the term of a recording operand; None for a list of several."""

    def replay(self, seed: Callable[[], Any]) -> None:
        """Run both passes; `seed` returns the gradient of the end."""
        for node in self.order:
            self.begun.append((self.terms.tick, node))
            self.results[node] = self.result_of(node)
        terms = {node: self.term_of(self.results[node]) for node in self.order}
        self.values: dict[Any, Term] = {node: term for node, term in terms.items() if term is not None}
        self._first = equal_nodes(self.order, self.values)
        self.middle = self.terms.tick
        found = self.walk(self.order[::-1], {self.end: seed()})
        self.gradients = {node: g for node, g in found.items() if node in self.values}

    def walk(self, order: list[Any], pending: dict[Any, Any]) -> dict[Any, Term]:
        """Run the backward pass through `order`, the youngest node first, and return the gradients of these nodes.

        It starts from the gradients in `pending`, where the gradients of all other nodes remain.
        """
        found: dict[Any, Term] = {}
        for node in order:
            g = pending.pop(node, None)
            if g is None:
                continue
            if any(not isinstance(hook.func, ObserverHook) for hook in node.hooks or ()):
                raise NotImplementedError(
                    f"source: a hook may change the gradient of {node.name or node!r}, and cannot be written as code; "
                    "remove it"
                )
            first = self._first.get(node)
            if first is not None:
                pending[first] = pending[first] + g if first in pending else g
                continue
            term = self.term_of(g)
            if term is not None:
                found[node] = term
            if node.primitive is None:
                continue
            self.begun.append((self.terms.tick, node))
            for source, c in self.contributions(node, g):
                pending[source] = pending[source] + c if source in pending else c
        return found
