"""The tools of autograd against PyTorch's: little programs, each run by both libraries as it stands.

A program is a function of `m`, minigrad or torch, which gives tensors, None, numbers and texts in nested tuples, lists
and dicts; both libraries' are compared. One in `REFUSED` must raise in both.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.autograd.checkpoint

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

importlib.import_module("torch.utils.checkpoint")
Program = Callable[[Any], Any]
PROGRAMS: list[Program] = []
REFUSED: list[Program] = []


def program(f: Program) -> Program:
    PROGRAMS.append(f)
    return f


def refused(f: Program) -> Program:
    REFUSED.append(f)
    return f


def run(m: Any, f: Program) -> Any:
    with warnings.catch_warnings():
        if m is torch:
            warnings.simplefilter("ignore")
        return f(m)


def plain(value: Any) -> Any:
    """A result without what is the library's own."""
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, minigrad.Tensor | torch.Tensor):
        array = np.array(value.detach().numpy())
        return (array.dtype.name, array.shape, bool(value.requires_grad)), array
    return value


def assert_same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, list | dict):
        assert type(found) is type(wanted) and len(found) == len(wanted), (found, wanted)
        if isinstance(wanted, dict):
            assert found.keys() == wanted.keys()
            found, wanted = found.values(), wanted.values()
        for f, w in zip(found, wanted):
            assert_same(f, w)
    elif isinstance(wanted, tuple):
        assert found[0] == wanted[0]
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-5, atol=1e-5 * np.abs(wanted[1]).max(initial=0.1))
    else:
        assert found == wanted


def x_of(m: Any, *numbers: float, requires_grad: bool = True) -> Any:
    return m.tensor(list(numbers or (1.0, -2.0, 3.0)), requires_grad=requires_grad)


def label(f: Program) -> str:
    return f.__name__


# ---- Function --------------------------------------------------------------------------------------------------


