"""Save and load tensors by name, and checkpoints, as files of PyTorch, NumPy and safetensors. Nothing is ever run.

`npz`, `safetensors` and `pytorch` each have a format; `foreign` widens the dtypes that tensors do not support. A file
is replaced as a whole (see `minigrad.output.files`), so that an interrupted `save` leaves the old file.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import IO, Any

from minigrad.output.files import write_file
from minigrad.output.words import class_name, printable
from minigrad.serialization import npz, pytorch, safetensors
from minigrad.serialization.foreign import readable
from minigrad.serialization.pickles import MoreThanData
from minigrad.tensors.devices import check_device

__all__ = ["load", "save"]

_WRITERS = {".npz": npz.write, ".safetensors": safetensors.write}


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Save tensors by name, or a checkpoint, to a file.

    A name that ends in .npz gets NumPy's format, one in .safetensors that of safetensors, any other name PyTorch's:
    there, `torch.load(f, weights_only=True)` reads it.

    Args:
        obj: tensors or arrays of numbers by name, as from `module.state_dict()`. For .npz and PyTorch's format it may
            also contain, at any depth, dictionaries with strings or ints as keys, lists, tuples, numbers, strings and
            None; in PyTorch's format also sets, bytes, complex numbers and dtypes, and `obj` may be any of these.
        f: the path of the file, or a file that is open for writing bytes, as an `io.BytesIO`.

    Raises:
        ValueError: if a value cannot be saved; the message names its path.
        TypeError: if `f` is not a path, nor a file open for bytes.
        OSError: if the file cannot be written.

    >>> import tempfile, os
    >>> from minigrad import nn, load
    >>> layer = nn.Linear(2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(layer.state_dict(), os.path.join(folder, "layer.pt"))
    ...     print(layer.load_state_dict(load(os.path.join(folder, "layer.pt"))))
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
    name = _name("save", f, "write")
    write = _WRITERS.get(Path(name).suffix.lower(), pytorch.write)
    try:
        if isinstance(f, str | os.PathLike):
            write_file(f, lambda file: write(file, obj))
        else:
            content = io.BytesIO()  # an archive needs a file in which it can seek
            write(content, obj)
            f.write(content.getbuffer())
    except RecursionError:
        raise ValueError("save: dictionaries or lists are nested too deeply, or contain themselves") from None


def load(
    f: str | os.PathLike[str] | IO[bytes],
    map_location: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Load what `save` has saved, or what PyTorch (as with `weights_only=True`), NumPy or safetensors have.

    The content decides which format it is, not the name. A pickle in a file of PyTorch's is read as data: nothing in it
    is run, whatever `weights_only` says. Dtypes that tensors do not support become the next that holds all their
    numbers: float16, bfloat16 and the float8 become float32; uint16 int32; uint32 and uint64 int64. Text in an .npz
    file becomes lists of strings.

    Args:
        f: the path of the file, or a file that is open for reading bytes, as an `io.BytesIO`.
        map_location: None, "cpu", or a function or dictionary of PyTorch's; all tensors come to the CPU.
        weights_only: has no effect.
        mmap: has no effect.

    Returns:
        The dictionary, or what else was saved. Arrays come back as tensors, NumPy numbers as Python numbers.

    Raises:
        ValueError: if the file is damaged, is none of these formats, or contains more than tensors and plain data.
        MemoryError: if the file is right, but larger than the memory.
        OSError: if the file cannot be read.

    Warns:
        UserWarning: names arrays that no tensor can hold, as complex ones; the others are loaded.

    >>> import tempfile, os
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(os.path.join(folder, "arrays.npz"), w=np.array([1.0, 2.0]))
    ...     load(os.path.join(folder, "arrays.npz"))
    {'w': tensor([1., 2.], dtype=float64)}
    """
    if not callable(map_location) and not isinstance(map_location, dict):
        check_device("load", map_location)
    name = printable(_name("load", f, "read"))
    if isinstance(f, str | os.PathLike):
        with open(f, "rb") as file:
            return _load(file, name)
    content = f.read()
    if not isinstance(content, bytes):
        raise TypeError(f"load: {name} is open for text; open it for bytes: open(path, 'rb')")
    if not content:
        raise ValueError(f"load: nothing is left to read in {name}; after writing, go back to its start: f.seek(0)")
    return _load(io.BytesIO(content), name)


def _name(function: str, f: Any, method: str) -> str:
    """Return the name of a file, "" for one without a name."""
    if isinstance(f, str | os.PathLike):
        return os.fsdecode(f)
    if not hasattr(f, method):
        raise TypeError(f"{function}: f must be a path or an open file, got {class_name(f)}")
    if isinstance(f, io.TextIOBase):
        raise TypeError(f"{function}: f is open for text; open it for bytes: open(path, {method[0] + 'b'!r})")
    name = getattr(f, "name", None)
    return name if isinstance(name, str) else f"the {class_name(f)}"


def _load(file: Any, name: str) -> Any:
    try:
        content = _read(file)
    except MemoryError:
        raise
    except MoreThanData as error:
        raise ValueError(
            f"load: {name} {error}: nothing in a file is ever run. In PyTorch, save tensors and plain data, as "
            "torch.save(model.state_dict(), path)"
        ) from None
    except Exception as error:
        suffix = Path(name).suffix
        form = suffix if suffix in _WRITERS else "PyTorch, .npz or .safetensors"
        said = printable(f"is not a {form} file of tensors, or is damaged: {error}")
        raise ValueError(f"load: {name} {said}") from None
    return readable(content, name)


def _read(file: Any) -> Any:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(10)
    file.seek(0)
    if start.startswith(b"PK"):
        with zipfile.ZipFile(file) as archive:
            pickle = next((n for n in archive.namelist() if n == "data.pkl" or n.endswith("/data.pkl")), None)
            if pickle is not None:
                return pytorch.read(archive, pickle, size)
        file.seek(0)
        return npz.read(file, size)
    if start[8:9] == b"{":
        return safetensors.read(file.read())
    if start.startswith(b"\x80"):
        raise ValueError(
            "it is a bare pickle, as PyTorch wrote before 1.6, which is never run; "
            "load it in PyTorch and save model.state_dict() again"
        )
    raise ValueError("it begins with " + repr(start) if start else "it is empty")
