"""Reverse-mode differentiation: the graph's nodes, and the one walk over them.

A forward pass leaves a `Node` for every application of a rule; each knows the nodes it was computed from. `walk`
visits them in reverse order of creation and hands every node its finished gradient, once. `backward` stores what
the walk brings to the leaves, `grad` hands it out; whoever wants to watch (a picture, a stepper) iterates the walk.
`push` goes through the same graph the other way, in order of creation: forward mode.

Nothing here knows what a gradient is made of: Python floats (`minigrad.scalar`) and NumPy arrays
(`minigrad.tensors.tensor`) share these lines. This file imports no NumPy.

The form of the loop, a dictionary of pending gradients from which each is popped as it is used, is that of HIPS
autograd; the idea is Linnainmaa's (1970) and, for neural networks, that of Rumelhart, Hinton and Williams (1986).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Self

from minigrad.grad_mode import enable_grad, no_grad

now: Callable[[], int] = itertools.count().__next__
"""The clock of the graph: every node and every in-place write takes the next tick."""


class Node:
    """One value in the graph: a leaf, or the result of applying a rule to earlier nodes.

    Attributes:
        index: when it was made. Inputs are older than results, so this orders the walk.
        rule: the rule that made it, None for a leaf.
        inputs: one node per operand of the rule, None where the operand needs no gradient.
        released: whether a walk has used up what `pull` needs.
        keeps: whether `backward` stores the gradient in `.grad`: leaves do, others on request.
        grad: the stored gradient, the sum over all backward passes so far.
        name: the user's or the module's name for it.
        hooks: what is called with its finished gradient, and may change it.
        after: what is called when a backward pass has stored its gradient.
        retains: whether that was asked of it, as an interior node.
        place: where in the program it was computed, noted under `detect_anomaly`.
    """

    __slots__ = ()
    hooks: list[Any] | None = None
    after: list[Any] | None = None
    place: str | None = None
    retains = False
    index: int
    rule: Any
    inputs: tuple[Node | None, ...]
    released: bool
    keeps: bool
    grad: Any
    name: str | None

    def pull(self, g: Any, graph: bool) -> Iterable[Any]:
        """Turn the gradient of this node into one contribution per input (the vector-Jacobian product), None where
        an input is None or gets nothing.

        With `graph` the arithmetic is itself recorded, so that the result can be differentiated again.
        """
        raise NotImplementedError

    def push(self, tangents: list[Any], graph: bool) -> Any:
        """Turn the tangents of the inputs, some of them None, into that of this node (the Jacobian-vector product):
        the transpose of `pull`."""
        raise NotImplementedError

    def hooked(self, g: Any) -> Any:
        """The gradient that the hooks make of g."""
        raise NotImplementedError

    def release(self) -> None:
        """Let go of what only `pull` needs; a later walk refuses this node."""

    def given(self, g: Any, shared: bool) -> Any:
        """A gradient of this node in the form in which it is handed to the user. When it is `shared`, the very same
        object is the gradient of another node as well."""
        return g

    def store(self, g: Any, shared: bool) -> None:
        """Add `g` to `.grad`; `shared` as in `given`."""
        raise NotImplementedError


def reverse_order(ends: Iterable[Node], targets: Iterable[Node] | None = None, since: int = -1) -> list[Node]:
    """All nodes that `ends` were computed from, the youngest first; with `targets` only those on the way to one.
    What is older than `since` is left out.

    Why an order at all: a node may pass its gradient on only when every node that used it has delivered. All of
    those are younger, so reverse creation order is enough, and no recursion is needed.
    """
    if targets is not None:  # what is older than all of them leads to none
        targets = set(targets)
        since = max(since, min(map(attrgetter("index"), targets), default=since))
    found = set(ends)
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


def refuse_released(nodes: Iterable[Node]) -> None:
    """Raise, and say what to do, when one of the nodes was released by an earlier backward pass."""
    if any(map(attrgetter("released"), nodes)):
        node = next(node for node in nodes if node.released)
        raise RuntimeError(
            f"backward a second time through {node.rule.name!r}: the first pass has released this part of the graph. "
            "Compute the loss again before each backward, or keep the graph with backward(retain_graph=True)."
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
    """The backward pass, one event a node: (node, its finished gradient, what goes to each of its inputs).

    Args:
        seeds: the gradient to start from, for each end of the graph.
        retain_graph: keep what a second walk through the same nodes would need.
        create_graph: record the walk's own arithmetic, so that its results can be differentiated.
        targets: visit only what leads to these nodes; where the way ends, nothing is pulled or released.
        since: visit no node that is older.

    Gradients live in the walk alone and are dropped as soon as they are used: on the nodes they would be
    counted again by the next walk.
    """
    pending = dict(seeds)
    order = reverse_order(seeds, targets, since)
    refuse_released(order)
    visited = None if targets is None else set(order)
    for node in order:
        g = pending.pop(node, None)
        if g is None:  # every path to it was cut, e.g. by a rule that has no gradient for this operand
            continue
        if node.hooks:
            g = node.hooked(g)
        contributions: Iterable[Any] = ()
        if node.rule is not None and (visited is None or not visited.isdisjoint(node.inputs)):
            try:
                contributions = node.pull(g, create_graph)
            except Exception as error:
                if node.place is not None:
                    error.add_note(f"The result of {node.rule.name!r} was computed {node.place}")
                raise
            if watchers:
                for c in contributions:
                    report(node.rule, c, "backward", node)
            source: Any  # never None where there is a contribution
            for source, c in zip(node.inputs, contributions):
                if c is not None:
                    earlier = pending.get(source)
                    # `+`, for a value that is used twice moves the result twice (the multivariate chain rule)
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
    """Walk to the end and add to `.grad` of every node that `keeps` it (with `targets`: of these, and of those on the
    way that were asked to by `retain_grad`).

    Nothing is stored unless the whole walk went through.
    """
    wanted = None if targets is None else set(targets)
    with enable_grad() if create_graph else no_grad():
        events = walk(seeds, retain_graph=retain_graph, create_graph=create_graph, targets=wanted)
        arrived = {
            node: g for node, g, _ in events if (node.keeps if wanted is None else node in wanted or node.retains)
        }
        seen: set[int] = set()
        for node, g in arrived.items():
            node.store(g, id(g) in seen)
            seen.add(id(g))
            for hook in tuple(node.after or ()):
                hook()


def push(tangents: Mapping[Node, Any], ends: Iterable[Node], *, create_graph: bool = False) -> dict[Node, Any]:
    """The walk in the other direction (forward mode): how much each node changes when the nodes in `tangents` do.

    It goes through a graph that is there already, in order of creation, and keeps it for further walks.

    Args:
        tangents: the change of some nodes, which then count as independent.
        ends: what is to be reached.
        create_graph: record the arithmetic, so that its results can be differentiated.

    Returns:
        The tangents of all nodes on the way from one to the other; of no others, which do not change.
    """
    found = dict(tangents)
    order = reverse_order(ends, targets=found)
    refuse_released(order)
    for node in reversed(order):
        if node not in found:
            t = node.push([found.get(source) for source in node.inputs], create_graph)  # type: ignore[arg-type]
            if t is not None:
                found[node] = t
    return found


# ---- who watches -----------------------------------------------------------------------------------------------

watchers: list[Callable[[Any, Any, str, Any], None]] = []
"""Called with (rule, result, "forward" or "backward", the rule's node, which is None where nothing is recorded) for
everything that is computed, in every thread."""


def report(rule: Any, result: Any, direction: str, node: Node | None) -> None:
    """Tell the watchers."""
    for watch in watchers if result is not None else ():
        watch(rule, result, direction, node)


# ---- hooks -----------------------------------------------------------------------------------------------------


class RemovableHandle:
    """What registering a hook gives: `remove()`, or the end of a `with` block, takes the hook away again."""

    def __init__(self, hooks: list[Any], hook: Callable[..., Any], first: bool = False) -> None:
        self._hooks, self._entry = hooks, functools.partial(hook)  # the entry is this one alone, also if hook is not
        hooks.insert(0 if first else len(hooks), self._entry)

    def remove(self) -> None:
        """Do not call the hook any more."""
        self._hooks[:] = [entry for entry in self._hooks if entry is not self._entry]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
