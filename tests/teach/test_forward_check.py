"""Mistakes planted in forward passes, written in many ways, are named in the first sentence."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from cases import each

from minigrad import check_forward
from minigrad.teach.forward import search
from minigrad.teach.forward.mistakes.activations import ACTIVATIONS

RNG = np.random.default_rng(42)
X, W, B = RNG.standard_normal((5, 4)), RNG.standard_normal((4, 4)), RNG.standard_normal(4)
SCORES, LABELS = 2 * RNG.standard_normal((6, 4)), np.array([0, 3, 1, 2, 1, 0])
IMAGES = RNG.standard_normal((2, 4, 6, 6))
Q = RNG.standard_normal((2, 5, 4))


def _words(case: Any) -> str:
    return case if isinstance(case, str) else ""


@pytest.fixture(autouse=True)
def _without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search is given up, however slow the machine is."""
    monkeypatch.setattr(search, "LIMIT", 600.0)


def relu_layer(X: Any, W: Any, b: Any) -> Any:
    return np.maximum(0, X @ W + b)


def softmax(S: Any, axis: Any = -1) -> Any:
    E = np.exp(S - S.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True)


def cross_entropy(S: Any, y: Any) -> Any:
    Z = S - S.max(axis=1, keepdims=True)
    logp = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean()


def smoothed(S: Any, y: Any, low: float = 0.1 / 4, high: float = 0.9 + 0.1 / 4) -> Any:
    targets = np.full(S.shape, low)
    targets[np.arange(len(y)), y] = high
    return -(targets * np.log(softmax(S))).sum(axis=1).mean()


def hinge(S: Any, y: Any) -> Any:
    M = np.maximum(0, S - S[np.arange(len(y)), y][:, None] + 1.0)
    M[np.arange(len(y)), y] = 0
    return M.sum() / len(y)


def batch_norm(x: Any, axes: Any = (0, 2, 3)) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def reshaped_batch_norm(x: Any) -> Any:
    flat = x.reshape(-1, x.shape[1])
    return ((flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)).reshape(x.shape)


def group_norm(x: Any, groups: int = 2) -> Any:
    z = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    z = (z - z.mean((2, 3, 4), keepdims=True)) / np.sqrt(z.var((2, 3, 4), keepdims=True) + 1e-5)
    return z.reshape(x.shape)


def attention(Q: Any, mask: Any, after: bool = False, scale_after: bool = False) -> Any:
    s = Q @ Q.transpose(0, 2, 1) / (1 if scale_after else np.sqrt(Q.shape[-1]))
    a = softmax(s if after else np.where(mask, s, -np.inf))
    return np.where(mask, a, 0) @ Q if after else (a / 2 if scale_after else a) @ Q


CAUSAL = np.tril(np.ones((5, 5))) > 0


def pooled(x: Any) -> Any:
    return x.reshape(2, 4, 3, 2, 3, 2).max((3, 5))


def windows(x: Any, step: int, size: int = 2) -> Any:
    corners = range(0, 3 * step, step)
    parts = [[x[:, :, i : i + size, j : j + size].max((2, 3)) for j in corners] for i in corners]
    return np.moveaxis(np.array(parts), (0, 1), (2, 3))


def gates(z: Any, order: str = "ifog") -> Any:
    parts = dict(zip(order, np.split(z, 4, axis=1)))
    i, f, o, g = (parts[name] for name in "ifog")
    return 1 / (1 + np.exp(-o)) * np.tanh(f + np.tanh(g) * np.exp(-i))


