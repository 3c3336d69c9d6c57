"""The relief of a race as SVG: the surface as hills and valleys, seen from above at a slant, with the paths on it.

It is painted from back to front, so that near hills hide what is behind them: faces and pieces of paths, by how far
they are away.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad.surfaces.contours import levels
from minigrad.surfaces.pictures import LEGEND, LEVELS, SHADES, height_for, legend, title_of
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.colors import series
from minigrad.viz.charts.svg import Svg, drawing, marker, path, text

if TYPE_CHECKING:
    from minigrad.surfaces.racing import Race

POINTS = 35
"""Of the grid, along each side."""
TURN, TILT = np.radians(-60.0), np.radians(40.0)
"""Where one looks from: around the middle, from the x axis on; and how high, between the horizon and straight above."""


class Seen(NamedTuple):
    """Points as they are seen: how far to the right, how far up, and how near, all in widths of the view."""

    right: np.ndarray
    up: np.ndarray
    near: np.ndarray


class Eye:
    """Sees the points of a surface, whose heights it brings to between 0 and 1; of a steep one, their logarithms."""

    def __init__(self, surface: Surface) -> None:
        self.surface = surface
        x, y, z = surface.grid(POINTS)
        self.bounds = np.array(levels(z, LEVELS, surface.steep))
        heights = z[np.isfinite(z)]
        self.base, self.top = (float(heights.min()), float(heights.max())) if heights.size else (0.0, 0.0)
        # below the third contour a steep surface is nearly flat, or its valley would have no bottom
        is_steep = surface.steep and self.bounds.size > 2
        self.unit = float(self.bounds[2]) - self.base if is_steep else None
        X, Y = np.meshgrid(x, y)
        self.z = self.clipped(z)
        self.grid = self.see(X, Y, self.z)

    def clipped(self, z: np.ndarray) -> np.ndarray:
        """Heights between the lowest and the highest; what is no number is highest."""
        return np.clip(np.nan_to_num(z, nan=self.top), self.base, self.top)

    def at(self, positions: np.ndarray) -> Seen:
        """The points of the surface at some x and y, of shape (n, 2)."""
        x, y = positions.T
        return self.see(x, y, self.surface(x, y))

    def see(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> Seen:
        """Points of the surface, where they are seen."""
        left, right, low, high = self.surface.view
        a, b = (x - left) / (right - left) - 0.5, (y - low) / (high - low) - 0.5
        height, highest = self.clipped(z) - self.base, self.top - self.base
        if self.unit:
            height, highest = np.log1p(height / self.unit), np.log1p(highest / self.unit)
        height = height / (highest or 1.0)
        near = a * np.cos(TURN) + b * np.sin(TURN)
        return Seen(b * np.cos(TURN) - a * np.sin(TURN), 0.55 * height * np.cos(TILT) - near * np.sin(TILT), near)


def relief_of(race: Race, width: int = 760, height: int = 480) -> Svg:
    """The surface with the path of each rule, as far as it is in view."""
    height = height_for(race, height)
    eye = Eye(race.surface)
    right, up, _ = eye.grid
    scale = min((width - LEGEND - 30) / np.ptp(right), (height - 70) / np.ptp(up))

    def pixels(seen: Seen) -> list[tuple[float, float]]:
        across = (width - LEGEND) / 2 + scale * (seen.right - (right.max() + right.min()) / 2)
        down = height / 2 + 14 - scale * (seen.up - (up.max() + up.min()) / 2)
        return list(zip(across.ravel().tolist(), down.ravel().tolist()))

    painted: list[tuple[float, str]] = []  # with how near it is
    corners = pixels(eye.grid)
    near = _middles(eye.grid.near)
    shade = np.searchsorted(eye.bounds, _middles(eye.z))
    for i, j in np.ndindex(near.shape):
        first = i * POINTS + j
        face = path([corners[k] for k in (first, first + 1, first + POINTS + 1, first + POINTS)])
        painted.append((float(near[i, j]), f'<path class="height-{shade[i, j]}" d="{face}Z"/>'))

    ends = []
    for i, run in enumerate(race.values()):
        colour, _ = series(i)
        for points in _on_the_ground(race.surface, run.positions):
            seen = eye.at(points)
            for (a, b), depth in zip(pairwise(pixels(seen)), seen.near.tolist()):
                piece = f'<path class="path {colour}-line" d="{path([a, b])}"/>'
                painted.append((depth + 1.5 / POINTS, piece))
        last = run.positions[_in_view(race.surface, run.positions)][-1:]
        ends += [marker(i, x, y, colour) for x, y in pixels(eye.at(last))]

    parts = [text(14, 24, title_of(race), style="title ink-fill")]
    parts.append('<g class="soft-line" stroke-width="0.5" stroke-linejoin="round" stroke-linecap="round">')
    parts += [piece for _, piece in sorted(painted, key=lambda pair: pair[0])]
    parts += ["</g>", *ends, *legend(race, width - LEGEND + 6, 52)]
    label = f"{race.surface.name} as a relief, with the paths of {', '.join(race)}"
    return drawing(width, height, parts, label, SHADES + ".drawing .path { stroke-width: 2.6px; }")


def _middles(grid: np.ndarray) -> np.ndarray:
    """The means of the four corners of each cell."""
    return (grid[1:, 1:] + grid[:-1, 1:] + grid[1:, :-1] + grid[:-1, :-1]) / 4


def _in_view(surface: Surface, positions: np.ndarray) -> np.ndarray:
    left, right, low, high = surface.view
    return np.all((positions >= (left, low)) & (positions <= (right, high)), axis=1)


def _on_the_ground(surface: Surface, positions: np.ndarray) -> list[np.ndarray]:
    """The steps in view, each as points that lie close enough to go up and down with the surface."""
    left, right, low, high = surface.view
    found = []
    for (a, b), are_in_view in zip(pairwise(positions), pairwise(_in_view(surface, positions))):
        if all(are_in_view):
            length = float(np.max(np.abs(b - a) / (right - left, high - low)))
            found.append(np.linspace(a, b, 2 + int(60 * length)))
    return found
