"""The compiled kernels compute what NumPy's forms do: the same loops, in plain Python where numba is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from inspect import isfunction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.optim import flat, rules, traced_rules
from minigrad.primitives import elementwise, losses, normalization, pooling, softmax, special
from minigrad.primitives.kernels import compiled, loops
from minigrad.primitives.kernels import elementwise as elementwise_kernels
from minigrad.primitives.primitive import Primitive
from tests.cases import each

COMPILED = find_spec("numba") is not None
UNCOMPILED = SimpleNamespace(cache_misses={})


@pytest.fixture(autouse=True)
def _used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small arrays are the loops' business; in plain Python nothing is compiled."""
    monkeypatch.setattr(compiled, "installed", True)
    monkeypatch.setattr(compiled, "LEAST", 1)
    traced_rules._loop.cache_clear()
    if not COMPILED:
        for loop in filter(isfunction, [*vars(loops).values()]):
            monkeypatch.setattr(loop, "stats", UNCOMPILED, raising=False)
        monkeypatch.setattr(compiled, "loop", uncompiled)
        monkeypatch.setattr(compiled, "made", lambda name, *constants: uncompiled(getattr(loops, name)(*constants)))


def uncompiled(loop: Any) -> Any:
    loop.stats = UNCOMPILED
    return loop


