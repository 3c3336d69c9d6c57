"""Modules, containers, initial values and the tools for gradients against PyTorch's: same lines, same answers."""

from __future__ import annotations

import copy
import inspect
import math
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

PROGRAMS = """
nn.Bilinear(2, 3, 4)
nn.Bilinear(2, 3, 4, bias=False)
nn.Unflatten(1, (2, -1))
nn.Flatten(0, -2)
nn.LazyLinear(4)
nn.LazyLinear(4, bias=False)
called(nn.LazyLinear(4), 2, 3)
called(nn.Sequential(nn.LazyLinear(4), nn.Tanh(), nn.LazyLinear(2)), 2, 3)
nn.LazyBatchNorm2d()
called(nn.LazyBatchNorm1d(), 2, 3)
called(nn.LazyBatchNorm1d(momentum=0.2), 2, 3, 4)
called(nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(affine=False), nn.Flatten(), nn.LazyLinear(2)), 2, 3, 5, 5)
nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])
nn.ModuleList([nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in range(3)])
nn.ModuleList()
nn.ModuleList([nn.ReLU(), nn.Tanh(), nn.ELU()])[1:]
nn.ModuleList([nn.ReLU()]) + [nn.Tanh()]
nn.ModuleDict({'a': nn.Linear(2, 3), 'b': nn.ReLU()})
nn.ModuleDict([['a', nn.Linear(2, 3)], ['b', nn.ReLU()]])
nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))[1:]
nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))[-1]
nn.Sequential(nn.Linear(2, 3)).append(nn.ReLU()).insert(0, nn.Flatten())
nn.Sequential(nn.Linear(2, 3)) + nn.Sequential(nn.ReLU())
without(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), 0)
without(nn.ModuleList([nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)]), -1)
shared()
Net()
Net().double()
Net().to(dtype=m.float64)
copy.deepcopy(Net())
""".strip().splitlines()


def space(m: Any) -> dict[str, Any]:
    """What the programs may use, of library m."""

    class Net(m.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", m.zeros(3))
            self.register_buffer("scratch", m.zeros(3), persistent=False)
            self.register_buffer("none", None)
            self.body = m.nn.Sequential(m.nn.Linear(2, 3), m.nn.Dropout(0.1))
            self.scale = m.nn.Parameter(m.ones(3))
            self.recompute = self.body
            self.register_parameter("missing", None)
            self.weights = m.nn.ParameterList([m.ones(2), m.nn.Parameter(m.zeros(1))])
            self.named = m.nn.ParameterDict({"w": m.nn.Parameter(m.ones(2))})

    def called(module: Any, *shape: int) -> Any:
        module(m.ones(*shape))
        return module

    def without(row: Any, i: int) -> Any:
        del row[i]
        return row

    def shared() -> Any:
        layer = m.nn.Linear(2, 2)
        return m.nn.Sequential(layer, m.nn.ReLU(), layer)

    return {"m": m, "nn": m.nn, "copy": copy, "Net": Net, "called": called, "without": without, "shared": shared}


def description(module: Any) -> list[Any]:
    lazy = "Lazy" in repr(module)
    return [
        repr(module) if "Parameter" not in repr(module) else type(module).__name__,
        [name for name, _ in module.named_parameters()],
        [name for name, _ in module.named_parameters(prefix="p", recurse=False)],
        [name for name, _ in module.named_parameters(remove_duplicate=False)],
        [] if lazy else [name for name, _ in module.named_buffers()],
        [name for name, _ in module.named_modules()],
        [name for name, _ in module.named_modules(remove_duplicate=False)],
        [name for name, _ in module.named_children()],
        []
        if lazy
        else [(name, tuple(t.shape), str(t.dtype).split(".")[-1]) for name, t in module.state_dict().items()],
        [] if lazy else [*module.state_dict(prefix="p.")],
    ]


@pytest.mark.parametrize("text", PROGRAMS)
def test_modules_have_the_same_parts_names_and_text(text: str) -> None:
    ours, theirs = (description(eval(text, space(m))) for m in (minigrad, torch))
    for f, w in zip(ours, theirs, strict=True):
        assert f == w


def test_bilinear_and_unflatten_compute_the_same() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 5, 2)), rng.standard_normal((2, 5, 3))
    theirs = torch.nn.Bilinear(2, 3, 4).double()
    ours = minigrad.nn.Bilinear(2, 3, 4).double()
    ours.load_state_dict(theirs.state_dict())
    for m, layer in ((minigrad, ours), (torch, theirs)):
        layer.x, layer.y = (m.tensor(v, requires_grad=True) for v in (a, b))
        layer.out = m.nn.Unflatten(-1, (2, 2))(layer(layer.x, layer.y))
        (layer.out * layer.out).sum().backward()
    found, wanted = ([n.out.detach(), n.x.grad, n.y.grad, n.weight.grad, n.bias.grad] for n in (ours, theirs))
    for f, w in zip(found, wanted):
        np.testing.assert_allclose(f.numpy(), w.numpy(), rtol=1e-12)


# ---- initial values --------------------------------------------------------------------------------------------

