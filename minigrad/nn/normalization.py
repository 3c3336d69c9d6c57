"""Normalization: batch, layer, group and instance norm, and RMS norm.

All compute y = (x - mean) / sqrt(var + eps) * weight + bias with the biased variance (divided by n); they differ in the
elements over which mean and variance are taken:

    batch norm     each channel, over the batch and all positions
    layer norm     each example, over its last dimensions
    group norm     each example and group of channels
    instance norm  each example and channel, over all positions
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.grad_mode import run_in_mode
from minigrad.nn.arguments import check_arguments, check_bool, check_int, check_not_negative, check_number
from minigrad.nn.layers import as_input, checked_size
from minigrad.nn.lazy import Lazy
from minigrad.nn.module import Module, Parameter
from minigrad.output.words import class_name
from minigrad.primitives import normalization as primitives
from minigrad.tensors.creation import as_tensor, ones, zeros
from minigrad.tensors.tensor import Tensor


def _standardized(
    x: Tensor, axis: tuple[int, ...], eps: float, flat_is_zero: bool = False
) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Return x with mean 0 and variance 1 along the axes, and the mean and variance it had."""
    mean, var = primitives.moments(x._array, axis)
    spread = np.where(var == 0, np.inf, var) if flat_is_zero and not eps else var
    scale = (spread + float(eps)) ** -0.5  # (a NumPy float64 would promote it)
    return Tensor.apply(primitives.standardize, x, axis=axis, eps=eps, given=(mean, scale)), mean, var


def _check_eps(name: str, eps: float, positive: bool = False) -> None:
    """Raise if `eps` is negative, or 0 with `positive`: the result could be nan."""
    check_number(name, eps=eps)
    if not eps >= 0 or positive and not eps:
        in_training = " in training" if positive else ""
        raise ValueError(f"{name}: eps must be {'positive' if positive else '0 or more'}{in_training}, got {eps}")


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...] | None = None) -> Tensor:
    """Return x * weight + bias in new memory; either may be None, and both are reshaped to `shape` first."""
    if weight is None and bias is None:
        return x.clone()  # `standardize` has saved x, and the user may write to the result
    if weight is not None:
        x = x * (weight if shape is None else weight.reshape(shape))
    return x if bias is None else x + (bias if shape is None else bias.reshape(shape))


def _floats(name: str, x: Tensor, **others: Tensor | None) -> Tensor:
    """Return x as a tensor of floats, after checking that the others have its dtype."""
    x = as_input(name, x)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: the input must be of floats, got {x.dtype}; convert it, x.float()")
    for argument, t in others.items():
        if t is not None and t.dtype != x.dtype:
            raise TypeError(
                f"{name}: the input and {argument} must have the same dtype, got {x.dtype} and {t.dtype}; convert one: "
                f"x.to({argument}.dtype), or the module with .double() or .float()"
            )
    return x


# ---- layer norm and RMS norm -------------------------------------------------------------------------------------


