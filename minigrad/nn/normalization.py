"""Normalisation: over the batch, over a layer, over groups of channels, over each channel of each example.

All are y = (x - mean) / sqrt(var + eps) * weight + bias; they differ in what mean and variance are taken of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.layers import as_input, checked_size
from minigrad.nn.lazy import Lazy
from minigrad.nn.module import Module, Parameter
from minigrad.primitives import normalization as rules
from minigrad.tensors.creation import as_tensor, ones, zeros
from minigrad.tensors.tensor import Tensor


def _standardized(x: Tensor, axis: tuple[int, ...], eps: float) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """x with mean 0 and variance 1 along the axes; and what mean and variance were."""
    mean, var = rules.moments(x._array, axis)
    scale = (var + float(eps)) ** -0.5  # (a number of NumPy's would make float64 of it)
    return Tensor.apply(rules.standardize, x, mean=mean, scale=scale, axis=axis, eps=eps), mean, var


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...] | None = None) -> Tensor:
    """x * weight + bias, where either may be missing, and both are of `shape` for the purpose."""
    if weight is not None:
        x = x * (weight if shape is None else weight.reshape(shape))
    return x if bias is None else x + (bias if shape is None else bias.reshape(shape))


def _floats(name: str, x: Tensor, **others: Tensor | None) -> Tensor:
    """x, if it holds floats and the others are of its dtype."""
    x = as_input(name, x)
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: takes floats, got a tensor of {x.dtype}; .float() converts it")
    for what, t in others.items():
        if t is not None and t.dtype != x.dtype:
            raise TypeError(
                f"{name}: the input is {x.dtype}, but {what} is {t.dtype}; convert one: x.to({what}.dtype), or the "
                "module with .double() or .float()"
            )
    return x


# ---- over a layer ----------------------------------------------------------------------------------------------


def _layer(name: str, x: Tensor, normalized_shape: Sequence[int], **others: Tensor | None) -> tuple[int, ...]:
    """The axes of the last dimensions, which must be of this shape; and so must weight and bias."""
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"{name}: the input of shape {x.shape} should end in the normalized_shape {shape}"
            + (". Channels in the second place are for group_norm or batch_norm" if shape and x.ndim > 2 else "")
        )
    for what, t in others.items():
        if t is not None and t.shape != shape:
            raise ValueError(f"{name}: {what} has shape {t.shape}, and should have the normalized_shape {shape}")
    return tuple(range(-len(shape), 0))


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Standardise each example over its last dimensions, those of `normalized_shape`.

    Args:
        input: of shape (..., *normalized_shape).
        normalized_shape: the sizes of the last dimensions.
        weight, bias: of shape normalized_shape, or None.
        eps: added to the variance.

    Raises:
        ValueError: for shapes that do not fit.
        TypeError: for integers, or dtypes that differ.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    x = _floats("layer_norm", input, weight=weight, bias=bias)
    axis = _layer("layer_norm", x, normalized_shape, weight=weight, bias=bias)
    if weight is None or not x.numel():
        return _affine(_standardized(x, axis, eps)[0], weight, bias)
    shift = np.zeros(weight.shape, x.dtype) if bias is None else bias
    return Tensor.apply(rules.layer_norm, x, weight, shift, eps=eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """x / sqrt(mean(x²) + eps) * weight over the last dimensions.

    Args:
        input: of shape (..., *normalized_shape).
        normalized_shape: the sizes of the last dimensions.
        weight: of shape normalized_shape, or None.
        eps: the dtype's machine epsilon, if None.

    Raises: as `layer_norm`.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """
    x = _floats("rms_norm", input)
    axis = _layer("rms_norm", x, normalized_shape, weight=weight)
    eps = float(np.finfo(x.dtype).eps if eps is None else eps)
    return _affine(Tensor.apply(rules.rms_normalize, x, axis=axis, eps=eps), weight, None)


# ---- over groups of channels -----------------------------------------------------------------------------------


def _channels(name: str, x: Tensor, least: int, **others: Tensor | None) -> tuple[int, ...]:
    """The shape in which one number for each channel meets x, of shape (N, C, ...)."""
    if x.ndim < least:
        raise ValueError(f"{name}: takes inputs (N, C{', ...' if least < 3 else ', L, ...'}), got shape {x.shape}")
    for what, t in others.items():
        if t is not None and t.shape != (x.shape[1],):
            raise ValueError(
                f"{name}: the input of shape {x.shape} has {x.shape[1]} channels, in dimension 1, but {what} has shape "
                f"{t.shape}"
            )
    return (1, -1, *(1,) * (x.ndim - 2))


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Standardise each example over each group of its channels.

    Args:
        input: of shape (N, C, ...).
        num_groups: into how many groups the C channels are divided.
        weight, bias: of shape (C,), or None.
        eps: added to the variance.

    Raises:
        ValueError: when C is no multiple of `num_groups`, and for shapes that do not fit.

    Source: Wu and He, "Group normalization", 2018.
    """
    x = _floats("group_norm", input, weight=weight, bias=bias)
    shape = _channels("group_norm", x, 2, weight=weight, bias=bias)
    n, c = x.shape[:2]
    if num_groups < 1 or c % num_groups:
        raise ValueError(f"group_norm: {c} channels, of an input of shape {x.shape}, do not divide into {num_groups}")
    if x.numel() == n * num_groups and n:
        raise ValueError(
            f"group_norm: with {num_groups} groups of an input of shape {x.shape} each group is one number, which "
            "has no variance; use fewer groups"
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
    """Standardise each channel of each example over its further dimensions.

    Args:
        input: of shape (N, C, L, ...).
        running_mean, running_var: of shape (C,), or None; moved by `momentum` towards the means over the batch of the
            examples' own, and used in their place without `use_input_stats`.
        weight, bias: of shape (C,), or None.
        use_input_stats: whether to use the examples' own mean and variance.
        momentum: see above.
        eps: added to the variance.

    Raises:
        ValueError: for shapes that do not fit, and when each channel is a single number.

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization", 2016.
    """
    x = _floats("instance_norm", input, weight=weight, bias=bias)
    others = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    shape = _channels("instance_norm", x, 3, **others)
    if not use_input_stats:
        return _with_running(x, running_mean, running_var, weight, bias, eps, shape)
    n = math.prod(x.shape[2:])
    if n == 1:
        raise ValueError(f"instance_norm: a single number in each channel of shape {x.shape} has no variance")
    axis = tuple(range(2, x.ndim))
    out, mean, var = _standardized(x, axis, eps)
    means, variances = (s.reshape(x.shape[:2]).mean(0) for s in (mean, var))
    _move(running_mean, running_var, means, variances, n, momentum)
    return _affine(out, weight, bias, shape)


# ---- over the batch --------------------------------------------------------------------------------------------


def _move(mean: Tensor | None, var: Tensor | None, new_mean: Any, new_var: Any, n: int, momentum: float) -> None:
    """Move running statistics towards new ones; the running variance is the unbiased one."""
    with no_grad():
        for running, new in ((mean, new_mean), (var, new_var * (n / (n - 1)))):
            if running is not None:
                running.copy_(as_tensor((1 - momentum) * running._array + momentum * new.reshape(running.shape)))


def _with_running(x: Tensor, mean: Any, var: Any, weight: Any, bias: Any, eps: float, shape: tuple[int, ...]) -> Tensor:
    """Normalise with given statistics, which are constants: one factor and one summand for each channel."""
    if mean is None or var is None:
        raise ValueError("running_mean and running_var are needed where the input's own statistics are not used")
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
    """Standardise each channel over the batch and all further dimensions.

    Args:
        input: of shape (N, C, ...).
        running_mean, running_var: of shape (C,), or None in training; in training they are moved by `momentum`
            towards the batch's mean and (unbiased) variance, and otherwise used in their place.
        weight, bias: of shape (C,), or None.
        training: whether to use the batch's own mean and variance.
        momentum: see above.
        eps: added to the variance.

    Raises:
        ValueError: for shapes that do not fit, and in training for a single number per channel.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.
    """
    x = _floats("batch_norm", input, weight=weight, bias=bias)
    others = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    shape = _channels("batch_norm", x, 2, **others)
    if not training:
        return _with_running(x, running_mean, running_var, weight, bias, eps, shape)
    n = x.numel() // max(x.shape[1], 1)
    if not n:  # nothing to standardise, and nothing to learn from it
        return _affine(x, weight, bias, shape)
    if n == 1:
        raise ValueError(
            f"batch_norm: in training there must be more than one number for each channel, to have a variance; got an "
            f"input of shape {x.shape}. Use a larger batch (drop_last=True drops a last one of 1), or model.eval()"
        )
    out, mean, var = _standardized(x, (0, *range(2, x.ndim)), eps)
    _move(running_mean, running_var, mean, var, n, momentum)
    return _affine(out, weight, bias, shape)


# ---- as modules ------------------------------------------------------------------------------------------------


class LayerNorm(Module):
    """`layer_norm` with a learnt weight and bias of shape normalized_shape, at first 1 and 0.

    Args:
        normalized_shape: the sizes of the last dimensions; a single one may be an integer.
        eps: added to the variance.
        elementwise_affine: whether there are weight and bias.
        bias: whether there is a bias.
        dtype: of the parameters.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(ones(self.normalized_shape, dtype=dtype)) if elementwise_affine else None
        self.bias = Parameter(zeros(self.normalized_shape, dtype=dtype)) if elementwise_affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., *normalized_shape) -> the same."""
        return layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


def _sizes(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, int | np.integer) else tuple(shape)


class RMSNorm(Module):
    """`rms_norm` with a learnt weight of shape normalized_shape, at first 1."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(ones(self.normalized_shape, dtype=dtype)) if elementwise_affine else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., *normalized_shape) -> the same."""
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """`group_norm` with a learnt weight and bias for each channel, at first 1 and 0."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = checked_size("GroupNorm", "num_groups", num_groups)
        self.num_channels = checked_size("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels={num_channels} is no multiple of num_groups={num_groups}")
        self.eps, self.affine = eps, affine
        self.weight = Parameter(ones(num_channels, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_channels, dtype=dtype)) if affine and bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_channels, ...) -> the same."""
        return group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class _Tracking(Module):
    """What batch and instance normalisation share: an affine map, and running statistics in buffers."""

    dims: tuple[int, ...]  # how many dimensions the input may have

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        self.num_features = checked_size(type(self).__name__, "num_features", num_features)
        self.eps, self.momentum, self.affine = eps, momentum, affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(ones(num_features, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_features, dtype=dtype)) if affine and bias else None
        track = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, dtype=dtype) if track else None)
        self.register_buffer("running_var", ones(num_features, dtype=dtype) if track else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=np.int64) if track else None)

    def reset_running_stats(self) -> None:
        """Start over with mean 0 and variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def _check(self, x: Any) -> Tensor:
        x = as_input(type(self).__name__, x)
        if x.ndim not in self.dims:
            expected = " or ".join([f"{d}-dimensional" for d in self.dims])
            raise ValueError(f"{type(self).__name__}: takes {expected} input, got shape {x.shape}")
        return x

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Tracking):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def _count(self) -> float:
        """Count a batch; by how much the statistics move."""
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            if self.momentum is None:  # the plain mean over all batches
                return 1 / self.num_batches_tracked.item()
        return self.momentum or 0.0

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_features, ...) -> the same."""
        x = self._check(x)
        own = self.training or self.running_mean is None
        momentum = self._count() if self.training and self.track_running_stats else 0.0
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, own, momentum, self.eps)


