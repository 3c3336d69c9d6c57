"""Products of a batch with one matrix as one product of tall matrices, instead of many small ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives.linalg import cofactor, linear, matmul, rows
from minigrad.primitives.primitive import kernel


def _product(a: Any, b: Any) -> Any:
    if a.ndim > 2 and b.ndim == 2:
        return np.reshape(rows(a) @ b, (*a.shape[:-1], b.shape[-1]))
    return np.matmul(a, b)


def _matmul_a(g: Any, b: Any, a_shape: tuple[int, ...]) -> Any:
    if b.ndim == 2 and len(a_shape) > 1:
        return _product(g, b.T)
    return matmul.vjps["a"](g, b, a_shape)


def _cofactor(a: Any) -> Any:
    """nan for a matrix with nan or inf, of which NumPy's decomposition does not converge."""
    finite = np.isfinite(a).all((-2, -1), keepdims=True)
    return np.where(finite, cofactor.forward(np.where(finite, a, 0)), np.nan).astype(a.dtype)


kernel(cofactor, forward=_cofactor)
kernel(matmul, forward=_product, a=_matmul_a)


def _linear(x: Any, weight: Any, bias: Any) -> Any:
    y = _product(x, weight.T)
    return np.add(y, bias, out=y if y.dtype is bias.dtype else None)


kernel(
    linear,
    forward=_linear,
    x=lambda g, weight: g @ weight if g.ndim == 2 else _product(g, weight),
    weight=lambda g, x: g.T @ x if g.ndim == 2 == x.ndim else rows(g).T @ rows(x),
    bias=lambda g: np.add.reduce(g) if g.ndim == 2 else g,
)
