"""Reductions."""

from __future__ import annotations

from ops.table import ALL, ALONG, DIMS, NONE_LEFT, ONE_DIM, TWO, cases, method, row

OPS = (
    *[row(n, method(n), ALL + DIMS + NONE_LEFT) for n in ("sum",)],
    row("mean", method("mean"), ALL + DIMS),
    *[row(n, method(n), ALL + DIMS) for n in ("amax", "amin")],
    *[row(n, method(n), ALL) for n in ("max", "min")],
    *[row(f"{n} values", lambda m, x, n=n, **k: getattr(x, n)(**k).values, ONE_DIM) for n in ("max", "min")],
    *[row(f"{n} of two", lambda m, a, b, n=n: getattr(a, n)(b), TWO) for n in ("max", "min")],
    *[
        row(n, method(n), cases([(3,), (2, 3)]) + cases([(3, 2, 4)], *options))
        for n in ("var", "std")
        for options in [
            [{"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": 1, "correction": 0}]
            + [
                {"unbiased": False},
                {"dim": (-1,), "unbiased": False, "keepdim": True},
                {"dim": (0, 1), "correction": 2},
            ]
        ]
    ],
    row("logsumexp", method("logsumexp"), DIMS + cases([(0, 3)], {"dim": 0})),
    *[row(n, method(n), ALONG + cases([(0, 3)], {"dim": 0})) for n in ("softmax", "log_softmax")],
)
