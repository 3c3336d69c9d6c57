"""Mistakes in what a backward loop carries from one pass to the next, and in what it writes in each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.mistakes.sites import Edge, Whole
from minigrad.teach.tape import Tape

MOST = 40_000
"""The largest product of operations and uses of states for which the loop is run in the other direction."""

Use = tuple[int, int, int, list[int], int]
"""A use of a state: operation, operand, the place of the new state among those of all passes, these, and how far it is
from there to the old state."""


@mistake("loop not reversed", "gradient", "the backward loop is not reversed: what a pass hands on to the one before "
         "it goes to the one after it, for t in range(T) instead of reversed(range(T))", assumes=1.25)  # fmt: skip
def _not_reversed(s: Whole) -> Iterator[Variant]:
    uses = _uses(s)
    if uses and len(s.tape.ops) * len(uses) <= MOST:
        with suppress(ValueError, TypeError, IndexError):
            if (new := _in_order(s, uses)) is not None:
                yield Variant(lambda g: new)


@mistake("new states", "gradient", "the backward loop reads the states of the wrong step: the new ones, those after "
         "each pass, where the old ones must be (t + 1 for t)", assumes=1.9)  # fmt: skip
def _new_states(s: Whole) -> Iterator[Variant]:
    uses = _uses(s)
    several = len({every[0] for _, _, _, every, _ in uses}) > 1
    for again in (True, False) if uses else ():
        if again or several:  # "other array" says so of one
            with suppress(ValueError, TypeError, IndexError):
                new = _with_new_states(s.tape, uses, again).walk()[0]
                yield Variant(lambda g, new=new: new, assumes=0.0 if several else 0.4, key=f"{again}")


def _uses(s: Any) -> list[Use]:
    """Return the uses of the states of all loops; a sum that a loop adds to is none, nor an array that it fills."""
    found: list[Use] = []
    for k, i in s.tape.edges if s.words is not None else ():
        edge = Edge(s.tape, s.words, k, i)
        total = edge.op.kind in ("add", "sub") and len(s.tape.ops[edge.source].users) == 1
        if edge.is_of_pass_before and not total and edge.op.kind not in ("setitem", "setview"):
            every, passes = s.words.same_instruction(edge.source), s.words.same_instruction(k)
            at, now = every.index(edge.source), passes.index(k)
            lag = next((n for n, j in enumerate(every[at:]) if s.tape.ancestors[j] >> k & 1), 0)
            found += [(k, i, at + lag, every, lag)] * (lag > 0)
            if at < lag <= now:  # in the first pass it is a use of what the loop begins with
                found.append((passes[now - lag], i, at, every, lag))
    return found


def _in_order(s: Any, uses: list[Use]) -> np.ndarray | None:
    """Return the gradient of a backward loop that begins with the first pass."""
    tape: Any = Tape.of([op.but(active=True) for op in s.tape.ops], s.tape.seed)
    same = s.words.same_instruction
    tape.gradients = tape.walk()
    begin = {(same(k)[0], i, n): tape.ops[k].sources[i] for k, i, n, _, lag in uses if n < lag}
    # (operation, operand), the operation whose gradient is read, its operand, and the state that gets what is handed on
    handed: list[tuple[int, int, int, int | None, int | None]] = []
    for k, i, n, every, lag in uses:
        to = every[n + lag] if n + lag < len(every) else begin.get((same(k)[0], i, n % lag))
        handed.append((k, i, k, None, to))
        if lag <= n < 2 * lag and (same(k)[0], i, n - lag) not in begin:  # it begins with a constant
            m, j = tape.ops[k].users[0]
            handed += [(k, i, same(m)[same(m).index(m) - lag], j, every[n])] * (m in same(m)[lag:])
        if n + lag >= len(every) and n >= lag:  # what comes to the last state is what the loop begins with
            others = {m for m, _ in tape.ops[every[n - lag]].users}
            alone = [(m, j) for m, j in tape.ops[every[n]].users if len(same(m)) == 1 and m not in others]
            handed += [(m, j, m, None, every[n % lag]) for m, j in alone]
    edges = {(k, i): lambda g, o=tape.ops[k].operands[i]: np.zeros(np.shape(o)) for k, i, *_ in handed}
    carried: dict[int, np.ndarray] = {}
    for _ in range(2 * len(uses) + 4):
        gradients = tape.walk(nodes={n: partial(np.add, c) for n, c in carried.items()}, edges=edges)
        before, carried = carried, {}
        for k, i, m, j, to in handed:
            if to is not None and (g := gradients[m]) is not None:
                g = g if j is None else tape.ops[m].raw(j, g)  # a constant may be a number
                carried[to] = carried.get(to, 0) + tape.ops[k].contribution(i, g)
        if carried.keys() == before.keys() and all(np.array_equal(carried[n], before[n]) for n in carried):
            return np.asarray(gradients[0])
    return None


def _with_new_states(tape: Tape, uses: list[Use], again: bool) -> Tape:
    """Return the tape with the new states in the backward pass; with `again`, also in what a pass computes of them."""
    instead = {(k, i): tape.ops[every[n]].value for k, i, n, every, _ in uses}
    states = {j for *_, every, _ in uses for j in every}
    changed: dict[int, np.ndarray] = {}
    ops = []
    for k, op in enumerate(tape.ops):
        sources = enumerate(zip(op.sources, op.operands))
        operands = [instead.get((k, i), changed.get(s, o) if s is not None else o) for i, (s, o) in sources]
        value = op.value
        if again and k not in states and any(a is not b for a, b in zip(operands, op.operands)):
            value = changed[k] = np.asarray(op.primitive.recompute(*operands, **op.parameters))
        ops.append(op.but(operands=operands, value=value))
    return Tape.of(ops, tape.seed, tape.recording)


@mistake("parts overwritten", "gradient", "in the backward loop, what {detail} overwrites what earlier passes have "
         "added: contributions must be added (+=), and here they are overwritten (=)", assumes=1.3)  # fmt: skip
def _parts_overwritten(s: Any) -> Iterator[Variant]:
    """dW[:, j] = X[i] beside dW[:, y[i]] -= X[i]: one of the two operands of scores[j] - scores[y[i]]."""
    tape, ops = s.tape, s.tape.ops
    for k in range(1, len(ops)) if s.words is not None and s.x.size > 1 else ():
        passes = [j for j in s.words.same_instruction(k) if tape.gradients[j] is not None]
        several = len(passes) > 2 and passes[0] == k and len(tape.ways(ops[k])) == 2 and ops[k].value.size == 1
        # the passes of a sum, or of a state, depend on each other
        if not several or len(passes) * len(ops) > MOST or tape.ancestors[passes[-1]] >> k & 1:
            continue

        def given(j: int) -> list[Any]:
            return [tape.below(o, ops[j].contribution(i, tape.gradients[j]))[0] for i, o in tape.ways(ops[j])]

        pairs = [*map(given, passes)]
        rest = s.right - sum(map(sum, pairs))
        for which, first in ((0, 0), (0, 1), (1, 0), (1, 1)):
            new = np.zeros(s.x.shape)
            for pair in pairs:
                for i in (first, 1 - first):
                    new = np.where(pair[i] != 0, pair[i], new) if i == which else new + pair[i]
            said = f"{s.words.operand(k, which)} in {s.words.through(k)} gives"
            yield Variant(lambda g, new=new, rest=rest: new + rest, said, 0.1 * first)
