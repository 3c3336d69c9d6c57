"""Convolution and pooling, forward and backward, against PyTorch eager.

    pip install torch==2.13.0 && python tests/benchmarks/conv2d.py

Batches of 64 in float32, default settings. The two take turns in one process; the ratios of each round are what counts.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch

import minigrad

CASES: dict[str, tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]]] = {
    "32 channels of 32 x 32, 64 filters 3 x 3": ("conv2d", ((64, 32, 32, 32), (64, 32, 3, 3), (64,)), {"padding": 1}),
    "the same with stride 2": ("conv2d", ((64, 32, 32, 32), (64, 32, 3, 3), (64,)), {"padding": 1, "stride": 2}),
    "128 channels of 8 x 8, 128 filters 3 x 3": ("conv2d", ((64, 128, 8, 8), (128, 128, 3, 3), (128,)), {"padding": 1}),
    "64 channels of 16 x 16, 128 filters 1 x 1": ("conv2d", ((64, 64, 16, 16), (128, 64, 1, 1), (128,)), {}),
    "depthwise, 32 channels of 32 x 32": ("conv2d", ((64, 32, 32, 32), (32, 1, 3, 3)), {"padding": 1, "groups": 32}),
    "LeNet's first, 6 filters 5 x 5 on 28 x 28": ("conv2d", ((64, 1, 28, 28), (6, 1, 5, 5), (6,)), {"padding": 2}),
    "max_pool2d of 2 x 2, 32 channels of 32 x 32": ("max_pool2d", ((64, 32, 32, 32),), {"kernel_size": 2}),
    "avg_pool2d of 2 x 2, 32 channels of 32 x 32": ("avg_pool2d", ((64, 32, 32, 32),), {"kernel_size": 2}),
}


def milliseconds(m: Any, function: str, arrays: list[np.ndarray], upstream: np.ndarray, keywords: Any) -> float:
    """For the function of library m and its gradients by all arrays."""
    inputs = [m.tensor(a, requires_grad=True) for a in arrays]
    g = m.tensor(upstream)
    began = time.perf_counter()
    getattr(m.nn.functional, function)(*inputs, **keywords).backward(g)
    return (time.perf_counter() - began) * 1e3


def main(rounds: int = 21) -> None:
    """Print, for each case, the medians and the median of the ratios."""
    rng = np.random.default_rng(0)
    for name, (function, shapes, keywords) in CASES.items():
        arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        y = getattr(minigrad.nn.functional, function)(*map(minigrad.tensor, arrays), **keywords)
        case = function, arrays, rng.standard_normal(y.shape).astype(np.float32), keywords
        pairs = [(milliseconds(minigrad, *case), milliseconds(torch, *case)) for _ in range(rounds)][1:]
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name}: minigrad {ours:.1f} ms, PyTorch {theirs:.1f} ms; {ratio:.2f} of PyTorch's time", flush=True)


if __name__ == "__main__":
    main()
