"""Dropout, Embedding and the error function: what PyTorch's random numbers or absence leave to be seen."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, tensor
from minigrad.nn import functional as F


def test_dropout_drops_scales_and_passes_gradients_where_it_kept() -> None:
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


def test_an_embedding_reads_rows_and_adds_up_their_gradients() -> None:
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
        (lambda: nn.Dropout(1.5), ValueError, "p is a probability, from 0 to 1, not 1.5"),
        (lambda: F.dropout(tensor([1.0]), -1), ValueError, "p is a probability"),
        (lambda: nn.Embedding(4, 2)(tensor([4])), IndexError, "4 rows are 0 to 3; the input goes from 4 to 4"),
        (lambda: nn.Embedding(4, 2)(tensor([1.0])), TypeError, r"by integers, got float32 of shape \(1,\)"),
        (lambda: nn.Embedding(4, 2, padding_idx=4), ValueError, "padding_idx=4 is outside a table of 4 rows"),
        (lambda: nn.GELU("exact")(tensor([1.0])), ValueError, "approximate is 'none' or 'tanh', not 'exact'"),
        (lambda: F.hardtanh(tensor([1.0]), 2.0, 1.0), ValueError, "min_val=2.0 is to be at most max_val=1.0"),
        (lambda: nn.Softmax()(minigrad.ones(2, 2)), TypeError, "softmax: along which dim"),
    ],
)
def test_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("scipy", [True, False])
def test_the_error_function_with_and_without_scipy(scipy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if scipy:
        pytest.importorskip("scipy", reason="SciPy is not installed")
    else:
        monkeypatch.setitem(sys.modules, "scipy.special", None)
    points = [-3.0, -0.5, 0.0, 1e-3, 2.0]
    y = tensor(points, dtype="float64").erf()
    assert y.tolist() == pytest.approx([math.erf(p) for p in points], rel=1e-14)
    assert minigrad.zeros(0).erf().shape == (0,) and tensor(0.5).erf().dtype == np.float32
