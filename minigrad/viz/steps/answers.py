"""What a learner types in a quiz: numbers, short calculations and shapes, and how close they must be.

The page reads answers in the same way (`minigrad/viz/pages/step.js`). This file imports no NumPy.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from minigrad.float_math import NUMBERS

TOLERANCE, CLOSE = 0.01, 0.001
"""An answer counts as right within one per cent. Of several mistakes, one within a thousandth is said first."""
ROUNDED, ROUNDED_INTEGER = 0.2, 0.05
"""How far an answer may be from the right number, relative to it, if it is that number to the digits that were typed:
with decimals, as 0.3 for 0.25, and as an integer. Beyond that, one more digit is asked for.
"""
TOLERANCES = {"right": TOLERANCE, "close": CLOSE, "rounded": ROUNDED, "roundedInteger": ROUNDED_INTEGER}
"""The same, as the page gets them."""

_OPERATORS: dict[type, Callable[..., float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., float]] = {
    **{name: NUMBERS[name] for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sigmoid", "sign")},
    "abs": abs,
}
_CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf, "infinity": math.inf, "nan": math.nan}
_SIGNS = {"\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "*", "\N{MIDDLE DOT}": "*", "\N{DOT OPERATOR}": "*",
          "\N{DIVISION SIGN}": "/", "^": "**", "\N{SUPERSCRIPT TWO}": "**2", "\N{SUPERSCRIPT THREE}": "**3",
          "\N{ALMOST EQUAL TO}": "=", "~": "=", "%": "/100"}  # fmt: skip


def read_number(text: str) -> float:
    """Read a number, or a calculation with numbers; what stands before `=` does not matter.

    >>> read_number("-1/4"), read_number(" 0,5 "), read_number("−2"), read_number("2 * (1 - .5**2)")
    (-0.25, 0.5, -2.0, 1.5)
    >>> read_number("~0.5"), read_number("(-9)(3)"), read_number("2 x 3"), read_number("1 - 0.5²"), read_number("75%")
    (0.5, -27.0, 6.0, 0.75, 0.75)

    Raises:
        ValueError: the text is neither; the message says what to type.
    """
    plain = _plain(text)
    try:
        return float(plain)
    except ValueError:
        pass
    try:
        return float(_evaluated(ast.parse(plain, mode="eval").body))
    except (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, KeyError):
        raise ValueError("type a number, such as 0.5, -3/4 or 2 * 0.3") from None


def _plain(text: str) -> str:
    for sign, instead in _SIGNS.items():
        text = text.replace(sign, instead)
    text = text.rpartition("=")[2].strip()
    text = re.sub(r"(?<=[\d.)])\s*x\s*(?=[\d.(-])", "*", re.sub(r"\)\s*\(", ")*(", text))  # 2 x 3, and (2)(3)
    return re.sub(r"(?<!\d,)(?<=\d),(?=\d+(?!\d*,))|(?<![\d.]),(?=\d)", ".", text)


def _evaluated(node: Any) -> float:
    """Return the value of a parsed calculation; only numbers, operators and a few functions are known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.UnaryOp):
        return _OPERATORS[type(node.op)](_evaluated(node.operand))
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_evaluated(node.left), _evaluated(node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        return _FUNCTIONS[node.func.id](*map(_evaluated, node.args))
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id.lower()]
    raise ValueError("not a calculation")


def read_shape(text: str) -> tuple[int, ...]:
    """Read a shape.

    >>> read_shape("(3, 4)"), read_shape("3x4"), read_shape("[5]"), read_shape("()")
    ((3, 4), (3, 4), (5,), ())

    Raises:
        ValueError: the text is none; the message says what to type.
    """
    shape = tuple(int(n) for n in re.findall(r"\d+", text))
    decimal = re.search(r"\d\.\d|(^|\D)\.\d", text)
    if "-" in text or decimal or not shape and not re.fullmatch(r"\s*(\(\s*\)|\[\s*\]|scalar)\s*", text, re.IGNORECASE):
        raise ValueError("type a shape, such as (3, 4)")
    return shape


def same(a: Any, b: Any, within: float = TOLERANCE) -> bool:
    """Return whether two answers are the same, numbers within a tolerance relative to the second."""
    if isinstance(a, tuple) or isinstance(b, tuple):
        return bool(a == b)
    if not (math.isfinite(a) and math.isfinite(b)):
        return bool(a == b or a != a and b != b)
    return bool(abs(a - b) <= max(within * abs(b), 1e-12))


def rounds_to(text: str, right: float) -> bool | None:
    """Return whether a typed number is the right one, rounded to the digits that were typed; None if these are too few.

    >>> [rounds_to(text, 0.148) for text in ("0.15", "0.1", "0.2", "0")], rounds_to("0.0000", 2e-5)
    ([True, None, False, False], True)
    """
    written = re.fullmatch(r"[+-]?\d*(?:\.(\d*))?(?:e([+-]?\d+))?", _plain(text), re.IGNORECASE)
    if not written or not math.isfinite(right):
        return False
    number = read_number(text)
    if not math.isfinite(number):
        return False
    digits = len(written[1] or "") - int(written[2] or 0)
    error = abs(number - right) / (1 + 1e-9)
    if error > 0.5 * 10.0**-digits:
        return False
    if not number:
        return digits >= 4
    return error <= (ROUNDED if digits > 0 else ROUNDED_INTEGER) * abs(right) or None
