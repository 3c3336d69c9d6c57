"""Stand-ins that a step has stored somewhere, replaced by what they stand for once the step is over.

A step that appends `loss.item()` to a list, or keeps an output as an attribute, is not recorded. What it has stored in
its first call is then as the eager step would have stored it.
"""

from __future__ import annotations

import gc
import types
from operator import is_
from typing import Any

_DEPTH = 8
"""The deepest tuples in tuples that are looked into."""


def replace(stand_ins: list[Any]) -> None:
    """Replace stand-ins by their values in all lists, dictionaries, tuples, cells and attributes."""
    values = {id(s): s.value for s in stand_ins}
    pending, kept = stand_ins, [stand_ins]
    for _ in range(_DEPTH):
        tuples: list[Any] = []
        for holder in gc.get_referrers(*pending):
            if holder is pending or holder is values or any(holder is k for k in kept):
                continue
            if isinstance(holder, tuple):
                if len(holder) == len(pending) and all(map(is_, holder, pending)):
                    continue  # the arguments of get_referrers
                parts = [values.get(id(v), v) for v in holder]
                values[id(holder)] = holder._make(parts) if hasattr(holder, "_make") else tuple(parts)
                tuples.append(holder)
            else:
                _replace_in(holder, values)
        if not tuples:
            break
        kept.append(tuples)
        pending = tuples


def _replace_in(holder: Any, values: dict[int, Any]) -> None:
    if isinstance(holder, dict):
        for k, v in [*holder.items()]:
            if id(v) in values:
                holder[k] = values[id(v)]
    elif isinstance(holder, list):
        holder[:] = [values.get(id(v), v) for v in holder]
    elif isinstance(holder, types.CellType):
        holder.cell_contents = values.get(id(holder.cell_contents), holder.cell_contents)
    elif isinstance(attributes := getattr(holder, "__dict__", None), dict):
        _replace_in(attributes, values)
