"""Data sets, samplers, collation and loaders, including the background thread."""

from __future__ import annotations

import collections
import gc
import itertools
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    random_split,
)

Point = collections.namedtuple("Point", "x y")


class Squares(Dataset[int]):
    """Sample i is i * i; the sample `bad` raises."""

    def __init__(self, n: int = 10, bad: int | None = None) -> None:
        self.n, self.bad = n, bad

    def __getitem__(self, i: int) -> int:
        if i == self.bad:
            raise ArithmeticError("unreadable")
        return i * i

    def __len__(self) -> int:
        return self.n


class Stream(IterableDataset[int]):
    def __init__(self, n: int | None = 10, bad: int | None = None) -> None:
        self.n, self.bad, self.closed = n, bad, False

    def __iter__(self) -> Iterator[int]:
        try:
            for i in itertools.count() if self.n is None else range(self.n):
                if i == self.bad:
                    raise ArithmeticError("unreadable")
                yield i
        finally:
            self.closed = True


class Sized(Stream):
    def __len__(self) -> int:
        assert self.n is not None
        return self.n


class Halves(Subset[float]):
    def __getitem__(self, idx: Any) -> float:
        return super().__getitem__(idx) / 2


class Blocks(Squares):
    def __getitems__(self, indices: list[int]) -> list[str]:
        return [f"{i} of {len(indices)}" for i in indices]


def lists(batches: Any) -> list[Any]:
    return [[part.tolist() for part in b] if isinstance(b, list) else b.tolist() for b in batches]


def rows(n: int) -> TensorDataset:
    return TensorDataset(minigrad.arange(3 * n).reshape(n, 3), minigrad.arange(n))


# ---- data sets ---------------------------------------------------------------------------------------------------


def test_concat_subset_and_chain_take_the_samples_of_others() -> None:
    both = Squares(3) + Squares(0) + Squares(2)
    assert isinstance(both, ConcatDataset) and len(both) == 5
    assert [both[i] for i in range(-5, 5)] == [0, 1, 4, 0, 1] * 2
    part = Subset(both, [4, 2, -1])
    assert list(part) == [1, 4, 1] and len(part) == 3
    assert [t.tolist() for t in Subset(rows(4), [3, 0])[[1, 0]]] == [[[0, 1, 2], [9, 10, 11]], [0, 3]]
    chain = Sized(2) + Sized(3)
    assert isinstance(chain, ChainDataset) and list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5


@pytest.mark.parametrize(
    ("n", "lengths", "sizes"),
    [
        (10, [7, 3], [7, 3]),
        (10, [0.7, 0.3], [7, 3]),
        (11, [0.5, 0.5], [6, 5]),
        (10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
        (5, [5, 0], [5, 0]),
        (4, [1.0], [4]),
        (0, [], []),
    ],
)
def test_random_split_deals_out_every_sample_once(n: int, lengths: list[float], sizes: list[int]) -> None:
    parts = random_split(range(n), lengths)
    assert [len(p) for p in parts] == sizes
    assert sorted(itertools.chain(*parts)) == list(range(n))


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match=r"subset 1 of 3 samples .* is empty"):
        random_split(range(3), [0.9, 0.1])


# ---- samplers ----------------------------------------------------------------------------------------------------


def test_random_samplers_draw_as_documented() -> None:
    assert sorted(RandomSampler(range(7))) == list(range(7))
    long = list(RandomSampler(range(3), num_samples=8))
    assert sorted(long[:3]) == sorted(long[3:6]) == [0, 1, 2] and len(long) == 8
    assert len(set(RandomSampler(range(9), num_samples=4))) == 4
    repeated = list(RandomSampler(range(3), replacement=True, num_samples=300))
    assert set(repeated) == {0, 1, 2} and len(repeated) == 300
    assert sorted(SubsetRandomSampler([5, 3, 8])) == [3, 5, 8]
    counts = np.bincount(list(WeightedRandomSampler([1, 0, 3], 4000)), minlength=3)
    assert counts[1] == 0 and 2.5 < counts[2] / counts[0] < 3.6
    assert sorted(WeightedRandomSampler(minigrad.tensor([1.0, 0.0, 9.0]), 2, replacement=False)) == [0, 2]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_same_seed_gives_the_same_order(num_workers: int) -> None:
    def epochs(generator: Any) -> list[Any]:
        loader = DataLoader(range(20), 4, shuffle=True, num_workers=num_workers, generator=generator)
        return [lists(loader), lists(loader)]

    first, second = epochs(np.random.default_rng(3))
    assert first != second and [first, second] == epochs(np.random.default_rng(3))
    minigrad.manual_seed(1)
    order, after = epochs(None), minigrad.rand(2).tolist()
    minigrad.manual_seed(1)
    assert (order, after) == (epochs(None), minigrad.rand(2).tolist())
    minigrad.manual_seed(1)
    plain = DataLoader(range(20), 4, shuffle=True)
    assert order == [lists(plain), lists(plain)]


