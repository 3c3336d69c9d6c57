"""Steps of a backward pass: they are those of the engine, and their text is complete."""

from __future__ import annotations

import math
import operator
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from minigrad import Network, Tensor, Value, data, engine, nn, step
from minigrad.viz.steps.steps import Steps

UNARY = ("tanh", "exp", "relu", "sigmoid", "__neg__", "sin", "square")
BINARY = (operator.add, operator.sub, operator.mul, operator.truediv, lambda a, b: b - a)
PROGRAMS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=25)


def random_values(program: list[tuple[int, int, int]]) -> Value:
    """Return the output of a graph of Values whose operations use any earlier results, any number of times."""
    made: list[Any] = [Value(0.5, name="a"), Value(-1.25, name="b"), Value(2.0, name="c")]
    for kind, i, j in program:
        a, b = made[i % len(made)], [*made, 0.75][j % (len(made) + 1)]
        made.append(getattr(a, UNARY[kind])() if kind < len(UNARY) else BINARY[kind - len(UNARY)](a, b))
    return made[-1]


def random_tensors(program: list[tuple[int, int, int]]) -> Tensor:
    """Return the same for tensors of shapes that broadcast."""
    rng = np.random.default_rng(0)
    made: list[Any] = [Tensor(rng.normal(size=s), requires_grad=True) for s in ((2, 3), (3,), (2, 1), ())]
    for kind, i, j in program:
        a, b = made[i % len(made)], [*made, 0.75, np.ones(3)][j % (len(made) + 2)]
        with np.errstate(all="ignore"):
            made.append(getattr(a, UNARY[kind])() if kind < len(UNARY) else BINARY[kind - len(UNARY)](a, b))
    return made[-1].sum()


def mlp() -> tuple[Network, Any]:
    minigrad.manual_seed(0)
    network = Network(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3)), nn.CrossEntropyLoss())
    return network, network.forward(data.spiral(seed=0).sample_data_batch(size=8))


def same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(np.asarray(a), np.asarray(b), equal_nan=True))


def check_against_the_engine(steps: Steps, output: Any) -> None:
    """Event by event, the nodes, gradients, contributions and sums are those of the walk."""
    events = list(engine.walk({output.node: output.seed()}, retain_graph=True))
    assert [s.node for s in steps] == [node for node, _, _ in events]
    totals: dict[Any, Any] = {}
    for s, (node, g, contributions) in zip(steps, events):
        assert same(s.gradient, g)
        if node in totals:
            assert same(totals[node], g)
        arrived = [(source, c) for source, c in zip(node.inputs, contributions) if source is not None and c is not None]
        assert [part.to for part in s.contributions] == [source for source, _ in arrived]
        for part, (source, c) in zip(s.contributions, arrived):
            assert same(part.value, c)
            assert (part.before is None) == (source not in totals)
            assert part.before is None or same(part.before, totals[source])
            totals[source] = part.total
        parts = s.contributions
        assert [part.nth for part in parts if part.nth == part.of] or not parts or parts[-1].of > 1
        assert str(s).startswith(f"{s.number}. {s.name}")
    assert [s.node for s in steps.forward] == sorted({*steps.nodes}, key=lambda node: node.index)


@given(PROGRAMS)
def test_the_steps_of_values_are_the_events_of_the_engine_and_what_backward_stores(program: Any) -> None:
    end = random_values(program)
    steps = step(end)
    check_against_the_engine(steps, end)
    end.backward()  # the graph is still there
    for s in steps:
        assert same(s.gradient, s.node.grad)


@given(PROGRAMS)
def test_the_steps_of_tensors_are_the_events_of_the_engine_and_what_backward_stores(program: Any) -> None:
    with np.errstate(all="ignore"):
        end = random_tensors(program)
        steps = step(end)
        check_against_the_engine(steps, end)
        end.backward()
        for s in steps:
            assert s.node.grad is None or same(s.gradient, s.node.grad.numpy())
            assert s.value is not None and s.value.shape == s.node.shape


def test_a_network_is_stepped_through_and_can_still_go_back() -> None:
    network, loss = mlp()
    steps = step(loss)
    dx = network.backward()
    assert same(steps.at("0.weight").gradient, dx[network.names()["0.weight"]].reshape(4, 2))
    assert [s.name for s in steps][-4:] == ["2.bias", "2.weight", "0.bias", "0.weight"]
    with pytest.raises(RuntimeError, match="released this graph"):
        step(loss)


