"""Parameters moved together, in pieces and on two cores, get the bits of the rule on each; and nothing goes astray."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, optim
from minigrad.optim import batch, replay, rules

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
]
each_optimizer = pytest.mark.parametrize(("name", "settings"), SETTINGS)
SHAPES = [(3, 2), (), (5,), (0, 4), (70, 30), (2, 3, 4), (1,), (40,)]


@pytest.fixture(params=[(1, batch.PIECE), (2, batch.PIECE), (2, 100)], ids=["one core", "two", "two, small pieces"])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine has, and however few the numbers."""
    number, piece = request.param
    monkeypatch.setattr(batch, "CORES", number)
    monkeypatch.setattr(batch, "PIECE", piece)
    monkeypatch.setattr(batch, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(optim.optimizer, "A_FEW_PARAMETERS", 0)


def parameters(dtype: str = "float64", shapes: list[tuple[int, ...]] = SHAPES) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [minigrad.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True) for shape in shapes]


def fill(params: list[Tensor], t: int, skip: bool = False) -> None:
    """Gradients as they come from a loss; in some steps one is missing."""
    for i, p in enumerate(params):
        values = np.random.default_rng((t, i)).standard_normal(p.shape).astype(str(p.dtype))
        p.grad = None if skip and (t + i) % 5 == 0 else Tensor(values)


