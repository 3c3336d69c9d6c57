"""The text of tensors (compared with PyTorch's in tests/oracle), where PyTorch is not needed to know it."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad import tensor

TEXTS = {
    "tensor(1.5000)": 1.5,
    "tensor([1., 2.])": [1.0, 2.0],
    "tensor([ 1.0000, -2.5000])": [1.0, -2.5],
    "tensor([0., inf, nan])": [0.0, np.inf, np.nan],
    "tensor([1.0000e+00, 1.0000e-05])": [1.0, 1e-5],
    "tensor([ True, False])": [True, False],
    "tensor([  1, -20])": [1, -20],
    "tensor([])": [],
    "tensor([[1, 2],\n        [3, 4]])": [[1, 2], [3, 4]],
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts(text: str) -> None:
    assert repr(tensor(TEXTS[text])) == text


def test_notes() -> None:
    assert repr(minigrad.zeros(0, 3)) == "tensor([], size=(0, 3))"
    assert repr(tensor([1.0], dtype=np.float64)) == "tensor([1.], dtype=float64)"
    assert repr(minigrad.zeros(0, dtype=np.int64)) == "tensor([], dtype=int64)"
    w = tensor([1.0], requires_grad=True)
    assert repr(w) == "tensor([1.], requires_grad=True)" and repr(w + w) == "tensor([2.], grad_fn=<add>)"
    assert repr(minigrad.nn.Parameter([1.0])) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_large_tensors_show_their_ends() -> None:
    assert repr(minigrad.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    text = repr(minigrad.zeros(100, 100))
    assert text.count("\n") == 6 and "...,\n" in text


def test_formats() -> None:
    assert f"{tensor(0.5)}" == "0.5" and f"{tensor(0.5):.3f}" == "0.500" and f"{tensor(7):>3}" == "  7"
    assert f"{tensor([0.5])}" == "tensor([0.5000])"
    with pytest.raises(TypeError, match=r"shape \(1,\) has no format '.2f'"):
        f"{tensor([0.5]):.2f}"


def test_options() -> None:
    try:
        minigrad.set_printoptions(precision=2, sci_mode=True)
        assert repr(tensor(1.5)) == "tensor(1.50e+00)"
        minigrad.set_printoptions(profile="short")
        assert repr(tensor(1.5)) == "tensor(1.50)"
        minigrad.set_printoptions(profile="full")
        assert "..." not in repr(minigrad.zeros(2000))
        with pytest.raises(ValueError, match="profile must be one of"):
            minigrad.set_printoptions(profile="long")
        with pytest.raises(ValueError, match="precision must not be negative"):
            minigrad.set_printoptions(precision=-1)
    finally:
        minigrad.set_printoptions(profile="default")
