"""Parameters in plain lists are not found, and so not trained: whoever asks for the parameters is warned."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import nn, ones, optim


class Net(nn.Module):
    def __init__(self, rest: Any) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.rest = rest

    def forward(self, x: Any) -> Any:
        return self.first(x)


def layer() -> nn.Linear:
    return nn.Linear(2, 2)


PLAIN: list[tuple[Callable[[], Any], str]] = [
    (lambda: [layer()], "a plain list of modules, which would not be trained: use nn.ModuleList"),
    (lambda: (layer(), layer()), "a plain tuple of modules, .* use nn.ModuleList"),
    (lambda: {"a": layer()}, "a plain dict of modules, .* use nn.ModuleDict"),
    (lambda: [nn.Parameter(ones(2))], "a plain list of parameters, .* use nn.ParameterList"),
    (lambda: {"a": nn.Parameter(ones(2))}, "a plain dict of parameters, .* use nn.ParameterDict"),
    (lambda: {"a": [(layer(), "text")]}, "a plain dict of modules"),
    (lambda: {layer()}, "a plain set of modules"),
]


@pytest.mark.parametrize(("make", "message"), PLAIN)
def test_an_optimizer_warns(make: Any, message: str) -> None:
    for ask in (
        lambda net: optim.SGD(net.parameters(), lr=0.1),
        lambda net: [*net.named_parameters()],
        lambda net: net.state_dict(),
        lambda net: minigrad.watch(net, optim.SGD([*net.first.parameters()], lr=0.1), live=False).close(),
    ):
        with pytest.warns(UserWarning, match=rf"Net.rest is {message}") as found:
            ask(Net(make()))
        assert found[0].filename == __file__
    with pytest.warns(UserWarning, match=rf"Sequential.1.rest is {message}"):
        nn.Sequential(nn.ReLU(), Net(make())).parameters()
    with pytest.raises(ValueError, match=rf"Network: rest is {message}"):
        minigrad.Network(Net(make()), nn.MSELoss())


def test_what_is_registered_or_frozen_does_not_warn() -> None:
    frozen = layer().requires_grad_(False)
    nets = [Net([]), Net([1, "a", ones(2)]), Net([frozen]), Net([nn.ReLU()]), Net(nn.ModuleList([layer()]))]
    both = Net([layer()])
    both.add_module("same", both.rest[0])
    shared = Net(None)
    shared.rest = [shared.first]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for net in [*nets, both, shared]:
            optim.SGD(net.parameters(), lr=0.1)
            net.state_dict()


def test_only_who_asks_for_the_parameters_is_warned() -> None:
    net = Net([layer()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = nn.Sequential(net)(ones(1, 2)).sum()
        loss.backward()
        net.zero_grad()
        net.double().requires_grad_(False)
        [*net.parameters(recurse=False)]
