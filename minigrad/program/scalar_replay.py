"""Replay the forward and the backward pass of a graph of Values on numbers that record what is done with them.

The formulas of the primitives, the same with which Values compute, are evaluated on `Number`s. Imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from minigrad.float_math import NUMBERS
from minigrad.program import helpers
from minigrad.program.ir import Term, Terms, reciprocal, same_number, trivial
from minigrad.program.operators import NAMES, Operand
from minigrad.program.replay import Replay
from minigrad.program.words import words
from minigrad.scalar import Value


class Number(Operand):
    """A symbolic number: a term, with Python's operators."""

    __slots__ = ("term",)

    def __init__(self, recorder: ScalarReplay, term: Term) -> None:
        self.recorder, self.term = recorder, term

    def __bool__(self) -> bool:
        raise TypeError("the formula of a primitive branches on a number")


def _function(name: str) -> Callable[..., Any]:
    def function(*xs: Any) -> Any:
        recorder = next((x.recorder for x in xs if isinstance(x, Number)), None)
        return NUMBERS[name](*xs) if recorder is None else recorder.made(name, *xs)

    return function


_NAMES = {name: _function(name) for name in NUMBERS}
_NAMES["sign"] = lambda x: (x > 0) - (x < 0)


class ScalarReplay(Replay):
    """A graph of Values as a program."""

    def __init__(self, loss: Value, names: Mapping[Any, str]) -> None:
        super().__init__(loss, names, Terms())
        self.replay(lambda: 1)

    # ---- operations on numbers -------------------------------------------------------------------------------------

    def call(self, function: Any, args: Any, keywords: Any) -> Any:
        """Apply an operator."""
        return self.made(NAMES[function], *args)

    def made(self, op: str, *args: Any) -> Any:
        """Return the number `op(*args)`, simplified."""
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
        return Number(self, self.terms(op, *given) if same is None else same)

    # ---- nodes -----------------------------------------------------------------------------------------------------

    def term_of(self, result: Any) -> Term:
        return result.term if isinstance(result, Number) else self.terms("number", result)

    def result_of(self, node: Any) -> Any:
        primitive = node.primitive
        if primitive is None:
            term = self.terms.fresh("input", shape=(), dtype=None)
            term.name = node.name or self.names.get(node, "x")
            self.inputs[term] = node.data
            return Number(self, term)
        operands = self._operands(node)
        helper = helpers.NAMES.get(primitive.name)
        if helper is not None:
            self.helpers[helper] = None
            return Number(self, self.terms("call", helper, self.term_of(operands[0])))
        return primitive.compile(primitive.formula, primitive.inputs, _NAMES)(*operands)

    def _operands(self, node: Any) -> list[Any]:
        operands = [node.a, node.b][: len(node.primitive.inputs)]
        return [self.results[o] if isinstance(o, Value) else _plain(o) for o in operands]

    def contributions(self, node: Any, g: Any) -> Iterator[tuple[Any, Any]]:
        given = {"g": g, "y": self.results[node], **dict(zip(node.primitive.inputs, self._operands(node)))}
        for name, source in zip(node.primitive.inputs, node.inputs):
            if source is not None:
                vjp = node.primitive.vjp(name, _NAMES, nan=False)
                self.rules.setdefault(source, []).append(words(node.primitive, name))
                yield source, vjp(*[given[n] for n in vjp.__code__.co_varnames[: vjp.__code__.co_argcount]])


def _plain(x: float) -> float:
    """Return a number as it is usually written: 2 rather than 2.0."""
    return int(x) if x == x and abs(x) < 1e6 and x == int(x) else x
