"""What a student is told, in plain text: one wording for all formats and reports.

Two things are withheld. A hidden check says only whether it passed until grades are published: its message may show the
inputs in the submission's own words. A cause is said where the assignment allows it. What a submission printed is shown
to the teacher only, because it may have printed the inputs of hidden checks.
"""

from __future__ import annotations

import dataclasses
import json
import math
from base64 import b64encode
from fractions import Fraction
from typing import Any

from minigrad.course.record import BLANK, CRASHED, ERROR, FAILED, NOT_RUN, PASSED, TIMEOUT, CheckResult, Record
from minigrad.output.words import printable_lines, writable

_OUTCOMES = {
    FAILED: "The answer is not the expected one.",
    ERROR: "An exception ended the check.",
    BLANK: "Still a blank.",
    TIMEOUT: "The check took longer than its time limit.",
    CRASHED: "The process ended before it answered.",
    NOT_RUN: "The check did not run, so it does not count as passed.",
}


_CELLS = 10


def cleaned(record: Record) -> Record:
    """Return a record whose texts are printable: no control characters, lone surrogates or marks that turn letters."""

    def clean(key: str, value: Any) -> Any:
        if isinstance(value, str):
            return writable(value) if key == "picture" else printable_lines(value)
        if isinstance(value, dict):
            return {name: clean(name, part) for name, part in value.items()}
        return [clean(key, part) for part in value] if isinstance(value, list | tuple) else value

    return Record.from_dict(clean("", dataclasses.asdict(record)))


def number(points: float) -> str:
    """Format points.

    >>> number(2.0), number(2 / 3), number(1e6)
    ('2', '0.6667', '1000000')
    """
    return f"{points:.4f}".rstrip("0").rstrip(".")


def passed(check: CheckResult) -> bool:
    """Whether the check was passed; every other status is a failure."""
    return check.status == PASSED


def problem(record: Record) -> str:
    """Return why there is no score, or nothing: `"Not gradable: line 12: invalid syntax"`."""
    if record.gradable:
        return ""
    return f"Not gradable: {record.problem or 'there is no submission'}"


def says_cause(record: Record, check: CheckResult, published: bool = False) -> bool:
    """Whether the student is told the cause of a mistake: always, or on request once grades are published."""
    return bool(check.cause) and (record.causes == "always" or published and record.causes == "on request")


def message(check: CheckResult) -> str:
    """Return what came and where it is wrong, at least what became of the check."""
    return check.message or ("" if passed(check) else _OUTCOMES[check.status])


def of_check(record: Record, check: CheckResult, published: bool = False) -> str:
    """Return the feedback of one check, empty if there is nothing to say.

    Args:
        record: the record that the check belongs to; its `causes` says whether a cause may be said.
        check: the check.
        published: the text is seen only after grades are published. Default: False, and a hidden check says nothing
            but its outcome.
    """
    if check.hidden and not published:
        return "" if passed(check) else "A hidden check did not pass."
    lines = [message(check)]
    if check.hint:
        lines.append(f"Hint: {check.hint}")
    if says_cause(record, check, published):
        lines.append(f"Cause: {check.cause}")
    return "\n".join(line for line in lines if line)


def name_of(record: Record, check: CheckResult) -> str:
    """Return the name of a check with its task: `"1.1 affine, forward: one row"`."""
    title = next((task.title for task in record.tasks if task.number == check.task), "")
    return f"{check.task} {title}".strip() + f": {check.name}"


def summary(record: Record) -> str:
    """Return the sentences about a submission as a whole."""
    if not record.gradable:
        return problem(record)
    lines = [f"{number(record.score)} of {number(record.points)} points."]
    for hidden, kind in ((False, "visible"), (True, "hidden")):
        checks = [check for check in record.checks if check.hidden is hidden]
        if checks:
            lines.append(f"{sum(map(passed, checks))} of {len(checks)} {kind} check{'s' * (len(checks) > 1)} passed.")
    lines += [
        f"Task {task.number}, {task.title}: up to {number(task.by_hand)} point{'s' * (task.by_hand != 1)} by hand."
        for task in record.tasks
        if task.by_hand
    ]
    return "\n".join([*lines, *failed_cells(record)])


def failed_cells(record: Record) -> list[str]:
    """Return a sentence for each exception at top level, at most ten."""
    lines = [f"An exception at top level: {cell}" for cell in record.cells[:_CELLS]]
    return lines + [f"And {len(record.cells) - _CELLS} more exceptions at top level."] * (len(record.cells) > _CELLS)


def integers(record: Record) -> tuple[list[tuple[int, int]], int]:
    """Return (earned, points) of each check as integers, for platforms that know no fractions, and their scale.

    The scale is the smallest integer that makes all of them integers, such as 3 where three checks share a point.

    >>> check = CheckResult("1", "1/0", "a", False, 1 / 3, 1 / 3, "passed")
    >>> integers(Record("a", "A", "x", (), (check, check)))
    ([(1, 1), (1, 1)], 3)
    """
    numbers = [Fraction(n).limit_denominator(1000) for check in record.checks for n in (check.earned, check.points)]
    scale = min(math.lcm(*(n.denominator for n in numbers)), 10**6)
    scaled = [round(n * scale) for n in numbers]
    return [(min(earned, points), points) for earned, points in zip(scaled[::2], scaled[1::2])], scale


def picture_url(svg: str) -> str:
    """Return a picture as a `data:` address. As an image, nothing in it runs."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def to_json(data: Any) -> str:
    """Return data as the text of a JSON file, the same bytes each time."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
