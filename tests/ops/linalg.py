"""Linear algebra, and the first losses."""

from __future__ import annotations

from typing import Any

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
SQUARE = cases([(3, 3), (2, 2, 2), (1, 1), (0, 3, 3)])
FACTORED = {
    "det": lambda m, x: m.det(x),
    "inverse": lambda m, x: m.inverse(x),
    "slogdet logabsdet": lambda m, x: m.slogdet(x).logabsdet,
    "slogdet sign": lambda m, x: m.slogdet(x).sign * x.sum((-2, -1)),
    "logdet": lambda m, x: x.logdet(),
    "matrix_power 3": lambda m, x: m.matrix_power(x, 3),
    "matrix_power -2": lambda m, x: x.matrix_power(-2),
    "matrix_power 0": lambda m, x: x.matrix_power(0) + x,
    "pinverse square": lambda m, x: m.pinverse(x),
    "cholesky": lambda m, x: m.linalg.cholesky(x @ x.mT),
    "cholesky upper": lambda m, x: m.linalg.cholesky(x @ x.mT, upper=True),
    "eigh values": lambda m, x: m.linalg.eigh(x + x.mT).eigenvalues,
    "eigh vectors": lambda m, x: m.linalg.eigh(x + x.mT)[1] ** 2,
    "eigh from above": lambda m, x: m.linalg.eigvalsh(x @ x.mT, "U"),
    "solve_triangular": lambda m, x: m.linalg.solve_triangular(x, x.mT, upper=False),
    "solve_triangular of ones": lambda m, x: m.linalg.solve_triangular(
        x, x, upper=True, left=False, unitriangular=True
    ),
}
OBLONG = cases([(3, 2), (2, 4), (2, 3, 2), (2, 2), (1, 3)])
OF_OBLONG = {
    "qr Q": lambda m, x: m.linalg.qr(x).Q,
    "qr R": lambda m, x: m.linalg.qr(x)[1],
    "svd U": lambda m, x: m.linalg.svd(x, full_matrices=False).U ** 2,
    "svd S": lambda m, x: m.linalg.svd(x, full_matrices=False)[1],
    "svd Vh": lambda m, x: m.linalg.svd(x, False).Vh ** 2,
    "svd all": lambda m, x: (lambda u, s, v: u @ (s.unsqueeze(-1) ** 2 * v))(*m.linalg.svd(x, full_matrices=False)),
    "svdvals": lambda m, x: m.linalg.svdvals(x),
    "pinv": lambda m, x: m.linalg.pinv(x),
    "lstsq": lambda m, x: m.linalg.lstsq(x, x.cos()).solution,
}
NORMS = [{}, *({"ord": o} for o in ("fro", "nuc", 2, -2, 1, -1, float("inf"), -float("inf")))]
NORMS += [{"ord": "nuc", "keepdim": True}, {"ord": 1, "dim": (0, 1)}, {"ord": 2, "dim": (1, 0), "keepdim": True}]


def well(m: Any, x: Any) -> Any:
    """Near a matrix that is easy to invert, with singular values that lie apart."""
    a, b = tuple(x.shape[-2:])
    return 0.25 * x + m.tensor(np.eye(a, b) * np.arange(2, b + 2)).to(x.dtype)


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
    row(
        "inner",
        method("inner"),
        cases([((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 2, 3)), ((2, 0), (3, 0)), ((2, 3), ()), ((), (2,))]),
    ),
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
    *[
        row(name, lambda m, x, call=call: call(m, well(m, x)), SQUARE, only_floats=True)
        for name, call in FACTORED.items()
    ],
    *[
        row(name, lambda m, x, call=call: call(m, well(m, x)), OBLONG, only_floats=True)
        for name, call in OF_OBLONG.items()
    ],
    row(
        "solve",
        lambda m, a, b, **k: m.linalg.solve(well(m, a), b, **k),
        cases([((3, 3), (3, 2)), ((3, 3), (3,)), ((2, 3, 3), (2, 3)), ((3, 3), (4, 3, 1)), ((2, 2, 2), (2, 1))])
        + cases([((3, 3), (2, 3)), ((2, 3, 3), (2, 2, 3))], {"left": False}),
        only_floats=True,
    ),
    row(
        "matrix_norm",
        lambda m, x, **k: m.linalg.matrix_norm(well(m, x), **k),
        cases([(3, 2)], *NORMS),
        only_floats=True,
    ),
    row(
        "linalg.norm",
        lambda m, x, **k: m.linalg.norm(x, **k),
        cases(
            [(3, 2)], {}, {"ord": 1}, {"ord": 3, "dim": 1}, {"dim": (0, 1)}, {"dim": 0, "keepdim": True}, {"ord": "nuc"}
        )
        + cases([(4,)], {"ord": 3})
        + cases([(2, 3, 4)], {}, {"keepdim": True}, {"ord": "fro", "dim": (0, 2)}),
        only_floats=True,
    ),
    row("vector_norm", lambda m, x, **k: m.linalg.vector_norm(x, **k), cases([(2, 3)], {}, {"ord": 3, "dim": 1})),
    row("trace", method("trace"), cases([(3, 3), (2, 3), (0, 2)])),
    row("kron", method("kron"), cases([((2, 3), (2, 2)), ((2,), (2, 3)), ((2, 2, 2), (3,)), ((), (2,))])),
    row(
        "cross",
        method("cross"),
        cases([((2, 3), (2, 3)), ((3, 3), (3, 3))], {"dim": 1}) + cases([((3,), (3,))], {"dim": 0}),
    ),
    row(
        "linalg.cross",
        lambda m, a, b: m.linalg.cross(a, b),
        cases([((2, 3), (2, 3)), ((2, 3), (1, 3))]),
        only_floats=True,
    ),
    row("vecdot", lambda m, a, b: m.linalg.vecdot(a, b), cases([((2, 3), (2, 3)), ((2, 3), (3,))]), only_floats=True),
    row("linalg.diagonal", lambda m, x: m.linalg.diagonal(x, offset=1), cases([(2, 3, 3)])),
    row(
        "multi_dot",
        lambda m, *xs: m.linalg.multi_dot(xs),
        cases([((2, 3), (3, 4)), ((2, 3), (3, 4), (4, 1), (1, 5)), ((3,), (3, 4), (4, 2)), ((2, 3), (3, 4), (4,))]),
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
