"""CodeGrade: the structured output of a Custom Test block, one line of JSON for file descriptor 3.

Source: https://codegrade.com/blog/how-to-use-custom-test-blocks. It has the points and nothing else; what the test
prints is shown to the student, so print the text of the report beside it: `cat NAME/codegrade.json >&3`.
"""

from __future__ import annotations

import json
import math

from minigrad.course.formats import feedback
from minigrad.course.record import Record

FILE = "codegrade.json"


def render(record: Record) -> str:
    """Return the line with the points as a fraction: `{"tag": "points", "points": "3/5"}`."""
    if record.gradable:
        scores, _ = feedback.integers(record)
        earned, points = sum(earned for earned, _ in scores), sum(points for _, points in scores)
    else:
        earned, points = 0, math.ceil(record.points)
    return json.dumps({"tag": "points", "points": f"{earned}/{max(points, 1)}"}) + "\n"
