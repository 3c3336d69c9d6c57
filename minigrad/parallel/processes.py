"""Processes of this machine as a `concurrent.futures.Executor`.

Unlike `ProcessPoolExecutor`: a process that dies costs the call that it was at and no other, it dies with its parent
even if that is killed, and the program that makes the executor is not run again in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from typing import Any, BinaryIO

_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from minigrad.parallel.processes import main; main()"
_LENGTH = struct.Struct("<Q")


class WorkerLost(BrokenExecutor):
    """A worker ended while it ran a call, and so did those that tried again; nothing was changed."""


class Processes(ThreadPoolExecutor):
    """Run calls in `count` processes: a thread here for each, which sends calls and waits for results.

    Args:
        count: the number of processes. Each starts with its first call, and is replaced if it ends.

    >>> with Processes(2) as executor:
    ...     executor.submit(pow, 2, 3).result()
    8
    """

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self._local = threading.local()
        self._workers: set[_Worker] = set()
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function of a module in one of the processes. Its arguments and its result are pickled."""
        return super().submit(self._call, (fn, args, kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` also those that run a call."""
        if cancel_futures:
            self._closed = True
            for worker in list(self._workers):
                worker.process.kill()
        super().shutdown(wait, cancel_futures=cancel_futures)
        for worker in list(self._workers):
            worker.close()

    def restart(self) -> None:
        """End all processes, whatever they do; the calls that they ran go to new ones."""
        for worker in list(self._workers):
            worker.process.kill()

    def _call(self, call: Any) -> Any:
        for _ in range(2):
            worker = getattr(self._local, "worker", None)
            if worker is None:
                worker = self._local.worker = _Worker()
                self._workers.add(worker)
            try:
                done, value = worker.ask(call)
            except (EOFError, OSError):
                worker.close()
                self._workers.discard(worker)
                self._local.worker = None
                if self._closed:
                    break
                continue
            if not done:
                raise value
            return value
        raise WorkerLost("the process that ran a call has ended")


class _Worker:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, json.dumps(sys.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            _read(self.process.stdout)  # type: ignore[arg-type]
        except EOFError:
            self.close()
            raise RuntimeError("a worker process does not start") from None

    def ask(self, call: Any) -> tuple[bool, Any]:
        _write(self.process.stdin, pickle.dumps(call))  # type: ignore[arg-type]
        return pickle.loads(_read(self.process.stdout))  # type: ignore[arg-type]

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self.process.wait()


def _write(pipe: BinaryIO, data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _read(pipe: BinaryIO) -> bytes:
    head = pipe.read(_LENGTH.size)
    data = pipe.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    if not data:
        raise EOFError
    return data


def main() -> None:
    """Run the calls that come on standard input. End at once when that is closed, also during a call."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is for the parent, which then closes the pipe
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed here must not stand between the results
    calls: queue.Queue[bytes] = queue.Queue()

    def listen() -> None:
        with contextlib.suppress(EOFError), os.fdopen(os.dup(0), "rb") as pipe:
            while True:
                calls.put(_read(pipe))
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    _write(replies, b"ready")
    while True:
        try:
            function, arguments, options = pickle.loads(calls.get())
            data = pickle.dumps((True, function(*arguments, **options)))
        except Exception as error:
            data = _pickled(error)
        _write(replies, data)


def _pickled(error: Exception) -> bytes:
    """Return an exception to raise in the parent; one of another type if this one cannot be pickled."""
    with contextlib.suppress(Exception):
        data = pickle.dumps((False, error))
        pickle.loads(data)
        return data
    return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
