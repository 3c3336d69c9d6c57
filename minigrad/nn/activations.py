"""The nonlinearities: functions, and each as a module. PyTorch's names and values.

Most act element by element on a tensor of any shape. With `inplace=True` the result is written into the input, as by
a method whose name ends in `_`.
"""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.nn.functional_module import OfFunction
from minigrad.nn.layers import as_input
from minigrad.nn.module import Module, Parameter
from minigrad.primitives import elementwise as ew
from minigrad.primitives import special
from minigrad.tensors.creation import arange, as_tensor, full
from minigrad.tensors.dtypes import promoted
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Tensor])


def _in_place(function: F) -> F:
    """Honour the function's last argument, `inplace`: write the result into the input."""
    position = len(inspect.signature(function).parameters) - 2  # among the settings, after the input

    @functools.wraps(function)
    def activation(input: Tensor, *settings: Any, inplace: bool = False, **named: Any) -> Tensor:
        if not (inplace or settings[position:] == (True,)):
            return function(input, *settings, **named)
        x = input._past(None)  # what the graph keeps is the input as it was
        return input._write(function(x, *settings[:position], **named), function.__name__)

    return activation  # type: ignore[return-value]


@_in_place
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x); the derivative at 0 is 0. Source: Nair and Hinton, 2010."""
    return input.relu()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return input.sigmoid()


@_in_place
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x above 0, negative_slope * x below. Source: Maas et al., 2013."""
    return input.relu() + negative_slope * input.clamp(max=0.0)


@_in_place
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha (exp(x) - 1) below. Source: Clevert et al., 2015."""
    return input.relu() + alpha * input.clamp(max=0.0).expm1()


@_in_place
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha (exp(x / alpha) - 1) below. Source: Barron, 2017."""
    if not alpha:
        raise ValueError("celu: alpha divides x, and cannot be 0")
    return input.relu() + alpha * (input.clamp(max=0.0) / alpha).expm1()


@_in_place
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """elu with the scale and alpha that keep mean 0 and variance 1. Source: Klambauer et al., 2017."""
    return 1.0507009873554804934193349852946 * elu(input, 1.6732632423543772848170429916717)


@_in_place
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x), also called swish. Source: Elfwing et al., 2017."""
    return input * input.sigmoid()


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; just x where beta x is above the threshold."""
    scaled = input * beta
    return input.where(scaled > threshold, Tensor.apply(ew.softplus, scaled) / beta)


