"""Grade a class over any executor. A run that was ended goes on.

The unit of work is a `Job`, plain data that any executor can send; `work` grades it.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import os
import stat
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    Executor,
    as_completed,
)
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from minigrad.course import formats as platforms
from minigrad.course.judging import result
from minigrad.course.notebooks import percent
from minigrad.course.record import CRASHED, Record
from minigrad.course.record import FILE as RECORD
from minigrad.course.source import Source, load
from minigrad.course.submission import LARGEST, TRUSTED, Graded, empty_record, grade_one
from minigrad.data.progress import Progress
from minigrad.output.files import write_file
from minigrad.output.words import printable
from minigrad.parallel.processes import Processes, WorkerLost

TIMES = "times.csv"
RESERVED = (platforms.gradebook.FILE, TIMES, "class.csv", "class.html", "gradebook.csv", "mistakes.csv", "rubric.csv")


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
    with TRUSTED:
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
    id_column: str = "name",
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
        id_column: the header of the column of NAMEs in the table, as the gradebook has it that reads the table, such
            as "SIS Login ID" or "Email address". Default: "name".
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
    places = (loaded.path.absolute().parent, *_places(paths.values()), folder.absolute(), Path.cwd())
    hidden = tuple(map(str, places))
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
    results.finish(id_column)
    shown.end()
    return [results.records[name] for name in paths]


def _by_name(submissions: Iterable[str | Path]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for path in map(Path, submissions):
        name = path.stem
        if name in ("", ".", "..") or "\0" in name or name in RESERVED:
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
            return file.read(LARGEST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
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
        self.times[printable(record.name)] = graded.seconds

    def finish(self, id_column: str) -> None:
        """Write the tables of the class."""
        platforms.write_gradebook([self.records[name] for name in self.names], self.folder, id_column)
        rows = [
            ("name", "seconds"),
            *((name, f"{self.times.get(name, 0):.2f}") for name in sorted(map(printable, self.names))),
        ]
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
            self.progress.say(f"{kept} of {total} need no grading: their results are kept, or they are missing")

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
