"""Causes of wrong lines of a backward pass: convolutions by im2col, flattened axes, embeddings, columns of an RNN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import check_backward, tensor
from minigrad.nn import functional as F


def parameter(*shape: int, seed: int = 0) -> Any:
    return tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy())


def im2col(x: np.ndarray, size: int) -> np.ndarray:
    n, c, h, w = x.shape
    columns = np.zeros((n, c, size, size, h - size + 1, w - size + 1))
    for i in range(size):
        for j in range(size):
            columns[:, :, i, j] = x[:, :, i : i + columns.shape[4], j : j + columns.shape[5]]
    return columns.transpose(0, 4, 5, 1, 2, 3).reshape(-1, c * size * size)


def convolution(mistake: str) -> Any:
    x, w, b = parameter(2, 3, 5, 4), parameter(4, 3, 2, 2, seed=1), parameter(4, seed=2)
    out = F.conv2d(x, w, b)
    dout = np.random.default_rng(3).standard_normal(out.shape)
    d = (dout if mistake == "channels" else dout.transpose(0, 2, 3, 1)).reshape(-1, 4)
    dw = (d.T @ im2col(array(x), 2)).reshape(w.shape)
    db = d.sum(axis=0)
    columns = (d @ array(w).reshape(4, -1)).reshape(2, 4, 3, 3, 2, 2).transpose(0, 3, 4, 5, 1, 2)
    dx = np.zeros(x.shape)
    for i in range(2):
        for j in range(2):
            window = dx[:, :, i : i + 4, j : j + 3]
            window[...] = columns[:, :, i, j] + (0 if mistake == "set" else window)
    return check_backward(out, locals())


def test_a_convolution_by_im2col() -> None:
    assert convolution("")
    report = convolution("channels")
    assert all("dout.transpose(0, 2, 3, 1)" in report[name].cause for name in ("dw", "db")), report
    assert "col2im overwrites" in convolution("set")["dx"].cause


def batch_of_sequences(mistake: str) -> Any:
    x, w = parameter(2, 5, 3), parameter(3, 4, seed=1)
    y = x @ w
    dy = np.random.default_rng(3).standard_normal((2, 5, 4))
    g = (dy.swapaxes(0, 1) if mistake == "order" else dy).reshape(-1, 4)
    rows = array(x).reshape(3, -1) if mistake == "reshape" else array(x).reshape(-1, 3).T
    dw = rows @ g
    return check_backward(y, locals())


def test_examples_and_steps_that_are_flattened_into_one_axis() -> None:
    assert batch_of_sequences("")
    assert "flattened in another order than those of x" in batch_of_sequences("order")["dw"].cause
    assert "a reshape where a transpose must be" in batch_of_sequences("reshape")["dw"].cause


def test_a_gradient_in_every_row_of_an_embedding() -> None:
    table = parameter(6, 4)
    row = table[2]
    drow = np.arange(4.0) + 1
    dtable = np.zeros((6, 4))
    dtable[:] = drow
    report = check_backward(row, locals())
    assert "in every row, not in that of the index alone" in report["dtable"].cause


def factorization(mistake: str) -> Any:
    users, items = np.array([0, 1, 1, 3, 0, 1]), np.array([0, 1, 2, 3, 3, 0])
    P, Q = parameter(4, 3), parameter(4, 3, seed=1)
    p, q = P[users], Q[items]
    e = (p * q).sum(1) - np.arange(6.0)
    loss = (e**2).sum() + 0.1 * (P**2).sum()
    de = {"": 2.0, "half": 1.0, "mean": 2 / 6}.get(mistake, 2.0) * array(e)
    dP = np.zeros((4, 3))
    np.add.at(dP, users, de[:, None] * array(q) + (0.2 * array(p) if mistake == "each" else 0))
    dP += 0 if mistake == "each" else 0.2 * array(P)
    return check_backward(loss, locals())


def test_the_factor_of_a_square_is_no_penalty() -> None:
    assert factorization("")
    assert "the factor 2 is missing" in factorization("half")["de"].cause
    assert factorization("mean")["de"].cause.startswith("a constant factor of 1/6")
    assert "the penalty is added with each example, not once" in factorization("each")["dP"].cause


def test_a_mean_is_divided_by_the_number_of_examples() -> None:
    out = parameter(2, 3, 4)
    loss = (out**2).mean()
    report = check_backward(loss, {"out": out, "dout": 2 * array(out) / 3})
    assert report["dout"].cause.endswith("divided by 3, the size of dimension 1 of `out`, instead of 24, the number of "
                                         "elements that are averaged")  # fmt: skip


@pytest.mark.slow
def test_the_cross_entropy_of_columns() -> None:
    """A. Karpathy, min-char-rnn: https://gist.github.com/karpathy/d4dee566867f8291f086."""
    Why, h = parameter(5, 3), [parameter(3, 1, seed=t + 1) for t in range(3)]
    targets = [1, 4, 2]
    loss, dWhy, wrong = tensor(0.0), np.zeros((5, 3)), np.zeros((5, 3))
    for t in range(3):
        y = Why @ h[t]
        p = y.exp() / y.exp().sum()
        loss = loss - p[targets[t], 0].log()
        dy = array(p).copy()
        wrong += dy @ array(h[t]).T
        dy[targets[t]] -= 1
        dWhy += dy @ array(h[t]).T
    assert check_backward(loss, dWhy=dWhy)
    assert "the 1 of the target is not subtracted" in check_backward(loss, dWhy=wrong)["dWhy"].cause


