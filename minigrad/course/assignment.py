"""What a teacher declares: an assignment, its tasks, and the checks, known mistakes and rubrics of each task.

This is data. Nothing here runs a check: `source` reads an assignment from its file, `grading` and `student` run it.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeAlias

import numpy as np

from minigrad.output.words import class_name

Inputs: TypeAlias = "Sequence[Any] | Callable[[np.random.Generator], Sequence[Any]]"
"""The arguments of a call, by position, or a function that draws them."""

CAUSES = ("always", "on request", "never")


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Args:
        seconds_per_check: wall-clock and CPU time of one check. Default: 5 s.
        seconds: wall-clock and CPU time of the whole submission. Default: 60 s.
        memory: bytes of address space. Default: 2 GiB.
        processes: processes and threads. Default: 64.
        file_size: bytes of one file. Default: 10 MB.
        output: bytes of printed text that are kept. Default: 100 kB.
    """

    seconds_per_check: float = 5.0
    seconds: float = 60.0
    memory: int = 2 << 30
    processes: int = 64
    file_size: int = 10_000_000
    output: int = 100_000


@dataclass(frozen=True)
class Check:
    """One question to a submission: call `function` with `inputs`; the answer must be the solution's.

    `index` counts the checks of the task from 0. `line` is where the source declares it. `hidden` is set by the block
    that declares it, `# BEGIN HIDDEN TESTS`, or by hand.
    """

    task: str
    index: int
    name: str
    function: Callable[..., Any]
    inputs: Inputs
    points: float | None
    hidden: bool
    personal: bool
    rtol: float
    atol: float
    float32_rtol: float
    seconds: float | None
    outputs: tuple[str, ...]
    gradient_of: Callable[..., Any] | None
    wrt: tuple[int, ...]
    rule: str | None
    rule_settings: dict[str, Any]
    may_write: bool
    line: int

    @property
    def key(self) -> str:
        """The check's identifier in records and files: `"1.2/0"`."""
        return f"{self.task}/{self.index}"


@dataclass(frozen=True)
class Mistake:
    """A known mistake of a task: what it is called, the sentence it should get, and how to make it.

    Either `old` and `new`, an edit of the source's text, or `instead`, functions by the name they replace.
    """

    task: str
    name: str
    sentence: str
    hint: str
    old: str
    new: str
    instead: dict[str, Callable[..., Any]]
    line: int


@dataclass(frozen=True)
class Rubric:
    """A question that a person grades: criteria with their points, and sample answers for the teacher."""

    task: str
    question: str
    criteria: tuple[tuple[str, float], ...]
    samples: tuple[str, ...]


