"""A recorded backward pass, and the forward pass before it: plain data with names, numbers and text.

Each step is an event of the engine's walk, with the numbers at that moment. For Values this file needs no NumPy.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, overload

from minigrad import engine
from minigrad.engine import Node
from minigrad.float_math import IEEE, IEEE_NUMBERS
from minigrad.output.words import printable
from minigrad.primitives.primitive import Elementwise
from minigrad.program.graph_inspection import graph_output, named_operands
from minigrad.program.notation import contribution, formula, substitute, with_symbols
from minigrad.program.values import values
from minigrad.scalar import Value
from minigrad.viz.steps.formatting import chain, describe, number, setting

MOST_TEXTS = 2000
"""The most steps of a pass that are written as text."""

_SYMBOL = re.compile(r"[^\W\d]\w*|\w+(\.\w+)+")  # a name of a variable or of a parameter of a module


class Contribution(NamedTuple):
    """The gradient contribution of a step to one of its node's inputs.

    Attributes:
        name: the primitive's name of the input.
        to: the input.
        value: the contribution.
        before: the sum of the earlier contributions to this input, None for the first.
        total: the sum including this one.
        nth: its number among the contributions to this input, from 1.
        of: their number in the whole pass.
    """

    name: str
    to: Node
    value: Any
    before: Any
    total: Any
    nth: int
    of: int


class SavedArray(NamedTuple):
    """An array that a node has saved for its backward pass.

    Attributes:
        name: the primitive's name of the array.
        shape: its shape.
        nbytes: its size in bytes.
        freed: whether no older node of the graph holds its memory.
    """

    name: str
    shape: tuple[int, ...]
    nbytes: int
    freed: bool


class Step:
    """One step of a forward or backward pass: the visit of one node.

    Attributes:
        steps: the pass that the step belongs to.
        number: the number of the step in its pass, from 1.
        backward: True for a step of the backward pass, False for the forward pass.
        node: the node of the graph.
        gradient: the complete gradient of the node, None in the forward pass.
        arrived: the sum of the contributions, if a hook has changed it; otherwise None.
        contributions: the gradient contributions to the node's inputs.
    """

    __slots__ = ("steps", "number", "backward", "node", "gradient", "arrived", "contributions")

    def __init__(
        self,
        steps: BackwardPass,
        number: int,
        node: Any,
        gradient: Any = None,
        arrived: Any = None,
        backward: bool = False,
    ) -> None:
        self.steps, self.number, self.node, self.backward = steps, number, node, backward
        self.gradient, self.arrived = gradient, arrived
        self.contributions: tuple[Contribution, ...] = ()

    @property
    def name(self) -> str:
        """The name of the node; without one, n and its number in order of creation."""
        return self.steps.name(self.node)

    @property
    def value(self) -> Any:
        """The result of the node, None if it is no longer known."""
        return self.steps.values.get(self.node)

    @property
    def call(self) -> str:
        """The call that computed the node: `mul(a, 2)`, `sum(n1, axis=1)`; "" for a leaf."""
        node = self.node
        if node.primitive is None:
            return ""
        arguments = [self.steps.label(operand, letter) for letter, operand in named_operands(node)]
        settings = [
            f"{name}={setting(value)}"
            for name, value in getattr(node, "parameters", {}).items()
            if not (value is None or value is False or hasattr(value, "_fields"))  # internal to the primitive
        ]
        return f"{node.primitive.name}({', '.join(arguments + settings)})"

    @property
    def saved(self) -> list[SavedArray]:
        """The arrays that the node has saved; `backward` releases them at this step."""
        return self.steps.saved_arrays(self.node)

    def primitive_line(self) -> str:
        """Return the primitive in its own letters: `mul: y = a * b; da = g * b; db = g * a`."""
        primitive = self.node.primitive
        text = formula(primitive)
        parts = [text if " = " in text.partition(", where ")[0] else f"y = {text}"]
        parts += [f"d{c.name} = {contribution(primitive, c.name)}" for c in self.contributions]
        return f"{primitive.name}: {'; '.join(parts)}"

    def forward_line(self) -> str:
        """Return the formula of the node with its numbers: `c = a * b = 2 * 3 = 6`."""
        text, *meaning = substitute(formula(self.node.primitive), self._letters()).partition(", where ")
        parts = [text] if " = " in text else [self.steps.symbol(self.node), text]
        if isinstance(self.node.primitive, Elementwise) and (numbers := self._numbers()):
            parts.append(substitute(formula(self.node.primitive), numbers))
        return chain([*parts, describe(self.value, self.node)]) + "".join(meaning)

    def contribution_line(self, c: Contribution) -> str:
        """Return a contribution with its numbers: `da += dc * b = 1 * 6 = 6`; with `=` if it is the only one."""
        primitive = self.node.primitive
        text = contribution(primitive, c.name)
        first, *meaning = substitute(text, self._letters()).partition(", where ")
        parts = [first]
        if isinstance(primitive, Elementwise):
            numbers = self._numbers()
            if numbers:
                parts.append(substitute(text, {**numbers, "g": number(self.gradient)}))
            elif isinstance(self.node, Value):  # the .data of an operand has been changed
                local = (self.node.da, self.node.db)[primitive.inputs.index(c.name)]
                parts.append(substitute("g * d", {"g": number(self.gradient), "d": number(local)}))
        line = chain([*parts, describe(c.value, c.to)])
        line += self._summed(c, text) + "".join(meaning)
        return f"{self.steps.d(c.to)} {'=' if c.of == 1 else '+='} {line}"

    def _summed(self, c: Contribution, text: str) -> str:
        """Return a note if the input was broadcast, so that its contribution is summed to its shape."""
        result_shape, input_shape = getattr(self.node, "shape", ()), getattr(c.to, "shape", ())
        passes_g = isinstance(self.node.primitive, Elementwise) or text == "g"
        if result_shape != input_shape and hasattr(self.node, "plan") and passes_g:
            return f", summed from {result_shape}"
        return ""

    def sum_line(self, c: Contribution) -> str:
        """Return the sum so far: `contribution 2 of 2, so da = 6 + 6 = 12`; "" for the only contribution."""
        if c.of == 1:
            return ""
        line = f"contribution {c.nth} of {c.of}"
        if c.before is None:
            return line
        if getattr(c.total, "ndim", 0) > 1 or getattr(c.total, "size", 1) > 6:
            return f"{line}; {self.steps.d(c.to)} is now {describe(c.total)}"
        parts = substitute("a + b", {"a": describe(c.before), "b": describe(c.value)})
        return f"{line}, so {self.steps.d(c.to)} = {parts} = {describe(c.total)}"

    def example(self) -> list[str]:
        """Return an elementwise primitive with the numbers of one element, the one with the largest gradient."""
        node, primitive = self.node, self.node.primitive
        inputs = [(letter, self.steps.number_of(operand)) for letter, operand in named_operands(node)]
        known = all(v is not None for _, v in inputs) and self.value is not None
        if not isinstance(primitive, Elementwise) or isinstance(node, Value) or not known or math.prod(node.shape) < 2:
            return []
        backward = self.steps.step_of(node)
        g: Any = backward and backward.gradient
        index = _largest(g, node.shape)
        letters = self._letters()
        numbers = {letter: number(_element(v, index, node.shape)) for letter, v in (*inputs, ("y", self.value))}
        where = f"at {list(index)}: "
        if not self.backward:
            text = formula(primitive)
            start = self.steps.symbol(node)
            return [where + chain([start, substitute(text, letters), substitute(text, numbers), numbers["y"]])]
        numbers["g"] = number(g[index])
        lines = []
        for c in self.contributions:
            text = contribution(primitive, c.name)
            if text in ("g", "-g", "0"):
                continue
            parts = [substitute(text, letters), substitute(text, numbers)]
            if c.to.shape == node.shape:  # type: ignore[attr-defined]
                parts.append(number(c.value[index]))
            lines.append(f"{where}{self.steps.d(c.to)} {'=' if c.of == 1 else '+='} {chain(parts)}")
        return lines

    def _letters(self) -> dict[str, str]:
        """Return the names that the letters of the primitive stand for: operands, result y and its gradient g."""
        steps, node = self.steps, self.node
        found = {"y": steps.symbol(node), "g": steps.d(node)}
        for letter, operand in named_operands(node):
            found[letter] = steps.symbol(operand) or letter
        return found

    def _numbers(self) -> dict[str, str]:
        """Return the numbers that the letters of the primitive stand for.

        Empty unless all are scalars that have not changed since the node was computed.
        """
        node = self.node
        found = [(letter, self.steps.number_of(operand)) for letter, operand in named_operands(node)]
        found.append(("y", self.value))
        if any(v is None or getattr(v, "size", 1) != 1 for _, v in found):
            return {}
        if isinstance(node, Value) and not _unchanged(node, [v for _, v in found]):
            return {}
        return {letter: number(v) for letter, v in found}

    def lines(self) -> list[str]:
        """Return the step as lines of text: a title, then a line for each thing it does. ASCII except for names."""
        title = " = ".join(t for t in (self.name, self.call) if t)
        value = "" if self.value is None else f" = {describe(self.value, self.node)}"
        if not self.backward:
            if self.node.primitive is None:
                return [f"{title}{value}, a leaf"]
            return [title, self.forward_line(), *self.example()]
        out = [f"{title}{value}; its gradient: {self.steps.d(self.node)} = {describe(self.gradient, self.node)}"]
        if self.arrived is not None:
            out.append(f"a hook changed it from {describe(self.arrived, self.node)}")
        for c in self.contributions:
            total = self.sum_line(c)
            out.append(self.contribution_line(c) + (f" ({total})" if total else ""))
        out += self.example()
        if self.saved:
            out.append(self.memory_line())
        return out

    def memory_line(self) -> str:
        """Return what is released: `backward() releases x (8, 2), 64 bytes`; the program may still hold it."""
        freed, held = [m for m in self.saved if m.freed], [m for m in self.saved if not m.freed]
        letters = self._letters()
        parts = [f"{letters.get(m.name, m.name)} {m.shape}, {m.nbytes:,} bytes" for m in freed]
        line = f"backward() releases {' and '.join(parts) or 'nothing'}"
        names = " and ".join(letters.get(m.name, m.name) for m in held)
        return line + (f"; other nodes still hold {names}" if names else "")

    def text(self, *, symbols: bool = False) -> str:
        """Return the step as text.

        Args:
            symbols: whether to write mathematical symbols instead of Python's operators. Default: False.
        """
        first, *rest = self.lines()
        rest = [with_symbols(line) for line in rest] if symbols else rest
        start = f"{self.number}. "
        return "\n".join([start + first, *[" " * len(start) + line for line in rest]])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<step {self.number} {'backward' if self.backward else 'forward'}: {self.name}>"


class BackwardPass(Sequence[Step]):
    """The steps of a backward pass; a sequence.

    Attributes:
        nodes: the nodes of the graph, the oldest first.
        values: the number or array of each node, where it is known.
        forward: the steps of the forward pass.
        backward: the steps of the backward pass.
        output, upstream, variables: what the pass was made of: the output, its upstream gradient (None: 1), and the
            names of the program's variables.
        quiz: whether the page and the terminal ask for the gradients first. Default: False.
    """

    quiz = False

    def __init__(self, output: Any, gradient: Any = None, names: Mapping[Any, str] | None = None) -> None:
        output = graph_output(output, "step")
        self.output, self.upstream, self.variables = output, gradient, names or {}
        self.nodes: list[Any] = engine.reverse_topological_order([output.node])[::-1]
        scalars = isinstance(output, Value)  # whose local derivatives a backward pass does not release
        if not scalars and any(node.released for node in self.nodes):
            raise RuntimeError(
                "step: a backward pass has released this graph. Call step before backward(), or keep the graph with "
                "backward(retain_graph=True)"
            )
        seeds = {output.node: output.seed(gradient)}
        self._number = {node: i for i, node in enumerate(self.nodes)}
        self.values = values(output)
        names = self.variables
        self._names = {node: node.name or names.get(node) for node in self.nodes}
        self._arrays = {key: name for key, name in names.items() if isinstance(key, int)}
        counts = Counter(self._names.values())
        self._clear = {name: name and n == 1 and _SYMBOL.fullmatch(name) is not None for name, n in counts.items()}
        released: list[Any] = [node for node in self.nodes if scalars and node.released]
        for node in released:
            node.released = False
        try:
            self.backward = self._walk(seeds)
        finally:
            for node in released:
                node.released = True
        self.forward = [Step(self, i, node) for i, node in enumerate(self.nodes, 1)]
        self._at = {s.node: s for s in self.backward}
        self._saved: dict[Node, list[SavedArray]] | None = None

    def _walk(self, seeds: dict[Any, Any]) -> list[Step]:
        """Return a step for each event of the engine's walk.

        Contributions are summed in the order of the walk, so each complete sum is the gradient that the walk passes on.
        """
        pending: dict[Any, Any] = dict(seeds)
        counts: dict[Any, int] = {}
        found: list[Step] = []
        drafts: list[list[Contribution]] = []
        for node, g, contributions in engine.walk(seeds, retain_graph=True):
            arrived = pending.pop(node)
            changed = node.hooks and not _equal(arrived, g)
            found.append(Step(self, len(found) + 1, node, g, arrived if changed else None, backward=True))
            names = _input_names(node)
            added = []
            for i, (source, c) in enumerate(zip(node.inputs, contributions)):
                if source is not None and c is not None:
                    before = pending.get(source)
                    pending[source] = total = c if before is None else before + c
                    counts[source] = nth = counts.get(source, 0) + 1
                    added.append(Contribution(names[i], source, c, before, total, nth, 0))
            drafts.append(added)
        for s, added in zip(found, drafts):
            s.contributions = tuple([c._replace(of=counts[c.to]) for c in added])
        return found

    # -- a sequence ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.backward)

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.backward[index]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.backward)

    def at(self, value: Any) -> Step:
        """Return the backward step of a Value, a Tensor or a node name (`n2` for a node without a name).

        Raises:
            KeyError: the backward pass does not reach it.

        >>> from minigrad import step
        >>> a = Value(3.0, name="a")
        >>> step(a * a).at(a).gradient, step(a * a).at("a").number
        (6.0, 2)
        """
        if isinstance(value, str):
            node = next((s.node for s in self.backward if value in (s.name, f"n{self._number[s.node]}")), None)
        else:
            node = value if isinstance(value, Node) else getattr(value, "node", None)
        if node not in self._at:
            names = ", ".join(s.name for s in self.backward[:8])
            raise KeyError(f"step: the backward pass does not reach {value!r}; it reaches {names} …"[:400])
        return self._at[node]

    def step_of(self, node: Node) -> Step | None:
        """Return the backward step of a node, None if the backward pass does not reach it."""
        return self._at.get(node)

    # -- names and numbers ---------------------------------------------------------------------------------------

    def number(self, node: Node) -> int:
        """Return the number of a node in order of creation, from 0."""
        return self._number[node]

    def name(self, node: Any) -> str:
        """Return the name of a node, or n and its number."""
        name = self._names[node]
        return printable(name) if name else f"n{self._number[node]}"

    def symbol(self, operand: Any) -> str:
        """Return an operand as it is written in a formula.

        For a node its name if it is a unique identifier, otherwise n and its number; for a constant its number or name,
        or "" if it has none.
        """
        if isinstance(operand, Node):
            name = self._names[operand]
            return name if name and self._clear[name] else f"n{self._number[operand]}"
        if getattr(operand, "shape", ()):
            name = operand.name or self._arrays.get(id(operand.value))
            return name if name and _SYMBOL.fullmatch(name) else ""
        return printable(number(operand))

    def d(self, node: Any) -> str:
        """Return the name of the gradient of a node: da, or d(0.weight)."""
        symbol = self.symbol(node)
        return f"d{symbol}" if symbol.isidentifier() else f"d({symbol})"

    def gradient(self, node: Any, g: Any) -> str:
        """Return a gradient in a line: `da = 0.5`, or the Euclidean norm of an array: `|da| = 0.5`."""
        if isinstance(g, tuple):  # the gradients of a Function with several outputs
            return f"{self.d(node)} = {len(g)} outputs"
        if getattr(g, "size", 1) != 1:
            from minigrad.viz.array_summary import norm

            return f"|{self.d(node)}| = {number(norm(g))}"
        return f"{self.d(node)} = {number(g)}"

    def label(self, operand: Any, letter: str) -> str:
        """Return an operand as an argument: a name, a number, or the primitive's letter and a shape."""
        if isinstance(operand, Node):
            return self.name(operand)
        if getattr(operand, "shape", ()):
            return printable(operand.name or self._arrays.get(id(operand.value)) or f"{letter} {operand.shape}")
        return printable(number(operand))

    def number_of(self, operand: Any) -> Any:
        """Return the value of an operand, None if it is not known."""
        if isinstance(operand, Node):
            return self.values.get(operand)
        return operand.value if hasattr(operand, "value") else operand

    def saved_arrays(self, node: Any) -> list[SavedArray]:
        """Return the arrays that a node has saved."""
        if not getattr(node, "saved", ()) or not hasattr(node, "plan"):
            return []
        from minigrad.tensors import saved

        if self._saved is None:
            last: dict[int, Any] = {}  # the last node to release each piece of memory: the oldest, or a leaf
            for other in self.nodes:
                held = [other.value] if other.primitive is None and other.value is not None else []
                for a in held or [a for _, a in saved.saved_arrays(other.saved)]:
                    last.setdefault(id(saved.memory_owner(a)), other)
            self._saved = {}
            for other in self.nodes:
                seen: set[int] = set()
                nth: Counter[int] = Counter()
                for place, a in saved.saved_arrays(other.saved) if hasattr(other, "plan") else ():
                    name = other.plan.saved[place]
                    if other.primitive.variadic and name == other.primitive.inputs[0]:
                        name, nth[place] = f"{name}[{nth[place]}]", nth[place] + 1
                    if id(a) not in seen:
                        seen.add(id(a))
                        array = SavedArray(name, a.shape, a.nbytes, last[id(saved.memory_owner(a))] is other)
                        self._saved.setdefault(other, []).append(array)
        return self._saved.get(node, [])

    # -- text ----------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return "\n".join(texts(self.backward))

    def __repr__(self) -> str:
        return f"<{len(self.forward)} steps forward and {len(self.backward)} backward, to {self.backward[0].name}>"


