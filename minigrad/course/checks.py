"""`Checks`, which every released file imports.

The grader starts a process for each submission, where the checks do nothing: what judges is imported when it is needed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad.course import runner

if TYPE_CHECKING:
    from minigrad.course.released import Released
    from minigrad.course.student import CheckReport


class Checks:
    """The visible checks of a released file, called in it: `check("1.1", globals())`.

    In the grader's process it does nothing.

    Args:
        name: NAME of the assignment.
        folder: the folder of NAME.checks.json. Default: that of the calling file, or the current one.
    """

    def __init__(self, name: str, folder: str | Path | None = None) -> None:
        self.name = name
        caller = sys._getframe(1).f_globals.get("__file__")
        self.folders = [Path(folder)] if folder is not None else [Path(caller).parent] if caller else []
        self.folders.append(Path.cwd())
        self._released: Released | None = None

    def __call__(self, task: str | None = None, names: dict[str, Any] | None = None, cause: bool = False) -> None:
        """Run the visible checks of a task here, and show what they found.

        Args:
            task: its number. Default: all tasks.
            names: the names of the program. Default: the caller's globals.
            cause: say the cause of a mistake as well as the hint, where the teacher allows it.

        Raises:
            FileNotFoundError: NAME.checks.json is not here.
            ValueError: there is no such task.
        """
        if runner.ACTIVE:
            return
        rich = "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None
        report = self.report(task, sys._getframe(1).f_globals if names is None else names, cause, graphs=rich)
        if rich:
            sys.modules["IPython"].display.display(report)
        else:
            print(report)

    def report(self, task: str | None, names: dict[str, Any], cause: bool = False, graphs: bool = False) -> CheckReport:
        """Return what the visible checks of a task find, as `__call__`.

        With `graphs`, a wrong gradient has the picture of its graph where the cause may be said: it shows the formulas.
        """
        from minigrad.course.student import check_here

        return check_here(self._read(), self.name, task, names, cause, graphs)

    def _read(self) -> Released:
        from minigrad.course.released import Released

        if self._released is None:
            paths = [folder / f"{self.name}.checks.json" for folder in self.folders]
            path = next((path for path in paths if path.is_file()), None)
            if path is None:
                where = " or ".join(dict.fromkeys(str(folder) for folder in self.folders))
                raise FileNotFoundError(
                    f"{self.name}.checks.json is not in {where}: keep it beside {self.name}.py and {self.name}.ipynb"
                )
            beside = path.with_name(f"{self.name}.py")
            text = beside.read_text("utf-8", "replace") if beside.is_file() else ""
            self._released = Released(path, path.read_text("utf-8"), text)
        return self._released
