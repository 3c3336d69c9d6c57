"""The state of modules: buffers, state_dict, conversion, hooks, containers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn, tensor


class Counted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)
        self.register_buffer("count", tensor([0.0]))
        self.register_buffer("scratch", tensor([7]), persistent=False)
        self.register_buffer("empty", None)

    def forward(self, x: Tensor) -> Tensor:
        self.count = self.count + 1
        return self.layer(x)


def test_persistent_buffers_are_saved() -> None:
    net = nn.Sequential(Counted())
    net(minigrad.ones(1, 2))
    assert dict(net.named_buffers()).keys() == {"0.count", "0.scratch"}
    assert net[0].count.tolist() == [1.0]
    assert [*net.state_dict()] == ["0.count", "0.layer.weight", "0.layer.bias"]
    assert all(not t.requires_grad for t in net.state_dict().values())
    with pytest.raises(TypeError, match=r"'x' must be a tensor or None, got int"):
        net.register_buffer("x", 3)


def test_a_state_moves_from_one_module_to_another() -> None:
    one, other = nn.Sequential(Counted()), nn.Sequential(Counted())
    one(minigrad.ones(1, 2))
    arrays = {name: t.numpy().copy() for name, t in one.state_dict().items()}  # as from a file
    weight = other[0].layer.weight
    assert other.load_state_dict(arrays) == ([], [])
    assert other[0].layer.weight is weight and weight.requires_grad and weight.is_leaf
    assert all((a == b).all() for a, b in zip(one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("bias"), "missing: bias"),
        (lambda s: s.update(extra=np.zeros(1)), "unexpected: extra"),
        (lambda s: s.update(weight=np.zeros((2, 3))), r"weight: expected shape \(3, 2\), got \(2, 3\)"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: Any, message: str) -> None:
    layer = nn.Linear(2, 3)
    before = layer.weight.tolist()
    state: dict[str, Any] = {"weight": np.zeros((3, 2)), "bias": np.zeros(3)}
    change(state)
    with pytest.raises(RuntimeError, match=f"load_state_dict into Linear: {message}.*Nothing was loaded"):
        layer.load_state_dict(state)
    assert layer.weight.tolist() == before
    if "shape" not in message:
        missing, unexpected = layer.load_state_dict(state, strict=False)
        assert (missing, unexpected) == (["bias"] * ("bias" in message), ["extra"] * ("extra" in message))
        assert layer.weight.tolist() == np.zeros((3, 2)).tolist()


def test_conversion_reaches_parameters_and_buffers_of_floats() -> None:
    net = Counted()
    net(minigrad.ones(4, 2)).sum().backward()
    assert net.double() is net
    assert {str(t.dtype) for t in [*net.parameters(), net.count]} == {"float64"}
    assert net.scratch.dtype == np.int64
    assert net.layer.weight.grad is not None and net.layer.weight.grad.dtype == np.float64
    net(minigrad.ones(4, 2, dtype="float64")).sum().backward()
    assert net.layer.weight.grad is not None and net.layer.weight.grad.dtype == np.float64
    assert net.to("cpu") is net and net.float().layer.bias.dtype == np.float32
    with pytest.raises(TypeError, match="a module needs a floating-point dtype, got int64"):
        net.to(np.int64)


def test_freezing_and_applying() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    seen: list[str] = []
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_submodules_are_found_by_name() -> None:
    net = nn.Sequential(Counted())
    assert net.get_submodule("0.layer") is net[0].layer and net.get_submodule("") is net
    assert net.get_parameter("0.layer.bias") is net[0].layer.bias
    assert [name for name, _ in net[0].named_children()] == ["layer"]
    with pytest.raises(AttributeError, match=r"Sequential has no submodule '0.x'; it has \['0', '0.layer'\]"):
        net.get_submodule("0.x")
    with pytest.raises(AttributeError, match=r"no parameter 'w'; it has \['0.layer.weight', '0.layer.bias'\]"):
        net.get_parameter("w")


def test_hooks_see_and_change_inputs_and_outputs_until_they_are_removed() -> None:
    layer = nn.ReLU()
    before = layer.register_forward_pre_hook(lambda module, inputs: inputs[0] * 2)
    after = layer.register_forward_hook(lambda module, inputs, output: output + inputs[0])
    assert layer(tensor([1.0])).tolist() == [4.0]
    before.remove()
    assert layer(tensor([1.0])).tolist() == [2.0]
    after.remove()
    assert layer(tensor([1.0])).tolist() == [1.0]


def test_an_error_inside_names_the_layer() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1))

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x)

    with pytest.raises(
        ValueError, match=r"^Net\.body\.2: linear: the input must have 4 features .* got shape \(5, 3\)"
    ):
        Net()(minigrad.ones(5, 2))
    with (
        np.errstate(invalid="ignore"),
        minigrad.detect_anomaly(),
        pytest.raises(FloatingPointError, match=r"^Net\.body\.0: the forward pass of 'linear' returned nan"),
    ):
        Net()(minigrad.full((1, 2), np.nan))


def test_containers() -> None:
    layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
    layers.append(nn.Tanh()).extend([nn.Sigmoid()])
    assert [type(m).__name__ for m in layers] == ["Linear", "ReLU", "Tanh", "Sigmoid"]
    assert [type(m).__name__ for m in layers[1:3]] == ["ReLU", "Tanh"] and isinstance(layers[1:3], nn.ModuleList)
    layers[-1] = nn.Flatten()
    assert isinstance(layers[3], nn.Flatten) and len(layers) == 4
    named = nn.ModuleDict({"a": nn.Linear(1, 1)})
    named["b"] = nn.ReLU()
    assert [*named] == ["a", "b"] and "a" in named and len(list(named.parameters())) == 2
    del named["a"]
    assert [*named.keys()] == ["b"]
    row = nn.Sequential({"in": nn.Linear(2, 3), "out": nn.Linear(3, 1)})
    assert [*dict(row.named_parameters())] == ["in.weight", "in.bias", "out.weight", "out.bias"]
    assert row[:1](minigrad.ones(1, 2)).shape == (1, 3)
    for make in (lambda: nn.ModuleList([nn.ReLU]), lambda: nn.ModuleDict({"a": 3})):
        with pytest.raises(TypeError, match="must be a module, got"):
            make()


def test_a_parameter_cannot_be_replaced_by_a_plain_tensor() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"Linear.weight is a parameter: assign nn.Parameter"):
        layer.weight = minigrad.ones(2, 2)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copied", "pickled"])
@pytest.mark.parametrize("depth", [1, 24, 25, 26, 75, 200, 240])
def test_modules_of_any_depth_are_copied(again: Any, depth: int) -> None:
    inner = nn.Linear(2, 2)
    net: nn.Module = inner
    for _ in range(depth):
        net = nn.Sequential(net)
    pair = nn.Sequential(net, inner)  # shared, and shared it stays
    pair, alone = again([pair, inner])
    x = minigrad.ones(1, 2)
    assert pair[1] is alone and [*pair.modules()][-1] is alone and alone is not inner
    assert len([*pair.modules()]) == depth + 2 and len([*pair.parameters()]) == 2
    assert pair(x).tolist() == inner(inner(x)).tolist()
