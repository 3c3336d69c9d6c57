"""Activation functions, and each as a module, with PyTorch's names and values.

In shapes, (*) is any shape. Most functions act on each element. With `inplace=True`, they write the result into their
input and return that.
"""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from minigrad.nn.arguments import check_bool, check_choice, check_int, check_not_negative, check_number, check_tensor
from minigrad.nn.functional_module import FunctionalModule
from minigrad.nn.layers import as_input, checked_size
from minigrad.nn.module import Module, Parameter
from minigrad.output.words import class_name
from minigrad.primitives import activations as pieces
from minigrad.primitives import elementwise as ew
from minigrad.primitives import special
from minigrad.primitives.primitive import Elementwise
from minigrad.tensors.creation import arange, as_tensor, full
from minigrad.tensors.dtypes import promoted
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Tensor])


def _in_place(function: F) -> F:
    """Implement the last argument of `function`, `inplace`: write the result into the input."""
    position = len(inspect.signature(function).parameters) - 2  # of `inplace` among the settings, which follow input

    @functools.wraps(function)
    def activation(input: Tensor, *settings: Any, **named: Any) -> Tensor:
        check_tensor(function.__name__, input=input)
        inplace = settings[position] if len(settings) > position else named.get("inplace", False)
        if inplace is not False:
            check_bool(function.__name__, inplace=inplace)
        if not inplace:
            return function(input, *settings, **named)
        x = input._past(None)  # the graph refers to the input as it was before the write
        named.pop("inplace", None)
        return input._write(function(x, *settings[:position], **named), function.__name__)

    return activation  # type: ignore[return-value]


def _piecewise(primitive: Elementwise, input: Tensor, *settings: float) -> Tensor:
    """Apply the primitive; integers become floats first."""
    return Tensor.apply(primitive, _floats(input), *settings)


def _floats(input: Tensor) -> Tensor:
    """Return the tensor, integers as floats."""
    check_tensor("an activation", input=input)
    return input if input.dtype.kind == "f" else input.float()


