"""Saving and loading: values come back bit for bit, and nothing in a file is ever run."""

from __future__ import annotations

import io
import json
import math
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, tensor

FORMS = ["npz", "safetensors", "pt"]


def path(folder: Path, form: str) -> Path:
    return folder / f"model.{form}"


@pytest.mark.parametrize("form", FORMS)
def test_tensors_are_loaded_as_saved(tmp_path: Path, form: str) -> None:
    state = {
        "file": tensor([[1.5, -2.0]], requires_grad=True),
        "layer.0.weight": minigrad.rand(3, 2, dtype="float64").T,
        "steps": tensor(7),
        "mask": tensor([True, False]),
        "none": minigrad.zeros(0, 3),
        "array": np.arange(3, dtype=np.int32),
    }
    minigrad.save(state, path(tmp_path, form))
    back = minigrad.load(path(tmp_path, form))
    assert back.keys() == state.keys()
    for name, value in state.items():
        values: Any = value.detach().numpy() if isinstance(value, minigrad.Tensor) else value
        assert back[name].dtype == values.dtype and back[name].shape == values.shape
        assert back[name].tolist() == values.tolist()
    assert [f.name for f in tmp_path.iterdir()] == [f"model.{form}"]


@pytest.mark.parametrize("form", FORMS)
def test_a_trained_model_comes_back_in_a_fresh_one(tmp_path: Path, form: str) -> None:
    one, other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)), nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    minigrad.save(one.state_dict(), path(tmp_path, form))
    other.load_state_dict(minigrad.load(path(tmp_path, form)))
    assert other(minigrad.ones(1, 2)).item() == one(minigrad.ones(1, 2)).item()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_file_is_refused(tmp_path: Path, form: str, damage: str) -> None:
    file = path(tmp_path, form)
    minigrad.save({"w": minigrad.rand(50, 50)}, file)
    whole = file.read_bytes()
    file.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no tensors here"}[damage])
    with pytest.raises(ValueError, match=rf"model.{form} is not a .* file of tensors, or is damaged"):
        minigrad.load(file)


class Hostile:
    def __reduce__(self) -> Any:
        return (sys.exit, ("unpickled",))


@pytest.mark.parametrize("how", ["array of objects", "a bare pickle"])
def test_a_pickle_is_never_run(tmp_path: Path, how: str) -> None:
    file = tmp_path / "model.npz"
    if how == "a bare pickle":
        file.write_bytes(pickle.dumps(Hostile()))
    else:
        np.savez(file, w=np.array([Hostile()], dtype=object))
    with pytest.raises(ValueError, match="never run|'w' is of Python objects"):
        minigrad.load(file)


@pytest.mark.parametrize("name", ["a.pt", "a.pth", "a.ckpt", "a.pkl", "a", "a.v2", ".npz", "a.NPZ", "a.safetensors"])
def test_any_name_is_written_and_read_and_the_content_decides(tmp_path: Path, name: str) -> None:
    minigrad.save({"w": tensor([1.0])}, tmp_path / name)
    (tmp_path / name).rename(tmp_path / "other.npz")
    assert plain(minigrad.load(tmp_path / "other.npz")) == plain({"w": tensor([1.0])})
    start = (tmp_path / "other.npz").read_bytes()[:60]
    form = {".npz": b"w.npy", ".safetensors": b'{"w"'}.get(Path(name).suffix.lower(), b"archive/data.pkl")
    assert form in start


def test_open_files_and_buffers(tmp_path: Path) -> None:
    content = io.BytesIO()
    minigrad.save(CHECKPOINT, content)
    with pytest.raises(ValueError, match=r"nothing is left to read in the BytesIO; .*f\.seek\(0\)"):
        minigrad.load(content)
    content.seek(0)
    assert plain(minigrad.load(content)) == plain(CHECKPOINT)
    for name in ("a.bin", "a.safetensors"):
        with open(tmp_path / name, "wb") as file:
            minigrad.save({"w": tensor([1.0])}, file)
        with open(tmp_path / name, "rb") as file:
            assert plain(minigrad.load(file, map_location="cpu", weights_only=True)) == plain({"w": tensor([1.0])})
    with open(tmp_path / "a.bin") as text, pytest.raises(TypeError, match=r"open it for bytes: open\(path, 'rb'\)"):
        minigrad.load(text)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="f must be a path or an open file, got int"):
        minigrad.save({}, 3)  # type: ignore[arg-type]


