"""Dropout: in training, set random elements or channels to 0 and scale up the rest, so that the mean stays.

Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
"""

from __future__ import annotations

from minigrad.nn.arguments import check_bool, check_probability, check_tensor
from minigrad.nn.layers import as_input
from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor

SELU_LIMIT = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
"""The limit of selu(x) for x -> -inf."""


def _check(name: str, p: float, training: bool, inplace: bool) -> None:
    check_probability(name, p=p)
    check_bool(name, training=training, inplace=inplace)


def _keep_mask(input: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    """Draw 1 with probability 1 - p, and 0 with probability p."""
    return as_tensor((numbers().random(shape) >= p).astype(input.dtype))


def _dropped(input: Tensor, shape: tuple[int, ...], p: float, inplace: bool) -> Tensor:
    """Return the input times a random mask of this shape, scaled by 1 / (1 - p)."""
    if input.dtype.kind != "f":
        raise TypeError(f"dropout: the input must be of floats, got {input.dtype}; .float() converts it")
    scale = _keep_mask(input, shape, p) / (1 - p if p < 1 else 1)
    return _result(input, (input._past(None) if inplace else input) * scale, inplace)


def _result(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input._write(result, "dropout") if inplace else result


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return mask * x / (1 - p), with a new random mask of 0 and 1 for each call.

    Args:
        input: any shape.
        p: the probability that an element is set to 0, from 0 to 1 (default 0.5; usual values are 0.1 to 0.5).
        training: False returns the input itself (default True).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    Raises:
        ValueError: if p is not from 0 to 1.

    >>> from minigrad import nn, ones
    >>> y = nn.functional.dropout(ones(1000), p=0.25)
    >>> sorted({round(value, 4) for value in y.tolist()})
    [0.0, 1.3333]

    Source: Srivastava et al., 2014.
    """
    check_tensor("dropout", input=input)
    _check("dropout", p, training, inplace)
    if not training or p == 0:
        return input
    return _dropped(input, input.shape, p, inplace)


def _channelwise(name: str, input: Tensor, p: float, training: bool, inplace: bool, dims: int) -> Tensor:
    """Drop whole channels: for each, all elements along the last `dims` dimensions."""
    check_tensor(name, input=input)
    _check(name, p, training, inplace)
    if input.ndim not in (dims + 1, dims + 2):
        axes = "LHW"[:1] if dims == 1 else "DHW"[-dims:]
        shape = ", ".join(["C", *axes])
        raise ValueError(f"{name}: the input must be (N, {shape}) or ({shape}), got shape {input.shape}")
    if not training or p == 0:
        return input
    return _dropped(input, input.shape[:-dims] + (1,) * dims, p, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels of sequences to 0, each with probability p; arguments as in `dropout`.

    Shape: (N, C, L) or (C, L) -> the same.

    Raises:
        ValueError: if the input has another number of dimensions.

    >>> from minigrad import nn, ones
    >>> y = nn.functional.dropout1d(ones(50, 4, 3))
    >>> bool((y[:, :, :1] == y).all())
    True

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2014.
    """
    return _channelwise("dropout1d", input, p, training, inplace, 1)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels of images to 0, each with probability p; arguments as in `dropout`.

    Shape: (N, C, H, W) or (N, C, L) -> the same. As in PyTorch, three dimensions are a batch of sequences.

    Raises:
        ValueError: if the input has another number of dimensions.

    >>> from minigrad import nn, ones
    >>> y = nn.functional.dropout2d(ones(50, 4, 3, 3))
    >>> bool((y[:, :, :1, :1] == y).all())
    True

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2014.
    """
    return _channelwise("dropout2d", input, p, training, inplace, 1 if getattr(input, "ndim", 0) == 3 else 2)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set whole channels of volumes to 0, each with probability p; arguments as in `dropout`.

    Shape: (N, C, D, H, W) or (C, D, H, W) -> the same.

    Raises:
        ValueError: if the input has another number of dimensions.

    >>> from minigrad import nn, ones
    >>> y = nn.functional.dropout3d(ones(50, 4, 2, 2, 2))
    >>> bool((y[:, :, :1, :1, :1] == y).all())
    True

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2014.
    """
    return _channelwise("dropout3d", input, p, training, inplace, 3)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Set elements to selu's lower limit s = -1.7581 with probability p, then restore mean 0 and variance 1.

    Return a * (mask * x + (1 - mask) * s) + b, with a = ((1 - p) * (1 + p * s**2)) ** -0.5 and b = -a * p * s.

    Args:
        input: any shape, with mean 0 and variance 1, as after `selu`.
        p: the probability of dropping an element, from 0 to 1 (default 0.5; usual values are 0.05 to 0.1).
        training: False returns the input itself (the default, unlike `dropout`'s).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    Raises:
        ValueError: if p is not from 0 to 1.

    >>> from minigrad import nn, zeros
    >>> y = nn.functional.alpha_dropout(zeros(1000), p=0.25, training=True)
    >>> sorted({round(value, 4) for value in y.tolist()})
    [-1.1435, 0.3812]

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    _check("alpha_dropout", p, training, inplace)
    if not training or p == 0:
        return input
    mask = _keep_mask(input, input.shape, p)
    a = ((1 - p) * (1 + p * SELU_LIMIT**2)) ** -0.5 if p < 1 else 0.0
    x = input._past(None) if inplace else input
    return _result(input, a * (x * mask + SELU_LIMIT * (1 - mask)) - a * SELU_LIMIT * p, inplace)


# ---- as modules ------------------------------------------------------------------------------------------------


class Dropout(Module):
    """y = mask * x / (1 - p) in training, with a new random mask of 0 and 1 for each call; y = x in evaluation.

    Args:
        p: the probability that an element is set to 0, from 0 to 1 (default 0.5; usual values are 0.1 to 0.5).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    Raises:
        ValueError: if p is not from 0 to 1.

    >>> from minigrad import nn, ones
    >>> layer = nn.Dropout(p=0.75)
    >>> sorted(set(layer(ones(1000)).tolist()))
    [0.0, 4.0]
    >>> layer.eval()(ones(3))
    tensor([1., 1., 1.])

    Source: Srivastava et al., 2014.
    """

    function = staticmethod(dropout)

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        _check(class_name(self), p, True, inplace)
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        """(*) -> (*)."""
        return type(self).function(as_input(class_name(self), input), self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """`Dropout` of whole channels of sequences. See `functional.dropout1d`.

    Args:
        p: the probability that a channel is set to 0, from 0 to 1 (default 0.5).
        inplace: write the result into the input (default False).

    Shape: (N, C, L) or (C, L) -> the same.

    >>> from minigrad import nn, ones
    >>> y = nn.Dropout1d()(ones(50, 4, 3))
    >>> bool((y[:, :, :1] == y).all())
    True
    """

    function = staticmethod(dropout1d)


class Dropout2d(Dropout):
    """`Dropout` of whole channels of images. See `functional.dropout2d`.

    Args:
        p: the probability that a channel is set to 0, from 0 to 1 (default 0.5).
        inplace: write the result into the input (default False).

    Shape: (N, C, H, W) or (N, C, L) -> the same.

    >>> from minigrad import nn, ones
    >>> y = nn.Dropout2d()(ones(50, 4, 3, 3))
    >>> bool((y[:, :, :1, :1] == y).all())
    True
    """

    function = staticmethod(dropout2d)


class Dropout3d(Dropout):
    """`Dropout` of whole channels of volumes. See `functional.dropout3d`.

    Args:
        p: the probability that a channel is set to 0, from 0 to 1 (default 0.5).
        inplace: write the result into the input (default False).

    Shape: (N, C, D, H, W) or (C, D, H, W) -> the same.

    >>> from minigrad import nn, ones
    >>> y = nn.Dropout3d()(ones(50, 4, 2, 2, 2))
    >>> bool((y[:, :, :1, :1, :1] == y).all())
    True
    """

    function = staticmethod(dropout3d)


class AlphaDropout(Dropout):
    """Dropout for networks of `SELU`: dropped elements are set to selu's lower limit. See `functional.alpha_dropout`.

    Args:
        p: the probability of dropping an element, from 0 to 1 (default 0.5; usual values are 0.05 to 0.1).
        inplace: write the result into the input (default False).

    Shape: (*) -> (*).

    >>> from minigrad import nn, zeros
    >>> len(set(nn.AlphaDropout(0.25)(zeros(1000)).tolist()))
    2

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    function = staticmethod(alpha_dropout)
