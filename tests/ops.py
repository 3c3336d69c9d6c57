"""Every operation in one table: a row each, with what to try it on. The tests that go through all operations read it.

A row's `call(m, *inputs, **keywords)` is written once for both libraries, where `m` is minigrad or torch: what is
learnt here carries over. Where PyTorch says it differently the row has a `torch` of its own, and None where PyTorch
has no such operation.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]
Case = tuple[tuple[Shape, ...], dict[str, Any]]
"""The shapes of the inputs, and the keywords."""


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        name: its first word is the name of the method, operator or rule.
        call: the operation.
        cases: what to call it with.
        domain: a letter for each input, the last one for all further ones: r any real, p positive, n not 0, b boolean.
        grad: whether gradients pass.
        torch: the operation in PyTorch.
    """

    name: str
    call: Callable[..., Any]
    cases: tuple[Case, ...]
    domain: str = "r"
    grad: bool = True
    torch: Callable[..., Any] | None = None

    def letter(self, i: int) -> str:
        """The domain of input i."""
        return self.domain[min(i, len(self.domain) - 1)]

    def inputs(self, shapes: Iterable[Shape], dtypes: Any = "float64") -> list[np.ndarray]:
        """Random arrays of these shapes, of one dtype or one each, the same every time; booleans stay booleans."""
        rng = np.random.default_rng(zlib.crc32(self.name.encode()))
        shapes = list(shapes)
        dtypes = [dtypes] * len(shapes) if isinstance(dtypes, str) else dtypes
        return [sample(rng, shape, self.letter(i), dtype) for i, (shape, dtype) in enumerate(zip(shapes, dtypes))]


def sample(rng: np.random.Generator, shape: Shape, letter: str, dtype: str = "float64") -> np.ndarray:
    """Random numbers from the domain of a letter."""
    if letter == "b" or dtype == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.startswith("float"):
        out = rng.standard_normal(shape) if letter == "r" else rng.uniform(0.5, 2, shape)
        return np.asarray(out * np.where(rng.random(shape) < 0.5, -1, 1) if letter == "n" else out, dtype)
    return np.asarray(rng.integers(0 if letter == "r" else 1, 4, shape), dtype)


def cases(shapes: Iterable[Any], *keywords: dict[str, Any]) -> tuple[Case, ...]:
    """Each choice of shapes with each choice of keywords; the shape of a single input may stand alone."""
    listed = [s if s and isinstance(s[0], tuple) else (s,) for s in shapes]
    return tuple((s, k) for s in listed for k in keywords or ({},))


def row(name: str, call: Callable[..., Any], cases: tuple[Case, ...], domain: str = "r", **options: Any) -> Op:
    """A row; PyTorch does it the same way unless `torch` says otherwise."""
    return Op(name, call, cases, domain, **{"torch": call, **options})


