"""Data sets: samples by index (map-style) or in sequence (iterable), and combinations and subsets of them."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from minigrad.output.words import class_name
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor
from minigrad.utils.data.samplers import length

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Samples(Protocol[T_co]):
    """Samples that are read by index: a data set, a list, an array."""

    def __getitem__(self, index: Any, /) -> T_co: ...


class Dataset(Generic[T_co]):
    """Base class of map-style data sets: `__getitem__` returns a sample by its index, `__len__` their number.

    A list, or any other object with the two methods, works as well. An optional `__getitems__`, which takes a list of
    indices and returns a list of samples, reads a whole batch at once. `a + b` concatenates two data sets.

    >>> class Squares(Dataset[int]):
    ...     def __getitem__(self, i):
    ...         return i * i
    ...     def __len__(self):
    ...         return 5
    >>> Squares()[3]
    9
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{class_name(self)} must define __getitem__(self, index), which returns a sample")

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Base class of data sets whose samples come in sequence, as the lines of a file: `__iter__` yields them.

    `a + b` chains two of them.

    >>> class Lines(IterableDataset[str]):
    ...     def __iter__(self):
    ...         yield from ["to be", "or not"]
    >>> list(Lines() + Lines())
    ['to be', 'or not', 'to be', 'or not']
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{class_name(self)} must define __iter__(self), which yields the samples")

    def __add__(self, other: Any) -> ChainDataset[Any]:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The rows of tensors: sample i is the tuple of `tensor[i]` for all tensors.

    Args:
        tensors: one or more tensors with the same first dimension, usually inputs and targets.

    Shape: tensors (n, ...) -> n samples of tensors (...).

    Raises:
        TypeError: if an argument is not a tensor, or there are none.
        ValueError: if the first dimensions differ, or a tensor has none.

    >>> import minigrad
    >>> TensorDataset(minigrad.tensor([[1, 2], [3, 4]]), minigrad.tensor([7, 8]))[1]
    (tensor([3, 4]), tensor(8))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise TypeError("TensorDataset needs at least one tensor, got none")
        for i, t in enumerate(tensors):
            if not isinstance(t, Tensor):
                raise TypeError(
                    f"TensorDataset takes tensors, but argument {i} is of type {class_name(t)}; "
                    "minigrad.as_tensor(...) converts an array or a list"
                )
        shapes = [t.shape for t in tensors]
        if len({shape[:1] for shape in shapes}) > 1 or () in shapes:
            raise ValueError(
                f"TensorDataset: the tensors must have the same first dimension, one row per sample, got shapes "
                f"{', '.join(map(str, shapes))}; select from all of them alike"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])


class ConcatDataset(Dataset[T_co]):
    """Concatenate data sets; `a + b` does it with two.

    Args:
        datasets: map-style data sets.

    Raises:
        TypeError: if a data set has no length, or is an `IterableDataset`.
        ValueError: if there are no data sets.

    >>> both = ConcatDataset(["abc", "de"])
    >>> len(both), both[0], both[3], both[-1]
    (5, 'a', 'd', 'e')
    """

    def __init__(self, datasets: Iterable[Samples[T_co]]) -> None:
        self.datasets: list[Any] = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one data set, got none")
        for d in self.datasets:
            if isinstance(d, IterableDataset):
                raise TypeError(
                    f"ConcatDataset takes map-style data sets, but {class_name(d)} is an IterableDataset; use "
                    "ChainDataset"
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
    """Chain iterable data sets; `a + b` does it with two.

    Args:
        datasets: the data sets, each an `IterableDataset`.

    Raises:
        TypeError: during iteration, if one is not an `IterableDataset`.

    >>> class Count(IterableDataset[int]):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(ChainDataset([Count(), Count()]))
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Iterable[T_co]]) -> None:
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
                f"ChainDataset takes IterableDatasets, got {class_name(dataset)}; use ConcatDataset for map-style "
                "data sets"
            )
        return dataset


class Subset(Dataset[T_co]):
    """The samples of a data set at the given indices, in the order of the indices.

    Args:
        dataset: a map-style data set.
        indices: the indices of the samples.

    >>> subset = Subset("abcdef", [4, 0, 2])
    >>> len(subset), subset[0], list(subset)
    (3, 'e', ['e', 'a', 'c'])
    """

    def __init__(self, dataset: Samples[T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> T_co:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        # a subclass may change the samples in its own __getitem__, which must not be bypassed
        if type(self).__getitem__ is Subset.__getitem__ and hasattr(self.dataset, "__getitems__"):
            return self.dataset.__getitems__([self.indices[i] for i in indices])
        return [self[i] for i in indices]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Samples[T], lengths: Sequence[float], generator: Any = None) -> list[Subset[T]]:
    """Split a data set at random into disjoint subsets of the given lengths.

    Args:
        dataset: a map-style data set of n samples.
        lengths: integers with the sum n, or fractions with the sum 1. Fractions of n are rounded down, and the
            remaining samples go one by one to the first subsets.
        generator: the random generator; default that of `minigrad.manual_seed`.

    Returns:
        A list of subsets, each a `Subset`.

    Raises:
        TypeError: if the lengths are neither integers nor fractions.
        ValueError: if their sum is wrong, or one is negative.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    n, given = length(dataset), list(lengths)
    sizes = given
    if math.isclose(sum(given), 1) and sum(given) <= 1:
        if not all(0 <= f <= 1 for f in given):
            raise ValueError(f"random_split: fractions must be between 0 and 1, got lengths={given}")
        sizes = [math.floor(n * f) for f in given]
        left = n - sum(sizes)
        sizes = [size + left // len(sizes) + (i < left % len(sizes)) for i, size in enumerate(sizes)]
        for i, size in enumerate(sizes):
            if size == 0:
                warnings.warn(f"random_split: subset {i} of {n} samples with lengths={given} is empty", stacklevel=2)
    if sum(sizes) != n:
        raise ValueError(
            f"random_split: lengths must be integers with the sum {n}, the number of samples, or fractions with the "
            f"sum 1; got lengths={given} with the sum {sum(given)}"
        )
    if not all(hasattr(size, "__index__") for size in sizes):
        raise TypeError(f"random_split: lengths must be integers, or fractions with the sum 1; got lengths={given}")
    if min(sizes, default=0) < 0:
        raise ValueError(f"random_split: lengths must not be negative, got lengths={given}")
    order = numbers(generator).permutation(n).tolist()
    ends = itertools.accumulate(map(int, sizes))
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes)]
