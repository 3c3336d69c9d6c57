"""Linear and bilinear layers, and those that only change the shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.nn import init
from minigrad.nn.arguments import check_bool, check_int, check_tensor
from minigrad.nn.module import Module, Parameter
from minigrad.output.words import class_name, printable
from minigrad.primitives import linalg
from minigrad.tensors.base import plain_int
from minigrad.tensors.creation import as_tensor, zeros
from minigrad.tensors.dtypes import promoted
from minigrad.tensors.tensor import Tensor


def as_input(layer: str, x: Any) -> Tensor:
    """Return x as a tensor: x may be a tensor, an array or nested lists of numbers.

    Raises:
        TypeError: for anything else, such as the tuple that recurrent layers return.
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray | list):
        return as_tensor(x)
    hint = (
        ". A recurrent or attention layer returns (output, …): pass on the output alone" if isinstance(x, tuple) else ""
    )
    raise TypeError(f"{layer}: takes a tensor, got {class_name(x)}{hint}")


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x @ W.T + b.

    Args:
        input: x, of shape (..., in_features).
        weight: W, of shape (out_features, in_features).
        bias: b, of shape (out_features,), or None (default) for none.

    Shape: (..., in_features) -> (..., out_features).

    Raises:
        ValueError: if the shapes do not fit.

    >>> from minigrad import nn, tensor
    >>> nn.functional.linear(tensor([1.0, 2.0]), tensor([[3.0, 4.0]]), tensor([0.5]))
    tensor([11.5000])
    """
    if isinstance(input, Tensor) and isinstance(bias, Tensor):
        x, w, b = input._array, weight._array, bias._array
        if (
            x.ndim
            and w.shape == (*b.shape, x.shape[-1])
            and b.ndim == 1
            and x.dtype is w.dtype is b.dtype
            and x.dtype.kind == "f"
        ):
            return Tensor.apply(linalg.linear, input, weight, bias)
    input = as_input("linear", input)
    if not input.ndim or input.shape[-1] != weight.shape[-1]:
        images = input.ndim > 2 and np.prod(input.shape[1:]) == weight.shape[-1]
        raise ValueError(
            f"linear: the input must have {weight.shape[-1]} features in its last dimension, got shape {input.shape} "
            f"for {printable(weight.name or 'a weight')} of shape {weight.shape} (out_features, in_features)"
            + (". Flatten images first: x.flatten(1)" if images else "")
        )
    x, w = promoted(input, weight)
    if x is None:
        raise TypeError(f"linear: input and weight must be tensors of numbers, got {input.dtype} and {weight.dtype}")
    if bias is None:
        return x @ w.T
    if w.ndim != 2 or bias.shape not in ((len(w),), (1,), ()):
        raise ValueError(
            "linear: the weight must have shape (out_features, in_features), and the bias (out_features,); got "
            f"{w.shape} and {bias.shape}"
        )
    return Tensor.apply(linalg.linear, x, w, promoted(w, bias)[1])


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return y with y[k] = x1 @ W[k] @ x2 + b[k] for each output k.

    Args:
        input1: x1, of shape (..., in1_features).
        input2: x2, of shape (..., in2_features), with the same leading dimensions.
        weight: W, of shape (out_features, in1_features, in2_features).
        bias: b, of shape (out_features,), or None (default) for none.

    Shape: (..., in1_features) and (..., in2_features) -> (..., out_features).

    Raises:
        ValueError: if the shapes do not fit.

    >>> from minigrad import nn, tensor
    >>> nn.functional.bilinear(tensor([1.0, 2.0]), tensor([3.0]), tensor([[[1.0], [10.0]]]))
    tensor([63.])
    """
    check_tensor("bilinear", weight=weight)
    input1, input2 = as_input("bilinear", input1), as_input("bilinear", input2)
    if input1.shape[:-1] != input2.shape[:-1] or (input1.shape[-1:] + input2.shape[-1:]) != weight.shape[1:]:
        raise ValueError(
            f"bilinear: inputs of shapes {input1.shape} and {input2.shape} do not fit a weight of shape {weight.shape} "
            "(out_features, in1_features, in2_features); all but the last dimensions of the inputs must be equal"
        )
    rows = input1.reshape(*input1.shape[:-1], 1, 1, input1.shape[-1]) @ weight  # (..., out, 1, in2)
    out = (rows * input2.reshape(*input2.shape[:-1], 1, 1, input2.shape[-1])).sum(-1).squeeze(-1)
    return out if bias is None else out + bias


def checked_size(layer: str, name: str, n: Any) -> int:
    """Return n, the number of features, channels or the like that a layer was given, as an int.

    Raises:
        ValueError: if it is not a positive integer.
    """
    n = plain_int(n)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"{layer}: {name} must be a positive integer, got {n!r}")
    return int(n)