def functions(m: Any) -> Any:
    """Functions of one's own, made for library m."""
    Function = m.autograd.Function
    once = importlib.import_module(f"{m.__name__}.autograd.function").once_differentiable

    class F:
        class Cube(Function):
            @staticmethod
            def forward(ctx: Any, x: Any, scale: float = 1.0) -> Any:
                ctx.save_for_backward(x)
                ctx.scale = scale
                return scale * x**3

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                (x,) = ctx.saved_tensors
                return g * 3 * ctx.scale * x**2, None

        class Exp(Function):
            """Saves its output; the newer form."""

            @staticmethod
            def forward(x: Any) -> Any:
                return x.exp()

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                ctx.save_for_backward(output)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * ctx.saved_tensors[0]

        class Several(Function):
            """Gives a sum and a product, and what passes no gradient; saves an input and an output."""

            @staticmethod
            def forward(ctx: Any, a: Any, b: Any) -> Any:
                product = a * b
                ctx.save_for_backward(a, b, product)
                positive = product > 0
                ctx.log = []
                return a + b, product, positive, "text", None

            @staticmethod
            def backward(ctx: Any, *grads: Any) -> Any:
                a, b, product = ctx.saved_tensors
                assert grads[3] is None and grads[4] is None
                gs, gp = grads[:2]
                return gs + gp * b, gs + gp * product / b

        class NotMaterialized(Function):
            @staticmethod
            def forward(ctx: Any, a: Any) -> Any:
                ctx.set_materialize_grads(False)
                return a * 2, a * 3

            @staticmethod
            def backward(ctx: Any, g: Any, h: Any) -> Any:
                return (0 if g is None else g * 2) + (100 if h is None else h * 3)

        class Marked(Function):
            @staticmethod
            def forward(ctx: Any, a: Any) -> Any:
                b, c = a * 2, a * 3
                ctx.mark_non_differentiable(c)
                return b, c

            @staticmethod
            def backward(ctx: Any, g: Any, h: Any) -> Any:
                return g * 2 + h

        class Same(Function):
            @staticmethod
            def forward(ctx: Any, x: Any, y: Any) -> Any:
                return x

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * 2, None

        class Once(Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x**2

            @staticmethod
            @once
            def backward(ctx: Any, g: Any) -> Any:
                return g * 2 * ctx.saved_tensors[0]

        class Wide(Function):
            @staticmethod
            def forward(ctx: Any, x: Any, y: Any) -> Any:
                ctx.needs = ctx.needs_input_grad
                return x * y

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g, g * float(sum(ctx.needs)), None, None

    return F


@program
def a_function(m: Any) -> Any:
    x = x_of(m)
    y = functions(m).Cube.apply(x, 2.0)
    y.sum().backward()
    return y, x.grad, y.is_leaf


@program
def differentiated_twice_and_thrice(m: Any) -> Any:
    F, x = functions(m), x_of(m)
    (first,) = m.autograd.grad((F.Cube.apply(x, 2.0) * F.Exp.apply(x)).sum(), [x], create_graph=True)
    (second,) = m.autograd.grad((first * first).sum(), [x], create_graph=True)
    (third,) = m.autograd.grad(second.sum(), [x])
    return first.detach(), second.detach(), third


@program
def several_outputs(m: Any) -> Any:
    F, a, b = functions(m), x_of(m), x_of(m, 2.0, 0.5, -1.0)
    s, p, positive, text, nothing = F.Several.apply(a, b)
    first = m.autograd.grad((s * p).sum(), [a, b], create_graph=True)
    second = m.autograd.grad((first[0] * first[1]).sum(), [a, b])
    return s, p, positive, text, nothing, second


@program
def one_of_several_outputs(m: Any) -> Any:
    F, a, b = functions(m), x_of(m), x_of(m, 2.0, 0.5, -1.0)
    F.Several.apply(a, b)[0].sum().backward()
    u = x_of(m)
    F.NotMaterialized.apply(u)[0].sum().backward()
    v = x_of(m)
    b, c = F.Marked.apply(v)
    b.sum().backward()
    return a.grad, u.grad, v.grad, b.requires_grad, c.requires_grad


@program
def an_input_given_back(m: Any) -> Any:
    F, x, y = functions(m), x_of(m), x_of(m)
    out = F.Same.apply(x, y)
    out.sum().backward()
    return out is x, out, x.grad, y.grad


@program
def constants_in_and_no_grad(m: Any) -> Any:
    F, x = functions(m), x_of(m)
    with m.no_grad():
        a = F.Cube.apply(x, 2.0)
    b = F.Wide.apply(x.detach(), x)
    b.sum().backward()
    return a, F.Cube.apply(x.detach(), 3.0), b, x.grad


@program
def shares_are_summed_where_an_argument_was_broadcast(m: Any) -> Any:
    F, x, y = functions(m), x_of(m, 1.0), x_of(m)
    F.Wide.apply(x, y).sum().backward()
    return x.grad, y.grad


@program
def once_differentiable(m: Any) -> Any:
    F, x = functions(m), x_of(m)
    F.Once.apply(x).sum().backward()
    return x.grad


@refused
def once_differentiable_twice(m: Any) -> Any:
    x = x_of(m)
    u = x_of(m)
    (g,) = m.autograd.grad(functions(m).Once.apply(x), [x], u, create_graph=True)
    g.sum().backward()


def broken(answer: Callable[[Any], Any]) -> Program:
    def run(m: Any) -> Any:
        class Broken(m.autograd.Function):  # type: ignore[misc,name-defined]
            @staticmethod
            def forward(ctx: Any, x: Any, y: Any, k: float) -> Any:
                return x * y

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return answer(g)

        Broken.apply(x_of(m), x_of(m), 3.0).sum().backward()

    return run


@pytest.mark.parametrize(
    "answer",
    [
        lambda g: (g, g),
        lambda g: g,
        lambda g: (g, g, g),
        lambda g: (g, g, None, g),
        lambda g: (g[:2], g, None),
        lambda g: (g[:1], g, None),
        lambda g: (g, 3.0, None),
        lambda g: (g, g.detach().numpy(), None),
    ],
)
def test_gradients_that_do_not_fit_are_refused(answer: Any) -> None:
    for m in (minigrad, torch):
        with pytest.raises((RuntimeError, TypeError), match="Broken|expected|backward"):
            broken(answer)(m)


@refused
def saved_and_then_written_to(m: Any) -> Any:
    x = x_of(m) * 1
    y = functions(m).Cube.apply(x)
    x += 1
    y.sum().backward()


@refused
def saved_output_written_to(m: Any) -> Any:
    y = functions(m).Exp.apply(x_of(m))
    y += 1
    y.sum().backward()


@refused
def a_function_backward_twice(m: Any) -> Any:
    y = functions(m).Cube.apply(x_of(m)).sum()
    y.backward()
    y.backward()


@refused
def save_for_backward_of_a_number(m: Any) -> Any:
    class Saves(m.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x, 3)
            return x * 1

    Saves.apply(x_of(m))


@refused
def no_backward(m: Any) -> Any:
    class Half(m.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

    Half.apply(x_of(m)).sum().backward()


# ---- grad and backward -----------------------------------------------------------------------------------------


@program
def grad_of_several(m: Any) -> Any:
    x, y = x_of(m), x_of(m)
    grad = m.autograd.grad
    return (
        grad([(x * x).sum(), (x * y).sum()], [x, y]),
        grad([x * x, x * y], [x, y], [x.detach(), y.detach() * 2]),
        grad([(x * x).sum(), x * y], (x,), [None, m.ones(3)]),
        grad((x * x).sum(), [x, y], allow_unused=True),
        grad((x * x).sum(), [x, y], materialize_grads=True),
        grad((x * x).sum(), x),
    )


@program
def backward_of_several(m: Any) -> Any:
    x, y = x_of(m), x_of(m)
    m.autograd.backward([(x * x).sum(), (x * y).sum()])
    first = x.grad.clone(), y.grad.clone()
    m.autograd.backward([x * y, x], [m.ones(3), 2 * m.ones(3)], inputs=[x])
    m.autograd.backward((x * 2).sum(), retain_graph=True)
    z = (x * x * y).sum()
    m.autograd.backward(z, inputs=y, create_graph=True)
    return first, x.grad, y.grad


@program
def retained_on_the_way_to_the_inputs(m: Any) -> Any:
    x, w = x_of(m), x_of(m)
    y, z = x * 2, w * 3
    for t in (x, y, z):
        t.retain_grad()
    (y * y * z * x).sum().backward(inputs=[x])
    return x.grad, y.grad, z.grad, w.grad


@refused
def grad_of_unused(m: Any) -> Any:
    x, y = x_of(m), x_of(m)
    m.autograd.grad((x * x).sum(), [x, y])


@refused
def grad_of_many_numbers(m: Any) -> Any:
    x = x_of(m)
    m.autograd.grad(x * x, [x])


@refused
def grad_of_a_released_graph(m: Any) -> Any:
    x = x_of(m)
    y = (x * x).sum()
    m.autograd.grad(y, [x])
    m.autograd.grad(y, [x])


@refused
def grad_with_an_upstream_of_another_shape(m: Any) -> Any:
    x = x_of(m)
    m.autograd.grad(x * x, [x], m.ones(2))


@refused
def grad_by_a_constant(m: Any) -> Any:
    m.autograd.grad(x_of(m).sum(), [m.ones(3)])


@refused
def grad_of_a_constant(m: Any) -> Any:
    m.autograd.grad(m.ones(3).sum(), [x_of(m)])


@refused
def materialize_and_not_allow_unused(m: Any) -> Any:
    x = x_of(m)
    m.autograd.grad((x * x).sum(), [x], allow_unused=False, materialize_grads=True)


# ---- functional ------------------------------------------------------------------------------------------------


def two(x: Any, y: Any) -> Any:
    return (x * x * y.sum(), (x[:1] * y).exp())


def number(x: Any, y: Any) -> Any:
    return (x**3 * y).sum() + (x * y * y).sum()


def matrix(m: Any) -> Any:
    return m.tensor([[1.0, 2.0], [0.5, -1.0]])


@program
def functional_products(m: Any) -> Any:
    F, x, y = m.autograd.functional, x_of(m, requires_grad=False), x_of(m, 0.5, 1.0, 2.0, requires_grad=False)
    v = x_of(m, 1.0, 0.0, 2.0, requires_grad=False)
    return (
        F.vjp(two, (x, y), (v, x)),
        F.vjp(lambda x: x.sum(), x),
        F.vjp(lambda x: (x * x,), x, v),
        F.vjp(lambda x: x * x, (x,), (v,)),
        F.vjp(lambda x: m.ones(3), x, v),
        F.vjp(lambda x: x.relu().reshape(3, 1) @ m.ones(1, 2), x, m.ones(3, 2)),
        F.vjp(lambda x: x * 2, x, v.double()),
        F.jvp(two, (x, y), (v, x)),
        F.jvp(lambda x: x.sum(), x, v),
        F.jvp(lambda x: x.sum(), m.ones(1)),
        F.jvp(lambda x: (x * x, x), (x,), (v,)),
        F.jvp(lambda x: m.ones(3), x, v),
        F.jvp(lambda x: x * 2, x, v.double()),
        F.jvp(lambda x: x.softmax(0) @ matrix(m).reshape(4)[:3], x, v),
        F.hvp(number, (x, y), (v, x)),
        F.hvp(lambda x: (x**3).sum(), x, v),
        F.hvp(lambda x: (x**3).sum(), m.ones(1)),
        F.hvp(lambda x: x.sum(), x, v),
        F.vhp(number, (x, y), (v, x)),
        F.vhp(lambda x: (x**3).sum(), x, v),
        F.vhp(lambda x: x.sum(), x, v),
    )


@program
def functional_matrices(m: Any) -> Any:
    F, x, y = m.autograd.functional, x_of(m, requires_grad=False), x_of(m, 0.5, 1.0, 2.0, requires_grad=False)
    forward = {"strategy": "forward-mode", "vectorize": True}
    return (
        F.jacobian(two, (x, y)),
        [[block.detach() for block in row] for row in F.jacobian(two, (x, y), **forward)],  # PyTorch's have a history
        F.jacobian(lambda x: x @ x, matrix(m)),
        F.jacobian(lambda x: x @ x, matrix(m), **forward).detach(),
        F.jacobian(lambda x: x.sum(), x),
        F.jacobian(lambda x: x.sum(), m.tensor(2.0)),
        F.jacobian(lambda x: (x,), (x,)),
        F.jacobian(lambda x: m.ones(2), x),
        F.jacobian(lambda x: x.exp() * x[0], x, vectorize=True),
        F.hessian(number, (x, y)),
        [
            [block.detach() for block in row]
            for row in F.hessian(number, (x, y), outer_jacobian_strategy="forward-mode", vectorize=True)
        ],
        F.hessian(lambda x: (x @ x).sum(), matrix(m)),
        F.hessian(lambda x: (x @ x).sum().reshape(1), matrix(m)),
        F.hessian(lambda x: x.sum(), x),
    )


@program
def functional_with_a_graph(m: Any) -> Any:
    F, results = m.autograd.functional, []
    v = x_of(m, 1.0, 0.0, 2.0, requires_grad=False)

    def by_x(compute: Callable[[Any], Any]) -> None:
        x = x_of(m)
        answer = compute(x)
        (answer**2).sum().backward()
        results.append((answer.detach(), x.grad))

    by_x(lambda x: F.vjp(lambda x: x**3, x, v, create_graph=True)[1])
    by_x(lambda x: F.vjp(lambda x: x**3, x, v, create_graph=True)[0])
    by_x(lambda x: F.jvp(lambda x: x**3, x, v, create_graph=True)[1])
    by_x(lambda x: F.hvp(lambda x: (x**4).sum(), x, v, create_graph=True)[1])
    by_x(lambda x: F.vhp(lambda x: (x**4).sum(), x, v, create_graph=True)[1])
    by_x(lambda x: F.jacobian(lambda x: x**3, x, create_graph=True))
    by_x(lambda x: F.hessian(lambda x: (x**4).sum(), x, create_graph=True))
    x = x_of(m)
    return results, F.jacobian(lambda x: x**3, x), F.vjp(lambda x: x**3, x, v), F.hvp(lambda x: (x**3).sum(), x, v)


def functional_failures() -> Iterator[Program]:
    def f(text: str) -> Program:
        text = text.strip()

        def run(m: Any) -> Any:
            names = {"m": m, "F": m.autograd.functional, "x": m.ones(3), "v": m.ones(3), "w": m.ones(2)}
            eval(text, names)

        run.__name__ = text
        return run

    yield from map(
        f,
        """
        F.vjp(lambda x: x * 2, x)
        F.vjp(lambda x: x * 2, x, w)
        F.vjp(lambda x: x * 2, x, (v, v))
        F.vjp(lambda x: (x, x), x, v)
        F.vjp(lambda x: 3.0, x, v)
        F.vjp(lambda x: None, x, v)
        F.vjp(lambda x: [x, 3.0], x, (v, v))
        F.vjp(lambda x: x, 3.0)
        F.vjp(lambda x: x, x.long(), v)
        F.vjp(lambda x: m.ones(3), x, v, strict=True)
        F.vjp(lambda x, y: x * 2, (x, x), v, strict=True)
        F.vjp(lambda x: x * 2, x, v, strict=True, create_graph=True)
        F.jvp(lambda x: x * 2, x)
        F.jvp(lambda x: x * 2, x, w)
        F.jvp(lambda x: x * 2, x, (v, v))
        F.jvp(lambda x: m.ones(3), x, v, strict=True)
        F.jacobian(lambda x: m.ones(3), x, strict=True)
        F.jacobian(lambda x, y: x * 2, (x, x), strict=True)
        F.jacobian(lambda x: x * 2, x, strict=True, create_graph=True)
        F.jacobian(lambda x: 3.0, x)
        F.jacobian(lambda x: x, [x, 3.0])
        F.jacobian(lambda x: x, x, strategy='sideways')
        F.jacobian(lambda x: x, x, strict=True, vectorize=True, strategy='forward-mode')
        F.hessian(lambda x: x * 2, x)
        F.hessian(lambda x: (x.sum(), x.sum()), x)
        F.hessian(lambda x: x.sum(), x, strict=True)
        F.hvp(lambda x: x.sum(), x)
        F.hvp(lambda x: x * 2, x, v)
        F.hvp(lambda x: (x.sum(), x.sum()), x, v)
        F.hvp(lambda x: x.sum(), x, v, strict=True)
        F.hvp(lambda x: x.sum(), x, w)
        F.vhp(lambda x: x.sum(), x, v, strict=True)
        F.vhp(lambda x: x * 2, x, v)
        """.strip().splitlines(),
    )


REFUSED += [f for f in functional_failures()]


# ---- func ------------------------------------------------------------------------------------------------------


@program
def func_gradients(m: Any) -> Any:
    f, x, y = m.func, x_of(m, requires_grad=False), x_of(m, 0.5, 1.0, 2.0, requires_grad=False)
    cube = lambda x: (x**3).sum()  # noqa: E731
    params = {"w": [x, y], "b": m.tensor(2.0)}
    return (
        f.grad(cube)(x),
        f.grad(lambda x: f.grad(cube)(x).sum())(x),
        f.grad(lambda x: f.grad(lambda y: (x * y**2).sum())(x).sum())(x),
        f.grad(number, argnums=1)(x, y),
        f.grad(number, argnums=-1)(x, y),
        f.grad(number, argnums=(0, 1))(x, y),
        f.grad(number, argnums=(1,))(x, y),
        f.grad(lambda x: (cube(x), {"twice": x * 2}), has_aux=True)(x),
        f.grad(lambda p, x: (p["w"][0] * p["w"][1] * x).sum() * p["b"])(params, x),
        f.grad(lambda x, k=1.0: cube(x) * k)(x, k=3.0),
        f.grad(lambda x: m.ones(3).sum())(x),
        f.grad_and_value(cube)(x),
        f.grad_and_value(lambda x: (cube(x), x), has_aux=True)(x),
    )


@program
def func_inside_a_graph(m: Any) -> Any:
    f, x, w = m.func, x_of(m), x_of(m, 0.5, 1.0, 2.0)
    slope = f.grad(lambda x: (x**3 * w).sum())(x)
    slope.sum().backward()
    constant = x.detach()
    by_w = f.grad(lambda x: (x**3 * w).sum())(constant)
    y, back = f.vjp(lambda x: x * w, constant)
    out, tangent = f.jvp(lambda x: x * w, (constant,), (w,))
    with m.no_grad():
        without = f.grad(lambda x: (x**3 * w).sum())(x)
    hidden = f.grad(lambda x: (x.detach() * x).sum())(constant)
    return slope, x.grad, w.grad, by_w, y, back(w.detach()), out, tangent, without, hidden


@program
def func_products(m: Any) -> Any:
    f, x, y = m.func, x_of(m, requires_grad=False), x_of(m, 0.5, 1.0, 2.0, requires_grad=False)
    v = x_of(m, 1.0, 0.0, 2.0, requires_grad=False)
    out, back = f.vjp(lambda x, y: {"a": x * y, "b": (x.exp(),)}, x, y)
    aux_out, aux_back, aux = f.vjp(lambda x: (x * 2, x + 1), x, has_aux=True)
    linear, push = f.linearize(lambda x, y: (x * y, y.sin()), x, y)
    return (
        *(out, back({"a": v, "b": (v,)}), back({"a": y, "b": (y,)}), aux_out, aux_back(v), aux),
        f.jvp(two, (x, y), (v, v)),
        f.jvp(lambda x: {"a": x * 2, "b": [x.tanh()]}, (x,), (v,)),
        f.jvp(lambda p: p["a"] * p["b"], ({"a": x, "b": y},), ({"a": v, "b": x},)),
        f.jvp(lambda x: (x * 2, x), (x,), (v,), has_aux=True),
        f.jvp(lambda x: m.ones(2), (x,), (v,)),
        f.jvp(lambda x: f.jvp(lambda x: x**3, (x,), (v,))[1], (x,), (v,)),
        f.jvp(f.grad(lambda x: (x**3).sum()), (x,), (v,)),
        *(linear, push(v, x), push(x, v)),
    )


@program
def func_matrices(m: Any) -> Any:
    f, x, y = m.func, x_of(m, requires_grad=False), x_of(m, 0.5, 1.0, 2.0, requires_grad=False)
    return [
        (
            jac(lambda x: x @ x)(matrix(m)),
            jac(two, argnums=(0, 1))(x, y),
            jac(two, argnums=(1,))(x, y),
            jac(two, argnums=1)(x, y),
            jac(lambda x: {"s": x.sum(), "t": (x * x,)})(x),
            jac(lambda x: (x * 2, x * 3), has_aux=True)(x),
            jac(lambda x: m.ones(2))(x),
            jac(lambda p: p["a"] * p["b"])({"a": x, "b": y}),
        )
        for jac in (f.jacrev, f.jacfwd)
    ] + [
        f.hessian(number, argnums=(0, 1))(x, y),
        f.hessian(lambda x: (x**3).sum())(x),
        f.hessian(lambda x: x**3)(x),
        f.hessian(lambda p: (p["a"] * p["b"] ** 2).sum())({"a": x, "b": y}),
        f.jacrev(f.jacrev(lambda x: x**3))(x),
        f.jacfwd(f.jacfwd(lambda x: x**3))(x),
        f.jacrev(f.jacfwd(lambda x: x**3))(x),
    ]


def func_failures() -> Iterator[Program]:
    def f(text: str) -> Program:
        text = text.strip()

        def run(m: Any) -> Any:
            eval(text, {"m": m, "f": m.func, "x": m.ones(3), "w": m.ones(2)})

        run.__name__ = text
        return run

    yield from map(
        f,
        """
        f.grad(lambda x: x * 2)(x)
        f.grad(lambda x: (x * 2).sum().reshape(1))(x)
        f.grad(lambda x: (x.sum(), 3))(x)
        f.grad(lambda x: x.sum(), has_aux=True)(x)
        f.grad(lambda x: x.sum().item())(x)
        f.grad(lambda x: x.sum(), argnums=1)(x)
        f.grad(lambda x: x.sum())(3.0)
        f.grad(lambda x: x.sum())(x.long())
        f.vjp(lambda x: x * 2, x)[1](w)
        f.vjp(lambda x: x * 2, x)[1]((x, x))
        f.vjp(lambda x: 3.0, x)
        f.jvp(lambda x: x * 2, x, x)
        f.jvp(lambda x: x * 2, (x,), (w,))
        f.jvp(lambda x: x * 2, (x,), (x, x))
        f.jvp(lambda x: x * 2, (x,), (3.0,))
        f.jvp(lambda x: m.ones(3), (x,), (x,), strict=True)
        f.jacrev(lambda x: 3.0)(x)
        f.jacfwd(lambda x: 3.0)(x)
        f.jacrev(lambda x: x, argnums=1)(x)
        """.strip().splitlines(),
    )


REFUSED += [f for f in func_failures()]


# ---- modes -----------------------------------------------------------------------------------------------------


@program
def modes(m: Any) -> Any:
    x, seen = x_of(m), []

    def look() -> Any:
        seen.append((m.is_grad_enabled(), (x * 2).requires_grad))

    with m.no_grad():
        look()
        with m.enable_grad():
            look()
        with m.set_grad_enabled(True):
            look()
            with m.set_grad_enabled(False):
                look()
            look()
        look()
    m.set_grad_enabled(False)
    look()
    m.set_grad_enabled(True)
    look()
    m.no_grad()(look)()
    m.set_grad_enabled(False)(look)()
    look()
    with m.no_grad():
        m.enable_grad()(look)()
    m.inference_mode()(look)()
    with m.inference_mode():
        look()
        seen.append(m.is_inference_mode_enabled())
        with m.inference_mode(False):
            look()
        look()
    look()

    @m.no_grad()
    def numbers() -> Any:
        for _ in range(3):
            got = yield m.is_grad_enabled()
            seen.append(("inside", got, m.is_grad_enabled()))

    steps = numbers()
    seen.append(next(steps))
    look()
    seen.append(steps.send("sent"))
    look()
    steps.close()
    return seen, m.is_inference_mode_enabled()


# ---- hooks -----------------------------------------------------------------------------------------------------


@program
def hooks_on_tensors(m: Any) -> Any:
    seen: list[Any] = []

    def note(name: str, factor: float | None = None) -> Any:
        def hook(g: Any) -> Any:
            seen.append((name, g.clone()))
            return None if factor is None else g * factor

        return hook

    x = x_of(m)
    y = x * 2
    y.retain_grad()
    y.register_hook(note("y first", 10.0))
    handle = y.register_hook(note("y second", 2.0))
    y.register_hook(note("y third"))
    x.register_hook(note("x", 3.0))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(("after", t is x, t.grad.clone())))
    (y * y).sum().backward(retain_graph=True)
    first = x.grad.clone(), y.grad.clone()
    handle.remove()
    handle.remove()
    x.grad = None
    (slope,) = m.autograd.grad((x * 2 * y).sum(), [x])
    with x.register_hook(note("x again", -1.0)):
        (x * x).sum().backward()
    (x * x).sum().backward()
    return first, slope, x.grad, seen


@program
def hooks_and_second_derivatives(m: Any) -> Any:
    x = x_of(m)
    y = x * x
    y.register_hook(lambda g: g * g)
    (slope,) = m.autograd.grad((y * y).sum(), [x], create_graph=True)
    slope.sum().backward()
    return slope.detach(), x.grad


@program
def a_hook_that_writes_to_the_gradient(m: Any) -> Any:
    x, w = x_of(m), x_of(m)
    y = x * 1
    z = w * 1
    s = y + z  # both get the same gradient
    y.register_hook(lambda g: g.clone().mul_(2))
    s.sum().backward()
    return x.grad, w.grad


@program
def optimizer_steps_in_hooks(m: Any) -> Any:
    x, w = x_of(m), x_of(m)

    def step(t: Any) -> None:
        with m.no_grad():
            t -= 0.5 * t.grad
        t.grad = None

    for t in (x, w):
        t.register_post_accumulate_grad_hook(step)
    for _ in range(2):
        (x * w).sum().backward()
    return x, w, x.grad, w.grad


def hook_failures() -> Iterator[Program]:
    for answer in (lambda g: g[:2], lambda g: g.double(), lambda g: 3.0):

        def run(m: Any, answer: Any = answer) -> Any:
            x = x_of(m)
            x.register_hook(answer)
            (x * 2).sum().backward()

        run.__name__ = "hook"
        yield run


REFUSED += [f for f in hook_failures()]


@refused
def hook_on_a_constant(m: Any) -> Any:
    m.ones(3).register_hook(print)


@refused
def post_hook_on_a_result(m: Any) -> Any:
    (x_of(m) * 2).register_post_accumulate_grad_hook(print)


@refused
def retain_grad_on_a_constant(m: Any) -> Any:
    m.ones(3).retain_grad()


def layer(m: Any) -> Any:
    class Two(m.nn.Module):  # type: ignore[misc,name-defined]
        def forward(self, x: Any, y: Any = None, as_dict: bool = False) -> Any:
            if as_dict:
                return x * 2, {"y": y}
            return x * 2 if y is None else (x * x, y * 3)

    return Two()


@program
def backward_hooks_on_modules(m: Any) -> Any:
    seen: list[Any] = []
    f = layer(m)
    f.register_full_backward_hook(lambda module, gi, go: seen.append(("hook", module is f, gi, go)))
    f.register_full_backward_pre_hook(lambda module, go: seen.append(("pre", go)))
    x, y = x_of(m), x_of(m)
    a, b = f(x, y)
    a.sum().backward()
    a, b = f(x, m.ones(3))
    (a + b).sum().backward()
    f(x, y=y)[1].sum().backward()
    f(x, y, as_dict=True)[0].sum().backward()
    f(x).sum().backward()
    with m.no_grad():
        f(x)
    f(m.ones(3))
    return x.grad, y.grad, seen


@program
def backward_hooks_that_change(m: Any) -> Any:
    f = layer(m)
    one = f.register_full_backward_pre_hook(lambda module, go: (go[0] * 10, None))
    f.register_full_backward_hook(lambda module, gi, go: (gi[0], gi[1] * 0 + 7))
    f.register_full_backward_hook(lambda module, gi, go: (gi[0] * 2, gi[1]), prepend=True)
    x, y = x_of(m), x_of(m)
    a, b = f(x, y)
    (a + b).sum().backward()
    one.remove()
    (f(x, y)[0] * 2).sum().backward()
    return x.grad, y.grad


@program
def backward_hooks_where_only_parameters_learn(m: Any) -> Any:
    seen: list[Any] = []
    f = m.nn.Linear(3, 2)
    f.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go)))
    f.register_full_backward_pre_hook(lambda module, go: (go[0] * 2,))
    f(m.ones(1, 3)).sum().backward()
    return f.bias.grad, f.weight.grad, seen


