"""`grid_sample` and `affine_grid`: values and gradients of all modes, also of places far outside, as PyTorch's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from cases import each

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

MODES = [(2, "bilinear"), (2, "nearest"), (2, "bicubic"), (3, "bilinear"), (3, "nearest")]
PADDINGS = ("zeros", "border", "reflection")
SIZES = [(4, 5, 3), (1, 3, 2), (2, 1, 1)]


@each("mode, padding, aligned, sizes", [(*c,) for c in itertools.product(MODES, PADDINGS, (False, True), SIZES)])
def test_grid_sample(mode: tuple[int, str], padding: str, aligned: bool, sizes: tuple[int, ...]) -> None:
    dims, name = mode
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, *sizes[:dims]))
    grid = rng.uniform(-2.5, 2.5, size=(2, *(3, 4, 2)[:dims], dims))
    results: list[Any] = []
    for m in (minigrad, torch):
        a, b = m.tensor(x, requires_grad=True), m.tensor(grid, requires_grad=True)
        y = m.nn.functional.grid_sample(a, b, mode=name, padding_mode=padding, align_corners=aligned)
        (y * y.sin()).sum().backward()
        results.append([y.detach().numpy(), a.grad.numpy(), np.zeros(1) if name == "nearest" else b.grad.numpy()])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@each("dims, size", [(2, (2, 1, 3, 4)), (2, (2, 3, 2, 2)), (3, (2, 1, 2, 3, 4))])
def test_a_map_moves_an_image(dims: int, size: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    theta, x = rng.normal(size=(2, dims, dims + 1)), rng.normal(size=(2, 1, *(5, 4, 3)[:dims]))
    results: list[Any] = []
    for m in (minigrad, torch):
        t = m.tensor(theta, requires_grad=True)
        grid = m.nn.functional.affine_grid(t, size, align_corners=False)
        m.nn.functional.grid_sample(m.tensor(x), grid, align_corners=False).sum().backward()
        results.append([grid.detach().numpy(), t.grad.numpy()])
    for ours, theirs in zip(*results):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@each(
    "x, grid, options",
    [
        ((1, 1, 2, 2), (2, 1, 1, 2), {}),
        ((1, 1, 2, 2), (1, 1, 1, 3), {}),
        ((1, 2, 2), (1, 1, 1, 2), {}),
        ((1, 1, 2, 2), (1, 1, 1, 2), {"mode": "cubic"}),
        ((1, 1, 2, 2), (1, 1, 1, 2), {"padding_mode": "reflect"}),
        ((1, 1, 2, 2, 2), (1, 1, 1, 1, 3), {"mode": "bicubic"}),
        ((1, 1, 0, 2), (1, 1, 1, 2), {}),
    ],
)
def test_what_pytorch_refuses(x: tuple[int, ...], grid: tuple[int, ...], options: dict[str, Any]) -> None:
    options = {"align_corners": False, **options}
    for m in (minigrad, torch):
        with pytest.raises((ValueError, RuntimeError)):
            m.nn.functional.grid_sample(m.zeros(*x), m.zeros(*grid), **options)
