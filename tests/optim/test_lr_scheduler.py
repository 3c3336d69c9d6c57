"""The learning-rate schedulers: their formulas, the lecture's decays in them, saving and going on, errors."""

from __future__ import annotations

import copy
import inspect
import math
import pickle
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from minigrad import nn, optim, tensor, zeros
from minigrad.optim import lr_scheduler as S

STEPS = 40
RATES = (1.0, 0.5)
Maker = Callable[[optim.Optimizer], S.LRScheduler]


def optimizer(kind: Callable[..., optim.Optimizer] = optim.SGD) -> optim.Optimizer:
    made = kind([{"params": [nn.Parameter(zeros(2))], "lr": lr} for lr in RATES])
    made.step()  # comes before a scheduler's step; nothing has a gradient
    return made


def step(scheduler: S.LRScheduler) -> list[float]:
    scheduler.step(1.0) if isinstance(scheduler, S.ReduceLROnPlateau) else scheduler.step()  # type: ignore[call-arg]
    return scheduler.get_last_lr()


def course(scheduler: S.LRScheduler, steps: int = STEPS) -> list[list[float]]:
    return [list(scheduler.get_last_lr()), *(list(step(scheduler)) for _ in range(steps))]


def cosine(x: float) -> float:
    return (1 + math.cos(math.pi * x)) / 2


# ---- formulas --------------------------------------------------------------------------------------------------

# what makes the scheduler, and its rate as a function of t and the first rate
FORMULAS: dict[str, tuple[Maker, Callable[[int, float], float]]] = {
    "LambdaLR": (lambda o: S.LambdaLR(o, lambda t: 0.9**t), lambda t, lr: lr * 0.9**t),
    "MultiplicativeLR": (lambda o: S.MultiplicativeLR(o, lambda t: t / (t + 1)), lambda t, lr: lr / (t + 1)),
    "StepLR": (lambda o: S.StepLR(o, 3, 0.5), lambda t, lr: lr * 0.5 ** (t // 3)),
    "MultiStepLR": (lambda o: S.MultiStepLR(o, [9, 2], 0.5), lambda t, lr: lr * 0.5 ** ((t >= 2) + (t >= 9))),
    "ConstantLR": (lambda o: S.ConstantLR(o, 0.25, 4), lambda t, lr: lr * (0.25 if t < 4 else 1)),
    "ConstantLR of 0": (lambda o: S.ConstantLR(o, 0, 4), lambda t, lr: lr * (t >= 4)),
    "LinearLR": (lambda o: S.LinearLR(o, 0.2, 0.8, 6), lambda t, lr: lr * (0.2 + 0.1 * min(t, 6))),
    "LinearLR to 0": (lambda o: S.LinearLR(o, 1, 0, 4), lambda t, lr: lr * (1 - min(t, 4) / 4)),
    "ExponentialLR": (lambda o: S.ExponentialLR(o, 0.9), lambda t, lr: lr * 0.9**t),
    "PolynomialLR": (lambda o: S.PolynomialLR(o, 30, 2), lambda t, lr: lr * (1 - min(t, 30) / 30) ** 2),
    "CosineAnnealingLR": (lambda o: S.CosineAnnealingLR(o, 7, 0.1), lambda t, lr: 0.1 + (lr - 0.1) * cosine(t / 7)),
    "CosineAnnealingWarmRestarts": (
        lambda o: S.CosineAnnealingWarmRestarts(o, 10, 3, 0.1),  # the second period ends at t = 40
        lambda t, lr: 0.1 + (lr - 0.1) * cosine(t / 10 if t < 10 else (t - 10) / 30 if t < 40 else 0),
    ),
    "CyclicLR": (lambda o: S.CyclicLR(o, 0.0, 1.0, 4), lambda t, lr: 1 - abs(t % 8 - 4) / 4),
    "CyclicLR, halving": (
        lambda o: S.CyclicLR(o, 0.0, 1.0, 4, mode="triangular2"),
        lambda t, lr: (1 - abs(t % 8 - 4) / 4) / 2 ** (t // 8),
    ),
    "OneCycleLR": (
        lambda o: S.OneCycleLR(o, 1.0, 51, pct_start=11 / 51),
        lambda t, lr: 0.04 + 0.96 * (1 - cosine(t / 10)) if t <= 10 else 4e-6 + (1 - 4e-6) * cosine((t - 10) / 40),
    ),
    "OneCycleLR, three lines": (
        lambda o: S.OneCycleLR(o, 1.0, 51, pct_start=11 / 51, three_phase=True, anneal_strategy="linear"),
        lambda t, lr: 1 - 0.96 * abs(t - 10) / 10 if t <= 20 else 0.04 - (0.04 - 4e-6) * (t - 20) / 30,
    ),
    "SequentialLR": (
        lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.1, 99), S.ExponentialLR(o, 0.9)], [5]),
        lambda t, lr: lr * (0.1 if t < 5 else 0.9 ** (t - 5)),
    ),
    "ChainedScheduler": (
        lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.1, 5), S.ExponentialLR(o, 0.9)]),
        lambda t, lr: lr * (0.1 if t < 5 else 1) * 0.9**t,
    ),
}
each_scheduler = pytest.mark.parametrize("name", FORMULAS)


