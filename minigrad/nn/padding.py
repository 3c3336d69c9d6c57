"""Padding: `pad`, and each of its modes as a module."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn.module import Module
from minigrad.nn.spatial import each_dim
from minigrad.primitives import indexing as index
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat
from minigrad.tensors.tensor import Tensor


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """A tensor made larger at its ends, or smaller where a number is negative.

    Args:
        input: of any shape; for other modes than "constant", channels (and a batch of them) come first.
        pad: before and after the last dimension, before and after the last but one, and so on.
        mode: what is put there. "constant": `value`; "reflect": what lies inside, mirrored at the last element;
            "replicate": the last element again; "circular": the other end.
        value: for mode "constant"; 0 if not given.

    Raises:
        ValueError: for numbers that are not pairs, more of them than dimensions, or more than there is to repeat.

    >>> from minigrad import tensor
    >>> x = tensor([[1.0, 2.0, 3.0]])
    >>> pad(x, (1, 2)).tolist()
    [[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]]
    >>> pad(x, (2, -1), mode="reflect").tolist()
    [[3.0, 2.0, 1.0, 2.0]]
    """
    x = as_tensor(input)
    if not isinstance(pad, list | tuple):
        raise TypeError(f"pad: how much to pad is a tuple, before and after the last dimension and so on; got {pad!r}")
    numbers = each_dim("pad", "pad", pad, len(pad), least=-math.inf) if len(pad) else ()
    if len(numbers) % 2 or len(numbers) > 2 * x.ndim:
        raise ValueError(
            f"pad: takes pairs of numbers, before and after, from the last dimension on, for at most the {x.ndim} "
            f"dimensions of shape {x.shape}; got {len(numbers)} numbers {tuple(pad)}"
        )
    pairs = {x.ndim - 1 - i: numbers[2 * i : 2 * i + 2] for i in range(len(numbers) // 2)}
    for dim, (before, after) in pairs.items():
        size = x.shape[dim]
        if size + before + after < 0 or mode in ("constant", "circular") and min(before, after) < -size:
            raise ValueError(f"pad: {before} and {after} cut off more than dimension {dim} of shape {x.shape} has")
    if mode == "constant":
        return _constant(x, pairs, 0 if value is None else value)
    if mode not in _BORDERS:
        raise NotImplementedError(f"pad: the mode is 'constant', 'reflect', 'replicate' or 'circular', not {mode!r}")
    if value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value; got {value!r}")
    if not 1 <= len(pairs) <= 3 or x.ndim - len(pairs) not in (1, 2):
        raise NotImplementedError(
            f"pad: mode {mode!r} pads the last one, two or three dimensions, after those of channels and, if there is "
            f"one, of the batch; got {len(numbers)} numbers for shape {x.shape}"
        )
    for dim, (before, after) in pairs.items():
        if mode == "circular":
            x, before, after = _cropped(x, dim, before, after), max(before, 0), max(after, 0)
        x = _cropped(_BORDERS[mode](x, dim, max(before, 0), max(after, 0)), dim, before, after)
    return x


def _cropped(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Without what negative numbers cut off."""
    return _part(x, dim, max(-before, 0), x.shape[dim] + min(after, 0)) if min(before, after) < 0 else x


def _part(x: Tensor, dim: int, start: int | None, stop: int | None, step: int = 1) -> Tensor:
    return x[(slice(None),) * dim + (slice(start, stop, step),)]


def _constant(x: Tensor, pairs: dict[int, tuple[int, ...]], value: float) -> Tensor:
    shape, place = list(x.shape), [slice(None)] * x.ndim
    for dim, (before, after) in pairs.items():
        x = _cropped(x, dim, before, after)
        place[dim] = slice(max(before, 0), max(before, 0) + x.shape[dim])
        shape[dim] += before + after
    if x.shape == tuple(shape):
        return x.clone()
    if not value:
        return x.apply(index.place, x, index=tuple(place), shape=tuple(shape))
    return x.apply(index.setitem, np.full(shape, value, x.dtype), x, index=tuple(place))


def _reflect(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.shape[dim]
    if max(before, after) >= size:
        raise ValueError(
            f"pad: 'reflect' mirrors what lies beyond the last element, so at most {size - 1} elements of dimension "
            f"{dim} of shape {x.shape}; got {before} and {after}"
        )
    return cat([_part(x, dim, before, 0, -1), x, _part(x, dim, -2, -2 - after, -1)], dim)


def _replicate(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    if not x.shape[dim]:
        raise ValueError(f"pad: 'replicate' has nothing to repeat in dimension {dim} of shape {x.shape}")
    ends = [
        _part(x, dim, i, i + 1 or None).expand(*x.shape[:dim], n, *x.shape[dim + 1 :])
        for i, n in ((0, before), (-1, after))
    ]
    return cat([ends[0], x, ends[1]], dim)


def _circular(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.shape[dim]
    if max(before, after) > size:
        raise ValueError(
            f"pad: 'circular' goes round once, so at most {size} elements of dimension {dim} of shape {x.shape}; "
            f"got {before} and {after}"
        )
    return cat([_part(x, dim, size - before, None), x, _part(x, dim, 0, after)], dim)


_BORDERS = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}


# ---- as modules ------------------------------------------------------------------------------------------------


class _Pad(Module):
    """`pad` of the last dimensions of (N, C, *sizes) or (C, *sizes).

    Args:
        padding: one number for all sides, or before and after the last dimension, the last but one, and so on.
    """

    ndim: int
    mode = "constant"
    value: float | None = None

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        name = type(self).__name__
        self.padding = each_dim(name, "padding", padding, 2 * self.ndim, least=-math.inf)

    def forward(self, x: Any) -> Tensor:
        """(..., *sizes) -> (..., *larger sizes)."""
        return pad(x, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A number before and after the last dimension."""

    ndim = 1


class ConstantPad2d(_ConstantPad):
    """A number around the last two dimensions."""

    ndim = 2


class ConstantPad3d(_ConstantPad):
    """A number around the last three dimensions."""

    ndim = 3


class ZeroPad1d(_Pad):
    """Zeros before and after the last dimension."""

    ndim = 1


class ZeroPad2d(_Pad):
    """Zeros around the last two dimensions."""

    ndim = 2


class ZeroPad3d(_Pad):
    """Zeros around the last three dimensions."""

    ndim = 3


class ReflectionPad1d(_Pad):
    """The last dimension, mirrored at its ends."""

    ndim, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two dimensions, mirrored at their ends."""

    ndim, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The last three dimensions, mirrored at their ends."""

    ndim, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The last dimension, with its end elements repeated."""

    ndim, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The last two dimensions, with their end elements repeated."""

    ndim, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The last three dimensions, with their end elements repeated."""

    ndim, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last dimension, wrapped around."""

    ndim, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The last two dimensions, wrapped around."""

    ndim, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The last three dimensions, wrapped around."""

    ndim, mode = 3, "circular"
