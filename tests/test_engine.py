"""The walk and everything around it, on both engines: order, work, memory, grad modes, and gradients handed out."""

from __future__ import annotations

import gc
import math
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import Network, Tensor, Value, data, engine, grad, is_grad_enabled, nn, tensor
from minigrad.autograd import detect_anomaly, enable_grad, no_grad, walk
from minigrad.engine import Node
from minigrad.hooks import watchers

Leaf = Callable[[float], Any]


def scalar(x: float) -> Tensor:
    """A tensor of one float64, as a Value is."""
    return Tensor(x, dtype=np.float64, requires_grad=True)


both = pytest.mark.parametrize("leaf", [Value, scalar], ids=["Value", "Tensor"])


def chain(leaf: Leaf, n: int) -> tuple[Any, Any]:
    """A leaf, and what comes of adding 1 to it n times."""
    x = y = leaf(0.0)
    for _ in range(n):
        y = y + 1
    return x, y


# ---- accumulation and release ----------------------------------------------------------------------------------


@both
def test_each_backward_adds_the_same_gradient_once(leaf: Leaf) -> None:
    x = leaf(3.0)
    y = x * x
    z = y * y
    z.backward(retain_graph=True)
    assert float(x.grad) == 108
    z.backward(retain_graph=True)
    assert float(x.grad) == 216
    z.backward()
    assert float(x.grad) == 324


@both
def test_a_value_used_twice_gets_both_shares_before_it_passes_them_on(leaf: Leaf) -> None:
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert float(a.grad) == 4


@both
@pytest.mark.parametrize(
    "again",
    [lambda y, x: y.backward(), lambda y, x: grad(y, x), lambda y, x: list(walk(y))],
    ids=["backward", "grad", "walk"],
)
def test_a_released_graph_explains_itself_and_stores_nothing(leaf: Leaf, again: Callable[..., Any]) -> None:
    x, other = leaf(3.0), leaf(5.0)
    y = x * x
    y.backward()
    z = y * other  # new, on top of what was released
    with pytest.raises(RuntimeError, match=r"second time through 'mul'.*retain_graph=True"):
        again(z, x)
    assert float(x.grad) == 6
    assert not other.grad and not z.node.released


@both
def test_a_walk_keeps_the_graph_unless_told_otherwise(leaf: Leaf) -> None:
    y = leaf(3.0) * 2.0
    assert len(list(walk(y))) == len(list(walk(y, retain_graph=False))) == 2
    with pytest.raises(RuntimeError, match="second time"):
        list(walk(y))


def test_only_leaves_receive_grad_unless_asked_to() -> None:
    x = scalar(3.0)
    y = x * x
    z = y * y
    y.retain_grad()
    z.backward()
    assert (y.grad.item(), x.grad.item(), x.is_leaf, y.is_leaf) == (18, 108, True, False)
    with pytest.warns(UserWarning, match="retain_grad"):
        assert z.grad is None
    with pytest.raises(RuntimeError, match="nothing it was computed from requires one"):
        tensor(1.0).retain_grad()


def test_a_value_shows_every_gradient() -> None:
    x = Value(3.0)
    y = x * x
    z = y * y
    z.backward()
    assert (z.grad, y.grad, x.grad) == (1, 18, 108)


