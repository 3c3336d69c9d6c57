"""A correct backward pass of a different forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.primitives import layout, reductions
from minigrad.teach.mistakes.catalogue import REDUCTIONS, Site, Variant, mistake


@mistake(
    "different forward",
    "forward",
    "this is the right gradient of a different forward pass: {detail}",
    assumes=2.0,
)
def _different_forward(s: Site) -> Iterator[Variant]:
    op, name = s.op, s.words.through(s.k)
    for i, source in enumerate(op.sources):
        if source is not None and np.shape(op.operands[i]) == op.value.shape and op.kind not in ("clone", "reshape"):
            without = ""
            if len(op.sources) == 2:
                without = f", without {s.words.operand(s.k, 1 - i)}"
            yield Variant(
                lambda operands, i=i: (layout.clone, [operands[i]], {}, (op.sources[i],)),
                f"one with {s.words.operand(s.k, i)} instead of {name}{without}",
                -0.1,
                f"identity {i}",
            )
    siblings = _SIBLINGS.get(op.kind, ())
    for other in siblings:
        yield Variant(
            lambda operands, p=other: (p, operands, op.parameters, op.sources),
            f"one with {other.name} instead of {op.kind} in {name}",
            key=other.name,
        )
    if op.kind in REDUCTIONS and op.value.ndim and "axis" in op.parameters:
        for axis in range(np.ndim(op.operands[0])):
            if axis != op.parameters["axis"]:
                yield Variant(
                    lambda operands, a=axis: (op.primitive, operands, {**op.parameters, "axis": a}, op.sources),
                    f"one in which {name} goes over axis {axis}",
                    key=f"axis {axis}",
                )
    for i, (source, o) in enumerate(zip(op.sources, op.operands)):
        if source is not None or o is None:
            continue
        value = np.asarray(o)
        said = s.words.operand(s.k, i)
        if value.dtype.kind == "f" and not value.ndim:
            for factor, text in ((0.0, "0"), (2.0, "twice as large"), (0.5, "half as large"), (-1.0, "negative")):
                yield Variant(
                    lambda operands, i=i, v=value * factor: (
                        op.primitive,
                        _at(operands, i, v),
                        op.parameters,
                        op.sources,
                    ),
                    f"one in which {said} in {name} is {text}",
                    0.2,
                    f"{i} {text}",
                )
        elif value.dtype.kind == "f" and value.ndim == 2 and value.shape[0] == value.shape[1]:
            yield Variant(
                lambda operands, i=i, v=value.T: (op.primitive, _at(operands, i, v), op.parameters, op.sources),
                f"one in which {said} is transposed in {name}",
            )
        if value.dtype.kind == "f" and value.ndim:
            for array, called in s.peers(value.shape)[:5]:
                if not np.array_equal(array, value):
                    yield Variant(
                        lambda operands, i=i, v=array: (op.primitive, _at(operands, i, v), op.parameters, op.sources),
                        f"one with {called} instead of {said} in {name}",
                        0.3,
                    )
    if op.kind == "matmul" and None not in op.sources and all(np.ndim(o) == 2 for o in op.operands):
        yield Variant(
            lambda operands: (op.primitive, operands[::-1], op.parameters, op.sources[::-1]),
            f"one in which the factors of {name} are exchanged",
        )


def _at(operands: list[Any], i: int, value: Any) -> list[Any]:
    return [*operands[:i], value, *operands[i + 1 :]]


_SIBLINGS: dict[str, tuple[Any, ...]] = {
    "tanh": (ew.sigmoid, ew.relu, ew.sin),
    "sigmoid": (ew.tanh, ew.relu),
    "relu": (ew.tanh, ew.abs),
    "sin": (ew.cos, ew.tanh),
    "cos": (ew.sin,),
    "exp": (ew.exp2, ew.expm1, ew.log),
    "log": (ew.log2, ew.log10, ew.log1p),
    "sqrt": (ew.square, ew.abs),
    "abs": (ew.square, ew.relu),
    "square": (ew.abs,),
    "maximum": (ew.minimum,),
    "minimum": (ew.maximum,),
    "mul": (ew.div, ew.add),
    "add": (ew.sub, ew.mul),
    "sub": (ew.add,),
    "div": (ew.mul,),
    "sum": (reductions.mean, reductions.amax),
    "mean": (reductions.sum, reductions.amax),
    "amax": (reductions.mean, reductions.amin),
    "amin": (reductions.amax,),
}
"""Primitives that are easily taken for each other."""
