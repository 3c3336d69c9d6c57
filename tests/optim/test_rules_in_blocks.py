"""A rule that runs block by block gives the bits of the whole vector."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minigrad.optim import blocks, rules
from minigrad.primitives.kernels import rows
from tests.cases import each

BLOCKWISE: dict[str, Callable[..., Any]] = {n: f for n, f in vars(rules).items() if hasattr(f, "__wrapped__")}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BLOCK", 7)
    monkeypatch.setattr(blocks, "LARGE", 7)


KINDS = [
    (np.float32, np.float32, 30),
    (np.float64, np.float64, 29),
    (np.float32, np.float64, 7),
    (np.int64, np.float64, 9),
]


@each("name, kind", [(name, kind) for name in BLOCKWISE for kind in KINDS])
def test_the_bits_are_those_of_the_whole_vector(name: str, kind: tuple[type, type, int]) -> None:
    rule: Any = BLOCKWISE[name]
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


def test_a_rule_is_called_with_blocks_of_vectors_only() -> None:
    sizes: list[int] = []

    @blocks.in_blocks
    def rule(x: Any, dx: Any, state: rules.State, learning_rate: float) -> tuple[Any, rules.State]:
        sizes.append(np.size(x))
        return x - learning_rate * dx, {"dx": dx + 0}

    vector, matrix = np.ones(16), np.ones((8, 2))
    rule(vector, vector, {}, 0.1)
    assert sizes == [7, 7, 2]
    sizes.clear()
    for x, dx, state in [
        (matrix, matrix, {}),
        (vector, 1.0, {}),
        (vector, vector, {"v": np.ones(1)}),
        (vector, vector, {"v": vector.tolist()}),
        (np.ones(6), np.ones(6), {}),
        (1.0, 2.0, {}),
    ]:
        rule(x, dx, state, 0.1)
    rule(vector, vector, {}, vector)  # a learning rate for each number
    rule(vector, vector, {}, learning_rate=vector)
    assert sizes == [16, 16, 16, 16, 6, 1, 16, 16]


def test_the_signature_and_the_lines_are_the_rules() -> None:
    assert "adam" in BLOCKWISE and inspect.signature(rules.adam).parameters["beta2"].default == 0.999
    assert "mb = m / (1 - beta1**t)" in inspect.getsource(rules.adam)


def test_a_warning_names_the_line_of_the_rule() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rules.adam(np.ones(20), np.full(20, 1e200), {}, 0.1)
    assert {w.filename for w in caught} == {rules.__file__}
