"""The page of a backward pass: collects the data that `viz/pages/step.js` shows.

Graphviz computes the layout of the graph once; the page draws it, and each step only changes CSS classes. Without
Graphviz the page shows the list of steps alone. For Values this file needs no NumPy.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator
from html import escape
from typing import Any

from minigrad.engine import Node
from minigrad.output.words import class_name, printable, shortened
from minigrad.program.graph_inspection import named_operands
from minigrad.program.notation import with_symbols
from minigrad.program.source import write
from minigrad.scalar import Value
from minigrad.viz.page import Page, page
from minigrad.viz.steps.backward_pass import BackwardPass, Step
from minigrad.viz.steps.formatting import describe, number

MAX_STEPS, MAX_DRAWN, MAX_WRITTEN = 2000, 600, 200
"""The largest number of nodes in a page, in its drawing, and in the program beside it."""
_TABLE_CELLS, _HEAT_SIDE = 64, 32
"""Arrays of at most this many elements are tables; larger ones are heat maps of at most this many rows and columns."""
_SHADES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"  # 63 levels; the middle one is 0
_LINE_HEIGHT, _CHARACTER_WIDTH = 17, 7.3  # of the text in a box, in pixels

_BODY = """\
<header class="row">
<h1 class="grow">{title}</h1>
<button id="forward" aria-pressed="false" title="Go to the forward pass">Forward</button>
<button id="backward" aria-pressed="false" title="Go to the backward pass">Backward</button>
<input type="search" id="search" placeholder="Find a node" title="Key: /" aria-label="Find a node; Enter: next match">
<output id="found" class="soft" for="search"></output>
</header>
{note}<div class="controls row" role="group" aria-label="Steps">
<button id="first" title="First step (Home)" aria-label="First step">&#x21e4;</button>
<button id="back" title="Previous step (left arrow)" aria-label="Previous step">&#x2190;</button>
<button id="play" title="Play or pause (space)" class="main">Play</button>
<button id="next" title="Next step (right arrow)" aria-label="Next step">&#x2192;</button>
<button id="last" title="Last step (End)" aria-label="Last step">&#x21e5;</button>
<span id="where" class="number"></span>
<output id="score" class="number"></output>
<input type="range" id="slider" class="grow" min="0" step="1" aria-label="Step">
</div>
<div id="zoom" class="row" role="group" aria-label="The picture" hidden>
<button id="smaller" title="Smaller (-)" aria-label="Smaller">&#x2212;</button>
<button id="fit" title="Fit (0)">Fit</button>
<button id="larger" title="Larger (+)" aria-label="Larger">+</button>
<span id="percent">100 %</span>
<button id="svg" title="Save the graph as it is now">SVG</button>
<button id="png" title="Save the graph as it is now">PNG</button>
<div id="map" title="The whole graph; the frame is what is shown" hidden></div>
</div>
<div id="beside">
<section id="graph" class="scroll" aria-label="Graph" tabindex="-1" hidden></section>
<section id="program" class="scroll" aria-label="The pass as a program" tabindex="-1" hidden></section>
</div>
<p id="legend" class="soft" hidden></p>
<main id="step" tabindex="-1"></main>
<p id="status" class="unseen" aria-live="polite"></p>
<details id="list"><summary>All steps as a list</summary><div class="scroll"></div></details>
<noscript><p>This page needs JavaScript; the script is part of the page.</p></noscript>
"""


def step_page(steps: BackwardPass) -> Page:
    """Return the page of a backward pass."""
    data = PageData(steps)
    title = f"{steps.backward[0].name}, step by step"
    note = f"<p>{escape(data.note)}</p>\n" if data.note else ""
    return page(title, _BODY.format(title=escape(title), note=note), name="step", data=data.data)


class PageData:
    """The data of the page, with each array and each formula stored once.

    Attributes:
        data: for the script, which documents it.
        note: what is left out, for the reader; empty if nothing is.
    """

    def __init__(self, steps: BackwardPass) -> None:
        self.steps = steps
        backward = steps.backward[:MAX_STEPS]
        shown = {s.node for s in backward}
        if len(steps.backward) == len(backward):
            shown = set(steps.nodes[-MAX_STEPS:])
        forward = [s for s in steps.forward if s.node in shown]
        self.nodes = [s.node for s in forward]
        self.index = {node: i for i, node in enumerate(self.nodes)}
        self.arrays: list[Any] = []
        self.texts: list[str] = []
        self._array_index: dict[int, tuple[int, Any]] = {}
        self._text_index: dict[str, int] = {}
        self.calls: dict[Any, Any] = {}  # the call of a module that each node belongs to
        self.clusters: list[Any] = []
        if not isinstance(self.nodes[-1], Value):
            from minigrad.tensors.module_calls import calls

            self.calls = calls(self.nodes[::-1])
        # the arrays that enter without a gradient, with the nodes that use them
        self.inputs: dict[int, tuple[Any, list[int]]] = {}
        for node, i in self.index.items():
            for _, operand in named_operands(node):
                if not isinstance(operand, Node) and getattr(operand, "shape", None):
                    self.inputs.setdefault(id(operand.value), (operand, []))[1].append(i)
        self.widest: dict[Node, int] = {}  # the longest gradient line of each box, in characters
        notes = []
        if len(forward) < len(steps.forward):
            notes.append(
                f"This page shows {len(forward):,} of {len(steps.forward):,} nodes, those that the backward pass "
                "reaches first."
            )
        self.data: dict[str, Any] = {
            "nodes": [self._node(node) for node in self.nodes],
            "forward": [self._forward(s) for s in forward],
            "backward": [self._backward(s) for s in backward],
            "texts": self.texts,
            "arrays": self.arrays,
            "program": [] if steps.quiz else self._program(),  # it would give the answers away
        }
        if steps.quiz:
            from minigrad.viz.steps.answers import TOLERANCES
            from minigrad.viz.steps.quiz import questions

            self.data["tolerances"] = TOLERANCES
            self.data["quiz"] = [[self._question(q) for q in questions(s)] for s in backward]
        layout: dict[str, Any] = {}
        if len(self.nodes) > MAX_DRAWN:
            notes.append(f"The graph is not drawn because its {len(self.nodes):,} nodes are more than {MAX_DRAWN}.")
        else:
            layout, reason = compute_layout(self)
            notes += [reason] if reason else []
        self.data["layout"] = layout
        self.note = " ".join(notes)

    @staticmethod
    def _question(q: Any) -> Any:
        return [q.text, q.answer, q.advice, [[wrong, with_symbols(text)] for wrong, text in q.mistakes], q.shown]

    def _program(self) -> list[Any]:
        """Return the lines of the pass as a program, each with its node and whether in the backward pass."""
        if len(self.nodes) > MAX_WRITTEN or self.steps.upstream is not None:
            return []
        try:
            program = write(self.steps.output, self.steps.variables)
        except (
            RuntimeError,
            TypeError,
            ValueError,
        ):  # what has no program, such as a Function that computes with arrays
            return []
        lines = zip(program.splitlines(), program.nodes)
        return [[line, self.index.get(of[0], -1) if of else -1, bool(of and of[1])] for line, of in lines]

    def box(self, node: Any) -> list[str]:
        """Return the lines of a node's box: name and operation; value or shape; the name of the gradient."""
        value, shape = self.steps.values.get(node), getattr(node, "shape", ())
        title = " = ".join([self.steps.name(node), *_operation(node)])
        d = self.steps.d(node)
        return [
            shortened(title, 24),
            str(shape) if shape else "?" if value is None else number(value),
            shortened(d, 24),
        ]

    def input_box(self, operand: Any) -> list[str]:
        """Return the lines of the box of an array that gets no gradient: its name and its shape."""
        return [shortened(self.steps.symbol(operand) or "data", 24), str(operand.shape)]

    def gradient(self, node: Any, g: Any) -> str:
        """Return the gradient line of a box, and remember the widest."""
        text = shortened(self.steps.gradient(node, g), 28)
        self.widest[node] = max(self.widest.get(node, 0), len(text))
        return text

    def _node(self, node: Any) -> Any:
        kind = "result" if node.primitive is not None else "leaf"
        return [self.steps.name(node), self.box(node), kind, self.number(self.steps.values.get(node))]

    def _forward(self, s: Step) -> Any:
        lines = s.lines()
        primitive = self.text(s.primitive_line() if s.node.primitive else "")
        return [self.index[s.node], lines[0], primitive, _symbols(lines[1:])]

    def _backward(self, s: Step) -> Any:
        contributions = [
            [
                self.index.get(c.to, -1),
                with_symbols(s.contribution_line(c)),
                with_symbols(s.sum_line(c)),
                self.number(c.value),
                self.number(c.total),
                self.gradient(c.to, c.total),
            ]
            for c in s.contributions
        ]
        title = f"{s.name} = {s.call}" if s.call else s.name
        notes = _symbols(s.example())
        if s.arrived is not None:
            notes.insert(0, f"A hook changed this gradient from {describe(s.arrived, s.node)}.")
        memory = s.memory_line() if s.saved else ""
        primitive = self.text(s.primitive_line() if s.node.primitive else "")
        return [
            self.index[s.node],
            title,
            primitive,
            self.number(s.gradient),
            self.gradient(s.node, s.gradient),
            contributions,
            notes,
            memory,
        ]

    def module(self, call: Any) -> str:
        """Return the label of a call of a module: `0: Linear`."""
        kind = class_name(call.module)
        path = printable(call.path)
        return path if path == kind else f"{path}: {kind}"

    def text(self, text: str) -> int:
        """Store a text and return its index."""
        text = with_symbols(text)
        if text not in self._text_index:
            self._text_index[text] = len(self.texts)
            self.texts.append(text)
        return self._text_index[text]

    def number(self, x: Any) -> Any:
        """Return a number as it is; store an array and return its index in a list; return None as it is."""
        if x is None:
            return None
        if isinstance(x, tuple):  # the gradients of a Function with several outputs
            return describe(x)
        if not getattr(x, "shape", ()):
            return _exact(x)
        if id(x) not in self._array_index:
            self._array_index[id(x)] = len(self.arrays), x  # x is held, so that its id stays unique
            self.arrays.append(_packed(x))
        return [self._array_index[id(x)][0]]


