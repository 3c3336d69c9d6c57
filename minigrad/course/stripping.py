"""The text of a release: solutions become blanks, tests vanish or become calls of the visible checks."""

from __future__ import annotations

import json
import re
from collections.abc import Container

from minigrad.course.marks import PROMPT, SOLUTION, TESTS, TIERS, Block, Cell, SourceError, read
from minigrad.course.source import Source

UNMARKED = re.compile(r"\s*#[#\s]*SOLUTION\b[^\n]*$")


def check_tier(tier: str) -> None:
    """Raise ValueError if there is no such tier."""
    if tier not in TIERS:
        raise ValueError(f"tier must be one of {', '.join(map(repr, TIERS))}, got {tier!r}")


def published(source: Source, tier: str = "core", solved: Container[str] = ()) -> tuple[str, list[int]]:
    """Return the text of the released program, and the line of the source that each of its lines comes from.

    Args:
        source: the loaded assignment.
        tier: the tier of the release.
        solved: numbers of the tasks whose solutions stay in, as a submission has them.

    Raises:
        SourceError: what remains does not compile.
    """
    made: list[tuple[str, int]] = []
    blocks = {block.begin: block for block in source.blocks}
    emptied = {cell.line: cell for cell in source.cells if cell.line and _emptied(source, cell, tier, solved)}
    line, total = 1, len(source.lines)
    while line <= total:
        if line in emptied:
            line = emptied[line].last + 1
            continue
        block = blocks.get(line)
        if block is None:
            made.append((source.lines[line - 1], line))
            line += 1
            continue
        left = _replacement(source, block, tier, solved)
        if not (made and [text for text, _ in left] == [made[-1][0]]):  # lines marked one by one leave one blank
            made += left
        line = block.end + 1
        while not left and line <= total and not source.lines[line - 1] and (not made or not made[-1][0]):
            line += 1  # blank lines before and after the block meet
    text = "\n".join(words for words, _ in made).rstrip("\n") + "\n"
    origins = [origin for _, origin in made]
    try:
        read(text, source.path.name)
    except SourceError as error:
        problems = [(origins[min(line, len(origins)) - 1] if line else 0, f"without the blocks: {said}")
                    for line, said in error.problems]  # fmt: skip
        raise SourceError(source.path.name, problems) from None
    return text, origins


def solution(source: Source) -> str:
    """Return the text of a perfect submission."""
    return published(source, solved=[task.number for task in source.assignment.tasks])[0]


def _emptied(source: Source, cell: Cell, tier: str, solved: Container[str]) -> bool:
    """Return whether a cell has blocks and nothing is left of it."""
    blocks = [block for block in source.blocks if cell.first <= block.begin <= cell.last]
    left = [text for block in blocks for text, _ in _replacement(source, block, tier, solved)]
    for line in range(cell.first, cell.last + 1):
        if not any(line in block for block in blocks):
            left.append(source.lines[line - 1])
    return bool(blocks) and not any(text.strip() for text in left)


def _replacement(source: Source, block: Block, tier: str, solved: Container[str]) -> list[tuple[str, int]]:
    """Return the lines that a block becomes."""
    inside = [(source.lines[line - 1], line) for line in range(block.first, block.last + 1)]
    line_form = block.first == block.begin
    if block.kind == PROMPT:
        return inside
    if block.kind == SOLUTION:
        task = source.task_of(block)
        assert task is not None
        if task.number in solved or not block.stripped(tier):
            return [*inside[:-1], (UNMARKED.sub("", inside[-1][0]), block.last)] if line_form else inside
        if not block.stub or block.role == "instructor":
            return []
        if block.markdown:
            return [(f"# *Your answer to Task {task.number}: {task.title}*", block.begin)]
        quoted = _quoted(f"Task {task.number}: {task.title}")
        note = f"  # {block.target} = ..." if block.target else ""
        return [(f"{block.indent}raise NotImplementedError({quoted}){note}", block.begin)]
    if block.kind != TESTS:
        return []
    made = []
    if source.assignment.line in block:
        made += ["from minigrad.course import Checks", "", f"check = Checks({_quoted(source.name)})"]
    tasks = [task for task in source.assignment.tasks if task.line in block]
    made += [""] if made and tasks else []
    made += [f"check({_quoted(task.number)}, globals())" for task in tasks]
    return [(f"{block.indent}{text}".rstrip(), block.begin) for text in made]


def _quoted(text: str) -> str:
    """Return a string literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)
