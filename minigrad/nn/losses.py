"""Losses: functions of the network's output and the targets, and each as a module, with PyTorch's names and values.

All take a `reduction`: 'mean', 'sum', or 'none' for one loss per element or example. In shapes, (*) is any shape.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.arguments import check_bool, check_int, check_not_negative, check_number, check_positive
from minigrad.nn.ctc import ctc_loss
from minigrad.nn.loss_base import (
    REDUCTIONS,
    Loss,
    check_reduction,
    check_weight,
    class_indices,
    class_weights,
    classes_last,
    example_weights,
    matching_target,
    names_reduction,
    reduce_losses,
    split_ignored,
)
from minigrad.primitives import elementwise as ew
from minigrad.primitives import losses as primitives
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


def _element_weights(name: str, losses: Tensor, weight: Any) -> Tensor:
    """Return the weights as a tensor; raise a ValueError if they do not have the losses' shape."""
    check_weight(name, "weight", weight)
    weight = as_tensor(weight)
    if weight.shape != losses.shape:
        raise ValueError(f"{name}: weight must have the losses' shape {losses.shape}, got {weight.shape}")
    return weight


def _weighted_reduction(name: str, losses: Tensor, weight: Any, reduction: str) -> Tensor:
    """Reduce losses times weights; the mean divides by the sum of the weights."""
    if weight is None:
        return reduce_losses(name, losses, reduction)
    weight = _element_weights(name, losses, weight)
    return reduce_losses(name, losses * weight, reduction, weight)


def _broadcast_weight(name: str, losses: Tensor, weight: Any) -> Tensor:
    """Return losses * weight, or the losses themselves if there is no weight."""
    if weight is None:
        return losses
    check_weight(name, "weight", weight)
    return losses * as_tensor(weight)


# ---- regression ------------------------------------------------------------------------------------------------


@names_reduction
def mse_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Return the mean squared error: the mean of (input - target)**2.

    Args:
        input: predictions, a float tensor.
        target: of the same shape.
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        weight: a weight per element, of the same shape; the mean divides by their sum (default None).

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ. Broadcasting (N, 1) against (N,) would compare all with all.

    >>> from minigrad import nn, tensor
    >>> nn.functional.mse_loss(tensor([1.0, 2.0]), [1.0, 5.0])
    tensor(4.5000)
    """
    losses = (input - matching_target("mse_loss", input, target)).square()
    return _weighted_reduction("mse_loss", losses, weight, reduction)


@names_reduction
def l1_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Return the mean absolute error: the mean of |input - target|; arguments and errors as in `mse_loss`.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.functional.l1_loss(tensor([1.0, 2.0]), [1.0, 5.0])
    tensor(1.5000)
    """
    losses = (input - matching_target("l1_loss", input, target)).abs()
    return _weighted_reduction("l1_loss", losses, weight, reduction)


