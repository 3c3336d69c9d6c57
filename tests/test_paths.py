"""The module paths and older names that programs written for PyTorch or micrograd import and read."""

from __future__ import annotations

import importlib
import math

import pytest
from cases import each

import minigrad
from minigrad import nn
from minigrad.scalar import Value

PATHS = {
    "utils.data.dataloader": "DataLoader default_collate",
    "utils.data.dataset": "Dataset TensorDataset random_split",
    "utils.data.sampler": "SubsetRandomSampler Sampler",
    "nn.parameter": "Parameter",
    "nn.modules": "Module Linear",
    "nn.modules.module": "Module",
    "nn.modules.loss": "CrossEntropyLoss MSELoss",
    "nn.modules.activation": "ReLU",
    "nn.utils.rnn": "pad_sequence",
    "nn.utils.clip_grad": "clip_grad_norm_",
    "distributions.categorical": "Categorical",
    "distributions.normal": "Normal",
    "optim.adam": "Adam",
    "optim.optimizer": "Optimizer",
    "optim.lr_scheduler": "StepLR",
    "autograd.variable": "Variable",
    "autograd.function": "Function",
    "autograd.grad_mode": "no_grad",
    "backends.cudnn": "is_available",
    "backends.mps": "is_available",
    "cuda": "is_available device_count",
}


@each("path", PATHS)
def test_pytorchs_paths_can_be_imported(path: str) -> None:
    module = importlib.import_module(f"minigrad.{path}")
    for name in PATHS[path].split():
        assert hasattr(module, name), name


def test_the_names_are_the_same_objects() -> None:
    from minigrad.nn.modules.module import Module
    from minigrad.utils.data.dataloader import DataLoader

    assert Module is nn.Module and DataLoader is minigrad.utils.data.DataLoader
    cudnn = importlib.import_module("minigrad.backends.cudnn")
    cudnn.benchmark, cudnn.deterministic = False, True
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("minigrad.nonexistent")


def test_constants() -> None:
    assert (minigrad.pi, minigrad.e, minigrad.inf) == (math.pi, math.e, math.inf) and math.isnan(minigrad.nan)


def test_variable_is_a_tensor() -> None:
    x = minigrad.autograd.Variable(minigrad.ones(2), requires_grad=True)
    (x * x).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2, 2] and isinstance(x, minigrad.autograd.Variable)


def test_nodes_are_read_as_in_pytorch_and_micrograd() -> None:
    x = minigrad.ones(2, requires_grad=True)
    y = (x * 2).sum()
    assert y.grad_fn is not None
    ((mul, zero),) = y.grad_fn.next_functions
    assert mul.primitive.name == "mul" and zero == 0 and mul.next_functions[0][0] is x.node
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b
    c.label = "c"
    assert (c._op, c._prev, c.label, a._op, a._prev) == ("*", {a, b}, "c", "", set())
    assert ((c + 1).label, c.tanh()._op) == ("", "tanh")


def test_weight_norm() -> None:
    layer = nn.Linear(4, 3)
    before = layer.weight.detach().clone()
    nn.utils.weight_norm(layer)
    assert layer.weight.allclose(before, atol=1e-6)
    layer(minigrad.ones(2, 4)).sum().backward()
    assert layer.weight_g.grad is not None and layer.weight_v.grad is not None
    with minigrad.no_grad():
        layer.weight_g *= 2
    assert (layer(minigrad.ones(1, 4)) - layer.bias).allclose((2 * before).sum(1), atol=1e-5)
    nn.utils.remove_weight_norm(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"] and layer.weight.allclose(2 * before, atol=1e-5)


def test_old_names() -> None:
    layer, seen = nn.Linear(2, 1), []
    with pytest.warns(DeprecationWarning, match="register_full_backward_hook"):
        layer.register_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_output))
    layer(minigrad.ones(1, 2)).sum().backward()
    x = minigrad.tensor([-1.0, 2.0])
    assert len(seen) == 1 and nn.functional.relu_(x) is x and x.tolist() == [0, 2]