def _operation(node: Any) -> list[str]:
    """Return the name of the primitive with its scalar constants."""
    if node.primitive is None:
        return []
    constants = [o for _, o in named_operands(node) if not isinstance(o, Node) and not getattr(o, "shape", ())]
    return [" ".join([node.primitive.name, *map(number, constants)])]


def _symbols(lines: list[str]) -> list[str]:
    return [with_symbols(line) for line in lines]


# ---- arrays ----------------------------------------------------------------------------------------------------


def _exact(x: Any) -> Any:
    """Return a float with the fewest digits that identify it in its precision."""
    if getattr(x, "dtype", None) == "float32":
        return float(str(x[()]))
    return x.item() if hasattr(x, "item") else x


def _packed(x: Any) -> dict[str, Any]:
    """Return an array as the script reads it: the rows of a table, or the shades of a heat map."""
    rows = x.reshape(-1, x.shape[-1]) if x.size else x.reshape(0, 0)
    found: dict[str, Any] = {"shape": str(x.shape), "type": str(x.dtype)}
    if x.size <= _TABLE_CELLS and rows.shape[-1] <= 16:
        return {**found, "rows": [[_exact(v) for v in row] for row in rows]}
    # reshape to a matrix that is about as high as wide
    splits = [(math.prod(x.shape[:k]), math.prod(x.shape[k:])) for k in range(1, x.ndim)] or [rows.shape]
    rows = x.reshape(min(splits, key=lambda s: abs(math.log(s[0] / s[1])) if x.size else 0))
    sample, numbers = rows[_spread(rows.shape[0])][:, _spread(rows.shape[1])], x.astype(float)
    finite = numbers[abs(numbers) < math.inf]
    top = float(abs(finite).max()) if finite.size else 0.0
    shades = "".join(map(_shade, (sample.astype(float) / (top or 1)).ravel().tolist()))
    return {
        **found,
        "shades": shades,
        "columns": sample.shape[1],
        "of": list(rows.shape),
        "top": top,
        "ends": [-top if finite.size and finite.min() < 0 else 0.0, top if finite.size and finite.max() > 0 else 0.0],
        "summary": describe(x),
    }


