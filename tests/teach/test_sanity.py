"""`minigrad.sanity`: healthy models pass, each sickness is found under its check, and nothing is changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import Network, cli, nn, sanity

N, D, C = 64, 12, 4
Case = Callable[[], tuple[Any, Any, Any]]


def blobs(n: int = N, d: int = D, c: int = C) -> tuple[np.ndarray, np.ndarray]:
    """Examples of mean 0 and standard deviation 1, with classes that depend on them."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(np.float32)
    return X, (X @ rng.standard_normal((d, c))).argmax(1)


def line(n: int = N, d: int = D) -> tuple[np.ndarray, np.ndarray]:
    X, _ = blobs(n, d)
    return X, (np.sin(X[:, :1]) + X[:, 1:2]).astype(np.float32)


def mlp(*between: nn.Module, hidden: int = 48, outputs: int = C) -> nn.Sequential:
    return nn.Sequential(nn.Linear(D, hidden), *(between or (nn.ReLU(),)), nn.Linear(hidden, outputs))


def images(n: int = 32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, 1, 8, 8)).astype(np.float32), np.arange(n) % 4


class Words(nn.Module):
    """A recurrent network over words."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.rnn, self.out = nn.Embedding(9, 16), nn.LSTM(16, 24, batch_first=True), nn.Linear(24, 3)

    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(self.embedding(x))[0][:, -1])


class WrongAxis(Words):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(16, 24)


class EvenAttention(Words):
    """All positions have about the same scores at first, so the gradient of the keys is tiny, and no other."""

    def __init__(self) -> None:
        super().__init__()
        del self.rnn
        self.q, self.k = nn.Linear(16, 16), nn.Linear(16, 16)
        self.out = nn.Linear(16, 3)
        for layer in self.q, self.k:
            nn.init.normal_(layer.weight, 0, 1e-3)

    def forward(self, x: Any) -> Any:
        z = self.embedding(x)
        return self.out((F.softmax(0.01 * self.q(z) @ self.k(z).transpose(1, 2), -1) @ z).mean(1))


class LastExample(Words):
    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(self.embedding(x))[0][-1])


class PlainWeights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.W, self.b = minigrad.randn(D, 32) / 4, nn.Parameter(minigrad.zeros(32))
        self.out = nn.Linear(32, C)

    def forward(self, x: Any) -> Any:
        return self.out((x @ self.W + self.b).relu())


class Pairs(nn.Module):
    """Compares each example of one kind with all of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(D // 2, 8), nn.Linear(D // 2, 8)

    def forward(self, x: Any) -> Any:
        return self.a(x[:, : D // 2]) @ self.b(x[:, D // 2 :]).T


class Counting(nn.Module):
    """Keeps state of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.b, self.calls = nn.Linear(D, 32), nn.BatchNorm1d(32), nn.Linear(32, C), 0
        self.seen: list[Any] = []
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.seen.append(len(x))
        np.random.rand(), random.random()
        return self.b(self.drop(self.norm(self.a(x)).relu()))


def words() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    X = rng.integers(0, 9, (32, 6))
    return X, X[:, -1] % 3


class Into(nn.Module):
    """A reshape."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Any) -> Any:
        return x.reshape(-1, *self.shape)


class Latent(nn.Module):
    """A variational autoencoder, with its loss."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.encode, self.decode, self.factor = nn.Linear(D, 8), nn.Linear(4, D), factor

    def forward(self, x: Any, y: Any) -> Any:
        mu, logvar = self.encode(x).chunk(2, 1)
        z = mu + (logvar / 2).exp() * minigrad.randn(*mu.shape)
        divergence = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1).mean()
        return ((self.decode(z) - x) ** 2).sum(1).mean() + self.factor * divergence


def biases_alone(model: nn.Module) -> nn.Module:
    for name, p in model.named_parameters():
        p.requires_grad_(name.endswith("bias"))
    return model


class First(nn.Module):
    """The first of two inputs."""

    def forward(self, x: Any) -> Any:
        return x[:, 0]


class Returned(nn.Linear):
    def forward(self, x: Any) -> Any:
        return x


class Raw(nn.Module):
    """Two matrices, without layers."""

    def __init__(self, scale: float = 0.3) -> None:
        super().__init__()
        self.a, self.b = (nn.Parameter(minigrad.randn(*shape) * scale) for shape in ((D, 48), (48, C)))

    def forward(self, x: Any) -> Any:
        return (x @ self.a).tanh() @ self.b


class Stateful(Words):
    """Goes on from the state of the batch before."""

    state: Any = None

    def read(self, x: Any) -> Any:
        known = self.state if self.state is not None and self.state[0].shape[1] == len(x) else None
        out, state = self.rnn(self.embedding(x), known)
        self.state = tuple(t.detach() for t in state)
        return out

    def forward(self, x: Any) -> Any:
        return self.out(self.read(x)[:, -1])


class Continued(Stateful):
    """A language model that reads one text, batch after batch."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(24, 9)

    def forward(self, x: Any) -> Any:
        return self.out(self.read(x))


class Matched(nn.Module):
    """Which of a batch belongs to which, by the cosine of what two towers make of them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(D, 16), nn.Linear(D, 16)

    def forward(self, x: Any) -> Any:
        return 9 * F.normalize(self.a(x[:, 0]), dim=1) @ F.normalize(self.b(x[:, 1]), dim=1).T


class NextToken(nn.Module):
    """A language model, whose attention has a mask or none."""

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(9, 16), nn.Embedding(7, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.out, self.causal = nn.Linear(16, 9), causal

    def forward(self, x: Any) -> Any:
        mask = minigrad.tensor(np.triu(np.ones((7, 7), bool), 1)) if self.causal else None
        return self.out(self.layer(self.embedding(x) + self.places(minigrad.arange(7)), src_mask=mask))


class FirstToken(nn.Module):
    """Classifies by a token that it adds, through a layer that takes axis 0 for the time."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.out = nn.Parameter(minigrad.randn(1, 1, 8)), nn.Linear(8, 4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0)

    def forward(self, x: Any) -> Any:
        return self.out(self.layer(minigrad.cat([self.token.expand(len(x), 1, 8), x], 1))[:, 0])


def tokens() -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(3).standard_normal((32, 5, 8)).astype(np.float32), np.arange(32) % 4


def following() -> tuple[np.ndarray, np.ndarray]:
    """Tokens, and the next ones."""
    text = np.cumsum(np.random.default_rng(4).integers(0, 2, (24, 8)), 1) % 9
    return text[:, :-1], text[:, 1:]


def margins(scores: Any, y: Any) -> Any:
    """A hinge loss: each score against that of the right class."""
    right = scores[np.arange(len(y)), y].reshape(-1, 1)
    return ((scores - right + 1).relu() * minigrad.tensor(1 - np.eye(C)[y])).sum(1).mean()


HEALTHY: dict[str, Case] = {
    "a causal language model": lambda: (
        NextToken(causal=True),
        following(),
        lambda out, y: F.cross_entropy(out.transpose(1, 2), minigrad.tensor(y)),
    ),
    "matrices": lambda: (Raw(), blobs(), nn.CrossEntropyLoss()),
    "small weights before an attention": lambda: (EvenAttention(), words(), nn.CrossEntropyLoss()),
    "soft targets of a binary cross entropy": lambda: (
        mlp().append(nn.Sigmoid()),
        (blobs()[0], np.random.default_rng(2).uniform(0.3, 0.7, (N, C)).astype(np.float32)),
        nn.BCELoss(),
    ),
    "pairs in a batch": lambda: (Matched(), (np.stack([line()[0]] * 2, 1), np.arange(N)), nn.CrossEntropyLoss()),
    "a state that continues": lambda: (
        Continued(),
        following(),
        lambda out, y: F.cross_entropy(out.transpose(1, 2), minigrad.tensor(y)),
    ),
    "a divergence that counts": lambda: (Latent(4.0), (line()[0], line()[0]), None),
    "two layers": lambda: (mlp(), blobs(), nn.CrossEntropyLoss()),
    "batch normalization and dropout": lambda: (
        mlp(nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.5)),
        blobs(),
        nn.CrossEntropyLoss(),
    ),
    "convolution": lambda: (
        nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 4)),
        images(),
        nn.CrossEntropyLoss(),
    ),
    "regression": lambda: (mlp(nn.Tanh(), outputs=1), line(), nn.MSELoss()),
    "recurrent": lambda: (Words(), words(), nn.CrossEntropyLoss()),
    "attention": lambda: (
        nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.Flatten(), nn.Linear(40, 4)),
        (np.random.default_rng(3).standard_normal((32, 5, 8)).astype(np.float32), np.arange(32) % 4),
        nn.CrossEntropyLoss(),
    ),
    "log_softmax and nll": lambda: (mlp(nn.ReLU()).append(nn.LogSoftmax(1)), blobs(), nn.NLLLoss()),
    "two classes": lambda: (
        mlp(outputs=1),
        (blobs()[0], (blobs()[0][:, :1] > 0).astype(np.float32)),
        nn.BCEWithLogitsLoss(),
    ),
    "sigmoid": lambda: (
        mlp(outputs=1).append(nn.Sigmoid()),
        (blobs()[0], (blobs()[0][:, :1] > 0).astype(np.float32)),
        nn.BCELoss(),
    ),
    "linear": lambda: (nn.Linear(2, 3), (blobs()[0][:, :2].copy(), blobs(c=3)[1]), nn.CrossEntropyLoss()),
    "weighted": lambda: (mlp(), blobs(), nn.CrossEntropyLoss(weight=minigrad.tensor([1.0, 2.0, 3.0, 4.0]))),
    "smoothed": lambda: (mlp(), blobs(), nn.CrossEntropyLoss(label_smoothing=0.1)),
    "softmax regression from 0": lambda: (
        with_weights(nn.Sequential(nn.Linear(D, C)), 0, lambda w: 0 * w),
        blobs(),
        nn.CrossEntropyLoss(),
    ),
    "a head of zeros": lambda: (with_weights(mlp(), 2, lambda w: 0 * w), blobs(), nn.CrossEntropyLoss()),
    "frozen": lambda: (frozen(mlp()), blobs(), nn.CrossEntropyLoss()),
    "autoencoder": lambda: (mlp(outputs=D), (blobs()[0], blobs()[0]), F.mse_loss),
    "decay in the loss": lambda: decayed(mlp()),
    "deep": lambda: (deep(nn.ReLU, 4, None), blobs(), nn.CrossEntropyLoss()),
    "several outputs": lambda: (Coder(), (blobs()[0], blobs()[0]), coded),
    "policy gradient": lambda: (
        mlp(),
        blobs(),
        lambda out, y: -(F.log_softmax(out, 1)[np.arange(len(y)), y] * minigrad.linspace(-1, 1, len(y))).mean(),
    ),
    "contrastive": lambda: (
        mlp(),
        (blobs()[0], None),
        lambda out, y: F.cross_entropy(out @ out.T, minigrad.arange(len(out))),
    ),
    "a language model": lambda: (
        nn.Sequential(nn.Embedding(9, 16), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 9)),
        (words()[0], np.roll(words()[0], 0, 1).ravel()),
        lambda out, y: F.cross_entropy(out.reshape(-1, 9), minigrad.tensor(y)),
    ),
    "pairs of two views": lambda: (
        mlp(),
        (blobs()[0], np.arange(N) // 2),
        lambda out, y: F.cross_entropy(out @ out.T - 1e9 * minigrad.eye(N), minigrad.tensor(np.arange(N) ^ 1)),
    ),
    "image and text": lambda: (Pairs(), (blobs()[0], np.arange(N)), nn.CrossEntropyLoss()),
    "policy gradient of two actions": lambda: (
        mlp(outputs=2),
        (blobs()[0], (blobs()[0][:, 0] > 0).astype(int)),
        lambda out, y: -(F.log_softmax(out, 1)[np.arange(len(y)), y] * minigrad.linspace(-1, 1, len(y))).mean(),
    ),
    "accumulated": lambda: (mlp(), blobs(), lambda out, y: F.cross_entropy(out, minigrad.tensor(y)) / 8),
    "soft targets": lambda: (
        mlp(),
        (blobs()[0], np.random.default_rng(0).dirichlet(np.ones(C), N).astype(np.float32)),
        lambda out, y: -(minigrad.tensor(y) * F.log_softmax(out, 1)).sum(1).mean(),
    ),
    "hinge of several classes": lambda: (mlp(), blobs(), margins),
    "hinge": lambda: (
        mlp(outputs=1),
        (blobs()[0], np.sign(blobs()[0][:, :1])),
        lambda out, y: (1 - out * y).relu().mean(),
    ),
    "lazy": lambda: (
        nn.Sequential(nn.LazyLinear(32), nn.ReLU(), nn.LazyLinear(C)),
        blobs(),
        nn.CrossEntropyLoss(),
    ),
}