def test_gradients_of_two_leaves_never_share_memory() -> None:
    a, b = (Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    (a + b).backward(tensor([1.0, 1.0]))
    a.grad.zero_()
    assert b.grad.tolist() == [1, 1]


# ---- how much work ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("leaf", "n"), [(Value, 3 * 10**5), (scalar, 10**5)], ids=["Value", "Tensor"])
@pytest.mark.slow
def test_a_very_long_chain_is_built_walked_and_freed(leaf: Leaf, n: int) -> None:
    x, y = chain(leaf, n)
    assert y.item() == n
    y.backward()
    assert float(x.grad) == 1
    before = gc.get_count(), alive()
    del y
    assert before[1] - alive() >= n


@both
@pytest.mark.slow
def test_work_is_linear_in_the_number_of_nodes(leaf: Leaf) -> None:
    def work(n: int) -> tuple[int, int]:
        """Function calls of the forward and of the backward pass."""
        ends: list[Any] = []
        return calls(lambda: ends.append(chain(leaf, n)[1])), calls(lambda: ends[0].backward())

    once, twice = work(5_000), work(10_000)
    assert all(1.9 * a < b < 2.1 * a for a, b in zip(once, twice))
    assert sum(1 for _ in walk(chain(leaf, 10_000)[1])) == 10_001


def calls(function: Callable[[], Any]) -> int:
    """How many functions, Python's and built-in ones, are called meanwhile."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event.endswith("call")

    earlier = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(earlier)
    return count


@both
def test_doubling_thirty_times_takes_thirty_steps_though_there_are_2_to_the_30_paths(leaf: Leaf) -> None:
    x = y = leaf(1.0)
    for _ in range(30):
        y = y + y
    assert len(list(walk(y))) == 31
    y.backward()
    assert y.item() == float(x.grad) == 2**30


# ---- order, and that backward is the walk ----------------------------------------------------------------------

STEPS: dict[str, tuple[Callable[..., Any], Callable[..., float]]] = {  # each with its derivative along a tangent
    "add": (lambda a, b: a + b, lambda a, b, da, db: da + db),
    "sub": (lambda a, b: a - b, lambda a, b, da, db: da - db),
    "mul": (lambda a, b: a * b, lambda a, b, da, db: da * b + db * a),
    "halve": (lambda a, b: a * 0.5, lambda a, b, da, db: da * 0.5),
    "from 2": (lambda a, b: 2.0 - b, lambda a, b, da, db: -db),
    "tanh": (lambda a, b: a.tanh(), lambda a, b, da, db: da * (1 - math.tanh(a) ** 2)),
    "relu": (lambda a, b: b.relu(), lambda a, b, da, db: db * (b > 0)),
}
programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30
)
LEAVES = 0.75, -1.5, 0.3125


def run(program: list[tuple[str, int, int]], leaf: Leaf) -> list[Any]:
    """All values of a random graph: the leaves, then one for each step; the last is the output."""
    values = [leaf(x) for x in LEAVES]
    for name, i, j in program:
        values.append(STEPS[name][0](values[-1 - i % len(values)], values[-1 - j % len(values)]))
    return values


def forward_mode(program: list[tuple[str, int, int]], values: list[Any], k: int) -> float:
    """The derivative of the output by leaf k, computed along with the values and not backwards."""
    tangents = [float(i == k) for i in range(len(LEAVES))]
    for n, (name, i, j) in enumerate(program, start=len(LEAVES)):
        i, j = n - 1 - i % n, n - 1 - j % n
        tangents.append(STEPS[name][1](values[i].item(), values[j].item(), tangents[i], tangents[j]))
    return tangents[-1]


@both
@given(program=programs)
@settings(deadline=None, max_examples=60)
def test_backward_stores_what_the_walk_shows(leaf: Leaf, program: list[tuple[str, int, int]]) -> None:
    values = run(program, leaf)
    for v in values:
        if isinstance(v, Tensor):
            v.retain_grad()
    output = values[-1]
    events = list(walk(output))
    upstream = {event.node: float(event.upstream) for event in events}

    indices = [event.node.index for event in events]
    assert indices == sorted(indices, reverse=True)
    for node, g, contributions in walk(output):
        assert upstream[node] == float(g)
        assert len(contributions) == len(node.inputs)
        assert [c is None for c in contributions] == [i is None for i in node.inputs]

    for k in range(len(LEAVES)):
        node = values[k].node
        pushed = engine.jvp({node: 1.0 if leaf is Value else np.array(1.0)}, [output.node]).get(output.node, 0.0)
        assert float(pushed) == pytest.approx(forward_mode(program, values, k))

    output.backward()  # by the fast path, where there is one
    stored = [0.0 if v.grad is None else float(v.grad) for v in values]
    assert stored == [upstream.get(v.node, 0.0) for v in values]
    assert stored[: len(LEAVES)] == pytest.approx([forward_mode(program, values, k) for k in range(len(LEAVES))])

    watched = run(program, leaf)
    with detect_anomaly():  # goes event by event
        watched[-1].backward()
    assert [v.grad and float(v.grad) for v in watched[: len(LEAVES)]] == [
        v.grad and float(v.grad) for v in values[: len(LEAVES)]
    ]


@both
def test_forward_mode_can_be_differentiated(leaf: Leaf) -> None:
    x = leaf(2.0)
    y = x**3
    tangent = engine.jvp({x.node: leaf(1.0)}, [y.node], create_graph=True)[y.node]
    assert tangent.item() == 12 and float(grad(tangent, x)) == 12


# ---- memory ----------------------------------------------------------------------------------------------------


def alive() -> int:
    """How many Values, Tensors and nodes exist, without those that were there before `without_gc`."""
    return sum(issubclass(type(o), Node | Tensor) for o in gc.get_objects())


@pytest.fixture
def without_gc() -> Iterator[None]:
    gc.disable()
    gc.freeze()  # what exists is not counted, which would take as long as there are tests
    yield
    gc.unfreeze()
    gc.enable()


def test_upstream_gradients_are_freed_as_the_walk_goes_on() -> None:
    y = Tensor(np.ones(4), requires_grad=True)
    for _ in range(50):
        y = (y * 2.0).relu()
    seen: list[weakref.ref[Any]] = []
    most = 0
    for _, upstream, _ in engine.walk({y.node: np.ones(4)}):
        seen.append(weakref.ref(upstream))
        most = max(most, sum(ref() is not None for ref in seen))
    assert len(seen) == 101 and most <= 3


def test_what_a_node_keeps_is_freed_as_backward_goes_on() -> None:
    x = Tensor(np.ones(4), requires_grad=True)
    y = x.exp()
    kept = weakref.ref(y.node.saved[0])
    z = y.sum()
    del y
    assert kept() is not None
    z.backward()
    assert kept() is None


def neuron(leaf: Leaf) -> Any:
    w, x = leaf(0.5), leaf(2.0)
    return ((w * x + 1.0).tanh() - x) ** 2.0 / w


def network_step(leaf: Leaf) -> None:
    network = Network(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)), nn.CrossEntropyLoss())
    network.forward(data.two_moons().sample_data_batch())
    network.backward()


def second_derivative(leaf: Leaf) -> None:
    x = leaf(2.0)
    grad(grad(x.tanh() * x, x, create_graph=True), x)


def views(leaf: Leaf) -> None:
    t = Tensor(np.ones((2, 3)), requires_grad=True) * 2.0
    row = t[0]
    row[1] = 5.0
    t.T.sum().backward()


def failed(leaf: Leaf) -> None:
    y = neuron(leaf)
    y.backward()
    with pytest.raises(RuntimeError):
        y.backward()


@both
@pytest.mark.parametrize(
    "use",
    [
        neuron,
        lambda leaf: neuron(leaf).backward(),
        lambda leaf: neuron(leaf).backward(retain_graph=True),
        lambda leaf: list(walk(neuron(leaf))),
        lambda leaf: next(walk(neuron(leaf))),
        second_derivative,
        network_step,
        views,
        failed,
    ],
    ids=["forward", "backward", "retained", "walk", "walk cut short", "second", "network", "views", "failed"],
)
@pytest.mark.usefixtures("without_gc")
def test_a_graph_has_no_cycles_and_goes_without_the_garbage_collector(leaf: Leaf, use: Callable[[Leaf], Any]) -> None:
    before = alive()
    use(leaf)
    assert alive() == before


# ---- grad modes ------------------------------------------------------------------------------------------------


@both
def test_nothing_is_recorded_under_no_grad(leaf: Leaf) -> None:
    x = leaf(2.0)
    with no_grad():
        y = x * 3.0
    assert y.item() == 6
    assert y.node is None or not y.inputs
    with no_grad(), enable_grad():
        assert [i is x.node for i in (x * 3.0).node.inputs] == [True, False]


def test_modes_nest_and_the_same_one_may_be_entered_again() -> None:
    off, on = no_grad(), enable_grad()
    seen = [is_grad_enabled()]
    with off:
        seen.append(is_grad_enabled())
        with on:
            seen.append(is_grad_enabled())
            with off:
                seen.append(is_grad_enabled())
            seen.append(is_grad_enabled())
        seen.append(is_grad_enabled())
    seen.append(is_grad_enabled())
    assert seen == [True, False, True, False, True, False, True]


def test_modes_as_decorators_of_a_function_that_calls_itself() -> None:
    @no_grad()
    def countdown(n: int) -> list[bool]:
        return [is_grad_enabled()] + ([*recorded(), *countdown(n - 1)] if n else [])

    @enable_grad()
    def recorded() -> list[bool]:
        return [is_grad_enabled()]

    assert countdown(2) == [False, True, False, True, False]
    assert is_grad_enabled()
    assert countdown.__name__ == "countdown"


@pytest.mark.parametrize("mode", [no_grad, enable_grad])
def test_modes_end_with_an_exception(mode: Any) -> None:
    with pytest.raises(ZeroDivisionError), mode():
        raise ZeroDivisionError
    assert is_grad_enabled()
    with pytest.raises(ZeroDivisionError):
        mode()(lambda: 1 / 0)()
    assert is_grad_enabled()


def test_a_decorated_function_may_run_in_two_threads_at_once() -> None:
    order = threading.Barrier(2)
    seen: list[tuple[str, bool]] = []

    @no_grad()
    def wait(times: int) -> None:
        for _ in range(times):
            order.wait(5)

    def first() -> None:
        wait(1)  # leaves while the second is still inside
        seen.append(("first", is_grad_enabled()))
        order.wait(5)

    def second() -> None:
        with no_grad():
            wait(2)
            seen.append(("second", is_grad_enabled()))

    threads = [threading.Thread(target=f) for f in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [("first", True), ("second", False)]


def test_a_mode_is_of_one_thread() -> None:
    seen: list[bool] = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
        assert not is_grad_enabled()
    assert seen == [True]


# ---- anomalies -------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("at", "function", "culprit"),
    [
        (-1.0, lambda x: (x.log() * 2.0).exp(), "the forward pass of 'log' returned nan"),
        (0.0, lambda x: x * 3.0 / (x * 2.0) + 1.0, "the forward pass of 'div' returned nan"),
        (0.0, lambda x: (x.sqrt() * 0.0 + 1.0).exp(), "the backward pass of 'sqrt' returned nan"),
        (math.nan, lambda x: x + 1.0, "the forward pass of 'add' returned nan"),
    ],
    ids=["log", "0/0", "sqrt", "data"],
)
def test_the_first_operation_that_makes_a_nan_is_named(leaf: Leaf, at: float, function: Any, culprit: str) -> None:
    x = leaf(at)
    with np.errstate(all="ignore"):
        with pytest.raises(FloatingPointError, match=culprit), detect_anomaly():
            function(x).backward()
        assert not x.grad
        assert watchers == []
        with pytest.raises(FloatingPointError, match=culprit):
            detect_anomaly()(lambda: function(x).backward())()
        assert watchers == []
        function(x).backward()  # and unwatched it goes through
    assert math.isnan(float(x.grad)) or math.isnan(at)


@both
def test_an_infinity_is_no_anomaly_and_detectors_nest(leaf: Leaf) -> None:
    with detect_anomaly():
        with detect_anomaly():
            assert (leaf(2.0) * math.inf).item() == math.inf
        assert len(watchers) == 1
        with pytest.raises(FloatingPointError, match="'mul'"):
            leaf(0.0) * math.inf if leaf is Value else quietly(lambda: leaf(0.0) * math.inf)
    assert watchers == []


def quietly(function: Callable[[], Any]) -> Any:
    with np.errstate(all="ignore"):
        return function()


# ---- gradients handed out --------------------------------------------------------------------------------------


@both
def test_grad_hands_out_and_touches_no_grad(leaf: Leaf) -> None:
    a, b = leaf(2.0), leaf(3.0)
    y = a * b + a
    assert float(grad(y, a, retain_graph=True)) == 4
    assert [float(g) for g in grad(y, [a, b], retain_graph=True)] == [4, 2]
    assert [float(g) for g in grad(y, (x for x in (b, a)))] == [2, 4]
    assert not a.grad and not b.grad
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, a)


@both
def test_gradients_of_several_outputs_add_up_with_their_weights(leaf: Leaf) -> None:
    x = leaf(3.0)
    y, z = x * x, x * 2.0
    assert float(grad([y, z], x, retain_graph=True)) == 6 + 2
    assert float(grad([y, y], x, retain_graph=True)) == 12
    weights = [10.0, 100.0] if leaf is Value else [tensor(w).double() for w in (10.0, 100.0)]
    assert float(grad([y, z], x, weights)) == 60 + 200
    with pytest.raises(ValueError, match="grad_outputs must have one entry for each of the 2 outputs, got 1"):
        grad([y, z], x, weights[:1])


@both
def test_grad_of_an_intermediate_value_leaves_what_is_below_it(leaf: Leaf) -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y
    slope = grad(z, y)
    assert float(slope) == 8 and float(grad(y, y)) == 1
    y.backward(slope)  # the rest of the chain, by hand
    assert float(x.grad) == 32


@both
def test_grad_by_something_unused(leaf: Leaf) -> None:
    x, unused = leaf(2.0), leaf(5.0)
    unused.name = "bystander"
    y = x * x
    with pytest.raises(RuntimeError, match=r"do not depend on input 1 \(bystander\).*allow_unused"):
        grad(y, [x, unused], retain_graph=True)
    gradient, none = grad(y, [x, unused], allow_unused=True)
    assert float(gradient) == 4 and none is None


def test_grad_refuses_what_has_no_gradient() -> None:
    x = scalar(2.0)
    with pytest.raises(RuntimeError, match="input 1 does not require a gradient"):
        grad(x * x, [x, tensor(1.0)])
    with pytest.raises(RuntimeError, match="does not require a gradient, and nothing it was computed from does"):
        grad(tensor(1.0), x)
    with pytest.raises(TypeError, match="takes tensors or Values, got float: 2.0"):
        grad(x * x, 2.0)
    with pytest.raises(TypeError, match="walk: takes tensors or Values, got int: 3"):
        next(walk(3))
    with pytest.raises(TypeError, match="takes one number, got str"):
        Value(1.0).backward("1")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"gradient has shape \(2,\), but the tensor has shape \(\)"):
        x.backward([1.0, 2.0])


@both
def test_grad_works_its_way_through_no_grad_only_if_recorded_before(leaf: Leaf) -> None:
    x = leaf(3.0)
    y = x * x * x
    with no_grad():
        y.backward(create_graph=True)
        slope = x.grad
    assert slope.item() == 27
    assert float(grad(slope, x)) == 18


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


CURVES: dict[str, tuple[Callable[[Any], Any], float, tuple[float, ...]]] = {  # function, place, f f' f'' f'''
    "cube": (lambda x: x**3.0, -1.5, (-3.375, 6.75, -9, 6)),
    "product": (lambda x: x * x * x, -1.5, (-3.375, 6.75, -9, 6)),
    "reciprocal": (lambda x: 1.0 / x, 2.0, (1 / 2, -1 / 4, 1 / 4, -3 / 8)),
    "quotient": (lambda x: x / (x + 1.0), 1.0, (1 / 2, 1 / 4, -1 / 4, 3 / 8)),
    "2**x": (lambda x: 2.0**x, 3.0, tuple(8 * math.log(2) ** k for k in range(4))),
    "x**x": (lambda x: x**x, 1.0, (1, 1, 2, 3)),
    "exp": (lambda x: x.exp(), 0.5, (math.exp(0.5),) * 4),
    "log": (lambda x: x.log(), 2.0, (math.log(2), 1 / 2, -1 / 4, 1 / 4)),
    "sqrt": (lambda x: x.sqrt(), 4.0, (2, 1 / 4, -1 / 32, 3 / 256)),
    "sin": (lambda x: x.sin(), 0.7, (math.sin(0.7), math.cos(0.7), -math.sin(0.7), -math.cos(0.7))),
    "cos": (lambda x: x.cos(), 0.7, (math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7))),
    "tanh": (
        lambda x: x.tanh(),
        0.3,
        (lambda t: (t, 1 - t * t, -2 * t * (1 - t * t), (1 - t * t) * (6 * t * t - 2)))(math.tanh(0.3)),
    ),
    "sigmoid": (
        lambda x: x.sigmoid(),
        0.3,
        (lambda s: (s, s * (1 - s), s * (1 - s) * (1 - 2 * s), s * (1 - s) * (1 - 6 * s + 6 * s * s)))(sigmoid(0.3)),
    ),
    "relu": (lambda x: x.relu() * x, 3.0, (9, 6, 2, 0)),
    "abs": (lambda x: abs(x) * x, -3.0, (-9, 6, -2, 0)),
    "line": (lambda x: -x - 3.0 - (5.0 - x * 2.0), 2.0, (-6, 1, 0, 0)),
    "over 0": (lambda x: x / 0.0, 1.0, (math.inf, math.inf, 0, 0)),
}


@both
@pytest.mark.parametrize("name", CURVES)
def test_higher_derivatives(leaf: Leaf, name: str) -> None:
    function, at, wanted = CURVES[name]
    x = leaf(at)
    with np.errstate(divide="ignore"):
        y = function(x)
        found = [y.item()]
        for _ in wanted[1:]:
            constant = y is None or y.node is None
            y = None if constant else grad(y, x, create_graph=True, allow_unused=True)
            found.append(0.0 if y is None else y.item())
    assert found == pytest.approx(wanted, rel=1e-12)


@both
@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda a, b: a * b, [[0, 1], [1, 0]]),
        (lambda a, b: a / b, [[0, -1 / 9], [-1 / 9, 4 / 27]]),
        (lambda a, b: a**b, [[12, 4 * (1 + 3 * math.log(2))], [4 * (1 + 3 * math.log(2)), 8 * math.log(2) ** 2]]),
        (lambda a, b: (a - b) * a, [[2, -1], [-1, 0]]),
    ],
    ids=["mul", "div", "pow", "sub"],
)
def test_mixed_second_derivatives(leaf: Leaf, function: Any, wanted: list[list[float]]) -> None:
    inputs = leaf(2.0), leaf(3.0)
    slopes = grad(function(*inputs), inputs, create_graph=True)
    found = [[0.0 if g is None else float(g) for g in grad(s, inputs, None, True, allow_unused=True)] for s in slopes]
    for f, w in zip(found, wanted):
        assert f == pytest.approx(w, rel=1e-12)


@both
def test_gradients_with_a_graph_are_of_the_kind_of_their_inputs(leaf: Leaf) -> None:
    x = leaf(3.0)
    slope = grad(x * 2.0, x, create_graph=True)  # of a constant slope, too
    assert type(slope) is type(x) and slope.item() == 2
    y = leaf(3.0)
    (y * y).backward(create_graph=True)
    assert type(y.grad) is type(y) and float(grad(y.grad, y)) == 2


@pytest.mark.parametrize(("base", "power", "derivative"), [(-8.0, 0.5, math.nan), (0.0, -1.0, -math.inf)])
def test_a_recorded_backward_pass_of_values_meets_poles_as_an_unrecorded_one(
    base: float, power: float, derivative: float
) -> None:
    x = Value(power)
    plain, recorded = (grad(base**x, x, create_graph=graph) for graph in (False, True))
    assert plain == pytest.approx(derivative, nan_ok=True) == recorded.data


def test_values_keep_their_first_derivatives_and_refuse_stale_second_ones() -> None:
    x = Value(3.0)
    y = x * x
    x.data = 5.0
    assert grad(y, x, retain_graph=True) == 6  # of the forward pass
    with pytest.raises(RuntimeError, match="'mul'.*create_graph=True.*was changed after it was used"):
        grad(y, x, create_graph=True)


def test_backward_gives_gradients_to_the_named_inputs_only() -> None:
    a, b = scalar(2.0), scalar(3.0)
    y = a * b
    z = y * y
    z.backward(inputs=[b, y], retain_graph=True)
    assert a.grad is None
    assert (b.grad.item(), y.grad.item()) == (2 * 6 * 2, 12)
    z.backward(inputs=a)  # y is on the way, and was asked for only before
    assert (a.grad.item(), b.grad.item(), y.grad.item()) == (2 * 6 * 3, 24, 12)
