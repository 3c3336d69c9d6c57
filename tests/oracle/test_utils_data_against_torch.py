"""minigrad.utils.data against torch.utils.data: the same batches, forms, lengths and refusals."""

from __future__ import annotations

import collections
import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.utils.data

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

Point = collections.namedtuple("Point", "x y")


def plain(x: Any) -> Any:
    """Tensors as their dtype, shape and values, in whatever holds them."""
    if isinstance(x, minigrad.Tensor | torch.Tensor):
        return str(x.dtype).removeprefix("torch."), tuple(x.shape), x.tolist()
    if isinstance(x, dict):
        return type(x), {k: plain(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return type(x), [plain(v) for v in x]
    return x


def outcome(do: Any, m: Any) -> Any:
    """What comes of it with a library, or "refused"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(do(m))
        except Exception:
            return "refused"


def same(do: Any) -> Any:
    ours, theirs = outcome(do, minigrad), outcome(do, torch)
    assert ours == theirs
    return ours


def tensors(m: Any, n: int) -> Any:
    x = np.arange(6 * n, dtype="float32").reshape(n, 2, 3)
    return m.utils.data.TensorDataset(m.from_numpy(x), m.arange(n))


def concatenated(m: Any, n: int) -> Any:
    return tensors(m, n) + tensors(m, 2) + tensors(m, 0)


def dictionaries(m: Any, n: int) -> Any:
    return [{"x": np.full(2, i), "y": (i / 2, str(i)), "z": i % 2 == 0} for i in range(n)]


def stream(m: Any, n: int) -> Any:
    class Stream(m.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            return iter(range(n))

        def __len__(self) -> int:
            return n

    return Stream()


def subset(m: Any, n: int) -> Any:
    return m.utils.data.Subset(concatenated(m, n), list(range(n, -1, -1)))


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("make", [tensors, concatenated, dictionaries, stream, subset])
def test_the_same_batches(make: Any, num_workers: int) -> None:
    for n, size, drop in itertools.product((0, 1, 2, 7, 8), (1, 2, 3, 8, 9, None), (False, True)):

        def load(m: Any, n: int = n, size: int | None = size, drop: bool = drop) -> Any:
            workers = num_workers if m is minigrad else 0
            loader = m.utils.data.DataLoader(make(m, n), size, drop_last=drop, num_workers=workers)
            return [len(loader), *loader]

        assert (same(load) == "refused") == (size is None and drop)


STRUCTURES: list[Any] = [
    *([kind(3), kind(0)] for kind in (int, float, bool, str, np.float32, np.float64, np.int8, np.int64, np.bool_)),
    [1, 2.5],
    [2.5, 1],
    [True, 2],
    [np.float32(1), np.float64(2)],
    [b"a", b"b"],
    [np.str_("a"), np.str_("b")],
    *([np.ones(shape, dtype), np.zeros(shape, dtype)] for shape in ((), (2,), (0,), (2, 3)) for dtype in "?bBhilfd"),
    [np.ones(2), np.ones(3)],
    [np.array("a")],
    [np.array([1, 2]), [3, 4]],
    [(1, 2.0), (3, 4.0)],
    [[1, "a"], [2, "b"]],
    [[1, 2], [3]],
    [[1, 2], (3, 4)],
    [(), ()],
    [[], []],
    [{}, {}],
    [range(2), range(2)],
    [Point(1, (2, 3)), Point(4, (5, 6))],
    [{"a": 1, "b": {"c": [1.0, np.ones(2)]}}, {"a": 2, "b": {"c": [2.0, np.zeros(2)]}}],
    [collections.OrderedDict(a=1), collections.OrderedDict(a=2)],
    [collections.defaultdict(int, a=1), collections.defaultdict(int, a=2)],
    [{"a": 1}, {"b": 2}],
    [{"a": 1}, {"a": 2, "b": 2}],
    [None, None],
    [1, None],
    [1, "a"],
    [1.0, "a"],
    [{1}, {2}],
    [object()],
    [],
]


@pytest.mark.parametrize("batch", STRUCTURES, ids=lambda batch: repr(batch).split(" at 0x")[0][:60])
def test_the_same_collation(batch: Any) -> None:
    same(lambda m: m.utils.data.default_collate(batch))
    for sample in batch:
        same(lambda m, sample=sample: m.utils.data.default_convert(sample))


def test_the_same_collation_of_tensors() -> None:
    def pair(m: Any) -> list[Any]:
        return [m.tensor([1.0, 2.0]), m.tensor([3.0, 4.0])]

    for do in (
        pair,
        lambda m: [(t, i) for i, t in enumerate(pair(m))],
        lambda m: [{"t": t} for t in pair(m)],
        lambda m: [m.tensor(1), m.tensor(2)],
        lambda m: [m.ones(2), m.ones(3)],
        lambda m: [m.ones(2), np.ones(2)],
    ):
        same(lambda m, do=do: m.utils.data.default_collate(do(m)))


@pytest.mark.parametrize(
    "lengths",
    [
        *(
            [7, 3],
            [10],
            [5, 5, 0],
            [6, 3],
            [0.7, 0.3],
            [0.5, 0.5],
            [1 / 3] * 3,
            [0.3] * 3,
            [0.1] * 10,
            [0.999999999999],
        ),
        *([0.95, 0.05], [1.0], [1], [], [5.0, 5.0], [1.5, -0.5], [0.5, 0.5, 0.0]),
    ],
)
def test_the_same_random_split(lengths: list[float]) -> None:
    for n in (0, 1, 10, 11):
        same(lambda m, n=n: [len(part) for part in m.utils.data.random_split(range(n), lengths)])
        same(lambda m, n=n: sorted(i for part in m.utils.data.random_split(range(n), lengths) for i in part))


SAME: dict[str, Any] = {
    "concat": lambda m: [
        list(map(int, concatenated(m, 3)[i][1])) if i > 9 else concatenated(m, 3)[i] for i in range(-5, 5)
    ],
    "concat past the end": lambda m: concatenated(m, 3)[5],
    "concat before the start": lambda m: concatenated(m, 3)[-6],
    "concat of none": lambda m: m.utils.data.ConcatDataset([]),
    "concat of a stream": lambda m: m.utils.data.ConcatDataset([stream(m, 3)]),
    "chain": lambda m: [*(stream(m, 3) + stream(m, 2)), len(stream(m, 3) + stream(m, 2))],
    "chain of lists": lambda m: list(m.utils.data.ChainDataset([[1]])),
    "subset": lambda m: [m.utils.data.Subset("abc", [2, 0])[i] for i in (0, 1, -1)],
    "subset past the end": lambda m: m.utils.data.Subset("abc", [2, 0])[2],
    "subset of a list": lambda m: m.utils.data.Subset(tensors(m, 4), [3, 0])[[1, 0]],
    "rows": lambda m: [tensors(m, 4)[i] for i in (0, -1, slice(1, 3), [0, 2])],
    "row past the end": lambda m: tensors(m, 4)[4],
    "unequal rows": lambda m: m.utils.data.TensorDataset(m.ones(3), m.ones(4)),
    "arrays": lambda m: m.utils.data.TensorDataset(np.ones(3)),
    "0-d": lambda m: m.utils.data.TensorDataset(m.tensor(1.0)),
    "sequential": lambda m: [*m.utils.data.SequentialSampler("abc"), len(m.utils.data.SequentialSampler("abc"))],
    "batches": lambda m: [list(m.utils.data.BatchSampler(range(n), 3, d)) for n in range(8) for d in (True, False)],
    "lengths": lambda m: [len(m.utils.data.BatchSampler(range(n), 3, d)) for n in range(8) for d in (True, False)],
    "random": lambda m: sorted(m.utils.data.RandomSampler("abcd", num_samples=8)),
    "number": lambda m: len(list(m.utils.data.RandomSampler("abcd", True, 40))),
    "weights": lambda m: list(m.utils.data.WeightedRandomSampler([0, 1.0, 0], 3)),
    "weights without replacement": lambda m: sorted(m.utils.data.WeightedRandomSampler([1, 2, 1.0], 3, False)),
    "too many": lambda m: list(m.utils.data.WeightedRandomSampler([1, 2], 3, False)),
    "negative weights": lambda m: list(m.utils.data.WeightedRandomSampler([1, -2], 3)),
    "no weights": lambda m: list(m.utils.data.WeightedRandomSampler([0, 0], 3)),
    "a matrix of weights": lambda m: m.utils.data.WeightedRandomSampler([[1.0]], 1),
    "subset sampler": lambda m: sorted(m.utils.data.SubsetRandomSampler([3, 5, 4])),
    "random of nothing": lambda m: m.utils.data.RandomSampler([]),
    "no samples": lambda m: m.utils.data.RandomSampler("abc", num_samples=0),
    "replacement=1": lambda m: m.utils.data.RandomSampler("abc", replacement=1),
}


@pytest.mark.parametrize("do", SAME.values(), ids=SAME)
def test_the_same_data_sets_and_samplers(do: Any) -> None:
    same(do)


@pytest.mark.parametrize(
    "settings",
    [
        *({"batch_size": b} for b in (0, -1, 2.5, True, None)),
        *({"shuffle": s} for s in (None, False, True, 0, 1)),
        *({"drop_last": d, "batch_size": b} for d in (True, 1) for b in (2, None)),
        *({"sampler": [3, 1], "shuffle": s, "batch_size": b} for s in (None, False, True) for b in (1, 2, None)),
        *({"batch_sampler": [[3, 1], [2]], **more} for more in ({}, {"batch_size": 2}, {"shuffle": True})),
        *(
            {"batch_sampler": [[3, 1], [2]], **more}
            for more in ({"drop_last": True}, {"sampler": [1]}, {"batch_size": 1})
        ),
        *({"num_workers": -1}, {"prefetch_factor": 2}, {"persistent_workers": True}, {"timeout": -1}, {"timeout": 1}),
        *({"multiprocessing_context": "fork"}, {"pin_memory": True}, {"in_order": False}, {"collate_fn": len}),
        {"sampler": [3, 99]},
    ],
    ids=str,
)
@pytest.mark.parametrize("make", [lambda m: range(5), lambda m: tensors(m, 5), lambda m: stream(m, 5)])
def test_the_same_arguments(settings: dict[str, Any], make: Any) -> None:
    def load(m: Any) -> Any:
        loader = m.utils.data.DataLoader(make(m), **settings)
        batches = list(loader)
        return len(loader) if settings.get("shuffle") else [len(loader), *batches]

    same(load)
