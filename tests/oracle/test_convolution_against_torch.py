"""Convolutions of any geometry, and their layers, as PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.primitives import kernels

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

BOTH = (minigrad, torch)


def numpy(t: Any) -> np.ndarray:
    return np.array(t.detach().tolist()).reshape(tuple(t.shape))


def compare(function: str, arrays: list[np.ndarray], **keywords: Any) -> None:
    """Values and gradients of a function of nn.functional; where PyTorch raises, so does minigrad."""
    results = []
    for m in BOTH:
        xs = [m.tensor(a, requires_grad=True) for a in arrays]
        try:
            y = getattr(m.nn.functional, function)(*xs, **keywords)
        except (RuntimeError, ValueError) as error:
            results.append(type(error))
            continue
        u = m.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape)))
        gradients = (torch.autograd if m is torch else minigrad).grad(y, xs, u)
        results.append([y, *gradients])
    ours, theirs = results
    assert isinstance(ours, type) == isinstance(theirs, type), f"{ours} is not {theirs}"
    if not isinstance(ours, type):
        for found, wanted in zip(ours, theirs):
            np.testing.assert_allclose(numpy(found), numpy(wanted), rtol=1e-9, atol=1e-9)


CHUNKS = st.sampled_from((1 << 22, 1 << 12, 1 << 10, 1))
"""Bytes of windows that are looked at together: all of them, or some images, or some lines, or one."""


@st.composite
def geometries(draw: Any, transposed: bool = False, plain: bool = False) -> Any:
    ndim = 2 if plain else draw(st.sampled_from((1, 2, 2, 2, 3)))
    few = st.integers(1, 3)

    def each(number: Any) -> Any:
        return draw(st.one_of(number, st.tuples(*[number] * ndim)))

    groups = draw(few)
    outer, inner = groups * draw(few), draw(few)
    channels = inner * groups if not transposed else outer
    batch = draw(st.sampled_from([(3,), (1,)] if plain else [(), (1,), (3,)]))
    sizes = [draw(st.integers(1, 9 if ndim < 3 else 4)) for _ in range(ndim)]
    weight = outer, inner, *[draw(st.integers(1, 4)) for _ in range(ndim)]
    keywords = {"stride": each(few), "padding": each(st.integers(0, 2)), "dilation": each(few), "groups": groups}
    shapes = [(*batch, channels, *sizes), weight]
    if draw(st.booleans()):
        shapes.append((inner * groups if transposed else outer,))
    if transposed:
        keywords["output_padding"] = each(st.integers(0, 2))
    return ndim, [np.random.default_rng(0).standard_normal(s) for s in shapes], keywords


@settings(max_examples=150, deadline=None)
@given(geometries(), CHUNKS)
def test_any_convolution(drawn: Any, chunk: int) -> None:
    ndim, arrays, keywords = drawn
    with mock.patch.object(kernels.convolution, "_CHUNK", chunk):
        compare(f"conv{ndim}d", arrays, **keywords)


@settings(max_examples=150, deadline=None)
@given(geometries(transposed=True), CHUNKS)
def test_any_transposed_convolution(drawn: Any, chunk: int) -> None:
    ndim, arrays, keywords = drawn
    with mock.patch.object(kernels.convolution, "_CHUNK", chunk):
        compare(f"conv_transpose{ndim}d", arrays, **keywords)


@settings(max_examples=100, deadline=None)
@given(geometries(plain=True), CHUNKS)
def test_any_unfold(drawn: Any, chunk: int) -> None:
    _, arrays, keywords = drawn
    kernel, size = arrays[1].shape[2:], arrays[0].shape[2:]
    keywords = {"kernel_size": kernel, **{k: v for k, v in keywords.items() if k != "groups"}}
    with mock.patch.object(kernels.convolution, "_CHUNK", chunk):
        compare("unfold", arrays[:1], **keywords)
        try:
            columns = torch.nn.functional.unfold(torch.tensor(arrays[0]), **keywords)
        except RuntimeError:
            return  # no window fits
        compare("fold", [columns.numpy()], output_size=size, **keywords)


LAYERS = """
Conv2d(3, 4, 3)
Conv2d(4, 6, (3, 2), stride=2, padding=(1, 0), dilation=(1, 2), groups=2, bias=False)
Conv2d(3, 4, 4, padding='same')
Conv2d(3, 4, 3, padding='valid')
Conv2d(3, 4, 3, padding=1, padding_mode='reflect')
Conv2d(3, 4, (2, 3), padding='same', padding_mode='replicate')
Conv2d(3, 4, 3, 2, 2, padding_mode='circular')
Conv2d(3, 4, 3, padding='valid', padding_mode='circular')
Conv1d(3, 4, 3, padding=1)
Conv1d(3, 3, (2,), groups=3, padding='same', padding_mode='circular')
Conv3d(2, 4, 2, stride=(1, 2, 1), padding=(0, 1, 0))
ConvTranspose1d(2, 4, 3, 2, 1, 1)
ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=(1, 0), groups=2)
ConvTranspose2d(3, 4, 2, bias=False, dilation=2)
ConvTranspose3d(2, 3, 2, stride=2)
LazyConv1d(4, 3)
LazyConv2d(4, 3, padding=1, groups=2)
LazyConvTranspose2d(4, 3, 2, groups=2, bias=False)
""".strip().splitlines()


@pytest.mark.parametrize("text", LAYERS)
def test_layers(text: str) -> None:
    """The same repr, the same state under the same names, the same result, batched and not."""
    ours, theirs = (eval(f"nn.{text}", {"nn": m.nn}) for m in BOTH)
    assert repr(ours) == repr(theirs)
    ndim = int(text[text.index("d(") - 1])
    channels = 4 if "Lazy" in text else ours.in_channels
    x = np.random.default_rng(0).standard_normal((2, channels, *[6] * ndim)).astype(np.float32)
    with warnings.catch_warnings(action="ignore"):  # PyTorch's, that a padding needs a copy
        theirs(torch.tensor(x))
    ours(minigrad.tensor(x))
    assert repr(ours) == repr(theirs)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    bound = float(np.prod(ours.weight.shape[1:]) ** -0.5)
    for p in ours.parameters():
        assert abs(p.detach().numpy()).max() <= bound
    if ours.weight.numel() > 30:
        assert abs(ours.weight.detach().numpy()).max() > 0.7 * bound
    ours.load_state_dict(theirs.state_dict())
    for batch in (x, x[0]):
        found, wanted = ours(minigrad.tensor(batch)), theirs(torch.tensor(batch))
        np.testing.assert_allclose(numpy(found), numpy(wanted), rtol=1e-5, atol=1e-5)


def test_output_size() -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 4, 3)).astype(np.float32)
    ours, theirs = (m.nn.ConvTranspose2d(2, 3, 3, stride=(2, 3), padding=1) for m in BOTH)
    ours.load_state_dict(theirs.state_dict())
    for size in ((7, 7), (8, 9), (1, 3, 8, 8)):
        found, wanted = ours(minigrad.tensor(x), output_size=size), theirs(torch.tensor(x), output_size=size)
        np.testing.assert_allclose(numpy(found), numpy(wanted), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"\(7, 7\) to \(8, 9\)"):
        ours(minigrad.tensor(x), output_size=(9, 7))


@st.composite
def paddings(draw: Any) -> Any:
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=ndim + 1, max_size=ndim + 2)))
    mode = draw(st.sampled_from(("constant", "reflect", "replicate", "circular")))
    return shape, tuple(draw(st.lists(st.integers(-2, 4), min_size=2 * ndim, max_size=2 * ndim))), mode


@settings(max_examples=200, deadline=None)
@given(paddings())
def test_any_padding(drawn: Any) -> None:
    shape, numbers, mode = drawn
    x = np.random.default_rng(0).standard_normal(shape)
    if mode != "constant":
        pairs = [(n, numbers[2 * i], numbers[2 * i + 1]) for i, n in enumerate(shape[::-1][: len(numbers) // 2])]
        if any(n + before + after < 1 for n, before, after in pairs):
            return  # PyTorch refuses results without elements
        if mode == "circular" and any(max(p[1:]) > p[0] + sum(min(n, 0) for n in p[1:]) for p in pairs):
            return  # PyTorch gives memory that nobody has written to
    compare("pad", [x], pad=numbers, mode=mode)


@pytest.mark.parametrize("mode", ["Zero", "Constant", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_padding_layers(mode: str, ndim: int) -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 4, 3, 5)[: ndim + 2]).astype(np.float32)
    for padding in (1, tuple(range(2 * ndim))[::-1] if ndim == 1 else (1, 2, 0, 1, 2, 1)[: 2 * ndim]):
        more = (2.5,) * (mode == "Constant")
        ours, theirs = (getattr(m.nn, f"{mode}Pad{ndim}d")(padding, *more) for m in BOTH)
        assert repr(ours) == repr(theirs)
        np.testing.assert_array_equal(numpy(ours(minigrad.tensor(x))), numpy(theirs(torch.tensor(x))))