def encoded(X: Any, start: int = 0, halves: bool = False) -> Any:
    length, size = X.shape
    position = np.arange(length)[:, None] + start
    angles = position / 10000 ** (np.arange(0, size, 2) / size)
    P = np.zeros((length, size))
    if halves:
        P[:, : size // 2], P[:, size // 2 :] = np.sin(angles), np.cos(angles)
    else:
        P[:, 0::2], P[:, 1::2] = np.sin(angles), np.cos(angles)
    return X + P


def dropout(x: Any, scale: float = 0.6) -> Any:
    return x * ((np.random.rand(*x.shape) > 0.4) / scale)


def initialized(X: Any, spread: float = np.sqrt(2 / 4)) -> Any:
    return X @ (np.random.randn(X.shape[1], 7) * spread)


def returns(r: Any, backward: bool = True) -> Any:
    out, total = np.zeros_like(r), 0.0
    for t in reversed(range(len(r))) if backward else range(len(r)):
        total = r[t] + 0.9 * total
        out[t] = total
    return out


def unit(a: Any) -> Any:
    return a / np.sqrt((a**2).sum(axis=1, keepdims=True))


def block(X: Any, W: Any, first: bool = True) -> Any:
    y = batch_norm(X, 1) if first else X
    out = X + np.tanh(y @ W)
    return out if first else batch_norm(out, 1)


def scaled_block(X: Any, W: Any, first: bool = True) -> Any:
    y = X / np.sqrt((X**2).mean(axis=1, keepdims=True)) if first else X
    z = y @ W
    out = np.maximum(z, 0) + X
    return out if first else out / np.sqrt((out**2).mean(axis=1, keepdims=True))


def penalized(X: Any, W: Any, b: Any, f: Any = np.square, bias: bool = False) -> Any:
    return ((X @ W + b) ** 2).mean() + 0.1 * f(W).sum() + (0.1 * f(b).sum() if bias else 0)


def huber(X: Any, inside: Any = np.abs) -> Any:
    return np.where(inside(X) <= 1, 0.5 * X**2, np.abs(X) - 0.5).mean()


CASES: list[Any] = [
    (lambda X, W, b: (z := X @ W + b) / (1 + np.exp(-z)), relu_layer, (X, W, B), "swish .* instead of the ReLU"),
    (lambda X, W, b: np.log1p(np.exp(X @ W + b)), relu_layer, (X, W, B), "softplus of .* instead of the ReLU"),
    (lambda X, W, b: X @ W + b, relu_layer, (X, W, B), "the ReLU .* is missing: .* stays as it is"),
    (lambda X, W, b: np.minimum(0, X @ W + b), relu_layer, (X, W, B), "minimum with 0"),
    (lambda X: np.where(X > 0, X, np.exp(X)), lambda X: np.where(X > 0, X, np.exp(X) - 1), (X,), "`1` is left out"),
    (lambda S: 1 / (1 + np.exp(-S)), softmax, (SCORES,), "sigmoid of `S` .* instead of the softmax"),
    (lambda S: softmax(S, 0), softmax, (SCORES,), "softmax over axis 0 of `S` .* instead of the softmax over axis 1"),
    (lambda S, y: -softmax(S)[np.arange(6), y].mean(), cross_entropy, (SCORES, LABELS), "logarithm is missing"),
    (lambda S, y: -np.log(softmax(S)[np.arange(6), y].mean()), cross_entropy, (SCORES, LABELS), "logarithm .* after"),
    (
        lambda S, y: -np.log(softmax(S)[np.arange(6), y].mean()),
        lambda S, y: -np.log(softmax(S))[np.arange(6), y].sum() / 6,
        (SCORES, LABELS),
        "logarithm .* after",
    ),
    (lambda a, b: a @ b.T / 0.1, lambda a, b: unit(a) @ unit(b).T / 0.1, (X, W), "quotient .*left out.* 2 places"),
    (lambda S, y: -np.log2(softmax(S)[np.arange(6), y]).mean(), cross_entropy, (SCORES, LABELS), "base 2 instead of e"),
    (lambda S, y: smoothed(S, y, 0.1 / 3, 0.9), smoothed, (SCORES, LABELS), r"eps / \(K - 1\) instead of eps / K"),
    (lambda S, y: smoothed(S, y, 0.0, 0.9), smoothed, (SCORES, LABELS), "targets .*are not smoothed"),
    (
        lambda S, y: sum(max(S[i, j] - S[i, y[i]] + 1 for j in range(4) if j != y[i]) for i in range(6)) / 6,
        lambda S, y: np.maximum(S - S[np.arange(6), y][:, None] + 1 - 99 * np.eye(4)[y], -9).sum() / 6,
        (SCORES, LABELS),
        "the sum of the largest element of each row",
    ),
    (lambda x: batch_norm(x, (2, 3)), batch_norm, (IMAGES,), r"axes \(2, 3\) instead of axes \(0, 2, 3\)"),
    (reshaped_batch_norm, batch_norm, (IMAGES,), "reshaped where its channels should be moved"),
    (lambda x: group_norm(x, 4), group_norm, (IMAGES,), "another number of groups: 4 of 1 instead of 2 of 2"),
    (lambda Q: attention(Q, CAUSAL, True), lambda Q: attention(Q, CAUSAL), (Q,), "mask .* is applied after"),
    (
        lambda Q: attention(Q, np.tril(np.ones((5, 5)), 1) > 0),
        lambda Q: attention(Q, CAUSAL),
        (Q,),
        r"triangle off by one diagonal",
    ),
    (
        lambda Q: attention(Q, CAUSAL, scale_after=True),
        lambda Q: attention(Q, CAUSAL),
        (Q,),
        "the factor of .* comes after",
    ),
    (lambda x: windows(x, 1), pooled, (IMAGES,), "overlap: their step is 1 instead of 2"),
    (lambda x: x[:, :, ::2, ::2], pooled, (IMAGES,), "the first element, without comparing"),
    (
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge").sum(1),
        lambda x: np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))).sum(1),
        (IMAGES,),
        "padding of `x` repeats the border",
    ),
    (lambda z: gates(z, "ifgo"), gates, (RNG.standard_normal((3, 8)),), "parts 2 and 3 of `z` are exchanged"),
    (lambda X: encoded(X, 1), encoded, (X,), r"constant 0 in .*`position` .* is replaced by 1"),
    (lambda X: encoded(X, 0, True), encoded, (X,), "two halves instead of alternating"),
    (lambda x: dropout(x, 1.0), dropout, (X,), "not divided by 0.6, the probability to keep"),
    (lambda x: dropout(x, 0.4), dropout, (X,), "divided by 0.4, the probability to drop"),
    (lambda X: initialized(X, 2 / 4), initialized, (X,), "the square root is missing"),
    (lambda X: initialized(X, np.sqrt(1 / 4)), initialized, (X,), "is 0.5 instead of sqrt"),
    (lambda r: returns(r, False), returns, (X[:, 0],), "runs in the opposite direction"),
    (
        lambda S, y: float((S.argmax(1) == y).sum()),
        lambda S, y: (S.argmax(1) == y).mean(),
        (SCORES, np.array([0, 3, 1, 2, 1, 2])),
        "6 times the reference's, and 6 is the size of dimension 0 of `S`",
    ),
    (
        lambda a, b: np.abs(a - b).sum(1),
        lambda a, b: np.sqrt(((a - b) ** 2).sum(1)),
        (X, X[::-1] + B),
        r"\(L1\) .* instead of the root",
    ),
    (
        lambda X, W: block(X, W, False),
        block,
        (X, W),
        "steps from `X` to .*`y` .* come after the sum .* instead of before",
    ),
    (lambda X, W: scaled_block(X, W, False), scaled_block, (X, W), "steps from `X` to .* come after the sum"),
    (lambda *a: penalized(*a, bias=True), penalized, (X, W, B), "`b` is part of the sum .* too"),
    (
        lambda *a: penalized(*a, np.abs, True),
        lambda *a: penalized(*a, np.abs),
        (X, W, B),
        "`b` is part of the sum .* too",
    ),
    (lambda X: huber(X, lambda x: x), huber, (2 * X,), r"`X` is compared with 1 instead of `np.abs\(X\)`"),
    (lambda X, W: X @ W / 4 + 1, lambda X, W: X @ W + 1, (X, W), "divided by 4, .*a mean for a sum|size of dimension"),
    (
        lambda Q: Q.reshape(2, 5, 2, 2).transpose(0, 3, 1, 2),
        lambda Q: Q.reshape(2, 5, 2, 2).transpose(0, 2, 1, 3),
        (Q,),
        r"axes .* in another order: \(0, 3, 1, 2\) instead of \(0, 2, 1, 3\)",
    ),
]


