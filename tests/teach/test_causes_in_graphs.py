"""`watch` names what shows in the graph of a step: a state that is cut off, scores in another order, a deviation that
is none, a policy's entropy; and what a loss that does not measure progress must not be blamed for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, tensor
from minigrad.nn import functional as F
from tests.teach.test_causes_of_comparisons import X, network
from tests.teach.test_causes_of_models import TEXT, said

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


class Stepping(nn.Module):
    """A recurrent network by hand, or of a cell."""

    def __init__(self, mode: str, cell: bool = False) -> None:
        super().__init__()
        self.mode, self.embedding = mode, nn.Embedding(7, 8)
        self.cell = nn.LSTMCell(8, 8) if cell else None
        self.W = None if cell else nn.Parameter(0.3 * minigrad.randn(8, 8))
        self.out = nn.Linear(8, 7)

    def forward(self, ids: Any) -> Any:
        e, rows = self.embedding(ids), []
        h = c = minigrad.zeros(len(ids), 8)
        for t in range(ids.shape[1]):
            h, c = (h.detach(), c.detach()) if self.mode == "detached" else (h, c)
            if self.cell is not None:
                h, c = self.cell(e[:, t], (h, c))
            else:
                z = e[:, t] + h @ self.W
                h = z if self.mode == "linear" else z.tanh()
            rows.append(self.out(h).tanh() if self.mode == "tanh" else self.out(h))
        return minigrad.stack(rows, dim=0 if self.mode == "time first" else 1)


def stepping(mode: str = "", cell: bool = False) -> str:
    minigrad.manual_seed(0)
    model = Stepping(mode, cell)
    return said(model, lambda: F.cross_entropy(model(tensor(TEXT[:, :-1])).reshape(-1, 7), tensor(TEXT[:, 1:].ravel())))


def ordered(mode: str) -> str:
    """Scores of tokens that are flattened, with a permute before it."""
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 8), nn.Linear(8, 7))

    def loss() -> Any:
        scores, y = model(tensor(TEXT[:, :-1])), TEXT[:, 1:]
        if mode == "classes first":
            return F.cross_entropy(scores.permute(0, 2, 1), tensor(y))
        if mode == "mixed":
            return F.cross_entropy(scores.permute(0, 2, 1).reshape(-1, 7), tensor(y.ravel()))
        y = y.T if mode == "both" else y
        return F.cross_entropy(scores.transpose(0, 1).reshape(-1, 7), tensor(y.ravel()))

    return said(model, loss)


def blanks(hidden: bool) -> str:
    """A masked language model, whose targets are at some positions."""
    minigrad.manual_seed(0)
    model, rng = nn.Sequential(nn.Embedding(8, 8), nn.Linear(8, 7)), np.random.default_rng(0)

    def loss() -> Any:
        chosen = rng.random(TEXT.shape) < 0.15
        chosen[:, 1] = True
        read = np.where(chosen & hidden, 7, TEXT)
        return F.cross_entropy(model(tensor(read)).reshape(-1, 7), tensor(np.where(chosen, TEXT, -100).ravel()))

    return said(model, loss)


class Attending(nn.Module):
    """One attention, whose inputs may have positions, and the mean over them."""

    def __init__(self, places: bool, module: bool) -> None:
        super().__init__()
        self.embedding, self.out = nn.Embedding(9, 8), nn.Linear(8, 2)
        self.places = nn.Embedding(6, 8) if places else None
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True) if module else None

    def forward(self, ids: Any) -> Any:
        x = self.embedding(ids)
        x = x if self.places is None else x + self.places(minigrad.arange(6))
        if self.attention is not None:
            return self.out(self.attention(x, x, x)[0].mean(dim=1))
        return self.out(((x @ x.transpose(1, 2) / math.sqrt(8)).softmax(-1) @ x).mean(dim=1))


def attending(places: bool, module: bool = False) -> str:
    """Is the first token large?"""
    minigrad.manual_seed(0)
    model, rng = Attending(places, module), np.random.default_rng(0)

    def loss() -> Any:
        ids = rng.permuted(rng.integers(0, 4, (32, 6)) + np.array([0, 0, 0, 4, 4, 4]), axis=1)
        return F.cross_entropy(model(tensor(ids)), tensor((ids[:, 0] > 3).astype(int)))

    return said(model, loss, steps=210, rate=2e-2, every=20)


def latent(
    noise: str = "", divergence: bool = True, whole: bool = True, weight: float = 1.0, steps: int = 30, every: int = 1
) -> str:
    """A variational autoencoder; as a whole, or as parts that are called."""
    minigrad.manual_seed(0)
    model = nn.ModuleDict({"encoder": nn.Linear(6, 4), "decoder": nn.Linear(2, 6)})
    model.forward = lambda x: code(x) if whole else None

    def code(x: Any) -> Any:
        mean, logvar = model["encoder"](x).chunk(2, dim=1)
        scale = {"logvar": logvar, "variance": logvar.exp()}.get(noise, (logvar / 2).exp())
        draw = minigrad.rand if noise == "uniform" else minigrad.randn
        return model["decoder"](mean + scale * draw(*mean.shape)), mean, logvar

    def loss() -> Any:
        out, mean, logvar = model(tensor(X)) if whole else code(tensor(X))
        error = ((out - tensor(X)) ** 2).sum(dim=1).mean()
        spread = logvar.exp() if divergence else logvar
        return error - weight * 0.5 * (1 + logvar - mean**2 - spread).sum(dim=1).mean()

    return said(model, loss, steps=steps, every=every)


def headed(exchanged: bool) -> str:
    """Attention with two heads of four features, over six positions."""
    minigrad.manual_seed(0)
    model, rng = nn.ModuleDict({"e": nn.Embedding(7, 8), "out": nn.Linear(8, 7)}), np.random.default_rng(0)

    def scores(ids: Any) -> Any:
        x = model["e"](ids)
        heads = x.reshape(len(ids), 6, 2, 4).transpose(1, 2) if exchanged else x.reshape(len(ids), 2, 6, 4)
        mixed = (heads @ heads.transpose(2, 3) / 2).softmax(-1) @ heads
        return model["out"](mixed.transpose(1, 2).reshape(len(ids), 6, 8))

    model.forward = scores

    def loss() -> Any:
        ids = rng.integers(0, 7, (9, 6))
        return F.cross_entropy(model(tensor(ids)).reshape(-1, 7), tensor(ids[:, ::-1].copy()).reshape(-1))

    return said(model, loss)


def pixels(score: Callable[[Any, Any], Any], outputs: int = 3) -> str:
    """A class for each pixel of an image of 5 x 4."""
    minigrad.manual_seed(0)
    model, rng = nn.Conv2d(1, outputs, 3, padding=1), np.random.default_rng(0)

    def loss() -> Any:
        images = rng.standard_normal((8, 1, 5, 4)).astype(np.float32)
        return score(model(tensor(images)), tensor((images[:, 0] > 0).astype(int)))

    return said(model, loss)


def sliced(shifted: bool) -> str:
    """A language model, whose last score is left out."""
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 8), nn.Linear(8, 7))
    targets = tensor(TEXT[:, 1:] if shifted else TEXT[:, :-1]).reshape(-1)
    return said(model, lambda: F.cross_entropy(model(tensor(TEXT))[:, :-1].reshape(-1, 7), targets))


def queue(temperature: float) -> str:
    """A contrast with a queue of keys, of which the first column is the partner's."""
    model, rng = network(6, 16, 8), np.random.default_rng(0)
    keys = F.normalize(tensor(rng.standard_normal((32, 8)).astype(np.float32)), dim=1)
    others = F.normalize(tensor(rng.standard_normal((8, 8)).astype(np.float32)), dim=1)

    def loss() -> Any:
        z = F.normalize(model(tensor(X)), dim=1)
        scores = minigrad.cat([(z * keys).sum(1, keepdim=True), z @ others.T], 1) / temperature
        return F.cross_entropy(scores, minigrad.zeros(32).long())

    return said(model, loss)


