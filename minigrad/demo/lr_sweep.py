"""Loss curves for very high, high, good and low learning rates: the lecture's picture, measured on the digits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from math import ceil, log
from typing import NamedTuple

import numpy as np

from minigrad.data import digits
from minigrad.demo import train_digits as loop
from minigrad.viz.charts.chart import chart
from minigrad.viz.charts.svg import Svg

RATES = {"very high": 30.0, "high": 1.4, "good": 0.5, "low": 0.01}
"""Tried out with the network of `minigrad.demo.train_digits`."""
BATCH = 64


class Curve(NamedTuple):
    """How the network learned at one rate.

    Attributes:
        learning_rate: the rate.
        losses: of the first batch, before any update, and then the mean over the batches of each epoch.
        accuracy: on the held-out digits after the last epoch, between 0 and 1; nan when the loss became nan.
    """

    learning_rate: float
    losses: list[float]
    accuracy: float


def curves(
    rates: Mapping[str, float] = RATES,
    epochs: int = 20,
    seed: int = 0,
    watch: Callable[[int, int, str], None] = lambda *_: None,
) -> dict[str, Curve]:
    """Train the network of `minigrad.demo.train_digits` once for each learning rate, from the same parameters.

    Args:
        rates: learning rates by what they are called.
        epochs: how often all the digits are seen; batches of 64.
        seed: of the initial parameters.
        watch: called after each step with how many are done and how many there are, of all rates together, and the
            name. When the loss of a rate becomes nan, its curve ends and the rest of its steps is skipped.

    Raises:
        ValueError: for no rates, fewer than one epoch, or rates that are not positive.

    >>> found = curves({"good": 0.5, "low": 0.01}, epochs=2)
    >>> found["good"].losses[-1] < 1 < found["low"].losses[-1]
    True
    """
    if not rates or epochs < 1:
        raise ValueError(f"rates: take at least one learning rate and 1 epoch, not {len(rates)} and {epochs}")
    per_epoch = ceil(len(digits().train) / BATCH)
    steps = epochs * per_epoch

    def after(others: int, name: str) -> Callable[[int], None]:
        return lambda step: watch(others * steps + step, len(rates) * steps, name)

    return {name: _curve(rate, steps, per_epoch, seed, after(i, name)) for i, (name, rate) in enumerate(rates.items())}


def _curve(rate: float, steps: int, per_epoch: int, seed: int, watch: Callable[[int], None]) -> Curve:
    batches: list[float] = []

    def after(step: int, loss: float, *_: object) -> None:
        batches.append(float(loss))
        watch(step)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that the loss is nan; the curve ends there
        try:
            accuracy = loop.train(steps, rate, BATCH, seed, after).accuracy
        except FloatingPointError:
            accuracy = float("nan")
            watch(steps)
        means = [float(np.mean(batches[i : i + per_epoch])) for i in range(0, len(batches), per_epoch)]
    return Curve(rate, [batches[0], *means], accuracy)


def picture(found: Mapping[str, Curve]) -> Svg:
    """The loss over the epochs, for each rate; what is far above the loss of guessing is cut off."""
    lines = {f"{name}: {curve.learning_rate:g}": curve.losses for name, curve in found.items()}
    title = "Loss on the digits, for learning rates"
    return chart(lines, title=title, x="epoch", y="loss", y_range=(0.0, 1.5 * log(10)))


def table(found: Mapping[str, Curve]) -> str:
    """A line for each rate: its last loss, and the accuracy on the held-out digits."""
    lines = [f"{'':<12}{'learning rate':>14}{'last loss':>12}{'held-out digits right':>24}"]
    for name, (rate, losses, accuracy) in found.items():
        lines.append(f"{name:<12}{rate:>14g}{losses[-1]:>12.4g}{accuracy:>24.1%}")
    return "\n".join(lines)
