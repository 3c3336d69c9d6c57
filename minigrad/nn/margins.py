"""Margin losses: 0 once the right answer scores higher than the wrong ones by a margin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np

from minigrad.nn.arguments import (
    check_bool,
    check_choice,
    check_function,
    check_int,
    check_not_negative,
    check_number,
    check_positive,
)
from minigrad.nn.loss_base import (
    Loss,
    check_tensors,
    class_indices,
    class_weights,
    matching_target,
    names_reduction,
    reduce_losses,
    split_ignored,
)
from minigrad.nn.losses import binary_cross_entropy_with_logits
from minigrad.nn.similarity import pairwise_distance
from minigrad.primitives import elementwise as ew
from minigrad.primitives import losses as primitives
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


@names_reduction
def hinge_embedding_loss(input: Tensor, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """Return x where the target is 1, and max(0, margin - x) where it is -1: for x a distance of two embeddings.

    Args:
        input: x, a float tensor.
        target: 1 or -1, of the same shape.
        margin: how far apart pairs with target -1 should be (default 1.0).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ.

    >>> from minigrad import nn, tensor
    >>> nn.functional.hinge_embedding_loss(tensor([0.25, 0.25]), [1.0, -1.0], reduction="none")
    tensor([0.2500, 0.7500])
    """
    check_number("hinge_embedding_loss", margin=margin)
    target = matching_target("hinge_embedding_loss", input, target)
    far = (margin - input).clamp(min=0.0)
    losses = far.masked_fill(target == 1, 0.0) + input.masked_fill(target == -1, 0.0)
    return reduce_losses("hinge_embedding_loss", losses, reduction)


@names_reduction
def soft_margin_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """Return log(1 + exp(-t * x)), the logistic loss for targets t = 1 and t = -1.

    Args:
        input: x, scores.
        target: t, of the same shape.
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the shapes differ.

    >>> from minigrad import nn, tensor
    >>> nn.functional.soft_margin_loss(tensor([0.0, 2.0]), [1.0, -1.0], reduction="none")
    tensor([0.6931, 2.1269])
    """
    target = matching_target("soft_margin_loss", input, target)
    return reduce_losses("soft_margin_loss", Tensor.apply(ew.softplus, -target * input), reduction)


@names_reduction
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Return max(0, -t * (x1 - x2) + margin): t = 1 says that x1 should rank higher, t = -1 that x2 should.

    Args:
        input1, input2: x1 and x2, scores of the same shape.
        target: t, 1 or -1, of the same shape.
        margin: how far apart the scores should be (default 0.0).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*), (*) and (*) -> (), or (*) with reduction='none'.

    Raises:
        ValueError: if the numbers of dimensions differ.

    >>> from minigrad import nn, tensor
    >>> nn.functional.margin_ranking_loss(tensor([2.0, 2.0]), tensor([5.0, 1.0]), [1.0, 1.0], reduction="none")
    tensor([3., 0.])
    """
    check_number("margin_ranking_loss", margin=margin)
    check_tensors("margin_ranking_loss", input1, input2)
    target = as_tensor(target)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ValueError(
            "margin_ranking_loss: input1, input2 and target must have the same number of dimensions, got "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    losses = (-target * (input1 - input2) + margin).clamp(min=0.0)
    return reduce_losses("margin_ranking_loss", losses, reduction)


@names_reduction
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Return 1 - cos(x1, x2) where the target is 1, and max(0, cos(x1, x2) - margin) where it is -1.

    Args:
        input1, input2: x1 and x2, embeddings of shape (N, n) or (n,).
        target: 1 for pairs that should point the same way, -1 for others, of shape (N,) or ().
        margin: the largest cosine without loss for target -1, from -1 to 1 (default 0.0; usual: 0 to 0.5).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, n), (N, n) and (N,) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if the shapes do not fit.

    >>> from minigrad import nn, tensor
    >>> a, b = tensor([[1.0, 0.0], [1.0, 0.0]]), tensor([[3.0, 4.0], [3.0, 4.0]])
    >>> nn.functional.cosine_embedding_loss(a, b, [1, -1], reduction="none")
    tensor([0.4000, 0.6000])
    """
    check_number("cosine_embedding_loss", margin=margin)
    check_tensors("cosine_embedding_loss", input1, input2)
    target = as_tensor(target)
    if target.ndim + 1 != input1.ndim or input1.ndim != input2.ndim or input1.ndim > 2:
        raise ValueError(
            "cosine_embedding_loss: the inputs must be (N, n) and targets (N,), or (n,) and (); got "
            f"{input1.shape}, {input2.shape} and {target.shape}"
        )
    eps = 1e-12
    lengths = ((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)
    cos = (input1 * input2).sum(-1) / lengths.sqrt()
    apart = (cos - margin).clamp(min=0.0)
    losses = (1 - cos).masked_fill(target != 1, 0.0) + apart.masked_fill(target != -1, 0.0)
    return reduce_losses("cosine_embedding_loss", losses, reduction)


@names_reduction
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
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin), with d the p-norm of the difference.

    Args:
        anchor, positive, negative: embeddings of shape (N, n) or (n,).
        margin: how much farther from the anchor the negative should be than the positive, > 0 (default 1.0).
        p, eps: of the distance, see `pairwise_distance` (default 2.0 and 1e-6).
        swap: replace d(anchor, negative) by d(positive, negative) where that is smaller (default False).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, n), (N, n) and (N, n) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if the numbers of dimensions differ, or margin <= 0.

    >>> from minigrad import nn, tensor
    >>> anchor, positive, negative = tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]]), tensor([[0.0, 2.0]])
    >>> nn.functional.triplet_margin_loss(anchor, positive, negative)
    tensor(4.0000)

    Source: Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional neural
    networks", 2016.
    """
    check_number("triplet_margin_loss", margin=margin, p=p, eps=eps)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


