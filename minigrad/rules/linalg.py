"""Matrix products. With Y = A B the gradients are dA = dY Bᵀ and dB = Aᵀ dY, one such product per matrix of a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.rules.rule import Rule


def _t(m: Any) -> Any:
    return np.swapaxes(m, -1, -2)


def _rows(m: Any) -> Any:
    """All but the last axis as one: a batch of matrices as one tall matrix."""
    return m if m.ndim == 2 else np.reshape(m, (math.prod(m.shape[:-1]), m.shape[-1]))


def _product(a: Any, b: Any) -> Any:
    """a @ b; with one matrix b for a whole batch, one product of tall matrices instead of many small ones."""
    if a.ndim > 2 and b.ndim == 2:
        return np.reshape(_rows(a) @ b, (*a.shape[:-1], b.shape[-1]))
    return np.matmul(a, b)


def _matmul_a(g: Any, b: Any, a_shape: tuple[int, ...]) -> Any:
    if b.ndim == 1:  # y = A b: each row of A times the vector
        return np.expand_dims(g, -1) * b
    if len(a_shape) == 1:  # y = a B: a row vector
        return np.squeeze(np.expand_dims(g, -2) @ _t(b), -2)
    return _product(g, _t(b))


def _matmul_b(g: Any, a: Any, b_shape: tuple[int, ...]) -> Any:
    if a.ndim == 1:
        return a * g if len(b_shape) == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if len(b_shape) == 1:
        return np.squeeze(_t(_rows(a)) @ np.reshape(g, (-1, 1)), -1)
    if len(b_shape) == 2:  # one B for the whole batch, as in _product
        return _t(_rows(a)) @ _rows(g)
    return _t(a) @ g


matmul = Rule("matmul", _product, a=_matmul_a, b=_matmul_b)


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    y = np.asarray(_product(x, weight.T))
    y += bias
    return y


# x Wᵀ + b with W (out, in), as PyTorch's layers hold it
linear = Rule(
    "linear",
    _linear,
    x=lambda g, weight: _product(g, weight),
    weight=lambda g, x: _t(_rows(g)) @ _rows(x),
    bias=lambda g: g,
)
