"""minigrad's optimisers against PyTorch's of the same names: every step of a run, states, defaults and signatures."""

from __future__ import annotations

import copy
import inspect
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

DECAYED = {"lr": 0.05, "weight_decay": 0.1, "maximize": True}
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.5, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.001, "maximize": True}),
    ("SGD", {"lr": 0.001, "momentum": 0.5, "maximize": True, "weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.3, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.3, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("Adagrad", {"lr_decay": 0.01, **DECAYED}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01, "centered": True}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "centered": True, "momentum": 0.5, "eps": 1e-3}),
    ("RMSprop", {"momentum": 0.5, "centered": True, **DECAYED}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.6)}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"amsgrad": True, **DECAYED}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.3}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.6)}),
    ("AdamW", {"amsgrad": True, **DECAYED}),
    ("Adadelta", {}),
    ("Adadelta", {"rho": 0.5, "eps": 1e-3}),
    ("Adadelta", DECAYED),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.5, 0.6), "eps": 1e-2}),
    ("Adamax", DECAYED),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.5, 0.6), "eps": 1e-2, "momentum_decay": 0.1}),
    ("NAdam", {"decoupled_weight_decay": True, **DECAYED}),
    ("NAdam", DECAYED),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-2}),
    ("RAdam", {"betas": (0.5, 0.6), "decoupled_weight_decay": True, **DECAYED}),
    ("RAdam", DECAYED),
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 10}),
    ("ASGD", {"lambd": 0.0, "t0": 0, **DECAYED}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (1e-3, 0.2)}),
    ("Rprop", {"maximize": True}),
    ("Adafactor", {}),
    ("Adafactor", {"lr": 0.5, "beta2_decay": -0.5, "eps": (1e-3, 0.1), "d": 2.0}),
    ("Adafactor", {"lr": 0.5, "eps": (10.0, 0.1)}),
    ("Adafactor", DECAYED),
]
NAMES = sorted({name for name, _ in OPTIMIZERS})
each_optimizer = pytest.mark.parametrize(("name", "settings"), OPTIMIZERS)


