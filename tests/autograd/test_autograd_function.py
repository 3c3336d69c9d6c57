"""Functions with a derivative of one's own: what they say when they are wrong, their place in the graph."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, func, tensor, walk
from minigrad.autograd import Function, gradcheck, gradgradcheck
from minigrad.autograd.function import once_differentiable
from minigrad.viz.graph.dot import dot


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class SumAndProduct(Function):
    """Saves what it gives."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, scale: float) -> Any:
        s, p = a + b, scale * a * b
        ctx.save_for_backward(a, b, p)
        ctx.scale = scale
        return s, p

    @staticmethod
    def backward(ctx: Any, gs: Tensor, gp: Tensor) -> Any:
        a, b, p = ctx.saved_tensors
        return gs + gp * ctx.scale * b, gs + gp * p / b, None


class Exp(Function):
    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return g * ctx.saved_tensors[0]


class InNumPy(Function):
    """As a course's exercise has it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.x = x.detach().numpy()
        return tensor(np.sin(ctx.x))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return tensor(g.numpy() * np.cos(ctx.x))


def double(*numbers: float) -> Tensor:
    return tensor(np.array(numbers or (1.0, -2.0, 0.5)), requires_grad=True)


# ---- right -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        Cube.apply,
        Exp.apply,
        lambda x: SumAndProduct.apply(x, x + 3, 2.0),
        lambda x: SumAndProduct.apply(x, x + 3, 2.0)[1],
        lambda x: SumAndProduct.apply(Cube.apply(x), Exp.apply(x) + 1, 2.0),
    ],
)
def test_derivatives_and_those_of_the_derivatives(f: Callable[[Tensor], Any]) -> None:
    assert gradcheck(f, double())
    assert gradgradcheck(f, double())
    forwards, backwards = func.jacfwd(f)(double()), func.jacrev(f)(double())
    for a, b in zip(*[(j if isinstance(j, tuple) else (j,)) for j in (forwards, backwards)]):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy())


def test_in_numpy_there_is_one_derivative_and_no_forward_mode() -> None:
    x = double()
    assert gradcheck(InNumPy.apply, x)
    g = minigrad.grad(InNumPy.apply(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), np.cos(x.detach().numpy()))


def test_once_differentiable_says_so_when_its_saved_tensors_would_be_forgotten() -> None:
    class Square(Cube):
        backward = staticmethod(once_differentiable(Cube.backward))

    x = double()
    g = minigrad.grad(Square.apply(x).sum(), x, create_graph=True)
    for attempt in (lambda: g.sum().backward(), lambda: func.jvp(Square.apply, (x.detach(),), (x.detach(),))):
        with pytest.raises(
            RuntimeError, match=r"Square\.backward is marked @once_differentiable: it supports no second"
        ):
            attempt()


def test_it_is_a_node_like_any_other() -> None:
    a, b = tensor([1.0, 2.0], requires_grad=True), tensor([3.0, 4.0], requires_grad=True)
    a.name = "a"
    s, p = SumAndProduct.apply(a, b, 2.0)
    y = (s * p).sum()
    names = [node.primitive.name if node.primitive else node.name for node, _, _ in walk(y)]
    assert names == ["sum", "mul", "SumAndProduct[1]", "SumAndProduct[0]", "SumAndProduct", None, "a"]
    picture = dot(y)
    assert "|<0> a|<1> b|<2> scale|" in picture.replace("{", "|").replace("}", "|")
    assert picture.count("SumAndProduct[0]") == picture.count("SumAndProduct[1]") == 1
    assert repr(Cube.apply(a)).endswith("grad_fn=<Cube>)")


def test_pictures_have_no_addresses() -> None:
    class Applied(Function):
        @staticmethod
        def forward(ctx: Any, f: Any, x: Tensor) -> Tensor:
            return f(x)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            return None, g

    assert "0x" not in dot(Applied.apply(lambda x: x * 1, double(1.0)))


def test_outputs_have_memory_of_their_own_and_inputs_stay_as_they_are() -> None:
    class Shape(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            return x, x.reshape(3, 1)

        @staticmethod
        def backward(ctx: Any, g: Tensor, h: Tensor) -> Tensor:
            return g + h.reshape(3)

    x = double()
    h = x * 2
    same, column = Shape.apply(h)
    same += 1
    column *= 2
    assert h.tolist() == [2.0, -4.0, 1.0]
    (same.sum() + column.sum() + h.sum()).backward()
    assert x.grad is not None and x.grad.tolist() == [8.0, 8.0, 8.0]


def test_the_graph_of_a_function_is_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = double()
        s, p = SumAndProduct.apply(x, x * 2, 2.0)
        watched = [weakref.ref(s.node), weakref.ref(p.node.inputs[0])]
        y = (s * p + Exp.apply(p)).sum()
        y.backward()
        del s, p, y
        assert [w() for w in watched] == [None, None]
    finally:
        gc.enable()


def test_an_input_that_is_given_back_is_saved_as_the_input() -> None:
    class Half(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            return g * ctx.saved_tensors[0] * 5

    x = double()
    (slope,) = minigrad.autograd.grad(Half.apply(x).sum(), x, create_graph=True)
    assert minigrad.grad(slope.sum(), x).tolist() == [5.0, 5.0, 5.0]


def test_gradients_are_in_the_dtype_of_the_inputs() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)

    class Precise(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.double() * 2

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            assert g.dtype == np.float64
            return g * 2

    Precise.apply(x).sum().backward()
    assert x.grad is not None and x.grad.dtype == np.float32


class Product(Function):
    """With forward mode of its own."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, k: float) -> Any:
        return x * y * k, x + y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, y, ctx.k = inputs
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)

    @staticmethod
    def backward(ctx: Any, g: Tensor, h: Tensor) -> Any:
        x, y = ctx.saved_tensors
        return g * y * ctx.k + h, g * x * ctx.k + h, None

    @staticmethod
    def jvp(ctx: Any, tx: Tensor, ty: Tensor, tk: None) -> Any:
        x, y = ctx.saved_tensors
        assert tk is None
        return (tx * y + x * ty) * ctx.k, tx + ty


