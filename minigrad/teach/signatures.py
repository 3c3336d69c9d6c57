"""The arguments of functions that learners wrote."""

from __future__ import annotations

import inspect
from typing import Any


def arguments_of(function: Any) -> list[inspect.Parameter]:
    """Return the arguments that have a name of their own; none if the function, a builtin, does not show them."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
