"""The catalogue of mistakes: each is planted by hand in five contexts, and found under its name.

A context is a function before and one after the operation in question, both with their right derivatives written here;
nothing of this file knows how a mistake is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import check_backward, nn, tensor
from minigrad.autograd import check_gradient
from minigrad.teach.diagnosis import Case, Diagnosis, diagnosis
from minigrad.teach.mistakes import CATALOGUE, Variant, mistake
from minigrad.teach.search import comparison

RNG = np.random.default_rng(0)
A, B, C, D = RNG.standard_normal((3, 3)), *(RNG.standard_normal((4, 3)) for _ in range(3))
S = RNG.standard_normal((3, 3))
ROWS, LABELS = np.arange(4), np.array([0, 2, 1, 2])
REPEATED = np.array([0, 1, 1, 2])


def before(number: int, x: Any) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """A function of x, and what its gradient makes of an upstream gradient."""
    if number == 0:
        return x * 1.5, lambda g: g * 1.5
    if number == 1 and np.shape(x)[-1] == 3:
        return x @ A, lambda g: g @ A.T
    if number == 2:
        return 2 * x + 1, lambda g: 2 * g
    if number == 3:
        return np.sin(x), lambda g: g * np.cos(x)
    return np.exp(x / 2), lambda g: g * np.exp(x / 2) / 2


def after(number: int, y: Any) -> tuple[Any, Callable[[], np.ndarray]]:
    """A number from y, and its gradient."""
    w = np.cos(np.arange(np.size(y)) * 1.7 + 0.3).reshape(np.shape(y))
    if number == 0:
        return (y * w).sum(), lambda: w
    if number == 1:
        return (y**2 * w).sum() / 2, lambda: y * w
    if number == 2:
        return np.log(1 + np.exp(y * w)).sum(), lambda: w / (1 + np.exp(-y * w))
    if number == 3:
        return np.sin(y * w).sum(), lambda: w * np.cos(y * w)
    return ((y - w) ** 2).mean(), lambda: 2 * (y - w) / y.size


def t(h: Any) -> Any:
    return np.tanh(h)


def softmax(h: Any, axis: int = 1) -> Any:
    e = np.exp(h)
    return e / e.sum(axis=axis, keepdims=True)


def placed(shape: tuple[int, ...], index: Any, g: np.ndarray) -> np.ndarray:
    out = np.zeros(shape)
    out[index] = g
    return out


def added(x: np.ndarray, index: Any, g: np.ndarray) -> np.ndarray:
    out = np.zeros(x.shape)
    np.add.at(out, index, g)
    return out


def normed(h: Any) -> Any:
    d = h - h.mean(axis=1, keepdims=True)
    return d / np.sqrt((d**2).mean(axis=1, keepdims=True))


def deviation(h: np.ndarray) -> np.ndarray:
    return h.std(axis=1, keepdims=True)


def mean(a: np.ndarray) -> np.ndarray:
    return a.mean(axis=1, keepdims=True)


def target(h: Any) -> Any:
    return -np.log(softmax(h)[ROWS, LABELS])


def framed(h: Any) -> Any:
    out = np.zeros((4, 6))
    out[:, 1:4] += h
    return out


def of_parts(y: Any) -> Any:
    return y * C + np.sin(y) * D


def added_up(h: Any) -> Any:
    total = 0.0
    for i in range(4):
        total = total + (h[i] * C[i]).sum()
    return total


SMOOTHED = 0.7 * placed((4, 3), (ROWS, LABELS), np.ones(4)) + 0.1
ONE = placed((4, 3), (ROWS, LABELS), np.ones(4))

# name: the shape of x, the operation, and the wrong gradient that it passes back
PLANTED: dict[str, tuple[tuple[int, ...], Callable[[Any], Any], Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "dropped": ((4, 3), lambda h: h * C + t(h), lambda g, h: g * C),
    "constant": ((4, 3), lambda h: h - h.mean(axis=0), lambda g, h: g),
    "sign": ((4, 3), lambda h: h * C - t(h), lambda g, h: g * C + g * (1 - t(h) ** 2)),
    "doubled": ((4, 3), lambda h: h * C + t(h), lambda g, h: g * C + 2 * g * (1 - t(h) ** 2)),
    "skipped": ((4, 3), lambda h: t(h), lambda g, h: g),
    "upstream ignored": ((4, 3), lambda h: t(h), lambda g, h: 1 - t(h) ** 2),
    "upstream twice": ((4, 3), lambda h: t(h), lambda g, h: g * g * (1 - t(h) ** 2)),
    "other function": ((4, 3), lambda h: t(h), lambda g, h: g * t(h) * (1 - t(h))),
    "other array": ((4, 3), lambda h: C * h + D * t(h), lambda g, h: g * D + g * D * (1 - t(h) ** 2)),
    "exchanged": (
        (4, 3),
        lambda h: t(h) * np.sin(h),
        lambda g, h: g * t(h) * (1 - t(h) ** 2) + g * np.sin(h) * np.cos(h),
    ),
    "other choice": (
        (4, 3),
        lambda h: np.where(C > 0, t(h) * D, np.sin(h) * C),
        lambda g, h: g * (1 - t(h) ** 2) * D,
    ),
    "inverse": (
        (3, 3),
        lambda h: np.linalg.inv(h + 5 * np.eye(3)),
        lambda g, h: -g @ np.linalg.inv(h + 5 * np.eye(3)).T,
    ),
    "one for both": ((3,), lambda h: h @ S @ h, lambda g, h: 2 * g * (S @ h)),
    "weights of a log-sum-exp": ((4, 3), lambda h: np.logaddexp(C * h, D * h), lambda g, h: g * (C + D)),
    "changed upstream": (
        (4, 3),
        lambda h: t(h) * np.cos(h) + np.sin(h),
        lambda g, h: g * np.cos(h) * (1 - t(h) ** 2) - g * t(h) * np.sin(h) + g * np.cos(h) * np.cos(h),
    ),
    "derivative of a part": (
        (4, 3),
        lambda h: of_parts(t(h)),
        lambda g, h: (g * C + g * D * np.cos(t(h)) / (1 - t(h) ** 2)) * (1 - t(h) ** 2),
    ),
    "earlier terms": ((4, 3), lambda h: added_up(h), lambda g, h: placed((4, 3), 3, g * C[3])),
    "mask": ((4, 3), lambda h: np.maximum(h, 0), lambda g, h: g * (g > 0)),
    "factor": ((4, 3), lambda h: h * C + h.sum(axis=0), lambda g, h: g * C + g.sum(axis=0) / 4),
    "wrong product": ((4, 3), lambda h: h @ S, lambda g, h: g @ S),
    "transposed": ((3, 3), lambda h: h.T * S, lambda g, h: g * S),
    "wrong order": ((4, 3), lambda h: h.reshape(3, 4), lambda g, h: g.T),
    "wrong sum": ((3,), lambda h: C * h, lambda g, h: (g * C).mean(axis=0)),
    "wrong spread": ((4, 4), lambda h: (h**2).sum(axis=1), lambda g, h: 2 * h * g),
    "set, not added": ((4, 3), lambda h: h[REPEATED], lambda g, h: placed((4, 3), REPEATED, g)),
    "wrong index": ((4, 3), lambda h: h[ROWS, LABELS], lambda g, h: placed((4, 3), (ROWS, (LABELS + 1) % 3), g)),
    "wrong scan": ((4, 3), lambda h: np.cumsum(h, axis=0), lambda g, h: np.cumsum(g, axis=0)),
    "no contribution": ((4, 3), lambda h: h * C + (s := t(h)) * D + s**2, lambda g, h: g * C),
    "upstream ignored at a value": ((4, 3), lambda h: C * t(h), lambda g, h: 1 - t(h) ** 2),
    "value for gradient": ((4, 3), lambda h: C * t(h), lambda g, h: t(h) * (1 - t(h) ** 2)),
    "other gradient": ((4, 3), lambda h: C * t(h), lambda g, h: g * (1 - t(h) ** 2)),
    "other upstream": ((4, 3), lambda h: C * t(h), lambda g, h: g * (1 - t(h) ** 2)),
    "extra gradient": ((4, 3), lambda h: C * t(h), lambda g, h: (g * C + g) * (1 - t(h) ** 2)),
    "multiplied gradients": ((4, 3), lambda h: h * C + t(h), lambda g, h: (g * C + g * (1 - t(h) ** 2)) * g),
    "averaged": ((4, 3), lambda h: C * t(h), lambda g, h: (g * C).mean(axis=0) * (1 - t(h) ** 2)),
    "other term": ((4, 3), lambda h: C * t(h), lambda g, h: g * C * (1 - t(h) ** 2) + D * 0 + C),
    "overwritten": ((4, 3), lambda h: h * C + t(h) + h * D, lambda g, h: g * D),
    "several contributions": (
        (4, 3),
        lambda h: h * C + t(h) + np.sin(h),
        lambda g, h: g * C - g * (1 - t(h) ** 2) - g * np.cos(h),
    ),
    "multiplied contributions": ((4, 3), lambda h: h * C + t(h), lambda g, h: (g * C) * (g * (1 - t(h) ** 2))),
    "no topological order": (
        (4, 3),
        lambda h: (s := t(h)) * C + np.exp(s),
        lambda g, h: (g * C + 2 * g * np.exp(t(h))) * (1 - t(h) ** 2),
    ),
    "diagonal": ((4, 3), softmax, lambda g, h: g * softmax(h) * (1 - softmax(h))),
    "softmax": ((4, 3), softmax, lambda g, h: (p := softmax(h)) * g - (p * g).sum(axis=1, keepdims=True)),
    "probabilities": (
        (4, 3),
        softmax,
        lambda g, h: (p := softmax(h, 0)) * (g - (p * g).sum(axis=1, keepdims=True)),
    ),
    "cross entropy": ((4, 3), target, lambda g, h: g[:, None] * (softmax(h) + ONE)),
    "normalization": ((4, 3), normed, lambda g, h: (g - normed(h) * mean(g * normed(h))) / deviation(h)),
    "log-softmax": ((4, 3), lambda h: np.log(softmax(h)), lambda g, h: g - softmax(h)),
    "log-sum-exp": ((4, 3), lambda h: np.log(np.exp(h).sum(axis=1)), lambda g, h: g[:, None] / 3 + 0 * h),
    "half of a square": ((4, 3), lambda h: (s := t(h)) * s, lambda g, h: g * t(h) * (1 - t(h) ** 2)),
    "wrong index read": ((4, 3), framed, lambda g, h: g[:, 2:5]),
    "binary cross entropy": (
        (4, 3),
        lambda h: np.log(1 / (1 + np.exp(-h))),
        lambda g, h: -g / (1 + np.exp(-h)),
    ),
    "soft targets": (
        (4, 3),
        lambda h: (SMOOTHED * np.log(softmax(h))).sum(axis=1),
        lambda g, h: g[:, None] * (ONE - softmax(h)),
    ),
    "changed array": ((4, 3), lambda h: h @ S, lambda g, h: g @ np.maximum(S, 0).T),
    "exchanged parts": (
        (4, 3),
        lambda h: h[:2] * C[:2] + t(h[2:]),
        lambda g, h: np.concatenate([g * (1 - t(h[2:]) ** 2), g * C[:2]]),
    ),
    "quotient": (
        (4, 3),
        lambda h: t(h) / (1 + h * h),
        lambda g, h: g * (1 - t(h) ** 2 - 2 * h * t(h) / (1 + h * h)),
    ),
    "other derivative": ((4, 3), lambda h: 1 / (1 + np.exp(-h)), lambda g, h: g * (1 - 1 / (1 + np.exp(-h)) ** 2)),
}
LATER: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "whole sign": lambda dx, x: -dx,
    "whole factor": lambda dx, x: 7 * dx,
    "whole order": lambda dx, x: dx[::-1],
    "update for gradient": lambda dx, x: x - 0.1 * dx,
    "integers": lambda dx, x: np.trunc(dx),
    "clipped": lambda dx, x: np.clip(dx, -1, 1),
    "regularization": lambda dx, x: dx + 0.1 * x,
}


@pytest.fixture(autouse=True)
def as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "LIMIT", 60.0)


def diagnosed(f: Callable[[Any], Any], x: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> Diagnosis | None:
    case = Case(wrong, right, x, function=f, inputs=[x], names=["x"], upstream=[np.ones(())])
    with np.errstate(all="ignore"):
        return diagnosis(case)


def numerical(f: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray:
    dx = np.empty_like(x)
    for i in np.ndindex(x.shape):
        e = np.zeros_like(x)
        e[i] = 1e-6
        dx[i] = (f(x + e) - f(x - e)) / 2e-6
    return dx


def in_contexts(names: Iterable[str]) -> Iterator[Any]:
    """Each mistake in five contexts, from another one on: quick, slow, and three that only the exhaustive run has."""
    marks = (), pytest.mark.slow, *[pytest.mark.exhaustive] * 3
    for first, name in enumerate(names):
        for i in range(5):
            yield pytest.param(name, (first + i) % 5, marks=marks[i])


def planted(name: str, first: int, last: int, seed: int = 0) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Return a function, a point, the right gradient there, and the one with the mistake."""
    shape, core, wrong = PLANTED[name]
    x = np.random.default_rng(seed).standard_normal(shape)

    def f(x: Any) -> Any:
        h, _ = before(first, x)
        return after(last, core(h))[0]

    h, back = before(first, x)
    y = core(h)
    g = after(last, y)[1]()
    return f, x, numerical(f, x), back(wrong(g, h))


