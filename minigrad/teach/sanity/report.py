"""The report of `sanity`: a list of checks with verdicts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec

from minigrad.output.words import printable_lines
from minigrad.teach.report import COLOURS, html_table


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: of the check, such as "inputs".
        ok: True, False, or None if it could not be told.
        text: what was found, with numbers, and the likeliest fix.
    """

    name: str
    ok: bool | None
    text: str


Verdict = tuple[bool | None, str]
"""Whether it is right, None if it could not be told; and what was found."""
P = ParamSpec("P")


def check(look: Callable[P, Verdict]) -> Callable[P, Check]:
    """Make a check of a function that looks at one thing; its name is that of the check."""

    @functools.wraps(look)
    def looked(*given: P.args, **options: P.kwargs) -> Check:
        return Check(look.__name__, *look(*given, **options))

    return looked


_WORDS = {True: "ok", False: "WRONG", None: "unclear"}


class SanityReport:
    """What `sanity` found: true as a bool if nothing is wrong. Its text has a line for each check.

    Attributes:
        checks: the checks in order, each with `.name`, `.ok` (True, False, None for "could not be told") and `.text`.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.checks = [check._replace(text=printable_lines(check.text)) for check in checks]

    def __bool__(self) -> bool:
        return all(check.ok is not False for check in self.checks)

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"{name!r} is none of the checks {', '.join(check.name for check in self.checks)}")

    @property
    def wrong(self) -> list[Check]:
        """The checks that failed, in order; the first is often the cause of the others."""
        return [check for check in self.checks if check.ok is False]

    def __str__(self) -> str:
        width = max((len(check.name) for check in self.checks), default=0)
        return "\n".join(f"{_WORDS[check.ok]:8} {check.name.ljust(width)}  {check.text}" for check in self.checks)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        colours = {True: COLOURS["right"], None: COLOURS["unclear"], False: COLOURS["wrong"]}
        rows = [(colours[check.ok], (_WORDS[check.ok], check.name, check.text)) for check in self.checks]
        return html_table(("", "check", "found"), rows)
