"""Mistakes of one array for another: transposed, broadcast, reduced, scaled, or another value of the same shape."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from minigrad.teach.catalogue import Variant, mistake
from minigrad.teach.forward.mistakes.sites import BINARY, CALLED, REDUCED, Site


@mistake("broadcast", "operation", "{detail}")
def _broadcast(site: Site) -> Iterator[Variant]:
    if site.op.kind not in BINARY or len(site.shapes) != 2:
        return
    for i, shape in enumerate(site.shapes):
        if len(shape) == 1:
            said = f"{site.operand(i)} is broadcast as (N, 1) instead of (N,) in {site.what}"
            yield Variant(site.at(i, lambda a, v: a[:, None]), said)
        elif len(shape) > 1 and 1 in shape:
            said = f"{site.operand(i)} is broadcast as (N,) instead of {shape} in {site.what}"
            yield Variant(site.at(i, lambda a, v: a.ravel()), said)


@mistake("transposed", "operation", "{detail} is transposed", assumes=1.02)
def _transposed(site: Site) -> Iterator[Variant]:
    for name, shape, make in site.spots:
        if len(shape) >= 2 and (shape[-1] == shape[-2] or site.op.kind == "input"):
            yield Variant(make(lambda a: np.swapaxes(a, -1, -2)), name, 0.0 if shape[-1] == shape[-2] else 0.1)
        if len(shape) > 2 and site.op.kind == "input":
            for i, j in combinations(range(len(shape)), 2):
                if shape[i] == shape[j] and (i, j) != (len(shape) - 2, len(shape) - 1):
                    said = f"{name} (its dimensions {i} and {j} are exchanged)"
                    yield Variant(make(partial(np.swapaxes, axis1=i, axis2=j)), said, 0.02)
    if site.op.kind == "matmul":
        for i, shape in enumerate(site.shapes):
            if len(shape) >= 2:
                yield Variant(site.at(i, lambda a, v: np.swapaxes(a, -1, -2)), f"{site.operand(i)} in {site.what}")


@mistake("other-array", "operation", "{detail}", assumes=1.3)
def _other_array(site: Site) -> Iterator[Variant]:
    for i, (shape, o) in enumerate(zip(site.shapes, site.op.operands)):
        if not shape or o is None or np.asarray(o).dtype.kind != "f":
            continue
        for q, name, key in site.arrays(shape):
            said = f"{name} is used in {site.what} instead of {site.operand(i)}"
            yield Variant(site.at(i, lambda a, v, q=q: v[q]), said, 0.0, f"{i} {key}")
            value = site.tape.ops[q].value
            if site.op.kind == "mul" and value.min(initial=0) >= 0 and value.max(initial=1) <= 1:  # a gate
                complement = f"1 - {name} is used in {site.what} instead of {site.operand(i)}"
                yield Variant(site.at(i, lambda a, v, q=q: 1 - v[q]), complement, 0.0, f"{i} 1 - {key}")


@mistake("complement", "operation", "{detail}", assumes=1.04)
def _complement(site: Site) -> Iterator[Variant]:
    """z and 1 - z, as of a gate or a probability: where one changes, so does the other."""
    users = [site.tape.ops[k] for k, _ in site.op.users]
    others = [op for op in users if op.kind == "sub" and op.sources[0] is None and np.all(op.operands[0] == 1)]
    value, name = site.op.value, site.words.name(site.k)
    if others and len(others) < len(users):
        said = f"{name} and 1 - {name} are exchanged: each is used where the other belongs"
        yield Variant(lambda v: 1 - site.again(v), said)
    elif not others and site.op.kind in ("div", "sigmoid") and value.size and value.min() > 0 and value.max() < 1:
        yield Variant(lambda v: 1 - site.again(v), f"1 - {name} is used instead of {name}", 0.01)


@mistake("scaled", "operation", "{detail}", assumes=1.4)
def _scaled(site: Site) -> Iterator[Variant]:
    """An operand that is multiplied or divided by another array too."""
    if site.op.kind not in BINARY or len(site.passes) > 1:
        return
    for i, shape in enumerate(site.shapes):
        for q in range(1, len(site.tape.ops)):
            other = site.tape.ops[q]
            small = other.kind == "input" and other.value.ndim < 2
            fits = other.value.shape == shape or (small and other.value.shape == shape[-1:])
            if not shape or q in site.op.sources or site.feeds(q) or not fits:
                continue
            name, mine = site.words.name(q), site.operand(i)
            yield Variant(site.at(i, lambda a, v, q=q: a * v[q]), f"{mine} is multiplied by {name} in {site.what}")
            yield Variant(site.at(i, lambda a, v, q=q: a / v[q]), f"{mine} is divided by {name} in {site.what}", 0.05)


@mistake("added", "operation", "{detail} (a skip connection, which the reference does not have)", assumes=1.45)
def _added(site: Site) -> Iterator[Variant]:
    """A value to which another array of its shape is added."""
    shape = site.op.value.shape
    if len(shape) > 1 and site.op.kind not in ("input", "expand", "clone", "to", "setitem", "setview", "reshape"):
        for q, name, key in site.arrays(shape):
            yield Variant(lambda v, q=q: site.again(v) + v[q], f"{name} is added to {site.what}", 0.0, key)


@mistake("batch-statistic", "operation", "{detail}", assumes=1.45)
def _statistic(site: Site) -> Iterator[Variant]:
    """The mean, variance … of another array of the reference instead of an operand."""
    if site.op.kind not in BINARY or len(site.passes) > 1:
        return
    for i, shape in enumerate(site.shapes):
        if not shape:
            continue
        for q in range(1, site.k):
            op = site.tape.ops[q]
            used = q in site.op.sources and len(shape) > 1
            if op.kind != "input" or op.value.ndim <= len(shape) - (1 in shape) or used:
                continue
            for axis in range(op.value.ndim):
                for word in ("mean", "var", "std", "sum", "amax"):
                    keep = len(shape) == op.value.ndim
                    take: Any = partial(REDUCED[word], axis=axis, keepdims=keep)
                    if np.shape(take(op.value)) == shape:
                        said = f"{CALLED[word]} of {site.words.name(q)} over axis {axis} is used in {site.what}"
                        said += f" instead of {site.operand(i)}"
                        yield Variant(site.at(i, lambda a, v, f=take, q=q: f(v[q])), said)


@mistake("reduced", "operation", "the {detail}", assumes=1.4)
def _reduced(site: Site) -> Iterator[Variant]:
    if site.op.kind not in (*BINARY, "matmul") or len(site.shapes) != 2:
        return
    ways = {"sum": np.sum, "mean": np.mean, "largest element": np.max, "first element": lambda a: np.ravel(a)[0],
            "norm": lambda a: np.sqrt(np.sum(a**2))}  # fmt: skip
    for i, shape in enumerate(site.shapes):
        for word, reduce in ways.items() if shape else ():
            said = f"{word} of {site.operand(i)} is taken in {site.what} instead of {site.operand(i)} itself"
            yield Variant(site.at(i, lambda a, v, f=reduce: f(a)), said)