@pytest.mark.parametrize(("name", "context"), list(in_contexts(PLANTED)))
def test_a_planted_mistake_is_found_under_its_name(name: str, context: int) -> None:
    f, x, right, wrong = planted(name, context, (context + 1) % 5)
    found = diagnosed(f, x, right, wrong)
    assert found is not None and name in found.mistakes, (found, found and found.mistakes)


@pytest.mark.parametrize(("name", "context"), list(in_contexts(LATER)))
def test_a_mistake_in_the_whole_gradient_is_found_under_its_name(name: str, context: int) -> None:
    def f(x: Any) -> Any:
        return after((context + 1) % 5, 20 * t(before(context, x)[0]) * C)[0]

    x = np.random.default_rng(context).standard_normal((4, 3))
    right = numerical(f, x)
    h, back = before(context, x)
    dx = back(after((context + 1) % 5, 20 * t(h) * C)[1]() * 20 * C * (1 - t(h) ** 2))
    found = diagnosed(f, x, right, LATER[name](dx, x))
    assert found is not None and name in found.mistakes, (found, found and found.mistakes)


def steps(w: Any) -> Any:
    h, out = w, 0.0
    for _ in range(3):
        h = t(h) + 0.1 * h
        out = out + B @ h
    return out


def cubes(w: Any) -> Any:
    h = t(B @ w.T + D)
    return t(h * h * h)


