"""Grade submissions: one in a process of its own, a class over any executor, resumable.

The unit of work is `grade_one`: from a submission's bytes to its `Record`. It shares nothing with other submissions, so
that a class may be graded in any order, in any number of processes, and on any machine that has the source.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import os
import stat
import threading
import time
import tokenize
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    Executor,
    as_completed,
)
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import minigrad
from minigrad.course import formats as platforms
from minigrad.course import wire
from minigrad.course.assignment import Check, Limits
from minigrad.course.judging import Expectation, as_arrays, clean, exception, failed_with, judge, result
from minigrad.course.marks import SourceError
from minigrad.course.notebooks import percent
from minigrad.course.record import CRASHED, ERROR, NOT_RUN, TIMEOUT, CheckResult, Record, TaskResult
from minigrad.course.record import FILE as RECORD
from minigrad.course.sandbox import Ended, Process
from minigrad.course.source import Source, load
from minigrad.course.workers import Processes, WorkerLost
from minigrad.data.progress import Progress
from minigrad.output.files import write_file

TIMES = "times.csv"
RESERVED = (platforms.gradebook.FILE, TIMES, "class.csv", "class.html", "mistakes.csv", "rubric.csv")
CELLS = 1000
_LARGEST = 10_000_000  # bytes of a submission's file
_TRUSTED = threading.RLock()  # the source's functions draw from global generators and may not be run at once


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

    Raises:
        SandboxError: no process can be started; no submission is at fault.
        SourceError: the source fails on the inputs of a check.
    """
    record = empty_record(source, name, hashlib.sha256(content).hexdigest())
    try:
        text = decode(content)
    except SyntaxError as error:
        return Graded(replace(record, problem=f"line {error.lineno or 1}: {error.msg}"))
    run = _Run(source, name, text, limits or source.assignment.limits, user, [source.path, *hidden])
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
    if len(content) > _LARGEST:
        raise SyntaxError(f"the file has more than {_LARGEST:,} bytes", ("", 1, 0, ""))
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
        self, source: Source, name: str, text: str, limits: Limits, user: str | None, hidden: Sequence[str | Path]
    ) -> None:
        self.source, self.name, self.text, self.limits = source, name, text, limits
        self.user, self.hidden = user, hidden
        self.cells: dict[int, str] = {}  # what went wrong at top level, by cell
        self.deadly: set[int | str] = set()  # cells and drivers that ended their process: they are not run again
        self.problem = ""
        self.output = ""
        self.seconds: dict[str, float] = {}
        self.memory = 0
        self.facts: dict[str, bool] = {}
        self.undefined: dict[str, dict[str, Any]] = {}  # what a driver raised, by name
        self._process: Process | None = None
        self._end: float | None = None

    def close(self) -> None:
        """End the process."""
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
            with _TRUSTED:
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
            return result(check, ended.status, str(ended))
        finally:
            self.seconds[check.key] = time.monotonic() - started
        with _TRUSTED:
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
            self._process = Process(self.limits, user=self.user, hidden=self.hidden)
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
            self.problem = f"line 1: it cannot be compiled. {ended}"
            raise _NotGradable from None
        if "problem" in answer or not isinstance(answer.get("cells"), list):
            self.problem = clean(str(answer.get("problem") or f"line 1: {exception(answer)}"))
            raise _NotGradable
        for i, line in enumerate(answer["cells"][:CELLS]):
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
    candidates = []
    for candidate in source.candidates(check, name):
        with suppress(wire.Unsendable):
            candidates.append((candidate, as_arrays(candidate.outputs)))
    inputs = source.inputs(check, name)
    try:
        wire.pack(inputs)
        return Expectation(as_arrays(source.expected(check, name)), candidates, inputs)
    except wire.Unsendable as error:
        said = f"check {check.key} ({check.name}): arguments and results must be numbers and arrays, not {error}"
        raise SourceError(source.path.name, [(check.line, said)]) from None


@dataclass(frozen=True)
class Job:
    """What a worker needs to grade one submission: plain data, which any executor can send."""

    source: str
    digest: str
    name: str
    content: bytes
    user: str | None
    hidden: tuple[str, ...]


def work(job: Job) -> Graded:
    """Grade a submission in a worker. The source is loaded once in each process."""
    with _TRUSTED:
        source = _loaded(job.source, job.digest)
    return grade_one(source, job.name, job.content, user=job.user, hidden=job.hidden)


