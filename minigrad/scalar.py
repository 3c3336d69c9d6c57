"""Value: a number that records how it was computed. The scalar engine, on Python floats; imports no NumPy.

>>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
>>> c = (a * b + 5.0).tanh() * a
>>> c.backward()
>>> print(f"{c.data:.4f} {a.grad:.4f} {b.grad:.4f}")
-1.5232 -3.2814 1.6799

Each operation stores its local partial derivatives as numbers, so a backward pass only multiplies and adds, and
overwriting `.data` afterwards (as in `p.data -= 0.1 * p.grad`) cannot change them. Arithmetic follows IEEE 754, as in
the tensor engine: 1 / 0 is inf and log(-1) is nan, where Python's own floats raise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from numbers import Real
from typing import TYPE_CHECKING, Any

from minigrad import engine
from minigrad.engine import Node, tick
from minigrad.float_math import IEEE, IEEE_NUMBERS, NUMBERS, with_ieee_fallback
from minigrad.grad_mode import mode, warn_of_plain_number
from minigrad.hooks import notify, watchers
from minigrad.output.absent import missing_attribute
from minigrad.output.words import class_name, not_implemented, of_numpy, printable
from minigrad.primitives import elementwise as ew
from minigrad.primitives.primitive import Elementwise
from minigrad.scalar_fast import accelerate


class Value(Node):
    """A float in a graph.

    Args:
        data: the number (anything that `float()` takes, but no string and no other Value).
        name: the name of this value in pictures and errors.
        label: micrograd's word for `name`.

    `+ - * / **`, unary `-` and `abs` take Values and numbers on either side. Comparisons are by value. Unlike a Tensor,
    a Value stores its `.grad` (0.0 at first) also as an intermediate result, so that it can be inspected; `.grad`
    accumulates over backward passes until it is set to 0.

    Attributes:
        data: the number.
        grad: d output / d this value, summed over all backward passes.
        a, b: the operands of the primitive that computed this value; None for a leaf.
        da, db: the local derivatives d self / d a and d self / d b; None for an operand that is a constant.

    Raises:
        TypeError: if `data` is not a number.

    >>> a = Value(3.0)
    >>> y = a * a + 1
    >>> y.backward()
    >>> y.data, a.grad
    (10.0, 6.0)
    """

    __slots__ = ("data", "grad", "name", "index", "primitive", "a", "b", "da", "db", "released")
    stores_grad = True
    data: float
    grad: Any
    a: Any
    b: Any
    da: float | None
    db: float | None

    def __init__(self, data: float, name: str | None = None, *, label: str | None = None) -> None:
        if not isinstance(data, Real):
            raise TypeError(
                f"Value(data) takes one number, got {class_name(data)}: {printable(repr(data))}. "
                "For many numbers at once use minigrad.tensor(...)."
            )
        self.data = float(data)
        self.grad = 0.0
        self.name = name if label is None else label
        self.index = tick()
        self.released = False
        self.primitive = self.a = self.b = self.da = self.db = None

    # -- the forward pass: each operation computes a number and its local derivatives --------------------------------

    def __add__(self, other: float | Value) -> Value:
        return apply(ew.add, self, other)

    def __radd__(self, other: float) -> Value:
        return apply(ew.add, other, self)

    def __sub__(self, other: float | Value) -> Value:
        return apply(ew.sub, self, other)

    def __rsub__(self, other: float) -> Value:
        return apply(ew.sub, other, self)

    def __mul__(self, other: float | Value) -> Value:
        return apply(ew.mul, self, other)

    def __rmul__(self, other: float) -> Value:
        return apply(ew.mul, other, self)

    def __truediv__(self, other: float | Value) -> Value:
        return apply(ew.div, self, other)

    def __rtruediv__(self, other: float) -> Value:
        return apply(ew.div, other, self)

    def __pow__(self, other: float | Value) -> Value:
        return apply(ew.pow, self, other)

    def __rpow__(self, other: float) -> Value:
        return apply(ew.pow, other, self)

    def __neg__(self) -> Value:
        return apply(ew.neg, self)

    def __abs__(self) -> Value:
        return apply(ew.abs, self)

    def exp(self) -> Value:
        """The exponential."""
        return apply(ew.exp, self)

    def log(self) -> Value:
        """The natural logarithm."""
        return apply(ew.log, self)

    def expm1(self) -> Value:
        """exp(x) - 1, accurate near 0."""
        return apply(ew.expm1, self)

    def log1p(self) -> Value:
        """log(1 + x), accurate near 0."""
        return apply(ew.log1p, self)

    def sqrt(self) -> Value:
        """The square root."""
        return apply(ew.sqrt, self)

    def square(self) -> Value:
        """x * x."""
        return apply(ew.square, self)

    def sin(self) -> Value:
        """The sine."""
        return apply(ew.sin, self)

    def cos(self) -> Value:
        """The cosine."""
        return apply(ew.cos, self)

    def tan(self) -> Value:
        """The tangent."""
        return apply(ew.tan, self)

    def atan(self) -> Value:
        """The inverse tangent."""
        return apply(ew.atan, self)

    def tanh(self) -> Value:
        """The hyperbolic tangent."""
        return apply(ew.tanh, self)

    def sigmoid(self) -> Value:
        """1 / (1 + exp(-x))."""
        return apply(ew.sigmoid, self)

    def relu(self) -> Value:
        """max(x, 0)."""
        return apply(ew.relu, self)

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute("'Value' object")

    __array_ufunc__ = of_numpy

    # -- the backward pass -------------------------------------------------------------------------------------------

    def backward(
        self, gradient: float | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add d self / d v to `v.grad`, for every value v that self was computed from.

        Args:
            gradient: d loss / d self, if self is not the loss itself. Default: 1.
            retain_graph: keep the graph for another backward pass. Default: the value of `create_graph`.
            create_graph: make the gradients Values with their own graph.

        Raises:
            RuntimeError: on a second backward pass through a graph that was not retained.

        >>> x = Value(3.0)
        >>> y = x * x
        >>> y.backward()
        >>> x.grad
        6.0
        """
        retain = create_graph if retain_graph is None else retain_graph
        engine.backward({self: self.seed(gradient, create_graph)}, retain_graph=retain, create_graph=create_graph)

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        return [None if p is None else p * g for p in self._partials(graph)]  # p first: it may be a mask's NOTHING

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        pairs = [(t, p) for t, p in zip(tangents, self._partials(graph)) if t is not None and p is not None]
        return sum(p * t for t, p in pairs) if pairs else None

    def _partials(self, graph: bool) -> list[Any]:
        """The local derivatives; with `graph` as Values with a history."""
        partials: list[Any] = [self.da] if self.b is None else [self.da, self.db]
        if graph:  # compute the derivatives again, this time with Values
            operands = [o if isinstance(o, Value) else IEEE(o) for o in (self.a, self.b)[: len(partials)]]
            recorded = [None if p is None else f(*operands, self) for p, f in zip(partials, _on_values(self.primitive))]
            if any(p is not None and p == p and q != p for p, q in zip(partials, recorded)):
                raise RuntimeError(
                    f"the backward pass of {self.primitive.name!r} with create_graph=True needs its operands, but the "
                    ".data of one was changed after it was used. Change it after backward"
                )
            partials = recorded
        return partials

    def seed(self, gradient: float | Value | None = None, graph: bool = False) -> Any:
        """Return the gradient with which a backward pass starts: d self / d self = 1. With `graph`, a Value."""
        if isinstance(gradient, Value):
            return gradient if graph else gradient.data
        start = Value(1.0 if gradient is None else gradient)
        return start if graph else start.data

    def accumulate_grad(self, g: Any, shared: bool) -> Any:
        return g if self.grad is None else self.grad + g

    def release(self) -> None:
        self.released = True  # the local derivatives stay, for pictures; they are only numbers

    # -- the graph ---------------------------------------------------------------------------------------------------

    @property
    def node(self) -> Value:
        """The graph node of this value: the Value itself."""
        return self

    @property
    def inputs(self) -> tuple[Value | None, ...]:  # type: ignore[override]
        """The operands that receive a gradient; None instead of a constant."""
        if self.db is not None:
            return (self.a if self.da is not None else None, self.b)
        return () if self.primitive is None else (self.a,) if self.b is None else (self.a, None)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.primitive is not None:
            raise RuntimeError(
                f"only leaves can be copied or pickled, not results of {self.primitive.name!r}: Value(v.data)"
            )
        return _restored, (self.data, self.name, self.grad)

    # -- conversion and comparison -----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        grad = self.grad.data if isinstance(self.grad, Value) else self.grad
        return f"Value(data={self.data!r}, grad={grad!r}{name})"

    def item(self) -> float:
        """Return the number."""
        return self.data

    def __float__(self) -> float:
        if mode.recording:
            warn_of_plain_number("Value", "v")
        return self.data

    def __int__(self) -> int:
        if mode.recording:
            warn_of_plain_number("Value", "v")
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


