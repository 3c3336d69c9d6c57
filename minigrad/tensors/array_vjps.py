"""The vjps of a plan on plain arrays, written out as one expression: on tiny arrays, a loop costs more than NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.primitives.primitive import Plan

Fit = Callable[[Any, Any], Any]


def write_out(plan: Plan, fit: Fit, same_shape: bool = False) -> Callable[..., Any]:
    """Return the function (g, saved, inputs) -> the contributions, in the shapes and dtypes of the inputs.

    For the plan of a * b it is

        lambda g, v, s: [
            c if (c := f0(g, v[0])).shape == s[0].shape and c.dtype is s[0].dtype else fit(c, s[0]),
            c if (c := f1(g, v[1])).shape == s[1].shape and c.dtype is s[1].dtype else fit(c, s[1]),
        ]

    with the vjps of a and b as f0 and f1, and None for an input that gets no gradient.
    """
    functions: dict[str, Any] = {"fit": fit, "__name__": __name__}
    parts = []
    for i, call in enumerate(plan.array_calls.each):
        if call is None:
            parts.append("None")
            continue
        functions[f"f{i}"], places = call
        c = f"f{i}({', '.join(['g', *[f'v[{k}]' for k in places]])})"
        fits = f".dtype is s[{i}].dtype" if same_shape else f".shape == s[{i}].shape and c.dtype is s[{i}].dtype"
        parts.append(f"c if (c := {c}){fits} else fit(c, s[{i}])")
    function = eval(f"lambda g, v, s: [{', '.join(parts)}]", functions)
    setattr(plan, "written_out_same_shape" if same_shape else "written_out", function)
    return function
