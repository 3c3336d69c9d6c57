"""Value: a number that remembers how it was computed. The scalar engine, on plain Python floats; no NumPy.

>>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
>>> c = (a * b + 5.0).tanh() * a
>>> c.backward()
>>> print(f"{c.data:.4f} {a.grad:.4f} {b.grad:.4f}")
-1.5232 -3.2814 1.6799

Each operation stores its local partial derivatives as numbers, so a backward pass only multiplies and adds, and
overwriting `.data` afterwards (as in `p.data -= 0.1 * p.grad`) cannot spoil it. Arithmetic is IEEE 754's, as in the
tensor engine: 1 / 0 is inf and log(-1) is nan, where Python's own floats would raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from numbers import Real
from operator import attrgetter
from typing import Any

from minigrad.engine import Node, backward, check_not_released, tick
from minigrad.float_math import IEEE, IEEE_NUMBERS, NUMBERS
from minigrad.grad_mode import mode, no_grad
from minigrad.hooks import notify, watchers
from minigrad.primitives import elementwise as rules
from minigrad.primitives.primitive import Elementwise

_new: Callable[[type[Value]], Value] = object.__new__


def _result(primitive: Elementwise, a: Any, b: Any, y: float, da: float | None, db: float | None) -> Value:
    """The node for y = rule(a, b). An operand whose derivative is None is a constant."""
    out = _new(Value)
    out.data = y
    out.grad = 0.0
    out.name = None
    out.index = tick()
    out.released = False
    if mode.recording:
        out.primitive = primitive
        out.a = a
        out.b = b
        out.da = da
        out.db = db
    else:
        out.primitive = out.a = out.b = out.da = out.db = None
    if watchers:
        notify(primitive, y, "forward", out)
    return out


def _unary(primitive: Elementwise) -> Callable[[Value], Value]:
    """The operation of a rule with one input."""
    plain, ieee = primitive.on_numbers([True], NUMBERS), primitive.on_numbers([True], IEEE_NUMBERS)

    def operation(a: Value) -> Value:
        try:
            y, da = plain(a.data)
        except (ArithmeticError, ValueError):
            y, da = map(float, ieee(IEEE(a.data)))
        return _result(primitive, a, None, y, da, None)

    operation.__name__, operation.__doc__ = (
        primitive.name,
        f"y = {primitive.formula}; dy/dx = {primitive.partials['x']}.",
    )
    return operation


# the commonest case, without a call inside: it is most of the time of a forward pass
_VALUE_WITH_VALUE = """
def operation(self, other):
    if other.__class__ is not self.__class__ or watchers or not mode.recording:
        return general(self, other)
    {a} = self.data
    {b} = other.data
    try:
        y = {formula}
        da = {da}
        db = {db}
    except (ArithmeticError, ValueError):
        return general(self, other)
    if y.__class__ is not float:
        return general(self, other)
    out = new(self.__class__)
    out.data = y
    out.grad = 0.0
    out.name = None
    out.index = tick()
    out.released = False
    out.primitive = primitive
    out.a = self
    out.b = other
    out.da = da
    out.db = db
    return out
