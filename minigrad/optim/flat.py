"""One step on many parameters: an update rule applied to vectors, to all parameters or to none.

A rule that treats every number on its own does not need to know where one parameter ends and the next begins. Small
parameters are therefore laid one after the other into a vector x, their gradients into a vector dx, and the rule is
called once, with one state. A large parameter is updated `BLOCK` numbers at a time, so that the results of the rule's
NumPy calls stay in the processor's cache. The bits are those of one call per parameter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from minigrad.optim.rules import State
from minigrad.tensors import saved
from minigrad.tensors.thread_writes import own

BLOCK = 1 << 16
"""The most numbers of one parameter that an elementwise rule is called with."""
TOGETHER = 1 << 14
"""The most numbers of several parameters: larger ones cost more to copy than their own calls of the rule cost."""

Rule = Callable[[np.ndarray, np.ndarray, State], tuple[Any, State]]
"""(x, dx, state) -> (new x, new state), as in `rules`: it does not write into the arrays that it is given."""
Row = tuple[int, Any, np.ndarray, np.ndarray]
"""A parameter that has a gradient: its group's number, the key of its state, its array x, its gradient's array dx."""


class Block(NamedTuple):
    """What a rule is called with at a time: parameters of a group as one vector, or a part of a large one."""

    group: int
    rows: list[int]
    """Which parameters."""
    xs: list[np.ndarray]
    """Vectors that are views of their arrays, or of the part."""
    part: slice | None = slice(None)
    """Which numbers of each parameter. None for one parameter whose x, dx and state are not made vectors."""

    def read(self, dxs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return x and dx for the rule. x is a copy: the old values, if they are needed again."""
        if len(self.rows) > 1:
            return np.concatenate(self.xs), np.concatenate([dxs[i] for i in self.rows], axis=None)
        dx = dxs[self.rows[0]]
        return self.xs[0].copy(), dx if self.part is None else dx.reshape(-1)[self.part]

    def write(self, x: Any) -> None:
        """Write x into the parameters."""
        if len(self.xs) == 1:
            self.xs[0][...] = x
            return
        start = 0
        for view in self.xs:
            view[...] = x[start : start + view.size]
            start += view.size


class Flat:
    """Parameters in blocks, and a state for each block.

    Args:
        rows: the parameters.
        states: of the parameters that have one.
        elementwise: True if the rules treat each number on its own. Otherwise every parameter is a block.
    """

    def __init__(self, rows: Sequence[Row], states: dict[Any, State], elementwise: bool) -> None:
        self.rows = [(i, p, x, dx.dtype) for i, p, x, dx in rows]  # without the gradients, which need not be kept
        self.units: list[list[Block]] = []
        """Blocks that are updated all or none: the parts of a large parameter, or one block of whole parameters."""
        self.states: list[list[State]] = []
        for unit in _units(rows, states, elementwise and _are_apart([x for _, _, x, _ in rows])):
            self.units.append([block for block, _ in unit])
            self.states.append([state for _, state in unit])

    def fits(self, rows: Sequence[Row]) -> bool:
        """Whether these are the same parameters with the same arrays, and with gradients of the same kind."""
        return len(rows) == len(self.rows) and all(
            [
                x is old_x and p is old_p and i == old_i and dx.shape == x.shape and dx.dtype == dtype
                for (i, p, x, dx), (old_i, old_p, old_x, dtype) in zip(rows, self.rows)
            ]
        )

    def step(self, rows: Sequence[Row], rules: Sequence[Rule]) -> None:
        """Apply each group's rule.

        If anything raises on the way, even KeyboardInterrupt, every parameter and its state are either those after the
        step, or those before it.

        Args:
            rows: the parameters, with new gradients.
            rules: one for each group.
        """
        dxs = [dx for _, _, _, dx in rows]
        saved.record_write(*[x for _, _, x, _ in rows], table=own.writes)
        for k, (blocks, before) in enumerate(zip(self.units, self.states)):
            written, after = [], []
            try:
                for block, state in zip(blocks, before):
                    x, dx = block.read(dxs)
                    new_x, new_state = rules[block.group](x, dx, dict(state))
                    written.append(x)
                    block.write(new_x)
                    after.append(new_state if len(block.rows) > 1 else _apart_from(dx, new_state))
                self.states[k] = after
            except BaseException:
                for block, x in zip(blocks, written):
                    block.write(x)
                self.states[k] = before
                raise

    def parameter_states(self) -> dict[Any, State]:
        """Return the state of each parameter, with arrays of its shape."""
        states: dict[Any, State] = {p: {} for _, p, _, _ in self.rows}
        for block, state in zip(chain(*self.units), chain(*self.states)):
            start = 0
            for i, view in zip(block.rows, block.xs):
                _, p, whole, _ = self.rows[i]
                own = states[p]
                for name, s in state.items():
                    if block.part is None or not isinstance(s, np.ndarray):
                        own[name] = s
                        continue
                    if name not in own:
                        own[name] = np.empty(whole.shape, s.dtype)
                    own[name].reshape(-1)[block.part] = s[start : start + view.size]
                start += view.size
        return states


