"""A released assignment, as the student has it: NAME.checks.json in the role of the source."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigrad.course import checks_file
from minigrad.course.assignment import Assignment, Check, Limits
from minigrad.course.source import Candidate, Source


class Released(Source):
    """The visible checks of an assignment: a source whose expected values were computed before.

    Attributes:
        hidden: the number of hidden checks, by task.
    """

    def __init__(self, path: Path, text: str, program: str = "") -> None:
        self.content = checks_file.loads(text, path.name)
        content = self.content
        self.hidden: dict[str, int] = {}
        self._checks = {f"{data['task']}/{data['index']}": data for data in content["checks"]}
        drivers = {data["function"]: data["driver"] for data in content["checks"] if data["driver"]}
        functions = {key: data["function"] for key, data in self._checks.items()}
        assignment = Assignment(content["title"], limits=Limits(**content["limits"]), causes=content["causes"])
        super().__init__(path, content["name"], text, [], [], {}, assignment, functions, drivers)
        for data in content["tasks"]:
            task = assignment.task(data["number"], data["title"], data["points"], needs=data["needs"])
            self.hidden[task.number] = data["hidden"]
            task.checks += [self._check(key, program) for key, c in self._checks.items() if c["task"] == task.number]

    def _check(self, key: str, program: str) -> Check:
        data = self._checks[key]
        graph = _graph(data["gradient_of"], program) if data["gradient_of"] else None
        return Check(
            data["task"], data["index"], data["name"], _nothing, (), data["points"], False, False, data["rtol"],
            data["atol"], data["float32_rtol"], data["seconds"], tuple(data["outputs"]), graph, tuple(data["wrt"]),
            None, {}, data["may_write"], 0,
        )  # fmt: skip

    def seed(self, check: Check, student: str = "") -> int:
        """Return the seed that the release was made with."""
        return int(self._checks[check.key]["seed"])

    def inputs(self, check: Check, student: str = "") -> tuple[Any, ...]:
        """Return fresh inputs."""
        return tuple(checks_file.decode(self._checks[check.key]["inputs"]))

    def expected(self, check: Check, student: str = "") -> Any:
        """Return what the solution returned."""
        return checks_file.decode(self._checks[check.key]["expected"])

    def candidates(self, check: Check, student: str = "") -> list[Candidate]:
        """Return what the known mistakes returned."""
        return [
            Candidate(data["name"], data["sentence"], data["hint"], checks_file.decode(data["outputs"]), data["task"])
            for data in self._checks[check.key]["candidates"]
        ]


def read_released(file: Path) -> Released:
    """Return the checks that lie beside a student's file; it may be renamed if only one assignment is there.

    Raises:
        FileNotFoundError: there is no such file, or no checks beside it.
        ValueError: the checks are damaged.
    """
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    path = checks_file.beside(file)
    if not path.exists():
        others = sorted(file.parent.glob("*.checks.json"))
        if len(others) != 1:
            raise FileNotFoundError(
                f"{path.name} is not beside {file}: check the file in the folder that the assignment came in"
            )
        path = others[0]
    program = path.with_name(path.name.replace(".checks.json", ".py"))
    return Released(path, path.read_text("utf-8"), program.read_text("utf-8") if program.is_file() else "")


def _nothing(*_: Any) -> None:
    """Stand for a function that the student writes."""


def _graph(text: str, program: str) -> Callable[..., Any] | None:
    """Return the scalar function whose graph explains a wrong gradient: its text, after the program's imports."""
    space: dict[str, Any] = {"__name__": "released"}
    try:
        imports: list[ast.stmt] = [
            node for node in ast.parse(program).body if isinstance(node, (ast.Import, ast.ImportFrom))
        ]
        exec(compile(ast.Module(imports, []), "<imports>", "exec"), space)
        exec(compile(text, "<driver>", "exec", dont_inherit=True), space)
    except Exception:  # the student's edit of the imports; then there is no diagnosis
        return None
    return next((value for value in reversed(space.values()) if callable(value)), None)