def test_values_of_pytorchs_format(tmp_path: Path) -> None:
    tied = tensor([[1.0, 2.0]], requires_grad=True)
    content = [
        *(
            2**31,
            -(2**31),
            -(2**31) - 1,
            2**70,
            -1,
            255,
            2**2100,
            True,
            None,
            math.inf,
            1j,
            "ü\ud800",
            b"\xff\n",
            {1, "a"},
        ),
        *((), (1, [2.5, ()]), {"a": {}, 3: [], None: 1.5}, OrderedDict(b=1), np.float64(0.5), np.dtype("int8")),
    ]
    minigrad.save({"content": content, "tied": [tied, tied], "view": tied.T, "array": np.zeros(2)}, tmp_path / "a")
    back = minigrad.load(tmp_path / "a")
    assert plain(back["content"]) == plain([float(v) if isinstance(v, np.float64) else v for v in content])
    one, two = back["tied"]
    assert one.requires_grad and np.shares_memory(one.detach().numpy(), two.detach().numpy())
    assert back["view"].tolist() == [[1.0], [2.0]] and plain(back["array"]) == plain(np.zeros(2))
    minigrad.save(tied, tmp_path / "a")
    assert minigrad.load(tmp_path / "a").tolist() == [[1.0, 2.0]]
    for wrong, message in [
        ({"m": nn.Linear(1, 1)}, r"'m' is Linear; .*save its \.state_dict\(\) instead"),
        (nn.Linear(1, 1), "obj is Linear"),
        ({"a": [date(2026, 1, 1)]}, r"'a\[0\]' is date"),
        ({(1, 2): 3}, "keys must be strings or numbers"),
        ({"h": np.zeros(2, np.float16)}, "'h' is an array of float16"),
    ]:
        with pytest.raises(ValueError, match=message):
            minigrad.save(wrong, tmp_path / "a")
    assert minigrad.load(tmp_path / "a").tolist() == [[1.0, 2.0]]


def safetensors(**arrays: tuple[str, list[int], bytes]) -> io.BytesIO:
    header, data = {}, b""
    for name, (dtype, shape, numbers) in arrays.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    text = json.dumps(header).encode()
    return io.BytesIO(struct.pack("<Q", len(text)) + text + data)


def test_other_dtypes_in_safetensors() -> None:
    read = minigrad.load(
        safetensors(
            bf16=("BF16", [2], b"\x80\x3f\x00\xc0"),
            f16=("F16", [], np.float16(1.5).tobytes()),
            e4m3=("F8_E4M3", [6], bytes([0, 1, 0x38, 0xB8, 0x7E, 0x7F])),
            e5m2=("F8_E5M2", [5], bytes([0, 1, 0x3C, 0xBC, 0x7C])),
            u16=("U16", [1], b"\xff\xff"),
            u32=("U32", [1], b"\xff" * 4),
            u64=("U64", [1], b"\x01" + bytes(7)),
        )
    )
    assert [(n, str(t.dtype), t.tolist()) for n, t in read.items() if n != "e4m3"] == [
        ("bf16", "float32", [1.0, -2.0]),
        ("f16", "float32", 1.5),
        ("e5m2", "float32", [0.0, 2.0**-16, 1.0, -1.0, math.inf]),
        ("u16", "int32", [65535]),
        ("u32", "int64", [2**32 - 1]),
        ("u64", "int64", [1]),
    ]
    assert read["e4m3"].tolist()[:5] == [0.0, 2.0**-9, 1.0, -1.0, 448.0] and math.isnan(read["e4m3"][5].item())


