"""The files that courses hand out: complete ones are read; damaged, wrong and hostile ones are refused."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import pickle
import socketserver
import struct
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.data import Text, Vocabulary, cifar10, download, fashion_mnist, mnist, read_idx
from minigrad.data.cifar import FOLDER, TEST, TRAIN, read_batch
from minigrad.data.idx import MNIST, TYPES
from minigrad.utils.data import DataLoader

RNG = np.random.default_rng(0)


def idx(array: np.ndarray) -> bytes:
    """Return an IDX file, built from the description of the format."""
    code = next(code for code, dtype in TYPES.items() if np.dtype(dtype) == array.dtype.newbyteorder(">"))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.astype(TYPES[code]).tobytes()


# ---- IDX -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4), (0, 28, 28)])
@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_are_read(dtype: str, shape: tuple[int, ...], packed: bool, tmp_path: Path) -> None:
    array = np.asarray(RNG.integers(0, 100, shape)).astype(dtype)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    found = read_idx(path)
    assert found.dtype == array.dtype and found.shape == shape
    np.testing.assert_array_equal(found, array)
    found[...] = 0  # it is the reader's own


GOOD = idx(np.arange(24, dtype="u1").reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file: it begins with nothing"),
        (b"\x89PNG....", "not an IDX file: it begins with 89 50 4e 47"),
        (b"\0\0\x07\x01" + GOOD[4:], "not an IDX file"),
        (GOOD[:9], "truncated within its header, after 9 bytes"),
        (GOOD[:-1], r"truncated: an array of shape \(2, 3, 4\) takes 40 bytes, got 39"),
        (GOOD + b"x", "too long: .* takes 40 bytes, got 41"),
        (gzip.compress(GOOD, mtime=0)[:-9], "gzip file is damaged or truncated"),
        (gzip.compress(GOOD, mtime=0)[:12] + b"\xff" * 20, "gzip file is damaged or truncated"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31), "truncated: .* got 16"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "file")


def small_mnist(folder: Path, **replaced: np.ndarray) -> None:
    for name, rows in zip(MNIST, (6, 6, 4, 4)):
        array = RNG.integers(0, 256, (rows, 28, 28)) if "images" in name else RNG.integers(0, 10, rows)
        array = replaced.get("images" if "images" in name else "labels", array.astype("u1"))
        (folder / name).write_bytes(gzip.compress(idx(array)))


def test_mnist_is_read(tmp_path: Path) -> None:
    small_mnist(tmp_path)
    unpacked = tmp_path / "t10k-labels-idx1-ubyte"
    unpacked.write_bytes(gzip.decompress((tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes()))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    for load in (mnist, fashion_mnist):
        train, test = load(tmp_path)
        assert train.X.shape == (6, 784) and test.X.shape == (4, 784) and train.image_shape == (28, 28)
        assert train.X.dtype == np.float32 and train.y.dtype == np.int64
        pixels = read_idx(tmp_path / "train-images-idx3-ubyte.gz")
        np.testing.assert_array_equal(train.X, pixels.reshape(6, -1).astype(np.float32) / 255)
        np.testing.assert_array_equal(test.y, read_idx(unpacked))


def test_files_that_are_not_mnist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no train-images-idx3-ubyte.gz in .*from https:.*download=True"):
        mnist(tmp_path)
    small_mnist(tmp_path, labels=np.zeros(5, "u1"))
    with pytest.raises(ValueError, match=r"train-labels-idx1-ubyte.gz uint8 of shape \(5,\); expected images"):
        mnist(tmp_path)


# ---- CIFAR-10 --------------------------------------------------------------------------------------------------


def batch(rows: int, protocol: int = 2, **replaced: Any) -> bytes:
    content = {
        b"batch_label": b"a batch",
        b"labels": RNG.integers(0, 10, rows).tolist(),
        b"data": RNG.integers(0, 256, (rows, 3072)).astype("u1"),
        b"filenames": [b"a.png"] * rows,
    }
    return pickle.dumps({**content, **{k.encode(): v for k, v in replaced.items()}}, protocol)


def archive(path: Path, **replaced: bytes) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name in (*TRAIN, TEST):
            data = replaced.get(name, batch(3))
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_batches_of_all_protocols_are_read(protocol: int) -> None:
    data = batch(3, protocol)
    found, wanted = read_batch(data), pickle.loads(data)
    assert found.keys() == {key.decode() for key in wanted} and found["labels"] == wanted[b"labels"]
    np.testing.assert_array_equal(found["data"], wanted[b"data"])
    assert found["filenames"] == wanted[b"filenames"]


def test_a_batch_of_python_2_is_read() -> None:
    """The real files have strings of Python 2 and its name for the module."""
    raw = bytes(range(6))
    data = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85"
        b"U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff"
        b"\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06" + raw + b"tbU\x06labels]q\x08(K\x01K\x02eu."
    )
    found = read_batch(data)
    assert found["data"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["labels"] == [1, 2]


def test_cifar10_is_read_from_archive_and_folder(tmp_path: Path) -> None:
    path = archive(tmp_path / "cifar-10-python.tar.gz")
    with tarfile.open(path) as tar:
        contents = {Path(m.name).name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    (tmp_path / "files").mkdir()
    for name, data in contents.items():
        (tmp_path / "files" / name).write_bytes(data)
    for place in (path, tmp_path, tmp_path / "files"):
        train, test = cifar10(place)
        assert (train.X.shape, test.X.shape, train.image_shape) == ((15, 3072), (3, 3072), (3, 32, 32))
        second = pickle.loads(contents[TRAIN[1]])
        np.testing.assert_array_equal(train.X[3:6], second[b"data"].astype(np.float32) / 255)
        assert train.y[3:6].tolist() == second[b"labels"]


class Hostile:
    """Pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: pickle.dumps({b"data": Hostile(os.system, f"touch {path}")}), r"asks for posix.system"),
        (
            lambda path: pickle.dumps({b"data": Hostile(eval, f"open({str(path)!r}, 'w')")}, 0),
            "builtins.eval|__builtin",
        ),
        (lambda path: pickle.dumps(Hostile(open, str(path), "w"), 4), "asks for .*open"),
        (lambda path: pickle.dumps({"data": np.array([Hostile(os.mkdir, str(path))], object)}), "type 'O8'"),
        (lambda path: b"cnumpy\nload\n(S'" + str(path).encode() + b"'\ntR.", "asks for numpy.load"),
        (lambda path: b"(S'touch'\ni__builtin__\nexec\n.", "asks for"),
        (lambda path: b"\x80\x02cnumpy\ndtype\n(X\x01\x00\x00\x00OK\x00K\x01tR.", "type 'O'"),
        (lambda path: b"P1\n.", "refers to an object outside"),
        (lambda path: b"\x82\x01.", "not read"),
        (lambda path: batch(2)[:-50], "not read"),
        (lambda path: b"", "not read"),
        (lambda path: b"not a pickle", "not read"),
        (lambda path: pickle.dumps([1, 2]), "must hold a dictionary, got list"),
    ],
)
def test_hostile_and_damaged_pickles_are_refused_and_do_nothing(
    make: Callable[[Path], bytes], message: str, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    with pytest.raises(ValueError, match=message):
        read_batch(make(trace))
    assert not trace.exists()


def test_arrays_that_lie_about_their_size_are_refused() -> None:
    data = batch(2)
    size, larger = b"M" + struct.pack("<H", 3072), b"M" + struct.pack("<H", 4096)
    assert data.count(size) == 1
    with pytest.raises(ValueError, match="cannot read the pickle: cannot reshape"):
        read_batch(data.replace(size, larger))


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({TRAIN[2]: batch(2, data=np.zeros((2, 3071), "u1"))}, r"data_batch_3: 'data' must be uint8 .*\(2, 3071\)"),
        ({TRAIN[2]: batch(2, data=np.zeros((2, 3072)))}, "got float64 of shape"),
        ({TRAIN[2]: batch(2, data=[1])}, "got list"),
        ({TEST: batch(2, labels=[1])}, "test_batch: 'labels' must be a list of 2 integers"),
        ({TEST: batch(2, labels=[1, "a"])}, "a list of 2 integers"),
        ({TEST: b"junk"}, "test_batch: cannot read the pickle"),
    ],
)
def test_batches_of_something_else_are_named(replaced: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        cifar10(archive(tmp_path / "cifar-10-python.tar.gz", **replaced))


def test_missing_and_damaged_archives_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no cifar-10-python.tar.gz in .*download=True"):
        cifar10(tmp_path)
    path = archive(tmp_path / "cifar-10-python.tar.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="damaged or truncated"):
        cifar10(tmp_path)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / TEST).write_bytes(batch(2))
    with pytest.raises(ValueError, match=r"incomplete: data_batch_1, .* is missing"):
        cifar10(tmp_path)


# ---- downloading -----------------------------------------------------------------------------------------------

CONTENT = bytes(RNG.integers(0, 256, 300_000).astype("u1"))
MD5 = hashlib.md5(CONTENT).hexdigest()
PATH = "/file"


class Server(socketserver.ThreadingTCPServer):
    """A local server that sends CONTENT, sometimes truncated or without ranges."""

    allow_reuse_address = daemon_threads = True
    breaks_after: int | None = None
    ignores_ranges = False
    asked: list[str | None]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.path != PATH:
            self.send_error(404)
            return
        start = int(asked.split("=")[1].rstrip("-")) if asked and not self.server.ignores_ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : self.server.breaks_after])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def address(server: Server, name: str = "file") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def test_a_file_is_fetched_once_checked_and_kept(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert download(address(server), path, MD5) == path and path.read_bytes() == CONTENT
    download(address(server), path, MD5)
    assert server.asked == [None] and [p.name for p in path.parent.iterdir()] == ["file"]
    path.write_bytes(b"changed")
    with pytest.raises(ValueError, match="it is damaged; remove it to download it again"):
        download(address(server), path, MD5)
    assert path.read_bytes() == b"changed"


@pytest.mark.parametrize("ignores_ranges", [False, True])
def test_a_broken_download_resumes(server: Server, tmp_path: Path, ignores_ranges: bool) -> None:
    path = tmp_path / "file"
    server.breaks_after = 100_000
    with pytest.raises(OSError, match="cannot download file .*Without a network, download it elsewhere from http"):
        download(address(server), path, MD5)
    assert not path.exists() and (tmp_path / "file.part").read_bytes() == CONTENT[:100_000]
    server.breaks_after, server.ignores_ranges = None, ignores_ranges
    download(address(server), path, MD5)
    assert server.asked == [None, "bytes=100000-"] and path.read_bytes() == CONTENT
    assert not (tmp_path / "file.part").exists()


def test_a_complete_part_is_not_downloaded_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert download(address(server), tmp_path / "file", MD5).read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"has the MD5 {MD5}, expected 0123, and was discarded"):
        download(address(server), tmp_path / "file", "0123")
    assert list(tmp_path.iterdir()) == []