@names_reduction
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
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin) with a distance d of your own.

    Args:
        anchor, positive, negative: tensors that the distance takes, usually of shape (N, n).
        distance_function: d, a function of two such tensors (default `pairwise_distance`).
        margin, swap, reduction: as in `triplet_margin_loss`.

    Shape: (N, n), (N, n) and (N, n) -> (), or (N,) with reduction='none', for a distance that gives (N,).

    Raises:
        ValueError: if the numbers of dimensions differ, or margin <= 0.

    >>> from minigrad import nn, tensor
    >>> anchor, positive, negative = tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]]), tensor([[0.0, 2.0]])
    >>> nn.functional.triplet_margin_with_distance_loss(
    ...     anchor, positive, negative, distance_function=lambda a, b: (a - b).abs().sum(-1)
    ... )
    tensor(6.)
    """
    check_tensors("triplet_margin_loss", anchor, positive, negative)
    check_positive("triplet_margin_loss", margin=margin)
    check_bool("triplet_margin_loss", swap=swap)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ValueError(
            "triplet_margin_loss: anchor, positive and negative must have the same number of dimensions, got "
            f"{anchor.shape}, {positive.shape} and {negative.shape}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduce_losses("triplet_margin_loss", (near - far + margin).clamp(min=0.0), reduction)


@names_reduction
def multi_margin_loss(
    input: Tensor, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Return the multiclass SVM loss: the sum over classes i != t of max(0, margin - x[t] + x[i])**p, divided by C.

    Args:
        input: x, scores of shape (N, C) or (C,).
        target: t, class indices from 0 to C - 1, of shape (N,) or ().
        p: 1 (default) or 2.
        margin: by how much the score of class t should exceed the others (default 1.0).
        weight: a weight per class t, of shape (C,) (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N,) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if p is neither 1 nor 2, the shapes do not fit, or a class is not from 0 to C - 1.
        TypeError: if the targets are not integers.

    >>> from minigrad import nn, tensor
    >>> nn.functional.multi_margin_loss(tensor([[3.0, 2.5, 0.0, 4.0]]), [0])  # (0.5 + 0 + 2) / 4
    tensor(0.6250)

    Source: Crammer and Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", 2001.
    """
    check_int("multi_margin_loss", p=p)
    check_number("multi_margin_loss", margin=margin)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    classes = class_indices("multi_margin_loss", input, target)
    count = input.shape[-1]
    classes, _ = split_ignored("multi_margin_loss", classes, count, -100)
    target_scores = input[primitives.at(classes)].unsqueeze(-1)
    margins = (margin - target_scores + input).clamp(min=0.0)
    margins = (margins if p == 1 else margins * margins).masked_fill(
        as_tensor(np.arange(count) == classes[..., None]), 0.0
    )
    losses = margins.sum(-1) / count
    if weight is not None:
        losses = losses * class_weights("multi_margin_loss", weight, count, input.dtype)[classes]
    return reduce_losses("multi_margin_loss", losses, reduction)