def test_the_order_does_not_depend_on_what_is_drawn_between_batches() -> None:
    def order(draw: bool) -> list[int]:
        minigrad.manual_seed(0)
        indices = []
        for i in RandomSampler(range(50), replacement=True, num_samples=100):
            indices.append(i)
            if draw:
                minigrad.rand(3)
        return indices

    assert order(draw=True) == order(draw=False)


# ---- collation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch", "dtype", "values"),
    [
        ([1, 2], "int64", [1, 2]),
        ([1.5, 2], "float64", [1.5, 2.0]),
        ([True, False], "bool", [True, False]),
        ([np.float32(1), np.float32(2)], "float32", [1.0, 2.0]),
        ([np.int8(1), np.int8(2)], "int8", [1, 2]),
        ([np.ones(2, "uint8"), np.zeros(2, "uint8")], "uint8", [[1, 1], [0, 0]]),
        ([np.array(1.5), np.array(2.5)], "float64", [1.5, 2.5]),
        ([minigrad.tensor([1.0]), minigrad.tensor([2.0])], "float32", [[1.0], [2.0]]),
    ],
)
def test_default_collate_makes_tensors(batch: list[Any], dtype: str, values: list[Any]) -> None:
    t = default_collate(batch)
    assert isinstance(t, minigrad.Tensor) and (t.dtype, t.tolist()) == (dtype, values)


def test_default_collate_keeps_the_form() -> None:
    point = default_collate([Point(1, [2.0, "a"]), Point(3, [4.0, "b"])])
    assert isinstance(point, Point) and point.x.tolist() == [1, 3]
    assert point.y[0].tolist() == [2.0, 4.0] and point.y[1] == ("a", "b")
    named = default_collate([collections.OrderedDict(a=1, b=(2, 3)), collections.OrderedDict(a=4, b=(5, 6))])
    assert type(named) is collections.OrderedDict and named["a"].tolist() == [1, 4]
    assert [t.tolist() for t in named["b"]] == [[2, 5], [3, 6]]
    assert default_collate([b"x", b"y"]) == [b"x", b"y"]


def test_gradients_pass_through_a_batch() -> None:
    for data in (TensorDataset(w := minigrad.ones(4, 2, requires_grad=True)), [(row,) for row in w]):
        w.grad = None
        for (x,), k in zip(DataLoader(data, 2), (1.0, 3.0)):
            (k * x).sum().backward()
        assert w.grad is not None and w.grad.tolist() == [[1, 1], [1, 1], [3, 3], [3, 3]]


# ---- loaders -----------------------------------------------------------------------------------------------------

LOADERS: list[tuple[Any, dict[str, Any], list[Any]]] = [
    (range(5), {}, [[0], [1], [2], [3], [4]]),
    (range(5), {"batch_size": 2}, [[0, 1], [2, 3], [4]]),
    (range(5), {"batch_size": 2, "drop_last": True}, [[0, 1], [2, 3]]),
    (range(1), {"batch_size": 2, "drop_last": True}, []),
    ([], {"batch_size": 2}, []),
    (range(5), {"batch_size": 2, "sampler": [4, 0, 2]}, [[4, 0], [2]]),
    (range(5), {"batch_size": 2, "sampler": np.array([4, 0, 2])}, [[4, 0], [2]]),
    (range(5), {"batch_sampler": [[4], [0, 2, 1]]}, [[4], [0, 2, 1]]),
    ([np.ones(1), np.zeros(1)], {"batch_size": None}, [[1.0], [0.0]]),
    (rows(3), {"batch_size": 2}, [[[[0, 1, 2], [3, 4, 5]], [0, 1]], [[[6, 7, 8]], [2]]]),
    (Subset(Subset(rows(9), [8, 1, 0]), [2, 1]), {"batch_size": 2}, [[[[0, 1, 2], [3, 4, 5]], [0, 1]]]),
    (Halves(Squares(), [2, 4]), {"batch_size": 2}, [[2.0, 8.0]]),
    (Sized(5), {"batch_size": 2}, [[0, 1], [2, 3], [4]]),
    (Sized(5), {"batch_size": 2, "drop_last": True}, [[0, 1], [2, 3]]),
    (minigrad.data.Dataset([[1, 2], [3, 4]], [0, 1]), {"batch_size": 2}, [[[[1.0, 2.0], [3.0, 4.0]], [0, 1]]]),
]


