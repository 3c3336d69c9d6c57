"""Losses: functions of the network's output and the targets, and each as a module. PyTorch's names and values.

All take a `reduction`: 'mean', 'sum', or 'none' for one loss per element or example.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.creation import as_tensor
from minigrad.nn.ctc import ctc_loss
from minigrad.nn.module import Module, bound_settings
from minigrad.nn.similarity import pairwise_distance
from minigrad.rules import elementwise as ew
from minigrad.rules import loss as rules
from minigrad.tensors import Tensor

# ---- what they share -------------------------------------------------------------------------------------------


def _reduced(losses: Tensor, reduction: str, weight: Tensor | None = None) -> Tensor:
    """The losses by themselves, their sum, or their mean: with weights the sum over the sum of the weights."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    if reduction == "mean" and not losses.numel():
        raise ValueError("the mean loss of an empty batch is undefined: is the data set, or the last batch, empty?")
    if weight is not None and reduction == "mean":
        with np.errstate(invalid="ignore"):  # where nothing counts, 0 / 0 is the answer
            return losses.sum() / weight.sum()
    return losses if reduction == "none" else getattr(losses, reduction)()


def _refuse_others(name: str, *inputs: Any) -> None:
    for input in inputs:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}: input is the network's output, a tensor; got {type(input).__name__}")


def _pair(name: str, input: Tensor, target: Any) -> Tensor:
    """The target as a tensor of floats, if it is of the input's shape.

    Raises:
        ValueError: when the shapes differ: broadcasting (N, 1) against (N,) would compare all with all.
        TypeError: when the input is not a tensor of floats.
    """
    _refuse_others(name, input)
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: input is the network's output, of floats; got {input.dtype}. Are they swapped?")
    target = as_tensor(target)
    if input.shape != target.shape:
        raise ValueError(f"{name}: input has shape {input.shape}, target {target.shape}; reshape one to the other")
    return target if target.dtype.kind == "f" else target.to(input.dtype)


def _weights(name: str, losses: Tensor, weight: Any) -> Tensor:
    """The weights, if they are of the losses' shape."""
    weight = as_tensor(weight)
    if weight.shape != losses.shape:
        raise ValueError(f"{name}: weight has shape {weight.shape}, the losses {losses.shape}")
    return weight


def _weighted(name: str, losses: Tensor, weight: Any, reduction: str) -> Tensor:
    """Losses times weights; their mean is over the sum of the weights."""
    if weight is None:
        return _reduced(losses, reduction)
    weight = _weights(name, losses, weight)
    return _reduced(losses * weight, reduction, weight)


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
    return _weighted("mse_loss", (input - _pair("mse_loss", input, target)).square(), weight, reduction)


def l1_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """|input - target|; see `mse_loss`."""
    return _weighted("l1_loss", (input - _pair("l1_loss", input, target)).abs(), weight, reduction)


