"""Pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives import pooling as pool
from ops.table import Op, cases, row


def pooling(name: str, *tried: Any, **options: Any) -> Op:
    return row(name, lambda m, x, **k: getattr(m.nn.functional, name)(x, **k), tuple(tried), **options)


def indices(name: str, *tried: Any) -> Op:
    def call(m: Any, x: Any, **k: Any) -> Any:
        return getattr(m.nn.functional, name)(x, return_indices=True, **k)[1]

    return row(f"{name} indices", call, tuple(tried), grad=False)


def unpooled(m: Any, x: Any, **k: Any) -> Any:
    where = m.tensor(np.array([[[[0, 3], [13, 15]]]]))
    return m.nn.functional.max_unpool2d(x, where, 2, **k)


def picked(m: Any, x: Any) -> Any:
    """What only a third derivative of a maximum would ask for."""
    return m.Tensor.apply(
        pool.pick, x, np.array([[1, 1, 1], [0, 1, 0]]), windows=(pool.Windows(4, (0, 1, 2), (2, 3, 4)),)
    )


IMAGES = cases(
    [(2, 3, 5, 6), (1, 5, 4)],
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": (1, 3), "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
)
SIGNALS = cases([(2, 3, 6), (2, 7)], {"kernel_size": 3}, {"kernel_size": 2, "stride": 1, "padding": 1})
VOLUMES = cases([(1, 2, 3, 4, 3)], {"kernel_size": 2}, {"kernel_size": (1, 3, 2), "stride": 2, "padding": (0, 1, 1)})
DILATED = cases([(1, 2, 7, 6)], {"kernel_size": 3, "stride": 2, "dilation": 2, "padding": 1}, {"kernel_size": 1})
ADAPTIVE = {
    1: cases([(2, 3, 7), (2, 6)], {"output_size": 3}, {"output_size": 1}, {"output_size": 8}),
    2: cases([(1, 2, 6, 5), (2, 4, 7)], {"output_size": (3, 2)}, {"output_size": 1}, {"output_size": (None, 4)}),
    3: cases([(1, 2, 4, 3, 5)], {"output_size": 2}, {"output_size": (1, None, 2)}),
}

OPS = (
    pooling("max_pool1d", *SIGNALS),
    pooling("max_pool2d", *IMAGES, *DILATED, *cases([(0, 2, 4, 4)], {"kernel_size": 2})),
    pooling("max_pool3d", *VOLUMES),
    indices("max_pool1d", *SIGNALS),
    indices("max_pool2d", *IMAGES, *DILATED),
    indices("max_pool3d", *VOLUMES),
    indices("adaptive_max_pool2d", *ADAPTIVE[2]),
    row("max_unpool2d", unpooled, cases([(1, 1, 2, 2)], {}) + cases([(1, 1, 2, 2)], {"output_size": (4, 5)})),
    row("pick", picked, cases([(2, 4)]), torch=None),
    pooling("avg_pool1d", *SIGNALS),
    pooling(
        "avg_pool2d",
        *IMAGES,
        *cases(
            [(2, 5, 4)],
            {"kernel_size": 3, "padding": 1, "count_include_pad": False},
            {"kernel_size": 2, "stride": 3, "ceil_mode": True, "divisor_override": 3},
            {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True, "count_include_pad": False},
            {"kernel_size": (5, 4)},
        ),
    ),
    pooling("avg_pool3d", *VOLUMES),
    *[pooling(f"adaptive_{kind}_pool{ndim}d", *ADAPTIVE[ndim]) for kind in ("max", "avg") for ndim in (1, 2, 3)],
    pooling(
        "lp_pool2d",
        *cases([(2, 3, 4)], {"norm_type": 2.0, "kernel_size": 2}, {"norm_type": 3.0, "kernel_size": 2, "stride": 1}),
        *cases([(1, 2, 5, 5)], {"norm_type": 2.0, "kernel_size": (2, 3), "ceil_mode": True}),
        domain="p",
    ),
    pooling("lp_pool1d", *cases([(2, 3, 4)], {"norm_type": 2.0, "kernel_size": 2}), domain="p"),
    pooling("lp_pool3d", *cases([(2, 2, 3, 2)], {"norm_type": 1.0, "kernel_size": 2}), domain="p"),
    row(
        "local_response_norm",
        lambda m, x, **k: m.nn.functional.local_response_norm(x, **k),
        cases([(2, 3, 2), (1, 4, 2, 2)], {"size": 2}, {"size": 3, "alpha": 0.5, "beta": 0.5, "k": 2.0}),
    ),
)