@names_reduction
def multilabel_margin_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """Return the sum over target classes j and other classes i of max(0, 1 - (x[j] - x[i])), divided by C.

    Args:
        input: x, scores of shape (N, C) or (C,).
        target: the indices of each example's classes, followed by -1, of the same shape; the rest does not count.
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N, C) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if the shapes differ, or a class is not from 0 to C - 1.

    >>> from minigrad import nn, tensor
    >>> nn.functional.multilabel_margin_loss(tensor([[2.0, 1.5, 0.0, 0.0]]), [[0, -1, 0, 0]])  # (0.5 + 0 + 0) / 4
    tensor(0.1250)
    """
    check_tensors("multilabel_margin_loss", input)
    labels = np.asarray(target._array if isinstance(target, Tensor) else target)
    if labels.shape != input.shape or input.ndim not in (1, 2) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"multilabel_margin_loss: scores of shape {input.shape} need targets of the same shape, class indices "
            f"followed by -1; got {labels.dtype} of shape {labels.shape}"
        )
    count = input.shape[-1]
    before_end = np.cumsum(labels == -1, axis=-1) == 0  # the end is the first -1
    if (before_end & ((labels < 0) | (labels >= count))).any():
        raise ValueError(f"multilabel_margin_loss: targets before the first -1 must be from 0 to {count - 1}")
    times = ((labels[..., None] == np.arange(count)) & before_end[..., None]).sum(-2)  # occurrences of each class
    margins = (1 - (input.unsqueeze(-1) - input.unsqueeze(-2))).clamp(min=0.0)  # [..., target class, other class]
    weights = times[..., :, None] * (times == 0)[..., None, :]
    margins = margins.masked_fill(as_tensor(weights == 0), 0.0) * as_tensor(weights.astype(input.dtype))
    return reduce_losses("multilabel_margin_loss", margins.sum((-2, -1)) / count, reduction)


