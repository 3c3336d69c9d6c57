"""No gradient is silently wrong: a write to memory that a backward pass still needs makes that pass raise.

In every test `x` and `w` are leaves and `z = x * 2`; a forward line makes `y`, a write changes a tensor `t` (one of
these), and then comes the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import each

import minigrad
from minigrad import Tensor, no_grad, tensor

RECORDED = """
t[...] = 7
t[0] = 7
t[:, 1:] = 7
t[t > 0] = 7
t[[0, 1], [1, 2]] = 7
t += 1
t -= 1
t *= 3
t /= 3
t **= 3
t.add_(1)
t.sub_(1)
t.mul_(3)
t.div_(3)
t.pow_(3)
t.copy_(t * 3)
t.fill_(7)
t.zero_()
t[0] += 1
v = t[0]; v *= 3
v = t[0, 1]; v.mul_(3)
t.T[0] = 7
t.view(-1)[2:4] = 7
t.reshape(-1)[:6].reshape(3, 2).transpose(0, 1)[1].fill_(7)
""".strip().splitlines()
"""Writes that the graph takes note of, so that what is computed from t afterwards is right."""

UNRECORDED = """
t.data -= 1
t.data *= 3
t.data[0] = 7
t.data.zero_()
t.detach()[0] = 7
t.detach().add_(1)
t.detach()[0][1:] = 7
t.detach().T[0] += 7
with no_grad(): t += 1
with no_grad(): t[0] = 7
with no_grad(): t[0][1] = 7
with no_grad(): t.copy_(t * 3)
with no_grad(): t.view(-1).zero_()
t.detach().numpy()[0] = 7
t.detach().numpy().T[0, 1] = 7
np.asarray(t.detach())[...] += 7
late = t.data.numpy(); late *= 3
early[0] = 7
early[0][1:] += 7
early.T[...] = 7
np.add(early, 1, out=early)
""".strip().splitlines()
"""Writes behind the graph's back; `early` is an array of t's memory, handed out before the forward pass."""

NEEDS = (
    ("mul", "z", "z * w"),
    ("var", "z", "z.var()"),
    ("mul", "z", "w * z"),
    ("mul", "x", "x * w"),
    ("mul", "w", "z * w"),
    ("div", "z", "w / z"),
    ("div", "w", "z / w"),
    ("div", "z", "z / w"),
    ("pow", "z", "z ** 3"),
    ("pow", "z", "z ** w"),
    ("pow", "y", "2 ** z"),
    ("square", "z", "z.square()"),
    ("abs", "z", "z.abs()"),
    ("exp", "y", "z.exp()"),
    ("log", "z", "z.log()"),
    ("sqrt", "y", "z.sqrt()"),
    ("sin", "z", "z.sin()"),
    ("tanh", "y", "z.tanh()"),
    ("sigmoid", "y", "z.sigmoid()"),
    ("relu", "z", "z.relu()"),
    ("maximum", "z", "z.maximum(w)"),
    ("clamp", "z", "z.clamp(0.0, 1.0)"),
    ("matmul", "z", "z @ w.T"),
    ("matmul", "w", "z.T @ w"),
    ("linear", "z", "minigrad.nn.functional.linear(z, w, w.sum(1))"),
    ("linear", "w", "minigrad.nn.functional.linear(z, w, w.sum(1))"),
    ("amax", "z", "z.amax(1) * 1"),
    ("logsumexp", "z", "z.logsumexp(1) * 1"),
    ("var", "z", "z.var(1) * 1"),
    ("softmax", "y", "z.softmax(1)"),
    ("log_softmax", "y", "z.log_softmax(1)"),
)
"""Rules, the tensor that their backward pass needs, and the forward line."""

SPARES = (
    *[("z", f"z.{name}()") for name in ("exp", "tanh", "sigmoid", "sqrt", "sum", "clone", "double", "neg")],
    *[("z", line) for line in ("z + w", "w - z", "z * 3", "z / 2", "z @ k", "k @ z.T", "z * k[0]", "z.softmax(1)")],
    *[("z", line) for line in ("z.mean(0)", "z.max(1).values", "z[[1, 0, 1]]", "z[z > 1]", "minigrad.where(c, z, w)")],
    *[("z", line) for line in ("minigrad.cat([z, w])", "minigrad.stack([z, z])", "z.T.reshape(-1)")],
    *[("y", f"z.{name}()") for name in ("log", "sin", "relu", "abs", "square", "clone")],
    *[("y", line) for line in ("z + w", "z * w", "z / w", "2 / z", "z ** 3")],
    *[("y", line) for line in ("z.maximum(w)", "z.clamp(0.0, 9.0)", "z @ k")],
    *[("k", line) for line in ("z + k[0]", "k[:2] - z")],
)
"""A tensor, and a forward line whose backward pass does not need it (but perhaps what was computed from it)."""


def names() -> dict[str, Any]:
    """x, w, z of shape (2, 3), in a range where all rules are smooth; a condition c and a constant k."""
    rng = np.random.default_rng(0)
    x, w = (Tensor(rng.uniform(0.5, 2, (2, 3)), requires_grad=True) for _ in range(2))
    z = x * 2
    out = {"x": x, "w": w, "z": z, "c": z > 2, "k": Tensor(rng.uniform(1, 2, (3, 3)))}
    for name, t in out.items():
        t.name = f"my_{name}"
    return {**out, "np": np, "minigrad": minigrad, "no_grad": no_grad}


def forward(line: str, target: str, write: str) -> dict[str, Any]:
    """All names after the forward line and the write; `end` is the loss."""
    env = names()
    for name in ("before", "after"):
        if target in env and "early" in write and "early" not in env:
            env["early"] = env[target].detach().numpy()
        if name == "before":
            env["y"] = eval(line, env)
            env["y"].name = "my_y"
    env["end"] = env["y"].sum() + (env["w"] * 5).sum()  # made before the write, and with a path that is never spoilt
    exec(write, {**env, "t": env[target]})
    return env


@pytest.mark.parametrize("primitive, target, line", NEEDS)
@each("write", RECORDED + UNRECORDED)
def test_spoilt_memory_raises_and_stores_nothing(primitive: str, target: str, line: str, write: str) -> None:
    if target in ("x", "w") and write in RECORDED:  # refused at once
        with pytest.raises(RuntimeError, match=f"in place on a.* leaf that requires a gradient .my_{target}"):
            forward(line, target, write)
        return
    env = forward(line, target, write)
    with pytest.raises(RuntimeError) as error:
        env["end"].backward()
    for part in (f"the backward pass of {primitive!r}", f"my_{target}", str(env[target].shape), "changed in place"):
        assert part in str(error.value)
    assert env["x"].grad is None and env["w"].grad is None


@pytest.mark.parametrize("primitive, target, line", NEEDS)
def test_every_kind_of_backward_pass_raises(primitive: str, target: str, line: str) -> None:
    for backward in (
        lambda end, x, w: minigrad.grad(end, [x, w]),
        lambda end, x, w: minigrad.grad(end, [x, w], create_graph=True),
        lambda end, x, w: list(minigrad.walk(end)),
        lambda end, x, w: end.backward(create_graph=True),
        lambda end, x, w: end.backward(inputs=[x, w]),
    ):
        env = forward(line, target, "t.data *= 3")
        with pytest.raises(RuntimeError, match=f"the backward pass of {primitive!r}.*my_{target}"):
            backward(env["end"], env["x"], env["w"])
        assert env["x"].grad is None and env["w"].grad is None


@pytest.mark.parametrize("target, line", SPARES)
@each("write", RECORDED + UNRECORDED)
def test_what_is_not_needed_may_be_overwritten(target: str, line: str, write: str) -> None:
    untouched, written = forward(line, target, "pass"), forward(line, target, write)
    assert not np.array_equal(written[target].detach().numpy(), untouched[target].detach().numpy())
    for env in (untouched, written):
        env["end"].backward()
    for name in ("x", "w"):
        np.testing.assert_array_equal(written[name].grad.numpy(), untouched[name].grad.numpy())


@pytest.mark.parametrize("write", RECORDED)
def test_a_recorded_write_to_a_leaf_changes_nothing(write: str) -> None:
    env = names()
    before = env["x"].tolist()
    with pytest.raises(RuntimeError, match="my_x"):
        exec(write, {**env, "t": env["x"]})
    assert env["x"].tolist() == before


@pytest.mark.parametrize("write", ["c[0] = False", "c.fill_(False)", "c.detach().numpy()[0] = False", "c &= w > 9"])
def test_a_condition_is_needed_too(write: str) -> None:
    env = names()
    y = minigrad.where(env["c"], env["z"], env["w"])
    assert env["c"].any()
    exec(write, env)
    with pytest.raises(RuntimeError, match="'where' needs its input 'condition' .my_c., a tensor of shape .2, 3."):
        y.sum().backward()


@pytest.mark.parametrize("write", ["k *= 2", "k[0] = 0", "k.data -= 1", "k.detach().numpy()[0] = 0"])
def test_a_constant_is_needed_too(write: str) -> None:
    env = names()
    y = (env["z"] @ env["k"]).sum()
    exec(write, env)
    with pytest.raises(RuntimeError, match="'matmul' needs its input 'b' .my_k., a tensor of shape .3, 3."):
        y.backward()


def test_a_view_is_named_by_what_it_shows() -> None:
    env = names()
    y = env["z"] @ env["w"].T
    env["w"].data -= 1
    with pytest.raises(RuntimeError, match="'matmul' needs its input 'b' .a view of my_w., a tensor of shape .3, 2."):
        y.sum().backward()


def test_the_returned_indices_of_a_maximum_may_be_changed() -> None:
    x = tensor([[1.0, 3.0], [4.0, 2.0]], requires_grad=True)
    values, where = x.max(1)
    where[0] = 0
    values.sum().backward()  # with indices of its own
    assert x.grad is not None and x.grad.tolist() == [[0, 1], [1, 0]]


def test_an_index_is_copied() -> None:
    """The user's own lists and arrays may change after they were used as an index."""
    x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    z = x * 1
    index, mask = np.array([0, 0]), tensor([False, True, True])
    y = z[index].sum() + z[mask].sum() * 10
    z[mask] = 0.0
    index[:], mask[:] = 2, False
    (y + z.sum() * 100).backward()
    assert x.grad.tolist() == [102.0, 10.0, 10.0]


