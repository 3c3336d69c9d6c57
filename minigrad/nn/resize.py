"""Other sizes for images: interpolation, channels made into pixels and back, windows as columns and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.module import Module
from minigrad.nn.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from minigrad.nn.spatial import as_batch, each_dim, from_batch, times
from minigrad.primitives import convolution as conv_rules
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
"""Each mode, and the numbers of dimensions that it resizes."""


def interpolate(
    input: Any,
    size: Sizes | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """A signal, image or volume with other sizes.

    Args:
        input: (N, C, *sizes).
        size: the new sizes, one number or one for each dimension; or else
        scale_factor: how many times as large they are to be; they are rounded down.
        mode: "nearest", the old pixel that covers the new one's corner; "nearest-exact", its centre; "linear",
            "bilinear" and "trilinear" for one, two and three dimensions, mixing the two neighbours along each;
            "bicubic", four neighbours; "area", the mean of what the new pixel covers.
        align_corners: for the modes that mix: whether the centres of the corner pixels stay where they are, and not
            the corners of the image.
        recompute_scale_factor: whether positions follow from the rounded sizes, and not from scale_factor.
        antialias: not supported.

    Raises:
        ValueError: for both or neither of size and scale_factor, or a mode for another number of dimensions.
        NotImplementedError: for an unknown mode, or antialias.

    >>> from minigrad import tensor
    >>> interpolate(tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear", align_corners=False).tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    """
    x = as_tensor(input)
    ndim = x.ndim - 2
    if antialias:
        raise NotImplementedError("interpolate: antialias is not supported; mode='area' averages when an image shrinks")
    if mode not in _MODES:
        raise NotImplementedError(f"interpolate: the mode is one of {[*_MODES]}, not {mode!r}")
    if ndim not in _MODES[mode]:
        shapes = " or ".join([f"(N, C{', size' * n})" for n in _MODES[mode]])
        raise ValueError(f"interpolate: mode {mode!r} is for inputs {shapes}; got shape {x.shape}")
    if align_corners is not None and (mode == "area" or "nearest" in mode):
        raise ValueError(f"interpolate: align_corners is for the modes that mix neighbours, not for {mode!r}")
    if 0 in x.shape[1:]:
        raise ValueError(f"interpolate: an input of shape {x.shape} has nothing to resize")
    sizes, factors = _new_sizes(x, ndim, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        pool: Any = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[ndim - 1]
        return pool(x, sizes)
    if x.dtype.kind != "f" and "nearest" not in mode:
        raise TypeError(f"interpolate: mode {mode!r} gives floats, the input is {x.dtype}: convert it, x.float()")
    for axis, (new, factor) in enumerate(zip(sizes, factors), start=2):
        old = x.shape[axis]
        if "linear" in mode and new == old or (mode, ndim) == ("nearest", 2) and new in (old, 2 * old):
            factor = None  # PyTorch takes a short cut here, and so a factor that was rounded down makes no difference
        taps = _taps(mode, old, new, factor, bool(align_corners), x.dtype)
        x = x.apply(resample, x, axis=axis, taps=taps)
    return x


def _new_sizes(
    x: Tensor, ndim: int, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], list[float | None]]:
    """The new sizes, and the factors by which positions are to be computed where they do not follow from them."""
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give either size or scale_factor")
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is for scale_factor, not for size")
        return each_dim("interpolate", "size", size, ndim), [None] * ndim
    factors = tuple(scale_factor) if isinstance(scale_factor, list | tuple) else (scale_factor,) * ndim
    if len(factors) != ndim or min(factors) <= 0:
        raise ValueError(
            f"interpolate: scale_factor is a number above 0, or {ndim} of them, one for each dimension; got "
            f"{scale_factor!r}"
        )
    sizes = tuple([math.floor(n * float(f)) for n, f in zip(x.shape[2:], factors)])
    if min(sizes) < 1:
        raise ValueError(f"interpolate: {times(x.shape[2:])} times {scale_factor} leaves {times(sizes)}")
    return sizes, [None if recompute else float(f) for f in factors]


def _taps(mode: str, old: int, new: int, factor: float | None, align_corners: bool, dtype: Any) -> Taps:
    """Where the new elements along one dimension lie among the old ones, and how these are mixed."""
    if "nearest" in mode:  # in float32, as PyTorch's: it decides where a position lies between two elements
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
    return Taps(old, np.clip(places, 0, old - 1), weights)  # beyond the ends, the end elements again


def _cubic(t: Any) -> Any:
    """The weights of the four neighbours at a distance t from the second: cubic convolution with a = -3/4.

    Source: Keys, "Cubic convolution interpolation for digital image processing", 1981.
    """
    a = -0.75

    def near(d: Any) -> Any:  # at most 1 away
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Any) -> Any:  # 1 to 2 away
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    return np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)])


# ---- channels and pixels -----------------------------------------------------------------------------------------