@names_reduction
def multilabel_soft_margin_loss(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """Return `binary_cross_entropy_with_logits`, averaged over the classes of each example.

    Args:
        input: scores (logits) of shape (N, C) or (C,).
        target: 1 for each class that the example belongs to, and 0 for the others, of the same shape.
        weight: a weight per class, of shape (C,) (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N, C) -> (), or (N,) with reduction='none'.

    Raises:
        ValueError: if the shapes differ.

    >>> from minigrad import nn, tensor
    >>> nn.functional.multilabel_soft_margin_loss(tensor([[0.0, 2.0]]), [[1.0, 0.0]])
    tensor(1.4100)
    """
    check_tensors("multilabel_soft_margin_loss", input)
    if not input.ndim:
        raise ValueError("multilabel_soft_margin_loss: input must be scores (N, C) or (C,), got shape ()")
    losses = binary_cross_entropy_with_logits(input, target, weight, "none")
    return reduce_losses("multilabel_soft_margin_loss", losses.mean(-1), reduction)


# ---- as modules ------------------------------------------------------------------------------------------------


class HingeEmbeddingLoss(Loss):
    """x where the target is 1, max(0, margin - x) where it is -1. See `functional.hinge_embedding_loss`.

    Args:
        margin: how far apart pairs with target -1 should be (default 1.0).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.HingeEmbeddingLoss(reduction="none")(tensor([0.25, 0.25]), [1.0, -1.0])
    tensor([0.2500, 0.7500])
    """

    function = staticmethod(hinge_embedding_loss)
    settings = ("margin", "reduction")


class SoftMarginLoss(Loss):
    """log(1 + exp(-t * x)) for targets t = 1 and t = -1. See `functional.soft_margin_loss`.

    Args:
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.SoftMarginLoss(reduction="none")(tensor([0.0, 2.0]), [1.0, -1.0])
    tensor([0.6931, 2.1269])
    """

    function = staticmethod(soft_margin_loss)


class MarginRankingLoss(Loss):
    """max(0, -t * (x1 - x2) + margin), called with x1, x2 and t. See `functional.margin_ranking_loss`.

    Args:
        margin: how far apart the scores should be (default 0.0).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per element.

    Shape: (*), (*) and (*) -> (), or (*) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.MarginRankingLoss(reduction="none")(tensor([2.0, 2.0]), tensor([5.0, 1.0]), [1.0, 1.0])
    tensor([3., 0.])
    """

    function = staticmethod(margin_ranking_loss)
    settings = ("margin", "reduction")


class CosineEmbeddingLoss(Loss):
    """1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.

    See `functional.cosine_embedding_loss`.

    Args:
        margin: the largest cosine without loss for target -1, from -1 to 1 (default 0.0; usual: 0 to 0.5).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, n), (N, n) and (N,) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> a, b = tensor([[1.0, 0.0], [1.0, 0.0]]), tensor([[3.0, 4.0], [3.0, 4.0]])
    >>> nn.CosineEmbeddingLoss(reduction="none")(a, b, [1, -1])
    tensor([0.4000, 0.6000])
    """

    function = staticmethod(cosine_embedding_loss)
    settings = ("margin", "reduction")


class TripletMarginLoss(Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin). See `functional.triplet_margin_loss`.

    Args:
        margin: how much farther from the anchor the negative should be than the positive, > 0 (default 1.0).
        p, eps: of the distance, see `functional.pairwise_distance` (default 2.0 and 1e-6).
        swap: replace d(anchor, negative) by d(positive, negative) where that is smaller (default False).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, n), (N, n) and (N, n) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.TripletMarginLoss()(tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]]), tensor([[0.0, 2.0]]))
    tensor(4.0000)
    """

    function = staticmethod(triplet_margin_loss)
    settings = ("margin", "p", "eps", "swap", "reduction")
    checks: ClassVar = {"margin": check_positive, "eps": check_not_negative}


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of your own. See `functional.triplet_margin_with_distance_loss`.

    Args:
        distance_function: a function of two tensors (default `functional.pairwise_distance`).
        margin: how much farther from the anchor the negative should be than the positive, > 0 (default 1.0).
        swap: replace d(anchor, negative) by d(positive, negative) where that is smaller (default False).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, n), (N, n) and (N, n) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).abs().sum(-1))
    >>> loss(tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]]), tensor([[0.0, 2.0]]))
    tensor(6.)
    """

    function = staticmethod(triplet_margin_with_distance_loss)
    settings = ("distance_function", "margin", "swap", "reduction")
    checks: ClassVar = {"margin": check_positive, "distance_function": check_function}


class MultiMarginLoss(Loss):
    """The sum over classes i != t of max(0, margin - x[t] + x[i])**p, divided by C: the multiclass SVM loss.

    See `functional.multi_margin_loss`.

    Args:
        p: 1 (default) or 2.
        margin: by how much the score of class t should exceed the others (default 1.0).
        weight: a weight per class t, of shape (C,) (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N,) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.MultiMarginLoss()(tensor([[3.0, 2.5, 0.0, 4.0]]), [0])
    tensor(0.6250)
    """

    function = staticmethod(multi_margin_loss)
    settings = ("p", "margin", "weight", "reduction")
    checks: ClassVar = {"p": partial(check_choice, allowed=(1, 2))}


class MultiLabelMarginLoss(Loss):
    """The sum over target classes j and other classes i of max(0, 1 - (x[j] - x[i])), divided by C.

    See `functional.multilabel_margin_loss`.

    Args:
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N, C) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.MultiLabelMarginLoss()(tensor([[2.0, 1.5, 0.0, 0.0]]), [[0, -1, 0, 0]])
    tensor(0.1250)
    """

    function = staticmethod(multilabel_margin_loss)


class MultiLabelSoftMarginLoss(Loss):
    """`BCEWithLogitsLoss`, averaged over the classes of each example.

    See `functional.multilabel_soft_margin_loss`.

    Args:
        weight: a weight per class, of shape (C,) (default None).
        reduction: 'mean' (default), 'sum', or 'none' for one loss per example.

    Shape: (N, C) and (N, C) -> (), or (N,) with reduction='none'.

    >>> from minigrad import nn, tensor
    >>> nn.MultiLabelSoftMarginLoss()(tensor([[0.0, 2.0]]), [[1.0, 0.0]])
    tensor(1.4100)
    """

    function = staticmethod(multilabel_soft_margin_loss)
    settings = ("weight", "reduction")
