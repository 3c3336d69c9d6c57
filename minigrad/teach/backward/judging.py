"""The verdicts on the lines of a backward pass, each given the learner's own upstream gradients."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.output.words import class_name
from minigrad.program.variables import calling_scopes, node_of
from minigrad.scalar import Value
from minigrad.teach.backward.causes import Causes, same
from minigrad.teach.backward.comparison import in_shape, is_same, relative_error
from minigrad.teach.backward.graph import ForwardGraph
from minigrad.teach.backward.kinks import at_kink, is_masked
from minigrad.teach.backward.names import Gradient, Names, bare, leaves
from minigrad.teach.backward.report import FOLLOWS, RIGHT, UNKNOWN, WRONG, BackwardReport, Line
from minigrad.tensors.tensor import Tensor

CANDIDATES = 12
"""The number of nodes without a name that a gradient without a variable is tried at."""


class Pass:
    """A backward pass by hand, on the graph of its forward pass."""

    def __init__(self, output: Any, names: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        inside = set(reverse_topological_order([output.node]))
        alone = not any(
            leaf.is_variable
            and (
                node_of(leaf.value) in inside or getattr(leaf.value, "requires_grad", True) and not bare(str(leaf.key))
            )
            for leaf in leaves(names)
        )
        own, *scopes = calling_scopes()
        program = Names({**scopes[0], **own} if alone else names, [own, *scopes], inside)
        self.asked = set(asked)
        self.gradients = program.gradients(names, alone) + program.gradients(asked, True)
        self.names = names
        self.graph = ForwardGraph(output, program)
        self.causes = Causes(self.graph)

    def check(self) -> BackwardReport:
        """Judge the gradients."""
        lines = [self._line(gradient) for gradient in self.gradients]
        if not lines:
            raise ValueError(
                "check_backward: no gradients to check. Pass locals(), with a variable dNAME for the gradient of NAME, "
                "or the gradients by name: check_backward(loss, dlogits=dlogits)"
            )
        single = getattr(self.graph.root, "shape", ()) == () or int(np.prod(self.graph.root.shape)) == 1
        seed: Any = 1.0 if isinstance(self.graph.root, Value) else np.ones(self.graph.root.shape, self.graph.root.dtype)
        if not single:
            given = {line.node: line.used for line in lines if line.used is not None}
            if self.graph.root not in given:
                raise ValueError(
                    f"check_backward: the result has the shape {self.graph.root.shape}, so its gradient must be given: "
                    f"d{self.graph.names.get(self.graph.root, 'out')}=..., the upstream gradient of the backward pass"
                )
            seed = given[self.graph.root]
        self.graph.seed = seed
        right, _ = self.graph.walk(seed, {}, sized=False)
        self.graph.right = right
        for line in lines:
            self._find_pass(line, lines)
        for line in lines:
            self._find_input(line, lines)
        self.graph.called = {line.node: line.name for line in lines}
        given = {line.node: line.used for line in lines if line.used is not None and not line.of_a_pass}
        expected, sizes = self.graph.walk(seed, given)
        lines = self._in_order(lines)
        by_node = {line.node: line for line in lines if line.node is not None and line.gradient is not None}
        kinks: dict[Any, Any] = {}  # gradients that differ from the engine's, where several are right
        for line in by_node.values():
            if line.node not in expected:
                self._unreached(line)
                continue
            self._judge(line, right, expected[line.node], sizes[line.node], by_node)
            if line.verdict != WRONG:
                continue
            if line.of_its_shape and is_masked(self.graph, line.node, line.gradient - line.expected):
                line.cause = f"it differs from the gradient of {line.of} only where {line.of} passes nothing on"
            elif at_kink(self.graph, line, given):
                line.cause = "at a kink or a tie, where more than one gradient is right"
            else:
                continue
            line.verdict = RIGHT
            kinks[line.node] = line.used
            right, _ = self.graph.walk(seed, kinks, sized=False)
        self._find_causes(lines, by_node, right, given)
        taken = {gradient.name for gradient in self.gradients}
        loose = {
            leaf.short: leaf.value
            for leaf in leaves(self.names)
            if leaf.shown
            and isinstance(leaf.key, str)
            and bare(leaf.key)
            and isinstance(leaf.value, np.ndarray)
            and leaf.value.dtype.kind == "f"
            and leaf.short not in taken
            and not self.asked
        }
        causes: dict[str, str] = {}
        for line in lines:
            if line.verdict != WRONG:
                continue
            if (first := causes.setdefault(line.cause, line.name)) != line.name:
                line.cause = f"the same mistake as in {first}"
            elif line.is_vague and line is not (first_wrong := next(one for one in lines if one.verdict == WRONG)):
                line.cause += f" (perhaps by the mistake in {first_wrong.name}: correct that first)"
        if not isinstance(self.graph.output, Value):
            self._find_unnamed(lines, loose, given)
        note = ""
        if any(line.verdict == FOLLOWS for line in lines):
            note = "Each line is compared given the program's own upstream gradients."
        others = [name for name in loose if name not in {line.name for line in lines}]
        if others:
            text = f"Not compared, as there is no variable of that name without the d: {', '.join(others[:8])}."
            note = f"{note} {text}".strip()
        return BackwardReport(lines, note, self.graph.root)

    def _find_pass(self, line: Line, lines: list[Line]) -> None:
        """Find the pass of a loop that a gradient is of, where the variable is that of the last pass.

        The backward loop ends with the first pass, so there dh is the gradient of another h than that of the program:
        of the first, or of the state before the loop, which may be a constant.
        """
        same = next((nodes for nodes in self.graph.passes if len(nodes) > 1 and line.node in nodes), [])
        rebound = line.of.isidentifier() and any(node not in self.graph.variables for node in same)
        if not rebound or line.node not in self.graph.variables or line.used is None or not line.of_its_shape:
            return
        starts = [
            n for n in self.graph.order if n.primitive is None and getattr(n, "shape", ()) == line.shape
        ]  # h0 before the loop
        for node in (line.node, *same, *starts):
            e = self.graph.right.get(node)
            if e is not None and np.allclose(line.gradient, e, rtol=1e-5, atol=1e-8 * np.abs(e).max(initial=0)):
                line.of_a_pass, line.node = node is not line.node, node
                return
        for e in self.graph.of_constants(line.gradient.shape):
            if np.allclose(line.gradient, e, rtol=1e-5, atol=1e-8 * np.abs(e).max(initial=0)):
                line.of_a_pass, line.node, line.error = True, None, relative_error(line.gradient, e)
                line.cause = f"it is that of the {line.of} before the loop"
                return
        others = {one.node: one.used for one in lines if one is not line and one.used is not None}
        g, e = np.asarray(line.used), self.graph.walk(self.graph.seed, others, sized=False)[0].get(line.node)
        line.of_a_pass = e is not None and not np.allclose(g, e, rtol=1e-5)

    def _find_input(self, line: Line, lines: list[Line]) -> None:
        """Find the gradients that were made those of an operation's input in place: dh *= 1 - h**2."""
        node, taken = line.node, {one.node for one in lines}
        chain: list[Any] = []  # what it is computed from, one from the other: A = relu(Z) * mask / keep
        while node is not None and not isinstance(node, Value) and node.primitive is not None:
            inputs = [s for s in node.inputs if s is not None]
            node = inputs[0] if len(inputs) == 1 and inputs[0].shape == line.shape else None
            chain += [node] if node is not None and node not in taken else []
            node = None if node in taken else node
        if not chain or line.used is None or line.of_a_pass:
            return
        node = line.node
        others = {one.node: one.used for one in lines if one is not line and one.used is not None}
        expected, _ = self.graph.walk(self.graph.seed, others, sized=False)
        if node not in expected or same(line.used, expected[node]):
            return
        with np.errstate(all="ignore"):
            stopped = next(c == 0 for c in self.graph.vjp(node, np.ones(node.shape, node.dtype)) if c is not None)
        # a wrong one, where it is masked as relu is: at all places, and at no other
        masked = stopped.any() and np.array_equal(stopped | (expected[node] == 0), line.used == 0)
        found = [s for s in chain if s in expected and same(line.used, expected[s])] or chain[: int(masked)]
        if found:
            line.node, line.cause = found[0], f"it is multiplied by the derivative of {line.of} in place"

    def _in_order(self, lines: list[Line]) -> list[Line]:
        """Return the lines in the order of the program, but each after those that it is computed from.

        A dictionary of gradients may have any order; and where `dh += …` comes late, the variable is old.
        """
        nodes = {line.node for line in lines if line.node is not None}
        inside = set(self.graph.order)
        ends = {node: {end for end in self.graph.ends(node, nodes) if end in nodes} for node in nodes & inside}
        found: list[Line] = []
        left, done = [*lines], set[Any]()
        while left:
            line = next((one for one in left if ends.get(one.node, set()) <= done), left[0])
            left.remove(line)
            done.add(line.node)
            found.append(line)
        return found

    def _line(self, gradient: Gradient) -> Line:
        """Return the line of a gradient, with a verdict if it cannot be compared."""
        line = self._compared(gradient)
        line.of = gradient.of
        return line

    def _compared(self, gradient: Gradient) -> Line:
        name, of, variable, value = gradient.name, gradient.of, gradient.variable, gradient.value
        node = node_of(variable)
        if node is None:
            named = [n for n in self.graph.order if n.name == of]
            node = named[0] if len(named) == 1 else None
        if node is None and not isinstance(variable, Tensor):
            known = [*self.graph.names.values(), *(n.name for n in self.graph.order if n.name)]
            near = difflib.get_close_matches(of, known, 1)
            cause = f"there is no variable {of} in the forward pass"
            return Line(name, None, UNKNOWN, cause=cause + (f"; did you mean d{near[0]}?" if near else ""))
        if node is None or not getattr(variable, "requires_grad", True):
            shape = tuple(getattr(variable, "shape", ()))
            cause = f"{of} does not require a gradient, so there is none to compare: create it with requires_grad=True"
            return Line(name, shape, UNKNOWN, cause=cause)
        shape = tuple(getattr(node, "shape", ()))
        if node not in set(self.graph.order):
            cause = f"{of} is not in the graph of the loss: was it computed again, or replaced, after the loss?"
            return Line(name, shape, UNKNOWN, cause=cause, node=node)
        if value is None:
            return Line(name, shape, WRONG, cause="None: no gradient was stored here", node=node)
        plain = value.detach()._array if isinstance(value, Tensor) else value
        try:
            array = np.asarray(plain.data if isinstance(plain, Value) else plain)
        except Exception:  # what NumPy raises for foreign objects
            array = np.asarray(None)
        if array.dtype.kind not in "fiub":
            kind = "complex numbers" if array.dtype.kind == "c" else f"a {class_name(value)}"
            return Line(name, shape, WRONG, cause=f"it must be an array of numbers, got {kind}", node=node)
        line = Line(name, shape, RIGHT if array.shape == shape else WRONG, node=node, gradient=array)
        usable = in_shape(array, shape)
        if usable is not None and np.isfinite(usable).all():
            line.used = float(usable) if isinstance(node, Value) else usable.astype(getattr(node, "dtype", float))
        return line

    def _unreached(self, line: Line) -> None:
        if np.any(line.gradient):
            line.verdict, line.cause = WRONG, "no gradient arrives here: the loss does not change with it"
            line.expected = np.zeros(line.shape or ())

    def _judge(
        self, line: Line, every: Mapping[Any, Any], expected: Any, size: float, lines: Mapping[Any, Line]
    ) -> None:
        """Judge one line: is it right, given its upstream gradients? `every` has the right gradients of all nodes."""
        right = every.get(line.node)
        line.expected = expected
        g, e = np.asarray(line.gradient, dtype=float), np.asarray(expected, dtype=float)
        r = e if right is None else np.asarray(right, dtype=float)
        dtypes = [getattr(line.node, "dtype", np.dtype(float)), line.gradient.dtype]
        fine = max(float(np.finfo(d).eps) for d in dtypes if d.kind == "f")
        above = [lines[end] for end in self.graph.ends(line.node, lines) if end in lines]
        misshapen = [one.name for one in above if one.gradient.shape != one.shape]
        fits = g.shape == e.shape
        used = g if fits else line.used
        line.error = relative_error(g, e) if fits else np.nan
        if used is not None and is_same(np.asarray(used), e, fine, size) and (fits or misshapen):
            line.verdict = RIGHT if fits and is_same(e, r, fine, size) else FOLLOWS
            if line.verdict == FOLLOWS:
                line.cause = "right, given the gradients above" if fits else f"its shape is that of {misshapen[0]}"
        elif fits and is_same(g, r, fine, size):
            line.verdict, line.error = RIGHT, relative_error(g, r)
        elif misshapen:
            line.verdict = UNKNOWN
            line.cause = f"{misshapen[0]}, which it is computed from, has another shape than its variable"
        elif line.of_a_pass and fits:
            line.verdict = UNKNOWN
            line.cause = (
                f"{line.of} is computed in each pass of a loop, and this may be the gradient of another pass: keep "
                f"them in lists, {line.of}s[t] and d{line.of}s[t]"
            )
        else:
            line.verdict, line.cause = WRONG, ""

    def _find_causes(
        self, lines: list[Line], by_node: Mapping[Any, Line], right: Mapping[Any, Any], given: Mapping[Any, Any]
    ) -> None:
        """Find the cause of each wrong line, first of those that the backward pass comes to first."""
        graph = self.graph
        sound = [line.node for line in by_node.values() if line.verdict in (RIGHT, FOLLOWS)]
        graph.sound = {node for start in sound for node in graph.downstream(start, given)[1]}
        wrong = [line for line in by_node.values() if line.verdict == WRONG and not line.cause]
        last_use = {s: node.index for node in reversed(graph.order) for s in node.inputs}
        for line in sorted(wrong, key=lambda line: -last_use.get(line.node, 0)):
            g, e = np.asarray(line.gradient, dtype=float), np.asarray(line.expected, dtype=float)
            line.cause = self._changed_with(line, by_node, right) or self.causes.cause(line, g, e, given)
        first = next((line for line in lines if line.verdict == WRONG), None)
        clear = next((line for line in wrong if not line.is_vague), None)
        if first is not None and first.is_vague and first.node.primitive is None and clear is not None:
            lines.remove(clear)  # nothing is computed from the gradient of a parameter
            lines.insert(lines.index(first), clear)

    def _changed_with(self, line: Line, lines: Mapping[Any, Line], right: Mapping[Any, Any]) -> str:
        """Say that a gradient is one array with a later one, which is right after it was written to."""
        later = [*lines.values()]
        for other in later[later.index(line) + 1 :]:
            e = right.get(other.node)
            if e is None or np.shape(e) != other.gradient.shape:
                continue
            if np.shares_memory(other.gradient, line.gradient) and np.allclose(other.gradient, e, rtol=1e-5):
                of, to = line.name, other.name
                return (
                    f"{of} and {to} are one array, so what is written to {to} (+=, *=, [...] =) changes {of} too: "
                    f"{to} = {of}.copy()"
                )
        return ""

    def _find_unnamed(self, lines: list[Line], loose: Mapping[str, Any], given: dict[Any, Any]) -> None:
        """Find the wrong lines among the gradients of results without a name, such as dhraw for h = tanh(x @ w).

        If one of these, as the gradient of a node without a name, makes later lines right, it is the wrong one.
        """
        nameless = [node for node in self.graph.order if node.primitive is not None and node not in self.graph.names]
        wrong = [line for line in lines if line.verdict == WRONG and line.used is not None and line.of_its_shape]
        for _ in range(len(loose)):
            found = next(self._explained(wrong, loose, nameless, given), None) if wrong else None
            if found is None:
                return
            line, follows = found
            given[line.node] = line.used
            line.cause = self.causes.cause(line, np.asarray(line.used), np.asarray(line.expected, float), given)
            lines.insert(lines.index(wrong[0]), line)
            for one in follows:
                one.verdict, one.cause = FOLLOWS, f"right, given {line.name}"
                wrong.remove(one)

    def _explained(
        self, wrong: list[Line], loose: Mapping[str, Any], nameless: list[Any], given: Mapping[Any, Any]
    ) -> Iterator[tuple[Line, list[Line]]]:
        """Yield a line for a gradient of a node without a name, and the lines that are right, given it."""
        for name, value in loose.items():
            fine = float(np.finfo(value.dtype).eps)
            for node in [node for node in nameless if node.shape == value.shape and node not in given][:CANDIDATES]:
                here = {**given, node: value}
                first = self.graph.walk(self.graph.seed, here, sized=False)[0].get(wrong[0].node)
                if first is None or relative_error(np.asarray(wrong[0].used), np.asarray(first)) > 1e-2:
                    continue
                expected, sizes = self.graph.walk(self.graph.seed, here)
                follows = [
                    line
                    for line in wrong
                    if line.node in expected and is_same(line.used, expected[line.node], fine, sizes[line.node])
                ]
                if follows and follows[0] is wrong[0]:
                    error = relative_error(value, expected[node])
                    made = Line(name, value.shape, WRONG, error, node=node, gradient=value, used=value.astype(float))
                    made.of = bare(name)[0]
                    made.expected = expected[node]
                    yield made, follows
