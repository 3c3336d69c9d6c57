"""The plugin of pytest: `pytest NAME.py` runs the visible checks of a released file, a test for each check.

The tests have the marks `task("1.1")` and `points(2)`, which one's own tests may have as well; at the end, a table has
the points of each task. Only files beside which NAME.checks.json lies are taken. In all other projects the plugin
declares the two marks and does nothing else: it imports nothing before such a file is found.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from minigrad.course.record import CheckResult, Record
    from minigrad.course.released import Released

_ENDING = ".checks.json"
_FOUND = pytest.StashKey[list["CourseFile"]]()
_RESULTS = pytest.StashKey[dict[str, list[tuple[float, bool]]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "task(number): the task of an assignment that a test belongs to")
    config.addinivalue_line("markers", "points(number): the points that a test of an assignment gives")
    config.stash[_RESULTS] = {}
    config.stash[_FOUND] = []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> CourseFile | None:
    """Collect a released file that pytest itself would not collect."""
    if file_path.suffix != ".py" or not _checks(file_path).is_file():
        return None
    patterns = parent.config.getini("python_files")
    if parent.session.isinitpath(file_path) or any(fnmatch.fnmatch(file_path.name, pattern) for pattern in patterns):
        return None  # pytest asks pytest_pycollect_makemodule
    return CourseFile.from_parent(parent, path=file_path)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """Collect a released file, which must not be imported: its blanks raise."""
    return CourseFile.from_parent(parent, path=module_path) if _checks(module_path).is_file() else None


def _checks(path: Path) -> Path:
    return path.with_name(path.stem + _ENDING)


class CourseFile(pytest.File):
    """A released file. Its checks run once, in their own process, when the first of them is asked for."""

    _record: Record | None = None
    _released: Released | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each visible check."""
        from minigrad.course.released import read_released

        try:
            self._released = read_released(self.path)
        except (ValueError, OSError) as error:
            raise self.CollectError(str(error)) from None
        self.config.stash[_FOUND].append(self)
        for check in self._released.assignment.checks:
            item: CheckItem = CheckItem.from_parent(self, name=f"{check.task}: {check.name}", key=check.key)
            item.add_marker(pytest.mark.task(check.task))
            item.add_marker(pytest.mark.points(check.points or 0.0))
            yield item

    def record(self) -> Record:
        """Return the results of all checks."""
        from minigrad.course.submission import grade_one

        if self._record is None:
            assert self._released is not None
            self._record = grade_one(self._released, self.path.stem, self.path.read_bytes()).record
        return self._record

    def hidden(self) -> int:
        """Return the number of hidden checks."""
        return sum(self._released.hidden.values()) if self._released else 0


class _Wrong(Exception):
    """A check that did not pass."""


class CheckItem(pytest.Item):
    """A visible check."""

    def __init__(self, *, key: str, **words: Any) -> None:
        super().__init__(**words)
        self.key = key

    def runtest(self) -> None:
        """Raise if the check did not pass."""
        from minigrad.course.formats import feedback

        assert isinstance(self.parent, CourseFile)
        record = self.parent.record()
        if not record.gradable:
            raise _Wrong(f"Not gradable: {record.problem}")
        result: CheckResult = next(each for each in record.checks if each.key == self.key)
        if not feedback.passed(result):
            raise _Wrong(feedback.of_check(record, result))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the feedback of the check, without a traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, _Wrong) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return the heading of a failure."""
        return self.path, None, f"Task {self.name}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Count the points of tests that have both marks, if an assignment is among the tests."""
    outcome = yield
    if not item.config.stash[_FOUND] or call.when != "call":
        return
    task, points = item.get_closest_marker("task"), item.get_closest_marker("points")
    if task and points and task.args and points.args:
        passed = outcome.get_result().passed
        item.config.stash[_RESULTS].setdefault(str(task.args[0]), []).append((float(points.args[0]), passed))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the points of each task."""
    if not config.stash[_FOUND]:
        return
    terminalreporter.section("tasks")
    done = 0
    for number, results in config.stash[_RESULTS].items():
        earned, total = (sum(points for points, passed in results if passed or every) for every in (False, True))
        full = all(passed for _, passed in results)
        done += full
        terminalreporter.line(f"Task {number}   {earned:g} of {total:g} visible points", green=full, red=not full)
    count = len(config.stash[_RESULTS])
    width = 30 * done // max(count, 1)
    terminalreporter.line(f"[{'#' * width}{'.' * (30 - width)}] {done} of {count} tasks")
    if count and done == count:
        from minigrad.course.student import all_passed

        terminalreporter.line(all_passed(sum(file.hidden() for file in config.stash[_FOUND])))
