"""In which order samples are taken: samplers give indices, a BatchSampler gives lists of them.

A sampler draws all its random numbers when its first index is asked for. So the order depends only on the seed, not on
what else is drawn between two batches, or on whether a thread loads ahead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from minigrad.data.checks import check_integer
from minigrad.tensors.creation import tensor
from minigrad.tensors.rng import numbers

T_co = TypeVar("T_co", covariant=True)


def length(source: Any) -> int:
    """The number of samples, or an error that says how to give a data set a length."""
    if not hasattr(source, "__len__"):
        raise TypeError(
            f"{type(source).__name__} has no length: give it a method __len__, "
            "or, if its samples come one by one, derive it from IterableDataset"
        )
    return len(source)


def flag(name: str, value: object) -> bool:
    """The argument called `name`, which must be True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; it takes True or False")
    return value


class Sampler(Generic[T_co]):
    """The base of samplers: `__iter__` gives the indices of an epoch and `__len__`, if there is one, their number."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} needs a method __iter__ that gives the indices in order")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, … to the end of the data.

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
    """Indices in random order, another one at each iteration.

    Args:
        data_source: the data; only its length counts.
        replacement: whether each index is drawn from all, so that some come twice and others never. If not, each comes
            once before any comes again.
        num_samples: how many indices; as many as there are samples, if not given.
        generator: what to draw from; None is what `minigrad.manual_seed` seeds.

    Raises:
        TypeError: for arguments of the wrong type.
        ValueError: if there is nothing to draw.

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
            raise ValueError("the data set is empty, so it has no random order; check what was read or selected")

    @property
    def num_samples(self) -> int:
        """How many indices one iteration gives."""
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
    """The given indices in random order.

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
    """Indices drawn with the given odds, such as 1 / (size of the class) for classes of unequal sizes.

    Args:
        weights: shape (n,), one weight for each sample, at least 0; the sum need not be 1.
        num_samples: how many indices.
        replacement: whether an index can come twice.
        generator: what to draw from; None is what `minigrad.manual_seed` seeds.

    Raises:
        TypeError: for arguments of the wrong type.
        ValueError: for weights that are no odds, or too few of them above 0 to draw without replacement.

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
            raise ValueError(f"weights has shape {w.shape}, but takes one weight for each sample, (n,)")
        if not np.isfinite(w).all() or (w < 0).any() or not w.any():
            raise ValueError("weights must be finite and at least 0, and one of them more")
        possible = int((w > 0).sum())
        if not replacement and self.num_samples > possible:
            raise ValueError(
                f"num_samples={num_samples}, but only {possible} weights are above 0, "
                "and without replacement none comes twice; use replacement=True"
            )

    def __iter__(self) -> Iterator[int]:
        w = self.weights.numpy()
        rng = numbers(self.generator)
        yield from rng.choice(len(w), self.num_samples, replace=self.replacement, p=w / w.sum()).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of another sampler; the last may be shorter, or is left out by `drop_last`.

    Raises:
        TypeError: if batch_size is no int, or drop_last no bool.
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
