"""Uses of the walk: `grad`, `backward`, and `walk` itself, event by event.

For Tensors and Values alike; imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar, overload

from minigrad import engine
from minigrad.engine import Node
from minigrad.grad_mode import run_in_mode
from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name, in_brackets, printable

G = TypeVar("G", covariant=True)


class Differentiable(Protocol[G]):
    """A Tensor or a Value; its gradients are what its `grad` holds."""

    @property
    def grad(self) -> G | None: ...


@overload
def grad(
    outputs: Any,
    inputs: Differentiable[G],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    is_grads_batched: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> G: ...
@overload
def grad(
    outputs: Any,
    inputs: Iterable[Differentiable[G]],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    is_grads_batched: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[G, ...]: ...
def grad(outputs: Any, inputs: Any, *args: Any, **options: Any) -> Any:
    """`minigrad.grad`: return the gradient of the outputs with respect to the inputs; see `autograd.grad`.

    For a single input, return its gradient; for a sequence of inputs, a tuple of gradients.

    >>> from minigrad.scalar import Value
    >>> x = Value(2.0)
    >>> slope = grad(x**3, x, create_graph=True)
    >>> slope.data, grad(slope, x)
    (12.0, 12.0)
    """
    gradients = grads(outputs, inputs, *args, **options)
    return gradients[0] if hasattr(inputs, "node") else gradients


def grads(
    outputs: Any,
    inputs: Differentiable[G] | Iterable[Differentiable[G]],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    is_grads_batched: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
    *,
    only_inputs: bool | None = None,
) -> tuple[G, ...]:
    """`autograd.grad`: return the gradients of `outputs` with respect to `inputs`; no leaf's `.grad` changes.

    A tensor on the way on which `retain_grad()` was called gets its `.grad`, as in `backward`.

    Args:
        outputs: a tensor or Value, or a sequence of them, whose gradients are summed.
        inputs: the tensor or Value to differentiate with respect to, or a sequence of them.
        grad_outputs: the upstream gradient of each output; optional for single numbers, where it is 1.
        retain_graph: True to keep the graph for another backward pass (default: `create_graph`).
        create_graph: True to record the pass, so that the gradients can be differentiated again.
        is_grads_batched: not supported: call `grad` once for each upstream gradient.
        allow_unused: True to return None for an input that the outputs do not depend on, instead of raising.
        materialize_grads: True to return zeros for such an input.
        only_inputs: has no effect; deprecated in PyTorch.

    Returns:
        A tuple of gradients, one for each input, also for a single input.

    Raises:
        RuntimeError: if an input requires no gradient or was not used, and as `backward`.

    >>> from minigrad.scalar import Value
    >>> x = Value(2.0)
    >>> grads(x**3, x)
    (12.0,)
    """
    if only_inputs is not None:
        warn_deprecated("only_inputs", "grad without it")
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched=True is not supported; call grad once for each of them")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads=True returns zeros for unused inputs, but allow_unused=False raises")
    xs = _sequence("grad", inputs)
    for i, x in enumerate(xs):
        if x.node is None:
            raise RuntimeError(f"grad: input {i} does not require a gradient; set x.requires_grad_() before computing")
    gradients: dict[Node, Any] = {}
    nodes = [x.node for x in xs]
    targets = set(nodes)

    def run() -> None:
        seeds = _seeds("grad", outputs, grad_outputs, create_graph)
        retain = create_graph if retain_graph is None else retain_graph
        for node, g, _ in engine.walk(seeds, retain_graph=retain, create_graph=create_graph, targets=targets):
            if node in targets or node.retains_grad:
                gradients[node] = g
        seen: set[int] = set()
        for node, g in gradients.items():
            if node.retains_grad:
                node.grad = node.accumulate_grad(g, id(g) in seen)
                seen.add(id(g))
            gradients[node] = node.export_grad(g, id(g) in seen)
            seen.add(id(g))

    run_in_mode(create_graph, run)
    for i, node in enumerate(nodes):
        if node not in gradients and materialize_grads:
            gradients[node] = _zeros_like(xs[i])
        elif node not in gradients and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs do not depend on input {i}{in_brackets(node.name)}; "
                "to get None as its gradient: allow_unused=True"
            )
    in_order: list[Any] = [gradients.get(node) for node in nodes]
    return tuple(in_order)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    inputs: Any = None,
) -> None:
    """Compute the gradients of the sum of `tensors`, and add them to the `.grad` of all leaves.

    Args:
        tensors: a tensor or Value, or a sequence of them.
        grad_tensors: the upstream gradient of each; optional for single numbers, where it is 1.
        retain_graph: True to keep the graph for another backward pass (default: `create_graph`).
        create_graph: True to record the pass, so that the gradients can be differentiated.
        inputs: the tensors that get gradients; by default all leaves.

    Raises:
        RuntimeError: as the method `backward`.

    >>> from minigrad.scalar import Value
    >>> x = Value(2.0)
    >>> backward([x * x, x * 3.0])
    >>> x.grad
    7.0
    """
    targets = None
    if inputs is not None:
        targets = [t.node for t in _sequence("backward", inputs)]
        if not targets or None in targets:
            raise RuntimeError("backward: inputs must be one or more tensors that require a gradient")
    engine.backward(
        _seeds("backward", tensors, grad_tensors, create_graph),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        targets=targets,
    )


def _seeds(name: str, outputs: Any, upstream: Any, graph: bool) -> dict[Node, Any]:
    """Return the seeds of the walk: the upstream gradient of each output's node; those of one node are summed."""
    ys = _sequence(name, outputs)
    if upstream is None:
        upstream = [None] * len(ys)
    elif not isinstance(upstream, list | tuple):
        upstream = [upstream]
    if len(upstream) != len(ys):
        what = "grad_outputs" if name == "grad" else "grad_tensors"
        raise ValueError(f"{name}: {what} must have one entry for each of the {len(ys)} outputs, got {len(upstream)}")
    seeds: dict[Node, Any] = {}
    for y, g in zip(ys, upstream):
        seed = y.seed(g, graph)
        seeds[y.node] = seeds[y.node] + seed if y.node in seeds else seed
    return seeds


