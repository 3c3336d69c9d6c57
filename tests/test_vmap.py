"""`func.vmap`: a loop over examples, with the results and the derivatives of the batch."""

from __future__ import annotations

import pytest

from minigrad import func, manual_seed, nn, randn, tensor
from minigrad.func import functional_call, grad, jacrev, vmap


def test_in_and_out_dims() -> None:
    a, b = randn(3, 4), randn(4, 3)
    assert (vmap(lambda x, y: x * y, in_dims=(0, 1))(a, b) == a * b.T).all()
    assert (vmap(lambda x, y: x * y, in_dims=(0, -1), out_dims=1)(a, b) == (a * b.T).T).all()
    assert vmap(lambda x, y: x @ y, in_dims=(None, 1))(a, b).allclose((a @ b).T, atol=1e-6)
    total, parts = vmap(lambda d: (d["x"].sum(), [d["x"]]))({"x": a})
    assert total.shape == (3,) and parts[0].shape == (3, 4)
    assert (vmap(vmap(lambda x, y: x + y))(a, a) == a + a).all()
    assert (vmap(vmap(lambda x, y: x * y, (None, 0)), (0, None))(a[0], a[1]) == a[0][:, None] * a[1]).all()


def test_under_and_over_derivatives() -> None:
    w, x = randn(4, requires_grad=True), randn(3, 4)
    each = vmap(grad(lambda w, x: (w @ x).sin()), in_dims=(None, 0))(w, x)
    assert each.allclose((x @ w).cos()[:, None] * x, atol=1e-6)
    assert grad(lambda w: vmap(lambda x: w @ x)(x).sum())(w).allclose(x.sum(0), atol=1e-6)
    assert jacrev(vmap(lambda w: w * w))(w).allclose((2 * w).diag(), atol=1e-6)
    vmap(lambda x: w @ x)(x).sum().backward()
    assert w.grad is not None and w.grad.allclose(x.sum(0), atol=1e-6)


def test_per_sample_gradients_of_a_model() -> None:
    manual_seed(0)
    model, X, y = nn.Linear(4, 2), randn(5, 4), tensor([0, 1, 1, 0, 1])
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(parameters, x, label):  # type: ignore[no-untyped-def]
        return nn.functional.cross_entropy(functional_call(model, parameters, (x[None],)), label[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, X, y)
    assert each["weight"].shape == (5, 2, 4) and each["bias"].shape == (5, 2)
    nn.functional.cross_entropy(model(X), y).backward()
    assert model.weight.grad is not None and each["weight"].mean(0).allclose(model.weight.grad, atol=1e-6)


def test_what_vmap_refuses() -> None:
    for call, message in (
        (lambda: vmap(lambda x: x, in_dims=None)(randn(2)), "at least one"),
        (lambda: vmap(lambda x, y: x)(randn(2), randn(3)), r"one size, got \[2, 3\]"),
        (lambda: vmap(lambda x, y: x, in_dims=(0,))(randn(2), randn(2)), "1 entries for 2"),
        (lambda: vmap(lambda x: x, in_dims=1)(randn(2)), "not a dimension"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert func.vmap is vmap