def floats(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def both(monkeypatch: pytest.MonkeyPatch, names: list[str], function: Callable[[], Any]) -> tuple[Any, Any]:
    """The results by the loops, all of which must run, and by NumPy."""
    ran, call = [], compiled.call

    def noted(kernel: Any, *args: Any) -> Any:
        ran.append("rule" if kernel.__name__.startswith("rule_") else kernel.__name__)
        return call(kernel, *args)

    with monkeypatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(compiled, "call", noted)
        mine = function()
        patch.setattr(compiled, "installed", False)
        its = function()
    assert ran == names
    return mine, its


def assert_close(mine: Any, its: Any) -> None:
    for a, b in zip(mine, its, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        scale = np.abs(b[np.isfinite(b)]).max(initial=1e-30)
        np.testing.assert_allclose(a, b, rtol=0, atol=compiled.ERROR * scale)


def forward_and_backward(primitive: Primitive, operands: list[Any], **parameters: Any) -> list[Any]:
    result = primitive.run(*operands, **parameters)
    y, kept = (result[0], result[1:]) if primitive.keeps else (result, ())
    saved = primitive.full_plan.select((y, *operands, *parameters.values(), *kept))
    calls, g = primitive.full_plan.array_calls, floats(9, *y.shape)
    if calls.together is not None:
        return [y, *calls.together[0](g, *[saved[i] for i in calls.together[1]])]
    return [y, *[call[0](g, *[saved[i] for i in call[1]]) for call in calls.each if call is not None]]


SIZES = [(1, 1), (3, 7), (2, 3, 20)] + [(40, 300)] * COMPILED


def test_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    special_rows = np.array(
        [[0, -np.inf, 1], [-np.inf] * 3, [np.nan, 0, 1], [np.inf, 0, 1], [500, -500, 0], [-500, -501, -499]], np.float32
    )
    for x in [*(10 * floats(1, *shape) for shape in SIZES), special_rows]:
        names = ["softmax", "softmax_vjp"]
        mine, its = both(monkeypatch, names, lambda x=x: forward_and_backward(softmax.softmax, [x], axis=-1))
        assert_close(mine, its)
        assert np.array_equal(mine[0] == 0, its[0] == 0)  # a masked weight is exactly 0


def test_layer_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    for shape in SIZES[1:]:
        x, w, b = floats(1, *shape) + 3, floats(2, shape[-1]), floats(3, shape[-1])
        names = ["layer_norm", "layer_norm_vjp"]
        function = lambda x=x, w=w, b=b: forward_and_backward(normalization.layer_norm, [x, w, b], eps=1e-5)  # noqa: E731
        assert_close(*both(monkeypatch, names, function))


def test_gelu(monkeypatch: pytest.MonkeyPatch) -> None:
    with_limits = np.array([-40, -6, -1e-3, 0, 1e-3, 6, 40, np.nan, np.inf], np.float32)
    for x in [*(3 * floats(1, *shape) for shape in SIZES), with_limits]:
        names = ["gelu"]
        assert_close(*both(monkeypatch, names, lambda x=x: forward_and_backward(special.gelu, [x])))


def test_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    special = np.array([[0, -np.inf, 1], [np.nan, 0, 1], [500, -500, 0]], np.float32)
    for x in [*(10 * floats(1, *shape) for shape in SIZES[1:]), 20 + floats(1, 100, 60), special]:
        target = np.random.default_rng(0).integers(-2, x.shape[-1], x.shape[:-1])  # negative ones count from the end
        function = lambda x=x, t=target: forward_and_backward(losses.cross_entropy, [x], target=t)  # noqa: E731
        assert_close(*both(monkeypatch, ["exp_times"], function))
    with pytest.raises(IndexError):
        losses.cross_entropy.run(special, target=np.array([0, 3, 0]))


def test_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.append(floats(1, 1194), [np.nan, np.inf, -np.inf, 0, -0.0, 1e-45]).astype(np.float32).reshape(2, 600)
    where = elementwise_kernels.where
    for function, names in [
        (lambda: forward_and_backward(elementwise.relu, [x])[1], ["relu_vjp"]),
        (lambda: where(x > 0, x, 0), ["masked"]),
        (lambda: where(x > 0, x, -np.inf), ["masked"]),
        (lambda: where(x < 0, np.stack([x, 2 * x, x]), 0.1), ["masked"]),
        (lambda: where((x < 0).T, x.T, 0), []),
        (lambda: where(x.T < 0, x.T.copy(), 1), []),
        (lambda: where((x < 0)[None], x, 0), []),
        (lambda: where(x[:, :1] < 0, x, 2), []),
        (lambda: where(x > 0, x, np.float32(2)), []),
    ]:
        mine, its = both(monkeypatch, names, function)
        np.testing.assert_array_equal(mine, its)
        assert mine.dtype == its.dtype and np.array_equal(np.signbit(mine), np.signbit(its))


def windows(size: int, length: int, stride: int, step: int = 1, start: int = 0) -> pooling.Windows:
    starts = range(start, size - length + 1 - start, stride)
    return pooling.Windows(size, (*starts,), (*[i + length for i in starts],), step)


def test_max_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    def results(x: Any, *ws: pooling.Windows) -> Callable[[], list[Any]]:
        return lambda: forward_and_backward(pooling.max_pool, [x], windows=ws)

    ties = np.random.default_rng(0).choice([-np.inf, -1, 0, 2, np.nan], (40, 2, 7, 6), p=[0.3, 0.2, 0.2, 0.2, 0.1])
    for x in floats(1, 2, 3, 7, 6), floats(1, 7, 6), ties.astype(np.float32), np.zeros((1, 7, 6), np.float32):
        for rows, columns in [
            (windows(7, 2, 2), windows(6, 2, 2)),
            (windows(7, 3, 2), windows(6, 3, 1)),
            (windows(7, 1, 1), windows(6, 6, 1)),
            (windows(7, 2, 3), windows(6, 2, 3)),
        ][: 2 if COMPILED else 4]:  # two seconds each
            mine, its = both(monkeypatch, ["max_pool", "max_pool_vjp"], results(x, rows, columns))
            np.testing.assert_array_equal(mine[0], its[0])
            assert_close(mine[1:], its[1:])
    x = floats(1, 2, 7, 6)
    for ws in [  # one dimension, three, larger windows, with steps, cut off
        [windows(6, 2, 2)],
        [windows(2, 2, 2), windows(7, 2, 2), windows(6, 2, 2)],
        [windows(7, 5, 1), windows(6, 2, 2)],
        [windows(7, 3, 1, 2), windows(6, 2, 2)],
        [windows(7, 2, 2, 1, -1), windows(6, 2, 2)],
        [pooling.Windows(7, (0, 4), (4, 8)), windows(6, 2, 2)],
    ]:
        both(monkeypatch, [], results(x, *ws))


def test_max_pool_of_a_gradient_in_another_order() -> None:
    x, ws = floats(1, 2, 6, 6), (windows(6, 2, 2), windows(6, 2, 2))
    _, places = pooling.max_pool.run(x, windows=ws)
    g = np.arange(18, dtype=np.float32).reshape(3, 3, 2).T
    vjp = pooling.max_pool.full_plan.array_calls.each[0][0]
    np.testing.assert_array_equal(vjp(g, x, places, ws), vjp(g.copy(), x, places, ws))


RULES = [name for name, rule in vars(rules).items() if hasattr(rule, "__wrapped__")]


@each("name", RULES)
def test_update_rules(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    rule, steps = getattr(rules, name), 7
    special = [0, 1e30, np.inf, np.nan]
    if COMPILED and name not in ("adam", "adamax", "lion", "sgd"):  # a second each
        monkeypatch.setattr(compiled, "loop", uncompiled)
    kinds: list[Any] = []

    def trained() -> list[Any]:
        x, state = floats(1, 50), {}
        for t in range(steps):
            given = (x, *state.values())
            copies = [np.array(a) for a in given]
            x, state = rule(x, np.append(floats(t, 46), special).astype(np.float32), state, 0.01)
            for a, copy in zip(given, copies):
                np.testing.assert_array_equal(a, copy)
        kinds.append([(n, type(s), None if isinstance(s, np.ndarray) else s) for n, s in state.items()])
        arrays = [x, *[s for s in state.values() if isinstance(s, np.ndarray)]]
        return [part for a in arrays for part in (a[:46], a[46:])]

    mine, its = both(monkeypatch, ["rule"] * steps, trained)
    assert_close(mine, its)
    assert kinds[0] == kinds[1]


def test_settings_of_update_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "loop", uncompiled)  # a second each
    x, dx, v = floats(1, 50), floats(2, 50), floats(3, 50) ** 2
    for rule, state, settings in [
        (rules.momentum_pytorch, {"v": v}, {"mu": 0.5, "dampening": 0.1}),
        (rules.momentum_pytorch, {"v": v}, {"nesterov": True}),
        (rules.rmsprop_momentum, {"v": v, "cache": v}, {"centered": False}),  # in another order than the rule's
        (rules.rmsprop_momentum, {"cache": v, "mean": dx}, {"mu": 0}),
        (rules.adam, {"t": 3, "m": dx, "v": v}, {"epsilon": 1e-3, "beta1": 0.5}),
        (rules.adam, {"m": dx, "v": v, "t": 4.0}, {}),
    ]:
        names: list[Any] = []

        def step(rule: Any = rule, state: Any = state, settings: Any = settings, names: Any = names) -> list[Any]:
            after, new = rule(x, dx, state, 0.1, **settings)
            names.append([(n, type(s)) for n, s in new.items()])
            return [after, *[s for s in new.values() if isinstance(s, np.ndarray)]]

        assert_close(*both(monkeypatch, ["rule"], step))
        assert names[0] == names[1]


def test_what_no_loop_is_for_is_left_to_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "loop", uncompiled)
    x, state = floats(1, 5), {"t": 1, "m": floats(2, 5), "v": floats(3, 5) ** 2}

    def run(rule: Callable[..., Any], dx: Any, state: Any, *settings: Any) -> Any:
        program = traced_rules.trace(lambda x, dx, state: rule(x, dx, state, *settings), traced_rules.kind_of(state))
        return program and program(x, dx, state)

    assert run(rules.adam, x, state, 0.1) is not None
    for dx, its, rate in [
        (x[:4], state, 0.1),
        (x, {**state, "m": 0.0}, np.float64(0.1)),
        (x, {**state, "m": state["m"][:1]}, 0.1),
        (x, {**state, "m": state["m"].tolist()}, 0.1),
        (x, state, np.full(5, 0.1)),
        (x, state, np.float64(0.1)),  # makes NumPy's result float64
    ]:
        assert run(rules.adam, dx, its, rate) is None
    assert run(rules.lamb, x, state, 0.1) is None  # looks at the values
    assert run(rules.rprop, x, {"dx": x, "step": abs(x)}, 0.1) is None
    assert run(lambda x, dx, state: (x * np.float64(2), state), x, {}) is None
    assert run(lambda x, dx, state: (x**3, state), x, {}) is None
    assert run(lambda x, dx, state: (1.0, state), x, {}) is None


def test_loops_of_the_same_lines_are_one() -> None:
    x, before = floats(1, 5), traced_rules._loop.cache_info()
    for t, rate in (1, 0.1), (2, 0.2):
        rules.adam(x, x, {"t": t, "m": x, "v": abs(x)}, rate)
    assert traced_rules._loop.cache_info().misses <= before.misses + 1


def test_an_optimizer_writes_in_one_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "loop", uncompiled)
    monkeypatch.setattr(flat, "TOGETHER", 10)  # (30,) and (5, 6) on their own
    settings = {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}
    for name, its in [("SGD", {}), ("Momentum", {}), ("Adam", settings), ("Adagrad", {})]:

        def trained(name: str = name, its: Any = its) -> list[Any]:
            params = [minigrad.tensor(floats(i, *shape), requires_grad=True) for i, shape in enumerate([(30,), (5, 6)])]
            optimizer = getattr(optim, name)(params, lr=0.1, **its)
            for t in range(3):
                for i, p in enumerate(params):
                    p.grad = minigrad.tensor(floats(10 * t + i, *p.shape))
                memory, read = [p._array for p in params], optimizer.state if t == 2 else {}
                copies = {p: {k: np.array(s) for k, s in state.items()} for p, state in read.items()}
                optimizer.step()
                assert all(p._array is m for p, m in zip(params, memory))
                for p, copy in copies.items():  # a state that was read does not change
                    assert all(np.array_equal(read[p][k], s) for k, s in copy.items())
            return [a for p in params for a in (p._array, *map(np.float32, optimizer.state[p].values()))]

        assert_close(*both(monkeypatch, ["rule"] * 6, trained))