def _is_named(mine: Any, reference: Any, inputs: Any, words: str) -> None:
    report = check_forward(mine, reference, *inputs)
    assert not report and re.search(words, report.cause), f"{words}: {report}"


test_a_sample_of_mistakes = each("mine, reference, inputs, words", CASES[::6], ids=_words)(_is_named)
test_the_first_sentence_names_the_mistake = pytest.mark.exhaustive(
    each("mine, reference, inputs, words", CASES, ids=_words)(_is_named)
)


@pytest.mark.exhaustive
def test_every_activation_is_recognized_where_it_is_written_out() -> None:
    x = np.linspace(-8, 8, 23) + 0.1
    forms: dict[str, Any] = {
        "ReLU": lambda x: x * (np.abs(x) + x) / (2 * np.abs(x)),
        "tanh": lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
        "sigmoid": lambda x: np.exp(x) / (1 + np.exp(x)),
        "swish": lambda x: x - x / (1 + np.exp(x)),
        "softplus": lambda x: np.log1p(np.exp(x)),
        "Mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
        "ELU": lambda x: np.where(x > 0, x, np.exp(x) - 1),
        "softsign": lambda x: x / (np.abs(x) + 1),
    }
    for name, form in forms.items():
        for other, function in ACTIVATIONS.items():
            if other not in ("arctan", "GELU", "leaky ReLU with the slope 0.1"):
                continue
            report = check_forward(lambda x, f=function: f(x) + 1, lambda x, f=form: f(x) + 1, x)
            said = f"the {other} of `x` is taken instead of the {name}"
            assert report.cause.startswith(said), f"{said}: {report}"


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def gated(h: Any, x: Any, w: Any) -> Any:
    z = sigmoid(x @ w)
    return (1 - z) * np.tanh(x) + z * h


