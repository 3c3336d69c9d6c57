"""How a rule is written for a reader: its formula, what it passes back, and both with numbers for letters.

An elementwise rule is made of texts, which are shown. Of the others the code is shown, where it is a single expression,
unless the rule says how it wants to be `written`. This file imports no NumPy.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from minigrad.primitives.primitive import Elementwise

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_MATHEMATICS = {"**": "^", "*": "·", ">=": "≥", "<=": "≤", "!=": "≠", ".T": "ᵀ", " - ": " − "}
_SIGNS = re.compile(r"(?<=\w|\))\s?\*\*\s?([0-9])(?![\w.])|" + "|".join(map(re.escape, _MATHEMATICS)))


def formula(primitive: Any) -> str:
    """The result of a rule in the letters of its inputs.

    >>> from minigrad.primitives import elementwise, linalg
    >>> formula(elementwise.sigmoid), formula(linalg.matmul)
    ('1 / (1 + exp(-x))', 'a @ b')
    """
    text: str = primitive.notation.get("y") or ""
    if not text and primitive.vjps:  # else it is a Function's
        text = primitive.formula if isinstance(primitive, Elementwise) else _expression(primitive.forward)
    return text or f"{primitive.name}({', '.join(primitive.inputs)})"


def share(primitive: Any, name: str) -> str:
    """What a rule passes back to its input of this name; g is the upstream gradient, y the rule's result.

    Args:
        rule: any rule.
        name: of an input, as in `rule.inputs`; where their number is open, with the place of the input, "xs[0]".

    >>> from minigrad.primitives import elementwise, linalg
    >>> share(elementwise.tanh, "x"), share(elementwise.sub, "b"), share(linalg.matmul, "b")
    ('g * (1 - y * y)', '-g', 'a.T @ g')
    """
    name, _, place = name.partition("[")
    text = primitive.notation.get(name) or ""
    if isinstance(text, tuple):
        text = text[int(place.rstrip("]") or 0)]
    if isinstance(primitive, Elementwise):
        partial = text or primitive.partials[name]
        product = {"1": "g", "-1": "-g", "0": "0"}.get(partial)
        return product or (f"g * {partial}" if _is_factor(partial) else f"g * ({partial})")
    if not primitive.vjps:  # a Function's is its own
        return text or f"{primitive.name}.backward(g)"
    return text or _expression(primitive.vjps.get(name)) or f"the share of {name} in g"


def _is_factor(text: str) -> bool:
    """Whether a formula can stand in a product as it is."""
    top = ast.parse(text, mode="eval").body
    product = isinstance(top, ast.BinOp) and isinstance(top.op, ast.Mult | ast.Pow)
    return (product or isinstance(top, ast.Name | ast.Call)) and not text.startswith("-")


def in_place(text: str, meanings: Mapping[str, str]) -> str:
    """A formula with numbers or names in the place of its letters.

    >>> in_place("g * (1 - y * y)", {"g": "-2", "y": "0.5"})
    '(-2) * (1 - 0.5 * 0.5)'
    """

    def meaning(letter: re.Match[str]) -> str:
        found = meanings.get(letter[0], letter[0])
        inside = text[letter.start() - 1 : letter.start()] == "(" and text[letter.end() : letter.end() + 1] == ")"
        return f"({found})" if found.startswith("-") and letter[0] != text and not inside else found

    return _NAME.sub(meaning, text)


def mathematics(text: str) -> str:
    """Python's operators as a reader of mathematics writes them.

    >>> mathematics("a.T @ g * x ** 2 >= 1 - y")
    'aᵀ @ g · x² ≥ 1 − y'
    """

    def sign(found: re.Match[str]) -> str:
        return "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(found[1])] if found[1] else _MATHEMATICS[found[0]]

    return _SIGNS.sub(sign, text)


def printable(text: str) -> str:
    """Text as it is, but for what cannot be printed."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _expression(function: Callable[..., Any] | None) -> str:
    """The code of a function that is one expression, without module names; "" for others."""
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
    """The functions of a file, by the line on which they begin; none where the file is not at hand."""
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
