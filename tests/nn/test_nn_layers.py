"""Dropout, Embedding, Linear and the error functions: what a comparison with PyTorch does not show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, tensor
from minigrad.nn import functional as F
from minigrad.primitives.kernels import elementwise as fast


def test_dropout_drops_scales_and_masks_gradients() -> None:
    minigrad.manual_seed(0)
    x = minigrad.ones(100, 100, requires_grad=True)
    layer = nn.Dropout(0.25)
    y = layer(x)
    values = y.detach().numpy()
    assert y.dtype == np.float32 and set(values.ravel().tolist()) == {0.0, np.float32(4 / 3).item()}
    assert 0.23 < (values == 0).mean() < 0.27
    y.sum().backward()
    assert x.grad is not None and (x.grad.numpy() == values).all()
    assert layer.eval()(x) is x and F.dropout(x, 0.0) is x
    assert F.dropout(x, 1.0).sum().item() == 0.0
    minigrad.manual_seed(0)
    assert (nn.Dropout(0.25)(x).detach().numpy() == values).all()


def test_an_embedding_looks_up_rows_and_accumulates_their_gradients() -> None:
    table = nn.Embedding(4, 2, padding_idx=-1)
    assert table.weight[3].tolist() == [0.0, 0.0] and repr(table) == "Embedding(4, 2, padding_idx=3)"
    out = table([[0, 0, 3], [1, 0, 3]])
    assert out.shape == (2, 3, 2)
    out.sum().backward()
    assert table.weight.grad is not None
    assert table.weight.grad[:, 0].tolist() == [3.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Dropout(1.5), ValueError, "p must be a probability, from 0 to 1, got 1.5"),
        (lambda: F.dropout(tensor([1.0]), -1), ValueError, "p must be a probability"),
        (lambda: nn.Embedding(4, 2)(tensor([4])), IndexError, "4 rows are numbered 0 to 3; the input goes from 4 to 4"),
        (lambda: nn.Embedding(4, 2)(tensor([1.0])), TypeError, r"must be of integers, got float32 of shape \(1,\)"),
        (lambda: nn.Embedding(4, 2, padding_idx=4), ValueError, "padding_idx=4 is outside a table of 4 rows"),
        (lambda: nn.GELU("exact")(tensor([1.0])), ValueError, "approximate must be 'none' or 'tanh', got 'exact'"),
        (
            lambda: F.hardtanh(tensor([1.0]), 2.0, 1.0),
            ValueError,
            "min_val must be at most max_val, got min_val=2.0 and max_val=1.0",
        ),
    ],
)
def test_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def _math(name: str, xs: np.ndarray) -> np.ndarray:
    return np.array([getattr(math, name)(x) for x in xs])


def test_the_error_function_and_its_complement_are_accurate_to_the_last_digits() -> None:
    small = np.logspace(-300, 0, 1000)
    x = np.concatenate([np.linspace(-7, 26, 40_001), small, -small, [0.0, -0.0, 1e300, -1e300, np.inf, -np.inf]])
    for name in "erf", "erfc":
        found = getattr(tensor(x), name)().numpy()
        np.testing.assert_allclose(found, _math(name, x), rtol=1.2e-15, atol=0)
        assert math.isnan(getattr(tensor(math.nan), name)().item())
    assert math.copysign(1, tensor(-0.0).erf().item()) == -1 and tensor([0.0], dtype="float64").erfc().item() == 1


def test_the_error_function_in_float32() -> None:
    x = np.concatenate([np.linspace(-6, 9, 40_001), np.logspace(-37, 0, 500)]).astype(np.float32)
    for name, units in ("erf", 3), ("erfc", 1):
        found, wanted = getattr(tensor(x), name)(), _math(name, x)
        assert found.dtype == np.float32
        assert np.all(abs(found.numpy() - wanted) <= units * np.spacing(np.float32(abs(wanted))))


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 2e-15), ("float32", 3e-7)])
def test_the_normal_distribution(dtype: str, rtol: float) -> None:
    x = np.linspace(-12, 12, 10_001).astype(dtype)
    found = minigrad.special.ndtr(tensor(x)).numpy()
    wanted = _math("erfc", -math.sqrt(0.5) * x.astype(float)) / 2
    assert found.dtype == dtype
    # in the far tail, a relative rounding error of x is amplified by x**2
    assert np.all(abs(found - wanted) <= rtol * np.maximum(1, x * x) * wanted)
    ends = minigrad.special.ndtr(tensor([0, -1e30, 1e30, -np.inf, np.inf, np.nan], dtype=dtype)).numpy()
    np.testing.assert_array_equal(ends, [0.5, 0, 1, 0, 1, np.nan])


def test_the_inverse_of_the_error_function() -> None:
    x = np.concatenate([np.linspace(-5, 5, 2001), np.logspace(-300, -3, 300)])
    y = _math("erf", x)
    # the condition number: by how much a relative error of y is amplified in x
    condition = np.maximum(1, y * math.sqrt(math.pi) / 2 * np.exp(x * x) / np.where(x == 0, 1, x))
    assert np.all(abs(tensor(y).erfinv().numpy() - x) <= 1e-15 * condition * abs(x))
    ends = tensor([1.0, -1.0, 1.1, math.nan]).erfinv().numpy()
    np.testing.assert_array_equal(ends, [np.inf, -np.inf, np.nan, np.nan])
    assert tensor([]).erfinv().shape == (0,) and tensor(0.5).erfinv().dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("length", [5, 5000])
def test_where_selects_and_does_not_multiply_by_0(dtype: Any, length: int) -> None:
    rng = np.random.default_rng(0)
    condition = rng.random(length) < 0.5
    a, b = (rng.choice([1.5, -0.0, np.inf, -np.inf, np.nan], length).astype(dtype) for _ in range(2))
    for x, y in ((a, 0), (a, 0.0), (a, -0.0), (a, b), (-np.inf, b), (1, b), (a[:1], b), (np.zeros((2, 1), dtype), b)):
        found, wanted = fast.where(condition, x, y), np.where(condition, x, y)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(4, 2), nn.ReLU(), nn.PReLU(), nn.Flatten(), nn.Dropout(), nn.LayerNorm(4), nn.BatchNorm1d(4)]
    + [nn.GRUCell(4, 2), nn.GRU(4, 2), nn.Softmax(1)],
)
def test_layers_take_arrays_and_refuse_tuples_and_other_objects(layer: nn.Module) -> None:
    x = np.ones((3, 4), np.float32)
    layer.eval()
    ours, theirs = layer(x), layer(tensor(x))
    several = isinstance(ours, tuple)
    assert (ours[0] if several else ours).tolist() == (theirs[0] if several else theirs).tolist()
    for given, found in ((tensor(x), tensor(x)), r"tuple.*pass on the output alone"), (None, "NoneType"), ("x", "str"):
        with pytest.raises(TypeError, match=f"takes a tensor, got {found}") as error:
            layer(given)
        assert "has no attribute" not in str(error.value)


def test_dropout2d_of_three_dimensions_drops_whole_channels() -> None:
    dropped = F.dropout2d(minigrad.ones(50, 4, 3)).numpy()
    assert ((dropped == 0).all(-1) | (dropped == 2).all(-1)).all()  # rows are whole
    assert 0 < (dropped[:, :, 0] == 0).sum() < 200 and not (dropped == dropped[:, :1]).all()


def test_linear_names_a_bias_or_weight_that_does_not_fit() -> None:
    for weight, bias in (((3,), ()), ((2, 3), (3,)), ((2, 3), (2, 1))):
        with pytest.raises(ValueError, match="linear: the weight must have .* and the bias"):
            F.linear(minigrad.ones(4, 3), minigrad.ones(*weight), minigrad.ones(*bias))


def test_glu_names_a_missing_dimension() -> None:
    with pytest.raises(IndexError, match=r"dimension 3 is out of range for a tensor of shape \(4,\)"):
        F.glu(minigrad.ones(4), dim=3)
