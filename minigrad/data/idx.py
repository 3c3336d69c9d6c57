"""MNIST and Fashion-MNIST, and the IDX file format they come in.

An IDX file has two zero bytes, one byte for the number type, one for the number of dimensions, the size of each
dimension in four bytes, and the numbers; all big-endian. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of
handwritten digits".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.data.bundled import Split
from minigrad.data.checks import given_folder
from minigrad.data.dataset import Dataset
from minigrad.data.download import download as fetch
from minigrad.output.words import printable

_RATIO = 1032  # what deflate packs into a byte, at most
_DIMENSIONS = 32  # of an array of NumPy, at least
TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

MNIST = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""The files with their MD5, in the order training images and labels, test images and labels."""

MNIST_URLS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FASHION_MNIST_URLS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def read_idx(path: Path | str) -> np.ndarray:
    """Read the array in an IDX file, compressed with gzip or not.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not an IDX file, or is truncated or too long.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "labels"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))  # bytes, one dimension, of size 3
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(2) != b"\x1f\x8b":
            file.seek(0)
            return _read(file, path, size, packed=False)
        file.seek(0)
        try:
            with gzip.open(file) as unpacked:
                return _read(unpacked, path, size * _RATIO, packed=True)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{printable(path)}: the gzip file is damaged or truncated ({error}); download it again"
            ) from None


def _read(file: Any, path: Path, most: int, packed: bool) -> np.ndarray:
    """Read the header, and no more than the array that it announces: a small gzip file can unpack to gigabytes.

    Args:
        file: the file, unpacked.
        path: for messages.
        most: how many bytes it has or, if it is packed, can have.
        packed: whether it is a gzip file.
    """
    data = file.read(4)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        if packed:
            file.read(1 << 20)  # raises if the header is wrong because the gzip file is damaged
        raise ValueError(
            f"{printable(path)} is not an IDX file: it begins with {data[:4].hex(' ') or 'nothing'}, expected "
            "00 00 08 …"
        )
    start = 4 + 4 * data[3]
    data += file.read(start - 4)
    if len(data) < start:
        raise ValueError(
            f"{printable(path)} is truncated within its header, after {len(data)} bytes; download it again"
        )
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    dtype = np.dtype(TYPES[data[2]])
    expected = math.prod(shape) * dtype.itemsize
    takes = f"an array of shape {shape} takes {start + expected} bytes"
    if expected > most:
        raise ValueError(f"{printable(path)} is truncated: {takes}, got {'at most ' * packed}{most}")
    data = file.read(expected)
    if len(data) < expected:
        raise ValueError(f"{printable(path)} is truncated: {takes}, got {start + len(data)}")
    if file.read(1):
        raise ValueError(f"{printable(path)} is too long: {takes}, got {'more' if packed else most}")
    if len(shape) > _DIMENSIONS:
        raise ValueError(
            f"{printable(path)} has {len(shape)} dimensions, more than an array can have; download it again"
        )
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def mnist(folder: Path | str | None = None, *, download: bool = False) -> Split:
    """Load 28x28 grey images of handwritten digits: 60,000 to train on, 10,000 to test on.

    Args:
        folder: where the four IDX files are, with or without ".gz"; or torchvision's folder, with MNIST/raw in it.
        download: whether to download the missing ones (12 MB in all) and compare their checksums (default False).

    Returns:
        The pair (train, test) of `Dataset`s. `X` is float32 (n, 784), the rows of an image end to end, from 0 to 1; `y`
        is int64 (n,), the digit. Layers for images take `X.reshape(-1, 1, 28, 28)`.

    Raises:
        TypeError: if no folder is given; the message says how to get the files.
        FileNotFoundError: if a file is missing and `download` is False.
        ValueError: if a file is damaged, or is not what it should be.
        OSError: if the download fails.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    return _load(given_folder("mnist", folder, "the IDX files"), "MNIST", MNIST, MNIST_URLS, download)


def fashion_mnist(folder: Path | str | None = None, *, download: bool = False) -> Split:
    """Load 28x28 grey images of clothes in ten classes: 60,000 to train on, 10,000 to test on; 31 MB.

    Arguments, shapes and errors are those of `mnist`; `y` is an index into `minigrad.data.idx.FASHION_CLASSES`.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", 2017.
    """
    return _load(
        given_folder("fashion_mnist", folder, "the IDX files"),
        "FashionMNIST",
        FASHION_MNIST,
        FASHION_MNIST_URLS,
        download,
    )


def _load(folder: Path, dataset: str, files: dict[str, str], urls: tuple[str, ...], download: bool) -> Split:
    arrays = [read_idx(_found(folder, dataset, name, md5, urls, download)) for name, md5 in files.items()]
    sets = []
    names = [*files]
    for i in (0, 2):
        images, labels = arrays[i : i + 2]
        if images.ndim != 3 or labels.ndim != 1 or images.dtype != np.uint8 or len(images) != len(labels):
            raise ValueError(
                f"{printable(folder)}: {names[i]} holds {images.dtype} of shape {images.shape}, and "
                f"{names[i + 1]} {labels.dtype} of shape {labels.shape}; "
                "expected images uint8 (n, height, width) and labels (n,)"
            )
        flat = images.reshape(len(images), -1).astype(np.float32) / 255
        sets.append(Dataset(flat, labels.astype(np.int64), image_shape=images.shape[1:]))
    return Split(*sets)


def _found(folder: Path, dataset: str, name: str, md5: str, urls: tuple[str, ...], download: bool) -> Path:
    names = [name, name.replace("-idx", ".idx")]  # the archives of some mirrors unpack to train-images.idx3-ubyte
    for place in (folder, folder / "raw", folder / dataset / "raw"):  # where torchvision puts them
        for path in [place / n.removesuffix(suffix) for n in names for suffix in ("", ".gz")]:
            if path.is_file():
                return path
    if not download:
        raise FileNotFoundError(
            f"there is no {printable(name)} in {printable(folder)}, with or without .gz: download it from "
            f"{urls[0]}, or pass download=True"
        )
    return fetch([url + name for url in urls], folder / name, md5)
