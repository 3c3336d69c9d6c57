"""Arrays that may stand in a formula by mistake: those of the function, and simple formulas of them.

Where a contribution is linear in an array A, its effect on the gradient along a direction is the inner product of A
and a weight. So all arrays of a pool are tried at once, by one matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.teach.mistakes.formulas import spoken
from minigrad.teach.tape import Tape
from minigrad.teach.wording import Words

MOST = 14
"""The number of arrays of a pool that formulas are made of."""


def _by_cost(table: dict[float, str]) -> dict[str, float]:
    return {text: cost for cost, texts in table.items() for text in texts.split("; ")}


_ONE = _by_cost(
    {
        0.0: "a",
        0.1: "1 - a",
        0.3: "-a; a**2; a * (1 - a); 1 - a**2",
        0.4: "2 * a; a / 2; 1 / a; sqrt(a); tanh(a); 1 - tanh(a)**2; sigmoid(a); sigmoid(a) * (1 - sigmoid(a)); a > 0; "
        "sign(a); abs(a); sin(a); cos(a); -sin(a)",
        0.5: "-1 / a; 1 / a**2; -1 / a**2; exp(a); exp(-a); log(a); 1 / sqrt(a); 1 / (2 * a); 1 - sigmoid(a); 1 + a; "
        "1 + a**2; a >= 0; a < 0; -cos(a); 3 * a**2; 1 / (1 + a**2); 0.5 / a",
        0.6: "-exp(-a); cosh(a); sinh(a); a**3; a != 0; a * (1 + a); (1 - a)**2; -a**2; -0.5 / a**3; 2 * a * (1 - a); "
        "1 - 2 * a; 2 * (1 - a**2); 1 / (1 + a); a - 1; a * (1 - a**2); 1 - abs(a); a * sigmoid(a); 1 / (2 * sqrt(a))",
        0.7: "1 / a**3; 1 / (1 - a**2); 2**a; a == 0; a <= 0",
        0.8: "1 - a**3; log2(a); cos(a * pi / 180); abs(a) <= 1",
    }
)
"""Formulas of one array, with what they assume."""
_TWO = _by_cost(
    {
        0.5: "a * b; a / b; a - b; a + b",
        0.6: "a * (1 - b); -a / b; 2 * (a - b)",
        0.7: "-a * b; a / b**2; -a / b**2; a * b * (1 - b); a * (1 - b**2); sigmoid(a) - b; a * (b > 0)",
        0.8: "a**2 / b; a * b**2; a + b * (1 - a); a * exp(b); a * sign(b)",
        0.9: "(a - b) * (1 - a**2); (a - b) * a * (1 - a); a - b > 0",
    }
)
"""Formulas of two arrays."""
_NAMES: dict[str, Any] = {
    **vars(np),
    "sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    **{"log": lambda t: np.log(np.abs(t)), "log2": lambda t: np.log2(np.abs(t)), "sqrt": lambda t: np.sqrt(np.abs(t))},
}
_COMPILED = {text: eval(f"lambda a, b: {text}", _NAMES) for text in (*_ONE, *_TWO)}


@dataclass
class Base:
    """An array of the function; `k` is the operation that computed it, None for a constant."""

    array: np.ndarray
    name: str
    k: int | None


class Pool:
    """All formulas that have a given shape.

    Attributes:
        matrix: a formula a row.
        assumes: what each assumes.
        bases: the arrays that each is made of.
    """

    def __init__(self, bases: list[Base], shape: tuple[int, ...]) -> None:
        rows: list[np.ndarray] = []
        self.texts: list[str] = []
        self.made_of: list[tuple[Base, ...]] = []
        costs: list[float] = []
        size = math.prod(shape)

        def add(text: str, made_of: list[tuple[Base, ...]], values: Any, cost: float) -> None:
            finite = np.isfinite(values).all(axis=1)
            rows.append(np.asarray(values, float)[finite])
            self.made_of += [m for m, good in zip(made_of, finite.tolist()) if good]
            several = int(finite.sum())
            self.texts += [text] * several
            costs.extend([cost] * several)

        if bases:
            one = np.array([base.array.ravel() for base in bases], float).reshape(len(bases), size)
            few = range(min(len(bases), MOST))
            pairs = [(i, j) for i in few for j in few if i != j]
            first, second = (one[[pair[side] for pair in pairs]] for side in (0, 1))
            with np.errstate(all="ignore"):
                for text, cost in _ONE.items():
                    add(text, [(base,) for base in bases], _COMPILED[text](one, None), cost)
                for text, cost in _TWO.items() if pairs else ():
                    values = np.array(_COMPILED[text](first, second), float)
                    # a number, such as s / (s / 3), or a alone, as in a * (b > 0) where b is positive
                    flat = (np.ptp(values, axis=1) <= 1e-12 * np.abs(values).max(axis=1)) | (values == first).all(
                        axis=1
                    )
                    values[flat & (size > 1)] = np.nan
                    add(text, [(bases[i], bases[j]) for i, j in pairs], values, cost)
        for number, cost in ((1.0, 0.2), (-1.0, 0.4), (2.0, 1.6), (0.5, 1.6), (-2.0, 1.6), (0.0, 3.0)):
            add(f"{number:g}", [()], np.full((1, size), number), cost)
        self.matrix = np.concatenate(rows)
        self.assumes = np.array(costs)

    def likeliest(self, rows: list[int]) -> list[int]:
        """Return some of the formulas, those that assume the least first."""
        return sorted(rows, key=lambda i: self.assumes[i])[:6]

    def said(self, i: int) -> str:
        """Return formula i in the learner's names."""
        names = {letter: base.name for letter, base in zip("ab", self.made_of[i])}
        return spoken(self.texts[i], names)

    def instead(self, i: int, right: np.ndarray, bases: list[Base]) -> str:
        """Return the array for which formula i would be right, if there is one."""
        made_of = self.made_of[i]
        for place, wrong in enumerate(made_of):
            for base in bases:
                others = [base if j == place else b for j, b in enumerate(made_of)]
                a, b = others[0].array, others[1].array if len(others) > 1 else None
                with np.errstate(all="ignore"):
                    same = np.allclose(np.asarray(_COMPILED[self.texts[i]](a, b), float), right, rtol=1e-9, atol=1e-12)
                if same and base is not wrong:
                    return f"{wrong.name} instead of {base.name}"
        return ""


