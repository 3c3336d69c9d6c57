"""The functions of layers and losses, without parameters of their own. PyTorch's names and meaning."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import creation
from minigrad.creation import as_tensor
from minigrad.nn.activations import elu as elu
from minigrad.nn.activations import gelu as gelu
from minigrad.nn.activations import hardtanh as hardtanh
from minigrad.nn.activations import leaky_relu as leaky_relu
from minigrad.nn.activations import logsigmoid as logsigmoid
from minigrad.nn.activations import mish as mish
from minigrad.nn.activations import relu6 as relu6
from minigrad.nn.activations import selu as selu
from minigrad.nn.activations import silu as silu
from minigrad.nn.activations import softplus as softplus
from minigrad.promotion import promoted
from minigrad.rules import linalg
from minigrad.rules import nn as loss_rules
from minigrad.tensors import Tensor


def relu(input: Tensor) -> Tensor:
    """max(0, x), element by element; the derivative at 0 is 0."""
    return input.relu()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent, element by element."""
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), element by element."""
    return input.sigmoid()


def softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `dim`."""
    return input.softmax(dim)


def log_softmax(input: Tensor, dim: int | None = None) -> Tensor:
    """log(softmax(x)) along `dim`."""
    return input.log_softmax(dim)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b.

    Args:
        input: of shape (..., in_features).
        weight: of shape (out_features, in_features).
        bias: of shape (out_features,), or None.

    Raises:
        ValueError: when the numbers of features differ, naming them.
    """
    input = as_tensor(input)
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
    return Tensor.apply(linalg.linear, x, w, promoted(w, bias)[1])


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, each element 0 with probability p, and the others scaled by 1 / (1 - p); else the input itself."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, from 0 to 1, not {p}")
    if not training or p == 0:
        return input
    kept = creation.generator.random(input.shape) >= p
    return input * as_tensor(kept.astype(input.dtype) / input.dtype.type(1 - p if p < 1 else 1))


def padding_row(padding_idx: int | None, rows: int) -> int | None:
    """`padding_idx` counted from 0.

    Raises:
        ValueError: when the table of that many rows has no such one.
    """
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise ValueError(f"embedding: padding_idx={padding_idx} is outside a table of {rows} rows")
    return None if padding_idx is None else padding_idx % rows


def embedding(input: Any, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Rows of `weight`, read by integers.

    Args:
        input: integers from 0 to rows - 1, of any shape (...).
        weight: of shape (rows, n).
        padding_idx: a row that gets no gradient.

    Returns:
        A tensor of shape (..., n).

    Raises:
        TypeError: for what is not integers.
        IndexError: for an integer outside the table, naming the extremes.
    """
    index = np.asarray(input._array if isinstance(input, Tensor) else input)
    rows = weight.shape[0]
    if index.dtype.kind not in "iu":
        raise TypeError(f"embedding: reads rows by integers, got {index.dtype} of shape {index.shape}")
    if index.size and not 0 <= index.min() <= index.max() < rows:
        raise IndexError(
            f"embedding: {rows} rows are 0 to {rows - 1}; the input goes from {index.min()} to {index.max()}"
        )
    out = weight[index]
    row = padding_row(padding_idx, rows)
    return out if row is None else out.detach().where((index == row)[..., None], out)


def _reduced(losses: Tensor, reduction: str) -> Tensor:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if reduction == "mean" and not losses.numel():
        raise ValueError("the mean loss of an empty batch is undefined: is the data set, or the last batch, empty?")
    return losses if reduction == "none" else getattr(losses, reduction)()


def mse_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """(input - target)², averaged.

    Raises:
        ValueError: when the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
    """
    target = as_tensor(target)
    if input.shape != target.shape:
        raise ValueError(f"mse_loss: input has shape {input.shape}, target {target.shape}; reshape one to the other")
    return _reduced((input - target).square(), reduction)


def cross_entropy(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """-log softmax(scores)[correct class], averaged over the batch: the loss of a softmax classifier.

    Args:
        input: scores (logits, not probabilities) of shape (N, C), or (C,) for one example.
        target: correct classes, integers from 0 to C - 1, of shape (N,), or () for one example.
        reduction: 'mean', 'sum', or 'none' for one loss per example.

    Raises:
        ValueError: for shapes that do not fit, an empty batch, or a class outside 0 … C - 1.
        TypeError: for targets that are no integers.

    >>> from minigrad import tensor
    >>> print(f"{cross_entropy(tensor([[0.0, 0.0, 0.0]]), tensor([1])):.4f}")
    1.0986
    """
    classes = np.asarray(target._array if isinstance(target, Tensor) else target)
    if classes.dtype.kind not in "iu":
        raise TypeError(
            f"cross_entropy: targets are class numbers, integers; got {classes.dtype} of shape {classes.shape}. "
            "One-hot rows become class numbers by .argmax(1)"
        )
    if input.ndim not in (1, 2) or classes.shape != input.shape[:-1]:
        raise ValueError(
            f"cross_entropy: scores of shape {input.shape} need targets of shape {input.shape[:-1]}, one class number "
            f"per example; got {classes.shape}"
        )
    count = input.shape[-1]
    if classes.size and not 0 <= classes.min() <= classes.max() < count:
        raise ValueError(
            f"cross_entropy: classes are 0 to {count - 1}, as there are {count} scores per example; "
            f"the targets go from {classes.min()} to {classes.max()}"
        )
    scores = input if input.dtype.kind == "f" else input.float()
    return _reduced(Tensor.apply(loss_rules.cross_entropy, scores, target=classes), reduction)