@functools.lru_cache(maxsize=4)
def _loaded(path: str, digest: str) -> Source:
    source = load(path)
    if source.digest != digest:
        raise RuntimeError(f"{path} has changed since the grading began, or is another file on this machine")
    return source


def grade(
    source: str | Path,
    submissions: Iterable[str | Path],
    out: str | Path,
    *,
    jobs: int | None = None,
    formats: str | Sequence[str] = "gradescope",
    executor: Executor | None = None,
    user: str | None = None,
    progress: bool = True,
) -> list[Record]:
    """Grade submissions. A run that was ended goes on where it was.

    Writes `OUT/NAME/record.json`, and `results.json` or what the formats have, as each result comes; at the end
    `OUT/grades.csv` and `OUT/times.csv`. A result is kept if the submission, the source and the version of minigrad are
    the same. The results are the same bytes in any order and on any executor.

    Args:
        source: the assignment's file, or its folder.
        submissions: the files NAME.py or NAME.ipynb. One that is missing or cannot be read is a row "missing" in the
            table.
        out: the folder for results.
        jobs: number of processes. Default: one for each processor.
        formats: names of formats, see `minigrad.course.formats`. Default: "gradescope".
        executor: any `concurrent.futures.Executor`, such as Dask's or that of `mpi4py.futures`, whose workers have the
            source's file. Default: `jobs` processes of this machine.
        user: name of the user that submissions run as. Only root can choose one.
        progress: show a bar with the rate and the remaining time.

    Returns:
        The records, in the order of the submissions.

    Raises:
        ValueError: two submissions have the same NAME, or there is no such format or user.
        SourceError: the source is wrong.
        OSError: the source cannot be read, or `out` cannot be written.
    """
    names = platforms.check_names([formats] if isinstance(formats, str) else formats)
    loaded = load(source)
    paths = _by_name(submissions)
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be a positive integer, got {jobs}")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    results = _Results(folder, names, loaded, list(paths))
    pending = []
    hidden = (str(loaded.path.absolute().parent), *map(str, _places(paths.values())), str(folder.absolute()))
    for name, path in paths.items():
        content = _read(path)
        if content is None:
            results.add(Graded(replace(empty_record(loaded, name), missing=True)))
        elif path.suffix == ".ipynb" and (content := _cells(content)) is None:
            results.add(Graded(replace(empty_record(loaded, name), problem="line 1: the file is no Jupyter notebook")))
        elif not results.keep(name, hashlib.sha256(content).hexdigest()):
            pending.append(Job(str(loaded.path.absolute()), loaded.digest, name, content, user, hidden))
    shown = _Shown(len(paths), len(paths) - len(pending), progress)
    with closing(_outcomes(pending, executor, jobs or _processors())) as outcomes:
        for graded in outcomes:
            results.add(graded)
            shown.one(graded.facts)
    results.finish()
    shown.end()
    return [results.records[name] for name in paths]