@refused
def a_backward_hook_with_too_few(m: Any) -> Any:
    f = layer(m)
    f.register_full_backward_hook(lambda module, gi, go: (gi[0],))
    f(x_of(m), x_of(m))[0].sum().backward()


@refused
def a_backward_pre_hook_with_too_many(m: Any) -> Any:
    f = layer(m)
    f.register_full_backward_pre_hook(lambda module, go: (go[0], go[0]))
    f(x_of(m)).sum().backward()


@program
def forward_hooks_with_options(m: Any) -> Any:
    seen: list[Any] = []
    f = layer(m)
    f.register_forward_pre_hook(lambda module, args: seen.append("second"))
    f.register_forward_pre_hook(lambda module, args: seen.append("first"), prepend=True)
    f.register_forward_pre_hook(lambda module, args, kw: (args, {**kw, "y": m.ones(3)}), with_kwargs=True)
    f.register_forward_hook(lambda module, args, kw, out: (out[0], out[1] + kw["y"]), with_kwargs=True)
    with f.register_forward_hook(lambda module, args, out: seen.append(len(args)), prepend=True):
        a = f(x_of(m), y=x_of(m))
    b = f(x_of(m))
    return a, b, seen


@refused
def a_pre_hook_with_kwargs_that_forgets_them(m: Any) -> Any:
    f = layer(m)
    f.register_forward_pre_hook(lambda module, args, kw: args, with_kwargs=True)
    f(x_of(m))


