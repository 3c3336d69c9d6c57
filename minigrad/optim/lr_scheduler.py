"""Decay of the learning rate over time: the lecture's three formulas, and PyTorch's schedulers.

In the formulas, t counts steps or epochs, from 0. A scheduler sets the rates of an optimiser's groups:

    for epoch in range(100):
        ...                 # a pass over the data, with optimizer.step()
        scheduler.step()    # t grows by one
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from minigrad.optim.combined import ChainedScheduler, SequentialLR
from minigrad.optim.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.plateau import ReduceLROnPlateau
from minigrad.optim.scheduler import LRScheduler, cosine, memory_of, per_group, recall

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
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "exponential_decay",
    "inverse_decay",
    "step_decay",
]


def step_decay(alpha_0: float, t: float, every: float, factor: float = 0.5) -> float:
    """Multiplied by `factor` after each `every` of t: halved every few epochs.

    >>> [step_decay(1.0, t, every=2) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    if every <= 0:
        raise ValueError(f"step_decay: every={every} is how much of t passes between steps, more than 0")
    return alpha_0 * factor ** (t // every)


def exponential_decay(alpha_0: float, t: float, k: float) -> float:
    """alpha = alpha_0 e^(-k t)

    >>> round(exponential_decay(1.0, t=10, k=0.1), 6)
    0.367879
    """
    return alpha_0 * math.exp(-k * t)


def inverse_decay(alpha_0: float, t: float, k: float) -> float:
    """1/t decay: alpha = alpha_0 / (1 + k t)

    >>> inverse_decay(1.0, t=10, k=0.1)
    0.5
    """
    return alpha_0 / (1 + k * t)


class LambdaLR(LRScheduler):
    """lr = initial_lr * lr_lambda(t), with one function for all groups, or a list of one for each.

    >>> from minigrad import nn, optim, zeros
    >>> optimizer = optim.SGD([nn.Parameter(zeros(3))], lr=1.0)
    >>> scheduler = LambdaLR(optimizer, lambda t: inverse_decay(1.0, t, k=1.0))
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        self.lr_lambdas = per_group(self, optimizer, lr_lambda=lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{type(self).__name__}: lr_lambda is a function of t, got {function!r}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [lr * function(self.last_epoch) for lr, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "lr_lambdas": [memory_of(f) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for function, memory in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            recall(function, memory)
        super().load_state_dict({**state_dict, "lr_lambdas": self.lr_lambdas})


class MultiplicativeLR(LambdaLR):
    """lr *= lr_lambda(t) in each step."""

    def get_lr(self) -> list[float]:
        lrs = self._rates()
        return lrs if self._is_initial else [lr * f(self.last_epoch) for lr, f in zip(lrs, self.lr_lambdas)]


class _FactorLR(LRScheduler):
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

    def _closed_form(self) -> list[float]:
        return [self.eta_min + (base - self.eta_min) * self.factor(self.last_epoch) for base in self.base_lrs]


class StepLR(_FactorLR):
    """factor = gamma^(t // step_size): the lecture's step decay.

    >>> from minigrad import nn, optim, zeros
    >>> scheduler = StepLR(optim.SGD([nn.Parameter(zeros(3))], lr=1.0), step_size=2, gamma=0.5)
    >>> [(scheduler.step(), scheduler.get_last_lr())[1] for _ in range(4)]
    [[1.0], [0.5], [0.5], [0.25]]
    """

    _changes_when_resumed = True

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self._positive(step_size=step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return step_decay(1.0, t, self.step_size, self.gamma)


class MultiStepLR(_FactorLR):
    """factor = gamma^n, where n is how many milestones are at t or before."""

    _changes_when_resumed = True

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma ** bisect_right(self.milestones, t)


class ConstantLR(_FactorLR):
    """The factor is constant until t = total_iters, and 1 from there on."""

    _changes_when_resumed = True

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        self._positive(total_iters=total_iters)
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor={factor} is out of [0, 1]")
        self.start_factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.start_factor if t < self.total_iters else 1.0


class LinearLR(_FactorLR):
    """The factor goes from start_factor to end_factor in a straight line, until t = total_iters."""

    def __init__(
        self,
        optimizer: Optimizer,
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
    """factor = gamma^t: the lecture's exponential decay, with k = -ln(gamma)."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return self.gamma**t


class PolynomialLR(_FactorLR):
    """factor = (1 - t / total_iters)^power, and 0 from t = total_iters on."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self._positive(total_iters=total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return (1 - min(t, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(_FactorLR):
    """factor = (1 + cos(pi t / T_max)) / 2: from initial_lr to eta_min in T_max steps, and up again."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self._positive(T_max=T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, t: int) -> float:
        return cosine(t / self.T_max)
