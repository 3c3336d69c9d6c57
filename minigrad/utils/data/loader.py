"""`DataLoader`: iterate over a data set in batches, shuffled or in order, optionally loaded ahead by a thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypedDict, TypeVar, Unpack, overload

import numpy as np

from minigrad.data.checks import check_integer
from minigrad.output.words import class_name
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.datasets import Dataset, IterableDataset, Subset, TensorDataset
from minigrad.utils.data.prefetch import prefetched
from minigrad.utils.data.samplers import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    flag,
    length,
)

B = TypeVar("B")
T_co = TypeVar("T_co", covariant=True)
_FIXED = {"dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"}


class _Options(TypedDict, total=False):
    """The arguments that do not change what a batch is, for the types below."""

    sampler: Iterable[Any] | None
    batch_sampler: Iterable[list[Any]] | None
    num_workers: int
    pin_memory: bool
    drop_last: bool
    timeout: float
    worker_init_fn: Callable[[int], object] | None
    multiprocessing_context: Any
    generator: Any
    prefetch_factor: int | None
    persistent_workers: bool
    pin_memory_device: str
    in_order: bool


class DataLoader(Generic[T_co]):
    """Iterate over the batches of a data set; each iteration is one epoch.

    Args:
        dataset: a map-style data set (`Dataset`, a list, …) or an `IterableDataset`.
        batch_size: the number of samples in a batch, default 1, often 32 to 256; None yields single samples, without a
            batch dimension.
        shuffle: whether each epoch has a new random order (default False).
        sampler: the indices in order, instead of `shuffle`.
        batch_sampler: lists of indices, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
        num_workers: 0 (default) loads each batch on request. Any other number starts one thread, which loads up to
            `prefetch_factor * num_workers` batches ahead: the same batches in the same order. NumPy and file reads
            release the interpreter's lock, so loading overlaps with training. A data set that draws random numbers
            then needs its own generator: with the one of `minigrad.manual_seed` it would race with training.
        collate_fn: joins a list of samples into a batch (default `default_collate`).
        drop_last: whether to drop a last batch that is too short (default False).
        timeout: how many seconds to wait for the thread's next batch; default 0, without limit.
        worker_init_fn: called with 0 in the thread before it loads.
        generator: the random generator of `shuffle`; default that of `minigrad.manual_seed`.
        prefetch_factor: see `num_workers` (default 2).
        pin_memory, multiprocessing_context, persistent_workers, pin_memory_device, in_order: accepted without effect:
            there is one memory and no process, and the order is always kept.

    Shape: samples (...) -> batches (batch_size, ...).

    Raises:
        TypeError: if an argument has the wrong type, or the data set has no `__getitem__`.
        ValueError: if arguments exclude each other or are too small.

    An exception in the data set or in `collate_fn` is raised unchanged, with a note that names the sample.

    >>> loader = DataLoader(range(5), batch_size=2)
    >>> len(loader), list(loader)
    (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
    """

    @overload
    def __init__(
        self: DataLoader[list[Tensor]],
        dataset: Dataset[tuple[Tensor, ...]],
        batch_size: int = 1,
        shuffle: bool | None = None,
        **options: Unpack[_Options],
    ) -> None: ...
    @overload
    def __init__(
        self: DataLoader[B],
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        *,
        collate_fn: Callable[[Any], B],
        **options: Unpack[_Options],
    ) -> None: ...
    @overload
    def __init__(
        self: DataLoader[Any],
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None: ...
    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], object] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if not isinstance(shuffle, bool | int | np.bool_ | None):  # a sampler, passed by position, would be true
            raise TypeError(f"shuffle must be True or False, got {shuffle!r} ({class_name(shuffle)})")
        shuffle = bool(shuffle)
        drop_last = flag("drop_last", drop_last)
        numbers(generator)
        iterable = isinstance(dataset, IterableDataset)
        if not iterable and not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"dataset must have a method __getitem__, got {class_name(dataset)}: pass a data set or a list, "
                "or derive from IterableDataset if its samples come in sequence"
            )
        if iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "shuffle, sampler and batch_sampler must not be given for an IterableDataset, which has its own order: "
                "shuffle in its __iter__"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler and shuffle=True exclude each other, both set the order: leave out one")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last: it sets them all")
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None yields single samples, so drop_last=True has no meaning: leave out one")

        self.num_workers = check_integer("num_workers", num_workers, least=0)
        if not num_workers:
            for name, value, default in (
                ("prefetch_factor", prefetch_factor, None),
                ("persistent_workers", persistent_workers, False),
                ("multiprocessing_context", multiprocessing_context, None),
                ("timeout", timeout, 0),
            ):
                if value != default:
                    raise ValueError(f"{name}={value!r} needs a loading thread: set num_workers=1 too, or leave it out")
        if timeout < 0:
            raise ValueError(f"timeout must be at least 0, got {timeout}; 0 waits without limit")
        self.prefetch_factor = prefetch_factor
        if num_workers:
            self.prefetch_factor = check_integer("prefetch_factor", 2 if prefetch_factor is None else prefetch_factor)

        if batch_sampler is not None:
            batch_size = None
        elif not iterable:
            if sampler is None:
                sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
            if batch_size is not None:
                batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        elif batch_size is not None:
            check_integer("batch_size", batch_size)

        batched = batch_size is not None or batch_sampler is not None
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and hasattr(self, "_complete"):  # the samplers were created from it
            raise ValueError(f"{name} of a DataLoader cannot be changed; create another DataLoader")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        if self.batch_sampler is not None:
            return length(self.batch_sampler)
        if self.sampler is not None:
            return length(self.sampler)
        n, size = length(self.dataset), self.batch_size or 1
        return n // size if self.drop_last else -(-n // size)

    def __iter__(self) -> Iterator[T_co]:
        batches = self._from_stream() if isinstance(self.dataset, IterableDataset) else self._by_index()
        if not self.num_workers:
            return batches
        ahead = (self.prefetch_factor or 2) * self.num_workers
        return prefetched(batches, ahead, self.timeout, lambda: self.worker_init_fn and self.worker_init_fn(0))

    # ---- by index ------------------------------------------------------------------------------------------------

    def _by_index(self) -> Generator[Any, None, None]:
        if self.batch_sampler is not None:
            for indices in self.batch_sampler:
                yield self._batch(indices)
        elif self.sampler is not None:
            for index in self.sampler:
                yield self._collated(self._sample(index), f"sample {index!r}")

    def _batch(self, indices: list[Any]) -> Any:
        try:
            dataset: Any = self.dataset
            rows = indices
            while type(dataset) is Subset:
                dataset, rows = dataset.dataset, [dataset.indices[i] for i in rows]
            if type(dataset) is TensorDataset and self.collate_fn is default_collate and _all_ints(rows):
                # index all rows at once: the same batch as row by row, in a fraction of the time
                return [t[rows] for t in dataset.tensors]
            samples = dataset.__getitems__(rows) if hasattr(dataset, "__getitems__") else None
        except Exception as error:
            error.add_note(f"DataLoader: raised by the data set for the samples {indices!r}")
            raise
        if samples is None:
            samples = [self._sample(index) for index in indices]
        return self._collated(samples, f"the samples {indices!r}")

    def _sample(self, index: Any) -> Any:
        try:
            return self.dataset[index]
        except Exception as error:
            error.add_note(f"DataLoader: raised by the data set for sample {index!r}")
            raise

    def _collated(self, samples: Any, which: str) -> Any:
        try:
            return self.collate_fn(samples)
        except Exception as error:
            error.add_note(f"DataLoader: raised by {_name(self.collate_fn)} for {which}")
            raise

    # ---- in sequence ---------------------------------------------------------------------------------------------

    def _from_stream(self) -> Generator[Any, None, None]:
        samples, n = self._stream(), 0
        if self.batch_size is None:
            for n, sample in enumerate(samples):
                yield self._collated(sample, f"sample {n}")
            return
        while batch := list(islice(samples, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield self._collated(batch, f"the samples {n} to {n + len(batch) - 1}")
            n += len(batch)

    def _stream(self) -> Iterator[Any]:
        n = 0
        try:
            for sample in self.dataset:
                yield sample
                n += 1
        except Exception as error:
            error.add_note(f"DataLoader: raised by the data set for sample {n}")
            raise


def _all_ints(indices: Any) -> bool:
    return type(indices) is list and bool(indices) and all([type(i) is int for i in indices])


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or class_name(function)


def get_worker_info() -> None:
    """Return None, as in PyTorch's main process: data sets are never split among workers here."""
