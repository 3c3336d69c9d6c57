"""Linear algebra: products of matrices and vectors."""

from __future__ import annotations

import math
from typing import Any, Generic, NamedTuple

import numpy as np

from minigrad.output.words import class_name
from minigrad.primitives import linalg
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.base import Array, Base, Out
from minigrad.tensors.dtypes import NUMBERS, check_broadcast, promoted
from minigrad.tensors.methods.method_factories import in_place, refuse


class SignLogDet(NamedTuple, Generic[Out]):
    """The result of `slogdet`."""

    sign: Out
    logabsdet: Out


def decomposed(name: str, primitive: Primitive, *operands: Any) -> Any:
    """Apply a primitive that is not defined for every matrix; raise a clear error where it is not."""
    try:
        return operands[0].apply(primitive, *operands)
    except np.linalg.LinAlgError as error:
        what = "is not positive definite" if primitive is linalg.cholesky else "is singular"
        if primitive not in (linalg.inv, linalg.solve, linalg.cholesky):
            what = f"could not be decomposed ({error})"
        raise np.linalg.LinAlgError(f"{name}: a matrix, of a tensor of shape {operands[0].shape}, {what}") from None


class LinearAlgebra(Base[Out]):
    """Products of matrices and vectors."""

    def matmul(self, other: Array) -> Out:
        """Return the matrix product y_ik = sum_j a_ij b_jk: the operator @.

        Leading dimensions are batch dimensions, and broadcast; 1-d operands are vectors. For the upstream gradient g,
        the gradients are g bᵀ and aᵀ g.

        Raises:
            ValueError: if the inner dimensions differ; names the shapes and the likeliest fix.

        >>> from minigrad import tensor
        >>> tensor([[1.0, 2.0], [3.0, 4.0]]).matmul(tensor([10.0, 1.0]))
        tensor([12., 34.])
        """
        found = self._product(self, other)
        if found is NotImplemented:
            raise TypeError(f"matmul: computes with tensors and arrays; got {class_name(other)}; use * for a number")
        return found

    def __matmul__(self, other: Array) -> Out:
        return self._product(self, other)

    def __rmatmul__(self, other: Array) -> Out:
        return self._product(other, self)

    def _product(self, a: Any, b: Any) -> Out:
        if not (hasattr(a, "dtype") and hasattr(b, "dtype")):
            return NotImplemented
        a, b = promoted(a, b)
        if a is None:
            return NotImplemented
        if a.__class__ in NUMBERS or b.__class__ in NUMBERS or not a.ndim or not b.ndim:
            raise ValueError("matmul: both operands need at least one dimension; to scale, use *")
        inner = -1 if b.ndim == 1 else -2
        if a.shape[-1] != b.shape[inner]:
            fix = ""
            if b.ndim > 1 and a.shape[-1] == b.shape[-1]:
                fix = " The second one transposed would fit: b.mT?"
            elif a.ndim > 1 and a.shape[-2] == b.shape[inner]:
                fix = " The first one transposed would fit: a.mT?"
            raise ValueError(
                f"matmul: shapes {a.shape} and {b.shape} do not fit: the last dimension of the first, {a.shape[-1]}, "
                f"must equal dimension {inner} of the second, {b.shape[inner]}.{fix}"
            )
        if a.ndim > 2 and b.ndim > 2:
            try:
                np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            except ValueError:
                raise ValueError(
                    f"matmul: the batch dimensions of shapes {a.shape} and {b.shape} do not broadcast: "
                    f"{a.shape[:-2]} and {b.shape[:-2]}"
                ) from None
        return self.apply(linalg.matmul, a, b)

    def mm(self, mat2: Array) -> Out:
        """Return the product of two matrices, (n, m) and (m, p): (n, p). Nothing broadcasts, see `matmul`.

        >>> from minigrad import ones
        >>> ones(2, 3).mm(ones(3, 2))
        tensor([[3., 3.],
                [3., 3.]])
        """
        return _checked("mm", (self, "self", 2), (mat2, "mat2", 2)) @ mat2

    def bmm(self, mat2: Array) -> Out:
        """Return the products of two batches of matrices, (b, n, m) and (b, m, p): (b, n, p). Nothing broadcasts.

        >>> from minigrad import ones
        >>> ones(8, 2, 3).bmm(ones(8, 3, 4)).shape
        (8, 2, 4)
        """
        _checked("bmm", (self, "self", 3), (mat2, "mat2", 3))
        if self.shape[0] != mat2.shape[0]:
            raise ValueError(f"bmm: shapes {self.shape} and {mat2.shape} are batches of different sizes")
        return self @ mat2

    def mv(self, vec: Array) -> Out:
        """Return the product of a matrix (n, m) and a vector (m): (n)."""
        return _checked("mv", (self, "self", 2), (vec, "vec", 1)) @ vec

    def outer(self, vec2: Array) -> Out:
        """Return the outer product y_ij = a_i b_j of two vectors.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).outer(tensor([10, 20]))
        tensor([[10, 20],
                [20, 40]])
        """
        return _checked("outer", (self, "self", 1), (vec2, "vec2", 1)).unsqueeze(1) * vec2

    ger = outer

    def inner(self, other: Any) -> Out:
        """Return the inner products along the last dimensions, of all with all; with a 0-d tensor, the product."""
        if not self.ndim or not np.ndim(other):
            return self * other
        if self.shape[-1] != other.shape[-1]:
            raise ValueError(f"inner: the last dimensions of shapes {self.shape} and {other.shape} must be equal")
        rows, columns = self.shape[:-1], tuple(other.shape[:-1])
        flat = [t.reshape(math.prod(shape), t.shape[-1]) for t, shape in ((self, rows), (other, columns))]
        return (flat[0] @ flat[1].T).reshape(rows + columns)

    def vdot(self, other: Array) -> Out:
        """Return the inner product of two vectors."""
        return _checked("vdot", (self, "self", 1), (other, "other", 1)) @ other

    def addmm(self, mat1: Array, mat2: Array, *, beta: float = 1, alpha: float = 1) -> Out:
        """Return beta self + alpha mat1 @ mat2, of matrices; self broadcasts, and is ignored for beta=0."""
        return self._plus("addmm", _checked("addmm", (mat1, "mat1", 2), (mat2, "mat2", 2)) @ mat2, beta, alpha)

    def addmv(self, mat: Array, vec: Array, *, beta: float = 1, alpha: float = 1) -> Out:
        """Return beta self + alpha mat @ vec, of a matrix and a vector; see `addmm`."""
        return self._plus("addmv", _checked("addmv", (mat, "mat", 2), (vec, "vec", 1)) @ vec, beta, alpha)

    def addr(self, vec1: Array, vec2: Array, *, beta: float = 1, alpha: float = 1) -> Out:
        """Return beta self + alpha vec1.outer(vec2), of two vectors; see `addmm`."""
        product = _checked("addr", (vec1, "vec1", 1), (vec2, "vec2", 1)).reshape(-1, 1) * vec2
        return self._plus("addr", product, beta, alpha)

    def baddbmm(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Out:
        """Return beta self + alpha batch1 @ batch2, of two batches of matrices; see `addmm`."""
        _checked("baddbmm", (batch1, "batch1", 3), (batch2, "batch2", 3))
        return self._plus("baddbmm", batch1 @ batch2, beta, alpha)

    def addbmm(self, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Out:
        """Return beta self + alpha times the sum of all batch1[i] @ batch2[i]; see `addmm`."""
        _checked("addbmm", (batch1, "batch1", 3), (batch2, "batch2", 3))
        return self._plus("addbmm", (batch1 @ batch2).sum(0), beta, alpha)

    addmm_, addmv_, addr_ = in_place(addmm), in_place(addmv), in_place(addr)
    baddbmm_, addbmm_ = in_place(baddbmm), in_place(addbmm)

    def _plus(self, name: str, product: Any, beta: float, alpha: float) -> Out:
        """Return beta self + alpha product, in the product's shape."""
        check_broadcast(name, self, product)
        if np.broadcast_shapes(self.shape, product.shape) != product.shape:
            raise ValueError(f"{name}: self, of shape {self.shape}, does not fit the product, of shape {product.shape}")
        scaled = product if alpha == 1 else self._scaled(name, product, alpha)
        if not beta:  # ignores also nan
            return self._choose(np.zeros((), bool), self, scaled)
        return (self if beta == 1 else self._scaled(name, self, beta)) + scaled

    # ---- square matrices, and batches of them ----------------------------------------------------------------------

    def _square(self, name: str) -> Any:
        """Return the tensor itself; raise unless it is a batch of square float matrices."""
        LinearAlgebra._matrix(self, name)
        if self.shape[-1] != self.shape[-2]:
            raise ValueError(f"{name}: takes square matrices, got shape {self.shape}")
        return self

    def _matrix(self, name: str) -> Any:
        if not isinstance(self, Base):
            refuse(name, self)
        if self.dtype.kind != "f":
            raise TypeError(f"{name} of a tensor of {self.dtype}: convert it to floats first, as in t.float()")
        if self.ndim < 2:
            raise ValueError(f"{name}: takes a matrix, or a batch of them, got shape {self.shape}")
        return self

    def det(self) -> Out:
        """Return the determinant of each square matrix.

        >>> from minigrad import tensor
        >>> tensor([[2.0, 0.0], [0.0, 3.0]]).det()
        tensor(6.)
        """
        t = LinearAlgebra._square(self, "det")
        return t.apply(linalg.det, t)

    def slogdet(self) -> SignLogDet[Out]:
        """Return (sign, logabsdet): the sign of the determinant, and log|det|, which does not overflow."""
        t = LinearAlgebra._square(self, "slogdet")
        sign = t._choose(np.True_, np.linalg.slogdet(t._array)[0], t.sum((-2, -1)))  # constant, with a gradient of 0
        return SignLogDet(sign, t.apply(linalg.logabsdet, t))

    def logdet(self) -> Out:
        """Return log(det), without overflow; nan where the determinant is negative."""
        t = LinearAlgebra._square(self, "logdet")
        sign, size = t.slogdet()
        return size if not (sign < 0).any() else size.masked_fill(sign < 0, np.nan)

    def inverse(self) -> Out:
        """Return the inverse of each square matrix. To solve A x = b, linalg.solve is faster and more accurate.

        Raises:
            LinAlgError: for a singular matrix.
        """
        return decomposed("inv", linalg.inv, LinearAlgebra._square(self, "inv"))

    def pinverse(self, rcond: float = 1e-15) -> Out:
        """Return the pseudo-inverse; see linalg.pinv."""
        t = LinearAlgebra._matrix(self, "pinverse")
        return t.apply(linalg.pinv, t, rtol=rcond, hermitian=False)

    def cholesky(self, upper: bool = False) -> Out:
        """Return the Cholesky factor of symmetric positive definite matrices: the lower triangular L with L Lᵀ = self.

        With `upper`, return Lᵀ.

        Raises:
            LinAlgError: for a matrix that is not positive definite.
        """
        out = decomposed("cholesky", linalg.cholesky, LinearAlgebra._square(self, "cholesky"))
        return out.mT if upper else out

    def matrix_power(self, n: int) -> Out:
        """Return the n-th power of a matrix; for a negative n, of the inverse."""
        t = LinearAlgebra._square(self, "matrix_power")
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError(f"matrix_power: n must be an integer, got {class_name(n)}: {n!r}")
        if n < 0:
            return t.inverse().matrix_power(-n)
        if n == 0:
            return t._choose(np.True_, np.eye(t.shape[-1], dtype=t.dtype), t)  # constant, with a gradient of 0
        if n == 1:
            return t.clone()
        half = t if n < 4 else t.matrix_power(n // 2)
        return half @ half if n % 2 == 0 else half @ half @ t

    def trace(self) -> Out:
        """Return the trace of a matrix, the sum of its diagonal."""
        return _checked("trace", (self, "self", 2)).diagonal().sum()

    def kron(self, other: Array) -> Out:
        """Return the Kronecker product: the block matrix of a_ij times other."""
        if not hasattr(other, "dtype"):
            refuse("kron", other)
        ndim = max(self.ndim, other.ndim)
        a, b = ((1,) * (ndim - t.ndim) + tuple(t.shape) for t in (self, other))
        mine = self.reshape([n for size in a for n in (size, 1)])
        blocks = mine * other.reshape([n for size in b for n in (1, size)])
        return blocks.reshape([m * n for m, n in zip(a, b)])

    def cross(self, other: Array, dim: int | None = None) -> Out:
        """Return the cross product of vectors of 3 along `dim`, by default the first dimension of that size."""
        if dim is None:
            if 3 not in self.shape:
                raise ValueError(f"cross: takes vectors of 3, got shape {self.shape}")
            dim = self.shape.index(3) - self.ndim
        a, b = self, other if isinstance(other, Base) else self._of(other)
        for t in (a, b):
            if not t.ndim or t.shape[t._dim(dim)] != 3:
                raise ValueError(f"cross: takes vectors of 3 along dim {dim}, got shapes {a.shape} and {b.shape}")
        return a.roll(-1, dim) * b.roll(1, dim) - a.roll(1, dim) * b.roll(-1, dim)

    def dot(self, tensor: Any) -> Out:
        """Return the inner product sum_i a_i b_i of two vectors; as np.dot, also a matrix product or a scaling.

        >>> from minigrad import tensor
        >>> tensor([1.0, 2.0]).dot(tensor([3.0, 4.0]))
        tensor(11.)
        """
        return self._dot(self, tensor)

    def _dot(self, a: Any, b: Any) -> Out:
        if not np.ndim(a) or not np.ndim(b):
            return a * b
        if np.ndim(b) > 2:
            raise ValueError(f"dot: of shapes {np.shape(a)} and {np.shape(b)}; for batches of matrices use matmul, @")
        return a @ b


def _checked(name: str, *operands: tuple[Any, str, int]) -> Any:
    """Return the first operand after a check of all; each comes with its name and number of dimensions."""
    for t, called, ndim in operands:
        if not hasattr(t, "dtype"):
            refuse(f"{name}: {called}", t)
        if t.ndim != ndim:
            kind = {1: "a vector (1-d)", 2: "a matrix (2-d)", 3: "a batch of matrices (3-d)"}[ndim]
            raise ValueError(f"{name}: {called} must be {kind}, got shape {tuple(t.shape)}; matmul (@) takes all")
    return operands[0][0]
