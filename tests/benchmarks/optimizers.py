"""One step of the optimisers over 1,000,000 float32 parameters: minigrad and PyTorch's default (not fused) ones.

    pip install torch==2.13.0 && python tests/benchmarks/optimizers.py

The parameters are 50 vectors of 20,000, and then one of 1,000,000. Each library has a process of its own, and they take
turns: in one process, PyTorch's threads go on spinning for a while after a step, on the core that the other's second
thread wants. Both may use all cores. Medians of their times, and of the ratios of each round. Other programs that run
disturb both: only on a quiet machine are the numbers worth anything.
"""

from __future__ import annotations

import importlib
import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

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


def serve(library: str, connection: Any) -> None:
    """In a process of its own: time some steps of what is asked for, until there is nothing more."""
    m = importlib.import_module(library)
    while (case := connection.recv()) is not None:
        step = step_of(m, *case)
        for _ in range(3):
            step()
        connection.send(None)
        while (repeats := connection.recv()) is not None:
            began = time.perf_counter()
            for _ in range(repeats):
                step()
            connection.send((time.perf_counter() - began) / repeats * 1e3)


def main(rounds: int = 41, repeats: int = 5) -> None:
    """Print a row for each rule."""
    print("tensors | rule | minigrad, ms | PyTorch, ms | ratio\n--- | --- | --- | --- | ---")
    context = multiprocessing.get_context("spawn")
    sides = []
    for library in ("minigrad", "torch"):
        here, there = context.Pipe()
        context.Process(target=serve, args=(library, there), daemon=True).start()
        sides.append(here)

    def ask(side: Any, what: Any) -> Any:
        side.send(what)
        return side.recv()

    for tensors in (50, 1):
        for rule, name, settings in CASES:
            for side in sides:
                ask(side, (name, settings, tensors))
            times = []
            for _ in range(rounds):
                row = []
                for side in sides:
                    time.sleep(0.01)  # until the threads of the last turn sleep
                    row.append(ask(side, repeats))
                times.append(row)
            for side in sides:
                side.send(None)
            ours, theirs = (statistics.median(column) for column in zip(*times))
            ratio = statistics.median(a / b for a, b in times)
            print(f"{tensors} | {rule} | {ours:.2f} | {theirs:.2f} | {ratio:.2f}", flush=True)
    for side in sides:
        side.send(None)


if __name__ == "__main__":
    main()
