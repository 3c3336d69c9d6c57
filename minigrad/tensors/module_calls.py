"""Which call of which module computed a node: recorded at the end of the call, read by whatever shows a graph.

A call is an interval of ticks: every node created between its start and its result belongs to it. So a module records
one entry a call, and an operation nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from minigrad.engine import Node
from minigrad.output.words import class_name


class Call:
    """A call of a module in a graph.

    Attributes:
        module: the module.
        start, end: the ticks of the start of the call and of its last result.
        path: the module's name in the outermost module, as in `named_modules` ("encoder.0.linear1"); for the
            outermost module itself, its class.
        count: the number of earlier calls of this module in this graph, as a module may be used several times.
        parent: the call that made this call, None for an outermost one.
    """

    path: str = ""
    count: int = 0
    parent: Call | None = None

    def __init__(self, module: Any, start: int, end: int) -> None:
        self.module, self.start, self.end = module, start, end

    def __repr__(self) -> str:
        return f"<call of {class_name(self.module)} {self.path}>"

    @property
    def depth(self) -> int:
        """The number of calls that this one is nested in."""
        return 0 if self.parent is None else self.parent.depth + 1


def note(module: Any, start: int, output: Any) -> None:
    """Record that a call, begun at tick `start`, returned `output`: a tensor, or a nested structure of tensors."""
    node = getattr(output, "_node", None)
    if node is not None:
        if node.index >= start:  # otherwise the module returned its argument
            if node.calls is None:
                node.calls = []
            node.calls.append((module, start))
    elif isinstance(output, (tuple, list)):
        for part in output:
            note(module, start, part)
    elif isinstance(output, dict):
        note(module, start, [*output.values()])


def calls(nodes: Iterable[Any]) -> dict[Node, Call]:
    """Return the innermost call that each node belongs to; a parameter belongs to the call that contains all its uses.

    Nodes that were computed outside of modules are left out.

    >>> from minigrad import engine, manual_seed, nn, randn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> loss = model(randn(4, 2)).sum()
    >>> found = calls(engine.reverse_topological_order([loss.node]))
    >>> [(node.name or node.primitive.name, call.path) for node, call in found.items()]
    [('tanh', '1'), ('linear', '0'), ('0.bias', '0'), ('0.weight', '0')]
    """
    order = list(nodes)
    recorded: dict[tuple[int, int], Call] = {}  # by module and start, as a call may have several results
    for node in order:
        for module, start in getattr(node, "calls", None) or ():
            call = recorded.setdefault((id(module), start), Call(module, start, node.index))
            call.end = max(call.end, node.index)
    if not recorded:
        return {}
    in_order = sorted(recorded.values(), key=lambda call: (call.start, -call.end))
    _nest(in_order)
    starts = [call.start for call in in_order]
    result: dict[Node, Call] = {}
    parameters = {p.node for call in in_order if call.parent is None for p in call.module._all_parameters()}
    uses: dict[Node, list[Call | None]] = {}
    for node in order:
        if node.primitive is None:
            continue
        innermost = _at(in_order, starts, node.index)
        if innermost is not None:
            result[node] = innermost
        for source in node.inputs:
            if source in parameters:
                uses.setdefault(source, []).append(innermost)
    for node in order:
        if node in uses and (common := _common(uses[node])) is not None:
            result[node] = common
    return result


def _nest(in_order: list[Call]) -> None:
    """Set the parents, paths and counts of the calls, which are in order of their start."""
    open_: list[Call] = []
    seen: dict[int, int] = {}
    paths: dict[int, dict[Any, str]] = {}  # of the submodules of each outermost module
    for call in in_order:
        while open_ and open_[-1].end < call.end:  # calls nest like brackets
            open_.pop()
        call.parent = open_[-1] if open_ else None
        root = open_[0].module if open_ else call.module
        if id(root) not in paths:
            paths[id(root)] = {module: path for path, module in root.named_modules() if path}
        call.path = paths[id(root)].get(call.module, class_name(call.module))
        call.count = seen.get(id(call.module), 0)
        seen[id(call.module)] = call.count + 1
        open_.append(call)


def _at(in_order: list[Call], starts: list[int], index: int) -> Call | None:
    """Return the innermost call at this tick."""
    i = bisect_right(starts, index) - 1
    call: Call | None = in_order[i] if i >= 0 else None
    while call is not None and call.end < index:
        call = call.parent
    return call


def _common(uses: list[Call | None]) -> Call | None:
    """Return the innermost call that contains all of these."""
    chains = []
    for call in uses:
        chain = []
        while call is not None:
            chain.append(call)
            call = call.parent
        chains.append(chain[::-1])
    common = None
    for level in zip(*chains):
        if any(other is not level[0] for other in level):
            break
        common = level[0]
    return common