def with_weights(model: nn.Sequential, layer: int, change: Callable[[Any], Any]) -> nn.Sequential:
    with minigrad.no_grad():
        for p in model[layer].parameters():
            p.copy_(change(p.detach().clone()))
    return model


def frozen(model: nn.Sequential) -> nn.Sequential:
    model[0].requires_grad_(False)
    return model


def decayed(model: nn.Module) -> tuple[Any, Any, Any]:
    """The loss refers to the model itself."""
    return (
        model,
        blobs(),
        lambda out, y: (
            F.cross_entropy(out, minigrad.tensor(y)) + 1e-4 * sum(p.square().sum() for p in model.parameters())
        ),
    )


def deep(activation: Any, layers: int, scale: float | None, hidden: int = 48) -> nn.Sequential:
    sizes = [D, *[hidden] * layers, C]
    model = nn.Sequential()
    for a, b in zip(sizes, sizes[1:]):
        model.append(nn.Linear(a, b))
        if scale is not None:
            nn.init.normal_(model[-1].weight, 0.0, scale)
        model.append(activation())
    return model[:-1]


class Function(nn.Module):
    """Layers a and b with a function between them."""

    def __init__(
        self,
        between: Callable[[Any], Any],
        after: Callable[[Any], Any] = lambda z: z,
        before: Callable[[Any], Any] = lambda x: x,
    ) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(D, 32), nn.Linear(32, C)
        self.before, self.between, self.after = before, between, after

    def forward(self, x: Any) -> Any:
        return self.after(self.b(self.between(self.a(self.before(x)))))


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Linear(D, D), nn.Linear(D, D)]
        self.out = nn.Linear(D, C)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x).relu()
        return self.out(x)


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.extra, self.b = nn.Linear(D, 16), nn.Linear(D, 16), nn.Linear(16, C)

    def forward(self, x: Any) -> Any:
        return self.b(self.a(x).relu())