def entropy(z: Any) -> Any:
    p = sigmoid(z)
    y = np.arange(len(z)) % 2
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def ranked(a: Any, b: Any, c: Any) -> Any:
    near, far = ((a - b) ** 2).sum(axis=1), ((a - c) ** 2).sum(axis=1)
    return np.maximum(near - far + 1, 0)


def recurrent(x: Any, w: Any, start: Any = np.zeros) -> Any:
    h = start((4, 3))
    for _ in range(3):
        h = np.tanh(x + h @ w)
    return h


@each(
    ("mine", "reference", "words"),
    [
        (
            lambda h, x, w: sigmoid(x @ w) * np.tanh(x) + (1 - sigmoid(x @ w)) * h,
            gated,
            r"`z` and 1 - `z` are exchanged",
        ),
        (lambda h, x, w: entropy(-h[:, 0]), lambda h, x, w: entropy(h[:, 0]), r"`p` and 1 - `p` are exchanged"),
        (lambda h, x, w: -0.5 * (h - x).mean(), lambda h, x, w: 0.5 * (h - x).mean(), r"the sign of .* is wrong"),
        (
            lambda h, x, w: np.maximum(
                np.sqrt(((h - x) ** 2).sum(axis=1)) - np.sqrt(((h - w[[0, 1, 2, 0]]) ** 2).sum(axis=1)) + 1, 0
            ),
            lambda h, x, w: ranked(h, x, w[[0, 1, 2, 0]]),
            r"the square root is applied .* at all 2 places",
        ),
        (lambda h, x, w: recurrent(x, w, np.ones), lambda h, x, w: recurrent(x, w), r"the zeros .* are ones"),
        (
            lambda h, x, w: np.tanh(x),
            lambda h, x, w: recurrent(x, w),
            r"not carried on to the next.* `h @ w` is left out",
        ),
        (lambda h, x, w: h - np.median(h, axis=0), lambda h, x, w: h - h.mean(axis=0), r"the median is taken"),
        (lambda h, x, w: h @ (1 - sigmoid(w)), lambda h, x, w: h @ sigmoid(w), r"1 - .* is used instead of"),
        (
            lambda h, x, w: (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + 1e-5),
            lambda h, x, w: (h - w[0]) / np.sqrt(np.abs(w[1]) + 1e-5),
            r"mean and the variance",
        ),
        (
            lambda h, x, w: (h - h.mean(axis=0)).T @ (h - h.mean(axis=0)) / len(h),
            lambda h, x, w: (h - h.mean(axis=0)).T @ (h - h.mean(axis=0)) / (len(h) - 1),
            r"not N - 1 \(ddof\)",
        ),
        (
            lambda h, x, w: (h - h.min(axis=0)) / (h.max(axis=0) - h.min(axis=0)),
            lambda h, x, w: (h - h.mean(axis=0)) / h.std(axis=0),
            r"\(x - min\) / \(max - min\) instead of \(x - mean\) / std",
        ),
    ],
)
@pytest.mark.slow
def test_complements_signs_starts_and_scalings(mine: Any, reference: Any, words: str) -> None:
    rng = np.random.default_rng(5)
    report = check_forward(mine, reference, *(rng.standard_normal(shape) for shape in ((4, 3), (4, 3), (3, 3))))
    assert not report and re.search(words, report.cause), str(report)


