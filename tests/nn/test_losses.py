"""Losses: messages for mistakes, extreme scores, ignored and overwritten targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minigrad import nn, ones, tensor, zeros
from minigrad.autograd import gradcheck
from minigrad.nn import functional as F


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: F.mse_loss(ones(4, 1), ones(4)),
            ValueError,
            r"mse_loss: input and target must have the same shape, got \(4, 1\) and \(4,\)",
        ),
        (
            lambda: F.l1_loss(ones(4), ones(4), weight=ones(1)),
            ValueError,
            r"weight must have the losses' shape \(4,\), got \(1,\)",
        ),
        (lambda: F.mse_loss([1.0], [1.0]), TypeError, "input must be the network's output, a tensor; got list"),
        (lambda: F.mse_loss(tensor([1, 2]), ones(2)), TypeError, "of floats; got int64. Are input and target swapped"),
        (
            lambda: F.cross_entropy(ones(4, 3), zeros(4, 1).long()),
            ValueError,
            r"\(4, 1\). A column becomes a row by .squ",
        ),
        (lambda: F.cross_entropy(ones(4, 3), zeros(4)), TypeError, "class indices, integers; got float32 .*long"),
        (lambda: F.cross_entropy(ones(4, 3), None), TypeError, "class indices, integers; got NoneType"),
        (lambda: F.cross_entropy(ones(4, 3), zeros(4, 2)), TypeError, "class indices, integers; got float32"),
        (
            lambda: F.cross_entropy(ones(4, 3), tensor([1, 2, 3, 1])),
            ValueError,
            "from 0 to 2, .*they go from 1 to 3. If classes are counted from 1, subtract 1",
        ),
        (lambda: F.cross_entropy(ones(4, 3), tensor([0, -1, 2, 1])), ValueError, "they go from -1 to 2"),
        (
            lambda: F.cross_entropy(ones(2, 3), tensor([0, 1]), weight=ones(2)),
            ValueError,
            r"weight must have shape \(3,\), .* got \(2,\)",
        ),
        (lambda: F.cross_entropy(ones(0, 3), zeros(0).long()), ValueError, "mean loss of an empty batch"),
        (
            lambda: F.cross_entropy(ones(1, 3), tensor([0]), label_smoothing=2),
            ValueError,
            "label_smoothing must be from 0 to 1, got 2",
        ),
        (lambda: F.cross_entropy(ones(2, 3, 5), tensor([0, 1])), ValueError, r"need targets of shape \(2, 5\)"),
        (lambda: F.nll_loss(ones(2, 3), tensor([0, 3])), ValueError, "nll_loss: targets must be from 0 to 2"),
        (lambda: F.binary_cross_entropy(tensor([1.5]), ones(1)), ValueError, "it goes from 1.5 to 1.5.*with_logits"),
        (lambda: F.smooth_l1_loss(ones(1), ones(1), beta=-1), ValueError, "beta must not be negative, got -1"),
        (lambda: F.huber_loss(ones(1), ones(1), delta=0), ValueError, "delta must be positive, got 0"),
        (lambda: F.kl_div(ones(1), ones(1), reduction="batch"), ValueError, "'batchmean', 'mean', 'sum' or 'none'"),
        (lambda: F.gaussian_nll_loss(ones(2), ones(2), -ones(2)), ValueError, "var must not be negative, got -1"),
        (
            lambda: F.gaussian_nll_loss(ones(2), ones(2), ones(3)),
            ValueError,
            r"var must have the input's shape \(2,\), .* got \(3,\)",
        ),
        (lambda: F.margin_ranking_loss(ones(2), ones(2), ones(2, 1)), ValueError, "same number of dimensions"),
        (lambda: F.cosine_embedding_loss(ones(2, 3), ones(2, 3), ones(2, 1)), ValueError, r"targets \(N,\)"),
        (lambda: F.triplet_margin_loss(ones(2, 3), ones(2, 3), ones(3)), ValueError, "same number of dimensions"),
        (lambda: F.multi_margin_loss(ones(2, 3), tensor([0, 1]), p=3), ValueError, "p must be 1 or 2, got 3"),
        (lambda: F.multilabel_margin_loss(ones(3), tensor([0, 1])), ValueError, "class indices followed by -1"),
        (
            lambda: F.multilabel_margin_loss(ones(2), tensor([2, -1])),
            ValueError,
            "before the first -1 must be from 0 to 1",
        ),
        (
            lambda: F.one_hot(tensor([3]), 3),
            ValueError,
            "the 3 classes are numbered 0 to 2; the input goes from 3 to 3",
        ),
        (lambda: F.one_hot(ones(2)), TypeError, "must be of integers, got float32"),
        (
            lambda: nn.MSELoss("average"),
            ValueError,
            "MSELoss: reduction must be 'mean', 'sum' or 'none', got 'average'",
        ),
        (
            lambda: nn.CrossEntropyLoss("none"),
            TypeError,
            "weight must be a tensor of weights, got 'none'. .* pass it by name",
        ),
        (lambda: F.ctc_loss(ones(5, 1, 3), tensor([[0]]), [5], [1]), ValueError, "other than blank=0"),
        (
            lambda: F.ctc_loss(ones(5, 1, 3), tensor([[1]]), [6], [1]),
            ValueError,
            "input_lengths must be 1 integers from 0 to 5",
        ),
        (
            lambda: F.ctc_loss(ones(5, 2, 3), tensor([1, 2, 1]), [5, 5], [1, 1]),
            ValueError,
            "must add up to the 3 concatenated targets, got 2",
        ),
        (lambda: F.ctc_loss(ones(5, 3), tensor([[1], [1]]), [5], [1]), ValueError, r"integers \(1, S\)"),
    ],
)
def test_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_targets_may_be_arrays_and_lists() -> None:
    x = tensor([[1.0, 2.0, 3.0], [0.5, 0.0, -1.0]])
    wanted = F.cross_entropy(x, tensor([2, 0])).item()
    assert F.cross_entropy(x, [2, 0]).item() == F.cross_entropy(x, np.array([2, 0], np.uint8)).item() == wanted
    assert F.mse_loss(x, np.zeros((2, 3))).item() == pytest.approx(F.mse_loss(x, x * 0).item())
    assert (
        F.binary_cross_entropy_with_logits(x, x > 0).item()
        == F.binary_cross_entropy_with_logits(x, (x > 0) * 1.0).item()
    )


def test_ignored_targets_affect_neither_value_nor_gradient() -> None:
    x = tensor([[1.0, 2.0], [np.inf, np.nan]], requires_grad=True)
    with np.errstate(invalid="ignore"):
        loss = F.cross_entropy(x, tensor([0, -100]))
        loss.backward()
    assert x.grad is not None and loss.item() == pytest.approx(1.3132617) and np.isfinite(x.grad[0].numpy()).all()
    all_ignored = F.cross_entropy(ones(2, 3), tensor([-100, -100]))
    assert np.isnan(all_ignored.item())
    assert F.cross_entropy(ones(2, 3), tensor([-100, -100]), reduction="sum").item() == 0


def test_overwriting_the_target_array_before_backward_does_not_change_the_gradient() -> None:
    for loss in F.cross_entropy, F.nll_loss:
        x, target = tensor([[1.0, 2.0], [0.5, 0.0]], requires_grad=True), np.array([0, 1])
        value = loss(x, target)
        target[...] = 0  # as in a loop with one buffer for all batches
        value.backward()
        again = tensor(x.detach(), requires_grad=True)
        loss(again, [0, 1]).backward()
        assert x.grad is not None and again.grad is not None and x.grad.tolist() == again.grad.tolist()


@pytest.mark.parametrize("loss", [F.huber_loss, F.smooth_l1_loss])
def test_large_errors_have_the_slope_of_the_linear_part(loss: Any) -> None:
    x = tensor([1e30, -np.inf, 0.5], requires_grad=True)
    value = loss(x, zeros(3), reduction="none")
    value.backward(ones(3))
    assert x.grad is not None and x.grad.tolist() == [1, -1, 0.5]
    assert value[1].item() == np.inf and value[2].item() == 0.125


def test_every_loss_refuses_an_input_that_is_not_a_tensor() -> None:
    for name in dir(F):
        if name.endswith("_loss") and name != "ctc_loss":
            more = [ones(2, 3)] * (1 + (name.startswith(("gaussian", "margin", "cosine", "triplet"))))
            with pytest.raises(TypeError, match="input must be the network's output, a tensor; got NoneType"):
                getattr(F, name)(None, *more)
    with pytest.raises(TypeError, match="ctc_loss: takes a tensor, got NoneType"):
        F.ctc_loss(None, [[1]], [1], [1])  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [np.array([0, 2, 1]), np.array([0, -100, 1]), np.full((3, 3), 1 / 3)])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_class_weights_are_differentiable(target: Any, smoothing: float, reduction: str) -> None:
    scores = tensor([[1.0, 0.2, -1.0], [0.5, 0.0, 2.0], [0.1, 1.0, 0.3]], dtype="float64")
    weight = tensor([0.5, 1.0, 3.0], dtype="float64", requires_grad=True)
    assert gradcheck(
        lambda w: F.cross_entropy(scores, target, w, reduction=reduction, label_smoothing=smoothing), weight
    )


def test_the_mean_over_an_empty_batch_is_refused() -> None:
    for reduction in "batchmean", "mean":
        with pytest.raises(ValueError, match="mean loss of an empty batch"):
            F.kl_div(zeros(0, 3), zeros(0, 3), reduction=reduction)


def test_normalize_and_distances_of_zero_vectors() -> None:
    x = zeros(2, 3).requires_grad_()
    for p in 1, 2, 4, 9, np.inf:
        assert F.normalize(x, p=p).tolist() == zeros(2, 3).tolist()
        F.normalize(x, p=p).sum().backward()
        assert x.grad is not None and np.isfinite(x.grad.numpy()).all()
    assert F.cosine_similarity(ones(3), ones(2, 3), dim=1).shape == (2,)
    assert F.pairwise_distance(ones(2, 3), zeros(3), p=0).tolist() == [3, 3]


def test_hints_fit_the_labels() -> None:
    scores = zeros(2, 3)
    with pytest.raises(TypeError, match=r"\.long\(\)"):
        F.cross_entropy(scores, tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match=r"One-hot.*\.argmax\(1\)"):
        F.cross_entropy(scores, tensor([[1, 0, 0], [0, 1, 0]]))
    with pytest.raises(TypeError, match=r"One-hot.*\.argmax\(1\)"):
        F.nll_loss(scores, tensor([[1.0, 0, 0], [0, 1, 0]]))