@names_reduction
def smooth_l1_loss(input: Tensor, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return the smooth L1 loss: a parabola near 0, and |d| minus a constant beyond.

    With d = input - target, it is d**2 / (2 * beta) if |d| < beta, and |d| - beta / 2 otherwise.

    Args:
        input: predictions, a float tensor.
        target: of the same shape.
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        beta: where the parabola ends, >= 0 (default 1.0); 0 gives `l1_loss`.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ, or beta < 0.

    >>> from minigrad import nn, tensor
    >>> nn.functional.smooth_l1_loss(tensor([0.5, 4.0]), [0.0, 0.0], reduction="none")
    tensor([0.1250, 3.5000])

    Source: Girshick, "Fast R-CNN", 2015.
    """
    check_not_negative("smooth_l1_loss", beta=beta)
    if beta == 0:
        return l1_loss(input, target, reduction)
    losses = _huber(input - matching_target("smooth_l1_loss", input, target), beta) / beta
    return reduce_losses("smooth_l1_loss", losses, reduction)


def _huber(d: Tensor, delta: float) -> Tensor:
    """Return d**2 / 2 for |d| <= delta, and delta * (|d| - delta / 2) beyond, without the square of a large d."""
    inner = Tensor.apply(ew.hardtanh, d, -float(delta), float(delta))  # from the joint on the second derivative is 0
    return inner * (d - 0.5 * inner)


@names_reduction
def huber_loss(input: Tensor, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """Return the Huber loss: a parabola near 0, continued by its tangents.

    With d = input - target, it is d**2 / 2 if |d| <= delta, and delta * (|d| - delta / 2) otherwise.

    Args:
        input: predictions, a float tensor.
        target: of the same shape.
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        delta: where the parabola ends, > 0 (default 1.0).
        weight: a weight per element, of the same shape (default None). Unlike that of `mse_loss`, it does not change
            the divisor of the mean.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ, or delta <= 0.

    >>> from minigrad import nn, tensor
    >>> nn.functional.huber_loss(tensor([0.5, 4.0]), [0.0, 0.0], reduction="none")
    tensor([0.1250, 3.5000])

    Source: Huber, "Robust estimation of a location parameter", 1964.
    """
    check_positive("huber_loss", delta=delta)
    losses = _huber(input - matching_target("huber_loss", input, target), delta)
    if weight is not None:
        losses = losses * _element_weights("huber_loss", losses, weight)
    return reduce_losses("huber_loss", losses, reduction)


# ---- classification --------------------------------------------------------------------------------------------


def _reduce_examples(
    name: str, losses: Tensor, classes: np.ndarray, ignored: np.ndarray | None, weight: Tensor | None, reduction: str
) -> Tensor:
    """Reduce the losses of examples, times the weights of their classes; the mean is over those not ignored."""
    if weight is None and ignored is None:
        return reduce_losses(name, losses, reduction)
    weights = example_weights(losses, classes, ignored, weight)
    if ignored is not None:
        losses = losses.masked_fill(as_tensor(ignored), 0.0)
    return reduce_losses(name, losses * weights, reduction, weights)


@names_reduction
def nll_loss(
    input: Tensor, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Return the negative log-likelihood, -input[n, target[n]] for each example n.

    Args:
        input: log-probabilities, as from `log_softmax`, of shape (N, C), (C,) or (N, C, d1, ...).
        target: class indices from 0 to C - 1, of shape (N,), () or (N, d1, ...).
        weight: a weight per class, of shape (C,); the mean divides by the weights' sum (default None).
        ignore_index: leave out examples with this target (default -100).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N,) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if the shapes do not fit, a class is not from 0 to C - 1, or the mean is over an empty batch.
        TypeError: if the targets are not integers.

    >>> from minigrad import nn, tensor
    >>> nn.functional.nll_loss(tensor([[-0.5, -2.0], [-3.0, -0.1]]), [0, 0])
    tensor(1.7500)
    """
    check_int("nll_loss", ignore_index=ignore_index)
    classes = class_indices("nll_loss", input, target)
    count = input.shape[1 if input.ndim > 1 else 0]
    classes, ignored = split_ignored("nll_loss", classes, count, ignore_index)
    losses = -classes_last(input)[primitives.at(classes)]
    weight = None if weight is None else class_weights("nll_loss", weight, count, input.dtype)
    return _reduce_examples("nll_loss", losses, classes, ignored, weight, reduction)


def _check_smoothing(name: str, label_smoothing: float) -> None:
    check_number(name, label_smoothing=label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be from 0 to 1, got {label_smoothing}")


@names_reduction
def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return -log(softmax(input)[target]) for each example: the loss of a softmax classifier.

    The gradient for the scores of one example is softmax(input) - onehot(target).

    Args:
        input: scores (logits, not probabilities) of shape (N, C), (C,) or (N, C, d1, ...).
        target: class indices from 0 to C - 1, of shape (N,), () or (N, d1, ...); or class probabilities p, floats of
            the input's shape, for the loss -sum(p * log(softmax(input))).
        weight: a weight per class, of shape (C,) (default None). For class indices, the mean divides by the sum of the
            examples' weights.
        ignore_index: leave out examples with this class index (default -100).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.
        label_smoothing: how much of the target probability to distribute evenly over all classes, from 0 to 1
            (default 0.0; usual: 0.1).

    Shape: (N, C) and (N,) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if the shapes do not fit, a class is not from 0 to C - 1, the mean is over an empty batch, or an
            `ignore_index` of 0 or more is given with class probabilities.
        TypeError: if the targets are neither integers nor floats of the input's shape.

    >>> from minigrad import nn, tensor
    >>> nn.functional.cross_entropy(tensor([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]]), [1, 1], reduction="none")
    tensor([1.0986, 0.2395])

    Source of label smoothing: Szegedy et al., "Rethinking the Inception architecture for computer vision", 2015.
    """
    check_int("cross_entropy", ignore_index=ignore_index)
    _check_smoothing("cross_entropy", label_smoothing)
    target_dtype = getattr(target, "dtype", None)
    if target_dtype is not None and target_dtype.kind == "f" and target.shape == getattr(input, "shape", None):
        if ignore_index >= 0:
            raise ValueError(
                f"cross_entropy: ignore_index={ignore_index} applies to class indices, but the targets are class "
                "probabilities. To leave out an example, set its row of probabilities to 0"
            )
        return _soft_cross_entropy(input, as_tensor(target), weight, reduction, label_smoothing)
    classes = class_indices("cross_entropy", input, target)
    scores = classes_last(input if input.dtype.kind == "f" else input.float())
    count = scores.shape[-1]
    classes, ignored = split_ignored("cross_entropy", classes, count, ignore_index)
    losses = Tensor.apply(primitives.cross_entropy, scores, target=classes)
    weight = None if weight is None else class_weights("cross_entropy", weight, count, scores.dtype)
    loss = _reduce_examples("cross_entropy", losses, classes, ignored, weight, reduction)
    if not label_smoothing:
        return loss
    all_classes = -scores.log_softmax(-1)
    smooth = (all_classes if weight is None else all_classes * weight).sum(-1)
    if ignored is not None:
        smooth = smooth.masked_fill(as_tensor(ignored), 0.0)
    smooth = reduce_losses("cross_entropy", smooth, reduction, example_weights(smooth, classes, ignored, weight))
    return (1 - label_smoothing) * loss + label_smoothing / count * smooth


def _soft_cross_entropy(input: Tensor, target: Tensor, weight: Any, reduction: str, label_smoothing: float) -> Tensor:
    """Return the cross-entropy for class probabilities as targets."""
    scores, probabilities = classes_last(input), classes_last(target)
    count = scores.shape[-1] if scores.ndim else 1
    if label_smoothing:
        probabilities = (1 - label_smoothing) * probabilities + label_smoothing / count
    if weight is not None:
        probabilities = probabilities * class_weights("cross_entropy", weight, count, scores.dtype)
    return reduce_losses("cross_entropy", -(probabilities * scores.log_softmax(-1)).sum(-1), reduction)


@names_reduction
def binary_cross_entropy(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Return -(t * log(x) + (1 - t) * log(1 - x)), with the logarithms limited to at least -100.

    Args:
        input: x, probabilities. For scores (logits), use `binary_cross_entropy_with_logits`.
        target: t, from 0 to 1, of the same shape.
        weight: factors of the losses, of a shape that broadcasts to theirs (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ, or the input is not from 0 to 1.

    >>> from minigrad import nn, tensor
    >>> nn.functional.binary_cross_entropy(tensor([0.5, 0.9]), [0.0, 1.0], reduction="none")
    tensor([0.6931, 0.1054])
    """
    target = matching_target("binary_cross_entropy", input, target)
    values = input._array
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input must be probabilities, from 0 to 1; it goes from {values.min():.6g} to "
            f"{values.max():.6g}. For scores (logits) use binary_cross_entropy_with_logits, without a sigmoid"
        )
    losses = Tensor.apply(primitives.binary_cross_entropy, input, target)
    return reduce_losses("binary_cross_entropy", _broadcast_weight("binary_cross_entropy", losses, weight), reduction)