def filling() -> str:
    """A contrast with a queue that fills with what the model gives, so that the loss rises."""
    model, rng = network(6, 16, 8), np.random.default_rng(0)
    others = [F.normalize(tensor(rng.standard_normal((256, 8)).astype(np.float32)), dim=1)]

    def loss() -> Any:
        x = (1 + rng.random((8, 6))).astype(np.float32)
        z, key = (F.normalize(model(tensor(x)), dim=1) for _ in range(2))
        scores = minigrad.cat([(z * key.detach()).sum(1, keepdim=True), z @ others[0].T], 1) / 0.1
        others[0] = minigrad.cat([key.detach(), others[0]], 0)[:256]
        return F.cross_entropy(scores, minigrad.zeros(8).long())

    return said(model, loss, steps=40, rate=2e-3)


def ranked(other: bool) -> str:
    """A product is compared with that of another item, or of the same one."""
    model, rng = nn.ModuleDict({"a": nn.Embedding(20, 8), "b": nn.Embedding(20, 8)}), np.random.default_rng(0)

    def loss() -> Any:
        i, j, k = rng.integers(0, 20, (3, 64))
        user = model["a"](tensor(i))
        products = [(user * model["b"](tensor(item))).sum(1) for item in (j, k if other else j)]
        return -F.logsigmoid(products[0] - products[1]).mean()

    return said(model, loss)


