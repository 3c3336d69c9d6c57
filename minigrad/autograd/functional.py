"""Whole derivatives of functions at a point: products with the Jacobian and the Hessian, and these matrices.

With a function that gives several tensors, or takes several, a result has a tuple of tuples: for each output, one for
each input. `minigrad.func` has the same as functions of functions.

With `create_graph` the results can be differentiated, also by the inputs. With `strict`, an output or a derivative
that does not depend on an input is an error, instead of 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.autograd.gradients import grads
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.tensors import saved
from minigrad.tensors.creation import zeros, zeros_like
from minigrad.tensors.joining import stack
from minigrad.tensors.tensor import Tensor

Tensors = Tensor | Sequence[Tensor]


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and v times the Jacobian: the gradient by the inputs, with the upstream gradient v.

    Args:
        func: a function of tensors, that gives a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: one for each output, of its shape; may be missing for a single number.
        create_graph: whether the results can be differentiated.
        strict: whether independence is an error.

    >>> vjp(lambda x: x * x, Tensor([1.0, 2.0]), Tensor([10.0, 1.0]))
    (tensor([1., 4.]), tensor([20.,  4.]))
    """
    with enable_grad():
        xs, ys, form = _traced("vjp", func, inputs, create_graph, strict)
        vs = _vectors("vjp", v, ys, form.outputs, "if the function gives a single number")
        found = _pulled("vjp", ys, xs, vs, create_graph, strict)
    return form.output(ys), form.input(found)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and the Jacobian times v: how the outputs change as the inputs move in the direction v.

    In forward mode: the function is recorded, and then v is pushed through the record.

    Args:
        func: a function of tensors, that gives a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        v: one for each input, of its shape; may be missing for a single number.
        create_graph: whether the results can be differentiated.
        strict: whether independence is an error.

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
    """The Jacobian: the derivative of each element of the output by each element of the input, of shape
    (*output.shape, *input.shape).

    Args:
        func: a function of tensors, that gives a tensor or a tuple of them.
        inputs: a tensor or a tuple of them.
        create_graph: whether the result can be differentiated.
        strict: whether independence is an error.
        vectorize: of no consequence here.
        strategy: "reverse-mode" makes a backward pass for each element of the output, "forward-mode" a forward pass
            for each element of the input.

    >>> jacobian(lambda x: x * x.sum(), Tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: strategy is 'reverse-mode' or 'forward-mode', not {strategy!r}")
    if strict and strategy == "forward-mode":
        raise NotImplementedError("jacobian: strict=True is for strategy='reverse-mode'")
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
    """The Hessian of a function that gives a single number: its second derivatives by all pairs of elements of the
    inputs, of shape (*input.shape, *input.shape).

    Args:
        func: a function of tensors.
        inputs: a tensor or a tuple of them.
        create_graph: whether the result can be differentiated.
        strict: whether independence is an error.
        vectorize: of no consequence here.
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
    """The value of a function that gives a single number, and its Hessian times v.

    In forward mode over reverse mode: the gradient's own change in the direction v.

    >>> hvp(lambda x: (x**3).sum(), Tensor([1.0, 2.0]), Tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _second("hvp", func, inputs, v, create_graph, strict, jvp)


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The value of a function that gives a single number, and v times its Hessian. As the Hessian is symmetric, this
    is `hvp`, but in reverse mode twice.

    >>> vhp(lambda x: (x**3).sum(), Tensor([1.0, 2.0]), Tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return _second("vhp", func, inputs, v, create_graph, strict, vjp)


# ---- what they are made of -------------------------------------------------------------------------------------


class _Form:
    """Whether there is a single tensor or a tuple, on both sides; and whether results keep their history."""

    def __init__(self, inputs: Any, outputs: Any, graph: bool) -> None:
        self.inputs, self.outputs, self.graph = not isinstance(inputs, Tensor), not isinstance(outputs, Tensor), graph

    def input(self, values: Iterable[Any]) -> Any:
        return _single(self._settled(values), not self.inputs)

    def output(self, values: Iterable[Any]) -> Any:
        return _single(self._settled(values), not self.outputs)

    def _settled(self, values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple([t.detach() if isinstance(t, Tensor) and not self.graph else t for t in values])


def _single(values: tuple[Any, ...], alone: bool) -> Any:
    return values[0] if alone else values


def _tuple(name: str, what: str, given: Any) -> tuple[Tensor, ...]:
    several = (given,) if isinstance(given, Tensor) else given
    if not isinstance(several, tuple | list) or not all(isinstance(t, Tensor) for t in several):
        raise TypeError(f"{name}: {what} to be a tensor or a tuple of tensors, not {_kind(given)}")
    return tuple(several)


def _kind(x: Any) -> str:
    of = f" of {', '.join(type(i).__name__ for i in x)}" if isinstance(x, tuple | list) else ""
    return type(x).__name__ + of


def fresh(x: Tensor, linked: bool) -> Tensor:
    """A tensor of the same values to differentiate by: a leaf, or with `linked` part of the graph that x is in."""
    return x.clone() if linked and x.requires_grad else x.detach().requires_grad_()


def _traced(
    name: str, func: Callable[..., Any], inputs: Any, graph: bool, strict: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], _Form]:
    """Fresh inputs, and the outputs that func computes of them."""
    xs = tuple([fresh(x, graph) for x in _tuple(name, "the inputs are", inputs)])
    answer = func(*xs)
    ys = _tuple(name, "the function is to give outputs that are", answer) if answer is not None else ()
    if answer is None:
        raise TypeError(f"{name}: the function gives None; is a return missing?")
    for i, y in enumerate(ys):
        if strict and not y.requires_grad:
            raise RuntimeError(f"{name}: output {i} does not depend on any of the inputs (strict=True)")
    return xs, ys, _Form(inputs, answer, graph)


def _vectors(name: str, v: Any, like: Sequence[Tensor], several: bool, when: str) -> list[Tensor]:
    """v as a list that fits: the same number of tensors, of the same shapes; made theirs in dtype."""
    if v is None:
        if several or like[0].numel() != 1:
            raise RuntimeError(f"{name}: v may be left out only {when}; give tensors of {_shapes(like)}")
        return [Tensor(np.ones_like(like[0]._array))]
    vs = _tuple(name, "v is", v)
    if [t.shape for t in vs] != [t.shape for t in like]:
        raise RuntimeError(f"{name}: v has {_shapes(vs)}, but is to have {_shapes(like)}")
    return [t.to(x.dtype) for t, x in zip(vs, like)]


def _shapes(tensors: Sequence[Tensor]) -> str:
    return f"shape{'s' * (len(tensors) != 1)} {', '.join(str(t.shape) for t in tensors)}"


def pulled(ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Tensor], create_graph: bool) -> list[Any]:
    """The gradients by xs of the sum of ys times vs, None where there is none. The graph stays."""
    pairs = [(y, v) for y, v in zip(ys, vs) if y.requires_grad]
    if not pairs:
        return [None] * len(xs)
    ends, upstream = zip(*pairs)
    return list(grads(ends, xs, upstream, retain_graph=True, create_graph=create_graph, allow_unused=True))


def pushed(ys: Sequence[Tensor], xs: Sequence[Tensor], vs: Sequence[Any], create_graph: bool) -> list[Any]:
    """The tangents of ys as xs move by vs, None where there is none. The graph stays."""
    saved.clear_comparisons()
    tangents = {x.node: v if create_graph else v._array for x, v in zip(xs, vs)}
    with enable_grad() if create_graph else no_grad():
        found: dict[Any, Any] = engine.jvp(tangents, [y.node for y in ys if y.node], create_graph=create_graph)  # type: ignore[arg-type]
    answers = [found.get(y.node) for y in ys]
    # with memory of its own: an output that is an input would get the very v
    return [None if t is None else t.clone() if isinstance(t, Tensor) else Tensor(t) for t in answers]


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
    """For each element, a tensor of the shape of x which is 1 there and 0 elsewhere."""
    units = np.eye(x.numel(), dtype=x.dtype).reshape(x.numel(), *x.shape)
    return [Tensor(unit) for unit in units]


def rows(ys: Sequence[Tensor], xs: Sequence[Tensor], vjp: Callable[[Tensor, Tensor], list[Tensor]]) -> list[Any]:
    """The Jacobians of each y by each x, a row for each element of y: what `vjp` makes of a unit vector there."""
    table = []
    for y in ys:
        found = [vjp(y, u) for u in _basis(y)]
        blocks = [stack(parts) for parts in zip(*found)] or [zeros(0, *x.shape, dtype=x.dtype) for x in xs]
        table.append([block.reshape((*y.shape, *x.shape)) for block, x in zip(blocks, xs)])
    return table


def columns(ys: Sequence[Tensor], xs: Sequence[Tensor], create_graph: bool) -> list[list[Tensor]]:
    """The Jacobians of each y by each x, a column for each element of x: what becomes of a change there."""
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
    """The value of a function that gives a single number, and its gradient as part of the graph."""
    y = func(*xs)
    if not isinstance(y, Tensor):
        raise TypeError(f"{name}: the function is to give a single tensor, not {_kind(y)}")
    if y.numel() != 1:
        raise RuntimeError(f"{name}: the function is to give a single number, not a tensor of shape {y.shape}")
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
    """The value, and what `product` (jvp or vjp) makes of the gradient and v."""
    xs = _tuple(name, "the inputs are", inputs)
    vs = _vectors(name, v, xs, not isinstance(inputs, Tensor), "if the input is a single number")
    values: list[Tensor] = []

    def gradient(*xs: Tensor) -> tuple[Tensor, ...]:
        value, slopes = _gradient(name, func, strict, xs)
        values.append(value)
        return slopes

    _, found = product(gradient, xs, tuple(vs), create_graph=create_graph, strict=strict)
    return values[0] if create_graph else values[0].detach(), _single(found, isinstance(inputs, Tensor))
