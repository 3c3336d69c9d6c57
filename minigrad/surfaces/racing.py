"""race: several update rules go down one surface from one place, and all that they did is kept in arrays."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.optim import rules as update_rules
from minigrad.surfaces import known
from minigrad.surfaces.animation import page_of
from minigrad.surfaces.gif import gif
from minigrad.surfaces.pictures import map_of, title_of
from minigrad.surfaces.relief import relief_of
from minigrad.surfaces.surface import Pair, Surface
from minigrad.viz.charts.svg import Svg
from minigrad.viz.page import Page

Rule = Callable[..., tuple[Any, dict[str, Any]]]
"""(x, dx, state, learning_rate) to (x, state), as in `optim.rules`."""

RULES: dict[str, Rule] = {
    name: function
    for name, function in vars(update_rules).items()
    if inspect.isfunction(function) and list(inspect.signature(function).parameters)[:3] == ["x", "dx", "state"]
}
ENDINGS = (".html", ".svg", ".gif")
"""Of the files that a race is saved to."""
FAR = 10
"""So many times the size of the view away from its middle, and higher than at the start: that has diverged."""

# The steps of these are as long as the learning rate says, whatever the gradient is, AdaGrad's only at first: so much
# of the view's size is a good one. Adadelta has a length of its own, and Adafactor's and LAMB's go by the size of x.
_LENGTHS = dict.fromkeys(("adam", "adam_incomplete", "amsgrad", "adamax", "nadam", "rmsprop", "rprop", "lion"), 0.01)
_LENGTHS |= {"adagrad": 0.1, "rmsprop_momentum": 0.001}
_RATES = {"adadelta": 1.0, "adafactor": 0.05, "lamb": 0.05}
_PARTS = {"nesterov": 0.5}  # of the surface's own, as it diverges earlier than momentum


@dataclass(frozen=True, eq=False)
class Run:
    """What one rule did. The arrays have a row for each step from 0, the start, on.

    Attributes:
        rule: its name.
        learning_rate: the one it went with.
        positions: (steps + 1, 2).
        losses: (steps + 1,), at the positions.
        gradients: (steps + 1, 2), at the positions, with the noise if the surface has any.
        states: by the lecture's names, what the rule remembered after each step: (steps, 2), or (steps,) where it is
            one number. Adam's have its bias-corrected moments `mb` and `vb` as well.
        diverged: the step after which position or loss were not finite, or far away and higher than at the start; None
            if it did not happen. A run that diverged ends there; a position that is not finite is left out.
    """

    rule: str
    learning_rate: float
    positions: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray
    states: dict[str, np.ndarray]
    diverged: int | None


@dataclass(frozen=True, eq=False)
class Race(Mapping[str, Run]):
    """A race that was run: `race["adam"]` is the Run of that name.

    Attributes:
        surface, rules, start, steps, seed: what was raced.
        runs: by the names of the rules.
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

    def again(
        self, learning_rate: float | Mapping[str, float], watch: Callable[[int, int, str], None] = lambda *_: None
    ) -> Race:
        """The same race at other learning rates."""
        rates = {"learning_rate": learning_rate, "seed": self.seed, "watch": watch}
        return race(self.surface, self.rules, self.start, self.steps, **rates)  # type: ignore[arg-type]

    def map(self, seconds: float = 0.0) -> Svg:
        """The contours of the surface, with the path of each rule; it is run along in so many seconds, if any."""
        return map_of(self, seconds=seconds)

    def relief(self) -> Svg:
        """The surface as hills and valleys, with the paths on it; of a steep surface the logarithm of the height."""
        return relief_of(self)

    def page(self, watch: Callable[[int, int, str], None] = lambda *_: None) -> Page:
        """A page on which the race runs: to play, stop and step, with other learning rates and the internal state."""
        return page_of(self, watch)

    def save(self, path: str | Path, watch: Callable[[int, int, str], None] = lambda *_: None) -> Path:
        """Write the page (`.html`), the map (`.svg`) or an animation by matplotlib (`.gif`); gives the file's path.

        Raises:
            ValueError: for another ending.
            ImportError: for a GIF, where matplotlib is not installed.
        """
        ending = Path(path).suffix.lower()
        if ending == ".gif":
            return gif(self, path, watch=watch)
        if ending not in ENDINGS:
            raise ValueError(f"race: {path} is to end in {', '.join(ENDINGS)}")
        return (self.page(watch) if ending == ".html" else self.map()).save(path)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()

    def __str__(self) -> str:
        lines = [title_of(self), f"{'rule':<18}{'learning rate':>14}{'loss':>12}  at"]
        for name, run in self.items():
            x, y = run.positions[-1]
            end = f"  diverged in step {run.diverged}" if run.diverged else f"  ({x:.4g}, {y:.4g})"
            lines.append(f"{name:<18}{run.learning_rate:>14.4g}{run.losses[-1]:>12.4g}{end}")
        return "\n".join(lines)


