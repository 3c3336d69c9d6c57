"""Explain a gradient that has another shape than its input: not summed, summed too often, or not transposed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.teach.edits import as_operand
from minigrad.teach.mistakes import Edge
from minigrad.teach.mistakes.moves import dimensions, subsets
from minigrad.teach.tape import Tape
from minigrad.teach.wording import Words


def of_another_shape(tape: Tape, learners: np.ndarray, same: Callable[[Any, Any], bool]) -> str | None:
    """Return the mistake behind a learner's gradient of another shape; None if nothing explains it."""
    words = Words(tape)
    with np.errstate(all="ignore"):
        for array, text in _candidates(tape, words):
            if np.shape(array) == learners.shape and same(np.asarray(array), learners):
                return text
    return None


def _candidates(tape: Tape, words: Words) -> Iterator[tuple[Any, str]]:
    edges = [Edge(tape, words, k, i) for k, i in tape.edges if tape.ops[k].sources[i] == 0]
    for edge in edges:
        yield from _sums(edge)
    for axes in subsets(range(tape.x.ndim)):
        for keep in (False, True):
            kept = ", with keepdims=True" * keep
            where = dimensions(axes)
            yield tape.gradient.sum(axis=axes, keepdims=keep), f"right, but summed over {where}, too{kept}"
            yield tape.gradient.mean(axis=axes, keepdims=keep), f"right, but averaged over {where}{kept}"
    for edge in edges:
        yield from _products(edge)
    for k in range(len(tape.ops) - 1, 0, -1):
        if tape.gradients[k] is not None and tape.ops[k].value.size > 1:
            said = f"this is the gradient of {words.name(k)}{words.line(k)}"
            yield tape.gradients[k], f"{said}, not that of {words.name(0)}: a step of the chain rule is missing"


def _sums(s: Edge) -> Iterator[tuple[Any, str]]:
    """Yield contributions to a broadcast operand that are summed over other axes than they must be."""
    raw, shape = s.raw(s.g), s.operand.shape
    new = raw.ndim - len(shape)
    right = (*range(new), *(d + new for d, n in enumerate(shape) if n == 1 and raw.shape[d + new] > 1))
    if s.op.kind == "conv" and s.i == 2:  # the bias of each channel
        raw, right = s.g, (0, *range(2, s.g.ndim))
    if raw.shape == shape:
        return
    operand, through = s.words.operand(s.k, s.i), s.words.through(s.k)
    must = (
        f"{operand} of shape {shape} is broadcast in {through}, so its gradient must be summed over {dimensions(right)}"
    )
    yield raw, f"{must}, and is not summed at all: every example contributes, as in db = dscores.sum(axis=0)"
    for axes in subsets(range(raw.ndim)):
        if axes != right:
            yield raw.sum(axis=axes), f"{must}; it is summed over {dimensions(axes)} instead"
            yield raw.mean(axis=axes), f"{must}; it is averaged over {dimensions(axes)} instead"
        yield (
            raw.sum(axis=axes, keepdims=True),
            f"{must}; it is summed over {dimensions(axes)} with keepdims=True, which keeps the axis",
        )
        yield raw.mean(axis=axes, keepdims=True), f"{must}; it is averaged over {dimensions(axes)}, with keepdims=True"
    for d in range(raw.ndim):
        yield raw.take(0, axis=d), f"{must}; only that of the first index of dimension {d} is there"


def _products(s: Edge) -> Iterator[tuple[Any, str]]:
    """Yield other matrix products than the right one."""
    if s.op.kind != "matmul":
        return
    other = np.asarray(s.op.operands[1 - s.i])
    name, operand = s.words.operand(s.k, 1 - s.i).strip("`"), s.words.operand(s.k, s.i)
    name = as_operand(name)
    for turned, turned_g, first in itertools.product((0, 1), repeat=3):
        a, b = (m.swapaxes(-1, -2) if t and m.ndim > 1 else m for m, t in ((s.g, turned_g), (other, turned)))
        texts = f"g{'.T' * turned_g}", f"{name}{'.T' * turned}"
        text = " @ ".join(texts[::-1] if first else texts)
        said = f"the product for the gradient of {operand} in {s.words.through(s.k)} is wrong: it is `{text}`"
        try:
            product = b @ a if first else a @ b
        except ValueError:
            continue
        yield product, f"{said}, where g is the upstream gradient: a transpose is wrong"
        if product.ndim > s.operand.ndim:
            for d in range(product.ndim - s.operand.ndim):
                yield product.mean(axis=d), f"{said}, averaged over dimension {d}"
    if np.ndim(other) == s.g.ndim:
        try:
            yield s.g * other, f"the gradient of {operand} is an elementwise product, and must be a matrix product"
        except ValueError:
            return
