"""The pictures of a race: contours, map, relief, the page in a browser, the GIF, and the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad
from minigrad.surfaces import RULES, SURFACES, Race, Surface, animation, race
from minigrad.surfaces.contours import levels, lines, regions
from minigrad.surfaces.relief import POINTS

FIVE = ["sgd", "momentum", "adagrad", "rmsprop", "adam"]
RECORDED = [*FIVE, "lamb"]
"""The page does not have LAMB, so that a race with it is recorded."""
SVG = "{http://www.w3.org/2000/svg}"


# ---- contours --------------------------------------------------------------------------------------------------


def grid(function: Callable[..., Any], points: int = 41) -> np.ndarray:
    """Evaluate a function on a square from -2 to 2."""
    x = np.linspace(-2, 2, points)
    return np.asarray(function(x, x[:, None]))


def test_the_contours_of_a_cone_are_circles() -> None:
    z = grid(np.hypot)
    (circle,) = lines(z, 1.2)
    assert circle[0].tolist() == circle[-1].tolist()
    x, y = (circle / 10 - 2).T
    assert np.hypot(x, y) == pytest.approx(1.2, abs=0.003)
    turns = np.unwrap(np.arctan2(y, x))
    assert abs(turns[-1] - turns[0]) == pytest.approx(2 * np.pi)  # once around


def test_lines_that_leave_end_at_the_border() -> None:
    found = lines(grid(lambda x, y: x * y), 0.5)
    assert len(found) == 2
    for line in found:
        for column, row in (line[0], line[-1]):
            assert column in (0, 40) or row in (0, 40)
        x, y = (line / 10 - 2).T
        assert x * y == pytest.approx(0.5, abs=0.003)


@pytest.mark.parametrize("corners", range(16))
def test_every_cell_is_cut_between_high_and_low_corners(corners: int) -> None:
    high = np.array([[corners & 1, corners >> 1 & 1], [corners >> 3 & 1, corners >> 2 & 1]], float)
    found = lines(high, 0.5)
    assert len(found) == (0 if corners in (0, 15) else 2 if corners in (5, 10) else 1)
    for line in found:
        for column, row in line:
            ends = {(int(np.floor(row)), int(np.floor(column))), (int(np.ceil(row)), int(np.ceil(column)))}
            assert sorted(high[end] for end in ends) == [0, 1]


def test_in_a_saddles_cell_the_middle_decides() -> None:
    def joined(z: list[list[float]]) -> list[set[str]]:
        def side(column: float, row: float) -> str:
            return "top" if row == 0 else "bottom" if row == 1 else "left" if column == 0 else "right"

        return [{side(*line[0]), side(*line[-1])} for line in lines(np.array(z), 1.0)]

    # the first and the last corner are high; if the middle is, the low ones are cut off, and else the high ones
    ridge, gap = joined([[2.0, 0.0], [0.0, 2.5]]), joined([[2.0, 0.0], [0.0, 1.5]])
    assert {"top", "right"} in ridge and {"bottom", "left"} in ridge
    assert {"top", "left"} in gap and {"bottom", "right"} in gap
    ridge, gap = joined([[0.0, 2.0], [2.5, 0.0]]), joined([[0.0, 2.0], [1.5, 0.0]])
    assert {"top", "left"} in ridge and {"bottom", "right"} in ridge
    assert {"top", "right"} in gap and {"bottom", "left"} in gap


def test_regions_are_closed_and_have_the_area_above() -> None:
    z = grid(lambda x, y: x + 0 * y)
    (above,) = regions(z, 0.55)
    assert above[0].tolist() == above[-1].tolist()
    x, y = (above / 10 - 2).T
    area = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    assert area == pytest.approx((2 - 0.55) * 4)
    assert x.min() == pytest.approx(0.55) and x.max() == 2 and (y.min(), y.max()) == (-2, 2)
    assert [len(line) for line in regions(z, 5.0)] == []


def test_what_is_no_number_is_high() -> None:
    z = grid(np.hypot)
    z[:10] = np.nan
    z[30:, 30:] = np.inf
    for level in levels(z):
        for line in regions(z, level):
            assert np.isfinite(line).all()
    assert levels(np.zeros((5, 5))) == []


@pytest.mark.parametrize("steep", [False, True])
def test_levels_are_inside_and_rise(steep: bool) -> None:
    z = grid(lambda x, y: (x**2 + y**2) ** 3)
    found = levels(z, 14, steep)
    assert len(found) == 14 and z.min() < found[0] and found[-1] < z.max() and (np.diff(found) > 0).all()


# ---- SVG -------------------------------------------------------------------------------------------------------


def texts(picture: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_a_map_has_the_paths_at_their_places() -> None:
    result = race("valley", ["sgd", "adam"], steps=20)
    root = ElementTree.fromstring(result.map())
    drawn = [p.get("d", "") for p in root.iter(f"{SVG}path") if p.get("stroke-width") == "2.2"]
    ticks = {t.text: float(t.get("x", 0)) for t in root.iter(f"{SVG}text") if t.get("text-anchor") == "middle"}
    per_x = (ticks["0"] - ticks["−5"]) / 5
    for run, d in zip(result.values(), drawn):
        points = np.array([[float(n) for n in p.split(",")] for p in re.findall(r"[\d.-]+,[\d.-]+", d)])
        assert len(points) == 21
        assert np.diff(points[:, 0]) == pytest.approx(per_x * np.diff(run.positions[:, 0]), abs=0.11)
        assert np.corrcoef(points[:, 1], run.positions[:, 1])[0, 1] == pytest.approx(-1, abs=1e-5)
    assert {"sgd", "adam", "rate 0.0185", "valley: (x² + 100 y²) / 2"} <= set(texts(result.map()))


def test_divergence_is_shown_as_such() -> None:
    result = race("valley", ["sgd", "adam"], learning_rate={"sgd": 1e200})
    for picture in (result.map(), result.relief()):
        assert "diverged: step 1" in texts(picture)
        assert all(abs(float(n)) < 1e6 for n in re.findall(r"[ML,](-?[\d.]+)", picture))


def test_a_relief_is_painted_from_back_to_front() -> None:
    bowl = Surface("bowl", lambda x, y: x**2 + y**2, start=(0.0, 1.9), rate=0.1)
    pieces = re.findall('<path class="(path|height)[^>]*>', race(bowl, ["sgd"], steps=30).relief())
    first, last = pieces.index("path"), len(pieces) - pieces[::-1].index("path")
    assert pieces.count("height") == (POINTS - 1) ** 2
    # from the back wall down to the middle: most of the back is painted before, and all of the front after
    assert 0 < first < 0.3 * len(pieces) and 0.4 * len(pieces) < last < 0.7 * len(pieces)


@pytest.mark.parametrize("name", [*SURFACES, "of one's own"])
@pytest.mark.slow
def test_every_surface_can_be_drawn(name: str) -> None:
    ground: Any = name if name in SURFACES else lambda x, y: np.sin(3 * x) * np.log(y)  # nan below 0
    result = race(ground, ["sgd", "adam"], steps=10, start=None if name in SURFACES else (1.0, 1.5))
    for picture in (result.map(), result.relief()):
        assert 20_000 < len(picture) < 400_000 and "nan" not in picture and "inf" not in picture
        ElementTree.fromstring(picture)


def test_names_are_texts_whatever_they_hold(tmp_path: Path) -> None:
    hostile = "</script><b>&\"'"
    ground = Surface(hostile, lambda x, y: x**2 + y**2, formula=hostile, source=hostile)
    result = race(
        ground, {hostile: lambda x, dx, state, learning_rate: (x - learning_rate * dx, {hostile: dx})}, steps=3
    )
    assert hostile in texts(result.map()) and hostile in texts(result.relief())
    assert "<b>" not in result.page() and result.page().count("</script>") == 2


# ---- the page --------------------------------------------------------------------------------------------------


def data_of(text: str) -> Any:
    return json.loads(re.findall(r'id="data">(.*?)</script>', text)[0])


def places(run: dict[str, Any], view: tuple[float, ...]) -> np.ndarray:
    """Decode the positions of a run."""
    left, right, low, high = view
    part = np.frombuffer(b64decode(run["places"]), "<i2").reshape(-1, 2) / 16384
    return np.array(part * (right - left, high - low) + ((left + right) / 2, (low + high) / 2))


def halves(text: str) -> np.ndarray:
    return (np.frombuffer(b64decode(text), "<u2").astype("<u4") << 16).view("<f4").reshape(-1, 2)


def test_the_page_holds_the_races_numbers() -> None:
    result = race("himmelblau", RECORDED)
    data = data_of(result.page())
    default = data["default_rate"]
    for i, runs in enumerate(data["races"]):
        for (name, run), packed in zip(result.items(), runs):
            rate = run.learning_rate * 2.0 ** (i - default)
            there = race("himmelblau", [name], learning_rate=rate)[name]
            assert (packed["rate"], packed["diverged"]) == (rate, there.diverged)
            size = np.abs(there.positions) < 15  # of what is two views away, only that it is
            assert places(packed, data["view"])[size] == pytest.approx(there.positions[size], abs=10 / 16384)
            assert np.frombuffer(b64decode(packed["losses"]), "<f4") == pytest.approx(there.losses, rel=1e-6)
            assert halves(packed["vectors"]["dx"]) == pytest.approx(there.gradients, rel=0.004)
            for key, values in there.states.items():
                if key != "t":
                    assert halves(packed["vectors"][key])[1:] == pytest.approx(values, rel=0.004)
    assert any(run["diverged"] for runs in data["races"] for run in runs)


def test_pages_are_small() -> None:
    for rules, held in ((FIVE, "live"), (RECORDED, "races")):
        text = race("beale", rules).page()
        assert len(text.encode()) < 300_000 and held in data_of(text)


def test_rules_with_much_to_remember_have_a_small_page_too() -> None:
    text = race("beale", ["adam", "amsgrad", "nadam", "adam_incomplete", "radam", "lamb"]).page()
    assert len(text.encode()) < 300_000 and len(data_of(text)["races"]) >= 3


@pytest.mark.slow
def test_a_long_race_has_a_small_page_too() -> None:
    result = race("rosenbrock", ["adam", "momentum", "lamb"], steps=3001)
    page = result.page()
    data = data_of(page)
    assert len(page) < 300_000
    assert data["steps"][0] == 0 and data["steps"][-1] == 3001 and len(data["races"]) == 3
    assert places(data["races"][1][0], data["view"])[-1] == pytest.approx(result["adam"].positions[-1], abs=1e-3)


def test_a_long_race_that_the_page_runs_shows_some_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "MAX_DRAWN", 50)
    data = data_of(race("rosenbrock", FIVE, steps=121).page())
    assert data["steps"] == [*range(0, 121, 3), 121] and data["live"]["steps"] == 121


def test_arrows_show_where_momentum_leads() -> None:
    packed = data_of(race("valley", ["sgd", "momentum", "momentum_pytorch", "adam", "adagrad", "lamb"]).page())[
        "races"
    ][1]
    assert [(run["momentum"], run["ahead"]) for run in packed[:5]] == [
        *((None, True), ("v", True), ("v", False), ("mb", False), (None, True))
    ]


def balls(browser: Any) -> dict[str, tuple[float, float]]:
    """Return the positions of the balls on the map, by rule."""
    found = browser.execute_script(
        "return Object.fromEntries([...document.querySelectorAll('.ball')].map(b => "
        "[b.dataset.rule, b.getAttribute('transform').match(/translate\\(([-\\d.]+),([-\\d.]+)\\)/).slice(1)]))"
    )
    return {name: (float(x), float(y)) for name, (x, y) in found.items()}


def expected(result: Race, step: int, data: Any) -> dict[str, Any]:
    left, right, low, high = data["view"]
    x0, y0, x1, y1 = data["box"]
    found = {}
    for name, run in result.items():
        x, y = run.positions[min(step, len(run.positions) - 1)]
        across, down = x0 + (x - left) / (right - left) * (x1 - x0), y1 - (y - low) / (high - low) * (y1 - y0)
        found[name] = pytest.approx((min(max(across, x0), x1), min(max(down, y0), y1)), abs=0.1)
    return found


def set_range(browser: Any, name: str, value: int) -> None:
    browser.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1]; e.dispatchEvent(new Event('input'))",
        *(name, value),
    )


@pytest.mark.browser
@pytest.mark.parametrize("rules", [FIVE, RECORDED], ids=["live", "recorded"])
def test_the_balls_are_where_the_arrays_say(browser: Any, tmp_path: Path, rules: list[str]) -> None:
    result = race("beale", rules, steps=60)
    text = result.page()
    data = data_of(text)
    browser.get(text.save(tmp_path / "race.html").as_uri())
    assert balls(browser) == expected(result, 0, data)
    for step in (1, 17, 60):
        set_range(browser, "step", step)
        assert balls(browser) == expected(result, step, data)
        assert browser.find_element("id", "step-text").text == f"{step} of 60"
    cells = browser.find_elements("css selector", "#rules tbody tr")
    for cell, run in zip(cells, result.values()):
        assert float(cell.find_elements("tag name", "td")[3].text) == pytest.approx(run.losses[60], rel=0.01)

    faster = result.again({name: run.learning_rate * 4 for name, run in result.items()})
    set_range(browser, "rate", data["default_rate"] + 2)
    assert browser.find_element("id", "rate-text").text == "× 4"
    for step in (60, 5):
        set_range(browser, "step", step)
        assert balls(browser) == expected(faster, step, data)


@pytest.mark.browser
def test_it_plays_stops_and_steps_by_buttons_and_keys(browser: Any, tmp_path: Path) -> None:
    result = race("himmelblau", FIVE, steps=40)
    text = result.page()
    browser.get(text.save(tmp_path / "race.html").as_uri())
    keys = browser.find_element("tag name", "body").send_keys
    step = browser.find_element("id", "step")

    def now() -> int:
        return int(step.get_attribute("value"))

    button = {name: browser.find_element("id", name) for name in ("first", "back", "play", "next")}
    button["next"].click()
    button["next"].click()
    button["back"].click()
    assert now() == 1 and balls(browser) == expected(result, 1, data_of(text))
    assert "step 1 of 40" in browser.find_element("id", "status").get_attribute("textContent")
    button["play"].click()
    assert button["play"].text == "Pause"
    deadline = time.monotonic() + 20
    while now() < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    button["play"].click()
    stopped = now()
    assert 5 <= stopped < 40 and button["play"].text == "Play"
    time.sleep(0.1)
    assert now() == stopped and balls(browser) == expected(result, stopped, data_of(text))

    browser.execute_script("document.activeElement.blur()")
    keys("\ue010")  # end
    assert now() == 40
    keys("\ue012")  # left
    assert now() == 39
    keys("\ue011")  # home
    assert now() == 0
    rate = browser.find_element("id", "rate")
    before = int(rate.get_attribute("value"))
    keys("\ue013")  # up
    assert int(rate.get_attribute("value")) == before + 1
    keys("s")
    rows = browser.find_elements("css selector", "#states tbody tr")
    assert [row.find_elements("tag name", "td")[0].text for row in rows] == [
        *("dx", "dx", "v", "dx", "cache", "dx", "cache", "dx", "m", "v", "mb", "vb")
    ]
    set_range(browser, "speed", 4)
    browser.execute_script("document.getElementById('speed').value = '4'")
    keys(" ")
    deadline = time.monotonic() + 20
    while now() < 40 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now() == 40 and button["play"].text == "Play"  # it stops at the end by itself


@pytest.mark.browser
def test_the_internal_state_is_the_rules(browser: Any, tmp_path: Path) -> None:
    result = race("rosenbrock", FIVE, steps=30)
    browser.get(result.page().save(tmp_path / "race.html").as_uri())
    browser.find_element("id", "inside").click()
    set_range(browser, "step", 12)
    rows = browser.find_elements("css selector", "#states tbody tr")
    shown = [[cell.text for cell in row.find_elements("tag name", "td") if cell.text] for row in rows]
    table = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")

    def number(text: str) -> float:
        return float(text.translate(table).replace("×10", "e"))

    names = [(rule, name) for rule, run in result.items() for name in ("dx", *run.states) if name != "t"]
    assert len(shown) == len(names)
    for (rule, name), (label, x, y) in zip(names, shown):
        run = result[rule]
        values = run.gradients[12] if name == "dx" else run.states[name][11]
        assert label == name
        assert [number(x), number(y)] == pytest.approx(values, rel=0.06)


@pytest.mark.browser
def test_arrows_are_as_long_as_what_is_in_view(browser: Any, tmp_path: Path) -> None:
    browser.get(race("saddle", ["momentum"]).page().save(tmp_path / "race.html").as_uri())  # it ends far away
    browser.find_element("id", "inside").click()
    set_range(browser, "step", 3)
    for arrow in browser.find_elements("css selector", "#states path"):
        assert arrow.rect["width"] > 10
    far = race("beale", ["sgd"], learning_rate=0.5)
    assert far["sgd"].diverged and abs(far["sgd"].gradients).max() > 1e39  # infinite in float32
    browser.get(far.page().save(tmp_path / "race.html").as_uri())
    browser.find_element("id", "inside").click()
    set_range(browser, "step", 150)
    assert not browser.get_log("browser")


@pytest.mark.browser
def test_a_loss_of_zero_leaves_the_powers_of_ten(browser: Any, tmp_path: Path) -> None:
    result = race("valley", ["momentum"], steps=2000)
    assert np.float32(result["momentum"].losses[-1]) == 0
    browser.get(result.page().save(tmp_path / "race.html").as_uri())
    assert "10⁻³" in browser.find_element("id", "losses").text


@pytest.mark.browser
def test_divergence_is_marked_and_the_others_go_on(browser: Any, tmp_path: Path) -> None:
    result = race("valley", ["sgd", "adam"], learning_rate={"sgd": 0.5}, steps=30)
    assert result["sgd"].diverged
    browser.get(result.page().save(tmp_path / "race.html").as_uri())
    set_range(browser, "step", 30)
    rows = [row.text for row in browser.find_elements("css selector", "#rules tbody tr")]
    assert f"diverged, step {result['sgd'].diverged}" in rows[0] and "diverged" not in rows[1]
    labels = [t.text for t in browser.find_elements("css selector", "text.name")]
    assert labels == ["sgd diverged", "adam"]
    set_range(browser, "step", 0)
    assert [t.text for t in browser.find_elements("css selector", "text.name")] == ["sgd", "adam"]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it(browser: Any, tmp_path: Path, scheme: str) -> None:
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    browser.get(race("saddle", FIVE).page().save(tmp_path / "race.html").as_uri())
    browser.find_element("id", "inside").click()
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    assert wide <= 360
    small = browser.execute_script(
        "return [...document.querySelectorAll('.stage text')].map(t => t.getBoundingClientRect().height)"
    )
    assert min(small) > 10
    narrow = browser.execute_script(
        "return [...document.querySelectorAll('button, select')].map(t => t.getBoundingClientRect().height)"
    )
    assert min(narrow) >= 40


# ---- the GIF, and the files ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_gif_moves_for_as_long_as_it_should(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    from PIL import Image

    seen: list[int] = []
    result = race("saddle", FIVE, steps=30)
    with Image.open(result.save(tmp_path / "race.gif", watch=lambda done, of, name: seen.append(done))) as picture:
        assert picture.n_frames == 31 == len(seen)  # type: ignore[attr-defined]
        times, frames = [], []
        for i in range(31):
            picture.seek(i)
            times.append(picture.info["duration"])
            frames.append(np.asarray(picture.convert("RGB")))
    assert sum(times) == pytest.approx(10_000, rel=0.05)
    assert all((a != b).any() for a, b in zip(frames, frames[1:]))
    assert (tmp_path / "race.gif").stat().st_size < 1_000_000


def test_a_race_draws_itself_into_axes_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    result = race("valley", {"$_1$": RULES["sgd"], "_adam": RULES["adam"], "wild": RULES["sgd"]}, steps=20)
    result = result.again({"wild": 1e200})
    left, right = Figure().subplots(1, 2)
    assert result.plot(left) is left and not right.lines
    paths = {line.get_label(): np.array(line.get_data()).T for line in left.lines}
    assert paths["$_1$"].tolist() == result["$_1$"].positions.tolist()
    assert [label.get_text().strip("\u200b") for label in left.get_legend().get_texts()] == [
        *("$_1$", "_adam", "wild: diverged")
    ]
    assert left.get_xlim() + left.get_ylim() == result.surface.view
    left.figure.canvas.draw()  # names are not read as formulas
    try:
        assert result.plot() is pyplot.gca()
    finally:
        pyplot.close("all")
    for wrong in (left.figure, 3):
        with pytest.raises(TypeError, match=r"ax must be a matplotlib Axes, as figure, ax = plt.subplots\(\); got"):
            result.plot(wrong)


def test_without_matplotlib_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"minigrad-course\[plot\]"):
        race("saddle", ["sgd"], steps=2).plot()


def test_a_race_and_its_runs_show_themselves_in_a_line() -> None:
    result = race("beale", FIVE, learning_rate={"sgd": 1e9})
    assert repr(result) == f"Race('beale', {FIVE}, steps=200)"
    assert repr(result["sgd"]) == "Run('sgd', learning_rate=1e+09, steps=1, diverged=1)"
    assert re.fullmatch(r"Run\('adam', learning_rate=0.05, steps=200, loss=0\.\d+\)", repr(result["adam"]))


def test_without_matplotlib_the_gif_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'minigrad-course\[plot\]'"):
        race("saddle", ["sgd"], steps=2).save(tmp_path / "race.gif")
    assert not list(tmp_path.iterdir())


def test_the_ending_says_what_is_written(tmp_path: Path) -> None:
    result = race("saddle", ["sgd"], steps=5)
    assert result.save(tmp_path / "a.svg").read_text("utf-8") == result.map()
    assert result.save(str(tmp_path / "a.HTML")).read_text("utf-8") == result.page()
    assert "<iframe srcdoc=" in result._repr_html_()
    with pytest.raises(ValueError, match=r"a.bmp must end in .html, .svg or .gif"):
        result.save(tmp_path / "a.bmp")


def shell(folder: Path, *arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    root = str(Path(minigrad.__file__).parents[1])
    start = f"import sys; sys.path[0] = {root!r}; {code}\nfrom minigrad import cli; sys.exit(cli.main(sys.argv[1:]))"
    command = [sys.executable, "-W", "error", "-c", start, "race", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_the_command_races(tmp_path: Path) -> None:
    done = shell(tmp_path, "--surface", "saddle", "--rules", "sgd, adam", "--start", "-1", "0.1", "--steps", "20")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"\nadam +0\.04 +-?[\d.]+ +\(", done.stdout) and "The race: race.html" in done.stdout
    data = data_of((tmp_path / "race.html").read_text("utf-8"))
    assert data["steps"][-1] == 20 and [rule["name"] for rule in data["rules"]] == ["sgd", "adam"]
    assert data["live"]["start"] == [-1, 0.1] and data["live"]["steps"] == 20
    arguments = ("--learning-rate", "sgd=0.5,adam=0.25", "--out", "r.svg", "--relief")
    done = shell(tmp_path, *arguments, "--surface", "saddle", "--rules", "sgd,adam")
    assert re.search(r"\nsgd +0\.5 ", done.stdout) and re.search(r"\nadam +0\.25 ", done.stdout)
    assert "as a relief" in (tmp_path / "r.svg").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surface", "mars"], "there is no surface 'mars'. There are: valley, saddle"),
        (["--rules", "sgd,adm"], "there is no rule 'adm', did you mean 'adam'"),
        (["--rules", ","], "rules is empty; the names are: sgd"),
        (["--steps", "0"], "steps must be a positive integer, got 0"),
        (["--learning-rate", "much"], "--learning-rate 'much' must be a number, or names"),
        (["--learning-rate", "sgd=much"], "--learning-rate 'sgd=much' must be a number, or names"),
        (["--learning-rate", "-1"], "the learning_rate of 'sgd' must be a positive number, got -1.0"),
        (["--out", "race.bmp"], "race.bmp must end in .html, .svg or .gif"),
        (["--out", "race.gif", "--relief"], "race.gif must end in .svg"),
        (["--out", "no/race.svg"], "there is no folder no"),
    ],
)
def test_a_wrong_call_is_explained_in_a_line(command: Any, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = command("race", *arguments)
    assert done.returncode == 2 and message in done.stderr
    assert not list(tmp_path.iterdir())


def test_help_names_the_surfaces_and_the_rules(tmp_path: Path) -> None:
    text = " ".join(shell(tmp_path, "--help").stdout.split())
    assert f"Surfaces: {', '.join(SURFACES)}." in text and f"minigrad.optim.rules: {', '.join(RULES)}." in text


@pytest.mark.slow
def test_an_unwritable_file_raises_before_the_race(tmp_path: Path) -> None:
    (tmp_path / "race.html").mkdir()
    done = shell(tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and "--out: race.html is a folder" in done.stderr
    done = shell(tmp_path, "--out", "race.svg", code="import os; os.access = lambda *_: False")
    assert (done.returncode, done.stdout) == (2, "") and "--out: race.svg may not be written" in done.stderr


@pytest.mark.slow
def test_without_matplotlib_the_command_says_what_to_install(tmp_path: Path) -> None:
    arguments = ("--out", "race.gif", "--surface", "saddle", "--steps", "3")
    done = shell(tmp_path, *arguments, code="sys.modules['matplotlib.figure'] = None")
    assert done.returncode == 2 and not list(tmp_path.iterdir())
    assert done.stderr.strip().splitlines() == [
        "python -m minigrad: a GIF needs matplotlib: pip install 'minigrad-course[plot]'"
    ]


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    code = "import minigrad.surfaces as s\ndef race(*_, **__): raise KeyboardInterrupt\ns.race = race"
    done = shell(tmp_path, code=code)
    assert done.returncode == 130 and done.stderr.strip() == "interrupted" and not list(tmp_path.iterdir())
