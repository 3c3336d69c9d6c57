"""What a primitive says of itself is read alike by the scalar engine, the tensor engine, the picture and a program."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cases import each
from hypothesis import assume, given
from hypothesis import strategies as st

from minigrad import Tensor, float64, source
from minigrad.float_math import NUMBERS
from minigrad.primitives.elementwise import relu
from minigrad.primitives.primitive import Elementwise, elementwise, mask
from minigrad.program.notation import contribution
from minigrad.scalar import Value, apply

inf, nan = math.inf, math.nan


def values(primitive: Elementwise, at: tuple[float, ...]) -> tuple[list[Value], Value]:
    xs = [Value(x, name=name) for x, name in zip(at, primitive.inputs)]
    return xs, apply(primitive, *xs)


def tensors(primitive: Elementwise, at: tuple[float, ...]) -> tuple[list[Tensor], Tensor]:
    xs = [Tensor(x, dtype=float64, requires_grad=True) for x in at]
    for x, name in zip(xs, primitive.inputs):
        x.name = name
    with np.errstate(all="ignore"):
        return xs, Tensor.apply(primitive, *xs)


def gradients(primitive: Elementwise, at: tuple[float, ...], g: float = 1.0) -> list[list[float]]:
    """The gradients for the upstream gradient g: of the scalar engine, and of the tensor engine."""
    xs, y = values(primitive, at)
    y.backward(g)
    ts, t = tensors(primitive, at)
    with np.errstate(all="ignore"):
        t.backward(np.array(g))
    assert same([y.data], [t.item()])
    return [[x.grad for x in xs], [0.0 if x.grad is None else x.grad.item() for x in ts]]


def same(found: Any, wanted: Any, tolerance: float = 1e-12) -> bool:
    return bool(np.allclose(found, wanted, rtol=tolerance, atol=tolerance, equal_nan=True))


# ---- partial derivatives, written by a recursion over random expressions ------------------------------------------

Pair = tuple[str, tuple[str, ...]]  # an expression in a and b, and its partial derivatives


def leaf(value: Any) -> Pair:
    return (value, tuple([str(int(value == name)) for name in "ab"])) if value in "ab" else (value, ("0", "0"))


def combined(kind: str, u: Pair, v: Pair) -> Pair:
    (f, df), (g, dg) = u, v
    texts = {
        "+": (f"({f} + {g})", "({p} + {q})"),
        "*": (f"({f} * {g})", f"({{p}} * {g} + {f} * {{q}})"),
        "min": (f"minimum({f}, {g})", f"(({f} < {g}) * {{p}} + ({f} >= {g}) * {{q}})"),  # a comparison as a number
        "max": (f"maximum({f}, {g})", f"where({f} > {g}, {{p}}, {{q}})"),
        "max ": (f"maximum({f}, {g})", f"({{q}} + ({f} > {g}) * ({{p}} - {{q}}))"),
        "tanh": (f"tanh({f})", f"(1 - tanh({f}) * tanh({f})) * {{p}}"),
    }
    text, partial = texts[kind]
    return text, tuple([partial.format(p=p, q=q) for p, q in zip(df, dg)])


KINDS = st.sampled_from(["+", "*", "min", "max", "max ", "tanh"])
EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "2", "0.5", "3"]).map(leaf),
    lambda inner: st.builds(combined, KINDS, inner, inner),
    max_leaves=6,
)
A = st.integers(-99, 99).map(lambda n: 0.0213 * n + 0.0007)  # at ties, the texts above are one-sided
B = st.integers(-99, 99).map(lambda n: 0.0197 * n + 0.0011)


@given(EXPRESSIONS, A, B)
def test_random_partials_in_both_engines_and_by_differences(expression: Pair, a: float, b: float) -> None:
    formula, partials = expression
    primitive = elementwise("random", f"{formula} + 0 * a * b", a=partials[0], b=partials[1])
    of_numbers, of_tensors = gradients(primitive, (a, b))
    assert same(of_numbers, of_tensors)
    f = primitive.compile(primitive.formula, "ab", NUMBERS)
    step = 1e-6
    for found, (da, db) in zip(of_numbers, ((step, 0.0), (0.0, step))):
        ahead, behind = (f(a + da, b + db) - f(a, b)) / step, (f(a, b) - f(a - da, b - db)) / step
        assume(abs(ahead - behind) < 1e-3)  # at a kink there is no derivative
        assert found == pytest.approx((ahead + behind) / 2, rel=1e-4, abs=1e-4)
    xs, y = values(primitive, (a, b))
    shown = {"a": a, "b": b, "y": y.data, "g": 1.0, **NUMBERS}
    assert same([eval(contribution(primitive, name), shown) for name in "ab"], of_numbers)
    ts, t = tensors(primitive, (a, b))
    for leaves, end in ((xs, y), (ts, t)):
        program = source(end).run()
        for found, leaf_, name in zip(of_numbers, leaves, "ab"):
            assert leaf_.name == name and same(program.get(f"d{name}", 0.0), found)


def test_a_comparison_in_a_partial_derivative_is_a_number() -> None:
    slope = elementwise("slope", "minimum(3 * x, 2 * x + 1)", x="(x < 1) + 2")
    x = Tensor([0.0, 2.0], requires_grad=True)
    Tensor.apply(slope, x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3, 2]
    for at, wanted in ((0.0, 3.0), (2.0, 2.0)):
        assert gradients(slope, (at,)) == [[wanted], [wanted]]
    step = elementwise("step", "maximum(x, 0)", x="x > 0")  # not said to be a choice, so a product
    assert [math.isnan(g) for (g,) in gradients(step, (-1.0,), inf)] == [True, True]


# ---- masks ---------------------------------------------------------------------------------------------------------

CHOICE = elementwise(
    "choice",
    "maximum(a, b)",
    a=mask("a > b", ties="a == b", nan=("a", "b")),
    b=mask("b > a", ties="a == b"),
)


@pytest.mark.parametrize("g", [2.0, -2.0, inf, -inf, nan])
@pytest.mark.parametrize(
    ("at", "partials"),
    [
        ((2.0, 1.0), (1, 0)),
        ((1.0, 2.0), (0, 1)),
        ((2.0, 2.0), (0.5, 0.5)),
        ((inf, inf), (0.5, 0.5)),
        ((nan, 1.0), (1, 0)),
        ((1.0, nan), (1, 0)),
        ((nan, nan), (1, 0)),
    ],
)
def test_a_mask_lets_the_gradient_pass_or_nothing(at: Any, partials: Any, g: float) -> None:
    wanted = [p * g if p else 0.0 for p in partials]
    for found in gradients(CHOICE, at, g):
        assert same(found, wanted)


@each("seed", range(100))
def test_masks_of_large_arrays_are_those_of_numbers(seed: int) -> None:
    """Where `where` has no branches."""
    a, g = np.random.default_rng(seed).choice([-1.0, -0.0, 0.0, 0.5, 1.0, inf, -inf, nan], (2, 1000))
    b = np.roll(a, 1)
    for name in "ab":
        vjp = CHOICE.vjps[name]
        found = vjp(g, a, b)
        for i in range(0, 1000, 97):
            assert same(found[i], vjp(g[i], a[i], b[i]))


@pytest.mark.parametrize("at", [(2.0, 1.0), (1.0, 2.0), (1.5, 1.5)])
def test_a_mask_is_constant_when_it_is_differentiated(at: tuple[float, float]) -> None:
    """Of y² with y = max(a, b), the second derivatives are 2 p q, for the partial derivatives p and q of y."""
    p, q = (1, 0) if at[0] > at[1] else (0, 1) if at[0] < at[1] else (0.5, 0.5)
    for make in (values, tensors):
        xs, y = make(CHOICE, at)  # type: ignore[operator]
        (y * y).backward(create_graph=True)
        first = [x.grad for x in xs]
        for x in xs:
            x.grad = None if make is tensors else 0.0
        (first[0] + 3 * first[1]).backward()
        found = [x.grad.item() if make is tensors else x.grad for x in xs]
        assert found == pytest.approx([2 * p * p + 6 * p * q, 2 * p * q + 6 * q * q])


def test_the_picture_and_the_program_show_the_condition_alone() -> None:
    """A reader is not shown how nan passes."""
    assert contribution(relu, "x") == "g * (x > 0)"
    x = Tensor([-1.0, 2.0], requires_grad=True)
    x.name = "x"
    text = str(source((x.relu() ** 2).sum()))
    assert "np.where(x > 0, dh1, 0)" in text and "x != x" not in text
    text = str(source(Value(2.0, name="x").relu() * 3))
    assert "3 if x > 0 else 0" in text and "x != x" not in text