@each_scheduler
def test_formulas(name: str) -> None:
    make, formula = FORMULAS[name]
    o = optimizer()
    scheduler = make(o)
    for t in range(STEPS + 1):
        expected = [formula(t, lr) for lr in RATES]
        assert scheduler.get_last_lr() == pytest.approx(expected, rel=1e-12, abs=1e-14), t
        assert scheduler.get_last_lr() == [g["lr"] for g in o.param_groups]
        step(scheduler)


DECAYS: list[tuple[Maker, Callable[[float], optim.Schedule]]] = [
    (lambda o: S.StepLR(o, 3, 0.5), lambda lr: optim.StepDecay(lr, every=3)),
    (lambda o: S.ExponentialLR(o, 0.9), lambda lr: optim.ExponentialDecay(lr, k=-math.log(0.9))),
    (lambda o: S.LambdaLR(o, optim.InverseDecay(1.0, k=0.1)), lambda lr: optim.InverseDecay(lr, k=0.1)),
]


@pytest.mark.parametrize(("make", "decay"), DECAYS, ids=["step", "exponential", "inverse"])
def test_the_lectures_decays(make: Maker, decay: Callable[[float], optim.Schedule]) -> None:
    for t, lrs in enumerate(course(make(optimizer()))):
        assert lrs == pytest.approx([decay(lr)(t) for lr in RATES], rel=1e-13)


def test_the_three_decays() -> None:
    t = range(7)
    assert [optim.StepDecay(0.8, every=3)(i) for i in t] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]
    assert [optim.StepDecay(1.0, every=2.5, factor=0.1)(i) for i in (2, 3, 5)] == pytest.approx([1, 0.1, 0.01])
    for i in t:
        assert optim.ExponentialDecay(0.8, k=0.3)(i) == pytest.approx(0.8 * math.e ** (-0.3 * i), rel=1e-14)
        assert optim.InverseDecay(0.8, k=0.3)(i) == 0.8 / (1 + 0.3 * i)


# ---- pure functions of t ---------------------------------------------------------------------------------------

COMPOSED = ("SequentialLR", "ChainedScheduler")
each_formula = pytest.mark.parametrize("name", [name for name in FORMULAS if name not in COMPOSED])


@each_formula
def test_a_rate_in_place_of_the_optimizer_makes_a_function_of_t(name: str) -> None:
    make, formula = FORMULAS[name]
    for lr in RATES:
        schedule = make(lr)
        for t in (40, 3, 0, 17, 4):
            assert schedule(t) == pytest.approx(formula(t, lr), rel=1e-12, abs=1e-14), t


@each_formula
def test_the_function_of_t_changes_nothing(name: str) -> None:
    o = optimizer()
    scheduler = FORMULAS[name][0](o)
    for _ in range(13):
        step(scheduler)
    before = copy.deepcopy((scheduler.state_dict(), o.state_dict()))
    expected = [FORMULAS[name][1](t, RATES[1]) for t in range(30)]
    assert [scheduler.rates(t)[1] for t in range(30)] == pytest.approx(expected, rel=1e-12, abs=1e-14)
    assert repr((scheduler.state_dict(), o.state_dict())) == repr(before)


