"""EmbeddingBag: the sum, mean or maximum of looked-up rows, for bags of different sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.nn.arguments import check_arguments
from minigrad.nn.embedding import Embedding, embedding
from minigrad.nn.module import Module
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.tensor import Tensor


def embedding_bag(
    input: Any,
    weight: Tensor,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of the rows of `weight` that each bag names; 0 for an empty bag.

    Args:
        input: the integers of all bags, one after the other, (n,); or (bags, n), without `offsets`.
        weight: the table, of shape (rows, d).
        offsets: where each bag begins in `input`.
        max_norm, norm_type, scale_grad_by_freq, sparse: as in `embedding`.
        mode: "mean" (default), "sum" or "max".
        per_sample_weights: a factor for each row, of the shape of `input`; only with mode="sum".
        include_last_offset: whether the last offset is the end of the last bag (default False).
        padding_idx: a row that does not take part (default None).

    Shape: (n,), or (bags, n) -> (bags, d).

    Raises:
        ValueError: if mode or offsets are invalid.

    >>> from minigrad import tensor
    >>> table = tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    >>> embedding_bag(tensor([0, 1, 2]), table, offsets=tensor([0, 2]))
    tensor([[0.5000, 0.5000],
            [2.0000, 2.0000]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode must be 'sum', 'mean' or 'max', got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights is for mode='sum', got mode={mode!r}")
    index = np.asarray(input._array if isinstance(input, Tensor) else input)
    if index.ndim not in (1, 2) or (index.ndim == 2) == (offsets is not None):
        raise ValueError(
            f"embedding_bag: input must be (n,) with offsets, or (bags, n) without; got shape {index.shape} "
            f"{'with' if offsets is not None else 'without'} offsets"
        )
    if index.ndim == 2:
        starts = np.arange(len(index)) * index.shape[1]
    else:
        starts = np.asarray(offsets._array if isinstance(offsets, Tensor) else offsets)
        if len(starts) and (starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] > index.size):
            raise ValueError(f"embedding_bag: offsets must rise from 0 to at most {index.size}, got {starts.tolist()}")
        starts = starts[:-1] if include_last_offset else starts
    ends = np.append(starts[1:], index.size)
    bag = np.repeat(np.arange(len(starts)), ends - starts)
    rows = embedding(index.reshape(-1), weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        used = np.flatnonzero(index.reshape(-1) != padding_idx % weight.shape[0])
        rows, bag = rows[used], bag[used]
    out = zeros(len(starts), weight.shape[1], dtype=weight.dtype)
    if mode == "max":
        places = as_tensor(np.broadcast_to(bag[:, None], rows.shape).copy())
        return out.scatter_reduce(0, places, rows, "amax", include_self=False)
    total = out.index_add(0, as_tensor(bag), rows)
    if mode == "sum":
        return total
    return total / as_tensor(np.maximum(np.bincount(bag, minlength=len(starts)), 1).astype(weight.dtype)[:, None])


class EmbeddingBag(Module):
    """The mean, sum or maximum of the vectors of a table that each bag of integers names. See `embedding_bag`.

    Args:
        num_embeddings, embedding_dim, max_norm, norm_type, scale_grad_by_freq, sparse, padding_idx: as in `Embedding`.
        mode: "mean" (default), "sum" or "max".
        include_last_offset: whether the last offset is the end of the last bag (default False).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the weight (default float32).

    Attributes:
        weight: the table, (num_embeddings, embedding_dim), from a standard normal distribution.

    Shape: input (n,) with offsets (bags,), or (bags, n) -> (bags, embedding_dim).

    >>> from minigrad import nn, tensor
    >>> nn.EmbeddingBag(10, 3)(tensor([1, 2, 4]), tensor([0, 2])).shape
    (2, 3)
    """

    @check_arguments
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: mode must be 'sum', 'mean' or 'max', got {mode!r}")
        table = Embedding(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight,
            device=device, dtype=dtype,
        )  # fmt: skip
        self.num_embeddings, self.embedding_dim = table.num_embeddings, table.embedding_dim
        self.weight, self.padding_idx = table.weight, table.padding_idx
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.include_last_offset = mode, include_last_offset

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Return one vector for each bag."""
        return embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
            per_sample_weights=per_sample_weights, include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}"
