"""minigrad's learning-rate schedulers against PyTorch's of the same names: the rates and momenta of every step."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = [
    pytest.mark.oracle,
    # PyTorch's false alarm, when a SequentialLR is made of schedulers that are made of others
    pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step"),
]

STEPS = 200
METRICS = [5 / (1 + min(t, 20)) + 0.1 * (t % 3) for t in range(STEPS)]  # goes down, with a wobble, and stays


class Growing:
    """A function of t that remembers."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, t: float) -> float:
        self.calls += 1
        return 1 / (1 + self.calls)


class Inverse:
    """A function that is an object; it may be asked several times a step."""

    def __init__(self) -> None:
        self.k = 0.5

    def __call__(self, cycle: float) -> float:
        return 1 / (1 + self.k * cycle)


# what makes a scheduler, in terms of the module S of schedulers and the optimiser o
SIMPLE = [
    "S.LambdaLR(o, lambda t: 0.9**t)",
    "S.LambdaLR(o, [lambda t: 1 / (1 + t), lambda t: 1 + t])",
    "S.LambdaLR(o, Growing())",
    "S.MultiplicativeLR(o, lambda t: 1 - 1 / (t + 2))",
    "S.MultiplicativeLR(o, [lambda t: 0.9, lambda t: 1.1])",
    "S.StepLR(o, 7)",
    "S.StepLR(o, step_size=1, gamma=0.9)",
    "S.MultiStepLR(o, [3, 10, 10, 40])",
    "S.MultiStepLR(o, [31, 4], gamma=0.5)",
    "S.MultiStepLR(o, [0, 5], gamma=0.5)",
    "S.ConstantLR(o)",
    "S.ConstantLR(o, 0.25, 21)",
    "S.ConstantLR(o, factor=1.0, total_iters=1)",
    "S.LinearLR(o)",
    "S.LinearLR(o, 0.1, 0.7, 30)",
    "S.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=30)",
    "S.ExponentialLR(o, 0.9)",
    "S.ExponentialLR(o, gamma=1.05)",
    "S.PolynomialLR(o)",
    "S.PolynomialLR(o, 40, 2.0)",
    "S.PolynomialLR(o, total_iters=80, power=0.5)",
    "S.CosineAnnealingLR(o, 50)",
    "S.CosineAnnealingLR(o, T_max=9, eta_min=0.01)",
    "S.CosineAnnealingLR(o, 1)",
    "S.CosineAnnealingWarmRestarts(o, 7)",
    "S.CosineAnnealingWarmRestarts(o, 5, 2, 0.01)",
    "S.CosineAnnealingWarmRestarts(o, T_0=1, T_mult=3)",
    "S.CyclicLR(o, 0.1, 0.5, 7)",
    "S.CyclicLR(o, [0.1, 0.2], [0.5, 0.3], 7, 3, 'triangular2', base_momentum=[0.7, 0.6], max_momentum=[0.9, 0.8])",
    "S.CyclicLR(o, 0.1, 0.5, 4, 9, mode='exp_range', gamma=0.95)",
    "S.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda c: 1 / c, cycle_momentum=False)",
    "S.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda t: 0.9**t, scale_mode='iterations')",
    "S.CyclicLR(o, 0.1, 0.5, 4, scale_fn=Inverse())",
    "S.OneCycleLR(o, 1.0, STEPS)",
    "S.OneCycleLR(o, [1.0, 0.5], epochs=60, steps_per_epoch=4, anneal_strategy='linear')",
    "S.OneCycleLR(o, 1.0, 210, pct_start=0.2, three_phase=True, div_factor=10, final_div_factor=100)",
    "S.OneCycleLR(o, 1.0, 205, three_phase=True, anneal_strategy='linear', base_momentum=0.5, max_momentum=[0.8, 0.9])",
    "S.OneCycleLR(o, 1.0, 210, pct_start=0.0, cycle_momentum=False)",
    "S.OneCycleLR(o, 1.0, 210, pct_start=1.0)",
]
PLATEAU = [
    "S.ReduceLROnPlateau(o)",
    "S.ReduceLROnPlateau(o, 'min', 0.5, 2, min_lr=[0.05, 0.01])",
    "S.ReduceLROnPlateau(o, 'max', patience=3, cooldown=4)",
    "S.ReduceLROnPlateau(o, 'min', patience=1, threshold=0.3, threshold_mode='abs', cooldown=2)",
    "S.ReduceLROnPlateau(o, 'max', factor=0.9, patience=0, threshold=0.3, threshold_mode='abs')",
    "S.ReduceLROnPlateau(o, 'min', 0.5, 0, threshold=0.2, eps=0.03)",
]
MANY = [
    "S.SequentialLR(o, [S.ConstantLR(o, 0.1, 5), S.ExponentialLR(o, 0.9)], [20])",
    "S.SequentialLR(o, [S.LinearLR(o, 0.1, 1.0, 10), S.CosineAnnealingLR(o, 30, 0.01), S.StepLR(o, 3)], [10, 40])",
    "S.SequentialLR(o, [S.ExponentialLR(o, 0.9), S.CosineAnnealingWarmRestarts(o, 4, 2)], milestones=[13])",
    "S.SequentialLR(o, [S.PolynomialLR(o, 9), S.MultiplicativeLR(o, lambda t: 1.1), S.LinearLR(o)], [5, 25])",
    "S.SequentialLR(o, [S.LambdaLR(o, lambda t: t), S.ConstantLR(o, 0.5), S.MultiStepLR(o, [0, 4])], [5, 25])",
    "S.SequentialLR(o, [S.StepLR(o, 2), S.CyclicLR(o, 0.1, 0.4, 5), S.ExponentialLR(o, 0.5)], [0, 33])",
    "S.SequentialLR(o, [S.ChainedScheduler([S.StepLR(o, 2), S.ConstantLR(o)]), S.ExponentialLR(o, 0.9)], [9])",
    "S.SequentialLR(o, [S.SequentialLR(o, [S.StepLR(o, 2), S.StepLR(o, 3)], [8]), S.ExponentialLR(o, 0.9)], [20])",
    "S.ChainedScheduler([S.ConstantLR(o, 0.1, 20), S.ExponentialLR(o, 0.9)])",
    "S.ChainedScheduler([S.StepLR(o, 5), S.LinearLR(o, 0.2, 1.0, 30), S.MultiplicativeLR(o, lambda t: 1.01)], o)",
    "S.ChainedScheduler([S.CosineAnnealingLR(o, 20), S.PolynomialLR(o, 50)])",
    "S.ChainedScheduler([S.ExponentialLR(o, 0.95), S.CosineAnnealingLR(o, 10, 0.01)])",
    "S.ChainedScheduler([S.SequentialLR(o, [S.StepLR(o, 2), S.StepLR(o, 3)], [8]), S.ExponentialLR(o, 0.9)])",
]
NESTED = ("S.SequentialLR(o, [S.SequentialLR", "S.SequentialLR(o, [S.ChainedScheduler")
OPTIMIZERS = ["SGD", "Adam"]


