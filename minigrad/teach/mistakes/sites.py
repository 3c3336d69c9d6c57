"""The sites at which mistakes are made: an operation, one of its operands, several operations, the whole gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Elementwise
from minigrad.teach.catalogue import REDUCTIONS
from minigrad.teach.mistakes.moves import subsets
from minigrad.teach.tape import Tape
from minigrad.teach.wording import Words
from minigrad.tensors.node import unbroadcast


class Site:
    """An operation of the learner's function: by itself, its value, where the gradient of that is complete.

    Attributes:
        tape, words: the function, and its names.
        k: the operation's position on the tape.
        op: the operation.
        source: the operation whose gradient a mistake changes here.
    """

    is_elementwise = False

    def __init__(self, tape: Tape, words: Words, k: int) -> None:
        self.tape, self.words, self.k, self.op = tape, words, k, tape.ops[k]
        self.source = k

    @cached_property
    def g(self) -> np.ndarray:
        """The right gradient of the result."""
        g: np.ndarray = self.tape.gradients[self.k]
        return g

    def contribution(self, g: np.ndarray) -> np.ndarray:
        """Return what the site hands on, if it is right, of the gradient `g` of the result."""
        return g

    @cached_property
    def c(self) -> np.ndarray:
        """The right contribution."""
        return self.contribution(self.g)

    @cached_property
    def local(self) -> np.ndarray:
        """The right local derivative of an elementwise site: its contribution for a gradient of ones."""
        return self.contribution(np.ones(self.op.value.shape))

    @cached_property
    def uses(self) -> list[tuple[int, int]]:
        """(operation, operand) of each use of the result, the last first: the order in which contributions arrive."""
        return sorted(self.op.users, key=lambda use: (-use[0], use[1]))

    @property
    def fields(self) -> dict[str, str]:
        """What the sentence may say."""
        return {
            "node": self.words.name(self.k),
            "line": self.words.line(self.k),
            "through": self.words.through(self.k),
            "operand": "",
        }

    def peers(self, shape: tuple[int, ...], kind: type = float) -> list[tuple[np.ndarray, str]]:
        """Return the arrays of a shape, with their names, the nearest first; with `kind` bool, the masks."""
        several = self.words.arrays(shape, kind)
        return [(a, name) for a, name, _ in sorted(several, key=lambda found: abs(found[2] - self.k))[:16]]

    def neighbours(self, shape: tuple[int, ...]) -> list[tuple[np.ndarray, str, str]]:
        """Return the same with a key: the name, and the how manieth array of that name it is, before or after this."""
        count: dict[Any, int] = {}
        found = []
        several = sorted(self.words.arrays(shape), key=lambda found: abs(found[2] - self.k))
        named = [found for found in several if found[1].strip("`").isidentifier()]
        nearest: dict[tuple[str, bool], Any] = {}
        for one in named:
            nearest.setdefault((one[1], one[2] <= self.k), one)
        further = [one for one in nearest.values() if not any(one is other for other in named[:16])]
        for a, name, k in [
            *named[:16],
            *further[:8],
            *[found for found in several[:24] if not found[1].strip("`").isidentifier()],
        ]:
            key = (name, k <= self.k)
            count[key] = count.get(key, 0) + 1
            old = count[key] > 1 and k <= self.k and self.words.passes(k) > 1
            said = f"{name} of an earlier step" if old else name
            found.append((a, said, f"{name} {k <= self.k} {count[key]}"))
        if self.words.passes(self.k) > 1:
            found += self._initial(shape, {key for _, _, key in found}) + self._ancestors(shape)
        return found

    def _initial(self, shape: tuple[int, ...], known: set[str]) -> list[tuple[np.ndarray, str, str]]:
        """Return, in the first pass of a loop, what the variables of the loop are before it, such as c0."""
        found = []
        if self.words.same_instruction(self.k)[0] == self.k:
            for k in range(self.k + 1, len(self.tape.ops)):
                op, key = self.tape.ops[k], f"{self.words.name(k)} True 1"
                first = self.words.passes(k) > 1 and self.words.same_instruction(k)[0] == k
                if not first or op.value.shape != shape or key in known or not self.words.variable(k):
                    continue
                if (before := self.before(k)) is not None and np.shape(before) == shape:
                    found.append((np.asarray(before, float), self.words.name(k), key))
        return found

    def _ancestors(self, shape: tuple[int, ...]) -> list[tuple[np.ndarray, str, str]]:
        """Return the arrays of a shape that this is computed from; the key is the way, the same in every pass."""
        ways = [(self.k, "")]
        found = []
        for k, way in ways:
            op = self.tape.ops[k]
            for i, (source, o) in enumerate(zip(op.sources, op.operands)):
                if source is not None and len(way) < 4:
                    if np.shape(o) == shape and way:
                        found.append((o, self.words.name(source), f"way {way}{i}"))
                    ways.append((source, f"{way}{i}"))
        return found[:6]

    def alternatives(self, k: int) -> Iterator[tuple[np.ndarray, str, str]]:
        """Yield what may stand for the result of operation k: another reduction of its operand, other look-ups."""
        op = self.tape.ops[k]
        if op.kind in REDUCTIONS and (axis := op.parameters.get("axis")) is not None and op.operands[0].ndim:
            x, name = op.operands[0], self.words.operand(k, 0)
            several: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "amax": np.max}
            for kind, reduce in several.items():
                if kind != op.kind:
                    yield reduce(x, axis=axis).reshape(op.value.shape), f"the {kind.strip('a')} of {name}", kind
            for kind, reduce in several.items():
                said = f"the {kind.strip('a')} of {name} over everything"
                yield np.broadcast_to(reduce(x), op.value.shape), said, f"{kind} all"
            if isinstance(axis, int):
                for i, which in ((0, "first"), (-1, "last")):
                    yield x.take(i, axis).reshape(op.value.shape), f"the {which} of {name} along axis {axis}", which
        for array, said in self.words.lookups(op.value.shape):
            yield array, said, said

    def earlier(self, shape: tuple[int, ...]) -> list[tuple[int, str]]:
        """Return earlier operations with results of a shape, the nearest first."""
        found = [k for k in range(self.k - 1, -1, -1) if self.tape.ops[k].value.shape == shape]
        return [(k, self.words.name(k)) for k in found[:5]]

    @property
    def variables(self) -> tuple[dict[str, int], list[tuple[dict[str, int], int]]]:
        """The variables that count the passes of the loop here, and their values in every pass, with the operation."""
        found = self.words.counters(self.k)
        return next(v for v, k in found if k == self.k), found

    def other_passes(self, i: int | None = None) -> list[tuple[np.ndarray, str]]:
        """Return what an operand, or the result, is in other passes of the loop: previous, next, first and last.

        Before the first pass stands the value with which the loop begins, such as h0.
        """
        ops, same = self.tape.ops, self.words.same_instruction(self.k)
        source = self.k if i is None else ops[same[-1]].sources[i]
        every = [] if source is None else self.words.same_instruction(source)
        # of what an inner loop adds up, the result is meant
        inner = source is None or ops[source].primitive is None or len(every) > len(same)
        if i is not None and len(same) > 1 and inner:
            return self._of_constants([ops[k].operands[i] for k in same], same.index(self.k))
        if len(every) < 2:
            return []
        before = None
        if i is not None and ops[same[0]].sources[i] not in every:
            before = ops[same[0]].operands[i]
        return self._around(every, self.k if i is None else self.op.sources[i], before)

    def _of_constants(self, several: list[Any], at: int) -> list[tuple[np.ndarray, str]]:
        """Return what a constant is in other passes of the loop, such as the weights of another layer."""
        values = [np.asarray(v) for v in several if np.shape(v) == np.shape(several[at])]
        if len(values) < len(several) or all(np.array_equal(values[0], v) for v in (values[1], values[-1])):
            return []
        return _passes_near(values, at)

    def _around(self, every: list[int], own: int | None, before: Any = None) -> list[tuple[np.ndarray, str]]:
        """Return the values of an operation in the passes of a loop: previous, next, first and last."""
        before = self.before(every[0]) if before is None else before
        values = [self.tape.ops[k].value for k in every]
        if before is not None and np.shape(before) == values[0].shape:
            values.insert(0, np.asarray(before))
        return _passes_near(values, every.index(own) + len(values) - len(every) if own in every else 0)

    def before(self, k: int, depth: int = 3) -> Any:
        """Return what stands for the result of operation k before the first pass of its loop, None if nothing does.

        That is what its use in the next pass reads in the first one, such as h0, or the same function of such values.
        """
        op = self.tape.ops[k]
        for user, j in op.users:
            first = self.words.same_instruction(user)[0]
            if user != first:
                return self.tape.ops[first].operands[j]
        if not depth or not isinstance(op.primitive, Elementwise):
            return None
        operands, found = [], False
        for s, o in zip(op.sources, op.operands):
            if s is not None and self.words.passes(s) > 1:
                o, found = self.before(self.words.same_instruction(s)[0], depth - 1), True
                if o is None:
                    return None
            operands.append(o)
        return op.again(operands).value if found else None


def _passes_near(values: list[Any], at: int) -> list[tuple[Any, str]]:
    """Return values around a pass; before the first is the last one, as in xs[t - 1]; after the last is that itself."""
    wanted = {"previous": at - 1, "next": min(at + 1, len(values) - 1), "first": 0, "last": -1}
    return [(values[p], when) for when, p in wanted.items()]


class Edge(Site):
    """An operation and one of its operands, to which a contribution goes.

    Attributes:
        i: the operand's position.
        operand: its value.
        scale: the factor of the contribution that would explain the learner's gradient, if there is one.
    """

    def __init__(self, tape: Tape, words: Words, k: int, i: int) -> None:
        super().__init__(tape, words, k)
        self.i, self.operand = i, np.asarray(self.op.operands[i])
        self.scale: float | None = None
        self.source = self.op.sources[i] or 0

    @property
    def fields(self) -> dict[str, str]:
        return {**super().fields, "operand": self.words.operand(self.k, self.i)}

    @property
    def is_of_pass_before(self) -> bool:
        """True if the operand was computed in the pass of the loop before, such as the old state."""
        here, there = self.op.place, self.tape.ops[self.source].place
        return here is not None and there is not None and self.words.passes(self.k) > 1 and here.is_not_after(there)

    def contribution(self, g: np.ndarray) -> np.ndarray:
        c = self.op.contribution(self.i, g)
        return np.zeros(self.operand.shape) if c is None else c

    def raw(self, g: np.ndarray) -> np.ndarray:
        """Return it before broadcasting is undone."""
        c = self.op.raw(self.i, g)
        return np.zeros(self.operand.shape) if c is None else c

    @cached_property
    def local(self) -> np.ndarray:
        return self.raw(np.ones(self.op.value.shape))

    @cached_property
    def is_elementwise(self) -> bool:  # type: ignore[override]
        """True if the operation acts on each element alone."""
        return isinstance(self.op.primitive, Elementwise)

    def fitted(self, c: Any) -> np.ndarray | None:
        """Return an array summed to the operand's shape, or spread over it; None if it does not fit."""
        c = np.asarray(c)
        try:
            if np.broadcast_shapes(c.shape, self.operand.shape) == c.shape:
                return unbroadcast(c, self.operand.shape)
            return np.broadcast_to(c, self.operand.shape)
        except ValueError:
            return None

    @property
    def is_mask(self) -> bool:
        """True if the local derivative is a choice, 0 or 1."""
        if self.op.kind in ("maximum", "minimum", "clamp", "where", "relu", "abs", "fmax", "fmin"):
            return True
        other = self.op.operands[1 - self.i] if self.op.kind == "mul" else None
        return isinstance(other, np.ndarray) and bool(np.isin(other, (0, 1)).all() and other.any()) and other.size > 1

    @property
    def is_half(self) -> bool:
        """True for one of the two contributions to x through x * x."""
        return self.op.kind == "mul" and self.op.is_square

    @property
    def is_total(self) -> bool:
        """True for the old value of a sum that a loop adds to, `total += x`, if nothing else uses it."""
        loop = self.op.kind in ("add", "sub") and self.i == 0 and self.words.is_loop(self.k)
        old = self.tape.ops[self.source]
        same = loop and self.words.variable(self.k) == self.words.variable(self.source) != ""
        return same and self.op.value.size == 1 and len(old.users) == 1

    @property
    def is_term(self) -> bool:
        """True for what a loop adds to such a sum."""
        last = self.words.same_instruction(self.k)[-1]
        return self.i == 1 and self.op.kind in ("add", "sub") and Edge(self.tape, self.words, last, 0).is_total

    @property
    def is_second_branch(self) -> bool:
        """True for the operand that `where` takes where its condition does not hold."""
        return self.op.kind == "where" and self.i == len(self.op.operands) - 1