def smooth_l1_loss(input: Tensor, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """d²/(2 beta) for |d| below beta, and |d| - beta/2 above, with d = input - target. Source: Girshick, 2015."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta is 0 or more, not {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return _reduced(_bent(input - _pair("smooth_l1_loss", input, target), beta) / beta, reduction)


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
    losses = _bent(input - _pair("huber_loss", input, target), delta)
    if weight is not None:
        losses = losses * _weights("huber_loss", losses, weight)
    return _reduced(losses, reduction)


# ---- classes ---------------------------------------------------------------------------------------------------


def _classes(name: str, input: Tensor, target: Any) -> np.ndarray:
    """The targets as class numbers, if they fit the scores (N, C, ...) or (C,)."""
    _refuse_others(name, input)
    classes = target._array if isinstance(target, Tensor) else np.array(target)  # a copy: the graph keeps it
    wanted = input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()
    if classes.dtype.kind not in "iu" and not (classes.size == 0 and not isinstance(target, Tensor | np.ndarray)):
        raise TypeError(
            f"{name}: targets are class numbers, integers; got {classes.dtype} of shape {classes.shape}. "
            "One-hot rows become class numbers by .argmax(1)"
        )
    if not input.ndim or classes.shape != wanted:
        mend = ". A column becomes a row by .squeeze(1)" if classes.shape == (*wanted, 1) else ""
        raise ValueError(
            f"{name}: scores of shape {input.shape} need targets of shape {wanted}, one class number per "
            f"example; got {classes.shape}{mend}"
        )
    return classes


def _in_range(name: str, classes: np.ndarray, count: int, ignore_index: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The class numbers, with 0 in place of those to be ignored; and where those are, None if nowhere.

    Raises:
        ValueError: for a class that is not among `count`.
    """
    if classes.size and classes.min() >= 0 and classes.max() < count and not 0 <= ignore_index < count:
        return classes, None  # the commonest case
    ignored = classes == ignore_index
    kept = classes[~ignored]
    if kept.size and not 0 <= kept.min() <= kept.max() < count:
        mend = " Counted from 1? Subtract 1" if kept.min() == 1 and kept.max() == count else ""
        raise ValueError(
            f"{name}: classes are 0 to {count - 1}, as there are {count} scores per example; "
            f"the targets go from {kept.min()} to {kept.max()}.{mend}"
        )
    return (np.where(ignored, 0, classes), ignored) if ignored.any() else (classes, None)


def _class_weights(name: str, weight: Any, count: int, dtype: np.dtype) -> Tensor:
    weight = as_tensor(weight)
    if weight.shape != (count,):
        raise ValueError(f"{name}: weight has shape {weight.shape}, and should have ({count},), one for each class")
    return weight.to(dtype)


def _last(scores: Tensor) -> Tensor:
    """Scores with the classes, dimension 1, moved to the end."""
    return scores if scores.ndim < 3 else scores.permute(0, *range(2, scores.ndim), 1)


def _shares(losses: Tensor, classes: np.ndarray, ignored: np.ndarray | None, weight: Tensor | None) -> Tensor:
    """How much each example counts: the weight of its class, or 1; and 0 if it is ignored."""
    share = as_tensor(np.ones(classes.shape, losses.dtype)) if weight is None else weight[classes]
    return share if ignored is None else share.masked_fill(as_tensor(ignored), 0.0)


def _picked(
    name: str, losses: Tensor, classes: np.ndarray, ignored: np.ndarray | None, weight: Tensor | None, reduction: str
) -> Tensor:
    """Losses of the right classes, weighted and without the ignored, reduced: the mean is over what is left."""
    if weight is None and ignored is None:
        return _reduced(losses, reduction)
    share = _shares(losses, classes, ignored, weight)
    if ignored is not None:
        losses = losses.masked_fill(as_tensor(ignored), 0.0)
    return _reduced(losses * share, reduction, share)


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
    classes = _classes("nll_loss", input, target)
    count = input.shape[1 if input.ndim > 1 else 0]
    classes, ignored = _in_range("nll_loss", classes, count, ignore_index)
    losses = -_last(input)[rules.at(classes)]
    weight = None if weight is None else _class_weights("nll_loss", weight, count, input.dtype)
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
    classes = _classes("cross_entropy", input, target)
    scores = _last(input if input.dtype.kind == "f" else input.float())
    count = scores.shape[-1]
    classes, ignored = _in_range("cross_entropy", classes, count, ignore_index)
    losses = Tensor.apply(rules.cross_entropy, scores, target=classes)
    weight = None if weight is None else _class_weights("cross_entropy", weight, count, scores.dtype)
    loss = _picked("cross_entropy", losses, classes, ignored, weight, reduction)
    if not label_smoothing:
        return loss
    of_all = -scores.log_softmax(-1)
    smooth = (of_all if weight is None else of_all * weight).sum(-1)
    if ignored is not None:
        smooth = smooth.masked_fill(as_tensor(ignored), 0.0)
    smooth = _reduced(smooth, reduction, _shares(smooth, classes, ignored, weight))
    return (1 - label_smoothing) * loss + label_smoothing / count * smooth


def _soft_cross_entropy(input: Tensor, target: Tensor, weight: Any, reduction: str, label_smoothing: float) -> Tensor:
    """The cross-entropy of given probabilities of the classes."""
    scores, shares = _last(input), _last(target)
    count = scores.shape[-1] if scores.ndim else 1
    if label_smoothing:
        shares = (1 - label_smoothing) * shares + label_smoothing / count
    if weight is not None:
        shares = shares * _class_weights("cross_entropy", weight, count, scores.dtype)
    return _reduced(-(shares * scores.log_softmax(-1)).sum(-1), reduction)


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
    target = _pair("binary_cross_entropy", input, target)
    values = input._array
    if values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"binary_cross_entropy: input is probabilities, from 0 to 1; it goes from {values.min():.6g} to "
            f"{values.max():.6g}. For scores (logits) use binary_cross_entropy_with_logits, without a sigmoid"
        )
    losses = Tensor.apply(rules.binary_cross_entropy, input, target)
    return _reduced(losses if weight is None else losses * as_tensor(weight), reduction)


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
    target = _pair("binary_cross_entropy_with_logits", input, target)
    softplus = Tensor.apply(ew.softplus, -input)  # -log sigmoid(x)
    positive = softplus if pos_weight is None else softplus * ((as_tensor(pos_weight) - 1) * target + 1)
    losses = (1 - target) * input + positive
    return _reduced(losses if weight is None else losses * as_tensor(weight), reduction)


