"""Step by step through a backward pass, and through the forward pass before it: what `minigrad.step` gives.

The steps are the events of the engine's walk, with the numbers that were there. For Values this file needs no NumPy.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from minigrad import engine
from minigrad.engine import Node
from minigrad.float_math import IEEE, IEEE_NUMBERS
from minigrad.primitives.primitive import Elementwise
from minigrad.program.graph_inspection import graph_output, named_operands
from minigrad.program.values import values
from minigrad.program.variables import variables
from minigrad.scalar import Value
from minigrad.viz.notation import formula, in_place, mathematics, printable, share

if TYPE_CHECKING:
    from minigrad.viz.page import Page

_SYMBOL = re.compile(r"[^\W\d]\w*|\w+(\.\w+)+")  # a name as programs and modules have it


def step(output: Any, gradient: Any = None) -> Steps:
    """The backward pass of `output`, step by step, with all its numbers.

    The walk is made at once, and is the one that `backward` makes, with its hooks. It stores no gradient, and keeps the
    graph for `backward`; as long as the steps are there, they hold all values and gradients. Values and tensors without
    a name are called as the variables that hold them where `step` is called. Printed, the steps are a text; in a
    notebook they are a page to step through, which `.save("steps.html")` writes.

    Args:
        output: a Value, a Tensor, or the loss that a Network gave.
        gradient: the upstream gradient to start from, of the shape of `output`; 1 if not given.

    Raises:
        RuntimeError: when `output` has no graph, or a backward pass has released it.
        TypeError: when it is something else.

    >>> a = Value(3.0)
    >>> b = a + a
    >>> c = b * b
    >>> for s in step(c):
    ...     print(s)
    1. c = mul(b, b) = 36; its gradient: dc = 1
       db += dc * b = 1 * 6 = 6 (share 1 of 2)
       db += dc * b = 1 * 6 = 6 (share 2 of 2, so db = 6 + 6 = 12)
    2. b = add(a, a) = 6; its gradient: db = 12
       da += db = 12 (share 1 of 2)
       da += db = 12 (share 2 of 2, so da = 12 + 12 = 24)
    3. a = 3; its gradient: da = 24
    """
    return Steps(output, gradient, variables())


class Share(NamedTuple):
    """What a step adds to the gradient of one of its node's inputs."""

    letter: str  # the rule's name of the input
    to: Node
    value: Any
    before: Any  # what earlier steps had added, None for the first share
    total: Any  # with this share
    nth: int  # share of that node
    of: int  # in the whole pass


class Memory(NamedTuple):
    """An array that a node has kept for its backward pass."""

    letter: str
    shape: tuple[int, ...]
    bytes: int
    freed: bool  # nothing else in the graph holds it


