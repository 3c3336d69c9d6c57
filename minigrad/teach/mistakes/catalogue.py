"""The catalogue itself: what an entry is. This file imports no NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

REDUCTIONS = {"sum", "mean", "amax", "amin", "var", "std", "norm", "prod", "logsumexp"}
"""Primitives that reduce along axes."""


@dataclass(frozen=True)
class Variant:
    """One way of making a mistake at a site.

    Attributes:
        change: what the mistake does, see the scopes above.
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
    """An entry of the catalogue.

    Attributes:
        name: what `Diagnosis.mistake` says.
        scope: the kind of its sites.
        sentence: the cause in words, with fields.
        assumes: how much must be assumed: of several explanations the one that assumes the least is said.
        find: yields the variants at a site.
        hint: where to look, with the same fields.
    """

    name: str
    scope: str
    sentence: str
    assumes: float
    find: Callable[[Any], Iterable[Variant]]
    hint: str


CATALOGUE: dict[str, Mistake] = {}
"""All mistakes by name, in the order in which they are tried."""

_HINTS = {
    "edge": "look at what {through} passes back to {operand}",
    "node": "look at the gradient of {node}, before it is passed on",
    "arrivals": "look at how the contributions to the gradient of {node} are put together",
    "block": "look at how the gradient passes from {node} back to {operand}",
    "forward": "compare the forward pass of {node} with the one that you differentiated",
    "gradient": "look at the gradient as a whole: its size, sign, order of elements and type",
    "answer": "multiply the gradient that arrives at {node} by the local derivative",
}


def mistake(name: str, scope: str, sentence: str, *, assumes: float = 1.0, hint: str = "") -> Callable[[F], F]:
    """Add an entry to the catalogue; decorates the generator of its variants.

    Args:
        name: a short name, which `Diagnosis.mistake` returns.
        scope: edge, node, arrivals, block, forward, gradient or answer.
        sentence: the cause, see the top of this file.
        assumes: how far-fetched it is, from 1 (everybody makes it once) to 5.
        hint: where to look; by default that of the scope.

    Raises:
        ValueError: for a scope that does not exist, or a name that is taken.
    """
    if scope not in _HINTS:
        raise ValueError(f"mistake: scope={scope!r} must be one of {', '.join(_HINTS)}")
    if name in CATALOGUE:
        raise ValueError(f"mistake: there is a mistake called {name!r}; choose another name")

    def add(find: F) -> F:
        CATALOGUE[name] = Mistake(name, scope, sentence, assumes, find, hint or _HINTS[scope])
        return find

    return add
