"""The teacher's report: how the scores are distributed, which task and which mistake is common, who needs help."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote

from minigrad.course.formats import feedback, gradebook
from minigrad.course.record import Record, TaskResult
from minigrad.course.reports import rubric
from minigrad.viz.page import Page, page

HELP_BELOW = 0.5
"""A student whose share of the points is smaller needs help; so does one whose submission could not be graded."""


@dataclass
class Mistake:
    """A known mistake of a task, and who made it."""

    task: str
    name: str
    cause: str
    students: list[str] = field(default_factory=list)


def mistakes(records: Iterable[Record]) -> list[Mistake]:
    """Return the known mistakes that were made, the most common one first."""
    found: dict[tuple[str, str], Mistake] = {}
    for record in sorted(records, key=lambda record: record.name):
        for check in record.checks:
            if check.mistake:
                made = found.setdefault((check.task, check.mistake), Mistake(check.task, check.mistake, check.cause))
                if record.name not in made.students:
                    made.students.append(record.name)
    return sorted(found.values(), key=lambda made: (-len(made.students), made.task, made.name))


def mistakes_table(records: Iterable[Record]) -> str:
    """Return `mistakes.csv`."""
    rows = [["task", "mistake", "cause", "students", "names"]]
    rows += [[m.task, m.name, m.cause, str(len(m.students)), "; ".join(m.students)] for m in mistakes(records)]
    return gradebook.to_csv(rows)


def share(record: Record, given: rubric.Given) -> float:
    """Return the score as a share of the points, without those that a person has yet to give."""
    gave = given.get(record.name, {})
    points = record.points + record.by_hand - sum(rubric.waiting(gave, task) for task in record.tasks)
    return (record.score + sum(gave.values())) / points if points else 0.0


def needs_help(record: Record, given: rubric.Given) -> str:
    """Return why a student needs help, or nothing."""
    if not record.gradable:
        return feedback.problem(record)
    part = share(record, given)
    if part >= HELP_BELOW:
        return ""
    weak = [task.number for task in record.tasks if record.of_task(task.number) and not _earned(record, task)]
    return f"{part:.0%} of the points" + (f"; nothing in task {', '.join(weak)}" if weak else "")


def table(records: Iterable[Record], given: rubric.Given) -> str:
    """Return `class.csv`: a row for each student, with the mistakes and whether help is needed."""
    ordered = sorted(records, key=lambda record: record.name)
    tasks = list(dict.fromkeys(task.number for record in ordered for task in record.tasks))
    rows: list[Sequence[str]] = [
        ["name", "status", "score", "by hand", "points", *(f"task {task}" for task in tasks), "mistakes", "help"]
    ]
    for record in ordered:
        by_hand = given.get(record.name, {})
        rows.append(
            [
                record.name,
                gradebook.status(record),
                gradebook.score(record),
                feedback.number(sum(by_hand.values())) if by_hand else "",
                feedback.number(record.points + record.by_hand),
                *(gradebook.score_of_task(record, task) for task in tasks),
                "; ".join(dict.fromkeys(check.mistake for check in record.checks if check.mistake)),
                needs_help(record, given),
            ]
        )
    return gradebook.to_csv(rows)


def page_of(records: Mapping[str, Record], given: rubric.Given) -> Page:
    """Return the page of a class.

    Args:
        records: by the name of the folder in which the student's report lies.
        given: the points that a person has given.
    """
    every = list(records.values())
    title = next((record.title for record in every), "")
    graded = [record for record in every if record.gradable]
    parts = [f"<main><h1>{escape(title)}</h1>", _counts(every, given)]
    if graded:
        parts += [_distribution(graded, given), _tasks(graded), _mistakes(every, len(graded))]
    parts += [_help(records, given), _students(records, given), "</main>"]
    return page(title, "\n".join(parts), name="report")


def _counts(records: Sequence[Record], given: rubric.Given) -> str:
    states = [gradebook.status(record) for record in records]
    counted = ", ".join(f"{states.count(s)} {s}" for s in ("graded", "not gradable", "missing") if s in states)
    shares = [share(record, given) for record in records if record.gradable]
    scores = f" Mean {statistics.fmean(shares):.0%}, median {statistics.median(shares):.0%}." if shares else ""
    open_ = sum(
        (task.number, question, criterion) not in given.get(record.name, {})
        for record in records if record.gradable for task in record.tasks for question, criterion, _ in task.criteria
    )  # fmt: skip
    by_hand = f" {open_} criteria wait for a person, in <code>{rubric.FILE}</code>." if open_ else ""
    return f"<p>{len(records)} submissions: {counted}.{scores}{by_hand}</p>"


def _distribution(graded: Sequence[Record], given: rubric.Given) -> str:
    bins = [min(int(share(record, given) * 10 + 1e-9), 9) for record in graded]
    rows = []
    for i in reversed(range(10)):
        count = bins.count(i)
        label = f"{10 * i} to {10 * (i + 1)} %"
        rows.append([f'<td class="number">{label}</td>', _number(str(count)), _bar(count, max(map(bins.count, bins)))])
    return _section("Distribution", ["share of the points", "students", ""], rows)


def _tasks(graded: Sequence[Record]) -> str:
    rows = []
    tasks: dict[str, TaskResult] = {task.number: task for record in graded for task in record.tasks}
    for task in tasks.values():
        points = max(sum(check.points for check in record.of_task(task.number)) for record in graded)
        if not any(record.of_task(task.number) for record in graded):
            continue
        shares = [_earned(record, task) / points if points else 0.0 for record in graded]
        rows.append([
            f"<td>{escape(f'{task.number} {task.title}')}{_checks(graded, task)}</td>",
            _number(f"{sum(s > 1 - 1e-9 for s in shares)}"),
            _number(f"{sum(s == 0 for s in shares)}"),
            _number(f"{statistics.fmean(shares):.0%}"),
            _bar(statistics.fmean(shares), 1.0),
        ])  # fmt: skip
    return _section("Tasks", ["task", "all points", "none", "mean", ""], rows)


def _checks(graded: Sequence[Record], task: TaskResult) -> str:
    """Return how many passed each check of a task, to be opened."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for record in graded:
        for check in record.of_task(task.number):
            names[check.key] = check.name + (" (hidden)" if check.hidden else "")
            counts[check.key] = counts.get(check.key, 0) + feedback.passed(check)
    items = "".join(f"<li>{escape(names[key])}: {count} of {len(graded)} passed</li>" for key, count in counts.items())
    return f"<details><summary>checks</summary><ul>{items}</ul></details>"


