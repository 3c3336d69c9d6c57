"""What Sphinx reads beside the documents: the lessons as notebooks, the API's pages, and the sources they link to.

`generate` writes docs/api/ and docs/source/, which are not committed.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import nbformat
from playground.make import write_page
from sphinx.errors import ExtensionError

from minigrad.course.notebooks import notebook

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "docs" / "source"
API = ROOT / "docs" / "api"
LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:)([^)\s]+)\)")
MODULES = {
    "minigrad": "Values, tensors, Network; draw, step, source, watch; the checkers",
    "minigrad.nn": "layers, losses, containers",
    "minigrad.nn.functional": "layers and losses as functions",
    "minigrad.nn.init": "initial values",
    "minigrad.nn.utils": "clipping, parameters as a vector",
    "minigrad.optim": "optimizers and the decays of the learning rate",
    "minigrad.optim.rules": "the update rules of the lecture, as functions",
    "minigrad.optim.lr_scheduler": "schedulers",
    "minigrad.autograd": "grad, Function, gradient checks",
    "minigrad.autograd.functional": "Jacobians, Hessians, vjp and jvp",
    "minigrad.func": "derivatives as functions of functions",
    "minigrad.linalg": "linear algebra",
    "minigrad.special": "special functions",
    "minigrad.random": "random numbers",
    "minigrad.distributions": "probability distributions",
    "minigrad.data": "data sets",
    "minigrad.utils.data": "DataLoader, samplers",
    "minigrad.utils.checkpoint": "recomputing instead of saving",
    "minigrad.parallel": "gradients on several processes or machines, and searches",
    "minigrad.surfaces": "loss surfaces and races",
    "minigrad.teach.mistakes": "the catalogue of mistakes in gradients",
    "minigrad.teach.rules.mistakes": "the catalogue of mistakes in update rules",
    "minigrad.teach.schedules.mistakes": "the catalogue of mistakes in schedules",
    "minigrad.teach.forward.mistakes": "the catalogue of mistakes in forward passes",
    "minigrad.course": "coursework",
}


def lesson(text: str) -> nbformat.NotebookNode:
    """Return the notebook of a lesson, as `python -m minigrad tutorials` makes it."""
    return nbformat.reads(notebook(text), as_version=4)


def generate() -> None:
    """Write a page for each public module, and one for each source file that a document links to."""
    for folder in (API, SOURCES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    seen: set[int] = set()
    for name, about in MODULES.items():
        (API / f"{name}.md").write_text(page(importlib.import_module(name), name, about, seen), "utf-8")
    for document in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "tutorials").glob("*.py")]:
        LINK.sub(lambda match, folder=document.parent: linked(match, folder), document.read_text("utf-8"))
    contents = "\n".join(MODULES)
    (API / "index.md").write_text(f"# API\n\n```{{toctree}}\n:maxdepth: 1\n\n{contents}\n```\n", "utf-8")


def page(module: ModuleType, name: str, about: str, seen: set[int]) -> str:
    """Return the API page of a module: its public names, but for those that an earlier page has (`seen`)."""
    entries = "\n".join(
        f".. auto{kind}:: {name}.{entry}\n{options}" for entry, kind, options in public(module, name, seen)
    )
    return f"# {name}\n\n{about[0].upper()}{about[1:]}.\n\n```{{eval-rst}}\n{entries}\n```\n"


def public(module: ModuleType, name: str, seen: set[int]) -> list[tuple[str, str, str]]:
    """Return the public functions and classes of a module, with the directive that documents each."""
    if name == "minigrad":
        stub = (ROOT / "minigrad" / "__init__.pyi").read_text("utf-8")
        names = re.findall(r"^from \S+ import \w+ as (\w+)$", stub, re.MULTILINE)
    else:
        names = list(getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")]))
    found = []
    for entry in sorted(set(names), key=str.lower):
        value = getattr(module, entry)
        if id(value) in seen or not getattr(value, "__module__", "").startswith("minigrad"):
            continue
        seen.add(id(value))
        if inspect.isclass(value):
            found.append((entry, "class", "   :members:\n"))
        elif callable(value) and (inspect.getdoc(value) or ""):
            found.append((entry, "function", ""))
    return found


def link_sources(app: object, docname: str, text: list[str]) -> None:
    """Let links to a source file lead to a page that shows it; links to a folder become text."""
    text[0] = LINK.sub(lambda match: linked(match, (ROOT / docname).parent), text[0])
    if docname == "docs/decisions/README":  # the pages of the table are below this one in the navigation
        text[0] += "\n```{toctree}\n:glob:\n:hidden:\n\n0*\n```\n"


def linked(match: re.Match[str], folder: Path) -> str:
    """Return a document's link, led to the page of the source file that it names; write that page."""
    words, target = match.groups()
    path = (folder / target.partition("#")[0]).resolve()
    if path.is_dir():
        return words
    if path.suffix != ".py" or not path.is_relative_to(ROOT) or path.parent.name == "tutorials":
        return match[0]
    name = path.relative_to(ROOT).as_posix()
    shown = SOURCES / f"{name.removesuffix('.py').replace('/', '.')}.md"
    relative = os.path.relpath(path, SOURCES)
    shown.write_text(f"---\norphan: true\n---\n\n# {name}\n\n```{{literalinclude}} {relative}\n```\n", "utf-8")
    return f"[{words}]({os.path.relpath(shown, folder)})"


