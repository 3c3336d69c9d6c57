"""The nonlinearities at their kinks and far out, as functions and as modules, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

MODULES = """
nn.CELU()
nn.CELU(0.5)
nn.ELU()
nn.ELU(0.5, True)
nn.GELU()
nn.GELU('tanh')
nn.GLU()
nn.GLU(0)
nn.Hardshrink()
nn.Hardshrink(0.25)
nn.Hardsigmoid()
nn.Hardswish()
nn.Hardtanh()
nn.Hardtanh(-2, 3)
nn.Hardtanh(inplace=True)
nn.LeakyReLU()
nn.LeakyReLU(0.2, inplace=True)
nn.LogSigmoid()
nn.LogSoftmax(0)
nn.Mish()
nn.PReLU()
nn.PReLU(22, 0.1)
nn.RReLU().eval()
nn.ReLU()
nn.ReLU(True)
nn.ReLU6()
nn.SELU()
nn.SiLU()
nn.Sigmoid()
nn.Softmax(dim=-1)
nn.Softmin(dim=1)
nn.Softplus()
nn.Softplus(2, 1.0)
nn.Softshrink()
nn.Softshrink(0.25)
nn.Softsign()
nn.Tanh()
nn.Tanhshrink()
nn.Threshold(0.5, 20)
nn.Threshold(0.5, 20, True)
nn.AlphaDropout(0.3).eval()
nn.Dropout1d(0.2).eval()
nn.Dropout2d(0.2).eval()
nn.Dropout3d(0.2, True).eval()
""".strip().splitlines()
KINKS = [-1000.0, -100, -40, -20, -6, -3, -2, -1, -0.5, -0.25, -0.0, 0.0, 0.25, 0.5, 1, 2, 3, 6, 20, 40, 100, 1000]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", MODULES)
def test_modules(text: str, dtype: str) -> None:
    array = np.array([KINKS, KINKS[::-1]], dtype)
    if "Dropout" in text and "Alpha" not in text:
        array = array.reshape(2, 22, *(1,) * int(text[len("nn.Dropout")]))
    answers = []
    for m in (minigrad, torch):
        module = eval(text, {"nn": m.nn})
        if dtype == "float64":
            module.double()
        x = m.tensor(array, requires_grad=True)
        y = module(x * 1)
        y.sum().backward()
        answers.append(
            (repr(module), y.detach().numpy(), x.grad.numpy(), *[p.grad.numpy() for p in module.parameters()])
        )
    ours, theirs = answers
    assert ours[0] == theirs[0]
    for f, w in zip(ours[1:], theirs[1:], strict=True):
        assert (f.shape, f.dtype) == (w.shape, w.dtype)
        # (PyTorch's hardsigmoid takes a sixth in float32)
        tolerance = 1e-12 if dtype == "float64" and "Hardsigmoid" not in text else 1e-6
        np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance)


PROGRAMS = """
nn.Embedding(4, 3)
nn.Embedding(4, 3, -1)
nn.Embedding(4, 3, padding_idx=0, max_norm=1.0)
nn.Embedding(4, 3, max_norm=0.5, norm_type=1.0)
nn.Embedding(4, 3, scale_grad_by_freq=True)
nn.Embedding.from_pretrained(weight)
nn.Embedding.from_pretrained(weight, freeze=False, padding_idx=1)
""".strip().splitlines()


@pytest.mark.parametrize("text", PROGRAMS)
def test_embeddings(text: str) -> None:
    table = np.random.default_rng(0).standard_normal((4, 3)) * 2
    index = np.array([[0, 1, 1], [3, 1, 0]])
    answers = []
    for m in (minigrad, torch):
        module = eval(text, {"nn": m.nn, "weight": m.tensor(table)}).double()
        module.load_state_dict({"weight": m.tensor(table)})
        y = module(m.tensor(index))
        out: list[Any] = [repr(module), y.detach().numpy(), module.weight.detach().numpy(), module.weight.requires_grad]
        if y.requires_grad:
            (y * y).sum().backward()
            out.append(module.weight.grad.numpy())
        answers.append(out)
    for f, w in zip(*answers, strict=True):
        if isinstance(f, np.ndarray):
            np.testing.assert_allclose(f, w, rtol=1e-6)  # (the shortened rows are, in PyTorch, computed in float32)
        else:
            assert f == w


def test_the_old_names_of_hardtanhs_bounds_warn() -> None:
    for m in (minigrad, torch):
        with pytest.warns(FutureWarning):
            layer = m.nn.Hardtanh(min_value=-0.5)
        assert layer(m.tensor([-2.0, 2.0])).tolist() == [-0.5, 1.0]


@pytest.mark.parametrize("name", ["relu", "relu6", "hardtanh", "elu", "selu", "celu"])
def test_the_gradient_passes_at_nan(name: str) -> None:
    """So that a unit that is nan shows in the gradients of all that comes before it."""
    grads = []
    for library, functional in ((minigrad, minigrad.nn.functional), (torch, torch.nn.functional)):
        x = library.tensor([np.nan, -1.0, 0.5, np.inf, -np.inf], requires_grad=True)
        getattr(functional, name)(x).backward(library.full((5,), 2.0))
        grads.append(np.array(x.grad.tolist()))
    np.testing.assert_allclose(*grads, rtol=1e-6)
    assert grads[0][0] != 0


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin"])
def test_choices_between_nan_and_ties(name: str) -> None:
    grads = []
    for library in (minigrad, torch):
        a = library.tensor([np.nan, 1.0, np.nan, 2.0, np.inf, 0.0, 3.0], requires_grad=True)
        b = library.tensor([1.0, np.nan, np.nan, 2.0, np.inf, -0.0, 4.0], requires_grad=True)
        getattr(library, name)(a, b).backward(library.full((7,), 2.0))
        grads.append(np.array([a.grad.tolist(), b.grad.tolist()]))
    np.testing.assert_array_equal(*grads)


@pytest.mark.parametrize("name", ["gelu", "relu6", "hardtanh", "logsigmoid", "elu", "silu", "softplus", "relu", "mish"])
def test_integers_give_the_values_of_floats(name: str) -> None:
    numbers = [-3, -1, 0, 2, 7]
    found = getattr(minigrad.nn.functional, name)(minigrad.tensor(numbers))
    want = getattr(torch.nn.functional, name)(torch.tensor(numbers, dtype=torch.float32))
    np.testing.assert_allclose(found.tolist(), want.tolist(), rtol=1e-5, atol=1e-6)
    assert found.dtype == ("int64" if name in ("relu", "relu6", "hardtanh") else "float32")
