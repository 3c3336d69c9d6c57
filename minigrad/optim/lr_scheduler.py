"""PyTorch's schedulers of the learning rate. The lecture's three decays are in `schedule`.

A scheduler sets the learning rates of an optimizer's groups. t counts steps or epochs, from 0:

    for epoch in range(100):
        ...                 # a pass over the data, with optimizer.step()
        scheduler.step()    # t grows by one

A scheduler that is a formula also works without an optimizer, as a function of t: give it a rate instead.

>>> schedule = StepLR(0.1, step_size=2, gamma=0.5)
>>> [schedule(t) for t in range(5)]
[0.1, 0.1, 0.05, 0.05, 0.025]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from minigrad.nn.arguments import check_arguments
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
from minigrad.output.absent import missing_from
from minigrad.output.words import class_name

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
    """Any function of t as a schedule.

        lr = initial_lr * lr_lambda(t)

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        lr_lambda: a function of t for all groups, or a list of one for each.
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        TypeError: if lr_lambda is not callable.
        ValueError: if a list has not one function for each group.

    >>> from minigrad import nn, optim, zeros
    >>> optimizer = optim.SGD([nn.Parameter(zeros(3))], lr=0.1)
    >>> scheduler = LambdaLR(optimizer, optim.InverseDecay(1.0, k=1.0))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.05]
    """

    @check_arguments
    def __init__(self, optimizer: Optimizer | float, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = per_group(self, optimizer, lr_lambda=lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{class_name(self)}: lr_lambda must be a function of t, got {function!r}.")
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
    """A factor for each step.

        lr = lr * lr_lambda(t)      (nothing at t = 0)

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        lr_lambda: a function of t for all groups, or a list of one for each.
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        TypeError: if lr_lambda is not callable.
        ValueError: if a list has not one function for each group.

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
    """The base of the schedulers with lr = eta_min + (initial_lr - eta_min) * factor(t), where a subclass has factor.

    A step multiplies by factor(t) / factor(t - 1), so that several schedulers may act on one optimizer.
    """

    eta_min = 0.0
    _changes_when_resumed = False  # True: going on from a last_epoch changes the rate; False: it is already that of t

    def factor(self, t: int) -> float:
        """Return the factor at t."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        t, lrs, low = self.last_epoch, self._rates(), self.eta_min
        if self._is_initial and t > 0 and not self._changes_when_resumed:
            return lrs
        new, old = self.factor(t), self.factor(t - 1) if t > 0 else 1.0
        if old == 0:  # 0 times a factor stays 0: begin again from the initial rate
            return [lr + (base - low) * new for lr, base in zip(lrs, self.base_lrs, strict=True)]
        return [low + (lr - low) * (new / old) for lr in lrs]

    def rates(self, t: int) -> list[float]:
        return [self.eta_min + (base - self.eta_min) * self.factor(t) for base in self.base_lrs]

    def _closed_form(self) -> list[float]:
        return self.rates(self.last_epoch)


class StepLR(_FactorLR):
    """Step decay: `StepDecay` of the lecture.

        lr = initial_lr * gamma**floor(t / step_size)

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        step_size: how many steps pass between two changes.
        gamma: what the rate is multiplied by (default 0.1; usual values are 0.1 to 0.5).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if step_size is not positive.

    >>> schedule = StepLR(1.0, step_size=2, gamma=0.5)
    >>> [schedule(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]

    Source: CS231n, "Learning rate decay".
    """

    _changes_when_resumed = True

    @check_arguments
    def __init__(self, optimizer: Optimizer | float, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self._positive(step_size=step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return StepDecay(1.0, self.step_size, self.gamma)(t)


class MultiStepLR(_FactorLR):
    """Step decay at given times.

        lr = initial_lr * gamma**n      (n: how many milestones are at t or before)

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        milestones: the values of t at which the rate changes.
        gamma: what the rate is multiplied by (default 0.1; usual values are 0.1 to 0.5).
        last_epoch: the t to go on from (default -1: start at t = 0).

    >>> schedule = MultiStepLR(1.0, milestones=[1, 3], gamma=0.5)
    >>> [schedule(t) for t in range(5)]
    [1.0, 0.5, 0.5, 0.25, 0.25]

    Source: He et al., "Deep residual learning for image recognition", 2015, which divides by 10 twice.
    """

    _changes_when_resumed = True

    @check_arguments
    def __init__(
        self, optimizer: Optimizer | float, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma ** bisect_right(self.milestones, t)


class ConstantLR(_FactorLR):
    """A smaller rate at the start: a warm-up in one stage.

        lr = initial_lr * factor    (t < total_iters)
        lr = initial_lr             (later)

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        factor: from 0 to 1 (default 1/3).
        total_iters: how many steps it lasts (default 5).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if factor is not in [0, 1], or total_iters is not positive.

    >>> schedule = ConstantLR(1.0, factor=0.5, total_iters=2)
    >>> [schedule(t) for t in range(4)]
    [0.5, 0.5, 1.0, 1.0]
    """

    _changes_when_resumed = True

    @check_arguments
    def __init__(
        self, optimizer: Optimizer | float, factor: float = 1 / 3, total_iters: float = 5, last_epoch: int = -1
    ) -> None:
        self._positive(total_iters=total_iters)
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor must be in [0, 1], got {factor}.")
        self.start_factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.start_factor if t < self.total_iters else 1.0


class LinearLR(_FactorLR):
    """A straight line from one factor to another: a warm-up, or a decay.

        lr = initial_lr * (start_factor + (end_factor - start_factor) * min(t, total_iters) / total_iters)

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        start_factor: the factor at t = 0 (default 1/3).
        end_factor: the factor from t = total_iters on (default 1).
        total_iters: how many steps the way takes (default 5).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if start_factor is not in (0, 1], end_factor is not in [0, 1], or total_iters is not positive.

    >>> schedule = LinearLR(1.0, start_factor=0.25, total_iters=3)
    >>> [schedule(t) for t in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, for the warm-up.
    """

    @check_arguments
    def __init__(
        self,
        optimizer: Optimizer | float,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: float = 5,
        last_epoch: int = -1,
    ) -> None:
        self._positive(total_iters=total_iters)
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be in (0, 1], got {start_factor}.")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be in [0, 1], got {end_factor}.")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * min(t, self.total_iters) / self.total_iters


class ExponentialLR(_FactorLR):
    """Exponential decay: `ExponentialDecay` of the lecture, with k = -ln(gamma).

        lr = initial_lr * gamma**t

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        gamma: what the rate is multiplied by in each step (usual values are 0.9 to 0.999).
        last_epoch: the t to go on from (default -1: start at t = 0).

    >>> schedule = ExponentialLR(1.0, gamma=0.5)
    >>> [schedule(t) for t in range(4)]
    [1.0, 0.5, 0.25, 0.125]

    Source: CS231n, "Learning rate decay".
    """

    @check_arguments
    def __init__(self, optimizer: Optimizer | float, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma**t


class PolynomialLR(_FactorLR):
    """Polynomial decay to 0.

        lr = initial_lr * (1 - min(t, total_iters) / total_iters)**power

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        total_iters: how many steps the way to 0 takes (default 5).
        power: of the polynomial (default 1: a straight line; usual values are 0.9 to 2).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if total_iters is not positive.

    >>> schedule = PolynomialLR(1.0, total_iters=4)
    >>> [schedule(t) for t in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]

    Source: Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets", 2017.
    """

    @check_arguments
    def __init__(
        self, optimizer: Optimizer | float, total_iters: float = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self._positive(total_iters=total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return (1 - min(t, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(_FactorLR):
    """Half a wave of cosine down to eta_min, and up again.

        lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * t / T_max)) / 2

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        T_max: how many steps the way down takes; usually all steps of the run.
        eta_min: the smallest rate (default 0).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if T_max is not positive.

    >>> schedule = CosineAnnealingLR(1.0, T_max=4)
    >>> [round(schedule(t), 3) for t in range(7)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.146, 0.5]

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without the restarts.
    """

    @check_arguments
    def __init__(self, optimizer: Optimizer | float, T_max: float, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self._positive(T_max=T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return cosine(t / self.T_max)


class MomentumScheduler(LRScheduler):
    """A schedule for the momentum: "momentum" or "mu" of each group, or the first of its "betas". The rates stay.

        momentum = schedule(t)

    Args:
        optimizer: an optimizer that has a momentum.
        schedule: a function of t, such as `MomentumAnnealing`.
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        TypeError: if schedule is not callable.
        ValueError: if the optimizer has no momentum.

    >>> from minigrad import nn, optim, zeros
    >>> optimizer = optim.Momentum([nn.Parameter(zeros(3))], lr=0.1)
    >>> scheduler = MomentumScheduler(optimizer, optim.MomentumAnnealing(every=1))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> optimizer.param_groups[0]["mu"]
    0.75

    Source: CS231n, "Parameter updates"; Sutskever et al., 2013.
    """

    @check_arguments
    def __init__(self, optimizer: Optimizer, schedule: Callable[[int], float], last_epoch: int = -1) -> None:
        if not callable(schedule):
            raise TypeError(f"MomentumScheduler: schedule must be a function of t, got {schedule!r}.")
        if momentum_of(an_optimizer(self, optimizer)) is None:
            raise ValueError(f"MomentumScheduler: {class_name(optimizer)} has no momentum, mu or betas.")
        self.schedule = schedule
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        set_momentum(self.optimizer, [self.schedule(self.last_epoch)] * len(self.optimizer.param_groups))
        return self._rates()

    def plot(self, steps: int = 100) -> Svg:
        """Draw the momentum from now on."""
        t = range(self.last_epoch, self.last_epoch + steps + 1)
        return self._plot([[self.schedule(i)] for i in t], "momentum", "mu")

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "schedule": memory_of(self.schedule)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        recall(self.schedule, state_dict["schedule"])
        super().load_state_dict({**state_dict, "schedule": self.schedule})


if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