class Step:
    """One step: the turn of one node.

    Attributes:
        number: of the step in its pass, from 1.
        backward: whether it is a step of the backward pass; else of the forward pass.
        node: the node of the graph.
        gradient: the finished gradient that has arrived, None in the forward pass.
        arrived: the sum of the shares, where a hook has made another gradient of it; else None.
        shares: what goes on to the node's inputs.
    """

    __slots__ = ("steps", "number", "backward", "node", "gradient", "arrived", "shares")

    def __init__(
        self, steps: Steps, number: int, node: Any, gradient: Any = None, arrived: Any = None, backward: bool = False
    ) -> None:
        self.steps, self.number, self.node, self.backward = steps, number, node, backward
        self.gradient, self.arrived = gradient, arrived
        self.shares: tuple[Share, ...] = ()

    @property
    def name(self) -> str:
        """The node's own name, or else n and its number in order of creation."""
        return self.steps.name(self.node)

    @property
    def value(self) -> Any:
        """The node's result, None where it is not known any more."""
        return self.steps.values.get(self.node)

    @property
    def call(self) -> str:
        """What computed the node: `mul(a, 2)`, `sum(n1, axis=1)`; "" for a leaf."""
        node = self.node
        if node.primitive is None:
            return ""
        given = [self.steps.label(operand, letter) for letter, operand in named_operands(node)]
        settings = [
            f"{name}={_brief(value)}"
            for name, value in getattr(node, "parameters", {}).items()
            if not (value is None or value is False or hasattr(value, "_fields"))  # these are the rule's own affair
        ]
        return f"{node.primitive.name}({', '.join(given + settings)})"

    @property
    def saved(self) -> list[Memory]:
        """What `backward` lets go of at this step: the arrays that the node has kept for it."""
        return self.steps.memory(self.node)

    def rule_line(self) -> str:
        """The rule in its own letters: `mul: y = a * b, da = g * b, db = g * a`."""
        primitive = self.node.primitive
        text = formula(primitive)
        parts = [text if " = " in text.partition(", where ")[0] else f"y = {text}"]
        parts += [f"d{s.letter} = {share(primitive, s.letter)}" for s in self.shares]
        return f"{primitive.name}: {'; '.join(parts)}"

    def forward_line(self) -> str:
        """The formula of the node, with its numbers: `c = a * b = 2 * 3 = 6`."""
        text, *meaning = in_place(formula(self.node.primitive), self._letters()).partition(", where ")
        parts = [text] if " = " in text else [self.steps.symbol(self.node), text]
        if isinstance(self.node.primitive, Elementwise) and (numbers := self._numbers()):
            parts.append(in_place(formula(self.node.primitive), numbers))
        return _chain([*parts, describe(self.value, self.node)]) + "".join(meaning)

    def share_line(self, share_: Share) -> str:
        """What is added to the gradient of an input: `da += dc * b = 1 * 6 = 6`; `=` where it is all."""
        primitive = self.node.primitive
        text = share(primitive, share_.letter)
        first, *meaning = in_place(text, self._letters()).partition(", where ")
        parts = [first]
        if isinstance(primitive, Elementwise):
            numbers = self._numbers()
            if numbers:
                parts.append(in_place(text, {**numbers, "g": number(self.gradient)}))
            elif isinstance(self.node, Value):  # the .data of an operand was changed since
                local = (self.node.da, self.node.db)[primitive.inputs.index(share_.letter)]
                parts.append(in_place("g * d", {"g": number(self.gradient), "d": number(local)}))
        line = _chain([*parts, describe(share_.value, share_.to)])
        line += self._summed(share_, text) + "".join(meaning)
        return f"{self.steps.d(share_.to)} {'=' if share_.of == 1 else '+='} {line}"

    def _summed(self, share_: Share, text: str) -> str:
        """A note, where a share is smaller than the result since its input was repeated to the result's shape."""
        mine, its = getattr(self.node, "shape", ()), getattr(share_.to, "shape", ())
        if mine != its and hasattr(self.node, "plan") and (isinstance(self.node.primitive, Elementwise) or text == "g"):
            return f", summed from {mine}"
        return ""

    def sum_line(self, s: Share) -> str:
        """Which share it is of several, and their sum: `share 2 of 2, so da = 6 + 6 = 12`; else ""."""
        if s.of == 1:
            return ""
        line = f"share {s.nth} of {s.of}"
        if s.before is None:
            return line
        if getattr(s.total, "ndim", 0) > 1 or getattr(s.total, "size", 1) > 6:
            return f"{line}; {self.steps.d(s.to)} is now {describe(s.total)}"
        parts = in_place("a + b", {"a": describe(s.before), "b": describe(s.value)})
        return f"{line}, so {self.steps.d(s.to)} = {parts} = {describe(s.total)}"

    def example(self) -> list[str]:
        """For an elementwise rule of arrays: how it goes for one element, that with the largest gradient."""
        node, primitive = self.node, self.node.primitive
        given = [(letter, self.steps.number_of(operand)) for letter, operand in named_operands(node)]
        known = all(v is not None for _, v in given) and self.value is not None
        if not isinstance(primitive, Elementwise) or isinstance(node, Value) or not known or math.prod(node.shape) < 2:
            return []
        back = self.steps.step_of(node)
        g: Any = back and back.gradient
        place = _largest(g, node.shape)
        letters = self._letters()
        numbers = {letter: number(_element(v, place, node.shape)) for letter, v in (*given, ("y", self.value))}
        where = f"at {list(place)}: "
        if not self.backward:
            text = formula(primitive)
            start = self.steps.symbol(node)
            return [where + _chain([start, in_place(text, letters), in_place(text, numbers), numbers["y"]])]
        numbers["g"] = number(g[place])
        lines = []
        for s in self.shares:
            text = share(primitive, s.letter)
            if text in ("g", "-g", "0"):
                continue
            parts = [in_place(text, letters), in_place(text, numbers)]
            if s.to.shape == node.shape:  # type: ignore[attr-defined]
                parts.append(number(s.value[place]))
            lines.append(f"{where}{self.steps.d(s.to)} {'=' if s.of == 1 else '+='} {_chain(parts)}")
        return lines

    def _letters(self) -> dict[str, str]:
        """What the letters of the rule stand for: the names of the operands, of the result and of its gradient."""
        steps, node = self.steps, self.node
        found = {"y": steps.symbol(node), "g": steps.d(node)}
        for letter, operand in named_operands(node):
            found[letter] = steps.symbol(operand) or letter
        return found

    def _numbers(self) -> dict[str, str]:
        """The letters of the rule with the numbers they stand for, where all are single numbers and still the same
        as when the node was computed."""
        node, found = (
            self.node,
            [(letter, self.steps.number_of(operand)) for letter, operand in named_operands(self.node)],
        )
        found.append(("y", self.value))
        if any(v is None or getattr(v, "size", 1) != 1 for _, v in found):
            return {}
        if isinstance(node, Value) and not _unchanged(node, [v for _, v in found]):
            return {}
        return {letter: number(v) for letter, v in found}

    def lines(self) -> list[str]:
        """The step as text, a line for what it begins with and for each thing that it does; all in ASCII but names."""
        title = " = ".join(t for t in (self.name, self.call) if t)
        value = "" if self.value is None else f" = {describe(self.value, self.node)}"
        if not self.backward:
            if self.node.primitive is None:
                return [f"{title}{value}, a leaf"]
            return [title, self.forward_line(), *self.example()]
        out = [f"{title}{value}; its gradient: {self.steps.d(self.node)} = {describe(self.gradient, self.node)}"]
        if self.arrived is not None:
            out.append(f"a hook has made that of {describe(self.arrived, self.node)}")
        for s in self.shares:
            total = self.sum_line(s)
            out.append(self.share_line(s) + (f" ({total})" if total else ""))
        out += self.example()
        if self.saved:
            out.append(self.memory_line())
        return out

    def memory_line(self) -> str:
        """What is freed: `backward() lets go of x (8, 2), 64 bytes`; the program may hold it still."""
        freed, held = [m for m in self.saved if m.freed], [m for m in self.saved if not m.freed]
        letters = self._letters()
        parts = [f"{letters.get(m.letter, m.letter)} {m.shape}, {m.bytes:,} bytes" for m in freed]
        line = f"backward() lets go of {' and '.join(parts) or 'nothing'}"
        names = " and ".join(letters.get(m.letter, m.letter) for m in held)
        return line + (f"; other nodes hold {names}" if names else "")

    def text(self, *, symbols: bool = False) -> str:
        """The step as several lines; with `symbols` in the signs of mathematics, else in Python's."""
        first, *rest = self.lines()
        rest = [mathematics(line) for line in rest] if symbols else rest
        start = f"{self.number}. "
        return "\n".join([start + first, *[" " * len(start) + line for line in rest]])

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<step {self.number} {'backward' if self.backward else 'forward'}: {self.name}>"