def escape(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Turn a docstring into reStructuredText: `code` and indented programs as literals, no markup by accident."""
    program = -1  # the indentation of the text that an indented program belongs to
    for i, line in enumerate(lines):
        indentation = len(line) - len(line.lstrip())
        if line.strip() and indentation <= program:
            program = -1
        if program >= 0 or line.lstrip().startswith((">>>", "...")):
            continue
        parts = re.split(r"`+([^`]*)`+", line)
        plain = [re.sub(r"([*|]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
        plain = [re.sub(r"\\\*\\\*(\w[^*]*?[\w.])\\\*\\\*", r"**\1**", part) for part in plain]  # bold
        plain[0] = re.sub(r"^(\s*)\\\*", r"\1*", plain[0])  # an argument, or an item of a list
        code = [f"``{part}``" if part else "" for part in parts[1::2]]
        lines[i] = "".join(a + b for a, b in zip(plain, [*code, ""]))
        after = lines[i + 2] if i + 2 < len(lines) else ""
        if line.endswith(":") and not lines[i + 1].strip() and after.startswith(" " * (indentation + 4)):
            lines[i] += ":"
            program = indentation


def add_playground(app: Any, error: Exception | None) -> None:
    """Write the playground beside the pages; Pyodide, which it needs to run, is added by docs/playground/make.py."""
    if error is None and app.builder.format == "html":
        write_page(Path(app.outdir) / "playground")


def check_links(app: Any, error: Exception | None) -> None:
    """Raise: a link of the built pages, or a picture, leads nowhere in the site; Sphinx does not check all of them."""
    if error is None and app.builder.format == "html" and (broken := broken_links(Path(app.outdir))):
        raise ExtensionError("links that lead nowhere:\n" + "\n".join(broken))


def broken_links(site: Path) -> list[str]:
    """Return the links of the pages in a folder whose file or anchor does not exist; other hosts are not asked."""
    pages = {path.resolve(): Links(path.read_text("utf-8")) for path in site.rglob("*.html")}
    found = []
    for path, page in pages.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            anchors = pages[target].anchors if target in pages else None
            if not target.exists() or url.fragment and anchors is not None and unquote(url.fragment) not in anchors:
                found.append(f"{path.relative_to(site.resolve())}: {link}")
    return found


class Links(HTMLParser):
    """The links and anchors of a page.

    Attributes:
        links: what it leads to, or shows.
        anchors: what a link can lead to in it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)
