"""Texts from elsewhere, such as names, as pictures, pages and terminals can show them. This file imports no NumPy."""

from __future__ import annotations

import operator
import re
import unicodedata
from typing import Any

_JOINERS = "\u200c\u200d"  # invisible, and part of words in Persian and Hindi, and of emoji
# neither XML nor HTML allows control characters and noncharacters; UTF-8 cannot encode lone surrogates
_FORBIDDEN = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")


def printable(text: object) -> str:
    r"""Return a name, or a path, with escapes for what cannot be printed, or changes how the text after it is printed.

    >>> print(printable("a b\n\x1b[31m π 😀"))
    a b\n\x1b[31m π 😀
    """
    text = str(text)
    if text.isascii() and text.isprintable():  # nearly always
        return text
    return "".join(
        c if c.isprintable() or c in _JOINERS or unicodedata.category(c) == "Zs" else ascii(c)[1:-1] for c in text
    )


def class_name(value: object) -> str:
    """Return the name of a value's class, as messages show it: of PyTorch's, which have our names, with its package.

    >>> class_name([])
    'list'
    """
    cls = type(value)
    return printable(f"{'torch.' * cls.__module__.startswith('torch')}{cls.__name__}")


def in_brackets(name: str | None, before: str = "") -> str:
    """Return a name as a message has it behind what it names; nothing if there is none.

    >>> "input 0" + in_brackets("weight"), in_brackets("weight", "a view of "), in_brackets(None)
    ('input 0 (weight)', ' (a view of weight)', '')
    """
    return f" ({before}{printable(name)})" if name else ""


def printable_lines(text: str) -> str:
    """Escape as `printable` does, but keep the ends of lines."""
    return "\n".join(map(printable, text.split("\n")))


def shortened(text: str, most: int) -> str:
    """Replace the middle of a text of more than `most` characters by an ellipsis.

    >>> shortened("a very long name", 9)
    'a v…ame'
    """
    half = max(most // 2 - 1, 1)
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def writable(text: str) -> str:
    r"""Escape the characters that a file of XML or HTML in UTF-8 must not contain; lines and tabs stay.

    >>> print(writable("π 😀 \x00 \ud800"))
    π 😀 \x00 \ud800
    """
    return _FORBIDDEN.sub(lambda c: ascii(c[0])[1:-1], text)


def not_implemented(*operands: Any) -> Any:
    """Return NotImplemented, with which Python asks the other operand of a Value; raise for an array of NumPy's."""
    if any(type(o).__module__ == "numpy" for o in operands):
        raise TypeError(_NO_ARRAYS)
    return NotImplemented


_NO_ARRAYS = "a Value is one number and does not compute with arrays: use minigrad.tensor(...) instead"
_OPERATORS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "power": "pow"}
_OPERATORS |= {"less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq"}
_OPERATORS |= {"not_equal": "ne"}


def of_numpy(value: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """Compute with Values and NumPy's numbers, as np.float64(2) * x; refuse arrays, which would hold objects.

    The method `__array_ufunc__` of a Value.

    Raises:
        TypeError: for arrays and for NumPy's functions, with the method of a Value that computes the same.
    """
    kind, name = type(value), ufunc.__name__
    if any(getattr(i, "shape", ()) for i in inputs):
        raise TypeError(_NO_ARRAYS)
    if name in _OPERATORS:
        numbers = [i if isinstance(i, kind) else float(i) for i in inputs]
        return getattr(operator, _OPERATORS[name])(*numbers)
    fix = f"call the method, x.{name}()" if hasattr(kind, name) else "write it with operators and methods of a Value"
    raise TypeError(f"np.{name}: does not compute with a Value and its gradient; {fix}, or use minigrad.tensor(...)")