def test_the_function_is_of_one_group() -> None:
    with pytest.raises(ValueError, match=r"StepLR: there are 2 groups; rates\(t\) has the rate of each"):
        S.StepLR(optimizer(), 3)(1)
    assert not any(
        callable(scheduler) for scheduler in (PLATEAU(optimizer()), FORMULAS["SequentialLR"][0](optimizer()))
    )


@each_scheduler
def test_looking_ahead_changes_nothing(name: str) -> None:
    o = optimizer()
    scheduler = FORMULAS[name][0](o)
    for _ in range(13):
        step(scheduler)
    before = repr((scheduler.state_dict(), o.state_dict()))
    ahead = scheduler.ahead(20)
    assert repr((scheduler.state_dict(), o.state_dict())) == before
    assert ahead == course(scheduler, 20)


def test_looking_ahead_with_metrics() -> None:
    scheduler = PLATEAU(optimizer())
    metrics = [5.0] * 9
    ahead = scheduler.ahead(metrics)
    assert ahead[0] == [1, 0.5] and ahead[-1] == [0.5, 0.25]
    for rates, metric in zip(ahead[1:], metrics, strict=True):
        scheduler.step(metric)
        assert scheduler.get_last_lr() == rates


# ---- pictures --------------------------------------------------------------------------------------------------


def test_a_schedule_has_a_picture() -> None:
    picture = optim.ExponentialDecay(0.1, k=0.5).plot(4)
    ElementTree.fromstring(picture)
    assert "ExponentialDecay(alpha_0=0.1, k=0.5)" in picture and ">learning rate<" in picture
    assert optim.MomentumAnnealing().plot(4000).count(">momentum<") == 1
    curves = [optim.ExponentialDecay(0.1, k=k).plot(40) for k in (0.1, 0.2)]
    assert curves[0] != curves[1]


@each_scheduler
def test_a_scheduler_has_a_picture_and_stays_where_it_is(name: str) -> None:
    o = optimizer()
    scheduler = FORMULAS[name][0](o)
    step(scheduler)
    before = repr((scheduler.state_dict(), o.state_dict()))
    picture = scheduler.plot(30)
    ElementTree.fromstring(picture)
    assert ">group 0<" in picture and ">group 1<" in picture and f">{type(scheduler).__name__}<" in picture
    assert repr((scheduler.state_dict(), o.state_dict())) == before


def test_what_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("minigrad.viz.charts.chart.chart", lambda curves, **texts: drawn.append((curves, texts)))
    optim.StepDecay(0.8, every=2).plot(3)
    PLATEAU(0.5).plot([1.0] * 5)
    S.OneCycleLR(1.0, 1.0, 5, div_factor=4).plot()
    scheduler = S.MomentumScheduler(optimizer(optim.Adam), optim.MomentumAnnealing(every=1))
    step(scheduler)
    scheduler.plot(2)
    curves = [{name: (list(t), list(values)) for name, (t, values) in curves.items()} for curves, _ in drawn]
    assert curves[0] == {"alpha": ([0, 1, 2, 3], [0.8, 0.8, 0.4, 0.4])}
    assert curves[1] == {"lr": ([0, 1, 2, 3, 4, 5], [0.5] * 5 + [0.25])}
    assert curves[2]["lr"][0] == [0, 1, 2, 3, 4] and curves[2]["lr"][1][0] == 0.25
    assert curves[3] == {"mu": ([1, 2, 3], [0.75, pytest.approx(5 / 6), 0.875])}
    assert [texts["y"] for _, texts in drawn] == ["learning rate"] * 3 + ["momentum"]


# ---- the momentum ----------------------------------------------------------------------------------------------


