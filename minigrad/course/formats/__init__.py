"""Results for platforms: each format turns a `Record` into the text of one file. A format sees nothing but records.

A module has `FILE`, the name of its file in the folder of a submission, and `render(record)`, its text for a record
whose texts are clean. The gradebook is one table for a class and lies beside those folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from minigrad.course.formats import (
    autolab,
    classroom50,
    codegrade,
    feedback,
    gradebook,
    gradescope,
    junit,
    markdown,
    prairielearn,
)
from minigrad.course.record import Record
from minigrad.output.files import write_file

FORMATS: dict[str, ModuleType] = {
    "gradescope": gradescope,
    "classroom50": classroom50,
    "junit": junit,
    "markdown": markdown,
    "prairielearn": prairielearn,
    "codegrade": codegrade,
    "autolab": autolab,
}
"""Formats with a file for each submission."""

NAMES = (*FORMATS, "csv")
"""What `grade --format` accepts."""


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of formats, without repetitions.

    Args:
        names: names, or texts of several names with commas between them.

    Raises:
        ValueError: there is no format of that name.

    >>> check_names(["gradescope,junit", "csv"])
    ('gradescope', 'junit', 'csv')
    """
    asked = [name.strip() for text in names for name in text.split(",")]
    for name in asked:
        if name not in NAMES:
            raise ValueError(f"there is no format {name!r}; the formats are {', '.join(NAMES)}")
    return tuple(dict.fromkeys(asked))


def render(record: Record, name: str) -> str:
    """Return a record in one format, as the text of its file."""
    return str(FORMATS[name].render(feedback.cleaned(record)))


def write(record: Record, names: Iterable[str], folder: str | Path) -> list[Path]:
    """Write a record in several formats into the folder of its submission, and return the paths. `csv` writes none."""
    paths = []
    for name in names:
        if name in FORMATS:
            path = Path(folder) / FORMATS[name].FILE
            content = render(record, name).encode()
            write_file(path, lambda file, content=content: file.write(content))  # type: ignore[misc]
            paths.append(path)
    return paths


def write_gradebook(records: Iterable[Record], folder: str | Path, id_column: str = "name") -> Path:
    """Write the class's `grades.csv` and return its path."""
    path = Path(folder) / gradebook.FILE
    content = gradebook.table(records, id_column).encode()
    write_file(path, lambda file: file.write(content))
    return path
