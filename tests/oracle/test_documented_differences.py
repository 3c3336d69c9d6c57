"""What docs/pytorch.md says of PyTorch and of minigrad is so, line by line."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle


def gradient(m: Any, f: Any, values: Any) -> list[Any]:
    x = m.tensor(values, requires_grad=True)
    f(x).sum().backward()
    return x.grad.tolist()


def written_between(m: Any) -> Any:
    x = m.tensor([1.0, 2.0], requires_grad=True)
    c = m.tensor([3.0, 4.0])
    y = (x * c).sum()
    c.numpy()[0] = 100.0
    y.backward()
    return x.grad.tolist()


def relu(m: Any, write_to_result: bool) -> Any:
    x = m.tensor([-1.0, 2.0], requires_grad=True)
    z = x * 1
    y = z.relu()
    if write_to_result:
        y += 1
    else:
        z += 1
    y.sum().backward()
    return x.grad.tolist()


def scores(m: Any) -> Any:
    x = m.zeros(1, 2, requires_grad=True)
    z = x * 1
    loss = m.nn.functional.cross_entropy(z, m.tensor([1]))
    z += 1
    loss.backward()
    return x.grad.tolist()


def nowhere(m: Any) -> Any:
    x = m.ones(2, 1, 4)
    attention = m.nn.MultiheadAttention(4, 1)
    return np.isnan(attention(x, x, x, m.tensor([[True, True]]))[0].sum().item())


def twice(m: Any) -> Any:
    w = m.tensor([1.0], requires_grad=True)
    w.sum().backward()
    first = w.grad
    w.sum().backward()
    return first.item()


def ctc(m: Any, softmax: bool) -> Any:
    def loss(x: Any) -> Any:
        lp = x.log_softmax(-1) if softmax else x
        return m.nn.functional.ctc_loss(lp, m.tensor([[1]]), m.tensor([2]), m.tensor([1]))

    return gradient(m, loss, np.log([[[0.5, 0.3, 0.2]], [[0.2, 0.5, 0.3]]]).tolist())


def second(m: Any, f: Any, values: Any) -> float:
    x = m.tensor(values, requires_grad=True)
    (g,) = m.autograd.grad(f(x).sum(), [x], create_graph=True)
    return float(m.autograd.grad(g.sum(), [x])[0].sum())


def counted(m: Any) -> Any:
    x = m.tensor([1.0, 0.0], requires_grad=True)
    x.norm(0).backward()
    return x.grad if x.grad is None else x.grad.tolist()


ERROR = Exception
LINES: list[tuple[str, Any, Any, Any]] = [
    ("mse", lambda m: m.nn.functional.mse_loss(m.ones(4, 1), m.ones(4)).item(), 0.0, ERROR),
    ("empty", lambda m: np.isnan(m.nn.functional.mse_loss(m.ones(0), m.ones(0)).item()), True, ERROR),
    ("bool", lambda m: m.nn.LeakyReLU(True)(m.tensor([-3.0])).item(), -3.0, TypeError),
    ("number", lambda m: m.nn.Linear(2, 3, 0.5).bias is None, False, TypeError),
    ("//", lambda m: gradient(m, lambda x: x // 2, [3.0]), ERROR, [0.0]),
    (
        "scatter",
        lambda m: gradient(m, lambda x: m.zeros(2).scatter(0, m.tensor([0, 0]), x), [1.0, 2.0]),
        [1.0, 1.0],
        [0.0, 1.0],
    ),
    (
        "clamp",
        lambda m: gradient(m, lambda low: m.zeros(1).clamp(low, m.ones(1)), [1.0]),
        [0.0],
        [1.0],
    ),
    ("norm", lambda m: np.isnan(second(m, lambda x: x.norm(), [0.0, 0.0])), True, False),
    ("atan2", lambda m: np.isnan(second(m, lambda x: x[:1].atan2(x[1:]), [0.0, 0.0])), True, False),
    ("logit", lambda m: np.isnan(second(m, lambda x: x.logit(eps=0.2), [0.0, 0.1])), True, False),
    ("linear", lambda m: second(m, lambda x: 3 * x, [1.0, 2.0]), ERROR, ERROR),
    ("no norm", lambda m: counted(m), None, [0.0, 0.0]),
    ("unique", lambda m: gradient(m, lambda x: m.unique(x), [2.0, 1.0, 2.0]), ERROR, [1.0, 1.0, 0.0]),
    ("steps", lambda m: m.tensor([1, 2])[::-1].tolist(), ERROR, [2, 1]),
    ("attention", nowhere, True, False),
    (
        "group norm",
        lambda m: m.nn.functional.group_norm(m.ones(2, 4), 4).tolist(),
        [[0.0] * 4] * 2,
        ValueError,
    ),
    ("float64", lambda m: str(m.nn.Linear(1, 1)(m.ones(1).double()).dtype)[-7:], RuntimeError, "float64"),
    (
        "impossible",
        lambda m: np.isnan(
            gradient(m, lambda x: m.nn.functional.ctc_loss(x, m.tensor([[1, 2]]), [1], [2]), [[[-0.5, -1.0, -2.0]]])
        ).any(),
        True,
        False,
    ),
    ("soft margin", lambda m: m.nn.functional.soft_margin_loss(m.tensor([-1e3]), m.ones(1)).item(), np.inf, 1000.0),
    ("write", written_between, [100.0, 4.0], ERROR),
    ("input of relu", lambda m: relu(m, False), [0.0, 1.0], ERROR),
    ("result of relu", lambda m: relu(m, True), ERROR, [0.0, 1.0]),
    ("scores", scores, [[0.5, -0.5]], ERROR),
    ("grad", twice, 2.0, 1.0),
    ("division", lambda m: m.div(m.tensor([1]), m.tensor([0]), rounding_mode="floor"), ERROR, ZeroDivisionError),
]


@pytest.mark.parametrize(("name", "program", "theirs", "ours"), LINES, ids=[line[0] for line in LINES])
def test_the_difference_is_there(name: str, program: Any, theirs: Any, ours: Any) -> None:
    for m, wanted in ((torch, theirs), (minigrad, ours)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if isinstance(wanted, type):
                with pytest.raises(wanted):
                    program(m)
            else:
                assert program(m) == wanted


def test_ctc_agrees_behind_a_log_softmax_only() -> None:
    assert np.allclose(ctc(minigrad, True), ctc(torch, True), atol=1e-6)
    assert not np.allclose(ctc(minigrad, False), ctc(torch, False), atol=1e-2)
