"""Mistakes in loops and time steps: what is said of a backward pass that was written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.autograd import check_gradient
from minigrad.teach.recording import record
from minigrad.teach.search import comparison
from minigrad.teach.tape import Tape

RNG = np.random.default_rng(3)
X, W, U = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3)) * 0.6, RNG.standard_normal((3, 6)) * 0.6
LABELS = np.array([0.0, 1.0, 1.0, 0.0])


@pytest.fixture(autouse=True)
def as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found must not depend on the speed of the machine."""
    monkeypatch.setattr(comparison, "LIMIT", 60.0)


def cause(f: Callable[[Any], Any], x: np.ndarray, dx: np.ndarray) -> str:
    found = check_gradient(f, x, dx).findings[0].diagnosis
    return "" if found is None else found.cause


def recurrent(w: Any) -> Any:
    h = X[0]
    for t in range(1, 4):
        h = np.tanh(X[t] + h @ w)
    return (h**2).sum()


def of_recurrent(back: Callable[[np.ndarray, np.ndarray], np.ndarray], slope: int = 1) -> np.ndarray:
    hs = [X[0]]
    for t in range(1, 4):
        hs.append(np.tanh(X[t] + hs[-1] @ W))
    dw, dh = np.zeros((3, 3)), 2 * hs[-1]
    for t in (3, 2, 1):
        da = dh * (1 - hs[t + slope - 1] ** 2)
        dw += np.outer(hs[t - 1], da)
        dh = back(da, W)
    return dw


def test_the_diagonal_of_a_matrix_alone() -> None:
    found = cause(recurrent, W, of_recurrent(lambda da, w: da * np.diag(w)))
    assert "`g * np.diag(w)`" in found and "in every pass of the loop" in found


def test_two_mistakes_in_a_loop() -> None:
    found = cause(recurrent, W, of_recurrent(lambda da, w: da * np.diag(w), slope=0))
    assert found.startswith("two mistakes") and "np.diag(w)" in found and "previous" in found or "old" in found


def test_a_derivative_on_one_of_two_contributions() -> None:
    def loss(w: Any) -> Any:
        h, total = X[0], 0.0
        for t in range(1, 4):
            h = np.tanh(X[t] + h @ w)
            total = total + h.sum()
        return total

    hs = [X[0]]
    for t in range(1, 4):
        hs.append(np.tanh(X[t] + hs[-1] @ W))
    dw, dh = np.zeros((3, 3)), np.zeros(3)
    for t in (3, 2, 1):
        da = 1 - hs[t] ** 2 + dh
        dw += np.outer(hs[t - 1], da)
        dh = W @ da
    found = cause(loss, W, dw)
    assert "is not applied to its whole gradient: what comes back through `h @ w`" in found


def test_constants_have_the_names_that_the_program_gives_them() -> None:
    layers = [0.5 * W, W.T + 0.3]

    def loss(x: Any) -> Any:
        for n in range(2):
            x = np.tanh(x @ layers[n])
        return x.sum()

    h = np.tanh(X @ layers[0])
    y = np.tanh(h @ layers[1])
    wrong = (((1 - y**2) @ layers[1].T) * (1 - h**2)) @ layers[0]
    assert "it is `g @ layers[n]`" in cause(loss, X, wrong)


def gated(w: Any) -> Any:
    h = X
    for _ in range(2):
        a = h @ U
        z, n = 1 / (1 + np.exp(-a[:, :3])), np.tanh(a[:, 3:] + X @ w)
        h = (1 - z) * n + z * h
    return h.sum()


def of_gated(exchanged: bool = False, changed: bool = False) -> np.ndarray:
    saved, h = [], X
    for _ in range(2):
        a = h @ U
        z, n = 1 / (1 + np.exp(-a[:, :3])), np.tanh(a[:, 3:] + X @ W)
        saved.append((z, n, h))
        h = (1 - z) * n + z * h
    dw, dh = np.zeros((3, 3)), np.ones((4, 3))
    for z, n, h in saved[::-1]:
        one, other = (z, 1 - z) if exchanged else (1 - z, z)
        dn = dh * one * (z if changed else 1) * (1 - n**2)
        da = np.hstack([dh * (h - n) * z * (1 - z), dn])
        dw += X.T @ dn
        dh = dh * other + da @ U.T
    return dw


