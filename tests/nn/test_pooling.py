"""Pooling: messages for wrong arguments, and gradients of ties and overlaps."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from minigrad import nn, tensor, zeros
from minigrad.nn import functional as F

X = zeros(1, 2, 4, 4)
REFUSED: list[tuple[Any, type[Exception], str]] = [
    (lambda: F.max_pool2d(zeros(4, 4), 2), ValueError, r"x.reshape\(1, 1, 4, 4\)"),
    (lambda: F.max_pool2d(zeros(1, 2, 3, 4, 4), 2), ValueError, r"\(N, C, H, W\)"),
    (lambda: F.max_pool2d(X, 5), ValueError, "windows of 5 x 5 do not fit into the input of 4 x 4"),
    (lambda: F.max_pool2d(X, 3, dilation=2), ValueError, "dilated by 2 x 2"),
    (lambda: F.max_pool2d(X, 3, padding=2), ValueError, "at most half of the window of 3, got 2"),
    (lambda: F.avg_pool2d(X, 2, padding=2), ValueError, "at most half of the window of 2, got 2"),
    (lambda: F.max_pool2d(zeros(1, 1, 1, 1), 2, padding=1, dilation=2), ValueError, "contain only padding"),
    (lambda: F.max_pool2d(X, 0), ValueError, "kernel_size must be an integer of at least 1"),
    (lambda: F.max_pool2d(X, 2.0), TypeError, "kernel_size must be an integer"),
    (lambda: F.max_pool2d(X, (2, 2, 2)), ValueError, "kernel_size"),
    (lambda: F.max_pool2d(zeros(1, 2, 0, 4), 1), ValueError, "do not fit"),
    (lambda: F.avg_pool2d(X.long(), 2), TypeError, r"x.float\(\)"),
    (lambda: F.avg_pool2d(X, 2, divisor_override=0), ValueError, "must not be 0"),
    (lambda: F.adaptive_avg_pool2d(X, -1), ValueError, "output_size"),
    (lambda: F.adaptive_avg_pool2d(zeros(1, 2, 0, 4), 1), ValueError, "nothing to pool"),
    (lambda: F.local_response_norm(zeros(2, 3), 2), ValueError, "at least three"),
    (lambda: F.local_response_norm(X, 0), ValueError, "size"),
    (lambda: F.max_unpool2d(X, X, 2), ValueError, "indices must be integers"),
    (lambda: F.max_unpool2d(X, zeros(1, 2, 4, 3).long(), 2), ValueError, r"of shape \(1, 2, 4, 3\)"),
    (lambda: F.max_unpool2d(X, zeros(1, 2, 4, 4).long() + 64, 2), IndexError, "from 0 to 63; got 64"),
    (
        lambda: F.max_unpool2d(X, zeros(1, 2, 4, 4).long(), 2, output_size=(10, 8)),
        ValueError,
        "by less than the stride",
    ),
]


@pytest.mark.parametrize("program, error, message", REFUSED)
def test_wrong_arguments_are_refused(program: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        program()


def test_among_equal_maxima_the_first_gets_the_gradient() -> None:
    x = tensor([[[1.0, 2.0], [2.0, 2.0]]], requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.tolist() == [[[0.0, 1.0], [0.0, 0.0]]]


def test_gradients_of_overlapping_windows_add_up() -> None:
    x = tensor([[[0.0, 3.0, 1.0, 2.0]]], requires_grad=True)
    F.max_pool1d(x, 2, stride=1).sum().backward()
    assert x.grad.tolist() == [[[0.0, 2.0, 0.0, 1.0]]]


def test_integers_have_maxima() -> None:
    y = F.max_pool2d(tensor([[[-3, -2], [-5, -4]]]), 2, padding=1)
    assert y.tolist() == [[[-3, -2], [-5, -4]]] and y.dtype == minigrad.int64


def test_a_small_lenet_has_pytorchs_shapes() -> None:
    net = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 10)),
    )
    assert net(zeros(3, 1, 28, 28)).shape == (3, 10)
