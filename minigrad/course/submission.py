"""Grade one submission: from its bytes to its `Record`, in processes of its own.

It shares nothing with other submissions, so that a class may be graded in any order, in any number of processes, and on
any machine that has the source.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
import tokenize
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad.course import wire
from minigrad.course.assignment import Check, Limits
from minigrad.course.judging import Expectation, as_arrays, clean, exception, failed_with, judge, result
from minigrad.course.marks import SourceError
from minigrad.course.record import CRASHED, ERROR, NOT_RUN, TIMEOUT, CheckResult, Record, TaskResult
from minigrad.course.sandbox import Ended, Forks, Process
from minigrad.course.source import Candidate, Source

CELLS = 1000
LARGEST = 10_000_000
"""Bytes of a submission's file."""
TRUSTED = threading.RLock()
"""Held while functions of the source run: they draw from global generators."""


@dataclass
class Graded:
    """A graded submission, and what depends on the machine.

    Attributes:
        record: the result.
        seconds: wall-clock time of the whole submission.
        check_seconds: that of each check, by `Check.key`.
        memory: the most address space that the process had, in bytes; 0 where the system does not say.
        facts: what the system closed to the process.
    """

    record: Record
    seconds: float = 0.0
    check_seconds: dict[str, float] = field(default_factory=dict)
    memory: int = 0
    facts: dict[str, bool] = field(default_factory=dict)


def grade_one(
    source: Source,
    name: str,
    content: bytes,
    *,
    limits: Limits | None = None,
    user: str | None = None,
    hidden: Sequence[str | Path] = (),
    watch: Callable[[CheckResult], Any] = lambda result: None,
    forks: Forks | None = None,
) -> Graded:
    """Grade one submission.

    Args:
        source: the assignment.
        name: NAME, the stem of the submission's file.
        content: the bytes of the file.
        limits: Default: those of the assignment.
        user: name of the user that the submission runs as. Only root can choose one.
        hidden: files and folders that the submission must not read, where the system can hide them.
        watch: called with each result.
        forks: processes for submissions that are trusted; `user` and `hidden` are then theirs.

    Raises:
        SandboxError: no process can be started; no submission is at fault.
        SourceError: the source fails on the inputs of a check.
    """
    record = empty_record(source, name, hashlib.sha256(content).hexdigest())
    try:
        text = decode(content)
    except SyntaxError as error:
        return Graded(replace(record, problem=f"line {error.lineno or 1}: {error.msg}"))
    run = _Run(source, name, text, limits or source.assignment.limits, user, [source.path, *hidden], forks)
    started = time.monotonic()
    with closing(run):
        checks = []
        for check in source.assignment.checks:
            checks.append(run.check(check))
            watch(checks[-1])
    output = clean(run.output, run.limits.output + 100)
    if run.problem:
        record = replace(record, problem=run.problem)
    else:
        record = replace(
            record, checks=tuple(checks), cells=tuple(run.cells[i] for i in sorted(run.cells)), output=output
        )
    return Graded(record, time.monotonic() - started, run.seconds, run.memory, run.facts)


def empty_record(source: Source, name: str, submission: str = "") -> Record:
    """Return the record of a submission before any check."""
    assignment = source.assignment
    tasks = tuple(
        TaskResult(
            task.number, task.title, task.points,
            sum(points for rubric in task.rubrics for _, points in rubric.criteria),
            tuple((rubric.question, *criterion) for rubric in task.rubrics for criterion in rubric.criteria),
        )
        for task in assignment.tasks
    )  # fmt: skip
    return Record(
        source.name, assignment.title, name, tasks, (), submission=submission, source=source.digest,
        version=minigrad.__version__, causes=assignment.causes,
        due=assignment.due.isoformat() if assignment.due else "", late_days=assignment.late_days,
    )  # fmt: skip


