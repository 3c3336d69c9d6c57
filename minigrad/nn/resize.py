"""Resizing and rearranging images: interpolation, pixel shuffle, and windows as columns (`unfold`, `fold`)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.arguments import check_arguments, check_bool, check_number, check_positive
from minigrad.nn.module import Module
from minigrad.nn.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from minigrad.nn.spatial import as_batch, check_windows, each_dim, from_batch, times
from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name
from minigrad.primitives import convolution as primitives
from minigrad.primitives.convolution import Geometry
from minigrad.primitives.resampling import Taps, resample
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor

Sizes = int | tuple[int, ...]
_MODES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "area": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "trilinear": (3,),
    "bicubic": (2,),
}
"""Each mode, and how many dimensions it can resize."""


def interpolate(
    input: Any,
    size: Sizes | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize signals, images or volumes by interpolation.

    Along each dimension, new pixel i lies at (i + 0.5) * old / new - 0.5 between the old pixels, or with
    `align_corners` at i * (old - 1) / (new - 1); its value is a weighted sum of its neighbours there.

    Args:
        input: a batch.
        size: the new sizes, one integer or one per dimension. Give this or `scale_factor`.
        scale_factor: the factor of the sizes, one number or one per dimension; the new sizes are rounded down.
        mode: "nearest" (default), the pixel at floor(i * old / new); "nearest-exact", the nearest pixel; "linear",
            "bilinear" and "trilinear" for one, two and three dimensions, the weighted mean of the two neighbours along
            each; "bicubic", of four neighbours; "area", the mean of the old pixels that the new one covers.
        align_corners: for the linear modes and "bicubic", whether the centres of the corner pixels keep their places
            (True), or the outer edges of the image do (False, the default).
        recompute_scale_factor: whether positions are computed from the rounded sizes instead of `scale_factor`.
        antialias: not supported.

    Shape: (N, C, *sizes) -> (N, C, *new sizes), each new size = `size`, or floor(old size * scale_factor).

    Raises:
        ValueError: if both or neither of `size` and `scale_factor` are given, or the mode does not fit the input.
        TypeError: if a mode other than nearest is used on integers.
        NotImplementedError: if the mode is unknown, or antialias is True.

    >>> from minigrad import tensor
    >>> interpolate(tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear", align_corners=False).tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]

    Source of "bicubic": Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    x = as_tensor(input)
    ndim = x.ndim - 2
    flags = {"align_corners": align_corners, "recompute_scale_factor": recompute_scale_factor}
    check_bool("interpolate", antialias=antialias, **{name: on for name, on in flags.items() if on is not None})
    if antialias:
        raise NotImplementedError("interpolate: antialias is not supported; mode='area' averages when an image shrinks")
    _check_mode("interpolate", mode, align_corners)
    if ndim not in _MODES[mode]:
        shapes = " or ".join([f"(N, C{', size' * n})" for n in _MODES[mode]])
        raise ValueError(f"interpolate: mode {mode!r} needs an input {shapes}, got shape {x.shape}")
    if 0 in x.shape[1:]:
        raise ValueError(f"interpolate: the input of shape {x.shape} is empty, there is nothing to resize")
    sizes, factors = _new_sizes(x, ndim, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        pool: Any = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[ndim - 1]
        return pool(x, sizes)
    if x.dtype.kind != "f" and "nearest" not in mode:
        raise TypeError(f"interpolate: mode {mode!r} needs an input of floats, got {x.dtype}; convert it, x.float()")
    for axis, (new, factor) in enumerate(zip(sizes, factors), start=2):
        old = x.shape[axis]
        if "linear" in mode and new == old or (mode, ndim) == ("nearest", 2) and new in (old, 2 * old):
            factor = None  # as in PyTorch, which copies here: a factor that was rounded down makes no difference
        taps = _taps(mode, old, new, factor, bool(align_corners), x.dtype)
        x = x.apply(resample, x, axis=axis, taps=taps)
    return x


def _check_mode(name: str, mode: Any, align_corners: bool | None) -> None:
    if not isinstance(mode, str) or mode not in _MODES:
        raise NotImplementedError(f"{name}: mode must be one of {[*_MODES]}, got {mode!r}")
    if align_corners is not None and (mode == "area" or "nearest" in mode):
        raise ValueError(f"{name}: align_corners is for the linear modes and 'bicubic'; leave it out for {mode!r}")


def _check_one_of(name: str, size: Any, scale_factor: Any) -> None:
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{name}: give either size or scale_factor, got {'neither' if size is None else 'both'}")


def _new_sizes(
    x: Tensor, ndim: int, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], list[float | None]]:
    """Return the new sizes and, per dimension, the factor that positions are computed with (None: old / new size)."""
    _check_one_of("interpolate", size, scale_factor)
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor needs scale_factor, got size")
        return each_dim("interpolate", "size", size, ndim), [None] * ndim
    factors = tuple(scale_factor) if isinstance(scale_factor, list | tuple) else (scale_factor,) * ndim
    for factor in factors:
        check_number("interpolate", scale_factor=factor)
    if len(factors) != ndim or min(factors) <= 0:
        raise ValueError(
            f"interpolate: scale_factor must be a positive number, or {ndim} of them, one per dimension; got "
            f"{scale_factor!r}"
        )
    sizes = tuple([math.floor(n * float(f)) for n, f in zip(x.shape[2:], factors)])
    if min(sizes) < 1:
        raise ValueError(
            f"interpolate: scale_factor={scale_factor} resizes {times(x.shape[2:])} to {times(sizes)}; use a larger one"
        )
    return sizes, [None if recompute else float(f) for f in factors]


def _taps(mode: str, old: int, new: int, factor: float | None, align_corners: bool, dtype: Any) -> Taps:
    """Return which old elements each new element along one dimension is a weighted sum of, with the weights."""
    if "nearest" in mode:  # in float32, as in PyTorch: rounding decides which of two elements is nearest
        step = np.float32(old / new if factor is None else 1 / factor)
        position = (np.arange(new, dtype=np.float32) + np.float32(mode == "nearest-exact") / 2) * step
        return Taps(old, np.minimum(np.floor(position).astype(int), old - 1)[None], None)
    if align_corners:
        position = np.arange(new, dtype=dtype) * dtype.type((old - 1) / (new - 1) if new > 1 else 0)
    else:
        step = dtype.type(old / new if factor is None else 1 / factor)
        position = (np.arange(new, dtype=dtype) + dtype.type(0.5)) * step - dtype.type(0.5)
    below = np.floor(position).astype(int)
    t = (position - below).astype(dtype)
    if mode == "bicubic":
        places, weights = below + np.arange(-1, 3)[:, None], _cubic(t)
    else:
        places, weights = np.stack([below, below + 1]), np.stack([1 - t, t])
    return Taps(old, np.clip(places, 0, old - 1), weights)  # past the ends, repeat the end elements


def _cubic(t: Any) -> Any:
    """Return the weights of the four neighbours of a position t past the second: cubic convolution with a = -3/4.

    Source: Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    a = -0.75

    def near(d: Any) -> Any:  # at a distance of 0 to 1
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Any) -> Any:  # of 1 to 2
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)])


