"""Files that PyTorch writes are read here, and the other way round."""

from __future__ import annotations

import io
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.oracle


def read_here(value: Any, **options: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file, **options)
    file.seek(0)
    return minigrad.load(file, weights_only=True)


def read_there(value: Any) -> Any:
    file = io.BytesIO()
    minigrad.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def plain(value: Any) -> Any:
    """Return tensors of both sides as lists with dtype and requires_grad."""
    if isinstance(value, minigrad.Tensor | torch.Tensor):
        return str(value.dtype).removeprefix("torch."), tuple(value.shape), value.requires_grad, value.tolist()
    if isinstance(value, dict):
        return type(value).__name__, [(k, plain(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return ("tuple" if isinstance(value, tuple) else "list"), [plain(v) for v in value]
    return str(value).removeprefix("torch.")


def values(lib: Any) -> dict[str, Any]:
    base = lib.arange(24.0).reshape(2, 3, 4)
    return {
        "dtypes": [
            lib.ones(2, dtype=getattr(lib, d))
            for d in ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
        ],
        "views": (base.transpose(0, 2), base[1, :, 1:3], base[..., ::2], base[0, 0, 0], lib.ones(3, 1).expand(3, 2)),
        "empty": [lib.zeros(0), lib.zeros(2, 0, 3), lib.tensor(3), lib.tensor(True)],
        "grad": lib.ones(2, requires_grad=True),
        "module": lib.nn.Linear(1, 1).weight.detach() * 0,
        "parameter": lib.nn.Parameter(lib.ones(2)),
        "fixed": lib.nn.Parameter(lib.ones(2), requires_grad=False),
        "plain": [1, -1, 2**31, -(2**40), 2**70, 0.1, float("inf"), "ü", b"\xff", None, True, (), [], {}, {3}, 1j],
        "ordered": OrderedDict([("b", 1), ("a", {2: "x"})]),
        "more": (lib.float32, lib.device("cpu"), lib.ones(2, 3).shape),
    }


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_values_are_read_here(protocol: int) -> None:
    there = values(torch)
    assert plain(read_here(there, pickle_protocol=protocol)) == plain(there)


def test_values_are_read_there(tmp_path: Path) -> None:
    here = values(minigrad)
    assert plain(read_there(here)) == plain(here)
    assert plain(read_there(read_here(values(torch)))) == plain(values(torch))
    for name in ("a.pt", "a.pth", "a.ckpt", "a"):
        minigrad.save(here, tmp_path / name)
        for options in ({}, {"mmap": True}):
            assert plain(torch.load(tmp_path / name, weights_only=True, **options)) == plain(here)


def test_other_dtypes_are_widened() -> None:
    numbers = [0.0, 1.5, -2.0, 448.0, 2.0**-6]
    for dtype in (torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2):
        there = torch.tensor([numbers, numbers]).to(dtype).T
        assert plain(read_here({"w": there})["w"]) == plain(there.float())
    for bits in (torch.float8_e4m3fn, torch.float8_e5m2):
        there = torch.arange(256, dtype=torch.uint8).view(bits)
        np.testing.assert_array_equal(read_here(there).numpy(), there.float().numpy())
    for dtype, wider in ((torch.uint16, torch.int32), (torch.uint32, torch.int64), (torch.uint64, torch.int64)):
        there = torch.tensor([1, 2**16 - 1]).to(dtype)
        assert plain(read_here([there])) == plain([there.to(wider)])
    with pytest.warns(UserWarning, match=r"'a\.c' is of complex64: tensors do not support it"):
        read = read_here({"a": {"c": torch.ones(2) * 1j}, "w": torch.ones(1)})
    assert plain(read) == plain({"a": {}, "w": torch.ones(1)})
    with pytest.raises(ValueError, match=r"'\[0\]' is of complex64"):
        read_here([torch.ones(2) * 1j])


def test_a_run_of_pytorch_goes_on_here_and_the_other_way_round() -> None:
    def parts(lib: Any) -> Any:
        nn = lib.nn
        model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 3))
        return model, lib.optim.Adam(model.parameters(), lr=0.01)

    def step(lib: Any, model: Any, optimizer: Any, number: int) -> float:
        x = lib.tensor(np.random.default_rng(number).standard_normal((4, 1, 5, 5)).astype(np.float32))
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    def checkpoint(model: Any, optimizer: Any) -> Any:
        return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}

    def resume(lib: Any, saved: Any) -> Any:
        model, optimizer = parts(lib)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        assert saved["epoch"] == 3
        return model, optimizer

    there = parts(torch)
    for i in range(3):
        step(torch, *there, i)
    here = resume(minigrad, read_here(checkpoint(*there)))
    back = resume(torch, read_there(checkpoint(*here)))
    for i in range(3, 6):
        expected = step(torch, *there, i)
        assert step(minigrad, *here, i) == pytest.approx(expected, rel=1e-4)
        assert step(torch, *back, i) == pytest.approx(expected, rel=1e-4)


def test_tied_parameters_share_their_memory() -> None:
    w = torch.ones(2, 2)
    one, two = read_here([w, w.T])
    with minigrad.no_grad():
        one[0, 1] = 5.0
    assert two.tolist() == [[1.0, 1.0], [5.0, 1.0]]
    h = minigrad.ones(2)
    one, two = read_there([h, h])
    assert one.data_ptr() == two.data_ptr()


def test_what_is_more_than_data_is_refused() -> None:
    for value, name in [
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        ({"model": torch.nn.ReLU()}, "torch.nn.modules.activation.ReLU"),
        (torch.ones(2).to_sparse(), "torch._utils._rebuild_sparse_tensor"),
        ({"best": np.float64(1.0)}, "numpy"),
    ]:
        with pytest.raises(ValueError, match=rf"contains {name}.*torch\.save\(model\.state_dict\(\), path\)"):
            read_here(value)
    with pytest.raises(ValueError, match=r"before 1\.6"):
        read_here(torch.ones(2), _use_new_zipfile_serialization=False)
