"""What a result depends on: the gradient of one example's result at one position, at the first layers' results.

The graph of a step is walked before its backward pass, without hooks, and nothing is accumulated. So a model that mixes
examples, that sees later positions, or that forgets earlier ones shows it, however it is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine import reverse_topological_order

FEW = 4
"""The number of examples, or of positions, below which a dependence says little."""
LARGEST = 1 << 22
"""The number of elements of all results of a graph beyond which it is not walked."""


class Reach(NamedTuple):
    """What the result of one example depends on, as parts of its dependence on its own input.

    Attributes:
        others: the part of the other examples, which are rows.
        ahead: the part of later positions, for a result at each position; nan for others.
        back: for the result at the last position, the gradient's norm at each position; empty for others.
    """

    others: float
    ahead: float
    back: tuple[float, ...]


def reach(end: Any, inputs: Any, since: int) -> Reach | None:
    """Return what the results of a model depend on; None where its graph does not show it.

    Args:
        end: the node of the results: a row for each example, or for each position of each example.
        inputs: the array of the inputs, whose rows are examples, and whose columns may be positions.
        since: the tick before the forward pass.
    """
    if end is None or inputs is None or inputs.ndim < 1 or len(inputs) < FEW or not end.shape:
        return None
    order: list[Any] = reverse_topological_order([end], since=since)
    if sum(math.prod(node.shape) if isinstance(node.shape, tuple) else LARGEST for node in order) > LARGEST:
        return None
    if any(hasattr(node, "function") or not hasattr(node, "plan") for node in order if node.primitive is not None):
        return None  # functions of the user's own may do more than compute
    n, rows = len(inputs), end.shape[0]
    steps = inputs.shape[1] if inputs.ndim > 1 else 1
    if end.shape[:2] == inputs.shape[:2] and len(end.shape) > 2:
        shape: tuple[int, ...] = (n, steps, *end.shape[2:])
    elif rows == n * steps and len(end.shape) == 2 and steps > 1:
        shape = (n, steps, end.shape[1])
    elif rows == n:
        shape = (n, 1, *end.shape[1:])
    else:
        return None
    one, other = n // 2, n // 2 - 1
    seed = np.zeros(shape, end.dtype)
    rng = np.random.default_rng(0)
    middle = shape[1] // 2
    seed[one, middle] = rng.standard_normal(shape[2:])
    whole = [] if shape[1] == 1 else [(other, shape[1] - 1)]
    for place in whole:
        seed[place] = rng.standard_normal(shape[2:])
    try:
        with np.errstate(all="ignore"):
            found = _gradients(end, seed.reshape(end.shape), order)
    except RuntimeError:
        return None  # what a node has saved was written to, which the backward pass will say
    first = _first_of_data(order[::-1])
    if inputs.dtype.kind in "iu":  # a decoder's tokens, and not those of its encoder
        own = [node for node in first if any(np.array_equal(i, inputs) for i in _indices(node))]
        # without them, those that it reads one by one, but no other rows of tokens
        first = own or [node for node in first if not any(np.ndim(i) == 2 and len(i) == n for i in _indices(node))]
    grid = _by_position(first, found, n, steps)
    rows_of = [_norms(found[node], n) for node in first if node in found and node.shape[:1] == (n,)]
    size = grid.sum(axis=1) if grid is not None else np.sum([np.zeros(n), *rows_of], axis=0)
    if not np.isfinite(size).all() or not size.any():
        return None
    apart = np.ones(n, bool)
    apart[[one, other] if whole else [one]] = False
    itself = float(size[one]) or math.ulp(0.0)  # 0 if the result is that of other examples alone
    others = math.sqrt(float(size[apart].max(initial=0.0)) / itself)
    ahead: float = math.nan
    back: tuple[float, ...] = ()
    if grid is not None:
        if shape[1] > 1:
            ahead = math.sqrt(float(grid[one, middle + 1 :].max(initial=0.0)) / itself)
        back = tuple(np.sqrt(grid[other if whole else one]).tolist())
    return Reach(others, ahead, back)


def ignores(end: Any, inputs: list[np.ndarray], since: int) -> bool:
    """Return whether a graph has no numbers for each example besides the first input, though there are others."""
    first, *others = inputs
    if first.ndim < 1 or len(first) < FEW or not any(a.shape[:1] == first.shape[:1] for a in others):
        return False
    order: list[Any] = reverse_topological_order([end], since=since)
    for node in order:
        for given in (*_indices(node), *node.constants.values()) if node.primitive is not None else ():
            array = getattr(given, "_array", getattr(given, "value", given))
            if getattr(given, "shape", np.shape(given))[:1] == first.shape[:1] and not (
                isinstance(array, np.ndarray) and np.may_share_memory(array, first)
            ):
                return False
    return True


def _first_of_data(order: list[Any]) -> list[Any]:
    """Return the first results that the data take part in: of the inputs and parameters, or of their indices."""
    first: list[Any] = []
    of_data: set[Any] = set()
    for node in order:
        if node.primitive is None:
            continue
        if not of_data.isdisjoint(node.inputs):
            of_data.add(node)
            continue
        indices = _indices(node)
        given = [node.constants.get(i) for i, source in enumerate(node.inputs) if source is None]
        # what is no constant of the node has been saved, as an array
        has_data = any(c is None or getattr(c, "shape", ()) for c in given) or any(np.ndim(i) > 0 for i in indices)
        if has_data:
            first.append(node)
            of_data.add(node)
    return first


def _indices(node: Any) -> list[Any]:
    return [a for p in (node.parameters or {}).values() for a in (p if isinstance(p, tuple) else [p])]


def _gradients(end: Any, seed: np.ndarray, order: list[Any]) -> Mapping[Any, np.ndarray]:
    """Return the gradient of each node, for the gradient `seed` of the end."""
    found: dict[Any, np.ndarray] = {end: seed}
    for node in order:
        if node.primitive is None or node not in found:
            continue
        for source, c in zip(node.inputs, node.vjp(found[node], False)):
            if c is not None and source is not None:
                found[source] = found[source] + c if source in found else c
    return found


def _norms(g: np.ndarray, *leading: int) -> np.ndarray:
    """Return the sum of the squares for each index of the leading axes."""
    return np.square(g.reshape(*leading, -1).astype(np.float64)).sum(axis=-1)


def _by_position(first: list[Any], found: Mapping[Any, np.ndarray], n: int, steps: int) -> np.ndarray | None:
    """Return the squares of the gradient by example and position: of one node, or of one node for each position."""
    if steps < FEW:
        return None
    whole = [node for node in first if node.shape[:2] == (n, steps) and len(node.shape) > 2 and node in found]
    if whole:
        return np.asarray(sum(_norms(found[node], n, steps) for node in whole))
    turned = [node for node in first if node.shape[:2] == (steps, n) and len(node.shape) > 2 and node in found]
    if turned:
        return np.asarray(sum(_norms(found[node], steps, n).T for node in turned))
    groups: dict[Any, list[Any]] = {}
    for node in first:
        groups.setdefault((node.primitive.name, node.shape, node.inputs), []).append(node)
    for nodes in groups.values():
        if len(nodes) == steps:
            zero = np.zeros(n)
            return np.stack([_norms(found[node], n) if node in found else zero for node in nodes], axis=1)
    return None
