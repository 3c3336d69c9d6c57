"""Hooks, the detection of anomalies, forward mode, modes: what is minigrad's own about them. (What they compute is
compared with PyTorch in tests/oracle.)"""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, Value, engine, func, nn, ones, tensor, walk
from minigrad.autograd import Function, detect_anomaly, functional, set_detect_anomaly
from minigrad.grad_mode import mode
from minigrad.hooks import watchers
from minigrad.primitives.primitive import Primitive


def leaf(*numbers: float) -> Tensor:
    return tensor(list(numbers or (1.0, -2.0, 3.0)), requires_grad=True)


# ---- hooks -----------------------------------------------------------------------------------------------------


def test_the_walk_shows_what_hooks_have_changed() -> None:
    x = leaf()
    y = x * 2
    y.register_hook(lambda g: g * 10)
    events = {node: g for node, g, _ in walk((y * 3).sum())}
    assert events[y.node].tolist() == [30.0] * 3 and events[x.node].tolist() == [60.0] * 3


def test_what_a_hook_holds_is_its_own() -> None:
    x, w, seen = leaf(), leaf(), []
    a, b = x * 1, w * 1
    a.register_hook(lambda g: g.mul_(5))  # a and b are given the same array
    x.register_hook(seen.append)
    (a + b).sum().backward()
    assert x.grad is not None and w.grad is not None
    assert x.grad.tolist() == [5.0] * 3 and w.grad.tolist() == [1.0] * 3
    x.grad.zero_()
    assert seen[0].tolist() == [5.0] * 3


def test_what_a_hook_may_not_return_is_said() -> None:
    x = leaf()
    x.name = "x"

    def shorten(g: Tensor) -> Any:
        return g[:2]

    with (
        x.register_hook(shorten),
        pytest.raises(
            RuntimeError, match=r"the hook shorten: returned float32 of shape \(2,\) for the gradient of 'x'"
        ),
    ):
        (x * 2).sum().backward()
    with x.register_hook(lambda g: 1.0), pytest.raises(TypeError, match="a Tensor or None, not float"):  # type: ignore[arg-type,return-value]
        (x * 2).sum().backward()
    assert x.grad is None
    with pytest.raises(TypeError, match="register_hook: takes a function, got int"):
        x.register_hook(3)  # type: ignore[arg-type]


def test_a_hook_keeps_no_tensor_alive() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf()
        x.register_hook(lambda g: None)
        x.register_post_accumulate_grad_hook(lambda t: None)
        watched = [weakref.ref(x), weakref.ref(x.node)]
        (x * 2).sum().backward()
        del x
        assert [w() for w in watched] == [None, None]
    finally:
        gc.enable()


def test_hooks_in_a_network() -> None:
    network, seen = Network(nn.Linear(2, 1), nn.MSELoss()), []
    weight = network.model.weight
    weight.register_hook(lambda g: g * 0 + 7)
    weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    network.forward((np.ones((3, 2), "f"), np.zeros((3, 1), "f")))
    assert network.backward()[:2].tolist() == [7.0, 7.0]
    assert seen == [[[7.0, 7.0]]]


def test_a_handle_takes_away_its_own_registration_only() -> None:
    x, calls = leaf(), []

    def note(g: Tensor) -> None:
        calls.append(1)

    first, _ = x.register_hook(note), x.register_hook(note)
    first.remove()
    (x * 2).sum().backward()
    assert calls == [1]


def test_modules_with_hooks_are_copied_and_pickled() -> None:
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(scaled)
    handle = layer.register_full_backward_hook(ignoring)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin(ones(1, 2)).tolist() == layer(ones(1, 2)).tolist()
        assert len(twin._backward_hooks) == 1
    handle.remove()
    assert len(twin._backward_hooks) == 1


def scaled(module: Any, inputs: Any, output: Any) -> Any:
    return output * 2


def ignoring(module: Any, grad_input: Any, grad_output: Any) -> None:
    pass


def test_an_output_behind_a_gate_may_be_written_to() -> None:
    layer = nn.Sigmoid()
    layer.register_full_backward_hook(ignoring)
    x = leaf()
    y = layer(x)
    y += 1
    y.sum().backward()
    wanted = leaf()
    wanted.sigmoid().sum().backward()
    assert x.grad is not None and wanted.grad is not None and x.grad.tolist() == wanted.grad.tolist()


