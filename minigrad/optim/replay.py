"""A rule's own lines at the speed of fused ones: its NumPy calls are noted, and then made piece by piece.

On whole arrays `x + -learning_rate * dx` goes through memory once for every operator, to and from new arrays. Here
the rule is run on stand-ins (`Symbol`), which note the calls that it makes (`recorded`). The calls are then made on
pieces that stay in the cache, for many parameters at once, with the results in a few buffers that are used again and
again. They are the same calls on the same numbers, so the bits are the same.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from minigrad.optim.rules import State

Primitive = Callable[[Any, Any, State], tuple[Any, State]]
X, DX = 0, 1  # the first two symbols, and the first two registers


Noted = tuple[Callable[..., Any], tuple[int, ...], int]
"""A call: the function, the numbers of its inputs, that of its result; what is below 0 is a constant."""


class Call(NamedTuple):
    """function(*inputs, result), where these are numbers of registers; what is below 0 is a constant.

    apart: whether it reads or writes x or dx, and is therefore called for one parameter after the other.
    """

    function: Callable[..., Any]
    inputs: tuple[int, ...]
    result: int
    apart: bool


class Notes:
    """What a rule did: its calls, the dtypes of the symbols, and the numbers among the inputs."""

    def __init__(self) -> None:
        self.calls: list[Noted] = []
        self.dtypes: list[np.dtype] = []
        self.constants: list[Any] = []

    def symbol(self, dtype: np.dtype) -> Symbol:
        """A new one."""
        self.dtypes.append(dtype)
        return Symbol(self, len(self.dtypes) - 1, dtype)

    def call(self, function: Callable[..., Any], *inputs: Any) -> Symbol:
        """Note a call: its result."""
        dtype, cast = _dtypes(function, *[i.dtype if i.__class__ is Symbol else i.__class__ for i in inputs])
        if cast and function is np.multiply:
            for number, other in (inputs, inputs[::-1]):
                if number.__class__ is not Symbol and number == 1:
                    return other  # no need to go through memory for that
        numbers = [i.number if i.__class__ is Symbol else self._constant(i, cast) for i in inputs]
        result = self.symbol(dtype)
        self.calls.append((_SLOW.get(function, function), (*numbers,), result.number))
        return result

    def _constant(self, number: Any, cast: np.dtype | None) -> int:
        if cast:
            number = np.asarray(number, cast)  # NumPy would do it in every call
        elif not isinstance(number, Real):
            raise TypeError(f"beside arrays a rule may have numbers, not {type(number).__name__}")
        self.constants.append(number)
        return -len(self.constants)


@functools.cache
def _dtypes(function: Callable[..., Any], *kinds: Any) -> tuple[np.dtype, np.dtype | None]:
    """For inputs of these dtypes, or numbers of these types: the dtype of the result, and that of plain numbers."""
    result = function(*(np.empty(0, kind) if isinstance(kind, np.dtype) else kind(1) for kind in kinds))
    (dtype, *more) = {kind for kind in kinds if isinstance(kind, np.dtype)}
    numbers = {kind for kind in kinds if not isinstance(kind, np.dtype)}
    plain = dtype.kind == "f" and not more and numbers <= {int, float} and function not in _SLOW
    return result.dtype, dtype if plain else None


def _operator(ufunc: np.ufunc, swapped: bool = False) -> Any:
    if swapped:
        return lambda self, other: self.notes.call(ufunc, other, self)
    return lambda self, *others: self.notes.call(ufunc, self, *others)


class Symbol:
    """Stands for an array while a rule runs, and has noted what is done with it."""

    def __init__(self, notes: Notes, number: int, dtype: np.dtype) -> None:
        self.notes, self.number, self.dtype = notes, number, dtype

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        if method != "__call__" or settings or ufunc.signature or ufunc.nout > 1:
            return NotImplemented
        return self.notes.call(ufunc, *inputs)

    def __array_function__(self, function: Any, types: Any, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        if settings or function not in _SLOW:
            return NotImplemented
        return self.notes.call(function, *inputs)

    def __pow__(self, exponent: Any) -> Symbol:
        if type(exponent) in (int, float) and exponent in _POWERS:
            return self.notes.call(_POWERS[exponent], self)
        return self.notes.call(np.power, self, exponent)

    def __bool__(self) -> bool:
        raise TypeError("what a rule does may not depend on the numbers in its arrays")

    __add__, __radd__ = _operator(np.add), _operator(np.add, swapped=True)
    __sub__, __rsub__ = _operator(np.subtract), _operator(np.subtract, swapped=True)
    __mul__, __rmul__ = _operator(np.multiply), _operator(np.multiply, swapped=True)
    __truediv__, __rtruediv__ = _operator(np.divide), _operator(np.divide, swapped=True)
    __neg__, __pos__, __abs__ = _operator(np.negative), _operator(np.positive), _operator(np.absolute)
    __gt__, __ge__, __lt__, __le__ = map(_operator, (np.greater, np.greater_equal, np.less, np.less_equal))
    __eq__, __ne__, __hash__ = _operator(np.equal), _operator(np.not_equal), object.__hash__


_POWERS: dict[float, np.ufunc] = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
"""What NumPy's ** calls, for arrays of floats."""


