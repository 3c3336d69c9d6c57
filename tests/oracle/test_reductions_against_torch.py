"""Reductions against PyTorch where the table of operations does not reach: ties, nan, indices, first derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

inf, nan = float("inf"), float("nan")
POINTS = {
    "plain": [[0.5, -1.5, 2.0, 0.25], [3.0, 1.0, -0.5, 4.0]],
    "ties": [[1.0, 2.0, 2.0, 1.0], [0.0, 0.0, 3.0, 0.0]],
    "nan": [[1.0, nan, 2.0, 0.5], [0.0, 5.0, nan, nan]],
    "inf": [[inf, 1.0, -2.0, 0.0], [-inf, 1.0, inf, 2.0]],
    "one": [[2.0]],
    "empty": np.zeros((2, 0)),
}
FINITE = ("plain", "ties", "one")
EXPRESSIONS = """
x.var()
x.var(1)
x.std(1, False)
x.std(1, correction=0)
x.std(0, True, True)
x.var(correction=2)
x.prod()
x.prod(1)
x.prod(0, keepdim=True)
x.cumsum(1)
x.cumprod(1)
x.logcumsumexp(1)
x.cov()
x.cov(correction=0)
x.corrcoef()
x.median()
x.nanmedian()
x.cummax(1).values
x.cummin(1).values
x.nansum(1)
x.nanmean(1)
x.aminmax().max
x.aminmax(dim=1).min
x.norm(dim=1)
x.norm(1, 1)
x.norm(inf, 1)
x.norm(3, 1)
x.norm(1.5, 1)
x.norm(0.5, 1)
x.norm(0, 1) + x.sum()
x.norm(-inf, 1)
(x * 0).norm(dim=1)
(x * 0).norm(3, dim=1)
(x * 0).norm(1.5, dim=1)
x.diff(dim=1)
m.cdist(x, x[:1] + 1)
m.cdist(x, x[:1] + 1, 1)
m.cdist(x, x[:1] + 1, 3)
m.cdist(x, x[:1], inf)
""".strip().splitlines()


def tensor(m: Any, array: Any, requires_grad: bool = False) -> Any:
    return m.tensor(np.array(array, np.float64), requires_grad=requires_grad)


def numpy(t: Any) -> np.ndarray:
    t = t.detach()
    return np.array(t.numpy())


@pytest.mark.parametrize("text", EXPRESSIONS)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore:var:UserWarning", "ignore:std:UserWarning", "ignore:cov:UserWarning"
)
def test_values_and_gradients(text: str, point: str) -> None:
    if text.startswith("m.cdist(x, x[:1], inf)") and point in ("nan", "inf"):
        pytest.skip("PyTorch's maximum leaves nan out")
    answers: list[Any] = []
    for m in (torch, minigrad):
        x = tensor(m, POINTS[point], requires_grad=True)
        try:
            y = eval(text, {"x": x, "m": m, "inf": inf})
        except (RuntimeError, IndexError, ValueError):
            if m is minigrad:
                raise
            pytest.skip("PyTorch refuses")
        u = np.random.default_rng(0).uniform(0.5, 1, tuple(y.shape))
        answers.append((numpy(y), None))
        if point in FINITE or "nan" in text and point == "nan":
            y.backward(tensor(m, u))
            answers[-1] = numpy(y), numpy(x.grad)
    for wanted, found in zip(*answers):
        if wanted is not None:
            assert wanted.shape == found.shape
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("point", [p for p in POINTS if p != "empty"])
@pytest.mark.parametrize("name", ["cummax", "cummin", "mode", "nanmedian", "median"])
def test_indices(name: str, point: str) -> None:
    """Among equals, PyTorch's median names any."""
    if name == "mode" and point == "nan" or "median" in name and point == "ties":
        pytest.skip("not defined")
    theirs, ours = (getattr(tensor(m, POINTS[point]), name)(1) for m in (torch, minigrad))
    np.testing.assert_array_equal(numpy(ours.indices), numpy(theirs.indices))
    np.testing.assert_array_equal(numpy(ours.values), numpy(theirs.values))


@pytest.mark.parametrize("point", ["plain", "nan", "one", "ties"])  # from inf to inf, PyTorch finds nan
@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_quantiles(name: str, interpolation: str, point: str) -> None:
    for q in (0.0, 0.3, 0.5, 0.75, 1.0):
        for options in ({}, {"dim": 1}, {"dim": 0, "keepdim": True}, {"keepdim": True}):
            theirs, ours = (
                getattr(tensor(m, POINTS[point]), name)(q, interpolation=interpolation, **options)
                for m in (torch, minigrad)
            )
            with np.errstate(invalid="ignore"):
                np.testing.assert_allclose(numpy(ours), numpy(theirs))
