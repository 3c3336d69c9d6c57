"""Adding at an index in one dimension, where np.add.at is far faster."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.primitives.indexing import is_integer, place
from minigrad.primitives.primitive import kernel


def _placed(x: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape`, with x added at `index`: what is read twice receives twice."""
    out = np.zeros(shape, x.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(i, np.ndarray) and is_integer(i) for i in parts):
        out[index] = x  # nothing is read twice
        return out
    whole = next(n for n, i in enumerate(parts) if not isinstance(i, slice) or i != slice(None))
    if not x.size or not all(map(is_integer, parts[whole:])):
        np.add.at(out, index, x)
        return out
    # all of some dimensions, and integers for those that follow, as in an embedding: np.add.at is far faster in one
    # dimension, so that is where the places of all elements are counted
    chosen = np.broadcast_arrays(*parts[whole:])
    every = [np.arange(n).reshape((n,) + (1,) * (whole - 1 - d + chosen[0].ndim)) for d, n in enumerate(shape[:whole])]
    rows = np.ravel_multi_index(np.broadcast_arrays(*every, *chosen), shape[: len(parts)], mode="wrap")
    width = math.prod(shape[len(parts) :])
    np.add.at(out.reshape(-1), np.add.outer(rows * width, np.arange(width)).ravel(), x.ravel())
    return out


kernel(place, forward=_placed)