class Steps(Sequence[Step]):
    """The steps of a backward pass; see `step`.

    A sequence of the backward steps: iterate over it, take `len` of it, and `[i]`. `at` gives the step of a node.

    Attributes:
        nodes: of the graph, the oldest first.
        values: the number or array of each node, as far as it is known.
        forward: the steps of the forward pass.
        backward: the steps of the backward pass.
    """

    def __init__(self, output: Any, gradient: Any = None, names: Mapping[Any, str] | None = None) -> None:
        output = graph_output(output, "step")
        self.nodes: list[Any] = engine.reverse_topological_order([output.node])[::-1]
        if any(node.released for node in self.nodes):
            raise RuntimeError(
                "step: a backward pass has released this graph. Step before backward(), which step leaves possible, or "
                "keep the graph: backward(retain_graph=True)"
            )
        seeds = {output.node: output.seed(gradient)}
        self._number = {node: i for i, node in enumerate(self.nodes)}
        self.values = values(output)
        names = names or {}
        self._names = {node: node.name or names.get(node) for node in self.nodes}
        self._arrays = {key: name for key, name in names.items() if isinstance(key, int)}
        counts = Counter(self._names.values())
        self._clear = {name: name and n == 1 and _SYMBOL.fullmatch(name) is not None for name, n in counts.items()}
        self.backward = self._walk(seeds)
        self.forward = [Step(self, i, node) for i, node in enumerate(self.nodes, 1)]
        self._at = {s.node: s for s in self.backward}
        self._memory: dict[Node, list[Memory]] | None = None

    def _walk(self, seeds: dict[Any, Any]) -> list[Step]:
        """A step for each event of the engine's walk. The sums of shares are made as the walk makes them, and each is
        the gradient that the walk hands to that node."""
        pending: dict[Any, Any] = dict(seeds)
        counts: dict[Any, int] = {}
        found: list[Step] = []
        drafts: list[list[Share]] = []
        for node, g, contributions in engine.walk(seeds, retain_graph=True):
            arrived = pending.pop(node)
            changed = node.hooks and not _equal(arrived, g)
            found.append(Step(self, len(found) + 1, node, g, arrived if changed else None, backward=True))
            letters = _letters(node)
            shares = []
            for i, (source, c) in enumerate(zip(node.inputs, contributions)):
                if source is not None and c is not None:
                    before = pending.get(source)
                    pending[source] = total = c if before is None else before + c
                    counts[source] = nth = counts.get(source, 0) + 1
                    shares.append(Share(letters[i], source, c, before, total, nth, 0))
            drafts.append(shares)
        for s, shares in zip(found, drafts):
            s.shares = tuple([share_._replace(of=counts[share_.to]) for share_ in shares])
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
        """The backward step of a Value or Tensor, or of the node of this name (`n2` if it has none).

        Raises:
            KeyError: when the backward pass does not come there.

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
            raise KeyError(f"step: the backward pass does not come to {value!r}; it comes to {names} …"[:400])
        return self._at[node]

    def step_of(self, node: Node) -> Step | None:
        """The backward step of a node, None if the backward pass does not come there."""
        return self._at.get(node)

    # -- names and numbers ---------------------------------------------------------------------------------------

    def number(self, node: Node) -> int:
        """Which node it is, in order of creation, from 0."""
        return self._number[node]

    def name(self, node: Any) -> str:
        """What a node is called here."""
        name = self._names[node]
        return printable(name) if name else f"n{self._number[node]}"

    def symbol(self, operand: Any) -> str:
        """What an operand is called in a formula: a node's name, if it looks like one and is the only one of this
        name, or n and its number; a constant's number or name, or ""."""
        if isinstance(operand, Node):
            name = self._names[operand]
            return name if name and self._clear[name] else f"n{self._number[operand]}"
        if getattr(operand, "shape", ()):
            name = operand.name or self._arrays.get(id(operand.value))
            return name if name and _SYMBOL.fullmatch(name) else ""
        return printable(number(operand))

    def d(self, node: Any) -> str:
        """What the gradient of a node is called: da, or d(0.weight)."""
        symbol = self.symbol(node)
        return f"d{symbol}" if symbol.isidentifier() else f"d({symbol})"

    def gradient(self, node: Any, g: Any) -> str:
        """A gradient in a line: `da = 0.5`, or the Euclidean norm of many numbers: `|da| = 0.5`."""
        if isinstance(g, tuple):  # what goes to a Function with several outputs
            return f"{self.d(node)} = {len(g)} outputs"
        if getattr(g, "size", 1) != 1:
            from minigrad.viz.array_text import norm

            return f"|{self.d(node)}| = {number(norm(g))}"
        return f"{self.d(node)} = {number(g)}"

    def label(self, operand: Any, letter: str) -> str:
        """What an operand is called: a node's name, a constant's number or name, or the rule's letter and a shape."""
        if isinstance(operand, Node):
            return self.name(operand)
        if getattr(operand, "shape", ()):
            return printable(operand.name or self._arrays.get(id(operand.value)) or f"{letter} {operand.shape}")
        return printable(number(operand))

    def number_of(self, operand: Any) -> Any:
        """The value of an operand, None where it is not known."""
        if isinstance(operand, Node):
            return self.values.get(operand)
        return operand.value if hasattr(operand, "value") else operand

    def memory(self, node: Any) -> list[Memory]:
        """What a node has kept, and whether it is the last to hold it."""
        if not getattr(node, "saved", ()) or not hasattr(node, "plan"):
            return []
        from minigrad.tensors import saved

        if self._memory is None:
            last: dict[int, Any] = {}  # who lets go of each piece of memory last: the oldest, or a leaf
            for other in self.nodes:
                held = [other.value] if other.primitive is None and other.value is not None else []
                for a in held or [a for _, a in saved.saved_arrays(other.saved)]:
                    last.setdefault(id(saved.memory_owner(a)), other)
            self._memory = {}
            for other in self.nodes:
                seen: set[int] = set()
                nth: Counter[int] = Counter()
                for place, a in saved.saved_arrays(other.saved) if hasattr(other, "plan") else ():
                    letter = other.plan.saved[place]
                    if other.primitive.variadic and letter == other.primitive.inputs[0]:
                        letter, nth[place] = f"{letter}[{nth[place]}]", nth[place] + 1
                    if id(a) not in seen:
                        seen.add(id(a))
                        memory = Memory(letter, a.shape, a.nbytes, last[id(saved.memory_owner(a))] is other)
                        self._memory.setdefault(other, []).append(memory)
        return self._memory.get(node, [])

    # -- shown ---------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return "\n".join(map(str, self.backward))

    def page(self) -> Page:
        """The steps as a page with the graph, to step through in a browser."""
        from minigrad.viz.steps.page import step_page

        return step_page(self)

    def save(self, path: str | Path) -> Path:
        """Write the page, one file that opens from disk and needs no network; gives its path."""
        return self.page().save(path)

    def show(self) -> None:
        """Step through in the terminal, by keys."""
        from minigrad.viz.steps.terminal import show

        show(self)

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()

    def __repr__(self) -> str:
        return f"<{len(self.forward)} steps forward and {len(self.backward)} backward, to {self.backward[0].name}>"


