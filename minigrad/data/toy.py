"""Toy data sets: points in the plane that no straight line separates."""

from __future__ import annotations

from math import inf
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from minigrad.data.checks import check_integer
from minigrad.data.dataset import Dataset
from minigrad.output.words import class_name


def spiral(points: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Draw one spiral arm per class, wound around each other.

    Arm k has the points r * (sin a, cos a), where the radius r grows evenly from 0 to 1 and the angle is
    a = 2 pi k / classes + 4 r + noise. All arms start in the centre, where the classes overlap.

    Args:
        points: the number of points on each arm, at least 2 (default 100).
        classes: the number of arms, at least 1 (default 3).
        noise: the standard deviation of the Gaussian added to every angle, in radians (default 0.2).
        seed: of the noise, and of the data set's batches (default 0).

    Returns:
        A `Dataset` with X float32 (points * classes, 2) and y int64, arm after arm, each from the centre outwards.

    Raises:
        TypeError: if points, classes or seed is not an int, or noise is not a number.
        ValueError: if one of them is too small, or noise is not finite.

    >>> spiral(points=50)
    Dataset(X: (150, 2) float32, y: (150,) int64, classes=3)

    Source: the notes of Stanford's course CS231n.
    """
    check_integer("points", points, least=2)
    y = np.repeat(np.arange(check_integer("classes", classes)), points)
    radius = np.tile(np.linspace(0, 1, points), classes)
    angle = 2 * np.pi * y / classes + 4 * radius + gauss(noise, seed, y.shape)
    return Dataset(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1), y, seed)


def two_moons(points: int = 100, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Draw two interleaving half circles of radius 1.

    Class 0 is (cos t, sin t) and class 1 is (1 - cos t, 0.5 - sin t), with t evenly spaced from 0 to pi.

    Args:
        points: the number of points in all, at least 2; class 0 gets the odd one (default 100).
        noise: the standard deviation of the Gaussian added to every coordinate (default 0.1).
        seed: of the noise, and of the data set's batches (default 0).

    Returns:
        A `Dataset` with X float32 (points, 2) and y int64, moon after moon, each from one tip to the other.

    Raises:
        TypeError: if points or seed is not an int, or noise is not a number.
        ValueError: if one of them is too small, or noise is not finite.

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
    """Check both arguments; return Gaussian numbers of mean 0 and standard deviation `noise`."""
    if isinstance(noise, bool) or not isinstance(noise, Real):
        raise TypeError(f"noise must be a number, got {noise!r} ({class_name(noise)}); for none use noise=0")
    if not 0 <= noise < inf:
        raise ValueError(f"noise must be finite and at least 0, got {noise}; for none use noise=0")
    return np.random.default_rng(check_integer("seed", seed, least=0)).normal(scale=noise, size=shape)
