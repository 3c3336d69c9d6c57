"""set_num_threads and get_num_threads, with and without threadpoolctl."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

import minigrad


def test_it_sets_the_threads_of_the_blas() -> None:
    pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
    try:
        before = minigrad.get_num_threads()
    except RuntimeError as error:
        pytest.skip(str(error))
    try:
        for n in (2, 1):  # one of them is not what it was before
            minigrad.set_num_threads(n)
            assert minigrad.get_num_threads() == n
    finally:
        minigrad.set_num_threads(before)
    assert minigrad.get_num_threads() == before


def test_without_threadpoolctl_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    for call in (minigrad.get_num_threads, lambda: minigrad.set_num_threads(1)):
        with pytest.raises(ImportError, match=r"minigrad-course\[threads\].*OPENBLAS_NUM_THREADS=1"):
            call()


def test_a_blas_that_nothing_is_known_of_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        def select(self, **_: Any) -> Nothing:
            return self

        def info(self) -> list[Any]:
            return []

    monkeypatch.setitem(sys.modules, "threadpoolctl", SimpleNamespace(ThreadpoolController=Nothing))  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="VECLIB_MAXIMUM_THREADS"):
        minigrad.set_num_threads(2)


@pytest.mark.parametrize(("n", "error"), [(0, ValueError), (-1, ValueError), (True, ValueError), (1.5, TypeError)])
def test_the_number_is_a_positive_integer(n: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"set_num_threads: n must be"):
        minigrad.set_num_threads(n)