def test_a_step_shows_the_primitive_with_its_numbers() -> None:
    a = Value(3.0, name="a")
    b = a.tanh()
    b.name = "b"
    c = b * 2.0 - a
    assert str(step(c)).splitlines() == [
        "1. c = sub(n2, a) = -1.01; its gradient: dc = 1",
        "   dn2 = dc = 1",
        "   da += -dc = -1 (contribution 1 of 2)",
        "2. n2 = mul(b, 2) = 1.99; its gradient: dn2 = 1",
        "   db = dn2 * 2 = 1 * 2 = 2",
        "3. b = tanh(a) = 0.9951; its gradient: db = 2",
        "   da += db * (1 - b * b) = 2 * (1 - 0.9951 * 0.9951) = 0.01973 "
        "(contribution 2 of 2, so da = (-1) + 0.01973 = -0.9803)",
        "4. a = 3; its gradient: da = -0.9803",
    ]
    assert [str(s) for s in step(c).forward] == [
        "1. a = 3, a leaf",
        "2. b = tanh(a)\n   b = tanh(a) = tanh(3) = 0.9951",
        "3. n2 = mul(b, 2)\n   n2 = b * 2 = 0.9951 * 2 = 1.99",
        "4. c = sub(n2, a)\n   c = n2 - a = 1.99 - 3 = -1.01",
    ]


def test_the_question_that_is_asked_most() -> None:
    """b = a + a; c = b + b: b waits for both contributions, and then passes on their sum."""
    a = Value(1.0, name="a")
    b = a + a
    c = b + b
    steps = step(c)
    assert [(s.gradient, [x.total for x in s.contributions]) for s in steps] == [
        (1.0, [1.0, 2.0]),
        (2.0, [2.0, 4.0]),
        (4.0, []),
    ]
    assert "contribution 2 of 2, so da = 2 + 2 = 4" in str(steps)


def test_what_is_shown_after_data_was_changed_is_still_what_the_engine_does() -> None:
    a, b = Value(2.0, name="a"), Value(3.0, name="b")
    c = a * b
    b.data = 10.0
    assert "da = dc * b = 1 * 3 = 3" in str(step(c))


def test_arrays_are_shown_by_shape_range_and_one_element() -> None:
    w = Tensor([1.0, -2.0, 3.0], requires_grad=True)
    w.name = "w"
    x = Tensor([[1.0, 1.0, 1.0], [1.0, 2.0, 5.0]])
    text = str(step((w * x).tanh().sum()))
    assert "dn2 = dn3, at every element of n2 = (2, 3) all 1" in text
    assert "dw = dn1 * x = [0.8399, 0.07333, 0.009866], summed from (2, 3)" in text
    assert "at [0, 0]: dn1 = dn2 * (1 - n2 * n2) = 1 * (1 - 0.7616 * 0.7616) = 0.42" in text


def test_memory_is_let_go_by_the_last_that_holds_it() -> None:
    x = Tensor(np.ones((4, 4)), requires_grad=True)
    y = x.exp()  # keeps y
    z = y * y  # keeps y, twice
    steps = step(z.sum())
    kept = {s.name: s.saved for s in steps}
    assert [(m.name, m.nbytes, m.freed) for m in kept["z"]] == [("b", 128, False)]
    assert [(m.name, m.nbytes, m.freed) for m in kept["y"]] == [("y", 128, True)]
    assert "releases y (4, 4), 128 bytes" in str(steps.at("n1"))


def test_an_upstream_gradient() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    steps = step(w * 2, gradient=np.array([1.0, 10.0]))
    assert steps.at(w).gradient.tolist() == [2.0, 20.0]
    with pytest.raises(RuntimeError, match="only a single number"):
        step(w * 2)


def test_gradients_changed_by_hooks_are_shown() -> None:
    w = Tensor(2.0, requires_grad=True)
    y = w * w
    y.register_hook(lambda g: g * 10)
    steps = step(y)
    assert steps[0].arrived == 1.0 and steps[0].gradient == 10.0
    assert "a hook changed it from 1" in str(steps[0])


def test_every_primitive_can_be_shown() -> None:
    from minigrad.program.notation import contribution, formula, with_symbols

    for primitive in {id(r): r for r in primitives()}.values():
        assert formula(primitive) and with_symbols(formula(primitive))
        names = primitive.partials if hasattr(primitive, "partials") else primitive.vjps
        assert all(contribution(primitive, name) for name in names)


def primitives() -> list[Any]:
    import importlib
    import pkgutil

    import minigrad.primitives
    from minigrad.primitives.primitive import Primitive

    modules = [
        importlib.import_module(m.name)
        for m in pkgutil.iter_modules(minigrad.primitives.__path__, "minigrad.primitives.")
    ]
    return [v for m in modules for v in vars(m).values() if isinstance(v, Primitive)]


def test_what_has_no_name_is_called_as_its_variable() -> None:
    w = Tensor([[1.0, 2.0]], requires_grad=True)
    x, target = Tensor([[3.0], [4.0]]), np.array([5.0], np.float32)

    def inside() -> str:
        error = w @ x - target
        return str(step((error * error).sum()))

    text = inside()
    assert "error = sub(n1, target)" in text and "dw = dn1 @ x.T" in text


# ---- what it refuses, and what is odd


