"""Random search for settings such as learning rates, on any executor."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.output.words import class_name
from minigrad.parallel.tasks import Journal, Shown, outcomes


@dataclass(frozen=True)
class Trial:
    """One call of the function that a search minimizes.

    Attributes:
        number: from 0.
        settings: the keywords of the call.
        loss: what it returned; nan if it failed.
        seconds: how long it took.
        error: what it raised, as text; None if it returned.
    """

    number: int
    settings: dict[str, Any]
    loss: float = math.nan
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class Search(Sequence[Trial]):
    """The trials of a search, the smallest loss first; those with a loss of nan, and failed ones, last."""

    trials: list[Trial] = field(default_factory=list)

    def __getitem__(self, i: Any) -> Any:
        return self.trials[i]

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self.trials)

    @property
    def best(self) -> Trial:
        """The trial of the smallest loss.

        Raises:
            RuntimeError: if no trial returned a number; the message has the first error.
        """
        if not self.trials or math.isnan(self.trials[0].loss):
            errors = [trial.error for trial in self.trials if trial.error]
            raise RuntimeError(f"search: no trial has a loss; {errors[0] if errors else 'all are nan'}")
        return self.trials[0]

    @property
    def failed(self) -> list[Trial]:
        """The trials that raised."""
        return [trial for trial in self.trials if trial.error is not None]

    def __str__(self) -> str:
        names = [*self.trials[0].settings] if self.trials else []
        rows = [["trial", "loss", "seconds", *names]]
        for t in self.trials:
            loss = f"{t.loss:.5g}" if t.error is None else "failed"
            rows.append([str(t.number), loss, f"{t.seconds:.1f}", *(_short(t.settings[name]) for name in names)])
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
        return "\n".join([*lines, *(f"trial {t.number}: {t.error}" for t in self.failed)])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def uniform(low: float, high: float) -> Callable[[np.random.Generator], float]:
    """Return a function that draws a number between low and high."""
    return lambda rng: float(rng.uniform(low, high))


def log_uniform(low: float, high: float) -> Callable[[np.random.Generator], float]:
    """Return a function that draws a number between low and high whose logarithm is uniform, as for learning rates.

    >>> draw = log_uniform(1e-4, 1.0)
    >>> 1e-4 <= draw(np.random.default_rng(0)) <= 1.0
    True
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"log_uniform: the bounds must be positive and in order, got {low} and {high}")
    return lambda rng: float(math.exp(rng.uniform(math.log(low), math.log(high))))


def search(
    function: Callable[..., float],
    space: Mapping[str, Any],
    trials: int = 20,
    executor: Executor | None = None,
    *,
    seed: int = 0,
    path: str | Path | None = None,
    retries: int = 1,
    timeout: float = 3600.0,
    progress: bool = True,
) -> Search:
    """Call a function with random settings and return the trials, the best first.

    Random search tries as many different values of each setting as there are trials; a grid tries few, which matters
    where one of the settings matters most.

    Args:
        function: called as function(**settings); returns the loss to minimize. On an executor of processes, it must be
            defined at the top level of a module, and seed what it draws.
        space: for each setting a list of choices, or a function from a NumPy generator to a value such as
            `log_uniform(1e-4, 1)`; anything else is a constant.
        trials: how many settings are tried. Default: 20.
        executor: any `concurrent.futures.Executor`. Default: None, one trial after the other in this process.
        seed: of the settings; trial i gets the same ones in any order and for any number of trials. Default: 0.
        path: a file for the results, a JSON object a line. A search that was ended goes on with those that are there;
            failed trials are repeated. Default: none.
        retries: how often a trial is repeated whose worker was lost. Default: 1.
        timeout: the longest wait for the next result, in seconds. Default: one hour.
        progress: show a bar with the remaining time. Default: True.

    Returns:
        A `Search`: a sequence of trials that prints as a table. A trial that raised is in it, with its error.

    Raises:
        ValueError: if trials is not positive, or a list of choices is empty.
        TypeError: if function cannot be called.
        WorkerLost: if workers are lost and the executor takes no more calls.
        TimeoutError: if no result comes in time; the error names the trials.

    >>> found = search(lambda a, b: (a - 3) ** 2 + b, {"a": uniform(0, 6), "b": [0, 1]}, trials=30, progress=False)
    >>> found.best.settings["b"], abs(found.best.settings["a"] - 3) < 1, len(found)
    (0, True, 30)

    Source: Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012.
    """
    if not callable(function):
        raise TypeError(f"search: function must be a function from settings to a loss, got {class_name(function)}")
    if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
        raise ValueError(f"search: trials must be a positive integer, got {trials!r}")
    for name, choices in space.items():
        if isinstance(choices, list) and not choices:
            raise ValueError(f"search: the list of choices for {name!r} is empty")
    drawn = [_draw(space, seed, i) for i in range(trials)]
    journal = None if path is None else Journal(path)
    found = {} if journal is None else _kept(journal, drawn)
    shown = Shown(trials, len(found)) if progress else None
    if shown and found:
        shown.progress.say(f"{len(found)} of {trials} trials are in {path}")
    names = {f"trial {i}": i for i in range(trials) if i not in found}
    tasks = {name: (function, drawn[i]) for name, i in names.items()}
    best = min((t.loss for t in found.values() if not math.isnan(t.loss)), default=math.inf)
    for name, (result, error) in outcomes(_timed, tasks, executor, retries=retries, timeout=timeout):
        i = names[name]
        loss, seconds = (math.nan, 0.0) if error is not None else result
        said = None if error is None else f"{class_name(error)}: {error}"
        found[i] = Trial(i, drawn[i], loss, seconds, said)
        if journal and error is None:
            journal.write({"trial": i, "settings": _plain(drawn[i]), "loss": loss, "seconds": seconds})
        if loss < best:
            best = loss
        if shown:
            if said:
                shown.progress.say(f"{name} failed: {said}")
            shown.one(f"best loss {best:.4g}")
    return Search(sorted(found.values(), key=lambda t: (math.isnan(t.loss), t.loss, t.number)))


def _draw(space: Mapping[str, Any], seed: int, i: int) -> dict[str, Any]:
    rng = np.random.default_rng([seed, i])
    settings = {}
    for name, values in space.items():
        if isinstance(values, list):
            settings[name] = values[int(rng.integers(len(values)))]
        else:
            settings[name] = values(rng) if callable(values) else values
    return settings


def _timed(function: Callable[..., Any], settings: dict[str, Any]) -> tuple[float, float]:
    start = time.perf_counter()
    loss = function(**settings)
    try:
        return float(loss), time.perf_counter() - start
    except (TypeError, ValueError):
        raise TypeError(f"search: the function must return the loss, a number, got {class_name(loss)}") from None


def _plain(settings: dict[str, Any]) -> Any:
    return json.loads(json.dumps(settings, default=repr))


def _kept(journal: Journal, drawn: Sequence[dict[str, Any]]) -> dict[int, Trial]:
    """Return the trials of an earlier run that had the same settings."""
    found = {}
    for entry in journal.read():
        i = entry.get("trial")
        if isinstance(i, int) and 0 <= i < len(drawn) and entry.get("settings") == _plain(drawn[i]):
            found[i] = Trial(i, drawn[i], float(entry.get("loss", math.nan)), float(entry.get("seconds", 0.0)))
    return found
