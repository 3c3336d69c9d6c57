"""Check a whole backward pass by hand, line by line: `dh` is compared with the engine's gradient of `h`.

Each line is judged by the gradients that it was computed from, the learner's own: a line that is right, given a wrong
upstream gradient, is not wrong. So one mistake is one wrong line.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minigrad.autograd.gradients import grads
from minigrad.engine import reverse_topological_order
from minigrad.grad_mode import enable_grad, no_grad
from minigrad.output.words import class_name
from minigrad.program.graph_inspection import graph_output, named_operands
from minigrad.program.values import operands, saved_values, values
from minigrad.program.variables import calling_names, node_of, variables
from minigrad.scalar import Value
from minigrad.teach.backward_report import FOLLOWS, RIGHT, UNKNOWN, WRONG, BackwardReport, Line
from minigrad.teach.diagnosis import Case, diagnosis
from minigrad.teach.recording import Place, Recording
from minigrad.teach.repeats import repeats
from minigrad.tensors.node import unbroadcast
from minigrad.tensors.tensor import Tensor

SIDES = 12
"""The number of directions in which the two sides of a kink are looked at."""
MOVED = 40
"""The largest number of elements that are moved one by one to find ties."""
CANDIDATES = 12
"""The number of nodes without a name that a gradient without a variable is tried at."""


def check_backward(loss: Any, names: Mapping[str, Any] | None = None, /, **gradients: Any) -> BackwardReport:
    """Check a backward pass by hand: compare each gradient `dNAME` with the engine's gradient of `NAME`.

    Args:
        loss: the result of the forward pass, a Tensor or a Value. If it is not a single number, its own gradient
            (dout for out) is the upstream gradient of everything.
        names: the variables of the program, `locals()`: those of the forward pass, and the gradients; or a dictionary
            of gradients alone, with the names of the variables as keys, with or without the d.
        **gradients: gradients by name, as dlogits=…; the variables are those of the calling program.

    Returns:
        A report, which is true as a bool if every line is right. Its text is a table: line, shape, verdict, largest
        error, cause; in a notebook, with colours. `.first_wrong` is the first wrong line, `report["dh"]` that of dh.

        A verdict is "right", "WRONG", "follows" (the line is right, given an upstream gradient that is wrong), or
        "not checked", with the reason.

    Raises:
        ValueError: there is no gradient to check, or `loss` is an array without one.
        RuntimeError: `loss` has no graph.

    A gradient is compared with the product of the local derivatives and the gradients that the program computed
    downstream of it, wrong or not. So each mistake is reported where it is made, and nowhere else.

    >>> from minigrad import tensor
    >>> x, w = tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([[1.0], [-1.0]], requires_grad=True)
    >>> z = x @ w
    >>> loss = (z**2).mean()
    >>> dz = 2 * z.detach().numpy() / 2
    >>> dw = dz.T @ x.numpy()
    >>> print(check_backward(loss, dz=dz, dw=dw))
    line  shape   verdict  error    cause
    dz    (2, 1)  right    0.0e+00
    dw    (2, 1)  WRONG             the shape is (1, 2), that of w is (2, 1): the transpose of the right answer
    The first wrong line is that of dw.
    """
    output = graph_output(loss, "check_backward")
    if not isinstance(names, Mapping | None):
        raise TypeError(f"check_backward: pass locals(), or the gradients by name, got {class_name(names)}")
    alone = not any(node_of(v) is not None for v in (names or {}).values())
    program: Mapping[str, Any] = calling_names() if alone else names or {}
    return _Pass(output, program).check({**_gradients(names or {}, program), **gradients}, gradients)


def _gradients(names: Mapping[str, Any], program: Mapping[str, Any]) -> dict[str, Any]:
    """Return the gradients among variables."""
    found = {}
    for name, value in names.items():
        if not isinstance(name, str):
            raise TypeError(f"check_backward: the gradients have names, which are texts, got {name!r}")
        if node_of(value) is not None and getattr(value, "requires_grad", True):
            continue
        if name.startswith("d") and isinstance(program.get(name[1:]), Tensor | Value):
            found[name] = value
        elif program.get(name) is not value and isinstance(program.get(name), Tensor | Value):
            found[f"d{name}"] = value
    if not any(node_of(v) is not None for v in names.values()):  # a dictionary of gradients alone
        for name, value in names.items():
            found.setdefault(name if name.startswith("d") or f"d{name}" in found else f"d{name}", value)
    return {name: value for name, value in found.items() if name.startswith("d")}


BUDGET, LEAST = 4.0, 0.3
"""Seconds of computing for the causes of all lines, and the limit of each line after that."""


class _Pass:
    """The graph of a forward pass, on which a backward pass by hand is run."""

    def __init__(self, output: Any, program: Mapping[str, Any]) -> None:
        self.output, self.program = output, program
        self.root: Any = output.node
        self.order: list[Any] = reverse_topological_order([self.root])
        self.names = variables({name: v for name, v in program.items() if not name.startswith("__")})
        self.values = dict(values(output))
        self.there = {} if isinstance(output, Value) else saved_values(self.order)
        in_graph = set(self.order)
        for value in program.values():
            node = node_of(value)
            if node in in_graph and isinstance(value, Tensor):
                self.values.setdefault(node, value._array)
        self.again: dict[Any, Any] = {}
        self.seed: Any = None
        self.searched = 0.0  # seconds
        self.right: dict[Any, Any] = {}
        self.passes = self._passes()
        if any(node.released for node in self.order) and not isinstance(output, Value):
            self._record_again()

    def _passes(self) -> list[list[Any]]:
        """Return the nodes in the order of the program, those of all passes of a loop together; none without a loop."""
        nodes = sorted((node for node in self.order if node.primitive is not None), key=lambda node: node.index)
        blocks = repeats([(node.primitive.name, getattr(node, "shape", ())) for node in nodes])
        passes = [[node] for node in nodes]
        for start, length, times in blocks:
            for k in range(start + length, start + length * times):
                passes[start + (k - start) % length] += passes[k]
                passes[k] = []
        return passes if blocks else []

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

    def _vjp(self, node: Any, g: Any) -> list[Any]:
        return list(self.again.get(node, node).vjp(g, False))

    # ---- gradients -------------------------------------------------------------------------------------------------

    def walk(self, seed: Any, given: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, float]]:
        """Run the backward pass, with the learner's gradients where there are any.

        Returns:
            The gradient of each node by those downstream of it, and the size of what it was summed from, by whose
            rounding it may differ.
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
                signs = 1.0 if single else rng.choice([-1.0, 1.0], g.shape).astype(g.dtype)
                contributions = self._vjp(node, g)
                mixed = contributions if single else self._vjp(node, g * signs)
                for source, c, m in zip(node.inputs, contributions, mixed):
                    if c is None or source is None:
                        continue
                    pending[source] = c if source not in pending else pending[source] + c
                    size = max(float(np.abs(a).max(initial=0)) for a in (np.asarray(c), np.asarray(m)))
                    sizes[source] = sizes.get(source, 0.0) + size
        return expected, sizes

    def check(self, gradients: Mapping[str, Any], asked: Mapping[str, Any]) -> BackwardReport:
        """Judge the gradients."""
        lines = [self._line(name, value) for name, value in gradients.items()]
        if not lines:
            raise ValueError(
                "check_backward: no gradients to check. Pass locals(), with a variable dNAME for the gradient of NAME, "
                "or the gradients by name: check_backward(loss, dlogits=dlogits)"
            )
        single = getattr(self.root, "shape", ()) == () or int(np.prod(self.root.shape)) == 1
        seed: Any = 1.0 if isinstance(self.root, Value) else np.ones(self.root.shape, self.root.dtype)
        if not single:
            given = {line.node: line.used for line in lines if line.used is not None}
            if self.root not in given:
                raise ValueError(
                    f"check_backward: the result has the shape {self.root.shape}, so its gradient must be given: d"
                    f"{self.names.get(self.root, 'out')}=…, the upstream gradient of the backward pass"
                )
            seed = given[self.root]
        self.seed = seed
        right, _ = self.walk(seed, {})
        self.right = right
        for line in lines:
            self._find_pass(line, lines)
        given = {line.node: line.used for line in lines if line.used is not None and not line.of_a_pass}
        expected, sizes = self.walk(seed, given)
        lines = self._in_order(lines)
        by_node = {line.node: line for line in lines if line.gradient is not None}
        kinks: dict[Any, Any] = {}  # gradients that differ from the engine's, where several are right
        for line in by_node.values():
            if line.node not in expected:
                self._unreached(line)
                continue
            self._judge(line, right, expected[line.node], sizes[line.node], by_node)
            if line.verdict == WRONG and self._at_kink(line, given):
                line.verdict, line.cause = RIGHT, "at a kink or a tie, where more than one gradient is right"
                kinks[line.node] = line.used
                right, _ = self.walk(seed, kinks)
        loose = {
            name: v
            for name, v in self.program.items()
            if name.startswith("d")
            and len(name) > 1
            and isinstance(v, np.ndarray)
            and v.dtype.kind == "f"
            and name not in gradients
            and name[1:] not in self.program
            and name not in asked
        }
        if not isinstance(self.output, Value):
            self._find_unnamed(lines, loose, given)
        note = ""
        if any(line.verdict == FOLLOWS for line in lines):
            note = "Each line is compared given the program's own upstream gradients."
        others = [name for name in loose if name not in {line.name for line in lines}]
        if others and not asked:
            text = f"Not compared, as there is no variable of that name without the d: {', '.join(others[:8])}."
            note = f"{note} {text}".strip()
        return BackwardReport(lines, note, self.root)

    def _find_pass(self, line: Line, lines: list[Line]) -> None:
        """Find the pass of a loop that a gradient is of, where the variable is that of the last pass.

        The backward loop ends with the first pass, so there dh is the gradient of another h than that of the program.
        """
        same = next((nodes for nodes in self.passes if len(nodes) > 1 and line.node in nodes), [])
        rebound = any(node not in self.names for node in same)
        if not rebound or line.used is None or line.gradient.shape != line.shape:
            return
        for node in (line.node, *same):
            e = self.right.get(node)
            if e is not None and np.allclose(line.gradient, e, rtol=1e-5, atol=1e-8 * np.abs(e).max(initial=0)):
                line.of_a_pass, line.node = node is not line.node, node
                return
        others = {one.node: one.used for one in lines if one is not line and one.used is not None}
        g, e = np.asarray(line.used), self.walk(self.seed, others)[0].get(line.node)
        line.of_a_pass = e is not None and not np.allclose(g, e, rtol=1e-5)

    def _in_order(self, lines: list[Line]) -> list[Line]:
        """Return the lines in the order of the program, but each after those that it is computed from.

        A dictionary of gradients may have any order; and where `dh += …` comes late, the variable is old.
        """
        nodes = {line.node for line in lines if line.node is not None}
        inside = set(self.order)
        ends = {node: {end for end in self._ends(node, nodes) if end in nodes} for node in nodes & inside}
        found: list[Line] = []
        left, done = [*lines], set[Any]()
        while left:
            line = next((one for one in left if ends.get(one.node, set()) <= done), left[0])
            left.remove(line)
            done.add(line.node)
            found.append(line)
        return found

    def _line(self, name: str, value: Any) -> Line:
        """Return the line of a gradient, with a verdict if it cannot be compared."""
        of = name.removeprefix("d") if name.startswith("d") else name
        variable = self.program.get(of)
        node = node_of(variable)
        if node is None:
            named = [n for n in self.order if n.name == of]
            node = named[0] if len(named) == 1 else None
        if node is None and not isinstance(variable, Tensor):
            known = [*self.names.values(), *(n.name for n in self.order if n.name)]
            near = difflib.get_close_matches(of, known, 1)
            cause = f"there is no variable {of} in the forward pass"
            return Line(name, None, UNKNOWN, cause=cause + (f"; did you mean d{near[0]}?" if near else ""))
        if node is None or not getattr(variable, "requires_grad", True):
            shape = tuple(getattr(variable, "shape", ()))
            cause = f"{of} does not require a gradient, so there is none to compare: create it with requires_grad=True"
            return Line(name, shape, UNKNOWN, cause=cause)
        shape = tuple(getattr(node, "shape", ()))
        if node not in set(self.order):
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
        usable = _in_shape(array, shape)
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
        above = [lines[end] for end in self._ends(line.node, lines) if end in lines]
        misshapen = [one.name for one in above if one.gradient.shape != one.shape]
        fits = g.shape == e.shape
        used = g if fits else line.used
        line.error = _error(g, e) if fits else np.nan
        if used is not None and _same(np.asarray(used), e, fine, size) and (fits or misshapen):
            line.verdict = RIGHT if fits and _same(e, r, fine, size) else FOLLOWS
            if line.verdict == FOLLOWS:
                line.cause = "right, given the gradients above" if fits else f"its shape is that of {misshapen[0]}"
        elif fits and _same(g, r, fine, size):
            line.verdict, line.error = RIGHT, _error(g, r)
        elif misshapen:
            line.verdict = UNKNOWN
            line.cause = f"{misshapen[0]}, which it is computed from, has another shape than its variable"
        else:
            line.verdict = WRONG
            used_by_others = {n: o.used for n, o in lines.items() if o.used is not None and not o.of_a_pass}
            line.cause = self._changed_with(line, lines, every) or self._cause(line, g, e, used_by_others)
            if line.of_a_pass and fits:
                of = line.name.removeprefix("d")
                line.verdict = UNKNOWN
                line.cause = f"{of} is computed in each pass of a loop, and this may be the gradient of another pass"

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

    def _at_kink(self, line: Line, given: Mapping[Any, Any]) -> bool:
        """Return whether a gradient is a subgradient at a kink, such as that of relu at 0, or at a tie in a maximum.

        Then each of its elements lies between those a little to the sides, and it differs from the engine's by a sum of
        differences between the sides: what the elements of a tie share adds up to the same.
        """
        g, value, e = line.used, self.values.get(line.node), line.expected
        if g is None or value is None or line.gradient.shape != np.shape(e) or isinstance(self.output, Value):
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
            slopes = [self._slopes(line.node, given, value + d * close * s) for d in (*moves, *alone) for s in (1, -1)]
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

    def _slopes(self, node: Any, given: Mapping[Any, Any], value: np.ndarray) -> np.ndarray:
        """Return the gradient of a node, given those after it, at another value."""
        leaf = Tensor(value, requires_grad=True)
        recording, seed = self._local(node, given, "", leaf)
        if recording is None:
            raise ValueError("nothing is given after this node")
        return np.asarray(grads(recording.output, [leaf], [Tensor(np.asarray(seed, dtype=float))])[0]._array)

    def _find_unnamed(self, lines: list[Line], loose: Mapping[str, Any], given: dict[Any, Any]) -> None:
        """Find the wrong lines among the gradients of results without a name, such as dhraw for h = tanh(x @ w).

        If one of these, as the gradient of a node without a name, makes later lines right, it is the wrong one.
        """
        nameless = [node for node in self.order if node.primitive is not None and node not in self.names]
        wrong = [line for line in lines if line.verdict == WRONG and line.used is not None]
        for _ in range(len(loose)):
            found = next(self._explained(wrong, loose, nameless, given), None) if wrong else None
            if found is None:
                return
            line, follows = found
            given[line.node] = line.used
            line.cause = self._cause(line, np.asarray(line.used), np.asarray(line.expected, float), given)
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
                expected, sizes = self.walk(self.seed, {**given, node: value})
                follows = [
                    line
                    for line in wrong
                    if line.node in expected and _same(line.used, expected[line.node], fine, sizes[line.node])
                ]
                if follows and follows[0] is wrong[0]:
                    error = _error(value, expected[node])
                    made = Line(name, value.shape, WRONG, error, node=node, gradient=value, used=value.astype(float))
                    made.expected = expected[node]
                    yield made, follows

    def _cause(self, line: Line, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any]) -> str:
        """Return what is wrong with a line, in words."""
        of = line.name.removeprefix("d")
        fits = g.shape == e.shape
        if not np.isfinite(g).all():
            return "it is nan or infinite"
        value = self.values.get(line.node)
        x = np.zeros(e.shape) if value is None else np.asarray(value, dtype=float)
        recording, seed = None, None
        if value is not None:
            try:
                recording, seed = self._local(line.node, given, of)
            except Exception:  # an operation that cannot be computed again
                recording = None
        shapes = {of: e.shape} | {self.names[n]: getattr(n, "shape", ()) for n in self.order if n in self.names}
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
        return ": ".join(texts) or _where(g, e)

    def _swapped(self, start: Any, g: np.ndarray, e: np.ndarray, given: Mapping[Any, Any], vague: bool) -> str | None:
        """Return which array stands in a line where another must, None if that does not explain it."""
        if isinstance(start, Value):
            return self._other_number(start, float(g), given)
        if not vague:
            return None

        def explains(gradients: Mapping[Any, Any]) -> bool:
            e = self.walk(self.seed, gradients)[0].get(start)
            close = 1e-8 * np.abs(g).max(initial=0)
            return e is not None and e.shape == g.shape and np.allclose(e, g, rtol=1e-5, atol=close)

        def called(node: Any) -> str:
            return self.names.get(node) or node.name or "its result"

        for end in self._ends(start, given):
            for other, used in given.items():
                fits = end in given and other not in (end, start) and np.shape(used) == np.shape(given[end])
                if fits and explains({**given, end: used}):
                    return f"it is computed from d{called(other)} instead of d{called(end)}"
        arrays = {name: self.values[n] for n, name in self.names.items() if not isinstance(n, int) and n in self.values}
        for node in (n for n in self.order if start in n.inputs and hasattr(n, "plan")):
            live = self.again.get(node, node)
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

        for node, right in self.right.items():
            if node is not start and node in self.names and np.shape(right) == g.shape and same(g, right):
                return f"it is the gradient of {self.names[node]}: are the two exchanged?"
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
        users = [node for node in self.order if start in node.inputs]
        if len(users) != 1 or users[0].primitive.name != "mul" or users[0] not in given or not given[users[0]]:
            return None
        factor = next((s for s in users[0].inputs if s is not start), None)
        if factor is None or factor not in self.names:
            return None
        used, own = g / float(given[users[0]]), self.names[factor]
        for name, value in self.program.items():
            if isinstance(value, Value) and name != own and np.isclose(value.data, used, rtol=1e-9, atol=0):
                return f"it is computed with {name} instead of {own}"
        return None

    # ---- the part of the graph that a line is about ----------------------------------------------------------------

    def _ends(self, start: Any, given: Any) -> list[Any]:
        """Return the next nodes downstream whose gradients are given, or the result."""
        reached, ends = {start}, []
        for node in reversed(self.order):
            if node is not start and any(s in reached for s in node.inputs):
                if node in given or node is self.root:
                    ends.append(node)
                else:
                    reached.add(node)
        return ends

    def _local(
        self, start: Any, given: Mapping[Any, Any], name: str, leaf: Tensor | None = None
    ) -> tuple[Recording | None, Any]:
        """Record the part of the graph from a node to the nodes whose gradients are given.

        Args:
            start: the node.
            given: the gradients.
            name: of the node.
            leaf: what stands for the node. Default: its value.

        Returns:
            The recording, and its upstream gradient.
        """
        ends = self._ends(start, given)
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
                    if node in self.names or node is start:
                        recording.names[made[node].node] = name if node is start else self.names[node]
            for number, same in enumerate(self.passes):
                for count, one in enumerate(node for node in same if node in made and node is not start):
                    recording.places[made[one].node] = Place.numbered(number, count)
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
        result: Tensor = Tensor.apply(node.primitive, *inputs, **parameters)
        if not result.requires_grad:  # it depends on nothing but the ends
            return result
        recording.constants[result.node] = {i: v for i, (r, v) in enumerate(zip(recorded, inputs)) if not r}
        for i, source in enumerate(node.inputs):
            constant = node.constants.get(i) if source is None and hasattr(node, "constants") else None
            known = self.names.get(source) or self.names.get(id(getattr(constant, "value", None)))
            if not recorded[i] and known:
                recording.names[result.node, i] = known
        return result

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


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _in_shape(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a gradient in the shape of its variable: summed where it was not, reshaped where that is all."""
    array = array.astype(float)
    if array.shape == shape:
        return array
    if array.ndim == len(shape) == 2 and array.shape == shape[::-1] and shape[0] != shape[1]:
        return array.T
    if array.size == int(np.prod(shape)):
        return array.reshape(shape)
    try:
        if np.broadcast_shapes(array.shape, shape) == array.shape:
            return np.asarray(unbroadcast(array, shape))
    except ValueError:
        pass
    return None


def _double(value: Any) -> Any:
    return value.astype(float) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def _same(a: np.ndarray, b: np.ndarray, fine: float, size: float) -> bool:
    """Return whether two gradients are the same, to the rounding of what they were summed from."""
    relative, absolute = (min(steps * fine, max(1e-3, 32 * fine)) for steps in (1e4, 1e3))  # float16 has 1e-3 a step
    tolerance = relative * np.maximum(np.abs(a), np.abs(b)) + absolute * size
    with np.errstate(invalid="ignore"):
        return bool(np.all((np.abs(a - b) <= tolerance) | (a == b)))


def _error(a: np.ndarray, b: np.ndarray) -> float:
    size = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return float(np.abs(a - b).max(initial=0)) / size if size else 0.0


def _where(a: np.ndarray, b: np.ndarray) -> str:
    """Return which elements differ."""
    if not a.ndim:
        return f"it is {float(a):.6g}, and must be {float(b):.6g}"
    off = ~(np.abs(a - b) <= 1e-6 * np.maximum(np.abs(a), np.abs(b)))
    i = np.unravel_index(int(np.where(off, np.abs(a - b), -1).argmax()), a.shape)
    place = ", ".join(str(int(k)) for k in i)
    return f"{int(off.sum())} of {a.size} elements differ; [{place}] is {a[i]:.6g}, and must be {b[i]:.6g}"
