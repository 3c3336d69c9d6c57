"""The graph of a reference, and the sites of mistakes in it: its operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant
from minigrad.teach.tape import Tape
from minigrad.teach.wording import Words

Values = Sequence[Any]
REDUCED: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "amax": np.max, "amin": np.min, "var": np.var, "std": np.std}
"""The reductions that are exchanged for one another."""
CALLED = {
    "sum": "the sum", "mean": "the mean", "amax": "the maximum", "amin": "the minimum", "var": "the variance",
    "std": "the standard deviation", "log": "the logarithm", "sqrt": "the square root", "pow": "the power",
    "square": "the square", "abs": "the absolute value", "matmul": "the matrix product", "mul": "the product",
    "add": "the sum", "sub": "the difference", "div": "the quotient", "neg": "the negative", "where": "the choice",
    "getitem": "the part", "permute": "the transpose", "maximum": "the maximum", "minimum": "the minimum",
}  # fmt: skip


BINARY = ("add", "sub", "mul", "div", "maximum", "minimum")


class Reference:
    """The graph of the reference.

    Attributes:
        tape, words: its operations, and their names.
        after: for each operation those that depend on it, and itself, as the bits of a number.
        by_shape: the positions of the values of each shape.
        activations: for each operation that was examined, the other activations that may stand there.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape, self.words = tape, Words(tape)
        self.activations: dict[int, list[Variant]] = {}
        self.after = [0] * len(tape.ops)
        self.by_shape: dict[tuple[int, ...], list[int]] = {}
        for k in range(len(tape.ops) - 1, -1, -1):
            self.after[k] |= 1 << k
            for s in tape.ops[k].sources:
                if s is not None:
                    self.after[s] |= self.after[k]
        for k in range(1, len(tape.ops)):
            self.by_shape.setdefault(tape.ops[k].value.shape, []).append(k)

    @cached_property
    def sizes(self) -> dict[float, str]:
        """Numbers that may be taken for another count: the sizes of all arrays, with their meaning."""
        found: dict[float, str] = {}
        for k in range(1, len(self.tape.ops)):
            if self.tape.ops[k].kind == "getitem" and self.tape.ops[k].sources == (0,):
                continue  # an argument's part of all arguments together
            value, name = self.tape.ops[k].value, self.words.name(k)
            for d, n in enumerate(value.shape):
                if n > 1:
                    found.setdefault(float(n), f"the size of dimension {d} of {name}")
            if value.size > 1:
                found.setdefault(float(value.size), f"the number of elements of {name}")
        return found


