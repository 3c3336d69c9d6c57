"""Pickles that want to run something, or to take the memory: each is refused, and nothing has happened."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.serialization import pickles, pytorch


def archive(data: bytes, compressed: bool = False, **storages: bytes) -> io.BytesIO:
    """Return a file of PyTorch's format with this pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as members:
        members.writestr("archive/data.pkl", data)
        members.writestr("archive/data/0", bytes(16))
        for key, content in storages.items():
            members.writestr(f"archive/data/{key}", content)
    file.seek(0)
    return file


class Runs:
    """Pickled as a call."""

    def __init__(self, function: Any, *args: Any, state: Any = None) -> None:
        self.call = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.call


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


@pytest.mark.parametrize("protocol", range(6))
def test_functions_are_not_run(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "made"
    for function in (Path(folder).mkdir, __import__("os").mkdir, eval, exec, __import__, getattr, print, open):
        data = pickle.dumps({"w": [Runs(function, str(folder))]}, protocol)
        with pytest.raises(ValueError, match="more than data: nothing in a file is ever run"):
            minigrad.load(archive(data))
    assert not folder.exists()


HOSTILE = {
    "a global": b"cos\nsystem\n(X\x02\0\0\0lstR.",
    "a global of protocol 4": b"\x80\x04" + text("os") + text("system") + b"\x93.",
    "a name with dots": b"\x80\x04" + text("torch._utils") + text("_rebuild_tensor_v2.__globals__") + b"\x93.",
    "numpy's": b"cnumpy.core.multiarray\n_reconstruct\n.",
    "torch's loader": b"ctorch\nload\n" + text("x") + b"\x85R.",
    "a class by INST": b"(ios\nsystem\n.",
    "a class by OBJ": b"(ccollections\nOrderedDict\no.",
    "an instance by NEWOBJ": b"ccollections\nOrderedDict\n)\x81.",
    "an extension": b"\x82\x01.",
    "a function as value": b"ctorch._utils\n_rebuild_tensor_v2\n.",
    "a function in the state": b"}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\ns.",
    "BUILD of a function": b"ctorch._utils\n_rebuild_tensor_v2\n}X\x0c\0\0\0__defaults__)sb.",
    "BUILD of a dictionary": b"}}X\x01\0\0\0aK\x01sb.",
    "BUILD with slots": b"ccollections\nOrderedDict\n)RN}X\x01\0\0\0aK\x01s\x86b.",
    "a call of a value": b"K\x01)R.",
    "a call of a constant": b"ctorch\nfloat32\n)R.",
    "an encoding": b"c_codecs\nencode\nX\x01\0\0\0aX\x03\0\0\0zip\x86R.",
    "memory by bytearray": b"c__builtin__\nbytearray\n\x8a\x05\0\0\0\0\x10\x85R.",
    "a list as key": b"}]K\x01s.",
    "items of a number": b"K\x01K\x02K\x03s.",
    "an empty stack": b".",
    "a mark that is not there": b"t.",
    "a memo that is not there": b"h\x05.",
    "no end": b"}",
    "more than one value": b"}}.",
    "a number of many digits": b"I" + b"9" * 10**5 + b"\n.",
    "a text longer than the file": b"X\xff\xff\xff\x7fabc.",
    "a deep key": b"}" + b")" + b"\x85" * 10**5 + b"K\x01s.",
    "a persistent id of text": b"P0\n.",
    "a persistent id of something else": text("os.system") + b"Q.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_more_than_data_is_refused(name: str) -> None:
    defaults = pytorch._Archive.tensor.__defaults__
    with pytest.raises(ValueError, match="load: the BytesIO"):
        minigrad.load(archive(HOSTILE[name]))
    assert pytorch._Archive.tensor.__defaults__ == defaults


def tensor_call(**changed: Any) -> bytes:
    """Return the pickle of a tensor of shape (2, 2) on the storage 0, with changes."""
    parts: dict[str, Any] = {"kind": "storage", "dtype": "torch.FloatStorage", "key": "0", "count": 4}
    parts.update(offset=0, shape=(2, 2), strides=(2, 1), function="torch._utils._rebuild_tensor_v2")
    parts.update(changed)
    id = pickles.PersistentId((parts["kind"], pickles.Global(parts["dtype"]), parts["key"], "cpu", parts["count"]))
    args = (id, parts["offset"], parts["shape"], parts["strides"], False, {})
    return pickles.write({"w": pickles.Call(parts["function"], args)})


def test_the_tensor_of_the_next_test_is_right_without_changes() -> None:
    assert minigrad.load(archive(tensor_call()))["w"].tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": (2, 3)},
        {"shape": (2, 2**62)},
        {"shape": (-2, 2)},
        {"shape": (2.0, 2)},
        {"shape": [2, 2]},
        {"shape": (2,)},
        {"shape": (1,) * 100, "strides": (1,) * 100},
        {"strides": (-2, 1)},
        {"strides": (2**62, 1)},
        {"offset": 1},
        {"offset": -1},
        {"offset": None},
        {"key": "../../../etc/passwd"},
        {"key": "absent"},
        {"key": 0},
        {"kind": "module"},
        {"dtype": "torch.float32"},
        {"dtype": "torch.DoubleStorage"},
        {"dtype": "torch.nn.Linear"},
        {"function": "torch._utils._rebuild_qtensor"},
    ],
)
def test_a_tensor_stays_within_its_storage(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="load: the BytesIO"):
        minigrad.load(archive(tensor_call(**changed)))


def test_members_that_grow_when_they_are_read() -> None:
    with pytest.raises(ValueError, match="together longer than the file"):
        minigrad.load(archive(tensor_call(key="big", count=10**7), compressed=True, big=bytes(4 * 10**7)))


def test_values_that_contain_themselves_or_double() -> None:
    assert minigrad.load(archive(b"]q\0h\0a."))[0][0] is not None
    doubled = b"]q\0" + b"".join(b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(100)) + b"."
    with pytest.raises(ValueError, match="ends in the middle"):
        minigrad.load(archive(doubled))
    doubled = b"]q\0" + b"".join(b"0](h%ch%ceq%c" % (i, i, i + 1) for i in range(9)) + b"."
    with pytest.raises(ValueError, match="has the opcode POP"):
        minigrad.load(archive(doubled))
    inside = b"]q\0" + b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(100)) + b"."
    assert len(minigrad.load(archive(inside))) == 2
    deep = b"]" * 10**5 + b"a" * (10**5 - 1) + b"."
    assert len(minigrad.load(archive(deep))) == 1


def test_damaged_pickles_raise_value_errors_only() -> None:
    content = io.BytesIO()
    minigrad.save({"a": OrderedDict(w=minigrad.ones(2, 2)), "b": [1, 2.5, "x", {1}, b"y", None, (True,)]}, content)
    pickle_there = zipfile.ZipFile(content).read("archive/data.pkl")
    rng = random.Random(0)
    loaded = 0
    for _ in range(1500):
        data = bytearray(pickle_there)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            minigrad.load(archive(bytes(data)))
            loaded += 1
        except ValueError:
            pass
    assert loaded < 1500


def test_plain_data_of_any_protocol() -> None:
    value = {"a": [1, -1, 2**40, 2.5, "ü", b"b", None, True, (), (1,), (1, 2, 3, 4)], "s": {1}, "o": OrderedDict(a=1)}
    for protocol in range(6):
        assert minigrad.load(archive(pickle.dumps(value, protocol))) == value
    assert np.isinf(minigrad.load(archive(pickle.dumps(float("inf"), 0))))
