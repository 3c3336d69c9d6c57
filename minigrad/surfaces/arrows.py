"""The lecture's three arrows: the momentum step, the gradient step, and their sum, the actual step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from minigrad.surfaces.pictures import SHADES, contour_map
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.svg import Svg, drawing, path, text

_STYLES = {"momentum step": ("green", "9 5"), "gradient step": ("vermilion", "3 3"), "actual step": ("blue", "")}
"""The colour and the dash of each arrow; the colours are those of the slides."""


class Steps(NamedTuple):
    """The steps of momentum and Nesterov momentum from the same point; each is a vector of two numbers."""

    momentum: np.ndarray
    gradient: np.ndarray
    nesterov_gradient: np.ndarray
    actual: np.ndarray
    nesterov_actual: np.ndarray


def steps_from(
    surface: Surface, x: Sequence[float], v: Sequence[float], learning_rate: float, mu: float = 0.9
) -> Steps:
    """Compute the steps of momentum and Nesterov momentum from a point.

    Args:
        surface: the loss surface.
        x: the point, two numbers.
        v: the velocity at the point, two numbers.
        learning_rate: of both rules.
        mu: the momentum of both rules. Default: 0.9.

    Returns:
        The momentum step, both gradient steps and both actual steps.

    >>> from minigrad.surfaces import surface
    >>> steps = steps_from(surface("saddle"), x=[1.0, 0.0], v=[-0.5, 0.0], learning_rate=0.1, mu=0.8)
    >>> float(steps.momentum[0]), float(steps.gradient[0].round(2)), float(steps.nesterov_gradient[0].round(2))
    (-0.4, -0.2, -0.12)
    """
    here, momentum = np.asarray(x, float), mu * np.asarray(v, float)
    gradient, ahead = (-learning_rate * surface.gradient(at)[1] for at in (here, here + momentum))
    return Steps(momentum, gradient, ahead, momentum + gradient, momentum + ahead)


def arrows(surface: Surface, positions: np.ndarray, v: Sequence[float], learning_rate: float, mu: float = 0.9) -> Svg:
    """Draw the three arrows of momentum, and beside them those of Nesterov momentum from the same point.

    Args:
        surface: the loss surface, drawn as contours.
        positions: the path to the point, of shape (steps, 2); the arrows start at the last position.
        v: the velocity at the last position, two numbers.
        learning_rate: of both rules.
        mu: the momentum of both rules. Default: 0.9.

    >>> from minigrad.surfaces import race
    >>> result = race("beale", ["momentum"], steps=20)
    >>> run = result["momentum"]
    >>> arrows(result.surface, run.positions, run.states["v"][-1], run.learning_rate).startswith("<svg")
    True
    """
    x = positions[-1]
    steps = steps_from(surface, x, v, learning_rate, mu)
    ends = np.array([x, *(x + step for step in (steps.momentum, steps.gradient, steps.actual, steps.nesterov_actual))])
    (x_centre, y_centre), radius = (ends.min(0) + ends.max(0)) / 2, float(np.ptp(ends, axis=0).max()) * 0.62
    view = (x_centre - radius, x_centre + radius, y_centre - radius, y_centre + radius)
    ground = contour_map(replace(surface, view=view, minima=()), 382, 390, top=34)
    panels = {
        "Momentum": [(x, steps.momentum), (x, steps.gradient), (x, steps.actual)],
        "Nesterov momentum": [
            (x, steps.momentum),
            (x + steps.momentum, steps.nesterov_gradient),
            (x, steps.nesterov_actual),
        ],
    }
    parts = []
    for i, (title, steps_drawn) in enumerate(panels.items()):
        left, top, right, bottom = ground.box
        parts += [
            f'<g transform="translate({382 * i},0)">',
            text(left, 22, title, style="title ink-fill"),
            *ground.parts,
        ]
        parts.append(f'<svg x="{left}" y="{top}" width="{right - left}" height="{bottom - top}">')
        parts.append(f'<g transform="translate({-left},{-top})">')
        trace = path([(ground.across(a), ground.down(b)) for a, b in positions])
        parts.append(f'<path class="none ink-line" stroke-width="1" stroke-opacity="0.6" d="{trace}"/>')
        for (start, step), (color, dash) in zip(steps_drawn, _STYLES.values()):
            a, b = ((ground.across(p[0]), ground.down(p[1])) for p in (start, start + step))
            parts += _arrow(a, b, color, dash)
        start_point = f'cx="{ground.across(x[0]):.1f}" cy="{ground.down(x[1]):.1f}"'
        parts.append(f'<circle class="ink-fill" {start_point} r="4"/></g></svg></g>')
    for i, (name, (color, dash)) in enumerate(_STYLES.items()):
        parts += [*_arrow((48 + 190 * i, 412), (92 + 190 * i, 412), color, dash), text(102 + 190 * i, 416.5, name)]
    return drawing(764, 430, parts, "Momentum and Nesterov momentum: momentum step, gradient step, actual step", SHADES)


def _arrow(a: tuple[float, float], b: tuple[float, float], color: str, dash: str) -> list[str]:
    """Draw an arrow between two points in pixels; its length includes the head."""
    length = math.dist(a, b)
    turn = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
    head = min(11.0, length)
    shaft = f"M0,0H{max(length - head, 0):.1f}"
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return [
        f'<g transform="translate({a[0]:.1f},{a[1]:.1f}) rotate({turn:.1f})">',
        f'<path class="paper-line" stroke-width="6" stroke-opacity="0.5" d="{shaft}"/>',
        f'<path class="{color}-line" stroke-width="2.6"{dashed} d="{shaft}"/>',
        f'<path class="{color}-fill" d="M{length:.1f},0l{-head:.1f},-5.5v11z"/></g>',
    ]
