"""A summary in Markdown, as a job of GitHub Actions shows it.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions (adding a job summary; at most
1 MiB). Texts of a submission are escaped, or lie in a fence that is longer than any in them.
"""

from __future__ import annotations

import re

from minigrad.course.formats import feedback
from minigrad.course.record import Record
from minigrad.output.words import shortened

FILE = "summary.md"
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>&$@:])")
_MOST = 2000  # characters of one check's feedback, so that a summary stays below the limit


def render(record: Record) -> str:
    """Return the text of `summary.md`."""
    lines = [f"# {escaped(record.title)}: {escaped(record.name)}", ""]
    if not record.gradable:
        return "\n".join([*lines, f"**{escaped(feedback.problem(record))}**", ""])
    lines += [f"**{feedback.number(record.score)} of {feedback.number(record.points)} points**", ""]
    lines += ["| task | points | checks passed |", "| --- | ---: | ---: |"]
    for task in record.tasks:
        checks = record.of_task(task.number)
        points = f"{feedback.number(sum(c.earned for c in checks))} of {feedback.number(sum(c.points for c in checks))}"
        count = f"{sum(map(feedback.passed, checks))} of {len(checks)}"
        if task.by_hand:
            points += f" (by hand: {feedback.number(task.by_hand)})"
        lines.append(f"| {escaped(f'{task.number} {task.title}')} | {points} | {count} |")
    lines.append("")
    for cell in feedback.failed_cells(record):
        lines += [*_fenced(cell), ""]
    for check in record.checks:
        if not feedback.passed(check):
            lines += [f"### ✗ {escaped(feedback.name_of(record, check))}", ""]
            lines += [*_fenced(feedback.of_check(record, check)), ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    >>> print(escaped("a|b <b> *c*"))
    a\|b \<b\> \*c\*
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> list[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", shortened(text, _MOST), fence]
