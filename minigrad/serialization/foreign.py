"""Numbers of dtypes that tensors do not support: widen them without loss, or name them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.output.words import class_name, printable
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.devices import device
from minigrad.tensors.dtypes import SUPPORTED
from minigrad.tensors.tensor import Tensor


@dataclass(frozen=True)
class Unreadable:
    """An array that no tensor can hold, in words."""

    what: str


def _e4m3() -> np.ndarray:
    """Return the 256 numbers of float8_e4m3fn: 4 bits of exponent, 3 of mantissa, no inf. https://arxiv.org/abs/2209.05433."""
    exponent, mantissa = np.divmod(np.arange(128), 8)
    positive = np.where(exponent, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0), mantissa / 8 * 2.0**-6)
    positive[127] = np.nan
    return np.concatenate([positive, -positive]).astype(np.float32)


AS_BITS = {"bfloat16": "u2", "float8_e5m2": "u1", "float8_e4m3fn": "u1"}
"""Dtypes that NumPy does not have, and the integers of the same bits."""
WIDER = {"float16": "float32", "uint16": "int32", "uint32": "int64", "uint64": "int64"}


def widened(array: np.ndarray, dtype: str) -> Any:
    """Return the array as a tensor, in the narrowest supported dtype that holds all numbers of the given one.

    Args:
        array: the numbers, or their bits for a dtype of `AS_BITS`; of any byte order.
        dtype: the name of the dtype in the file.

    Returns:
        A tensor; for text, nested lists of strings; `Unreadable` for anything else.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype == "bfloat16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    elif dtype == "float8_e5m2":  # the upper half of a float16
        array = (array.astype(np.uint16) << 8).view(np.float16)
    elif dtype == "float8_e4m3fn":
        array = _e4m3()[array]
    name = array.dtype.name
    if array.dtype in SUPPORTED:
        return as_tensor(array)
    if name == "uint64" and (array > np.iinfo(np.int64).max).any():
        return Unreadable("of uint64 with numbers above 2**63 - 1, the largest of int64")
    if name in WIDER:
        return as_tensor(np.asarray(array.astype(WIDER[name])))
    if array.dtype.kind in "US":
        return array.tolist()
    return Unreadable(f"of {dtype}")


PLAIN = (dict, list, tuple, set, bool, int, float, complex, str, bytes, bytearray, type(None), Tensor, np.dtype, device)


def readable(value: Any, file: str) -> Any:
    """Return what was read without the arrays that no tensor can hold; a warning names them.

    Raises:
        ValueError: if nothing else is there, or one is not in a dictionary, from which it can be left out.
    """
    left_out: list[str] = []
    kept = 0
    for path, key, inside, container in _values(value):
        if isinstance(inside, Unreadable):
            said = f"{path or 'the content'!r} is {inside.what}"
            if not isinstance(container, dict):
                raise ValueError(f"load: {file}: {said}, which tensors do not support")
            del container[key]
            left_out.append(said)
        elif not isinstance(inside, PLAIN):
            raise ValueError(f"load: {file}: {path or 'the content'!r} is a {class_name(inside)}, which is no data")
        else:
            kept += isinstance(inside, Tensor)
    if left_out:
        said = printable(f"{', '.join(left_out)}: tensors do not support it")
        if not kept:
            raise ValueError(f"load: {file}: {said}")
        warnings.warn(f"load: {file}: {said}; the other tensors are loaded", UserWarning, stacklevel=4)
    return value


def _values(value: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield path, key, value and container of everything in a value, each once, though it may contain itself."""
    todo: list[tuple[str, Any, Any, Any]] = [("", None, value, None)]
    seen: set[int] = set()
    while todo:
        path, key, inside, container = todo.pop()
        yield path, key, inside, container
        if id(inside) in seen or not isinstance(inside, dict | list | tuple):
            continue
        seen.add(id(inside))
        items = list(inside.items() if isinstance(inside, dict) else enumerate(inside))
        for k, v in reversed(items):
            below = (
                (f"{path}.{k}" if path else k) if isinstance(k, str) and isinstance(inside, dict) else f"{path}[{k}]"
            )
            todo.append((below, k, v, inside))
