"""Causes that a few steps show: the first sentence names each, and its healthy neighbour is left alone."""

from __future__ import annotations

import ast
import copy
import inspect
import string
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, sanity, tensor
from minigrad.nn import functional as F
from minigrad.teach.causes import Batch, Scene, certain, explanations
from minigrad.teach.causes.cause import CAUSES, CERTAIN, EXPLANATIONS, Cause
from minigrad.teach.causes.layers import strong_dropout
from minigrad.teach.causes.neighbours import CHANCE, CLEAR, Neighbours
from minigrad.teach.samples import Sample
from minigrad.teach.symptoms import BOUNDS
from tests import conditions

SEED = np.random.default_rng(0)
X = SEED.standard_normal((32, 6)).astype(np.float32)
CLASSES = SEED.integers(0, 4, 32)
ONES = (X[:, :1] > 0).astype(np.float32)


class Ends(nn.Module):
    """Two layers, and a function of their result."""

    def __init__(self, outputs: int, function: Callable[[Any], Any] = lambda s: s, hidden: Any = F.relu) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, outputs)
        self.function, self.hidden = function, hidden

    def forward(self, x: Any) -> Any:
        return self.function(self.last(self.hidden(self.first(x))))


def train(
    model: Any,
    loss: Callable[..., Any],
    y: Any = CLASSES,
    x: Any = X,
    steps: int = 6,
    optimizer: Any = None,
    stepping: bool = True,
    validation: float | None = None,
    grow: float = 1.0,
) -> str:
    """Train for a few steps, and return the first sentence of the watcher, "" if it says nothing."""
    minigrad.manual_seed(0)
    optimizer = optimizer or optim.SGD(model.parameters(), lr=0.01)
    x, y = tensor(x), tensor(y)
    with minigrad.watch(model, optimizer, live=False, every=1) as watcher:
        for _ in range(steps):
            if grow != 1:
                x *= grow
            value = loss(model(x), y)
            optimizer.zero_grad()
            value.backward()
            if stepping:
                optimizer.step()
            watcher.log(value, validation=validation)
    return watcher.findings[0].text if watcher.findings else ""


LABELLED = np.concatenate([X[:, :5], CLASSES[:, None]], axis=1).astype(np.float32)
IDS = (SEED.integers(0, 7, (8, 1)) + np.arange(6)) % 7  # a text, in which each token says which is the next
RANDOM = SEED.integers(0, 7, (32, 6))
ONE_HOT = np.concatenate([np.eye(4, dtype=np.float32)[CLASSES], X], axis=1)
SUMS = X[:, :1] + X[:, 1:2]
NEXT = np.concatenate([IDS[:, 1:], SEED.integers(0, 7, (8, 1))], axis=1)


class Reader(nn.Module):
    """A language model with one layer of attention."""

    def __init__(self, mask: bool = True) -> None:
        super().__init__()
        self.embedding, self.out, self.mask = nn.Embedding(7, 8), nn.Linear(8, 7), mask

    def forward(self, ids: Any) -> Any:
        x = self.embedding(ids)
        scores = x @ x.transpose(1, 2)
        if self.mask:
            scores = scores.masked_fill(tensor(np.triu(np.ones(scores.shape[1:], bool), 1)), -np.inf)
        return self.out(x + scores.softmax(-1) @ x)


def over_time(s: Any, y: Any) -> Any:
    return F.cross_entropy(s.reshape(-1, 7), y.reshape(-1))


class Again(nn.Module):
    """A layer that is applied three times, as one that describes a step in time."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(6, 6)

    def forward(self, x: Any) -> Any:
        return self.step(self.step(self.step(x)))


class Attends(nn.Module):
    """Attention over six numbers, the last projection of which a linear layer reads."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.attention = nn.Linear(1, 8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = nn.Linear(8, 4)

    def forward(self, x: Any) -> Any:
        x = self.first(x.unsqueeze(2)).tanh()
        return self.last(self.attention(x, x, x)[0])[:, 0]


class Slots(nn.Module):
    """Slots that compete for six numbers: the softmax runs over them."""

    def __init__(self) -> None:
        super().__init__()
        self.keys, self.slots, self.last = nn.Linear(1, 4), nn.Parameter(minigrad.randn(6, 4)), nn.Linear(24, 4)

    def forward(self, x: Any) -> Any:
        keys = self.keys(x.unsqueeze(2)).tanh()
        return self.last(((self.slots @ keys.transpose(1, 2)).softmax(-2) @ keys).flatten(1))


