"""Matrix products. With Y = A B the gradients are dA = dY Bᵀ and dB = Aᵀ dY, one such product per matrix of a batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.primitives.primitive import Primitive


def transposed(m: Any) -> Any:
    """Return the transpose of each matrix of a batch."""
    return np.swapaxes(m, -1, -2)


_t = transposed


def rows(m: Any) -> Any:
    """All but the last axis as one: a batch of matrices as one tall matrix."""
    return m if m.ndim == 2 else np.reshape(m, (math.prod(m.shape[:-1]), m.shape[-1]))


def _matmul_a(g: Any, b: Any, a_shape: tuple[int, ...]) -> Any:
    if b.ndim == 1:  # y = A b: each row of A times the vector
        return np.expand_dims(g, -1) * b
    if len(a_shape) == 1:  # y = a B: a row vector
        return np.squeeze(np.expand_dims(g, -2) @ _t(b), -2)
    return g @ _t(b)


def _matmul_b(g: Any, a: Any, b_shape: tuple[int, ...]) -> Any:
    if a.ndim == 1:
        return a * g if len(b_shape) == 1 else np.expand_dims(a, -1) * np.expand_dims(g, -2)
    if len(b_shape) == 1:
        return np.squeeze(_t(rows(a)) @ np.reshape(g, (-1, 1)), -1)
    if len(b_shape) == 2:  # one B for the whole batch
        return _t(rows(a)) @ rows(g)
    return _t(a) @ g


matmul = Primitive("matmul", lambda a, b: a @ b, a=_matmul_a, b=_matmul_b).with_notation(
    "a @ b", a="g @ b.T", b="a.T @ g"
)

# x Wᵀ + b with W (out, in), as PyTorch's layers hold it
linear = Primitive(
    "linear",
    lambda x, weight, bias: x @ weight.T + bias,
    x=lambda g, weight: g @ weight,
    weight=lambda g, x: _t(rows(g)) @ rows(x),
    bias=lambda g: g,
).with_notation("x @ weight.T + bias", x="g @ weight", weight="g.T @ x")

# ---- square matrices ---------------------------------------------------------------------------------------------
# The formulas, where no other source is named, are those of M. Giles, "An extended collection of matrix derivative
# results for forward and reverse mode algorithmic differentiation" (2008). All of them work on batches.


def _scaled(factor: Any, m: Any) -> Any:
    """Multiply each matrix of a batch by its number."""
    return np.expand_dims(factor, (-2, -1)) * m


inv: Primitive = Primitive("inv", lambda a: np.linalg.inv(a), a=lambda g, y: -(_t(y) @ g @ _t(y))).with_notation(
    a="-y.T @ g @ y.T"
)

# X with A X = B, of matrices
solve: Primitive = Primitive(
    "solve",
    lambda a, b: np.linalg.solve(a, b),
    a=lambda g, a, y: -(solve(_t(a), g) @ _t(y)),
    b=lambda g, a: solve(_t(a), g),
).with_notation(a="-solve(a.T, g) @ y.T", b="solve(a.T, g)")


def _cofactor(a: Any) -> Any:
    """det(A) times the inverse's transpose, also where A is singular: in terms of A = U S V, det(U) det(V) times
    U S' V, where S' has at each place the product of all others of S."""
    u, s, v = np.linalg.svd(a)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    return _scaled(np.linalg.det(u) * np.linalg.det(v), (u * others[..., None, :]) @ v)


def _cofactor_a(g: Any, a: Any) -> Any:
    try:
        w = _t(inv(a))
    except np.linalg.LinAlgError:
        raise np.linalg.LinAlgError("det: a singular matrix has a first derivative here, but no second one") from None
    return _scaled(det(a), _scaled(np.sum(g * w, axis=(-2, -1)), w) - w @ _t(g) @ w)


cofactor: Primitive = Primitive("cofactor", _cofactor, a=_cofactor_a)
det: Primitive = Primitive("det", lambda a: np.linalg.det(a), a=lambda g, a: _scaled(g, cofactor(a))).with_notation(
    a="g * y * inv(a).T"
)
logabsdet = Primitive(
    "logabsdet", lambda a: np.linalg.slogdet(a)[1], a=lambda g, a: _scaled(g, _t(inv(a)))
).with_notation("log(abs(det(a)))", a="g * inv(a).T")


def _symmetric(m: Any) -> Any:
    return (m + _t(m)) * 0.5


def _cholesky_a(g: Any, y: Any) -> Any:
    """I. Murray, "Differentiation of the Cholesky decomposition" (2016)."""
    n = y.shape[-1]
    halved = np.tril(np.ones((n, n), y.dtype)) - np.eye(n, dtype=y.dtype) / 2
    s = solve(_t(y), (_t(y) @ g) * halved)
    return _symmetric(_t(solve(_t(y), _t(s))))


cholesky = Primitive("cholesky", lambda a: np.linalg.cholesky(a), a=_cholesky_a)

# ---- factors: a primitive has one result, so they lie side by side in one array -----------------------------------


def _reciprocal(x: Any) -> Any:
    """1 / x, and 0 at 0: what is not determined there gets no gradient."""
    zero = x == 0
    return np.where(zero, 0, 1 / np.where(zero, 1, x))


def _differences(x: Any) -> Any:
    """1 / (x[j] - x[i]) at [i, j], and 0 where they are equal."""
    return _reciprocal(np.expand_dims(x, -2) - np.expand_dims(x, -1))


def _eigh_a(g: Any, y: Any) -> Any:
    values, v = y[..., 0, :], y[..., 1:, :]
    inner = _differences(values) * (_t(v) @ g[..., 1:, :]) + _on_diagonal(g[..., 0, :])
    return _symmetric(v @ inner @ _t(v))


def _on_diagonal(x: Any) -> Any:
    return np.expand_dims(x, -1) * np.eye(x.shape[-1], dtype=x.dtype)


def _eigh(a: Any) -> Any:
    values, v = np.linalg.eigh(a)
    return np.concatenate([values[..., None, :], v], -2)


# the eigenvalues of a symmetric matrix, in the first row; below each of them its eigenvector
eigh = Primitive("eigh", _eigh, a=_eigh_a)


def _svd(a: Any) -> Any:
    u, s, v = np.linalg.svd(a, full_matrices=False)
    return np.concatenate([_t(u), s[..., None], v], -1)


def _svd_a(g: Any, y: Any, a_shape: tuple[int, ...]) -> Any:
    """J. Townsend, "Differentiating the singular value decomposition" (2016)."""
    m = a_shape[-2]
    u, s, v = _t(y[..., :m]), y[..., m], y[..., m + 1 :]  # A = U S V
    gu, gs, gv = _t(g[..., :m]), g[..., m], g[..., m + 1 :]
    f = _differences(s * s)
    row, column, over = np.expand_dims(s, -2), np.expand_dims(s, -1), _reciprocal(s)
    left, right = _t(u) @ gu, v @ _t(gv)
    inner = _on_diagonal(gs) + f * (left - _t(left)) * row + column * (f * (right - _t(right)))
    beyond_u = (gu - u @ left) * np.expand_dims(over, -2)
    beyond_v = np.expand_dims(over, -1) * (gv - _t(right) @ v)
    return u @ (inner @ v + beyond_v) + beyond_u @ v


# A = U S V: each row is a left singular vector (a column of U), the singular value, and the right one (a row of V)
svd = Primitive("svd", _svd, a=_svd_a)


def _qr_a(g: Any, y: Any, a_shape: tuple[int, ...]) -> Any:
    """S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2010)."""
    m, n = a_shape[-2:]
    q, r, gq, gr = y[..., :m, :], y[..., m:, :], g[..., :m, :], g[..., m:, :]
    inner = r @ _t(gr) - _t(gq) @ q
    lower = np.tril(np.ones((n, n), y.dtype))
    both = inner * lower + _t(inner * (lower - np.eye(n, dtype=y.dtype)))
    return _t(solve(r, _t(gq + q @ both)))


# of a matrix with at least as many rows as columns: Q, and R below it
qr = Primitive("qr", lambda a: np.concatenate(np.linalg.qr(a), -2), a=_qr_a)


def _pinv_a(g: Any, a: Any, y: Any) -> Any:
    """G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate" (1973); for a constant rank."""
    ay, ya, gt, yt = a @ y, y @ a, _t(g), _t(y)
    beside = gt @ y @ yt
    across = yt @ y @ gt
    return -(yt @ g @ yt) + beside - ay @ beside + across - across @ ya


pinv = Primitive("pinv", lambda a, *, rtol, hermitian: np.linalg.pinv(a, rtol=rtol, hermitian=hermitian), a=_pinv_a)