def _slow(function: Callable[..., Any]) -> Callable[..., None]:
    def write(*inputs: Any) -> None:
        inputs[-1][...] = function(*inputs[:-1])

    return write


_copy = _slow(np.asarray)
_SLOW: dict[Any, Callable[..., Any]] = {f: _slow(f) for f in (np.where, np.clip, np.full_like)}
_SLOW |= {f: lambda a, b, out, f=f: f(a, b, out=out) for f in (np.maximum, np.minimum)}
"""Elementwise functions that do not take as last input where to write the result, as other ufuncs do."""


class Program(NamedTuple):
    """The calls of a rule, on registers: x, dx, the arrays of the state, buffers."""

    calls: list[Call]
    buffers: list[np.dtype]

    def run(
        self,
        xs: list[np.ndarray],
        dxs: list[np.ndarray],
        pieces: list[slice],
        state: Iterable[np.ndarray],
        buffers: Iterable[np.ndarray],
        constants: list[Any],
    ) -> None:
        """Make the calls on a stretch: xs and dxs are pieces of it, the arrays of state and buffers have it whole."""
        registers: list[Any] = [xs, dxs, *state, *buffers, *reversed(constants)]  # so constant k is at -1 - k

        def column(i: int) -> Iterable[Any]:
            if 0 <= i <= DX:
                return registers[i]
            return itertools.repeat(registers[i]) if i < 0 else map(registers[i].__getitem__, pieces)

        for function, inputs, result, apart in self.calls:
            if apart:
                for _ in map(function, *map(column, inputs), column(result)):
                    pass
            else:
                function(*[registers[i] for i in inputs], registers[result])


class Record(NamedTuple):
    """A rule at work: what to do, with which numbers, and the new state.

    names are those of the arrays of the state, before and after; after has the numbers in it, and the dtypes of arrays.
    """

    program: Program
    constants: list[Any]
    names: list[str]
    after: State


def recorded(rule: Primitive, x: np.ndarray, dx: np.ndarray, state: State) -> Record | None:
    """Run the rule on stand-ins for x, dx and the arrays in the state; None if it wants real arrays."""
    try:
        return _record(rule, x, dx, state)
    except Exception:  # if it is a mistake in the rule, it will be seen again with arrays
        return None


