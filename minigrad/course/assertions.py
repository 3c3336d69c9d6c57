"""Plain `assert` in a block of tests, as nbgrader and otter have it, rewritten to the check that it means.

`assert f(x) == 3`, `assert np.allclose(f(x), [1, 2], atol=1e-6)`, `assert abs(f(x) - 3) < 1e-6` and
`np.testing.assert_allclose(f(x), [1, 2])` ask for the output of one call; the check asks for the same, and the source
must satisfy the assertion. What has no such form is refused with its line.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence
from typing import Any

RECORD = "__course_assertion__"
"""The name by which the rewritten program calls the function that declares the check."""

_CLOSE = {"allclose": ("rtol", "atol"), "isclose": ("rtol", "atol"), "assert_allclose": ("rtol", "atol"),
          "array_equal": (), "assert_array_equal": (), "assert_equal": (), "array_equiv": (),
          "assert_almost_equal": (), "assert_array_almost_equal": ()}  # fmt: skip
_DEFAULTS = {"allclose": (1e-5, 1e-8), "isclose": (1e-5, 1e-8), "assert_allclose": (1e-7, 0.0),
             "assert_almost_equal": (0.0, 1.5e-7), "assert_array_almost_equal": (0.0, 1.5e-6)}  # fmt: skip
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def rewrite(tree: ast.Module, lines: Container[int], functions: Container[str]) -> list[tuple[int, str]]:
    """Rewrite the assertions on some lines of a program, in place.

    Args:
        tree: the program.
        lines: the lines of the blocks of tests.
        functions: the names of the source's functions, of which a check may ask.

    Returns:
        The lines that have no such form, each with what to write instead.
    """
    rewriter = _Rewriter(lines, functions)
    rewriter.visit(tree)
    ast.fix_missing_locations(tree)
    return rewriter.problems


class _Rewriter(ast.NodeTransformer):
    def __init__(self, lines: Container[int], functions: Container[str]) -> None:
        self.lines, self.functions = lines, functions
        self.problems: list[tuple[int, str]] = []

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, _SCOPES):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assert) and node.lineno in self.lines:
                    self.problem(inner.lineno, "an assert inside a function or class")
            return node
        return super().visit(node)

    def problem(self, line: int, what: str) -> None:
        self.problems.append((line, f"{what} does not say which call is checked: write task.check(function, inputs); "
                                    "its expected value is what the solution returns"))  # fmt: skip

    def visit_Assert(self, node: ast.Assert) -> ast.AST | list[ast.Expr]:
        if node.lineno not in self.lines:
            return node
        parts = (
            node.test.values if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And) else [node.test]
        )
        made = [call for part in parts if (call := self.call(part, part, node.msg)) is not None]
        if len(made) < len(parts):
            self.problem(node.lineno, "this assert")
            return node
        return [ast.copy_location(ast.Expr(call), node) for call in made]

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if node.lineno in self.lines and isinstance(node.value, ast.Call) and _name(node.value).startswith("assert_"):
            made = self.call(node.value, None, None)
            if made is None:
                self.problem(node.lineno, "this assertion")
                return node
            # The assertion itself stays: it must hold for the solution.
            return ast.copy_location(ast.If(ast.Constant(True), [node, ast.Expr(made)], []), node)
        return node

    def call(self, test: ast.expr, holds: ast.expr | None, message: ast.expr | None) -> ast.expr | None:
        """Return the call that declares the check of a condition, or None if it has no such form."""
        found = self.asked(test)
        if found is None:
            return None
        function, (rtol, atol) = found
        if function.keywords or any(isinstance(arg, ast.Starred) for arg in function.args):
            return None
        assert isinstance(function.func, ast.Name)
        name = message if isinstance(message, ast.Constant) and isinstance(message.value, str) else None
        return ast.Call(
            ast.Name(RECORD, ast.Load()),
            [
                ast.Name(function.func.id, ast.Load()),
                ast.Tuple(list(function.args), ast.Load()),
                holds or ast.Constant(True),
                name or ast.Constant(""),
                ast.Constant(test.lineno),
                rtol,
                atol,
            ],
            [],
        )

    def asked(self, test: ast.expr) -> tuple[ast.Call, tuple[ast.expr, ast.expr]] | None:
        """Return the one call of the submission in a condition, with the tolerances."""
        exact: tuple[ast.expr, ast.expr] = (ast.Constant(0.0), ast.Constant(0.0))
        while isinstance(test, ast.Call) and _name(test) in ("all", "bool") and not test.keywords:
            if len(test.args) == 1:  # np.all(f(x) == y)
                test = test.args[0]
            elif not test.args and isinstance(test.func, ast.Attribute):  # (f(x) == y).all()
                test = test.func.value
            else:
                return None
        if isinstance(test, ast.Call) and _name(test) in _CLOSE and len(test.args) >= 2:
            names = _CLOSE[_name(test)]
            given = dict(zip(names, test.args[2:])) | {word.arg: word.value for word in test.keywords if word.arg}
            defaults: tuple[float, float] = _DEFAULTS.get(_name(test), (0.0, 0.0))
            if set(given) - set(names) or len(test.args) - 2 > len(names):
                return None
            return self.either(test.args[:2], tuple(given.get(n, ast.Constant(d)) for n, d in
                                                    zip(("rtol", "atol"), defaults)))  # type: ignore[arg-type]  # fmt: skip
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left, right = test.left, test.comparators[0]
            if isinstance(test.ops[0], ast.Eq):
                return self.either([left, right], exact)
            if isinstance(test.ops[0], (ast.Is,)) and isinstance(right, ast.Constant):
                return self.either([left, right], exact) if right.value in (True, False) else None
            if isinstance(test.ops[0], (ast.Lt, ast.LtE)):
                return self.distance(left, right)
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.either([test.operand], exact)
        return self.either([test], exact)

    def distance(self, left: ast.expr, right: ast.expr) -> tuple[ast.Call, tuple[ast.expr, ast.expr]] | None:
        """Read `abs(f(x) - y) < tolerance`, also with max, sum or norm around it."""
        while (
            isinstance(left, ast.Call)
            and len(left.args) == 1
            and _name(left) in ("abs", "max", "norm", "sum", "fabs", "absolute")
        ):
            left = left.args[0]
        while (
            isinstance(left, ast.Call)
            and isinstance(left.func, ast.Attribute)
            and left.func.attr in ("max", "sum")
            and not left.args
        ):
            left = left.func.value
            if isinstance(left, ast.Call) and len(left.args) == 1 and _name(left) in ("abs", "fabs", "absolute"):
                left = left.args[0]
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Sub):
            return self.either([left.left, left.right], (ast.Constant(0.0), right))
        return None

    def either(self, sides: Sequence[ast.expr], tolerances: tuple[ast.expr, ast.expr]
               ) -> tuple[ast.Call, tuple[ast.expr, ast.expr]] | None:  # fmt: skip
        """Return the side that is a call of one of the source's functions."""
        for side in sides:
            while (
                isinstance(side, ast.Call)
                and isinstance(side.func, ast.Attribute)
                and not side.args
                and not side.keywords
            ):
                if side.func.attr not in ("tolist", "item"):
                    break
                side = side.func.value
            if isinstance(side, ast.Call) and isinstance(side.func, ast.Name) and side.func.id in self.functions:
                return side, tolerances
        return None


def _name(call: ast.Call) -> str:
    """Return the last word of what is called."""
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
