"""Linear algebra, and the first losses."""

from __future__ import annotations

import numpy as np

from ops.table import cases, in_place, method, row

EINSUMS = {
    "i,i->": [(3,), (3,)],
    "i,j": [(2,), (3,)],
    "ij,jk": [(2, 3), (3, 4)],
    "ij , kj -> ki": [(2, 3), (4, 3)],
    "bij,bjk->bik": [(2, 3, 4), (2, 4, 2)],
    "bhqd,bhkd->bhqk": [(2, 2, 3, 2), (2, 2, 4, 2)],
    "ij->": [(2, 3)],
    "ij->ji": [(2, 3)],
    "ba": [(2, 3)],
    "Aa->aA": [(2, 3)],
    "ii": [(3, 3)],
    "ii->i": [(3, 3)],
    "iij->j": [(2, 2, 3)],
    "iii->i": [(3, 3, 3)],
    "iji,j->i": [(2, 3, 2), (3,)],
    "ij,ij->ij": [(2, 3), (2, 3)],
    "ij,ij,ij->i": [(2, 3), (2, 3), (2, 3)],
    "ij,jk,kl->il": [(2, 3), (3, 2), (2, 4)],
    "ij,ik,il->jkl": [(2, 3), (2, 2), (2, 4)],
    "bn,anm,bm->ba": [(2, 3), (4, 3, 2), (2, 2)],
    "i,j->": [(2,), (3,)],
    "ij,k->k": [(2, 3), (4,)],
    "...ij,...jk->...ik": [(2, 3, 4), (4, 2)],
    "...ij,...jk": [(2, 1, 3, 2), (3, 2, 2)],
    "...ij->...ji": [(2, 3, 4)],
    "i...->...": [(2, 3, 4)],
    "i...j,...->ji...": [(2, 3, 4), (3,)],
    "...,...": [(2, 3), ()],
    ",ij": [(), (2, 3)],
    "ij,jk->ik": [(2, 1), (3, 4)],
    "ij,ij->": [(1, 3), (2, 3)],
    "ab,ab->ab": [(1, 3), (2, 1)],
    "ij,jk->ijk": [(2, 3), (3, 4)],
}
NOTHING = [((0, 3), (3, 4)), ((2, 0), (0, 3))]
M, V = (2, 3), (3,)

OPS = (
    row(
        "matmul",
        lambda m, a, b: a @ b,
        cases(
            [
                *(((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)), ((3,), (2, 3, 4))),
                *(((2, 2, 3), (3, 4)), ((2, 3), (2, 3, 4)), ((2, 2, 3), (2, 3, 4)), ((5, 1, 2, 3), (2, 3, 4))),
                *(((0, 3), (3, 4)), ((2, 0), (0, 3)), ((0,), (0,)), ((2, 2, 0), (0, 3)), ((1, 2, 3), (0, 3, 4))),
            ]
        ),
    ),
    row("mm", method("mm"), cases([((2, 3), (3, 4)), ((2, 0), (0, 3)), ((0, 3), (3, 4))])),
    row("bmm", method("bmm"), cases([((2, 3, 4), (2, 4, 5)), ((0, 3, 4), (0, 4, 5)), ((2, 3, 0), (2, 0, 5))])),
    row("mv", method("mv"), cases([((2, 3), (3,)), ((0, 3), (3,)), ((2, 0), (0,))])),
    row("outer", method("outer"), cases([((2,), (3,)), ((0,), (3,))])),
    row("inner", method("inner"), cases([((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 2, 3)), ((2, 3), ()), ((), (2,))])),
    row("vdot", method("vdot"), cases([((3,), (3,)), ((0,), (0,))])),
    *[
        row(
            name,
            call(name),
            cases(shapes if call is method else shapes[:1], {}, {"beta": 0}, {"beta": -2, "alpha": 3}),
            only_floats=True,
        )
        for n, shapes in {
            "addmm": [((2, 4), M, (3, 4)), ((4,), M, (3, 4)), ((), M, (3, 4)), ((2, 1), M, (3, 4))],
            "addmv": [((2,), M, V), ((), M, V)],
            "addr": [((2, 3), (2,), V), ((3,), (2,), V)],
            "baddbmm": [((5, 2, 4), (5, 2, 3), (5, 3, 4)), ((2, 4), (5, 2, 3), (5, 3, 4))],
            "addbmm": [((2, 4), (5, 2, 3), (5, 3, 4)), ((4,), (5, 2, 3), (5, 3, 4))],
        }.items()
        for name, call in ((n, method), (f"{n}_", in_place))
    ],
    *[
        row(
            f"einsum {equation} {i}",
            lambda m, *xs, e=equation: m.einsum(e, *xs),
            cases([tuple(shapes), *(NOTHING if equation == "ij,jk" else ())]),
            only_floats=True,
        )
        for i, (equation, shapes) in enumerate(EINSUMS.items())
    ],
    row(
        "tensordot",
        lambda m, a, b, **k: m.tensordot(a, b, **k),
        cases([((2, 3, 4), (3, 4, 5)), ((3, 4), (3, 4))], {})
        + cases([((2, 3, 4), (4, 3, 5))], {"dims": ([1, 2], [1, 0])}, {"dims": 1}, {"dims": ([-1], [0])})
        + cases([((2, 3), (4,))], {"dims": 0})
        + cases([((2, 1), (3, 4))], {"dims": ([1], [0])}),
        only_floats=True,
    ),
    row("dot", method("dot"), cases([((3,), (3,))])),
    row("dot matrix", method("dot"), cases([((2, 3), (3, 4)), ((2, 2, 3), (3,))]), torch=lambda m, a, b: a @ b),
    row(
        "linear",
        lambda m, x, w, b: m.nn.functional.linear(x, w, b),
        cases([((3,), (4, 3), (4,)), ((2, 3), (4, 3), (4,)), ((2, 5, 3), (4, 3), (4,)), ((0, 3), (4, 3), (4,))]),
    ),
    row(
        "cross_entropy",
        lambda m, x, target, **k: m.nn.functional.cross_entropy(x, m.tensor(np.array(target, int)), **k),
        cases([(4, 3)], *[{"target": [0, 2, 1, 2], "reduction": r} for r in ("none", "mean", "sum")])
        + cases([(3,)], {"target": 1})
        + cases([(0, 3)], {"target": [], "reduction": "none"}),
    ),
)