def _equal(a: Any, b: Any) -> bool:
    """Whether two gradients are the same."""
    same = a is b or (a == b if type(a) is type(b) is not tuple else False)
    return bool(same.all() if hasattr(same, "all") else same)


def _letters(node: Any) -> list[str]:
    """The rule's names of a node's inputs, one for each."""
    if node.primitive is None:
        return []
    names = node.primitive.inputs
    return [f"{names[0]}[{i}]" for i in range(len(node.inputs))] if node.primitive.variadic else list(names)


@cache
def _again(primitive: Elementwise) -> Any:
    return primitive.on_numbers([True] * len(primitive.inputs), IEEE_NUMBERS)


def _unchanged(node: Value, numbers: list[float]) -> bool:
    """Whether the rule still gives the node's number and local derivatives."""
    *given, y = numbers
    again = _again(node.primitive)(*map(IEEE, given))
    stored = (y, node.da, node.db)
    return all(s is None or s == a or s != s and a != a or math.isclose(s, a) for s, a in zip(stored, again))


# ---- numbers as text -------------------------------------------------------------------------------------------


def number(x: Any) -> str:
    """A number in four digits; in all of its digits if they are few.

    >>> number(2.0), number(1 / 3), number(1.0001), number(12345.678), number(-1 / 300000), number(True)
    ('2', '0.3333', '1.0001', '12346', '-3.333e-06', 'True')
    """
    x = x.item() if hasattr(x, "item") else x
    if not isinstance(x, float):
        return str(x)
    whole = str(x).removesuffix(".0")
    return whole if len(whole) <= 7 else f"{x:.0f}" if 9999.5 <= abs(x) < 1e6 else f"{x:.4g}"


