"""A model trained in PyTorch loads, under the same names, and computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore:The PyTorch API of nested")]


def test_a_state_of_pytorch_loads() -> None:
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Sequential(torch.nn.Linear(4, 2, bias=False))
    )
    ours = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Sequential(nn.Linear(4, 2, bias=False)))
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        ours(minigrad.tensor(x)).detach(), theirs(torch.tensor(x)).detach(), rtol=1e-6, atol=1e-6
    )


MODELS: list[tuple[str, tuple[int, ...]]] = [
    (
        "nn.Sequential(nn.Conv2d(3, 8, 3, padding='same'), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),"
        " nn.Conv2d(8, 4, 3, 2, 1, groups=2), nn.GroupNorm(2, 4), nn.PReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),"
        " nn.Linear(4, 2))",
        (2, 3, 8, 8),
    ),
    ("nn.Sequential(nn.ConvTranspose2d(2, 3, 3, 2), nn.InstanceNorm2d(3, affine=True), nn.ELU())", (2, 2, 4, 4)),
    ("nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)", (2, 5, 3)),
    ("nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2, nn.LayerNorm(8))", (2, 5, 8)),
]


@pytest.mark.parametrize("form", ["npz", "safetensors"])
@pytest.mark.parametrize(("text", "shape"), MODELS, ids=[text[:40] for text, _ in MODELS])
def test_models_trained_in_pytorch_load_and_go_back(text: str, shape: Any, form: str, tmp_path: Path) -> None:
    theirs = eval(text, {"nn": torch.nn}).train()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(3):  # so that running statistics and weights have moved
        out = theirs(torch.randn(shape))
        (out[0] if isinstance(out, tuple) else out).square().mean().backward()
        optimizer.step()
    file, back = tmp_path / f"model.{form}", tmp_path / f"back.{form}"
    arrays = {name: t.numpy() for name, t in theirs.state_dict().items()}
    if form == "npz":
        np.savez(file, **arrays)
    else:
        pytest.importorskip("safetensors.numpy", reason="safetensors is not installed").save_file(arrays, file)
    ours = eval(text, {"nn": minigrad.nn})
    ours.load_state_dict(minigrad.load(file))
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    answers = []
    for m, model in ((minigrad, ours), (torch, theirs)):
        out = model.eval()(m.tensor(x))
        answers.append((out[0] if isinstance(out, tuple) else out).detach().numpy())
    np.testing.assert_allclose(*answers, rtol=1e-4, atol=1e-5)
    minigrad.save(ours.state_dict(), back)
    found = minigrad.load(back)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name].numpy(), array)
    theirs.load_state_dict({name: torch.tensor(t.numpy()) for name, t in found.items()})