@_in_place
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(0, x), the rectified linear unit. Its derivative at 0 is 0.

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.relu(tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """
    return input.relu()


def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent (exp(x) - exp(-x)) / (exp(x) + exp(-x)), between -1 and 1.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.tanh(tensor([0.0, 0.5]))
    tensor([0.0000, 0.4621])
    """
    check_tensor("tanh", input=input)
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """Return the logistic function 1 / (1 + exp(-x)), between 0 and 1.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.sigmoid(tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """
    check_tensor("sigmoid", input=input)
    return input.sigmoid()


@_in_place
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return x if x > 0, and negative_slope * x otherwise.

    Args:
        input: any shape.
        negative_slope: the slope below 0 (default 0.01; usual: 0.01 to 0.2).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.leaky_relu(tensor([-10.0, 2.0]), negative_slope=0.1)
    tensor([-1.,  2.])

    Source: Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """
    check_number("leaky_relu", negative_slope=negative_slope)
    return _piecewise(pieces.leaky_relu, input, float(negative_slope))


@_in_place
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x if x > 0, and alpha * (exp(x) - 1) otherwise.

    Args:
        input: any shape.
        alpha: minus the limit for x -> -inf (default 1.0).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.elu(tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])

    Source: Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2015.
    """
    check_number("elu", alpha=alpha)
    return _piecewise(pieces.elu, input, float(alpha), 1.0)


def _check_divisor(name: str, alpha: float) -> None:
    check_number(name, alpha=alpha)
    if not alpha:
        raise ValueError(f"{name}: alpha must not be 0, because x is divided by it")


@_in_place
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x if x > 0, and alpha * (exp(x / alpha) - 1) otherwise. The derivative at 0 is 1 for every alpha.

    Args:
        input: any shape.
        alpha: minus the limit for x -> -inf, not 0 (default 1.0).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    Raises:
        ValueError: if alpha is 0.

    >>> from minigrad import nn, tensor
    >>> nn.functional.celu(tensor([-2.0, 2.0]), alpha=2.0)
    tensor([-1.2642,  2.0000])

    Source: Barron, "Continuously differentiable exponential linear units", 2017.
    """
    _check_divisor("celu", alpha)
    return _piecewise(pieces.elu, input, float(alpha), 1 / float(alpha))


@_in_place
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return scale * elu(x, alpha), with scale = 1.0507 and alpha = 1.6733.

    With these constants, activations converge to mean 0 and variance 1 from layer to layer, if weights start normal
    with variance 1 / fan_in. Use `alpha_dropout` with it.

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.selu(tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    return 1.0507009873554804934193349852946 * elu(input, 1.6732632423543772848170429916717)


@_in_place
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * sigmoid(x), also called swish.

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.silu(tensor([-1.0, 1.0]))
    tensor([-0.2689,  0.7311])

    Source: Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation", 2017.
    """
    return input * input.sigmoid()


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta * x)) / beta, a smooth form of relu.

    Args:
        input: any shape.
        beta: sharpness; larger values come closer to relu (default 1.0).
        threshold: where beta * x exceeds it, return x itself (default 20.0).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.softplus(tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    check_tensor("softplus", input=input)
    check_number("softplus", beta=beta, threshold=threshold)
    if beta == 1:
        return _piecewise(pieces.softplus_below, input, float(threshold))
    scaled = input * beta
    return input.where(scaled > threshold, _piecewise(pieces.softplus_below, scaled, float(threshold)) / beta)


@_in_place
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * tanh(softplus(x)).

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.mish(tensor([-1.0, 1.0]))
    tensor([-0.3034,  0.8651])

    Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    """
    return input * softplus(input).tanh()


def logsigmoid(input: Tensor) -> Tensor:
    """Return log(sigmoid(x)) = -softplus(-x), without underflow for large negative x.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.logsigmoid(tensor([-200.0, 0.0]))
    tensor([-200.0000,   -0.6931])
    """
    return -_piecewise(ew.softplus, -_floats(input))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return x * Phi(x), where Phi is the cumulative distribution function of the standard normal distribution.

    Args:
        input: any shape.
        approximate: 'none' (default), or 'tanh' for x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2.

    Shape: (*) -> (*).

    Raises:
        ValueError: if `approximate` is neither.

    >>> from minigrad import nn, tensor
    >>> nn.functional.gelu(tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    input = _floats(input)
    if approximate == "none":
        return Tensor.apply(special.gelu, input)
    if approximate == "tanh":
        c = math.sqrt(2 / math.pi)
        return input * (0.5 + 0.5 * (input * (c + 0.044715 * c * input * input)).tanh())
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


@_in_place
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Return x limited to [min_val, max_val]. The derivative is 0 outside and at the limits.

    Args:
        input: any shape.
        min_val, max_val: the limits (default -1.0 and 1.0).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    Raises:
        ValueError: if min_val > max_val.

    >>> from minigrad import nn, tensor
    >>> nn.functional.hardtanh(tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    check_number("hardtanh", min_val=min_val, max_val=max_val)
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must be at most max_val, got min_val={min_val} and max_val={max_val}")
    if input.dtype.kind != "f":  # integers stay integers, if the limits are
        low, high = (int(v) if float(v).is_integer() else v for v in (min_val, max_val))
        return input.clamp(low, high)
    return Tensor.apply(ew.hardtanh, input, float(min_val), float(max_val))


@_in_place
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return min(max(0, x), 6).

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.relu6(tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """
    return hardtanh(input, 0.0, 6.0)


@_in_place
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return relu6(x + 3) / 6: 0 below -3, 1 above 3, linear between.

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.hardsigmoid(tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _piecewise(pieces.hardsigmoid, input)


@_in_place
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return x * hardsigmoid(x).

    Args:
        input: any shape.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.hardswish(tensor([-1.5, 1.5, 4.0]))
    tensor([-0.3750,  1.1250,  4.0000])

    Source: Howard et al., "Searching for MobileNetV3", 2019.
    """
    return _piecewise(pieces.hardswish, input)


@_in_place
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return x if x > threshold, and `value` otherwise.

    Args:
        input: any shape.
        threshold: where to switch.
        value: the result below.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.threshold(tensor([0.5, 2.0]), threshold=1.0, value=-7.0)
    tensor([-7.,  2.])
    """
    check_number("threshold", threshold=threshold, value=value)
    if input.dtype.kind != "f":
        return input.masked_fill(input <= threshold, value)
    return _piecewise(pieces.threshold, input, float(threshold), float(value))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return x if |x| > lambd, and 0 otherwise.

    Args:
        input: any shape.
        lambd: the threshold (default 0.5).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.hardshrink(tensor([-2.0, 0.3, 2.0]))
    tensor([-2.,  0.,  2.])
    """
    check_number("hardshrink", lambd=lambd)
    return _piecewise(pieces.hardshrink, input, float(lambd))


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Move x towards 0 by lambd: sign(x) * max(0, |x| - lambd).

    Args:
        input: any shape.
        lambd: how far x moves towards 0, >= 0 (default 0.5).

    Shape: (*) -> (*).

    Raises:
        ValueError: if lambd < 0.

    >>> from minigrad import nn, tensor
    >>> nn.functional.softshrink(tensor([-2.0, 0.3, 2.0]))
    tensor([-1.5000,  0.0000,  1.5000])
    """
    check_not_negative("softshrink", lambd=lambd)
    return _piecewise(pieces.softshrink, input, float(lambd))


def tanhshrink(input: Tensor) -> Tensor:
    """Return x - tanh(x).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.tanhshrink(tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """
    check_tensor("tanhshrink", input=input)
    return input - input.tanh()


def softsign(input: Tensor) -> Tensor:
    """Return x / (1 + |x|), between -1 and 1.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.softsign(tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    check_tensor("softsign", input=input)
    return input / (1 + input.abs())


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a * sigmoid(b), where a and b are the first and the second half of the input along `dim`.

    Args:
        input: a tensor of even size along `dim`.
        dim: the dimension to split (default -1).

    Shape: (..., 2 n, ...) -> (..., n, ...).

    Raises:
        ValueError: if the size along `dim` is odd.
        IndexError: if the input has no such dimension.

    >>> from minigrad import nn, tensor
    >>> nn.functional.glu(tensor([3.0, 4.0, 0.0, 0.0]))
    tensor([1.5000, 2.0000])

    Source: Dauphin et al., "Language modeling with gated convolutional networks", 2016.
    """
    check_tensor("glu", input=input)
    d = input._dim(dim)
    if not input.ndim or input.shape[d] % 2:
        raise ValueError(f"glu: the size along dim {dim} must be even, got an input of shape {input.shape}")
    before = (slice(None),) * d
    half = input.shape[d] // 2
    return input[(*before, slice(None, half))] * input[(*before, slice(half, None))].sigmoid()


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return x if x > 0, and weight * x otherwise, where the weight is learned.

    Args:
        input: of shape (N, C, ...), or of any shape for a single weight.
        weight: of shape (1,), or (C,) for one weight per channel.

    Shape: (N, C, ...) -> (N, C, ...).

    Raises:
        ValueError: if the weight has another shape.

    >>> from minigrad import nn, tensor
    >>> nn.functional.prelu(tensor([[-2.0, -2.0]]), tensor([0.5, 2.0]))
    tensor([[-1., -4.]])

    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    check_tensor("prelu", input=input, weight=weight)
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(
            f"prelu: weight must have shape (1,) or ({channels},), one value per channel of an input of shape "
            f"{input.shape}; got {weight.shape}"
        )
    if weight.numel() > 1:
        weight = weight.reshape(-1, *(1,) * (input.ndim - 2))
    elif weight.ndim > input.ndim:
        weight = weight.reshape(())
    return Tensor.apply(pieces.leaky_relu, _floats(input), weight)


def _check_limits(name: str, lower: float, upper: float) -> None:
    check_number(name, lower=lower, upper=upper)
    if not lower <= upper:
        raise ValueError(f"{name}: lower must be at most upper, got lower={lower} and upper={upper}")


@_in_place
def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Return x if x >= 0, and slope * x otherwise, with a random slope.

    Args:
        input: any shape.
        lower, upper: limits of the slope (default 1/8 and 1/3).
        training: True draws a slope for each element, uniformly from [lower, upper]; False (default) uses
            (lower + upper) / 2.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    Raises:
        ValueError: if lower > upper.

    >>> from minigrad import nn, tensor
    >>> nn.functional.rrelu(tensor([-1.0, 2.0]), lower=0.25, upper=0.75)
    tensor([-0.5000,  2.0000])

    Source: Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.
    """
    _check_limits("rrelu", lower, upper)
    check_bool("rrelu", training=training)
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    slope = as_tensor(numbers().uniform(lower, upper, input.shape).astype(input.dtype))
    return input.where(input >= 0, slope * input)


def relu_(input: Tensor) -> Tensor:
    """Compute `relu` in place: write the result into the input, and return it."""
    return relu(input, inplace=True)


def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """Return exp(x) / sum(exp(x)), with the sum along `dim`: positive numbers that add up to 1.

    Args:
        input: scores (logits), any shape.
        dim: the dimension of the classes. None, which is deprecated in PyTorch, means 0 for inputs of 0, 1 or 3
            dimensions, and otherwise 1.
        dtype: convert the input to it first (default: keep the input's).

    Shape: (*) -> (*).

    Warns:
        DeprecationWarning: if `dim` is missing.

    >>> from minigrad import nn, tensor
    >>> nn.functional.softmax(tensor([[1.0, 1.0], [0.0, 1.0]]), dim=1)
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """
    check_tensor("softmax", input=input)
    return (input if dtype is None else input.to(dtype)).softmax(dim)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """Return log(softmax(x)) = x - log(sum(exp(x))) along `dim`, without overflow; arguments as in `softmax`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.log_softmax(tensor([0.0, 1.0]), dim=0)
    tensor([-1.3133, -0.3133])
    """
    check_tensor("log_softmax", input=input)
    return (input if dtype is None else input.to(dtype)).log_softmax(dim)


def softmin(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """Return softmax(-x) along `dim`; arguments as in `softmax`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.softmin(tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    check_tensor("softmin", input=input)
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, *, dim: int = -1) -> Tensor:
    """Draw from the classes in a differentiable way: softmax((logits + G) / tau), with G from the Gumbel distribution.

    Args:
        logits: unnormalized log-probabilities, any shape.
        tau: the temperature, > 0 (default 1.0); the smaller, the closer to a one-hot vector.
        hard: True returns the one-hot vector of the largest element, with the gradient of the soft one
            ("straight through"; default False).
        dim: the dimension of the classes (default -1).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.functional.gumbel_softmax(tensor([0.0, 1000.0]), hard=True)
    tensor([0., 1.])

    Source: Jang et al., "Categorical reparameterization with Gumbel-softmax", 2016; Maddison et al., 2016.
    """
    check_tensor("gumbel_softmax", logits=logits)
    check_number("gumbel_softmax", tau=tau)
    check_bool("gumbel_softmax", hard=hard)
    check_int("gumbel_softmax", dim=dim)
    noise = as_tensor(numbers().gumbel(size=logits.shape).astype(logits.dtype))
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    largest = soft.detach().argmax(dim, keepdim=True)
    shape = [1] * soft.ndim
    shape[dim] = -1
    one_hot = (arange(soft.shape[dim]).reshape(shape) == largest).to(soft.dtype)
    return one_hot - soft.detach() + soft


# ---- as modules ------------------------------------------------------------------------------------------------


class Activation(FunctionalModule):
    """The base class of the activations: a function of this file as a module."""

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*); `GLU` halves the size along its dim."""
        x = input if isinstance(input, Tensor) else as_input(class_name(self), input)
        return type(self).function(x, **self._values())

    def extra_repr(self) -> str:
        shown = self._values()
        if shown.pop("inplace", False):
            shown["inplace"] = True
        return ", ".join([f"{name}={value!r}" for name, value in shown.items()])


class ReLU(Activation):
    """y = max(0, x). See `functional.relu`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.ReLU()(tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """

    function = staticmethod(relu)


class Tanh(Activation):
    """y = tanh(x), between -1 and 1. See `functional.tanh`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Tanh()(tensor([0.0, 0.5]))
    tensor([0.0000, 0.4621])
    """

    function = staticmethod(tanh)


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)), between 0 and 1. See `functional.sigmoid`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Sigmoid()(tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    function = staticmethod(sigmoid)


class LeakyReLU(Activation):
    """y = x if x > 0, negative_slope * x otherwise. See `functional.leaky_relu`.

    Args:
        negative_slope: the slope below 0 (default 0.01).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.LeakyReLU(0.1)(tensor([-10.0, 2.0]))
    tensor([-1.,  2.])
    """

    function = staticmethod(leaky_relu)


class ELU(Activation):
    """y = x if x > 0, alpha * (exp(x) - 1) otherwise. See `functional.elu`.

    Args:
        alpha: minus the limit for x -> -inf (default 1.0).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.ELU()(tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    function = staticmethod(elu)


class CELU(Activation):
    """y = x if x > 0, alpha * (exp(x / alpha) - 1) otherwise. See `functional.celu`.

    Args:
        alpha: minus the limit for x -> -inf, not 0 (default 1.0).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.CELU(2.0)(tensor([-2.0, 2.0]))
    tensor([-1.2642,  2.0000])
    """

    function = staticmethod(celu)
    checks: ClassVar = {"alpha": _check_divisor}


class SELU(Activation):
    """y = 1.0507 * elu(x, 1.6733), which keeps activations at mean 0 and variance 1. See `functional.selu`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.SELU()(tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """

    function = staticmethod(selu)


class SiLU(Activation):
    """y = x * sigmoid(x), also called swish. See `functional.silu`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.SiLU()(tensor([-1.0, 1.0]))
    tensor([-0.2689,  0.7311])
    """

    function = staticmethod(silu)


class Mish(Activation):
    """y = x * tanh(softplus(x)). See `functional.mish`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Mish()(tensor([-1.0, 1.0]))
    tensor([-0.3034,  0.8651])
    """

    function = staticmethod(mish)


class GELU(Activation):
    """y = x * Phi(x), with Phi the standard normal distribution function. See `functional.gelu`.

    Args:
        approximate: 'none' (default), or 'tanh' for a faster formula close to it.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.GELU()(tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])
    """

    function = staticmethod(gelu)
    checks: ClassVar = {"approximate": functools.partial(check_choice, allowed=("none", "tanh"))}


class Softplus(Activation):
    """y = log(1 + exp(beta * x)) / beta. See `functional.softplus`.

    Args:
        beta: sharpness (default 1.0).
        threshold: y = x where beta * x exceeds it (default 20.0).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Softplus()(tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    function = staticmethod(softplus)


class LogSigmoid(Activation):
    """y = log(sigmoid(x)), without underflow. See `functional.logsigmoid`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.LogSigmoid()(tensor([-200.0, 0.0]))
    tensor([-200.0000,   -0.6931])
    """

    function = staticmethod(logsigmoid)


class Hardtanh(Activation):
    """y = min(max(min_val, x), max_val). See `functional.hardtanh`.

    Args:
        min_val, max_val: the limits (default -1.0 and 1.0).
        inplace: write the result into the input (default False).
        min_value, max_value: deprecated names of the limits.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Hardtanh()(tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    function = staticmethod(hardtanh)

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        for old in (min_value, max_value):
            if old is not None:
                warnings.warn(
                    "Hardtanh: min_value and max_value are deprecated; use min_val and max_val",
                    FutureWarning,
                    stacklevel=2,
                )
        low, high = (new if old is None else old for new, old in ((min_val, min_value), (max_val, max_value)))
        super().__init__(low, high, inplace)
        if not self.min_val < self.max_val:
            raise ValueError(f"Hardtanh: min_val must be below max_val, got {low} and {high}")


class ReLU6(Activation):
    """y = min(max(0, x), 6). See `functional.relu6`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.ReLU6()(tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """

    function = staticmethod(relu6)


class Hardsigmoid(Activation):
    """y = min(max(0, x + 3), 6) / 6. See `functional.hardsigmoid`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Hardsigmoid()(tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """

    function = staticmethod(hardsigmoid)


class Hardswish(Activation):
    """y = x * hardsigmoid(x). See `functional.hardswish`.

    Args:
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Hardswish()(tensor([-1.5, 1.5, 4.0]))
    tensor([-0.3750,  1.1250,  4.0000])
    """

    function = staticmethod(hardswish)


class Threshold(Activation):
    """y = x if x > threshold, `value` otherwise. See `functional.threshold`.

    Args:
        threshold: where to switch.
        value: the result below.
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Threshold(1.0, -7.0)(tensor([0.5, 2.0]))
    tensor([-7.,  2.])
    """

    function = staticmethod(threshold)


class _Shrink(Activation):
    lambd: float

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """y = x if |x| > lambd, 0 otherwise. See `functional.hardshrink`.

    Args:
        lambd: the threshold (default 0.5).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Hardshrink()(tensor([-2.0, 0.3, 2.0]))
    tensor([-2.,  0.,  2.])
    """

    function = staticmethod(hardshrink)


class Softshrink(_Shrink):
    """y = sign(x) * max(0, |x| - lambd). See `functional.softshrink`.

    Args:
        lambd: how far x moves towards 0, >= 0 (default 0.5).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Softshrink()(tensor([-2.0, 0.3, 2.0]))
    tensor([-1.5000,  0.0000,  1.5000])
    """

    function = staticmethod(softshrink)
    checks: ClassVar = {"lambd": check_not_negative}


class Tanhshrink(Activation):
    """y = x - tanh(x). See `functional.tanhshrink`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Tanhshrink()(tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """

    function = staticmethod(tanhshrink)


class Softsign(Activation):
    """y = x / (1 + |x|), between -1 and 1. See `functional.softsign`.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Softsign()(tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    function = staticmethod(softsign)


class GLU(Activation):
    """y = a * sigmoid(b), with a and b the halves of x along `dim`. See `functional.glu`.

    Args:
        dim: the dimension to split, of even size (default -1).

    Shape: (..., 2 n, ...) -> (..., n, ...).

    >>> from minigrad import nn, tensor
    >>> nn.GLU()(tensor([3.0, 4.0, 0.0, 0.0]))
    tensor([1.5000, 2.0000])
    """

    function = staticmethod(glu)


class Softmax(Activation):
    """y = exp(x) / sum(exp(x)), with the sum along `dim`. See `functional.softmax`.

    `CrossEntropyLoss` takes scores: use no softmax in front of it.

    Args:
        dim: the dimension along which the results add up to 1 (required unless x has only one).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Softmax(dim=1)(tensor([[1.0, 1.0], [0.0, 1.0]]))
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """

    function = staticmethod(softmax)


class LogSoftmax(Activation):
    """y = x - log(sum(exp(x))), with the sum along `dim`. See `functional.log_softmax`.

    Args:
        dim: the dimension along which the exponentials of the results add up to 1 (required
            unless x has only one).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.LogSoftmax(dim=0)(tensor([0.0, 1.0]))
    tensor([-1.3133, -0.3133])
    """

    function = staticmethod(log_softmax)


class Softmin(Activation):
    """y = softmax(-x) along `dim`. See `functional.softmin`.

    Args:
        dim: the dimension along which the results add up to 1 (required unless x has only one).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Softmin(dim=0)(tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    function = staticmethod(softmin)


class Softmax2d(Module):
    """Apply softmax over the channels of images, at each pixel.

    Shape: (N, C, H, W) or (C, H, W) -> the same.

    >>> from minigrad import nn, zeros
    >>> nn.Softmax2d()(zeros(4, 1, 2))[0]
    tensor([[0.2500, 0.2500]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) or (C, H, W) -> the same.

        Raises:
            ValueError: if the input has another number of dimensions.
        """
        input = as_input("Softmax2d", input)
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: the input must be (N, C, H, W) or (C, H, W), got shape {input.shape}")
        return input.softmax(-3)


class PReLU(Module):
    """y = x if x > 0, weight * x otherwise, with a learned weight. See `functional.prelu`.

    Args:
        num_parameters: 1 (default), or the number of channels for one weight each.
        init: the initial weight (default 0.25).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the weight (default float32).

    Shape: (N, C, ...) -> (N, C, ...).

    >>> from minigrad import nn, tensor
    >>> nn.PReLU()(tensor([-4.0, 2.0])).detach()
    tensor([-1.,  2.])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        check_number("PReLU", init=init)
        self.num_parameters, self.init = checked_size("PReLU", "num_parameters", num_parameters), init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, ...) -> the same."""
        input = as_input("PReLU", input)
        return prelu(input, promoted(input, self.weight)[1])

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """y = x if x >= 0, slope * x otherwise: a random slope in training, the mean slope after. See `functional.rrelu`.

    Args:
        lower, upper: limits of the slope (default 1/8 and 1/3).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.RReLU(0.25, 0.75).eval()(tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        _check_limits("RReLU", lower, upper)
        check_bool("RReLU", inplace=inplace)
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)."""
        return rrelu(as_input("RReLU", input), self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + ", inplace=True" * self.inplace
