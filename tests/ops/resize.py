"""Other sizes for images."""

from __future__ import annotations

from typing import Any

from ops.table import Op, cases, row


def resizing(name: str, *tried: Any) -> Op:
    function = name.split()[0]
    return row(name, lambda m, x, **k: getattr(m.nn.functional, function)(x, **k), tuple(tried))


def modes(shape: Any, mode: str, *keywords: Any) -> Any:
    return cases([shape], *[{"mode": mode, **k} for k in keywords])


UP_AND_DOWN = ({"scale_factor": 2.0}, {"size": 3}, {"size": 1}, {"scale_factor": 0.7})
ALIGNED = ({"size": 9, "align_corners": True}, {"size": 1, "align_corners": True})
WINDOWS = cases(
    [(2, 3, 5, 4), (2, 4, 6), (0, 2, 4, 4)],
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "dilation": (1, 2), "padding": 1, "stride": 2},
)

OPS = (
    resizing(
        "interpolate",
        *modes((1, 2, 5), "nearest", *UP_AND_DOWN),
        *modes((2, 1, 4, 5), "nearest", {"scale_factor": (2.0, 1.5)}, {"size": (7, 2)}),
        *modes((1, 1, 2, 3, 2), "nearest", {"scale_factor": 2}),
        *modes((1, 2, 5), "nearest-exact", *UP_AND_DOWN),
    ),
    resizing("interpolate linear", *modes((1, 2, 5), "linear", *UP_AND_DOWN, *ALIGNED)),
    resizing(
        "interpolate bilinear",
        *modes((2, 1, 4, 5), "bilinear", *UP_AND_DOWN, *ALIGNED, {"size": (3, 8)}),
        *modes((1, 1, 4, 5), "bilinear", {"scale_factor": 1.3}, {"scale_factor": 1.3, "recompute_scale_factor": True}),
        *modes((0, 1, 4, 5), "bilinear", {"size": 3}),
    ),
    resizing("interpolate trilinear", *modes((1, 1, 2, 3, 2), "trilinear", *UP_AND_DOWN[:2], *ALIGNED[:1])),
    resizing("interpolate bicubic", *modes((1, 2, 4, 5), "bicubic", *UP_AND_DOWN, *ALIGNED)),
    resizing("interpolate area", *modes((1, 2, 4, 5), "area", *UP_AND_DOWN), *modes((1, 2, 5), "area", {"size": 2})),
    resizing("pixel_shuffle", *cases([(1, 8, 2, 3), (4, 3, 1), (2, 1, 4, 2, 2)], {"upscale_factor": 2})),
    resizing("pixel_unshuffle", *cases([(1, 2, 4, 6), (3, 2, 2)], {"downscale_factor": 2})),
    row(
        "grid_sample",
        lambda m, x, g, **k: m.nn.functional.grid_sample(x, g, **k),
        cases(
            [((1, 2, 3, 4), (1, 2, 3, 2))],
            *[
                {"padding_mode": padding, "align_corners": aligned}
                for padding in ("zeros", "border", "reflection")
                for aligned in (False, True)
            ],
        )
        + cases([((1, 1, 2, 3, 2), (1, 1, 2, 2, 3))], {"align_corners": False}),
    ),
    row(
        "affine_grid",
        lambda m, x, **k: m.nn.functional.affine_grid(x, **k),
        cases([(2, 2, 3)], *[{"size": (2, 1, h, 2), "align_corners": h > 1} for h in (1, 3)])
        + cases([(1, 3, 4)], {"size": (1, 1, 2, 1, 3), "align_corners": False}),
        only_floats=True,
    ),
    row("channel_shuffle", lambda m, x: m.nn.functional.channel_shuffle(x, 2), cases([(1, 6, 2, 2), (2, 4, 3)])),
    resizing("unfold", *WINDOWS),
    resizing(
        "fold",
        *cases([(2, 8, 12), (4, 12)], {"output_size": (4, 5), "kernel_size": 2}),
        *cases([(1, 6, 4)], {"output_size": (4, 3), "kernel_size": (3, 2), "padding": 1, "stride": 2, "dilation": 1}),
    ),
)
