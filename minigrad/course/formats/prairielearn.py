"""PrairieLearn's results of an external grader.

Source: https://docs.prairielearn.com/externalGrading/ (grading results). A submission that cannot be run is
`"gradable": false` with `format_errors`, and costs no attempt. The score is a fraction, and the file has at most 1 MB:
pictures that do not fit are left out, the last ones first.
"""

from __future__ import annotations

from typing import Any

from minigrad.course.formats import feedback
from minigrad.course.record import Record

FILE = "prairielearn.json"
_LIMIT = 1_000_000


def render(record: Record) -> str:
    """Return the text of PrairieLearn's `results.json`; the file has another name beside Gradescope's."""
    if not record.gradable:
        return feedback.to_json({"gradable": False, "format_errors": [feedback.problem(record)]})
    tests: list[dict[str, Any]] = []
    for check in record.checks:
        test: dict[str, Any] = {
            "name": feedback.name_of(record, check),
            "points": check.earned,
            "max_points": check.points,
            "message": "passed" if feedback.passed(check) else "not passed",
            "output": feedback.of_check(record, check),
        }
        if check.picture and not check.hidden:
            test["images"] = [{"label": "where it is wrong", "url": feedback.picture_url(check.picture)}]
        tests.append(test)
    result = {
        "gradable": True,
        "score": min(max(record.score / record.points, 0.0), 1.0) if record.points else 0.0,
        "message": feedback.summary(record),
        "tests": tests,
    }
    text = feedback.to_json(result)
    while len(text.encode()) > _LIMIT and (pictured := [test for test in tests if "images" in test]):
        del pictured[-1]["images"]
        text = feedback.to_json(result)
    return text