def test_forward_mode_may_be_written_too() -> None:
    x, y, v = (tensor(np.array(a)) for a in ([1.0, 2.0], [3.0, 4.0], [1.0, -1.0]))
    out, tangents = func.jvp(lambda x: Product.apply(x, y, 5.0), (x,), (v,))
    assert [t.tolist() for t in tangents] == [[15.0, -20.0], [1.0, -1.0]]
    assert func.hessian(lambda x: Product.apply(x, x, 5.0)[0].sum())(x).tolist() == [[10.0, 0.0], [0.0, 10.0]]
    twice = func.jacfwd(func.jacfwd(lambda x: Product.apply(x, x, 5.0)[0].sum()))
    assert twice(x).tolist() == [[10.0, 0.0], [0.0, 10.0]]
    for answer, message in (
        (lambda ctx, tx, ty, tk: tx, "Product.jvp returned 1 tangents for 2 outputs"),
        (
            lambda ctx, tx, ty, tk: (tx, tx[:1]),
            r"Product.jvp: a tangent is float64 of shape \(1,\), but the output is fl",
        ),
    ):
        wrong = type("Product", (Product,), {"jvp": staticmethod(answer)})
        with pytest.raises(RuntimeError, match=message):
            func.jvp(lambda x: wrong.apply(x, y, 5.0), (x,), (v,))  # noqa: B023


# ---- wrong -----------------------------------------------------------------------------------------------------


def answering(answer: Callable[[Tensor], Any]) -> Tensor:
    class MyReLU(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, low: Tensor, slope: float) -> Tensor:
            return x * low

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            return answer(g)

    return (MyReLU.apply(double(), double(), 0.5) * double()).sum()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda g: (g, g),
            r"MyReLU\.backward returned 2 gradients for 3 inputs \(x, low, slope\): return one for",
        ),
        (lambda g: g, r"MyReLU\.backward returned 1 gradient for 3 inputs"),
        (lambda g: (g, g, None, g), r"MyReLU\.backward returned 4 gradients for 3 inputs"),
        (
            lambda g: (g, g, g),
            r"MyReLU\.backward: the gradient of 'slope' must be None, as that argument was",
        ),
        (
            lambda g: (g[:2], g, None),
            r"MyReLU\.backward: the gradient of 'x' has shape \(2,\), but the arg.* \(3,\)",
        ),
        (lambda g: (g, g[:1], None), r"the gradient of 'low' has shape \(1,\)"),
        (
            lambda g: (g > 0, g, None),
            r"MyReLU\.backward: the gradient of 'x' has dtype bool, but the argument has float64",
        ),
        (
            lambda g: (g.numpy(), g, None),
            r"MyReLU\.backward: the gradient of 'x' must be a Tensor or None, got nd",
        ),
        (
            lambda g: (g.mul_(2), g, None),
            r"in place on an expanded \(or read-only\) tensor of shape \(3,\): \.clo",
        ),
    ],
)
def test_a_wrong_backward_is_named(answer: Any, message: str) -> None:
    with pytest.raises((RuntimeError, TypeError), match=message):
        answering(answer).backward()


