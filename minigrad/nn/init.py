"""Initial values of parameters. Each function writes into the tensor, without being recorded, and returns it.

fan_in is the number of inputs that each output of a layer sums over, fan_out the number of outputs that each input
goes to. For a weight (out, in, *kernel) they are in * prod(kernel) and out * prod(kernel).

A `generator` is what random numbers are drawn from: a `minigrad.Generator`, or None (default) for the global one,
which `minigrad.manual_seed` sets.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.arguments import check_arguments, check_tensor
from minigrad.output.absent import no_attribute
from minigrad.output.deprecation import warn_deprecated
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor


def __getattr__(name: str) -> Callable[..., Tensor]:
    """Return a function under its older name: xavier_uniform for xavier_uniform_."""
    function = globals().get(f"{name}_")
    if function is None or name.startswith("_"):
        raise no_attribute(f"module {__name__!r}", name, lambda: globals())

    @functools.wraps(function)
    def older(*args: Any, **named: Any) -> Tensor:
        warn_deprecated(f"nn.init.{name}", f"nn.init.{name}_")
        return function(*args, **named)

    return older


def _write(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(np.asarray(values).astype(tensor.dtype))


@check_arguments
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor for a weight's standard deviation that keeps the variance through a nonlinearity after it.

    It is 1 for linear layers, convolutions and sigmoid, 5/3 for tanh, sqrt(2) for relu,
    sqrt(2 / (1 + negative_slope**2)) for leaky_relu, and 3/4 for selu.

    Args:
        nonlinearity: the function's name: 'linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu', …
        param: the negative slope of leaky_relu (default 0.01).

    Raises:
        ValueError: if the name is unknown.

    >>> from minigrad import nn
    >>> round(nn.init.calculate_gain("relu"), 4)
    1.4142
    """
    linear = {"linear", "sigmoid", *(f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3))}
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {**dict.fromkeys(linear, 1.0), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    if nonlinearity not in gains:
        known = sorted([*gains, "leaky_relu"])
        raise ValueError(f"calculate_gain: nonlinearity must be one of {known}, got {nonlinearity!r}")
    return gains[nonlinearity]


def _fans(name: str, tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out)."""
    check_tensor(name, tensor=tensor)
    if tensor.ndim < 2:
        raise ValueError(
            f"{name}: the tensor must be a weight (out, in, …) of at least 2 dimensions, got shape {tensor.shape}"
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


# ---- constants -------------------------------------------------------------------------------------------------


@check_arguments
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`.

    >>> from minigrad import nn, zeros
    >>> nn.init.constant_(zeros(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return _write(tensor, np.full(tensor.shape, val))


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1.

    >>> from minigrad import nn, zeros
    >>> nn.init.ones_(zeros(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0.

    >>> from minigrad import nn, ones
    >>> nn.init.zeros_(ones(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Write the identity into a matrix: 1 on the diagonal, 0 elsewhere.

    Raises:
        ValueError: if the tensor is not a matrix.

    >>> from minigrad import nn, zeros
    >>> nn.init.eye_(zeros(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_: the tensor must be a matrix, got shape {tensor.shape}")
    return _write(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


@check_arguments
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution the identity: each output channel is the input channel of the same number, where there is one.

    Args:
        tensor: a convolution's weight (out, in / groups, *kernel), of 3 to 5 dimensions.
        groups: the groups of the convolution (default 1).

    Raises:
        ValueError: if the tensor has another number of dimensions, or its output channels do not divide into groups.

    >>> from minigrad import nn, zeros
    >>> nn.init.dirac_(zeros(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: the tensor must be a convolution's weight, 3 to 5 dimensions, got {tensor.shape}")
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


@check_arguments
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the uniform distribution on [a, b), by default [0, 1).

    >>> from minigrad import nn, zeros
    >>> w = nn.init.uniform_(zeros(100), -0.1, 0.1)
    >>> bool((abs(w) <= 0.1).all())
    True
    """
    return _write(tensor, numbers(generator).uniform(a, b, tensor.shape))


@check_arguments
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the normal distribution with this mean (default 0) and standard deviation (default 1).

    >>> from minigrad import nn, zeros
    >>> nn.init.normal_(zeros(2, 3), std=0.01).shape
    (2, 3)
    """
    return _write(tensor, numbers(generator).normal(mean, std, tensor.shape))


@check_arguments
def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Draw from the normal distribution, and again wherever a value is outside [a, b].

    Args:
        tensor: any shape.
        mean, std: of the normal distribution (default 0 and 1).
        a, b: the bounds (default -2 and 2). They are values, not multiples of `std`.
        generator: what to draw from.

    Raises:
        ValueError: if the bounds exclude practically all of the distribution.

    >>> from minigrad import nn, zeros
    >>> w = nn.init.trunc_normal_(zeros(100), std=0.02, a=-0.04, b=0.04)
    >>> bool((abs(w) <= 0.04).all())
    True
    """
    if not a < b or not (a < mean + 8 * std and mean - 8 * std < b):
        raise ValueError(
            f"trunc_normal_: the bounds a={a}, b={b} exclude the normal distribution with mean {mean} and std {std}"
        )
    draw = numbers(generator).normal
    values = draw(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = draw(mean, std, outside.sum())
    return _write(tensor, values)


@check_arguments
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw uniformly from ±gain * sqrt(6 / (fan_in + fan_out)), for layers with tanh or sigmoid after them.

    Args:
        tensor: a weight (out, in, *kernel).
        gain: see `calculate_gain` (default 1.0).
        generator: what to draw from.

    Raises:
        ValueError: if the tensor has fewer than 2 dimensions.

    >>> from minigrad import nn, zeros
    >>> w = nn.init.xavier_uniform_(zeros(4, 2))
    >>> bool((abs(w) <= 1).all())
    True

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound, generator)


@check_arguments
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Draw from the normal distribution with mean 0 and standard deviation gain * sqrt(2 / (fan_in + fan_out)).

    Arguments, errors and source are those of `xavier_uniform_`.

    >>> from minigrad import nn, zeros
    >>> nn.init.xavier_normal_(zeros(4, 2)).shape
    (4, 2)
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))), generator)


