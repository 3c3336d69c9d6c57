"""Checkpoints: the same gradients with less memory, and no gradient that is silently wrong."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, engine, nn, ones, tensor
from minigrad.autograd.checkpoint import checkpoint, checkpoint_sequential
from minigrad.tensors import saved
from minigrad.tensors.rng import numbers


def model(*extra: nn.Module) -> nn.Sequential:
    minigrad.manual_seed(0)
    return nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.Tanh(), *extra) for _ in range(6)])


def batch() -> Tensor:
    return tensor(np.random.default_rng(0).standard_normal((5, 8)), dtype="float32", requires_grad=True)


def kept(y: Tensor, besides: list[Tensor]) -> int:
    """How many bytes the graph of y keeps, without the memory of these tensors."""
    owners = {}
    for node in engine.reverse_topological_order([y.node]):  # type: ignore[list-item]
        for k in node.saved:  # type: ignore[attr-defined]
            if isinstance(k, np.ndarray):
                owners[id(saved.memory_owner(k))] = saved.memory_owner(k)
    known = {id(t._array) for t in besides}
    return sum(a.nbytes for i, a in owners.items() if i not in known)


def test_less_is_kept_and_the_gradients_are_the_same() -> None:
    net, x = model(), batch()
    params = [x, *net.parameters()]
    plain, saving = net(x).sum(), checkpoint_sequential(net, 3, x).sum()
    whole = checkpoint(net, x).sum()
    assert plain.item() == saving.item() == whole.item()
    assert kept(whole, params) < kept(saving, params) < kept(plain, params) * 0.7
    assert kept(whole, params) == 0
    wanted = [g.tolist() for g in minigrad.grad(plain, params)]
    assert [g.tolist() for g in minigrad.grad(saving, params)] == wanted
    assert [g.tolist() for g in minigrad.grad(whole, params)] == wanted


def test_dropout_leaves_out_the_same_elements_and_goes_on_as_before() -> None:
    net, x = model(nn.Dropout(0.5)), batch()
    results = []
    for run in (net, lambda x: checkpoint(net, x), lambda x: checkpoint_sequential(net, 2, x)):
        minigrad.manual_seed(1)
        x.grad = None
        y = run(x)
        between = numbers().random()
        y.sum().backward()
        assert x.grad is not None
        results.append((y.tolist(), x.grad.tolist(), between, numbers().random()))
    assert results[0] == results[1] == results[2]
    minigrad.manual_seed(1)
    x.grad = None
    checkpoint(net, x, preserve_rng_state=False).sum().backward()
    assert x.grad.tolist() != results[0][1]


def test_in_one_another_and_twice_differentiated_and_in_forward_mode() -> None:
    def inner(x: Tensor) -> Tensor:
        return (x * x).exp()

    def outer(x: Tensor, wrap: bool) -> Tensor:
        return (checkpoint(inner, x) if wrap else inner(x)) * x

    x = tensor(np.array([0.1, -0.7]), requires_grad=True)
    with_, without = (lambda x: checkpoint(outer, x, True)), (lambda x: outer(x, False))
    for tool in (minigrad.func.jacrev, minigrad.func.jacfwd, lambda f: minigrad.func.hessian(lambda x: f(x).sum())):
        np.testing.assert_allclose(tool(with_)(x).detach().numpy(), tool(without)(x).detach().numpy())
    assert minigrad.autograd.gradgradcheck(with_, x)


def test_only_what_is_used_receives_a_gradient_and_constants_stay_constants() -> None:
    a, b, c = (tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
    y = checkpoint(lambda a, b: a * c, a, b=b)
    assert minigrad.grad(y.sum(), [a, b, c], allow_unused=True, retain_graph=True)[1] is None
    y.sum().backward()
    assert a.grad is not None and b.grad is None and c.grad is not None
    assert not checkpoint(lambda a: a * 2, ones(2)).requires_grad
    assert checkpoint(lambda a: a, a) is a
    with minigrad.no_grad():
        assert not checkpoint(lambda a: a * 2, a).requires_grad


def test_hooks_outside_are_called_once() -> None:
    x, calls = tensor([1.0, 2.0], requires_grad=True), []
    h = x * 2
    h.register_hook(lambda g: calls.append(1) or g * 2)
    x.register_hook(lambda g: calls.append(2))
    checkpoint(lambda h: h * h, h).sum().backward()
    assert calls == [1, 2] and x.grad is not None and x.grad.tolist() == [16.0, 32.0]


def test_views_that_are_given_back_have_memory_of_their_own() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    h = x * 1
    y = checkpoint(lambda h: h.reshape(2, 1), h)
    y *= 3
    (y.sum() + h.sum()).backward()
    assert h.tolist() == [1.0, 2.0] and x.grad is not None and x.grad.tolist() == [4.0, 4.0]


def test_the_graph_is_freed_without_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        net, x = model(), batch()
        inside: list[Any] = []

        def run(x: Tensor) -> Tensor:
            h = net(x)
            inside.append(weakref.ref(h.node))
            return h * 2

        y = checkpoint(run, x)
        assert inside[0]() is None
        argument = weakref.ref(x)
        del x
        y.sum().backward()
        assert inside[1]() is None and argument() is None
    finally:
        gc.enable()


# ---- what cannot be computed again -----------------------------------------------------------------------------


def update(p: Tensor) -> None:
    with minigrad.no_grad():
        p -= 0.1


@pytest.mark.parametrize("which", ["an argument", "a parameter", "a constant", "through NumPy"])
def test_what_was_written_to_meanwhile_raises(which: str) -> None:
    net, x, constant = model(), batch(), ones(8)
    h = x * 1
    handed_out = h.detach().numpy() if which == "through NumPy" else None
    y = checkpoint(lambda h: net(h * constant), h).sum()
    if which == "through NumPy":
        handed_out[0] = 7.0  # type: ignore[index]
    else:
        update({"an argument": h, "a parameter": net[2][0].weight, "a constant": constant}[which].data)
    with pytest.raises(RuntimeError, match="'checkpoint' needs a saved tensor of shape .*, but that was"):
        y.backward()


def test_parameters_of_a_primitive_with_any_number_of_inputs_are_guarded() -> None:
    net = nn.LSTM(8, 3)
    y = checkpoint(lambda x: net(x)[0], batch().reshape(5, 1, 8)).sum()
    update(net.weight_hh_l0.data)
    with pytest.raises(RuntimeError, match="'checkpoint' needs a saved tensor of shape .*, but that was"):
        y.backward()


def test_writing_to_an_argument_raises() -> None:
    with pytest.raises(RuntimeError, match="the function writes to its arguments in place"):
        checkpoint(lambda h: h.mul_(2) * h, batch() * 1)


def test_something_else_the_second_time_raises() -> None:
    sizes = iter([1, 2])
    y = checkpoint(lambda x: x[: next(sizes)] * 2, batch()).sum()
    with pytest.raises(
        RuntimeError, match=r"returned shapes \[\(1, 8\)\] in the forward pass, but \[\(2, 8\)\] when recomputed"
    ):
        y.backward()
    a, b = batch(), batch()
    used = iter([a, b])
    y = checkpoint(lambda: next(used) * 2).sum()
    with pytest.raises(RuntimeError, match="used other tensors when recomputed than"):
        y.backward()


@pytest.mark.parametrize("option", [{"use_reentrant": True}, {"context_fn": None}, {"early_stop": False}])
def test_what_is_not_supported_is_said(option: dict[str, Any]) -> None:
    f: Callable[..., Any] = checkpoint
    with pytest.raises(NotImplementedError, match="checkpoint: .*=.* is not supported"):
        f(lambda x: x * 2, batch(), **option)
    with pytest.raises(ValueError, match="from 1 to the number of functions, 6, got 7"):
        checkpoint_sequential(model(), 7, batch())
