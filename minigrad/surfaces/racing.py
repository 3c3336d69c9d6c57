"""Races: several update rules go down one surface from the same start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.output.words import printable, shortened
from minigrad.surfaces import known
from minigrad.surfaces.animation import race_page
from minigrad.surfaces.gif import save_gif
from minigrad.surfaces.matplotlib_axes import plot_race
from minigrad.surfaces.pictures import race_map
from minigrad.surfaces.relief import race_relief
from minigrad.surfaces.runs import RULES, Rule, Runs, Watch, learning_rates, run_rules
from minigrad.surfaces.surface import Pair, Surface
from minigrad.viz.charts.files import check_target
from minigrad.viz.charts.svg import Svg
from minigrad.viz.page import Page

ENDINGS = (".html", ".svg", ".gif")
"""File types that a race can be saved as."""


class Race(Runs):
    """The result of `race`: `result["adam"]` is the Run of that name. Print it, draw it or save it.

    Attributes:
        surface: the loss surface.
        rules: the update rules, by name.
        start: the first position, x and y.
        steps: the number of steps of a run that does not diverge.
        seed: of the noise of the gradients.
        runs: the records, by name.
    """

    def map(self, seconds: float = 0.0) -> Svg:
        """Draw the contours of the surface and the path of each rule.

        Args:
            seconds: the duration of an animation along the paths, which repeats. Default: 0, no animation.
        """
        return race_map(self, seconds=seconds)

    def relief(self) -> Svg:
        """Draw the surface as hills and valleys with the paths on it. A steep surface gets a logarithmic height."""
        return race_relief(self)

    def plot(self, ax: Any = None) -> Any:
        """Draw the map with matplotlib, into a figure of your own.

        Args:
            ax: the matplotlib Axes to draw into. Default: those of `plt.gca()`.

        Returns:
            The Axes.

        Raises:
            ImportError: matplotlib is not installed.
            TypeError: ax is not an Axes.
        """
        return plot_race(self, ax)

    def page(self, watch: Watch = lambda *_: None) -> Page:
        """Return a page that animates the race: play, step, change learning rates, show the internal state."""
        return race_page(self, watch)

    def save(self, path: str | Path, watch: Watch = lambda *_: None) -> Path:
        """Write the page (`.html`), the map (`.svg`) or an animation (`.gif`) and return the path of the file.

        Args:
            path: the file; its suffix decides what is written.
            watch: a callback for progress, see `race`. Default: none.

        Raises:
            ValueError: the suffix is none of these.
            OSError: the file cannot be written.
            ImportError: a GIF was asked for, but matplotlib is not installed.
        """
        path = check_target(path, ENDINGS, "race")
        suffix = path.suffix.lower()
        if suffix == ".gif":
            return save_gif(self, path, watch=watch)
        return (self.page(watch) if suffix == ".html" else self.map()).save(path)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()

    def __repr__(self) -> str:
        return f"Race({shortened(printable(self.surface.name), 40)!r}, {list(self)}, steps={self.steps})"

    def __str__(self) -> str:
        lines = [self.title, f"{'rule':<18}{'learning rate':>14}{'loss':>12}  at"]
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
    watch: Watch = lambda *_: None,
    executor: Executor | None = None,
) -> Race:
    """Run update rules down a loss surface from the same start.

    Args:
        surface: a name in `SURFACES`, a Surface, or a function of x and y.
        rules: names in `RULES`, or functions like those in `optim.rules`. A dictionary gives them names of its own, so
            that one rule can take part twice: {"mu 0.5": functools.partial(rules.momentum, mu=0.5), …}. Default: SGD,
            momentum, AdaGrad, RMSProp and Adam.
        start: the first position, x and y. Default: the surface's.
        steps: the number of steps. Default: the surface's.
        learning_rate: for all rules, or by name. Default: one that suits the rule and the surface, `default_rate`.
        seed: of the gradients' noise, which is the same for all rules. Default: 0.
        watch: called after each step as watch(done, total, name): the steps done and to do, of all rules together, and
            the name of the rule. On an executor, called after each rule's run. Default: none.
        executor: any `concurrent.futures.Executor`: the run of a rule is a call. A surface or a rule of your own must
            be defined at the top level of a module, unless the workers are threads. Default: None, one rule after the
            other in this process. The runs are the same.

    Returns:
        A `Race`: a mapping from names to runs, which prints itself as a table and draws itself.

    Raises:
        ValueError: a name is unknown, start or steps or a learning rate is out of range, or two rules share a name.
        TypeError: a rule is not callable, or returns something else than (x, state).

    >>> result = race("saddle", ["sgd", "adam"], steps=50)
    >>> result
    Race('saddle', ['sgd', 'adam'], steps=50)
    >>> result["adam"].positions.shape, result["adam"].diverged
    ((51, 2), None)
    >>> bool(result["adam"].losses[-1] < 0 < result["sgd"].losses[-1])  # Adam goes down, SGD is still on the ridge
    True
    """
    ground = known.surface(surface)
    start = ground.start if start is None else start
    steps = ground.steps if steps is None else steps
    if np.shape(start) != (2,) or not np.isfinite(start).all():
        raise ValueError(f"race: start must be two finite numbers, x and y, got {start!r}")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"race: steps must be a positive integer, got {steps!r}")
    named = _named(rules)
    rates = learning_rates(named, ground, learning_rate)
    start = (float(start[0]), float(start[1]))
    return Race(ground, named, start, steps, seed, run_rules(ground, named, start, steps, rates, seed, watch, executor))


def _named(rules: Sequence[str | Rule] | Mapping[str, Rule]) -> dict[str, Rule]:
    """Return the rules by name."""
    if isinstance(rules, Mapping):
        named = {
            name: known.find("rule", rule, RULES) if isinstance(rule, str) else rule for name, rule in rules.items()
        }
    else:
        if isinstance(rules, str):
            raise ValueError(f"race: rules must be a list of names such as ['sgd', 'adam'], got the string {rules!r}")
        named = {}
        for rule in rules:
            function = known.find("rule", rule, RULES) if isinstance(rule, str) else rule
            name = rule if isinstance(rule, str) else getattr(rule, "__name__", None)
            if name is None or name in named:
                raise ValueError(
                    f"race: {'two rules are called ' + repr(name) if name else 'a rule has no name'}; pass a "
                    "dictionary of names and rules"
                )
            named[name] = function
    if not named:
        raise ValueError(f"race: rules is empty; the names are: {', '.join(RULES)}")
    for name, rule in named.items():
        if not callable(rule):
            raise TypeError(
                f"race: the rule {name!r} must be a function of (x, dx, state, learning_rate), got {rule!r}"
            )
    return named
