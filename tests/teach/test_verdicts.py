"""Right gradients are never blamed, wrong ones never pass, and the text of a report says what its verdict says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import tensor
from minigrad.teach.gradcheck import GradcheckError, gradcheck, gradcheck_report
from minigrad.teach.gradient_check import check_gradient
from minigrad.teach.gradient_report import Report

RNG = np.random.default_rng(1)
A, B, C = (RNG.standard_normal(shape) for shape in ((4, 3), (4, 3), (5, 4)))
V = RNG.standard_normal(6)
P = np.abs(V) + 0.5
TINY = 1e-6 * np.array([1.0, -2.0, 0.5, 3.0])
MIXED = np.array([1e-8, 1e8, 1.0, -3e-4])
Y = np.array([0, 2, 1, 1])
F32 = np.float32
BUFFER = np.zeros(6)
LONG = RNG.standard_normal(24)


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(z: np.ndarray) -> float:
    return float(-np.log(softmax(z)[range(4), Y]).mean())


def softmax_loss(w: np.ndarray) -> tuple[float, np.ndarray]:
    """As those of CS231n."""
    z = A.T @ w
    p = softmax(z)[:, :3]
    return float(-np.log(softmax(z)[range(3), Y[:3]]).mean()), A @ ((softmax(z) - np.eye(4)[Y[:3]]) / 3) + 0 * p.sum()


def dz(z: np.ndarray) -> np.ndarray:
    return (softmax(z) - np.eye(3)[Y]) / 4


def in_float32(x: np.ndarray) -> Any:
    x = x.astype(F32)
    return (np.tanh(x) * x).sum(dtype=float)


def d_in_float32(x: np.ndarray) -> np.ndarray:
    return np.tanh(x) + x * (1 - np.tanh(x) ** 2)


W32 = RNG.standard_normal((24, 16)).astype(F32)


def net32(x: np.ndarray) -> Any:
    return np.logaddexp(0, x.astype(F32) @ W32).mean()


def d_net32(x: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-(x @ W32))) / 16) @ W32.T.astype(float)


def relu_net(w: np.ndarray) -> np.ndarray:
    return np.maximum(A.T @ w, 0)


def maximum_of_pairs(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, 2).max(axis=1)


def branchy(x: np.ndarray) -> Any:
    return sum(v * v if v > 0.3 else 0.3 * v for v in x)


def poly(x: np.ndarray) -> Any:
    return (x**3 - 2 * x).sum()


S = softmax(V)
Right = tuple[str, Callable[[Any], Any], Any, Any, Any]
RIGHT: list[Right] = [
    # smooth
    ("sum of squares", lambda x: (x**2).sum(), V, 2 * V, None),
    ("polynomial", poly, V, 3 * V**2 - 2, None),
    ("exp", lambda x: np.exp(x).sum(), V, np.exp(V), None),
    ("tanh, elementwise", np.tanh, V, (1 - np.tanh(V) ** 2) * P, P),
    ("product of matrices", lambda w: A.T @ w, C.T, A @ np.ones((3, 5)), np.ones((3, 5))),
    ("cross-entropy", cross_entropy, A, dz(A), None),
    ("softmax with weights", softmax, V, S * (P - (P * S).sum()), P),
    ("sum of a softmax", lambda x: softmax(x).sum(), V, S * (1 - S.sum()), None),
    ("sum of a softmax, 0", lambda x: softmax(x).sum(), V, 0 * V, None),
    ("norm", lambda x: np.sqrt((x**2).sum()), V, V / np.sqrt((V**2).sum()), None),
    ("mean", lambda x: x.mean(), V, np.full(6, 1 / 6), None),
    ("variance", lambda x: x.var(), V, 2 * (V - V.mean()) / 6, None),
    ("logarithm of a sum", lambda x: np.log(np.exp(x).sum()), V, S, None),
    ("determinant", lambda x: np.linalg.det(x), C[:4], np.linalg.det(C[:4]) * np.linalg.inv(C[:4]).T, None),
    ("a product", lambda x: x.prod(), P, P.prod() / P, None),
    ("in Python", branchy, np.array([1.0, -2.0]), np.array([2.0, 0.3]), None),
    ("math", lambda x: math.sin(x), 0.7, math.cos(0.7), None),
    ("0-d", lambda x: x * x, np.array(3.0), np.array(6.0), None),
    ("a list", lambda x: (x**2).sum(), [1, 2, 3], [2, 4, 6], None),
    ("empty", lambda x: x * 1, np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))),
    ("of shape (1,)", lambda x: (x**2).sum(keepdims=True), V, 2 * V, None),
    # of all sizes
    ("tiny gradient", lambda x: (TINY * x).sum(), np.zeros(4), TINY, None),
    ("tinier gradient", lambda x: (1e-30 * TINY * x).sum(), np.ones(4), 1e-30 * TINY, None),
    ("huge gradient", lambda x: (1e30 * TINY * x**2).sum(), np.ones(4), 2e30 * TINY, None),
    ("mixed gradient", lambda x: MIXED * x, np.ones(4), MIXED, np.ones(4)),
    ("mixed gradient, summed", lambda x: (MIXED * x).sum(), np.ones(4), MIXED, None),
    ("mixed inputs", lambda x: (x**2).sum(), MIXED, 2 * MIXED, None),
    ("mixed inputs, elementwise", lambda x: x**2, MIXED, 2 * MIXED, np.ones(4)),
    ("log at 1e-9", lambda x: np.log(x).sum(), np.array([1e-9, 1.0]), np.array([1e9, 1.0]), None),
    ("log at 1e-200", lambda x: np.log(x).sum(), np.array([1e-200, 1.0]), np.array([1e200, 1.0]), None),
    ("math.log at 1e-9", lambda x: math.log(x), 1e-9, 1e9, None),
    ("sqrt at 1e-12", lambda x: np.sqrt(x).sum(), np.array([1e-12, 4.0]), np.array([5e5, 0.25]), None),
    ("1/x at 1e-5", lambda x: (1 / x).sum(), np.array([1e-5, -2.0]), np.array([-1e10, -0.25]), None),
    ("arcsin near 1", lambda x: np.arcsin(x), np.array([1 - 1e-9]), 1 / np.sqrt([1 - (1 - 1e-9) ** 2]), np.ones(1)),
    ("fast sine", lambda x: np.sin(1000 * x), V, 1000 * np.cos(1000 * V), np.ones(6)),
    (
        "faster sine",
        lambda x: np.sin(1e6 * x).sum(),
        np.array([0.3, 1.0]),
        1e6 * np.cos(1e6 * np.array([0.3, 1])),
        None,
    ),
    ("sine at 1e8", lambda x: np.sin(x).sum(), np.array([1e8, 1.0]), np.cos([1e8, 1.0]), None),
    ("large constant", lambda x: 1e5 + (x**3).sum(), V, 3 * V**2, None),
    ("larger constant, a line", lambda x: 1e10 + 1e-3 * x.sum(), V, np.full(6, 1e-3), None),
    ("cancellation", lambda x: ((1e6 + x) ** 2 - 1e12).sum(), V, 2 * (1e6 + V), None),
    ("1 - cos", lambda x: (1 - np.cos(x)).sum(), 1e-3 * V, np.sin(1e-3 * V), None),
    (
        "saturated sigmoid",
        lambda x: 1 / (1 + np.exp(-x)),
        np.array([30.0, -30, 0]),
        [9.3576e-14] * 2 + [0.25],
        np.ones(3),
    ),
    ("saturated tanh", lambda x: np.tanh(x).sum(), np.array([30.0, 0.0]), np.array([0.0, 1.0]), None),
    (
        "exp from e-50 to e100",
        lambda x: np.exp(50 * x),
        np.array([1.0, -1, 2]),
        50 * np.exp([50.0, -50, 100]),
        np.ones(3),
    ),
    ("steep parabola", lambda x: (1e12 * x**2).sum(), np.array([0.0, 2.0]), np.array([0.0, 4e12]), None),
    ("flat", lambda x: (x**4).sum(), np.array([0.0, 1.0]), np.array([0.0, 4.0]), None),
    ("x to the 1.5 at 0", lambda x: (np.abs(x) ** 1.5).sum(), np.array([0.0, 1.0]), np.array([0.0, 1.5]), None),
    ("edge of the domain", lambda x: (np.sqrt(x) * x + x).sum(), np.array([0.0, 1.0]), np.array([1.0, 2.5]), None),
    # in float32
    ("float32 inside", in_float32, LONG, d_in_float32(LONG), None),
    ("float32 inside, elementwise", lambda x: np.tanh(x.astype(F32)), LONG, 1 - np.tanh(LONG) ** 2, np.ones(24)),
    ("a network in float32", net32, LONG, d_net32(LONG), None),
    ("a network in float32, dx too", net32, LONG, d_net32(LONG).astype(F32), None),
    ("dx in float32", lambda x: np.exp(x).sum(), LONG, np.exp(LONG.astype(F32)), None),
    ("x in float32", lambda x: np.exp(x).sum(), LONG.astype(F32), np.exp(LONG.astype(F32)), None),
    # sparse
    ("one row of an embedding", lambda w: w[1] * P[:4], C, np.eye(5)[1][:, None] * P[:4], np.ones(4)),
    ("one element of many", lambda x: x[7] ** 2, np.arange(100.0), 14.0 * np.eye(100)[7], None),
    ("a row twice", lambda w: w[[0, 0]], C, 2.0 * np.eye(5)[0][:, None] * np.ones(4), np.ones((2, 4))),
    ("nothing at 0", lambda x: (x**2).sum(), np.zeros(5), np.zeros(5), None),
    # kinks, ties, steps
    ("relu", lambda x: np.maximum(x, 0), V, (V > 0) * P, P),
    ("relu at 0", lambda x: np.maximum(x, 0), np.array([0.0, 1, -1, 0]), np.array([0.0, 2, 0, 0]), np.full(4, 2.0)),
    ("relu at 0, mixed signs", lambda x: (x.clip(0) * V).sum(), np.zeros(6), 0.5 * V, None),
    ("relu at 0, mixed signs, 0", lambda x: (x.clip(0) * V).sum(), np.zeros(6), 0 * V, None),
    ("relu at 1e-9", lambda x: np.maximum(x, 0).sum(), np.array([1e-9, -1e-9]), np.array([1.0, 0.0]), None),
    ("1,100 relus at 0", lambda x: np.maximum(x, 0).sum(), np.zeros(1100), np.zeros(1100), None),
    ("abs at 0", lambda x: np.abs(x).sum(), np.array([0.0, 2.0]), np.array([0.0, 1.0]), None),
    ("hinge loss", lambda x: np.maximum(0, 1 - x).sum(), np.array([1.0, 2, 0]), np.array([-0.3, 0, -1]), None),
    ("a layer of relus, w = 0", relu_net, np.zeros((4, 2)), np.zeros((4, 2)), RNG.standard_normal((3, 2))),
    ("the first of two equal", lambda x: x.max(), np.array([1.0, 1, 0]), np.array([1.0, 0, 0]), None),
    ("both of two equal", lambda x: x.max(), np.array([1.0, 1, 0]), np.array([0.5, 0.5, 0]), None),
    ("one of 50 equal", lambda x: x.max(), np.zeros(50), np.eye(50)[3], None),
    ("all of 50 equal", lambda x: x.max(), np.zeros(50), np.full(50, 0.02), None),
    ("pooling with ties", maximum_of_pairs, np.zeros(12), np.tile([1.0, 0], 6) * np.repeat(V, 2), V),
    ("least of equal", lambda x: x.min(), np.array([1.0, 1, 2]), np.array([0.25, 0.75, 0]), None),
    ("norm at 0", lambda x: np.sqrt((x**2).sum()), np.zeros(3), np.zeros(3), None),
    ("norm at 0, a unit vector", lambda x: np.sqrt((x**2).sum()), np.zeros(3), np.array([0.6, 0.8, 0]), None),
    ("median with ties", lambda x: np.median(x), np.array([1.0, 1, 1, 0, 2]), np.array([0.0, 1, 0, 0, 0]), None),
    ("sign", lambda x: np.sign(x).sum(), V, 0 * V, None),
    ("floor", lambda x: np.floor(x), V, 0 * V, P),
    ("round, times x", lambda x: (np.round(x) * x).sum(), V, np.round(V), None),
    ("step at its edge", lambda x: (x >= 0) * 1.0, np.array([0.0, 1.0]), np.zeros(2), np.ones(2)),
    ("a count", lambda x: float((x > 3).sum()), V, 0 * V, None),
    ("0 times x", lambda x: 0 * x, V, 0 * V, P),
    # forms
    ("(loss, gradient)", softmax_loss, C[:4], None, None),
    ("(loss, gradient), another dx", softmax_loss, C[:4], softmax_loss(C[:4])[1], None),
    ("(out, cache)", lambda x: (np.tanh(x), (x, "cache")), V, 1 - np.tanh(V) ** 2, np.ones(6)),
    ("(loss, gradient) of a number", lambda x: (x**3, 3 * x**2), 2.0, None, None),
    ("an output written again", lambda x: np.multiply(x, x, out=BUFFER), V, 2 * V, np.ones(6)),
    ("a Tensor", lambda x: (x * x).sum(), tensor(V), 2 * V, None),
    ("a function of Tensors", lambda x: (minigrad.tensor(x) ** 2).sum(), V, 2 * V, None),
]


def says(report: Report) -> str:
    """Return the verdict that the text of a report has."""
    text = str(report)
    wrong, unknown = "WRONG" in text, "COULD NOT BE TOLD" in text
    if not wrong and not unknown:
        assert "wrong" not in text and "suspicious" not in text
        return "right"
    assert len(report.findings) > 1 or ("fine" not in text and "all right" not in text)
    return "wrong" if wrong else "could not be told"


@pytest.mark.parametrize(("f", "x", "dx", "upstream"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_right_gradients_are_not_blamed(f: Any, x: Any, dx: Any, upstream: Any) -> None:
    report = check_gradient(f, x, dx, upstream)
    assert report and report.verdict == says(report) == "right", report


EDITS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the other sign": lambda g: -g,
    "twice": lambda g: 2 * g,
    "1 % more": lambda g: 1.01 * g,
    "0": lambda g: 0 * g,
    "the largest element is off": lambda g: g + 0.02 * (np.abs(g) == np.abs(g).max()) * g,
    "shifted": lambda g: np.roll(g, 1),
    "the largest element is nan": lambda g: np.where(np.abs(g) == np.abs(g).max(), np.nan, g),
    "a constant": lambda g: g + 0.1 * np.abs(g).max(),
}
NOT_EDITED = ("equal", "median", "a softmax", "edge", "1,100")
SMOOTH = [r for r in RIGHT if r[3] is not None and np.any(r[3]) and not any(name in r[0] for name in NOT_EDITED)]


@pytest.mark.parametrize("row", range(len(SMOOTH)), ids=[r[0] for r in SMOOTH])
@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.exhaustive)], ids=["sample", "all"])
@pytest.mark.slow
def test_wrong_gradients_do_not_pass(row: int, every: int) -> None:
    _, f, x, dx, upstream = SMOOTH[row]
    right = np.asarray(dx, dtype=float)
    coarse = np.asarray(dx).dtype == F32 or any(n in str(f) for n in ("float32", "net32"))
    for edit in [*EDITS][row % every :: every]:
        wrong = EDITS[edit](right)
        if np.allclose(wrong, right, rtol=1e-3, atol=0) or np.array_equal(x, 0 * np.asarray(x)):
            continue
        if edit == "1 % more" and coarse:
            continue
        report = check_gradient(f, x, wrong, upstream)
        assert not report and report.verdict == says(report), f"{edit}: {report}"


# ---- functions that cannot be examined ---------------------------------------------------------------------------


class Cache:
    """Remembers its first answer."""

    def __init__(self) -> None:
        self.answer: Any = None

    def __call__(self, x: np.ndarray) -> Any:
        if self.answer is None:
            self.answer = float((x**2).sum())
        return self.answer


class Average(Cache):
    """Moves a running mean with each call."""

    def __call__(self, x: np.ndarray) -> Any:
        self.answer = 0.9 * (self.answer or 0.0) + 0.1 * x.mean()
        return ((x - self.answer) ** 2).sum()


def dropout(p: float) -> Callable[[np.ndarray], Any]:
    return lambda x: (x * (np.random.random(x.shape) < p) / p).sum()


def own_generator(x: np.ndarray, rng: Any = RNG) -> Any:
    return (x * rng.permutation(len(x))).sum()


def writes(x: np.ndarray) -> Any:
    x *= 2
    return (x**2).sum()


def shifts(x: np.ndarray) -> Any:
    x -= x.max()
    return np.log(np.exp(x).sum())


def other_array(x: np.ndarray) -> Any:
    return (V**2).sum()


UNKNOWN: list[tuple[str, Callable[[Any], Any], Any, Any, str]] = [
    ("a cache", Cache(), V, 0 * V, "same value at every point"),
    ("a cache, right", Cache(), V, 2 * V, "same value at every point"),
    ("another array", other_array, V, 2 * V, "same value at every point"),
    ("dropout", dropout(0.5), V, RNG.standard_normal(6), "a different result when it is called again"),
    ("dropout of one element", dropout(0.9), V[:1], np.ones(1), "a different result when it is called again"),
    ("random order", own_generator, V, V, "a different result when it is called again"),
    ("a running mean", Average(), V, 2 * V, "a different result when it is called again"),
    ("tiny noise", lambda x: (x**2).sum() + 1e-9 * RNG.random(), V, 2 * V, "a different result"),
    ("writes", writes, V, 8 * V, "writes into its argument"),
    ("writes, wrong", writes, V, 2 * V, "writes into its argument"),
    ("shifts in place", shifts, V, softmax(V), "writes into its argument"),
    ("nan", lambda x: np.log(x).sum(), V, 1 / V, "nan or infinite here"),
    ("infinite", lambda x: (1 / x).sum(), np.array([0.0, 1.0]), np.array([0.0, -1]), "nan or infinite here"),
    ("x is nan", lambda x: x.sum(), np.array([np.nan, 1.0]), np.ones(2), "x itself"),
    ("sqrt at 0", lambda x: np.sqrt(x).sum(), np.array([0.0, 1.0]), np.array([np.inf, 0.5]), "grows without bound"),
    ("sqrt at 0, 0", lambda x: np.sqrt(x).sum(), np.array([0.0, 1.0]), np.array([0.0, 0.5]), "grows without bound"),
    ("cube root at 0", lambda x: np.cbrt(x).sum(), np.array([0.0, 1.0]), np.array([0.0, 1 / 3]), "grows without bound"),
    ("lost in rounding", lambda x: 1e10 + 1e-8 * np.sin(x).sum(), V, 1e-8 * np.cos(V), "lost in the rounding"),
    ("lost in rounding, wrong", lambda x: 1e10 + 1e-8 * np.sin(x).sum(), V, -1e-8 * np.cos(V), "lost in the rounding"),
    ("float16", lambda x: np.tanh(x.astype(np.float16)).sum(), V, 1 - np.tanh(V) ** 2, "lost in the rounding"),
]


@pytest.mark.parametrize(("f", "x", "dx", "why"), [u[1:] for u in UNKNOWN], ids=[u[0] for u in UNKNOWN])
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_what_cannot_be_examined_is_neither_right_nor_wrong(f: Any, x: Any, dx: Any, why: str) -> None:
    report = check_gradient(f, x, dx)
    assert not report and report.verdict == says(report) == "could not be told" and why in str(report), report


@pytest.mark.parametrize("seed", range(20))
def test_fresh_dropout_is_always_noticed(seed: int) -> None:
    np.random.seed(seed)
    for n in (1, 2, 4, 24):
        x = np.random.standard_normal(n)
        for p in (0.1, 0.5, 0.9):
            assert "a different result" in str(check_gradient(dropout(p), x, np.random.standard_normal(n)))


# ---- kinks of different signs in one sum: a network whose first layer is zero ------------------------------------


def zero_network(seed: int) -> tuple[Callable[[np.ndarray], Any], np.ndarray, np.ndarray]:
    """The loss of the first layer, its weights, and their gradient if each relu at 0 passes all."""
    rng = np.random.default_rng(seed)
    x, w2, y = rng.standard_normal((5, 3)), rng.standard_normal((4, 3)), rng.integers(0, 3, 5)

    def loss(w: np.ndarray) -> Any:
        return -np.log(softmax(np.maximum(x @ w, 0) @ w2)[range(5), y]).mean()

    return loss, np.zeros((3, 4)), x.T @ ((np.full((5, 3), 1 / 3) - np.eye(3)[y]) / 5 @ w2.T)


@pytest.mark.parametrize("seed", [2])
def test_each_choice_of_the_slope_at_zero_is_right(seed: int) -> None:
    loss, w, all_pass = zero_network(seed)
    for slope in (0, 0.5, 1):
        assert check_gradient(loss, w, slope * all_pass)
    assert check_gradient(loss, w, 8 * all_pass).verdict == check_gradient(loss, w, -3 * all_pass).verdict == "wrong"


@pytest.mark.parametrize(("factor", "cause"), [(3.0, "a constant factor of 3"), (-1.0, "the wrong sign")])
def test_mistakes_in_huge_gradients_are_named(factor: float, cause: str) -> None:
    """Their squares are infinite."""
    x = np.array([1e-200, 1.0])
    assert cause in str(check_gradient(lambda x: np.log(x).sum(), x, factor / x))


def test_tied_elements_are_named() -> None:
    text = str(check_gradient(lambda x: x.max(), [1.0, 1, 0], [1.0, 1, 0]))
    assert "The elements [0], [1] are tied" in text and "must add up to 1, and add up to 2" in text
    assert not check_gradient(lambda x: np.median(x), [1.0, 1, 1, 0, 2], np.zeros(5))
    assert not check_gradient(lambda x: np.sqrt((x**2).sum()), np.zeros(2), [1.0, 1.0])  # longer than 1
    assert not check_gradient(maximum_of_pairs, np.zeros(12), np.ones(12), np.ones(6))


def test_no_wrong_element_hides_behind_kinks() -> None:
    x = np.zeros(1200)
    x[-150:] = 1
    assert not check_gradient(lambda x: np.maximum(x, 0).sum(), x, np.where(x > 0, 0.5, 0))


# ---- functions of tensors ------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_gradcheck_raises_for_what_could_not_be_told_and_says_why() -> None:
    x = tensor([1.0, 4.0], dtype="float64", requires_grad=True)
    with pytest.raises(GradcheckError, match="COULD NOT BE TOLD(.|\n)*grows without bound") as caught:
        gradcheck(lambda x: (x - 1).sqrt(), x)
    assert caught.value.report is not None and caught.value.report.verdict == "could not be told"
    assert gradcheck(lambda x: (x - 1).sqrt(), x, raise_exception=False) is False
    kept: list[Any] = []

    def cached(x: Any) -> Any:
        kept.append((x * x).detach())
        return kept[0]

    assert "same value at every point" in str(gradcheck_report(cached, x))
    assert gradcheck(lambda a, b: a * 2, [x, tensor([1.0], dtype="float64", requires_grad=True)])  # b does not matter
    assert gradcheck(lambda x: 1e-9 * x * x, x) and not gradcheck_report(lambda x: 1e-9 * x.detach() * x, x)


# ---- at random -----------------------------------------------------------------------------------------------------

UNARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda v: 1 - np.tanh(v) ** 2),
    "exp": (lambda v: np.exp(-v * v), lambda v: -2 * v * np.exp(-v * v)),
    "softplus": (lambda v: np.logaddexp(0, v), lambda v: 1 / (1 + np.exp(-v))),
    "square": (np.square, lambda v: 2 * v),
    "relu": (lambda v: np.maximum(v, 0), lambda v: (v > 0) * 1.0),
    "abs": (np.abs, np.sign),
    "cube": (lambda v: v**3, lambda v: 3 * v**2),
}


@settings(max_examples=20)
@given(
    st.sampled_from(sorted(UNARY)),
    st.sampled_from(sorted(UNARY)),
    st.integers(0, 10**6),
    st.sampled_from([1e-12, 1e-6, 1.0, 1e6, 1e12]),
    st.sampled_from([1e-3, 1.0, 30.0]),
    st.booleans(),
)
@pytest.mark.slow
def test_random_functions(outer: str, inner: str, seed: int, scale: float, steep: float, summed: bool) -> None:
    rng = np.random.default_rng(seed)
    x, w = rng.uniform(-2, 2, 5) * (rng.random(5) < 0.8), rng.standard_normal((5, 4)) * steep
    (f, df), (g, dg) = UNARY[outer], UNARY[inner]

    def function(x: np.ndarray) -> Any:
        out = scale * f(g(x) @ w)
        return out.sum() if summed else out

    z = g(x) @ w
    right = scale * (w @ df(z)) * dg(x)
    upstream = None if summed else np.ones(4)
    report = check_gradient(function, x, right, upstream)
    assert report.verdict == says(report) and report.verdict != "wrong", report
    largest = np.abs(right).argmax()
    if np.abs(right).max() > 1e-3 * scale and x[largest]:
        for wrong in (-right, 1.02 * right, right + 0.05 * right[largest] * (np.arange(5) == largest)):
            report = check_gradient(function, x, wrong, upstream)
            assert not report and report.verdict == says(report), report


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize(("inner", "seed"), [("abs", 180), ("square", 51), ("square", 9), ("relu", 32), ("tanh", 13)])
def test_saturated_functions_with_steep_weights_are_not_blamed(inner: str, seed: int, summed: bool) -> None:
    """1 - tanh(z)**2 is all rounding at z = 20, and weights of 30 multiply it."""
    rng = np.random.default_rng(seed)
    x, w = rng.uniform(-2, 2, 5) * (rng.random(5) < 0.8), rng.standard_normal((5, 4)) * 30
    (f, df), (g, dg) = UNARY["tanh"], UNARY[inner]
    right = (w @ df(g(x) @ w)) * dg(x)
    out = (lambda x: f(g(x) @ w).sum()) if summed else (lambda x: f(g(x) @ w))
    report = check_gradient(out, x, right, None if summed else np.ones(4))
    assert report.verdict == says(report) != "wrong", report


# ---- elements that are much smaller than the others ----------------------------------------------------------------


def array(*numbers: float) -> np.ndarray:
    return np.array(numbers)


def d_max(x: np.ndarray) -> np.ndarray:
    return 2 * x * (np.arange(3) == 0) + (x > 0)


SMALL: list[Right] = [
    ("squares", lambda x: (x**2).sum(), array(1e12, 1), array(2e12, 2), None),
    ("squares of 1e16", lambda x: (x**2).sum(), array(1e16, 1), array(2e16, 2), None),
    ("squares of 1e-13", lambda x: (x**2).sum(), array(1, 1e-13), array(2, 2e-13), None),
    ("cubes", lambda x: (x**3).sum(), array(1e6, 1, 1e-3), array(3e12, 3, 3e-6), None),
    ("sin", lambda x: x[0] ** 2 + np.sin(x[1]), array(1e12, 1), array(2e12, np.cos(1)), None),
    ("abs", lambda x: x[0] ** 2 + np.abs(x).sum(), array(1e12, -1), array(2e12, -1), None),
    ("a loop", lambda x: sum(v * v for v in x), array(1e12, 1), array(2e12, 2), None),
    ("softmax", lambda x: log_sum_exp(x), array(0, -30, 2), softmax(array(0, -30, 2)), None),
    ("exp", lambda x: np.exp(x).sum(), array(30, -10, 0), np.exp(array(30, -10, 0)), None),
    ("tanh", lambda x: np.tanh(x).sum(), array(10, 1, 0.1), 1 / np.cosh(array(10, 1, 0.1)) ** 2, None),
    ("norm", lambda x: np.sqrt((x * x).sum()), array(1e8, 1e-4), array(1, 1e-12), None),
    ("product", lambda x: x.prod(), array(1e8, 1e-8, 3), 3 / array(1e8, 1e-8, 3), None),
    ("a maximum", lambda x: np.maximum(x, 0).sum() + x[0] ** 2, array(1e10, -1, 2), d_max(array(1e10, -1, 2)), None),
    ("where", lambda x: np.where(x > 0, x**2, x / 10).sum(), array(1e12, -1, 2), array(2e12, 0.1, 4), None),
    ("linear", lambda x: (array(1e12, 1, 1e-6) * x).sum(), np.ones(3), array(1e12, 1, 1e-6), None),
]


def log_sum_exp(x: np.ndarray) -> Any:
    m = x.max()
    return m + np.log(np.exp(x - m).sum())


@pytest.mark.parametrize(("f", "x", "dx", "upstream"), [s[1:] for s in SMALL], ids=[s[0] for s in SMALL])
def test_an_element_may_be_much_smaller_than_the_others(f: Any, x: Any, dx: Any, upstream: Any) -> None:
    assert check_gradient(f, x, dx)
    for i in range(len(x)):
        for factor in (1.5, -1.0, 0.0, 0.9):
            wrong = dx.copy()
            wrong[i] = dx[i] * factor if dx[i] else factor
            assert dx[i] == wrong[i] or not check_gradient(f, x, wrong), wrong


def test_what_takes_no_complex_numbers_and_is_too_small_could_not_be_told() -> None:
    def f(x: np.ndarray) -> Any:
        return x[0] ** 2 + math.exp(x[1])

    x, dx = array(1e12, 1), array(2e12, math.e)
    for second in (math.e, 3.0, 0.0, -math.e):
        dx[1] = second
        assert check_gradient(f, x, dx).verdict == "could not be told"
    squares = tensor(x, requires_grad=True)
    assert gradcheck_report(lambda x: (x**2).sum(), squares).verdict != "wrong"
    assert gradcheck_report(Wrong.apply, squares).verdict != "right"


class Wrong(minigrad.autograd.Function):
    """The sum of squares, with 3 for 2 in the second element of its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return (x**2).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grads[0] * x * tensor([2.0, 3.0], dtype="float64")