@pytest.mark.parametrize("num_workers", [0, 1, 3])
@pytest.mark.parametrize(("dataset", "settings", "batches"), LOADERS)
def test_batches_come_in_order(dataset: Any, settings: dict[str, Any], batches: list[Any], num_workers: int) -> None:
    loader = DataLoader(dataset, num_workers=num_workers, **settings)
    assert lists(loader) == batches and len(loader) == len(batches)
    assert lists(loader) == batches  # another epoch


def test_single_samples_of_a_stream_and_whole_batches_of_a_data_set() -> None:
    assert list(DataLoader(Sized(3), batch_size=None)) == [0, 1, 2] and len(DataLoader(Sized(3), batch_size=None)) == 3
    assert list(DataLoader(Blocks(3), 2)) == [["0 of 2", "1 of 2"], ["2 of 1"]]
    assert list(DataLoader(Subset(Blocks(3), [2]), 2)) == [["2 of 1"]]
    assert list(DataLoader(Squares(4), 2, collate_fn=sum)) == [1, 13]


def test_arguments_without_a_meaning_here_are_accepted() -> None:
    ignored = {"pin_memory": True, "persistent_workers": True, "multiprocessing_context": "spawn", "in_order": False}
    assert lists(DataLoader(range(3), num_workers=2, prefetch_factor=1, timeout=60, **ignored)) == [[0], [1], [2]]
    assert get_worker_info() is None


# ---- the thread --------------------------------------------------------------------------------------------------


def test_the_thread_loads_ahead_only_so_far() -> None:
    loaded: list[int] = []

    class Watched(Squares):
        def __getitem__(self, i: int) -> int:
            loaded.append(i)
            return i

    batches = iter(DataLoader(Watched(), 1, num_workers=1, prefetch_factor=3))
    assert next(batches).tolist() == [0]
    deadline = time.monotonic() + 30
    while len(loaded) < 4 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert loaded == [0, 1, 2, 3]


@pytest.mark.parametrize("dataset", [Squares(100), Stream(None), rows(100)])
def test_an_abandoned_iteration_leaves_no_thread(dataset: Any) -> None:
    before = threading.enumerate()
    loader = DataLoader(dataset, 2, num_workers=2)
    for _ in loader:
        assert len(threading.enumerate()) == len(before) + 1
        break
    assert threading.enumerate() == before
    with pytest.raises(KeyError):
        for _ in loader:
            raise KeyError
    assert threading.enumerate() == before
    iter(loader)  # never asked for a batch
    assert threading.enumerate() == before
    if isinstance(dataset, Stream):
        assert dataset.closed


def test_an_iteration_in_a_cycle_is_given_up_by_the_garbage_collector() -> None:
    before = threading.enumerate()
    cycle: list[Any] = [iter(DataLoader(Squares(), num_workers=1))]
    cycle.append(cycle)
    next(cycle[0])
    del cycle
    gc.collect()
    assert threading.enumerate() == before


def test_a_program_ends_while_it_holds_an_iteration() -> None:
    program = (
        "from minigrad.utils.data import DataLoader\n"
        "batches = iter(DataLoader(range(100), num_workers=2))\n"
        "print(next(batches).item())"
    )
    command, root = [sys.executable, "-W", "error", "-c", program], Path(minigrad.__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    ("dataset", "settings", "note"),
    [
        (Squares(bad=5), {"batch_size": 2}, "raised by the data set for sample 5"),
        (Squares(bad=5), {"batch_size": None}, "raised by the data set for sample 5"),
        (Subset(Squares(bad=2), [0, 1, 3, 4, 5, 2]), {"batch_size": 2}, "raised by the data set for sample 5"),
        (Stream(bad=5), {"batch_size": 2}, "raised by the data set for sample 5"),
    ],
)
def test_an_exception_of_the_data_set_arrives(
    dataset: Any, settings: dict[str, Any], note: str, num_workers: int
) -> None:
    before = threading.enumerate()
    batches = iter(DataLoader(dataset, num_workers=num_workers, **settings))
    for _ in range(5 if settings["batch_size"] is None else 2):
        next(batches)
    with pytest.raises(ArithmeticError, match="unreadable") as caught:
        next(batches)
    assert caught.value.__notes__ == [f"DataLoader: {note}"]
    assert 'raise ArithmeticError("unreadable")' in "".join(traceback.format_exception(caught.value))
    assert next(batches, "over") == "over" and threading.enumerate() == before