# ---- checkpoints -----------------------------------------------------------------------------------------------


def net(m: Any) -> Any:
    layers = [m.nn.Linear(3, 3), m.nn.Tanh(), m.nn.Linear(3, 3), m.nn.Tanh(), m.nn.Linear(3, 1)]
    model = m.nn.Sequential(*layers)
    rng = np.random.default_rng(0)
    with m.no_grad():
        for p in model.parameters():
            p.copy_(m.from_numpy(rng.standard_normal(tuple(p.shape)).astype("float32")))
    return model


@program
def checkpoints(m: Any) -> Any:
    checkpoint, results = m.utils.checkpoint.checkpoint, []
    for wrap in (False, True):
        model, x = net(m), x_of(m)

        def part(f: Any, *args: Any, wrap: bool = wrap) -> Any:
            return checkpoint(f, *args, use_reentrant=False) if wrap else f(*args)

        y = part(model, x)
        a, b = part(lambda u, k: (u * k, {"s": u.sum()}), x * 2, 3.0)
        loss = (y * a).sum() * b["s"] + part(lambda u: part(lambda u: u.exp(), u) * u, x).sum()
        grads = m.autograd.grad(loss, [x, *model.parameters()], create_graph=True)
        second = m.autograd.grad(sum((g * g).sum() for g in grads), [x, *model.parameters()], allow_unused=True)
        results += [loss, [g.detach() for g in grads], second]
    return results


