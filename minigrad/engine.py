"""Reverse-mode automatic differentiation: the nodes of the graph, and the one walk over them.

The forward pass creates a `Node` for every application of a primitive; each node refers to the nodes it was computed
from. `walk` visits the nodes in reverse topological order and gives every node its finished gradient, exactly once.
`backward` accumulates the gradients of the leaves in `.grad`. Whatever observes a backward pass (a picture, the
stepper) iterates over the same walk. `jvp` traverses the same graph in the other direction: forward mode.

The engine does not depend on what a gradient is: Python floats (`minigrad.scalar`) and NumPy arrays
(`minigrad.tensors`) share these lines. This file imports no NumPy.

Source: Linnainmaa (1970); for neural networks, Rumelhart, Hinton and Williams (1986). The form of the loop, a
dictionary of pending gradients from which each entry is removed when it is used, follows HIPS autograd.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from minigrad.grad_mode import accumulate, mode
from minigrad.hooks import notify, watchers
from minigrad.output.graph_names import GraphNames

tick: Callable[[], int] = itertools.count().__next__
"""The clock of the graph: every new node and every in-place write takes the next tick."""


class Node(GraphNames):
    """A value in the graph: a leaf, or the result of applying a primitive to earlier nodes.

    Attributes:
        index: the tick at which the node was created. Inputs are older than results, so this orders the walk.
        primitive: the primitive that computed this node, None for a leaf.
        inputs: one node per operand of the primitive, None for an operand that needs no gradient.
        released: True once a walk has released what `vjp` needs.
        stores_grad: True if `backward` accumulates the gradient in `.grad`: for leaves, and after `retain_grad()`.
        grad: the accumulated gradient, summed over all backward passes.
        name: the name given by the user or by a module.
        hooks: called with the finished gradient of this node; a hook may replace it.
        post_accumulate_hooks: called after a backward pass has accumulated the gradient.
        retains_grad: True if `retain_grad()` was called on this non-leaf node.
        created_at: the line of the program that created this node, recorded under `detect_anomaly`.
    """

    __slots__ = ()
    hooks: list[Any] | None = None
    post_accumulate_hooks: list[Any] | None = None
    created_at: str | None = None
    retains_grad = False
    index: int
    primitive: Any
    inputs: tuple[Node | None, ...]
    released: bool
    stores_grad: bool
    grad: Any
    name: str | None

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        """Vector-Jacobian product: one gradient contribution per input, for the gradient `g` of this node.

        A contribution is None where an input is None or receives no gradient. With `graph`, the arithmetic is
        recorded, so that the contributions can be differentiated again.
        """
        raise NotImplementedError

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        """Jacobian-vector product: the tangent of this node, for the tangents of its inputs (None where zero).

        This is the transpose of `vjp`.
        """
        raise NotImplementedError

    def apply_hooks(self, g: Any) -> Any:
        """Apply this node's hooks to the gradient `g` and return the result."""
        raise NotImplementedError

    def release(self) -> None:
        """Free what only `vjp` needs; a later walk through this node raises."""

    def export_grad(self, g: Any, shared: bool) -> Any:
        """Return a gradient in the form in which the user receives it.

        `shared` is True if the same object is also the gradient of another node.
        """
        return g

    def accumulate_grad(self, g: Any, shared: bool) -> Any:
        """Return what `.grad` becomes when `g` is added; `shared` as in `export_grad`."""
        raise NotImplementedError


def reverse_topological_order(
    outputs: Iterable[Node], targets: Iterable[Node] | None = None, since: int = -1
) -> list[Node]:
    """Return all nodes that `outputs` were computed from, the youngest first.

    Why an order is needed: a node can pass its gradient on only after every node that uses it has contributed. All of
    those are younger, so the reverse order of creation is a reverse topological order, and no recursion is needed.

    Args:
        outputs: where the graph ends.
        targets: return only nodes on a path from `outputs` to one of these.
        since: leave out nodes created before this tick.
    """
    if targets is not None:  # a node older than every target leads to none of them
        targets = set(targets)
        since = max(since, min(map(attrgetter("index"), targets), default=since))
    found = set(outputs)
    pending = list(found)
    while pending:
        for source in pending.pop().inputs:
            if source is not None and source not in found and source.index >= since:
                found.add(source)
                pending.append(source)
    order = sorted(found, key=attrgetter("index"))
    if targets is not None:
        leading: set[Node | None] = {*targets}
        for node in order:  # inputs come before results, so one pass is enough
            if not leading.isdisjoint(node.inputs):
                leading.add(node)
        order = [node for node in order if node in leading]
    order.reverse()
    return order


