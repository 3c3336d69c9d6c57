"""The sheet for the points that a person gives: written empty, filled in by hand, read again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from minigrad.course.formats import feedback, gradebook
from minigrad.course.record import Record, TaskResult

FILE = "rubric.csv"
_COLUMNS = ["name", "task", "question", "criterion", "points", "given"]

Given: TypeAlias = "Mapping[str, Mapping[tuple[str, str, str], float]]"
"""By name of the submission, then by (task, question, criterion): the points that a person gave."""


def given(path: Path) -> dict[str, dict[tuple[str, str, str], float]]:
    """Read the points that a person has filled in; none if there is no sheet yet.

    Raises:
        ValueError: a cell is no number between 0 and the points of its criterion, or a column is missing.
    """
    found: dict[str, dict[tuple[str, str, str], float]] = {}
    if not path.exists():
        return found
    rows = csv.DictReader(io.StringIO(path.read_text("utf-8-sig")))
    if rows.fieldnames is None or not set(_COLUMNS) <= set(rows.fieldnames):
        raise ValueError(f"{path} must have the columns {', '.join(_COLUMNS)}")
    for row in rows:
        name, task, question, criterion, points, cell = (_plain(row[column] or "") for column in _COLUMNS)
        if not cell.strip():
            continue
        try:
            number = float(cell.replace(",", "."))
        except ValueError:
            number = float("nan")
        if not 0 <= number <= float(points):
            raise ValueError(
                f"{path}, line {rows.line_num}: given must be a number from 0 to {points} for {name}, task {task}, "
                f"got {cell!r}"
            )
        found.setdefault(name, {})[task, question, criterion] = number
    return found


def table(records: Iterable[Record], points: Given) -> str:
    """Return the sheet of a class: a row for each criterion of each graded submission."""
    rows = [_COLUMNS]
    for record in sorted(records, key=lambda record: record.name):
        if not record.gradable:
            continue
        for task in record.tasks:
            for question, criterion, most in task.criteria:
                gave = points.get(record.name, {}).get((task.number, question, criterion))
                cell = "" if gave is None else feedback.number(gave)
                rows.append([record.name, task.number, question, criterion, feedback.number(most), cell])
    return gradebook.to_csv(rows)


def total(points: Given, record: Record) -> float:
    """Return the points that a person has given to a submission."""
    return sum(points.get(record.name, {}).values())


def of_task(points: Mapping[tuple[str, str, str], float], number: str) -> float:
    """Return the points that a person has given for a task."""
    return sum(given for (task, _, _), given in points.items() if task == number)


def waiting(points: Mapping[tuple[str, str, str], float], task: TaskResult) -> float:
    """Return the points of a task's criteria that a person has not graded yet."""
    return sum(most for question, name, most in task.criteria if (task.number, question, name) not in points)


def _plain(cell: str) -> str:
    """Return a cell without the apostrophe that keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and gradebook.is_formula(cell[1:]) else cell
