"""Shapes: random operands, axes, indices and moves against NumPy, and the gradients they must have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad
from minigrad import Tensor

some = settings(deadline=None, max_examples=60, derandomize=True, database=None)

Shape = tuple[int, ...]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=3)
WITH_EMPTY = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)

BINARY: dict[str, tuple[Callable[[Any, Any], Any], float, float, float, float]] = {
    "add": (np.add, 2, 3, 1, 1),
    "sub": (np.subtract, 2, 3, 1, -1),
    "mul": (np.multiply, 2, 3, 3, 2),
    "div": (np.divide, 6, 2, 1 / 2, -6 / 4),
    "pow": (np.power, 3, 2, 6, 9 * math.log(3)),
    "maximum": (np.maximum, 3, 2, 1, 0),
    "minimum": (np.minimum, 2, 2, 1 / 2, 1 / 2),
}
"""What NumPy does; two numbers a, b; and the derivatives by a and b there."""


def arange(shape: Shape, start: float = 0.0) -> np.ndarray:
    """Numbers that are all different."""
    return np.arange(start, start + math.prod(shape)).reshape(shape)


def leaf(array: np.ndarray) -> Tensor:
    return Tensor(array, requires_grad=True)


def assert_equal(t: Any, wanted: Any) -> None:
    """The same shape, and the same numbers up to rounding."""
    assert t.shape == np.shape(wanted)
    np.testing.assert_allclose(t.detach().numpy(), wanted, rtol=1e-12, atol=1e-12)


@some
@given(
    name=st.sampled_from(sorted(BINARY)), shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3)
)
def test_broadcasting_is_numpys_and_its_gradient_counts_the_repeats(name: str, shapes: Any) -> None:
    function, a, b, da, db = BINARY[name]
    left, right = (arange(s, start=1.0) for s in shapes.input_shapes)
    assert_equal(getattr(Tensor(left), name)(Tensor(right)), function(left, right))
    x, y = (leaf(np.full(s, float(n))) for s, n in zip(shapes.input_shapes, (a, b)))
    getattr(x, name)(y).sum().backward()
    for t, slope in ((x, da), (y, db)):
        assert_equal(t.grad, np.full(t.shape, slope * math.prod(shapes.result_shape) / max(t.numel(), 1)))


@some
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3))
def test_where_broadcasts_all_three(shapes: Any) -> None:
    a, b, condition = (arange(s) for s in shapes.input_shapes)
    condition = condition % 2 == 0
    x, y = leaf(a), leaf(b)
    out = minigrad.where(condition, x, y)
    assert_equal(out, np.where(condition, a, b))
    gradients = minigrad.grad(out.sum(), [x, y])
    chosen = np.broadcast_to(condition, shapes.result_shape)
    for gradient, mask, shape in zip(gradients, (chosen, ~chosen), shapes.input_shapes):
        places = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), shapes.result_shape)
        assert_equal(gradient, np.bincount(places[mask], minlength=math.prod(shape)).reshape(shape))


def broadcasts(*shapes: Shape) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True


@some
@given(name=st.sampled_from([*BINARY, "eq", "lt", "where", "masked_fill", "clamp"]), a=WITH_EMPTY, b=WITH_EMPTY)
def test_shapes_that_do_not_fit_are_named(name: str, a: Shape, b: Shape) -> None:
    assume(not broadcasts(a, b))
    x, y = Tensor(np.ones(a)), Tensor(np.ones(b))
    with pytest.raises(ValueError) as error:
        if name == "where":
            minigrad.where(x > 0, y, 0.0)
        elif name == "masked_fill":
            x.masked_fill(y > 0, 1.0)
        else:
            getattr(x, name)(y)
    for part in ({"masked_fill": "where"}.get(name, name), str(a), str(b)):
        assert part in str(error.value)


@st.composite
def reductions(draw: Any) -> tuple[Shape, Any, bool]:
    """A shape, axes of it from either end (or none, or all), and whether to keep them."""
    shape = draw(SHAPES)
    axes = draw(st.none() | hnp.valid_tuple_axes(len(shape), min_size=1) if shape else st.none())
    if axes is not None and len(axes) == 1 and draw(st.booleans()):
        axes = axes[0]
    return shape, axes, draw(st.booleans())


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "amax": np.max,
    "amin": np.min,
    "all": np.all,
    "any": np.any,
    "var": lambda x, axis, keepdims: np.var(x, axis=axis, keepdims=keepdims),
    "std": lambda x, axis, keepdims: np.std(x, axis=axis, keepdims=keepdims),
    "logsumexp": lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
}


@some
@given(name=st.sampled_from(sorted(REDUCTIONS)), case=reductions())
def test_reductions_are_numpys(name: str, case: Any) -> None:
    shape, axes, keep = case
    x = leaf(np.sin(arange(shape)))
    wanted = REDUCTIONS[name](np.sin(arange(shape)), axis=axes, keepdims=keep)
    options = {"unbiased": False} if name in ("var", "std") else {}
    assert_equal(getattr(x, name)(dim=axes, keepdim=keep, **options), wanted)
    assert_equal(getattr(x, name)(axis=axes, keepdims=keep, **options), wanted)
    if hasattr(np, name):
        assert_equal(getattr(np, name)(x, axis=axes, keepdims=keep), wanted)


@some
@given(case=reductions())
def test_gradients_of_reductions(case: Any) -> None:
    """The elements of a sum have slope 1, those of a mean share it, and a maximum's has it alone."""
    shape, axes, keep = case
    a = np.sin(arange(shape))  # all different
    share = np.sum(np.ones(shape), axis=axes).max()
    wanted = {"sum": np.ones(shape), "mean": np.full(shape, 1 / share), "amax": a == a.max(axis=axes, keepdims=True)}
    for name, slopes in wanted.items():
        x = leaf(a)
        getattr(x, name)(axes, keep).sum().backward()
        assert_equal(x.grad, slopes)


