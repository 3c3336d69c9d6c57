"""Shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ops.table import ONE, attribute, cases, in_place, method, row

MATRICES = cases([(3, 4), (4, 2), (2, 3, 3), (0, 3), (2, 0)])
DIAGONALS = (
    *cases([(3, 4), (2, 2), (0, 3)], {}, {"offset": 1}, {"offset": -2}, {"offset": 9}),
    *cases([(2, 3, 4)], {"dim1": 1, "dim2": -1}, {"offset": -1, "dim1": 2, "dim2": 0}),
)


def pieces(name: str) -> Callable[..., Any]:
    """A row for a method that gives several tensors: these, each times another number, in one dimension."""

    def call(m: Any, x: Any, *args: Any, **keywords: Any) -> Any:
        parts = getattr(x, name)(*args, **keywords)
        assert isinstance(parts, tuple)
        return m.cat([(p * (i + 1.0)).flatten() for i, p in enumerate(parts)])

    return call


def _turned_view(x: Any) -> Any:
    out = x * 1
    view = out[0]
    view.unsqueeze_(0).t_()[1:] *= 3
    view[0] = 2.0
    return out * view.sum()


OPS = (
    row(
        "reshape",
        lambda m, x, to: x.reshape(to),
        cases([(2, 6)], *[{"to": s} for s in ((3, 4), -1, (2, -1, 3), (12, 1))]),
    ),
    row("reshape numbers", lambda m, x: x.reshape(1, 1), cases([()])),
    row("reshape transposed", lambda m, x: x.T.reshape(2, 3), cases([(2, 3)])),
    row("view", lambda m, x: x.view(3, -1), cases([(2, 3), (0, 3)])),
    row(
        "flatten",
        method("flatten"),
        cases([(), (0, 3), (2, 3)]) + cases([(2, 3, 4)], {"start_dim": 1}, {"start_dim": -3, "end_dim": 1}),
    ),
    row("ravel", method("ravel"), ONE),
    row("permute", lambda m, x, to: x.permute(to), cases([(2, 3, 4)], {"to": (2, 0, 1)}, {"to": (-1, 1, 0)})),
    row("permute numbers", lambda m, x: x.permute(1, 2, 0), cases([(2, 3, 4), (0, 3, 1)])),
    row("transpose", lambda m, x: x.transpose(0, -1), cases([(3,), (2, 3), (2, 3, 4)])),
    row(
        "transpose all",
        lambda m, x: x.transpose(),
        cases([(2, 3), (2, 3, 4)]),
        torch=lambda m, x: x.permute(*reversed(range(x.ndim))),
    ),
    row("swapaxes", lambda m, x: x.swapaxes(-2, -1), cases([(2, 3), (2, 3, 4)])),
    row("t", method("t"), cases([(3,), (2, 3)])),
    row("T", attribute("T"), cases([(2, 3)])),
    row("mT", attribute("mT"), cases([(2, 3), (4, 2, 3), (0, 2, 3)])),
    row(
        "squeeze",
        method("squeeze"),
        cases([(), (1, 3, 1)]) + cases([(1, 3, 1)], *[{"dim": d} for d in (0, -1, 1, (0, 2))]),
    ),
    row(
        "unsqueeze",
        method("unsqueeze"),
        cases([()], {"dim": 0}) + cases([(2, 3)], *[{"dim": d} for d in (0, 1, -1, -3)]),
    ),
    row("expand", lambda m, x: x.expand(4, -1, 3), cases([(1, 3), (2, 1), (1, 1, 1), (1, 0, 3)])),
    row("expand sequence", lambda m, x: x.expand((2, 3)), cases([(), (3,), (2, 3)])),
    row("broadcast_to", lambda m, x: x.broadcast_to((2, 3)), cases([(), (3,), (2, 1)])),
    row("clone", method("clone"), ONE),
    row("copy", method("copy"), ONE, torch=method("clone")),
    row("float", method("float"), ONE),
    row("double", method("double"), ONE),
    *[row(n, lambda m, x, n=n: getattr(x, n)(x.sum(0)), cases([(1, 3)])) for n in ("view_as", "reshape_as")],
    row("expand_as", lambda m, x, y: x.expand_as(y) * y, cases([((3,), (2, 3)), ((), (2, 0)), ((2, 1), (2, 3))])),
    row("contiguous", lambda m, x: x.mT.contiguous() * x.contiguous().mT, cases([(2, 3), (1, 3)])),
    row(
        "unflatten",
        lambda m, x, dim, to: x.unflatten(dim, to),
        cases([(6, 2)], {"dim": 0, "to": (2, 3)}, {"dim": -2, "to": (3, -1, 1)})
        + cases([(0,)], {"dim": 0, "to": (0, 2)}),
    ),
    row("view keyword", lambda m, x: x.view(size=(3, 2)) + x.view([3, -1]), cases([(2, 3)])),
    row("swapdims", lambda m, x: x.swapdims(-2, -1), cases([(2, 3), (2, 3, 4)])),
    row("transpose keywords", lambda m, x: x.transpose(dim0=0, dim1=1), cases([(2, 3)])),
    *[
        row(
            n,
            lambda m, x, a, b, n=n: getattr(x, n)(a, b),
            cases(
                [(2, 3, 4)],
                *[
                    {"a": a, "b": b}
                    for a, b in ((0, 2), (-1, 0), (1, 1), ((0, 1), (-1, 0)), ((0, 1), (1, 0)), ((), ()))
                ],
            ),
        )
        for n in ("movedim", "moveaxis")
    ],
    *[row(n, lambda m, x, n=n: getattr(x * 1, n)() * 2, cases([(), (3,), (2, 3)])) for n in ("t_",)],
    *[
        row(n, lambda m, x, n=n: getattr(x * 1, n)(0, -1) * 2, cases([(2, 3), (2, 3, 4)]))
        for n in ("transpose_", "swapaxes_", "swapdims_")
    ],
    row("squeeze_", lambda m, x: (x * 1).squeeze_(0).squeeze_() * 2, cases([(1, 3, 1), (2, 1)])),
    row("unsqueeze_", lambda m, x: (x * 1).unsqueeze_(0) * x[..., None], cases([(), (3,)])),
    row("unsqueeze_ view", lambda m, x: _turned_view(x), cases([(2, 3)])),
    row(
        "flip",
        lambda m, x, dims: x.flip(dims),
        cases([(2, 3, 4)], {"dims": 0}, {"dims": (-1, 0)}, {"dims": ()}) + cases([(), (0, 3)], {"dims": -1}),
    ),
    row("flip numbers", lambda m, x: x.flip(0, 1) + x.flip(dims=[1]), cases([(2, 3)])),
    *[row(n, method(n), cases([(2, 3), (2, 3, 4), (0, 2)])) for n in ("fliplr", "flipud")],
    row(
        "rot90",
        method("rot90"),
        cases([(2, 3)], *[{"k": k} for k in (-1, 0, 1, 2, 3, 6)]) + cases([(2, 3, 4)], {"k": 1, "dims": (2, -2)}),
    ),
    row(
        "roll",
        method("roll"),
        cases([(), (3,), (2, 3), (0, 2)], {"shifts": 1}, {"shifts": -7})
        + cases(
            [(2, 3, 4)],
            {"shifts": 1, "dims": -1},
            {"shifts": (1, -2), "dims": (2, 0)},
            {"shifts": (1, 1), "dims": (1, 1)},
        ),
    ),
    row(
        "repeat",
        lambda m, x, to: x.repeat(to),
        cases([(2, 3)], *[{"to": t} for t in ((2, 1), (1, 1), (2, 1, 3), (0, 2))]) + cases([(), (0,)], {"to": (2,)}),
    ),
    row("repeat numbers", lambda m, x: x.repeat(2, 1) + x.repeat(repeats=(2, 1)), cases([(2, 3)])),
    row("tile", lambda m, x, to: x.tile(to), cases([(2, 3), ()], *[{"to": t} for t in ((2,), (2, 1, 3), ())])),
    row("tile numbers", lambda m, x: x.tile(2, 3), cases([(2, 3)])),
    row(
        "repeat_interleave",
        lambda m, x, repeats, **k: x.repeat_interleave(
            m.tensor(repeats) if isinstance(repeats, list) else repeats, **k
        ),
        cases([(), (3,), (2, 3)], {"repeats": 2}, {"repeats": 0}, {"repeats": [3]})
        + cases(
            [(2, 3)],
            {"repeats": 2, "dim": -1},
            {"repeats": [0, 2], "dim": 0},
            {"repeats": [1, 2], "dim": 0, "output_size": 3},
        )
        + cases([(2, 3)], {"repeats": [1, 0, 2, 1, 1, 3]}, {"repeats": [0, 0, 0], "dim": 1}),
    ),
    row(
        "narrow",
        lambda m, x, **k: x.narrow(**k),
        cases(
            [(3, 4)],
            {"dim": 0, "start": 1, "length": 2},
            {"dim": -1, "start": -3, "length": 2},
            {"dim": 1, "start": 4, "length": 0},
        ),
    ),
    row("select", method("select"), cases([(3, 4)], {"dim": 0, "index": -1}, {"dim": -1, "index": 2})),
    row("unbind", pieces("unbind"), cases([(3,), (2, 3)]) + cases([(2, 3, 2)], {"dim": -1})),
    row(
        "split",
        lambda m, x, by, **k: pieces("split")(m, x, by, **k),
        cases([(5,), (5, 2)], {"by": 2}, {"by": 7}, {"by": [1, 0, 4]}) + cases([(2, 5)], {"by": [4, 1], "dim": -1}),
    ),
    row(
        "chunk",
        pieces("chunk"),
        cases([(5,), (6, 2)], *[{"chunks": n} for n in (1, 2, 4, 9)]) + cases([(2, 5)], {"chunks": 3, "dim": -1}),
    ),
    *[
        row(
            name,
            lambda m, x, by, name=name: pieces(name)(m, x, by),
            cases(shapes, {"by": 2}, {"by": [1, 3]}),
        )
        for name, shapes in (("hsplit", [(4,), (3, 4)]), ("vsplit", [(4, 1)]), ("dsplit", [(1, 2, 4)]))
    ],
    row(
        "tensor_split",
        lambda m, x, by, **k: pieces("tensor_split")(m, x, by, **k),
        cases([(5,), (6, 2)], *[{"by": n} for n in (1, 3, 8, [1, 3], [0, 9], [3, 1], [-2])])
        + cases([(2, 5)], {"by": 3, "dim": -1}, {"by": np.array([2]), "dim": 1}),
        torch=lambda m, x, by, **k: pieces("tensor_split")(
            m, x, m.tensor(by) if isinstance(by, np.ndarray) else by, **k
        ),
    ),
    row(
        "unfold",
        lambda m, x, d, size, step: x.unfold(d, size, step) * 2,
        cases(
            [(5,), (3, 6)],
            *[{"d": -1, "size": a, "step": b} for a, b in ((2, 1), (2, 2), (3, 2), (1, 3), (5, 1), (2, 9))],
        )
        + cases([(3, 2)], {"d": 0, "size": 2, "step": 1})
        + cases([()], {"d": 0, "size": 1, "step": 1}),
    ),
    row("diagonal", method("diagonal"), DIAGONALS),
    row(
        "diag_embed",
        method("diag_embed"),
        cases([(3,), (2, 3), (0,)], {}, {"offset": 1}, {"offset": -2})
        + cases([(2, 3)], {"dim1": 0, "dim2": 2}, {"offset": 1, "dim1": 1, "dim2": 0}),
    ),
    row("diag", method("diag"), cases([(3,), (3, 4), (4, 2)], {}, {"diagonal": 1}, {"diagonal": -1})),
    row("diagflat", method("diagflat"), cases([(), (3,), (2, 2)], {}, {"offset": -1})),
    *[row(n, method(n), MATRICES + cases([(3, 4)], {"diagonal": 1}, {"diagonal": -1})) for n in ("tril", "triu")],
    *[row(n, in_place(n), MATRICES) for n in ("tril_", "triu_")],
)
