"""Where more than one gradient is right: at a kink, as that of relu at 0, at a tie, and where nothing is passed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.scalar import Value
from minigrad.teach.backward.graph import ForwardGraph
from minigrad.teach.backward.report import Line
from minigrad.tensors.tensor import Tensor

SIDES = 12
"""The number of directions in which the two sides of a kink are looked at."""
MOVED = 40
"""The largest number of elements that are moved one by one to find ties."""


def at_kink(graph: ForwardGraph, line: Line, given: Mapping[Any, Any]) -> bool:
    """Return whether a gradient is a subgradient at a kink, such as that of relu at 0, or at a tie in a maximum.

    Then each of its elements lies between those a little to the sides, and it differs from the engine's by a sum of
    differences between the sides: what the elements of a tie share adds up to the same.
    """
    g, value, e = line.used, graph.values.get(line.node), line.expected
    if g is None or value is None or line.gradient.shape != np.shape(e) or isinstance(graph.output, Value):
        return False
    value, e = np.asarray(value, dtype=float), np.asarray(e, dtype=float)
    close = 1e-9 * max(float(np.abs(value).max(initial=0)), 1e-3)
    rng = np.random.default_rng(0)
    moves = [rng.uniform(0.5, 1.0, value.shape), *[rng.uniform(-1.0, 1.0, value.shape) for _ in range(SIDES)]]
    differing = np.argwhere(np.abs(g - e) > 1e-5 * np.abs(e).max(initial=0))
    if len(differing) <= MOVED:
        alone = [
            (np.arange(value.size).reshape(value.shape) == np.ravel_multi_index(i, value.shape)) for i in differing
        ]
    else:  # those that may be tied
        alone = [value == v for v in np.unique(value[tuple(differing.T)])[:MOVED]]
    try:
        first = [_slopes(graph, line.node, given, value + moves[0] * close * s) for s in (1, -1)]
        if all(np.allclose(s, e, rtol=1e-5, atol=1e-5 * np.abs(e).max(initial=0)) for s in first):
            return False  # there is no kink here
        others = [*moves[1:], *alone]
        slopes = first + [_slopes(graph, line.node, given, value + d * close * s) for d in others for s in (1, -1)]
    except Exception:  # an operation that cannot be computed again
        return False
    rounding = 1e-5 * np.abs([e, *slopes]).max(initial=0)
    low, high = np.min([e, *slopes], axis=0) - rounding, np.max([e, *slopes], axis=0) + rounding
    if not ((g >= low) & (g <= high)).all():
        return False
    if len(differing) > MOVED:  # where the two sides agree, so must the gradient
        sides = [
            (d, *[float(np.vdot(s, d)) for s in slopes[2 * k : 2 * k + 2]]) for k, d in enumerate(alone, len(moves))
        ]
        return all(abs(a - b) > rounding or abs(np.vdot(g, d) - a) <= rounding * d.sum() for d, a, b in sides)
    across = np.array([(s - e).ravel() for s in slopes])
    difference = (g - e).ravel()
    combination = np.linalg.lstsq(across.T, difference, rcond=1e-6)[0]
    return bool(np.abs(across.T @ combination - difference).max(initial=0) <= rounding)


def is_masked(graph: ForwardGraph, start: Any, difference: np.ndarray) -> bool:
    """Return whether gradients differ only where nothing is passed on, as by relu of a negative number.

    What passes nothing on may come later: at a window of zeros a maximum has a tie, and the relu before it is closed.
    """
    if start.primitive is None or isinstance(start, Value) or not np.isfinite(difference).all():
        return False
    difference = np.where(np.abs(difference) > 1e-6 * np.abs(difference).max(initial=0), difference, 0)  # rounding
    rng = np.random.default_rng(0)  # elements must not cancel each other, as in a sum
    with np.errstate(all="ignore"):
        for d in (difference * rng.uniform(0.5, 2.0, difference.shape) for _ in range(2)):
            pending = {start: d}
            for node in graph.order:
                if node not in pending:
                    continue
                if node.primitive is None:
                    return False
                g = pending[node]
                for source, c in zip(node.inputs, graph.vjp(node, g)):
                    if source is not None and c is not None and np.any(c):
                        pending[source] = pending.get(source, 0) + c
    return True


def _slopes(graph: ForwardGraph, node: Any, given: Mapping[Any, Any], value: np.ndarray) -> np.ndarray:
    """Return the gradient of a node, given those after it, at another value."""
    leaf = Tensor(value, requires_grad=True)
    recording, seed = graph.local(node, given, "", leaf)
    if recording is None:
        raise ValueError("nothing is given after this node")
    return np.asarray(grads(recording.output, [leaf], [Tensor(np.asarray(seed, dtype=float))])[0]._array)
