"""Collective operations on x and dx between the ranks of an MPI communicator, with limits and errors that name ranks.

Every rank must make the same calls in the same order. Before each, the ranks compare what they are about to do, so that
a rank with another model or array raises an error on every rank, instead of wrong numbers or a wait without end. A rank
whose program ends with an exception says so to the others, and then ends the whole run.
"""

from __future__ import annotations

import sys
import time
import traceback
import zlib
from contextlib import suppress
from importlib import import_module
from types import TracebackType
from typing import Any

import numpy as np

import minigrad
from minigrad.network import Network
from minigrad.output.words import class_name
from minigrad.parallel import shards
from minigrad.parallel.shards import Part

WAITS, FAILED = 32101, 32102  # tags of the messages by which ranks say that they wait, and that they have failed
ROLL_CALL = 1.0  # seconds of waiting after which a rank says so
GRACE = 2.0  # seconds between an error and the end of all ranks, in which the others can say theirs


class RankError(RuntimeError):
    """Another rank has failed, or is about to do something else than this one."""


def is_communicator(comm: Any) -> bool:
    """Return whether an object is a communicator of mpi4py, without importing that."""
    return hasattr(comm, "Get_rank") and hasattr(comm, "Iallreduce")


def check_communicator(kind: str, comm: Any) -> None:
    """Raise a TypeError if `comm` is no communicator."""
    if not is_communicator(comm):
        raise TypeError(
            f"{kind}: comm must be a communicator of mpi4py, such as MPI.COMM_WORLD, got {class_name(comm)}"
        )


def shard(n: int, comm: Any) -> slice:
    """Return the slice of n items that this rank has: rows of a batch, or numbers of x.

    The slices of all ranks follow each other, and their lengths differ by at most 1.

    Args:
        n: the number of items.
        comm: the communicator.
    """
    check_communicator("shard", comm)
    return shards.split(n, comm.Get_size())[comm.Get_rank()]


def mean(dx: Any, comm: Any, size: float | None = None, *, timeout: float = 60.0) -> Any:
    """Average an array over all ranks, in place: one Allreduce.

        loss = network.forward(my_batch)
        dx = network.backward()
        dx = parallel.mean(dx, comm)
        x += - learning_rate * dx

    As it is done in place, the `.grad` of every parameter is the average, too, and `optimizer.step()` uses it.

    Args:
        dx: a float array that is contiguous and can be written to; or a number, such as the loss.
        comm: the communicator, such as `mpi4py.MPI.COMM_WORLD`.
        size: what this rank's values count for: the number of its examples, where the ranks have different numbers.
            Default: all ranks count the same.
        timeout: the longest wait for other ranks, in seconds. Default: 60.

    Returns:
        dx itself; for a number, the average.

    Raises:
        TypeError: if dx is not a float array or a number.
        ValueError: if size is negative, or 0 on all ranks.
        FloatingPointError: on every rank, if the values of one are not finite; dx is as before.
        RankError: if the arrays of the ranks differ in shape or dtype, or another rank fails.
        TimeoutError: if a rank does not come in time; the error names it.
    """
    array, weight = _checked("mean", dx, comm, size)
    weight = _scaled("mean", array, comm, weight, timeout)
    if comm.Get_size() > 1:
        array *= array.dtype.type(weight)
        _wait(comm, comm.Iallreduce(_in_place(), array), "mean", timeout)
    return dx if array is dx else float(array[0])


def reduce_scatter(dx: np.ndarray, comm: Any, size: float | None = None, *, timeout: float = 60.0) -> np.ndarray:
    """Average a vector over all ranks, and return this rank's part of the average: `dx[shard(len(dx), comm)]`.

    This is half of `mean`, and costs half as much; `all_gather` is the other half.

    Args:
        dx: a float vector, which is scaled in place.
        comm: the communicator.
        size: what this rank's values count for, see `mean`. Default: all ranks count the same.
        timeout: the longest wait for other ranks, in seconds. Default: 60.

    Raises:
        As `mean`.
    """
    array, weight = _checked("reduce_scatter", dx, comm, size)
    weight = _scaled("reduce_scatter", array, comm, weight, timeout)
    if comm.Get_size() == 1:
        return array.copy()
    array *= array.dtype.type(weight)
    counts = [cut.stop - cut.start for cut in shards.split(array.size, comm.Get_size())]
    mine = np.empty(counts[comm.Get_rank()], array.dtype)
    _wait(comm, comm.Ireduce_scatter(array, mine, counts), "reduce_scatter", timeout)
    return mine


