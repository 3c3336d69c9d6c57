"""The report on a backward pass by hand: a table of its lines, as text, in a notebook, and for a graph."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minigrad.engine import reverse_topological_order
from minigrad.teach.report import COLOURS, html_table, marked

RIGHT, FOLLOWS, WRONG, UNKNOWN = "right", "follows", "wrong", "not checked"
_TITLES = ("line", "shape", "verdict", "error", "cause")


@dataclass
class Line:
    """One gradient of a backward pass.

    Attributes:
        name: as it is called in the program: dh.
        shape: of the variable that it is the gradient of; None if there is none.
        verdict: "right"; "wrong"; "follows" (right, given an upstream gradient that is wrong), or "not checked".
        error: the largest error, relative to the largest element; nan where there is none.
        cause: what is wrong, or why it could not be checked.
        node: the node of the graph.
        gradient, expected: the learner's gradient, and what it must be, given the learner's upstream gradients.
        used: the learner's gradient in the shape of the variable, as an upstream gradient; None if it has none.
        of: the name of the variable.
        is_vague: whether the cause only says which elements differ.
        of_a_pass: whether it seems to be the gradient of another pass of a loop than the variable is of.
    """

    name: str
    shape: tuple[int, ...] | None
    verdict: str
    error: float = np.nan
    cause: str = ""
    node: Any = None
    gradient: Any = field(default=None, repr=False)
    expected: Any = field(default=None, repr=False)
    used: Any = field(default=None, repr=False)
    of: str = ""
    of_a_pass: bool = field(default=False, repr=False)
    is_vague: bool = field(default=False, repr=False)

    @property
    def of_its_shape(self) -> bool:
        """Whether the gradient has the shape of the variable."""
        return self.gradient is not None and self.gradient.shape == self.shape


@dataclass
class BackwardReport:
    """The lines of a backward pass. True if all are right; its text is a table.

    Attributes:
        lines: a `Line` for each gradient, in the order of the program, otherwise the last operation's first.
        note: what was left out.
        root: the node of the loss.
    """

    lines: list[Line]
    note: str = ""
    root: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """True if every line is right."""
        return all(line.verdict == RIGHT for line in self.lines)

    @property
    def first_wrong(self) -> Line | None:
        """The first wrong line, None if there is none."""
        return next((line for line in self.lines if line.verdict == WRONG), None)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def nodes(self) -> dict[Any, tuple[str, str]]:
        """The (line, verdict) of each node of the graph that has one.

        A node without a line is right if it lies between the loss and a line, and what comes before it is right.
        """
        own = {line.node: (line.name, line.verdict) for line in self.lines if line.node is not None}
        order = reverse_topological_order([self.root])
        above: set[Any] = set()  # the nodes that a gradient passes on its way to a line
        for node in reversed(order):
            if any(s in own or s in above for s in node.inputs):
                above.add(node)
        found: dict[Any, tuple[str, str]] = {}
        wrong: set[Any] = set()  # the nodes whose gradient comes from one that is not right
        for node in order:
            if node in own or node in above and node not in wrong:
                found[node] = own.get(node, ("", RIGHT))
            if node in wrong and node not in own or found.get(node, ("", RIGHT))[1] != RIGHT:
                wrong.update(node.inputs)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the report without the graph, which holds functions of the program."""
        return {"lines": [replace(line, node=None) for line in self.lines], "note": self.note, "root": None}

    def __getitem__(self, name: str) -> Line:
        return next(line for line in self.lines if line.name == name)

    @property
    def summary(self) -> str:
        """One sentence on all lines."""
        count = {v: sum(line.verdict == v for line in self.lines) for v in (RIGHT, FOLLOWS, WRONG, UNKNOWN)}
        first = self.first_wrong
        if first is not None:
            more = count[WRONG] - 1
            text = f"The first wrong line is that of {first.name}."
            if more:
                text += f" {more} more {'is' if more == 1 else 'are'} wrong."
            if count[FOLLOWS]:
                lines, compute = ("lines", "compute") if count[FOLLOWS] > 1 else ("line", "computes")
                text += f" {count[FOLLOWS]} {lines} below {compute} rightly with wrong upstream gradients."
            return text
        if count[UNKNOWN]:
            return f"{count[RIGHT]} of {len(self.lines)} lines are right; the others could not be checked."
        return f"All {len(self.lines)} lines are right." if len(self.lines) > 1 else "The line is right."

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (
                line.name,
                "" if line.shape is None else str(line.shape),
                "WRONG" if line.verdict == WRONG else line.verdict,
                "" if np.isnan(line.error) else f"{line.error:.1e}",
                line.cause,
            )
            for line in self.lines
        ]

    def __str__(self) -> str:
        rows = [_TITLES, *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join([*(t.ljust(w) for t, w in zip(row, widths)), row[4]]).rstrip() for row in rows]
        return "\n".join([*lines, self.summary, *([self.note] if self.note else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        styles = [
            COLOURS.get(line.verdict, COLOURS["unclear"]) + "; font-weight: bold" * (line is self.first_wrong)
            for line in self.lines
        ]
        notes = "".join(f"<p>{marked(text)}</p>" for text in (self.summary, self.note) if text)
        return html_table(_TITLES, zip(styles, self._rows())) + notes
