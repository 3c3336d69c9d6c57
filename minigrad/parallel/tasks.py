"""Independent calls on any executor: results in the order in which they come, and no failure is lost."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from minigrad.data.progress import Progress
from minigrad.parallel.executors import end_workers
from minigrad.parallel.processes import WorkerLost

Outcome = tuple[Any, Exception | None]
"""The result of a call, or what it raised."""


def outcomes(
    function: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    executor: Executor | None = None,
    *,
    retries: int = 1,
    timeout: float = 3600.0,
) -> Iterator[tuple[str, Outcome]]:
    """Call a function for each task and yield (name, (result, None)) or (name, (None, exception)) as they come.

    Args:
        function: called as function(*arguments); with an executor, it must be one that pickle can send.
        tasks: the arguments of each call, by name.
        executor: any `concurrent.futures.Executor`. Default: None, one call after the other in this process.
        retries: how often a call is repeated whose worker was lost. Default: 1.
        timeout: the longest wait for the next result, in seconds. Default: one hour.

    Raises:
        WorkerLost: if workers are lost and the executor takes no more calls.
        TimeoutError: if no result comes in time. Both name the calls that are not done.
    """
    if executor is None:
        for name, arguments in tasks.items():
            yield name, _called(function, arguments)
        return
    lost = dict.fromkeys(tasks, 0)
    pending: dict[Future[Any], str] = {}

    def send(name: str) -> None:
        try:
            pending[executor.submit(function, *tasks[name])] = name
        except BrokenExecutor as error:
            raise WorkerLost(
                f"a worker ended, and this executor takes no more work; not done: {_list([name, *pending.values()])}. "
                "Pass Restarting(lambda: ProcessPoolExecutor(…)), and lost calls are repeated"
            ) from error

    try:
        for name in tasks:
            send(name)
        while pending:
            done, _ = wait(pending, timeout, FIRST_COMPLETED)
            if not done:
                end_workers(executor)
                raise TimeoutError(f"waited {timeout:g} s for {_list([*pending.values()])}")
            for future in done:
                name = pending.pop(future)
                try:
                    outcome: Outcome = future.result(), None
                except BrokenExecutor as error:
                    lost[name] += 1
                    if lost[name] <= retries:
                        send(name)
                        continue
                    outcome = None, error
                except Exception as error:
                    outcome = None, error
                yield name, outcome
    finally:
        for future in pending:  # after an error, Ctrl-C, or if nobody wants the rest
            future.cancel()


def _called(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    try:
        return function(*arguments), None
    except Exception as error:
        return None, error


def results(
    function: Callable[..., Any],
    tasks: Mapping[str, tuple[Any, ...]],
    executor: Executor | None,
    done: Callable[[int, str], None] = lambda *_: None,
) -> dict[str, Any]:
    """Return the result of each call, by name, in the order of the tasks.

    Args:
        function, tasks, executor: as in `outcomes`.
        done: called after each call as done(how many are done, name). Default: none.

    Raises:
        Exception: what the first failed call raised, with a note of its name, when all others are done.
    """
    found: dict[str, Any] = {}
    failed: list[Exception] = []
    for count, (name, (result, error)) in enumerate(outcomes(function, tasks, executor), 1):
        if error is not None:
            error.add_note(f"(in {name})")
            failed.append(error)
        found[name] = result
        done(count, name)
    if failed:
        raise failed[0]
    return {name: found[name] for name in tasks}


def _list(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


class Shown:
    """Progress of calls, with the remaining time."""

    def __init__(self, total: int, kept: int = 0) -> None:
        self.progress, self.total, self.done, self.kept = Progress(total), total, kept, kept
        self.start = time.monotonic()

    def one(self, text: str) -> None:
        """Count one more call."""
        self.done += 1
        left = round((time.monotonic() - self.start) / (self.done - self.kept) * (self.total - self.done))
        self.progress.show(self.done, f"{left // 60}:{left % 60:02} left   {text}")


class Journal:
    """Results in a file, one JSON object a line, so that a run that was ended can go on."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the objects; a line that was not finished is left out."""
        with suppress(FileNotFoundError):
            for line in self.path.read_text("utf-8").splitlines():
                with suppress(ValueError):
                    if isinstance(found := json.loads(line), dict):
                        yield found

    def write(self, entry: dict[str, Any]) -> None:
        """Append an object, and make sure that it is on the disk."""
        with open(self.path, "a+b") as file:
            if file.tell() and not self._ends_a_line(file):
                file.write(b"\n")
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @staticmethod
    def _ends_a_line(file: Any) -> bool:
        file.seek(-1, os.SEEK_END)
        return bool(file.read(1) == b"\n")
