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


def punched(m: Any, x: Any) -> Any:
    """With nan in some places, of no row all."""
    holes = np.arange(int(np.prod(tuple(x.shape)))).reshape(tuple(x.shape)) % 5 == 1
    return x.masked_fill(m.tensor(holes), float("nan"))


SPREAD = cases([(3,), (2, 3)]) + cases(
    [(3, 2, 4)],
    *[{"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": 1, "correction": 0}],
    *[{"unbiased": False}, {"dim": (-1,), "unbiased": False, "keepdim": True}, {"dim": (0, 1), "correction": 2}],
)
MIDDLE = ALONG[:-1] + cases([(2, 3)], {"dim": 0})
QUANTILES = cases(
    [(5,), (2, 6)],
    *[{"q": 0.3}, {"q": [0.0, 0.25, 1.0]}, {"q": 0.5, "dim": -1}, {"q": [0.1, 0.9], "dim": 0, "keepdim": True}],
    *[{"q": [0.3, 0.62], "dim": -1, "interpolation": i} for i in ("lower", "higher", "midpoint", "nearest")],
    {"q": 0.7, "keepdim": True},
)
SOME = cases([(2, 3, 4)], {"dim": 1}, {"dim": (0, 2)})
TRAPEZOIDS = (
    *cases([(4,), (2, 3), (1,)]),
    *cases([(2, 3)], {"dx": 0.5}, {"dim": 0}),
    *cases([((2, 3), (3,)), ((2, 3), (2, 3))]),
)
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
    row("norm of order 0", lambda m, x, **k: x.norm(0, **k), NORMED, "n", grad=False),
    *[row(n, method(n), ALL + DIMS) for n in ("amax", "amin")],
    *[row(n, method(n), ALL) for n in ("max", "min")],
    *[row(f"{n} values", lambda m, x, n=n, **k: getattr(x, n)(**k).values, ONE_DIM) for n in ("max", "min")],
    *[row(f"{n} of two", lambda m, a, b, n=n: getattr(a, n)(b), TWO) for n in ("max", "min")],
    *[row(n, method(n), SPREAD) for n in ("var", "std")],
    row("cov", method("cov"), cases([(3, 5), (4,)], {}, {"correction": 0}), only_floats=True),
    row("corrcoef", method("corrcoef"), cases([(2, 5)]), torch=None),  # its diagonal is clamped where it is 1
    *[
        row(f"{n} {i}", lambda m, x, n=n, i=i, **k: getattr(m, n)(x, **k)[i], SPREAD[:5])
        for n in ("var_mean", "std_mean")
        for i in (0, 1)
    ],
    *[
        row(f"{n} by position", lambda m, x, n=n: getattr(x, n)(1, False, True) + getattr(x, n)(False), cases([(3, 4)]))
        for n in ("var", "std")
    ],
    *[row(f"aminmax {n}", lambda m, x, n=n, **k: getattr(x.aminmax(**k), n), ALL + ONE_DIM) for n in ("min", "max")],
    *[row(f"{n} without nan", method(n), ALL) for n in ("nansum", "nanmean", "median", "nanmedian")],
    *[
        row(n, lambda m, x, n=n, **k: getattr(punched(m, x), n)(**k), ALL + SOME, only_floats=True)
        for n in ("nansum", "nanmean")
    ],
    row("count_nonzero", lambda m, x, **k: (x > 0).count_nonzero(**k), ALL + SOME, grad=False),
    *[
        row(f"{n} values", lambda m, x, n=n, **k: getattr(x, n)(**k).values, MIDDLE)
        for n in ("median", "nanmedian", "mode", "cummax", "cummin")
    ],
    row(
        "nanmedian of some",
        lambda m, x, **k: punched(m, x).nanmedian(**k).values,
        cases([(2, 3, 4)], {"dim": 0}, {"dim": -1}),
        only_floats=True,
    ),
    row(
        "quantile",
        lambda m, x, q, **k: x.quantile(m.tensor(np.array(q)).to(x.dtype), **k),
        QUANTILES,
        only_floats=True,
    ),
    row(
        "nanquantile",
        lambda m, x, q, **k: punched(m, x).nanquantile(m.tensor(np.array(q)).to(x.dtype), **k),
        QUANTILES,
        only_floats=True,
    ),
    row("logcumsumexp", method("logcumsumexp"), ALONG),
    row(
        "diff",
        method("diff"),
        cases([(4,), (2, 3), (1,), (2, 0)]) + cases([(2, 4)], {"n": 2}, {"n": 0}, {"n": 5}, {"dim": 0}),
    ),
    row("diff of more", lambda m, x, a, b: x.diff(dim=1, prepend=a, append=b), cases([((2, 3), (2, 1), (2, 2))])),
    *[
        row(n, lambda m, *xs, n=n, **k: getattr(m, n)(*xs, **k), TRAPEZOIDS, only_floats=True)
        for n in ("trapezoid", "trapz", "cumulative_trapezoid")
    ],
    *[
        row(f"dist {p}", lambda m, a, b, p=p: a.dist(b, p), cases([((3,), (3,)), ((2, 3), (3,))]), only_floats=True)
        for p in (2, 1, 3, inf)
    ],
    *[
        row(
            f"cdist {p}",
            lambda m, a, b, p=p: a.cdist(b, p),
            cases([((2, 3), (4, 3)), ((2, 2, 3), (1, 4, 3)), ((0, 3), (4, 3))]),
            torch=None,  # has no second derivatives
        )
        for p in (2, 1, 3, inf)
    ],
    *[row(f"{n} of another", lambda m, a, b, n=n: getattr(a, n)(other=b), TWO) for n in ("max", "min")],
    row("logsumexp", method("logsumexp"), DIMS + cases([(0, 3)], {"dim": 0})),
    *[row(n, method(n), ALONG + cases([(0, 3)], {"dim": 0})) for n in ("softmax", "log_softmax")],
)