def _spread(n: int) -> list[int]:
    """Return evenly spread indices, including the first and the last."""
    return list(range(n)) if n <= _HEAT_SIDE else [round(i * (n - 1) / (_HEAT_SIDE - 1)) for i in range(_HEAT_SIDE)]


def _shade(x: float) -> str:
    """Return the character for a number from -1 to 1; "-" for one that is not finite."""
    half = len(_SHADES) // 2
    return _SHADES[half + round(x * half)] if abs(x) <= 1 else "-"


# ---- the layout ------------------------------------------------------------------------------------------------


def compute_layout(page: PageData) -> tuple[dict[str, Any], str]:
    """Return the positions of boxes and edges in pixels; or an empty layout, and a sentence that says why."""
    from minigrad.viz.graph.draw import Picture

    statements = [
        "rankdir=LR ordering=in nodesep=0.25 ranksep=0.5\n",
        'node [shape=box fixedsize=true label=""] edge [arrowhead=none] graph [fontname="monospace" fontsize=12]\n',
        *_input_boxes(page),
        *_boxes(page),
    ]
    number_of = {key: k for k, key in enumerate(page.inputs)}
    for node, i in page.index.items():
        for _, operand in named_operands(node):
            if isinstance(operand, Node):
                statements += [f"n{page.index[operand]}:e -> n{i}:w\n"] if operand in page.index else []
            elif getattr(operand, "shape", ()):
                statements.append(f"i{number_of[id(operand.value)]}:e -> n{i}:w\n")
    try:
        svg = Picture("steps", body=statements, format="svg").pipe(encoding="utf-8")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return {}, "The graph is not drawn, but the list of steps is complete: " + " ".join(str(error).split())
    return _read(svg, page), ""