@dataclass
class Task:
    """A numbered task of an assignment. `Assignment.task` makes it; its methods declare what judges it."""

    number: str
    title: str
    points: float
    needs: tuple[str, ...]
    line: int
    checks: list[Check] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    rubrics: list[Rubric] = field(default_factory=list)

    def check(
        self,
        function: Callable[..., Any],
        inputs: Inputs = (),
        *,
        name: str = "",
        points: float | None = None,
        hidden: bool = False,
        personal: bool = False,
        rtol: float = 1e-7,
        atol: float = 1e-9,
        float32_rtol: float = 1e-4,
        seconds: float | None = None,
        outputs: Sequence[str] = (),
        gradient_of: Callable[..., Any] | None = None,
        wrt: Sequence[int] = (),
        rule: str | None = None,
        rule_settings: dict[str, Any] | None = None,
        may_write: bool = True,
    ) -> None:
        """Declare a check: `function(*inputs)` of the submission must equal that of the solution.

        An output y is right where `abs(y - expected) <= atol + rtol * abs(expected)`.

        Args:
            function: a function that the student writes, or a driver: a function of the source without a solution in
                it, which turns classes and loops into arrays. The grader runs its own copy of a driver.
            inputs: the arguments by position: numbers, nested lists, arrays; or a function that draws them from a
                `numpy.random.Generator`, whose seed comes from the assignment, the task and the check.
            name: what the check is about, in words.
            points: Default: an equal share of what the task's other checks leave.
            hidden: run only when the submission is graded. Set by a `# BEGIN HIDDEN TESTS` block.
            personal: draw the inputs from a seed that also depends on the student's name.
            rtol: relative tolerance. Default: 1e-7.
            atol: absolute tolerance. Default: 1e-9.
            float32_rtol: relative tolerance of an output that is float32. Default: 1e-4.
            seconds: time limit. Default: that of the assignment's limits.
            outputs: names of the outputs, for the messages. Default: by position.
            gradient_of: for a check whose outputs are gradients: the scalar function of the same inputs. Its graph
                gives the causes of a wrong gradient.
            wrt: for each output, the position of the input that it is the gradient with respect to.
            rule: for a check of an update rule: its name in `minigrad.optim.rules`, such as `"adam"`. The known
                mistakes of that rule give the causes.
            rule_settings: the rule's settings that the function uses, by name.
            may_write: False if writing into the inputs is a mistake. Default: True.

        Raises:
            TypeError: `function` cannot be called.
            ValueError: a tolerance, `points` or `seconds` is negative, or `wrt` and `gradient_of` do not fit.
        """
        if not callable(function):
            raise TypeError(f"Task {self.number}: check() needs a function, got {class_name(function)}")
        for what, number in (("rtol", rtol), ("atol", atol), ("points", points), ("seconds", seconds)):
            if number is not None and not number >= 0:
                raise ValueError(f"Task {self.number}: {what} must not be negative, got {number}")
        if bool(wrt) != (gradient_of is not None):
            raise ValueError(f"Task {self.number}: gradient_of= and wrt= must be given together")
        index = len(self.checks)
        made = Check(
            self.number, index, name or f"check {index + 1}", function, inputs, points, hidden, personal, rtol, atol,
            float32_rtol, seconds, tuple(outputs), gradient_of, tuple(wrt), rule, dict(rule_settings or {}), may_write,
            _line(),
        )  # fmt: skip
        self.checks.append(made)

    def mistake(
        self,
        name: str,
        sentence: str,
        old: str = "",
        new: str = "",
        *,
        hint: str = "",
        instead: dict[str, Callable[..., Any]] | None = None,
    ) -> None:
        """Declare a known mistake: a submission that gives the same wrong outputs is told `sentence`.

        Args:
            name: short, for the teacher's table: `"mean is a constant"`.
            sentence: the cause, said to the student where causes may be said.
            old: text that stands exactly once in the source's solutions.
            new: the text that a student writes instead.
            hint: where to look, without the cause. Default: the task.
            instead: wrong functions by the name of what they replace, instead of `old` and `new`.

        Raises:
            ValueError: neither an edit nor a function is given, or both.
        """
        if bool(old) == bool(instead):
            raise ValueError(f"Task {self.number}: mistake {name!r} needs either old and new, or instead=")
        self.mistakes.append(Mistake(self.number, name, sentence, hint, old, new, dict(instead or {}), _line()))

    def rubric(self, question: str, criteria: dict[str, float], samples: Sequence[str] = ()) -> None:
        """Declare a question that a person grades.

        Args:
            question: what the student answers in writing.
            criteria: points by criterion.
            samples: answers for the teacher; never released.
        """
        self.rubrics.append(Rubric(self.number, question, tuple(criteria.items()), tuple(samples)))


class Assignment:
    """An assignment: tasks, limits and what students are told.

    Args:
        title: one line.
        limits: what a submission may use.
        causes: when a student is told the cause of a mistake and not only the hint: `"always"`, `"on request"`
            (`check --cause`) or `"never"`. Default: `"on request"`.
        due: date and time with its offset from UTC, in ISO 8601; it appears in the grades' CSV only.
        late_days: days after `due` that a student may use, over the assignment.

    Raises:
        ValueError: `causes` is none of the three, or `due` is no date.

    Example:
        >>> from minigrad.course import Assignment
        >>> assignment = Assignment("Layers by hand")
        >>> task = assignment.task("1.1", "affine, forward", points=2)
        >>> task.check(lambda X, W: X @ W, ([[1.0, 2.0]], [[3.0], [4.0]]), name="one row")
        >>> [check.key for check in assignment.checks]
        ['1.1/0']
    """

    def __init__(
        self,
        title: str,
        *,
        limits: Limits | None = None,
        causes: str = "on request",
        due: str | None = None,
        late_days: int = 0,
    ) -> None:
        if causes not in CAUSES:
            raise ValueError(f"causes must be one of {', '.join(map(repr, CAUSES))}, got {causes!r}")
        self.title = title
        self.limits = limits or Limits()
        self.causes = causes
        self.due = datetime.datetime.fromisoformat(due) if due else None
        self.late_days = late_days
        self.tasks: list[Task] = []
        self.line = _line()

    def task(self, number: str, title: str, points: float = 1.0, *, needs: Sequence[str] = ()) -> Task:
        """Declare a task.

        Args:
            number: such as `"2.3"`; shown in messages.
            title: one line.
            points: of the whole task. Default: 1.
            needs: numbers of the tasks whose solution this one calls. Default: none, which `prove` verifies.

        Raises:
            ValueError: the number is taken, or `points` is negative.
        """
        if any(task.number == str(number) for task in self.tasks):
            raise ValueError(f"Task {number} is declared twice")
        if not points >= 0:
            raise ValueError(f"Task {number}: points must not be negative, got {points}")
        made = Task(str(number), title, float(points), tuple(map(str, needs)), _line())
        self.tasks.append(made)
        return made

    @property
    def checks(self) -> list[Check]:
        """The checks of all tasks, in order."""
        return [check for task in self.tasks for check in task.checks]

    @property
    def points(self) -> float:
        """The points of all tasks."""
        return sum(task.points for task in self.tasks)


def _line() -> int:
    """Return the line of the call that entered this module, in the file that made it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame.f_lineno if frame else 0