def cubes_at_d(g: np.ndarray, w: np.ndarray) -> np.ndarray:
    h = t(B @ w.T + D)
    return np.asarray((g * (1 - t(D**3) ** 2) * 3 * D**2 * (1 - h**2)).T @ B)


def steps_stacked(w: Any) -> Any:
    return np.stack([t(B[i] @ w) for i in range(4)])


def last_step_everywhere(g: np.ndarray, w: np.ndarray) -> np.ndarray:
    return np.asarray(sum(np.outer(B[i], g[-1] * (1 - t(B[i] @ w) ** 2)) for i in range(4)))


def several_uses(w: Any) -> Any:
    u = B @ w.T
    h = t(u)
    return h * D + np.sin(h) + u * u


def negated_once(g: np.ndarray, w: np.ndarray) -> np.ndarray:
    u = B @ w.T
    h = t(u)
    return np.asarray((2 * g * u - g * (D + np.cos(h)) * (1 - h**2)).T @ B)


AT_OUTPUTS: dict[str, tuple[Callable[[Any], Any], Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "another value's gradient": (
        lambda w: t(B @ t(np.sin(w))),
        lambda g, w: B.T @ (g * (1 - t(B @ t(np.sin(w))) ** 2)),
    ),
    "one example": (lambda w: B @ w.T, lambda g, w: np.outer(g[-1], B[-1])),
    "upstream of ones": (lambda w: t(B @ w.T), lambda g, w: (1 - t(B @ w.T) ** 2).T @ B),
    "whole transposed": (lambda w: t(B @ w.T), lambda g, w: B.T @ (g * (1 - t(B @ w.T) ** 2))),
    "wrong index of a part": (
        lambda w: t(w[REPEATED]),
        lambda g, w: added(w, REPEATED[::-1], g * (1 - t(w[REPEATED[::-1]]) ** 2)),
    ),
    "wrong array computed again": (
        lambda w: t(np.sin(B @ w.T) + D),
        lambda g, w: (g * (1 - t(B @ w.T + D) ** 2) * np.cos(B @ w.T)).T @ B,
    ),
    "wrong point": (cubes, cubes_at_d),
    "gradient of another input": (lambda w: t(B @ w.T) @ S, lambda g, w: t(B @ w.T).T @ g),
    "wrong part": (steps_stacked, last_step_everywhere),
    "sign at a value": (several_uses, negated_once),
    "other time steps": (steps, lambda g, w: (B.T @ g) * (1.1 - t(w) ** 2)),
    "different forward": (
        lambda w: t(np.exp(B @ w.T) @ S),
        lambda g, w: ((g * (1 - t(B @ w.T @ S) ** 2)) @ S.T).T @ B,
    ),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", AT_OUTPUTS)
def test_a_mistake_with_an_upstream_gradient_is_found_under_its_name(name: str, seed: int) -> None:
    f, wrong = AT_OUTPUTS[name]
    rng = np.random.default_rng(seed)
    w, g = rng.standard_normal((3, 3)), rng.standard_normal((4, 3))
    right = numerical(lambda w: (g * f(w)).sum(), w)
    found = diagnosis(Case(wrong(g, w), right, w, function=f, inputs=[w], names=["w"], upstream=[g]))
    assert found is not None and name in found.mistakes, (found, found and found.mistakes)


def terms(w: Any) -> Any:
    total = 0
    for d in (B.T @ D, S):
        total += np.trace(w @ w @ d)  # in place, of a float64
    return total - np.log((w * w).sum())


@pytest.mark.parametrize("seed", range(3))
def test_a_term_whose_gradient_is_transposed_is_found(seed: int) -> None:
    w = np.random.default_rng(seed).standard_normal((3, 3))
    first, second = ((w @ d + d @ w).T for d in (B.T @ D, S))
    last = 2 * w / (w * w).sum()
    found = diagnosed(terms, w, first + second - last, first.T + second - last)
    assert found is not None and "transposed term" in found.mistakes, found


@pytest.mark.parametrize("mean", [True, False])
def test_a_column_and_a_vector_are_named_where_they_are_broadcast(mean: bool) -> None:
    w, y = S[:, :1], C[:, 0]

    def square(w: Any) -> Any:  # 4 * 4 errors
        errors = (B @ w - y) ** 2
        return errors.mean() if mean else errors.sum() / len(y)

    error = (B @ w)[:, 0] - y
    found = check_gradient(square, w, 2 * B.T @ error[:, None] / 4).findings[0].diagnosis
    assert found is not None and "(4, 1) and (4,) to (4, 4) in the forward pass" in found.cause

    def right(w: Any) -> Any:
        error = (B @ w)[:, 0] - y
        return (error**2).mean() if mean else (error**2).sum()

    wrong = 2 * (B.T @ (B @ w - y)).sum(axis=1, keepdims=True) / (16 if mean else 1)
    found = check_gradient(right, w, wrong).findings[0].diagnosis
    assert found is not None and "broadcast to (4, 4)" in found.cause


class Affine:
    """A layer as a learner writes it: its parameters and what it keeps are attributes."""

    def __init__(self, w: Any) -> None:
        self.w = w

    def forward(self, x: Any) -> Any:
        self.x = x
        out = np.zeros((len(x), self.w.shape[1]))
        for i in range(len(x)):
            out[i] += x[i].dot(self.w)
        return out


class Network:
    def __init__(self, *layers: Any) -> None:
        self.layers = [*layers]

    @staticmethod
    def activation(h: Any) -> Any:
        return np.tanh(h)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = self.activation(layer.forward(x))
        return x


@pytest.mark.slow
def test_functions_of_objects_are_recorded() -> None:
    network = Network(Affine(A), Affine(S))
    g, h = C, np.tanh(B @ A)
    dh = (g * (1 - np.tanh(h @ S) ** 2)) @ S.T
    found = check_gradient(network, B, (dh * (1 - h)) @ A.T, g).findings[0].diagnosis
    assert found is not None and "`1 - x` instead of `1 - x * x`" in found.cause
    assert type(network.layers[0].x) is np.ndarray  # the objects of the program are as they were

    def loss(w: Any) -> Any:
        network.layers[0].w = w
        return network(B)

    found = check_gradient(loss, A, B.T @ dh, g).findings[0].diagnosis
    assert found is not None and found.mistake == "skipped"
    assert check_gradient(loss, A, B.T @ (dh * (1 - h**2)), g)


def transposed_convolution(x: Any) -> Any:
    out = np.zeros((7, 7))
    for i in range(3):
        for j in range(3):
            out[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += x[i, j] * A
    return np.tanh(out)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (lambda i, j: np.s_[2 * j : 2 * j + 3, 2 * i : 2 * i + 3], "`i` and `j` are exchanged"),
        (lambda i, j: np.s_[i : i + 3, j : j + 3], "read at the wrong index: `i`, `j` counts less"),
    ],
)
def test_the_index_of_a_strided_transposed_convolution_is_named(index: Any, said: str) -> None:
    g = np.sin(np.arange(49.0)).reshape(7, 7) * (1 - transposed_convolution(S) ** 2)
    wrong = np.array([[(g[index(i, j)] * A).sum() for j in range(3)] for i in range(3)])
    upstream = np.sin(np.arange(49.0)).reshape(7, 7)
    found = check_gradient(transposed_convolution, S, wrong, upstream).findings[0].diagnosis
    assert found is not None and (said in found.cause or "transpose" in found.cause), found


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (2, "; this holds in all passes of the loop but the last (truncated in time)"),
        (1, "; this holds in pass 2 of 4 of the loop alone"),
        (3, "; this holds in every pass of the loop"),
    ],
)
def test_passes_are_counted_as_in_the_forward_pass(cut: int, said: str) -> None:
    def f(w: Any) -> Any:
        h, total = D[0], 0.0
        for i in range(4):
            h = np.tanh(B[i] + h @ w)
            total = total + (h**2).sum()
        return total

    hs = [D[0]]
    for i in range(4):
        hs.append(np.tanh(B[i] + hs[-1] @ S))
    dw, dh = np.zeros((3, 3)), np.zeros(3)
    for i in (3, 2, 1, 0):
        da = (dh + 2 * hs[i + 1]) * (1 - hs[i + 1] ** 2)
        dw += np.outer(hs[i], da)
        dh = da @ S.T * (i > cut)
    found = check_gradient(f, S, dw).findings[0].diagnosis
    assert found is not None and said in found.cause, found


