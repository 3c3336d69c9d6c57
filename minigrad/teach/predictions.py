"""The wrong answers that the catalogue of mistakes gives for one gradient contribution, each with its sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.teach.mistakes import CATALOGUE, Answer, Edge
from minigrad.teach.tape import Op, Tape
from minigrad.teach.wording import Words

MOST = 60
"""The largest number of wrong answers from the operation itself; the likeliest are kept."""


def wrong_answers(answer: Answer, edge: Edge | None = None) -> list[tuple[Any, str]]:
    """Return pairs of a wrong answer and its sentence, the likeliest mistake first.

    Args:
        answer: the contribution that is asked for.
        edge: the operation and the operand, for a number; see `edge_of`.
    """
    found: dict[str, list[tuple[float, Any, str]]] = {"answer": [], "edge": []}
    sites: dict[str, Any] = {"answer": answer, "edge": edge}
    fields = {**answer.fields, **(edge.fields if edge is not None else {}), "node": answer.fields["node"]}
    with np.errstate(all="ignore"):
        for m in CATALOGUE.values():
            site = sites.get(m.scope)
            for variant in m.find(site) if site is not None else ():
                wrong = variant.change(answer.right if edge is None or site is answer else edge.g)
                if not isinstance(wrong, tuple):
                    wrong = float(np.reshape(wrong, ())) if np.size(wrong) == 1 else math.nan
                if isinstance(wrong, tuple) or math.isfinite(wrong):
                    text = m.sentence.format(**{**fields, "detail": variant.detail})
                    found[m.scope].append((m.assumes + variant.assumes, wrong, text))
    likeliest = sorted(found["edge"], key=lambda one: one[0])[:MOST]
    return [(wrong, text) for _, wrong, text in sorted([*found["answer"], *likeliest], key=lambda one: one[0])]


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
    """Return an operation on numbers as a site of the catalogue; None if it is none that the catalogue knows.

    Args:
        primitive: of the operation.
        operands: their numbers.
        names: their names.
        variable: for each whether it has a gradient.
        value: the result.
        g: the upstream gradient.
        i: which operand is asked for.
        parameters: of the operation.
    """
    if not primitive.vjps or primitive.variadic or len(operands) != len(primitive.inputs):
        return None
    tape = object.__new__(Tape)
    arrays = [np.asarray(o, float) for o in operands]
    tape.ops, sources = [], []
    for array, name, is_variable in zip(arrays, names, variable):
        sources.append(len(tape.ops) if is_variable else None)
        if is_variable:
            tape.ops.append(Op(None, (), [], {}, array, None, name=name))
    k = len(tape.ops)
    operation = Op(primitive, tuple(sources), list(arrays), dict(parameters), np.asarray(value, float), None)
    operation.names = {j: name for j, (name, source) in enumerate(zip(names, sources)) if source is None}
    tape.ops += [operation, Op(None, (), [], {}, np.asarray(0.0), None, name="loss")]  # it is not the last one
    tape.gradients = [None] * k + [np.asarray(g, float), None]
    tape.seed = np.asarray(1.0)
    return Edge(tape, Words(tape), k, i)
