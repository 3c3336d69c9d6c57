"""Modules as users write them: parameters are found and named, layers replaced, and mistakes explained."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn, tensor
from minigrad.nn import functional as F


class Block(nn.Module):
    """A module with a parameter, submodules and an ordinary attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.scale = nn.Parameter([2.0, 0.5])
        self.steps = 3
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(2, 2, bias=False))

    def forward(self, x: Tensor, *, shift: float = 0.0) -> Tensor:
        return self.rest(self.first(x) * self.scale) + shift


NAMES = ["scale", "first.weight", "first.bias", "rest.1.weight"]


def names(module: nn.Module) -> list[str]:
    return [name for name, _ in module.named_parameters()]


# ---- parameters and submodules ---------------------------------------------------------------------------------


def test_parameters_and_modules_are_found_and_named() -> None:
    block = Block()
    assert names(block) == NAMES
    assert [p.name for p in block.parameters()] == NAMES
    assert [name for name, _ in block.named_parameters("block")] == [f"block.{name}" for name in NAMES]
    assert [name for name, _ in block.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert list(block.children()) == [block.first, block.rest]
    assert list(block.modules()) == [block, block.first, block.rest, block.rest[0], block.rest[1]]


def test_names_grow_with_each_enclosing_module() -> None:
    block = Block()
    outer = nn.Sequential(nn.Tanh(), block)
    assert names(outer) == [p.name for p in block.parameters()] == [f"1.{name}" for name in NAMES]


def test_a_module_is_called_and_passes_keywords_on() -> None:
    block, x = Block(), minigrad.rand(4, 3)
    y = block(x)
    assert y.shape == (4, 2)
    np.testing.assert_allclose((block(x, shift=1.5) - y).tolist(), 1.5, rtol=1e-5)
    with pytest.raises(NotImplementedError, match=r"Silent does not define forward\(self, …\)"):
        type("Silent", (nn.Module,), {})()(x)


def test_a_shared_parameter_is_listed_once_and_gets_both_gradients() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight
            self.recompute = self.a

        def forward(self, x: Tensor) -> Tensor:
            return self.recompute(x) + self.b(x)

    tied = Tied()
    assert names(tied) == ["a.weight"] and len(list(tied.modules())) == 3
    tied(tensor([[1.0, 3.0]])).sum().backward()
    assert tied.a.weight.grad.tolist() == [[2, 6], [2, 6]]


def test_a_replaced_layer_keeps_its_position() -> None:
    block = Block()
    block.first = nn.Linear(3, 2, bias=False)
    block.scale = nn.Parameter([1.0, 1.0])
    assert names(block) == ["scale", "first.weight", "rest.1.weight"]
    assert block.scale.tolist() == [1, 1]
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    setattr(net, "0", nn.Linear(5, 3))
    assert net(minigrad.rand(4, 5)).shape == (4, 1)


@pytest.mark.parametrize("value", [None, 7, nn.Parameter([1.0]), nn.Tanh()], ids=["None", "int", "Parameter", "Module"])
@pytest.mark.parametrize("name", ["first", "scale", "steps"])
def test_an_attribute_may_become_anything_else(name: str, value: Any) -> None:
    block = Block()
    setattr(block, name, value)
    assert getattr(block, name) is value
    expected = [n for n in NAMES if n.split(".")[0] != name] + [name] * isinstance(value, nn.Parameter)
    assert sorted(names(block)) == sorted(expected)
    assert (value in [*block.children()]) == isinstance(value, nn.Module)


@pytest.mark.parametrize("name", ["first", "scale", "steps"])
def test_deleted_attributes_are_gone(name: str) -> None:
    block = Block()
    delattr(block, name)
    assert not hasattr(block, name)
    assert name not in " ".join(names(block))
    with pytest.raises(AttributeError, match=f"Block has no attribute '{name}'"):
        delattr(block, name)


def test_a_tensor_cannot_replace_a_layer() -> None:
    class Slip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            self.fc = self.fc(x)
            return self.fc

    with pytest.raises(TypeError, match=r"Slip.fc is a module, and assigning a tensor would replace it"):
        Slip()(minigrad.ones(2))


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training", "first", "scale"])
def test_names_that_could_not_be_read_back_are_refused(name: str) -> None:
    block, kinds = Block(), {"first": "module", "scale": "parameter"}
    for kind, register in (
        ("buffer", lambda: block.register_buffer(name, minigrad.ones(1))),
        ("parameter", lambda: block.register_parameter(name, nn.Parameter([1.0]))),
        ("module", lambda: block.add_module(name, nn.ReLU())),
    ):
        if kinds.get(name) == kind:
            register()
        else:
            with pytest.raises(KeyError, match=f"'{name}' cannot be the name of a {kind}"):
                register()


def test_registering_a_buffer_again_sets_whether_it_is_saved() -> None:
    module = nn.Module()
    for persistent in False, True, False:
        module.register_buffer("mask", minigrad.ones(1), persistent=persistent)
        assert ("mask" in module.state_dict()) == persistent
    del module.mask
    module.register_buffer("mask", minigrad.ones(1))
    assert "mask" in module.state_dict()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.ReLU(slope=1), TypeError, "ReLU: .*'slope'; it takes inplace"),
        (lambda: nn.Tanh(1), TypeError, "Tanh: too many .*; it takes no arguments"),
        (lambda: nn.LazyLinear(), TypeError, "LazyLinear: .*'out_features'; it takes out_features, bias"),
        (lambda: nn.ReLU().load_state_dict("net.npz"), TypeError, r"a dictionary .*got str.*minigrad.load\(path\)"),
        (lambda: nn.Linear(1, 1).cuda(), RuntimeError, r"cuda\(\): minigrad computes on the CPU only"),
    ],
)
def test_mistakes_with_any_module(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_is_registered_as_none_may_be_filled_later() -> None:
    module = nn.Module()
    module.register_parameter("bias", None)
    module.register_parameter("bias", nn.Parameter([1.0]))
    module.register_buffer("mask", None)
    module.register_buffer("mask", minigrad.ones(1))
    assert list(module.state_dict()) == ["bias", "mask"]


def test_a_missing_attribute_names_the_class() -> None:
    with pytest.raises(AttributeError, match="Linear has no attribute 'wieght'"):
        _ = nn.Linear(2, 2).wieght


def test_train_and_eval_reach_all_submodules() -> None:
    block = Block()
    assert all(m.training for m in block.modules())
    assert block.eval() is block and not any(m.training for m in block.modules())
    assert block.train() is block and all(m.training for m in block.modules())
    block.rest.train(False)
    assert [m.training for m in block.modules()] == [True, True, False, False, False]


def test_zero_grad_reaches_all_parameters() -> None:
    block = Block()
    block(tensor([[1.0, 2.0, 3.0]])).sum().backward()
    assert all(p.grad is not None for p in block.parameters())
    block.zero_grad()
    assert all(p.grad is None for p in block.parameters())


def test_a_frozen_parameter_is_listed_but_gets_no_gradient() -> None:
    block = Block()
    block.first.weight.requires_grad = False
    block(tensor([[1.0, 2.0, 3.0]])).sum().backward()
    assert names(block) == NAMES
    assert block.first.weight.grad is None and block.first.bias.grad is not None


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copied", "pickled"])
def test_a_copy_is_equal_and_independent(again: Callable[[Any], Any]) -> None:
    net, x = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), minigrad.rand(5, 3)
    net(x).sum().backward()
    other, before = again(net), net(x).tolist()
    assert other(x).tolist() == before and repr(other) == repr(net)
    with minigrad.no_grad():
        for p in other.parameters():
            p += 1.0
    assert net(x).tolist() == before != other(x).tolist()


