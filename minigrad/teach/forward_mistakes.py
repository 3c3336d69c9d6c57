"""The catalogue of mistakes in forward passes: each entry is a name, a sentence, and a generator of edits.

A mistake is made at an operation of the reference's graph: the operation is computed in another way, and what follows
is computed again. An entry is a generator that takes a `Site` and yields an `Edit` for each way of making the mistake
there; an edit's function returns the wrong value from the values of all operations:

>>> @mistake("cubed", "{what} takes the cube instead of the square", cost=1.2)
... def cubed(site):
...     if site.op.kind == "square":
...         yield Edit(lambda values: site.operands(values)[0] ** 3)
>>> CATALOGUE.pop("cubed").sentence
'{what} takes the cube instead of the square'

In a sentence, {what} is the operation, by the reference's own names and line, and {detail} what the edit says of
itself. The cost says how much an entry assumes: of two mistakes that give the same numbers, the cheaper one is said. In
a loop a mistake is made in all passes at once; edits of different passes belong together by their key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.teach.tape import MOVING, Tape
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
OTHERS: dict[str, tuple[Any, ...]] = {
    "tanh": (ew.sigmoid, ew.relu, ew.sin), "sigmoid": (ew.tanh, ew.relu), "relu": (ew.tanh, ew.sigmoid, ew.abs),
    "exp": (ew.exp2, ew.expm1, ew.log), "log": (ew.log2, ew.log10, ew.log1p, ew.exp), "sqrt": (ew.square, ew.abs),
    "abs": (ew.square, ew.relu), "square": (ew.abs,), "sin": (ew.cos, ew.tanh), "cos": (ew.sin,),
    "maximum": (ew.minimum, ew.add), "minimum": (ew.maximum,), "add": (ew.sub, ew.mul, ew.maximum),
    "sub": (ew.add, ew.mul, ew.div), "mul": (ew.div, ew.add), "div": (ew.mul, ew.sub), "log1p": (ew.log,),
    "log2": (ew.log,), "log10": (ew.log,), "expm1": (ew.exp,),
}  # fmt: skip
"""Primitives that are easily taken for each other."""
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum")


@dataclass(frozen=True)
class Edit:
    """One way of making a mistake at a site.

    Attributes:
        value: returns the operation's wrong value from the values of all operations.
        detail: what the sentence says of it.
        cost: how much more than the mistake itself it assumes.
        key: what is the same in every pass of a loop; default: the detail.
    """

    value: Any
    detail: str = ""
    cost: float = 0.0
    key: str = ""


@dataclass(frozen=True)
class ForwardMistake:
    """An entry of the catalogue."""

    name: str
    sentence: str
    find: Callable[[Site], Iterator[Edit]]
    cost: float = 1.0


CATALOGUE: dict[str, ForwardMistake] = {}


def mistake(name: str, sentence: str, cost: float = 1.0) -> Callable[[Any], Any]:
    """Add an entry to the catalogue; decorates the generator of its edits.

    Raises:
        ValueError: if the name is taken.
    """
    if name in CATALOGUE:
        raise ValueError(f"mistake: there is a mistake called {name!r}; choose another name")

    def add(find: Callable[[Site], Iterator[Edit]]) -> Callable[[Site], Iterator[Edit]]:
        CATALOGUE[name] = ForwardMistake(name, sentence, find, cost)
        return find

    return add


class Reference:
    """The graph of the reference.

    Attributes:
        tape, words: its operations, and their names.
        after: for each operation those that depend on it, and itself, as the bits of a number.
        by_shape: the positions of the values of each shape.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape, self.words = tape, Words(tape)
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
        """Return the edit that puts `value`, a function of the operand and of all values, in the place of operand i."""

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
            if _is_epsilon(value) and self.op.kind == "add":
                return f"epsilon, {name},"
            if value > 1 and (meaning := sizes.get(value)):
                return f"{name}, {meaning},"
            if value > 1 and (meaning := sizes.get(round(value**2, 9))):
                return f"{name}, the square root of {meaning},"
        return name

    @cached_property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the operands."""
        return [np.shape(o) for o in self.op.operands]

    @cached_property
    def spots(self) -> list[tuple[str, tuple[int, ...], Any]]:
        """What can be changed here: (name, shape, a function that makes an edit of a change).

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
                away = passes.index(q) - mine
                if abs(away) > 1:
                    continue
                key = f"{name} {self.tape.ops[q].kind} {away}"
                name += f" of {('the next pass', 'the pass before')[away < 0]}" if away else ""
            if key not in seen:
                seen.add(key)
                found.append((q, name, key))
        return found[:20]

    @cached_property
    def passes(self) -> list[int]:
        """All passes of this operation in a loop."""
        return self.words.same_instruction(self.k)


# ---- reductions --------------------------------------------------------------------------------------------------


def _axis_name(op: Any) -> str:
    return next((name for name in ("axis", "dim", "axes") if name in op.parameters), "")


def _said_axis(axis: Any) -> str:
    return "all axes" if axis is None else f"axis {axis}" if np.ndim(axis) == 0 else f"axes {axis}"