def all_gather(x: np.ndarray, comm: Any, *, timeout: float = 60.0) -> np.ndarray:
    """Fill a vector from all ranks, in place: `x[shard(len(x), comm)]` of each rank goes to all others.

    Args:
        x: a vector, whose slice of this rank is right.
        comm: the communicator.
        timeout: the longest wait for other ranks, in seconds. Default: 60.

    Returns:
        x itself.

    Raises:
        TypeError: if x is not a float vector.
        RankError: if the vectors of the ranks differ in length or dtype, or another rank fails.
        TimeoutError: if a rank does not come in time; the error names it.
    """
    array, _ = _checked("all_gather", x, comm, None)
    _compare(comm, "all_gather", timeout, elements=array.size, dtype=array.dtype.num)
    if comm.Get_size() > 1:
        cuts = shards.split(array.size, comm.Get_size())
        layout = [array, ([cut.stop - cut.start for cut in cuts], [cut.start for cut in cuts])]
        _wait(comm, comm.Iallgatherv(_in_place(), layout), "all_gather", timeout)
    return x


def gradient(network: Network, data_batch: Any, comm: Any, timeout: float) -> tuple[float, np.ndarray]:
    """Return the loss and dx of the whole batch on every rank, of which each computes a shard; see `gradients`."""
    try:
        return _gradient(network, data_batch, comm, timeout)
    except RankError:
        raise
    except Exception as error:
        if not getattr(error, "on_every_rank", False):
            _say_failed(comm, error)
        raise


def _gradient(network: Network, data_batch: Any, comm: Any, timeout: float) -> tuple[float, np.ndarray]:
    X, y = shards.as_pair(data_batch)
    rank, size, x = comm.Get_rank(), comm.Get_size(), network.x
    _compare(
        comm,
        "gradient",
        timeout,
        elements=x.size,
        dtype=x.dtype.num,
        model=_number(shards.digest(_structure(network))),
        x=zlib.crc32(x.data.cast("B")),
        batch=_checksum(X, y),
    )
    cuts = shards.split(len(X), size)
    shards.check_loss(network, X, y, [cut for cut in cuts if cut.start < cut.stop])
    cut = cuts[rank]
    part = Part(0.0, np.zeros_like(x), 0.0, shards.buffers(network), False)  # if there are more ranks than rows
    with shards.StepNumbers() as numbers:
        if cut.start < cut.stop:
            part = shards.compute(network, X[cut], None if y is None else y[cut], numbers.seed, rank)
        facts = _exchange(comm, [part.loss, part.weight, part.is_finite, part.drew], "gradient", timeout)
        losses, weights, finite, drew = facts.T
        numbers.drew = bool(drew.any())
    if not finite.all():
        raise _for_all(
            FloatingPointError(
                f"gradient: the loss or the gradient of {_ranks(np.flatnonzero(finite == 0))} of {size} is not finite; "
                "x is as before the step. The usual causes are a learning rate that is too high, and nan in the data"
            )
        )
    total = 1.0 if shards.is_sum(network.loss) else weights.sum()
    if total == 0.0:
        raise _for_all(
            ValueError("gradient: no row of the batch counts: all targets are ignore_index, or all weights are 0")
        )
    dx = part.dx
    dx *= dx.dtype.type(weights[rank] / total)
    if size > 1:
        _wait(comm, comm.Iallreduce(_in_place(), dx), "gradient", timeout)
        _mean_buffers(network, comm, part, weights, timeout)
    network._set_gradients(dx)
    return float(losses @ (weights / total)), dx


def _structure(network: Network) -> bytes:
    """Return the bytes that must be equal on all ranks; what cannot be pickled is compared by its parameters' names."""
    try:
        return shards.structure(network)
    except TypeError:
        return repr([(name, p.shape, p.requires_grad) for name, p in network._parameters.items()]).encode()


def _mean_buffers(network: Network, comm: Any, part: Part, weights: np.ndarray, timeout: float) -> None:
    floats = {name: b for name, b in part.buffers.items() if b.dtype.kind == "f"}
    whole = {name: b for name, b in part.buffers.items() if b.dtype.kind != "f"}
    for some, operation in ((floats, None), (whole, "MAX")):
        if not some:
            continue
        flat = np.concatenate([np.ravel(b).astype(np.float64) for b in some.values()])
        if operation is None:
            flat *= weights[comm.Get_rank()] / (weights.sum() or 1.0)
            request = comm.Iallreduce(_in_place(), flat)
        else:
            request = comm.Iallreduce(_in_place(), flat, op=_mpi().MAX)
        _wait(comm, request, "gradient", timeout)
        ends = np.cumsum([b.size for b in some.values()])
        for (name, b), values in zip(some.items(), np.split(flat, ends[:-1])):
            part.buffers[name] = values.reshape(b.shape).astype(b.dtype)
    shards.set_buffers(network, part.buffers)


# ---- what ranks compare -------------------------------------------------------------------------------------------

