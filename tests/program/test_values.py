"""What is known of a graph's nodes afterwards: their values, and the calls of modules that they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import each_case
from ops import OPS, Op

import minigrad
from minigrad import Tensor, Value, engine, nn
from minigrad.program.values import values
from minigrad.tensors.module_calls import calls


@each_case([op for op in OPS if op.grad], slow=False)
def test_the_rules_compute_every_value_again(op: Op, shapes: Any, keywords: dict[str, Any]) -> None:
    xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in op.inputs(shapes)]
    y = op.call(minigrad, *xs, **keywords)
    for t in [y] if isinstance(y, Tensor) else [t for t in y if isinstance(t, Tensor) and t.requires_grad]:
        found = values(t)
        assert len(found) == len(engine.reverse_topological_order([t.node]))  # type: ignore[list-item]
        np.testing.assert_array_equal(found[t.node], t.detach().numpy())  # type: ignore[index]


def test_values_of_a_program_with_scalars() -> None:
    a = Value(3.0)
    y = a * 2.0 + a
    assert list(values(y).values()) == [3.0, 6.0, 9.0]


def test_values_are_there_after_backward_until_a_leaf_is_written_to() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))
    loss = model(minigrad.randn(5, 4)).sum()
    loss.backward()
    assert values(loss)[loss.node] == loss.item()  # type: ignore[index]
    with minigrad.no_grad():
        model[0].weight += 1.0
    found = values(loss)
    assert {node.primitive.name for node in found if node.primitive} == {"sum", "reshape"}  # type: ignore[attr-defined]
    assert model[4].weight.node in found and model[0].weight.node not in found


def test_a_write_that_nobody_noticed_shows_in_the_result() -> None:
    w = minigrad.tensor([1.0, 2.0], requires_grad=True)
    c = np.array([1.0, 1.0], dtype=np.float32)
    y = (w * c).exp().sum()
    c[:] = 5.0
    names = {node.primitive and node.primitive.name for node in values(y)}  # type: ignore[attr-defined]
    assert "mul" not in names and {"exp", "sum"} <= names
    z = w + c
    c[:] = 1.0
    assert [v.tolist() for v in values(z).values()] == [[6.0, 7.0]]


def test_a_large_constant_is_not_kept_alive_by_the_graph() -> None:
    w = minigrad.tensor(1.0, requires_grad=True)
    large = np.ones((300, 300))
    y = (w + large).sum()
    assert len(values(y)) == 4
    del large
    assert len(values(y)) == 3


# ---- calls of modules


class Twice(nn.Module):
    """One layer, used twice, and a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.Identity())
        self.scale = nn.Parameter([2.0])

    def forward(self, x: Any) -> Any:
        return self.inner(self.inner(x) * self.scale).tanh()


def test_each_node_belongs_to_the_innermost_call() -> None:
    model = Twice()
    loss = nn.MSELoss()(model(minigrad.randn(2, 3)), minigrad.zeros(2, 3))
    order = engine.reverse_topological_order([loss.node])[::-1]  # type: ignore[list-item]
    found = calls(order)
    paths = [(n.name or n.primitive.name, found[n].path, found[n].count, found[n].depth) for n in order if n.primitive]
    assert paths[:4] == [
        ("linear", "inner.0", 0, 2),
        ("mul", "Twice", 0, 0),
        ("linear", "inner.0", 1, 2),
        ("tanh", "Twice", 0, 0),
    ]
    assert {p for _, p, _, _ in paths[4:]} == {"MSELoss"}
    leaves = {n.name: found[n].path for n in order if n.primitive is None}
    assert leaves == {"inner.0.weight": "Twice", "inner.0.bias": "Twice", "scale": "Twice"}


def test_the_parts_of_a_result_and_what_is_outside_of_modules() -> None:
    layer = nn.LSTM(2, 3)
    x = minigrad.randn(4, 1, 2, requires_grad=True)
    out, (h, c) = layer(x * 2)
    loss = (out.sum() + h.sum() + c.sum()) * 2
    found = calls(engine.reverse_topological_order([loss.node]))  # type: ignore[list-item]
    assert {call.path for call in found.values()} == {"LSTM"}
    assert x.node not in found and loss.node not in found and layer.weight_ih_l0.node in found


def test_a_large_constant_that_the_backward_pass_keeps_is_known_until_then() -> None:
    w = minigrad.tensor(1.0, requires_grad=True)
    y = (w * np.ones((300, 300))).sum()
    assert len(values(y)) == 4
    y.backward()
    assert len(values(y)) == 3
