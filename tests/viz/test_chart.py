"""Line charts: positions of curves, labels and ticks, and data that cannot be drawn."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from cases import each

from minigrad.viz.charts import colors
from minigrad.viz.charts.chart import chart
from minigrad.viz.charts.svg import number, ticks

SVG = "{http://www.w3.org/2000/svg}"


def lines(picture: str) -> list[list[list[float]]]:
    """Return the points of each curve, in pixels."""
    found = [p for p in ElementTree.fromstring(picture).iter(f"{SVG}path") if p.get("stroke-width") == "2.2"]
    return [
        [[float(n) for n in point.split(",")] for point in re.findall(r"[\d.-]+,[\d.-]+", p.get("d", ""))]
        for p in found
    ]


def texts(picture: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_points_stand_in_proportion() -> None:
    (line,) = lines(chart({"a": ([0, 1, 3], [0.0, 10.0, 5.0])}))
    (x0, y0), (x1, y1), (x2, y2) = line
    assert (x2 - x0) == pytest.approx(3 * (x1 - x0), abs=0.2)
    assert (y0 - y1) == pytest.approx(2 * (y0 - y2), abs=0.2)
    assert y1 < y2 < y0  # up is more


def test_powers_of_ten_stand_at_equal_distances() -> None:
    (line,) = lines(chart({"a": ([1, 10, 100], [1e-3, 1.0, 1e3])}, log_x=True, log_y=True))
    steps = np.diff(np.array(line), axis=0)
    assert steps[0] == pytest.approx(steps[1], abs=0.2)


def test_arrays_and_lists_are_the_same() -> None:
    assert chart({"a": np.array([1.0, 2.0])}) == chart({"a": [1, 2]}) == chart({"a": (range(2), np.array([1, 2]))})


def test_a_gap_where_there_is_no_number() -> None:
    picture = chart({"a": [1.0, 2.0, math.nan, 2.0, math.inf, 1.0]})
    assert re.findall('stroke-width="2.2".*d="(.*?)"', picture)[0].count("M") == 3


def test_a_long_curve_keeps_its_peaks_in_a_short_text() -> None:
    values = np.zeros(100_000)
    values[54_321], values[77_777] = 1.0, -1.0
    picture = chart({"a": values})
    (line,) = lines(picture)
    heights = np.array(line)[:, 1]
    assert len(picture) < 50_000
    assert heights.min() < heights[0] - 100 and heights.max() > heights[0] + 100


def test_a_curve_that_leaves_the_picture_is_named_where_it_leaves() -> None:
    picture = chart({"up": [0.0, 1.0, 4.0, 1e200, math.inf], "flat": [1.0] * 5}, y_range=(0.0, 2.0), y="loss")
    root = ElementTree.fromstring(picture)
    x = {t.text: float(t.get("x", 0)) for t in root.iter(f"{SVG}text")}
    assert x["up"] < 400 < x["flat"]
    assert all(abs(n) < 1e5 for line in lines(picture) for point in line for n in point)


def test_names_do_not_lie_on_each_other() -> None:
    picture = chart({f"curve {i}": [1.0, 0.5 + i * 1e-6] for i in range(9)})
    places = sorted(
        float(t.get("y", 0)) for t in ElementTree.fromstring(picture).iter(f"{SVG}text") if "curve" in str(t.text)
    )
    assert len(places) == 9 and min(np.diff(places)) > 12


def test_names_of_curves_that_end_early_do_not_lie_on_each_other() -> None:
    picture = chart({"a": [1.0, 2.0, 3.0], "b": [1.0, 2.0, 3.0, 3.1], "c": [3.0, 0.0], "all": [1.0] * 20})
    texts = [t for t in ElementTree.fromstring(picture).iter(f"{SVG}text") if t.text in ("a", "b", "c", "all")]
    place = {t.text: (float(t.get("x", 0)), float(t.get("y", 0))) for t in texts}
    assert place["a"][0] == place["b"][0] and abs(place["a"][1] - place["b"][1]) > 12
    assert place["c"][0] < place["a"][0] < place["all"][0]


def test_names_are_texts_whatever_they_hold() -> None:
    hostile = "</text><script>alert(1)</script>&\"'"
    picture = chart({hostile: [1, 2]}, title=hostile, x=hostile, y=hostile)
    assert texts(picture).count(hostile) == 4
    assert not list(ElementTree.fromstring(picture).iter(f"{SVG}script"))


@pytest.mark.parametrize(
    ("curves", "options", "message"),
    [
        ({}, {}, "curves is empty"),
        ({"a": []}, {}, "'a' has no finite number"),
        ({"a": [math.nan]}, {}, "'a' has no finite number"),
        ({"a": ([1, 2], [1, 2, 3])}, {}, "'a' must have the same length, got 2 and 3"),
        ({"a": [1, 0.0]}, {"log_y": True}, "'a' has y = 0"),
        ({"a": [1, 2]}, {"log_x": True}, "'a' has x = 0"),
    ],
)
def test_data_that_cannot_be_drawn_raise(
    curves: dict[str, list[float]], options: dict[str, bool], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        chart(curves, **options)  # type: ignore[arg-type]


@each(
    "curves, message",
    [
        ([1, 2, 3], "curves must be a dictionary of names and numbers, got list"),
        ({"a": None}, "the curve 'a' must be a sequence of numbers, got NoneType"),
        ({"a": ["x"]}, "the curve 'a' must be a sequence of numbers: could not convert"),
    ],
)
def test_arguments_that_are_no_curves_raise(curves: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        chart(curves)


@pytest.mark.parametrize("values", [[5.0], [3.0, 3.0], [1e-300, 2e-300], [-1e18, 1e18], [0.0, 0.0]])
def test_any_numbers_make_an_axis(values: list[float]) -> None:
    picture = chart({"a": values})
    assert "nan" not in picture and len(texts(picture)) > 2


def test_ticks_are_round_and_inside() -> None:
    assert ticks(-0.13, 0.31) == [-0.1, 0.0, 0.1, 0.2, 0.3]
    assert ticks(0, 1437) == [0.0, 500.0, 1000.0]
    assert [number(t) for t in (0.0, 0.5, 1234.5, 12345.0, -3e-9, 1e20)] == [
        *("0", "0.5", "1,234.5", "12,345", "−3×10⁻⁹", "10²⁰")
    ]


def test_series_differ_by_more_than_color() -> None:
    looks = [colors.series(i) for i in range(12)]
    assert len(set(looks)) == 12 and len({dash for _, dash in looks[:8]}) == 8


@pytest.mark.parametrize("scheme", [colors.LIGHT, colors.DARK])
def test_colors_stand_out_from_the_paper(scheme: dict[str, str]) -> None:
    def luminance(color: str) -> float:
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))

    def contrast(name: str) -> float:  # as the Web Content Accessibility Guidelines define it
        dark, light = sorted((luminance(scheme[name]) + 0.05, luminance(scheme["paper"]) + 0.05))
        return light / dark

    assert contrast("ink") > 12 and contrast("soft") > 4.5
    assert min(contrast(name) for name in colors.SERIES) > 2


def test_no_numpy_is_needed(tmp_path: Path) -> None:
    code = (
        "import sys; from minigrad.viz.charts.chart import chart; chart({'a': [1, 2]}); print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_curves_go_into_axes_of_ones_own() -> None:
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    curves = {"$a": [1.0, 2.0, math.nan, 3.0], "_b": ([10, 20], [3, 4])}
    assert chart(curves, title="T $", x="step", y="loss", log_y=True, y_range=(0.5, 5), ax=ax) is ax
    a, b = ax.lines
    assert a.get_xdata().tolist() == [0, 1, 2, 3] and b.get_ydata().tolist() == [3, 4]
    assert (a.get_color(), b.get_color()) == (colors.LIGHT["blue"], colors.LIGHT["vermilion"])
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("T $", "step", "loss", "log")
    assert [t.get_text().strip("\u200b") for t in ax.get_legend().get_texts()] == ["$a", "_b"]
    assert ax.get_ylim() == (0.5, 5)
    ax.figure.canvas.draw()
    with pytest.raises(ValueError, match="log_y=True needs positive numbers"):
        chart({"a": [0.0]}, log_y=True, ax=ax)
    for wrong in (ax.figure, "a.png"):
        with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
            chart({"a": [1.0]}, ax=wrong)
