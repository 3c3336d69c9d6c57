"""Elements chosen by their places or their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ops.table import ONE_DIM, cases, method, row

ALONG = (
    *cases([()], {"dim": 0, "index": [0]}),
    *cases([(4,)], {"dim": 0, "index": [2, 0, 2]}, {"dim": -1, "index": 1}, {"dim": 0, "index": np.zeros(0, int)}),
    *cases([(3, 4)], {"dim": 0, "index": [1, 1]}, {"dim": -1, "index": [3, 0, 3]}, {"dim": 1, "index": [2]}),
)
"""Vectors of indices."""
GATHERS = (
    *cases([()], {"dim": 0, "index": 0}, {"dim": -1, "index": [0, 0]}),
    *cases([(4,)], {"dim": 0, "index": [2, 0, 2, 2, 1]}),
    *cases([(3, 4)], {"dim": 0, "index": [[0, 2], [2, 0]]}, {"dim": 1, "index": [[3, 3, 0, 1, 3], [0, 1, 0, 0, 0]]}),
    *cases([(3, 4)], {"dim": -1, "index": np.zeros((3, 0), int)}),
    *cases([(2, 3, 2)], {"dim": 1, "index": [[[0, 2], [2, 1]]]}),
)
"""Indices of as many dimensions as the tensor."""
APART = (
    *cases([((4,), (3,))], {"dim": 0, "index": [3, 0]}),
    *cases([((3, 4), (2, 3))], {"dim": 0, "index": [[0, 2, 1], [2, 0, 0]]}, {"dim": -1, "index": [[3, 0]]}),
    *cases([((2, 3, 2), (1, 2, 2))], {"dim": 1, "index": [[[0, 2], [2, 1]]]}),
    *cases([((), ())], {"dim": 0, "index": 0}),
    *cases([((3, 4), (0, 3))], {"dim": 0, "index": np.zeros((0, 3), int)}),
)
"""The same for two tensors, where no index is repeated."""
TOGETHER = APART + cases([((3, 4), (2, 3))], {"dim": 0, "index": [[0, 2, 1], [0, 0, 1]]})
"""And some where one is."""
PUTS = (
    *cases([((4,), (3,))], {"dim": 0, "index": [3, 0, 1]}),
    *cases([((3, 4), (2, 4))], {"dim": 0, "index": [2, 0]}),
    *cases([((3, 4), (3, 1))], {"dim": -1, "index": [3]}),
    *cases([((), ())], {"dim": 0, "index": [0]}),
)
REPEATED = PUTS + cases([((3, 4), (3, 3))], {"dim": 1, "index": [2, 0, 2]})


def at(name: str, *more: Any, **options: Any) -> Callable[..., Any]:
    """A method of an index, which is made a tensor of the library."""

    def call(m: Any, x: Any, *source: Any, dim: int, index: Any) -> Any:
        places = m.tensor(index)
        if m.__name__ == "torch" and "scatter" in name:  # its gradients are of a source as large as the index
            source = tuple(s[tuple(map(slice, places.shape))] for s in source)
        return getattr(x * 1, name)(dim, places, *source, *more, **options)

    return call


def values(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same without gradients."""
    return lambda m, *xs, **keywords: call(m, *[x.detach() for x in xs], **keywords)


def masked(m: Any, x: Any, y: Any) -> Any:
    return (x * 1).masked_scatter_(x > 0, y) + x.masked_scatter(x[:1] < 0, y)


def put(m: Any, x: Any, v: Any, index: Any, accumulate: bool = False) -> Any:
    where = tuple(m.tensor(np.array(i)) for i in index)
    return x.index_put(where, v, accumulate=accumulate) * (x * 1).index_put_(where, v, accumulate)


def apart(m: Any, x: Any) -> Any:
    """Without equals."""
    return (x if "float" in str(x.dtype) else x.double()) + m.arange(x.numel()).reshape(x.shape) / 64


def integers(m: Any, x: Any) -> Any:
    """Small integers, the same for both libraries."""
    return (x * 2).floor().long() if "float" in str(x.dtype) else x.long()


def joined(m: Any, parts: Any) -> Any:
    """Several tensors of numbers in one dimension."""
    return m.cat([p.double().flatten() for p in (parts if isinstance(parts, tuple) else (parts,))])


