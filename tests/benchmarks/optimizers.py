"""One step of the optimizers: minigrad against PyTorch's default (not fused) ones, or against another minigrad.

    pip install torch==2.13.0 && python tests/benchmarks/optimizers.py
    python tests/benchmarks/optimizers.py --against ../another/checkout
    python tests/benchmarks/optimizers.py --load

The parameters are those of the small models that learners train, 50 vectors of 20,000, and one vector of 1,000,000; all
are float32. Each library has a fresh process for each case, and they take turns: in one process, PyTorch's threads go
on spinning for a while after a step. Both may use all cores; with --load, a busy loop occupies one of them. Minimum and
median of many steps of each, and the median of the ratios of each round. Other programs that run disturb both.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

RULES: list[tuple[str, str, dict[str, Any]]] = [
    ("SGD", "SGD", {}),
    ("momentum", "SGD", {"momentum": 0.9}),
    ("Nesterov", "SGD", {"momentum": 0.9, "nesterov": True}),
    ("AdaGrad", "Adagrad", {}),
    ("RMSProp", "RMSprop", {}),
    ("Adam", "Adam", {}),
    ("AdamW", "AdamW", {}),
]
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "64-64-10": [(64, 64), (64,), (10, 64), (10,)],
    "50 of 20": [(20,)] * 50,
    "784-512-512-10": [(512, 784), (512,), (512, 512), (512,), (10, 512), (10,)],
    "50 of 20,000": [(20_000,)] * 50,
    "1 of 1,000,000": [(1_000_000,)],
}


def step_of(m: Any, name: str, settings: dict[str, Any], shapes: list[tuple[int, ...]]) -> Callable[[], Any]:
    rng = np.random.default_rng(0)
    parameters = []
    for shape in shapes:
        x, dx = rng.standard_normal((2, *shape), dtype=np.float32)
        p = m.tensor(x, requires_grad=True)
        p.grad = m.tensor(dx)
        parameters.append(p)
    optimizer = getattr(m.optim, name)(parameters, lr=1e-4, **settings)
    return lambda: optimizer.step()


def serve(library: str, path: str, case: tuple[Any, ...], connection: Any) -> None:
    """In a process of its own: time each of some steps, as often as asked."""
    sys.path.insert(0, path)
    step = step_of(importlib.import_module(library), *case)
    for _ in range(5):
        step()
    connection.send(None)
    while (repeats := connection.recv()) is not None:
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            step()
            times.append(time.perf_counter() - began)
        connection.send(times)


def busy(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def compare(contenders: list[tuple[str, str]], case: tuple[Any, ...], rounds: int, repeats: int) -> list[list[float]]:
    """Return, for each contender, the times of all steps in microseconds, round after round."""
    context = multiprocessing.get_context("spawn")
    sides, processes = [], []
    for library, path in contenders:
        here, there = context.Pipe()
        processes.append(context.Process(target=serve, args=(library, path, case, there), daemon=True))
        processes[-1].start()
        here.recv()
        sides.append(here)
    times: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, column in zip(sides, times):
            time.sleep(0.01)  # until the threads of the last turn sleep
            side.send(repeats)
            column += [t * 1e6 for t in side.recv()]
    for side, process in zip(sides, processes):
        side.send(None)
        process.join()
    return times


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", help="a checkout whose minigrad is the other contender")
    parser.add_argument("--load", action="store_true", help="occupy one core with a busy loop")
    parser.add_argument("--rounds", type=int, default=41)
    arguments = parser.parse_args()
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    other = ("minigrad", os.path.abspath(arguments.against)) if arguments.against else ("torch", here)
    print("parameters | rule | minigrad, µs: min, median | the other, µs: min, median | ratio: min, median")
    print("--- | --- | --- | --- | ---", flush=True)
    for name, shapes in SHAPES.items():
        repeats = 100 if sum(np.prod(s) for s in shapes) < 10_000 else 5
        for rule, kind, settings in RULES:
            if arguments.load:
                load = multiprocessing.get_context("spawn").Process(target=busy, args=(600,), daemon=True)
                load.start()
            ours, theirs = compare([("minigrad", here), other], (kind, settings, shapes), arguments.rounds, repeats)
            if arguments.load:
                load.terminate()
            medians = [
                [statistics.median(side[i : i + repeats]) for i in range(0, len(side), repeats)]
                for side in (ours, theirs)
            ]
            ratio = statistics.median(a / b for a, b in zip(*medians))
            print(
                f"{name} | {rule} | {min(ours):.1f}, {statistics.median(ours):.1f} | "
                f"{min(theirs):.1f}, {statistics.median(theirs):.1f} | {min(ours) / min(theirs):.2f}, {ratio:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
