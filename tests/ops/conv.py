"""Convolutions and padding."""

from __future__ import annotations

import warnings
from typing import Any

from ops.table import Op, cases, row


def convolution(name: str, *tried: Any, **options: Any) -> Op:
    """A row: shapes of input, weight and perhaps bias, each with its keywords."""
    return row(name, lambda m, x, *w, **k: getattr(m.nn.functional, name)(x, *w, **k), tuple(tried), **options)


def padding(mode: str, *tried: Any) -> Op:
    more = {} if mode == "constant" else {"mode": mode}
    return row(f"pad {mode}", lambda m, x, **k: m.nn.functional.pad(x, **more, **k), tuple(tried))


def _same(m: Any, x: Any, w: Any) -> Any:
    return m.nn.functional.conv2d(x, w, padding="same", dilation=(1, 2))


def _same_quietly(m: Any, x: Any, w: Any) -> Any:
    with warnings.catch_warnings(action="ignore"):  # PyTorch's, that it needs a copy
        return _same(m, x, w)


OPS = (
    convolution(
        "conv2d",
        (((2, 3, 5, 4), (4, 3, 3, 2), (4,)), {}),
        (((2, 3, 5, 4), (4, 3, 3, 2)), {"stride": 2, "padding": 1}),
        (((3, 2, 6, 5), (4, 1, 2, 3), (4,)), {"stride": (1, 2), "padding": (0, 1), "dilation": (2, 1), "groups": 2}),
        (((2, 5, 4), (3, 2, 3, 3), (3,)), {"padding": "same"}),
        (((1, 3, 4, 4), (6, 1, 3, 3), (6,)), {"groups": 3, "padding": "valid"}),
        (((2, 3, 3, 2), (2, 3, 1, 1), (2,)), {}),
        (((0, 2, 4, 4), (3, 2, 3, 3), (3,)), {"padding": 1}),
        (((1, 1, 2, 2), (1, 1, 1, 1)), {"padding": 2, "stride": 3}),
    ),
    row(
        "conv2d of an even kernel",
        _same,
        cases([((1, 2, 4, 4), (2, 2, 2, 4)), ((2, 5, 3), (1, 2, 4, 1))]),
        torch=_same_quietly,
    ),
    convolution(
        "conv1d",
        (((2, 3, 6), (4, 3, 3), (4,)), {}),
        (((1, 6), (2, 1, 2), (2,)), {"stride": 2, "padding": 1, "dilation": 2}),
        (((2, 4, 5), (4, 2, 2)), {"groups": 2, "padding": "same"}),
    ),
    convolution(
        "conv3d",
        (((1, 2, 3, 4, 3), (2, 2, 2, 3, 2), (2,)), {"padding": (1, 0, 1)}),
        (((2, 3, 3, 3), (2, 1, 1, 2, 3)), {"stride": (1, 2, 1), "groups": 2}),
    ),
    convolution(
        "conv_transpose2d",
        (((2, 3, 3, 2), (3, 2, 3, 2), (2,)), {}),
        (((2, 4, 3, 2), (4, 1, 3, 3), (2,)), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}),
        (((3, 3, 2), (3, 2, 2, 3)), {"stride": (1, 2), "padding": (1, 0), "dilation": (3, 1)}),
        (((1, 1, 3, 3), (1, 2, 2, 2)), {"dilation": 3, "output_padding": 2, "padding": 1}),
        (((0, 2, 3, 3), (2, 3, 2, 2), (3,)), {}),
    ),
    convolution(
        "conv_transpose1d",
        (((2, 3, 4), (3, 2, 3), (2,)), {"stride": 2}),
        (((2, 4), (2, 2, 3)), {"padding": 1}),
    ),
    convolution(
        "conv_transpose3d", (((1, 2, 2, 3, 2), (2, 2, 2, 1, 3), (2,)), {"stride": (2, 1, 1), "padding": (0, 0, 1)})
    ),
    padding(
        "constant",
        *cases([(3,), (2, 3), (0, 3)], {"pad": (1, 2)}, {"pad": (-1, 1)}, {"pad": (1, 0), "value": 2}),
        *cases([(2, 3, 4)], {"pad": (1, 0, 2, 1)}, {"pad": (0, 1, -1, 0, 2, 0), "value": -1}, {"pad": ()}),
        *cases([(2, 3)], {"pad": (-1, -1)}, {"pad": (0, 0)}, {"pad": [-1, -2]}),
    ),
    *[
        padding(
            mode,
            *cases([(2, 4), (1, 2, 4)], *[{"pad": p} for p in ((2, 1), (1, -1), (-1, 2), (0, 0))]),
            *cases([(2, 3, 4), (1, 2, 3, 4)], {"pad": (1, 2, 2, 0)}),
            *cases([(1, 2, 3, 2)], {"pad": (1, 1, 0, 1, 0, 0)}),
        )
        for mode in ("reflect", "replicate", "circular")
    ],
)
