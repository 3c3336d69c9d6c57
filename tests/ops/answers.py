"""Operations whose answers have no gradient."""

from __future__ import annotations

from ops.table import ALL, DIMS, FEW, NONE_LEFT, ONE, ONE_DIM, TWO, cases, in_place, method, row

_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_ALIKE = cases([(3,)], {"rtol": 0.5}, {"rtol": 0.1, "atol": 1.0}, {"equal_nan": True})
"""Two of one dtype, as PyTorch wants it."""

OPS = (
    *[row(n, method(n), TWO, grad=False) for n in (*_COMPARISONS, "logical_and", "logical_or", "logical_xor")],
    *[row(f"{n} number", lambda m, x, n=n: getattr(x, n)(1), ONE, grad=False) for n in _COMPARISONS],
    *[
        row(n, method(n), ONE, grad=False)
        for n in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "isreal", "signbit", "logical_not")
    ],
    row("where indices", lambda m, x: m.stack(m.where(x > 0)), cases([(), (3,), (2, 3)]), grad=False),
    row("__and__ | ^ ~", lambda m, a, b: (a & b) | (a ^ ~b), TWO, "b", grad=False),
    row("__and__ integers", lambda m, a, b: (a.int() & b.int()) | (a.int() ^ ~b.int()), TWO, grad=False),
    row("__lshift__ >>", lambda m, a: ((a.int() << 2) >> 1) + (1 << a.int().abs()), ONE, grad=False),
    *[
        row(n, lambda m, a, b, n=n: getattr(a.int(), n)(b.int()), TWO, grad=False)
        for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm")
    ],
    row("bitwise_not", lambda m, a: a.int().bitwise_not(), ONE, grad=False),
    row("isclose", lambda m, x, **k: x.isclose(x + 1, **k), _ALIKE, grad=False),
    row("allclose", lambda m, x, **k: m.tensor(x.allclose(x * 1.5, **k)), _ALIKE, grad=False),
    row("equal", lambda m, a, b: m.tensor(m.equal(a, b) or m.equal(a, a * 1)), TWO, grad=False),
    *[row(f"{n}_", in_place(f"{n}_"), FEW, grad=False) for n in (*_COMPARISONS, "logical_and", "logical_or")],
    *[row(f"{n}_", in_place(f"{n}_"), FEW, grad=False) for n in ("logical_xor",)],
    row("logical_not_", in_place("logical_not_"), ONE, grad=False),
    *[
        row(f"{n}_", lambda m, a, b, n=n: getattr(a.int() * 1, f"{n}_")(b.int()), FEW, grad=False)
        for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm")
    ],
    row("bitwise_not_", lambda m, a: (a.int() * 1).bitwise_not_(), ONE, grad=False),
    *[row(n, method(n), ALL + ONE_DIM, grad=False) for n in ("argmax", "argmin")],
    *[row(n, method(n), ALL + DIMS + NONE_LEFT, grad=False) for n in ("all", "any")],
    *[
        row(f"{n} indices", lambda m, x, n=n, **k: getattr(x, n)(**k).indices, ONE_DIM, grad=False)
        for n in ("max", "min")
    ],
    *[row(n, method(n), ONE, grad=False) for n in ("long", "int", "short", "char", "byte", "bool")],
)
