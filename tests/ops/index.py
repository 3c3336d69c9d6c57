"""Reading and writing at an index, and in place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ops.table import cases, in_place, row

INDICES = (
    *cases([(4,)], *[{"index": i} for i in (0, -1, np.int64(2), slice(1, 3), slice(None), ..., None, slice(3, 1))]),
    *cases([(3, 4)], *[{"index": i} for i in (1, (1, 2), (slice(None), 1), (..., -1), (slice(0, 3, 2), None))]),
    *cases([(2, 3, 4)], *[{"index": i} for i in ((0, ..., 1), (..., slice(1, 3), 0), (None, 1, None, ..., None))]),
    *cases(
        [(4,)], *[{"index": i} for i in ([0, 2], [1, -1, 0], np.array([[0, 1], [3, 2]]), [True, False, True, False])]
    ),
    *cases([(3, 4)], {"index": ([0, 2], [1, 3])}, {"index": (slice(None), [2, 0])}, {"index": (1, [2, 0])}),
    *cases([(3, 4)], {"index": (np.array([[0], [2]]), np.array([1, 3]))}, {"index": np.eye(3, 4) > 0}),
    *cases(
        [(2, 3, 4)], {"index": ([0, 1], slice(None), [3, 0])}, {"index": (..., np.array([True, False, True, True]))}
    ),
    *cases([(0, 3)], {"index": (slice(None), 1)}, {"index": []}),
)
REPEATED = cases([(4,)], {"index": [0, 0, 1, 0]}) + cases(
    [(3, 4)], {"index": ([1, 1, 1], [2, 2, 0])}, {"index": [0, 0]}
)
WRITES = (
    *cases([((4,), ())], {"index": 0}, {"index": slice(1, 3)}, {"index": ...}, {"index": [2, 0]}),
    *cases([((4,), (1,))], {"index": slice(1, 3)}, {"index": [2, 0]}),
    *cases([((3, 4), (4,)), ((3, 4), (1, 4))], {"index": ...}, {"index": [2, 0]}, {"index": slice(0, 2)}),
    *cases(
        [((3, 4), (3,))], {"index": (slice(None), -1)}, {"index": np.eye(3, 4) > 0}, {"index": ([0, 1, 2], [3, 3, 0])}
    ),
    *cases([((2, 3, 4), (2, 1))], {"index": (..., slice(1, 4, 2), 0)}, {"index": (slice(None), [2, 0], 1)}),
    *cases([((3,), (0,))], {"index": slice(3, 1)}, {"index": np.zeros(3, bool)}),
)


def _write(m: Any, x: Any, v: Any, index: Any) -> Any:
    out = x.clone()
    out[index] = v
    return out


def _accumulate(m: Any, x: Any, v: Any, index: Any) -> Any:
    out = x * 2
    out[index] *= v
    return out


def _through_views(m: Any, x: Any, v: Any) -> Any:
    out = x * 1
    out[1:].transpose(0, 1).reshape(-1)[:2] = 0.0  # (a copy: not seen in out)
    view = out[:, 1:].transpose(0, 1)
    view[0].mul_(v)
    view[1, 1] = v * v
    return out * out.sum()


def _loop(m: Any, x: Any) -> Any:
    out = m.zeros(len(x), dtype=x.dtype)
    for i in range(len(x)):
        out[i] = x[i] * x[i - 1]
    return out


OPS = (
    row("getitem", lambda m, x, index: x[index], INDICES + REPEATED),
    row("getitem backwards", lambda m, x: x[::-1, 2::-2], cases([(3, 4)]), torch=lambda m, x: x.flip(0)[:, [2, 0]]),
    row("getitem tensor", lambda m, x: x[m.tensor([2, 0, 0])] * x[m.tensor(1)] * x[x > 0].sum(), cases([(3,), (3, 2)])),
    row("iterate", lambda m, x: sum(r * r.sum() for r in x), cases([(3,), (2, 3)])),
    row("setitem", _write, WRITES),
    row("setitem repeated", _write, cases([((4,), (3,))], {"index": [1, 1, 0]}), torch=None),
    row("setitem number", lambda m, x: _write(m, x, 2.0, [0, 1]), cases([(3,), (2, 3)])),
    row("setitem times", _accumulate, WRITES),
    row("setitem loop", _loop, cases([(4,)])),
    row("setview", _through_views, cases([((3, 3), ())])),
    *[
        row(f"{n}_", in_place(f"{n}_"), cases([((2, 3), (2, 3)), ((2, 3), (3,)), ((), ())]))
        for n in ("add", "sub", "mul")
    ],
    row("div_", in_place("div_"), cases([((2, 3), (3,))]), "rn"),
    row("pow_", in_place("pow_"), cases([((2, 3), (3,))]), "pr"),
    row("copy_", lambda m, x, v: (x * 1).copy_(v) * x, cases([((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 3), ())])),
    row("fill_", lambda m, x: (x * 1).fill_(2.0) * x, cases([(), (2, 3)])),
    row("zero_", lambda m, x: (x * 1).zero_() + x, cases([(), (2, 3)])),
)