def _check_image(name: str, input: Any) -> Tensor:
    x = as_tensor(input)
    if x.ndim < 3:
        raise ValueError(f"{name}: the input is (..., C, H, W), at least three dimensions; got shape {x.shape}")
    return x


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """Channels made into pixels: (..., C r², H, W) -> (..., C, H r, W r), r being the upscale_factor.

    Source: Shi et al., "Real-time single image and video super-resolution", 2016.
    """
    x = _check_image("pixel_shuffle", input)
    (r,) = each_dim("pixel_shuffle", "upscale_factor", upscale_factor, 1)
    *rest, c, h, w = x.shape
    if c % r**2:
        raise ValueError(f"pixel_shuffle: the {c} channels of shape {x.shape} are no multiple of {r}² = {r * r}")
    n = len(rest)
    blocks = x.reshape(*rest, c // r**2, r, r, h, w)
    return blocks.permute(*range(n + 1), n + 3, n + 1, n + 4, n + 2).reshape(*rest, c // r**2, h * r, w * r)


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """Pixels made into channels: (..., C, H r, W r) -> (..., C r², H, W), the inverse of `pixel_shuffle`."""
    x = _check_image("pixel_unshuffle", input)
    (r,) = each_dim("pixel_unshuffle", "downscale_factor", downscale_factor, 1)
    *rest, c, h, w = x.shape
    if h % r or w % r:
        raise ValueError(f"pixel_unshuffle: height and width of shape {x.shape} are to be multiples of {r}")
    n = len(rest)
    blocks = x.reshape(*rest, c, h // r, r, w // r, r)
    return blocks.permute(*range(n + 1), n + 2, n + 4, n + 1, n + 3).reshape(*rest, c * r**2, h // r, w // r)


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """The channels of (N, C, ...) dealt out anew: the first of each group, then the second of each, and so on.

    Source: Zhang et al., "ShuffleNet", 2018.
    """
    x = _check_image("channel_shuffle", input)
    each_dim("channel_shuffle", "groups", groups, 1)
    if x.shape[1] % groups:
        raise ValueError(f"channel_shuffle: {x.shape[1]} channels cannot be divided into {groups} equal groups")
    parts = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return parts.transpose(1, 2).reshape(*x.shape)


# ---- windows -----------------------------------------------------------------------------------------------------


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
    """The windows of an image as columns.

    Args:
        input: (N, C, H, W), or (C, H, W) for one image.
        kernel_size: of the windows; for dilation, padding and stride see `conv2d`.

    Returns:
        (N, C * kernel height * kernel width, number of windows). With the weight as a matrix, `conv2d` is
        `weight.reshape(O, -1) @ unfold(x, ...)`.

    Raises:
        ValueError: when no window fits.
    """
    x, unbatched = as_batch("unfold", input, 2)
    geometry = _geometry("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    return from_batch(x.apply(conv_rules.unfold, x, geometry=geometry), unbatched)


def fold(
    input: Any,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Windows put back into an image, and summed up where they overlap: the transpose of `unfold`, not its inverse.

    Args:
        input: (N, C * kernel height * kernel width, number of windows), as `unfold` gives; also without N.
        output_size: (H, W) of the image.
        kernel_size, dilation, padding, stride: as they were for `unfold`.

    Returns:
        (N, C, H, W).

    Raises:
        ValueError: when an image of that size has another number of windows, or of elements in one.
    """
    z, unbatched = as_batch("fold", input, 1)
    geometry = _geometry(
        "fold", each_dim("fold", "output_size", output_size, 2), kernel_size, dilation, padding, stride
    )
    size, count = math.prod(geometry.kernel), math.prod(geometry.small)
    if z.shape[1] % size or z.shape[2] != count:
        raise ValueError(
            f"fold: an image of {times(geometry.large)} has {count} windows of {times(geometry.kernel)}, so the "
            f"input is (N, a multiple of {size}, {count}); got shape {z.shape[1:] if unbatched else z.shape}"
        )
    return from_batch(z.apply(conv_rules.fold, z, geometry=geometry), unbatched)


# ---- as modules --------------------------------------------------------------------------------------------------


class Upsample(Module):
    """`functional.interpolate` with fixed settings."""

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.scale_factor: Any = scale_factor
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(map(float, scale_factor))
        elif scale_factor is not None:
            self.scale_factor = float(scale_factor)
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Any) -> Tensor:
        """(N, C, *sizes) -> (N, C, *new sizes)."""
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)

    def extra_repr(self) -> str:
        which = "size" if self.scale_factor is None else "scale_factor"
        return f"{which}={getattr(self, which)}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of images by their nearest pixels."""

    def __init__(self, size: Sizes | None = None, scale_factor: float | tuple[float, ...] | None = None) -> None:
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of images, mixing neighbours, with aligned corners."""

    def __init__(self, size: Sizes | None = None, scale_factor: float | tuple[float, ...] | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """`functional.pixel_shuffle`: channels made into pixels."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, x: Any) -> Tensor:
        """(..., C r², H, W) -> (..., C, H r, W r)."""
        return pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """`functional.pixel_unshuffle`: pixels made into channels."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, x: Any) -> Tensor:
        """(..., C, H r, W r) -> (..., C r², H, W)."""
        return pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """`functional.channel_shuffle`: the channels in another order."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Any) -> Tensor:
        """(N, C, ...) -> the same."""
        return channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """`functional.unfold`: the windows of an image as columns."""

    def __init__(self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Any) -> Tensor:
        """(N, C, H, W) -> (N, C * size of the kernel, windows)."""
        return unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """`functional.fold`: windows put back into an image, and summed up."""

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, x: Any) -> Tensor:
        """(N, C * size of the kernel, windows) -> (N, C, H, W)."""
        return fold(x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
