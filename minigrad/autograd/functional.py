"""Derivatives of a function at a point: products with its Jacobian and Hessian, and these matrices themselves.

For a function that takes or returns several tensors, a Jacobian is a tuple of tuples: for each output, one for each
input. `minigrad.func` has the same as transformations of functions.

With `create_graph`, the results can be differentiated, also with respect to the inputs. With `strict`, an output or a
derivative that does not depend on an input raises, instead of being 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.autograd.gradients import grads
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.output.words import class_name
from minigrad.tensors import saved
from minigrad.tensors.creation import zeros, zeros_like
from minigrad.tensors.joining import stack
from minigrad.tensors.tensor import Tensor

Tensors = Tensor | Sequence[Tensor]


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the outputs, and the vector-Jacobian product vᵀJ: the gradient with the upstream gradient v.

    Args:
        func: a function of tensors that returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: one tensor for each output, of its shape; optional for a single number, where it is 1.
        create_graph: True to make the results differentiable.
        strict: True to raise if an output does not depend on an input.

    >>> vjp(lambda x: x * x, Tensor([1.0, 2.0]), Tensor([10.0, 1.0]))
    (tensor([1., 4.]), tensor([20.,  4.]))
    """
    with enable_grad():
        xs, ys, form = _traced("vjp", func, inputs, create_graph, strict)
        vs = _vectors("vjp", v, ys, form.outputs, "if the function returns a single number")
        found = _pulled("vjp", ys, xs, vs, create_graph, strict)
    return form.output(ys), form.input(found)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the outputs, and the Jacobian-vector product Jv: how the outputs change as the inputs move along v.

    Computed in forward mode: the function is recorded, and v is pushed forward through the graph.

    Args:
        func: a function of tensors that returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        v: one tensor for each input, of its shape; optional for a single number, where it is 1.
        create_graph: True to make the results differentiable.
        strict: True to raise if an output does not depend on an input.

    >>> jvp(lambda x: x * x, Tensor([1.0, 2.0]), Tensor([10.0, 1.0]))
    (tensor([1., 4.]), tensor([20.,  4.]))
    """
    with enable_grad():
        xs, ys, form = _traced("jvp", func, inputs, create_graph, strict)
        vs = _vectors("jvp", v, xs, form.inputs, "if the input is a single number")
        found = pushed(ys, xs, vs, create_graph)
    if strict and None in found:
        raise RuntimeError(f"jvp: output {found.index(None)} does not depend on any of the inputs (strict=True)")
    return form.output(ys), form.output([zeros_like(y) if t is None else t for t, y in zip(found, ys)])


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian J_ij = dy_i/dx_j, of shape (*output.shape, *input.shape).

    Args:
        func: a function of tensors that returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: True to make the result differentiable.
        strict: True to raise if an output does not depend on an input.
        vectorize: has no effect; accepted for PyTorch's programs.
        strategy: "reverse-mode" makes a backward pass for each element of the output, "forward-mode" a forward pass
            for each element of the input.

    >>> jacobian(lambda x: x * x.sum(), Tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    if strict and strategy == "forward-mode":
        raise NotImplementedError("jacobian: strict=True requires strategy='reverse-mode'")
    with enable_grad():
        xs, ys, form = _traced("jacobian", func, inputs, create_graph, strict)
        if strategy == "forward-mode":
            table = columns(ys, xs, create_graph)
        else:
            vjp = functools.partial(_pulled, "jacobian", xs=xs, create_graph=create_graph, strict=strict)
            table = rows(ys, xs, lambda y, u: vjp([y], vs=[u]))
    return form.output([form.input(row) for row in table])


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the Hessian H_ij = d²y/dx_i dx_j of a scalar function, of shape (*input.shape, *input.shape).

    Args:
        func: a function of tensors that returns a single number.
        inputs: a tensor or a tuple of tensors.
        create_graph: True to make the result differentiable.
        strict: True to raise if the output does not depend on an input.
        vectorize: has no effect; accepted for PyTorch's programs.
        outer_jacobian_strategy: as the `strategy` of `jacobian`, for the derivative of the gradient.

    >>> hessian(lambda x: (x**3).sum(), Tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    gradient = functools.partial(_gradient, "hessian", func, strict)
    return jacobian(
        lambda *xs: _single(gradient(xs)[1], isinstance(inputs, Tensor)),
        inputs,
        create_graph=create_graph,
        strict=strict,
        strategy=outer_jacobian_strategy,
    )


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the value of a scalar function, and the product Hv of its Hessian and v.

    Computed by forward mode over reverse mode: how the gradient changes along v. For the arguments, see `jvp`.

    >>> hvp(lambda x: (x**3).sum(), Tensor([1.0, 2.0]), Tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _second("hvp", func, inputs, v, create_graph, strict, jvp)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """Return the value of a scalar function, and the product vᵀH of v and its Hessian.

    As the Hessian is symmetric, this equals `hvp`, but is computed by reverse mode twice.

    >>> vhp(lambda x: (x**3).sum(), Tensor([1.0, 2.0]), Tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _second("vhp", func, inputs, v, create_graph, strict, vjp)


# ---- helpers ---------------------------------------------------------------------------------------------------


class _Structure:
    """Whether the inputs and outputs are tuples or single tensors, and whether results keep their history."""

    def __init__(self, inputs: Any, outputs: Any, graph: bool) -> None:
        self.inputs, self.outputs, self.graph = not isinstance(inputs, Tensor), not isinstance(outputs, Tensor), graph

    def input(self, values: Iterable[Any]) -> Any:
        return _single(self._detached(values), not self.inputs)

    def output(self, values: Iterable[Any]) -> Any:
        return _single(self._detached(values), not self.outputs)

    def _detached(self, values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple([t.detach() if isinstance(t, Tensor) and not self.graph else t for t in values])


def _single(values: tuple[Any, ...], alone: bool) -> Any:
    return values[0] if alone else values


def _tuple(name: str, what: str, given: Any) -> tuple[Tensor, ...]:
    several = (given,) if isinstance(given, Tensor) else given
    if not isinstance(several, tuple | list) or not all(isinstance(t, Tensor) for t in several):
        raise TypeError(f"{name}: {what} must be a tensor or a tuple of tensors, got {_kind(given)}")
    return tuple(several)


def _kind(x: Any) -> str:
    of = f" of {', '.join(class_name(i) for i in x)}" if isinstance(x, tuple | list) else ""
    return class_name(x) + of


def fresh(x: Tensor, linked: bool) -> Tensor:
    """Return a new tensor with the values of x to differentiate by: a leaf, or with `linked` part of x's graph."""
    return x.clone() if linked and x.requires_grad else x.detach().requires_grad_()


def _traced(
    name: str, func: Callable[..., Any], inputs: Any, graph: bool, strict: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], _Structure]:
    """Return fresh inputs, and the outputs that func computes from them."""
    xs = tuple([fresh(x, graph) for x in _tuple(name, "the inputs", inputs)])
    outputs = func(*xs)
    ys = _tuple(name, "the function's result", outputs) if outputs is not None else ()
    if outputs is None:
        raise TypeError(f"{name}: the function returned None; is a return statement missing?")
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(f"{name}: output {i} does not depend on any of the inputs (strict=True)")
    return xs, ys, _Structure(inputs, outputs, graph)


def _vectors(name: str, v: Any, like: Sequence[Tensor], several: bool, when: str) -> list[Tensor]:
    """Return v as a list of tensors, with the number and shapes of `like` checked, in the dtypes of `like`."""
    if v is None:
        if several or like[0].numel() != 1:
            raise RuntimeError(f"{name}: v may be omitted only {when}; pass tensors of {_shapes(like)}")
        return [Tensor(np.ones_like(like[0]._array))]
    vs = _tuple(name, "v", v)
    if [t.shape for t in vs] != [t.shape for t in like]:
        raise RuntimeError(f"{name}: v must have {_shapes(like)}, got {_shapes(vs)}")
    return [t.to(x.dtype) for t, x in zip(vs, like)]


def _shapes(tensors: Sequence[Tensor]) -> str:
    return f"shape{'s' * (len(tensors) != 1)} {', '.join(str(t.shape) for t in tensors)}"


def pulled(ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool) -> list[Any]:
    """Pull vs back: return the gradients by xs of the sum of ys times vs, or None. Retains the graph."""
    pairs = [(y, v) for y, v in zip(ys, vs) if y.requires_grad]
    if not pairs:
        return [None] * len(xs)
    outputs, upstream = zip(*pairs)
    return list(grads(outputs, xs, upstream, retain_graph=True, create_graph=create_graph, allow_unused=True))


def pushed(ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Any], create_graph: bool) -> list[Any]:
    """Push vs forward: return the tangents of ys as xs move along vs, or None. Retains the graph."""
    saved.clear_comparisons()
    tangents = {x.node: v if create_graph else v._array for x, v in zip(xs, vs)}
    with enable_grad() if create_graph else no_grad():
        found: dict[Any, Any] = engine.jvp(tangents, [y.node for y in ys if y.node], create_graph=create_graph)  # type: ignore[arg-type]
    results = [found.get(y.node) for y in ys]
    # as a copy: an output that is an input would get v itself
    return [None if t is None else t.clone() if isinstance(t, Tensor) else Tensor(t) for t in results]


