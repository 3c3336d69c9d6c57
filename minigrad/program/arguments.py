"""Arguments and results of a compiled function: what must be the same for a recording to fit, and their stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from operator import is_
from typing import Any

import numpy as np

from minigrad.program.stand_ins import real
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


def with_own_containers(x: Any) -> Any:
    """Return arguments in lists and dictionaries of their own."""
    if isinstance(x, tuple) and any(isinstance(v, tuple | list | dict) for v in x):
        parts = [with_own_containers(v) for v in x]
        return x._make(parts) if hasattr(x, "_make") else type(x)(parts)
    if isinstance(x, list):
        return type(x)([with_own_containers(v) for v in x])
    return {k: with_own_containers(v) for k, v in x.items()} if x.__class__ is dict else x


def inputs_of(arguments: Any) -> list[Any]:
    """Return the tensors and arrays among positional and named arguments."""
    inputs: list[Any] = []
    describe(arguments[0], inputs)
    if arguments[1]:
        describe(arguments[1], inputs)
    return inputs


def with_stand_ins(x: Any, stand_ins: dict[int, Any], lent: list[Any]) -> Any:
    """Return an argument with stand-ins for its arrays; in lists and dictionaries they take the arrays' places."""
    if type(x) is np.ndarray:
        return stand_ins[id(x)]
    if isinstance(x, tuple):
        parts = [with_stand_ins(part, stand_ins, lent) for part in x]
        if all(map(is_, parts, x)):
            return x
        return x._make(parts) if hasattr(x, "_make") else type(x)(parts)
    if isinstance(x, list):
        parts = [with_stand_ins(part, stand_ins, lent) for part in x]
        lent.append((x, [*x], parts))
        x[:] = parts
    elif x.__class__ is dict:
        parts = [with_stand_ins(part, stand_ins, lent) for part in x.values()]
        lent.append((x, [*x.items()], [*zip(x, parts)]))
        x.update(zip(x, parts))
    return x


def take_back(lent: list[Any]) -> bool:
    """Give lists and dictionaries their arrays back. Return whether the function has changed what is in them."""
    changed = False
    while lent:
        x, before, during = lent.pop()
        if isinstance(x, dict):
            back = {id(new): old for (_, old), (_, new) in zip(before, during)}
            changed |= [(id(k), id(v)) for k, v in x.items()] != [(id(k), id(v)) for k, v in during]
            x.update([(k, back.get(id(v), v)) for k, v in x.items()])
        else:
            back = {id(new): old for old, new in zip(before, during)}
            changed |= [*map(id, x)] != [*map(id, during)]
            x[:] = [back.get(id(v), v) for v in x]
    return changed


def containers_in(x: Any) -> Iterator[Any]:
    """Yield the lists and dictionaries among arguments."""
    if isinstance(x, tuple | list | dict):
        for part in x.values() if isinstance(x, dict) else x:
            yield from containers_in(part)
    if isinstance(x, list | dict):
        yield x


def objects_in(x: Any) -> Iterator[Any]:
    """Yield the arguments that are neither tensors, arrays nor plain."""
    if isinstance(x, tuple | list):
        for part in x:
            yield from objects_in(part)
    elif x.__class__ is dict:
        yield from objects_in([*x.values()])
    elif x.__class__ is not np.ndarray and not isinstance(x, (Tensor, Value, np.generic, float, complex, *PLAIN)):
        yield x


def with_arrays(result: Any) -> Any:
    """Return a result with arrays for stand-ins."""
    if isinstance(result, Tensor):
        result._array = real(result._array)
        return result
    if isinstance(result, tuple | list):
        parts = [with_arrays(part) for part in result]
        return result._make(parts) if hasattr(result, "_make") else type(result)(parts)
    if result.__class__ is dict:
        return {k: with_arrays(v) for k, v in result.items()}
    return real(result)
