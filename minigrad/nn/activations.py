"""The nonlinearities beyond relu, tanh and sigmoid: functions, and each as a module. PyTorch's names and values.

Each acts element by element on a tensor of any shape. `inplace` saves memory in PyTorch; here it changes nothing.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.nn.module import Module
from minigrad.rules import elementwise as ew
from minigrad.tensors import Tensor


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x above 0, negative_slope * x below. Source: Maas et al., 2013."""
    return input.relu() + negative_slope * input.clamp(max=0.0)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x above 0, alpha (exp(x) - 1) below. Source: Clevert et al., 2015."""
    return input.relu() + alpha * input.clamp(max=0.0).expm1()


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """elu with the scale and alpha that keep mean 0 and variance 1. Source: Klambauer et al., 2017."""
    return 1.0507009873554804934193349852946 * elu(input, 1.6732632423543772848170429916717)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x), also called swish. Source: Elfwing et al., 2017."""
    return input * input.sigmoid()


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta; just x where beta x is above the threshold."""
    scaled = input * beta
    return input.where(scaled > threshold, Tensor.apply(ew.softplus, scaled) / beta)


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
        return 0.5 * input * (1 + (input * math.sqrt(0.5)).erf())
    if approximate == "tanh":
        return 0.5 * input * (1 + (math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)).tanh())
    raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x cut to [min_val, max_val]."""
    if min_val >= max_val:
        raise ValueError(f"hardtanh: min_val={min_val} is to be less than max_val={max_val}")
    return Tensor.apply(ew.hardtanh, input, float(min_val), float(max_val))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x cut to [0, 6]."""
    return hardtanh(input, 0.0, 6.0)


# ---- as modules ------------------------------------------------------------------------------------------------


class Activation(Module):
    """A function of this file and its settings; the classes below name the two."""

    function: Any

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._settings = settings

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return type(self).function(x, **self._settings)

    def extra_repr(self) -> str:
        return ", ".join([f"{name}={v!r}" for name, v in self._settings.items() if name != "inplace" or v])


class LeakyReLU(Activation):
    """`leaky_relu` as a module."""

    function = staticmethod(leaky_relu)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope=negative_slope, inplace=inplace)


class ELU(Activation):
    """`elu` as a module."""

    function = staticmethod(elu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)


class SELU(Activation):
    """`selu` as a module."""

    function = staticmethod(selu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class SiLU(Activation):
    """`silu` as a module."""

    function = staticmethod(silu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Mish(Activation):
    """`mish` as a module."""

    function = staticmethod(mish)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class GELU(Activation):
    """`gelu` as a module."""

    function = staticmethod(gelu)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)


class Softplus(Activation):
    """`softplus` as a module."""

    function = staticmethod(softplus)

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta=beta, threshold=threshold)


class LogSigmoid(Activation):
    """`logsigmoid` as a module."""

    function = staticmethod(logsigmoid)


class Hardtanh(Activation):
    """`hardtanh` as a module."""

    function = staticmethod(hardtanh)

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(min_val=min_val, max_val=max_val, inplace=inplace)


class ReLU6(Activation):
    """`relu6` as a module."""

    function = staticmethod(relu6)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)
