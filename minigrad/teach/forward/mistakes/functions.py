"""Mistakes in functions and operators: another one, one that is missing, and one too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes.activations import softmax
from minigrad.teach.forward.mistakes.sites import BINARY, REDUCED, Site, Values
from minigrad.teach.mistakes.forward import SIBLINGS
from minigrad.teach.tape import MOVING, Tape

INSTEAD = {
    ("add", "sub"): "the sign is wrong in {what}: {b} is subtracted instead of added",
    ("sub", "add"): "the sign is wrong in {what}: {b} is added instead of subtracted",
    ("mul", "div"): "{a} is divided by {b} in {what}, instead of multiplied (/ for *)",
    ("div", "mul"): "{a} is multiplied by {b} in {what}, instead of divided (* for /)",
    ("maximum", "minimum"): "the minimum is taken instead of the maximum in {what}",
    ("minimum", "maximum"): "the maximum is taken instead of the minimum in {what}",
}
"""What is said of an operator that stands for another; by default that the one is taken instead of the other."""


@mistake("other-function", "operation", "{detail}")
def _other_function(site: Site) -> Iterator[Variant]:
    words = {"add": "+", "sub": "-", "mul": "*", "div": "/", "log2": "log2 (another base of the logarithm)",
             "log10": "log10 (another base of the logarithm)"}  # fmt: skip
    kind = site.op.kind
    operands = [site.operand(i) for i in range(len(site.shapes))]
    for p in SIBLINGS.get(kind, ()):
        said = INSTEAD.get(
            (kind, p.name), f"{words.get(p.name, p.name)} is taken instead of {words.get(kind, kind)} in {{what}}"
        )
        said = said.format(what=site.what, a=operands[0], b=operands[-1])
        cost = 0.0 if (kind, p.name) in INSTEAD else 0.25 if kind in BINARY or p.name == "abs" else 0.01
        yield Variant(lambda v, p=p: p.forward(*site.operands(v)), said, cost)
    if site.op.kind == "matmul":
        yield Variant(lambda v: np.multiply(*site.operands(v)),
                   f"the elementwise product (*) is taken instead of {site.what} (@)", 0.1)  # fmt: skip
    if site.op.kind == "sqrt" and (of := _squares(site)) is not None:
        k, axes = of
        name = site.words.name(k)
        for said, f in (("the sum of the absolute values (L1)", np.sum), ("the largest absolute value", np.max)):
            yield Variant(lambda v, f=f, axes=axes: f(np.abs(v[k]), **axes),
                          f"{said} of {name} is taken instead of the root of the sum of its squares")  # fmt: skip
    if site.op.kind == "pow" and site.op.sources[1] is None and np.ndim(site.op.operands[1]) == 0:
        right = float(site.op.operands[1])
        powers = {1.0: "its first power, not raised at all", 2.0: "the square", 3.0: "the cube"}
        powers |= {0.5: "the square root", -1.0: "the inverse"}
        for n, said in powers.items():
            if n != right:
                text = f"{site.operand(0)} enters with {said} (exponent {n:g} instead of {right:g})"
                text = f"the exponent is wrong in {site.words.name(site.k)}: {text}"
                yield Variant(lambda v, n=n: site.operands(v)[0] ** n, text, 0.05)
        if right == 2 and np.min(site.op.operands[0], initial=0) < 0:
            yield Variant(lambda v: np.abs(site.operands(v)[0]),
                       f"the absolute value is taken instead of the square in {site.what}", 0.02)  # fmt: skip
            yield Variant(
                lambda v: 2 * site.operands(v)[0], f"{site.what} doubles (* 2) instead of squaring (** 2)", 0.1
            )


def _squares(site: Site) -> tuple[int, dict[str, Any]] | None:
    """Return what is squared, if this is the square root of a sum of squares, and the axes of the sum."""
    ops, total = site.tape.ops, site.op.sources[0]
    source = ops[total].sources[0] if total is not None and ops[total].kind == "sum" else None
    if total is None or source is None:
        return None
    square = ops[source]
    if not square.is_square or square.kind == "matmul" or square.sources[0] is None:
        return None
    return square.sources[0], {n: v for n, v in ops[total].parameters.items() if n in ("axis", "keepdims")}


@mistake("missing", "operation", "{what} is missing: {detail}", assumes=1.05)
def _missing(site: Site) -> Iterator[Variant]:
    if site.op.kind in ("setitem", "setview"):
        yield Variant(lambda v: site.operands(v)[0], "nothing is set at this index (the assignment to these places)")
        return
    if site.op.kind in ("expand", "clone", "to", "pow"):
        return
    shape = site.op.value.shape
    for i, source in enumerate(site.op.sources):
        if site.op.operands[i] is None:
            continue
        rest = f"{site.operand(1 - i)} is left out" if len(site.shapes) == 2 else f"{site.operand(i)} stays as it is"
        if site.op.kind == "sub" and i == 1 and (shape or source is not None):
            yield Variant(lambda v: np.broadcast_to(-site.operands(v)[1], shape), rest)
            rest += ", and the sign with it"
        if site.shapes[i] == shape and (source is not None or shape):
            yield Variant(lambda v, i=i: site.operands(v)[i], rest, 0.04 * (site.op.kind == "sub" and i == 1))
        elif site.op.kind in BINARY and len(site.shapes) == 2:
            yield Variant(lambda v, i=i: np.broadcast_to(site.operands(v)[i], shape), rest, 0.05)
        elif site.op.kind in (*REDUCED, "prod") and i == 0 and site.shapes[0]:
            yield Variant(lambda v: site.operands(v)[0], f"{site.operand(0)} enters as it is", 0.1)
        elif site.op.kind == "permute":
            yield Variant(lambda v: site.operands(v)[0], f"{site.operand(0)} is not transposed", 0.1)


@mistake("steps-missing", "operation", "{detail}", assumes=1.15)
def _steps_missing(site: Site) -> Iterator[Variant]:
    """An earlier value stands for the result of several operations, such as scores for their softmax."""
    if len(site.passes) > 1 or not site.op.value.ndim or site.op.kind in MOVING:
        return
    for q in site.reference.by_shape[site.op.value.shape]:
        if q < site.k and q not in site.op.sources and Site(site.reference, q).feeds(site.k):
            name, result = site.words.name(q), site.words.name(site.k)
            if name != result:
                yield Variant(lambda v, q=q: v[q], f"{name} is used instead of {result}: the steps between are missing")


@mistake("swapped", "operation", "the operands of {what} are swapped: their order matters", assumes=1.06)
def _swapped(site: Site) -> Iterator[Variant]:
    if site.op.kind in ("sub", "div", "matmul", "pow") and len(site.shapes) == 2:
        yield Variant(lambda v: site.of(site.operands(v)[::-1]))
        if site.op.kind == "matmul":
            yield Variant(lambda v: np.swapaxes(site.of(site.operands(v)[::-1]), -1, -2), "", 0.1, "back")


@mistake("order", "operation", "the order is wrong: {detail} (parentheses)", assumes=1.15)
def _order(site: Site) -> Iterator[Variant]:
    """An operation before the one whose result it gets, or the reverse: (x + b) * w for x * w + b."""
    if site.op.primitive is None or site.op.kind in MOVING:
        return
    yield from _paths(site, [], site)


def _paths(first: Site, path: list[tuple[Site, int]], last: Site) -> Iterator[Variant]:
    """Yield the exchanges along each way of up to three operations from an operation to what it is computed from."""
    for i, s in enumerate(last.op.sources):
        if s is None and last.shapes[i] or last.op.operands[i] is None:
            continue
        way = [*path, (last, i)]
        if len(way) > 1:
            inner, key = way[-1][0], " ".join(str(i) for _, i in way)
            cost = 0.1 * (len(way) - 2) + 0.1 * (s is None)
            said = f"{first.what} is computed with {inner.operand(i)}, before {way[1][0].what} instead of after it"
            yield Variant(partial(_exchanged, [*way[1:], way[0]]), said, cost, f"inwards {key}")
            if len(way) > 2:
                said = f"{inner.what} comes after {first.what} instead of before it"
                yield Variant(partial(_exchanged, [way[-1], *way[:-1]]), said, cost, f"outwards {key}")
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


# ---- a function too many ------------------------------------------------------------------------------------------


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


@mistake("extra-function", "operation", "{detail}", assumes=1.3)
def _extra_function(site: Site) -> Iterator[Variant]:
    if site.op.kind in ("expand", "clone", "to", "setitem", "setview"):
        return
    for name, shape, make in site.spots:
        for said, function in EXTRA.items():
            cost = 0.0 if site.k == len(site.tape.ops) - 1 or said == "1 - …" else 0.1
            text = f"{said} is applied to {name}, which stays as it is in the reference"
            if "…" in said:
                text = f"{said.replace('…', name)} is taken instead of {name} itself"
            yield Variant(make(function), text, cost)
        if len(shape) > 1 and shape[-1] == shape[-2] > 1:
            for triangle, said in ((np.tril, "above"), (np.triu, "below")):
                yield Variant(make(triangle), f"{name} is set to 0 {said} the diagonal (a mask at the wrong place?)")
        for axis in range(len(shape)):
            if shape[axis] > 1:
                said = f"a softmax too many, over axis {axis}, is applied to {name}; the reference takes it as it is"
                yield Variant(make(partial(softmax, axis=axis)), said, 0.1)
                yield Variant(make(_normalized(axis)), f"{name} is divided by its sum over axis {axis}", 0.15)
                yield Variant(make(_centred(axis)), f"the mean of {name} over axis {axis} is subtracted", 0.15)
                said = f"a cumulative sum is taken of {name} over axis {axis}"
                yield Variant(make(partial(np.cumsum, axis=axis)), said, 0.2)
