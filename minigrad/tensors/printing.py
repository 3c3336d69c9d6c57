"""The text of a tensor, as in PyTorch.

All numbers of a tensor have one format and one width; a large tensor shows only the ends of each dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from minigrad.tensors.dtypes import default

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": float("inf"), "edgeitems": 3, "linewidth": 80},
}
NumberFormat = tuple[Callable[[Any], str], int]
"""The function that formats a number, and the width of its results."""

_options = SimpleNamespace(**PROFILES["default"], sci_mode=None)


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set the format of printed tensors. Options that are not given stay as they are, except `sci_mode`.

    Args:
        precision: the number of digits after the decimal point; initially 4.
        threshold: the number of elements above which only the ends of each dimension are shown; initially 1000.
        edgeitems: the number of elements shown at each end; initially 3.
        linewidth: the number of characters in a line; initially 80.
        profile: sets all of these at once: "default", "short" or "full".
        sci_mode: True for scientific notation, as 1.2346e+03; None decides by the numbers.

    >>> from minigrad import tensor
    >>> set_printoptions(precision=2)
    >>> tensor([0.12345, 10.0])
    tensor([ 0.12, 10.00])
    >>> set_printoptions(profile="default")
    """
    if profile is not None:
        if profile.lower() not in PROFILES:
            raise ValueError(f"set_printoptions: profile must be one of {[*PROFILES]}, got {profile!r}")
        vars(_options).update(PROFILES[profile.lower()])
    options = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in options.items():
        if value is not None:
            if value < 0:
                raise ValueError(f"set_printoptions: {name} must not be negative, got {value}")
            setattr(_options, name, value)
    _options.sci_mode = sci_mode


def tensor_text(array: np.ndarray, *notes: str) -> str:
    """Return the text `tensor(…)`, with notes such as "requires_grad=True" after the numbers."""
    filled = array.size > 0
    sized = not _options.edgeitems if filled else array.ndim != 1  # where the numbers do not show the shape
    suffixes = [f"size={array.shape}"] if sized else []
    if array.dtype not in ((default.dtype, np.dtype("int64"), np.dtype("bool")) if filled else (default.dtype,)):
        suffixes.append(f"dtype={array.dtype}")
    text = f"tensor({_body(array)}"
    room = _options.linewidth - (len(text) - text.rfind("\n") + 1)
    for suffix in [*suffixes, *notes]:
        if len(suffix) + 2 > room:
            text, room = f"{text},\n       {suffix}", _options.linewidth - 7 - len(suffix)
        else:
            text, room = f"{text}, {suffix}", room - 2 - len(suffix)
    return f"{text})"


def _body(array: np.ndarray) -> str:
    if not array.size:
        return "[]"
    edge = _options.edgeitems if array.size > _options.threshold else None
    ends = [range(n) if edge is None or n <= 2 * edge else [*range(edge), *range(n - edge, n)] for n in array.shape]
    shown = array[np.ix_(*map(list, ends))] if array.ndim else array
    return _rows(array, len("tensor("), edge, _number_format(shown))


def _rows(array: np.ndarray, indent: int, edge: int | None, number_format: NumberFormat) -> str:
    """Return the numbers in their brackets, a line for each row, and empty lines between matrices."""
    if not array.ndim:
        return number_format[0](array.item())
    long = edge is not None and len(array) > 2 * edge
    shown = [*array[:edge], *array[len(array) - edge :]] if long and edge is not None else [*array]
    if array.ndim > 1:
        parts = [_rows(row, indent + 1, edge, number_format) for row in shown]
        between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
        return f"[{between.join([*parts[:edge], '...', *parts[edge:]] if long else parts)}]"
    parts = [number_format[0](x.item()) for x in shown]
    if long:
        parts = [*parts[:edge], " ..." if edge else "...", *parts[edge:]]
    per_line = max(1, (_options.linewidth - indent) // (number_format[1] + 2))
    lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
    between = ",\n" + " " * (indent + 1)
    return f"[{between.join(lines)}]"


def _number_format(shown: np.ndarray) -> NumberFormat:
    """Return the format that fits all of these numbers. (Infinities and nans may be wider.)"""
    if shown.dtype.kind != "f":
        width = max((len(str(x)) for x in shown.ravel().tolist()), default=0)
        return (lambda x: f"{x!s:>{width}}"), width
    finite = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
    sizes = np.abs(finite)
    integers = bool((finite == np.ceil(finite)).all())
    low, high = (sizes.min(), sizes.max()) if finite.size else (1.0, 1.0)
    scientific = _options.sci_mode
    if not finite.size:
        scientific = False
    elif scientific is None:
        scientific = bool(high / low > 1000 or high > 1e8 or not integers and low < 1e-4)
    style = f".{_options.precision}{'e' if scientific else 'f'}"

    def text(x: float) -> str:
        if integers and not scientific:
            return f"{x:.0f}." if np.isfinite(x) else f"{x:.0f}"
        return f"{x:{style}}"

    width = max(map(len, map(text, finite.tolist())), default=1)
    return (lambda x: f"{text(x):>{width}}"), width