def policy(mistake: str) -> Any:
    """A. Karpathy's policy gradient, whose dh is masked in place."""
    rng = np.random.default_rng(0)
    W1, w2 = parameter(5, 6), parameter(5, seed=1)
    X, advantage, rewards = rng.standard_normal((9, 6)), rng.standard_normal(9), rng.standard_normal((9, 1))
    h = (X @ W1.T).relu()
    scores = h @ w2
    loss = (scores.sigmoid() * advantage).sum()
    p = 1 / (1 + np.exp(-array(scores)))
    dscores = p * (1 - p) * (rewards[:, 0] if mistake == "rewards" else advantage)
    dh = np.outer(dscores, np.ones(5) if mistake == "factor" else array(w2))
    dh[(dh if mistake == "mask" else array(h)) <= 0] = 0
    return check_backward(loss, locals())


def test_other_mistakes_are_named_where_a_gradient_is_masked_in_place() -> None:
    assert policy("")
    assert policy("rewards")["dscores"].cause == "it is computed with rewards instead of advantage"
    assert "w2" in policy("factor")["dh"].cause
    assert policy("mask")["dh"].cause.startswith(
        "it is set to 0 where it is negative itself: the mask must be that of h"
    )


@pytest.mark.parametrize("keep, verdict", [(0.8, "right"), (0.64, "wrong")])
def test_a_gradient_that_becomes_that_of_an_inner_result_in_place(keep: float, verdict: str) -> None:
    x, W = parameter(6, 4), parameter(4, 5, seed=1)
    mask = np.random.default_rng(2).random((6, 5)) < 0.8
    z = x @ W
    a = z.relu() * mask / 0.8
    loss = (a**2).sum()
    da = 2 * array(a)
    da = da * mask / keep  # the gradient of relu(z)
    dz = da * (array(a) > 0)
    report = check_backward(loss, {"z": z, "a": a, "da": da, "dz": dz})
    assert report["da"].verdict == report["dz"].verdict == verdict


def test_another_list_of_gradients_in_every_pass() -> None:
    W, b, zs, hs = parameter(3, 3), parameter(3, seed=1), [], [parameter(2, 3, seed=2)]
    for _ in range(4):
        zs.append(hs[-1] @ W + b)
        hs.append(zs[-1].tanh())
    loss = (hs[-1] ** 2).sum()
    dhs, dzs = [2 * array(hs[-1])], []
    for t in reversed(range(4)):
        dzs.insert(0, dhs[0] * (1 - array(hs[t + 1]) ** 2))
        dhs.insert(0, dzs[0] @ array(W).T)
    names = {"W": W, "b": b, "hs": hs, "zs": zs, "dhs": dhs, "dzs": dzs}
    report = check_backward(loss, {**names, "db": sum(dhs[1:]).sum(0)})
    assert report["db"].cause == "it is computed from dhs[t + 1] instead of dzs[t], in every pass of the loop"
    report = check_backward(loss, {**names, "db": sum(dzs).sum(0)})
    assert report