class Course:
    """An optimiser of either library with two groups, and a scheduler on it."""

    def __init__(self, m: Any, text: str, optimizer: str = "SGD", rates: tuple[float, float] = (0.3, 0.02)) -> None:
        groups = [{"params": [m.zeros(2, requires_grad=True)], "lr": lr} for lr in rates]
        self.optimizer = getattr(m.optim, optimizer)(groups, lr=1.0)
        self.text, self.m, self.t = text, m, 0

    def start(self) -> Course:
        self.scheduler = eval(self.text, {"S": self.m.optim.lr_scheduler, "o": self.optimizer, **globals()})
        self.optimizer.step()  # comes before the scheduler's; nothing has a gradient
        return self

    def run(self, steps: int = STEPS) -> Iterator[list[Any]]:
        yield self.values()
        for _ in range(steps):
            plateau = "Plateau" in self.text
            self.scheduler.step(METRICS[self.t % STEPS]) if plateau else self.scheduler.step()
            self.t += 1
            yield self.values()

    def values(self) -> list[float]:
        """The rates, as the scheduler tells them and as they are, and the momenta."""
        groups = self.optimizer.param_groups
        momenta = [v for g in groups for v in (g["betas"] if "betas" in g else [g["momentum"]])]
        return [*self.scheduler.get_last_lr(), *(g["lr"] for g in groups), *momenta]


def assert_same_course(ours: Course, theirs: Course, steps: int = STEPS) -> None:
    for t, (a, b) in enumerate(zip(ours.run(steps), theirs.run(steps), strict=True)):
        assert a == pytest.approx(b, rel=1e-12, abs=1e-15), f"step {t}"
        if not isinstance(ours.scheduler, minigrad.optim.lr_scheduler.ChainedScheduler):
            assert ours.scheduler.last_epoch == theirs.scheduler.last_epoch


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("text", SIMPLE + PLATEAU + MANY)
def test_rates(text: str, optimizer: str) -> None:
    ours, theirs = (Course(m, text, optimizer).start() for m in (minigrad, torch))
    assert_same_course(ours, theirs, STEPS)


@pytest.mark.parametrize("text", SIMPLE + PLATEAU + MANY)
def test_state_dict_in_mid_course(text: str) -> None:
    """A second scheduler goes on from the first one's state, in each library."""
    courses = []
    for m in (minigrad, torch):
        first, second = Course(m, text).start(), Course(m, text).start()
        *_, _ = first.run(23)
        second.scheduler.load_state_dict(first.scheduler.state_dict())
        for old, new in zip(first.optimizer.param_groups, second.optimizer.param_groups, strict=True):
            new.update({k: v for k, v in old.items() if k != "params"})
        second.t = first.t
        *_, expected = first.run(30)
        courses.append(second)
        *_, found = second.run(30)
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert courses[0].values() == pytest.approx(courses[1].values(), rel=1e-12, abs=1e-15)


