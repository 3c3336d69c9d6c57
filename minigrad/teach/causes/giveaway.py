"""What the inputs give away about the targets: a feature that is the target, a sequence that is its own target."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BATCHES, EXAMPLES = 6, 100
"""The number of batches that are looked at, and of their examples: in fewer, a rare feature may fit by chance."""
OTHERS, OTHERS_OF_CLASSES = 4, 2
"""The number of features that must not be the target, in a regression and with classes; a toy problem may have little
else, such as the powers of a number."""
STRAIGHT = 1e-5
"""The part of a target's variance that rounding may leave, where a feature is the target in other units."""
TOLD = 2.0
"""The information that a token gives about the next one, in text, against that of tokens in random order."""


class Giveaway:
    """What the inputs of a few samples say about their targets, which they should not hold.

    Some tasks are meant to be like that: to copy, reverse or shift random tokens, or to find the one feature that
    matters. So columns count only if other features speak of the target too, and copies only in text.

    Attributes:
        columns: the features that are the same for all examples of a class, and tell the classes apart; or that are
            the target of a regression.
        copied: whether the targets of a sequence of tokens are these tokens, in each sample.
        shifted, behind: whether they are the tokens one position later, as in a language model; or earlier.
        in_rows: whether a row is a sequence: the next token stands to its right.
        beyond: whether the targets have tokens that the inputs have not: the next ones, of a longer text.
        unmasked: whether fewer than half of the positions have a target, and those are the tokens read there.
        outside_mask: the fraction of the targets that are the tokens read there, if one mask token is read at the rest.
        position: where the target of each example stands among its tokens; None if it stands nowhere.
        part: how many numbers each target of a regression has, if several, and these are the first or last inputs.
    """

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.copied = self.shifted = self.in_rows = self.behind = self.beyond = self.unmasked = False
        self.part, self.outside_mask = 0, 0.0
        self.position: int | None = None
        self._read: list[tuple[np.ndarray, np.ndarray]] = []  # the inputs and targets of each batch
        self._batches = self._examples = 0
        self._row_of: dict[float, np.ndarray] = {}  # of each class, an example
        self._differs: Any = False  # the columns that differ within a class, or from the target

    def look(self, X: Any, targets: Any) -> None:
        """Look at a batch; after the first few, at none."""
        if X is not None and X.dtype.kind == "f" and X.ndim == 3 and X.shape[2] == 1:
            X = X[:, :, 0]  # a window of a series
        if X is None or targets is None or X.ndim != 2 or self._enough:
            return
        of_classes = targets.dtype.kind in "iu"
        if X.dtype.kind == "f" and of_classes and targets.size == X.size > len(X) and (X.round() == X).all():
            X = X.astype(np.int64)  # tokens, as numbers
        of_tokens = X.dtype.kind in "iu" and of_classes
        if of_tokens and targets.size == X.size - len(X) > len(X):
            X = X[:, :-1]  # the scores of the last position are left out
        self._batches += 1
        self._examples += len(X)
        first = self._batches == 1
        if of_tokens and targets.size == X.size > 0:
            self._look_at_tokens(X, targets.reshape(X.shape), first)
        elif of_tokens and targets.shape == X.shape[:1] and X.shape[1] > 2:
            self._read.append((X.copy(), targets))
            at = np.flatnonzero((targets[:, None] == X).all(axis=0))
            self.position = int(at[0]) if at.size and (first or self.position is not None) else None
        elif X.dtype.kind == "f" and targets.shape[:1] == X.shape[:1] and 2 <= targets.size // len(X) < X.shape[1]:
            y = targets.reshape(len(X), -1)
            n = y.shape[1]
            same = np.array_equal(y, X[:, :n]) or np.array_equal(y, X[:, -n:])
            self.part = n if (first or self.part) and same else 0
        elif X.dtype.kind == "f" and targets.size == len(X):
            y = targets.reshape(-1)
            if not np.all(self._differs):
                self._read.append((X.copy(), y.copy()))
            if targets.dtype.kind != "f":
                for label in np.unique(y):
                    rows = X[y == label]
                    row = self._row_of.setdefault(label, rows[0])
                    self._differs = self._differs | (rows != row).any(axis=0)
            if self._enough:
                self._conclude()

    def _look_at_tokens(self, X: np.ndarray, y: np.ndarray, first: bool) -> None:
        def shifted(later: np.ndarray, earlier: np.ndarray) -> bool:
            """Return whether the first is the second, one position or one row later."""
            pairs = (later[:, :-1], earlier[:, 1:]), (later[:-1], earlier[1:])
            return any(a.size > 3 and np.array_equal(a, b) for a, b in pairs)

        self._read.append((X.copy(), y))
        known, same, ends = y >= 0, y == X, y[:, -1]
        self.beyond = self.beyond or bool((ends != X[:, 0]).any() and (ends != ends[0]).any())
        self.copied = (first or self.copied) and X.shape[1] > 3 and bool(same.all())
        few = X.shape[1] > 3 and 0 < known.mean() < 0.5
        self.unmasked = (first or self.unmasked) and few and bool(same[known].all())
        self.shifted = (first or self.shifted) and shifted(y, X)
        self.in_rows = self.shifted and X.shape[1] > 1 and np.array_equal(y[:, :-1], X[:, 1:])
        self.behind = (first or self.behind) and shifted(X, y)
        masks = np.unique(X[~same])
        masked = known.all() and len(masks) == 1 and not (y == masks).any()  # which is no target
        self.outside_mask = float(same.mean()) if (first or self.outside_mask) and masked else 0.0

    @property
    def _enough(self) -> bool:
        return self._batches >= BATCHES and self._examples >= EXAMPLES

    def _conclude(self) -> None:
        if not self._row_of:
            self._differs = ~self._straight()
        same = np.flatnonzero(~self._differs)
        rows = np.array([row[same] for row in self._row_of.values()])
        apart = not self._row_of or len(np.unique(rows, axis=0)) == len(rows) > 1
        if same.size and apart and self._differs.sum() >= (OTHERS_OF_CLASSES if self._row_of else OTHERS):
            used = same[np.ptp(rows, axis=0) > 0] if self._row_of else same
            numbers = self._row_of.keys()
            is_number = len(numbers) > 2 and any(all(self._row_of[n][c] == n for n in numbers) for c in used)
            if used.size and (is_number or self._others_speak()):
                self.columns = used.tolist()
        self._read.clear()

    def _straight(self) -> np.ndarray:
        """Return which features are the target of a regression, in the same or in other units."""
        X, y = (np.concatenate(arrays).astype(float) for arrays in zip(*self._read))
        X, y = X - X.mean(axis=0), y - y.mean()
        squares = np.square(X).sum(axis=0) * np.square(y).sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1 - np.square(y @ X) / squares < STRAIGHT)

    def _others_speak(self) -> bool:
        """Return whether another feature goes with the target, more than one of so many would by chance."""
        rows = np.unique(np.column_stack([*map(np.concatenate, zip(*self._read))]).astype(float), axis=0)
        X, y = rows[:, :-1][:, self._differs], rows[:, -1:]
        groups = (y == np.array([*self._row_of])[1:]).astype(float) if self._row_of else y
        basis = np.linalg.qr(groups - groups.mean(axis=0))[0]
        X = X - X.mean(axis=0)
        explained, all_of_it = np.square(basis.T @ X).sum(axis=0), np.square(X).sum(axis=0)
        k, unlikely = basis.shape[1], math.log(100 * X.shape[1])
        # a chi-squared number of k degrees of freedom is beyond this once in 100 columns: Laurent and Massart (2000)
        chance = (k + 2 * math.sqrt(k * unlikely) + 2 * unlikely) / len(X)
        return bool((explained > chance * all_of_it).any())

    @property
    def related(self) -> bool | None:
        """Whether a token says something about the target at its position; None where that is not known."""
        if not self._read or self._batches < 3 or self._read[0][1].shape != self._read[0][0].shape:
            return None
        x, y = (np.concatenate([pair[i].ravel() for pair in self._read]) for i in (0, 1))
        x, y = x[y >= 0], y[y >= 0]
        kinds, kinds_of_targets = len(np.unique(x)), len(np.unique(y))
        if x.dtype.kind not in "iu" or kinds < 2 or len(x) < 20 * max(kinds, kinds_of_targets):
            return None
        chance = _information(x, np.random.default_rng(0).permutation(y))
        return _information(x, y) > TOLD * chance + 0.02

    def is_text(self) -> bool:
        """Return whether a token says something about the next one, as in text, and not in random sequences."""
        rows = [*{row.tobytes(): row for X, _ in self._read for row in X}.values()]  # each sequence once
        before, after = np.concatenate([row[:-1] for row in rows]), np.concatenate([row[1:] for row in rows])
        rng = np.random.default_rng(0)
        chance = max(_information(before, rng.permutation(after)) for _ in range(5))  # not 0 for few tokens
        return _information(before, after) > chance + 0.1


def _information(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mutual information of two sequences of indices, in nats."""
    return _entropy(a) + _entropy(b) - _entropy(np.stack([a, b]))


def _entropy(a: np.ndarray) -> float:
    counts = np.unique(a, axis=-1, return_counts=True)[1]
    p = counts / counts.sum()
    return float(-(p * np.log(p)).sum())