def _units(rows: Sequence[Row], states: dict[Any, State], elementwise: bool) -> Iterator[list[tuple[Block, State]]]:
    """Yield units of blocks and their states; every number of every parameter is in one of them."""
    filling: dict[Any, list[int]] = {}
    used: Counter[Any] = Counter()

    def together(indices: list[int]) -> list[tuple[Block, State]]:
        group, first, _, _ = rows[indices[0]]
        state = {
            name: np.concatenate([states[rows[i][1]][name] for i in indices], axis=None)
            if isinstance(s, np.ndarray)
            else s
            for name, s in states.get(first, {}).items()
        }
        return [(Block(group, indices, [rows[i][2].reshape(-1) for i in indices]), state)]

    for i, (group, p, x, dx) in enumerate(rows):
        state = states.get(p, {})
        kind = _kind(x, dx, state) if elementwise else None
        if kind is None:
            yield [(Block(group, [i], [x], part=None), state)]
        elif x.size > BLOCK:
            unit = []
            for start in range(0, x.size, BLOCK):
                part = slice(start, start + BLOCK)
                cut = {name: s.reshape(-1)[part] if isinstance(s, np.ndarray) else s for name, s in state.items()}
                unit.append((Block(group, [i], [x.reshape(-1)[part]], part), cut))
            yield unit
        else:
            kind = (group, *kind)
            if used[kind] and used[kind] + x.size > TOGETHER:
                yield together(filling.pop(kind))
                used[kind] = 0
            filling.setdefault(kind, []).append(i)
            used[kind] += x.size
    yield from map(together, filling.values())


def _kind(x: np.ndarray, dx: np.ndarray, state: State) -> tuple[Any, ...] | None:
    """What parameters must have in common to be in one block: dtypes, and the numbers in their states, such as t.

    None for a parameter that cannot be made a vector by a view, or whose state has other things.
    """
    if dx.shape != x.shape or not x.flags.c_contiguous:
        return None
    kind: list[Any] = [x.dtype, dx.dtype]
    for name, s in state.items():
        if isinstance(s, np.ndarray) and s.shape == x.shape:
            kind += (name, s.dtype)
        elif type(s) in (int, float):
            kind += (name, s)
        else:
            return None
    return tuple(kind)


def _are_apart(arrays: list[np.ndarray]) -> bool:
    """Whether the arrays share no memory. If they do, a parameter must see what those before it have left there."""
    owners = [saved.memory_owner(x) for x in arrays]
    if len({*map(id, owners)}) == len(owners) and all(owner.base is None for owner in owners):
        return True
    bounds = sorted(map(np.lib.array_utils.byte_bounds, arrays))
    return all(end <= start for (_, end), (start, _) in zip(bounds, bounds[1:]))


def _apart_from(dx: np.ndarray, state: State) -> State:
    """The state with copies of what shares memory with the gradient, which is its owner's to write to."""
    return {
        name: s.copy() if isinstance(s, np.ndarray) and np.may_share_memory(s, dx) else s for name, s in state.items()
    }
