"""Look for the lines of solutions and hidden tests in what is released."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from minigrad.course.marks import HIDDEN, SOLUTION
from minigrad.course.source import Source
from minigrad.course.stripping import published

Secret: TypeAlias = "tuple[re.Pattern[str], int, str]"
"""How a line looks in a text, blanks ignored; which line of the source it is; the line."""

_SKIPPED = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_NAME = re.compile(r"\w")
_WORDS = re.compile(r"\w+|[^\w\s]")
_TODO = re.compile(r"\b(TODO|FIXME|XXX|HINT)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Leak:
    """A line of a solution, or of a hidden test, that stands in a release: `line` of the source, in `file`.

    `where` is the line of the source that the text comes from, or 0.
    """

    line: int
    text: str
    file: str
    where: int

    def __str__(self) -> str:
        return f"this is released in {self.file} and gives line {self.line} away, {self.text!r}: write it differently"


def leaks(source: Source, released: dict[str, str], tier: str = "core") -> list[Leak]:
    """Return the solution lines and hidden tests that stand in a release.

    A solution line is a line of a stripped solution whose tokens do not also stand in the given code. It is looked for
    in everything else that is released: comments, docstrings and other strings, markdown, outputs, and the visible
    checks. Blanks are ignored. A line of one or two tokens, such as `else:`, gives nothing away, nor does `i = 0`. In a
    line with a TODO, the expressions of the solution are looked for as well.

    Args:
        source: the loaded assignment.
        released: texts by file name.
        tier: the tier of the release.
    """
    text, origins = published(source, tier)
    given, prose = _given(text)
    lines, expressions = _secrets(source, tier, given)
    found = []
    for words, line in prose:
        for pattern, at, said in [*lines, *(expressions if _TODO.search(words) else [])]:
            if pattern.search(words):
                found.append(Leak(at, said, f"{source.name}.py", origins[line - 1]))
    for name, content in released.items():
        if content != text:
            for string in dict.fromkeys(_strings(name, content)):
                found += [Leak(at, said, name, 0) for pattern, at, said in lines if pattern.search(string)]
    seen = {leak.line for leak in found if leak.where}
    return [leak for leak in dict.fromkeys(found) if leak.where or leak.line not in seen]


def reveals(source: Source, tier: str) -> Callable[[str], bool]:
    """Return a function that says whether a text gives a line of a solution or of a hidden test away."""
    given, _ = _given(published(source, tier)[0])
    lines, _ = _secrets(source, tier, given)
    return lambda text: any(pattern.search(text) for pattern, _, _ in lines)


def _given(text: str) -> tuple[str, list[tuple[str, int]]]:
    """Return the code of a program as its tokens with blanks between them, and its prose, line by line."""
    docstrings = {
        (node.lineno, node.col_offset)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    code, prose = [], []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        string = token.type == tokenize.STRING or tokenize.tok_name[token.type] == "FSTRING_MIDDLE"
        if token.type == tokenize.COMMENT or string:
            prose += [(words, token.start[0] + i) for i, words in enumerate(token.string.split("\n"))]
        if token.type not in _SKIPPED and (token.start not in docstrings or not string):
            code.append(token.string)
    return f" {' '.join(code)} ", prose


def _secrets(source: Source, tier: str, given: str) -> tuple[list[Secret], list[Secret]]:
    """Return patterns for the lines that must not be released, and for the expressions of the solutions."""
    hide = [
        block for block in source.blocks if block.kind == HIDDEN or (block.kind == SOLUTION and block.stripped(tier))
    ]
    tokens: dict[int, list[str]] = {}
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in _SKIPPED and token.start[0] == token.end[0]:
            tokens.setdefault(token.start[0], []).append(token.string)
        elif token.type in (tokenize.STRING, tokenize.COMMENT):  # lines of a docstring; a comment
            for i, words in enumerate(token.string.split("\n")):
                tokens.setdefault(token.start[0] + i, []).extend(_WORDS.findall(words))
    lines: list[Secret] = []
    for line in (line for block in hide for line in range(block.first, block.last + 1)):
        tokens_here = tokens.get(line, [])
        if _tells(tokens_here) and f" {' '.join(tokens_here)} " not in given:
            lines.append((_pattern(tokens_here), line, source.lines[line - 1].strip()))
    inside = [block for block in hide if block.kind == SOLUTION]
    expressions: list[Secret] = []
    rows = source.text.encode().split(b"\n")
    for node in ast.walk(ast.parse(source.text)):
        value = getattr(node, "value", None) if isinstance(node, (ast.Return, ast.Assign, ast.AugAssign)) else None
        if isinstance(value, ast.expr) and any(value.lineno in block for block in inside):
            segment = _segment(rows, value)
            found = _WORDS.findall(segment)
            if len(found) >= 3 and f" {' '.join(found)} " not in given:
                expressions.append((_pattern(found), value.lineno, segment))
    return lines, expressions


def _segment(rows: Sequence[bytes], node: ast.expr) -> str:
    """Return an expression's text, of the lines of its program. `ast.get_source_segment` splits the program anew."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    whole = list(rows[first : last + 1])
    whole[-1] = whole[-1][: node.end_col_offset]
    whole[0] = whole[0][node.col_offset :]
    return b"\n".join(whole).decode()


def _tells(words: Sequence[str]) -> bool:
    """Return whether a line of these tokens is long enough, and not only punctuation, to give something away."""
    return (
        len(words) >= 3
        and any(_NAME.search(word) for word in words)
        and not (len(words) == 3 and words[1] == "=" and not words[2].isidentifier())
    )


def _pattern(tokens: Sequence[str]) -> re.Pattern[str]:
    """Return a pattern for a line in a text, blanks ignored."""
    words = [word for token in tokens for word in _WORDS.findall(token)]
    return re.compile(r"(?<!\w)" + r"\s*".join(map(re.escape, words)) + r"(?!\w)")


def _strings(name: str, content: str) -> Iterator[str]:
    """Return the texts in a released file that are not the given code."""
    if name.endswith(".py"):
        yield from (words for words, _ in _given(content)[1])
        return

    def visit(value: Any, key: str = "") -> Iterator[str]:
        if isinstance(value, str):
            if key != "driver":
                yield value
        elif isinstance(value, dict):
            if value.get("cell_type") == "code":
                yield from (words for words, _ in _given("".join(value["source"]))[1])
                yield from visit(value["outputs"])
            else:
                for inner, item in value.items():
                    yield from visit(item, inner)
        elif isinstance(value, list):
            for item in value:
                yield from visit(item, key)

    yield from visit(json.loads(content))
