"""Parameters that take the same step are moved together: in pieces that stay in the cache, and on two cores."""

from __future__ import annotations

import contextvars
import functools
import itertools
import operator
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from minigrad.optim.replay import Record
from minigrad.optim.rules import State

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

PIECE = 1 << 18
"""How many numbers are moved at a time: they stay in the cache, with their state and intermediate results."""
WORTH_A_THREAD = 5 << 13
"""How many numbers a call has to take, on average, for a second thread to save more than waiting for Python costs."""


class Batch:
    """Parameters that are alike in their dtypes and in what their states hold: its arrays lie in one vector a name.

    Args:
        xs: the parameters' arrays, C-contiguous.
        states: of each; all hold the same numbers, and arrays of the same names and dtypes.
    """

    def __init__(self, xs: Sequence[np.ndarray], states: Sequence[State]) -> None:
        self.xs, self.states = xs, states
        self.ends = list(itertools.accumulate(x.size for x in xs))
        self.shapes = [x.shape for x in xs]
        self.vectors: dict[str, np.ndarray] = {}
        self.views: dict[str, list[np.ndarray]] = {}
        self.after: State = {}
        for name, s in states[0].items():
            if isinstance(s, np.ndarray):
                self.vectors[name] = np.concatenate([state[name].reshape(-1) for state in states])
        self._show(dict(states[0]))
        self._stretches: dict[int, list[Stretch]] = {}

    def fits(self, xs: Sequence[np.ndarray], dxs: Sequence[np.ndarray], states: Sequence[State]) -> bool:
        """Whether arrays and states are those that the last step has left."""
        if not (all(map(operator.is_, xs, self.xs)) and all(map(operator.is_, states, self.states))):
            return False
        try:
            now = {name: map(operator.itemgetter(name), states) for name in self.after}
            return (
                {*map(len, states)} == {len(self.after)}
                and all(all(map(operator.is_, now[name], views)) for name, views in self.views.items())
                and all({*now[name]} == {number} for name, number in self.after.items() if name not in self.views)
                and [dx.shape for dx in dxs] == self.shapes
            )
        except (KeyError, TypeError):  # something is gone, or an array in a number's place
            return False

    def step(self, work: Record, dxs: Sequence[np.ndarray]) -> None:
        """Write the new x over each x, and the new state into each state.

        Args:
            work: what the rule did with the first parameter.
            dxs: the gradients.
        """
        for name in work.names:
            if name not in self.vectors:
                self.vectors[name] = np.empty(self.ends[-1], work.after[name])
        self._run(work, [dx if dx.ndim == 1 else dx.reshape(-1) for dx in dxs])
        arrays = {name for name, s in work.after.items() if isinstance(s, np.dtype)}
        if work.after.keys() != self.after.keys():
            self._show(work.after)
        self.after = work.after
        for name in work.after.keys() - arrays:
            for state in self.states:
                state[name] = work.after[name]

    def _show(self, after: State) -> None:
        """Make the states anew: what is in after, with views of the vectors for its arrays."""
        arrays = [name for name, s in after.items() if isinstance(s, np.dtype | np.ndarray)]
        self.vectors = {name: self.vectors[name] for name in arrays}
        places = [(slice(start, end), shape) for start, end, shape in zip([0, *self.ends], self.ends, self.shapes)]
        self.views = {
            name: [vector[place].reshape(shape) for place, shape in places] for name, vector in self.vectors.items()
        }
        for i, state in enumerate(self.states):
            state.clear()
            state.update({name: self.views[name][i] if name in self.views else s for name, s in after.items()})
        self.after = after

    def _run(self, work: Record, dxs: list[np.ndarray]) -> None:
        """Make the calls, on two cores if that pays."""
        total, all_calls = self.ends[-1], work.program.calls
        made = sum(len(dxs) if call.apart else 2 for call in all_calls)
        threads = 2 if CORES > 1 and total * len(all_calls) >= WORTH_A_THREAD * made else 1
        length = min(PIECE, total // threads + 1)
        stretches = self._stretches[length] = self._stretches.get(length) or self._cut(length)

        def run(stretches: list[Stretch]) -> None:
            buffers = _buffers(work.program.buffers)
            for place, parts, xs, pieces in stretches:
                size = place.stop - place.start
                work.program.run(
                    xs,
                    [dxs[i] if part is None else dxs[i][part] for i, part in parts],
                    pieces,
                    [self.vectors[name][place] for name in work.names],
                    [b[:size] for b in buffers],
                    work.constants,
                )

        if threads == 1:
            return run(stretches)
        half = len(stretches) // 2
        other = _thread(os.getpid()).submit(contextvars.copy_context().run, run, stretches[half:])  # with np.errstate
        try:
            run(stretches[:half])
        finally:
            other.exception()  # waits, also if this half was interrupted
        other.result()

    def _cut(self, length: int) -> list[Stretch]:
        """All that is moved, in stretches of this length."""
        stretches = []
        for begin in range(0, self.ends[-1], length):
            place = slice(begin, min(begin + length, self.ends[-1]))
            parts, xs, sizes = [], [], [0]
            for i, (x, start, end) in enumerate(zip(self.xs, [0, *self.ends], self.ends)):
                part = slice(max(begin - start, 0), min(place.stop, end) - start)
                if part.start < part.stop:
                    parts.append((i, part if part.stop - part.start < x.size else None))
                    xs.append(x.reshape(-1)[part])
                    sizes.append(sizes[-1] + xs[-1].size)
            stretches.append(Stretch(place, parts, xs, list(map(slice, sizes, sizes[1:]))))
        return stretches


class Stretch(NamedTuple):
    """Numbers that are moved at a time.

    place: where they are in the vectors. parts: of which parameters they are which part, or None for all of it.
    xs: these parts. pieces: where they are in the stretch.
    """

    place: slice
    parts: list[tuple[int, slice | None]]
    xs: list[np.ndarray]
    pieces: list[slice]


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _thread(process: int) -> ThreadPoolExecutor:
    """The second thread of this process; a fork has none of its parent's."""
    from concurrent.futures import ThreadPoolExecutor  # which takes a while to import

    return ThreadPoolExecutor(1, "minigrad.optim")


_kept = threading.local()


def _buffers(dtypes: list[np.dtype]) -> list[np.ndarray]:
    """Room for intermediate results, of PIECE numbers each; the same whenever the same thread asks."""
    kept: dict[tuple[int, np.dtype], np.ndarray] = _kept.__dict__.setdefault("buffers", {})
    for key in enumerate(dtypes):
        if key not in kept or kept[key].size < PIECE:
            kept[key] = np.empty(PIECE, key[1])
    return [kept[key] for key in enumerate(dtypes)]
