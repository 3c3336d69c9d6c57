"""The report of a check: true as a bool if all is right; its text explains what is wrong, in a notebook as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

COLOURS = {"right": "#d5efe6", "follows": "#fcefd0", "wrong": "#fbdfd0", "unclear": "#eeeeee"}
"""Those of the pictures of graphs, which colour-blind people can tell apart."""


@dataclass
class Report:
    """What the check of one function found. True if it is right.

    Attributes:
        ok: whether it is right.
        subject: what it was compared with, such as the name of a rule.
        mistake: the name of the mistake in the catalogue; None if it is right, "unknown" if none fits.
        hint: where to look.
        cause: what is wrong, in a sentence.
        notes: further remarks.
        table: rows (what, yours, the right one), where the two differ first or most.
    """

    ok: bool
    subject: str
    mistake: str | None = None
    hint: str = ""
    cause: str = ""
    notes: list[str] = field(default_factory=list)
    table: list[tuple[str, str, str]] = field(default_factory=list)

    of_right = "the right one"
    """The title of the right numbers."""

    def __bool__(self) -> bool:
        return self.ok

    @property
    def verdict(self) -> str:
        """The first line: what was compared, and whether it is right."""
        return f"{self.subject}: {'right' if self.ok else 'WRONG'}"

    @property
    def sentences(self) -> list[str]:
        """The hint, the cause, and the notes."""
        found = [("Hint", self.hint), ("Cause", self.cause), *(("Note", note) for note in self.notes)]
        return [f"{title}: {ended(text)}" for title, text in found if text]

    def __str__(self) -> str:
        rows = [("", "yours", self.of_right), *self.table] if self.table else []
        widths = [max(map(len, column)) for column in zip(*rows)]
        numbers = ["[" + "  ".join(cell.rjust(w) for cell, w in zip(row, widths)) + "]" for row in rows]
        return "\n    ".join([self.verdict, *self.sentences, *numbers])

    __repr__ = __str__

    def explain(self) -> str:
        """Return the text, with what is wrong beside what is right."""
        return str(self)

    def _repr_html_(self) -> str:
        head = f'<p style="{_style(COLOURS["right" if self.ok else "wrong"])}"><b>{marked(self.verdict)}</b></p>'
        text = "".join(f"<p>{marked(sentence)}</p>" for sentence in self.sentences)
        rows = [(COLOURS["unclear"], row) for row in self.table]
        return head + text + (html_table(("", "yours", self.of_right), rows) if rows else "")


def ended(text: str) -> str:
    """Return a sentence with a full stop, if it ends otherwise."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def either(sentences: Sequence[str]) -> str:
    """Return one sentence, or several that are equally likely."""
    return sentences[0] if len(sentences) == 1 else f"either {', or '.join(sentences)}"


def marked(text: str) -> str:
    """Return a text as HTML, with what stands in backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def html_table(titles: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return a table as HTML; a row is a colour, with which other styles may come, and the cells."""
    head = "".join(f'<th style="padding: 2px 8px; text-align: left">{title}</th>' for title in titles)
    body = "".join(
        f'<tr style="background: {colour}">{"".join(f"<td {_CELL}>{marked(cell)}</td>" for cell in cells)}</tr>'
        for colour, cells in rows
    )
    return f'<table style="border-collapse: collapse"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _style(colour: str) -> str:
    return f"background: {colour}; padding: 2px 8px; color: #222"


_CELL = 'style="padding: 2px 8px; text-align: left; color: #222"'
