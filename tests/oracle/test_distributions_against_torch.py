"""Distributions against PyTorch's: densities, entropies, moments, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import distributions

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
MEANS, SCALES = RNG.normal(size=(3, 1)), RNG.uniform(0.5, 2, 4)
PROBS, LOGITS = RNG.uniform(0.01, 0.99, (3, 4)), RNG.normal(size=(3, 4)) * 5
SURE = np.array([[0.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
CLASSES = RNG.integers(0, 4, (2, 3))

CASES: dict[str, tuple[str, dict[str, Any], list[Any]]] = {
    "normal": ("Normal", {"loc": MEANS, "scale": SCALES}, [RNG.normal(size=(3, 4)), RNG.normal(size=(2, 1, 1))]),
    "normal of numbers": ("Normal", {"loc": 0.5, "scale": 2.0}, [np.array(1.5), RNG.normal(size=3)]),
    "normal of a number": ("Normal", {"loc": MEANS, "scale": 1.0}, [RNG.normal(size=(3, 4))]),
    "uniform": ("Uniform", {"low": MEANS - 3, "high": SCALES + 3}, [np.zeros((3, 4)), np.zeros(())]),
    "bernoulli": ("Bernoulli", {"probs": PROBS}, [(PROBS > 0.5) * 1.0, np.ones(())]),
    "bernoulli, sure": ("Bernoulli", {"probs": SURE}, [(PROBS > 0.5) * 1.0]),
    "bernoulli of logits": ("Bernoulli", {"logits": LOGITS * 50}, [(PROBS > 0.5) * 1.0]),
    "bernoulli of a number": ("Bernoulli", {"probs": 0.3}, [np.array([0.0, 1.0])]),
    "categorical": ("Categorical", {"probs": PROBS}, [CLASSES, np.array(2), CLASSES[:, None] * 1.0]),
    "categorical, sure": ("Categorical", {"probs": SURE}, [CLASSES]),
    "categorical of logits": ("Categorical", {"logits": LOGITS * 50}, [CLASSES, CLASSES[0]]),
    "categorical, one": ("Categorical", {"logits": LOGITS[0]}, [np.array(1), CLASSES]),
    "categorical, impossible": ("Categorical", {"logits": np.where(LOGITS > 3, -1000.0, LOGITS)}, [CLASSES]),
}


def outcomes(m: Any, case: str) -> list[Any]:
    """All that a distribution says, and the gradients of its log probabilities and entropy."""
    name, given, values = CASES[case]
    leaves = {k: m.tensor(v, requires_grad=True) if isinstance(v, np.ndarray) else v for k, v in given.items()}
    d = getattr(m.distributions, name)(**leaves)
    results = [d.log_prob(m.tensor(v)) for v in values] + [d.entropy(), d.mean, d.variance, d.stddev]
    if name == "Categorical":
        results += [d.probs, d.logits, d.mode]
    found: list[Any] = [tuple(d.batch_shape), tuple(d.event_shape)]
    found += [tuple(d.sample(shape).shape) for shape in [(), (5,), (2, 3)]]
    for r in results:
        found.append((str(r.dtype).removeprefix("torch."), r.detach().numpy()))
        if r.requires_grad:
            tensors = [t for t in leaves.values() if not isinstance(t, float)]
            weights = m.tensor(np.random.default_rng(1).normal(size=tuple(r.shape)))
            grads = m.autograd.grad((r * weights).sum(), tensors, retain_graph=True, allow_unused=True)
            found += [None if g is None else ("", g.numpy()) for g in grads]
    return found


@pytest.mark.parametrize("case", CASES)
def test_outcomes(case: str) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):  # the derivative of a square root at 0
        pairs = list(zip(outcomes(minigrad, case), outcomes(torch, case), strict=True))
    for found, wanted in pairs:
        if isinstance(wanted, tuple) and len(wanted) == 2 and isinstance(wanted[1], np.ndarray):
            assert found[0] == wanted[0] and found[1].shape == wanted[1].shape
            np.testing.assert_allclose(found[1], wanted[1], rtol=1e-6, atol=1e-9)
        elif wanted is None:
            assert found is None or not found[1].any()
        else:
            assert found == wanted


def test_divergences() -> None:
    pairs = [
        ("Normal", {"loc": MEANS, "scale": SCALES}, {"loc": MEANS[:1] + 1, "scale": SCALES * 2}),
        ("Bernoulli", {"probs": PROBS}, {"logits": LOGITS}),
        ("Categorical", {"probs": PROBS}, {"logits": LOGITS}),
    ]
    for name, first, second in pairs:
        found = []
        for m in (minigrad, torch):
            p, q = [getattr(m.distributions, name)(**{k: m.tensor(v) for k, v in d.items()}) for d in (first, second)]
            found.append(m.distributions.kl_divergence(p, q).numpy())
        np.testing.assert_allclose(*found, rtol=1e-6)


def test_reprs() -> None:
    for make in (lambda m: m.Normal(0.0, 1.0), lambda m: m.Bernoulli(0.5), lambda m: m.Uniform(0.0, 2.0)):
        assert repr(make(distributions)) == repr(make(torch.distributions))


@pytest.mark.parametrize(
    "make",
    [
        lambda m: m.distributions.Normal(0.0, -1.0),
        lambda m: m.distributions.Normal(m.tensor([0.0, float("nan")]), 1.0),
        lambda m: m.distributions.Uniform(1.0, 1.0),
        lambda m: m.distributions.Uniform(0.0, 1.0).log_prob(m.tensor(3.0)),
        lambda m: m.distributions.Bernoulli(1.5),
        lambda m: m.distributions.Bernoulli(0.5).log_prob(m.tensor(0.5)),
        lambda m: m.distributions.Bernoulli(),
        lambda m: m.distributions.Bernoulli(0.5, 0.5),
        lambda m: m.distributions.Categorical(m.tensor(0.5)),
        lambda m: m.distributions.Categorical(m.tensor([0.5, -0.5])),
        lambda m: m.distributions.Categorical(m.tensor([0.0, 0.0])),
        lambda m: m.distributions.Categorical(m.tensor([0.5, 0.5])).log_prob(m.tensor(2)),
        lambda m: m.distributions.Categorical(m.tensor([0.5, 0.5])).log_prob(m.tensor(0.5)),
        lambda m: m.distributions.Normal(0.0, 1.0).log_prob(m.tensor(float("nan"))),
    ],
)
def test_both_refuse(make: Any) -> None:
    for m in (minigrad, torch):
        with pytest.raises(ValueError):
            make(m)
