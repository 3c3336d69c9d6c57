"""Functions that PyTorch has moved: they work, and say where they are now."""

from __future__ import annotations

from minigrad import linalg
from minigrad.linalg import QR, SVD
from minigrad.output.deprecation import warn_deprecated
from minigrad.tensors.tensor import Tensor


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> SVD:
    """Return (U, S, V) with input = U diag(S) V.T; `linalg.svd` returns V.T instead of V.

    Args:
        input: (..., m, n).
        some: whether U and V have min(m, n) columns (default True), or are square.
        compute_uv: False returns zeros for U and V.
    """
    warn_deprecated("torch.svd", "linalg.svd, which returns V.T instead of V")
    U, S, Vh = linalg.svd(input, full_matrices=not some)
    if not compute_uv:
        (*batch, m, n), zeros = input.shape, input.new_zeros
        return SVD(zeros(*batch, m, m), S, zeros(*batch, n, n))
    return SVD(U, S, Vh.mT)


def qr(input: Tensor, some: bool = True) -> QR:
    """Return (Q, R), as `linalg.qr`; `some=False` for a square Q."""
    warn_deprecated("torch.qr", "linalg.qr")
    return linalg.qr(input, "reduced" if some else "complete")
