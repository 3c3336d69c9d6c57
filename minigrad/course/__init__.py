"""Coursework: write an assignment once as a working program; release, check, grade, report and prove it.

The commands of `python -m minigrad course` are functions here under the same names. `docs/teaching.md` is the guide.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigrad.course.assignment import Assignment as Assignment
    from minigrad.course.assignment import Check as Check
    from minigrad.course.assignment import Limits as Limits
    from minigrad.course.assignment import Mistake as Mistake
    from minigrad.course.assignment import Rubric as Rubric
    from minigrad.course.assignment import Task as Task
    from minigrad.course.checks import Checks as Checks
    from minigrad.course.exports import export as export
    from minigrad.course.grading import grade as grade
    from minigrad.course.marks import SourceError as SourceError
    from minigrad.course.proving import Proof as Proof
    from minigrad.course.proving import prove as prove
    from minigrad.course.publishing import release as release
    from minigrad.course.record import CheckResult as CheckResult
    from minigrad.course.record import Record as Record
    from minigrad.course.record import TaskResult as TaskResult
    from minigrad.course.reports import report as report
    from minigrad.course.scaffolding import new as new
    from minigrad.course.source import load as load
    from minigrad.course.student import CheckReport as CheckReport
    from minigrad.course.student import check as check

_MODULES = {
    "assignment": "Assignment Check Limits Mistake Rubric Task",
    "checks": "Checks",
    "exports": "export",
    "grading": "grade",
    "marks": "SourceError",
    "proving": "Proof prove",
    "publishing": "release",
    "record": "CheckResult Record TaskResult",
    "reports": "report",
    "scaffolding": "new",
    "source": "load",
    "student": "CheckReport check",
}  # loaded on first use: pytest imports this package in every project of the environment, for its plugin
_LAZY = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_LAZY)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"minigrad.course.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'minigrad.course' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
