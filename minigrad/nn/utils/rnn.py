"""Pad sequences of different lengths into one tensor, and back."""

from __future__ import annotations

from collections.abc import Sequence

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
