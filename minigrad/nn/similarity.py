"""How alike vectors are, vectors of length 1, and classes as vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.module import Module
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import broadcast_tensors
from minigrad.tensors.tensor import Tensor


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between two vectors: x1·x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`.

    Args:
        x1, x2: of shapes that broadcast.
        dim: the dimension of the vectors, which the result is without.
        eps: below this, a length counts as this.
    """
    x1, x2 = broadcast_tensors(x1, x2)
    lengths = [x.norm(dim=dim).clamp(min=eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / (lengths[0] * lengths[1])


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last dimension: (..., n) and (..., n) -> (...)."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(|x|_p, eps) along `dim`: vectors of length 1."""
    return input / input.norm(p, dim, True).clamp(min=eps)


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Integers as rows with a single 1.

    Args:
        tensor: integers from 0, of any shape (...).
        num_classes: the length of the rows; if -1, the largest integer + 1.

    Returns:
        An int64 tensor of shape (..., num_classes).

    Raises:
        TypeError: for what is not integers.
        ValueError: for integers outside 0 … num_classes - 1.

    >>> one_hot([0, 2]).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    classes = np.asarray(tensor._array if isinstance(tensor, Tensor) else tensor)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"one_hot: takes integers, got {classes.dtype} of shape {classes.shape}; .long() converts")
    if num_classes == -1:
        if not classes.size:
            raise ValueError("one_hot: of no classes at all; say num_classes")
        num_classes = int(classes.max()) + 1
    if classes.size and not 0 <= classes.min() <= classes.max() < num_classes:
        raise ValueError(
            f"one_hot: {num_classes} classes are 0 to {num_classes - 1}; the input goes from {classes.min()} to "
            f"{classes.max()}"
        )
    return as_tensor((classes[..., None] == np.arange(num_classes)).astype(np.int64))


class CosineSimilarity(Module):
    """`cosine_similarity` as a module."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Two of shapes that broadcast -> the same without `dim`."""
        return cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """`pairwise_distance` as a module."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """(..., n) and (..., n) -> (...)."""
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