def texts(steps: Sequence[Step], symbols: bool = False) -> Iterator[str]:
    """Yield the texts of the first `MOST_TEXTS` steps, and the number of those that are left out."""
    yield from (step.text(symbols=symbols) for step in steps[:MOST_TEXTS])
    if len(steps) > MOST_TEXTS:
        yield f"... and {len(steps) - MOST_TEXTS:,} more of {len(steps):,} steps; step from an intermediate result"


def _equal(a: Any, b: Any) -> bool:
    """Whether two gradients are equal."""
    same = a is b or (a == b if type(a) is type(b) is not tuple else False)
    return bool(same.all() if hasattr(same, "all") else same)


def _input_names(node: Any) -> list[str]:
    """Return the primitive's name for each input of a node."""
    if node.primitive is None:
        return []
    names = node.primitive.inputs
    return [f"{names[0]}[{i}]" for i in range(len(node.inputs))] if node.primitive.variadic else list(names)


@cache
def _recompute(primitive: Elementwise) -> Any:
    return primitive.on_numbers([True] * len(primitive.inputs), IEEE_NUMBERS)


def _unchanged(node: Value, numbers: list[float]) -> bool:
    """Whether recomputing a node gives the stored number and local derivatives."""
    *operands, y = numbers
    recomputed = _recompute(node.primitive)(*map(IEEE, operands))
    stored = (y, node.da, node.db)
    return all(s is None or s == a or s != s and a != a or math.isclose(s, a) for s, a in zip(stored, recomputed))


def _element(x: Any, index: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """Return an element of an array that is broadcast to a shape."""
    own = getattr(x, "shape", ())
    return x[tuple([0 if n == 1 else i for i, n in zip(index[len(shape) - len(own) :], own)])] if own else x


def _largest(g: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of the largest absolute value, or of a nan; the first index if the array is not known."""
    place = 0 if g is None else int(abs(g).argmax())
    found = []
    for n in reversed(shape):
        place, i = divmod(place, n)
        found.append(i)
    return tuple(reversed(found))
