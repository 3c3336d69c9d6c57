"""Export an assignment: what a platform needs to grade it, in files to upload or to copy."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from minigrad.course.exports import classroom50, container, gradescope, nbgrader, otter, prairielearn
from minigrad.course.source import load

TARGETS: dict[str, ModuleType] = {
    "gradescope": gradescope,
    "prairielearn": prairielearn,
    "classroom50": classroom50,
    "nbgrader": nbgrader,
    "otter": otter,
    "container": container,
}
"""Each has `files(source)`: the contents by path below the target folder. A path that begins with `!` is executable."""


def export(source: str | Path, to: str, out: str | Path) -> Path:
    """Write an assignment in the form of a platform. The same source gives the same bytes.

    All of them hold the solution: upload them where students cannot read them.

    Args:
        source: the assignment's file, or its folder.
        to: "gradescope": OUT/NAME-gradescope.zip, to be uploaded as autograder. "prairielearn": OUT/questions/NAME, a
            question with an external grader. "classroom50": OUT/autograders/NAME, an `autograder.py` and its bundle.
            "nbgrader": OUT/source/NAME/NAME.ipynb, an instructor's notebook. "otter": OUT/NAME/autograder and
            OUT/NAME/student, notebooks with test files. "container": OUT/Dockerfile and what it copies.
        out: the folder; it is made if it does not exist.

    Returns:
        The path of the zip, or of the folder.

    Raises:
        ValueError: there is no such platform.
        SourceError: the source is wrong, or has a check that the platform's form cannot hold.
        OSError: the source cannot be read, or `out` cannot be written.
    """
    if to not in TARGETS:
        raise ValueError(f"there is no platform {to!r}; the platforms are {', '.join(TARGETS)}")
    loaded = load(source)
    files: dict[str, bytes] = TARGETS[to].files(loaded)
    targets = {name: Path(out) / name.lstrip("!") for name in files}
    for name, path in targets.items():
        if path.resolve() == loaded.path.resolve():
            raise ValueError(f"{path} is the source itself: export into another folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
        if name.startswith("!"):
            path.chmod(path.stat().st_mode | 0o111)
    return next(iter(targets.values())) if len(targets) == 1 else Path(out)