def overlap(p: Any, y: Any) -> Any:
    return (2 * (p[:, 0] * y.float()).sum() + 1) / (p.sum() + y.float().sum() + 1)


def mean_cost(p: Any, cost: Any) -> Any:
    return (p[:, 0] * cost.float()).sum() / (p.sum() + 1e-8)


def weighted(p: Any, y: Any) -> Any:
    """A binary cross entropy in which a target of 1 counts five times."""
    y = y.float()
    return -(5 * y * p[:, 0].log() + (1 - y) * (1 - p[:, 0]).log()).mean()


def picked_by_hand(s: Any, y: Any) -> Any:
    n, i, j = np.indices(y.shape)
    return -s.log_softmax(1)[n, y, i, j].mean()


def whole_image() -> str:
    """The scores of an image come from a convolution as large as it."""
    minigrad.manual_seed(0)
    model, rng = nn.Conv2d(1, 3, 4), np.random.default_rng(0)

    def loss() -> Any:
        images = rng.standard_normal((8, 1, 4, 4)).astype(np.float32)
        return F.cross_entropy(model(tensor(images)).reshape(8, 3), tensor(images[:, 0, 0, :3].argmax(1)))

    return said(model, loss)


def arms() -> str:
    """The values of a bandit's arms, which has one state."""
    model, rng = network(1, 8, 3), np.random.default_rng(0)

    def loss() -> Any:
        arm = rng.integers(0, 3, 16)
        gains = (arm + rng.standard_normal(16)).astype(np.float32)
        return F.mse_loss(model(minigrad.ones(16, 1))[np.arange(16), arm], tensor(gains))

    return said(model, loss)


def exact() -> str:
    """A line that fits exactly after one step."""
    model = nn.Linear(1, 1, bias=False)
    x = tensor(np.array([[1.0], [-1.0], [1.0], [1.0]], np.float32))
    return said(model, lambda: F.mse_loss(model(x), 2 * x), optimizer=optim.SGD(model.parameters(), lr=0.5))


def minimax() -> str:
    """A generator, whose loss is log(1 - D(G(z)))."""
    model, critic, answers = network(2, 6), nn.Linear(6, 1), minigrad.zeros(16, 1)
    return said(
        model, lambda: -F.binary_cross_entropy_with_logits(critic(model(minigrad.randn(16, 2))), answers), steps=14
    )


def handed_on(noisy: bool, units: int = 8) -> str:
    """A denoising network, which gets the time as one more input; or an autoencoder, with few units."""
    model, rng = network(3, units, 2), np.random.default_rng(0)

    def loss() -> Any:
        x, noise = rng.standard_normal((2, 32, 2)).astype(np.float32)
        given = np.concatenate([x + noise, rng.random((32, 1))], 1).astype(np.float32)
        return ((model(tensor(given)) - tensor(noise if noisy else x + noise)) ** 2).mean()

    return said(model, loss)


