"""Pad or pack sequences of different lengths into one tensor, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat, stack
from minigrad.tensors.tensor import Tensor


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack sequences of different lengths into one tensor, filling the shorter ones up with `padding_value`.

    Args:
        sequences: N tensors whose shapes differ in the first dimension only.
        batch_first: whether the batch is the first dimension of the result (default False).
        padding_value: the value to fill up with (default 0).
        padding_side: where to fill up, 'right' (default) or 'left'.

    Shape: N times (T_i, ...) -> (T, N, ...), or (N, T, ...) with `batch_first`, where T = max T_i.

    Raises:
        ValueError: if there are no sequences, or their shapes differ otherwise.

    >>> from minigrad import tensor
    >>> pad_sequence([tensor([1, 2, 3]), tensor([4])], batch_first=True).tolist()
    [[1, 2, 3], [4, 0, 0]]
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    if not len(sequences):
        raise ValueError("pad_sequence: got no sequences")
    shapes = [s.shape for s in sequences]
    if not all(len(shape) == len(shapes[0]) and shape and shape[1:] == shapes[0][1:] for shape in shapes):
        raise ValueError(
            f"pad_sequence: the shapes of the sequences must differ in the first dimension only, got {shapes}"
        )
    longest = max(shape[0] for shape in shapes)
    rows = []
    for s in sequences:
        rest = as_tensor(np.full((longest - s.shape[0], *s.shape[1:]), padding_value, s.dtype))
        rows.append(cat([s, rest] if padding_side == "right" else [rest, s]))
    return stack(rows, dim=0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Split a padded tensor into its sequences: the inverse of `pad_sequence`, padded on the right.

    Args:
        padded_sequences: the padded tensor.
        lengths: the length T_i of each sequence, (N,).
        batch_first: whether the batch is the first dimension (default False).

    Shape: (T, N, ...), or (N, T, ...) with `batch_first` -> N times (T_i, ...).

    >>> from minigrad import tensor
    >>> [s.tolist() for s in unpad_sequence(tensor([[1, 2, 3], [4, 0, 0]]), tensor([3, 1]), batch_first=True)]
    [[1, 2, 3], [4]]
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(rows, lengths)]


class PackedSequence(NamedTuple):
    """Sequences of different lengths without padding: the first elements of all, then the second ones, and so on.

    `pack_padded_sequence` makes it, recurrent layers take and return it. The longest sequence comes first.
    """

    data: Tensor
    """The elements, (sum of the lengths, ...)."""
    batch_sizes: Tensor
    """How many sequences have an element at each time, (T,)."""
    sorted_indices: Tensor | None = None
    """Which sequence of the batch comes at each place; None if they were sorted."""
    unsorted_indices: Tensor | None = None
    """At which place each sequence of the batch comes."""


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences that are padded on the right.

    Args:
        input: the padded sequences.
        lengths: the length T_i > 0 of each, (N,).
        batch_first: whether the batch is the first dimension of `input` (default False).
        enforce_sorted: whether the lengths must decrease (default True).

    Shape: (T, N, ...), or (N, T, ...) with `batch_first` -> data (sum T_i, ...).

    Raises:
        ValueError: if the lengths do not fit the input.
        RuntimeError: if they increase, and `enforce_sorted` is True.

    >>> from minigrad import tensor
    >>> pack_padded_sequence(tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)[:2]
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """
    x = input.transpose(0, 1) if batch_first else input
    sizes = np.asarray(lengths)
    if sizes.shape != x.shape[1:2] or sizes.dtype.kind not in "iu" or not sizes.size:
        raise ValueError(f"pack_padded_sequence: lengths must be {x.shape[1]} integers, one a sequence, got {lengths}")
    if sizes.min() < 1 or sizes.max() > len(x):
        raise ValueError(
            f"pack_padded_sequence: lengths must be from 1 to {len(x)}, got {sizes.min()} to {sizes.max()}"
        )
    order = np.argsort(-sizes.astype(np.int64), kind="stable")
    if enforce_sorted and (np.diff(sizes.astype(np.int64)) > 0).any():
        raise RuntimeError(
            f"pack_padded_sequence: lengths must decrease, got {sizes.tolist()}; pass enforce_sorted=False"
        )
    batch_sizes = (sizes > np.arange(sizes.max())[:, None]).sum(1)
    if not enforce_sorted:
        x = x[:, as_tensor(order)]
    data = cat([x[t, :n] for t, n in enumerate(batch_sizes.tolist())])
    places = (None, None) if enforce_sorted else (as_tensor(order), as_tensor(np.argsort(order)))
    return PackedSequence(data, as_tensor(batch_sizes.astype(np.int64)), *places)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the padded sequences and their lengths: the inverse of `pack_padded_sequence`.

    Args:
        sequence: the packed sequences.
        batch_first: whether the batch is the first dimension of the result (default False).
        padding_value: the value to fill up with (default 0).
        total_length: T of the result, at least the longest length (default None: that length).

    Shape: -> (T, N, ...), or (N, T, ...) with `batch_first`; and (N,).

    >>> from minigrad import tensor
    >>> padded, lengths = pad_packed_sequence(pack_padded_sequence(tensor([[1, 4], [2, 0], [3, 0]]), [3, 1]))
    >>> padded.T, lengths
    (tensor([[1, 2, 3],
            [4, 0, 0]]), tensor([3, 1]))
    """
    sizes = sequence.batch_sizes.numpy()
    if total_length is not None and total_length < len(sizes):
        raise ValueError(f"pad_packed_sequence: total_length must be at least {len(sizes)}, got {total_length}")
    ends = np.cumsum(sizes).tolist()
    pieces = [sequence.data[end - n : end] for n, end in zip(sizes.tolist(), ends)]
    steps = pad_sequence(pieces, batch_first=True, padding_value=padding_value)  # (T, N, ...)
    lengths = as_tensor((sizes[:, None] > np.arange(sizes[0])).sum(0))
    if total_length is not None and total_length > len(sizes):
        rest = np.full((total_length - len(sizes), *steps.shape[1:]), padding_value, steps.dtype)
        steps = cat([steps, as_tensor(rest)])
    if sequence.unsorted_indices is not None:
        steps, lengths = steps[:, sequence.unsorted_indices], lengths[sequence.unsorted_indices]
    return (steps.transpose(0, 1) if batch_first else steps), lengths


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors whose shapes differ in the first dimension only; see `pack_padded_sequence`."""
    return pack_padded_sequence(pad_sequence(sequences), [len(s) for s in sequences], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences that were packed: the inverse of `pack_sequence`."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))
