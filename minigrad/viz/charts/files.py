"""Checks of a file before it is written: its ending, its folder, its permissions. This file imports no NumPy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from minigrad.output.words import printable


def check_target(path: str | os.PathLike[str], endings: Sequence[str], caller: str) -> Path:
    """Return the path of a file to write, after checking that it can be written.

    Functions that work for long before they write call it first.

    Args:
        path: the file.
        endings: the accepted endings, in lower case, with the dot.
        caller: the start of the messages: the function or option that was given the path.

    Raises:
        ValueError: the file has another ending.
        FileNotFoundError: its folder does not exist.
        IsADirectoryError: it is a folder.
        PermissionError: it may not be written.

    >>> check_target("loss.svg", [".svg"], "save").name
    'loss.svg'
    >>> check_target("loss.png", [".svg"], "save")
    Traceback (most recent call last):
        ...
    ValueError: save: loss.png must end in .svg, the only format that is written
    """
    target = Path(path)
    if target.suffix.lower() not in endings:
        *others, last = endings
        accepted = f"{', '.join(others)} or {last}" if others else last
        formats = "these are the formats that are" if others else "the only format that is"
        raise ValueError(f"{caller}: {printable(target)} must end in {accepted}, {formats} written")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"{caller}: {printable(target)} cannot be written: there is no folder {printable(target.parent)}"
        )
    if target.is_dir():
        raise IsADirectoryError(f"{caller}: {printable(target)} is a folder")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise PermissionError(f"{caller}: {printable(target)} may not be written")
    return target
