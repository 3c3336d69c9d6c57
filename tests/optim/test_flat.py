"""Parameters updated in blocks get the bits of the rule on each; an interrupted step leaves none half-way."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, nn, optim
from minigrad.optim import flat, rules, traced_rules
from minigrad.primitives.kernels import rows

DECAY = {"weight_decay": 0.1}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.3, "maximize": True, **DECAY}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Momentum", DECAY),
    ("Nesterov", {}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "lr_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, **DECAY}),
    ("AdamW", {}),
    ("AdamIncomplete", {}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("NAdam", {}),
    ("RAdam", {"betas": (0.5, 0.6)}),
    ("ASGD", {"t0": 1, "lambd": 0.1}),
    ("Rprop", {}),
    ("Lion", DECAY),
    ("LAMB", {}),
    ("Adafactor", {}),
]
each_optimizer = pytest.mark.parametrize(("name", "settings"), SETTINGS)
SHAPES = [(3, 2), (), (5,), (0, 4), (70, 30), (2, 3, 4), (1,), (40,)]


@pytest.fixture(
    params=[
        pytest.param((1 << 16, 1 << 14, 1 << 18), id="usual blocks"),
        pytest.param((100, 30, 35), id="small"),
        pytest.param((7, 5, 6), id="tiny", marks=pytest.mark.slow),
    ]
)
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of several sizes; parameters larger than the last one are updated by programs, also with few lines."""
    block, together, large = request.param
    monkeypatch.setattr(flat, "BLOCK", block)
    monkeypatch.setattr(flat, "TOGETHER", together)
    monkeypatch.setattr(traced_rules, "LARGE", large)
    monkeypatch.setattr(rows, "BLOCK", block)
    if block < 1 << 16:
        monkeypatch.setattr(traced_rules, "FEW", 0)


def parameters(dtype: str = "float64", shapes: list[tuple[int, ...]] = SHAPES) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [minigrad.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True) for shape in shapes]


def fill(params: list[Tensor], t: int, skip: bool = False) -> None:
    """Gradients as they come from a loss; in some steps one is missing."""
    for i, p in enumerate(params):
        values = np.random.default_rng((t, i)).standard_normal(p.shape).astype(str(p.dtype))
        p.grad = None if skip and (t + i) % 5 == 0 else Tensor(values)


