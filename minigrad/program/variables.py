"""The variables of the calling program: values without a name are shown under these names.

This file imports no NumPy.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigrad.engine import Node

_PACKAGE = str(Path(__file__).parents[1])

SCOPES = 8
"""The number of frames whose variables are looked at."""


def calling_names() -> dict[str, Any]:
    """Return the variables of the frame that called this package, locals first."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return {} if frame is None else {**frame.f_locals, **frame.f_globals, **frame.f_locals}


def calling_scopes() -> list[dict[str, Any]]:
    """Return the variables of the frames that called this package: the local ones of each, then the global ones."""
    frame: Any = sys._getframe(1)
    found: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    while frame is not None and len(found) < SCOPES:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            last = last or frame.f_globals
            found.append(dict(frame.f_locals))
        frame = frame.f_back
    return [*found[:1], last, *found[1:]]


class Variables(dict[Any, str]):
    """The variable names of nodes, and of constant arrays by their `id`.

    Attributes:
        arrays: these arrays by name.
        made: the names of those that the program for these numbers made itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.arrays: dict[str, Any] = {}
        self.made: set[str] = set()

    def hold(self, name: str, array: Any, made: bool) -> None:
        """Name a constant array after its variable; arrays that a loop assigns to one variable are numbered."""
        if id(array) in self or name.startswith("_"):
            return
        called, i = name, 1
        while called in self.arrays:
            called, i = f"{name}{i + 1}", i + 1
        self[id(array)], self.arrays[called] = name, array
        if made:
            self.made.add(called)


def is_array(value: Any) -> bool:
    """Return whether a value is an array of NumPy with an axis."""
    return type(value).__name__ == "ndarray" and type(value).__module__ == "numpy" and value.ndim > 0


def variables(names: Mapping[str, Any] | None = None) -> Variables:
    """Return the variable names of nodes, and of constant arrays by their `id`.

    The variables are those of the frame that called this package, or `names` if given.
    """
    found = Variables()
    for name, value in (calling_names() if names is None else names).items():
        node = node_of(value)
        if name.isidentifier() and not name.startswith("_"):
            array = _attribute(value, "_array", value)
            if node is not None:
                found.setdefault(node, name)
            elif _attribute(array, "__array_interface__") is not None:
                found.setdefault(id(array), name)
                found.arrays.setdefault(name, array)
    return found


def node_of(value: Any) -> Node | None:
    """Return the node of a Value, a Tensor or the loss of a Network; None for anything else."""
    if isinstance(value, float) and hasattr(value, "tensor"):  # the loss of a Network
        value = value.tensor
    node = value if isinstance(value, Node) else _attribute(value, "_node")
    return node if isinstance(node, Node) else None


def _attribute(value: Any, name: str, otherwise: Any = None) -> Any:
    """Return an attribute of a variable of the program, which may be an object that raises what it likes."""
    try:
        return getattr(value, name, otherwise)
    except Exception:
        return otherwise
