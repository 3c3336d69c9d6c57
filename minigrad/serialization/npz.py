"""The format of .npz files, NumPy's archives of arrays. A checkpoint is one with a member more.

A checkpoint is a dictionary with more than tensors in it: dictionaries, lists, tuples, numbers, strings, None. The .npz
file has its tensors under their paths, as "optimizer.state[0].exp_avg", so that NumPy reads them too; the rest is in a
member `structure.json`, which refers to them.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np

from minigrad.output.words import class_name
from minigrad.serialization.foreign import Unreadable, widened
from minigrad.tensors.dtypes import SUPPORTED
from minigrad.tensors.tensor import Tensor

_STRUCTURE = "structure.json"


def write(file: BinaryIO, obj: Any) -> None:
    """Write a dictionary of tensors as np.savez does, with a structure if it has more in it."""
    arrays: dict[str, np.ndarray] = {}
    if not isinstance(obj, Mapping):
        raise ValueError(
            f"save: in an .npz file, obj must be a dictionary of tensors by name, such as model.state_dict(); "
            f"got {class_name(obj)}"
        )
    structure = _packed(obj, "", arrays)
    with zipfile.ZipFile(file, "w") as archive:  # np.savez itself cannot take an array called "file"
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        if not all(isinstance(name, str) and isinstance(v, Tensor | np.ndarray) for name, v in obj.items()):
            archive.writestr(_STRUCTURE, json.dumps(structure))


def read(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return what `write` or np.savez has written, and what no tensor can hold as `Unreadable`."""
    with np.load(file, allow_pickle=False) as arrays:
        dtypes = _checked_dtypes(arrays.zip, size)

        def tensor(member: str) -> Any:
            dtype = dtypes.get(member)
            if dtype is not None and dtype.hasobject:  # a pickle
                return Unreadable("of Python objects")
            array = arrays[member]
            return widened(array, array.dtype.name if array.dtype.kind in "biufc" else str(array.dtype))

        names = arrays.zip.namelist()
        if _STRUCTURE in names:
            return _unpacked(json.loads(arrays.zip.read(_STRUCTURE)), tensor)
        return {name.removesuffix(".npy"): tensor(name) for name in names}


def _packed(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return the value in a form for JSON, and put its arrays into `arrays` under their paths.

    A tensor becomes {"tensor": name}, a dictionary {"dict": [[key, value], …]}, a tuple {"tuple": [value, …]}.
    """
    array = value._array if isinstance(value, Tensor) else value
    if isinstance(array, np.ndarray) and array.dtype in SUPPORTED:  # the dtypes that `load` can return
        name = path
        while name in arrays:  # "a.b" and "b" in "a" have the same path
            name += "'"
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
        return {"tensor": name}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if type(key) not in (str, int) or "\0" in str(key):  # zip names end at a null character
                raise ValueError(f"save: keys must be strings or ints, got {key!r} in {path or 'the dictionary'}")
        names = [(f"{path}.{k}" if path else k) if isinstance(k, str) else f"{path}[{k}]" for k in value]
        return {"dict": [[k, _packed(v, name, arrays)] for name, (k, v) in zip(names, value.items())]}
    if type(value) in (list, tuple):
        items = [_packed(item, f"{path}[{i}]", arrays) for i, item in enumerate(value)]
        return items if type(value) is list else {"tuple": items}
    found = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else class_name(value)
    raise ValueError(
        f"save: {path!r} is {found}; a checkpoint can contain tensors of numbers, dictionaries, lists, tuples, "
        "numbers, strings and None"
    )


def _unpacked(value: Any, tensor: Callable[[str], Any]) -> Any:
    """Rebuild the value that `_packed` was called with, with `tensor(member)` for its tensors."""
    if isinstance(value, list):
        return [_unpacked(item, tensor) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tensor":
        return tensor(f"{inside}.npy")
    if kind == "tuple":
        return tuple(_unpacked(item, tensor) for item in inside)
    if kind == "dict":
        return {key: _unpacked(item, tensor) for key, item in inside}
    raise ValueError(f"{_STRUCTURE} has an unknown kind {kind!r}")


def _checked_dtypes(archive: zipfile.ZipFile, size: int) -> dict[str, np.dtype]:
    """Return the dtypes of the members. Raise if one is longer than it can be, before any memory is taken for it.

    `size` is that of the file.
    """
    dtypes = {}
    if sum(info.compress_size for info in archive.infolist()) > size:
        raise ValueError("its members are together longer than the file")
    for info in archive.infolist():
        if info.filename == _STRUCTURE:
            if info.file_size > size:  # `save` does not compress it
                raise ValueError(f"{_STRUCTURE} has {info.file_size:,} bytes, more than the file")
            continue
        with archive.open(info) as member:
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            header = read.get(np.lib.format.read_magic(member))
            if header is None:
                continue
            shape, _, dtype = header(member)
            dtypes[info.filename] = dtype
            expected, there = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
            if not dtype.hasobject and (min(shape, default=0) < 0 or expected != there):
                raise ValueError(f"{info.filename}: {dtype} of shape {shape} takes {expected:,} bytes, not {there:,}")
    return dtypes