def _by_name(submissions: Iterable[str | Path]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for path in map(Path, submissions):
        name = path.stem
        if name in ("", "..") or "\0" in name or name in RESERVED:
            raise ValueError(f"{path} cannot be the name of a submission: write NAME.py")
        if name in paths:
            raise ValueError(f"two submissions have the name {name!r}: {paths[name]} and {path}")
        paths[name] = path
    return paths


def _places(paths: Iterable[Path]) -> list[Path]:
    """Return the submissions and their folders."""
    absolute = [path.absolute() for path in paths]
    return [*dict.fromkeys(path.parent for path in absolute), *absolute]


def _read(path: Path) -> bytes | None:
    """Return the bytes of a submission, at most one more than it may have; None if there is no file to read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            return file.read(_LARGEST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except (OSError, ValueError):
        return None


def _cells(content: bytes) -> bytes | None:
    """Return the program that a notebook holds; None if it is none."""
    with suppress(ValueError, RecursionError):
        return percent(content.decode()).encode("utf-8", "replace")
    return None


class _Results:
    """The folder of results: what is kept of an earlier run, and what comes."""

    def __init__(self, folder: Path, formats: Sequence[str], source: Source, names: Sequence[str]) -> None:
        self.folder, self.formats, self.source, self.names = folder, formats, source, names
        self.records: dict[str, Record] = {}
        self.times = dict(self._old_times())

    def keep(self, name: str, submission: str) -> bool:
        """Keep the result of an earlier run if it is of the same submission, source and version."""
        try:
            record = Record.from_dict(json.loads((self.folder / name / RECORD).read_text("utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return False
        same = empty_record(self.source, name, submission)
        if (record.name, record.assignment, record.submission, record.source, record.version) != (
            name, same.assignment, submission, same.source, same.version
        ) or record.missing:  # fmt: skip
            return False
        self.records[name] = record
        platforms.write(record, self.formats, self.folder / name)
        return True

    def add(self, graded: Graded) -> None:
        """Write a result. The record comes last: an earlier run was finished with this one if it is there."""
        record = graded.record
        place = self.folder / record.name
        place.mkdir(exist_ok=True)
        platforms.write(record, self.formats, place)
        _write(place / RECORD, json.dumps(record.to_dict(), indent=1, ensure_ascii=True) + "\n")
        self.records[record.name] = record
        self.times[record.name] = graded.seconds

    def finish(self) -> None:
        """Write the tables of the class."""
        platforms.write_gradebook([self.records[name] for name in self.names], self.folder)
        rows = [("name", "seconds"), *((name, f"{self.times.get(name, 0):.2f}") for name in sorted(self.names))]
        _write(self.folder / TIMES, platforms.gradebook.to_csv(rows))

    def _old_times(self) -> Iterator[tuple[str, float]]:
        with suppress(OSError, ValueError, csv.Error), open(self.folder / TIMES, encoding="utf-8", newline="") as file:
            for row in list(csv.reader(file))[1:]:
                yield row[0].removeprefix("'"), float(row[1])


def _write(path: Path, text: str) -> None:
    write_file(path, lambda file: file.write(text.encode()))


class _Shown:
    """The progress bar, with the rate and the remaining time."""

    def __init__(self, total: int, kept: int, show: bool) -> None:
        self.progress = Progress(total) if show and total else None
        self.done, self.first, self.total, self.started = kept, kept, total, time.monotonic()
        self.open: set[str] = set()
        if self.progress and kept:
            self.progress.say(f"{kept} of {total} results are there already, or there is nothing to grade")

    def one(self, facts: dict[str, bool]) -> None:
        """Count one more."""
        self.done += 1
        self.open |= {name for name, closed in facts.items() if not closed}
        if self.progress:
            rate = (self.done - self.first) / max(time.monotonic() - self.started, 1e-9)
            left = round((self.total - self.done) / rate)
            self.progress.show(self.done, f"{rate:.2g} a second, {left // 60}:{left % 60:02} left")

    def end(self) -> None:
        """Say what submissions could reach."""
        reached = [
            f"{name} of this user" if name != "network" else "the network" for name in sorted(self.open - {"user"})
        ]
        if self.progress and reached:
            self.progress.say(f"This system does not close to submissions: {', '.join(reached)}; see docs/teaching.md")


def _processors() -> int:
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _outcomes(jobs: Sequence[Job], executor: Executor | None, count: int) -> Generator[Graded, None, None]:
    """Yield results as they come. What one job raises is raised after all others are done."""
    own = Processes(min(count, len(jobs))) if executor is None and jobs else None
    futures = {(own or executor).submit(work, job): job for job in jobs}  # type: ignore[union-attr]
    failure: Exception | None = None
    try:
        for future in as_completed(futures):
            try:
                yield future.result()
            except WorkerLost:
                yield _lost(futures[future])
            except Exception as error:
                failure = error
    finally:
        for future in futures:
            future.cancel()
        if own is not None:
            own.shutdown(cancel_futures=True)
    if failure is not None:
        raise failure


def _lost(job: Job) -> Graded:
    """Return the result of a submission that ends the worker that grades it."""
    source = load(job.source)
    record = empty_record(source, job.name, hashlib.sha256(job.content).hexdigest())
    said = "The grader's process was ended while this submission ran."
    return Graded(replace(record, checks=tuple(result(check, CRASHED, said) for check in source.assignment.checks)))


__all__ = ["TIMEOUT", "Graded", "Job", "decode", "empty_record", "expectation", "grade", "grade_one", "work"]
