"""Percent cells and the marks in comments that say what is stripped, read from the text of an assignment.

A mark is a comment on its own line, `# BEGIN SOLUTION` … `# END SOLUTION`, with any number of `#`; or, in otter's
line form, a comment behind a statement, `return x @ w  # SOLUTION`. Marks are found by the tokenizer, so one inside a
string is an error and not a mark. Nothing here runs the program.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, replace

SOLUTION, HIDDEN, TESTS, PROMPT, SCHEME = "SOLUTION", "HIDDEN TESTS", "TESTS", "PROMPT", "MARK SCHEME"
KINDS = (SOLUTION, HIDDEN, TESTS, PROMPT, SCHEME)
TIERS = {"core": {"core"}, "scaffold": {"core", "scaffold"}, "challenge": {"challenge"}}
"""The roles of the solutions that a release tier strips. As in TinyTorch, the challenge tier starts from a working
program: its core is solved. Solutions with the role `instructor` are in no release."""
ROLES = ("core", "scaffold", "challenge", "instructor")

_MARK = re.compile(r"#[#\s]*(BEGIN|END)\s+(HIDDEN\s+TESTS|TESTS|SOLUTION|PROMPT|MARK\s+SCHEME)\b([^\n]*)")
_ANY_CASE = re.compile(_MARK.pattern, re.IGNORECASE)
_NEAR = re.compile(r"#[#\s]*(BEGIN|END)[\s_]+([A-Z]+(?:[\s_]+[A-Z]+)?)", re.IGNORECASE)
_LINE = re.compile(r"#[#\s]*SOLUTION\b([^\n]*)")
_ATTRIBUTE = re.compile(r"""\s*(?:(role|task)=(?:"([^"]*)"|'([^']*)'|(\S+))|(NO\s+PROMPT)\b|\#+)""")
_CELL = re.compile(r"#\s*%%(?P<title>[^\[\{\n]*)(?:\[(?P<kind>\w+)\])?(?P<rest>.*)")


class SourceError(ValueError):
    """An assignment's source is not as it must be. `problems` are pairs of a line, or 0, and what is wrong there."""

    def __init__(self, name: str, problems: Sequence[tuple[int, str]]) -> None:
        self.name, self.problems = name, sorted(set(problems))
        super().__init__("\n".join(f"{name}, line {line}: {text}" if line else f"{name}: {text}"
                                   for line, text in self.problems))  # fmt: skip

    def __reduce__(self) -> tuple[type[SourceError], tuple[str, list[tuple[int, str]]]]:
        return type(self), (self.name, self.problems)


@dataclass(frozen=True)
class Cell:
    """A cell: `kind` is code, markdown or raw; `line` is that of its `# %%`, or 0; its text is lines `first` to `last`.

    Lines count from 1.
    """

    kind: str
    line: int
    first: int
    last: int
    title: str = ""


@dataclass(frozen=True)
class Block:
    """What a pair of marks encloses: lines `begin` to `end` with the marks, `first` to `last` without them.

    In the line form all four are lines of the statement. `task` is the number that the mark names, or empty; `target`
    is what the statement of a line form assigns to. `stub` is False for a solution that leaves nothing behind.
    """

    kind: str
    begin: int
    end: int
    first: int
    last: int
    indent: str = ""
    role: str = "core"
    task: str = ""
    stub: bool = True
    target: str = ""
    markdown: bool = False

    def __contains__(self, line: int) -> bool:
        return self.begin <= line <= self.end

    def stripped(self, tier: str) -> bool:
        """Return whether a release of this tier goes without the lines of this block."""
        if self.kind == SOLUTION:
            return self.role == "instructor" or self.role in TIERS[tier]
        return self.kind != PROMPT


