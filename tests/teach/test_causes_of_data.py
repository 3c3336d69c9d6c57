"""`watch` names what is wrong with the data of a supervised run, and leaves runs alone whose data say little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, tensor
from minigrad.nn import functional as F
from minigrad.teach.causes.neighbours import Neighbours
from minigrad.teach.causes.targets import imbalance

DIGITS = minigrad.data.digits().train
PIXELS = ((DIGITS.X - DIGITS.X.mean()) / DIGITS.X.std()).astype(np.float32)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def network(*sizes: int, seed: int = 0, activation: type[nn.Module] = nn.ReLU) -> Any:
    minigrad.manual_seed(seed)
    pairs = [[nn.Linear(a, b), activation()] for a, b in zip(sizes, sizes[1:])]
    return nn.Sequential(*[layer for pair in pairs for layer in pair][:-1])


def said(
    model: Any,
    x: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    steps: int = 240,
    batch: int = 32,
    optimizer: Any = None,
    validation: Callable[[], float] | None = None,
) -> str:
    """Train on random batches, and return the first sentence of the watcher, "" if it says nothing."""
    optimizer = optimizer or optim.Adam(model.parameters(), lr=0.003)
    rng = np.random.default_rng(0)
    with minigrad.watch(model, optimizer, live=False, every=5) as watcher:
        for step in range(steps):
            rows = rng.integers(0, len(x), batch)
            value = loss(model(tensor(x[rows])), tensor(y[rows]))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            watcher.log(value, validation=validation() if validation and step % 20 == 19 else None)
    return watcher.findings[0].text if watcher.findings else ""


# ---- targets that have nothing to do with the inputs --------------------------------------------------------------


def table(seed: int, signal: float) -> tuple[np.ndarray, np.ndarray]:
    """Eight features, of which one says something about the target, besides noise of standard deviation 1."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((500, 8)).astype(np.float32)
    return x, (signal * x[:, :1] + rng.standard_normal((500, 1))).astype(np.float32)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("layers", [(nn.BatchNorm1d(64), nn.ReLU()), (nn.Tanh(),)], ids=["batch norm", "tanh"])
def test_shuffled_labels_are_learned_by_heart(layers: tuple[nn.Module, ...], seed: int) -> None:
    minigrad.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), *layers, nn.Linear(64, 10))
    y = np.random.default_rng(seed).permutation(DIGITS.y[:200])
    assert "learns each of them by heart" in said(model, PIXELS[:200], y, F.cross_entropy)


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_numbers_are_learned_by_heart(seed: int) -> None:
    x, _ = table(seed, 1)
    y = np.random.default_rng(seed).permutation(np.sin(x[:, :1]) + x[:, 1:2])
    model = network(8, 64, 64, 1, seed=seed)
    text = said(model, x[:200], y[:200], F.mse_loss)
    assert "do inputs and targets belong together" in text.lower()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("signal", [0.3, 0.5])
def test_targets_that_are_mostly_noise_are_left_alone(seed: int, signal: float) -> None:
    assert said(network(8, 16, 1, seed=seed), *table(seed, signal), F.mse_loss) == ""


def test_a_poisson_likelihood_has_no_divergence() -> None:
    x, y = table(0, 1)
    counts = np.random.default_rng(0).poisson(np.exp(0.5 * y)).astype(np.float32)
    assert said(network(8, 16, 1), x, counts, F.poisson_nll_loss) == ""


def test_neighbours_and_regressions_see_what_is_related() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 12)).astype(np.float32)
    targets = {
        "linear": (0.3 * x[:, 0] + rng.standard_normal(400), False),
        "product": (x[:, 0] * x[:, 1], False),
        "none": (rng.standard_normal(400), True),
        "classes": (rng.integers(0, 5, 400), True),
        "linear classes": ((x[:, 0] + 2 * rng.standard_normal(400) > 0).astype(int), False),
    }
    for name, (y, unrelated) in targets.items():
        neighbours = Neighbours()
        neighbours.look(x, y)
        assert neighbours.unrelated() is unrelated, name


# ---- numbers that are classes, and one number for all -------------------------------------------------------------


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_numbers_of_classes_are_no_targets_of_a_regression(activation: type[nn.Module]) -> None:
    y = DIGITS.y[:, None].astype(np.float32)
    text = said(network(64, 32, 1, activation=activation), PIXELS, y, F.mse_loss, 60)
    assert text.startswith("the targets are the numbers 0 to 9, and examples with near numbers are no more alike")


