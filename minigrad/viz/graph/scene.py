"""The contents of a picture of a graph: which nodes are drawn, and which calls of modules stand for their nodes.

This file imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from minigrad.engine import Node, reverse_topological_order
from minigrad.program.graph_inspection import constants, named_operands
from minigrad.scalar import Value

MOST_NODES = 20_000
"""The largest graph of which a part is drawn: of a larger one, the search for the part takes long."""


class Scene:
    """The drawn part of the graph that ends at a node.

    Attributes:
        end: the last node.
        nodes: all nodes of the graph, the oldest first.
        step: the position of each node in the backward pass, from 1; without nodes that the pass does not reach.
        calls: the innermost call of a module that a node belongs to.
        box: the box of each node: the node itself, or a closed call. None for nodes that are not drawn: those left out,
            and parameters used only by closed calls of their own modules.
        data: the constants that enter the outermost modules, as pairs (node, operand index).
        depth: the depth to which modules are open, None if all are.
        note: what has been left out, and how to see it; empty if nothing has.
    """

    def __init__(self, end: Node, depth: int | None, max_nodes: int | None) -> None:
        order = reverse_topological_order([end])
        if len(order) > MOST_NODES:
            raise ValueError(
                f"draw: this graph has {len(order):,} nodes, more than {MOST_NODES:,}. Draw a smaller one, with fewer "
                "time steps or layers, or an intermediate result"
            )
        self.end = end
        self.nodes: list[Any] = order[::-1]
        self.step = backward_steps(order)
        self.calls: dict[Node, Any] = {}
        if not isinstance(end, Value):
            from minigrad.tensors.module_calls import calls

            self.calls = calls(order)
        self.data = self._model_inputs()
        self.note = ""
        self.depth: int | None = depth
        self.box: dict[Node, Any] = {}
        self._close(depth)
        limit = max_nodes or (60 if self.calls and depth is None else 200)
        if self._size() > limit:
            self._shrink(depth, limit)

    def _model_inputs(self) -> set[tuple[Node, int]]:
        """Return the constants that are data: those with a name, and the first array operand in each outermost call.

        The latter only if no node enters the call, so that the array is the call's input.
        """
        found = {(n, i) for n in self.nodes for i, c in _arrays(n) if c.name is not None}
        outermost = {node: _ancestor(call, 0) for node, call in self.calls.items()}
        own = {call: _parameters(call) for call in {*outermost.values()}}
        first: dict[Any, Any] = {}
        entered: set[Any] = set()
        for node in self.nodes:
            call = outermost.get(node)
            if call is None or node.primitive is None:
                continue
            others = [s for s in node.inputs if s is not None and s not in own[call]]
            if others or constants(node) or getattr(node, "parameters", None):
                first.setdefault(call, node)
            if any(outermost.get(s) is not call for s in others):
                entered.add(call)
        found.update((node, i) for call, node in first.items() if call not in entered for i, _ in _arrays(node)[:1])
        return found

    def _close(self, depth: int | None) -> None:
        """Set the box of each node, with the modules of this depth closed."""
        self.depth, self.box = depth, {}
        closed: dict[Any, Any] = {}
        for node in self.nodes:
            call = self.calls.get(node)
            if call not in closed:
                closed[call] = _ancestor(call, depth)
            self.box[node] = closed[call] or node
        users: dict[Node, set[Any]] = {}
        for node in self.nodes:
            for source in node.inputs:
                if source is not None and source.primitive is None:
                    users.setdefault(source, set()).add(self.box[node])
        owned = {call: _parameters(call) for call in {*closed.values()} - {None}}
        for leaf, boxes in users.items():
            hidden = all(leaf in owned.get(box, ()) for box in boxes)
            self.box[leaf] = None if hidden else leaf

    def _size(self) -> int:
        """Return the number of boxes."""
        nodes = [n for n in self.nodes if self.box[n] is n]
        return len({*self.box.values()} - {None}) + sum(len(constants(n)) for n in nodes)

    def longest_chain(self) -> int:
        """Return the number of boxes on the longest path, constants included."""
        level: dict[Any, int] = {}
        for node in self.nodes:  # the oldest first
            box = self.box[node]
            if box is not None:
                before = [level.get(self.box[s], 0) for s in node.inputs if s is not None and self.box[s] is not box]
                before += [1] * bool(constants(node))
                level[box] = max(level.get(box, 1), 1 + max(before, default=0))
        return max(level.values(), default=0)

    def _shrink(self, requested: int | None, max_nodes: int) -> None:
        """Close modules, the innermost first, until at most `max_nodes` boxes remain; then cut off older ones."""
        total = self._size()
        levels = 1 + max((call.depth for call in self.calls.values()), default=-1)
        for depth in range(levels - 1 if requested is None else min(requested, levels) - 1, -1, -1):
            self._close(depth)
            if self._size() <= max_nodes:
                self.note = (
                    f"{total:,} boxes exceed max_nodes={max_nodes}, so modules are closed: this is depth={depth}"
                )
                return
        self._cut(max_nodes)

    def _cut(self, max_nodes: int) -> None:
        """Draw only the boxes that the backward pass reaches first."""
        drawn: set[Any] = set()
        count = 0
        for node in reversed(self.nodes):
            box = self.box[node]
            if box is not None and box not in drawn:
                count += 1 + (len(constants(node)) if box is node else 0)
                if count > max_nodes and drawn:
                    break
                drawn.add(box)
        if count > max_nodes and len(drawn) < 2:
            raise ValueError(
                f"draw: {self.end.primitive.name!r} alone has more than max_nodes={max_nodes} operands. Draw one of "
                "them, or raise the limit: draw(output, max_nodes=...)"
            )
        omitted = {*self.box.values()} - drawn - {None}
        self.box = {node: box if box in drawn else None for node, box in self.box.items()}
        self.note = f"the end of the graph: {len(omitted):,} earlier boxes are not drawn (max_nodes={max_nodes})"


def ancestry(call: Any) -> Iterator[Any]:
    """Yield a call, the call that contains it, and so on to the outermost."""
    while call is not None:
        yield call
        call = call.parent


def _ancestor(call: Any, depth: int | None) -> Any:
    """Return the call of this depth that contains a call, None if there is none."""
    return next((c for c in ancestry(call) if c.depth == depth), None)


def _parameters(call: Any) -> set[Any]:
    """Return the nodes of the parameters of the called module."""
    return {p.node for p in call.module._all_parameters()}


def backward_steps(order: Sequence[Any]) -> dict[Any, int]:
    """Return the position of each node in the backward pass, from 1, without running the pass.

    A `Function` that returns None for an input is counted as if it returned a gradient; only the pass itself knows.

    Args:
        order: the nodes in reverse topological order.
    """
    reached = {order[0]}
    for node in order:
        if node in reached:
            reached.update(source for source, has_gradient in zip(node.inputs, _differentiable(node)) if has_gradient)
    return {node: i for i, node in enumerate((node for node in order if node in reached), 1)}


def _differentiable(node: Any) -> Iterable[bool]:
    """For each input of a node, return whether its primitive has a gradient for it."""
    plan = getattr(node, "plan", None)
    if plan is None or node.primitive.variadic:
        return [source is not None for source in node.inputs]
    return [source is not None and call is not None for source, call in zip(node.inputs, plan.calls.each)]


def _arrays(node: Any) -> list[tuple[int, Any]]:
    """Return the operands that are constant arrays, with their indices."""
    return [
        (i, c) for i, (_, c) in enumerate(named_operands(node)) if getattr(c, "ndim", 0) and not isinstance(c, Node)
    ]
