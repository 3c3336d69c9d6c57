"""A graph as a text in DOT, Graphviz's language, from which any Graphviz makes a picture.

Results stand to the right of what they were computed from. A white box with round corners is an operation, with its
operands by name at the left edge where there are several; a blue box is a leaf that receives a gradient, a grey one a
constant. On the edges stand the local derivatives, y being the result of the operation. Gradients come after the
backward pass: the number itself, or |grad|, the Euclidean norm of several.

This file imports neither NumPy nor graphviz: the picture of a graph of Values can be made in any browser. Labels are
records, as not every Graphviz can read labels in HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from minigrad.engine import Node
from minigrad.scalar import Value

_STYLE = """\
    rankdir=LR ordering=in
    node [shape=Mrecord style=filled fontname="Helvetica" fontsize=12 width=0.4 height=0.3 margin="0.15,0.055"
        color="#555555" fillcolor="white"]
    edge [fontname="Helvetica" fontsize=11 color="#666666" fontcolor="#b34700" arrowsize=0.7]
"""
# with the vermilion above, the blue that Okabe and Ito chose for the colour-blind, paler so that text is legible on it
_LEAF = ' shape=record color="#0072b2" fillcolor="#d6e9f5"'
_CONSTANT = ' shape=record color="#999999" fillcolor="#eeeeee"'
# a record's own characters; a backslash is doubled as a label is read twice
_ESCAPED = str.maketrans({c: f"&#{ord(c)};" for c in '"&<>{|}'} | {"\\": "&#92;&#92;"})


def dot(output: Any, *, max_nodes: int = 200) -> str:
    """The graph that `output` was computed by, in DOT: what `minigrad.draw` draws.

    The same program gives the same text: the boxes are numbered in the order in which they were computed. It is all
    ASCII, so that it can be printed anywhere.

    Args:
        output: a Value, a Tensor, or the loss that a Network gave.
        max_nodes: how many boxes are still a picture.

    Raises:
        ValueError: for a graph of more than `max_nodes`.
        RuntimeError: when `output` has no graph.
        TypeError: when it is something else.

    >>> from minigrad.scalar import Value
    >>> a = Value(3.0, name="a")
    >>> "n0:e -> n1:0:w" in dot(a - 1.0), "n0:e -> n1:1:w" in dot(1.0 - a)
    (True, True)
    """
    return "".join(["digraph computation {\n", *body(output, max_nodes), "}\n"])


def body(output: Any, max_nodes: int) -> list[str]:
    """The lines between the braces of `dot`."""
    output = _with_node(output)
    nodes = _nodes(output.node, max_nodes)
    number = {node: f"n{i}" for i, node in enumerate(nodes)}
    # the .grad of Values is 0.0 from the start; it says something only once a backward pass was here
    walked = any(node.released or isinstance(node, Value) and node.grad != 0 for node in nodes)
    statements = []
    for node, here in number.items():
        operands = _operands(node)
        statements.append(f"{here} {_result(node, operands, output, walked)}")
        for i, (name, operand) in enumerate(operands):
            there = f"{here}:{i}:w" if len(operands) > 1 else here
            if isinstance(operand, Node):
                statements.append(f"{number[operand]}:e -> {there}{_derivative(node, i, name)}")
            else:
                statements.append(f"{here}c{i} {_constant(operand)}")
                statements.append(f"{here}c{i}:e -> {there}")
    text = _STYLE + "".join(f"    {s}\n" for s in statements)
    # Graphviz reads character references, and any terminal can show them
    return text.encode("ascii", "xmlcharrefreplace").decode().splitlines(keepends=True)


def _with_node(output: Any) -> Any:
    """The Value or Tensor at which the graph of `output` ends."""
    if not hasattr(output, "node") and hasattr(output, "tensor"):
        output = output.tensor
        if output is None:
            raise RuntimeError("draw: the graph of this loss is gone; draw it before the network's next forward()")
    if not hasattr(output, "node"):
        raise TypeError(f"draw takes a Value, a Tensor or the loss that a Network gave, not {type(output).__name__}")
    if output.node is None:
        raise RuntimeError(
            "draw: this tensor has no graph, for it does not require a gradient. Was requires_grad=True forgotten, or "
            "was it computed under no_grad()?"
        )
    return output


def _nodes(end: Node, max_nodes: int) -> list[Any]:
    """All nodes that `end` was computed from, the oldest first."""
    found, pending, boxes = {end}, [end], 1
    while pending:
        for _, operand in _operands(pending.pop()):
            if not isinstance(operand, Node):
                boxes += 1
            elif operand not in found:
                boxes += 1
                found.add(operand)
                pending.append(operand)
        if boxes > max_nodes:  # not counted to the end: there may be millions
            raise ValueError(
                f"draw: this graph has more than {max_nodes} nodes, too many to read. Draw a smaller part of it (an "
                "intermediate result, one layer) or a smaller batch, or raise the limit: draw(output, max_nodes=...)"
            )
    return sorted(found, key=attrgetter("index"))


def _operands(node: Any) -> list[tuple[str, Any]]:
    """What the rule was applied to, nodes and constants, by the names of its inputs."""
    if node.rule is None:
        return []
    names: Sequence[str] = node.rule.inputs
    if isinstance(node, Value):
        return list(zip(names, (node.a, node.b)))
    if node.rule.variadic:
        names = [f"{names[0]}[{i}]" for i in range(len(node.inputs))]
    operands = [(n, node.constants[i] if s is None else s) for i, (n, s) in enumerate(zip(names, node.inputs))]
    return [(name, operand) for name, operand in operands if operand is not None]  # a layer may have no bias


# ---- what stands in the boxes and on the edges -----------------------------------------------------------------


def _result(node: Any, operands: list[tuple[str, Any]], output: Any, walked: bool) -> str:
    """The box of a node: its name and what computed it; its value or shape; its gradient."""
    grad = ""
    if isinstance(node, Value):
        value = _number(node)
        if walked:
            grad = f"grad {_number(node.grad)}"
    else:
        value = str(node.shape) if operands else _shape(node)
        if node is output.node and math.prod(node.shape) == 1:  # the other nodes do not know their values
            value = _number(output)
        if node.grad is not None:
            numbers = node.grad._array.ravel().tolist()
            grad = f"grad {_number(numbers[0])}" if len(numbers) == 1 else f"|grad| {_number(math.hypot(*numbers))}"
    title = " = ".join(t for t in (node.name, node.rule and node.rule.name) if t)
    ports = [name for name, _ in operands] if len(operands) > 1 else []
    return _box("" if operands else _LEAF, title, value, grad, ports)


def _constant(operand: Any) -> str:
    """The box of an operand that receives no gradient."""
    value = _shape(operand) if getattr(operand, "shape", ()) else _number(operand)
    return _box(_CONSTANT, getattr(operand, "name", None), value)


def _derivative(node: Any, place: int, name: str) -> str:
    """The label of an edge: the local derivative, if the rule has a text for it; for Values with its number."""
    text = getattr(node.rule, "partials", {}).get(name)
    if text is None:
        return ""
    if isinstance(node, Value):
        number = _number((node.da, node.db)[place])
        text = text if text == number else f"{text} = {number}"
    return f' [label="∂y/∂{name} = {_text(text)}"]'


def _box(style: str, title: str | None, value: str, grad: str = "", ports: Sequence[str] = ()) -> str:
    """The attributes of a box: title and value, below them the gradient, to the left of it all the ports."""
    label = "\\n".join(_text(t) for t in (title, value) if t)
    if grad:
        label += f"|{_text(grad)}"
    if ports:
        column = "|".join(f"<{i}> {_text(port)}" for i, port in enumerate(ports))
        label = f"{{{{{column}}}|{{{label}}}}}"  # a pair of braces turns by 90 degrees
    return f'[label="{label}"{style}]'


def _shape(x: Any) -> str:
    return f"{x.dtype} {x.shape}"


def _number(x: Any) -> str:
    x = x.item() if hasattr(x, "item") else x
    return f"{x:.4g}" if isinstance(x, float) else str(x)


def _text(text: str) -> str:
    """Text that stands in the picture as it is, but for what cannot be printed."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text).translate(_ESCAPED)
