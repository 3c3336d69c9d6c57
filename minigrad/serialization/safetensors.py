"""The format of .safetensors files: a header in JSON, and the numbers. https://github.com/huggingface/safetensors.

Eight bytes have the length of the header, little-endian. The header has dtype, shape and the range of bytes of each
tensor by name, and strings under "__metadata__".
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from minigrad.output.words import class_name
from minigrad.serialization.foreign import AS_BITS, Unreadable, widened
from minigrad.tensors.dtypes import SUPPORTED
from minigrad.tensors.tensor import Tensor

DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "F32": "float32", "F64": "float64", "F16": "float16", "U16": "uint16", "U32": "uint32", "U64": "uint64",
    "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
NAMES = {name: code for code, name in DTYPES.items()}
METADATA = "__metadata__"


def write(file: BinaryIO, obj: Any) -> None:
    """Write tensors by name, the widest dtypes first, so that each begins at a multiple of its item size."""
    arrays = _arrays(obj)
    header: dict[str, Any] = {}
    end = 0
    ordered = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    for name, array in ordered:
        start, end = end, end + array.nbytes
        header[name] = {"dtype": NAMES[array.dtype.name], "shape": array.shape, "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for _, array in ordered:
        little = array.dtype.newbyteorder("<")
        file.write(np.ascontiguousarray(array, little).tobytes())


def _arrays(obj: Any) -> dict[str, np.ndarray]:
    if not isinstance(obj, Mapping):
        raise ValueError(
            "save: in a .safetensors file, obj must be a dictionary of tensors by name, such as model.state_dict(); "
            f"got {class_name(obj)}"
        )
    arrays = {}
    for name, value in obj.items():
        array = value._array if isinstance(value, Tensor) else value
        if type(name) is not str or name == METADATA:
            raise ValueError(f"save: keys must be strings, but not {METADATA!r}, got {name!r} in the dictionary")
        if not isinstance(array, np.ndarray) or array.dtype not in SUPPORTED:
            found = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else class_name(value)
            raise ValueError(
                f"save: {name!r} is {found}; a .safetensors file can contain only tensors of numbers by name: save "
                "this as .npz or .pt"
            )
        arrays[name] = array
    return arrays


def read(data: bytes) -> dict[str, Any]:
    """Return the tensors by name, and what no tensor can hold as `Unreadable`."""
    (length,) = struct.unpack_from("<Q", data)
    if length > len(data) - 8:
        raise ValueError(f"its header has {length:,} bytes, more than the file")
    header, numbers = json.loads(data[8 : 8 + length]), memoryview(data)[8 + length :]
    header.pop(METADATA, None)
    tensors = {name: _tensor(name, entry, numbers) for name, entry in header.items()}
    ranges = sorted(entry["data_offsets"] for entry in header.values())
    if [0, *(end for _, end in ranges)] != [*(start for start, _ in ranges), len(numbers)]:
        raise ValueError("the tensors do not lie one behind the other, up to the end of the file")
    return tensors


def _tensor(name: str, entry: dict[str, Any], numbers: memoryview) -> Any:
    code, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (*shape, start, end)) or not start <= end <= len(numbers):
        raise ValueError(f"{name!r} of shape {shape} lies at bytes {start} to {end} of {len(numbers)}")
    dtype = DTYPES.get(code)
    if dtype is None:
        return Unreadable(f"of {code}")
    stored = np.dtype(AS_BITS.get(dtype, dtype)).newbyteorder("<")
    if math.prod(shape) * stored.itemsize != end - start:
        raise ValueError(f"{name!r}: {dtype} of shape {tuple(shape)} does not take {end - start:,} bytes")
    array = np.frombuffer(bytearray(numbers[start:end]), stored).reshape(shape)  # a copy, which can be written to
    return widened(array, dtype)