def test_writes_before_the_forward_pass_do_no_harm() -> None:
    """Memory that was handed out, and written to, before it was used is as any other."""
    for write in RECORDED + UNRECORDED:
        env = names()
        env["early"] = env["z"].detach().numpy()
        exec(write, {**env, "t": env["z"]})
        (env["z"] * env["w"]).sum().backward()
        np.testing.assert_array_equal(env["w"].grad.numpy(), env["z"].detach().numpy())


def test_a_graph_that_is_kept_is_still_watched() -> None:
    env = names()
    y = (env["z"] * env["w"]).sum()
    y.backward(retain_graph=True)
    grads = env["x"].grad.tolist(), env["w"].grad.tolist()
    env["z"].data *= 2
    with pytest.raises(RuntimeError, match="my_z"):
        y.backward()
    assert (env["x"].grad.tolist(), env["w"].grad.tolist()) == grads


def test_a_second_derivative_is_watched_as_the_first() -> None:
    env = names()
    (slope,) = minigrad.grad((env["z"] * env["z"] * env["w"]).sum(), [env["x"]], create_graph=True)
    env["z"].data += 1
    with pytest.raises(RuntimeError, match="my_z"):
        slope.sum().backward()


UPDATES: dict[str, Callable[[Tensor, float], None]] = {}


