"""Comparing two gradients: equal to the rounding of what they were summed from, how far apart, and where."""

from __future__ import annotations

import numpy as np

from minigrad.tensors.node import unbroadcast


def in_shape(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a gradient in the shape of its variable: summed where it was not, reshaped where that is all."""
    array = array.astype(float)
    if array.shape == shape:
        return array
    if array.ndim == len(shape) == 2 and array.shape == shape[::-1] and shape[0] != shape[1]:
        return array.T
    if array.size == int(np.prod(shape)):
        return array.reshape(shape)
    try:
        if np.broadcast_shapes(array.shape, shape) == array.shape:
            return np.asarray(unbroadcast(array, shape))
    except ValueError:
        pass
    return None


def is_same(a: np.ndarray, b: np.ndarray, fine: float, size: float) -> bool:
    """Return whether two gradients are the same, to the rounding of what they were summed from."""
    relative, absolute = (min(steps * fine, max(1e-3, 32 * fine)) for steps in (1e4, 1e3))  # float16 has 1e-3 a step
    with np.errstate(invalid="ignore"):
        tolerance = relative * np.maximum(np.abs(a), np.abs(b)) + absolute * size
        close = (np.abs(a - b) <= tolerance) & np.isfinite(a) & np.isfinite(b)  # the tolerance of inf is inf
        return bool(np.all(close | (a == b)))


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference, relative to the largest element."""
    size = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return float(np.abs(a - b).max(initial=0)) / size if size else 0.0


def where(a: np.ndarray, b: np.ndarray) -> str:
    """Return which elements differ."""
    if not a.ndim:
        return f"it is {float(a):.6g}, and must be {float(b):.6g}"
    off = ~(np.abs(a - b) <= 1e-6 * np.maximum(np.abs(a), np.abs(b)))
    i = np.unravel_index(int(np.where(off, np.abs(a - b), -1).argmax()), a.shape)
    place = ", ".join(str(int(k)) for k in i)
    return f"{int(off.sum())} of {a.size} elements differ; [{place}] is {a[i]:.6g}, and must be {b[i]:.6g}"