def autoencoder() -> Any:
    """An autoencoder of six tokens."""
    return nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(24, 8), nn.Tanh(), nn.Linear(8, 42))


class Anew(nn.Module):
    """A layer that forward() creates."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 16)

    def forward(self, x: Any) -> Any:
        self.last = nn.Linear(16, 4)
        return self.last(F.relu(self.first(x)))


class Blind(nn.Module):
    """A model that reads a constant instead of its input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 4)

    def forward(self, x: Any) -> Any:
        return self.last(F.relu(self.first(minigrad.ones(*x.shape))))


def equal(model: Any) -> Any:
    for p in model.parameters():
        nn.init.constant_(p, 0.1)
    return model


def normalized() -> Any:
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))


def squared(p: Any, y: Any) -> Any:
    return ((p - y) ** 2).mean()


def penalized(factor: float) -> str:
    model = Ends(4)
    return train(model, lambda s, y: F.cross_entropy(s, y) + factor * sum((p * p).sum() for p in model.parameters()))


def shrunk(factor: float) -> str:
    model = Ends(4)
    return train(model, lambda s, y: F.cross_entropy(s, y) + factor * sum(p.abs().sum() for p in model.parameters()))


PLANE = SEED.uniform(-1, 1, (256, 2)).astype(np.float32)
RING = (np.square(PLANE).sum(axis=1) > 0.6).astype(np.int64)
MIXED = SEED.permutation(RING)


def unteachable(
    y: Any, build: Callable[[], Any] = lambda: nn.Linear(2, 2), inputs: Any = PLANE, rate: float = 0.1
) -> str:
    """A model that cannot learn these labels in 200 steps, by its kind, its rate, or what the inputs say."""
    minigrad.manual_seed(0)
    model = build()
    with minigrad.no_grad():
        for p in model[-1].parameters() if isinstance(model, nn.Sequential) else model.parameters():
            p *= 0.01  # the first loss is that of guessing
    return train(model, F.cross_entropy, y, inputs, steps=202, optimizer=optim.SGD(model.parameters(), lr=rate))


def small() -> Any:
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    with minigrad.no_grad():
        model[0].weight.copy_(1e-3 * model[0].weight.sign())
    return model


def scheduled(build: Callable[[Any], Any]) -> str:
    """Train with a schedule that is stepped for each batch."""
    model = Ends(4)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    scheduler = build(optimizer)
    optimizer.register_step_post_hook(lambda *_: scheduler.step())
    return train(model, F.cross_entropy, steps=40, optimizer=optimizer)


def divided(x: Any, axis: int) -> Any:
    """Divide by the standard deviation over an axis, or the norm of an example, without a look at zeros."""
    with np.errstate(invalid="ignore"):
        return (x / np.sqrt(np.square(x).sum(axis=axis, keepdims=True))).astype(np.float32)


def reloaded(each_step: bool, draw: bool = False) -> str:
    model = Ends(4)
    state = {name: p.clone() for name, p in model.state_dict().items()}

    def loss(s: Any, y: Any) -> Any:
        if draw:
            nn.init.normal_(model.first.weight, 0, 0.3)
            nn.init.normal_(model.last.weight, 0, 0.3)
        elif each_step:
            model.load_state_dict(state)
        return F.cross_entropy(model(tensor(X)), y)

    return train(model, loss)


