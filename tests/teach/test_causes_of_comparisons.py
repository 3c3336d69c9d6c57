"""`watch` names what is wrong in losses that compare results, in latent numbers, flows, generators and policies, and
leaves the right loss alone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, tensor
from minigrad.distributions import Categorical
from minigrad.nn import functional as F
from minigrad.teach.causes.policies import against_the_return
from tests.teach.test_causes_of_models import TEXT, said

X = np.random.default_rng(0).standard_normal((32, 6)).astype(np.float32)
PARTNERS = np.concatenate([np.arange(32, 64), np.arange(32)])

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def network(*sizes: int, last: Any = None) -> Any:
    minigrad.manual_seed(0)
    pairs = [[nn.Linear(a, b), nn.Tanh()] for a, b in zip(sizes, sizes[1:])]
    layers = [layer for pair in pairs for layer in pair][:-1]
    return nn.Sequential(*layers, *([] if last is None else [last]))


def contrastive(temperature: float = 0.2, masked: bool = True, normal: bool = True, same: bool = False) -> str:
    model, rng = network(6, 16, 8), np.random.default_rng(0)

    def view() -> Any:
        return model(tensor(X + (0 if same else 0.3) * rng.standard_normal(X.shape).astype(np.float32)))

    def loss() -> Any:
        z = minigrad.cat([view(), view()], 0)
        z = F.normalize(z, dim=1) if normal else z
        scores = z @ z.T / temperature
        scores = scores.masked_fill(tensor(np.eye(64, dtype=bool)), -1e9) if masked else scores
        return F.cross_entropy(scores, tensor(PARTNERS))

    return said(model, loss)


def attracted(detached: bool = True, sign: int = -1, partners: bool = True) -> str:
    model, rng = network(6, 16, 8), np.random.default_rng(0)

    def loss() -> Any:
        order = np.arange(32) if partners else rng.permutation(32)
        a, b = (model(tensor(x + 0.1 * rng.standard_normal(x.shape).astype(np.float32))) for x in (X, X[order]))
        return sign * (F.normalize(a, dim=1) * F.normalize(b.detach() if detached else b, dim=1)).sum(dim=1).mean()

    return said(model, loss)


class Coupling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = network(1, 8, 2)

    def forward(self, x: Any) -> Any:
        out = self.net(x[:, :1])
        scale, shift = out[:, :1].tanh(), out[:, 1:]
        return minigrad.cat([x[:, :1], x[:, 1:2] * scale.exp() + shift], 1), scale.sum(dim=1)


def flow(sign: int) -> str:
    model = Coupling()

    def loss() -> Any:
        z, logdet = model(tensor(X))
        prior = 0.5 * (z**2).sum(dim=1)
        return (prior - sign * logdet).mean() if sign else prior.mean()

    return said(model, loss)


class Coder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(6, 4), nn.Linear(2, 6)

    def forward(self, x: Any, cut: bool = False) -> Any:
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        z = mean + (logvar / 2).exp() * minigrad.randn(*mean.shape)
        return self.decoder(z.detach() if cut else z), mean, logvar


def latent(divergence: bool = True, cut: bool = False) -> str:
    minigrad.manual_seed(0)
    model = Coder()

    def loss() -> Any:
        out, mean, logvar = model(tensor(X), cut) if cut else model(tensor(X))
        error = ((out - tensor(X)) ** 2).sum(dim=1).mean()
        return error - 0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(dim=1).mean() if divergence else error

    return said(model, loss, steps=40 if divergence else 110)


def of_examples(loss: Callable[[Any, Any], Any], outputs: int = 1, steps: int = 12) -> str:
    """Train on the results and the rows, for each of which there is a number 0, 1 or 2."""
    model, numbers = network(6, 8, outputs), np.arange(32) % 3
    return said(model, lambda: loss(model(tensor(X)), numbers), steps=steps)


def distilled(z: Any, labels: Any) -> Any:
    teacher = np.random.default_rng(0).dirichlet(np.ones(3), 32).astype(np.float32)
    return 0.1 * F.cross_entropy(z, labels) - 0.9 * (tensor(teacher) * F.log_softmax(z, dim=1)).sum(dim=1).mean()


def quantiles(z: Any, labels: Any) -> Any:
    error, q = tensor(labels[:, None].astype(np.float32)) - z, tensor(np.float32([0.1, 0.5, 0.9]))
    return minigrad.maximum(q * error, (q - 1) * error).mean()


def spread_out(z: Any, labels: Any) -> Any:
    z = F.normalize(z, dim=1)
    near = ((z[:16] - z[16:]) ** 2).sum(dim=1).mean()
    return near + (-2 * ((z.unsqueeze(1) - z.unsqueeze(0)) ** 2).sum(dim=2)).exp().mean().log()


def reconstructing() -> str:
    """The encoder of an autoencoder, watched alone."""
    model, decoder = network(6, 6), nn.Linear(6, 6)

    def loss() -> Any:
        return 0.01 * ((decoder(model(tensor(X))).sigmoid() - tensor((X > 0) * 1.0)) ** 2).mean()

    return said(model, loss, steps=110)


def difference(bounded: bool) -> str:
    """A Wasserstein critic, or energies of data and others."""
    model = network(6, 16, 1)

    def loss() -> Any:
        low, high = model(tensor(X)), model(tensor(X + 1))
        return low.mean() - high.mean() + (0.1 * (low**2 + high**2).mean() if bounded else 0)

    return said(model, loss, steps=60, rate=0.05)


def generator(sign: int, offset: float = 0.0, reduction: str = "mean", rate: float = 0.02) -> str:
    model, critic = network(2, 6), nn.Linear(6, 1)
    z, ones = minigrad.randn(16, 2), minigrad.ones(16, 1)

    def loss() -> Any:
        return sign * F.binary_cross_entropy_with_logits(critic(model(z)) + offset, ones, reduction=reduction)

    return said(model, loss, steps=110, rate=rate)


@pytest.mark.parametrize(("lengths", "named"), [([17, 16, 17, 15, 9, 34, 9], True), ([16, 16, 17, 9, 16, 34], False)])
def test_one_long_episode_hides_no_policy_that_gets_worse(lengths: list[int], named: bool) -> None:
    scene: Any = SimpleNamespace(taken=[(1, n, 0.0) for n in lengths])
    assert bool(against_the_return.look(scene)) is named


def acting(sign: int = -1, draws: bool = True, log: bool = True, size: float = 1.0) -> str:
    """A policy whose episodes get longer the better it is."""
    model, rng = network(6, 8, 3), np.random.default_rng(0)
    for p in model.parameters():
        p.data = p.data * size
    length = [60]

    def loss() -> Any:
        length[0] = max(8, length[0] + (-4 if sign > 0 else 4))
        states = rng.standard_normal((length[0], 6)).astype(np.float32)
        logs = F.log_softmax(model(tensor(states)), dim=1)
        p = np.exp(logs.detach().numpy().astype(float))
        drawn = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
        actions = drawn if draws else p.argmax(axis=1)
        gains = rng.standard_normal(len(p)).astype(np.float32)
        return sign * ((logs if log else logs.exp())[np.arange(len(p)), actions] * tensor(gains)).mean()

    def plain() -> Any:
        states = rng.standard_normal((32, 6)).astype(np.float32)
        p = F.softmax(model(tensor(states)), dim=1)
        return -(p[np.arange(32), rng.integers(0, 3, 32)] * tensor(rng.standard_normal(32).astype(np.float32))).mean()

    return said(model, loss if log else plain, steps=60, rate=0.001)


def numbered(embedded: bool) -> str:
    minigrad.manual_seed(0)
    first = nn.Embedding(7, 8) if embedded else nn.Linear(1, 8)
    model = nn.ModuleList([first, nn.GRU(8, 16, batch_first=True), nn.Linear(16, 7)])

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = model

        def forward(self, ids: Any) -> Any:
            h = first(ids if embedded else ids.float().unsqueeze(2))
            return model[2](model[1](h)[0])

    whole = Model()
    inputs, targets = tensor(TEXT[:, :-1]), tensor(TEXT[:, 1:].reshape(-1))
    return said(whole, lambda: F.cross_entropy(whole(inputs).reshape(-1, 7), targets))


def stepping(carried: bool) -> str:
    minigrad.manual_seed(0)
    cell = nn.RNNCell(6, 8)
    model = nn.Sequential(nn.Linear(8, 1))
    model.cell = cell

    def loss() -> Any:
        h = minigrad.zeros(32, 8)
        for t in range(3):
            h = cell(tensor(np.roll(X, t, axis=1)), h if carried else minigrad.zeros(32, 8))
        return ((model[0](h) - tensor(X[:, :1])) ** 2).mean()

    return said(model, loss)


def memory(cleared: bool, adam: bool = False) -> str:
    model = network(6, 8, 1)
    optimizer = optim.Adam(model.parameters()) if adam else optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def loss() -> Any:
        if cleared:
            optimizer.state.clear()
        return ((model(tensor(X)) - tensor(X[:, :1])) ** 2).mean()

    return said(model, loss, optimizer=optimizer)


def frozen(head: bool) -> str:
    model = network(6, 8, 1)
    model.requires_grad_(False)
    model[2].requires_grad_(head)
    given = tensor(X, requires_grad=True)
    return said(
        model, lambda: ((model(given) - tensor(X[:, :1])) ** 2).mean(), optimizer=optim.Adam(model.parameters())
    )


GAINS = tensor(np.abs(X[:, 1]))


def drawn(z: Any, n: Any, steps: int = 0) -> Any:
    """Log-probabilities of actions, of all rows at once or of single steps."""
    if not steps:
        return Categorical(logits=z).log_prob(tensor(n))
    each = [Categorical(probs=z[i].softmax(-1)).log_prob(tensor(n[i])) for i in range(steps)]
    return minigrad.stack(each)


def clipped(z: Any, n: Any) -> Any:
    ratio = (drawn(z, n) - drawn(z.detach(), n)).exp()
    advantage = GAINS - GAINS.mean()
    return minigrad.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()


def judged(z: Any, n: Any) -> Any:
    """The loss of an actor, whose critic is the last score."""
    value = z[:, 2]
    return -(drawn(z[:, :2], n % 2) * (GAINS - value.detach())).mean()


def estimated(z: Any, n: Any) -> Any:
    """The score-function estimator of an expected loss, which comes without a minus."""
    each = (z[:, 2] - GAINS) ** 2
    return each.mean() + (each.detach() * drawn(z[:, :2], n % 2)).mean()


def predicted(exchanged: bool) -> str:
    """A next token for each position, whose scores must have the classes along axis 1."""
    minigrad.manual_seed(0)
    rng, model = np.random.default_rng(0), nn.Sequential(nn.Embedding(9, 8), nn.Linear(8, 9))

    def loss() -> Any:
        x = rng.integers(0, 9, (8, 6))
        scores = model(tensor(x))
        scores = scores.transpose(1, 2) if exchanged else scores.reshape(8, 9, 6)
        return F.cross_entropy(scores, tensor((x + 1) % 9))

    return said(model, loss)


class Denoiser(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = network(3, 16, 2)

    def forward(self, x: Any, time: Any) -> Any:
        return self.net(minigrad.cat([x, time[:, None]], 1))


def denoised(same: bool) -> str:
    minigrad.manual_seed(0)
    rng, model = np.random.default_rng(0), Denoiser()

    def loss() -> Any:
        noise, other = rng.standard_normal((2, 32, 2)).astype(np.float32)
        time = rng.random(32).astype(np.float32)
        x = tensor(time[:, None] * noise + 1)
        return F.mse_loss(model(x, tensor(time)), tensor(noise if same else other))

    return said(model, loss, steps=120, rate=1e-2)


def error(z: Any) -> Any:
    return ((z[:, 2] - GAINS) ** 2).mean()


def returned(
    gamma: float = 0.9, order: int = 1, scale: float = 1.0, one_by_one: bool = False, weight: Any = None
) -> str:
    """Episodes of a policy with a reward of 1 for each step."""

    def loss(z: Any, n: Any) -> Any:
        steps = 8 + len(seen) % 5
        seen.append(steps)
        G = np.array([sum(gamma**k for k in range(steps - t)) for t in range(steps)], "float32")[::order]
        G = (G if weight is None else weight(G)) * scale
        if one_by_one:
            log_probs = [Categorical(logits=z[t]).log_prob(tensor(n[t])) for t in range(steps)]
            return minigrad.stack([-log_prob * float(g) for log_prob, g in zip(log_probs, G)]).sum()
        return -(drawn(z[:steps], n[:steps]) * tensor(G.astype("float32"))).mean()

    seen: list[int] = []
    return of_examples(loss, 3, 60)


def valued(pick: Callable[[Any, Any], Any]) -> str:
    """Values of actions, learned from targets; each state is met once."""
    return of_examples(lambda z, n: ((pick(z, n) - GAINS) ** 2).mean(), 3, 60)


def rated(shuffled: bool) -> str:
    """Ratings by users of items, of which each has a bias."""
    minigrad.manual_seed(0)
    rng = np.random.default_rng(0)
    users, items, model = rng.standard_normal(20), rng.standard_normal(15), Ratings()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    with minigrad.watch(model, optimizer, live=False) as watcher:
        for _ in range(280):
            u, i = rng.integers(0, 20, 64), rng.integers(0, 15, 64)
            y = users[u] + items[i] + 0.5 * users[u] * items[i]
            y = (rng.permutation(y) if shuffled else y).astype("float32")
            loss = ((model(tensor(u), tensor(i)) - tensor(y)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)
    return "".join(finding.text for finding in watcher.findings[:1])


class Ratings(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(20, 4), nn.Embedding(15, 4)

    def forward(self, users: Any, items: Any) -> Any:
        return (self.users(users) * self.items(items)).sum(1)


SICK: dict[str, tuple[Callable[[], str], str]] = {
    "a temperature below 0": (lambda: contrastive(temperature=-0.2), "push the two apart"),
    "a low temperature": (lambda: contrastive(temperature=1e-3), "sure of one from the start"),
    "similar to given vectors": (
        lambda: of_examples(lambda z, n: F.cosine_similarity(z, tensor(X[:, :3])).mean(), 3),
        "push the two apart",
    ),
    "compared with itself": (lambda: of_examples(lambda z, n: F.mse_loss(z, z.detach()), 3), "with itself"),
    "an error with a minus": (lambda: of_examples(lambda z, n: judged(z, n) - error(z), 3), "subtracts a squared"),
    "an actor with a plus": (lambda: of_examples(lambda z, n: error(z) - judged(z, n), 3, 60), "without a minus"),
    "actions with a plus": (lambda: of_examples(lambda z, n: (drawn(z, n) * GAINS).mean(), 3, 60), "without a minus"),
    "steps with a plus": (
        lambda: of_examples(lambda z, n: (drawn(z, n, 4) * GAINS[:4]).mean(), 3, 60),
        "without a minus",
    ),
    "a distribution's probability": (
        lambda: of_examples(lambda z, n: -(drawn(z, n).exp() * GAINS).mean(), 3),
        "without its logarithm",
    ),
    "a distribution's entropy": (
        lambda: of_examples(lambda z, n: -(drawn(z, n) * GAINS).mean() + Categorical(logits=z).entropy().mean(), 3),
        "loss - beta * entropy",
    ),
    "a ratio of itself": (
        lambda: of_examples(lambda z, n: -((lp := drawn(z, n)) - lp).exp().mul(GAINS).mean(), 3, 60),
        "old = log_prob.detach()",
    ),
    "a reshape for a transpose": (lambda: predicted(False), "does not exchange axes"),
    "noise that was not added": (lambda: denoised(False), "no more alike than others"),
    "a clipped objective": (lambda: of_examples(clipped, 3), "clipped objective of PPO without a minus"),
    "own similarity": (lambda: contrastive(masked=False), "no other can be as large"),
    "no temperature": (lambda: contrastive(temperature=1.0), "divide the cosines by a temperature"),
    "not normalized": (lambda: contrastive(normal=False), "not normalized"),
    "the same view twice": (lambda: contrastive(same=True), "both views of each example are the same"),
    "no stop-gradient": (lambda: attracted(detached=False), "Detach one side of each pair"),
    "dissimilarity": (lambda: attracted(sign=1), "push the two apart"),
    "views of different examples": (lambda: attracted(partners=False), "belong to different examples"),
    "no log-determinant": (lambda: flow(0), "log-determinant"),
    "a log-determinant with the wrong sign": (lambda: flow(-1), "the sign of that term is wrong"),
    "no divergence": (lambda: latent(divergence=False), "no divergence from the prior"),
    "a latent that is cut off": (lambda: latent(cut=True), "or detached ones"),
    "scores without an end": (lambda: difference(False), "has no lower end, so the scores run away"),
    "a critic that takes all for real": (lambda: generator(1, offset=9.0), "takes all that it makes for real"),
    "a critic that takes nothing for real": (lambda: generator(1, offset=-40.0), "gets nothing to learn from"),
    "a generator that helps the critic": (lambda: generator(-1, offset=-9.0), "the generator helps the critic"),
    "a policy that avoids what pays": (lambda: acting(sign=1), "without a minus"),
    "rewards of the step": (lambda: returned(weight=np.ones_like), "weigh the log-probability"),
    "rewards of the step, but one": (
        lambda: returned(weight=lambda G: np.arange(len(G)) // (len(G) - 1) - 1.0),
        "rewards of the step alone",
    ),
    "returns of the past": (lambda: returned(order=-1), "adds up the rewards before it"),
    "returns of the past, one by one": (lambda: returned(order=-1, one_by_one=True), "adds up the rewards before it"),
    "returns of the past, standardized": (
        lambda: returned(order=-1, weight=lambda G: (G - G.mean()) / G.std()),
        "adds up the rewards before it",
    ),
    "a discount above 1": (lambda: returned(1.05, one_by_one=True), "grows by a factor of 1.05"),
    "the largest value": (lambda: valued(lambda z, n: z.amax(1)), "compares the largest value"),
    "values of no other action": (
        lambda: valued(lambda z, n: z[np.arange(len(n)), z.detach().numpy().argmax(axis=1)]),
        "or no other action is tried",
    ),
    "ratings of others": (lambda: rated(True), "as little to do with their two indices"),
    "a policy without a logarithm": (lambda: acting(log=False), "without its logarithm"),
    "a policy that is never drawn from": (lambda: acting(draws=False), "each action that the policy took"),
    "a policy that is certain at first": (lambda: acting(size=60.0), "its scores are too large"),
    "indices as numbers": (lambda: numbered(False), "as numbers"),
    "a state that is set back": (lambda: stepping(False), "weight_hh is exactly 0"),
    "an optimizer without a memory": (lambda: memory(True), "its state cleared"),
    "an Adam without a memory": (lambda: memory(True, adam=True), "its state cleared"),
    "all frozen": (lambda: frozen(False), "are frozen"),
}

HEALTHY: dict[str, Callable[[], str]] = {
    "similar to given vectors": lambda: of_examples(lambda z, n: -F.cosine_similarity(z, tensor(X[:, :3])).mean(), 3),
    "an actor and a critic": lambda: of_examples(lambda z, n: judged(z, n) + error(z), 3),
    "a negated advantage": lambda: of_examples(
        lambda z, n: error(z) + (drawn(z[:, :2], n % 2) * (z[:, 2].detach() - GAINS)).mean(), 3, 60
    ),
    "log-probabilities times their losses": lambda: of_examples(estimated, 3, 60),
    "classes along axis 1": lambda: predicted(True),
    "noise that was added": lambda: denoised(True),
    "steps": lambda: of_examples(lambda z, n: -(drawn(z, n, 4) * GAINS[:4]).mean(), 3),
    "a clipped objective": lambda: of_examples(lambda z, n: -clipped(z, n), 3),
    "returns": returned,
    "returns, one by one": lambda: returned(one_by_one=True),
    "returns of costs": lambda: returned(scale=-1.0, weight=lambda G: (G - G.mean()) / G.std()),
    "returns, discounted twice": lambda: returned(weight=lambda G: G * 0.9 ** np.arange(len(G))),
    "values of the actions taken": lambda: valued(lambda z, n: z[np.arange(len(n)), n]),
    "ratings": lambda: rated(False),
    "two views": contrastive,
    "two views, one detached": attracted,
    "a flow": lambda: flow(1),
    "a latent": latent,
    "energies with a penalty": lambda: difference(True),
    "a generator": lambda: generator(1),
    "a generator of a summed loss": lambda: generator(1, reduction="sum", rate=1e-3),
    "a policy": acting,
    "tokens": lambda: numbered(True),
    "a state": lambda: stepping(True),
    "a momentum": lambda: memory(False),
    "a trained head": lambda: frozen(True),
    "an exponential likelihood": lambda: of_examples(lambda s, n: (tensor(np.abs(X[:, :1])) * s.exp() - s).mean()),
    "a cross entropy by hand": lambda: of_examples(lambda z, n: -z[range(32), n].mean() + z.logsumexp(1).mean(), 3),
    "distillation": lambda: of_examples(distilled, 3),
    "quantiles of counts": lambda: of_examples(quantiles, 3),
    "alignment and uniformity": lambda: of_examples(spread_out, 4),
    "an encoder with a decoder": reconstructing,
}


@pytest.mark.parametrize("name", SICK)
def test_it_names_the_cause(name: str) -> None:
    run, words = SICK[name]
    assert words in run()


@pytest.mark.parametrize("name", HEALTHY)
def test_the_right_loss_is_left_alone(name: str) -> None:
    assert HEALTHY[name]() == ""
