"""The plain layers: linear, bilinear, and those that only change the shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn import init
from minigrad.nn.module import Module, Parameter
from minigrad.primitives import linalg
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.dtypes import promoted
from minigrad.tensors.tensor import Tensor


def as_input(layer: str, x: Any) -> Tensor:
    """x as a tensor: it may be an array, or nested lists of numbers.

    Raises:
        TypeError: for anything else, above all for the tuple that some layers give.
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray | list):
        return as_tensor(x)
    mend = (
        ". A recurrent layer, or attention, gives (output, …): pass on the output alone" if isinstance(x, tuple) else ""
    )
    raise TypeError(f"{layer}: takes a tensor, got {type(x).__name__}{mend}")


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b.

    Args:
        input: of shape (..., in_features).
        weight: of shape (out_features, in_features).
        bias: of shape (out_features,), or None.

    Raises:
        ValueError: when the numbers of features differ, naming them.
    """
    input = as_input("linear", input)
    if not input.ndim or input.shape[-1] != weight.shape[-1]:
        images = input.ndim > 2 and np.prod(input.shape[1:]) == weight.shape[-1]
        raise ValueError(
            f"linear: the input of shape {input.shape} should end in {weight.shape[-1]} features, for "
            f"{weight.name or 'a weight'} of shape {weight.shape} (out_features, in_features)"
            + (". Images are flattened first: x.flatten(1)" if images else "")
        )
    x, w = promoted(input, weight)
    if bias is None:
        return x @ w.T
    if w.ndim != 2 or bias.shape not in ((len(w),), (1,), ()):
        raise ValueError(
            f"linear: the weight should be (out_features, in_features), and the bias (out_features,); got {w.shape} "
            f"and {bias.shape}"
        )
    return Tensor.apply(linalg.linear, x, w, promoted(w, bias)[1])


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x1ᵀ W_k x2 + b_k for each output k.

    Args:
        input1: of shape (..., in1_features).
        input2: of shape (..., in2_features), with the same sizes in front.
        weight: of shape (out_features, in1_features, in2_features).
        bias: of shape (out_features,), or None.

    Raises:
        ValueError: for shapes that do not fit.
    """
    input1, input2 = as_input("bilinear", input1), as_input("bilinear", input2)
    if input1.shape[:-1] != input2.shape[:-1] or (input1.shape[-1:] + input2.shape[-1:]) != weight.shape[1:]:
        raise ValueError(
            f"bilinear: inputs of shapes {input1.shape} and {input2.shape} do not fit a weight of shape {weight.shape} "
            "(out_features, in1_features, in2_features); all but the last sizes of the inputs must be equal"
        )
    rows = input1.reshape(*input1.shape[:-1], 1, 1, input1.shape[-1]) @ weight  # (..., out, 1, in2)
    out = (rows * input2.reshape(*input2.shape[:-1], 1, 1, input2.shape[-1])).sum(-1).squeeze(-1)
    return out if bias is None else out + bias


def checked_size(layer: str, name: str, n: Any) -> int:
    """n, if it can be a number of features or channels.

    Raises:
        ValueError: if not, naming the layer and the argument.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"{layer}: {name} is a number of features, 1 or more; got {n!r}")
    return int(n)


class Linear(Module):
    """y = x Wᵀ + b.

    Args:
        in_features: the size of each input; inputs have the shape (..., in_features).
        out_features: the size of each output; outputs have the shape (..., out_features).
        bias: whether there is a b.
        dtype: of the parameters, float32 if not given.

    Weight (out_features, in_features) and bias (out_features,) start uniform within ±1/sqrt(in_features), as PyTorch's.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None) -> None:
        super().__init__()
        self.in_features = checked_size("Linear", "in_features", in_features)
        self.out_features = checked_size("Linear", "out_features", out_features)
        self.weight = Parameter(init.kaiming_uniform_(zeros(out_features, in_features, dtype=dtype), a=math.sqrt(5)))
        self.bias = None
        if bias:
            bound = 1 / math.sqrt(in_features)
            self.bias = Parameter(init.uniform_(zeros(out_features, dtype=dtype), -bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` as one: by default all but the first, that of the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, features)."""
        return as_input("flatten", x).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """x itself; takes and ignores any arguments."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return x


class Bilinear(Module):
    """y_k = x1ᵀ W_k x2 + b_k.

    Weight (out_features, in1_features, in2_features) and bias (out_features,) start uniform within
    ±1/sqrt(in1_features), as PyTorch's.
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        sizes = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
        for name, n in sizes.items():
            setattr(self, name, checked_size("Bilinear", name, n))
        bound = 1 / math.sqrt(in1_features)
        self.weight = Parameter(
            init.uniform_(zeros(out_features, in1_features, in2_features, dtype=dtype), -bound, bound)
        )
        self.bias = Parameter(init.uniform_(zeros(out_features, dtype=dtype), -bound, bound)) if bias else None

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """(..., in1_features) and (..., in2_features) -> (..., out_features)."""
        return bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        names = ("in1_features", "in2_features", "out_features")
        return ", ".join([*(f"{n}={getattr(self, n)}" for n in names), f"bias={self.bias is not None}"])


class Unflatten(Module):
    """One dimension as several: the way back from Flatten.

    Args:
        dim: which one.
        unflattened_size: the sizes of the new ones; one may be -1, for what is left.
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        """(..., n, ...) -> (..., *unflattened_size, ...)."""
        x = as_input("unflatten", x)
        if not -x.ndim <= self.dim < x.ndim:
            raise IndexError(f"unflatten: dim {self.dim} is out of range for shape {x.shape}")
        d = self.dim % x.ndim
        new, n = self.unflattened_size, x.shape[d]
        known = math.prod(s for s in new if s != -1)
        if new.count(-1) > 1 or (n % known if -1 in new and known else n != math.prod(new)):
            raise ValueError(f"unflatten: dim {self.dim} of shape {x.shape} has size {n}, which does not fill {new}")
        new = tuple([n // known if s == -1 else s for s in new])
        return x.reshape(*x.shape[:d], *new, *x.shape[d + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