def alone(optimizer: optim.Optimizer) -> None:
    """A step of one parameter after the other, by the rule on its whole array."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            if p.grad is not None:
                p._array[...], optimizer.state[p] = optimizer._moved(
                    p._array, p.grad._array, optimizer.state.get(p, {}), group
                )


def bits(optimizer: optim.Optimizer) -> list[Any]:
    """Of all parameters and all states."""
    saved = optimizer.state_dict()["state"]
    states = [[(n, s.numpy().tobytes() if isinstance(s, Tensor) else s) for n, s in i.items()] for i in saved.values()]
    return [*([p.detach().numpy().tobytes() for p in g["params"]] for g in optimizer.param_groups), list(saved), states]


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("skip", [False, True], ids=["all", "some without gradient"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each_optimizer
def test_the_bits_are_those_of_the_rule_on_each(name: str, settings: dict[str, Any], dtype: str, skip: bool) -> None:
    ours, theirs = (getattr(optim, name)(parameters(dtype), lr=0.05, **settings) for _ in range(2))
    for t in range(5):
        for optimizer, step in ((ours, ours.step), (theirs, lambda: alone(theirs))):
            fill(optimizer.param_groups[0]["params"], t, skip)
            optimizer.param_groups[0]["lr"] = 0.05 / (t + 1)
            step()
        assert bits(ours) == bits(theirs)
    assert ours._batches


@pytest.mark.usefixtures("cores")
def test_a_large_parameter_is_moved_in_pieces() -> None:
    shapes = [(batch.PIECE + 5, 2), (7,)]
    ours, theirs = (optim.Adam(parameters("float32", shapes)) for _ in range(2))
    for t in range(2):
        for optimizer, step in ((ours, ours.step), (theirs, lambda: alone(theirs))):
            fill(optimizer.param_groups[0]["params"], t)
            step()
    assert bits(ours) == bits(theirs)


@each_optimizer
def test_every_rule_is_noted(name: str, settings: dict[str, Any]) -> None:
    optimizer = getattr(optim, name)([parameters()[0]], **settings)
    (group,) = optimizer.param_groups
    x, state = np.ones(3), {}
    for _ in range(2):
        work = replay.recorded(lambda *args: optimizer._moved(*args, group), x, x, state)
        assert work is not None and len(work.program.buffers) <= 6
        _, state = optimizer._moved(x, x, state, group)


@pytest.mark.usefixtures("cores")
def test_groups_dtypes_layouts_and_what_happens_in_between() -> None:
    def scenario(step: Any) -> list[Any]:
        params = [*parameters("float64"), *parameters("float32")]
        params[4]._array = np.asfortranarray(params[4]._array)
        more = parameters("float64", [(9, 3)] * 6)
        optimizer = optim.Adam([{"params": params[::2]}, {"params": params[1::2], "lr": 0.1, "weight_decay": 0.3}])
        ends = []
        for t in range(9):
            learning = params + (more if t > 2 else [])
            if t == 3:
                optimizer.add_param_group({"params": more, "amsgrad": True})
            fill(learning, t)
            if t == 4:
                params[0].data = params[0].detach() * 2
                params[4].grad = minigrad.tensor(2.0, dtype="float64").expand(70, 30)
            if t == 5:
                optimizer.load_state_dict(optimizer.state_dict())
            if t == 6:
                optimizer.state[params[0]]["m"] = optimizer.state[params[0]]["m"] * 3
            if t == 7:
                optimizer.state[params[2]]["t"] = 1
                optimizer.state[params[10]]["t"] = np.array(5)
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


def test_the_state_shows_what_the_last_step_left() -> None:
    optimizer = optim.SGD(parameters(), lr=0.1, momentum=0.5)
    params = optimizer.param_groups[0]["params"]
    for t in range(3):
        fill(params, t)
        v = [optimizer.state[p]["v"].copy() if p in optimizer.state else 0.0 for p in params]
        optimizer.step()
        for p, old in zip(params, v):
            assert p.grad is not None
            assert np.array_equal(optimizer.state[p]["v"], 0.5 * old + p.grad.numpy())


def test_a_rule_that_looks_at_its_numbers_gets_arrays() -> None:
    class Normed(optim.Optimizer):
        def update(self, x: Any, dx: Any, state: Any, group: dict[str, Any]) -> Any:
            return x - group["lr"] * dx / np.linalg.norm(dx), {"seen": state.get("seen", 0) + 1}

    params = parameters("float64", [(2,)] * 10)
    for p in params:
        p.grad = minigrad.tensor([3.0, 4.0], dtype="float64")
    wanted = [(p.detach() - minigrad.tensor([0.6, 0.8], dtype="float64")).tolist() for p in params]
    optimizer = Normed(params, {"lr": 1.0})
    optimizer.step()
    assert [p.tolist() for p in params] == wanted and not optimizer._batches
    assert [optimizer.state[p]["seen"] for p in params] == [1] * 10


RULES: dict[str, Any] = {
    "sum": lambda x, dx: x - dx.sum(),
    "mean": lambda x, dx: x - np.mean(dx),
    "cumsum": lambda x, dx: np.cumsum(x),
    "product": lambda x, dx: x @ dx,
    "product by name": lambda x, dx: np.matmul(x, dx),
    "branch": lambda x, dx: x if dx > 0 else -x,
    "equal": lambda x, dx: -x if dx == 0 else x,
    "an array of its own": lambda x, dx: x + np.arange(3.0),
    "order": lambda x, dx: x[::-1],
    "keyword": lambda x, dx: np.add(x, dx, where=[True, False, True]),
    "two results": lambda x, dx: np.frexp(x)[0],
    "number": lambda x, dx: float(x),
}


@pytest.mark.parametrize("name", RULES)
def test_what_is_not_element_by_element_is_not_noted(name: str) -> None:
    x = np.ones(3)
    assert replay.recorded(lambda x, dx, state: (RULES[name](x, dx), {}), x, x, {}) is None


@pytest.mark.parametrize(
    "rule",
    [
        lambda x, dx, s: (x + dx, {"m": s["m"], "n": np.where(s["n"] > 1, 2.0, 3.0)}),
        lambda x, dx, s: (x + np.float64(1) * dx, {"m": s["m"]}),
        lambda x, dx, s: (x + dx, {"m": s["m"] + np.float64(1)}),
    ],
    ids=["another shape", "another dtype of x", "another dtype of m"],
)
def test_what_changes_its_kind_is_not_noted(rule: Any) -> None:
    x = np.ones(3, np.float32)
    assert replay.recorded(rule, x, x, {"m": x, "n": 1.0}) is None


STEPS_OF_RULES: list[Any] = [
    lambda a, b: a + b,
    lambda a, b: a - 0.3 * b,
    lambda a, b: a * b,
    lambda a, b: np.abs(a) ** 0.5,
    lambda a, b: np.where(a > b, b, a),
    lambda a, b: np.maximum(-b, a),
    lambda a, b: np.clip(a, -1.0, 2.0),
    lambda a, b: a / (np.abs(b) + 1.5),
]


@pytest.mark.parametrize("seed", range(50))
def test_rules_by_chance_get_the_bits_of_the_rule_on_each(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    steps = [(rng.integers(len(STEPS_OF_RULES)), *rng.integers(1 << 30, size=2)) for _ in range(rng.integers(1, 12))]
    results = rng.integers(1 << 30, size=3)

    class ByChance(optim.Optimizer):
        def update(self, x: Any, dx: Any, state: rules.State, group: dict[str, Any]) -> tuple[Any, rules.State]:
            values = [x, dx, state.get("a", x), state.get("b", dx)]
            for k, i, j in steps:
                values.append(STEPS_OF_RULES[k](values[i % len(values)], values[j % len(values)]))
            x, a, b = (values[i % len(values)] for i in results)
            return x, {"a": a, "b": b}

    def outcome(few: int) -> list[bytes]:
        monkeypatch.setattr(optim.optimizer, "A_FEW_PARAMETERS", few)
        params = parameters("float64", [(30,), (4, 5)])
        optimizer = ByChance(params, {})
        for t in range(3):
            fill(params, t)
            optimizer.step()
        assert bool(optimizer._batches) == (few == 0)
        arrays = [p.detach().numpy() for p in params] + [
            s for state in optimizer.state.values() for s in state.values()
        ]
        return [np.nan_to_num(a).tobytes() for a in arrays]

    with np.errstate(all="ignore"):
        assert outcome(0) == outcome(2)


def run(rule: Any, x: np.ndarray, dx: np.ndarray, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The rule by a batch of one parameter."""
    work = replay.recorded(rule, x, dx, state)
    assert work is not None
    x, after = x.copy(), {name: s.copy() if isinstance(s, np.ndarray) else s for name, s in state.items()}
    batch.Batch([x], [after]).step(work, [x if dx is None else dx])
    return x, after


