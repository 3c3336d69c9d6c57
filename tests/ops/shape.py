"""Shapes."""

from __future__ import annotations

from ops.table import ONE, attribute, cases, method, row

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
    row(
        "cat",
        lambda m, *xs, dim: m.cat(xs, dim=dim),
        cases([((2, 3), (1, 3)), ((2, 3), (0, 3), (1, 3))], {"dim": 0}, {"dim": -2})
        + cases([((2, 3), (2, 1))], {"dim": -1}),
    ),
    row(
        "stack", lambda m, *xs, dim: m.stack(xs, dim=dim), cases([((2, 3),) * 3], *[{"dim": d} for d in (0, 1, -1, -3)])
    ),
    row("stack numbers", lambda m, *xs: m.stack(xs), cases([((), (), ())])),
)
