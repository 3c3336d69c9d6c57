"""Who wrote to what a node has saved: in-place writes to memory that a pending backward pass still needs.

Every array that a node saves was saved at `node.index`. Every write that goes through a Tensor is recorded here with
its tick, for the array that owns the memory, so that it counts for all views of that memory. A write younger than
the node has overwritten what the node has saved. Writes by NumPy itself cannot be observed, but only memory that was
exposed (`t.numpy()`, `np.asarray(t)`) can be written to in this way: from then on its checksum is compared.

An array that belongs to the user from the start (`from_numpy`, the operand of `array * t`, a batch given to `Network`)
is copied when a node saves it, or its checksum is taken, if it is large.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.engine import tick
from minigrad.tensors.thread_writes import own

writes: dict[int, tuple[int, Any]] = {}
"""id of the memory's owner -> (tick of the last write, a weak reference that removes the entry)."""
exposed: dict[int, tuple[int, int, Any]] = {}
"""id of the memory's owner -> (tick when it was exposed, its checksum then, a weak reference)."""
last_event = -1
"""The tick of the last write or exposure: what was saved later needs no comparison."""

COPIED = 1 << 18
"""The largest array of the user, in bytes, that is copied when it is saved."""

_WEIGHTS = np.random.default_rng(0).integers(0, 1 << 64, 256, dtype=np.uint64) | 1
"""Odd weights of the words in a sum modulo 2**64: a change of one word, or of their order, changes the sum."""

_comparisons: dict[int, bool] = {}
"""id of the memory's owner -> whether its checksum has changed, as found in the current backward pass."""


def memory_owner(a: np.ndarray) -> np.ndarray:
    """Return the array at the end of the chain of views, which owns the memory of `a`."""
    while a.base is not None:
        base = a.base if isinstance(a.base, np.ndarray) else getattr(a.base, "base", None)  # as_strided's, in between
        if not isinstance(base, np.ndarray):
            break
        a = base
    return a


def clear_comparisons() -> None:
    """Start of a backward pass: clear the cached checksum comparisons."""
    _comparisons.clear()


def record_write(*arrays: np.ndarray, table: dict[int, Any] = writes) -> None:
    """Record that these arrays have just been written to; `table` is `own.writes` for a step of an optimizer."""
    global last_event
    time = tick()
    last_event = max(last_event, time)
    for a in arrays:
        owner = memory_owner(a)
        if before := table.get(id(owner)):
            table[id(owner)] = (time, before[1])
        else:
            _record(table, owner, time)


def _record(table: dict[int, Any], owner: np.ndarray, *entry: Any) -> None:
    global last_event
    last_event = max(last_event, entry[0])
    key = id(owner)  # valid for as long as the array lives, hence the weak reference
    table[key] = (*entry, weakref.ref(owner, lambda _: table.pop(key, None)))


def expose(a: np.ndarray) -> np.ndarray:
    """Return a view of `a` for the user, to which NumPy may write; from now on the memory's checksum is compared."""
    owner = memory_owner(a)
    if id(owner) not in exposed:
        _record(exposed, owner, tick(), _checksum(owner))
    return a.view()


@contextmanager
def trusted(arrays: Iterable[np.ndarray]) -> Iterator[None]:
    """Context manager: these owners count as not exposed; the caller checks their content itself."""
    held = {id(a): exposed.pop(id(a)) for a in arrays if id(a) in exposed}
    try:
        yield
    finally:
        exposed.update(held)


def _checksum(a: np.ndarray) -> int:
    """Return the CRC of an array; of a large one that of weighted sums over 2 KiB, in a third of the time."""
    if not a.size:
        return 0
    data = np.ascontiguousarray(a).reshape(-1).view(np.uint8)
    whole = len(data) // 2048 * 2048 if len(data) > 1 << 14 else 0
    sums = data[:whole].view(np.uint64).reshape(-1, 256) @ _WEIGHTS
    return zlib.crc32(data[whole:].data, zlib.crc32(sums.data) if whole else 0)


def saved_arrays(values: tuple[Any, ...]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the arrays among a node's saved values, each with its position; a tuple of arrays has one position."""
    for i, value in enumerate(values):
        if isinstance(value, np.ndarray):
            yield i, value
        elif isinstance(value, tuple):
            yield from ((i, part) for part in value if isinstance(part, np.ndarray))


def protect(values: tuple[Any, ...], users: set[int]) -> tuple[tuple[Any, ...], tuple[int | None, ...] | None]:
    """Return the values to save instead of `values`, and their checksums: the user's own arrays must not change.

    Args:
        values: the values to save.
        users: the ids of the arrays that belong to the user.
    """

    def copied(value: Any) -> Any:
        return value.copy() if id(value) in users and value.nbytes <= COPIED else value

    values = tuple([tuple(map(copied, v)) if v.__class__ is tuple else copied(v) for v in values])
    if not exposed and users.isdisjoint(map(id, values)) and tuple not in map(type, values):
        return values, None  # the commonest case
    return values, checksums(values, users)


def checksums(values: tuple[Any, ...], users: Container[int] = ()) -> tuple[int | None, ...] | None:
    """Return the checksums of saved arrays that are exposed, or the user's own by their ids; None if there are none."""
    sums = [_checksum(a) if id(a) in users or id(memory_owner(a)) in exposed else None for _, a in saved_arrays(values)]
    return tuple(sums) if any(s is not None for s in sums) else None


def find_overwritten(values: tuple[Any, ...], since: int, sums: tuple[int | None, ...] | None) -> int | None:
    """Return the position of a value, saved at tick `since`, that was written to since; None if there is none.

    Args:
        values: a node's saved values.
        since: the tick at which they were saved.
        sums: their `checksums` at that tick.
    """
    for n, (i, a) in enumerate(saved_arrays(values)):
        owner = memory_owner(a)
        if max(writes.get(id(owner), (-1,))[0], own.writes.get(id(owner), (-1,))[0]) > since:
            return i
        if sums is not None and sums[n] is not None:
            if _checksum(a) != sums[n]:
                return i
        elif id(owner) in exposed:
            time, checksum, _ = exposed[id(owner)]
            if time > since:
                if id(owner) not in _comparisons:
                    _comparisons[id(owner)] = _checksum(owner) != checksum
                if _comparisons[id(owner)]:
                    return i
    return None
