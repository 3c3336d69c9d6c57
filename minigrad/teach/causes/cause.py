"""What a cause is: a kind, when it is said, a sentence, and a function that looks for it in a run.

A cause is *certain* if it is said as soon as it is seen, such as a softmax before a loss that applies one. It
*explains* a symptom if it is said with one, such as inputs that are far from 1, which some runs can stand. Of several
explanations, the one that assumes the least is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from minigrad.teach.causes.scene import Scene

Said = tuple[str, str]
"""The kind of a cause, and the sentence."""
Seen = Mapping[str, object] | Said | str | bool | None
"""What a cause sees: the fields of its sentence; True if it has none; a whole sentence; what another cause says, where
that one is behind it; False or None where the cause is not."""
Look = Callable[[Scene], Seen]


@dataclass(frozen=True, eq=False)
class Cause:
    """A cause; called with a scene, it yields what it says, if it says anything."""

    kind: str  # its name
    when: str  # when it is said; the report lists it
    sentence: str  # what it says, with fields such as `{layer}` or `{share:.0%}`
    look: Look  # returns what it sees in a scene
    assumes: float = 1.0  # how much must be assumed
    graph: bool = False  # whether it looks at the graph from the model's output to the loss
    symptoms: Collection[str] = ()  # of an explanation, the kinds of symptoms that it may explain; empty for all

    def __call__(self, scene: Scene) -> Iterator[Said]:
        seen = self.look(scene)
        if isinstance(seen, tuple):
            yield seen
        elif isinstance(seen, Mapping):
            yield self.kind, self.sentence.format(**seen)
        elif seen:
            yield self.kind, seen if isinstance(seen, str) else self.sentence.format()


CAUSES: dict[str, str] = {}
"""Each kind, and when it is said; the report lists them."""
CERTAIN: list[Cause] = []
EXPLANATIONS: list[Cause] = []
"""Both in the order in which they are asked."""


def certain(
    kind: str, when: str, sentence: str = "", *, assumes: float = 0.0, graph: bool = False
) -> Callable[[Look], Cause]:
    """Register a cause that needs no symptom; decorate the function that looks for it.

    Args:
        kind: its name.
        when: when it is said.
        sentence: what it says, a format string of the fields that the function returns. Default: the function returns
            the sentence.
        assumes: how much must be assumed; of several causes, the one that assumes the least is said first. Default:
            0.7 for what the graph shows, 1 for others.
        graph: whether it looks at the graph of a step, which is the same in most steps: it then runs only where the
            graph from the model's output to the loss is known, in the first three samples and in every eighth.
    """
    return _adding(CERTAIN, kind, when, sentence, assumes or (0.7 if graph else 1.0), graph)


def explains(
    kind: str, when: str, sentence: str = "", *, symptoms: Collection[str] = (), assumes: float = 1.0
) -> Callable[[Look], Cause]:
    """Register a cause that explains symptoms of these kinds, or of all; the other arguments are those of `certain`."""
    return _adding(EXPLANATIONS, kind, when, sentence, assumes, False, symptoms)


def _adding(causes: list[Cause], kind: str, when: str, sentence: str, *settings: Any) -> Callable[[Look], Cause]:
    def add(look: Look) -> Cause:
        if when not in (known := CAUSES.get(kind, "")):  # several causes may be of one kind
            CAUSES[kind] = f"{known}; or {when}" if known else when
        cause = Cause(kind, when, sentence, look, *settings)
        causes.append(cause)
        causes.sort(key=lambda cause: cause.assumes)
        return cause

    return add
