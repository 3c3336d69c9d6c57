"""Corners where a gradient could go wrong without a word: each gives the right one, or says why not."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Network, Tensor, Value, grad, nn, no_grad, tensor


def gradient_of(loss: Tensor, x: Tensor) -> Any:
    return grad(loss, x).tolist()


# ---- 0 times infinity: what was not chosen gets nothing, however steep the way on -------------------------------


@pytest.mark.parametrize(
    "choose",
    [
        lambda x: x.relu(),
        lambda x: x.clamp(min=0.0),
        lambda x: x.maximum(tensor([0.0, 0.0])),
        lambda x: -(-x).minimum(tensor([0.0, 0.0])),
        lambda x: minigrad.where(x > 0, x, 0.0),
        lambda x: minigrad.where(x <= 0, 0.0, x),
        lambda x: x.masked_fill(x < 0, 0.0),
        lambda x: nn.functional.hardtanh(x, 0.0, 9.0),
        lambda x: written(x, 0),
        lambda x: written(x, [0]),
        lambda x: written_through_a_view(x),
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_was_not_chosen_gets_no_nan(choose: Callable[[Tensor], Tensor], create_graph: bool) -> None:
    x = tensor([-1.0, 4.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        assert grad(choose(x).sqrt().sum(), x, create_graph=create_graph).tolist() == [0.0, 0.25]


def written(x: Tensor, index: Any) -> Tensor:
    y = x * 1
    y[index] = 0.0
    return y


def written_through_a_view(x: Tensor) -> Tensor:
    y = x * 1
    y[:1].fill_(0.0)
    return y


def test_steps_pass_nothing_on_however_steep_the_way() -> None:
    x = tensor([0.25, 4.5], requires_grad=True)
    with np.errstate(divide="ignore"):
        assert gradient_of((x.floor().sqrt() + x).sum(), x) == [1.0, 1.0]


def test_the_scalar_engine_agrees() -> None:
    x = Value(-1.0)
    (x.relu().sqrt() + x).backward()
    assert x.grad == 1.0
    x = Value(-1.0)
    assert grad(x.relu().sqrt() + x, x, create_graph=True).data == 1.0


# ---- copies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_leaf_is_a_leaf_of_its_own(again: Callable[[Any], Any]) -> None:
    for w, square_sum in (
        (tensor([1.0, 2.0], requires_grad=True), lambda t: (t * t).sum()),
        (nn.Parameter([1.0, 2.0]), lambda t: (t * t).sum()),
        (Value(3.0, name="w"), lambda v: v * v),
    ):
        w.name = "w"
        square_sum(w).backward()
        other = again(w)
        assert type(other) is type(w) and other.name == "w" and other is not w
        if isinstance(w, nn.Parameter):  # a copy has no gradient yet, as in PyTorch
            assert other.grad is None
            square_sum(other).backward()
            assert repr(other.grad) == repr(w.grad)
        else:
            assert repr(other.grad) == repr(w.grad)
            square_sum(other).backward()
            assert repr(other.grad) == repr(w.grad + w.grad)
    assert not again(tensor([1.0])).requires_grad and again(tensor([1])).dtype == np.int64


def test_a_copy_of_a_view_has_memory_of_its_own() -> None:
    base = minigrad.zeros(3)
    view = copy.deepcopy(base[1:])
    view.fill_(1.0)
    assert base.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("again", [copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("result", [lambda: tensor([1.0], requires_grad=True) * 2, lambda: Value(1.0) * 2])
def test_a_result_is_not_copied_without_its_graph(again: Callable[[Any], Any], result: Callable[[], Any]) -> None:
    with pytest.raises(
        RuntimeError, match=r"only leaves can be copied or pickled.*detach|only leaves .*Value\(v.data\)"
    ):
        again(result())


def test_a_pickled_model_trains_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "w.pickle").write_bytes(pickle.dumps((nn.Linear(2, 1), Value(2.0))))
    code = (
        "import pickle, minigrad; layer, v = pickle.load(open('w.pickle', 'rb'));"
        "y = layer(minigrad.ones(1, 2)); (y * y + y).sum().backward(); z = v * v; (z * z + z).backward();"
        "print((layer.weight.grad - (2 * y + 1)).abs().max().item() < 1e-6, v.grad)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, env=_environment()
    )
    assert done.stdout == "True 36.0\n", done.stderr


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(Path(minigrad.__file__).parents[1])}


# ---- writing ---------------------------------------------------------------------------------------------------


def test_a_change_of_x_is_noticed_also_when_the_loss_goes_back_by_itself() -> None:
    network = Network(nn.Linear(2, 1), nn.MSELoss())
    loss = network.forward((np.ones((3, 2)), np.ones((3, 1))))
    network.x[:] *= 5
    assert loss.tensor is not None
    with pytest.raises(RuntimeError, match="x was changed between forward and backward"):
        loss.tensor.backward()


def test_a_view_made_a_leaf_is_a_leaf_for_good() -> None:
    base = minigrad.zeros(3)
    view = base[0:1].requires_grad_()
    base[1:2] = tensor([5.0], requires_grad=True)
    (view * 3).sum().backward()
    assert view.is_leaf and view.grad is not None and view.grad.tolist() == [3.0]


def test_long_chains_of_views_take_linear_time_and_no_recursion() -> None:
    x = minigrad.ones(4, requires_grad=True)
    y = x * 1
    for _ in range(2000):
        y = y.view(2, 2).view(4)
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [1.0] * 4
    z = x * 1
    v = z
    for _ in range(2000):
        v = v.view(2, 2).view(4)
    v.mul_(3.0)  # seen by all of the chain, and by z
    assert gradient_of(z.sum(), x) == [3.0] * 4


def test_logical_in_place_operators_write_in_place() -> None:
    mask = tensor([True, True])
    view = mask[:1]
    view &= tensor([False])
    assert mask.tolist() == [False, True]
    view |= tensor([True])
    view ^= tensor([True])
    assert mask.tolist() == [False, True]


# ---- gradients that are handed out -----------------------------------------------------------------------------


def test_a_gradient_shares_memory_with_nothing_of_the_users() -> None:
    given, x = minigrad.ones(2), tensor([1.0, 2.0], requires_grad=True)
    (x + 0.0).backward(given, create_graph=True)
    assert x.grad is not None
    x.grad.detach().zero_()
    assert given.tolist() == [1.0, 1.0]
    a, b = tensor([1.0, 2.0], requires_grad=True), tensor([1.0, 2.0], requires_grad=True)
    ga, gb = grad((a + b) * 2.0, [a, b], minigrad.ones(2))
    ga.zero_()
    assert gb.tolist() == [2.0, 2.0]
    assert grad(x.sum(), x).add_(1.0).tolist() == [2.0, 2.0]


def test_gradients_of_gradients_do_not_pile_up_in_later_plain_passes() -> None:
    for x in (tensor(3.0, requires_grad=True), Value(3.0)):
        (x * x).backward(create_graph=True)
        (x * x).backward()
        assert x.grad.item() == 12.0
        assert x.grad.node is None or not x.grad.inputs


def test_backward_with_inputs_stores_there_only_this_once() -> None:
    x = tensor([1.0], requires_grad=True)
    h = x * 2
    h.sum().backward(retain_graph=True, inputs=[h])
    h.sum().backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        kept = (x * 2).grad
    assert kept is None and h.grad is not None and h.grad.tolist() == [1.0]


def test_the_mixed_second_derivative_of_a_power() -> None:
    for a, b in (
        (tensor(2.0, dtype="float64", requires_grad=True), tensor(0.0, dtype="float64", requires_grad=True)),
        (Value(2.0), Value(0.0)),
    ):
        assert float(grad(grad(a**b, a, create_graph=True), b)) == 0.5
        assert float(grad(grad(a**b, b, create_graph=True), a)) == 0.5
    x = tensor([0.0, 2.0], requires_grad=True)
    assert gradient_of((x**0).sum(), x) == [0.0, 0.0]


# ---- what cannot be meant --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: tensor([w[0], w[1] * 3]), RuntimeError, "stack"),
        (lambda w: minigrad.zeros(2).copy_([w[0], w[1]]), RuntimeError, "stack"),
        (lambda w: w.add([1, 2]), TypeError, r"add: .*got list"),
        (lambda w: w.maximum("x"), TypeError, r"maximum: .*got str"),
        (lambda w: w.logical_and("x"), TypeError, r"logical_and: .*got str"),
        (lambda w: w.detach().add_("x"), TypeError, r"add: .*got str"),
        (lambda w: w.eq(None), TypeError, r"eq: .*got NoneType"),
        (lambda w: minigrad.exp(np.ones(2)), TypeError, r"exp: takes a tensor, got ndarray"),
        (lambda w: minigrad.maximum(0, 1), TypeError, r"maximum: takes a tensor, got int"),
        (lambda w: tensor([True]) - tensor([False]), TypeError, r"sub: .*bool.*logical_xor|sub: .*bool.*\^"),
        (lambda w: 1 - tensor([True]), TypeError, r"sub: .*bool"),
        (lambda w: tensor([True]) ** tensor([True]), TypeError, r"pow: .*bool"),
        (lambda w: -tensor([True]), TypeError, r"neg: .*bool"),
        (lambda w: minigrad.full((2,), "a"), TypeError, "full"),
        (lambda w: tensor([1, 2]) // 0, ZeroDivisionError, "floor_divide: an integer divided by 0"),
        (lambda w: tensor([1, 2]) % tensor([1, 0]), ZeroDivisionError, "remainder: an integer divided by 0"),
        (lambda w: w.exp(out=w), TypeError, r"exp\(\) got an unexpected keyword argument 'out'"),
        (lambda w: w & w, TypeError, "bitwise_and: of integers or booleans, not of floats"),
        (lambda w: w.masked_fill(w, 0), TypeError, "masked_fill: the mask must be a bool tensor, got float32"),
        (lambda w: w.masked_fill(w > 0, w), TypeError, "masked_fill: the value must be a number or a 0-d tensor"),
        (lambda w: w.lerp(w.double(), 0.5), TypeError, "lerp: .*float32; got float64"),
        (lambda w: tensor([1, 2]).add(1, alpha=0.5), TypeError, "add: alpha=0.5 does not go with tensors of int64"),
        (lambda w: tensor([1, 2]).exp_(), TypeError, "exp in place: the result is float32"),
        (lambda w: w.exp_(), RuntimeError, "exp in place on a leaf"),
        (lambda w: w.eq_(w), RuntimeError, "eq in place on a leaf"),
    ],
)
def test_what_cannot_be_meant_is_refused(call: Callable[[Tensor], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(tensor([1.0, 2.0], requires_grad=True))


def test_a_number_may_stand_first() -> None:
    t = tensor([1.0, 2.0])
    assert minigrad.pow(2, t).tolist() == [2.0, 4.0]
    assert minigrad.sub(2, t).tolist() == [1.0, 0.0]
    assert minigrad.remainder(5, t).tolist() == [0.0, 1.0]
    assert minigrad.float_power(2, t).dtype == np.float64


def test_numbers_of_different_width_compare_in_one() -> None:
    assert (tensor([0.1]) == tensor(0.1, dtype="float64")).tolist() == [True]
    assert (tensor([0.1], dtype="float64") == 0.1).tolist() == [True]
    assert (tensor([1, 2]) > 1.5).tolist() == [False, True]


def test_no_grad_as_a_decorator_of_generators_and_without_brackets() -> None:
    w = tensor([1.0], requires_grad=True)

    @no_grad()
    def results() -> Iterator[bool]:
        yield (w * 2).requires_grad
        yield (w * 2).requires_grad

    @no_grad
    def result() -> bool:
        return (w * 2).requires_grad

    found = []
    for inside in results():
        found.append((inside, (w * 2).requires_grad))
    assert found == [(False, True)] * 2
    assert result() is False and (w * 2).requires_grad


# ---- memory and time -------------------------------------------------------------------------------------------


def test_operands_that_no_derivative_needs_are_not_kept() -> None:
    h = minigrad.zeros(10_000, requires_grad=True) * 1
    tracemalloc.start()
    for _ in range(50):
        h = h + minigrad.ones(10_000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 10 * 40_000  # each of the 50 takes 40,000 bytes


def test_handed_out_memory_is_looked_at_once_in_a_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    from minigrad.tensors import saved

    looks = []
    fingerprint = saved._checksum
    monkeypatch.setattr(saved, "_checksum", lambda a: looks.append(a.size) or fingerprint(a))
    data, w = minigrad.rand(30, 10), tensor(2.0, requires_grad=True)
    terms = [(data[i] * w).sum() for i in range(30)]
    data.numpy()
    minigrad.stack(terms).sum().backward()
    assert looks == [300, 300]  # when it was handed out, and once in the pass


# ---- a number that has lost its gradient -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [
        *(float, int, complex, math.floor, math.exp, math.tanh, np.float64),
        lambda v: v * float(v),
        lambda v: v + int(v),
        lambda v: math.sqrt(v) + v,
        lambda v: np.zeros(2).__setitem__(0, v),
        lambda v: np.zeros(2, int).__setitem__(0, v),
    ],
    ids=lambda f: getattr(f, "__name__", "") if getattr(f, "__name__", "") != "<lambda>" else None,
)
@pytest.mark.parametrize("leaf", [Value, lambda x: tensor(x, requires_grad=True)], ids=["Value", "Tensor"])
def test_a_conversion_that_loses_a_gradient_warns_and_names_the_method(leaf: Any, convert: Any) -> None:
    v = leaf(0.5) * 1.0
    if convert is np.float64 and not isinstance(v, Value):
        with pytest.raises(RuntimeError, match=r"t\.detach\(\)\.numpy\(\)"):
            convert(v)
        return
    with pytest.warns(UserWarning, match=r"no gradient flows .*\.exp\(\); for the number alone \w\.item\(\)"):
        convert(v)


def test_numbers_that_are_meant_do_not_warn() -> None:
    for v in (Value(0.5) * 1.0, tensor(0.5, requires_grad=True) * 1.0):
        assert v.item() == 0.5
        assert f"{v:.1f}" == "0.5" and repr(v) and str(v)
        assert "%.1f, %d" % (v, v) == "0.5, 0"  # noqa: UP031
        text = "%.1f"
        text %= v
        assert bool(v) and v < 1 and not v > 1 and max(v, 0.0) is v
        with minigrad.no_grad():
            assert float(v) == 0.5
        v.backward()
    assert float(tensor(0.5)) == 0.5 and int(tensor(1.5)) == 1
    scores = tensor([[0.5, 1.0], [2.0, 0.0]], requires_grad=True) * 1.0
    right = (scores.argmax(1) == tensor([1, 1])).sum()
    assert int(right) == 1 and float(right) == 1.0 and [*range(int(scores[0].argmax()))] == [0]
    scheduler = minigrad.optim.lr_scheduler.ReduceLROnPlateau(minigrad.optim.SGD([tensor(1.0)], 0.1))
    scheduler.step(tensor(0.5, requires_grad=True) * 1.0)