@pytest.mark.parametrize("entry", [("C64", [1], bytes(8)), ("U64", [1], b"\xff" * 8)])
def test_a_tensor_that_cannot_be_held_is_named_and_the_others_are_read(entry: Any) -> None:
    with pytest.warns(UserWarning, match="'c.x' is of (C64|uint64 with numbers above).*the other tensors are loaded"):
        read = minigrad.load(safetensors(**{"c.x": entry, "w": ("F32", [1], bytes(4))}))
    assert plain(read) == plain({"w": tensor([0.0])})
    with pytest.raises(ValueError, match="'c.x' is of .*tensors do not support it"):
        minigrad.load(safetensors(**{"c.x": entry}))


@pytest.mark.parametrize(
    "entry",
    [
        ("F32", [2], bytes(4)),
        ("F32", [-1], bytes(4)),
        ("F32", [1.0], bytes(4)),
        ("F32", [2**62], bytes(4)),
        ("F32", [True], bytes(4)),
    ],
)
def test_damaged_safetensors(entry: Any) -> None:
    with pytest.raises(ValueError, match="is damaged"):
        minigrad.load(safetensors(w=entry))
    content = safetensors(w=("F32", [1], bytes(4))).getvalue()
    with pytest.raises(ValueError, match="up to the end of the file"):
        minigrad.load(io.BytesIO(content + b"x"))


