"""Faster lines of a recorded program compute the same bits."""

from __future__ import annotations

import operator
import re
from typing import Any

import numpy as np

from minigrad.program.fast_lines import FastLines, Layout

NUMBERS = ["0", "3", "(-2)", "0.1", "(-0.0)", "2.5e3", "1e-30"]
FASTER = ["a * {}", "{} - a", "a / {}", "a * ({} - b * b)", "-a + {}", "k0(a, {})", "k1({}, a)", "k2(a, {})", "a > {}"]
FASTER += ["k3(a - {} * b)", "k4(a + {}, b)", "{} < a", "{} / ({} + k3(-a))"]
SAME = ["a ** {}", "k5(a, {})", "n * {}", "{} + z", "c * {}", "(a > b) * {}", "a // {}", "a[{}]", "f(a, {})", "a + b"]
SAME += ["k0(a, x={})", "h * a + {}", "k6(a, {})"]


def values(dtype: Any) -> dict[str, Any]:
    special = np.array([[0.0, -0.0, 0.1, np.inf], [-np.inf, np.nan, 3.0, -1.5]], dtype)
    numbers = {"k0": np.maximum, "k1": np.add, "k2": operator.imul, "k3": np.exp, "k4": np.multiply, "k5": np.power}
    return {"a": special, "b": special[::-1], **numbers}


def faster(dtype: Any, text: str) -> tuple[str, dict[str, Any]]:
    names = values(dtype)
    dtypes = {"a": dtype, "b": dtype, "h": np.float64, "n": np.int64, "c": np.bool_}
    layouts = {name: Layout((2, 4), np.dtype(d), True) for name, d in dtypes.items()}
    layouts["z"] = Layout((), np.dtype(dtype), True)

    def constant(value: Any) -> str:
        names[f"k{len(names)}"] = value
        return f"k{len(names) - 1}"

    return FastLines(layouts, names, constant)("v1 = " + text).removeprefix("v1 = "), names


def test_numbers_become_arrays_and_the_bits_stay() -> None:
    with np.errstate(all="ignore"):
        for dtype in (np.float16, np.float32, np.float64):
            for template in FASTER:
                for number in NUMBERS:
                    text = template.replace("{}", number)
                    made, names = faster(dtype, text)
                    assert not re.search(r"\d", re.sub(r"k\d+", "", made)), made
                    results = [eval(t, {**names, "a": names["a"].copy()}) for t in (text, made)]
                    assert results[0].dtype == results[1].dtype, text
                    assert results[0].tobytes() == results[1].tobytes(), (text, made, dtype)


def test_what_may_compute_other_bits_is_left_alone() -> None:
    for template in SAME:
        text = template.replace("{}", "2")
        assert faster(np.float32, text)[0] == text
    assert faster(np.float16, "a * 70000.0")[0] == "a * 70000.0"  # inf
    assert faster(np.float32, "x.mean(axis=0)")[0] == "x.mean(axis=0)"


def test_methods_that_reduce_call_the_ufunc() -> None:
    for text in ("v0.sum(axis=0, keepdims=True)", "v0.max()", "v0.min(axis=1)", "v0.sum(keepdims=False)"):
        made, names = faster(np.float32, text)
        assert made.startswith("k")
        for v0 in (np.arange(6.0).reshape(2, 3), np.eye(2) > 0, np.arange(4, dtype=np.int8).reshape(2, 2)):
            old, new = (eval(t, {**names, "v0": v0}) for t in (text, made))
            assert type(old) is type(new) and old.dtype == new.dtype and old.tobytes() == new.tobytes()
