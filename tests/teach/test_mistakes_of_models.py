"""What check_gradient says of mistakes in whole models: mixtures, embeddings, normalizations, masked errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
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
def test_the_cause_is_named(said: str) -> None:
    f, x, right, wrong, g = CASES[said]
    assert check_gradient(f, x, right, g)
    report = check_gradient(f, x, wrong, g)
    assert said in str(report), str(report)
