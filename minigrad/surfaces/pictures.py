"""The map of a race as SVG: the contours of the surface, and the path of each rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad.surfaces.contours import levels, regions
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.colors import series, shades
from minigrad.viz.charts.svg import Svg, drawing, marker, number, path, text, ticks

if TYPE_CHECKING:
    from minigrad.surfaces.racing import Race

LEGEND = 190
"""The width of the list of rules beside a picture, in pixels."""
LEVELS = 14
SHADES = shades(".drawing", LEVELS + 1)


class Ground(NamedTuple):
    """A map without paths: its parts, where x and y are on it in pixels, its box, and the lowest height on it."""

    parts: list[str]
    across: Callable[[float], float]
    down: Callable[[float], float]
    box: tuple[float, float, float, float]
    lowest: float


def ground(surface: Surface, width: float, height: float, top: float = 12) -> Ground:
    """The contours of a surface, darker (on dark paper brighter) where it is higher, with axes."""
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
        for look in ('class="paper-line" stroke-width="4"', 'class="ink-line" stroke-width="1.6"'):
            parts.append(f'<path {look} d="{cross}"/>')
    return Ground(parts, across, down, box, float(z[np.isfinite(z)].min(initial=np.inf)))


def map_of(race: Race, width: int = 760, height: int = 460, seconds: float = 0.0) -> Svg:
    """The contours of the surface and on them the path of each rule, with dots for steps where there is room.

    With `seconds`, the signs of the rules run along their paths, over and over: each step takes as long as any other.
    """
    height = height_for(race, height)
    on = ground(race.surface, width - LEGEND, height, top=40)
    x, y, right, bottom = on.box
    parts = [text(14, 24, title_of(race), style="title ink-fill"), *on.parts]
    parts.append(f'<svg x="{x}" y="{y}" width="{right - x}" height="{bottom - y}"><g transform="translate({-x},{-y})">')
    paths = [[(on.across(a), on.down(b)) for a, b in _near(race.surface, run.positions)] for run in race.values()]
    for points in paths:
        parts.append(f'<path class="none paper-line" stroke-width="5" stroke-opacity="0.45" d="{path(points)}"/>')
    for i, points in enumerate(paths):
        colour, _ = series(i)
        parts.append(f'<path {_look(i)} d="{path(points)}"/>')
        dots = "".join(f"M{a:.1f},{b:.1f}h0" for a, b in _apart(points))
        parts.append(f'<path class="none {colour}-line" stroke-width="5" stroke-linecap="round" d="{dots}"/>')
    a, b = on.across(race.start[0]), on.down(race.start[1])
    parts.append(f'<circle class="none ink-line" stroke-width="1.6" cx="{a:.1f}" cy="{b:.1f}" r="7"/>')
    signs = [marker(i, *points[-1], series(i)[0]) for i, points in enumerate(paths)]
    if seconds:
        parts += [_trail(i, points, race.steps, seconds) for i, points in enumerate(paths)]
        signs = [_running(sign, points, race.steps, seconds) for sign, points in zip(signs, paths)]
    parts += [*signs, "</g></svg>", *legend(race, width - LEGEND + 6, 52)]
    return drawing(width, height, parts, f"{race.surface.name}: the paths of {', '.join(race)}", SHADES)


def _running(sign: str, points: list[tuple[float, float]], steps: int, seconds: float) -> str:
    """A sign that runs along the points."""
    tag, values = sign[1 : sign.index(" ")], [f"{a:.0f},{b:.0f}" for a, b in points]
    moves = _animated('Transform attributeName="transform" type="translate"', values, steps, seconds)
    return f"{sign.removesuffix('/>')}>{moves}</{tag}>"


def _trail(i: int, points: list[tuple[float, float]], steps: int, seconds: float) -> str:
    """The way that the sign has come, in a full line."""
    lengths = np.cumsum([0.0, *(math.dist(a, b) for a, b in pairwise(points))]).tolist()
    values = [f"{lengths[-1] - length:.0f}" for length in lengths]
    look = f'class="none {series(i)[0]}-line" stroke-width="3" stroke-linejoin="round"'
    hidden = f'stroke-dasharray="{lengths[-1]:.0f}" stroke-dashoffset="{lengths[-1]:.0f}"'
    moves = _animated(' attributeName="stroke-dashoffset"', values, steps, seconds)
    return f'<path {look} {hidden} d="{path(points)}">{moves}</path>'


def _animated(what: str, values: list[str], steps: int, seconds: float) -> str:
    """An animation whose values are a step apart; at the end it stays for a fifth of the time."""
    times = [f"{0.8 * t / steps:.4g}" for t in range(len(values))]
    course = f'values="{";".join([*values, values[-1]])}" keyTimes="{";".join([*times, "1"])}"'
    return f'<animate{what} dur="{seconds:g}s" repeatCount="indefinite" {course}/>'


def title_of(race: Race) -> str:
    """The name of the surface, and its formula."""
    return f"{race.surface.name}: {race.surface.formula}" if race.surface.formula else race.surface.name


def _look(i: int) -> str:
    """The attributes of the line of rule i."""
    colour, dash = series(i)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'class="none {colour}-line" stroke-width="2.2" stroke-linejoin="round"{dashed}'


def _apart(points: list[tuple[float, float]], distance: float = 9.0) -> list[tuple[float, float]]:
    """Those of the points that are not near the one before."""
    return points[:1] + [b for a, b in pairwise(points) if abs(a[0] - b[0]) + abs(a[1] - b[1]) > distance]


def height_for(race: Race, height: int) -> int:
    """The height of a picture in which all rules can be listed."""
    return max(height, 60 + 54 * len(race))


def legend(race: Race, x: float, y: float) -> list[str]:
    """The rules with their signs, learning rates and last losses, one below the other from (x, y) on."""
    parts = []
    for i, (name, run) in enumerate(race.items()):
        here = y + i * 54
        parts.append(f'<path {_look(i)} d="M{x:.1f},{here:.1f}h34"/>')
        parts.append(marker(i, x + 17, here, series(i)[0]))
        parts.append(text(x + 44, here + 4.5, name))
        ended = f"loss {_short(run.losses[-1])}" if run.diverged is None else f"diverged: step {run.diverged}"
        for words, below in ((f"rate {_short(run.learning_rate)}", 20), (ended, 35)):
            parts.append(text(x + 44, here + below, words, style="small soft-fill"))
    return parts


def _short(x: float) -> str:
    return number(float(f"{x:.3g}"))


def _near(surface: Surface, positions: np.ndarray) -> np.ndarray:
    """Positions that are far out of view come nearer, for programs that cannot count so far."""
    left, right, low, high = surface.view
    far = 30 * surface.size
    return np.clip(positions, (left - far, low - far), (right + far, high + far))