def describe(x: Any, node: Any = None) -> str:
    """A number, a few numbers, or the shape and range of many; "?" and the node's shape for what is not known."""
    if x is None:
        return f"? {node.shape}" if getattr(node, "shape", ()) else "?"
    if isinstance(x, tuple):  # what goes to a Function with several outputs
        return ", ".join(f"{describe(g)} for output {i}" for i, g in x)
    if getattr(x, "size", 1) == 1 and not getattr(x, "ndim", 0):
        return number(x)
    if x.size <= 6 and x.ndim == 1 or x.size == 1:
        return _brackets(x.tolist())
    finite = x[abs(x) < math.inf] if x.dtype.kind == "f" else x
    parts = [str(x.shape)]
    if finite.size:
        low, high = number(finite.min()), number(finite.max())
        parts.append(f"from {low} to {high}" if low != high else f"all {low}" if finite.size == x.size else low)
    if finite.size < x.size:
        counts = ((x != x, "nan"), (x == math.inf, "inf"), (x == -math.inf, "-inf"))
        parts += [f"{n} {what}" for where, what in counts if (n := int(where.sum()))]
    return " ".join([parts[0], ", ".join(parts[1:])]).strip()


def _brackets(nested: Any) -> str:
    return f"[{', '.join(map(_brackets, nested))}]" if isinstance(nested, list) else number(nested)