def soft_paths(x: Any) -> Any:
    cost = {}
    for i in range(3):
        for j in range(3):
            before = [cost[a, b] for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if (a, b) in cost]
            s = 0.0 if before else 1.0
            for r in before:
                s = s + np.exp(-r)
            cost[i, j] = x[i, j] - np.log(s)
    return cost[2, 2]


def test_one_move_of_an_inner_loop_is_named() -> None:
    x, cost, e = np.abs(S), {}, np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            moves = [(a, b) for a, b in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if (a, b) in cost]
            cost[i, j] = x[i, j] - (np.log(sum(np.exp(-cost[m]) for m in moves)) if moves else 0)
    e[2, 2] = 1
    for i in (2, 1, 0):
        for j in (2, 1, 0):
            for a, b in ((i - 1, j), (i, j - 1)):  # the diagonal is forgotten
                if (a, b) in cost:
                    e[a, b] += e[i, j] * np.exp(-cost[a, b] - (x[i, j] - cost[i, j]))
    found = check_gradient(soft_paths, x, e).findings[0].diagnosis
    assert found is not None and "is missing" in found.cause and "in pass 3 of the inner loop" in found.cause


def test_the_scores_may_be_assigned_twice_in_a_loop() -> None:
    def loss(w: Any) -> Any:
        total = 0.0
        for i in range(4):
            scores = B[i] @ w
            scores = scores - np.max(scores)
            p = np.exp(scores) / np.sum(np.exp(scores))
            total = total - np.log(p[LABELS[i]])
        return total / 4

    found = check_gradient(loss, S, B.T @ softmax(B @ S) / 4).findings[0].diagnosis
    assert found is not None and "1 of the target is not subtracted" in found.cause