KINDS = ("mean", "reduce_scatter", "all_gather", "gradient", "ShardedOptimizer")
FACTS = ("version", "elements", "dtype", "model", "x", "batch")
_DIFFERENT = {
    "version": "has another version of minigrad",
    "elements": "has an array of another length",
    "dtype": "has an array of another dtype",
    "model": "has another model or loss: other layers, settings, modes or frozen parameters",
    "x": "has another x: were the initial parameters drawn from the same seed, and is each step the same on all ranks?",
    "batch": "has another batch: every rank passes the whole batch, drawn from the same seed",
}


def _compare(comm: Any, kind: str, timeout: float, **facts: int) -> None:
    """Raise the same error on every rank if the ranks do not agree on what they do."""
    if comm.Get_size() == 1:
        return
    version = zlib.crc32(minigrad.__version__.encode())
    row = [KINDS.index(kind), *({"version": version, **facts}.get(name, 0) for name in FACTS)]
    table = _exchange(comm, row, kind, timeout)
    if other := _odd_ones(table[:, 0]):
        doing = {KINDS[int(k)] for k in table[other, 0]}
        raise _for_all(RankError(f"{kind}: {_ranks(other)} called {' and '.join(sorted(doing))} instead; {_ORDER}"))
    for column, name in enumerate(FACTS, 1):
        if other := _odd_ones(table[:, column]):
            values = (
                f" ({int(table[other[0], column])} instead of {_usual(table[:, column])})" if name == "elements" else ""
            )
            raise _for_all(RankError(f"{kind}: {_ranks(other)} of {len(table)} {_DIFFERENT[name]}{values}"))


_ORDER = "all ranks must make the same calls in the same order"


def _usual(column: np.ndarray) -> int:
    values, counts = np.unique(column, return_counts=True)
    return int(values[counts == counts.max()][0] if column[0] not in values[counts == counts.max()] else column[0])


def _odd_ones(column: np.ndarray) -> list[int]:
    """Return the ranks whose value is not that of most; of two equally frequent values, that of rank 0 is right."""
    return np.flatnonzero(column != _usual(column)).tolist()


def _checked(kind: str, value: Any, comm: Any, size: float | None) -> tuple[np.ndarray, float]:
    """Return the array, and what it counts for."""
    check_communicator(kind, comm)
    if isinstance(value, float | int | np.floating) and not isinstance(value, bool):
        array = np.array([value], np.float64)
    elif not isinstance(value, np.ndarray):
        hint = "; pass its .numpy(), which shares its memory" if hasattr(value, "numpy") else ""
        raise TypeError(f"{kind}: takes a float array such as dx, or a number, got {class_name(value)}{hint}")
    else:
        array = value
    if array.dtype.kind != "f" or not (array.flags.c_contiguous and array.flags.writeable):
        raise TypeError(
            f"{kind}: the array must be of floats, contiguous and writeable, as it is changed in place; got dtype "
            f"{array.dtype}, strides {array.strides}"
        )
    if kind != "mean" and array.ndim != 1:
        raise TypeError(f"{kind}: takes a vector such as x or dx, got an array of shape {array.shape}")
    if size is not None and not 0 <= size < np.inf:
        raise ValueError(f"{kind}: size must be the number of this rank's examples, 0 or more, got {size!r}")
    return array, 1.0 if size is None else float(size)


def _scaled(kind: str, array: np.ndarray, comm: Any, weight: float, timeout: float) -> float:
    """Compare what the ranks average; return the factor of this rank's array."""
    _compare(comm, kind, timeout, elements=array.size, dtype=array.dtype.num)
    if weight == 0.0:
        array[...] = 0.0  # may be nan, the mean of no examples
    facts = _exchange(comm, [weight, float(np.isfinite(array).all())], kind, timeout)
    if not facts[:, 1].all():
        raise _for_all(
            FloatingPointError(
                f"{kind}: the values of {_ranks(np.flatnonzero(facts[:, 1] == 0))} of {len(facts)} are not finite; "
                "nothing was averaged"
            )
        )
    total = facts[:, 0].sum()
    if total == 0.0:
        raise _for_all(ValueError(f"{kind}: size is 0 on all ranks: there is nothing to average"))
    return float(weight / total)


def _exchange(comm: Any, row: list[Any], kind: str, timeout: float) -> np.ndarray:
    """Return the rows of all ranks, of 7 numbers or fewer."""
    mine = np.zeros(len(FACTS) + 1)
    mine[: len(row)] = row
    table = np.empty((comm.Get_size(), mine.size))
    if len(table) == 1:
        table[0] = mine
    else:
        _wait(comm, comm.Iallgather(mine, table), kind, timeout)
    return table[:, : len(row)]


def _checksum(X: np.ndarray, y: np.ndarray | None) -> int:
    found = zlib.crc32(repr([(a.shape, a.dtype.str) for a in (X, y) if a is not None]).encode())
    for a in (X, y):
        if a is not None and a.size:
            found = zlib.crc32(np.ascontiguousarray(a).data.cast("B"), found)
    return found


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:6], "little")  # exact as a float64


