"""Convolution and transposed convolution of signals, images and volumes: functions and modules.

As everywhere in deep learning, "convolution" here does not flip the kernel: it is what mathematics calls
cross-correlation. Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.nn import init
from minigrad.nn.arguments import check_arguments
from minigrad.nn.lazy import Lazy
from minigrad.nn.module import Module, Parameter
from minigrad.nn.padding import pad
from minigrad.nn.spatial import AXES, as_batch, each_dim, from_batch, times
from minigrad.output.words import class_name, printable
from minigrad.primitives.convolution import Geometry, conv, conv_transpose
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.tensor import Tensor

Sizes = int | tuple[int, ...]


# ---- checks ------------------------------------------------------------------------------------------------------


def _operands(name: str, ndim: int, input: Any, weight: Any, bias: Any) -> tuple[Any, bool, Any, Any]:
    """Return input (batched), weight and bias as tensors of one dtype, with whether the input came unbatched."""
    x, unbatched = as_batch(name, input, ndim)
    w, b = as_tensor(weight), None if bias is None else as_tensor(bias)
    if w.ndim != ndim + 2:
        channels = "(in, out / groups" if "transpose" in name else "(out, in / groups"
        raise ValueError(f"{name}: the weight must have the shape {channels}, {AXES[ndim]}), got {w.shape}")
    if x.dtype.kind == "b" or not x.dtype == w.dtype == (x.dtype if b is None else b.dtype):
        dtypes = ", ".join([str(t.dtype) for t in (x, w, b) if t is not None])
        hint = f"; convert the input: x.to({str(w.dtype)!r})" if x.dtype != w.dtype else ""
        raise TypeError(f"{name}: the input, the weight and the bias must be numbers of one dtype, got {dtypes}{hint}")
    return x, unbatched, w, b


def _check_channels(name: str, x: Tensor, unbatched: bool, w: Tensor, wanted: int, groups: int) -> None:
    if x.shape[1] == wanted:
        return
    shape, ndim = (x.shape[1:] if unbatched else x.shape), x.ndim - 2
    hint = ""
    if shape[-1] == wanted:
        order = tuple([*range(1 - unbatched), len(shape) - 1, *range(1 - unbatched, len(shape) - 1)])
        hint = f" Channels are dimension {1 - unbatched}: x.permute{order} moves them there."
    elif unbatched and wanted == 1:
        hint = " If this is a batch, it has no dimension for the channel: x.unsqueeze(1) adds it."
    raise ValueError(
        f"{name}: {printable(w.name or 'the weight')} of shape {w.shape} needs {wanted} input channels"
        + (f" (in {groups} groups)" if groups > 1 else "")
        + f", but the input of shape {shape} has {x.shape[1]}; its shape must be "
        f"({'' if unbatched else 'N, '}{wanted}, {AXES[ndim]}).{hint}"
    )


def _check_groups(name: str, groups: Any, channels: int, label: str) -> None:
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ValueError(f"{name}: groups must be a positive integer, got {groups!r}")
    if channels % groups:
        raise ValueError(f"{name}: {channels} {label} cannot be divided into {groups} equal groups")


def _check_bias(name: str, bias: Tensor | None, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise ValueError(f"{name}: the bias must have one number per output channel, ({channels},); got {bias.shape}")


def _padded(
    name: str, x: Tensor, padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...]]:
    """Return the padding as integers; if 'same' needs one more at the end, the input comes back padded by that."""
    if not isinstance(padding, str):
        return x, each_dim(name, "padding", padding, len(kernel), least=0)
    if padding not in ("same", "valid"):
        raise ValueError(f"{name}: padding must be an integer, a tuple of integers, 'same' or 'valid', got {padding!r}")
    if padding == "valid":
        return x, (0,) * len(kernel)
    if max(stride) > 1:
        raise ValueError(f"{name}: padding='same' keeps the sizes, so the stride must be 1, got {stride}")
    totals = [d * (k - 1) for d, k in zip(dilation, kernel)]
    if any(total % 2 for total in totals):
        x = pad(x, [n for total in reversed(totals) for n in (0, total % 2)])
    return x, tuple([total // 2 for total in totals])


# ---- convolution -------------------------------------------------------------------------------------------------


def _conv(
    ndim: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    name = f"conv{ndim}d"
    x, unbatched, w, b = _operands(name, ndim, input, weight, bias)
    stride = each_dim(name, "stride", stride, ndim)
    dilation = each_dim(name, "dilation", dilation, ndim)
    kernel = w.shape[2:]
    _check_groups(name, groups, w.shape[0], "output channels")
    _check_channels(name, x, unbatched, w, w.shape[1] * groups, groups)
    _check_bias(name, b, w.shape[0])
    x, padding = _padded(name, x, padding, kernel, stride, dilation)
    room = [size + 2 * p - d * (k - 1) for size, p, d, k in zip(x.shape[2:], padding, dilation, kernel)]
    if min(room) < 1 or min(w.shape) < 1:
        raise ValueError(
            f"{name}: the kernel of {times(kernel)}"
            + (f", dilated by {times(dilation)}," if max(dilation) > 1 else "")
            + f" is larger than the input of {times(x.shape[2:])} with a padding of {times(padding)}; use more "
            "padding, a smaller kernel, or fewer layers that shrink the input"
        )
    small = tuple([(n - 1) // s + 1 for n, s in zip(room, stride)])
    geometry = Geometry(x.shape[2:], small, kernel, stride, padding, dilation, groups)
    return from_batch(Tensor.apply(conv, x, w, b, geometry=geometry), unbatched)


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve signals: `conv2d` with one dimension.

    Shape:
        input (N, C, L) or (C, L), weight (O, C / groups, K), bias (O,) -> (N, O, L_out) or (O, L_out), where
        L_out = floor((L + 2 padding - dilation (K - 1) - 1) / stride) + 1.

    >>> from minigrad import tensor
    >>> conv1d(tensor([[1.0, 2.0, 4.0]]), tensor([[[-1.0, 1.0]]])).tolist()
    [[1.0, 2.0]]
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Slide a kernel over images; at each position, sum the products of its weights with the pixels under it.

    y[n, o, i, j] = bias[o] + the sum over c, u, v of
    weight[o, c, u, v] * x[n, c, i * stride + u * dilation - padding, j * stride + v * dilation - padding].

    Args:
        input: a batch of images, or one image.
        weight: the kernels, of the input's dtype.
        bias: one number per output channel, or None (default).
        stride: the distance between positions of the kernel (default 1).
        padding: how many zeros to add on every side (default 0); "same" keeps the sizes, "valid" adds none.
        dilation: the distance between the pixels that meet neighbouring weights (default 1).
        groups: how many groups the channels are divided into, each with kernels of its own (default 1). `groups=C` is
            a depthwise convolution.

        stride, padding and dilation are one integer, or one per dimension.

    Shape:
        input (N, C, H, W) or (C, H, W), weight (O, C / groups, KH, KW), bias (O,) -> (N, O, H_out, W_out) or
        (O, H_out, W_out), where H_out = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1; W_out likewise.

    Raises:
        ValueError: if shapes do not fit; the message names them.
        TypeError: if the dtypes differ.

    >>> from minigrad import ones
    >>> conv2d(ones(1, 1, 3, 3), ones(1, 1, 3, 3), padding=1)
    tensor([[[[4., 6., 4.],
              [6., 9., 6.],
              [4., 6., 4.]]]])
    """
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve volumes: `conv2d` with three dimensions.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, KD, KH, KW), bias (O,) ->
        (N, O, D_out, H_out, W_out) or (O, D_out, H_out, W_out), each size as in `conv2d`.

    >>> from minigrad import ones
    >>> conv3d(ones(1, 3, 5, 5, 5), ones(2, 3, 3, 3, 3)).shape
    (1, 2, 3, 3, 3)
    """
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


# ---- transposed convolution --------------------------------------------------------------------------------------


def _conv_transpose(
    ndim: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    name = f"conv_transpose{ndim}d"
    x, unbatched, w, b = _operands(name, ndim, input, weight, bias)
    stride = each_dim(name, "stride", stride, ndim)
    padding = each_dim(name, "padding", padding, ndim, least=0)
    output_padding = each_dim(name, "output_padding", output_padding, ndim, least=0)
    dilation = each_dim(name, "dilation", dilation, ndim)
    _check_groups(name, groups, w.shape[0], "input channels")
    _check_channels(name, x, unbatched, w, w.shape[0], 1)
    _check_bias(name, b, w.shape[1] * groups)
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation)):
        raise ValueError(
            f"{name}: output_padding must be less than the stride {stride} or the dilation {dilation}, got "
            f"{output_padding}"
        )
    small, kernel = x.shape[2:], w.shape[2:]
    parts = zip(small, stride, padding, dilation, kernel, output_padding)
    large = tuple([(n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, s, p, d, k, o in parts])
    if min(large) < 1 or min(w.shape) < 1 or min(small) < 1:
        raise ValueError(
            f"{name}: an input of {times(small)} with a kernel of {times(kernel)}, stride {times(stride)} and "
            f"padding {times(padding)} would give an output of {times(large)}; use less padding, which is cropped "
            "from the output here"
        )
    geometry = Geometry(large, small, kernel, stride, padding, dilation, groups)
    return from_batch(Tensor.apply(conv_transpose, x, w, b, geometry=geometry), unbatched)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Convolve signals, transposed: `conv_transpose2d` with one dimension.

    Shape:
        input (N, C, L) or (C, L), weight (C, O / groups, K), bias (O,) -> (N, O, L_out) or (O, L_out), where
        L_out = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.

    >>> from minigrad import tensor
    >>> conv_transpose1d(tensor([[1.0, 2.0]]), tensor([[[1.0, 1.0, 1.0]]]), stride=2).tolist()
    [[1.0, 1.0, 3.0, 2.0, 2.0]]
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Place a kernel, scaled by the pixel's value, at every pixel's position, and sum where kernels overlap.

    This is the transpose of `conv2d` as a linear map: the gradient of `conv2d` with respect to its input. With a
    stride it upsamples.

    Args:
        input: a batch of images, or one image.
        weight: the kernels, of the input's dtype.
        bias: one number per output channel, or None (default).
        stride: the distance between the positions of neighbouring pixels in the output (default 1).
        padding: how much is cropped on every side of the output (default 0).
        output_padding: how much is added at the far end of each dimension, since several input sizes of a strided
            `conv2d` lead to the same output size (default 0).
        groups: how many groups the channels are divided into (default 1).
        dilation: the distance between neighbouring weights in the output (default 1).

        stride, padding, output_padding and dilation are one integer, or one per dimension.

    Shape:
        input (N, C, H, W) or (C, H, W), weight (C, O / groups, KH, KW), bias (O,) -> (N, O, H_out, W_out) or
        (O, H_out, W_out), where H_out = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1; W_out
        likewise.

    Raises:
        ValueError: if shapes do not fit; the message names them.
        TypeError: if the dtypes differ.

    >>> from minigrad import ones, tensor
    >>> conv_transpose2d(tensor([[[1.0, 2.0]]]), ones(1, 1, 2, 2), stride=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]

    Source: Zeiler et al., "Deconvolutional networks", 2010.
    """
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """Convolve volumes, transposed: `conv_transpose2d` with three dimensions.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (C, O / groups, KD, KH, KW), bias (O,) ->
        (N, O, D_out, H_out, W_out) or (O, D_out, H_out, W_out), each size as in `conv_transpose2d`.

    >>> from minigrad import ones
    >>> conv_transpose3d(ones(1, 3, 2, 2, 2), ones(3, 1, 2, 2, 2), stride=2).shape
    (1, 1, 4, 4, 4)
    """
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