def test_one_number_is_not_explained_by_a_factor_that_fits() -> None:
    found = check_gradient(lambda w: np.exp(w) * np.sin(w) + w**2, 0.7, 0.123456).findings[0].diagnosis
    assert found is None or "factor" not in found.cause


def test_every_entry_of_the_catalogue_is_planted() -> None:
    names = {name for name, m in CATALOGUE.items() if m.scope != "answer"}
    elsewhere = {
        "transposed term",
        "broadcast",
        "standard deviation",
        "windows of a convolution",
        "windows of a pooling",
        "channels of a convolution",
        "range of a loop",
        *("loop not reversed", "new states", "parts overwritten", "mean of a row"),
    }  # of Tensors, and of loops
    assert names == {*PLANTED, *LATER, *AT_OUTPUTS, *elsewhere}


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(sorted(PLANTED)), st.integers(0, 4), st.integers(0, 4), st.integers(1, 10**6))
@pytest.mark.slow
def test_a_random_mistake_in_a_random_context_is_explained(name: str, first: int, last: int, seed: int) -> None:
    f, x, right, wrong = planted(name, first, last, seed)
    found = diagnosed(f, x, right, wrong)
    same = np.allclose(wrong, right, rtol=1e-4, atol=1e-6)
    assert (found is None) == same and (found is None or found.mistakes), found


@pytest.mark.parametrize("name", PLANTED)
def test_a_right_gradient_is_not_explained(name: str) -> None:
    f, x, right, _ = planted(name, 3, 4)
    assert diagnosed(f, x, right, right * (1 + 1e-9)) is None


# ---- what is said ------------------------------------------------------------------------------------------------


def loss(x: Any) -> Any:
    mu = x.mean(axis=0)
    centred = x - mu
    total = 0.0
    for row in range(4):
        total = total + (np.tanh(centred[row]) * C[row]).sum()
    return float(total)


def test_the_sentence_has_the_names_of_the_learner() -> None:
    x = RNG.standard_normal((4, 3))
    dcentred = C * (1 - t(x - x.mean(axis=0)) ** 2)
    right = dcentred - dcentred.mean(axis=0)
    found = diagnosed(loss, x, right, dcentred)
    line = loss.__code__.co_firstlineno + 1
    assert found is not None and found.mistake == "constant"
    assert f"`mu` (line {line}) is treated as a constant" in found.cause and "`x`" in found.cause
    assert "`mu`" in found.hint and "constant" not in found.hint
    assert "`mu`" in found.hint and "mu = mean(x)" in found.explain() and "to x: g / n" in found.explain()
    found = diagnosed(loss, x, right, C - C.mean(axis=0))
    assert found is not None and found.mistake == "skipped" and "in every pass of the loop" in found.cause


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (C - 0.25 * ONE, "one element of each row is off by -0.25, and the others are right: that of the target?"),
        (C * np.array([[1.5], [2.2], [0.7], [0.3]]), "right up to a factor for each index of dimension 0 (0.3 to 2.2)"),
        (C + np.array([0.1, 0.7, -0.3]), "off by the same number along all but dimension 1"),
    ],
)
def test_where_nothing_explains_the_error_its_structure_is_said(wrong: np.ndarray, said: str) -> None:
    found = diagnosis(Case(wrong, C, B, trusted=np.ones(C.shape, bool)))
    assert found is not None and found.mistake == "pattern" and said in found.cause


