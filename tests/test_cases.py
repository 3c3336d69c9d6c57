"""Tests that run many cases name those that fail, and do not stop at the first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import each, each_case
from ops import OPS, Op

import minigrad


def test_every_failure_is_named_and_all_cases_run() -> None:
    seen = []

    @each("a", [1, 2, 3])
    @each(("b", "f"), [("x", np.exp), ("y", np.log)])
    def test(a: int, b: str, f: Any) -> None:
        seen.append((a, b, f))
        if a > 1 and b == "y":
            pytest.fail("no") if a == 2 else pytest.skip("later")

    with pytest.raises(AssertionError) as error:
        test()
    assert seen == [(a, b, f) for a in (1, 2, 3) for b, f in (("x", np.exp), ("y", np.log))]
    for part in ("2 of 3 cases", "case 2 [2]", "1 of 2 cases", "case 2 [y-log]: Failed: no", "Skipped: later"):
        assert part in str(error.value)


def test_each_case_begins_with_the_same_random_numbers() -> None:
    drawn = []
    each("_", range(3))(lambda _: drawn.append(minigrad.rand(1).item()))()
    assert drawn[0] == drawn[1] == drawn[2]


def test_without_cases_nothing_is_proved() -> None:
    with pytest.raises(AssertionError, match="no cases"):
        each("a", [])(lambda a: None)()


@pytest.mark.parametrize("slow", [True, False])
def test_every_case_of_the_table_is_in_a_test(slow: bool) -> None:
    called = []

    @each_case(slow=slow)
    def test(op: Op, shapes: Any, keywords: Any) -> None:
        called.append((op.name, shapes, str(keywords)))

    for parameters in test.pytestmark[0].args[1]:  # type: ignore[attr-defined]
        op, cases = parameters.values
        test(op=op, cases=cases)
    wanted = [(op.name, shapes, str(keywords)) for op in OPS for shapes, keywords in op.cases]
    assert sorted(called) == sorted(wanted)


@each("number", [1, 2])
def test_fixtures_are_passed(number: int, tmp_path: Path) -> None:
    assert tmp_path.is_dir() and number
