"""Right gradients at awkward points. None of them may be called wrong.

A row is a name, a function of x, the point, the gradient for an upstream gradient of ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Row = tuple[str, Callable[[Any], Any], Any, Any]

RNG = np.random.default_rng(7)
X = RNG.standard_normal((4, 3))
W = RNG.standard_normal((3, 2))
V = RNG.standard_normal(6)
Z = np.zeros(3)
ONES = np.ones(3)
TIES = np.array([2.0, 2.0, 1.0])
INTS = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
BIG = np.array([1e6, -3e7, 2e8])
SMALL = np.array([1e-8, -3e-9, 2e-7])
MIXED = np.array([1e-6, 1.0, 1e6])
SPARSE = np.where(np.arange(40) % 13 == 0, np.arange(40) - 20.0, 0.0)
F32 = RNG.standard_normal((5, 4)).astype(np.float32)
W32 = RNG.standard_normal((4, 3)).astype(np.float32)
Y = np.array([0, 2, 1, 1])


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def cross_entropy(z: Any) -> Any:
    z = z - z.max(1, keepdims=True)
    return (np.log(np.exp(z).sum(1)) - z[np.arange(4), Y]).mean()


def d_cross_entropy(z: np.ndarray) -> np.ndarray:
    return (softmax(z) - np.eye(z.shape[1])[Y]) / 4


def batchnorm(x: Any, eps: float = 1e-5) -> Any:
    xc = x - x.mean(0)
    return xc / np.sqrt((xc**2).mean(0) + eps)


def d_batchnorm_cubed(x: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """The gradient of (batchnorm(x)**3).sum()."""
    inv = 1 / np.sqrt(x.var(0) + eps)
    xhat = (x - x.mean(0)) * inv
    d = 3 * xhat**2
    return (d - d.mean(0) - xhat * (d * xhat).mean(0)) * inv


def mlp32(w: Any) -> Any:
    return np.tanh(F32 @ np.asarray(w, dtype=np.float32)).sum()


def huber(x: Any) -> Any:
    return np.where(np.abs(x) <= 1, 0.5 * x**2, np.abs(x) - 0.5)


def max_pool(x: Any) -> Any:
    return x.reshape(2, 2, 2, 2).max(axis=(1, 3))


def lstm_like(x: Any) -> Any:
    h = 0.0
    for t in range(30):
        h = np.tanh(0.9 * h + x[t % 3])
    return h


def d_lstm_like(x: np.ndarray) -> np.ndarray:
    hs = [0.0]
    for t in range(30):
        hs.append(np.tanh(0.9 * hs[-1] + x[t % 3]))
    dx, dh = np.zeros(3), 1.0
    for t in reversed(range(30)):
        da = dh * (1 - hs[t + 1] ** 2)
        dx[t % 3] += da
        dh = 0.9 * da
    return dx


KINKS: list[Row] = [
    ("relu at zero, slope 0", lambda x: np.maximum(x, 0), Z, Z),
    ("relu at zero, slope 1", lambda x: np.maximum(x, 0), Z, ONES),
    ("relu at zero, slope 1/2, as np.maximum has it", lambda x: np.maximum(x, 0), INTS, [0, 0, 0.5, 1, 1]),
    ("relu of a layer of zeros", lambda w: np.maximum(X @ w, 0), np.zeros((3, 2)), np.zeros((3, 2))),
    ("relu by a product with the mask", lambda x: x * (x > 0), INTS, [0, 0, 0, 1, 1]),
    ("abs at zero, slope 0", np.abs, INTS, np.sign(INTS)),
    ("abs at zero, slope 1", np.abs, Z, ONES),
    ("leaky relu at zero", lambda x: np.where(x > 0, x, 0.1 * x), INTS, [0.1, 0.1, 0.1, 1, 1]),
    ("hinge exactly at the margin", lambda x: np.maximum(0, 1 - x), np.array([1.0, 1.0, 2.0]), [0, -1, 0]),
    ("clip at its bounds", lambda x: np.clip(x, -1, 1), INTS, [0, 1, 1, 1, 0]),
    ("clip at its bounds, slope 0", lambda x: np.clip(x, -1, 1), INTS, [0, 0, 1, 0, 0]),
    ("huber at its joints", huber, INTS, [-1, -1, 0, 1, 1]),
    ("max of ties, all to the first", lambda x: x.max(), TIES, [1, 0, 0]),
    ("max of ties, all to the second", lambda x: x.max(), TIES, [0, 1, 0]),
    ("max of ties, shared", lambda x: x.max(), TIES, [0.5, 0.5, 0]),
    ("max of ties, shared unequally", lambda x: x.max(), TIES, [0.25, 0.75, 0]),
    ("max pooling of equal pixels", max_pool, np.ones((4, 4)), np.kron(np.ones((2, 2)), [[1, 0], [0, 0]])),
    ("max pooling of zeros after a relu", max_pool, np.zeros((4, 4)), np.kron(np.ones((2, 2)), [[0, 0], [0, 1]])),
    ("maximum of two equal arrays", lambda x: np.maximum(x, TIES), TIES, [0.5, 0.5, 0.5]),
    ("minimum of two equal arrays, to the other", lambda x: np.minimum(x, TIES), TIES, Z),
    ("median of ties", lambda x: np.sort(x)[1], TIES, [0, 1, 0]),
    ("sort of ties", lambda x: np.sort(x) * np.array([1.0, 2.0, 3.0]), TIES, [2, 3, 1]),
    ("floor adds nothing away from integers", lambda x: x * x + np.floor(x), np.array([0.5, 1.25, -2.5]), [1, 2.5, -5]),
    ("rounding between its steps", lambda x: x - np.round(x), np.array([0.2, 1.3]), [1, 1]),
    ("step function", lambda x: (x > 0) * 1.0, np.array([-1.0, 2.0]), [0, 0]),
    ("L1 penalty of sparse weights", lambda w: 0.1 * np.abs(w).sum(), SPARSE, 0.1 * np.sign(SPARSE)),
    ("relu very near its kink", lambda x: np.maximum(x, 0), np.array([1e-7, -1e-7, 0.5]), [1, 0, 1]),
]

SCALES: list[Row] = [
    ("square of large numbers", lambda x: (x**2).sum(), BIG, 2 * BIG),
    ("square of small numbers", lambda x: (x**2).sum(), SMALL, 2 * SMALL),
    ("square of mixed numbers", lambda x: (x**2).sum(), MIXED, 2 * MIXED),
    ("cube of mixed numbers", lambda x: x**3, MIXED, 3 * MIXED**2),
    ("linear with tiny coefficients", lambda x: (1e-9 * INTS[:3] * x).sum(), ONES, 1e-9 * INTS[:3]),
    ("linear with huge coefficients", lambda x: (1e9 * INTS[:3] * x).sum(), ONES, 1e9 * INTS[:3]),
    ("log at 1e-9", lambda x: np.log(x), np.array([1e-9, 1e-3, 1.0]), [1e9, 1e3, 1]),
    ("log at 1e-12, summed", lambda x: np.log(x).sum(), np.array([1e-12, 2.0]), [1e12, 0.5]),
    ("reciprocal of small numbers", lambda x: 1 / x, np.array([1e-5, -1e-4]), [-1e10, -1e8]),
    ("root of a small number", np.sqrt, np.array([1e-8, 1e-4]), [0.5e4, 0.5e2]),
    ("exp of large numbers", np.exp, np.array([20.0, 30.0]), np.exp([20.0, 30.0])),
    ("exp of very negative numbers", np.exp, np.array([-30.0, -40.0]), np.exp([-30.0, -40.0])),
    ("sigmoid, saturated", sigmoid, np.array([-30.0, 30.0, 0.0]), [np.exp(-30), np.exp(-30), 0.25]),
    ("tanh, saturated", np.tanh, np.array([-15.0, 15.0, 0.0]), [4 * np.exp(-30), 4 * np.exp(-30), 1]),
    ("softmax of large scores", lambda x: softmax(x * 100), np.array([1.0, 2.0, 3.0]), Z),
    ("cross-entropy, sure and right", cross_entropy, 40 * np.eye(3)[Y], d_cross_entropy(40 * np.eye(3)[Y])),
    ("cross-entropy, sure and wrong", cross_entropy, -40 * np.eye(3)[Y], d_cross_entropy(-40 * np.eye(3)[Y])),
    ("cross-entropy of zero scores", cross_entropy, np.zeros((4, 3)), d_cross_entropy(np.zeros((4, 3)))),
    ("cross-entropy of scores in thousands", cross_entropy, 1e3 + X, d_cross_entropy(1e3 + X)),
    ("a loss with a large constant", lambda x: 1e6 + (x**2).sum(), X, 2 * X),
    (
        "a penalty beside a large loss",
        lambda x: 1e4 * np.sin(x).sum() + 1e-4 * (x**2).sum(),
        X,
        1e4 * np.cos(X) + 2e-4 * X,
    ),
    ("columns of unlike scale", lambda w: ((X * MIXED) @ w).sum(), ONES, (X * MIXED).sum(0)),
    (
        "pixels from 0 to 255",
        lambda w: np.tanh(np.array([0.0, 128.0, 255.0]) / 255 * w),
        ONES,
        np.array([0, 128, 255]) / 255 * (1 - np.tanh(np.array([0, 128, 255]) / 255) ** 2),
    ),
    ("gradient that is zero everywhere", lambda x: (x - x.mean()).sum(), V, np.zeros(6)),
    ("gradient that cancels nearly", lambda x: ((x + 1) ** 2 - x**2).sum(), V, np.full(6, 2.0)),
    ("minimum of a square", lambda x: ((x - ONES) ** 2).sum(), ONES, Z),
    ("fourth power at zero", lambda x: x**4, Z, Z),
    ("steep sine", lambda x: np.sin(100 * x), np.array([0.1, 0.2]), 100 * np.cos([10.0, 20.0])),
    ("fast and slow", lambda x: np.sin(50 * x) + 1e-3 * x, np.array([0.3]), [50 * np.cos(15) + 1e-3]),
    (
        "norm near zero",
        lambda x: np.sqrt((x**2).sum() + 1e-12),
        np.array([1e-3, 2e-3]),
        np.array([1e-3, 2e-3]) / np.sqrt(5e-6 + 1e-12),
    ),
    ("batch norm cubed", lambda x: batchnorm(x) ** 3, X, d_batchnorm_cubed(X)),
    ("batch norm cubed, far from zero", lambda x: batchnorm(x) ** 3, X + 100, d_batchnorm_cubed(X + 100)),
    ("batch norm cubed, small spread", lambda x: batchnorm(x) ** 3, 1e-2 * X, d_batchnorm_cubed(1e-2 * X)),
    ("batch norm of a sum: zero but for rounding", lambda x: batchnorm(x), X, np.zeros((4, 3))),
    ("30 steps of a recurrence", lstm_like, np.array([0.1, -0.2, 0.3]), d_lstm_like(np.array([0.1, -0.2, 0.3]))),
    ("30 steps, vanished", lstm_like, np.array([3.0, 3.0, 3.0]), d_lstm_like(np.array([3.0, 3.0, 3.0]))),
    ("0.1 per cent of the elements matter", lambda x: x[::13].sum(), SPARSE, np.arange(40) % 13 == 0),
    (
        "a product with sparse rows",
        lambda w: SPARSE.reshape(8, 5) @ w,
        np.ones((5, 2)),
        np.outer(SPARSE.reshape(8, 5).sum(0), [1, 1]),
    ),
    (
        "tokens never used",
        lambda t: t[[1, 1, 3]] ** 2,
        np.arange(10.0).reshape(5, 2),
        2 * np.arange(10.0).reshape(5, 2) * np.array([[0], [2], [0], [1], [0]]),
    ),
    ("a single number", lambda x: x * x, np.array(3.0), 6.0),
    ("an array of one element", lambda x: np.exp(x), np.array([0.5]), np.exp([0.5])),
    ("an input that does not matter", lambda x: 0 * x + 2, X, np.zeros((4, 3))),
    ("integers as the point", lambda x: x**2, np.array([1, 2, 3]), np.array([2, 4, 6])),
    ("a gradient of integers", lambda x: x**2, np.array([1.0, 2.0, 3.0]), [2, 4, 6]),
    ("a power with a base near zero", lambda x: x**1.5, np.array([1e-6, 1.0]), 1.5 * np.array([1e-3, 1.0])),
    ("erf-like bump", lambda x: np.exp(-(x**2)), np.array([-6.0, 0.0, 6.0]), [12 * np.exp(-36), 0, -12 * np.exp(-36)]),
    ("log1p of exp, large", lambda x: np.logaddexp(0, x), np.array([-50.0, 50.0]), [np.exp(-50), 1]),
]

SINGLE: list[Row] = [
    ("float32: affine", lambda w: (F32 @ w.astype(np.float32)).sum(), W32, np.outer(F32.sum(0), ONES)),
    ("float32: tanh of a layer", mlp32, W32, F32.T @ (1 - np.tanh(F32 @ W32) ** 2)),
    ("float32: the gradient rounded", lambda x: np.sin(x), F32, np.cos(F32).astype(np.float32)),
    ("float32: a mean of squares", lambda x: (x.astype(np.float32) ** 2).mean(), F32, 2 * F32 / 20),
    (
        "float32: softmax",
        lambda x: (softmax(x.astype(np.float32)) ** 2).sum(),
        F32,
        (lambda p: 2 * p * (p - (p * p).sum(1, keepdims=True)))(softmax(F32.astype(float))),
    ),
    ("float32: log of exponentials", lambda x: np.log(np.exp(x.astype(np.float32)).sum()), F32[0], softmax(F32[0])),
    ("float32: relu", lambda x: np.maximum(x.astype(np.float32), 0), F32, F32 > 0),
    ("float16: the gradient rounded", lambda x: x * 3.0, F32, np.full((5, 4), 3.0, np.float16)),
    ("a gradient with six digits", lambda x: np.sin(x), X, np.round(np.cos(X), 7)),
]

RIGHT = KINKS + SCALES + SINGLE
