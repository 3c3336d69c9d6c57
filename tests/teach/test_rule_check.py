"""Mistakes planted in update rules, schedules and forward passes are named; right answers are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from minigrad import check_forward, check_rule, check_schedule, nn, no_grad, optim, tensor
from minigrad.optim import rules
from minigrad.teach.forward.mistakes import CATALOGUE as FORWARD
from minigrad.teach.forward.mistakes import Variant, mistake
from minigrad.teach.report import marked
from minigrad.teach.rules import search
from minigrad.teach.rules.check import _constants
from minigrad.teach.rules.mistakes import CATALOGUE
from minigrad.teach.rules.reference import FORMS, NAMES, Reference, a_trial

SETTINGS = [
    {"learning_rate": 0.1},
    {"learning_rate": 1e-3, "beta1": 0.8, "beta2": 0.99},
    {"learning_rate": 0.01, "epsilon": 1e-4},
    {"learning_rate": 0.5, "beta1": 0.5, "beta2": 0.9, "epsilon": 1e-8},
    {"learning_rate": 0.03, "beta1": 0.95, "beta2": 0.98, "epsilon": 1e-6},
]


@pytest.fixture(autouse=True)
def _without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search is given up, however slow the machine is."""
    monkeypatch.setattr(search, "LIMIT", 600.0)


def adam_with(
    learning_rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-7, **wrong: Any
) -> Any:
    """Adam, with a hook at each place where it can be wrong."""
    square, first = wrong.get("square", lambda g: g * g), wrong.get("first", 1)
    correct1, correct2 = wrong.get("correct1", lambda b, t: 1 - b**t), wrong.get("correct2", lambda b, t: 1 - b**t)
    root = wrong.get("root", lambda v, e: np.sqrt(v) + e)
    weight1, weight2 = wrong.get("weight1", (beta1, 1 - beta1)), wrong.get("weight2", lambda b: (b, 1 - b))(beta2)
    memory, sign, rate_of = wrong.get("memory", lambda s: s), wrong.get("sign", -1), wrong.get("rate", lambda r: r)

    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        state = memory(state)
        t, m, v = state.get("t", first - 1) + 1, state.get("m", 0 * x), state.get("v", 0 * x)
        m = weight1[0] * m + weight1[1] * dx
        v = weight2[0] * v + weight2[1] * square(dx)
        move = rate_of(learning_rate) * (m / correct1(beta1, t)) / root(v / correct2(beta2, t), epsilon)
        return x + sign * move, {"t": t, "m": m, "v": v}

    return step


ADAM: dict[str, dict[str, Any]] = {
    "ascent": {"sign": 1},
    "square-missing": {"square": lambda g: g},
    "epsilon-inside-root": {"root": lambda v, e: np.sqrt(v + e)},
    "epsilon-missing": {"root": lambda v, e: np.sqrt(v)},
    "root-missing": {"root": lambda v, e: v + e},
    "bias-of-m-missing": {"correct1": lambda b, t: 1},
    "bias-of-v-missing": {"correct2": lambda b, t: 1},
    "no-bias-correction": {"correct1": lambda b, t: 1, "correct2": lambda b, t: 1},
    "bias-power-missing": {"correct1": lambda b, t: 1 - b, "correct2": lambda b, t: 1 - b},
    "t-from-zero": {"first": 0},
    "weights-swapped": {"weight2": lambda b: (1 - b, b)},
    "weight-missing": {"weight2": lambda b: (b, 1)},
    "decay-missing": {"weight2": lambda b: (1, 1 - b)},
    "rate-missing": {"rate": lambda r: 1.0},
    "rate-twice": {"rate": lambda r: r * r},
    "nothing-kept": {"memory": lambda s: {}},
}


@pytest.mark.parametrize(
    "which", [pytest.param((0,), id="one"), pytest.param((2, 4), id="two", marks=pytest.mark.exhaustive)]
)
@pytest.mark.parametrize("name", ADAM)
def test_a_mistake_in_adam_is_named(name: str, which: tuple[int, ...]) -> None:
    first = list(ADAM).index(name)
    for settings in [SETTINGS[(first + i) % len(SETTINGS)] for i in which]:
        report = check_rule(adam_with(**settings, **ADAM[name]), "adam", **settings)
        assert not report
        assert name in [e.name for e in report.explanations], f"{settings}: {report}"
        assert report.cause in str(report) and marked(report.cause) in report._repr_html_()
        assert len(report.explain()) > len(str(report))


def others() -> Iterator[tuple[str, str, dict[str, Any], Callable[..., Any]]]:
    """(mistake, rule, settings, step) for rules with one line of state."""
    for mu in (0.5, 0.9, 0.99):

        def velocity(new: Any, move: Any, mu: float = mu) -> Any:
            def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
                old = state.get("v", np.zeros_like(x))
                v = new(mu, old, learning_rate, dx)
                return move(x, v, old, learning_rate), {"v": v}

            return step

        right, add = (lambda m, v, r, g: m * v - r * g), (lambda x, v, old, r: x + v)
        yield "momentum-sign", "momentum", {"mu": mu}, velocity(lambda m, v, r, g: -m * v - r * g, add)
        yield "velocity-subtracted", "momentum", {"mu": mu}, velocity(right, lambda x, v, old, r: x - v)
        yield "decay-missing", "momentum", {"mu": mu}, velocity(lambda m, v, r, g: v - r * g, add)
        yield "dampened", "momentum", {"mu": mu}, velocity(lambda m, v, r, g: m * v - (1 - m) * r * g, add)
        yield "stale", "momentum", {"mu": mu}, velocity(right, lambda x, v, old, r: x + old)
        yield "rate-twice", "momentum", {"mu": mu}, velocity(right, lambda x, v, old, r: x + r * v)
        yield "rate-missing", "momentum", {"mu": mu}, velocity(lambda m, v, r, g: m * v - g, add)
        yield (
            "is-momentum_pytorch", "momentum", {"mu": mu},
            velocity(lambda m, v, r, g: m * v + g, lambda x, v, old, r: x - r * v),
        )  # fmt: skip
        yield "not-kept", "momentum", {"mu": mu}, lambda x, dx, state, learning_rate: (x - learning_rate * dx, {})


@pytest.mark.slow
@pytest.mark.parametrize(("name", "rule", "settings", "step"), list(others()))
def test_a_mistake_in_momentum_is_named(name: str, rule: str, settings: Any, step: Any) -> None:
    report = check_rule(step, rule, **settings)
    assert not report and name in [e.name for e in report.explanations], str(report)


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_right_and_can_be_wrong(name: str) -> None:
    rule = getattr(rules, name)
    assert check_rule(rule, name), str(check_rule(rule, name))
    report = check_rule(lambda x, dx, state, learning_rate: rule(x, -dx, state, learning_rate), name)
    assert not report and "sign" in report.cause, str(report)


def test_other_forms_of_a_rule_are_the_rule() -> None:
    for name in FORMS:
        reference = Reference.of(name, {"epsilon": 0.0} if name == "adamax" else {})  # it may stand in two places
        trial = a_trial(reference, 0.1, 1)
        made = [reference.path(form, trial) for form in reference.forms]
        assert len(made) > 1
        for one in made[1:]:
            assert made[0] and one and np.allclose(made[0][0], one[0], rtol=1e-12), name


