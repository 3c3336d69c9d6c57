"""Reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ops.table import ALL, ALONG, DIMS, NONE_LEFT, ONE_DIM, TWO, cases, in_place, method, row

inf = float("inf")


def with_zeros(places: Any) -> Any:
    """The method of a tensor in which these elements are 0, each in a graph of its own."""

    def call(m: Any, x: Any, name: str, **keywords: Any) -> Any:
        mask = np.ones(tuple(x.shape))
        mask[places] = 0
        return getattr(x * m.tensor(mask).to(x.dtype), name)(**keywords)

    return call


ZEROS = [(slice(None), 1), (slice(None), slice(1, 3)), (0, slice(None, None, 2))]
ACCUMULATED = ALONG + cases([(2, 1, 3)], {"dim": 1}) + cases([(4,)], {"axis": 0})
NORMED = cases([(3,), (2, 3), (2, 3, 4)]) + cases(
    [(2, 3, 4)], {"dim": 1}, {"dim": (0, -1), "keepdim": True}, {"dim": -1, "keepdim": True}, {"dim": (2,)}
)

OPS = (
    *[row(n, method(n), ALL + DIMS + NONE_LEFT) for n in ("sum",)],
    row("mean", method("mean"), ALL + DIMS),
    row("prod", method("prod"), ALL + ONE_DIM + cases([(0, 3)], {}, {"dim": 0}, {"dim": 1})),
    *[
        row(
            f"{name} with zeros {i}",
            lambda m, x, name=name, at=at, **k: with_zeros(at)(m, x, name, **k),
            cases([(2, 4)], *([{"dim": 1}, {}] if name == "prod" else [{"dim": 1}, {"dim": 0}])),
        )
        for name in ("prod", "cumprod")
        for i, at in enumerate(ZEROS)
    ],
    *[
        row(n, method(n), ACCUMULATED, torch=lambda m, x, dim=0, n=n, axis=0: getattr(x, n)(dim))
        for n in ("cumsum", "cumprod")
    ],
    *[row(f"{n}_", in_place(f"{n}_"), cases([(2, 3)], {"dim": 1})) for n in ("cumsum", "cumprod")],
    row("norm", method("norm"), NORMED + NONE_LEFT),
    *[
        row(f"norm of order {p}", lambda m, x, p=p, **k: x.norm(p, **k), NORMED, "n")
        for p in (1, 2, 3, 1.5, 0.5, -2, inf, -inf)
    ],
    row("norm of order 0", lambda m, x, **k: x.norm(0, **k), NORMED, "n", torch=None),  # there without a second one
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
    *[row(f"{n} of another", lambda m, a, b, n=n: getattr(a, n)(other=b), TWO) for n in ("max", "min")],
    row("logsumexp", method("logsumexp"), DIMS + cases([(0, 3)], {"dim": 0})),
    *[row(n, method(n), ALONG + cases([(0, 3)], {"dim": 0})) for n in ("softmax", "log_softmax")],
)
