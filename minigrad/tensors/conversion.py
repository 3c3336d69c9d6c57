"""Arrays from what users pass: nested lists, numbers, arrays, also with tensors among them."""

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
