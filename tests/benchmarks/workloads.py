"""Training steps of typical sizes, written once for minigrad and PyTorch; for some the same in NumPy by hand.

A workload is a function of a library that returns its step. Everything is float32 and starts from the same seed. With
the library `Recorded`, the part of a step that returns the loss goes through `minigrad.compile`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], Any]
RATE = 1e-3


class Recorded:
    """minigrad, with the functions that return a loss recorded."""

    def __init__(self, minigrad: Any) -> None:
        self.minigrad = minigrad

    def __getattr__(self, name: str) -> Any:
        return getattr(self.minigrad, name)


def recorded(m: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, recorded if the library is `Recorded`."""
    return m.minigrad.compile(function) if isinstance(m, Recorded) else function  # type: ignore[no-any-return]


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def integers(high: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(high, size=shape)


# ---- both libraries --------------------------------------------------------------------------------------------------


def perceptron(m: Any, sizes: list[int]) -> Any:
    layers: list[Any] = []
    for n, k in zip(sizes, sizes[1:]):
        layers += [m.nn.Linear(n, k), m.nn.ReLU()]
    return m.nn.Sequential(*layers[:-1])


def trained(m: Any, model: Any, inputs: Any, targets: Any, optimizer: Any, loss: Any = None) -> Step:
    """A step of the usual loop."""
    loss = loss or m.nn.CrossEntropyLoss()
    x, y = m.tensor(inputs), m.tensor(targets)
    loss_of = recorded(m, lambda x, y: loss(model(x), y))

    def step() -> Any:
        optimizer.zero_grad()
        result = loss_of(x, y)
        result.backward()
        optimizer.step()
        return result.item()

    return step


def small_mlp(m: Any) -> Step:
    model = perceptron(m, [64, 64, 64, 10])
    return trained(m, model, floats(32, 64), integers(10, 32), m.optim.SGD(model.parameters(), lr=RATE))


def mlp(m: Any) -> Step:
    model = perceptron(m, [784, 512, 512, 10])
    return trained(m, model, floats(64, 784), integers(10, 64), m.optim.Adam(model.parameters(), lr=RATE))


def lecture_loop(m: Any) -> Step:
    """The same in the lecture's loop: one vector x, one gradient dx, a function of `rules`. PyTorch keeps its own."""
    if not hasattr(m, "Network"):
        return mlp(m)
    network = m.Network(perceptron(m, [784, 512, 512, 10]), m.nn.CrossEntropyLoss())
    network = recorded(m, network)
    batch, state, x = (floats(64, 784), integers(10, 64)), {}, network.x

    def step() -> Any:
        nonlocal state
        loss = network.forward(batch)
        dx = network.backward()
        x[:], state = m.optim.rules.adam(x, dx, state, learning_rate=RATE)
        return loss

    return step


def passes(m: Any, function: Callable[..., Any], *arrays: np.ndarray) -> Step:
    """Forward and backward alone, with gradients of all arrays."""
    xs = [m.tensor(a, requires_grad=True) for a in arrays]
    upstream = m.tensor(floats(*function(*xs).shape))

    function = recorded(m, function)

    def step() -> Any:
        for x in xs:
            x.grad = None
        function(*xs).backward(upstream)

    return step


def convolution(m: Any) -> Step:
    conv = m.nn.functional.conv2d
    return passes(m, lambda x, w: conv(x, w, padding=1), floats(64, 32, 32, 32), floats(64, 32, 3, 3))


def convnet(m: Any) -> Step:
    nn = m.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1568, 10)),
    )
    return trained(m, model, floats(64, 1, 28, 28), integers(10, 64), m.optim.Adam(model.parameters(), lr=RATE))


def lstm(m: Any) -> Step:
    layer, head = m.nn.LSTM(64, 128), m.nn.Linear(128, 10)
    optimizer = m.optim.SGD([*layer.parameters(), *head.parameters()], lr=RATE)
    return trained(m, lambda x: head(layer(x)[0][-1]), floats(64, 32, 64), integers(10, 32), optimizer)


def gpt(m: Any) -> Step:
    """Two layers, 128 wide, 4 heads, 16 sequences of 64 characters."""
    nn, length, d = m.nn, 64, 128
    token, place = nn.Embedding(65, d), nn.Embedding(length, d)
    settings = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
    blocks = [nn.TransformerEncoderLayer(d, 4, 4 * d, **settings) for _ in range(2)]
    norm, head = nn.LayerNorm(d), nn.Linear(d, 65)
    mask = nn.Transformer.generate_square_subsequent_mask(length)

    def model(tokens: Any) -> Any:
        x = token(tokens) + place(m.arange(length))
        for block in blocks:
            x = block(x, src_mask=mask, is_causal=True)
        return head(norm(x)).reshape(-1, 65)

    parameters = [p for module in (token, place, *blocks, norm, head) for p in module.parameters()]
    tokens = integers(65, 16, length + 1)
    return trained(m, model, tokens[:, :-1], tokens[:, 1:].reshape(-1), m.optim.Adam(parameters, lr=RATE))


def norm_and_softmax(m: Any) -> Step:
    f = m.nn.functional
    return passes(
        m,
        lambda x, w, b: f.softmax(f.layer_norm(x, (256,), w, b), -1),
        floats(64, 128, 256),
        floats(256),
        floats(1, 256)[0],
    )