def test_a_gate_and_its_complement_are_exchanged() -> None:
    found = cause(gated, W, of_gated(exchanged=True))
    assert "`n` through `(1 - z) * n`" in found and "is exchanged with what goes back to `h`" in found


def test_an_upstream_gradient_is_changed_before_it_is_used() -> None:
    found = cause(gated, W, of_gated(changed=True))
    assert "an upstream gradient that was changed before it was used" in found and "`z * h`" in found


def test_the_path_of_one_gate_is_missing() -> None:
    def loss(w: Any) -> Any:
        return np.sin(np.tanh(X @ w) @ U).sum()

    h = np.tanh(X @ W)
    da = np.cos(h @ U)
    da[:, :3] = 0
    assert "computed without the part 0:3" in cause(loss, W, X.T @ (da @ U.T * (1 - h**2)))


def forward_algorithm(a: Any) -> Any:
    alpha, total = np.array([0.5, 0.3, 0.2]), 0.0
    for t in range(4):
        alpha = (alpha @ a) * np.abs(X[t])
        c = alpha.sum()
        total = total + np.log(c)
        alpha = alpha / c
    return total


def test_scales_of_the_forward_algorithm_are_constants() -> None:
    a = np.abs(W)
    alphas, scales = [np.array([0.5, 0.3, 0.2])], []
    for t in range(4):
        alpha = (alphas[-1] @ a) * np.abs(X[t])
        scales.append(alpha.sum())
        alphas.append(alpha / alpha.sum())
    right: list[np.ndarray] = []
    wrong: list[np.ndarray] = []
    for turned, made in ((False, right), (True, wrong)):
        beta, da = np.ones(3), np.zeros((3, 3))
        for t in (3, 2, 1, 0):
            e = np.abs(X[t]) * beta / scales[t]
            da += np.outer(alphas[t], e)
            beta = (a.T if turned else a) @ e
        made.append(da)
    assert check_gradient(forward_algorithm, a, right[0])
    assert "`a.T @ g`, where g is the upstream gradient: a transpose is wrong" in cause(forward_algorithm, a, wrong[0])


def logistic(w: Any) -> Any:
    cost = 0.0
    for i in range(4):
        h = 1 / (1 + np.exp(-(X[i] @ w)))
        cost = cost - (LABELS[i] * np.log(h) + (1 - LABELS[i]) * np.log(1 - h))
    return cost + 0.5 * (w[1:] ** 2).sum()


def of_logistic(labels: np.ndarray, bias: float = 0.0, from_: int = 0, hard: bool = False) -> np.ndarray:
    w = W[0]
    h = 1 / (1 + np.exp(-(X @ w)))
    h = (h > 0.5) * 1.0 if hard else h
    return (X.T * (h - labels))[:, from_:].sum(axis=1) + w * np.array([bias, 1, 1])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (of_logistic(np.roll(LABELS, 1)), "`LABELS[i]` (line 144) is taken at the wrong index"),
        (of_logistic(LABELS, bias=1.0), "the elements that the penalty leaves out (0, as a bias)"),
        (of_logistic(LABELS, from_=3), "only what is added to `cost` last"),
        (of_logistic(LABELS, hard=True), "the sigmoid is rounded to the class"),
    ],
)
def test_examples_in_a_loop(wrong: np.ndarray, said: str) -> None:
    said = said.replace("144", str(logistic.__code__.co_firstlineno + 4))
    assert said in cause(logistic, W[0], wrong)


def hinge(w: Any) -> Any:
    total = 0.0
    for i in range(4):
        scores = X[i] @ w
        for j in range(3):
            margin = scores[j] - scores[0] + 1
            if j and margin > 0:
                total = total + margin
    return total


def test_a_threshold_in_a_loop() -> None:
    w, dw = np.random.default_rng(5).standard_normal((3, 3)) * 0.4, np.zeros((3, 3))
    for i in range(4):
        scores = X[i] @ w
        for j in (1, 2):
            if scores[j] - scores[0] > 0:  # the 1 is forgotten
                dw[:, j] += X[i]
                dw[:, 0] -= X[i]
    assert "this holds where `margin` is at most" in cause(hinge, w, dw)


def test_factors_of_two_terms() -> None:
    def loss(w: Any) -> Any:
        total = 0.0
        for i in range(4):
            total = total + (X[i] @ w).sum() ** 2
        return total / 4 + 0.3 * (w**2).sum()

    data = 2 * X.T @ (X @ W).sum(axis=1, keepdims=True) + np.zeros((3, 3))
    found = cause(loss, W, data / 3 + 0.3 * W)
    assert found.startswith("two mistakes") and "off by 4/3" in found and "2 times too small" in found


