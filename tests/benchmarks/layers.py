"""Layers and two training steps at typical sizes, forward and backward, against PyTorch eager and NumPy by hand.

    pip install torch==2.13.0
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python tests/benchmarks/layers.py [part of a name ...]

With one thread, as here, it measures the processor's time, which other programs on the machine hardly disturb; without
these settings the wall clock's, and wants a machine of its own.

Everything in float32. Each case is written once, for both libraries, and starts from the same parameters in both; what
they answer is compared before it is timed. The contenders take turns in one process. Prints a Markdown table of
medians; the ratios are medians of those of each round.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import minigrad

clock = time.process_time if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter
Step = Callable[[], Any]
Layer = Callable[..., Any]


def floats(*shape: int) -> np.ndarray:
    """Normal numbers, the same at each start."""
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def integers(high: int, *shape: int) -> np.ndarray:
    """Indices below `high`."""
    return np.random.default_rng(0).integers(high, size=shape)


def function(name: str, **settings: Any) -> Callable[[Any], Layer]:
    """nn.functional's."""
    return lambda m: lambda *xs: getattr(m.nn.functional, name)(*xs, **settings)


def module(name: str, *settings: Any, **more: Any) -> Callable[[Any], Layer]:
    """nn's."""
    return lambda m: getattr(m.nn, name)(*settings, **more)


def forward_and_backward(make: Callable[[Any], Layer], *arrays: np.ndarray) -> Callable[[Any, Any], Step]:
    """A step that computes the layer's result and the gradients of its parameters and of its inputs of floats."""

    def made(m: Any, state: Any) -> Step:
        layer = make(m)
        inputs = [m.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
        leaves = [x for x in inputs if x.requires_grad] + same_parameters(m, layer, state)
        upstream: list[Any] = []

        def step() -> Any:
            y = layer(*inputs)
            y = y[0] if isinstance(y, tuple) else y
            if not upstream:
                upstream.append(m.tensor(floats(*y.shape)))
            for leaf in leaves:
                leaf.grad = None
            y.backward(upstream[0])
            return y

        return step

    return made


def training(make: Callable[[Any], tuple[Any, Layer, Any]]) -> Callable[[Any, Any], Step]:
    """A step of training: `make` gives the model, a function for the loss, and the optimiser."""

    def made(m: Any, state: Any) -> Step:
        model, loss_of, optimizer_of = make(m)
        optimizer = optimizer_of(same_parameters(m, model, state))

        def step() -> Any:
            optimizer.zero_grad()
            loss = loss_of(model)
            loss.backward()
            optimizer.step()
            return loss

        return step

    return made


def same_parameters(m: Any, layer: Any, state: dict[str, np.ndarray]) -> list[Any]:
    """The layer's parameters, noted in `state` by the first library and read from there by the second."""
    if not hasattr(layer, "state_dict"):
        return []
    if m is minigrad:
        state.update({name: v.clone().numpy() for name, v in layer.state_dict().items()})
    else:
        layer.load_state_dict({name: m.tensor(v) for name, v in state.items()})
    return list(layer.parameters())


# ---- two models ------------------------------------------------------------------------------------------------


def convnet(m: Any) -> tuple[Any, Layer, Any]:
    """Two convolutions and a linear layer for images of 28 x 28, in batches of 64, with SGD and momentum."""
    nn = m.nn
    stages = [[nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)] for a, b in ((1, 8), (8, 16))]
    model = nn.Sequential(*stages[0], *stages[1], nn.Flatten(), nn.Linear(16 * 7 * 7, 10))
    x, y = m.tensor(floats(64, 1, 28, 28)), m.tensor(integers(10, 64))
    loss = nn.CrossEntropyLoss()
    return model, lambda model: loss(model(x), y), lambda ps: m.optim.SGD(ps, lr=1e-3, momentum=0.9)


