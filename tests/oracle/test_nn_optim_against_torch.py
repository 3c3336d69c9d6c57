"""minigrad's layers and losses against PyTorch's of the same names: numbers, defaults, names and reprs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

RTOL = {"float32": 2e-5, "float64": 1e-12}
each_dtype = pytest.mark.parametrize("dtype", RTOL)


def numpy(t: Any) -> np.ndarray:
    return np.array(t.detach().numpy())


def assert_close(ours: Any, theirs: Any, dtype: str) -> None:
    ours, theirs = numpy(ours), numpy(theirs)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype) and ours.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=RTOL[dtype], atol=RTOL[dtype])


# ---- layers and losses -----------------------------------------------------------------------------------------

MODULES = [
    "nn.Linear(3, 4)",
    "nn.Linear(3, 1, bias=False)",
    "nn.ReLU()",
    "nn.Tanh()",
    "nn.Sigmoid()",
    *(f"nn.{name}()" for name in ("LeakyReLU", "ELU", "SELU", "SiLU", "Mish", "GELU", "Softplus", "LogSigmoid")),
    *(f"nn.{name}()" for name in ("Hardtanh", "ReLU6", "Identity")),
    "nn.Sequential(nn.Linear(3, 2), nn.ReLU(inplace=True))",
    "nn.LeakyReLU(0.2)",
    "nn.ELU(alpha=0.5)",
    "nn.GELU(approximate='tanh')",
    "nn.Softplus(beta=2.0, threshold=0.5)",
    "nn.Hardtanh(-0.5, 0.25)",
    "nn.Softmax(dim=1)",
    "nn.LogSoftmax(dim=-1)",
    "nn.Sequential(nn.Dropout(0.3), nn.Linear(3, 2)).eval()",
    "nn.Dropout(p=0.0)",
    "nn.ModuleList([nn.ReLU(), nn.Tanh()])[1]",
    "nn.Flatten()",
    "nn.Flatten(0, 1)",
    "nn.Sequential()",
    "nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))",
    "nn.Sequential(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), nn.Sequential(nn.Linear(2, 2, False), nn.Sigmoid()))",
]
LOSSES = ["nn.CrossEntropyLoss()", "nn.MSELoss()", "nn.MSELoss(reduction='sum')"]


def build(m: Any, text: str) -> Any:
    return eval(text, {"nn": m.nn})


@pytest.mark.parametrize("text", MODULES + LOSSES)
def test_modules_look_the_same(text: str) -> None:
    ours, theirs = build(minigrad, text), build(torch, text)
    assert repr(ours) == repr(theirs)
    for names in ("named_parameters", "named_modules"):
        assert [n for n, _ in getattr(ours, names)()] == [n for n, _ in getattr(theirs, names)()]
    assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    assert repr(ours.eval()) == repr(theirs.eval()) and ours.training == theirs.training


@each_dtype
@pytest.mark.parametrize("shape", [(6, 3), (2, 4, 3)])
@pytest.mark.parametrize("text", MODULES)
def test_modules_compute_the_same(text: str, shape: tuple[int, ...], dtype: str) -> None:
    ours, theirs = build(minigrad, text), build(torch, text).to(getattr(torch, dtype))
    with torch.no_grad():
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p.data = p.detach().to(dtype)
            q.copy_(torch.tensor(p.detach().numpy()))
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    x, z = minigrad.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    y, w = ours(x), theirs(z)
    assert_close(y, w, dtype)
    upstream = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
    y.backward(minigrad.tensor(upstream))
    w.backward(torch.tensor(upstream))
    for p, q in zip([x, *ours.parameters()], [z, *theirs.parameters()], strict=True):
        assert_close(p.grad, q.grad, dtype)


CALLS = [
    "F.relu(x)",
    "F.tanh(x)",
    "F.sigmoid(x)",
    *(
        f"F.{f}(x * 3.0)"
        for f in ("leaky_relu", "elu", "selu", "silu", "mish", "gelu", "softplus", "logsigmoid", "relu6")
    ),
    *(
        f"F.{f}(x * 0.0)"
        for f in ("leaky_relu", "elu", "selu", "silu", "mish", "gelu", "softplus", "logsigmoid", "relu6")
    ),
    *(f"F.{f}(x * 300.0)" for f in ("elu", "silu", "mish", "gelu", "softplus", "logsigmoid")),
    "F.hardtanh(x.detach().sign() * x / x, -1.0, 1.0)",  # at the bounds
    "F.embedding(t, w)",
    "F.embedding(t.reshape(2, 2), w, padding_idx=-1)",
    "F.softmax(x, dim=1)",
    "F.softmax(x, 0)",
    "F.log_softmax(x, dim=-1)",
    "F.linear(x, w)",
    "F.linear(x, w, b)",
    "F.linear(x[0], w, b)",
    "F.linear(x.reshape(2, 2, 3), w, b)",
    "F.mse_loss(x, y)",
    "F.mse_loss(x, y, reduction='sum')",
    "F.mse_loss(x, y, reduction='none')",
    "F.cross_entropy(x, t)",
    "F.cross_entropy(x * 300.0, t, reduction='sum')",
    "F.cross_entropy(x, t, reduction='none')",
    "F.cross_entropy(x[1], t[1])",
    "F.cross_entropy(F.linear(F.relu(F.linear(x, w, b)), w @ w.T), t)",
    "nn.CrossEntropyLoss()(x, t)",
    "nn.CrossEntropyLoss(reduction='none')(x, t)",
    "nn.MSELoss()(x, y)",
]


@each_dtype
@pytest.mark.parametrize("text", CALLS)
def test_functions(text: str, dtype: str) -> None:
    arrays = {n: np.random.default_rng(0).standard_normal(s) for n, s in (("x", (4, 3)), ("w", (3, 3)), ("b", (3,)))}
    arrays |= {"y": arrays["x"][::-1]}
    answers, leaves = [], []
    for m in (minigrad, torch):
        inputs = {n: m.tensor(a.astype(dtype), requires_grad=True) for n, a in arrays.items()}
        classes = m.tensor([2, 0, 1, 2])
        answers.append(eval(text, {**inputs, "t": classes, "nn": m.nn, "F": m.nn.functional}))
        leaves.append(inputs)
    ours, theirs = answers
    assert_close(ours, theirs, dtype)
    upstream = np.random.default_rng(1).standard_normal(ours.shape).astype(dtype)
    ours.backward(minigrad.tensor(upstream))
    theirs.backward(torch.tensor(upstream))
    for name in arrays:
        p, q = (inputs[name].grad for inputs in leaves)
        assert (p is None) == (q is None)
        if p is not None:
            assert_close(p, q, dtype)


# ---- initial values --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_initial_parameters_are_spread_as_pytorchs(name: str) -> None:
    minigrad.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (
        np.concatenate([numpy(getattr(m.nn.Linear(16, 500), name)).ravel() for _ in range(4)])
        for m in (minigrad, torch)
    )
    for values in (ours, theirs):
        assert np.abs(values).max() <= 1 / 4  # 1 / sqrt(in_features)
        places = np.linspace(0, 1, 9)
        np.testing.assert_allclose(np.quantile(values, places), places / 2 - 1 / 4, atol=0.02)
    assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("a", [0.0, math.sqrt(5)])
def test_kaiming_uniform(a: float) -> None:
    widest = [np.abs(numpy(m.nn.init.kaiming_uniform_(m.zeros(300, 50), a=a))).max() for m in (minigrad, torch)]
    assert widest == pytest.approx([math.sqrt(6 / ((1 + a * a) * 50))] * 2, rel=1e-3)
