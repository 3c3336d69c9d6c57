"""Update rules as compiled loops, where numba is installed: see `primitives.kernels.compiled`.

A rule is called with stand-ins for its arrays. What it does to them becomes the lines of a loop over their elements;
what it computes from numbers alone, such as 1 - beta1**t, Python computes as ever, and the loop is given the results.
Loops of the same lines are compiled once.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.primitives.kernels import compiled

State = dict[str, Any]
Rule = Callable[..., tuple[Any, State]]

_LINES: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.maximum: "np.maximum({}, {})",
    np.negative: "-{}",
    np.positive: "{}",
    np.absolute: "abs({})",
    np.sqrt: "np.sqrt({})",
    np.sign: "np.sign({})",
}


class _Element(np.lib.mixins.NDArrayOperatorsMixin):
    """A stand-in for an array: the element that the loop is at. An operation on it is a line of the loop."""

    def __init__(self, name: str, lines: list[str], numbers: list[float]) -> None:
        self.name, self.lines, self.numbers = name, lines, numbers

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.power and inputs[1] == 2:
            ufunc, inputs = np.multiply, (self, self)
        if ufunc not in _LINES or method != "__call__" or kwargs:
            return NotImplemented
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = " + _LINES[ufunc].format(*map(self.operand, inputs)))
        return _Element(name, self.lines, self.numbers)

    def operand(self, a: Any) -> str:
        if isinstance(a, _Element):
            return a.name
        if a.__class__ not in (int, float):  # NumPy's scalars have a dtype of their own
            raise TypeError
        self.numbers.append(a)
        return f"c{len(self.numbers) - 1}"

    def __bool__(self) -> bool:
        raise TypeError


class _Traced(NamedTuple):
    loop: Any
    """None if there is none for this rule."""
    numbers: Any = None
    after: Any = None
    """The new state, of numbers; its arrays are results of the loop."""


def run(rule: Rule, x: Any, dx: Any, state: State, *settings: Any, **named: Any) -> tuple[Any, State] | None:
    """Return what the elementwise rule returns; None where no loop applies, as in the first step of most rules."""
    arrays = {name: s for name, s in state.items() if s.__class__ is np.ndarray}
    if not compiled.usable(x, dx, *arrays.values()) or any([a.shape != x.shape for a in (dx, *arrays.values())]):
        return None
    numbers = tuple([(name, s) for name, s in state.items() if name not in arrays])
    kinds = tuple([s.__class__ for s in (*settings, *named.values(), *[s for _, s in numbers])])
    if not {*kinds} <= {int, float, bool}:
        return None
    traced = _trace(rule, tuple(arrays), numbers, settings, tuple(named.items()), kinds)
    if traced.loop is None:
        return None
    results = [np.empty_like(x) for name in ("x", *arrays)]
    compiled.call(traced.loop, traced.numbers, *[a.reshape(-1) for a in (x, dx, *arrays.values(), *results)])
    new = dict(zip(arrays, results[1:]))
    return results[0], {name: new.get(name, s) for name, s in traced.after.items()}


@functools.lru_cache(maxsize=16)
def _trace(rule: Rule, arrays: Any, numbers: Any, settings: Any, named: Any, kinds: Any) -> _Traced:
    """Call the rule with stand-ins. All blocks of a step have the same numbers."""
    lines: list[str] = []
    constants: list[float] = []
    elements = {name: _Element(f"a{i}[i]", lines, constants) for i, name in enumerate(("x", "dx", *arrays))}
    x, dx, *of_state = elements.values()
    try:
        x, after = rule(x, dx, {**dict(numbers), **dict(zip(arrays, of_state))}, *settings, **dict(named))
    except TypeError:  # something that a loop cannot do
        return _Traced(None)
    if {name for name, s in after.items() if isinstance(s, _Element)} != {*arrays} or not isinstance(x, _Element):
        return _Traced(None)
    lines += [f"b{k}[i] = {s.name}" for k, s in enumerate([x, *[after[name] for name in arrays]])]
    parameters = ["c", *[f"a{k}" for k in range(len(arrays) + 2)], *[f"b{k}" for k in range(len(arrays) + 1)]]
    text = [f"({', '.join(parameters)}):", *[f"    c{k} = c[{k}]" for k in range(len(constants))]]
    text += ["    for i in range(a0.size):", *[f"        {line}" for line in lines]]
    return _Traced(_loop("\n".join(text)), np.array(constants, np.float32), after)


@functools.cache
def _loop(text: str) -> Any:
    """Compile the function of these parameters and lines. Its name and the file that it claims to be from are its place
    in numba's cache on disk."""
    name = "rule_" + hashlib.sha256(text.encode()).hexdigest()[:16]
    namespace: dict[str, Any] = {"np": np, "__name__": __name__}
    exec(compile(f"def {name}{text}\n", __file__, "exec"), namespace)
    return compiled.loop(namespace[name])
