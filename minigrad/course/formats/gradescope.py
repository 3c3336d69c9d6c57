"""Gradescope's `results.json`.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/ (output format, output string formatting, test
case visibility). `status` is written for each test: without it Gradescope derives one from the score, and a test of no
points would pass. Hidden checks are `after_published`. All texts are of the format `text`; only a check with a picture
is `html`, with everything escaped.
"""

from __future__ import annotations

from html import escape
from typing import Any

from minigrad.course.formats import feedback
from minigrad.course.record import CheckResult, Record

FILE = "results.json"


def render(record: Record) -> str:
    """Return the text of `results.json`."""
    numbers: dict[str, int] = {}
    return feedback.to_json(
        {
            "score": record.score if record.gradable else 0,
            "output": feedback.summary(record),
            "output_format": "text",
            "test_output_format": "text",
            "test_name_format": "text",
            "visibility": "visible",
            "stdout_visibility": "hidden",
            "extra_data": {
                "gradable": record.gradable,
                "missing": record.missing,
                "by_hand": record.by_hand,
                "submission": record.submission,
                "source": record.source,
                "version": record.version,
            },
            "tests": [_test(record, check, numbers) for check in record.checks] if record.gradable else [],
        }
    )


def _test(record: Record, check: CheckResult, numbers: dict[str, int]) -> dict[str, Any]:
    numbers[check.task] = numbers.get(check.task, 0) + 1
    output = feedback.of_check(record, check, published=check.hidden)
    if check.picture:
        output = f'<pre>{escape(output)}</pre><img alt="where it is wrong" src="{feedback.picture_url(check.picture)}">'
    return {
        "name": feedback.name_of(record, check),
        "name_format": "text",
        "number": f"{check.task}.{numbers[check.task]}",
        "score": check.earned,
        "max_score": check.points,
        "status": "passed" if feedback.passed(check) else "failed",
        "output": output,
        "output_format": "html" if check.picture else "text",
        "visibility": "after_published" if check.hidden else "visible",
        "extra_data": {"key": check.key, "status": check.status},
    }
