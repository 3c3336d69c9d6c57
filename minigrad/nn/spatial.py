"""Argument checks that convolution, pooling, padding and resizing share: one integer per dimension, optional batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors.base import plain_int
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

AXES = {1: "L", 2: "H, W", 3: "D, H, W"}
"""How error messages write the sizes of signals, images and volumes."""


def each_dim(name: str, argument: str, value: Any, ndim: int, least: float = 1, one: bool = True) -> tuple[int, ...]:
    """Return `value`, one integer or one per dimension, as a tuple of `ndim` integers of at least `least`.

    A tuple of one integer stands for all dimensions, unless `one` is False.

    Raises:
        TypeError: if it contains something other than integers.
        ValueError: if an integer is too small, or there are too few or too many.

    >>> each_dim("conv2d", "stride", 2, 2), each_dim("conv2d", "padding", (0, 1), 2, least=0)
    ((2, 2), (0, 1))
    """
    values = tuple(map(plain_int, value if isinstance(value, list | tuple) else (value,)))
    if any(isinstance(v, bool) or not isinstance(v, int | np.integer) for v in values):
        raise TypeError(f"{name}: {argument} must be an integer or a tuple of {ndim} integers, got {value!r}")
    single = len(values) == 1 and (one or not isinstance(value, list | tuple))
    values = tuple(map(int, values)) * (ndim if single else 1)
    if len(values) != ndim or min(values) < least:
        bound = "" if least == -math.inf else f" of at least {least}"
        raise ValueError(
            f"{name}: {argument} must be an integer{bound}, or {ndim} of them, one per dimension; got {value!r}"
        )
    return values


def check_windows(module: Any, one: bool = True, **settings: Any) -> None:
    """Raise unless each setting of a layer of `ndim` dimensions is what `each_dim` takes. A padding may be 0."""
    for argument, value in settings.items():
        each_dim(class_name(module), argument, value, module.ndim, least=argument != "padding", one=one)


def check_rank(name: str, input: Any, ndim: int) -> Tensor:
    """Return the input as a tensor of shape (N, C, *sizes) or (C, *sizes), with `ndim` sizes.

    Raises:
        ValueError: if it has any other number of dimensions.
    """
    x = as_tensor(input)
    if x.ndim not in (ndim + 1, ndim + 2):
        hint = ""
        if x.ndim == ndim:
            hint = f" To add a dimension for one channel: x.reshape{(1, 1, *x.shape)}, or x.unsqueeze(0)."
        elif x.ndim == ndim + 3:
            hint = f" To merge the first two dimensions: x.flatten(0, 1), of shape {x.flatten(0, 1).shape}."
        raise ValueError(
            f"{name}: the input must be a batch (N, C, {AXES[ndim]}) or one example (C, {AXES[ndim]}); got shape "
            f"{x.shape}.{hint}"
        )
    return x


def as_batch(name: str, input: Any, ndim: int) -> tuple[Tensor, bool]:
    """Return the input as (N, C, *sizes), and whether it came unbatched, as (C, *sizes)."""
    x = check_rank(name, input, ndim)
    unbatched = x.ndim == ndim + 1
    return (x.unsqueeze(0) if unbatched else x), unbatched


def from_batch(y: Tensor, unbatched: bool) -> Tensor:
    """Remove the batch dimension that `as_batch` has added."""
    return y.squeeze(0) if unbatched else y


def times(sizes: Any) -> str:
    """Format sizes for a message.

    >>> times((3, 3))
    '3 x 3'
    """
    return " x ".join(map(str, sizes))
