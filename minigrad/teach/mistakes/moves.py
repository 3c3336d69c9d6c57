"""Moved elements."""

from __future__ import annotations

import numpy as np


def shifted(c: np.ndarray, by: int, axis: int) -> np.ndarray:
    """Return the elements moved by one along an axis, with 0 where nothing comes from."""
    out = np.roll(c, by, axis)
    out[(slice(None),) * axis + (0 if by > 0 else -1,)] = 0
    return out


def dimensions(axes: tuple[int, ...]) -> str:
    """Return axes in words."""
    return f"dimension{'s' * (len(axes) > 1)} {' and '.join(map(str, axes))}"
