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
from numbers import Real
from typing import TYPE_CHECKING, ClassVar

from minigrad.output.words import class_name

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class Schedule:
    """The base: a subclass writes __call__(t), the value at t.

    >>> class Halves(Schedule):
    ...     def __call__(self, t):
    ...         return 0.5**t
    >>> Halves()(3)
    0.125
    """

    what: ClassVar[tuple[str, str]] = "learning rate", "alpha"
    """The name and the symbol of the setting."""

    def __call__(self, t: float) -> float:
        """Return the value at t."""
        raise NotImplementedError(f"{class_name(self)} has no __call__(t).")

    def plot(self, steps: int = 100) -> Svg:
        """Draw the curve from t = 0 to t = steps. A notebook displays it; `.save("rate.svg")` writes it to a file.

        >>> picture = StepDecay(0.1, every=30).plot(100)
        >>> "StepDecay(alpha_0=0.1, every=30, factor=0.5)" in picture
        True
        """
        what, symbol = self.what
        return plot_over_t({symbol: [self(t) for t in range(steps + 1)]}, what, title=repr(self))


def plot_over_t(curves: dict[str, Sequence[float]], what: str, start: int = 0, title: str = "") -> Svg:
    """Draw values at t = start, start + 1, …, as curves with names."""
    from minigrad.viz.charts.chart import chart  # drawing is rare

    over_t = {name: (range(start, start + len(values)), values) for name, values in curves.items()}
    return chart(over_t, title=title, x="t", y=what)


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Step decay: the learning rate is multiplied by a factor after every so many steps or epochs.

        alpha = alpha_0 * factor**floor(t / every)

    Args:
        alpha_0: the learning rate at t = 0.
        every: how much of t passes between two changes, more than 0.
        factor: what the rate is multiplied by (default 0.5; usual values are 0.1 to 0.5).

    Raises:
        ValueError: if `every` is not positive.

    >>> schedule = StepDecay(1.0, every=2)
    >>> [schedule(t) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]

    Source: CS231n, "Learning rate decay".
    """

    alpha_0: float
    every: float
    factor: float = 0.5

    def __post_init__(self) -> None:
        _check_numbers("StepDecay", alpha_0=self.alpha_0, every=self.every, factor=self.factor)
        _check_every("StepDecay", self.every)

    def __call__(self, t: float) -> float:
        return self.alpha_0 * self.factor ** (t // self.every)


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """Exponential decay.

        alpha = alpha_0 * exp(-k * t)

    Args:
        alpha_0: the learning rate at t = 0.
        k: how fast it decays: after 1 / k it is 0.37 times alpha_0.

    >>> schedule = ExponentialDecay(1.0, k=0.1)
    >>> round(schedule(10), 6)
    0.367879

    Source: CS231n, "Learning rate decay".
    """

    alpha_0: float
    k: float

    def __post_init__(self) -> None:
        _check_numbers("ExponentialDecay", alpha_0=self.alpha_0, k=self.k)

    def __call__(self, t: float) -> float:
        return self.alpha_0 * math.exp(-self.k * t)


@dataclass(frozen=True)
class InverseDecay(Schedule):
    """1/t decay.

        alpha = alpha_0 / (1 + k * t)

    Args:
        alpha_0: the learning rate at t = 0.
        k: how fast it decays: at t = 1 / k it is half of alpha_0.

    >>> schedule = InverseDecay(1.0, k=0.1)
    >>> schedule(10)
    0.5

    Source: CS231n, "Learning rate decay".
    """

    alpha_0: float
    k: float

    def __post_init__(self) -> None:
        _check_numbers("InverseDecay", alpha_0=self.alpha_0, k=self.k)

    def __call__(self, t: float) -> float:
        return self.alpha_0 / (1 + self.k * t)


@dataclass(frozen=True)
class MomentumAnnealing(Schedule):
    """Growing momentum: little while gradients are large and change their direction, much later.

        mu = min(1 - (1 - mu_0) / (floor(t / every) + 1), mu_max)

    1 / (1 - mu), the number of steps for which a gradient goes on acting, grows by 1 / (1 - mu_0) after each `every`.

    Args:
        mu_0: the momentum at t = 0 (default 0.5).
        mu_max: the largest momentum (default 0.99).
        every: how much of t passes between two changes, more than 0 (default 250).

    Raises:
        ValueError: if `every` is not positive, or not 0 <= mu_0 <= mu_max < 1.

    >>> annealing = MomentumAnnealing()
    >>> [round(annealing(t), 3) for t in (0, 250, 500, 2500, 12_250, 100_000)]
    [0.5, 0.75, 0.833, 0.955, 0.99, 0.99]

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013. Hinton's
    "Practical guide to training RBMs", 2010, section 9, goes in one step from 0.5 to 0.9.
    """

    what: ClassVar[tuple[str, str]] = "momentum", "mu"
    mu_0: float = 0.5
    mu_max: float = 0.99
    every: float = 250

    def __post_init__(self) -> None:
        _check_numbers("MomentumAnnealing", mu_0=self.mu_0, mu_max=self.mu_max, every=self.every)
        _check_every("MomentumAnnealing", self.every)
        if not 0 <= self.mu_0 <= self.mu_max < 1:
            raise ValueError(
                f"MomentumAnnealing: mu_0 and mu_max must be in [0, 1) and in this order, got {self.mu_0} and "
                f"{self.mu_max}; usual values are 0.5 and 0.99."
            )

    def __call__(self, t: float) -> float:
        return min(1 - (1 - self.mu_0) / (t // self.every + 1), self.mu_max)


def _check_numbers(who: str, **values: float) -> None:
    """Raise a TypeError if one of the settings is not a number."""
    for name, value in values.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(f"{who}: {name} must be a number, got {value!r}.")


def _check_every(who: str, every: float) -> None:
    if every <= 0:
        raise ValueError(f"{who}: every must be a positive number of steps or epochs, got {every}.")