def _record(rule: Primitive, x: np.ndarray, dx: np.ndarray, state: State) -> Record:
    notes = Notes()
    old_x, old_dx = notes.symbol(x.dtype), notes.symbol(dx.dtype)
    old = {name: notes.symbol(s.dtype) if isinstance(s, np.ndarray) else s for name, s in state.items()}
    new_x, new = rule(old_x, old_dx, dict(old))
    names = [name for name, s in (old | new).items() if isinstance(s, Symbol)]
    if not all(isinstance(s, Symbol | Real) for s in new.values()):
        raise TypeError("the rule has arrays of its own, or other things")
    places = {old[name].number: DX + 1 + i for i, name in enumerate(names) if name in old}
    goals, taken = {}, {X, DX, *places}
    for i, symbol in [(X, new_x), *((DX + 1 + i, new[name]) for i, name in enumerate(names) if name in new)]:
        before: Any = old_x if i == X else old.get(names[i - DX - 1], symbol)
        if before.dtype != symbol.dtype:
            raise TypeError(f"the rule changes the dtype of {'x' if i == X else names[i - DX - 1]}")
        if places.get(symbol.number) != i:
            if symbol.number in taken:  # what was given, or goes elsewhere as well
                symbol = +symbol
            taken.add(symbol.number)
            goals[symbol.number] = i
    program = arrange(
        tuple(notes.calls), tuple(notes.dtypes), tuple(places.items()), tuple(goals.items()), DX + 1 + len(names)
    )
    after = {name: s.dtype if isinstance(s, Symbol) else s for name, s in new.items()}
    return Record(program, notes.constants, names, after)


@functools.lru_cache(maxsize=64)
def arrange(
    noted: tuple[Noted, ...],
    dtypes: tuple[np.dtype, ...],
    places: tuple[tuple[int, int], ...],
    goals: tuple[tuple[int, int], ...],
    first_buffer: int,
) -> Program:
    """Give every symbol a register: a result goes to its goal, if what is there is not read again, else to a buffer.

    What comes in between may stand in an array of the state, too, after its old value was read and before the new one
    is there: it is in the cache already.

    Args:
        noted: the calls.
        dtypes: of the symbols.
        places: symbols of the state, and their registers.
        goals: results, and the registers where they belong.
        first_buffer: the number of the other registers.
    """
    register = {X: X, DX: DX, **dict(places)}
    goal = dict(goals)
    last = {i: k for k, (_, inputs, _) in enumerate(noted) for i in inputs}  # the call that reads it last
    needed = defaultdict(lambda: -1, {register[i]: k for i, k in last.items() if i in register})
    needed[X] = max(needed[X], needed[DX])  # they may be the same memory
    calls, copies = [], []
    buffers: list[np.dtype] = []
    free: dict[np.dtype, list[int]] = defaultdict(list)
    written = {goal[result]: (k, dtypes[result]) for k, (_, _, result) in enumerate(noted) if result in goal}
    lent: dict[int, int] = defaultdict(lambda: -1)  # the call until which a register of the state has such a guest
    for k, (function, inputs, result) in enumerate(noted):
        for i in set(inputs):
            if i >= 0 and last[i] == k and register[i] >= first_buffer and i not in goal:
                free[dtypes[i]].append(register[i])  # for the result, too: it is elementwise
        target = goal.get(result)
        if target is None and not free[dtypes[result]]:
            end = last.get(result, k)
            target = next(
                (
                    i
                    for i, (then, dtype) in written.items()
                    if i > DX and dtype == dtypes[result] and needed[i] <= k < then and end <= then and lent[i] <= k
                ),
                None,
            )
            if target is not None:
                lent[target] = end
        if target is None or needed[target] > k:
            if not free[dtypes[result]]:
                free[dtypes[result]].append(first_buffer + len(buffers))
                buffers.append(dtypes[result])
            buffer = free[dtypes[result]].pop()
            if target is not None:
                copies.append(Call(_copy, (buffer,), target, apart=target == X))
            target = buffer
        sources = tuple(i if i < 0 else register[i] for i in inputs)
        calls.append(Call(function, sources, target, apart=not {X, DX}.isdisjoint((*sources, target))))
        register[result] = target
    return Program([*calls, *copies], buffers)
