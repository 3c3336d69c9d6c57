"""The module paths and older names that programs written for PyTorch or micrograd import and read."""

from __future__ import annotations

import importlib
import math
from typing import Any

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
    "cuda": "is_available device_count amp",
    "cuda.amp": "autocast GradScaler",
    "amp": "autocast GradScaler",
    "functional": "einsum cdist",
    "testing": "assert_close",
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


def test_mixed_precision_does_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minigrad.amp, "_warned", set())
    model = nn.Linear(2, 1)
    optimizer = minigrad.optim.SGD(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="autocast has no effect"):
        context = minigrad.autocast(device_type="cuda", dtype=minigrad.float16)
    with pytest.warns(UserWarning, match="GradScaler has no effect"):
        scaler = minigrad.cuda.amp.GradScaler()
    with context:
        loss = model(minigrad.ones(3, 2)).square().mean()
    before = model.weight.detach().clone()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert loss.dtype == minigrad.float32 and scaler.get_scale() == 1 and scaler.state_dict() == {}
    assert model.weight.grad is not None and model.weight.allclose(before - 0.1 * model.weight.grad)
    decorated = minigrad.cuda.amp.autocast(enabled=False)(lambda x: x + 1)
    assert decorated(1) == 2


def test_settings_without_effect() -> None:
    minigrad.use_deterministic_algorithms(True)
    minigrad.set_float32_matmul_precision("high")
    minigrad.backends.cuda.matmul.allow_tf32 = True
    assert minigrad.zeros_like(minigrad.ones(2), memory_format=minigrad.preserve_format).tolist() == [0, 0]
    assert minigrad.ones(2).clone(memory_format=minigrad.contiguous_format).tolist() == [1, 1]
    with pytest.raises(NotImplementedError, match="channels_last"):
        minigrad.zeros(1, 1, 2, 2, memory_format=minigrad.channels_last)
    assert isinstance(minigrad.float32, minigrad.dtype) and minigrad.nn.parameter.Parameter is nn.Parameter


@each(
    "actual, expected, options, text",
    [
        (minigrad.tensor([1.0, 2.0]), minigrad.tensor([1.0, 2.1]), {}, "1 of 2 elements differ: at (1,)"),
        (minigrad.ones(2), minigrad.ones(3), {}, "the shapes differ: (2,) and (3,)"),
        (minigrad.ones(2), minigrad.ones(2).double(), {}, "the dtypes differ: float32 and float64"),
        (minigrad.ones(1), [1.0], {}, "expected a list, got a Tensor"),
        (minigrad.tensor([math.nan]), minigrad.tensor([math.nan]), {}, "1 of 1 element differ"),
        ([1.0, 2.0], [1.0], {}, "the lengths differ: 2 and 1"),
        ({"a": 1.0}, {"b": 1.0}, {}, "the keys differ: ['a'] and ['b']"),
        ({"a": [1, 2]}, {"a": [1, 3]}, {}, "item 'a': item 1: 1 of 1 element differ"),
        (1.0, 1.1, {"msg": "no"}, "no"),
        (1.0, 1.1, {"msg": lambda text: f"first: {text}"}, "first: 1 of 1"),
    ],
)
def test_assert_close_names_the_difference(actual: Any, expected: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(AssertionError) as caught:
        minigrad.testing.assert_close(actual, expected, **options)
    assert text in str(caught.value)


def test_assert_close_accepts() -> None:
    close = minigrad.testing.assert_close
    close(minigrad.tensor([1.0]), minigrad.tensor([1.0 + 1e-6]))
    close(minigrad.ones(2), minigrad.ones(2).double(), check_dtype=False)
    close(minigrad.tensor([math.nan]), minigrad.tensor([math.nan]), equal_nan=True)
    close({"a": [minigrad.ones(2), 1.0]}, {"a": [minigrad.ones(2), 1.0]})
    close(minigrad.ones(2), minigrad.ones(2) + 0.1, rtol=0, atol=0.2)
    with pytest.raises(ValueError, match="both"):
        close(1.0, 1.0, rtol=0.1)


def test_older_functions() -> None:
    w = minigrad.ones(2, requires_grad=True)
    (3 * w).sum().backward()
    with pytest.warns(DeprecationWarning, match="clip_grad_norm_"):
        nn.utils.clip_grad_norm([w], 1.0)
    assert w.grad is not None and w.grad.norm().item() == pytest.approx(1, abs=1e-5)
    assert minigrad.detach(w).requires_grad is False and w.ndimension() == 1 and minigrad.cuda.empty_cache() is None
    x = minigrad.tensor([[3.0, 1.0, 0.0], [1.0, -2.0, 1.0]])
    with pytest.warns(DeprecationWarning, match=r"linalg\.svd"):
        U, S, V = minigrad.svd(x)
    assert (U @ minigrad.diag(S) @ V.T).allclose(x, atol=1e-5) and V.shape == (3, 2)
    with pytest.warns(DeprecationWarning, match=r"linalg\.qr"):
        Q, R = minigrad.qr(x)
    assert (Q @ R).allclose(x, atol=1e-5)
    t = minigrad.arange(6.0)
    with pytest.warns(DeprecationWarning, match="reshape"):
        assert t.resize_(2, 2) is t
    assert t.tolist() == [[0, 1], [2, 3]]
    with pytest.warns(DeprecationWarning):
        assert t.resize_(5).tolist() == [0, 1, 2, 3, 0]
    with pytest.warns(DeprecationWarning), pytest.raises(RuntimeError, match="requires a gradient"):
        minigrad.ones(4, requires_grad=True).resize_(2, 2)


def test_gradient_by_differences() -> None:
    x = minigrad.tensor([0.0, 1.0, 4.0, 9.0], requires_grad=True)
    (d,) = minigrad.gradient(x, spacing=2.0)
    assert d.tolist() == [0.5, 1, 2, 2.5]
    d.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [-0.75, 0.25, -0.25, 0.75]
    (d,) = minigrad.gradient(x.detach(), spacing=(minigrad.tensor([0.0, 1.0, 2.0, 3.0]),), edge_order=2)
    assert d.allclose(minigrad.tensor([0.0, 2.0, 4.0, 6.0]))
    rows, columns = minigrad.gradient(minigrad.arange(6.0).reshape(2, 3))
    assert rows.tolist() == [[3, 3, 3]] * 2 and columns.tolist() == [[1, 1, 1]] * 2
    with pytest.raises(ValueError, match="one spacing for each"):
        minigrad.gradient(x, spacing=[1.0, 2.0])
