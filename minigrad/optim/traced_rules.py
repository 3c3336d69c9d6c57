"""Update rules that treat every number on its own, on large vectors: without a new array for each of their operations.

A rule is called with stand-ins for its arrays. What it does to them becomes the lines of a program; what it computes
from numbers alone, such as 1 - beta1**t, Python computes as ever. NumPy runs the lines on a block of numbers at a time,
which stays in the processor's cache, and writes their results into a few arrays that are used again: the bits are
those of the rule. Where numba is installed, the lines are one compiled loop instead, see `primitives.kernels.compiled`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minigrad.primitives.kernels import compiled, rows

State = dict[str, Any]
Rule = TypeVar("Rule", bound=Callable[..., tuple[Any, State]])
Kind = tuple[tuple[str, Any, Any], ...]
"""The name, number and type of a state's entries; None and None for an array."""
Lines = tuple[tuple[np.ufunc, tuple[int, ...]], ...]
"""Functions, and the registers that they are applied to. The arrays are the first registers, each line's result is the
next one; register -1 - i is the number i."""

LARGE = 1 << 18
"""The size of x from which NumPy runs a program: a new array that stays in the cache costs no more than an old one."""
FEW = 6
"""The most lines for which NumPy does not: the rule as it stands is as fast."""

_FLOATS = np.dtype("float32"), np.dtype("float64")
_TEXTS: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.maximum: "np.maximum({}, {})",
    np.negative: "-{}",
    np.positive: "{}",
    np.absolute: "abs({})",
    np.square: "{0} * {0}",
    np.sqrt: "np.sqrt({})",
    np.sign: "np.sign({})",
}
"""The functions that a program may have, in the words of a loop over the elements."""


class _Element(np.lib.mixins.NDArrayOperatorsMixin):
    """A stand-in for an array. An operation on it is a line of the program."""

    def __init__(self, register: int, lines: list[Any], numbers: list[float], arrays: int) -> None:
        self.register, self.lines, self.numbers, self.arrays = register, lines, numbers, arrays

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.power and inputs[1].__class__ is int and inputs[1] == 2:
            ufunc, inputs = np.square, inputs[:1]  # as NumPy does for **
        if ufunc not in _TEXTS or method != "__call__" or kwargs:
            return NotImplemented
        self.lines.append((ufunc, tuple(map(self.operand, inputs))))
        return _Element(self.arrays + len(self.lines) - 1, self.lines, self.numbers, self.arrays)

    def operand(self, a: Any) -> int:
        if isinstance(a, _Element):
            return a.register
        if a.__class__ not in (int, float):  # NumPy's scalars have a dtype of their own
            raise TypeError
        self.numbers.append(a)
        return -len(self.numbers)

    def __bool__(self) -> bool:
        raise TypeError


