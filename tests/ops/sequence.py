"""Recurrent layers as one rule, and attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from ops.table import Op, cases
from ops.table import row as any_row


def row(*args: Any, **options: Any) -> Op:
    """A row of an operation of floats."""
    return any_row(*args, only_floats=True, **options)


def _layer(kind: str, **settings: Any) -> Any:
    """A layer of one direction as a function of its parameters, and of the states."""

    def call(m: Any, x: Any, *rest: Any) -> Any:
        states, weights = rest[: 1 + (kind == "LSTM")], rest[1 + (kind == "LSTM") :]
        layer = getattr(m.nn, kind)(x.shape[-1], states[0].shape[-1], **settings).to(x.dtype)
        names = [name for name, _ in layer.named_parameters()]
        for name, w in zip(names, weights):
            delattr(layer, name)
            setattr(layer, name, w)
        if kind == "LSTM":
            out, (h, c) = layer(x, (states[0][None], states[1][None]))
            return out.sum(0) * c[0] + h[0]
        out, h = layer(x, states[0][None])
        return out.sum(0) + h[0] * h[0]

    return call


def _shapes(gates: int, states: int, bias: bool = True) -> Any:
    t, n, i, h = 3, 2, 4, 2
    biases = ((gates * h,), (gates * h,)) if bias else ()
    return ((t, n, i), *((n, h),) * states, (gates * h, i), (gates * h, h), *biases)


def _attention(m: Any, q: Any, k: Any, v: Any, mask: Any = None, **settings: Any) -> Any:
    if mask is not None:
        mask = m.tensor(np.array(mask))
        mask = mask.to(q.dtype) if "float" in str(mask.dtype) else mask
    return m.nn.functional.scaled_dot_product_attention(q, k, v, mask, **settings)


THREE = ((2, 3, 4), (2, 5, 4), (2, 5, 3))
BOOLS = [[True, False, True, True, False], [False, True, True, False, True], [True] * 5]
FLOATS = [[0.5, -1.0, 0.0, 2.0, -np.inf]] * 3

OPS = (
    # (PyTorch's own layers take no plain tensors for parameters: they are compared as modules)
    row("lstm", _layer("LSTM"), cases([_shapes(4, 2)]), torch=None),
    row("lstm no bias", _layer("LSTM", bias=False), cases([_shapes(4, 2, bias=False)]), torch=None),
    row("gru", _layer("GRU"), cases([_shapes(3, 1)]), torch=None),
    row("gru no bias", _layer("GRU", bias=False), cases([_shapes(3, 1, bias=False)]), torch=None),
    row("rnn", _layer("RNN"), cases([_shapes(1, 1)]), torch=None),
    row("rnn relu", _layer("RNN", nonlinearity="relu"), cases([_shapes(1, 1)]), torch=None),
    row(
        "scaled_dot_product_attention",
        _attention,
        cases([THREE, ((3, 4), (5, 4), (5, 3)), ((2, 1, 3, 4), (2, 2, 5, 4), (1, 2, 5, 3))])
        + cases([THREE], {"is_causal": True}, {"scale": 0.3}, {"mask": BOOLS}, {"mask": FLOATS}),
    ),
    row(
        "scaled_dot_product_attention groups",
        lambda m, q, k, v: m.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        cases([((2, 4, 3, 2), (2, 2, 5, 2), (2, 2, 5, 2))]),
        torch=None,  # (whose own has no second derivative)
    ),
)
