"""Random models, losses and batches for the tests of `minigrad.parallel`, the same from the same seed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

import minigrad
from minigrad import nn


def random_case(seed: int) -> tuple[minigrad.Network, tuple[Any, Any]]:
    """A small network, perhaps with frozen parameters, a loss of any reduction, and a batch of 1 to 12 rows."""
    rng = np.random.default_rng(seed)
    minigrad.manual_seed(seed)
    n, features, classes = int(rng.integers(1, 13)), int(rng.integers(1, 6)), int(rng.integers(2, 5))
    widths = [features, *map(int, rng.integers(1, 7, rng.integers(0, 3))), classes]
    layers: list[nn.Module] = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b, bias=bool(rng.integers(2))), [nn.Tanh, nn.Sigmoid, nn.Identity][rng.integers(3)]()]
        if rng.integers(3) == 0:
            layers.append(nn.LayerNorm(b))
    model = nn.Sequential(*layers)
    if rng.integers(3) == 0 and len(widths) > 2:
        next(iter(model.parameters())).requires_grad = False
    model.to(dtype="float64")
    X = rng.standard_normal((n, features))
    kind = rng.integers(5)
    y: Any = rng.standard_normal((n, classes)) if kind == 0 else rng.integers(0, classes, n)
    if kind == 2:
        y[rng.random(n) < 0.4] = 0
        y[0] = 1
    loss = [
        nn.MSELoss(),
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(ignore_index=0, label_smoothing=0.1),
        nn.CrossEntropyLoss(weight=minigrad.tensor(rng.random(classes) + 0.1, dtype="float64")),
        nn.CrossEntropyLoss(reduction="sum"),
    ][kind]
    return minigrad.Network(model, loss), (X, y)


def alone(network: minigrad.Network, data_batch: Any) -> tuple[float, np.ndarray]:
    """The lecture's two lines."""
    return float(network.forward(data_batch)), network.backward()


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a, b, rtol=1e-10, atol=1e-12))


class Fatal(nn.Module):
    """Passes its input on; but ends the process, or stops it, if it can take the file away."""

    def __init__(self, path: Path, how: str = "kill") -> None:
        super().__init__()
        self.path, self.how, self.sender = path, how, os.getpid()

    def forward(self, x: Any) -> Any:
        if os.getpid() != self.sender:
            try:
                self.path.unlink()
            except FileNotFoundError:
                return x
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(600)
        return x