def test_trailing_nones_and_lists_do() -> None:
    answering(lambda g: [g, None, None, None]).backward()


@pytest.mark.parametrize(
    ("forward", "kind", "message"),
    [
        (
            lambda ctx, x: x.detach().numpy(),
            TypeError,
            r"Wrong\.forward must return a Tensor .* got ndarray; convert",
        ),
        (lambda ctx, x: [x * 1], TypeError, r"Wrong\.forward must return a Tensor or a tuple of Tensors, got list"),
        (lambda ctx, x: None, TypeError, r"got NoneType"),
        (lambda ctx, x: x.mul_(2), NotImplementedError, r"Wrong\.forward writes to its input of shape \(3,\) in place"),
        (lambda ctx, x: ctx.mark_dirty(x), NotImplementedError, r"Wrong: mark_dirty is not supported; do not write to"),
        (
            lambda ctx, x: ctx.save_for_backward(x, 3),
            TypeError,
            r"Wrong: save_for_backward takes tensors, .* 1 is",
        ),
    ],
)
def test_a_wrong_forward_is_named(forward: Any, kind: type[Exception], message: str) -> None:
    Wrong = type("Wrong", (Function,), {"forward": staticmethod(forward)})
    with pytest.raises(kind, match=message):
        Wrong.apply(double() * 1)


def test_what_is_missing_is_named() -> None:
    Half = type("Half", (Function,), {"forward": staticmethod(lambda ctx, x: x * 1)})
    with pytest.raises(NotImplementedError, match="Half defines no static method backward"):
        Half.apply(double()).sum().backward()
    with pytest.raises(TypeError, match=r"call Half\.apply\(\.\.\.\)"):
        Half()
    with pytest.raises(NotImplementedError, match="no static method forward"):
        type("Empty", (Function,), {}).apply(double())


def test_what_was_saved_is_guarded() -> None:
    for write in (lambda t: t.add_(1), lambda t: t.data.zero_(), lambda t: t.detach().numpy().fill(0)):
        x = double() * 1
        node, y = x.node, Cube.apply(x).sum()
        write(x)
        with pytest.raises(RuntimeError, match=r"'Cube' needs a saved tensor of shape \(3,\), but that was changed"):
            minigrad.engine.jvp({node: np.ones(3)}, [y.node])
        with pytest.raises(RuntimeError, match=r"'Cube' needs a saved tensor of shape \(3,\), but that was changed"):
            y.backward()
    x = double() * 1
    handed_out = x.detach().numpy()
    y = Cube.apply(x).sum()
    handed_out[0] = 5.0
    with pytest.raises(RuntimeError, match="'Cube' needs a saved tensor"):
        y.backward()
    y = Exp.apply(double())
    with minigrad.no_grad():
        y.zero_()
    with pytest.raises(RuntimeError, match="'Exp' needs a saved tensor"):
        y.sum().backward()


def test_saved_tensors_are_for_backward_only() -> None:
    kept: list[Any] = []

    class Leak(Cube):
        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            kept.append(ctx)
            return Cube.backward(ctx, g)

    Leak.apply(double()).sum().backward()
    with pytest.raises(RuntimeError, match="Leak: saved_tensors are available in backward only"):
        _ = kept[0].saved_tensors
    y = Leak.apply(double(1.0))
    y.backward()
    with pytest.raises(RuntimeError, match="backward a second time through 'Leak'"):
        y.backward()