def char_gpt(m: Any) -> tuple[Any, Layer, Any]:
    """A transformer of 2 layers, 4 heads and 64 dimensions over 64 characters, in batches of 16, with Adam."""
    nn, length, d = m.nn, 64, 64

    class GPT(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(65, d), nn.Embedding(length, d)
            settings = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
            self.blocks = nn.ModuleList([nn.TransformerEncoderLayer(d, 4, 4 * d, **settings) for _ in range(2)])
            self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, 65)
            self.mask = nn.Transformer.generate_square_subsequent_mask(length)

        def forward(self, tokens: Any) -> Any:
            x = self.token(tokens) + self.place(m.arange(length))
            for block in self.blocks:
                x = block(x, src_mask=self.mask, is_causal=True)
            return self.head(self.norm(x))

    tokens = integers(65, 16, length + 1)
    x, y = m.tensor(tokens[:, :-1]), m.tensor(tokens[:, 1:].reshape(-1))
    loss = nn.CrossEntropyLoss()
    return GPT(), lambda model: loss(model(x).reshape(-1, 65), y), lambda ps: m.optim.Adam(ps, lr=1e-3)


# ---- NumPy by hand: what a course's exercise would write -------------------------------------------------------


def linear_by_hand() -> Step:
    x, w, b, g = floats(64, 784), floats(512, 784), floats(512), floats(64, 512)
    return lambda: (x @ w.T + b, g @ w, g.T @ x, g.sum(0))


def softmax_by_hand() -> Step:
    x, g = floats(64, 128, 256), floats(64, 128, 256)

    def step() -> Any:
        e = np.exp(x - x.max(-1, keepdims=True))
        y = e / e.sum(-1, keepdims=True)
        return y, y * (g - (g * y).sum(-1, keepdims=True))

    return step


def layer_norm_by_hand() -> Step:
    x, g = floats(64, 128, 256), floats(64, 128, 256)
    w, b = np.ones(256, np.float32), np.zeros(256, np.float32)

    def step() -> Any:
        scale = 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        z = (x - x.mean(-1, keepdims=True)) * scale
        y = z * w + b
        dz = g * w
        dx = scale * (dz - dz.mean(-1, keepdims=True) - z * (dz * z).mean(-1, keepdims=True))
        return y, dx, (g * z).sum((0, 1)), g.sum((0, 1))

    return step


def silu_by_hand() -> Step:
    x, g = floats(64, 128, 256), floats(64, 128, 256)

    def step() -> Any:
        s = 1 / (1 + np.exp(-x))
        return x * s, g * s * (1 + x * (1 - s))

    return step


def cross_entropy_by_hand() -> Step:
    x, t = floats(512, 1000), integers(1000, 512)
    rows = np.arange(512)

    def step() -> Any:
        p = np.exp(x - x.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[rows, t]).mean()
        p[rows, t] -= 1
        p /= np.float32(512)
        return loss, p

    return step


# ---- the cases -------------------------------------------------------------------------------------------------

