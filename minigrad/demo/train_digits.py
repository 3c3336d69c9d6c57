"""Train a two-layer network on handwritten digits with the lecture's loop: what `python -m minigrad` runs."""

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
    """The result of `train`.

    Attributes:
        network: the trained network.
        loss: the last loss, with its graph.
        accuracy: on the held-out digits, between 0 and 1.
    """

    network: Network
    loss: Loss
    accuracy: float


def accuracy(model: nn.Module, dataset: Dataset) -> float:
    """Return the fraction of examples whose highest score is that of the right class."""
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
    """Train a network of 64 pixels, 64 ReLUs and 10 scores by gradient descent on the softmax loss.

    Args:
        steps: the number of updates of x. Default: 2000.
        learning_rate: the step size along -dx. Default: 0.1.
        batch_size: the number of digits per gradient. Default: 64.
        seed: of the initial parameters. Default: 0.
        watch: called after every step as watch(step, loss, network, held_out digits). Default: none.

    Returns:
        The network, the last loss and the accuracy on the held-out digits.

    Raises:
        ValueError: steps, learning rate or batch size is out of range.
        FloatingPointError: the loss becomes nan.

    >>> trained = train(steps=100)
    >>> 0.5 < trained.accuracy < 1
    True
    """
    if steps < 1 or not 0 < learning_rate < math.inf:
        raise ValueError(f"train: steps and learning_rate must be positive, got {steps} and {learning_rate}")
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
                f"the loss is nan after {step} steps: the learning rate {learning_rate:g} is too high; try a tenth"
            )
        if step == steps:
            return Trained(network, loss, accuracy(model, held_out))
