"""Dropout: in training, parts of a tensor at random are 0, and the others scaled up so that the mean stays.

Source: Srivastava et al., "Dropout", 2014; whole channels: Tompson et al., 2014; alpha dropout: Klambauer et al., 2017.
"""

from __future__ import annotations

from minigrad.nn.layers import as_input
from minigrad.nn.module import Module
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor


def _checked(name: str, p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: p is a probability, from 0 to 1, not {p}")
    return p


def _kept(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """1 with the probability 1 - p, else 0."""
    return as_tensor((numbers().random(shape) >= p).astype(input.dtype))


def _written(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input._write(result, "dropout") if inplace else result


def _dropped(input: Tensor, shape: tuple[int, ...], p: float, inplace: bool) -> Tensor:
    if input.dtype.kind != "f":
        raise TypeError(f"dropout: scales floats, got a tensor of {input.dtype}; .float() converts it")
    scale = _kept(input, shape, p) / (1 - p if p < 1 else 1)
    return _written(input, (input._past(None) if inplace else input) * scale, inplace)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each element 0 with probability p, and the others scaled by 1 / (1 - p); else the input itself."""
    if not training or _checked("dropout", p) == 0:
        return input
    return _dropped(input, input.shape, p, inplace)


def _channelwise(name: str, input: Tensor, p: float, training: bool, inplace: bool, dims: int) -> Tensor:
    """Drop whole channels, that is all `dims` last dimensions of one at a time."""
    if input.ndim not in (dims + 1, dims + 2):
        axes = "LHW"[:1] if dims == 1 else "DHW"[-dims:]
        shape = ", ".join(["C", *axes])
        raise ValueError(f"{name}: takes (N, {shape}) or ({shape}), got shape {input.shape}")
    if not training or _checked(name, p) == 0:
        return input
    return _dropped(input, input.shape[:-dims] + (1,) * dims, p, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, L) or (C, L)."""
    return _channelwise("dropout1d", input, p, training, inplace, 1)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, H, W), or of (N, C, L): three dimensions are so read by PyTorch, too."""
    return _channelwise("dropout2d", input, p, training, inplace, 1 if input.ndim == 3 else 2)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`dropout` of whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    return _channelwise("dropout3d", input, p, training, inplace, 3)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for `selu`: what is dropped takes selu's lowest value, and mean and variance are kept."""
    if not training or _checked("alpha_dropout", p) == 0:
        return input
    lowest = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
    kept = _kept(input, input.shape, p)
    a = ((1 - p) * (1 + p * lowest**2)) ** -0.5 if p < 1 else 0.0
    x = input._past(None) if inplace else input
    return _written(input, a * (x * kept + lowest * (1 - kept)) - a * lowest * p, inplace)


# ---- as modules ------------------------------------------------------------------------------------------------


class Dropout(Module):
    """`dropout`: in training, elements are 0 with probability p, and the others scaled by 1 / (1 - p)."""

    function = staticmethod(dropout)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = _checked(type(self).__name__, p), inplace

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return type(self).function(as_input(type(self).__name__, x), self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """`dropout1d`: whole channels of (N, C, L) or (C, L)."""

    function = staticmethod(dropout1d)


class Dropout2d(Dropout):
    """`dropout2d`: whole channels of (N, C, H, W), or of (N, C, L)."""

    function = staticmethod(dropout2d)


class Dropout3d(Dropout):
    """`dropout3d`: whole channels of (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(dropout3d)


class AlphaDropout(Dropout):
    """`alpha_dropout`, for networks of `SELU`."""

    function = staticmethod(alpha_dropout)
