"""What a primitive is: how to compute a result, and what goes back to each of its inputs.

A primitive has a name, a forward function, and for each differentiable input a function from the upstream gradient `g`
to the gradient contribution of that input, its vector-Jacobian product (vjp). These five lines are a primitive:

>>> import numpy as np
>>> scaled_sum = Primitive(
...     "scaled_sum",
...     lambda x, *, factor: np.sum(factor * x),
...     x=lambda g, x_shape, factor: np.broadcast_to(g * factor, x_shape),
... )

`Tensor.apply` records it, and everything else follows: second derivatives, forward mode, pictures, programs.

>>> from minigrad import Tensor
>>> x = Tensor([1.0, 2.0], requires_grad=True)
>>> Tensor.apply(scaled_sum, x, factor=3.0).backward()
>>> x.grad
tensor([3., 3.])

**Arguments.** The positional arguments of `forward` are the inputs, the keyword-only ones are parameters. A vjp takes
`g` first, and then what it names: inputs, the result `y`, parameters, or the shape of an input as `<input>_shape`.
Only what some vjp names is saved for the backward pass; everything else may be overwritten before it.

**Elementwise primitives** are texts: a formula, and the partial derivative for each input. One text is the number on
the edge of a scalar graph, the factor in the tensor engine, and the label in a picture.

>>> tanh = elementwise("tanh", "tanh(x)", x="1 - y * y")
>>> relu = elementwise("relu", "maximum(x, 0)", x=mask("x > 0"))

**Readable first.** `forward` and the vjps are what a textbook prints. They run on arrays, on Tensors (when a backward
pass is recorded) and on the traced arrays of `minigrad.source`, all through NumPy's protocols; so they call NumPy and
other primitives, and write into no array but their own. A faster form for plain arrays is a `kernel`; it lies in
`minigrad.primitives.kernels`, and a test compares it with the readable form.

**Broadcasting** is not the business of a vjp: the caller sums a contribution to the shape of its input.

This file imports NumPy only when an elementwise primitive first meets an array.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple, Self

from minigrad.float_math import NOTHING

Function = Callable[..., Any]


def is_recorded(x: Any) -> bool:
    """Return True for a Tensor or a traced array: whatever is computed with it is recorded."""
    return hasattr(x, "apply")


# ---- what is saved, and who takes it ---------------------------------------------------------------------------------

Call = tuple[Function, tuple[int, ...]]
"""A vjp, and the positions of its arguments among the saved values."""


class Calls(NamedTuple):
    """The vjps of a primitive: one for each input (None where it gives no contribution), or one for all inputs."""

    each: tuple[Call | None, ...]
    together: Call | None


@dataclass(eq=False)
class Plan:
    """What a primitive saves and calls, for one choice of the inputs that need a gradient.

    Attributes:
        saved: the names of the saved values.
        select: picks the saved values out of (y, *inputs, *parameters, *what the kernel keeps).
        calls: the readable vjps.
        array_calls: the vjps for plain arrays, those of kernels where there are any.
        written_out: the same as one function, see `tensors.array_vjps`.
    """

    saved: tuple[str, ...]
    select: Callable[[Sequence[Any]], tuple[Any, ...]]
    calls: Calls
    array_calls: Calls
    written_out: Function | None = None
    written_out_same_shape: Function | None = None


def _selector(positions: Sequence[int], shapes: Sequence[bool]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return a function that picks the values at these positions, or only their shapes."""
    if any(shapes):
        return lambda values: tuple([_shape(values[i]) if s else values[i] for i, s in zip(positions, shapes)])
    if len(positions) == 1:
        return lambda values: (values[positions[0]],)
    return itemgetter(*positions) if positions else lambda values: ()


def _shape(value: Any) -> Any:
    """Return the shape of an input, or of each input of a variadic primitive."""
    return [v.shape for v in value] if isinstance(value, tuple) else value.shape


# ---- primitives ------------------------------------------------------------------------------------------------------


