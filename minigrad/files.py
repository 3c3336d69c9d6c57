"""Saving and loading tensors by name, as .npz or .safetensors. Nothing is ever unpickled.

A file is written beside its place and moved there when it is whole, so that an interrupted `save` leaves the old one.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.creation import as_tensor
from minigrad.tensors import Tensor


def save(obj: Mapping[str, Any], f: str | os.PathLike[str]) -> None:
    """Write tensors, by name, to a file.

    Args:
        obj: tensors or arrays of numbers by name, as `module.state_dict()` gives.
        f: the file; its name ends in .npz, or in .safetensors (which needs the package safetensors).

    Raises:
        ValueError: for another ending, or values that are no tensors; naming them.

    >>> import tempfile, os
    >>> from minigrad import nn, load
    >>> layer = nn.Linear(2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(layer.state_dict(), os.path.join(folder, "layer.npz"))
    ...     print(layer.load_state_dict(load(os.path.join(folder, "layer.npz"))))
    Mismatch(missing_keys=[], unexpected_keys=[])
    """
    path, form = Path(f), _form(f)
    if not isinstance(obj, Mapping):
        raise ValueError(f"save takes tensors by name, such as model.state_dict(); got {type(obj).__name__}")
    arrays = {}
    for name, value in obj.items():
        array = value._array if isinstance(value, Tensor) else value
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
            raise ValueError(f"save: {name!r} is {type(value).__name__}; only tensors of numbers by name can be saved")
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            if form == ".npz":
                _write_npz(file, arrays)
            else:
                file.write(_safetensors().save(arrays))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)  # there only if something went wrong


def load(f: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file that `save`, NumPy or safetensors has written, by name.

    Raises:
        ValueError: for another ending, or a file that is damaged or not what its name says.
        OSError: when it cannot be read.
    """
    form = _form(f)
    with open(f, "rb") as file:
        try:
            if form == ".npz":
                with np.load(file, allow_pickle=False) as arrays:
                    return {name: as_tensor(arrays[name]) for name in arrays.files}
            return {name: as_tensor(array) for name, array in _safetensors().load(file.read()).items()}
        except ImportError:
            raise
        except Exception as error:
            raise ValueError(f"load: {os.fspath(f)} is no {form} file of tensors, or is damaged: {error}") from None


def _form(f: str | os.PathLike[str]) -> str:
    suffix = Path(f).suffix
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(
            f"tensors are saved as .npz or .safetensors, not as {suffix or 'a file of no ending'} ({os.fspath(f)}). "
            "PyTorch's own .pt and .pth are pickles, which can run any code; save from PyTorch with safetensors.torch"
        )
    return suffix


def _write_npz(file: Any, arrays: dict[str, np.ndarray]) -> None:
    """As np.savez, which would take a tensor that is called "file" for something else."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(".safetensors files need the package safetensors: pip install safetensors") from None
    return safetensors.numpy
