"""Conversion of user data to arrays: nested lists, numbers and arrays, possibly with tensors among them."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from minigrad.grad_mode import mode
from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name, printable_lines
from minigrad.tensors.base import Base
from minigrad.tensors.dtypes import SUPPORTED, check_range, default, result_type, scalar_type


def array_from(data: Any, dtype: Any = None) -> np.ndarray:
    """Return a new array. Python floats become float32, integers int64; arrays and tensors keep their dtype.

    Raises:
        ValueError: for nested lists of unequal lengths, and for masked elements.
        TypeError: for anything but numbers; without `dtype`, also for arrays of a dtype that tensors do not have.
        OverflowError: for numbers that an integer `dtype` cannot hold.
    """
    if isinstance(data, Base):
        return np.array(data._array, dtype=None if dtype is None else scalar_type("tensor", dtype))
    try:
        array = plain_array(_plain(data))
    except RecursionError:
        raise ValueError("tensor: lists are nested too deep, or contain themselves") from None
    except ValueError as error:
        if "maximum number of dimension" in str(error):
            raise ValueError("tensor: lists are nested deeper than an array can have dimensions") from None
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(f"tensor: the nested lists have unequal lengths: {_short(data)}") from None
    if dtype is not None:
        dtype = scalar_type("tensor", dtype)
    if array.dtype.kind == "O" and all(isinstance(n, int) for n in array.flat) and dtype is not None:
        array = array.astype(np.float64)  # integers that no integer dtype holds
    if array.dtype not in SUPPORTED and (dtype is None or array.dtype.kind not in "fu"):
        raise TypeError(f"tensor: takes booleans, integers and floats, got {printable_lines(_described(data, array))}")
    if dtype is not None:
        check_range("tensor", array, dtype)
    elif (array.dtype == np.float64 or not array.size) and not hasattr(data, "dtype"):
        dtype = _listed(data) if _has_dtype(data) else default.dtype
    return np.array(array, dtype=dtype)


def data_and_dtype(data: Any, dtype: Any, requires_grad: bool | None) -> tuple[Any, Any]:
    """Return data and dtype of `Tensor(*data)`: with nothing but data, as `torch.Tensor` takes it."""
    if len(data) == 2 and not isinstance(data[1], int):
        data, dtype = data[:1], data[1]
    if dtype is None and requires_grad is None:
        if all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in data):
            also = f", or for a number tensor{data}" if len(data) == 1 else ""
            warn_deprecated(f"Tensor{data} of these sizes", f"empty{data}{also}")
            return np.zeros(data or (0,)), default.dtype
        if len(data) == 1 and not isinstance(data[0], Base):
            array = np.asarray(data[0]) if isinstance(data[0], list | tuple | np.ndarray) else None
            if array is not None and array.dtype.kind in "iub" and array.size:
                warn_deprecated("Tensor(data) of integers, which become floats,", "tensor(data), which keeps the dtype")
                return data[0], default.dtype
    if len(data) != 1:
        raise TypeError(f"Tensor: takes the data, a dtype and requires_grad, or sizes; got {_short(data)}")
    return data[0], dtype


def plain_array(data: Any) -> np.ndarray:
    """Return the data as an array of class `np.ndarray`, in native byte order; it shares memory where it can.

    Raises:
        ValueError: for an array with masked elements.
    """
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(
            "a masked array has elements without a value, which tensors do not have: fill them, a.filled(0), or select "
            "the others, a.compressed()"
        )
    array = np.asarray(data)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def plain_operand(data: Any, users: set[int]) -> np.ndarray:
    """Return a masked array, `np.matrix` or the like as a plain array, and note that its memory is the user's."""
    array = plain_array(data)
    users.add(id(array))
    return array


def _foreign(data: Any) -> Any:
    """Return an array of another library that offers its memory by the array API's protocol alone as NumPy's."""
    if hasattr(data, "__dlpack__") and not hasattr(data, "__array__"):
        return np.from_dlpack(data)
    return data


def _described(data: Any, array: np.ndarray) -> str:
    """Return what the data is, and the likeliest way to convert it, for an error."""
    what = f"{class_name(data)} {_short(data)}"
    kind, first = array.dtype.kind, array.flat[0] if array.size else None
    if kind in "fu" and abs(array.astype(float)).max(initial=0) < 2.0**63:
        return f"{what} of {array.dtype}; convert it: a.astype(np.{'float32' if kind == 'f' else 'int64'})"
    integers = kind == "O" and all(isinstance(n, int) for n in array.flat)
    if kind == "u" or integers and not all(-(2**63) <= n < 2**63 for n in array.flat):
        return f"{what}, of which an integer is out of the range of int64; for an approximation pass a float dtype"
    if kind == "c":
        return f"{what} of {array.dtype}; take a.real, a.imag or abs(a)"
    if kind in "mM":
        return f"{what} of {array.dtype}; a.astype(np.int64) counts in its unit"
    if array.dtype.names:
        return f"{what}, a structured array; take one of its fields, as in a[{array.dtype.names[0]!r}]"
    if kind in "SU":
        return f"{what} of text; if it is of numbers, convert it: np.asarray(a, dtype=float)"
    if kind == "O" and array.ndim:
        odd = next((n for n in array.flat if not isinstance(n, bool | int | float)), first)
        return f"{what} of Python objects, the first a {class_name(odd)}; if they are numbers: a.astype(float)"
    if kind == "O" and hasattr(data, "__iter__"):
        return f"{what}; make a list of it: list(…)"
    return what


def _plain(data: Any) -> Any:
    """Return the data with the tensors in its lists replaced by arrays."""
    if isinstance(data, list | tuple):
        return [_plain(d) for d in data]
    if isinstance(data, np.ndarray):
        return plain_array(data)
    if isinstance(data, Base):
        if mode.recording and data.requires_grad:
            raise RuntimeError(
                "tensor: a new tensor copies the values of the tensors in the list, and their gradients would be "
                "lost: to join tensors with gradients use minigrad.stack([...]) or cat; for the values alone "
                "t.detach() or t.item()"
            )
        return data._array
    return _foreign(data)


def _has_dtype(data: Any) -> bool:
    """Return True if the data, or its first element, has a dtype."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return hasattr(data, "dtype")


def _listed(data: Any) -> np.dtype:
    """Return the common dtype of the elements of a nested list."""
    if isinstance(data, list | tuple):
        return reduce(_meet, map(_listed, data)) if data else default.dtype
    return (
        default.dtype
        if data.__class__ is float
        else np.asarray(data._array if isinstance(data, Base) else _foreign(data)).dtype
    )


def _meet(a: np.dtype, b: np.dtype) -> np.dtype:
    return result_type(np.empty(1, a), np.empty(1, b))


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}..."
