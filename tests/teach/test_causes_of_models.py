"""`watch` names what is wrong in sequence models, generative models and reinforcement learning, and leaves their right
neighbours alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import engine, nn, optim, tensor
from minigrad.nn import functional as F
from minigrad.teach.reach import Reach, reach

SEED = np.random.default_rng(0)
TEXT = (SEED.integers(0, 7, (9, 1)) + np.arange(7)) % 7  # each token says which is the next
X = SEED.standard_normal((32, 6)).astype(np.float32)


def said(
    model: Any, loss: Callable[[], Any], steps: int = 12, rate: float = 0.01, optimizer: Any = None, every: int = 1
) -> str:
    """Train for a few steps, and return the first sentence of the watcher, "" if it says nothing."""
    optimizer = optimizer or optim.Adam(model.parameters(), lr=rate)
    with minigrad.watch(model, optimizer, live=False, every=every) as watcher:
        for _ in range(steps):
            value = loss()
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            watcher.log(value)
    return watcher.findings[0].text if watcher.findings else ""


class Reader(nn.Module):
    """A language model: an embedding, one function of the sequence, a linear layer."""

    def __init__(self, function: Any, width: int = 8) -> None:
        super().__init__()
        self.embedding, self.function, self.out = nn.Embedding(7, 8), function, nn.Linear(width, 7)

    def forward(self, ids: Any) -> Any:
        h = self.function(self.embedding(ids))
        return self.out(h[0] if isinstance(h, tuple) else h)


def attention(mode: str) -> Callable[[Any], Any]:
    """Attention of each position to itself and earlier ones, or a mistake in it."""

    def attend(x: Any) -> Any:
        mask = np.tril(np.ones((x.shape[1], x.shape[1]), bool))
        scores = x @ x.transpose(1, 2) / math.sqrt(8)
        if mode == "mask after the softmax":
            return x + (scores.softmax(-1) * tensor(mask.astype(np.float32))) @ x
        if mode == "positions mixed by a reshape":
            x = x.reshape(len(x), 2, -1, 4).transpose(1, 2).reshape(x.shape)
        fill = 0.0 if mode == "masked with 0" else -np.inf
        return x + scores.masked_fill(tensor(~mask), fill).softmax(-1) @ x

    return attend


def next_token(model: Any, axis: int = -1) -> Callable[[], Any]:
    def loss() -> Any:
        scores, ids = model(tensor(TEXT[:, :-1])), TEXT[:, 1:]
        return F.nll_loss(scores.log_softmax(axis).reshape(-1, 7), tensor(ids).reshape(-1))

    return loss


def reading(function: Any, width: int = 8, axis: int = -1) -> str:
    minigrad.manual_seed(0)
    model = Reader(function, width)
    return said(model, next_token(model, axis))


def remembering(factor: float, steps: int = 12) -> str:
    """A recurrent cell by hand, which must name the first of 20 numbers; its recurrent weights are `factor` * I."""
    minigrad.manual_seed(0)
    cell = nn.ParameterDict({"x": nn.Parameter(minigrad.randn(4, 8)), "h": nn.Parameter(factor * minigrad.eye(8))})

    class Cell(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.out = cell, nn.Linear(8, 4)

        def forward(self, x: Any) -> Any:
            h = minigrad.zeros(len(x), 8)
            for t in range(x.shape[1]):
                h = (x[:, t] @ cell["x"] + h @ cell["h"]).tanh()
            return self.out(h)

    model, rng = Cell(), np.random.default_rng(0)

    def loss() -> Any:
        ids = rng.integers(0, 4, (32, 20))
        return F.cross_entropy(model(tensor(np.eye(4, dtype=np.float32)[ids])), tensor(ids[:, 0]))

    return said(model, loss, steps=steps, rate=1e-3, every=10)


def values(detach: bool) -> str:
    minigrad.manual_seed(0)
    model, reward = nn.Linear(6, 2), tensor(X[:, 0])

    def loss() -> Any:
        later = model(tensor(X[::-1].copy())).amax(dim=1)
        target = reward + 0.9 * (later.detach() if detach else later)
        return F.mse_loss(model(tensor(X))[:, 0], target)

    return said(model, loss)


def pairs(exclude: bool) -> str:
    minigrad.manual_seed(0)
    model, rng = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)), np.random.default_rng(0)

    def loss() -> Any:
        both = np.concatenate([X[:8], X[:8]]) + 0.1 * rng.standard_normal((16, 6))
        z = F.normalize(model(tensor(both.astype(np.float32))), dim=1)
        scores = z @ z.T / 0.2
        if not exclude:
            return F.cross_entropy(scores, tensor(np.arange(16)))
        return F.cross_entropy(
            scores.masked_fill(tensor(np.eye(16, dtype=bool)), -1e9), tensor((np.arange(16) + 8) % 16)
        )

    return said(model, loss)


def mixture(axis: int) -> str:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 6))

    def loss() -> Any:
        weights, means = model(tensor(X)).split(3, dim=1)
        return -(weights.log_softmax(axis) - 0.5 * (tensor(X[:, :1]) - means) ** 2).logsumexp(dim=1).mean()

    return said(model, loss)


def student(logarithm: bool) -> str:
    minigrad.manual_seed(0)
    model, teacher = nn.Linear(6, 4), tensor(X[:, :4]).softmax(1)
    function = F.log_softmax if logarithm else F.softmax
    return said(model, lambda: F.kl_div(function(model(tensor(X)), dim=1), teacher, reduction="batchmean"))


def product(std: float) -> str:
    minigrad.manual_seed(0)
    model = nn.ModuleList([nn.Embedding(6, 4), nn.Embedding(6, 4)])
    for factor in model:
        factor.weight.data = std * factor.weight.data
    i, j = np.divmod(np.arange(36), 6)
    return said(model, lambda: (((model[0](tensor(i)) * model[1](tensor(j))).sum(dim=1) - tensor(1.0 * i)) ** 2).mean())


def generator(offset: float) -> str:
    """A generator of which a critic is sure, whose loss saturates."""
    minigrad.manual_seed(0)
    model, critic = nn.Linear(2, 6), nn.Linear(6, 1)
    critic.bias.data = critic.bias.data - offset
    z = minigrad.randn(16, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    return said(model, lambda: (1 - critic(model(z)).sigmoid()).log().mean(), steps=80, optimizer=optimizer)


def below_zero(sign: int) -> str:
    """A mean-field posterior, whose divergence has the right sign or the wrong one."""
    minigrad.manual_seed(0)
    model, last = nn.Linear(6, 4), nn.Linear(2, 6)
    model.last = last

    def loss() -> Any:
        mean, log_variance = model(tensor(X)).split(2, dim=1)
        z = mean + minigrad.randn(*mean.shape) * (0.5 * log_variance).exp()
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1).mean()
        return ((last(z) - tensor(X)) ** 2).sum(dim=1).mean() + sign * divergence

    return said(model, loss, steps=120, rate=0.1)


def autoencoder(beta: float) -> str:
    """A variational autoencoder of numbers that have two causes."""
    minigrad.manual_seed(0)
    rng = np.random.default_rng(0)
    data = (rng.standard_normal((64, 2)) @ (2 * rng.standard_normal((2, 6)))).astype(np.float32)
    model = nn.ModuleDict({"encoder": nn.Linear(6, 4), "decoder": nn.Linear(2, 6)})

    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = model

        def forward(self, x: Any) -> Any:
            mean, log_variance = model["encoder"](x).split(2, dim=1)
            z = mean + minigrad.randn(*mean.shape) * (0.5 * log_variance).exp()
            return model["decoder"](z), mean, log_variance

    network = Autoencoder()

    def loss() -> Any:
        x = tensor(data)
        y, mean, log_variance = network(x)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1).mean()
        return ((y - x) ** 2).sum(dim=1).mean() + beta * divergence

    return said(network, loss, steps=110, rate=0.02, every=1)


def twins(negatives: bool) -> str:
    """Two views of each example, whose results should be close."""
    minigrad.manual_seed(0)
    model, rng = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)), np.random.default_rng(0)

    def view() -> Any:
        return model(tensor((X + 0.3 * rng.standard_normal(X.shape)).astype(np.float32)))

    def loss() -> Any:
        a, b = view(), view()
        near = ((a - b) ** 2).mean()
        return near + F.relu(1 - a.std(dim=0)).mean() if negatives else near

    return said(model, loss, steps=80, rate=0.02)


def words(sign: int) -> str:
    """Skip-grams with negative samples."""
    minigrad.manual_seed(0)
    model, rng = nn.ModuleList([nn.Embedding(7, 4), nn.Embedding(7, 4)]), np.random.default_rng(0)

    class Scores(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tables = model

        def forward(self, centre: Any, other: Any) -> Any:
            return (model[0](centre) * model[1](other)).sum(dim=1)

    network = Scores()

    def loss() -> Any:
        i = rng.integers(0, 7, 32)
        near, far = network(tensor(i), tensor((i + 1) % 7)), network(tensor(i), tensor(rng.integers(0, 7, 32)))
        return -(F.logsigmoid(near).mean() + F.logsigmoid(sign * far).mean())

    return said(network, loss)


def tasks(scale: float) -> str:
    minigrad.manual_seed(0)
    model = nn.Linear(6, 5)

    def loss() -> Any:
        out = model(tensor(X))
        number = scale * tensor(X[:, :1].copy())
        return F.cross_entropy(out[:, 1:], tensor((X[:, 1] > 0).astype(int))) + F.mse_loss(out[:, :1], number)

    return said(model, loss, steps=60)


def weighed(beta: float) -> str:
    """A penalty on the weights."""
    minigrad.manual_seed(0)
    model = nn.Linear(6, 4)

    def loss() -> Any:
        penalty = ((model.weight**2 + 0.1).log() ** 2).sum()
        return F.cross_entropy(model(tensor(X)), tensor((X[:, 1] > 0).astype(int))) + beta * penalty

    return said(model, loss, steps=60, rate=1e-3)


def rare(weight: float) -> str:
    """Pictures in which few pixels count."""
    minigrad.manual_seed(0)
    model, rng = nn.Conv2d(1, 1, 3, padding=1), np.random.default_rng(0)

    def loss() -> Any:
        y = (rng.random((8, 1, 8, 8)) < 0.02).astype(np.float32)
        x = tensor((0.3 * y + rng.standard_normal(y.shape)).astype(np.float32))
        pos_weight = None if weight == 1 else tensor([weight])
        return F.binary_cross_entropy_with_logits(model(x), tensor(y), pos_weight=pos_weight)

    return said(model, loss, steps=130, rate=0.01)


def padded(ignored: bool) -> str:
    minigrad.manual_seed(0)
    model = Reader(nn.GRU(8, 16, batch_first=True), 16)
    ids = TEXT.copy()
    ids[:, 3:] = 0
    ids[0] = TEXT[0]
    index = 0 if ignored else -100

    def loss() -> Any:
        scores = model(tensor(ids[:, :-1]))
        return F.cross_entropy(scores.reshape(-1, 7), tensor(ids[:, 1:]).reshape(-1), ignore_index=index)

    return said(model, loss)


def focused(factor: float) -> str:
    """Attention whose scores are `factor` times as large as they should be."""
    minigrad.manual_seed(0)

    def attend(x: Any) -> Any:
        later = tensor(np.triu(np.ones((x.shape[1], x.shape[1]), bool), 1))
        scores = factor * (x @ x.transpose(1, 2)) / math.sqrt(8)
        return x + scores.masked_fill(later, -np.inf).softmax(-1) @ x

    model = Reader(attend)
    return said(model, next_token(model))


class ByHand(minigrad.autograd.Function):
    """max(x, 0), with a backward pass that passes the gradient where x is below 0."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * (ctx.saved_tensors[0] < 0)