# ---- mistakes in writing a module ------------------------------------------------------------------------------


def test_a_forgotten_super_init_is_named() -> None:
    class Forgetful(nn.Module):
        def __init__(self, part: Any) -> None:
            self.part = part

        def forward(self, x: Tensor) -> Tensor:
            return x

    for part in (nn.Parameter([1.0]), nn.ReLU()):
        with pytest.raises(AttributeError, match=r"Forgetful.part was set before super\(\).__init__\(\) was called"):
            Forgetful(part)
    for use in (lambda m: list(m.parameters()), nn.Sequential, repr, lambda m: m.eval()):
        with pytest.raises(AttributeError, match=r"Forgetful.__init__ does not call super\(\).__init__\(\)"):
            use(Forgetful(3))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU),
            TypeError,
            r"item 1 must be a module, got the class ReLU: call it, ReLU\(…\)",
        ),
        (
            lambda: nn.Sequential([nn.Linear(2, 3)]),
            TypeError,
            r"item 0 must be a module, got a list: pass its modules one by one",
        ),
        (lambda: nn.Sequential(np.tanh), TypeError, "item 0 must be a module, got <ufunc 'tanh'>"),
        (lambda: nn.Linear(0, 2), ValueError, "in_features must be a positive integer, got 0"),
        (lambda: nn.Linear(2, 2.0), ValueError, "out_features must be a positive integer, got 2.0"),
        (lambda: nn.Linear(2, True), ValueError, "out_features .* got True"),
        (lambda: nn.Parameter([1, 2]), RuntimeError, "int64 cannot require a gradient"),
        (lambda: nn.Linear(2, 2, dtype="int64"), RuntimeError, "int64 cannot require a gradient"),
    ],
)
def test_mistakes_in_making_modules(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def scores(*shape: int) -> Tensor:
    return Tensor(np.zeros(shape, np.float32))


NET = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU(), nn.Linear(12, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: NET(scores(5, 64)),
            ValueError,
            r"linear: the input must have 12 features .* got shape \(5, 10\) for 3.weight of shape \(3, 12\)",
        ),
        (
            lambda: NET[1](scores(5, 8, 8)),
            ValueError,
            r"shape \(5, 8, 8\).*1.weight.*Flatten images first: x.flatten\(1\)",
        ),
        (
            lambda: nn.Linear(1, 2)(scores(5)),
            ValueError,
            r"shape \(5,\) .* weight of shape \(2, 1\) \(out_\w+, in_\w+\)$",
        ),
        (lambda: nn.Linear(2, 2)(tensor(1.0)), ValueError, r"must have 2 features .* got shape \(\)"),
        (lambda: F.cross_entropy(scores(4, 3), np.zeros(5, int)), ValueError, r"\(4, 3\) need .* \(4,\).*got \(5,\)"),
        (lambda: F.cross_entropy(scores(4, 3, 2), np.zeros(4, int)), ValueError, r"\(4, 3, 2\)"),
        (
            lambda: F.cross_entropy(scores(2, 3), [0, 3]),
            ValueError,
            "targets must be from 0 to 2, .* they go from 0 to 3",
        ),
        (lambda: F.cross_entropy(scores(2, 3), tensor([-1, 2])), ValueError, "they go from -1 to 2"),
        (lambda: F.cross_entropy(scores(0, 3), np.zeros(0, int)), ValueError, "empty batch"),
        (lambda: F.mse_loss(scores(0, 3), scores(0, 3)), ValueError, "empty batch"),
        (
            lambda: F.mse_loss(scores(4, 1), scores(4)),
            ValueError,
            r"must have the same shape, got \(4, 1\) and \(4,\); reshape",
        ),
        (lambda: nn.MSELoss("average")(scores(4), scores(4)), ValueError, "'mean', 'sum' or 'none', got 'average'"),
    ],
)
def test_mistakes_in_calling_modules(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# ---- what layers and losses compute ----------------------------------------------------------------------------


def test_linear_and_its_gradients() -> None:
    layer = nn.Linear(3, 2, dtype="float64")
    W, b = (p.detach().numpy() for p in layer.parameters())
    x, g = np.arange(12.0).reshape(4, 3), np.arange(8.0).reshape(4, 2)
    X = tensor(x, requires_grad=True)
    y = layer(X)
    y.backward(g)
    for found, wanted in (
        *((y, x @ W.T + b), (X.grad, g @ W)),
        *((layer.weight.grad, g.T @ x), (layer.bias.grad, g.sum(axis=0))),
    ):
        np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-13)
    assert [p.dtype for p in nn.Linear(2, 2).parameters()] == [np.float32] * 2


