"""What check_gradient says of mistakes in whole models: mixtures, embeddings, normalizations, masked errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import each

from minigrad.autograd import check_gradient

RNG = np.random.default_rng(3)
X, R, M = RNG.standard_normal((7, 2)), RNG.standard_normal((5, 5)), 1.0 * (RNG.random((5, 5)) < 0.6)
MU, LOGITS = RNG.standard_normal((3, 2)), RNG.standard_normal(3)
TABLE, W, TOKENS = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 3)), np.array([[0, 3, 3], [5, 1, 2], [2, 4, 0]])
G = RNG.standard_normal((3, 3))
IMAGES, GAMMA, G4 = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((1, 4, 1)), RNG.standard_normal((2, 4, 3))


def softmax(s: np.ndarray, axis: int = 1) -> np.ndarray:
    e = np.exp(s - s.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def mixture(logits: Any, mu: Any = MU) -> Any:
    log_pi = logits - np.log(np.exp(logits).sum())
    quad = ((X[:, None, :] - mu) ** 2).sum(axis=2)
    logp = log_pi - 0.5 * quad
    m = logp.max(axis=1, keepdims=True)
    return -(m[:, 0] + np.log(np.exp(logp - m).sum(axis=1))).sum()


QUAD = ((X[:, None, :] - MU) ** 2).sum(axis=2)
PI = np.exp(LOGITS) / np.exp(LOGITS).sum()
LOGP = np.log(PI) - 0.5 * QUAD


def of_logits(responsibilities: np.ndarray) -> np.ndarray:
    """The shortcut n * pi - sum(r), in which the responsibilities may be wrong, and n is right."""
    return 7 * PI - responsibilities.sum(axis=0)


def bag(W: Any) -> Any:
    h = TABLE[TOKENS].mean(axis=1)
    return h @ W


def factors(Q: Any) -> Any:
    E = M * (R - Q)
    return (E**2).sum()


def group_norm(x: Any) -> Any:
    m, v = x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
    xhat = (x - m) / np.sqrt(v + 1e-5)
    return GAMMA * xhat


def normalized(x: np.ndarray, g: np.ndarray, axis: tuple[int, ...], count: int = 0) -> np.ndarray:
    """The gradient of (x - mean) / std, of the statistics along `axis`, with means along (1, 2)."""
    sd = np.sqrt(x.var(axis=axis, keepdims=True) + 1e-5)
    xhat = (x - x.mean(axis=axis, keepdims=True)) / sd
    total = lambda a: a.sum(axis=(1, 2), keepdims=True) / (count or 12)  # noqa: E731
    return np.asarray((g - total(g) - xhat * total(g * xhat)) / sd)


def padded(x: Any) -> Any:
    xp = np.pad(x, ((0, 0), (4, 0)))
    return np.tanh(xp[:, 2:7]) * xp[:, :5]


def padded_gradient(g: np.ndarray, x: np.ndarray, begin: int) -> np.ndarray:
    xp, out = np.pad(x, ((0, 0), (4, 0))), np.zeros((3, 9))
    out[:, 2:7] += g * xp[:, :5] * (1 - np.tanh(xp[:, 2:7]) ** 2)
    out[:, :5] += g * np.tanh(xp[:, 2:7])
    return out[:, begin : begin + 5]


def margin(w: Any) -> Any:
    xi = np.maximum(0, 1 - X @ w)
    return np.mean(xi**2)


XI = np.maximum(0, 1 - X @ MU[0])
PADDED, G5 = RNG.standard_normal((3, 5)), RNG.standard_normal((3, 5))
BAG = G.T @ TABLE[TOKENS].mean(axis=1)

CASES: dict[str, tuple[Callable[[Any], Any], np.ndarray, np.ndarray, np.ndarray, Any]] = {
    # name: function, point, right and wrong gradient, upstream gradient
    "exp alone, which is not normalized": (
        mixture, LOGITS, of_logits(softmax(LOGP)), of_logits(np.exp(LOGP)), None,
    ),
    "the softmax of `logp - m` without `log_pi`": (
        mixture, LOGITS, of_logits(softmax(LOGP)), of_logits(softmax(-0.5 * QUAD)), None,
    ),
    "a hard choice": (
        mixture, LOGITS, of_logits(softmax(LOGP)), of_logits(1.0 * (LOGP.max(axis=1, keepdims=True) == LOGP)), None,
    ),
    "the first of `TABLE[TOKENS]` along axis 1 instead of `h`": (bag, W, BAG.T, TABLE[TOKENS][:, 0].T @ G, G),
    "the first rows of `TABLE`, without the index,": (bag, W, BAG.T, TABLE[:3].T @ G, G),
    "`M` multiplies `R` alone": (factors, R.T, -2 * M * (R - R.T), -2 * (M * R - R.T), None),
    "the mean and the standard deviation are those along axis 0, 1, 2": (
        group_norm, IMAGES, normalized(IMAGES, GAMMA * G4, (1, 2)), normalized(IMAGES, GAMMA * G4, (0, 1, 2)), G4,
    ),
    "must multiply g before it": (
        group_norm, IMAGES, normalized(IMAGES, GAMMA * G4, (1, 2)), GAMMA * normalized(IMAGES, G4, (1, 2)), G4,
    ),
    "from index 0 on (the padding is cut off at the end)": (
        padded, PADDED, padded_gradient(G5, PADDED, 4), padded_gradient(G5, PADDED, 0), G5,
    ),
    "the number of elements of `xi` that are not 0": (
        margin, MU[0], -2 * X.T @ XI / 7, -2 * X.T @ XI / np.count_nonzero(XI), None,
    ),
}  # fmt: skip


@each("said", CASES)
@pytest.mark.slow
def test_the_cause_is_named(said: str) -> None:
    f, x, right, wrong, g = CASES[said]
    assert check_gradient(f, x, right, g)
    report = check_gradient(f, x, wrong, g)
    assert said in str(report), str(report)


def said_of(f: Callable[[np.ndarray], Any], x: np.ndarray, wrong: np.ndarray) -> str:
    found = check_gradient(f, x, wrong).findings[0].diagnosis
    assert found is not None
    return found.cause


@pytest.mark.parametrize("scaled", [1.0, 3.0])
def test_a_standard_deviation_for_its_square_is_named(scaled: float) -> None:
    rng = np.random.default_rng(0)
    x, y, sigma = rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), 1.3

    def loss(x: np.ndarray) -> Any:
        distances = ((x - y) ** 2).sum(axis=1)
        return scaled * np.exp(-distances / (2 * sigma**2)).sum()

    k = np.exp(-((x - y) ** 2).sum(axis=1, keepdims=True) / (2 * sigma**2))
    said = said_of(loss, x, -scaled * k * (x - y) / sigma)  # wrong: sigma, not its square
    assert "1.3 times too large: divided by 1.3 where its square must stand" in said


@pytest.mark.parametrize("weight", [3.0, 7.0])
def test_the_weight_of_a_class_that_is_forgotten_is_named(weight: float) -> None:
    rng = np.random.default_rng(1)
    z, y = rng.standard_normal(8), np.array([1.0, 0, 0, 1, 1, 0, 0, 0])

    def loss(z: np.ndarray) -> Any:
        softplus = np.log(1 + np.exp(-z))
        return (weight * y * softplus + (1 - y) * (z + softplus)).mean()

    said = said_of(loss, z, (1 / (1 + np.exp(-z)) - y) / 8)
    assert "`softplus` through `weight * y * softplus` (line" in said and f"without the factor {weight:g} of" in said


def test_one_of_two_equal_contributions_may_be_the_2_of_a_square() -> None:
    x = np.random.default_rng(2).standard_normal((4, 2))

    def loss(x: np.ndarray) -> Any:
        diff = x[:, None] - x[None, :]
        return np.exp(-(diff**2).sum(axis=-1)).sum()

    diff = x[:, None] - x[None, :]
    k = np.exp(-(diff**2).sum(axis=-1))[:, :, None]
    said = said_of(loss, x, (-2 * k * diff).sum(axis=1))
    assert said.startswith("either `diff`") and "the factor 2 is missing" in said


def test_a_temperature_of_2_is_no_square() -> None:
    rng = np.random.default_rng(3)
    z, target, temperature = rng.standard_normal((4, 3)), rng.dirichlet(np.ones(3), 4), 2.0

    def loss(z: np.ndarray) -> Any:
        log_p = z / temperature - np.log(np.exp(z / temperature).sum(axis=1, keepdims=True))
        return -(target * log_p).sum() / 4

    p = np.exp(z / temperature)
    said = said_of(loss, z, (p / p.sum(axis=1, keepdims=True) - target) / 4)
    assert "the factor 1/2 (the constant 2) is missing" in said and "square" not in said


def test_the_condition_of_a_choice_on_another_array_is_named() -> None:
    target, errors = np.arange(6.0), np.array([-2.5, -0.4, 0.3, 1.9, -1.7, 0.8])
    x = target + errors

    def huber(x: np.ndarray) -> Any:
        e = x - target
        size = np.abs(e)
        return np.where(size <= 1, 0.5 * e**2, size - 0.5).sum()

    said = said_of(huber, x, np.where(errors <= 1, errors, np.sign(errors)))  # wrong: |e| must be at most 1
    assert "goes back by another choice: `e`, not `size`, is tested" in said
    said = said_of(huber, x, errors)  # wrong: a square everywhere
    assert "`0.5 * e**2` gets it at all elements, and `size - 0.5` at none" in said
