"""Indexing, selection and sorting against PyTorch: in place and through views, corners, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle.test_against_torch import BOTH, answer, assert_same, lines, numpy, run, tensor, torch

import minigrad

pytestmark = pytest.mark.oracle

PROGRAMS = """
z = x * 2; z.scatter_(1, m.tensor([[0], [2], [3]]), 5.0); out = z * z
z = x * 2; z.scatter_(1, m.tensor([[0, 1], [2, 0], [3, 1]]), w[:2].expand(3, 2)); out = z * z
z = x * 2; z[1:].scatter_(0, m.tensor([[0, 1, 1, 0]]), w[None]); out = z * z
z = x * 2; z.T.scatter_add_(0, m.tensor([[0, 1, 1], [0, 2, 2]]), x[:, :2].T); out = z * z
z = x * 2; z[0].index_add_(0, m.tensor([1, 1, 0]), w[:3], alpha=2); out = z * z
z = x * 2; v = z[:, 1]; z.index_add_(1, m.tensor([1, 1, 0]), x[:, :3]); out = z * v.sum()
z = x * 2; z.index_fill_(1, m.tensor([1, 3]), 7.0); out = z * z
z = x * 2; z.index_copy_(0, m.tensor([2, 0]), x[:2]); out = z * z
z = x * 2; z.index_put_((m.tensor([0, 2]), m.tensor([1, 1])), w[:2]); out = z * z
z = x * 2; z.index_put_((m.tensor([0, 0]),), w, accumulate=True); out = z * z
z = x * 2; z.masked_scatter_(z > 0, x * x); out = z * z
z = x * 2; z.scatter_reduce_(0, m.tensor([[0, 0, 1, 2]]), w[None], "mean", include_self=False); out = z * z
z = m.zeros(3, 4, dtype=x.dtype).scatter_(1, m.tensor([[0], [2], [3]]), 1); out = z * x
z = m.zeros(3, 4, dtype=x.dtype).scatter_(1, m.tensor([[0], [2], [3]]), x[:, :1]); out = z * x
z = m.zeros(2, 4, dtype=x.dtype).index_add_(0, m.tensor([0, 1, 0]), x); out = z * w
i = m.tensor([[0, 1, 2, 0]]); y = x.gather(0, i); out = y * y
z = x * 2; y = z.index_select(1, m.tensor([0, 0])); y *= x[:, :2]; out = z.sum() * y
z = x * 2; y = z.sort(1).values; z *= 2; out = y * z
z = x * 2; y = z.topk(2, 0).values; y *= 3; out = y + z[:2]
out = x[m.arange(3), m.tensor([0, 2, 2])] * x[:, m.tensor([0, 0])].sum()
out = x[[0, 2]][:, [1, 1, 0]] * x[m.tensor([[0, 1], [2, 2]])].sum()
out = x[..., -1] * x[x[:, 0] > -9][:, None].sum()
out = x[m.tensor([True, False, True])] * x[m.tensor([True, False, True]), 1:3].sum()
out = x[1, m.tensor([0, 3, 3])] * x[m.tensor(2), m.tensor([1, 1, 2])]
out = x[None, :, m.tensor([0, 3, 3]), None] ** 2
out = x[m.tensor([[0], [2]]), m.tensor([[1, 1, 3]])] ** 2
out = x[m.tensor([0, -1, -1])] ** 2
out = x[True] * x[None, m.tensor(1)]
out = x[None][0, :, m.tensor([0, 3, 1])] ** 2
out = x[None][m.tensor([0, 0]), :, -1] ** 2
out = x[None][None, 0, :, m.tensor([0, 3, 1])] ** 2
out = x[None][0, x[:, 0] > 0, None] ** 2
z = x * 2; z[None][0, :, m.tensor([0, 3, 1])] = w[:3]; out = z * z
z = x * 2; z[None][0, :, m.tensor([0, 3, 1])] *= w[:3]; out = z * z
out = x[:, None, ..., m.tensor([0, 1])] ** 2
out = x[m.tensor([], dtype=m.int64)].sum() + x[0:0].sum() + x * 1
z = x * 2; z[m.tensor([0, -1])] = w; out = z * z
z = x * 2; z[:, m.tensor([0, 2])] = x[:, :2]; out = z * z
z = x * 2; z[m.tensor([0, 1]), m.tensor([1, 1])] += w[:2]; out = z * z
z = x * 2; z[z > 0.5] *= 3; out = z * z
z = x * 2; z[x[:, 0] > 0] = w; out = z * z
z = x * 2; z[..., 0] = w[:3]; out = z * z
z = x * 2; z[None, 1] = w; out = z * z
z = x * 2; z[:, 1:3] = w[:2]; out = z * z
z = x * 2; z[True] = w; out = z * z
""".strip()

BOTH_REFUSE = """
x.index_select(0, m.tensor([3]))
x.index_select(0, m.tensor([-1]))
x.index_select(0, m.tensor([[0]]))
x.index_select(0, m.tensor([0.0]))
x.index_select(2, m.tensor([0]))
x.sum().index_select(0, m.tensor([0, 0]))
x.gather(0, m.tensor([0]))
x.gather(0, m.tensor([[3]]))
x.gather(0, m.tensor([[-1]]))
x.gather(0, m.tensor([[0, 0, 0, 0, 0]]))
x.gather(1, m.tensor([[0]] * 4))
x.gather(0, m.tensor([[0.0]]))
x.gather(0, x > 0)
x.take(m.tensor([12]))
x.take(m.tensor([-13]))
x.take_along_dim(m.tensor([[0], [1]]), 1)
x.take_along_dim(m.tensor([0]), 1)
x.masked_select(x)
x.masked_select(m.tensor([True, False]))
x.scatter(0, m.tensor([[3]]), 1.0)
x.scatter(0, m.tensor([[-1]]), 1.0)
x.scatter(0, m.tensor([0]), 1.0)
x.scatter(0, m.tensor([[0]]), w)
x.scatter(0, m.tensor([[0, 0]]), w[:1, None])
x.scatter(0, m.tensor([[0]]), x.float())
x.scatter(0, m.tensor([[0]]))
x.scatter(0, m.tensor([[0]]), x, reduce="mean")
x.scatter(0, m.tensor([[0]]), x, reduce="multiply")
x.scatter_(0, m.tensor([[0]]), 1.0)
x.scatter_add(0, m.tensor([[0]]), 1.0)
x.scatter_add(0, m.tensor([[0]] * 4), x)
x.scatter_add(0, m.tensor([[0]]), x.float())
x.scatter_add_(0, m.tensor([[0]]), x)
x.scatter_reduce(0, m.tensor([[0]]), x, "max")
x.index_add(0, m.tensor([0]), x)
x.index_add(0, m.tensor([3]), x[:1])
x.index_add(0, m.tensor([-1]), x[:1])
x.index_add(0, m.tensor([0]), x[:1].float())
x.index_add(0, m.tensor([[0]]), x[:1])
x.index_add(0, m.tensor([0]), 1.0)
x.index_copy(0, m.tensor([0]), x)
x.index_copy(0, m.tensor([3]), x[:1])
x.index_copy(0, m.tensor([0]), x[:1].float())
x.index_fill(0, m.tensor([3]), 1)
x.index_fill(0, m.tensor([-4]), 1)
x.index_fill(0, m.tensor([0.0]), 1)
x.index_fill(0, m.tensor([0]), w)
x.index_put((m.tensor([3]),), w)
x.index_put((m.tensor([0]),), w.float())
x.index_put((m.tensor([0, 1]),), w[:3])
x.index_put(m.tensor([0]), w)
x.index_put((m.tensor([0, 1]),), w[:3], accumulate=True)
x.index_put((m.tensor([3]),), w, accumulate=True)
x.masked_scatter(x > 0, w[:1])
x.masked_scatter(x, w)
x.masked_scatter(x > 0, x.float())
x.sort(2)
x.topk(5)
x.topk(-1)
x.topk(1, 2)
x.kthvalue(0)
x.kthvalue(5)
x.kthvalue(1, 2)
m.tensor([1, -1]).bincount()
m.tensor([[1]]).bincount()
m.tensor([1.0]).bincount()
m.tensor([1]).bincount(w)
m.tensor([1]).bincount(minlength=-1)
m.tensor([1]).histc()
x.histc(0)
x.histc(3, 2, 1)
m.tensor([nan]).histc()
m.searchsorted(x, w)
m.searchsorted(x.sum(), w)
m.searchsorted(x[0], w, side="up")
m.searchsorted(x[0], w, side="left", right=True)
m.bucketize(w, x)
x[4]
x[-4]
x[0, 0, 0]
x[:, 4]
x[m.tensor([3])]
x[m.tensor([True, False])]
x[x > 0, 0]
x[m.tensor([0, 1]), m.tensor([0, 1, 2])]
x["a"]
x[0.5]
z = x * 2; z[3] = 1; z
z = x * 2; z[0] = x; z
z = x * 2; z[m.tensor([0, 1])] = w[:3]; z
""".strip()


@pytest.mark.parametrize("program", lines(PROGRAMS))
def test_both_answer_alike(program: str) -> None:
    assert_same(answer(minigrad, program), answer(torch, program), program)


@pytest.mark.parametrize("program", lines(BOTH_REFUSE))
@pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter")
def test_both_refuse(program: str) -> None:
    before, _, last = program.rpartition("; ")
    program = f"nan = float('nan'); {before or 'None'}; out = {last}"
    assert isinstance(run(torch, program), Exception)
    error: Any = run(minigrad, program)
    assert isinstance(error, ValueError | IndexError | TypeError | RuntimeError), error


nan, inf = float("nan"), float("inf")
ROWS = (
    [[2.0, nan, -inf, inf, 2.0, nan, 0.0, -0.0]],
    [[1.0, 1.0, 1.0], [0.0, -1.0, 0.0]],
    np.array([[3, 1, 3, 1, 0]], np.uint8),
    np.array([[True, False, True, False]]),
    np.array([[-128, 127, 0, -128]], np.int8),
)
CORNERS = """
x.sort(stable=True).values
x.sort(stable=True).indices
x.sort(descending=True, stable=True).values
x.sort(descending=True, stable=True).indices
x.sort(dim=0, stable=True).indices
x.argsort(stable=True)
x.argsort(descending=True, stable=True)
x.topk(2).values
x.topk(2, largest=False).values
x.kthvalue(2).values
x.unique()
x.unique(return_counts=True)[1]
x.unique(return_inverse=True)[1]
x.unique_consecutive()
x.unique_consecutive(return_counts=True)[1]
x.unique_consecutive(dim=1)
x.nonzero()
m.isin(x, x[:, :2].contiguous())
m.bucketize(x, x.unique()[:2])
m.searchsorted(m.tensor([0.1, 0.2]), 0.1)
m.searchsorted(m.tensor([1, 2]), 1.5)
m.isin(1, x)
m.isin(x, 1)
x.flip(1).roll(1, 1)
x.tril()
x.diagonal()
x.repeat_interleave(2)
x.gather(1, m.tensor([[0, 1]]))
x.index_fill(1, m.tensor([0]), 1)
x.scatter(1, m.tensor([[0]]), 1)
x.index_add(1, m.tensor([0, 0]), x[:, :2])
x.scatter_add(1, m.tensor([[0, 0]]), x[:, :2])
"""


@pytest.mark.parametrize("text", lines(CORNERS))
def test_corners(text: str) -> None:
    """Ties, nan, infinities and all dtypes."""
    for rows in ROWS:
        answers = []
        for m in BOTH:
            try:
                answers.append([numpy(eval(text, {"m": m, "x": tensor(m, rows)}))])
            except (NotImplementedError, RuntimeError):  # PyTorch has not all for booleans
                assert m is torch and np.array(rows).dtype == bool
                answers = [[], []]
                break
        assert_same(*answers, f"{text} of {rows}")
