"""The graph of a function as data, on which a backward pass can be run with a mistake in it.

A `Tape` is the list of the operations that lead from one array, the input, to the result, in the order of computation.
`Tape.walk` is the engine's walk with two hooks: the gradient of an operation and each of its contributions can be
replaced. The derivatives are those of the primitives.

Most mistakes change one contribution by some `delta`, and what that does to the gradient of the input is linear in
`delta`. So its effect is known without walking further: for a direction v of the input, the change of the gradient
along v is the inner product of `delta` and the tangent, the change of the operand's value along v.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.primitives.primitive import Elementwise
from minigrad.teach.recording import Place, Recording, record_primitive
from minigrad.tensors.node import unbroadcast

LINEAR = {
    *("sum", "mean", "reshape", "permute", "expand", "to", "clone", "getitem", "place", "flip", "roll", "diagonal"),
    *("on_diagonal", "cat", "stack", "windows", "overlap", "setitem", "setview", "cumsum", "gather", "scatter"),
    *("sum_pool", "unfold", "fold", "resample"),
}
"""Primitives that are linear in all their inputs together: their tangent is their value at the tangents."""
MOVING = {
    *("reshape", "permute", "expand", "getitem", "place", "flip", "roll", "diagonal", "on_diagonal", "cat", "stack"),
    *("windows", "overlap", "setitem", "setview", "clone", "to", "gather", "scatter", "unfold", "fold"),
}
"""Primitives that only move or copy elements."""
WRITTEN_OUT = {
    *("softmax", "log_softmax", "logsumexp", "cross_entropy", "binary_cross_entropy"),
    *("standardize", "layer_norm", "rms_normalize"),
}
"""Primitives that are several operations: mistakes are made inside of them, on their readable form."""


@cache
def _arguments(vjp: Any) -> tuple[str, ...]:
    """Return what a vjp takes besides the upstream gradient."""
    return tuple(inspect.signature(vjp).parameters)[1:]


@dataclass
class Op:
    """One operation."""

    primitive: Any  # None for the input
    sources: tuple[int | None, ...]  # for each operand its position on the tape, None for a constant
    operands: list[Any]  # their values
    parameters: Mapping[str, Any]
    value: np.ndarray  # the result
    node: Any  # the node of the graph
    place: Place | None = None  # where it was computed, None if unknown
    names: dict[int, str] = field(default_factory=dict)  # of the constants, by position
    name: str | None = None  # the variable that held the result
    users: list[tuple[int, int]] = field(default_factory=list)  # (operation, operand) of each use of the result
    # the vjps with their arguments, by operand, once they are needed
    calls: dict[int, Any] = field(default_factory=dict)
    # the operands that get a contribution, once they are needed: position in it, position on the tape
    ways: list[tuple[int, int]] | None = None
    active: bool = True  # True if it depends on the input; others are what the function computes of its constants
    added: bool = False  # True if it is not the learner's: several results times their gradients, added up

    def but(self, **changes: Any) -> Op:
        """Return the operation with other attributes; it is what `dataclasses.replace` returns, faster."""
        new = object.__new__(Op)
        new.__dict__.update(self.__dict__, calls={}, ways=None)
        new.__dict__.update(changes)
        return new

    @property
    def kind(self) -> str:
        """The name of the primitive."""
        return self.primitive.name if self.primitive is not None else "input"

    def given(self, results: Mapping[int, Any]) -> list[Any]:
        """Return the operands, where some operations have other results."""
        return [o if s is None else results.get(s, o) for s, o in zip(self.sources, self.operands)]

    def again(self, operands: list[Any], **parameters: Any) -> Op:
        """Return the operation of other operands, or with other parameters."""
        parameters = {**self.parameters, **parameters}
        value = np.asarray(self.primitive.recompute(*operands, **parameters))
        return self.but(operands=operands, parameters=parameters, value=value)

    @property
    def is_square(self) -> bool:
        """Whether it squares its first operand, or each element of it: x.square(), x ** 2, x * x, x @ x of a vector."""
        if self.kind == "pow":
            return self.sources[1] is None and bool(np.all(np.asarray(self.operands[1]) == 2))
        same = self.kind in ("mul", "matmul") and self.sources[0] == self.sources[1] is not None
        return same or self.kind == "square"

    def argument(self, name: str, replaced: Mapping[str, Any] = {}) -> Any:
        """Return what a vjp knows under this name."""
        if name in replaced:
            return replaced[name]
        if name == "y":
            return self.value
        p = self.primitive
        if name in p.inputs:
            return tuple(self.operands) if p.variadic else self.operands[p.inputs.index(name)]
        if name in self.parameters:
            return self.parameters[name]
        if name == "y_shape":
            return self.value.shape
        of = name.removesuffix("_shape")
        if p.variadic:
            return [np.shape(o) for o in self.operands]
        return np.shape(self.operands[p.inputs.index(of)])

    def vjp(self, i: int) -> Any:
        """Return the vjp for operand i, None if it has none."""
        p = self.primitive
        return p.vjps.get(p.inputs[0] if p.variadic else p.inputs[i])

    def saved(self, i: int) -> tuple[str, ...]:
        """Return the names of the arrays that the contribution to operand i is computed from."""
        vjp = self.vjp(i)
        names = {"y", *self.primitive.inputs}
        return () if vjp is None or self.primitive.variadic else tuple(n for n in _arguments(vjp) if n in names)

    def uses(self, i: int) -> bool:
        """Return whether a contribution is computed from operand i, or from the result."""
        own = {"y", self.primitive.inputs[0 if self.primitive.variadic else i]}
        return any(own & {*self.saved(j)} for j in range(len(self.operands)))

    def raw(self, i: int, g: np.ndarray, replaced: Mapping[str, Any] = {}) -> np.ndarray | None:
        """Return the contribution to operand i before it is summed to the operand's shape."""
        call = self.calls.get(i)
        if call is None or replaced:
            if not self.primitive.vjps:  # a Function has its own backward
                return np.asarray([*self.node.vjp(g, False)][i])
            vjp = self.vjp(i)
            arguments = [] if vjp is None else [self.argument(name, replaced) for name in _arguments(vjp)]
            call = vjp, arguments, np.shape(self.operands[i]), self.primitive.variadic
            if not replaced:
                self.calls[i] = call
        vjp, arguments, _, variadic = call
        if vjp is None:
            return None
        c = vjp(g, *arguments)
        return np.asarray(c[i] if variadic else c)

    def contribution(self, i: int, g: np.ndarray, replaced: Mapping[str, Any] = {}) -> np.ndarray | None:
        """Return the gradient contribution to operand i."""
        call = self.calls.get(i)
        if call is None or replaced or call[0] is None or call[3]:
            c, shape = self.raw(i, g, replaced), np.shape(self.operands[i])
        else:  # the same, faster
            vjp, arguments, shape, _ = call
            c = vjp(g, *arguments)
        return c if c is None or c.shape == shape else unbroadcast(c, shape)


