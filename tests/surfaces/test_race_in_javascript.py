"""The page of a race runs the race itself. Its numbers are compared with the engine's, in Node and in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.optim import rules
from minigrad.surfaces import RULES, SURFACES, Race, Surface, animation, race
from minigrad.surfaces.animation import NOT_ELEMENTWISE
from minigrad.surfaces.javascript import to_javascript

LIVE = [name for name in RULES if name not in NOT_ELEMENTWISE]
RUN = "live.rules.map((r) => runRule(surface, r.rule, { ...r.settings, rate: r.rate }, live))"
OWN = Surface(
    "of one's own",
    lambda x, y: np.sin(3 * x) + abs(y) ** 1.5 + minigrad.tensor(1.0) * x.relu() + np.maximum(x, y) / (2 + x.exp()),
    view=(-2, 2, -1, 1),
    start=(1.5, 0.9),
)


def data_of(text: str) -> Any:
    return json.loads(re.findall(r'id="data">(.*?)</script>', text)[0])


def script_of(text: str) -> str:
    return re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]


def in_node(text: str, tmp_path: Path) -> Any:
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed; the browser runs the same script")
    script = script_of(text).partition("// The page of a race.")[0]  # what runs the race, without what draws it
    code = f"{script}\nconst live = {json.dumps(data_of(text)['live'])};\nconsole.log(JSON.stringify({RUN}));"
    path = tmp_path / "race.js"
    path.write_text(code, "utf-8")
    done = subprocess.run([node, str(path)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def in_browser(text: str, tmp_path: Path, browser: Any) -> Any:
    path = tmp_path / "race.html"
    path.write_text(text, "utf-8")
    browser.get(path.as_uri())
    return json.loads(browser.execute_script(f"return JSON.stringify({RUN})"))


def compare(result: Race, found: list[Any]) -> None:
    for (name, run), record in zip(result.items(), found, strict=True):
        assert record["diverged"] == run.diverged, name
        assert np.array(record["positions"]) == pytest.approx(run.positions, rel=1e-7, abs=1e-9), name
        assert np.array(record["losses"]) == pytest.approx(run.losses, rel=1e-6, abs=1e-9), name
        assert np.array(record["vectors"]["dx"]) == pytest.approx(run.gradients, rel=1e-6, abs=1e-7), name
        for key in record["vectors"].keys() - {"dx"}:
            assert np.array(record["vectors"][key][1:]) == pytest.approx(run.states[key], rel=1e-6, abs=1e-7), name


RACES: dict[str, Any] = {
    **{name: lambda name=name: race(name, LIVE, steps=25) for name in SURFACES if name != "digits"},
    OWN.name: lambda: race(OWN, LIVE, steps=25),
    "settings": lambda: race(
        "noisy",
        {
            "mu 0.5": partial(rules.momentum, mu=0.5),
            "nesterov": partial(rules.momentum_pytorch, nesterov=True, dampening=0.1),
            "not centered": partial(rules.rmsprop_momentum, centered=False, mu=0.0),
            "betas": partial(rules.adam, beta1=0.5, beta2=0.9, epsilon=1e-3),
            "mean": partial(rules.asgd, t0=5, lambd=0.1),
        },
        (1.0, -2.0),
        30,
        seed=3,
    ),
    "diverged": lambda: race("beale", ["sgd", "momentum", "adam"], learning_rate={"sgd": 0.5, "momentum": 1e300}),
}


QUICK = ("noisy", "settings", "diverged")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in RACES])
def test_node_makes_the_runs_of_the_engine(name: str, tmp_path: Path) -> None:
    result = RACES[name]()
    compare(result, in_node(result.page(), tmp_path))


@pytest.mark.browser
def test_the_browser_makes_the_runs_of_the_engine(browser: Any, tmp_path: Path) -> None:
    for name in ("beale", OWN.name, "settings", "diverged"):
        result = RACES[name]()
        compare(result, in_browser(result.page(), tmp_path, browser))


def test_what_has_no_translation_is_recorded() -> None:
    branch = Surface("branch", lambda x, y: x**2 + y**2 if x > 1.95 and y > 1.95 else x * x + y * y + 0 * x)
    grid = Surface("grid", lambda x, y: (minigrad.as_tensor([1.0, 2.0]) * x + y).square().sum())
    assert to_javascript(branch) is None and to_javascript(grid) is None
    own: Any = lambda x, dx, state, learning_rate: (x - learning_rate * dx, {})  # noqa: E731
    races: list[tuple[Any, Any]] = [(branch, ["sgd"]), (grid, ["sgd"]), ("saddle", ["lamb"]), ("saddle", {"own": own})]
    for ground, several in races:
        text = race(ground, several, steps=4).page()
        assert "live" not in data_of(text) and len(data_of(text)["races"]) >= 3
        assert "const surface = null" in script_of(text) and "Click the map" not in text


def test_a_race_that_is_too_long_for_the_page_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "MAX_LIVE", 40)
    monkeypatch.setattr(animation, "MAX_NOISY", 20)
    for name, steps, is_live in (
        ("valley", 40, True),
        ("valley", 41, False),
        ("noisy", 20, True),
        ("noisy", 21, False),
    ):
        assert ("live" in data_of(race(name, ["sgd"], steps=steps).page())) == is_live


def test_names_in_a_program_are_no_words_of_javascript() -> None:
    words = to_javascript(Surface("new", lambda x, y: (minigrad.Value(2.0, "function") * x + y) ** 2)) or ""
    assert not re.search(r"const (?!\w+_ )", words)


# ---- the controls ----------------------------------------------------------------------------------------------


def setting(browser: Any, rule: str, name: str) -> Any:
    """Return the slider of a setting and the number beside it."""
    for group in browser.find_elements("css selector", "#settings fieldset"):
        if group.find_element("tag name", "legend").text == rule:
            for label in group.find_elements("tag name", "label"):
                if label.find_element("tag name", "span").text == name:
                    return label.find_element("tag name", "input"), label.find_element("tag name", "output")
    raise AssertionError(f"no slider of {name} of {rule}")


def losses(browser: Any, step: int) -> list[float]:
    browser.execute_script(
        "const e = document.getElementById('step'); e.value = arguments[0]; e.dispatchEvent(new Event('input'))", step
    )
    cells = browser.find_elements("css selector", "#rules tbody tr td:last-child")
    table = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")
    return [float(cell.text.translate(table).replace("×10", "e")) for cell in cells]


def ends(result: Race) -> Any:
    return pytest.approx([run.losses[-1] for run in result.values()], rel=0.006)


@pytest.mark.browser
def test_sliders_change_the_rule_that_they_belong_to(browser: Any, tmp_path: Path) -> None:
    names = ["sgd", "momentum", "adam"]
    browser.get(race("beale", names, steps=50).page().save(tmp_path / "race.html").as_uri())
    assert losses(browser, 50) == ends(race("beale", names, steps=50))
    right, left = "\ue014", "\ue012"
    mu, shown = setting(browser, "momentum", "mu")
    assert (shown.text, mu.get_attribute("aria-valuetext"), mu.accessible_name) == ("0.9", "0.9", "mu of momentum")
    mu.send_keys(left * 4)  # a range is moved by the arrow keys; the page does not take them for its own
    assert (shown.text, mu.get_attribute("aria-valuetext")) == ("0.5", "0.5")
    beta1, shown = setting(browser, "adam", "beta1")
    beta1.send_keys(right)
    assert shown.text == "0.95"
    rate, shown = setting(browser, "sgd", "rate")
    rate.send_keys(left * 10)
    assert shown.text == "0.001"
    changed = {"sgd": rules.sgd, "momentum": partial(rules.momentum, mu=0.5), "adam": partial(rules.adam, beta1=0.95)}
    assert losses(browser, 50) == ends(race("beale", changed, steps=50, learning_rate={"sgd": 0.001}))
    status = browser.find_element("id", "status").get_attribute("textContent")
    assert status.startswith("step 50 of 50. Losses: sgd: ")
    browser.find_element("id", "reset").click()
    assert setting(browser, "momentum", "mu")[1].text == "0.9"
    assert losses(browser, 50) == ends(race("beale", names, steps=50))


@pytest.mark.browser
def test_a_click_or_two_numbers_choose_another_start(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    names = ["sgd", "momentum"]
    result = race("himmelblau", names, steps=20)
    browser.get(result.page().save(tmp_path / "race.html").as_uri())
    x, y = (browser.find_element("id", name) for name in ("start-x", "start-y"))
    assert [x.get_attribute("value"), y.get_attribute("value")] == ["0.6", "-3.8"]
    ActionChains(browser).move_to_element_with_offset(
        browser.find_element("css selector", ".stage .drawing"), 60, -70
    ).click().perform()
    browser.execute_script("if (playing) stop()")
    start = float(x.get_attribute("value")), float(y.get_attribute("value"))
    assert start != (0.6, -3.8) and all(-5 <= value <= 5 for value in start)
    assert losses(browser, 20) == ends(race("himmelblau", names, start, 20))
    for field, text in ((x, "-2"), (y, "3.5")):
        field.clear()
        field.send_keys(text + "\t")
    assert losses(browser, 20) == ends(race("himmelblau", names, (-2, 3.5), 20))
    x.clear()  # an empty field leaves the start
    x.send_keys("\t")
    assert losses(browser, 20) == ends(race("himmelblau", names, (-2, 3.5), 20))
