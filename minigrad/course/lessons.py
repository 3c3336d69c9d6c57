"""The lessons of `tutorials/`: list them, copy one as a program or a notebook, run one. `show` is for them."""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.course.notebooks import notebook
from minigrad.output.files import write_file
from minigrad.viz.graph.draw import draw


@dataclass(frozen=True)
class Lesson:
    """A lesson: its file, and its title."""

    path: Path
    title: str

    @property
    def number(self) -> int:
        """Its place in the course, from 1."""
        return int(self.path.stem.partition("_")[0])


def folder() -> Path:
    """Return the folder of the lessons: beside the package in a checkout, else where its installation put them.

    Raises:
        FileNotFoundError: if there is none.
    """
    beside = Path(__file__).resolve().parents[2] / "tutorials"
    installed = Path(sysconfig.get_path("data")) / "share" / "minigrad" / "tutorials"
    for place in (beside, installed):
        if (place / "01_one_number.py").exists():
            return place
    raise FileNotFoundError(f"the lessons are neither in {beside} nor in {installed}; reinstall minigrad-course")


def lessons() -> list[Lesson]:
    """Return all lessons in order."""
    return [Lesson(path, _title(path)) for path in sorted(folder().glob("[0-9][0-9]_*.py"))]


def find(name: str, among: Sequence[Lesson] | None = None) -> Lesson:
    """Return the lesson with this number, file name or part of its name.

    Raises:
        ValueError: if none or several fit; the message lists them.
    """
    known = lessons() if among is None else among
    if name.isdecimal():
        found = [lesson for lesson in known if lesson.number == int(name)]
    else:
        found = [lesson for lesson in known if name.removesuffix(".py").lower() in lesson.path.stem]
    if len(found) != 1:
        names = ", ".join(lesson.path.stem for lesson in found or known)
        raise ValueError(f"{'several lessons fit' if found else 'no lesson is called'} {name!r}: {names}")
    return found[0]


def copy(lesson: Lesson, target: Path, as_notebook: bool = False) -> Path:
    """Copy a lesson into a folder, as a program or as a notebook, and return the path of the copy.

    Raises:
        FileExistsError: if the folder has a file of that name already.
    """
    text = lesson.path.read_text("utf-8")
    made = target / f"{lesson.path.stem}{'.ipynb' if as_notebook else '.py'}"
    if made.exists():
        raise FileExistsError(f"{made} exists already, and may have your changes; copy into another folder")
    target.mkdir(parents=True, exist_ok=True)
    write_file(made, lambda file: file.write((notebook(text) if as_notebook else text).encode()))
    return made


def run(lesson: Lesson) -> None:
    """Run a lesson. Its pictures go into the folder `pictures` of the current folder, as those of a notebook."""
    code = compile(lesson.path.read_text("utf-8"), str(lesson.path), "exec")
    exec(code, {"__name__": "__main__"})


def show(output: Any, path: Path, **options: Any) -> None:
    """Draw the graph of `output` into a file, or print why it was not drawn, so that a lesson goes on.

    Args:
        output, options: what `minigrad.draw` takes.
        path: the picture, such as `pictures/loss.svg`.
    """
    try:
        draw(output, **options).render(outfile=path, cleanup=True)
        print(f"picture: {path.parent.name}/{path.name}")
    except (ImportError, OSError, RuntimeError) as error:
        print("not drawn:", " ".join(str(error).split()))


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next(line[4:].strip() for line in lines if line.startswith("# # "))