class BatchNorm1d(_BatchNorm):
    """`batch_norm` of (N, C) or (N, C, L), with a learnt weight and bias, at first 1 and 0, and running statistics.

    Args:
        num_features: the number of channels C.
        eps: added to the variance.
        momentum: by how much the running statistics move to the batch's; None for their plain mean.
        affine: whether there are weight and bias.
        track_running_stats: whether there are running statistics; without, the batch's own are used always.
        dtype: of the parameters and statistics.
        bias: whether there is a bias.
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """`batch_norm` of (N, C, H, W); see `BatchNorm1d`."""

    dims = (4,)


class BatchNorm3d(_BatchNorm):
    """`batch_norm` of (N, C, D, H, W); see `BatchNorm1d`."""

    dims = (5,)


class _InstanceNorm(_Tracking):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, num_features, L, ...) or (num_features, L, ...) -> the same."""
        x = self._check(x)
        batch = x if x.ndim == self.dims[1] else x.unsqueeze(0)
        if batch.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: num_features is {self.num_features}, but an input of shape {x.shape} has "
                f"{batch.shape[1]} channels"
            )
        own = self.training or not self.track_running_stats
        mean, var = self.running_mean, self.running_var
        momentum = self.momentum or 0.0  # (PyTorch, too, does not count batches here)
        return instance_norm(batch, mean, var, self.weight, self.bias, own, momentum, self.eps).reshape(x.shape)


class InstanceNorm1d(_InstanceNorm):
    """`instance_norm` of (N, C, L) or (C, L); settings as of `BatchNorm1d`, but by default without what is learnt."""

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """`instance_norm` of (N, C, H, W) or (C, H, W); see `InstanceNorm1d`."""

    dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """`instance_norm` of (N, C, D, H, W) or (C, D, H, W); see `InstanceNorm1d`."""

    dims = (4, 5)


class LazyBatchNorm1d(Lazy):
    """`BatchNorm1d` whose num_features are the channels of its first input."""

    becomes, unknown, axis = BatchNorm1d, "num_features", 1


class LazyBatchNorm2d(Lazy):
    """`BatchNorm2d` whose num_features are the channels of its first input."""

    becomes, unknown, axis = BatchNorm2d, "num_features", 1


class LazyBatchNorm3d(Lazy):
    """`BatchNorm3d` whose num_features are the channels of its first input."""

    becomes, unknown, axis = BatchNorm3d, "num_features", 1