def update(f: Callable[[Tensor, float], None]) -> Callable[[Tensor, float], None]:
    UPDATES[f.__name__] = f
    return f


@update
def under_no_grad(w: Tensor, rate: float) -> None:
    with no_grad():
        w -= rate * w.grad


@update
def under_no_grad_by_method(w: Tensor, rate: float) -> None:
    with no_grad():
        w.sub_(rate * w.grad)


@update
def through_data(w: Tensor, rate: float) -> None:
    w.data -= rate * w.grad


@update
def through_a_new_data(w: Tensor, rate: float) -> None:
    w.data = w.data - rate * w.grad


@update
def through_numpy(w: Tensor, rate: float) -> None:
    array = w.detach().numpy()
    array -= rate * w.grad.numpy()


@pytest.mark.parametrize("step", UPDATES.values(), ids=UPDATES)
def test_an_update_keeps_the_parameter_the_same_leaf(step: Callable[[Tensor, float], None]) -> None:
    """Gradient descent on (w - 3)^2 by 0.25: the distance halves each time."""
    w = tensor([1.0, 5.0], requires_grad=True)
    node = w.node
    for distance in (1.0, 0.5, 0.25):
        w.grad = None
        ((w - 3) * (w - 3)).sum().backward()
        step(w, 0.25)
        assert w.node is node and w.is_leaf and w.requires_grad and w.grad is not None
        assert w.tolist() == [3 - distance, 3 + distance]


def test_no_two_tensors_share_a_gradient() -> None:
    """Changing one .grad in place, or what was handed to backward, leaves the others alone."""
    a, b, upstream = (tensor([1.0, 1.0], requires_grad=i < 2) for i in range(3))
    c = a + b
    c.retain_grad()
    (c.reshape(2, 1) * 1).backward(upstream.reshape(2, 1))
    upstream.zero_()
    a.grad.zero_()
    c.grad *= 5
    assert (a.grad.tolist(), b.grad.tolist(), c.grad.tolist()) == ([0, 0], [1, 1], [5, 5])
    for y in (a.clone(), a, a.T):
        a.grad = None
        given = tensor([2.0, 2.0])
        y.backward(given)
        given.zero_()
        assert a.grad.tolist() == [2, 2]


def test_the_gradient_of_a_base_has_what_comes_through_a_view_that_was_written_to() -> None:
    """`y[0]` is written to through a view, and used only through it: `.grad`, hooks and `grad` of y see that use."""
    upstream = [[5.0, 7.0], [0.0, 0.0]]
    for write, slope in (
        (lambda v: v.mul_(3.0), 3.0),
        (lambda v: v.neg_(), -1.0),
        (lambda v: v[...].mul_(2.0).add_(1.0), 2.0),
    ):
        x = tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
        y = x * 1
        view = y[0]
        write(view)
        y.register_hook(lambda g: g * 10)
        loss = (view * tensor([5.0, 7.0])).sum()
        assert (minigrad.autograd.grad(loss, y, retain_graph=True)[0] / 10).tolist() == upstream
        y.retain_grad()
        loss.backward()
        assert (y.grad / 10).tolist() == upstream
        assert x.grad.tolist() == [[50.0 * slope, 70.0 * slope], [0.0, 0.0]]
        assert view.tolist() == y[0].tolist()
