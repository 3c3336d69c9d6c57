"""The gradebook: one CSV table for a class, and a Canvas or Moodle table with the scores filled in.

Sources: https://community.canvaslms.com/docs/DOC-12757 (Canvas: `Student`, `ID`, `SIS User ID`, `SIS Login ID`,
`Section`, then a column for each assignment, and a row `Points Possible`) and https://docs.moodle.org/en/Grade_import
(Moodle: any column that identifies a user, chosen when importing). A cell that a spreadsheet would take for a formula
gets an apostrophe in front: https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from minigrad.course.formats import feedback
from minigrad.course.record import Record

FILE = "grades.csv"
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\n]")


def table(records: Iterable[Record], id_column: str = "name") -> str:
    """Return the table of a class, sorted by name.

    The columns are the name, the status ("graded", "not gradable" or "missing"), the score, the points, the score of
    each task, the points that a person must give, the due date and the late days of the assignment. Where there is
    nothing to grade, the scores are empty, so that no platform takes them for a zero.

    Args:
        records: of the same assignment.
        id_column: the header of the column with the submissions' names. Default: "name".
    """
    ordered = sorted(map(feedback.cleaned, records), key=lambda record: record.name)
    tasks = list(dict.fromkeys(task.number for record in ordered for task in record.tasks))
    header = [id_column, "status", "score", "points", *(f"task {task}" for task in tasks), "by hand", "problem"]
    rows: list[Sequence[str]] = [[*header, "due", "late days"]]
    for record in ordered:
        of_tasks = [score_of_task(record, task) for task in tasks]
        rows.append(
            [
                record.name,
                status(record),
                score(record),
                feedback.number(record.points),
                *of_tasks,
                feedback.number(record.by_hand),
                record.problem,
                record.due,
                str(record.late_days) if record.due else "",
            ]
        )
    return to_csv(rows)


def status(record: Record) -> str:
    """Return "graded", "not gradable" or "missing"."""
    return "missing" if record.missing else "graded" if record.gradable else "not gradable"


def score(record: Record) -> str:
    """Return the score, empty if the submission could not be graded."""
    return feedback.number(record.score) if record.gradable else ""


def score_of_task(record: Record, task: str) -> str:
    """Return the score of a task, empty if the submission could not be graded or the task has no checks."""
    checks = record.of_task(task)
    return feedback.number(sum(check.earned for check in checks)) if record.gradable and checks else ""


def filled(roster: str, scores: Mapping[str, str], id_column: str, column: str) -> str:
    """Return a platform's table with the scores in one column.

    Args:
        roster: the CSV that the platform exported.
        scores: by the name of the submission. A row without one keeps what it has.
        id_column: the column whose cells are the names of the submissions, such as "SIS Login ID" or "Email address".
        column: the column of the assignment. It is added if no column has that name; Canvas appends its own number
            to the name, as in "Layers (123)", and that column is found too.

    Raises:
        ValueError: the roster is empty, or has no column `id_column`.
    """
    rows = list(csv.reader(io.StringIO(roster.removeprefix("\ufeff"))))
    if not rows:
        raise ValueError("the roster is empty; export it from the platform with its header")
    header = rows[0]
    if id_column not in header:
        raise ValueError(f"the roster has no column {id_column!r}; its columns are {', '.join(map(repr, header))}")
    at = header.index(id_column)
    same = re.compile(re.escape(column) + r"( \(\d+\))?")
    place = next((i for i, name in enumerate(header) if same.fullmatch(name)), len(header))
    if place == len(header):
        header.append(column)
    for row in rows[1:]:
        row += [""] * (len(header) - len(row))
        if row[at] in scores:
            row[place] = scores[row[at]]
    return to_csv(rows)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute the cell."""
    return _FORMULA.match(cell) is not None


def to_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV. A cell that a spreadsheet would compute gets an apostrophe in front.

    >>> print(to_csv([["=1+1", "a,b", "-2"]]), end="")
    '=1+1,"a,b",'-2
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        row = [cell.replace("\r", " ") for cell in row]  # the writer does not quote it, readers end a line there
        writer.writerow([f"'{cell}" if is_formula(cell) else cell for cell in row])
    return text.getvalue()