def _input_boxes(page: PageData) -> Iterator[str]:
    """Return the arrays that get no gradient as DOT statements."""
    for k, (operand, _) in enumerate(page.inputs.values()):
        width = max(8, *map(len, page.input_box(operand))) * _CHARACTER_WIDTH + 14
        yield f"i{k} [width={width / 72:.3f} height={(2 * _LINE_HEIGHT + 8) / 72:.3f}]\n"


def _boxes(page: PageData) -> Iterator[str]:
    """Return the nodes as DOT statements, with a cluster for each call of a module."""
    inside: dict[Any, list[str]] = {}
    for node, i in page.index.items():
        width = max(8, page.widest.get(node, 0), *map(len, page.box(node))) * _CHARACTER_WIDTH + 14
        line = f"n{i} [width={width / 72:.3f} height={(3 * _LINE_HEIGHT + 8) / 72:.3f}]\n"
        inside.setdefault(page.calls.get(node), []).append(line)
    for call in [*inside]:
        while call is not None:  # including calls that only contain other calls
            inside.setdefault(call, [])
            call = call.parent

    def cluster(call: Any) -> Iterator[str]:
        yield from inside.get(call, ())
        for i, other in [*enumerate(page.clusters)][::-1]:  # Graphviz places the last cluster on top
            if other.parent is call:
                yield f'subgraph cluster{i} {{ label="{"m" * len(page.module(other))}" labeljust=l\n'
                yield from cluster(other)
                yield "}\n"

    page.clusters = sorted((call for call in inside if call is not None), key=lambda call: call.start)
    yield from cluster(None)


def _read(svg: str, page: PageData) -> dict[str, Any]:
    """Read the layout from Graphviz's SVG: the size, the corner and width of each box, the path of each edge."""
    width, height = map(float, re.findall(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)[0])
    dx, dy = map(float, re.findall(r'<g id="graph0".*?translate\((\S+) (\S+)\)', svg)[0])
    boxes: list[Any] = [None] * len(page.nodes)
    inputs: list[Any] = [None] * len(page.inputs)
    for kind, i, points in re.findall(
        r'class="node">\s*<title>([ni])(\d+)</title>\s*<polygon[^>]* points="([^"]*)"', svg
    ):
        left, top, right, _ = _corners(points)
        (boxes if kind == "n" else inputs)[int(i)] = [round(left + dx), round(top + dy), round(right - left)]
    paths: dict[tuple[str, int], list[str]] = {}
    edge = r'class="edge">\s*<title>([ni]\d+)(?::e)?&#45;&gt;n(\d+)(?::w)?</title>\s*<path[^>]* d="([^"]*)"'
    for source, target, d in re.findall(edge, svg):
        moved = re.sub(r"(-?[\d.]+),(-?[\d.]+)", lambda p: f"{float(p[1]) + dx:.0f},{float(p[2]) + dy:.0f}", d)
        paths.setdefault((source, int(target)), []).append(moved)
    clusters = []
    for i, points in re.findall(
        r'class="cluster">\s*<title>cluster(\d+)</title>\s*<polygon[^>]* points="([^"]*)"', svg
    ):
        left, top, right, bottom = _corners(points)
        clusters.append(
            [
                round(left + dx),
                round(top + dy),
                round(right - left),
                round(bottom - top),
                page.module(page.clusters[int(i)]),
            ]
        )
    edges = []
    for node, i in page.index.items():
        for source in node.inputs:
            if source in page.index and paths.get((f"n{page.index[source]}", i)):
                j = page.index[source]
                edges.append([j, i, paths[f"n{j}", i].pop(0)])
    entering = []
    for k, (box, (operand, users)) in enumerate(zip(inputs, page.inputs.values())):
        if box:
            ways = [[i, paths[f"i{k}", i].pop(0)] for i in users if paths.get((f"i{k}", i))]
            entering.append([*box, *page.input_box(operand), ways])
    return {
        "size": [round(width), round(height)],
        "boxes": boxes,
        "edges": edges,
        "clusters": clusters,
        "inputs": entering,
        "height": 3 * _LINE_HEIGHT + 8,
    }


def _corners(points: str) -> tuple[float, float, float, float]:
    xs, ys = zip(*[map(float, p.split(",")) for p in points.split()])
    return min(xs), min(ys), max(xs), max(ys)