def race(
    surface: str | Surface | Callable[[Any, Any], Any],
    rules: Sequence[str | Rule] | Mapping[str, Rule] = ("sgd", "momentum", "adagrad", "rmsprop", "adam"),
    start: Pair | None = None,
    steps: int | None = None,
    *,
    learning_rate: float | Mapping[str, float] | None = None,
    seed: int = 0,
    watch: Callable[[int, int, str], None] = lambda *_: None,
) -> Race:
    """Let update rules race down a surface.

    Args:
        surface: a name in `SURFACES`, a Surface, or a function of x and y.
        rules: names in `optim.rules`, or functions like those; as a dictionary, under names of your own, so that one
            rule may go twice: {"mu 0.5": functools.partial(rules.momentum, mu=0.5), …}.
        start: x and y; by default the surface's.
        steps: by default the surface's.
        learning_rate: of all rules, or by name; by default one that suits the rule and the surface (`default_rate`).
        seed: of the gradient's noise, which is the same for all rules.
        watch: called after each step with how many are done and how many there are, of all rules together, and the
            name of the rule.

    Raises:
        ValueError: for unknown names, and numbers that make no sense.

    >>> result = race("saddle", ["sgd", "adam"], steps=50)
    >>> result["adam"].positions.shape, result["adam"].diverged
    ((51, 2), None)
    >>> bool(result["adam"].losses[-1] < 0 < result["sgd"].losses[-1])  # on its way down, and still on the ridge
    True
    """
    ground = known.surface(surface)
    start = ground.start if start is None else start
    steps = ground.steps if steps is None else steps
    if np.shape(start) != (2,) or not np.isfinite(start).all():
        raise ValueError(f"race: start={start!r} is to be two numbers, x and y")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"race: steps={steps!r} is to be a whole number of at least 1")
    named = _named(rules)
    rates = {name: _rate(name, rule, ground, learning_rate) for name, rule in named.items()}
    if isinstance(learning_rate, Mapping):
        for name in learning_rate:
            known.find("rule in this race called", name, named)
    start = (float(start[0]), float(start[1]))

    def after(others: int, name: str) -> Callable[[int], None]:
        return lambda step: watch(others * steps + step, len(named) * steps, name)

    runs = {
        name: _run(name, rule, ground, start, steps, rates[name], seed, after(i, name))
        for i, (name, rule) in enumerate(named.items())
    }
    return Race(ground, named, start, steps, seed, runs)


def default_rate(rule: Rule, ground: Surface) -> float:
    """The learning rate that a rule gets on a surface when none is said.

    >>> [default_rate(rule, known.surface("saddle")) for rule in (update_rules.sgd, update_rules.adam)]
    [0.02, 0.04]
    """
    name = getattr(_base(rule), "__name__", "")
    if name in _LENGTHS:
        return _LENGTHS[name] * ground.size
    return _RATES.get(name, _PARTS.get(name, 1.0) * ground.rate)


def _base(rule: Rule) -> Any:
    return rule.func if isinstance(rule, functools.partial) else rule


def _named(rules: Sequence[str | Rule] | Mapping[str, Rule]) -> dict[str, Rule]:
    if isinstance(rules, Mapping):
        named = {
            name: known.find("rule", rule, RULES) if isinstance(rule, str) else rule for name, rule in rules.items()
        }
    else:
        if isinstance(rules, str):
            raise ValueError(f"race: rules is a list of names, ['sgd', 'adam'], not one text; got {rules!r}")
        named = {}
        for rule in rules:
            function = known.find("rule", rule, RULES) if isinstance(rule, str) else rule
            name = rule if isinstance(rule, str) else getattr(rule, "__name__", None)
            if name is None or name in named:
                raise ValueError(
                    f"race: {'two rules are called ' + repr(name) if name else 'a rule has no name'}; give a "
                    "dictionary of names and rules"
                )
            named[name] = function
    if not named:
        raise ValueError(f"race: there is no rule; there are: {', '.join(RULES)}")
    for name, rule in named.items():
        if not callable(rule):
            raise TypeError(f"race: the rule {name!r} is a function of (x, dx, state, learning_rate); got {rule!r}")
    return named


def _rate(name: str, rule: Rule, ground: Surface, given: float | Mapping[str, float] | None) -> float:
    rate = given.get(name) if isinstance(given, Mapping) else given
    if rate is None:
        return default_rate(rule, ground)
    if not 0 < rate < math.inf:
        raise ValueError(f"race: learning_rate={rate!r} of {name!r} is to be a positive number")
    return float(rate)


def _run(
    name: str,
    rule: Rule,
    ground: Surface,
    start: Pair,
    steps: int,
    learning_rate: float,
    seed: int,
    watch: Callable[[int], None],
) -> Run:
    noise = np.random.default_rng(seed)
    left, right, low, high = ground.view
    middle = np.array([(left + right) / 2, (low + high) / 2])

    def gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, dx = ground.gradient(x)
        return loss, dx + noise.normal(0.0, ground.noise, 2) if ground.noise else dx

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
            if not is_finite or (np.abs(x - middle).max() > FAR * ground.size and loss > losses[0]):
                diverged = step
            if is_finite:
                positions.append(x.copy())
                losses.append(loss)
                gradients.append(dx.copy())
                states.append({key: np.array(value, np.float64) for key, value in _shown(rule, state).items()})
            watch(steps if diverged else step)
            if diverged:
                break
    kept = {key: np.array([s[key] for s in states]) for key in states[-1]} if states else {}
    return Run(name, learning_rate, np.array(positions), np.array(losses), np.array(gradients), kept, diverged)


def _checked(name: str, made: Any) -> tuple[np.ndarray, dict[str, Any]]:
    if not (isinstance(made, tuple) and len(made) == 2 and np.shape(made[0]) == (2,) and isinstance(made[1], dict)):
        raise TypeError(
            f"race: the rule {name!r} is to give the new x, of shape (2,), and the new state, a dictionary; it gave "
            f"{made!r}"
        )
    return made


def _shown(rule: Rule, state: dict[str, Any]) -> dict[str, Any]:
    """The state, with what the lecture's Adam computes from it."""
    if _base(rule) is not update_rules.adam:
        return state
    settings = inspect.signature(rule).parameters
    t, beta1, beta2 = state["t"], settings["beta1"].default, settings["beta2"].default
    return {**state, "mb": state["m"] / (1 - beta1**t), "vb": state["v"] / (1 - beta2**t)}
