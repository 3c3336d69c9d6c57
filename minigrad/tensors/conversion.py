"""Conversion of user data to arrays: nested lists, numbers and arrays, possibly with tensors among them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from minigrad.grad_mode import mode
from minigrad.tensors.dtypes import SUPPORTED, default, result_type, scalar_type


def array_from(data: Any, dtype: Any = None) -> np.ndarray:
    """Return a new array. Python floats become float32, integers int64; arrays and tensors keep their dtype.

    Raises:
        ValueError: for nested lists of unequal lengths.
        TypeError: for anything but numbers.
    """
    if hasattr(data, "_array"):  # a Tensor
        array = data._array
    else:
        try:
            array = np.asarray(_plain(data))
        except ValueError as error:
            if "inhomogeneous" not in str(error):
                raise
            raise ValueError(f"tensor: the nested lists have unequal lengths: {_short(data)}") from None
    if array.dtype not in SUPPORTED:
        of = f" of {array.dtype}" if array.dtype.kind in "fcu" else ""
        raise TypeError(f"tensor: takes booleans, integers and floats, got {type(data).__name__} {_short(data)}{of}")
    if dtype is not None:
        dtype = scalar_type("tensor", dtype)
    elif (array.dtype == np.float64 or not array.size) and not hasattr(data, "dtype"):
        dtype = _listed(data) if _has_dtype(data) else default.dtype
    return np.array(array, dtype=dtype)


def _plain(data: Any) -> Any:
    """Return the data with the tensors in its lists replaced by arrays."""
    if isinstance(data, list | tuple):
        return [_plain(d) for d in data]
    if hasattr(data, "_array"):
        if mode.recording and data.requires_grad:
            raise RuntimeError(
                "tensor: a new tensor copies the values of the tensors in the list, and their gradients would be "
                "lost: to join tensors with gradients use minigrad.stack([...]) or cat; for the values alone "
                "t.detach() or t.item()"
            )
        return data._array
    return data


def _has_dtype(data: Any) -> bool:
    """Return True if the data, or its first element, has a dtype."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return hasattr(data, "dtype")


def _listed(data: Any) -> np.dtype:
    """Return the common dtype of the elements of a nested list."""
    if isinstance(data, list | tuple):
        return reduce(_meet, map(_listed, data)) if data else default.dtype
    return default.dtype if data.__class__ is float else np.asarray(getattr(data, "_array", data)).dtype


def _meet(a: np.dtype, b: np.dtype) -> np.dtype:
    return result_type(np.empty(1, a), np.empty(1, b))


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}..."