def test_a_mean_over_positions() -> None:
    x, b = parameter(2, 3, 4, 5), parameter(3, seed=1)
    out = x + b.reshape(3, 1, 1)
    dout = np.random.default_rng(3).standard_normal(out.shape)
    report = check_backward(out, {"out": out, "b": b, "dout": dout, "db": dout.mean((2, 3)).sum(0)})
    assert "averaged over axes 2, 3" in report["db"].cause or "along dimensions 2, 3" in report["db"].cause


def test_an_element_of_a_list_is_of_its_own_pass_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    W, hs, zs = parameter(3, 3), [parameter(2, 3, seed=1)], []
    for _ in range(3):
        z = hs[-1] @ W
        h = z.tanh()
        zs.append(z)
        hs.append(h)
    weights = rng.standard_normal((2, 3))
    loss = (hs[-1] * weights).sum()
    dhs, dzs = [weights], []
    for t in reversed(range(3)):
        dzs.insert(0, dhs[0] * (1 - array(hs[t + 1])))  # wrong: 1 - h**2
        dhs.insert(0, dzs[0] @ array(W).T)
    report = check_backward(loss, {"W": W, "hs": hs, "zs": zs, "z": z, "h": h, "dhs": dhs, "dzs": dzs})
    assert report.first_wrong is not None and report.first_wrong.name == "dzs[2]"
    assert "it is computed as `1 - h` instead of" in report["dzs[2]"].cause
    assert report["dhs[2]"].verdict == "follows"


def test_a_transposed_array_whose_gradient_is_given_is_no_obstacle() -> None:
    x, Wq, Wk = parameter(4, 3), parameter(3, 3, seed=1), parameter(3, 3, seed=2)
    q, k = x @ Wq, x @ Wk
    scores = q @ k.T
    out = x + scores.tanh() @ x.detach()
    loss = (out**2).sum()
    dout = 2 * array(out)
    dscores = (dout @ array(x).T) * (1 - np.tanh(array(scores)) ** 2)
    dq, dk = dscores @ array(k), dscores.T @ array(q)
    names = {"x": x, "q": q, "k": k, "scores": scores, "out": out, "dout": dout, "dscores": dscores}
    dx = dq @ array(Wq).T + dk @ array(Wk).T  # wrong: the residual connection
    report = check_backward(loss, {**names, "dq": dq, "dk": dk, "dx": dx})
    assert "the contribution of `x` through `out` is missing" in report["dx"].cause
    assert check_backward(loss, {**names, "dq": dq, "dk": dk, "dx": dx + dout})


@pytest.mark.parametrize("gates", [False, True])
def test_the_old_state_and_not_the_new_one(gates: bool) -> None:
    rng = np.random.default_rng(0)
    U, W, h0 = parameter(2, 3), parameter(3, 3, seed=1), parameter(4, 3, seed=2)
    xs = [rng.standard_normal((4, 2)) for _ in range(3)]
    h, hs, zs = h0, [], []
    for x in xs:
        z = x @ U + h @ W
        h = z.sigmoid() * h if gates else z.tanh()
        hs.append(h)
        zs.append(z)
    loss = (h**2).sum()
    loss.backward(retain_graph=True)
    dzs = []
    for t in range(3):
        z = zs[t].detach().clone().requires_grad_()
        old = hs[t - 1].detach() if t else h0.detach()
        out = z.sigmoid() * old if gates else z.tanh()
        h = out
        for later in xs[t + 1 :]:
            again = later @ U.detach() + h @ W.detach()
            h = again.sigmoid() * h if gates else again.tanh()
        (h**2).sum().backward()
        dzs.append(array(z.grad))
    names = {"U": U, "W": W, "h0": h0, "hs": hs, "zs": zs, "dzs": dzs}
    right, wrong = (sum(a.T @ dz for a, dz in zip(of, dzs)) for of in (map(array, (h0, *hs)), map(array, hs)))
    assert check_backward(loss, {**names, "dW": right})
    report = check_backward(loss, {**names, "dW": wrong})
    said = "it is computed with the wrong array in each pass: hs[0] instead of h0, hs[1] instead of hs[0], and so on"
    assert report["dW"].cause == said


