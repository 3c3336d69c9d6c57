"""One step on many parameters: an update rule applied to vectors, to all parameters or to none.

A rule that treats every number on its own does not need to know where one parameter ends and the next begins. Small
parameters are therefore laid one after the other into a vector x, their gradients into a vector dx, and the rule is
called once, with one state. On a large parameter the library's rules run as programs (`traced_rules`), others on
`BLOCK` numbers at a time, so that the results of their NumPy calls stay in the processor's cache. The bits are those
of one call per parameter.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from minigrad.optim import traced_rules
from minigrad.optim.rules import State
from minigrad.tensors import saved
from minigrad.tensors.thread_writes import own

BLOCK = 1 << 16
"""The most numbers of one parameter that an elementwise rule that is not traced is called with."""
TOGETHER = 1 << 14
"""The most numbers of several parameters: larger ones cost more to copy than their own calls of the rule cost."""

Rule = Callable[[np.ndarray, np.ndarray, State], tuple[Any, State]]
"""(x, dx, state) -> (new x, new state), as in `rules`: it does not write into the arrays that it is given."""
Row = tuple[int, Any, np.ndarray, np.ndarray]
"""A parameter that has a gradient: its group's number, the key of its state, its array x, its gradient's array dx."""


class Block(NamedTuple):
    """What a rule is called with at a time: parameters of a group as one vector."""

    group: int
    rows: list[int]
    """Which parameters."""
    xs: list[np.ndarray]
    """Vectors that are views of their arrays."""
    parts: list[slice]
    """Where each of them is in the block."""
    as_vector: bool = True
    """False for one parameter whose x, dx and state are not made vectors."""

    def read(self, dxs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return x and dx for the rule."""
        if len(self.rows) > 1:
            return np.concatenate(self.xs), np.concatenate([dxs[i] for i in self.rows], axis=None)
        dx = dxs[self.rows[0]]
        return self.xs[0], dx.reshape(-1) if self.as_vector else dx

    def checked(self, x: Any) -> Any:
        """Return a new x that can be written without an error on the way."""
        x = np.asarray(x, self.xs[0].dtype)
        if len(self.xs) == 1:
            return x.copy() if np.may_share_memory(x, self.xs[0]) else x
        if not all([view.flags.writeable for view in self.xs]):
            raise ValueError("output array is read-only")
        size = self.parts[-1].stop
        return x if x.shape == (size,) else np.broadcast_to(x, size)

    def write(self, x: np.ndarray) -> None:
        """Write x into the parameters."""
        if len(self.xs) == 1:
            self.xs[0][...] = x
            return
        for view, part in zip(self.xs, self.parts):
            view[...] = x[part]


