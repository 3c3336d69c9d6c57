"""Compare an answer with what the solution returns, and name the mistake.

An answer comes from the student's process, and may be anything that `wire.receive` lets through. What is expected, and
what the known mistakes return, was computed in this process from inputs of its own.
"""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np

from minigrad.course import wire
from minigrad.course.assignment import Check
from minigrad.course.pictures import where_wrong
from minigrad.course.record import BLANK, ERROR, FAILED, PASSED, CheckResult
from minigrad.course.source import Candidate
from minigrad.output.words import printable_lines, shortened
from minigrad.teach.diagnosis import Case, diagnosis

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
TEXT = 1000  # characters of a message


@dataclass(frozen=True)
class Expectation:
    """What a check expects, as arrays.

    Attributes:
        outputs: what the solution returns.
        candidates: returns what the known mistakes return, each with its arrays; asked only where something is wrong.
        inputs: the arguments of the call.
    """

    outputs: list[np.ndarray]
    candidates: Callable[[], list[tuple[Candidate, list[np.ndarray]]]]
    inputs: tuple[Any, ...]


def clean(text: str, most: int = TEXT) -> str:
    r"""Return a text from a submission as feedback may show it: no control characters, no addresses, not too long.

    >>> print(clean("<f at 0x7f12ab34cd>\x1b[31m\r\nline"))
    <f at 0x…>\x1b[31m\r
    line
    """
    return printable_lines(shortened(_ADDRESS.sub("0x…", text), most))


def as_arrays(value: Any) -> list[np.ndarray]:
    """Return what the solution or a known mistake returns as arrays.

    Raises:
        wire.Unsendable: an output is not an array of numbers.
    """
    return [wire.as_array(item) for item in wire.outputs(value)]


def result(check: Check, status: str, message: str = "", **texts: str) -> CheckResult:
    """Return the result of a check; only `PASSED` earns its points."""
    points = float(check.points or 0.0)
    return CheckResult(
        check.task, check.key, check.name, check.hidden, points, points if status == PASSED else 0.0, status,
        message, **texts,
    )  # fmt: skip


def judge(
    check: Check, answer: dict[str, Any], arrays: Sequence[np.ndarray | str], expected: Expectation
) -> CheckResult:
    """Return the result of a check, given the answer of `runner.Runner.call`."""
    if "missing" in answer:
        which = "such function" if check.hidden else f"function {clean(str(answer['missing']), 100)}"
        return result(check, ERROR, f"There is no {which}.")
    if "error" in answer:
        return failed_with(check, answer)
    count = answer.get("outputs")
    if type(count) is not int or not 0 <= count <= len(arrays):
        return result(check, ERROR, "What came is no answer.")
    found, after = list(arrays[:count]), list(arrays[count:])
    problem = _differs(check, found, expected.outputs)
    if not problem and not check.may_write and (wrote := _written(expected.inputs, after)):
        return result(check, FAILED, wrote, hint="Work on a copy: x = x.copy().")
    if not problem:
        return result(check, PASSED)
    wrong = result(check, FAILED, problem, picture=_picture(check, found, expected.outputs))
    return _named(check, wrong, found, expected)


def failed_with(check: Check, answer: dict[str, Any]) -> CheckResult:
    """Return the result of a check whose call raised."""
    if answer.get("blank") is True:
        return result(check, BLANK, "This is not written yet.")
    if check.hidden:  # a submission may raise its inputs, as the text or as the name of a class
        name = answer.get("error")
        known = isinstance(name, str) and isinstance(getattr(builtins, name, None), type)
        answer = {**answer, "error": name if known else "an exception", "text": ""}
    return result(check, ERROR, f"It raises {exception(answer)}.")


def exception(answer: dict[str, Any]) -> str:
    """Return what an answer says of an exception, cleaned: `"ValueError in line 3: text"`."""
    name, text, line = (answer.get(key) for key in ("error", "text", "line"))
    where = f" in line {line}" if type(line) is int and line > 0 else ""
    said = clean(text).strip().rstrip(".") if isinstance(text, str) else ""
    return f"{clean(str(name), 100)}{where}{': ' if said else ''}{said}"


