"""Sequences of different lengths as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat, stack
from minigrad.tensors.tensor import Tensor


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences of shapes (T_i, ...) as one tensor (T, N, ...), T the largest, with `padding_value` for the rest.

    Args:
        sequences: tensors that differ in their first dimension only.
        batch_first: whether the result is (N, T, ...) instead.
        padding_value: what shorter ones are filled up with.
        padding_side: at the 'right' or the 'left'.

    Raises:
        ValueError: for no sequences, or shapes that differ otherwise.

    >>> from minigrad import tensor
    >>> pad_sequence([tensor([1, 2, 3]), tensor([4])], batch_first=True).tolist()
    [[1, 2, 3], [4, 0, 0]]
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side is 'left' or 'right', not {padding_side!r}")
    if not len(sequences):
        raise ValueError("pad_sequence: no sequences")
    shapes = [s.shape for s in sequences]
    if not all(len(shape) == len(shapes[0]) and shape and shape[1:] == shapes[0][1:] for shape in shapes):
        raise ValueError(f"pad_sequence: sequences differ in their first dimension only; got shapes {shapes}")
    longest = max(shape[0] for shape in shapes)
    rows = []
    for s in sequences:
        rest = as_tensor(np.full((longest - s.shape[0], *s.shape[1:]), padding_value, s.dtype))
        rows.append(cat([s, rest] if padding_side == "right" else [rest, s]))
    return stack(rows, dim=0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The way back: a list of sequences of these lengths, from (T, N, ...), or with `batch_first` (N, T, ...)."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(rows, lengths)]
