"""Schedulers that go up and down, and up again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class CosineAnnealingWarmRestarts(FormulaLR):
    """Half a wave of cosine, from initial_lr to eta_min, over and over.

    The first takes T_0 steps, each other one T_mult times as many as the one before.

    >>> schedule = CosineAnnealingWarmRestarts(1.0, T_0=2, T_mult=2)
    >>> [round(schedule(t), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer | float, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: T_0={T_0} is a whole number of steps, more than 0")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"CosineAnnealingWarmRestarts: T_mult={T_mult} is a whole number, 1 or more")
        self.T_0, self.T_mult, self.eta_min, self._part = T_0, T_mult, eta_min, 0.0
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Go on by one, or to `epoch`, which may be between two: epoch + i / len(batches)."""
        if epoch is not None and epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch={epoch} is below 0")
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
    """The base of those that cycle the momentum too, against the rate: the optimiser's "momentum", "mu" or first beta.

    Raises:
        ValueError: for cycle_momentum with an optimiser that has neither.
    """

    def _take_momentum(self, optimizer: Optimizer, cycle: bool, low: Any, high: Any) -> None:
        self.cycle_momentum = cycle
        if cycle and momentum_of(optimizer) is None:
            raise ValueError(
                f"{type(self).__name__}: {type(optimizer).__name__} has no momentum, mu or betas to cycle; "
                "give cycle_momentum=False"
            )
        self.base_momentums = per_group(self, optimizer, base_momentum=low)
        self.max_momentums = per_group(self, optimizer, max_momentum=high)

    def momenta(self, t: int) -> list[float]:
        """The groups' momenta at t."""
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
    """Triangles (Smith, 2017): from base_lr to max_lr in step_size_up steps, and back in step_size_down.

    Their height is scaled: by 1 ("triangular"), by half in each cycle ("triangular2"), by gamma^t ("exp_range"), or by
    scale_fn(cycle), which counts from 1, or with scale_mode="iterations" by scale_fn(t).

    >>> schedule = CyclicLR(0.0, base_lr=0.0, max_lr=1.0, step_size_up=2)
    >>> [schedule(t) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer | float,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
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
            raise ValueError(f"CyclicLR: mode={mode!r} is none of {sorted(_SCALES)}, and there is no scale_fn")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: scale_mode={scale_mode!r} is neither 'cycle' nor 'iterations'")
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
        """How far from the base, 0, to the maximum, 1."""
        cycle, x = divmod(t, self.total_size)
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
    """One cycle (Smith and Topin, 2018): initial_lr up to max_lr, and down to min_lr, at t = total_steps - 1.

    initial_lr = max_lr / div_factor, min_lr = initial_lr / final_div_factor. The way up is pct_start of the steps; with
    three_phase the way down passes initial_lr in as many. It follows half a wave of cosine, or a straight line.

    >>> schedule = OneCycleLR(0.25, max_lr=1.0, total_steps=7, pct_start=3 / 7, div_factor=4, anneal_strategy="linear")
    >>> [round(schedule(t), 3) for t in range(7)]
    [0.25, 0.625, 1.0, 0.75, 0.5, 0.25, 0.0]
    """

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
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            self._positive(epochs=epochs, steps_per_epoch=steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        self._positive(total_steps=total_steps)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start={pct_start} is out of [0, 1]")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy={anneal_strategy!r} is neither 'cos' nor 'linear'")
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
        """The value at t of what goes from corner to corner, one phase after another."""
        ends = self._ends
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: step {t} of total_steps={self.total_steps}")
        i = next((i for i, end in enumerate(ends) if t <= end), len(ends) - 1)
        start = ends[i - 1] if i else 0
        x = (t - start) / ((ends[i] - start) or 1)  # a phase may have no length
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
        """The rates from now on, to the end of the cycle if no number of steps is given."""
        return super().plot(self.total_steps - 1 - self.last_epoch if steps is None else steps)
