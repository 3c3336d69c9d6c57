"""Records of one small class, two of them hostile, for the tests of formats and reports."""

from __future__ import annotations

from minigrad.course.record import (
    BLANK,
    CRASHED,
    ERROR,
    FAILED,
    NOT_RUN,
    PASSED,
    TIMEOUT,
    CheckResult,
    Record,
    TaskResult,
)

PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="90"><rect width="5" height="9"/></svg>'
HOSTILE = "<script>alert(1)</script>|`*]]>\"'&\x00\x1b[31m\ud800\u202e=1+1"
TASKS = (
    TaskResult("1.1", "affine, forward", 2.0),
    TaskResult("1.2", "affine, backward", 3.0),
    TaskResult("2", "explain", 2.0, 2.0, (("Why?", "the reason", 1.5), ("Why?", "the wording", 0.5))),
)


def record(name: str, *statuses: str, **more: object) -> Record:
    """Two checks of task 1.1, the second one hidden, and two of 1.2, whose second one is worth 1/3 of a point."""
    about = (
        ("1.1/0", "no bias", False, 1.0),
        ("1.1/1", "one example", True, 1.0),
        ("1.2/0", "dW", False, 8 / 3),
        ("1.2/1", "db", False, 1 / 3),
    )
    checks = []
    for (key, title, hidden, points), status in zip(about, statuses):
        right = status == PASSED
        checks.append(
            CheckResult(
                key.split("/")[0],
                key,
                title,
                hidden,
                points,
                points if right else 0.0,
                status,
                "" if right else f"output 1 is wrong at [0, 1]: 2.5 instead of 3.5 ({key})",
                "" if right else "Compare with the formula of the sum.",
                "The bias is not added." if status == FAILED else "",
                "bias forgotten" if status == FAILED else "",
                PICTURE if status == FAILED and not hidden else "",
            )
        )
    return Record("layers", "Layers by hand", name, TASKS, tuple(checks), **more)  # type: ignore[arg-type]


GOOD = record("ada", PASSED, PASSED, PASSED, PASSED)
PART = record("ben", PASSED, FAILED, FAILED, BLANK, cells=("cell 3, line 12: NameError: q",), output="inputs: secret\n")
TROUBLE = record("cleo", ERROR, TIMEOUT, CRASHED, NOT_RUN, causes="always")
BROKEN = Record(
    "layers", "Layers by hand", "dan", TASKS, (), "line 12: invalid syntax", due="2026-12-01T12:00:00+01:00"
)
MISSING = Record("layers", "Layers by hand", "eve", TASKS, (), "there is no file eve.py", True)
EVIL = Record(
    "layers",
    HOSTILE,
    HOSTILE,
    (TaskResult("1", HOSTILE, 1.0, 1.0, ((HOSTILE, HOSTILE, 1.0),)),),
    (
        CheckResult(
            "1", "1/0", HOSTILE, False, 1.0, 0.0, FAILED, HOSTILE + "\n````\n", HOSTILE, HOSTILE, HOSTILE, PICTURE
        ),
    ),
    cells=(HOSTILE,),
    output=HOSTILE,
    causes="always",
)
EVIL_BROKEN = Record("layers", HOSTILE, "=cmd|' /C calc'!A0", TASKS, (), f"line 1: {HOSTILE}")
CLASS = (GOOD, PART, TROUBLE, BROKEN, MISSING, EVIL, EVIL_BROKEN)
