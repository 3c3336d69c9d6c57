"""Every derivative of every operation against finite differences, first and second."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import each_case
from ops import OPS, Op

import minigrad
from minigrad import Tensor, engine, primitives
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.methods import Casts, Operations
from minigrad.tensors.methods.sampling import Sampling

DIFFERENTIABLE = [op for op in OPS if op.grad]


class Trial:
    """An operation at a random point, with a random upstream gradient u and random directions v for its gradients."""

    def __init__(self, op: Op, shapes: Any, keywords: dict[str, Any]) -> None:
        self.op, self.keywords = op, keywords
        self.arrays = op.inputs(shapes)
        self.floats = [a for a in self.arrays if a.dtype.kind == "f"]
        rng = np.random.default_rng(1)
        self.u = rng.standard_normal(self.forward()[1].shape)
        self.v = [rng.standard_normal(a.shape) for a in self.floats]

    def forward(self) -> tuple[list[Tensor], Tensor]:
        """The inputs that require gradients, and the result."""
        xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in self.arrays]
        return [x for x in xs if x.requires_grad], self.op.call(minigrad, *xs, **self.keywords).double()

    def loss(self) -> float:
        return float((self.forward()[1].detach().numpy() * self.u).sum())

    def backward(self, create_graph: bool = False) -> tuple[list[Tensor], Tensor, tuple[Tensor, ...]]:
        """The inputs, the upstream gradient, and the gradients of the loss by the inputs."""
        xs, y = self.forward()
        u = Tensor(self.u, requires_grad=create_graph)
        return xs, u, minigrad.grad(y, xs, u, create_graph=create_graph)

    def projection(self, gradients: Any) -> Any:
        """One number for all gradients; what it depends on shows in its own gradient."""
        return sum((g * v).sum() for g, v in zip(gradients, self.v))


def differences(f: Callable[[], Any], arrays: list[np.ndarray], step: float) -> list[np.ndarray]:
    """The gradient of f by each element of the arrays, by central differences."""
    answers = [np.zeros(a.shape) for a in arrays]
    for a, slope in zip(arrays, answers):
        for i in np.ndindex(a.shape):
            middle = a[i]
            a[i] = middle + step
            above = float(f())
            a[i] = middle - step
            slope[i] = (above - float(f())) / (2 * step)
            a[i] = middle
    return answers


def change_along(
    f: Callable[[], list[np.ndarray]], arrays: list[np.ndarray], direction: Any, step: float
) -> list[np.ndarray]:
    """The derivative of the arrays that f returns along a direction in its inputs, by a central difference."""
    middle = [a.copy() for a in arrays]
    sides = []
    for sign in (1, -1):
        for a, m, d in zip(arrays, middle, direction):
            a[...] = m + sign * step * d
        sides.append(f())
    for a, m in zip(arrays, middle):
        a[...] = m
    changes = [np.subtract(a, b, out=np.zeros(a.shape), where=a != b) for a, b in zip(*sides)]  # -inf, on both, is none
    return [change / (2 * step) for change in changes]


def assert_close(found: Any, wanted: list[np.ndarray], tolerance: float) -> None:
    assert len(found) == len(wanted)
    for f, w in zip(found, wanted):
        f = np.zeros(w.shape) if f is None else f.detach().numpy()
        assert f.shape == w.shape
        np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance * max(1, np.abs(w).max(initial=0)))


@each_case(DIFFERENTIABLE)
def test_first_and_second_derivatives(op: Op, shapes: Any, keywords: dict[str, Any]) -> None:
    trial = Trial(op, shapes, keywords)
    step, tolerance = (0.5, 1e-6) if op.name == "float" else (1e-5, 1e-7)  # a cast to float32 is linear, but coarse
    first = trial.backward()[2]
    assert_close(first, differences(trial.loss, trial.floats, step), tolerance)

    xs, y = trial.forward()  # forward mode: the same number, from the other side
    tangents = {x.node: v for x, v in zip(xs, trial.v)}
    pushed = engine.jvp(tangents, [y.node]).get(y.node, np.zeros(y.shape))
    pairing = sum((g.numpy() * v).sum() for g, v in zip(first, trial.v))
    assert (pushed.shape, pushed.dtype) == (y.shape, y.dtype)
    assert (pushed * trial.u).sum() == pytest.approx(pairing, rel=tolerance, abs=tolerance)

    xs, u, first = trial.backward(create_graph=True)
    second = minigrad.grad(trial.projection(first), [*xs, u], allow_unused=True)
    # The projection is v · J'u, with J the Jacobian, J'u the loss's gradient. As second derivatives are symmetric,
    # its gradient by the inputs is the derivative of J'u along v; and that by u is Jv, the derivative of the result.
    along = functools.partial(change_along, arrays=trial.floats, direction=trial.v, step=step)
    projected = along(lambda: [g.numpy() for g in trial.backward()[2]])
    projected += along(lambda: [trial.forward()[1].detach().numpy()])
    assert_close(second, projected, tolerance)

    xs, y = trial.forward()  # forward mode, differentiated in turn
    tangents, u = {x.node: Tensor(v) for x, v in zip(xs, trial.v)}, Tensor(trial.u, requires_grad=True)
    pushed = engine.jvp(tangents, [y.node], create_graph=True).get(y.node, minigrad.zeros_like(y))
    assert_close(minigrad.grad((pushed * u).sum(), [*xs, u], allow_unused=True), projected, tolerance)


@pytest.mark.slow
def test_every_derivative_of_every_primitive_is_in_the_table() -> None:
    """A new primitive fails here until it has a row."""
    tried = set()
    for op in DIFFERENTIABLE:
        for shapes, keywords in op.cases:
            trial = Trial(op, shapes, keywords)
            _, y = trial.forward()
            again = trial.projection(trial.backward(create_graph=True)[2])
            for event in (*minigrad.walk(y, trial.u), *minigrad.walk(again)):
                if event.node.primitive is not None:
                    pairs = zip(event.node.primitive.inputs, event.contributions)
                    tried |= {(event.node.primitive.name, name) for name, c in pairs if c is not None}
    modules = [
        importlib.import_module(f"{primitives.__name__}.{m.name}") for m in pkgutil.iter_modules(primitives.__path__)
    ]
    known = {primitive for module in modules for primitive in vars(module).values() if isinstance(primitive, Primitive)}
    assert len(known) > 30
    needed = {(r.name, name) for r in known for name in r.vjps if getattr(r, "partials", {}).get(name) != "0"}
    assert needed - tried == {("norm of order 0", "x")}  # which counts elements: its derivative is 0


def test_every_method_is_in_the_table() -> None:
    """Or under another name of the same."""
    tried = {op.name.split()[0] for op in OPS}
    same = {getattr(Operations, name, None) for name in tried}
    methods = {n for c in (Operations, Casts) for n in dir(c) if not n.startswith("_") and getattr(c, n) not in same}
    functions = {"where", *minigrad._WHERE["tensors.joining"].split()} - {"broadcast_shapes"}
    attributes = {"apply", "shape", "ndim", "dtype", "astype", "to", "is_contiguous", "numel"}
    refused = {"as_strided", "resize_"}
    random = {name for name in vars(Sampling) if not name.startswith("_")}  # in test_random
    assert (methods | functions) - attributes - refused - random - tried == set()
