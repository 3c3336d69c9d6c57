"""Reports of a graded class: a text and a page for each student, tables and a page for the teacher."""

from __future__ import annotations

import json
from pathlib import Path

from minigrad.course.formats import feedback, gradebook
from minigrad.course.record import FILE as RECORD
from minigrad.course.record import Record
from minigrad.course.reports import rubric, student, teacher
from minigrad.output.files import write_file


def report(folder: str | Path, roster: str | Path | None = None, id_column: str = "") -> Path:
    """Write the reports of a graded class.

    In the folder of each submission: `report.txt` and `report.html`, for the student, to be handed out when grades are
    published. In `folder`: `class.html`, `class.csv` and `mistakes.csv` for the teacher, and, where a person must give
    points, `rubric.csv`. Its column `given` is empty at first; what is filled in is kept and counted by the next call.

    Args:
        folder: what `grade` wrote its results into.
        roster: a table in CSV that Canvas or Moodle exported. `gradebook.csv` is that table with the scores in a column
            of the assignment's title, and can be imported again. A score includes the points given by hand.
        id_column: the roster's column with the names of the submissions, such as "SIS Login ID" or "Email address".

    Returns:
        The path of `class.html`.

    Raises:
        FileNotFoundError: the folder holds no graded submission.
        ValueError: a record or the rubric cannot be read, or the roster has no such column.
        OSError: the roster cannot be read, or a file cannot be written.
    """
    folder = Path(folder)
    records = read_records(folder)
    if not records:
        raise FileNotFoundError(
            f"{folder} holds no graded submission; first run: course grade SOURCE SUBMISSION… --out DIR"
        )
    given = rubric.given(folder / rubric.FILE)
    for name, record in records.items():
        points = given.get(record.name, {})
        _write(folder / name / "report.txt", student.text(record, points))
        student.page_of(record, points).save(folder / name / "report.html")
    graded = list(records.values())
    if any(record.by_hand for record in graded):
        _write(folder / rubric.FILE, rubric.table(graded, given))
    if roster is not None:
        scores = {r.name: feedback.number(r.score + rubric.total(given, r)) for r in graded if r.gradable}
        filled = gradebook.filled(Path(roster).read_text("utf-8"), scores, id_column, graded[0].title)
        _write(folder / "gradebook.csv", filled)
    _write(folder / "class.csv", teacher.table(graded, given))
    _write(folder / "mistakes.csv", teacher.mistakes_table(graded))
    return teacher.page_of(records, given).save(folder / "class.html")


def read_records(folder: Path) -> dict[str, Record]:
    """Return the records of a graded class, sorted, by the name of the folder that each lies in.

    Raises:
        ValueError: one cannot be read.
    """
    records = {}
    for path in sorted(folder.glob(f"*/{RECORD}")):
        try:
            records[path.parent.name] = feedback.cleaned(Record.from_dict(json.loads(path.read_text("utf-8"))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no record of this version ({error}); grade that submission again") from None
    return records


def _write(path: Path, text: str) -> None:
    content = text.encode()
    write_file(path, lambda file: file.write(content))
