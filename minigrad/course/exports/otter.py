"""otter-grader: notebooks with test files, as `otter assign` writes them: one folder to grade with, one for students.

Source: https://otter-grader.readthedocs.io/en/latest/test_files/ok_format.html. A task is a file `tests/q1_1.py`, a
check is a test case of it with its points. Students get the visible cases only.
"""

from __future__ import annotations

import re
from typing import Any

from minigrad.course.assignment import Task
from minigrad.course.exports import plain_checks
from minigrad.course.notebooks import notebook
from minigrad.course.source import Source
from minigrad.course.stripping import published, solution


def files(source: Source) -> dict[str, bytes]:
    """Return the files of both folders."""
    made: dict[str, bytes] = {}
    for folder, solved in (("autograder", True), ("student", False)):
        text = solution(source) if solved else published(source)[0]
        made[f"{source.name}/{folder}/{source.name}.ipynb"] = notebook(_with_grader(text, source)).encode()
        for task in source.assignment.tasks:
            cases = [_case(source, task, i) for i, check in enumerate(task.checks) if solved or not check.hidden]
            if cases:
                made[f"{source.name}/{folder}/tests/{_name(task.number)}.py"] = _file(
                    _name(task.number), cases
                ).encode()
    return made


def _name(number: str) -> str:
    """Return the name of a task's file, which is a Python name: `"q1_1"`."""
    return "q" + re.sub(r"\W", "_", number)


def _with_grader(text: str, source: Source) -> str:
    """Return the program with otter's checks instead of minigrad's."""
    text = re.sub(
        r"^( *)from minigrad\.course import Checks\n\n\1check = Checks\(.*\)$",
        f'\\1import otter\n\n\\1grader = otter.Notebook("{source.name}.ipynb")',
        text,
        flags=re.MULTILINE,
    )
    for task in source.assignment.tasks:
        call = re.escape(f'check("{task.number}", globals())')
        text = re.sub(f"^( *){call}$", f'\\1grader.check("{_name(task.number)}")', text, flags=re.MULTILINE)
    return text


def _case(source: Source, task: Task, i: int) -> dict[str, Any]:
    check = task.checks[i]
    code = "\n".join(f">>> {line}" for line in plain_checks.statements(source, check))
    return {"code": code, "hidden": check.hidden, "locked": False, "points": check.points}


def _file(name: str, cases: list[dict[str, Any]]) -> str:
    """Return a test file in OK format."""
    lines = [
        "OK_FORMAT = True",
        "",
        "test = {",
        f'    "name": {name!r},',
        '    "points": None,',
        '    "suites": [',
        "        {",
    ]
    lines.append('            "cases": [')
    for case in cases:
        items = ", ".join(f"{key!r}: {value!r}" for key, value in case.items())
        lines.append(f"                {{{items}}},")
    lines += [
        "            ],",
        '            "scored": True,',
        '            "setup": "",',
        '            "teardown": "",',
    ]
    lines += ['            "type": "doctest",', "        }", "    ],", "}", ""]
    return "\n".join(lines)
