"""CIFAR-10, from the pickled batches in which it is handed out, read without running what else a pickle may hold.

A pickle is a program: an ordinary unpickler calls whatever function it names. The one here knows two names, those
with which NumPy writes an array, and puts harmless stand-ins in their place; any other name is refused.
"""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from minigrad.data.bundled import Split
from minigrad.data.dataset import Dataset
from minigrad.data.download import download as fetch

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class _Dtype:
    """Stands in for np.dtype: remembers a code such as 'u1', of plain numbers only."""

    def __init__(self, code: Any, *_: Any) -> None:
        code = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(code, str) or code not in {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1"}:
            raise pickle.UnpicklingError(f"an array of the type {code!r}; only plain numbers are read")
        self.code = code

    def __setstate__(self, state: Any) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        self.code = {">": ">", "<": "<"}.get(order, "") + self.code


class _Array:
    """Stands in for np.ndarray: remembers its content, and checks it."""

    array: np.ndarray

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        if not (isinstance(dtype, _Dtype) and isinstance(raw, bytes) and isinstance(shape, tuple)):
            raise pickle.UnpicklingError("an array whose content is not bytes of plain numbers")
        self.array = np.frombuffer(raw, dtype.code).reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


class _Restricted(pickle.Unpickler):
    """Builds arrays of numbers, bytes, strings, numbers, lists, tuples and dictionaries, and nothing else."""

    known = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.known:
            return self.known[module, name]
        # how a pickle of protocol 2 writes bytes under Python 3
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        raise pickle.UnpicklingError(f"the pickle wants to use {module}.{name}, which is not needed to hold data")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("the pickle refers to something outside itself")


def _encoded(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("the pickle wants to encode something that is not a plain string")
    return text.encode("latin1")


def read_batch(file: Path | str | bytes) -> dict[str, Any]:
    """A dictionary from a pickle that holds arrays of numbers, bytes, strings, lists and dictionaries; nothing else.

    Args:
        file: a path, or the bytes themselves.

    Returns:
        The dictionary, with strings for keys.

    Raises:
        ValueError: the pickle is damaged, holds something else, or wants to run something.
    """
    what = "the pickle" if isinstance(file, bytes) else str(file)
    data = file if isinstance(file, bytes) else Path(file).read_bytes()
    try:
        content = _Restricted(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # a damaged pickle fails in many ways
        raise ValueError(f"{what} is not read: {error or type(error).__name__}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{what} holds a {type(content).__name__}, not a dictionary")
    return {_text(key): value.array if isinstance(value, _Array) else value for key, value in content.items()}


def _text(key: Any) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


def cifar10(folder: Path | str, *, download: bool = False) -> Split:
    """32x32 colour images in ten classes, `CLASSES`: 50,000 to train on, 10,000 to test on.

    `X` is float32 (n, 3072): the red, green and blue plane of an image, each row after row, from 0 to 1; `y` is int64
    (n,). For layers that take images `X.reshape(-1, 3, 32, 32)`; to look at one, `.transpose(1, 2, 0)`.

    Args:
        folder: where cifar-10-python.tar.gz is, or the folder cifar-10-batches-py that is in it, or its files.
        download: fetch it if it is missing (170 MB), with a checksum.

    Raises:
        FileNotFoundError: there is nothing there, and `download` was not asked for.
        ValueError: a file is damaged, or not what it should be.
        OSError: it cannot be fetched.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    batches = dict(_batches(Path(folder), download))
    missing = [name for name in (*TRAIN, TEST) if name not in batches]
    if missing:
        raise ValueError(f"CIFAR-10 in {folder} is not complete: there is no {', '.join(missing)}")
    parts = {name: _arrays(name, batches[name]) for name in (*TRAIN, TEST)}
    train = [np.concatenate(arrays) for arrays in zip(*(parts[name] for name in TRAIN))]
    return Split(*(Dataset(X, y, image_shape=(3, 32, 32)) for X, y in (train, parts[TEST])))


def _batches(folder: Path, download: bool) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the batches in a folder or an archive."""
    for place in (folder, folder / FOLDER):
        if (place / TEST).exists():
            for name in (*TRAIN, TEST):
                if (place / name).exists():
                    yield name, (place / name).read_bytes()
            return
    archive = folder if folder.is_file() else folder / URL.rpartition("/")[2]
    if not archive.exists():
        if not download:
            raise FileNotFoundError(
                f"there is no {archive.name} in {folder}: fetch it from {URL}, or say download=True"
            )
        fetch(URL, archive, MD5)
    try:
        with tarfile.open(archive) as tar:  # read in memory: nothing is unpacked, so no name in it matters
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in (*TRAIN, TEST) and (file := tar.extractfile(member)) is not None:
                    yield name, file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{archive} is damaged or cut short ({error}); remove it and fetch it again") from None


def _arrays(name: str, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    try:
        batch = read_batch(data)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    pixels, labels = batch.get("data"), batch.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
        found = f"{pixels.dtype} of shape {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise ValueError(f"{name}: 'data' is to be bytes of shape (n, 3072), got {found}")
    if not isinstance(labels, list) or len(labels) != len(pixels) or not all(type(n) is int for n in labels):
        raise ValueError(f"{name}: 'labels' is to be a list of {len(pixels)} integers")
    return pixels.astype(np.float32) / 255, np.array(labels, np.int64)