GATES = """
dz_next, dc_next = np.zeros((2, 7)), np.zeros((2, 4))
for t in reversed(range(5)):
    dh, tc = a["hs"][t] - y + dz_next[:, 3:], np.tanh(a["cs"][t])
    f, i, o, g, c0 = *(a[k][t] for k in "fiog"), a["cs"][t - 1] if t else 0
    dc = dc_next + dh * o * (1 - tc**2)
    df, di, do, dg = dc * c0 * f * (1 - f), dc * g * i * (1 - i), dh * tc * o * (1 - o), dc * i * (1 - g**2)
    dz_next = sum(d @ W.T for d, W in zip((df, di, do, dg), a["Ws"]))
    dc_next = dc * f
    for dW, d in zip(dWs, (df, di, do, dg)):
        dW += np.concatenate([xs[t], a["hs"][t - 1] if t else np.zeros((2, 4))], axis=1).T @ d
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", ""),
        ("dc = dc_next + ", "dc = ", "through `f[t] * cs[t]` is missing"),
        ("dc * g * i", "dc * i", "local derivative of `i[t] * "),
    ],
)
def test_the_first_pass_of_a_loop_lacks_the_operations_of_constants(old: str, new: str, words: str) -> None:
    rng = np.random.default_rng(0)
    Ws = [parameter(7, 4, seed=seed) for seed in range(4)]
    xs, y = rng.standard_normal((5, 2, 3)), rng.standard_normal((2, 4))
    lists: dict[str, list[Any]] = {name: [] for name in ("hs", "cs", *"fiog")}
    h, c, loss = tensor(np.zeros((2, 4))), tensor(np.zeros((2, 4))), 0.0
    for x in xs:
        z = minigrad.cat([tensor(x), h], 1)
        f, i, o, g = *((z @ W).sigmoid() for W in Ws[:3]), (z @ Ws[3]).tanh()
        c = f * c + i * g
        h = o * c.tanh()
        loss = loss + ((h - tensor(y)) ** 2).sum() / 2
        for name, value in zip(lists, (h, c, f, i, o, g)):
            lists[name].append(value)
    dWs = [np.zeros((7, 4)) for _ in Ws]
    a = {name: [array(v) for v in values] for name, values in {**lists, "Ws": Ws}.items()}
    exec(GATES.replace(old, new) if old else GATES, {"np": np, "a": a, "y": y, "xs": xs, "dWs": dWs})
    report = check_backward(loss, {**lists, "Ws": Ws, "dWs": dWs})
    assert bool(report) is not bool(old)
    if report.first_wrong is not None:
        assert words in report.first_wrong.cause and "in every pass of the loop" in report.first_wrong.cause


def test_the_output_of_a_layer_in_a_list_for_its_input() -> None:
    rng = np.random.default_rng(0)
    hs, zs, target = [parameter(5, 4)], [], rng.standard_normal((5, 4))
    Ws = [parameter(4, 4, seed=seed) for seed in (1, 2, 3)]
    for W in Ws:
        zs.append(hs[-1] @ W)
        hs.append(hs[-1] + zs[-1].relu())
    loss = ((hs[-1] - target) ** 2).mean()
    dhs: list[Any] = [2 * (array(hs[-1]) - target) / target.size]
    dzs: list[Any] = []
    for z, W in zip(zs[::-1], Ws[::-1]):
        dzs.insert(0, dhs[0] * (array(z) > 0))
        dhs.insert(0, dhs[0] + dzs[0] @ array(W).T)
    names = {"hs": hs, "zs": zs, "Ws": Ws, "dhs": dhs, "dzs": dzs}
    assert check_backward(loss, {**names, "dWs": [array(h).T @ dz for h, dz in zip(hs, dzs)]})
    report = check_backward(loss, {**names, "dWs": [array(h).T @ dz for h, dz in zip(hs[1:], dzs)]})
    assert report["dWs[2]"].cause == "it is computed with hs[3] instead of hs[2]"
