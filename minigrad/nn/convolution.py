"""Convolution and transposed convolution of signals, images and volumes: functions and modules.

What is called convolution here does not turn its kernel around (it is the cross-correlation of mathematics), as in all
of deep learning. Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.nn import init
from minigrad.nn.lazy import Lazy
from minigrad.nn.module import Module, Parameter
from minigrad.nn.padding import pad
from minigrad.nn.spatial import LETTERS, as_batch, counted, each_dim, from_batch
from minigrad.primitives import convolution as rules
from minigrad.primitives.convolution import Geometry
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.tensor import Tensor

Sizes = int | tuple[int, ...]


def _operands(name: str, ndim: int, input: Any, weight: Any, bias: Any) -> tuple[Any, bool, Any, Any]:
    """Input (with a batch), weight and bias as tensors of one dtype, and whether the batch was added."""
    x, alone = as_batch(name, input, ndim)
    w, b = as_tensor(weight), None if bias is None else as_tensor(bias)
    if w.ndim != ndim + 2:
        kinds = "(in, out / groups" if "transpose" in name else "(out, in / groups"
        raise ValueError(f"{name}: the weight has the shape {kinds}, {LETTERS[ndim]}); got {w.shape}")
    if x.dtype.kind == "b" or not x.dtype == w.dtype == (x.dtype if b is None else b.dtype):
        dtypes = ", ".join([str(t.dtype) for t in (x, w, b) if t is not None])
        mend = f"; convert the input: x.to({str(w.dtype)!r})" if x.dtype != w.dtype else ""
        raise TypeError(f"{name}: the input, the weight and the bias are numbers of one dtype; got {dtypes}{mend}")
    return x, alone, w, b


def _check_channels(name: str, x: Tensor, alone: bool, w: Tensor, wanted: int, groups: int) -> None:
    if x.shape[1] == wanted:
        return
    shape, ndim = (x.shape[1:] if alone else x.shape), x.ndim - 2
    mend = ""
    if shape[-1] == wanted:
        order = tuple([*range(1 - alone), len(shape) - 1, *range(1 - alone, len(shape) - 1)])
        mend = f" The channels come {'first' if alone else 'second'}: x.permute{order}."
    elif alone and wanted == 1:
        mend = " If this is a batch, its dimension of channels is missing: x.unsqueeze(1)."
    raise ValueError(
        f"{name}: {w.name or 'the weight'} of shape {w.shape} wants {wanted} channels"
        + (f" (in {groups} groups)" if groups > 1 else "")
        + f", but the input of shape {shape} has {x.shape[1]}; it is to be "
        f"{'' if alone else '(N, '}{'(' * alone}{wanted}, {LETTERS[ndim]}).{mend}"
    )


def _check_groups(name: str, groups: Any, channels: int, what: str) -> None:
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ValueError(f"{name}: groups is a number of groups, 1 or more; got {groups!r}")
    if channels % groups:
        raise ValueError(f"{name}: {channels} {what} cannot be divided into {groups} equal groups")


def _check_bias(name: str, bias: Tensor | None, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise ValueError(f"{name}: the bias has a number for each of the {channels} output channels; got {bias.shape}")


def _padded(
    name: str, x: Tensor, padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[Tensor, tuple[int, ...]]:
    """The padding as numbers; where 'same' needs more at the end than at the beginning, the input with the rest."""
    if not isinstance(padding, str):
        return x, each_dim(name, "padding", padding, len(kernel), least=0)
    if padding not in ("same", "valid"):
        raise ValueError(f"{name}: padding is a number, a tuple of them, 'same' or 'valid', not {padding!r}")
    if padding == "valid":
        return x, (0,) * len(kernel)
    if max(stride) > 1:
        raise ValueError(f"{name}: padding='same' keeps the sizes, which a stride of {stride} does not")
    totals = [d * (k - 1) for d, k in zip(dilation, kernel)]
    if any(total % 2 for total in totals):
        x = pad(x, [n for total in reversed(totals) for n in (0, total % 2)])
    return x, tuple([total // 2 for total in totals])


def _convolved(
    name: str, ndim: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    x, alone, w, b = _operands(name, ndim, input, weight, bias)
    stride = each_dim(name, "stride", stride, ndim)
    dilation = each_dim(name, "dilation", dilation, ndim)
    kernel = w.shape[2:]
    _check_groups(name, groups, w.shape[0], "output channels")
    _check_channels(name, x, alone, w, w.shape[1] * groups, groups)
    _check_bias(name, b, w.shape[0])
    x, padding = _padded(name, x, padding, kernel, stride, dilation)
    room = [size + 2 * p - d * (k - 1) for size, p, d, k in zip(x.shape[2:], padding, dilation, kernel)]
    if min(room) < 1 or min(w.shape) < 1:
        raise ValueError(
            f"{name}: the kernel of {counted(kernel)}"
            + (f", dilated by {counted(dilation)}," if max(dilation) > 1 else "")
            + f" is larger than the input, {counted(x.shape[2:])} with a padding of {counted(padding)}; more padding, "
            "a smaller kernel, or fewer layers that make the input smaller"
        )
    small = tuple([(n - 1) // s + 1 for n, s in zip(room, stride)])
    geometry = Geometry(x.shape[2:], small, kernel, stride, padding, dilation, groups)
    return from_batch(Tensor.apply(rules.conv, x, w, b, geometry=geometry), alone)


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` for signals: (N, C, L) and a weight (O, C / groups, K) -> (N, O, L')."""
    return _convolved("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """At every place of an image the products with a kernel, summed up.

    Args:
        input: (N, C, H, W), or (C, H, W) for one image.
        weight: (O, C / groups, KH, KW), of the input's dtype.
        bias: (O,), or None.
        stride: how far apart the places are.
        padding: how many zeros are put around the image; "same" for so many that the sizes stay, "valid" for none.
        dilation: how far apart the elements are that a kernel meets.
        groups: into how many groups the channels are divided, each with kernels of its own.

    All these are one number, or one for each dimension.

    Returns:
        (N, O, H', W') with H' = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1.

    Raises:
        ValueError: for shapes that do not fit, naming them.
        TypeError: for different dtypes.

    >>> from minigrad import ones
    >>> conv2d(ones(1, 1, 3, 3), ones(1, 1, 3, 3), padding=1)
    tensor([[[[4., 6., 4.],
              [6., 9., 6.],
              [4., 6., 4.]]]])
    """
    return _convolved("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` for volumes: (N, C, D, H, W) and a weight (O, C / groups, KD, KH, KW) -> (N, O, D', H', W')."""
    return _convolved("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _transposed(
    name: str,
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
    y, alone, w, b = _operands(name, ndim, input, weight, bias)
    stride = each_dim(name, "stride", stride, ndim)
    padding = each_dim(name, "padding", padding, ndim, least=0)
    output_padding = each_dim(name, "output_padding", output_padding, ndim, least=0)
    dilation = each_dim(name, "dilation", dilation, ndim)
    _check_groups(name, groups, w.shape[0], "input channels")
    _check_channels(name, y, alone, w, w.shape[0], 1)
    _check_bias(name, b, w.shape[1] * groups)
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation)):
        raise ValueError(
            f"{name}: output_padding {output_padding} is to be less than the stride {stride} or the dilation {dilation}"
        )
    small, kernel = y.shape[2:], w.shape[2:]
    parts = zip(small, stride, padding, dilation, kernel, output_padding)
    large = tuple([(n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, s, p, d, k, o in parts])
    if min(large) < 1 or min(w.shape) < 1 or min(small) < 1:
        raise ValueError(
            f"{name}: an input of {counted(small)} with a kernel of {counted(kernel)}, stride {counted(stride)} and "
            f"padding {counted(padding)} would give a result of {counted(large)}; take less padding, which here is cut "
            "off from the result"
        )
    geometry = Geometry(large, small, kernel, stride, padding, dilation, groups)
    return from_batch(Tensor.apply(rules.conv_transpose, y, w, b, geometry=geometry), alone)


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
    """`conv_transpose2d` for signals: (N, C, L) and a weight (C, O / groups, K) -> (N, O, L')."""
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


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
    """Each pixel puts a kernel down, scaled by its value; what overlaps is summed up. The transpose of `conv2d`.

    Args:
        input: (N, C, H, W), or (C, H, W) for one image.
        weight: (C, O / groups, KH, KW), of the input's dtype.
        bias: (O,), or None.
        stride: how far apart the kernels are put down.
        padding: how much is cut off at all sides of the result.
        output_padding: how much more of the result there is at the far ends, for a stride leaves its size open.
        groups: into how many groups the channels are divided.
        dilation: how far apart the elements of a kernel are put down.

    Returns:
        (N, O, H', W') with H' = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.

    Raises:
        ValueError: for shapes that do not fit, naming them.
        TypeError: for different dtypes.

    Source: Zeiler et al., "Deconvolutional networks", 2010.
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


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
    """`conv_transpose2d` for volumes: (N, C, D, H, W), weight (C, O / groups, KD, KH, KW) -> (N, O, D', H', W')."""
    return _transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


# ---- as modules ------------------------------------------------------------------------------------------------

_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


class _Conv(Module):
    """What the six layers share: settings, parameters, repr."""

    ndim: int
    transposed = False

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
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._settle(
            *(in_channels, out_channels, kernel_size, stride, padding, 0),
            *(dilation, groups, bias, padding_mode, dtype),
        )

    def _settle(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Any,
        output_padding: Sizes,
        dilation: Sizes,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: Any,
    ) -> None:
        """Check the settings and make the parameters."""
        name = type(self).__name__
        for what, n in (("in_channels", in_channels), ("out_channels", out_channels)):
            each_dim(name, what, n, 1)
            _check_groups(name, groups, n, what)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = each_dim(name, "kernel_size", kernel_size, self.ndim)
        self.stride = each_dim(name, "stride", stride, self.ndim)
        self.dilation = each_dim(name, "dilation", dilation, self.ndim)
        self.output_padding = each_dim(name, "output_padding", output_padding, self.ndim, least=0)
        if padding not in ("same", "valid") or self.transposed:
            padding = each_dim(name, "padding", padding, self.ndim, least=0)
        elif padding == "same" and max(self.stride) > 1:
            raise ValueError(f"{name}: padding='same' keeps the sizes, which a stride of {self.stride} does not")
        self.padding: tuple[int, ...] | str = padding
        if padding_mode not in _MODES or self.transposed and padding_mode != "zeros":
            modes = ["zeros"] if self.transposed else [*_MODES]
            raise ValueError(f"{name}: padding_mode is one of {modes}, not {padding_mode!r}")
        self.padding_mode = padding_mode
        outer, inner = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(zeros(outer, inner // groups, *self.kernel_size, dtype=dtype))
        self.bias = Parameter(zeros(out_channels, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, uniform within ±1/sqrt(weight.shape[1] * size of the kernel), as PyTorch's."""
        bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
        for p in (self.weight, self.bias):
            if p is not None:
                init.uniform_(p, -bound, bound)

    def forward(self, x: Any) -> Tensor:
        """(N, in_channels, *sizes) -> (N, out_channels, *new sizes); without N, too."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            sides = self._sides()
            x, padding = pad(x, sides, _MODES[self.padding_mode]) if any(sides) else x, 0
        name = f"conv{self.ndim}d"
        return _convolved(name, self.ndim, x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _sides(self) -> list[int]:
        """The padding as `pad` takes it."""
        if not isinstance(self.padding, str):
            return [p for p in reversed(self.padding) for _ in range(2)]
        totals = [(self.padding == "same") * d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        return [n for total in reversed(totals) for n in (total // 2, total - total // 2)]

    def extra_repr(self) -> str:
        none = (0,) * len(self.stride)
        parts = {
            "kernel_size": (self.kernel_size, None),
            "stride": (self.stride, None),
            "padding": (self.padding, none),
            "dilation": (self.dilation, (1,) * len(self.stride)),
            "output_padding": (self.output_padding, none),
            "groups": (self.groups, 1),
            "bias": (self.bias is not None, True),
            "padding_mode": (self.padding_mode, "zeros"),
        }
        shown = [f"{name}={value}" for name, (value, default) in parts.items() if value != default]
        return ", ".join([str(self.in_channels), str(self.out_channels), *shown])


class Conv1d(_Conv):
    """`functional.conv1d` with weight and bias of its own; see `Conv2d`."""

    ndim = 1


class Conv2d(_Conv):
    """`functional.conv2d` with weight (out_channels, in_channels / groups, *kernel_size) and bias of its own.

    Args:
        in_channels: of the input, (N, in_channels, H, W) or (in_channels, H, W).
        out_channels: of the output.
        kernel_size: one number or (height, width); stride, padding and dilation as well.
        padding: also "same" or "valid".
        groups: into how many groups the channels are divided.
        bias: whether there is one.
        padding_mode: "zeros", or what `functional.pad` knows: "reflect", "replicate", "circular".
        dtype: of the parameters, float32 if not given.

    >>> from minigrad import nn, zeros
    >>> layer = nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> layer
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    >>> layer(zeros(2, 3, 32, 32)).shape
    (2, 8, 32, 32)
    """

    ndim = 2


class Conv3d(_Conv):
    """`functional.conv3d` with weight and bias of its own; see `Conv2d`."""

    ndim = 3


class _ConvTranspose(_Conv):
    transposed = True

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
        dtype: Any = None,
    ) -> None:
        Module.__init__(self)
        self._settle(
            *(in_channels, out_channels, kernel_size, stride, padding, output_padding),
            *(dilation, groups, bias, padding_mode, dtype),
        )

    def forward(self, x: Any, output_size: Any = None) -> Tensor:
        """(N, in_channels, *sizes) -> (N, out_channels, *new sizes), or `output_size` among those that fit."""
        more = self.output_padding if output_size is None else self._more(x.shape[-self.ndim :], output_size)
        name = f"conv_transpose{self.ndim}d"
        return _transposed(
            name,
            self.ndim,
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )

    def _more(self, small: tuple[int, ...], output_size: Any) -> tuple[int, ...]:
        """The output padding that leads to these sizes."""
        wanted = each_dim(type(self).__name__, "output_size", tuple(output_size)[-self.ndim :], self.ndim)
        parts = zip(small, self.stride, self.padding, self.dilation, self.kernel_size)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in parts]  # type: ignore[operator]
        more = tuple([size - low for size, low in zip(wanted, least)])
        if any(not 0 <= m < s for m, s in zip(more, self.stride)):
            largest = tuple([low + s - 1 for low, s in zip(least, self.stride)])
            raise ValueError(
                f"{type(self).__name__}: from an input of {counted(small)}, output_size can be {tuple(least)} to "
                f"{largest}; got {wanted}"
            )
        return more


class ConvTranspose1d(_ConvTranspose):
    """`functional.conv_transpose1d` with weight and bias of its own; see `ConvTranspose2d`."""

    ndim = 1


class ConvTranspose2d(_ConvTranspose):
    """`functional.conv_transpose2d` with weight (in_channels, out_channels / groups, *kernel_size) and bias.

    Args:
        in_channels: of the input, (N, in_channels, H, W) or (in_channels, H, W).
        out_channels: of the output.
        kernel_size: one number or (height, width); stride, padding, output_padding and dilation as well.
        padding: how much is cut off from the result.
        output_padding: how much is added at its far ends.
        groups: into how many groups the channels are divided.
        bias: whether there is one.
        padding_mode: only "zeros".
        dtype: of the parameters, float32 if not given.
    """

    ndim = 2


class ConvTranspose3d(_ConvTranspose):
    """`functional.conv_transpose3d` with weight and bias of its own; see `ConvTranspose2d`."""

    ndim = 3


class LazyConv1d(Lazy):
    """`Conv1d` whose in_channels are those of its first input."""

    becomes, unknown, axis, divisor = Conv1d, "in_channels", -2, "groups"


class LazyConv2d(Lazy):
    """`Conv2d` whose in_channels are those of its first input."""

    becomes, unknown, axis, divisor = Conv2d, "in_channels", -3, "groups"


class LazyConv3d(Lazy):
    """`Conv3d` whose in_channels are those of its first input."""

    becomes, unknown, axis, divisor = Conv3d, "in_channels", -4, "groups"


class LazyConvTranspose1d(Lazy):
    """`ConvTranspose1d` whose in_channels are those of its first input."""

    becomes, unknown, axis, divisor = ConvTranspose1d, "in_channels", -2, "groups"


class LazyConvTranspose2d(Lazy):
    """`ConvTranspose2d` whose in_channels are those of its first input."""

    becomes, unknown, axis, divisor = ConvTranspose2d, "in_channels", -3, "groups"


class LazyConvTranspose3d(Lazy):
    """`ConvTranspose3d` whose in_channels are those of its first input."""

    becomes, unknown, axis, divisor = ConvTranspose3d, "in_channels", -4, "groups"