def test_states_and_memory_that_no_loop_writes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Overlapping parameters, a state that nobody copies, a gradient in the parameter's memory."""
    monkeypatch.setattr(compiled, "loop", uncompiled)
    monkeypatch.setattr(flat, "TOGETHER", 10)

    def trained() -> list[Any]:
        memory = floats(1, 8, 6)
        params = [minigrad.from_numpy(memory[i : i + 6]).requires_grad_() for i in range(3)]
        params += [minigrad.tensor(floats(2, 5, 5), requires_grad=True) for _ in range(2)]
        optimizers = [optim.Adam(params[:3], lr=0.1), optim.Adam(params[3:], lr=0.1)]
        read = {}
        for t in range(4):
            for i, p in enumerate(params):
                p.grad = minigrad.tensor(floats(10 * t + i, *p.shape))
            params[3].grad = params[3].detach()
            for optimizer in optimizers:
                optimizer.step()
            if t == 1:
                read = optimizers[1].state[params[4]]
                read["notes"] = ["mine"]
                copies = {name: np.array(s) for name, s in read.items()}
        assert all(np.array_equal(read[name], s) for name, s in copies.items())
        return [p._array for p in params]

    mine = trained()
    p = minigrad.tensor(floats(1, 30), requires_grad=True)
    p.grad, p._array.flags.writeable = minigrad.ones(30), False
    with pytest.raises(ValueError, match="read-only"):
        optim.SGD([p], lr=0.1).step()
    monkeypatch.setattr(compiled, "installed", False)
    assert_close(mine, trained())


