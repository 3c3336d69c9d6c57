"""Primitives as formulas: the result, the gradient contribution to each input, both with numbers substituted.

An elementwise primitive is defined by formulas, which are shown as they are. For the others, the source code is shown
if it is a single expression, unless the primitive states its `notation`. This file imports no NumPy.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from minigrad.primitives.primitive import Elementwise

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_SYMBOLS = {"**": "^", "*": "·", ">=": "≥", "<=": "≤", "!=": "≠", ".T": "ᵀ", " - ": " − "}
_OPERATORS = re.compile(r"(?<=\w|\))\s?\*\*\s?([0-9])(?![\w.])|" + "|".join(map(re.escape, _SYMBOLS)))


def formula(primitive: Any) -> str:
    """Return the formula for the result of a primitive, in the names of its inputs.

    >>> from minigrad.primitives import elementwise, linalg
    >>> formula(elementwise.sigmoid), formula(linalg.matmul)
    ('1 / (1 + exp(-x))', 'a @ b')
    """
    text: str = primitive.notation.get("y") or ""
    if not text and isinstance(primitive, Elementwise):
        text = primitive.formula
    elif not text and primitive.vjps:  # a Function has none
        text = _expression(primitive.forward)
    return text or f"{primitive.name}({', '.join(primitive.inputs)})"


def contribution(primitive: Any, name: str) -> str:
    """Return the formula for the gradient contribution to an input; g is the upstream gradient, y the result.

    Args:
        primitive: any primitive.
        name: the name of the input, as in `primitive.inputs`; with its index if their number varies, "xs[0]".

    >>> from minigrad.primitives import elementwise, linalg
    >>> contribution(elementwise.tanh, "x"), contribution(elementwise.sub, "b"), contribution(linalg.matmul, "b")
    ('g * (1 - y * y)', '-g', 'a.T @ g')
    """
    name, _, index = name.partition("[")
    text = primitive.notation.get(name) or ""
    if isinstance(text, tuple):
        text = text[int(index.rstrip("]") or 0)]
    if isinstance(primitive, Elementwise):
        partial = text or primitive.partials[name]
        product = {"1": "g", "-1": "-g", "0": "0"}.get(partial)
        return product or (f"g * {partial}" if _is_factor(partial) else f"g * ({partial})")
    if not primitive.vjps:  # a Function has its own backward
        return text or f"{primitive.name}.backward(g)"
    return text or _expression(primitive.vjps.get(name)) or f"the contribution of g to {name}"


def _is_factor(text: str) -> bool:
    """Whether a formula needs no parentheses as a factor."""
    top = ast.parse(text, mode="eval").body
    product = isinstance(top, ast.BinOp) and isinstance(top.op, ast.Mult | ast.Pow)
    return (product or isinstance(top, ast.Name | ast.Call)) and not text.startswith("-")


def substitute(text: str, meanings: Mapping[str, str]) -> str:
    """Replace the letters of a formula by numbers or names.

    >>> substitute("g * (1 - y * y)", {"g": "-2", "y": "0.5"})
    '(-2) * (1 - 0.5 * 0.5)'
    """

    def meaning(letter: re.Match[str]) -> str:
        new = meanings.get(letter[0], letter[0])
        before, after = text[letter.start() - 1 : letter.start()], text[letter.end() : letter.end() + 1]
        in_parentheses = before == "(" and after == ")"
        return f"({new})" if new.startswith("-") and letter[0] != text and not in_parentheses else new

    return _NAME.sub(meaning, text)


def with_symbols(text: str) -> str:
    """Replace Python's operators by mathematical symbols.

    >>> with_symbols("a.T @ g * x ** 2 >= 1 - y")
    'aᵀ @ g · x² ≥ 1 − y'
    """

    def symbol(found: re.Match[str]) -> str:
        return "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(found[1])] if found[1] else _SYMBOLS[found[0]]

    return _OPERATORS.sub(symbol, text)


def _expression(function: Callable[..., Any] | None) -> str:
    """Return the source of a function that is a single expression, without module names; "" for any other."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ""
    for found in _functions(code.co_filename).get(code.co_firstlineno, ()):
        arguments = tuple(a.arg for a in (*found.args.posonlyargs, *found.args.args, *found.args.kwonlyargs))
        if arguments != code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            continue
        body: Any = found.body
        if not isinstance(found, ast.Lambda):
            body = body[ast.get_docstring(found) is not None :]
            if found.name != code.co_name or len(body) != 1 or not isinstance(body[0], ast.Return):
                continue
            body = body[0].value
        text = re.sub(r"\b(?:np|math)\.|\b_(?=[a-z])", "", ast.unparse(body))
        return re.sub(r"\b(\w+)=\1\b", r"\1", text)
    return ""


@cache
def _functions(path: str) -> dict[int, list[Any]]:
    """Parse a file and return its functions by first line; none if the file cannot be read."""
    found: dict[int, list[Any]] = {}
    try:
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda | ast.FunctionDef):
            found.setdefault(node.lineno, []).append(node)
    return found
