"""What `minigrad.watch` costs at its default settings: whole training runs with and without it, in turns.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python tests/benchmarks/watching.py

The times are the processor's, which a busy machine disturbs less; hence one thread.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from typing import Any

import numpy as np

import minigrad
from minigrad import nn


def run(sizes: tuple[int, ...], steps: int, batches: list[Any], watched: bool) -> tuple[float, int]:
    """Return the processor seconds of a run of the lecture's loop, and the number of sampled steps."""
    minigrad.manual_seed(0)
    layers = [layer for m, n in zip(sizes, sizes[1:]) for layer in (nn.Linear(m, n), nn.ReLU())]
    network = minigrad.Network(nn.Sequential(*layers[:-1]), nn.CrossEntropyLoss())
    x, learning_rate = network.x, 0.1
    started = time.process_time()
    with minigrad.watch(network) if watched else contextlib.nullcontext() as watcher:
        for i in range(steps):
            network.forward(batches[i % len(batches)])
            dx = network.backward()
            x += -learning_rate * dx
    return time.process_time() - started, len(watcher.samples) if watcher else 0


def main(rounds: int = 15) -> None:
    """Print the time of a step, and what watching adds."""
    rng = np.random.default_rng(0)
    digits = minigrad.data.digits().train
    jobs = (
        ((64, 64, 10), 2000, [digits.sample_data_batch() for _ in range(100)]),
        ((784, 512, 512, 10), 300, [(rng.random((64, 784), np.float32), rng.integers(10, size=64)) for _ in range(10)]),
    )
    for sizes, steps, batches in jobs:
        plain, ratios, samples = [], [], 0
        for round_ in range(rounds):
            pair = {}
            for watched in (False, True) if round_ % 2 else (True, False):
                with contextlib.redirect_stdout(io.StringIO()):
                    pair[watched], count = run(sizes, steps, batches, watched)
                samples = count or samples
            plain.append(pair[False] / steps * 1e3)
            ratios.append(pair[True] / pair[False])
        low, middle, high = statistics.quantiles(ratios)
        print(
            f"{'-'.join(map(str, sizes))}: a step {statistics.median(plain):.3f} ms; watched {middle:.3f} of its time "
            f"(half of the rounds {low:.3f} to {high:.3f}), {samples} of {steps} steps sampled"
        )


if __name__ == "__main__":
    main()