def test_an_interrupted_loop_is_finished_or_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """At any place of the step around it: a signal does not interrupt compiled code."""
    monkeypatch.setattr(compiled, "loop", uncompiled)
    monkeypatch.setattr(flat, "TOGETHER", 10)
    files = {flat.__file__, traced_rules.__file__, compiled.__file__}

    def run(stop: int) -> tuple[bool, list[Any], Any]:
        p = minigrad.tensor(floats(1, 30), requires_grad=True)
        optimizer, count = optim.Adam([p], lr=0.1), 0
        p.grad = minigrad.tensor(floats(2, 30))
        optimizer.step()

        def trace(frame: Any, event: str, argument: Any) -> Any:
            nonlocal count
            frame.f_trace_opcodes = True
            if frame.f_code.co_filename in files and not frame.f_code.co_name.startswith("rule_"):
                count += event == "opcode"
                if count == stop:
                    raise KeyboardInterrupt
            return trace

        sys._getframe().f_trace_opcodes = True
        sys.settrace(trace)
        try:
            optimizer.step()
        except KeyboardInterrupt:
            return True, p.tolist(), {k: np.asarray(s).tolist() for k, s in optimizer.state[p].items()}
        finally:
            sys.settrace(None)
        return False, p.tolist(), {k: np.asarray(s).tolist() for k, s in optimizer.state[p].items()}

    _, *done = run(-1)
    ends: list[Any] = []
    for stop in range(1, 10_000, 17):
        interrupted, *found = run(stop)
        if not interrupted:
            break
        if found not in ends:
            ends.append(found)
    assert len(ends) == 2 and ends[1] == done


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
def test_a_transformer_trains_as_with_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def losses() -> list[float]:
        minigrad.manual_seed(0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, activation="gelu", batch_first=True)
        model = nn.Sequential(nn.Linear(5, 16), layer, nn.Linear(16, 3))
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        x, y = minigrad.tensor(floats(1, 8, 6, 5)), minigrad.tensor(floats(2, 8, 6, 3))
        found = []
        for _ in range(10):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    kernels: dict[str, Any] = {}
    call = compiled.call

    def noted(kernel: Any, *args: Any) -> Any:
        kernels["rule" if kernel.__name__.startswith("rule_") else kernel.__name__] = kernel
        return call(kernel, *args)

    monkeypatch.setattr(compiled, "call", noted)
    mine = losses()
    assert {*kernels} == {"softmax", "softmax_vjp", "layer_norm", "layer_norm_vjp", "gelu", "rule"}
    assert all(kernel.signatures for kernel in kernels.values())  # machine code, not the interpreter
    monkeypatch.setattr(compiled, "installed", False)
    np.testing.assert_allclose(mine, losses(), rtol=1e-3)
    assert mine[-1] < mine[0]