def _mistakes(records: Sequence[Record], graded: int) -> str:
    rows = [
        [
            f"<td>{escape(made.task)}</td>",
            f"<td>{escape(made.name)}<details><summary>who, and the cause</summary><p>{escape(made.cause)}</p>"
            f"<p>{escape(', '.join(made.students))}</p></details></td>",
            _number(str(len(made.students))),
            _bar(len(made.students), graded),
        ]
        for made in mistakes(records)
    ]
    if not rows:
        return "<section><h2>Known mistakes</h2><p>None was made.</p></section>"
    return _section("Known mistakes", ["task", "mistake", "students", ""], rows)


def _help(records: Mapping[str, Record], given: rubric.Given) -> str:
    weak = [(folder, record, why) for folder, record in records.items() if (why := needs_help(record, given))]
    weak.sort(key=lambda row: (row[1].gradable, share(row[1], given), row[1].name))
    if not weak:
        return "<section><h2>Who needs help</h2><p>Nobody is below half of the points.</p></section>"
    rows = [[f"<td>{_link(folder, record)}</td>", f"<td>{escape(why)}</td>"] for folder, record, why in weak]
    return _section("Who needs help", ["student", "why"], rows)


def _students(records: Mapping[str, Record], given: rubric.Given) -> str:
    tasks = list(dict.fromkeys(task.number for record in records.values() for task in record.tasks))
    rows = []
    for folder, record in records.items():
        scores = [gradebook.score_of_task(record, task) for task in tasks]
        total = f"{share(record, given):.0%}" if record.gradable else gradebook.status(record)
        rows.append([f"<td>{_link(folder, record)}</td>", *map(_number, [total, gradebook.score(record), *scores])])
    return _section("Students", ["student", "share", "score", *tasks], rows)


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a section with a table; its header takes the classes of the first row."""
    head = "".join(
        f"{cell[: cell.index('>') + 1].replace('td', 'th', 1)}{escape(name)}</th>"
        for name, cell in zip(header, rows[0])
    )
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return (
        f'<section><h2>{escape(title)}</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _number(text: str) -> str:
    return f'<td class="number">{escape(text)}</td>'


def _bar(value: float, most: float) -> str:
    return f'<td class="bar"><div style="width: {100 * value / most if most else 0:.1f}%"></div></td>'


def _link(folder: str, record: Record) -> str:
    return f'<a href="{escape(quote(os.fsencode(folder)))}/report.html">{escape(record.name)}</a>'


def _earned(record: Record, task: TaskResult) -> float:
    return sum(check.earned for check in record.of_task(task.number))