def _pulled(
    name: str, ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool, strict: bool
) -> list[Tensor]:
    found = pulled(ys, xs, vs, create_graph)
    for i, g in enumerate(found):
        if strict and g is None:
            raise RuntimeError(f"{name}: the output does not depend on input {i} (strict=True)")
        if strict and create_graph and not g.requires_grad:
            raise RuntimeError(f"{name}: the derivative by input {i} does not depend on the inputs (strict=True)")
    return [zeros_like(x) if g is None else g for g, x in zip(found, xs)]


def _basis(x: Tensor) -> list[Tensor]:
    """Return, for each element of x, a tensor of its shape that is 1 there and 0 elsewhere."""
    units = np.eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape)
    return [Tensor(unit) for unit in units]


def rows(ys: Sequence[Tensor], xs: Sequence[Tensor], vjp: Callable[[Tensor, Tensor], list[Tensor]]) -> list[Any]:
    """Return the Jacobians of each y by each x, computed by rows: a `vjp` of a unit vector for each element of y."""
    table = []
    for y in ys:
        found = [vjp(y, u) for u in _basis(y)]
        blocks = [stack(parts) for parts in zip(*found)] or [zeros(0, *x.shape, dtype=x.dtype) for x in xs]
        table.append([block.reshape((*y.shape, *x.shape)) for block, x in zip(blocks, xs)])
    return table


