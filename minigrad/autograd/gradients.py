"""The walk put to use: gradients stored, handed out, or event by event.

For Tensors and for Values alike; no NumPy here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar, overload

from minigrad import engine
from minigrad.engine import Node
from minigrad.grad_mode import enable_grad, no_grad

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
    """`minigrad.grad`: as `autograd.grad`, but for a single input, not in a sequence, just its gradient.

    >>> from minigrad.scalar import Value
    >>> x = Value(2.0)
    >>> slope = grad(x**3, x, create_graph=True)
    >>> slope.data, grad(slope, x)
    (12.0, 12.0)
    """
    found = grads(outputs, inputs, *args, **options)
    return found[0] if hasattr(inputs, "node") else found


def grads(
    outputs: Any,
    inputs: Differentiable[G] | Iterable[Differentiable[G]],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    is_grads_batched: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[G, ...]:
    """`autograd.grad`: the gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Args:
        outputs: a tensor or Value, or a sequence of them (whose gradients add up).
        inputs: likewise: what to differentiate by.
        grad_outputs: the upstream gradient of each output; not needed for single numbers.
        retain_graph: keep the graph for another pass (default: as `create_graph`).
        create_graph: give the gradients a graph of their own, so that they can be differentiated again.
        is_grads_batched: not supported: call it once for each upstream gradient.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.
        materialize_grads: give zeros for such an input.

    Returns:
        A gradient for each input, as a tuple, also for a single one.

    Raises:
        RuntimeError: when an input requires no gradient, or was not used; and as `backward` does.

    >>> from minigrad.scalar import Value
    >>> x = Value(2.0)
    >>> grads(x**3, x)
    (12.0,)
    """
    if is_grads_batched:
        raise NotImplementedError("grad: is_grads_batched=True is not supported; call grad once for each of them")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads=True gives zeros for unused inputs, which allow_unused=False forbids")
    wanted = _sequence("grad", inputs)
    for i, x in enumerate(wanted):
        if x.node is None:
            raise RuntimeError(f"grad: input {i} does not require a gradient; set x.requires_grad_() before computing")
    arrived: dict[Node, Any] = {}
    nodes = [x.node for x in wanted]
    targets = set(nodes)
    with enable_grad() if create_graph else no_grad():
        seeds = _seeds("grad", outputs, grad_outputs, create_graph)
        retain = create_graph if retain_graph is None else retain_graph
        for node, g, _ in engine.walk(seeds, retain_graph=retain, create_graph=create_graph, targets=targets):
            if node in targets:
                arrived[node] = g
        seen: set[int] = set()
        for node, g in arrived.items():
            arrived[node] = node.export_grad(g, id(g) in seen)
            seen.add(id(g))
    for i, node in enumerate(nodes):
        if node not in arrived and materialize_grads:
            arrived[node] = _zeros_like(wanted[i])
        elif node not in arrived and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs do not depend on input {i}{f' ({node.name})' if node.name else ''}; "
                "with allow_unused=True its gradient is None"
            )
    gradients: list[Any] = [arrived.get(node) for node in nodes]
    return tuple(gradients)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    inputs: Any = None,
) -> None:
    """Add the gradients of the sum of `tensors` to the `.grad` of all leaves: `backward` of several at once.

    Args:
        tensors: a tensor or Value, or a sequence of them.
        grad_tensors: the upstream gradient of each; not needed for single numbers.
        retain_graph: keep the graph for another pass (default: as `create_graph`).
        create_graph: record the pass, so that the gradients can be differentiated.
        inputs: give gradients to these only.

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
            raise RuntimeError("backward: inputs are to be tensors that require a gradient, at least one")
    engine.backward(
        _seeds("backward", tensors, grad_tensors, create_graph),
        retain_graph=create_graph if retain_graph is None else retain_graph,
        create_graph=create_graph,
        targets=targets,
    )


def _seeds(name: str, outputs: Any, upstream: Any, graph: bool) -> dict[Node, Any]:
    """What the walk starts from: the upstream gradient of each output; those of the same one added up."""
    ends = _sequence(name, outputs)
    if upstream is None:
        upstream = [None] * len(ends)
    elif not isinstance(upstream, list | tuple):
        upstream = [upstream]
    if len(upstream) != len(ends):
        what = "grad_outputs" if name == "grad" else "grad_tensors"
        raise ValueError(f"{name}: {len(ends)} outputs, but {len(upstream)} {what}")
    seeds: dict[Node, Any] = {}
    for end, g in zip(ends, upstream):
        seed = end.seed(g, graph)
        seeds[end.node] = seeds[end.node] + seed if end.node in seeds else seed
    return seeds


def _zeros_like(x: Any) -> Any:
    if isinstance(x, Node):
        return 0.0
    from minigrad.tensors.creation import zeros_like

    return zeros_like(x)


def _sequence(name: str, x: Any) -> list[Any]:
    """A tensor or Value by itself, or several in a list, a tuple or an iterator such as `model.parameters()`."""
    several = list(x) if isinstance(x, Iterable) and not hasattr(x, "node") else [x]
    for one in several:
        if not hasattr(one, "node"):
            raise TypeError(f"{name} takes tensors or Values, got {type(one).__name__}: {one!r}")
    return several


class Event(NamedTuple):
    """One step of a backward pass: `upstream` has arrived at `node`, and `contributions` go to its inputs."""

    node: Node
    upstream: Any
    contributions: tuple[Any, ...]


def walk(output: Any, gradient: Any = None, *, retain_graph: bool = True) -> Iterator[Event]:
    """The backward pass of `output`, step by step: the walk that `backward` makes, without storing any gradient.

    >>> from minigrad.scalar import Value
    >>> a = Value(3.0, name="a")
    >>> for node, upstream, contributions in walk(a * a + 1.0):
    ...     print(node.primitive.name if node.primitive else node.name, upstream, contributions)
    add 1.0 (1.0, None)
    mul 1.0 (3.0, 3.0)
    a 6.0 ()
    """
    for node, g, contributions in engine.walk({output.node: output.seed(gradient)}, retain_graph=retain_graph):
        yield Event(node, g, tuple(contributions))
