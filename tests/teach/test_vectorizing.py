"""Naive loops over windows: their mistakes are those of a convolution or of a pooling, and are found as fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.autograd import check_gradient
from minigrad.teach.recording import record
from minigrad.teach.tape import Tape
from minigrad.teach.vectorizing import vectorized

RNG = np.random.default_rng(5)
X, W, B = RNG.standard_normal((3, 2, 5, 5)), RNG.standard_normal((2, 2, 3, 3)), RNG.standard_normal(2)
G, G2 = RNG.standard_normal((3, 2, 5, 5)), RNG.standard_normal((3, 2, 3, 3))


def convolution(x: Any, w: Any, b: Any, stride: int = 1) -> Any:
    """CS231n's conv_forward_naive, with a padding of 1."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.zeros((3, 2, (5 - 1) // stride + 1, (5 - 1) // stride + 1))
    for n in range(3):
        for f in range(2):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    window = padded[n, :, i * stride : i * stride + 3, j * stride : j * stride + 3]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out


def channels_last(a: Any, w: Any) -> Any:
    """deeplearning.ai's conv_forward: (images, height, width, channels)."""
    padded = np.pad(a, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="constant", constant_values=(0, 0))
    z = np.zeros((3, 5, 5, 2))
    for i in range(3):
        image = padded[i]
        for h in range(5):
            for v in range(5):
                for c in range(2):
                    z[i, h, v, c] = np.sum(image[h : h + 3, v : v + 3, :] * w[:, :, :, c])
    return z


def pooling(x: Any) -> Any:
    out = np.zeros((3, 2, 3, 3))
    for n in range(3):
        for c in range(2):
            for i in range(3):
                for j in range(3):
                    out[n, c, i, j] = np.max(x[n, c, i : i + 3, j : j + 3])
    return out


