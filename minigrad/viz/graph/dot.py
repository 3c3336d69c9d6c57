"""A graph as text in DOT, the language of Graphviz.

Results are to the right of their operands, or below them. A box shows its operation and its value, or its shape with
the range, mean and standard deviation of its numbers; several operands have a port with a name each. The last line of a
box shows its position in the backward pass and its gradient, if any: a number, or |grad|, the Euclidean norm of an
array. An edge shows the local derivative, where y is the result of the operation, or the gradient contribution to
the operand, where g is the gradient of y. Modules are frames, or boxes if closed.

For Values this file imports neither NumPy nor graphviz, so it also runs in a browser. Labels are records, because some
builds of Graphviz cannot read HTML labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minigrad.engine import Node
from minigrad.output.words import class_name, printable, shortened
from minigrad.primitives.primitive import Elementwise
from minigrad.program.graph_inspection import graph_output, named_operands
from minigrad.program.notation import contribution
from minigrad.program.variables import variables
from minigrad.scalar import Value
from minigrad.viz.graph.scene import Scene, ancestry

_STYLE = """\
    graph [rankdir={rankdir} ordering=in fontname="Helvetica" fontsize=11 fontcolor="#555555" color="#bbbbbb"
        style=rounded labeljust=l{note}]
    node [shape=Mrecord style=filled fontname="Helvetica" fontsize=12 width=0.4 height=0.3 margin="0.17,0.055"
        color="#555555" fillcolor="white"]
    edge [fontname="Helvetica" fontsize=11 color="#666666" fontcolor="#b34700" arrowsize=0.7]