def test_what_has_no_graph() -> None:
    with pytest.raises(RuntimeError, match="requires_grad"):
        step(Tensor([1.0]))
    with pytest.raises(TypeError, match="got float"):
        step(3.0)
    network, loss = mlp()
    network.forward(data.spiral(seed=0).sample_data_batch(size=8))
    with pytest.raises(RuntimeError, match="before the network's next forward"):
        step(loss)


def test_a_leaf_alone() -> None:
    steps = step(Value(2.0, name="a"))
    assert str(steps) == "1. a = 2; its gradient: da = 1" and len(steps) == len(steps.forward) == 1
    assert str(step(Tensor(2.0, requires_grad=True))) == "1. n0 = 2; its gradient: dn0 = 1"


def test_a_node_that_is_not_there() -> None:
    a = Value(2.0, name="a")
    with pytest.raises(KeyError, match="does not reach 'z'; it reaches n1, a"):
        step(a * a).at("z")


def test_an_index_is_shown_as_in_brackets() -> None:
    x = Tensor(np.ones((2, 3, 8)), requires_grad=True)
    calls = [s.call for s in step((x[:, None, :, 2:6] + x[..., :1].sum()).sum()).forward]
    assert "getitem(x, index=[:, None, :, 2:6])" in calls and "getitem(x, index=[..., :1])" in calls


def test_what_a_letter_of_a_formula_means_comes_after_the_result() -> None:
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    x.name = "x"
    steps = step(nn.LayerNorm(3).double()(x).sum())
    meaning = ", where n = (x - mean(x)) / sqrt(var(x) + eps)"
    assert f"n3 = n * weight + bias = (2, 3) from -1.225 to 1.225{meaning}" in str(steps.forward[3])
    assert f"layer_norm: y = n * weight + bias{meaning}; " in steps[1].primitive_line()
    assert re.search(r"dx = scale \* .* = \(2, 3\) [^=]*, where scale = 1 / sqrt\(var\(x\) \+ eps\)", str(steps[1]))


def test_nan_and_infinities() -> None:
    a = Value(0.0, name="a")
    assert "dn1 * (1 / a) = 1 * (1 / 0) = inf" in str(step(a.log()))
    w = Tensor([0.0, -1.0, 1.0] * 3, requires_grad=True)
    with np.errstate(all="ignore"):
        assert "(9,) 0, 3 nan, 3 -inf" in str(step(w.log().sum()))


def test_names_that_are_no_names() -> None:
    nasty = Value(1.0, name="\x1b[31m a<b> \n")
    text = str(step(nasty * nasty))
    assert "dn0 += dn1 * n0" in text and r"\x1b[31m a<b> \n" in text and "\x1b" not in text


def test_two_of_one_name() -> None:
    a, b = Value(1.0, name="w"), Value(2.0, name="w")
    assert "dn0 = dn2 * n1" in str(step(a * b))


def test_a_function_with_several_results() -> None:
    class Both(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            return g * 2 + h * 3

    x = Tensor([1.0, 1.0], requires_grad=True)
    a, b = Both.apply(x)
    steps = step((a + b).sum())
    assert "[1, 1] for output 1, [1, 1] for output 0" in str(steps)
    assert steps.at(x).gradient.tolist() == [5.0, 5.0]


def test_a_function_with_constants() -> None:
    class Scale(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, by: Any, unused: Any, how: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2, None, None, None

    x = Tensor([1.0, 2.0], requires_grad=True)
    steps = step(Scale.apply(x, np.ones(3), minigrad.ones(2), len).sum())
    assert "n1 = Scale(x, by (3,), unused (2,), len); its gradient: dn1 = [1, 1]" in str(steps)
    assert "dx = Scale.backward(dn1) = [2, 2]" in str(steps)
    assert "n1 = Scale(x, by, unused, len) = ? (2,)" in str(steps.forward[1])


def test_no_elements_and_single_ones() -> None:
    x, y = minigrad.zeros(0, 3, requires_grad=True), minigrad.ones(1, 1, requires_grad=True)
    steps = step((x * 2).sum() + (y * 2).sum())
    assert "dx = dn2 * 2 = (0, 3)" in str(steps) and "dy = dn4 * 2 = 1 * 2 = [[2]]" in str(steps)
    assert len(steps.page()) > 10_000


def test_ten_thousand_nodes_are_no_special_case() -> None:
    v = first = Value(1.0)
    for _ in range(10_000):
        v = v * 1.0001
    steps = step(v)
    assert len(steps) == 10_001 and math.isclose(steps.at(first).gradient, 1.0001**10_000)


def test_values_are_stepped_without_numpy() -> None:
    program = (
        "import sys\nsys.modules['numpy'] = sys.modules['graphviz'] = None\nfrom minigrad import Value, step\n"
        "a = Value(3.0, name='a')\nprint(step(a * a))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "so da = 3 + 3 = 6" in result.stdout
