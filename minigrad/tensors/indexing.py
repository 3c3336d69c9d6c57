"""Indexing: convert what users write in brackets to NumPy's indices, and read elements with `t[...]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.output.words import class_name, printable
from minigrad.primitives import indexing as ix
from minigrad.tensors.base import Base, Out
from minigrad.tensors.dtypes import operand


class Indexing(Base[Out]):
    """The part of Tensor that reads elements."""

    def __getitem__(self, index: Any) -> Out:
        index = index_from(index)
        if index.__class__ is tuple and (steps := split_index(index)):
            return self[steps[0]][steps[1]]
        try:
            return self.apply(ix.getitem, self, index=index)
        except IndexError as error:
            raise IndexError(f"index {printable(repr(index))} into a tensor of shape {self.shape}: {error}") from None

    def __iter__(self) -> Iterator[Out]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor: it is a single number")
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor: it is a single number")
        return len(self._array)

    def __contains__(self, value: Any) -> bool:
        if operand(value) is None:
            raise TypeError(f"in: a tensor contains numbers, but {printable(repr(value))} is a {class_name(value)}")
        return bool((self._array == (value._array if isinstance(value, Base) else value)).any())

    __hash__ = object.__hash__  # by identity, although == compares elements


def index_from(index: Any) -> Any:
    """Return the index with its tensors, lists and ranges converted to arrays."""
    if isinstance(index, tuple):
        return tuple([_index_part(i) for i in index])
    return _index_part(index)


def _index_part(i: Any) -> Any:
    if hasattr(i, "_array"):
        i = i._array
        if i.dtype == np.uint8:
            raise IndexError("an index of uint8 is a mask in PyTorch: write t[index.bool()], or t[index.long()]")
    if isinstance(i, list | range):
        i = np.asarray(i, dtype=None if len(i) else np.intp)
    if isinstance(i, np.ndarray):
        if i.dtype.kind == "f":
            raise IndexError(f"an index must have an integer or bool dtype, not {i.dtype}: convert it with .long()")
        return i.copy() if i.ndim or i.dtype.kind == "b" else int(i)  # a copy: the graph saves it
    if isinstance(i, slice) and any(hasattr(end, "_array") for end in (i.start, i.stop, i.step)):
        return slice(*[end if end is None else int(end) for end in (i.start, i.stop, i.step)])
    return i


def split_index(index: Any) -> tuple[Any, Any] | None:
    """Split an index where NumPy and PyTorch differ into two, to apply one after the other; return None otherwise.

    In t[0, :, [1, 2]], the 0 only selects in PyTorch, whereas NumPy broadcasts it with the list; and as the two are
    not neighbors, NumPy moves their dimension to the front. So this becomes t[0][:, [1, 2]].
    """
    if not isinstance(index, tuple) or not any(isinstance(i, np.ndarray) for i in index):
        return None
    integers = [isinstance(i, int | np.integer) and not isinstance(i, bool) for i in index]
    positions = [n for n, i in enumerate(index) if integers[n] or isinstance(i, np.ndarray | bool)]
    if not any(integers) or positions[-1] - positions[0] < len(positions):
        return None
    selection: list[Any] = []
    for i, select in zip(index, integers):
        mask = isinstance(i, np.ndarray) and i.dtype.kind == "b"
        if i is not None and not isinstance(i, bool):
            selection += [i] if select or i is Ellipsis else [slice(None)] * (i.ndim if mask else 1)
    return tuple(selection), tuple([i for i, select in zip(index, integers) if not select])
