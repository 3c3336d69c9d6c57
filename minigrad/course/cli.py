"""The commands of `python -m minigrad course`: parse the options, call the function, print, return the exit status.

0 means that the tool worked; `check` and `prove` return 1 when something is wrong; 2 is wrong use, and broken marks.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_course(commands: Commands) -> None:
    """Declare `course` and its commands."""
    parser = commands.add_parser(
        "course",
        help="coursework: release, check, grade, report and prove an assignment",
        description="Write an assignment once as a working program, and release, check, grade, report and prove it.",
        epilog="SOURCE is the assignment's one file, or its folder. docs/teaching.md is the guide.",
    )
    inner = parser.add_subparsers(metavar="command", title="commands, each with its own --help", required=True)
    for add in (_add_new, _add_release, _add_check, _add_grade, _add_prove, _add_export, _add_report):
        add(inner)


def _add(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")


def _add_new(commands: Commands) -> None:
    parser = _add(commands, "new", "make a small assignment to begin from")
    parser.add_argument("directory", type=Path, metavar="DIR", help="the folder; its name becomes the assignment's")
    parser.set_defaults(run=_new)


def _new(options: argparse.Namespace) -> int:
    from minigrad.course.scaffolding import new

    path = new(options.directory)
    print(f"The assignment: {path}\nNext: python -m minigrad course prove {path}")
    return 0


def _add_release(commands: Commands) -> None:
    parser = _add(commands, "release", "write the student's version of an assignment, a program and a notebook")
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("directory", type=Path, metavar="DIR", help="the folder for the students' files")
    parser.add_argument("--tier", choices=["core", "scaffold", "challenge"], default="core",
                        help="whose solutions are stripped (%(default)s)")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace files in which somebody may have worked")
    parser.set_defaults(run=_release)


def _release(options: argparse.Namespace) -> int:
    from minigrad.course.publishing import release

    for path in release(options.source, options.directory, options.tier, options.force):
        print(path)
    return 0


def _add_check(commands: Commands) -> None:
    parser = _add(commands, "check", "run the visible checks on a released file, and explain what is wrong")
    parser.add_argument("file", type=Path, metavar="FILE", help="NAME.py or NAME.ipynb, beside NAME.checks.json")
    parser.add_argument("--cause", action="store_true", help="say the cause of a mistake, too, where that is allowed")
    parser.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    from minigrad.course.student import check

    report = check(options.file, cause=options.cause)
    print(report)
    return 0 if report else 1


def _add_grade(commands: Commands) -> None:
    parser = _add(commands, "grade", "grade submissions, each in its own process; a run that was ended goes on")
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("submissions", type=Path, metavar="SUBMISSION", nargs="+", help="files NAME.py or NAME.ipynb")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="the folder for results")
    parser.add_argument("--jobs", type=int, metavar="N", help="number of processes (one for each processor)")
    parser.add_argument("--format", default="gradescope", metavar="NAMES", dest="formats",
                        help="gradescope, classroom50, junit, markdown, prairielearn, codegrade, autolab, csv; several "
                        "with commas (%(default)s)")  # fmt: skip
    parser.add_argument("--id", default="name", metavar="COLUMN", dest="id_column",
                        help="the header of the column of NAMEs in grades.csv (%(default)s)")  # fmt: skip
    parser.add_argument("--user", metavar="NAME", help="run submissions as this user; only root can")
    parser.set_defaults(run=_grade)


def _grade(options: argparse.Namespace) -> int:
    from minigrad.course.grading import grade

    try:
        records = grade(options.source, options.submissions, options.out, jobs=options.jobs, formats=options.formats,
                        user=options.user, id_column=options.id_column)  # fmt: skip
    except RuntimeError as error:  # no process can be started, or a worker has another source
        print(f"python -m minigrad course grade: {error}", file=sys.stderr)
        return 2
    for record in records:
        print(f"{record.name}: {_outcome(record.missing, record.problem, record.score, record.points)}")
    print(f"The table: {options.out / 'grades.csv'}")
    return 0


def _outcome(missing: bool, problem: str, score: float, points: float) -> str:
    if missing:
        return "missing"
    return f"not gradable: {problem}" if problem else f"{score:g} of {points:g} points"


def _add_prove(commands: Commands) -> None:
    parser = _add(commands, "prove", "prove that an assignment is sound: that it can be solved, and not without work")
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.set_defaults(run=_prove)


def _prove(options: argparse.Namespace) -> int:
    from minigrad.course.proving import prove

    proof = prove(options.source)
    print(proof)
    return 0 if proof else 1


def _add_export(commands: Commands) -> None:
    parser = _add(commands, "export", "write an assignment for a platform")
    parser.add_argument("source", type=Path, metavar="SOURCE")
    parser.add_argument("--to", required=True, metavar="PLATFORM",
                        choices=["gradescope", "prairielearn", "classroom50", "nbgrader", "otter", "container"],
                        help="%(choices)s")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="the folder for the export")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from minigrad.course.exports import export

    print(f"The export: {export(options.source, options.to, options.out)}")
    return 0


def _add_report(commands: Commands) -> None:
    parser = _add(commands, "report", "write the reports of a graded class, for students and for the teacher")
    parser.add_argument("directory", type=Path, metavar="DIR", help="what grade --out wrote its results into")
    parser.add_argument("--roster", type=Path, metavar="FILE",
                        help="a table of Canvas or Moodle: DIR/gradebook.csv is that with the scores")  # fmt: skip
    parser.add_argument("--id", default="", metavar="COLUMN", dest="id_column",
                        help="the roster's column with the names of the submissions")  # fmt: skip
    parser.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    from minigrad.course.reports import report

    print(f"The class: {report(options.directory, options.roster, options.id_column)}")
    return 0
