"""The text of tensors is PyTorch's, but for how a dtype is called and which operation made a tensor."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

SHAPES = [(), (1,), (0,), (0, 3), (2, 0, 3), (3,), (17,), (40,), (2, 3), (3, 1, 2), (2, 2, 2, 2), (12, 30), (1001,)]
SHAPES += [(1000,), (40, 30), (7, 7, 30), (2, 600), (600, 2), (3, 4, 5, 40), (7, 150)]
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-5, 1e10, -3.0, 1234.5])


def arrays(rng: np.random.Generator) -> list[np.ndarray]:
    """Numbers of one magnitude, of many, whole ones, with infinities and nans, bools, integers."""
    found = []
    for shape in SHAPES:
        normal = rng.normal(size=shape)
        found += [normal * scale for scale in (1.0, 1e-3, 30.0, 1e4, 1e-7, 1e9)]
        found += [np.round(normal * scale) for scale in (1, 50, 1e4, 1e12)]
        found += [normal * 10.0 ** rng.integers(-6, 7, shape), np.where(rng.random(shape) < 0.2, normal, 0)]
        found += [np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), np.round(normal * 9))]
        found += [np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL[:5], shape), normal)]
        found += [rng.choice(SPECIAL[:5], shape), np.zeros(shape), normal.astype(bool) & (normal > 0)]
        found += [(normal * 100).astype(dtype) for dtype in (np.int64, np.int32, np.int8)]
        found += [np.abs(normal * 50).astype(np.uint8)]
    return [np.asarray(a) for a in found]


def texts(a: np.ndarray, requires_grad: bool = False) -> tuple[str, str]:
    t: Any = torch.from_numpy(a.copy())
    wanted = repr(t.requires_grad_() if requires_grad else t)
    return repr(minigrad.from_numpy(a.copy()).requires_grad_(requires_grad)), wanted


def plain(text: str) -> str:
    """Without the notes about the dtype, whose length decides where their line ends."""
    return re.sub(r",\s+dtype=(torch\.)?\w+", "", text)


OPTIONS: list[dict[str, Any]] = [
    {"profile": "default"},
    {"profile": "short"},
    {"profile": "full", "linewidth": 100},
    {"precision": 7},
    {"precision": 0},
    {"sci_mode": True},
    {"sci_mode": False},
    {"linewidth": 40, "edgeitems": 1, "threshold": 20},
    {"edgeitems": 0, "threshold": 20},
    {"linewidth": 3},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_texts(options: dict[str, Any]) -> None:
    try:
        for module in (minigrad, torch):
            module.set_printoptions(**options)
        rng = np.random.default_rng(0)
        for array in arrays(rng):
            for a in (array, array.astype(np.float32)) if array.dtype == np.float64 else (array,):
                found, wanted = texts(a)
                assert plain(found) == plain(wanted)
                if a.dtype in (np.float32, np.int64, bool) and a.size:
                    assert found == wanted
                if a.dtype == np.float32:
                    found, wanted = texts(a, requires_grad=True)
                    assert found == wanted
    finally:
        for module in (minigrad, torch):
            module.set_printoptions(profile="default")


def test_results_and_formats() -> None:
    for x in (1.5, 0.1, 1e10, True, 3):
        t, u = minigrad.tensor(x), torch.tensor(x)
        assert f"{t}" == f"{u}" and str(t) == str(u)
    assert f"{minigrad.tensor(0.123456):.3f}" == f"{torch.tensor(0.123456):.3f}" == "0.123"
    assert f"{minigrad.tensor([1.0, 2.0])}" == f"{torch.tensor([1.0, 2.0])}"
    for module in (minigrad, torch):
        with pytest.raises(TypeError):
            f"{module.tensor([1.0]):.2f}"


def test_the_default_dtype_goes_unsaid() -> None:
    for module in (minigrad, torch):
        module.set_default_dtype(module.float64)
    try:
        assert repr(minigrad.ones(2)) == repr(torch.ones(2)) == "tensor([1., 1.])"
        assert repr(minigrad.ones(2).float()) == repr(torch.ones(2).float()).replace("torch.", "")
    finally:
        for module in (minigrad, torch):
            module.set_default_dtype(module.float32)
