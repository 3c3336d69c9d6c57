"""Pooling: maxima, means and norms of the windows of signals, images and volumes; local response normalization.

In more than one dimension it goes axis by axis: the maximum of a rectangle is that of its rows' maxima, and its sum
the sum of its rows' sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, Protocol, overload

import numpy as np

from minigrad.nn.module import Module
from minigrad.nn.spatial import check_rank, each_dim, times
from minigrad.primitives import indexing as ix
from minigrad.primitives import pooling as rules
from minigrad.primitives.pooling import Windows
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

Sizes = int | tuple[int, ...]


# ---- windows -----------------------------------------------------------------------------------------------------


def _regular(
    name: str, x: Tensor, ndim: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[list[Windows], list[int]]:
    """The windows along each of the last dimensions, and how large their kernel is."""
    kernel = each_dim(name, "kernel_size", kernel, ndim)
    stride = kernel if stride is None or stride == () else each_dim(name, "stride", stride, ndim)
    padding = each_dim(name, "padding", padding, ndim, least=0)
    dilation = each_dim(name, "dilation", dilation, ndim)
    windows = []
    for size, k, s, p, d in zip(x.shape[-ndim:], kernel, stride, padding, dilation):
        length = d * (k - 1) + 1
        if 2 * p > length:
            raise ValueError(
                f"{name}: a padding of {p} is more than half of the windows' {length}, so that some would lie in the "
                "padding unbatched"
            )
        room = size + 2 * p - length
        count = -(-room // s) + 1 if ceil_mode else room // s + 1
        if ceil_mode and (count - 1) * s >= size + p:  # the last window has to begin before the padding at the end
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
            raise ValueError(f"{name}: dilated by {d}, some windows of {k} meet only the padding of an input of {size}")
    return windows, list(kernel)


def _adaptive(name: str, x: Tensor, ndim: int, output_size: Any) -> list[Windows]:
    """`output_size` windows along each dimension, as equal as they can be, which together cover the input."""
    wanted = output_size if isinstance(output_size, list | tuple) else (output_size,)
    wanted = tuple(wanted) * (ndim if len(wanted) == 1 else 1)
    sizes = x.shape[-ndim:]
    wanted = each_dim(name, "output_size", [s if n is None else n for n, s in zip(wanted, sizes)], ndim, least=0)
    if 0 in sizes:
        raise ValueError(f"{name}: an input of {times(sizes)} has nothing to pool")
    return [
        Windows(s, tuple([i * s // n for i in range(n)]), tuple([-(-(i + 1) * s // n) for i in range(n)]))
        for s, n in zip(sizes, wanted)
    ]


def _axes(x: Tensor, windows: list[Windows]) -> list[tuple[int, Windows]]:
    return list(enumerate(windows, start=x.ndim - len(windows)))


# ---- maxima ------------------------------------------------------------------------------------------------------


def _maximum(x: Tensor, windows: list[Windows], return_indices: bool) -> Any:
    """The maximum of each window; on request also where it was, as an index into the flattened last dimensions."""
    where: Any = None
    sizes = x.shape[-len(windows) :]
    for axis, w in reversed(_axes(x, windows)):  # of equals the first in reading order: along the last axis first
        y = x.apply(rules.max_pool, x, axis=axis, windows=w)
        if return_indices:
            starts = np.reshape(np.array(w.starts, np.int64), (-1, *[1] * (x.ndim - axis - 1)))
            found = starts + rules.where_largest(x.detach()._array, y.detach()._array, axis=axis, windows=w)
            stride = math.prod(sizes[axis - x.ndim + len(sizes) + 1 :])
            where = found * stride + (0 if where is None else np.take_along_axis(where, found, axis))
        x = y
    return (x, as_tensor(where)) if return_indices else x


def _max_pooled(
    name: str,
    ndim: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
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
    """`max_pool2d` for signals, (N, C, L) -> (N, C, L')."""
    return _max_pooled("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


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
    """The maximum of each window of an image.

    Args:
        input: (N, C, H, W), or (C, H, W) for one image.
        kernel_size: of the windows.
        stride: how far apart they are; if not given, they lie side by side.
        padding: how far they begin before the image and end after it, where there is nothing.
        dilation: how far apart the pixels are that a window meets.
        ceil_mode: whether a last window may go over the end.
        return_indices: also return where the maxima were, as indices into the flattened image.

    Returns:
        (N, C, H', W') with H' = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1, or a pair.
        The gradient goes to the first of equals.

    Raises:
        ValueError: when the windows do not fit, or are padded by more than half of their size.

    >>> from minigrad import tensor
    >>> max_pool2d(tensor([[[1.0, 2.0, 5.0, 0.0], [4.0, 3.0, 0.0, 5.0]]]), 2, return_indices=True)
    (tensor([[[4., 5.]]]), tensor([[[4, 2]]]))
    """
    return _max_pooled("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


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
    """`max_pool2d` for volumes, (N, C, D, H, W) -> (N, C, D', H', W')."""
    return _max_pooled("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _adaptive_max(name: str, ndim: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    x = check_rank(name, input, ndim)
    return _maximum(x, _adaptive(name, x, ndim, output_size), return_indices)


@_adaptive_max_pooling
def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, L) -> (N, C, output_size): as many windows as asked for, and the maximum of each."""
    return _adaptive_max("adaptive_max_pool1d", 1, input, output_size, return_indices)


@_adaptive_max_pooling
def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, H, W) -> (N, C, *output_size): as many windows as asked for, and the maximum of each."""
    return _adaptive_max("adaptive_max_pool2d", 2, input, output_size, return_indices)


@_adaptive_max_pooling
def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, D, H, W) -> (N, C, *output_size): as many windows as asked for, and the maximum of each."""
    return _adaptive_max("adaptive_max_pool3d", 3, input, output_size, return_indices)


def _max_unpooled(
    name: str, ndim: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    x, where = check_rank(name, input, ndim), np.asarray(as_tensor(indices)._array)
    if where.dtype.kind not in "iu" or where.shape != x.shape:
        raise ValueError(
            f"{name}: the indices are integers, one for each element, as from return_indices=True; got {where.dtype} "
            f"of shape {where.shape} for an input of shape {x.shape}"
        )
    kernel = each_dim(name, "kernel_size", kernel_size, ndim)
    stride = kernel if stride is None else each_dim(name, "stride", stride, ndim)
    padding = each_dim(name, "padding", padding, ndim, least=0)
    usual = [(n - 1) * s - 2 * p + k for n, k, s, p in zip(x.shape[-ndim:], kernel, stride, padding)]
    sizes = usual if output_size is None else each_dim(name, "output_size", tuple(output_size)[-ndim:], ndim)
    if any(abs(size - u) >= s for size, u, s in zip(sizes, usual, stride)):
        raise ValueError(f"{name}: output_size is to be nearer to {tuple(usual)} than the stride; got {sizes}")
    if where.size and not 0 <= where.min() <= where.max() < math.prod(sizes):
        raise IndexError(
            f"{name}: an output of {times(sizes)} has the indices 0 to {math.prod(sizes) - 1}; got {where.min()} to "
            f"{where.max()}"
        )
    rest = x.shape[:-ndim]
    flat = x.reshape(*rest, math.prod(x.shape[-ndim:]))
    out = x.apply(ix.scatter, flat, index=where.reshape(flat.shape), axis=len(rest), shape=(*rest, math.prod(sizes)))
    return out.reshape(*rest, *sizes)


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """`max_unpool2d` for signals."""
    return _max_unpooled("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Each maximum back in its place, zeros elsewhere. Windows that overlap must not share their maxima.

    Args:
        input: (N, C, H, W) or (C, H, W), as from `max_pool2d`.
        indices: of the same shape, from `max_pool2d(..., return_indices=True)`.
        kernel_size, stride, padding: those of that `max_pool2d`.
        output_size: the sizes before it, where several lead to the same.
    """
    return _max_unpooled("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """`max_unpool2d` for volumes."""
    return _max_unpooled("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


# ---- means and norms ---------------------------------------------------------------------------------------------


def _check_floats(name: str, x: Tensor) -> None:
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: means are floats, the input is {x.dtype}: convert it, x.float()")


def _sum(x: Tensor, windows: list[Windows]) -> Tensor:
    for axis, w in _axes(x, windows):
        x = x.apply(rules.sum_pool, x, axis=axis, windows=w)
    return x


def _outer(x: Tensor, counts: list[list[int]]) -> Any:
    """The product of the counts along each of the last dimensions, for every window."""
    return np.prod(np.meshgrid(*counts, indexing="ij"), axis=0).astype(x.dtype)


def _avg_pooled(
    name: str,
    ndim: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    x = check_rank(name, input, ndim)
    _check_floats(name, x)
    if divisor_override == 0:
        raise ValueError(f"{name}: divisor_override is what the sums are divided by, and not 0")
    windows, kernel = _regular(name, x, ndim, kernel_size, stride, padding, 1, ceil_mode)
    total = _sum(x, windows)
    if divisor_override is not None:
        return total / divisor_override
    if count_include_pad:  # the padding counts, but not what lies beyond it
        padded = [w.size - w.starts[0] for w in windows]
        counts = [[min(stop, end) - start for start, stop in zip(w.starts, w.stops)] for w, end in zip(windows, padded)]
    else:
        counts = [[*map(len, w.places())] for w in windows]
    if counts == [[k] * len(c) for k, c in zip(kernel, counts)]:
        return total / math.prod(kernel)
    return total / _outer(x, counts)


def avg_pool1d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool2d` for signals, (N, C, L) -> (N, C, L')."""
    return _avg_pooled("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of an image.

    Args:
        input: (N, C, H, W), or (C, H, W) for one image.
        kernel_size: of the windows.
        stride: how far apart they are; if not given, they lie side by side.
        padding: how many zeros are put around the image.
        ceil_mode: whether a last window may go over the end.
        count_include_pad: whether these zeros count in the mean.
        divisor_override: what to divide the sums by instead.

    Returns:
        (N, C, H', W') with H' = floor((H + 2 padding - kernel_size) / stride) + 1.

    Raises:
        ValueError: when the windows do not fit, or are padded by more than half of their size.
        TypeError: for integers.
    """
    return _avg_pooled(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """`avg_pool2d` for volumes, (N, C, D, H, W) -> (N, C, D', H', W')."""
    return _avg_pooled(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _adaptive_avg(name: str, ndim: int, input: Any, output_size: Any) -> Tensor:
    x = check_rank(name, input, ndim)
    _check_floats(name, x)
    windows = _adaptive(name, x, ndim, output_size)
    return _sum(x, windows) / _outer(x, [[*map(len, w.places())] for w in windows])


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """(N, C, L) -> (N, C, output_size): as many windows as asked for, and the mean of each."""
    return _adaptive_avg("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """As many windows as asked for, as equal as they can be, and the mean of each.

    Args:
        input: (N, C, H, W), or (C, H, W) for one image.
        output_size: (H', W'), or one number for both; None leaves a size as it is.

    Returns:
        (N, C, H', W'). Window i along H goes from floor(i H / H') to before ceil((i + 1) H / H').
    """
    return _adaptive_avg("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """(N, C, D, H, W) -> (N, C, *output_size): as many windows as asked for, and the mean of each."""
    return _adaptive_avg("adaptive_avg_pool3d", 3, input, output_size)


def _lp_pooled(
    name: str, ndim: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    x = check_rank(name, input, ndim) ** norm_type
    _check_floats(name, x)
    windows, kernel = _regular(name, x, ndim, kernel_size, stride, 0, 1, ceil_mode)
    counts = _outer(x, [[*map(len, w.places())] for w in windows])
    total = _sum(x, windows) * as_tensor(math.prod(kernel) / counts)
    return (total.sign() * total.abs().relu()) ** (1.0 / norm_type)


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool2d` for signals, (N, C, L) -> (N, C, L')."""
    return _lp_pooled("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """The sum of x ** norm_type over each window, to the power of 1 / norm_type; see `avg_pool2d`.

    With norm_type 1 it is the sum. As in PyTorch, no absolute values are taken, and a window that goes over the end
    counts as if its missing elements were as its others are.
    """
    return _lp_pooled("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Tensor:
    """`lp_pool2d` for volumes, (N, C, D, H, W) -> (N, C, D', H', W')."""
    return _lp_pooled("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha * mean of x² over `size` neighbouring channels) ** beta.

    Args:
        input: (N, C, ...), at least three dimensions. Channels that do not exist count as zeros.

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.
    """
    x = as_tensor(input)
    if x.ndim < 3:
        raise ValueError(f"local_response_norm: the input is (N, C, ...), at least three dimensions; got {x.shape}")
    _check_floats("local_response_norm", x)
    each_dim("local_response_norm", "size", size, 1)
    starts = [c - size // 2 for c in range(x.shape[1])]
    windows = Windows(x.shape[1], tuple(starts), tuple([start + size for start in starts]))
    total = x.apply(rules.sum_pool, x * x, axis=1, windows=windows)
    return x / (total * (alpha / size) + k) ** beta


# ---- as modules --------------------------------------------------------------------------------------------------


class _MaxPool(Module):
    function: Any

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
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, x: Any) -> Tensor:
        """(N, C, *sizes) -> (N, C, *fewer); without N, too."""
        return type(self).function(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """`functional.max_pool1d`: the maximum of each window of a signal."""

    function = staticmethod(max_pool1d)


class MaxPool2d(_MaxPool):
    """`functional.max_pool2d`: the maximum of each window of an image.

    >>> from minigrad import nn, zeros
    >>> nn.MaxPool2d(2)(zeros(1, 8, 28, 28)).shape
    (1, 8, 14, 14)
    """

    function = staticmethod(max_pool2d)


class MaxPool3d(_MaxPool):
    """`functional.max_pool3d`: the maximum of each window of a volume."""

    function = staticmethod(max_pool3d)


class _MaxUnpool(Module):
    function: Any
    ndim: int

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = each_dim(name, "kernel_size", kernel_size, self.ndim)
        self.stride = each_dim(name, "stride", kernel_size if stride is None else stride, self.ndim)
        self.padding = each_dim(name, "padding", padding, self.ndim, least=0)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Tensor:
        """Maxima and their places -> (N, C, *larger sizes)."""
        return type(self).function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """`functional.max_unpool1d`: maxima back in their places."""

    function, ndim = staticmethod(max_unpool1d), 1


class MaxUnpool2d(_MaxUnpool):
    """`functional.max_unpool2d`: maxima back in their places."""

    function, ndim = staticmethod(max_unpool2d), 2


class MaxUnpool3d(_MaxUnpool):
    """`functional.max_unpool3d`: maxima back in their places."""

    function, ndim = staticmethod(max_unpool3d), 3


class AvgPool1d(Module):
    """`functional.avg_pool1d`: the mean of each window of a signal."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = each_dim("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = each_dim("AvgPool1d", "stride", kernel_size if stride is None else stride, 1)
        self.padding = each_dim("AvgPool1d", "padding", padding, 1, least=0)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Any) -> Tensor:
        """(N, C, L) -> (N, C, L'); without N, too."""
        return avg_pool1d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    function: Any

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
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, x: Any) -> Tensor:
        """(N, C, *sizes) -> (N, C, *fewer); without N, too."""
        return type(self).function(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """`functional.avg_pool2d`: the mean of each window of an image."""

    function = staticmethod(avg_pool2d)


class AvgPool3d(_AvgPool):
    """`functional.avg_pool3d`: the mean of each window of a volume."""

    function = staticmethod(avg_pool3d)


class _LPPool(Module):
    function: Any

    def __init__(
        self, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, x: Any) -> Tensor:
        """(N, C, *sizes) -> (N, C, *fewer); without N, too."""
        return type(self).function(x, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """`functional.lp_pool1d`: the norm of each window of a signal."""

    function = staticmethod(lp_pool1d)


class LPPool2d(_LPPool):
    """`functional.lp_pool2d`: the norm of each window of an image."""

    function = staticmethod(lp_pool2d)


class LPPool3d(_LPPool):
    """`functional.lp_pool3d`: the norm of each window of a volume."""

    function = staticmethod(lp_pool3d)


class _AdaptiveAvgPool(Module):
    function: Any

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Any) -> Tensor:
        """(N, C, *sizes) -> (N, C, *output_size); without N, too."""
        return type(self).function(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """`functional.adaptive_avg_pool1d`: means of as many windows as asked for."""

    function = staticmethod(adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """`functional.adaptive_avg_pool2d`: means of as many windows as asked for; AdaptiveAvgPool2d(1) is that of all."""

    function = staticmethod(adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """`functional.adaptive_avg_pool3d`: means of as many windows as asked for."""

    function = staticmethod(adaptive_avg_pool3d)


class _AdaptiveMaxPool(_AdaptiveAvgPool):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, x: Any) -> Tensor:
        """(N, C, *sizes) -> (N, C, *output_size); without N, too."""
        return type(self).function(x, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """`functional.adaptive_max_pool1d`: maxima of as many windows as asked for."""

    function = staticmethod(adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """`functional.adaptive_max_pool2d`: maxima of as many windows as asked for."""

    function = staticmethod(adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """`functional.adaptive_max_pool3d`: maxima of as many windows as asked for."""

    function = staticmethod(adaptive_max_pool3d)


class LocalResponseNorm(Module):
    """`functional.local_response_norm`: each channel divided by what its neighbours have."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Any) -> Tensor:
        """(N, C, ...) -> the same."""
        return local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