TEACHER = softmax(2 * D)
RMS = np.sqrt((B**2).mean(axis=1, keepdims=True))
ROW = np.eye(4)[:, :1]
E = np.random.default_rng(1).standard_normal((2, 3, 4))
TOKENS = np.array([[0, 2, 1], [2, 0, 0]])
KEPT = np.array([[1.25, 0, 1.25], [0, 1.25, 1.25], [1.25, 1.25, 0], [1.25, 0, 1.25]])  # dropout, divided by 0.8
CENTRED, STD = B - B.mean(axis=0), np.sqrt(B.var(axis=0, ddof=1) + 1e-5)
U = C * (1 - np.tanh(CENTRED / STD) ** 2)


@pytest.mark.parametrize(
    ("f", "wrong", "said"),
    [
        # another number of elements, or a part of them
        (lambda x: (x**2).mean(axis=0).sum(), B / 6, "by 12, the number of elements of `x`, instead of 4, the number"),
        (
            lambda x: (t(x).mean(axis=0) * A[0]).sum(),
            A[0] * (1 - t(B) ** 2) / 4 * (ROWS == 0)[:, None],
            "first one alone",
        ),
        (
            lambda x: t(x[0] + E[:, :, 1:]).sum(),
            ROW * (1 - t(B[0] + E[:, -1, 1:]) ** 2).sum(axis=0),
            "last index of axis 1",
        ),
        (
            lambda x: (t(C) * x[0]).sum() * 2 + x[0] @ A @ x[0],
            ROW * 2 * t(C).sum(axis=0),
            "contribution of `x[0] @ A @ x[0]` through",
        ),
        (
            lambda x: -np.log(softmax((E @ x).reshape(6, 3)))[np.arange(6), TOKENS.reshape(-1)].sum(),
            np.einsum("nij,nik->jk", E, softmax(E @ B, -1) - np.eye(3)[TOKENS.T.reshape(2, 3)]),
            "flattened in another order than the scores",
        ),
        # two mistakes that one number would explain
        (
            lambda x: (t(np.maximum(x @ A, 0)) * C).sum() / 8,
            (C * (1 - t(np.maximum(B @ A, 0)) ** 2)) @ A.T,
            "the mask of `np.maximum(x @ A, 0)` is left out and a constant factor of 8",
        ),
        (
            lambda x: t(x * D).sum() + 0.3 * np.abs(x).sum() + 0.1 * (x**2).sum(),
            D * (1 - t(B * D) ** 2) + 0.1 * B,
            "the term of the penalty is 2 times too small",
        ),
        (
            lambda x: (0.7 * t(x @ A) * C).sum() / 2,
            2 * 0.7 * (C * (1 - t(B @ A) ** 2)) @ A.T / (2 * 0.7),
            "off by two factors: a factor 1/2 is missing",
        ),
        # contributions that have each other's factor
        (
            lambda x: (x * C).sum() + 0.3 * np.abs(x).sum() + 0.2 * (x**2).sum(),
            0.2 * np.sign(B) + 0.6 * B + C,
            "each has the factor of the other",
        ),
        (
            lambda x: (t(x @ A) * C + (x @ S) ** 2 * D).sum(),
            (C * (1 - t(B @ A) ** 2)) @ S.T + (2 * (B @ S) * D) @ A.T,
            "each is multiplied by the factor of the other",
        ),
        # functions of several operations
        (
            lambda x: (x / np.sqrt((x**2).mean(axis=1, keepdims=True)) * C).sum(),
            (C - C.mean(axis=1, keepdims=True)) / RMS - B * (C * B).mean(axis=1, keepdims=True) / RMS**3,
            "mean(g) is subtracted, as if the mean of x were",
        ),
        (
            lambda x: (x / np.sqrt((x**2).mean(axis=1, keepdims=True)) * C).sum(),
            C / RMS - B * (C * B).mean(axis=1, keepdims=True) / RMS**2,
            "or its term lacks a factor 1/std, as with 1/std**2 for 1/std**3",
        ),
        (
            lambda x: (C * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + 1e-5)).sum(),
            (C - C.mean(axis=0) - CENTRED * (C * CENTRED).sum(axis=0) / STD**2 / 4) / STD,
            "divided by N, and must be by N - 1, as in the variance",
        ),
        (
            lambda x: (t((x - x.mean(axis=0)) * (x.var(axis=0, ddof=1) + 1e-5) ** -0.5) * C).sum(),
            (U - U.mean(axis=0) - CENTRED * (U * CENTRED).sum(axis=0) / STD**2) / STD,
            "the sum of g * xhat lacks its 1/(N - 1)",
        ),
        # a mask of two numbers
        (lambda x: (t(x) * KEPT * C).sum(), 1.25 * C * (1 - t(B) ** 2), "only the factor 1.25 of its other elements"),
        (
            lambda x: (t(x * KEPT[:, :1]) * C).sum(),
            1.25 * C * (1 - t(B * KEPT[:, :1]) ** 2),
            "only the factor 1.25 of its other elements",
        ),
        (
            lambda x: (TEACHER * (np.log(TEACHER) - np.log(softmax(x / 3)))).sum(),
            (softmax(B / 3) - np.eye(3)[TEACHER.argmax(axis=1)]) / 3,
            "the targets are hard",
        ),
        (
            lambda x: x[0] @ A @ x[0] + x[0] @ x[0] + x[0] @ C[0],
            ROW * (2 * A @ B[0] + 2 * B[0] + C[0]),
            "as if a matrix were symmetric",
        ),
    ],
)
def test_the_likeliest_cause_is_said(f: Callable[[Any], Any], wrong: np.ndarray, said: str) -> None:
    found = check_gradient(f, B, wrong).findings[0].diagnosis
    assert found is not None and said in found.cause, found and found.cause


