"""Embedding: rows of a table, read by integers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.module import Module, Parameter
from minigrad.random import randn
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import default
from minigrad.tensors.tensor import Tensor


def padding_row(padding_idx: int | None, rows: int) -> int | None:
    """`padding_idx` counted from 0.

    Raises:
        ValueError: when the table of that many rows has no such one.
    """
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise ValueError(f"embedding: padding_idx={padding_idx} is outside a table of {rows} rows")
    return None if padding_idx is None else padding_idx % rows


def embedding(
    input: Any,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight`, read by integers.

    Args:
        input: integers from 0 to rows - 1, of any shape (...).
        weight: of shape (rows, n).
        padding_idx: a row that gets no gradient.
        max_norm: rows that are read and longer than this are first shortened to it, in `weight` itself.
        norm_type: the p of the norm for that.
        scale_grad_by_freq: divide the gradient of each row by how often it was read.
        sparse: not supported.

    Returns:
        A tensor of shape (..., n).

    Raises:
        TypeError: for what is not integers.
        IndexError: for an integer outside the table, naming the extremes.
    """
    index = np.asarray(input._array if isinstance(input, Tensor) else input)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight is a table (rows, n), got shape {weight.shape}")
    rows = weight.shape[0]
    if index.dtype.kind not in "iu" and index.size:
        mend = "; .long() converts them" if index.dtype.kind == "f" else ""
        raise TypeError(f"embedding: reads rows by integers, got {index.dtype} of shape {index.shape}{mend}")
    if index.size and not 0 <= index.min() <= index.max() < rows:
        raise IndexError(
            f"embedding: {rows} rows are 0 to {rows - 1}; the input goes from {index.min()} to {index.max()}"
        )
    if sparse:
        raise NotImplementedError("embedding: gradients are dense here; leave out sparse=True")
    index = index.astype(np.int64)
    if max_norm is not None:
        _shorten(weight, np.unique(index), max_norm, norm_type)
    out = weight[index]
    if scale_grad_by_freq and index.size:
        share = as_tensor((1 / np.bincount(index.ravel())[index]).astype(weight.dtype))[..., None]
        out = out.detach() + (out - out.detach()) * share  # the same value, a share of the gradient
    row = padding_row(padding_idx, rows)
    return out if row is None else out.detach().where(as_tensor(index == row)[..., None], out)


def _shorten(weight: Tensor, read: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are longer than `max_norm` down to it. As PyTorch, unseen by autograd."""
    with no_grad():
        lengths = np.linalg.norm(weight._array[read], ord=norm_type, axis=1)
        longer = lengths > max_norm
        if longer.any():
            factors = (max_norm / (lengths[longer] + 1e-7)).astype(weight.dtype)
            weight.data[read[longer]] *= factors[:, None]


class Embedding(Module):
    """A table of `num_embeddings` vectors of `embedding_dim` numbers, read by integers.

    The weight (num_embeddings, embedding_dim) starts normal, with mean 0 and variance 1. The vector of `padding_idx`
    starts at 0 and gets no gradient. The other settings are those of `functional.embedding`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for name, n in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
                raise ValueError(f"Embedding: {name} is a number of rows or columns, got {n!r}")
        if sparse:
            raise NotImplementedError("Embedding: gradients are dense here; leave out sparse=True")
        self.num_embeddings, self.embedding_dim = int(num_embeddings), int(embedding_dim)
        self.padding_idx = padding_row(padding_idx, self.num_embeddings)
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        if _weight is not None and _weight.shape != (self.num_embeddings, self.embedding_dim):
            raise ValueError(
                f"Embedding: a weight of shape {_weight.shape} is no table of {num_embeddings} x {embedding_dim}"
            )
        table = randn(num_embeddings, embedding_dim, dtype=dtype or default.dtype) if _weight is None else _weight
        self.weight = Parameter(table, requires_grad=not _freeze)
        if self.padding_idx is not None and _weight is None:
            self.weight.data[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, **settings: Any) -> Self:
        """A table with these vectors, of shape (rows, n); not learnt unless `freeze` is False."""
        if embeddings.ndim != 2:
            raise ValueError(f"from_pretrained: embeddings is a table (rows, n), got shape {embeddings.shape}")
        rows, n = embeddings.shape
        return cls(rows, n, _weight=embeddings, _freeze=freeze, **settings)

    def forward(self, x: Any) -> Tensor:
        """Integers of any shape -> (..., embedding_dim)."""
        return embedding(x, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self) -> str:
        shown = [str(self.num_embeddings), str(self.embedding_dim)]
        for name, usual in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2.0),
            ("scale_grad_by_freq", False),
        ):
            value = getattr(self, name)
            shown += [f"{name}={value}"] * (value != usual)
        return ", ".join(shown)