def test_cross_entropy_and_its_gradient() -> None:
    x, y = np.array([[1.0, 2.0, 0.5], [-1.0, 0.0, 3.0]]), np.array([1, 0])
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    X = tensor(x, requires_grad=True)
    loss = nn.CrossEntropyLoss()(X, y)
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(p[[0, 1], y]).mean())
    np.testing.assert_allclose(X.grad.numpy(), (p - np.eye(3)[y]) / 2, rtol=1e-12)


def test_losses_of_extreme_scores_stay_finite() -> None:
    X = tensor([[1e4, -1e4, 0.0], [0.0, 1e4, -1e4]], requires_grad=True)
    loss = F.cross_entropy(X, [1, 1])
    loss.backward()
    assert loss.item() == 1e4
    assert X.grad.tolist() == [[0.5, -0.5, 0], [0, 0, 0]]


def test_mse_and_reductions() -> None:
    a, b = tensor([1.0, 2.0, 4.0]), np.array([0.0, 2.0, 1.0], np.float32)
    found = [F.mse_loss(a, b, reduction).tolist() for reduction in ("none", "sum", "mean")]
    assert found == [[1, 0, 9], 10, pytest.approx(10 / 3)]


def test_flatten_keeps_the_batch() -> None:
    assert nn.Flatten()(scores(5, 2, 3)).shape == (5, 6)
    assert nn.Flatten(0, 1)(scores(5, 2, 3)).shape == (10, 3)


