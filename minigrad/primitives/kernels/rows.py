"""A large array, some rows or elements at a time: what is computed on the way then stays in the processor's cache.

To write an array to main memory takes several times as long as the arithmetic of one operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BLOCK = 1 << 15
"""How many elements a block of rows has, unless one row has more."""


def in_blocks(rows: Any) -> list[slice]:
    """Return slices of a matrix' rows."""
    n = max(1, BLOCK // max(1, rows.shape[1]))
    return [slice(start, start + n) for start in range(0, len(rows), n)]


def slices(size: int) -> list[slice]:
    """Return slices of a vector of this size."""
    return [slice(start, start + BLOCK) for start in range(0, size, BLOCK)]


FAR = 1e-6, 1e30
"""Between these, a row's sum of exponentials is far from 0 and from overflow, and so are those that count in it."""
_WIDE = np.dtype("float32"), np.dtype("float64")
FEW = 1 << 12
"""Below this number of elements, the maxima cost less than the look at the sums."""

SHORT = 16
"""Up to this length of a row, NumPy takes longer for each row's maximum than for a transposed copy and its maxima."""


def exponentials(rows: Any, out: Any, shifted: bool = False) -> tuple[Any, Any]:
    """Set `out` to exp(rows - top), and return top and the sums of the rows of `out`, a column.

    To find each row's maximum and to subtract it takes longer than the exponential, so top is None, for 0, where that
    neither overflows nor leaves a row with small exponentials only. Otherwise, or if `shifted`, top are the maxima.
    """
    if not shifted and rows.dtype in _WIDE and rows.size >= FEW:
        with np.errstate(over="ignore"):
            np.exp(rows, out=out)
        total = out @ np.ones((rows.shape[1], 1), out.dtype)
        if FAR[0] < total.min() and total.max() < FAR[1]:  # (false for nan)
            return None, total
    if rows.shape[1] > SHORT:
        top = np.maximum.reduce(rows, axis=1, keepdims=True, initial=-np.inf)
    else:
        top = np.maximum.reduce(rows.T.copy(), axis=0, initial=-np.inf)[:, None]
    np.exp(np.subtract(rows, top, out=out), out=out)
    return top, np.add.reduce(out, axis=1, keepdims=True)