"""
# with the vermilion above, the palette of Okabe and Ito for the colour-blind, paler so that text is legible
_KINDS = {
    "leaf": ' shape=record color="#0072b2" fillcolor="#d6e9f5"',
    "constant": ' shape=record color="#999999" fillcolor="#eeeeee"',
    "operation": "",
    "closed module": ' color="#b87d00" fillcolor="#fcefd0"',
    "end": ' color="#007d5a" fillcolor="#d5efe6"',
    "nan, inf": ' color="#c03d00" fillcolor="#fbdfd0" penwidth=2',
    "gradient right": ' color="#007d5a" fillcolor="#d5efe6"',
    "gradient follows": ' color="#b87d00" fillcolor="#fcefd0"',
    "gradient wrong": ' color="#c03d00" fillcolor="#fbdfd0" penwidth=3',
    "gradient not checked": ' color="#999999" fillcolor="#eeeeee"',
}
_DARK = {"white": "#1f242a", "black": "#e9ecef", "#555555": "#a3acb6", "#666666": "#a3acb6", "#bbbbbb": "#59616b"}
_DARK |= {"#d6e9f5": "#12354d", "#0072b2": "#3b9ae0", "#eeeeee": "#2b3138", "#999999": "#7b848d", "#fcefd0": "#4a3505"}
_DARK |= {"#d5efe6": "#0b4030", "#007d5a": "#1fbf92", "#fbdfd0": "#552108", "#c03d00": "#ff7a3d", "#b34700": "#ff9a5c"}
"""The colours on dark backgrounds, by those on light ones."""
_PAPER = "#14171b"
"""The background on a dark screen, that of charts."""
_LEAF, _CONSTANT, _OPERATION, _MODULE, _END, _BAD, *_ = _KINDS
# characters with a meaning in records; a backslash is doubled because a label is parsed twice
_ESCAPED = str.maketrans({c: f"&#{ord(c)};" for c in '"&<>{|}'} | {"\\": "&#92;&#92;"})


def dot(
    output: Any,
    *,
    depth: int | None = None,
    rankdir: str | None = None,
    gradients: bool = False,
    saved: bool = False,
    max_nodes: int | None = None,
) -> str:
    """Return the graph of `output` in DOT, the text that `minigrad.draw` renders.

    The text is reproducible: nodes are named n0, n1, … in the order of their creation. It is ASCII, apart from
    characters beyond U+FFFF in names.

    Args:
        output: a Value, a Tensor, or the loss returned by a Network.
        depth: the depth to which modules are opened: 0 shows each model as a box, 1 its parts. Default: all.
        rankdir: "LR" for left to right, "TB" for top to bottom. Default: "LR" for a graph of up to three boxes in a
            row, which a page is wide enough for, "TB" for longer ones.
        gradients: whether to run a backward pass for the picture, so that every box shows its gradient. It stores no
            gradients and does not release the graph. Default: False, show gradients stored by earlier passes.
        saved: whether to show the arrays saved for the backward pass. Default: False.
        max_nodes: the largest number of boxes, see `minigrad.draw`.

    Raises:
        ValueError: `rankdir` is unknown, or `depth` is negative.
        RuntimeError: `output` has no graph, or `gradients` is True and the graph has been released.
        TypeError: `output` is of another type.

    >>> from minigrad.scalar import Value
    >>> a = Value(3.0, name="a")
    >>> "n0:e -> n1:0:w" in dot(a - 1.0), "n0:e -> n1:1:w" in dot(1.0 - a)
    (True, True)
    """
    lines, _ = dot_statements(output, variables(), depth, rankdir, gradients, saved, max_nodes)
    return "".join(["digraph computation {\n", *lines, "}\n"])


def dark_mode() -> str:
    """Return a style element that overrides the colours of an SVG by Graphviz, its attributes, on a dark screen."""
    rules = [
        f'[{attribute}="{light}"]{{{attribute}:{dark}}}'
        for light, dark in _DARK.items()
        for attribute in ("fill", "stroke")
    ]
    # the background too: a page may be light on a system that is dark
    text = f"text:not([fill]){{fill:{_DARK['black']}}} .graph>polygon:first-of-type{{fill:{_PAPER};stroke:none}}"
    return f"<style>@media (prefers-color-scheme: dark){{{' '.join(rules)} {text}}}</style>\n"


def dot_statements(
    output: Any,
    names: Mapping[Any, str],
    depth: int | None,
    rankdir: str | None,
    gradients: bool,
    saved: bool,
    max_nodes: int | None,
    verdicts: Mapping[Any, tuple[str, str]] = {},
) -> tuple[list[str], str]:
    """Return the lines between the braces of `dot`, and a note on what is left out.

    The arguments are those of `dot`; `names`, the result of `variables`; and `verdicts` on a backward pass by hand, for
    each node the name of its gradient and "right", "follows", "wrong" or "not checked".
    """
    output = graph_output(output, "draw")
    if rankdir not in (None, "LR", "TB"):
        raise ValueError(f'draw: rankdir must be "LR" (left to right) or "TB" (top to bottom), got {rankdir!r}')
    if depth is not None and not (isinstance(depth, int) and depth >= 0):
        raise ValueError(
            f"draw: depth, how many levels of modules to open, must be an integer of at least 0, got {depth!r}"
        )
    scene = Scene(output.node, depth, max_nodes)
    rankdir = rankdir or ("LR" if scene.longest_chain() <= 3 else "TB")
    writer = _DotWriter(output, scene, names, rankdir, gradients, saved, verdicts)
    # Graphviz reads character references, and every terminal can show them; it reads those beyond U+FFFF wrongly
    text = "".join(c if c < "\x80" or c > "\uffff" else f"&#{ord(c)};" for c in writer.write())
    return text.splitlines(keepends=True), scene.note


class _DotWriter:
    """Writes the statements for the boxes and edges of a scene."""

    def __init__(
        self,
        output: Any,
        scene: Scene,
        names: Mapping[Any, str],
        rankdir: str,
        gradients: bool,
        saved: bool,
        verdicts: Mapping[Any, tuple[str, str]],
    ) -> None:
        self.verdicts = verdicts
        self.output, self.scene, self.names, self.rankdir, self.saved = output, scene, names, rankdir, saved
        self.out, self.into = ("e", "w") if rankdir == "LR" else ("s", "n")
        self.id: dict[Any, str] = {node: f"n{i}" for i, node in enumerate(scene.nodes)}
        self.within: dict[Any, list[Any]] = {}  # the nodes in each closed call
        for node, box in scene.box.items():
            if box is not None and box is not node:
                self.within.setdefault(box, []).append(node)
        self.crossing = {scene.end}  # nodes used outside of their call
        for node in scene.nodes:
            self.crossing.update(s for s in node.inputs if s is not None and scene.box[s] is not scene.box[node])
        self.id.update((call, f"m{i}") for i, call in enumerate(self.within))
        self.values = {} if isinstance(output, Value) else _values(output)
        self.gradients = self._gradients(gradients)
        self.kinds: set[str] = set()  # kinds of boxes in the picture
        self.labelled = False  # whether an edge shows a derivative
        self.frames: dict[Any, list[str]] = {}  # the statements in the frame of each open call; None: outside
        self.shared: dict[int, tuple[Any, str]] = {}  # arrays that enter the model, with their boxes, by id
        self.edges: dict[str, None] = {}  # an ordered set

    def _gradients(self, walk: bool) -> dict[Any, float]:
        """Return the gradient of each node, of arrays the norm: from a new backward pass, or stored by earlier ones."""
        if walk:
            from minigrad.autograd import walk as events

            found = [(node, g) for node, g, _ in events(self.output)]
            self.scene.step = {node: i for i, (node, _) in enumerate(found, 1)}
            found = [(node, g) for node, g in found if not isinstance(g, tuple)]  # a Function with several outputs
        else:
            nodes = self.scene.nodes
            # the .grad of Values starts at 0.0, which means nothing before the first backward pass
            if isinstance(self.output, Value) and not any(node.released or node.grad != 0 for node in nodes):
                return {}
            found = [(node, node.grad) for node in nodes if node.grad is not None]
        return {node: _norm(g) for node, g in found}

    def write(self) -> str:
        """Return all statements."""
        for node in self.scene.nodes:
            if self.scene.box[node] is node:
                self._node(node)
        for call in self.within:
            self._closed(call)
        note = "\\l".join(map(_escaped, self._notes()))
        style = _STYLE.format(rankdir=self.rankdir, note=f' labelloc=t label="{note}\\l"' if note else "")
        frames = {call for frame in self.frames for call in ancestry(frame)}
        # Graphviz fills a rank from the bottom, so the first frame must come last
        inside = self._framed(None, sorted(frames, key=lambda call: call.start, reverse=self.rankdir == "LR"))
        lines = [*self._legend(), *inside, *self.edges]
        return style + "".join(f"    {line}\n" for line in lines)

    def _notes(self) -> list[str]:
        notes = [self.scene.note] if self.scene.note else []
        if self.saved:
            arrays = [a for node in self.scene.nodes for _, a in _saved_arrays(node)]
            if arrays:
                notes.append(f"{_bytes(arrays)} are saved for the backward pass (shared memory is counted once)")
            elif any(node.released for node in self.scene.nodes):
                notes.append("nothing is saved: the backward pass has released the graph")
        return notes

    def _framed(self, frame: Any, frames: Sequence[Any]) -> list[str]:
        """Return the statements in a frame and in the frames inside it."""
        lines = list(self.frames.get(frame, ()))
        for call in frames:
            if call.parent is frame:
                label = f'    label="{_escaped(": ".join(_call_label(call)))}"'
                inner = [f"    {line}" for line in self._framed(call, frames)]
                lines += [f"subgraph cluster_{frames.index(call)} {{", label, *inner, "}"]
        return lines

    def _put(self, frame: Any, statement: str) -> None:
        self.frames.setdefault(frame, []).append(statement)

    def _edge(self, start: str, end: str, label: str = "") -> None:
        self.edges[f"{start}:{self.out} -> {end}{label}"] = None

    def _legend(self) -> list[str]:
        """Return the legend of colours: a row of boxes, or a column if the graph grows from top to bottom."""
        kinds = [kind for kind in _KINDS if kind in self.kinds]
        boxes = [f'    legend{i} [label="{_escaped(kind)}"{_KINDS[kind]}]' for i, kind in enumerate(kinds)]
        lines = ["1, 2, …: order of the", "backward pass"] + ["y: result; g: its gradient"] * self.labelled
        text = "".join(f"{line}\\l" for line in lines)
        boxes.append(f'    legend{len(kinds)} [label="{text}" shape=plain style=""]')
        row = " -> ".join(f"legend{i}" for i in range(len(boxes)))
        style = '    graph [style=invis] node [fontsize=11 height=0.2 margin="0.08,0.03"]'
        return ["subgraph cluster_legend {", style, *boxes, f"    {row} [style=invis]", "}"]

    # ---- boxes and edges -------------------------------------------------------------------------------------------

    def _node(self, node: Any) -> None:
        """Add the box of a node, with its incoming edges and constants."""
        here, frame = self.id[node], self.scene.calls.get(node)
        found = named_operands(node)
        kind = _LEAF if node.primitive is None else _END if node is self.scene.end else _OPERATION
        title = " = ".join(t for t in (node.name or self.names.get(node), node.primitive and node.primitive.name) if t)
        value, finite = self._summary(node)
        grad, finite_grad = self._gradient(node)
        ports = [name for name, _ in found] if len(found) > 1 else []
        lines = [title, *value]
        if self.saved:
            lines += [f"saves {name}: {_bytes([a])}" for name, a in _saved_arrays(node)]
        step = str(self.scene.step.get(node, ""))
        kind = kind if finite and finite_grad else _BAD
        if node in self.verdicts:
            line, verdict = self.verdicts[node]
            kind = f"gradient {verdict}"
            lines += [f"{line}: {verdict}"] if line else []
        self._put(frame, f"{here} {self._box(kind, lines, step, grad, ports)}")
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
        """Add the box of a closed call, with its incoming edges."""
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
        count = sum(p.numel() for p in call.module._all_parameters())
        results = [node for node in self.within[call] if node in self.crossing]
        shapes = " → ".join(", ".join(map(_tuple, end)) for end in (sources, results) if end)
        lines = [*_call_label(call), f"{count:,} parameters" if count else "", shapes]
        if self.saved:
            arrays = [a for node in self.within[call] for _, a in _saved_arrays(node)]
            lines += [f"saves {_bytes(arrays)}"] if arrays else []
        norms = [self.gradients[p.node] for p in call.module._all_parameters() if p.node in self.gradients]
        norm = math.hypot(*norms)
        steps = [self.scene.step[n] for n in self.within[call] if n in self.scene.step]
        step = f"{min(steps)}–{max(steps)}" if len(steps) > 1 else "".join(map(str, steps))
        grad = f"|grad| {_number(norm)}" if norms else ""
        finite = math.isfinite(norm) and all(self._summary(node)[1] for node in results)
        self._put(call.parent, f"{here} {self._box(_MODULE if finite else _BAD, lines, step, grad)}")

    def _constant(self, node: Any, place: int, operand: Any) -> str:
        """Return the box of an operand without gradient. An array that enters the model has one box for all uses."""
        value = getattr(operand, "value", None)
        data = (node, place) in self.scene.data
        if data and id(value) in self.shared:
            return self.shared[id(value)][1]
        lines = [getattr(operand, "name", None) or self.names.get(id(value))]
        lines += [_shape(operand)] if getattr(operand, "shape", ()) else [_number(operand)]
        finite = True
        if value is not None:
            from minigrad.tensors import saved
            from minigrad.viz.array_summary import all_finite, summarize

            if saved.find_overwritten((value,), node.index, None) is None:  # it still has its numbers
                lines += summarize(value)
                finite = all_finite(value)
        here = f"{self.id[node]}c{place}"
        frame = None if data else self.scene.calls.get(node)
        self._put(frame, f"{here} {self._box(_CONSTANT if finite else _BAD, lines)}")
        if data and value is not None:
            self.shared[id(value)] = value, here
        return here

    def _summary(self, node: Any) -> tuple[list[str], bool]:
        """Return the lines about the value of a node, and whether it is finite."""
        if isinstance(node, Value):
            return [_number(node.data)], math.isfinite(node.data)
        value = self.values.get(node)
        shape = _tuple(node) if node.primitive is not None else _shape(node)
        if value is None:
            return [shape], True
        from minigrad.viz.array_summary import all_finite, summarize

        if value.size == 1:
            return [_number(value.ravel()[0])] + ([shape] if value.ndim else []), all_finite(value)
        return [shape, *summarize(value)], all_finite(value)

    def _gradient(self, node: Any) -> tuple[str, bool]:
        """Return the line about the gradient of a node, "" without one, and whether it is finite."""
        norm = self.gradients.get(node)
        if norm is None:
            return "", True
        is_scalar = isinstance(node, Value) or math.prod(node.shape) == 1
        return f"{'grad' if is_scalar else '|grad|'} {_number(norm)}", math.isfinite(norm)

    def _derivative(self, node: Any, place: int, name: str) -> str:
        """Return the label of an edge.

        For an elementwise primitive it is the local derivative, for Values with its number; for others the gradient
        contribution to the operand, if that is a short formula.
        """
        primitive = node.primitive
        if isinstance(primitive, Elementwise):
            text = primitive.notation.get(name) or primitive.partials[name]
            if isinstance(node, Value):
                number = _number((node.da, node.db)[place])
                text = text if text == number else f"{text} = {number}"
            text = f"∂y/∂{name} = {text}"
        else:
            text = contribution(primitive, name) if name in primitive.vjps else ""
            if not text or len(text) > 20 or "," in text or "the " in text:
                return ""
            text = f"d{name} = {text}"
        self.labelled = True
        space = " " if self.rankdir == "TB" else ""  # beside the edge, not on it
        return f' [label="{space}{_escaped(text)}{space}"]'

    def _box(
        self, kind: str, lines: Iterable[str | None], step: str = "", grad: str = "", ports: Sequence[str] = ()
    ) -> str:
        """Return the attributes of a box: its lines, its step in the backward pass and its gradient, and its ports."""
        self.kinds.add(kind)
        label = "\\n".join(_escaped(shortened(line, 100)) for line in lines if line and not line.isspace())
        if step or grad:
            label += f"|{{{'|'.join(_escaped(t) for t in (step, grad) if t)}}}"
        names = "|".join(f"<{i}> {_escaped(port)}" for i, port in enumerate(ports))
        # a pair of braces rotates the layout by 90 degrees
        if self.rankdir == "LR":
            label = f"{{{{{names}}}|{{{label}}}}}" if ports else label
        else:
            label = f"{{{{{names}}}|{label}}}" if ports else f"{{{label}}}"
        return f'[label="{label}"{_KINDS[kind]}]'


def _values(output: Any) -> dict[Any, Any]:
    from minigrad.program.values import values

    return values(output)


def _norm(grad: Any) -> float:
    """Return a single number as it is; the Euclidean norm of an array."""
    grad = getattr(grad, "_array", grad)
    if getattr(grad, "size", 1) == 1:
        return float(grad.item() if hasattr(grad, "item") else grad)
    from minigrad.viz.array_summary import norm

    return norm(grad)


def _call_label(call: Any) -> list[str]:
    """Return the path of a called module and its class, in one line or two."""
    kind = class_name(call.module)
    repeated = f" (call {call.count + 1})" if call.count else ""
    if call.path == kind:
        return [kind + repeated]
    both = [call.path + repeated, kind]
    return [": ".join(both)] if len(call.path) + len(kind) < 20 else both


def _saved_arrays(node: Any) -> list[tuple[str, Any]]:
    """Return the arrays that a node has saved for its backward pass, with the primitive's names for them."""
    if isinstance(node, Value):
        return []
    names = node.plan.saved if hasattr(node, "plan") else [f"saved[{i}]" for i in range(len(node.saved))]
    found = [(n, a) for n, k in zip(names, node.saved) for a in (k if isinstance(k, tuple) else [k])]
    return [(name, a) for name, a in found if hasattr(a, "nbytes")]


def _bytes(arrays: Iterable[Any]) -> str:
    """Return the memory of the arrays; of those that start at the same address only the largest counts."""
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


def _escaped(text: str) -> str:
    """Escape a text for a record label."""
    return printable(text).translate(_ESCAPED)
