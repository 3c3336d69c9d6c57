"""The neutral record of one graded submission, from which every format, report and table is made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

FILE = "record.json"
"""The name of its file in the folder of a submission's results."""

PASSED, FAILED, ERROR, BLANK = "passed", "failed", "error", "blank"
TIMEOUT, CRASHED, NOT_RUN = "timeout", "crashed", "not run"
STATUSES = (PASSED, FAILED, ERROR, BLANK, TIMEOUT, CRASHED, NOT_RUN)
"""What became of a check: right, wrong, an exception, still a blank, too slow, its process ended, never started."""


@dataclass(frozen=True)
class CheckResult:
    """What one check gave.

    `message` says what came and where it is wrong; `hint` where to look; `cause` what the mistake is; `mistake` its
    name, for the teacher's table. `picture` is an SVG, or empty. Texts are plain and clean of control characters.
    """

    task: str
    key: str
    name: str
    hidden: bool
    points: float
    earned: float
    status: str
    message: str = ""
    hint: str = ""
    cause: str = ""
    mistake: str = ""
    picture: str = ""


@dataclass(frozen=True)
class TaskResult:
    """A task's number, title and points, the points that a person must give (`by_hand`), and the rubric's questions.

    `criteria` has one (question, criterion, points) for each criterion of the task's rubrics; sample answers are not in
    a record.
    """

    number: str
    title: str
    points: float
    by_hand: float = 0.0
    criteria: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True)
class Record:
    """One submission, graded.

    `problem` is empty, or why the submission is not gradable: `"line 12: invalid syntax"`. `cells` are the exceptions
    at top level, as text with their lines. `output` is what the submission printed, cut to the limit. Times are not
    part of the record: it is the same on every machine. `causes`, `due` (ISO 8601, or empty) and `late_days` are those
    of the assignment.
    """

    assignment: str
    title: str
    name: str
    tasks: tuple[TaskResult, ...]
    checks: tuple[CheckResult, ...]
    problem: str = ""
    missing: bool = False
    cells: tuple[str, ...] = ()
    output: str = ""
    submission: str = ""
    source: str = ""
    version: str = ""
    causes: str = "on request"
    due: str = ""
    late_days: int = 0

    @property
    def gradable(self) -> bool:
        """Whether the submission could be run at all."""
        return not self.problem and not self.missing

    @property
    def score(self) -> float:
        """The points earned."""
        return round(sum(check.earned for check in self.checks), 10)

    @property
    def points(self) -> float:
        """The points that the checks can give, also where none was run."""
        every = [check.points for check in self.checks] or [task.points - task.by_hand for task in self.tasks]
        return round(sum(every), 10)

    @property
    def by_hand(self) -> float:
        """The points that a person must give."""
        return round(sum(task.by_hand for task in self.tasks), 10)

    def of_task(self, number: str) -> tuple[CheckResult, ...]:
        """Return the results of the checks of one task."""
        return tuple(check for check in self.checks if check.task == number)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Record:
        """Return the record that `to_dict` wrote."""
        return cls(
            **{
                **data,
                "tasks": tuple(
                    TaskResult(**{**task, "criteria": tuple(map(tuple, task["criteria"]))}) for task in data["tasks"]
                ),
                "checks": tuple(CheckResult(**check) for check in data["checks"]),
                "cells": tuple(data["cells"]),
            }
        )
