"""Points in the plane that no straight line separates."""

from __future__ import annotations

from math import inf
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from minigrad.data.checks import check_integer
from minigrad.data.dataset import Dataset


def spiral(points: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Draw one spiral arm per class, wound around each other, after the notes of Stanford's CS231n.

    Along an arm the radius grows evenly from 0 to 1 while the angle turns by 4 radians; the arms start evenly
    spread around the circle. All begin in the centre, so there the classes cannot be told apart.

    Args:
        points: how many on each arm, at least 2; the data set has points * classes.
        classes: how many arms, at least 1.
        noise: standard deviation of the Gaussian added to every angle, in radians.
        seed: of the noise, and of the data set's batches.

    Returns:
        X float32 (points * classes, 2) and y int64, arm after arm, each from the centre outwards.

    Raises:
        TypeError: points, classes or seed is not an int, or noise not a number.
        ValueError: one of them is too small, or noise is not finite.

    >>> spiral(points=50)
    Dataset(X: (150, 2) float32, y: (150,) int64, classes=3)
    """
    check_integer("points", points, least=2)
    y = np.repeat(np.arange(check_integer("classes", classes)), points)
    radius = np.tile(np.linspace(0, 1, points), classes)
    angle = 2 * np.pi * y / classes + 4 * radius + gauss(noise, seed, y.shape)
    return Dataset(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1), y, seed)


def two_moons(points: int = 100, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Draw two half circles of radius 1 that reach into each other.

    Class 0 is the upper half of the circle around (0, 0), class 1 the lower half of that around (1, 0.5).

    Args:
        points: how many in all, at least 2; class 0 gets the odd one.
        noise: standard deviation of the Gaussian added to every coordinate.
        seed: of the noise, and of the data set's batches.

    Returns:
        X float32 (points, 2) and y int64, moon after moon, each from one tip to the other.

    Raises:
        TypeError: points or seed is not an int, or noise not a number.
        ValueError: one of them is too small, or noise is not finite.

    >>> two_moons(points=50)
    Dataset(X: (50, 2) float32, y: (50,) int64, classes=2)
    """
    lower = check_integer("points", points, least=2) // 2
    y = np.repeat([0, 1], [points - lower, lower])
    t, u = np.linspace(0, np.pi, points - lower), np.linspace(0, np.pi, lower)
    x = np.concatenate([np.cos(t), 1 - np.cos(u)])
    height = np.concatenate([np.sin(t), 0.5 - np.sin(u)])
    return Dataset(np.stack([x, height], axis=1) + gauss(noise, seed, (points, 2)), y, seed)


def gauss(noise: float, seed: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw Gaussian numbers of mean 0 and standard deviation `noise`, once both arguments are checked."""
    if isinstance(noise, bool) or not isinstance(noise, Real):
        raise TypeError(f"noise={noise!r} is a {type(noise).__name__}, not a number; for none use noise=0")
    if not 0 <= noise < inf:
        raise ValueError(f"noise={noise} must be finite and not negative; for none use noise=0")
    return np.random.default_rng(check_integer("seed", seed, least=0)).normal(scale=noise, size=shape)
