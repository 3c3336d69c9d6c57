"""What crosses between the grader and the student's process: frames of a JSON header and the bytes of arrays.

Nothing is ever unpickled. A value crosses as dtype, shape and bytes; what is no number is described in words. The
student's process may send any bytes at all: `receive` bounds what it reads before it reads it, and raises `WireError`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor

DTYPES = {np.dtype(code).str for code in ("?", *"bhiqBHIQ", "e", "f", "d")}
OUTPUTS = 1000  # of one call
HEADER = 1_000_000  # bytes
_LENGTHS = struct.Struct("<IQ")


class WireError(ValueError):
    """What came is no frame, or a frame that is larger than what was asked for."""


class Unsendable(TypeError):
    """A value that does not cross: it has no dtype, shape and bytes. The message describes it."""


def describe(value: Any) -> str:
    """Return what a value is, in words: `"text"`, `"complex128"`, `"generator"`.

    >>> describe("1.0"), describe(1j), describe(x for x in ()), describe(np.zeros(2, complex))
    ('text', 'complex128', 'generator', 'an array of complex128')
    """
    if value is None:
        return "None"
    if isinstance(value, (str, bytes)):
        return "text" if isinstance(value, str) else "bytes"
    if isinstance(value, (complex, np.complexfloating)):
        return "complex128" if isinstance(value, complex) else value.dtype.name
    if isinstance(value, np.ndarray):
        kind = {"U": "text", "S": "bytes", "O": "objects", "V": "records", "M": "dates", "m": "durations"}
        return f"an array of {kind.get(value.dtype.kind, value.dtype.name)}"
    return type(value).__name__


def as_array(value: Any, limit: float = math.inf) -> np.ndarray:
    """Return a number, a nested list, an array or a Tensor as an array of one of `DTYPES`.

    Args:
        value: from a submission, so it may be anything.
        limit: the largest number of bytes. An array may claim more elements than memory has, as a broadcast one does.

    Raises:
        Unsendable: the value has no such array; the message is a description.
    """
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        raise Unsendable("an integer of more than 64 bits")
    if not isinstance(value, (bool, int, float, list, tuple, np.ndarray, np.generic)):
        raise Unsendable(describe(value))
    if isinstance(value, (list, tuple)) and len(value) > limit:
        raise Unsendable(f"a list of {len(value):,} items, more than the {limit:,.0f} bytes that may be sent")
    if isinstance(value, np.ndarray) and value.size * value.itemsize > limit:
        raise Unsendable(
            f"an array of shape {value.shape}, which is larger than the {limit:,.0f} bytes that may be sent"
        )
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        raise Unsendable("a list that is no array: its rows differ in length or kind") from None
    if array.dtype.kind not in "biuf":
        raise Unsendable(describe(array if isinstance(value, (list, np.ndarray)) else value))
    if array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if array.nbytes > limit:
        raise Unsendable(f"{array.nbytes:,} bytes, which is more than the {limit:,.0f} that may be sent")
    return np.array(array, array.dtype.newbyteorder("="), order="C", copy=None, subok=False)


def outputs(value: Any) -> list[Any]:
    """Return the outputs of a call: the items of a tuple, and of a list that holds arrays; otherwise the value.

    Tuples in tuples are flattened, so that `y, (h, c)` are three outputs. A list of numbers is one output.

    >>> outputs(([1.0, 2.0], 3)), outputs([np.ones(2), (2.0, np.ones(1))])
    ([[1.0, 2.0], 3], [array([1., 1.]), 2.0, array([1.])])
    """
    found: list[Any] = []
    pending = [value]
    several = isinstance(value, tuple)
    while pending:
        value = pending.pop()
        if isinstance(value, (list, tuple)) and (several or _holds_arrays(value)):
            pending += reversed(value)
        else:
            found.append(value)
        several = False
        if len(found) + len(pending) > OUTPUTS:
            raise Unsendable(f"more than {OUTPUTS} outputs")
    return found


def _holds_arrays(value: Any, depth: int = 0) -> bool:
    if isinstance(value, (list, tuple)) and depth < 5:
        return any(_holds_arrays(item, depth + 1) for item in value)
    return isinstance(value, (np.ndarray, np.generic, Tensor))


def frame(header: dict[str, Any], arrays: Sequence[np.ndarray | str] = ()) -> bytes:
    """Return the bytes of a frame: a header, and arrays or what is said instead of one."""
    entries = [a if isinstance(a, str) else [a.dtype.str, list(a.shape)] for a in arrays]
    text = json.dumps({**header, "arrays": entries}).encode()
    payload = b"".join(a.tobytes() for a in arrays if not isinstance(a, str))
    return _LENGTHS.pack(len(text), len(payload)) + text + payload


def receive(read: Callable[[int], bytes], limit: Callable[[], float]) -> tuple[dict[str, Any], list[np.ndarray | str]]:
    """Read a frame.

    Args:
        read: return up to n bytes, none at the end.
        limit: return the largest number of bytes of the arrays. Called when the lengths have come.

    Raises:
        EOFError: the other side is gone.
        WireError: what came is no frame.
    """
    length, size = _LENGTHS.unpack(_exactly(read, _LENGTHS.size))
    if length > HEADER or size > limit():
        raise WireError(f"a frame of {length} and {size} bytes")
    text, payload = _exactly(read, length), _exactly(read, size)
    try:
        header = json.loads(text)
        entries = header.pop("arrays")
        if not isinstance(entries, list) or len(entries) > OUTPUTS:
            raise WireError("no list of arrays")
        return header, list(_arrays(entries, payload))
    except WireError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError, MemoryError) as error:
        raise WireError(f"no frame: {type(error).__name__}") from None


def _arrays(entries: list[Any], payload: bytes) -> Any:
    start = 0
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        code, shape = entry
        if code not in DTYPES or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**62 for n in shape):
            raise WireError("no dtype and shape")
        count = math.prod(shape)
        stop = start + count * np.dtype(code).itemsize
        if stop > len(payload):
            raise WireError("fewer bytes than the shapes say")
        yield np.frombuffer(payload, code, count, start).reshape(shape).copy() if count else np.zeros(shape, code)
        start = stop
    if start != len(payload):
        raise WireError("more bytes than the shapes say")


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts: list[bytes] = []
    while count:
        part = read(min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def pack(values: Sequence[Any]) -> tuple[list[Any], list[np.ndarray]]:
    """Return the arguments of a call as plain data, and the arrays that it refers to. `unpack` is the inverse.

    Raises:
        Unsendable: an argument is none of: number, text, None, array, Tensor, or list, tuple or dict of these.
    """
    arrays: list[np.ndarray] = []

    def packed(value: Any) -> Any:
        if value is None or isinstance(value, (bool, str)) or type(value) is int:
            return value
        if type(value) is float:
            return {"float": value.hex()}
        if isinstance(value, (list, tuple)):
            return {type(value).__name__ if type(value) in (list, tuple) else "tuple": [packed(v) for v in value]}
        if isinstance(value, dict):
            return {"dict": [[packed(key), packed(item)] for key, item in value.items()]}
        arrays.append(as_array(value))
        if isinstance(value, Tensor):
            return {"tensor": len(arrays) - 1, "requires_grad": bool(value.requires_grad)}
        return {"scalar" if isinstance(value, np.generic) else "array": len(arrays) - 1}

    return [packed(value) for value in values], arrays


def unpack(data: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
    """Return the arguments that `pack` packed, as fresh copies."""

    def unpacked(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        kind, what = next(iter(value.items()))
        if kind == "float":
            return float.fromhex(what)
        if kind in ("list", "tuple"):
            items = [unpacked(v) for v in what]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {unpacked(key): unpacked(item) for key, item in what}
        array = arrays[what]
        if kind == "tensor":
            from minigrad.tensors.creation import tensor

            return tensor(array, requires_grad=value["requires_grad"])
        return array[()] if kind == "scalar" else array

    return [unpacked(value) for value in data]
