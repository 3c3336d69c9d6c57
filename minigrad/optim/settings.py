"""The settings of an optimizer's groups: which numbers they may be, and what of PyTorch's keywords must be off."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, NamedTuple

import numpy as np


class Range(NamedTuple):
    """The values that a setting may have: `numbers` numbers in [least, below)."""

    usual: str
    below: float = math.inf
    least: float = 0
    numbers: int = 1


FRACTION = Range("0.5, 0.9 or 0.99", 1)
RANGES = {
    "lr": Range("0.1 to 1e-4"),
    "momentum": FRACTION._replace(below=math.inf),
    "dampening": Range("0"),
    "mu": FRACTION,
    "alpha": Range("0.9 to 0.99", 1),
    "betas": Range("(0.9, 0.999)", 1, numbers=2),
    "eps": Range("1e-10 to 1e-6"),
    "weight_decay": Range("0 to 0.1"),
    "lr_decay": Range("0"),
    "initial_accumulator_value": Range("0 to 0.1"),
}
"""For the settings that several optimizers have. An optimizer where one of them means something else has `ranges` of
its own."""

FLAGS = {"maximize", "nesterov", "amsgrad", "centered", "decoupled_weight_decay"}
"""Settings that are True or False."""

INTEGERS = {"max_iter", "max_eval", "history_size", "ns_steps"}
"""Settings that are integers."""

SWITCHES = {
    "foreach": "there is one implementation",
    "fused": "there is one implementation",
    "capturable": "there are no GPU graphs to capture",
    "differentiable": "a step is not recorded",
}
"""Keywords of PyTorch that must be off here, and why."""

OF_SCHEDULERS = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum"}
"""What schedulers, here or in PyTorch, write into a group."""

_PYTHON_TYPES = {float, int, bool, list, tuple, str, type(None)}


def refuse_switches(who: str, switches: dict[str, Any], names: list[str]) -> None:
    """Raise for keywords that are not settings, and for those of PyTorch that are on."""
    for name, on in switches.items():
        if name not in SWITCHES:
            raise TypeError(f"{who} has no setting {name!r}; it has {names}.")
        if on:
            raise NotImplementedError(f"{who}: {name}={on} is not supported: {SWITCHES[name]}.")


def check_kind(who: str, name: str, value: Any) -> None:
    """Raise a TypeError if the value of a flag is not a bool, or that of a count not an integer (a bool is not)."""
    kind, types = ("True or False", bool | np.bool_) if name in FLAGS else ("an integer", int | np.integer)
    if not isinstance(value, types) or (name in INTEGERS and isinstance(value, bool)):
        raise TypeError(f"{who}: {name} must be {kind}, got {value!r}. If another setting was meant, pass it by name.")


def check_range(who: str, name: str, value: Any, allowed: Range) -> None:
    """Raise if the value is not a number, or numbers, in the range."""
    usual, below, least, count = allowed
    numbers = value if count > 1 and isinstance(value, list | tuple) else (value,)
    if not all(isinstance(n, Real) and not isinstance(n, bool) for n in numbers) or len(numbers) != count:
        kind = "a number" if count == 1 else f"{'two' if count == 2 else count} numbers"
        raise TypeError(f"{who}: {name} must be {kind}, got {value!r}; usual is {usual}.")
    if not all(least <= n < below for n in numbers):
        raise ValueError(f"{who}: {name} must be in [{least}, {below}), got {value}; usual is {usual}.")


def plain(setting: Any) -> Any:
    """Convert NumPy's numbers to Python's: a float64 would turn all float32 arrays that it meets into float64."""
    if isinstance(setting, np.generic):
        return setting.item()
    return tuple(map(plain, setting)) if isinstance(setting, tuple) else setting


def plain_group(group: dict[str, Any]) -> dict[str, Any]:
    """Return the group with Python's numbers: itself, if it has no others."""
    if _PYTHON_TYPES.issuperset(map(type, group.values())):
        return group
    return {name: plain(setting) for name, setting in group.items()}


def number(x: Any) -> float:
    """Return a number, or a tensor of one element, as a float; no gradient is wanted of it, so nothing warns."""
    return float(x.item() if hasattr(x, "item") else x)
