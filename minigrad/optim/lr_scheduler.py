"""PyTorch's schedulers of the learning rate. The lecture's three decays are in `schedule`.

A scheduler sets the rates of an optimiser's groups. t counts steps or epochs, from 0:

    for epoch in range(100):
        ...                 # a pass over the data, with optimizer.step()
        scheduler.step()    # t grows by one

Those that are a formula can be had without an optimiser, as that function of t: a rate takes the optimiser's place.

>>> schedule = StepLR(0.1, step_size=2, gamma=0.5)
>>> [schedule(t) for t in range(5)]
[0.1, 0.1, 0.05, 0.05, 0.025]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from minigrad.optim.combined import ChainedScheduler, SequentialLR
from minigrad.optim.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.plateau import ReduceLROnPlateau
from minigrad.optim.schedule import StepDecay
from minigrad.optim.scheduler import (
    FormulaLR,
    LRScheduler,
    an_optimizer,
    cosine,
    memory_of,
    momentum_of,
    per_group,
    recall,
    set_momentum,
)

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MomentumScheduler",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class LambdaLR(FormulaLR):
    """lr = initial_lr * lr_lambda(t), with one function for all groups, or a list of one for each.

    >>> from minigrad import nn, optim, zeros
    >>> optimizer = optim.SGD([nn.Parameter(zeros(3))], lr=0.1)
    >>> scheduler = LambdaLR(optimizer, optim.InverseDecay(1.0, k=1.0))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
    """

    def __init__(self, optimizer: Optimizer | float, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = per_group(self, optimizer, lr_lambda=lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{type(self).__name__}: lr_lambda is a function of t, got {function!r}")
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        return [lr * function(t) for lr, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "lr_lambdas": [memory_of(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for function, memory in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            recall(function, memory)
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})


class MultiplicativeLR(LambdaLR):
    """lr *= lr_lambda(t) in each step.

    >>> schedule = MultiplicativeLR(1.0, lambda t: 0.5)
    >>> [schedule(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    def rates(self, t: int) -> list[float]:
        both = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [lr * math.prod(function(i) for i in range(1, t + 1)) for lr, function in both]

    def get_lr(self) -> list[float]:
        lrs = self._rates()
        return lrs if self._is_initial else [lr * f(self.last_epoch) for lr, f in zip(lrs, self.lr_lambdas)]


class _FactorLR(FormulaLR):
    """lr = eta_min + (initial_lr - eta_min) * factor(t), where factor is what a subclass has.

    A step multiplies by factor(t) / factor(t - 1), so that several schedulers may act on one optimiser.
    """

    eta_min = 0.0
    _changes_when_resumed = False  # whether going on from a last_epoch changes the rate, or takes it as that of t

    def factor(self, t: int) -> float:
        """What is left at t, of 1."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        t, lrs, low = self.last_epoch, self._rates(), self.eta_min
        if self._is_initial and t > 0 and not self._changes_when_resumed:
            return lrs
        new, old = self.factor(t), self.factor(t - 1) if t > 0 else 1.0
        if old == 0:  # nothing is left to be multiplied: up again from the initial rate
            return [lr + (base - low) * new for lr, base in zip(lrs, self.base_lrs, strict=True)]
        return [low + (lr - low) * (new / old) for lr in lrs]

    def rates(self, t: int) -> list[float]:
        return [self.eta_min + (base - self.eta_min) * self.factor(t) for base in self.base_lrs]

    def _closed_form(self) -> list[float]:
        return self.rates(self.last_epoch)


class StepLR(_FactorLR):
    """factor = gamma^(t // step_size): the lecture's step decay.

    >>> schedule = StepLR(1.0, step_size=2, gamma=0.5)
    >>> [schedule(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    _changes_when_resumed = True

    def __init__(self, optimizer: Optimizer | float, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self._positive(step_size=step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return StepDecay(1.0, self.step_size, self.gamma)(t)


class MultiStepLR(_FactorLR):
    """factor = gamma^n, where n is how many milestones are at t or before.

    >>> schedule = MultiStepLR(1.0, milestones=[1, 3], gamma=0.5)
    >>> [schedule(t) for t in range(5)]
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    _changes_when_resumed = True

    def __init__(
        self, optimizer: Optimizer | float, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma ** bisect_right(self.milestones, t)


class ConstantLR(_FactorLR):
    """The factor is constant until t = total_iters, and 1 from there on.

    >>> schedule = ConstantLR(1.0, factor=0.5, total_iters=2)
    >>> [schedule(t) for t in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """

    _changes_when_resumed = True

    def __init__(
        self, optimizer: Optimizer | float, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self._positive(total_iters=total_iters)
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor={factor} is out of [0, 1]")
        self.start_factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.start_factor if t < self.total_iters else 1.0


class LinearLR(_FactorLR):
    """The factor goes from start_factor to end_factor in a straight line, until t = total_iters.

    >>> schedule = LinearLR(1.0, start_factor=0.25, total_iters=3)
    >>> [schedule(t) for t in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer | float,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self._positive(total_iters=total_iters)
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor={start_factor} is out of (0, 1]")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor={end_factor} is out of [0, 1]")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * min(t, self.total_iters) / self.total_iters


class ExponentialLR(_FactorLR):
    """factor = gamma^t: the lecture's exponential decay, with k = -ln(gamma).

    >>> schedule = ExponentialLR(1.0, gamma=0.5)
    >>> [schedule(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer | float, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma**t


class PolynomialLR(_FactorLR):
    """factor = (1 - t / total_iters)^power, and 0 from t = total_iters on.

    >>> schedule = PolynomialLR(1.0, total_iters=4)
    >>> [schedule(t) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer | float, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self._positive(total_iters=total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return (1 - min(t, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(_FactorLR):
    """factor = (1 + cos(pi t / T_max)) / 2: from initial_lr to eta_min in T_max steps, and up again.

    >>> schedule = CosineAnnealingLR(1.0, T_max=4)
    >>> [round(schedule(t), 3) for t in range(7)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.146, 0.5]
    """

    def __init__(self, optimizer: Optimizer | float, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self._positive(T_max=T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return cosine(t / self.T_max)


class MomentumScheduler(LRScheduler):
    """momentum = schedule(t): the "momentum" of each group, its "mu" or its first beta. The rates stay.

    >>> from minigrad import nn, optim, zeros
    >>> optimizer = optim.Momentum([nn.Parameter(zeros(3))], lr=0.1)
    >>> scheduler = MomentumScheduler(optimizer, optim.MomentumAnnealing(every=1))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> optimizer.param_groups[0]["mu"]
    0.75
    """

    def __init__(self, optimizer: Optimizer, schedule: Callable[[int], float], last_epoch: int = -1) -> None:
        if not callable(schedule):
            raise TypeError(f"MomentumScheduler: schedule is a function of t, got {schedule!r}")
        if momentum_of(an_optimizer(self, optimizer)) is None:
            raise ValueError(f"MomentumScheduler: {type(optimizer).__name__} has no momentum, mu or betas")
        self.schedule = schedule
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        set_momentum(self.optimizer, [self.schedule(self.last_epoch)] * len(self.optimizer.param_groups))
        return self._rates()

    def plot(self, steps: int = 100) -> Svg:
        """The momentum from now on."""
        t = range(self.last_epoch, self.last_epoch + steps + 1)
        return self._plot([[self.schedule(i)] for i in t], "momentum", "mu")

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "schedule": memory_of(self.schedule)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        recall(self.schedule, state_dict["schedule"])
        super().load_state_dict({**state_dict, "schedule": self.schedule})
