"""Read a recorded graph: where it ends, and the operands of each node.

This file imports no NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.engine import Node
from minigrad.output.words import class_name
from minigrad.scalar import Value


def graph_output(output: Any, caller: str) -> Any:
    """Return the Value or Tensor at the end of the graph of `output`.

    Args:
        output: a Value, a Tensor, or the loss returned by a Network.
        caller: the function that needs the graph, for the error message.

    Raises:
        RuntimeError: `output` has no graph.
        TypeError: `output` is of another type.

    >>> a = Value(2.0)
    >>> graph_output(a, "draw") is a
    True
    """
    if not hasattr(output, "node") and hasattr(output, "tensor"):
        output = output.tensor
        if output is None:
            raise RuntimeError(
                f"{caller}: the graph of this loss was released; call {caller} before the network's next forward()"
            )
    if not hasattr(output, "node"):
        raise TypeError(
            f"{caller} expects a Value, a Tensor or the loss returned by a Network, got {class_name(output)}"
        )
    if output.node is None:
        raise RuntimeError(
            f"{caller}: this tensor has no graph because it does not require a gradient. Did you forget "
            "requires_grad=True, or compute it under no_grad()?"
        )
    return output


def named_operands(node: Any) -> list[tuple[str, Any]]:
    """Return the operands of a node, nodes and constants, with the primitive's names for them.

    >>> a = Value(2.0)
    >>> [(name, operand) for name, operand in named_operands(3.0 - a) if operand is not a]
    [('a', 3.0)]
    """
    if node.primitive is None:
        return []
    names: Sequence[str] = node.primitive.inputs
    if isinstance(node, Value):
        return list(zip(names, (node.a, node.b)))
    if node.primitive.variadic:
        names = [f"{names[0]}[{i}]" for i in range(len(node.inputs))]
    operands = [node.constants.get(i) if source is None else source for i, source in enumerate(node.inputs)]
    return [(name, operand) for name, operand in zip(names, operands) if operand is not None]  # a layer without a bias


def constants(node: Any) -> list[Any]:
    """Return the operands of a node that get no gradient."""
    return [operand for _, operand in named_operands(node) if not isinstance(operand, Node)]
