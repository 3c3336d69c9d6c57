"""Run update rules on a surface and record every step. The records are plain arrays, from which pictures are drawn."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Self

import numpy as np

from minigrad.optim import rules as update_rules
from minigrad.parallel.tasks import results
from minigrad.surfaces import known
from minigrad.surfaces.surface import Pair, Surface

Rule = Callable[..., tuple[Any, dict[str, Any]]]
"""A function from (x, dx, state, learning_rate) to (x, state), as in `optim.rules`."""
Watch = Callable[[int, int, str], None]
"""A callback for progress: (steps done, all steps, name of the rule)."""

RULES: dict[str, Rule] = {
    name: function
    for name, function in vars(update_rules).items()
    if inspect.isfunction(function) and list(inspect.signature(function).parameters)[:3] == ["x", "dx", "state"]
}
"""The update rules of `optim.rules`, by name."""
DIVERGED_AT = 10
"""A run that is this many view sizes away from the centre of the view, and higher than at its start, has diverged."""

# The steps of these rules have the length of the learning rate, whatever the gradient is (AdaGrad's only at first), so
# their default is a fraction of the view. Adadelta has its own step length; Adafactor and LAMB scale with x.
_FRACTION_OF_VIEW = dict.fromkeys(
    ("adam", "adam_incomplete", "amsgrad", "adamax", "nadam", "rmsprop", "rprop", "lion"), 0.01
)
_FRACTION_OF_VIEW |= {"adagrad": 0.1, "rmsprop_momentum": 0.001}
_FIXED = {"adadelta": 1.0, "adafactor": 0.05, "lamb": 0.05}
_FRACTION_OF_RATE = {"nesterov": 0.5}  # of the surface's rate: Nesterov momentum diverges earlier than momentum


@dataclass(frozen=True, eq=False)
class Run:
    """The record of one rule. Arrays have a row per step; row 0 is the start.

    Attributes:
        rule: its name.
        learning_rate: the learning rate used.
        positions: of shape (steps + 1, 2).
        losses: of shape (steps + 1,), at the positions.
        gradients: of shape (steps + 1, 2), at the positions; with noise if the surface has noise.
        states: the state after each step, by the lecture's names: of shape (steps, 2), or (steps,) for a scalar.
            Adam's include the bias-corrected moments `mb` and `vb`.
        diverged: the step after which the position or the loss was not finite, or far away and higher than at the
            start; None if that did not happen. The record ends there, without positions that are not finite.
    """

    rule: str
    learning_rate: float
    positions: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray
    states: dict[str, np.ndarray]
    diverged: int | None

    def __repr__(self) -> str:
        ended = f"diverged={self.diverged}" if self.diverged is not None else f"loss={self.losses[-1]:.4g}"
        return f"Run({self.rule!r}, learning_rate={self.learning_rate:.4g}, steps={len(self.losses) - 1}, {ended})"


@dataclass(frozen=True, eq=False)
class Runs(Mapping[str, Run]):
    """The runs of several rules from the same start: `runs["adam"]` is the Run of that name.

    Attributes:
        surface: the loss surface.
        rules: the update rules, by name.
        start: the first position, x and y.
        steps: the number of steps of a run that does not diverge.
        seed: of the noise of the gradients.
        runs: the records, by name.
    """

    surface: Surface
    rules: dict[str, Rule]
    start: Pair
    steps: int
    seed: int
    runs: dict[str, Run]

    def __getitem__(self, name: str) -> Run:
        return self.runs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.runs)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def title(self) -> str:
        """The name of the surface, with its formula if it has one."""
        return f"{self.surface.name}: {self.surface.formula}" if self.surface.formula else self.surface.name

    def again(self, learning_rate: float | Mapping[str, float], watch: Watch = lambda *_: None) -> Self:
        """Run the same rules from the same start at other learning rates.

        Args:
            learning_rate: for all rules, or by name.
            watch: a callback for progress, see `race`. Default: none.
        """
        rates = learning_rates(self.rules, self.surface, learning_rate)
        return replace(self, runs=run_rules(self.surface, self.rules, self.start, self.steps, rates, self.seed, watch))


def default_rate(rule: Rule, surface: Surface) -> float:
    """Return the learning rate of a rule on a surface if none is given.

    >>> from minigrad.surfaces import surface
    >>> [default_rate(rule, surface("saddle")) for rule in (update_rules.sgd, update_rules.adam)]
    [0.02, 0.04]
    """
    name = getattr(_unwrapped(rule), "__name__", "")
    if name in _FRACTION_OF_VIEW:
        return _FRACTION_OF_VIEW[name] * surface.size
    return _FIXED.get(name, _FRACTION_OF_RATE.get(name, 1.0) * surface.rate)


def learning_rates(
    rules: Mapping[str, Rule], surface: Surface, given: float | Mapping[str, float] | None
) -> dict[str, float]:
    """Return the learning rate of each rule: the given one, or `default_rate`.

    Raises:
        ValueError: a learning rate is not a positive number, or the name of a rule is unknown.
    """
    for name in given if isinstance(given, Mapping) else ():
        known.find("rule in this race called", name, rules)
    rates = {}
    for name, rule in rules.items():
        rate = given.get(name) if isinstance(given, Mapping) else given
        if rate is not None and not (isinstance(rate, Real) and 0 < rate < math.inf):
            raise ValueError(f"race: the learning_rate of {name!r} must be a positive number, got {rate!r}")
        rates[name] = default_rate(rule, surface) if rate is None else float(rate)
    return rates


def run_rules(
    surface: Surface,
    rules: Mapping[str, Rule],
    start: Pair,
    steps: int,
    rates: Mapping[str, float],
    seed: int,
    watch: Watch,
    executor: Executor | None = None,
) -> dict[str, Run]:
    """Run each rule on the surface, one after the other or on an executor, and return their records."""
    if executor is not None:
        make = known.SURFACES.get(surface.name)
        ground = surface.name if make is not None and make() is surface else surface  # a name can always be sent
        tasks = {name: (name, rule, ground, start, steps, rates[name], seed) for name, rule in rules.items()}
        return results(_run_elsewhere, tasks, executor, lambda i, name: watch(i * steps, len(rules) * steps, name))

    def watch_rule(i: int, name: str) -> Callable[[int], None]:
        return lambda step: watch(i * steps + step, len(rules) * steps, name)

    return {
        name: _run(name, rule, surface, start, steps, rates[name], seed, watch_rule(i, name))
        for i, (name, rule) in enumerate(rules.items())
    }


def _run_elsewhere(
    name: str, rule: Rule, ground: str | Surface, start: Pair, steps: int, learning_rate: float, seed: int
) -> Run:
    return _run(name, rule, known.surface(ground), start, steps, learning_rate, seed, lambda step: None)


def _run(
    name: str,
    rule: Rule,
    surface: Surface,
    start: Pair,
    steps: int,
    learning_rate: float,
    seed: int,
    watch: Callable[[int], None],
) -> Run:
    noise = np.random.default_rng(seed)  # the same for every rule
    left, right, low, high = surface.view
    centre = np.array([(left + right) / 2, (low + high) / 2])

    def gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, dx = surface.gradient(x)
        return loss, dx + noise.normal(0.0, surface.noise, 2) if surface.noise else dx

    x: Any = np.array(start)
    state: dict[str, Any] = {}
    positions, states, diverged = [x.copy()], [], None
    with np.errstate(all="ignore"):
        loss, dx = gradient(x)
        losses, gradients = [loss], [dx.copy()]
        for step in range(1, steps + 1):
            x, state = _checked(name, rule(x, dx, state, learning_rate=learning_rate))
            loss, dx = gradient(x) if np.isfinite(x).all() else (math.nan, x)
            is_finite = math.isfinite(loss) and bool(np.isfinite(dx).all())
            if not is_finite or (np.abs(x - centre).max() > DIVERGED_AT * surface.size and loss > losses[0]):
                diverged = step
            if is_finite:
                positions.append(x.copy())
                losses.append(loss)
                gradients.append(dx.copy())
                states.append({key: np.array(value, np.float64) for key, value in _exposed(rule, state).items()})
            watch(steps if diverged else step)
            if diverged:
                break
    columns = {key: np.array([s[key] for s in states]) for key in states[-1]} if states else {}
    return Run(name, learning_rate, np.array(positions), np.array(losses), np.array(gradients), columns, diverged)


def _checked(name: str, result: Any) -> tuple[np.ndarray, dict[str, Any]]:
    is_pair = isinstance(result, tuple) and len(result) == 2
    if not (is_pair and np.shape(result[0]) == (2,) and isinstance(result[1], dict)):
        raise TypeError(
            f"race: the rule {name!r} must return the new x, of shape (2,), and the new state, a dictionary; it "
            f"returned {result!r}"
        )
    return result


def _exposed(rule: Rule, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state, for Adam with the bias-corrected moments that the lecture computes from it."""
    if _unwrapped(rule) is not update_rules.adam:
        return state
    settings = inspect.signature(rule).parameters
    t, beta1, beta2 = state["t"], settings["beta1"].default, settings["beta2"].default
    return {**state, "mb": state["m"] / (1 - beta1**t), "vb": state["v"] / (1 - beta2**t)}


def _unwrapped(rule: Rule) -> Any:
    return rule.func if isinstance(rule, functools.partial) else rule