def _layer(name: str, x: Tensor, normalized_shape: Sequence[int], **others: Tensor | None) -> tuple[int, ...]:
    """Return the axes of the last dimensions, after checking that they and weight and bias have this shape."""
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{name}: the input's shape must end in the normalized_shape {shape}, got {x.shape}"
            + ("; to normalize channels in dimension 1, use group_norm or batch_norm" if shape and x.ndim > 2 else "")
        )
    for argument, t in others.items():
        if t is not None and t.shape != shape:
            raise ValueError(f"{name}: {argument} must have the normalized_shape {shape}, got shape {t.shape}")
    return tuple(range(-len(shape), 0))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last dimensions: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        input: a tensor of floats.
        normalized_shape: the sizes of the dimensions that mean and variance are taken over.
        weight, bias: the scale and shift, of shape normalized_shape; default None, for 1 and 0.
        eps: added to the variance (default 1e-5).

    Shape: (..., *normalized_shape) -> the same.

    Raises:
        ValueError: if shapes do not fit.
        TypeError: if the input is not of floats, or the dtypes differ.

    >>> from minigrad import tensor
    >>> layer_norm(tensor([[1.0, 3.0], [0.0, 8.0]]), (2,)).round(decimals=2).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    _check_eps("layer_norm", eps)
    x = _floats("layer_norm", input, weight=weight, bias=bias)
    axis = _layer("layer_norm", x, normalized_shape, weight=weight, bias=bias)
    if weight is None or not x.numel():
        return _affine(_standardized(x, axis, eps)[0], weight, bias)
    shift = np.zeros(weight.shape, x.dtype) if bias is None else bias
    return Tensor.apply(primitives.layer_norm, x, weight, shift, eps=eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root mean square over the last dimensions: y = x / sqrt(mean(x^2) + eps) * weight.

    Args:
        input: a tensor of floats.
        normalized_shape: the sizes of the dimensions that the mean is taken over.
        weight: the scale, of shape normalized_shape; default None, for 1.
        eps: added to the mean square; default the machine epsilon of the dtype.

    Shape: (..., *normalized_shape) -> the same.

    Raises:
        ValueError: if shapes do not fit.
        TypeError: if the input is not of floats.

    >>> from minigrad import tensor
    >>> rms_norm(tensor([1.0, 7.0]), (2,))
    tensor([0.2000, 1.4000])

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """
    if eps is not None:
        _check_eps("rms_norm", eps)
    x = _floats("rms_norm", input)
    axis = _layer("rms_norm", x, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps if eps is None else eps)
    out = Tensor.apply(primitives.rms_normalize, x, axis=axis, eps=eps)
    return out if weight is None else out * weight


# ---- group norm and instance norm --------------------------------------------------------------------------------


def _channels(name: str, x: Tensor, least: int, **others: Tensor | None) -> tuple[int, ...]:
    """Return the shape in which one number per channel broadcasts against x, of shape (N, C, ...)."""
    if x.ndim < least:
        raise ValueError(f"{name}: the input must be (N, C{', ...' if least < 3 else ', L, ...'}), got shape {x.shape}")
    for argument, t in others.items():
        if t is not None and t.shape != (x.shape[1],):
            raise ValueError(
                f"{name}: the input of shape {x.shape} has {x.shape[1]} channels, in dimension 1, so {argument} must "
                f"have shape ({x.shape[1]},), got {t.shape}"
            )
    return (1, -1, *(1,) * (x.ndim - 2))


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize over each group of channels of each example: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        input: a tensor of floats.
        num_groups: how many groups the C channels are divided into; 1 takes all channels together, C each by itself.
        weight, bias: the scale and shift, of shape (C,); default None, for 1 and 0.
        eps: added to the variance (default 1e-5).

    Shape: (N, C, ...) -> (N, C, ...).

    Raises:
        ValueError: if C is not a multiple of `num_groups`, or shapes do not fit.
        TypeError: if the input is not of floats, or the dtypes differ.

    >>> from minigrad import tensor
    >>> group_norm(tensor([[1.0, 3.0, 0.0, 8.0]]), num_groups=2).round(decimals=2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Source: Wu and He, "Group normalization", 2018.
    """
    check_int("group_norm", num_groups=num_groups)
    _check_eps("group_norm", eps)
    x = _floats("group_norm", input, weight=weight, bias=bias)
    shape = _channels("group_norm", x, 2, weight=weight, bias=bias)
    n, c = x.shape[:2]
    if num_groups < 1 or c % num_groups:
        raise ValueError(
            f"group_norm: the {c} channels of an input of shape {x.shape} cannot be divided into {num_groups} groups"
        )
    if x.numel() == n * num_groups and n:
        raise ValueError(
            f"group_norm: each of the {num_groups} groups of an input of shape {x.shape} is one number, which has no "
            "variance; use fewer groups"
        )
    groups = x.reshape(n, num_groups, math.prod(x.shape[1:]) // num_groups)
    return _affine(_standardized(groups, (2,), eps)[0].reshape(x.shape), weight, bias, shape)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each example over its positions: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        input: a tensor of floats.
        running_mean, running_var: running statistics of shape (C,), or None. With `use_input_stats` they are updated in
            place, running = (1 - momentum) * running + momentum * (mean over the batch of the examples' statistic);
            without it they are used.
        weight, bias: the scale and shift, of shape (C,); default None, for 1 and 0.
        use_input_stats: whether to use each example's own mean and variance (default True).
        momentum: the step of the running statistics (default 0.1).
        eps: added to the variance (default 1e-5).

    Shape: (N, C, L, ...) -> (N, C, L, ...).

    Raises:
        ValueError: if shapes do not fit, or a channel is a single number.
        TypeError: if the input is not of floats, or the dtypes differ.

    >>> from minigrad import tensor
    >>> instance_norm(tensor([[[1.0, 3.0], [0.0, 8.0]]])).round(decimals=2).tolist()
    [[[-1.0, 1.0], [-1.0, 1.0]]]

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.
    """
    check_bool("instance_norm", use_input_stats=use_input_stats)
    check_number("instance_norm", momentum=momentum)
    _check_eps("instance_norm", eps)
    x = _floats("instance_norm", input, weight=weight, bias=bias)
    others = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    shape = _channels("instance_norm", x, 3, **others)
    if not use_input_stats:
        return _with_running(x, running_mean, running_var, weight, bias, eps, shape)
    n = math.prod(x.shape[2:])
    if n == 1:
        raise ValueError(
            f"instance_norm: each channel of an input of shape {x.shape} is a single number, which has no variance"
        )
    axis = tuple(range(2, x.ndim))
    out, mean, var = _standardized(x, axis, eps, flat_is_zero=True)  # as in PyTorch, in this norm alone
    means, variances = (s.reshape(x.shape[:2]).mean(0) for s in (mean, var))
    _move(running_mean, running_var, means, variances, n, momentum)
    return _affine(out, weight, bias, shape)


# ---- batch norm --------------------------------------------------------------------------------------------------


def _move(mean: Tensor | None, var: Tensor | None, new_mean: Any, new_var: Any, n: int, momentum: float) -> None:
    """Update the running statistics; the running variance is the unbiased one, divided by n - 1."""
    for running, new in ((mean, new_mean), (var, new_var * (n / (n - 1)))):
        if running is not None:
            moved = (1 - momentum) * running._array + momentum * new.reshape(running.shape)
            run_in_mode(False, running.copy_, as_tensor(moved))


def _with_running(x: Tensor, mean: Any, var: Any, weight: Any, bias: Any, eps: float, shape: tuple[int, ...]) -> Tensor:
    """Normalize with given statistics, which are constants: one scale and one shift per channel."""
    if mean is None or var is None:
        raise ValueError("running_mean and running_var must be given when the input's own statistics are not used")
    factor = (var + eps).rsqrt() if weight is None else weight * (var + eps).rsqrt()
    return (x - mean.reshape(shape)) * factor.reshape(shape) + (0 if bias is None else bias.reshape(shape))


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel over the batch and all positions: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        input: a tensor of floats.
        running_mean, running_var: running statistics of shape (C,), or None in training. In training they are updated
            in place, running = (1 - momentum) * running + momentum * statistic, with the unbiased variance; otherwise
            they are used.
        weight, bias: the scale and shift, of shape (C,); default None, for 1 and 0.
        training: whether to use the batch's own mean and variance (default False).
        momentum: the step of the running statistics (default 0.1).
        eps: added to the variance (default 1e-5).

    Shape: (N, C, ...) -> (N, C, ...).

    Raises:
        ValueError: if shapes do not fit, or in training a channel is a single number.
        TypeError: if the input is not of floats, or the dtypes differ.

    >>> from minigrad import tensor, zeros, ones
    >>> x, mean, var = tensor([[1.0, 0.0], [3.0, 8.0]]), zeros(2), ones(2)
    >>> batch_norm(x, mean, var, training=True, momentum=0.5).round(decimals=2).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    >>> mean, var
    (tensor([1., 2.]), tensor([ 1.5000, 16.5000]))

    Source: Ioffe and Szegedy, "Batch normalization", 2015.
    """
    check_bool("batch_norm", training=training)
    check_number("batch_norm", momentum=momentum)
    _check_eps("batch_norm", eps, positive=training)
    x = _floats("batch_norm", input, weight=weight, bias=bias)
    others = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    shape = _channels("batch_norm", x, 2, **others)
    if not training:
        return _with_running(x, running_mean, running_var, weight, bias, eps, shape)
    n = x.numel() // max(x.shape[1], 1)
    if not n:  # an empty batch: nothing to normalize, and no statistics
        return _affine(x, weight, bias, shape)
    if n == 1:
        raise ValueError(
            f"batch_norm: in training each channel needs more than one number to have a variance, got an input of "
            f"shape {x.shape}. Use a larger batch (drop_last=True drops a last one of 1), or model.eval()"
        )
    out, mean, var = _standardized(x, (0, *range(2, x.ndim)), eps)
    _move(running_mean, running_var, mean, var, n, momentum)
    return _affine(out, weight, bias, shape)


# ---- modules -----------------------------------------------------------------------------------------------------


class LayerNorm(Module):
    """Normalize each example over its last dimensions: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        normalized_shape: the sizes of the dimensions that mean and variance are taken over; an integer for the last
            one alone, as usual in transformers.
        eps: added to the variance (default 1e-5).
        elementwise_affine: whether to train a weight and a bias (default True).
        bias: whether to train a bias (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).

    Attributes:
        weight, bias: of shape normalized_shape, or None; they start at 1 and 0.

    Shape: (..., *normalized_shape) -> the same.

    Raises:
        ValueError: if the input's last dimensions are not normalized_shape.
        TypeError: if the input's dtype is not that of the parameters.

    >>> from minigrad import nn, tensor
    >>> nn.LayerNorm(2, elementwise_affine=False)(tensor([[1.0, 3.0], [0.0, 8.0]])).round(decimals=2).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """

    @check_arguments
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(class_name(self), normalized_shape)
        _check_eps(class_name(self), eps)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.bias = (
            Parameter(zeros(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine and bias else None
        )

    def forward(self, input: Tensor) -> Tensor:
        """Normalize the input: (..., *normalized_shape) -> the same."""
        return layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


def _sizes(name: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, Sequence) else (shape,)
    for size in sizes:
        check_not_negative(name, normalized_shape=size)
        check_int(name, normalized_shape=size)
    return tuple(map(int, sizes))


class RMSNorm(Module):
    """Divide by the root mean square over the last dimensions: y = x / sqrt(mean(x^2) + eps) * weight.

    Args:
        normalized_shape: the sizes of the dimensions that the mean is taken over; an integer for the last one alone.
        eps: added to the mean square; default the machine epsilon of the dtype.
        elementwise_affine: whether to train a weight (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the weight (default float32).

    Attributes:
        weight: of shape normalized_shape, or None; it starts at 1.

    Shape: (..., *normalized_shape) -> the same.

    Raises:
        ValueError: if the input's last dimensions are not normalized_shape.
        TypeError: if the input is not of floats.

    >>> from minigrad import nn, tensor
    >>> nn.RMSNorm(2, elementwise_affine=False)(tensor([1.0, 7.0]))
    tensor([0.2000, 1.4000])

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """

    @check_arguments
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(class_name(self), normalized_shape)
        if eps is not None:
            _check_eps(class_name(self), eps)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x: (..., *normalized_shape) -> the same."""
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalize each group of channels of each example: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        num_groups: how many groups the channels are divided into, often 32.
        num_channels: the number of channels, a multiple of num_groups.
        eps: added to the variance (default 1e-5).
        affine: whether to train a weight and a bias for each channel (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters (default float32).
        bias: whether to train a bias (default True).

    Attributes:
        weight, bias: of shape (num_channels,), or None; they start at 1 and 0.

    Shape: (N, num_channels, ...) -> the same.

    Raises:
        ValueError: if num_channels is not a multiple of num_groups, or the input has other channels.
        TypeError: if the input's dtype is not that of the parameters.

    >>> from minigrad import nn, tensor
    >>> nn.GroupNorm(2, 4, affine=False)(tensor([[1.0, 3.0, 0.0, 8.0]])).round(decimals=2).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]

    Source: Wu and He, "Group normalization", 2018.
    """

    @check_arguments
    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = checked_size("GroupNorm", "num_groups", num_groups)
        self.num_channels = checked_size("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels must be a multiple of num_groups={num_groups}, got {num_channels}"
            )
        _check_eps("GroupNorm", eps)
        self.eps, self.affine = eps, affine
        self.weight = Parameter(ones(num_channels, device=device, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_channels, device=device, dtype=dtype)) if affine and bias else None

    def forward(self, input: Tensor) -> Tensor:
        """Normalize the input: (N, num_channels, ...) -> the same."""
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class _Tracking(Module):
    """The parameters, buffers of running statistics and repr of batch and instance norm."""

    dims: tuple[int, ...]  # how many dimensions the input may have

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = checked_size(class_name(self), "num_features", num_features)
        _check_eps(class_name(self), eps)
        self.eps, self.momentum, self.affine = eps, momentum, affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(ones(num_features, device=device, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, device=device, dtype=dtype)) if affine and bias else None
        zeros(0, device=device, dtype=dtype)  # refuse a wrong dtype also where there is nothing to make
        track = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if track else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if track else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=np.int64) if track else None)

    def reset_running_stats(self) -> None:
        """Reset the running mean to 0 and the running variance to 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def _check(self, x: Any) -> Tensor:
        x = as_input(class_name(self), x)
        if x.ndim not in self.dims:
            expected = " or ".join([f"{d}-dimensional" for d in self.dims])
            raise ValueError(f"{class_name(self)}: the input must be {expected}, got shape {x.shape}")
        return x

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    @check_arguments
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def _count(self) -> float:
        """Count a batch; return the step of the running statistics."""
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            if self.momentum is None:  # the running statistics are plain means over all batches
                return 1 / self.num_batches_tracked.item()
        return self.momentum or 0.0

    def forward(self, input: Tensor) -> Tensor:
        """Normalize the input: (N, num_features, ...) -> the same."""
        input = self._check(input)
        own = self.training or self.running_mean is None
        momentum = self._count() if self.training and self.track_running_stats else 0.0
        return batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, own, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """Normalize each channel over the batch: y = (x - mean) / sqrt(var + eps) * weight + bias.

    In training, mean and (biased) variance are those of the batch, and the running statistics are updated: running =
    (1 - momentum) * running + momentum * statistic, with the unbiased variance. After `eval()` the running statistics
    are used, so an example's output does not depend on the rest of its batch.

    Args:
        num_features: the number of channels C.
        eps: added to the variance (default 1e-5).
        momentum: the step of the running statistics (default 0.1). None makes them plain means over all batches.
        affine: whether to train a weight and a bias for each channel (default True).
        track_running_stats: whether to keep running statistics (default True). Without them, the batch's own statistics
            are used in evaluation too.
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters and statistics (default float32).
        bias: whether to train a bias (default True).

    Attributes:
        weight, bias: of shape (C,), or None; they start at 1 and 0.
        running_mean, running_var: buffers of shape (C,), or None; they start at 0 and 1.
        num_batches_tracked: a buffer, the number of batches seen in training.

    Shape: (N, C) or (N, C, L) -> the same.

    Raises:
        ValueError: if the input has another number of dimensions or channels, or in training one number per channel.
        TypeError: if the input's dtype is not that of the parameters.

    >>> from minigrad import nn, tensor
    >>> layer = nn.BatchNorm1d(2)
    >>> layer(tensor([[1.0, 0.0], [3.0, 8.0]])).round(decimals=2).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    >>> layer.running_mean
    tensor([0.2000, 0.4000])

    Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", 2015.
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalize each channel of images over the batch and all pixels: `BatchNorm1d` for (N, C, H, W), same arguments.

    Shape: (N, C, H, W) -> the same.

    >>> from minigrad import nn, ones
    >>> nn.BatchNorm2d(3)(ones(4, 3, 2, 2)).abs().max().item()
    0.0
    """

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalize each channel of volumes over the batch and all voxels: `BatchNorm1d` for (N, C, D, H, W).

    Shape: (N, C, D, H, W) -> the same.

    >>> from minigrad import nn, ones
    >>> nn.BatchNorm3d(3)(ones(4, 3, 2, 2, 2)).abs().max().item()
    0.0
    """

    dims = (5,)


class _InstanceNorm(_Tracking):
    @check_arguments
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        """Normalize the input: (N, num_features, L, ...) or (num_features, L, ...) -> the same."""
        input = self._check(input)
        batch = input if input.ndim == self.dims[1] else input.unsqueeze(0)
        if batch.shape[1] != self.num_features:
            raise ValueError(
                f"{class_name(self)}: the input must have num_features={self.num_features} channels, got "
                f"{batch.shape[1]} in shape {input.shape}"
            )
        own = self.training or not self.track_running_stats
        mean, var = self.running_mean, self.running_var
        momentum = self.momentum or 0.0  # as in PyTorch, None means 0 here: batches are not counted
        return instance_norm(batch, mean, var, self.weight, self.bias, own, momentum, self.eps).reshape(input.shape)


class InstanceNorm1d(_InstanceNorm):
    """Normalize each channel of each example over its positions: y = (x - mean) / sqrt(var + eps) * weight + bias.

    Args:
        num_features: the number of channels C.
        eps: added to the variance (default 1e-5).
        momentum: the step of the running statistics (default 0.1).
        affine: whether to train a weight and a bias for each channel (default False).
        track_running_stats: whether to keep running statistics, as `BatchNorm1d`, and use them in evaluation; default
            False, so that each example's own statistics are always used.
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: the dtype of the parameters and statistics (default float32).
        bias: whether to train a bias, with `affine` (default True).

    Shape: (N, C, L) or (C, L) -> the same.

    Raises:
        ValueError: if the input has another number of dimensions or channels, or a channel is a single number.

    >>> from minigrad import nn, tensor
    >>> nn.InstanceNorm1d(2)(tensor([[1.0, 3.0], [0.0, 8.0]])).round(decimals=2).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.
    """

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalize each channel of each image over its pixels: `InstanceNorm1d` with two sizes, and the same arguments.

    Shape: (N, C, H, W) or (C, H, W) -> the same.

    >>> from minigrad import nn, ones
    >>> nn.InstanceNorm2d(3)(ones(4, 3, 2, 2)).abs().max().item()
    0.0
    """

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalize each channel of each volume over its voxels: `InstanceNorm1d` with three sizes, same arguments.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> the same.

    >>> from minigrad import nn, ones
    >>> nn.InstanceNorm3d(3)(ones(4, 3, 2, 2, 2)).abs().max().item()
    0.0
    """

    dims = (4, 5)


class LazyBatchNorm1d(Lazy):
    """`BatchNorm1d` that takes `num_features` from the channels of its first input; the other arguments are the same.

    >>> from minigrad import nn, ones
    >>> layer = nn.LazyBatchNorm1d()
    >>> layer(ones(4, 3)).shape, layer.num_features
    ((4, 3), 3)
    """

    becomes, unknown, axis = BatchNorm1d, "num_features", 1


class LazyBatchNorm2d(Lazy):
    """`BatchNorm2d` that takes `num_features` from the channels of its first input; the other arguments are the same.

    >>> from minigrad import nn, ones
    >>> layer = nn.LazyBatchNorm2d()
    >>> layer(ones(4, 3, 2, 2)).shape, layer.num_features
    ((4, 3, 2, 2), 3)
    """

    becomes, unknown, axis = BatchNorm2d, "num_features", 1


class LazyBatchNorm3d(Lazy):
    """`BatchNorm3d` that takes `num_features` from the channels of its first input; the other arguments are the same.

    >>> from minigrad import nn, ones
    >>> layer = nn.LazyBatchNorm3d()
    >>> layer(ones(4, 3, 2, 2, 2)).shape, layer.num_features
    ((4, 3, 2, 2, 2), 3)
    """

    becomes, unknown, axis = BatchNorm3d, "num_features", 1