class Site:
    """An operation of the reference.

    Attributes:
        reference: the graph.
        tape, words: its operations, and their names.
        k: the operation's position on the tape.
        op: the operation; its `kind` is "input" for an argument of the reference.
    """

    def __init__(self, reference: Reference, k: int) -> None:
        self.reference, self.tape, self.words = reference, reference.tape, reference.words
        self.k, self.op = k, reference.tape.ops[k]

    @cached_property
    def what(self) -> str:
        """The operation in words."""
        if self.op.kind == "input":
            return self.words.name(self.k)
        kind = CALLED.get(self.op.kind, "")
        return f"{kind} {self.words.through(self.k)}".strip()

    def operands(self, values: Values) -> list[Any]:
        """Return the operands, given the values of all operations."""
        return [o if s is None else values[s] for s, o in zip(self.op.sources, self.op.operands)]

    def again(self, values: Values, **parameters: Any) -> Any:
        """Compute the operation, with other parameters."""
        return self.of(self.operands(values), **parameters)

    def of(self, operands: Sequence[Any], **parameters: Any) -> Any:
        """Compute the operation of other operands."""
        if self.op.primitive is None:
            return self.op.value
        return self.op.primitive.recompute(*operands, **{**self.op.parameters, **parameters})

    def at(self, i: int, value: Any) -> Callable[[Values], Any]:
        """Return the change that replaces operand i by `value`, a function of the operand and of all values."""

        def edited(values: Values) -> Any:
            operands = self.operands(values)
            operands[i] = value(operands[i], values)
            return self.of(operands)

        return edited

    @cached_property
    def _names(self) -> list[str]:
        return [self._operand(i) for i in range(len(self.op.sources))]

    def operand(self, i: int) -> str:
        """The name of an operand; of a number, with its meaning."""
        return self._names[i]

    def _operand(self, i: int) -> str:
        name, o = self.words.operand(self.k, i), self.op.operands[i]
        if self.op.sources[i] is None and o is not None and np.ndim(o) == 0:
            value, sizes = float(o), self.reference.sizes
            if is_epsilon(value) and self.op.kind == "add":
                return f"epsilon, {name},"
            of = self.op.sources[1 - i] if len(self.op.sources) == 2 else None
            if of is not None and self.tape.ops[of].kind == "matmul" and value**2 == self._inner(of):
                return f"{name}, the square root of the inner dimension of {self.words.name(of)},"
            if value > 1 and (meaning := sizes.get(value)):
                return f"{name}, {meaning},"
            if isinstance(o, float) and value > 1 and (meaning := sizes.get(round(value**2, 9))):
                return f"{name}, the square root of {meaning},"
        return name

    def _inner(self, k: int) -> int:
        return self.tape.ops[k].operands[0].shape[-1]

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the operands."""
        return [np.shape(o) for o in self.op.operands]

    @cached_property
    def constants(self) -> list[tuple[int, np.ndarray]]:
        """The operands that are constant numbers, or arrays of these, with their positions."""
        found = ((i, np.asarray(o)) for i, (s, o) in enumerate(zip(self.op.sources, self.op.operands)) if s is None)
        return [(i, o.astype(float)) for i, o in found if o.dtype.kind in ("fiub" if o.ndim else "fiu")]

    @property
    def numbers(self) -> list[tuple[int, float]]:
        """Those that are numbers."""
        return [(i, float(o)) for i, o in self.constants if not o.ndim]

    @cached_property
    def spots(self) -> list[tuple[str, tuple[int, ...], Any]]:
        """What can be changed here: (name, shape, the change of the operation as a function of a change of the array).

        The value itself, and each operand that is a constant or has other uses too.
        """
        found: list[Any] = []
        if self.op.value.ndim or self.op.kind != "input":
            found.append((self.words.name(self.k), self.op.value.shape, lambda f: lambda v: f(self.again(v))))
        for i, s in enumerate(self.op.sources):
            if (s is None and self.shapes[i]) or (s is not None and len(self.tape.ops[s].users) > 1):
                make = lambda f, i=i: self.at(i, lambda a, v: f(a))  # noqa: E731
                found.append((f"{self.operand(i)} in {self.what}", self.shapes[i], make))
        return found

    def feeds(self, k: int) -> bool:
        """Whether operation k depends on this one, or is it."""
        return bool(self.reference.after[self.k] >> k & 1)

    def arrays(self, shape: tuple[int, ...]) -> list[tuple[int, str, str]]:
        """Return the other operations whose value has a shape: (position, name, key), the nearest first."""
        found, seen = [], set()
        mine = self.passes.index(self.k) if len(self.passes) > 1 else 0
        near = sorted(self.reference.by_shape.get(shape, ()), key=lambda q: abs(q - self.k))
        for q in near[:40]:
            if self.feeds(q) or q in self.op.sources:
                continue
            name, key = self.words.name(q), self.words.name(q)
            passes = self.words.same_instruction(q)
            if len(passes) > 1:
                calls = max(1, len(passes) // len(self.passes))  # of one function in each pass, as a gate's
                away = passes.index(q) // calls - mine
                if abs(away) > 1:
                    continue
                key = f"{passes[0]} {passes.index(q) % calls} {away}"
                name += f" of {('the next pass', 'the pass before')[away < 0]}" if away else ""
            if key not in seen:
                seen.add(key)
                found.append((q, name, key))
        return found[:20]

    @cached_property
    def passes(self) -> list[int]:
        """All passes of this operation in a loop."""
        return self.words.same_instruction(self.k)


def is_epsilon(value: float) -> bool:
    """Whether a constant is small enough for an epsilon."""
    return 0 < abs(value) <= 0.011
