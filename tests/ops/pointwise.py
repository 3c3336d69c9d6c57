"""Elementwise operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ops.table import FEW, ONE, TWO, cases, in_place, method, row

_ANY = (
    *("exp", "exp2", "expm1", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "asinh", "sigmoid", "erf", "erfc"),
    *("relu", "abs", "square", "neg", "sinc"),
)
_STEPS = ["sign", "floor", "ceil", "trunc", "round"]
_POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "rsqrt"]
_WITHIN = ["asin", "acos", "atanh", "erfinv"]
_OF_ONE = (
    *[(n, "r") for n in (*_ANY, *_STEPS, "frac", "deg2rad", "rad2deg", "nan_to_num")],
    *[(n, "p") for n in _POSITIVE],
    *[(n, "u") for n in _WITHIN],
    *[("acosh", "g"), ("reciprocal", "n")],
)
"""Functions of one number, and where they have a derivative."""
_SOME = cases([(), (2, 3)])
_NOT_IN_PLACE = ("asinh", "acosh", "atanh")
"""What has no derivative in place in PyTorch."""
_OF_TWO = (
    *[(n, "r") for n in ("add", "sub", "mul", "atan2", "hypot", "copysign")],
    *[(n, "rn") for n in ("div", "remainder", "fmod")],
    *[("pow", "pr"), ("xlogy", "rp")],
)
"""Functions of two numbers that have a form in place."""
_BOUNDS = cases([(), (2, 3)], {"min": -0.5}, {"max": 0.25}, {"min": -0.5, "max": 0.5})
_LERP = cases([((2, 3),) * 3, ((2, 3), (3,), (2, 1)), ((), (), ()), ((2, 3), (3,), ())])
_LIST = cases([((2, 3),) * 3, ((2, 3), (3,), (2, 1)), ((), (), ())], {}, {"value": 2})


def _out_of_place(name: str) -> Callable[..., Any]:
    """What the method in place would answer, and refuse."""
    return lambda m, x: (x.clone() * 0).add_(getattr(x, name)())


def _floors(name: str) -> Callable[..., Any]:
    """PyTorch's way to the quotient rounded down that has the derivative 0; as minigrad's `//` has."""
    return lambda m, a, b: getattr(a.clone(), name)(b, rounding_mode="floor")


OPS = (
    *[row(n, method(n), ONE, domain) for n, domain in _OF_ONE],
    *[
        row(
            f"{n}_",
            in_place(f"{n}_"),
            _SOME,
            domain,
            torch=_out_of_place(n) if n in _NOT_IN_PLACE else in_place(f"{n}_"),
        )
        for n, domain in _OF_ONE
    ],
    *[row(n, method(n), TWO, domain) for n, domain in _OF_TWO],
    *[row(f"{n}_", in_place(f"{n}_"), FEW, domain) for n, domain in _OF_TWO],
    *[row(n, method(n), TWO) for n in ("maximum", "minimum", "fmax", "fmin", "logaddexp")],
    *[row(f"{n} alpha", method(n), cases([((2, 3), (3,))], {"alpha": 3}, {"alpha": 2})) for n in ("add", "sub")],
    *[row(f"{n} alpha", in_place(n), cases([((2, 3), (3,))], {"alpha": 3})) for n in ("add_", "sub_")],
    *[
        row(f"{n} rounded", in_place(n), cases([((2, 3), (3,))], {"rounding_mode": r}), "rn")
        for n in ("div", "div_")
        for r in ("floor", "trunc")
    ],
    row("floor_divide", method("floor_divide"), TWO, "rn", torch=_floors("div")),
    row("floor_divide_", in_place("floor_divide_"), FEW, "rn", torch=_floors("div_")),
    row(
        "__floordiv__ %",
        lambda m, a, b: a // b + a % b,
        TWO,
        "rn",
        torch=lambda m, a, b: _floors("div")(m, a, b) + a % b,
    ),
    row("__mod__ number", lambda m, x: x % 2 + x % -0.7, ONE),
    row("__rmod__", lambda m, x: 2.5 % x, ONE, "n", torch=lambda m, x: m.remainder(m.tensor(2.5), x)),
    row("float_power", method("float_power"), TWO, "pr"),
    row("round decimals", method("round"), cases([(), (2, 3)], {"decimals": 1}, {"decimals": -1})),
    row("round_ decimals", in_place("round_"), cases([(), (2, 3)], {"decimals": 1})),
    row("logit", lambda m, x, **k: (x / 2 + 0.5).logit(**k), cases([(), (2, 3)], {}, {"eps": 0.2}), "u"),
    row("logit_", lambda m, x, **k: (x / 2 + 0.5).logit_(**k), cases([(2, 3)], {}, {"eps": 0.2}), "u"),
    row("ldexp", method("ldexp"), TWO, torch=None),
    row("ldexp whole", lambda m, x, n: x.ldexp(n.round()), FEW),
    row("ldexp_", lambda m, x, n: x.clone().ldexp_(n.round()), FEW),
    row("heaviside", method("heaviside"), TWO, torch=None),
    row("heaviside floats", lambda m, x, v: x.double().heaviside(v.double()), TWO, grad=False),
    row("lerp", method("lerp"), _LERP),
    row("lerp number", lambda m, a, b: a.lerp(b, 0.25) * a.lerp(b, 0.75), TWO),
    row("lerp_", in_place("lerp_"), _LERP),
    row("addcmul", method("addcmul"), _LIST),
    row("addcmul_", in_place("addcmul_"), _LIST),
    row("addcdiv", method("addcdiv"), _LIST, "rrn"),
    row("addcdiv_", in_place("addcdiv_"), _LIST, "rrn"),
    row("positive", method("positive"), ONE),
    row("softplus", lambda m, x: m.nn.functional.softplus(x * 1.5), ONE),
    row("hardtanh", lambda m, x: m.nn.functional.hardtanh(x * 1.5, -0.5, 0.75), ONE),
    row("add number", lambda m, x: (x + 2) + (0.5 + x), ONE),
    row("sub number", lambda m, x: (x - 2) * (0.5 - x), ONE),
    row("mul number", lambda m, x: (x * 3) * (0.5 * x), ONE),
    row("div number", lambda m, x: (x / 3) / (0.5 / x), ONE, "n"),
    row("pow number", lambda m, x: x**0 + x**1 + x**2 + x**-1.5 + x**0.5, ONE, "p"),
    row("pow base", lambda m, x: 2**x + 0.5**x + 1**x, ONE),
    row("pow odd", lambda m, x: x**3 + x**-1.0, ONE, "n"),
    row("clamp", method("clamp"), _BOUNDS),
    row("clamp_", in_place("clamp_"), _BOUNDS),
    *[row(n, in_place(n), cases([(), (2, 3)], {"min": -0.5})) for n in ("clamp_min", "clamp_min_")],
    *[row(n, in_place(n), cases([(), (2, 3)], {"max": 0.5})) for n in ("clamp_max", "clamp_max_")],
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
    row("masked_fill tensor", lambda m, c, x, v: x.masked_fill(c, v), cases([((2, 3), (2, 3), ())]), "br"),
    row("masked_fill_", lambda m, c, x: x.clone().masked_fill_(c, 2), cases([((3,), (2, 3)), ((2, 3), (2, 3))]), "br"),
    row("masked_fill_ tensor", lambda m, c, x, v: x.clone().masked_fill_(c, v), cases([((3,), (2, 3), ())]), "br"),
    row("masked_fill", lambda m, c, x: x.masked_fill(c, 2), cases([((2, 3), (2, 3)), ((3,), (2, 3))]), "br"),
)
