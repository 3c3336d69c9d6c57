"""Linear algebra, and the first losses."""

from __future__ import annotations

import numpy as np

from ops.table import cases, method, row

OPS = (
    row(
        "matmul",
        lambda m, a, b: a @ b,
        cases(
            [
                *(((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)), ((3,), (2, 3, 4))),
                *(((2, 2, 3), (3, 4)), ((2, 3), (2, 3, 4)), ((2, 2, 3), (2, 3, 4)), ((5, 1, 2, 3), (2, 3, 4))),
                *(((0, 3), (3, 4)), ((2, 0), (0, 3)), ((0,), (0,)), ((2, 2, 0), (0, 3)), ((1, 2, 3), (0, 3, 4))),
            ]
        ),
    ),
    row("dot", method("dot"), cases([((3,), (3,))])),
    row("dot matrix", method("dot"), cases([((2, 3), (3, 4)), ((2, 2, 3), (3,))]), torch=lambda m, a, b: a @ b),
    row(
        "linear",
        lambda m, x, w, b: m.nn.functional.linear(x, w, b),
        cases([((3,), (4, 3), (4,)), ((2, 3), (4, 3), (4,)), ((2, 5, 3), (4, 3), (4,)), ((0, 3), (4, 3), (4,))]),
    ),
    row(
        "cross_entropy",
        lambda m, x, target, **k: m.nn.functional.cross_entropy(x, m.tensor(np.array(target, int)), **k),
        cases([(4, 3)], *[{"target": [0, 2, 1, 2], "reduction": r} for r in ("none", "mean", "sum")])
        + cases([(3,)], {"target": 1})
        + cases([(0, 3)], {"target": [], "reduction": "none"}),
    ),
)