def test_unpacked_elements_have_their_names() -> None:
    def f(p: Any) -> Any:
        a, b, c = p
        return np.sin(a * b) + c**2 * a

    a, b, c = x = np.array([0.7, -0.4, 1.2])
    wrong = np.array([b * np.cos(a * b) + c**2, -a * np.cos(a * b), 2 * c * a])
    assert "`p` through `b`" in cause(f, x, wrong)


def test_weights_of_a_sum_of_paths() -> None:
    def shifted(a: Any, b: Any) -> Any:
        m = np.maximum(a, b)
        return m + np.log(np.exp(a - m) + np.exp(b - m))

    def f(x: Any) -> Any:
        score = x[0, 0]
        for t in range(1, 4):
            score = shifted(score + x[t, 0], x[t, 1] - score)
        return score

    scores = [X[0, 0]]
    for t in range(1, 4):
        scores.append(np.logaddexp(scores[-1] + X[t, 0], X[t, 1] - scores[-1]))
    dx, g = np.zeros((4, 3)), 1.0
    for t in (3, 2, 1):
        stay = 1.0 * (scores[t - 1] + X[t, 0] >= X[t, 1] - scores[t - 1])  # Viterbi
        dx[t, 0], dx[t, 1] = g * stay, g * (1 - stay)
        g = g * (2 * stay - 1)
    dx[0, 0] = g
    assert "1 for the larger one and 0 for the other" in cause(f, X, dx)


@pytest.mark.parametrize("xhat_in_sum", [True, False])
def test_a_row_that_is_read_several_times_in_a_pass_is_one_value(xhat_in_sum: bool) -> None:
    rng = np.random.default_rng(5)
    x, g, dout = rng.standard_normal((4, 6)), rng.standard_normal(6), rng.standard_normal((4, 6))

    def normalized(x: np.ndarray) -> Any:
        rows = []
        for i in range(len(x)):
            mean = x[i].mean()
            var = ((x[i] - mean) ** 2).mean()
            xhat = (x[i] - mean) / np.sqrt(var + 1e-5)
            rows.append(g * xhat)
        return np.stack(rows)

    std = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    xhat = (x - x.mean(axis=1, keepdims=True)) / std
    dxhat = dout * g
    inner = (dxhat * xhat if xhat_in_sum else dxhat).mean(axis=1, keepdims=True)  # wrong: without xhat
    dx = dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * inner
    found = check_gradient(normalized, x, dx if xhat_in_sum else dx / std, dout).findings[0].diagnosis
    said = "the factor 1/std is missing" if xhat_in_sum else "xhat is missing in mean(g * xhat)"
    assert found is not None and "the gradient of the normalization `xhat`" in found.cause and said in found.cause


def test_a_row_that_is_read_in_several_passes_is_not_one_value() -> None:
    rng = np.random.default_rng(6)
    E = rng.standard_normal((4, 3))
    triples = [(0, 1, 2), (2, 3, 1), (1, 0, 3)]

    def triplets(E: np.ndarray) -> Any:
        total = 0.0
        for a, p, n in triples:
            total = total + ((E[a] - E[p]) ** 2).sum() - ((E[a] - E[n]) ** 2).sum() ** 2
        return total

    dE = np.zeros_like(E)
    for a, p, n in triples:
        near, far = 2 * (E[a] - E[p]), 4 * ((E[a] - E[n]) ** 2).sum() * (E[a] - E[n])
        dE[a] += near  # wrong: the anchor is in both terms
        dE[p] -= near
        dE[n] += far
    found = check_gradient(triplets, E, dE).findings[0].diagnosis
    assert found is not None and "it depends on `E[a]` too" in found.cause and "in every pass" in found.cause


def pairs(u: Any) -> Any:
    total = 0.0
    for i in range(3):
        for j in range(3):
            e = u[i] @ W[j] - u[j].sum()
            total = total + U[i, j] * e
    return total