def _brief(value: Any) -> str:
    """A setting of a rule in few letters; an index as in brackets.

    >>> _brief((slice(None), None, slice(8, 16), 0)), _brief(1e-5)
    ('[:, None, 8:16, 0]', '1e-05')
    """
    if getattr(value, "shape", ()):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop, value.step)]
        return ":".join(ends if ends[2] else ends[:2])
    if type(value) is tuple and any(isinstance(v, slice) or getattr(v, "shape", ()) for v in value):
        return f"[{', '.join(map(_brief, value))}]"
    if value is ...:
        return "..."
    text = printable(getattr(value, "__name__", None) or str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _element(x: Any, place: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The number at a place of an array that is repeated to a shape."""
    own = getattr(x, "shape", ())
    return x[tuple([0 if n == 1 else i for i, n in zip(place[len(shape) - len(own) :], own)])] if own else x


def _largest(g: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Where an array is largest, whatever the sign, or where it is nan; the first place, where it is not known."""
    place = 0 if g is None else int(abs(g).argmax())
    found = []
    for n in reversed(shape):
        place, i = divmod(place, n)
        found.append(i)
    return tuple(reversed(found))


def _chain(parts: list[str]) -> str:
    """`a = b = c`, without what is said twice."""
    kept = parts[:1]
    for part in parts[1:]:
        if part != kept[-1] and not kept[-1].endswith(f"= {part}"):
            kept.append(part)
    return " = ".join(kept)
