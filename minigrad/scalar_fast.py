"""The compiled path of the scalar engine: the same operations and the same backward pass as in `scalar`, but faster.

`accelerate` replaces methods of `Value` by forms without calls inside: an operation's formula and partial derivatives
are compiled into one function, and the walk is written out for plain floats. Whatever these do not cover (watchers,
`no_grad`, infinities, recorded backward passes) goes to the method that was replaced. Imports no NumPy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from minigrad.engine import check_not_released, tick
from minigrad.float_math import NOTHING, NUMBERS
from minigrad.grad_mode import accumulate, mode, run_in_mode
from minigrad.hooks import watchers
from minigrad.primitives import elementwise as ew
from minigrad.primitives.primitive import Elementwise

METHODS: dict[str, Elementwise] = {
    **{f"__{name}__": getattr(ew, name) for name in ("add", "sub", "mul", "pow", "neg", "abs")},
    "__truediv__": ew.div,
    **{name: getattr(ew, name) for name in ("exp", "log", "expm1", "log1p", "sqrt", "square")},
    **{name: getattr(ew, name) for name in ("sin", "cos", "tan", "atan", "tanh", "sigmoid", "relu")},
}
"""The methods of `Value` that are compiled, and the primitive of each."""

_TEMPLATE = """
def operation({signature}):
    if {other} watchers or not mode.recording:
        return general({signature})
    {a} = self.data
    {b}
    try:
        y = {formula}
        da = {da}
        db = {db}
    except (ArithmeticError, ValueError):
        return general({signature})
    if y.__class__ is not float:
        return general({signature})
    out = new(self.__class__)
    out.data = y
    out.grad = 0.0
    out.name = None
    out.index = tick()
    out.released = False
    out.primitive = primitive
    out.a = self
    out.b = {operand}
    out.da = da
    out.db = db
    return out
"""


def accelerate(value: type[Any]) -> None:
    """Replace the methods of the class `value` by compiled ones."""
    for name, primitive in METHODS.items():
        setattr(value, name, _compiled(primitive, getattr(value, name)))
    value.backward = _fast_backward(value.backward)


def _compiled(primitive: Elementwise, general: Callable[..., Any]) -> Callable[..., Any]:
    """The operation on Values alone; `general` handles all other cases."""
    a, *rest = primitive.inputs
    text = _TEMPLATE.format(
        signature="self, other" if rest else "self",
        other="other.__class__ is not self.__class__ or" if rest else "",
        operand="other" if rest else "None",
        a=a,
        b=f"{rest[0]} = other.data" if rest else "",
        formula=primitive.formula,
        da=primitive.number(a),
        db=primitive.number(rest[0]) if rest else "None",
    )
    names = {**NUMBERS, "NOTHING": NOTHING, "primitive": primitive, "general": general, "new": object.__new__}
    names |= {"tick": tick, "mode": mode, "watchers": watchers, "__name__": __name__}
    exec(text, names)
    return functools.update_wrapper(names["operation"], general)


def _fast_backward(general: Callable[..., None]) -> Callable[..., None]:
    """`Value.backward`, which walks the graph itself unless something is watching or recording."""

    @functools.wraps(general)
    def backward(
        self: Any, gradient: float | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        if create_graph or watchers:
            general(self, gradient, retain_graph=retain_graph, create_graph=create_graph)
        else:
            # a .grad may be a Value, from an earlier pass with create_graph
            run_in_mode(False, _walk, self, self.seed(gradient), bool(retain_graph))

    return backward


def _walk(output: Any, gradient: float, retain: bool) -> None:
    """`engine.backward` for plain floats: the same steps in the same order."""
    v: Any
    found: set[Any] = {output}
    ahead = [output]
    add, append, pop = found.add, ahead.append, ahead.pop
    while ahead:
        v = pop()
        a, b = v.a, v.b
        if v.da is not None and a not in found:
            add(a)
            append(a)
        if v.db is not None and b not in found:
            add(b)
            append(b)
    order = sorted(found, key=attrgetter("index"), reverse=True)
    check_not_released(order)
    pending: dict[Any, float] = {output: gradient}
    leaves: dict[Any, float] = {}
    take, get = pending.pop, pending.get
    for v in order:
        g = take(v)
        if v.primitive is None:
            leaves[v] = g
            continue
        da, db = v.da, v.db
        if da is not None:
            a = v.a
            pending[a] = get(a, 0.0) + g * da
        if db is not None:
            b = v.b
            pending[b] = get(b, 0.0) + g * db
        v.grad = g if v.grad is None else v.grad + g
        v.released = not retain
    accumulate(leaves)  # at the end and together: other threads may add to the same leaves