def test_forward_mode_goes_through_the_gates_and_calls_no_hooks() -> None:
    layer, calls = nn.Tanh(), []
    layer.register_full_backward_hook(lambda m, gi, go: calls.append(1))
    layer.register_full_backward_pre_hook(lambda m, go: calls.append(1))
    x, v = ones(2), tensor([1.0, 2.0])
    assert func.jvp(layer, (x,), (v,))[1].tolist() == func.jvp(Tensor.tanh, (x,), (v,))[1].tolist()
    assert calls == []


def test_wrong_module_hooks_are_named() -> None:
    layer = nn.Tanh()
    with pytest.raises(NotImplementedError, match="always_call=True is not supported; use try and finally"):
        layer.register_forward_hook(scaled, always_call=True)
    with (
        layer.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0])),
        pytest.raises(
            RuntimeError,
            match="the full_backward_hook of Tanh must return as many gradients as grad_input has, 1; it returned 2",
        ),
    ):
        layer(leaf()).sum().backward()
    linear = nn.Linear(3, 1)
    linear.register_full_backward_hook(lambda m, gi, go: go)
    with pytest.raises(RuntimeError, match="the full_backward_hook of Linear returned a gradient, but no input"):
        linear(ones(1, 3)).sum().backward()


# ---- anomalies -------------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_watches() -> Iterator[None]:
    yield
    assert watchers == []


class Broken(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        raise ValueError("my mistake")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 2), Rooted())

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) * 0


class Rooted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x * 0).sqrt()  # here


def test_a_nan_of_the_backward_pass_is_traced_to_the_line_and_the_layer(nothing_watches: None) -> None:
    with detect_anomaly(), pytest.raises(RuntimeError) as caught, np.errstate(all="ignore"):  # PyTorch's kind
        Net()(ones(1, 2)).sum().backward()
    message = str(caught.value)
    assert "the backward pass of 'sqrt' returned nan" in message
    assert "in Net.body.1, at " in message and "test_autograd_tools.py" in message and "# here" in message


def test_names_of_the_operands_are_given(nothing_watches: None) -> None:
    w = leaf(0.0)
    w.name = "width"
    with detect_anomaly(), pytest.raises(FloatingPointError, match="returned nan, of width"), np.errstate(all="ignore"):
        (w.sqrt() * 0).sum().backward()


@pytest.mark.parametrize("check_nan", [True, False])
def test_any_error_of_the_backward_pass_is_traced(nothing_watches: None, check_nan: bool) -> None:
    with detect_anomaly(check_nan), pytest.raises(ValueError, match="my mistake") as caught:
        Broken.apply(leaf()).sum().backward()
    (note,) = caught.value.__notes__
    assert note.startswith("The result of 'Broken' was computed at ") and "Broken.apply(leaf())" in note
    with pytest.raises(ValueError, match="my mistake") as caught:
        Broken.apply(leaf()).sum().backward()
    assert not hasattr(caught.value, "__notes__")


def test_nan_may_be_let_through(nothing_watches: None) -> None:
    with detect_anomaly(check_nan=False), np.errstate(all="ignore"):
        assert np.isnan(tensor(-1.0).log().item()) and np.isnan(Value(-1.0).log().data)


def test_set_detect_anomaly(nothing_watches: None) -> None:
    with np.errstate(all="ignore"):
        with set_detect_anomaly(True):
            with set_detect_anomaly(False):
                tensor(-1.0).log()
            with pytest.raises(FloatingPointError):
                tensor(-1.0).log()
        tensor(-1.0).log()
        set_detect_anomaly(True)
        with pytest.raises(FloatingPointError):
            tensor(-1.0).log()
        with detect_anomaly():
            set_detect_anomaly(False)
        tensor(-1.0).log()


# ---- forward mode ----------------------------------------------------------------------------------------------


