"""Schedulers of rates that go up and down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad.nn.arguments import check_arguments
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.scheduler import (
    FormulaLR,
    an_optimizer,
    cosine,
    memory_of,
    momentum_of,
    per_group,
    recall,
    set_momentum,
)
from minigrad.output.words import class_name

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class CosineAnnealingWarmRestarts(FormulaLR):
    """Half a wave of cosine from initial_lr to eta_min, over and over.

        lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2

    T_cur counts from the last restart; the first period T_i is T_0, each other one T_mult times the one before.

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        T_0: how many steps the first period takes.
        T_mult: by how much the periods grow (default 1; usual values are 1 and 2).
        eta_min: the smallest rate (default 0).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if T_0 or T_mult is not a positive integer.

    >>> schedule = CosineAnnealingWarmRestarts(1.0, T_0=2, T_mult=2)
    >>> [round(schedule(t), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """

    @check_arguments
    def __init__(
        self, optimizer: Optimizer | float, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: T_0 must be a positive integer, got {T_0}.")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"CosineAnnealingWarmRestarts: T_mult must be a positive integer, got {T_mult}.")
        self.T_0, self.T_mult, self.eta_min, self._part = T_0, T_mult, eta_min, 0.0
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Go on by one, or to `epoch`, which may lie between two integers: epoch + i / len(batches)."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch must not be below 0, got {epoch}.")
        if epoch is None:
            self._in_order()
        t = self.last_epoch + 1 + self._part if epoch is None else epoch
        self.last_epoch = math.floor(t)
        self._part = t - self.last_epoch
        self._set(self.get_lr())

    def get_lr(self) -> list[float]:
        return self.rates(self.last_epoch + self._part)

    def rates(self, t: float) -> list[float]:
        period = self.T_0
        while t >= period:
            t, period = t - period, period * self.T_mult
        return [self.eta_min + (base - self.eta_min) * cosine(t / period) for base in self.base_lrs]


class _CycleLR(FormulaLR):
    """The base of the schedulers that also cycle the momentum ("momentum", "mu" or the first of "betas").

    Raises:
        ValueError: if cycle_momentum is on and the optimizer has no momentum.
    """

    def _take_momentum(self, optimizer: Optimizer, cycle: bool, low: Any, high: Any) -> None:
        self.cycle_momentum = cycle
        if cycle and momentum_of(optimizer) is None:
            raise ValueError(
                f"{class_name(self)}: {class_name(optimizer)} has no momentum, mu or betas to cycle; "
                "give cycle_momentum=False."
            )
        self.base_momentums = per_group(self, optimizer, base_momentum=low)
        self.max_momentums = per_group(self, optimizer, max_momentum=high)

    def momenta(self, t: int) -> list[float]:
        """Return the momenta of the groups at t."""
        raise NotImplementedError

    def get_lr(self) -> list[float]:
        if self.cycle_momentum:
            set_momentum(self.optimizer, self.momenta(self.last_epoch))
        return super().get_lr()


_SCALES: dict[str, Callable[[float, int, int], float]] = {
    "triangular": lambda gamma, cycle, t: 1.0,
    "triangular2": lambda gamma, cycle, t: 0.5 ** (cycle - 1),
    "exp_range": lambda gamma, cycle, t: gamma**t,
}


class CyclicLR(_CycleLR):
    """Triangles: from base_lr to max_lr and back, over and over.

        lr = base_lr + (max_lr - base_lr) * height * scale

    height goes from 0 to 1 in step_size_up steps, and back in step_size_down. The momentum goes the other way.

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        base_lr: the smallest rate, for all groups or a list of one for each.
        max_lr: the largest rate, likewise.
        step_size_up: how many steps the way up takes (default 2000; usual are 2 to 10 epochs).
        step_size_down: how many steps the way down takes (default None: as many).
        mode: the scale: "triangular" 1, "triangular2" half in each cycle, "exp_range" gamma**t (default "triangular").
        gamma: of "exp_range" (default 1).
        scale_fn: a scale of one's own, instead of mode.
        scale_mode: "cycle": scale_fn gets the number of the cycle, from 1; "iterations": it gets t (default "cycle").
        cycle_momentum: cycle the momentum, too (default True).
        base_momentum: the momentum at max_lr (default 0.8).
        max_momentum: the momentum at base_lr (default 0.9).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if a step size is not positive, a mode is unknown, a list has not one value per group, or the
            optimizer has no momentum to cycle.

    >>> schedule = CyclicLR(0.0, base_lr=0.0, max_lr=1.0, step_size_up=2)
    >>> [schedule(t) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]

    Source: Smith, "Cyclical learning rates for training neural networks", 2017.
    """

    @check_arguments
    def __init__(
        self,
        optimizer: Optimizer | float,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: float = 2000,
        step_size_down: float | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        optimizer = an_optimizer(self, optimizer)
        step_size_down = step_size_up if step_size_down is None else step_size_down
        self._positive(step_size_up=step_size_up, step_size_down=step_size_down)
        if scale_fn is None and mode not in _SCALES:
            raise ValueError(f"CyclicLR: without scale_fn, mode must be one of {sorted(_SCALES)}, got {mode!r}.")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}.")
        base_lrs = per_group(self, optimizer, base_lr=base_lr)
        self.max_lrs = per_group(self, optimizer, max_lr=max_lr)
        self._take_momentum(optimizer, cycle_momentum, base_momentum, max_momentum)
        self.up, self.total_size = step_size_up, step_size_up + step_size_down
        self.mode, self.gamma, self.scale_fn, self.scale_mode = mode, gamma, scale_fn, scale_mode
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs, strict=True):
                group["lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def height(self, t: int) -> float:
        """Return how far the rate is from the base, 0, to the maximum, 1, with the scale."""
        cycle, x = int(t // self.total_size), t % self.total_size
        height = x / self.up if x <= self.up else (self.total_size - x) / (self.total_size - self.up)
        if self.scale_fn is None:
            return height * _SCALES[self.mode](self.gamma, cycle + 1, t)
        return height * self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else t)

    def rates(self, t: int) -> list[float]:
        height = self.height(t)
        return [a + (b - a) * height for a, b in zip(self.base_lrs, self.max_lrs, strict=True)]

    def momenta(self, t: int) -> list[float]:
        height = self.height(t)
        return [b - (b - a) * height for a, b in zip(self.base_momentums, self.max_momentums, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "scale_fn": memory_of(self.scale_fn)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        recall(self.scale_fn, state_dict["scale_fn"])
        super().load_state_dict({**state_dict, "scale_fn": self.scale_fn})


class OneCycleLR(_CycleLR):
    """One cycle: up to max_lr, and down to far below the first rate.

        initial_lr = max_lr / div_factor           (at t = 0)
        max_lr                                     (at t = pct_start * total_steps - 1)
        min_lr = initial_lr / final_div_factor     (at t = total_steps - 1)

    Between them the rate follows half a wave of cosine, or a straight line. The momentum goes the other way. With
    three_phase the way down passes initial_lr after as many steps as the way up took.

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        max_lr: the largest rate, for all groups or a list of one for each.
        total_steps: how many steps the cycle has; or epochs and steps_per_epoch, whose product it is.
        pct_start: which part of the steps the way up takes (default 0.3).
        anneal_strategy: "cos" or "linear" (default "cos").
        cycle_momentum: cycle the momentum, too (default True).
        base_momentum: the momentum at max_lr (default 0.85).
        max_momentum: the momentum at the ends (default 0.95).
        div_factor: max_lr / initial_lr (default 25).
        final_div_factor: initial_lr / min_lr (default 1e4).
        three_phase: see above (default False).
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if the number of steps is missing or not positive, pct_start is not in [0, 1], anneal_strategy is
            unknown, a list has not one value per group, there is no momentum to cycle, or a step is past the end.

    >>> schedule = OneCycleLR(0.25, max_lr=1.0, total_steps=7, pct_start=3 / 7, div_factor=4, anneal_strategy="linear")
    >>> [round(schedule(t), 3) for t in range(7)]
    [0.25, 0.625, 1.0, 0.75, 0.5, 0.25, 0.0]

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018.
    """

    @check_arguments
    def __init__(
        self,
        optimizer: Optimizer | float,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        optimizer = an_optimizer(self, optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch.")
            self._positive(epochs=epochs, steps_per_epoch=steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        self._positive(total_steps=total_steps)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start must be in [0, 1], got {pct_start}.")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}.")
        self.total_steps, self.anneal_strategy, self.final_div_factor = total_steps, anneal_strategy, final_div_factor
        up = pct_start * total_steps
        self._ends = [up - 1, 2 * up - 2, total_steps - 1] if three_phase else [up - 1, total_steps - 1]
        self.max_lrs = per_group(self, optimizer, max_lr=max_lr)
        self._take_momentum(optimizer, cycle_momentum, base_momentum, max_momentum)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, self.max_lrs, strict=True):
                group["initial_lr"] = lr / div_factor
        super().__init__(optimizer, last_epoch)

    def between(self, t: int, *corners: float) -> float:
        """Return the value at t of a curve from corner to corner, one phase after another."""
        ends = self._ends
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: the cycle has total_steps={self.total_steps}, got step {t}.")
        i = next((i for i, end in enumerate(ends) if t <= end), len(ends) - 1)
        start = ends[i - 1] if i else 0
        x = (t - start) / ((ends[i] - start) or 1)  # a phase may have no steps
        rest = cosine(x) if self.anneal_strategy == "cos" else 1 - x
        return corners[i + 1] + (corners[i] - corners[i + 1]) * rest

    def rates(self, t: int) -> list[float]:
        middle = len(self._ends) - 2
        return [
            self.between(t, base, high, *[base] * middle, base / self.final_div_factor)
            for base, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def momenta(self, t: int) -> list[float]:
        both = zip(self.base_momentums, self.max_momentums, strict=True)
        return [self.between(t, high, low, high, high) for low, high in both]

    def plot(self, steps: int | None = None) -> Svg:
        """Draw the rates from now on, to the end of the cycle if no number of steps is given."""
        return super().plot(self.total_steps - 1 - self.last_epoch if steps is None else steps)