Change = Callable[[np.ndarray], np.ndarray]
"""What a mistake makes of an upstream gradient."""


@dataclass(frozen=True, eq=False)
class Times:
    """A change that multiplies the upstream gradient by a local derivative, element by element."""

    derivative: np.ndarray  # of the result's shape, or broadcast to it
    fitted: Callable[[np.ndarray], Any] = np.asarray  # sums the product to the operand's shape

    def __call__(self, g: np.ndarray) -> Any:
        return self.fitted(g * self.derivative)


@dataclass(frozen=True)
class Using:
    """A change that uses the gradient of another, later operation."""

    k: int  # that operation
    change: Callable[[np.ndarray, np.ndarray], np.ndarray]  # maps the gradient in question and that of k

    def at(self, gradients: list[Any]) -> Change:
        """Return the change, where the gradients are known."""
        other = gradients[self.k]
        if other is None:
            raise ValueError("no gradient arrives there")
        return lambda g: self.change(g, other)


def resolved(change: Any, gradients: list[Any]) -> Change:
    """Return a change as a function of one gradient, where the others are known."""
    found: Change = change.at(gradients) if isinstance(change, Using) else change
    return found


def _overwrites_all(op: Op) -> int | None:
    """Return the operation whose result overwrites a whole array, None if something else is done here."""
    if op.kind != "setitem" or op.parameters["index"] is not Ellipsis or op.sources[1] is None:
        return None
    return op.sources[1] if np.shape(op.operands[1]) == op.value.shape else None


