"""Losses with a margin: zero as soon as the right answer is ahead of the wrong ones by enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.nn.loss_base import (
    Loss,
    class_numbers,
    class_weights,
    in_range,
    pair,
    reduced,
    refuse_others,
)
from minigrad.nn.losses import binary_cross_entropy_with_logits
from minigrad.nn.similarity import pairwise_distance
from minigrad.primitives import elementwise as ew
from minigrad.primitives import losses as rules
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


def hinge_embedding_loss(input: Tensor, target: Any, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where the target is 1, max(0, margin - x) where it is -1; x is a distance."""
    target = pair("hinge_embedding_loss", input, target)
    far = (margin - input).clamp(min=0.0)
    return reduced(far.masked_fill(target == 1, 0.0) + input.masked_fill(target == -1, 0.0), reduction)


def soft_margin_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-t x)), with targets 1 and -1."""
    target = pair("soft_margin_loss", input, target)
    return reduced(Tensor.apply(ew.softplus, -target * input), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, -t (x1 - x2) + margin): with t = 1, x1 should be the larger by the margin, with t = -1 x2."""
    refuse_others("margin_ranking_loss", input1, input2)
    target = as_tensor(target)
    if not input1.ndim == input2.ndim == target.ndim:
        raise ValueError(
            f"margin_ranking_loss: input1, input2 and target should have as many dimensions: got {input1.shape}, "
            f"{input2.shape} and {target.shape}"
        )
    return reduced((-target * (input1 - input2) + margin).clamp(min=0.0), reduction)


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
    refuse_others("cosine_embedding_loss", input1, input2)
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
    return reduced((1 - cos).masked_fill(target != 1, 0.0) + apart.masked_fill(target != -1, 0.0), reduction)


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
    refuse_others("triplet_margin_loss", anchor, positive, negative)
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
    return reduced((near - far + margin).clamp(min=0.0), reduction)


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
    classes = class_numbers("multi_margin_loss", input, target)
    count = input.shape[-1]
    classes, _ = in_range("multi_margin_loss", classes, count, -100)
    right = input[rules.at(classes)].unsqueeze(-1)
    margins = (margin - right + input).clamp(min=0.0)
    margins = (margins if p == 1 else margins * margins).masked_fill(
        as_tensor(np.arange(count) == classes[..., None]), 0.0
    )
    losses = margins.sum(-1) / count
    if weight is not None:
        losses = losses * class_weights("multi_margin_loss", weight, count, input.dtype)[classes]
    return reduced(losses, reduction)


def multilabel_margin_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """The sum over all right classes j and wrong ones i of max(0, 1 - (x_j - x_i)), over the number of classes C.

    Args:
        input: scores (N, C), or (C,).
        target: the numbers of the right classes, of the same shape; what comes after a -1 does not count.
        reduction: 'mean', 'sum' or 'none'.
    """
    refuse_others("multilabel_margin_loss", input)
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
    return reduced(margins.sum((-2, -1)) / count, reduction)


def multilabel_soft_margin_loss(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """`binary_cross_entropy_with_logits`, averaged over the classes: (N, C) and targets (N, C) of 0 and 1 -> (N,)."""
    refuse_others("multilabel_soft_margin_loss", input)
    if not input.ndim:
        raise ValueError("multilabel_soft_margin_loss: takes scores (N, C) or (C,), got a single number")
    losses = binary_cross_entropy_with_logits(input, target, weight, "none")
    return reduced(losses.mean(-1), reduction)


# ---- as modules ------------------------------------------------------------------------------------------------


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