def test_a_window_of_a_series_may_be_standardized() -> None:
    series = np.sin(np.arange(500) / 3) + np.random.default_rng(0).standard_normal(500) / 9
    windows = np.lib.stride_tricks.sliding_window_view(series, 8)
    x = (windows - windows.mean(1, keepdims=True)) / windows.std(1, keepdims=True)
    x, y = x.astype(np.float32), x[:, -1:].astype(np.float32)
    assert said(network(7, 16, 1), x[:, :7] * 1, y, F.mse_loss, 20) == ""
    kept = Neighbours()
    kept.look(x, y)
    assert not kept.standardized_by_row()
    kept = Neighbours()
    kept.look(x[:, np.random.default_rng(0).permutation(8)], y)
    assert kept.standardized_by_row()


def test_a_rule_that_neighbours_never_follow() -> None:
    a, b = np.divmod(np.arange(121), 11)
    kept = Neighbours()
    kept.look(np.concatenate([np.eye(11)[a], np.eye(11)[b]], axis=1), (a + b) % 11)
    assert not kept.unrelated()


def test_counts_are_targets_of_a_regression() -> None:
    x = np.random.default_rng(0).integers(0, 2, (500, 9)).astype(np.float32)
    x += 0.01 * np.random.default_rng(1).standard_normal(x.shape).astype(np.float32)
    assert said(network(9, 32, 1), x, x.round().sum(axis=1, keepdims=True), F.mse_loss) == ""
    size = np.random.default_rng(0).uniform(0, 10, (500, 1)).astype(np.float32)
    assert said(network(1, 32, 1), size / 10, np.floor(size), F.mse_loss) == ""


@pytest.mark.parametrize("number", [0, 3])
def test_targets_that_are_all_the_same_number(number: float) -> None:
    x, y = table(0, 1)
    text = said(network(8, 16, 1), x, np.full_like(y, number), F.mse_loss, 40)
    assert text.startswith(f"all targets of all batches so far are {number}, so one answer for all is right")


def test_single_examples_have_one_target_each() -> None:
    assert said(network(8, 16, 1), *table(0, 1), F.mse_loss, 40, batch=1) == ""


# ---- penalties, copies, overflow ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "named"), [(0.1, True), (0.05, True), (1e-3, False), (1e-5, False)])
def test_a_penalty_on_absolute_weights(factor: float, named: bool) -> None:
    model = network(64, 32, 10)

    def loss(scores: Any, y: Any) -> Any:
        penalty: Any = sum(p.abs().sum() for p in model.parameters())
        return F.cross_entropy(scores, y) + factor * penalty

    assert ("absolute weights" in said(model, PIXELS, DIGITS.y, loss, 20)) is named


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_penalty_with_the_wrong_sign(sign: int) -> None:
    for sizes, x, y, loss in (
        ((64, 32, 10), PIXELS, DIGITS.y, F.cross_entropy),
        ((8, 16, 1), *table(0, 1), F.mse_loss),
    ):
        model = network(*sizes)

        def penalized(scores: Any, y: Any, model: Any = model, loss: Any = loss) -> Any:
            squares: Any = sum((p**2).sum() for p in model.parameters())
            return loss(scores, y) + sign * 1e-3 * squares

        assert said(model, x, y, penalized, 20).startswith("the loss subtracts 0.001 times") is (sign < 0)


@pytest.mark.parametrize("smoothing", [0.95, 0.1])
def test_label_smoothing_that_is_too_strong(smoothing: float) -> None:
    def loss(scores: Any, y: Any) -> Any:
        return F.cross_entropy(scores, y, label_smoothing=smoothing)

    text = said(network(64, 32, 10), PIXELS, DIGITS.y, loss, 20)
    assert text.startswith("the label smoothing gives 95%") if smoothing > 0.5 else text == ""


@pytest.mark.parametrize("divisor", [1000, 10])
def test_scores_that_are_divided_by_far_too_much(divisor: float) -> None:
    def loss(scores: Any, y: Any) -> Any:
        return F.cross_entropy(scores / divisor, y)

    text = said(network(64, 32, 10), PIXELS, DIGITS.y, loss, 90, optimizer=None)
    assert text.startswith("the scores of the cross entropy differ by") is (divisor == 1000)


