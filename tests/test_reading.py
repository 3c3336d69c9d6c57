"""docs/reading.md: the reading list stays short, the spine stays four files, and every file is mentioned."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from pathlib import Path

import pytest

import minigrad
from minigrad.primitives.primitive import Primitive

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "minigrad"
PAGE = (ROOT / "docs" / "reading.md").read_text("utf-8")
LIST = re.findall(r"^\d+\. \[`(minigrad/[\w/]+\.py)`\]", PAGE, re.MULTILINE)
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> int:
    """The number of lines without blank lines, comments and docstrings.

    >>> code_lines('"A docstring."' + chr(10) * 2 + "x = 1  # a comment" + chr(10))
    1
    """
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for part in node.body if isinstance(getattr(node, "body", None), list) else []:  # type: ignore[attr-defined]
            if (
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Constant)
                and isinstance(part.value.value, str)
            ):
                docstrings.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {n for t in tokens if t.type not in NOT_CODE for n in range(t.start[0], t.end[0] + 1)}
    return len(lines - docstrings)


def test_the_reading_list_is_an_afternoon() -> None:
    assert 5 <= len(LIST) <= 10
    count = sum(code_lines((ROOT / path).read_text("utf-8")) for path in LIST)
    assert count <= 1200
    (claimed,) = re.findall(r"about ([\d,]+) lines of code", PAGE)
    assert abs(count - int(claimed.replace(",", ""))) <= 60, (
        f"docs/reading.md claims {claimed} lines, there are {count}"
    )


def test_a_derivative_is_at_most_four_files_from_the_loss() -> None:
    files: set[str] = set()

    def vjp(g: object) -> object:
        frame = sys._getframe(1)
        while frame is not None:
            if Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
                files.add(Path(frame.f_code.co_filename).relative_to(ROOT).as_posix())
            frame = frame.f_back  # type: ignore[assignment]
        return g

    same = Primitive("same", lambda x: x + 0, x=vjp)
    x = minigrad.tensor(2.0, requires_grad=True)
    same(x).backward()
    assert x.grad is not None and x.grad.item() == 1.0
    assert len(files) <= 3  # and the file of the primitive
    assert files <= set(LIST)


def test_every_file_and_folder_is_listed() -> None:
    table = PAGE[PAGE.index("## Where the rest is") :]
    listed = {
        name for row in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)
    }
    there = {p.name for p in PACKAGE.glob("*.py")} | {f"{p.parent.name}/" for p in PACKAGE.glob("*/__init__.py")}
    assert listed - {"minigrad/"} == there - {"__init__.py"}
    assert len(list(PACKAGE.glob("*.py"))) <= 16


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("primitives/elementwise.py", "relu = "),
        ("engine.py", "earlier + c"),
        ("tensors/node.py", "def accumulate_grad"),
        ("optim/rules.py", "def adam("),
        ("network.py", "class Network"),
    ],
)
def test_the_answers_are_where_the_page_says(path: str, words: str) -> None:
    assert f"`{path}`" in PAGE
    assert (PACKAGE / path).read_text("utf-8").count(words) == 1
