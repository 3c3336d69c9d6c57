"""The map of a race as SVG: the contours of the surface and the path of each rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from minigrad.surfaces.contours import levels, regions
from minigrad.surfaces.runs import Runs
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.colors import series, shades
from minigrad.viz.charts.svg import Svg, drawing, marker, number, path, text, ticks

LEGEND_WIDTH = 190
"""The width of the list of rules beside a picture, in pixels."""
LEVELS = 14
"""The number of contour lines."""
SHADES = shades(".drawing", LEVELS + 1)


class ContourMap(NamedTuple):
    """The contours of a surface without paths.

    Attributes:
        parts: SVG elements.
        across, down: functions from x and from y to pixels.
        box: the left, upper, right and lower edge, in pixels.
        lowest: the lowest height on the map.
    """

    parts: list[str]
    across: Callable[[float], float]
    down: Callable[[float], float]
    box: tuple[float, float, float, float]
    lowest: float


def contour_map(surface: Surface, width: float, height: float, top: float = 12) -> ContourMap:
    """Draw the contours of a surface with axes: the higher, the darker (on a dark background, the brighter)."""
    left, right, low, high = surface.view
    box = start_x, start_y, end_x, end_y = 44.0, top, width - 12, height - 30
    _, _, z = surface.grid()
    steps_x, steps_y = (end_x - start_x) / (z.shape[1] - 1), (end_y - start_y) / (z.shape[0] - 1)
    frame = f'x="{start_x}" y="{start_y}" width="{end_x - start_x}" height="{end_y - start_y}"'
    parts = [f'<rect {frame} class="height-0"/><g class="soft-line" stroke-opacity="0.5" stroke-width="0.7">']
    for i, level in enumerate(levels(z, LEVELS, surface.steep), 1):
        loops = [
            path([(start_x + steps_x * column, end_y - steps_y * row) for column, row in loop[:-1]]) + "Z"
            for loop in regions(z, level)
        ]
        parts.append(f'<path class="height-{i}" fill-rule="evenodd" d="{"".join(loops)}"/>')
    parts.append("</g>")

    def across(x: float) -> float:
        return start_x + (x - left) / (right - left) * (end_x - start_x)

    def down(y: float) -> float:
        return end_y - (y - low) / (high - low) * (end_y - start_y)

    for t in ticks(left, right, 6):
        parts.append(f'<path class="soft-line" d="{path([(across(t), end_y), (across(t), end_y + 4)])}"/>')
        parts.append(text(across(t), end_y + 18, number(t), "middle", "small soft-fill"))
    for t in ticks(low, high, 6):
        parts.append(f'<path class="soft-line" d="{path([(start_x - 4, down(t)), (start_x, down(t))])}"/>')
        parts.append(text(start_x - 8, down(t) + 4, number(t), "end", "small soft-fill"))
    for x, y in surface.minima:
        cross = f"M{across(x) - 5:.1f},{down(y):.1f}h10m-5,-5v10"
        for style in ('class="paper-line" stroke-width="4"', 'class="ink-line" stroke-width="1.6"'):
            parts.append(f'<path {style} d="{cross}"/>')
    return ContourMap(parts, across, down, box, float(z[np.isfinite(z)].min(initial=np.inf)))


def race_map(race: Runs, width: int = 760, height: int = 460, seconds: float = 0.0) -> Svg:
    """Draw the contours of the surface and the path of each rule, with dots for steps that are far enough apart.

    Args:
        race: the runs.
        width, height: the size in pixels; a long list of rules makes the picture higher. Default: 760 by 460.
        seconds: the duration of an animation in which markers move along the paths, every step taking the same time,
            and which repeats. Default: 0, no animation.
    """
    height = height_for(race, height)
    on = contour_map(race.surface, width - LEGEND_WIDTH, height, top=40)
    x, y, right, bottom = on.box
    parts = [text(14, 24, race.title, style="title ink-fill"), *on.parts]
    parts.append(f'<svg x="{x}" y="{y}" width="{right - x}" height="{bottom - y}"><g transform="translate({-x},{-y})">')
    paths = [[(on.across(a), on.down(b)) for a, b in _clamped(race.surface, run.positions)] for run in race.values()]
    for points in paths:
        parts.append(f'<path class="none paper-line" stroke-width="5" stroke-opacity="0.45" d="{path(points)}"/>')
    for i, points in enumerate(paths):
        color, _ = series(i)
        parts.append(f'<path {_line_style(i)} d="{path(points)}"/>')
        dots = "".join(f"M{a:.1f},{b:.1f}h0" for a, b in _apart(points))
        parts.append(f'<path class="none {color}-line" stroke-width="5" stroke-linecap="round" d="{dots}"/>')
    a, b = on.across(race.start[0]), on.down(race.start[1])
    parts.append(f'<circle class="none ink-line" stroke-width="1.6" cx="{a:.1f}" cy="{b:.1f}" r="7"/>')
    markers = [marker(i, *points[-1], series(i)[0]) for i, points in enumerate(paths)]
    if seconds:
        parts += [_trail(i, points, race.steps, seconds) for i, points in enumerate(paths)]
        markers = [_moving(m, points, race.steps, seconds) for m, points in zip(markers, paths)]
    parts += [*markers, "</g></svg>", *legend(race, width - LEGEND_WIDTH + 6, 52)]
    return drawing(width, height, parts, f"{race.surface.name}: the paths of {', '.join(race)}", SHADES)


def _moving(element: str, points: list[tuple[float, float]], steps: int, seconds: float) -> str:
    """Let a marker move along the points."""
    tag, values = element[1 : element.index(" ")], [f"{a:.0f},{b:.0f}" for a, b in points]
    animation = _animation('Transform attributeName="transform" type="translate"', values, steps, seconds)
    return f"{element.removesuffix('/>')}>{animation}</{tag}>"


def _trail(i: int, points: list[tuple[float, float]], steps: int, seconds: float) -> str:
    """Return the part of a path behind the moving marker, as a solid line."""
    lengths = np.cumsum([0.0, *(math.dist(a, b) for a, b in pairwise(points))]).tolist()
    values = [f"{lengths[-1] - length:.0f}" for length in lengths]
    style = f'class="none {series(i)[0]}-line" stroke-width="3" stroke-linejoin="round"'
    hidden = f'stroke-dasharray="{lengths[-1]:.0f}" stroke-dashoffset="{lengths[-1]:.0f}"'
    animation = _animation(' attributeName="stroke-dashoffset"', values, steps, seconds)
    return f'<path {style} {hidden} d="{path(points)}">{animation}</path>'


def _animation(what: str, values: list[str], steps: int, seconds: float) -> str:
    """Return an animation with one value per step, which pauses at the end for a fifth of the time."""
    times = [f"{0.8 * t / steps:.4g}" for t in range(len(values))]
    timeline = f'values="{";".join([*values, values[-1]])}" keyTimes="{";".join([*times, "1"])}"'
    return f'<animate{what} dur="{seconds:g}s" repeatCount="indefinite" {timeline}/>'


def _line_style(i: int) -> str:
    """Return the attributes of the line of rule i."""
    color, dash = series(i)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'class="none {color}-line" stroke-width="2.2" stroke-linejoin="round"{dashed}'


def _apart(points: list[tuple[float, float]], distance: float = 9.0) -> list[tuple[float, float]]:
    """Return the points that are not too close to the one before."""
    return points[:1] + [b for a, b in pairwise(points) if abs(a[0] - b[0]) + abs(a[1] - b[1]) > distance]


def height_for(race: Runs, height: int) -> int:
    """Return the height of a picture that has room to list all rules."""
    return max(height, 60 + 54 * len(race))


def legend(race: Runs, x: float, y: float) -> list[str]:
    """List the rules with their markers, learning rates and last losses, downwards from (x, y)."""
    parts = []
    for i, (name, run) in enumerate(race.items()):
        row = y + i * 54
        parts.append(f'<path {_line_style(i)} d="M{x:.1f},{row:.1f}h34"/>')
        parts.append(marker(i, x + 17, row, series(i)[0]))
        parts.append(text(x + 44, row + 4.5, name))
        ended = f"loss {_short(run.losses[-1])}" if run.diverged is None else f"diverged: step {run.diverged}"
        for words, below in ((f"rate {_short(run.learning_rate)}", 20), (ended, 35)):
            parts.append(text(x + 44, row + below, words, style="small soft-fill"))
    return parts


def _short(x: float) -> str:
    return number(float(f"{x:.3g}"))


def _clamped(surface: Surface, positions: np.ndarray) -> np.ndarray:
    """Move positions far out of view closer; some SVG viewers fail on huge coordinates."""
    left, right, low, high = surface.view
    far = 30 * surface.size
    return np.clip(positions, (left - far, low - far), (right + far, high + far))
