"""A training run that one environment begins and another continues; CI runs the halves on several NumPys and Pythons.

python tests/exchange.py save run.npz       # some steps, a checkpoint, and the loss of the steps after it
python tests/exchange.py load run.npz       # takes the same steps from there, and compares
"""

from __future__ import annotations

import platform
import sys

import numpy as np

import minigrad
from minigrad import nn, optim


def losses(model: nn.Module, optimizer: optim.Optimizer, steps: int) -> list[float]:
    X = np.linspace(-1, 1, 24).reshape(8, 3)
    found = []
    for _ in range(steps):
        loss = (model(minigrad.tensor(X)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def main(action: str, file: str) -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.BatchNorm1d(5), nn.Linear(5, 2)).double()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    if action == "save":
        losses(model, optimizer, 3)
        minigrad.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
        minigrad.save({**minigrad.load(file), "losses": losses(model, optimizer, 3)}, file)
    else:
        checkpoint = minigrad.load(file)
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        np.testing.assert_allclose(losses(model, optimizer, 3), checkpoint["losses"], rtol=1e-9)
    print(f"{action}: Python {platform.python_version()}, NumPy {np.__version__}")


if __name__ == "__main__":
    main(*sys.argv[1:])
