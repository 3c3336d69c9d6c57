"""The colours of pages and pictures, in light and in dark, and how series differ also without colour.

The seven hues, and ink for an eighth, are those of Okabe and Ito, "Color universal design" (2008), which the
colour-blind tell apart; blue is lighter on dark and yellow darker on light, where the paper would swallow them.
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
"""What heights on a map are mixed with, on light and on dark paper: it stands out from all series."""
SERIES = ("blue", "vermilion", "green", "purple", "orange", "sky", "ink", "yellow")
"""The colour of the first curve, of the second, …; after the eighth they come again, with another dash."""

DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 3", "14 4", "1 4", "6 2 2 2 2 2", "12 3 4 3")
"""The dash of the first curve, of the second, …, in pixels: one more than there are colours."""

_DARK_WHERE_WANTED = "@media (prefers-color-scheme: dark) {{ {} }}"


def custom_properties() -> str:
    """The colours as CSS custom properties, for pages: `var(--blue)`."""
    light, dark = (
        ":root { " + " ".join(f"--{name}: {colour};" for name, colour in c.items()) + " }" for c in (LIGHT, DARK)
    )
    return f"{light}\n{_DARK_WHERE_WANTED.format(dark)}\n"


def classes(scope: str) -> str:
    """The colours as CSS classes within `scope`, for pictures, as not every program that shows SVG knows custom
    properties.

    `ink-fill` fills with ink and `blue-line` draws in blue.
    """

    def rules(colours: dict[str, str]) -> str:
        pairs = [
            f"{scope} .{name}-fill {{ fill: {c}; }} {scope} .{name}-line {{ stroke: {c}; }}"
            for name, c in colours.items()
        ]
        return " ".join(pairs)

    changed = {name: colour for name, colour in DARK.items() if LIGHT[name] != colour}
    return rules(LIGHT) + _DARK_WHERE_WANTED.format(rules(changed))


def shades(scope: str, count: int) -> str:
    """CSS classes within `scope` for heights: `height-0` fills with paper, the others with more and more slate."""

    def rules(colours: dict[str, str]) -> str:
        mixed = [mixture(colours["paper"], SLATE, 0.75 * i / max(count - 1, 1)) for i in range(count)]
        return " ".join(f"{scope} .height-{i} {{ fill: {c}; }}" for i, c in enumerate(mixed))

    return rules(LIGHT) + _DARK_WHERE_WANTED.format(rules(DARK))


def mixture(one: str, other: str, part: float) -> str:
    """A colour between two.

    >>> mixture("#000000", "#ffffff", 0.5)
    '#808080'
    """
    channels = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + part * (b - a)):02x}" for a, b in channels)


def series(i: int) -> tuple[str, str]:
    """The name of the colour of curve i, counted from 0, and its dash."""
    return SERIES[i % len(SERIES)], DASHES[i % len(DASHES)]