def test_right_answers_in_many_forms() -> None:
    def in_place(x: Any, dx: Any, state: Any, learning_rate: float) -> None:
        state["cache"] = state.get("cache", np.zeros_like(x)) + dx**2
        x -= learning_rate * dx / (np.sqrt(state["cache"]) + 1e-7)

    assert check_rule(in_place, "adagrad")
    assert check_rule(lambda x, dx: x - 0.1 * dx, "sgd")
    assert check_rule(lambda x, dx, lr: x - lr * dx, "sgd")

    def singles(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        x, state = rules.adam(x.astype("f4"), dx.astype("f4"), state, learning_rate)
        return x, state

    report = check_rule(singles, "adam")
    assert report and "float32" in str(report)

    def cs231n(w: Any, dw: Any, config: Any = None) -> Any:
        v = config["momentum"] * config.get("velocity", np.zeros_like(w)) - config["learning_rate"] * dw
        config["velocity"] = v
        return w + v, config

    assert check_rule(cs231n, "momentum", mu=0.8)

    class Own(optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr})

        def update(self, x: Any, dx: Any, state: Any, group: Any) -> Any:
            return rules.rmsprop(x, dx, state, group["lr"])

    assert check_rule(Own, "rmsprop")

    class Alpha:  # it is the learning rate only where nothing else is
        def __init__(self, params: Any, lr: float, alpha: float) -> None:
            self.params, self.lr, self.alpha, self.v = params, lr, alpha, [0.0] * len(params)

        def step(self) -> None:
            for i, p in enumerate(self.params):
                self.v[i] = self.alpha * self.v[i] + (1 - self.alpha) * p.grad**2
                p.data = p.data - self.lr * p.grad / (np.sqrt(self.v[i]) + 1e-7)

    assert check_rule(Alpha, "rmsprop", decay_rate=0.9), str(check_rule(Alpha, "rmsprop", decay_rate=0.9))

    def rectified(x: Any, dx: Any, state: Any, lr: float, inside: float = 0.0, outside: float = 1e-8) -> Any:
        t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0.0) + 0.1 * dx
        v, mb = 0.9 * state.get("v", 0.0) + 0.1 * dx**2, m / (1 - 0.9**t)
        if (rho := 19 - 2 * t * 0.9**t / (1 - 0.9**t)) > 5:
            mb *= np.sqrt((rho - 4) * (rho - 2) * 19 / (15 * 17 * rho)) / (np.sqrt(v / (1 - 0.9**t) + inside) + outside)
        return x - lr * mb, {"t": t, "m": m, "v": v}

    assert "after the bias correction" in str(check_rule(rectified, "radam", beta2=0.9, epsilon=1e-8))

    def wrong(x: Any, dx: Any, state: Any, lr: float) -> Any:
        return rectified(x, dx, state, lr, 1e-8, 0.0)

    assert "inside the square root" in check_rule(wrong, "radam", beta2=0.9, epsilon=1e-8).cause

    class Plain:
        def __init__(self, lr: float, beta1: float, beta2: float) -> None:
            self.lr, self.beta1, self.beta2, self.state = lr, beta1, beta2, {}

        def update(self, x: Any, dx: Any) -> Any:
            x, self.state = rules.adam(x, dx, self.state, self.lr, self.beta1, self.beta2)
            return x

    assert check_rule(Plain, "adam")

    def velocity() -> Any:
        v = 0.0

        def step(x: Any, dx: Any) -> Any:
            nonlocal v
            v = 0.9 * v + dx
            return x - 0.1 * v

        return step

    report = check_rule(velocity, "momentum")
    assert report and "constant" in str(report)


def test_one_state_for_two_parameters() -> None:
    shared: dict[str, Any] = {}

    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        shared["v"] = 0.9 * shared.get("v", 0.0) - learning_rate * dx
        return x + shared["v"], state

    assert check_rule(step, "momentum").mistake == "shared-state"


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda x, dx, state, learning_rate: 1 / 0, "raises ZeroDivisionError"),
        (lambda x, dx, state, learning_rate: None, "never moves"),
        (lambda x, dx, state, learning_rate: (x[0], state), "has shape"),
        (lambda x, dx, state, learning_rate: (x + 1j, state), "complex"),
        (lambda x, dx, state, learning_rate: (x * np.nan, state), "nan"),
        (lambda x, dx, state, learning_rate: (state, x), "first"),
        (lambda x, dx, state, learning_rate: (x, state, 1, 2), "tuple of 4"),
        (lambda x, dx, state, learning_rate: "x", "not real"),
    ],
)
def test_a_bad_step_is_explained(step: Any, said: str) -> None:
    report = check_rule(step, "sgd")
    assert not report and said in str(report), str(report)


def test_side_effects_are_noted() -> None:
    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        dx *= learning_rate
        state.setdefault("all", []).append(0)
        return x - dx, state

    report = check_rule(step, "sgd")
    assert report and "writes into dx" in str(report) and "grows" in str(report)