def test_forward_mode_goes_through_a_graph_that_stays() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).exp().sum()
    for v in ([1.0, 0.0], [0.0, 1.0]):
        found = engine.jvp({x.node: np.array(v, "f")}, [y.node])  # type: ignore[dict-item,list-item]
        assert found[y.node] == pytest.approx((x[0].exp() * 2 if v[0] else (x[1] * x[1]).exp() * 4).item())  # type: ignore[index]
    y.backward()
    with pytest.raises(RuntimeError, match="backward a second time"):
        engine.jvp({x.node: np.ones(2, "f")}, [y.node])  # type: ignore[dict-item,list-item]


def test_forward_mode_notices_what_was_written_to() -> None:
    x = leaf()
    for use in (lambda h: h * h, lambda h: h.logsumexp(0)):
        h = x * 2
        y = use(h)
        h += 1
        with pytest.raises(RuntimeError, match="changed in place"):
            engine.jvp({x.node: np.ones(3, "f")}, [y.node])  # type: ignore[dict-item,list-item]


def test_forward_mode_looks_anew_at_what_was_handed_out() -> None:
    x = ones(3)
    y, push = func.linearize(lambda h: h * x, ones(3))
    handed_out = x.numpy()
    assert push(ones(3)).tolist() == [1.0] * 3
    handed_out[0] = 5.0
    with pytest.raises(RuntimeError, match="changed in place"):
        push(ones(3))


def test_forward_mode_after_a_write_that_was_recorded() -> None:
    def f(x: Tensor) -> Tensor:
        h = x * 2
        h[1:] = x[:2] * x[1:]
        v = h[:2]
        v *= x[0]
        return h

    x = tensor([1.0, 2.0, 3.0])
    np.testing.assert_allclose(func.jacfwd(f)(x).numpy(), func.jacrev(f)(x).numpy())


def test_a_rule_that_gives_the_same_share_twice() -> None:
    join = Primitive("join", lambda a, b: a + b, a=lambda g: g, b=lambda g: g)
    _, t = func.jvp(lambda a, b: join(a, b), (ones(2), ones(2)), (ones(2), ones(2) * 2))
    assert t.tolist() == [3.0, 3.0]


def test_a_thousand_steps_in_linear_time() -> None:
    def f(x: Tensor) -> Tensor:
        for _ in range(1000):
            x = x.logsumexp(0, keepdim=True) * 0.5  # one elementwise rule and one that is not
        return x

    assert func.jvp(f, (tensor([1.0]),), (tensor([1.0]),))[1].item() == pytest.approx(0.5**1000)


def test_no_tangent_shares_memory_with_what_was_given() -> None:
    v = ones(3)
    _, t = func.jvp(lambda x: x, (ones(3),), (v,))
    t.zero_()
    assert v.tolist() == [1.0] * 3


def test_tangents_have_to_fit() -> None:
    with pytest.raises(RuntimeError, match=r"jvp: the tangents must be float32 \(3,\); got float64 \(3,\)"):
        func.jvp(lambda x: x, (ones(3),), (ones(3).double(),))
    with pytest.raises(RuntimeError, match=r"jvp: v must have shape \(3,\), got shape \(2,\)"):
        functional.jvp(lambda x: x, ones(3), ones(2))
    with pytest.raises(RuntimeError, match="vjp: v may be omitted only if the function returns a single number"):
        functional.vjp(lambda x: x, ones(3))
    with pytest.raises(TypeError, match=r"jvp: primals must be the tuple of the arguments, got Tensor"):
        func.jvp(lambda x: x, ones(3), ones(3))
    with pytest.raises(TypeError, match="vjp: the function returned None; is a return statement missing"):
        functional.vjp(lambda x: None, ones(3), ones(3))


def test_matrices_of_nothing() -> None:
    for jacobian in (func.jacrev, func.jacfwd):
        assert jacobian(lambda x: x * 2)(ones(0, 2)).shape == (0, 2, 0, 2)
        assert jacobian(lambda x: x.sum())(ones(0)).shape == (0,)
        assert jacobian(lambda x: x[:0])(ones(3)).shape == (0, 3)
    assert functional.jacobian(lambda x: x[:0], ones(3)).shape == (0, 3)


