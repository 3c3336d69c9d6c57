"""Resizing to any sizes, and its layers, as PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

BOTH = (minigrad, torch)


def numpy(t: Any) -> np.ndarray:
    return np.array(t.detach().tolist()).reshape(tuple(t.shape))


def compare(x: np.ndarray, **keywords: Any) -> None:
    """`interpolate` and its gradient; where PyTorch raises, so does minigrad.

    With a factor that is rounded down, PyTorch's gradients of 'bicubic' and, but for images, of 'nearest' are not
    those of its values.
    """
    mode = keywords["mode"]
    values_only = "scale_factor" in keywords and (mode == "bicubic" or mode == "nearest" and x.ndim != 4)
    results: list[Any] = []
    for m in BOTH:
        t = m.tensor(x, requires_grad=True)
        try:
            y = m.nn.functional.interpolate(t, **keywords)
            y.backward(m.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape)).astype(x.dtype)))
        except (RuntimeError, ValueError) as error:
            results.append(error)
            continue
        results.append([y] if values_only else [y, t.grad])
    ours, theirs = results
    assert isinstance(ours, Exception) == isinstance(theirs, Exception), f"{ours} is not {theirs}"
    tolerance = 1e-9 if x.dtype == np.float64 else 1e-4
    if not isinstance(ours, Exception):
        for found, wanted in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(numpy(found), numpy(wanted), rtol=tolerance, atol=tolerance)


FACTORS = st.one_of(st.sampled_from((0.5, 2.0, 3.0, 1.5, 1 / 3)), st.floats(0.3, 3))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([("nearest", 1), ("nearest", 2), ("nearest", 3), ("nearest-exact", 2), ("area", 2), ("linear", 1)])
    | st.sampled_from([("bilinear", 2), ("bilinear", 2), ("trilinear", 3), ("bicubic", 2)]),
    st.lists(st.integers(1, 9), min_size=3, max_size=3),
    st.none() | st.lists(st.integers(1, 12), min_size=3, max_size=3),
    st.lists(FACTORS, min_size=3, max_size=3),
    st.sampled_from((None, False, True)),
    st.booleans(),
    st.sampled_from(("float32", "float64")),
)
def test_any_interpolation(
    mode: Any, old: Any, new: Any, factors: Any, align_corners: Any, recompute: bool, dtype: str
) -> None:
    name, ndim = mode
    x = np.random.default_rng(0).standard_normal((1, 2, *old[:ndim])).astype(dtype)
    keywords: dict[str, Any] = {"mode": name}
    if new is not None:
        keywords["size"] = tuple(new[:ndim])
    else:
        keywords |= {"scale_factor": tuple(factors[:ndim]), "recompute_scale_factor": recompute}
    if "linear" in name or name == "bicubic":
        keywords["align_corners"] = align_corners
    compare(x, **keywords)


def test_large_sizes() -> None:
    x = np.random.default_rng(0).standard_normal((1, 1, 57, 91)).astype(np.float32)
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        for keywords in ({"size": (131, 44)}, {"scale_factor": 1.7}, {"scale_factor": 0.31}, {"scale_factor": 4}):
            compare(x, mode=mode, **keywords)


ROUNDED = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "linear": (1,), "bilinear": (2,), "trilinear": (3,)}


@pytest.mark.parametrize("mode, ndim", [(mode, n) for mode, dims in ROUNDED.items() for n in dims] + [("bicubic", 2)])
def test_factors_that_are_rounded_down(mode: str, ndim: int) -> None:
    x = np.random.default_rng(0).standard_normal((1, 1, *[4] * ndim))
    for factor in (1.1, 1.2, 2.1, 2.2, 0.9):
        compare(x, mode=mode, scale_factor=factor)


LAYERS = """
Upsample(scale_factor=2)
Upsample(size=(7, 3), mode='bilinear', align_corners=True)
Upsample(scale_factor=(2, 1.5), mode='nearest-exact')
UpsamplingNearest2d(scale_factor=2)
UpsamplingNearest2d(size=(3, 3))
UpsamplingBilinear2d(scale_factor=1.5)
PixelShuffle(2)
PixelUnshuffle(2)
ChannelShuffle(2)
Unfold(2, stride=2)
Unfold((1, 2), 1, (0, 1))
Fold((3, 7), (2, 4))
""".strip().splitlines()


@pytest.mark.parametrize("text", LAYERS)
def test_layers(text: str) -> None:
    ours, theirs = (eval(f"nn.{text}", {"nn": m.nn}) for m in BOTH)
    assert repr(ours) == repr(theirs)
    shape = (2, 8, 8) if text.startswith("Fold") else (2, 8, 4, 6)
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    np.testing.assert_allclose(numpy(ours(minigrad.tensor(x))), numpy(theirs(torch.tensor(x))), rtol=1e-5, atol=1e-6)


def test_integers_have_nearest_neighbours() -> None:
    x = np.arange(6, dtype=np.uint8).reshape(1, 1, 2, 3)
    ours, theirs = (m.nn.functional.interpolate(m.tensor(x), scale_factor=2) for m in BOTH)
    np.testing.assert_array_equal(numpy(ours), numpy(theirs))
    assert str(ours.dtype) == "uint8"
