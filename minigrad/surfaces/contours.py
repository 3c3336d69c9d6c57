"""Contours of a grid by marching squares, the two-dimensional case of W. Lorensen and H. Cline (1987)."""

from __future__ import annotations

import math

import numpy as np

# _SIDES: the sides of a cell, as (down, right, whether it runs downwards) from its upper left corner.
# _CUTS: the sides that the contour joins, by the corners above the level: 1 is the upper left, then clockwise 2, 4, 8.
_SIDES = {"top": (0, 0, False), "right": (0, 1, True), "bottom": (1, 0, False), "left": (0, 0, True)}
_CUTS = {1: ("left", "top"), 2: ("top", "right"), 3: ("left", "right"), 4: ("right", "bottom"), 6: ("top", "bottom")}
_CUTS |= {7: ("left", "bottom")}
_CUTS |= {15 - corners: sides for corners, sides in _CUTS.items()}  # the complement has the same contour
# where two opposite corners are above, the mean of all four decides whether they are connected
_SADDLES = {
    (5, True): (("top", "right"), ("left", "bottom")),
    (5, False): (("left", "top"), ("right", "bottom")),
    (10, True): (("left", "top"), ("right", "bottom")),
    (10, False): (("top", "right"), ("left", "bottom")),
}

Side = tuple[int, int, bool]


def lines(z: np.ndarray, level: float) -> list[np.ndarray]:
    """Find the contour lines of z at `level`.

    Args:
        z: the heights, of shape (rows, columns); nan counts as higher than any level.
        level: a height.

    Returns:
        An array of (column, row) for each line, linearly interpolated between grid points. The last point of a closed
        line is its first; all other lines end at the border.

    >>> [line.tolist() for line in lines(np.array([[0.0, 1.0], [0.0, 1.0]]), 0.25)]
    [[[0.25, 0.0], [0.25, 1.0]]]
    """
    z = np.where(np.isnan(z), np.inf, z)
    above = z > level
    corners = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    joined: dict[Side, list[Side]] = {}
    for row, column in np.argwhere((corners > 0) & (corners < 15)).tolist():
        cell = int(corners[row, column])
        cuts = [_CUTS[cell]] if cell in _CUTS else _saddle(z, level, row, column, cell)
        for cut in cuts:
            one, other = ((row + _SIDES[s][0], column + _SIDES[s][1], _SIDES[s][2]) for s in cut)
            joined.setdefault(one, []).append(other)
            joined.setdefault(other, []).append(one)
    found = []
    ends = [side for side, others in joined.items() if len(others) == 1]
    for side in (*ends, *joined):  # lines that end at the border come first, then closed ones
        if side in joined:
            found.append(np.array([_crossing(z, level, *s) for s in _follow(joined, side)]))
    return found


def _saddle(z: np.ndarray, level: float, row: int, column: int, cell: int) -> tuple[tuple[str, str], ...]:
    middle = z[row : row + 2, column : column + 2].mean()
    return _SADDLES[cell, bool(middle > level)]


def _follow(joined: dict[Side, list[Side]], side: Side) -> list[Side]:
    """Follow a line from side to side to its end, and remove its sides from `joined`."""
    followed = [side]
    while joined.get(side):
        onward = joined[side].pop()
        joined[onward].remove(side)
        if not joined[side]:
            del joined[side]
        side = onward
        followed.append(side)
    joined.pop(side, None)
    return followed


def _crossing(z: np.ndarray, level: float, row: int, column: int, down: bool) -> tuple[float, float]:
    """Return the point on a side at which z equals the level, as (column, row)."""
    a, b = z[row, column], z[row + down, column + (not down)]
    if math.isfinite(a) and math.isfinite(b):
        fraction = float((level - a) / (b - a))
    else:
        fraction = 0.5 if math.isinf(a) and math.isinf(b) else float(math.isinf(a))
    return column + (0.0 if down else fraction), row + (fraction if down else 0.0)


def regions(z: np.ndarray, level: float) -> list[np.ndarray]:
    """Find the regions of z above `level`, as closed lines that follow the border where needed; holes are lines, too.

    >>> [line.tolist() for line in regions(np.array([[0.0, 1.0], [0.0, 1.0]]), 0.5)]
    [[[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0], [0.5, 1.0], [0.5, 0.0], [1.0, 0.0]]]
    """
    bordered = np.pad(np.where(np.isnan(z), np.inf, z), 1, constant_values=-np.inf)
    return [line - 1 for line in lines(bordered, level)]


def levels(z: np.ndarray, count: int = 14, steep: bool = False) -> list[float]:
    """Choose heights for contours: quantiles of the grid; if `steep`, a geometric sequence above the lowest height."""
    heights = z[np.isfinite(z)]
    if not heights.size or heights.min() == heights.max():
        return []
    if steep:
        low, high = heights.min(), heights.max()
        found = low + np.geomspace(max(np.quantile(heights - low, 0.01), (high - low) * 1e-9), high - low, count + 1)
        return found[:-1].tolist()
    return np.unique(np.quantile(heights, (np.arange(count) + 0.5) / count)).tolist()
