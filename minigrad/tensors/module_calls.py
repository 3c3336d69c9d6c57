"""Which call of which module computed a node: noted where the call ends, read by whoever shows a graph.

A call is an interval of the graph's clock: what was made between its start and its result belongs to it. So modules
note one line a call, and operations nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from minigrad.engine import Node


class Call:
    """A call of a module, as it is seen in a graph.

    Attributes:
        module: what was called.
        start, end: the clock when the call began, and at its last result.
        path: its name in the outermost module, as in `named_modules` ("encoder.0.linear1"); for that one, its class.
        count: how many calls of this module in this graph were before, for a module may be used several times.
        parent: the call in which this one was made, None for an outermost one.
    """

    path: str = ""
    count: int = 0
    parent: Call | None = None

    def __init__(self, module: Any, start: int, end: int) -> None:
        self.module, self.start, self.end = module, start, end

    def __repr__(self) -> str:
        return f"<call of {type(self.module).__name__} {self.path}>"

    @property
    def depth(self) -> int:
        """How many calls this one lies in."""
        return 0 if self.parent is None else self.parent.depth + 1


def note(module: Any, start: int, output: Any) -> None:
    """Remember that this call, begun at `start`, gave `output`: a tensor, or a structure of them."""
    node = getattr(output, "_node", None)
    if node is not None:
        if node.index >= start:  # else the module gave back what it was given
            if node.calls is None:
                node.calls = []
            node.calls.append((module, start))
    elif isinstance(output, (tuple, list)):
        for part in output:
            note(module, start, part)
    elif isinstance(output, dict):
        note(module, start, [*output.values()])


def calls(nodes: Iterable[Any]) -> dict[Node, Call]:
    """The innermost call that each of the nodes belongs to; a parameter belongs to the call that all its uses are in.

    What was computed outside of modules is left out.

    >>> from minigrad import engine, manual_seed, nn, randn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> loss = model(randn(4, 2)).sum()
    >>> found = calls(engine.reverse_topological_order([loss.node]))
    >>> [(node.name or node.primitive.name, call.path) for node, call in found.items()]
    [('tanh', '1'), ('linear', '0'), ('0.bias', '0'), ('0.weight', '0')]
    """
    order = list(nodes)
    noted: dict[tuple[int, int], Call] = {}  # by module and start: the results of one call are in it together
    for node in order:
        for module, start in getattr(node, "calls", None) or ():
            call = noted.setdefault((id(module), start), Call(module, start, node.index))
            call.end = max(call.end, node.index)
    if not noted:
        return {}
    found = sorted(noted.values(), key=lambda call: (call.start, -call.end))
    _nest(found)
    starts = [call.start for call in found]
    answer: dict[Node, Call] = {}
    parameters = {p.node for call in found if call.parent is None for p in call.module.parameters()}
    homes: dict[Node, list[Call | None]] = {}
    for node in order:
        if node.primitive is None:
            continue
        innermost = _at(found, starts, node.index)
        if innermost is not None:
            answer[node] = innermost
        for source in node.inputs:
            if source in parameters:
                homes.setdefault(source, []).append(innermost)
    for node in order:
        if node in homes and (home := _common(homes[node])) is not None:
            answer[node] = home
    return answer


def _nest(found: list[Call]) -> None:
    """Give the calls, in order of their start, their parents, paths and counts."""
    open_: list[Call] = []
    seen: dict[int, int] = {}
    paths: dict[int, dict[Any, str]] = {}  # of the parts of each outermost module
    for call in found:
        while open_ and open_[-1].end < call.end:  # calls begin and end like brackets
            open_.pop()
        call.parent = open_[-1] if open_ else None
        root = open_[0].module if open_ else call.module
        if id(root) not in paths:
            paths[id(root)] = {module: path for path, module in root.named_modules() if path}
        call.path = paths[id(root)].get(call.module, type(call.module).__name__)
        call.count = seen.get(id(call.module), 0)
        seen[id(call.module)] = call.count + 1
        open_.append(call)


def _at(found: list[Call], starts: list[int], index: int) -> Call | None:
    """The innermost call at this time."""
    i = bisect_right(starts, index) - 1
    call: Call | None = found[i] if i >= 0 else None
    while call is not None and call.end < index:
        call = call.parent
    return call


def _common(homes: list[Call | None]) -> Call | None:
    """The innermost call that all of these lie in."""
    chains = []
    for home in homes:
        chain = []
        while home is not None:
            chain.append(home)
            home = home.parent
        chains.append(chain[::-1])
    common = None
    for level in zip(*chains):
        if any(call is not level[0] for call in level):
            break
        common = level[0]
    return common
