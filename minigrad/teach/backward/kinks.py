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
        slopes = [_slopes(graph, line.node, given, value + d * close * s) for d in (*moves, *alone) for s in (1, -1)]
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


def is_masked(graph: ForwardGraph, node: Any, difference: np.ndarray) -> bool:
    """Return whether gradients differ only where an operation passes nothing on, such as relu of a negative number."""
    if node.primitive is None or isinstance(node, Value) or not np.isfinite(difference).all():
        return False
    signs = np.random.default_rng(0).choice([-1.0, 1.0], difference.shape)
    with np.errstate(all="ignore"):
        passed = [c for d in (difference, difference * signs) for c in graph.vjp(node, d) if c is not None]
    limit = 1e-6 * np.abs(difference).max(initial=0)
    return bool(passed) and all(np.abs(c).max(initial=0) <= limit for c in passed)


def _slopes(graph: ForwardGraph, node: Any, given: Mapping[Any, Any], value: np.ndarray) -> np.ndarray:
    """Return the gradient of a node, given those after it, at another value."""
    leaf = Tensor(value, requires_grad=True)
    recording, seed = graph.local(node, given, "", leaf)
    if recording is None:
        raise ValueError("nothing is given after this node")
    return np.asarray(grads(recording.output, [leaf], [Tensor(np.asarray(seed, dtype=float))])[0]._array)