@mistake("axis", "{what} goes over {detail}")
def _axis(site: Site) -> Iterator[Edit]:
    name = _axis_name(site.op)
    if not name or not site.shapes or not site.shapes[0] or site.op.kind in MOVING:
        return
    axis, n = site.op.parameters[name], len(site.shapes[0])
    for other in (None, *range(n)):
        if other != axis and not (axis is not None and other == 0 == n - 1):
            text = f"{_said_axis(other)} instead of {_said_axis(axis)}"
            yield Edit(lambda v, a=other: site.again(v, **{name: a}), text)
            if "keepdims" in site.op.parameters:
                keep = not site.op.parameters["keepdims"]
                without = "with" if keep else "without"
                yield Edit(
                    lambda v, a=other, k=keep: site.again(v, **{name: a}, keepdims=k),
                    f"{text}, {without} keepdims",
                    0.1,
                )


@mistake("keepdims", "keepdims is missing in {what}: the result is broadcast along another dimension", 1.05)
def _keepdims(site: Site) -> Iterator[Edit]:
    if site.op.parameters.get("keepdims"):
        yield Edit(lambda v: site.again(v, keepdims=False))


@mistake("ddof", "{what} divides by {detail} (ddof)", 0.95)
def _ddof(site: Site) -> Iterator[Edit]:
    for name in ("less", "correction", "ddof"):
        if name in site.op.parameters:
            right = site.op.parameters[name]
            other = 0 if right else 1
            said = ["N" if not d else f"N - {d}" for d in (other, right)]
            yield Edit(lambda v, n=name, d=other: site.again(v, **{n: d}), " instead of ".join(said))
    if site.op.kind == "mean" and (n := site.op.operands[0].size / site.op.value.size) > 1:
        yield Edit(lambda v: site.again(v) * n / (n - 1), "N - 1 instead of N")


