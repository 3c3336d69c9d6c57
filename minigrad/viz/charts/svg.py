"""Building blocks of SVG pictures: drawings, text, paths, markers, axis ticks and number labels.

Pictures are plain text, made without a plotting library, and adapt to light and dark colour schemes. This file imports
no NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

from minigrad.output.files import write_file
from minigrad.output.words import printable
from minigrad.viz.charts.colors import classes
from minigrad.viz.charts.files import check_target

FONT = "font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
LETTER = 7.4
"""The average width of a character, in pixels."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STYLE = (
    "<style>.drawing text {{ {font}; font-size: 13px; }} .drawing .small {{ font-size: 12px; }} "
    ".drawing .title {{ font-size: 15px; font-weight: 600; }} .drawing .none {{ fill: none; }} {colors}</style>"
)


class Frame(NamedTuple):
    """Where a picture has its axes: pixels, and the numbers there.

    Attributes:
        left, right, top, bottom: the edges, in pixels.
        x, y: the numbers at the left and the right edge, and at the lower and the upper one.
        log_x, log_y: whether an axis is logarithmic.
    """

    left: float
    right: float
    top: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool = False
    log_y: bool = False


class Svg(str):
    """The text of an SVG picture. It displays itself in a notebook; `save` writes it to a file.

    Attributes:
        frame: where its axes are; None for a picture without axes.
    """

    frame: Frame | None = None

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file and return its path.

        Raises:
            ValueError: the file does not end in `.svg`.
            OSError: it cannot be written.
        """
        path = check_target(path, [".svg"], "save")
        content = self.encode()
        write_file(path, lambda file: file.write(content))
        return path

    def _repr_svg_(self) -> str:
        return self


def drawing(width: float, height: float, parts: Iterable[str], label: str, style: str = "") -> Svg:
    """Assemble a picture from its parts.

    Args:
        width, height: the size in pixels.
        parts: SVG elements, drawn in order on a background of paper.
        label: the text for screen readers.
        style: CSS rules, added to those that all drawings share.
    """
    style = _STYLE.format(font=FONT, colors=classes(".drawing") + style)
    return Svg(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{escape(printable(label))}">\n{style}\n'
        f'<rect class="paper-fill" width="{width:g}" height="{height:g}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, anchor: str = "start", style: str = "ink-fill") -> str:
    """Return a text element whose baseline starts, ends ("end") or is centred ("middle") at (x, y)."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{style}">{escape(printable(words))}</text>'


def estimate_width(words: str) -> float:
    """Estimate the width of a text in pixels; the exact width depends on the font."""
    return LETTER * len(words)


def marker(i: int, x: float, y: float, color: str) -> str:
    """Return the marker of curve i: a circle, a square, a triangle up, a diamond or a triangle down."""
    shapes = ("", "-4,-4 4,-4 4,4 -4,4", "-5,4 5,4 0,-5", "0,-5.5 5.5,0 0,5.5 -5.5,0", "-5,-4 5,-4 0,5")
    shape = shapes[i % len(shapes)]
    style = f'class="{color}-fill paper-line" transform="translate({x:.1f},{y:.1f})"'
    return f'<polygon points="{shape}" {style}/>' if shape else f'<circle r="4.5" {style}/>'


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return the `d` attribute of a line through points in pixels. A point that is not finite leaves a gap.

    >>> path([(0, 1), (10, 2.25), (20, math.nan), (30, 4)])
    'M0,1L10,2.2M30,4'
    """
    pieces, pen = [], "M"
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            pieces.append(f"{pen}{_pixels(x)},{_pixels(y)}")
            pen = "L"
        else:
            pen = "M"
    return "".join(pieces)


def _pixels(x: float) -> str:
    return f"{x:.1f}".removesuffix(".0")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers between low and high.

    >>> ticks(0.0, 0.93)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    rough = (high - low) / max(count, 1)
    if not rough > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` powers of ten between low and high.

    A shorter range also gets 2 and 5 times the powers, and one without any of these evenly spaced round numbers.

    >>> log_ticks(0.5, 20.0)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    >>> log_ticks(0.22, 0.36)
    [0.25, 0.3, 0.35]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, round((last - first) / count))
    found = [10.0**e for e in range(first, last + 1) if e % every == 0]
    if high / low < 100:
        found = sorted(m * 10.0**e for e in range(first, last + 1) for m in (1, 2, 5))
    inside = [t for t in found if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
    return inside or ticks(low, high, max(count, 3)) or [low, high]


def number(x: float) -> str:
    """Format a number as an axis label.

    >>> number(-0.25), number(1e-7), number(30000.0), number(2.5e6)
    ('−0.25', '10⁻⁷', '30,000', '2.5×10⁶')
    """
    if x == 0 or 1e-3 <= abs(x) < 1e5:
        return f"{x:,.6g}".replace("-", "−") if abs(x) < 1e4 else f"{x:,.0f}".replace("-", "−")
    mantissa, exponent = f"{x:.3g}e0".split("e")[:2] if "e" in f"{x:.3g}" else f"{x:.2e}".split("e")
    mantissa = f"{float(mantissa):g}".replace("-", "−")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return {"1": power, "−1": f"−{power}"}.get(mantissa, f"{mantissa}×{power}")