class Primitive:
    """A primitive operation.

    Args:
        name: the name in errors and pictures.
        forward: computes the result; its keyword-only arguments are the parameters. If it takes `*xs`, the primitive is
            variadic, and the single vjp in `vjps` returns the contributions of all inputs.
        vjps: for each differentiable input, by name, its vector-Jacobian product, see the top of this file.

    Attributes:
        inputs, parameters: their names, from the signature of `forward`.
        run: computes the result from plain arrays: `forward`, or its kernel.
        recompute: `forward`, unless the result was computed by writing into an operand; then the same without that.
        returns_view: True if the result may share the memory of the first input.
        notation: formulas for readers, see `with_notation`.
        piecewise_linear: True if the derivative is constant on each side of a kink. Then a gradient that is
            differentiated again depends on the input, with a derivative of 0.
        has_kernel: True if there are faster forms for plain arrays, see `kernel`.
        kernels: the faster vjps, by input; under "" one for all inputs.
        keeps: the names of what a kernel computes on the way and its vjp needs.
    """

    returns_view = False
    piecewise_linear = False
    notation: Mapping[str, str | tuple[str, ...]] = {}
    has_kernel = False
    kernels: Mapping[str, Function] = {}
    keeps: tuple[str, ...] = ()

    def __init__(self, name: str, forward: Function, **vjps: Function) -> None:
        self.name = name
        self.forward = self.run = self.recompute = forward
        self.vjps: Mapping[str, Function] = vjps
        signature = inspect.signature(forward).parameters.values()
        self.inputs = tuple(p.name for p in signature if p.kind is not p.KEYWORD_ONLY)
        self.parameters = tuple(p.name for p in signature if p.kind is p.KEYWORD_ONLY)
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in signature)
        self._plans: dict[tuple[bool, ...], Plan] = {}

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        """Apply the primitive: record it if an operand is a Tensor, compute with plain arrays otherwise.

        This is how the vjp of one primitive calls another primitive.
        """
        for operand in operands:
            if is_recorded(operand):
                return operand.apply(self, *operands, **parameters)
        result = self.run(*operands, **parameters)
        return result[0] if self.keeps else result

    def with_notation(self, y: str = "", **contributions: str | tuple[str, ...]) -> Self:
        """Set the formulas that a reader is shown, where the code itself is not a formula, and return the primitive.

        Args:
            y: the result.
            contributions: by input, its contribution; for an elementwise primitive, its partial derivative. For a
                variadic primitive there may be a tuple, with a text for each input.
        """
        self.notation = {"y": y, **contributions} if y else contributions
        return self

    @property
    def array_vjps(self) -> Mapping[str, Function]:
        """The vjps for plain arrays, by input."""
        return {**self.vjps, **self.kernels}

    def plan(self, needed: tuple[bool, ...]) -> Plan:
        """Return the plan for these inputs needing a gradient. It is made once."""
        plan = self._plans.get(needed)
        if plan is None:
            plan = self._plans[needed] = self._make_plan(needed)
        return plan

    @cached_property
    def full_plan(self) -> Plan:
        """The plan for all inputs needing a gradient, the most common one."""
        return self.plan((True,) * len(self.inputs))

    def _make_plan(self, needed: tuple[bool, ...]) -> Plan:
        values = ("y", *self.inputs, *self.parameters, *self.keeps)
        saved: list[str] = []

        def call(vjp: Function | None) -> Call | None:
            if vjp is None:
                return None
            arguments = tuple(inspect.signature(vjp).parameters)[1:]  # the first is g
            saved.extend([a for a in arguments if a not in saved])
            return vjp, tuple(map(saved.index, arguments))

        def calls(vjps: Mapping[str, Function]) -> Calls:
            together = call(vjps.get(self.inputs[0] if self.variadic else ""))
            if together is not None:
                return Calls((), together)
            return Calls(
                tuple([call(vjps.get(name)) if need else None for name, need in zip(self.inputs, needed)]), None
            )

        readable, fast = calls(self.vjps), calls(self.array_vjps)
        shapes = tuple(name not in values for name in saved)
        sources = tuple(values.index(n.removesuffix("_shape") if s else n) for n, s in zip(saved, shapes))
        return Plan(tuple(saved), _selector(sources, shapes), readable, fast)


