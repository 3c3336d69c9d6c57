"""What the inputs give away about the targets: a feature that is the target, a sequence that is its own target."""

from __future__ import annotations

from typing import Any

import numpy as np

BATCHES, EXAMPLES = 6, 100
"""The number of batches that are looked at, and of their examples: in fewer, a rare feature may fit by chance."""
OTHERS = 4
"""The number of features that must not be the target; a toy problem may have little else."""


class Giveaway:
    """What the inputs of a few samples say about their targets, which they should not hold.

    Attributes:
        columns: the features that are the same for all examples of a class, and tell the classes apart; or that are
            the target of a regression.
        copied: whether the targets of a sequence of indices are these indices, in each sample.
        shifted: whether they are the indices one position later, as in a language model.
        behind: whether they are the indices one position earlier.
    """

    def __init__(self) -> None:
        self.columns: list[int] = []
        self.copied = self.shifted = self.behind = False
        self._batches = self._examples = 0
        self._row_of: dict[float, np.ndarray] = {}  # of each class, an example
        self._differs: Any = False  # the columns that differ within a class, or from the target

    def look(self, X: Any, targets: Any) -> None:
        """Look at a batch; after the first few, at none."""
        if X is None or targets is None or X.ndim != 2 or self._batches >= BATCHES:
            return
        self._batches += 1
        self._examples += len(X)
        first = self._batches == 1
        if X.dtype.kind in "iu" and targets.dtype.kind in "iu" and targets.size == X.size and min(X.shape) > 0:
            y = targets.reshape(X.shape)
            later = [(y[:, :-1], X[:, 1:]), (y[:-1], X[1:])]
            earlier = [(y[:, 1:], X[:, :-1]), (y[1:], X[:-1])]
            self.copied = (first or self.copied) and X.shape[1] > 3 and bool((y == X).all())
            self.shifted = (first or self.shifted) and any(a.size > 3 and bool((a == b).all()) for a, b in later)
            self.behind = (first or self.behind) and any(a.size > 3 and bool((a == b).all()) for a, b in earlier)
        elif X.dtype.kind == "f" and targets.size == len(X):
            y = targets.reshape(-1)
            if targets.dtype.kind == "f":
                self._differs = self._differs | (y[:, None] != X).any(axis=0)
            else:
                for label in np.unique(y):
                    rows = X[y == label]
                    row = self._row_of.setdefault(label, rows[0])
                    self._differs = self._differs | (rows != row).any(axis=0)
            if self._batches == BATCHES and self._examples >= EXAMPLES:
                self._conclude()

    def _conclude(self) -> None:
        same = np.flatnonzero(~self._differs)
        rows = np.array([row[same] for row in self._row_of.values()])
        apart = not self._row_of or len(np.unique(rows, axis=0)) == len(rows) > 1
        if same.size and apart and self._differs.sum() >= OTHERS:
            used = np.ptp(rows, axis=0) > 0 if self._row_of else np.ones(len(same), bool)
            self.columns = same[used].tolist()
