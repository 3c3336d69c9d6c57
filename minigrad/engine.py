"""Reverse-mode differentiation: the graph's nodes, the one walk over them, and the grad modes.

A forward pass leaves a `Node` for every application of a rule; each knows the nodes it was computed from. `walk`
visits them in reverse order of creation and hands every node its finished gradient, once. `backward` stores what
the walk brings to the leaves, `grad` hands it out; whoever wants to watch (a picture, a stepper) iterates the walk.

Nothing here knows what a gradient is made of: Python floats (`minigrad.scalar`) and NumPy arrays
(`minigrad.tensors`) share these lines. This file imports no NumPy.

The form of the loop, a dictionary of pending gradients from which each is popped as it is used, is that of HIPS
autograd; the idea is Linnainmaa's (1970) and, for neural networks, that of Rumelhart, Hinton and Williams (1986).
"""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ContextDecorator
from operator import attrgetter
from typing import Any

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
    """

    __slots__ = ()
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

    def release(self) -> None:
        """Let go of what only `pull` needs; a later walk refuses this node."""

    def given(self, g: Any, shared: bool) -> Any:
        """A gradient of this node in the form in which it is handed to the user. When it is `shared`, the very same
        object is the gradient of another node as well."""
        return g

    def store(self, g: Any, shared: bool) -> None:
        """Add `g` to `.grad`; `shared` as in `given`."""
        raise NotImplementedError


def reverse_order(ends: Iterable[Node], targets: Iterable[Node] | None = None) -> list[Node]:
    """All nodes that `ends` were computed from, the youngest first; with `targets` only those on the way to one.

    Why an order at all: a node may pass its gradient on only when every node that used it has delivered. All of
    those are younger, so reverse creation order is enough, and no recursion is needed.

    Raises:
        RuntimeError: when one of them was released by an earlier backward pass.
    """
    found = set(ends)
    pending = list(found)
    while pending:
        for source in pending.pop().inputs:
            if source is not None and source not in found:
                found.add(source)
                pending.append(source)
    order = sorted(found, key=attrgetter("index"))
    if targets is not None:
        leading: set[Node | None] = set(targets)
        for node in order:  # inputs come before results, so one pass is enough
            if not leading.isdisjoint(node.inputs):
                leading.add(node)
        order = [node for node in order if node in leading]
    order.reverse()
    refuse_released(order)
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
) -> Iterator[Event]:
    """The backward pass, one event a node: (node, its finished gradient, what goes to each of its inputs).

    Args:
        seeds: the gradient to start from, for each end of the graph.
        retain_graph: keep what a second walk through the same nodes would need.
        create_graph: record the walk's own arithmetic, so that its results can be differentiated.
        targets: visit only what leads to these nodes; where the way ends, nothing is pulled or released.

    Gradients live in the walk alone and are dropped as soon as they are used: on the nodes they would be
    counted again by the next walk.
    """
    pending = dict(seeds)
    order = reverse_order(seeds, targets)
    visited = None if targets is None else set(order)
    for node in order:
        g = pending.pop(node, None)
        if g is None:  # every path to it was cut, e.g. by a rule that has no gradient for this operand
            continue
        contributions: Iterable[Any] = ()
        if node.rule is not None and (visited is None or not visited.isdisjoint(node.inputs)):
            contributions = node.pull(g, create_graph)
            if watchers:
                for c in contributions:
                    report(node.rule, c, "backward")
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
    """Walk to the end and add to `.grad` of every node that `keeps` it (with `targets`: of these only).

    Nothing is stored unless the whole walk went through.
    """
    wanted = None if targets is None else set(targets)
    with enable_grad() if create_graph else no_grad():
        events = walk(seeds, retain_graph=retain_graph, create_graph=create_graph, targets=wanted)
        arrived = {node: g for node, g, _ in events if (node.keeps if wanted is None else node in wanted)}
        seen: set[int] = set()
        for node, g in arrived.items():
            node.store(g, id(g) in seen)
            seen.add(id(g))


# ---- who watches -----------------------------------------------------------------------------------------------

watchers: list[Callable[[Any, Any, str], None]] = []
"""Called with (rule, result, "forward" or "backward") for everything that is computed, in every thread."""


def report(rule: Any, result: Any, direction: str) -> None:
    """Tell the watchers."""
    for watch in watchers if result is not None else ():
        watch(rule, result, direction)


# ---- grad modes ------------------------------------------------------------------------------------------------


class _Mode(threading.local):
    """What this thread's operations do besides computing."""

    recording = True


mode = _Mode()


class no_grad(ContextDecorator):
    """Operations in here are not recorded: nothing they compute requires a gradient.

    A context manager and, called, a decorator. Thread-local, as PyTorch's.

    >>> from minigrad.scalar import Value
    >>> w = Value(2.0)
    >>> with no_grad():
    ...     print((w * 3.0).inputs)
    ()
    """

    _recording = False

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)  # @no_grad, without brackets

    def __init__(self) -> None:
        self._earlier: list[bool] = []  # a stack, for the same object may be entered again inside itself

    def _recreate_cm(self) -> no_grad:
        return type(self)()

    def __call__(self, function: Callable[..., Any]) -> Any:
        if not inspect.isgeneratorfunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            results = function(*args, **kwargs)
            try:
                while True:
                    with type(self)():  # around each step: in between, the mode is the caller's
                        try:
                            result = next(results)
                        except StopIteration as end:
                            return end.value
                    yield result
            finally:
                results.close()

        return steps

    def __enter__(self) -> None:
        self._earlier.append(mode.recording)
        mode.recording = self._recording

    def __exit__(self, *exc: object) -> None:
        mode.recording = self._earlier.pop()


class enable_grad(no_grad):
    """Operations in here are recorded, also inside `no_grad`."""

    _recording = True


def is_grad_enabled() -> bool:
    """Whether this thread's operations are being recorded."""
    return mode.recording