def columns(ys: Sequence[Tensor], xs: Sequence[Tensor], create_graph: bool) -> list[list[Tensor]]:
    """Return the Jacobians of each y by each x, computed by columns: a jvp of a unit vector for each element of x."""
    table: list[list[Tensor]] = [[] for _ in ys]
    for x in xs:
        found = [pushed(ys, [x], [v], create_graph) for v in _basis(x)]
        for i, y in enumerate(ys):
            parts = [zeros_like(y) if t[i] is None else t[i] for t in found]
            block = stack(parts, -1) if parts else zeros(*y.shape, 0, dtype=y.dtype)
            table[i].append(block.reshape((*y.shape, *x.shape)))
    return table


def _gradient(
    name: str, func: Callable[..., Any], strict: bool, xs: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the value of a scalar function, and its gradient as part of the graph."""
    y = func(*xs)
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}: the function must return a single tensor, got {_kind(y)}")
    if y.numel() != 1:
        raise RuntimeError(f"{name}: the function must return a single number, got a tensor of shape {y.shape}")
    one = Tensor(np.ones_like(y._array))
    if strict and not y.requires_grad:
        raise RuntimeError(f"{name}: the output does not depend on any of the inputs (strict=True)")
    return y, tuple(_pulled(name, [y], xs, [one], True, strict))


def _second(
    name: str,
    func: Callable[..., Any],
    inputs: Any,
    v: Any,
    create_graph: bool,
    strict: bool,
    product: Callable[..., Any],
) -> tuple[Any, Any]:
    """Return the value, and the `product` (jvp or vjp) of the gradient's Jacobian and v."""
    xs = _tuple(name, "the inputs", inputs)
    vs = _vectors(name, v, xs, not isinstance(inputs, Tensor), "if the input is a single number")
    values: list[Tensor] = []

    def gradient(*xs: Tensor) -> tuple[Tensor, ...]:
        value, slopes = _gradient(name, func, strict, xs)
        values.append(value)
        return slopes

    _, found = product(gradient, xs, tuple(vs), create_graph=create_graph, strict=strict)
    return values[0] if create_graph else values[0].detach(), _single(found, isinstance(inputs, Tensor))
