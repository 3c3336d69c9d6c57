"""Mistakes as edits of a formula's own lines: a pattern, what a learner writes instead, and every place it fits.

A formula is a function in plain Python, such as those of `minigrad.optim.rules`. A pattern is an expression or an
assignment of Python in which capital letters stand for anything:

>>> formula = Formula.of("def f(x, cache, epsilon): return x / (np.sqrt(cache) + epsilon)")
>>> [edited.line.after for edited in rewrite(formula, "np.sqrt(A) + epsilon", "np.sqrt(A + epsilon)")]
['return x / np.sqrt(cache + epsilon)']
"""

from __future__ import annotations

import ast
import copy
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Any

NOT_DECAYS = {"learning_rate", "epsilon", "weight_decay", "nesterov", "centered", "epsilon1", "epsilon2"}
"""The settings that are no decay from step to step."""
NOT_WEIGHTS = {"eta_minus", "eta_plus", "smallest", "largest"}
"""Those that no BETA of a pattern stands for."""


@cache
def as_operand(text: str) -> str:
    """Return an expression as it stands in a larger one: in parentheses if it has an operator.

    >>> as_operand("x@W+b"), as_operand("np.exp(x + 1)")
    ('(x@W+b)', 'np.exp(x + 1)')
    """
    try:
        whole = isinstance(ast.parse(text, mode="eval").body, ast.Name | ast.Call | ast.Subscript | ast.Attribute)
        number = text.replace(".", "").isdigit()
    except (SyntaxError, ValueError):  # shortened, with …
        whole, number = " " not in text, False
    return text if whole or number else f"({text})"


class Line:
    """A line of a formula before and after an edit: statements, or text."""

    def __init__(self, before: ast.AST | str = "", after: ast.AST | str = "") -> None:
        self._before, self._after = before, after

    @property
    def before(self) -> str:
        """The line of the formula."""
        return shown(self._inner()[0])

    @property
    def after(self) -> str:
        """The edited line."""
        return shown(self._inner()[1])

    def __reduce__(self) -> Any:
        """Pickle the lines as texts: a statement may hold its code."""
        return Line, (self.before, self.after)

    def _inner(self) -> tuple[ast.AST | str, ast.AST | str]:
        """Of a block under a condition, the line in it that differs."""
        before, after = self._before, self._after
        while isinstance(before, ast.If) and isinstance(after, ast.If) and before.test is after.test:
            lines = [(a, b) for a, b in zip(before.body, after.body) if a is not b]
            if len(lines) != 1:
                break
            before, after = lines[0]
        return before, after


@dataclass(frozen=True)
class Formula:
    """A function as its statements."""

    name: str  # the function's name
    body: tuple[ast.stmt, ...]  # its statements; the last returns
    settings: frozenset[str]  # the names of its arguments besides x, dx, state and t
    line: Line = field(default_factory=Line, compare=False)  # the line that was edited; an empty one if none was

    @staticmethod
    def of(source: str | Callable[..., Any]) -> Formula:
        """Parse a function: its source, or the function itself."""
        text = source if isinstance(source, str) else textwrap.dedent(inspect.getsource(source))
        tree = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
        names = [a.arg for a in (*tree.args.args, *tree.args.kwonlyargs)]
        body = tree.body[1:] if len(tree.body) > 1 and isinstance(tree.body[0], ast.Expr) else tree.body
        return Formula(tree.name, tuple(body), frozenset(names) - {"x", "dx", "state", "t"})

    def with_body(self, body: Iterable[ast.stmt], before: ast.AST | str = "", after: ast.AST | str = "") -> Formula:
        """Return the same function with other lines, and say which line was edited."""
        return Formula(self.name, tuple(body), self.settings, Line(before, after))

    def with_line(self, i: int, *statements: ast.stmt) -> Formula:
        """Return the same function with other statements instead of line i."""
        text = "; ".join(map(shown, statements)) if len(statements) > 1 else statements[0]
        return self.with_body((*self.body[:i], *statements, *self.body[i + 1 :]), self.body[i], text)

    def without(self, i: int) -> Formula:
        """Return the same function without line i."""
        return self.with_body((*self.body[:i], *self.body[i + 1 :]), self.body[i], "(nothing)")

    @property
    def lines(self) -> list[str]:
        """The lines of the function, without the `def`."""
        return [shown(statement) for statement in self.body]

    def __call__(self, namespace: dict[str, Any]) -> Any:
        """Run the lines in a namespace, which holds the arguments, and return what they return."""
        for statement in self.body:
            exec(_code(statement), namespace)
            if isinstance(statement, ast.Return):
                return namespace["RETURNED"]
        return None