def test_only_an_unshifted_softmax_is_blamed_for_overflow() -> None:
    def loss(z: Any, shift: bool = True) -> Any:
        e = np.exp(z - z.max(axis=1, keepdims=True) if shift else z)
        return -np.log(e[:, 0] / e.sum(axis=1)).mean()

    z = np.random.default_rng(0).standard_normal((5, 3))
    report = check_forward(lambda z: loss(z, shift=False), loss, z)
    assert report.mistake == "overflow" and "1000 more" in report.cause, str(report)
    report = check_forward(lambda z: np.exp(z) / (1 + np.exp(z)), sigmoid, z)
    assert report and "exp gets no large positive numbers" in str(report), str(report)


def _f1(p: Any, y: Any, both: Any = lambda a, b: 2 * a * b / (a + b)) -> Any:
    chosen = (p > 0.5).astype(float)
    right = (chosen * y).astype(np.float64).sum()
    return both(right / chosen.sum(), right / y.sum())


def _accuracy(S: Any, y: Any) -> Any:
    return np.mean(np.argmax(S, axis=1) == y)


def _positions(pos: Any, halves: bool = False) -> Any:
    angle, out = pos[:, None] / 10000 ** (np.arange(0, 8, 2) / 8), np.zeros((len(pos), 8))
    out[:, slice(4) if halves else slice(0, None, 2)] = np.sin(angle)
    out[:, slice(4, None) if halves else slice(1, None, 2)] = np.cos(angle)
    return out


def _dropped(x: Any, keep: float = 0.8, divided: float = 0.8) -> Any:
    return x * (np.random.rand(*x.shape) < keep) / divided


CHOSEN = np.where(np.arange(6) > 1, SCORES.argmax(axis=1), LABELS)
P, TRUE = np.array([0.9, 0.2, 0.7, 0.4, 0.6, 0.1, 0.8, 0.3]), np.array([1.0, 0, 0, 1, 1, 1, 1, 0])


@pytest.mark.parametrize(
    ("mine", "reference", "inputs", "words"),
    [
        (lambda p, y: _f1(p, y, lambda a, b: (a + b) / 2), _f1, (P, TRUE), "the arithmetic mean"),
        (lambda p, y: _f1(p, y, lambda a, b: a * b / (a + b)), _f1, (P, TRUE), "`2` is left out"),
        (lambda S, y: np.mean(np.argmin(S, axis=1) == y), _accuracy, (SCORES, CHOSEN), "opposite sign"),
        (lambda S, y: np.mean(np.argmax(S, axis=1) != y), _accuracy, (SCORES, CHOSEN), "1 minus the reference's"),
        (lambda S, y: np.mean(y), _accuracy, (SCORES, CHOSEN), "cannot be followed"),
        (lambda a, b: np.mean(b > a), lambda a, b: np.mean(a > b), (P, TRUE / 2), "`b` and `a` are exchanged"),
        (lambda p: _positions(p, halves=True), _positions, (np.arange(6.0),), "side by side instead of interleaved"),
        (lambda x: _positions(x)[:, [0, 1, 2, 3, 6, 7, 4, 5]], _positions, (np.arange(6.0),), "in the order [0, 1, 2"),
        (lambda x: _dropped(x, 0.2), _dropped, (X,), "the probability to keep an element"),
        (lambda x: _dropped(x, 0.5, 0.5), _dropped, (X,), "1.6 times as large at the others"),
        (lambda S: np.exp(S - S.max(axis=1, keepdims=True)), lambda S: softmax(S), (SCORES,), "the maximum is taken"),
        (lambda x: x + 1, lambda x: 2 * x + 1, (X,), "`2` is left out"),
    ],
)
def test_what_only_counts_or_masks_or_orders(mine: Any, reference: Any, inputs: Any, words: str) -> None:
    assert check_forward(reference, reference, *inputs)
    report = check_forward(mine, reference, *inputs)
    assert not report and words in report.cause and "size of" not in report.cause, str(report)
