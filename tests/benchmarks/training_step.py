"""A whole training step of two networks with the softmax loss: minigrad, hand-written NumPy, and PyTorch eager.

    pip install torch==2.13.0 && python tests/benchmarks/training_step.py

Batches of 64, plain gradient descent, float32. The three take turns in one process, the same numbers in all; the
ratios of each round are what counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minigrad
from minigrad import nn

LEARNING_RATE = 1e-2


def by_hand(sizes: list[int], weights: list[np.ndarray], X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The lecture's staged backward pass, in NumPy."""
    W = [w.copy() for w in weights]
    b = [np.zeros(n, np.float32) for n in sizes[1:]]

    def step() -> float:
        h = [X]
        for i, (w, c) in enumerate(zip(W, b)):
            z = h[-1] @ w.T + c
            h.append(np.maximum(z, 0) if i < len(W) - 1 else z)
        shifted = h[-1] - h[-1].max(1, keepdims=True)
        p = np.exp(shifted)
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[range(len(y)), y]).mean()
        p[range(len(y)), y] -= 1
        d = p / np.float32(len(y))
        for i in reversed(range(len(W))):
            dW, db = d.T @ h[i], d.sum(0)
            if i:
                d = (d @ W[i]) * (h[i] > 0)
            W[i] -= LEARNING_RATE * dW
            b[i] -= LEARNING_RATE * db
        return float(loss)

    return step


def with_minigrad(sizes: list[int], weights: list[np.ndarray], X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The lecture's loop."""
    layers: list[nn.Module] = []
    for w in weights:
        layer = nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = w.copy(), np.zeros(len(w), np.float32)
        layers += [layer, nn.ReLU()]
    network = minigrad.Network(nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss())
    x = network.x

    def step() -> float:
        loss = network.forward((X, y))
        dx = network.backward()
        np.add(x, -LEARNING_RATE * dx, out=x)
        return loss

    return step


def with_torch(sizes: list[int], weights: list[np.ndarray], X: np.ndarray, y: np.ndarray) -> Callable[[], float]:
    """The same with PyTorch's modules and optimiser."""
    layers: list[Any] = []
    for w in weights:
        layer = torch.nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = torch.tensor(w), torch.zeros(len(w))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    inputs, targets = torch.tensor(X), torch.tensor(y)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main(rounds: int = 15) -> None:
    """Print, for each network, the time of a step and the ratios."""
    for sizes, steps in ([64, 64, 10], 200), ([784, 512, 512, 10], 10):
        rng = np.random.default_rng(0)
        weights = [rng.normal(0, m**-0.5, (n, m)).astype(np.float32) for m, n in zip(sizes, sizes[1:])]
        X, y = rng.random((64, sizes[0]), np.float32), rng.integers(10, size=64)
        contenders = [make(sizes, weights, X, y) for make in (with_minigrad, by_hand, with_torch)]
        times = []
        for _ in range(rounds):
            row = []
            for step in contenders:
                began = time.perf_counter()
                losses = [step() for _ in range(steps)]
                row.append((time.perf_counter() - began) / steps * 1e3)
            times.append(row)
        last = [step() for step in contenders]
        assert np.allclose(last, losses[-1], rtol=1e-2), last
        ours, numpys, torchs = (statistics.median(column) for column in zip(*times[1:]))
        to_numpy = statistics.median(row[0] / row[1] for row in times[1:])
        to_torch = statistics.median(row[0] / row[2] for row in times[1:])
        print(
            f"{'-'.join(map(str, sizes))}: minigrad {ours:.3f} ms, NumPy by hand {numpys:.3f}, PyTorch {torchs:.3f};",
            end=" ",
        )
        print(f"{to_numpy:.2f} of NumPy's time, {to_torch:.2f} of PyTorch's")


if __name__ == "__main__":
    main()