@pytest.mark.parametrize(
    "rule",
    [
        lambda x, dx, s: (x - dx, {"old": x, "dx": dx, "m": s["m"]}),
        lambda x, dx, s: (x, {"m": s["m"] + dx, "again": s["m"] - dx}),
        lambda x, dx, s: (s["m"], {"m": x}),
        lambda x, dx, s: ((y := x * dx), {"m": y, "v": y}),
        lambda x, dx, s: (x - (dx + s["m"] ** 3 + abs(dx * x) ** -1.5), {"m": abs(dx) / 2 - s["m"], "n": 3}),
        lambda x, dx, s: (np.where(dx > 0, x, np.clip(2 - dx, -1, 1)), {"m": np.maximum(0.5 / s["m"], dx)}),
        lambda x, dx, s: (x - 0.1 * (dx + (s["m"] == 2.0)), {}),
        lambda x, dx, s: (x - dx, {"m": 3}),
        lambda x, dx, s: (x - 2 * -np.sqrt(y := abs(dx)) - s["m"], {"m": y}),
        lambda x, dx, s: (x - abs(dx) ** 0.5 - s["m"] ** -1, {"m": s["m"] ** 0.5}),
        lambda x, dx, s: (x * 1, {"m": 1.0 * dx, "n": 1 * s["m"], "i": (dx > 1) * 1}),
    ],
)
def test_results_go_where_they_belong(rule: Any) -> None:
    x, dx, m = np.array([1.0, -2.0, 3.0]), np.array([0.5, 7.0, -1.0]), np.array([2.0, 5.0, 0.25])
    wanted, after = rule(x, dx, {"m": m})
    got, state = run(rule, x, dx, {"m": m})
    assert got.tobytes() == wanted.tobytes() and state.keys() == after.keys()
    for name, s in after.items():
        assert np.asarray(state[name]).tobytes() == np.asarray(s).tobytes()


def test_a_state_that_changes_its_dtype_is_not_written_over() -> None:
    x = np.ones(3)
    assert replay.recorded(lambda x, dx, s: (x, {"m": s["m"] > 0}), x, x, {"m": x}) is None


def test_a_rule_may_read_a_gradient_that_is_the_parameter_after_the_new_x() -> None:
    x, after = np.ones(3), {"m": np.ones(3)}
    work = replay.recorded(lambda x, dx, s: (x - 0.5 * dx, {"m": s["m"] + dx}), x, x, after)
    assert work is not None
    batch.Batch([x], [after]).step(work, [x])
    assert x.tolist() == [0.5] * 3 and after["m"].tolist() == [2.0] * 3


def test_a_gradient_that_is_the_parameter() -> None:
    params = parameters("float64", [(30,)] * 10)
    wanted = [(p.detach() * (1 - 0.1)).tolist() for p in params]
    for p in params:
        p.grad = p.detach()
    optim.SGD(params, lr=0.1).step()
    np.testing.assert_allclose([p.tolist() for p in params], wanted, rtol=1e-15)