@pytest.fixture(autouse=True)
def pytorch_counts_in_float64() -> Iterator[None]:
    """PyTorch keeps a few factors of all numbers (NAdam's, ASGD's) in its default dtype; here they are Python's."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Descent:
    """50 steps of an optimiser of either library, on a loss of three parameters in two groups.

    The second group has a rate of its own, a parameter has no gradient in some steps, and half-way the rates change.
    """

    def __init__(self, m: Any, name: str, settings: dict[str, Any], dtype: str) -> None:
        rng = np.random.default_rng(0)
        start = [rng.standard_normal(s).astype(dtype) for s in ((3, 2), (2,), ())]
        self.a, self.b, self.c = self.parameters = [m.tensor(s, requires_grad=True) for s in start]
        self.x, self.y = (m.tensor(rng.standard_normal((5, n)).astype(dtype)) for n in (3, 2))
        kind, self.t = getattr(m.optim, name), 0
        groups = [{"params": [self.a]}, {"params": [self.b, self.c], "lr": 0.02}]
        self.optimizer = kind(groups, **settings)

    def run(self, steps: int = 50) -> Iterator[list[np.ndarray]]:
        for _ in range(steps):
            self.optimizer.zero_grad()
            loss = (((self.x @ self.a + self.b).sin() - self.y) ** 2).mean() * (2 + self.c.sin())
            loss.backward()
            if self.t % 7 == 3:
                self.b.grad = None  # such a parameter stays, and so does its state
            if self.t == 25:
                for group in self.optimizer.param_groups:
                    group["lr"] *= 0.5
            self.optimizer.step()
            self.t += 1
            yield [np.array(p.detach().numpy()) for p in self.parameters]


def compare(ours: Descent, theirs: Descent, steps: int, rtol: float) -> None:
    for a, b in zip(ours.run(steps), theirs.run(steps), strict=True):
        for p, q in zip(a, b, strict=True):
            assert p.dtype == q.dtype
            np.testing.assert_allclose(p, q, rtol=rtol, atol=rtol * 1e-2)


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-9), ("float32", 1e-2)])
@each_optimizer
def test_every_step(name: str, settings: dict[str, Any], dtype: str, rtol: float) -> None:
    ours, theirs = (Descent(m, name, settings, dtype) for m in (minigrad, torch))
    compare(ours, theirs, 50, rtol)


@each_optimizer
def test_large_parameters(name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """They are updated a block at a time."""
    monkeypatch.setattr(minigrad.optim.flat, "BLOCK", 10_000)
    rng = np.random.default_rng(0)
    start, *gradients = rng.standard_normal((6, 40, 2001))
    ends = []
    for m in (minigrad, torch):
        p = m.tensor(start, requires_grad=True)
        optimizer = getattr(m.optim, name)([p], **settings)
        for gradient in gradients:
            p.grad = m.tensor(gradient)
            optimizer.step()
        ends.append(np.array(p.detach().numpy()))
    np.testing.assert_allclose(*ends, rtol=1e-9, atol=1e-12)


@each_optimizer
def test_nan_in_a_gradient_goes_the_same_way(name: str, settings: dict[str, Any]) -> None:
    ends = []
    for m in (minigrad, torch):
        p = m.tensor(np.ones((2, 3)), requires_grad=True)
        optimizer = getattr(m.optim, name)([p], **settings)
        for wrong in (np.nan, 1.0, np.inf, 1.0):
            p.grad = m.tensor(np.array([[1.0, wrong, 2.0], [-1.0, -wrong, 0.5]]))
            optimizer.step()
            ends.append(np.array(p.detach().numpy()))
    if name == "Rprop":  # the sign of nan is nan, but 0 in PyTorch
        assert np.isnan(ends[0][:, 1]).all() and (ends[4][:, 1] == 1).all()
        ends = [np.delete(end, 1, axis=1) for end in ends]
    np.testing.assert_allclose(ends[:4], ends[4:], rtol=1e-9)


@each_optimizer
def test_a_saved_state_goes_on_here_and_that_of_pytorch_too(name: str, settings: dict[str, Any]) -> None:
    theirs = Descent(torch, name, settings, "float64")
    ours, fresh, fresh_too = (Descent(minigrad, name, settings, "float64") for _ in range(3))
    compare(ours, theirs, 20, 1e-9)
    saved = theirs.optimizer.state_dict()
    for other, state in ((fresh, ours.optimizer.state_dict()), (fresh_too, copy.deepcopy(saved))):
        for p, q in zip(other.parameters, ours.parameters):
            p.data = q.detach().clone()
        other.t = ours.t
        other.optimizer.load_state_dict(state)
    here = ours.optimizer.state_dict()
    assert [g["params"] for g in here["param_groups"]] == [g["params"] for g in saved["param_groups"]]
    for i, state in here["state"].items():
        assert state.keys() <= saved["state"][i].keys()
        for key, value in state.items():
            np.testing.assert_allclose(np.asarray(value), np.asarray(saved["state"][i][key]), rtol=1e-9, atol=1e-12)
    for a, b, c, d in zip(ours.run(30), fresh.run(30), fresh_too.run(30), theirs.run(30)):
        for p, q, r, s in zip(a, b, c, d):
            assert p.tobytes() == q.tobytes()
            np.testing.assert_allclose(r, s, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [*NAMES, "LBFGS", "Muon"])
def test_settings_have_pytorchs_names_defaults_and_places(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(m.optim, name)).parameters for m in (minigrad, torch))
    named = {n: p for n, p in ours.items() if p.kind is not p.VAR_KEYWORD}
    assert {n: p.default for n, p in named.items()} == {n: theirs[n].default for n in named}
    by_place = [n for n, p in named.items() if p.kind is not p.KEYWORD_ONLY]
    assert by_place == list(theirs)[: len(by_place)]
    switches = theirs.keys() - named.keys()
    assert switches <= {"foreach", "fused", "capturable", "differentiable"}
    kind, p = getattr(minigrad.optim, name), minigrad.zeros(2, requires_grad=True)
    for switch in switches:
        kind([p], **{switch: theirs[switch].default})
        with pytest.raises(NotImplementedError, match=f"{name}: {switch}=True is not supported"):
            kind([p], **{switch: True})


# ---- L-BFGS ----------------------------------------------------------------------------------------------------


class Valley:
    """L-BFGS of either library in Rosenbrock's valley, in more dimensions, with a parameter that has no gradient."""

    def __init__(self, m: Any, settings: dict[str, Any], dtype: str = "float64") -> None:
        self.a = m.tensor(np.array([-1.2, 1.0, 0.5], dtype), requires_grad=True)
        self.b = m.tensor(np.array([[2.0, -0.3]], dtype), requires_grad=True)
        self.unused = m.tensor(np.zeros(2, dtype), requires_grad=True)
        self.optimizer = m.optim.LBFGS([self.a, self.b, self.unused], **settings)
        self.cat, self.calls = m.cat, 0

    def closure(self) -> Any:
        self.calls += 1
        self.optimizer.zero_grad()
        x = self.cat([self.a, self.b.reshape(2)])
        loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        loss.backward()
        return loss

    def step(self) -> tuple[float, np.ndarray]:
        loss = self.optimizer.step(self.closure)
        return loss.item(), np.concatenate([p.detach().numpy().reshape(-1) for p in (self.a, self.b, self.unused)])