def test_safetensors_agree_with_the_package(tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy", reason="the package safetensors is not installed")
    arrays = {"a": np.arange(6.0).reshape(2, 3), "ü": np.array([True]), "b": np.int8([1]), "c": np.zeros((0, 2), "f4")}
    minigrad.save(arrays, tmp_path / "a.safetensors")
    assert plain({**package.load_file(tmp_path / "a.safetensors")}.get("a")) == plain(arrays["a"])
    back = package.load_file(tmp_path / "a.safetensors")
    assert {n: plain(v) for n, v in back.items()} == {n: plain(v) for n, v in arrays.items()}
    package.save_file(arrays, tmp_path / "b.safetensors", {"made": "here"})
    back = minigrad.load(tmp_path / "b.safetensors")
    assert {n: plain(v) for n, v in back.items()} == {n: plain(v) for n, v in arrays.items()}


def test_other_dtypes_in_npz(tmp_path: Path) -> None:
    file = tmp_path / "a.npz"
    np.savez(
        file,
        big=np.array([1.0, 2.0], ">f8"),
        half=np.array([[1.5]], ">f2"),
        u=np.array([65535], ">u2"),
        u64=np.array(7, "u8"),
        names=np.array([["cat", "dog"]]),
        name=np.array("cat"),
    )
    read = minigrad.load(file)
    assert read.pop("names") == [["cat", "dog"]] and read.pop("name") == "cat"
    assert {n: (str(t.dtype), t.tolist()) for n, t in read.items()} == {
        "big": ("float64", [1.0, 2.0]),
        "half": ("float32", [[1.5]]),
        "u": ("int32", [65535]),
        "u64": ("int64", 7),
    }
    for other, message in [
        (np.array([1j]), "of complex128"),
        (np.array(["2026-01-01"], "M8[D]"), r"of datetime64\[D\]"),
        (np.zeros(1, [("x", "f4")]), "of .*x"),
        (np.array([Hostile()], dtype=object), "of Python objects"),
    ]:
        np.savez(file, other=other, w=np.ones(1))
        with pytest.warns(UserWarning, match=f"'other' is {message}.*: tensors do not support it"):
            assert plain(minigrad.load(file)) == plain({"w": np.ones(1)})


def test_values_that_cannot_be_saved_are_named_and_the_old_file_stays(tmp_path: Path) -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    file = tmp_path / "model.npz"
    minigrad.save({"w": tensor([1.0])}, file)
    for wrong, message in [
        ({"w": tensor([2.0]), "when": date(2026, 1, 1)}, "'when' is date; a checkpoint can contain tensors of numbers"),
        ({"w": np.array(["a"])}, "'w' is an array of <U1"),
        (
            {"w": tensor([2.0]), "o": {"param_groups": [{"lr": Fraction(1, 3)}]}},
            r"'o.param_groups\[0\].lr' is Fraction",
        ),
        ({"w": {0: {"m": np.array([None])}}}, r"'w\[0\].m' is an array of object"),
        ({"w": {1.5: tensor([2.0])}}, "keys must be strings or ints, got 1.5 in w"),
        ({"w": (tensor([2.0]), {3})}, r"'w\[1\]' is set"),
        ({"w": np.zeros(2, np.float16)}, "'w' is an array of float16"),
        ({"a\0b": tensor([1.0]), "a\0c": tensor([2.0])}, "keys must be"),
        (endless, "contain themselves"),
        ([tensor([1.0])], "such as model.state_dict"),
    ]:
        with pytest.raises(ValueError, match=message):
            minigrad.save(wrong, file)  # type: ignore[arg-type]
    assert minigrad.load(file)["w"].tolist() == [1.0]
    with pytest.raises(FileNotFoundError):
        minigrad.load(tmp_path / "absent.npz")


def test_nesting_in_safetensors_is_refused(tmp_path: Path) -> None:
    file = path(tmp_path, "safetensors")
    for wrong, message in [({"epoch": 3}, "'epoch' is int"), ({"model": {"w": tensor([1.0])}}, "'model' is dict")]:
        with pytest.raises(
            ValueError, match=f"{message}; a .safetensors file can contain only tensors .* save this as .npz"
        ):
            minigrad.save(wrong, file)
    assert not file.exists()


def plain(value: Any) -> Any:
    """Return the value with types, and with the bytes of tensors, for comparison."""
    if isinstance(value, minigrad.Tensor | np.ndarray):
        array = np.asarray(value.detach() if isinstance(value, minigrad.Tensor) else value)
        return ("tensor", array.dtype.str, array.shape, array.tobytes())
    if isinstance(value, dict):
        return [(repr(k), plain(v)) for k, v in value.items()]
    return [type(value), *map(plain, value)] if isinstance(value, list | tuple) else (type(value), repr(value))


CHECKPOINT = {
    "model": {"a.b": tensor([1.0]), "a": {"b": tensor([2.0]), "b'": tensor([3.0])}},
    "state": {0: {"exp_avg": np.arange(4.0).reshape(2, 2).T, "t": 2**70}, 1: {}, "0": tensor(True)},
    "numbers": [0.1, 1e-320, math.inf, -math.inf, math.nan, -0.0, 3, True, None, 'ü\n"', ""],
    "pairs": ((0.9, 0.999), [(1,), []], ()),
    "structure.json": tensor([7]),
    "structure": {"tensor": "model", "dict": [], "tuple": ()},
    "": {"": tensor(0.0)},
}


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.npz"
    minigrad.save(CHECKPOINT, file)
    assert plain(minigrad.load(file)) == plain(CHECKPOINT)
    with np.load(file) as arrays:  # NumPy finds the tensors
        assert arrays["state[0].exp_avg"].tolist() == [[0.0, 2.0], [1.0, 3.0]]
    minigrad.save({"lr": np.float64(0.1), "n": np.int64(3)}, file)
    assert plain(minigrad.load(file)) == plain({"lr": 0.1, "n": 3})
    minigrad.save({"w": tensor([1.0]), "w.npy": tensor([2.0])}, file)
    assert zipfile.ZipFile(file).namelist() == ["w.npy", "w.npy.npy"]
    assert plain(minigrad.load(file)) == plain({"w": tensor([1.0]), "w.npy": tensor([2.0])})


def test_a_link_stays_one(tmp_path: Path) -> None:
    minigrad.save({"w": tensor([1.0])}, tmp_path / "run.npz")
    (tmp_path / "latest.npz").symlink_to("run.npz")
    minigrad.save({"w": tensor([2.0])}, tmp_path / "latest.npz")
    assert (tmp_path / "latest.npz").is_symlink() and minigrad.load(tmp_path / "run.npz")["w"].tolist() == [2.0]


@pytest.mark.parametrize("structure", ["{", '{"tensor": "absent"}', '{"run": "x"}', '{"a": 1, "b": 2}', "[" * 10**5])
def test_a_damaged_structure_is_refused(tmp_path: Path, structure: str) -> None:
    file = tmp_path / "checkpoint.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("structure.json", structure)
    with pytest.raises(ValueError, match=r"is not a \.npz file of tensors, or is damaged"):
        minigrad.load(file)


SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: optim.lr_scheduler.StepLR(o, 2),
    "MultiStepLR": lambda o: optim.lr_scheduler.MultiStepLR(o, [2, 4, 4]),
    "LambdaLR": lambda o: optim.lr_scheduler.LambdaLR(o, lambda t: 0.9**t),
    "CosineAnnealingWarmRestarts": lambda o: optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "OneCycleLR": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=20),
    "CyclicLR": lambda o: optim.lr_scheduler.CyclicLR(o, 0.01, 0.1, 3, cycle_momentum=False),
    "ReduceLROnPlateau": lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, patience=1),
    "SequentialLR": lambda o: optim.lr_scheduler.SequentialLR(
        o, [optim.lr_scheduler.ConstantLR(o), optim.lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.01, momentum=0.9),
    "Nesterov": lambda p: optim.Nesterov(p, lr=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "NAdam": lambda p: optim.NAdam(p, lr=0.01),
    "ASGD": lambda p: optim.ASGD(p, lr=0.01),
    "Adafactor": lambda p: optim.Adafactor(p, lr=0.01),
    "LAMB": lambda p: optim.LAMB(p, lr=0.01),
    "LBFGS": lambda p: optim.LBFGS(p, lr=0.01, max_iter=2),
}


class Training:
    """A small training run in repeatable epochs."""

    def __init__(self, optimizer: str, scheduler: str) -> None:
        minigrad.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.scheduler = SCHEDULERS[scheduler](self.optimizer)

    def epoch(self, number: int) -> None:
        rng = np.random.default_rng(number)
        x, y = tensor(rng.standard_normal((8, 4)), dtype="float32"), tensor(rng.integers(0, 3, 8))

        def closure() -> Any:
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.model(x), y)
            loss.backward()
            return loss

        loss = self.optimizer.step(closure)
        plateau = isinstance(self.scheduler, optim.lr_scheduler.ReduceLROnPlateau)
        self.scheduler.step(loss.item()) if plateau else self.scheduler.step()

    def checkpoint(self, epoch: int) -> dict[str, Any]:
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "scheduler")}
        return {**parts, "epoch": epoch}

    def resume(self, checkpoint: dict[str, Any]) -> int:
        for name in ("model", "optimizer", "scheduler"):
            getattr(self, name).load_state_dict(checkpoint[name])
        return checkpoint["epoch"]