def test_results_have_no_history_unless_it_is_wanted_outside() -> None:
    x = leaf()
    f: Callable[..., Any] = lambda x: (x**3).sum()  # noqa: E731
    assert func.grad(f)(x).requires_grad and func.hessian(f)(x).requires_grad
    assert not func.grad(f)(x.detach()).requires_grad and not func.hessian(f)(x.detach()).requires_grad
    assert not any(t.requires_grad for t in func.grad_and_value(f)(x.detach()))
    assert not func.jvp(f, (x.detach(),), (ones(3),))[1].requires_grad
    y, push = func.linearize(f, x.detach())
    assert not y.requires_grad and push(x).requires_grad  # the tangent's own history
    assert x.grad is None


def test_grad_refuses_batches() -> None:
    x = leaf()
    with pytest.raises(NotImplementedError, match="is_grads_batched=True is not supported; call grad once for each"):
        minigrad.grad(x * 2, x, ones(2, 3), is_grads_batched=True)


# ---- modes -----------------------------------------------------------------------------------------------------


def test_modes_belong_to_a_thread() -> None:
    seen = []
    with minigrad.inference_mode():
        thread = threading.Thread(target=lambda: seen.append((minigrad.is_grad_enabled(), mode.inference)))
        thread.start()
        thread.join()
    assert seen == [(True, False)]


def test_enable_grad_does_not_lift_inference_mode() -> None:
    x = leaf()
    with minigrad.inference_mode(), minigrad.enable_grad():
        assert not (x * 2).requires_grad
        with minigrad.inference_mode(False):
            assert (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_modes_without_brackets_and_wrong_ones() -> None:
    @minigrad.inference_mode
    def look() -> tuple[bool, bool]:
        return minigrad.is_grad_enabled(), minigrad.is_inference_mode_enabled()

    assert look() == (False, True) and minigrad.is_grad_enabled()
    with pytest.raises(TypeError, match="set_grad_enabled: mode must be True or False, got str"):
        minigrad.set_grad_enabled("no")
    with pytest.raises(ValueError), minigrad.inference_mode():
        raise ValueError
    assert minigrad.is_grad_enabled() and not minigrad.is_inference_mode_enabled()


# ---- modules as functions of their parameters ------------------------------------------------------------------


def test_functional_call() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    before, x = {n: id(p) for n, p in net.named_parameters()}, ones(1, 2)
    twos = tensor([[2.0, 2.0], [2.0, 2.0]])
    zero = {"0.bias": ones(2) * 0, "1.bias": ones(2) * 0}
    assert func.functional_call(net, {"0.weight": twos, **zero}, x).tolist() == [[16.0, 16.0]]
    assert func.functional_call(net, ({"1.weight": twos}, zero), (x,)).tolist() == [[16.0, 16.0]]
    net[1].weight = nn.Parameter(ones(2, 2))
    assert func.functional_call(net, {"0.weight": twos, **zero}, x).tolist() == [[8.0, 8.0]]
    twice = nn.Bilinear(1, 1, 1, bias=False)
    assert func.functional_call(twice, {"weight": ones(1, 1, 1)}, (ones(1), ones(1) * 3)).tolist() == [3.0]
    with pytest.raises(RuntimeError, match="functional_call of Sequential: unknown: weight"):
        func.functional_call(net, {"weight": twos}, x)
    with pytest.raises(RuntimeError, match="missing: 0.bias, 1.weight, 1.bias"):
        func.functional_call(net, {"0.weight": twos}, x, strict=True)
    with pytest.raises(ValueError, match="in several of the dicts"):
        func.functional_call(net, (zero, zero), x)
    with pytest.raises(ValueError, match="0.*shape|shape"):
        func.functional_call(net, {"0.weight": ones(5, 7)}, x)
    assert id(net[0].weight) == before["0.weight"]


def test_a_model_is_trained_as_a_function() -> None:
    minigrad.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)), tensor([[1.0, -1.0], [0.5, 2.0]])

    def loss(params: dict[str, Tensor]) -> Tensor:
        return ((func.functional_call(net, params, x) - 1.0) ** 2).mean()

    params = {name: p.detach() for name, p in net.named_parameters()}
    start = loss(params).item()
    for _ in range(50):
        slopes = func.grad(loss)(params)
        params = {name: p - 0.1 * slopes[name] for name, p in params.items()}
    assert loss(params).item() < start / 100
    assert all(p.grad is None for p in net.parameters())