@pytest.mark.parametrize(
    ("other", "weight", "said"),
    [
        (lambda u, i, j: W[i], U, "`W[j]` is read at the wrong index: `i` is the index of dimension 0"),
        (lambda u, i, j: u[i], U, "`u[i]` itself instead of `W[j]`"),
        (lambda u, i, j: W[j], np.ones_like(U), "from the gradient of `U[i, j] * e`, not of `e`"),
    ],
)
def test_one_of_two_shares_in_a_loop(other: Any, weight: np.ndarray, said: str) -> None:
    u, du = X[:3], np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            du[i] += U[i, j] * other(u, i, j)
            du[j] -= weight[i, j]
    found = cause(lambda u: np.sin(pairs(u)), u, du * np.cos(pairs(u)))
    assert said in found and "in every pass of the loop" in found


def test_what_holds_in_every_pass_is_not_said_of_one() -> None:
    def loss(w: Any) -> Any:
        h = np.zeros(3)
        for t in range(3):
            h = 0.5 * h + np.tanh(X[t] + h @ w)
        return (h**2).sum()

    hs, ys = [np.zeros(3)], []
    for t in range(3):
        ys.append(np.tanh(X[t] + hs[-1] @ W))
        hs.append(0.5 * hs[-1] + ys[-1])
    dw, dh = np.zeros((3, 3)), 2 * hs[3]
    for t in (2, 1, 0):
        dw += np.outer(hs[t], dh * (1 - ys[t] ** 2))
        dh = dh + (dh * (1 - ys[t] ** 2)) @ W.T  # 0.5 is forgotten; the first state is 0
    found = cause(loss, W, dw)
    assert "without the factor `0.5`" in found and "in every pass of the loop" in found


def test_one_number_for_a_number_of_each_row() -> None:
    mask = np.array([[1.0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 1]])

    def loss(w: Any) -> Any:
        return (np.tanh(X @ w) * mask).sum(axis=1) / mask.sum(axis=1)

    wrong = X.T @ (mask / 3 * (1 - np.tanh(X @ W) ** 2))
    found = check_gradient(loss, W, wrong, np.ones(4)).findings[0].diagnosis
    assert found is not None and "`1 / 3`, one number for all elements" in found.cause


def embeddings(C: Any) -> Any:
    total = 0.0
    for i in range(3):
        for j in range(3):
            total = total + (X[i] @ C[j] - LABELS[j]) ** 2
    return total


def products(F: Any) -> Any:
    total = 0.0
    for i in range(3):
        for j in range(3):
            total = total + (F[i] @ F[j] - W[i, j]) ** 2
    return total


def soft_minimum(M: Any) -> Any:
    total = 0.0
    for n in range(2):
        total = total - np.log(sum(np.exp(-1.5 * ((X[n] - M[k]) ** 2).sum()) for k in range(3)))
    return total


def by_hand(name: str) -> np.ndarray:
    made = np.zeros((3, 3))
    for i, j in np.ndindex(3, 3):
        if name == "exchanged":
            made[i] += 2 * (X[i] @ W[j] - LABELS[j]) * X[j]
        elif name == "second factor":
            made[i] += 2 * (W[i] @ W[j] - W[i, j]) * W[j]
    for n in range(2 if name == "temperature" else 0):
        p = np.exp(-((X[n] - W) ** 2).sum(axis=1))
        made += 3 * (p / p.sum())[:, None] * (W - X[n])
    return made


@pytest.mark.parametrize(
    ("f", "name", "said"),
    [
        (embeddings, "exchanged", "`j` is the index of dimension 0, a wrong variable; the same at `C[j]`"),
        (products, "second factor", "the contribution of `F[j]` through"),
        (soft_minimum, "temperature", "is -1 in the values, but right in its own derivative"),
    ],
)
def test_all_uses_of_an_index_or_a_value_in_a_loop(f: Any, name: str, said: str) -> None:
    found = cause(f, W, by_hand(name))
    assert said in found and "in every pass of the loop" in found and "two mistakes" not in found


def averages(x: Any) -> Any:
    v, total = 0.0, 0.0
    for t in range(3):
        v = 0.8 * v + 0.2 * x[t]
        total = total + LABELS[t + 1] * (v**2).sum() + v.sum()
    return total


def with_penalty(x: Any) -> Any:
    return averages(x) + (x**2).sum()


def two_states(w: Any) -> Any:
    h, c = X[0], X[1]
    for t in range(1, 4):
        f = 1 / (1 + np.exp(-(h @ w)))
        c = f * c + X[t]
        h = np.tanh(c + h @ w)
    return (h**2).sum()