@pytest.mark.parametrize("num_workers", [0, 1])
def test_exceptions_elsewhere_arrive_with_what_was_loaded(num_workers: int) -> None:
    class Bad(Sampler[int]):
        def __iter__(self) -> Iterator[int]:
            yield 0
            raise ArithmeticError("lost")

    batches = iter(DataLoader(range(3), sampler=Bad(), num_workers=num_workers))
    assert next(batches).tolist() == [0]
    with pytest.raises(ArithmeticError, match="lost"):
        next(batches)
    with pytest.raises(ValueError, match="different shapes") as caught:
        list(DataLoader([np.ones(2), np.ones(3)], 2, num_workers=num_workers))
    assert caught.value.__notes__ == ["DataLoader: raised by default_collate for the samples [0, 1]"]
    with pytest.raises(IndexError) as out:
        list(DataLoader(rows(3), sampler=[1, 7], num_workers=num_workers))
    assert out.value.__notes__ == ["DataLoader: raised by the data set for the samples [7]"]
    with pytest.raises(SystemExit):
        list(DataLoader(range(3), collate_fn=lambda batch: sys.exit(2), num_workers=num_workers))


def test_the_thread_has_the_readers_grad_mode_and_is_set_up_first() -> None:
    w, begun = minigrad.ones(2, requires_grad=True), []
    loader = DataLoader(
        range(2), collate_fn=lambda i: w * i[0], num_workers=1, worker_init_fn=lambda worker: begun.append(worker)
    )
    assert all(t.requires_grad for t in loader) and begun == [0]
    with minigrad.no_grad():
        assert not any(t.requires_grad for t in loader)


def test_a_timeout_names_itself() -> None:
    blocked = threading.Event()
    loader = DataLoader([0], collate_fn=lambda batch: blocked.wait(60), num_workers=1, timeout=0.05)
    with pytest.raises(RuntimeError, match="timeout=0.05"):
        list(loader)
    blocked.set()
    for thread in threading.enumerate():
        if thread.name == "minigrad-prefetch":
            thread.join(60)


# ---- errors ------------------------------------------------------------------------------------------------------