INIT: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("uniform_", (300, 200), {}),
    ("uniform_", (300, 200), {"a": -2, "b": 3}),
    ("normal_", (300, 200), {"mean": 1, "std": 2}),
    ("trunc_normal_", (300, 200), {}),
    ("trunc_normal_", (300, 200), {"mean": 1, "std": 2, "a": 0, "b": 2}),
    ("xavier_uniform_", (300, 200), {}),
    ("xavier_uniform_", (30, 20, 5, 5), {"gain": 2}),
    ("xavier_normal_", (300, 200), {"gain": 0.5}),
    ("kaiming_uniform_", (300, 200), {"a": math.sqrt(5)}),
    ("kaiming_uniform_", (300, 200), {"nonlinearity": "relu"}),
    ("kaiming_uniform_", (30, 20, 5, 5), {"mode": "fan_out"}),
    ("kaiming_normal_", (300, 200), {"nonlinearity": "tanh", "mode": "fan_out"}),
    ("kaiming_normal_", (30, 20, 5, 5), {}),
    ("orthogonal_", (300, 200), {}),
    ("orthogonal_", (200, 30, 5), {"gain": 2}),
    ("sparse_", (300, 200), {"sparsity": 0.25, "std": 0.5}),
]


@pytest.mark.parametrize(("name", "shape", "settings"), INIT)
def test_random_initial_values_have_the_same_distribution(name: str, shape: Any, settings: dict[str, Any]) -> None:
    quantiles = []
    for m in (minigrad, torch):
        m.manual_seed(0)
        t = m.empty(*shape) if m is torch else m.zeros(*shape)
        assert getattr(m.nn.init, name)(t, **settings) is t
        quantiles.append(np.quantile(t.numpy(), np.linspace(0.05, 0.95, 19)))
        if name == "orthogonal_":
            flat = t.numpy().reshape(shape[0], -1)
            flat = flat if flat.shape[0] < flat.shape[1] else flat.T
            gain = settings.get("gain", 1)
            np.testing.assert_allclose(flat @ flat.T, gain**2 * np.eye(len(flat)), atol=1e-5)
        if name == "sparse_":
            assert ((t.numpy() == 0).sum(0) == math.ceil(settings["sparsity"] * shape[0])).all()
        if name == "trunc_normal_":
            assert settings.get("a", -2) <= t.numpy().min() and t.numpy().max() <= settings.get("b", 2)
    spread = quantiles[1][-1] - quantiles[1][0]
    np.testing.assert_allclose(*quantiles, atol=0.03 * spread)


@pytest.mark.parametrize(
    ("name", "shape", "settings"),
    [
        ("constant_", (2, 3), {"val": 2.5}),
        ("ones_", (2,), {}),
        ("zeros_", (2, 3), {}),
        ("eye_", (2, 3), {}),
        ("dirac_", (4, 3, 3), {}),
        ("dirac_", (4, 2, 3, 3), {"groups": 2}),
        ("dirac_", (2, 4, 2, 3, 3), {}),
    ],
)
def test_fixed_initial_values(name: str, shape: Any, settings: dict[str, Any]) -> None:
    ours, theirs = (getattr(m.nn.init, name)(m.ones(*shape) * 7, **settings).numpy() for m in (minigrad, torch))
    np.testing.assert_array_equal(ours, theirs)


def test_gains() -> None:
    names = ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    for name in names:
        assert minigrad.nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert minigrad.nn.init.calculate_gain("leaky_relu", 0.2) == torch.nn.init.calculate_gain("leaky_relu", 0.2)


def test_init_has_pytorchs_names_and_arguments() -> None:
    for name in [n for n in dir(torch.nn.init) if n.endswith("_") and not n.startswith("_")]:
        ours, theirs = (inspect.signature(getattr(m.nn.init, name)).parameters for m in (minigrad, torch))
        assert [*ours] == [*theirs]
        assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]


# ---- tools for gradients ---------------------------------------------------------------------------------------

TOOLS = """
[nn.utils.clip_grad_norm_(ps, 1.0)]
[nn.utils.clip_grad_norm_(ps, 1.0, 1)]
[nn.utils.clip_grad_norm_(ps, 0.1, norm_type=math.inf)]
[nn.utils.clip_grad_norm_(ps[0], 1.0, norm_type=3)]
[nn.utils.clip_grad_norm_(iter(ps), 1000.0)]
[nn.utils.clip_grad_norm_([], 1.0)]
[nn.utils.clip_grad_norm_(ps[2:], 1.0)]
[nn.utils.clip_grad_value_(ps, 0.3)]
[nn.utils.get_total_norm([p.grad for p in ps[:2]], 2.0)]
[nn.utils.parameters_to_vector(ps)]
[nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(ps) * 2, ps)]
""".strip().splitlines()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", TOOLS)
def test_tools_for_gradients(text: str, dtype: str) -> None:
    answers = []
    for m in (minigrad, torch):
        rng = np.random.default_rng(0)
        ps = [m.tensor(rng.standard_normal(s).astype(dtype), requires_grad=True) for s in ((2, 3), (3,), ())]
        for p in ps[:2]:
            (p * p * 2).sum().backward()
        result = eval(text, {"nn": m.nn, "ps": ps, "math": math})
        answers.append([*result, *ps, *[p.grad for p in ps]])
    for f, w in zip(*answers, strict=True):
        assert (f is None) == (w is None)
        if f is not None:
            f, w = f.detach().numpy(), w.detach().numpy()
            assert (f.shape, f.dtype) == (w.shape, w.dtype)
            np.testing.assert_allclose(f, w, rtol=1e-12 if dtype == "float64" else 1e-5)
