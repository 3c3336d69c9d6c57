"""Padding: the function `pad`, and a module for each of its modes and numbers of dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_arguments, check_number
from minigrad.nn.module import Module
from minigrad.nn.spatial import each_dim
from minigrad.output.words import class_name
from minigrad.primitives import indexing
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import check_range
from minigrad.tensors.joining import cat
from minigrad.tensors.tensor import Tensor


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Pad a tensor at the ends of its last dimensions; a negative number crops instead.

    Args:
        input: a tensor of any shape; except in mode "constant", (N, C, *sizes) or (C, *sizes).
        pad: pairs of numbers, from the last dimension backwards: (before, after) for the last dimension, then
            (before, after) for the one before it, and so on.
        mode: what the new elements are. "constant" (default): `value`; "reflect": the inside, mirrored at the end
            element, which is not repeated; "replicate": the end element; "circular": the elements of the other end.
        value: the constant for mode "constant" (default 0).

    Shape:
        (..., L) -> (..., before + L + after), and the same for every other padded dimension.

    Raises:
        TypeError: if `pad` is not a tuple or list of integers.
        ValueError: if its numbers are not pairs, are more than two per dimension, or exceed the elements to crop,
            reflect or wrap around.
        NotImplementedError: if the mode is unknown, or does not pad this many dimensions.

    >>> from minigrad import tensor
    >>> x = tensor([[1.0, 2.0, 3.0]])
    >>> pad(x, (1, 2)).tolist()
    [[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]]
    >>> pad(x, (2, -1), mode="reflect").tolist()
    [[3.0, 2.0, 1.0, 2.0]]
    """
    x = as_tensor(input)
    if not isinstance(pad, list | tuple):
        raise TypeError(f"pad: pad must be a tuple (before, after) of the last dimension, and so on; got {pad!r}")
    numbers = each_dim("pad", "pad", pad, len(pad), least=-math.inf) if len(pad) else ()
    if len(numbers) % 2 or len(numbers) > 2 * x.ndim:
        raise ValueError(
            f"pad: pad must have pairs (before, after), from the last dimension backwards, for at most the {x.ndim} "
            f"dimensions of shape {x.shape}; got {len(numbers)} numbers {tuple(pad)}"
        )
    pairs = {x.ndim - 1 - i: numbers[2 * i : 2 * i + 2] for i in range(len(numbers) // 2)}
    for dim, (before, after) in pairs.items():
        size = x.shape[dim]
        if size + before + after < 0 or mode in ("constant", "circular") and min(before, after) < -size:
            raise ValueError(f"pad: {before} and {after} crop more than dimension {dim} of shape {x.shape} has")
    if value is not None:
        check_number("pad", value=value)
    if mode == "constant":
        return _constant(x, pairs, 0 if value is None else value)
    if mode not in _BORDERS:
        raise NotImplementedError(f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    if value is not None:
        raise ValueError(f"pad: mode {mode!r} takes no value; got {value!r}")
    if not 1 <= len(pairs) <= 3 or x.ndim - len(pairs) not in (1, 2):
        raise NotImplementedError(
            f"pad: mode {mode!r} pads the last one, two or three dimensions of an input (N, C, *sizes) or (C, *sizes); "
            f"got {len(numbers)} numbers for shape {x.shape}"
        )
    for dim, (before, after) in pairs.items():
        if mode == "circular":
            x, before, after = _cropped(x, dim, before, after), max(before, 0), max(after, 0)
        x = _cropped(_BORDERS[mode](x, dim, max(before, 0), max(after, 0)), dim, before, after)
    return x


def _cropped(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """Crop x by the numbers that are negative."""
    return _part(x, dim, max(-before, 0), x.shape[dim] + min(after, 0)) if min(before, after) < 0 else x


def _part(x: Tensor, dim: int, start: int | None, stop: int | None, step: int = 1) -> Tensor:
    return x[(slice(None),) * dim + (slice(start, stop, step),)]


def _constant(x: Tensor, pairs: dict[int, tuple[int, ...]], value: float) -> Tensor:
    shape, inside = list(x.shape), [slice(None)] * x.ndim
    for dim, (before, after) in pairs.items():
        x = _cropped(x, dim, before, after)
        inside[dim] = slice(max(before, 0), max(before, 0) + x.shape[dim])
        shape[dim] += before + after
    if x.shape == tuple(shape):
        return x.clone()
    if not value:
        return x.apply(indexing.place, x, index=tuple(inside), shape=tuple(shape))
    check_range("pad", value, x.dtype)
    return x.apply(indexing.setitem, np.full(shape, value, x.dtype), x, index=tuple(inside))


def _reflect(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    size = x.shape[dim]
    if max(before, after) >= size:
        raise ValueError(
            f"pad: 'reflect' mirrors at the end element without repeating it, so it can add at most {size - 1} "
            f"elements to dimension {dim} of shape {x.shape}; got {before} and {after}"
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
            f"pad: 'circular' wraps around once, so it can add at most {size} elements to dimension {dim} of shape "
            f"{x.shape}; got {before} and {after}"
        )
    return cat([_part(x, dim, size - before, None), x, _part(x, dim, 0, after)], dim)


_BORDERS = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}


# ---- as modules ------------------------------------------------------------------------------------------------


class _Pad(Module):
    """`pad` with fixed settings, on the last `ndim` dimensions of (N, C, *sizes) or (C, *sizes)."""

    ndim: int
    mode = "constant"
    value: float | None = None

    @check_arguments
    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        name = class_name(self)
        self.padding = each_dim(name, "padding", padding, 2 * self.ndim, least=-math.inf, one=False)

    def forward(self, input: Any) -> Tensor:
        """Pad the input: (..., *sizes) -> (..., *padded sizes)."""
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(_Pad):
    @check_arguments
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Pad the last dimension with a constant.

    Args:
        padding: (left, right), or one integer for both.
        value: the constant.

    Shape:
        (..., W) -> (..., left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ConstantPad1d((1, 2), 9.0)(tensor([[1.0, 2.0]])).tolist()
    [[9.0, 1.0, 2.0, 9.0, 9.0]]
    """

    ndim = 1


class ConstantPad2d(_ConstantPad):
    """Pad the last two dimensions with a constant.

    Args:
        padding: (left, right, top, bottom), or one integer for all four.
        value: the constant.

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ConstantPad2d((1, 0, 0, 1), 9.0)(tensor([[[1.0]]])).tolist()
    [[[9.0, 1.0], [9.0, 9.0]]]
    """

    ndim = 2


class ConstantPad3d(_ConstantPad):
    """Pad the last three dimensions with a constant.

    Args:
        padding: (left, right, top, bottom, front, back), or one integer for all six.
        value: the constant.

    Shape:
        (..., D, H, W) -> (..., front + D + back, top + H + bottom, left + W + right).

    >>> from minigrad import nn, ones
    >>> nn.ConstantPad3d(1, 9.0)(ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    ndim = 3


class ZeroPad1d(_Pad):
    """Pad the last dimension with zeros.

    Args:
        padding: (left, right), or one integer for both.

    Shape:
        (..., W) -> (..., left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ZeroPad1d(1)(tensor([[1.0, 2.0]])).tolist()
    [[0.0, 1.0, 2.0, 0.0]]
    """

    ndim = 1


class ZeroPad2d(_Pad):
    """Pad the last two dimensions with zeros.

    Args:
        padding: (left, right, top, bottom), or one integer for all four.

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ZeroPad2d((1, 0, 0, 1))(tensor([[[1.0]]])).tolist()
    [[[0.0, 1.0], [0.0, 0.0]]]
    """

    ndim = 2


class ZeroPad3d(_Pad):
    """Pad the last three dimensions with zeros.

    Args:
        padding: (left, right, top, bottom, front, back), or one integer for all six.

    Shape:
        (..., D, H, W) -> (..., front + D + back, top + H + bottom, left + W + right).

    >>> from minigrad import nn, ones
    >>> nn.ZeroPad3d(1)(ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    ndim = 3


class ReflectionPad1d(_Pad):
    """Pad the last dimension with the inside mirrored at the end elements, which are not repeated.

    Args:
        padding: (left, right), or one integer for both.

    Shape:
        (..., W) -> (..., left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ReflectionPad1d(2)(tensor([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]
    """

    ndim, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pad the last two dimensions with the inside mirrored at the end elements, which are not repeated.

    Args:
        padding: (left, right, top, bottom), or one integer for all four.

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ReflectionPad2d((1, 0, 0, 1))(tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[2.0, 1.0, 2.0], [4.0, 3.0, 4.0], [2.0, 1.0, 2.0]]]
    """

    ndim, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pad the last three dimensions with the inside mirrored at the end elements, which are not repeated.

    Args:
        padding: (left, right, top, bottom, front, back), or one integer for all six.

    Shape:
        (..., D, H, W) -> (..., front + D + back, top + H + bottom, left + W + right).

    >>> from minigrad import nn, ones
    >>> nn.ReflectionPad3d(1)(ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    ndim, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pad the last dimension by repeating the end elements.

    Args:
        padding: (left, right), or one integer for both.

    Shape:
        (..., W) -> (..., left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ReplicationPad1d(2)(tensor([[1.0, 2.0]])).tolist()
    [[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]]
    """

    ndim, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pad the last two dimensions by repeating the end elements.

    Args:
        padding: (left, right, top, bottom), or one integer for all four.

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.ReplicationPad2d((1, 0, 0, 1))(tensor([[[1.0, 2.0]]])).tolist()
    [[[1.0, 1.0, 2.0], [1.0, 1.0, 2.0]]]
    """

    ndim, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pad the last three dimensions by repeating the end elements.

    Args:
        padding: (left, right, top, bottom, front, back), or one integer for all six.

    Shape:
        (..., D, H, W) -> (..., front + D + back, top + H + bottom, left + W + right).

    >>> from minigrad import nn, ones
    >>> nn.ReplicationPad3d(1)(ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    ndim, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Pad the last dimension with the elements of the other end, as if the tensor were periodic.

    Args:
        padding: (left, right), or one integer for both.

    Shape:
        (..., W) -> (..., left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.CircularPad1d((2, 0))(tensor([[1.0, 2.0, 3.0]])).tolist()
    [[2.0, 3.0, 1.0, 2.0, 3.0]]
    """

    ndim, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Pad the last two dimensions with the elements of the other end, as if the tensor were periodic.

    Args:
        padding: (left, right, top, bottom), or one integer for all four.

    Shape:
        (..., H, W) -> (..., top + H + bottom, left + W + right).

    >>> from minigrad import nn, tensor
    >>> nn.CircularPad2d((1, 0, 0, 1))(tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[[2.0, 1.0, 2.0], [4.0, 3.0, 4.0], [2.0, 1.0, 2.0]]]
    """

    ndim, mode = 2, "circular"


class CircularPad3d(_Pad):
    """Pad the last three dimensions with the elements of the other end, as if the tensor were periodic.

    Args:
        padding: (left, right, top, bottom, front, back), or one integer for all six.

    Shape:
        (..., D, H, W) -> (..., front + D + back, top + H + bottom, left + W + right).

    >>> from minigrad import nn, ones
    >>> nn.CircularPad3d(1)(ones(1, 2, 3, 4)).shape
    (1, 4, 5, 6)
    """

    ndim, mode = 3, "circular"
