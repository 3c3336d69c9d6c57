"""What a cause is: a function that looks at a run, what it may say, and whether it needs a symptom to say so.

A cause is *certain* if it is said as soon as it is seen, such as a softmax before a loss that applies one. It
*explains* a symptom if it is said with one, such as inputs that are far from 1, which some runs can stand. Of several
explanations, the one that assumes the least is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from minigrad.teach.causes.scene import Scene

Said = tuple[str, str]
"""The kind of a cause, and the sentence."""
Look = Callable[[Scene], Iterator[Said]]


@dataclass(frozen=True)
class Cause:
    """A cause.

    Attributes:
        look: yields what it says.
        assumes: how much must be assumed.
        graph: whether it looks at the graph from the model's output to the loss.
        symptoms: of an explanation, the kinds of symptoms that it may explain; empty for all.
    """

    look: Look
    assumes: float = 1.0
    graph: bool = False
    symptoms: Collection[str] = ()


CAUSES: dict[str, str] = {}
"""Each kind, and when it is said; the report lists them."""
CERTAIN: list[Cause] = []
EXPLANATIONS: list[Cause] = []
"""Both in the order in which they are asked."""


def certain(kinds: Mapping[str, str], assumes: float = 1.0, graph: bool = False) -> Callable[[Look], Look]:
    """Register a cause that needs no symptom.

    Args:
        kinds: each kind that it may say, and when.
        assumes: how much must be assumed; of several causes, the one that assumes the least is said first.
        graph: whether it looks at the graph of a step, which is the same in most steps: it then runs only where the
            graph from the model's output to the loss is known, in the first three samples and in every eighth.
    """
    return _adding(CERTAIN, kinds, assumes, graph, ())


def _adding(
    causes: list[Cause], kinds: Mapping[str, str], assumes: float, graph: bool, symptoms: Collection[str]
) -> Callable[[Look], Look]:
    def add(look: Look) -> Look:
        CAUSES.update(kinds)
        causes.append(Cause(look, assumes, graph, symptoms))
        causes.sort(key=lambda cause: cause.assumes)
        return look

    return add


def explains(kinds: Mapping[str, str], symptoms: Collection[str] = (), assumes: float = 1.0) -> Callable[[Look], Look]:
    """Register a cause that explains a symptom.

    Args:
        kinds: each kind that it may say, and when.
        symptoms: the kinds of symptoms that it may explain. Default: all.
        assumes: how much must be assumed; the explanation that assumes the least is said.
    """
    return _adding(EXPLANATIONS, kinds, assumes, False, symptoms)
