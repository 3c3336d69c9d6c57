"""Which results share memory with their inputs, and what a program may overwrite before the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cases import each, each_case
from module_calls import PROGRAMS, tensors
from ops import Op

import minigrad
from minigrad import Tensor, nn, ones, tensor
from minigrad.nn import functional as F

VIEWS = {
    *("reshape", "view", "flatten", "ravel", "permute", "transpose", "swapaxes", "swapdims", "t", "T", "mT", "squeeze"),
    *("unsqueeze", "expand", "broadcast_to", "view_as", "reshape_as", "unflatten", "movedim", "moveaxis", "narrow"),
    *("select", "unfold", "diagonal", "linalg.diagonal", "getitem", "einsum"),
}
"""The operations whose results are documented to be views, or the tensor itself."""
SELF = {"to", "float", "double", "contiguous", "positive"}
"""Those that return the tensor itself if there is nothing to do."""


def results(out: Any) -> Iterator[Tensor]:
    if isinstance(out, Tensor):
        yield out
    elif isinstance(out, tuple | list):
        for part in out:
            yield from results(part)


@each_case(slow=False)
def test_no_other_operation_shares_memory(op: Op, shapes: Any, keywords: dict[str, Any]) -> None:
    inputs = [tensor(a) for a in op.inputs(shapes)]
    out = [*results(op.call(minigrad, *inputs, **keywords))]
    if op.name.split()[0] not in VIEWS | SELF:
        assert not [y for y in out for x in inputs if np.shares_memory(x._array, y._array)]
    for y in out:
        for x in inputs:  # a view must follow its base through the graph
            assert y is x or not np.shares_memory(x._array, y._array) or y._base is not None


NOTHING_TO_DO: list[tuple[str, Callable[[Tensor], Any]]] = [
    *[(f"{name} of a number", lambda x, n=name: getattr(x.sum(), n)(0)) for name in ("max", "min", "median", "mode")],
    *[(f"{name} of a number", lambda x, n=name: getattr(x.sum(), n)(0)) for name in ("nanmedian", "cummax", "sort")],
    ("topk", lambda x: x.sum().topk(1)),
    ("sum", lambda x: x.sum(())),
    ("mean", lambda x: x.sum().mean(0)),
    ("softmax of a number", lambda x: x.sum().softmax(0)),
    ("x + 0", lambda x: x + 0),
    ("x * 1", lambda x: x * 1),
    ("x ** 1", lambda x: x**1),
    ("x / 1", lambda x: x / 1),
    ("pad 0", lambda x: F.pad(x, (0, 0))),
    ("repeat 1", lambda x: x.repeat(1, 1)),
    ("tile", lambda x: x.tile(1)),
    ("repeat_interleave", lambda x: x.repeat_interleave(1, 0)),
    ("cat of one", lambda x: minigrad.cat([x])),
    ("stack of one", lambda x: minigrad.stack([x])),
    ("hstack of one", lambda x: minigrad.hstack([x])),
    ("block_diag of one", lambda x: minigrad.block_diag(x)),
    ("clamp", lambda x: x.clamp(-9.0, 9.0)),
    ("nan_to_num", lambda x: x.nan_to_num()),
    ("roll 0", lambda x: x.roll(0)),
    ("flip none", lambda x: x.flip(())),
    ("rot90 0", lambda x: x.rot90(0)),
    ("diff 0", lambda x: x.diff(n=0)),
    ("take", lambda x: x.take(tensor(1))),
    ("index_select", lambda x: x.index_select(0, tensor([0, 1]))),
    ("matrix_power", lambda x: x.matrix_power(1)),
    ("multi_dot", lambda x: minigrad.linalg.multi_dot([x, minigrad.eye(2)])),
    ("tril", lambda x: x.tril(5)),
    ("einsum", lambda x: minigrad.einsum("ij->", x)),
    ("round", lambda x: x.round(decimals=0)),
    ("where", lambda x: minigrad.where(ones(2, 2) > 0, x, x)),
    ("masked_fill", lambda x: x.masked_fill(x > 9, 0)),
    ("relu", lambda x: F.relu(x)),
    ("hardtanh", lambda x: F.hardtanh(x, -9.0, 9.0)),
    ("rrelu", lambda x: F.rrelu(x, training=False)),
    ("normalize", lambda x: F.normalize(x)),
    ("interpolate", lambda x: F.interpolate(x[None, None], scale_factor=1.0)),
    ("pool", lambda x: F.max_pool2d(x[None, None], 1)),
    ("average pool", lambda x: F.avg_pool2d(x[None, None], 1)),
    ("adaptive pool", lambda x: F.adaptive_avg_pool2d(x[None, None], 2)),
    ("unfold", lambda x: F.unfold(x[None, None], 1)),
    ("pixel_shuffle", lambda x: F.pixel_shuffle(x[None], 1)),
    ("pixel_unshuffle", lambda x: F.pixel_unshuffle(x[None], 1)),
    ("channel_shuffle", lambda x: F.channel_shuffle(x[None, None], 1)),
    ("embedding", lambda x: F.embedding(tensor(1), x)),
    ("layer_norm", lambda x: F.layer_norm(x, (2,))),
    ("empty batch_norm", lambda x: F.batch_norm(x[:0], None, None, training=True)),
    ("alpha_dropout", lambda x: F.alpha_dropout(x, 0.5, training=True)),
]


@each("call", [c for _, c in NOTHING_TO_DO], ids=[n for n, _ in NOTHING_TO_DO])
def test_an_operation_with_nothing_to_do_copies(call: Callable[[Tensor], Any]) -> None:
    leaf = tensor([[1.0, 2.0], [3.0, 5.0]], dtype="float64", requires_grad=True)
    for x in (leaf * 1, leaf.detach()):
        for y in results(call(x)):
            assert y is not x and not np.shares_memory(x._array, y._array)


@each("text, inputs", PROGRAMS)
def test_results_of_modules_share_nothing(text: str, inputs: str) -> None:
    shared = ("Identity", "Flatten", "Unflatten", "Dropout", "AlphaDropout")
    env: dict[str, Any] = {"np": np, "minigrad": minigrad, "nn": nn}
    env["x"] = lambda *shape: tensor(np.random.default_rng(0).uniform(0.1, 0.9, shape).astype(np.float32))
    env["pooled"] = lambda d: F.__dict__[f"max_pool{d}d"](env["x"](1, 1, *[4] * d), 2, return_indices=True)
    for training in (True, False):
        module = eval(f"nn.{text}", env).train(training)
        arguments, named = eval(f"(lambda *a, **k: (a, k))({inputs})", env)
        for y in tensors(module(*arguments, **named)):
            others = [*tensors(arguments), *module.parameters(), *module.buffers()]
            if not text.startswith(shared):
                assert not [o for o in others if np.shares_memory(o._array, y._array)]


def test_a_write_to_the_maximum_of_a_number_does_not_reach_the_number() -> None:
    w = tensor(3.0, requires_grad=True)
    h = w * 1
    m = h.max(0).values
    m.mul_(10)
    (h + m).backward()
    assert (h.item(), m.item(), w.grad.item()) == (3.0, 30.0, 11.0)


# ---- what may be overwritten ----------------------------------------------------------------------------------------

FREE: list[tuple[str, Callable[[Tensor], Tensor]]] = [
    ("div", lambda x: x / (x + 3)),
    ("div by a number", lambda x: 2 / x),
    ("softsign", F.softsign),
    ("logit", lambda x: x.logit()),
    ("erfinv", lambda x: x.erfinv()),
    ("normalize", F.normalize),
    ("cosine_similarity", lambda x: F.cosine_similarity(x, x * x)),
    ("local_response_norm", lambda x: F.local_response_norm(x[None], 2)),
    ("batch_norm", lambda x: F.batch_norm(x, None, None, training=True)),
    ("batch_norm with weight", lambda x: F.batch_norm(x, None, None, ones(4).double(), ones(4).double(), True)),
    ("layer_norm", lambda x: F.layer_norm(x, (4,))),
    ("layer_norm with weight", lambda x: F.layer_norm(x, (4,), ones(4).double(), ones(4).double())),
    ("rms_norm", lambda x: F.rms_norm(x, (4,))),
    ("group_norm", lambda x: F.group_norm(x, 2)),
    ("instance_norm", lambda x: F.instance_norm(x[None])),
    ("max_pool1d", lambda x: F.max_pool1d(x[None], 2)),
    ("max_pool2d", lambda x: F.max_pool2d(x[None], 2)),
    ("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x[None], 3)),
    ("conv1d", lambda x: F.conv1d(x[None], ones(2, 3, 2).double())),
    ("linear", lambda x: F.linear(x, ones(2, 4).double())),
]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("f", [f for _, f in FREE], ids=[n for n, _ in FREE])
def test_a_result_may_be_overwritten(f: Callable[[Tensor], Tensor], create_graph: bool) -> None:
    x = tensor(np.random.default_rng(0).uniform(0.1, 0.9, (3, 4)), requires_grad=True)
    expected = minigrad.autograd.grad((f(x) ** 3 * 27).sum(), x)[0]
    y = f(x)
    y *= 3
    found = minigrad.autograd.grad((y**3).sum(), x, create_graph=create_graph)[0]
    np.testing.assert_allclose(found.detach().numpy(), expected.numpy(), atol=1e-8)


def test_an_activation_in_place_after_pooling_or_a_norm() -> None:
    for layer in (nn.MaxPool2d(2), nn.InstanceNorm2d(2), nn.BatchNorm2d(2, affine=False), nn.LayerNorm(4, bias=False)):
        x = tensor(np.random.default_rng(0).standard_normal((2, 2, 4, 4)).astype(np.float32), requires_grad=True)
        gradients = []
        for inplace in (False, True):
            x.grad = None
            nn.LeakyReLU(0.1, inplace)(layer(x)).square().sum().backward()
            gradients.append(x.grad.numpy())
        np.testing.assert_allclose(*gradients, atol=1e-6)


# ---- values with leading dimensions of 1 ----------------------------------------------------------------------------


@pytest.mark.parametrize("index", [1, slice(1, 2), ..., [1], (tensor(1),)], ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)])
def test_leading_ones_of_a_value_are_dropped(index: Any, shape: tuple[int, ...]) -> None:
    x, v = tensor([1.0, 2.0], requires_grad=True), tensor(5.0).reshape(shape).requires_grad_()
    y = x * 1
    y[index] = v
    written = 2 if index is ... else 1
    assert y.tolist() == [5.0, 5.0][: written - 1] + [1.0, 5.0][written - 1 :]
    (y * y).sum().backward()
    assert v.grad.tolist() == (ones(shape) * 10.0 * written).tolist()
    assert x.grad.tolist() == [0.0 if written == 2 else 2.0, 0.0]


def test_a_mask_takes_one_value_in_any_number_of_dimensions() -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    x[x > 2] = tensor([[9.0]])
    assert x.tolist() == [[1.0, 2.0], [9.0, 9.0]]
    with pytest.raises(TypeError, match=r"values of shape \(2, 2\) into shape \(2, 2\), at "):
        x[x > 2] = ones(2, 2)
