"""The format of PyTorch's .pt and .pth files since 1.6: a zip archive of a pickle and of the numbers of each tensor.

`archive/data.pkl` is the pickle. A tensor in it is a call of `torch._utils._rebuild_tensor_v2` with a storage, offset,
shape and strides; the storage is a persistent id, ("storage", type, key, device, numbers), and its bytes are the member
`archive/data/<key>`. Tensors that share a storage share their memory.

`read` accepts what `torch.load(weights_only=True)` accepts, except for sparse and quantized tensors, and tensors of
other classes. `write` writes what it reads.
"""

from __future__ import annotations

import math
import sys
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np

from minigrad.output.words import class_name
from minigrad.serialization import pickles
from minigrad.serialization.foreign import AS_BITS, Unreadable, widened
from minigrad.serialization.pickles import Call, Global, PersistentId
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.devices import cpu, device
from minigrad.tensors.dtypes import SUPPORTED
from minigrad.tensors.tensor import Tensor

STORAGES = {
    "FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}  # fmt: skip
NAMES = {dtype: storage for storage, dtype in STORAGES.items()}
BYTES = "uint8"  # the dtype of an untyped storage
DTYPES = (*STORAGES.values(), "uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
          "float8_e5m2fnuz", "complex32")  # fmt: skip
MAX_DIMS = 64  # NumPy's


@dataclass(frozen=True)
class _Storage:
    """The type of a storage; with its numbers, one dimension, the storage itself."""

    dtype: str
    numbers: Any = None


class _Archive:
    """An archive that is being read."""

    def __init__(self, archive: zipfile.ZipFile, pickle: str) -> None:
        self.archive = archive
        self.folder = pickle.removesuffix("data.pkl")
        order = f"{self.folder}byteorder"
        self.byteorder: Literal[">", "<"] = (
            ">" if order in archive.namelist() and archive.read(order) == b"big" else "<"
        )
        self.bytes: dict[str, bytearray] = {}
        self.numbers: dict[tuple[int, str], Any] = {}

    def storage(self, id: Any) -> _Storage:
        """Return what a persistent id refers to: one storage for each key."""
        kind, storage, key, _, _ = id
        if kind != "storage" or not isinstance(storage, _Storage) or type(key) is not str:
            raise ValueError(f"its pickle has the persistent id {id!r}, which is no storage")
        if key not in self.bytes:
            self.bytes[key] = bytearray(self.archive.read(f"{self.folder}data/{key}"))
        return self.typed(self.bytes[key], storage.dtype)

    def typed(self, data: bytearray, dtype: str) -> _Storage:
        """Return the numbers of a storage, as an array that a tensor can have, or `Unreadable`."""
        if (id(data), dtype) not in self.numbers:
            try:
                stored = np.dtype(AS_BITS.get(dtype, dtype)).newbyteorder(self.byteorder)
            except TypeError:  # one that NumPy does not have
                numbers: Any = Unreadable(f"of {dtype}")
            else:
                numbers = widened(np.frombuffer(data, stored), dtype)
            self.numbers[id(data), dtype] = numbers._array if isinstance(numbers, Tensor) else numbers
        return _Storage(dtype, self.numbers[id(data), dtype])

    def tensor(
        self, storage: _Storage, offset: Any, shape: Any, strides: Any, requires_grad: Any = False, *_: Any
    ) -> Any:
        """Rebuild a tensor on a storage, as `torch._utils._rebuild_tensor_v2`."""
        numbers = storage.numbers
        if isinstance(numbers, Unreadable):
            return numbers
        if not (
            type(shape) is type(strides) is tuple
            and len(shape) == len(strides) <= MAX_DIMS
            and all(type(n) is int and n >= 0 for n in (offset, *shape, *strides))
        ):
            raise ValueError(f"a tensor has shape {shape!r}, strides {strides!r} and offset {offset!r}")
        count, size = math.prod(shape), numbers.itemsize
        if count and offset + sum((n - 1) * s for n, s in zip(shape, strides)) >= len(numbers):
            raise ValueError(f"a tensor of shape {shape} reaches beyond its storage of {len(numbers):,} numbers")
        array: np.ndarray = (
            np.ndarray(shape, numbers.dtype, numbers, offset * size, [s * size for s in strides])
            if count
            else np.empty(shape, numbers.dtype)
        )
        if count > len(numbers):  # an expanded tensor: several elements share their memory
            array.flags.writeable = False
        return as_tensor(array).requires_grad_(requires_grad is True and array.dtype.kind == "f")

    def tensor_of_bytes(
        self, storage: _Storage, offset: Any, shape: Any, strides: Any, grad: Any, hooks: Any, dtype: Any, *_: Any
    ) -> Any:
        """Rebuild a tensor on an untyped storage, as `torch._utils._rebuild_tensor_v3`."""
        data = storage.numbers.base
        return self.tensor(self.typed(data, str(dtype)), offset, shape, strides, grad)


CONSTANTS: dict[str, Any] = {
    **{f"torch.{storage}": _Storage(dtype) for storage, dtype in STORAGES.items()},
    **{f"torch.{module}UntypedStorage": _Storage(BYTES) for module in ("", "storage.")},
    **{f"torch.{d}": np.dtype(d) if d in {str(s) for s in SUPPORTED} else d for d in DTYPES},
}


def _filled(container: Any, pairs: Iterable[tuple[Any, Any]]) -> Any:
    return pickles.with_items(container, [part for key, value in pairs for part in (key, value)])


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"its pickle has bytes in the encoding {encoding!r}")
    return str.encode(text, "latin1")