def _kaiming_std(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


@check_arguments
def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Draw uniformly from ±gain * sqrt(3 / fan), which keeps the variance through layers of ReLUs.

    Args:
        tensor: a weight (out, in, *kernel).
        a: the negative slope of leaky_relu (default 0, which is relu).
        mode: 'fan_in' (default) keeps the variance in the forward pass, 'fan_out' in the backward pass.
        nonlinearity: the function after the layer, see `calculate_gain` (default 'leaky_relu').
        generator: what to draw from.

    Raises:
        ValueError: if the tensor has fewer than 2 dimensions, or `mode` or `nonlinearity` is unknown.

    >>> from minigrad import nn, zeros
    >>> w = nn.init.kaiming_uniform_(zeros(4, 6), nonlinearity="relu")
    >>> bool((abs(w) <= 1).all())
    True

    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    if 0 in tensor.shape:
        return tensor
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@check_arguments
def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Draw from the normal distribution with mean 0 and standard deviation gain / sqrt(fan).

    Arguments, errors and source are those of `kaiming_uniform_`.

    >>> from minigrad import nn, zeros
    >>> nn.init.kaiming_normal_(zeros(4, 6), nonlinearity="relu").shape
    (4, 6)
    """
    if 0 in tensor.shape:
        return tensor
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


@check_arguments
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Draw a random matrix with orthonormal rows or columns, and multiply it by gain.

    Args:
        tensor: at least 2 dimensions; all but the first are joined into one.
        gain: see `calculate_gain` (default 1).
        generator: what to draw from.

    Raises:
        ValueError: if the tensor has fewer than 2 dimensions.

    >>> from minigrad import allclose, eye, nn, zeros
    >>> w = nn.init.orthogonal_(zeros(2, 3))
    >>> allclose(w @ w.T, eye(2), atol=1e-5)
    True

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: the tensor must have at least 2 dimensions, got shape {tensor.shape}")
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(numbers(generator).standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # makes the distribution uniform: Mezzadri, 2007
    return _write(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


@check_arguments
def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Draw a matrix from the normal distribution, and set random elements of each column to 0.

    Args:
        tensor: a matrix.
        sparsity: the fraction of each column to set to 0, rounded up.
        std: the standard deviation of the others (default 0.01).
        generator: what to draw from.

    Raises:
        ValueError: if the tensor is not a matrix.

    >>> from minigrad import nn, zeros
    >>> w = nn.init.sparse_(zeros(10, 2), sparsity=0.3)
    >>> (w == 0).sum(0).tolist()
    [3, 3]

    Source: Martens, "Deep learning via Hessian-free optimization", 2010.
    """
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: the tensor must be a matrix, got shape {tensor.shape}")
    random = numbers(generator)
    values = random.normal(0.0, std, tensor.shape)
    for column in values.T:
        column[random.permutation(len(column))[: math.ceil(sparsity * len(column))]] = 0
    return _write(tensor, values)