ONE = cases([(), (3,), (2, 3), (2, 1, 3), (0, 3)])
TWO = cases(
    [
        *(((), ()), ((3,), ()), ((), (2, 3)), ((2, 3), (2, 3)), ((2, 3), (3,)), ((3, 1), (1, 4)), ((2, 1, 3), (4, 1))),
        *(((0, 3), (3,)), ((1, 3), (0, 3)), ((0, 3), ())),
    ]
)
ALL = cases([(), (3,), (2, 3), (2, 3, 4)])
ONE_DIM = (
    *cases([()], {"dim": 0}, {"dim": -1, "keepdim": True}),
    *cases([(3,)], {"dim": 0}, {"dim": -1, "keepdim": True}),
    *cases([(2, 3, 4)], {"dim": 0}, {"dim": -2}, {"dim": 2, "keepdim": True}, {"dim": -3, "keepdim": True}),
    *cases([(0, 3), (2, 1)], {"dim": 1}),
)
DIMS = (*ONE_DIM, *cases([(2, 3, 4)], {"dim": (0, 2)}, {"dim": (-1, 0), "keepdim": True}, {"dim": (1,)}))
NONE_LEFT = cases([(0, 3)], {}, {"dim": 0}, {"dim": (0, 1), "keepdim": True})
ALONG = cases([()], {"dim": 0}) + cases([(3,), (2, 3, 4)], {"dim": 0}, {"dim": -1}) + cases([(0, 3)], {"dim": 1})
INDICES = (
    *cases([(4,)], *[{"index": i} for i in (0, -1, np.int64(2), slice(1, 3), slice(None), ..., None, slice(3, 1))]),
    *cases([(3, 4)], *[{"index": i} for i in (1, (1, 2), (slice(None), 1), (..., -1), (slice(0, 3, 2), None))]),
    *cases([(2, 3, 4)], *[{"index": i} for i in ((0, ..., 1), (..., slice(1, 3), 0), (None, 1, None, ..., None))]),
    *cases(
        [(4,)], *[{"index": i} for i in ([0, 2], [1, -1, 0], np.array([[0, 1], [3, 2]]), [True, False, True, False])]
    ),
    *cases([(3, 4)], {"index": ([0, 2], [1, 3])}, {"index": (slice(None), [2, 0])}, {"index": (1, [2, 0])}),
    *cases([(3, 4)], {"index": (np.array([[0], [2]]), np.array([1, 3]))}, {"index": np.eye(3, 4) > 0}),
    *cases(
        [(2, 3, 4)], {"index": ([0, 1], slice(None), [3, 0])}, {"index": (..., np.array([True, False, True, True]))}
    ),
    *cases([(0, 3)], {"index": (slice(None), 1)}, {"index": []}),
)
REPEATED = cases([(4,)], {"index": [0, 0, 1, 0]}) + cases(
    [(3, 4)], {"index": ([1, 1, 1], [2, 2, 0])}, {"index": [0, 0]}
)
WRITES = (
    *cases([((4,), ())], {"index": 0}, {"index": slice(1, 3)}, {"index": ...}, {"index": [2, 0]}),
    *cases([((4,), (1,))], {"index": slice(1, 3)}, {"index": [2, 0]}),
    *cases([((3, 4), (4,)), ((3, 4), (1, 4))], {"index": ...}, {"index": [2, 0]}, {"index": slice(0, 2)}),
    *cases(
        [((3, 4), (3,))], {"index": (slice(None), -1)}, {"index": np.eye(3, 4) > 0}, {"index": ([0, 1, 2], [3, 3, 0])}
    ),
    *cases([((2, 3, 4), (2, 1))], {"index": (..., slice(1, 4, 2), 0)}, {"index": (slice(None), [2, 0], 1)}),
    *cases([((3,), (0,))], {"index": slice(3, 1)}, {"index": np.zeros(3, bool)}),
)


def _write(m: Any, x: Any, v: Any, index: Any) -> Any:
    out = x.clone()
    out[index] = v
    return out


def _accumulate(m: Any, x: Any, v: Any, index: Any) -> Any:
    out = x * 2
    out[index] *= v
    return out


def _through_views(m: Any, x: Any, v: Any) -> Any:
    out = x * 1
    out[1:].transpose(0, 1).reshape(-1)[:2] = 0.0  # (a copy: not seen in out)
    view = out[:, 1:].transpose(0, 1)
    view[0].mul_(v)
    view[1, 1] = v * v
    return out * out.sum()


def _loop(m: Any, x: Any) -> Any:
    out = m.zeros(len(x), dtype=x.dtype)
    for i in range(len(x)):
        out[i] = x[i] * x[i - 1]
    return out


def _in_place(name: str) -> Callable[..., Any]:
    return lambda m, x, *v: getattr(x * 1, name)(*v)


def _property(name: str) -> Callable[..., Any]:
    return lambda m, x: getattr(x, name)


def _method(name: str) -> Callable[..., Any]:
    return lambda m, x, *rest, **keywords: getattr(x, name)(*rest, **keywords)


