"""A function of Values as straight-line Python: the formulas of its graph, forwards and backwards, as one function.

Each value that is needed more than once gets a line; the rest is written where it is used. The gradient of a value is
one sum over its uses, the last one first, in which order the backward pass adds. Imports no NumPy.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from minigrad.float_math import NOTHING, NUMBERS
from minigrad.primitives.primitive import Elementwise, mask
from minigrad.scalar import Value

LONGEST = 3000
"""The longest expression, in characters."""
_ATOM, _PRODUCT, _SUM, _OTHER = range(4)
_NAME = re.compile(r"[A-Za-z_]\w*")
_READERS = {"operation", "apply", "<listcomp>", "_walk", "vjp", "_partials", "seed", "__reduce__", "__repr__"}
"""The functions of the engine that read numbers in order to compute with them, and record what they compute."""


class ScalarProgram:
    """The program of a graph.

    Args:
        loss: the Value that is computed.
        inputs: the Values whose numbers the program is given.
        reads: Values whose numbers the function read otherwise; the program holds while they are the same.
        stale: what to raise, with the place of the read.
    """

    def __init__(self, loss: Value, inputs: list[Value], reads: list[tuple[Value, float, str]], stale: Any) -> None:
        self._inputs = {v: f"x{i}" for i, v in enumerate(inputs)}
        self._order = _order([loss, *[v for v, _, _ in reads]], self._inputs)
        self._uses: dict[Value, list[tuple[Value, str]]] = {v: [] for v in [*self._order, *inputs]}
        self._counts: dict[Value, int] = dict.fromkeys(self._uses, 0)
        self._text: dict[Value, tuple[str, int]] = {v: (name, _ATOM) for v, name in self._inputs.items()}
        self._names: dict[str, Any] = {**NUMBERS, "NOTHING": NOTHING, "stale": stale, "inf": float("inf")}
        self._names["nan"] = float("nan")
        self.lines: list[str] = []
        self._find_uses([loss, *[v for v, _, _ in reads]])
        for v in self._order:
            self._forward(v)
        for v, number, place in reads:
            text = self._text_of(v)[0]
            test = f"{text} != {number!r}" if number == number else f"{text} == {text}"
            self.lines.append(f"if {test}: raise stale({place!r})")
        y = self._text_of(loss)[0]
        self.lines.append(f"y = {y}")
        gradients = self._backward(loss)
        body = "".join(f"    {line}\n" for line in self.lines)
        self.source = (
            f"def program({', '.join(self._inputs.values())}):\n{body}    return y, [{', '.join(gradients)}]\n"
        )
        exec(compile(self.source, "<recorded by minigrad.compile>", "exec"), self._names)
        self.run: Callable[..., tuple[float, list[float]]] = self._names["program"]

    # ---- forwards --------------------------------------------------------------------------------------------------

    def _find_uses(self, ends: list[Value]) -> None:
        for v in ends:
            self._counts[v] = self._counts.get(v, 0) + 2
        for v in reversed(self._order):
            if v.primitive is None:
                continue
            operands = _operands(v)
            for name, o in operands.items():
                if isinstance(o, Value):
                    self._counts[o] += 1
                    self._uses[o].append((v, name))
                    needed = _needed(v.primitive, name)
                    for other in needed:
                        named = v if other == "y" else operands[other]
                        if isinstance(named, Value):
                            self._counts[named] += 2

    def _text_of(self, o: Any) -> tuple[str, int]:
        if isinstance(o, Value):
            if o in self._text:
                return self._text[o]
            o = o.data
        return (repr(o), _ATOM) if o >= 0 or o != o else (f"({o!r})", _ATOM)

    def _forward(self, v: Value) -> None:
        if v.primitive is None:
            return  # a number
        texts = {name: self._text_of(o) for name, o in _operands(v).items()}
        text, kind = _expression(v.primitive, texts)
        exponent = v.b if isinstance(v.b, float) else 0.5
        broken = v.primitive.name == "pow" and exponent != int(exponent)
        if self._counts[v] > 1 or len(text) > LONGEST or text.count("((((((((") or broken:
            name = f"v{len(self._text)}"
            self.lines.append(f"{name} = {text}")
            if broken:  # it may be complex
                self.lines.append(f"if {name}.__class__ is not float: raise ValueError")
            text, kind = name, _ATOM
        self._text[v] = text, kind

    # ---- backwards -------------------------------------------------------------------------------------------------

    def _backward(self, loss: Value) -> list[str]:
        found: dict[Value, str] = {loss: "1.0"}
        for v in [*reversed(self._order), *[v for v in self._inputs if v not in set(self._order)]]:
            parts = [self._contribution(user, name, found[user]) for user, name in self._uses[v] if user in found]
            if not parts or v is loss:
                continue
            text = " + ".join(parts)
            if len(parts) > 1 or not text.isidentifier():
                if v.primitive is None and v not in self._inputs:
                    continue  # the gradient of a number that nobody sees
                name = f"d{len(found)}"
                self.lines.append(f"{name} = {text}")
                text = name
            found[v] = text
        return [found.get(v, "None") for v in self._inputs]

    def _contribution(self, user: Value, name: str, g: str) -> str:
        partial = user.primitive.partials[name]
        if partial == "1":
            return g
        if partial == "-1":
            return f"-{g}"
        texts = {n: self._text_of(o)[0] for n, o in _operands(user).items()}
        if "y" in _needed(user.primitive, name):
            texts["y"] = self._text_of(user)[0]
        if isinstance(partial, mask) and (partial.value, partial.otherwise, partial.ties) == ("1", "0", ""):
            condition = " or ".join([partial.chosen, *(f"{n} != {n}" for n in partial.nan)])
            return f"({g} if {_filled(condition, texts)} else 0.0)"
        text = _filled(user.primitive.number(name), texts)
        return (
            f"{g} * {text}"
            if _NAME.fullmatch(text) or text.startswith("(") and text[1:-1].isidentifier()
            else f"{g} * ({text})"
        )


def _order(ends: list[Value], inputs: dict[Value, str]) -> list[Value]:
    """Return the Values that the ends are computed from, down to the inputs, the oldest first."""
    found = {*ends}
    pending = [v for v in ends if v not in inputs]
    while pending:
        v = pending.pop()
        for o in (v.a, v.b):
            if isinstance(o, Value) and o not in found:
                found.add(o)
                if o not in inputs:
                    pending.append(o)
    return sorted(found - inputs.keys(), key=lambda v: v.index)


def _operands(v: Value) -> dict[str, Any]:
    return dict(zip(v.primitive.inputs, (v.a, v.b)))


def _filled(text: str, texts: dict[str, str]) -> str:
    return _NAME.sub(lambda m: texts.get(m[0], m[0]), text)


def _expression(primitive: Elementwise, texts: dict[str, tuple[str, int]]) -> tuple[str, int]:
    """Return the formula with these operands, and of what kind it is."""
    if primitive.name == "add":
        (a, kind_a), (b, kind_b) = texts["a"], texts["b"]
        return f"{a if kind_a != _OTHER else f'({a})'} + {b if kind_b <= _PRODUCT else f'({b})'}", _SUM
    if primitive.name == "mul":
        (a, kind_a), (b, kind_b) = texts["a"], texts["b"]
        return f"{a if kind_a <= _PRODUCT else f'({a})'} * {b if kind_b == _ATOM else f'({b})'}", _PRODUCT
    return _filled(primitive.formula, {n: t if kind == _ATOM else f"({t})" for n, (t, kind) in texts.items()}), _OTHER


@cache
def _needed(primitive: Elementwise, name: str) -> tuple[str, ...]:
    """Return which values the partial derivative for an input names."""
    partial = primitive.partials[name]
    text = " ".join([partial, *partial.nan]) if isinstance(partial, mask) else partial
    return tuple([n for n in ("y", *primitive.inputs) if n in _NAME.findall(text)])


# ---- while a function is recorded ------------------------------------------------------------------------------------


@contextmanager
def watched(
    read: Callable[[Value, float], None], refuse: Callable[[str], None], current: Callable[[], Any]
) -> Iterator[None]:
    """Context manager: note when a function reads a Value's number itself, or reads or sets what is no part of it.

    Args:
        read: called with the Value and its number.
        refuse: called with the reason if a number or a gradient is set, or a gradient or a name is read.
        current: returns None in other threads.
    """
    slots = {name: Value.__dict__[name] for name in ("data", "grad", "name")}

    def inside(names: Any) -> bool:
        if current() is None:
            return True
        frame = sys._getframe(2)
        module = str(frame.f_globals.get("__name__", "minigrad.scalar_fast"))
        return module.startswith("minigrad.") and (names is None or frame.f_code.co_name in names)

    def data(v: Value) -> float:
        number: float = slots["data"].__get__(v)
        if not inside(_READERS):
            read(v, number)
        return number

    def set_data(v: Value, number: float) -> None:
        if not inside(None):
            refuse("it sets the .data of a Value")
        slots["data"].__set__(v, number)

    def grad(v: Value) -> Any:
        if not inside(None):
            refuse("it reads .grad")
        return slots["grad"].__get__(v)

    def set_grad(v: Value, g: Any) -> None:
        if not inside({"__init__", "operation"}):
            refuse("it sets .grad")
        slots["grad"].__set__(v, g)

    def get_name(v: Value) -> Any:
        if not inside(None):
            refuse("it reads .name")
        return slots["name"].__get__(v)

    try:
        setattr(Value, "name", property(get_name, slots["name"].__set__))  # noqa: B010
        setattr(Value, "data", property(data, set_data))  # noqa: B010 (mypy knows that these are slots)
        setattr(Value, "grad", property(grad, set_grad))  # noqa: B010
        yield
    finally:
        for name, slot in slots.items():
            setattr(Value, name, slot)


class _Recorded(Elementwise):
    """The primitive of a recorded function of Values."""

    def number(self, name: str) -> str:
        raise NotImplementedError(
            "compile: a recorded function of Values has no second derivatives: call the function that was compiled"
        )


_RECORDED = _Recorded("recorded", "a + b", {"a": "1", "b": "1"}, ("a", "b"))


def result(y: float, inputs: list[Value], partials: list[float | None]) -> Value:
    """Return a Value whose partial derivatives are these: a chain of sums, since a node has two operands."""
    out = Value(y)
    for x, partial in zip(inputs, partials):
        if partial is not None:
            node = Value(y)
            node.primitive, node.a, node.da = _RECORDED, x, partial
            node.b, node.db = out, 1.0
            out = node
    return out