@pytest.mark.parametrize(
    ("optimizer", "scheduler"), [*((o, "StepLR") for o in OPTIMIZERS), *(("SGD", s) for s in SCHEDULERS)]
)
def test_a_run_resumes_from_a_file_bit_for_bit(tmp_path: Path, optimizer: str, scheduler: str) -> None:
    run, file = Training(optimizer, scheduler), tmp_path / "checkpoint.npz"
    for epoch in range(8):
        if epoch == 4:
            minigrad.save(run.checkpoint(epoch), file)
        run.epoch(epoch)
    fresh = Training(optimizer, scheduler)
    for epoch in range(fresh.resume(minigrad.load(file)), 8):
        fresh.epoch(epoch)
    assert plain(fresh.checkpoint(8)) == plain(run.checkpoint(8))


def test_a_run_resumes_in_another_process(tmp_path: Path) -> None:
    run, file = Training("Adam", "StepLR"), tmp_path / "checkpoint.npz"
    for epoch in range(6):
        if epoch == 3:
            minigrad.save(run.checkpoint(epoch), file)
        run.epoch(epoch)
    program = f"""
import sys; sys.path[:0] = {sys.path!r}
import minigrad
from test_serialization import Training
run, file = Training("Adam", "StepLR"), {str(file)!r}
for epoch in range(run.resume(minigrad.load(file)), 6):
    run.epoch(epoch)
minigrad.save(run.checkpoint(6), file)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
    assert plain(minigrad.load(file)) == plain(run.checkpoint(6))


def test_an_interrupted_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model.npz"
    minigrad.save({"w": tensor([1.0])}, file)

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        minigrad.save({"w": tensor([2.0])}, file)
    assert minigrad.load(file)["w"].tolist() == [1.0]
    assert [f.name for f in tmp_path.iterdir()] == ["model.npz"]
