"""Linear algebra: products of matrices and vectors."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minigrad.operations.base import Base
from minigrad.promotion import NUMBERS, promoted
from minigrad.rules import linalg


class LinearAlgebra(Base):
    """Products of matrices and vectors."""

    def matmul(self, other: Any) -> Self:
        """The matrix product, of batches of matrices with broadcasting; 1-d operands are vectors. As NumPy's `@`."""
        return self._product(self, other)

    __matmul__ = matmul

    def __rmatmul__(self, other: Any) -> Self:
        return self._product(other, self)

    def _product(self, a: Any, b: Any) -> Self:
        if not (hasattr(a, "dtype") and hasattr(b, "dtype")):
            return NotImplemented
        a, b = promoted(a, b)
        if a is None:
            return NotImplemented
        if a.__class__ in NUMBERS or b.__class__ in NUMBERS or not a.ndim or not b.ndim:
            raise ValueError("matmul: both operands need at least one dimension; to scale, use *")
        inner = -1 if b.ndim == 1 else -2
        if a.shape[-1] != b.shape[inner]:
            mend = ""
            if b.ndim > 1 and a.shape[-1] == b.shape[-1]:
                mend = " The second one transposed would fit: b.mT?"
            elif a.ndim > 1 and a.shape[-2] == b.shape[inner]:
                mend = " The first one transposed would fit: a.mT?"
            raise ValueError(
                f"matmul: shapes {a.shape} and {b.shape} do not fit: the last dimension of the first, {a.shape[-1]}, "
                f"must equal dimension {inner} of the second, {b.shape[inner]}.{mend}"
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

    def dot(self, other: Any) -> Self:
        """The inner product of two vectors; as np.dot, also a matrix product, or one with a number."""
        return self._dot(self, other)

    def _dot(self, a: Any, b: Any) -> Self:
        if not np.ndim(a) or not np.ndim(b):
            return a * b
        if np.ndim(b) > 2:
            raise ValueError(f"dot: of shapes {np.shape(a)} and {np.shape(b)}; for batches of matrices use matmul, @")
        return a @ b