def check_not_released(nodes: Iterable[Node]) -> None:
    """Raise if an earlier backward pass has released one of the nodes, and say how to avoid it."""
    if any(map(attrgetter("released"), nodes)):
        node = next(node for node in nodes if node.released)
        raise RuntimeError(
            f"backward a second time through {node.primitive.name!r}: the first pass has released this part of the "
            "graph. Compute the loss again before each backward, or keep the graph with backward(retain_graph=True)."
        )


Event = tuple[Node, Any, Iterable[Any]]


def walk(
    seeds: Mapping[Node, Any],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    targets: Iterable[Node] | None = None,
    since: int = -1,
) -> Iterator[Event]:
    """The backward pass. Yields one event per node: (node, its finished gradient, the contribution to each input).

    Args:
        seeds: the gradient to start from, for each output of the graph.
        retain_graph: keep what a second walk through the same nodes needs.
        create_graph: record the arithmetic of the walk, so that its results can be differentiated.
        targets: visit only nodes on a path to one of these.
        since: do not visit nodes created before this tick.

    Gradients live in the walk and are dropped as soon as they are used. If they stayed on the nodes, the next walk
    would count them again.
    """
    pending = dict(seeds)
    order = reverse_topological_order(seeds, targets, since)
    check_not_released(order)
    visited = None if targets is None else set(order)
    for node in order:
        g = pending.pop(node, None)
        if g is None:  # no contribution has arrived: every path from the outputs passes no gradient
            continue
        if node.hooks:
            g = node.apply_hooks(g)
        contributions: Iterable[Any] = ()
        if node.primitive is not None and (visited is None or not visited.isdisjoint(node.inputs)):
            try:
                contributions = node.vjp(g, create_graph)
            except Exception as error:
                if node.created_at is not None:
                    error.add_note(f"The result of {node.primitive.name!r} was computed {node.created_at}")
                raise
            if watchers:
                for c in contributions:
                    notify(node.primitive, c, "backward", node)
            source: Any  # never None where there is a contribution
            for source, c in zip(node.inputs, contributions):
                if c is not None:
                    earlier = pending.get(source)
                    # `+`: a value that is used twice changes the result twice (the multivariate chain rule)
                    pending[source] = c if earlier is None else earlier + c
            if not retain_graph:
                node.release()
        yield node, g, contributions


def backward(
    seeds: Mapping[Node, Any],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    targets: Iterable[Node] | None = None,
) -> None:
    """Run the walk, and accumulate the gradient of every node that stores it.

    With `targets`, accumulate only the gradients of these nodes, and of nodes on the way on which `retain_grad()` was
    called. Nothing is accumulated unless the whole walk succeeds.
    """
    wanted: Any = None if targets is None else set(targets)
    stores: Any = attrgetter("stores_grad") if wanted is None else lambda node: node in wanted or node.retains_grad
    earlier = mode.recording
    try:
        try:  # as in `run_in_mode`
            mode.recording = create_graph and not mode.inference
            events = walk(seeds, retain_graph=retain_graph, create_graph=create_graph, targets=wanted)
            # no comprehension or loop: on Python 3.12 an interrupt in one can miss the `finally`
            accumulate(dict((node, g) for node, g, _ in events if stores(node)))  # noqa: C402
        finally:
            mode.recording = earlier
    finally:
        mode.recording = earlier


def jvp(tangents: Mapping[Node, Any], outputs: Iterable[Node], *, create_graph: bool = False) -> dict[Node, Any]:
    """Forward mode: propagate the tangents of some nodes through an existing graph, in the order of creation.

    The graph is kept for further walks.

    Args:
        tangents: the tangents of the nodes that are the independent variables.
        outputs: where to stop.
        create_graph: record the arithmetic, so that its results can be differentiated.

    Returns:
        The tangents of all nodes on a path from `tangents` to `outputs`; those of other nodes are zero.
    """
    found = dict(tangents)
    order = reverse_topological_order(outputs, targets=found)
    check_not_released(order)
    for node in reversed(order):
        if node not in found:
            t = node.jvp([found.get(source) for source in node.inputs], create_graph)  # type: ignore[arg-type]
            if t is not None:
                found[node] = t
    return found