class Right(ByHand):
    """The same with the right one."""

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * (ctx.saved_tensors[0] > 0)


class Minus(ByHand):
    """With the wrong sign."""

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return -g * (ctx.saved_tensors[0] > 0)


class StraightThrough(ByHand):
    """The sign of x, whose derivative is 0, and a gradient that passes."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 2.0 * (x > 0) - 1.0

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


class Reversal(ByHand):
    """x, and a gradient that is reversed: domain-adversarial training."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return 1.0 * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return -0.1 * g


def through(function: Any) -> str:
    minigrad.manual_seed(0)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(6, 8), nn.Linear(8, 4)

        def forward(self, x: Any) -> Any:
            return self.last(function.apply(self.first(x)))

    model = Model()
    return said(model, lambda: F.cross_entropy(model(tensor(X)), tensor((X[:, 1] > 0).astype(int))))


def shuffled(shuffle: bool) -> str:
    """A text with its own next tokens, or those of another place."""
    minigrad.manual_seed(0)
    model, rng = Reader(nn.Tanh()), np.random.default_rng(0)
    chance = np.array([0.5, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02])

    def loss() -> Any:
        x = rng.choice(7, size=(32, 8), p=chance)
        y = rng.choice(7, size=(32, 8), p=chance) if shuffle else (x + 1) % 7
        return F.cross_entropy(model(tensor(x)).reshape(-1, 7), tensor(y).reshape(-1))

    return said(model, loss, steps=130, rate=0.02, every=5)