@names_reduction
def binary_cross_entropy_with_logits(
    input: Tensor, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Return -(w * t * log(p) + (1 - t) * log(1 - p)) with p = sigmoid(input), without overflow.

    Args:
        input: scores (logits).
        target: t, from 0 to 1, of the same shape.
        weight: factors of the losses, of a shape that broadcasts to theirs (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        pos_weight: w, the weight of positive targets, of a shape that broadcasts (default None, which is 1); usual:
            the number of negative examples over that of positive ones.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ.

    >>> from minigrad import nn, tensor
    >>> nn.functional.binary_cross_entropy_with_logits(tensor([0.0, 500.0]), [1.0, 0.0], reduction="none")
    tensor([  0.6931, 500.0000])
    """
    name = "binary_cross_entropy_with_logits"
    target = matching_target(name, input, target)
    positive = Tensor.apply(ew.softplus, -input)  # -log(sigmoid(x))
    if pos_weight is not None:
        check_weight(name, "pos_weight", pos_weight)
        positive = positive * ((as_tensor(pos_weight) - 1) * target + 1)
    losses = (1 - target) * input + positive
    return reduce_losses(name, _broadcast_weight(name, losses, weight), reduction)


@names_reduction
def kl_div(input: Tensor, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return the Kullback-Leibler divergence of target from input: p * (log(p) - input) for each element.

    Args:
        input: log-probabilities.
        target: probabilities p of the same shape; with `log_target`, their logarithms.
        reduction: 'batchmean' divides the sum by the batch size, which gives the divergence; 'mean' (default) divides
            by the number of elements; 'sum'; or 'none' for one loss per element.
        log_target: whether the target is log(p) (default False).

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ, or the reduction is unknown.

    >>> from minigrad import nn, tensor
    >>> p, q = tensor([[0.5, 0.5]]), tensor([[0.25, 0.75]])
    >>> nn.functional.kl_div(q.log(), p, reduction="batchmean")
    tensor(0.1438)

    Source: Kullback and Leibler, "On information and sufficiency", 1951.
    """
    check_bool("kl_div", log_target=log_target)
    check_reduction("kl_div", reduction, KLDivLoss.reductions)
    target = matching_target("kl_div", input, target)
    losses = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    if reduction == "batchmean" and losses.numel():
        return losses.sum() / (losses.shape[0] if losses.ndim else 1)
    return reduce_losses("kl_div", losses, reduction.removeprefix("batch"))  # refuses the mean of an empty batch


# ---- other distributions ---------------------------------------------------------------------------------------


@names_reduction
def poisson_nll_loss(
    input: Tensor, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Tensor:
    """Return the negative log-likelihood of counts from a Poisson distribution, without the constant log(t!).

    It is exp(x) - t * x for x = log(rate), and x - t * log(x + eps) for x = rate.

    Args:
        input: x, the logarithm of the rate, or without `log_input` the rate.
        target: t, counts of the same shape.
        log_input: whether the input is the logarithm of the rate (default True).
        full: add Stirling's approximation of the constant, t * log(t) - t + log(2 * pi * t) / 2 where t > 1
            (default False).
        eps: added to a rate of which the logarithm is taken (default 1e-8).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ.

    >>> from minigrad import nn, tensor
    >>> nn.functional.poisson_nll_loss(tensor([0.0, 1.0]), [2.0, 3.0], reduction="none")
    tensor([ 1.0000, -0.2817])
    """
    check_bool("poisson_nll_loss", log_input=log_input, full=full)
    check_number("poisson_nll_loss", eps=eps)
    target = matching_target("poisson_nll_loss", input, target)
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        t = target.clamp(min=1.0)  # keeps the logarithms finite where the approximation is not used
        stirling = t * t.log() - t + 0.5 * (2 * math.pi * t).log()
        losses = losses + stirling.masked_fill(target <= 1, 0.0)
    return reduce_losses("poisson_nll_loss", losses, reduction)


@names_reduction
def gaussian_nll_loss(
    input: Tensor, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Return the negative log-likelihood of a normal distribution: (log(var) + (input - target)**2 / var) / 2.

    Args:
        input: the mean of the distribution.
        target: of the same shape.
        var: its variance: a number, or of the input's shape, or with size 1 in the last dimension, or without it.
        full: add the constant log(2 * pi) / 2 (default False).
        eps: the least variance; smaller ones are set to it, with their gradient unchanged, as in PyTorch (default
            1e-6).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*), (*) and var (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if a variance is negative, or the shapes do not fit.

    >>> from minigrad import nn, tensor
    >>> nn.functional.gaussian_nll_loss(tensor([1.0, 2.0]), [1.0, 5.0], var=1.0, reduction="none")
    tensor([0.0000, 4.5000])

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994.
    """
    check_bool("gaussian_nll_loss", full=full)
    check_not_negative("gaussian_nll_loss", eps=eps)
    target = matching_target("gaussian_nll_loss", input, target)
    if not isinstance(var, Tensor):
        check_number("gaussian_nll_loss", var=var)
        var = as_tensor(np.full(input.shape, var, input.dtype))
    if var.shape == input.shape[:-1] and var.shape != input.shape:
        var = var.unsqueeze(-1)
    if var.shape not in (input.shape, (*input.shape[:-1], 1)):
        raise ValueError(
            f"gaussian_nll_loss: var must have the input's shape {input.shape}, or size 1 in the last dimension; "
            f"got {var.shape}"
        )
    if (var._array < 0).any():
        raise ValueError(f"gaussian_nll_loss: var must not be negative, got {var._array.min():.6g}")
    var = var + (var.detach().clamp(min=eps) - var.detach())
    losses = 0.5 * (var.log() + (input - target).square() / var)
    return reduce_losses("gaussian_nll_loss", losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


# ---- as modules ------------------------------------------------------------------------------------------------


class MSELoss(Loss):
    """The mean of (input - target)**2. See `functional.mse_loss`.

    Args:
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.MSELoss()(tensor([1.0, 2.0]), [1.0, 5.0])
    tensor(4.5000)
    """

    function = staticmethod(mse_loss)


class L1Loss(Loss):
    """The mean of |input - target|. See `functional.l1_loss`.

    Args:
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.L1Loss()(tensor([1.0, 2.0]), [1.0, 5.0])
    tensor(1.5000)
    """

    function = staticmethod(l1_loss)


class SmoothL1Loss(Loss):
    """d**2 / (2 * beta) if |d| < beta, |d| - beta / 2 otherwise, with d = input - target.

    See `functional.smooth_l1_loss`.

    Args:
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        beta: where the parabola ends, >= 0 (default 1.0).

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.SmoothL1Loss(reduction="none")(tensor([0.5, 4.0]), [0.0, 0.0])
    tensor([0.1250, 3.5000])
    """

    function = staticmethod(smooth_l1_loss)
    settings = ("reduction", "beta")
    checks: ClassVar = {"beta": check_not_negative}


class HuberLoss(Loss):
    """d**2 / 2 if |d| <= delta, delta * (|d| - delta / 2) otherwise, with d = input - target.

    See `functional.huber_loss`.

    Args:
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        delta: where the parabola ends, > 0 (default 1.0).

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.HuberLoss(reduction="none")(tensor([0.5, 4.0]), [0.0, 0.0])
    tensor([0.1250, 3.5000])
    """

    function = staticmethod(huber_loss)
    settings = ("reduction", "delta")
    checks: ClassVar = {"delta": check_positive}


class NLLLoss(Loss):
    """-input[n, target[n]] for log-probabilities; use it after `LogSoftmax`. See `functional.nll_loss`.

    Args:
        weight: a weight per class, of shape (C,) (default None).
        ignore_index: leave out examples with this target (default -100).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N,) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.NLLLoss()(tensor([[-0.5, -2.0], [-3.0, -0.1]]), [0, 0])
    tensor(1.7500)
    """

    function = staticmethod(nll_loss)
    settings = ("weight", "ignore_index", "reduction")


class CrossEntropyLoss(Loss):
    """-log(softmax(input)[n, target[n]]) for scores: the loss of a softmax classifier. See `functional.cross_entropy`.

    Args:
        weight: a weight per class, of shape (C,) (default None).
        ignore_index: leave out examples with this target (default -100).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.
        label_smoothing: how much of the target probability to distribute evenly over all classes, from 0 to 1
            (default 0.0; usual: 0.1).

    Shape: scores (N, C) and class indices (N,), or probabilities (N, C) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> scores = tensor([[0.0, 0.0], [2.0, 2.0]], requires_grad=True)
    >>> loss = nn.CrossEntropyLoss()(scores, [0, 1])
    >>> loss.backward()
    >>> loss.detach(), scores.grad
    (tensor(0.6931), tensor([[-0.2500,  0.2500],
            [ 0.2500, -0.2500]]))
    """

    function = staticmethod(cross_entropy)
    settings = ("weight", "ignore_index", "reduction", "label_smoothing")
    checks: ClassVar = {"label_smoothing": _check_smoothing}


class BCELoss(Loss):
    """-(t * log(x) + (1 - t) * log(1 - x)) for probabilities x. See `functional.binary_cross_entropy`.

    Args:
        weight: factors of the losses, of a shape that broadcasts to theirs (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.BCELoss(reduction="none")(tensor([0.5, 0.9]), [0.0, 1.0])
    tensor([0.6931, 0.1054])
    """

    function = staticmethod(binary_cross_entropy)
    settings = ("weight", "reduction")


class BCEWithLogitsLoss(Loss):
    """`BCELoss` of sigmoid(input), without overflow. See `functional.binary_cross_entropy_with_logits`.

    Args:
        weight: factors of the losses, of a shape that broadcasts to theirs (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.
        pos_weight: the weight of positive targets, of a shape that broadcasts (default None, which is 1).

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.BCEWithLogitsLoss(reduction="none")(tensor([0.0, 500.0]), [1.0, 0.0])
    tensor([  0.6931, 500.0000])
    """

    function = staticmethod(binary_cross_entropy_with_logits)
    settings = ("weight", "reduction", "pos_weight")


class KLDivLoss(Loss):
    """p * (log(p) - input), for log-probabilities as input and probabilities p as target. See `functional.kl_div`.

    Args:
        reduction: 'batchmean' for the divergence; 'mean' (default), over all elements; 'sum' or 'none'.
        log_target: whether the target is log(p) (default False).

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> p, q = tensor([[0.5, 0.5]]), tensor([[0.25, 0.75]])
    >>> nn.KLDivLoss(reduction="batchmean")(q.log(), p)
    tensor(0.1438)
    """

    function = staticmethod(kl_div)
    settings = ("reduction", "log_target")
    reductions = ("batchmean", *REDUCTIONS)


class PoissonNLLLoss(Loss):
    """exp(x) - t * x: the negative log-likelihood of counts t, with x = log(rate). See `functional.poisson_nll_loss`.

    Args:
        log_input: whether the input is the logarithm of the rate, or the rate itself (default True).
        full: add Stirling's approximation of log(t!) (default False).
        eps: added to a rate of which the logarithm is taken (default 1e-8).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.PoissonNLLLoss(reduction="none")(tensor([0.0, 1.0]), [2.0, 3.0])
    tensor([ 1.0000, -0.2817])
    """

    function = staticmethod(poisson_nll_loss)
    settings = ("log_input", "full", "eps", "reduction")
    checks: ClassVar = {"eps": check_not_negative}

    def forward(self, log_input: Tensor, target: Any) -> Tensor:
        """(*) and (*) -> (), or (*) with reduction='none'. The first has PyTorch's name, also if it is no logarithm."""
        return super().forward(log_input, target)


class GaussianNLLLoss(Loss):
    """(log(var) + (input - target)**2 / var) / 2, called with input, target and var.

    See `functional.gaussian_nll_loss`.

    Args:
        full: add the constant log(2 * pi) / 2 (default False).
        eps: the least variance (default 1e-6).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*), (*) and var (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, ones, tensor
    >>> nn.GaussianNLLLoss(reduction="none")(tensor([1.0, 2.0]), [1.0, 5.0], ones(2))
    tensor([0.0000, 4.5000])
    """

    function = staticmethod(gaussian_nll_loss)
    settings = ("full", "eps", "reduction")
    checks: ClassVar = {"eps": check_not_negative}


class CTCLoss(Loss):
    """-log of the probability of a label sequence under all its alignments in time. See `functional.ctc_loss`.

    Args:
        blank: the class that means "no label" (default 0).
        reduction: 'mean' (default) divides each loss by its target's length, then averages; 'sum' or 'none'.
        zero_infinity: return 0 instead of inf for targets that do not fit into the input (default False).

    Shape: log-probabilities (T, N, C), targets (N, S), lengths (N,) and (N,) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, zeros
    >>> log_probs = zeros(2, 1, 2).log_softmax(-1)  # 2 time steps, 2 classes of probability 1/2
    >>> nn.CTCLoss()(log_probs, [[1]], [2], [1])  # -log(3/4): "1 1", "1 blank" and "blank 1" spell the target
    tensor(0.2877)
    """

    function = staticmethod(ctc_loss)
    settings = ("blank", "reduction", "zero_infinity")
    checks: ClassVar = {"blank": check_not_negative}