class Coder(nn.Module):
    """A variational autoencoder, which draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.mean, self.spread, self.out = nn.Linear(D, 16), nn.Linear(16, 4), nn.Linear(16, 4), nn.Linear(4, D)

    def forward(self, x: Any) -> Any:
        h = self.a(x).relu()
        mean, spread = self.mean(h), self.spread(h)
        return self.out(mean + minigrad.randn(*mean.shape) * spread.exp()), mean, spread


def coded(out: Any, x: Any) -> Any:
    z, mean, spread = out
    divergence = (mean.square() + (2 * spread).exp() - 2 * spread - 1).sum(1).mean()
    return (z - minigrad.tensor(x)).square().sum(1).mean() + 0.5 * divergence


def same(w: Any) -> Any:
    return 0 * w + 0.1


def with_nan(X: np.ndarray) -> np.ndarray:
    X[3, 2] = np.nan
    return X


def with_nan_column(X: np.ndarray) -> np.ndarray:
    X[:, 3] = np.nan
    return X


def shuffled() -> Callable[[Any, Any], Any]:
    rng = np.random.default_rng(0)
    return lambda out, y: F.cross_entropy(out, minigrad.tensor(rng.permutation(y)))


CE = nn.CrossEntropyLoss()
SICK: dict[str, tuple[str, str, Case]] = {
    "pixels": ("inputs", "divide by 255", lambda: (mlp(), (np.abs(blobs()[0]) * 60, blobs()[1]), CE)),
    "not centred": ("inputs", "subtract the mean", lambda: (mlp(), (blobs()[0] + 20, blobs()[1]), CE)),
    "unlike": ("inputs", "standardize each", lambda: (mlp(), (blobs()[0] * np.logspace(-2, 3, D), blobs()[1]), CE)),
    "nan": ("inputs", "1 of 768 numbers", lambda: (mlp(), (with_nan(blobs()[0]), blobs()[1]), CE)),
    "one example": ("inputs", "the same", lambda: (mlp(), (blobs()[0][:1].repeat(N, 0), blobs()[1]), CE)),
    "zeros": ("inputs", "all numbers are 0", lambda: (mlp(), (0 * blobs()[0], blobs()[1]), CE)),
    "targets": ("targets", "as large as", lambda: (mlp(outputs=1), (line()[0], line()[1] * 1000), nn.MSELoss())),
    "nan targets": ("targets", "nan", lambda: (mlp(outputs=1), (line()[0], with_nan(line()[1].repeat(3, 1))[:, 2:]),
                                               nn.MSELoss())),
    "head": ("loss", "ln(4) = 1.39", lambda: (with_weights(mlp(), 2, lambda w: 40 * w), blobs(), CE)),
    "bias": ("loss", "Class 2 has the largest score", lambda: (
        Function(F.relu, lambda z: z + 30 * F.one_hot(minigrad.tensor([2]), C)), blobs(), CE)),
    "softmax": ("scores", "softmax", lambda: (mlp().append(nn.Softmax(1)), blobs(), CE)),
    "softmax in forward": ("scores", "softmax", lambda: (Function(F.relu, lambda z: F.softmax(z, 1)), blobs(), CE)),
    "sigmoid twice": ("scores", "sigmoid", lambda: (
        mlp(outputs=1).append(nn.Sigmoid()), (blobs()[0], (blobs()[0][:, :1] > 0) * 1.0), nn.BCEWithLogitsLoss())),
    "nll of scores": ("scores", "log_softmax", lambda: (mlp(), blobs(), nn.NLLLoss())),
    "signs": ("scores", "in [0, 1]", lambda: (
        mlp(outputs=1), (blobs()[0], np.sign(blobs()[0][:, :1])), nn.BCEWithLogitsLoss())),
    "minus": ("loss", "minus sign", lambda: (
        mlp(), blobs(), lambda out, y: -F.cross_entropy(out, minigrad.tensor(y)))),
    "relu last": ("scores", "ends with a relu", lambda: (mlp().append(nn.ReLU()), blobs(), CE)),
    "tanh last": ("scores", "between -1 and 1", lambda: (
        mlp(outputs=1).append(nn.Tanh()), (line()[0], 3 * line()[1]), nn.MSELoss())),
    "all pairs": ("shapes", "(64, 1) against (64,)", lambda: (
        mlp(outputs=1), (line()[0], line()[1][:, 0]), lambda out, y: (out - minigrad.tensor(y)).square().mean())),
    "small weights": ("outputs", "fade", lambda: (deep(nn.Tanh, 6, 0.02), blobs(), CE)),
    "large weights": ("outputs", "explode", lambda: (deep(nn.ReLU, 5, 1.0), blobs(), CE)),
    "deep sigmoid": ("gradients", "vanishes", lambda: (deep(nn.Sigmoid, 8, None), blobs(), CE)),
    "scores reshaped": ("scores", "the 9 classes come second", lambda: (
        NextToken(causal=True), following(),
        lambda out, y: F.cross_entropy(out.reshape(len(out), 9, -1), minigrad.tensor(y)))),
    "channels last": ("layers", "permute(0, 3, 1, 2)", lambda: (
        nn.Sequential(Into(3, 4, 4), nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, C)),
        (blobs(d=48)[0].reshape(N, 4, 4, 3), blobs(d=48)[1]), CE)),
    "divergence of 1000": ("loss", "outweighs the data", lambda: (Latent(1000.0), (line()[0], line()[0]), None)),
    "one layer three times": ("layers", "stands 3 times", lambda: (
        mlp(*[nn.ReLU(), nn.Linear(48, 48)] * 3, nn.ReLU()), blobs(), CE)),
    "a class without weight": ("scores", "examples of class 1 get no gradient", lambda: (
        mlp(), blobs(), nn.CrossEntropyLoss(weight=minigrad.tensor([1.0, 0.0, 1.0, 1.0])))),
    "an ignored class": ("scores", "of class 0 get no gradient", lambda: (
        mlp(), blobs(), nn.CrossEntropyLoss(ignore_index=0))),
    "too much is frozen": ("overfit", "0.weight and 2.weight are frozen", lambda: (
        biases_alone(mlp()), blobs(), CE)),
    "wide and saturated": ("units", "saturated", lambda: (
        with_weights(nn.Sequential(nn.Linear(100, 48), nn.Tanh(), nn.Linear(48, C)), 0, lambda w: 100 * w),
        blobs(d=100), CE)),
    "saturated": ("units", "saturated", lambda: (with_weights(mlp(nn.Tanh()), 0, lambda w: 100 * w), blobs(), CE)),
    "saturated by initial weights": ("units", "saturated", lambda: (deep(nn.Tanh, 5, 1.0), blobs(), CE)),
    "saturated function": ("units", "saturated", lambda: (Function(lambda z: (50 * z).tanh()), blobs(), CE)),
    "dead": ("units", "dead", lambda: (Function(lambda z: (z - 10).relu()), blobs(), CE)),
    "no activation": ("layers", "no activation", lambda: (mlp(nn.Identity()), blobs(), CE)),
    "dropout": ("layers", "95%", lambda: (mlp(nn.ReLU(), nn.Dropout(0.95)), blobs(), CE)),
    "small batches": ("layers", "batch of 4", lambda: (mlp(nn.BatchNorm1d(48), nn.ReLU()), blobs(4), CE)),
    "cut": ("trained", "a.weight and a.bias get no gradient", lambda: (
        Function(lambda z: z.detach().relu()), blobs(), CE)),
    "unused": ("trained", "extra.weight", lambda: (Unused(), blobs(), CE)),
    "all cut": ("trained", "no parameter", lambda: (Function(F.relu, lambda z: z.detach()), blobs(), CE)),
    "equal weights": ("trained", "the same for each unit", lambda: (
        with_weights(with_weights(mlp(), 0, same), 2, same), blobs(), CE)),
    "all zero": ("trained", "are all 0", lambda: (
        with_weights(with_weights(mlp(nn.Tanh()), 0, lambda w: 0 * w), 2, lambda w: 0 * w), blobs(), CE)),
    "list": ("parameters", "plain list", lambda: (Listed(), blobs(), CE)),
    "softmax over the batch": ("examples", "axis 0", lambda: (Function(lambda z: F.softmax(z, 0)), blobs(), CE)),
    "normalized over the batch": ("examples", "axis 0", lambda: (
        Function(lambda z: (z - z.mean(0)).relu()), blobs(), CE)),
    "batch_first forgotten": ("examples", "batch_first", lambda: (WrongAxis(), words(), CE)),
    "reshape for permute": ("examples", "permute", lambda: (
        Function(lambda z: z.relu().reshape(32, -1).transpose(0, 1)), blobs(), CE)),
    "loss over the batch": ("examples", "axis 0", lambda: (
        mlp(), blobs(), lambda out, y: -F.log_softmax(out, 0)[np.arange(len(y)), y].mean())),
    "uphill": ("overfit", "has a mistake", lambda: (mlp(), blobs(), lambda out, y: F.cross_entropy(
        out + (out.detach() - out) * 2, minigrad.tensor(y)))),
    "summed": ("loss", "summed over the 64 examples", lambda: (
        mlp(), blobs(), nn.CrossEntropyLoss(reduction="sum"))),
    "divided twice": ("loss", "divided by the number of examples, 64, twice", lambda: (
        mlp(), blobs(), lambda out, y: F.cross_entropy(out, minigrad.tensor(y)) / len(y))),
    "a part": ("loss", "1e-06 times the mean binary cross entropy", lambda: (
        mlp(outputs=1), (blobs()[0], (blobs()[0][:, :1] > 0) * 1.0), lambda out, y:
        F.binary_cross_entropy_with_logits(out, minigrad.tensor(y)) / 1e6)),
    "minus squares": ("loss", "uphill", lambda: (
        mlp(outputs=1), line(), lambda out, y: -F.mse_loss(out, minigrad.tensor(y)))),
    "absolute weights": ("loss", "a penalty of the weights", lambda: (
        model := mlp(), blobs(), lambda out, y: (
            F.cross_entropy(out, minigrad.tensor(y)) + 9 * sum(p.abs().sum() for p in model.parameters())))),
    "division by a constant": ("forward", "deviation of 0", lambda: (
        Function(F.relu, before=lambda x: x / (x - x).std(1, keepdims=True)), blobs(), CE)),
    "dead channels": ("units", "dead", lambda: (
        with_weights(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)), 0,
                     lambda w: w - 9 * (w.ndim == 1)), images(), CE)),
    "hinge of 0 and 1": ("scores", "needs targets -1 and 1", lambda: (
        mlp(outputs=1), (blobs()[0], (blobs()[0][:, :1] > 0) * 1.0), lambda out, y: (1 - out * y).relu().mean())),
    "shuffled": ("scores", "shuffled without", lambda: (
        mlp(), blobs(), shuffled())),
    "shifted": ("scores", "class y - 1", lambda: (
        mlp(), blobs(), lambda out, y: -F.log_softmax(out, 1)[np.arange(len(y)), y - 1].mean())),
    "order of targets": ("scores", "order of the targets", lambda: (
        mlp(), blobs(), lambda out, y: F.cross_entropy(out, minigrad.tensor(y[::-1].copy())))),
    "rows picked": ("scores", "log_p[range(N), y]", lambda: (
        mlp(), blobs(), lambda out, y: -F.log_softmax(out, 1)[y].mean())),
    "counted from 1": ("scores", "counted from 1", lambda: (mlp(outputs=C + 1), (blobs()[0], blobs()[1] + 1), CE)),
    "sorted": ("scores", "class 0", lambda: (mlp(), (blobs()[0], 0 * blobs()[1]), CE)),
    "softmax over all": ("scores", "over all scores", lambda: (
        mlp(), blobs(), lambda out, y: -(out - out.exp().sum().log())[np.arange(len(y)), y].mean())),
    "tiny": ("inputs", "scaled twice", lambda: (mlp(), (blobs()[0] / 1000, blobs()[1]), CE)),
    "a constant column": ("inputs", "all of column 3", lambda: (mlp(), (with_nan_column(blobs()[0]), blobs()[1]), CE)),
    "a new layer": ("trained", "new, and random", lambda: (
        Function(F.relu, lambda z: nn.Linear(C, C)(z)), blobs(), CE)),
    "accuracy": ("trained", "argmax", lambda: (
        mlp(), blobs(), lambda out, y: (out.argmax(1) == minigrad.tensor(y)).float().mean())),
    "inputs not used": ("outputs", "does not use its input", lambda: (
        Function(F.relu, before=lambda x: 0 * x + 1), blobs(), CE)),
    "one unit": ("layers", "one unit", lambda: (mlp(hidden=1), blobs(), CE)),
    "flipped": ("examples", "the order of the examples", lambda: (Function(F.relu, lambda z: z.flip(0)), blobs(), CE)),
    "looks ahead": ("examples", "later ones", lambda: (
        NextToken(), following(), lambda out, y: F.cross_entropy(out.transpose(1, 2), minigrad.tensor(y)))),
    "keeps its state": ("examples", "`state` keeps a result", lambda: (Stateful(), words(), CE)),
    "one input of a pair": ("outputs", "does not depend on X[:, 1]", lambda: (
        nn.Sequential(First(), *mlp()), (np.stack([blobs()[0], blobs()[0][::-1]], 1), blobs()[1]), CE)),
    "compared with itself": ("outputs", "two equal results", lambda: (
        Function(lambda z: z.relu() - z.relu()), blobs(), CE)),
    "wrong axis of a layer": ("outputs", "takes axis 0 for the time", lambda: (FirstToken(), tokens(), CE)),
    "a staircase": ("gradients", "round() is a staircase", lambda: (Function(lambda z: z.round()), blobs(), CE)),
    "equal numbers": ("trained", "all weights of 0.weight are 0.05", lambda: (
        with_weights(mlp(), 0, lambda w: 0 * w + 0.05 if w.ndim > 1 else w), blobs(), CE)),
    "zeros without layers": ("outputs", "are all 0", lambda: (
        Raw(0.0), blobs(), CE)),
    "the input comes back": ("trained", "is the input itself", lambda: (
        Returned(D, D), (blobs()[0], blobs()[0]), nn.MSELoss())),
    "a root of 0": ("forward", "sqrt of 0 has no finite derivative", lambda: (
        Function(lambda z: (z * 0).sqrt()), blobs(), CE)),
    "all masked": ("forward", "the softmax over axis 0 of", lambda: (
        Function(lambda z: F.softmax(z + minigrad.tensor([-np.inf, *[0.0] * 31]), 0)), blobs(), CE)),
    "probability without logarithm": ("scores", "without its logarithm", lambda: (
        mlp(), blobs(), lambda out, y: -(F.softmax(out, 1) * minigrad.tensor(np.eye(C)[y])).sum(1).mean())),
    "softmax of tags": ("scores", "use a sigmoid", lambda: (
        mlp(nn.ReLU()).append(nn.Softmax(1)), (blobs()[0], (blobs()[0][:, :C] > -1) * 1.0), nn.BCELoss())),
    "relu of one score": ("scores", "no probability is below 1/2", lambda: (
        mlp(outputs=1).append(nn.ReLU()), (blobs()[0], (blobs()[0][:, :1] > 0) * 1.0), nn.BCEWithLogitsLoss())),
    "a cosine": ("overfit", "stay within [-1, 1]", lambda: (
        Function(F.relu, lambda z: F.cosine_similarity(z[:, :2], z[:, 2:])),
        (blobs()[0], (blobs()[0][:, 0] > 0) * 1.0), nn.BCEWithLogitsLoss())),
    "a relu before the sigmoid": ("scores", "no probability is below 1/2", lambda: (
        mlp(outputs=1).extend([nn.ReLU(), nn.Sigmoid()]), (blobs()[0], (blobs()[0][:, :1] > 0) * 1.0), nn.BCELoss())),
    "a threshold": ("trained", "a comparison", lambda: (
        Function(F.relu, lambda z: (z > 0).float()), (blobs()[0], np.eye(C)[blobs()[1]]), nn.MSELoss())),
    "softmax of pixels": ("scores", "without the softmax", lambda: (
        nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.Softmax(1)),
        (images()[0], np.tile(np.arange(4), 512).reshape(32, 8, 8)), CE)),
    "a small part of the others": ("examples", "axis 0", lambda: (
        Function(F.relu, lambda z: 1e-4 * (z + z.mean(0)) + 1), blobs(), CE)),
    "equal embeddings": ("outputs", "all rows of 0 (Embedding) are the same", lambda: (
        with_weights(nn.Sequential(nn.Embedding(9, 8), nn.Flatten(), nn.Linear(48, 3)), 0, lambda w: 0 * w + 1),
        words(), CE)),
    "last example": ("forward", "output[-1] is the last example", lambda: (LastExample(), words(), CE)),
    "weights that are no parameter": ("trained", "in nn.Parameter", lambda: (PlainWeights(), blobs(), CE)),
    "overflow": ("forward", "exp(", lambda: (mlp(), blobs(), lambda out, y: (1000 * out).exp().log().mean())),
    "shapes do not fit": ("forward", "raises", lambda: (mlp(), (blobs()[0][:, :5], blobs()[1]), CE)),
    "log of 0": ("forward", "loss is", lambda: (Function(F.relu, lambda z: (z * 0).log()), blobs(), CE)),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_models_pass(name: str) -> None:
    model, batch, loss = HEALTHY[name]()
    report = sanity(model, batch, loss)
    assert report, report
    assert bool(report) and not report.wrong


@pytest.mark.parametrize("name", SICK)
def test_sick_models_are_named(name: str) -> None:
    check, words, make = SICK[name]
    report = sanity(*make(), steps=60)
    assert not report
    assert report[check].ok is False and words in report[check].text, report
    assert f"WRONG    {check}" in str(report)


class OwnLoss(NextToken):
    """Computes its loss, as a language model does."""

    def __init__(self, causal: bool, returned: Callable[[Any, Any], Any]) -> None:
        super().__init__(causal)
        self.returned = returned

    def forward(self, x: Any, targets: Any = None) -> Any:
        scores = super().forward(x)
        return self.returned(scores, F.cross_entropy(scores.reshape(-1, 9), targets.view(-1)))


@pytest.mark.parametrize("causal", [True, False])
def test_a_model_may_compute_its_loss(causal: bool) -> None:
    for returned in (lambda scores, loss: (scores, loss), lambda scores, loss: {"loss": loss, "scores": scores}):
        report = sanity(OwnLoss(causal, returned), following(), steps=60)
        assert bool(report) == causal and (causal or "later ones" in report.wrong[0].text), report
        assert "ln(9)" in report["loss"].text
    alone = sanity(OwnLoss(causal, lambda scores, loss: loss), following(), steps=60)
    assert not alone.wrong and alone["examples"].ok is None
    report = sanity(OwnLoss(causal, lambda scores, loss: scores), following(), steps=60)
    assert "must return its loss" in report["forward"].text


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (lambda scores, y: (scores.transpose(0, 1), y), "axes 0 and 1 of (24, 7, 9) change places"),
        (lambda scores, y: (scores, y.transpose(0, 1)), "axes 0 and 1 of (24, 7, 9) change places"),
        (lambda scores, y: (scores.transpose(0, 1), y.transpose(0, 1)), ""),
        (lambda scores, y: (scores[:, :-1], y[:, 1:]), ""),  # predicts the one after the next
    ],
)
def test_the_order_of_scores_and_targets_in_a_model(pairs: Callable[[Any, Any], Any], said: str) -> None:
    class Flattened(NextToken):
        def forward(self, x: Any, targets: Any) -> Any:
            out = super().forward(x)
            scores, y = pairs(out, targets)
            return out, F.cross_entropy(scores.reshape(-1, 9), y.reshape(-1))

    minigrad.manual_seed(0)
    report = sanity(Flattened(causal=True), following(), steps=5)
    assert bool(report["scores"].ok) == (not said) and said in report["scores"].text, report


def test_nothing_is_changed() -> None:
    model = Counting()
    network = Network(model, nn.CrossEntropyLoss())
    X, y = blobs()
    network.forward((X, y))
    network.backward()
    model.norm.eval()
    watcher = minigrad.watch(network)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    modes = [module.training for module in model.modules()]
    hooks = [[*map(id, module._hooks)] for module in model.modules()]
    x, content = network.x, network.x.copy()
    data = X.copy()
    minigrad.manual_seed(3), np.random.seed(3), random.seed(3)
    expected = minigrad.rand(2).tolist(), np.random.rand(), random.random()
    minigrad.manual_seed(3), np.random.seed(3), random.seed(3)

    assert sanity(network, (X, y)) is not None

    assert (minigrad.rand(2).tolist(), np.random.rand(), random.random()) == expected
    assert all((t == before[name]).all() for name, t in model.state_dict().items())
    assert all((p.grad == gradients[name]).all() for name, p in model.named_parameters())
    assert modes == [module.training for module in model.modules()]
    assert hooks == [[*map(id, module._hooks)] for module in model.modules()]
    assert network.x is x and (x == content).all() and (data == X).all()
    assert model.calls == 1 and model.seen == [N]
    x += 1.0
    assert model.a.weight.tolist()[0][0] == x[0]  # they still share their memory
    watcher.close()


def test_a_training_run_is_the_same_with_and_without() -> None:
    losses = []
    for look in (False, True):
        minigrad.manual_seed(0)
        network, run = Network(Counting(), nn.CrossEntropyLoss()), []
        if look:
            sanity(network, blobs())
        x = network.x
        for _ in range(3):
            run.append(float(network.forward(blobs())))
            x += -0.1 * network.backward()
        losses.append(run)
    assert losses[0] == losses[1]


def test_between_forward_and_backward() -> None:
    gradients = []
    for look in (False, True):
        minigrad.manual_seed(0)
        network = Network(mlp(), CE)
        network.forward(blobs())
        if look:
            sanity(network, blobs())
        gradients.append(network.backward())
    assert (gradients[0] == gradients[1]).all()


def test_lazy_layers_stay_lazy() -> None:
    model = nn.Sequential(nn.LazyLinear(32), nn.ReLU(), nn.Linear(32, C))
    assert sanity(model, blobs(), CE)
    assert type(model[0]) is nn.LazyLinear
    model(minigrad.randn(3, 5))
    assert model[0].weight.shape == (32, 5)


def test_the_report_as_text_and_as_html() -> None:
    report = sanity(mlp().append(nn.Softmax(1)), blobs(), CE)
    lines = str(report).splitlines()
    assert len(lines) == len(report.checks) and {line.split()[0] for line in lines} <= {"ok", "WRONG", "unclear"}
    assert [check.name for check in report.wrong][0] == "scores" and repr(report) == str(report)
    html = report._repr_html_()
    assert html.count("<tr") == len(lines) + 1 and "WRONG" in html
    with pytest.raises(KeyError, match="none of the checks"):
        report["nothing"]


def test_a_batch_normalization_is_fine_and_said() -> None:
    report = sanity(mlp(nn.BatchNorm1d(48), nn.ReLU()), blobs(), CE)
    assert report["examples"].ok and "training mode only" in report["examples"].text


def test_a_model_that_was_trained_before_is_not_blamed() -> None:
    model = mlp()
    optimizer = minigrad.optim.Adam(model.parameters(), 0.02)
    X, y = blobs()
    for _ in range(100):
        optimizer.zero_grad()
        CE(model(minigrad.tensor(X)), minigrad.tensor(y)).backward()
        optimizer.step()
    report = sanity(model, (X, y), CE)
    assert report and report["loss"].ok is None and "trained before" in report["loss"].text


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ((3, blobs()), TypeError, "must be a Network or an nn.Module"),
        ((mlp(), blobs()), TypeError, "loss must be a function"),
        ((Network(mlp(), CE), blobs(), CE), TypeError, "its own loss"),
        ((Network(mlp(), CE), blobs()[0]), ValueError, r"a pair \(X, y\)"),
        ((Network(mlp(), CE), (np.zeros((0, D)), np.zeros(0))), ValueError, "empty"),
    ],
)
def test_wrong_calls(arguments: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        sanity(*arguments)


# ---- the command

DATA = "import minigrad\nfrom minigrad import nn\nX = minigrad.randn(64, 4)\ny = (X[:, 0] > 0).long()\n"
MODEL = "model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))\n"
SCRIPTS = {
    "a network": MODEL
    + "network = minigrad.Network(model, nn.CrossEntropyLoss())\nnetwork.forward((X, y))\nnetwork.backward()",
    "a loss module": MODEL + "nn.CrossEntropyLoss()(model(X), y).backward()",
    "a function with options": "from minigrad.nn.functional import cross_entropy\n"
    + MODEL
    + "cross_entropy(model(X), y, label_smoothing=0.1).backward()",
    "reshaped scores": MODEL + "nn.CrossEntropyLoss()(model(X.reshape(16, 4, 4)).view(-1, 2), y).backward()",
    "transposed scores": MODEL
    + "s = model(X.reshape(16, 4, 4)).transpose(1, 2)\nnn.CrossEntropyLoss()(s, y.reshape(16, 4)).backward()",
    "a loss in the model": "class Own(nn.Sequential):\n"
    "    def forward(self, x, targets=None):\n"
    "        scores = super().forward(x)\n"
    "        return scores, nn.functional.cross_entropy(scores, targets)\n"
    + MODEL
    + "Own(*model)(X, targets=y)[1].backward()",
    "by hand": MODEL + "s = model(X)\n(s.logsumexp(1) - s[range(64), y]).mean().backward()",
    "one of two outputs": "class Two(nn.Sequential):\n"
    "    def forward(self, x):\n"
    "        scores = super().forward(x)\n"
    "        return scores.exp(), scores\n" + MODEL + "nn.functional.cross_entropy(Two(*model)(X)[1], y).backward()",
    "squares": MODEL + "((model(X) - minigrad.tensor([[1.0, 2.0]] * 64) * y[:, None]) ** 2).mean().backward()",
    "more in the loss": MODEL + "(nn.CrossEntropyLoss()(model(X), y) + model[0].weight.square().sum()).backward()",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_program_is_checked(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script, call, function = tmp_path / "script.py", nn.Module.__call__, F.cross_entropy
    script.write_text(f"{DATA}{SCRIPTS[name]}\nprint('never reached')", "utf-8")
    assert cli.main(["sanity", str(script)]) == 0
    out = capsys.readouterr().out
    assert "ok       overfit" in out and "226 numbers" in out and "never reached" not in out
    assert nn.Module.__call__ is call and F.cross_entropy is function


def test_a_program_with_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "script.py"
    code = "import sys\nprint(sys.argv[1:])\nnn.CrossEntropyLoss()(model.append(nn.Softmax(1))(X), y).backward()"
    script.write_text(DATA + MODEL + code, "utf-8")
    assert cli.main(["sanity", str(script), "--rate", "5"]) == 1
    out = capsys.readouterr().out
    assert "['--rate', '5']" in out and "WRONG    scores" in out


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("(s.logsumexp(0) - s)[range(64), y].mean()", "over axis 0, the examples"),
        ("-(s - s.exp().sum().log())[range(64), y].mean()", "over all scores"),
        ("-s.softmax(1)[range(64), y].mean()", "without its logarithm"),
        ("-s.softmax(1)[range(64), y].sum()", "minus the probability"),
        ("((nn.Linear(4, 1)(X) - y) ** 2).mean()", "broadcasts (64, 1) against (64,)"),
    ],
)
def test_a_program_with_a_wrong_loss_of_its_own(
    loss: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"{DATA}minigrad.manual_seed(0)\n{MODEL}s = model(X)\n({loss}).backward()", "utf-8")
    assert cli.main(["sanity", str(script)]) == 1
    out = capsys.readouterr().out
    assert words in out, out


@pytest.mark.parametrize(
    "code, words",
    [
        ("", "makes no backward pass"),
        ("X.requires_grad_().sum().backward()", "Call minigrad.sanity(model, (X, y), loss)"),
        ("1 / 0", "ZeroDivisionError"),
        (
            "model = nn.Linear(4, 2)\nnn.CrossEntropyLoss()(model(X).detach().requires_grad_(), y).backward()",
            "no parameter of a model",
        ),
    ],
)
def test_programs_that_cannot_be_checked(
    code: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(DATA + code, "utf-8")
    assert cli.main(["sanity", str(script)]) != 0
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ([nn.Linear(16, 3), nn.Tanh()], "ends with a tanh, which limits the scores"),
        ([nn.Linear(16, 3), nn.Dropout(0.5)], "a dropout follows the last layer"),
        ([nn.Linear(16, 1)], "one score for each example"),
    ],
)
def test_scores_that_a_cross_entropy_cannot_use(last: list[nn.Module], said: str) -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), *last)
    X = minigrad.randn(32, 4)
    y = minigrad.arange(32) % 3 if model(X).shape[1] > 1 else minigrad.ones(32, 1)
    report = minigrad.sanity(model, (X, y), nn.functional.cross_entropy, steps=20)
    assert report["scores"].ok is False and said in report["scores"].text


@pytest.mark.parametrize(("function", "advice"), [(F.relu, False), (minigrad.tanh, True)])
def test_the_fixes_of_a_vanishing_gradient_fit_the_model(function: Any, advice: bool) -> None:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(12)])

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = function(0.05 * layer(x))
            return x

    minigrad.manual_seed(0)
    text = sanity(Deep(), (minigrad.randn(16, 4), minigrad.arange(16) % 4), nn.CrossEntropyLoss(), steps=1)["gradients"]
    assert "vanishes" in text.text and ("ReLU instead of tanh" in text.text) is advice
