"""The wrong answers that the catalogue of mistakes gives for one gradient contribution, each with its sentence.

Without NumPy there are those of the scope `answer`; with it, also those at the operation itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from minigrad.teach.mistakes import CATALOGUE, Answer

if TYPE_CHECKING:
    from minigrad.teach.mistakes import Edge

PLAUSIBLE = {
    text
    for line in (
        "a; b; y; x; 1 - y**2; y * (1 - y); 1 - y; 1 - x**2; x * (1 - x); 1 / x; -1 / x**2; exp(x); cos(x); sin(x)",
        "2 * x; 1 - tanh(x)**2; 1 / y; 1 / b; 1 / a; a * b; 1.0 * (x > 0)",
    )
    for text in line.split("; ")
}
"""Derivatives that are likelier than that the value of something was taken for its gradient."""
FAR_FETCHED = {
    text
    for line in (
        "1 - a; 1 - b; a * (1 - a); b * (1 - b); 1 / sqrt(abs(b)); sqrt(abs(b)); log(abs(b)); log(abs(a)); 2 * b",
        "2 * a; 1 / a**2; y * b; y * a; b * y; -b / a**2; sinh(x); cosh(x); y + x; 1 - y**3; x * (1 - y); y * (1 - x)",
        "y + y * (1 - y); 1 / (1 - x**2); 1 / (1 + exp(x)); (1 - y**2)**2; 1 + x; 1 + y; 1 / y**3; -0.5 / y**3",
        "(y * (1 - y))**2; 1 / (x * (1 - x)); 1 - 2 * y; sqrt(abs(1 - y**2)); log(abs(x)); 1 / sqrt(abs(x)); -y**2",
        "sigmoid(y) * (1 - sigmoid(y)); 1 + x**2; y * (1 + y); 1 / (1 + x); 3 * x**2; 2 * sqrt(abs(x)); sqrt(abs(x))",
        "1 / sqrt(1 - y**2); -0.5 / y; 2 * (1 - y**2); 0.5 * (1 - y**2)",
    )
    for text in line.split("; ")
}
"""Derivatives that are left out: a hundred formulas give nearly every short number by chance."""
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
                if m.name == "other function" and variant.key in FAR_FETCHED or m.name == "dropped":
                    continue  # what is asked for cannot be forgotten; 0 says that it does not matter
                wrong = variant.change(answer.right if edge is None or site is answer else edge.g)
                if not isinstance(wrong, tuple):
                    number = wrong.item() if getattr(wrong, "size", 0) == 1 else wrong
                    wrong = math.nan if hasattr(number, "shape") else float(number)
                if isinstance(wrong, tuple) or math.isfinite(wrong):
                    text = m.said(**{**fields, "detail": variant.detail})
                    doubt = 0.15 if m.name == "other function" and variant.key not in PLAUSIBLE else 0.0
                    found[m.scope].append((m.assumes + variant.assumes + doubt, wrong, text))
    likeliest = sorted(found["edge"], key=lambda one: one[0])[:MOST]
    every = sorted([*found["answer"], *likeliest], key=lambda one: one[0])
    negated = (
        [] if answer.is_shape else [(-wrong, f"{text}; the sign is wrong, too") for _, wrong, text in every[:LIKELY]]
    )
    return [*((wrong, text) for _, wrong, text in every), *negated]


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
