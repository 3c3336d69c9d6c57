"""Derivatives of order 1 to 4 against those that mpmath computes with 40 digits, at 0, at 1 and -1, and near 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.nn import functional as F

mpmath = pytest.importorskip("mpmath", reason="mpmath has the right values; PyTorch brings it, or: pip install mpmath")
mp = mpmath.mp

ALL = (0.0, 1.0, -1.0, 0.5, -0.5, 1e-3, -1e-3, 2.0, -3.0)
INNER = (0.0, 0.5, -0.5, 1e-3, -0.9)
POSITIVE = (1.0, 0.5, 2.0, 1e-2)
NOT_0 = (1.0, -1.0, 0.5, -2.0)
HALF = (0.5, 0.25, 1e-2, 0.99)


def like(x: Any, value: float) -> Any:
    return minigrad.full_like(x.detach(), value)


def method(name: str) -> Callable[[Any], Any]:
    return lambda x: getattr(x, name)()


def softplus(x: Any) -> Any:
    return mp.log(1 + mp.exp(x))


def tanh_gelu(x: Any) -> Any:
    return x * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3))) / 2


# the function of a Tensor, that of a number of mpmath, and the points
SMOOTH: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], tuple[float, ...]]] = {
    "sinc": (method("sinc"), lambda x: mp.sincpi(x), (*ALL, 2.5, 30.25)),
    "softplus": (F.softplus, softplus, ALL),
    "softplus beta": (lambda x: F.softplus(x, 3.0), lambda x: softplus(3 * x) / 3, ALL),
    "logsigmoid": (F.logsigmoid, lambda x: -softplus(-x), ALL),
    "logaddexp": (lambda x: x.logaddexp(like(x, 1.0)), lambda x: mp.log(mp.exp(x) + mp.e), ALL),
    "logaddexp of equals": (lambda x: x.logaddexp(x), lambda x: x + mp.log(2), ALL),
    "logaddexp of opposites": (lambda x: x.logaddexp(-x), lambda x: mp.log(2 * mp.cosh(x)), ALL),
    "binary_cross_entropy_with_logits": (
        lambda x: F.binary_cross_entropy_with_logits(x, like(x, 0.25), reduction="none"),
        lambda x: softplus(x) - x / 4,
        ALL,
    ),
    "soft_margin_loss": (lambda x: F.soft_margin_loss(x, like(x, -1.0), reduction="none"), softplus, ALL),
    "multilabel_soft_margin_loss": (
        lambda x: F.multilabel_soft_margin_loss(x.unsqueeze(1), like(x, 1.0).unsqueeze(1), reduction="none"),
        lambda x: softplus(-x),
        ALL,
    ),
    "cross_entropy": (
        lambda x: F.cross_entropy(
            minigrad.stack([x, x * 0], 1), minigrad.zeros(*x.shape, dtype=minigrad.int64), reduction="none"
        ),
        lambda x: softplus(-x),
        ALL,
    ),
    "poisson_nll_loss": (
        lambda x: F.poisson_nll_loss(x, like(x, 2.0), reduction="none"),
        lambda x: mp.exp(x) - 2 * x,
        ALL,
    ),
    "sigmoid": (method("sigmoid"), lambda x: 1 / (1 + mp.exp(-x)), ALL),
    "tanh": (method("tanh"), mp.tanh, ALL),
    "tanhshrink": (F.tanhshrink, lambda x: x - mp.tanh(x), ALL),
    "gelu": (F.gelu, lambda x: x * mp.ncdf(x), ALL),
    "gelu tanh": (lambda x: F.gelu(x, "tanh"), tanh_gelu, ALL),
    "silu": (F.silu, lambda x: x / (1 + mp.exp(-x)), ALL),
    "mish": (F.mish, lambda x: x * mp.tanh(softplus(x)), ALL),
    "softsign": (F.softsign, lambda x: x / (1 + abs(x)), NOT_0),
    "elu": (lambda x: F.elu(x, 2.0), lambda x: x if x > 0 else 2 * mp.expm1(x), NOT_0),
    "celu": (lambda x: F.celu(x, 2.0), lambda x: x if x > 0 else 2 * mp.expm1(x / 2), NOT_0),
    "erf": (method("erf"), mp.erf, ALL),
    "erfc": (method("erfc"), mp.erfc, ALL),
    "erfinv": (method("erfinv"), mp.erfinv, INNER),
    "ndtr": (minigrad.special.ndtr, mp.ncdf, ALL),
    "exp": (method("exp"), mp.exp, ALL),
    "exp2": (method("exp2"), lambda x: mp.mpf(2) ** x, ALL),
    "expm1": (method("expm1"), mp.expm1, ALL),
    "log": (method("log"), mp.log, POSITIVE),
    "log2": (method("log2"), lambda x: mp.log(x, 2), POSITIVE),
    "log10": (method("log10"), mp.log10, POSITIVE),
    "log1p": (method("log1p"), mp.log1p, (0.0, 1.0, -0.5, 1e-3)),
    "logit": (method("logit"), lambda x: mp.log(x / (1 - x)), HALF),
    "sqrt": (method("sqrt"), mp.sqrt, POSITIVE),
    "rsqrt": (method("rsqrt"), lambda x: 1 / mp.sqrt(x), POSITIVE),
    "reciprocal": (method("reciprocal"), lambda x: 1 / x, NOT_0),
    "sin": (method("sin"), mp.sin, ALL),
    "cos": (method("cos"), mp.cos, ALL),
    "tan": (method("tan"), mp.tan, ALL),
    "asin": (method("asin"), mp.asin, INNER),
    "acos": (method("acos"), mp.acos, INNER),
    "atan": (method("atan"), mp.atan, ALL),
    "sinh": (method("sinh"), mp.sinh, ALL),
    "cosh": (method("cosh"), mp.cosh, ALL),
    "asinh": (method("asinh"), mp.asinh, ALL),
    "acosh": (method("acosh"), mp.acosh, (1.5, 2.0)),
    "atanh": (method("atanh"), mp.atanh, INNER),
    "square": (method("square"), lambda x: x * x, ALL),
    "abs": (method("abs"), abs, NOT_0),
    **{f"pow {p}": (lambda x, p=p: x**p, lambda x, p=p: x**p, ALL) for p in (0, 1, 2, 3, 4, 5)},
    **{f"pow {p}": (lambda x, p=p: x**p, lambda x, p=p: x ** mp.mpf(p), NOT_0) for p in (-1, -2, -3)},
    **{f"pow {p}": (lambda x, p=p: x**p, lambda x, p=p: x ** mp.mpf(p), POSITIVE) for p in (0.5, 2.5, -1.5)},
    **{f"{b} to the power of x": (lambda x, b=b: b**x, lambda x, b=b: mp.mpf(b) ** x, ALL) for b in (1, 2, 0.5)},
    "x to the power of x": (lambda x: x**x, lambda x: x**x, POSITIVE),
    "2 to the power of -800": (lambda x: 2 ** (x - 800), lambda x: mp.mpf(2) ** (x - 800), ALL),
    "xlogy": (lambda x: x.xlogy(x), lambda x: x * mp.log(x), POSITIVE),
    "xlogy of a number": (lambda x: x.xlogy(like(x, 2.0)), lambda x: x * mp.log(2), ALL),
    "hypot": (lambda x: x.hypot(like(x, 1.0)), lambda x: mp.sqrt(x * x + 1), ALL),
    "atan2": (lambda x: x.atan2(like(x, 1.0)), mp.atan, ALL),
    "atan2 below": (lambda x: like(x, 1.0).atan2(x), lambda x: mp.atan2(1, x), ALL),
    "div": (lambda x: x / (x + 4), lambda x: x / (x + 4), ALL),
    "prod": (lambda x: minigrad.stack([x, x, x + 1, x], 1).prod(1), lambda x: x**3 * (x + 1), ALL),
    "cumprod": (lambda x: minigrad.stack([x, x, x, x], 1).cumprod(1).sum(1), lambda x: x + x**2 + x**3 + x**4, ALL),
    "logsumexp": (
        lambda x: minigrad.stack([x, x * 0, -x], 1).logsumexp(1),
        lambda x: mp.log(mp.exp(x) + 1 + mp.exp(-x)),
        ALL,
    ),
    "logcumsumexp": (
        lambda x: minigrad.stack([x, x * 0], 1).logcumsumexp(1).sum(1),
        lambda x: x + softplus(x),
        ALL,
    ),
    "softmax": (
        lambda x: minigrad.stack([x, x * 0, -x], 1).softmax(1)[:, 0],
        lambda x: mp.exp(x) / (mp.exp(x) + 1 + mp.exp(-x)),
        ALL,
    ),
    "log_softmax": (lambda x: minigrad.stack([x, x * 0], 1).log_softmax(1)[:, 0], lambda x: -softplus(-x), ALL),
    "var": (lambda x: minigrad.stack([x, x * x], 1).var(1), lambda x: (x - x * x) ** 2 / 2, ALL),
    "std": (lambda x: minigrad.stack([x, x + 1, x * 0], 1).std(1), lambda x: mp.sqrt((x * x + x + 1) / 3), ALL),
    "norm": (lambda x: minigrad.stack([x, x * 0 + 1], 1).norm(dim=1), lambda x: mp.sqrt(x * x + 1), ALL),
    "norm of order 3": (
        lambda x: minigrad.stack([x, x * 0 + 1], 1).norm(3, 1),
        lambda x: (abs(x) ** 3 + 1) ** (mp.mpf(1) / 3),
        NOT_0,
    ),
    "layer_norm": (
        lambda x: F.layer_norm(minigrad.stack([x, x * 0], 1), (2,), eps=0.5)[:, 0],
        lambda x: x / 2 / mp.sqrt(x * x / 4 + mp.mpf("0.5")),
        ALL,
    ),
    "rms_norm": (
        lambda x: F.rms_norm(minigrad.stack([x, x * 0], 1), (2,), eps=0.5)[:, 0],
        lambda x: x / mp.sqrt(x * x / 2 + mp.mpf("0.5")),
        ALL,
    ),
    "det": (lambda x: (minigrad.eye(3, dtype=minigrad.float64) * x.reshape(-1, 1, 1)).det(), lambda x: x**3, NOT_0),
}


def derivatives(function: Callable[[Any], Any], at: tuple[float, ...], dtype: Any) -> list[np.ndarray]:
    """The first to the fourth, at each point; where nothing depends on x any more they are 0."""
    x = minigrad.tensor(list(at), dtype=dtype, requires_grad=True)
    y, found = function(x), []
    for _ in range(4):
        y = minigrad.grad(y.sum(), x, create_graph=True) if y.requires_grad else minigrad.zeros_like(x)
        found.append(y.detach().numpy())
    return found


def wanted(function: Callable[[Any], Any], at: tuple[float, ...], dtype: Any) -> list[np.ndarray]:
    """The same by mpmath, at the points as the dtype has them."""
    with mp.workdps(40):
        columns = [mp.taylor(function, mp.mpf(float(np.asarray(x, dtype))), 4) for x in at]
        return [np.array([float(c[n] * mp.factorial(n)) for c in columns]) for n in range(1, 5)]


@pytest.mark.parametrize("name", SMOOTH)
def test_up_to_the_fourth(name: str) -> None:
    function, right, at = SMOOTH[name]
    for n, (f, w) in enumerate(zip(derivatives(function, at, np.float64), wanted(right, at, np.float64)), 1):
        np.testing.assert_allclose(f, w, rtol=1e-8, atol=1e-10, err_msg=f"order {n} at {at}")


@pytest.mark.parametrize("name", SMOOTH)
def test_in_float32(name: str) -> None:
    function, right, at = SMOOTH[name]
    for n, (f, w) in enumerate(zip(derivatives(function, at, np.float32), wanted(right, at, np.float32)), 1):
        assert f.dtype == np.float32
        np.testing.assert_allclose(f, w, rtol=1e-3, atol=1e-4 * max(1, np.abs(w).max()), err_msg=f"order {n} at {at}")


def test_sinc_near_0_does_not_cancel() -> None:
    at = tuple(s * 10.0**-k for k in range(8) for s in (1, -1, 3))
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-13)):
        found = derivatives(method("sinc"), at, dtype)
        for n, (f, w) in enumerate(zip(found, wanted(lambda x: mp.sincpi(x), at, dtype)), 1):
            np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance / 10, err_msg=f"order {n}")
    (second,) = derivatives(method("sinc"), (0.0,), np.float64)[1]
    assert second == pytest.approx(-(np.pi**2) / 3, rel=1e-15)
