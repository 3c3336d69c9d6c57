"""Arrays and indices from what users write: nested lists, numbers, arrays, tensors among them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from minigrad.grad_mode import mode
from minigrad.tensors.dtypes import SUPPORTED, default, result_type, scalar_type


def array_from(data: Any, dtype: Any = None) -> np.ndarray:
    """A new array of numbers. Python floats become float32, integers int64; arrays and tensors keep their dtype.

    Raises:
        ValueError: for nested lists of unequal lengths.
        TypeError: for what is not numbers.
    """
    if hasattr(data, "_array"):  # a Tensor
        array = data._array
    else:
        try:
            array = np.asarray(_plain(data))
        except ValueError as error:
            if "inhomogeneous" not in str(error):
                raise
            raise ValueError(f"tensor: the nested lists are of unequal lengths: {_short(data)}") from None
    if array.dtype not in SUPPORTED:
        of = f" of {array.dtype}" if array.dtype.kind in "fcu" else ""
        raise TypeError(f"tensor: takes booleans, integers and floats, got {type(data).__name__} {_short(data)}{of}")
    if dtype is not None:
        dtype = scalar_type("tensor", dtype)
    elif (array.dtype == np.float64 or not array.size) and not hasattr(data, "dtype"):
        dtype = _listed(data) if _has_dtype(data) else default.dtype
    return np.array(array, dtype=dtype)


def _plain(data: Any) -> Any:
    """The data with the tensors in its lists replaced by arrays."""
    if isinstance(data, list | tuple):
        return [_plain(d) for d in data]
    if hasattr(data, "_array"):
        if mode.recording and data.requires_grad:
            raise RuntimeError(
                "a new tensor is made of the values of tensors, and their gradients would be lost: to join tensors "
                "with gradients use minigrad.stack([...]) or cat; for the values alone t.detach() or t.item()"
            )
        return data._array
    return data


def _has_dtype(data: Any) -> bool:
    """Whether the data, or the first thing in it, says itself what type of number it is."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return hasattr(data, "dtype")


def _listed(data: Any) -> np.dtype:
    """The dtype in which all that is in a list meets."""
    if isinstance(data, list | tuple):
        return reduce(_meet, map(_listed, data)) if data else default.dtype
    return default.dtype if data.__class__ is float else np.asarray(getattr(data, "_array", data)).dtype


def _meet(a: np.dtype, b: np.dtype) -> np.dtype:
    return result_type(np.empty(1, a), np.empty(1, b))


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}..."


def index_from(index: Any) -> Any:
    """An index with arrays in place of tensors and lists."""
    if isinstance(index, tuple):
        return tuple([_index_part(i) for i in index])
    return _index_part(index)


def _index_part(i: Any) -> Any:
    if hasattr(i, "_array"):
        i = i._array
        if i.dtype == np.uint8:
            raise IndexError("an index of uint8 is a mask in PyTorch: write t[index.bool()], or t[index.long()]")
    if isinstance(i, list):
        i = np.asarray(i, dtype=None if i else np.intp)
    if isinstance(i, np.ndarray):
        if i.dtype.kind == "f":
            raise IndexError(f"an index must be of integers or booleans, not {i.dtype}: .long() converts it")
        return i.copy() if i.ndim or i.dtype.kind == "b" else int(i)  # a copy: the graph keeps it
    if isinstance(i, slice) and any(hasattr(end, "_array") for end in (i.start, i.stop, i.step)):
        return slice(*[end if end is None else int(end) for end in (i.start, i.stop, i.step)])
    return i


def selected_first(index: Any) -> tuple[Any, Any] | None:
    """An index as two, to be applied one after the other, where NumPy and PyTorch would differ; else None.

    In t[0, :, [1, 2]], the 0 only selects in PyTorch, whereas NumPy broadcasts it with the list; and as the two are
    not neighbours, it would put what they give in front. So this is t[0][:, [1, 2]].
    """
    if not isinstance(index, tuple) or not any(isinstance(i, np.ndarray) for i in index):
        return None
    whole = [isinstance(i, int | np.integer) and not isinstance(i, bool) for i in index]
    places = [n for n, i in enumerate(index) if whole[n] or isinstance(i, np.ndarray | bool)]
    if not any(whole) or places[-1] - places[0] < len(places):
        return None
    selection: list[Any] = []
    for i, select in zip(index, whole):
        mask = isinstance(i, np.ndarray) and i.dtype.kind == "b"
        if i is not None and not isinstance(i, bool):
            selection += [i] if select or i is Ellipsis else [slice(None)] * (i.ndim if mask else 1)
    return tuple(selection), tuple([i for i, select in zip(index, whole) if not select])
