"""A float32 model computes in float32, and a float64 model in float64: outputs, gradients and buffers of every module.

A number that slipped in as an array would turn a layer's float32 into float64 without a word.
"""

from __future__ import annotations

import numpy as np
import pytest
from cases import each
from module_calls import IMAGES, PROGRAMS, name, tensors

import minigrad
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.tensors.tensor import Tensor


@pytest.mark.parametrize(("text", "call"), PROGRAMS, ids=[text for text, _ in PROGRAMS])
@each("dtype", ["float32", "float64"])
@each("training", [True, False], ids=["train", "eval"])
def test_every_module_computes_in_its_dtype(text: str, call: str, dtype: str, training: bool) -> None:
    inputs: list[Tensor] = []

    def x(*shape: int) -> Tensor:
        inputs.append(minigrad.randn(*shape, dtype=dtype).requires_grad_())
        return inputs[-1]

    def pooled(d: int) -> tuple[Tensor, Tensor]:
        return getattr(nn, f"MaxPool{d}d")(2, return_indices=True)(x(*IMAGES[d]))  # type: ignore[no-any-return]

    space = {"nn": nn, "minigrad": minigrad, "np": np, "x": x, "pooled": pooled}
    space["module"] = module = eval(f"nn.{text}", space)
    if "Lazy" in text:
        module(minigrad.randn(*eval(call[1:])))
    module.to(dtype).train(training)
    outputs = [t for t in tensors(eval(f"module({call})", space)) if t.dtype.kind == "f"]
    gradients = minigrad.grad(outputs, [*inputs, *module.parameters()], [*map(minigrad.ones_like, outputs)])
    found = [*outputs, *gradients, *module.parameters(), *module.buffers()]
    assert {str(t.dtype) for t in found if t.dtype.kind == "f"} == {dtype}


def test_no_module_is_left_out() -> None:
    modules = {key for key, kind in vars(nn).items() if isinstance(kind, type) and issubclass(kind, nn.Module)}
    modules -= {"Module", "ParameterList", "ParameterDict"}
    assert modules == {name(text) for text, _ in PROGRAMS}


@pytest.mark.parametrize("half", [0.5, np.float64(0.5)], ids=["float", "np.float64"])
def test_numpy_numbers_as_settings_do_not_promote_to_float64(half: float) -> None:
    x, y = minigrad.rand(2, 4, 3), minigrad.rand(2, 4, 3)
    results = [
        F.rms_norm(x, (3,), eps=half),
        F.layer_norm(x, (3,), eps=half),
        F.group_norm(x, 2, eps=half),
        F.batch_norm(x, None, None, training=True, eps=half, momentum=half),
        F.dropout(x, half),
        F.alpha_dropout(x, half, training=True),
        *(F.elu(x, half), F.celu(x, half), F.leaky_relu(x, half), F.softplus(x, half), F.hardshrink(x, half)),
        *(F.softshrink(x, half), F.threshold(x, half, half), F.hardtanh(x, -half, half), F.rrelu(x, half, half, True)),
        *(F.huber_loss(x, y, delta=half), F.smooth_l1_loss(x, y, beta=half), F.gaussian_nll_loss(x, y, half)),
        *(F.normalize(x, eps=half), F.cosine_similarity(x, y, eps=half), F.pairwise_distance(x, y, p=half)),
        *(F.gumbel_softmax(x, half), F.scaled_dot_product_attention(x, y, y, scale=half)),
    ]
    assert {str(t.dtype) for t in results} == {"float32"}


def test_cosine_similarity_of_two_dtypes() -> None:
    x, y = minigrad.tensor([3, 4]), minigrad.tensor([4.0, 3.0])
    assert nn.functional.cosine_similarity(x, y, dim=0).item() == pytest.approx(0.96)
    z = minigrad.tensor(1.0, dtype="float64")
    assert nn.functional.cosine_similarity(z, y, dim=0).dtype == "float64"  # broadcast first, as in PyTorch
