"""`DataLoader`: a data set in batches, shuffled or in order, loaded ahead by a thread if wanted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from minigrad.data.checks import check_integer
from minigrad.tensors.rng import numbers
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.datasets import IterableDataset, Subset, TensorDataset
from minigrad.utils.data.prefetch import prefetched
from minigrad.utils.data.samplers import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    flag,
    length,
)

T_co = TypeVar("T_co", covariant=True)
_FIXED = {"dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"}


class DataLoader(Generic[T_co]):
    """The batches of a data set; each iteration is one epoch.

    Args:
        dataset: samples by index (`Dataset`, a list, …), or one after the other (`IterableDataset`).
        batch_size: how many samples are a batch; None gives single samples, without a dimension for the batch.
        shuffle: whether each epoch has a random order of its own.
        sampler: the indices in their order, instead of `shuffle`.
        batch_sampler: lists of indices, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
        num_workers: 0 loads each batch when it is asked for. More starts one thread, however many are asked for, which
            loads `prefetch_factor * num_workers` batches ahead: the same batches in the same order. NumPy and files
            release the interpreter's lock, so loading overlaps with training. In what a data set draws from the
            generator of `minigrad.manual_seed` there, it races with the training: give it a generator of its own.
        collate_fn: what makes a batch of a list of samples, instead of `default_collate`.
        drop_last: whether to leave out a last batch that is too short.
        timeout: how many seconds to wait for the thread's next batch; 0 is for ever.
        worker_init_fn: called with 0 in the thread before it loads.
        generator: what `shuffle` draws from; None is what `minigrad.manual_seed` seeds.
        prefetch_factor: see `num_workers`; 2 if not given.
        pin_memory, multiprocessing_context, persistent_workers, pin_memory_device, in_order: accepted; they change no
            result, as there is one memory, no process, and always the order.

    Raises:
        TypeError: for arguments of the wrong type, or a data set without `__getitem__`.
        ValueError: for arguments that exclude each other or are too small.

    An exception of the data set or of `collate_fn` arrives as it was raised, with a note that names the sample.

    >>> loader = DataLoader(range(5), batch_size=2)
    >>> len(loader), list(loader)
    (3, [tensor([0, 1]), tensor([2, 3]), tensor([4])])
    """

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
        if not isinstance(shuffle, bool | int | np.bool_ | None):  # a sampler in its place would shuffle, unseen
            raise TypeError(f"shuffle={shuffle!r} is a {type(shuffle).__name__}; it takes True or False")
        shuffle = bool(shuffle)
        drop_last = flag("drop_last", drop_last)
        numbers(generator)
        iterable = isinstance(dataset, IterableDataset)
        if not iterable and not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"dataset is a {type(dataset).__name__}, which has no __getitem__: pass a data set or a list, "
                "or derive from IterableDataset if its samples come one by one"
            )
        if iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "an IterableDataset has its own order: leave out shuffle, sampler and batch_sampler, "
                "and shuffle in its __iter__"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler and shuffle=True exclude each other: both say the order; leave out one")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler excludes batch_size, shuffle, sampler and drop_last: it says all of them")
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None gives single samples, so drop_last=True has no meaning; leave out one")

        self.num_workers = check_integer("num_workers", num_workers, least=0)
        if not num_workers:
            for name, value, default in (
                ("prefetch_factor", prefetch_factor, None),
                ("persistent_workers", persistent_workers, False),
                ("multiprocessing_context", multiprocessing_context, None),
                ("timeout", timeout, 0),
            ):
                if value != default:
                    raise ValueError(f"{name}={value!r} is about loading ahead: set num_workers=1 too, or leave it out")
        if timeout < 0:
            raise ValueError(f"timeout={timeout} is negative; 0 waits for ever")
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
        if name in _FIXED and hasattr(self, "_complete"):  # the samplers were made from it
            raise ValueError(f"{name} of a DataLoader is fixed once it is made; make another DataLoader")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        if self.batch_sampler is not None:
            return length(self.batch_sampler)
        if self.sampler is not None:
            return length(self.sampler)
        n, size = length(self.dataset), self.batch_size or 1
        return n // size if self.drop_last else -(-n // size)

    def __iter__(self) -> Iterator[Any]:
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
            dataset, rows = self.dataset, indices
            while type(dataset) is Subset:
                dataset, rows = dataset.dataset, [dataset.indices[i] for i in rows]
            if type(dataset) is TensorDataset and self.collate_fn is default_collate and _all_ints(rows):
                # All rows in one piece: the same batch as row by row, in a fraction of the time.
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

    # ---- one after the other -------------------------------------------------------------------------------------

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
    return getattr(function, "__name__", None) or type(function).__name__


def get_worker_info() -> None:
    """None, as in PyTorch's main process: data sets are never split among workers here."""
