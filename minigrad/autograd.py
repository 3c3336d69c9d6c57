"""What one does with the walk: gradients handed out, watched for nan, or event by event.

For Tensors and for Values alike; no NumPy here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ContextDecorator, nullcontext
from typing import Any, NamedTuple

from minigrad import engine
from minigrad.engine import Node, enable_grad, no_grad, watchers


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Args:
        outputs: a tensor or Value, or a sequence of them (whose gradients add up).
        inputs: likewise: what to differentiate by.
        grad_outputs: the upstream gradient of each output; not needed for single numbers.
        retain_graph: keep the graph for another pass (default: as `create_graph`).
        create_graph: give the gradients a graph of their own, so that they can be differentiated again.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.

    Returns:
        A gradient for each input, as a tuple; for a single input not in a sequence, just that gradient.

    Raises:
        RuntimeError: when an input requires no gradient, or was not used; and as `backward` does.

    >>> from minigrad.scalar import Value
    >>> x = Value(2.0)
    >>> slope = grad(x**3, x, create_graph=True)
    >>> slope.data, grad(slope, x)
    (12.0, 12.0)
    """
    ends, wanted = _sequence(outputs), _sequence(inputs)
    upstream = [None] * len(ends)
    if grad_outputs is not None:
        upstream = list(grad_outputs) if isinstance(grad_outputs, list | tuple) else [grad_outputs]
    if len(upstream) != len(ends):
        raise ValueError(f"grad: {len(ends)} outputs, but {len(upstream)} grad_outputs")
    for i, x in enumerate(wanted):
        if x.node is None:
            raise RuntimeError(f"grad: input {i} does not require a gradient; set x.requires_grad_() before computing")
    seeds: dict[Node, Any] = {}
    arrived: dict[Node, Any] = {}
    nodes = [x.node for x in wanted]
    targets = set(nodes)
    with enable_grad() if create_graph else nullcontext():
        for end, g in zip(ends, upstream):
            seed = end.seed(g, create_graph)
            seeds[end.node] = seeds[end.node] + seed if end.node in seeds else seed
        retain = create_graph if retain_graph is None else retain_graph
        for node, g, _ in engine.walk(seeds, retain_graph=retain, create_graph=create_graph, targets=targets):
            if node in targets:
                arrived[node] = g
        seen: set[int] = set()
        for node, g in arrived.items():
            arrived[node] = node.given(g, id(g) in seen)
            seen.add(id(g))
    for i, node in enumerate(nodes):
        if node not in arrived and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs do not depend on input {i}{f' ({node.name})' if node.name else ''}; "
                "with allow_unused=True its gradient is None"
            )
    answers = tuple(arrived.get(node) for node in nodes)
    return answers[0] if hasattr(inputs, "node") else answers


def _sequence(x: Any) -> list[Any]:
    """A tensor or Value by itself, or several in a list, a tuple or an iterator such as `model.parameters()`."""
    several = list(x) if isinstance(x, Iterable) and not hasattr(x, "node") else [x]
    for one in several:
        if not hasattr(one, "node"):
            raise TypeError(f"grad takes tensors or Values, got {type(one).__name__}: {one!r}")
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
    ...     print(node.rule.name if node.rule else node.name, upstream, contributions)
    add 1.0 (1.0, None)
    mul 1.0 (3.0, 3.0)
    a 6.0 ()
    """
    for node, g, contributions in engine.walk({output.node: output.seed(gradient)}, retain_graph=retain_graph):
        yield Event(node, g, tuple(contributions))


class detect_anomaly(ContextDecorator):
    """In here, the first operation that makes a nan raises, with its name: forward at once, backward as well.

    Costs time for every operation. Watches all threads.

    >>> from minigrad.scalar import Value
    >>> with detect_anomaly():
    ...     Value(0.0) * Value(-1.0).log()
    Traceback (most recent call last):
    FloatingPointError: the forward pass of 'log' made a nan. ...
    """

    def _recreate_cm(self) -> detect_anomaly:
        return type(self)()

    def __enter__(self) -> None:
        watchers.append(self._look)

    def __exit__(self, *exc: object) -> None:
        watchers.remove(self._look)

    def _look(self, rule: Any, result: Any, direction: str) -> None:
        different = result != result  # true of nan alone; a number's answer is one, an array's has .any()
        if different.any() if hasattr(different, "any") else different:
            raise FloatingPointError(
                f"the {direction} pass of {rule.name!r} made a nan. Usual causes: log or sqrt of a number below 0, "
                "0 / 0, inf - inf after a learning rate that was too high, or a nan in the data."
            )


__all__ = ["Event", "detect_anomaly", "enable_grad", "grad", "no_grad", "walk"]