def test_parameters_that_share_memory_are_moved_one_after_the_other() -> None:
    memory = np.ones(30)
    params = [minigrad.from_numpy(memory[i:]).requires_grad_() for i in range(6)]
    for p in params:
        p.grad = minigrad.ones_like(p)
    optimizer = optim.SGD(params, lr=1.0)
    optimizer.step()
    assert memory.tolist() == [0, -1, -2, -3, -4] + [-5] * 25 and not optimizer._batches


@pytest.mark.parametrize("of", [slice(None), slice(-1, None)], ids=["all", "the last"])
@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(t=7),
        lambda s: s.update(t=np.array(7)),
        lambda s: s.update(extra=1.0),
        lambda s: s.pop("v"),
        lambda s: s.update(m=s["m"] + 1),
    ],
)
def test_what_is_put_into_the_states_from_outside_is_what_the_next_step_begins_with(change: Any, of: slice) -> None:
    ours, theirs = (optim.Adam(parameters("float64", [(30,)] * 10)) for _ in range(2))
    for t in range(4):
        for optimizer, step in ((ours, ours.step), (theirs, lambda: alone(theirs))):
            fill(optimizer.param_groups[0]["params"], t)
            if t == 2:
                for s in list(optimizer.state.values())[of]:
                    change(s)
            step()
        if t != 2:  # an array in a number's place is a number again
            assert bits(ours) == bits(theirs)


def test_a_gradient_turned_round_in_place() -> None:
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
    assert {str(s["v"].dtype) for s in optimizer.state.values()} == {"float32"} and optimizer._batches


def test_a_small_model_is_moved_without_ado(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optim.optimizer, "_alike", None)
    params = parameters("float64", [(16, 2), (16,), (16, 16), (16,), (1, 16), (1,)])
    optimizer = optim.Adam(params)
    fill(params, 0)
    optimizer.step()
    assert len(optimizer.state) == 6 and not optimizer._batches


@pytest.mark.usefixtures("cores")
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
    for p in params[:-1]:
        p.grad = minigrad.ones_like(p)
    with warnings.catch_warnings(), pytest.raises(RuntimeWarning, match="overflow"):
        warnings.simplefilter("error")
        optimizer.step()


def test_what_is_to_raise_leaves_no_parameter_half_way() -> None:
    params = parameters("float32", [(50,)] * 10)
    fill(params, 0)
    params[3].grad = minigrad.full((50,), 1e30)
    optimizer = optim.Adam(params)
    before = [p.tolist() for p in params]
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        optimizer.step()
    assert [p.tolist() == b for p, b in zip(params, before)] == [False] * 3 + [True] * 7
    assert [i for i, p in enumerate(params) if optimizer.state[p]] == [0, 1, 2]


def test_the_backward_pass_notices_the_step() -> None:
    params = parameters("float64", [(30,)] * 10)
    loss = sum(((p * p).sum() for p in params), start=minigrad.zeros((), dtype="float64"))
    fill(params, 0)
    optim.SGD(params).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_has_a_second_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CORES", 2)
    monkeypatch.setattr(batch, "WORTH_A_THREAD", 0)
    optimizer = optim.SGD(parameters(), lr=0.1)
    fill(optimizer.param_groups[0]["params"], 0)
    optimizer.step()
    child = os.fork()
    if child == 0:
        optimizer.step()
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_the_rules_of_the_lecture_are_what_is_noted() -> None:
    work = replay.recorded(lambda *args: rules.momentum(*args, 0.1), np.ones(2), np.ones(2), {"v": np.ones(2)})
    assert work is not None
    names = [call.function.__name__ for call in work.program.calls]
    assert names == ["multiply", "multiply", "subtract", "add"]
    assert [call.apart for call in work.program.calls] == [False, True, False, True]
    work = replay.recorded(lambda *args: rules.adagrad(*args, 0.1), np.ones(2), np.ones(2), {"cache": np.ones(2)})
    assert work is not None
    names = [call.function.__name__ for call in work.program.calls]
    assert names == ["square", "add", "multiply", "sqrt", "add", "divide", "add"]


def test_a_product_with_1_is_not_computed() -> None:
    work = replay.recorded(lambda *args: rules.momentum_pytorch(*args, 0.1), np.ones(2), np.ones(2), {"v": np.ones(2)})
    assert work is not None
    assert [call.function.__name__ for call in work.program.calls] == ["multiply", "add", "multiply", "add"]


def test_what_few_need_is_imported_when_they_need_it() -> None:
    late = ["concurrent.futures", "minigrad.viz.charts.chart"]
    code = f"import sys; from minigrad import optim; print([m for m in {late} if m in sys.modules])"
    root = Path(minigrad.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
