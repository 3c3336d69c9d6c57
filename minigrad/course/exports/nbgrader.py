"""nbgrader: the instructor's notebook, with metadata of schema version 3.

Source: https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html and the user guide on autograded
answers, tests, hidden tests and manually graded cells. Each check is its own cell with its points. A cell without
a blank is read-only, so that drivers are restored before grading.
"""

from __future__ import annotations

import json
import re
from typing import Any

from minigrad.course.assignment import Rubric, Task
from minigrad.course.exports import plain_checks
from minigrad.course.marks import PROMPT, SOLUTION, Block, Cell, comments
from minigrad.course.source import Source
from minigrad.course.stripping import UNMARKED


def files(source: Source) -> dict[str, bytes]:
    """Return the notebook by its place in a course folder."""
    cells: list[dict[str, Any]] = []
    for cell in source.cells:
        cells += _of_source(source, cell, len(cells))
        for task in source.assignment.tasks:
            if cell.first <= task.line <= cell.last:
                cells += _of_task(source, task)
    for i, made in enumerate(cells, start=1):
        made["id"] = f"cell-{i}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    text = json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return {f"source/{source.name}/{source.name}.ipynb": text.encode()}


def _of_source(source: Source, cell: Cell, position: int) -> list[dict[str, Any]]:
    """Return the notebook's cell for one of the source, or none if nothing is left of it."""
    lines, blank = [], False
    line = cell.first
    while line <= cell.last:
        block = next((block for block in source.blocks if block.begin == line), None)
        if block is None:
            lines.append(source.lines[line - 1])
            line += 1
            continue
        inside = list(source.lines[block.first - 1 : block.last])
        if block.first == block.begin:  # the line form
            inside[-1] = UNMARKED.sub("", inside[-1])
        if _left_blank(block):
            lines += [f"{block.indent}### BEGIN SOLUTION", *inside, f"{block.indent}### END SOLUTION"]
            blank = True
        elif block.kind == PROMPT or block.kind == SOLUTION and block.role != "instructor":
            lines += inside
        line = block.end + 1
    if not any(text.strip() for text in lines):
        return []
    if cell.kind != "code":
        # a sample answer is not for students; the cell for theirs comes with the task's rubric
        kept = [text for text in _without_solutions(lines) if cell.kind == "markdown" or text]
        return [_cell(cell.kind, "\n".join(comments(kept)))] if any(text.strip() for text in kept) else []
    text = "\n".join(lines).strip("\n")
    return [_cell("code", text, f"cell-{position}", solution=blank, locked=not blank)]


def _left_blank(block: Block) -> bool:
    return block.kind == SOLUTION and block.stripped("core") and block.role != "instructor"


def _without_solutions(lines: list[str]) -> list[str]:
    kept, inside = [], False
    for text in lines:
        if text.strip() == "### BEGIN SOLUTION":
            inside = True
        if not inside:
            kept.append(text)
        if text.strip() == "### END SOLUTION":
            inside = False
    return kept


def _of_task(source: Source, task: Task) -> list[dict[str, Any]]:
    """Return a cell for each check and each rubric of a task."""
    made = []
    for check in task.checks:
        body = [f"# Task {task.number}: {' '.join(check.name.split())}", *plain_checks.statements(source, check)]
        if check.hidden:
            body = [body[0], "### BEGIN HIDDEN TESTS", *body[1:], "### END HIDDEN TESTS"]
        made.append(_cell("code", "\n".join(body), f"task-{check.key}", grade=True, locked=True, points=check.points))
    for i, rubric in enumerate(task.rubrics):
        points = sum(points for _, points in rubric.criteria)
        made.append(
            _cell(
                "markdown",
                _question(rubric),
                f"task-{task.number}-answer-{i}",
                grade=True,
                solution=True,
                points=points,
            )
        )
    return made


def _question(rubric: Rubric) -> str:
    """Return the text of a cell that a person grades; nbgrader replaces the region by a place for the answer."""
    criteria = [f"- {criterion}: {points:g} points" for criterion, points in rubric.criteria]
    samples = "\n\n".join(rubric.samples) or "The sample answer."
    return "\n".join([rubric.question, "", *criteria, "", "### BEGIN SOLUTION", samples, "### END SOLUTION"])


def _cell(
    kind: str,
    text: str,
    name: str = "",
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> dict[str, Any]:
    """Return a cell. `name` gives it nbgrader's metadata."""
    made: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    if name:
        made["metadata"]["nbgrader"] = {
            "grade": grade,
            "grade_id": re.sub(r"[^\w-]+", "_", name),
            "locked": locked,
            "schema_version": 3,
            "solution": solution,
            "task": False,
            **({"points": points} if grade else {}),
        }
    return made
