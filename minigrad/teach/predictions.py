"""The wrong answers that the catalogue of mistakes gives for one gradient contribution, each with its sentence.

Without NumPy there are those of the scope `answer`; with it, also those at the operation itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from minigrad.teach.mistakes import CATALOGUE, Answer, Mistake, Variant

if TYPE_CHECKING:
    from minigrad.teach.mistakes import Edge

MOST = 60
"""The largest number of wrong answers from the operation itself; the likeliest are kept."""
LIKELY = 12
"""How many of the likeliest mistakes are also made together with a wrong sign."""


def wrong_answers(answer: Answer, edge: Edge | None = None) -> list[tuple[Any, str]]:
    """Return pairs of a wrong answer and its sentence, the likeliest mistake first; for a number, see `edge_of`."""
    found: dict[str, list[tuple[float, Any, str]]] = {"answer": [], "edge": []}
    sites: dict[str, Any] = {"answer": answer, "edge": edge}
    fields = {**answer.fields, **(edge.fields if edge is not None else {}), "node": answer.fields["node"]}
    with _without_warnings(edge):
        for m in CATALOGUE.values():
            site = sites.get(m.scope)
            for variant in m.find(site) if site is not None else ():
                if m.name == "dropped" or math.isinf(doubt := _doubt(m, variant)):
                    continue  # what is asked for cannot be forgotten; 0 says that it does not matter
                wrong = variant.change(answer.right if edge is None or site is answer else edge.g)
                if not isinstance(wrong, tuple):
                    number = wrong.item() if getattr(wrong, "size", 0) == 1 else wrong
                    wrong = math.nan if hasattr(number, "shape") else float(number)
                if isinstance(wrong, tuple) or math.isfinite(wrong):
                    text = m.said(**{**fields, "detail": variant.detail})
                    found[m.scope].append((m.assumes + variant.assumes + doubt, wrong, text))
    likeliest = sorted(found["edge"], key=lambda one: one[0])[:MOST]
    every = sorted([*found["answer"], *likeliest], key=lambda one: one[0])
    negated = (
        [] if answer.is_shape else [(-wrong, f"{text}; the sign is wrong, too") for _, wrong, text in every[:LIKELY]]
    )
    return [*((wrong, text) for _, wrong, text in every), *negated]


def _doubt(m: Mistake, variant: Variant) -> float:
    """Return how much likelier it is that the value of something was taken for its gradient than this derivative.

    Infinity for those that are left out: a hundred formulas give nearly every short number by chance.
    """
    if m.name != "other function":
        return 0.0
    from minigrad.teach.mistakes.formulas import FAR_FETCHED, PLAUSIBLE

    return math.inf if variant.key in FAR_FETCHED else 0.15 * (variant.key not in PLAUSIBLE)


def _without_warnings(edge: Edge | None) -> AbstractContextManager[Any]:
    """Return NumPy's context without warnings; for an answer alone, which needs no NumPy, one that does nothing."""
    if edge is None:
        return nullcontext()
    import numpy as np

    return np.errstate(all="ignore")


def edge_of(
    primitive: Any,
    operands: Sequence[Any],
    names: Sequence[str],
    variable: Sequence[bool],
    value: float,
    g: float,
    i: int,
    parameters: Mapping[str, Any],
) -> Edge | None:
    """Return an operation on numbers, and the operand that is asked for, as a site of the catalogue.

    Each operand is a number with a name, and is `variable` if it has a gradient. Return None for an operation that the
    catalogue does not know, and without NumPy, on which these mistakes are made.
    """
    if find_spec("numpy") is None:
        return None
    if not primitive.vjps or primitive.variadic or len(operands) != len(primitive.inputs):
        return None
    import numpy as np

    from minigrad.teach.mistakes import Edge
    from minigrad.teach.tape import Op, Tape
    from minigrad.teach.wording import Words

    arrays = [np.asarray(o, float) for o in operands]
    ops: list[Op] = []
    sources: list[int | None] = []
    for array, name, is_variable in zip(arrays, names, variable):
        sources.append(len(ops) if is_variable else None)
        if is_variable:
            ops.append(Op(None, (), [], {}, array, None, name=name))
    k = len(ops)
    operation = Op(primitive, tuple(sources), list(arrays), dict(parameters), np.asarray(value, float), None)
    operation.names = {j: name for j, (name, source) in enumerate(zip(names, sources)) if source is None}
    loss = Op(None, (), [], {}, np.asarray(0.0), None, name="loss")  # so that the operation is not the last one
    tape = Tape.of([*ops, operation, loss])
    tape.gradients[k] = np.asarray(g, float)
    return Edge(tape, Words(tape), k, i)