OPS = (
    # elementwise
    *[
        row(n, _method(n), ONE)
        for n in ("exp", "expm1", "sin", "cos", "tanh", "sigmoid", "relu", "abs", "square", "neg")
    ],
    *[row(n, _method(n), ONE, "p") for n in ("log", "log1p", "sqrt")],
    row("erf", _method("erf"), ONE),
    row("softplus", lambda m, x: m.nn.functional.softplus(x * 1.5), ONE),
    row("hardtanh", lambda m, x: m.nn.functional.hardtanh(x * 1.5, -0.5, 0.75), ONE),
    *[row(n, _method(n), ONE) for n in ("sign", "floor", "ceil")],
    *[row(n, _method(n), TWO) for n in ("add", "sub", "mul", "maximum", "minimum")],
    row("div", _method("div"), TWO, "rn"),
    row("pow", _method("pow"), TWO, "pr"),
    row("add number", lambda m, x: (x + 2) + (0.5 + x), ONE),
    row("sub number", lambda m, x: (x - 2) * (0.5 - x), ONE),
    row("mul number", lambda m, x: (x * 3) * (0.5 * x), ONE),
    row("div number", lambda m, x: (x / 3) / (0.5 / x), ONE, "n"),
    row("pow number", lambda m, x: x**0 + x**1 + x**2 + x**-1.5 + x**0.5, ONE, "p"),
    row("pow base", lambda m, x: 2**x + 0.5**x + 1**x, ONE),
    row("pow odd", lambda m, x: x**3 + x**-1.0, ONE, "n"),
    row("clamp", _method("clamp"), cases([(), (2, 3)], {"min": -0.5}, {"max": 0.25}, {"min": -0.5, "max": 0.5})),
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
    # answers without a gradient
    *[row(n, _method(n), TWO, grad=False) for n in ("eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or")],
    *[
        row(f"{n} number", lambda m, x, n=n: getattr(x, n)(1), ONE, grad=False)
        for n in ("eq", "ne", "lt", "le", "gt", "ge")
    ],
    *[row(n, _method(n), ONE, grad=False) for n in ("isnan", "isinf", "isfinite", "logical_not")],
    row("__and__ | ^ ~", lambda m, a, b: (a & b) | (a ^ ~b), TWO, "b", grad=False),
    *[row(n, _method(n), ALL + ONE_DIM, grad=False) for n in ("argmax", "argmin")],
    *[row(n, _method(n), ALL + DIMS + NONE_LEFT, grad=False) for n in ("all", "any")],
    *[
        row(f"{n} indices", lambda m, x, n=n, **k: getattr(x, n)(**k).indices, ONE_DIM, grad=False)
        for n in ("max", "min")
    ],
    *[row(n, _method(n), ONE, grad=False) for n in ("long", "int", "bool")],
    # reductions
    *[row(n, _method(n), ALL + DIMS + NONE_LEFT) for n in ("sum",)],
    row("mean", _method("mean"), ALL + DIMS),
    *[row(n, _method(n), ALL + DIMS) for n in ("amax", "amin")],
    *[row(n, _method(n), ALL) for n in ("max", "min")],
    *[row(f"{n} values", lambda m, x, n=n, **k: getattr(x, n)(**k).values, ONE_DIM) for n in ("max", "min")],
    *[row(f"{n} of two", lambda m, a, b, n=n: getattr(a, n)(b), TWO) for n in ("max", "min")],
    *[
        row(n, _method(n), cases([(3,), (2, 3)]) + cases([(3, 2, 4)], *options))
        for n in ("var", "std")
        for options in [
            [{"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": 1, "correction": 0}]
            + [
                {"unbiased": False},
                {"dim": (-1,), "unbiased": False, "keepdim": True},
                {"dim": (0, 1), "correction": 2},
            ]
        ]
    ],
    row("logsumexp", _method("logsumexp"), DIMS + cases([(0, 3)], {"dim": 0})),
    *[row(n, _method(n), ALONG + cases([(0, 3)], {"dim": 0})) for n in ("softmax", "log_softmax")],
    # linear algebra
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
    row("dot", _method("dot"), cases([((3,), (3,))])),
    row("dot matrix", _method("dot"), cases([((2, 3), (3, 4)), ((2, 2, 3), (3,))]), torch=lambda m, a, b: a @ b),
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
    # shape
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
        _method("flatten"),
        cases([(), (0, 3), (2, 3)]) + cases([(2, 3, 4)], {"start_dim": 1}, {"start_dim": -3, "end_dim": 1}),
    ),
    row("ravel", _method("ravel"), ONE),
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
    row("t", _method("t"), cases([(3,), (2, 3)])),
    row("T", _property("T"), cases([(2, 3)])),
    row("mT", _property("mT"), cases([(2, 3), (4, 2, 3), (0, 2, 3)])),
    row(
        "squeeze",
        _method("squeeze"),
        cases([(), (1, 3, 1)]) + cases([(1, 3, 1)], *[{"dim": d} for d in (0, -1, 1, (0, 2))]),
    ),
    row(
        "unsqueeze",
        _method("unsqueeze"),
        cases([()], {"dim": 0}) + cases([(2, 3)], *[{"dim": d} for d in (0, 1, -1, -3)]),
    ),
    row("expand", lambda m, x: x.expand(4, -1, 3), cases([(1, 3), (2, 1), (1, 1, 1), (1, 0, 3)])),
    row("expand sequence", lambda m, x: x.expand((2, 3)), cases([(), (3,), (2, 3)])),
    row("broadcast_to", lambda m, x: x.broadcast_to((2, 3)), cases([(), (3,), (2, 1)])),
    row("clone", _method("clone"), ONE),
    row("copy", _method("copy"), ONE, torch=_method("clone")),
    row("float", _method("float"), ONE),
    row("double", _method("double"), ONE),
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
    # reading and writing at an index
    row("getitem", lambda m, x, index: x[index], INDICES + REPEATED),
    row("getitem backwards", lambda m, x: x[::-1, 2::-2], cases([(3, 4)]), torch=lambda m, x: x.flip(0)[:, [2, 0]]),
    row("getitem tensor", lambda m, x: x[m.tensor([2, 0, 0])] * x[m.tensor(1)] * x[x > 0].sum(), cases([(3,), (3, 2)])),
    row("iterate", lambda m, x: sum(r * r.sum() for r in x), cases([(3,), (2, 3)])),
    row("setitem", _write, WRITES),
    row("setitem repeated", _write, cases([((4,), (3,))], {"index": [1, 1, 0]}), torch=None),
    row("setitem number", lambda m, x: _write(m, x, 2.0, [0, 1]), cases([(3,), (2, 3)])),
    row("setitem times", _accumulate, WRITES),
    row("setitem loop", _loop, cases([(4,)])),
    row("setview", _through_views, cases([((3, 3), ())])),
    *[
        row(f"{n}_", _in_place(f"{n}_"), cases([((2, 3), (2, 3)), ((2, 3), (3,)), ((), ())]))
        for n in ("add", "sub", "mul")
    ],
    row("div_", _in_place("div_"), cases([((2, 3), (3,))]), "rn"),
    row("pow_", _in_place("pow_"), cases([((2, 3), (3,))]), "pr"),
    row("copy_", lambda m, x, v: (x * 1).copy_(v) * x, cases([((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 3), ())])),
    row("fill_", lambda m, x: (x * 1).fill_(2.0) * x, cases([(), (2, 3)])),
    row("zero_", lambda m, x: (x * 1).zero_() + x, cases([(), (2, 3)])),
)
"""The table."""


def each_case(ops: Iterable[Op] = OPS) -> list[Any]:
    """(op, shapes, keywords) for every case, as pytest's parameters with readable names."""
    import pytest

    def label(op: Op, shapes: Any, keywords: dict[str, Any]) -> str:
        parts = ["x".join(map(str, s)) or "()" for s in shapes] + [f"{k}={v}" for k, v in keywords.items()]
        return f"{op.name}-{' '.join(parts)}".replace("\n", "")

    return [pytest.param(op, s, k, id=label(op, s, k)) for op in ops for s, k in op.cases]