def test_annealing_is_the_papers_formula() -> None:
    annealing = optim.MomentumAnnealing()
    for t in range(0, 20_000, 50):
        assert annealing(t) == pytest.approx(min(1 - 2 ** (-1 - math.log2(t // 250 + 1)), 0.99), rel=1e-14)
    for i, t in enumerate(range(0, 2500, 250), 1):  # a gradient goes on acting for 1 / (1 - mu) steps: 2, 4, 6, …
        assert 1 / (1 - annealing(t)) == pytest.approx(2 * i)


@pytest.mark.parametrize(
    ("kind", "place"), [(optim.Momentum, "mu"), (optim.Nesterov, "mu"), (optim.SGD, "momentum"), (optim.Adam, "betas")]
)
def test_the_momentum_of_an_optimizer_is_annealed(kind: Any, place: str) -> None:
    o, annealing = optimizer(kind), optim.MomentumAnnealing(mu_0=0.6, mu_max=0.9, every=2)
    scheduler = S.MomentumScheduler(o, annealing)
    for t in range(12):
        wanted = (annealing(t), 0.999) if place == "betas" else annealing(t)
        assert [g[place] for g in o.param_groups] == [wanted] * 2
        assert step(scheduler) == list(RATES)


def test_annealed_momentum_in_the_loop_and_by_the_optimizer_are_the_same() -> None:
    annealing = optim.MomentumAnnealing(every=3)
    x, v, p = 1.0, 0.0, nn.Parameter(tensor([1.0], dtype="float64"))
    o = optim.Momentum([p], lr=0.1)
    scheduler = S.MomentumScheduler(o, annealing)
    for t in range(20):
        mu = annealing(t)
        v = mu * v - 0.1 * 2 * x
        x += v
        p.grad = 2 * p.detach()
        o.step()
        scheduler.step()
        assert p.item() == x


def test_a_group_can_have_its_own() -> None:
    scheduler = S.LambdaLR(optimizer(), [lambda t: 1 + t, lambda t: 1 / (1 + t)])
    assert course(scheduler, 1) == [[1, 0.5], [2, 0.25]]


def test_two_on_one_optimizer_multiply() -> None:
    o = optimizer()
    first, second = S.ExponentialLR(o, 0.5), S.StepLR(o, 2, 0.1)
    for _ in range(4):
        first.step()
        second.step()
    assert second.get_last_lr() == pytest.approx([lr * 0.5**4 * 0.1**2 for lr in RATES])


def test_warm_restarts_go_between_epochs() -> None:
    scheduler = S.CosineAnnealingWarmRestarts(optimizer(), 4)
    scheduler.step(5.5)
    assert scheduler.get_last_lr() == pytest.approx([lr * cosine(1.5 / 4) for lr in RATES])
    assert scheduler.last_epoch == 5


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        *((kind, "momentum") for kind in (optim.SGD, optim.RMSprop)),
        *((kind, "mu") for kind in (optim.Momentum, optim.Nesterov)),
        *((kind, "betas") for kind in (optim.Adam, optim.AdamW, optim.Adamax, optim.NAdam, optim.RAdam)),
    ],
)
def test_momentum_goes_against_the_rate(kind: Any, place: str) -> None:
    for make in (
        lambda o: S.CyclicLR(o, 0.1, 1.0, 4, base_momentum=0.5, max_momentum=0.9),
        lambda o: S.OneCycleLR(o, 1.0, 20, pct_start=0.25, base_momentum=0.5, max_momentum=0.9),
    ):
        o = optimizer(kind)
        scheduler = make(o)
        found = [g[place] for g in o.param_groups]
        assert found == ([(0.9, 0.999)] * 2 if place == "betas" else [0.9] * 2)
        course(scheduler, 4)
        found = [g[place] for g in o.param_groups]
        assert found == ([(0.5, 0.999)] * 2 if place == "betas" else [0.5] * 2)


def test_plateau() -> None:
    scheduler = S.ReduceLROnPlateau(optimizer(), factor=0.5, patience=1, cooldown=2, min_lr=[0.0, 0.2])
    rates = []
    for loss in (5, 4, 4, tensor(4.0), 4, 4, 4, 4, 3, 3):
        scheduler.step(loss)
        rates.append(scheduler.get_last_lr())
    changed = [[0.5, 0.25]] * 4
    assert rates == [[1, 0.5]] * 3 + changed + [[0.25, 0.2]] * 3


# ---- saving and going on ---------------------------------------------------------------------------------------

PLATEAU: Maker = lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=3, cooldown=1)  # noqa: E731


@pytest.mark.parametrize("make", [*(make for make, _ in FORMULAS.values()), PLATEAU], ids=[*FORMULAS, "plateau"])
def test_state_dict(make: Maker) -> None:
    (o, scheduler), (p, other) = ((o, make(o)) for o in (optimizer(), optimizer()))
    course(scheduler, 13)
    state = pickle.loads(pickle.dumps(scheduler.state_dict()))
    before = copy.deepcopy(state)
    other.load_state_dict(state)
    for old, new in zip(o.param_groups, p.param_groups, strict=True):
        new.update({name: value for name, value in old.items() if name != "params"})
    assert course(other, 20) == course(scheduler, 20)
    assert state == before


def test_callable_objects_are_saved() -> None:
    class Decay:
        def __init__(self, k: float) -> None:
            self.k = k

        def __call__(self, t: float) -> float:
            return 1 / (1 + self.k * t)

    for make in (
        lambda k: S.LambdaLR(optimizer(), Decay(k)),
        lambda k: S.CyclicLR(optimizer(), 0.1, 1.0, 4, scale_fn=Decay(k)),
    ):
        scheduler, other = make(1.0), make(2.0)
        other.load_state_dict(scheduler.state_dict())
        assert course(other) == course(scheduler)


def test_going_on_from_a_last_epoch() -> None:
    o = optimizer()
    whole = course(S.ExponentialLR(o, 0.9), 20)
    for group, lr in zip(o.param_groups, whole[10], strict=True):
        group["lr"] = lr
    scheduler = S.ExponentialLR(o, 0.9, last_epoch=9)
    assert scheduler.last_epoch == 10 and scheduler.base_lrs == list(RATES)
    assert course(scheduler, 10) == whole[10:]


# ---- the order -------------------------------------------------------------------------------------------------


def fresh(kind: Callable[..., optim.Optimizer] = optim.SGD) -> optim.Optimizer:
    """An optimiser that has made no step."""
    return kind([nn.Parameter(zeros(2))], lr=1.0)


@pytest.mark.parametrize("name", [*FORMULAS, "a subclass"])
def test_the_wrong_order_is_told_once(name: str) -> None:
    class Own(S.LRScheduler):
        def get_lr(self) -> list[float]:
            return [0.5**self.last_epoch]

    o = fresh()
    scheduler = FORMULAS[name][0](o) if name in FORMULAS else Own(o)
    with pytest.warns(UserWarning, match=r"scheduler.step\(\) before the first optimizer.step\(\)") as told:
        for _ in range(3):
            scheduler.step()
            o.step()
    assert len(told) == 1
    if "Chained" not in name and "Sequential" not in name:  # they call those that they are made of
        assert told[0].filename == __file__
        assert str(told[0].message).startswith(type(scheduler).__name__)


@each_scheduler
def test_the_right_order_is_silent(name: str) -> None:
    o = fresh()
    scheduler = FORMULAS[name][0](o)
    for _ in range(9):
        o.step()
        scheduler.step()


def test_what_goes_on_after_loading_is_silent() -> None:
    for load in ("optimizer", "scheduler"):
        o, p = fresh(), fresh()
        o.step()
        first, second = S.StepLR(o, 3), S.StepLR(p, 3)
        first.step()
        if load == "optimizer":
            p.load_state_dict(o.state_dict())
        else:
            second.load_state_dict(first.state_dict())
        second.step()


def test_no_false_alarm() -> None:
    class Mine(optim.SGD):
        def step(self, closure: Any = None) -> None:
            """Does all by itself."""

    S.StepLR(fresh(Mine), 3).step()
    S.StepLR(0.1, 3).step()
    PLATEAU(fresh()).step(1.0)  # the loss of the start may be told
    S.CosineAnnealingWarmRestarts(fresh(), 4).step(0)  # says its t
    spoilt = fresh()
    spoilt.param_groups[0]["params"][0].grad = tensor([1.0, math.nan])
    S.StepLR(spoilt, 3).step()  # the optimiser's step was left out, and rightly
    lbfgs = fresh(optim.LBFGS)
    scheduler = S.StepLR(lbfgs, 3)
    lbfgs.step(lambda: 0.0)
    scheduler.step()


# ---- errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: S.StepLR([1], 3), TypeError, "StepLR: optimizer must be an Optimizer, .* got list"),
        (lambda o: S.CyclicLR(None, 0.1, 1), TypeError, "CyclicLR: optimizer must be an Optimizer, .* got NoneType"),
        (lambda o: S.StepLR(o, 3, last_epoch=4), KeyError, r"last_epoch=4, param_groups\[0\] must have 'initial_lr'"),
        (lambda o: S.LambdaLR(o, 0.5), TypeError, "lr_lambda must be a function of t, got 0.5"),
        (lambda o: S.LambdaLR(o, [abs]), ValueError, "lr_lambda has 1 values for 2 groups"),
        (lambda o: S.StepLR(o, 0), ValueError, "step_size must be a positive number of steps, got 0"),
        (lambda o: S.ConstantLR(o, 2), ValueError, r"factor must be in \[0, 1\], got 2"),
        (lambda o: S.ConstantLR(o, total_iters=0), ValueError, "total_iters must be a positive number of steps, got 0"),
        (lambda o: S.LinearLR(o, 0), ValueError, r"start_factor must be in \(0, 1\], got 0"),
        (lambda o: S.LinearLR(o, end_factor=2), ValueError, r"end_factor must be in \[0, 1\], got 2"),
        (lambda o: S.LinearLR(o, total_iters=0), ValueError, "total_iters must be a positive number of steps, got 0"),
        (lambda o: S.PolynomialLR(o, 0), ValueError, "total_iters must be a positive number of steps, got 0"),
        (lambda o: S.CosineAnnealingLR(o, 0), ValueError, "T_max must be a positive number of steps, got 0"),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 must be a positive integer, got 0."),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 1, 0.5), TypeError, "T_mult must be an integer, got 0.5"),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 1).step(-1), ValueError, "epoch must not be below 0, got -1"),
        (lambda o: S.CyclicLR(o, 0.1, [1]), ValueError, "max_lr has 1 values for 2 groups"),
        (lambda o: S.CyclicLR(o, 0.1, 1, 0), ValueError, "step_size_up must be a positive number of steps, got 0"),
        (lambda o: S.CyclicLR(o, 0.1, 1, mode="round"), ValueError, "mode must be one of .* got 'round'"),
        (
            lambda o: S.CyclicLR(o, 0.1, 1, scale_mode="x"),
            ValueError,
            "scale_mode must be 'cycle' or 'iterations', got 'x'",
        ),
        (lambda o: S.CyclicLR(optimizer(optim.Adagrad), 0.1, 1), ValueError, "Adagrad has no .* cycle_momentum=False"),
        (
            lambda o: S.MomentumScheduler(optimizer(optim.Adagrad), abs),
            ValueError,
            "MomentumScheduler: Adagrad has no momentum, mu or betas",
        ),
        (lambda o: S.MomentumScheduler(o, 0.9), TypeError, "schedule must be a function of t, got 0.9"),
        (lambda o: optim.StepDecay(0.1, every=0), ValueError, "StepDecay: every must be a positive number .* got 0"),
        (lambda o: optim.InverseDecay("0.1", k=1), TypeError, "InverseDecay: alpha_0 must be a number, got '0.1'"),
        (
            lambda o: optim.MomentumAnnealing(every=-1),
            ValueError,
            "MomentumAnnealing: every must be a positive number .* got -1",
        ),
        (
            lambda o: optim.MomentumAnnealing(0.9, 0.5),
            ValueError,
            r"must be in \[0, 1\) and in this order, got 0.9 and 0.5",
        ),
        (lambda o: optim.MomentumAnnealing(mu_max=1.0), ValueError, "got 0.5 and 1.0"),
        (lambda o: optim.Schedule()(1), NotImplementedError, r"Schedule has no __call__\(t\)"),
        (lambda o: S.OneCycleLR(o, 1, epochs=3), ValueError, "give total_steps, or epochs and steps_per_epoch"),
        (lambda o: S.OneCycleLR(o, 1, 0), ValueError, "total_steps must be a positive number of steps, got 0"),
        (
            lambda o: S.OneCycleLR(o, 1, epochs=0, steps_per_epoch=3),
            ValueError,
            "epochs must be a positive number of steps, got 0",
        ),
        (lambda o: S.OneCycleLR(o, 1, 9, pct_start=2), ValueError, r"pct_start must be in \[0, 1\], got 2"),
        (
            lambda o: S.OneCycleLR(o, 1, 9, anneal_strategy="x"),
            ValueError,
            "anneal_strategy must be 'cos' or 'linear', got 'x'",
        ),
        (lambda o: course(S.OneCycleLR(o, 1, 9), 10), ValueError, "the cycle has total_steps=9, got step 10"),
        (lambda o: S.ReduceLROnPlateau(o, factor=1), ValueError, "factor must be below 1 to reduce the rate, got 1"),
        (lambda o: S.ReduceLROnPlateau(o, "low"), ValueError, "mode must be 'min' or 'max', got 'low'"),
        (
            lambda o: S.ReduceLROnPlateau(o, threshold_mode="x"),
            ValueError,
            "threshold_mode must be 'rel' or 'abs', got 'x'",
        ),
        (lambda o: S.ReduceLROnPlateau(o, min_lr=[0]), ValueError, "min_lr has 1 values for 2 groups"),
        (lambda o: S.ReduceLROnPlateau(None), TypeError, "optimizer must be an Optimizer"),
        (lambda o: S.ChainedScheduler([]), ValueError, "schedulers must not be empty"),
        (lambda o: S.ChainedScheduler([o]), TypeError, r"schedulers\[0\] must be a scheduler, got SGD"),
        (lambda o: S.ChainedScheduler([PLATEAU(o)]), ValueError, "whose step needs a metric"),
        (
            lambda o: S.ChainedScheduler([S.StepLR(o, 1), S.StepLR(optimizer(), 1)]),
            ValueError,
            r"schedulers\[1\], StepLR, has another optimizer",
        ),
        (lambda o: S.SequentialLR(o, [S.StepLR(o, 1)], [3]), ValueError, "1 schedulers need 0 milestones, got 1"),
        (lambda o: S.LRScheduler(o), NotImplementedError, "LRScheduler has no get_lr"),
    ],
)
def test_errors_name_the_argument(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(optimizer())


@pytest.mark.parametrize("wrong", ["base_momentum", "max_momentum"])
def test_an_error_changes_no_rate(wrong: str) -> None:
    o = optimizer()
    with pytest.raises(ValueError, match=f"{wrong} has 3 values for 2 groups"):
        S.CyclicLR(o, 0.3, 0.4, **{wrong: [0.1, 0.2, 0.3]})
    assert [g["lr"] for g in o.param_groups] == list(RATES)


SETTINGS: dict[str, list[Any]] = {
    "StepLR": [2],
    "MultiStepLR": [[2, 3]],
    "ConstantLR": [],
    "LinearLR": [],
    "ExponentialLR": [0.9],
    "PolynomialLR": [],
    "CosineAnnealingLR": [5],
    "CosineAnnealingWarmRestarts": [4],
    "CyclicLR": [0.1, 0.5],
    "OneCycleLR": [0.1, 10],
    "ReduceLROnPlateau": [],
    "LambdaLR": [lambda t: 1.0],
    "MultiplicativeLR": [lambda t: 1.0],
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_bool_is_no_number_and_a_number_no_bool(name: str) -> None:
    make = getattr(S, name)
    parameters = list(inspect.signature(make).parameters.values())[1:]
    given = dict(zip([p.name for p in parameters], SETTINGS[name]))
    checked = 0
    for p in parameters:
        kind = str(p.annotation).partition(" | ")[0]
        for value in {"bool": [1, 0.5], "int": [True, 0.5, "2"], "float": [False, "2"]}.get(kind, []):
            optimizer = optim.SGD([nn.Parameter(zeros(1))], lr=0.1, momentum=0.9)
            with pytest.raises(TypeError, match=f"{name}: {p.name} must be "):
                make(optimizer, **{**given, p.name: value})
            checked += 1
    assert checked


def test_lengths_may_be_fractions() -> None:
    assert S.CosineAnnealingLR(0.1, T_max=2.5).ahead(5)[5] == [pytest.approx(0.1)]
    with pytest.raises(ValueError, match="T_max"):
        S.CosineAnnealingLR(0.1, T_max=float("nan"))