@program
def checkpoint_of_segments(m: Any) -> Any:
    model, x = net(m), x_of(m)
    m.utils.checkpoint.checkpoint_sequential(model, 2, x, use_reentrant=False).sum().backward()
    with m.no_grad():
        y = m.utils.checkpoint.checkpoint(model, x, use_reentrant=False)
    return x.grad, [p.grad for p in model.parameters()], y


# ---- all of them -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", PROGRAMS, ids=label)
def test_programs(f: Program) -> None:
    assert_same(plain(run(minigrad, f)), plain(run(torch, f)))


@pytest.mark.parametrize("f", REFUSED, ids=label)
def test_what_both_refuse(f: Program) -> None:
    for m in (minigrad, torch):
        with pytest.raises(Exception) as caught:
            run(m, f)
        if m is minigrad:
            assert caught.type in (RuntimeError, TypeError, ValueError, NotImplementedError), caught.value
            assert len(str(caught.value)) > 20


RETAINED = """
v = x * 2; v.retain_grad(); v.mul_(3); (v * v).sum().backward()
v = x * 2; v.retain_grad(); v[0].mul_(3); (v * v).sum().backward()
v = x * 2; v.retain_grad(); v[1:] = 1.0; (v * v).sum().backward()
v = x * 2; v.retain_grad(); v.fill_(1.0); (v * v).sum().backward()
v = x * 2; v.retain_grad(); v.gt_(1.0); (v * x).sum().backward()
v = (x * 2)[:2]; v.retain_grad(); v.mul_(3); (v * v).sum().backward()
v = x * 2; v.retain_grad(); (v * v).sum().backward(retain_graph=True); v.mul_(3); (v * v).sum().backward()
v = x * 2; v.retain_grad(); m.autograd.grad((v * v).sum(), [x])
v = x * 2; v.retain_grad(); m.autograd.grad((v * v).sum(), [x, v])
v = x.flatten(); v.register_hook(lambda g: g * 2); (v * x).sum().backward()
v = x.flatten(0, 0); v.register_hook(lambda g: g * 2); (v * x).sum().backward()
v = x.reshape(1, 3).flatten(1); v.retain_grad(); v.mul(3).sum().backward()
""".strip().splitlines()


@pytest.mark.parametrize("program", RETAINED)
def test_retained_gradients_move_with_the_tensor(program: str) -> None:
    found = []
    for m in (torch, minigrad):
        space: dict[str, Any] = {"m": m, "x": m.tensor([1.0, 2.0, 3.0], requires_grad=True)}
        exec(program, space)
        found.append([None if t.grad is None else t.grad.tolist() for t in (space["v"], space["x"])])
    assert found[0] == found[1]