def normalize(text: str) -> str:
    """Return the text with `\\n` as line ends, without a byte order mark, ended by one line end."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").rstrip() + "\n"


def read(text: str, name: str = "source.py") -> tuple[list[Cell], list[Block]]:
    """Return the cells and the blocks of an assignment's text.

    Args:
        text: a Python program in percent format.
        name: the file's name, for messages.

    Raises:
        SourceError: the program does not compile, or a mark is unbalanced, nested, overlapping, empty, misspelled, or
            crosses a cell. Its message has all problems with their lines.
    """
    lines = text.split("\n")
    tree = parse(text, name)
    cells = split(text)
    reader = _Reader(lines, tree, cells)
    reader.read(_tokens(text))
    for cell in cells:
        if cell.kind == "code":  # a notebook, and the grader, run cell by cell
            above = "\n" * (cell.first - 1)
            try:
                ast.parse(above + "\n".join(lines[cell.first - 1 : cell.last]), name)
            except SyntaxError as error:
                reader.problem(error.lineno or cell.first, f"this cell does not compile on its own: {error.msg}")
    if reader.problems:
        raise SourceError(name, reader.problems)
    return cells, sorted(reader.blocks, key=lambda block: block.begin)


def parse(text: str, name: str, what: str = "") -> ast.Module:
    """Compile a program, and return its tree.

    Raises:
        SourceError: it does not compile.
    """
    try:
        tree = ast.parse(text, name)
        compile(text, name, "exec", dont_inherit=True)  # finds what the parser alone does not: `return` outside a def
    except SyntaxError as error:
        raise SourceError(name, [(error.lineno or 0, what + (error.msg or "invalid syntax"))]) from None
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
        raise SourceError(name, [(0, f"{what}{error or 'the program is nested too deeply'}")]) from None
    return tree


def comments(lines: Sequence[str]) -> list[str]:
    """Return the text of markdown that is written as comments, or as one string."""
    body = "\n".join(lines).strip("\n")
    for quotes in ('"""', "'''"):
        for prefix in ("", "r"):
            if body.strip().startswith(prefix + quotes) and body.strip().endswith(quotes):
                return body.strip()[len(prefix + quotes) : -3].strip("\n").split("\n")
    return [re.sub(r"^#( |$)", "", line) for line in body.split("\n")]


def split(text: str) -> list[Cell]:
    """Return the cells of a program that compiles: it is split at the comments `# %%` that begin a line."""
    lines, tokens = text.split("\n"), _tokens(text)
    starts = [
        (token.start[0], found)
        for token in tokens
        if token.type == tokenize.COMMENT and token.start[1] == 0 and (found := _CELL.fullmatch(token.string))
    ]
    last = len(lines) - 1 if lines and not lines[-1] else len(lines)
    cells: list[Cell] = []
    before = starts[0][0] - 1 if starts else last
    if any(line.strip() for line in lines[:before]):
        cells.append(Cell("code", 0, 1, before))
    for (line, found), after in zip(starts, [line for line, _ in starts[1:]] + [last + 1]):
        kind = {"md": "markdown", "markdown": "markdown", "raw": "raw"}.get(found["kind"] or "", "code")
        cells.append(Cell(kind, line, line + 1, after - 1, found["title"].strip()))
    return cells


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


