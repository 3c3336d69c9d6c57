"""Initial values of parameters. Each function writes into the tensor, unseen by autograd, and gives it back.

fan_in is the number of inputs that each output of a layer sums over, fan_out the number of outputs that each input
goes to: for a weight (out, in, *kernel) they are in * prod(kernel) and out * prod(kernel).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor


def _write(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(np.asarray(values).astype(tensor.dtype))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights are scaled so that the nonlinearity behind them keeps the variance.

    Args:
        nonlinearity: the function's name: 'linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu' …
        param: leaky_relu's negative slope, 0.01 if not given.

    Raises:
        ValueError: for a name that is not known.
    """
    linear = {"linear", "sigmoid", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3))}
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {**dict.fromkeys(linear, 1.0), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: knows {sorted([*gains, 'leaky_relu'])}, not {nonlinearity!r}")
    return gains[nonlinearity]


def _fans(name: str, tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out)."""
    if tensor.ndim < 2:
        raise ValueError(f"{name}: needs a weight (out, in, …) of at least 2 dimensions, got shape {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


# ---- constants -------------------------------------------------------------------------------------------------


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` all over."""
    return _write(tensor, np.full(tensor.shape, val))


def ones_(tensor: Tensor) -> Tensor:
    """1 all over."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """0 all over."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity: 1 on the diagonal of a matrix, 0 elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: takes a matrix, got shape {tensor.shape}")
    return _write(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's identity: each output channel is its input channel, of as many as there are.

    Args:
        tensor: a convolution's weight (out, in / groups, *kernel), of 3 to 5 dimensions.
        groups: the groups of the convolution.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: takes a convolution's weight, of 3 to 5 dimensions, got shape {tensor.shape}")
    out, channels, *kernel = tensor.shape
    if out % groups:
        raise ValueError(f"dirac_: {out} output channels do not divide into {groups} groups")
    values = np.zeros(tensor.shape)
    middle = tuple(n // 2 for n in kernel)
    for group in range(groups):
        for channel in range(min(out // groups, channels)):
            values[(group * (out // groups) + channel, channel, *middle)] = 1
    return _write(tensor, values)


# ---- at random -------------------------------------------------------------------------------------------------


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform in [a, b)."""
    return _write(tensor, numbers(generator).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal, with this mean and standard deviation."""
    return _write(tensor, numbers(generator).normal(mean, std, tensor.shape))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Normal, drawn anew where it is outside [a, b]. (The bounds are values, not numbers of standard deviations.)"""
    if not a < b or not (a < mean + 8 * std and mean - 8 * std < b):
        raise ValueError(f"trunc_normal_: the bounds a={a}, b={b} leave nothing of a normal of {mean} +- {std}")
    draw = numbers(generator).normal
    values = draw(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = draw(mean, std, outside.sum())
    return _write(tensor, values)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform within ±gain sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio, 2010."""
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)). Source: Glorot and Bengio, 2010."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))), generator)


def _kaiming_std(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode is 'fan_in' or 'fan_out', not {mode!r}")
    fan = _fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Uniform within ±gain sqrt(3 / fan), which keeps the variance through layers of ReLUs.

    Args:
        tensor: a weight (out, in, *kernel).
        a: leaky_relu's slope below 0.
        mode: 'fan_in' keeps the variance forwards, 'fan_out' that of the gradients.
        nonlinearity: what stands behind the layer; see `calculate_gain`.
        generator: what to draw from.

    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    if 0 in tensor.shape:
        return tensor
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Normal with standard deviation gain / sqrt(fan); see `kaiming_uniform_`."""
    if 0 in tensor.shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """A random (semi-)orthogonal matrix times gain; more than 2 dimensions count as (out, all others).

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear networks", 2013.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: takes at least 2 dimensions, got shape {tensor.shape}")
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(numbers(generator).standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # makes it uniform: Mezzadri, 2007
    return _write(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """A normal matrix in which the fraction `sparsity` of each column, rounded up, is 0. Source: Martens, 2010."""
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: takes a matrix, got shape {tensor.shape}")
    random = numbers(generator)
    values = random.normal(0.0, std, tensor.shape)
    for column in values.T:
        column[random.permutation(len(column))[: math.ceil(sparsity * len(column))]] = 0
    return _write(tensor, values)
