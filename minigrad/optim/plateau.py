"""The scheduler that looks at how well it goes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from minigrad.optim.optimizer import Optimizer
from minigrad.optim.scheduler import LRScheduler, an_optimizer, per_group

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class ReduceLROnPlateau(LRScheduler):
    """lr *= factor when a metric, given to step(), has not become better in more than `patience` steps.

    Better is less (mode "min") or more ("max") than the best, by a threshold: a part of the best ("rel"), or as it is
    ("abs"). After a change it waits for `cooldown` steps. No rate falls below min_lr, nor by as little as eps.

    >>> scheduler = ReduceLROnPlateau(1.0, factor=0.5, patience=1)
    >>> scheduler.ahead([3.0, 2.0, 2.0, 2.0])
    [[1.0], [1.0], [1.0], [1.0], [0.5]]
    """

    def __init__(
        self,
        optimizer: Optimizer | float,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor={factor} does not reduce; it is below 1")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode={mode!r} is neither 'min' nor 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode={threshold_mode!r} is neither 'rel' nor 'abs'")
        self.min_lrs = per_group(self, optimizer, min_lr=min_lr)
        self.optimizer, self.mode, self.factor, self.patience = an_optimizer(self, optimizer), mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self._last_lr = self._rates()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Go on to the next t, with its metric: a number, or a tensor of one."""
        self.last_epoch += 1
        metric, sign = float(metrics), 1 if self.mode == "min" else -1
        if self.threshold_mode == "rel":
            limit = self.best * (1 - sign * self.threshold)
        else:
            limit = self.best - sign * self.threshold
        if sign * metric < sign * limit:
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        lrs = self._rates()
        if self.num_bad_epochs > self.patience:
            reduced = [max(lr * self.factor, low) for lr, low in zip(lrs, self.min_lrs, strict=True)]
            lrs = [new if lr - new > self.eps else lr for lr, new in zip(lrs, reduced)]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._set(lrs)

    def ahead(self, metrics: Iterable[float]) -> list[list[float]]:  # type: ignore[override]
        """The groups' rates now, and after each of the next steps, if they had these metrics."""
        return self._ahead([(metric,) for metric in metrics])

    def plot(self, metrics: Iterable[float]) -> Svg:  # type: ignore[override]
        """The rates from now on, if the next steps had these metrics."""
        return self._plot(self.ahead(metrics))