SORTS = (
    tuple((s, k) for s, k in ONE_DIM if "keepdim" not in k)
    + cases([(5,), (3, 2, 4), (0,)], {}, {"descending": True})
    + cases([(0, 3)], {"dim": 0})
)
FLAGS = [{}, {"return_inverse": True}, {"return_counts": True, "return_inverse": True}]

OPS = (
    row("index_select", at("index_select"), ALONG + cases([(3, 4)], {"dim": 1, "index": np.int32([2])})),
    row("gather", at("gather"), GATHERS),
    row(
        "take",
        lambda m, x, index: x.take(m.tensor(index)),
        cases([(4,), (2, 3)], *[{"index": i} for i in (1, [[0, -1], [3, 0]])]),
    ),
    row(
        "take_along_dim",
        lambda m, x, index, **k: x.take_along_dim(m.tensor(index), **k),
        cases([(2, 3)], {"index": [[2, 0], [-1, 2]], "dim": 1}, {"index": [[1]], "dim": 0}, {"index": [5, 0, 0]})
        + cases([(1, 3)], {"index": [[0, 2], [1, 1]], "dim": -1})
        + cases([(3,)], {"index": [0, 2], "dim": 0}),
    ),
    row(
        "masked_select",
        lambda m, c, x: x.masked_select(c),
        cases([((2, 3), (2, 3)), ((3,), (2, 3)), ((2, 1), (3,))]),
        "br",
    ),
    *[row(n, at(n), APART) for n in ("scatter", "scatter_")],
    row("scatter repeated", at("scatter"), cases([((3,), (3,))], {"dim": 0, "index": [1, 1, 0]}), torch=None),
    row("scatter number", at("scatter", 2.5), GATHERS),
    row("scatter value", at("scatter", value=2), GATHERS),
    row("scatter add", at("scatter", reduce="add"), TOGETHER, torch=at("scatter_add")),
    row(
        "scatter multiply",
        values(at("scatter", reduce="multiply")),
        TOGETHER,
        grad=False,
        torch=values(at("scatter_reduce", reduce="prod")),
    ),
    *[row(n, at(n), TOGETHER) for n in ("scatter_add", "scatter_add_")],
    *[
        row(n, at(n, reduce=how, include_self=own), TOGETHER)
        for n in ("scatter_reduce", "scatter_reduce_")
        for how in ("sum", "mean", "prod", "amax", "amin")
        for own in (True, False)
    ],
    *[row(n, at(n), REPEATED) for n in ("index_add", "index_add_")],
    row("index_add times", at("index_add", alpha=3), REPEATED),
    *[row(n, at(n), PUTS) for n in ("index_copy", "index_copy_")],
    *[row(n, at(n, 2), ALONG) for n in ("index_fill", "index_fill_")],
    row(
        "index_fill tensor",
        lambda m, x, v, index: x.index_fill(0, m.tensor(index), v),
        cases([((3, 2), ())], {"index": [0, 2]}),
    ),
    *[
        row(
            n,
            put,
            cases([((3, 4), (4,)), ((3, 4), ())], {"index": ([2, 0],)}, {"index": ([0, 0],), "accumulate": True})
            + cases([((3, 4), (2,))], {"index": ([1, 1], [0, 0]), "accumulate": True}, {"index": ([1, 2], [0, -1])})
            + cases([((2, 2), ())], {"index": ([[True, False], [True, True]],), "accumulate": True}),
        )
        for n in ("index_put", "index_put_")
    ],
    *[row(n, masked, cases([((2, 3), (6,)), ((2, 3), (3, 3))])) for n in ("masked_scatter", "masked_scatter_")],
    row("sort", lambda m, x, **k: x.sort(**{"stable": True, **k}).values, SORTS),
    row("sort indices", lambda m, x, **k: x.sort(stable=True, **k)[1], SORTS, grad=False),
    row("argsort", lambda m, x, **k: x.argsort(stable=True, **k), SORTS, grad=False),
    row("msort", method("msort"), cases([(4,), (3, 2), (0, 2)])),
    *[
        row(
            f"topk{what}",
            lambda m, x, part=part, **k: apart(m, x).topk(**k)[part],
            cases([(5,), (2, 5), (2, 3, 5)], {"k": 2}, {"k": 5, "largest": False}, {"k": 0})
            + cases([(3, 2)], {"k": 2, "dim": 0}, {"k": 1, "dim": -2, "sorted": True})
            + cases([()], {"k": 1}),
            grad=not part,
        )
        for part, what in ((0, ""), (1, " indices"))
    ],
    row(
        "kthvalue",
        lambda m, x, **k: x.kthvalue(**k).values,
        cases([(4,), (2, 4)], {"k": 2}, {"k": 4, "keepdim": True})
        + cases([(3, 2)], {"k": 1, "dim": 0})
        + cases([()], {"k": 1}),
    ),
    row("nonzero", lambda m, x: integers(m, x).nonzero(), cases([(), (4,), (2, 3), (0, 3)]), grad=False),
    row(
        "nonzero tuple", lambda m, x: joined(m, integers(m, x).nonzero(as_tuple=True)), cases([(), (2, 3)]), grad=False
    ),
    row("argwhere", lambda m, x: integers(m, x).argwhere(), cases([(), (4,), (2, 3)]), grad=False),
    row(
        "unique",
        lambda m, x: apart(m, x).unique() ** 2,
        cases([(), (4,), (2, 3), (0,)]),
        torch=lambda m, x: apart(m, x).flatten().sort()[0] ** 2,
    ),
    row(
        "unique of all",
        lambda m, x, **k: joined(m, integers(m, x).unique(**k)),
        cases([(), (6,), (3, 4)], *FLAGS)
        + cases([(4, 2), (6, 1)], *[{**f, "dim": 0} for f in FLAGS])
        + cases([(2, 5)], {"dim": -1}),
        grad=False,
    ),
    row(
        "unique_consecutive",
        lambda m, x, **k: joined(m, integers(m, x).unique_consecutive(**k)),
        cases([(), (8,), (3, 4)], *FLAGS) + cases([(6, 1), (1, 6)], *[{**f, "dim": 0} for f in FLAGS]),
        grad=False,
    ),
    row(
        "bincount",
        lambda m, x, **k: (x.flatten() * 2).long().abs().bincount(**k),
        cases([(5,), (0,)], {}, {"minlength": 9}),
        grad=False,
    ),
    row("bincount weights", lambda m, x, w: (x * 2).long().abs().bincount(w), cases([((5,), (5,))]), grad=False),
    row("bincount differentiable", lambda m, w: m.tensor([1, 4, 1]).bincount(w), cases([(3,)]), torch=None),
    row(
        "histc",
        lambda m, x, **k: (x.float() if "float" not in str(x.dtype) else x).histc(**k),
        cases([(20,), (4, 5)], {"bins": 4}, {"bins": 7, "min": -1, "max": 2}) + cases([(1,)], {"bins": 4}),
        grad=False,
    ),
    row(
        "histogram",
        lambda m, x, **k: (x.float() if "float" not in str(x.dtype) else x).histogram(**k)[0],
        cases([(20,), (4, 5)], {"bins": 4}, {"bins": 3, "range": (-1.0, 2.0), "density": True}),
        grad=False,
    ),
    row(
        "histogram weight",
        lambda m, x, w: x.histogram(m.tensor([-2.0, -0.5, 0.0, 3.0], dtype=x.dtype), weight=w)[0],
        cases([((20,), (20,))]),
        grad=False,
    ),
    row(
        "histogram weight differentiable",
        lambda m, w: (
            m.tensor([0.0, 1.0, 5.0, 0.2]).to(w.dtype).histogram(2, range=(0.0, 1.0), weight=w, density=True)[0]
        ),
        cases([(4,)]),
        "p",
        torch=None,
    ),
    row(
        "searchsorted",
        lambda m, x, v, **k: m.searchsorted(x.sort().values, v, **k),
        cases(
            [((4,), ()), ((4,), (2, 3)), ((2, 4), (2, 3)), ((0,), (3,)), ((4,), (0, 2))],
            {},
            {"right": True},
            {"side": "right", "out_int32": True},
        ),
        grad=False,
    ),
    row(
        "searchsorted sorter",
        lambda m, x, v: m.searchsorted(x, v, sorter=x.argsort()),
        cases([((4,), (3,)), ((2, 4), (2, 3))]),
        grad=False,
    ),
    row(
        "bucketize",
        lambda m, v, x, **k: m.bucketize(v, x.sort().values, **k),
        cases([((2, 3), (4,)), ((), (4,))], {}, {"right": True}),
        grad=False,
    ),
    row(
        "isin",
        lambda m, x, y, **k: m.isin(x, y, **k),
        cases([((2, 3), (4,)), ((), (2, 2)), ((3,), (0,))], {}, {"invert": True}),
        grad=False,
    ),
)
