"""Other forms of a recorded forward pass: primitives that are functions of several operations are written out.

A mistake inside of a variance or a softmax can only be made where it is written as its operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from minigrad.primitives import elementwise as ew
from minigrad.primitives import indexing, layout, linalg, reductions
from minigrad.teach.tape import Op, Tape


@dataclass
class At:
    """The result of an earlier operation."""

    k: int  # its position


class _Builder:
    """A tape that grows by operations."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.like: Any = None

    def add(self, primitive: Any, *operands: Any, **parameters: Any) -> At:
        """Append an operation of earlier ones and constants."""
        sources = tuple(o.k if isinstance(o, At) else None for o in operands)
        values = [self.ops[o.k].value if isinstance(o, At) else o for o in operands]
        value = np.asarray(primitive.recompute(*values, **parameters))
        self.ops.append(Op(primitive, sources, values, parameters, value, None, self.like.place, {}, None))
        return At(len(self.ops) - 1)

    def mean(self, x: At, axis: Any, keepdims: bool) -> At:
        """Return the mean; one that is there already, if there is one that broadcasts."""
        for k, op in enumerate(self.ops):
            if op.kind == "mean" and op.sources == (x.k,) and op.parameters["axis"] == axis:
                full = op.value if op.parameters["keepdims"] == keepdims else None
                if full is not None or axis == 0:
                    return At(k)
        return self.add(reductions.mean, x, axis=axis, keepdims=keepdims)


def _variance(b: _Builder, op: Op, x: Any) -> At:
    axis, keepdims = op.parameters["axis"], op.parameters["keepdims"]
    square = b.add(ew.pow, b.add(ew.sub, x, b.mean(x, axis, True)), 2)
    less = op.parameters.get("less", 0)
    if not less:
        return b.add(reductions.mean, square, axis=axis, keepdims=keepdims)
    total = b.add(reductions.sum, square, axis=axis, keepdims=keepdims)
    n = b.ops[x.k].value.size / b.ops[total.k].value.size
    return b.add(ew.div, total, float(n - less))


def _shifted(b: _Builder, x: At, axis: Any) -> At:
    return b.add(ew.sub, x, b.add(reductions.amax, x, axis=axis, keepdims=True))


def _softmax(b: _Builder, op: Op, x: At) -> At:
    e = b.add(ew.exp, _shifted(b, x, op.parameters["axis"]))
    return b.add(ew.div, e, b.add(reductions.sum, e, axis=op.parameters["axis"], keepdims=True))


def _log_softmax(b: _Builder, op: Op, x: At) -> At:
    shifted = _shifted(b, x, op.parameters["axis"])
    total = b.add(reductions.sum, b.add(ew.exp, shifted), axis=op.parameters["axis"], keepdims=True)
    return b.add(ew.sub, shifted, b.add(ew.log, total))


def _cross_entropy(b: _Builder, op: Op, x: At) -> At | None:
    target = np.asarray(op.parameters["target"])
    if b.ops[x.k].value.ndim != 2 or target.ndim != 1:
        return None
    log_softmax = _log_softmax(b, replace(op, parameters={"axis": 1}), x)
    return b.add(ew.neg, b.add(indexing.getitem, log_softmax, index=(np.arange(len(target)), target)))


def _standardize(b: _Builder, op: Op, x: At) -> At:
    axis = op.parameters["axis"]
    axis = axis[0] % b.ops[x.k].value.ndim if len(axis) == 1 else axis
    centred = b.add(ew.sub, x, b.mean(x, axis, True))
    variance = b.add(reductions.mean, b.add(ew.pow, centred, 2), axis=axis, keepdims=True)
    return b.add(ew.div, centred, b.add(ew.sqrt, b.add(ew.add, variance, op.parameters["eps"])))


def _linear(b: _Builder, op: Op, x: At) -> At:
    """x @ W.T + b, with the weights of a layer as constants or as operations."""
    weight, *bias = [o if s is None else At(s) for s, o in zip(op.sources[1:], op.operands[1:]) if o is not None]
    turned = b.add(layout.permute, weight, axes=(1, 0)) if isinstance(weight, At) else np.asarray(weight).T
    product = b.add(linalg.matmul, x, turned)
    return b.add(ew.add, product, *bias) if bias else product


def _logsumexp(b: _Builder, op: Op, x: At) -> At:
    return b.add(ew.log, b.add(reductions.sum, b.add(ew.exp, x), **op.parameters))


def _sigmoid(b: _Builder, op: Op, x: At) -> At:
    return b.add(ew.div, 1.0, b.add(ew.add, 1.0, b.add(ew.exp, b.add(ew.neg, x))))


def _logarithm(b: _Builder, op: Op, x: At) -> At | None:
    """The logarithm of a quotient or product as a difference or sum."""
    inner = b.ops[x.k]
    with_number = any(s is None and np.ndim(o) == 0 for s, o in zip(inner.sources, inner.operands))
    if inner.kind not in ("div", "mul") or with_number:
        return None
    parts = [b.add(ew.log, o if s is None else At(s)) for s, o in zip(inner.sources, inner.operands)]
    return b.add(ew.sub if inner.kind == "div" else ew.add, *parts)


FORMS: Mapping[str, Callable[[_Builder, Op, Any], At | None]] = {
    "var": _variance, "std": lambda b, op, x: b.add(ew.sqrt, _variance(b, op, x)), "softmax": _softmax,
    "log_softmax": _log_softmax, "logsumexp": _logsumexp, "sigmoid": _sigmoid, "linear": _linear,
    "cross_entropy": _cross_entropy, "standardize": _standardize, "log": _logarithm,
}  # fmt: skip
"""How a primitive is written out; None where it is not."""


def expanded(tape: Tape) -> Tape | None:
    """Return the tape with its composite primitives written out; None if it has none."""
    b = _Builder()
    where: list[int] = []
    changed = False
    for op in tape.ops:
        sources = tuple(None if s is None else where[s] for s in op.sources)
        made: At | None = None
        if op.kind in FORMS and sources and sources[0] is not None:
            b.like = op
            before = len(b.ops)
            try:
                made = FORMS[op.kind](b, replace(op, sources=sources), At(sources[0]))
            except (KeyError, TypeError, ValueError):
                made = None
            if made is None or not np.allclose(b.ops[made.k].value, op.value, rtol=1e-9, equal_nan=True):
                made = None
                del b.ops[before:]
        if made is None:
            operands = [o if s is None else b.ops[s].value for s, o in zip(sources, op.operands)]
            b.ops.append(replace(op, sources=sources, operands=operands, users=[]))
            made = At(len(b.ops) - 1)
        else:
            b.ops[made.k] = replace(b.ops[made.k], name=op.name)
            changed = True
        where.append(made.k)
    if not changed:
        return None
    for k, op in enumerate(b.ops):
        for i, s in enumerate(op.sources):
            if s is not None:
                b.ops[s].users.append((k, i))
    return Tape.of(b.ops, tape.seed, tape.recording)
