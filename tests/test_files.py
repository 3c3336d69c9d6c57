"""Saving and loading: what goes in comes out, and nothing else ever does."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, tensor

FORMS = ["npz", "safetensors"]


def path(folder: Path, form: str) -> Path:
    if form == "safetensors":
        pytest.importorskip("safetensors", reason="the package safetensors is not installed")
    return folder / f"model.{form}"


@pytest.mark.parametrize("form", FORMS)
def test_what_goes_in_comes_out(tmp_path: Path, form: str) -> None:
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
    with pytest.raises(ValueError, match=rf"model.{form} is no .{form} file of tensors, or is damaged"):
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
    with pytest.raises(ValueError, match="is no .npz file of tensors"):
        minigrad.load(file)


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model"])
def test_other_endings_are_explained(tmp_path: Path, name: str) -> None:
    for use in (lambda: minigrad.save({}, tmp_path / name), lambda: minigrad.load(tmp_path / name)):
        with pytest.raises(ValueError, match=r"as \.npz or \.safetensors, not as"):
            use()


def test_what_is_no_tensor_is_named_and_the_old_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "model.npz"
    minigrad.save({"w": tensor([1.0])}, file)
    for wrong, message in [
        ({"w": tensor([2.0]), "epoch": 3}, "'epoch' is int"),
        ({"w": np.array(["a"])}, "'w' is ndarray"),
        ([tensor([1.0])], "such as model.state_dict"),
    ]:
        with pytest.raises(ValueError, match=message):
            minigrad.save(wrong, file)  # type: ignore[arg-type]
    assert minigrad.load(file)["w"].tolist() == [1.0]
    with pytest.raises(FileNotFoundError):
        minigrad.load(tmp_path / "absent.npz")


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
