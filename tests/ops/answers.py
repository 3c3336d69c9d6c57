"""Operations whose answers have no gradient."""

from __future__ import annotations

from ops.table import ALL, DIMS, NONE_LEFT, ONE, ONE_DIM, TWO, method, row

OPS = (
    *[row(n, method(n), TWO, grad=False) for n in ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or")],
    *[
        row(f"{n} number", lambda m, x, n=n: getattr(x, n)(1), ONE, grad=False)
        for n in ("eq", "ne", "lt", "le", "gt", "ge")
    ],
    *[row(n, method(n), ONE, grad=False) for n in ("isnan", "isinf", "isfinite", "logical_not")],
    row("__and__ | ^ ~", lambda m, a, b: (a & b) | (a ^ ~b), TWO, "b", grad=False),
    *[row(n, method(n), ALL + ONE_DIM, grad=False) for n in ("argmax", "argmin")],
    *[row(n, method(n), ALL + DIMS + NONE_LEFT, grad=False) for n in ("all", "any")],
    *[
        row(f"{n} indices", lambda m, x, n=n, **k: getattr(x, n)(**k).indices, ONE_DIM, grad=False)
        for n in ("max", "min")
    ],
    *[row(n, method(n), ONE, grad=False) for n in ("long", "int", "bool")],
)
