"""Coursework: write an assignment once as a working program; release, check, grade, report and prove it.

The commands of `python -m minigrad course` are functions here under the same names. `docs/teaching.md` is the guide.
"""

from __future__ import annotations

import importlib
from typing import Any

from minigrad.course.assignment import Assignment, Check, Limits, Mistake, Rubric, Task
from minigrad.course.record import CheckResult, Record, TaskResult

_LAZY = {
    "SourceError": "marks",
    "grade": "grading",
    "load": "source",
    "release": "publishing",
    "report": "reports",
}

__all__ = ["Assignment", "Check", "CheckResult", "Limits", "Mistake", "Record", "Rubric", "Task", "TaskResult"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"minigrad.course.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'minigrad.course' has no attribute {name!r}")