SEARCH = {"line_search_fn": "strong_wolfe"}
VALLEYS: list[dict[str, Any]] = [
    SEARCH,
    {"history_size": 3, "max_eval": 9, **SEARCH},
    {"lr": 0.1, **SEARCH},
    {"lr": 3.0, "max_iter": 4, **SEARCH},
    {"max_iter": 1, **SEARCH},
    {"max_iter": 7, "max_eval": 5, **SEARCH},
    {"history_size": 2, "max_iter": 6, **SEARCH},
    {"history_size": 1, "max_iter": 3, "tolerance_change": 1e-3, **SEARCH},
    {"tolerance_grad": 10.0, **SEARCH},
    {"lr": 0.01, "max_iter": 5},
    {"lr": 0.01, "max_iter": 5, "max_eval": 3, "history_size": 2},
    {"lr": 0.02, "max_iter": 3, "tolerance_change": 0.1},
    {"lr": 0.01, "max_iter": 1},
]


@pytest.mark.parametrize("settings", VALLEYS, ids=str)
def test_lbfgs(settings: dict[str, Any]) -> None:
    ours, theirs = Valley(minigrad, settings), Valley(torch, settings)
    for _ in range(12):
        (loss, x), (other_loss, z) = ours.step(), theirs.step()
        # what rounding makes differ grows from step to step: 3e-9 was seen on one processor
        np.testing.assert_allclose(x, z, rtol=1e-6, atol=1e-6)
        assert loss == pytest.approx(other_loss, rel=1e-5, abs=1e-9)
        if loss < 1e-8:
            break  # from here on all is rounding
        assert ours.calls == theirs.calls
    ours, theirs = Valley(minigrad, settings, "float32"), Valley(torch, settings, "float32")
    np.testing.assert_allclose(ours.step()[1], theirs.step()[1], rtol=0.02, atol=0.02)


class Bumps(Valley):
    """Waves of random lengths in a bowl, where a line search meets all its cases."""

    def __init__(self, m: Any, seed: int, dtype: str = "float64") -> None:
        rng = np.random.default_rng(seed)
        self.a = m.tensor(rng.normal(0, 3, 3), requires_grad=True)
        self.b = self.unused = m.tensor(rng.normal(0, 3, 1), requires_grad=True)
        self.waves = m.tensor(rng.uniform(0.3, 4, (5, 4)))
        self.optimizer = m.optim.LBFGS([self.a, self.b], lr=10 ** rng.uniform(-3, 1), max_iter=3, **SEARCH)
        self.cat, self.calls = m.cat, 0

    def closure(self) -> Any:
        self.calls += 1
        self.optimizer.zero_grad()
        x = self.cat([self.a, self.b])
        loss = (self.waves @ x).sin().sum() + 0.1 * (x**2).sum()
        loss.backward()
        return loss


@pytest.mark.parametrize("seed", [*range(10), 41, 43, 86, 326])  # the last four meet the rarer cases
def test_line_searches(seed: int) -> None:
    ours, theirs = Bumps(minigrad, seed), Bumps(torch, seed)
    for _ in range(4):
        np.testing.assert_allclose(ours.step()[1], theirs.step()[1], rtol=1e-7, atol=1e-7)
        assert ours.calls == theirs.calls