@pytest.mark.parametrize(("scale", "rate"), [(120, 0.003), (60, 0.001)])
def test_validation_data_that_are_prepared_in_another_way(scale: float, rate: float) -> None:
    model = network(64, 32, 10)

    def validation() -> float:
        with minigrad.no_grad():
            return float(F.cross_entropy(model(tensor(DIGITS.X[:200] * scale)), tensor(DIGITS.y[:200])))

    optimizer = optim.Adam(model.parameters(), lr=rate)
    text = said(model, PIXELS, DIGITS.y, F.cross_entropy, 140, optimizer=optimizer, validation=validation)
    assert text.startswith("the inputs have a mean of") and "in validation: scale both in the same way" in text


def test_the_rate_that_is_named_is_that_of_the_layer() -> None:
    model = network(64, 32, 32, 10)
    *body, weight, bias = model.parameters()
    optimizer = optim.SGD([{"params": body}, {"params": [weight, bias], "lr": 10.0}], lr=0.01)
    assert "the learning rate 10 is too high" in said(model, PIXELS, DIGITS.y, F.cross_entropy, 30, optimizer=optimizer)


def test_a_validation_loss_of_a_copy_that_stays_as_it_is() -> None:
    model, copied = network(64, 32, 10), network(64, 32, 10, seed=1)
    x, y = tensor(PIXELS[:100]), tensor(DIGITS.y[:100])

    def validation(of: Any) -> Callable[[], float]:
        def loss() -> float:
            with minigrad.no_grad():
                return float(F.cross_entropy(of(x), y))

        return loss

    text = said(model, PIXELS, DIGITS.y, F.cross_entropy, 140, validation=validation(copied))
    assert text.startswith("the validation loss is the same number each time")
    model = network(64, 32, 10)
    assert said(model, PIXELS, DIGITS.y, F.cross_entropy, 140, validation=validation(model)) == ""


def test_an_exponential_that_overflows_in_a_softmax_by_hand() -> None:
    def loss(scores: Any, y: Any) -> Any:
        e = scores.exp()
        p = e / e.sum(1, keepdim=True)
        return -p[np.arange(len(y.data)), y.data].log().mean()

    with minigrad.watch(model := network(64, 32, 10), optim.SGD(model.parameters(), lr=0.1), live=False) as watcher:
        watcher.log(loss(model(tensor(PIXELS[:32] * 3000)), tensor(DIGITS.y[:32])))
    assert "subtract the maximum first" in watcher.findings[0].text


# ---- rates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 2])
def test_a_plateau_is_no_sign_of_steps_that_are_too_long(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (400, 2)).astype(np.float32) * 2 - 1
    y = (x[:, :1] * x[:, 1:] > 0).astype(np.float32)
    model = network(2, 16, 1, seed=seed, activation=nn.Tanh)
    for i in (0, 2):
        model[i].weight.data *= 0.3
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    assert said(model, x, y, F.binary_cross_entropy_with_logits, 300, optimizer=optimizer) == ""


def test_steps_that_run_away_are_no_weight_decay() -> None:
    x, y = table(0, 1)
    network_of_loop = minigrad.Network(network(8, 64, 64, 1), F.mse_loss)
    v = network_of_loop.x
    with minigrad.watch(network_of_loop, live=False) as watcher, np.errstate(all="ignore"):
        for _ in range(6):
            network_of_loop.forward((x[:16], y[:16]))
            v += -5.0 * network_of_loop.backward()
    assert "learning rate 5 is too high" in watcher.findings[0].text


# ---- the start, the penalty, the settings ------------------------------------------------------------------------


def by_hand(first: Callable[[tuple[int, int]], np.ndarray], forgotten: str = "", rate: float = 0.1) -> str:
    """Train two layers by hand, whose first weights are given; the update may forget a parameter."""
    weights = {"W1": first((64, 32)), "b1": np.zeros(32), "W2": first((32, 10)), "b2": np.zeros(10)}
    p = {name: tensor(array.astype(np.float32), requires_grad=True) for name, array in weights.items()}
    with minigrad.watch(p, live=False) as watcher:
        for step in range(20):
            rows = np.arange(step, step + 32)
            h = (tensor(PIXELS[rows]) @ p["W1"] + p["b1"]).tanh()
            loss = F.cross_entropy(h @ p["W2"] + p["b2"], tensor(DIGITS.y[rows]))
            for q in p.values():
                q.grad = None
            loss.backward()
            for name, q in p.items():
                q.data -= (name != forgotten) * rate * q.grad
            watcher.log(loss)
    return watcher.findings[0].text if watcher.findings else ""