@mistake("other-reduction", "the {detail} is taken instead of {what}", 0.98)
def _other_reduction(site: Site) -> Iterator[Edit]:
    if site.op.kind not in REDUCED or "axis" not in site.op.parameters:
        return
    axis, keepdims = site.op.parameters["axis"], bool(site.op.parameters.get("keepdims"))
    names = {"amax": "maximum", "amin": "minimum", "var": "variance", "std": "standard deviation (its square root)"}
    for kind, function in REDUCED.items():
        if kind != site.op.kind:
            cost = 0.0 if {kind, site.op.kind} in ({"sum", "mean"}, {"var", "std"}) else 0.2
            take = partial(function, axis=axis, keepdims=keepdims)
            yield Edit(lambda v, f=take: f(site.operands(v)[0]), names.get(kind, kind), cost)
    more: dict[str, Any] = {
        "product": np.prod,
        "sum of squares": lambda a, axis, keepdims: np.sum(a**2, axis=axis, keepdims=keepdims),
        "mean of the squares": lambda a, axis, keepdims: np.mean(a**2, axis=axis, keepdims=keepdims),
        "square root of the sum of squares (the norm)": lambda a, axis, keepdims: np.sqrt(
            np.sum(a**2, axis=axis, keepdims=keepdims)
        ),
        "mean of the absolute values": lambda a, axis, keepdims: np.mean(np.abs(a), axis=axis, keepdims=keepdims),
        "sum of the absolute values": lambda a, axis, keepdims: np.sum(np.abs(a), axis=axis, keepdims=keepdims),
        "sum of the squares of the deviations (not divided by N)": lambda a, axis, keepdims: np.sum(
            (a - np.mean(a, axis=axis, keepdims=True)) ** 2, axis=axis, keepdims=keepdims
        ),
        "mean absolute deviation": lambda a, axis, keepdims: np.mean(
            np.abs(a - np.mean(a, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims
        ),
        "mean of the squares, without subtracting the mean": lambda a, axis, keepdims: np.mean(
            a**2, axis=axis, keepdims=keepdims
        ),
    }
    for said, of in more.items():
        if not (said == "mean of the squares" and site.op.kind == "var"):
            yield Edit(lambda v, f=of: f(site.operands(v)[0], axis=axis, keepdims=keepdims), said, 0.3)


@mistake("count", "{what} is divided by {detail}", 1.2)
def _count(site: Site) -> Iterator[Edit]:
    """A mean over the wrong number, a sum that is divided, a mean that is divided once more."""
    if site.op.kind not in ("mean", "sum", "var"):
        return
    right = site.op.operands[0].size / site.op.value.size if site.op.kind != "sum" else 1.0
    sizes = {right - 1: "one less", right + 1: "one more", 2.0: "", **site.reference.sizes}
    for n, meaning in sizes.items():
        called = f"{n:g}, {meaning}" if meaning else f"{n:g}"
        if n > 0 and n != right:
            instead = f" instead of {right:g}" if right != 1 else ", where it is not divided"
            yield Edit(lambda v, n=n: site.again(v) * right / n, called + instead)
        if n > 1 and right > 1:
            yield Edit(lambda v, n=n: site.again(v) / n, f"{called}, besides the mean", 0.15)


def _cut_product(site: Site, cut: slice, rows: int, values: Values) -> Any:
    a, b = site.operands(values)
    return a[..., cut] @ np.moveaxis(np.moveaxis(b, rows, 0)[cut], 0, rows)


@mistake("part", "only a part goes into {what}: {detail}", 1.25)
def _part(site: Site) -> Iterator[Edit]:
    if site.op.kind not in (*REDUCED, "matmul") or not site.shapes[0]:
        return
    if site.op.kind == "matmul":
        rows = -2 if len(site.shapes[1]) > 1 else -1
        for said, cut in (("last", slice(None, -1)), ("first", slice(1, None))):
            yield Edit(partial(_cut_product, site, cut, rows), f"the {said} element of the inner dimension is left out")
        return
    for axis in range(len(site.shapes[0])):
        for said, cut in (
            ("the last element is left out", slice(None, -1)),
            ("the first element is left out", slice(1, None)),
            ("the last element alone (overwritten: = instead of +=, or a return inside the loop)", slice(-1, None)),
            ("the first element alone (a return inside the loop?)", slice(0, 1)),
        ):  # fmt: skip
            index = (slice(None),) * axis + (cut,)
            yield Edit(lambda v, c=index: site.of([site.operands(v)[0][c]]), f"{said} along axis {axis}")
            if site.op.kind == "mean":
                share = np.size(site.op.operands[0][index]) / np.size(site.op.operands[0])
                yield Edit(
                    lambda v, c=index, n=share: n * site.of([site.operands(v)[0][c]]),
                    f"{said} along axis {axis}",
                    0.02,
                    f"{said} {axis} divided",
                )


# ---- functions and operators -------------------------------------------------------------------------------------


INSTEAD = {
    ("add", "sub"): "the sign is wrong in {what}: {b} is subtracted instead of added",
    ("sub", "add"): "the sign is wrong in {what}: {b} is added instead of subtracted",
    ("mul", "div"): "{a} is divided by {b} in {what}, instead of multiplied (/ for *)",
    ("div", "mul"): "{a} is multiplied by {b} in {what}, instead of divided (* for /)",
    ("maximum", "minimum"): "the minimum is taken instead of the maximum in {what}",
    ("minimum", "maximum"): "the maximum is taken instead of the minimum in {what}",
}
"""What is said of an operator that stands for another; by default that the one is taken instead of the other."""


@mistake("other-function", "{detail}")
def _other_function(site: Site) -> Iterator[Edit]:
    words = {"add": "+", "sub": "-", "mul": "*", "div": "/", "log2": "log2 (another base of the logarithm)",
             "log10": "log10 (another base of the logarithm)"}  # fmt: skip
    kind = "relu" if _is_relu(site) else site.op.kind
    operands = [site.operand(i) for i in range(len(site.shapes))]
    for p in OTHERS.get(kind, ()):
        said = INSTEAD.get(
            (kind, p.name), f"{words.get(p.name, p.name)} is taken instead of {words.get(kind, kind)} in {{what}}"
        )
        said = said.format(what=site.what, a=operands[0], b=operands[-1])
        i = next((i for i, s in enumerate(site.op.sources) if s is not None), 0) if kind == "relu" else None
        cost = 0.0 if (kind, p.name) in INSTEAD else 0.25 if kind in BINARY or p.name == "abs" else 0.01
        yield Edit(
            lambda v, p=p, i=i: p.forward(*(site.operands(v) if i is None else site.operands(v)[i : i + 1])), said, cost
        )
    if (source := _sigmoid_of(site)) is not None:
        name = site.words.name(source)
        for said, f in (("tanh", np.tanh), ("a ReLU", lambda a: np.maximum(a, 0)), ("the softmax", _softmax(-1)),
                        ("the sigmoid of the negative", lambda a: 1 / (1 + np.exp(a))), ("exp", np.exp)):  # fmt: skip
            yield Edit(
                lambda v, f=f: f(v[source]),
                f"{said} of {name} is taken instead of the sigmoid {site.words.through(site.k)}",
                0.05,
            )
        yield Edit(
            lambda v: v[source], f"the sigmoid {site.words.through(site.k)} is missing: {name} stays as it is", 0.05
        )
    if kind == "relu":
        i = next((i for i, s in enumerate(site.op.sources) if s is not None), 0)
        for slope in (0.01, 0.1, 0.2, 0.3):
            yield Edit(lambda v, i=i, s=slope: np.where(site.operands(v)[i] > 0, 1, s) * site.operands(v)[i],
                       f"a leaky ReLU with the slope {slope:g} is taken instead of the ReLU, {site.what}")  # fmt: skip
        yield Edit(lambda v, i=i: np.minimum(site.operands(v)[i], 0),
                   f"the minimum with 0 is taken instead of the ReLU, {site.what}", -0.01)  # fmt: skip
        yield Edit(lambda v, i=i: (site.operands(v)[i] > 0) * 1.0,
                   f"the mask (1 where it is > 0) is taken instead of the ReLU itself, {site.what}", 0.2)  # fmt: skip
    if site.op.kind == "matmul":
        yield Edit(lambda v: np.multiply(*site.operands(v)),
                   f"the elementwise product (*) is taken instead of {site.what} (@)", 0.1)  # fmt: skip
    if site.op.kind == "pow" and site.op.sources[1] is None and np.ndim(site.op.operands[1]) == 0:
        right = float(site.op.operands[1])
        powers = {
            1.0: "its first power, not raised at all",
            2.0: "the square",
            3.0: "the cube",
            0.5: "the square root",
            -1.0: "the inverse",
        }
        for n, said in powers.items():
            if n != right:
                text = f"{site.operand(0)} enters with {said} (exponent {n:g} instead of {right:g})"
                yield Edit(
                    lambda v, n=n: site.operands(v)[0] ** n,
                    f"the exponent is wrong in {site.words.name(site.k)}: {text}",
                    0.05,
                )
        if right == 2:
            yield Edit(lambda v: np.abs(site.operands(v)[0]),
                       f"the absolute value is taken instead of the square in {site.what}", 0.02)  # fmt: skip
            yield Edit(lambda v: 2 * site.operands(v)[0], f"{site.what} doubles (* 2) instead of squaring (** 2)", 0.1)


def _sigmoid_of(site: Site) -> int | None:
    """The position of a, if this is 1 / (1 + np.exp(-a))."""
    names, k = [], site.k
    for _ in range(4):
        op = site.tape.ops[k]
        names.append(op.kind)
        source = next((s for s in op.sources if s is not None), None)
        if source is None:
            return None
        k = source
    return k if names == ["div", "add", "exp", "neg"] and site.op.sources[0] is None else None


def _is_relu(site: Site) -> bool:
    return site.op.kind == "maximum" and any(
        s is None and np.ndim(o) == 0 and float(o) == 0 for s, o in zip(site.op.sources, site.op.operands)
    )


@mistake("missing", "{what} is missing: {detail}", 1.05)
def _missing(site: Site) -> Iterator[Edit]:
    if site.op.kind in ("setitem", "setview"):
        yield Edit(lambda v: site.operands(v)[0], "nothing is set at this index (the assignment to these places)")
        return
    if site.op.kind in ("expand", "clone", "to", "pow"):
        return
    shape = site.op.value.shape
    for i, source in enumerate(site.op.sources):
        if site.op.operands[i] is None:
            continue
        rest = f"{site.operand(1 - i)} is left out" if len(site.shapes) == 2 else f"{site.operand(i)} stays as it is"
        if site.shapes[i] == shape and (source is not None or shape):
            yield Edit(lambda v, i=i: site.operands(v)[i], rest)
        elif site.op.kind in BINARY and len(site.shapes) == 2:
            yield Edit(lambda v, i=i: np.broadcast_to(site.operands(v)[i], shape), rest, 0.05)
        elif site.op.kind in (*REDUCED, "prod") and i == 0 and site.shapes[0]:
            yield Edit(lambda v: site.operands(v)[0], f"{site.operand(0)} enters as it is", 0.1)
        elif site.op.kind == "permute":
            yield Edit(lambda v: site.operands(v)[0], f"{site.operand(0)} is not transposed", 0.1)


@mistake("swapped", "the operands of {what} are swapped: each stands in the other's place", 1.06)
def _swapped(site: Site) -> Iterator[Edit]:
    if site.op.kind in ("sub", "div", "matmul", "pow") and len(site.shapes) == 2:
        yield Edit(lambda v: site.of(site.operands(v)[::-1]))
        if site.op.kind == "matmul":
            yield Edit(lambda v: np.swapaxes(site.of(site.operands(v)[::-1]), -1, -2), "", 0.1, "back")


@mistake("order", "the order is wrong: {detail} (parentheses)", 1.15)
def _order(site: Site) -> Iterator[Edit]:
    """An operation before the one whose result it gets, or the reverse: (x + b) * w for x * w + b."""
    if site.op.primitive is None or site.op.kind in MOVING:
        return
    yield from _paths(site, [], site)


def _paths(first: Site, path: list[tuple[Site, int]], last: Site) -> Iterator[Edit]:
    """Yield the exchanges along each way of up to three operations from an operation to what it is computed from."""
    for i, s in enumerate(last.op.sources):
        if s is None and last.shapes[i] or last.op.operands[i] is None:
            continue
        way = [*path, (last, i)]
        if len(way) > 1:
            inner, key = way[-1][0], " ".join(str(i) for _, i in way)
            cost = 0.1 * (len(way) - 2) + 0.1 * (s is None)
            said = f"{first.what} is computed with {inner.operand(i)}, before {way[1][0].what} instead of after it"
            yield Edit(partial(_exchanged, [*way[1:], way[0]]), said, cost, f"inwards {key}")
            if len(way) > 2:
                said = f"{inner.what} comes after {first.what} instead of before it"
                yield Edit(partial(_exchanged, [way[-1], *way[:-1]]), said, cost, f"outwards {key}")
        if s is not None and len(way) < 3 and _is_computed(first.tape, s):
            yield from _paths(first, way, Site(first.reference, s))


def _is_computed(tape: Tape, k: int) -> bool:
    """Whether an operation is more than an argument, or than elements that are moved."""
    return tape.ops[k].primitive is not None and tape.ops[k].kind not in MOVING


def _exchanged(way: list[tuple[Site, int]], values: Values) -> Any:
    """Compute operations one of the other, the first of `way` last; the last gets what the innermost one got."""
    innermost = max(way, key=lambda step: -step[0].k)
    value = innermost[0].operands(values)[innermost[1]]
    for site, i in way[::-1]:
        operands = site.operands(values)
        operands[i] = value
        value = site.of(operands)
    return value


@mistake("broadcast", "{detail}")
def _broadcast(site: Site) -> Iterator[Edit]:
    if site.op.kind not in BINARY or len(site.shapes) != 2:
        return
    for i, shape in enumerate(site.shapes):
        if len(shape) == 1:
            said = f"{site.operand(i)} is broadcast as (N, 1) instead of (N,) in {site.what}"
            yield Edit(site.at(i, lambda a, v: a[:, None]), said)
        elif len(shape) > 1 and 1 in shape:
            said = f"{site.operand(i)} is broadcast as (N,) instead of {shape} in {site.what}"
            yield Edit(site.at(i, lambda a, v: a.ravel()), said)


# ---- constants ---------------------------------------------------------------------------------------------------


def _is_epsilon(value: float) -> bool:
    return 0 < abs(value) <= 0.011


@mistake("constant", "the constant {detail}", 1.2)
def _constant(site: Site) -> Iterator[Edit]:
    for i, (source, o) in enumerate(zip(site.op.sources, site.op.operands)):
        if source is not None or o is None or np.ndim(o) or not np.issubdtype(np.asarray(o).dtype, np.number):
            continue
        value = float(o)
        called = f"{'epsilon, ' if _is_epsilon(value) and site.op.kind == 'add' else ''}{value:g} in {site.what}"
        ways = {
            "missing": 0.0, "twice as large": 2 * value, "half as large": value / 2, "negative": -value,
            "inverted: 1 over it stands there": 1 / value if value else 1.0,
            "replaced by its square root": abs(value) ** 0.5,
            "squared": value**2, "ten times as large": 10 * value, "a tenth as large": value / 10,
        }  # fmt: skip
        if value:
            ways |= {f"replaced by 1 - {value:g}": 1 - value, f"replaced by 1 + {value:g}": 1 + value}
        if site.op.kind in ("mul", "div", "pow"):
            ways["missing"] = 1.0
        for said, n in ways.items():
            if n != value and np.isfinite(n):
                yield Edit(site.at(i, lambda a, v, n=n: n), f"{called} is {said}")
        near = {n: f"{n:g}" for n in (0.0, 1.0, 2.0, 0.5, -1.0, value + 1, value - 1)}
        if value == round(value) or value**2 == round(value**2, 9):
            near |= {n: f"{n:g}, {meaning}" for n, meaning in site.reference.sizes.items()}
            near |= {n**0.5: f"the square root of {n:g}, {meaning}" for n, meaning in site.reference.sizes.items()}
        elif _is_epsilon(value):
            near |= {10.0**-n: f"{10.0**-n:g}" for n in range(1, 13)}
        for n, said in near.items():
            if n != value and n not in ways.values():
                yield Edit(site.at(i, lambda a, v, n=n: n), f"{called} is replaced by {said}", 0.15)


@mistake("sign", "the sign of {detail} is wrong", 1.1)
def _sign(site: Site) -> Iterator[Edit]:
    for name, _, make in site.spots:
        yield Edit(make(lambda a: -a), name)


@mistake("factor", "{detail}", 1.35)
def _factor(site: Site) -> Iterator[Edit]:
    if site.op.primitive is None or site.op.kind in MOVING:
        return
    for n in (2.0, 0.5):
        yield Edit(lambda v, n=n: n * site.again(v), f"{site.what} has a factor of {n:g} too much")
    if site.k == len(site.tape.ops) - 1:
        for n, meaning in site.reference.sizes.items():
            yield Edit(lambda v, n=n: n * site.again(v), f"the result is multiplied by {n:g}, {meaning}", 0.1)
            yield Edit(lambda v, n=n: site.again(v) / n, f"the result is divided by {n:g}, {meaning}", 0.1)
    if site.op.kind == "matmul":
        for n, meaning in site.reference.sizes.items():
            text = f"{site.what} is divided by"
            yield Edit(lambda v, n=n: site.again(v) / n, f"{text} {n:g}, {meaning}", 0.1)
            yield Edit(lambda v, n=n: site.again(v) / n**0.5, f"{text} the square root of {n:g}, {meaning}", 0.1)


# ---- another array -----------------------------------------------------------------------------------------------


@mistake("transposed", "{detail} is transposed", 1.02)
def _transposed(site: Site) -> Iterator[Edit]:
    for name, shape, make in site.spots:
        if len(shape) >= 2 and (shape[-1] == shape[-2] or site.op.kind == "input"):
            yield Edit(make(lambda a: np.swapaxes(a, -1, -2)), name, 0.0 if shape[-1] == shape[-2] else 0.1)
    if site.op.kind == "matmul":
        for i, shape in enumerate(site.shapes):
            if len(shape) >= 2:
                yield Edit(site.at(i, lambda a, v: np.swapaxes(a, -1, -2)), f"{site.operand(i)} in {site.what}")


@mistake("other-array", "{detail}", 1.3)
def _other_array(site: Site) -> Iterator[Edit]:
    for i, (shape, o) in enumerate(zip(site.shapes, site.op.operands)):
        if not shape or o is None or np.asarray(o).dtype.kind != "f":
            continue
        for q, name, key in site.arrays(shape):
            said = f"{name} stands in {site.what} instead of {site.operand(i)}"
            yield Edit(site.at(i, lambda a, v, q=q: v[q]), said, 0.0, f"{i} {key}")


@mistake("scaled", "{detail}", 1.4)
def _scaled(site: Site) -> Iterator[Edit]:
    """An operand that is multiplied or divided by another array too."""
    if site.op.kind not in BINARY or len(site.passes) > 1:
        return
    for i, shape in enumerate(site.shapes):
        for q in range(1, len(site.tape.ops)):
            other = site.tape.ops[q]
            small = other.kind == "input" and other.value.ndim < 2
            if (
                not shape
                or q in site.op.sources
                or site.feeds(q)
                or other.value.shape != shape
                and not (small and other.value.shape == shape[-1:])
            ):
                continue
            name = site.words.name(q)
            yield Edit(
                site.at(i, lambda a, v, q=q: a * v[q]), f"{site.operand(i)} is multiplied by {name} in {site.what}"
            )
            yield Edit(
                site.at(i, lambda a, v, q=q: a / v[q]), f"{site.operand(i)} is divided by {name} in {site.what}", 0.05
            )


@mistake("batch-statistic", "{detail}", 1.45)
def _statistic(site: Site) -> Iterator[Edit]:
    """The mean, variance … of another array of the reference instead of an operand."""
    if site.op.kind not in BINARY or len(site.passes) > 1:
        return
    for i, shape in enumerate(site.shapes):
        if not shape:
            continue
        for q in range(1, site.k):
            op = site.tape.ops[q]
            if (
                op.kind != "input"
                or op.value.ndim <= len(shape) - (1 in shape)
                or q in site.op.sources
                and len(shape) > 1
            ):
                continue
            for axis in range(op.value.ndim):
                for word in ("mean", "var", "std", "sum", "amax"):
                    keep = len(shape) == op.value.ndim
                    take: Any = partial(REDUCED[word], axis=axis, keepdims=keep)
                    if np.shape(take(op.value)) == shape:
                        said = f"{CALLED[word]} of {site.words.name(q)} over axis {axis} stands in {site.what}"
                        yield Edit(
                            site.at(i, lambda a, v, f=take, q=q: f(v[q])), f"{said} instead of {site.operand(i)}"
                        )


@mistake("reduced", "the {detail}", 1.4)
def _reduced(site: Site) -> Iterator[Edit]:
    if site.op.kind not in (*BINARY, "matmul") or len(site.shapes) != 2:
        return
    ways = {"sum": np.sum, "mean": np.mean, "largest element": np.max, "first element": lambda a: np.ravel(a)[0],
            "norm": lambda a: np.sqrt(np.sum(a**2))}  # fmt: skip
    for i, shape in enumerate(site.shapes):
        for word, reduce in ways.items() if shape else ():
            said = f"{word} of {site.operand(i)} is taken in {site.what} instead of {site.operand(i)} itself"
            yield Edit(site.at(i, lambda a, v, f=reduce: f(a)), said)


# ---- a function too many -----------------------------------------------------------------------------------------


def _softmax(axis: int) -> Callable[[Any], Any]:
    def of(a: Any) -> Any:
        e = np.exp(a - np.max(a, axis=axis, keepdims=True))
        return e / np.sum(e, axis=axis, keepdims=True)

    return of


def _normalized(axis: int) -> Callable[[Any], Any]:
    return lambda a: a / np.sum(a, axis=axis, keepdims=True)


def _centred(axis: int) -> Callable[[Any], Any]:
    return lambda a: a - np.mean(a, axis=axis, keepdims=True)


EXTRA: dict[str, Callable[[Any], Any]] = {
    "a ReLU (the maximum with 0)": lambda a: np.maximum(a, 0), "tanh": np.tanh,
    "a sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "the square": np.square, "the square root": np.sqrt, "the absolute value": np.abs, "the exponential": np.exp,
    "the logarithm": np.log, "1 - …": lambda a: 1 - a, "1 + …": lambda a: 1 + a, "… - 1": lambda a: a - 1,
    "1 / …": lambda a: 1 / a,
}  # fmt: skip


@mistake("extra-function", "{detail}", 1.3)
def _extra_function(site: Site) -> Iterator[Edit]:
    if site.op.kind in ("expand", "clone", "to", "setitem", "setview"):
        return
    for name, shape, make in site.spots:
        for said, function in EXTRA.items():
            cost = 0.0 if site.k == len(site.tape.ops) - 1 or said == "1 - …" else 0.1
            text = f"{said} is applied to {name}, which stays as it is in the reference"
            if "…" in said:
                text = f"{said.replace('…', name)} is taken instead of {name} itself"
            yield Edit(make(function), text, cost)
        for axis in range(len(shape)):
            if shape[axis] > 1:
                ways: list[tuple[Any, str, float]] = [
                    (_softmax(axis), f"a softmax over axis {axis} is applied to {name}, which has none", 0.1),
                    (_normalized(axis), f"{name} is divided by its sum over axis {axis}", 0.15),
                    (_centred(axis), f"the mean of {name} over axis {axis} is subtracted", 0.15),
                    (partial(np.cumsum, axis=axis), f"a cumulative sum is taken of {name} over axis {axis}", 0.2),
                ]
                for way, text, cost in ways:
                    yield Edit(make(way), text, cost)


# ---- positions ---------------------------------------------------------------------------------------------------


@mistake("border", "{detail} is left out (it counts as 0): a range or the padding is off by one", 1.4)
def _border(site: Site) -> Iterator[Edit]:
    if site.op.kind == "setitem" and len(site.passes) > 1:
        return
    for name, shape, make in site.spots:
        axes: list[tuple[int, ...]] = [(axis,) for axis in range(len(shape)) if shape[axis] > 1]
        axes += [tuple(range(len(shape)))[-2:]] if len(shape) > 1 else []
        for axis in axes:
            for at, said in ((0, "the first"), (-1, "the last")):
                where = " and ".join(map(str, axis))
                yield Edit(make(partial(_without, at=at, axes=axis)), f"{said} element along axis {where} of {name}")


def _without(a: Any, at: int, axes: tuple[int, ...]) -> Any:
    a = np.array(a)
    for axis in axes:
        a[(slice(None),) * axis + (at,)] = 0
    return a


@mistake("off-by-one", "{detail}", 1.3)
def _off_by_one(site: Site) -> Iterator[Edit]:
    if site.op.kind == "setitem" and len(site.passes) > 1:
        return
    for name, shape, make in site.spots:
        axes: list[tuple[int, ...]] = [(axis,) for axis in range(len(shape)) if shape[axis] > 1]
        axes += [tuple(range(len(shape)))[-2:]] if len(shape) > 1 else []
        for axis in axes:
            where = " and ".join(map(str, axis))
            for shift in (1, -1):
                said = f"{name} is shifted by one along axis {where}: an index is off by one"
                moved: Any = partial(np.roll, shift=(shift,) * len(axis), axis=axis)
                yield Edit(make(moved), said, 0.05 * (len(axis) - 1))


@mistake("reversed", "{detail}", 1.3)
def _reversed(site: Site) -> Iterator[Edit]:
    if site.op.kind == "setitem" and len(site.passes) > 1:
        return
    for name, shape, make in site.spots:
        axes: list[tuple[int, ...]] = [(axis,) for axis in range(len(shape)) if shape[axis] > 1]
        axes += [tuple(range(len(shape)))[-2:]] if len(shape) > 1 else []
        for axis in axes:
            where = " and ".join(map(str, axis))
            yield Edit(make(partial(np.flip, axis=axis)), f"{name} is flipped: in reverse order along axis {where}")


@mistake("layout", "the dimensions of {detail} are in another order (reshape instead of transpose, or the reverse)")
def _layout(site: Site) -> Iterator[Edit]:
    for name, shape, make in site.spots:
        if len(shape) > 1 and math.prod(shape) > max(shape):
            yield Edit(make(lambda a: np.swapaxes(a, -1, -2).reshape(a.shape)), name, 0.2)
    if site.op.kind == "reshape":
        wanted = site.op.parameters["shape"]
        by_columns = lambda v: np.reshape(site.operands(v)[0], wanted, order="F")  # noqa: E731
        yield Edit(by_columns, site.words.name(site.k), 0.1, "F")
    if site.op.kind == "permute":
        shape = site.op.value.shape
        yield Edit(lambda v: np.reshape(site.operands(v)[0], shape), site.words.name(site.k), 0.1, "reshape")


@mistake("index", "the index is wrong in {what}: {detail}", 1.1)
def _index(site: Site) -> Iterator[Edit]:
    if site.op.kind != "getitem" or site.op.primitive is None:
        return
    index, source = site.op.parameters["index"], site.shapes[0]
    parts = list(index) if isinstance(index, tuple) else [index]

    def take(new: Any) -> Any:
        return lambda v: site.operands(v)[0][new]

    for d, part in enumerate(parts):
        n = source[d] if d < len(source) and len(parts) <= len(source) else 0

        def put(new: Any, d: int = d) -> Any:
            return take(tuple([*parts[:d], new, *parts[d + 1 :]]))

        whole = isinstance(part, np.ndarray) and part.dtype.kind in "iu"
        if n > 1 and (whole or isinstance(part, int | np.integer)):
            for shift, which in ((1, "the next one"), (-1, "the one before")):
                said = f"off by one: {which} is taken (index {shift:+d})"
                yield Edit(put((part + shift) % n), said, 0.1 * (not whole), f"{d} {shift}")
        if n and whole and len(parts) > 1:
            said = f"all of dimension {d} is taken (a whole row or column, [:, …]) instead of one element for each"
            yield Edit(put(slice(None)), said, 0.0, f"{d} all")
        elif isinstance(part, slice) and n:
            for name, new in _slices(*part.indices(n)).items():
                yield Edit(put(new), name, 0.1, f"{d} {name}")
    if len(parts) > 1 and all(isinstance(p, np.ndarray) for p in parts[:2]):
        reduce: dict[str, Callable[..., Any]] = {"largest": np.max, "sum of all": np.sum, "mean of all": np.mean}
        for word, f in reduce.items():
            said = f"the {word} of each row is taken instead of that of the target (label)"
            yield Edit(lambda v, f=f: f(site.operands(v)[0], axis=1), said, 0.2)
    if len(parts) == 2 and all(isinstance(p, slice | int) for p in parts):
        yield Edit(take((parts[1], parts[0])), "rows and columns are exchanged (transposed)", 0.0, "exchanged")
    if len(site.passes) > 1:
        yield from _strides(site, parts)


def _slices(start: int, stop: int, step: int) -> dict[str, slice]:
    """Slices that are taken for one."""
    return {
        "the last one is left out": slice(start, stop - step, step),
        "the first one is left out": slice(start + step, stop, step),
        "one more is taken": slice(start, stop + step, step),
        "one more before it is taken": slice(start - step, stop, step),
        "all is taken": slice(None),
        "it is in reverse order": slice(stop - step, start - step if start >= step else None, -step),
        "the step is 1": slice(start, stop, 1),
    }


def _strides(site: Site, parts: list[Any]) -> Iterator[Edit]:
    """Windows with another stride."""
    for factor, said in ((0.5, "half"), (1 / 3, "a third"), (2, "twice")):
        new, change = [], False
        for part in parts:
            if isinstance(part, slice) and isinstance(part.start, int) and isinstance(part.stop, int):
                start = part.start * factor
                if start == int(start):
                    change = change or start != part.start
                    part = slice(int(start), int(start) + part.stop - part.start, part.step)
            new.append(part)
        if change or site.passes[0] == site.k:
            text = f"the windows lie {said} as far from each other (the stride or step)"
            yield Edit(lambda v, i=tuple(new): site.operands(v)[0][i], text, 0.1, f"stride {factor}")


@mistake("loop", "{detail}", 1.25)
def _loop(site: Site) -> Iterator[Edit]:
    """What another pass of the loop computes."""
    passes = site.passes
    if len(passes) < 2 or site.op.kind == "setitem":
        return
    at = passes.index(site.k)
    where = {
        "the value of the pass before": at - 1, "the value of the next pass": at + 1, "the value of the first pass": 0,
        "the value of the last pass": len(passes) - 1, "the values in reverse order": len(passes) - 1 - at,
    }  # fmt: skip
    for said, p in where.items():
        q = passes[p % len(passes)]
        if site.tape.ops[q].value.shape == site.op.value.shape:
            yield Edit(lambda v, q=q: site.tape.ops[q].value, f"{site.what} has {said} of the loop", 0.0, said)
    if at == len(passes) - 1:
        q = passes[at - 1]
        yield Edit(
            lambda v: v[q], f"the last pass of the loop is left out in {site.what} (off by one)", -0.05, "left out"
        )
    if at == 0 and site.op.value.ndim:
        said = f"the first pass of the loop is left out in {site.what} (off by one)"
        yield Edit(lambda v: np.zeros(site.op.value.shape), said, 0.0, "first left out")


@mistake("branch", "{detail}")
def _branch(site: Site) -> Iterator[Edit]:
    if site.op.kind != "where" or len(site.shapes) != 3:
        return
    right, name = np.asarray(site.op.operands[0], bool), site.what
    for i, said in ((1, "holds"), (2, "does not hold")):
        text = f"{name} always takes {site.operand(i)}, as if the condition {said} everywhere: the mask is missing"
        yield Edit(lambda v, i=i: np.broadcast_to(site.operands(v)[i], site.op.value.shape), text)
    masks: list[tuple[np.ndarray, str, float]] = [
        (right, "", 0.0), (~right, f"the branches of {name} are exchanged: the condition (mask) is inverted", 0.0)
    ]  # fmt: skip
    if right.ndim > 1 and right.shape[-1] == right.shape[-2]:
        masks.append((np.swapaxes(right, -1, -2), f"the mask in {name} is transposed", 0.0))
        n = right.shape[-1]
        for k in (1, 0, -1):
            for f, said in ((np.tril, "lower"), (np.triu, "upper")):
                part = "with the diagonal" if k == 0 else f"off by one diagonal ({k:+d})"
                masks.append((f(np.ones((n, n)), k) > 0, f"the mask in {name} is the {said} triangle {part}", 0.1))
    for axis in range(right.ndim):
        for shift in (1, -1):
            masks.append((np.roll(right, shift, axis), f"the mask in {name} is shifted by one along axis {axis}", 0.15))
    masks += [
        (m, f"the condition of {name} compares with another bound: {said}", 0.1) for m, said in _bounds(site, right)
    ]
    for mask, said, cost in masks:
        if said and not np.array_equal(mask, right):
            yield Edit(lambda v, m=mask: np.where(m, *site.operands(v)[1:]), said, cost)
        for i in (1, 2):
            if site.op.sources[i] is None and not site.shapes[i]:
                for n in (0.0, -np.inf, 1.0):
                    filled = f"{n:g} is filled in where the mask of {name} is off, instead of {site.operand(i)}"
                    text = f"{said}; and {filled}" if said else filled
                    yield Edit(
                        lambda v, m=mask, i=i, n=n: np.where(
                            m, *[n if j == i else a for j, a in enumerate(site.operands(v))][1:]
                        ),
                        text,
                        cost + 0.1,
                    )


def _bounds(site: Site, right: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """The condition with other bounds, where it compares a value of the reference with one."""
    for q in sorted(range(1, site.k), key=lambda q: site.k - q):
        a = site.tape.ops[q].value
        if a.shape != right.shape or right.all() or not right.any():
            continue
        low, high = (right, ~right) if a[right].max() < a[~right].min() else (~right, right)
        if a[low].max() < a[high].min():
            name = site.words.name(q)
            for bound in (0.0, 0.5, 1.0, 2.0, 0.1, -1.0, float(a.mean())):
                mask = a < bound if low is right else a > bound
                yield mask, f"{name} {'<' if low is right else '>'} {bound:g}"


@mistake("joined", "the parts of {what} are put together in {detail}", 1.1)
def _joined(site: Site) -> Iterator[Edit]:
    if site.op.kind in ("cat", "stack") and len(site.shapes) > 1:
        yield Edit(lambda v: site.of(site.operands(v)[::-1]), "reverse order")
        for axis in range(len(site.op.value.shape)):
            if axis != site.op.parameters.get("axis"):
                said = f"axis {axis} instead of {site.op.parameters.get('axis')}"
                yield Edit(lambda v, a=axis: site.again(v, axis=a), said)
