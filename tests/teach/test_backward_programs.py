"""Backward passes of whole programs, with a mistake planted in one line: it is found there, and its cause is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import check_backward, tensor
from minigrad.nn import functional as F
from minigrad.scalar import Value
from minigrad.teach.repeats import repeats

START = """
rng = np.random.default_rng(0)
def N(t): return t.detach().numpy()
def T(*shape): return tensor(rng.standard_normal(shape) * 0.5, requires_grad=True)
"""
RECURRENT = """
x, W, U = T(2, 4, 3), T(3, 5), T(5, 5)
h0 = tensor(np.zeros((2, 5)), requires_grad=True)
h, states = h0, [N(h0)]
for t in range(4):
    z = x[:, t] @ W + h @ U
    h = z.tanh()
    states.append(N(h))
loss = (h ** 2).sum()
dh = 2 * N(h)
dx, dW, dU, back = np.zeros((2, 4, 3)), np.zeros((3, 5)), np.zeros((5, 5)), dh
for t in reversed(range(4)):
    da = back * (1 - states[t + 1] ** 2)
    dx[:, t] = da @ N(W).T
    dW += N(x)[:, t].T @ da
    dU += states[t].T @ da
    back = da @ N(U).T
dh0 = back
"""
GATES = """
x, W = T(2, 3, 4), T(4, 6)
c = T(2, 3)
c0, saved = c, []
for t in range(3):
    a = x[:, t] @ W
    f, i = a[:, :3].sigmoid(), a[:, 3:].tanh()
    saved.append((N(c), N(f), N(i)))
    c = c * f + i
loss = (c ** 2).sum()
dc = 2 * N(c)
back, dx = dc, np.zeros((2, 3, 4))
for t in reversed(range(3)):
    old, f_, i_ = saved[t]
    df, di = back * old, back
    da = np.hstack([df * f_ * (1 - f_), di * (1 - i_ ** 2)])
    dx[:, t] = da @ N(W).T
    back = back * f_
