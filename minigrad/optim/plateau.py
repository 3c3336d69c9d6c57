"""The scheduler that reacts to a metric of the training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from minigrad.nn.arguments import check_arguments
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.scheduler import LRScheduler, an_optimizer, per_group
from minigrad.optim.settings import number
from minigrad.output.deprecation import warn_deprecated

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class ReduceLROnPlateau(LRScheduler):
    """Reduce the rate when a metric stops improving.

        lr = max(factor * lr, min_lr)      (after more than `patience` steps without a better metric)

    A metric is better if it is below best * (1 - threshold), with threshold_mode "abs" below best - threshold; with
    mode "max", above best * (1 + threshold) or best + threshold.

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        mode: "min" if less is better, as for a loss, or "max" (default "min").
        factor: what the rate is multiplied by, below 1 (default 0.1; usual values are 0.1 to 0.5).
        patience: how many steps without improvement to wait (default 10).
        threshold: how much better counts (default 1e-4).
        threshold_mode: "rel" or "abs" (default "rel").
        cooldown: how many steps after a reduction do not count (default 0).
        min_lr: the smallest rate, for all groups or a list of one for each (default 0).
        eps: leave out a reduction that is smaller than this (default 1e-8).

    Raises:
        ValueError: if factor is not below 1, mode or threshold_mode is unknown, or min_lr has not one value per group.

    >>> scheduler = ReduceLROnPlateau(1.0, factor=0.5, patience=1)
    >>> scheduler.ahead([3.0, 2.0, 2.0, 2.0])
    [[1.0], [1.0], [1.0], [1.0], [0.5]]
    """

    @check_arguments
    def __init__(
        self,
        optimizer: Optimizer | float,
        mode: str = "min",
        factor: float = 0.1,
        patience: float = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1 to reduce the rate, got {factor}.")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}.")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}.")
        self.min_lrs = per_group(self, optimizer, min_lr=min_lr)
        self.optimizer, self.mode, self.factor, self.patience = an_optimizer(self, optimizer), mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self._last_lr = self._rates()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Go on to the next t with its metric: a number, or a tensor of one element.

        `epoch`, the t to go to instead, is deprecated in PyTorch.
        """
        if epoch is not None:
            warn_deprecated("scheduler.step(metrics, epoch)", "scheduler.step(metrics) once for each epoch")
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        metric, sign = number(metrics), 1 if self.mode == "min" else -1
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
        """Return the rates of the groups now, and after each of the next steps, if they had these metrics."""
        return self._ahead([(metric,) for metric in metrics])

    def plot(self, metrics: Iterable[float]) -> Svg:  # type: ignore[override]
        """Draw the rates from now on, if the next steps had these metrics."""
        return self._plot(self.ahead(metrics))
