"""Labelled examples in memory, and random batches of them."""

from __future__ import annotations

import operator
from math import prod
from typing import NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.data.checks import check_integer


class Batch(NamedTuple):
    """Some rows of a Dataset, copied: `X` float32 (size, features), `y` int64 (size,)."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]


class Dataset:
    """Examples `X`, one a row, with their class labels `y`, counted from 0.

    Both are copied in, so later changes to the caller's arrays do not reach the data set.

    Args:
        X: numbers of shape (n, features), or (n, ...) with more axes.
        y: whole numbers of shape (n,), each at least 0.
        seed: where the sequence of random batches starts; data sets made alike give the same batches.
        image_shape: (height, width) of the picture that each row of X is, where it is one.

    Attributes:
        X: float32 array of the shape given.
        y: int64 array (n,).
        classes: how many classes there are, the largest label + 1.
        image_shape: as given.

    Raises:
        TypeError: y is not of whole numbers, or seed is not an int.
        ValueError: the shapes do not fit each other, there is no data, or a label or the seed is negative.

    >>> points = Dataset(X=[[0, 0], [0, 1], [1, 0], [1, 1]], y=[0, 1, 1, 0])
    >>> points
    Dataset(X: (4, 2) float32, y: (4,) int64, classes=2)
    >>> X, y = points.sample_data_batch(size=3)
    >>> X.shape, y.shape
    ((3, 2), (3,))
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, seed: int = 0, image_shape: tuple[int, ...] | None = None) -> None:
        self.X: NDArray[np.float32] = np.array(X, dtype=np.float32)
        labels = np.asarray(y)
        self.image_shape = image_shape
        self._rng = np.random.default_rng(check_integer("seed", seed, least=0))
        shapes = f"X has shape {self.X.shape} and y has shape {labels.shape}"
        if self.X.size == 0:
            raise ValueError(f"{shapes}: the data set is empty; check the filter or slice that made X")
        if self.X.ndim < 2:
            raise ValueError(
                f"{shapes}, but X needs one row per example, (n, features); "
                "for one feature use X.reshape(-1, 1), for one example X.reshape(1, -1)"
            )
        if labels.ndim != 1:
            raise ValueError(
                f"{shapes}, but y needs one label per example, (n,); "
                "for one-hot rows use y.argmax(axis=1), for a column y.ravel()"
            )
        if len(self.X) != len(labels):
            raise ValueError(
                f"{shapes}: {len(self.X)} rows for {len(labels)} labels; "
                "select from X and y alike, or pass X.T if its rows are the features"
            )
        if labels.dtype.kind not in "iu":
            raise TypeError(
                f"y has dtype {labels.dtype}, but labels are whole numbers from 0; "
                "use y.astype(int), or np.unique(y, return_inverse=True)[1] to number the values of y"
            )
        if labels.min() < 0:
            raise ValueError(
                f"y holds the label {labels.min()}, but labels count from 0; for -1 and +1 use (y + 1) // 2"
            )
        if image_shape is not None and prod(image_shape) != prod(self.X.shape[1:]):
            raise ValueError(
                f"image_shape={image_shape} is {prod(image_shape)} pixels, but a row of X, of shape "
                f"{self.X.shape}, has {prod(self.X.shape[1:])}; give the height and width of one row"
            )
        self.y: NDArray[np.int64] = labels.astype(np.int64)
        self.classes = int(self.y.max()) + 1

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, i: SupportsIndex) -> tuple[NDArray[np.float32], int]:
        """Return a copy of row `i` and its label; for several rows index `X` and `y` themselves."""
        i = operator.index(i)
        return self.X[i].copy(), int(self.y[i])

    def __repr__(self) -> str:
        return f"Dataset(X: {self.X.shape} float32, y: {self.y.shape} int64, classes={self.classes})"

    def sample_data_batch(self, size: int = 64) -> Batch:
        """Draw `size` different rows at random, copied; every call goes on in the data set's own sequence.

        Raises:
            TypeError: size is not an int.
            ValueError: size is less than 1, or more than there are rows.
        """
        if check_integer("size", size) > len(self):
            raise ValueError(
                f"size={size} is more than the {len(self)} rows of the data set, and a batch repeats none; "
                f"ask for size={len(self)} or less"
            )
        rows = self._rng.choice(len(self), size, replace=False)
        return Batch(self.X[rows], self.y[rows])
