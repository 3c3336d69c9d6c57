"""Gradients of shards on the workers of any `concurrent.futures.Executor`: processes, Dask's cluster, MPI's ranks."""

from __future__ import annotations

import os
import socket
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import minigrad
from minigrad.network import Network
from minigrad.parallel import shards
from minigrad.parallel.processes import Processes, WorkerLost
from minigrad.parallel.shards import Part

REMEMBERED = 8
"""How many networks a worker keeps."""


class Restarting(Executor):
    """An executor that is made again when it breaks, as a `ProcessPoolExecutor` does when one of its processes dies.

    Args:
        make: a function of no arguments that returns an executor.

    Attributes:
        restarts: how often it was made again.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with Restarting(lambda: ThreadPoolExecutor(2)) as executor:
    ...     executor.submit(pow, 2, 3).result()
    8
    """

    def __init__(self, make: Callable[[], Executor]) -> None:
        self._make, self._executor = make, make()
        self._lock = threading.Lock()
        self.restarts = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call; with a new executor if this one is broken."""
        with self._lock:
            try:
                return self._executor.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._renew()
                return self._executor.submit(fn, *args, **kwargs)

    def restart(self) -> None:
        """End the workers, whatever they do; the calls that they ran fail, and the next one goes to new workers."""
        end_workers(self._executor)

    def _renew(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()
        self.restarts += 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the executor, and start no other."""
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


def workers_of(executor: Executor) -> int:
    """Return the number of workers of an executor, as far as it shows it; otherwise the number of processors here."""
    inner = getattr(executor, "_executor", executor)
    for name in ("_max_workers", "num_workers"):  # of concurrent.futures and course; of mpi4py.futures
        if isinstance(count := getattr(inner, name, None), int) and count > 0:
            return count
    if (client := getattr(inner, "_client", None)) is not None:  # of Dask
        return max(len(client.ncores()), 1)
    return os.cpu_count() or 1


def end_workers(executor: Executor) -> None:
    """End the processes of an executor: one that is stuck would also keep this process from its end."""
    if isinstance(executor, Restarting | Processes):
        executor.restart()
    for process in list((getattr(executor, "_processes", None) or {}).values()):  # of a ProcessPoolExecutor
        with suppress(Exception):
            process.kill()


# ---- in a worker --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """The gradient of one shard: what a worker needs, without the network if it has that already."""

    version: str
    key: bytes
    structure: bytes | None
    x: np.ndarray
    buffers: dict[str, np.ndarray]
    X: np.ndarray
    y: np.ndarray | None
    seed: int
    i: int


_local = threading.local()
"""Networks by the digest of their structure, for each thread: a network holds the graph of its last loss."""


def work(task: Task) -> Part | None:
    """Compute a shard's gradient in a worker; None if it has to be told the network first."""
    if task.version != minigrad.__version__:
        raise RuntimeError(
            f"this worker has minigrad {minigrad.__version__}, but the sender has {task.version}: install the same "
            "version on all machines"
        )
    known: OrderedDict[bytes, Network] = _local.__dict__.setdefault("networks", OrderedDict())
    if task.key not in known:
        if task.structure is None:
            return None
        known[task.key] = shards.build(task.structure)
        while len(known) > REMEMBERED:
            known.popitem(last=False)
    known.move_to_end(task.key)
    network = known[task.key]
    try:
        network.x = task.x
        shards.set_buffers(network, task.buffers)
        return shards.compute(network, task.X, task.y, task.seed, task.i)
    except Exception as error:
        error.add_note(f"(in the worker process {os.getpid()} of {socket.gethostname()})")
        raise


# ---- in the sender ------------------------------------------------------------------------------------------------

_told: weakref.WeakKeyDictionary[Executor, set[bytes]] = weakref.WeakKeyDictionary()
"""For each executor, the networks that were sent to its workers."""


def parts_of(
    network: Network,
    X: np.ndarray,
    y: np.ndarray | None,
    cuts: Sequence[slice],
    executor: Executor | None,
    seed: int,
    timeout: float,
    retries: int,
) -> list[Part]:
    """Return the parts of all shards, in their order."""
    if executor is None:
        return _here(network, X, y, cuts, seed)
    structure = shards.structure(network)
    key = shards.digest(structure)
    told = _told.setdefault(executor, set())
    x, values = network.x, shards.buffers(network)
    tasks = [
        Task(minigrad.__version__, key, None, x, values, X[cut], None if y is None else y[cut], seed, i)
        for i, cut in enumerate(cuts)
    ]
    step = _Step(executor, tasks, cuts, structure, timeout, retries)
    parts = step.run(with_network=key not in told)
    told.add(key)
    return parts


