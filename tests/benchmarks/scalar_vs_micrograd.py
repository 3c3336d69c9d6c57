"""Value against micrograd's, on micrograd's own demo: a 2-16-16-1 network with the max-margin loss on 100 moons.

    pip install micrograd && python tests/benchmarks/scalar_vs_micrograd.py

micrograd's `nn` runs on both engines, in turn, in one process; the ratio of each pair of rounds is what counts. The
third contender is minigrad with the loss as a function that `minigrad.compile` has recorded; the first step, which
records, is not counted. Processor time.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from typing import Any

import micrograd.nn
from micrograd.engine import Value as Theirs

import minigrad
from minigrad.data import two_moons
from minigrad.scalar import Value as Ours


def demo(value: type, X: list[list[float]], y: list[float], steps: int, recorded: bool = False) -> tuple[float, float]:
    """The last loss, and the seconds for a step of forward, backward and update."""
    micrograd.nn.Value = value
    random.seed(1337)
    model = micrograd.nn.MLP(2, [16, 16, 1])

    def loss_of_all() -> Any:
        inputs = [list(map(value, row)) for row in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * score).relu() for yi, score in zip(y, scores)]
        return sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())

    if recorded:
        loss_of_all = minigrad.compile(loss_of_all)
        loss_of_all()
    gc.collect()
    started = time.process_time()
    for k in range(steps):
        loss = loss_of_all()
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
    return loss.data, (time.process_time() - started) / steps


def main(rounds: int = 3, steps: int = 25) -> None:
    """Print the time of each, and the median of the ratios."""
    moons = two_moons(100, noise=0.1)
    X, y = moons.X.tolist(), [2.0 * label - 1 for label in moons.y.tolist()]
    ratios, recorded_ratios = [], []
    for _ in range(rounds):
        (their_loss, theirs), (our_loss, ours) = demo(Theirs, X, y, steps), demo(Ours, X, y, steps)
        recorded_loss, recorded = demo(Ours, X, y, steps, recorded=True)
        assert abs(their_loss - our_loss) < 1e-9, (their_loss, our_loss)
        assert recorded_loss == our_loss
        ratios.append(theirs / ours)
        recorded_ratios.append(theirs / recorded)
        print(f"a step: micrograd {theirs:.3f} s, minigrad {ours:.3f} s, recorded {recorded:.4f} s")
    eager, fast = statistics.median(ratios), statistics.median(recorded_ratios)
    print(f"median of {rounds} rounds: minigrad is {eager:.1f} times faster, recorded {fast:.0f} times")


if __name__ == "__main__":
    main()
