"""Normalisation layers over several training steps against PyTorch's: outputs, gradients, running statistics, text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

MODULES: list[tuple[str, tuple[int, ...]]] = [
    ("nn.BatchNorm1d(3)", (5, 3)),
    ("nn.BatchNorm1d(3)", (5, 3, 4)),
    ("nn.BatchNorm2d(3, eps=0.1, momentum=0.3)", (5, 3, 2, 4)),
    ("nn.BatchNorm2d(3, momentum=None)", (5, 3, 2, 4)),
    ("nn.BatchNorm2d(3, affine=False)", (5, 3, 2, 4)),
    ("nn.BatchNorm2d(3, track_running_stats=False)", (5, 3, 2, 4)),
    ("nn.BatchNorm2d(3, bias=False)", (5, 3, 2, 4)),
    ("nn.BatchNorm3d(2)", (3, 2, 2, 3, 2)),
    ("nn.LayerNorm(4)", (2, 3, 4)),
    ("nn.LayerNorm([3, 4], eps=0.1)", (2, 3, 4)),
    ("nn.LayerNorm((4,), elementwise_affine=False)", (2, 3, 4)),
    ("nn.LayerNorm(4, bias=False)", (2, 3, 4)),
    ("nn.RMSNorm(4)", (2, 3, 4)),
    ("nn.RMSNorm([3, 4], eps=0.1)", (2, 3, 4)),
    ("nn.RMSNorm(4, elementwise_affine=False)", (2, 3, 4)),
    ("nn.GroupNorm(2, 4)", (3, 4, 5)),
    ("nn.GroupNorm(4, 4, eps=0.1)", (3, 4, 2, 3)),
    ("nn.GroupNorm(1, 4, affine=False)", (3, 4, 2)),
    ("nn.GroupNorm(2, 4, bias=False)", (3, 4, 2)),
    ("nn.InstanceNorm1d(3)", (2, 3, 4)),
    ("nn.InstanceNorm1d(3)", (3, 4)),
    ("nn.InstanceNorm2d(3, affine=True)", (2, 3, 2, 4)),
    ("nn.InstanceNorm2d(3, affine=True, track_running_stats=True)", (2, 3, 2, 4)),
    ("nn.InstanceNorm3d(2, track_running_stats=True, momentum=0.4)", (2, 2, 2, 3, 2)),
]


def steps(m: Any, text: str, shape: tuple[int, ...], dtype: str) -> list[Any]:
    rng = np.random.default_rng(0)
    layer = eval(text, {"nn": m.nn})
    layer = layer.double() if dtype == "float64" else layer
    seen: list[Any] = [repr(layer), sorted(layer.state_dict())]
    for step in range(4):
        if step == 3:
            layer.eval()
        x = m.tensor((rng.standard_normal(shape) * 3 + 100).astype(dtype), requires_grad=True)
        y = layer(x)
        (y * m.tensor(rng.standard_normal(shape).astype(dtype))).sum().backward()
        tensors = [y, x.grad, *[p.grad for p in layer.parameters()], *layer.state_dict().values()]
        seen += [t.detach().numpy().copy() for t in tensors]
        if step == 1:
            for p in layer.parameters():
                p.data += 0.5
    return seen


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("text", "shape"), MODULES)
def test_training_and_evaluating(text: str, shape: tuple[int, ...], dtype: str) -> None:
    ours, theirs = (steps(m, text, shape, dtype) for m in (minigrad, torch))
    for f, w in zip(ours, theirs, strict=True):
        if isinstance(f, np.ndarray):
            assert (f.shape, f.dtype) == (w.shape, w.dtype)
            tolerance = 1e-8 if dtype == "float64" else 2e-3  # of float32, a mean of 100 takes three digits
            np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance)
        else:
            assert f == w


def test_a_large_mean_costs_no_more_digits_than_in_pytorch() -> None:
    x = (np.random.default_rng(0).standard_normal((8, 64)) + 1e4).astype("float32")
    exact = (x.astype(float) - x.astype(float).mean(-1, keepdims=True)) / x.astype(float).std(-1, keepdims=True)
    ours, theirs = (m.nn.functional.layer_norm(m.tensor(x), (64,), eps=0.0).numpy() for m in (minigrad, torch))
    assert np.abs(ours - exact).max() <= max(2 * np.abs(theirs - exact).max(), 1e-3)
