"""A graph as a text in DOT, Graphviz's language, from which any Graphviz makes a picture.

Results stand to the right of what they were computed from, or below it. Each box tells what computed it, and its value,
or its shape with the range, mean and standard deviation of its numbers; several operands are named where they come in.
In the last line stand the place of the box in the backward pass, and its gradient once there was one: the number
itself, or |grad|, the Euclidean norm of several. On the edges stand the local derivatives, y being the result of the
operation, or what goes back to the operand, g being the gradient of y. Modules are frames, or boxes where closed.

Of Values a text can be made in any browser: for them, this file imports neither NumPy nor graphviz. Labels are records,
as not every Graphviz can read labels in HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minigrad.engine import Node
from minigrad.primitives.primitive import Elementwise
from minigrad.program.graph_inspection import graph_output, named_operands
from minigrad.program.variables import variables
from minigrad.scalar import Value
from minigrad.viz.graph.scene import Scene, ancestry
from minigrad.viz.notation import printable, share

_STYLE = """\
    graph [rankdir={rankdir} ordering=in fontname="Helvetica" fontsize=11 fontcolor="#555555" color="#bbbbbb"
        style=rounded labeljust=l{note}]
    node [shape=Mrecord style=filled fontname="Helvetica" fontsize=12 width=0.4 height=0.3 margin="0.17,0.055"
        color="#555555" fillcolor="white"]
    edge [fontname="Helvetica" fontsize=11 color="#666666" fontcolor="#b34700" arrowsize=0.7]
