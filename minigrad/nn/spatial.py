"""What convolution, pooling and resizing share: a number for each dimension, and inputs with or without a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

LETTERS = {1: "L", 2: "H, W", 3: "D, H, W"}
"""What errors call the dimensions of signals, images and volumes."""


def each_dim(name: str, argument: str, value: Any, ndim: int, least: float = 1) -> tuple[int, ...]:
    """`value`, one integer or one for each dimension, as a tuple of `ndim` integers of at least `least`.

    >>> each_dim("conv2d", "stride", 2, 2), each_dim("conv2d", "padding", (0, 1), 2, least=0)
    ((2, 2), (0, 1))
    """
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if any(isinstance(v, bool) or not isinstance(v, int | np.integer) for v in values):
        raise TypeError(f"{name}: {argument} is an integer, or a tuple of {ndim}; got {value!r}")
    values = tuple(map(int, values)) * (ndim if len(values) == 1 else 1)
    if len(values) != ndim or min(values) < least:
        raise ValueError(
            f"{name}: {argument} is an integer of at least {least}, or {ndim} of them, one for each dimension; "
            f"got {value!r}"
        )
    return values


def check_rank(name: str, input: Any, ndim: int) -> Tensor:
    """The input, (N, C, *sizes) or (C, *sizes).

    Raises:
        ValueError: for any other number of dimensions.
    """
    x = as_tensor(input)
    if x.ndim not in (ndim + 1, ndim + 2):
        mend = ""
        if x.ndim == ndim:
            mend = f" Without channels it has one: x.reshape{(1, 1, *x.shape)}, or x.unsqueeze(0)."
        elif x.ndim == ndim + 3:
            mend = f" Put the first two dimensions together: x.flatten(0, 1), of shape {x.flatten(0, 1).shape}."
        raise ValueError(
            f"{name}: the input is a batch (N, C, {LETTERS[ndim]}), or one example (C, {LETTERS[ndim]}); got shape "
            f"{x.shape}.{mend}"
        )
    return x


def as_batch(name: str, input: Any, ndim: int) -> tuple[Tensor, bool]:
    """The input as (N, C, *sizes), and whether it came without N."""
    x = check_rank(name, input, ndim)
    alone = x.ndim == ndim + 1
    return (x.unsqueeze(0) if alone else x), alone


def from_batch(y: Tensor, alone: bool) -> Tensor:
    """The result, without the batch that `as_batch` has added."""
    return y.squeeze(0) if alone else y


def counted(sizes: Any) -> str:
    """Sizes as one writes them.

    >>> counted((3, 3))
    '3 x 3'
    """
    return " x ".join(map(str, sizes))
