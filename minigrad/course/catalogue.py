"""The known mistakes of update rules, made in the solution of an assignment: candidates for a check with `rule=`."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from minigrad.teach.edits import Formula, compiled
from minigrad.teach.rules.mistakes import CATALOGUE
from minigrad.teach.rules.search import Explanation


def edited_rules(text: str, namespace: dict[str, Any]) -> Iterator[tuple[Explanation, Callable[..., Any]]]:
    """Yield each mistake of the catalogue that fits a function's lines, with the function so edited; likely ones first.

    Args:
        text: the function's source. Its arguments have the names of the lecture: x, dx, learning_rate, mu, beta1, …
        namespace: the names that its lines use.
    """
    tree = next(node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    formula = Formula.of(text)
    for mistake in sorted(CATALOGUE.values(), key=lambda mistake: mistake.assumes):
        variants = iter(mistake.find(formula))
        while True:
            try:
                variant = next(variants)
            except StopIteration:
                break
            except Exception:  # an edit that was written for the lecture's own lines
                break
            with contextlib.suppress(SyntaxError, ValueError, TypeError):
                yield Explanation([(mistake, variant)]), _defined(tree, variant.change, namespace)


def _defined(tree: ast.FunctionDef, formula: Formula, namespace: dict[str, Any]) -> Callable[..., Any]:
    """Return a function with the arguments of one and the lines of another."""
    made = ast.copy_location(ast.FunctionDef(tree.name, tree.args, list(formula.body), [], None), tree)
    if hasattr(tree, "type_params"):
        made.type_params = []  # type: ignore[attr-defined]
    space = dict(namespace)
    exec(compiled(made, "<mistake>"), space)
    return space[tree.name]
