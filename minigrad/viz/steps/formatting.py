"""Numbers, arrays and settings as short text. This file imports no NumPy."""

from __future__ import annotations

import math
from typing import Any

from minigrad.output.words import printable


def number(x: Any) -> str:
    """Format a number with four significant digits, or with all of its digits if they are few.

    >>> number(2.0), number(1 / 3), number(1.0001), number(12345.678), number(-1 / 300000), number(True)
    ('2', '0.3333', '1.0001', '12346', '-3.333e-06', 'True')
    """
    x = x.item() if hasattr(x, "item") else x
    if not isinstance(x, float):
        return str(x)
    digits = str(x).removesuffix(".0")
    return digits if len(digits) <= 7 else f"{x:.0f}" if 9999.5 <= abs(x) < 1e6 else f"{x:.4g}"


def describe(x: Any, node: Any = None) -> str:
    """Format a number or a few numbers, or the shape and the range of many; "?" and the node's shape for None."""
    if x is None:
        return f"? {node.shape}" if getattr(node, "shape", ()) else "?"
    if isinstance(x, tuple):  # the gradients of a Function with several outputs
        return ", ".join(f"{describe(g)} for output {i}" for i, g in x)
    if getattr(x, "size", 1) == 1 and not getattr(x, "ndim", 0):
        return number(x)
    if x.size <= 6 and x.ndim == 1 or x.size == 1:
        return _brackets(x.tolist())
    finite = x[abs(x) < math.inf] if x.dtype.kind == "f" else x
    parts = [str(x.shape)]
    if finite.size:
        low, high = number(finite.min()), number(finite.max())
        parts.append(f"from {low} to {high}" if low != high else f"all {low}" if finite.size == x.size else low)
    if finite.size < x.size:
        counts = ((x != x, "nan"), (x == math.inf, "inf"), (x == -math.inf, "-inf"))
        parts += [f"{n} {name}" for mask, name in counts if (n := int(mask.sum()))]
    return " ".join([parts[0], ", ".join(parts[1:])]).strip()


def _brackets(nested: Any) -> str:
    return f"[{', '.join(map(_brackets, nested))}]" if isinstance(nested, list) else number(nested)


def setting(value: Any) -> str:
    """Format a parameter of a primitive in at most 60 characters; an index as in brackets.

    >>> setting((slice(None), None, slice(8, 16), 0)), setting(1e-5)
    ('[:, None, 8:16, 0]', '1e-05')
    """
    if getattr(value, "shape", ()):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop, value.step)]
        return ":".join(ends if ends[2] else ends[:2])
    if type(value) is tuple and any(isinstance(v, slice) or getattr(v, "shape", ()) for v in value):
        return f"[{', '.join(map(setting, value))}]"
    if value is ...:
        return "..."
    text = printable(getattr(value, "__name__", None) or str(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def chain(parts: list[str]) -> str:
    """Join parts to `a = b = c`, without repetitions.

    >>> chain(["c", "a * b", "6", "6"])
    'c = a * b = 6'
    """
    chained = parts[:1]
    for part in parts[1:]:
        if part != chained[-1] and not chained[-1].endswith(f"= {part}"):
            chained.append(part)
    return " = ".join(chained)
