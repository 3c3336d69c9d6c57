"""Save and load tensors by name (.npz, .safetensors) and checkpoints (.npz). Nothing is ever unpickled.

A file is replaced as a whole (see `minigrad.output.files`), so that an interrupted `save` leaves the old file.

A checkpoint is a dictionary with more than tensors in it: dictionaries, lists, tuples, numbers, strings, None. The .npz
file has its tensors under their paths, as "optimizer.state[0].exp_avg", so that NumPy reads them too; the rest is in a
member `structure.json`, which refers to them.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.output.files import write_file
from minigrad.output.words import class_name, printable
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import SUPPORTED
from minigrad.tensors.tensor import Tensor


def save(obj: Mapping[str, Any], f: str | os.PathLike[str]) -> None:
    """Save tensors by name, or a checkpoint, to a file.

    Args:
        obj: tensors or arrays of numbers by name, as from `module.state_dict()`. For .npz it may also contain, at any
            depth, dictionaries with strings or ints as keys, lists, tuples, numbers, strings and None.
        f: the path of the file; the suffix is .npz, or .safetensors, which needs the package safetensors.

    Raises:
        ValueError: if the suffix is another one, or a value cannot be saved; the message names its path.
        OSError: if the file cannot be written.

    >>> import tempfile, os
    >>> from minigrad import nn, load
    >>> layer = nn.Linear(2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(layer.state_dict(), os.path.join(folder, "layer.npz"))
    ...     print(layer.load_state_dict(load(os.path.join(folder, "layer.npz"))))
    Mismatch(missing_keys=[], unexpected_keys=[])

    A checkpoint, from which training resumes:

    >>> from minigrad import optim
    >>> optimizer = optim.Adam(layer.parameters())
    >>> checkpoint = {"model": layer.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(checkpoint, os.path.join(folder, "checkpoint.npz"))
    ...     checkpoint = load(os.path.join(folder, "checkpoint.npz"))
    >>> optimizer.load_state_dict(checkpoint["optimizer"])
    >>> checkpoint["epoch"], checkpoint["optimizer"]["param_groups"][0]["betas"]
    (3, (0.9, 0.999))
    """
    form = _form(f)
    if not isinstance(obj, Mapping):
        raise ValueError(
            f"save: obj must be a dictionary of tensors by name, such as model.state_dict(); got {class_name(obj)}"
        )
    arrays: dict[str, np.ndarray] = {}
    nested = not all(isinstance(name, str) and isinstance(v, Tensor | np.ndarray) for name, v in obj.items())
    try:
        structure = _packed(obj, "", arrays, form)
        text = json.dumps(structure) if nested else None
    except RecursionError:
        raise ValueError("save: dictionaries or lists are nested too deeply, or contain themselves") from None
    if form == ".npz":
        write_file(f, lambda file: _write_npz(file, arrays, text))
    else:
        write_file(f, lambda file: file.write(_safetensors().save(arrays)))


def load(f: str | os.PathLike[str]) -> dict[str, Any]:
    """Load what `save` has saved, or the tensors by name from a file that NumPy or safetensors has written.

    Args:
        f: the path of the file; the suffix is .npz or .safetensors.

    Returns:
        The dictionary. Arrays come back as tensors, NumPy numbers as Python numbers.

    Raises:
        ValueError: if the suffix is another one, or the file is damaged or not what its suffix says.
        MemoryError: if the file is right, but larger than the memory.
        OSError: if the file cannot be read.

    >>> import tempfile, os
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(os.path.join(folder, "arrays.npz"), w=np.array([1.0, 2.0]))
    ...     load(os.path.join(folder, "arrays.npz"))
    {'w': tensor([1., 2.], dtype=float64)}
    """
    form = _form(f)
    with open(f, "rb") as file:
        try:
            if form == ".npz":
                with np.load(file, allow_pickle=False) as arrays:
                    _check_sizes(arrays.zip, os.fstat(file.fileno()).st_size)
                    if _STRUCTURE in arrays.zip.namelist():
                        return _unpacked(json.loads(arrays.zip.read(_STRUCTURE)), arrays)
                    return {name.removesuffix(".npy"): as_tensor(arrays[name]) for name in arrays.zip.namelist()}
            return {name: as_tensor(array) for name, array in _safetensors().load(file.read()).items()}
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            said = printable(f"{os.fsdecode(f)} is not a {form} file of tensors, or is damaged: {error}")
            raise ValueError(f"load: {said}") from None


_STRUCTURE = "structure.json"


def _packed(value: Any, path: str, arrays: dict[str, np.ndarray], form: str) -> Any:
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
    if isinstance(value, Mapping) and (form == ".npz" or not path):
        for key in value:
            if type(key) not in (str, int) or "\0" in str(key):  # zip names end at a null character
                raise ValueError(f"save: keys must be strings or ints, got {key!r} in {path or 'the dictionary'}")
        names = [(f"{path}.{k}" if path else k) if isinstance(k, str) else f"{path}[{k}]" for k in value]
        return {"dict": [[k, _packed(v, name, arrays, form)] for name, (k, v) in zip(names, value.items())]}
    if form == ".npz":
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or type(value) in (bool, int, float, str):
            return value
        if type(value) in (list, tuple):
            items = [_packed(item, f"{path}[{i}]", arrays, form) for i, item in enumerate(value)]
            return items if type(value) is list else {"tuple": items}
    found = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else class_name(value)
    raise ValueError(
        f"save: {path!r} is {found}; "
        + (
            "a checkpoint can contain tensors of numbers, dictionaries, lists, tuples, numbers, strings and None"
            if form == ".npz"
            else "a .safetensors file can contain only tensors of numbers by name: save this as .npz"
        )
    )


def _unpacked(value: Any, arrays: Any) -> Any:
    """Rebuild the value that `_packed` was called with."""
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tensor":
        return as_tensor(arrays[f"{inside}.npy"])
    if kind == "tuple":
        return tuple(_unpacked(item, arrays) for item in inside)
    if kind == "dict":
        return {key: _unpacked(item, arrays) for key, item in inside}
    raise ValueError(f"{_STRUCTURE} has an unknown kind {kind!r}")


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Raise if a member is longer than it can be, before any memory is taken for it. `size` is that of the file."""
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
            expected, there = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
            if not dtype.hasobject and (min(shape, default=0) < 0 or expected != there):
                raise ValueError(f"{info.filename}: {dtype} of shape {shape} takes {expected:,} bytes, not {there:,}")


def _form(f: str | os.PathLike[str]) -> str:
    suffix = Path(f).suffix
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(
            "the suffix of a file of tensors must be .npz or .safetensors, got "
            + printable(f"{suffix or 'none'} ({os.fsdecode(f)}). ")
            + "PyTorch's .pt and .pth are pickles, which can run any code: save from PyTorch with safetensors.torch"
        )
    return suffix


def _write_npz(file: Any, arrays: dict[str, np.ndarray], structure: str | None) -> None:
    """Write arrays as np.savez does; np.savez itself cannot take an array called "file"."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        if structure is not None:
            archive.writestr(_STRUCTURE, structure)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(".safetensors files need the package safetensors: pip install safetensors") from None
    return safetensors.numpy
