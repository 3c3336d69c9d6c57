"""What is wrong with a line of a backward pass, in words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.scalar import Value
from minigrad.teach.backward.comparison import where
from minigrad.teach.backward.graph import ForwardGraph
from minigrad.teach.backward.report import Line
from minigrad.teach.diagnosis import Case, diagnosis

BUDGET, LEAST = 4.0, 0.3
"""Seconds of computing for the causes of all lines, and the limit of each line after that."""


class Causes:
    """The search for what is wrong with the lines of a backward pass, with a budget for all of them."""

    def __init__(self, graph: ForwardGraph) -> None:
        self.graph = graph
        self.searched = 0.0  # seconds

    def cause(self, line: Line, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any]) -> str:
        """Return what is wrong with a line, in words."""
        of = line.name.removeprefix("d")
        fits = g.shape == e.shape
        if not np.isfinite(g).all():
            return "it is nan or infinite"
        value = self.graph.values.get(line.node)
        x = np.zeros(e.shape) if value is None else np.asarray(value, dtype=float)
        recording, seed = None, None
        if value is not None:
            try:
                recording, seed = self.graph.local(line.node, given, of)
            except Exception:  # an operation that cannot be computed again
                recording = None
        shapes = {of: e.shape} | {
            self.graph.names[n]: getattr(n, "shape", ()) for n in self.graph.order if n in self.graph.names
        }
        sizes: dict[int, str] = {}
        for name, shape in shapes.items():
            for d, n in enumerate(shape):
                if n > 1:
                    sizes.setdefault(n, f"the size of dimension {d} of {name}")
        case = Case(g, e, x, sizes, names=[of], upstream=[] if seed is None else [seed], recording=recording)
        case.limit = LEAST if self.searched > BUDGET else None
        started = time.thread_time()
        with np.errstate(all="ignore"):
            found = diagnosis(case)
            self.searched += time.thread_time() - started
            vague = found is None or found.mistake == "pattern"
            swapped = self._swapped(line.node, g, e, given, vague) if fits else None
        texts = [] if fits else [f"the shape is {g.shape}, that of {of} is {e.shape}"]
        texts += [swapped] if swapped else [found.cause] if found is not None else []
        if line.gradient.dtype.kind in "iu" and g.ndim:
            texts.append("it is an array of integers: what was assigned to it lost its fraction")
        return ": ".join(texts) or where(g, e)

    def _swapped(self, start: Any, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any], vague: bool) -> str | None:
        """Return which array stands in a line where another must, None if that does not explain it."""
        graph, names = self.graph, self.graph.names
        if isinstance(start, Value):
            return self._other_number(start, float(g), given)
        if not vague:
            return None

        def explains(gradients: Mapping[Any, Any]) -> bool:
            e = graph.walk(graph.seed, gradients)[0].get(start)
            close = 1e-8 * np.abs(g).max(initial=0)
            return e is not None and e.shape == g.shape and np.allclose(e, g, rtol=1e-5, atol=close)

        def called(node: Any) -> str:
            return names.get(node) or node.name or "its result"

        for end in graph.ends(start, given):
            for other, used in given.items():
                fits = end in given and other not in (end, start) and np.shape(used) == np.shape(given[end])
                if fits and explains({**given, end: used}):
                    return f"it is computed from d{called(other)} instead of d{called(end)}"
        arrays = {name: graph.values[n] for n, name in names.items() if not isinstance(n, int) and n in graph.values}
        for node in (n for n in graph.order if start in n.inputs and hasattr(n, "plan")):
            live = graph.again.get(node, node)
            saved, checksums = live.saved, live.checksums
            for k, (role, value) in enumerate(zip(node.plan.saved, saved)):
                if not _is_array(value):
                    continue
                own = [name for name, a in arrays.items() if np.shares_memory(a, value)]
                what = own[0] if own else "the result" if role == "y" else f"the operand {role}"
                for name, array in arrays.items():
                    if name in own or array.shape != value.shape:
                        continue
                    try:
                        live.saved = (*saved[:k], array.astype(value.dtype), *saved[k + 1 :])
                        live.checksums = None  # no other array has that of the saved one
                        if explains(given):
                            return f"it is computed with {name} instead of {what}"
                    finally:
                        live.saved, live.checksums = saved, checksums
        if g.size < 2:
            return None

        def same(a: np.ndarray, b: np.ndarray) -> bool:
            return np.allclose(a, b, rtol=1e-5, atol=1e-8 * np.abs(a).max(initial=0))

        for node, right in graph.right.items():
            if node is not start and node in names and np.shape(right) == g.shape and same(g, right):
                return f"it is the gradient of {names[node]}: are the two exchanged?"
        for name, array in arrays.items():
            if array.shape != g.shape:
                continue
            if same(g, e * array):
                return f"it is multiplied by {name}, a factor too many"
            if same(g, e * (array > 0)):
                return f"it is multiplied by the mask {name} > 0, a factor too many"
            if same(e, g * array):
                return f"the factor {name} is missing"
        return None

    def _other_number(self, start: Any, g: float, given: Mapping[Any, Any]) -> str | None:
        """Return which variable a Value is multiplied by instead of the other factor of a product."""
        users = [node for node in self.graph.order if start in node.inputs]
        if len(users) != 1 or users[0].primitive.name != "mul" or users[0] not in given or not given[users[0]]:
            return None
        factor = next((s for s in users[0].inputs if s is not start), None)
        if factor is None or factor not in self.graph.names:
            return None
        used, own = g / float(given[users[0]]), self.graph.names[factor]
        for name, value in self.graph.program.items():
            if isinstance(value, Value) and name != own and np.isclose(value.data, used, rtol=1e-9, atol=0):
                return f"it is computed with {name} instead of {own}"
        return None


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
