"""Emit statements: decide which terms get a line and a name, in which order, and what is written in place.

The difficulty is memory: a term is a value, but a Python name is memory that may be written to later. So a store is
done in place only if the old content is not needed any more, and a term whose memory is written to in between is
evaluated before. Imports no NumPy.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from minigrad.program.expressions import REDUCTIONS, argument, dotted, expression, text
from minigrad.program.ir import VIEWS, WRITES, Term, found, is_view, root, shortest
from minigrad.program.names import Names, made_by

WIDTH = 88
"""The longest expression; the parts of a longer one get lines of their own."""


class Statements:
    """The statements that compute some terms.

    Args:
        outputs: the terms to compute, by the names they must get.
        called: the names of inputs that are named already.
        names: the generator of unique names.
        numpy: True for a program of arrays, False for one of plain numbers.
    """

    def __init__(
        self, outputs: Mapping[str, Term], called: Mapping[Term, str], names: Names, numpy: bool = True
    ) -> None:
        self.outputs, self.names, self.numpy = outputs, names, numpy
        self.terms = _needed(outputs.values())
        _share_reductions(self.terms)
        _share_reshapes(self.terms)
        self._ends = {*outputs.values()}
        self._users: dict[Term, list[Term]] = {term: [] for term in self.terms}
        for term in self.terms:
            for source in term.sources:
                self._users[source].append(term)
        self._holders: dict[Term, Term] = {}  # stored content -> the term whose name its memory has
        self._writes: dict[Term, list[int]] = {}  # holder -> the ticks at which its memory is written to
        self._find_writes()
        self._own: set[Term] = set()  # the terms with their own line
        self._copied: set[Term] = set()  # views that must be copied, since their memory is written to
        self._place: dict[Term, float] = {}  # the tick at which a term is evaluated
        self._choose_lines()
        self._called = dict(called)
        for term in self.terms:
            if term.op == "input" and term not in called:
                self._called[term] = names.unique(str(term.name))
        self._written: dict[Term, ast.expr] = {}
        self._lengths: dict[Term, int] = {}

    # ---- memory ------------------------------------------------------------------------------------------------

    def _holder(self, term: Term) -> Term:
        return self._holders.get(term, term)

    def _find_writes(self) -> None:
        for term in self.terms:
            if term.op not in WRITES:
                continue
            old = term.args[0]
            needed = any(user.order > term.order for user in self._users[old]) or old in self._ends
            if needed or old.op in ("input", "fill") or is_view(old):
                continue  # a copy is written to
            self._holders[term] = holder = self._holder(old)
            self._writes.setdefault(holder, []).append(term.order)
            if term.name is not None:
                holder.name = term.name  # named after its last content
        for term in self.terms:  # a copy is written to right after it is made
            if term.op in WRITES and self._holder(term) is term:
                self._writes.setdefault(term, []).insert(0, term.order)

    def _written_between(self, source: Term, start: float, end: float) -> bool:
        """Return whether the memory of `source` is written to after `start` and before `end`."""
        times = self._writes.get(self._holder(root(source)), ())
        i = bisect_right(times, start)
        return i < len(times) and times[i] < end

    # ---- which terms get a line --------------------------------------------------------------------------------

    def _choose_lines(self) -> None:
        for term in reversed(self.terms):
            users = self._users[term]
            places = [self._place[user] for user in users]
            if term in self._ends:
                places.append(inf)
            last = max(places)  # (every term has users or is an output)
            self._place[term] = last
            if term.op in ("input", "pick"):
                continue
            spoilt = any(self._written_between(source, term.order, last) for source in term.sources)
            if self._needs_line(term, users) or spoilt:
                self._own.add(term)
                self._place[term] = term.order
                if is_view(term) and self._written_between(term, term.order, last):
                    self._copied.add(term)
        for term in [*self._own]:  # a gradient is named after a value, which must then be visible
            if isinstance(term.name, Term) and term.name in self._users and term.name.op not in ("input", "pick"):
                self._own.add(term.name)

    def _needs_line(self, term: Term, users: list[Term]) -> bool:
        if term.op == "pick":  # its line is that of the call it is picked from
            return False
        if term in self._ends or term in self._writes or term.op in WRITES or term.whole or _is_group(term, users):
            return True
        return len(users) > 1 and not _is_cheap(term)

    # ---- writing -----------------------------------------------------------------------------------------------

    def lines(self) -> list[tuple[int, str, Term | None]]:
        """Return the statements in order: (tick, text, the term whose shape is shown)."""
        statements: dict[Term, list[str]] = {}
        for term in self.terms:
            self._write(term)
        for term in self.terms:  # in order, now that the lines are decided
            if term in self._own:
                statements[term] = self._statement(term)
        shown = [
            (term.order, line, term if i == 0 and not self._is_write(term) else None)
            for term, several in statements.items()
            for i, line in enumerate(several)
        ]
        for name, term in self.outputs.items():
            if self._called.get(self._holder(term)) != name:
                shown.append((term.order, f"{name} = {text(self._show(term))}", term))
        return sorted(shown, key=lambda line: line[0])

    def name_of(self, term: Term | None) -> str | None:
        """Return the name of a term in the lines; None if it has none."""
        return None if term is None else self._called.get(self._holder(term))

    def _is_write(self, term: Term) -> bool:
        return term.op in WRITES and self._holder(term) is not term

    def _write(self, term: Term) -> None:
        """Write a term out; while it is too long, give the longest of its parts its own line."""
        if term.op in ("input", "pick"):
            return
        if term.op in WRITES:
            parts = [source for source in found(term.args[1:]) if source in self._lengths]
            for source in sorted(parts, key=self._lengths.__getitem__, reverse=True):
                if sum(self._lengths[s] for s in parts if s not in self._own) > WIDTH - 20:
                    self._own.add(source)
            return
        while True:
            written = self._written[term] = expression(term, self._show, self.numpy)
            length = self._lengths[term] = len(text(written))
            parts = [source for source in term.sources if source in self._lengths and source not in self._own]
            longest = max(parts, key=self._lengths.__getitem__, default=term)
            if length <= WIDTH or longest is term or self._lengths[longest] <= 12:
                return
            self._own.add(longest)

    def _show(self, term: Term) -> ast.expr:
        if term in self._own or term.op in ("input", "pick"):
            return ast.Name(self._call(term), ast.Load())
        return self._written[term]

    def _call(self, term: Term) -> str:
        holder = self._holder(term)
        if holder not in self._called:
            wanted = next((name for name, t in self.outputs.items() if self._holder(t) is holder), None)
            if isinstance(holder.name, Term) and holder.name in self._own:
                wanted = None  # also the gradient of a result, whose name it gets first
            self._called[holder] = wanted or self._unique(holder)
        return self._called[holder]

    def _unique(self, term: Term) -> str:
        if not isinstance(term.name, Term):
            return self.names.unique(self._wanted(term), given=term in self.names.given or _made(term) == "zeros")
        value = self._holder(term.name)
        of = self._called.get(value) or self._wanted(value)
        name = f"d{of}"
        if self.names.is_free(name, of if value in self._called else ""):
            return self.names.unique(name, of)
        return self.names.unique(_made(term))  # the gradient of what has no name here, or another part of it

    def _wanted(self, term: Term) -> str:
        if isinstance(term.name, Term):
            return f"d{self._wanted(self._holder(term.name))}"
        return term.name or _made(term)

    def _statement(self, term: Term) -> list[str]:
        if term.op in WRITES:
            return self._store(term)
        if _is_group(term, self._users[term]):
            picks = {pick.args[1]: self._call(pick) for pick in self._users[term]}
            targets = ", ".join(picks.get(i, "_") for i in range(term.shape[0]))
            return [f"{targets} = {text(expression(term, self._show, self.numpy))}"]
        value = expression(term, self._show, self.numpy)
        if term in self._copied:
            value = ast.Call(ast.Attribute(value, "copy", ast.Load()), [], [])
        return [f"{self._call(term)} = {text(value)}"]

    def _store(self, term: Term) -> list[str]:
        lines = []
        old, path, *rest = term.args
        name = self._call(term)
        if self._holder(term) is term:
            copy = ast.Call(ast.Attribute(self._show(old), "copy", ast.Load()), [], [])
            lines.append(f"{name} = {text(expression(old, self._show) if old.op == 'fill' else copy)}")
        target = self._part(name, path)
        if term.op == "update":
            function, *given = rest
            call = ast.Call(dotted(function), [target, *[self._argument(a) for a in given]], [])
            return [*lines, text(call)]
        value = rest[0]
        if not isinstance(target, ast.Subscript):
            target = ast.Subscript(target, ast.Constant(...), ast.Load())
        if isinstance(value, float) and str(term.dtype) == "float32":
            value = shortest(value, term.dtype.type)  # which the array rounds
        written = self._argument(value)
        if (
            isinstance(value, Term)
            and value not in self._own
            and isinstance(written, ast.BinOp)
            and ast.dump(written.left) == ast.dump(target)
        ):
            return [*lines, text(ast.AugAssign(target, written.op, written.right))]
        return [*lines, f"{text(target)} = {text(written)}"]

    def _argument(self, value: Any) -> ast.expr:
        return argument(value, self._show, self.numpy)

    def _part(self, name: str, path: Any) -> ast.expr:
        """Return the expression for the view of `name` that a path leads to."""
        whole = part = Term("memory", (), (), (), None, -1)
        for op, of, shape, dtype in path:
            part = Term(op, (part, of), (), shape, dtype, -1)
        written: dict[Term, ast.expr] = {whole: ast.Name(name, ast.Load())}

        def show(term: Term) -> ast.expr:
            if term.order >= 0:
                return self._show(term)
            if term not in written:
                written[term] = expression(term, show, self.numpy)
            return written[term]

        return show(part)


def _needed(ends: Iterable[Term]) -> list[Term]:
    """Return all terms that the outputs are made of, the oldest first."""
    found = {*ends}
    pending = list(found)
    while pending:
        for source in pending.pop().sources:
            if source not in found:
                found.add(source)
                pending.append(source)
    return sorted(found, key=lambda term: term.order)


def _share_reductions(terms: Iterable[Term]) -> None:
    """If an array is reduced with and without keepdims, make the later reduction a view of the earlier."""
    earlier: dict[Any, Term] = {}
    for term in terms:
        if term.op not in REDUCTIONS:
            continue
        given = dict(term.keywords)
        kept = given.pop("keepdims", False)
        known = earlier.setdefault((term.op, term.args[0], *given.items()), term)
        axis = given.get("axis")
        if known.shape != term.shape and isinstance(axis, int):
            index = (*[slice(None)] * axis, None if kept else 0)
            term.op, term.args, term.keywords = "index", (known, index), ()


def _share_reshapes(terms: Iterable[Term]) -> None:
    """If an unnamed array is only reshaped, to several shapes, reshape the first of them to the others."""
    users: dict[Term, list[Term]] = {}
    for term in terms:
        for source in term.sources:
            users.setdefault(source, []).append(term)
    for source, several in users.items():
        if source.op != "input" and not source.whole and all(user.op == "reshape" for user in several):
            for user in several[1:]:
                user.args = (several[0], user.args[1])


def _made(term: Term) -> str:
    return made_by(term.op if term.op != "call" else term.args[0].rpartition(".")[2])


def _is_group(term: Term, users: list[Term]) -> bool:
    """Return whether the term is a call that returns several arrays."""
    return term.op == "call" and any(user.op == "pick" for user in users)


def _is_cheap(term: Term) -> bool:
    """Return whether a term is cheap enough to be repeated instead of named: a view of something named."""
    if term.op == "call" and not [*term.sources]:
        return term.args[0] in ("np.arange", "np.eye")
    return term.op in ("fill", "number") or term.op in VIEWS and is_view(term) and term.op != "reshape"