class Linear(Module):
    """y = x @ W.T + b, a fully connected layer.

    Args:
        in_features: the size of each input vector.
        out_features: the size of each output vector.
        bias: whether to add b (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the parameters (default float32).

    Attributes:
        weight: W, of shape (out_features, in_features).
        bias: b, of shape (out_features,), or None.

    Both start uniform in ±1/sqrt(in_features), as in PyTorch.

    Shape: (..., in_features) -> (..., out_features).

    Raises:
        ValueError: if a size is not a positive integer.

    >>> from minigrad import nn, ones
    >>> layer = nn.Linear(3, 2)
    >>> layer(ones(4, 3)).shape
    (4, 2)
    >>> [(name, p.shape) for name, p in layer.named_parameters()]
    [('weight', (2, 3)), ('bias', (2,))]
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        check_bool("Linear", bias=bias)
        self.in_features = checked_size("Linear", "in_features", in_features)
        self.out_features = checked_size("Linear", "out_features", out_features)
        self.weight = Parameter(
            init.kaiming_uniform_(zeros(out_features, in_features, device=device, dtype=dtype), a=math.sqrt(5))
        )
        self.bias = None
        if bias:
            bound = 1 / math.sqrt(in_features)
            self.bias = Parameter(init.uniform_(zeros(out_features, device=device, dtype=dtype), -bound, bound))

    def forward(self, input: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """Join the dimensions from `start_dim` to `end_dim` into one.

    Args:
        start_dim: the first of them (default 1, so that the batch stays).
        end_dim: the last of them (default -1).

    Shape: (N, ...) -> (N, features) by default.

    >>> from minigrad import nn, ones
    >>> nn.Flatten()(ones(5, 3, 4, 4)).shape
    (5, 48)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        check_int("Flatten", start_dim=start_dim, end_dim=end_dim)
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """(N, ...) -> (N, features)."""
        return as_input("flatten", input).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """y = x, to take the place of another layer; accepts and ignores that layer's arguments.

    Shape: (*) -> (*).

    >>> from minigrad import nn, tensor
    >>> nn.Identity(64, unused=True)(tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)."""
        return input


class Bilinear(Module):
    """y[k] = x1 @ W[k] @ x2 + b[k] for each output k.

    Args:
        in1_features: the size of x1.
        in2_features: the size of x2.
        out_features: the size of y.
        bias: whether to add b (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the parameters (default float32).

    Attributes:
        weight: W, of shape (out_features, in1_features, in2_features).
        bias: b, of shape (out_features,), or None.

    Both start uniform in ±1/sqrt(in1_features), as in PyTorch.

    Shape: (..., in1_features) and (..., in2_features) -> (..., out_features).

    Raises:
        ValueError: if a size is not a positive integer.

    >>> from minigrad import nn, ones
    >>> nn.Bilinear(3, 4, 2)(ones(5, 3), ones(5, 4)).shape
    (5, 2)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_bool("Bilinear", bias=bias)
        sizes = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
        for name, n in sizes.items():
            setattr(self, name, checked_size("Bilinear", name, n))
        bound = 1 / math.sqrt(in1_features)
        self.weight = Parameter(
            init.uniform_(zeros(out_features, in1_features, in2_features, device=device, dtype=dtype), -bound, bound)
        )
        self.bias = (
            Parameter(init.uniform_(zeros(out_features, device=device, dtype=dtype), -bound, bound)) if bias else None
        )

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """(..., in1_features) and (..., in2_features) -> (..., out_features)."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        names = ("in1_features", "in2_features", "out_features")
        return ", ".join([*(f"{n}={getattr(self, n)}" for n in names), f"bias={self.bias is not None}"])


class Unflatten(Module):
    """Split one dimension into several: the inverse of `Flatten`.

    Args:
        dim: the dimension to split.
        unflattened_size: the new sizes; one may be -1 and is then inferred.

    Shape: (..., n, ...) -> (..., *unflattened_size, ...).

    Raises:
        ValueError: if the new sizes do not multiply to n.
        IndexError: if the input has no such dimension.

    >>> from minigrad import nn, ones
    >>> nn.Unflatten(1, (3, -1))(ones(5, 12)).shape
    (5, 3, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        check_int("Unflatten", dim=dim)
        for size in unflattened_size:
            check_int("Unflatten", unflattened_size=size)
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        """(..., n, ...) -> (..., *unflattened_size, ...)."""
        input = as_input("unflatten", input)
        if not -input.ndim <= self.dim < input.ndim:
            raise IndexError(f"unflatten: dim {self.dim} is out of range for shape {input.shape}")
        d = self.dim % input.ndim
        new, n = self.unflattened_size, input.shape[d]
        known = math.prod(s for s in new if s != -1)
        if new.count(-1) > 1 or (n % known if -1 in new and known else n != math.prod(new)):
            raise ValueError(f"unflatten: cannot split dim {self.dim} of shape {input.shape}, of size {n}, into {new}")
        new = tuple([n // known if s == -1 else s for s in new])
        return input.reshape(*input.shape[:d], *new, *input.shape[d + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