def _here(network: Network, X: np.ndarray, y: Any, cuts: Sequence[slice], seed: int) -> list[Part]:
    """Compute one shard after the other in this process. All start from the same buffers, as on workers."""
    before = shards.buffers(network)
    parts = []
    for i, cut in enumerate(cuts):
        shards.set_buffers(network, before)
        parts.append(shards.compute(network, X[cut], None if y is None else y[cut], seed, i))
    shards.set_buffers(network, before)
    return parts


class _Step:
    """The shards of one step: sent out, waited for, sent again if a worker is lost."""

    def __init__(
        self,
        executor: Executor,
        tasks: Sequence[Task],
        cuts: Sequence[slice],
        structure: bytes,
        timeout: float,
        retries: int,
    ) -> None:
        self.executor, self.tasks, self.cuts, self.structure = executor, tasks, cuts, structure
        self.timeout, self.retries = timeout, retries
        self.lost, self.late = [0] * len(tasks), 0
        self.parts: dict[int, Part] = {}
        self.pending: dict[Future[Part | None], int] = {}

    def run(self, with_network: bool) -> list[Part]:
        try:
            for i in range(len(self.tasks)):
                self.send(i, with_network)
            while self.pending:
                done, _ = wait(self.pending, self.timeout, FIRST_COMPLETED)
                if not done:
                    self.overdue()
                for future in done:
                    self.receive(self.pending.pop(future), future)
        finally:
            for future in self.pending:  # after an error, or Ctrl-C
                future.cancel()
        return [self.parts[i] for i in range(len(self.tasks))]

    def send(self, i: int, with_network: bool) -> None:
        task = replace(self.tasks[i], structure=self.structure) if with_network else self.tasks[i]
        try:
            self.pending[self.executor.submit(work, task)] = i
        except BrokenExecutor as error:
            raise self.given_up(i, error) from error

    def receive(self, i: int, future: Future[Part | None]) -> None:
        try:
            part = future.result()
        except BrokenExecutor as error:
            self.again(i, error)
        except Exception as error:
            if type(error).__name__ == "KilledWorker":  # Dask's, which has already tried other workers
                raise self.given_up(i, error) from error
            error.add_note(f"(gradient: {self.name(i)})")
            raise
        else:
            if part is None:
                self.send(i, with_network=True)
            else:
                self.parts[i] = part

    def again(self, i: int, error: BaseException) -> None:
        """Send a shard to another worker."""
        self.lost[i] += 1
        if self.lost[i] > self.retries:
            raise self.given_up(i, error) from error
        self.send(i, with_network=True)

    def overdue(self) -> None:
        """End workers that are stuck. If the executor starts others, their shards go to these; otherwise raise."""
        self.late += 1
        end_workers(self.executor)
        if isinstance(self.executor, Restarting | Processes) and self.late <= self.retries:
            return
        waiting = ", ".join(map(self.name, sorted(self.pending.values())))
        raise TimeoutError(
            f"gradient: waited {self.timeout:g} s for {waiting}; the other {len(self.parts)} are there. Is a worker "
            "stuck or its machine gone? If a shard takes longer, pass a larger timeout="
        )

    def given_up(self, i: int, error: BaseException) -> WorkerLost:
        if type(error).__name__ == "BrokenProcessPool" and not isinstance(self.executor, Restarting):
            hint = (
                "a pool that lost a process takes no more work; pass Processes(…) or Restarting(lambda: "
                "ProcessPoolExecutor(…)), and the shard goes to a new one. If no process starts at all, the program "
                "needs `if __name__ == '__main__':`"
            )
        else:
            hint = "so did the others that tried it again: does it need too much memory?"
        return WorkerLost(
            f"gradient: a worker ended before {self.name(i)} was computed ({type(error).__name__}); {hint}. x is as "
            "before the step"
        )

    def name(self, i: int) -> str:
        return name_of(i, self.cuts)


def name_of(i: int, cuts: Sequence[slice]) -> str:
    """Return a shard's name for messages."""
    return f"shard {i + 1} of {len(cuts)} (rows {cuts[i].start} to {cuts[i].stop - 1})"