"""


def _binary(primitive: Elementwise) -> tuple[Callable[[Value, Value | float], Value], Callable[[Value, float], Value]]:
    """The operation of a rule with two inputs, and its form for a plain number on the left."""
    both, left, right = (_answering(primitive, needed) for needed in ([True, True], [True, False], [False, True]))

    def general(a: Value, b: Value | float) -> Value:
        if isinstance(b, Value):
            y, da, db = both(a.data, b.data)
        elif b.__class__ is float or isinstance(b, Real):
            y, da, db = left(a.data, float(b))
        else:
            return NotImplemented
        return _result(primitive, a, b, y, da, db)

    def reflected(b: Value, a: float) -> Value:
        if not isinstance(a, Real):
            return NotImplemented
        y, da, db = right(float(a), b.data)
        return _result(primitive, a, b, y, da, db)

    a, b = primitive.inputs
    text = _VALUE_WITH_VALUE.format(
        a=a, b=b, formula=primitive.formula, da=primitive.partials[a], db=primitive.partials[b]
    )
    names = {
        **NUMBERS,
        "primitive": primitive,
        "general": general,
        "new": _new,
        "tick": tick,
        "mode": mode,
        "watchers": watchers,
    }
    exec(text, names)
    operation = names["operation"]
    operation.__name__, reflected.__name__ = primitive.name, f"r{primitive.name}"
    return operation, reflected


def _answering(primitive: Elementwise, needed: list[bool]) -> Callable[..., tuple[Any, ...]]:
    """The rule as a function from numbers to (result, partials...) that answers inf or nan where Python raises."""
    plain, ieee = primitive.on_numbers(needed, NUMBERS), primitive.on_numbers(needed, IEEE_NUMBERS)

    def compute(a: float, b: float) -> tuple[Any, ...]:
        try:
            answer: tuple[Any, ...] = plain(a, b)
            if answer[0].__class__ is float:
                return answer
        except (ArithmeticError, ValueError):
            pass
        # also where ** has left the real numbers: a negative number to a broken power
        return tuple([None if v is None else float(v) for v in ieee(IEEE(a), IEEE(b))])

    return compute


class Value(Node):
    """A float in a graph.

    Args:
        data: the number (anything `float()` takes, but no string and no other Value).
        name: what pictures and errors call it.

    `+ - * / **`, unary `-` and `abs` take Values and numbers on either side. Comparisons are by value. Unlike a
    Tensor, a Value keeps its `.grad` (0.0 at first) also where it is an intermediate result, for one wants to look
    at it; `.grad` adds up over backward passes until it is set to 0.

    Raises:
        TypeError: when `data` is not a number.
    """

    __slots__ = ("data", "grad", "name", "index", "primitive", "a", "b", "da", "db", "released")
    stores_grad = True
    __array_ufunc__ = None  # ndarray * Value is refused by NumPy instead of making an object array
    data: float
    grad: Any
    a: Any
    b: Any
    da: float | None
    db: float | None

    def __init__(self, data: float, name: str | None = None) -> None:
        if not isinstance(data, Real):
            raise TypeError(
                f"Value(data) takes one number, got {type(data).__name__}: {data!r}. "
                "For many numbers at once use minigrad.tensor(...)."
            )
        self.data = float(data)
        self.grad = 0.0
        self.name = name
        self.index = tick()
        self.released = False
        self.primitive = self.a = self.b = self.da = self.db = None

    # -- the engine's side: a result has operands a, b and the derivatives da = dy/da, db = dy/db -----------------

    @property
    def node(self) -> Value:
        """The graph node of this value: a Value is its own."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self.primitive is not None:
            raise RuntimeError(
                f"only leaves can be copied or pickled, not results of {self.primitive.name!r}: Value(v.data)"
            )
        return _restored, (self.data, self.name, self.grad)

    @property
    def inputs(self) -> tuple[Value | None, ...]:  # type: ignore[override]
        """The operands that gradients go to, None in place of a constant."""
        if self.db is not None:
            return (self.a if self.da is not None else None, self.b)
        return () if self.primitive is None else (self.a,) if self.b is None else (self.a, None)

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        return [None if p is None else 0.0 if p is False else g * p for p in self._partials(graph)]

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        pairs = [(t, p) for t, p in zip(tangents, self._partials(graph)) if t is not None and p is not None]
        return sum(0.0 if p is False else t * p for t, p in pairs) if pairs else None

    def _partials(self, graph: bool) -> list[Any]:
        """The local derivatives; with `graph` as Values with a history. False stands for a 0 that g may not spoil."""
        partials: list[Any] = [self.da] if self.b is None else [self.da, self.db]
        if graph:  # the derivatives again, this time as Values with a graph of their own
            operands = [o if isinstance(o, Value) else IEEE(o) for o in (self.a, self.b)[: len(partials)]]
            again = [None if p is None else f(*operands, self) for p, f in zip(partials, _on_graph(self.primitive))]
            if any(p is not None and p == p and q != p for p, q in zip(partials, again)):
                raise RuntimeError(
                    f"the backward pass of {self.primitive.name!r} with create_graph=True needs its operands, but the "
                    ".data of one was changed after it was used. Change it after backward"
                )
            partials = again
        return partials

    def release(self) -> None:
        self.released = True  # the derivatives stay, for pictures; they are only numbers

    def accumulate_grad(self, g: Any, shared: bool) -> None:
        self.grad = g if self.grad is None else self.grad + g

    def seed(self, gradient: float | Value | None = None, graph: bool = False) -> Any:
        """The gradient a backward pass starts from: 1, as d y / d y. A Value, for a pass that is itself recorded."""
        if isinstance(gradient, Value):
            return gradient if graph else gradient.data
        start = Value(1.0 if gradient is None else gradient)
        return start if graph else start.data

    def backward(
        self, gradient: float | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add d self / d v to `v.grad` for every value v that self was computed from.

        Args:
            gradient: d loss / d self, where self is not the loss itself; 1 if not given.
            retain_graph: keep the graph for another backward pass (default: as `create_graph`).
            create_graph: make the gradients Values with a graph of their own.

        Raises:
            RuntimeError: on a second backward through a graph that was not retained.

        >>> x = Value(3.0)
        >>> y = x * x
        >>> y.backward()
        >>> x.grad
        6.0
        """
        retain = create_graph if retain_graph is None else retain_graph
        if create_graph or watchers:
            backward({self: self.seed(gradient, create_graph)}, retain_graph=retain, create_graph=create_graph)
        else:
            with no_grad():  # for a .grad that is a Value, of an earlier pass with create_graph
                self._backward(self.seed(gradient), retain)

    def _backward(self, gradient: float, retain: bool) -> None:
        """`engine.backward`, written out for plain numbers: the same steps in the same order, for speed."""
        v: Any
        found: set[Any] = {self}
        ahead = [self]
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
        pending: dict[Any, float] = {self: gradient}
        take, get = pending.pop, pending.get
        for v in order:
            g = take(v)
            da, db = v.da, v.db
            if da is not None:
                a = v.a
                pending[a] = get(a, 0.0) + (g * da if da is not False else 0.0)  # False: relu has not chosen it
            if db is not None:
                b = v.b
                pending[b] = get(b, 0.0) + g * db
            v.grad = g if v.grad is None else v.grad + g
            v.released = v.primitive is not None and not retain

    # -- a number's side -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        grad = self.grad.data if isinstance(self.grad, Value) else self.grad
        return f"Value(data={self.data!r}, grad={grad!r}{name})"

    def item(self) -> float:
        """The number itself."""
        return self.data

    def __float__(self) -> float:
        return self.data

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return self.data != 0

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __pos__(self) -> Value:
        return self

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("NumPy cannot hold a Value and its gradient; for arrays with gradients: minigrad.tensor(...)")

    __hash__ = object.__hash__  # by identity, although == is by value: nodes are keys in the walk

    def __eq__(self, other: object) -> bool:
        return self.data == (other.data if isinstance(other, Value) else other)

    def __lt__(self, other: float | Value) -> bool:
        return self.data < (other.data if isinstance(other, Value) else other)

    def __le__(self, other: float | Value) -> bool:
        return self.data <= (other.data if isinstance(other, Value) else other)

    def __gt__(self, other: float | Value) -> bool:
        return self.data > (other.data if isinstance(other, Value) else other)

    def __ge__(self, other: float | Value) -> bool:
        return self.data >= (other.data if isinstance(other, Value) else other)

    # -- operations ----------------------------------------------------------------------------------------------

    exp, log, sqrt = _unary(rules.exp), _unary(rules.log), _unary(rules.sqrt)
    expm1, log1p, square = _unary(rules.expm1), _unary(rules.log1p), _unary(rules.square)
    sin, cos, tan = _unary(rules.sin), _unary(rules.cos), _unary(rules.tan)
    atan, tanh = _unary(rules.atan), _unary(rules.tanh)
    relu, sigmoid = _unary(rules.relu), _unary(rules.sigmoid)
    __neg__, __abs__ = _unary(rules.neg), _unary(rules.abs)
    __add__, __radd__ = _binary(rules.add)
    __sub__, __rsub__ = _binary(rules.sub)
    __mul__, __rmul__ = _binary(rules.mul)
    __truediv__, __rtruediv__ = _binary(rules.div)
    __pow__, __rpow__ = _binary(rules.pow)


def _on_values(name: str) -> Callable[..., Any]:
    def function(x: Any, *rest: Any) -> Any:
        return getattr(x, name)() if isinstance(x, Value) and hasattr(x, name) else IEEE_NUMBERS[name](x, *rest)

    return function


_VALUES = {name: _on_values(name) for name in NUMBERS}


def _restored(data: float, name: str | None, grad: Any) -> Value:
    """A leaf again, made now: its place in the order of creation is a new one."""
    v = Value(data, name)
    v.grad = grad
    return v


@cache
def _on_graph(primitive: Elementwise) -> list[Callable[..., Any]]:
    """The rule's partial derivatives as functions of Values, which record what they compute."""
    return [primitive.compile(text, (*primitive.inputs, "y"), _VALUES) for text in primitive.partials.values()]