IMAGES, TEXT, STEPS = (64, 32, 32, 32), (64, 128, 256), (35, 32, 128)
QKV = [floats(8, 8, 128, 32)] * 3
of_layer = forward_and_backward
CASES: dict[str, tuple[Callable[[Any, Any], Step], Callable[[], Step] | None]] = {
    "Linear 784 -> 512, 64 rows": (of_layer(module("Linear", 784, 512), floats(64, 784)), linear_by_hand),
    "Conv2d 32 -> 64, 3 x 3, on (64, 32, 32, 32)": (
        of_layer(module("Conv2d", 32, 64, 3, padding=1), floats(*IMAGES)),
        None,
    ),
    "Conv2d 1 -> 8, 3 x 3, on (32, 1, 28, 28)": (of_layer(module("Conv2d", 1, 8, 3), floats(32, 1, 28, 28)), None),
    "MaxPool2d 2 x 2 on (64, 32, 32, 32)": (of_layer(module("MaxPool2d", 2), floats(*IMAGES)), None),
    "BatchNorm2d on (64, 32, 32, 32)": (of_layer(module("BatchNorm2d", 32), floats(*IMAGES)), None),
    "LayerNorm on (64, 128, 256)": (of_layer(module("LayerNorm", 256), floats(*TEXT)), layer_norm_by_hand),
    "softmax on (64, 128, 256)": (of_layer(function("softmax", dim=-1), floats(*TEXT)), softmax_by_hand),
    "log_softmax on (64, 128, 256)": (of_layer(function("log_softmax", dim=-1), floats(*TEXT)), None),
    "cross_entropy on (512, 1000)": (
        of_layer(function("cross_entropy"), floats(512, 1000), integers(1000, 512)),
        cross_entropy_by_hand,
    ),
    "relu on (64, 128, 256)": (of_layer(function("relu"), floats(*TEXT)), None),
    "gelu on (64, 128, 256)": (of_layer(function("gelu"), floats(*TEXT)), None),
    "gelu, tanh, on (64, 128, 256)": (of_layer(function("gelu", approximate="tanh"), floats(*TEXT)), None),
    "silu on (64, 128, 256)": (of_layer(function("silu"), floats(*TEXT)), silu_by_hand),
    "leaky_relu on (64, 128, 256)": (of_layer(function("leaky_relu"), floats(*TEXT)), None),
    "dropout on (64, 128, 256)": (of_layer(function("dropout"), floats(*TEXT)), None),
    "Embedding 1000 x 64, 4096 indices": (of_layer(module("Embedding", 1000, 64), integers(1000, 4096)), None),
    "LSTM 128 -> 128 on (35, 32, 128)": (of_layer(module("LSTM", 128, 128), floats(*STEPS)), None),
    "GRU 128 -> 128 on (35, 32, 128)": (of_layer(module("GRU", 128, 128), floats(*STEPS)), None),
    "scaled_dot_product_attention on (8, 8, 128, 32)": (
        of_layer(function("scaled_dot_product_attention"), *QKV),
        None,
    ),
    "TransformerEncoderLayer, 128 wide, 8 heads, on (128, 16, 128)": (
        of_layer(module("TransformerEncoderLayer", 128, 8, 512, dropout=0.0), floats(128, 16, 128)),
        None,
    ),
    "a training step of a small convnet": (training(convnet), None),
    "a training step of a small GPT": (training(char_gpt), None),
}


def main(wanted: list[str], rounds: int = 15, least: float = 0.02) -> None:
    """Print a row for each case whose name has one of the texts `wanted` in it (none: for all)."""
    print("| forward and backward | minigrad | PyTorch | ratio | NumPy by hand |\n| --- | ---: | ---: | ---: | ---: |")
    for name, (make, by_hand) in CASES.items():
        if wanted and not any(text in name for text in wanted):
            continue
        state: dict[str, np.ndarray] = {}
        contenders = [make(m, state) for m in (minigrad, torch)] + ([by_hand()] if by_hand else [])
        first, second = (np.asarray(step().detach().numpy()) for step in contenders[:2])
        assert "dropout" in name or np.allclose(first, second, rtol=1e-3, atol=1e-4), f"{name}: the answers differ"
        began = clock()
        contenders[0]()
        steps = max(1, int(least / (clock() - began)))
        times = []
        for _ in range(rounds):
            row = []
            for step in contenders:
                began = clock()
                for _ in range(steps):
                    step()
                row.append((clock() - began) / steps * 1e3)
            times.append(row)
        ours, theirs, *numpys = (statistics.median(column) for column in zip(*times[1:]))
        ratio = statistics.median(row[0] / row[1] for row in times[1:])
        hand = f"{numpys[0]:.2f} ms" if numpys else ""
        print(f"| {name} | {ours:.2f} ms | {theirs:.2f} ms | {ratio:.2f} | {hand} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
