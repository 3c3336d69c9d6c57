"""Samplers: the order of samples. A sampler yields indices, a `BatchSampler` lists of them.

A sampler draws all its random numbers when its first index is requested. So the order depends only on the seed, not on
what else is drawn between two batches, nor on whether a thread loads ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from minigrad.data.checks import check_integer
from minigrad.output.words import class_name
from minigrad.tensors.creation import tensor
from minigrad.tensors.rng import numbers

T_co = TypeVar("T_co", covariant=True)


def length(source: Any) -> int:
    """Return the number of samples, or raise an error that says how to give a data set a length."""
    if not hasattr(source, "__len__"):
        raise TypeError(
            f"{class_name(source)} has no length: define __len__, or derive it from IterableDataset if its samples "
            "come in sequence"
        )
    return len(source)


def flag(name: str, value: object) -> bool:
    """Return the argument called `name`, or raise a TypeError if it is not True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r} ({class_name(value)})")
    return value


class Sampler(Generic[T_co]):
    """Base class of samplers: `__iter__` yields the indices of an epoch, `__len__` (optional) returns their number.

    >>> class Even(Sampler[int]):
    ...     def __iter__(self):
    ...         return iter(range(0, 5, 2))
    >>> list(Even())
    [0, 2, 4]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{class_name(self)} must define __iter__(self), which yields the indices")


class SequentialSampler(Sampler[int]):
    """Yield the indices 0, 1, 2, … in order.

    Args:
        data_source: the data; only its length matters.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(length(self.data_source)))

    def __len__(self) -> int:
        return length(self.data_source)


class RandomSampler(Sampler[int]):
    """Yield indices in random order, a new one at each iteration.

    Args:
        data_source: the data; only its length matters.
        replacement: whether every index is drawn from all, so that some come twice and others never. By default (False)
            each comes once before any comes again.
        num_samples: how many indices to yield; default the number of samples.
        generator: the random generator; default that of `minigrad.manual_seed`.

    Raises:
        TypeError: if an argument has the wrong type.
        ValueError: if the data is empty.

    >>> sorted(RandomSampler("abcd"))
    [0, 1, 2, 3]
    """

    def __init__(
        self, data_source: Any, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        self.data_source = data_source
        self.replacement = flag("replacement", replacement)
        self._num_samples = None if num_samples is None else check_integer("num_samples", num_samples)
        self.generator = generator
        numbers(generator)
        if not length(data_source):
            raise ValueError("RandomSampler: the data set is empty; check what was read or selected")

    @property
    def num_samples(self) -> int:
        """The number of indices of one iteration."""
        return length(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, k, rng = length(self.data_source), self.num_samples, numbers(self.generator)
        if self.replacement:
            yield from rng.integers(n, size=k).tolist()
        else:
            rounds = [rng.permutation(n) for _ in range(-(-k // n))]
            yield from np.concatenate(rounds)[:k].tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """Yield the given indices in random order, a new one at each iteration.

    Args:
        indices: the indices.
        generator: the random generator; default that of `minigrad.manual_seed`.

    >>> sorted(SubsetRandomSampler([2, 3, 5]))
    [2, 3, 5]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator
        numbers(generator)

    def __iter__(self) -> Iterator[int]:
        for i in numbers(self.generator).permutation(len(self.indices)).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Yield indices at random, index i with probability weights[i] / sum(weights).

    Weights of 1 / (size of the sample's class) balance classes of unequal sizes.

    Args:
        weights: one weight per sample, (n,), each at least 0; the sum need not be 1.
        num_samples: how many indices to yield.
        replacement: whether an index can come more than once (default True).
        generator: the random generator; default that of `minigrad.manual_seed`.

    Raises:
        TypeError: if an argument has the wrong type.
        ValueError: if weights are not finite and at least 0, or too few are positive to draw without replacement.

    >>> list(WeightedRandomSampler([0.0, 3.0, 0.0], num_samples=4))
    [1, 1, 1, 1]
    """

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Any = None) -> None:
        self.weights = tensor(weights, dtype=np.float64)
        self.num_samples = check_integer("num_samples", num_samples)
        self.replacement = flag("replacement", replacement)
        self.generator = generator
        numbers(generator)
        w = self.weights.numpy()
        if w.ndim != 1:
            raise ValueError(f"weights must have one number per sample, (n,), got shape {w.shape}")
        if not np.isfinite(w).all() or (w < 0).any() or not w.any():
            raise ValueError("weights must be finite and at least 0, and at least one of them positive")
        possible = int((w > 0).sum())
        if not replacement and self.num_samples > possible:
            raise ValueError(
                f"num_samples must be at most {possible}, the number of positive weights, without replacement; got "
                f"{num_samples}. Use replacement=True"
            )

    def __iter__(self) -> Iterator[int]:
        w = self.weights.numpy()
        rng = numbers(self.generator)
        yield from rng.choice(len(w), self.num_samples, replace=self.replacement, p=w / w.sum()).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Yield lists of `batch_size` indices of another sampler.

    Args:
        sampler: yields indices.
        batch_size: the length of the lists.
        drop_last: whether to drop a last list that is shorter.

    Raises:
        TypeError: if batch_size is not an int, or drop_last not a bool.
        ValueError: if batch_size is less than 1.

    >>> list(BatchSampler(SequentialSampler("abcde"), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    >>> list(BatchSampler(SequentialSampler("abcde"), batch_size=2, drop_last=True))
    [[0, 1], [2, 3]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = check_integer("batch_size", batch_size)
        self.drop_last = flag("drop_last", drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        n = length(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