def old(kept: bool) -> str:
    """A ratio of probabilities, beside the error of a critic."""
    model, rng = network(6, 8, 4), np.random.default_rng(0)

    def loss() -> Any:
        out = model(tensor(X))
        taken = out[:, :3].log_softmax(1)[np.arange(32), rng.integers(0, 3, 32)]
        gains = tensor(rng.standard_normal(32).astype(np.float32))
        ratio = (taken - (taken.detach() if kept else taken)).exp()
        return ((out[:, 3] - gains) ** 2).mean() - (ratio * gains).mean()

    return said(model, loss)


def judged(sign: float, alike: bool = False, varied: bool = False) -> str:
    """A policy whose advantages come from a critic, or whose actions all bring 1, in episodes of several lengths."""
    model, rng = network(6, 8, 4), np.random.default_rng(0)

    def loss() -> Any:
        n = rng.integers(20, 33) if varied else 32
        out = model(tensor(X[:n]))
        taken = out[:, :3].log_softmax(1)[np.arange(n), rng.integers(0, 3, n)]
        gains = rng.standard_normal(n).astype(np.float32)
        advantage = sign * (gains - out[:, 3].detach().numpy())
        error = 0 if alike else ((tensor(gains) - out[:, 3]) ** 2).mean()
        return error - (taken * tensor(np.ones(n, np.float32) if alike else advantage)).mean()

    return said(model, loss, steps=60, rate=1e-3)


def couplings(exchanged: bool) -> str:
    """A flow of two couplings."""
    nets = nn.ModuleList([network(1, 8, 2), network(1, 8, 2)])

    class Flow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.nets = nets

        def forward(self, x: Any) -> Any:
            a, b, logdet = x[:, :1], x[:, 1:], 0
            for net in self.nets:
                out = net(a)
                b = b * out[:, :1].tanh().exp() + out[:, 1:]
                logdet = logdet + out[:, 0].tanh()
                a, b = (b, a) if exchanged else (a, b)
            return minigrad.cat([a, b], 1), logdet

    model = Flow()

    def loss() -> Any:
        z, logdet = model(tensor(X[:, :2]))
        return (0.5 * (z**2).sum(dim=1) - logdet).mean()

    return said(model, loss, steps=40)


def contrast(axis: int = 1, by_hand: bool = False) -> str:
    model, rng = network(6, 16, 8), np.random.default_rng(0)

    def view() -> Any:
        z = model(tensor(X + 0.3 * rng.standard_normal(X.shape).astype(np.float32)))
        return z / (z**2).sum(dim=axis, keepdim=True).sqrt() if by_hand else F.normalize(z, dim=axis)

    return said(model, lambda: F.cross_entropy(view() @ view().T / 0.2, tensor(np.arange(32))))


def acting(bonus: float = 0.0, last: Any = None, parts: bool = False, log: bool = True) -> str:
    """A policy, with a bonus for its entropy; in parts, beside a critic in a container."""
    policy, rng = network(6, 8, 3, last=last), np.random.default_rng(0)
    model = nn.ModuleDict({"policy": policy, "critic": nn.Linear(6, 1)}) if parts else policy

    def loss() -> Any:
        logs = policy(tensor(X)).log_softmax(1)
        p = np.exp(logs.detach().numpy().astype(float))
        actions = (p.cumsum(axis=1) > rng.random((32, 1))).argmax(axis=1)
        gains = tensor(rng.standard_normal(32).astype(np.float32))
        entropy = -(logs.exp() * logs).sum(dim=1).mean()
        value = ((model["critic"](tensor(X))[:, 0] - gains) ** 2).mean() if parts else 0
        taken = logs[np.arange(32), actions]
        return value - ((taken if log else taken.exp()) * gains).mean() - bonus * entropy

    return said(model, loss, steps=30, rate=1e-3)


def columns(compared: bool) -> str:
    """Results (N, D) against targets (N, 1, D), or against centres."""
    model = network(6, 8, 6)
    return said(
        model,
        lambda: ((model(tensor(X)) - tensor(X if compared else X[:, None])) ** 2).mean(),
    )


