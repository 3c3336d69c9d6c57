"""CIFAR-10, read from its pickled batches without running any code that a pickle may contain.

A pickle is a program: an ordinary unpickler calls whatever function it names. The one here replaces the names with
which NumPy writes an array by harmless stand-ins, and refuses every other name.
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
from minigrad.data.checks import given_folder
from minigrad.data.dataset import Dataset
from minigrad.data.download import download as fetch
from minigrad.output.words import class_name, printable

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
MOST_BYTES = 1 << 28
"""The largest batch that is read from an archive: a small one can unpack to gigabytes. CIFAR-10's have 31 MB."""
FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
TEST = "test_batch"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class _Dtype:
    """Stand-in for np.dtype: holds the code of a plain number type, such as 'u1'."""

    def __init__(self, code: Any, *_: Any) -> None:
        code = code.decode("ascii") if isinstance(code, bytes) else code
        if not isinstance(code, str) or code not in {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1"}:
            raise pickle.UnpicklingError(
                f"the pickle has an array of type {code!r}; only arrays of plain numbers are read"
            )
        self.code = code

    def __setstate__(self, state: Any) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        self.code = {">": ">", "<": "<"}.get(order, "") + self.code


class _Array:
    """Stand-in for np.ndarray: checks its content and holds it."""

    array: np.ndarray

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        if not (isinstance(dtype, _Dtype) and isinstance(raw, bytes) and isinstance(shape, tuple)):
            raise pickle.UnpicklingError("the pickle has an array whose content is not bytes of plain numbers")
        self.array = np.frombuffer(raw, dtype.code).reshape(shape, order="F" if fortran else "C")


def _reconstruct(*_: Any) -> _Array:
    return _Array()


def _frombuffer(raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    """Build an array as protocol 5 has it."""
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", bytes(raw) if isinstance(raw, bytearray) else raw))
    return array


class _Restricted(pickle.Unpickler):
    """Unpickler of number arrays, bytes, strings, numbers, lists, tuples and dictionaries, and nothing else."""

    known = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy.core.numeric", "_frombuffer"): _frombuffer,
        ("numpy._core.numeric", "_frombuffer"): _frombuffer,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.known:
            return self.known[module, name]
        # pickle protocol 2 writes the bytes of Python 3 like this
        if (module, name) == ("_codecs", "encode"):
            return _encoded
        raise pickle.UnpicklingError(
            f"the pickle asks for {printable(module)}.{printable(name)}, which data does not need"
        )

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("the pickle refers to an object outside itself")


def _encoded(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("the pickle encodes something that is not a plain string")
    return text.encode("latin1")


def read_batch(file: Path | str | bytes) -> dict[str, Any]:
    """Read a dictionary from a pickle of number arrays, bytes, strings, lists and dictionaries, without running code.

    Args:
        file: a path, or the bytes themselves.

    Returns:
        The dictionary, with strings as keys.

    Raises:
        ValueError: if the pickle is damaged, holds something else, or asks to run something.

    >>> import pickle
    >>> read_batch(pickle.dumps({b"labels": [3, 5]}))
    {'labels': [3, 5]}
    """
    what = "the pickle" if isinstance(file, bytes) else str(file)
    data = file if isinstance(file, bytes) else Path(file).read_bytes()
    try:
        content = _Restricted(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # a damaged pickle can raise anything
        raise ValueError(f"cannot read {what}: {error or class_name(error)}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{what} must hold a dictionary, got {class_name(content)}")
    return {_text(key): value.array if isinstance(value, _Array) else value for key, value in content.items()}


def _text(key: Any) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


def cifar10(folder: Path | str | None = None, *, download: bool = False) -> Split:
    """Load 32x32 colour images in ten classes: 50,000 to train on, 10,000 to test on.

    Args:
        folder: where cifar-10-python.tar.gz is, or the folder cifar-10-batches-py that it contains, or its files.
        download: whether to download the archive if it is missing (170 MB) and compare its checksum (default False).

    Returns:
        The pair (train, test) of `Dataset`s. `X` is float32 (n, 3072): the red, green and blue plane of an image, each
        row by row, from 0 to 1. `y` is int64 (n,), an index into `minigrad.data.cifar.CLASSES`. Layers for images take
        `X.reshape(-1, 3, 32, 32)`; plotting libraries take `.transpose(1, 2, 0)` of one image.

    Raises:
        TypeError: if no folder is given; the message says how to get the data.
        FileNotFoundError: if the data is missing and `download` is False.
        ValueError: if a file is damaged, or is not what it should be.
        OSError: if the download fails.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    folder = given_folder("cifar10", folder, "cifar-10-python.tar.gz")
    batches = dict(_batches(folder, download))
    missing = [name for name in (*TRAIN, TEST) if name not in batches]
    if missing:
        raise ValueError(f"CIFAR-10 in {printable(folder)} is incomplete: {', '.join(missing)} is missing")
    parts = {name: _arrays(name, batches[name]) for name in (*TRAIN, TEST)}
    train = [np.concatenate(arrays) for arrays in zip(*(parts[name] for name in TRAIN))]
    return Split(*(Dataset(X, y, image_shape=(3, 32, 32)) for X, y in (train, parts[TEST])))


def _batches(folder: Path, download: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each batch in a folder or an archive."""
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
                f"there is no {printable(archive.name)} in {printable(folder)}: download it from {URL}, or pass "
                "download=True"
            )
        fetch(URL, archive, MD5)
    try:
        with tarfile.open(archive) as tar:  # in memory: nothing is unpacked to disk, so no path in it can do harm
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name not in (*TRAIN, TEST) or not member.isfile():  # a link in an archive may lead anywhere
                    continue
                if member.size > MOST_BYTES:
                    raise ValueError(
                        f"{printable(archive)}: {printable(name)} has {member.size:,} bytes, more than {MOST_BYTES:,}"
                    )
                file = tar.extractfile(member)
                assert file is not None
                yield name, file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"{printable(archive)} is damaged or truncated ({error}); remove it and download it again"
        ) from None


def _arrays(name: str, data: bytes) -> tuple[np.ndarray, np.ndarray]:
    try:
        batch = read_batch(data)
    except ValueError as error:
        raise ValueError(f"{printable(name)}: {error}") from None
    pixels, labels = batch.get("data"), batch.get("labels")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
        found = f"{pixels.dtype} of shape {pixels.shape}" if isinstance(pixels, np.ndarray) else class_name(pixels)
        raise ValueError(f"{printable(name)}: 'data' must be uint8 of shape (n, 3072), got {found}")
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
        labels = labels.tolist()
    if not isinstance(labels, list) or len(labels) != len(pixels) or not all(type(n) is int for n in labels):
        raise ValueError(f"{printable(name)}: 'labels' must be a list of {len(pixels)} integers")
    return pixels.astype(np.float32) / 255, np.array(labels, np.int64)
