"""Classroom 50's `result.json`.

Source: https://github.com/foundation50/classroom50/wiki/Advanced-Autograding (the `result.json` contract). Scores are
integers there: all points are multiplied by the smallest number that makes them so. The identity comes from the
environment of its runner, the instant of the submission from the name of its tag: a record knows neither.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping

from minigrad.course.formats import feedback
from minigrad.course.record import Record

FILE = "result.json"
_TAG = re.compile(r"^submit/(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z")


def render(record: Record, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text of `result.json`.

    Args:
        record: the record.
        environment: the variables that the runner sets: CLASSROOM, ASSIGNMENT, OWNER, SUBMISSION_TAG, … Outside a
            runner the fields are filled with the assignment's and the submission's names.
    """
    tag = environment.get("SUBMISSION_TAG", "")
    at = _TAG.match(tag)
    commit = environment.get("COMMIT_URL", "") or "unknown"
    scores, _ = feedback.integers(record)
    tests = [
        {
            "test-name": feedback.name_of(record, check),
            "passed": feedback.passed(check),
            "score": earned,
            "max-score": points,
            "output": feedback.of_check(record, check),
        }
        for check, (earned, points) in zip(record.checks, scores)
    ]
    if not record.gradable:
        points = max(math.ceil(record.points), 1)
        tests = [
            {
                "test-name": "the submission can be graded",
                "passed": False,
                "score": 0,
                "max-score": points,
                "output": feedback.problem(record),
            }
        ]
    return feedback.to_json(
        {
            "schema": "classroom50/result/v1",
            "classroom": environment.get("CLASSROOM", "") or "unknown",
            "assignment": environment.get("ASSIGNMENT", "") or record.assignment,
            "assignment_type": environment.get("ASSIGNMENT_TYPE", "") or "individual",
            "owner": environment.get("OWNER", "") or environment.get("USERNAME", "") or record.name,
            "submission": tag if tag.startswith("submit/") else f"submit/{record.name}",
            "commit": commit,
            "release": environment.get("RELEASE_URL", "") or commit,
            "review": environment.get("REVIEW_URL", "") or commit,
            "datetime": f"{at[1]}T{at[2]}:{at[3]}:{at[4]}Z" if at else "1970-01-01T00:00:00Z",
            "score": sum(test["score"] for test in tests),
            "max-score": sum(test["max-score"] for test in tests),
            "tests": tests,
        }
    )