# ---- modules -----------------------------------------------------------------------------------------------------

_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class _Conv(Module):
    """Settings, parameters and repr of the six layers."""

    ndim: int
    transposed = False

    @check_arguments
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = class_name(self)
        for label, n in (("in_channels", in_channels), ("out_channels", out_channels)):
            each_dim(name, label, n, 1)
            _check_groups(name, groups, n, label)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = each_dim(name, "kernel_size", kernel_size, self.ndim, one=False)
        self.stride = each_dim(name, "stride", stride, self.ndim)
        self.dilation = each_dim(name, "dilation", dilation, self.ndim)
        self.output_padding = (0,) * self.ndim
        if isinstance(padding, str) and padding not in ("same", "valid") and not self.transposed:
            raise ValueError(f"{name}: padding must be an integer, 'same' or 'valid', got {padding!r}")
        if padding not in ("same", "valid") or self.transposed:
            padding = each_dim(name, "padding", padding, self.ndim, least=0)
        elif padding == "same" and max(self.stride) > 1:
            raise ValueError(f"{name}: padding='same' keeps the sizes, so the stride must be 1, got {self.stride}")
        self.padding: tuple[int, ...] | str = padding
        if padding_mode not in _MODES or self.transposed and padding_mode != "zeros":
            modes = ["zeros"] if self.transposed else [*_MODES]
            raise ValueError(f"{name}: padding_mode must be one of {modes}, got {padding_mode!r}")
        self.padding_mode = padding_mode
        outer, inner = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(zeros(outer, inner // groups, *self.kernel_size, device=device, dtype=dtype))
        self.bias = Parameter(zeros(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from U(-b, b) with b = 1 / sqrt(weight.shape[1] * elements of the kernel)."""
        bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
        for p in (self.weight, self.bias):
            if p is not None:
                init.uniform_(p, -bound, bound)

    def forward(self, input: Any) -> Tensor:
        """Convolve the input: (N, in_channels, *sizes) -> (N, out_channels, *new sizes), or the same without N."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            sides = self._sides()
            input, padding = pad(input, sides, _MODES[self.padding_mode]) if any(sides) else input, 0
        return _conv(self.ndim, input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _sides(self) -> list[int]:
        """Return the padding in the form that `pad` takes."""
        if not isinstance(self.padding, str):
            return [p for p in reversed(self.padding) for _ in range(2)]
        totals = [(self.padding == "same") * d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        return [n for total in reversed(totals) for n in (total // 2, total - total // 2)]

    def extra_repr(self) -> str:
        none = (0,) * len(self.stride)
        settings = {
            "kernel_size": (self.kernel_size, None),
            "stride": (self.stride, None),
            "padding": (self.padding, none),
            "dilation": (self.dilation, (1,) * len(self.stride)),
            "output_padding": (self.output_padding, none),
            "groups": (self.groups, 1),
            "bias": (self.bias is not None, True),
            "padding_mode": (self.padding_mode, "zeros"),
        }
        shown = [f"{name}={value}" for name, (value, default) in settings.items() if value != default]
        return ", ".join([str(self.in_channels), str(self.out_channels), *shown])


class Conv1d(_Conv):
    """Convolve signals with a trained kernel: `Conv2d` with one dimension, and the same arguments.

    Shape:
        (N, in_channels, L) or (in_channels, L) -> (N, out_channels, L_out) or (out_channels, L_out), where
        L_out = floor((L + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1.

    >>> from minigrad import nn, zeros
    >>> nn.Conv1d(2, 4, kernel_size=3)(zeros(5, 2, 10)).shape
    (5, 4, 8)
    """

    ndim = 1


class Conv2d(_Conv):
    """Convolve images with trained kernels: y = conv2d(x, weight, bias), see `functional.conv2d`.

    Args:
        in_channels: the number of channels of the input.
        out_channels: the number of channels of the output.
        kernel_size: the size of the kernel, usually 3.
        stride: the distance between positions of the kernel; default 1, often 2 to halve the sizes.
        padding: how many pixels to add on every side (default 0); "same" keeps the sizes, "valid" adds none.
        dilation: the distance between the pixels that meet neighbouring weights (default 1).
        groups: how many groups the channels are divided into, each convolved by itself (default 1).
        bias: whether to add a bias (default True). Leave it out before batch norm.
        padding_mode: "zeros" (default), or a mode of `functional.pad`: "reflect", "replicate", "circular".
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

        kernel_size, stride, padding and dilation are one integer, or (height, width).

    Attributes:
        weight: (out_channels, in_channels / groups, *kernel_size).
        bias: (out_channels,), or None. Both start as U(-b, b) with b = 1 / sqrt(in_channels / groups * KH * KW).

    Shape:
        (N, in_channels, H, W) or (in_channels, H, W) -> (N, out_channels, H_out, W_out) or
        (out_channels, H_out, W_out), where
        H_out = floor((H + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1; W_out likewise.

    Raises:
        ValueError: if settings exclude each other, or shapes do not fit.
        TypeError: if a setting is not an integer, or the dtypes differ.

    >>> from minigrad import nn, zeros
    >>> layer = nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> layer
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    >>> layer(zeros(2, 3, 32, 32)).shape
    (2, 8, 32, 32)

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """

    ndim = 2


class Conv3d(_Conv):
    """Convolve volumes with trained kernels: `Conv2d` with three dimensions, and the same arguments.

    Shape:
        (N, in_channels, D, H, W) or (in_channels, D, H, W) -> (N, out_channels, D_out, H_out, W_out) or
        (out_channels, D_out, H_out, W_out), each size as in `Conv2d`.

    >>> from minigrad import nn, zeros
    >>> nn.Conv3d(1, 2, kernel_size=3, stride=2)(zeros(1, 1, 7, 7, 7)).shape
    (1, 2, 3, 3, 3)
    """

    ndim = 3


class _ConvTranspose(_Conv):
    transposed = True

    @check_arguments
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = each_dim(class_name(self), "output_padding", output_padding, self.ndim, least=0)

    def forward(self, input: Any, output_size: Any = None) -> Tensor:
        """Upsample the input: (N, in_channels, *sizes) -> (N, out_channels, *new sizes), or the same without N.

        Args:
            input: the input.
            output_size: the sizes of the output, among those that fit; replaces `output_padding`.
        """
        extra = self.output_padding if output_size is None else self._extra(input.shape[-self.ndim :], output_size)
        options = (self.stride, self.padding, extra, self.groups, self.dilation)
        return _conv_transpose(self.ndim, input, self.weight, self.bias, *options)

    def _extra(self, small: tuple[int, ...], output_size: Any) -> tuple[int, ...]:
        """Return the output padding that gives an output of this size."""
        wanted = each_dim(class_name(self), "output_size", tuple(output_size)[-self.ndim :], self.ndim)
        sizes = zip(small, self.stride, self.padding, self.dilation, self.kernel_size)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in sizes]  # type: ignore[operator]
        extra = tuple([size - low for size, low in zip(wanted, least)])
        if any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            largest = tuple([low + s - 1 for low, s in zip(least, self.stride)])
            raise ValueError(
                f"{class_name(self)}: for an input of {times(small)}, output_size must be from {tuple(least)} to "
                f"{largest}, got {wanted}"
            )
        return extra


class ConvTranspose1d(_ConvTranspose):
    """Upsample signals with trained kernels: `ConvTranspose2d` with one dimension, and the same arguments.

    Shape:
        (N, in_channels, L) or (in_channels, L) -> (N, out_channels, L_out) or (out_channels, L_out), where
        L_out = (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.

    >>> from minigrad import nn, zeros
    >>> nn.ConvTranspose1d(2, 1, kernel_size=4, stride=2, padding=1)(zeros(1, 2, 5)).shape
    (1, 1, 10)
    """

    ndim = 1


class ConvTranspose2d(_ConvTranspose):
    """Upsample images with trained kernels: y = conv_transpose2d(x, weight, bias), see `functional.conv_transpose2d`.

    Args:
        in_channels: the number of channels of the input.
        out_channels: the number of channels of the output.
        kernel_size: the size of the kernel; a multiple of the stride avoids checkerboard patterns.
        stride: by how much the sizes grow; default 1, usually 2.
        padding: how much is cropped on every side of the output (default 0).
        output_padding: how much is added at the far ends of the output (default 0).
        groups: how many groups the channels are divided into (default 1).
        bias: whether to add a bias (default True).
        dilation: the distance between neighbouring weights in the output (default 1).
        padding_mode: only "zeros".
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

        kernel_size, stride, padding, output_padding and dilation are one integer, or (height, width).

    Attributes:
        weight: (in_channels, out_channels / groups, *kernel_size).
        bias: (out_channels,), or None.

    Shape:
        (N, in_channels, H, W) or (in_channels, H, W) -> (N, out_channels, H_out, W_out) or
        (out_channels, H_out, W_out), where
        H_out = (H - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1; W_out likewise.

    Raises:
        ValueError: if settings or shapes do not fit.
        TypeError: if a setting is not an integer, or the dtypes differ.

    >>> from minigrad import nn, zeros
    >>> nn.ConvTranspose2d(8, 3, kernel_size=2, stride=2)(zeros(1, 8, 14, 14)).shape
    (1, 3, 28, 28)

    Source: Zeiler et al., "Deconvolutional networks", 2010.
    """

    ndim = 2


class ConvTranspose3d(_ConvTranspose):
    """Upsample volumes with trained kernels: `ConvTranspose2d` with three dimensions, and the same arguments.

    Shape:
        (N, in_channels, D, H, W) or (in_channels, D, H, W) -> (N, out_channels, D_out, H_out, W_out) or
        (out_channels, D_out, H_out, W_out), each size as in `ConvTranspose2d`.

    >>> from minigrad import nn, zeros
    >>> nn.ConvTranspose3d(2, 1, kernel_size=2, stride=2)(zeros(1, 2, 3, 3, 3)).shape
    (1, 1, 6, 6, 6)
    """

    ndim = 3


class LazyConv1d(Lazy):
    """`Conv1d` that takes `in_channels` from its first input; all other arguments are the same.

    >>> from minigrad import nn, zeros
    >>> nn.LazyConv1d(4, kernel_size=2)(zeros(5, 3, 8)).shape
    (5, 4, 7)
    """

    becomes, unknown, axis, divisor = Conv1d, "in_channels", -2, "groups"


class LazyConv2d(Lazy):
    """`Conv2d` that takes `in_channels` from its first input; all other arguments are the same.

    >>> from minigrad import nn, zeros
    >>> nn.LazyConv2d(4, kernel_size=2)(zeros(5, 3, 8, 8)).shape
    (5, 4, 7, 7)
    """

    becomes, unknown, axis, divisor = Conv2d, "in_channels", -3, "groups"


class LazyConv3d(Lazy):
    """`Conv3d` that takes `in_channels` from its first input; all other arguments are the same.

    >>> from minigrad import nn, zeros
    >>> nn.LazyConv3d(4, kernel_size=2)(zeros(5, 3, 8, 8, 8)).shape
    (5, 4, 7, 7, 7)
    """

    becomes, unknown, axis, divisor = Conv3d, "in_channels", -4, "groups"


class LazyConvTranspose1d(Lazy):
    """`ConvTranspose1d` that takes `in_channels` from its first input; all other arguments are the same.

    >>> from minigrad import nn, zeros
    >>> nn.LazyConvTranspose1d(4, kernel_size=2)(zeros(5, 3, 8)).shape
    (5, 4, 9)
    """

    becomes, unknown, axis, divisor = ConvTranspose1d, "in_channels", -2, "groups"


class LazyConvTranspose2d(Lazy):
    """`ConvTranspose2d` that takes `in_channels` from its first input; all other arguments are the same.

    >>> from minigrad import nn, zeros
    >>> nn.LazyConvTranspose2d(4, kernel_size=2)(zeros(5, 3, 8, 8)).shape
    (5, 4, 9, 9)
    """

    becomes, unknown, axis, divisor = ConvTranspose2d, "in_channels", -3, "groups"


class LazyConvTranspose3d(Lazy):
    """`ConvTranspose3d` that takes `in_channels` from its first input; all other arguments are the same.

    >>> from minigrad import nn, zeros
    >>> nn.LazyConvTranspose3d(4, kernel_size=2)(zeros(5, 3, 8, 8, 8)).shape
    (5, 4, 9, 9, 9)
    """

    becomes, unknown, axis, divisor = ConvTranspose3d, "in_channels", -4, "groups"
