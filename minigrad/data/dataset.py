"""`Dataset`: labelled examples in memory, and random batches of them."""

from __future__ import annotations

import operator
from math import prod
from typing import NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.data.checks import check_integer


class Batch(NamedTuple):
    """Copies of some rows of a data set: `X` float32 (size, features), `y` int64 (size,)."""

    X: NDArray[np.float32]
    y: NDArray[np.int64]


class Dataset:
    """Examples `X`, one per row, with their class labels `y`, numbered from 0.

    Both are copied, so later changes to the caller's arrays do not reach the data set.

    Args:
        X: numbers of shape (n, features), or (n, ...) with more axes.
        y: integers of shape (n,), each at least 0.
        seed: of the random batches, default 0; data sets created alike draw the same batches.
        image_shape: the shape of the image that each row of X is, (height, width) or (channels, height, width);
            default None.

    Attributes:
        X: a float32 array of the given shape.
        y: an int64 array (n,).
        classes: the number of classes, the largest label + 1.
        image_shape: as given.

    Raises:
        TypeError: if y is not of integers, or seed is not an int.
        ValueError: if the shapes do not fit each other, there is no data, or a label or the seed is negative.

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
            raise ValueError(f"{shapes}: the data set is empty; check the filter or slice that produced X")
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
                f"y has dtype {labels.dtype}, but labels must be integers from 0; "
                "use y.astype(int), or np.unique(y, return_inverse=True)[1] to number the values of y"
            )
        if labels.min() < 0:
            raise ValueError(
                f"y holds the label {labels.min()}, but labels must be at least 0; for -1 and +1 use (y + 1) // 2"
            )
        if image_shape is not None and prod(image_shape) != prod(self.X.shape[1:]):
            raise ValueError(
                f"image_shape={image_shape} has {prod(image_shape)} pixels, but a row of X, of shape "
                f"{self.X.shape}, has {prod(self.X.shape[1:])}; give the height and width of one row"
            )
        self.y: NDArray[np.int64] = labels.astype(np.int64)
        self.classes = int(self.y.max()) + 1

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, i: SupportsIndex) -> tuple[NDArray[np.float32], int]:
        """Return a copy of row `i` and its label. For several rows, index `X` and `y`."""
        i = operator.index(i)
        return self.X[i].copy(), int(self.y[i])

    def __repr__(self) -> str:
        return f"Dataset(X: {self.X.shape} float32, y: {self.y.shape} int64, classes={self.classes})"

    def sample_data_batch(self, size: int = 64) -> Batch:
        """Return copies of `size` different rows, drawn at random. Each call continues the data set's random sequence.

        Args:
            size: how many rows (default 64).

        Shape: X (size, features), y (size,).

        Raises:
            TypeError: if size is not an int.
            ValueError: if size is less than 1, or more than the number of rows.
        """
        if check_integer("size", size) > len(self):
            raise ValueError(
                f"size must be at most {len(self)}, the rows of the data set, since a batch repeats none; got {size}"
            )
        rows = self._rng.choice(len(self), size, replace=False)
        return Batch(self.X[rows], self.y[rows])