def _ranks(ranks: Any) -> str:
    numbers = ", ".join(str(int(r)) for r in ranks)
    return f"rank{'s' if len(ranks) > 1 else ''} {numbers}"


def _for_all(error: Any) -> Any:
    """Mark an error that every rank raises at the same place, so that none needs to hear of it."""
    error.on_every_rank = True
    return error


# ---- waiting ------------------------------------------------------------------------------------------------------


class _State:
    """What this process remembers of a communicator: how often it waited, and who else waits or has failed."""

    def __init__(self, comm: Any) -> None:
        self.waits = 0
        self.heard: dict[int, int] = {}
        self.sent: list[Any] = []
        if comm.Get_size() > 1:
            _end_all_on_error(comm)


_keyval: int | None = None


def _state(comm: Any) -> _State:
    global _keyval
    if _keyval is None:
        _keyval = _mpi().Comm.Create_keyval()
    state = comm.Get_attr(_keyval)
    if state is None:
        state = _State(comm)
        comm.Set_attr(_keyval, state)
    return state


def _wait(comm: Any, request: Any, kind: str, timeout: float) -> None:
    """Wait for a collective operation.

    Raises:
        RankError: if another rank says that it has failed.
        TimeoutError: if it takes longer; the error names the ranks that have not come.
    """
    state = _state(comm)
    state.waits += 1
    start, called = time.monotonic(), False
    pause = 0.0
    while not request.Test():
        waited = time.monotonic() - start
        if waited > 0.01:
            pause = 0.0005
            if (failure := _failure(comm)) is not None:
                raise RankError(f"{kind}: {failure}")
        if waited > min(ROLL_CALL, timeout / 2) and not called:
            called = True
            _say_waiting(comm, state)
        if waited > timeout:
            raise TimeoutError(_missing(comm, state, kind, timeout))
        time.sleep(pause)  # 0: another process on this processor may be the one that is waited for


def _say_waiting(comm: Any, state: _State) -> None:
    state.sent = [request for request in state.sent if not request.Test()]
    for other in range(comm.Get_size()):
        if other != comm.Get_rank():
            state.sent.append(comm.isend(state.waits, other, WAITS))


def _missing(comm: Any, state: _State, kind: str, timeout: float) -> str:
    mpi = _mpi()
    while comm.Iprobe(mpi.ANY_SOURCE, WAITS):
        status = mpi.Status()
        count = comm.recv(None, mpi.ANY_SOURCE, WAITS, status)
        state.heard[status.Get_source()] = max(count, state.heard.get(status.Get_source(), 0))
    others = [r for r in range(comm.Get_size()) if r != comm.Get_rank() and state.heard.get(r, 0) < state.waits]
    whom = _ranks(others) if others else "the others, which wait, too"
    return (
        f"{kind}: rank {comm.Get_rank()} of {comm.Get_size()} waited {timeout:g} s for {whom}; is the process stuck or "
        f"its machine gone, or did it leave the loop earlier? {_ORDER}. If a step takes longer, pass a larger timeout="
    )


def _say_failed(comm: Any, error: BaseException) -> None:
    """Tell all other ranks why this one does not come."""
    text = f"rank {comm.Get_rank()} of {comm.Get_size()} failed: {type(error).__name__}: {error}"
    state = _state(comm)
    for other in range(comm.Get_size()):
        if other != comm.Get_rank():
            state.sent.append(comm.isend(text, other, FAILED))


def _failure(comm: Any) -> str | None:
    mpi = _mpi()
    return comm.recv(None, mpi.ANY_SOURCE, FAILED) if comm.Iprobe(mpi.ANY_SOURCE, FAILED) else None


_others: list[Any] = []
"""The communicators whose ranks hear of it if the program of this one ends with an exception."""


def _end_all_on_error(comm: Any) -> None:
    """End all ranks if the program of this one ends with an exception; MPI alone would leave the others waiting."""
    _others.append(comm)
    if len(_others) > 1:
        return
    world = _mpi().COMM_WORLD

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        print(f"rank {world.Get_rank()} of {world.Get_size()}:\n{text}", end="", file=sys.stderr, flush=True)
        with suppress(Exception):  # a communicator may be freed
            if not isinstance(error, RankError) and not getattr(error, "on_every_rank", False):
                for other in _others:
                    _say_failed(other, error)
        end = time.monotonic() + GRACE
        while time.monotonic() < end:  # messages go out while MPI is called
            world.Iprobe(_mpi().ANY_SOURCE, FAILED)
            time.sleep(0.01)
        world.Abort(1)

    sys.excepthook = hook


def _mpi() -> Any:
    return import_module("mpi4py.MPI")


def _in_place() -> Any:
    return _mpi().IN_PLACE
