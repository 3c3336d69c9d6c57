"""Grade the one submission in a folder, and put the result where a platform expects it: what autograders run.

`python -m minigrad.course.exports.entry SOURCE FOLDER --format NAME --result FILE`
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from minigrad.course import formats
from minigrad.course.grading import grade
from minigrad.output.files import write_file

_SHOWN = 10
"""Names of files that a message lists at most."""


def submission_in(folder: Path, name: str) -> Path | None:
    """Return the submission in a folder: NAME.py or NAME.ipynb, otherwise the only program there; None if unclear."""
    programs = _programs(folder)
    for ending in (".py", ".ipynb"):
        for path in programs:
            if path.name == f"{name}{ending}":
                return path
    return programs[0] if len(programs) == 1 else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade and write the result. A submission that is missing or cannot be run is a result, too.

    Args:
        arguments: the words after the program's name. Default: those of this process.

    Returns:
        The exit status, 0. What is wrong with the autograder itself raises, and no result is written.
    """
    parser = argparse.ArgumentParser(prog="python -m minigrad.course.exports.entry", description=__doc__)
    parser.add_argument("source", type=Path, help="the assignment")
    parser.add_argument("folder", type=Path, help="the folder with the submission")
    parser.add_argument("--format", choices=list(formats.FORMATS), required=True, help="of the result")
    parser.add_argument("--result", type=Path, required=True, help="the file to write")
    options = parser.parse_args(arguments)
    name = options.source.stem
    path = submission_in(options.folder, name)
    with tempfile.TemporaryDirectory() as scratch:
        (record,) = grade(
            options.source, [path or options.folder / f"{name}.py"], scratch, jobs=1, formats=(), progress=False
        )
    if record.missing:
        found = ", ".join(file.name for file in _programs(options.folder)[:_SHOWN]) or "no program"
        record = dataclasses.replace(record, problem=f"hand in one file {name}.py or {name}.ipynb; there is {found}")
    content = formats.render(record, options.format).encode()
    options.result.parent.mkdir(parents=True, exist_ok=True)
    write_file(options.result, lambda file: file.write(content))
    print(formats.feedback.summary(record))
    return 0


def _programs(folder: Path) -> list[Path]:
    """Return the programs and notebooks in a folder, those nearest to its top first."""
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix in (".py", ".ipynb") and path.is_file()
        and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    ]  # fmt: skip
    return sorted(found, key=lambda path: (len(path.parts), path.as_posix()))


if __name__ == "__main__":
    sys.exit(main())
