"""Similarity and distance of vectors, vectors of length 1, and one-hot vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.arguments import check_bool, check_int, check_not_negative, check_number, check_tensor
from minigrad.nn.module import Module
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import result_type
from minigrad.tensors.joining import broadcast_tensors
from minigrad.tensors.tensor import Tensor


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return the cosine of the angle between vectors: x1 · x2 / (max(|x1|, eps) * max(|x2|, eps)).

    Args:
        x1, x2: of shapes that broadcast.
        dim: the dimension of the vectors, which the result does not have (default 1).
        eps: the least length to divide by (default 1e-8).

    Shape: (N, n, ...) and (N, n, ...) -> (N, ...).

    >>> from minigrad import nn, tensor
    >>> nn.functional.cosine_similarity(tensor([3.0, 4.0]), tensor([4.0, 3.0]), dim=0)
    tensor(0.9600)
    """
    check_int("cosine_similarity", dim=dim)
    check_number("cosine_similarity", eps=eps)
    x1, x2 = broadcast_tensors(x1, x2)
    dtype = result_type(x1, x2)
    x1, x2 = x1.astype(dtype), x2.astype(dtype)
    lengths = [x.norm(dim=dim).clamp(min=eps) for x in (x1, x2)]
    return (x1 * x2).sum(dim) / (lengths[0] * lengths[1])


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Return the distance |x1 - x2 + eps|_p along the last dimension.

    Args:
        x1, x2: of shapes that broadcast.
        p: of the p-norm (default 2.0, the Euclidean distance).
        eps: added to each difference, so that the gradient at distance 0 is finite (default 1e-6).
        keepdim: keep the last dimension, with size 1 (default False).

    Shape: (..., n) and (..., n) -> (...), or (..., 1) with `keepdim`.

    >>> from minigrad import nn, tensor
    >>> nn.functional.pairwise_distance(tensor([[3.0, 4.0]]), tensor([[0.0, 0.0]]))
    tensor([5.0000])
    """
    check_tensor("pairwise_distance", x1=x1, x2=x2)
    check_number("pairwise_distance", p=p, eps=eps)
    check_bool("pairwise_distance", keepdim=keepdim)
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Return x / max(|x|_p, eps) along `dim`: vectors of length 1.

    Args:
        input: any shape.
        p: of the p-norm (default 2.0).
        dim: the dimension of the vectors (default 1).
        eps: the least length to divide by (default 1e-12).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.normalize(tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    check_tensor("normalize", input=input)
    check_number("normalize", p=p, eps=eps)
    return input / input.norm(p, dim, True).clamp(min=eps)


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Return each integer k as a vector with 1 at index k and 0 elsewhere.

    Args:
        tensor: integers from 0 to num_classes - 1, any shape.
        num_classes: the length of the vectors; -1 (default) takes the largest integer + 1.

    Shape: (*) -> (*, num_classes), of int64.

    Raises:
        TypeError: if the input is not of integers.
        ValueError: if an integer is outside 0 to num_classes - 1.

    >>> from minigrad import nn
    >>> nn.functional.one_hot([0, 2]).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    check_int("one_hot", num_classes=num_classes)
    classes = np.asarray(tensor._array if isinstance(tensor, Tensor) else tensor)
    if classes.dtype.kind not in "iu":
        raise TypeError(
            f"one_hot: the input must be of integers, got {classes.dtype} of shape {classes.shape}; .long() converts it"
        )
    if num_classes == -1:
        if not classes.size:
            raise ValueError("one_hot: the input is empty, so the number of classes is unknown; pass num_classes")
        num_classes = int(classes.max()) + 1
    if classes.size and not 0 <= classes.min() <= classes.max() < num_classes:
        raise ValueError(
            f"one_hot: the {num_classes} classes are numbered 0 to {num_classes - 1}; the input goes from "
            f"{classes.min()} to {classes.max()}"
        )
    return as_tensor((classes[..., None] == np.arange(num_classes)).astype(np.int64))


class CosineSimilarity(Module):
    """y = x1 · x2 / (max(|x1|, eps) * max(|x2|, eps)) along `dim`. See `functional.cosine_similarity`.

    Args:
        dim: the dimension of the vectors (default 1).
        eps: the least length to divide by (default 1e-8).

    Shape: (N, n, ...) and (N, n, ...) -> (N, ...).

    >>> from minigrad import nn, tensor
    >>> nn.CosineSimilarity()(tensor([[3.0, 4.0]]), tensor([[4.0, 3.0]]))
    tensor([0.9600])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        check_int("CosineSimilarity", dim=dim)
        check_not_negative("CosineSimilarity", eps=eps)
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """(N, n, ...) and (N, n, ...) -> (N, ...), without `dim`."""
        return cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """y = |x1 - x2 + eps|_p along the last dimension. See `functional.pairwise_distance`.

    Args:
        p: of the p-norm (default 2.0).
        eps: added to each difference (default 1e-6).
        keepdim: keep the last dimension, with size 1 (default False).

    Shape: (..., n) and (..., n) -> (...), or (..., 1) with `keepdim`.

    >>> from minigrad import nn, tensor
    >>> nn.PairwiseDistance()(tensor([[3.0, 4.0]]), tensor([[0.0, 0.0]]))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        check_number("PairwiseDistance", p=p)
        check_not_negative("PairwiseDistance", eps=eps)
        check_bool("PairwiseDistance", keepdim=keepdim)
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """(..., n) and (..., n) -> (...)."""
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
