"""Several tensors in one, or in one shape."""

from __future__ import annotations

from typing import Any

from ops.table import cases, row

VECTORS = cases([((3,), (2,)), ((3,),), ((2,), (), (3,)), ((0,), (2,))])


def _all(m: Any, tensors: Any) -> Any:
    """Several tensors in one row, each times another number."""
    assert isinstance(tensors, tuple | list)
    return m.cat([(t * (i + 1.0)).flatten() for i, t in enumerate(tensors)])


OPS = (
    row(
        "cat",
        lambda m, *xs, dim: m.cat(xs, dim=dim),
        cases([((2, 3), (1, 3)), ((2, 3), (0, 3), (1, 3))], {"dim": 0}, {"dim": -2})
        + cases([((2, 3), (2, 1))], {"dim": -1}),
    ),
    row("cat of nothing", lambda m, x: m.cat([m.tensor([]), x]), cases([(2, 3), (0,)])),
    *[
        row(n, lambda m, *xs, n=n: getattr(m, n)(xs, axis=1), cases([((2, 3), (2, 1))]))
        for n in ("concat", "concatenate")
    ],
    row(
        "stack", lambda m, *xs, dim: m.stack(xs, dim=dim), cases([((2, 3),) * 3], *[{"dim": d} for d in (0, 1, -1, -3)])
    ),
    row("stack numbers", lambda m, *xs: m.stack(xs), cases([((), (), ())])),
    row(
        "hstack", lambda m, *xs: m.hstack(xs), cases([((), ()), ((2,), (3,)), ((2, 3), (2, 1)), ((2, 1, 2), (2, 3, 2))])
    ),
    *[
        row(
            n,
            lambda m, *xs, n=n: getattr(m, n)(xs),
            cases([((), ()), ((3,), (3,)), ((2, 3), (3,)), ((1, 2, 2), (3, 2, 2))]),
        )
        for n in ("vstack", "row_stack")
    ],
    row("dstack", lambda m, *xs: m.dstack(xs), cases([((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 2, 1), (2, 2))])),
    row("column_stack", lambda m, *xs: m.column_stack(xs), cases([((), ()), ((3,), (3,)), ((3, 2), (3,))])),
    *[
        row(n, lambda m, x, n=n: getattr(m, n)(x) * 2, cases([(), (3,), (0,), (2, 3), (1, 2, 3)]))
        for n in ("atleast_1d", "atleast_2d", "atleast_3d")
    ],
    *[
        row(
            f"{n} several",
            lambda m, *xs, n=n: _all(m, getattr(m, n)(*xs)) + _all(m, getattr(m, n)(xs)),
            cases([((), (3,))]),
        )
        for n in ("atleast_1d", "atleast_2d", "atleast_3d")
    ],
    row(
        "broadcast_tensors",
        lambda m, *xs: _all(m, m.broadcast_tensors(*xs)),
        cases([((), ()), ((3, 1), (4,)), ((2,), (), (0, 1)), ((2, 3),)]),
    ),
    row("meshgrid", lambda m, *xs: _all(m, m.meshgrid(*xs, indexing="ij")), VECTORS),
    row("meshgrid xy", lambda m, *xs: _all(m, m.meshgrid(list(xs), indexing="xy")), VECTORS),
    row("meshgrid shape", lambda m, x, y: m.meshgrid(x, y, indexing="xy")[1] * x, cases([((2,), (3,))])),
    row("cartesian_prod", lambda m, *xs: m.cartesian_prod(*xs) * 2, cases([((3,), (2,)), ((3,),), ((2,), (1,), (2,))])),
    row(
        "combinations",
        lambda m, x, **k: m.combinations(x, **k),
        cases([(4,), (1,)], {}, {"r": 1}, {"r": 3, "with_replacement": True}),
    ),
    row("block_diag", lambda m, *xs: m.block_diag(*xs), cases([((2, 3), (2,), ()), ((1, 2),), ((0, 2), (1, 1))])),
    *[
        row(
            n,
            lambda m, x, n=n, **k: getattr(m, n)(*x.shape, **k) + x.long().sum() * 0,
            cases([(3, 3), (2, 4), (4, 2), (0, 3)], {}, {"offset": 1}, {"offset": -1}),
            grad=False,
        )
        for n in ("tril_indices", "triu_indices")
    ],
)
