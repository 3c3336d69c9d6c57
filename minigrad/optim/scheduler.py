"""The bases of the learning-rate schedulers, and functions that several of them share."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterable
from numbers import Real
from types import FunctionType
from typing import TYPE_CHECKING, Any

from minigrad.nn.arguments import check_arguments
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.schedule import plot_over_t
from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name

if TYPE_CHECKING:
    from minigrad.viz.charts.svg import Svg


class LRScheduler:
    """The base of the schedulers: a subclass writes get_lr(), the rates of the groups at t = last_epoch.

    The first step, to t = last_epoch + 1, is made here. "initial_lr" in a group is the rate that it began with.

    Args:
        optimizer: whose groups get the rates; or a rate alone, to look at the schedule without an optimizer.
        last_epoch: the t to go on from (default -1: start at t = 0); otherwise the groups must have "initial_lr".

    Raises:
        TypeError: if `optimizer` is neither an optimizer nor a rate.
        KeyError: if last_epoch is given and a group has no "initial_lr".

    >>> from minigrad import nn, optim, zeros
    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [lr * 0.5**self.last_epoch for lr in self.base_lrs]
    >>> optimizer = optim.SGD([nn.Parameter(zeros(3))], lr=0.1)
    >>> Halving(optimizer).ahead(2)
    [[0.1], [0.05], [0.025]]
    """

    _is_initial = False

    @check_arguments
    def __init__(self, optimizer: Optimizer | float, last_epoch: int = -1) -> None:
        self.optimizer = optimizer = an_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{class_name(self)}: to go on from last_epoch={last_epoch}, "
                    f"param_groups[{i}] must have 'initial_lr'."
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def get_lr(self) -> list[float]:
        """Return the rates at t = last_epoch, one for each group."""
        raise NotImplementedError(f"{class_name(self)} has no get_lr.")

    def get_last_lr(self) -> list[float]:
        """Return the rates that the last step has set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next t and set its rates. Call it after the optimizer's step.

        Args:
            epoch: the t to go to instead (default None). Deprecated in PyTorch.

        Warns:
            UserWarning: once, if the optimizer has made no step yet: the first rate would be skipped.
        """
        if epoch is not None:
            warn_deprecated("scheduler.step(epoch)", "scheduler.step() once for each epoch")
            self.last_epoch = epoch
            self._set(self._closed_form())
            return
        self._in_order()
        self.last_epoch += 1
        self._set(self.get_lr())

    def ahead(self, steps: int) -> list[list[float]]:
        """Return the rates of the groups now, and after each of the next steps, without making them."""
        return self._ahead([()] * steps)

    def plot(self, steps: int = 100) -> Svg:
        """Draw the rates from now on, a curve for each group, without making the steps."""
        return self._plot(self.ahead(steps))

    def _plot(self, rates: list[list[float]], what: str = "learning rate", symbol: str = "lr") -> Svg:
        columns = list(zip(*rates))
        names = [symbol] if len(columns) == 1 else [f"group {i}" for i in range(len(columns))]
        return plot_over_t(dict(zip(names, columns)), what, self.last_epoch, title=class_name(self))

    def _ahead(self, arguments: Iterable[tuple[Any, ...]]) -> list[list[float]]:
        groups = [{**group, "params": []} for group in self.optimizer.param_groups]
        optimizer = _OfRates(groups, self.optimizer.defaults)
        scheduler = copy.deepcopy(self, {id(self.optimizer): optimizer})
        rates = [self._rates()]
        for a in arguments:
            scheduler.step(*a)
            rates.append(scheduler._rates())
        return rates

    def state_dict(self) -> dict[str, Any]:
        """Return everything but the optimizer, to save. The rates are in the groups of the optimizer."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict()` returned. The rates of the groups stay as they are."""
        vars(self).update(state_dict)
        self.optimizer.has_stepped = True  # in the run that goes on

    def _set(self, lrs: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _initial_step(self) -> None:
        stepped = self.optimizer.has_stepped
        self._is_initial = self.optimizer.has_stepped = True  # this step is in order
        self.step()
        self._is_initial, self.optimizer.has_stepped = False, stepped

    def _closed_form(self) -> list[float]:
        return self.get_lr()

    def _in_order(self) -> None:
        """Warn if the optimizer has not stepped; an optimizer with its own step() does not say whether it has."""
        if self.optimizer.has_stepped or type(self.optimizer).step is not Optimizer.step:
            return
        gradients = (p.grad for group in self.optimizer.param_groups for p in group["params"])
        if any(g is not None and not g.isfinite().all() for g in gradients):
            return  # its step was skipped, as it would have spoiled the parameters
        self.optimizer.has_stepped = True  # warn once
        warnings.warn(
            f"{class_name(self)}: scheduler.step() before the first optimizer.step(): the rate of t = 0 is skipped. "
            "Call optimizer.step() first, then scheduler.step().",
            UserWarning,
            stacklevel=3,
        )

    def _positive(self, **numbers: float) -> None:
        for name, n in numbers.items():
            if not n > 0:
                raise ValueError(f"{class_name(self)}: {name} must be a positive number of steps, got {n}.")


class FormulaLR(LRScheduler):
    """The base of the schedulers whose rates are a function of t alone: scheduler(t) needs no steps.

    With a rate instead of an optimizer, the scheduler is only this function:

    >>> from minigrad.optim.lr_scheduler import CosineAnnealingLR
    >>> schedule = CosineAnnealingLR(0.1, T_max=4)
    >>> [round(schedule(t), 4) for t in range(5)]
    [0.1, 0.0854, 0.05, 0.0146, 0.0]
    """

    def rates(self, t: Any) -> list[float]:
        """Return the rates of the groups at t, if nothing else changes them."""
        raise NotImplementedError(f"{class_name(self)} has no rates(t).")

    def __call__(self, t: Any) -> float:
        """Return the rate at t.

        Raises:
            ValueError: if there are several groups of parameters.
        """
        rates = self.rates(t)
        if len(rates) != 1:
            raise ValueError(f"{class_name(self)}: there are {len(rates)} groups; rates(t) has the rate of each.")
        return rates[0]

    def get_lr(self) -> list[float]:
        return self.rates(self.last_epoch)


class _OfRates(Optimizer):
    """Groups with rates and without parameters: what a scheduler acts on that is only looked at."""

    has_stepped = True

    @check_arguments
    def __init__(self, groups: list[dict[str, Any]], defaults: dict[str, Any]) -> None:
        self.param_groups, self.defaults, self.state = groups, defaults, {}


def an_optimizer(scheduler: LRScheduler, optimizer: Any) -> Optimizer:
    """Return the optimizer, or for a rate, an optimizer that has nothing else."""
    if isinstance(optimizer, Real):
        settings = {"lr": float(optimizer), "momentum": 0.0}
        return _OfRates([{"params": [], **settings}], settings)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"{class_name(scheduler)}: optimizer must be an Optimizer, or a rate to look at the schedule alone, "
            f"got {class_name(optimizer)}."
        )
    return optimizer