# ---- pixel and channel shuffle -----------------------------------------------------------------------------------


def _check_image(name: str, input: Any) -> Tensor:
    x = as_tensor(input)
    if x.ndim < 3:
        raise ValueError(f"{name}: the input must have at least three dimensions (..., C, H, W), got shape {x.shape}")
    return x


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Move channels into space: y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w], with r = upscale_factor.

    Args:
        input: images with a multiple of r^2 channels.
        upscale_factor: r, by how much height and width grow.

    Shape: (..., C r^2, H, W) -> (..., C, H r, W r).

    Raises:
        ValueError: if the number of channels is not a multiple of r^2.

    >>> from minigrad import arange
    >>> pixel_shuffle(arange(4).reshape(4, 1, 1), 2).tolist()
    [[[0, 1], [2, 3]]]

    Source: Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
    neural network", 2016.
    """
    x = _check_image("pixel_shuffle", input)
    (r,) = each_dim("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    *rest, c, h, w = x.shape
    if c % r**2:
        raise ValueError(
            f"pixel_shuffle: the number of channels must be a multiple of {r}^2 = {r * r}, got {c} in shape {x.shape}"
        )
    n = len(rest)
    blocks = x.reshape(*rest, c // r**2, r, r, h, w)
    return blocks.permute(*range(n + 1), n + 3, n + 1, n + 4, n + 2).clone().reshape(*rest, c // r**2, h * r, w * r)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """Move space into channels, the inverse of `pixel_shuffle`: y[c r^2 + i r + j, h, w] = x[c, h r + i, w r + j].

    Args:
        input: images whose height and width are multiples of r.
        downscale_factor: r, by how much height and width shrink.

    Shape: (..., C, H r, W r) -> (..., C r^2, H, W).

    Raises:
        ValueError: if height or width is not a multiple of r.

    >>> from minigrad import arange
    >>> pixel_unshuffle(arange(4).reshape(1, 2, 2), 2).tolist()
    [[[0]], [[1]], [[2]], [[3]]]
    """
    x = _check_image("pixel_unshuffle", input)
    (r,) = each_dim("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    *rest, c, h, w = x.shape
    if h % r or w % r:
        raise ValueError(f"pixel_unshuffle: height and width must be multiples of {r}, got shape {x.shape}")
    n = len(rest)
    blocks = x.reshape(*rest, c, h // r, r, w // r, r)
    return blocks.permute(*range(n + 1), n + 2, n + 4, n + 1, n + 3).clone().reshape(*rest, c * r**2, h // r, w // r)


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """Interleave groups of channels: the first channel of each group, then the second of each, and so on.

    Args:
        input: at least three dimensions, the second of them channels.
        groups: how many equal groups the channels are divided into.

    Shape: (N, C, ...) -> (N, C, ...).

    Raises:
        ValueError: if C is not a multiple of `groups`.

    >>> from minigrad import arange
    >>> channel_shuffle(arange(6).reshape(1, 6, 1), groups=2).flatten().tolist()
    [0, 3, 1, 4, 2, 5]

    Source: Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", 2018.
    """
    x = _check_image("channel_shuffle", input)
    each_dim("channel_shuffle", "groups", groups, 1)
    if x.shape[1] % groups:
        raise ValueError(f"channel_shuffle: {x.shape[1]} channels cannot be divided into {groups} equal groups")
    parts = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return parts.transpose(1, 2).clone().reshape(*x.shape)


# ---- unfold and fold ---------------------------------------------------------------------------------------------


def _geometry(name: str, sizes: tuple[int, ...], kernel: Any, dilation: Any, padding: Any, stride: Any) -> Geometry:
    kernel, stride = each_dim(name, "kernel_size", kernel, 2), each_dim(name, "stride", stride, 2)
    padding, dilation = each_dim(name, "padding", padding, 2, least=0), each_dim(name, "dilation", dilation, 2)
    parts = zip(sizes, kernel, stride, padding, dilation)
    small = tuple([(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in parts])
    if min(small) < 1:
        raise ValueError(
            f"{name}: windows of {times(kernel)}, dilated by {times(dilation)}, do not fit into an image of "
            f"{times(sizes)} with a padding of {times(padding)}"
        )
    return Geometry(sizes, small, kernel, stride, padding, dilation, 1)


def unfold(input: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> Tensor:
    """Return the windows of images as columns of a matrix (im2col).

    With the weight as a matrix, `conv2d` is `weight.reshape(O, -1) @ unfold(x, ...)`.

    Args:
        input: a batch of images, or one image.
        kernel_size: the size of the windows.
        dilation: the distance between the pixels of a window (default 1).
        padding: how many zeros to add on every side (default 0).
        stride: the distance between windows (default 1).

        Each is one integer, or (height, width).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C KH KW, windows) or (C KH KW, windows), where windows = H_out W_out with
        H_out = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1; W_out likewise.

    Raises:
        ValueError: if no window fits.

    >>> from minigrad import arange
    >>> unfold(arange(6.0).reshape(1, 2, 3), kernel_size=2).tolist()
    [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    x, unbatched = as_batch("unfold", input, 2)
    geometry = _geometry("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    return from_batch(x.apply(primitives.unfold, x, geometry=geometry), unbatched)


def fold(
    input: Any,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Put windows back into images and sum them where they overlap: the transpose of `unfold`, not its inverse.

    Args:
        input: windows as columns, as `unfold` returns them.
        output_size: (H, W) of the images.
        kernel_size, dilation, padding, stride: the arguments of that `unfold`.

    Shape: (N, C KH KW, windows) or (C KH KW, windows) -> (N, C, H, W) or (C, H, W), see `unfold`.

    Raises:
        ValueError: if images of that size have another number of windows, or windows another number of elements.

    >>> from minigrad import ones
    >>> fold(unfold(ones(1, 2, 3), 2), (2, 3), 2).tolist()
    [[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]
    """
    z, unbatched = as_batch("fold", input, 1)
    geometry = _geometry(
        "fold", each_dim("fold", "output_size", output_size, 2), kernel_size, dilation, padding, stride
    )
    size, count = math.prod(geometry.kernel), math.prod(geometry.small)
    if z.shape[1] % size or z.shape[2] != count:
        raise ValueError(
            f"fold: an image of {times(geometry.large)} has {count} windows of {times(geometry.kernel)}, so the "
            f"input must be (N, a multiple of {size}, {count}); got shape {z.shape[1:] if unbatched else z.shape}"
        )
    return from_batch(z.apply(primitives.fold, z, geometry=geometry), unbatched)


# ---- modules -----------------------------------------------------------------------------------------------------


class Upsample(Module):
    """Resize signals, images or volumes by interpolation, as `functional.interpolate`.

    Args:
        size: the new sizes, one integer or one per dimension. Give this or `scale_factor`.
        scale_factor: the factor of the sizes, usually 2; one number or one per dimension.
        mode: "nearest" (default), "nearest-exact", "linear", "bilinear", "trilinear", "bicubic" or "area".
        align_corners: whether the centres of the corner pixels keep their places (default False).
        recompute_scale_factor: whether positions are computed from the rounded sizes instead of `scale_factor`.

    Shape: (N, C, *sizes) -> (N, C, *new sizes), each new size = `size`, or floor(old size * scale_factor).

    Raises:
        ValueError: in the call, if both or neither of `size` and `scale_factor` are given, or the mode does not fit.

    >>> from minigrad import nn, tensor
    >>> nn.Upsample(scale_factor=2)(tensor([[[1.0, 3.0]]])).tolist()
    [[[1.0, 1.0, 3.0, 3.0]]]
    """

    @check_arguments
    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        name = class_name(self)
        _check_mode(name, mode, align_corners)
        _check_one_of(name, size, scale_factor)
        if size is not None:
            each_dim(name, "size", size, len(size) if isinstance(size, list | tuple) else 1)
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.scale_factor: Any = scale_factor
        if isinstance(scale_factor, list | tuple):
            for factor in scale_factor:
                check_positive(name, scale_factor=factor)
            self.scale_factor = tuple(map(float, scale_factor))
        elif scale_factor is not None:
            check_positive(name, scale_factor=scale_factor)
            self.scale_factor = float(scale_factor)
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Tensor:
        """Resize the input: (N, C, *sizes) -> (N, C, *new sizes)."""
        return interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        which = "size" if self.scale_factor is None else "scale_factor"
        return f"{which}={getattr(self, which)}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resize images, repeating the nearest pixels: `Upsample` with mode "nearest".

    Args:
        size: the new (H, W), or one integer for both. Give this or `scale_factor`.
        scale_factor: the factor of the sizes.

    Shape: (N, C, H, W) -> (N, C, H_out, W_out), see `Upsample`.

    >>> from minigrad import nn, tensor
    >>> nn.UpsamplingNearest2d(scale_factor=2)(tensor([[[[1.0, 3.0]]]])).tolist()
    [[[[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]]]
    """

    def __init__(self, size: Sizes | None = None, scale_factor: float | tuple[float, ...] | None = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """Resize images by bilinear interpolation with aligned corners: `Upsample` with mode "bilinear".

    Args:
        size: the new (H, W), or one integer for both. Give this or `scale_factor`.
        scale_factor: the factor of the sizes.

    Shape: (N, C, H, W) -> (N, C, H_out, W_out), see `Upsample`.

    >>> from minigrad import nn, tensor
    >>> nn.UpsamplingBilinear2d(size=(1, 3))(tensor([[[[1.0, 3.0]]]])).tolist()
    [[[[1.0, 2.0, 3.0]]]]
    """

    def __init__(self, size: Sizes | None = None, scale_factor: float | tuple[float, ...] | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """Move channels into space: y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w], with r = upscale_factor.

    Args:
        upscale_factor: r, by how much height and width grow.

    Shape: (..., C r^2, H, W) -> (..., C, H r, W r).

    >>> from minigrad import nn, zeros
    >>> nn.PixelShuffle(2)(zeros(1, 12, 5, 5)).shape
    (1, 3, 10, 10)

    Source: Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
    neural network", 2016.
    """

    @check_arguments
    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        check_positive("PixelShuffle", upscale_factor=upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Tensor:
        """Rearrange the input: (..., C r^2, H, W) -> (..., C, H r, W r)."""
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Move space into channels, the inverse of `PixelShuffle`: y[c r^2 + i r + j, h, w] = x[c, h r + i, w r + j].

    Args:
        downscale_factor: r, by how much height and width shrink.

    Shape: (..., C, H r, W r) -> (..., C r^2, H, W).

    >>> from minigrad import nn, zeros
    >>> nn.PixelUnshuffle(2)(zeros(1, 3, 10, 10)).shape
    (1, 12, 5, 5)
    """

    @check_arguments
    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        check_positive("PixelUnshuffle", downscale_factor=downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Tensor:
        """Rearrange the input: (..., C, H r, W r) -> (..., C r^2, H, W)."""
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Interleave groups of channels: the first channel of each group, then the second of each, and so on.

    Args:
        groups: how many equal groups the channels are divided into.

    Shape: (N, C, ...) -> (N, C, ...).

    >>> from minigrad import arange, nn
    >>> nn.ChannelShuffle(2)(arange(6).reshape(1, 6, 1)).flatten().tolist()
    [0, 3, 1, 4, 2, 5]

    Source: Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", 2018.
    """

    @check_arguments
    def __init__(self, groups: int) -> None:
        super().__init__()
        check_positive("ChannelShuffle", groups=groups)
        self.groups = groups

    def forward(self, input: Any) -> Tensor:
        """Shuffle the channels of the input: (N, C, ...) -> (N, C, ...)."""
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """Return the windows of images as columns of a matrix (im2col), as `functional.unfold`.

    Args:
        kernel_size: the size of the windows.
        dilation: the distance between the pixels of a window (default 1).
        padding: how many zeros to add on every side (default 0).
        stride: the distance between windows (default 1).

        Each is one integer, or (height, width).

    Shape:
        (N, C, H, W) or (C, H, W) -> (N, C KH KW, windows) or (C KH KW, windows), where windows = H_out W_out with
        H_out = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1; W_out likewise.

    >>> from minigrad import nn, zeros
    >>> nn.Unfold(kernel_size=3)(zeros(1, 2, 5, 5)).shape
    (1, 18, 9)
    """

    ndim = 2

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> None:
        super().__init__()
        check_windows(self, False, kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Tensor:
        """Unfold the input: (N, C, H, W) -> (N, C KH KW, windows)."""
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Put windows back into images and sum them where they overlap, as `functional.fold`.

    Args:
        output_size: (H, W) of the images, or one integer for both.
        kernel_size, dilation, padding, stride: the arguments of the `Unfold` whose output it takes.

    Shape: (N, C KH KW, windows) or (C KH KW, windows) -> (N, C, H, W) or (C, H, W), see `Unfold`.

    >>> from minigrad import nn, zeros
    >>> nn.Fold(output_size=5, kernel_size=3)(zeros(1, 18, 9)).shape
    (1, 2, 5, 5)
    """

    ndim = 2

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        check_windows(self, False, output_size=output_size, kernel_size=kernel_size, dilation=dilation)
        check_windows(self, False, padding=padding, stride=stride)
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Tensor:
        """Fold the input: (N, C KH KW, windows) -> (N, C, H, W)."""
        return fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


def upsample(
    input: Any,
    size: Sizes | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Return `interpolate` of these arguments. Deprecated in PyTorch."""
    warn_deprecated("nn.functional.upsample", "nn.functional.interpolate")
    return interpolate(input, size, scale_factor, mode, align_corners)
