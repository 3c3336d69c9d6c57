"""The lecture's three arrows: the momentum step, the gradient step, and the actual step that they make together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from minigrad.surfaces.pictures import SHADES, ground
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.svg import Svg, drawing, path, text

_LOOKS = {"momentum step": ("green", "9 5"), "gradient step": ("vermilion", "3 3"), "actual step": ("blue", "")}
"""The colour and the dash of each arrow; the colours are the slides'."""


class Steps(NamedTuple):
    """The steps of both rules from one point: vectors of two numbers."""

    momentum: np.ndarray
    gradient: np.ndarray
    nesterov_gradient: np.ndarray
    actual: np.ndarray
    nesterov_actual: np.ndarray


def steps_from(
    surface: Surface, x: Sequence[float], v: Sequence[float], learning_rate: float, mu: float = 0.9
) -> Steps:
    """What momentum and Nesterov momentum do from a point x with a velocity v.

    >>> from minigrad.surfaces import surface
    >>> steps = steps_from(surface("saddle"), x=[1.0, 0.0], v=[-0.5, 0.0], learning_rate=0.1, mu=0.8)
    >>> float(steps.momentum[0]), float(steps.gradient[0].round(2)), float(steps.nesterov_gradient[0].round(2))
    (-0.4, -0.2, -0.12)
    """
    here, momentum = np.asarray(x, float), mu * np.asarray(v, float)
    gradient, ahead = (-learning_rate * surface.gradient(at)[1] for at in (here, here + momentum))
    return Steps(momentum, gradient, ahead, momentum + gradient, momentum + ahead)


def arrows(surface: Surface, positions: np.ndarray, v: Sequence[float], learning_rate: float, mu: float = 0.9) -> Svg:
    """The three arrows of momentum, and beside them those of Nesterov momentum, from the same point.

    Args:
        surface: its contours are behind the arrows.
        positions: the way to the point, (steps, 2); the last one is where the arrows start.
        v: the velocity with which it was reached, two numbers.
        learning_rate, mu: of the rules.
    """
    x = positions[-1]
    steps = steps_from(surface, x, v, learning_rate, mu)
    ends = np.array([x, *(x + step for step in (steps.momentum, steps.gradient, steps.actual, steps.nesterov_actual))])
    (x_middle, y_middle), radius = (ends.min(0) + ends.max(0)) / 2, float(np.ptp(ends, axis=0).max()) * 0.62
    view = (x_middle - radius, x_middle + radius, y_middle - radius, y_middle + radius)
    on = ground(replace(surface, view=view, minima=()), 382, 390, top=34)
    panels = {
        "Momentum": [(x, steps.momentum), (x, steps.gradient), (x, steps.actual)],
        "Nesterov momentum": [
            (x, steps.momentum),
            (x + steps.momentum, steps.nesterov_gradient),
            (x, steps.nesterov_actual),
        ],
    }
    parts = []
    for i, (title, three) in enumerate(panels.items()):
        left, top, right, bottom = on.box
        parts += [f'<g transform="translate({382 * i},0)">', text(left, 22, title, style="title ink-fill"), *on.parts]
        parts.append(f'<svg x="{left}" y="{top}" width="{right - left}" height="{bottom - top}">')
        parts.append(f'<g transform="translate({-left},{-top})">')
        way = path([(on.across(a), on.down(b)) for a, b in positions])
        parts.append(f'<path class="none ink-line" stroke-width="1" stroke-opacity="0.6" d="{way}"/>')
        for (start, step), (colour, dash) in zip(three, _LOOKS.values()):
            a, b = ((on.across(p[0]), on.down(p[1])) for p in (start, start + step))
            parts += _arrow(a, b, colour, dash)
        here = f'cx="{on.across(x[0]):.1f}" cy="{on.down(x[1]):.1f}"'
        parts.append(f'<circle class="ink-fill" {here} r="4"/></g></svg></g>')
    for i, (name, (colour, dash)) in enumerate(_LOOKS.items()):
        parts += [*_arrow((48 + 190 * i, 412), (92 + 190 * i, 412), colour, dash), text(102 + 190 * i, 416.5, name)]
    return drawing(764, 430, parts, "Momentum and Nesterov momentum: momentum step, gradient step, actual step", SHADES)


def _arrow(a: tuple[float, float], b: tuple[float, float], colour: str, dash: str) -> list[str]:
    """An arrow between two points in pixels; its head is part of its length."""
    length = math.dist(a, b)
    turn = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
    head = min(11.0, length)
    shaft = f"M0,0H{max(length - head, 0):.1f}"
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return [
        f'<g transform="translate({a[0]:.1f},{a[1]:.1f}) rotate({turn:.1f})">',
        f'<path class="paper-line" stroke-width="6" stroke-opacity="0.5" d="{shaft}"/>',
        f'<path class="{colour}-line" stroke-width="2.6"{dashed} d="{shaft}"/>',
        f'<path class="{colour}-fill" d="M{length:.1f},0l{-head:.1f},-5.5v11z"/></g>',
    ]
