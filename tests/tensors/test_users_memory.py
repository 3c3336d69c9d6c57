"""Memory of the user that is overwritten before the backward pass: the gradient is right, or the pass raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn, tensor
from minigrad.tensors import saved

SMALL, LARGE = (4, 6), (256, 160)
assert np.prod(SMALL) * 8 <= saved.COPIED < np.prod(LARGE) * 8


def weight(*shape: int) -> Tensor:
    return minigrad.rand(*shape, dtype=np.float64).requires_grad_()


USES: dict[str, Callable[[Tensor, Any], Any]] = {
    "array * w": lambda w, a: (a * w).sum(),
    "w * array": lambda w, a: (w * a).sum(),
    "w / array": lambda w, a: (w / a).sum(),
    "array ** w": lambda w, a: (a**w).sum(),
    "np.multiply": lambda w, a: np.sum(np.multiply(a, w)),
    "from_numpy": lambda w, a: (minigrad.from_numpy(a) * w).sum(),
    "as_tensor": lambda w, a: (minigrad.as_tensor(a) * w).sum(),
    "a view of from_numpy": lambda w, a: (minigrad.from_numpy(a)[:, 1:] * w[:, 1:]).sum(),
    "the transpose": lambda w, a: (minigrad.from_numpy(a).T @ w).sum(),
    "detached": lambda w, a: (minigrad.from_numpy(a).detach() * w).sum(),
    "array @ w": lambda w, a: (a.T @ w).square().sum(),
    "stacked": lambda w, a: np.stack([w, minigrad.from_numpy(a)]).square().sum(),
    "maximum": lambda w, a: w.maximum(minigrad.from_numpy(a)).sum(),
    "where": lambda w, a: minigrad.where(minigrad.from_numpy(a) > 0.5, w, 0.0).sum(),
    "mse_loss": lambda w, a: nn.functional.mse_loss(w, a),
    "linear": lambda w, a: nn.functional.linear(minigrad.from_numpy(a), w).square().sum(),
    "a second use": lambda w, a: sum(((w + i) * a).sum() for i in range(3)),
}


@pytest.mark.parametrize("shape", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", USES)
def test_a_buffer_that_is_reused_gives_the_right_gradient_or_an_error(name: str, shape: tuple[int, ...]) -> None:
    w, first = weight(*shape), np.random.default_rng(0).random(shape)
    (right,) = minigrad.autograd.grad(USES[name](w, first.copy()), [w])
    for other in (np.random.default_rng(1).random(shape), first[::-1].copy(), np.where(first == first[0, 0], 9, first)):
        buffer = first.copy()
        loss = USES[name](w, buffer)
        buffer[...] = other
        try:
            loss.backward()
        except RuntimeError as error:
            assert shape == LARGE and "was changed in place after it was used" in str(error)
            assert w.grad is None
        else:
            assert w.grad is not None and np.array_equal(w.grad.numpy(), right.numpy())
        w.grad = None


def test_totals_over_a_reused_buffer() -> None:
    w, buffer, total = tensor([1.0], requires_grad=True), np.zeros(1), 0
    for v in (1, 2, 3):
        buffer[0] = v
        total = total + (w * buffer).sum()
    total.backward()  # type: ignore[attr-defined]
    assert w.grad is not None and w.grad.tolist() == [6.0]


def test_batches_of_a_network_in_one_buffer() -> None:
    minigrad.manual_seed(0)
    network = minigrad.Network(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5)), nn.CrossEntropyLoss())
    X, y = np.random.default_rng(0).random((8, 3), np.float32), np.arange(8) % 5
    network.forward((X, y))
    right = network.backward().copy()
    X_buffer, y_buffer = X.copy(), y.copy()
    network.forward((X_buffer, y_buffer))
    X_buffer[...], y_buffer[...] = 0, 0
    assert np.array_equal(network.backward(), right)


@pytest.mark.parametrize("layer", [nn.RNN(3, 4), nn.LSTM(3, 4), nn.GRU(3, 4), nn.Conv1d(3, 4, 1)], ids=repr)
def test_layers_on_a_buffer(layer: nn.Module) -> None:
    X = np.random.default_rng(0).random((5, 3, 3), np.float32)

    def gradients(change: bool) -> list[np.ndarray]:
        buffer = X.copy()
        out: Any = layer(minigrad.from_numpy(buffer))
        loss = (out[0] if isinstance(out, tuple) else out).square().sum()
        if change:
            buffer[...] = 0
        layer.zero_grad()
        loss.backward()
        return [p.grad.numpy() for p in layer.parameters()]  # type: ignore[union-attr]

    assert all(map(np.array_equal, gradients(True), gradients(False)))


def test_what_is_not_saved_may_change() -> None:
    w, buffer = weight(*LARGE), np.ones(LARGE)
    loss = (w + buffer).sum() + (w - minigrad.from_numpy(buffer)).sum()
    buffer[...] = 0
    loss.backward()
    assert w.grad is not None and (w.grad.numpy() == 2).all()
