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
    for p in (0.5, 1, 1.5, 2, 3, inf, -inf):
        assert slope(lambda t, p=p: t.norm(p), [0, 0]) == [0, 0]
        assert slope(lambda t, p=p: t.norm(p, dim=1), [[0, 0], [3, 0]])[0] == [0, 0]
    assert slope(lambda t: t.norm(), [6, -8, 0]) == pytest.approx([0.6, -0.8, 0])
    assert slope(lambda t: t.norm(3), [2, 0]) == slope(lambda t: t.norm(1.5), [2, 0]) == [1, 0]


def test_variances_of_small_deviations_from_a_large_mean() -> None:
    """In float32, where a mean of 10000 is rounded by more than a thousandth."""
    x = 10000 + np.random.default_rng(0).integers(-8, 9, 100_000).astype(np.float32) / 64
    t = tensor(x, requires_grad=True)
    exact = x.astype(np.float64).var(ddof=1)
    assert t.var().item() == pytest.approx(exact, rel=1e-6)
    assert t.std().item() == pytest.approx(math.sqrt(exact), rel=1e-6)
    t.var().backward()
    assert t.grad is not None
    assert abs(t.grad.numpy().astype(np.float64).sum()) < 1e-6
    np.testing.assert_allclose(t.grad.numpy(), 2 * (x - x.astype(np.float64).mean()) / (len(x) - 1), atol=1e-12)


def test_variances_of_one_or_of_equals() -> None:
    assert math.isnan(tensor([2.0]).var().item())
    assert tensor([2.0]).var(False).item() == 0
    assert slope(lambda t: t.std(), [3, 3, 3]) == [0, 0, 0]
    assert slope(lambda t: t.std(1), [[1, 1], [0, 2]]) == [[0, 0], pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)])]


def test_medians_and_modes() -> None:
    assert tensor([4.0, 1.0, 3.0, 2.0]).median().item() == 2
    assert tensor([1, 5, 5, 2]).median().dtype == np.int64
    assert math.isnan(minigrad.zeros(0).median().item())
    assert math.isnan(tensor([1.0, nan, 2.0]).median().item())
    assert tensor([1.0, nan, 2.0]).nanmedian().item() == 1
    values, indices = tensor([[1.0, nan, 0.0], [7.0, 5.0, 6.0]]).median(1)
    assert indices.tolist() == [1, 2] and values[1].item() == 6 and math.isnan(values[0].item())
    assert slope(Tensor.median, [1, 2, 2, 5]) == [0, 0.5, 0.5, 0]  # those equal to it share
    values, indices = tensor([[3, 1, 3, 1, 0], [5, 5, 5, 4, 4]]).mode()
    assert (values.tolist(), indices.tolist()) == ([1, 5], [3, 2])
    assert tensor([2.0, 1.0, nan, 3.0]).cummin(0).indices.tolist() == [0, 1, 2, 2]
    assert tensor([2, 2, 1, 2]).cummax(0).indices.tolist() == [0, 1, 1, 3]


def test_quantiles() -> None:
    t = tensor([0.0, 1.0, 4.0, nan])
    assert math.isnan(t.quantile(0.5).item())
    assert t.nanquantile(0.75).item() == 2.5
    assert t[:3].quantile(tensor([0.0, 0.25, 1.0])).tolist() == [0, 0.5, 4]
    assert t[:3].quantile([0.0, 1.0]).shape == (2,)


def test_sums_of_exponentials_without_overflow() -> None:
    x = [1000.0, -1000.0, 1000.0, -inf]
    two = 1000 + math.log(2)
    np.testing.assert_allclose(tensor(x).logcumsumexp(0).numpy(), [1000, 1000, two, two])
    assert slope(lambda t: t.logcumsumexp(0)[2:3], x) == pytest.approx([0.5, 0, 0.5, 0])
    assert slope(lambda t: t.logcumsumexp(0)[1:], [-inf, 0.0]) == [0, 1]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda t: t.sum("rows"), TypeError, "got str: 'rows'"),
        (lambda t: t.norm("nuc"), ValueError, "linalg.norm"),
        (lambda t: t.long().norm(), TypeError, r"t.float\(\)"),
        (lambda t: t.cumsum(), TypeError, "along which dim"),
        (lambda t: t.cumsum(2), IndexError, "dimension 2 is out of range"),
        (lambda t: t.prod((0, 1)), TypeError, "one dim"),
        (lambda t: t.long().std(), TypeError, r"std of a tensor of int64: convert it to floats first"),
        (lambda t: t.quantile(1.5), ValueError, "q is from 0 to 1"),
        (lambda t: t.quantile(0.5, interpolation="cubic"), ValueError, "one of linear, lower"),
        (lambda t: minigrad.zeros(0, 2).median(0), ValueError, "no elements to choose from along dim 0"),
        (lambda t: t.cdist(minigrad.ones(4, 2)), ValueError, "rows of one length"),
        (lambda t: t.trapezoid(minigrad.ones(3), dx=1), TypeError, "give one"),
        (lambda t: t.trapezoid(minigrad.ones(2)), ValueError, "x has 2 points"),
        (lambda t: t.sum().diff(), ValueError, "0-d"),
    ],
)
def test_what_reductions_refuse(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(minigrad.ones(2, 3))
