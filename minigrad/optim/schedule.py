"""Schedules: a setting as a pure function of t. The lecture's three decays of the learning rate, and its momentum.

t counts steps or epochs, from 0. In the lecture's loop:

    schedule = ExponentialDecay(1e-1, k=1e-3)
    for t in range(2000):
        learning_rate = schedule(t)
        ...
        x += - learning_rate * dx
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class Schedule:
    """The base: a subclass has __call__(t)."""

    what: ClassVar[tuple[str, str]] = "learning rate", "alpha"
    """What it is a schedule of, and the symbol."""

    def __call__(self, t: float) -> float:
        """The value at t."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(t)")

    def plot(self, steps: int = 100) -> Svg:
        """The curve from t = 0 to t = steps. It shows itself in a notebook; `.save("rate.svg")` writes it.

        >>> picture = StepDecay(0.1, every=30).plot(100)
        >>> "StepDecay(alpha_0=0.1, every=30, factor=0.5)" in picture
        True
        """
        what, symbol = self.what
        return plot_over_t({symbol: [self(t) for t in range(steps + 1)]}, what, title=repr(self))


def plot_over_t(curves: dict[str, Sequence[float]], what: str, start: int = 0, title: str = "") -> Svg:
    """Values at t = start, start + 1, …, as curves with names."""
    from minigrad.viz.charts.chart import chart  # only who draws needs it

    over_t = {name: (range(start, start + len(values)), values) for name, values in curves.items()}
    return chart(over_t, title=title, x="t", y=what)


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiplied by `factor` after each `every` of t: halved every few epochs.

    >>> schedule = StepDecay(1.0, every=2)
    >>> [schedule(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    alpha_0: float
    every: float
    factor: float = 0.5

    def __post_init__(self) -> None:
        _passes("StepDecay", self.every)

    def __call__(self, t: float) -> float:
        return self.alpha_0 * self.factor ** (t // self.every)


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """alpha = alpha_0 e^(-k t)

    >>> schedule = ExponentialDecay(1.0, k=0.1)
    >>> round(schedule(10), 6)
    0.367879
    """

    alpha_0: float
    k: float

    def __call__(self, t: float) -> float:
        return self.alpha_0 * math.exp(-self.k * t)


@dataclass(frozen=True)
class InverseDecay(Schedule):
    """1/t decay: alpha = alpha_0 / (1 + k t)

    >>> schedule = InverseDecay(1.0, k=0.1)
    >>> schedule(10)
    0.5
    """

    alpha_0: float
    k: float

    def __call__(self, t: float) -> float:
        return self.alpha_0 / (1 + self.k * t)


@dataclass(frozen=True)
class MomentumAnnealing(Schedule):
    """mu from 0.5 to 0.99: little momentum while the gradients are large and their direction changes, much later.

    1 / (1 - mu), for how many steps a gradient goes on acting, grows by 1 / (1 - mu_0) after each `every` of t:

        mu = min(1 - (1 - mu_0) / (floor(t / every) + 1), mu_max)

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), which
    has mu_0 = 0.5 and every = 250 steps. Hinton's "Practical guide to training RBMs" (2010, section 9) makes it
    one step, from 0.5 to 0.9.

    >>> annealing = MomentumAnnealing()
    >>> [round(annealing(t), 3) for t in (0, 250, 500, 2500, 12_250, 100_000)]
    [0.5, 0.75, 0.833, 0.955, 0.99, 0.99]
    """

    what: ClassVar[tuple[str, str]] = "momentum", "mu"
    mu_0: float = 0.5
    mu_max: float = 0.99
    every: float = 250

    def __post_init__(self) -> None:
        _passes("MomentumAnnealing", self.every)
        if not 0 <= self.mu_0 <= self.mu_max < 1:
            raise ValueError(
                f"MomentumAnnealing: mu grows from mu_0={self.mu_0} to mu_max={self.mu_max}, both in [0, 1); "
                "usual are 0.5 and 0.99"
            )

    def __call__(self, t: float) -> float:
        return min(1 - (1 - self.mu_0) / (t // self.every + 1), self.mu_max)


def _passes(who: str, every: float) -> None:
    if every <= 0:
        raise ValueError(f"{who}: every={every} is how much of t passes between steps, more than 0")