@_in_place
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x)). Source: Misra, 2019."""
    return input * softplus(input).tanh()


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(x)), without underflow."""
    return -Tensor.apply(ew.softplus, -input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x times the normal distribution function of x, or with approximate="tanh" a formula close to it.

    Source: Hendrycks and Gimpel, 2016.
    """
    if approximate == "none":
        return input * Tensor.apply(special.ndtr, input)
    if approximate == "tanh":
        c = math.sqrt(2 / math.pi)
        return input * (0.5 + 0.5 * (input * (c + 0.044715 * c * input * input)).tanh())
    raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")


@_in_place
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x cut to [min_val, max_val]."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val={min_val} is to be at most max_val={max_val}")
    return Tensor.apply(ew.hardtanh, input, float(min_val), float(max_val))


@_in_place
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x cut to [0, 6]."""
    return hardtanh(input, 0.0, 6.0)


@_in_place
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """(x + 3) / 6 cut to [0, 1]."""
    return relu6(input + 3) / 6


@_in_place
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x hardsigmoid(x). Source: Howard et al., MobileNetV3, 2019."""
    return input * relu6(input + 3) / 6


@_in_place
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x above the threshold, `value` elsewhere."""
    return input.masked_fill(input <= threshold, value)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, but 0 within [-lambd, lambd]."""
    return input.masked_fill(input.abs() <= lambd, 0.0)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 within [-lambd, lambd]."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd is 0 or more, not {lambd}")
    return input - input.clamp(-lambd, lambd)


def tanhshrink(input: Tensor) -> Tensor:
    """x - tanh(x)."""
    return input - input.tanh()


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    return input / (1 + input.abs())


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b), with a and b the halves of x along `dim`. Source: Dauphin et al., 2016.

    Raises:
        ValueError: when that dimension cannot be halved.
    """
    d = input._dim(dim)
    if not input.ndim or input.shape[d] % 2:
        raise ValueError(f"glu: halves the input along dim {dim}, which is odd in the shape {input.shape}")
    before = (slice(None),) * d
    half = input.shape[d] // 2
    return input[(*before, slice(None, half))] * input[(*before, slice(half, None))].sigmoid()


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """x above 0, weight * x below, with one learnt weight, or one for each channel. Source: He et al., 2015.

    Args:
        input: of shape (N, C, ...), or any shape for a single weight.
        weight: of shape (1,) or (C,).

    Raises:
        ValueError: for another number of weights.
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(
            f"prelu: weight is of shape (1,) or ({channels},), one for each channel of an input of shape "
            f"{input.shape}; got {weight.shape}"
        )
    if weight.numel() > 1:
        weight = weight.reshape(-1, *(1,) * (input.ndim - 2))
    elif weight.ndim > input.ndim:
        weight = weight.reshape(())
    return input.where(input > 0, weight * input)


def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """x above 0; below, x times a slope: in training uniform in [lower, upper] for each element, else their mean.

    Source: Xu et al., 2015.
    """
    if lower > upper:
        raise ValueError(f"rrelu: lower={lower} is to be at most upper={upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    slope = as_tensor(numbers().uniform(lower, upper, input.shape).astype(input.dtype))
    return input.where(input >= 0, slope * input)


def softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`, computed in `dtype` if one is given."""
    return (input if dtype is None else input.to(dtype)).softmax(dim)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, computed in `dtype` if one is given."""
    return (input if dtype is None else input.to(dtype)).log_softmax(dim)


def softmin(input: Tensor, dim: int | None = None, *, dtype: Any = None) -> Tensor:
    """softmax(-x) along `dim`."""
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, *, dim: int = -1) -> Tensor:
    """softmax((logits + noise) / tau), with Gumbel noise: a differentiable draw from the classes.

    Args:
        logits: unnormalised log-probabilities.
        tau: the temperature; near 0 the result is near one-hot.
        hard: return the one-hot of the largest, with the gradient of the soft one ("straight through").
        dim: the dimension of the classes.

    Source: Jang et al., 2016; Maddison et al., 2016.
    """
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


class Activation(OfFunction):
    """A function of this file as a module."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same (GLU: half along its dim)."""
        return super().forward(as_input(type(self).__name__, x))

    def extra_repr(self) -> str:
        shown = self._values()
        if shown.pop("inplace", False):
            shown["inplace"] = True
        return ", ".join([f"{name}={value!r}" for name, value in shown.items()])


class ReLU(Activation):
    """`relu` as a module."""

    function = staticmethod(relu)


class Tanh(Activation):
    """`tanh` as a module."""

    function = staticmethod(tanh)


class Sigmoid(Activation):
    """`sigmoid` as a module."""

    function = staticmethod(sigmoid)


class LeakyReLU(Activation):
    """`leaky_relu` as a module."""

    function = staticmethod(leaky_relu)


class ELU(Activation):
    """`elu` as a module."""

    function = staticmethod(elu)


class CELU(Activation):
    """`celu` as a module."""

    function = staticmethod(celu)


class SELU(Activation):
    """`selu` as a module."""

    function = staticmethod(selu)


class SiLU(Activation):
    """`silu` as a module."""

    function = staticmethod(silu)


class Mish(Activation):
    """`mish` as a module."""

    function = staticmethod(mish)


class GELU(Activation):
    """`gelu` as a module."""

    function = staticmethod(gelu)


class Softplus(Activation):
    """`softplus` as a module."""

    function = staticmethod(softplus)


class LogSigmoid(Activation):
    """`logsigmoid` as a module."""

    function = staticmethod(logsigmoid)


class Hardtanh(Activation):
    """`hardtanh` as a module. min_value and max_value are old names of the bounds."""

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
                    "Hardtanh: min_value and max_value are now min_val and max_val", FutureWarning, stacklevel=2
                )
        low, high = (new if old is None else old for new, old in ((min_val, min_value), (max_val, max_value)))
        super().__init__(low, high, inplace)


class ReLU6(Activation):
    """`relu6` as a module."""

    function = staticmethod(relu6)


class Hardsigmoid(Activation):
    """`hardsigmoid` as a module."""

    function = staticmethod(hardsigmoid)


class Hardswish(Activation):
    """`hardswish` as a module."""

    function = staticmethod(hardswish)


class Threshold(Activation):
    """`threshold` as a module."""

    function = staticmethod(threshold)


class _Shrink(Activation):
    lambd: float

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """`hardshrink` as a module."""

    function = staticmethod(hardshrink)


class Softshrink(_Shrink):
    """`softshrink` as a module."""

    function = staticmethod(softshrink)


class Tanhshrink(Activation):
    """`tanhshrink` as a module."""

    function = staticmethod(tanhshrink)


class Softsign(Activation):
    """`softsign` as a module."""

    function = staticmethod(softsign)


class GLU(Activation):
    """`glu` as a module."""

    function = staticmethod(glu)


class Softmax(Activation):
    """`softmax` as a module."""

    function = staticmethod(softmax)


class LogSoftmax(Activation):
    """`log_softmax` as a module."""

    function = staticmethod(log_softmax)


class Softmin(Activation):
    """`softmin` as a module."""

    function = staticmethod(softmin)


class Softmax2d(Module):
    """softmax over the channels of images, (N, C, H, W) or (C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) or (C, H, W) -> the same."""
        x = as_input("Softmax2d", x)
        if x.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: takes images (N, C, H, W) or (C, H, W), got shape {x.shape}")
        return x.softmax(-3)


class PReLU(Module):
    """`prelu` with its learnt weight: one, or `num_parameters` for as many channels."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same."""
        x = as_input("PReLU", x)
        return prelu(x, promoted(x, self.weight)[1])

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """`rrelu`: with random slopes in training, with their mean afterwards."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return rrelu(as_input("RReLU", x), self.lower, self.upper, self.training)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"