def words(sign: float, negatives: bool = True) -> str:
    """Embeddings in a container, which is not called."""
    minigrad.manual_seed(0)
    model, rng = nn.ModuleDict({"a": nn.Embedding(20, 8), "b": nn.Embedding(20, 8)}), np.random.default_rng(0)

    def loss() -> Any:
        i, j, k = rng.integers(0, 20, (3, 64))
        v = model["a"](tensor(i))
        right, wrong = ((v * model["b"](tensor(other))).sum(-1) for other in (j, k))
        return -F.logsigmoid(right).mean() - (F.logsigmoid(sign * wrong).mean() if negatives else 0)

    return said(model, loss)


def learning_values() -> str:
    """Values whose targets come from a copy of the model, and grow with it."""
    model, rng = network(6, 16, 2), np.random.default_rng(0)
    target = [0.0]

    def loss() -> Any:
        target[0] += 0.02
        i = rng.integers(0, 2, 32)
        return ((model(tensor(X))[np.arange(32), i] - tensor(np.full(32, target[0] ** 2, np.float32))) ** 2).mean()

    return said(model, loss, steps=60, rate=1e-4)


def bandit(rate: float) -> str:
    """Preferences that begin at 0."""
    minigrad.manual_seed(0)
    model, rng = nn.ParameterList([nn.Parameter(minigrad.zeros(6))]), np.random.default_rng(0)
    means = rng.standard_normal(6)

    def loss() -> Any:
        logs = model[0].log_softmax(-1)
        p = np.exp(logs.detach().numpy().astype(float))
        a = int(rng.choice(6, p=p / p.sum()))
        return -float(means[a] + rng.standard_normal()) * logs[a]

    return said(model, loss, steps=100, optimizer=optim.SGD(model.parameters(), lr=rate))


SICK: dict[str, tuple[Callable[[], str], str]] = {
    "a state that is detached": (lambda: stepping("detached"), "goes back through time"),
    "a state of a cell that is detached": (lambda: stepping("detached", cell=True), "goes back through time"),
    "a linear recurrence": (lambda: stepping("linear"), "multiplied by W again and again"),
    "scores that are mixed": (lambda: ordered("mixed"), "scores of several positions"),
    "steps in time first": (lambda: stepping("time first"), "the target of another position"),
    "steps in time behind a tanh": (lambda: stepping("tanh"), "without the tanh"),
    "scores in another order": (lambda: ordered("scores"), "the target of another position"),
    "tokens that are not masked": (lambda: blanks(False), "replace them by a mask token"),
    "no positions": (lambda: attending(False), "does not know the order"),
    "no positions for a module": (lambda: attending(False, module=True), "does not know the order"),
    "logvar as the deviation": (lambda: latent("logvar"), "multiplied by logvar itself"),
    "the variance as the deviation": (lambda: latent("variance", whole=False), "multiplied by the variance"),
    "a divergence without exp": (lambda: latent(divergence=False), "and not the variance, its exp()"),
    "the same half in all couplings": (lambda: couplings(False), "column 0 of the result is still the input's"),
    "normalized over the batch": (lambda: contrast(axis=0), "F.normalize(z, dim=1)"),
    "normalized over the batch by hand": (lambda: contrast(axis=0, by_hand=True), "F.normalize(z, dim=1)"),
    "an entropy with a plus": (lambda: acting(-0.1), "loss - beta * entropy"),
    "an entropy with a plus, beside a critic": (lambda: acting(-0.1, parts=True), "loss - beta * entropy"),
    "an exp of the logarithm": (lambda: acting(log=False), "without its logarithm"),
    "a policy behind a relu": (lambda: acting(last=nn.ReLU()), "without the relu"),
    "every row with every target": (lambda: columns(False), "every prediction with every target"),
    "positive negatives": (lambda: words(1.0), "the negative pairs need the other sign"),
    "heads of several positions": (lambda: headed(False), "a head gets numbers of several positions"),
    "classes of several pixels": (
        lambda: pixels(lambda s, y: F.cross_entropy(s.reshape(-1, 3), y.reshape(-1))),
        "scores of several pixels",
    ),
    "a softmax over the columns": (lambda: pixels(lambda s, y: F.nll_loss(s.log_softmax(-1), y)), "runs over axis 3"),
    "an overlap that is minimized": (lambda: pixels(lambda s, y: overlap(s.sigmoid(), y), 1), "minimize 1 - overlap"),
    "an overlap of scores": (lambda: pixels(lambda s, y: 1 - overlap(s, y), 1), "the overlap is computed from scores"),
    "uniform noise": (lambda: latent("uniform"), "never negative"),
    "a divergence times 0": (lambda: latent(weight=0.0, steps=520, every=8), "or 0 times it"),
    "targets that are handed on": (lambda: handed_on(False), "the targets are among the inputs"),
    "a ratio of itself, beside a critic": (lambda: old(False), "keep the old log-probabilities"),
    "an advantage with a minus": (lambda: judged(-1.0), "the advantage is return - value"),
    "scores that are not shifted": (lambda: sliced(False), "shift them by one"),
    "cosines with a queue": (lambda: queue(1.0), "divide the cosines by a temperature"),
    "an item that is compared with itself": (lambda: ranked(False), "compares the prediction with itself"),
    "returns that are all 1": (lambda: judged(1.0, alike=True, varied=True), "the return of each action is 1"),
    "no negatives": (lambda: words(1.0, negatives=False), "negative pairs are missing"),
}

