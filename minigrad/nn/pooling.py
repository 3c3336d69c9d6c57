"""Pooling: the maximum, mean or p-norm of each window of signals, images and volumes; local response normalization.

Pooling in several dimensions goes axis by axis: the maximum of a rectangle is the maximum of its rows' maxima, and its
sum is the sum of its rows' sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, Protocol, overload

import numpy as np

from minigrad.nn.arguments import check_arguments, check_bool, check_int, check_number
from minigrad.nn.module import Module
from minigrad.nn.spatial import check_rank, check_windows, each_dim, times
from minigrad.output.words import class_name
from minigrad.primitives import pooling as primitives
from minigrad.primitives.indexing import unpool
from minigrad.primitives.pooling import Windows
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

Sizes = int | tuple[int, ...]


# ---- windows -----------------------------------------------------------------------------------------------------


def _regular(
    name: str, x: Tensor, ndim: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[list[Windows], list[int]]:
    """Return the windows along each of the last `ndim` dimensions, and the kernel size along each."""
    check_bool(name, ceil_mode=ceil_mode)
    kernel = each_dim(name, "kernel_size", kernel, ndim)
    stride = kernel if stride is None or stride == () else each_dim(name, "stride", stride, ndim)
    padding = each_dim(name, "padding", padding, ndim, least=0)
    dilation = each_dim(name, "dilation", dilation, ndim)
    windows = []
    for size, k, s, p, d in zip(x.shape[-ndim:], kernel, stride, padding, dilation):
        length = d * (k - 1) + 1
        if 2 * p > length:
            raise ValueError(
                f"{name}: padding must be at most half of the window of {length}, got {p}; more would "
                "leave windows of padding alone"
            )
        room = size + 2 * p - length
        count = -(-room // s) + 1 if ceil_mode else room // s + 1
        if ceil_mode and (count - 1) * s >= size + p:  # the last window must start before the padding at the end
            count -= 1
        if count < 1 or not size:
            raise ValueError(
                f"{name}: windows of {times(kernel)}"
                + (f", dilated by {times(dilation)}," if max(dilation) > 1 else "")
                + f" do not fit into the input of {times(x.shape[-ndim:])} with a padding of {times(padding)}"
            )
        starts = [i * s - p for i in range(count)]
        windows.append(Windows(size, tuple(starts), tuple([start + length for start in starts]), d))
        if not all(windows[-1].places()):
            raise ValueError(
                f"{name}: some windows of {k}, dilated by {d}, contain only padding of the input of {size}"
            )
    return windows, list(kernel)


def _adaptive(name: str, x: Tensor, ndim: int, output_size: Any) -> list[Windows]:
    """Return `output_size` windows along each of the last dimensions: as equal as possible, covering the input."""
    wanted = output_size if isinstance(output_size, list | tuple) else (output_size,)
    wanted = tuple(wanted) * (ndim if len(wanted) == 1 else 1)
    sizes = x.shape[-ndim:]
    wanted = each_dim(name, "output_size", [s if n is None else n for n, s in zip(wanted, sizes)], ndim, least=0)
    if 0 in sizes:
        raise ValueError(f"{name}: the input of {times(sizes)} is empty, there is nothing to pool")
    return [
        Windows(s, tuple([i * s // n for i in range(n)]), tuple([-(-(i + 1) * s // n) for i in range(n)]))
        for s, n in zip(sizes, wanted)
    ]


# ---- maxima ------------------------------------------------------------------------------------------------------


def _maximum(x: Tensor, windows: list[Windows], return_indices: bool) -> Any:
    """Return the maximum of each window, with its index into the flattened last dimensions if asked for."""
    check_bool("max_pool", return_indices=return_indices)
    y: Tensor = x.apply(primitives.max_pool, x, windows=tuple(windows))
    if not return_indices:
        return y
    return y, as_tensor(primitives.argmax_pool(x.detach()._array, windows=tuple(windows)))


def _max_pool(
    ndim: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    name = f"max_pool{ndim}d"
    x = check_rank(name, input, ndim)
    windows, _ = _regular(name, x, ndim, kernel_size, stride, padding, dilation, ceil_mode)
    return _maximum(x, windows, return_indices)


class _MaxPooling(Protocol):
    """The type of `max_pool1d` and its like: a pair with `return_indices`."""

    @overload
    def __call__(
        self,
        input: Any,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> Tensor: ...
    @overload
    def __call__(
        self,
        input: Any,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(
        self,
        input: Any,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any: ...


class _AdaptiveMaxPooling(Protocol):
    """The type of `adaptive_max_pool1d` and its like."""

    @overload
    def __call__(self, input: Any, output_size: Any, return_indices: Literal[False] = False) -> Tensor: ...
    @overload
    def __call__(self, input: Any, output_size: Any, return_indices: Literal[True]) -> tuple[Tensor, Tensor]: ...
    @overload
    def __call__(self, input: Any, output_size: Any, return_indices: bool = False) -> Any: ...


def _max_pooling(function: Callable[..., Any]) -> _MaxPooling:
    return function


def _adaptive_max_pooling(function: Callable[..., Any]) -> _AdaptiveMaxPooling:
    return function


@_max_pooling
def max_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window of signals: `max_pool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = floor((L + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1.

    >>> from minigrad import tensor
    >>> max_pool1d(tensor([[1.0, 4.0, 2.0, 3.0]]), 2).tolist()
    [[4.0, 3.0]]
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@_max_pooling
def max_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window of images.

    y[n, c, i, j] = the maximum over u, v of x[n, c, i * stride + u * dilation - padding, ...]. The gradient goes to
    that element; among equals, to the first.

    Args:
        input: a batch of images, or one image.
        kernel_size: the size of the windows, usually 2 or 3.
        stride: the distance between windows; default `kernel_size`, so that they lie side by side.
        padding: how far the first windows start outside the image, at most half of their size; the outside counts as
            minus infinity (default 0).
        dilation: the distance between the pixels of a window (default 1).
        ceil_mode: whether a last window may extend past the end, so that sizes are rounded up (default False).
        return_indices: whether to return a pair (maxima, their indices into the flattened image), as `max_unpool2d`
            takes it (default False).

        kernel_size, stride, padding and dilation are one integer, or one per dimension.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1; W_out likewise.

    Raises:
        ValueError: if no window fits, or the padding is more than half of the window.

    >>> from minigrad import tensor
    >>> max_pool2d(tensor([[[1.0, 2.0, 5.0, 0.0], [4.0, 3.0, 0.0, 5.0]]]), 2, return_indices=True)
    (tensor([[[4., 5.]]]), tensor([[[4, 2]]]))
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@_max_pooling
def max_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the maximum of each window of volumes: `max_pool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `max_pool2d`.

    >>> from minigrad import zeros
    >>> max_pool3d(zeros(1, 2, 4, 4, 4), 2).shape
    (1, 2, 2, 2, 2)
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _adaptive_max_pool(ndim: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{ndim}d"
    x = check_rank(name, input, ndim)
    return _maximum(x, _adaptive(name, x, ndim, output_size), return_indices)


@_adaptive_max_pooling
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the maximum of each of `output_size` windows of signals, on the windows of `adaptive_avg_pool1d`.

    Shape: (N, C, L) or (C, L) -> (N, C, output_size) or (C, output_size).

    >>> from minigrad import tensor
    >>> adaptive_max_pool1d(tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2).tolist()
    [[3.0, 5.0]]
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


@_adaptive_max_pooling
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the maximum of each of `output_size` windows of images, on the windows of `adaptive_avg_pool2d`.

    Args:
        input: a batch of images, or one image.
        output_size: the number of windows, (H_out, W_out), or one integer for both; None keeps a size.
        return_indices: whether to return a pair (maxima, their indices into the flattened image) (default False).

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import arange
    >>> adaptive_max_pool2d(arange(12.0).reshape(1, 3, 4), (1, 2)).tolist()
    [[[9.0, 11.0]]]
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


@_adaptive_max_pooling
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the maximum of each of `output_size` windows of volumes, on the windows of `adaptive_avg_pool3d`.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import zeros
    >>> adaptive_max_pool3d(zeros(1, 2, 5, 6, 7), (2, 3, None)).shape
    (1, 2, 2, 3, 7)
    """
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _max_unpool(
    ndim: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{ndim}d"
    x, flat_indices = check_rank(name, input, ndim), np.asarray(as_tensor(indices)._array)
    if flat_indices.dtype.kind not in "iu" or flat_indices.shape != x.shape:
        raise ValueError(
            f"{name}: indices must be integers, one per element, as return_indices=True gives them; got "
            f"{flat_indices.dtype} of shape {flat_indices.shape} for an input of shape {x.shape}"
        )
    kernel = each_dim(name, "kernel_size", kernel_size, ndim)
    stride = kernel if stride is None else each_dim(name, "stride", stride, ndim)
    padding = each_dim(name, "padding", padding, ndim, least=0)
    usual = [(n - 1) * s - 2 * p + k for n, k, s, p in zip(x.shape[-ndim:], kernel, stride, padding)]
    sizes = usual if output_size is None else each_dim(name, "output_size", tuple(output_size)[-ndim:], ndim)
    if any(abs(size - u) >= s for size, u, s in zip(sizes, usual, stride)):
        raise ValueError(
            f"{name}: output_size must differ from {tuple(usual)} by less than the stride {stride}, got {sizes}"
        )
    if flat_indices.size and not 0 <= flat_indices.min() <= flat_indices.max() < math.prod(sizes):
        raise IndexError(
            f"{name}: indices into an output of {times(sizes)} must be from 0 to {math.prod(sizes) - 1}; got "
            f"{flat_indices.min()} to {flat_indices.max()}"
        )
    rest = x.shape[:-ndim]
    flat = x.reshape(*rest, math.prod(x.shape[-ndim:]))
    shape = (*rest, math.prod(sizes))
    out = x.apply(unpool, flat, index=flat_indices.reshape(flat.shape), axis=len(rest), shape=shape)
    return out.reshape(*rest, *sizes)


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Put each maximum of signals back where it was: `max_unpool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = (L - 1) stride - 2 padding + kernel_size, or `output_size`.

    >>> from minigrad import tensor
    >>> y, indices = max_pool1d(tensor([[1.0, 4.0, 2.0, 3.0]]), 2, return_indices=True)
    >>> max_unpool1d(y, indices, 2).tolist()
    [[0.0, 4.0, 0.0, 3.0]]
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Put each maximum back where it was, with zeros elsewhere: a partial inverse of `max_pool2d`.

    Where windows overlap, two of them must not have the same maximum.

    Args:
        input: the maxima, as `max_pool2d` returns them.
        indices: their indices, of the same shape, from `max_pool2d(..., return_indices=True)`.
        kernel_size, stride, padding: the settings of that `max_pool2d`.
        output_size: the sizes before pooling, where several give the same pooled size; default: the formula below.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = (H - 1) stride - 2 padding + kernel_size, or `output_size`; W_out likewise.

    Raises:
        ValueError: if indices or output_size do not fit.
        IndexError: if an index is outside the output.

    >>> from minigrad import tensor
    >>> y, indices = max_pool2d(tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2, return_indices=True)
    >>> max_unpool2d(y, indices, 2).tolist()
    [[[0.0, 0.0], [4.0, 0.0]]]
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Put each maximum of volumes back where it was: `max_unpool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `max_unpool2d`.

    >>> from minigrad import ones
    >>> y, indices = max_pool3d(ones(1, 4, 4, 4), 2, return_indices=True)
    >>> max_unpool3d(y, indices, 2).shape
    (1, 4, 4, 4)
    """
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


# ---- means and norms ---------------------------------------------------------------------------------------------


def _check_floats(name: str, x: Tensor) -> None:
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: the input must be of floats, got {x.dtype}; convert it, x.float()")


def _sum(x: Tensor, windows: list[Windows]) -> Tensor:
    total: Tensor = x.apply(primitives.sum_pool, x, axis=x.ndim - len(windows), windows=tuple(windows))
    return total


def _lengths(windows: list[Windows]) -> list[list[int]]:
    """How many elements of the input each window has, along each dimension."""
    return [[*map(len, w.places())] for w in windows]


def _areas(x: Tensor, lengths: list[list[int]]) -> Any:
    """The number of elements of each window: the product of its lengths along the dimensions."""
    return np.prod(np.meshgrid(*lengths, indexing="ij"), axis=0).astype(x.dtype)


def _check_divisor(name: str, divisor_override: int | None) -> None:
    if divisor_override is not None:
        check_int(name, divisor_override=divisor_override)
        if divisor_override == 0:
            raise ValueError(f"{name}: divisor_override must not be 0: the sums are divided by it")


def _avg_pool(
    ndim: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Tensor:
    name = f"avg_pool{ndim}d"
    x = check_rank(name, input, ndim)
    _check_floats(name, x)
    check_bool(name, count_include_pad=count_include_pad)
    _check_divisor(name, divisor_override)
    windows, kernel = _regular(name, x, ndim, kernel_size, stride, padding, 1, ceil_mode)
    total = _sum(x, windows)
    if divisor_override is not None:
        return total / divisor_override
    if count_include_pad:  # the padding counts, what lies beyond it does not
        ends = [w.size - w.starts[0] for w in windows]
        lengths = [[min(stop, end) - start for start, stop in zip(w.starts, w.stops)] for w, end in zip(windows, ends)]
    else:
        lengths = _lengths(windows)
    if lengths == [[k] * len(along) for k, along in zip(kernel, lengths)]:
        return total / math.prod(kernel)
    return total / _areas(x, lengths)


def avg_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window of signals: `avg_pool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = floor((L + 2 padding - kernel_size) / stride) + 1.

    >>> from minigrad import tensor
    >>> avg_pool1d(tensor([[1.0, 3.0, 2.0, 4.0]]), 2).tolist()
    [[2.0, 3.0]]
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of images.

    Args:
        input: a batch of images, or one image.
        kernel_size: the size of the windows.
        stride: the distance between windows; default `kernel_size`, so that they lie side by side.
        padding: how many zeros to add on every side, at most half of the window (default 0).
        ceil_mode: whether a last window may extend past the end, so that sizes are rounded up (default False).
        count_include_pad: whether the added zeros count in the mean (default True).
        divisor_override: divide the sums by this number instead of the number of elements.

        kernel_size, stride and padding are one integer, or one per dimension.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = floor((H + 2 padding - kernel_size) / stride) + 1; W_out likewise.

    Raises:
        ValueError: if no window fits, or the padding is more than half of the window.
        TypeError: if the input is not of floats.

    >>> from minigrad import tensor
    >>> avg_pool2d(tensor([[[1.0, 2.0, 5.0, 0.0], [4.0, 1.0, 0.0, 3.0]]]), 2).tolist()
    [[[2.0, 2.0]]]
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Return the mean of each window of volumes: `avg_pool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `avg_pool2d`.

    >>> from minigrad import ones
    >>> avg_pool3d(ones(1, 2, 4, 4, 4), 2).shape
    (1, 2, 2, 2, 2)
    """
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _adaptive_avg_pool(ndim: int, input: Any, output_size: Any) -> Tensor:
    name = f"adaptive_avg_pool{ndim}d"
    x = check_rank(name, input, ndim)
    _check_floats(name, x)
    windows = _adaptive(name, x, ndim, output_size)
    return _sum(x, windows) / _areas(x, _lengths(windows))


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """Return the mean of each of `output_size` windows of signals: `adaptive_avg_pool2d` with one dimension.

    Shape: (N, C, L) or (C, L) -> (N, C, output_size) or (C, output_size).

    >>> from minigrad import tensor
    >>> adaptive_avg_pool1d(tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2).tolist()
    [[2.0, 4.0]]
    """
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """Return the mean of each of `output_size` windows, as equal as possible, that together cover the image.

    Window i along H covers floor(i H / H_out) up to, not including, ceil((i + 1) H / H_out).

    Args:
        input: a batch of images, or one image.
        output_size: the number of windows, (H_out, W_out), or one integer for both; 1 gives the mean of the whole
            image, None keeps a size.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or (C, *output_size).

    Raises:
        ValueError: if the input is empty, or output_size is negative.
        TypeError: if the input is not of floats.

    >>> from minigrad import ones
    >>> adaptive_avg_pool2d(ones(1, 8, 7, 5), 1).shape
    (1, 8, 1, 1)
    """
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """Return the mean of each of `output_size` windows of volumes: `adaptive_avg_pool2d` with three dimensions.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import ones
    >>> adaptive_avg_pool3d(ones(1, 8, 4, 7, 5), (2, 1, None)).shape
    (1, 8, 2, 1, 5)
    """
    return _adaptive_avg_pool(3, input, output_size)


def _lp_pool(ndim: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    name = f"lp_pool{ndim}d"
    check_number(name, norm_type=norm_type)
    x = check_rank(name, input, ndim) ** norm_type
    _check_floats(name, x)
    windows, kernel = _regular(name, x, ndim, kernel_size, stride, 0, 1, ceil_mode)
    total = _sum(x, windows) * as_tensor(math.prod(kernel) / _areas(x, _lengths(windows)))
    return (total.sign() * total.abs().relu()) ** (1.0 / norm_type)


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """Return the p-norm of each window of signals: `lp_pool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = floor((L - kernel_size) / stride) + 1.

    >>> from minigrad import tensor
    >>> lp_pool1d(tensor([[3.0, 4.0, 0.0, 5.0]]), 2.0, 2).round(decimals=2).tolist()
    [[5.0, 5.0]]
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """Return the p-norm of each window of images: (the sum of x ** p) ** (1 / p), with p = norm_type.

    p = 1 gives sums, a large p approaches maxima. As in PyTorch, absolute values are not taken, and the sum of a window
    that extends past the end is scaled up to a full window.

    Args:
        input: a batch of images, or one image.
        norm_type: p, usually 2.
        kernel_size: the size of the windows: one integer, or one per dimension.
        stride: the distance between windows (default `kernel_size`).
        ceil_mode: whether a last window may extend past the end, so that sizes are rounded up (default False).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = floor((H - kernel_size) / stride) + 1; W_out likewise.

    >>> from minigrad import ones
    >>> lp_pool2d(ones(1, 2, 4), 2.0, 2).round(decimals=2).tolist()
    [[[2.0, 2.0]]]
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """Return the p-norm of each window of volumes: `lp_pool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `lp_pool2d`.

    >>> from minigrad import ones
    >>> lp_pool3d(ones(1, 2, 4, 4, 4), 2.0, 2).shape
    (1, 2, 2, 2, 2)
    """
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide each element by a power of its neighbouring channels: x / (k + alpha mean(x^2)) ** beta.

    The mean is over `size` channels around the element's own; channels that do not exist count as zeros.

    Args:
        input: at least three dimensions, the second of them channels.
        size: the number of channels, usually 5.
        alpha: default 1e-4.
        beta: default 0.75.
        k: default 1.

    Shape: (N, C, ...) -> (N, C, ...).

    Raises:
        ValueError: if the input has fewer than three dimensions, or `size` is less than 1.
        TypeError: if the input is not of floats.

    >>> from minigrad import ones
    >>> local_response_norm(ones(1, 2, 1), size=1, alpha=1.0, beta=1.0).tolist()
    [[[0.5], [0.5]]]

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.
    """
    x = as_tensor(input)
    if x.ndim < 3:
        raise ValueError(
            f"local_response_norm: the input must have at least three dimensions (N, C, ...), got {x.shape}"
        )
    _check_floats("local_response_norm", x)
    each_dim("local_response_norm", "size", size, 1)
    check_number("local_response_norm", alpha=alpha, beta=beta, k=k)
    starts = [c - size // 2 for c in range(x.shape[1])]
    windows = Windows(x.shape[1], tuple(starts), tuple([start + size for start in starts]))
    total = x.apply(primitives.sum_pool, x * x, axis=1, windows=(windows,))
    return x / (total * (alpha / size) + k) ** beta


# ---- modules -----------------------------------------------------------------------------------------------------


class _MaxPool(Module):
    ndim: int

    @check_arguments
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        check_windows(
            self,
            kernel_size=kernel_size,
            stride=kernel_size if stride in (None, ()) else stride,
            padding=padding,
            dilation=dilation,
        )
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Any) -> Tensor:
        """Pool the input; with `return_indices`, return a pair (maxima, indices)."""
        options = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)
        pooled: Any = _max_pool(self.ndim, input, *options)
        return pooled

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """Return the maximum of each window of signals: `MaxPool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = floor((L + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1.

    >>> from minigrad import nn, zeros
    >>> nn.MaxPool1d(3, stride=2)(zeros(1, 8, 9)).shape
    (1, 8, 4)
    """

    ndim = 1


class MaxPool2d(_MaxPool):
    """Return the maximum of each window of images, as `functional.max_pool2d`.

    Args:
        kernel_size: the size of the windows, usually 2 or 3.
        stride: the distance between windows; default `kernel_size`, so that they lie side by side.
        padding: how far the first windows start outside the image, at most half of their size (default 0).
        dilation: the distance between the pixels of a window (default 1).
        return_indices: whether to return a pair (maxima, indices), for `MaxUnpool2d` (default False).
        ceil_mode: whether a last window may extend past the end, so that sizes are rounded up (default False).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1; W_out likewise.

    >>> from minigrad import nn, zeros
    >>> nn.MaxPool2d(2)(zeros(1, 8, 28, 28)).shape
    (1, 8, 14, 14)
    """

    ndim = 2


class MaxPool3d(_MaxPool):
    """Return the maximum of each window of volumes: `MaxPool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `MaxPool2d`.

    >>> from minigrad import nn, zeros
    >>> nn.MaxPool3d(3, stride=2)(zeros(1, 8, 9, 9, 9)).shape
    (1, 8, 4, 4, 4)
    """

    ndim = 3


class _MaxUnpool(Module):
    ndim: int

    @check_arguments
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        name = class_name(self)
        self.kernel_size = each_dim(name, "kernel_size", kernel_size, self.ndim)
        self.stride = each_dim(name, "stride", kernel_size if stride is None else stride, self.ndim)
        self.padding = each_dim(name, "padding", padding, self.ndim, least=0)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Tensor:
        """Put the maxima `input` at their `indices` in an output of `output_size`, with zeros elsewhere."""
        return _max_unpool(self.ndim, input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Put maxima of signals back where they were: `MaxUnpool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = (L - 1) stride - 2 padding + kernel_size, or `output_size`.

    >>> from minigrad import nn, ones
    >>> y, indices = nn.MaxPool1d(2, return_indices=True)(ones(1, 3, 4))
    >>> nn.MaxUnpool1d(2)(y, indices).shape
    (1, 3, 4)
    """

    ndim = 1


class MaxUnpool2d(_MaxUnpool):
    """Put maxima back where they were, with zeros elsewhere, as `functional.max_unpool2d`.

    Args:
        kernel_size, stride, padding: the settings of the `MaxPool2d(..., return_indices=True)` to undo; stride defaults
            to `kernel_size`, padding to 0.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = (H - 1) stride - 2 padding + kernel_size, or `output_size`; W_out likewise.

    >>> from minigrad import nn, ones
    >>> y, indices = nn.MaxPool2d(2, return_indices=True)(ones(1, 3, 4, 4))
    >>> nn.MaxUnpool2d(2)(y, indices).shape
    (1, 3, 4, 4)
    """

    ndim = 2


class MaxUnpool3d(_MaxUnpool):
    """Put maxima of volumes back where they were: `MaxUnpool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `MaxUnpool2d`.

    >>> from minigrad import nn, ones
    >>> y, indices = nn.MaxPool3d(2, return_indices=True)(ones(1, 3, 4, 4, 4))
    >>> nn.MaxUnpool3d(2)(y, indices).shape
    (1, 3, 4, 4, 4)
    """

    ndim = 3


class _AvgPool(Module):
    ndim: int

    @check_arguments
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        check_windows(
            self, kernel_size=kernel_size, stride=kernel_size if stride in (None, ()) else stride, padding=padding
        )
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        _check_divisor(class_name(self), divisor_override)
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Any) -> Tensor:
        """Pool the input: (N, C, *sizes) -> (N, C, *new sizes), or the same without N."""
        options = (self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override)
        return _avg_pool(self.ndim, input, self.kernel_size, *options)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """Return the mean of each window of signals: `AvgPool2d` with one dimension, without `divisor_override`.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = floor((L + 2 padding - kernel_size) / stride) + 1.

    >>> from minigrad import nn, ones
    >>> nn.AvgPool1d(2)(ones(1, 8, 6)).shape
    (1, 8, 3)
    """

    ndim = 1

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        kernel = each_dim("AvgPool1d", "kernel_size", kernel_size, 1)
        stride = kernel if stride is None else each_dim("AvgPool1d", "stride", stride, 1)
        padding = each_dim("AvgPool1d", "padding", padding, 1, least=0)
        super().__init__(kernel, stride, padding, ceil_mode, count_include_pad)


class AvgPool2d(_AvgPool):
    """Return the mean of each window of images, as `functional.avg_pool2d`.

    Args:
        kernel_size: the size of the windows.
        stride: the distance between windows; default `kernel_size`, so that they lie side by side.
        padding: how many zeros to add on every side, at most half of the window (default 0).
        ceil_mode: whether a last window may extend past the end, so that sizes are rounded up (default False).
        count_include_pad: whether the added zeros count in the mean (default True).
        divisor_override: divide the sums by this number instead of the number of elements.

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = floor((H + 2 padding - kernel_size) / stride) + 1; W_out likewise.

    >>> from minigrad import nn, ones
    >>> nn.AvgPool2d(2)(ones(1, 8, 6, 6)).shape
    (1, 8, 3, 3)
    """

    ndim = 2


class AvgPool3d(_AvgPool):
    """Return the mean of each window of volumes: `AvgPool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `AvgPool2d`.

    >>> from minigrad import nn, ones
    >>> nn.AvgPool3d(2)(ones(1, 8, 6, 6, 6)).shape
    (1, 8, 3, 3, 3)
    """

    ndim = 3


class _LPPool(Module):
    ndim: int

    @check_arguments
    def __init__(
        self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        check_windows(self, kernel_size=kernel_size, stride=kernel_size if stride in (None, ()) else stride)
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Any) -> Tensor:
        """Pool the input: (N, C, *sizes) -> (N, C, *new sizes), or the same without N."""
        return _lp_pool(self.ndim, input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """Return the p-norm of each window of signals: `LPPool2d` with one dimension.

    Shape:
        (N, C, L) or (C, L) -> (N, C, L_out) or (C, L_out), where
        L_out = floor((L - kernel_size) / stride) + 1.

    >>> from minigrad import nn, ones
    >>> nn.LPPool1d(2, kernel_size=2)(ones(1, 8, 6)).shape
    (1, 8, 3)
    """

    ndim = 1


class LPPool2d(_LPPool):
    """Return the p-norm of each window of images, (the sum of x ** p) ** (1 / p), as `functional.lp_pool2d`.

    Args:
        norm_type: p; 1 gives sums, a large p approaches maxima.
        kernel_size: the size of the windows.
        stride: the distance between windows (default `kernel_size`).
        ceil_mode: whether a last window may extend past the end, so that sizes are rounded up (default False).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out) or (C, H_out, W_out), where
        H_out = floor((H - kernel_size) / stride) + 1; W_out likewise.

    >>> from minigrad import nn, ones
    >>> nn.LPPool2d(2, kernel_size=2)(ones(1, 8, 6, 6)).shape
    (1, 8, 3, 3)
    """

    ndim = 2


class LPPool3d(_LPPool):
    """Return the p-norm of each window of volumes: `LPPool2d` with three dimensions.

    Shape:
        (N, C, D, H, W) or (C, D, H, W) ->
        (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), each size as in `LPPool2d`.

    >>> from minigrad import nn, ones
    >>> nn.LPPool3d(2, kernel_size=2)(ones(1, 8, 6, 6, 6)).shape
    (1, 8, 3, 3, 3)
    """

    ndim = 3


class _AdaptiveAvgPool(Module):
    ndim: int

    @check_arguments
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        sizes = output_size
        if isinstance(output_size, list | tuple):
            sizes = [1 if n is None else n for n in output_size]  # None keeps the input's size
        each_dim(class_name(self), "output_size", sizes, self.ndim, least=0, one=False)
        self.output_size = output_size

    def forward(self, input: Any) -> Tensor:
        """Pool the input: (N, C, *sizes) -> (N, C, *output_size), or the same without N."""
        return _adaptive_avg_pool(self.ndim, input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Return the mean of each of `output_size` windows of signals: `AdaptiveAvgPool2d` with one dimension.

    Shape: (N, C, L) or (C, L) -> (N, C, output_size) or (C, output_size).

    >>> from minigrad import nn, ones
    >>> nn.AdaptiveAvgPool1d(2)(ones(1, 8, 5)).shape
    (1, 8, 2)
    """

    ndim = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Return the mean of each of `output_size` equal windows: `functional.adaptive_avg_pool2d`.

    It gives an image of any size a fixed one; `AdaptiveAvgPool2d(1)` is global average pooling.

    Args:
        output_size: (H_out, W_out), or one integer for both; None keeps a size.

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import nn, ones
    >>> nn.AdaptiveAvgPool2d(1)(ones(1, 8, 7, 5)).shape
    (1, 8, 1, 1)
    """

    ndim = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Return the mean of each of `output_size` windows of volumes: `AdaptiveAvgPool2d` with three dimensions.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import nn, ones
    >>> nn.AdaptiveAvgPool3d((2, 1, None))(ones(1, 8, 7, 7, 5)).shape
    (1, 8, 2, 1, 5)
    """

    ndim = 3


class _AdaptiveMaxPool(_AdaptiveAvgPool):
    @check_arguments
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Any) -> Tensor:
        """Pool the input; with `return_indices`, return a pair (maxima, indices)."""
        pooled: Any = _adaptive_max_pool(self.ndim, input, self.output_size, self.return_indices)
        return pooled


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Return the maximum of each of `output_size` windows of signals: `AdaptiveMaxPool2d` with one dimension.

    Shape: (N, C, L) or (C, L) -> (N, C, output_size) or (C, output_size).

    >>> from minigrad import nn, ones
    >>> nn.AdaptiveMaxPool1d(2)(ones(1, 8, 5)).shape
    (1, 8, 2)
    """

    ndim = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Return the maximum of each of `output_size` equal windows: `functional.adaptive_max_pool2d`.

    It gives an image of any size a fixed one.

    Args:
        output_size: (H_out, W_out), or one integer for both; None keeps a size.
        return_indices: whether to return a pair (maxima, indices) (default False).

    Shape: (N, C, H, W) or (C, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import nn, ones
    >>> nn.AdaptiveMaxPool2d((2, 3))(ones(1, 8, 7, 5)).shape
    (1, 8, 2, 3)
    """

    ndim = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Return the maximum of each of `output_size` windows of volumes: `AdaptiveMaxPool2d` with three dimensions.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> (N, C, *output_size) or (C, *output_size).

    >>> from minigrad import nn, ones
    >>> nn.AdaptiveMaxPool3d((2, 1, None))(ones(1, 8, 7, 7, 5)).shape
    (1, 8, 2, 1, 5)
    """

    ndim = 3


class LocalResponseNorm(Module):
    """Divide each element by a power of its neighbouring channels: x / (k + alpha mean(x^2)) ** beta.

    Args:
        size: how many neighbouring channels the mean is over, usually 5.
        alpha: default 1e-4.
        beta: default 0.75.
        k: default 1.

    Shape: (N, C, ...) -> (N, C, ...).

    >>> from minigrad import nn, ones
    >>> nn.LocalResponseNorm(size=1, alpha=1.0, beta=1.0)(ones(1, 2, 1)).tolist()
    [[[0.5], [0.5]]]

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.
    """

    @check_arguments
    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        each_dim("LocalResponseNorm", "size", size, 1)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Tensor:
        """Normalize the input: (N, C, ...) -> (N, C, ...)."""
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
