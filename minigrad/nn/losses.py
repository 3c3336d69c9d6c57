"""Losses: functions of the network's output and the targets, and each as a module. PyTorch's names and values.

All take a `reduction`: 'mean', 'sum', or 'none' for one loss per element or example.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn.ctc import ctc_loss
from minigrad.nn.loss_base import (
    REDUCTIONS,
    Loss,
    check_reduction,
    class_numbers,
    class_weights,
    classes_last,
    in_range,
    pair,
    reduced,
    shares_of,
)
from minigrad.primitives import elementwise as ew
from minigrad.primitives import losses as rules
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


def _weights(name: str, losses: Tensor, weight: Any) -> Tensor:
    """The weights, if they are of the losses' shape."""
    weight = as_tensor(weight)
    if weight.shape != losses.shape:
        raise ValueError(f"{name}: weight has shape {weight.shape}, the losses {losses.shape}")
    return weight


def _weighted(name: str, losses: Tensor, weight: Any, reduction: str) -> Tensor:
    """Losses times weights; their mean is over the sum of the weights."""
    if weight is None:
        return reduced(losses, reduction)
    weight = _weights(name, losses, weight)
    return reduced(losses * weight, reduction, weight)


# ---- distances -------------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """(input - target)².

    Args:
        input, target: of one shape.
        reduction: 'mean', 'sum' or 'none'.
        weight: a weight for each, of the same shape; the mean is over the sum of the weights.

    Raises:
        ValueError: when the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
    """
    return _weighted("mse_loss", (input - pair("mse_loss", input, target)).square(), weight, reduction)


def l1_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """|input - target|; see `mse_loss`."""
    return _weighted("l1_loss", (input - pair("l1_loss", input, target)).abs(), weight, reduction)


def smooth_l1_loss(input: Tensor, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d²/(2 beta) for |d| below beta, and |d| - beta/2 above, with d = input - target. Source: Girshick, 2015."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta is 0 or more, not {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return reduced(_bent(input - pair("smooth_l1_loss", input, target), beta) / beta, reduction)


def _bent(d: Tensor, at: float) -> Tensor:
    """d²/2 for |d| up to `at`, and the tangent from there, at (|d| - at/2); without squares of what is large."""
    inner = d.clamp(-at, at)
    return inner * (d - 0.5 * inner)


def huber_loss(input: Tensor, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """d²/2 for |d| up to delta, and delta (|d| - delta/2) above, with d = input - target. Source: Huber, 1964.

    A weight, of the same shape, multiplies; unlike that of `mse_loss` it does not change what the mean divides by.
    """
    if delta <= 0:
        raise ValueError(f"huber_loss: delta is above 0, not {delta}")
    losses = _bent(input - pair("huber_loss", input, target), delta)
    if weight is not None:
        losses = losses * _weights("huber_loss", losses, weight)
    return reduced(losses, reduction)


# ---- classes ---------------------------------------------------------------------------------------------------


def _picked(
    name: str, losses: Tensor, classes: np.ndarray, ignored: np.ndarray | None, weight: Tensor | None, reduction: str
) -> Tensor:
    """Losses of the right classes, weighted and without the ignored, reduced: the mean is over what is left."""
    if weight is None and ignored is None:
        return reduced(losses, reduction)
    share = shares_of(losses, classes, ignored, weight)
    if ignored is not None:
        losses = losses.masked_fill(as_tensor(ignored), 0.0)
    return reduced(losses * share, reduction, share)


def nll_loss(
    input: Tensor, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Minus the log-probability of the right class.

    Args:
        input: log-probabilities, as from log_softmax, of shape (N, C), (C,) for one example, or (N, C, d1, …).
        target: class numbers of shape (N,), (), or (N, d1, …).
        weight: a weight for each class, of shape (C,); the mean is over the sum of the weights.
        ignore_index: targets of this number do not count.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: for shapes that do not fit, an empty batch, or a class outside 0 … C - 1.
        TypeError: for targets that are no integers.
    """
    classes = class_numbers("nll_loss", input, target)
    count = input.shape[1 if input.ndim > 1 else 0]
    classes, ignored = in_range("nll_loss", classes, count, ignore_index)
    losses = -classes_last(input)[rules.at(classes)]
    weight = None if weight is None else class_weights("nll_loss", weight, count, input.dtype)
    return _picked("nll_loss", losses, classes, ignored, weight, reduction)


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(scores)[right class], averaged over the batch: the loss of a softmax classifier.

    Args:
        input: scores (logits, not probabilities) of shape (N, C), (C,) for one example, or (N, C, d1, …).
        target: class numbers, integers from 0 to C - 1, of shape (N,), (), or (N, d1, …); or the probabilities of the
            classes, floats of the shape of the input.
        weight: a weight for each class, of shape (C,).
        ignore_index: targets of this number do not count.
        reduction: 'mean', 'sum', or 'none' for one loss per example.
        label_smoothing: from 0 to 1: the part of the probability that is given to all classes alike.

    Raises:
        ValueError: for shapes that do not fit, an empty batch, or a class outside 0 … C - 1.
        TypeError: for targets that are neither.

    >>> from minigrad import tensor
    >>> print(f"{cross_entropy(tensor([[0.0, 0.0, 0.0]]), tensor([1])):.4f}")
    1.0986
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is from 0 to 1, not {label_smoothing}")
    target_dtype = getattr(target, "dtype", None)
    if target_dtype is not None and target_dtype.kind == "f" and target.shape == getattr(input, "shape", None):
        return _soft_cross_entropy(input, as_tensor(target), weight, reduction, label_smoothing)
    classes = class_numbers("cross_entropy", input, target)
    scores = classes_last(input if input.dtype.kind == "f" else input.float())
    count = scores.shape[-1]
    classes, ignored = in_range("cross_entropy", classes, count, ignore_index)
    losses = Tensor.apply(rules.cross_entropy, scores, target=classes)
    weight = None if weight is None else class_weights("cross_entropy", weight, count, scores.dtype)
    loss = _picked("cross_entropy", losses, classes, ignored, weight, reduction)
    if not label_smoothing:
        return loss
    of_all = -scores.log_softmax(-1)
    smooth = (of_all if weight is None else of_all * weight).sum(-1)
    if ignored is not None:
        smooth = smooth.masked_fill(as_tensor(ignored), 0.0)
    smooth = reduced(smooth, reduction, shares_of(smooth, classes, ignored, weight))
    return (1 - label_smoothing) * loss + label_smoothing / count * smooth


