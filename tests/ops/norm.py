"""Normalisation."""

from __future__ import annotations

from typing import Any

from ops.table import Op, cases
from ops.table import row as any_row


def row(*args: Any, **options: Any) -> Op:
    """A row of an operation of floats."""
    return any_row(*args, only_floats=True, **options)


AFFINE = [((2, 3, 4), (4,), (4,)), ((5, 4), (4,), (4,)), ((4,), (4,), (4,))]


def _channelwise(name: str) -> Any:
    def call(m: Any, x: Any, weight: Any = None, bias: Any = None, **k: Any) -> Any:
        return getattr(m.nn.functional, name)(x, weight=weight, bias=bias, **k)

    return call


def _with_running(m: Any, x: Any, *weight_and_bias: Any) -> Any:
    mean, var = (m.tensor(v, dtype=x.dtype) for v in ([0.5, -1.0, 2.0], [0.5, 1.0, 4.0]))
    return m.nn.functional.batch_norm(x, mean, var, *weight_and_bias)


OPS = (
    row(
        "layer_norm",
        lambda m, x, w, b, **k: m.nn.functional.layer_norm(x, tuple(w.shape), w, b, **k),
        cases([*AFFINE, ((2, 3, 4), (3, 4), (3, 4))], {}, {"eps": 0.1}),
    ),
    row("layer_norm plain", lambda m, x, s: m.nn.functional.layer_norm(x, s), cases([(2, 3, 4)], {"s": (4,)})),
    row(
        "rms_norm",
        lambda m, x, w, **k: m.nn.functional.rms_norm(x, tuple(w.shape), w, **k),
        cases([((2, 3, 4), (4,))], {}, {"eps": 0.1}),
    ),
    row(
        "rms_norm plain", lambda m, x, s: m.nn.functional.rms_norm(x, s), cases([(2, 3, 4)], {"s": (4,)}, {"s": (3, 4)})
    ),
    row(
        "group_norm",
        _channelwise("group_norm"),
        cases(
            [((2, 4, 3), (4,), (4,)), ((2, 4, 2, 2), (4,), (4,)), ((3, 4), (4,), (4,)), ((2, 4, 3),)], {"num_groups": 2}
        )
        + cases([((2, 4, 3), (4,))], {"num_groups": 1}, {"num_groups": 4, "eps": 0.1}),
    ),
    row(
        "instance_norm",
        _channelwise("instance_norm"),
        cases([((2, 3, 4), (3,), (3,)), ((2, 3, 2, 2), (3,), (3,)), ((2, 3, 4),)], {}, {"eps": 0.1}),
    ),
    row(
        "batch_norm",
        lambda m, x, *wb, **k: m.nn.functional.batch_norm(x, None, None, *wb, training=True, **k),
        cases([((4, 3), (3,), (3,)), ((2, 3, 4), (3,), (3,)), ((2, 3, 2, 2), (3,)), ((2, 3, 4),)], {}, {"eps": 0.1}),
    ),
    row("batch_norm running", _with_running, cases([((4, 3), (3,), (3,)), ((2, 3, 2, 2), (3,), (3,)), ((4, 3),)])),
)
