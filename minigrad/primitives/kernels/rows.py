"""Rows of a large array, some at a time: what is computed on the way then stays in the processor's cache.

To write an array to main memory takes several times as long as the arithmetic of one operation.
"""

from __future__ import annotations

from typing import Any

BLOCK = 1 << 15
"""How many elements a block of rows has, unless one row has more."""


def in_blocks(rows: Any) -> list[slice]:
    """Return slices of a matrix' rows."""
    n = max(1, BLOCK // max(1, rows.shape[1]))
    return [slice(start, start + n) for start in range(0, len(rows), n)]