@st.composite
def indices(draw: Any) -> tuple[Shape, Any]:
    """A shape and an index into it: basic, of integer arrays with repeats, a mask, or a mixture."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    k = draw(st.integers(0, 4))
    mixed = [st.slices(n) | st.integers(-n, n - 1) | hnp.arrays(int, k, elements=st.integers(-n, n - 1)) for n in shape]
    kinds = [
        hnp.basic_indices(shape, allow_newaxis=True, max_dims=6),
        hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=4)),
        hnp.arrays(bool, shape[: draw(st.integers(1, len(shape)))]),
        st.tuples(*mixed[: draw(st.integers(1, len(shape)))]),
    ]
    return shape, draw(st.one_of(kinds))


@some
@given(case=indices())
def test_reading_at_an_index_is_numpys_and_its_gradient_counts_the_reads(case: Any) -> None:
    shape, index = case
    x = leaf(arange(shape))
    assert_equal(x[index], arange(shape)[index])
    x[index].sum().backward()
    reads = np.zeros(shape)
    np.add.at(reads, index, 1)
    assert_equal(x.grad, reads)


@some
@given(case=indices(), one=st.booleans())
def test_writing_at_an_index_is_numpys_and_its_gradient_goes_to_what_stays(case: Any, one: bool) -> None:
    shape, index = case
    wanted = arange(shape)
    values = np.array(-1.0) if one else -1 - arange(wanted[index].shape)
    wanted[index] = values
    x, v = leaf(arange(shape)), leaf(values)
    z = x * 1
    z[index] = v
    assert_equal(z, wanted)
    z.sum().backward()
    assert_equal(x.grad, wanted >= 0)
    stayed = np.isin(values, wanted) if not one else (wanted < 0).sum()
    assert_equal(v.grad, stayed)


@some
@given(shape=SHAPES, data=st.data())
def test_moves_there_and_back(shape: Shape, data: Any) -> None:
    """Permuted, reshaped, with and without dimensions of 1: what comes back is what was there, gradients too."""
    weights = arange(shape, start=1.0)
    order = data.draw(st.permutations(range(len(shape))))
    back = np.argsort(order).tolist() if order else []
    n, divisor = math.prod(shape), data.draw(st.integers(1, 4))
    place = data.draw(st.integers(-len(shape) - 1, len(shape)))
    routes = (
        lambda x: x.permute(order).permute(back),
        lambda x: x.T.T,
        lambda x: x.flatten().reshape(shape),
        lambda x: x.reshape(-1, divisor if n % divisor == 0 else 1).reshape(shape),
        lambda x: x.unsqueeze(place).squeeze(place),
        lambda x: x.permute(order).reshape(-1).reshape([shape[i] for i in order]).permute(back),
    )
    for route in routes:
        x = leaf(arange(shape))
        y = route(x)
        assert_equal(y, arange(shape))
        (y * weights).sum().backward()
        assert_equal(x.grad, weights)


@some
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3))
def test_expand_counts_the_repeats(shapes: Any) -> None:
    small, large = shapes.input_shapes[0], shapes.result_shape
    x = leaf(arange(small))
    y = x.expand(large)
    assert_equal(y, np.broadcast_to(arange(small), large))
    y.sum().backward()
    assert_equal(x.grad, np.full(small, math.prod(large) / max(math.prod(small), 1)))


@some
@given(data=st.data(), shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
def test_joining_gives_each_its_own_gradient(data: Any, shape: Shape) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    pieces = [arange(tuple(n if i == axis % len(shape) else m for i, m in enumerate(shape))) for n in sizes]
    xs = [leaf(p) for p in pieces]
    joined = minigrad.cat(xs, axis)
    assert_equal(joined, np.concatenate(pieces, axis))
    (joined * joined).sum().backward()
    for x, p in zip(xs, pieces):
        assert_equal(x.grad, 2 * p)