def tiny_operations(m: Any) -> Step:
    """A hundred operations on four numbers, forward and backward."""
    x = m.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)

    def chain(x: Any) -> Any:
        y = x
        for _ in range(50):
            y = (y * x).tanh()
        return y.sum()

    function = recorded(m, chain)

    def step() -> Any:
        x.grad = None
        function(x).backward()

    return step


def optimizer(name: str, **settings: Any) -> Callable[[Any], Step]:
    def made(m: Any) -> Step:
        parameters = []
        for _ in range(50):
            parameters.append(m.tensor(floats(20_000), requires_grad=True))
            parameters[-1].grad = m.tensor(floats(20_000))
        step: Step = getattr(m.optim, name)(parameters, lr=1e-4, **settings).step
        return step

    return made


# ---- NumPy by hand ---------------------------------------------------------------------------------------------------


def numpy_mlp(sizes: list[int], batch: int, adam: bool) -> Step:
    """The lecture's staged backward pass and its lines of the update rule."""
    W = [floats(n, k) / np.float32(math.sqrt(k)) for k, n in zip(sizes, sizes[1:])]
    parameters = W + [np.zeros(n, np.float32) for n in sizes[1:]]
    X, y = floats(batch, sizes[0]), integers(10, batch)
    ms, vs = ([np.zeros_like(p) for p in parameters] for _ in range(2))
    t = 0

    def step() -> Any:
        nonlocal t
        t += 1
        h = [X]
        for i, (w, b) in enumerate(zip(W, parameters[len(W) :])):
            z = h[-1] @ w.T + b
            h.append(np.maximum(z, 0) if i < len(W) - 1 else z)
        p = np.exp(h[-1] - h[-1].max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[range(batch), y]).mean()
        p[range(batch), y] -= 1
        d = p / np.float32(batch)
        dWs, dbs = [], []
        for i in reversed(range(len(W))):
            dWs.insert(0, d.T @ h[i])
            dbs.insert(0, d.sum(0))
            d = (d @ W[i]) * (h[i] > 0)
        for x, dx, m, v in zip(parameters, dWs + dbs, ms, vs):
            if adam:
                m *= 0.9
                m += 0.1 * dx
                v *= 0.999
                v += 0.001 * dx * dx
                x -= RATE * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
            else:
                x -= RATE * dx
        return float(loss)

    return step


def numpy_norm_and_softmax() -> Step:
    x, w, b, g = floats(64, 128, 256), floats(256), floats(1, 256)[0], floats(64, 128, 256)

    def step() -> Any:
        scale = 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        n = (x - x.mean(-1, keepdims=True)) * scale
        z = n * w + b
        e = np.exp(z - z.max(-1, keepdims=True))
        y = e / e.sum(-1, keepdims=True)
        dz = y * (g - (g * y).sum(-1, keepdims=True))
        d = dz * w
        dx = scale * (d - d.mean(-1, keepdims=True) - n * (d * n).mean(-1, keepdims=True))
        return dx, (dz * n).sum((0, 1)), dz.sum((0, 1))

    return step


def numpy_tiny_operations() -> Step:
    x = np.array([1.0, 2.0, 3.0, 4.0], np.float32)

    def step() -> Any:
        ys = [x]
        for _ in range(50):
            ys.append(np.tanh(ys[-1] * x))
        d, dx = np.ones_like(x), np.zeros_like(x)
        for before, y in zip(ys[-2::-1], ys[:0:-1]):
            d = d * (1 - y * y)
            dx = dx + d * before
            d = d * x
        return dx + d

    return step


def numpy_adam() -> Step:
    xs, dxs = ([floats(20_000) for _ in range(50)] for _ in range(2))
    ms, vs = ([np.zeros(20_000, np.float32) for _ in range(50)] for _ in range(2))

    def step() -> Any:
        for x, dx, m, v in zip(xs, dxs, ms, vs):
            m *= 0.9
            m += 0.1 * dx
            v *= 0.999
            v += 0.001 * dx * dx
            x -= 1e-4 * (m / 0.5) / (np.sqrt(v / 0.5) + 1e-8)

    return step


WORKLOADS: dict[str, tuple[Callable[[Any], Step], Callable[[], Step] | None]] = {
    "MLP 64-64-64-10, batch 32, SGD": (small_mlp, lambda: numpy_mlp([64, 64, 64, 10], 32, adam=False)),
    "MLP 784-512-512-10, batch 64, Adam": (mlp, lambda: numpy_mlp([784, 512, 512, 10], 64, adam=True)),
    "the same in the lecture's loop": (lecture_loop, lambda: numpy_mlp([784, 512, 512, 10], 64, adam=True)),
    "convolution 32 -> 64, 3 x 3, on (64, 32, 32, 32)": (convolution, None),
    "small convnet, batch 64": (convnet, None),
    "LSTM, 64 steps, hidden 128": (lstm, None),
    "small GPT": (gpt, None),
    "layer norm + softmax on (64, 128, 256)": (norm_and_softmax, numpy_norm_and_softmax),
    "100 tiny operations": (tiny_operations, numpy_tiny_operations),
    "SGD on 50 of 20,000": (optimizer("SGD"), None),
    "momentum on 50 of 20,000": (optimizer("SGD", momentum=0.9), None),
    "Adam on 50 of 20,000": (optimizer("Adam"), numpy_adam),
}
