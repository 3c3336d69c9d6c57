"""Many cases in one test. pytest takes milliseconds to set up a test, often more than a case takes to run."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from ops import OPS, Op

import minigrad

Test = Callable[..., None]


def reset_random_numbers() -> None:
    """Seed minigrad's generator, and PyTorch's if it is imported."""
    minigrad.manual_seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def run_each(test: Test, cases: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Call the test with the keywords of each case, also after a failure; the error lists every case that failed.

    The random numbers of a case do not depend on the cases before it.
    """
    __tracebackhide__ = True
    failures = {}
    number = 0
    for label, keywords in cases:
        number += 1
        reset_random_numbers()
        try:
            test(**keywords)
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # a skip would hide the other cases
            failures[f"case {number} [{label}]"] = error
    assert number, "no cases"
    if failures:
        texts = [f"{label}: {type(error).__name__}: {error}" for label, error in failures.items()]
        raise AssertionError("\n\n".join([f"{len(failures)} of {number} cases", *texts])) from [*failures.values()][0]


def each(names: str | tuple[str, ...], cases: Iterable[Any], ids: Any = None) -> Callable[[Test], Test]:
    """As `pytest.mark.parametrize`, but all cases run in one test."""
    arguments = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    rows = [(case,) if len(arguments) == 1 else tuple(case) for case in cases]
    if ids is None or callable(ids):
        text = ids or _label
        labels = ["-".join(map(text, row)) for row in rows]
    else:
        labels = list(ids)
    listed = [(label, dict(zip(arguments, row, strict=True))) for label, row in zip(labels, rows, strict=True)]

    def decorate(test: Test) -> Test:
        def all_cases(**fixtures: Any) -> None:
            run_each(functools.partial(test, **fixtures), listed)

        return _wrap(all_cases, test, [n for n in inspect.signature(test).parameters if n not in arguments])

    return decorate


def each_case(ops: Iterable[Op] = OPS, *, slow: bool = True) -> Callable[[Test], Any]:
    """Run a test of (op, shapes, keywords) on every case, as one test per operation.

    If `slow`, all but an operation's first case are in a second test, marked `slow`; and that too if it has many
    numbers.
    """

    def is_slow(i: int, shapes: Any) -> bool:
        return slow and (i > 0 or sum(map(math.prod, shapes)) > 40)

    def label(shapes: Any, keywords: dict[str, Any]) -> str:
        return " ".join(["x".join(map(str, s)) or "()" for s in shapes] + [f"{k}={v}" for k, v in keywords.items()])

    def parameters() -> Iterator[Any]:
        for op in ops:
            for marked in (False, True):
                cases = [
                    (label(shapes, keywords), {"shapes": shapes, "keywords": keywords})
                    for i, (shapes, keywords) in enumerate(op.cases)
                    if is_slow(i, shapes) == marked
                ]
                if cases:
                    name = op.name.replace("\n", "")
                    id, marks = (f"{name}-more", [pytest.mark.slow]) if marked else (name, [])
                    yield pytest.param(op, cases, id=id, marks=marks)

    def decorate(test: Test) -> Any:
        def of_one_operation(op: Op, cases: Any, **fixtures: Any) -> None:
            run_each(functools.partial(test, op=op, **fixtures), cases)

        fixtures = [n for n in inspect.signature(test).parameters if n not in ("op", "shapes", "keywords")]
        shown = _wrap(of_one_operation, test, ["op", "cases", *fixtures])
        return pytest.mark.parametrize("op, cases", [*parameters()])(shown)

    return decorate


def _wrap(outer: Test, test: Test, arguments: Iterable[str]) -> Test:
    """Give `outer` the name and the marks of the test, and the arguments that pytest must pass."""
    functools.update_wrapper(outer, test)
    kind = inspect.Parameter.KEYWORD_ONLY
    outer.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in arguments])  # type: ignore[attr-defined]
    return outer


def _label(value: Any) -> str:
    name = getattr(value, "__name__", None) or getattr(value, "name", None)
    return name if isinstance(name, str) else str(value)
