"""A race drawn by matplotlib, into a figure of one's own: the contours of the surface and the path of each rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.output.words import class_name, printable, shortened
from minigrad.surfaces.contours import levels
from minigrad.surfaces.pictures import LEVELS
from minigrad.surfaces.runs import Runs
from minigrad.surfaces.surface import Surface
from minigrad.viz.charts.chart import legend_label
from minigrad.viz.charts.colors import LIGHT, SLATE, blend, series


def plot_race(race: Runs, ax: Any = None) -> Any:
    """Draw the contours and the paths into `ax`, by default pyplot's current axes, and return the axes."""
    if ax is None:
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError(
                "race.plot needs matplotlib: pip install 'minigrad-course[plot]'. race.map() draws without it"
            ) from error
        ax = pyplot.gca()
    elif not hasattr(ax, "contourf"):
        raise TypeError(
            f"race.plot: ax must be a matplotlib Axes, as figure, ax = plt.subplots(); got {class_name(ax)}"
        )
    draw_contours(ax, race.surface)
    for i, (name, run) in enumerate(race.items()):
        ended = f"{name}: diverged" if run.diverged is not None else name
        ax.plot(*run.positions.T, **line_style(i), label=legend_label(ended))
        ax.plot(*run.positions[-1], **line_style(i), **marker_style(i))
    ax.plot(*race.start, "o", markersize=10, markerfacecolor="none", markeredgecolor=LIGHT["ink"])
    set_title(ax, race.surface.name)
    for label in ax.legend().get_texts():
        label.set_parse_math(False)
    return ax


def draw_contours(ax: Any, surface: Surface) -> None:
    """Draw the contours of a surface: the higher, the darker."""
    x, y, z = surface.grid()
    z = np.ma.masked_invalid(z)
    bounds = [float(z.min()), *levels(z.data, LEVELS, surface.steep), float(z.max()) + 1e-9]
    ax.contourf(x, y, z, bounds, colors=[blend(LIGHT["paper"], SLATE, 0.75 * i / LEVELS) for i in range(len(bounds))])
    ax.contour(x, y, z, bounds[1:-1], colors=LIGHT["soft"], linewidths=0.4, alpha=0.6)
    ax.set(xlim=surface.view[:2], ylim=surface.view[2:])


def set_title(ax: Any, title: str) -> None:
    """Set the title as plain text."""
    ax.set_title(shortened(printable(title), 64), parse_math=False)


def line_style(i: int) -> dict[str, Any]:
    """Return the style of the line of rule i, as in the other pictures."""
    color, dash = series(i)
    return {
        "color": LIGHT[color],
        "linestyle": (0, [float(d) / 2 for d in dash.split()]) if dash else "-",
        "linewidth": 2,
    }


def marker_style(i: int) -> dict[str, Any]:
    """Return the style of the marker of rule i."""
    return {"marker": "os^Dv"[i % 5], "markersize": 8, "markeredgecolor": "white"}