def test_the_elements_of_windows_that_are_tiled_are_told_from_repeated_ones() -> None:
    w = np.array([1.0, -2.0, 3.0])
    found = check_gradient(lambda x: (x.reshape(3, 2).mean(axis=1) * w).sum(), np.ones(6), np.tile(w, 2) / 2)
    assert "np.tile for np.repeat" in str(found)


def test_the_second_mistake_is_made_on_what_the_first_changed() -> None:
    """The gradient of more elements than those for which a mistake is made a matrix, `MOST_ROWS`."""
    rng = np.random.default_rng(0)
    index, w = np.arange(10)[:, None] + np.arange(20), rng.standard_normal((20, 3))
    x, upstream = rng.standard_normal((2, 29)), rng.standard_normal((20, 3))

    def f(x: np.ndarray) -> Any:
        return (np.maximum(x[:, index].reshape(20, 20) @ w, 0) * upstream).sum()

    dx = np.zeros_like(x)
    dx[:, index] += (upstream @ w.T).reshape(2, 10, 20)  # wrong: no mask, and what overlaps is overwritten
    found = check_gradient(f, x, dx).findings[0].diagnosis
    assert found is not None and "the last one overwrites the others" in found.cause and "is left out" in found.cause


def test_two_mistakes_are_found_together() -> None:
    def f(x: Any) -> Any:
        return (t(x @ A) * C).sum() + (x**2 * D).sum()

    x = RNG.standard_normal((4, 3))
    wrong = (C * t(x @ A)) @ A.T + x * D
    found = diagnosed(f, x, numerical(f, x), wrong)
    assert found is not None and found.cause.startswith("two mistakes: ")


def test_a_teacher_adds_a_mistake() -> None:
    @mistake("cubed", "edge", "{through}: the contribution to {operand} is cubed", assumes=1.0)
    def cubed(site: Any) -> Any:
        yield Variant(lambda g: site.contribution(g) ** 3)

    try:
        f, x, right, _ = planted("dropped", 2, 0)
        w = after(0, C)[1]()
        h = 2 * x + 1
        found = diagnosed(f, x, right, 2 * (w * C + (w * (1 - t(h) ** 2)) ** 3))
        assert found is not None and found.mistake == "cubed" and "`h`" in found.cause
    finally:
        del CATALOGUE["cubed"]
    with pytest.raises(ValueError, match="scope='line' must be one of edge, node"):
        mistake("new", "line", "")
    with pytest.raises(ValueError, match="there is a mistake called 'sign'"):
        mistake("sign", "edge", "")


def test_a_function_that_fills_an_array_is_recorded_through_check_gradient() -> None:
    k, upstream = np.array([0.5, -1.0, 2.0]), np.array([1.0, -2.0, 0.3])

    def correlate(x: Any) -> Any:
        out = np.zeros(3)
        for i in range(3):
            for j in range(3):
                out[i] += x[i + j] * k[j]
        return out

    dx = np.zeros(5)
    for i in range(3):
        dx[i : i + 3] = upstream[i] * k  # overwrites
    report = check_gradient(correlate, np.arange(5.0), dx, upstream)
    assert "overwrite" in str(report) and report.findings[0].diagnosis.mistake == "overwritten"


def test_a_function_that_returns_a_list_of_results_is_recorded() -> None:
    upstream = np.array([1.0, -2.0, 0.3])
    report = check_gradient(lambda x: [np.tanh(v) for v in x], np.arange(3.0), upstream, upstream)
    assert report.findings[0].diagnosis.mistake == "skipped", str(report)


def test_mistakes_inside_a_primitive_are_found() -> None:
    x = tensor(C, requires_grad=True)
    p = nn.functional.softmax(x, dim=1)
    loss = (p * tensor(D)).sum()
    loss.backward()
    q = softmax(C)
    found = check_backward(loss, {"x": x, "p": p, "dp": D, "dx": q * (D - (D * q).sum(axis=0))})
    assert "the gradient of the softmax `p` is summed over axis 0 instead of 1" in str(found)
    scores = tensor(C, requires_grad=True)
    loss = nn.functional.cross_entropy(scores, tensor(LABELS))
    loss.backward()
    found = check_backward(loss, {"scores": scores, "dscores": softmax(C) / 4})
    assert "the 1 of the target is not subtracted" in str(found)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda g: (g * D).sum(axis=1), "must be summed over dimension 0; it is summed over dimension 1 instead"),
        (lambda g: (g * D).sum(axis=0, keepdims=True), "a sum with keepdims=True keeps its axis"),
        (lambda g: g * D, "and is not summed at all"),
        (lambda g: (g * D).mean(axis=1), "it is averaged over dimension 1 instead"),
    ],
)
def test_a_gradient_of_another_shape_is_explained(wrong: Any, said: str) -> None:
    report = check_gradient(lambda scale: scale * D, B[0], wrong(C), C)
    assert said in str(report) or said.startswith("and") and "not summed over" in str(report), str(report)


def test_an_index_counted_from_the_other_end_in_a_loop_is_found() -> None:
    upstream = RNG.standard_normal(4)

    def correlate(x: Any, k: Any) -> Any:
        return np.array([sum(x[i + j] * k[j] for j in range(3)) for i in range(4)])

    x, k, dx = RNG.standard_normal(6), RNG.standard_normal(3), np.zeros(6)
    for i in range(4):
        for j in range(3):
            dx[i + j] += upstream[i] * k[2 - j]
    assert "flip" in str(check_gradient(lambda x: correlate(x, k), x, dx, upstream))


def test_one_wrong_number_is_no_multiple_of_the_input():
    said = str(check_gradient(lambda x: (x * x * 3).sum(), np.array([[2.0]]), np.array([[5.0]])))
    assert "WRONG" in said and "times the input itself" not in said and "updated x" not in said