CHOICES = ("where", "maximum", "minimum")
"""Primitives that choose between two operands, element by element."""


class Block(Site):
    """Operations between `early`, with the value x, and `k`, with the value y, that are one function.

    Attributes:
        early: where the function begins.
        x, y: its argument and its result.
    """

    def __init__(self, tape: Tape, words: Words, k: int, early: int) -> None:
        super().__init__(tape, words, k)
        self.early = self.source = early
        self.x, self.y = tape.ops[early].value, self.op.value

    @property
    def fields(self) -> dict[str, str]:
        return {**super().fields, "operand": self.words.name(self.early)}

    def contribution(self, g: np.ndarray) -> np.ndarray:
        return self.tape.pull(self.k, self.early, g)

    def fitted(self, c: Any) -> np.ndarray:
        """The same: shapes do not change."""
        return np.asarray(c)

    @cached_property
    def is_elementwise(self) -> bool:  # type: ignore[override]
        """True if each element of y depends on the same element of x alone."""
        ops = (self.tape.ops[k] for k in self.tape.between(self.k, self.early))
        return self.x.shape == self.y.shape and all(isinstance(op.primitive, Elementwise) for op in ops)

    def other_points(self) -> list[tuple[np.ndarray, str, str, float]]:
        """Return arrays that may stand for x: the array, its name, a key, and how far-fetched it is."""
        name = self.words.name(self.early)
        every = self.words.same_instruction(self.early)
        found = [
            (a, f"{name} of the {when} pass of the loop", when, 0.0)
            for a, when in (self._around(every, self.early) if len(every) > 1 else ())
        ]
        if self.early and len(every) == 1:
            found += [(a, called, key, 0.3) for a, called, key in self.neighbours(self.x.shape)[:6]]
        return [(a, called, key, cost) for a, called, key, cost in found if a.shape == self.x.shape]

    def contribution_at(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Return the contribution of y to x, computed for another x."""
        return self.tape.pull(self.k, self.early, g, self.tape.computed_again(self.k, self.early, x))

    def without_a_term(self) -> Iterator[tuple[np.ndarray, str]]:
        """Yield x without one of the terms that it is the sum of, and the term's name."""
        pending = [(self.early, 1.0)]
        for k, sign in pending:
            op = self.tape.ops[k]
            for i, source in enumerate(op.sources) if op.kind in ("add", "sub") else ():
                by = -sign if op.kind == "sub" and i else sign
                yield self.x - by * np.asarray(op.operands[i]), self.words.operand(k, i)
                if source is not None and len(pending) < 6:
                    pending.append((source, by))

    @cached_property
    def axes(self) -> list[tuple[int, ...]]:
        """The sets of axes over which a normalization may go."""
        return [*subsets(range(self.x.ndim))]

    @cached_property
    def counts(self) -> dict[int, str]:
        """The numbers of elements by which a sum may be divided, with their meaning."""
        several = {axes: math.prod(self.x.shape[a] for a in axes) for axes in self.axes}
        found = {n: f"the elements along axis {', '.join(map(str, axes))}" for axes, n in several.items()}
        return {**self.words.sizes, **found}


@dataclass
class Whole:
    """The whole gradient."""

    x: np.ndarray  # the input. right, learners: the right gradient and the learner's, of the same shape
    right: np.ndarray
    learners: np.ndarray
    tape: Tape  # the function
    sizes: Mapping[int, str] = field(default_factory=dict)  # the meaning of numbers
    words: Words | None = None  # the names of the operations