# ---- initial values --------------------------------------------------------------------------------------------


def test_initial_parameters_are_seeded_and_within_their_bounds() -> None:
    def parameters() -> list[list[Any]]:
        minigrad.manual_seed(3)
        return [p.tolist() for p in nn.Linear(25, 400).parameters()]

    weight, bias = parameters()
    assert parameters() == [weight, bias]
    for values in (weight, bias):
        assert 0.195 < np.abs(values).max() <= 0.2 and abs(np.mean(values)) < 0.02  # 1 / sqrt(25)
    assert nn.Linear(25, 400).weight.tolist() != weight


def test_init_writes_in_place() -> None:
    layer = nn.Linear(8, 50)
    leaf = layer.weight.node
    assert nn.init.uniform_(layer.weight, 2.0, 3.0) is layer.weight
    assert 2 <= layer.weight.min().item() < layer.weight.max().item() < 3
    nn.init.kaiming_uniform_(layer.weight)
    assert 0.8 < abs(layer.weight).max().item() <= (6 / 8) ** 0.5 + 1e-6
    assert layer.weight.node is leaf and layer.weight.requires_grad


def test_sizes_may_be_numpy_integers() -> None:
    assert (
        repr(nn.Linear(np.int64(3), np.array([1, 0, 2]).max() + 1))
        == "Linear(in_features=3, out_features=3, bias=True)"
    )


def test_a_parameter_shares_the_memory_of_its_tensor() -> None:
    t = tensor([1.0, 2.0])
    p = nn.Parameter(t)
    t[0] = 5.0
    assert p.tolist() == [5, 2] and p.requires_grad and p.is_leaf and not t.requires_grad
    assert repr(p) == "Parameter containing:\ntensor([5., 2.], requires_grad=True)"


def test_sequential_is_a_sequence() -> None:
    parts = nn.Linear(2, 2), nn.ReLU(), nn.Tanh()
    net = nn.Sequential(*parts)
    assert len(net) == 3 and list(net) == list(parts) and net[-1] is parts[2]
    x = tensor([[1.0, -1.0]])
    assert net(x).tolist() == parts[0](x).relu().tanh().tolist()
    assert nn.Sequential()(x) is x


def test_a_copy_of_a_parameter_has_no_gradient() -> None:
    layer = nn.Linear(2, 1)
    layer(minigrad.ones(1, 2)).sum().backward()
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert all(p.grad is None and p.requires_grad for p in twin.parameters())
    assert all(p.grad is not None for p in layer.parameters())
