"""A check as plain statements, for graders that run test code in the student's own process.

nbgrader and otter know nothing else. A submission can read and change whatever these statements use, and a mistake has
no name there; inputs, expected values and tolerances are those of the check.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.course import wire
from minigrad.course.assignment import Check
from minigrad.course.marks import SourceError
from minigrad.course.source import Source
from minigrad.tensors.tensor import Tensor


def statements(source: Source, check: Check) -> list[str]:
    """Return the statements of a check, a line each: they raise AssertionError if the answer is not the expected one.

    Raises:
        SourceError: the inputs cannot be written as a program, or the solution returns no arrays of numbers.
    """
    expected = source.expected(check)
    try:
        arguments = ", ".join(map(_literal, source.inputs(check)))
        lines = [f"answer = {source.functions[check.key]}({arguments})"]
        outputs = _outputs(expected, "answer")
        if not outputs or outputs[0][0] != "answer":
            lines.append(
                f'assert len(answer) == {len(expected)}, f"{{len(answer)}} outputs instead of {len(expected)}"'
            )
        for place, value in outputs:
            lines += _compare(check, place, value)
    except TypeError as error:
        said = f"check {check.key} ({check.name}) cannot be written as plain test code: {error}"
        raise SourceError(source.path.name, [(check.line, said)]) from None
    needed = ["import numpy as np", *(["import minigrad"] if any("minigrad." in line for line in lines) else [])]
    return needed + lines


def _outputs(value: Any, place: str, first: bool = True) -> list[tuple[str, Any]]:
    """Return the outputs of a call with the expressions for them, as `wire.outputs` takes them apart."""
    if isinstance(value, (tuple, list)) and (first and isinstance(value, tuple) or _holds_arrays(value)):
        return [part for i, item in enumerate(value) for part in _outputs(item, f"{place}[{i}]", False)]
    return [(place, value)]


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and any(
        isinstance(item, (np.ndarray, Tensor)) or _holds_arrays(item) for item in value
    )


def _compare(check: Check, place: str, value: Any) -> list[str]:
    want = wire.as_array(value)
    single = want.dtype.kind == "f" and want.dtype.itemsize < 8
    rtol = repr(check.float32_rtol)
    if not single:
        rtol = f"{rtol} if got.dtype == np.float32 else {check.rtol!r}"
    detached = f'{place}.detach() if hasattr({place}, "detach") else {place}' if isinstance(value, Tensor) else place
    return [
        f"got, want = np.asarray({detached}), {_literal(want)}",
        'assert got.shape == want.shape, f"the shape is {got.shape} instead of {want.shape}"',
        f"np.testing.assert_allclose(got, want, rtol={rtol}, atol={check.atol!r})",
    ]


def _literal(value: Any) -> str:
    """Return an expression that makes a value anew.

    Raises:
        TypeError: there is none.
    """
    if value is None or isinstance(value, (bool, int, str)) and not isinstance(value, np.generic):
        return repr(value)
    if isinstance(value, float) and not isinstance(value, np.generic):
        return repr(value) if np.isfinite(value) else f'float("{value}")'
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(_literal, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Tensor):
        return f"minigrad.tensor({_literal(value.detach().numpy())})"
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        made = f'np.array({_literal(value.tolist())}, dtype="{value.dtype.name}")'
        return made if value.size else f"{made}.reshape({value.shape})"
    raise TypeError(f"there is no literal for {wire.describe(value)}")