class Tape:
    """The operations between an input and a result.

    Args:
        recording: of a call of the function.
        seed: the upstream gradient of the result.
        written_out: whether primitives such as softmax are replaced by the operations of their readable form.
    """

    def __init__(self, recording: Recording, seed: np.ndarray, written_out: bool = True) -> None:
        self.seed = np.asarray(seed, float).reshape(recording.output.shape)
        self.recording = recording
        self.ops: list[Op] = []
        where: dict[Any, int] = {}
        for node in reverse_topological_order([recording.output.node])[::-1]:
            op = self._op(recording, node, where)
            written = _overwrites_all(op)
            if written is not None and (node is not recording.output.node or written == len(self.ops) - 1):
                where[node] = written  # total += x: what is written is the sum
                self.ops[written].name = self.ops[written].name or recording.names.get(node)
                continue
            if not (written_out and op.kind in WRITTEN_OUT and self._write_out(op, node, where)):
                where[node] = self.append(op)
        with np.errstate(all="ignore"):
            self.gradients = self.walk()

    @staticmethod
    def of(ops: list[Op], seed: Any = 1.0, recording: Any = None) -> Tape:
        """Return a tape of these operations, on which no gradient is known."""
        tape = object.__new__(Tape)
        tape.ops, tape.seed, tape.recording = ops, np.asarray(seed, float), recording
        tape.gradients = [None] * len(ops)
        return tape

    def _op(self, recording: Recording, node: Any, where: Mapping[Any, int]) -> Op:
        """Return the operation of a node; `where` has those on the tape."""
        constants = recording.constants.get(node, {})
        sources = tuple(where.get(s) if s is not None else None for s in node.inputs)
        operands = [
            self.ops[k].value
            if k is not None
            else recording.values.get(node.inputs[i], constants.get(i))
            if node.inputs[i] is not None
            else constants.get(i)
            for i, k in enumerate(sources)
        ]
        op = Op(node.primitive, sources, operands, node.parameters, recording.values[node], node)
        op.place, op.name = recording.places.get(node), recording.names.get(node)
        op.names = {i: recording.names[node, i] for i in range(len(sources)) if (node, i) in recording.names}
        op.added = node in recording.added
        op.active = node is recording.leaf or self.depends(sources)
        return op

    def append(self, op: Op) -> int:
        """Append an operation of those that are there, and return its position."""
        for i, k in enumerate(op.sources):
            if k is not None:
                self.ops[k].users.append((len(self.ops), i))
        self.ops.append(op)
        return len(self.ops) - 1

    def depends(self, sources: Iterable[int | None]) -> bool:
        """Return whether one of these operations depends on the input."""
        return any(s is not None and self.ops[s].active for s in sources)

    def _write_out(self, op: Op, node: Any, where: dict[Any, int]) -> bool:
        """Append the operations of a primitive's readable form instead of the primitive; False if it has none."""
        try:
            recording, leaves = record_primitive(op.primitive, op.operands, dict(op.parameters))
        except (TypeError, AttributeError, ValueError, IndexError):
            return False
        order = reverse_topological_order([recording.output.node])[::-1]
        inside: dict[Any, int] = {}
        for leaf, source in zip(leaves, op.sources):
            if leaf is not None and source is not None:
                inside[leaf] = source
        if not np.allclose(recording.values[order[-1]], op.value, rtol=1e-9, atol=1e-12):
            return False
        for part, one in enumerate(order):
            if one.primitive is None:
                continue  # an operand: on the tape already, or a constant
            new = self._op(recording, one, inside)
            last = one is order[-1]
            new.name, new.place = (op.name, op.place) if last else (None, copy(op.place))
            if not last and new.place is not None:
                new.place.part = part + 1
            for i, leaf in enumerate(one.inputs):
                if leaf in leaves and inside.get(leaf) is None and leaves.index(leaf) in op.names:
                    new.names[i] = op.names[leaves.index(leaf)]
            inside[one] = self.append(new)
        where[node] = len(self.ops) - 1
        return True

    def merged(self) -> Tape:
        """Return the tape on which a part such as x[i] that is read several times in one pass is read once."""
        new = Tape.of([], self.seed, self.recording)
        where: list[int] = []
        seen: dict[Any, int] = {}
        for k, op in enumerate(self.ops):
            sources = tuple(None if s is None else where[s] for s in op.sources)
            key: Any = k
            if op.kind in MOVING and None not in sources and (at := op.place) is not None and at.code is not None:
                values = op.value.shape, op.value.tobytes()  # a long index is not written in full
                key = op.kind, sources, repr(op.parameters), values, at.code, at.calls, at.count, repr(at.integers)
            where.append(seen.setdefault(key, len(new.ops)))
            if where[k] == len(new.ops):
                new.append(op.but(sources=sources, users=[]))
        if len(new.ops) == len(self.ops) or where[-1] < len(new.ops) - 1:
            return self
        new.gradients = new.walk()
        return new

    @property
    def x(self) -> np.ndarray:
        """The input."""
        return self.ops[0].value

    @cached_property
    def edges(self) -> dict[tuple[int, int], None]:
        """(operation, operand) for every way that a gradient goes, the last operation first."""
        given = (k for k in range(len(self.ops) - 1, 0, -1) if self.gradients[k] is not None)
        return {(k, i): None for k in given for i, _ in self.ways(self.ops[k])}

    def walk(
        self,
        nodes: Mapping[int, Change] = {},
        edges: Mapping[tuple[int, int], Change] = {},
        blocks: Mapping[int, tuple[int, Change]] = {},
        arrivals: Mapping[int, Callable[[list[np.ndarray]], np.ndarray]] = {},
        until: int = 0,
    ) -> list[Any]:
        """Return the gradient of every operation, with mistakes; that of the input comes first.

        Args:
            nodes: for an operation, what is made of its finished gradient.
            edges: for (operation, operand), what its contribution is instead.
            blocks: for an operation, an earlier one, and the contribution to that instead of all to its own operands.
            arrivals: for an operation, its gradient from the list of its contributions, the last use first.
            until: the last operation that passes its gradient on; those before have what came from later ones.
        """
        lists: dict[int, list[np.ndarray]] = {k: [] for k in arrivals}
        gradients: list[Any] = [None] * len(self.ops)
        gradients[-1] = self.seed
        for k in range(len(self.ops) - 1, until - 1, -1):
            if k in arrivals and lists[k]:
                gradients[k] = arrivals[k](lists[k])
            g = gradients[k]
            if g is None:
                continue
            if k in nodes:
                g = gradients[k] = resolved(nodes[k], gradients)(g)
            if k in blocks:
                s, change = blocks[k]
                c: Any = change(g)
                gradients[s] = c if gradients[s] is None else gradients[s] + c
                continue
            for i, s in self.ways(self.ops[k]):
                change_of = edges.get((k, i)) if edges else None
                c = self.ops[k].contribution(i, g) if change_of is None else resolved(change_of, gradients)(g)
                if c is not None:
                    gradients[s] = c if gradients[s] is None else gradients[s] + c
                    if s in lists:
                        lists[s].append(c)
        return gradients

    def ways(self, op: Op) -> list[tuple[int, int]]:
        """Return the operands of an operation that get a contribution: their positions in it and on the tape."""
        if op.ways is None:
            op.ways = [(i, s) for i, s in enumerate(op.sources) if s is not None and self.ops[s].active]
        return op.ways

    def below(
        self, late: int, g: np.ndarray, early: int = 0, inactive: bool = False, again: Mapping[int, Op] = {}
    ) -> list[Any]:
        """Return what a gradient `g` of an operation alone contributes to the gradients of it and of earlier ones.

        The way back ends at `early`. With `inactive`, operations that do not depend on the input get theirs too;
        `again` has other forms of some operations.
        """
        gradients: list[Any] = [None] * (late + 1)
        gradients[late] = g
        for k in range(late, early, -1):
            if (g := gradients[k]) is None:
                continue
            op = again.get(k, self.ops[k])
            for i, s in enumerate(op.sources) if inactive else self.ways(op):
                c = None if s is None else op.contribution(i, g)
                if s is not None and c is not None:
                    gradients[s] = c if gradients[s] is None else gradients[s] + c
        return gradients

    @property
    def gradient(self) -> np.ndarray:
        """The right gradient of the input."""
        return self._or_zero(self.gradients[0])

    def gradient_of(self, early: int) -> np.ndarray:
        """Return the right gradient of an operation that does not depend on the input, such as another input."""
        g = self.below(len(self.ops) - 1, self.seed, early, inactive=True)[early]
        return np.zeros(self.ops[early].value.shape) if g is None else np.asarray(g)

    def _or_zero(self, g: Any) -> np.ndarray:
        return np.zeros(self.x.shape) if g is None else g

    def gradient_with(self, **changes: Any) -> np.ndarray:
        """Return the gradient of the input of a `walk` with these changes."""
        return self._or_zero(self.walk(**changes)[0])

    # -- forward ------------------------------------------------------------------------------------------------------

    def tangents(self, v: np.ndarray) -> list[Any]:
        """Return the change of every operation's value for a change v of the input; None where it is 0."""
        found: list[Any] = [v]
        for op in self.ops[1:]:
            ts: list[Any] = [None if s is None else found[s] for s in op.sources]
            # a product of vectors is a float64, which nothing can be written to
            found.append(None if all(t is None for t in ts) else np.asarray(self._tangent(op, ts)))
        return found

    def _tangent(self, op: Op, ts: list[Any]) -> Any:
        p = op.primitive
        if isinstance(p, Elementwise):
            shape = op.value.shape
            parts = [op.raw(i, np.broadcast_to(t, shape)) for i, t in enumerate(ts) if t is not None]
            return sum(c for c in parts if c is not None)
        if p.name in LINEAR:
            filled = [np.zeros(np.shape(o)) if t is None else t for t, o in zip(ts, op.operands)]
            return np.asarray(p.recompute(*filled, **op.parameters))
        if p.name == "matmul":
            (a, b), (ta, tb) = op.operands, ts
            return sum(p for p in (None if ta is None else ta @ b, None if tb is None else a @ tb) if p is not None)
        return op.node.jvp(ts, False)

    def replay(self, changed: Mapping[int, Callable[[list[Any]], Any]]) -> Tape | None:
        """Return the tape of the function with some operations computed in another way; None if it cannot run.

        No gradient is known on it, and on that of `with_values`: see `walk`.

        Args:
            changed: for an operation, its new value from its operands, or (primitive, operands, parameters).
        """
        first = min(changed)
        new = Tape.of(self.ops[:first], self.seed, self.recording)
        values: dict[int, np.ndarray] = {}
        for k, op in enumerate(self.ops[first:], first):
            if k in changed or not values.keys().isdisjoint(op.sources):
                operands = op.given(values)
                if k in changed:
                    primitive, operands, parameters, sources = changed[k](operands)
                    if sources != op.sources:  # an operand that is another operation now
                        operands = [o if s is None else new.ops[s].value for s, o in zip(sources, operands)]
                    op = op.but(primitive=primitive, sources=sources, parameters=parameters)
                op = op.again(operands).but(node=None)
                values[k] = op.value
            new.ops.append(op)
        return new if new.ops[-1].value.shape == self.seed.shape else None

    def with_values(self, values: Mapping[int, np.ndarray], parameters: Mapping[int, Any] = {}) -> Tape:
        """Return the tape with other values, and parameters, of some operations in the backward pass only."""
        new = Tape.of([*self.ops], self.seed, self.recording)
        changed = dict(values)
        for k in range(min(values), len(self.ops)):
            op = self.ops[k]
            if k not in values and changed.keys().isdisjoint(op.sources):
                continue
            if k not in values and not op.active:  # computed from it
                changed[k] = op.again(op.given(changed)).value
            own = parameters.get(k, op.parameters)
            new.ops[k] = op.but(operands=op.given(changed), value=changed.get(k, op.value), parameters=own)
        return new

    def in_precision(self, dtype: np.dtype) -> np.ndarray:
        """Return the gradient of a forward and a backward pass whose results are rounded to a type of floats.

        The derivative of a chain of elementwise operations may be written as 1 - p or 1 - y**2: it has the rounding of
        a number of about 1, or of the slope from the chain's start to its largest result if that is less.
        """
        step = float(np.finfo(dtype).eps) / 2

        def rounded(a: Any) -> Any:
            whole = isinstance(a, np.ndarray | np.floating) and a.dtype.kind == "f"
            return np.asarray(a).astype(dtype).astype(float) if whole else a

        new = Tape.of([], rounded(self.seed), self.recording)
        for op in self.ops:
            operands = [rounded(o) if s is None else new.ops[s].value for s, o in zip(op.sources, op.operands)]
            made = op if op.primitive is None else op.again(operands)
            new.ops.append(made.but(value=rounded(made.value)))

        chains: dict[int, tuple[int, Any]] = {}  # for the start, its end and how large its results are
        for k in range(len(self.ops) - 1, 0, -1):
            if isinstance(self.ops[k].primitive, Elementwise):
                end, largest = chains.pop(k, (k, 0.0))
                for s in self.ops[k].sources:
                    if s is not None and s not in chains and self.ops[s].value.shape == self.ops[k].value.shape:
                        chains[s] = end, np.maximum(largest, np.abs(self.ops[k].value))
        nodes: dict[int, Any] = {}
        for k, (end, largest) in chains.items():
            slope = np.minimum(largest / np.maximum(np.abs(self.ops[k].value), 1e-300), 1.0)
            nodes[k] = Using(end, lambda g, of, slope=slope: rounded(g + step * slope * of))  # type: ignore[misc]

        def contribution(k: int, i: int) -> Change:
            return lambda g: rounded(new.ops[k].contribution(i, g))

        edges = {(k, i): contribution(k, i) for k, i in self.edges}
        return self._or_zero(new.walk(nodes=nodes, edges=edges)[0])

    # -- structure ----------------------------------------------------------------------------------------------------

    def dominators(self) -> list[int]:
        """Return for each operation the latest earlier one through which all ways from the input to it lead."""
        nearest = [0]
        for op in self.ops[1:]:
            meeting: int | None = None
            for _, s in self.ways(op):
                a, b = s if meeting is None else meeting, s
                while a != b:
                    a, b = (nearest[a], b) if a > b else (a, nearest[b])
                meeting = a
            nearest.append(meeting or 0)
        return nearest

    @cached_property
    def ancestors(self) -> list[int]:
        """For each operation, itself and those that it is computed from: bit j is set for operation j."""
        found: list[int] = []
        for k, op in enumerate(self.ops):
            bits = 1 << k
            for _, s in self.ways(op):
                bits |= found[s]
            found.append(bits)
        return found

    @cached_property
    def _between(self) -> dict[tuple[int, int], list[int]]:
        return {}

    def between(self, late: int, early: int) -> list[int]:
        """Return the operations on the ways from `early` to `late`, without `early`, in their order."""
        if (late, early) not in self._between:
            found, pending = set(), [late]
            while pending:
                k = pending.pop()
                if k > early and k not in found:
                    found.add(k)
                    pending += [s for _, s in self.ways(self.ops[k])]
            self._between[late, early] = sorted(found)
        return self._between[late, early]

    def computed_again(self, late: int, early: int, value: np.ndarray) -> dict[int, Op]:
        """Return the operations from `early` to `late`, computed with another value of `early`."""
        again: dict[int, Op] = {}
        values = {early: value}
        for k in self.between(late, early):
            if not self.ops[k].primitive.vjps:
                raise TypeError(f"{self.ops[k].kind} cannot be computed again")
            again[k] = self.ops[k].again(self.ops[k].given(values))
            values[k] = again[k].value
        return again

    def pull(self, late: int, early: int, g: np.ndarray, again: Mapping[int, Op] = {}) -> np.ndarray:
        """Return the contribution of `late` to `early`, on all ways; `again` is that of `below`."""
        found = self.below(late, g, early, again=again)[early]
        return np.zeros(self.ops[early].value.shape) if found is None else found
