"""What a primitive is: how to compute it, and what it passes back to each of its inputs.

    exp    = elementwise("exp", "exp(x)", x="y")
    mul    = elementwise("mul", "a * b", a="b", b="a")
    matmul = Rule("matmul", lambda a, b: a @ b, a=lambda g, b: g @ b.mT, b=lambda g, a: a.mT @ g)

The keywords name the differentiable inputs. An **elementwise** rule gives the local partial derivative as a text
over the inputs and the result `y`; that one text is the number on the edge of a scalar graph, the factor in the
tensor engine, and the label in a picture. Where the derivative is a choice, as that of relu, a `mask` says so. Any
other rule gives a function from the upstream gradient `g`, and from whatever else it names, to that input's share: it
may name the inputs, the result `y`, an input's shape as `<input>_shape`, and the rule's parameters (the keyword-only
arguments of `forward`). What no function names is not kept for the backward pass, and may be overwritten before it.

Rules run on arrays, and on Tensors through NumPy's protocols when the backward pass is itself being recorded.
Broadcasting is not their business: whoever calls `vjp` sums a share to its input's shape.
This file imports NumPy only when the first elementwise rule meets an array.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple, Self

from minigrad.float_math import NOTHING

plain: dict[Callable[..., Any], Callable[..., Any]] = {}
"""For functions of rules that are written for speed the same to be read, from which programs are written."""


class Plan(NamedTuple):
    """What one choice of inputs that need a gradient asks of a rule."""

    saved: tuple[str, ...]  # the names of what the backward pass needs
    select: Callable[[Sequence[Any]], tuple[Any, ...]]  # picks it out of (y, *inputs, *parameters)
    calls: tuple[
        tuple[Callable[..., Any], tuple[int, ...]] | None, ...
    ]  # per input: function, its arguments in `saved`


def _picker(places: Sequence[int], shapes: Sequence[bool]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """A function that gives the values at these places, or only their shapes."""
    if any(shapes):
        return lambda values: tuple([_shape(values[i]) if s else values[i] for i, s in zip(places, shapes)])
    if len(places) == 1:
        return lambda values: (values[places[0]],)
    return itemgetter(*places) if places else lambda values: ()


def _shape(value: Any) -> Any:
    """The shape of an input, or of each where their number is open."""
    return [v.shape for v in value] if isinstance(value, tuple) else value.shape


class Primitive:
    """A primitive operation.

    Args:
        name: how errors and pictures call it.
        forward: computes the result from arrays; its keyword-only arguments are the rule's parameters. If it
            takes `*xs`, the number of inputs is open, and the one function in `vjps` returns all their shares.
        vjps: for each differentiable input, by name, the function described at the top of this file.
    """

    returns_view = False  # whether the result may share the input's memory
    notation: Mapping[str, str | tuple[str, ...]] = {}  # see `written`
    scratch: tuple[str, ...] = ()  # the parameters that are memory to compute in

    def __init__(self, name: str, forward: Callable[..., Any], **vjps: Callable[..., Any]) -> None:
        self.name = name
        self.forward = forward
        self.vjps: Mapping[str, Callable[..., Any]] = vjps
        signature = inspect.signature(forward).parameters.values()
        self.inputs = tuple(p.name for p in signature if p.kind is not p.KEYWORD_ONLY)
        self.parameters = tuple(p.name for p in signature if p.kind is p.KEYWORD_ONLY)
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in signature)
        self.recompute = forward
        """The same from the operands as they were, for a `forward` that finds one of them written to already."""
        self._plans: dict[tuple[bool, ...], Plan] = {}

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        """Apply the rule: to arrays plainly, and by `Tensor.apply`, which records it, as soon as one is a Tensor.

        This is how one rule's derivative calls another rule.
        """
        for operand in operands:
            if hasattr(operand, "apply"):
                return operand.apply(self, *operands, **parameters)
        return self.forward(*operands, **parameters)

    def written(self, y: str = "", **shares: str | tuple[str, ...]) -> Self:
        """Say how the result and what is passed back are shown to a reader, where the code itself is not a formula;
        for an elementwise rule its result and the partial derivatives. Where the number of inputs is open, there may be
        a text for each of them."""
        self.notation = {"y": y, **shares} if y else shares
        return self

    def plan(self, needed: tuple[bool, ...]) -> Plan:
        """The plan for these inputs needing a gradient (made once)."""
        plan = self._plans.get(needed)
        if plan is None:
            plan = self._plans[needed] = self._make_plan(needed)
        return plan

    @cached_property
    def full_plan(self) -> Plan:
        """The plan for all inputs needing a gradient, the commonest."""
        return self.plan((True,) * len(self.inputs))

    def _make_plan(self, needed: tuple[bool, ...]) -> Plan:
        values = ("y", *self.inputs, *self.parameters)
        saved: list[str] = []
        calls: list[tuple[Callable[..., Any], tuple[int, ...]] | None] = []
        for name, need in zip(self.inputs, needed):  # (an open number of inputs has one name, so one call)
            vjp = self.vjps.get(name)
            if vjp is None or not (need or self.variadic):
                calls.append(None)
                continue
            arguments = tuple(inspect.signature(vjp).parameters)[1:]  # the first is g
            saved += [a for a in arguments if a not in saved]
            calls.append((vjp, tuple(map(saved.index, arguments))))
        shapes = tuple(name not in values for name in saved)
        sources = tuple(values.index(n.removesuffix("_shape") if s else n) for n, s in zip(saved, shapes))
        return Plan(tuple(saved), _picker(sources, shapes), tuple(calls))


def recorded(x: Any) -> bool:
    """Whether x is a Tensor, whose arithmetic is recorded: it cannot be computed in the memory of other results."""
    return hasattr(x, "requires_grad")


class mask(str):  # noqa: N801 (it stands in the place of a text)
    """A partial derivative that is a choice: where the condition holds the gradient passes, elsewhere nothing does.

    A product with 0 would not say the same: it is nan where the upstream gradient is infinite or nan.

    Args:
        chosen: the condition, a text over the inputs and `y`.
        ties: where this holds, half of the gradient passes.
        nan: the name of a value, or several; where one of them is nan, the gradient passes, as it does in PyTorch, so
            that whatever comes before can see the nan.

    As a text it is the number that the partial derivative is, nan aside.

    >>> mask("x > 0"), mask("a > b", ties="a == b")
    ('x > 0', '(a > b) + 0.5 * (a == b)')
    """

    chosen: str
    ties: str
    nan: tuple[str, ...]

    def __new__(cls, chosen: str, ties: str = "", nan: str | tuple[str, ...] = ()) -> Self:
        self = super().__new__(cls, f"({chosen}) + 0.5 * ({ties})" if ties else chosen)
        self.chosen, self.ties, self.nan = chosen, ties, (nan,) if isinstance(nan, str) else nan
        return self

    def number(self) -> str:
        """The text of the partial derivative as a number; `NOTHING` is a 0 that stays 0 in every product."""
        conditions = " or ".join([f"({self.chosen})", *(f"{name} != {name}" for name in self.nan)])
        half = f"0.5 if {self.ties} else " if self.ties else ""
        return f"(1.0 if {conditions} else {half}NOTHING)"

    def product(self, nan: bool) -> str:
        """The text of the partial derivative times `g`; `nan` says whether to look for nan."""
        isnan = [f"({name} != {name})" for name in self.nan] if nan else []
        chosen = " | ".join([f"({self.chosen})", *isnan]) if isnan else self.chosen
        return f"where({chosen}, g, {f'where({self.ties}, 0.5 * g, 0)' if self.ties else '0'})"


class Elementwise(Primitive):
    """A primitive that acts on each element alone: texts for the result and for its partial derivatives.

    The texts are Python expressions in the inputs, `y` (in partials) and NumPy's function names; the scalar engine
    reads the same texts with `math`'s functions under these names.
    """

    def __init__(self, name: str, formula: str, partials: Mapping[str, str], inputs: tuple[str, ...]) -> None:
        self.name, self.formula, self.partials, self.inputs = name, formula, partials, inputs
        self.parameters, self.variadic = (), False
        self._plans = {}

    @cached_property
    def forward(self) -> Callable[..., Any]:  # type: ignore[override]
        from minigrad.primitives.kernels.elementwise import NAMES

        return self.compile(self.formula, self.inputs, NAMES)

    @property
    def recompute(self) -> Callable[..., Any]:  # type: ignore[override]
        """The same as `forward`."""
        return self.forward

    @cached_property
    def vjps(self) -> Mapping[str, Callable[..., Any]]:  # type: ignore[override]
        from minigrad.primitives.kernels.elementwise import NAMES

        return {name: self.vjp(name, NAMES) for name in self.partials}

    @cached_property
    def textbook_vjps(self) -> Mapping[str, Callable[..., Any]]:
        """The functions in `vjps`, of the same arguments, but where a `mask` does not look for nan."""
        from minigrad.primitives.kernels.elementwise import NAMES

        return {name: self.vjp(name, NAMES, nan=False) for name in self.partials}

    def vjp(self, name: str, names: Mapping[str, Any], nan: bool = True) -> Callable[..., Any]:
        """The function from the upstream gradient, and what else it names, to the share of the input `name`.

        With `nan` False, as a textbook has it: a `mask` does not look for nan.
        """
        partial = self.partials[name]
        if isinstance(partial, mask):
            product = partial.product(nan)
        else:
            product = {"1": "g", "-1": "-g", "0": "where(True, 0, g)"}.get(partial, f"g * ({partial})")
        used = compile(partial, self.name, "eval").co_names
        return self.compile(product, ("g", *(n for n in ("y", *self.inputs) if n in used)), names)

    def number(self, name: str) -> str:
        """The text of the partial derivative for the input `name`, as the scalar engine computes it."""
        partial = self.partials[name]
        return partial.number() if isinstance(partial, mask) else partial

    def compile(self, expression: str, arguments: Sequence[str], names: Mapping[str, Any]) -> Callable[..., Any]:
        """A function of `arguments` that computes `expression`, with `names` as the functions it may call."""
        return eval(f"lambda {', '.join(arguments)}: {expression}", {**names, "NOTHING": NOTHING})

    def on_numbers(self, needed: Sequence[bool], names: Mapping[str, Any]) -> Callable[..., Any]:
        """A function of plain numbers that gives the result and, for each input, its partial (None if not needed)."""
        partials = [self.number(i) if need else "None" for i, need in zip(self.inputs, needed)]
        return self.compile(f"((y := {self.formula}), {', '.join(partials)})", self.inputs, names)


def elementwise(name: str, formula: str, **partials: str) -> Elementwise:
    """An elementwise rule; the inputs are the names in `partials`, in that order.

    >>> tanh = elementwise("tanh", "tanh(x)", x="1 - y * y")
    >>> tanh.inputs, tanh.partials["x"]
    (('x',), '1 - y * y')
    """
    return Elementwise(name, formula, partials, tuple(partials))