def kernel(
    primitive: Primitive,
    forward: Function | None = None,
    together: Function | None = None,
    keeps: tuple[str, ...] = (),
    **vjps: Function,
) -> None:
    """Register faster forms of a primitive, which run on plain arrays only.

    Args:
        primitive: a primitive that no plan has been made for yet.
        forward: with the arguments of the readable `forward`.
        together: one vjp that returns the contributions of all inputs, instead of one for each.
        keeps: names for what `forward` returns besides the result, as a tuple (y, *extras), for the vjps to take.
        vjps: by input, as those of the readable form.
    """
    if forward is not None:
        primitive.run = forward
    primitive.kernels = vjps if together is None else {"": together, **vjps}
    primitive.keeps = keeps
    primitive.has_kernel = True


# ---- elementwise primitives ------------------------------------------------------------------------------------------


class mask(str):  # noqa: N801 (it stands where a text stands)
    """A partial derivative that is a choice: where the condition holds, the gradient passes; elsewhere, nothing does.

    A product with 0 does not say the same: it is nan where the upstream gradient is infinite or nan.

    Args:
        chosen: the condition, a text over the inputs and `y`.
        ties: where this condition holds, half of the gradient passes.
        nan: the name of a value, or several; where one of them is nan, the gradient passes, as it does in PyTorch, so
            that a nan shows in the gradients of whatever comes before it.
        value: the partial derivative where the condition holds, a text.
        otherwise: the partial derivative elsewhere, a text.

    As a text, it is the number that the partial derivative is, nan aside.

    >>> mask("x > 0"), mask("a > b", ties="a == b"), mask("x > 0", otherwise="slope")
    ('x > 0', '(a > b) + 0.5 * (a == b)', 'where(x > 0, 1, slope)')
    """

    chosen: str
    ties: str
    nan: tuple[str, ...]
    value: str
    otherwise: str

    def __new__(
        cls, chosen: str, ties: str = "", nan: str | tuple[str, ...] = (), value: str = "1", otherwise: str = "0"
    ) -> Self:
        text = chosen if (value, otherwise) == ("1", "0") else f"where({chosen}, {value}, {otherwise})"
        self = super().__new__(cls, f"({chosen}) + 0.5 * ({ties})" if ties else text)
        self.chosen, self.ties, self.nan = chosen, ties, (nan,) if isinstance(nan, str) else nan
        self.value, self.otherwise = value, otherwise
        return self

    def number(self) -> str:
        """Return the text of the partial derivative as a number; `NOTHING` is a 0 that stays 0 in every product."""
        conditions = " or ".join([f"({self.chosen})", *(f"{name} != {name}" for name in self.nan)])
        half = f"0.5 if {self.ties} else " if self.ties else ""
        value, otherwise = ("NOTHING" if text == "0" else f"1.0 * ({text})" for text in (self.value, self.otherwise))
        return f"({value} if {conditions} else {half}{otherwise})"

    def product(self, nan: bool) -> str:
        """Return the text of `g` times the partial derivative; with `nan` False, without a look for nan."""
        isnan = [f"({name} != {name})" for name in self.nan] if nan else []
        chosen = " | ".join([f"({self.chosen})", *isnan]) if isnan else self.chosen
        value, otherwise = (_times_g(text) for text in (self.value, self.otherwise))
        return f"where({chosen}, {value}, {f'where({self.ties}, 0.5 * g, {otherwise})' if self.ties else otherwise})"


def _times_g(factor: str) -> str:
    """Return the text of g times a factor, which is a text."""
    return {"0": "0", "1": "g", "-1": "-g"}.get(factor, f"g * ({factor})")