def alone(optimizer: optim.Optimizer) -> None:
    """A step of one parameter after the other, by the rule's lines on its whole array."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traced_rules, "LARGE", sys.maxsize)
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p._array[...], optimizer.state[p] = optimizer._apply(
                        p._array, p.grad._array, optimizer.state.get(p, {}), group
                    )


def bits_of(state: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(s).tobytes() if isinstance(s, np.ndarray | np.generic) else s for name, s in state.items()}


def bits(optimizer: optim.Optimizer) -> list[Any]:
    """Every parameter with its state."""
    states = optimizer.state
    return [
        (p._array.tobytes(), bits_of(states.get(p, {}))) for group in optimizer.param_groups for p in group["params"]
    ]


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("skip", [False, True], ids=["all", "some without gradient"])
@each_optimizer
def test_the_bits_are_those_of_the_rule_on_each(name: str, settings: dict[str, Any], skip: bool) -> None:
    shapes = [s for s in SHAPES if name != "Adafactor" or 0 not in s]  # it takes means
    ours, theirs = (
        getattr(optim, name)([*parameters("float64", shapes), *parameters("float32", shapes)], lr=0.05, **settings)
        for _ in range(2)
    )
    for t in range(6):
        for optimizer, step in ((ours, ours.step), (theirs, lambda: alone(theirs))):
            fill(optimizer.param_groups[0]["params"], t, skip)
            optimizer.param_groups[0]["lr"] = 0.05 / (t + 1)
            step()
        if t > 2:  # until then nobody reads the states
            assert bits(ours) == bits(theirs)


@pytest.mark.parametrize("skip", [False, True], ids=["all", "some without gradient"])
@pytest.mark.parametrize("seed", range(30))
def test_random_rules_get_the_bits_of_the_rule_on_each(seed: int, skip: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    operations: list[Callable[[Any, Any], Any]] = [
        lambda a, b: a + b,
        lambda a, b: a - 0.3 * b,
        lambda a, b: a * b,
        lambda a, b: np.abs(a) ** 0.5,
        lambda a, b: np.where(a > b, b, a),
        lambda a, b: np.maximum(-b, a),
        lambda a, b: np.clip(a, -1.0, 2.0),
        lambda a, b: a / (np.abs(b) + 1.5),
    ]
    steps = [(rng.integers(len(operations)), *rng.integers(1 << 30, size=2)) for _ in range(rng.integers(1, 12))]
    results = rng.integers(1 << 30, size=3)
    block, together = (int(n) for n in rng.integers(1, 40, size=2))
    monkeypatch.setattr(flat, "BLOCK", block)
    monkeypatch.setattr(flat, "TOGETHER", together)

    class Random(optim.Optimizer):
        elementwise = True

        def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
            values = [x, dx, state.get("a", x), state.get("b", dx)]
            for k, i, j in steps:
                values.append(operations[k](values[i % len(values)], values[j % len(values)]))
            x, a, b = (values[i % len(values)] for i in results)
            return x, {"a": +a, "b": b, "t": state.get("t", 0) + 1}

    class OneByOne(Random):
        elementwise = False

    ends = []
    for kind in (Random, OneByOne):
        params = parameters("float64", [(30,), (4, 5), (3,), (2, 2)])
        optimizer = kind(params, {})
        for t in range(4):
            fill(params, t, skip)
            with np.errstate(all="ignore"):
                optimizer.step()
            for p in params:
                if p.grad is not None:
                    p.grad.zero_()  # in place: not a state's memory
        ends.append(bits(optimizer))
    assert ends[0] == ends[1]


@pytest.mark.usefixtures("blocks")
def test_groups_dtypes_layouts_and_what_happens_in_between() -> None:
    def scenario(step: Any) -> list[Any]:
        params = [*parameters("float64"), *parameters("float32")]
        params[4]._array = np.asfortranarray(params[4]._array)
        params[12]._array = np.repeat(params[12]._array, 2, axis=0)[::2]
        more = parameters("float64", [(9, 3)] * 6)
        optimizer = optim.Adam([{"params": params[::2]}, {"params": params[1::2], "lr": 0.1, "weight_decay": 0.3}])
        ends = []
        for t in range(10):
            learning = params + (more if t > 2 else [])
            if t == 3:
                optimizer.add_param_group({"params": more, "amsgrad": True})
            fill(learning, t)
            if t == 4:
                params[0].data = params[0].detach() * 2  # other memory
                params[4].grad = minigrad.tensor(2.0, dtype="float64").expand(70, 30)
            if t == 5:
                optimizer.load_state_dict(optimizer.state_dict())
            if t == 6:
                optimizer.state[params[0]]["m"] = optimizer.state[params[0]]["m"] * 3
                optimizer.state[params[4]]["v"] *= 2  # in place
            if t == 7:
                optimizer.state[params[2]]["t"] = 1
                optimizer.state[params[9]]["t"] = np.array(5)
            if t == 8:
                params[5]._array *= 3.0
                moved = optimizer.param_groups[1]["params"].pop()
                optimizer.param_groups[0]["params"].append(moved)
            step(optimizer)
            ends.append(bits(optimizer))
        return ends

    assert scenario(lambda optimizer: optimizer.step()) == scenario(alone)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_a_copy_goes_its_own_way(copied: Any) -> None:
    optimizer = optim.Adam(parameters())
    fill(optimizer.param_groups[0]["params"], 0)
    optimizer.step()
    other = copied(optimizer)
    before = bits(optimizer)
    assert bits(other) == before
    for t in (1, 2):
        fill(other.param_groups[0]["params"], t)
        other.step()
    assert bits(optimizer) == before
    for t in (1, 2):
        fill(optimizer.param_groups[0]["params"], t)
        optimizer.step()
    assert bits(optimizer) == bits(other)


@pytest.mark.usefixtures("blocks")
def test_a_state_has_the_shapes_of_its_parameter() -> None:
    optimizer = optim.Adam(parameters())
    params = optimizer.param_groups[0]["params"]
    fill(params, 0)
    optimizer.step()
    assert [*optimizer.state] == params
    for p, state in optimizer.state.items():
        assert [*state] == ["t", "m", "v"] and state["t"] == 1
        assert all(state[name].shape == p.shape and state[name].dtype == p.dtype for name in ("m", "v"))


def test_a_state_that_was_read_is_not_changed_by_the_next_step() -> None:
    optimizer = optim.Momentum(parameters(), lr=0.1, mu=0.5)
    params = optimizer.param_groups[0]["params"]
    fill(params, 0)
    optimizer.step()
    old, v = optimizer.state, [state["v"].copy() for state in optimizer.state.values()]
    optimizer.step()
    for p, velocity in zip(params, v):
        assert np.array_equal(old[p]["v"], velocity)
        assert p.grad is not None
        assert np.array_equal(optimizer.state[p]["v"], 0.5 * velocity - 0.1 * p.grad.numpy())


def test_a_rule_of_ones_own_sees_whole_parameters_unless_it_says_that_it_is_elementwise() -> None:
    class Normed(optim.SGD):
        def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
            return x - group["lr"] * dx / np.linalg.norm(dx), {"seen": state.get("seen", 0) + 1}

    assert optim.SGD.elementwise and not Normed.elementwise and not optim.Optimizer.elementwise
    params = parameters("float64", [(1, 2)] * 10)
    for p in params:
        p.grad = minigrad.tensor([[3.0, 4.0]], dtype="float64")
    wanted = [(p.detach() - minigrad.tensor([0.6, 0.8], dtype="float64")).tolist() for p in params]
    optimizer = Normed(params, lr=1.0)
    optimizer.step()
    assert [p.tolist() for p in params] == wanted
    assert [optimizer.state[p]["seen"] for p in params] == [1] * 10


def test_the_rule_is_called_once_for_many_small_parameters_and_often_for_a_large_one() -> None:
    sizes = []

    class Counting(optim.SGD):
        elementwise = True

        def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
            sizes.append(x.size)
            return super().update(x, dx, state, group)

    params = parameters("float32", [(4, 5), (5,), (flat.BLOCK * 2 + 1,), (), (flat.TOGETHER,)])
    fill(params, 0)
    Counting(params).step()
    assert sorted(sizes) == [1, 26, flat.TOGETHER, flat.BLOCK, flat.BLOCK]


def test_stand_ins_go_through_the_library_s_rules_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced_rules, "LARGE", 1)
    seen = []

    class Own(optim.SGD):
        elementwise = True

        def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
            seen.append(type(x))
            return super().update(x, dx, state, group)

    def rule(x: Any, dx: Any, state: Any, *settings: Any) -> Any:
        seen.append(type(x))
        return x - dx, state

    nameless: dict[str, Any] = {"rule": rule}
    exec("def update(self, *args): return rule(*args)", nameless)
    own_rule = type("OwnRule", (optim.Adam,), {"rule": staticmethod(rule), "elementwise": True})
    no_module = type("NoModule", (optim.Adam,), {"update": nameless["update"], "elementwise": True})
    for kind in (Own, own_rule, no_module):
        params = parameters("float64", [(70, 300)])
        fill(params, 0)
        kind(params, lr=0.1).step()
    assert len(seen) == 3 and {*seen} == {np.ndarray}
    assert optim.AdamW(params)._is_traceable() and not optim.LAMB(params)._is_traceable()


# ---- shared memory ---------------------------------------------------------------------------------------------


def test_a_gradient_that_is_the_parameter() -> None:
    params = parameters("float64", [(30,)] * 10)
    wanted = [(p.detach() * (1 - 0.1)).tolist() for p in params]
    for p in params:
        p.grad = p.detach()
    optim.SGD(params, lr=0.1).step()
    np.testing.assert_allclose([p.tolist() for p in params], wanted, rtol=1e-15)


def test_parameters_that_share_memory_are_updated_one_after_the_other() -> None:
    memory = np.ones(30)
    params = [minigrad.from_numpy(memory[i:]).requires_grad_() for i in range(6)]
    for p in params:
        p.grad = minigrad.ones_like(p)
    optim.SGD(params, lr=1.0).step()
    assert memory.tolist() == [0, -1, -2, -3, -4] + [-5] * 25


@pytest.mark.usefixtures("blocks")
def test_the_parameters_of_a_network_stay_views_of_its_x() -> None:
    network = Network(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), nn.MSELoss())
    batch = np.ones((5, 3)), np.ones((5, 2))
    optimizer = optim.Momentum(network.model.parameters(), lr=0.1)
    x, v = network.x.copy(), np.zeros_like(network.x)
    for _ in range(3):
        network.forward(batch)
        dx = network.backward()
        x, state = rules.momentum(x, dx, {"v": v}, 0.1)
        v = state["v"]
        optimizer.step()
        assert network.x.tobytes() == x.tobytes()
        network.x *= 0.5
        x *= 0.5


@pytest.mark.parametrize("shapes", [[(6,)], [(6,), (2, 2)]], ids=["one", "two"])
def test_a_state_does_not_share_the_gradients_memory(shapes: list[tuple[int, ...]]) -> None:
    class Remembering(optim.Optimizer):
        elementwise = True

        def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
            return x - state.get("last", 0.0), {"last": dx[:], "x": x}

    params = parameters("float64", shapes)
    optimizer = Remembering(params, {})
    start = [p.detach().clone() for p in params]
    for p in params:
        p.grad = minigrad.ones_like(p)
    optimizer.step()
    for p in params:
        assert p.grad is not None
        p.grad.zero_()
    optimizer.step()
    for p, q in zip(params, start):
        assert np.array_equal(p.detach().numpy(), q.numpy() - 1.0)
        assert np.array_equal(optimizer.state[p]["x"], q.numpy())


def test_a_gradient_is_not_kept_alive() -> None:
    (p,) = params = parameters("float64", [(6,)])
    fill(params, 0)
    optimizer = optim.SGD(params)
    optimizer.step()
    assert p.grad is not None
    gradient = weakref.ref(p.grad._array)
    optimizer.zero_grad()
    assert gradient() is None


# ---- what comes from outside -----------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [slice(None), slice(-1, None)], ids=["all", "the last"])
@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(t=7),
        lambda s: s.update(t=np.array(7)),
        lambda s: s.update(extra=1.0),
        lambda s: s.pop("v"),
        lambda s: s.update(m=s["m"] + 1),
        lambda s: s["v"].fill(2.0),
        lambda s: s.clear(),
    ],
)
def test_the_next_step_begins_with_what_was_put_into_the_states(change: Any, of: slice) -> None:
    ours, theirs = (optim.Adam(parameters("float64", [(30,)] * 10)) for _ in range(2))
    for t in range(4):
        for optimizer, step in ((ours, ours.step), (theirs, lambda: alone(theirs))):
            fill(optimizer.param_groups[0]["params"], t)
            if t == 2:
                for s in list(optimizer.state.values())[of]:
                    change(s)
            step()
        assert bits(ours) == bits(theirs)


@pytest.mark.usefixtures("blocks")
def test_other_memory_other_groups_and_other_gradients_count_when_nobody_reads_the_states() -> None:
    def run(step: Any) -> list[Any]:
        params = parameters()
        optimizer = optim.Momentum([{"params": params[:5]}, {"params": params[5:], "lr": 0.3}])
        first, second = (group["params"] for group in optimizer.param_groups)
        for t in range(7):
            fill(params, t)
            if t == 2:
                params[4].data = params[4].detach() * 2
            if t == 3:
                params[5].data = params[5].detach().float()
                params[5].grad = Tensor(params[5].grad).float() if params[5].grad is not None else None
            if t == 4:
                second.insert(0, first.pop())
            if t == 5:
                params[0].grad = None
            step(optimizer)
        return bits(optimizer)

    assert run(lambda optimizer: optimizer.step()) == run(alone)


def test_a_gradient_transposed_in_place() -> None:
    ours, theirs = (optim.SGD(parameters("float64", [(3, 4)] * 10)) for _ in range(2))
    for t in range(2):
        for optimizer, step in ((ours, ours.step), (theirs, lambda: alone(theirs))):
            params = optimizer.param_groups[0]["params"]
            fill(params, t)
            if t == 1:
                for p in params:
                    assert p.grad is not None
                    p.grad.t_()
            try:
                step()
            except ValueError as error:
                assert t == 1 and "broadcast" in str(error)
            else:
                assert t == 0
    assert bits(ours) == bits(theirs)


@pytest.mark.parametrize(
    ("name", "settings"), [("Momentum", {"lr": np.float64(0.1)}), ("Adam", {"betas": tuple(np.array([0.9, 0.999]))})]
)
def test_a_number_of_numpy_among_the_settings_does_not_change_the_dtype(name: str, settings: dict[str, Any]) -> None:
    optimizer = getattr(optim, name)(parameters("float32", SHAPES * 2), **settings)
    for t in range(2):
        fill(optimizer.param_groups[0]["params"], t)
        optimizer.step()
        optimizer.param_groups[0]["lr"] = np.float64(0.2)
    assert {str(s["v"].dtype) for s in optimizer.state.values()} == {"float32"}


def test_the_backward_pass_notices_the_step() -> None:
    params = parameters("float64", [(30,)] * 10)
    loss = sum(((p * p).sum() for p in params), start=minigrad.zeros((), dtype="float64"))
    fill(params, 0)
    optim.SGD(params).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


# ---- warnings, errors, interruptions ---------------------------------------------------------------------------


@pytest.mark.usefixtures("blocks")
def test_warnings_are_as_the_caller_wants_them() -> None:
    params = parameters("float32", [(50,)] * 6)
    for p in params:
        p.grad = minigrad.full((50,), 1e30)
    optimizer = optim.Adam(params)
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("error")
        optimizer.step()
    with pytest.warns(RuntimeWarning, match="overflow"):
        optimizer.step()


class Run:
    """An optimiser after a step, with the gradients of the second; made alike each time."""

    def __init__(self, kind: Any = optim.Adam) -> None:
        params = parameters("float64", [(3, 2), (), (8,), (2, 15), (11,), (0,), (2, 2)])
        params[4]._array = np.repeat(params[4]._array, 2)[::2]
        self.optimizer = kind([{"params": params[::2]}, {"params": params[1::2], "lr": 0.1}])
        fill(params, 0)
        params[0].grad = None  # so one of them is a step behind
        self.optimizer.step()
        fill(params, 1)


def after(steps: int) -> list[Any]:
    run = Run()
    for _ in range(steps):
        run.optimizer.step()
    return bits(run.optimizer)


def check_interrupted(optimizer: optim.Optimizer, ends: list[list[Any]]) -> int:
    """Every parameter and its state are those of one step, and go on from there; return how many have been updated."""
    found = bits(optimizer)
    steps = [[end[i] for end in ends].index(pair) for i, pair in enumerate(found)]  # raises for a mixture
    assert set(steps) <= {0, 1}
    optimizer.step()
    assert bits(optimizer) == [ends[n + 1][i] for i, n in enumerate(steps)]
    return sum(steps)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[list[Any]]:
    monkeypatch.setattr(flat, "BLOCK", 8)
    monkeypatch.setattr(flat, "TOGETHER", 8)
    return [after(n) for n in range(3)]


def test_an_error_in_the_rule_leaves_no_parameter_half_way(
    ends: list[list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    updated = []
    for k in range(100):
        run, calls = Run(), iter(range(100))

        def failing(*args: Any, update: Any = run.optimizer.update, calls: Iterator[int] = calls, k: int = k) -> Any:
            if next(calls) == k:
                raise MemoryError
            return update(*args)

        with monkeypatch.context() as m:
            m.setattr(run.optimizer, "update", failing)
            try:
                run.optimizer.step()
            except MemoryError:
                pass
            else:
                break
        updated.append(check_interrupted(run.optimizer, ends))
    assert updated[0] == 0 and updated[-1] > 0 and len(updated) == next(calls)  # every call of the rule has failed once


def test_a_rule_may_write_into_the_dictionary_of_the_state() -> None:
    class Counting(optim.Optimizer):
        elementwise = True

        def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
            state["t"] = state.get("t", 0) + 1
            if group["fails"]:
                raise MemoryError
            return x - dx, state

    (p,) = params = parameters("float64", [(3,)])
    optimizer = Counting(params, {"fails": False})
    fill(params, 0)
    optimizer.step()
    optimizer.param_groups[0]["fails"] = True
    with pytest.raises(MemoryError):
        optimizer.step()
    assert optimizer.state[p] == {"t": 1}


@pytest.mark.parametrize("events", ["line", "opcode"])
def test_an_interruption_at_any_place_leaves_no_parameter_half_way(ends: list[list[Any]], events: str) -> None:
    folder = str(Path(optim.__file__).parent)

    def step(optimizer: optim.Optimizer, when: int) -> bool:
        """Raise at the given event; return whether there was one."""
        left = when

        def trace(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal left
            if not frame.f_code.co_filename.startswith(folder):
                return None
            frame.f_trace_opcodes = events == "opcode"
            if events == "opcode" and frame.f_code is not flat.Flat.step.__code__:
                return trace
            if event == events:
                left -= 1
                if left == -1:
                    raise KeyboardInterrupt
            return trace

        sys._getframe().f_trace_opcodes = events == "opcode"  # 3.12 asks the frame that calls settrace
        sys.settrace(trace)
        try:
            optimizer.step()
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(None)
        return False

    updated, when = [], 0
    while True:
        run = Run()
        if not step(run.optimizer, when):
            break
        updated.append(check_interrupted(run.optimizer, ends))
        when += 1
    assert len(updated) > 100 and updated[0] == 0 and updated[-1] == len(ends[0])


def test_an_overflow_that_raises_leaves_no_parameter_half_way(ends: list[list[Any]]) -> None:
    def run() -> tuple[optim.Optimizer, list[Tensor]]:
        params = parameters("float32", [(50,)] * 4)
        fill(params, 0)
        assert params[2].grad is not None
        params[2].grad[30] = 1e30
        return optim.Adam(params), params

    optimizer, params = run()
    before = [p.tolist() for p in params]
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        optimizer.step()
    assert [p.tolist() == b for p, b in zip(params, before)] == [False, False, True, True]
    assert [i for i, p in enumerate(params) if optimizer.state.get(p)] == [0, 1]
    optimizer, params = run()
    with warnings.catch_warnings(), pytest.raises(RuntimeWarning, match="overflow"):
        warnings.simplefilter("error")
        optimizer.step()
    assert [p.tolist() == b for p, b in zip(params, before)] == [False, False, True, True]


def test_a_parameter_that_cannot_be_written_to_does_not_hide_its_error() -> None:
    params = parameters("float64", [(3,), (4,)])
    fill(params, 0)
    params[0]._array.flags.writeable = False
    before = [p.tolist() for p in params]
    optimizer = optim.Momentum(params)
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step()
    assert [p.tolist() for p in params] == before and not any(optimizer.state.values())
