"""Embedding: look up rows of a table by integers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.arguments import check_bool, check_int, check_number, check_tensor, refuse
from minigrad.nn.module import Module, Parameter
from minigrad.random import randn
from minigrad.tensors.base import plain_int
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import default
from minigrad.tensors.tensor import Tensor


def padding_row(padding_idx: int | None, rows: int) -> int | None:
    """Return `padding_idx` counted from 0; negative values count from the end.

    Raises:
        ValueError: if a table of that many rows has no such row.
    """
    if padding_idx is None:
        return None
    check_int("embedding", padding_idx=padding_idx)
    if not -rows <= padding_idx < rows:
        raise ValueError(f"embedding: padding_idx={padding_idx} is outside a table of {rows} rows")
    return padding_idx % rows


def _check(function: str, max_norm: float | None, norm_type: float, scale_grad_by_freq: bool, sparse: bool) -> None:
    check_number(function, norm_type=norm_type, **({} if max_norm is None else {"max_norm": max_norm}))
    check_bool(function, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    if sparse:
        raise NotImplementedError(f"{function}: sparse=True is not supported; gradients are dense, leave it out")


def embedding(
    input: Any,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return weight[input], the rows of `weight` with these indices.

    Args:
        input: integers from 0 to rows - 1, of any shape.
        weight: the table, of shape (rows, n).
        padding_idx: a row that gets no gradient (default None).
        max_norm: first scale rows in `input` whose norm exceeds this down to it, in `weight` itself (default None).
        norm_type: the p of that p-norm (default 2.0).
        scale_grad_by_freq: divide the gradient of each row by the number of times it occurs in `input` (default False).
        sparse: not supported.

    Shape: (*) and (rows, n) -> (*, n).

    Raises:
        TypeError: if the input is not of integers.
        IndexError: if an integer is outside the table.

    >>> from minigrad import nn, tensor
    >>> nn.functional.embedding([2, 0], tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    check_tensor("embedding", weight=weight)
    _check("embedding", max_norm, norm_type, scale_grad_by_freq, sparse)
    index = np.asarray(input._array if isinstance(input, Tensor) else input)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight must be a table (rows, n), got shape {weight.shape}")
    rows = weight.shape[0]
    if index.dtype.kind not in "iu" and index.size:
        hint = "; .long() converts it" if index.dtype.kind == "f" else ""
        raise TypeError(f"embedding: the input must be of integers, got {index.dtype} of shape {index.shape}{hint}")
    if index.size and not 0 <= index.min() <= index.max() < rows:
        raise IndexError(
            f"embedding: the {rows} rows are numbered 0 to {rows - 1}; the input goes from {index.min()} to "
            f"{index.max()}"
        )
    index = index.astype(np.int64)
    if max_norm is not None:
        _limit_norms(weight, np.unique(index), max_norm, norm_type)
    out = weight[index] if index.ndim else weight[index].clone()  # of a single row, a view
    if scale_grad_by_freq and index.size:
        factor = as_tensor((1 / np.bincount(index.ravel())[index]).astype(weight.dtype))[..., None]
        out = out.detach() + (out - out.detach()) * factor  # scales the gradient, and leaves the value
    row = padding_row(padding_idx, rows)
    return out if row is None else out.detach().where(as_tensor(index == row)[..., None], out)


def _limit_norms(weight: Tensor, rows: np.ndarray, max_norm: float, norm_type: float) -> None:
    """Scale those of these rows that are longer than `max_norm` down to it; not recorded, as in PyTorch."""
    with no_grad():
        norms = np.linalg.norm(weight._array[rows], ord=norm_type, axis=1)
        longer = norms > max_norm
        if longer.any():
            factors = (max_norm / (norms[longer] + 1e-7)).astype(weight.dtype)
            weight.data[rows[longer]] *= factors[:, None]


class Embedding(Module):
    """y = weight[x]: a table of learned vectors, looked up by integers.

    Args:
        num_embeddings: the number of rows, for example the size of the vocabulary.
        embedding_dim: the size of each vector.
        padding_idx: a row that starts at 0 and gets no gradient; negative values count from the end (default None).
        max_norm: before each look-up, scale rows whose norm exceeds this down to it (default None).
        norm_type: the p of that p-norm (default 2.0).
        scale_grad_by_freq: divide the gradient of each row by the number of times it occurs (default False).
        sparse: not supported.
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the weight (default float32).

    Attributes:
        weight: of shape (num_embeddings, embedding_dim); starts normal with mean 0 and variance 1.

    Shape: (*) of integers -> (*, embedding_dim).

    Raises:
        ValueError: if a size is negative or no integer, or `padding_idx` is outside the table.

    >>> from minigrad import nn
    >>> table = nn.Embedding(10, 4, padding_idx=0)
    >>> table([[1, 2, 0], [3, 0, 0]]).shape
    (2, 3, 4)
    >>> table([0]).detach()
    tensor([[0., 0., 0., 0.]])
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
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        num_embeddings, embedding_dim = plain_int(num_embeddings), plain_int(embedding_dim)
        for name, n in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
                raise ValueError(f"Embedding: {name} must be an integer of at least 0, got {n!r}")
        check_bool("Embedding", _freeze=_freeze)
        _check("Embedding", max_norm, norm_type, scale_grad_by_freq, sparse)
        self.num_embeddings, self.embedding_dim = int(num_embeddings), int(embedding_dim)
        self.padding_idx = padding_row(padding_idx, self.num_embeddings)
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        if _weight is not None and not isinstance(_weight, Tensor):
            refuse("Embedding", "_weight", "a tensor", _weight)
        if _weight is not None and _weight.shape != (self.num_embeddings, self.embedding_dim):
            raise ValueError(
                f"Embedding: the weight must have shape {(self.num_embeddings, self.embedding_dim)}, "
                f"got {_weight.shape}"
            )
        table = (
            randn(num_embeddings, embedding_dim, device=device, dtype=dtype or default.dtype)
            if _weight is None
            else _weight
        )
        self.weight = Parameter(table, requires_grad=not _freeze)
        if self.padding_idx is not None and _weight is None:
            self.weight.data[self.padding_idx] = 0.0

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, **settings: Any) -> Self:
        """Return an Embedding with these vectors.

        Args:
            embeddings: of shape (rows, n).
            freeze: whether the vectors stay as they are, without gradient (default True).
            settings: `padding_idx`, `max_norm`, `norm_type` and `scale_grad_by_freq`, as in the class.

        >>> from minigrad import nn, tensor
        >>> nn.Embedding.from_pretrained(tensor([[0.0, 1.0], [2.0, 3.0]]))([1])
        tensor([[2., 3.]])
        """
        check_bool("from_pretrained", freeze=freeze)
        if embeddings.ndim != 2:
            raise ValueError(f"from_pretrained: embeddings must be a table (rows, n), got shape {embeddings.shape}")
        rows, n = embeddings.shape
        return cls(rows, n, _weight=embeddings, _freeze=freeze, **settings)

    def forward(self, input: Any) -> Tensor:
        """(*) of integers -> (*, embedding_dim)."""
        return embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self) -> str:
        shown = [str(self.num_embeddings), str(self.embedding_dim)]
        for name, default_value in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2.0),
            ("scale_grad_by_freq", False),
        ):
            value = getattr(self, name)
            shown += [f"{name}={value}"] * (value != default_value)
        return ", ".join(shown)