def decode(content: bytes) -> str:
    """Return the text of a submission.

    Raises:
        SyntaxError: it is too large, or no text.
    """
    if len(content) > LARGEST:
        raise SyntaxError(f"the file has more than {LARGEST:,} bytes", ("", 1, 0, ""))
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    if encoding not in ("utf-8", "utf-8-sig", "ascii", "iso-8859-1", "cp1252"):
        raise SyntaxError(f"the file must be UTF-8, not {clean(encoding, 50)}", ("", 1, 0, ""))
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SyntaxError(f"the file must be {encoding.upper()}", ("", line, 0, "")) from None


class _NotGradable(Exception):
    pass


class _OutOfTime(Exception):
    pass


class _Run:
    """The processes of one submission, one after the other: a check that ends its process costs itself."""

    def __init__(
        self, source: Source, name: str, text: str, limits: Limits, user: str | None, hidden: Sequence[str | Path],
        forks: Forks | None,
    ) -> None:  # fmt: skip
        self.source, self.name, self.text, self.limits = source, name, text, limits
        self.user, self.hidden, self.forks = user, hidden, forks
        self.cells: dict[int, str] = {}  # what went wrong at top level, by cell
        self.deadly: set[int | str] = set()  # cells and drivers that ended their process: they are not run again
        self.problem = ""
        self.compiled = False
        self.output = ""
        self.seconds: dict[str, float] = {}
        self.memory = 0
        self.facts: dict[str, bool] = {}
        self.undefined: dict[str, dict[str, Any]] = {}  # what a driver raised, by name
        self._process: Process | None = None
        self._end: float | None = None

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self.forks is not None:
            self.forks.end(self._process)
            self._process = None
        if self._process is not None:
            self._process.close()
            said = self._process.output
            self.output += said if not self.output or not said else f"\n[a new process]\n{said}"
            self._process = None

    def check(self, check: Check) -> CheckResult:
        """Run one check, in the process of the one before if that is still there."""
        if self.problem:
            return result(check, NOT_RUN)
        try:
            process = self.process()
            name = self.source.functions[check.key]
            if name in self.undefined:
                return failed_with(check, self.undefined[name])
            with self._own_time():
                expected = expectation(self.source, check, self.name)
            return self._judged(process, check, name, expected)
        except _OutOfTime:
            return result(check, NOT_RUN, f"The {self.limits.seconds:g} s of the submission were used up before.")
        except _NotGradable:
            return result(check, NOT_RUN)

    def _judged(self, process: Process, check: Check, name: str, expected: Expectation) -> CheckResult:
        arguments, arrays = wire.pack(expected.inputs)
        limit = 2 * sum(array.nbytes for array in (*expected.outputs, *arrays)) + 1_000_000
        request = {
            "do": "call", "function": name, "arguments": arguments, "inputs": not check.may_write, "limit": limit,
            "seed": self.source.seed(check, self.name),
        }  # fmt: skip
        started = time.monotonic()
        try:
            answer, found = self.ask(
                process, request, arrays, seconds=check.seconds or self.limits.seconds_per_check, limit=2 * limit
            )
        except Ended as ended:
            told = "" if check.hidden and ended.status == CRASHED else str(ended)  # an exit code may be an input
            return result(check, ended.status, told)
        finally:
            self.seconds[check.key] = time.monotonic() - started
        with self._own_time():
            try:
                judged = judge(check, answer, found, expected)
            except Exception as error:  # whatever a submission may send must cost itself only
                return result(check, ERROR, f"What is returned cannot be judged: {clean(repr(error))}")
        if "missing" in answer and self.cells:
            where = "; ".join(self.cells[i] for i in sorted(self.cells)[:3])
            judged = replace(judged, message=f"{judged.message} A cell failed: {where}.")
        return judged

    def process(self) -> Process:
        """Return the process, ready to be called. Start it and run the cells if there is none."""
        while self._process is None:
            if self._end is not None and self._left() <= 0:
                raise _OutOfTime
            self._process = (
                self.forks.start() if self.forks else Process(self.limits, user=self.user, hidden=self.hidden)
            )
            self.facts = self._process.facts
            if self._end is None:
                self._end = time.monotonic() + self.limits.seconds
            with suppress(Ended):
                self._prepare(self._process)
        return self._process

    def ask(
        self, process: Process, request: dict[str, Any], arrays: Sequence[Any] = (), *, seconds: float, limit: float = 0
    ) -> tuple[dict[str, Any], list[Any]]:
        """Ask, within the time that is left to the submission. An answer that does not come ends the process."""
        left = self._left()
        if left <= 0:
            raise _OutOfTime
        try:
            answer = process.ask(request, arrays, seconds=min(seconds, left), limit=limit)
        except Ended as ended:
            self.close()
            if ended.status == TIMEOUT and left < seconds:
                raise Ended(TIMEOUT, f"The {self.limits.seconds:g} s of the submission are over.") from None
            raise
        if type(memory := answer[0].get("memory")) is int:
            self.memory = max(self.memory, memory)
        return answer

    @contextmanager
    def _own_time(self) -> Iterator[None]:
        """Hold `TRUSTED`. The time that it takes is not the submission's."""
        started = time.monotonic()
        try:
            with TRUSTED:
                yield
        finally:
            if self._end is not None:
                self._end += time.monotonic() - started

    def _left(self) -> float:
        return float("inf") if self._end is None else self._end - time.monotonic()

    def _prepare(self, process: Process) -> None:
        """Run the cells, and define the drivers over what the submission has under their names."""
        long = max(self.limits.seconds_per_check, self.limits.seconds / 4)
        try:
            answer, _ = self.ask(
                process, {"do": "load", "file": f"{self.name}.py", "text": self.text}, seconds=self.limits.seconds
            )
        except Ended as ended:
            if self.compiled:  # in an earlier process; now the time is over
                raise
            self.problem = f"line 1: it cannot be compiled. {ended}"
            raise _NotGradable from None
        if "problem" in answer or not isinstance(answer.get("cells"), list):
            self.problem = clean(str(answer.get("problem") or f"line 1: {exception(answer)}"))
            raise _NotGradable
        self.compiled = True
        if len(lines := answer["cells"]) > CELLS:
            self.cells[CELLS] = f"line {lines[CELLS]}: only {CELLS} cells are run"
        for i, line in enumerate(lines[:CELLS]):
            if i in self.deadly:
                continue
            try:
                answer, _ = self.ask(process, {"do": "cell", "cell": i}, seconds=long)
            except Ended as ended:
                self.deadly.add(i)
                self.cells[i] = f"line {line}: {str(ended).rstrip('.')}"
                raise
            if "error" in answer:
                self.cells[i] = exception(answer)
        for name, text in self.source.drivers.items():
            if name in self.deadly:
                continue
            self.undefined.pop(name, None)
            try:
                answer, _ = self.ask(process, {"do": "define", "name": name, "text": text}, seconds=long)
            except Ended as ended:
                self.deadly.add(name)
                self.undefined[name] = {"error": "SystemExit", "text": str(ended)}
                raise
            if "error" in answer:
                self.undefined[name] = answer


def expectation(source: Source, check: Check, name: str) -> Expectation:
    """Return what a check expects of a submission, with fresh inputs.

    Raises:
        SourceError: the solution fails, or what it takes or returns cannot cross to another process.
    """

    def candidates() -> list[tuple[Candidate, list[np.ndarray]]]:
        found = []
        for candidate in source.candidates(check, name):
            with suppress(wire.Unsendable):
                found.append((candidate, as_arrays(candidate.outputs)))
        return found

    inputs = source.inputs(check, name)
    try:
        wire.pack(inputs)
        return Expectation(as_arrays(source.expected(check, name)), candidates, inputs)
    except wire.Unsendable as error:
        said = f"check {check.key} ({check.name}): arguments and results must be numbers and arrays, not {error}"
        raise SourceError(source.path.name, [(check.line, said)]) from None
