"""The student's process: start it, talk to it within limits of time and size, and leave nothing of it behind.

`launcher` closes the system to the process, as far as the kernel allows; `runner` is what runs in it. How far this is a
boundary is said in docs/teaching.md: where namespaces are missing, it is robustness and not a jail.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad.course import wire
from minigrad.course.assignment import Limits
from minigrad.course.record import CRASHED, TIMEOUT

POSIX = os.name == "posix"
_BOOT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from minigrad.course import runner; runner.main()"
_START = 120.0  # seconds that the interpreter may take to start, on a busy machine
_numbers = itertools.count()
_keep_user = False  # set when another user cannot run this Python


class SandboxError(RuntimeError):
    """The student's process cannot be started; no submission is at fault."""


class Ended(Exception):
    """The student's process is gone, or was ended for its time. `status` is `TIMEOUT` or `CRASHED`."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


class Process:
    """A process that runs one submission.

    Args:
        limits: what it may use.
        user: name of the user that it runs as. Default: this one; root's runs as a user without rights.
        hidden: files and folders that it must not read, where the system can hide them.

    Attributes:
        facts: what the system closed: `processes`, `files`, `network`, `user`, each True or False.
    """

    def __init__(self, limits: Limits, *, user: str | None = None, hidden: Iterable[str | Path] = ()) -> None:
        global _keep_user
        self.limits = limits
        self.facts: dict[str, bool] = {}
        self._asked = 0
        self._limit: float = 0
        self._hidden = [os.path.realpath(path) for path in hidden]
        identity = _identity(user)
        self._launch(identity, drop=not _keep_user)
        said = self._greeting()
        if said is not None and identity is None and not _keep_user:
            self._launch(None, drop=False)
            said = self._greeting()
            _keep_user = said is None
        if said is not None:
            raise SandboxError(f"the process for submissions does not start: {said}")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self, request: dict[str, Any], arrays: Sequence[np.ndarray] = (), *, seconds: float, limit: float = 0
    ) -> tuple[dict[str, Any], list[np.ndarray | str]]:
        """Send a request to `runner` and return its answer.

        Args:
            request: plain data.
            arrays: the arrays that the request refers to.
            seconds: wall-clock time until the answer.
            limit: the largest number of bytes of the arrays of the answer.

        Raises:
            Ended: there is no answer, or none in time. The process is gone then.
        """
        end = time.monotonic() + seconds
        self._asked += 1
        self._limit = limit
        try:
            self._send(wire.frame({**request, "id": self._asked}, arrays), end)
            answer = self._replies.get(timeout=max(end - time.monotonic(), 0))
        except queue.Empty:
            self.close()
            raise Ended(TIMEOUT, f"It takes more than {seconds:.3g} s.") from None
        if isinstance(answer, str) or answer[0].get("id") != self._asked:
            if answer == "":
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(2)  # its pipe is closed, it is about to end by itself
            code = self.close()
            raise Ended(CRASHED, _ending(code, answer if isinstance(answer, str) else "an answer to nothing"))
        return {key: value for key, value in answer[0].items() if _is_plain(value)}, answer[1]

    def fork(self, imports: Sequence[str]) -> None:
        """Answer from now on in a fork of this process, which has imported some modules. See `Forks`."""
        self.ask({"do": "fork", "imports": list(imports)}, seconds=_START)

    def leave(self) -> None:
        """End the fork and remove its files; the process is there for another."""
        self._send(wire.frame({"do": "leave"}), time.monotonic() + _START)

    @property
    def closed(self) -> bool:
        """Whether the process is gone."""
        return self._process.stdin is None or self._process.stdin.closed

    @property
    def output(self) -> str:
        """What the process has printed, up to the limit. Complete when the process is closed."""
        text = bytes(self._kept).decode("utf-8", "replace")
        return text + "\n[cut here: the limit of printed text]" * (self._printed > len(self._kept))

    def close(self) -> int | None:
        """End the process and all that it has started, and remove its folder. Return its exit status."""
        process = self._process
        if process.stdin and not self.closed:
            with contextlib.suppress(OSError):
                process.stdin.close()  # the launcher kills all and ends
            if not POSIX:
                process.kill()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for thread in self._threads:
                thread.join(5)
            remove(self._folder)
        return process.returncode

    def _launch(self, identity: tuple[int, int] | None, *, drop: bool) -> None:
        self._folder = os.path.realpath(tempfile.mkdtemp(prefix="minigrad-"))
        self._kept, self._printed = bytearray(), 0
        self._replies: queue.Queue[Any] = queue.Queue(1)
        environment = _environment(self._folder)
        path = _path()
        command = [sys.executable, "-P", "-s", "-c", _BOOT, json.dumps(path)]
        start = command
        if POSIX:
            start = [sys.executable, "-I", "-S", os.path.join(os.path.dirname(__file__), "launcher.py")]
        self._process = subprocess.Popen(
            start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            env=environment, cwd=self._folder,
        )  # fmt: skip
        assert self._process.stdout and self._process.stderr and self._process.stdin
        if POSIX:
            os.set_blocking(self._process.stdin.fileno(), False)
            needed = _needed(path)
            config = {
                "command": command, "environment": environment, "folder": self._folder, "needed": needed,
                "hidden": _hideable(self._hidden, [*needed, os.devnull, self._folder]), "user": identity, "drop": drop,
                "number": (os.getpid() * 256 + next(_numbers) % 256) % 500_000_000, "separate": SEPARATE,
                "limits": _resource_limits(self.limits), "disk": max(10 * self.limits.file_size, 1 << 20),
            }  # fmt: skip
            data = json.dumps(config).encode()
            self._send(struct.pack("<I", len(data)) + data, time.monotonic() + _START)
        self._threads = [
            threading.Thread(target=self._read_replies, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_output, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _greeting(self) -> str | None:
        """Wait until the process is ready. Return why it is not, if it is not."""
        try:
            answer = self._replies.get(timeout=_START)
        except queue.Empty:
            answer = f"nothing came in {_START:g} s"
        if isinstance(answer, str):
            self.close()
            return " ".join(f"{answer} {self.output}".split())[-500:]
        self.facts = {name: bool(answer[0].get(name)) for name in ("processes", "files", "network")}
        self.facts["user"] = POSIX and answer[0].get("user") != os.getuid()
        self._kept.clear()  # of the interpreter
        self._printed = 0
        return None

    def _send(self, data: bytes, end: float) -> None:
        """Write to the process; raise queue.Empty if it does not read in time. That it is gone is seen elsewhere."""
        assert self._process.stdin is not None
        if not POSIX:
            timer = threading.Timer(max(end - time.monotonic(), 0), self._process.kill)
            timer.start()
            with contextlib.suppress(OSError):
                self._process.stdin.write(data)
            timer.cancel()
            return
        descriptor = self._process.stdin.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        view = memoryview(data)
        while view:
            if not poll.poll(max(end - time.monotonic(), 0) * 1000):
                raise queue.Empty
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                continue
            except OSError:
                return

    def _read_replies(self, pipe: Any) -> None:
        with pipe:
            while True:
                try:
                    answer: Any = wire.receive(pipe.read, lambda: self._limit)
                    if not isinstance(answer[0], dict):
                        raise wire.WireError("no header")
                except EOFError:
                    answer = ""
                except (wire.WireError, OSError, ValueError, MemoryError) as error:
                    answer = f"it sent what is no answer ({error})"
                self._replies.put(answer)
                if isinstance(answer, str):
                    return

    def _read_output(self, pipe: Any) -> None:
        with pipe, contextlib.suppress(OSError, ValueError):
            while part := pipe.read(1 << 16):
                self._printed += len(part)
                self._kept += part[: max(self.limits.output - len(self._kept), 0)]


class Forks:
    """Processes for submissions that are trusted, such as the solution with a known mistake in it.

    A process that has imported NumPy and what the submissions import stays, closed to the system as any other. Each
    submission runs in a fork of it, which starts ten times as fast as a new process and has the same limits. What is
    printed is not kept.

    Args:
        limits: what each submission may use.
        imports: modules that the submissions import.
        hidden: files and folders that they must not read.
    """

    def __init__(self, limits: Limits, imports: Sequence[str] = (), hidden: Iterable[str | Path] = ()) -> None:
        self._limits, self._imports, self._hidden = limits, imports, list(hidden)
        self._idle: list[Process] = []

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._idle:
            process.close()

    def start(self) -> Process:
        """Return a process for one submission."""
        while self._idle:
            process = self._idle.pop()
            with contextlib.suppress(Ended):  # it cannot remove what the submission before has left
                process.fork(self._imports)
                return process
        process = Process(self._limits, hidden=self._hidden)
        try:
            process.fork(self._imports)
        except Ended as ended:
            raise SandboxError(f"the process for submissions does not fork: {ended}") from None
        return process

    def end(self, process: Process) -> None:
        """End the submission that runs in a process."""
        if not process.closed:
            process.leave()
            self._idle.append(process)


SEPARATE = True
"""Whether to use namespaces where the kernel has them; a test sets it to False."""


def remove(folder: str) -> None:
    """Remove a folder, whatever a submission has put into it."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(folder)
    if POSIX and os.path.exists(folder):  # without rights, or deeper than Python's recursion
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, folder], stderr=subprocess.DEVNULL, check=False)


