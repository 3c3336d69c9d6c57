"""Random programs, with minigrad and with PyTorch: the same values, gradients, dtypes, buffers, states and rates.

Some programs of fixed seeds by default; `MINIGRAD_FUZZ_SECONDS=600` tries others for ten minutes instead. A program
that fails is shortened and printed as a script that runs with both libraries.
"""

from __future__ import annotations

import os
import time

import pytest
from fuzzing import runner

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

SECONDS = float(os.environ.get("MINIGRAD_FUZZ_SECONDS", 0))
FIRST = int(os.environ.get("MINIGRAD_FUZZ_FIRST", 0 if not SECONDS else time.time_ns() // 10**6 % 10**9))
PROGRAMS = {"graphs": 100, "networks": 30, "optimizers": 60, "schedulers": 100}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_random_programs(kind: str) -> None:
    if SECONDS:
        found = [*runner.failures(kind, SECONDS / len(PROGRAMS), FIRST)]
    else:
        found = [text for seed in range(PROGRAMS[kind]) if (text := runner.report(kind, seed))]
    assert not found, "\n".join(found)


def test_a_failure_is_found_shortened_and_runs_with_both_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.primitives import elementwise
    from minigrad.tensors.methods.pointwise import Pointwise

    lines = ["x = noise(m, 1, 3, grad=True)", "y = x.sin()", "z = y * 2", "w = x.tanh().sum()", "w.backward()"]
    assert runner.failure(lines) == ""
    monkeypatch.setattr(Pointwise, "tanh", lambda self: self.apply(elementwise.atan, self))
    assert runner.failure(lines).startswith("x.grad.array: PyTorch has (3,)")
    short = runner.shortened(lines)
    assert short == ["x = noise(m, 1, 3, grad=True)", "w = x.tanh().sum()"]
    for library in ("minigrad", "torch"):
        exec(runner.script(short).replace("import minigrad as m", f"import {library} as m"), {})
