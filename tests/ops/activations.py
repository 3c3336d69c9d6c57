"""The nonlinearities of nn.functional, and embedding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ops.table import cases, row


def _f(name: str) -> Callable[..., Any]:
    return lambda m, x, *rest, **k: getattr(m.nn.functional, name)(x * 1.5, *rest, **k)


def _in_place(name: str) -> Callable[..., Any]:
    def call(m: Any, x: Any, **k: Any) -> Any:
        out = x * 1.5
        answer = getattr(m.nn.functional, name)(out, inplace=True, **k)
        assert answer is out
        return out * x

    return call


INPLACE = ("celu", "elu", "hardtanh", "leaky_relu", "mish", "relu", "relu6", "selu", "silu")
EACH = cases([(), (2, 3), (0, 3)])

OPS = (
    *[
        row(n, _f(n), EACH)
        for n in (
            *("celu", "elu", "gelu", "hardshrink", "hardswish", "hardtanh", "leaky_relu", "logsigmoid"),
            *("mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh"),
            *("tanhshrink", "rrelu"),
        )
    ],
    *[row(f"{n} inplace", _in_place(n), EACH) for n in INPLACE],
    # (PyTorch's own has no second derivative)
    row("hardsigmoid", _f("hardsigmoid"), EACH, torch=lambda m, x: m.nn.functional.relu6(x * 1.5 + 3) / 6),
    row("celu alpha", _f("celu"), cases([(2, 3)], {"alpha": 0.5}, {"alpha": 2})),
    row("elu alpha", _f("elu"), cases([(2, 3)], {"alpha": 0.5})),
    row("gelu tanh", _f("gelu"), cases([(2, 3)], {"approximate": "tanh"})),
    row("leaky_relu slope", _f("leaky_relu"), cases([(2, 3)], {"negative_slope": 0.2}, {"negative_slope": 0})),
    row("softplus beta", _f("softplus"), cases([(2, 3)], {"beta": 2.0, "threshold": 0.5})),
    row("hardshrink lambd", _f("hardshrink"), cases([(2, 3)], {"lambd": 0.1})),
    row("softshrink lambd", _f("softshrink"), cases([(2, 3)], {"lambd": 0.1})),
    row("threshold", _f("threshold"), cases([(2, 3)], {"threshold": 0.1, "value": -2.0})),
    row("hardtanh bounds", _f("hardtanh"), cases([(2, 3)], {"min_val": -0.25, "max_val": 2})),
    row("glu", _f("glu"), cases([(4,), (2, 4)]) + cases([(4, 3)], {"dim": 0}, {"dim": -2})),
    row("softmin", _f("softmin"), cases([(2, 3)], {"dim": 1}, {"dim": 0})),
    row("prelu", lambda m, x, w: m.nn.functional.prelu(x, w), cases([((2, 3), (1,)), ((2, 3, 2), (3,)), ((3,), (1,))])),
    row(
        "embedding",
        lambda m, w, **k: m.nn.functional.embedding(m.tensor(np.array([[1, 0], [1, 1]])), w, **k),
        cases([(3, 2), (3, 0)]),
    ),
)