ARRAY_FUNCTIONS: dict[str, Function] = {}
"""Faster forms of NumPy's functions, for texts that are read for plain arrays."""
_by_name: dict[str, Elementwise] = {}
"""The elementwise primitives, which the texts of later ones may call."""


class Elementwise(Primitive):
    """A primitive that acts on each element alone: texts for the result and for its partial derivatives.

    The texts are Python expressions over the inputs, `y` (in partial derivatives), NumPy's functions and elementwise
    primitives; the scalar engine reads the same texts with the functions of `math`.
    """

    def __init__(self, name: str, formula: str, partials: Mapping[str, str], inputs: tuple[str, ...]) -> None:
        self.name, self.formula, self.partials, self.inputs = name, formula, partials, inputs
        self.parameters, self.variadic = (), False
        self._plans = {}
        _by_name.setdefault(name, self)

    @cached_property
    def forward(self) -> Function:  # type: ignore[override]
        return self.compile(self.formula, self.inputs, _numpy_names())

    @cached_property
    def run(self) -> Function:  # type: ignore[override]
        return self.compile(self.formula, self.inputs, _numpy_names(**ARRAY_FUNCTIONS))

    @property
    def recompute(self) -> Function:  # type: ignore[override]
        return self.forward

    @cached_property
    def vjps(self) -> Mapping[str, Function]:  # type: ignore[override]
        return {name: self.vjp(name, _numpy_names()) for name in self.partials}

    @cached_property
    def array_vjps(self) -> Mapping[str, Function]:
        names = _numpy_names(**ARRAY_FUNCTIONS)
        return {**{name: self.vjp(name, names) for name in self.partials}, **self.kernels}

    @cached_property
    def textbook_vjps(self) -> Mapping[str, Function]:
        """The same as `vjps`, but a `mask` does not look for nan."""
        return {name: self.vjp(name, _numpy_names(), nan=False) for name in self.partials}

    def vjp(self, name: str, names: Mapping[str, Any], nan: bool = True) -> Function:
        """Return the function from the upstream gradient, and what else it names, to the contribution of `name`.

        Args:
            name: of an input.
            names: the functions that the texts may call.
            nan: False to leave out a look for nan, as textbooks do.
        """
        partial = self.partials[name]
        if isinstance(partial, mask):
            product = partial.product(nan)
        else:
            product = "where(True, 0, g)" if partial == "0" else _times_g(partial)
        used = compile(partial, self.name, "eval").co_names
        return self.compile(product, ("g", *(n for n in ("y", *self.inputs) if n in used)), names)

    def number(self, name: str) -> str:
        """Return the text of the partial derivative for the input `name`, as the scalar engine computes it."""
        partial = self.partials[name]
        return partial.number() if isinstance(partial, mask) else partial

    def compile(self, expression: str, arguments: Sequence[str], names: Mapping[str, Any]) -> Function:
        """Return a function of `arguments` that computes `expression`, with `names` as the functions it may call."""
        code = compile(f"lambda {', '.join(arguments)}: {expression}", f"<{expression}>", "eval")
        return eval(code, {**names, "NOTHING": NOTHING})

    def on_numbers(self, needed: Sequence[bool], names: Mapping[str, Any]) -> Function:
        """Return a function of plain numbers that gives the result and the partial derivatives, None if not needed."""
        partials = [self.number(i) if need else "None" for i, need in zip(self.inputs, needed)]
        return self.compile(f"((y := {self.formula}), {', '.join(partials)})", self.inputs, names)


def _numpy_names(**others: Function) -> dict[str, Any]:
    import numpy as np

    return {**_by_name, **vars(np), **others}


def elementwise(name: str, formula: str, **partials: str) -> Elementwise:
    """Return an elementwise primitive; its inputs are the names in `partials`, in that order.

    >>> tanh = elementwise("tanh", "tanh(x)", x="1 - y * y")
    >>> tanh.inputs, tanh.partials["x"]
    (('x',), '1 - y * y')
    """
    return Elementwise(name, formula, partials, tuple(partials))
