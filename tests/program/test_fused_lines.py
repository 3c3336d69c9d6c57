"""Chains of elementwise lines in blocks compute the bits that they compute at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.primitives.kernels import rows
from minigrad.program import fused_lines
from minigrad.program.fast_lines import Layout, Line

STEPS: list[Callable[[Any, Any, Any], Any]] = [
    lambda y, x, w: y * w + x,
    lambda y, x, w: y.tanh() * 0.5,
    lambda y, x, w: (1 - y) * y,
    lambda y, x, w: y.relu() + x.sigmoid(),
    lambda y, x, w: minigrad.where(y > w, y * x, w),
    lambda y, x, w: y / (x * x + 1) - w.exp(),
    lambda y, x, w: minigrad.maximum(y, x) ** 2,
    lambda y, x, w: y @ w.T,
    lambda y, x, w: y - y.mean(1, keepdim=True),
    lambda y, x, w: y.T.abs().T + y**3,
    lambda y, x, w: (y > 0).float() * x - y.max(),
    lambda y, x, w: -y + y.detach() * 2 + x.sum(),
]


def results(function: Callable[..., Any], layout: str) -> list[bytes]:
    numbers = np.random.default_rng(0).standard_normal((3, 7, 7)).astype(np.float32)
    x, w, g = (minigrad.tensor(a.T if layout == name else a) for a, name in zip(numbers, "xwg"))
    x.requires_grad = w.requires_grad = True
    y = function(x, w)
    y.backward(g)
    assert x.grad is not None and w.grad is not None
    arrays = [t.detach().numpy() for t in (y, x.grad, w.grad)]
    return [part for a in arrays for part in (a.tobytes(), a.strides)]  # type: ignore[misc]


def compare(function: Callable[..., Any]) -> str:
    """Compare a function with its recording, and return the lines of the first one."""
    compiled = minigrad.compile(function)
    with np.errstate(all="ignore"):
        for layout in ("", "", "g", "x", "x", "w", "w", "g"):
            assert results(compiled, layout) == results(function, layout), layout
    assert compiled.reason == ""
    return str(next(iter(compiled._recordings.values()))[0].source)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_lines, "SMALLEST", 10)
    monkeypatch.setattr(rows, "BLOCK", 5)


CHAINS = st.lists(st.integers(0, len(STEPS) - 1), min_size=1, max_size=5)


@settings(max_examples=5, deadline=None)
@given(CHAINS)
def test_random_chains(chosen: list[int]) -> None:
    compare_chain(chosen)


@pytest.mark.exhaustive
@settings(max_examples=300, deadline=None)
@given(CHAINS)
def test_many_random_chains(chosen: list[int]) -> None:
    compare_chain(chosen)


def compare_chain(chosen: list[int]) -> None:
    def function(x: Any, w: Any) -> Any:
        y = x * w
        for i in chosen:
            y = STEPS[i](y, x, w)
        return y + x * 0 + w * 0

    compare(function)


def test_each_step_in_a_chain() -> None:
    for step in STEPS:
        source = compare(lambda x, w, step=step: step(x * w + 0.25, x, w) * (x + w) - x)
        assert "for s in blocks_49" in source and "empty((7, 7), dtype_float32)" in source


def test_what_lies_between_is_no_whole_array() -> None:
    source = compare(lambda x, w: ((x * w).sin() + x) * w)
    forward = source.partition("yield")[0]
    assert forward.count("empty(") == 1 + 2  # the result, and what the backward pass needs: x * w and sin(x * w) + x


def test_the_layout_of_an_upstream_gradient_is_kept() -> None:
    assert "blocks" in compare(lambda x, w: x * 2 * 3 * 4 - w * 3 * 4 * 5)


def test_products_of_matrices_are_not_elementwise() -> None:
    layouts = {name: Layout((7, 7), np.dtype(np.float32), True) for name in ("v0", "v1", "v2")}
    for text, is_fused in [("v0 @ v1 + v0 * v1", False), ("v0 - v1 + v0 * v1", True)]:
        (line,) = fused_lines.fused([Line(f"v2 = {text}", "v2", ("v0", "v1"))], layouts, {}, set())
        assert line.text.startswith("if contiguous((v0, v1,)):") is is_fused


def test_small_chains_and_small_arrays_stay_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused_lines, "SMALLEST", 50)
    assert "blocks" not in compare(lambda x, w: ((x * w).sin() + x) * w)
    monkeypatch.setattr(fused_lines, "SMALLEST", 49)
    assert "blocks" not in compare(lambda x, w: (x * w).T @ w + x).partition("yield")[0]