def kl_div(input: Tensor, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The Kullback-Leibler divergence of the target from the input: t (log t - x).

    Args:
        input: log-probabilities.
        target: probabilities of the same shape, or with `log_target` their logarithms.
        reduction: 'batchmean', the sum over the size of the batch, is the divergence; 'mean' is over all elements.
        log_target: see above.
    """
    target = _pair("kl_div", input, target)
    losses = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    if reduction == "batchmean" and losses.numel():
        return losses.sum() / (losses.shape[0] if losses.ndim else 1)
    reduction = reduction.replace("batch", "")  # of nothing
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"kl_div: reduction is 'batchmean', 'mean', 'sum' or 'none', not {reduction!r}")
    return _reduced(losses, reduction)


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
    target = _pair("poisson_nll_loss", input, target)
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        t = target.clamp(min=1.0)  # where it counts, t itself
        stirling = t * t.log() - t + 0.5 * (2 * math.pi * t).log()
        losses = losses + stirling.masked_fill(target <= 1, 0.0)
    return _reduced(losses, reduction)


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
    target = _pair("gaussian_nll_loss", input, target)
    var = var if isinstance(var, Tensor) else as_tensor(np.full(input.shape, var, input.dtype))
    if var.shape == input.shape[:-1] and var.shape != input.shape:
        var = var.unsqueeze(-1)
    if var.shape not in (input.shape, (*input.shape[:-1], 1)):
        raise ValueError(f"gaussian_nll_loss: var has shape {var.shape}, which does not fit the input's {input.shape}")
    if (var._array < 0).any():
        raise ValueError("gaussian_nll_loss: var is a variance, 0 or more")
    var = var + (var.detach().clamp(min=eps) - var.detach())
    losses = 0.5 * (var.log() + (input - target).square() / var)
    return _reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


# ---- margins ---------------------------------------------------------------------------------------------------


def hinge_embedding_loss(input: Tensor, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1; x is a distance."""
    target = _pair("hinge_embedding_loss", input, target)
    far = (margin - input).clamp(min=0.0)
    return _reduced(far.masked_fill(target == 1, 0.0) + input.masked_fill(target == -1, 0.0), reduction)


def soft_margin_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-t x)), with targets 1 and -1."""
    target = _pair("soft_margin_loss", input, target)
    return _reduced(Tensor.apply(ew.softplus, -target * input), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, -t (x1 - x2) + margin): with t = 1, x1 should be the larger by the margin, with t = -1 x2."""
    _refuse_others("margin_ranking_loss", input1, input2)
    target = as_tensor(target)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ValueError(
            f"margin_ranking_loss: input1, input2 and target should have as many dimensions: got {input1.shape}, "
            f"{input2.shape} and {target.shape}"
        )
    return _reduced((-target * (input1 - input2) + margin).clamp(min=0.0), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    Args:
        input1, input2: of shape (N, n), or (n,).
        target: of shape (N,), or ().
        margin: from -1 to 1.
        reduction: 'mean', 'sum' or 'none'.
    """
    _refuse_others("cosine_embedding_loss", input1, input2)
    target = as_tensor(target)
    if target.ndim + 1 != input1.ndim or input1.ndim != input2.ndim or input1.ndim > 2:
        raise ValueError(
            f"cosine_embedding_loss: takes (N, n), (N, n) and targets (N,), or without N; got {input1.shape}, "
            f"{input2.shape} and {target.shape}"
        )
    eps = 1e-12
    lengths = ((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)
    cos = (input1 * input2).sum(-1) / lengths.sqrt()
    apart = (cos - margin).clamp(min=0.0)
    return _reduced((1 - cos).masked_fill(target != 1, 0.0) + apart.masked_fill(target != -1, 0.0), reduction)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), with d the p-norm of the difference.

    Args:
        anchor, positive, negative: of shape (N, n), or (n,).
        margin: above 0.
        p, eps: see `pairwise_distance`.
        swap: take the distance of the negative to the nearer of anchor and positive.
        reduction: 'mean', 'sum' or 'none'.

    Source: Balntas et al., "Learning local feature descriptors with triplets", 2016.
    """

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with any distance, `pairwise_distance` if none is given."""
    _refuse_others("triplet_margin_loss", anchor, positive, negative)
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin is above 0, not {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ValueError(
            "triplet_margin_loss: anchor, positive and negative should have as many dimensions: got "
            f"{anchor.shape}, {positive.shape} and {negative.shape}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return _reduced((near - far + margin).clamp(min=0.0), reduction)


def multi_margin_loss(
    input: Tensor, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """The sum over all wrong classes of max(0, margin - score of the right one + its score)^p, over their number C.

    Args:
        input: scores (N, C), or (C,).
        target: class numbers (N,), or ().
        p: 1 or 2.
        margin: by how much the right score should be larger.
        weight: a weight for each class, of shape (C,).
        reduction: 'mean', 'sum' or 'none'.

    Source: Crammer and Singer, 2001: the multiclass support vector machine.
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p is 1 or 2, not {p}")
    classes = _classes("multi_margin_loss", input, target)
    count = input.shape[-1]
    classes, _ = _in_range("multi_margin_loss", classes, count, -100)
    right = input[rules.at(classes)].unsqueeze(-1)
    margins = (margin - right + input).clamp(min=0.0)
    margins = (margins if p == 1 else margins * margins).masked_fill(
        as_tensor(np.arange(count) == classes[..., None]), 0.0
    )
    losses = margins.sum(-1) / count
    if weight is not None:
        losses = losses * _class_weights("multi_margin_loss", weight, count, input.dtype)[classes]
    return _reduced(losses, reduction)


def multilabel_margin_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """The sum over all right classes j and wrong ones i of max(0, 1 - (x_j - x_i)), over the number of classes C.

    Args:
        input: scores (N, C), or (C,).
        target: the numbers of the right classes, of the same shape; what comes after a -1 does not count.
        reduction: 'mean', 'sum' or 'none'.
    """
    _refuse_others("multilabel_margin_loss", input)
    labels = np.asarray(target._array if isinstance(target, Tensor) else target)
    if labels.shape != input.shape or input.ndim not in (1, 2) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"multilabel_margin_loss: scores of shape {input.shape} need targets of the same shape, class numbers "
            f"followed by -1; got {labels.dtype} of shape {labels.shape}"
        )
    count = input.shape[-1]
    counts = np.cumsum(labels == -1, axis=-1) == 0  # those before the first -1
    if (counts & ((labels < 0) | (labels >= count))).any():
        raise ValueError(f"multilabel_margin_loss: classes are 0 to {count - 1}")
    times = ((labels[..., None] == np.arange(count)) & counts[..., None]).sum(-2)  # how often each class is named
    margins = (1 - (input.unsqueeze(-1) - input.unsqueeze(-2))).clamp(min=0.0)  # right class, wrong class
    weights = times[..., :, None] * (times == 0)[..., None, :]
    margins = margins.masked_fill(as_tensor(weights == 0), 0.0) * as_tensor(weights.astype(input.dtype))
    return _reduced(margins.sum((-2, -1)) / count, reduction)


