"""Schedulers made of others: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from minigrad.nn.arguments import check_arguments
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.plateau import ReduceLROnPlateau
from minigrad.optim.scheduler import LRScheduler, an_optimizer
from minigrad.output.words import class_name


class _ManyLR(LRScheduler):
    """The base of the schedulers that are made of others, of one optimizer.

    Raises:
        ValueError: if there are no schedulers, one has another optimizer, or one is ReduceLROnPlateau, whose step needs
            a metric.
        TypeError: if one is not a scheduler.
    """

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        name = class_name(self)
        if not schedulers:
            raise ValueError(f"{name}: schedulers must not be empty.")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: schedulers[{i}] must be a scheduler, got {class_name(scheduler)}.")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{name}: schedulers[{i}] is ReduceLROnPlateau, whose step needs a metric.")
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{name}: schedulers[{i}], {class_name(scheduler)}, has another optimizer.")
        self.optimizer = schedulers[0].optimizer
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        super().load_state_dict({**state_dict, "_schedulers": self._schedulers})


def _undo(scheduler: LRScheduler) -> None:
    """Undo the first step."""
    if isinstance(scheduler, _ManyLR):
        for s in scheduler._schedulers:
            _undo(s)
    else:
        scheduler.last_epoch -= 1


class SequentialLR(_ManyLR):
    """One scheduler after another: at each milestone the next one starts, from its t = 0.

    Args:
        optimizer: the optimizer of all schedulers.
        schedulers: in the order in which they act.
        milestones: the values of t at which the second, third, … start: one fewer than schedulers.
        last_epoch: the t to go on from (default -1: start at t = 0).

    Raises:
        ValueError: if there is not one milestone fewer than schedulers, a scheduler has another optimizer, or one is
            ReduceLROnPlateau.

    >>> from minigrad import nn, optim, zeros
    >>> from minigrad.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = optim.SGD([nn.Parameter(zeros(3))], lr=1.0)
    >>> parts = [ConstantLR(optimizer, factor=0.5), ExponentialLR(optimizer, gamma=0.5)]
    >>> SequentialLR(optimizer, parts, milestones=[2]).ahead(4)
    [[0.5], [0.5], [1.0], [0.5], [0.25]]
    """

    @check_arguments
    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self._take(schedulers, an_optimizer(self, optimizer))
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, "
                f"got {len(milestones)}."
            )
        self._milestones, self.last_epoch = list(milestones), last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in self._schedulers:  # each has made its first step; only one of them may
            _undo(scheduler)
        self._schedulers[bisect_right(self._milestones, 0)]._initial_step()
        self._last_lr = self._rates()

    def step(self) -> None:  # type: ignore[override]
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i and self._milestones[i - 1] == self.last_epoch:
            scheduler.last_epoch = 0
            scheduler._set(scheduler._closed_form())
        else:
            scheduler.step()
        self._last_lr = self._rates()


class ChainedScheduler(_ManyLR):
    """All schedulers at once: each changes the rates that the one before has set, so that their factors multiply.

    Args:
        schedulers: of one optimizer.
        optimizer: theirs; it need not be given.

    Raises:
        ValueError: if a scheduler has another optimizer, or one is ReduceLROnPlateau.

    >>> from minigrad import nn, optim, zeros
    >>> from minigrad.optim.lr_scheduler import ConstantLR, ExponentialLR
    >>> optimizer = optim.SGD([nn.Parameter(zeros(3))], lr=1.0)
    >>> parts = [ConstantLR(optimizer, factor=0.5, total_iters=2), ExponentialLR(optimizer, gamma=0.5)]
    >>> ChainedScheduler(parts).ahead(3)
    [[0.5], [0.25], [0.25], [0.125]]
    """

    @check_arguments
    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self.last_epoch, self._last_lr = schedulers[0].last_epoch, self._rates()

    def step(self) -> None:  # type: ignore[override]
        for scheduler in self._schedulers:
            scheduler.step()
        self.last_epoch, self._last_lr = self._schedulers[0].last_epoch, self._rates()
