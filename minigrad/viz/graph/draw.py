"""`draw`: the picture of a graph, an object of the Python package graphviz.

Where that package cannot be imported, as in a browser, it is a simpler object with the same text. For Values this file
needs no NumPy.
"""

from __future__ import annotations

from typing import Any

from minigrad.program.variables import variables
from minigrad.viz.graph.dot import dot_statements
from minigrad.viz.graph.picture import PICTURES

try:
    from minigrad.viz.graph.digraph import GraphvizPicture as Picture
except ImportError:  # without the package graphviz
    from minigrad.viz.graph.picture import WasiPicture as Picture  # type: ignore[assignment]

__all__ = ["PICTURES", "Picture", "draw"]


def draw(
    output: Any,
    *,
    depth: int | None = None,
    rankdir: str | None = None,
    gradients: bool = False,
    saved: bool = False,
    max_nodes: int | None = None,
    check: Any = None,
) -> Picture:
    """Draw the graph that computed `output`, with its forward and backward pass.

    The picture shows operations, values or shapes and statistics, names, local derivatives, the order of the backward
    pass and, after a pass, gradients. A node without a name gets the name of the variable that holds it where `draw` is
    called. Modules are frames, or closed boxes with their parameter count. The picture displays itself in a notebook;
    `.save("graph.svg")` writes it to a file (also .pdf or .png if Graphviz is installed); `.source` is its text in DOT.

    Args:
        output: a Value, a Tensor, or the loss returned by a Network.
        depth: the depth to which modules are opened: 0 shows each model as a box, 1 its parts. Default: all.
        rankdir: "LR" for left to right, "TB" for top to bottom. Default: "LR" for a graph of up to three boxes in a
            row, which a page is wide enough for, "TB" for longer ones.
        gradients: whether to run a backward pass for the picture, so that every box shows its gradient. It stores no
            gradients and does not release the graph. Default: False, show the gradients that earlier passes stored, for
            leaves and after `retain_grad()`.
        saved: whether to show the arrays saved for the backward pass, with their sizes. Default: False.
        max_nodes: the largest number of boxes. In a larger graph, modules are closed, the innermost first; without
            modules, only the end of the graph is drawn. A note in the picture, also in `.note`, says so. Default: 60 if
            there are modules and no `depth`, otherwise 200.
        check: a report of `check_backward`, or the names or gradients to call it with, as `locals()`. The picture then
            shows how far the backward pass by hand is right: each gradient with its verdict, in colour. Default: None.

    Returns:
        A `graphviz.Digraph`; without the package graphviz, an object with `source`, `note`, `pipe` and `save` for SVG
        and DOT.

    Raises:
        ValueError: `rankdir` is unknown, `depth` is negative, a single operation has more than `max_nodes` operands, or
            the graph has more than 20,000 nodes.
        RuntimeError: `output` has no graph, or `gradients` is True and the graph has been released.
        TypeError: `output` is of another type.

    >>> from minigrad.scalar import Value
    >>> w, x = Value(2.0, name="w"), Value(3.0, name="x")
    >>> picture = draw((w * x).tanh())
    >>> "tanh" in picture.source, picture.note
    (True, '')
    """
    verdicts = {} if check is None else _report(output, check).nodes
    lines, note = dot_statements(output, variables(), depth, rankdir, gradients, saved, max_nodes, verdicts)
    picture = Picture("computation", body=lines, format="svg")
    picture.note = note
    return picture


def _report(output: Any, check: Any) -> Any:
    from minigrad.teach.backward import check_backward
    from minigrad.teach.backward.report import BackwardReport

    return check if isinstance(check, BackwardReport) else check_backward(output, check)
