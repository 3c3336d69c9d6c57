"""The student's report: what was right, where it went wrong, the hint, the picture."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from html import escape
from typing import TypeAlias

from minigrad.course.formats import feedback
from minigrad.course.record import CheckResult, Record, TaskResult
from minigrad.course.reports import rubric
from minigrad.viz.page import Page, page

Points: TypeAlias = "Mapping[tuple[str, str, str], float]"


def text(record: Record, given: Points) -> str:
    """Return the report as plain text.

    Args:
        record: the graded submission.
        given: the points that a person has given.
    """
    lines = [f"{record.title}: {record.name}", "", feedback.summary(record)]
    for task in record.tasks if record.gradable else ():
        lines += ["", f"Task {task.number} {task.title}: {_score(record, task, given)}"]
        for check in record.of_task(task.number):
            sign = "✓" if feedback.passed(check) else "✗"
            hidden = ", hidden" if check.hidden else ""
            lines.append(f"  {sign} {check.name} ({_of(check.earned, check.points)}{hidden})")
            lines += textwrap.indent(feedback.of_check(record, check, published=True), "      ").splitlines()
        lines += [f"  {line}" for line in _by_hand(task, given)]
    return "\n".join(lines) + "\n"


def page_of(record: Record, given: Points) -> Page:
    """Return the report as a page."""
    parts = [f"<main><h1>{escape(record.title)}</h1><p>{escape(record.name)}</p>"]
    if record.gradable:
        open_ = sum(rubric.waiting(given, task) for task in record.tasks)
        total = _of(record.score + sum(given.values()), record.points + record.by_hand - open_)
        more = f", and up to {feedback.number(open_)} by hand" if open_ else ""
        parts.append(f'<p class="total"><strong class="number">{total}</strong> points{more}</p>')
        parts += [f'<p class="problem">{escape(cell)}</p>' for cell in feedback.failed_cells(record)]
        parts += [_section(record, task, given) for task in record.tasks]
    else:
        parts.append(f'<p class="problem">{escape(feedback.problem(record))}</p>')
    return page(f"{record.title}: {record.name}", "\n".join([*parts, "</main>"]), name="report")


def _section(record: Record, task: TaskResult, given: Points) -> str:
    checks = "\n".join(_item(record, check) for check in record.of_task(task.number))
    by_hand = "".join(f"<p>{escape(line)}</p>" for line in _by_hand(task, given))
    head = f'{escape(f"{task.number} {task.title}")} <span class="number soft">{_score(record, task, given)}</span>'
    return f'<section><h2>{head}</h2><ul class="checks">{checks}</ul>{by_hand}</section>'


def _item(record: Record, check: CheckResult) -> str:
    right = feedback.passed(check)
    hidden = ' <span class="soft">hidden check</span>' if check.hidden else ""
    parts = [
        f'<li class="{"right" if right else "wrong"}"><p class="what"><span><span class="sign">{"✓" if right else "✗"}'
        f'</span><span class="unseen">{"passed" if right else "not passed"}:</span> {escape(check.name)}{hidden}</span>'
        f'<span class="number soft">{_of(check.earned, check.points)}</span></p>'
    ]
    if message := feedback.message(check):
        parts.append(f"<pre>{escape(message)}</pre>")
    if check.picture:
        parts.append(f'<img alt="where it is wrong" src="{feedback.picture_url(check.picture)}">')
    if check.hint:
        parts.append(f"<p>Hint: {escape(check.hint)}</p>")
    if feedback.says_cause(record, check, published=True):
        shown = "open" if record.causes == "always" else ""
        parts.append(f"<details {shown}><summary>The cause</summary><p>{escape(check.cause)}</p></details>")
    return "".join([*parts, "</li>"])


def _of(earned: float, points: float) -> str:
    return f"{feedback.number(earned)} of {feedback.number(points)}"


def _score(record: Record, task: TaskResult, given: Points) -> str:
    checks = record.of_task(task.number)
    earned = sum(check.earned for check in checks) + rubric.of_task(given, task.number)
    open_ = rubric.waiting(given, task)
    points = sum(check.points for check in checks) + task.by_hand - open_
    return _of(earned, points) if points or not open_ else "not graded yet"


def _by_hand(task: TaskResult, given: Points) -> list[str]:
    lines = []
    for question, criterion, points in task.criteria:
        gave = given.get((task.number, question, criterion))
        score = f"up to {feedback.number(points)}, not graded yet" if gave is None else _of(gave, points)
        lines.append(f"{question} {criterion}: {score}")
    return lines
