"""Sizes, counts and dimensions as 0-d tensors of integers, as from `y.max() + 1`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.utils.data import DataLoader

USES: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda n: mg.zeros(n, 2).shape,
    "ones of a tuple": lambda n: mg.ones((n, n)).shape,
    "randn": lambda n: mg.randn(2, n).shape,
    "empty": lambda n: mg.empty(n).shape,
    "size=": lambda n: mg.zeros(size=(n,)).shape,
    "new_zeros": lambda n: mg.zeros(2).new_zeros(n).shape,
    "eye": lambda n: mg.eye(n).tolist(),
    "arange": lambda n: mg.arange(n).tolist(),
    "randint": lambda n: mg.randint(0, n, (n,)).shape,
    "randperm": lambda n: mg.randperm(n).shape,
    "linspace": lambda n: mg.linspace(0, 1, n).tolist(),
    "view": lambda n: mg.zeros(4, 3).view(n, -1).shape,
    "reshape": lambda n: mg.zeros(9).reshape((n, n)).shape,
    "expand": lambda n: mg.zeros(3).expand(n, n).shape,
    "repeat": lambda n: mg.zeros(1, 1).repeat(n, 1).shape,
    "split": lambda n: [t.shape for t in mg.zeros(6).split(n)],
    "chunk": lambda n: [t.shape for t in mg.zeros(6).chunk(n)],
    "sum": lambda n: mg.zeros(2, 2, 2, 1).sum(n).shape,
    "transpose": lambda n: mg.zeros(2, 3, 4, 5).transpose(0, n).shape,
    "flatten": lambda n: mg.zeros(2, 2, 2, 2).flatten(0, n).shape,
    "tril": lambda n: mg.ones(5, 5).tril(n).tolist(),
    "roll": lambda n: mg.arange(5).roll(n).tolist(),
    "topk": lambda n: mg.arange(5.0).topk(n).values.tolist(),
    "one_hot": lambda n: nn.functional.one_hot(mg.tensor([1]), n).tolist(),
    "Linear": lambda n: nn.Linear(n, n),
    "Embedding": lambda n: nn.Embedding(n, n),
    "Conv2d": lambda n: nn.Conv2d(n, n, n),
    "MaxPool2d": lambda n: nn.MaxPool2d(n),
    "LSTM": lambda n: nn.LSTM(n, n),
    "BatchNorm1d": lambda n: nn.BatchNorm1d(n),
    "LayerNorm": lambda n: nn.LayerNorm(n),
    "MultiheadAttention": lambda n: nn.MultiheadAttention(n * 2, n),
    "DataLoader": lambda n: len(DataLoader(list(range(7)), batch_size=n)),
}


@pytest.mark.parametrize("name", USES)
def test_a_0d_tensor_is_taken_for_an_int(name: str) -> None:
    use = USES[name]
    assert repr(use(mg.tensor(3))) == repr(use(3))


@pytest.mark.parametrize("wrong", [mg.tensor(3.0), mg.tensor(True)])
def test_other_tensors_are_no_sizes(wrong: mg.Tensor) -> None:
    for use in (lambda n: mg.zeros(n, 2), lambda n: nn.Linear(n, 1), lambda n: nn.Conv2d(n, 1, 1)):
        with pytest.raises((TypeError, ValueError), match="integer"):
            use(wrong)