def _code(statement: ast.stmt) -> CodeType:
    """Compile a statement; a return becomes an assignment to RETURNED. The code is kept at the statement."""
    code: CodeType | None = getattr(statement, "code", None)
    if code is None:
        made: ast.stmt = statement
        if isinstance(statement, ast.Return):
            made = ast.Assign([ast.Name("RETURNED", ast.Store())], statement.value or ast.Constant(None))
            ast.copy_location(made, statement)
        code = statement.code = compiled(made, "<formula>")  # type: ignore[attr-defined]
    return code


def compiled(statement: ast.stmt, name: str) -> CodeType:
    """Compile a statement, in which an edit may have no line numbers."""
    module = ast.Module([statement], [])
    try:
        return compile(module, name, "exec")
    except TypeError:
        return compile(ast.fix_missing_locations(module), name, "exec")


def shown(statement: ast.AST | str) -> str:
    """Return a line as a textbook has it: `m` for state.get("m", 0.0). It is kept at the statement."""
    if isinstance(statement, str):
        return statement
    text: str | None = getattr(statement, "text", None)
    if text is None:
        state = r"state(?:\.get\('(\w+)', [^()]*?\)|\['(\w+)'\])"
        text = statement.text = re.sub(state, lambda m: m[1] or m[2], ast.unparse(statement))  # type: ignore[attr-defined]
    return text


# ---- patterns --------------------------------------------------------------------------------------------------


@cache
def expression(text: str) -> ast.expr:
    """Parse an expression."""
    return ast.parse(text, mode="eval").body


@cache
def statements(text: str) -> tuple[ast.stmt, ...]:
    """Parse statements."""
    return tuple(ast.parse(text).body)


def is_state(node: Any) -> bool:
    """Whether an expression reads the state: state.get("m", 0.0) or state["m"]."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        return isinstance(node.func.value, ast.Name) and node.func.value.id == "state"
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "state"


def is_name(node: ast.AST, name: str) -> bool:
    """Whether an expression is the variable of this name."""
    return isinstance(node, ast.Name) and node.id == name


def target(statement: ast.stmt) -> str | None:
    """Return the variable that a line assigns."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id
    return None


def match(pattern: Any, node: Any, bound: dict[str, Any], settings: frozenset[str]) -> bool:
    """Whether a pattern fits; fills `bound` with what its letters stand for.

    A single capital letter is any expression, STATE what reads the state, BETA a setting that decays something.
    """
    if isinstance(pattern, ast.Name) and pattern.id.isupper():
        if pattern.id == "STATE" and not is_state(node):
            return False
        if pattern.id == "BETA" and not (isinstance(node, ast.Name) and node.id in settings - NOT_DECAYS - NOT_WEIGHTS):
            return False
        if pattern.id in bound:
            return ast.dump(bound[pattern.id]) == ast.dump(node)
        bound[pattern.id] = node
        return isinstance(node, ast.expr)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.BinOp) and type(pattern.op) is not type(node.op):
        return False
    if isinstance(pattern, ast.AST):
        fields = [f for f in pattern._fields if f not in ("ctx", "type_comment", "kind")]
        return all(match(getattr(pattern, f), getattr(node, f), bound, settings) for f in fields)
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(match(p, n, bound, settings) for p, n in zip(pattern, node))
    return bool(pattern == node)