def test_a_missing_mask_is_not_called_a_mask_of_another_kind() -> None:
    z, dy = np.array([0.7, -1.0, 2.0, 0.2]), np.array([1.0, 2.0, 3.0, 4.0])
    said = str(check_gradient(lambda z: (np.maximum(0, z) * dy).sum(), z, dy))
    assert "`np.maximum(0, z)`" in said and "is missing" in said
    assert "the gradient passes where" not in said


def test_an_array_of_a_dictionary_has_its_name() -> None:
    rng = np.random.default_rng(0)
    eps = rng.standard_normal((4, 3))
    params = {"mu": rng.standard_normal((4, 3)), "logvar": rng.standard_normal((4, 3))}

    def loss(params: dict[str, np.ndarray]) -> Any:
        std = np.exp(0.5 * params["logvar"])
        z = params["mu"] + std * eps
        return (z**2).sum()

    std = np.exp(0.5 * params["logvar"])
    dz = 2 * (params["mu"] + std * eps)
    report = check_gradient(loss, params, {"mu": dz, "logvar": dz * 0.5 * std})  # wrong: eps is missing
    found = next(f.diagnosis for f in report.findings if f.diagnosis)
    assert found is not None and "is passed to `std` as it is, without the factor `eps`" in found.cause
    report = check_gradient(loss, params, {"mu": dz, "logvar": dz * eps * std})  # wrong: 0.5 is missing
    found = next(f.diagnosis for f in report.findings if f.diagnosis)
    assert found is not None and 'to `params["logvar"]` as it is, without the factor `0.5`' in found.cause


@pytest.mark.parametrize("of", [lambda s: s * 2.0, lambda s: np.tanh(s)], ids=["scaled", "tanh"])
def test_the_standard_deviation(of: Callable[[Any], Any]) -> None:
    x = np.random.default_rng(0).standard_normal((6, 3)) + 1

    def loss(x: np.ndarray) -> Any:
        return of(x.std(axis=0)).sum() + of(x.var(axis=0)).sum()

    std, less = x.std(axis=0), x - x.mean(axis=0)
    h = 1e-6
    dstd, dvar = ((of(s + h) - of(s - h)) / (2 * h) for s in (std, std**2))
    right = dstd * less / (6 * std) + dvar * 2 * less / 6
    assert check_gradient(loss, x, right)
    for wrong, said in (
        (dstd * x / (6 * std) + dvar * 2 * less / 6, "`x.std(axis=0)`{}: the mean is not subtracted"),
        (dstd * less / (6 * std**2) + dvar * 2 * less / 6, "`x.std(axis=0)`{}: it is divided by the variance"),
        (dstd * less / (6 * std) + dvar * 2 * x / 6, "`x.var(axis=0)`{}: the mean is not subtracted"),
    ):
        found = check_gradient(loss, x, wrong).findings[0].diagnosis
        assert found is not None
        name, what = said.split("{}: ")
        assert f"the derivative of {name}" in found.cause and what in found.cause


@pytest.mark.parametrize("by", ["/", "*"])
def test_the_square_of_a_factor_for_its_root(by: str) -> None:
    rng = np.random.default_rng(0)
    q, k, d = rng.standard_normal((5, 9)), rng.standard_normal((5, 9)), 9

    def loss(q: np.ndarray) -> Any:
        scores = q @ k.T / np.sqrt(d) if by == "/" else q @ k.T * np.sqrt(d)
        return np.tanh(scores).sum()

    scores = q @ k.T / np.sqrt(d) if by == "/" else q @ k.T * np.sqrt(d)
    dscores = 1 - np.tanh(scores) ** 2
    found = check_gradient(loss, q, dscores @ k / d if by == "/" else dscores @ k * d).findings[0].diagnosis
    assert found is not None
    way = "divided" if by == "/" else "multiplied"
    assert f"is {way} by `3` twice, as by 9 instead of 3, its root" in found.cause


def test_the_derivative_of_the_softmax_once_more_with_smoothed_targets() -> None:
    rng = np.random.default_rng(0)
    z, y, eps = rng.standard_normal((6, 4)), rng.integers(0, 4, 6), 0.1
    targets = (1 - eps) * np.eye(4)[y] + eps / 4

    def loss(z: np.ndarray) -> Any:
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -(targets * logp).sum() / len(y)

    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    found = check_gradient(loss, z, p * (1 - p) * (p - targets) / 6).findings[0].diagnosis
    assert found is not None and "it has the factor p * (1 - p), which the loss cancels" in found.cause
    found = check_gradient(loss, z, (p - (1 - eps) * np.eye(4)[y] - eps / 3) / 6).findings[0].diagnosis
    assert found is not None and "eps / 3 is added instead of eps / 4" in found.cause


def test_a_square_whose_sum_is_not_added_to_the_loss_is_no_penalty() -> None:
    rng = np.random.default_rng(0)
    W, A = rng.standard_normal((4, 3)), rng.standard_normal((5, 3))

    def orthogonal(W: np.ndarray) -> Any:
        G = W.T @ W - np.eye(3)
        return (G**2).sum()

    found = check_gradient(orthogonal, W, 4 * W @ W.T @ W).findings[0].diagnosis  # wrong: without the identity
    assert found is not None and "the derivative of `G**2`" in found.cause and "regular" not in found.cause

    def cosine(A: np.ndarray) -> Any:
        norm = np.sqrt((A**2).sum(axis=1))
        return (A.sum(axis=1) / norm).mean()

    norm = np.sqrt((A**2).sum(axis=1, keepdims=True))
    wrong = (1 / norm + A.sum(axis=1, keepdims=True) * A / norm**3) / 5  # wrong: a minus
    found = check_gradient(cosine, A, wrong).findings[0].diagnosis
    assert found is not None and "through `norm`" in found.cause and "the wrong sign" in found.cause
    assert "penalty" not in found.cause
