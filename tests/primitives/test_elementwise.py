"""Derivatives at points where a formula in two pieces would have them wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, float64
from minigrad.nn import functional as F
from minigrad.primitives import elementwise as ew


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def derivatives_of_softplus(x: float) -> list[float]:
    """The first to the fourth."""
    s = sigmoid(x)
    return [s, s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s * s)]


def derivatives(f: Callable[[Tensor], Any], x: float) -> list[float]:
    at = Tensor([x], dtype=float64, requires_grad=True)
    y, found = f(at).sum(), []
    for _ in range(4):
        (y,) = minigrad.grad(y.sum(), [at], create_graph=True)
        found.append(y.item())
    return found


def softplus(t: Tensor) -> Any:
    return t.apply(ew.softplus, t)


@pytest.mark.parametrize("x", [0.0, -0.0, 1.0, -1.0, 30.0, -30.0, 1000.0, -1000.0])
@pytest.mark.parametrize(
    "function",
    [softplus, lambda t: -F.logsigmoid(-t), lambda t: minigrad.logaddexp(t + 2, t * 0 + 2)],
    ids=["softplus", "logsigmoid", "logaddexp"],
)
def test_derivatives_up_to_the_fourth(function: Callable[[Tensor], Any], x: float) -> None:
    wanted = derivatives_of_softplus(x) if abs(x) < 700 else [float(x > 0), 0, 0, 0]
    np.testing.assert_allclose(derivatives(function, x), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["softplus", "logaddexp", "sigmoid"])
def test_far_out_nothing_overflows(name: str) -> None:
    primitive = getattr(ew, name)
    for x in (-1e4, 1e4):
        xs = [Tensor([x, -x], dtype=float64, requires_grad=True) for x in (x, -x)[: len(primitive.inputs)]]
        first = minigrad.grad(Tensor.apply(primitive, *xs).sum(), xs, create_graph=True)
        for found in (*first, *minigrad.grad(sum(g.sum() for g in first), xs)):
            assert np.isfinite(found.detach().numpy()).all()
