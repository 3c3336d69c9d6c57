"""Linear algebra under PyTorch's names: `minigrad.linalg.solve` and so on.

All of it takes batches: of a tensor of shape (..., m, n), each matrix of the last two dimensions.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad.output.absent import missing_from
from minigrad.output.words import class_name
from minigrad.primitives import linalg as primitives
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import result_type
from minigrad.tensors.methods import Operations
from minigrad.tensors.methods.linalg import decomposed
from minigrad.tensors.methods.method_factories import refuse
from minigrad.tensors.tensor import Tensor

LinAlgError = np.linalg.LinAlgError

matmul, det, slogdet, inv = Operations.matmul, Operations.det, Operations.slogdet, Operations.inverse
matrix_power = Operations.matrix_power


class QR(NamedTuple):
    """The result of `qr`."""

    Q: Tensor
    R: Tensor


class Eigen(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVD(NamedTuple):
    """The result of `svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class LeastSquares(NamedTuple):
    """The result of `lstsq`."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


# ---- equations ---------------------------------------------------------------------------------------------------


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Solve A X = B for X; with left=False, X A = B.

    Args:
        A: square matrices, (..., n, n).
        B: (..., n, k), or (..., n) for a vector to each matrix.
        left: on which side of X A stands.

    Raises:
        LinAlgError: for a singular A.
    """
    a, b = _meeting("solve", A, B)
    a._square("solve")
    vector = b.ndim == 1 or b.ndim == a.ndim - 1 and b.shape == a.shape[:-1]
    if vector and not left:
        raise ValueError(f"solve: with left=False, B is a matrix; got shape {b.shape}")
    right = b.unsqueeze(-1) if vector else b if left else b.mT
    if right.shape[-2] != a.shape[-1]:
        raise ValueError(
            f"solve: A, of shape {a.shape}, and B, of shape {b.shape}, do not fit: {a.shape[-1]} equations need "
            f"{'rows' if left else 'columns'} as many"
        )
    x = decomposed("solve", primitives.solve, a if left else a.mT, right)
    return x.squeeze(-1) if vector else x if left else x.mT


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """Solve as `solve`, reading only one triangle of A; with `unitriangular`, its diagonal counts as 1."""
    a = A._square("solve_triangular")
    step = int(unitriangular)
    a = a.triu(step) if upper else a.tril(-step)
    return solve(a + np.eye(a.shape[-1], dtype=a.dtype) if unitriangular else a, B, left=left)


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None) -> LeastSquares:
    """Return the least-squares solution X, which minimizes ||A X - B||; of several, the one of least norm.

    Args:
        A: (..., m, n).
        B: (..., m, k).
        rcond: singular values below this, relative to the largest, count as 0.

    Returns:
        (solution, residuals, rank, singular_values): the residuals are the squared distances, given if A has more
        rows than columns, all independent; rank and singular values have no gradient.
    """
    a, b = _meeting("lstsq", A, B)
    a._matrix("lstsq")
    if b.ndim < 2 or a.shape[-2] != b.shape[-2]:
        raise ValueError(f"lstsq: A is (..., m, n) and B (..., m, k), got shapes {a.shape} and {b.shape}")
    m, n = a.shape[-2:]
    rcond = max(m, n) * float(np.finfo(a.dtype).eps) if rcond is None else rcond
    x = pinv(a, rtol=rcond) @ b
    s = svdvals(a.detach())
    rank = (s._array > rcond * s._array.max(-1, keepdims=True, initial=0)).sum(-1)
    full = m > n and bool((rank == n).all())
    distance = b - a @ x
    residuals = (distance * distance).sum(-2) if full else Tensor._of(np.zeros(0, a.dtype))
    return LeastSquares(x, residuals, Tensor._of(rank), s)


def _meeting(name: str, *tensors: Any) -> list[Tensor]:
    """Return the operands as tensors of one dtype."""
    for t in tensors:
        if not isinstance(t, Tensor | np.ndarray):
            raise TypeError(f"{name}: takes tensors, got {class_name(t)} {t!r}")
    dtype = result_type(*tensors)
    return [as_tensor(t).to(dtype) for t in tensors]


def pinv(
    A: Tensor, *, atol: Any = None, rtol: float | None = None, hermitian: bool = False, rcond: float | None = None
) -> Tensor:
    """Return the Moore-Penrose pseudo-inverse. Its derivatives hold where the rank is constant.

    Args:
        A: (..., m, n).
        atol: not supported.
        rtol: singular values below this, relative to the largest, count as 0; max(m, n) eps unless given.
        hermitian: whether A is symmetric.
        rcond: an older name of rtol.
    """
    a = A._matrix("pinv")
    if atol is not None:
        raise NotImplementedError("pinv: atol is not supported; use rtol, which is relative to the largest one")
    rtol = rcond if rtol is None else rtol
    rtol = max(a.shape[-2:]) * float(np.finfo(a.dtype).eps) if rtol is None else rtol
    return a.apply(primitives.pinv, a, rtol=rtol, hermitian=hermitian)


# ---- factors -----------------------------------------------------------------------------------------------------


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return the Cholesky factor, the lower triangular L with L Lᵀ = A; with `upper`, Lᵀ.

    Raises:
        LinAlgError: for a matrix that is not positive definite.
    """
    return A.cholesky(upper)


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Return (Q, R) with A = Q R: orthonormal columns, and an upper triangular matrix.

    Args:
        A: (..., m, n).
        mode: "reduced", with min(m, n) columns of Q; "complete", with m of them, which has no gradient unless m <= n;
            "r", without Q.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode is 'reduced', 'complete' or 'r', got {mode!r}")
    a = A._matrix("qr")
    m, n = a.shape[-2:]
    if mode == "complete" and m > n:
        if a.requires_grad:
            raise NotImplementedError("qr: mode='complete' has no gradient; use mode='reduced', or A.detach()")
        return QR(*map(Tensor._of, np.linalg.qr(a._array, "complete")))
    out = decomposed("qr", primitives.qr, a if m >= n else a[..., :m])
    q, r = out[..., :m, :], out[..., m:, :]
    if m < n:
        r = (r, q.mT @ a[..., m:])
        r = r[0]._joined("cat", r, -1)
    return QR(q if mode != "r" else Tensor._of(np.zeros(0, a.dtype)), r)


def eigh(A: Tensor, UPLO: str = "L") -> Eigen:
    """Return (eigenvalues, eigenvectors) of symmetric matrices, A = V diag(L) Vᵀ, in ascending order.

    Eigenvectors are determined up to their signs, and where eigenvalues are equal, only as a space: the gradient of
    what depends on more than that means nothing.

    Args:
        A: (..., n, n), symmetric; only one triangle is looked at.
        UPLO: which: "L", the lower, or "U".
    """
    if UPLO.upper() not in ("L", "U"):
        raise ValueError(f"eigh: UPLO is 'L' or 'U', got {UPLO!r}")
    a = A._square("eigh")
    out = decomposed("eigh", primitives.eigh, a if UPLO.upper() == "L" else a.mT)
    return Eigen(out[..., 0, :], out[..., 1:, :])


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues of symmetric matrices, in ascending order; see `eigh`."""
    return eigh(A, UPLO).eigenvalues


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """(U, S, Vh) with A = U diag(S) Vh: orthonormal columns, the singular values from the largest on, orthonormal rows.

    Singular vectors are determined up to their signs, and where singular values are equal, only as spaces: the
    gradient of what depends on more than that means nothing.

    Args:
        A: (..., m, n).
        full_matrices: whether U and Vh are square; for gradients of matrices that are not, take False.
    """
    a = A._matrix("svd")
    m, n = a.shape[-2:]
    if full_matrices and m != n:
        if a.requires_grad:
            raise NotImplementedError("svd: full_matrices=True has no gradient for m != n; use full_matrices=False")
        return SVD(*map(Tensor._of, np.linalg.svd(a._array)))
    out = decomposed("svd", primitives.svd, a)
    return SVD(out[..., :m].mT, out[..., m], out[..., m + 1 :])


def svdvals(A: Tensor) -> Tensor:
    """Return the singular values in descending order."""
    return svd(A, full_matrices=False).S


def matrix_rank(A: Tensor, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Tensor:
    """Return the rank: the number of singular values greater than max(atol, rtol times the largest); int64.

    rtol is max(m, n) eps unless one of the two is given, then the other one is 0.
    """
    s = (eigvalsh(A.detach()).abs() if hermitian else svdvals(A.detach()))._array
    if rtol is None:
        rtol = max(A.shape[-2:]) * float(np.finfo(A.dtype).eps) if atol is None else 0
    bound = np.maximum(0 if atol is None else atol, rtol * s.max(-1, initial=0))
    return Tensor._of((s > np.expand_dims(bound, -1)).sum(-1))


# ---- products ----------------------------------------------------------------------------------------------------


def multi_dot(tensors: Any) -> Tensor:
    """Return the product of several matrices, in the order that needs the fewest multiplications.

    The first and the last may be vectors.
    """
    chain = [as_tensor(t) for t in tensors]
    if len(chain) < 2:
        raise ValueError(f"multi_dot: takes two or more tensors, got {len(chain)}")
    for i, t in enumerate(chain):
        if t.ndim != 2 and not (t.ndim == 1 and i in (0, len(chain) - 1)):
            raise ValueError(f"multi_dot: takes matrices, and vectors at the ends; tensor {i} has shape {t.shape}")
    rows = [t.shape[0] if t.ndim == 2 else 1 if i == 0 else t.shape[0] for i, t in enumerate(chain)]
    sizes = [*rows, chain[-1].shape[-1] if chain[-1].ndim == 2 else 1]

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """Return the least cost of the product from i to j, and where to split it."""
        if i == j:
            return 0, i
        return min((best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        k = best(i, j)[1]
        return product(i, k) @ product(k + 1, j)

    return product(0, len(chain) - 1)


def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return `multi_dot` of the matrices, passed as separate arguments."""
    return matrices[0].clone() if len(matrices) == 1 else multi_dot(matrices)


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross product of vectors of 3 along `dim`."""
    return input.cross(other, dim)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the inner products of vectors along `dim`."""
    return (x * y).sum(dim)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return the diagonal of each matrix; a view."""
    return A.diagonal(offset, dim1, dim2)


# ---- norms -------------------------------------------------------------------------------------------------------


def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the norm (sum |x|**ord)**(1/ord) of all elements, or along `dim`; see Tensor.norm."""
    if isinstance(ord, str) or ord is None:
        raise TypeError(f"vector_norm: ord is a number, inf or -inf, got {ord!r}; {'fro'!r} is for matrix_norm")
    return x.norm(ord, dim, keepdim, dtype)


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of matrices: "fro", the root of the sum of squares; "nuc", the sum of the singular values; 2 or -2, the
    largest or smallest of these; 1 or -1, of the sums of the columns' absolute values; inf or -inf, of the rows'."""
    a = (A if dtype is None else A.to(dtype))._matrix("matrix_norm")
    if isinstance(dim, int) or len(dim) != 2:
        raise ValueError(f"matrix_norm: dim names the rows' and the columns' dimension, got {dim!r}")
    i, j = (a._dim(d) for d in dim)
    if i == j:
        raise ValueError(f"matrix_norm: dim names two different dimensions, got {dim!r}")
    if ord == "fro":
        return a.norm(2, (i, j), keepdim)
    if ord == "nuc" or ord in (2, -2):
        s = svdvals(a.movedim((i, j), (-2, -1)))
        out = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
    elif ord in (1, -1, math.inf, -math.inf):
        summed, other = (i, j) if abs(ord) == 1 else (j, i)
        sums = a.abs().sum(summed, keepdim=True)
        out = (sums.amax if ord > 0 else sums.amin)((summed, other))
    else:
        raise ValueError(f"matrix_norm: ord is 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    return out.reshape([1 if d in (i, j) else n for d, n in enumerate(a.shape)]) if keepdim else out


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Return the norm of vectors or matrices: of a matrix if `dim` names two dimensions, or `ord` is given for one.

    Without `ord` it is the root of the sum of squares, of all elements or along `dim`.
    """
    if not isinstance(A, Tensor):
        refuse("linalg.norm", A)
    if ord is None:
        return A.norm(2, dim, keepdim, dtype)
    if dim is None:
        if A.ndim == 2:
            return matrix_norm(A, ord, keepdim=keepdim, dtype=dtype)
        if A.ndim != 1:
            raise ValueError(f"linalg.norm: with ord, and without dim, takes a vector or a matrix; got shape {A.shape}")
    elif not isinstance(dim, int) and len(dim) == 2:
        return matrix_norm(A, ord, dim, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