def read(archive: zipfile.ZipFile, pickle: str, size: int) -> Any:
    """Return the content of an archive, and what no tensor can hold as `Unreadable`.

    Args:
        archive: the archive.
        pickle: the name of the member with the pickle.
        size: the size of the file in bytes, which no member exceeds, because none is compressed.
    """
    if sum(info.file_size for info in archive.infolist()) > size:
        raise ValueError("its members are together longer than the file")
    source = _Archive(archive, pickle)
    functions: dict[str, Callable[..., Any]] = {
        "torch._utils._rebuild_tensor": source.tensor,
        "torch._utils._rebuild_tensor_v2": source.tensor,
        "torch._utils._rebuild_tensor_v3": source.tensor_of_bytes,
        "torch._utils._rebuild_parameter": _parameter,
        "collections.OrderedDict": lambda pairs=(): _filled(OrderedDict(), pairs),
        "collections.Counter": lambda counts: _filled(Counter(), counts.items()),
        "builtins.set": lambda items: set(map(pickles.checked_key, items)),
        "builtins.bytearray": lambda data=b"", *_: bytearray(memoryview(data)),
        "builtins.complex": lambda real, imag: complex(float(real), float(imag)),
        "_codecs.encode": _encoded,
        "torch.Size": lambda sizes: tuple(sizes),
        "torch.device": lambda *_: cpu,
    }
    return pickles.read(archive.read(pickle), functions, CONSTANTS, source.storage)


def _parameter(tensor: Any, requires_grad: Any, *_: Any) -> Any:
    """Return a parameter as a tensor: the classes of `nn` are above this module."""
    return tensor.requires_grad_(requires_grad is True) if isinstance(tensor, Tensor) else tensor


def write(file: BinaryIO, obj: Any) -> None:
    """Write plain data with tensors in it."""
    storages: list[np.ndarray] = []
    keys: dict[Any, str] = {}
    pickle = pickles.write(_described(obj, "", storages, keys))
    with zipfile.ZipFile(file, "w") as archive:
        _add(archive, "data.pkl", pickle)
        _add(archive, "byteorder", sys.byteorder.encode())
        for key, array in enumerate(storages):
            _add(archive, f"data/{key}", array.tobytes())
        _add(archive, "version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, data: Any) -> None:
    """Add a member whose data begins at a multiple of 64 bytes, so that `torch.load(mmap=True)` can map it."""
    info = zipfile.ZipInfo(f"archive/{name}")
    padding = -(archive.start_dir + 30 + len(info.filename) + 4) % 64  # the lengths of a local header's parts
    info.extra = b"FB" + padding.to_bytes(2, "little") + bytes(padding)
    archive.writestr(info, data)


def _described(value: Any, path: str, storages: list[np.ndarray], keys: dict[Any, str]) -> Any:
    """Return the value with calls, as PyTorch's pickles have them, for tensors and for other types than Python's."""

    def inside(v: Any, below: str) -> Any:
        return _described(v, below, storages, keys)

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    array = value._array if isinstance(value, Tensor) else value
    if isinstance(array, np.ndarray) and array.dtype in SUPPORTED:
        return _tensor(array, isinstance(value, Tensor) and value.requires_grad, storages, keys)
    if isinstance(value, np.dtype) and value in SUPPORTED:
        return Global(f"torch.{value.name}")
    if isinstance(value, device):
        return Call("torch.device", ("cpu",))
    if type(value) is bytes:
        return Call("_codecs.encode", (value.decode("latin1"), "latin1"))
    if type(value) is complex:
        return Call("__builtin__.complex", (value.real, value.imag))
    if type(value) is set:
        return Call("__builtin__.set", ([inside(v, f"{path}{{…}}") for v in value],))
    if isinstance(value, Mapping):
        for key in value:
            if key is not None and type(key) not in (bool, int, float, str):
                raise ValueError(f"save: keys must be strings or numbers, got {key!r} in {path or 'the dictionary'}")
        names = [(f"{path}.{k}" if path else k) if isinstance(k, str) else f"{path}[{k}]" for k in value]
        kind = OrderedDict if isinstance(value, OrderedDict) else dict
        return kind((k, inside(v, name)) for name, (k, v) in zip(names, value.items()))
    if type(value) in (list, tuple):
        return type(value)([inside(v, f"{path}[{i}]") for i, v in enumerate(value)])
    found = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else class_name(value)
    where = repr(path) if path else "obj"
    hint = f"; save its {'.state_dict()' if hasattr(value, 'state_dict') else 'numbers'} instead"
    raise ValueError(
        f"save: {where} is {found}; a file can contain tensors of numbers, dictionaries, lists, tuples, sets, numbers, "
        f"strings, bytes and None{hint}"
    )


def _tensor(array: np.ndarray, requires_grad: bool, storages: list[np.ndarray], keys: dict[Any, str]) -> Call:
    """Return the call that rebuilds a tensor. Tied parameters, the same memory, share a storage."""
    memory = (array.__array_interface__["data"][0], array.dtype, array.shape, array.strides)
    if memory not in keys or not array.size:
        keys[memory] = str(len(storages))
        storages.append(np.ascontiguousarray(array))
    strides = tuple(math.prod(array.shape[i + 1 :]) for i in range(array.ndim))
    storage = Global(f"torch.{NAMES[array.dtype.name]}")
    id = PersistentId(("storage", storage, keys[memory], "cpu", array.size))
    hooks = Call("collections.OrderedDict", ())
    return Call("torch._utils._rebuild_tensor_v2", (id, 0, array.shape, strides, bool(requires_grad), hooks))
