"""Colours of pages and charts, for light and dark backgrounds, and dashes that tell series apart without colour.

The seven hues, plus ink as an eighth, are from Okabe and Ito, "Color universal design" (2008), chosen so that
colour-blind readers can distinguish them. Blue is lighter on dark and yellow darker on light, for contrast.
"""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "raised": "#f3f5f8",
    "ink": "#16191d",
    "soft": "#59616b",
    "line": "#d3d8de",
    "blue": "#0072b2",
    "vermilion": "#d55e00",
    "green": "#009e73",
    "purple": "#cc79a7",
    "orange": "#e69f00",
    "sky": "#56b4e9",
    "yellow": "#c9b800",
}
DARK = {
    **LIGHT,
    "paper": "#14171b",
    "raised": "#1f242a",
    "ink": "#e9ecef",
    "soft": "#a3acb6",
    "line": "#3b424b",
    "blue": "#3b9ae0",
    "yellow": "#f0e442",
}
SLATE = "#7d94ab"
"""The colour that heights on a map are blended with, on light and dark; it contrasts with every series colour."""
SERIES = ("blue", "vermilion", "green", "purple", "orange", "sky", "ink", "yellow")
"""Colours of the first curve, the second, …; after the eighth they repeat with another dash."""

DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 3", "14 4", "1 4", "6 2 2 2 2 2", "12 3 4 3")
"""Dashes of the first curve, the second, …, in pixels. One more than there are colours, so that pairs differ."""

_DARK_MODE = "@media (prefers-color-scheme: dark) {{ {} }}"


def custom_properties() -> str:
    """Return the colours as CSS custom properties for pages, to be used as `var(--blue)`."""
    light, dark = (
        ":root { " + " ".join(f"--{name}: {color};" for name, color in colors.items()) + " }"
        for colors in (LIGHT, DARK)
    )
    return f"{light}\n{_DARK_MODE.format(dark)}\n"


def classes(scope: str) -> str:
    """Return the colours as CSS classes within `scope`: `ink-fill` fills with ink, `blue-line` strokes in blue.

    Charts use classes because not every SVG viewer supports custom properties.
    """

    def rules(colors: dict[str, str]) -> str:
        pairs = [
            f"{scope} .{name}-fill {{ fill: {c}; }} {scope} .{name}-line {{ stroke: {c}; }}"
            for name, c in colors.items()
        ]
        return " ".join(pairs)

    changed = {name: color for name, color in DARK.items() if LIGHT[name] != color}
    return rules(LIGHT) + _DARK_MODE.format(rules(changed))


def shades(scope: str, count: int) -> str:
    """Return CSS classes within `scope` for `count` heights: from `height-0`, paper, to more and more slate."""

    def rules(colors: dict[str, str]) -> str:
        blended = [blend(colors["paper"], SLATE, 0.75 * i / max(count - 1, 1)) for i in range(count)]
        return " ".join(f"{scope} .height-{i} {{ fill: {c}; }}" for i, c in enumerate(blended))

    return rules(LIGHT) + _DARK_MODE.format(rules(DARK))


def blend(start: str, end: str, fraction: float) -> str:
    """Interpolate between two colours.

    >>> blend("#000000", "#ffffff", 0.5)
    '#808080'
    """
    channels = [(int(start[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + fraction * (b - a)):02x}" for a, b in channels)


def series(i: int) -> tuple[str, str]:
    """Return the colour name and the dash of curve i, counted from 0.

    >>> series(0), series(1)
    (('blue', ''), ('vermilion', '8 4'))
    """
    return SERIES[i % len(SERIES)], DASHES[i % len(DASHES)]
