"""Mistakes at two contributions together: they meet in one operation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.mistakes.sites import CHOICES, Edge
from minigrad.teach.tape import Times

Partners = tuple[Edge, Edge, Edge | None]


@mistake("exchanged", "partners", "what goes back to {operand} through {through} {detail}", assumes=1.4)
def _exchanged(pair: Partners) -> Iterator[Variant]:
    a, b, total = pair
    if a.operand.shape != b.operand.shape or a.op.kind in CHOICES and None in a.op.sources:
        return  # a mask that is inverted has its own entry
    partner = b if (a.k, a.i) in a.tape.edges else a
    other = partner.words.operand(partner.k, partner.i)
    said = f"is exchanged with what goes back to {other}"
    if a.op.kind in ("cat", "stack"):
        yield Variant({a: lambda g: b.contribution(g), b: lambda g: a.contribution(g)}, f"{said}, the other part")
    elif a.op.kind == "matmul":
        if a.i == b.i and a.source == b.source and np.shape(a.op.operands[1 - a.i]) == np.shape(b.op.operands[1 - b.i]):
            changes = {one: lambda g, one=one, two=two: two.op.contribution(two.i, g) for one, two in ((a, b), (b, a))}
            where = f" through {b.words.through(b.k)}: each is multiplied by the factor of the other"
            yield Variant(changes, f"{said}{where}")
    elif a.local.shape == b.local.shape and not np.array_equal(a.local, b.local):
        where = f" through {b.words.through(b.k)}" if total is not None else ""
        text = f"{said}{where}: each has the factor of the other"
        if not {(a.k, a.i), (b.k, b.i)} <= a.tape.edges.keys():  # the other one is no part of this gradient
            text = f"has the factor of what goes back to {other}{where}"
        yield Variant({a: Times(b.local, a.fitted), b: Times(a.local, b.fitted)}, text)


@mistake("other choice", "partners", "the gradient of {through} goes back by another choice: {detail}", assumes=1.4)
def _other_choice(pair: Partners) -> Iterator[Variant]:
    a, b, total = pair
    if a.op.kind not in CHOICES or total is not None or not {(a.k, a.i), (b.k, b.i)} <= a.tape.edges.keys():
        return
    chosen = a.local != 0
    one, other = (e.words.operand(e.k, e.i) for e in pair[:2])
    made = [(one, other, np.ones_like(a.local)), (other, one, np.zeros_like(a.local))]
    choices = [(f"{all_} gets it at all elements, and {none} at none", by) for all_, none, by in made]
    mixed = a.op.kind == "where" and chosen.any() and not chosen.all()
    arrays = [p for p in a.peers(chosen.shape) if mixed and p[1].strip("`").isidentifier()]
    for (tested, name), sign in itertools.product(arrays, (1, -1)):
        low, high = (sign * tested)[chosen].max(), (sign * tested)[~chosen].min()
        if low < high:  # where the first operand is chosen, this array is below a limit
            limit = next((c for c in (0, 1, -1, 0.5, -0.5, 2, -2, 0.1, -0.1) if low <= c <= high), (low + high) / 2)
            choices += [(f"{n}, not {name}, is tested", 1.0 * (sign * array <= limit)) for array, n in arrays]
    for said, by in choices:
        far = 0.1 * said.endswith("tested")
        yield Variant({a: Times(by, a.fitted), b: Times(1 - by, b.fitted)}, said, far, said)


@mistake("weights of a log-sum-exp", "partners", "the gradient of {through} passes back to {operand} and to its "
         "partner with the wrong weights: {detail}; they must be their softmax", assumes=1.3)  # fmt: skip
def _weights(pair: Partners) -> Iterator[Variant]:
    """log(exp(a) + exp(b)), written with np.logaddexp or with a shift: the sum of paths in a dynamic program."""
    a, b, total = pair
    changes: dict[Any, Any] = {}
    if a.op.kind == "logaddexp":
        one, other, whole = a.operand, b.operand, np.ones_like(a.operand)
    elif a.op.kind == "exp" and total is not None and [a.tape.ops[k].kind for k, _ in total.op.users] == ["log"]:
        one, other, whole = a.operand, b.operand, total.op.value
        shifts = {s for s in a.tape.ops[a.source].sources if s in a.tape.ops[b.source].sources and s is not None}
        for s in shifts:  # with the right weights, what reaches the shift cancels
            for k, i in a.tape.ops[s].users:
                edge = Edge(a.tape, a.words, k, i)
                changes[edge] = lambda g, e=edge: np.zeros(e.operand.shape)
    else:
        return
    if one.shape != other.shape:
        return
    larger = 1.0 * (one >= other)
    for text, w, v in (
        ("1 for both", 1.0, 1.0),
        ("1/2 for both, a mean", 0.5, 0.5),
        ("1 for the larger one and 0 for the other, as for a maximum (Viterbi)", larger, 1 - larger),
    ):
        yield Variant({a: Times(w * whole, a.fitted), b: Times(v * whole, b.fitted), **changes}, text, key=text)
