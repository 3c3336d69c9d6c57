"""Elementwise operations."""

from __future__ import annotations

from ops.table import ONE, TWO, cases, method, row

OPS = (
    *[
        row(n, method(n), ONE)
        for n in ("exp", "expm1", "sin", "cos", "tanh", "sigmoid", "relu", "abs", "square", "neg")
    ],
    *[row(n, method(n), ONE, "p") for n in ("log", "log1p", "sqrt")],
    row("erf", method("erf"), ONE),
    row("softplus", lambda m, x: m.nn.functional.softplus(x * 1.5), ONE),
    row("hardtanh", lambda m, x: m.nn.functional.hardtanh(x * 1.5, -0.5, 0.75), ONE),
    *[row(n, method(n), ONE) for n in ("sign", "floor", "ceil")],
    *[row(n, method(n), TWO) for n in ("add", "sub", "mul", "maximum", "minimum")],
    row("div", method("div"), TWO, "rn"),
    row("pow", method("pow"), TWO, "pr"),
    row("add number", lambda m, x: (x + 2) + (0.5 + x), ONE),
    row("sub number", lambda m, x: (x - 2) * (0.5 - x), ONE),
    row("mul number", lambda m, x: (x * 3) * (0.5 * x), ONE),
    row("div number", lambda m, x: (x / 3) / (0.5 / x), ONE, "n"),
    row("pow number", lambda m, x: x**0 + x**1 + x**2 + x**-1.5 + x**0.5, ONE, "p"),
    row("pow base", lambda m, x: 2**x + 0.5**x + 1**x, ONE),
    row("pow odd", lambda m, x: x**3 + x**-1.0, ONE, "n"),
    row("clamp", method("clamp"), cases([(), (2, 3)], {"min": -0.5}, {"max": 0.25}, {"min": -0.5, "max": 0.5})),
    row("clamp int", lambda m, x: x.clamp(0, 1), ONE),
    row(
        "clamp between",
        lambda m, x, low, high: x.clamp(low, high),
        cases([((2, 3),) * 3, ((2, 3), (3,), (2, 1))]),
        "rrp",
    ),
    row("clamp below", lambda m, x, low: x.clamp(min=low), TWO),
    row(
        "where",
        lambda m, c, a, b: m.where(c, a, b),
        cases([((2, 3),) * 3, ((3,), (2, 1), ()), ((), (0, 3), (3,))]),
        "br",
    ),
    row("where self", lambda m, c, a, b: a.where(c, b), cases([((2, 3), (2, 3), ())]), "br"),
    row("where number", lambda m, c, x: m.where(c, x, 0.5) * m.where(c, 2, x), cases([((2, 3), (2, 3))]), "br"),
    row("masked_fill", lambda m, c, x: x.masked_fill(c, 2), cases([((2, 3), (2, 3)), ((3,), (2, 3))]), "br"),
)