def equal(check: Check, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return where two arrays of the same shape agree within the tolerance of the check.

    Where one is not finite, both must be the same.
    """
    single = any(array.dtype.kind == "f" and array.dtype.itemsize < 8 for array in (found, expected))
    rtol = check.float32_rtol if single else check.rtol
    a, b = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    with np.errstate(all="ignore"):
        near: np.ndarray = np.abs(a - b) <= check.atol + rtol * np.abs(b)
        same = (found == expected) | (np.isnan(a) & np.isnan(b))
    return np.where(np.isfinite(a) & np.isfinite(b), near, same)


def _same(check: Check, found: Sequence[Any], expected: Sequence[np.ndarray]) -> bool:
    return len(found) == len(expected) and all(
        not isinstance(a, str) and a.shape == b.shape and bool(equal(check, a, b).all())
        for a, b in zip(found, expected)
    )


def _differs(check: Check, found: Sequence[Any], expected: Sequence[np.ndarray]) -> str:
    """Say where the outputs are wrong; nothing if they are right."""
    if len(found) != len(expected):
        if check.hidden:
            return "The number of outputs is wrong."
        what = f" ({clean(found[0], 200)})" if len(found) == 1 and isinstance(found[0], str) else ""
        return f"{_count(len(found))}{what}, but {len(expected)} {'is' if len(expected) == 1 else 'are'} expected."
    lines = []
    for i, (a, b) in enumerate(zip(found, expected)):
        name = _name(check, i, len(expected))
        if check.hidden and (isinstance(a, str) or a.shape != b.shape):
            lines.append(f"{name} {'is not an array of numbers' if isinstance(a, str) else 'has a wrong shape'}.")
        elif isinstance(a, str):
            lines.append(f"{name} is {clean(a, 200)}, but {_kind(b)} is expected.")
        elif a.shape != b.shape:
            lines.append(f"{name} is {_kind(a)}, but {_kind(b)} is expected.")
        elif not (right := equal(check, a, b)).all():
            lines.append(_where(check, name, a, b, right))
    return "\n".join(lines)


def _picture(check: Check, found: Sequence[Any], expected: Sequence[np.ndarray]) -> str:
    """Draw the first output that has the right shape and wrong elements."""
    for a, b in zip(found, expected):
        if not isinstance(a, str) and a.shape == b.shape and not (right := equal(check, a, b)).all():
            return where_wrong(right)
    return ""


def _count(count: int) -> str:
    return "Nothing is returned" if count == 0 else f"{count} output{'s are' if count > 1 else ' is'} returned"


def _name(check: Check, i: int, count: int) -> str:
    if i < len(check.outputs):
        return clean(check.outputs[i], 100)
    return "The output" if count == 1 else f"Output {i + 1}"


def _kind(array: np.ndarray) -> str:
    return f"an array of shape {array.shape}" if array.ndim else "a number"


def _where(check: Check, name: str, a: np.ndarray, b: np.ndarray, right: np.ndarray) -> str:
    """Say where an output is wrong.

    A hidden check says neither what it expects nor what came: a submission may return its inputs.
    """
    at = tuple(int(n) for n in np.unravel_index(int(np.argmin(right)), right.shape))
    wrong = int(right.size - np.count_nonzero(right))
    place = f" at {list(at)}" if at else ""
    count = f"; {wrong} of {right.size} numbers differ" if right.size > 1 else ""
    finite = not np.isfinite(b[at]) or np.isfinite(a[at])
    if check.hidden:
        return f"{name} is {'wrong' if finite else 'not finite'}{place}{count}."
    came = _number(a[at]) if finite else f"{a[at]} (not finite)"
    return f"{name} is {came}{place}, but {_number(b[at])} is expected{count}."


def _number(value: np.generic) -> str:
    return str(value) if value.dtype.kind in "biu" else f"{value:.8g}"


def _written(inputs: Sequence[Any], after: Sequence[np.ndarray | str]) -> str:
    before = [wire.as_array(item) if _is_number(item) else "" for item in wire.outputs(tuple(inputs))]
    if len(before) != len(after):
        return "The arguments are not what they were before the call."
    for i, (a, b) in enumerate(zip(before, after)):
        if not isinstance(a, str) and (isinstance(b, str) or a.shape != b.shape or a.tobytes() != b.tobytes()):
            return f"The function writes into its argument {i + 1}."
    return ""


def _is_number(item: Any) -> bool:
    try:
        wire.as_array(item)
    except wire.Unsendable:
        return False
    return True


def _named(check: Check, wrong: CheckResult, found: Sequence[Any], expected: Expectation) -> CheckResult:
    """Name the mistake: one of the source's that returns the same, one in what is returned, one of the catalogue."""
    of_answer = _of_the_answer(check, found, expected.outputs)
    integers = of_answer is not None and of_answer[0] == "integers"
    for candidate, outputs in expected.candidates():
        if integers and all(a.dtype.kind == "f" for a in outputs):
            continue  # equal by chance, without the fractions
        if _same(check, found, outputs) and not _same(check, outputs, expected.outputs):
            hint = candidate.hint or f"Look at task {candidate.task or check.task}."
            return replace(wrong, hint=hint, cause=candidate.sentence, mistake=candidate.name)
    if of_answer is not None:
        name, hint, cause = of_answer
        return replace(wrong, hint=hint, cause=cause, mistake=name)
    if check.gradient_of is not None:
        return _diagnosed(check, wrong, found, expected)
    return wrong


def _of_the_answer(check: Check, found: Sequence[Any], expected: Sequence[np.ndarray]) -> tuple[str, str, str] | None:
    """Return the name, hint and cause of a mistake that is not in the formula but in what is returned, if it is one."""
    kinds = {a for a in found if isinstance(a, str)}
    if "None" in kinds:
        return "no return", "Is the line with return missing?", "The function returns None."
    if kinds & {"generator", "coroutine"}:
        return "no return", "Look at the line with return.", "Write return instead of yield, and no async."
    if kinds or len(found) != len(expected):
        return None
    if len(found) <= 5 and any(_same(check, other, expected) for other in permutations(found)):
        names = ", ".join(_name(check, i, len(expected)) for i in range(len(expected)))
        hint = "Compare the shapes of the outputs with those that are expected."
        return "order of outputs", hint, f"The outputs are right, but in another order: return {names}."
    if [a.shape for a in found] != [b.shape for b in expected]:
        return None
    wrong = [(a, b) for a, b in zip(found, expected) if not equal(check, a, b).all() and np.isfinite(b).all()]
    if wrong and all(a.dtype.kind in "iub" and ((a == np.trunc(b)) | (a == np.rint(b))).all() for a, b in wrong):
        cause = f"The numbers are of the type {wrong[0][0].dtype}, which has no fraction: make arrays of float."
        return "integers", "Look at the type of the array that is returned: its dtype.", cause
    with np.errstate(over="ignore"):
        if wrong and all(a.dtype.itemsize == 2 and np.allclose(a, b, rtol=1e-2, atol=1e-2) for a, b in wrong):
            cause = f"The numbers are of the type {wrong[0][0].dtype}, which has three digits: compute in float64."
            return "half precision", "Look at the type of the array that is returned: its dtype.", cause
    return None


def _diagnosed(check: Check, wrong: CheckResult, found: Sequence[Any], expected: Expectation) -> CheckResult:
    """Explain the first wrong gradient by the graph of `check.gradient_of`; if several are wrong, say which it is."""
    gradients = list(enumerate(zip(found, expected.outputs, check.wrt)))
    at_fault = [(i, *item) for i, item in gradients if not _same(check, item[:1], item[1:2])]
    for i, a, b, position in at_fault:
        if isinstance(a, str):
            continue
        try:
            said = diagnosis(_case(check, a, b, expected.inputs, position))
        except Exception:  # a function that cannot be recorded, or arrays that it was not written for
            continue
        if said is not None:
            which = f"{_name(check, i, len(expected.outputs))}: " if len(at_fault) > 1 else ""
            hint, cause = (f"{which}{text[:1].upper()}{text[1:]}" + "." * (text[-1:] not in ".?") if text else ""
                           for text in (_located(check, said.hint), _located(check, said.cause)))  # fmt: skip
            return replace(wrong, hint=hint, cause=cause, mistake=said.mistake)
    return wrong


def _located(check: Check, text: str) -> str:
    """Count the lines that a text names from the head of `check.gradient_of`: students have it in another file."""
    code = inspect.unwrap(check.gradient_of).__code__  # type: ignore[arg-type]
    lines = [line for _, _, line in code.co_lines() if line]

    def place(found: re.Match[str]) -> str:
        line = int(found[1])
        inside = code.co_firstlineno <= line <= max(lines)
        return f" (line {line - code.co_firstlineno + 1} of {code.co_name})" if inside else ""

    return re.sub(r" \(line (\d+)\)", place, text)


def _case(check: Check, found: np.ndarray, right: np.ndarray, inputs: Sequence[Any], position: int) -> Case:
    """Return the question what is wrong with a gradient: that of a function of one argument, the others by name."""
    names = list(inspect.signature(check.gradient_of).parameters)[: len(inputs)]  # type: ignore[arg-type]
    name = names[position]
    others = [other for other in names if other != name]
    made: dict[str, Any] = {}
    exec(
        f"def make(function, {', '.join(others)}):\n"
        f"    def loss({name}):\n        return function({', '.join(names)})\n    return loss",
        made,
    )
    loss = made["make"](check.gradient_of, *[value for other, value in zip(names, inputs) if other != name])
    x = np.asarray(inputs[position], np.float64)
    return Case(
        np.asarray(found, np.float64), np.asarray(right, np.float64), x, function=loss, inputs=[x], names=[name],
        upstream=[np.ones(())],
    )  # fmt: skip
