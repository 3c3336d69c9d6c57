"""The table of what `minigrad.watch` looks for, in docs/watching.md. Write it anew with

python tests/conditions.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from minigrad.teach.causes.cause import CERTAIN, EXPLANATIONS
from minigrad.teach.symptoms import BOUNDS

PAGE = Path(__file__).parents[1] / "docs" / "watching.md"
BEGIN = "## What it looks for\n"


def conditions() -> str:
    """Return the tables: symptoms, and causes by the files that they are in."""
    causes = [*CERTAIN, *EXPLANATIONS]
    text = ["", "Symptoms, which show in the numbers; each is said with its likeliest cause, if one is known:", ""]
    text += _table(BOUNDS.items())
    for module in sorted({cause.look.__module__ for cause in causes}):
        if module.startswith("minigrad."):
            subject = (sys.modules[module].__doc__ or "").splitlines()[0].rstrip(".")
            rows = sorted({(c.kind, c.when) for c in causes if c.look.__module__ == module})
            text += ["", f"{subject}:", "", *_table(rows)]
    return "\n".join([*text, ""])


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    found: dict[str, str] = {}
    for kind, when in rows:
        found[kind] = f"{found[kind]}; or {when}" if kind in found else when
    return ["| kind | when it is said |", "| --- | --- |", *(f"| {kind} | {found[kind]} |" for kind in found)]


def page() -> str:
    """Return the page with the tables as they must be."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[0] + BEGIN + conditions()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