def test_other_arrays_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    x = floats(1, 4, 6)
    assert compiled.usable(x, x[0])
    assert not compiled.usable(x, None)
    assert not compiled.usable(1.0, x)
    assert not any(map(compiled.usable, [x.T, x[:, :3], x.astype(np.float64), x > 0, np.broadcast_to(x[0], (9, 6))]))
    monkeypatch.setattr(compiled, "LEAST", 25)
    assert not compiled.usable(x)
    monkeypatch.setattr(compiled, "installed", False)
    assert not compiled.usable(floats(1, 30))


def test_an_environment_variable_switches_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "find_spec", lambda name: name)
    assert compiled._installed()
    monkeypatch.setenv("MINIGRAD_COMPILED_KERNELS", "0")
    assert not compiled._installed()
    monkeypatch.undo()
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    assert not compiled._installed()


def test_one_line_says_that_something_was_compiled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def kernel() -> None: ...

    monkeypatch.setattr(loops, "kernel", kernel, raising=False)
    monkeypatch.setattr(compiled, "_announced", False)
    monkeypatch.setattr(compiled, "_used", set())
    err = []
    for misses in {}, {"signature": 1}, {"signature": 1}:
        kernel.stats = SimpleNamespace(cache_misses=misses, cache_path="a folder")  # type: ignore[attr-defined]
        compiled._used.clear()
        compiled.run("kernel")
        err.append(capsys.readouterr().err)
    assert [text.count("kept in a folder\n") for text in err] == [0, 1, 0]


def test_a_profile_function_does_not_see_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def compiles() -> None:
        """Take the place of numba's dispatcher, whose Python code runs at the first call."""

    compiles.stats = SimpleNamespace(cache_misses={})  # type: ignore[attr-defined]
    monkeypatch.setattr(loops, "kernel", compiles, raising=False)
    monkeypatch.setattr(compiled, "_used", set())
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name))
    try:
        compiled.run("kernel")
        assert callable(sys.getprofile())
    finally:
        sys.setprofile(before)
    assert "run" in seen
    assert "compiles" not in seen


def test_a_numba_that_does_not_fit_numpy_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> None:
        raise ImportError("Numba needs another NumPy")

    compiled._loops.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "importlib", SimpleNamespace(import_module=refuse))
        assert not compiled.usable(floats(1, 9))
        assert not compiled.usable(floats(1, 9))
    compiled._loops.cache_clear()
    assert capsys.readouterr().err.count("Numba needs another NumPy") == 1
    assert compiled.usable(floats(1, 9))
