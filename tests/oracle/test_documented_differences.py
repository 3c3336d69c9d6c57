"""What docs/pytorch.md says of PyTorch and of minigrad is so, line by line."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
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


def warned(f: Any) -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f()
    return any(w.category is UserWarning for w in caught)


def negative_rate(m: Any) -> Any:
    optimizer = m.optim.SGD([m.ones(1, requires_grad=True)], lr=0.1)
    schedule = m.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0 - 2 * t)
    optimizer.step()
    schedule.step()
    optimizer.load_state_dict(optimizer.state_dict())
    return optimizer.param_groups[0]["lr"]


def unregistered(m: Any) -> bool:
    module = m.nn.Module()
    module.layers = [m.nn.Linear(1, 1)]
    assert not list(module.parameters())
    return warned(lambda: list(module.parameters()))


def shared(m: Any) -> Any:
    x = m.tensor([3.0])
    source = m.tensor([3.0], requires_grad=True)
    x.scatter_reduce(0, m.tensor([0]), source, "amax", include_self=False).sum().backward()
    return source.grad.tolist()


def of_nan(m: Any) -> Any:
    x = m.ones(1, requires_grad=True)
    x.scatter_reduce(0, m.tensor([0]), m.tensor([np.nan]), "amax").sum().backward()
    return np.isnan(x.grad.item())


def third(m: Any, f: Any) -> float:
    x = m.tensor([0.0], dtype=m.float64, requires_grad=True)
    (y,) = m.autograd.grad(f(x).sum(), [x], create_graph=True)
    (y,) = m.autograd.grad(y.sum(), [x], create_graph=True)
    return float(m.autograd.grad(y.sum(), [x])[0].sum())


def prelu(m: Any, x: Any) -> Any:
    return m.nn.functional.prelu(x, m.tensor([0.5])) ** 2


def quotient(m: Any) -> Any:
    x = m.tensor([1.0, 2.0], requires_grad=True)
    z = x * 1
    y = 2 / z
    z += 1
    y.sum().backward()
    return x.grad.tolist()


def broadcast(m: Any) -> Any:
    x = m.ones(2, 1, 2, 2, requires_grad=True)
    z = x * 1
    y = z @ (m.ones(2, 3, 2, 2, requires_grad=True) * 1)
    z += 1
    y.sum().backward()
    return True


def second_argument(m: Any) -> Any:
    x = m.ones(1, requires_grad=True)
    return m.autograd.grad((x * x).sum(), x)


def stepped(m: Any) -> Any:
    stepped.weight = m.ones(1, requires_grad=True)  # type: ignore[attr-defined]
    optimizer = m.optim.Adam([stepped.weight])  # type: ignore[attr-defined]
    stepped.weight.sum().backward()  # type: ignore[attr-defined]
    optimizer.step()
    return optimizer


def odd_group(m: Any) -> Any:
    optimizer = m.optim.SGD([{"params": [m.ones(1)], "odd": "kept"}], lr=0.1)
    return optimizer.param_groups[0]["odd"]


def muon(m: Any) -> Any:
    """Whether a step depends on digits that bfloat16 does not have."""
    results = []
    for tiny in (0.0, 1e-4):
        w = m.zeros(2, 2, requires_grad=True)
        optimizer = m.optim.Muon([w], lr=0.1, weight_decay=0.0)
        (w * m.tensor([[1.0 + tiny, 0.5], [0.25, 1.0]])).sum().backward()
        optimizer.step()
        results.append(w.detach().numpy().copy())
    return not np.array_equal(*results)


def early(m: Any) -> Any:
    """The number of warnings of two schedulers of one optimizer."""
    optimizer = m.optim.SGD([m.ones(1)], lr=0.1)
    schedulers = [m.optim.lr_scheduler.StepLR(optimizer, 1) for _ in range(2)]
    return sum(warned(scheduler.step) for scheduler in schedulers)


def nested_rates(m: Any) -> Any:
    """Whether a nested schedule begins with the first factor."""
    optimizer = m.optim.SGD([m.ones(1, requires_grad=True)], lr=1.0)
    schedule = m.optim.lr_scheduler
    inner = schedule.ChainedScheduler([schedule.ExponentialLR(optimizer, 0.5)])
    schedule.SequentialLR(optimizer, [inner, schedule.ConstantLR(optimizer, 1.0)], milestones=[2])
    return optimizer.param_groups[0]["lr"] == 1.0


def nadam(m: Any) -> Any:
    w = m.tensor([1.0], dtype=m.float64, requires_grad=True)
    optimizer = m.optim.NAdam([w], lr=0.1)
    (w * w).sum().backward()
    optimizer.step()
    mu, following = 0.9 * (1 - 0.5 * 0.96**0.004), 0.9 * (1 - 0.5 * 0.96**0.008)
    g, v = 2.0, 4.0
    exact = 1 - 0.1 * ((1 - mu) * g / (1 - mu) + following * 0.1 * g / (1 - mu * following)) / (np.sqrt(v) + 1e-8)
    return abs(w.item() - exact) < 1e-12


def centered(m: Any) -> Any:
    w = m.ones(1, requires_grad=True)
    optimizer = m.optim.RMSprop([w], lr=0.01, alpha=0.9, centered=True)
    for _ in range(200):
        w.grad = m.tensor([0.7])
        optimizer.step()
    return bool(np.isnan(w.item()))


def nan_step(m: Any, watched: bool) -> Any:
    w = m.ones(1, requires_grad=True)
    optimizer = m.optim.SGD([w], lr=0.1)
    w.grad = m.tensor([np.nan])
    with m.autograd.set_detect_anomaly(watched):
        optimizer.step()
    return np.isnan(w.item())


def exhausted(m: Any) -> Any:
    parameters = iter([m.ones(1)])
    groups = [{"params": parameters}, {"params": parameters}]
    return len(m.optim.SGD(groups, lr=0.1).param_groups[1]["params"])


def autocast(m: Any) -> Any:
    with m.autocast("cpu", dtype=m.bfloat16):
        return (m.ones(2, 2) @ m.ones(2, 2)).dtype


ERROR = Exception
LINES: list[tuple[str, Any, Any, Any]] = [
    ("`mse_loss` and others", lambda m: m.nn.functional.mse_loss(m.ones(4, 1), m.ones(4)).item(), 0.0, ERROR),
    (
        "the mean loss of an empty",
        lambda m: np.isnan(m.nn.functional.mse_loss(m.ones(0), m.ones(0)).item()),
        True,
        ERROR,
    ),
    ("a bool for a number", lambda m: m.nn.LeakyReLU(True)(m.tensor([-3.0])).item(), -3.0, TypeError),
    ("a bool for a number", lambda m: m.nn.Linear(2, 3, 0.5).bias is None, False, TypeError),
    ("`x // y` where", lambda m: gradient(m, lambda x: x // 2, [3.0]), ERROR, [0.0]),
    (
        "`scatter` of repeated",
        lambda m: gradient(m, lambda x: m.zeros(2).scatter(0, m.tensor([0, 0]), x), [1.0, 2.0]),
        [1.0, 1.0],
        [0.0, 1.0],
    ),
    (
        "`clamp` by two",
        lambda m: gradient(m, lambda low: m.zeros(1).clamp(low, m.ones(1)), [1.0]),
        [0.0],
        [1.0],
    ),
    ("second derivatives at 0 of `norm`", lambda m: np.isnan(second(m, lambda x: x.norm(), [0.0, 0.0])), True, False),
    (
        "second derivatives at 0 of `norm`",
        lambda m: np.isnan(second(m, lambda x: x[:1].atan2(x[1:]), [0.0, 0.0])),
        True,
        False,
    ),
    (
        "second derivatives at 0 of `norm`",
        lambda m: np.isnan(second(m, lambda x: x.logit(eps=0.2), [0.0, 0.1])),
        True,
        False,
    ),
    ("second derivative of a linear", lambda m: second(m, lambda x: 3 * x, [1.0, 2.0]), ERROR, ERROR),
    ("`.grad` after `norm(x, 0)`", lambda m: counted(m), None, [0.0, 0.0]),
    ("`unique` where", lambda m: gradient(m, lambda x: m.unique(x), [2.0, 1.0, 2.0]), ERROR, [1.0, 1.0, 0.0]),
    ("negative steps", lambda m: m.tensor([1, 2])[::-1].tolist(), ERROR, [2, 1]),
    ("a row of `MultiheadAttention`", nowhere, True, False),
    (
        "`group_norm` where",
        lambda m: m.nn.functional.group_norm(m.ones(2, 4), 4).tolist(),
        [[0.0] * 4] * 2,
        ValueError,
    ),
    ("float64 into `Linear`", lambda m: str(m.nn.Linear(1, 1)(m.ones(1).double()).dtype)[-7:], RuntimeError, "float64"),
    (
        "`ctc_loss` of a target",
        lambda m: np.isnan(
            gradient(m, lambda x: m.nn.functional.ctc_loss(x, m.tensor([[1, 2]]), [1], [2]), [[[-0.5, -1.0, -2.0]]])
        ).any(),
        True,
        False,
    ),
    (
        "`soft_margin_loss` of",
        lambda m: m.nn.functional.soft_margin_loss(m.tensor([-1e3]), m.ones(1)).item(),
        np.inf,
        1000.0,
    ),
    ("writes to a NumPy view", written_between, [100.0, 4.0], ERROR),
    ("in-place writes to the input of `relu`", lambda m: relu(m, False), [0.0, 1.0], ERROR),
    ("in-place writes to the input of `relu`", lambda m: relu(m, True), ERROR, [0.0, 1.0]),
    ("in-place writes to the scores", scores, [[0.5, -0.5]], ERROR),
    ("`.grad` after a second", twice, 2.0, 1.0),
    (
        "integer division by 0",
        lambda m: m.div(m.tensor([1]), m.tensor([0]), rounding_mode="floor"),
        ERROR,
        ZeroDivisionError,
    ),
    ("settings that no call", lambda m: m.nn.PixelShuffle(0).upscale_factor, 0, ValueError),
    ("settings that no call", lambda m: m.nn.MaxPool2d(-1).kernel_size, -1, ValueError),
    ("settings that no call", lambda m: m.nn.GELU("erf").approximate, "erf", ValueError),
    ("the state of an optimizer whose", negative_rate, -0.1, ValueError),
    ("`int(t)` and", lambda m: warned(lambda: int(m.ones((), requires_grad=True) * 2)), False, True),
    ("`int(t)` and", lambda m: warned(lambda: "%.3f" % (m.ones((), requires_grad=True) * 2)), True, False),
    ("gradients of `prod`", lambda m: str(gradient(m, lambda x: x.prod(), [np.inf, 2.0])[0]), "nan", "2.0"),
    ("`normal` and others", lambda m: m.normal(m.ones(2, requires_grad=True), 1.0).requires_grad, True, False),
    ("numbers that an integer", lambda m: m.tensor(np.array([300]), dtype=m.int8).tolist(), [44], OverflowError),
    ("numbers that an integer", lambda m: (m.ones(1, dtype=m.int8) + 300).tolist(), [45], OverflowError),
    ("numbers that an integer", lambda m: m.tensor([300]).to(m.int8).tolist(), [44], [44]),
    ("masked arrays", lambda m: m.tensor(np.ma.array([1.0, 2.0], mask=[0, 1])).tolist(), [1.0, 2.0], ERROR),
    ("parameters in a plain", unregistered, False, True),
    ("`eps` of a norm", lambda m: np.isnan(m.nn.functional.layer_norm(m.ones(2), (2,), eps=-1.0)).all(), True, ERROR),
    ('gradients of `scatter_reduce` by `"amax"`, `"amin"` with', shared, [0.5], [1.0]),
    ('gradients of `scatter_reduce` by `"prod"`', of_nan, True, False),
    ("equal elements in", lambda m: m.ones(3).topk(2).indices.tolist() if m is minigrad else None, None, [0, 1]),
    ("third derivatives", lambda m: np.isnan(third(m, lambda x: x ** (x * 0))), True, False),
    ("second derivatives of `prelu`", lambda m: second(m, lambda x: prelu(m, x), [0.0]), 1.0, 0.5),
    ("`x[[[0, 1], [1, 2]]]`", lambda m: tuple(m.ones(3, 3)[[[0, 1], [1, 2]]].shape), (2,), (2, 2, 3)),
    ("`t.max(axis=1)`", lambda m: isinstance(m.ones(2, 3).max(axis=1), tuple), True, False),
    ("`t.max(axis=1)`", lambda m: isinstance(m.max(m.ones(2, 3), axis=1), tuple), True, True),
    ("NumPy's functions", lambda m: np.exp(m.zeros(2, requires_grad=True)).requires_grad, ERROR, True),
    ("NumPy's functions", lambda m: isinstance(np.sinh(m.zeros(2)), m.Tensor), True, True),
    ("`ctc_loss` by its", lambda m: np.abs(np.exp(np.array(ctc(m, False))).sum()) > 0, True, True),
    ("in-place writes to the scores", quotient, [-2.0, -0.5], ERROR),
    ("in-place writes, before backward, to operands", broadcast, True, ERROR),
    ("`Tensor(array)` of a float64", lambda m: str(m.Tensor(np.ones(2)).dtype)[-7:], "float32", "float64"),
    ("`Tensor(array)` of a float64", lambda m: str(m.Tensor([1, 2]).dtype)[-7:], "float32", "float32"),
    ("`x.shape`", lambda m: m.ones(2, 3).shape.numel(), 6, AttributeError),
    ("`autograd.grad` of one", lambda m: isinstance(second_argument(m), tuple), True, True),
    ("the state of an optimizer of", lambda m: "exp_avg" in stepped(m).state[stepped.weight], True, False),
    ("the state of an optimizer of", lambda m: "exp_avg" in stepped(m).state_dict()["state"][0], True, True),
    ("a group with a setting", lambda m: odd_group(m), "kept", ERROR),
    ("`Muon`", muon, False, True),
    ("`scheduler.step()` before", early, 2, 1),
    (
        "`CosineAnnealingLR(0.1, T_max=9)`",
        lambda m: m.optim.lr_scheduler.CosineAnnealingLR(0.1, T_max=9)(0),
        ERROR,
        0.1,
    ),
    ("a `SequentialLR` that begins", nested_rates, False, True),
    ("`NAdam` and `ASGD` in", nadam, False, True),
    ("`RMSprop(centered=True)`", centered, True, False),
    ("nan in a gradient", lambda m: nan_step(m, False), True, True),
    ("nan in a gradient", lambda m: nan_step(m, True), True, RuntimeError),
    ("`params`: an iterator", exhausted, 0, ERROR),
    ("random numbers", lambda m: (m.manual_seed(0), round(m.rand(1).item(), 4) == 0.4963)[1], True, False),
    ("`repr` of a result", lambda m: repr(m.ones(1, requires_grad=True) * 2).count("grad_fn=<mul>"), 0, 1),
    ("`maximum(t, 2)`", lambda m: m.maximum(m.tensor([1.0, 3.0]), 2).tolist(), ERROR, [2.0, 3.0]),
    ("`maximum(t, 2)`", lambda m: m.hypot(3, m.tensor([4.0])).tolist(), ERROR, [5.0]),
    ("devices", lambda m: str(m.ones(1, device="cpu").device), "cpu", "cpu"),
    ("devices", lambda m: m.ones(1).cuda(), ERROR, RuntimeError),
    ("`float16`, `bfloat16`", lambda m: str(m.zeros(1, dtype=m.float16).dtype), "torch.float16", TypeError),
    ("`out=`, memory", lambda m: m.exp(m.zeros(1), out=m.zeros(1)).tolist(), [1.0], ERROR),
    ("`out=`, memory", lambda m: m.empty(1, 1, 1, 1, memory_format=m.channels_last).numel(), 1, NotImplementedError),
    ("`torch.compile` with", lambda m: callable(m.compile(lambda x: x)), True, True),
    ("`jit`", lambda m: bool(m.jit), True, AttributeError),
    ("`distributed`", lambda m: bool(m.distributed), True, AttributeError),
    ("a `vmap` that", lambda m: m.func.vmap(lambda x: x * 2)(m.ones(2)).tolist(), [2.0, 2.0], [2.0, 2.0]),
    ("`torch.save` of whole", lambda m: m.save(m.nn.Linear(1, 1), io.BytesIO()), None, ERROR),
    ("worker processes", lambda m: len(list(m.utils.data.DataLoader(list(range(4)), num_workers=0))), 4, 4),
    ("fractional pooling", lambda m: bool(m.nn.FractionalMaxPool2d), True, AttributeError),
    (
        "fractional pooling",
        lambda m: m.nn.functional.interpolate(m.ones(1, 1, 4, 4), 2, mode="bilinear", antialias=True).numel(),
        4,
        ERROR,
    ),
    ("mixed precision", lambda m: str(autocast(m)), "torch.bfloat16", "float32"),
    ("optimizers with", lambda m: len(m.optim.SGD([m.ones(1)], lr=m.tensor(0.1)).param_groups), 1, ERROR),
    ("optimizers with", lambda m: len(m.optim.Adam([m.ones(1)], foreach=True).param_groups), 1, ERROR),
]


@pytest.fixture(autouse=True)
def every_warning() -> Iterator[None]:
    """PyTorch gives some warnings once in a process only, which may have been in another test."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


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


PAGE = (Path(__file__).parents[2] / "docs" / "pytorch.md").read_text("utf-8")
ROWS = [
    line for line in re.findall(r"^\| (.+?) \|", PAGE, re.MULTILINE) if line not in ("in PyTorch", "---", "| PyTorch")
]


def test_each_row_of_the_tables_is_checked() -> None:
    tried = {line[0] for line in LINES}
    assert [row for row in ROWS if not any(row.startswith(name) for name in tried)] == []
    assert [name for name in tried if sum(row.startswith(name) for row in ROWS) != 1] == []
