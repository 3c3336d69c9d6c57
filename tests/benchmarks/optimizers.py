"""One step of the optimisers over 1,000,000 float32 parameters: minigrad and PyTorch's default (not fused) ones.

    pip install torch==2.13.0 && python tests/benchmarks/optimizers.py

The parameters are 50 vectors of 20,000, and then one of 1,000,000. Both libraries may use all cores; they take turns in
one process. Medians of their times, and of the ratios of each round. Other programs that run disturb PyTorch's threads
most: only on a quiet machine are the numbers worth anything.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minigrad

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("SGD", "SGD", {}),
    ("momentum", "SGD", {"momentum": 0.9}),
    ("Nesterov", "SGD", {"momentum": 0.9, "nesterov": True}),
    ("AdaGrad", "Adagrad", {}),
    ("RMSProp", "RMSprop", {}),
    ("Adam", "Adam", {}),
    ("AdamW", "AdamW", {}),
]


def step_of(m: Any, name: str, settings: dict[str, Any], tensors: int) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    parameters = []
    for _ in range(tensors):
        x, dx = rng.standard_normal((2, 1_000_000 // tensors)).astype(np.float32)
        p = m.tensor(x, requires_grad=True)
        p.grad = m.tensor(dx)
        parameters.append(p)
    optimizer = getattr(m.optim, name)(parameters, lr=1e-4, **settings)
    return lambda: optimizer.step()


def main(rounds: int = 41, repeats: int = 3) -> None:
    """Print a row for each rule."""
    print("tensors | rule | minigrad, ms | PyTorch, ms | ratio\n--- | --- | --- | --- | ---")
    for tensors in (50, 1):
        for rule, name, settings in CASES:
            contenders = [step_of(m, name, settings, tensors) for m in (minigrad, torch)]
            times = []
            for _ in range(rounds):
                row = []
                for step in contenders:
                    began = time.perf_counter()
                    for _ in range(repeats):
                        step()
                    row.append((time.perf_counter() - began) / repeats * 1e3)
                times.append(row)
            ours, theirs = (statistics.median(column) for column in zip(*times[1:]))
            ratio = statistics.median(row[0] / row[1] for row in times[1:])
            print(f"{tensors} | {rule} | {ours:.2f} | {theirs:.2f} | {ratio:.2f}")


if __name__ == "__main__":
    main()
