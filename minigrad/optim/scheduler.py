"""The base of the learning-rate schedulers, and what several of them need."""

from __future__ import annotations

import math
from types import FunctionType
from typing import Any

from minigrad.optim.optimizer import Optimizer


class LRScheduler:
    """The base: a subclass has get_lr(), which says the groups' rates at t = last_epoch.

    The first step, to t = last_epoch + 1, is made here. "initial_lr" in a group is the rate that it began with.

    Args:
        optimizer: whose groups have the rates.
        last_epoch: the t to go on from; the optimiser's groups need their "initial_lr" then.

    Raises:
        TypeError: for what is not an optimiser.
        KeyError: for a last_epoch without "initial_lr".
    """

    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = an_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: last_epoch={last_epoch} goes on, but param_groups[{i}] has no 'initial_lr'"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def get_lr(self) -> list[float]:
        """The rates at t = last_epoch, one for each group."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr")

    def get_last_lr(self) -> list[float]:
        """The rates that the last step has set."""
        return self._last_lr

    def step(self) -> None:
        """Go on to the next t, and set its rates."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def state_dict(self) -> dict[str, Any]:
        """All but the optimiser, to save. The rates themselves are in the optimiser's groups."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what state_dict() gave. The optimiser's groups keep their rates."""
        vars(self).update(state_dict)

    def _set(self, lrs: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _initial_step(self) -> None:
        self._is_initial = True
        self.step()
        self._is_initial = False

    def _closed_form(self) -> list[float]:
        return self.get_lr()

    def _positive(self, **numbers: float) -> None:
        for name, n in numbers.items():
            if n <= 0:
                raise ValueError(f"{type(self).__name__}: {name}={n} is a number of steps, more than 0")


def an_optimizer(scheduler: LRScheduler, optimizer: Any) -> Optimizer:
    """The same, if it is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(scheduler).__name__}: optimizer is an Optimizer, got {type(optimizer).__name__}")
    return optimizer


def per_group(scheduler: LRScheduler, optimizer: Any, **argument: Any) -> list[Any]:
    """One value for each group: the argument's own, or all the same."""
    ((name, value),) = argument.items()
    n = len(an_optimizer(scheduler, optimizer).param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * n
    if len(values) != n:
        raise ValueError(f"{type(scheduler).__name__}: {name} has {len(values)} values for {n} groups of parameters")
    return values


def memory_of(function: Any) -> dict[str, Any] | None:
    """What a callable object remembers; a function is not saved."""
    return None if isinstance(function, FunctionType) else dict(getattr(function, "__dict__", {}))


def recall(function: Any, memory: dict[str, Any] | None) -> None:
    """Give a callable object what it remembered."""
    if memory:
        vars(function).update(memory)


def cosine(x: float) -> float:
    """From 1 at x = 0 down to 0 at x = 1, in half a wave."""
    return (1 + math.cos(math.pi * x)) / 2
