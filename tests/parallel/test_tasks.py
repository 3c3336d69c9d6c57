"""Searches, races and curves on executors: nothing is lost, whatever fails, and a run that was ended goes on."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad import parallel, surfaces
from minigrad.demo import lr_sweep
from minigrad.parallel import tasks


def bowl(a: float, b: int) -> float:
    return (a - 3) ** 2 + b


def fails_at_1(a: float, b: int) -> float:
    if b == 1:
        raise ArithmeticError(f"not with {b}")
    return math.nan if b == 2 else a


def ends_once(path: str) -> int:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def ends(path: str) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


SPACE = {"a": parallel.uniform(0, 6), "b": [0, 1]}


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2) as pool:
        yield pool


def losses(found: parallel.Search) -> list[tuple[int, float, dict[str, Any]]]:
    return [(t.number, t.loss, t.settings) for t in found]


def test_a_search_is_the_same_on_any_executor(pool: ProcessPoolExecutor) -> None:
    found = parallel.search(bowl, SPACE, 10, progress=False)
    assert losses(parallel.search(bowl, SPACE, 10, pool, progress=False)) == losses(found)
    assert [t.loss for t in found] == sorted(t.loss for t in found) and found.best is found[0]
    more = parallel.search(bowl, SPACE, 12, progress=False)
    assert {t.number: t.settings for t in found}.items() <= {t.number: t.settings for t in more}.items() or all(
        t.settings == next(m.settings for m in more if m.number == t.number) for t in found
    )


def test_failed_trials_are_named_and_nan_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    found = parallel.search(fails_at_1, {"a": parallel.log_uniform(1, 2), "b": [0, 1, 2]}, 12)
    kinds = [t.settings["b"] for t in found]
    assert kinds.count(0) and kinds.count(1) and kinds.count(2)
    assert kinds[: kinds.count(0)] == [0] * kinds.count(0)
    assert {t.error for t in found.failed} == {"ArithmeticError: not with 1"}
    said = capsys.readouterr().out
    assert f"trial {found.failed[0].number} failed: ArithmeticError: not with 1" in said and "0:00 left" in said
    assert "failed" in str(found) and f"trial {found.failed[0].number}: ArithmeticError" in str(found)
    with pytest.raises(RuntimeError, match="no trial has a loss; ArithmeticError: not with 1"):
        _ = parallel.search(fails_at_1, {"a": 1.0, "b": 1}, 2, progress=False).best


def test_a_search_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    path, calls = tmp_path / "search.jsonl", []

    def loss(a: float, b: int) -> float:
        calls.append(a)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return bowl(a, b)

    with pytest.raises(KeyboardInterrupt):
        parallel.search(loss, SPACE, 6, path=path, progress=False)
    assert len(path.read_text().splitlines()) == 3
    path.write_text(path.read_text() + '{"trial": 3, "sett')  # ended while it wrote
    found = parallel.search(loss, SPACE, 6, path=path, progress=False)
    assert len(calls) == 4 + 3 and losses(found) == losses(parallel.search(bowl, SPACE, 6, progress=False))
    entries = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    assert sorted(entry["trial"] for entry in entries) == [*range(6)]
    parallel.search(loss, SPACE, 6, seed=1, path=path, progress=False)  # other settings are other trials
    assert len(calls) == 7 + 6


def test_bad_searches_are_refused() -> None:
    search: Any = parallel.search
    for error, text, call in (
        (ValueError, "trials must be a positive integer, got 0", lambda: search(bowl, SPACE, 0)),
        (ValueError, "choices for 'b' is empty", lambda: search(bowl, {"b": []})),
        (TypeError, "must be a function", lambda: search(3, SPACE)),
        (ValueError, "bounds must be positive", lambda: parallel.log_uniform(0, 1)),
    ):
        with pytest.raises(error, match=text):
            call()
    found = search(lambda a: None, {"a": 1}, 1, progress=False)
    assert "must return the loss, a number, got NoneType" in str(found[0].error)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_the_call_of_a_lost_worker_is_repeated_or_reported(tmp_path: Path) -> None:
    (tmp_path / "once").touch()
    calls = {"a": (str(tmp_path / "once"),), "b": (str(tmp_path / "no"),), "c": (str(tmp_path / "no"),)}
    with parallel.Restarting(lambda: ProcessPoolExecutor(1)) as executor:
        found = dict(tasks.outcomes(ends_once, calls, executor, retries=2))
        assert sorted(found) == ["a", "b", "c"] and all(error is None for _, error in found.values())
        found = dict(tasks.outcomes(ends, {"d": ("",)}, executor, retries=1))
        assert type(found["d"][1]).__name__ == "BrokenProcessPool"
    with ProcessPoolExecutor(1) as broken, pytest.raises(parallel.WorkerLost, match="not done: .*Restarting"):
        dict(tasks.outcomes(ends, calls, broken))


def test_races_and_curves_are_the_same_on_any_executor(pool: ProcessPoolExecutor) -> None:
    seen: list[tuple[int, int, str]] = []
    here = surfaces.race("noisy", ["sgd", "adam", "momentum"], steps=20)
    there = surfaces.race(
        "noisy", ["sgd", "adam", "momentum"], steps=20, executor=pool, watch=lambda *d: seen.append(d)
    )
    assert [*there] == ["sgd", "adam", "momentum"] and sorted(done for done, _, _ in seen) == [20, 40, 60]
    for name, run in here.items():
        assert np.array_equal(run.positions, there[name].positions) and run.states.keys() == there[name].states.keys()
    with ThreadPoolExecutor(2) as threads:
        mine = surfaces.race(lambda x, y: x**2 + y**2, ["sgd"], steps=3, executor=threads)
        assert mine["sgd"].positions.shape == (4, 2)
        expected = lr_sweep.curves({"a": 0.5, "b": 0.1}, epochs=1)
        for executor in (pool, threads):
            found = lr_sweep.curves({"a": 0.5, "b": 0.1}, epochs=1, executor=executor)
            assert [*found] == ["a", "b"]
            for name, curve in expected.items():
                assert found[name].losses == pytest.approx(curve.losses, rel=1e-3)
    with pytest.raises(ValueError) as raised:
        lr_sweep.curves({"fine": 0.5, "bad": -1.0}, epochs=1, executor=pool)
    assert raised.value.__notes__ == ["(in bad)"]
