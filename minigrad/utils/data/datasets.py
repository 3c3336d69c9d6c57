"""Data sets: samples by index (map-style) or one after the other (iterable), and data sets made of others."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor
from minigrad.utils.data.samplers import length

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """The base of data sets: one gives a sample by its index in `__getitem__`, and their number in `__len__`.

    A list, or whatever else has the two methods, will do as well. With `__getitems__`, which takes a list of indices
    and returns a list of samples, a data set can read a whole batch at once.

    >>> class Squares(Dataset[int]):
    ...     def __getitem__(self, i):
    ...         return i * i
    ...     def __len__(self):
    ...         return 5
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__ that returns a sample")

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """The base of data sets whose samples come one after the other, from `__iter__`, as lines from a file do."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__ that gives the samples in order")

    def __add__(self, other: Any) -> ChainDataset[Any]:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The rows of tensors: sample i is the tuple of all `tensor[i]`.

    Args:
        tensors: each of shape (n, ...), with the same n.

    Raises:
        TypeError: for anything but tensors, or for none.
        ValueError: if their first dimensions differ, or one has none.

    >>> import minigrad
    >>> TensorDataset(minigrad.tensor([[1, 2], [3, 4]]), minigrad.tensor([7, 8]))[1]
    (tensor([3, 4]), tensor(8))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise TypeError("TensorDataset takes at least one tensor, got none")
        for i, t in enumerate(tensors):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"TensorDataset takes tensors, but argument {i} is a {type(t).__name__}; "
                    "minigrad.as_tensor(...) makes one of an array or a list"
                )
        shapes = [t.shape for t in tensors]
        if len({shape[:1] for shape in shapes}) > 1 or () in shapes:
            raise ValueError(
                f"TensorDataset: the tensors have shapes {', '.join(map(str, shapes))}, but each needs one row for "
                "each sample, so that the first sizes are equal; select from all of them alike"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])


class ConcatDataset(Dataset[T_co]):
    """Data sets one after the other, as one; `a + b` makes it of two.

    Raises:
        TypeError: for a data set without a length.
        ValueError: for no data sets at all.

    >>> both = ConcatDataset(["abc", "de"])
    >>> len(both), both[0], both[3], both[-1]
    (5, 'a', 'd', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset takes at least one data set, got none")
        for d in self.datasets:
            if isinstance(d, IterableDataset):
                raise TypeError(
                    f"ConcatDataset takes data sets with indices, and {type(d).__name__} is an IterableDataset; "
                    "ChainDataset takes these"
                )
        self.cumulative_sizes = list(itertools.accumulate(map(length, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        n = len(self)
        if not -n <= idx < n:
            raise IndexError(f"index {idx} is out of range for {n} samples in {len(self.datasets)} data sets")
        i = idx % n
        which = bisect.bisect_right(self.cumulative_sizes, i)
        return self.datasets[which][i - self.cumulative_sizes[which - 1] if which else i]


class ChainDataset(IterableDataset[T_co]):
    """Iterable data sets one after the other; `a + b` makes it of two."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[T_co]:
        for d in self.datasets:
            yield from self._checked(d)

    def __len__(self) -> int:
        return sum(length(self._checked(d)) for d in self.datasets)

    @staticmethod
    def _checked(dataset: Any) -> Any:
        if not isinstance(dataset, IterableDataset):
            raise TypeError(
                f"ChainDataset takes IterableDatasets, got a {type(dataset).__name__}; "
                "ConcatDataset takes data sets with indices"
            )
        return dataset


class Subset(Dataset[T_co]):
    """The samples of a data set at the given indices, in their order.

    >>> subset = Subset("abcdef", [4, 0, 2])
    >>> len(subset), subset[0], list(subset)
    (3, 'e', ['e', 'a', 'c'])
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        # A derived class may change the samples in its own __getitem__, which must not be passed over.
        if type(self).__getitem__ is Subset.__getitem__ and hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__([self.indices[i] for i in indices])
        return [self[i] for i in indices]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset[Any]]:
    """Deal the samples out at random into subsets of the given lengths.

    Args:
        dataset: n samples.
        lengths: whole numbers with the sum n, or fractions with the sum 1. Fractions of n are rounded down, and what
            is left over goes one by one to the first subsets.
        generator: what to draw from; None is what `minigrad.manual_seed` seeds.

    Raises:
        TypeError: for lengths that are neither.
        ValueError: for lengths of another sum, or negative ones.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    n, given = length(dataset), list(lengths)
    sizes = given
    if math.isclose(sum(given), 1) and sum(given) <= 1:
        if not all(0 <= f <= 1 for f in given):
            raise ValueError(f"random_split: lengths={given} are fractions, but not all between 0 and 1")
        sizes = [math.floor(n * f) for f in given]
        left = n - sum(sizes)
        sizes = [size + left // len(sizes) + (i < left % len(sizes)) for i, size in enumerate(sizes)]
        for i, size in enumerate(sizes):
            if size == 0:
                warnings.warn(f"random_split: subset {i} of the lengths {given} of {n} samples is empty", stacklevel=2)
    if sum(sizes) != n:
        raise ValueError(
            f"random_split: lengths={given} have the sum {sum(given)}, but there are {n} samples; "
            f"give whole numbers with the sum {n}, or fractions with the sum 1"
        )
    if not all(hasattr(size, "__index__") for size in sizes):
        raise TypeError(f"random_split: lengths={given} are neither whole numbers nor fractions with the sum 1")
    if min(sizes, default=0) < 0:
        raise ValueError(f"random_split: lengths={given} has a negative number of samples")
    order = numbers(generator).permutation(n).tolist()
    ends = itertools.accumulate(map(int, sizes))
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes)]