HEALTHY: dict[str, Callable[[], str]] = {
    "a state": stepping,
    "a state of a cell": lambda: stepping(cell=True),
    "classes before positions": lambda: ordered("classes first"),
    "both permuted": lambda: ordered("both"),
    "masked tokens": lambda: blanks(True),
    "positions": lambda: attending(True),
    "a deviation": latent,
    "a deviation, in parts": lambda: latent(whole=False),
    "halves in turn": lambda: couplings(True),
    "normalized rows": contrast,
    "normalized rows by hand": lambda: contrast(by_hand=True),
    "an entropy": lambda: acting(0.1),
    "an entropy, beside a critic": lambda: acting(0.1, parts=True),
    "heads": lambda: headed(True),
    "classes of a pixel": lambda: pixels(lambda s, y: F.cross_entropy(s.permute(0, 2, 3, 1).reshape(-1, 3), y.ravel())),
    "a softmax over the classes": lambda: pixels(lambda s, y: F.nll_loss(s.log_softmax(1), y)),
    "an overlap": lambda: pixels(lambda s, y: 1 - overlap(s.sigmoid(), y), 1),
    "a generator that minimizes log(1 - D)": minimax,
    "noise to be told": lambda: handed_on(True),
    "a ratio, beside a critic": lambda: old(True),
    "an advantage": lambda: judged(1.0),
    "scores that are shifted": lambda: sliced(True),
    "a queue": lambda: queue(0.2),
    "a queue that fills": filling,
    "an item that is compared with another": lambda: ranked(True),
    "a row for each target": lambda: columns(True),
    "negatives": lambda: words(-1.0),
    "values whose targets rise": learning_values,
    "preferences from 0": lambda: bandit(0.1),
    "a mask of ones": lambda: judged(1.0, alike=True),
    "an expected cost": lambda: pixels(lambda s, y: mean_cost(s.sigmoid(), y), 1),
    "a positive weight": lambda: pixels(lambda s, y: weighted(s.sigmoid(), y), 1),
    "classes picked by hand": lambda: pixels(picked_by_hand),
    "classes of a whole image": whole_image,
    "a divergence whose weight rises late": lambda: latent(weight=0.0, steps=150),
    "an autoencoder that gets a condition": lambda: handed_on(False, 1),
    "values of a bandit's arms": arms,
    "an exact fit": exact,
}


@pytest.mark.parametrize("name", SICK)
def test_it_names_the_cause(name: str) -> None:
    run, words = SICK[name]
    assert words in run()


@pytest.mark.parametrize("name", HEALTHY)
def test_the_right_run_is_left_alone(name: str) -> None:
    assert HEALTHY[name]() == ""
