"""Files, graphs and structures of absurd sizes are cut or refused, in little time and memory."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.data.cifar import cifar10
from minigrad.data.idx import read_idx
from minigrad.scalar import Value
from minigrad.viz.steps import backward_pass


def chain(n: int) -> Value:
    y = Value(1.0)
    for _ in range(n):
        y = y * 1.0
    return y


def test_the_text_of_many_steps_is_cut_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backward_pass, "MOST_TEXTS", 20)
    lines = str(minigrad.step(chain(100))).splitlines()
    assert lines[-1] == "... and 81 more of 101 steps; step from an intermediate result"
    assert "more of" not in str(minigrad.step(chain(10)))


def test_a_picture_of_a_graph_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="draw: this graph has 20,001 nodes"):
        minigrad.draw(chain(20_000))


def peak(run: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_gzip_file_is_read_no_further_than_its_header_says(tmp_path: Path) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]) + bytes(50_000_000)))

    def read() -> None:
        with pytest.raises(ValueError, match="too long: an array of shape \\(3,\\) takes 11 bytes"):
            read_idx(path)

    assert peak(read) < 5_000_000


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dims", [[2**32 - 1] * 4, [2**31], [0] * 200, [1] * 100])
def test_an_idx_header_with_absurd_sizes(tmp_path: Path, packed: bool, dims: list[int]) -> None:
    data = bytes([0, 0, 8, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + b"\0"
    if 0 in dims:
        data = data[:-1]
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(data) if packed else data)

    def read() -> None:
        with pytest.raises(ValueError, match="truncated|dimensions"):
            read_idx(path)

    assert peak(read) < 5_000_000


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(ValueError, match="incomplete: .*test_batch is missing"):
        cifar10(tmp_path)


def test_a_batch_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.data.cifar.MOST_BYTES", 1000)
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
        member.size = 2000
        tar.addfile(member, io.BytesIO(bytes(2000)))
    with pytest.raises(ValueError, match="2,000 bytes, more than 1,000"):
        cifar10(tmp_path)


def npy(shape: tuple[int, ...], content: bytes) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue() + content


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("w.npy", npy((10**12,), bytes(8)), "takes 8,000,000,000,000 bytes, not 8"),
        ("w.npy", npy((1,), bytes(50_000_000)), "takes 8 bytes, not 50,000,000"),
        ("w.npy", npy((-1,), bytes(8)), "not 8"),
        ("structure.json", b"[" + b" " * 50_000_000 + b"]", "more than the file"),
    ],
)
def test_an_archive_is_checked_before_memory_is_taken(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)

    def load() -> None:
        with pytest.raises(ValueError, match=says):
            minigrad.load(path)

    assert peak(load) < 5_000_000


def test_too_little_memory_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minigrad.save({"w": minigrad.ones(3)}, tmp_path / "a.npz")

    def failing(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("minigrad.serialization.npz.widened", failing)
    with pytest.raises(MemoryError):
        minigrad.load(tmp_path / "a.npz")


def test_modules_and_lists_that_are_nested_too_deep() -> None:
    def build() -> None:
        module: nn.Module = nn.Linear(1, 1)
        for _ in range(1000):
            module = nn.Sequential(module)

    with pytest.raises(ValueError, match="modules must not be nested deeper than"):
        build()
    for depth in (100, 5000):
        data: Any = 1.0
        for _ in range(depth):
            data = [data]
        with pytest.raises(ValueError, match="nested"):
            minigrad.tensor(data)
