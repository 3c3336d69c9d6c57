"""An argument has an effect, or is refused: nothing that a program asks for is ignored without a word."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad import nn, ones, tensor, zeros
from minigrad.nn import functional as F

# ---- lazy layers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "again",
    [lambda net: net, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["same", "copy", "pickle"],
)
def test_a_lazy_layer_stays_frozen_after_its_first_call(again: Any) -> None:
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(2))
    assert all(p.requires_grad for p in net.parameters())
    net[0].requires_grad_(False)
    net[1].bias.requires_grad = False
    net = again(net)
    expected = [False, False, True, False]
    assert [p.requires_grad for p in net.parameters()] == expected
    net(ones(4, 5)).sum().backward()
    assert [p.requires_grad for p in net.parameters()] == expected
    assert [p.grad is not None for p in net.parameters()] == expected


def test_settings_of_a_lazy_layer_may_change_before_its_first_call() -> None:
    norm = nn.LazyBatchNorm1d()
    norm.momentum, norm.eps = 0.5, 1.0
    norm(tensor([[1.0], [3.0]]))
    assert norm.running_mean.tolist() == [1.0]
    assert norm.eps == 1.0
    layer = nn.LazyLinear(2)
    layer.bias = None
    assert layer(ones(1, 3)).shape == (1, 2)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_a_hook_on_a_parameter_without_shape_is_refused() -> None:
    with pytest.raises(RuntimeError, match="The parameter weight has no shape yet"):
        nn.LazyLinear(2).weight.register_hook(print)


# ---- gradients, and arguments of 0 ---------------------------------------------------------------------------------


def test_the_gradient_of_a_quantile_by_q_is_the_slope_there() -> None:
    x = tensor([1.0, 4.0, 9.0, 2.0])
    q = tensor([0.25, 0.6], requires_grad=True)
    x.quantile(q).sum().backward()
    assert q.grad.tolist() == [3.0, 6.0]  # (n - 1) times the distance of the neighbors
    one = tensor(0.5, requires_grad=True)
    tensor([[1.0, 5.0], [float("nan"), 2.0]]).nanquantile(one, dim=0).sum().backward()
    assert one.grad.item() == 3.0  # of the one number in column 0: 0
    assert not x.quantile(q, interpolation="nearest").requires_grad


def test_no_differences_are_taken_of_what_is_not_inserted() -> None:
    x = tensor([1.0, 4.0])
    y = x.diff(n=0, prepend=tensor([3.0]), append=tensor([3.0]))
    y[0] = 7.0
    assert (x.tolist(), y.tolist()) == ([1.0, 4.0], [7.0, 4.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.batch_norm(ones(2, 3), None, None, training=True, eps=0.0),
        lambda: F.batch_norm(ones(2, 3), zeros(3), ones(3), eps=-1e-5),
        lambda: nn.BatchNorm1d(3, eps=-1.0)(ones(2, 3)),
        lambda: F.layer_norm(ones(2, 3), (3,), eps=-1e-5),
        lambda: F.rms_norm(ones(2, 3), (3,), eps=-1e-5),
        lambda: F.group_norm(ones(2, 4), 2, eps=float("nan")),
        lambda: F.instance_norm(ones(2, 4, 3), eps=-1.0),
    ],
)
def test_an_eps_that_gives_nan_is_refused(call: Any) -> None:
    with pytest.raises(ValueError, match="[nN]orm(1d)?: eps must be "):
        call()
    assert F.layer_norm(tensor([1.0, 3.0]), (2,), eps=0.0).tolist() == [-1.0, 1.0]


def test_ignore_index_does_not_go_with_probabilities() -> None:
    scores, probabilities = zeros(2, 4), ones(2, 4) / 4
    with pytest.raises(ValueError, match="cross_entropy: ignore_index=1 applies to class indices"):
        F.cross_entropy(scores, probabilities, ignore_index=1)
    with pytest.raises(ValueError, match="ignore_index=0"):
        nn.CrossEntropyLoss(ignore_index=0)(scores, probabilities)
    assert F.cross_entropy(scores, probabilities, ignore_index=-1) == F.cross_entropy(scores, probabilities)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_dropout_between_the_layers_of_one_layer_warns(kind: Any) -> None:
    with pytest.warns(UserWarning, match=f"{kind.__name__}: dropout=0.5 has no effect with num_layers=1") as found:
        kind(3, 4, 1, dropout=0.5)
    assert found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(3, 4, 2, dropout=0.5)


# ---- extra state ---------------------------------------------------------------------------------------------------


class Counter(nn.Module):
    def __init__(self, calls: int = 0) -> None:
        super().__init__()
        self.calls = calls

    def get_extra_state(self) -> Any:
        return {"calls": self.calls}

    def set_extra_state(self, state: Any) -> None:
        self.calls = state["calls"]


def test_extra_state_is_saved_and_loaded(tmp_path: Path) -> None:
    net = nn.Sequential(Counter(7), nn.Linear(1, 1))
    state = net.state_dict(prefix="net.")
    assert [*state] == ["net.0._extra_state", "net.1.weight", "net.1.bias"]
    minigrad.save(net.state_dict(), tmp_path / "net.npz")
    other = nn.Sequential(Counter(), nn.Linear(1, 1))
    other.load_state_dict(minigrad.load(tmp_path / "net.npz"))
    assert other[0].calls == 7


def test_extra_state_that_nobody_takes_or_gives_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="missing: _extra_state. Nothing was loaded"):
        Counter().load_state_dict({})
    assert Counter().load_state_dict({}, strict=False).missing_keys == ["_extra_state"]
    with pytest.raises(RuntimeError, match="unexpected: _extra_state"):
        nn.ReLU().load_state_dict({"_extra_state": 1})
    net = nn.Sequential(Counter(1), nn.Linear(2, 1))
    with pytest.raises(RuntimeError, match="expected shape"):
        net.load_state_dict({**net.state_dict(), "0._extra_state": {"calls": 5}, "1.bias": zeros(3)})
    assert net[0].calls == 1
