"""What an entry of a catalogue of mistakes is. The same for gradients, update rules, schedules and forward passes.

An entry is a name, a sentence and an edit: a generator that takes a site and yields a `Variant` for each way of making
the mistake there. What a site is depends on the scope of the entry:

- scopes of `minigrad.teach.mistakes` (gradients): edge, node, arrivals, block, partners, forward, gradient, answer;
- `rule` and `schedule`: the lines of an update rule or of a schedule, as a `Formula` (`minigrad.teach.edits`);
- `operation`: an operation of a reference's forward pass (`minigrad.teach.forward.mistakes`).

In formulas an edit is mostly one expression instead of another. Such an entry needs no generator:

>>> added = mistake("cubed", "rule", "`{before}` cubes the gradient", ("dx ** 2", "dx ** 3"))
>>> RULES.pop("cubed").sentence
'`{before}` cubes the gradient'

This file imports no NumPy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from minigrad.teach.edits import Formula, rewrite, rewrite_everywhere, statements

F = TypeVar("F", bound=Callable[..., Any])

REDUCTIONS = {"sum", "mean", "amax", "amin", "var", "std", "norm", "prod", "logsumexp"}
"""Primitives that reduce along axes."""


@dataclass(frozen=True)
class Variant:
    """One way of making a mistake at a site.

    Attributes:
        change: the edit; what it is depends on the scope.
        detail: what the sentence says about it.
        assumes: how much more than the mistake itself must be assumed.
        key: what is the same at every pass of a loop; default: the detail.
    """

    change: Any
    detail: str = ""
    assumes: float = 0.0
    key: str = ""


@dataclass(frozen=True)
class Mistake:
    """An entry of a catalogue.

    Attributes:
        name: what the report calls it (`mistake`).
        scope: the kind of its sites.
        sentence: the cause in words, with fields.
        assumes: how much must be assumed: of several explanations the one that assumes the least is said.
        find: yields the variants at a site.
        hint: where to look, with the same fields.
    """

    name: str
    scope: str
    sentence: str
    assumes: float = 1.0
    find: Callable[[Any], Iterable[Variant]] = lambda site: ()
    hint: str = ""

    def said(self, **fields: str) -> str:
        """Return the sentence with its fields filled in; what they contain stays as it is."""
        return filled_in(self.sentence, **fields)


def filled_in(text: str, **fields: str) -> str:
    """Return a text with its fields filled in; one that nobody knows stays as it is."""
    return re.sub(r"\{(\w+)\}", lambda field: fields.get(field[1], field[0]), text)


GRADIENTS: dict[str, Mistake] = {}
"""Mistakes in gradients by name, in the order in which they are tried."""
RULES: dict[str, Mistake] = {}
"""Mistakes in update rules."""
SCHEDULES: dict[str, Mistake] = {}
"""Mistakes in schedules of the learning rate."""
FORWARDS: dict[str, Mistake] = {}
"""Mistakes in forward passes."""

EVERYWHERE = "; the same in each line that has it"
"""What is said where a pattern is replaced at all places where it fits at once, if they are several."""

SCOPES: dict[str, tuple[dict[str, Mistake], str]] = {
    "edge": (GRADIENTS, "look at what {through} passes back to {operand}"),
    "node": (GRADIENTS, "look at the gradient of {node}, before it is passed on"),
    "arrivals": (GRADIENTS, "look at how the contributions to the gradient of {node} are put together"),
    "block": (GRADIENTS, "look at how the gradient passes from {node} back to {operand}"),
    "forward": (GRADIENTS, "compare the forward pass of {node} with the one that you differentiated"),
    "partners": (GRADIENTS, "look at what goes back to {operand} and to its partner, which one operation joins"),
    "gradient": (GRADIENTS, "look at the gradient as a whole: its size, sign, order of elements and type"),
    "answer": (GRADIENTS, "multiply the gradient that arrives at {node} by the local derivative"),
    "rule": (RULES, ""),
    "schedule": (SCHEDULES, ""),
    "operation": (FORWARDS, ""),
}
"""The catalogue of each scope, and where to look by default; empty: the report names the line or operation itself."""


def mistake(
    name: str, scope: str, sentence: str, *patterns: tuple[str, ...], assumes: float = 1.0, hint: str = ""
) -> Callable[[F], F]:
    """Add an entry to the catalogue of its scope; without patterns, decorate the generator of its variants.

    Args:
        name: a short name, which the report returns.
        scope: what the edit changes, see the top of this file.
        sentence: the cause in words, with the fields of the scope.
        patterns: for the scopes rule and schedule, (pattern, what is written instead), or the same with a detail.
        assumes: how far-fetched it is, from 1 (everybody makes it once) to 5.
        hint: where to look; by default that of the scope.

    Raises:
        ValueError: for a scope that does not exist, a name that is taken, patterns in another scope, or a pattern that
            is not Python.
        TypeError: for a pattern that is not a tuple of two or three texts, a name or sentence that is no text, or
            `assumes` that is no number.
    """
    for what, text in (("name", name), ("sentence", sentence)):
        if not isinstance(text, str):
            raise TypeError(f"mistake: {what} must be a text, got {text!r}")
    if not isinstance(assumes, int | float):
        raise TypeError(f"mistake: assumes must be a number, from 1 to 5, got {assumes!r}")
    if scope not in SCOPES:
        raise ValueError(f"mistake: scope={scope!r} must be one of {', '.join(SCOPES)}")
    catalogue, usual = SCOPES[scope]
    if name in catalogue:
        raise ValueError(f"mistake: there is a mistake called {name!r}; choose another name")
    if patterns and scope not in ("rule", "schedule"):
        raise ValueError(f"mistake: patterns are for the scopes rule and schedule; decorate a generator for {scope!r}")

    for pattern in patterns:
        if not isinstance(pattern, tuple) or len(pattern) not in (2, 3):
            raise TypeError(f"mistake: a pattern is (pattern, what is written instead[, detail]), got {pattern!r}")
        for text in pattern[:2]:
            try:
                statements(text)
            except SyntaxError as error:
                raise ValueError(f"mistake: {text!r} is not Python: {error.msg}") from error

    def add(find: F) -> F:
        catalogue[name] = Mistake(name, scope, sentence, assumes, find, hint or usual)
        return find

    def rewritten(formula: Formula) -> Iterator[Variant]:
        for pattern, instead, *detail in patterns:
            said = detail[0] if detail else ""
            yield from (Variant(edited, said) for edited in rewrite(formula, pattern, instead))
            if scope == "rule":
                yield from (Variant(e, said, 0.05, EVERYWHERE) for e in rewrite_everywhere(formula, pattern, instead))

    if patterns:
        add(rewritten)
    return add