def policy(rate: float) -> str:
    """A policy that is rewarded for its first action."""
    minigrad.manual_seed(0)
    model, rng = nn.Linear(6, 2), np.random.default_rng(0)

    def loss() -> Any:
        logs = model(tensor(X)).log_softmax(1)
        p = np.exp(logs.detach().numpy().astype(float))
        actions = (rng.random(32) > p[:, 0]).astype(int)
        reward = (actions == 0).astype(np.float32)
        return -(logs[np.arange(32), actions] * tensor(reward - reward.mean())).mean()

    return said(model, loss, steps=60, rate=rate)


def returns(sign: int) -> str:
    """A policy gradient of rewards that are never below 0."""
    minigrad.manual_seed(0)
    model, rng = nn.Linear(6, 2), np.random.default_rng(0)
    weights = tensor(np.abs(X[:, 0]))

    def loss() -> Any:
        logs = model(tensor(X)).log_softmax(1)[np.arange(32), rng.integers(0, 2, 32)]
        return -sign * (logs * weights).mean()

    return said(model, loss, steps=20, optimizer=optim.SGD(model.parameters(), lr=0.1))


class Writer(nn.Module):
    """An encoder and a decoder, which are given their sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.reads, self.out = nn.Embedding(7, 8), nn.GRU(8, 16, batch_first=True), nn.Linear(16, 7)
        self.writes = nn.GRU(8, 16, batch_first=True)

    def forward(self, x: Any, y: Any) -> Any:
        return self.out(self.writes(self.embedding(y), self.reads(self.embedding(x))[1])[0])


def written(shifted: bool) -> str:
    minigrad.manual_seed(0)
    model, target = Writer(), TEXT[:, ::-1].copy()
    given = np.roll(target, 1, axis=1) if shifted else target

    def loss() -> Any:
        return F.cross_entropy(model(tensor(TEXT), tensor(given)).reshape(-1, 7), tensor(target).reshape(-1))

    return said(model, loss)


def critic(generated: float) -> str:
    minigrad.manual_seed(0)
    model = nn.Linear(6, 1)

    def loss() -> Any:
        real, other = model(tensor(X)), model(tensor(X[::-1] + 1))
        labels = minigrad.ones(32, 1)
        function = F.binary_cross_entropy_with_logits
        return function(real, labels) + function(other, generated * labels)

    return said(model, loss)


def actor(detach: bool) -> str:
    """A policy and the value of a state, of one model."""
    minigrad.manual_seed(0)
    model, rng = nn.Linear(6, 3), np.random.default_rng(0)

    def loss() -> Any:
        out = model(tensor(X))
        logs, value = out[:, :2].log_softmax(1), out[:, 2]
        advantage = tensor(X[:, 0]) - (value.detach() if detach else value)
        return -(logs[np.arange(32), rng.integers(0, 2, 32)] * advantage).mean() + F.mse_loss(value, tensor(X[:, 0]))

    return said(model, loss)


def matched(temperature: float) -> str:
    """Two views, whose scores are compared at a temperature."""
    minigrad.manual_seed(0)
    model, rng = nn.Linear(6, 4), np.random.default_rng(0)

    def view() -> Any:
        return F.normalize(model(tensor((X + 0.1 * rng.standard_normal(X.shape)).astype(np.float32))), dim=1)

    return said(
        model,
        lambda: F.cross_entropy(view() @ view().T / temperature, tensor(np.arange(32))),
        steps=110,
        every=5,
    )


def neighbourhood(axis: int) -> str:
    """Attention of the nodes of a graph."""
    minigrad.manual_seed(0)

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.score, self.last = nn.Linear(6, 8), nn.Linear(8, 1), nn.Linear(8, 4)

        def forward(self, x: Any) -> Any:
            h = self.first(x).tanh()
            return self.last((h @ h.T + self.score(h).T).softmax(axis) @ h)

    model = Graph()
    return said(model, lambda: F.cross_entropy(model(tensor(X)), tensor((X[:, 1] > 0).astype(int))))


def masked() -> str:
    """Padding that a mask leaves out of the loss."""
    minigrad.manual_seed(0)
    model, ids = Reader(nn.GRU(8, 16, batch_first=True), 16), TEXT.copy()
    ids[1:, 3:] = 0
    mask = tensor((ids[:, 1:] != 0).astype(np.float32).ravel())

    def loss() -> Any:
        scores = model(tensor(ids[:, :-1])).reshape(-1, 7)
        each = F.cross_entropy(scores, tensor(ids[:, 1:]).reshape(-1), reduction="none")
        return (each * mask).sum() / mask.sum()

    return said(model, loss)


SICK: dict[str, tuple[Callable[[], str], str]] = {
    "mask after the softmax": (lambda: reading(attention("mask after the softmax")), "depends on later ones"),
    "masked with 0": (lambda: reading(attention("masked with 0")), "depends on later ones"),
    "positions mixed": (lambda: reading(attention("positions mixed by a reshape")), "depends on later ones"),
    "batch_first forgotten": (lambda: reading(nn.GRU(8, 16), 16), "function (GRU) takes axis 0 for the time"),
    "log_softmax over the positions": (lambda: reading(attention(""), axis=1), "runs over axis 1, the positions"),
    "small recurrent weights": (lambda: remembering(0.01, 110), "vanishes on its way back through time"),
    "targets that pass a gradient": (lambda: values(False), "the target, r + gamma"),
    "own similarity": (lambda: pairs(False), "exclude the diagonal"),
    "a mixture over the examples": (lambda: mixture(0), "added up over axis 1"),
    "a divergence of probabilities": (lambda: student(False), "takes their logarithms"),
    "two factors of 0": (lambda: product(0.0), "proportional to the other"),
    "a critic that is sure": (lambda: generator(9.0), "train the critic less"),
    "a divergence with the wrong sign": (lambda: below_zero(-1), "the sign of that term is wrong"),
    "a posterior that collapses": (lambda: autoencoder(200.0), "the posterior has collapsed"),
    "no negative pairs": (lambda: twins(False), "the same for all examples"),
    "negative pairs with the sign of positive ones": (lambda: words(1), "pushes the scores the same way"),
    "a task that outweighs another": (lambda: tasks(1e4), "the first task only"),
    "a penalty that outweighs the data": (lambda: weighed(10.0), "outweighs the data"),
    "a rare class": (lambda: rare(1), "the model predicts no other"),
    "padding": (lambda: padded(False), "the targets are padding"),
    "scores of an attention that are too large": (lambda: focused(100.0), "divide the scores by sqrt(d)"),
    "a mask of the wrong side": (lambda: through(ByHand), "ByHand.backward() does not give the derivative"),
    "a backward pass with the wrong sign": (lambda: through(Minus), "it gives minus the derivative"),
    "targets of another place": (lambda: shuffled(True), "No input says anything about its target"),
    "a decoder that reads its targets": (lambda: written(False), "one of the model's inputs is the targets"),
    "a critic that sees one class": (lambda: critic(1.0), "one answer for all is right"),
    "an advantage that passes a gradient": (lambda: actor(False), "trains the critic"),
    "a high temperature": (lambda: matched(20.0), "between -0.05 and 0.05"),
    "attention over the wrong nodes": (lambda: neighbourhood(0), "runs over axis -2"),
    "a policy at a high rate": (lambda: policy(100.0), "where the gradient is almost 0"),
    "a policy that avoids rewards": (lambda: returns(-1), "without a minus"),
}

HEALTHY: dict[str, Callable[[], str]] = {
    "causal attention": lambda: reading(attention("")),
    "a recurrent layer": lambda: reading(nn.GRU(8, 16, batch_first=True), 16),
    "recurrent weights of 1": lambda: remembering(1.0),
    "a target without a gradient": lambda: values(True),
    "two views": lambda: pairs(True),
    "a mixture": lambda: mixture(1),
    "a divergence": lambda: student(True),
    "small factors": lambda: product(0.1),
    "a critic that is not sure": lambda: generator(0.0),
    "a divergence with the right sign": lambda: below_zero(1),
    "a posterior": lambda: autoencoder(1.0),
    "a term that keeps results apart": lambda: twins(True),
    "negative pairs": lambda: words(-1),
    "two tasks": lambda: tasks(1.0),
    "a small penalty": lambda: weighed(1e-4),
    "a rare class with a weight": lambda: rare(50.0),
    "padding that is left out": lambda: padded(True),
    "usual scores of an attention": lambda: focused(1.0),
    "a backward pass by hand": lambda: through(Right),
    "a straight-through estimator": lambda: through(StraightThrough),
    "a reversed gradient": lambda: through(Reversal),
    "targets of the same place": lambda: shuffled(False),
    "a decoder that reads the earlier ones": lambda: written(True),
    "a critic": lambda: critic(0.0),
    "an advantage": lambda: actor(True),
    "a usual temperature": lambda: matched(0.2),
    "attention over the nodes": lambda: neighbourhood(1),
    "padding that a mask leaves out": masked,
    "a policy": lambda: policy(0.1),
    "a policy that seeks rewards": lambda: returns(1),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SICK)
def test_it_names_the_cause(name: str) -> None:
    run, words = SICK[name]
    assert words in run()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", HEALTHY)
def test_it_leaves_its_healthy_neighbour_alone(name: str) -> None:
    assert HEALTHY[name]() == ""


def reach_of(model: Any, x: np.ndarray) -> Reach | None:
    since = engine.tick()
    return reach(model(tensor(x)).node, x, since)


def test_what_a_result_depends_on() -> None:
    minigrad.manual_seed(0)
    ids = TEXT[:, :-1]
    causal, both = reach_of(Reader(attention("")), ids), reach_of(Reader(attention("masked with 0")), ids)
    assert causal is not None and causal.ahead == causal.others == 0 and len(causal.back) == 6 and min(causal.back) > 0
    assert both is not None and both.ahead > 1e-4 and both.others == 0
    mixed = reach_of(Reader(nn.GRU(8, 16), 16), ids)
    assert mixed is not None and mixed.others > 0.01 and mixed.ahead == 0
    mean = reach_of(nn.Linear(6, 4), X)
    assert mean == Reach(0.0, pytest.approx(math.nan, nan_ok=True), ())
    centred = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))
    found = reach_of(centred, X)
    assert found is not None and found.others > 1e-3
    assert reach_of(nn.Linear(6, 4), X[:3]) is None  # too few examples


def test_the_walk_for_it_changes_nothing() -> None:
    minigrad.manual_seed(0)
    model, called = Reader(attention("")), []
    model.embedding.weight.register_hook(lambda g: called.append(1))
    loss = next_token(model)
    assert reach_of(model, TEXT[:, :-1]) is not None
    assert not called and model.embedding.weight.grad is None
    loss().backward()
    assert called == [1]
