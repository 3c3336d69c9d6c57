"""What is wrong with a line of a backward pass, in words."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import permutations, product
from typing import Any

import numpy as np

from minigrad.scalar import Value
from minigrad.teach.backward.comparison import where
from minigrad.teach.backward.graph import ForwardGraph
from minigrad.teach.backward.names import bare
from minigrad.teach.backward.report import Line
from minigrad.teach.diagnosis import Case, diagnosis

_ELEMENT = re.compile(r"(.+)\[(\d+)\]")
BUDGET, LEAST, MOST, LOOP = 1.5, 0.3, 2.3, 2.2
"""Seconds of computing for the causes of all lines, the limit of each line after that, and when none is searched; and
the limit of the first line of a loop, whose mistakes the other lines share."""


class Causes:
    """The search for what is wrong with the lines of a backward pass, with a budget for all of them."""

    def __init__(self, graph: ForwardGraph) -> None:
        self.graph = graph
        self.searched = 0.0  # seconds

    def cause(self, line: Line, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any]) -> str:
        """Return what is wrong with a line, in words."""
        started = time.thread_time()
        try:
            return self._cause(line, g, e, given)
        finally:
            self.searched += time.thread_time() - started

    def _cause(self, line: Line, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any]) -> str:
        of = line.of
        fits = g.shape == e.shape
        if not np.isfinite(g).all():
            return "it is nan or infinite"
        integers = "it is an array of integers: what was assigned to it lost its fraction"
        if line.gradient.dtype.kind in "iu" and g.ndim and fits and same(g, np.trunc(e)):
            return integers
        if fits and self.searched > MOST:
            line.is_vague = True
            return where(g, e)
        if fits and not isinstance(line.node, Value) and (text := self._replaced(line.node, g, e, given)):
            return text
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
        case.limit = LEAST if self.searched > BUDGET else LOOP if self.graph.passes else None
        with np.errstate(all="ignore"):
            found = diagnosis(case)
            vague = found is None or found.mistake == "pattern"
            swapped = self._swapped(line.node, g, e, given, vague) if fits else None
        texts = [] if fits else [f"the shape is {g.shape}, that of {of} is {e.shape}"]
        texts += [swapped] if swapped else [found.cause] if found is not None else []
        if line.gradient.dtype.kind in "iu" and g.ndim:
            texts.append(integers)
        line.is_vague = fits and (not texts or vague and not swapped)
        return ": ".join(texts) or where(g, e)

    def _swapped(self, start: Any, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any], vague: bool) -> str | None:
        """Return which array stands in a line where another must, None if that does not explain it."""
        graph, names = self.graph, self.graph.names
        if isinstance(start, Value):
            return self._other_number(start, float(g), given)
        if not vague:
            return None
        if (text := self._other_operand(start, g, e, given)) is not None or g.size < 2:
            return text
        if (text := self._other_sequence(start, g)) is not None:
            return text
        for node, right in graph.right.items():
            if node is not start and node in names and np.shape(right) == g.shape and same(g, right):
                return f"it is the gradient of {names[node]}: are the two exchanged?"
        return self._other_factor(g, e)

    def _other_operand(self, start: Any, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any]) -> str | None:
        """Return which array one use of a variable is computed with instead of a saved one."""
        graph = self.graph
        arrays = {f"{name}[{i}]": a for name, several in self._lists() for i, a in enumerate(several)}
        arrays |= self._named()
        upstream = graph.walk(graph.seed, given, sized=False)[0]
        for node in (n for n in graph.order if start in n.inputs and hasattr(n, "plan")):
            live, u = graph.again.get(node, node), given.get(node, upstream.get(node))
            right = graph.vjp(node, u)
            for k, (role, value) in enumerate(zip(node.plan.saved, live.saved)):
                if not _is_array(value):
                    continue
                own = [name for name, a in arrays.items() if np.shares_memory(a, value)]
                what = own[0] if own else "the result" if role == "y" else f"the operand {role}"
                for name, array in arrays.items():
                    if name in own or array.shape != value.shape:
                        continue
                    with _saved([live], k, [array]):
                        pairs = [(s, c, r) for s, c, r in zip(node.inputs, graph.vjp(node, u), right) if c is not None]
                        changed = [(s, c - r) for s, c, r in pairs if not np.array_equal(c, r)]
                        alone = all(s is start for s, _ in changed)
                        if same(g, sum((d for _, d in changed), e)) if alone else self._explains(start, g, given):
                            return f"it is computed with {name} instead of {what}"
        return None

    def _other_sequence(self, start: Any, g: np.ndarray) -> str | None:
        """Return which list the factors of a parameter's uses in a loop are taken from, where others must stand."""
        graph = self.graph
        users = [node for node in graph.order if start in node.inputs and hasattr(node, "plan")]
        users = sorted((node for node in users if node.primitive is users[-1].primitive), key=lambda node: node.index)
        live = [graph.again.get(node, node) for node in users]
        lists = [(name, v) for name, v in self._lists() if len(v) >= len(users)]
        for k in range(min(len(node.saved) for node in live)) if len(users) > 1 and lists else ():
            right = [node.saved[k] for node in live]
            if not all(map(_is_array, right)):
                continue
            for name, arrays in lists:
                for first in range(min(len(arrays) - len(users), 1) + 1):
                    part = arrays[first : first + len(users)]
                    if any(np.shape(a) != r.shape or a is r for a, r in zip(part, right)):
                        continue
                    with _saved(live, k, part):
                        if self._explains(start, g, {}):
                            own = [self._called(lists, r) or "another array" for r in right[:2]]
                            return (
                                f"it is computed with the wrong array in each pass: {name}[{first}] instead of "
                                f"{own[0]}, {name}[{first + 1}] instead of {own[1]}, and so on"
                            )
        return None

    def _lists(self) -> Iterator[tuple[str, list[np.ndarray]]]:
        """Iterate over the lists of arrays of the program that are no gradients, with their names."""
        for name, several in self.graph.program.items():
            if isinstance(several, list | tuple) and several and not bare(name):
                arrays: list[Any] = [getattr(one, "_array", one) for one in several]
                if all(map(_is_array, arrays)):
                    yield name, arrays

    def _called(self, lists: list[tuple[str, list[np.ndarray]]], array: np.ndarray) -> str:
        """Return the name of an array of the program, also of one in a list."""
        for name, several in lists:
            for i, one in enumerate(several):
                if np.shares_memory(one, array):
                    return f"{name}[{i}]"
        named = self.graph.names.items()
        return next((name for n, name in named if n in self.graph.values and self.graph.values[n] is array), "")

    def _explains(self, start: Any, g: np.ndarray, gradients: Mapping[Any, Any]) -> bool:
        """Return whether a gradient follows from other upstream gradients, or from what is saved now."""
        e = self.graph.walk(self.graph.seed, gradients, sized=False)[0].get(start)
        return e is not None and e.shape == g.shape and same(g, e)

    def _replaced(self, start: Any, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any]) -> str | None:
        """Return which gradient or array of the program stands where another must, None if none explains a line."""
        graph = self.graph
        ends = graph.ends(start, given)
        for end in ends:
            for other, used in given.items():
                fits = end in given and other not in (end, start) and np.shape(used) == np.shape(given[end]) != ()
                if fits and self._explains(start, g, {**given, end: used}):
                    return f"it is computed from {graph.called[other]} instead of {graph.called[end]}"
        by_name = {name: node for node, name in graph.called.items() if node in given}
        places = [(end, *one.groups()) for end in ends if (one := _ELEMENT.fullmatch(graph.called.get(end, "")))]
        lists = {one[1] for name in by_name if (one := _ELEMENT.fullmatch(name))}
        for own, name, by in product({name for _, name, _ in places}, lists, (0, 1, -1)) if len(places) > 1 else ():
            others = {end: by_name.get(f"{name}[{int(i) + by}]") for end, of, i in places if of == own}
            used = {end: given[o] for end, o in others.items() if o is not None and (name != own or by)}
            fits = used and all(u.shape == end.shape for end, u in used.items())
            if fits and self._explains(start, g, {**given, **used}):
                at = f"[t {'+' if by > 0 else '-'} 1]" if by else "[t]"
                return f"it is computed from {name}{at} instead of {own}[t], in every pass of the loop"
        for node in start.inputs:
            if node in graph.called and getattr(node, "shape", None) == g.shape:
                expected, _ = graph.walk(graph.seed, {n: used for n, used in given.items() if n not in (start, node)})
                if node in expected and not same(expected[node], e) and same(g, expected[node]):
                    text = f"the derivative of {graph.names.get(start, start.name)} belongs to the next line"
                    return f"it is the gradient of {graph.names[node]} already: {text}"
        negative = start.primitive is not None and start.primitive.name == "relu" and (e < 0).any()
        if negative and same(g, e * (e > 0)):
            of = graph.names.get(start, start.name)
            return f"it is set to 0 where it is negative itself: the mask must be that of {of}, [{of} <= 0] = 0"
        return None

    def _factors(self, g: np.ndarray) -> dict[str, np.ndarray]:
        """Return the arrays of the program that a gradient may have as a factor."""
        arrays = self._named()
        for name, a in self.graph.names.arrays.items():
            if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim and not bare(name):
                arrays[name] = a.ravel() if a.shape == (len(g), 1) and g.ndim == 1 else a
        return {name: a for name, a in arrays.items() if a.ndim and a.shape == g.shape[g.ndim - a.ndim :]}

    def _named(self) -> dict[str, np.ndarray]:
        """Return the results in the graph that have a name."""
        names, values = self.graph.names, self.graph.values
        return {name: values[n] for n, name in names.items() if not isinstance(n, int) and n in values}

    def _other_factor(self, g: np.ndarray, e: np.ndarray) -> str | None:
        """Return which array a gradient has as a factor instead of another one, one too many or too few."""
        factors = self._factors(g)
        few = np.linspace(0, g.size - 1, 8).astype(int)
        sample = {name: np.broadcast_to(a, g.shape).ravel()[few] for name, a in factors.items()}
        for (name, right), (other, wrong) in permutations(sample.items(), 2):
            if np.allclose(g.ravel()[few] * right, e.ravel()[few] * wrong, rtol=1e-5):
                a, b = factors[name], factors[other]
                proportional = a.shape == b.shape and same(a * b.ravel()[0], b * a.ravel()[0] * np.ones(a.shape))
                if a.all() and not proportional and same(g * a, e * b):
                    return f"it is computed with {other} instead of {name}"
        for name, array in factors.items():
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


@contextmanager
def _saved(nodes: Sequence[Any], k: int, arrays: Sequence[np.ndarray]) -> Iterator[None]:
    """Within the context, each of these nodes has another array as its saved one of position k."""
    before = [(node.saved, node.checksums) for node in nodes]
    try:
        for node, array in zip(nodes, arrays):
            node.saved = (*node.saved[:k], array.astype(node.saved[k].dtype), *node.saved[k + 1 :])
            node.checksums = None  # no other array has that of the saved one
        yield
    finally:
        for node, (saved, checksums) in zip(nodes, before):
            node.saved, node.checksums = saved, checksums


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two arrays agree to five digits."""
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-8 * np.abs(a).max(initial=0)))


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