def penalized(factor: float) -> str:
    model = network(64, 16, 10)

    def loss(scores: Any, y: Any) -> Any:
        return F.cross_entropy(scores, y) + factor * sum((p**2 + 1e-6).sqrt().sum() for p in model.parameters())

    return said(model, PIXELS, DIGITS.y, loss, 150)


def of_all(weights: list[np.ndarray], loss: Callable[..., Any], rate: float, steps: int) -> str:
    """Train by hand on all of the data in each step."""
    p = [tensor(w.astype(np.float32), requires_grad=True) for w in weights]
    with minigrad.watch(p, live=False) as watcher:
        for _ in range(steps):
            value = loss(*p)
            for q in p:
                q.grad = None
            value.backward()
            for q in p:
                q.data -= rate * q.grad
            watcher.log(value)
    return watcher.findings[0].text if watcher.findings else ""


def line_from_zero() -> str:
    """A line through points, whose weights and their gradient point the same way from the start."""
    x = np.linspace(-1.7, 1.7, 97, dtype=np.float32)[:, None]
    y = tensor((5 * x + 6 + np.sin(9 * x)).astype(np.float32))
    return of_all([np.zeros((1, 1)), np.zeros(1)], lambda w, b: ((tensor(x) @ w + b - y) ** 2).mean() / 2, 0.01, 60)


def spiral_by_hand() -> str:
    """CS231n's two layers at a rate of 1, whose loss swings on its way down."""
    points, rng = minigrad.data.spiral(), np.random.default_rng(8)
    x, y = tensor(points.X.astype(np.float32)), tensor(points.y)

    def loss(w: Any, b: Any, v: Any, c: Any) -> Any:
        return F.cross_entropy((x @ w + b).relu() @ v + c, y) + 5e-4 * ((w**2).sum() + (v**2).sum())

    small = lambda *shape: 0.01 * rng.standard_normal(shape)  # noqa: E731
    return of_all([small(2, 100), np.zeros((1, 100)), small(100, 3), np.zeros((1, 3))], loss, 1.0, 280)


def line_from_small_weights() -> str:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((1000, 2)).astype(np.float32)
    y = (x @ [[2.0], [-3.4]] + 4.2 + 0.01 * rng.standard_normal((1000, 1))).astype(np.float32)
    model = network(2, 1)
    nn.init.normal_(model[0].weight, std=0.01)
    nn.init.zeros_(model[0].bias)
    return said(model, x, y, F.mse_loss, 40, 10, optim.SGD(model.parameters(), lr=0.03))


def rarely(share: float) -> str:
    """Two classes that overlap, of which one is rare."""
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < share).astype(int)
    x = (0.7 * y[:, None] + rng.standard_normal((2000, 4))).astype(np.float32)
    return said(network(4, 8, 2), x, y, F.cross_entropy, 240)


def tuned(rate: float) -> str:
    """Train a digits network that knows them already."""
    model = network(64, 32, 10)
    said(model, PIXELS, DIGITS.y, F.cross_entropy, 150)
    return said(model, PIXELS, DIGITS.y, F.cross_entropy, 100, optimizer=optim.Adam(model.parameters(), lr=rate))


def settings(**given: Any) -> str:
    model = network(64, 32, 10)
    return said(model, PIXELS, DIGITS.y, F.cross_entropy, 30, optimizer=optim.Adam(model.parameters(), **given))


def usual(shape: tuple[int, int]) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(shape)


