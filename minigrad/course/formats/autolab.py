"""Autolab: what an autograder prints, the feedback and the autoresult as the last two lines.

Source: https://docs.autolabproject.com/lab/ (the autoresult) and
https://docs.autolabproject.com/features/formatted-feedback/ (`_presentation`, stages). Each task is a problem named
`Task 1.1`, to be declared under that name on the platform; points by hand belong to a problem without autograder.
"""

from __future__ import annotations

import json
from typing import Any

from minigrad.course.formats import feedback
from minigrad.course.record import Record

FILE = "autolab.txt"


def render(record: Record) -> str:
    """Return the two lines of JSON, after the summary."""
    shown: dict[str, Any] = {"_presentation": "semantic", "stages": []}
    scores: dict[str, float] = {}
    for task in record.tasks:
        checks = record.of_task(task.number)
        if not checks:
            continue
        problem = f"Task {task.number}"
        scores[problem] = round(sum(check.earned for check in checks), 10) if record.gradable else 0
        if record.gradable:
            shown["stages"].append(problem)
            shown[problem] = {
                f"{i}. {check.name}": {"passed": True}
                if feedback.passed(check)
                else {"passed": False, "hint": feedback.of_check(record, check)}
                for i, check in enumerate(checks, start=1)
            }
    if not record.gradable:
        shown["stages"] = ["Submission"]
        shown["Submission"] = {"can be graded": {"passed": False, "hint": feedback.problem(record)}}
    # ASCII, and one line each: the platform parses the last line of what a terminal gave
    return f"{feedback.summary(record)}\n{json.dumps(shown)}\n{json.dumps({'scores': scores})}\n"