class _Reader:
    """Collects blocks and problems."""

    def __init__(self, lines: list[str], tree: ast.Module, cells: list[Cell]) -> None:
        self.lines, self.cells = lines, cells
        self.simple = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not _bodies(node)]
        self.blocks: list[Block] = []
        self.problems: list[tuple[int, str]] = []
        self.open: list[tuple[int, str, Block]] = []  # line, kind, what the BEGIN mark says

    def problem(self, line: int, text: str) -> None:
        self.problems.append((line, text))

    def read(self, tokens: list[tokenize.TokenInfo]) -> None:
        seen: set[int] = set()
        for i, token in enumerate(tokens):
            if token.type != tokenize.COMMENT:
                continue
            line = token.start[0]
            alone = not self.lines[line - 1][: token.start[1]].strip()
            before = tokens[i - 1]
            if before.type == tokenize.STRING and _MARK.match(token.string) and PROMPT in token.string:
                self.prompt(before, token)
                seen.update(range(before.start[0], line + 1))
            elif found := _MARK.fullmatch(token.string):
                seen.add(line)
                if alone:
                    self.mark(line, token.start[1], found)
                else:
                    self.problem(line, f"{found[1]} {_kind(found[2])} must stand on its own line")
            elif found := _LINE.fullmatch(token.string):
                seen.add(line)
                self.line_form(line, alone, found)
            elif not alone and re.fullmatch(r"#[#\s]*solution\s*", token.string, re.IGNORECASE):
                self.problem(line, f"{token.string} is not a mark: write # SOLUTION")
            else:
                self.near(line, token.string)
        for line, kind, _ in self.open:
            self.problem(line, f"BEGIN {kind} has no END {kind}")
        for line, words in enumerate(self.lines, 1):
            if line not in seen and (_MARK.fullmatch(words.strip()) or _LINE.fullmatch(words.strip())):
                self.problem(line, "a mark stands inside a string: move it out, or write its words differently")

    def near(self, line: int, comment: str) -> None:
        """Report a comment that looks like a mark and is none: taken for a comment, it would release the solution."""
        found = _NEAR.match(comment)
        if not found:
            return
        words = " ".join(found[2].upper().replace("_", " ").split())
        exact = _ANY_CASE.fullmatch(comment)
        for length in (2, 1):
            close = difflib.get_close_matches(" ".join(words.split()[:length]), KINDS, 1, 0.8)
            if (exact and not _ATTRIBUTE.sub("", exact[3]).strip()) or (close and comment.upper() == comment):
                right = f"# {found[1].upper()} {close[0] if close else _kind(exact[2].upper()) if exact else SOLUTION}"
                self.problem(line, f"{comment} is not a mark: write {right}")
                return

    def attributes(self, line: int, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        at = 0
        text = text.rstrip()
        while at < len(text):
            part = _ATTRIBUTE.match(text, at)
            if not part or part.end() == at:
                self.problem(line, f"{text[at:].strip()!r} is not understood: write role=… or task=…")
                break
            if part[1]:
                if part[1] in found:
                    self.problem(line, f"{part[1]}= is given twice")
                found[part[1]] = next(value for value in part.groups()[1:4] if value is not None)
            elif part[5]:
                found["no prompt"] = "yes"
            at = part.end()
        if found.get("role", "core") not in ROLES:
            self.problem(line, f"role={found['role']} is none of {', '.join(ROLES)}")
        return found

    def mark(self, line: int, column: int, found: re.Match[str]) -> None:
        kind = _kind(found[2])
        words = self.attributes(line, found[3])
        if found[1] == "END" and words:
            self.problem(line, f"END {kind} takes no words")
        if words and kind != SOLUTION:
            self.problem(line, f"BEGIN {kind} takes no words: role= and task= belong to BEGIN SOLUTION")
        if kind == PROMPT:
            self.problem(line, 'a prompt is written as a string, between """ # BEGIN PROMPT and """ # END PROMPT')
            return
        if found[1] == "BEGIN":
            if self.open:
                start, other, _ = self.open[-1]
                self.problem(line, f"BEGIN {kind} stands inside BEGIN {other} of line {start}: marks do not nest")
            block = Block(
                kind, line, line, line, line, self.lines[line - 1][:column], words.get("role", "core"),
                words.get("task", ""), "no prompt" not in words, markdown=self.cell(line).kind == "markdown",
            )  # fmt: skip
            self.open.append((line, kind, block))
            return
        places = [i for i, (_, other, _) in enumerate(self.open) if other == kind]
        if not places:
            self.problem(line, f"END {kind} has no BEGIN {kind}")
            return
        start, _, block = self.open.pop(places[-1])
        for opened, what, _ in self.open[places[-1] :]:
            self.problem(line, f"END {kind} overlaps BEGIN {what} of line {opened}: end that first")
        self.close(start, line, block)

    def close(self, start: int, line: int, block: Block) -> None:
        """Check a block from its marks on lines `start` and `line`, and keep it."""
        inside = range(start + 1, line)
        content = [self.lines[i - 1] for i in inside]
        if self.cell(start) != self.cell(line):
            self.problem(line, f"the block of line {start} crosses a cell (# %%): end it in the cell where it begins")
        elif block.markdown:
            if not any(re.sub(r"^\s*#\s?", "", text).strip() for text in content):
                self.problem(start, f"BEGIN {block.kind} is empty: there is nothing up to line {line}")
        elif all(text.strip() in ("", "pass", "...") or text.strip().startswith("#") for text in content):
            self.problem(start, f"BEGIN {block.kind} is empty: there is no code up to line {line}")
        else:
            self.whole(block, start, line)
        code = [text for text in content if text.strip() and not text.strip().startswith("#")]
        indent = block.indent if block.markdown or not code else _indent(code[0])
        self.blocks.append(replace(block, end=line, first=start + 1, last=line - 1, indent=indent))

    def whole(self, block: Block, start: int, end: int) -> None:
        """Report a mark inside a statement of several lines: a part of the statement would be released.

        Marks in the head of a compound statement leave what does not compile; that is found in the release.
        """
        for node in self.simple:
            for mark in (start, end):
                if node.lineno < mark <= (node.end_lineno or 0):
                    self.problem(mark, f"the mark stands inside the statement of line {node.lineno}")

    def line_form(self, line: int, alone: bool, found: re.Match[str]) -> None:
        words = self.attributes(line, found[1])
        if alone:
            self.problem(line, "# SOLUTION stands behind the line that is the solution; for more, use # BEGIN SOLUTION")
            return
        if self.open:
            self.problem(line, f"# SOLUTION stands inside BEGIN {self.open[-1][1]} of line {self.open[-1][0]}")
            return
        ends = [node for node in self.simple if node.end_lineno == line]
        first = min((node.lineno for node in ends), default=line)
        indent = _indent(self.lines[first - 1])
        if not any((node.lineno, node.col_offset) == (first, len(indent.encode())) for node in ends):
            self.problem(line, "# SOLUTION stands behind no whole statement: use # BEGIN SOLUTION and # END SOLUTION")
            return
        node = min(ends, key=lambda node: (node.lineno, node.col_offset))
        target = ""
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and len(ends) == 1:
            target = " = ".join(
                ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])
            )
        self.blocks.append(
            Block(SOLUTION, first, line, first, line, indent, words.get("role", "core"), words.get("task", ""),
                  "no prompt" not in words, target)
        )  # fmt: skip

    def prompt(self, string: tokenize.TokenInfo, comment: tokenize.TokenInfo) -> None:
        first, last = string.start[0], comment.start[0]
        begins = _MARK.fullmatch(string.string.split("\n")[0].lstrip("rR\"' "))
        if not begins or begins[1] != "BEGIN" or "END" not in comment.string or first == last:
            self.problem(last, 'a prompt is written between """ # BEGIN PROMPT and """ # END PROMPT')
            return
        if self.open:
            self.problem(first, f"BEGIN PROMPT stands inside BEGIN {self.open[-1][1]} of line {self.open[-1][0]}")
        self.blocks.append(Block(PROMPT, first, last, first + 1, last - 1, self.lines[first - 1][: string.start[1]]))

    def cell(self, line: int) -> Cell:
        return next((cell for cell in reversed(self.cells) if line >= cell.line), self.cells[0])


_PARTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def _kind(words: str) -> str:
    return " ".join(words.split())


def _bodies(node: ast.AST) -> bool:
    """Return whether a statement holds other statements."""
    return any(isinstance(child, _PARTS) for child in ast.iter_child_nodes(node))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
