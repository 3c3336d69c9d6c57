"""Draw where an array is wrong: a cell for each element, the wrong ones coloured and crossed out."""

from __future__ import annotations

import numpy as np

MOST, SIZE = 32, 14
RIGHT, WRONG, EDGE = "#d5efe6", "#fbdfd0", "#b45309"  # colours that colour-blind people can tell apart; a cross, too


def where_wrong(right: np.ndarray) -> str:
    """Return an SVG of an array of truth values, or an empty text for a single number.

    Leading dimensions are stacked. Of an array of more than 32 rows or columns, a cell stands for several elements and
    is wrong if one of them is.

    >>> where_wrong(np.array([[True, False]])).count("<rect")
    2
    """
    if right.ndim == 0 or right.size < 2:
        return ""
    grid = right.reshape(-1, right.shape[-1]) if right.ndim > 1 else right.reshape(1, -1)
    for axis in (0, 1):
        starts = np.arange(0, grid.shape[axis], -(-grid.shape[axis] // MOST))
        grid = np.logical_and.reduceat(grid, starts, axis=axis)
    rows, columns = grid.shape
    parts = []
    for i, j in np.ndindex(rows, columns):
        x, y = j * SIZE + 1, i * SIZE + 1
        fill = RIGHT if grid[i, j] else WRONG
        parts.append(f'<rect x="{x}" y="{y}" width="{SIZE - 2}" height="{SIZE - 2}" fill="{fill}"/>')
        if not grid[i, j]:
            a, b = 3, SIZE - 5
            parts.append(
                f'<path d="M{x + a} {y + a}L{x + b} {y + b}M{x + b} {y + a}L{x + a} {y + b}" stroke="{EDGE}"/>'
            )
    width, height = columns * SIZE, rows * SIZE
    said = f"{int(right.size - np.count_nonzero(right))} of {right.size} elements are wrong; shape {right.shape}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><title>{said}</title>{"".join(parts)}</svg>'
    )