class Program:
    """A rule with its settings, for states with some numbers.

    Args:
        names: of the arrays of the state, in the order of the registers after those of x and dx.
        lines: what the rule does to them.
        numbers: those in the lines.
        results: the registers of the new x and the arrays of the new state.
        state: the new state; its arrays are None.
    """

    def __init__(
        self, names: tuple[str, ...], lines: Lines, numbers: list[float], results: tuple[int, ...], state: State
    ) -> None:
        self.names, self.lines, self.numbers, self.results, self.state = names, lines, numbers, results, state
        self._inputs = len(names) + 2

    def __call__(self, x: np.ndarray, dx: np.ndarray, state: State) -> tuple[np.ndarray, State] | None:
        """Return what the rule returns; None where it must be called itself."""
        arrays = [x, dx, *[state[name] for name in self.names]]
        if not are_alike(*arrays):
            return None
        if compiled.usable(x):
            results = [np.empty_like(x) for _ in self.results]
            loop, numbers = self._compiled
            compiled.call(loop, numbers, np.empty(1, bool), *[a.reshape(-1) for a in (*arrays, *results)])
        elif len(self.lines) > FEW and x.size >= LARGE:
            try:
                results = self.with_numpy(arrays)
            except FloatingPointError:  # the rule's own line must warn or raise
                return None
        else:
            return None
        new = iter(results)
        return next(new), {name: next(new) if s is None else s for name, s in self.state.items()}

    def in_place(self, x: np.ndarray, dx: np.ndarray, state: State) -> tuple[Callable[[], None], State] | None:
        """Return a function that writes the results into x and the arrays of the state, and the new state.

        The function does it once, however often it is called, also if an interruption comes between the loop and its
        own end. None if there is no compiled loop, x is read-only, or the state would get other arrays.
        """
        arrays = [x, dx, *[state[name] for name in self.names]]
        if self._places is None or not x.flags.writeable or not are_alike(*arrays) or not compiled.usable(x):
            return None
        done = np.zeros(1, bool)

        def write() -> None:
            if not done[0]:
                loop, numbers = self._compiled_in_place
                compiled.call(loop, numbers, done, *arrays)

        return write, {name: state[name] if s is None else s for name, s in self.state.items()}

    @functools.cached_property
    def _places(self) -> tuple[int, ...] | None:
        """The registers of the arrays that the results replace."""
        names = [name for name, s in self.state.items() if s is None]
        return (0, *[2 + self.names.index(name) for name in names]) if {*names} == {*self.names} else None

    @functools.cached_property
    def _compiled(self) -> tuple[Any, np.ndarray]:
        return _loop(self._inputs, self.lines, self.results), np.array(self.numbers, np.float32)

    @functools.cached_property
    def _compiled_in_place(self) -> tuple[Any, np.ndarray]:
        return _loop(self._inputs, self.lines, self.results, self._places), np.array(self.numbers, np.float32)

    def with_numpy(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Run the lines; an error that is not ignored raises FloatingPointError."""
        x = arrays[0]
        calls, buffers = _calls(self._inputs, self.lines, self.results)
        results = [np.empty_like(x) for _ in self.results]
        wholes = [a.reshape(-1) for a in (*arrays, *results)]
        temporary = [np.empty(min(x.size, rows.BLOCK), x.dtype) for _ in range(buffers)]
        with np.errstate(**{kind: "raise" for kind, action in np.geterr().items() if action != "ignore"}):  # type: ignore[arg-type]
            numbers = [np.array(c, x.dtype) for c in reversed(self.numbers)]
            for part in rows.slices(x.size):
                n = min(part.stop, x.size) - part.start
                values = [*[a[part] for a in wholes], *[a[:n] for a in temporary], *numbers]
                for ufunc, operands, out in calls:
                    ufunc(*[values[i] for i in operands], out=values[out])
        return results


def is_large(x: Any) -> bool:
    """Whether a program pays for an array."""
    return x.__class__ is np.ndarray and x.size >= (compiled.LEAST if compiled.installed else LARGE)


def are_alike(*arrays: Any) -> bool:
    """Whether these are arrays of floats, of one dtype and shape, in C order."""
    dtype, shape = arrays[0].dtype, arrays[0].shape
    return dtype in _FLOATS and all(
        [a.__class__ is np.ndarray and a.dtype == dtype and a.shape == shape and a.flags.c_contiguous for a in arrays]
    )


def kind_of(state: State) -> Kind:
    """Return what a rule's program depends on: the names in the state and the numbers, without the arrays."""
    return tuple([(name, None, None) if isinstance(s, np.ndarray) else (name, s, type(s)) for name, s in state.items()])


def trace(rule: Callable[[Any, Any, State], tuple[Any, State]], kind: Kind) -> Program | None:
    """Return the program of a rule for states of this kind; None if it has none.

    >>> program = trace(lambda x, dx, state: (x - 0.1 * dx, state), kind_of({}))
    >>> [(ufunc.__name__, *registers) for ufunc, registers in program.lines], program.numbers
    ([('multiply', -1, 1), ('subtract', 0, 2)], [0.1])
    """
    names = tuple([name for name, _, its_type in kind if its_type is None])
    lines: list[Any] = []
    numbers: list[float] = []
    inputs = len(names) + 2
    x, dx, *arrays = [_Element(i, lines, numbers, inputs) for i in range(inputs)]
    try:
        new_x, after = rule(x, dx, {name: s for name, s, _ in kind} | dict(zip(names, arrays)))
    except TypeError:  # something that a program cannot do
        return None
    results: list[int] = []
    for e in (new_x, *[s for s in after.values() if s.__class__ not in (int, float)]):
        if not isinstance(e, _Element):
            return None
        results.append((+e if e.register < inputs or e.register in results else e).register)  # + makes a copy
    of_numbers = {name: None if isinstance(s, _Element) else s for name, s in after.items()}
    return Program(names, tuple(lines), numbers, tuple(results), of_numbers)


def elementwise(rule: Rule) -> Rule:
    """Decorate a rule that treats every number on its own: on large vectors it runs as a program."""

    @functools.lru_cache(maxsize=16, typed=True)  # np.float64(0.1) equals 0.1, but makes other dtypes
    def program_of(kind: Kind, /, *settings: Any, **named: Any) -> Program | None:
        return trace(lambda x, dx, state: rule(x, dx, state, *settings, **named), kind)

    @functools.wraps(rule)
    def traced(x: Any, dx: Any, state: State, *settings: Any, **named: Any) -> tuple[Any, State]:
        if is_large(x) and are_alike(x, dx):
            try:
                program = program_of(kind_of(state), *settings, **named)
            except TypeError:  # settings of arrays, which have no hash
                program = None
            if program is not None and (found := program(x, dx, state)) is not None:
                return found
        return rule(x, dx, state, *settings, **named)

    return traced  # type: ignore[return-value]


@functools.lru_cache(maxsize=64)
def _calls(inputs: int, lines: Lines, results: tuple[int, ...]) -> tuple[list[tuple[np.ufunc, list[int], int]], int]:
    """Return each line's function, operands and place for the result, and how many temporary arrays there are.

    Operands and places are positions in a list of the inputs, the results, the temporary arrays and the numbers, of
    which the last is the first.
    """
    last = {r: n for n, (_, operands) in enumerate(lines) for r in operands}
    place = {r: r for r in range(inputs)} | {r: inputs + n for n, r in enumerate(results)}
    free: list[int] = []
    first = end = inputs + len(results)
    calls = []
    for n, (ufunc, operands) in enumerate(lines):
        free += {place[r] for r in operands if last[r] == n and place.get(r, 0) >= first}
        if inputs + n not in place:
            if not free:
                free.append(end)
                end += 1
            place[inputs + n] = free.pop()
        calls.append((ufunc, [place.get(r, r) for r in operands], place[inputs + n]))
    return calls, end - first


@functools.lru_cache(maxsize=64)
def _loop(inputs: int, lines: Lines, results: tuple[int, ...], places: tuple[int, ...] | None = None) -> Any:
    """Compile the lines, as a function of numbers, an array that is True at its end, the inputs and the results.

    The results are written into the inputs at `places` instead, if there are any. The name of the function and the file
    that it claims to be from are its place in numba's cache on disk.
    """

    def name(register: int) -> str:
        return f"c{-1 - register}" if register < 0 else f"{'a' if register < inputs else 't'}{register}"

    arrays = [f"x{i}" for i in range(inputs)]
    body = [f"a{i} = x{i}[i]" for i in range(inputs)]
    body += [
        f"t{inputs + n} = {_TEXTS[ufunc].format(*map(name, operands))}" for n, (ufunc, operands) in enumerate(lines)
    ]
    outputs = [f"x{i}" for i in places] if places else [f"y{i}" for i in range(len(results))]
    body += [f"{y}[i] = {name(r)}" for y, r in zip(outputs, results)]
    numbers = sorted({-1 - r for _, operands in lines for r in operands if r < 0})
    text = f"(c, done, {', '.join([*arrays, *([] if places else outputs)])}):\n"
    text += "".join([f"    c{i} = c[{i}]\n" for i in numbers])
    text += "    for i in range(x0.size):\n" + "".join([f"        {line}\n" for line in body])
    text += "    done[0] = True\n"
    function_name = "rule_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    namespace: dict[str, Any] = {"np": np, "__name__": __name__}
    exec(compile(f"def {function_name}{text}", __file__, "exec"), namespace)
    return compiled.loop(namespace[function_name])
