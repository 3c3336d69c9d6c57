"""The student's side: run the visible checks, explain what is wrong, and show how far the assignment is."""

from __future__ import annotations

import contextlib
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad.course import runner
from minigrad.course.assignment import Check
from minigrad.course.formats import feedback
from minigrad.course.graph_pictures import wrong_gradients
from minigrad.course.judging import judge
from minigrad.course.notebooks import program
from minigrad.course.pictures import RIGHT, WRONG
from minigrad.course.record import BLANK, FAILED, PASSED, CheckResult, Record
from minigrad.course.released import Released, read_released
from minigrad.course.source import seed_everything
from minigrad.course.submission import empty_record, expectation, grade_one
from minigrad.data.progress import Progress
from minigrad.output.words import printable_lines

_SIGNS = {PASSED: "ok   ", BLANK: "blank"}
_HTML_SIGNS = {PASSED: "✓ right", BLANK: "○ blank"}
_COLOURS = {True: ("#064e3b", RIGHT), False: ("#7c2d12", WRONG)}


@dataclass
class CheckReport:
    """What the visible checks found: true as a bool if all passed; its text explains what is wrong.

    Attributes:
        record: the results.
        hidden: the number of hidden checks, by task.
        cause: whether the cause of a mistake was asked for.
        whole: whether the whole file was checked and not some of its tasks.
        needs: the numbers of the tasks that a task calls, by its number.
    """

    record: Record
    hidden: dict[str, int]
    cause: bool = False
    whole: bool = True
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.record.gradable and all(map(feedback.passed, self.record.checks))

    @property
    def done(self) -> int:
        """The number of tasks whose visible checks all pass. A task without checks is a person's to grade."""
        return sum(self._right(task.number) for task in self._tasks())

    def _tasks(self) -> list[Any]:
        return [task for task in self.record.tasks if self.record.of_task(task.number)]

    def _first(self, number: str) -> str:
        """Say which of the tasks that a wrong task calls are not right yet."""
        tried = any(check.status not in (PASSED, BLANK) for check in self.record.of_task(number))
        wrong = [needed for needed in self.needs.get(number, ()) if not self._right(needed)]
        if not tried or not wrong:
            return ""
        return f"It calls task {' and '.join(wrong)}, which {'are' if wrong[1:] else 'is'} not right yet: begin there."

    def _right(self, number: str) -> bool:
        return all(map(feedback.passed, self.record.of_task(number)))

    def summary(self) -> str:
        """Return the last sentence: what passed, and what is checked later."""
        hidden = sum(self.hidden.values())
        if self:
            return ("" if self.whole else f"Task {', '.join(self.hidden)}: ") + all_passed(hidden)
        checks = self.record.checks
        later = _later(hidden) if hidden else ""
        return f"{sum(map(feedback.passed, checks))} of {len(checks)} visible checks passed" + (
            f"; {later}." if later else "."
        )

    def cause_of(self, check: CheckResult) -> str:
        """Return the cause of a mistake if it may be said now."""
        asked = self.record.causes == "always" or (self.cause and self.record.causes == "on request")
        return check.cause if asked else ""

    def _more(self) -> str:
        causes = any(check.cause for check in self.record.checks)
        if not causes or self.cause or self.record.causes != "on request":
            return ""
        if self.whole:
            return f"For the causes: python -m minigrad course check {self.record.name}.py --cause"
        return f'For the causes: check("{next(iter(self.hidden))}", globals(), cause=True)'

    def __str__(self) -> str:
        record = self.record
        lines = [f"{record.title}: {record.name}", ""] if self.whole else []
        if not record.gradable:
            return "\n".join([*lines, f"Not gradable: {record.problem}"])
        lines += [f"A cell failed: {cell}" for cell in record.cells]
        for task in record.tasks:
            checks = record.of_task(task.number)
            head = f"Task {task.number}: {task.title}"
            if not checks:
                lines.append(f"{head}   no visible checks")
                continue
            lines.append(f"{head}   {sum(map(feedback.passed, checks))} of {len(checks)}")
            lines += [f"    {first}"] if (first := self._first(task.number)) else []
            for check in checks:
                lines.append(f"    {_SIGNS.get(check.status, 'WRONG')} {check.name}")
                said = [feedback.message(check), f"Hint: {check.hint}" if check.hint else ""]
                said += [f"Cause: {cause}" if (cause := self.cause_of(check)) else ""]
                lines += [f"          {line}" for text in said if text for line in text.split("\n")]
        if self.whole:
            total = len(self._tasks())
            full = Progress.width * self.done // max(total, 1)
            lines += ["", f"[{'#' * full}{'.' * (Progress.width - full)}] {self.done} of {total} tasks"]
        lines += [self.summary(), *([self._more()] if self._more() else [])]
        return printable_lines("\n".join(lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        record = self.record
        parts = [f"<strong>{escape(record.title)}</strong>"] if self.whole else []
        if not record.gradable:
            parts.append(f"<p>Not gradable: {escape(record.problem)}</p>")
        else:
            parts += [f"<p>A cell failed: {escape(cell)}</p>" for cell in record.cells]
            parts += [self._task_html(task) for task in record.tasks]
            if self.whole:
                parts.append(self._bar_html())
            summary = escape(self.summary()).replace("*visible*", "<em>visible</em>")
            parts += [f"<p>{summary}</p>", f"<p>{escape(self._more())}</p>" if self._more() else ""]
        return f'<div style="line-height: 1.6; max-width: 50em">{"".join(parts)}</div>'

    def _bar_html(self) -> str:
        total = len(self._tasks())
        return (
            f'<div><progress value="{self.done}" max="{max(total, 1)}" style="width: 15em" '
            f'aria-label="tasks done"></progress> {self.done} of {total} tasks</div>'
        )

    def _task_html(self, task: Any) -> str:
        checks = self.record.of_task(task.number)
        items = "".join(map(self._item_html, checks))
        count = f"{sum(map(feedback.passed, checks))} of {len(checks)}" if checks else "no visible checks"
        head = f"Task {escape(task.number)}: {escape(task.title)}"
        count += f"<br>{first}" if (first := self._first(task.number)) else ""
        return f'<p style="margin: .6em 0 .2em"><strong>{head}</strong> {count}</p><ul style="margin: 0">{items}</ul>'

    def _item_html(self, check: CheckResult) -> str:
        ink, paper = _COLOURS[feedback.passed(check)]
        style = f"color: {ink}; background: {paper}; padding: 0 .4em; border-radius: .3em"  # on light and dark pages
        sign = f'<strong style="{style}">{_HTML_SIGNS.get(check.status, "✗ wrong")}</strong>'
        parts = [f"{sign} {escape(check.name)}"]
        if said := feedback.message(check):
            parts.append(f'<div style="white-space: pre-wrap">{escape(printable_lines(said))}</div>')
        if check.picture:
            url = feedback.picture_url(check.picture)
            parts.append(f'<div><img style="max-width: 100%" alt="where it is wrong" src="{url}"></div>')
        if check.hint:
            parts.append(f"<div>Hint: {escape(check.hint)}</div>")
        if cause := self.cause_of(check):
            parts.append(f"<div>Cause: {escape(cause)}</div>")
        return f"<li>{''.join(parts)}</li>"


def all_passed(hidden: int) -> str:
    """Return the sentence when all visible checks have passed, given the number of hidden ones.

    >>> all_passed(3)
    'all *visible* checks passed; 3 hidden ones run when it is graded.'
    """
    return f"all *visible* checks passed; {_later(hidden) if hidden else 'there are no hidden ones'}."


def _later(hidden: int) -> str:
    return f"{hidden} hidden one{'s run' if hidden != 1 else ' runs'} when it is graded"


def check(file: str | Path, cause: bool = False, progress: bool | None = None) -> CheckReport:
    """Run the visible checks of a released file, in its own process, as the grader does.

    Args:
        file: NAME.py or NAME.ipynb, beside NAME.checks.json.
        cause: say the cause of a mistake as well as the hint, where the teacher allows it.
        progress: show a bar over the tasks while the checks run. Default: on a terminal.

    Returns:
        A report, which is true as a bool if all visible checks passed. Its text explains what is wrong; a notebook
        shows it with pictures.

    Raises:
        FileNotFoundError: there is no such file, or no checks beside it.
        ValueError: the checks are damaged, or the file is no notebook.
    """
    path = Path(file)
    released = read_released(path)
    content = program(path).encode() if path.suffix == ".ipynb" else path.read_bytes()
    shown = _Tasks(released) if (sys.stdout.isatty() if progress is None else progress) else None
    graded = grade_one(released, path.stem, content, watch=shown.one if shown else lambda result: None)
    needs = {task.number: task.needs for task in released.assignment.tasks}
    return CheckReport(graded.record, released.hidden, cause, needs=needs)


class _Tasks:
    """A progress bar over the tasks."""

    def __init__(self, released: Released) -> None:
        numbers = [check.task for check in released.assignment.checks]
        self.left = {number: numbers.count(number) for number in numbers}
        self.progress = Progress(len(self.left)) if self.left else None

    def one(self, result: CheckResult) -> None:
        self.left[result.task] -= 1
        if self.progress and not self.left[result.task]:
            done = sum(not left for left in self.left.values())
            self.progress.show(done, f"task {result.task}")


def check_here(
    released: Released, name: str, task: str | None, names: dict[str, Any], cause: bool, graphs: bool
) -> CheckReport:
    """Return what the visible checks find of a program whose names are given, in its own process. See `Checks`."""
    tasks = [each for each in released.assignment.tasks if task in (None, each.number)]
    if not tasks:
        known = ", ".join(each.number for each in released.assignment.tasks)
        raise ValueError(f"there is no task {task}; the tasks are {known}")
    causes = released.assignment.causes
    graphs = graphs and (causes == "always" or (cause and causes == "on request"))
    results = [_answer(released, check, names, graphs) for each in tasks for check in each.checks]
    record = empty_record(released, name)
    numbers = {each.number for each in tasks}
    record = replace(record, tasks=tuple(t for t in record.tasks if t.number in numbers), checks=tuple(results))
    hidden = {number: released.hidden[number] for number in sorted(numbers)}
    return CheckReport(record, hidden, cause, whole=task is None)


def _answer(released: Released, check: Check, names: dict[str, Any], graphs: bool) -> CheckResult:
    """Call the student's function in this process, and judge what it returns."""
    name = released.functions[check.key]
    answer: dict[str, Any]
    arrays: list[Any] = []
    arguments = released.inputs(check)
    space = names
    path = ""
    with _kept_generators(released.seed(check)):
        try:
            if name in released.drivers:
                space = dict(names)
                exec(compile(released.drivers[name], "<driver>", "exec", dont_inherit=True), space)
            if name not in space:
                return judge(check, {"missing": name}, [], expectation(released, check, ""))
            path = getattr(getattr(space[name], "__code__", None), "co_filename", "")
            found = runner.arrays_of(space[name](*arguments), math.inf)
            arrays = found if check.may_write else [*found, *runner.arrays_of(tuple(arguments), math.inf)]
            answer = {"outputs": len(found)}
        except (Exception, SystemExit) as error:
            answer = runner.failure(error, path)
    result = judge(check, answer, arrays, expectation(released, check, ""))
    if graphs and check.gradient_of is not None and result.status == FAILED:
        picture = wrong_gradients(check.gradient_of, released.inputs(check), check.wrt, arrays)
        result = replace(result, picture=picture or result.picture)
    return result


@contextlib.contextmanager
def _kept_generators(seed: int) -> Iterator[None]:
    """Seed the global generators as the grader does, and give the student's program its own states back."""
    states = random.getstate(), np.random.get_state(), minigrad.get_rng_state()
    seed_everything(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        minigrad.set_rng_state(states[2])
