"""Who wrote to memory that a backward pass still needs.

Every array that a node keeps was saved at the node's creation time, `node.index`. Every write that goes through a
Tensor is noted here with its time, under the array that owns the memory, so that all views of it are meant too; a
write younger than the node has spoilt what the node keeps. Writes by NumPy itself cannot be seen, but only memory
that was handed out (`t.numpy()`, `np.asarray(t)`) can be written so: from then on its content is fingerprinted.

What is not noticed: writes to memory that was the user's own from the start (`from_numpy`, an operand `x * t`), also
through another tensor that was made of the same buffer.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.engine import now

written: dict[int, tuple[int, Any]] = {}
"""id of the owner -> (time of the last write, a weak reference that clears the entry)."""
shown: dict[int, tuple[int, int, Any]] = {}
"""id of the owner -> (time of the first handing-out, fingerprint then, weak reference)."""


_looks: dict[int, bool] = {}
"""id of the owner -> whether it was found changed, in the backward pass that is going on."""
latest = -1
"""The time of the last write or first handing-out: what was saved later need not be looked at."""


def owner(a: np.ndarray) -> np.ndarray:
    """The array at the end of the chain of views, whose memory `a` shows."""
    while a.base is not None:
        base = a.base if isinstance(a.base, np.ndarray) else getattr(a.base, "base", None)  # as_strided's is in between
        if not isinstance(base, np.ndarray):
            break
        a = base
    return a


def forget_looks() -> None:
    """A backward pass begins: what is handed out is to be looked at again."""
    _looks.clear()


def wrote(*arrays: np.ndarray) -> None:
    """Note that these have just been written to."""
    global latest
    time = now()
    latest = max(latest, time)
    for a in arrays:
        whose = owner(a)
        if before := written.get(id(whose)):
            written[id(whose)] = (time, before[1])
        else:
            _note(written, whose, time)


def _note(book: dict[int, Any], whose: np.ndarray, *entry: Any) -> None:
    global latest
    latest = max(latest, entry[0])
    key = id(whose)  # valid for as long as the array lives, hence the weak reference
    book[key] = (*entry, weakref.ref(whose, lambda _: book.pop(key, None)))


def show(a: np.ndarray) -> np.ndarray:
    """A view of `a` to hand out, where NumPy may write to it; from now on its memory is watched."""
    whose = owner(a)
    if id(whose) not in shown:
        _note(shown, whose, now(), _fingerprint(whose))
    return a.view()


@contextmanager
def trusting(arrays: Iterable[np.ndarray]) -> Iterator[None]:
    """In here, these owners count as not handed out: the caller looks after their content himself."""
    held = {id(a): shown.pop(id(a)) for a in arrays if id(a) in shown}
    try:
        yield
    finally:
        shown.update(held)


def _fingerprint(a: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(a).view(np.uint8).data) if a.size else 0


def arrays(kept: tuple[Any, ...]) -> Iterator[tuple[int, np.ndarray]]:
    """The arrays among what a node keeps, each with its place; at one place there may be several, in a tuple."""
    for i, k in enumerate(kept):
        if isinstance(k, np.ndarray):
            yield i, k
        elif isinstance(k, tuple):
            yield from ((i, part) for part in k if isinstance(part, np.ndarray))


def fingerprints(kept: tuple[Any, ...]) -> tuple[int | None, ...] | None:
    """What to remember of the arrays that a node keeps: nothing, unless their memory has been handed out."""
    prints = tuple([_fingerprint(k) if id(owner(k)) in shown else None for _, k in arrays(kept)])
    return prints if any(p is not None for p in prints) else None


def changed(kept: tuple[Any, ...], since: int, prints: tuple[int | None, ...] | None) -> int | None:
    """Which of the arrays kept at the time `since` has been written to, as an index into `kept`."""
    for n, (i, k) in enumerate(arrays(kept)):
        whose = owner(k)
        if id(whose) in written and written[id(whose)][0] > since:
            return i
        if id(whose) in shown:
            time, fingerprint, _ = shown[id(whose)]
            if prints is not None and prints[n] is not None:
                if _fingerprint(k) != prints[n]:
                    return i
            elif time > since:
                if id(whose) not in _looks:
                    _looks[id(whose)] = _fingerprint(whose) != fingerprint
                if _looks[id(whose)]:
                    return i
    return None