t3, t4 = minigrad.ones(3), minigrad.ones(4)
MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: Dataset()[0], NotImplementedError, "Dataset must define __getitem__"),
    (lambda: iter(IterableDataset()), NotImplementedError, "must define __iter__"),
    (lambda: iter(Sampler()), NotImplementedError, "must define __iter__"),
    (lambda: TensorDataset(), TypeError, "at least one tensor"),
    (lambda: TensorDataset(t3, [1, 2, 3]), TypeError, r"argument 1 is of type list; minigrad.as_tensor"),
    (lambda: TensorDataset(t3, t4), ValueError, r"shapes \(3,\), \(4,\)"),
    (lambda: TensorDataset(minigrad.tensor(1.0)), ValueError, r"shapes \(\)"),
    (lambda: ConcatDataset([]), ValueError, "at least one data set"),
    (lambda: ConcatDataset([Stream()]), TypeError, "is an IterableDataset; use ChainDataset"),
    (lambda: ConcatDataset([Dataset()]), TypeError, "Dataset has no length"),
    (lambda: list(ChainDataset([[1]])), TypeError, "got list; use ConcatDataset"),
    (lambda: (Squares(2) + Squares(1))[3], IndexError, "index 3 is out of range for 3 samples in 2 data sets"),
    (lambda: (Squares(2) + Squares(1))[-4], IndexError, "index -4"),
    (lambda: random_split(range(5), [3, 3]), ValueError, "sum 5, .*got lengths=\\[3, 3\\] with the sum 6"),
    (lambda: random_split(range(5), [0.5, 0.4]), ValueError, "fractions with the sum 1"),
    (lambda: random_split(range(4), [2.0, 2.0]), TypeError, "must be integers, or fractions"),
    (lambda: random_split(range(5), [6, -1]), ValueError, "negative"),
    (lambda: random_split(range(5), [1.5, -0.5]), ValueError, "fractions must be between 0 and 1"),
    (
        lambda: random_split(range(5), [5], generator=3),
        TypeError,
        "generator must be a Generator, got int: pass minigrad.Generator",
    ),
    (lambda: RandomSampler([]), ValueError, "empty"),
    (lambda: RandomSampler([1], replacement=1), TypeError, r"replacement must be True or False, got 1 \(int\)"),
    (lambda: RandomSampler([1], num_samples=0), ValueError, "num_samples must be an integer of at least 1, got 0"),
    (lambda: WeightedRandomSampler([[1.0]], 1), ValueError, r"shape \(1, 1\)"),
    (lambda: WeightedRandomSampler([1, -1], 1), ValueError, "at least 0"),
    (lambda: WeightedRandomSampler([0, 0], 1), ValueError, "at least one of them positive"),
    (
        lambda: WeightedRandomSampler([1, 0], 2, replacement=False),
        ValueError,
        "must be at most 1, the number of positive weights",
    ),
    (lambda: BatchSampler([1], 0, False), ValueError, "batch_size must be an integer of at least 1, got 0"),
    (lambda: BatchSampler([1], 2.5, False), TypeError, r"batch_size must be an integer, got 2.5 \(float\)"),  # type: ignore[arg-type]
    (lambda: BatchSampler([1], 2, 1), TypeError, r"drop_last must be True or False, got 1 \(int\)"),  # type: ignore[arg-type]
    (lambda: DataLoader(i for i in [1]), TypeError, "__getitem__, got generator.* IterableDataset"),
    (
        lambda: DataLoader([1], shuffle=SequentialSampler([1])),
        TypeError,
        "shuffle must be True or False, got .*\\(SequentialSampler\\)",
    ),
    (lambda: DataLoader([1], shuffle=True, sampler=[0]), ValueError, "exclude each other"),
    (lambda: DataLoader([1], batch_sampler=[[0]], batch_size=2), ValueError, "batch_sampler excludes"),
    (lambda: DataLoader([1], batch_size=None, drop_last=True), ValueError, "drop_last=True has no meaning"),
    (lambda: DataLoader([1], batch_size=0), ValueError, "batch_size must be an integer of at least 1, got 0"),
    (lambda: DataLoader(Stream(), batch_size=0), ValueError, "batch_size must be an integer of at least 1, got 0"),
    (lambda: DataLoader(Stream(), shuffle=True), ValueError, "its own order"),
    (lambda: DataLoader(Stream(), sampler=[0]), ValueError, "its own order"),
    (lambda: DataLoader([1], num_workers=-1), ValueError, "num_workers must be an integer of at least 0, got -1"),
    (lambda: DataLoader([1], prefetch_factor=2), ValueError, "prefetch_factor=2 .* num_workers=1"),
    (
        lambda: DataLoader([1], num_workers=1, prefetch_factor=0),
        ValueError,
        "prefetch_factor must be an integer of at least 1, got 0",
    ),
    (lambda: DataLoader([1], persistent_workers=True), ValueError, "persistent_workers=True"),
    (lambda: DataLoader([1], num_workers=1, timeout=-1), ValueError, "timeout must be at least 0, got -1"),
    (lambda: DataLoader([1], generator=object()), TypeError, "generator must be a Generator, got object"),
    (lambda: len(DataLoader(Stream())), TypeError, "Stream has no length"),
    (lambda: setattr(DataLoader([1]), "batch_size", 2), ValueError, "batch_size of a DataLoader cannot be changed"),
    (lambda: default_collate([]), ValueError, "empty"),
    (lambda: default_collate([None]), TypeError, "got NoneType; is a `return` missing"),
    (lambda: default_collate([np.array("a")]), TypeError, "arrays of <U1; pass collate_fn="),
    (lambda: default_collate([{1}]), TypeError, "got set"),
    (lambda: default_collate([t3, np.ones(3)]), TypeError, "another is of type ndarray"),
    (lambda: default_collate([[1], [1, 2]]), RuntimeError, r"different lengths \[1, 2\]"),
    (lambda: default_collate([t3, t4]), ValueError, r"different shapes \(3,\), \(4,\)"),
    (lambda: default_collate([{"a": 1}, {"b": 1}]), KeyError, "a"),
]


@pytest.mark.parametrize(("mistake", "error", "message"), MISTAKES)
def test_mistakes_are_explained(mistake: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        mistake()
