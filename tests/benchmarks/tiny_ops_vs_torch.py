"""The cost of one operation on a tiny tensor, forward and backward, against PyTorch eager.

    pip install torch==2.13.0 && python tests/benchmarks/tiny_ops_vs_torch.py

A chain of 1,000 operations on 4 numbers, where arithmetic costs nothing and bookkeeping everything. The two take
turns in one process; the ratio of each pair of rounds is what counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import minigrad


def chain(start: Any, a: Any, tanh: Callable[[Any], Any], length: int) -> Any:
    """`length` operations: multiply, add, tanh, over and over."""
    y = start
    for _ in range(length // 3):
        y = tanh(y * a + start)
    return y


def microseconds(library: Any, length: int) -> float:
    """For one operation, forward and backward."""
    a = library.tensor([0.5, -0.5, 0.25, 1.0], requires_grad=True)
    start = library.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    began = time.perf_counter()
    chain(start, a, library.tanh, length).sum().backward()
    return (time.perf_counter() - began) / length * 1e6


def main(rounds: int = 21, length: int = 999) -> None:
    """Print the medians, and the median of the ratios."""
    pairs = [(microseconds(minigrad, length), microseconds(torch, length)) for _ in range(rounds)][1:]
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"an operation, forward and backward: minigrad {ours:.2f} us, PyTorch {theirs:.2f} us")
    print(f"median ratio of {rounds - 1} rounds: {ratio:.2f} of PyTorch's time")


if __name__ == "__main__":
    main()