def multilabel_soft_margin_loss(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """`binary_cross_entropy_with_logits`, averaged over the classes: (N, C) and targets (N, C) of 0 and 1 -> (N,)."""
    _refuse_others("multilabel_soft_margin_loss", input)
    if not input.ndim:
        raise ValueError("multilabel_soft_margin_loss: takes scores (N, C) or (C,), got a single number")
    losses = binary_cross_entropy_with_logits(input, target, weight, "none")
    return _reduced(losses.mean(-1), reduction)


# ---- as modules ------------------------------------------------------------------------------------------------


class Loss(Module):
    """A function of this file as a module: made with `settings`, called with its other arguments.

    Settings that are tensors, the weights, become buffers.
    """

    function: Any
    settings: tuple[str, ...] = ("reduction",)
    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __init_subclass__(cls) -> None:
        parameters = inspect.signature(cls.function).parameters
        settings = [parameters[name].replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in cls.settings]
        cls.__signature__ = inspect.Signature(settings)  # type: ignore[attr-defined]

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        bound = bound_settings(self, type(self).__signature__, settings, named)  # type: ignore[attr-defined]
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name.endswith("weight"):
                if isinstance(value, str):
                    raise TypeError(
                        f"{type(self).__name__}: {name} is a tensor of weights; {value!r} has to be named: "
                        f"reduction={value!r}"
                    )
                self.register_buffer(name, None if value is None else as_tensor(value))
            else:
                setattr(self, name, value)
        if self.reduction not in self.reductions:
            *others, last = map(repr, self.reductions)
            raise ValueError(
                f"{type(self).__name__}: reduction is {', '.join(others)} or {last}, not {self.reduction!r}"
            )

    def forward(self, *inputs: Any) -> Tensor:
        """The network's output and the targets -> the loss."""
        return type(self).function(*inputs, **{name: getattr(self, name) for name in self.settings})


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
    reductions = ("batchmean", "mean", "sum", "none")


class PoissonNLLLoss(Loss):
    """`poisson_nll_loss` as a module."""

    function = staticmethod(poisson_nll_loss)
    settings = ("log_input", "full", "eps", "reduction")


class GaussianNLLLoss(Loss):
    """`gaussian_nll_loss` as a module: called with mean, targets and variance."""

    function = staticmethod(gaussian_nll_loss)
    settings = ("full", "eps", "reduction")


class HingeEmbeddingLoss(Loss):
    """`hinge_embedding_loss` as a module."""

    function = staticmethod(hinge_embedding_loss)
    settings = ("margin", "reduction")


class SoftMarginLoss(Loss):
    """`soft_margin_loss` as a module."""

    function = staticmethod(soft_margin_loss)


class MarginRankingLoss(Loss):
    """`margin_ranking_loss` as a module."""

    function = staticmethod(margin_ranking_loss)
    settings = ("margin", "reduction")


class CosineEmbeddingLoss(Loss):
    """`cosine_embedding_loss` as a module."""

    function = staticmethod(cosine_embedding_loss)
    settings = ("margin", "reduction")


class TripletMarginLoss(Loss):
    """`triplet_margin_loss` as a module."""

    function = staticmethod(triplet_margin_loss)
    settings = ("margin", "p", "eps", "swap", "reduction")


class TripletMarginWithDistanceLoss(Loss):
    """`triplet_margin_with_distance_loss` as a module."""

    function = staticmethod(triplet_margin_with_distance_loss)
    settings = ("distance_function", "margin", "swap", "reduction")


class MultiMarginLoss(Loss):
    """`multi_margin_loss` as a module."""

    function = staticmethod(multi_margin_loss)
    settings = ("p", "margin", "weight", "reduction")


class MultiLabelMarginLoss(Loss):
    """`multilabel_margin_loss` as a module."""

    function = staticmethod(multilabel_margin_loss)


class MultiLabelSoftMarginLoss(Loss):
    """`multilabel_soft_margin_loss` as a module."""

    function = staticmethod(multilabel_soft_margin_loss)
    settings = ("weight", "reduction")


class CTCLoss(Loss):
    """`ctc_loss` as a module."""

    function = staticmethod(ctc_loss)
    settings = ("blank", "reduction", "zero_infinity")