dc0 = back
"""
IMAGES = """
x, w, b = T(2, 2, 6, 6), T(3, 2, 3, 3), T(3)
conv = F.conv2d(x, w, b, padding=1)
pool = F.max_pool2d(conv, 2)
loss = (pool ** 2).sum()
dpool = 2 * N(pool)
dconv = np.zeros((2, 3, 6, 6))
for i in range(3):
    for j in range(3):
        at = np.s_[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        mask = N(conv)[at] == N(conv)[at].max((2, 3), keepdims=True)
        dconv[at] += mask * dpool[:, :, i, j][:, :, None, None]
padded = np.pad(N(x), ((0, 0), (0, 0), (1, 1), (1, 1)))
dpadded, dw, db = np.zeros((2, 2, 8, 8)), np.zeros((3, 2, 3, 3)), dconv.sum((0, 2, 3))
for i in range(6):
    for j in range(6):
        at = np.s_[:, :, i : i + 3, j : j + 3]
        dw += np.einsum("no,nchw->ochw", dconv[:, :, i, j], padded[at])
        dpadded[at] += np.einsum("no,ochw->nchw", dconv[:, :, i, j], N(w))
dx = dpadded[:, :, 1:-1, 1:-1]
"""
BRANCHES = """
x, W, b, y = T(4, 3), T(3, 3), T(3), np.array([0, 2, 1, 1])
z = x @ W
m = z.sigmoid() * x
scores = m + z + b
loss = F.cross_entropy(scores, tensor(y))
p = np.exp(N(scores) - N(scores).max(1, keepdims=True))
p /= p.sum(1, keepdims=True)
dscores = p.copy()
dscores[np.arange(4), y] -= 1
dscores /= 4
db = dscores.sum(0)
dm = dscores.copy()
s = 1 / (1 + np.exp(-N(z)))
dz = dm * N(x) * s * (1 - s)
dz += dscores
dx = dm * s + dz @ N(W).T
dW = N(x).T @ dz
"""
NUMBERS = """
a, b, c = Value(2.0), Value(1.0), Value(-3.0)
n = a * c
s = n + b
loss = s * s
ds = 2 * s.data
dn, db = ds, ds
da, dc = dn * c.data, dn * a.data
"""
PROGRAMS = {"recurrent": RECURRENT, "gates": GATES, "images": IMAGES, "branches": BRANCHES, "numbers": NUMBERS}
MISTAKES = [
    ("recurrent", "states[t + 1] ** 2)", "states[t] ** 2)", "dx", "in every pass"),
    ("recurrent", "back = da @ N(U).T", "back = da @ N(U)", "dx", "a transpose is wrong"),
    ("recurrent", "back = da @ N(U).T", "back = da", "dx", "in every pass"),
    ("recurrent", "dU += states[t].T", "dU += states[t + 1].T", "dU", "the new `h` instead of the old one"),
    ("recurrent", "dW += ", "dW = ", "dW", "overwritten (=)"),
    ("recurrent", "dU += states[t].T", "dU = 0 * states[0].T", "dU", "is used 4 times"),
    ("recurrent", "dh0 = back", "dh0 = da", "dh0", "derivative of `h0 @ U` is missing"),
    ("gates", "np.hstack([df * f_ * (1 - f_), di * (1 - i_ ** 2)])",
     "np.hstack([di * (1 - i_ ** 2), df * f_ * (1 - f_)])", "dx", "are exchanged; this holds in every pass"),
    ("gates", "back = back * f_", "back = back", "dx", "without the factor `f`"),
    ("images", "dpadded[at] += ", "dpadded[at] = ", "dx", "later window overwrites"),
    ("images", "N(w))", "N(w)[..., ::-1, ::-1])", "dx", "the kernel is flipped"),
    ("images", "1:-1, 1:-1]", ":6, :6]", "dx", "padding"),
    ("images", "dw += ", "dw = ", "dw", "the last window"),
    ("images", "padded[at])", "np.pad(N(x), ((0, 0), (0, 0), (0, 2), (0, 2)))[at])", "dw", "in the padded x"),
    ("images", "mask * dpool", "dpool", "dconv", "not only the largest"),
    ("images", "mask * dpool[:, :, i, j][:, :, None, None]", "dpool[:, :, i, j][:, :, None, None] / 4", "dconv",
     "average pooling"),
    ("images", "dconv.sum((0, 2, 3))", "dconv.sum((0, 1, 2))", "db", "dimensions 0 and 1 and 2 instead"),
    ("branches", "p.sum(1, keepdims=True)", "p.sum(0, keepdims=True)", "dscores", "normalized along axis 0"),
    ("branches", "p.sum(1, keepdims=True)", "p.sum()", "dscores", "over the whole array"),
    ("branches", "db = dscores.sum(0)", "db = dscores.sum(1)", "db", "summed over dimension 1 instead"),
    ("branches", "dm = dscores.copy()", "dm = dscores * N(z)", "dm", "z"),
    ("branches", "dz += dscores", "dz += dscores; dm *= 7", "dm", "a constant factor of 7"),
    ("branches", "dx = dm * s", "dx = dm * s * N(x)", "dx", "x"),
    ("branches", "dz = dm * N(x) * s * (1 - s)\ndz += dscores", "dz = dscores\ndz += dm * N(x) * s * (1 - s)",
     "dscores", "one array"),
    ("numbers", "dc = dn * c.data, dn * a.data", "dc = dn * c.data, dn * b.data", "dc", "with b instead of a"),
    ("numbers", "db = ds, ds", "db = ds, ds * c.data", "db", "multiplied by `c`, a factor too many"),
]  # fmt: skip


def run(program: str, old: str = "", new: str = "") -> Any:
    source = START + PROGRAMS[program]
    assert old in source
    names: dict[str, Any] = {"np": np, "minigrad": minigrad, "tensor": tensor, "F": F, "Value": Value}
    exec(source.replace(old, new, 1) if old else source, names)
    return check_backward(names["loss"], names)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_right_program_is_right(name: str) -> None:
    report = run(name)
    assert report and len(report.lines) >= 5, report


@pytest.mark.parametrize(("program", "old", "new", "line", "words"), MISTAKES)
def test_the_first_wrong_line_and_its_cause(program: str, old: str, new: str, line: str, words: str) -> None:
    report = run(program, old, new)
    assert report.first_wrong is not None and report.first_wrong.name == line, report
    assert words in report.first_wrong.cause, report


def test_an_array_that_lies_open_may_stand_in_for_another() -> None:
    """A NumPy view of a saved array makes the engine look for writes; those of the search are none."""
    report = run("recurrent", "dU += states[t].T", "dU += np.abs(states[t]).T")
    assert report.first_wrong.name == "dU"


def test_siblings_are_in_the_order_of_the_program() -> None:
    report = run("numbers", "da, dc = dn * c.data, dn * a.data", "dc, da = dn, dn")
    assert report.first_wrong.name == "dc"


def test_loops_in_a_sequence() -> None:
    assert repeats("xabcabcaby") == [(1, 3, 2)]
    assert repeats("aaaa") == [(0, 2, 2)] and repeats("ab") == []
    assert repeats("abababxcdecde") == [(0, 2, 3), (7, 3, 2)]
