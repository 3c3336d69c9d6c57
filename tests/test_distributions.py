"""Distributions: samples are distributed as their log_prob says (the formulas are compared in tests/oracle)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import tensor
from minigrad.distributions import Bernoulli, Categorical, Distribution, Normal, Uniform, kl_divergence

N = 40_000


@pytest.mark.parametrize(
    "d",
    [
        Normal(tensor([1.0, -2.0]), tensor([0.5, 3.0])),
        Normal(0.5, 2.0),
        Uniform(tensor([-1.0, 0.0]), 3.0),
        Bernoulli(tensor([0.1, 0.7])),
        Bernoulli(logits=tensor(1.0)),
    ],
    ids=str,
)
def test_moments_and_entropy_of_samples(d: Distribution) -> None:
    minigrad.manual_seed(3)
    x = d.sample((N,))
    assert x.shape == (N, *d.batch_shape) and not x.requires_grad
    sigma = d.stddev / N**0.5
    assert bool(((x.mean(0) - d.mean).abs() < 4 * sigma).all())
    assert np.allclose(x.var(0).numpy(), d.variance.numpy(), rtol=0.05)
    assert np.allclose(-d.log_prob(x).mean(0).numpy(), d.entropy().numpy(), atol=0.03)


def test_samples_of_categories() -> None:
    minigrad.manual_seed(3)
    d = Categorical(probs=tensor([[1.0, 2.0, 0.0, 1.0], [0.0, 0.0, 5.0, 0.0]]))
    x = d.sample((N,))
    assert x.shape == (N, 2) and x.dtype == np.int64 and (x[:, 1] == 2).all()
    assert np.allclose(x[:, 0].bincount(minlength=4).numpy() / N, [0.25, 0.5, 0, 0.25], atol=0.012)
    assert d.sample().shape == (2,) and d.sample((0,)).shape == (0, 2) and Categorical(tensor([1.0])).sample() == 0
    assert d.mean.isnan().all() and d.mode.tolist() == [1, 2]


def test_gradients_pass_through_rsample() -> None:
    minigrad.manual_seed(0)
    mean, deviation = tensor([1.0], requires_grad=True), tensor([2.0], requires_grad=True)
    x = Normal(mean, deviation).rsample((N,))
    x.square().mean().backward()  # the mean of x² is mean² + deviation²
    assert mean.grad is not None and deviation.grad is not None
    assert abs(mean.grad.item() - 2) < 0.06 and abs(deviation.grad.item() - 4) < 0.1
    assert not Normal(mean, deviation).sample().requires_grad
    with pytest.raises(NotImplementedError, match="Categorical has no rsample"):
        Categorical(tensor([1.0, 2.0])).rsample()


def test_the_score_function_finds_the_better_category() -> None:
    minigrad.manual_seed(0)
    logits = minigrad.zeros(3, requires_grad=True)
    optimiser = minigrad.optim.SGD([logits], lr=0.3)
    for _ in range(200):
        d = Categorical(logits=logits)
        action = d.sample((16,))
        loss = -(d.log_prob(action) * (action == 2).float()).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert Categorical(logits=logits).probs[2] > 0.9


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: Normal(0.0, tensor([1.0, -2.0])), ValueError, "Normal: scale must be above 0, got -2"),
        (lambda: Normal(0.0, 1.0).log_prob(0.5), TypeError, "Normal.log_prob: value is a tensor, got float"),
        (lambda: Uniform(2.0, 1.0), ValueError, "Uniform: low must be less than high, got 2"),
        (lambda: Uniform(0.0, 1.0).log_prob(tensor([0.5, 3.0])), ValueError, "between low and high, got 3"),
        (lambda: Bernoulli(tensor([0.5, 1.5])), ValueError, "probs must be from 0 to 1, got 1.5"),
        (lambda: Bernoulli(0.5).log_prob(tensor(0.5)), ValueError, "must be 0 or 1, got 0.5"),
        (lambda: Categorical(), ValueError, "give either probs or logits"),
        (lambda: Categorical(1.0), ValueError, "at least one dimension"),
        (lambda: Categorical(tensor([0.0, 0.0])), ValueError, "the sum of probs must be above 0"),
        (lambda: Categorical(tensor([[1.0, -1.0]])), ValueError, "probs must be at least 0, got -1"),
        (lambda: Categorical(tensor([1.0, 1.0])).log_prob(tensor([0, 2])), ValueError, "from 0 to 1, got 2"),
        (lambda: kl_divergence(Normal(0.0, 1.0), Bernoulli(0.5)), NotImplementedError, "Normal and Bernoulli"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_without_validation() -> None:
    assert Uniform(0.0, 1.0, validate_args=False).log_prob(tensor(3.0)) == -np.inf
    assert Uniform(0.0, 1.0).log_prob(tensor(1.0)) == -np.inf
    assert Normal(0.0, 1.0, validate_args=False).log_prob(tensor(np.nan)).isnan()
