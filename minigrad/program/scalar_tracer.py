"""Replay the forward and the backward pass of a graph of Values on numbers that record what is done with them.

The formulas of the primitives, the same with which Values compute, are evaluated on `Number`s. Imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minigrad.engine import reverse_topological_order
from minigrad.float_math import NUMBERS
from minigrad.program import helpers
from minigrad.program.ir import Term, Terms, equal_nodes, reciprocal, same_number, trivial
from minigrad.program.words import words
from minigrad.scalar import Value


class Number:
    """A symbolic number: a term, with Python's operators."""

    __slots__ = ("term", "terms")

    def __init__(self, terms: Terms, term: Term) -> None:
        self.terms, self.term = terms, term

    def __bool__(self) -> bool:
        raise TypeError("the formula of a primitive branches on a number")


def _operation(op: str, *args: Any) -> Any:
    """Return the number `op(*args)`, simplified."""
    terms = next(a.terms for a in args if isinstance(a, Number))
    given = [a.term if isinstance(a, Number) else a for a in args]
    if op == "multiply" and not isinstance(given[1], Term):
        given.reverse()  # a number comes first
    if op == "multiply" and isinstance(given[0], float) and (n := reciprocal(given[0])):
        op, given = "divide", [given[1], n]
    if op == "multiply" and same_number(given[0], -1):
        op, given = "negative", given[1:]
    same = trivial(op, given)
    if same is not None and not isinstance(same, Term):
        return same
    return Number(terms, terms(op, *given) if same is None else same)


def _operator(name: str, op: str) -> None:
    setattr(Number, f"__{name}__", lambda self, *other: _operation(op, self, *other))
    setattr(Number, f"__r{name}__", lambda self, other: _operation(op, other, self))


for _name, _op in {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "neg": "negative"},
    **{"abs": "abs", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal"},
    **{"ne": "not_equal", "or": "bitwise_or", "and": "bitwise_and"},
}.items():
    _operator(_name, _op)


def _function(name: str) -> Callable[..., Any]:
    def function(*xs: Any) -> Any:
        if any(isinstance(x, Number) for x in xs):
            return _operation(name, *xs)
        return NUMBERS[name](*xs)

    return function


_NAMES = {name: _function(name) for name in NUMBERS}
_NAMES["sign"] = lambda x: (x > 0) - (x < 0)


class Replay:
    """A graph of Values as a program; the attributes are those of `replay.Replay`."""

    def __init__(self, loss: Value, names: Mapping[Any, str]) -> None:
        self.end, self.names = loss, names
        self.order: list[Any] = reverse_topological_order([loss])[::-1]
        self.terms = Terms()
        self.inputs: dict[Term, float] = {}
        self.conditions: dict[Term, None] = {}
        self.rules: dict[Any, list[str]] = {}
        self.helpers: dict[str, None] = {}  # the functions that the program defines
        self.begun: list[tuple[int, Any]] = []
        self._numbers: dict[Any, Any] = {}
        for node in self.order:
            self.begun.append((self.terms.tick, node))
            if node.primitive is None:
                self._numbers[node] = self._input(node)
            else:
                self._numbers[node] = self._result(node.primitive, self._operands(node))
        self.values: dict[Any, Term] = {node: self._term(number) for node, number in self._numbers.items()}
        self._first = equal_nodes(self.order, self.values)
        self.middle = self.terms.tick
        self.gradients = {node: self._term(g) for node, g in self._backward().items()}

    def _input(self, node: Any) -> Number:
        term = self.terms.fresh("input", shape=(), dtype=None)
        term.name = node.name or self.names.get(node, "x")
        self.inputs[term] = node.data
        return Number(self.terms, term)

    def _result(self, primitive: Any, operands: list[Any]) -> Any:
        helper = helpers.NAMES.get(primitive.name)
        if helper is not None:
            self.helpers[helper] = None
            return Number(self.terms, self.terms("call", helper, self._term(operands[0])))
        return primitive.compile(primitive.formula, primitive.inputs, _NAMES)(*operands)

    def _operands(self, node: Any) -> list[Any]:
        operands = [node.a, node.b][: len(node.primitive.inputs)]
        return [self._numbers[o] if isinstance(o, Value) else _plain(o) for o in operands]

    def _term(self, number: Any) -> Term:
        return number.term if isinstance(number, Number) else self.terms("number", number)

    def _backward(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        pending: dict[Any, Any] = {self.end: 1}
        for node in reversed(self.order):
            g = pending.pop(node, None)
            if g is None:
                continue
            first = self._first.get(node)
            if first is not None:
                pending[first] = pending[first] + g if first in pending else g
                continue
            found[node] = g
            self.begun.append((self.terms.tick, node))
            if node.primitive is None:
                continue
            given = {"g": g, "y": self._numbers[node], **dict(zip(node.primitive.inputs, self._operands(node)))}
            for name, source in zip(node.primitive.inputs, node.inputs):
                if source is not None:
                    vjp = node.primitive.vjp(name, _NAMES, nan=False)
                    c = vjp(*[given[n] for n in vjp.__code__.co_varnames[: vjp.__code__.co_argcount]])
                    pending[source] = pending[source] + c if source in pending else c
                    self.rules.setdefault(source, []).append(words(node.primitive, name))
        return found


def _plain(x: float) -> float:
    """Return a number as it is usually written: 2 rather than 2.0."""
    return int(x) if x == x and abs(x) < 1e6 and x == int(x) else x
