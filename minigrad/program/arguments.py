"""The arguments of a compiled function: what must be the same for a recording to fit them."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.scalar import Value
from minigrad.tensors.tensor import Tensor

PLAIN = (int, bool, str, bytes, type(None), np.dtype, type(...), range)
"""Types of arguments that are the same if they are equal."""
_OF_TENSORS = frozenset(["_array", "_node", "_leaf", "_name", "_is_users", "_base", "_root", "_view", "_layout"])
_OF_TENSORS |= {"_generation", "_base_generation", "_seen_writes"}


def own_attributes(x: Any) -> list[tuple[str, Any]]:
    """Return the attributes of a tensor or Value that the user has set, with their values."""
    attributes = getattr(x, "__dict__", None)
    if not attributes or attributes.keys() <= _OF_TENSORS:
        return []
    return [(k, v) for k, v in attributes.items() if k not in _OF_TENSORS]


def describe(x: Any, inputs: list[Any]) -> Any:
    """Return what must be the same for a recording to fit an argument, and add its arrays to `inputs`."""
    if isinstance(x, Tensor):
        array, node = x._array, x.node
        kind: Any = (type(x), array.shape, array.dtype, array.strides, node is None, *_own_key(x))
    elif isinstance(x, Value):
        kind = (type(x), *_own_key(x))
    elif x.__class__ is np.ndarray:
        kind = (np.ndarray, x.shape, x.dtype, x.strides)
    elif isinstance(x, tuple | list):
        return (type(x), *[describe(part, inputs) for part in x])
    elif x.__class__ is dict:
        return (dict, *x, *[describe(part, inputs) for part in x.values()])
    elif isinstance(x, PLAIN):
        return (x.__class__, x)
    elif isinstance(x, float | complex):
        return (x.__class__, repr(x))
    elif isinstance(x, np.generic):
        return (x.__class__, x.tobytes())
    else:
        return (x.__class__, _Same(x))
    for i, other in enumerate(inputs):
        if other is x:
            return (*kind, i)
    inputs.append(x)
    return kind


def _own_key(x: Any) -> list[Any]:
    own = own_attributes(x)
    return [(k, describe(v, []) if isinstance(v, (float, *PLAIN)) else _Same(v)) for k, v in own] if own else own


class _Same:
    """An object as a part of a key: equal to itself only."""

    __slots__ = ("x",)

    def __init__(self, x: Any) -> None:
        self.x = x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.x is other.x

    def __hash__(self) -> int:
        return id(self.x)


class Pattern:
    """The arguments of a call, compared with those of the next call faster than by their descriptions.

    Attributes:
        parts: for a tensor or array its class, shape, dtype, strides and whether it has no node; for another argument,
            which must be the same object, a tuple of that object. None if nothing can be said faster.
    """

    def __init__(self, args: tuple[Any, ...]) -> None:
        flat = not any(isinstance(x, tuple | list | dict | Value) for x in args)
        flat = flat and not any(isinstance(x, Tensor) and own_attributes(x) for x in args)
        self.parts = [_part(x) for x in args] if flat and _are_distinct(args) else None

    def inputs(self, args: tuple[Any, ...]) -> list[Any] | None:
        """Return the tensors and arrays among other arguments; None if their descriptions must be compared."""
        if self.parts is None or len(args) != len(self.parts):
            return None
        inputs = []
        for x, part in zip(args, self.parts):
            if len(part) == 1:
                if x is not part[0]:
                    return None
                continue
            cls, shape, dtype, strides, is_constant = part
            if x.__class__ is not cls:
                return None
            array = x
            if is_constant is not None:
                array = x._array
                if x._base is not None or (x._node is None) is not is_constant or not x.__dict__.keys() <= _OF_TENSORS:
                    return None
            if array.shape != shape or array.dtype is not dtype or array.strides != strides:
                return None
            inputs.append(x)
        return inputs if _are_distinct(inputs) else None


def _part(x: Any) -> tuple[Any, ...]:
    if x.__class__ is np.ndarray:
        return np.ndarray, x.shape, x.dtype, x.strides, None
    if isinstance(x, Tensor):
        return type(x), x._array.shape, x._array.dtype, x._array.strides, x.node is None
    return (x,)


def _are_distinct(objects: Any) -> bool:
    return len({*map(id, objects)}) == len(objects)