class Pools:
    """The pools of a tape, by shape."""

    def __init__(self, tape: Tape, words: Words) -> None:
        self.tape, self.words = tape, words
        self._pools: dict[Any, Pool] = {}
        self._bases: dict[Any, list[Base]] = {}

    def bases(self, shape: tuple[int, ...]) -> list[Base]:
        """Return the different arrays that have a shape, or can be broadcast to it: variables first."""
        if shape in self._bases:
            return self._bases[shape]
        found: list[tuple[tuple[Any, ...], Base]] = []
        for k, op in enumerate(self.tape.ops):
            self._consider(found, op.value, self.words.name(k), k, shape, bool(self.words.variable(k)))
            for i, (s, o) in enumerate(zip(op.sources, op.operands)):
                if s is None and isinstance(o, np.ndarray) and o.ndim:
                    self._consider(found, o.astype(float), self.words.operand(k, i), None, shape, i in op.names)
        found.sort(key=lambda f: f[0])
        unique: list[Base] = []
        for _, base in found:
            if not any(np.array_equal(base.array, other.array) for other in unique):
                unique.append(base)
            if len(unique) >= 2 * MOST:
                break
        self._bases[shape] = unique
        return unique

    def _consider(
        self, found: list[Any], array: Any, name: str, k: int | None, shape: tuple[int, ...], named: bool
    ) -> None:
        if array.shape != shape:
            if 0 < array.ndim < len(shape) and array.shape == shape[: array.ndim] != shape[-array.ndim :]:
                array = array.reshape(array.shape + (1,) * (len(shape) - array.ndim))  # a number for each row
            try:
                if not array.ndim or np.broadcast_shapes(array.shape, shape) != shape:
                    return
            except ValueError:
                return
        whole = array.shape == shape
        if np.isfinite(array).all():
            found.append(((not whole, not named, -(k or 0)), Base(np.broadcast_to(array, shape), name, k)))

    def near(self, shape: tuple[int, ...], k: int) -> Pool:
        """Return the pool of a shape for operation k: if there are many arrays, of those nearest to it."""
        bases = self.bases(shape)
        part = None
        if len(bases) > MOST:
            several = sorted(bases, key=lambda b: abs((b.k if b.k is not None else k) - k))
            bases = several[: MOST + 6]
            part = tuple(b.name + str(b.k) for b in bases)
        key = (shape, part)
        if key not in self._pools:
            self._pools[key] = Pool(bases, shape)
        return self._pools[key]