def apply(primitive: Elementwise, *operands: Any) -> Any:
    """Return the Value y = primitive(*operands), with its local derivatives; the operands are Values and numbers."""
    if not all(isinstance(o, Value | Real) for o in operands):
        return not_implemented(*operands)
    is_value = tuple([isinstance(o, Value) for o in operands])
    numbers = [o.data if isinstance(o, Value) else float(o) for o in operands]
    y, *partials = _evaluator(primitive, is_value)(*numbers)
    out = Value(y)
    if mode.recording:
        out.primitive = primitive
        out.a, out.b = operands if len(operands) == 2 else (*operands, None)
        out.da, out.db = partials if len(operands) == 2 else (*partials, None)
    if watchers:
        notify(primitive, y, "forward", out)
    return out


@cache
def _evaluator(primitive: Elementwise, needed: tuple[bool, ...]) -> Callable[..., tuple[Any, ...]]:
    """A function of floats that returns the result and the partial derivatives (None where not needed)."""
    return with_ieee_fallback(primitive.on_numbers(needed, NUMBERS), primitive.on_numbers(needed, IEEE_NUMBERS))


# -- derivatives of derivatives --------------------------------------------------------------------------------------


@cache
def _on_values(primitive: Elementwise) -> list[Callable[..., Any]]:
    """The primitive's partial derivatives as functions of Values, which record what they compute."""
    return [primitive.compile(primitive.number(i), (*primitive.inputs, "y"), _VALUES) for i in primitive.inputs]


def _function(name: str) -> Callable[..., Any]:
    """The function called `name` in a primitive's text: of a Value its method, of a number that of `float_math`."""

    def function(x: Any, *rest: Any) -> Any:
        return getattr(x, name)() if isinstance(x, Value) and hasattr(x, name) else IEEE_NUMBERS[name](x, *rest)

    return function


_VALUES = {name: _function(name) for name in NUMBERS}


def _restored(data: float, name: str | None, grad: Any) -> Value:
    """Unpickle a leaf. It is created now, with a new place in the order of creation."""
    v = Value(data, name)
    v.grad = grad
    return v


accelerate(Value)  # the same operations and the same walk, ten times faster; without it, all works as well