def changed(node: Any, change: Callable[[ast.AST], ast.AST | None]) -> Any:
    """Return a tree in which every node for which `change` returns another is that one; what is unchanged is shared."""
    if (new := change(node)) is not None:
        return new
    made = None
    for name in node._fields:
        value = getattr(node, name, None)
        other: Any = value
        if isinstance(value, ast.AST):
            other = changed(value, change)
        elif isinstance(value, list):
            items = [changed(item, change) if isinstance(item, ast.AST) else item for item in value]
            other = items if any(a is not b for a, b in zip(items, value)) else value
        if other is not value:
            if made is None:
                made = type(node)(**{f: getattr(node, f, None) for f in node._fields}, **_place(node))
            setattr(made, name, other)
    return node if made is None else made


def _place(node: ast.AST) -> dict[str, Any]:
    return {name: getattr(node, name) for name in node._attributes if hasattr(node, name)}


def filled(template: Any, bound: Mapping[str, ast.expr]) -> Any:
    """Return a template with its letters replaced."""
    return changed(template, lambda n: copy.copy(bound[n.id]) if isinstance(n, ast.Name) and n.id in bound else None)


def expressions(formula: Formula) -> Iterator[tuple[int, ast.expr]]:
    """Yield every expression that is read, with the number of its statement."""
    for i, statement in enumerate(formula.body):
        found: list[ast.expr] | None = getattr(statement, "expressions", None)
        if found is None:
            every = [node for node in ast.walk(statement) if isinstance(node, ast.expr)]
            found = [node for node in every if isinstance(getattr(node, "ctx", ast.Load()), ast.Load)]
            statement.expressions = found  # type: ignore[attr-defined]
        for node in found:
            yield i, node


def replaced(formula: Formula, i: int, old: ast.AST, new: ast.AST) -> Formula:
    """Return the formula with one expression of line i replaced."""
    return formula.with_line(i, changed(formula.body[i], lambda node: new if node is old else None))


def replaced_everywhere(formula: Formula, change: Callable[[ast.AST], ast.AST | None]) -> Formula:
    """Return the formula with every expression replaced for which `change` returns another."""
    body = [changed(statement, change) for statement in formula.body]
    edited = [(old, new) for old, new in zip(formula.body, body) if new is not old]
    return formula.with_body(body, *(edited[0] if edited else ()))


@cache
def is_assignment(pattern: str) -> bool:
    """Whether a pattern is a line, not an expression."""
    return isinstance(statements(pattern)[0], ast.Assign)


def rewrite(formula: Formula, pattern: str, instead: str) -> Iterator[Formula]:
    """Yield the formula with the pattern replaced at each place where it fits; with an empty one, begun with a line."""
    bound: dict[str, Any]
    if not pattern:
        yield begun_with(formula, instead)
        return
    if is_assignment(pattern):
        (wanted,), templates = statements(pattern), statements(instead)
        for i, statement in enumerate(formula.body):
            bound = {}
            if match(wanted, statement, bound, formula.settings):
                yield formula.with_line(i, *(filled(template, bound) for template in templates))
        return
    fitting, template = expression(pattern), expression(instead)
    for i, node in expressions(formula):
        bound = {}
        if type(node) is type(fitting) and match(fitting, node, bound, formula.settings):
            yield replaced(formula, i, node, filled(template, bound))


def rewrite_everywhere(formula: Formula, pattern: str, instead: str) -> Iterator[Formula]:
    """Yield the formula with the pattern replaced at all places where it fits at once, if they are several."""
    if not pattern or is_assignment(pattern):
        return
    wanted, template = expression(pattern), expression(instead)

    def change(node: ast.AST) -> ast.expr | None:
        bound: dict[str, Any] = {}
        return filled(template, bound) if match(wanted, node, bound, formula.settings) else None

    if sum(match(wanted, node, {}, formula.settings) for _, node in expressions(formula)) > 1:
        yield replaced_everywhere(formula, change)


def begun_with(formula: Formula, line: str) -> Formula:
    """Return the formula with a line put before its first."""
    return formula.with_body((*statements(line), *formula.body), "", line)
