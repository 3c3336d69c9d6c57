"""The short path of elementwise operations records what `Tensor.apply` records, and leaves special cases to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd import detect_anomaly
from minigrad.primitives import elementwise as ew
from minigrad.primitives import special
from minigrad.primitives.primitive import Elementwise
from minigrad.tensors import elementwise_path
from minigrad.tensors.elementwise_path import one_operand, two_operands
from minigrad.tensors.tensor import Tensor

PRIMITIVES = [
    p for module in (ew, special) for p in vars(module).values() if isinstance(p, Elementwise) and len(p.inputs) < 3
]


SAME = ("shape", "dtype", "primitive", "inputs", "released", "plan", "constants", "parameters", "checksums")


def leaf(shape: tuple[int, ...] = (3,)) -> Tensor:
    return minigrad.tensor(np.linspace(0.1, 0.7, int(np.prod(shape))).reshape(shape), requires_grad=True)


def refuse(*operands: Any) -> None:
    """Take the place of the method for all other cases."""


def short_path(primitive: Any, *operands: Any) -> Any:
    return (one_operand if len(operands) == 1 else two_operands)(primitive, refuse)(*operands)


@pytest.mark.parametrize("shape", [(3,), (), (2, 0)])
def test_the_node_is_that_of_apply(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elementwise_path, "exposed", {})  # arrays of other tests
    assert len(PRIMITIVES) > 40
    for primitive in PRIMITIVES:
        operands = [leaf(shape) * 1 for _ in primitive.inputs]
        with np.errstate(all="ignore"):
            short, long = short_path(primitive, *operands), Tensor.apply(primitive, *operands)
        assert short._array.tobytes() == long._array.tobytes()
        assert short._array.__class__ is np.ndarray
        for name in SAME:
            assert getattr(short._node, name) == getattr(long._node, name), (primitive.name, name)
        assert short._node.index == long._node.index - 1
        assert len(short._node.saved) == len(long._node.saved)
        for mine, its in zip(short._node.saved, long._node.saved):
            assert mine is its or mine is short._array and its is long._array


def test_special_cases_are_left_to_apply() -> None:
    x, view, users = leaf(), leaf((2, 3))[0], minigrad.from_numpy(np.ones(3)).requires_grad_()
    assert x.tanh()._node.inputs == (x._node,)
    for t in (view, users, x.detach(), minigrad.tensor([1, 2, 3])):
        assert short_path(ew.tanh, t) is None
        assert short_path(ew.mul, t, x) is None
        assert short_path(ew.mul, x, t) is None
    with minigrad.no_grad():
        assert short_path(ew.tanh, x) is None
        assert short_path(ew.mul, x, x) is None
    with detect_anomaly():
        assert short_path(ew.tanh, x) is None
        assert short_path(ew.mul, x, x) is None
    array = x.detach().numpy()  # from now on NumPy may write to it
    assert short_path(ew.tanh, x) is None
    assert short_path(ew.mul, x, x) is None
    y = (x * x).sum()
    array += 1
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
