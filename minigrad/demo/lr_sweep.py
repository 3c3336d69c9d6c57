"""Loss curves for very high, high, good and low learning rates: the lecture's figure, measured on the digits."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from math import ceil, log
from typing import NamedTuple

import numpy as np

from minigrad.data import digits
from minigrad.demo import train_digits as loop
from minigrad.parallel.tasks import results
from minigrad.viz.charts.chart import chart
from minigrad.viz.charts.svg import Svg

RATES = {"very high": 30.0, "high": 1.4, "good": 0.5, "low": 0.01}
"""Chosen for the network of `minigrad.demo.train_digits`."""
BATCH = 64


class Curve(NamedTuple):
    """The course of training at one learning rate.

    Attributes:
        learning_rate: the learning rate.
        losses: the loss of the first batch, before any update, then the mean loss of each epoch.
        accuracy: on the held-out digits after the last epoch, between 0 and 1; nan if the loss became nan.
    """

    learning_rate: float
    losses: list[float]
    accuracy: float


def curves(
    rates: Mapping[str, float] = RATES,
    epochs: int = 20,
    seed: int = 0,
    watch: Callable[[int, int, str], None] = lambda *_: None,
    executor: Executor | None = None,
) -> dict[str, Curve]:
    """Train the network of `minigrad.demo.train_digits` once per learning rate, from the same initial parameters.

    Args:
        rates: learning rates by name. Default: `RATES`.
        epochs: the number of epochs, in batches of 64. Default: 20.
        seed: of the initial parameters. Default: 0.
        watch: called after each step as watch(done, total, name), the steps counted over all rates. When a loss becomes
            nan, its curve ends and its remaining steps are skipped. On an executor, called after each curve. Default:
            none.
        executor: any `concurrent.futures.Executor`, such as `ProcessPoolExecutor()`: a curve is a call. Default: None,
            one curve after the other in this process. The curves are the same.

    Returns:
        The curves, by name.

    Raises:
        ValueError: there is no rate or no epoch, or a rate is not positive.

    >>> found = curves({"good": 0.5, "low": 0.01}, epochs=2)
    >>> found["good"].losses[-1] < 1 < found["low"].losses[-1]
    True
    """
    if not rates or epochs < 1:
        raise ValueError(f"curves: at least one learning rate and one epoch are needed, got {len(rates)} and {epochs}")
    per_epoch = ceil(len(digits().train) / BATCH)
    steps = epochs * per_epoch

    if executor is not None:
        tasks = {name: (rate, steps, per_epoch, seed) for name, rate in rates.items()}
        return results(_curve_elsewhere, tasks, executor, lambda i, name: watch(i * steps, len(rates) * steps, name))

    def watch_rate(i: int, name: str) -> Callable[[int], None]:
        return lambda step: watch(i * steps + step, len(rates) * steps, name)

    return {
        name: _curve(rate, steps, per_epoch, seed, watch_rate(i, name)) for i, (name, rate) in enumerate(rates.items())
    }


_alone = threading.Lock()
"""Threads share the generator of the initial parameters."""


def _curve_elsewhere(rate: float, steps: int, per_epoch: int, seed: int) -> Curve:
    with _alone:
        return _curve(rate, steps, per_epoch, seed, lambda step: None)


def _curve(rate: float, steps: int, per_epoch: int, seed: int, watch: Callable[[int], None]) -> Curve:
    batches: list[float] = []

    def after(step: int, loss: float, *_: object) -> None:
        batches.append(float(loss))
        watch(step)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a loss of nan ends the curve
        try:
            accuracy = loop.train(steps, rate, BATCH, seed, after).accuracy
        except FloatingPointError:
            accuracy = float("nan")
            watch(steps)
        means = [float(np.mean(batches[i : i + per_epoch])) for i in range(0, len(batches), per_epoch)]
    return Curve(rate, [batches[0], *means], accuracy)


def picture(found: Mapping[str, Curve]) -> Svg:
    """Draw the loss curves; losses far above that of guessing are clipped."""
    lines = {f"{name}: {curve.learning_rate:g}": curve.losses for name, curve in found.items()}
    title = "Loss on the digits, for learning rates"
    return chart(lines, title=title, x="epoch", y="loss", y_range=(0.0, 1.5 * log(10)))


def table(found: Mapping[str, Curve]) -> str:
    """Return a table of the last loss and the accuracy on the held-out digits for each rate."""
    lines = [f"{'':<12}{'learning rate':>14}{'last loss':>12}{'held-out digits right':>24}"]
    for name, (rate, losses, accuracy) in found.items():
        lines.append(f"{name:<12}{rate:>14g}{losses[-1]:>12.4g}{accuracy:>24.1%}")
    return "\n".join(lines)
