"""How a tensor is printed: as in PyTorch. All numbers of a tensor have one form and one width, and of a large tensor
only the ends are shown."""

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
Form = tuple[Callable[[Any], str], int]
"""How a number is written, and how wide."""

_options = SimpleNamespace(**PROFILES["default"], sci_mode=None)


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed from now on; what is not given stays as it is, but for `sci_mode`.

    Args:
        precision: digits after the point (4).
        threshold: from how many elements on only the ends of each dimension are shown (1000).
        edgeitems: how many at each end (3).
        linewidth: characters in a line (80).
        profile: all of these at once: "default", "short" or "full".
        sci_mode: whether numbers are printed as 1.2346e+03; None decides by the numbers.

    >>> from minigrad import tensor
    >>> set_printoptions(precision=2)
    >>> tensor([0.12345, 10.0])
    tensor([ 0.12, 10.00])
    >>> set_printoptions(profile="default")
    """
    if profile is not None:
        if profile.lower() not in PROFILES:
            raise ValueError(f"set_printoptions: profile is one of {[*PROFILES]}, not {profile!r}")
        vars(_options).update(PROFILES[profile.lower()])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    for name, value in given.items():
        if value is not None:
            if value < 0:
                raise ValueError(f"set_printoptions: {name} is at least 0, got {value}")
            setattr(_options, name, value)
    _options.sci_mode = sci_mode


def tensor_text(array: np.ndarray, *notes: str) -> str:
    """`tensor(…)` with these notes, such as "requires_grad=True", behind the numbers."""
    some = array.size > 0
    sized = not _options.edgeitems if some else array.ndim != 1  # where the numbers do not show it
    suffixes = [f"size={array.shape}"] if sized else []
    if array.dtype not in ((default.dtype, np.dtype("int64"), np.dtype("bool")) if some else (default.dtype,)):
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
    return _rows(array, len("tensor("), edge, _form(array[np.ix_(*map(list, ends))] if array.ndim else array))


def _rows(array: np.ndarray, indent: int, edge: int | None, form: Form) -> str:
    """The numbers in their brackets, a line for each row, and empty lines between matrices."""
    if not array.ndim:
        return form[0](array.item())
    long = edge is not None and len(array) > 2 * edge
    shown = [*array[:edge], *array[len(array) - edge :]] if long and edge is not None else [*array]
    if array.ndim > 1:
        parts = [_rows(row, indent + 1, edge, form) for row in shown]
        between = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
        return f"[{between.join([*parts[:edge], '...', *parts[edge:]] if long else parts)}]"
    parts = [form[0](x.item()) for x in shown]
    if long:
        parts = [*parts[:edge], " ..." if edge else "...", *parts[edge:]]
    per_line = max(1, (_options.linewidth - indent) // (form[1] + 2))
    lines = [", ".join(parts[i : i + per_line]) for i in range(0, len(parts), per_line)]
    between = ",\n" + " " * (indent + 1)
    return f"[{between.join(lines)}]"


def _form(shown: np.ndarray) -> Form:
    """The form that suits all of these numbers. (Infinities and nans may be wider.)"""
    if shown.dtype.kind != "f":
        width = max((len(str(x)) for x in shown.ravel().tolist()), default=0)
        return (lambda x: f"{x!s:>{width}}"), width
    finite = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
    sizes = np.abs(finite)
    whole = bool((finite == np.ceil(finite)).all())
    low, high = (sizes.min(), sizes.max()) if finite.size else (1.0, 1.0)
    scientific = _options.sci_mode
    if not finite.size:
        scientific = False
    elif scientific is None:
        scientific = bool(high / low > 1000 or high > 1e8 or not whole and low < 1e-4)
    style = f".{_options.precision}{'e' if scientific else 'f'}"

    def text(x: float) -> str:
        if whole and not scientific:
            return f"{x:.0f}." if np.isfinite(x) else f"{x:.0f}"
        return f"{x:{style}}"

    width = max(map(len, map(text, finite.tolist())), default=1)
    return (lambda x: f"{text(x):>{width}}"), width
