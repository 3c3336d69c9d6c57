"""Line charts as SVG, made without a plotting library.

Each curve is labelled at its end and has a colour, a dash and its own marker. This file imports no NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any, overload

from minigrad.output.words import class_name, printable, shortened
from minigrad.viz.charts.colors import LIGHT, series
from minigrad.viz.charts.svg import (
    LETTER,
    Frame,
    Svg,
    drawing,
    estimate_width,
    log_ticks,
    marker,
    number,
    path,
    text,
    ticks,
)

Points = list[tuple[float, float]]
_LINE_HEIGHT = 16.0  # pixels


@overload
def chart(
    curves: Mapping[str, Any],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    log_x: bool = False,
    log_y: bool = False,
    y_range: tuple[float, float] | None = None,
    width: int = 640,
    height: int = 400,
    ax: None = None,
) -> Svg: ...


@overload
def chart(
    curves: Mapping[str, Any],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    log_x: bool = False,
    log_y: bool = False,
    y_range: tuple[float, float] | None = None,
    ax: Any,
) -> Any: ...


def chart(
    curves: Mapping[str, Any],
    *,
    title: str = "",
    x: str = "",
    y: str = "",
    log_x: bool = False,
    log_y: bool = False,
    y_range: tuple[float, float] | None = None,
    width: int = 640,
    height: int = 400,
    ax: Any = None,
) -> Any:
    """Draw curves over a common axis.

    Args:
        curves: by name, sequences of numbers, plotted over 0, 1, 2, …, or pairs of sequences (x, y). A number that is
            nan or infinite leaves a gap in the curve.
        title: the text above the picture. Default: none.
        x, y: axis labels. Default: none.
        log_x, log_y: whether an axis is logarithmic. Default: False.
        y_range: the smallest and the largest y shown; the rest is clipped. Default: all.
        width, height: the size in pixels, labels included. Default: 640 by 400.
        ax: a matplotlib Axes of your own, which the curves are drawn into; its figure has the size. Default: none.

    Returns:
        The picture, a text that displays itself in a notebook and has a method `save`; or `ax`.

    Raises:
        ValueError: there is no curve; a curve has no finite number, or x and y of different lengths; a number on a
            logarithmic axis is not positive.
        TypeError: curves is not a dictionary, a curve is not a sequence of numbers, or ax is not an Axes.

    >>> picture = chart({"good": [2.3, 0.9, 0.4], "low": [2.3, 2.1, 1.9]}, x="epoch", y="loss")
    >>> picture.startswith("<svg"), ">good</text>" in picture
    (True, True)
    """
    if not isinstance(curves, Mapping):
        raise TypeError(f"chart: curves must be a dictionary of names and numbers, got {class_name(curves)}")
    points = {name: _points(name, curve, log_x, log_y) for name, curve in curves.items()}
    if not points:
        raise ValueError("chart: curves is empty; pass a dictionary of names and numbers")
    if ax is not None:
        return _plot(points, ax, title, x, y, log_x, log_y, y_range)
    labels = [shortened(printable(name), int(width / 2 / LETTER)) for name in points]
    finite = [p for curve in points.values() for p in curve if all(map(math.isfinite, p))]
    left_x, right_x = _limits([p[0] for p in finite], log_x, 0.0)
    low_y, high_y = _limits(y_range or [p[1] for p in finite], log_y, 0.0 if y_range else 0.04)

    named_y = [(t, number(t)) for t in (log_ticks if log_y else ticks)(low_y, high_y, max(2, height // 70))]
    left = 18 + max(estimate_width(name) for _, name in named_y)
    top = 14 + (24 if title else 0) + (20 if y else 0)
    right = width - 30 - max(map(estimate_width, labels))
    bottom = height - 28 - (18 if x else 0)
    named_x = [
        (t, number(t)) for t in (log_ticks if log_x else ticks)(left_x, right_x, max(2, int(right - left) // 90))
    ]
    across, down = _scale(left_x, right_x, left, right, log_x), _scale(low_y, high_y, bottom, top, log_y)

    parts = [text(14, 24, title, style="title ink-fill")] if title else []
    if y:
        parts.append(text(14, top - 12, y, style="soft-fill"))
    if x:
        parts.append(text(right, height - 10, x, "end", "soft-fill"))
    for t, name in named_y:
        parts.append(f'<path class="line-line" d="{path([(left, down(t)), (right, down(t))])}"/>')
        parts.append(text(left - 8, down(t) + 4, name, "end", "small soft-fill"))
    for t, name in named_x:
        parts.append(f'<path class="soft-line" d="{path([(across(t), bottom), (across(t), bottom + 5)])}"/>')
        parts.append(text(across(t), bottom + 19, name, "middle", "small soft-fill"))
    parts.append(f'<path class="soft-line" d="{path([(left, bottom), (right, bottom)])}"/>')

    # a nested svg element clips what is out of range
    parts.append(f'<svg x="{left - 6:.1f}" y="{top - 6:.1f}" width="{right - left + 12:.1f}" ')
    parts[-1] += f'height="{bottom - top + 12:.1f}"><g transform="translate({6 - left:.1f},{6 - top:.1f})">'
    ends: list[tuple[float, float, int, str]] = []
    for i, (name, curve) in enumerate(zip(labels, points.values())):
        color, dash = series(i)
        pixels = [(across(a), _clamp(down(b), bottom, top)) for a, b in curve]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        style = f'class="none {color}-line" stroke-width="2.2" stroke-linejoin="round"{dashed}'
        parts.append(f'<path {style} d="{path(_thin(pixels))}"/>')
        end = _end(pixels, top, bottom)
        if end is not None:
            ends.append((*end, i, name))
    parts.append("</g></svg>")
    parts += _labels(ends, top, bottom, right)
    label = title or f"{y} over {x}".strip()
    picture = drawing(width, height, parts, f"{label}: {', '.join(labels)}")
    picture.frame = Frame(left, right, top, bottom, (left_x, right_x), (low_y, high_y), log_x, log_y)
    return picture


def _plot(
    points: Mapping[str, Points],
    ax: Any,
    title: str,
    x: str,
    y: str,
    log_x: bool,
    log_y: bool,
    y_range: tuple[float, float] | None,
) -> Any:
    """Draw the curves into a matplotlib Axes, in the colours and dashes of the other charts, and return it."""
    if not hasattr(ax, "set_yscale"):
        raise TypeError(f"chart: ax must be a matplotlib Axes, as figure, ax = plt.subplots(); got {class_name(ax)}")
    for i, (name, curve) in enumerate(points.items()):
        color, dash = series(i)
        line_style = (0, [float(d) / 2 for d in dash.split()]) if dash else "-"
        ax.plot(*zip(*curve), color=LIGHT[color], linestyle=line_style, label=legend_label(name))
    for set_label, label in ((ax.set_title, title), (ax.set_xlabel, x), (ax.set_ylabel, y)):
        if label:
            set_label(printable(label), parse_math=False)
    if log_x:
        ax.set_xscale("log")
    if log_y:
        ax.set_yscale("log")
    if y_range:
        ax.set_ylim(y_range)
    for label in ax.legend().get_texts():
        label.set_parse_math(False)
    return ax


def legend_label(name: str) -> str:
    """Return the label of a curve in matplotlib, whose legend leaves out labels that begin with _."""
    name = shortened(printable(name), 40)
    return f"\u200b{name}" if name.startswith("_") else name


def _points(name: str, curve: Any, log_x: bool, log_y: bool) -> Points:
    """Return the points of a curve as pairs of floats; those that are not finite are gaps."""
    curve = _to_list(curve)
    if not isinstance(curve, list):
        raise TypeError(f"chart: the curve {name!r} must be a sequence of numbers, got {class_name(curve)}")
    pair = len(curve) == 2 and all(isinstance(c, list) for c in map(_to_list, curve))
    xs, ys = map(_to_list, curve) if pair else (range(len(curve)), curve)
    if len(xs) != len(ys):
        raise ValueError(f"chart: x and y of the curve {name!r} must have the same length, got {len(xs)} and {len(ys)}")
    try:
        points = [(float(a), float(b)) for a, b in zip(xs, ys)]
    except (TypeError, ValueError) as error:
        raise TypeError(f"chart: the curve {name!r} must be a sequence of numbers: {error}") from None
    if not any(math.isfinite(a) and math.isfinite(b) for a, b in points):
        raise ValueError(f"chart: the curve {name!r} has no finite number: it is empty, or all nan or infinite")
    for is_log, values, axis in ((log_x, [p[0] for p in points], "x"), (log_y, [p[1] for p in points], "y")):
        if is_log and any(v <= 0 for v in values):
            raise ValueError(
                f"chart: log_{axis}=True needs positive numbers, but the curve {name!r} has {axis} = {min(values):g}. "
                "Leave that point out, or use a linear axis"
            )
    return points


def _to_list(numbers: Any) -> Any:
    if hasattr(numbers, "tolist"):
        return numbers.tolist()
    return list(numbers) if isinstance(numbers, Iterable) else numbers


def _limits(values: Sequence[float], log: bool, margin: float) -> tuple[float, float]:
    """Return the limits of an axis that shows all values with a margin; they always differ."""
    low, high = min(values), max(values)
    if log:
        room = max((high / low) ** margin, 1.0 if high > low else 2.0)
        return low / room, high * room
    room = margin * (high - low) if high > low else max(abs(high), 1.0) / 2
    return low - room, high + room


def _scale(low: float, high: float, start: float, end: float, log: bool) -> Callable[[float], float]:
    """Return the function from numbers to pixels."""
    if log:
        low, high = math.log(low), math.log(high)
    return lambda v: start + ((math.log(v) if log else v) - low) / (high - low) * (end - start)


def _clamp(pixel: float, bottom: float, top: float) -> float:
    """Move a pixel far outside the picture closer; some SVG viewers fail on huge coordinates."""
    far = 20 * (bottom - top)
    return pixel if not math.isfinite(pixel) else min(max(pixel, top - far), bottom + far)


def _thin(pixels: Points) -> Points:
    """Keep at most four points per pixel column: the first, the lowest, the highest and the last."""
    thinned: Points = []
    for _, group in groupby(pixels, lambda p: int(p[0]) if math.isfinite(p[0]) else None):
        column = list(group)
        if len(column) > 4 and all(math.isfinite(p[1]) for p in column):
            heights = [p[1] for p in column]
            column = [
                column[i]
                for i in sorted({0, heights.index(min(heights)), heights.index(max(heights)), len(column) - 1})
            ]
        thinned += column
    return thinned


def _end(pixels: Points, top: float, bottom: float) -> tuple[float, float] | None:
    """Return the last visible point of a curve, or the point where the curve leaves the picture after it."""
    last = max((i for i, (_, b) in enumerate(pixels) if top - 1 <= b <= bottom + 1), default=None)
    if last is None:
        return None
    a, b = pixels[last]
    if last + 1 < len(pixels) and math.isfinite(pixels[last + 1][1]):
        a_next, b_next = pixels[last + 1]
        edge = top if b_next < top else bottom
        return a + (a_next - a) * (edge - b) / (b_next - b), edge
    return a, b


def _labels(ends: list[tuple[float, float, int, str]], top: float, bottom: float, right: float) -> list[str]:
    """Return the marker and the label of each curve: at the right margin, moved apart if their ends are close.

    A curve that ends before the right margin is labelled at its end, beside those that end near it.
    """
    early = sorted(end for end in ends if end[0] < right - 60)
    columns: list[list[tuple[float, float, int, str]]] = []
    for a, b, i, name in early:
        for column in columns:
            if any(a < a_ + 23 + estimate_width(label) and abs(b - b_) < _LINE_HEIGHT for a_, b_, _, label in column):
                column.append((a, b, i, name))
                break
        else:
            columns.append([(a, b, i, name)])
    parts = []
    for column in columns:
        alone = len(column) == 1
        parts += _column(column, column[-1][0] - (14 if alone else 0), top, bottom, halo=True)
    return parts + _column([end for end in ends if end not in early], right, top, bottom)


def _column(
    ends: list[tuple[float, float, int, str]], right: float, top: float, bottom: float, halo: bool = False
) -> list[str]:
    """Return markers and labels below each other, to the right of `right`, with a line to the end of each curve.

    Args:
        halo: whether the labels stand on other curves, and need paper around their letters.
    """
    parts = []
    ends = sorted(ends, key=lambda end: end[1])
    places = [b for _, b, _, _ in ends]
    for _ in range(100):  # labels that overlap push each other apart, a little in each round
        for i, (above, below) in enumerate(pairwise(places)):
            push = (_LINE_HEIGHT - (below - above)) / 2
            if push > 0:
                places[i], places[i + 1] = above - push, below + push
        places = [min(max(p, top), bottom) for p in places]
    for (a, b, i, name), place in zip(ends, places):
        if a < right + 14:
            line = path([(a, b), (right + 3, b), (right + 12, place)])
            parts.append(f'<path class="none {series(i)[0]}-line" opacity="0.6" d="{line}"/>')
        label = text(right + 23, place + 4.5, name)
        if halo:
            wide = label.replace("<text", '<text stroke-width="4" stroke-linejoin="round"')
            parts.append(wide.replace("ink-fill", "paper-line none"))
        parts += [marker(i, right + 14, place, series(i)[0]), label]
    return parts