def backward(g: np.ndarray, put: Callable[..., None], stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of x and w; `put` adds what one window gives."""
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(W)
    for n, f, i, j in np.ndindex(*g.shape):
        at = (slice(None), slice(i * stride, i * stride + 3), slice(j * stride, j * stride + 3))
        put(n, f, i, j, at, padded, dpadded, dw)
    return dpadded[:, :, 1:-1, 1:-1], dw


def cause(f: Callable[[Any], Any], x: np.ndarray, dx: np.ndarray, g: np.ndarray) -> str:
    report = check_gradient(f, x, dx, g)
    assert report.verdict == "wrong"
    found = report.findings[0].diagnosis
    return "" if found is None else found.cause


def test_a_convolution_in_loops_is_one_operation() -> None:
    for f, x, g in (
        (lambda x: convolution(x, W, B), X, G),
        (lambda w: convolution(X, w, B), W, G),
        (lambda b: convolution(X, W, b), B, G),
        (lambda x: convolution(x, W, B, 2), X, G2),
    ):
        whole = vectorized(Tape(record(f, x), g))
        assert whole is not None and whole.ops[-1].kind == "conv" and len(whole.ops) == 4


def test_axes_are_found_in_another_order_and_what_follows_stays() -> None:
    a, w = X.transpose(0, 2, 3, 1).copy(), W.transpose(2, 3, 1, 0).copy()
    whole = vectorized(Tape(record(lambda a: (np.tanh(channels_last(a, w)) ** 2).sum(), a), 1.0))
    assert whole is not None and [op.kind for op in whole.ops].count("conv") == 1
    assert whole.ops[-1].kind == "sum" and whole.gradient.shape == a.shape
    whole = vectorized(Tape(record(lambda w: ((convolution(X, w, B) - G) ** 2).sum(), W), 1.0))  # with a target
    assert whole is not None and [op.kind for op in whole.ops].count("conv") == 1


def test_another_function_of_windows_stays_a_loop() -> None:
    def f(x: Any) -> Any:
        out = np.zeros((3, 2, 3, 3))
        for n, c, i, j in np.ndindex(3, 2, 3, 3):
            out[n, c, i, j] = np.sum(x[n, c, i : i + 3, j : j + 3] ** 2)
        return out

    assert vectorized(Tape(record(f, X), G2)) is None


@pytest.mark.slow
def test_the_mistakes_in_the_gradient_of_the_images() -> None:
    def sets(n: int, f: int, i: int, j: int, at: Any, padded: Any, dpadded: Any, dw: Any) -> None:
        dpadded[(n, *at)] = W[f] * G[n, f, i, j]

    def flipped(n: int, f: int, i: int, j: int, at: Any, padded: Any, dpadded: Any, dw: Any) -> None:
        dpadded[(n, *at)] += W[f, :, ::-1, ::-1] * G[n, f, i, j]

    assert "overwrites (=)" in cause(lambda x: convolution(x, W, B), X, backward(G, sets)[0], G)
    assert "the kernel is flipped" in cause(lambda x: convolution(x, W, B), X, backward(G, flipped)[0], G)
    a, w, g = X.transpose(0, 2, 3, 1).copy(), W.transpose(2, 3, 1, 0).copy(), G.transpose(0, 2, 3, 1).copy()
    dx = backward(G, flipped)[0].transpose(0, 2, 3, 1)
    assert "the kernel is flipped" in cause(lambda a: channels_last(a, w), a, dx, g)


@pytest.mark.parametrize(
    ("lies", "said"),
    [
        (lambda i, j: (i, j), "not at i * stride"),
        (lambda i, j: (2 * i, j), "along the columns alone"),
        (lambda i, j: (2 * i, 2 * i), "at (i, i)"),
        (lambda i, j: (2 * j, 2 * i), "exchanged"),
    ],
)
@pytest.mark.slow
def test_windows_that_do_not_lie_there(lies: Any, said: str) -> None:
    padded = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(W)
    for n, f, i, j in np.ndindex(*G2.shape):
        a, b = lies(i, j)
        dpadded[n, :, a : a + 3, b : b + 3] += W[f] * G2[n, f, i, j]
        dw[f] += padded[n, :, a : a + 3, b : b + 3] * G2[n, f, i, j]
    assert said in cause(lambda x: convolution(x, W, B, 2), X, dpadded[:, :, 1:-1, 1:-1], G2)
    assert said in cause(lambda w: convolution(X, w, B, 2), W, dw, G2)


@pytest.mark.slow
def test_a_loop_that_ends_too_early_and_wrong_images() -> None:
    def dw(images: Any, rows: Any) -> np.ndarray:
        padded, total = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1))), np.zeros_like(W)
        for n, f, i, j in np.ndindex(*G2.shape):
            if i in rows:
                total[f] += padded[images(n), :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * G2[n, f, i, j]
        return total

    def f(w: Any) -> Any:
        return convolution(X, w, B, 2)

    assert "the last row of windows is missing" in cause(f, W, dw(lambda n: n, (0, 1)), G2)
    last = recorded_gradient(f, G2 * np.pad(np.ones((2, 2)), (0, 1)))
    assert "the last row and column of windows are missing" in cause(f, W, last, G2)
    assert "only that of the first row of windows is there" in cause(f, W, dw(lambda n: n, (0,)), G2)
    assert "always the first image" in cause(f, W, dw(lambda n: 0, (0, 1, 2)), G2)
    assert "upstream gradient is always that of the last image" in cause(
        f, W, recorded_gradient(f, np.broadcast_to(G2[-1:], G2.shape)), G2
    )


def recorded_gradient(f: Callable[[Any], Any], g: np.ndarray) -> np.ndarray:
    return Tape(record(f, W), g).gradient


def test_a_long_loop_is_compared_in_a_sample_and_right() -> None:
    def right(n: int, f: int, i: int, j: int, at: Any, padded: Any, dpadded: Any, dw: Any) -> None:
        dpadded[(n, *at)] += W[f] * G[n, f, i, j]
        dw[f] += padded[(n, *at)] * G[n, f, i, j]

    dx, dw = backward(G, right)
    report = check_gradient(lambda x: convolution(x, W, B), X, dx, G)
    assert report and "compared one by one" in str(report)
    assert check_gradient(lambda w: convolution(X, w, B), W, dw, G)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (lambda window, first: 1.0, "all elements"),
        (lambda window, first: 1 / 9, "average pooling"),
        (lambda window, first: first == first.max(), "always that of the first channel"),
    ],
)
def test_the_mistakes_in_a_pooling(share: Any, said: str) -> None:
    dx = np.zeros_like(X)
    for n, c, i, j in np.ndindex(*G2.shape):
        window, first = X[n, c, i : i + 3, j : j + 3], X[n, 0, i : i + 3, j : j + 3]
        dx[n, c, i : i + 3, j : j + 3] += G2[n, c, i, j] * share(window, first)
    assert said in cause(pooling, X, dx, G2)
