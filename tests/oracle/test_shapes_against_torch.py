"""Views, and what is refused, against PyTorch: shapes, indexing and selection."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from oracle.test_against_torch import BOTH, answer, assert_same, lines, run, tensor, torch

import minigrad

pytestmark = pytest.mark.oracle

VIEWS = """
x.view(4, 3)
x.view(-1)
x.view_as(x)
x.view(2, 6).view(3, 4)
x.T.view(2, 2, 3)
x.reshape(4, 3)
x.T.reshape(-1)
x.flatten()
x.unflatten(1, (2, 2))
x.ravel()
x.contiguous()
x.T.contiguous()
x.squeeze()
x.unsqueeze(1)
x.unsqueeze(1).squeeze(1)
x.permute(1, 0)
x.transpose(0, 1)
x.swapaxes(0, 1)
x.swapdims(0, 1)
x.movedim(0, 1)
x.t()
x.mT
x.flip(0)
x.fliplr()
x.flipud()
x.rot90()
x.rot90(0)
x.rot90(2)
x.roll(0)
x.roll(1, 0)
x[:1].expand(3, 4)
x.expand(3, 4)
x.broadcast_to((3, 4))
x.repeat(1, 1)
x.repeat(2, 1)
x.repeat_interleave(1, 0)
x.tile(1)
x.narrow(0, 1, 2)
x.narrow(1, 0, 4)
x.select(0, 1)
x.select(1, 1)
x.unbind()[1]
x.unbind(1)[1]
x.split(2)[1]
x.split([1, 2])[1]
x.split(2, 1)[0]
x.chunk(2)[0]
x.chunk(2, 1)[1]
x.tensor_split(2)[1]
x.tensor_split((1,), 1)[1]
x.unfold(1, 2, 2)
x.diagonal()
x.diagonal(1)
x.diag()
x[0].diag()
x[0].diag_embed()
x.diagflat()
x.tril()
x.tril(9)
x.triu()
m.cat([x])
m.stack([x])[0]
m.hstack([x])
m.atleast_2d(x)
m.atleast_3d(x)
m.broadcast_tensors(x, x)[0]
m.meshgrid(x[0], x[1])[0]
m.cartesian_prod(x[0])
x.clone()
x[...]
x[1:]
x[:, None]
x[[0, 1]]
m.cat([x])
m.stack([x])[0]
""".strip()


@pytest.mark.parametrize("text", lines(VIEWS))
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_what_shares_memory(text: str) -> None:
    """A write to the tensor is seen in the result, or not, as in PyTorch."""
    seen = []
    for m in BOTH:
        x = tensor(m, np.arange(12.0).reshape(3, 4))
        view = eval(text, {"m": m, "x": x})
        before = view.tolist()
        x.mul_(-1).add_(-1)
        seen.append(view.tolist() != before)
    assert seen[0] == seen[1]


PROGRAMS = """
z = x * 2; v = z.view(-1); v[1] = w[0]; out = z
z = x * 2; v = z.T.reshape(-1); v *= 3; out = z + v.sum()
z = x * 2; v = z.contiguous(); v *= 3; out = z
z = x * 2; v = z.T.contiguous(); v *= 3; out = z + v.T
z = x * 2; v = z.unflatten(1, (2, 2)); v[:, 0] *= w[:2]; out = z
z = x * 2; v = z.movedim(0, 1); v[1] = w[:3]; out = z
z = x * 2; v = z.narrow(1, 1, 2); v *= 3; out = z
z = x * 2; v = z.narrow(1, 1, 2); z *= 3; out = v
z = x * 2; v = z.select(0, 1); v += w; out = z
z = x * 2; v = z.diagonal(); v += w[:3]; out = z
z = x * 2; v = z.diagonal(1); z += w; out = v
z = x * 2; v = z.diagonal(-1).unsqueeze(0); v.mul_(w[:2]); out = z
z = x * 2; v = z.diag(); v += w[:3]; out = z + v.sum()
z = x * 2; v = z.flip(0); v *= w; out = z + v
z = x * 2; v = z.roll(1); v *= w; out = z + v
z = x * 2; v = z.tril(); v *= w; out = z + v
z = x * 2; v = z.unfold(1, 2, 1); z *= 3; out = v
z = x * 2; v = z.unfold(1, 2, 2); v *= w[:2]; out = z
z = x * 2; v = z.unsqueeze(1).squeeze(1); v[0] *= 3; out = z
z = x * 2; z.tril_(); out = z * w
z = x * 2; z.triu_(1); out = z * w
z = x * 2; z.t_(); z[0] = w[:3]; out = z
z = x * 2; z.transpose_(0, 1).mul_(w[0]); out = z
z = x * 2; z.unsqueeze_(0); z[0, 0] = w; out = z
z = x * 2; z.unsqueeze_(0).squeeze_(0); z[0] = w; out = z
z = x * 2; v = z[0]; v.unsqueeze_(0); v += w; out = z
z = x * 2; v = z[:, :3]; v.t_(); v[0] = 5; out = z * v.sum()
z = x * 2; v = z[0]; v.unsqueeze_(1); z *= 3; out = v
z = x * 2; z.t_(); v = z[0]; v *= 3; z += w[0]; out = v.sum() + z
with m.no_grad(): z = x * 2; z.t_()| out = z.t() * x
out = m.cat([m.tensor([]), x, x])
""".strip()

BOTH_REFUSE = """
x.T.view(-1)
x.view(5)
x.view(-1, -1)
x[:, :2].view(6)
x.unsqueeze_(0)
x.t_()
x[0].unsqueeze_(0)
x.flip(0, 0)
x.flip(2)
x.flip()
x[0].fliplr()
x.sum().flipud()
x.rot90(1, (0, 0))
x.rot90(1, (0,))
x[0].rot90()
x.roll((1, 2))
x.roll(1, (0, 1))
x.roll(1, 2)
x.sum().roll(1, 0)
x.repeat(2)
x.repeat(-1, 1)
x.repeat(2.0, 1)
x.repeat_interleave(-1)
x.repeat_interleave(m.tensor([1, 2]), 0)
x.repeat_interleave(m.tensor([1.0]), 0)
x.repeat_interleave(m.tensor([[1]]), 0)
x.repeat_interleave(2, 2)
x.repeat_interleave(2, 0, output_size=5)
x.unflatten(0, (2, 2))
x.unflatten(1, (-1, -1))
x.unflatten(2, (1, 1))
x.unflatten(0, ())
x.movedim(0, (0, 1))
x.movedim((0, 0), (0, 1))
x.movedim(2, 0)
x.permute(0)
x.permute()
x.transpose(0, 2)
x.transpose(0)
x.squeeze(2)
x.unsqueeze(3)
x.narrow(0, 0, 4)
x.narrow(0, -4, 1)
x.narrow(0, 1, -1)
x.narrow(2, 0, 1)
x.sum().narrow(0, 0, 1)
x.select(0, 3)
x.select(1, -5)
x.sum().select(0, 0)
x.sum().unbind()
x.unbind(2)
x.split(0)
x.split(-1)
x.split([1, 1])
x.split([4, -1])
x.split(1, 2)
x.sum().split(1)
x.chunk(0)
x.tensor_split(0)
x.sum().tensor_split(1)
x.unfold(1, 5, 1)
x.unfold(1, -1, 1)
x.unfold(1, 2, 0)
x.unfold(2, 1, 1)
x.diagonal(0, 0, 0)
x.diagonal(0, 0, 2)
x[0].diagonal()
x.sum().diag()
x[None].diag()
x.sum().diag_embed()
x.diag_embed(0, 0, 0)
x.diag_embed(0, 0, 3)
x[0].tril()
x.sum().triu()
x.expand(4)
x.expand(-1, -1, 3, 4)
x.expand(3, -2)
x.flatten(0, 2)
m.cat([x.sum()])
m.cat([x, x[0]])
m.cat([x, x], 2)
m.cat([x, 1.0])
m.stack([x, x[0]])
m.stack([x, x], 3)
m.hstack([x, x[0]])
m.hstack([])
m.vstack([x, x[:, 0]])
m.vstack([x, 1.0])
m.dstack([x, x[0]])
m.column_stack([x, x[0]])
m.atleast_1d([x, 1.0])
m.broadcast_tensors(x, x[:, 0])
m.meshgrid(x, x)
m.meshgrid(x[0], indexing="yx")
m.meshgrid([])
m.cartesian_prod(x, x[0])
m.cartesian_prod(x)
m.combinations(x)
m.combinations(x[0], -1)
m.block_diag(x[None])
m.broadcast_shapes((3, 4), (3,))
m.tril_indices(-1, 2)
m.triu_indices(2, -1)
""".strip()


@pytest.mark.parametrize("program", lines(PROGRAMS))
def test_both_answer_alike(program: str) -> None:
    assert_same(answer(minigrad, program), answer(torch, program), program)


@pytest.mark.parametrize("program", lines(BOTH_REFUSE))
def test_both_refuse(program: str) -> None:
    before, _, last = program.rpartition("; ")
    program = f"{before}; out = {last}" if before else f"out = {last}"
    assert isinstance(run(torch, program), Exception)
    error: Any = run(minigrad, program)
    assert isinstance(error, ValueError | IndexError | TypeError | RuntimeError), error