def test_bad_arguments_raise() -> None:
    with pytest.raises(ValueError, match="no rule 'adma'"):
        check_rule(rules.adam, "adma")
    with pytest.raises(TypeError, match="no setting 'beta3'"):
        check_rule(rules.adam, "adam", beta3=1)
    with pytest.raises(TypeError, match="must be a function"):
        check_rule(3, "adam")
    with pytest.raises(TypeError, match="mine must be a function, got NoneType"):
        check_schedule(None, "step", alpha_0=0.1, every=2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        check_rule(rules.sgd, "sgd", learning_rate=-1)


@pytest.mark.slow
def test_two_mistakes_at_once() -> None:
    step = adam_with(0.1, root=lambda v, e: np.sqrt(v + e), weight2=lambda b: (1 - b, b))
    report = check_rule(step, "adam")
    assert "root" in report.cause and "swapped" in report.cause, str(report)


def test_the_catalogue_is_large() -> None:
    assert len(CATALOGUE) >= 45


@pytest.mark.parametrize(
    ("mistake", "name", "wrong"),
    [
        ("off-by-one", "step", lambda t: 0.5 ** ((t + 1) // 10)),
        ("floor-missing", "step", lambda t: 0.5 ** (t / 10)),
        ("sign", "exponential", lambda t: np.exp(0.1 * t)),
        ("other-decay", "exponential", lambda t: 1 / (1 + 0.1 * t)),
        ("base", "exponential", lambda t: 2 ** (-0.1 * t)),
        ("other-decay", "inverse", lambda t: np.exp(-0.1 * t)),
        ("square", "inverse", lambda t: 1 / (1 + 0.1 * t**2)),
        ("cosine-sign", "cosine", lambda t: (1 - np.cos(np.pi * t / 50)) / 2),
        ("off-by-one", "cosine", lambda t: (1 + np.cos(np.pi * min(t + 1, 50) / 50)) / 2),
        ("quarter-wave", "cosine", lambda t: np.cos(np.pi * t / 100)),
        pytest.param(*("off-by-one + sign", "exponential", lambda t: np.exp(0.1 * (t + 1))), marks=pytest.mark.slow),
        ("sign", "inverse", lambda t: 1 / (1 - 0.1 * t)),
        ("compounded", "inverse", lambda t: np.prod([1 / (1 + 0.1 * i) for i in range(t + 1)])),
        ("power-inside", "polynomial", lambda t: 1 - (t / 50) ** 2),
        ("never-restarts", "restarts", lambda t: (1 + np.cos(np.pi * min(t, 10) / 10)) / 2),
        ("length", "warmup", lambda t: min(1, (t + 1) / 6)),
    ],
)
def test_schedules(mistake: str, name: str, wrong: Any) -> None:
    own = {"step": {"every": 10}, "exponential": {"k": 0.1}, "inverse": {"k": 0.1}, "cosine": {"T": 50},
           "polynomial": {"T": 50, "power": 2}, "restarts": {"T": 10}, "warmup": {"T": 5}}[name]  # fmt: skip
    for alpha_0 in (0.01, 3.0):
        report = check_schedule(lambda t, a=alpha_0: a * wrong(t), name, alpha_0=alpha_0, **own)
        assert report.mistake == mistake, str(report)
    with pytest.raises(TypeError, match="needs"):
        check_schedule(wrong, name)


def test_forward_passes() -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((5, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)

    def softmax(z: Any, axis: int = 1) -> Any:
        e = np.exp(z - z.max(axis=axis, keepdims=True))
        return e / e.sum(axis=axis, keepdims=True)

    def affine(x: Any, w: Any, b: Any) -> Any:
        return x @ w + b

    assert check_forward(affine, affine, x, w, b)
    assert check_forward(lambda x, w, b: tensor(affine(x, w, b)), affine, x, w, b)
    assert check_forward(lambda x, w, b: x @ w, affine, x, w, b).mistake == "missing"
    assert check_forward(lambda x, w, b: affine(x, w, -b), affine, x, w, b).mistake in (
        "other-function",
        "sign",
        "constant",
    )
    assert check_forward(lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), softmax, x).mistake == "overflow"
    assert check_forward(lambda x: x.var(axis=0, ddof=1), lambda x: x.var(axis=0), x).mistake == "ddof"
    assert check_forward(lambda x: x.sum(axis=0), lambda x: x.mean(axis=0), x).mistake == "other-reduction"
    assert check_forward(lambda x: x.mean(axis=1), lambda x: x.mean(axis=0), x).mistake == "axis"
    residual = check_forward(lambda p: p[:, None] - x[:, 0], lambda p: p - x[:, 0], x[:, 1])
    assert residual.mistake == "broadcast"
    assert check_forward(lambda x: 1 / 0, softmax, x).mistake == "raises"
    assert check_forward(lambda x: np.log2(x), lambda x: np.log(x), np.abs(x)).mistake == "other-function"


def test_what_a_forward_pass_may_return() -> None:
    x = np.random.default_rng(0).standard_normal((5, 4))

    def softmax(z: Any) -> Any:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    with_cache = check_forward(lambda z: (softmax(z), {"z": z}), softmax, x)
    assert with_cache
    single = check_forward(lambda z: softmax(z.astype(np.float32)), softmax, x)
    assert single and "float32" in str(single)
    assert check_forward(lambda z: z * np.random.rand(*z.shape), lambda z: np.random.rand(*z.shape) * z, x)
    rng = np.random.default_rng()
    assert check_forward(lambda z: z * rng.random(z.shape), softmax, x).mistake == "not-repeatable"
    assert check_forward(lambda z: (z, z, z), lambda z: (z, 2 * z), x).notes
    assert check_forward(lambda z: z, lambda z: (z, 2 * z), x).mistake == "results"
    two = check_forward(lambda z: (z.sum(0), z.mean(0)), lambda z: (z.sum(0), z.mean(1)), x[:4])
    assert two.mistake == "axis" and two.table[0][0].startswith("result 1")
    assert check_forward(lambda z: z * 1j, softmax, x).mistake == "not-real"
    with pytest.raises(ValueError, match="none of the inputs"):
        check_forward(softmax, softmax, np.array([[1, 2]]))
    with pytest.raises(TypeError, match="reference must be a function, got ndarray"):
        check_forward(softmax, x, x)  # type: ignore[arg-type]


def test_a_reference_on_tensors_is_searched() -> None:
    x, y = np.random.default_rng(0).standard_normal((5, 4)), np.array([0, 3, 2, 1, 1])

    def mine(z: Any, y: Any, axis: int = 1) -> Any:
        e = np.exp(z - z.max(axis=axis, keepdims=True))
        return -np.log((e / e.sum(axis=axis, keepdims=True))[np.arange(len(y)), y]).mean()

    report = check_forward(mine, nn.functional.cross_entropy, x, y)
    assert report and "logarithm of 0" in str(report)  # the lecture's own lines
    report = check_forward(lambda z, y: mine(z, y, axis=0), nn.functional.cross_entropy, x, y)
    assert "axis 0 instead of axis 1" in report.cause
    layer = nn.Linear(4, 3).double()
    weight = layer.weight.detach().numpy()
    report = check_forward(lambda z: z @ weight.T, layer, x)
    assert report.mistake == "missing" and layer.weight.requires_grad
    assert len(report.explain()) > len(str(report))
    report = check_forward(lambda z: z.softmax(0), lambda z: z.softmax(1), tensor(x))
    assert report.mistake == "axis"


def test_two_mistakes_in_a_forward_pass() -> None:
    x = np.random.default_rng(1).standard_normal((6, 4))

    def standardized(x: Any) -> Any:
        return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 0.1)

    report = check_forward(lambda x: (x - x.sum(axis=0)) / (x.var(axis=0) + 0.1), standardized, x)
    assert "sum is taken instead of the mean" in report.cause and "root" in report.cause, str(report)


def test_the_forward_catalogue_takes_entries_of_ones_own() -> None:
    assert len(FORWARD) >= 25
    with pytest.raises(ValueError, match="there is a mistake called 'axis'"):
        mistake("axis", "operation", "")
    with pytest.raises(ValueError, match="scope='rules' must be one of edge"):
        mistake("mine", "rules", "", ("A", "B"))
    with pytest.raises(ValueError, match="patterns are for the scopes rule and schedule"):
        mistake("mine", "operation", "", ("A", "B"))
    with pytest.raises(ValueError, match=r"'A \*\* ' is not Python"):
        mistake("mine", "rule", "", ("A ** ", "B"))
    with pytest.raises(TypeError, match="a pattern is"):
        mistake("mine", "schedule", "", "A")  # type: ignore[arg-type]

    @mistake("median", "operation", "the median is taken instead of {what}", assumes=1.1)
    def median(site: Any) -> Iterator[Variant]:
        if site.op.kind == "mean":
            yield Variant(lambda values: np.median(site.operands(values)[0], **site.op.parameters))

    x = np.random.default_rng(0).standard_normal((5, 4))
    try:
        assert check_forward(lambda x: np.median(x, axis=0), lambda x: x.mean(axis=0), x).mistake == "median"
    finally:
        del FORWARD["median"]


@pytest.mark.slow
def test_steps_in_pytorchs_way_and_states_as_arrays() -> None:
    class Torch(optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1, momentum: float = 0.9) -> None:
            super().__init__(params, {"lr": lr, "momentum": momentum})

        @no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    state["v"] = group["momentum"] * state.get("v", 0.0) + p.grad
                    p -= group["lr"] * state["v"]

    assert check_rule(Torch, "momentum_pytorch")

    def rmsprop(x: Any, dx: Any, r: Any, lr: Any, alpha: float = 0.99) -> Any:
        r = alpha * r + (1 - alpha) * dx**2
        return x - lr * dx / (np.sqrt(r) + 1e-7), r

    assert check_rule(rmsprop, "rmsprop")

    class Decaying:
        def __init__(self, lr: float) -> None:
            self.lr = lr

        def update(self, x: Any, dx: Any) -> Any:
            x = x - self.lr * dx
            self.lr *= 0.9
            return x

    assert "decays inside" in check_rule(Decaying, "sgd").cause
    assert "beta1 acts as 0.85" in check_rule(adam_with(0.1, beta1=0.85), "adam").cause


def test_an_epsilon_that_is_not_stated_may_have_any_usual_value() -> None:
    def adam(x: Any, dx: Any, state: Any, learning_rate: float, correct: bool = True) -> Any:
        t = state.get("t", 0) + 1
        m = 0.9 * state.get("m", 0) + 0.1 * dx
        v = 0.999 * state.get("v", 0) + 0.001 * dx**2
        mb, vb = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if correct else (m, v)
        return x - learning_rate * mb / (np.sqrt(vb) + 1e-8), {"t": t, "m": m, "v": v}

    assert "yours has epsilon 1e-08" in str(check_rule(adam, "adam")) and check_rule(adam, "adam")
    assert check_rule(adam, "adam", epsilon=1e-7).mistake == "other-value"  # it was stated

    def uncorrected(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        return adam(x, dx, state, learning_rate, correct=False)

    assert check_rule(uncorrected, "adam").mistake == "no-bias-correction"


def test_an_unknown_setting_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(TypeError, match="adamw has no setting 'decay'; it has beta1, beta2, epsilon, weight_decay"):
        check_rule(lambda x, dx, state, learning_rate: (x, state), "adamw", learning_rate=0.1, decay=0.1)


def rms(x: Any, dx: Any, state: Any, lr: float, accumulate: Any = None, correct: bool = False) -> Any:
    state["t"] = state.get("t", 0) + 1
    state["c"] = 0.9 * state.get("c", 0) + 0.1 * (dx if accumulate is not None else dx**2)
    c = state["c"] / (1 - 0.9 ** state["t"]) if correct else state["c"]
    return x - lr * dx / ((np.sqrt(c) if accumulate is None else accumulate(c)) + 1e-8), state


def adam_of_mine(
    x: Any, dx: Any, state: Any, lr: float, keep: bool = True, swap: bool = False, ahead: bool = False
) -> Any:
    t = state["t"] = state.get("t", 0) + 1
    m = 0.9 * state.get("m", 0) + 0.1 * dx
    v = 0.999 * state.get("v", 0) + 0.001 * dx**2
    a, b = (0.999, 0.9) if swap else (0.9, 0.999)
    mb, vb = m / (1 - a**t), v / (1 - b**t)
    state["m"], state["v"] = (m, v) if keep else (mb, vb)
    return x - lr * (0.9 * mb + 0.1 * dx if ahead else mb) / (np.sqrt(vb) + 1e-8), state


def averaged_momentum(x: Any, dx: Any, state: Any, lr: float) -> Any:
    state["v"] = 0.9 * state.get("v", 0) + 0.1 * dx
    return x - lr * state["v"], state


@pytest.mark.parametrize(
    ("step", "rule", "words"),
    [
        (partial(rms, correct=True), "rmsprop", "there is a bias correction of `cache`"),
        (partial(rms, accumulate=np.abs), "rmsprop", "their sum is squared, not each gradient"),
        (partial(rms, accumulate=lambda c: np.sqrt(np.abs(c))), "rmsprop", "the square of the gradient is missing"),
        (partial(adam_of_mine, keep=False), "adam", "the corrected values `mb` and `vb` are kept"),
        (partial(adam_of_mine, swap=True), "adam", "betas of the two bias corrections are swapped"),
        (partial(adam_of_mine, ahead=True), "adam", "look-ahead as in Nesterov's momentum"),
        (averaged_momentum, "momentum", "dampening.*convention of momentum_pytorch"),
    ],
)
def test_mistakes_of_several_lines(step: Any, rule: str, words: str) -> None:
    def mine(x: Any, dx: Any, state: Any, lr: float) -> Any:
        return step(x, dx, state, lr)

    settings = {"decay_rate": 0.9} if rule == "rmsprop" else {}
    if rule != "momentum":
        settings["epsilon"] = 1e-8
    report = check_rule(mine, rule, **settings)
    assert re.search(words, report.cause), str(report)


def test_the_numbers_in_code_are_found_in_inner_functions_and_methods_too() -> None:
    epsilon = 1e-8

    class Mine:
        def update(self, x: Any, dx: Any) -> Any:
            return x - [dx / (g + epsilon) for g in dx][0] - (lambda a: a + 1e-6)(x)

    assert {1e-8, 1e-6} <= _constants(Mine)
    assert 1e-5 not in _constants(lambda x, eps=1e-5: x)  # a setting, which is passed in


def test_a_state_called_cache_may_be_an_array() -> None:
    def mine(x: Any, dx: Any, cache: Any, lr: float) -> Any:
        cache = 0.9 * cache + 0.1 * dx**2
        return x - lr * dx / (np.sqrt(cache) + 1e-7), cache

    assert check_rule(mine, "rmsprop", decay_rate=0.9)


def lamb_with(ratio: Any = lambda x, step, dx: length(x) / length(step), outside: float = 0.0) -> Any:
    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        t, m, v = state.get("t", 0) + 1, 0.9 * state.get("m", 0) + 0.1 * dx, 0.999 * state.get("v", 0) + 0.001 * dx**2
        update = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + (0.1 - outside) * x
        x = x - learning_rate * ratio(x, update, dx) * update
        return x - learning_rate * outside * x, {"t": t, "m": m, "v": v}

    return step


def length(a: Any) -> Any:
    return np.sqrt(np.sum(a**2))


@pytest.mark.slow
def test_the_trust_ratio_of_lamb() -> None:
    for said, step in (
        ("the trust ratio, the length of x by that of the step, is missing", lamb_with(lambda x, s, dx: 1.0)),
        ("upside down", lamb_with(lambda x, s, dx: length(s) / length(x))),
        ("without their roots", lamb_with(lambda x, s, dx: np.sum(x**2) / np.sum(s**2))),
        ("the length of the gradient", lamb_with(lambda x, s, dx: length(x) / length(dx))),
        ("not divided by the length of the step", lamb_with(lambda x, s, dx: length(x))),
        ("is outside the trust ratio", lamb_with(outside=0.1)),
    ):
        report = check_rule(step, "lamb", weight_decay=0.1)
        assert said in report.cause, str(report)
    assert check_rule(lamb_with(), "lamb", weight_decay=0.1)


def test_the_maximum_of_the_last_two_is_not_that_of_all() -> None:
    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        t, m, old = state.get("t", 0) + 1, 0.9 * state.get("m", 0) + 0.1 * dx, state.get("v", 0)
        v = 0.999 * old + 0.001 * dx**2
        root = np.sqrt(np.maximum(old, v) / (1 - 0.999**t))
        return x - learning_rate * m / (1 - 0.9**t) / (root + 1e-7), {"t": t, "m": m, "v": v}

    assert "`v` is stored as `v_max`" in check_rule(step, "amsgrad").cause


def test_radam_and_its_threshold() -> None:
    def radam(limit: int, corrected: bool = True) -> Any:
        def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
            t, m, v = (
                state.get("t", 0) + 1,
                0.9 * state.get("m", 0) + 0.1 * dx,
                0.999 * state.get("v", 0) + 0.001 * dx**2,
            )
            after, most = {"t": t, "m": m, "v": v}, 1999
            rho = most - 2 * t * 0.999**t / (1 - 0.999**t)
            if rho <= limit:
                return x - learning_rate * (m / (1 - 0.9**t) if corrected else m), after
            r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
            return x - learning_rate * r * np.sqrt(1 - 0.999**t) * m / (1 - 0.9**t) / (np.sqrt(v) + 1e-7), after

        return step

    assert check_rule(radam(5), "radam")
    report = check_rule(radam(4), "radam")
    assert report and "as in the paper" in str(report)
    assert "8 instead of 5" in check_rule(radam(8), "radam").cause
    assert "lack the bias correction" in check_rule(radam(5, corrected=False), "radam").cause


def test_what_is_stored_only_once() -> None:
    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        state.setdefault("v", -learning_rate * dx)
        return x + 0.9 * state["v"] - learning_rate * dx if "t" in state else x + state["v"], {**state, "t": 1}

    assert "stored in the first step and never again" in check_rule(step, "momentum").cause


def test_gradients_of_other_steps() -> None:
    def late(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        return x - learning_rate * state.get("dx", 0 * dx), {"dx": dx}

    def mean(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        total, n = state.get("total", 0) + dx, state.get("n", 0) + 1
        return x - learning_rate * total / n, {"total": total, "n": n}

    assert "of the step before" in check_rule(late, "sgd").cause
    assert "the mean of all so far" in check_rule(mean, "sgd").cause


@pytest.mark.slow
def test_more_mistakes_in_the_scaling_of_adam() -> None:
    def adam(square: Any = lambda dx, m: dx**2, corrected: Any = None, most: Any = None, extra: float = 0.0) -> Any:
        def step(x: Any, dx: Any, state: Any, new_lr: float) -> Any:
            t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0) + 0.1 * dx
            v = 0.999 * state.get("v", 0) + 0.001 * square(dx, m)
            vb = v / (1 - 0.999**t)
            vb = vb if most is None else np.maximum(state.get("most", 0), vb)
            mb = m / (1 - 0.9**t) if corrected is None else corrected(m, t)
            return x - new_lr * mb / (np.sqrt(vb + extra) + 1e-7 * (not extra)), {"t": t, "m": m, "v": v, "most": vb}

        return step

    assert check_rule(adam(), "adam")
    for said, rule, step in (
        ("as in AdaBelief", "adam", adam(lambda dx, m: (dx - m) ** 2)),
        ("has a square root", "adam", adam(corrected=lambda m, t: m / np.sqrt(1 - 0.9**t))),
        ("it stays at 2", "adam", adam(corrected=lambda m, t: m / (1 - 0.9**2))),
        ("maximum is taken of the corrected v", "amsgrad", adam(most=True)),
        ("has another value, 0.001", "adam", adam(extra=0.001)),
    ):
        report = check_rule(step, rule)
        assert said in report.cause, str(report)


def test_adamax_without_epsilon_is_right() -> None:
    def step(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0) + 0.1 * dx
        u = np.maximum(0.999 * state.get("u", 0), np.abs(dx))
        moved = np.divide(m, u, out=np.zeros_like(m), where=u > 0)
        return x - learning_rate / (1 - 0.9**t) * moved, {"t": t, "m": m, "u": u}

    assert check_rule(step, "adamax")
    assert not check_rule(step, "adamax", epsilon=1e-4)


STEPS = {"alpha_0": 0.1, "every": 10, "factor": 0.5}


@pytest.mark.parametrize(
    ("schedule", "settings", "mine", "words"),
    [
        ("step", STEPS, lambda t: 0.1 * 0.5 ** (t % 10), "the remainder is taken"),
        ("step", STEPS, lambda t: 0.1 - 0.05 * (t // 10), "subtracted"),
        ("step", STEPS, lambda t: 0.05 if t % 10 == 0 else 0.1, "not kept"),
        ("step", STEPS, lambda t: 0.1 * 0.9 ** (t // 10), "`factor` acts as 0.9"),
        ("inverse", {"alpha_0": 0.1, "k": 0.05}, lambda t: 0.1 / (1 + 0.05 * t) ** 2, "divisor is squared"),
        ("inverse", {"alpha_0": 0.1, "k": 0.05}, lambda t: 0.1 / (1 + 0.05) * t, "parentheses"),
        ("cosine", {"alpha_0": 0.1, "T": 50}, lambda t: 0.1 * np.cos(np.pi * t / 50), "1 \\+ of the cosine"),
        ("cosine", {"alpha_0": 0.1, "T": 50}, lambda t: 0.05 * (1 + np.cos(np.pi * t / 49)), "ends at T - 1"),
        ("linear", {"alpha_0": 0.1, "T": 50}, lambda t: 0.1 * t / 50, "ends are exchanged"),
        ("linear", {"alpha_0": 0.1, "T": 50, "last": 0.01}, lambda t: 0.1 * (1 - t / 50), "last rate is missing"),
        ("warmup", {"alpha_0": 0.1, "T": 10}, lambda t: 0.1 * max(1, (t + 1) / 10), "maximum"),
        ("warmup", {"alpha_0": 0.1, "T": 10}, lambda t: 0.1 if t >= 10 else 0.0, "ramp"),
    ],
)
def test_mistakes_in_schedules(schedule: str, settings: dict[str, float], mine: Any, words: str) -> None:
    report = check_schedule(mine, schedule, **settings)
    assert re.search(words, report.cause), str(report)


def test_a_schedule_may_keep_its_rate() -> None:
    rate = [0.2]

    def mine(t: int) -> float:
        rate[0] *= 0.5 if t % 10 == 0 else 1.0
        return rate[0]

    assert check_schedule(mine, "step", **STEPS)


def test_forward_passes_without_several_steps() -> None:
    z = np.random.default_rng(0).standard_normal((5, 3))

    def softmax(z: Any) -> Any:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    report = check_forward(lambda z: z / z.sum(axis=1, keepdims=True), softmax, z)
    assert "`z` is used instead of `e`" in report.cause, str(report)
    report = check_forward(lambda z: (lambda e: e / e.sum(axis=1, keepdims=True))(np.exp(z - z.max())), softmax, z)
    assert report and "underflows" in str(report)
    x, w, b = np.ones((2, 3)), np.eye(3), np.arange(3.0) + 1
    report = check_forward(lambda x, w, b: x @ w + 2 * b, lambda x, w, b: x @ w + b, x, w, b)
    assert report.cause == "`b` has an extra factor of 2"


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def lstm(x: Any, W: Any, U: Any, b: Any, act: Any = np.tanh, forget: int = 2) -> Any:
    h = c = np.zeros(2)
    for t in range(len(x)):
        z = x[t] @ W + h @ U + b
        start = 2 - forget
        i, f, o, g = sigmoid(z[start : start + 2]), sigmoid(z[forget : forget + 2]), sigmoid(z[4:6]), act(z[6:])
        c = f * c + i * g
        h = o * np.tanh(c)
    return h


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"act": sigmoid}, r"sigmoid of .* instead of the tanh .*in every pass"),
        pytest.param({"forget": 0}, r"z\[.*z\[.*in every pass.* are exchanged", marks=pytest.mark.slow),
    ],
)
def test_a_gate_in_every_pass(wrong: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.teach.forward.search.LIMIT", 60)
    rng = np.random.default_rng(9)
    inputs = [rng.standard_normal(shape) for shape in ((2, 4), (4, 8), (2, 8), 8)]
    report = check_forward(partial(lstm, **wrong), lambda *arguments: lstm(*arguments), *inputs)
    assert re.search(words, report.cause), str(report)


def test_other_dimensions_of_arrays_of_three() -> None:
    x = np.random.default_rng(9).standard_normal((2, 2, 2, 2, 2))
    report = check_forward(lambda x: x.max(axis=(3, 4)), lambda x: x.max(axis=(2, 4)), x)
    assert "goes over axes (3, 4) instead of axes (2, 4)" in report.cause, str(report)
    w = x[0, :, :, :, 0]
    report = check_forward(lambda w: np.tanh(w.swapaxes(0, 1)), lambda w: np.tanh(w), w)
    assert report.cause == "`w` (its dimensions 0 and 1 are exchanged) is transposed"


def test_a_bias_correction_in_the_step_size_is_right_and_mistakes_in_it_are_named() -> None:
    class Folded:
        def __init__(self, power: float = 0.5) -> None:
            self.t, self.m, self.v, self.power = 0, 0.0, 0.0, power

        def update(self, x: Any, dx: Any, lr: float) -> Any:
            self.t += 1
            rate = lr * (1 - 0.999**self.t) ** self.power / (1 - 0.9**self.t)
            self.m, self.v = 0.9 * self.m + 0.1 * dx, 0.999 * self.v + 0.001 * dx**2
            return x - rate * self.m / (np.sqrt(self.v) + 1e-7)

    report = check_rule(lambda: Folded().update, "adam")
    assert report and "epsilon is added to the root before the bias correction" in report.notes[0], str(report)
    assert check_rule(lambda: Folded(1.0).update, "adam").mistake == "bias-outside-root"


@pytest.mark.slow
def test_two_mistakes_in_several_lines_or_another_form_of_the_rule() -> None:
    def nesterov(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        v = 0.9 * state.get("v", 0.0) + learning_rate * dx
        return x - 0.9 * state.get("v", 0.0) + 0.9 * v, {"v": v}

    report = check_rule(nesterov, "nesterov", mu=0.9)
    assert report.mistake == "ascent + lookahead-factor", str(report)


def lion(x: Any, dx: Any, m: Any, early: bool = False, kept: float = 0.99) -> Any:
    new = kept * m + (1 - kept) * dx
    return x - 0.1 * np.sign(0.9 * m + 0.1 * dx if not early else new), new


def adadelta(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    cache = 0.9 * state.get("cache", 0.0) + 0.1 * dx**2
    move = np.sqrt(state.get("steps", 0.0) + 1e-6) / np.sqrt(cache + 1e-6) * dx
    steps = 0.9 * state.get("steps", 0.0) + 0.1 * move**2
    return x - learning_rate * np.sqrt((steps + 1e-6) / (cache + 1e-6)) * dx, {"cache": cache, "steps": steps}


def one_array(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    m = v = state.setdefault("m", np.zeros_like(x))
    m += 0.1 * (dx - m)
    v += 0.001 * (dx**2 - v)
    return x - learning_rate * m / (np.sqrt(v) + 1e-7), state


def added_to_x(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    return x + 0.1 * x - learning_rate * dx, state


def decayed_update(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    new, state = rules.adam(x, dx, state, learning_rate)
    return x + (1 + 0.1) * (new - x), state


def sign_kept(x: Any, dx: Any, m: Any) -> Any:
    sign = np.sign(0.9 * m + 0.1 * dx)
    return x - 0.1 * sign, 0.99 * m + 0.01 * sign


def unsigned_too_early(x: Any, dx: Any, m: Any) -> Any:
    m = 0.99 * m + 0.01 * dx
    return x - 0.1 * (0.9 * m + 0.1 * dx), m


def decayed_when_stored(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    cache = 0.99 * state.get("cache", 0.0) + 0.01 * dx**2
    return x - learning_rate * dx / (np.sqrt(cache) + 1e-7), {"cache": 0.99 * cache}


def mean_of_squares(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    t, total = state.get("t", 0) + 1, state.get("total", 0.0) + dx**2
    return x - learning_rate * dx / (np.sqrt(total / t) + 1e-7), {"t": t, "total": total}


def from_x(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    v = 0.9 * state.get("v", x) - learning_rate * dx
    return x + v, {"v": v}


def adamax(x: Any, dx: Any, state: Any, learning_rate: float, root: Any = lambda u: u) -> Any:
    """AdaMax with epsilon beside the maximum."""
    t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0.0) + 0.1 * dx
    u = np.maximum(0.999 * state.get("u", 0.0), np.abs(dx))
    return x - learning_rate * m / (1 - 0.9**t) / (root(u) + 1e-8), {"t": t, "m": m, "u": u}


def nag(x: Any, dx: Any, v: Any, mu: float, rate: float) -> Any:
    v = 0.9 * v - 0.1 * dx
    return x + mu * v - rate * dx, v


def nag_without_rate(x: Any, dx: Any, v: Any) -> Any:
    return nag(x, dx, v, 0.9, 1.0)


def weightless(x: Any, dx: Any, state: Any) -> Any:
    t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0.0) + dx  # 1 - beta1 is missing; the rate is as large
    v = 0.999 * state.get("v", 0.0) + 0.001 * dx**2
    x = x - 0.1 * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return x, {"t": t, "m": m, "v": v}


def mean_for_maximum(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0.0) + 0.1 * dx
    u = 0.999 * state.get("u", 0.0) + 0.001 * np.abs(dx)
    return x - learning_rate * m / (1 - 0.9**t) / u, {"t": t, "m": m, "u": u}


def decayed_in_m(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    t, m = state.get("t", 0) + 1, 0.9 * state.get("m", 0.0) + 0.1 * (dx + 0.01 * x)
    v = 0.999 * state.get("v", 0.0) + 0.001 * dx**2
    x = x - learning_rate * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
    return x, {"t": t, "m": m, "v": v}


DECAY = {"weight_decay": 0.02}


def decayed_adam(x: Any, dx: Any, state: Any, rate: float, before: float, after: float = 1.0) -> Any:
    x, state = rules.adam(before * x, dx, state, rate)
    return after * x, state


def deviating(x: Any, dx: Any, state: Any, rate: float, mu: float) -> Any:
    return rules.rmsprop_momentum(x, dx, state, rate, mu=mu)


def exchanged_settings(x: Any, dx: Any, v: Any, learning_rate: float) -> Any:
    v = learning_rate * v - 0.9 * dx
    return x + v, v


def rate_in_cache(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
    cache = state.get("cache", 0.0) + learning_rate * dx**2
    return x - learning_rate * dx / (np.sqrt(cache) + 1e-7), {"cache": cache}


def signed(x: Any, dx: Any, m: Any, step: Any) -> Any:
    return x - 0.1 * step, 0.99 * m + 0.01 * dx


def test_the_weight_decay_of_lion_shrinks_x() -> None:
    def right(x: Any, dx: Any, m: Any) -> Any:
        return signed(x, dx, m, np.sign(0.9 * m + 0.1 * dx) + 0.02 * x)

    assert check_rule(right, "lion", weight_decay=0.02), str(check_rule(right, "lion", weight_decay=0.02))
    report = check_rule(lambda x, dx, m: signed(x, dx + 0.02 * x, m, np.sign(0.9 * m + 0.1 * (dx + 0.02 * x))), "lion",
                        weight_decay=0.02)  # fmt: skip
    assert report.mistake == "weight-decay-in-gradient", str(report)


def test_a_rate_that_decays_inside_is_measured() -> None:
    class Decays:
        def __init__(self, lr: float = 0.1) -> None:
            self.lr, self.t = lr, -1

        def update(self, x: Any, dx: Any) -> Any:
            self.t += 1
            return x - self.lr / (1 + 0.07 * self.t) * dx

    assert "divided by 1 + 0.07 * t" in check_rule(Decays, "sgd").cause


def test_a_velocity_that_is_saved_too_late_is_named_beside_plain_momentum() -> None:
    def stale(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        v = 0.9 * state.get("v", 0.0) - learning_rate * dx
        before = v
        return x - 0.9 * before + 1.9 * v, {"v": v}

    cause = check_rule(stale, "nesterov", mu=0.9).cause
    assert "plain momentum" in cause and "saved before `v` changes" in cause


def test_a_rate_and_a_weight_that_are_equal_cannot_be_distinguished() -> None:
    cause = check_rule(weightless, "adam").cause
    assert cause.startswith("either the learning rate is missing") and "the weight 1 - beta1" in cause


class OneParameter:
    """Update a parameter called param: an array, no dictionary."""

    def __init__(self, lr: float = 0.1) -> None:
        self.lr, self.cache = lr, 0.0

    def update(self, param: Any, grad: Any) -> Any:
        self.cache = 0.99 * self.cache + 0.01 * grad**2
        return param - self.lr * grad / (np.sqrt(self.cache) + 1e-7)


class OneState(OneParameter):
    def update(self, params: Any, grads: Any) -> None:
        for i, grad in enumerate(grads):
            params[i][...] = OneParameter.update(self, params[i], grad)


class Listed(OneParameter):
    def update(self, params: Any, grads: Any) -> None:
        self.caches = getattr(self, "caches", [0.0] * len(params))
        for i, grad in enumerate(grads):
            self.caches[i] = 0.99 * self.caches[i] + 0.01 * grad**2
            params[i] -= self.lr * grad / (np.sqrt(self.caches[i]) + 1e-7)


class Named(Listed):
    def update(self, params: Any, grads: Any) -> None:
        values = list(params.values())
        super().update(values, [grads[name] for name in params])


class Wrong(Named):
    def update(self, params: Any, grads: Any) -> None:
        super().update(params, {name: grads[name + "_"] for name in params})


@pytest.mark.parametrize("rule", [OneParameter, Listed, Named])
def test_a_class_may_take_an_array_a_list_or_a_dictionary(rule: Any) -> None:
    report = check_rule(rule, "rmsprop")
    assert report, str(report)


class NamedAdam:
    def __init__(self, lr: float = 0.1) -> None:
        self.lr, self.t, self.m, self.v = lr, 0, {}, {}  # type: ignore[var-annotated]

    def update(self, params: Any, grads: Any) -> None:
        for name, g in grads.items():
            self.t += 1  # once for each parameter
            self.m[name] = 0.9 * self.m.get(name, 0.0) + 0.1 * g
            self.v[name] = 0.999 * self.v.get(name, 0.0) + 0.001 * g**2
            mb, vb = self.m[name] / (1 - 0.9**self.t), self.v[name] / (1 - 0.999**self.t)
            params[name] -= self.lr * mb / (np.sqrt(vb) + 1e-7)


class OneVelocity:
    def __init__(self, lr: float = 0.1) -> None:
        self.lr, self.t, self.m, self.v = lr, 0, 0.0, 0.0

    def update(self, params: Any, grads: Any) -> None:
        self.t += 1
        for name, g in grads.items():
            self.m, self.v = 0.9 * self.m + 0.1 * g, 0.999 * self.v + 0.001 * g**2
            mb, vb = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
            params[name] -= self.lr * mb / (np.sqrt(vb) + 1e-7)


def test_a_class_that_takes_all_parameters_at_once_is_run_with_two() -> None:
    assert check_rule(OneState, "rmsprop").mistake == "shared-state"
    assert check_rule(NamedAdam, "adam").mistake == "shared-t"
    report = check_rule(OneVelocity, "adam")
    assert "one `m` and one `v` for all parameters" in report.cause, str(report)


class IndexedAdam:
    def __init__(self, lr: float = 0.1) -> None:
        self.lr, self.state = lr, {}  # type: ignore[var-annotated]

    def update(self, params: Any, grads: Any) -> None:
        for i, (name, g) in enumerate(grads.items()):
            state = self.state.setdefault(name, {})
            state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * g
            state["v"] = 0.999 * state.get("v", 0.0) + 0.001 * g**2
            mb, vb = state["m"] / (1 - 0.9 ** (i + 1)), state["v"] / (1 - 0.999 ** (i + 1))
            params[name] -= self.lr * mb / (np.sqrt(vb) + 1e-7)


def test_the_index_of_a_parameter_is_no_count_of_steps() -> None:
    report = check_rule(IndexedAdam, "adam")
    assert report.mistake == "t-is-index" and "from 1" in report.cause, str(report)


def test_adadelta_of_the_paper_has_no_learning_rate() -> None:
    names: dict[str, Any] = {"np": np}
    exec(ADADELTA.replace("lr * d", "d"), names)
    report = check_rule(names["step"], "adadelta")
    assert report and "no learning rate, as in the paper" in str(report), str(report)
    exec(ADADELTA.replace("lr * d", "d").replace("0.1 * d**2", "0.1 * np.abs(d)"), names)
    assert check_rule(names["step"], "adadelta").mistake == "square-is-abs"
    exec(ADADELTA.replace("lr * d", "lr**2 * d"), names)
    assert check_rule(names["step"], "adadelta").mistake == "rate-twice"


def test_mistakes_that_give_the_same_numbers_are_both_said() -> None:
    names: dict[str, Any] = {"np": np}
    exec(ADAMAX.replace("np.maximum", "np.minimum"), names)  # u is 0 at first, and x is infinite
    cause = check_rule(names["step"], "adamax").cause
    assert "the minimum is taken" in cause and "counts from 0" in cause, cause

    def once_more(x: Any, dx: Any, state: Any, learning_rate: float) -> Any:
        state["v"] = 0.9 * state.get("v", 0.0) - learning_rate * dx
        return x + 0.9 * state["v"]

    cause = check_rule(once_more, "momentum").cause
    assert "once more in the step" in cause and "parentheses are misplaced" in cause, cause


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "in_m", "in_v", "of_x", "found"),
    [
        ("adamw", 1, 1, 0.5, "weight-decay-twice + weight-decay-factor"),
        ("adam", 0, -1, 0, "weight-decay-elsewhere + weight-decay-sign"),
    ],
)
def test_two_mistakes_in_the_weight_decay(
    rule: str, in_m: float, in_v: float, of_x: float, found: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(search, "LIMIT", 600.0)

    def step(x: Any, dx: Any, state: Any, lr: float) -> Any:
        t = state["t"] = state.get("t", 0) + 1
        m = state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * (dx + in_m * 0.1 * x)
        v = state["v"] = 0.999 * state.get("v", 0.0) + 0.001 * (dx + in_v * 0.1 * x) ** 2
        return (1 - lr * of_x * 0.1) * x - lr * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)

    report = check_rule(step, rule, weight_decay=0.1)
    assert report.mistake == found, str(report)


ADAM_TEXT = """
def make(beta1=0.9, beta2=0.999, eps=1e-7):
    m = v = 0.0
    t = 0
    def step(x, dx, state, lr):
        nonlocal m, v, t
        t += 1
        m = beta1 * m + (1 - beta1) * dx
        v = beta2 * v + (1 - beta2) * dx**2
        mb, vb = m / (1 - beta1**t), v / (1 - beta2**t)
        return x - lr * mb / (np.sqrt(vb) + eps)
    return step
"""
NADAM = """
def step(x, dx, state, lr):
    t = state["t"] = state.get("t", 0) + 1
    mu, nxt = (0.9 * (1 - 0.5 * 0.96 ** (i * 0.004)) for i in (t, t + 1))
    p = state["p"] = state.get("p", 1.0) * mu
    m = state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * dx
    v = state["v"] = 0.999 * state.get("v", 0.0) + 0.001 * dx**2
    return x - lr * (nxt * m / (1 - p * nxt) + (1 - mu) * dx / (1 - p)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
"""
RPROP = """
def step(x, dx, state, lr):
    same = dx * state.get("dx", 0.0)
    d = state.get("d", np.full_like(x, lr))
    d = np.where(same > 0, np.minimum(1.2 * d, 50.0), d)
    d = np.where(same < 0, np.maximum(0.5 * d, 1e-6), d)
    state.update(d=d, dx=np.where(same < 0, 0.0, dx))
    return x - d * np.sign(state["dx"])
"""
BUFFER = """
def step(x, dx, state, lr):
    if "b" not in state:
        state["b"] = dx.copy()
    else:
        state["b"] = 0.9 * state["b"] + dx
    return x - lr * state["b"]
"""
LEAKING = """
def step(x, dx, state, lr):
    if "c" not in state:
        state["c"] = 0.01 * dx**2
    else:
        state["c"] = 0.99 * state["c"] + 0.01 * dx**2
    return x - lr * dx / (np.sqrt(state["c"]) + 1e-7)
"""
DECAYED = """
def step(x, dx, state, lr):
    dx = dx + 0.1 * x
    return x - lr * dx
"""
ADADELTA = """
def step(x, dx, state, lr):
    a = state["a"] = 0.9 * state.get("a", 0.0) + 0.1 * dx**2
    d = np.sqrt((state.get("d", 0.0) + 1e-6) / (a + 1e-6)) * dx
    state["d"] = 0.9 * state.get("d", 0.0) + 0.1 * d**2
    return x - lr * d
"""
ADAMAX = """
def step(x, dx, state, lr):
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * dx
    u = state["u"] = np.maximum(0.999 * state.get("u", 0.0), np.abs(dx) + 1e-7)
    return x - lr * m / (1 - 0.9**t) / u
"""
LION = """
def step(x, dx, state, lr):
    m = state.get("m", np.zeros_like(x))
    state["m"] = 0.99 * m + 0.01 * dx
    return x - lr * np.sign(0.9 * m + 0.1 * dx)
"""
ASGD = """
def step(x, dx, state, lr):
    t, eta, mu = state.get("t", 0) + 1, state.get("eta", lr), state.get("mu", 1.0)
    x = x * (1 - 1e-4 * eta) - eta * dx
    ax = x if mu == 1 else state["ax"] + mu * (x - state["ax"])
    state.update(t=t, ax=ax, eta=lr / (1 + 1e-4 * lr * t) ** 0.75, mu=1 / max(1, t - 2))
    return x
"""
RARER: list[tuple[str, dict[str, Any], str, list[tuple[str, str, str]]]] = [
    ("adam", {}, ADAM_TEXT, [
        ("1 - beta1**t", "(1 - beta1)**t", "parentheses"),
        ("m / (1 - beta1**t)", "m / 1 - beta1**t", "parentheses"),
        ("m / (1 - beta1**t), v / (1 - beta2**t)", "m / (1 - beta2**t), v / (1 - beta1**t)", "bias-betas-swapped"),
        ("* dx**2", "* dx * x", "square-of-average"),
        ("m / (1 - beta1**t), v / (1 - beta2**t)", "m / (1 + beta1**t), v / (1 + beta2**t)", "operator"),
        ("lr * mb / (np.sqrt(vb) + eps)", "lr * mb / np.sqrt(vb) + eps", "parentheses"),
        ("t += 1", "t += 2", "t-by-two"),
        ("lr * mb / (np.sqrt(vb)", "lr * vb / (np.sqrt(np.abs(mb))", "names-swapped"),
        ("lr * mb", "lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * mb", "bias-correction-twice"),
        ("lr * mb / (np.sqrt(vb) + eps)", "lr * mb", "part-missing"),
        ("(np.sqrt(vb)", "(np.sqrt(mb**2)", "wrong-array"),
    ]),
    ("nadam", {}, NADAM, [
        ("nxt * m / (1 - p * nxt)", "mu * m / (1 - p)", "lookahead-of-this-step"),
        ("nxt * m", "nxt * dx", "gradient-for-average"),
        ("nxt * m / (1 - p * nxt)", "nxt * m / (1 - 0.9**t)", "bias-of-constant-decay"),
        ("nxt * m", "0.9 * m", "schedule-ignored"),
        ("(1 - 0.5 * 0.96 ** (i * 0.004))", "1.0", "dropped"),  # in the lines of both values of mu
        ("(1 - p * nxt) + (1 - mu) * dx / (1 - p)", "(1 - mu**t * nxt) + (1 - mu) * dx / (1 - mu**t)",
         "product-is-power"),
    ]),
    ("rprop", {}, RPROP, [
        ("same > 0", "same < 0", "branch"), ("np.minimum(1.2 * d, 50.0)", "1.2 * d", "limit-missing"),
        ("np.maximum(0.5 * d, 1e-6)", "0.5 * d", "limit-missing"), ("x - d", "x - lr * d", "rate-elsewhere"),
    ]),
    ("momentum_pytorch", {}, BUFFER, [("dx.copy()", "0 * dx", "first-term-lost")]),
    ("rmsprop", {}, LEAKING, [("0.01 * dx**2\n    else", "np.zeros_like(x)\n    else", "first-term-lost"),
        ("return x - lr", "p = state['p'] = 0.9 * state.get('p', 0.0) - lr * dx / (np.sqrt(state['c']) + 1e-7)\n"
         "    return x + p\n    return lr", "momentum-added")]),
    ("sgd", {"weight_decay": 0.1}, DECAYED, [("0.1 * x", "lr * 0.1 * x", "weight-decay-rate-twice")]),
    ("adadelta", {}, ADADELTA, [("d = np.sqrt((state.get(\"d\", 0.0) + 1e-6) / (a + 1e-6)) * dx",
                                 "d = np.sqrt((a + 1e-6) / (a + 1e-6)) * dx", "steps-too-early"),
        ("np.sqrt((state.get(\"d\", 0.0) + 1e-6) / (a", "(np.sqrt(state.get(\"d\", 0.0)) + 1e-6) / np.sqrt((a",
         "epsilon-outside-root")]),
    ("adamax", {}, ADAMAX, [("np.maximum(0.999 * state.get(\"u\", 0.0), np.abs(dx) + 1e-7)",
                             "0.999 * state.get(\"u\", 0.0) + 0.001 * np.abs(dx) + 1e-7", "maximum-is-mean"),
        ("np.maximum(0.999 * state.get(\"u\", 0.0)", "np.minimum(0.999 * state.get(\"u\", np.inf)", "minimum"),
        ("np.maximum(0.999 * ", "np.maximum(", "decay-missing")]),
    ("lion", {}, LION, [("0.9 * m + 0.1 * dx)", "m)", "sign-of-old-average"),
                        ("np.sign(0.9 * m + 0.1 * dx)", "(np.sign(0.9 * m) + np.sign(0.1 * dx))",
                         "parentheses")]),
    ("asgd", {"t0": 2}, ASGD, [("return x\n", "return ax\n", "average-goes-on")]),
]  # fmt: skip


TWO = (
    "v = beta2 * v + (1 - beta2) * dx**2\n        mb, vb = m / (1 - beta1**t), v / (1 - beta2**t)",
    "v = 0.98 * v + 0.02 * dx**2\n        mb, vb = m, v / (1 - 0.98**t)",
    "bias-of-m-missing + other-value",
)


@pytest.mark.parametrize(
    ("rule", "settings", "text", "edits"),
    [*RARER, pytest.param("adam", {}, ADAM_TEXT, [TWO], marks=pytest.mark.slow)],
    ids=[*(case[0] for case in RARER), "two in adam"],
)
def test_mistakes_of_rarer_rules_are_named(rule: str, settings: Any, text: str, edits: Any) -> None:
    def made(source: str) -> Any:
        names: dict[str, Any] = {"np": np}
        exec(source, names)
        return names.get("make", names.get("step"))

    assert (report := check_rule(made(text), rule, **settings)), str(report)
    for old, new, name in edits:
        assert text.count(old) == 1, old
        report = check_rule(made(text.replace(old, new)), rule, **settings)
        assert report.mistake == name, str(report)


def test_of_several_forms_that_raise_the_first_error_is_shown() -> None:
    assert "KeyError: 'x0_'" in check_rule(Wrong, "rmsprop").cause


def test_the_epsilon_of_adamax_may_stand_beside_the_maximum() -> None:
    assert check_rule(adamax, "adamax")
    single = check_rule(lambda x, dx, state, rate: adamax(x.astype(np.float32), dx, state, np.float32(rate)), "adamax")
    assert single, str(single)


def test_a_search_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "LIMIT", 0.0)
    report = check_rule(lambda x, dx: x - 0.1 * np.arctan(dx) + np.cos(x), "sgd")
    assert report.mistake == "unknown" and "the search for two mistakes was given up" in str(report), str(report)


@pytest.mark.parametrize(
    ("name", "rule", "wrong", "settings"),
    [
        ("weight-decay-of-step", "adamw", decayed_update, {"weight_decay": 0.1}),
        ("sign-kept", "lion", sign_kept, {}),
        ("lines-swapped + function-missing", "lion", unsigned_too_early, {}),
        ("old-value-decayed-twice", "rmsprop", decayed_when_stored, {}),
        ("sum-is-mean", "adagrad", mean_of_squares, {}),
        ("starts-at-one", "momentum", from_x, {}),
        ("root-added", "adamax", partial(adamax, root=np.sqrt), {}),
        ("average-too-early", "lion", lambda x, dx, state: lion(x, dx, state, early=True), {}),
        ("interpolation-kept", "lion", lambda x, dx, state: lion(x, dx, state, kept=0.9), {}),
        ("too-early", "adadelta", adadelta, {"learning_rate": 1.0}),
        ("other-entry", "adam_incomplete", one_array, {}),
        ("rate-missing", "nesterov", nag_without_rate, {}),
        ("dropped", "nesterov", lambda x, dx, v: nag(x, dx, v, 1.0, 0.1), {}),
        ("rate-missing", "adam", weightless, {}),
        ("maximum-is-mean", "adamax", mean_for_maximum, {}),
        ("weight-decay-elsewhere", "adam", decayed_in_m, {"weight_decay": 0.01}),
        ("weight-decay-last", "adamw", lambda x, dx, state, rate: decayed_adam(x, dx, state, rate, 1, 0.98), DECAY),
        (
            "weight-decay-factor",
            "adamw",
            lambda x, dx, state, rate: decayed_adam(x, dx, state, rate, 1 - rate * 0.2),
            DECAY,
        ),
        ("is-rmsprop_momentum", "rmsprop", lambda x, dx, state, rate: deviating(x, dx, state, rate, 0.0), {}),
        ("rate-elsewhere", "adagrad", rate_in_cache, {}),
        (
            "weight-decay-scaled",
            "lion",
            lambda x, dx, m: signed(x, dx, m, np.sign(0.9 * m + 0.1 * dx + 0.02 * x)),
            DECAY,
        ),
        ("betas-swapped", "momentum", exchanged_settings, {"mu": 0.9}),
        ("weight-decay-added-to-x", "sgd", added_to_x, {"weight_decay": 0.1}),
    ],
)
def test_more_kinds_of_mistakes_in_rules(name: str, rule: str, wrong: Any, settings: Any) -> None:
    report = check_rule(wrong, rule, **settings)
    assert report.mistake == name, str(report)
    assert not re.search(r"\{\w+\}", report.cause), report.cause


def test_a_gate_a_skip_connection_and_a_state_appended_too_early() -> None:
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((4, 3)), rng.standard_normal((3, 3))

    def gate(x: Any, w: Any) -> Any:
        return 1 / (1 + np.exp(-x @ w))

    report = check_forward(lambda x, w: np.tanh(x @ w), gate, x, w)
    assert "tanh of `x @ w` is taken instead of the sigmoid" in report.cause, str(report)
    report = check_forward(lambda x, w: gate(x, w) + x, gate, x, w)
    assert report.mistake == "added" and "`x` is added" in report.cause, str(report)

    def states(x: Any, w: Any, early: bool = False) -> Any:
        h, out = x[0], []
        for row in x[1:]:
            before, h = h, np.tanh(row + h @ w)
            out.append(before if early else h)
        return np.stack(out)

    report = check_forward(partial(states, early=True), states, x, w)
    assert report.mistake == "joined" and "before the update" in report.cause, str(report)


def test_numbers_of_a_function_that_a_factory_calls() -> None:
    assert 0.25 in _constants(lambda: numbered())


def numbered(rate: float = 0.25) -> float:
    return rate


def test_reports_of_rules_schedules_and_forward_passes_have_one_form() -> None:
    wrong_rule = check_rule(lambda x, dx, state, learning_rate: (x + learning_rate * dx, state), "sgd")
    schedule = check_schedule(lambda t: 0.1 * 0.5 ** (t / 10), "step", alpha_0=0.1, every=10)
    forward = check_forward(lambda x: x.sum(axis=0), lambda x: x.mean(axis=0), np.arange(6.0).reshape(2, 3))
    for report in (wrong_rule, schedule, forward):
        first, hint, cause, titles, *rows = str(report).splitlines()
        assert not report and ": WRONG" in first and repr(report) == str(report)
        assert hint.startswith("    Hint: ") and cause == f"    Cause: {report.cause}."
        assert "yours" in titles and len(rows) == len(report.table) > 0 and len({*map(len, (titles, *rows))}) == 1
        page = report._repr_html_()
        assert page.count("<tr") == len(rows) + 1 and "#fbdfd0" in page and "`" not in page
    assert "#d5efe6" in check_forward(np.tanh, np.tanh, np.ones(3))._repr_html_()


def test_what_cannot_be_checked_is_said() -> None:
    own = optim.SGD([tensor([1.0], requires_grad=True)], lr=0.1)
    assert "pass the class" in check_rule(own, "sgd").cause
    assert "needs the gradient too" in check_rule(lambda x: x, "sgd").cause
    for betas in (0.9, (0.9, 0.99, 0.999)):
        with pytest.raises(ValueError, match="betas must be a pair"):
            check_rule(lambda x, dx: x, "adam", betas=betas)
