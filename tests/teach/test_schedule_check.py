"""Schedules of every kind and in every form: right ones are left alone, mistakes are named, bad ones explained."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minigrad import check_schedule
from minigrad.optim import ExponentialDecay, InverseDecay, StepDecay, lr_scheduler
from minigrad.teach.schedules import check
from minigrad.teach.schedules.mistakes import CATALOGUE
from minigrad.teach.schedules.reference import SCHEDULES, losses
from tests.cases import each

STEP = {"alpha_0": 0.1, "every": 7, "factor": 0.3}


def cosine(x: float) -> float:
    return (1 + math.cos(math.pi * x)) / 2


def triangle(t: int, up: int = 8) -> float:
    return 1 - abs(t / up - 2 * math.floor(t / (2 * up)) - 1)


def one_cycle(
    t: int, top: int = 29, end: int = 99, first: float = 0.004, last: float = 4e-7, down: Any = cosine
) -> float:
    if t <= top:
        return first + (0.1 - first) * (1 - cosine(t / top))
    return last + (0.1 - last) * float(down((t - top) / (end - top)))


def warmed(t: int, length: int = 90, first: int = 1, low: float = 0.001) -> float:
    return 0.01 * (t + first) / 10 if t < 10 else low + (0.01 - low) * cosine((t - 10) / length)


def restarts(t: int, mult: int = 2, plus: int = 0, divisor: int | None = None) -> float:
    period = 5
    while t >= period:
        t, period = t - period, period * mult + plus
    return 0.1 * cosine(t / (divisor or period))


def plateau(
    patience: int = 3, keep: bool = False, streak: bool = True, low: float = 0.001, first: float | None = None
) -> Any:
    class Plateau:
        def __init__(self) -> None:
            self.lr, self.best, self.wait = 0.1, math.inf, 0

        def step(self, loss: float) -> None:
            if loss < self.best:
                self.best, self.wait = loss, 0 if streak else self.wait
                return
            self.wait += 1
            if self.wait > patience:
                self.lr, self.wait = max((first or self.lr) * 0.5, low), self.wait if keep else 0

    return Plateau


MULTISTEP = {"alpha_0": 0.1, "milestones": [10, 25, 40], "factor": 0.2}
CYCLIC = {"base_lr": 0.001, "max_lr": 0.006, "step_size": 8}
LOWER = {**CYCLIC, "decay": 0.5}
ONE = {"max_lr": 0.1, "total_steps": 100, "pct_start": 0.3}
ROOT, MODEL = {"alpha_0": 0.1, "warmup": 8}, {"d_model": 64, "warmup": 8}
WARMED = {"alpha_0": 0.01, "T": 100, "warmup": 10, "smallest": 0.001}
PLATEAU = {"alpha_0": 0.1, "factor": 0.5, "patience": 3, "min_lr": 0.001}
RESTARTS = {"alpha_0": 0.1, "T": 5, "T_mult": 2}
EXPONENTIAL = {"alpha_0": 0.1, "factor": 0.9}

CASES: list[tuple[str, dict[str, Any], Any, str]] = [
    ("multistep", MULTISTEP, lambda t: 0.1 * 0.2 ** sum(t >= m for m in (10, 25, 40)), ""),
    ("multistep", MULTISTEP, lambda t: 0.1 * 0.2 ** sum(t > m for m in (10, 25, 40)), "> instead of >="),
    ("multistep", MULTISTEP, lambda t: 0.02 if t >= 10 else 0.1, "first milestone only"),
    ("multistep", MULTISTEP, lambda t: 0.1 * 0.2 ** sum(t >= m for m in (10, 25)), "last milestone is forgotten"),
    ("multistep", MULTISTEP, lambda t: 0.02 if t in (10, 25, 40) else 0.1, "only at the milestone itself"),
    ("constant", {"alpha_0": 0.1, "T": 6, "factor": 0.25}, lambda t: 0.025 if t < 6 else 0.1, ""),
    ("constant", {"alpha_0": 0.1, "T": 6, "factor": 0.25}, lambda t: 0.1 if t < 6 else 0.025, "after T steps"),
    ("cyclic", CYCLIC, lambda t: 0.001 + 0.005 * triangle(t), ""),
    ("cyclic", CYCLIC, lambda t: np.interp(t % 16, [0, 8, 16], [0.001, 0.006, 0.001]), ""),
    ("cyclic", CYCLIC, lambda t: 0.001 + 0.006 * triangle(t), "not subtracted from the range"),
    ("cyclic", CYCLIC, lambda t: 0.001 + 0.005 * (1 - triangle(t)), "upside down"),
    ("cyclic", CYCLIC, lambda t: 0.001 + 0.005 * triangle(t, 4), "takes `up` steps"),
    ("cyclic", CYCLIC, lambda t: 0.001 + 0.005 * (t % 8) / 8, "jumps back"),
    ("cyclic", CYCLIC, lambda t: 0.001 + 0.005 * triangle(t) / 2 ** (t // 16), "0.5 times that before"),
    ("cyclic", LOWER, lambda t: 0.001 + 0.005 * triangle(t) / 2 ** (t // 16), ""),
    ("cyclic", LOWER, lambda t: 0.001 + 0.005 * triangle(t), "do not get lower"),
    ("cyclic", LOWER, lambda t: 0.001 + 0.005 * triangle(t) / 2**t, "in each step"),
    ("onecycle", ONE, one_cycle, ""),
    ("onecycle", ONE, lambda t: one_cycle(t, 30, 100), ""),
    ("onecycle", ONE, lambda t: one_cycle(t, last=0.004), "final_div_factor is missing"),
    ("onecycle", ONE, lambda t: one_cycle(t, last=1e-5), "largest / final_div_factor"),
    ("onecycle", ONE, lambda t: one_cycle(t, top=69), "1 - start"),
    ("onecycle", ONE, lambda t: one_cycle(t, down=lambda x: 1 - x), "way down is a straight line"),
    ("onecycle", ONE, lambda t: one_cycle(t, first=0.01, last=1e-6), "`div_factor` acts as 10"),
    ("onecycle", ONE, lambda t: one_cycle(min(t, 29)), "stays at its top"),
    ("warmup_cosine", WARMED, warmed, ""),
    ("warmup_cosine", WARMED, lambda t: 0.01 * (t + 1) / 11 if t < 10 else warmed(t), ""),
    ("warmup_cosine", WARMED, lambda t: warmed(t, first=0), ""),
    ("warmup_cosine", WARMED, lambda t: warmed(t, length=100), "divided by all T steps"),
    ("warmup_cosine", WARMED, lambda t: warmed(t, low=0.0), "smallest rate is missing"),
    ("warmup_cosine", WARMED, lambda t: warmed(max(t, 10)), "warm-up is missing"),
    ("warmup_cosine", WARMED, lambda t: warmed(t) if t < 10 else 0.001 + 0.009 * cosine(t / 100), "t from 0"),
    ("plateau", PLATEAU, plateau(), ""),
    ("plateau", PLATEAU, plateau(patience=2), "as in Keras"),
    ("plateau", PLATEAU, plateau(keep=True), "not reset after the rate falls"),
    ("plateau", PLATEAU, plateau(streak=False), "not reset by an improvement"),
    ("plateau", PLATEAU, plateau(low=0.0), "no limit"),
    ("plateau", PLATEAU, plateau(first=0.1), "falls only once"),
    ("restarts", RESTARTS, restarts, ""),
    ("restarts", RESTARTS, lambda t: restarts(t, mult=1), "periods do not grow"),
    ("restarts", RESTARTS, lambda t: restarts(t, mult=1, plus=2), "by addition"),
    ("restarts", RESTARTS, lambda t: restarts(t, divisor=5), "first period"),
    ("exponential", EXPONENTIAL, lambda t: 0.1 * 0.9**t, ""),
    ("exponential", EXPONENTIAL, lambda t: 0.1 * math.exp(-0.9 * t), "exp(-factor * n)"),
    ("polynomial", {"alpha_0": 0.1, "T": 5, "power": 2}, lambda t: 0.1 * max(0.0, 1 - t / 5) ** 2, ""),
    ("polynomial", {"alpha_0": 0.1, "T": 20, "power": 3}, lambda t: 0.1 * (t / 20) ** 3, "the rate grows"),
    ("step", STEP, lambda t: 0.1 * (0.3**t // 7), "parentheses are missing"),
    ("step", STEP, lambda t: 0.1 * 0.3 ** max(t - 6, 0), "the counter is not reset"),
    ("cosine", {"alpha_0": 0.1, "T": 40}, lambda t: 0.05 * (1 + math.cos(math.pi * t) / 40), "parentheses"),
    ("cosine", {"alpha_0": 0.1, "T": 40}, lambda t: 0.1 * abs(math.cos(math.pi * t / 40)), "absolute value"),
    ("restarts", {"alpha_0": 0.1, "T": 10}, lambda t: 0.1 - 0.01 * (t % 10), "a straight line"),
    ("inverse", {"alpha_0": 0.1, "k": 0.05}, lambda t: 0.1 / (0.05 * t) if t else 0.1, "1 in the divisor is missing"),
    ("inverse", {"alpha_0": 0.1, "k": 0.05}, lambda t: 0.1 / (0.05 + t), "k + t"),
    ("exponential", {"alpha_0": 0.1, "k": 0.05}, lambda t: 0.1 * math.exp(-0.05 * t / 10), "another unit"),
    ("warmup", {"alpha_0": 0.1, "T": 10}, lambda t: 0.1 * min(1, t / 10), ""),
    ("warmup", {"alpha_0": 0.1, "T": 10}, lambda t: 0.1 * min(1, (t + 2) / 10), "off by one"),
    ("restarts", {"alpha_0": 0.1, "T": 10}, lambda t: 0.1 * cosine((t % 10) / 11), "goes over T + 1 steps"),
    ("restarts", {"alpha_0": 0.1, "T": 8}, lambda t: 0.1 * cosine(((t - 1) % 8 + 1) / 8 if t else 0), "one step late"),
    ("restarts", {"alpha_0": 0.1, "T": 8}, lambda t: 0.1 * cosine(t % 9 / 9), "each cycle is one step too long"),
    ("warmup", {"alpha_0": 0.1, "T": 20}, lambda t: 0.1 * min(1, 0.5 + 0.5 * (t + 1) / 20), "starts from 0.5 times"),
    (
        "warmup_cosine",
        WARMED,
        lambda t: 0.001 + 0.009 * (t + 1) / 10 if t < 10 else warmed(t),
        "from the smallest rate",
    ),
    ("cosine", {"alpha_0": 0.1, "T": 40}, lambda t: 0.1 * cosine(t / 40) ** 2, "the wave (1 + cos) / 2 is squared"),
    ("step", STEP, lambda t: 0.1, "a larger unit"),
    ("noam", ROOT, lambda t: 0.1 * min((t + 1) / 8, math.sqrt(8 / (t + 1))), ""),
    ("noam", ROOT, lambda t: 0.1 * t / 8 if t < 8 else 0.1 * math.sqrt(8 / t), ""),
    ("noam", ROOT, lambda t: 0.1 * min((t + 1) / 8, 8 / (t + 1)), "root is missing"),
    ("noam", ROOT, lambda t: 0.1 * max((t + 1) / 8, math.sqrt(8 / (t + 1))), "maximum"),
    ("noam", MODEL, lambda t: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 8**-1.5), ""),
    ("noam", MODEL, lambda t: 64**-0.5 * min(max(t, 1) ** -0.5, max(t, 1) * 8**-1.5), ""),
    ("noam", MODEL, lambda t: 64**-0.5 * min((t + 1) ** -0.5, (t + 1) * 8**-0.5), "-1/2 instead of -3/2"),
    ("noam", MODEL, lambda t: min((t + 1) ** -0.5, (t + 1) * 8**-1.5), "the factor d_model ** -0.5 is missing"),
    ("noam", MODEL, lambda t: 64**-0.5 * (t + 1) ** -0.5, "the warm-up is missing"),
]


@each(("name", "settings", "mine", "said"), CASES)
def test_right_schedules_and_mistakes(name: str, settings: dict[str, Any], mine: Any, said: str) -> None:
    report = check_schedule(mine, name, **settings)
    assert bool(report) == (not said) and said in report.cause, str(report)


class Decaying:
    def __init__(self, lr: float = 0.1) -> None:
        self.lr, self.t = lr, 0

    def step(self) -> None:
        self.t += 1
        self.lr *= 0.3 if self.t % 7 == 0 else 1.0


class OfOptimizer:
    def __init__(self, optimizer: Any, step_size: int, gamma: float) -> None:
        self.optimizer, self.size, self.gamma, self.t = optimizer, step_size, gamma, 0

    def step(self) -> None:
        self.t += 1
        for group in self.optimizer.param_groups:
            group["lr"] *= self.gamma if self.t % self.size == 0 else 1


class Asked:
    def __init__(self, base_lr: float) -> None:
        self.base, self.t = base_lr, 0

    def get_lr(self) -> list[float]:
        return [self.base * 0.3 ** (self.t // 7)]

    def step(self) -> None:
        self.t += 1


def generated() -> Iterator[float]:
    rate, t = 0.1, 0
    while True:
        yield rate
        t += 1
        rate *= 0.3 if t % 7 == 0 else 1


def keras(epoch: int, lr: float) -> float:
    return lr * 0.3 if epoch and epoch % 7 == 0 else lr


def with_settings(initial_lr: float, epoch: int, drop: float, step_size: int) -> float:
    return initial_lr * drop ** (epoch // step_size)


def test_the_forms_of_a_schedule() -> None:
    for mine in (
        Decaying,
        OfOptimizer,
        Asked,
        generated,
        keras,
        with_settings,
        [0.1 * 0.3 ** (t // 7) for t in range(30)],
    ):
        assert check_schedule(mine, "step", **STEP), mine
    assert check_schedule(lambda lr: 0.9 * lr, "exponential", **EXPONENTIAL)
    assert check_schedule(lambda *, t: 0.1 * 0.9**t, "exponential", **EXPONENTIAL)
    assert check_schedule(lambda lr, epoch: lr * 0.9**epoch, "exponential", **EXPONENTIAL)  # lr is the first rate


def test_mistakes_in_other_forms() -> None:
    class Compounding(Asked):
        def step(self) -> None:
            self.t += 1
            self.base *= 0.3 ** (self.t // 7)

        def get_lr(self) -> list[float]:
            return [self.base]

    class FromOne(Asked):
        def __init__(self, base_lr: float) -> None:
            self.base, self.t = base_lr, 1

    def compounding(epoch: int, lr: float) -> float:
        return lr * 0.3 ** (epoch // 7)

    def drops_at_0(epoch: int, lr: float) -> float:
        return lr * 0.3 if epoch % 7 == 0 else lr

    for mine, said in (
        (Compounding, "it compounds"),
        (compounding, "it compounds"),
        (FromOne, "counts from 1"),
        (drops_at_0, "at t = 0 already"),
    ):
        assert said in check_schedule(mine, "step", **STEP).cause, mine


def test_every_scheduler_of_optim_is_a_reference() -> None:
    optimizers: list[Any] = [
        StepDecay(0.1, every=3), ExponentialDecay(0.1, k=0.1), InverseDecay(0.1, k=0.1),
        lr_scheduler.StepLR(0.1, step_size=3), lr_scheduler.MultiStepLR(0.1, milestones=[3, 8]),
        lr_scheduler.ConstantLR(0.1), lr_scheduler.LinearLR(0.1), lr_scheduler.ExponentialLR(0.1, gamma=0.9),
        lr_scheduler.PolynomialLR(0.1, total_iters=5, power=2), lr_scheduler.CosineAnnealingLR(0.1, T_max=10),
        lr_scheduler.CosineAnnealingWarmRestarts(0.1, T_0=4, T_mult=2),
        lr_scheduler.CyclicLR(0.1, base_lr=0.01, max_lr=0.1, step_size_up=5),
        lr_scheduler.CyclicLR(0.1, base_lr=0.01, max_lr=0.1, step_size_up=5, mode="triangular2"),
        lr_scheduler.CyclicLR(0.1, base_lr=0.01, max_lr=0.1, step_size_up=5, step_size_down=2),
        lr_scheduler.OneCycleLR(0.1, max_lr=0.1, total_steps=20),
        lr_scheduler.OneCycleLR(0.1, max_lr=0.1, total_steps=20, anneal_strategy="linear"),
        lr_scheduler.OneCycleLR(0.1, max_lr=0.1, total_steps=20, three_phase=True),
        lr_scheduler.LambdaLR(0.1, lambda t: 1 / (1 + t)),
    ]  # fmt: skip
    for schedule in optimizers:
        assert check_schedule(lambda t: schedule(t), schedule), schedule  # noqa: B023 (it is called at once)
        report = check_schedule(lambda t: schedule(max(t - 1, 0)), schedule)  # noqa: B023
        assert not report and "late" in str(report), str(report)

    class Mine:
        def __init__(self) -> None:
            self.inner = lr_scheduler.ReduceLROnPlateau(0.1, factor=0.5, patience=2)
            self.lr = 0.1

        def step(self, loss: float) -> None:
            self.inner.step(loss)
            self.lr = self.inner.get_last_lr()[0]

    assert check_schedule(Mine, lr_scheduler.ReduceLROnPlateau(0.1, factor=0.5, patience=2))
    assert check_schedule(Mine, "plateau", alpha_0=0.1, factor=0.5, patience=2, threshold=1e-4)
    with pytest.raises(ValueError, match="only mode='min'"):
        check_schedule(Mine, lr_scheduler.ReduceLROnPlateau(0.1, mode="max"))


def test_a_function_is_a_reference() -> None:
    report = check_schedule(lambda t: 0.1 / (t + 2), lambda t: 0.1 / (t + 1))
    assert report.mistake == "off-by-one"
    floor = 0.01

    def rate(epoch: int) -> float:
        wave = math.cos(math.pi * epoch / 40)
        return max(floor, 0.1 * (1 + wave) / 2)

    report = check_schedule(lambda t: min(0.01, 0.05 * (1 + math.cos(math.pi * t / 40))), rate)
    assert report.mistake == "minimum" and check_schedule(rate, rate)
    report = check_schedule(lambda t: max(0.01, 0.05 * (1 + math.sin(math.pi * t / 40))), rate)
    assert report.mistake == "sine", str(report)
    report = check_schedule(lambda t: 0.3 * 2 ** -(t // 7), lambda t: 0.3 * 2 ** -(t // 8))
    assert "a number is wrong" in report.cause and "t // 7" in report.cause, str(report)


def test_a_function_of_other_functions_is_a_reference() -> None:
    schedule = StepDecay(0.1, every=3)
    wave = lambda t: 0.5 * schedule(t)  # noqa: E731 (the name is one of the checker's own)
    assert check_schedule(lambda t: 0.05 * 0.5 ** (t // 3), wave)
    assert not check_schedule(lambda t: 0.1 * 0.5 ** (t // 3), wave)
    assert check_schedule(schedule, lambda t, of=schedule: of(t))


def test_a_warm_up_by_another_convention_says_so() -> None:
    report = check_schedule(lambda t: 0.1 * min(1, t / 10), "warmup", alpha_0=0.1, T=10)
    assert report and "another convention" in str(report) and "the first step does nothing" in str(report)


def test_the_losses_of_a_plateau_wait_for_the_patience_and_longer() -> None:
    for patience in (0, 1, 5):
        waits = re.findall("w+", "".join("b" if a < min([9.0, *losses(patience, 0.0)[:i]]) else "w"
                                         for i, a in enumerate(losses(patience, 0.0))))  # fmt: skip
        assert patience in map(len, waits) or not patience
        assert max(map(len, waits)) > 3 * patience


def test_rates_that_no_mistake_explains_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "LIMIT", 0.0)  # no pairs
    for mine, said in (
        (lambda t: 0.07 * (1 + 1e-3 * math.sin(t)) if t > 15 else 0.1 * 0.3 ** (t // 7), "right up to t = 15"),
        (lambda t: -0.1 * 0.3 ** (t // 7), "the sign of every rate"),
        (lambda t: 0.0377 * 0.3 ** (t // 7), "0.377 times"),
        (lambda t: 0.0377, "never changes"),
        (lambda t: math.nan, "nan or infinite at every t"),
        (lambda t: math.nan if t > 3 else 0.1, "the rate is nan at t = 4"),
        (lambda t: None, "returns None"),
        (lambda t: np.ones(3), "ndarray of shape (3,), not a number"),
        (lambda t: 1j, "returns 1j, not a number"),
        ([0.1, 0.1], "it has 2 rates"),
        (lambda t, wheel, axle: t, "neither t nor a setting"),
        (lambda t: 1 / 0 if t > 3 else [][0], "raises IndexError"),
        (type("Silent", (), {"step": lambda self: None}), "shows no rate"),
        (type("Idle", (), {}), "neither step()"),
    ):
        report = check_schedule(mine, "step", **STEP)
        assert not report and said in report.cause, str(report)
    rng = np.random.default_rng(0)
    assert "called again" in str(check_schedule(lambda t: rng.random(), "step", **STEP))


def test_bad_settings_raise() -> None:
    for match, error, settings in (
        ("T must be positive, got -3", ValueError, {"schedule": "cosine", "alpha_0": 0.1, "T": -3}),
        ("T must be a number, got 'a'", TypeError, {"schedule": "cosine", "alpha_0": 0.1, "T": "a"}),
        ("milestones must not be empty", ValueError, {"schedule": "multistep", "alpha_0": 0.1, "milestones": []}),
        ("milestones must be a list", TypeError, {"schedule": "multistep", "alpha_0": 0.1, "milestones": 3}),
        ("no schedule 'cosin'", ValueError, {"schedule": "cosin"}),
        ("must be a name", TypeError, {"schedule": 3}),
        ("cannot be computed", ValueError, {"schedule": lambda t: [][t]}),
    ):
        with pytest.raises(error, match=match):  # type: ignore[arg-type]
            check_schedule(lambda t: 0.1, **settings)  # type: ignore[arg-type]


class Recursive:
    def __init__(self) -> None:
        self.t, self.lr = 0, 0.1

    def step(self) -> None:
        before, now = (1 + math.cos(math.pi * t / 20) for t in (self.t, self.t + 1))
        self.t, self.lr = self.t + 1, self.lr * now / before  # after T it divides by zero


def test_an_error_after_the_last_rate_that_is_compared_does_not_matter() -> None:
    report = check_schedule(Recursive, "cosine", alpha_0=0.1, T=20)
    assert report, str(report)


def test_the_catalogue_and_the_schedules() -> None:
    assert len(CATALOGUE) > 100 and len(SCHEDULES) == 15


def ramp(t: int) -> float:
    return 0.1 * (t + 1) / 8


SIDES: list[tuple[str, dict[str, Any], Any, str]] = [
    ("warmup", {"T": 8}, lambda t: ramp(t) / 0.1 if t < 8 else 0.1, "initial-missing"),
    ("warmup", {"T": 8}, lambda t: 0.01 if t < 8 else 0.1, "warmup-constant"),
    ("constant", {"T": 5, "factor": 0.3}, lambda t: 0.3 if t < 5 else 0.1, "initial-missing"),
    ("linear", {"T": 50, "last": 0.02}, lambda t: 0.1, "constant"),
    ("polynomial", {"T": 50, "power": 2}, lambda t: 0.1, "constant"),
    ("inverse_sqrt", {"warmup": 8}, lambda t: ramp(t) if t < 7 else 0.1 * math.sqrt((t + 1) / 8), "operator"),
    ("inverse_sqrt", {"warmup": 8}, lambda t: ramp(t) if t < 7 else 0.1 / math.sqrt(t + 1), "dropped"),
    ("inverse_sqrt", {"d_model": 64, "warmup": 8}, lambda t: min((t + 1) ** -0.5, 8**-1.5) / 8, "ramp-missing"),
    ("inverse_sqrt", {"d_model": 64, "warmup": 8}, lambda t: min((t + 1) ** 0.5, (t + 1) * 8**-1.5) / 8,
     "decay-of-root-missing"),
    ("cyclic", {"largest": 0.5, "up": 8},
     lambda t: 0.1 + 0.4 * max(0, 1 - abs(t / 8 - 2 * (t // 8) - 1)), "cycle-number"),
    ("cyclic", {"largest": 0.5, "up": 8}, lambda t: 0.1 + 0.4 * max(0, 1 - abs(t / 8 - t // 16)), "cycle-number"),
    ("exponential", {"k": 0.1}, lambda t: 0.1 * math.exp(-0.1) * t, "precedence"),
    ("exponential", {"k": 0.1}, lambda t: 0.1 * (1 - math.exp(-0.1 * t)), "complement"),
    ("exponential", {"k": 0.1}, lambda t: math.exp(-0.1 * 0.1 * t), "initial-missing"),
    ("linear", {"T": 20, "last": 0.01}, lambda t: 0.1 - 0.09 * 20 / max(t, 1), "swapped"),
    ("cosine", {"T": 20}, lambda t: 0.05 * (1 + math.cos(math.pi * 20 / max(t, 1))), "swapped"),
    ("inverse_sqrt", {"warmup": 8}, lambda t: 0.1 * min((t + 1) / 8, 8 / math.sqrt(t + 1)), "decay-root-missing"),
]  # fmt: skip


@each(("name", "settings", "mine", "mistake"), SIDES)
def test_a_mistake_on_one_side_of_a_schedule_is_named(name: str, settings: Any, mine: Any, mistake: str) -> None:
    given = settings if "d_model" in settings else {"alpha_0": 0.1, **settings}
    assert (report := check_schedule(mine, name, **given)).mistake == mistake, str(report)


def restarted(t: int, early: bool = False, whole: bool = False) -> float:
    start, length = 0, 5
    while t >= start + length:
        start, length = start + length * (2 if early else 1), length * 2
    return 0.1 * cosine((t if whole else t - start) / length)


def test_restarts_with_growing_periods() -> None:
    settings = {"alpha_0": 0.1, "T": 5, "T_mult": 2}
    assert check_schedule(restarted, "restarts", **settings)
    assert check_schedule(lambda t: restarted(t, early=True), "restarts", **settings).mistake == "period-grows-first"
    assert check_schedule(lambda t: restarted(t, whole=True), "restarts", **settings).mistake == "time-not-reset"


@each("kind", [np.float16, np.float32])
def test_rates_in_single_or_half_precision_are_compared_with_their_tolerance(kind: Any) -> None:
    report = check_schedule(lambda t: kind(0.1 * cosine(t / 40)), "cosine", alpha_0=0.1, T=40)
    assert report and ("the rates are in float16" in str(report)) == (kind is np.float16), str(report)
    report = check_schedule(lambda t: kind(0.1 * cosine((t + 1) / 40)), "cosine", alpha_0=0.1, T=40)
    assert report.mistake == "off-by-one", str(report)
    for mine in (lambda t: kind(0.1) * kind(0.9) ** kind(t), [kind(0.1 * 0.9**t) for t in range(61)]):
        assert check_schedule(mine, "exponential", alpha_0=0.1, factor=0.9)


def test_a_list_may_end_with_the_run() -> None:
    rates = [0.1 * cosine(t / 40) for t in range(40)]  # without t = 40
    assert (report := check_schedule(rates, "cosine", alpha_0=0.1, T=40)) and "it has 40 rates" in str(report)
    assert check_schedule([2 * rate for rate in rates], "cosine", alpha_0=0.1, T=40).mistake == "half-missing"


def test_a_warmup_that_is_as_long_as_the_run_is_refused() -> None:
    for warmup in (10, 20):
        with pytest.raises(ValueError, match="warmup must be shorter than T"):
            check_schedule(lambda t: 0.1, "warmup_cosine", alpha_0=0.1, T=10, warmup=warmup)