def _zeros_like(x: Any) -> Any:
    if isinstance(x, Node):
        return 0.0
    from minigrad.tensors.creation import zeros_like

    return zeros_like(x)


def _sequence(name: str, x: Any) -> list[Any]:
    """Return a list of one tensor or Value, or of those in a list, tuple or iterator such as `model.parameters()`."""
    elements = list(x) if isinstance(x, Iterable) and not hasattr(x, "node") else [x]
    for element in elements:
        if not hasattr(element, "node"):
            raise TypeError(f"{name}: takes tensors or Values, got {class_name(element)}: {printable(repr(element))}")
    return elements


class Event(NamedTuple):
    """One step of a backward pass: `upstream` has arrived at `node`, and `contributions` go to its inputs."""

    node: Node
    upstream: Any
    contributions: tuple[Any, ...]


def walk(output: Any, gradient: Any = None, *, retain_graph: bool = True) -> Iterator[Event]:
    """Yield the events of the backward pass of `output`: the walk of `backward`, without storing any gradient.

    Args:
        output: a tensor or Value.
        gradient: its upstream gradient; optional for a single number, where it is 1.
        retain_graph: False to release the graph, as `backward` does.

    Raises:
        TypeError: if `output` is neither a tensor nor a Value.
        RuntimeError: if `output` does not require a gradient, its graph was released, or it is not a single number and
            `gradient` is missing.

    >>> from minigrad.scalar import Value
    >>> a = Value(3.0, name="a")
    >>> for node, upstream, contributions in walk(a * a + 1.0):
    ...     print(node.primitive.name if node.primitive else node.name, upstream, contributions)
    add 1.0 (1.0, None)
    mul 1.0 (3.0, 3.0)
    a 6.0 ()
    """
    (output,) = _sequence("walk", [output])
    for node, g, contributions in engine.walk({output.node: output.seed(gradient)}, retain_graph=retain_graph):
        yield Event(node, g, tuple(contributions))
