"""Decay of the learning rate over time: the lecture's three formulas. t counts steps or epochs, from 0."""

from __future__ import annotations

import math


def step_decay(alpha_0: float, t: float, every: float, factor: float = 0.5) -> float:
    """Multiplied by `factor` after each `every` of t: halved every few epochs.

    >>> [step_decay(1.0, t, every=2) for t in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    if every <= 0:
        raise ValueError(f"step_decay: every={every} is how much of t passes between steps, more than 0")
    return alpha_0 * factor ** (t // every)


def exponential_decay(alpha_0: float, t: float, k: float) -> float:
    """alpha = alpha_0 e^(-k t)

    >>> round(exponential_decay(1.0, t=10, k=0.1), 6)
    0.367879
    """
    return alpha_0 * math.exp(-k * t)


def inverse_decay(alpha_0: float, t: float, k: float) -> float:
    """1/t decay: alpha = alpha_0 / (1 + k t)

    >>> inverse_decay(1.0, t=10, k=0.1)
    0.5
    """
    return alpha_0 / (1 + k * t)