def _soft_cross_entropy(input: Tensor, target: Tensor, weight: Any, reduction: str, label_smoothing: float) -> Tensor:
    """The cross-entropy of given probabilities of the classes."""
    scores, shares = classes_last(input), classes_last(target)
    count = scores.shape[-1] if scores.ndim else 1
    if label_smoothing:
        shares = (1 - label_smoothing) * shares + label_smoothing / count
    if weight is not None:
        shares = shares * class_weights("cross_entropy", weight, count, scores.dtype)
    return reduced(-(shares * scores.log_softmax(-1)).sum(-1), reduction)


def binary_cross_entropy(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """-(t log x + (1 - t) log(1 - x)), with logarithms no less than -100.

    Args:
        input: probabilities, from 0 to 1.
        target: of the same shape, from 0 to 1.
        weight: of a shape that broadcasts.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: when the shapes differ, or the input is not from 0 to 1.
    """
    target = pair("binary_cross_entropy", input, target)
    values = input._array
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input is probabilities, from 0 to 1; it goes from {values.min():.6g} to "
            f"{values.max():.6g}. For scores (logits) use binary_cross_entropy_with_logits, without a sigmoid"
        )
    losses = Tensor.apply(rules.binary_cross_entropy, input, target)
    return reduced(losses if weight is None else losses * as_tensor(weight), reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """`binary_cross_entropy` of sigmoid(input), computed without overflow.

    Args:
        input: scores (logits).
        target: of the same shape, from 0 to 1.
        weight: of a shape that broadcasts.
        reduction: 'mean', 'sum' or 'none'.
        pos_weight: by how much positive targets count more; of a shape that broadcasts.
    """
    target = pair("binary_cross_entropy_with_logits", input, target)
    softplus = Tensor.apply(ew.softplus, -input)  # -log sigmoid(x)
    positive = softplus if pos_weight is None else softplus * ((as_tensor(pos_weight) - 1) * target + 1)
    losses = (1 - target) * input + positive
    return reduced(losses if weight is None else losses * as_tensor(weight), reduction)


def kl_div(input: Tensor, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The Kullback-Leibler divergence of the target from the input: t (log t - x).

    Args:
        input: log-probabilities.
        target: probabilities of the same shape, or with `log_target` their logarithms.
        reduction: 'batchmean', the sum over the size of the batch, is the divergence; 'mean' is over all elements.
        log_target: see above.
    """
    target = pair("kl_div", input, target)
    losses = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    if reduction == "batchmean" and losses.numel():
        return losses.sum() / (losses.shape[0] if losses.ndim else 1)
    reduction = reduction.replace("batch", "")  # of nothing
    check_reduction("kl_div", reduction, KLDivLoss.reductions)
    return reduced(losses, reduction)


# ---- other distributions ---------------------------------------------------------------------------------------


def poisson_nll_loss(
    input: Tensor, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Tensor:
    """Minus the log-probability of counts, without its constant: exp(x) - t x, where the input is log(rate).

    Args:
        input: the logarithm of the rate, or without `log_input` the rate.
        target: counts of the same shape.
        log_input: see above.
        full: add Stirling's approximation of the constant, t log t - t + log(2 pi t)/2 for t above 1.
        eps: added to the rate in its logarithm.
        reduction: 'mean', 'sum' or 'none'.
    """
    target = pair("poisson_nll_loss", input, target)
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        t = target.clamp(min=1.0)  # where it counts, t itself
        stirling = t * t.log() - t + 0.5 * (2 * math.pi * t).log()
        losses = losses + stirling.masked_fill(target <= 1, 0.0)
    return reduced(losses, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Minus the log-density of a normal distribution: (log var + (x - t)² / var) / 2.

    Args:
        input: the mean.
        target: of the same shape.
        var: the variance: a number; of the same shape; or without the last dimension, or with size 1 there.
        full: add the constant log(2 pi) / 2.
        eps: the least variance; below, it counts as this (its gradient passes all the same, as in PyTorch).
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: for a negative variance, or one of another shape.
    """
    target = pair("gaussian_nll_loss", input, target)
    var = var if isinstance(var, Tensor) else as_tensor(np.full(input.shape, var, input.dtype))
    if var.shape == input.shape[:-1] and var.shape != input.shape:
        var = var.unsqueeze(-1)
    if var.shape not in (input.shape, (*input.shape[:-1], 1)):
        raise ValueError(f"gaussian_nll_loss: var has shape {var.shape}, which does not fit the input's {input.shape}")
    if (var._array < 0).any():
        raise ValueError("gaussian_nll_loss: var is a variance, 0 or more")
    var = var + (var.detach().clamp(min=eps) - var.detach())
    losses = 0.5 * (var.log() + (input - target).square() / var)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


# ---- as modules ------------------------------------------------------------------------------------------------


class MSELoss(Loss):
    """`mse_loss` as a module."""

    function = staticmethod(mse_loss)


class L1Loss(Loss):
    """`l1_loss` as a module."""

    function = staticmethod(l1_loss)


class SmoothL1Loss(Loss):
    """`smooth_l1_loss` as a module."""

    function = staticmethod(smooth_l1_loss)
    settings = ("reduction", "beta")


class HuberLoss(Loss):
    """`huber_loss` as a module."""

    function = staticmethod(huber_loss)
    settings = ("reduction", "delta")


class NLLLoss(Loss):
    """`nll_loss` as a module."""

    function = staticmethod(nll_loss)
    settings = ("weight", "ignore_index", "reduction")


class CrossEntropyLoss(Loss):
    """`cross_entropy` as a module: scores (N, C) and classes (N,) -> the mean loss."""

    function = staticmethod(cross_entropy)
    settings = ("weight", "ignore_index", "reduction", "label_smoothing")


class BCELoss(Loss):
    """`binary_cross_entropy` as a module."""

    function = staticmethod(binary_cross_entropy)
    settings = ("weight", "reduction")


class BCEWithLogitsLoss(Loss):
    """`binary_cross_entropy_with_logits` as a module."""

    function = staticmethod(binary_cross_entropy_with_logits)
    settings = ("weight", "reduction", "pos_weight")


class KLDivLoss(Loss):
    """`kl_div` as a module."""

    function = staticmethod(kl_div)
    settings = ("reduction", "log_target")
    reductions = ("batchmean", *REDUCTIONS)


class PoissonNLLLoss(Loss):
    """`poisson_nll_loss` as a module."""

    function = staticmethod(poisson_nll_loss)
    settings = ("log_input", "full", "eps", "reduction")


class GaussianNLLLoss(Loss):
    """`gaussian_nll_loss` as a module: called with mean, targets and variance."""

    function = staticmethod(gaussian_nll_loss)
    settings = ("full", "eps", "reduction")


class CTCLoss(Loss):
    """`ctc_loss` as a module."""

    function = staticmethod(ctc_loss)
    settings = ("blank", "reduction", "zero_infinity")
