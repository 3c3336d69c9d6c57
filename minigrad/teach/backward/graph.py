"""The graph of a forward pass, on which a backward pass by hand is run: walks, and parts recorded again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.program.graph_inspection import named_operands
from minigrad.program.values import operands, saved_values, values
from minigrad.program.variables import node_of, variables
from minigrad.scalar import Value
from minigrad.teach.backward.names import Names, bare
from minigrad.teach.recording import Place, Recording
from minigrad.teach.repeats import repeats
from minigrad.tensors.tensor import Tensor


class ForwardGraph:
    """The graph of a forward pass, on which a backward pass by hand is run.

    Attributes:
        output, root: the result, and its node.
        program, names: the variables of the program, and the names of the nodes.
        order: the nodes, the last first.
        values: the results of the nodes, as far as they are known.
        again: the nodes of the graph recorded once more, if a backward pass has released it.
        said: the names of the nodes in sentences, where all passes of a loop have one.
        variables: the nodes that are variables, not elements of lists and the like.
        passes: the nodes in the order of the program, those of all passes of a loop together; none without a loop.
        seed: the gradient of the result.
        called: the names of the gradients.
        right: the right gradient of each node.
        sound: the nodes whose gradients right lines are computed from, without a line of their own.
    """

    def __init__(self, output: Any, program: Names) -> None:
        self.output, self.program = output, program.program
        self.root: Any = output.node
        self.order: list[Any] = reverse_topological_order([self.root])
        self.names = variables({name: v for name, v in self.program.items() if not name.startswith("__")})
        self.values = dict(values(output))
        self.there = {} if isinstance(output, Value) else saved_values(self.order)
        in_graph = set(self.order)
        for leaf in program.variables:
            node = node_of(leaf.value)
            if node in in_graph and isinstance(leaf.value, Tensor):
                self.values.setdefault(node, leaf.value._array)
        self.again: dict[Any, Any] = {}
        self.seed: Any = None
        self.called: dict[Any, str] = {}
        self.right: dict[Any, Any] = {}
        self.sound: set[Any] = set()
        self.passes = self._passes()
        self.variables = set(self.names)
        in_loops = {node for same in self.passes if len(same) > 1 for node in same}
        for node, name in program.inner().items():
            if node in in_graph:
                self.names.setdefault(node, re.sub(r"\[\d+\]$", "[t]", name) if node in in_loops else name)
        self.said = self._said()
        if any(node.released for node in self.order) and not isinstance(output, Value):
            self._record_again()

    def _passes(self) -> list[list[Any]]:
        """Return the nodes in the order of the program, those of all passes of a loop together; none without a loop."""
        nodes = sorted((node for node in self.order if node.primitive is not None), key=lambda node: node.index)
        tokens = [(node.primitive.name, getattr(node, "shape", ())) for node in nodes]
        leaves = [{s for s in node.inputs if s is not None and s.primitive is None} for node in nodes]
        blocks = repeats(tokens)
        passes = [[node] for node in nodes]
        for start, length, times in blocks:
            # the first pass may lack operations, those of constants such as h0: blocks then begin and end within passes
            end = stop = start + length * times
            while stop < len(nodes) and tokens[stop] == tokens[stop - length] and len(passes[stop]) == 1:
                stop += 1
            rest = stop - end if 2 * (stop - end) >= length else 0
            for k in range(start + length, end + rest):
                passes[start + (k - start) % length] += passes[k]
                passes[k] = []
            k = start + length
            for i in range(start - 1, max(start - length + rest, 0) - 1, -1) if rest else ():
                like = (m for m in range(k - 1, start + rest - 1, -1) if tokens[m] == tokens[i])
                if (k := next((m for m in like if leaves[m] == leaves[i]), -1)) < 0 or len(passes[i]) != 1:
                    break
                passes[k], passes[i] = passes[i] + passes[k], []
            here = passes[start : start + length]
            passes[start : start + length] = here[rest:] + here[:rest]
        return passes if blocks else []

    def _said(self) -> dict[Any, str]:
        """Return the names of the nodes, where all passes of a loop have one: that of the list, or of the variable."""
        said = dict(self.names)
        for same in self.passes:
            lists = {self.names[node] for node in same if node in self.names and node not in self.variables}
            own = [node for node in same if node in self.variables]
            if len(same) > 1 and own in ([], same[-1:]) and len(lists) <= 1:
                name = next(iter(lists), self.names[own[0]] if own else "")
                said |= dict.fromkeys(same, name) if name else {}
        return said

    def _record_again(self) -> None:
        """Record the graph again, with the same values: an earlier backward pass has released it."""
        tensors: dict[Any, Tensor] = {}
        with enable_grad():
            for node in reversed(self.order):
                if node.primitive is None and node in self.values:
                    tensors[node] = Tensor(np.array(self.values[node]), requires_grad=True)
                elif hasattr(node, "plan") and (arguments := self._operands(node)) is not None:
                    inputs = [tensors[s] if s is not None else a for s, a in zip(node.inputs, arguments)]
                    tensors[node] = Tensor.apply(node.primitive, *inputs, **node.parameters)
                else:
                    raise RuntimeError(
                        "check_backward: backward() has released the graph. Check before loss.backward(), or call "
                        "loss.backward(retain_graph=True)"
                    )
        self.again = {node: t.node for node, t in tensors.items()}

    def _operands(self, node: Any) -> list[Any] | None:
        """Return the operands of a node, None if one is unknown."""
        if isinstance(node, Value):
            return [getattr(o, "data", o) for _, o in named_operands(node)]
        found = operands(node, self.values, self.there)
        missing = [i for i, a in enumerate(found) if a is None and (node.inputs[i] is not None or i in node.constants)]
        return None if missing else found

    def vjp(self, node: Any, g: Any) -> list[Any]:
        """Return the gradient contributions of a node to its inputs."""
        return list(self.again.get(node, node).vjp(g, False))

    def walk(self, seed: Any, given: Mapping[Any, Any], sized: bool = True) -> tuple[dict[Any, Any], dict[Any, float]]:
        """Run the backward pass, with the learner's gradients where there are any.

        Return the gradient of each node by those downstream of it; and, if `sized`, for which each node is run twice,
        the size of what it was summed from, by whose rounding it may differ.
        """
        rng = np.random.default_rng(0)
        pending, sizes = {self.root: seed}, {self.root: float(np.abs(seed).max(initial=0))}
        expected: dict[Any, Any] = {}
        with no_grad(), np.errstate(all="ignore"):
            for node in self.order:
                g = pending.pop(node, None)
                if g is None:
                    continue
                expected[node] = g
                g = given.get(node, g)
                if node.primitive is None:
                    continue
                single = isinstance(node, Value) or not isinstance(g, np.ndarray)
                contributions = mixed = self.vjp(node, g)
                if sized and not single:
                    mixed = self.vjp(node, g * rng.choice([-1.0, 1.0], g.shape).astype(g.dtype))
                for source, c, m in zip(node.inputs, contributions, mixed):
                    if c is None or source is None:
                        continue
                    pending[source] = c if source not in pending else pending[source] + c
                    if not sized:
                        continue
                    size = max(float(np.abs(a).max(initial=0)) for a in (np.asarray(c), np.asarray(m)))
                    sizes[source] = sizes.get(source, 0.0) + size
        return expected, sizes

    def of_constants(self, shape: tuple[int, ...]) -> list[np.ndarray]:
        """Return the right gradients of the constants of a shape, such as the state that a loop begins with."""
        found: dict[int, np.ndarray] = {}
        for node in self.order:
            constants = {} if isinstance(node, Value) or node not in self.right else getattr(node, "constants", {})
            for i, c in constants.items():
                if getattr(c, "shape", None) != shape or c.dtype.kind != "f" or (a := self._operands(node)) is None:
                    continue
                with enable_grad():
                    leaf = Tensor(a[i], dtype=a[i].dtype, requires_grad=True)
                    result = Tensor.apply(node.primitive, *a[:i], leaf, *a[i + 1 :], **node.parameters)
                gradient = result.node.vjp(self.right[node], False)[i]
                found[id(c.value)] = found.get(id(c.value), 0.0) + np.asarray(gradient)
        return [*found.values()]

    def ends(self, start: Any, given: Any) -> list[Any]:
        """Return the next nodes downstream whose gradients are given, or the result."""
        return self.downstream(start, given)[0]

    def downstream(self, start: Any, given: Any) -> tuple[list[Any], set[Any]]:
        """Return the next nodes downstream whose gradients are given, or the result; and the nodes before these."""
        reached, ends = {start}, []
        for node in reversed(self.order):
            if node is not start and any(s in reached for s in node.inputs):
                if node in given or node is self.root:
                    ends.append(node)
                else:
                    reached.add(node)
        return ends, reached - {start}

    def local(
        self, start: Any, given: Mapping[Any, Any], name: str, leaf: Tensor | None = None
    ) -> tuple[Recording | None, Any]:
        """Record the part of the graph from a node to the nodes whose gradients are given; return it and its seed.

        A leaf of this name stands for the node, by default with its value.
        """
        ends = self.ends(start, given)
        if not ends:
            return None, None
        if leaf is None:  # first, as the tape expects it
            leaf = Tensor(np.array(self.values[start], dtype=float), requires_grad=True)
        recording = Recording(leaf.node)
        made: dict[Any, Tensor] = {start: leaf}
        needed = set(reverse_topological_order(ends))
        with enable_grad():
            for node in reversed(self.order):
                if node is not start and node in needed:
                    made[node] = self._made(node, made, {end for end in ends if end in made}, recording)
                if node in made and made[node].requires_grad:
                    recording.values[made[node].node] = made[node]._array
                    said = self.names if name.endswith("]") else self.said  # hs[2] is of one pass
                    if node in said or node is start:
                        recording.names[made[node].node] = name if node is start else said[node]
            for number, same in enumerate(self.passes):
                for count, one in enumerate(node for node in same if node in made and node is not start):
                    recording.places[made[one].node] = Place(None, number, count=count)
            recording.sound = {made[node].node for node in self.sound if node in made}
            seeds = [np.asarray(given.get(end, np.ones(made[end].shape)), dtype=float) for end in ends]
            recording.output, seed = made[ends[0]], seeds[0]
            if len(ends) > 1:
                seed = np.ones(())
                recording.output = self._summed(recording, [made[end] for end in ends], seeds, ends)
        return recording, seed

    def _made(self, node: Any, made: Mapping[Any, Tensor], ends: set[Any], recording: Recording) -> Tensor:
        """Compute a node again. The ends enter as constants, as their gradients are given."""
        if node.primitive is None:
            return Tensor(np.array(self.values[node], dtype=float), requires_grad=True)
        arguments = self._operands(node)
        if arguments is None:
            raise ValueError("an operand is unknown")
        recorded = [s is not None and s not in ends and made[s].requires_grad for s in node.inputs]
        inputs = [made[s] if r else _double(v) for s, r, v in zip(node.inputs, recorded, arguments)]
        parameters = _chosen_again(node, arguments, inputs) or getattr(node, "parameters", {})
        # a view is one of a Tensor, also where nothing is recorded
        first = [Tensor(v, dtype=v.dtype) if isinstance(v, np.ndarray) else v for v in inputs[:1]]
        result: Tensor = Tensor.apply(node.primitive, *first, *inputs[1:], **parameters)
        if not result.requires_grad:  # it depends on nothing but the ends
            return result
        recording.constants[result.node] = {i: v for i, (r, v) in enumerate(zip(recorded, inputs)) if not r}
        for i, source in enumerate(node.inputs):
            constant = node.constants.get(i) if source is None and hasattr(node, "constants") else None
            known = self.said.get(source) or self.names.get(id(getattr(constant, "value", None)))
            known = known or (self._constant(arguments[i]) if source is None else "")
            if not recorded[i] and known:
                recording.names[result.node, i] = known
        return result

    def _constant(self, value: Any) -> str:
        """Return the array of the program of which a constant is a copy, as by tensor(x), or of which it is a part."""
        if not isinstance(value, np.ndarray) or value.size < 2:
            return ""
        arrays = {n: a for n, a in self.names.arrays.items() if isinstance(a, np.ndarray) and a.dtype.kind in "fiub"}
        parts = {f"{n}[t]": a for n, a in arrays.items() if a.shape[1:] == value.shape}
        whole = next((n for n, a in arrays.items() if np.array_equal(a, value) and not bare(n)), "")
        return whole or next((n for n, a in parts.items() if (a == value).reshape(len(a), -1).all(axis=1).any()), "")

    def _summed(self, recording: Recording, ends: list[Tensor], seeds: list[Any], nodes: list[Any]) -> Tensor:
        """Return the sum of several results times their gradients, recorded."""
        total: Tensor | None = None
        for end, seed, node in zip(ends, seeds, nodes):
            product = end * seed
            part = product.sum()
            recording.constants[product.node] = {1: seed}
            if node in self.names:
                recording.names[product.node, 1] = f"d{self.names[node]}"
            new = [product, part] if total is None else [product, part, total + part]
            total = new[-1]
            for t in new:
                recording.added.add(t.node)
                recording.values[t.node] = np.array(t._array)
        assert total is not None
        return total


def _chosen_again(node: Any, before: list[Any], now: list[Any]) -> dict[str, Any] | None:
    """Return the index with which max(dim) or min(dim) gathers other numbers than before; None for other operations."""
    if node.primitive.name != "gather" or not isinstance(now[0], Tensor):
        return None
    index, axis = node.parameters["index"], node.parameters["axis"]
    picked = np.take_along_axis(before[0], index, axis)
    for extreme, place in (np.max, np.argmax), (np.min, np.argmin):
        if index.shape[axis] == 1 and np.array_equal(picked, extreme(before[0], axis=axis, keepdims=True)):
            return {**node.parameters, "index": place(now[0]._array, axis=axis, keepdims=True)}
    return None


def _double(value: Any) -> Any:
    return value.astype(float) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
