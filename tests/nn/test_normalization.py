"""Normalization: running statistics, empty batches, and mistakes."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from minigrad import nn, ones, tensor
from minigrad.nn import functional as F


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.LayerNorm(4)(ones(2, 3)),
            ValueError,
            r"must end in the normalized_shape \(4,\), got \(2, 3\)",
        ),
        (
            lambda: F.layer_norm(ones(2, 3), (3,), ones(2)),
            ValueError,
            r"weight must have the normalized_shape \(3,\), got shape \(2,\)",
        ),
        (lambda: F.layer_norm(tensor([1, 2]), (2,)), TypeError, "must be of floats, got int64"),
        (lambda: nn.LayerNorm(2)(ones(2, dtype="float64")), TypeError, "the same dtype, got float64 and float32"),
        (lambda: nn.GroupNorm(2, 3), ValueError, "a multiple of num_groups=2, got 3"),
        (lambda: F.group_norm(ones(2, 3, 4), 2), ValueError, r"3 channels of an input of shape \(2, 3, 4\) cannot"),
        (lambda: F.group_norm(ones(2, 4), 4), ValueError, "is one number"),
        (lambda: nn.BatchNorm2d(4)(ones(2, 3, 8, 8)), ValueError, r"weight must have shape \(3,\), got \(4,\)"),
        (lambda: nn.BatchNorm1d(3)(ones(1, 3)), ValueError, r"got an input of shape \(1, 3\).*model.eval\(\)"),
        (
            lambda: nn.BatchNorm2d(3)(ones(2, 3)),
            ValueError,
            r"BatchNorm2d: the input must be 4-dimensional, got shape \(2, 3\)",
        ),
        (lambda: nn.BatchNorm1d(0), ValueError, "BatchNorm1d: num_features"),
        (lambda: F.batch_norm(ones(2, 3), None, None), ValueError, "running_mean and running_var must be given"),
        (lambda: nn.InstanceNorm1d(3)(ones(2, 3, 1)), ValueError, "is a single number"),
        (lambda: nn.InstanceNorm1d(4)(ones(2, 3, 5)), ValueError, "num_features=4 channels, got 3"),
        (lambda: F.rms_norm(1.0, (1,)), TypeError, "rms_norm: takes a tensor, got float"),
    ],
)
def test_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_statistics_are_kept_saved_and_reset() -> None:
    layer = nn.BatchNorm1d(2)
    minigrad.manual_seed(0)
    for _ in range(200):
        layer(minigrad.randn(64, 2) * 3 + tensor([1.0, -2.0]))
    assert layer.running_mean.tolist() == pytest.approx([1, -2], abs=0.5)
    assert layer.running_var.tolist() == pytest.approx([9, 9], rel=0.2)
    assert layer.num_batches_tracked.item() == 200
    other = nn.BatchNorm1d(2)
    other.load_state_dict(layer.state_dict())
    x = minigrad.randn(5, 2)
    assert other.eval()(x).tolist() == layer.eval()(x).tolist()
    layer.reset_running_stats()
    assert layer.running_var.tolist() == [1, 1] and layer.num_batches_tracked.item() == 0


def test_updating_statistics_does_not_affect_a_pending_backward_pass() -> None:
    layer = nn.BatchNorm1d(2)
    x = minigrad.randn(4, 2, requires_grad=True)
    first = layer(x)
    layer(minigrad.randn(4, 2))
    first.sum().backward()
    layer.eval()
    second = layer(x)
    layer.train()(minigrad.randn(4, 2))  # the statistics that `second` was computed with have moved
    second.sum().backward()


def test_an_empty_batch_is_normalized_and_updates_no_statistics() -> None:
    for layer, shape in (nn.BatchNorm1d(2), (0, 2)), (nn.GroupNorm(1, 2), (0, 2, 4)), (nn.LayerNorm(2), (0, 2)):
        out = layer(minigrad.zeros(*shape))
        out.sum().backward()
        assert out.shape == shape and layer.weight.grad.tolist() == [0, 0]
        if isinstance(layer, nn.BatchNorm1d):
            assert layer.running_mean.tolist() == [0, 0] and layer.running_var.tolist() == [1, 1]