def in_order(shuffled: bool) -> str:
    """A regression whose batches are the rows of a sorted table."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 4)).astype(np.float32)
    y = x[:, :1] + x[:, 1:2] ** 2
    model, order = network(4, 16, 1), y[:, 0].argsort()
    optimizer, rows = optim.Adam(model.parameters(), lr=0.01), rng.permutation(400) if shuffled else order
    with minigrad.watch(model, optimizer, live=False) as watcher:
        for step in range(40):
            batch = rows[np.arange(step * 16, step * 16 + 16) % 400]
            loss = ((model(tensor(x[batch])) - tensor(y[batch])) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)
    return watcher.findings[0].text if watcher.findings else ""


def scored(loss: Callable[[Any, Any], Any], bits: bool) -> str:
    y = (DIGITS.y % 2)[:, None].astype(np.float32) if bits else PIXELS[:, 20:21] + PIXELS[:, 30:31]
    return said(network(64, 8, 1), PIXELS, y, loss, 20)


def renumbered(shift: int, seed: int = 0) -> str:
    """Validation with the labels of the training data, or with others."""
    model = network(64, 32, 10, seed=seed)

    def validation() -> float:
        with minigrad.no_grad():
            return float(F.cross_entropy(model(tensor(PIXELS[1000:])), tensor((DIGITS.y[1000:] + shift) % 10)))

    return said(model, PIXELS[:1000], DIGITS.y[:1000], F.cross_entropy, 240, validation=validation)


STARTS: dict[str, tuple[Callable[[], str], str]] = {
    "weights of 0, by hand": (lambda: by_hand(np.zeros), "the weights of W1 (Weights) are all 0"),
    "weights of one number, by hand": (lambda: by_hand(lambda s: np.full(s, 0.1)), "have the same weights at first"),
    "large weights, by hand": (
        lambda: by_hand(lambda s: 1.5 * np.random.default_rng(0).standard_normal(s)),
        "the outputs explode",
    ),
    "usual weights, by hand": (lambda: by_hand(usual), ""),
    "a weight that the update forgets": (lambda: by_hand(usual, "W2"), "W2.W2 has a gradient, but no step changes it"),
    "a bias that the update forgets": (lambda: by_hand(usual, "b1"), "W1.b1 has a gradient, but no step changes it"),
    "steps that are rounded away": (lambda: by_hand(usual, rate=1e-8), ""),
    "a sorted table": (lambda: in_order(False), "in the order of their targets"),
    "a shuffled table": (lambda: in_order(True), ""),
    "an error without a square": (lambda: scored(lambda s, y: (s - y).mean(), bits=False), "errors of both signs"),
    "an absolute error": (lambda: scored(lambda s, y: (s - y).abs().mean(), bits=False), ""),
    "half a cross entropy": (
        lambda: scored(lambda s, y: -(y * s.sigmoid().log()).sum() / 32, bits=True),
        "do not count",
    ),
    "a cross entropy by hand": (
        lambda: scored(lambda s, y: -(y * s.sigmoid().log() + (1 - y) * (1 - s.sigmoid()).log()).mean(), bits=True),
        "",
    ),
    "a cross entropy with another half": (
        lambda: scored(lambda s, y: -(y * s.sigmoid().log() + (1 - y) * F.logsigmoid(-s)).mean(), bits=True),
        "",
    ),
    "validation labels of other numbers": (lambda: renumbered(1), "prepared in another way"),
    "validation labels": (lambda: renumbered(0), ""),
    "a decay in the gradient of Adam": (lambda: settings(lr=1e-3, weight_decay=1.0), "follow the decay"),
    "a decay of Adam": (lambda: settings(lr=1e-3, weight_decay=0.01), ""),
    "a penalty that has won": (lambda: penalized(0.5), "the penalty or divergence outweighs the data"),
    "a small penalty": (lambda: penalized(1e-4), ""),
    "a class that is missing in most batches": (lambda: rarely(0.02), "the model predicts no other"),
    "two classes": (lambda: rarely(0.4), ""),
    "a line by hand, from 0": (line_from_zero, ""),
    "a line, from small weights": (line_from_small_weights, ""),
    "a spiral at a high rate": (spiral_by_hand, ""),
    "fine-tuning": (lambda: tuned(1e-6), ""),
    "an epsilon that leaves short steps": (lambda: settings(lr=1e-3, eps=0.1), "eps=0.1 is much larger"),
    "a usual epsilon": (lambda: settings(lr=1e-3, eps=1e-4), ""),
}


@pytest.mark.parametrize("name", STARTS)
def test_the_start_the_penalty_and_the_settings(name: str) -> None:
    run, words = STARTS[name]
    text = run()
    assert words in text and bool(text) == bool(words), text


@pytest.mark.parametrize(("missed", "named"), [([np.nan, 1 / 16, 1 / 16], True), ([1 / 16, np.nan, 1 / 16], False)])
def test_a_rare_class_is_counted_in_all_batches(missed: list[float], named: bool) -> None:
    labels = Counter({0: 970, 1: 30})  # of which two batches had more
    scene: Any = SimpleNamespace(
        overlooked=missed, frequencies=labels, losses=[0.13] * 20, samples=[SimpleNamespace(step=200)]
    )
    assert bool(imbalance.look(scene)) is named


def test_batches_of_one_need_more_steps() -> None:
    model = network(64, 32, 10)
    optimizer = optim.SGD(model.parameters(), lr=1e-3)
    assert not said(model, PIXELS, DIGITS.y, F.cross_entropy, batch=1, optimizer=optimizer)