GOING_ON = [t for t in SIMPLE if "OneCycle" not in t and "T_mult=3" not in t and "5, 2, 0.01" not in t]


@pytest.mark.parametrize("last_epoch", [0, 1, 4, 5, 6, 20])
@pytest.mark.parametrize("text", [*GOING_ON, "S.OneCycleLR(o, [25.0, 12.5], 90)"])
def test_going_on_from_last_epoch(text: str, last_epoch: int) -> None:
    """Without CosineAnnealingWarmRestarts of growing periods: PyTorch's loses count of them."""
    courses = []
    for m in (minigrad, torch):
        course = Course(m, f"{text[:-1]}, last_epoch={last_epoch})")
        for group, initial in zip(course.optimizer.param_groups, (1.0, 0.5), strict=True):
            group["initial_lr"] = initial
            if "OneCycle" in text:  # PyTorch keeps these in the groups
                group.update(max_lr=initial * 25, min_lr=initial / 1e4, base_momentum=0.85, max_momentum=0.95)
        courses.append(course.start())
    assert_same_course(*courses, 30)


def test_warm_restarts_between_two_epochs() -> None:
    ours, theirs = (Course(m, "S.CosineAnnealingWarmRestarts(o, 3, 2)").start() for m in (minigrad, torch))
    for epoch in (0.25, 0.5, None, None, 2.75, 3.0, 3.5, 8.9, 9.1, 20, 21.5, 2):
        for course in (ours, theirs):
            course.scheduler.step(epoch)
        assert ours.values() == pytest.approx(theirs.values(), rel=1e-12)
        assert ours.scheduler.last_epoch == theirs.scheduler.last_epoch


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("text", [t for t in SIMPLE + MANY if "Warm" not in t and not t.startswith(NESTED)])
def test_the_wrong_order_is_told_where_pytorch_tells_it(text: str, early: bool) -> None:
    told = []
    for m in (minigrad, torch):
        course = Course(m, text)
        if early:  # the optimiser steps before the scheduler is made
            course.optimizer.step()
        scheduler = eval(text, {"S": m.optim.lr_scheduler, "o": course.optimizer, **globals()})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(5):
                scheduler.step()
                course.optimizer.step()
        told.append(bool(caught))
    assert told == [not early, True]  # PyTorch counts from when the scheduler was made


@pytest.mark.parametrize("text", ["S.StepLR(o, 4)", "S.ExponentialLR(o, 0.9)", "S.CosineAnnealingLR(o, 20)"])
def test_a_rate_changed_by_hand_stays_changed(text: str) -> None:
    ours, theirs = (Course(m, text).start() for m in (minigrad, torch))
    for course in (ours, theirs):
        *_, _ = course.run(3)
        course.optimizer.param_groups[1]["lr"] *= 7
        *_, _ = course.run(1)
    assert_same_course(ours, theirs, 20)


@pytest.mark.parametrize("text", ["S.OneCycleLR(o, 1.0, 5)", "S.ConstantLR(o, 0.5, last_epoch=3)"])
def test_the_same_kind_of_error(text: str) -> None:
    for m in (minigrad, torch):
        with pytest.raises((ValueError, KeyError)), warnings.catch_warnings(action="ignore"):
            *_, _ = Course(m, text).start().run(7)


@pytest.mark.parametrize(
    "optimizer", ["SGD(p, lr=0.05, momentum=0.9)", "SGD(p, lr=0.05, momentum=0.9, nesterov=True)", "Adam(p, lr=0.1)"]
)
@pytest.mark.parametrize(
    "text", ["S.MultiStepLR(o, [8], gamma=0.1)", "S.ExponentialLR(o, 0.95)", "S.OneCycleLR(o, 0.05, 50)"]
)
def test_what_is_learnt_at_rates_that_change(optimizer: str, text: str) -> None:
    """Where the lecture's momentum and PyTorch's part company, SGD goes with PyTorch."""
    ends = []
    for m in (minigrad, torch):
        x = m.tensor([-9.0, 1.2], dtype=m.float64, requires_grad=True)
        o = eval(f"m.optim.{optimizer}", {"m": m, "p": [x]})
        scheduler = eval(text, {"S": m.optim.lr_scheduler, "o": o})
        for _ in range(40):
            o.zero_grad()
            (x * x * m.tensor([0.5, 5.0], dtype=m.float64)).sum().backward()
            o.step()
            scheduler.step()
        ends.append(x.tolist())
    assert ends[0] == pytest.approx(ends[1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", sorted({t[2 : t.index("(")] for t in SIMPLE + PLATEAU + MANY}))
def test_arguments_have_pytorchs_names_defaults_and_places(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(m.optim.lr_scheduler, name)).parameters for m in (minigrad, torch))
    assert [(n, p.default) for n, p in ours.items()] == [(n, p.default) for n, p in theirs.items()]