def forwards(f: Any) -> np.ndarray:
    """The gradient of a backward loop that begins with the first pass."""
    made, dh = np.zeros((3, 3)), np.zeros(3)
    if f is recurrent:
        hs = [X[0]]
        for t in range(1, 4):
            hs.append(np.tanh(X[t] + hs[-1] @ W))
        dh = 2 * hs[-1]
        for t in range(1, 4):
            da = dh * (1 - hs[t] ** 2)
            made, dh = made + np.outer(hs[t - 1], da), da @ W.T
        return made
    v, vs = np.zeros(3), []
    for t in range(3):
        v = 0.8 * v + 0.2 * W[t]
        vs.append(v)
    for t in range(3):
        dh = 0.8 * dh + LABELS[t + 1] * 2 * vs[t] + 1
        made[t] = 0.2 * dh
    return made


def with_new_states() -> np.ndarray:
    hs, cs, fs = [X[0]], [X[1]], []
    for t in range(1, 4):
        fs.append(1 / (1 + np.exp(-(hs[-1] @ W))))
        cs.append(fs[-1] * cs[-1] + X[t])
        hs.append(np.tanh(cs[-1] + hs[-1] @ W))
    made, dh, dc = np.zeros((3, 3)), 2 * hs[-1], np.zeros(3)
    for t in (2, 1, 0):
        da = dh * (1 - hs[t + 1] ** 2)
        dc = dc + da
        db = dc * cs[t + 1] * fs[t] * (1 - fs[t])  # the old state is cs[t], and below hs[t]
        made += np.outer(hs[t + 1], da + db)
        dh, dc = (da + db) @ W.T, dc * fs[t]
    return made


def margins(w: Any) -> Any:
    total = 0.0
    for i in range(4):
        scores = X[i] @ w
        correct = scores[i % 3]
        for j in range(3):
            if j != i % 3:
                total = total + np.maximum(0, scores[j] - correct + 9)
    return total


def nearest(c: Any) -> Any:
    return sum(((X[i] - c[k]) ** 2).sum() for i, k in enumerate((0, 2, 0, 0))) / 4


def differences(x: Any) -> Any:
    total = 0.0
    for i in range(2):
        for j in range(2):
            total += (x[i + 1, j] - x[i, j]) ** 2
            total += (x[i, j + 1] - x[i, j]) ** 2
    return total


def filtered(x: Any) -> Any:
    y = 0.0
    for t in range(3):
        for k in range(3):
            if t >= k:
                y = y + LABELS[k + 1] * W[t, k] * (X[0, k] * x[t - k]).sum()
    return y


def written(name: str) -> np.ndarray:
    made = np.zeros((3, 3))
    for i, j in np.ndindex(4, 3):
        if name == "margins" and j != i % 3:
            made[:, j] = X[i]
            made[:, i % 3] -= X[i]
        elif name == "differences" and i < 2 > j:
            d = 2 * (W[i, j + 1] - W[i, j])
            made[i, j + 1] += d
            made[i, j] -= d
        elif name == "filtered" and j <= i < 3:
            made[i - j] += LABELS[j + 1] * W[i, j] * X[0, 2 - j]
    for i, k in enumerate((0, 2, 0, 0) if name == "nearest" else ()):
        made[k] += 2 * (W[k] - X[i]) / (3, 0, 1)[k]
    return made


def recorded(f: Any) -> np.ndarray:
    return Tape(record(f, W), 1.0).gradient


@pytest.mark.parametrize(
    ("f", "wrong", "said"),
    [
        (averages, forwards(averages), "the backward loop is not reversed"),
        (recurrent, forwards(recurrent), "the backward loop is not reversed"),
        (two_states, with_new_states(), "reads the states of the wrong step"),
        (margins, written("margins"), "what `scores[j]` in `scores[j] - correct`"),
        (nearest, written("nearest"), "divided by the number of its own contributions"),
        (differences, written("differences"), "the contribution of `(x[i + 1, j] - x[i, j]) ** 2` through `total`"),
        (filtered, written("filtered"), "`k` is counted from the end of dimension 1 (flipped)"),
        (
            with_penalty,
            4 * Tape(record(averages, W), 1.0).gradient + 2 * W,
            "is multiplied by 0.8 instead of 0.2, as x for 1 - x",
        ),
    ],
)
def test_what_a_backward_loop_hands_on_and_writes(f: Any, wrong: np.ndarray, said: str) -> None:
    assert said in cause(f, W, wrong)