class Flat:
    """Parameters in blocks, and a state for each block.

    Args:
        rows: the parameters.
        states: of the parameters that have one.
        elementwise: True if the rules treat each number on its own. Otherwise every parameter is a block.
        traced: True if the rules may be called with stand-ins (`traced_rules.trace`).
    """

    def __init__(self, rows: Sequence[Row], states: dict[Any, State], elementwise: bool, traced: bool = False) -> None:
        self.rows = [(i, p, x, dx.dtype) for i, p, x, dx in rows]  # without the gradients, which need not be kept
        blocks = [*_blocks(rows, states, elementwise and _are_apart([x for _, _, x, _ in rows]))]
        self.blocks = [block for block, _ in blocks]
        self.states = [state for _, state in blocks]
        self.owners = [*{id(o): o for o in [saved.memory_owner(x) for _, _, x, _ in rows]}.values()]
        self.traced = traced

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
        step, or those before it. Nothing is written until a rule's results are known. From then on only an interruption
        can raise, which is answered by writing all of them once more. So no copy of the old x is needed.

        Args:
            rows: the parameters, with new gradients.
            rules: one for each group.
        """
        dxs = [dx for _, _, _, dx in rows]
        saved.record_write(*self.owners, table=own.writes)
        apply = [_applied(rule, self.traced) for rule in rules]
        for k, block in enumerate(self.blocks):
            results = None
            try:
                results = write, state = apply[block.group](block, dxs, self.states[k])
                write()
                self.states[k] = state
            except BaseException:
                if results is not None:
                    results[0]()
                    self.states[k] = results[1]
                raise

    def parameter_states(self) -> dict[Any, State]:
        """Return the state of each parameter, with arrays of its shape."""
        states: dict[Any, State] = {p: {} for _, p, _, _ in self.rows}
        for block, state in zip(self.blocks, self.states):
            for i, part in zip(block.rows, block.parts):
                _, p, whole, _ = self.rows[i]
                for name, s in state.items():
                    is_vector = block.as_vector and isinstance(s, np.ndarray)
                    states[p][name] = s[part].reshape(whole.shape).copy() if is_vector else s
        return states


def _applied(rule: Rule, traced: bool) -> Callable[[Block, list[np.ndarray], State], tuple[Callable[[], None], State]]:
    """Return a function that applies a group's rule to the blocks of one step, as a program if the rule has one.

    It returns a function that writes the new x, and the new state. The function may be called twice.
    """
    programs: dict[Any, traced_rules.Program | None] = {}

    def program_of(state: State) -> traced_rules.Program | None:
        kind = traced_rules.kind_of(state)
        if kind not in programs:
            programs[kind] = traced_rules.trace(rule, kind)
        return programs[kind]

    def apply(block: Block, dxs: list[np.ndarray], state: State) -> tuple[Callable[[], None], State]:
        x, dx = block.read(dxs)
        found = None
        may_run = traced and block.as_vector and traced_rules.is_large(x)
        if may_run and (program := program_of(state)) is not None:
            if len(block.rows) == 1 and not np.may_share_memory(x, dx) and (writing := program.in_place(x, dx, state)):
                return writing
            found = program(x, dx, state)
        elif block.as_vector and x.size > BLOCK:
            found = _in_parts(rule, x, dx, state)
        new_x, new_state = found or rule(x, dx, dict(state))
        if len(block.rows) == 1:
            new_state = _apart_from(x, dx, new_state)
        return functools.partial(block.write, block.checked(new_x)), new_state

    return apply


def _in_parts(rule: Rule, x: np.ndarray, dx: np.ndarray, state: State) -> tuple[Any, State]:
    """Apply an elementwise rule to `BLOCK` numbers at a time."""
    results = []
    for start in range(0, x.size, BLOCK):
        part = slice(start, start + BLOCK)
        of_part = {name: s[part] if isinstance(s, np.ndarray) else s for name, s in state.items()}
        results.append(rule(x[part], dx[part], of_part))
    new_xs, new_states = zip(*results)
    return np.concatenate(new_xs), {
        name: np.concatenate([s[name] for s in new_states]) if isinstance(s, np.ndarray) else s
        for name, s in new_states[0].items()
    }


def _blocks(rows: Sequence[Row], states: dict[Any, State], elementwise: bool) -> Iterator[tuple[Block, State]]:
    """Yield blocks and their states; every parameter is in one of them."""
    filling: dict[Any, list[int]] = {}
    used: Counter[Any] = Counter()

    def together(indices: list[int]) -> tuple[Block, State]:
        group, first, _, _ = rows[indices[0]]
        state = {
            name: np.concatenate([states[rows[i][1]][name] for i in indices], axis=None)
            if isinstance(s, np.ndarray)
            else s
            for name, s in states.get(first, {}).items()
        }
        xs = [rows[i][2].reshape(-1) for i in indices]
        ends = [0, *accumulate([x.size for x in xs])]
        return Block(group, indices, xs, list(map(slice, ends, ends[1:]))), state

    for i, (group, p, x, dx) in enumerate(rows):
        state = states.get(p, {})
        kind = _kind(x, dx, state) if elementwise else None
        if kind is None:
            yield Block(group, [i], [x], [slice(None)], as_vector=False), state
            continue
        if x.size > TOGETHER:
            yield together([i])
            continue
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


def _apart_from(x: np.ndarray, dx: np.ndarray, state: State) -> State:
    """The state with copies of what shares memory with x and dx, which are their owners' to write to."""
    return {
        name: s.copy() if isinstance(s, np.ndarray) and (np.may_share_memory(s, x) or np.may_share_memory(s, dx)) else s
        for name, s in state.items()
    }
