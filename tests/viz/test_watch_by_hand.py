"""`watch` of parameters that no module holds: a dictionary or list of tensors, or of Values."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Value, tensor
from minigrad.hooks import watchers
from minigrad.nn import functional as F

SEED = np.random.default_rng(0)
X = SEED.standard_normal((64, 6))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def watched(
    logs: str = "after",
    rate: float = 0.5,
    zeroes: bool = True,
    replaces: bool = False,
    twice: bool = False,
    steps: int = 60,
) -> Any:
    """Train a network of four tensors in a loop by hand, and return the watcher."""
    rng = np.random.default_rng(1)
    shapes = {"W1": (6, 16), "W2": (16, 3), "b1": (16,), "b2": (3,)}
    params = {
        name: tensor(rng.standard_normal(shape) * 0.3 * (len(shape) > 1), requires_grad=True)
        for name, shape in shapes.items()
    }
    with minigrad.watch(params, live=False) as watcher:
        for _ in range(steps):
            scores = F.relu(tensor(X) @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]
            loss = F.cross_entropy(F.softmax(scores, dim=1) if twice else scores, tensor(Y))
            if logs == "before backward":
                watcher.log(loss)
            for p in params.values() if zeroes else ():
                p.grad = None
            loss.backward()
            if logs == "before the update":
                watcher.log(loss)
            for name, p in params.items():
                if replaces:
                    params[name] = (p - rate * p.grad).detach().requires_grad_()
                else:
                    p.data -= rate * p.grad
            if logs == "after":
                watcher.log(loss)
    return watcher


@pytest.mark.parametrize("logs", ["after", "before the update", "before backward"])
def test_a_dictionary_of_tensors_is_watched_wherever_the_loss_is_logged(logs: str) -> None:
    watcher = watched(logs)
    assert watcher.findings == [] and len(watcher.losses) == 60
    last = watcher.samples[-1]
    assert [*last.sizes] == ["W1 (Weights)", "W2 (Weights)"]  # each with its bias
    assert last.learning_rates == pytest.approx((0.5,), rel=1e-4)
    assert "uphill" in watched(logs, rate=-0.5).findings[0].text


def test_mistakes_of_a_loop_by_hand() -> None:
    assert watched(replaces=True).findings == []
    assert "call optimizer.zero_grad()" in watched(zeroes=False).findings[0].text
    assert "softmax again" in watched(twice=True, steps=12).findings[0].text
    assert "30 is too high" in watched(rate=30.0).findings[0].text
    assert "does not change" in watched(rate=0.0, steps=12).findings[0].text


def micrograd(rate: float, steps: int = 40, grouped: bool = False, zeroes: bool = True, parts: int = 1) -> Any:
    """Train a neuron of Values, and return the watcher."""
    random.seed(0)
    w, b = [Value(random.uniform(-1, 1)) for _ in range(3)], Value(0.0)
    points = [((2.0, 3.0, -1.0), 1.0), ((3.0, -1.0, 0.5), -1.0), ((0.5, 1.0, 1.0), -1.0)]
    with minigrad.watch({"w": w, "b": [b]} if grouped else [*w, b], live=False) as watcher:
        for _ in range(steps):
            outs = [(sum((wi * xi for wi, xi in zip(w, x)), b).tanh(), y) for x, y in points]
            loss = sum(((out - y) ** 2 for out, y in outs), Value(0.0))
            for p in (*w, b) if zeroes else ():
                p.grad = 0.0
            for _ in range(parts):
                (loss / parts).backward(retain_graph=True)
            for p in (*w, b):
                p.data -= rate * p.grad
            watcher.log(loss)
    return watcher


def test_values_are_watched() -> None:
    healthy = micrograd(0.05)
    assert healthy.findings == [] and healthy.losses[-1] < healthy.losses[0]
    assert healthy.samples[-1].learning_rates == pytest.approx((0.05,))
    assert [*micrograd(0.05, grouped=True).samples[-1].sizes] == ["w (Weights)", "b (Weights)"]
    assert "uphill" in micrograd(-0.05).findings[0].text
    assert not watchers and micrograd(0.05, parts=2).findings == []
    assert "set the gradients to zero" in micrograd(0.05, zeroes=False).findings[0].text
    assert "set the gradients to zero" in micrograd(0.05, zeroes=False, grouped=True).findings[0].text
    assert not watchers
    assert "does not change" in micrograd(0.0).findings[0].text


def test_what_is_no_parameter_is_refused() -> None:
    given: Any
    for given, kind, words in (
        ([], TypeError, "there is no parameter"),
        ([1], TypeError, "must be a tensor, or a list of Values, got int"),
        ({"a": 3, "b": Value(1.0)}, TypeError, "'a'"),
        ("W1", TypeError, "a list or dictionary of parameters, got str"),
        ([tensor([1.0])], ValueError, "does not require a gradient"),
    ):
        with pytest.raises(kind, match=words):
            minigrad.watch(given, live=False)


def by_hand(
    x: Any = X,
    act: Any = np.tanh,
    scale: float = 0.3,
    clip: float = 0.0,
    y: Any = Y,
    square: bool = False,
    zeroes_after: bool = False,
    steps: int = 210,
) -> str:
    """Train two layers of tensors in a loop by hand, and return the first finding."""
    rng = np.random.default_rng(2)
    params = {
        "W1": tensor(rng.standard_normal((6, 16)) * scale, requires_grad=True),
        "W2": tensor(rng.standard_normal((16, 1 if square else 3)) * 0.3, requires_grad=True),
        "b2": tensor(np.zeros(1 if square else 3), requires_grad=True),
    }
    with minigrad.watch(params, live=False) as watcher:
        for step in range(steps):
            rows = np.random.default_rng(step).integers(0, 64, 32)
            out = act(x[rows] @ params["W1"]) @ params["W2"] + params["b2"]
            loss = ((F.sigmoid(out) - y[rows, None]) ** 2).mean() if square else F.cross_entropy(out, tensor(y[rows]))
            for p in params.values():
                p.grad = None
            loss.backward()
            for p in params.values():
                p.data -= 0.05 * (np.clip(p.grad.numpy(), -clip, clip) if clip else p.grad)
                if zeroes_after:
                    p.grad = None
            watcher.log(loss)
    return next((finding.text for finding in watcher.findings), "")


def values(
    target: Any = np.sign,
    squash: bool = False,
    start: float | None = None,
    trains: slice = slice(None),
    hinge: bool = False,
    in_turn: bool = False,
) -> str:
    """Train micrograd's network, of two hidden units, and return the first finding."""
    random.seed(0)
    ps = [Value(random.uniform(-1, 1) if start is None else start) for _ in range(9)]
    with minigrad.watch(ps, live=False) as watcher:
        for _ in range(12):
            total = Value(0.0)
            for x in X[:12, :2]:
                hidden = [(ps[k] * float(x[0]) + ps[k + 1] * float(x[1]) + ps[k + 2]).tanh() for k in (0, 3)]
                out = ps[6] * hidden[0] + ps[7] * hidden[1] + ps[8]
                y = float(target(x[0]))
                total = total + ((1 + -y * out).relu() if hinge else ((out.tanh() if squash else out) - y) ** 2)
            loss = total / 12
            for p in ps:
                p.grad = 0.0
            loss.backward()
            for p in [random.choice(ps)] if in_turn else ps[trains]:
                p.data -= 0.1 * p.grad
            watcher.log(loss)
    return next((finding.text for finding in watcher.findings), "")


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda: by_hand(x=255 * X), "the inputs go from"),
        (lambda: by_hand(act=lambda h: np.maximum(0, h - 9)), "relu after W1 (Weights) are dead"),
        (lambda: by_hand(act=lambda h: np.maximum(0, h - 1), clip=1e-4), "the numbers of each step are clipped to"),
        (lambda: by_hand(y=(Y > 0) * 1.0, square=True, scale=30), "tanh after W1 (Weights) is saturated"),
        (lambda: by_hand(y=np.where(X[:, 0] > 0, np.nan, 1.0), square=True), "nan in what 'sub'"),
        (lambda: values(target=lambda x: 5 * x, squash=True), "the model ends with a tanh"),
        (lambda: values(start=0.5), "the 9 Values begin with the same number"),
        (lambda: values(start=0.0), "the 9 Values begin with the same number"),
        (lambda: values(target=lambda x: float(x > 0), hinge=True), "the hinge loss gets targets of 0 and 1"),
        (lambda: values(trains=slice(6, None)), "a part of the Values, 6 of 9, has a gradient"),
        (by_hand, ""),
        (lambda: by_hand(zeroes_after=True), ""),
        (values, ""),
        (lambda: values(in_turn=True), ""),
        (lambda: values(hinge=True), ""),
        (lambda: values(squash=True), ""),
    ],
)
def test_what_a_network_by_hand_was_given_and_computes_is_seen(run: Any, words: str) -> None:
    said = run()
    assert words in said if words else not said, said
