"""Reductions, cumulative sums and products: what the table of operations cannot say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, tensor

inf, nan = math.inf, math.nan


def slope(f: Any, x: Any, order: int = 1) -> list[float]:
    """The gradient of the sum of f(x); with order 2, that of the gradient's sum."""
    t = Tensor(np.array(x, float), requires_grad=True)
    y = f(t).sum()
    for _ in range(order):
        y = minigrad.grad(y.sum(), t, create_graph=True)
    return y.tolist()


def test_the_product_of_what_is_0() -> None:
    assert slope(Tensor.prod, [2, 0, 3]) == [0, 6, 0]
    assert slope(Tensor.prod, [0, 5, 0]) == [0, 0, 0]
    assert slope(Tensor.prod, [2, 0, 3], order=2) == [3, 5, 2]  # by the sum of all pairs' products: 3 + 0, 3 + 2, 2
    assert slope(Tensor.prod, [0, 5, 0], order=2) == [5, 0, 5]
    assert slope(lambda t: t.cumprod(0), [2, 0, 3]) == [1, 8, 0]  # of x + xy + xyz
    assert slope(lambda t: t.cumprod(0), [2, 0, 3], order=2) == [4, 6, 2]


def test_dtypes_of_sums_and_products() -> None:
    for t in (tensor([True, True, True]), tensor([1, 2, 3]).to(np.int8), tensor([1, 2, 3]).to(np.uint8)):
        for y in (t.sum(), t.prod(), t.cumsum(0), t.cumprod(0)):
            assert y.dtype == np.int64
    assert tensor([100, 100]).to(np.uint8).prod().item() == 10000
    assert tensor([1, 2]).cumsum(0, dtype=minigrad.float64).dtype == np.float64
    assert tensor([1.5]).prod(dtype=minigrad.float64).dtype == np.float64


def test_cumulative_sums_of_float32_are_as_exact_as_it_is() -> None:
    x = np.full(1_000_000, 0.1, np.float32)
    assert abs(tensor(x).cumsum(0)[-1].item() / (1e6 * float(x[0])) - 1) < 1e-6  # NumPy's is wrong by a hundredth


def test_the_gradient_of_a_norm_is_0_where_the_norm_is() -> None:
    for p in (0.5, 1, 1.5, 2, 3, inf, -inf, 0):
        assert slope(lambda t, p=p: t.norm(p), [0, 0]) == [0, 0]
        assert slope(lambda t, p=p: t.norm(p, dim=1), [[0, 0], [3, 0]])[0] == [0, 0]
    assert slope(lambda t: t.norm(), [6, -8, 0]) == pytest.approx([0.6, -0.8, 0])
    assert slope(lambda t: t.norm(3), [2, 0]) == slope(lambda t: t.norm(1.5), [2, 0]) == [1, 0]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda t: t.sum("rows"), TypeError, "got str: 'rows'"),
        (lambda t: t.norm("nuc"), ValueError, "linalg.norm"),
        (lambda t: t.long().norm(), TypeError, r"t.float\(\)"),
        (lambda t: t.cumsum(), TypeError, "along which dim"),
        (lambda t: t.cumsum(2), IndexError, "dimension 2 is out of range"),
        (lambda t: t.prod((0, 1)), TypeError, "one dim"),
    ],
)
def test_what_reductions_refuse(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(minigrad.ones(2, 3))