class Line(Valley):
    """One line search: along waves, or among kinks, where no slope is ever flat."""

    def __init__(self, m: Any, seed: int, kinks: bool) -> None:
        r = random.Random(seed)
        ends = [(-6, 6), (0.2, 1.5)] if kinks else [(0.3, 4), (0.2, 1.5), (0, 6.28)]
        self.lengths, self.heights, *self.phases = (m.tensor(np.array([r.uniform(*e) for _ in range(5)])) for e in ends)
        self.a = self.b = self.unused = m.tensor(np.array([r.gauss(0, 3)]), requires_grad=True)
        settings = {"lr": 10 ** r.uniform(-2, 1), "tolerance_change": 10 ** r.uniform(-9, -1)}
        self.optimizer = m.optim.LBFGS([self.a], max_iter=1, max_eval=100, **settings, **SEARCH)
        self.calls = 0

    def closure(self) -> Any:
        self.calls += 1
        self.optimizer.zero_grad()
        if self.phases:
            loss = (self.heights * (self.lengths * self.a + self.phases[0]).sin()).sum() + 0.05 * (self.a**2).sum()
        else:
            loss = (self.heights * (self.a - self.lengths).abs()).sum()
        loss.backward()
        return loss


HIGHER = [(seed, False) for seed in (315, 958, 1670, 1844, 3070, 3375)]
"""Here a try is higher than the one before it, but not too high."""
NARROW = [(seed, True) for seed in (1, 6, 10, 15, 39, 54, 59)]
"""Here the bracket gets as small as it may."""


@pytest.mark.parametrize(("seed", "kinks"), [*HIGHER, *NARROW])
def test_line_searches_that_meet_rare_cases(seed: int, kinks: bool) -> None:
    ours, theirs = Line(minigrad, seed, kinks), Line(torch, seed, kinks)
    np.testing.assert_allclose(ours.step()[1], theirs.step()[1], rtol=1e-8)
    assert ours.calls == theirs.calls


@pytest.mark.parametrize("settings", [{"max_iter": 3, **SEARCH}, {"lr": 0.01, "max_iter": 3}], ids=str)
def test_a_saved_lbfgs_goes_on_here_and_that_of_pytorch_too(settings: dict[str, Any]) -> None:
    ours, theirs, fresh, fresh_too = (Valley(m, settings) for m in (minigrad, torch, minigrad, minigrad))
    for _ in range(3):
        ours.step(), theirs.step()
    saved, other_saved = ours.optimizer.state_dict(), copy.deepcopy(theirs.optimizer.state_dict())
    for other in (fresh, fresh_too):
        other.a.data, other.b.data = ours.a.detach().clone(), ours.b.detach().clone()
    ends, other_ends = ([valley.step()[1] for _ in range(3)] for valley in (ours, theirs))
    fresh.optimizer.load_state_dict(saved)
    fresh_too.optimizer.load_state_dict(other_saved)
    assert [fresh.step()[1].tobytes() for _ in range(3)] == [end.tobytes() for end in ends]
    np.testing.assert_allclose([fresh_too.step()[1] for _ in range(3)], other_ends, rtol=1e-9)


# ---- Muon ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": 0.1, "weight_decay": 0.0, "nesterov": False, "momentum": 0.5},
        {"lr": 0.1, "ns_steps": 3, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 1.0},
        {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw"},
        {"lr": 0.1, "adjust_lr_fn": "original"},
    ],
    ids=str,
)
@pytest.mark.parametrize("exact", [True, False])
def test_muon(settings: dict[str, Any], exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's Muon rounds to bfloat16 on its way; without that, the numbers are the same."""
    if exact:
        monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    rng = np.random.default_rng(0)
    starts = [rng.standard_normal(shape) for shape in ((4, 6), (7, 3), (1, 5))]
    gradients = [[rng.standard_normal(s.shape) for s in starts] for _ in range(10)]
    ends, saved = [], []
    for m in (minigrad, torch):
        parameters = [m.tensor(s, requires_grad=True) for s in starts]
        optimizer = m.optim.Muon(parameters, **settings)
        for row in gradients:
            for p, g in zip(parameters, row):
                p.grad = m.tensor(g)
            optimizer.step()
        ends.append([np.array(p.detach().numpy()) for p in parameters])
        saved.append(optimizer.state_dict())
    for p, q in zip(*ends):
        np.testing.assert_allclose(p, q, rtol=1e-9 if exact else 0.1, atol=0 if exact else 0.1)
    optimizer = minigrad.optim.Muon([minigrad.tensor(s, requires_grad=True) for s in starts])
    optimizer.load_state_dict(saved[1])
    for state, other in zip(optimizer.state_dict()["state"].values(), saved[0]["state"].values()):
        np.testing.assert_allclose(
            np.asarray(state["momentum_buffer"]), np.asarray(other["momentum_buffer"]), rtol=1e-9
        )
