"""The relief of a race as SVG: the surface as hills and valleys in an oblique view, with the paths on it.

The faces of the surface and the segments of the paths are painted from back to front, so that near hills hide what is
behind them (the painter's algorithm).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from minigrad.surfaces.contours import levels
from minigrad.surfaces.pictures import LEGEND_WIDTH, LEVELS, SHADES, height_for, legend
from minigrad.surfaces.runs import Runs
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.colors import series
from minigrad.viz.charts.svg import Svg, drawing, marker, path, text

POINTS = 35
"""The number of grid points along each side."""
AZIMUTH, ELEVATION = np.radians(-60.0), np.radians(40.0)
"""The direction of view: the angle from the x axis around the centre, and the angle above the horizon."""


class Projected(NamedTuple):
    """Points in the coordinates of the picture: to the right, up and towards the viewer, in widths of the view."""

    right: np.ndarray
    up: np.ndarray
    near: np.ndarray


class Projection:
    """Projects points of a surface. Heights are scaled to [0, 1], those of a steep surface logarithmically."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        x, y, z = surface.grid(POINTS)
        self.bounds = np.array(levels(z, LEVELS, surface.steep))
        heights = z[np.isfinite(z)]
        self.base, self.top = (float(heights.min()), float(heights.max())) if heights.size else (0.0, 0.0)
        # a steep surface is drawn nearly flat below its third contour; otherwise its valley would have no bottom
        is_steep = surface.steep and self.bounds.size > 2
        self.unit = float(self.bounds[2]) - self.base if is_steep else None
        X, Y = np.meshgrid(x, y)
        self.z = self._clipped(z)
        self.grid = self._project(X, Y, self.z)

    def _clipped(self, z: np.ndarray) -> np.ndarray:
        """Clip heights to those on the grid; nan becomes the highest."""
        return np.clip(np.nan_to_num(z, nan=self.top), self.base, self.top)

    def at(self, positions: np.ndarray) -> Projected:
        """Project the points of the surface at positions of shape (n, 2)."""
        x, y = positions.T
        return self._project(x, y, self.surface(x, y))

    def _project(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Projected:
        """Project points of the surface."""
        left, right, low, high = self.surface.view
        a, b = (x - left) / (right - left) - 0.5, (y - low) / (high - low) - 0.5
        height, highest = self._clipped(z) - self.base, self.top - self.base
        if self.unit:
            height, highest = np.log1p(height / self.unit), np.log1p(highest / self.unit)
        height = height / (highest or 1.0)
        near = a * np.cos(AZIMUTH) + b * np.sin(AZIMUTH)
        return Projected(
            b * np.cos(AZIMUTH) - a * np.sin(AZIMUTH),
            0.55 * height * np.cos(ELEVATION) - near * np.sin(ELEVATION),
            near,
        )


def race_relief(race: Runs, width: int = 760, height: int = 480) -> Svg:
    """Draw the surface with the visible part of each path.

    Args:
        race: the runs.
        width, height: the size in pixels; a long list of rules makes the picture higher. Default: 760 by 480.
    """
    height = height_for(race, height)
    projection = Projection(race.surface)
    right, up, _ = projection.grid
    scale = min((width - LEGEND_WIDTH - 30) / np.ptp(right), (height - 70) / np.ptp(up))

    def pixels(points: Projected) -> list[tuple[float, float]]:
        across = (width - LEGEND_WIDTH) / 2 + scale * (points.right - (right.max() + right.min()) / 2)
        down = height / 2 + 14 - scale * (points.up - (up.max() + up.min()) / 2)
        return list(zip(across.ravel().tolist(), down.ravel().tolist()))

    painted: list[tuple[float, str]] = []  # elements with their nearness
    corners = pixels(projection.grid)
    near = _cell_means(projection.grid.near)
    shade = np.searchsorted(projection.bounds, _cell_means(projection.z))
    for i, j in np.ndindex(near.shape):
        first = i * POINTS + j
        face = path([corners[k] for k in (first, first + 1, first + POINTS + 1, first + POINTS)])
        painted.append((float(near[i, j]), f'<path class="height-{shade[i, j]}" d="{face}Z"/>'))

    ends = []
    for i, run in enumerate(race.values()):
        color, _ = series(i)
        for points in _draped(race.surface, run.positions):
            seen = projection.at(points)
            for (a, b), depth in zip(pairwise(pixels(seen)), seen.near.tolist()):
                segment = f'<path class="path {color}-line" d="{path([a, b])}"/>'
                painted.append((depth + 1.5 / POINTS, segment))
        last = run.positions[_in_view(race.surface, run.positions)][-1:]
        ends += [marker(i, x, y, color) for x, y in pixels(projection.at(last))]

    parts = [text(14, 24, race.title, style="title ink-fill")]
    parts.append('<g class="soft-line" stroke-width="0.5" stroke-linejoin="round" stroke-linecap="round">')
    parts += [element for _, element in sorted(painted, key=lambda pair: pair[0])]
    parts += ["</g>", *ends, *legend(race, width - LEGEND_WIDTH + 6, 52)]
    label = f"{race.surface.name} as a relief, with the paths of {', '.join(race)}"
    return drawing(width, height, parts, label, SHADES + ".drawing .path { stroke-width: 2.6px; }")


def _cell_means(grid: np.ndarray) -> np.ndarray:
    """Return the mean of the four corners of each cell."""
    return (grid[1:, 1:] + grid[:-1, 1:] + grid[1:, :-1] + grid[:-1, :-1]) / 4


def _in_view(surface: Surface, positions: np.ndarray) -> np.ndarray:
    left, right, low, high = surface.view
    return np.all((positions >= (left, low)) & (positions <= (right, high)), axis=1)


def _draped(surface: Surface, positions: np.ndarray) -> list[np.ndarray]:
    """Return each visible step as a line of points close enough to follow the surface up and down."""
    left, right, low, high = surface.view
    found = []
    for (a, b), are_in_view in zip(pairwise(positions), pairwise(_in_view(surface, positions))):
        if all(are_in_view):
            length = float(np.max(np.abs(b - a) / (right - left, high - low)))
            found.append(np.linspace(a, b, 2 + int(60 * length)))
    return found
