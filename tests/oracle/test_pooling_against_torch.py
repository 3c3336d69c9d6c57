"""Pooling with windows of any geometry, and its layers, as PyTorch's."""

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
inf, nan = float("inf"), float("nan")


def numpy(t: Any) -> np.ndarray:
    return np.array(t.detach().tolist()).reshape(tuple(t.shape))


def compare(function: str, x: np.ndarray, **keywords: Any) -> None:
    """Values, indices and gradient; where PyTorch raises, so does minigrad."""
    results = []
    for m in BOTH:
        t = m.tensor(x, requires_grad=True)
        try:
            y = getattr(m.nn.functional, function)(t, **keywords)
        except (RuntimeError, ValueError) as error:
            results.append(error)
            continue
        y, *where = y if isinstance(y, tuple) else (y,)
        u = m.tensor(np.random.default_rng(1).standard_normal(tuple(y.shape)))
        y.backward(u)
        results.append([y, *where, t.grad])
    ours, theirs = results
    assert isinstance(ours, Exception) == isinstance(theirs, Exception), f"{ours} is not {theirs}"
    if not isinstance(ours, Exception):
        for found, wanted in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(numpy(found), numpy(wanted), rtol=1e-9, atol=1e-9)


@st.composite
def drawn(draw: Any) -> Any:
    """The number of dimensions, an array with many ties, and the keywords of all pools."""
    ndim = draw(st.sampled_from((1, 2, 2, 3)))
    few = st.integers(1, 3)

    def each(number: Any) -> Any:
        return draw(st.one_of(number, st.tuples(*[number] * ndim)))

    shape = draw(st.sampled_from([(2,), (2, 1)])) + tuple(draw(st.integers(1, 8)) for _ in range(ndim))
    x = np.random.default_rng(draw(st.integers(0, 3))).integers(0, 4, shape).astype(float)
    keywords = {"kernel_size": each(few), "padding": each(st.integers(0, 1)), "ceil_mode": draw(st.booleans())}
    return ndim, x, {**keywords, "stride": draw(st.none()) or each(few)}


@settings(max_examples=150, deadline=None)
@given(drawn(), st.integers(1, 3))
def test_any_max_pool(drawn: Any, dilation: int) -> None:
    ndim, x, keywords = drawn
    padding, size = (np.broadcast_to(n, ndim) for n in (keywords["padding"], x.shape[-ndim:]))
    if dilation > 1 and ((padding > 0) & (size < 2 * dilation)).any():
        return  # a window may meet nothing but padding: PyTorch gives an index that there is not
    compare(f"max_pool{ndim}d", x, **keywords, dilation=dilation, return_indices=True)


@settings(max_examples=150, deadline=None)
@given(drawn(), st.booleans(), st.sampled_from((None, 1, 3)))
def test_any_avg_pool(drawn: Any, count_include_pad: bool, divisor: int | None) -> None:
    ndim, x, keywords = drawn
    more = {"divisor_override": divisor} if ndim > 1 else {}
    if ndim == 3 and (np.array(keywords["kernel_size"]) > x.shape[-3:]).any():
        return  # PyTorch has a value, but no gradient
    compare(f"avg_pool{ndim}d", x, **keywords, count_include_pad=count_include_pad, **more)


@settings(max_examples=100, deadline=None)
@given(drawn(), st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_any_adaptive_pool(drawn: Any, sizes: list[int]) -> None:
    ndim, x, _ = drawn
    compare(f"adaptive_max_pool{ndim}d", x, output_size=sizes[:ndim], return_indices=True)
    compare(f"adaptive_avg_pool{ndim}d", x, output_size=sizes[:ndim])


@pytest.mark.parametrize(
    "x",
    [[[nan, 1.0, 2.0, nan], [0.0, nan, 3.0, 1.0]], [[-inf] * 4, [-inf] * 4], [[inf, inf, -inf, nan], [1.0, 2.0] * 2]],
    ids=str,
)
def test_numbers_that_are_none(x: Any) -> None:
    x = np.array([x])
    compare("max_pool2d", x, kernel_size=2, return_indices=True)
    compare("max_pool2d", x, kernel_size=2, stride=1, padding=1, return_indices=True)
    with np.errstate(invalid="ignore"):  # inf - inf
        compare("avg_pool2d", x, kernel_size=2, stride=1)


def test_unpooling_puts_the_maxima_back() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 6))
    for m in BOTH:
        pool, unpool = m.nn.MaxPool2d(2, 2, return_indices=True), m.nn.MaxUnpool2d(2, 2)
        back = unpool(*pool(m.tensor(x)), output_size=x.shape)
        again = pool(back)[0]
        np.testing.assert_array_equal(numpy(again.relu()), numpy(pool(m.tensor(x))[0].relu()))
        if m is minigrad:
            ours = numpy(back)
    np.testing.assert_array_equal(ours, numpy(back))


LAYERS = """
MaxPool1d(2)
MaxPool2d(2)
MaxPool2d((3, 2), stride=(2, 1), padding=1, ceil_mode=True)
MaxPool2d(3, 1, 1, 1)
MaxPool3d(2, dilation=2)
AvgPool1d(2)
AvgPool2d(3, 2, 1, count_include_pad=False)
AvgPool2d((2, 1), ceil_mode=True, divisor_override=2)
AvgPool3d(2)
LPPool1d(2, 3)
LPPool2d(2, 3, stride=2)
LPPool3d(1, 2, ceil_mode=True)
AdaptiveAvgPool1d(3)
AdaptiveAvgPool2d(1)
AdaptiveAvgPool2d((None, 3))
AdaptiveAvgPool3d((1, 2, 3))
AdaptiveMaxPool1d(2)
AdaptiveMaxPool2d((2, 4))
AdaptiveMaxPool3d(2)
LocalResponseNorm(3)
LocalResponseNorm(2, alpha=0.1, beta=0.5, k=2.0)
""".strip().splitlines()


@pytest.mark.parametrize("text", LAYERS)
def test_layers(text: str) -> None:
    ours, theirs = (eval(f"nn.{text}", {"nn": m.nn}) for m in BOTH)
    assert repr(ours) == repr(theirs)
    ndim = int(text[text.index("d(") - 1]) if "d(" in text else 2
    x = np.random.default_rng(0).uniform(0.5, 2, (2, 3, 7, 6, 5)[: ndim + 2]).astype(np.float32)
    np.testing.assert_allclose(numpy(ours(minigrad.tensor(x))), numpy(theirs(torch.tensor(x))), rtol=1e-5)


def test_indices_on_request() -> None:
    x = np.random.default_rng(0).standard_normal((1, 4, 4))
    for text in ("MaxPool2d(2, return_indices=True)", "AdaptiveMaxPool2d(2, return_indices=True)"):
        ours, theirs = (eval(f"nn.{text}", {"nn": m.nn})(m.tensor(x)) for m in BOTH)
        np.testing.assert_array_equal(numpy(ours[1]), numpy(theirs[1]))
        assert str(ours[1].dtype) == "int64"
    assert repr(minigrad.nn.MaxUnpool2d(2)) == repr(torch.nn.MaxUnpool2d(2))
