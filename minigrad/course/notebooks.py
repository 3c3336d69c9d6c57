"""Turn a program in percent format into a Jupyter notebook, and a notebook into such a program."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigrad.course.marks import Cell, comments, normalize, split

_MAGIC = re.compile(r"^(\s*)([%!].*)$", re.MULTILINE)


def notebook(text: str) -> str:
    """Return a notebook, nbformat 4.5, with the cells of a program; the same text gives the same bytes."""
    lines = text.split("\n")
    cells = [_cell(i, cell, lines[cell.first - 1 : cell.last]) for i, cell in enumerate(split(text))]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "name": "python"},
    }
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _cell(index: int, cell: Cell, lines: Sequence[str]) -> dict[str, Any]:
    text = "\n".join(lines if cell.kind == "code" else comments(lines)).strip("\n")
    made: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": f"cell-{index + 1}",
        "metadata": {"title": cell.title} if cell.title else {},
        "source": text.splitlines(keepends=True),
    }
    if cell.kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made


def percent(text: str, name: str = "notebook.ipynb") -> str:
    """Return the program in percent format that a notebook's text is. Lines of magic commands become comments.

    Raises:
        ValueError: the text is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
        parts = []
        for cell in cells:
            source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            if cell["cell_type"] == "code":
                parts.append("# %%\n" + _MAGIC.sub(r"\1pass  # \2", source))
            elif source.strip():
                body = "\n".join(f"# {line}".rstrip() for line in source.split("\n"))
                parts.append(f"# %% [{cell['cell_type']}]\n{body}")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{name} is not a Jupyter notebook of format 4") from None
    return normalize("\n\n".join(parts))


def program(path: Path) -> str:
    """Return the text of a submission, NAME.py or NAME.ipynb, as a program in percent format.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, or not a notebook.
    """
    text = path.read_text("utf-8")
    return percent(text, path.name) if path.suffix == ".ipynb" else normalize(text)
