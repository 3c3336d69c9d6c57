"""The main job of `python -m minigrad`: the lecture's loop trains a two-layer network on handwritten digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from minigrad import nn
from minigrad.data import Dataset, digits
from minigrad.grad_mode import no_grad
from minigrad.network import Loss, Network
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.rng import manual_seed


class Trained(NamedTuple):
    """What a run leaves: the network, the last loss, and the accuracy on the digits that were held out."""

    network: Network
    loss: Loss
    accuracy: float


def accuracy(model: nn.Module, dataset: Dataset) -> float:
    """The part of the examples whose highest score is that of the right class, between 0 and 1."""
    with no_grad():
        scores = model(as_tensor(dataset.X))
    return float((scores.argmax(1).numpy() == dataset.y).mean())


def train(
    steps: int = 2000,
    learning_rate: float = 1e-1,
    batch_size: int = 64,
    seed: int = 0,
    watch: Callable[[int, Loss, Network, Dataset], None] = lambda *_: None,
) -> Trained:
    """Train 64 pixels - 64 ReLUs - 10 scores by gradient descent on the softmax loss.

    Args:
        steps: how often x is updated.
        learning_rate: how far along -dx.
        batch_size: how many digits each gradient is of.
        seed: of the initial parameters.
        watch: called after every step with (step, loss, network, the held-out digits).

    Raises:
        ValueError: for a batch larger than the data set, or numbers that make no sense.
        FloatingPointError: when the loss becomes nan.
    """
    if steps < 1 or not 0 < learning_rate < math.inf:
        raise ValueError(f"train for at least 1 step at a positive learning rate, not {steps} at {learning_rate}")
    manual_seed(seed)
    dataset, held_out = digits()
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    network = Network(model, nn.CrossEntropyLoss())
    x = network.x
    step = 0

    # fmt: off
    while True:
        data_batch = dataset.sample_data_batch(batch_size)
        loss = network.forward(data_batch)
        dx = network.backward()
        x += - learning_rate * dx
        # fmt: on

        step += 1
        watch(step, loss, network, held_out)
        if math.isnan(loss):
            raise FloatingPointError(
                f"the loss is nan after {step} steps: the learning rate {learning_rate:g} is too high, try a tenth"
            )
        if step == steps:
            return Trained(network, loss, accuracy(model, held_out))
