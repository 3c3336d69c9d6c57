"""Causes in the numbers that stand for users, items or other things, and what these say about the targets."""

from __future__ import annotations

import math

import numpy as np

from minigrad.teach.causes.cause import Seen, certain
from minigrad.teach.causes.scene import Scene
from minigrad.teach.samples import mean_loss

STEPS = 200
"""The number of steps after which a model of ratings does better than their mean."""
KNOWN = 5
"""The number of ratings for each user and item from which they show what these have in common."""


@certain("ratings of others", "users and items say nothing about their ratings, and the loss is that of their mean",
         "the loss, {now:.3g}, is no better than that of one guess for all, {cost:.3g}, and {n} ratings have as little "
         "to do with their two indices as in random order: were they shuffled or cut apart from their users and items? "
         "Index all three by the same rows", assumes=0.9)  # fmt: skip
def shuffled_ratings(scene: Scene) -> Seen:
    if len(scene.losses) < STEPS or not (scene.is_due or scene.ended) or len({len(each) for each in scene.pairs}) != 1:
        return None
    users, items, y = np.concatenate(scene.pairs, axis=1)
    (names, users), (others, items) = (np.unique(ids, return_inverse=True) for ids in (users, items))
    now, cost = mean_loss(scene.losses[-50:]), float(y.var())
    if len(y) < KNOWN * (len(names) + len(others)) or min(len(names), len(others)) < 5 or not now > 0.95 * cost:
        return None
    rng = np.random.default_rng(0)
    table = np.zeros((10, len(names), len(others)))
    for k, each in enumerate(table):
        np.add.at(each, (users, items), (rng.permutation(y) if k else y) - y.mean())
    largest = np.linalg.norm(table, 2, axis=(1, 2))  # a taste that many share makes it large
    return bool(largest[0] < largest[1:].max()) and {"now": now, "cost": cost, "n": len(y)}


@certain("indices as numbers", "a column of the inputs has whole numbers, of which each says much about the target, "
         "and the next one nothing",
         "the numbers 0 to {last:g} in column {column} of the inputs are names of things: each of them says something "
         "about the target, and its neighbours 1 above and below do not. Their order and size mean nothing, so give "
         "each a vector of its own: nn.Embedding({n}, d)", assumes=0.8)  # fmt: skip
def names_as_numbers(scene: Scene) -> Seen:
    X, y = scene.neighbours.raw() if len(scene.samples) >= 10 and scene.is_due else (np.empty((0, 0)), np.empty(0))
    if len(y) < 100 or X.shape[1] > 8:
        return None
    for j, column in enumerate(X.T):
        names, which, times = np.unique(column, return_inverse=True, return_counts=True)
        if len(names) < 10 or (names % 1).any() or names[0] < 0 or len(y) < 4 * len(names):
            continue
        halves = np.zeros((2, len(names)))
        first = np.arange(len(y)) % 2
        for half in (0, 1):
            here = which[first == half]
            counted = np.bincount(here, minlength=len(names))
            sums = np.bincount(here, (y - y.mean())[first == half], minlength=len(names))
            halves[half] = sums / np.maximum(counted, 1)
        means = np.bincount(which, y - y.mean()) / times
        itself = _correlation(*halves) * math.sqrt(len(names))
        beside = _correlation(means[1:], means[:-1]) * math.sqrt(len(names))
        if itself > 3 and beside < 1.5:
            return {"last": names[-1], "column": j, "n": int(names[-1]) + 1}
    return None


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else 0.0
