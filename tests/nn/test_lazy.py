"""Lazy layers before their first call: what PyTorch allows of them."""

from __future__ import annotations

import pytest

import minigrad
from minigrad import nn


def model() -> nn.Sequential:
    return nn.Sequential(nn.LazyConv2d(3, 2), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))


def test_conversion_before_the_first_call() -> None:
    net = model().double()
    assert {p.dtype for p in nn.LazyLinear(2).double()(minigrad.ones(1, 3).double()).unbind()} == {minigrad.float64}
    assert net(minigrad.ones(2, 1, 4, 4).double()).dtype == minigrad.float64
    assert {t.dtype for t in net.state_dict().values()} == {minigrad.float64, minigrad.int64}
    assert model().to("cpu")(minigrad.ones(2, 1, 4, 4)).shape == (2, 2)


def test_state_before_the_first_call() -> None:
    net, trained = model(), model()
    net.zero_grad()
    assert [*net.state_dict()] == [*trained.state_dict()]
    assert repr(net[3].weight.data) == "<UninitializedParameter>"
    net.load_state_dict(trained.state_dict())  # without shapes on both sides
    x = minigrad.randn(2, 1, 4, 4)
    expected = trained.eval()(x)
    new = nn.Sequential(nn.LazyLinear(2))
    new.load_state_dict({"0.weight": trained[3].weight.detach(), "0.bias": trained[3].bias.detach()})
    assert new[0].weight.shape == (2, 27)
    assert (new(minigrad.ones(1, 27)) == trained[3](minigrad.ones(1, 27))).all() and type(new[0]) is nn.Linear
    assert expected.shape == (2, 2)
    with pytest.raises(RuntimeError, match="has no shape yet"):
        net[0].weight + 1