def _identity(user: str | None) -> tuple[int, int] | None:
    if user is None:
        return None
    if not POSIX or os.geteuid() != 0:
        raise ValueError(f"user={user!r}: only root can run submissions as another user")
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"user={user!r}: there is no such user") from None
    return entry.pw_uid, entry.pw_gid


def _environment(folder: str) -> dict[str, str]:
    """Return the whole environment: nothing of the grader's but where programs and libraries are."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "PYTHONHOME", "NUMBER_OF_PROCESSORS")
    own = {name: os.path.join(folder, "tmp") for name in ("TMPDIR", "TEMP", "TMP")}
    own |= {name: os.path.join(folder, "home") for name in ("HOME", "USERPROFILE")}
    threads = ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **own,
        **{f"{name}_NUM_THREADS": "1" for name in threads},
        **{"LANG": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        **{"MPLBACKEND": "agg", "MPLCONFIGDIR": os.path.join(folder, "home")},
    }


def _path() -> list[str]:
    """Return the folders for imports, without those of the teacher's own files."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(minigrad.__file__)))
    own = {os.getcwd(), os.path.abspath(sys.path[0] if sys.path else "")}
    inside = tuple(os.path.join(prefix, "") for prefix in (sys.prefix, sys.base_prefix))
    found = [os.path.abspath(entry) for entry in sys.path if entry]
    found = [entry for entry in found if entry not in own or entry.startswith(inside)]
    return list(dict.fromkeys([*found, package]))