def per_group(scheduler: LRScheduler, optimizer: Any, **argument: Any) -> list[Any]:
    """Return one value for each group: those of a list, or the same for all."""
    ((name, value),) = argument.items()
    n = len(an_optimizer(scheduler, optimizer).param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * n
    if len(values) != n:
        raise ValueError(f"{class_name(scheduler)}: {name} has {len(values)} values for {n} groups of parameters.")
    return values


def momentum_of(optimizer: Optimizer) -> str | None:
    """Return the name of the optimizer's momentum: "betas", whose first it is, "momentum" or "mu"; None without."""
    return next((name for name in ("betas", "momentum", "mu") if name in optimizer.defaults), None)


def set_momentum(optimizer: Optimizer, momenta: Iterable[float]) -> None:
    """Set the momentum of each group."""
    name = momentum_of(optimizer)
    assert name is not None
    for group, momentum in zip(optimizer.param_groups, momenta, strict=True):
        group[name] = (float(momentum), *group[name][1:]) if name == "betas" else momentum


def memory_of(function: Any) -> dict[str, Any] | None:
    """Return the attributes of a callable object, to save; None for a function, which is not saved."""
    return None if isinstance(function, FunctionType) else dict(getattr(function, "__dict__", {}))


def recall(function: Any, memory: dict[str, Any] | None) -> None:
    """Set the saved attributes of a callable object."""
    if memory:
        vars(function).update(memory)


def cosine(x: float) -> float:
    """Return (1 + cos(pi x)) / 2: from 1 at x = 0 to 0 at x = 1, in half a wave."""
    return (1 + math.cos(math.pi * x)) / 2
