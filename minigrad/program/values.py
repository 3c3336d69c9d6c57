"""The value of every node of a graph: saved where possible, otherwise recomputed by the node's primitive.

A Value has its number. The graph of a Tensor saves only what its backward pass needs; but leaves and constants are
available, and a primitive applied to the same arrays gives the same result. This file imports NumPy for Tensors only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minigrad.engine import Node, reverse_topological_order
from minigrad.scalar import Value


def values(output: Any, known: Mapping[Node, Any] | None = None) -> dict[Node, Any]:
    """Return the number or array of every node that `output`, a Value or a Tensor, was computed from, oldest first.

    A node is omitted if its value is unknown: a leaf or a constant that was written to since, a large constant that was
    freed, the result of a `Function`, and what was computed from these, unless the backward pass has saved it. The
    arrays belong to the graph and must not be written to.

    Args:
        output: a Value or a Tensor.
        known: arrays of nodes that are known otherwise. Default: none.

    >>> from minigrad import tensor
    >>> w = tensor([1.0, 2.0], requires_grad=True)
    >>> [v.tolist() for v in values((w * 3).sum()).values()]
    [[1.0, 2.0], [3.0, 6.0], 9.0]
    """
    order = reverse_topological_order([output.node])[::-1]
    if isinstance(output, Value):
        return {node: node.data for node in order if isinstance(node, Value)}
    there = {**(known or {}), **saved_values(order)}
    if output._array.dtype == output.node.dtype:
        there.setdefault(output.node, output._array)
    return _computed(order, there) or {node: a for node, a in there.items() if isinstance(node, Node)}


def saved_values(order: Iterable[Any]) -> dict[Any, Any]:
    """Return what nodes have saved for their backward pass, unless it was written to since.

    Results and inputs are found by their nodes, constants by (the node that they are an operand of, their position).
    """
    from minigrad.tensors import saved

    found: dict[Any, Any] = {}
    for node in order:
        if (
            node.primitive is None
            or not node.saved
            or saved.find_overwritten(node.saved, node.index, node.checksums) is not None
        ):
            continue
        for name, k in zip(node.plan.saved, node.saved) if hasattr(node, "plan") else ():
            if name == "y":
                found[node] = k
            elif name in node.primitive.inputs:
                first = 0 if node.primitive.variadic else node.primitive.inputs.index(name)
                for i, a in enumerate(k if node.primitive.variadic else [k], first):
                    found[(node, i) if node.inputs[i] is None else node.inputs[i]] = a
    return found


def operands(node: Any, found: dict[Node, Any], there: Mapping[Any, Any] | None = None) -> list[Any]:
    """Return the arrays and numbers that a node's primitive was applied to, None for an unknown operand.

    Args:
        node: the node of an operation on arrays.
        found: the values of nodes.
        there: what nodes have saved, by node, or by (node, position) for a constant.
    """
    given = []
    for i, source in enumerate(node.inputs):
        c = node.constants.get(i)
        value = found.get(source) if source is not None else getattr(c, "_array", getattr(c, "value", c))
        given.append(there.get((node, i)) if value is None and there else value)
    return given


def _computed(order: Iterable[Any], there: dict[Any, Any]) -> dict[Node, Any]:
    """Return all values that can be computed from leaves, constants and saved values.

    If a computed value differs from the saved one, an operand was written to by NumPy unnoticed: then nothing is
    returned.
    """
    import numpy as np

    from minigrad.tensors import saved

    found: dict[Node, Any] = {}
    first_use: dict[Any, int] = {}
    order = list(order)
    for node in order:
        for source in node.inputs:
            first_use.setdefault(source, node.index)
    for node in order:
        value = None
        if node.primitive is None:
            whole = node.value is not None and node.value.shape == node.shape
            if whole and saved.find_overwritten((node.value,), first_use.get(node, node.index), None) is None:
                value = node.value
        elif hasattr(node, "plan"):
            given = operands(node, found, there)
            arrays = tuple(g for g in given if isinstance(g, np.ndarray))
            known = all(g is not None or not n for g, n in zip(given, _present(node)))
            if known and saved.find_overwritten(arrays, node.index, None) is None:
                with np.errstate(all="ignore"):
                    value = np.asarray(node.primitive.recompute(*given, **node.parameters))
        if value is not None and node in there and not np.allclose(value, there[node], 1e-4, 1e-6, equal_nan=True):
            return {}
        if value is not None or node in there:
            found[node] = there.get(node, value)
    return found


def _present(node: Any) -> list[bool]:
    """Return which operands are present; a layer may have no bias."""
    return [source is not None or node.constants.get(i) is not None for i, source in enumerate(node.inputs)]