def _needed(path: Sequence[str]) -> list[str]:
    package = os.path.dirname(os.path.abspath(minigrad.__file__))
    files = [sys.prefix, sys.base_prefix, os.path.dirname(sys.executable), package, *path]
    files += [os.path.dirname(os.path.realpath(sys.executable))]
    return [name for name in dict.fromkeys(files) if os.path.exists(name)]


def _hideable(hidden: Iterable[str], needed: Sequence[str]) -> list[str]:
    """Return what can be hidden. Of a folder that holds what is needed, that is what else lies in it."""
    real = {os.path.join(os.path.realpath(path), "") for path in needed}
    found: set[str] = set()
    pending = list(hidden)
    while pending:
        path = pending.pop()
        inside = os.path.join(path, "")
        if not any(name.startswith(inside) for name in real):
            found.add(path)
        elif inside not in real and path != os.path.dirname(path):
            with contextlib.suppress(OSError), os.scandir(path) as entries:
                pending += [entry.path for entry in entries if not entry.is_symlink()]
    return sorted(path for path in found if not any(str(parent) in found for parent in Path(path).parents))


def _resource_limits(limits: Limits) -> dict[str, int]:
    return {
        "AS": limits.memory, "CPU": int(limits.seconds) + 1, "FSIZE": limits.file_size, "NPROC": limits.processes,
        "CORE": 0, "NOFILE": 256,
    }  # fmt: skip


def _is_plain(value: Any) -> bool:
    """Return whether a value of an answer may be used: a submission may have sent anything."""
    if isinstance(value, list):
        return all(type(item) is int for item in value)
    return isinstance(value, (str, bool, int, float))


def _ending(code: int | None, said: str) -> str:
    """Say how a process ended."""
    if said:
        return f"Its process was ended: {said}."
    if code is not None and code > 128:
        with contextlib.suppress(ValueError):
            return f"Its process was killed by {signal.Signals(code - 128).name}."
    return f"Its process ended with exit code {code}."