"""
# with the vermilion above, the colours that Okabe and Ito chose for the colour-blind, paler so that text is legible
_KINDS = {
    "leaf": ' shape=record color="#0072b2" fillcolor="#d6e9f5"',
    "constant": ' shape=record color="#999999" fillcolor="#eeeeee"',
    "operation": "",
    "closed module": ' color="#b87d00" fillcolor="#fcefd0"',
    "end": ' color="#007d5a" fillcolor="#d5efe6"',
    "nan, inf": ' color="#c03d00" fillcolor="#fbdfd0" penwidth=2',
}
_LEAF, _CONSTANT, _OPERATION, _MODULE, _END, _BAD = _KINDS
# a record's own characters; a backslash is doubled as a label is read twice
_ESCAPED = str.maketrans({c: f"&#{ord(c)};" for c in '"&<>{|}'} | {"\\": "&#92;&#92;"})


def dot(
    output: Any,
    *,
    depth: int | None = None,
    rankdir: str = "LR",
    gradients: bool = False,
    saved: bool = False,
    max_nodes: int | None = None,
) -> str:
    """The graph that `output` was computed by, in DOT: what `minigrad.draw` draws.

    The same program gives the same text: nodes are called n0, n1, … in the order in which they were computed. It is all
    ASCII, so that it can be printed anywhere.

    Args:
        output: a Value, a Tensor, or the loss that a Network gave.
        depth: how far modules are opened: 0 shows each model as one box, 1 its parts; all if not given.
        rankdir: "LR", from left to right, or "TB", from top to bottom.
        gradients: whether to make a backward pass for the picture, so that all boxes show theirs. It stores nothing,
            and keeps the graph. Else those are shown that earlier passes stored: of leaves, and of what `retain_grad`
            asked for.
        saved: whether to tell which arrays are kept for the backward pass.
        max_nodes: how many boxes are still a picture, see `minigrad.draw`.

    Raises:
        ValueError: for another `rankdir`, or a negative `depth`.
        RuntimeError: when `output` has no graph, or with `gradients` a released one.
        TypeError: when it is something else.

    >>> from minigrad.scalar import Value
    >>> a = Value(3.0, name="a")
    >>> "n0:e -> n1:0:w" in dot(a - 1.0), "n0:e -> n1:1:w" in dot(1.0 - a)
    (True, True)
    """
    lines, _ = body(output, variables(), depth, rankdir, gradients, saved, max_nodes)
    return "".join(["digraph computation {\n", *lines, "}\n"])


def body(
    output: Any,
    names: Mapping[Any, str],
    depth: int | None,
    rankdir: str,
    gradients: bool,
    saved: bool,
    max_nodes: int | None,
) -> tuple[list[str], str]:
    """The lines between the braces of `dot`, and what the picture says of what is left out; `names` are those of
    `variables`."""
    output = graph_output(output, "draw")
    if rankdir not in ("LR", "TB"):
        raise ValueError(f'draw: rankdir is "LR", from left to right, or "TB", from top to bottom, not {rankdir!r}')
    if depth is not None and depth < 0:
        raise ValueError(f"draw: depth is how many levels of modules are opened, 0 or more, not {depth}")
    scene = Scene(output.node, depth, max_nodes)
    text = _Text(output, scene, names, rankdir, gradients, saved)
    # Graphviz reads character references, and any terminal can show them
    lines = text.whole().encode("ascii", "xmlcharrefreplace").decode().splitlines(keepends=True)
    return lines, scene.note


class _Text:
    """The statements for the boxes and edges of a scene."""

    def __init__(
        self, output: Any, scene: Scene, names: Mapping[Any, str], rankdir: str, gradients: bool, saved: bool
    ) -> None:
        self.output, self.scene, self.names, self.rankdir, self.saved = output, scene, names, rankdir, saved
        self.out, self.into = ("e", "w") if rankdir == "LR" else ("s", "n")
        self.id: dict[Any, str] = {node: f"n{i}" for i, node in enumerate(scene.nodes)}
        self.within: dict[Any, list[Any]] = {}  # the nodes of each closed call
        for node, box in scene.box.items():
            if box is not None and box is not node:
                self.within.setdefault(box, []).append(node)
        self.crossing = {scene.end}  # what is used outside of the call that it lies in
        for node in scene.nodes:
            self.crossing.update(s for s in node.inputs if s is not None and scene.box[s] is not scene.box[node])
        self.id.update((call, f"m{i}") for i, call in enumerate(self.within))
        self.values = {} if isinstance(output, Value) else _values(output)
        self.gradients = self._gradients(gradients)
        self.kinds: set[str] = set()  # that are in the picture
        self.labelled = False  # whether there are derivatives in it
        self.frames: dict[Any, list[str]] = {}  # the statements in the frame of each open call, and outside of all
        self.shared: dict[int, tuple[Any, str]] = {}  # the arrays that enter the model, and their boxes
        self.edges: dict[str, None] = {}  # each once, in order

    def _gradients(self, walk: bool) -> dict[Any, float]:
        """The gradients, of arrays their lengths: of a backward pass that is made now, or what earlier ones stored."""
        if walk:
            from minigrad.autograd import walk as events

            found = [(node, g) for node, g, _ in events(self.output)]
            self.scene.step = {node: i for i, (node, _) in enumerate(found, 1)}
            found = [(node, g) for node, g in found if not isinstance(g, tuple)]  # a Function has several outputs
        else:
            nodes = self.scene.nodes
            # the .grad of Values is 0.0 from the start; it says something only once a backward pass was here
            if isinstance(self.output, Value) and not any(node.released or node.grad != 0 for node in nodes):
                return {}
            found = [(node, node.grad) for node in nodes if node.grad is not None]
        return {node: _length(g) for node, g in found}

    def whole(self) -> str:
        """All statements."""
        for node in self.scene.nodes:
            if self.scene.box[node] is node:
                self._node(node)
        for call in self.within:
            self._closed(call)
        note = "\\l".join(map(_text, self._notes()))
        style = _STYLE.format(rankdir=self.rankdir, note=f' labelloc=t label="{note}\\l"' if note else "")
        frames = {call for frame in self.frames for call in ancestry(frame)}
        # Graphviz fills a rank from its foot on, so what comes first shall be read last
        inside = self._framed(None, sorted(frames, key=lambda call: call.start, reverse=self.rankdir == "LR"))
        lines = [*self._legend(), *inside, *self.edges]
        return style + "".join(f"    {line}\n" for line in lines)

    def _notes(self) -> list[str]:
        notes = [self.scene.note] if self.scene.note else []
        if self.saved:
            arrays = [a for node in self.scene.nodes for _, a in _kept(node)]
            if arrays:
                notes.append(f"{_bytes(arrays)} are kept for the backward pass, what is kept twice counted once")
            elif any(node.released for node in self.scene.nodes):
                notes.append("nothing is kept: the backward pass has released the graph")
        return notes

    def _framed(self, frame: Any, frames: Sequence[Any]) -> list[str]:
        """The statements in a frame, and the frames in it."""
        lines = list(self.frames.get(frame, ()))
        for call in frames:
            if call.parent is frame:
                label = f'    label="{_text(": ".join(_called(call)))}"'
                inner = [f"    {line}" for line in self._framed(call, frames)]
                lines += [f"subgraph cluster_{frames.index(call)} {{", label, *inner, "}"]
        return lines

    def _put(self, frame: Any, statement: str) -> None:
        self.frames.setdefault(frame, []).append(statement)

    def _edge(self, start: str, end: str, label: str = "") -> None:
        self.edges[f"{start}:{self.out} -> {end}{label}"] = None

    def _legend(self) -> list[str]:
        """A row, or from top to bottom a column, of boxes that tell what the colours mean."""
        kinds = [kind for kind in _KINDS if kind in self.kinds]
        boxes = [f'    legend{i} [label="{_text(kind)}"{_KINDS[kind]}]' for i, kind in enumerate(kinds)]
        lines = ["1, 2, …: order of the", "backward pass"] + ["y: result; g: its gradient"] * self.labelled
        text = "".join(f"{line}\\l" for line in lines)
        boxes.append(f'    legend{len(kinds)} [label="{text}" shape=plain style=""]')
        row = " -> ".join(f"legend{i}" for i in range(len(boxes)))
        style = '    graph [style=invis] node [fontsize=9 height=0.2 margin="0.08,0.03"]'
        return ["subgraph cluster_legend {", style, *boxes, f"    {row} [style=invis]", "}"]

    # ---- what stands in the boxes and on the edges ---------------------------------------------------------------

    def _node(self, node: Any) -> None:
        """The box of a node, and the edges and constants that lead to it."""
        here, frame = self.id[node], self.scene.calls.get(node)
        found = named_operands(node)
        kind = _LEAF if node.primitive is None else _END if node is self.scene.end else _OPERATION
        title = " = ".join(t for t in (node.name or self.names.get(node), node.primitive and node.primitive.name) if t)
        value, finite = self._told(node)
        grad, flows = self._gradient(node)
        ports = [name for name, _ in found] if len(found) > 1 else []
        lines = [title, *value]
        if self.saved:
            lines += [f"keeps {name}: {_bytes([a])}" for name, a in _kept(node)]
        step = str(self.scene.step.get(node, ""))
        self._put(frame, f"{here} {self._box(kind if finite and flows else _BAD, lines, step, grad, ports)}")
        for i, (name, operand) in enumerate(found):
            there = f"{here}:{i}:{self.into}" if ports else here
            if not isinstance(operand, Node):
                self._edge(self._constant(node, i, operand), there)
            elif (box := self.scene.box[operand]) is None:
                self._put(frame, f'{here}e{i} [label="…" shape=plain style=""]')
                self._edge(f"{here}e{i}", there)
            else:
                self._edge(self.id[box], there, self._derivative(node, i, name))

    def _closed(self, call: Any) -> None:
        """The box of a closed call, and the edges that lead to it."""
        here = self.id[call]
        sources = {}
        for node in self.within[call]:
            for source in node.inputs:
                box = None if source is None else self.scene.box[source]
                if box is not None and box is not call:
                    sources[source] = box
        for box in sources.values():
            self._edge(self.id[box], here)
        for node in self.within[call]:
            for i, (_, operand) in enumerate(named_operands(node)):
                if (node, i) in self.scene.data:
                    sources[operand] = operand
                    self._edge(self._constant(node, i, operand), here)
        count = sum(p.numel() for p in call.module.parameters())
        results = [node for node in self.within[call] if node in self.crossing]
        shapes = " → ".join(", ".join(map(_tuple, end)) for end in (sources, results) if end)
        lines = [*_called(call), f"{count:,} parameters" if count else "", shapes]
        if self.saved:
            arrays = [a for node in self.within[call] for _, a in _kept(node)]
            lines += [f"keeps {_bytes(arrays)}"] if arrays else []
        norms = [self.gradients[p.node] for p in call.module.parameters() if p.node in self.gradients]
        norm = math.hypot(*norms)
        steps = [self.scene.step[n] for n in self.within[call] if n in self.scene.step]
        step = f"{min(steps)}–{max(steps)}" if len(steps) > 1 else "".join(map(str, steps))
        grad = f"|grad| {_number(norm)}" if norms else ""
        fine = math.isfinite(norm) and all(self._told(node)[1] for node in results)
        self._put(call.parent, f"{here} {self._box(_MODULE if fine else _BAD, lines, step, grad)}")

    def _constant(self, node: Any, place: int, operand: Any) -> str:
        """The name of the box of an operand that gets no gradient; what enters the model has one box for all uses."""
        value = getattr(operand, "value", None)
        data = (node, place) in self.scene.data
        if data and id(value) in self.shared:
            return self.shared[id(value)][1]
        lines = [getattr(operand, "name", None) or self.names.get(id(value))]
        lines += [_shape(operand)] if getattr(operand, "shape", ()) else [_number(operand)]
        finite = True
        if value is not None:
            from minigrad.tensors import saved
            from minigrad.viz import array_text as arrays

            if saved.find_overwritten((value,), node.index, None) is None:  # nobody wrote to it since
                lines += arrays.told(value)
                finite = arrays.finite(value)
        here = f"{self.id[node]}c{place}"
        frame = None if data else self.scene.calls.get(node)
        self._put(frame, f"{here} {self._box(_CONSTANT if finite else _BAD, lines)}")
        if data and value is not None:
            self.shared[id(value)] = value, here
        return here

    def _told(self, node: Any) -> tuple[list[str], bool]:
        """What a box says of the value of a node, and whether that is finite."""
        if isinstance(node, Value):
            return [_number(node.data)], math.isfinite(node.data)
        value = self.values.get(node)
        shape = _tuple(node) if node.primitive is not None else _shape(node)
        if value is None:
            return [shape], True
        from minigrad.viz.array_text import finite, told

        if value.size == 1:
            return [_number(value.ravel()[0])] + ([shape] if value.ndim else []), finite(value)
        return [shape, *told(value)], finite(value)

    def _gradient(self, node: Any) -> tuple[str, bool]:
        """What a box says of the gradient of a node, if it has one, and whether that is finite."""
        length = self.gradients.get(node)
        if length is None:
            return "", True
        one = isinstance(node, Value) or math.prod(node.shape) == 1
        return f"{'grad' if one else '|grad|'} {_number(length)}", math.isfinite(length)

    def _derivative(self, node: Any, place: int, name: str) -> str:
        """The label of an edge: the local derivative, for Values with its number; or, where the rule has none for
        single elements, what goes back to the operand, if that is a short formula."""
        primitive = node.primitive
        if isinstance(primitive, Elementwise):
            text = primitive.notation.get(name) or primitive.partials[name]
            if isinstance(node, Value):
                number = _number((node.da, node.db)[place])
                text = text if text == number else f"{text} = {number}"
            text = f"∂y/∂{name} = {text}"
        else:
            text = share(primitive, name) if name in primitive.vjps else ""
            if not text or len(text) > 20 or "," in text or "the " in text:
                return ""
            text = f"d{name} = {text}"
        self.labelled = True
        space = " " if self.rankdir == "TB" else ""  # beside the edge, not on it
        return f' [label="{space}{_text(text)}{space}"]'

    def _box(
        self, kind: str, lines: Iterable[str | None], step: str = "", grad: str = "", ports: Sequence[str] = ()
    ) -> str:
        """The attributes of a box: its lines, below them its place in the backward pass and its gradient, and where
        the operands come in."""
        self.kinds.add(kind)
        label = "\\n".join(_text(line) for line in lines if line)
        if step or grad:
            label += f"|{{{'|'.join(_text(t) for t in (step, grad) if t)}}}"
        names = "|".join(f"<{i}> {_text(port)}" for i, port in enumerate(ports))
        # a pair of braces turns by 90 degrees
        if self.rankdir == "LR":
            label = f"{{{{{names}}}|{{{label}}}}}" if ports else label
        else:
            label = f"{{{{{names}}}|{label}}}" if ports else f"{{{label}}}"
        return f'[label="{label}"{_KINDS[kind]}]'


def _values(output: Any) -> dict[Any, Any]:
    from minigrad.program.values import values

    return values(output)


def _length(grad: Any) -> float:
    """A single number itself; of several the Euclidean norm."""
    grad = getattr(grad, "_array", grad)
    if getattr(grad, "size", 1) == 1:
        return float(grad.item() if hasattr(grad, "item") else grad)
    from minigrad.viz.array_text import norm

    return norm(grad)


def _called(call: Any) -> list[str]:
    """The path of a called module and its class, in one line or two."""
    kind = type(call.module).__name__
    again = f" (call {call.count + 1})" if call.count else ""
    if call.path == kind:
        return [kind + again]
    both = [call.path + again, kind]
    return [": ".join(both)] if len(call.path) + len(kind) < 20 else both


def _kept(node: Any) -> list[tuple[str, Any]]:
    """The arrays that a node keeps for its backward pass, with the names that its rule has for them."""
    if isinstance(node, Value):
        return []
    names = node.plan.saved if hasattr(node, "plan") else [f"saved[{i}]" for i in range(len(node.saved))]
    found = [(n, a) for n, k in zip(names, node.saved) for a in (k if isinstance(k, tuple) else [k])]
    return [(name, a) for name, a in found if hasattr(a, "nbytes")]


def _bytes(arrays: Iterable[Any]) -> str:
    """How much memory the arrays take; of those that begin at the same place only the largest."""
    found = sorted(arrays, key=lambda a: a.nbytes)
    n = sum({a.__array_interface__["data"][0]: a.nbytes for a in found}.values())
    return f"{n} B" if n < 1000 else f"{n / 1e3:.3g} kB" if n < 1e6 else f"{n / 1e6:,.4g} MB"


def _shape(x: Any) -> str:
    return f"{x.dtype} {x.shape}"


def _tuple(x: Any) -> str:
    return str(tuple(x.shape))


def _number(x: Any) -> str:
    x = x.item() if hasattr(x, "item") else x
    return f"{x:.4g}" if isinstance(x, float) else str(x)


def _text(text: str) -> str:
    """Text that stands in the picture as it is, but for what cannot be printed."""
    return printable(text).translate(_ESCAPED)