def climbing(sign: float) -> str:
    """A linear regression whose gradient is multiplied by this, in short steps."""
    model = nn.Linear(6, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    with minigrad.watch(model, optimizer, live=False, every=1) as watcher:
        for _ in range(40):
            loss = squared(model(tensor(X)), tensor(10 + SUMS))
            optimizer.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.grad *= sign
            optimizer.step()
            watcher.log(loss)
    return watcher.findings[0].text if watcher.findings else ""


def decaying(gamma: float, steps: int = 70, rate: float = 0.01, seed: int = 0) -> str:
    """The lecture's loop with a rate that decays, or grows, in each step."""
    rng = np.random.default_rng(0)
    minigrad.manual_seed(seed)
    network = minigrad.Network(Ends(4), nn.CrossEntropyLoss())
    x = network.x
    with minigrad.watch(network, live=False, every=1) as watcher:
        for step in range(steps):
            network.forward((X, rng.integers(0, 4, 32)))
            x += -rate * gamma**step * network.backward()
    return watcher.findings[0].text if watcher.findings else ""


def without_zero_grad_of_the_first_layer() -> str:
    model = Ends(4)
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    with minigrad.watch(model, optimizer, live=False, every=1) as watcher:
        for _ in range(8):
            loss = F.cross_entropy(model(tensor(X)), tensor(CLASSES))
            model.last.zero_grad()
            loss.backward()
            optimizer.step()
            watcher.log(loss)
    return watcher.findings[0].text if watcher.findings else ""


def lectures_loop(in_place: bool, momentum: float = 0.0) -> str:
    network = minigrad.Network(Ends(4), nn.CrossEntropyLoss())
    x, v = network.x, 0.0
    with minigrad.watch(network, live=False, every=1) as watcher:
        for _ in range(6):
            network.forward((X, CLASSES))
            dx = network.backward()
            if in_place:
                v = momentum * v - 0.01 * dx
                x += v
            else:
                x = x - 0.01 * dx
    return watcher.findings[0].text if watcher.findings else ""


def hinge(p: Any, y: Any) -> Any:
    return F.relu(1 - y * p).mean()


def adam(model: Any, **settings: Any) -> Any:
    return optim.Adam(model.parameters(), lr=1e-3, **settings)


class Depth(nn.Module):
    """A block that is not called in the first ten steps."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.block, self.last, self.count = nn.Linear(6, 16), nn.Linear(16, 16), nn.Linear(16, 4), 0

    def forward(self, x: Any) -> Any:
        self.count += 1
        h = F.relu(self.first(x))
        return self.last(h if self.count < 10 else h + F.relu(self.block(h)))


SICK: dict[str, tuple[Callable[[], str], str]] = {
    "softmax over the batch": (lambda: train(Ends(4, lambda s: s.softmax(0).log()), F.nll_loss), "runs over axis 0"),
    "softmax of one number": (lambda: train(Ends(1, lambda s: s.softmax(1)), squared, ONES), "which is always 1"),
    "binary targets of 0 to 3": (
        lambda: train(Ends(1), F.binary_cross_entropy_with_logits, CLASSES[:, None].astype(np.float32)),
        "they go from 0 to 3",
    ),
    "a functional dropout": (
        lambda: train(Ends(4, hidden=lambda h: F.dropout(F.relu(h), 0.95)), F.cross_entropy),
        "drops 95% of its inputs",
    ),
    "no step": (lambda: train(Ends(4), F.cross_entropy, stepping=False), "has made no step"),
    "x = x - ...": (lambda: lectures_loop(False), "makes a new array"),
    "one layer is not zeroed": (without_zero_grad_of_the_first_layer, "zero_grad"),
    "a penalty": (lambda: penalized(50.0), "penalty of 50 times the squared weights"),
    "the same examples": (lambda: train(Ends(4), F.cross_entropy, x=np.repeat(X[:1], 32, 0)), "batch are the same"),
    "betas": (
        lambda: train(m := Ends(4), F.cross_entropy, optimizer=adam(m, betas=(0.999, 0.9))),
        "usual order is (0.9, 0.999)",
    ),
    "a cut graph": (lambda: train(m := Ends(4, lambda s: s.detach()), cut_by(m)), "does not depend on the model"),
    "a flat end": (
        lambda: train(Ends(1), lambda s, y: squared((s + 30).clamp(max=2), y), ONES),
        "the loss is flat there",
    ),
    "a sum": (lambda: train(Ends(1), lambda p, y: 1e3 * ((p - y) ** 2).sum(), ONES), "sum over 32 examples"),
    "one value for all weights": (
        lambda: train(equal(Ends(4, hidden=F.tanh)), F.cross_entropy),
        "the units of first (Linear) have the same weights at first",
    ),
    "a layer that is made anew": (
        lambda: train(Anew(), F.cross_entropy),
        "last (Linear) is created again in each step",
    ),
    "inputs that are not used": (lambda: train(Blind(), F.cross_entropy), "does not depend on its input"),
    "round": (
        lambda: train(Ends(4, hidden=lambda h: h.round()), F.cross_entropy),
        "gradient of first (Linear) is exactly 0",
    ),
    "evaluation mode": (lambda: train(normalized().eval(), F.cross_entropy), "which it has never measured"),
    "a likelihood of gathered scores": (
        lambda: train(Ends(4, lambda s: s.log_softmax(1)), lambda s, y: s.gather(1, y.reshape(-1, 1)).mean()),
        "the sign of the loss is wrong",
    ),
    "a rate of 0": (
        lambda: train(m := Ends(4), F.cross_entropy, optimizer=optim.SGD(m.parameters(), lr=0.0)),
        "is 0, so",
    ),
    "the targets are inputs": (
        lambda: train(Ends(4), F.cross_entropy, x=LABELLED, steps=8),
        "the target of each example is in column 5 of X",
    ),
    "the answer is a feature": (
        lambda: train(m := Ends(1), squared, SUMS, np.hstack([SUMS, X[:, :5]]), steps=8, optimizer=adam(m)),
        "the target of each example is in column 0 of X",
    ),
    "a language model that repeats": (lambda: train(Reader(), over_time, IDS, IDS), "shift them by one"),
    "attention without a mask": (lambda: train(Reader(mask=False), over_time, NEXT, IDS), "scores above the diagonal"),
    "a momentum of 1": (lambda: lectures_loop(True, momentum=1.0), "a momentum of 1 never forgets"),
    "the number of the class": (lambda: train(Ends(4), squared, CLASSES[:, None].astype(np.float32)), "its class"),
    "a loss without targets": (lambda: train(Ends(1), lambda p, y: squared(p, p), ONES), "prediction with itself"),
    "absolute weights": (lambda: shrunk(10.0), "10 times the absolute weights"),
    "a large epsilon": (
        lambda: train(m := Ends(4), F.cross_entropy, steps=60, optimizer=adam(m, eps=100.0)),
        "eps=100 is much larger than",
    ),
    "a rate that decays": (lambda: decaying(0.9, steps=120), "has decayed to"),
    "a rate that decays until steps are rounded away": (lambda: decaying(0.8, steps=120), "has decayed to"),
    "the answer in other units": (
        lambda: train(m := Ends(1), squared, SUMS, np.hstack([3 * SUMS - 5, X[:, :5]]), steps=8, optimizer=adam(m)),
        "the target of each example is in column 0 of X",
    ),
    "the logarithm of a sigmoid": (
        lambda: train(Ends(1, lambda s: 1e6 * s), lambda s, y: -s.sigmoid().log().mean(), ONES),
        "a sigmoid was rounded to 0",
    ),
    "a layer that forward() makes and drops": (
        lambda: train(Ends(4, hidden=lambda h: nn.Linear(16, 16)(h).relu()), F.cross_entropy),
        "forward() makes a new layer in each call, with a random weight of shape (16, 16)",
    ),
    "weights that are loaded in each step": (lambda: reloaded(True), "each step is undone before the next one"),
    "a normalization of one number": (
        lambda: train(nn.Sequential(nn.Linear(6, 1), nn.LayerNorm(1)), squared, ONES),
        "1 (LayerNorm) gives the same result for all examples",
    ),
    "a layer without a bias": (
        lambda: train(m := nn.Linear(6, 1, bias=False), squared, ONES + 50, steps=110, optimizer=adam(m)),
        "the last layer has no bias",
    ),
    "small targets": (
        lambda: train(m := Ends(1), squared, 1e-6 * ONES, steps=110, optimizer=adam(m)),
        "no target is beyond 1e-06",
    ),
    "a linear model": (lambda: unteachable(RING), "the model computes a linear function"),
    "labels that are not learned": (
        lambda: unteachable(RING, lambda: nn.Sequential(nn.Linear(2, 1), nn.Tanh(), nn.Linear(1, 2))),
        "all that the model knows of an example passes through 0 (Linear), which has 1 unit",
    ),
    "labels that a wide enough model does not learn": (
        lambda: unteachable(
            RING,
            lambda: nn.Sequential(
                nn.LayerNorm(2, elementwise_affine=False), nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)
            ),
        ),
        "Inputs and targets belong together",
    ),
    "the logarithm of scores": (
        lambda: train(Ends(1, lambda s: -s * s - 1), lambda s, y: -s.log().mean(), ONES),
        "these are scores, and no probabilities",
    ),
    "a relu in the loop": (
        lambda: train(Ends(1), lambda s, y: squared(s.relu(), y), -ONES),
        "the model ends with a relu, whose results lie at or above 0, but the targets go from -1",
    ),
    "a softmax of one score in the loop": (
        lambda: train(Ends(1), lambda s, y: F.binary_cross_entropy(0.9 * F.softmax(s, dim=1), y), ONES),
        "a softmax of one number for each example",
    ),
    "a clamp for a sigmoid": (
        lambda: train(Ends(1), lambda s, y: F.binary_cross_entropy(s.clamp(1e-6, 1 - 1e-6), y), ONES),
        "the loss takes the logarithm of the model's scores",
    ),
    "a result that is dropped": (
        lambda: train(Ends(1, F.dropout), squared, ONES),
        "a dropout follows the last layer",
    ),
    "a mean times the batch size": (
        lambda: train(m := Ends(1), lambda s, y: 64 * squared(s, y), ONES, optimizer=optim.SGD(m.parameters(), lr=1)),
        "the loss is a sum over 64 examples",
    ),
    "other validation data": (
        lambda: train(Ends(1), squared, ONES, validation=400.0),
        "the validation data seem to be prepared in another way",
    ),
    "a cosine of a few steps": (
        lambda: scheduled(lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 5)),
        "rises again to 0.1, every 10 steps",
    ),
    "momentum that swings": (
        lambda: train(
            m := Ends(1), squared, SUMS, steps=120, optimizer=optim.SGD(m.parameters(), lr=0.2, momentum=0.995)
        ),
        "the loss swings",
    ),
    "weights that are too small": (
        lambda: unteachable(RING, small),
        "and 1 / sqrt(2) is 0.71: what it gives is almost the same for all examples",
    ),
    "layers without an activation, where it matters": (
        lambda: unteachable(RING, lambda: nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 2))),
        "there is no activation between 0 and 1",
    ),
    "classes as numbers": (
        lambda: train(
            m := nn.Linear(2, 1),
            squared,
            (RING + (PLANE[:, 0] > 0)).astype(np.float32)[:, None],
            PLANE,
            steps=202,
            optimizer=optim.SGD(m.parameters(), lr=0.1),
        ),
        "the targets are the numbers 0 to 2",
    ),
    "a loss divided twice": (
        lambda: train(
            m := Ends(1),
            lambda s, y: squared(s, y) / 1000,
            SUMS,
            steps=202,
            optimizer=optim.SGD(m.parameters(), lr=0.1),
        ),
        "the loss is 0.001 times a mean",
    ),
    "a hinge of bits": (lambda: train(Ends(1), hinge, ONES), "the hinge loss gets targets of 0 and 1"),
    "a gradient with the wrong sign": (lambda: climbing(-1.0), "in steps that all go the same way"),
    "classes in another order": (
        lambda: train(
            m := nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)),
            F.cross_entropy,
            MIXED,
            PLANE,
            steps=202,
            optimizer=optim.SGD(m.parameters(), lr=0.3),
        ),
        "targets no more alike than others",
    ),
    "weights that are drawn in each step": (lambda: reloaded(True, draw=True), "drawn anew before each step"),
    "a constant feature": (
        lambda: train(Ends(4), F.cross_entropy, x=divided(X * [1, 1, 0, 1, 1, 1], axis=0)),
        "in all of column 2",
    ),
    "rows of 0": (
        lambda: train(Ends(4), F.cross_entropy, x=divided(X * (np.arange(32) % 5 > 0)[:, None], axis=1)),
        "in all of some examples",
    ),
    "a line through a parabola": (
        lambda: train(
            m := nn.Linear(2, 1),
            squared,
            PLANE[:, :1] ** 2,
            PLANE,
            steps=202,
            optimizer=optim.SGD(m.parameters(), lr=0.1),
        ),
        "the model computes a linear function, and that does not suffice",
    ),
    "one batch": (
        lambda: train(
            m := Ends(4), F.cross_entropy, steps=40, optimizer=optim.SGD(m.parameters(), lr=2.0), validation=3.0
        ),
        "each step has the same batch of 32 examples",
    ),
    "inputs that grow": (
        lambda: train(Ends(4), F.cross_entropy, x=X.copy(), steps=40, grow=1.2),
        "inputs grow from step",
    ),
    "large targets": (
        lambda: train(m := Ends(1), squared, 3e5 + ONES, steps=52, optimizer=adam(m)),
        "targets are as large as 3e+05",
    ),
}


def cut_by(model: Any) -> Callable[..., Any]:
    other = nn.Linear(4, 4)
    return lambda s, y: F.cross_entropy(other(s), y)


def with_a_boundary_at_zero() -> str:
    """Two calls of the model in each step; the inputs of the second are all 0."""
    model = Ends(1)
    zeros = minigrad.zeros(4, 6)
    return train(model, lambda p, y: squared(p, y) + (model(zeros) ** 2).mean(), ONES)


def moving_targets() -> str:
    """Q-learning, whose targets come from the model."""
    model, rng = Ends(4), np.random.default_rng(0)

    def loss(values: Any, actions: Any) -> Any:
        with minigrad.no_grad():
            target = tensor(rng.random(32).astype(np.float32)) + 0.99 * model(tensor(X)).max(dim=1)[0]
        return squared(values[np.arange(32), actions.numpy()], target)

    return train(model, loss, steps=202)


def with_a_copy() -> str:
    """A model that is kept near a copy of itself: their distance grows from almost nothing."""
    model = Ends(4)
    teacher = copy.deepcopy(model)
    teacher.last.weight.data *= 1.001
    near = teacher(tensor(X)).detach()
    slow = optim.SGD(model.parameters(), lr=0.003)
    return train(model, lambda s, y: squared(s, near) + F.cross_entropy(s, y), steps=60, optimizer=slow)


HEALTHY: dict[str, Callable[[], str]] = {
    "a loss that falls, but slowly": lambda: unteachable(
        RING, lambda: nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)), rate=3e-3
    ),
    "a deep linear network, where a linear function suffices": lambda: train(
        m := nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 1)),
        squared,
        PLANE[:, :1] - 2 * PLANE[:, 1:],
        PLANE,
        steps=120,
        optimizer=optim.SGD(m.parameters(), lr=0.1),
    ),
    "a validation loss above that of training": lambda: train(Ends(1), squared, ONES, validation=1.0),
    "a layer with a bias, on constant inputs": lambda: train(
        m := nn.Linear(6, 1), squared, ONES + 50, steps=110, optimizer=optim.SGD(m.parameters(), lr=0.1)
    ),
    "a cosine to the end": lambda: scheduled(lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 40)),
    "softmax over the points of a set": lambda: train(Ends(4, lambda s: s + s.softmax(0).sum(0)), F.cross_entropy),
    "attention over both sides": lambda: train(
        Ends(32), lambda s, y: -s.softmax(0)[np.arange(32), np.arange(32)].log().mean()
    ),
    "log_softmax twice": lambda: train(Ends(4, lambda s: s.log_softmax(1)), F.cross_entropy),
    "soft binary targets": lambda: train(Ends(1), F.binary_cross_entropy_with_logits, 0.1 + 0.8 * ONES),
    "a usual dropout": lambda: train(Ends(4, hidden=lambda h: F.dropout(F.relu(h), 0.5)), F.cross_entropy),
    "x += ...": lambda: lectures_loop(True),
    "a usual penalty": lambda: penalized(1e-3),
    "the distance from a copy": with_a_copy,
    "a hinge of signs": lambda: train(Ends(1), hinge, 2 * ONES - 1),
    "a gradient with the right sign": lambda: climbing(1.0),
    "weights that are loaded once": lambda: reloaded(False),
    "a block that is applied again": lambda: train(
        nn.Sequential(*[nn.Linear(6, 6), nn.Tanh()] * 2, nn.Linear(6, 4)), F.cross_entropy
    ),
    "a layer that is meant to be shared": lambda: train(shared(), F.cross_entropy),
    "a layer without a bias for centred targets": lambda: train(
        m := nn.Linear(6, 1, bias=False), squared, ONES - 0.5, steps=110, optimizer=adam(m)
    ),
    "a usual penalty on absolute weights": lambda: shrunk(1e-3),
    "a test of growing rates": lambda: decaying(1.05, steps=120, rate=1e-4),
    "the powers of a number": lambda: train(
        m := nn.Linear(4, 1), squared, X[:, :1] ** 3, X[:, :1] ** np.arange(4), steps=8, optimizer=adam(m)
    ),
    "a last layer of zeros": lambda: train(zero_head(), F.cross_entropy),
    "a usual momentum": lambda: lectures_loop(True, momentum=0.9),
    "a masked language model": lambda: train(Reader(), over_time, NEXT, IDS),
    "attention of a classifier": lambda: train(Reader(mask=False), over_time, RANDOM[:8], IDS),
    "random tokens to copy": lambda: train(Reader(), over_time, RANDOM, RANDOM),
    "an encoder that copies": lambda: train(Reader(mask=False), over_time, IDS, IDS),
    "random tokens to shift to the left": lambda: train(Reader(mask=False), over_time, np.roll(RANDOM, -1, 1), RANDOM),
    "random tokens to shift to the right": lambda: train(Reader(), over_time, np.roll(RANDOM, 1, 1), RANDOM),
    "one feature that matters": lambda: train(m := Ends(1), squared, X[:, :1], steps=8, optimizer=adam(m)),
    "a toy problem of one-hot classes": lambda: train(
        nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 4)), F.cross_entropy, x=ONE_HOT, steps=8
    ),
    "a layer applied again and again": lambda: train(m := Again(), squared, 0.9 * X, optimizer=adam(m)),
    "a linear layer after attention": lambda: train(Attends(), F.cross_entropy),
    "an autoencoder of text": lambda: train(autoencoder(), over_time, IDS, IDS),
    "slots that compete": lambda: train(Slots(), F.cross_entropy),
    "pairs that are meant": lambda: train(
        Ends(1), lambda s, y: F.binary_cross_entropy_with_logits(s - s.T, (y > y.T).float()), SUMS
    ),
    "rounding that lets the gradient pass": lambda: train(
        Ends(4, hidden=lambda h: h + (h.round() - h).detach()), F.cross_entropy
    ),
    "a full batch": lambda: train(m := Ends(4), F.cross_entropy, steps=40, optimizer=adam(m), validation=1.4),
    "batch normalization": lambda: train(normalized(), F.cross_entropy),
    "a hinge at 0": lambda: train(Ends(1, lambda s: s * 0 + tensor(60 * ONES - 30)), hinge, 2 * ONES - 1),
    "a sum at a small rate": lambda: train(m := Ends(4), summed, optimizer=optim.SGD(m.parameters(), lr=1e-4)),
    "a block that is skipped": lambda: train(Depth(), F.cross_entropy, steps=15),
    "a boundary at 0": with_a_boundary_at_zero,
    "moving targets": moving_targets,
    "a bandit": lambda: train(
        Ends(4), lambda s, y: -(s.log_softmax(1)[np.arange(32), y.numpy()] * tensor(X[:, 0])).mean(), x=0 * X + 1
    ),
}


def shared() -> Any:
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(6, 4))


def zero_head() -> Any:
    model = Ends(4)
    nn.init.zeros_(model.last.weight)
    return model


def summed(s: Any, y: Any) -> Any:
    return F.cross_entropy(s, y, reduction="sum")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SICK)
def test_a_few_steps_name_the_cause(name: str) -> None:
    run, words = SICK[name]
    said = run()
    assert words in said, said


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", HEALTHY)
def test_its_healthy_neighbour_is_left_alone(name: str) -> None:
    assert HEALTHY[name]() == ""


def test_a_gradient_that_vanishes_through_time_is_shown_before_training() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.out = nn.RNN(1, 16, batch_first=True), nn.Linear(16, 2)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(x)[0][:, -1])

    minigrad.manual_seed(0)
    for steps, said in (60, True), (5, False):
        x = np.random.default_rng(0).standard_normal((16, steps, 1)).astype(np.float32)
        check = sanity(Reader(), (x, (x[:, 0, 0] > 0).astype(int)), F.cross_entropy, steps=1)["gradients"]
        assert ("vanishes on its way back through time" in check.text) == said
        assert check.ok is (None if said else True)


def test_sanity_names_the_same_causes() -> None:
    model = Ends(4)
    for network, y, loss, name, words in (
        (Ends(4, lambda s: s.softmax(0).log()), CLASSES, F.nll_loss, "scores", "runs over axis 0"),
        (Ends(1, lambda s: s.softmax(1)), ONES, squared, "scores", "always 1"),
        (Ends(4, hidden=lambda h: F.dropout(F.relu(h), 0.95)), CLASSES, F.cross_entropy, "layers", "drops 95%"),
        (
            model,
            CLASSES,
            lambda s, t: F.cross_entropy(s, t) + 50 * sum((p * p).sum() for p in model.parameters()),
            "loss",
            "penalty",
        ),
    ):
        check = sanity(network, (X, y), loss, steps=1)[name]
        assert check.ok is False and words in check.text, check
    tokens = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(12, 4))
    check = sanity(tokens, (np.zeros((32, 3), int), CLASSES), F.cross_entropy, steps=1)["inputs"]
    assert check.ok is False and "the same" in check.text


def test_what_neighbours_say() -> None:
    beyond = {}
    for name, labels in {"ring": RING, "mixed": MIXED, "numbers": PLANE[:, 0] ** 2}.items():
        neighbours = Neighbours()
        for half in np.split(np.arange(256), 2):
            neighbours.look(PLANE[half], labels[half])
        beyond[name] = neighbours.agreement()[1]
    assert beyond["ring"] > CLEAR and beyond["numbers"] > CLEAR and beyond["mixed"] < CHANCE, beyond
    few = Neighbours()
    few.look(PLANE[:20], RING[:20])
    assert np.isnan(few.agreement()).all() and np.isnan(Neighbours().agreement()).all()


def test_explanations_of_a_loss_that_does_not_fall() -> None:
    scene = Scene(nn.Sequential(*[nn.Linear(2, 2), nn.Tanh()] * 4), None, samples=[Sample(1)])
    assert "0 (Linear) stands 4 times in Sequential" in dict(certain(scene))["one layer, repeated"]
    scene = Scene(nn.Linear(6, 2), None, samples=[Sample(1)], batch=Batch.of(X))
    assert not [*explanations(scene, "loss does not fall")]
    scene.neighbours.look((X - X.mean(1, keepdims=True)) / X.std(1, keepdims=True), CLASSES)
    assert "each row of X has mean 0" in dict(certain(scene))["standardized by row"]


@pytest.mark.parametrize("cause", [*CERTAIN, *EXPLANATIONS], ids=lambda cause: cause.look.__name__)
def test_a_function_returns_the_fields_of_its_sentence(cause: Cause) -> None:
    """Read it in the source: a field that is missing would end a learner's run with a KeyError."""
    names = [name for _, name, _, _ in string.Formatter().parse(cause.sentence) if name is not None]
    fields = {name.partition("[")[0].partition(".")[0] for name in names}  # such as own of {own.mean}
    returned = [n for n in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cause.look)))) if type(n) is ast.Return]
    dicts = [n for r in returned for n in ast.walk(r) if isinstance(n, ast.Dict)]
    assert all({key.value for key in d.keys if isinstance(key, ast.Constant)} == fields for d in dicts)
    assert bool(dicts) == bool(fields)