def test_the_next_address_is_tried(server: Server, tmp_path: Path) -> None:
    places = [address(server, "missing"), address(server)]
    assert download(places, tmp_path / "file", MD5).read_bytes() == CONTENT
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match=r"cannot download other \(http.*refused.*download it elsewhere from"):
        download(address(server), tmp_path / "other", MD5)


def test_missing_files_of_mnist_are_fetched(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mnist(tmp_path)
    missing = tmp_path / "train-images-idx3-ubyte.gz"
    content = missing.read_bytes()
    missing.unlink()
    monkeypatch.setitem(globals(), "CONTENT", content)
    monkeypatch.setitem(globals(), "PATH", f"/{missing.name}")
    monkeypatch.setattr("minigrad.data.idx.MNIST_URLS", (address(server, ""),))
    monkeypatch.setattr("minigrad.data.idx.MNIST", {**MNIST, missing.name: hashlib.md5(content).hexdigest()})
    assert len(mnist(tmp_path, download=True).train) == 6 and missing.read_bytes() == content


# ---- text ------------------------------------------------------------------------------------------------------


def test_text_becomes_numbers_and_back(tmp_path: Path) -> None:
    words = "Füße, ½ ☃\n\tend"
    (tmp_path / "text").write_text(words, "utf-8")
    text = Text.from_file(tmp_path / "text", length=4)
    assert text.vocabulary.decode(text.numbers) == words and len(text) == len(words) - 4
    assert [text.vocabulary.decode(part) for part in text[-1]] == [words[-5:-1], words[-4:]]
    X, y = text.sample_data_batch(200)
    assert X.shape == y.shape == (200, 4) and (X[:, 1:] == y[:, :-1]).all()
    assert set(map(tuple, X)) == {tuple(text[i][0]) for i in range(len(text))}
    again = Text(words, length=4).sample_data_batch(200)
    assert (again.X == X).all()
    train, test = text.split(0.6)
    assert train.vocabulary is test.vocabulary is text.vocabulary
    assert len(train.numbers) + len(test.numbers) == len(words)
    batches = list(DataLoader(text, batch_size=3))
    assert batches[0][0].shape == (3, 4) and sum(len(x) for x, _ in batches) == len(text)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Vocabulary(""), ValueError, "the text is empty"),
        (lambda: Vocabulary("abc").encode("abd"), ValueError, "the character 'd' at 2 is not in the vocabulary of 3"),
        (lambda: Vocabulary("abc").decode([3]), ValueError, "numbers must be from 0 to 2, got 3 to 3"),
        (lambda: Text("abc", 3), ValueError, r"length \+ 1 = 4 characters, got 3"),
        (lambda: Text("abc", 0), ValueError, "length must be an integer of at least 1, got 0"),
        (lambda: Text("abcde", 2)[3], IndexError, "index 3 is out of range for 3 windows"),
        (lambda: Text("abcde", 2).split(1.0), ValueError, "fraction must be between 0 and 1"),
    ],
)
def test_mistakes_with_text(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not text in utf-8"):
        Text.from_file(tmp_path / "text", length=1)


# ---- files as they are found -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [".", "raw", "MNIST/raw"])
@pytest.mark.parametrize("mark", ["-idx", ".idx"])
def test_mnist_lies_where_other_programs_have_put_it(place: str, mark: str, tmp_path: Path) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    small_mnist(tmp_path / place)
    for path in list((tmp_path / place).glob("*-idx*")):
        path.rename(path.with_name(path.name.replace("-idx", mark)))
    assert len(mnist(tmp_path).train) > 0


def test_cifar_labels_may_be_an_array() -> None:
    from minigrad.data.cifar import _arrays

    data = pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": np.array([3, 5])}, 5)
    assert _arrays("data_batch_1", data)[1].tolist() == [3, 5]


def test_a_byte_order_mark_is_no_character(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes("\ufeffhello world".encode())
    assert Text.from_file(tmp_path / "t.txt", 3).vocabulary.characters == " dehlorw"
