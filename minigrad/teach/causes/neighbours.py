"""What the inputs of a run say about its targets: whether examples that are alike have targets that are alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

ROWS, MORE_ROWS, FEATURES = 400, 800, 1024
"""The number of examples that are kept, that of rows of a table, and the features that they may have."""
TABLE = 16
"""The number of features up to which examples are rows of a table rather than pictures."""
FEW = 100
"""With fewer examples, or fewer than two for each feature, neighbours are too far apart to say anything."""
CHANCE, CLEAR = 2.0, 8.0
"""Standard deviations above what targets in random order give: below the first, nothing is seen; above the second, it
is beyond doubt."""
FITTED, UNLIKE = 1.3, 3.0
"""The first for what regressions predict, by chance below 0, where a model does learn; and those below chance, where
neighbours differ as a rule."""
SAME, ORDERED = 0.75, 0.3
"""The fraction of examples whose nearest other one has the same number, above which numbers may be classes; and the
correlation between the distance of two numbers and that of their examples, below which they are."""


class Neighbours:
    """Examples of the first samples, and what the nearest other example says about a target."""

    def __init__(self) -> None:
        self._inputs: list[np.ndarray] = []
        self._targets: list[np.ndarray] = []
        self._rows = 0
        self._each: tuple[np.ndarray, np.ndarray] | None = None  # the examples, sorted, until there are more
        self._agreement: tuple[float, float] | None = None
        self._suffices: bool | None = None
        self._fitted: float | None = None  # by how many standard deviations ridge regressions beat chance
        self.classes = False

    def look(self, X: Any, targets: Any) -> None:
        """Keep a batch, until there are enough examples."""
        if X is None or targets is None or X.dtype.kind != "f" or X.ndim < 2 or self._rows >= MORE_ROWS:
            return
        if targets.dtype.kind == "f" and targets.shape[:1] == X.shape[:1] and targets.size > len(X):  # several numbers
            targets = targets.reshape(len(X), -1)
            targets = targets @ np.random.default_rng(0).standard_normal(targets.shape[1])
        if targets.size != len(X) or not 0 < X[0].size <= FEATURES:
            return
        kept = slice(max(0, (MORE_ROWS if X[0].size <= TABLE else ROWS) - self._rows))
        if not kept.stop:
            return
        self._inputs.append(X.reshape(len(X), -1)[kept].astype(np.float64))
        self._targets.append(targets.reshape(-1)[kept].astype(np.float64))
        self._rows += len(self._targets[-1])
        self._each = self._agreement = self._suffices = self._fitted = None
        self.classes = targets.dtype.kind in "iu"

    def _examples(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs and targets, each example once."""
        if self._each is not None:
            return self._each
        if len({X.shape[1] for X in self._inputs}) != 1:  # none yet, or of several lengths
            return np.empty((0, 1)), np.empty(0)
        X, y = np.concatenate(self._inputs), np.concatenate(self._targets)
        known = np.isfinite(X).all(axis=1) & np.isfinite(y)
        each = np.unique(np.column_stack([X, y])[known], axis=0)
        self._each = each[:, :-1], each[:, -1]
        return self._each

    def raw(self) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and targets as they are; none for classes."""
        return (np.empty((0, 0)), np.empty(0)) if self.classes else self._examples()

    def agreement(self) -> tuple[float, float]:
        """Return how well the nearest example predicts a target, and by how many standard deviations that beats chance.

        The first is the fraction of classes that it hits, or the correlation with the numbers. Both are nan for too
        few examples.
        """
        self._agreement = self._agreement or self._compare()
        return self._agreement

    def _compare(self) -> tuple[float, float]:
        y = self._standardized()[1]
        n = len(y)
        if not n:
            return math.nan, math.nan
        nearest = self._nearest()
        if self.classes:
            hits = float(np.mean(nearest == y))
            chance = float(np.square(np.unique(y, return_counts=True)[1] / n).sum())
            return hits, (hits - chance) / math.sqrt(chance * (1 - chance) / n)
        correlation = float(np.corrcoef(nearest, y)[0, 1]) if nearest.std() else 0.0
        return correlation, correlation * math.sqrt(n)

    def _nearest(self) -> np.ndarray:
        """Return the target of each example's nearest other one."""
        X, y = self._standardized()
        squares = np.square(X).sum(axis=1)
        distances = squares[:, None] + squares - 2 * X @ X.T
        np.fill_diagonal(distances, np.inf)
        return np.asarray(y[distances.argmin(axis=1)])

    def unrelated(self, fitted: float = CHANCE) -> bool:
        """Return whether targets have nothing to do with inputs, as far as neighbours and ridge regressions show."""
        if not -UNLIKE < self.agreement()[1] < CHANCE:
            return False
        if self._fitted is None:
            self._fitted = max(map(self._left_out, (1, 3)))
        return self._fitted < fitted

    def _left_out(self, degree: int) -> float:
        """Return by how much the prediction of each example from all others, by polynomials, beats chance."""
        X, y = self._standardized()
        Y = (y[:, None] == np.unique(y)).astype(float) if self.classes else y[:, None]
        Y = Y - Y.mean(axis=0)
        products = (1 + X @ X.T / X.shape[1]) ** degree
        inverse = np.linalg.inv(products + 0.1 * np.mean(np.diag(products)) * np.eye(len(y)))
        predicted = Y - inverse @ Y / np.diag(inverse)[:, None]  # by the others: Allen (1974)
        correlation = float((predicted * Y).sum() / (np.linalg.norm(predicted) * np.linalg.norm(Y)))
        return correlation * math.sqrt(len(y) * max(Y.shape[1] - 1, 1) / 2)  # each pair of examples counts twice

    def __str__(self) -> str:
        hit = self.agreement()[0]
        if self.classes:
            return f"the nearest other example has the same class for {hit:.0%} of them"
        return f"the nearest other example predicts the target with a correlation of {hit:.2f}"

    @property
    def reachable(self) -> float:
        """The loss that a model can reach if it does as well as the nearest example; nan where that is not known."""
        hit, beyond = self.agreement()
        if not beyond > CLEAR:
            return math.nan
        y = self._examples()[1]
        if not self.classes:
            return float((1 - hit) * y.var())
        miss = max(1 - hit, 1 / len(y))
        return -(1 - miss) * math.log(1 - miss) - miss * math.log(miss / max(len(np.unique(y)) - 1, 1))

    @property
    def linear_suffices(self) -> bool | None:
        """Whether linear functions predict the targets about as well as the nearest example; None if not known.

        A half of the examples is predicted from the other half, in a regression by least squares, and among classes by
        linear discriminants, which find a class in the middle too.
        """
        hit, beyond = self.agreement()
        if not beyond > CLEAR:
            return None
        if self._suffices is None:
            X, y = self._standardized()
            predicted = np.empty_like(y)
            for half in (0, 1):
                seen, unseen = slice(half, None, 2), slice(1 - half, None, 2)
                predicted[unseen] = self._fit(X[seen], y[seen], X[unseen])
            if self.classes:
                missed = float(np.mean(predicted != y))
            else:
                missed = 1 - float(np.corrcoef(predicted, y)[0, 1]) ** 2 if predicted.std() else 1.0
            beyond_chance = 1 - hit + 2 * math.sqrt(missed / len(y))
            self._suffices = bool(missed < max(0.03, 2 * (1 - hit), beyond_chance))
        return self._suffices

    @property
    def sorted(self) -> bool:
        """Whether the first batches of a regression are a list sorted by its targets."""
        batches = [y for y in self._targets[:10] if y.size > 3]
        if self.classes or len(batches) < 6:
            return False
        rises = np.sign(np.diff([y.mean() for y in batches]))
        spread = np.mean([y.var() for y in batches[:-1]])
        return bool(abs(rises.mean()) > 0.7 and spread < 0.2 * np.concatenate(batches).var())

    @property
    def numbers(self) -> int:
        """The number of classes, if the targets of a regression are 0, 1, 2, …; 0 for others."""
        kinds = np.unique(self._examples()[1])
        return len(kinds) if not self.classes and 2 < len(kinds) <= 20 and (kinds == np.arange(len(kinds))).all() else 0

    @property
    def ordered(self) -> bool:
        """Whether examples with near numbers are alike."""
        X, y = self._standardized()
        if not len(y) or self.numbers < 5:
            return False
        means = np.array([X[y == number].mean(axis=0) for number in range(self.numbers)])
        i, j = np.triu_indices(self.numbers, 1)
        apart = np.linalg.norm(means[i] - means[j], axis=1)
        return bool(np.corrcoef(apart, j - i)[0, 1] >= ORDERED)

    @property
    def unordered(self) -> bool:
        """Whether these numbers are classes: the nearest example has the same one, and near numbers are not alike."""
        y = self._standardized()[1]
        many = self.numbers >= 5 and len(y)
        return bool(many and np.mean(self._nearest() == y) > SAME and not self.ordered)

    def _fit(self, X: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
        ridge = 1e-3 * len(X) * np.eye(X.shape[1])
        if not self.classes:
            centred = X - X.mean(axis=0)
            weights = np.linalg.solve(centred.T @ centred + ridge, centred.T @ (y - y.mean()))
            return np.asarray((new - X.mean(axis=0)) @ weights + y.mean())
        kinds, which = np.unique(y, return_inverse=True)
        means = np.array([X[y == kind].mean(axis=0) for kind in kinds])
        centred = X - means[which]
        directions = np.linalg.solve(centred.T @ centred + ridge, means.T) * len(X)
        scores = new @ directions - 0.5 * (means.T * directions).sum(axis=0)
        return np.asarray(kinds[scores.argmax(axis=1)])

    def _standardized(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the examples with features of mean 0 and standard deviation 1; none, if they are too few."""
        X, y = self._examples()
        n = len(y)
        if n < FEW or n < 2 * (used := X.std(axis=0) > 0).sum() or not used.any() or not y.std():
            return np.empty((0, 1)), np.empty(0)
        return (X - X.mean(axis=0))[:, used] / X.std(axis=0)[used], y

    def standardized_by_row(self) -> bool:
        """Return whether each example has mean 0 and standard deviation 1, and is no picture, which may have them."""
        X = self._examples()[0] if self._inputs else np.empty((0, 1))
        if len(X) < 2 or not 2 <= X.shape[1] <= TABLE:
            return False
        if np.abs(X.mean(axis=1)).max() > 1e-3 or np.abs(X.std(axis=1) - 1).max() > 0.01 or not X.std(axis=0).all():
            return False
        # the columns of a window of a series, which may be standardized, are like the next ones
        alike = np.corrcoef(X.T)
        return bool(np.diagonal(alike, 1).mean() < alike[np.triu_indices(len(alike), 1)].mean() + 0.3)