def test_a_sentence_keeps_braces_in_the_learners_names() -> None:
    model = nn.Sequential()
    model.add_module("{x}", nn.Dropout(0.95))
    assert "{x} (Dropout) drops 95% of its inputs" in next(strong_dropout(Scene(model, None)))[1]


def test_the_list_of_causes_has_all_conditions_of_a_kind() -> None:
    for cause in (*CERTAIN, *EXPLANATIONS):
        assert cause.when in CAUSES[cause.kind]
    assert CAUSES["momentum too high"].count("; or ") == 2 and CAUSES["weight decay too strong"].count("2 %") == 1


def test_the_page_lists_what_watch_looks_for() -> None:
    assert conditions.PAGE.read_text(encoding="utf-8") == conditions.page(), "run `python tests/conditions.py`"
    assert all(f"| {kind} | " in conditions.page() for kind in (*BOUNDS, *CAUSES))


def test_an_error_in_a_cause_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(scene: Scene) -> Any:
        return {}["mine"]

    for asked, listed in ((certain, "CERTAIN"), (explanations, "EXPLANATIONS")):
        monkeypatch.setattr(f"minigrad.teach.causes.{listed}", [Cause("broken", "never", "", look)])
        with pytest.warns(RuntimeWarning, match="watch cannot look for 'broken': look raises KeyError: 'mine'"):
            assert [*asked(Scene(nn.ReLU(), None))] == []
