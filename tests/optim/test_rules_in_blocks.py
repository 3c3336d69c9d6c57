"""A rule that runs as a program, block by block, gives the bits of its lines."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.optim import rules, traced_rules
from minigrad.primitives.kernels import compiled, rows
from tests.cases import each

ELEMENTWISE: dict[str, Callable[..., Any]] = {n: f for n, f in vars(rules).items() if hasattr(f, "__wrapped__")}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "installed", False)
    monkeypatch.setattr(rows, "BLOCK", 7)
    monkeypatch.setattr(traced_rules, "LARGE", 7)
    monkeypatch.setattr(traced_rules, "FEW", 0)


KINDS = [
    (np.float32, np.float32, 30),
    (np.float64, np.float64, 29),
    (np.float32, np.float64, 7),
    (np.int64, np.float64, 9),
]


@each("name, kind", [(name, kind) for name in ELEMENTWISE for kind in KINDS])
def test_the_bits_are_those_of_the_whole_vector(name: str, kind: tuple[type, type, int]) -> None:
    rule: Any = ELEMENTWISE[name]
    dtype, dtype_of_dx, size = kind
    rng = np.random.default_rng(0)
    x = z = rng.standard_normal(size).astype(dtype)
    state: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for _ in range(4):
        dx = (rng.standard_normal(size) * rng.choice([0, 1e-6, 1, 1e3], size)).astype(dtype_of_dx)
        given = (x, dx, *[s for s in state.values() if isinstance(s, np.ndarray)])
        copies = [a.copy() for a in given]
        after, new_state = rule(x, dx, state, 0.1)
        for array, copy in zip(given, copies):
            np.testing.assert_array_equal(array, copy)
            assert not np.may_share_memory(array, after)
        z, other = rule.__wrapped__(z, dx, other, 0.1)
        x, state = after, new_state
        assert list(state) == list(other) and x.dtype == z.dtype
        np.testing.assert_array_equal(x, z)
        for key, s in other.items():
            assert type(state[key]) is type(s)
            np.testing.assert_array_equal(state[key], s)


def test_a_rule_is_traced_on_large_arrays_of_one_kind_only() -> None:
    kinds: list[type] = []

    @traced_rules.elementwise
    def rule(x: Any, dx: Any, state: rules.State, learning_rate: float) -> tuple[Any, rules.State]:
        kinds.append(type(x))
        return x - learning_rate * dx, {"dx": dx + 0}

    vector, matrix = np.ones(16), np.ones((8, 2))
    for array in (vector, matrix):
        after, state = rule(array, array, {}, 0.1)
        assert np.ndarray not in kinds
        np.testing.assert_array_equal(after, array * 0.9)
        np.testing.assert_array_equal(state["dx"], array)
    assert len(kinds) == 1  # one program for both
    kinds.clear()
    for x, dx, state in [
        (vector, 1.0, {}),
        (vector, np.ones(16, np.float32), {}),
        (np.ones(16, int), np.ones(16, int), {}),
        (vector[::2], vector[::2], {}),
        (np.ones(6), np.ones(6), {}),
        (1.0, 2.0, {}),
    ]:
        rule(x, dx, state, 0.1)
        assert kinds.pop() in (np.ndarray, float) and not kinds
    for dx, state, rate in [
        (vector, {"v": np.ones(1)}, 0.1),
        (vector, {"v": vector.astype("f")}, 0.1),
        (vector, {}, vector),  # a learning rate for each number
        (vector, {}, np.float64(0.1)),
    ]:
        rule(vector, dx, state, rate)
        assert kinds.pop() is np.ndarray
        kinds.clear()


def test_results_of_a_program_are_arrays_of_their_own() -> None:
    x, dx, state = np.arange(9.0), np.ones(9), {"m": np.full(9, 3.0)}
    rule: Any = lambda x, dx, state: (dx, {"x": x, "same": x, "m": state["m"] * 2})  # noqa: E731
    program = traced_rules.trace(rule, traced_rules.kind_of(state))
    assert program is not None
    found = program(x, dx, state)
    assert found is not None
    arrays = [found[0], *found[1].values()]
    for a, wanted in zip(arrays, [dx, x, x, state["m"] * 2]):
        np.testing.assert_array_equal(a, wanted)
    everything = [x, dx, state["m"], *arrays]
    assert not any(np.may_share_memory(a, b) for i, a in enumerate(everything) for b in everything[:i])


def test_the_signature_and_the_lines_are_the_rules() -> None:
    assert "adam" in ELEMENTWISE and inspect.signature(rules.adam).parameters["beta2"].default == 0.999
    assert "mb = m / (1 - beta1**t)" in inspect.getsource(rules.adam)


def test_a_warning_names_the_line_of_the_rule() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rules.adam(np.ones(20), np.full(20, 1e200), {}, 0.1)
    assert {w.filename for w in caught} == {rules.__file__}
