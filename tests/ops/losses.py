"""Losses, distances and similarities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ops.table import Op, cases
from ops.table import row as any_row

REDUCTIONS = [{"reduction": r} for r in ("none", "mean", "sum")]
PAIRS = cases([((4, 3),) * 2, ((5,),) * 2, ((),) * 2], *REDUCTIONS)


def _f(name: str) -> Callable[..., Any]:
    return lambda m, *xs, **k: getattr(m.nn.functional, name)(*xs, **k)


def _with(name: str, **arrays: Any) -> Callable[..., Any]:
    """The function with further arguments, given as lists, that have no gradient; None stays."""

    def call(m: Any, *xs: Any, **k: Any) -> Any:
        more = {n: m.tensor(np.array(a), dtype=_dtype(a, xs[0])) for n, a in arrays.items()}
        return getattr(m.nn.functional, name)(*xs, **more, **k)

    return call


def _dtype(values: Any, x: Any) -> Any:
    return x.dtype if np.array(values).dtype.kind == "f" else None


def _unit(name: str) -> Callable[..., Any]:
    """Of inputs between 0 and 1."""
    return lambda m, x, t, **k: getattr(m.nn.functional, name)(x.sigmoid(), t.sigmoid(), **k)


def _each(*keywords: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**k, **r} for k in keywords for r in REDUCTIONS]


def row(*args: Any, **options: Any) -> Op:
    """A row of an operation of floats."""
    return any_row(*args, only_floats=True, **options)


ROWS = cases([(4, 3)], *REDUCTIONS)
TARGET = [0, 2, 1, 2]
SIGNS = [[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]]

OPS = (
    *[row(n, _f(n), PAIRS) for n in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")],
    row("smooth_l1_loss beta", _f("smooth_l1_loss"), cases([((4, 3),) * 2], {"beta": 0.3}, {"beta": 0.0})),
    row("huber_loss delta", _f("huber_loss"), cases([((4, 3),) * 2], *_each({"delta": 0.3}, {"delta": 3.0}))),
    *[
        row(f"{n} weight", _with(n, weight=[[0.5, 1.0, 3.0], [2.0, 0.0, 1.0]]), cases([((2, 3),) * 2], *REDUCTIONS))
        for n in ("mse_loss", "l1_loss", "huber_loss")
    ],
    # classes
    row("nll_loss", _with("nll_loss", target=TARGET), ROWS),
    row("nll_loss ignored", _with("nll_loss", target=[0, -100, 1, 2]), ROWS),
    row(
        "nll_loss weight",
        _with("nll_loss", target=[0, 1, 1, 2], weight=[0.5, 1.0, 3.0]),
        cases([(4, 3)], *_each({"ignore_index": 1}, {})),
    ),
    row("nll_loss images", _with("nll_loss", target=[[[0, 2]], [[1, -100]]]), cases([(2, 3, 1, 2)], *REDUCTIONS)),
    row("nll_loss one", _with("nll_loss", target=1), cases([(3,)], *REDUCTIONS)),
    *[
        row(
            f"cross_entropy {name}",
            _with("cross_entropy", **arrays),
            cases([shape], *_each({}, {"label_smoothing": 0.1})),
        )
        for name, shape, arrays in (
            ("ignored", (4, 3), {"target": [0, -100, 1, 2]}),
            ("weight", (4, 3), {"target": [0, 1, -100, 2], "weight": [0.5, 1.0, 3.0]}),
            ("images", (2, 3, 1, 2), {"target": [[[0, 2]], [[1, -100]]]}),
            ("sequences", (2, 3, 2), {"target": [[0, 2], [1, 1]], "weight": [0.5, 1.0, 3.0]}),
            ("one", (3,), {"target": 1}),
        )
    ],
    row(
        "cross_entropy probabilities",
        lambda m, x, t, **k: m.nn.functional.cross_entropy(x, t.softmax(0 if x.ndim == 1 else 1), **k),
        cases([((4, 3),) * 2, ((2, 3, 2),) * 2, ((3,),) * 2], *_each({}, {"label_smoothing": 0.2})),
    ),
    row(
        "cross_entropy weighted probabilities",
        lambda m, x, t, **k: m.nn.functional.cross_entropy(
            x, t.softmax(1), weight=m.tensor([0.5, 1.0, 3.0], dtype=x.dtype), **k
        ),
        cases([((4, 3),) * 2, ((2, 3, 2),) * 2], *_each({}, {"label_smoothing": 0.2})),
    ),
    row("binary_cross_entropy", _unit("binary_cross_entropy"), PAIRS),
    row(
        "binary_cross_entropy weight",
        lambda m, x, t: m.nn.functional.binary_cross_entropy(
            x.sigmoid(), t.sigmoid(), m.tensor([0.5, 1.0, 3.0], dtype=x.dtype)
        ),
        cases([((4, 3), (4, 3))]),
    ),
    row("binary_cross_entropy_with_logits", _f("binary_cross_entropy_with_logits"), PAIRS),
    row(
        "binary_cross_entropy_with_logits weights",
        _with("binary_cross_entropy_with_logits", weight=[[0.5], [2.0]], pos_weight=[0.5, 1.0, 3.0]),
        cases([((2, 3), (2, 3))]),
    ),
    row(
        "kl_div",
        lambda m, x, t, **k: m.nn.functional.kl_div(x, t.sigmoid(), **k),
        cases([((4, 3),) * 2], {"reduction": "batchmean"}, {"reduction": "sum"}, {"reduction": "none"}),
    ),
    row(
        "kl_div log",
        _f("kl_div"),
        cases(
            [((4, 3),) * 2], {"log_target": True, "reduction": "sum"}, {"log_target": True, "reduction": "batchmean"}
        ),
    ),
    # other distributions
    row("poisson_nll_loss", _f("poisson_nll_loss"), cases([((4, 3),) * 2], *REDUCTIONS)),
    row(
        "poisson_nll_loss full",
        _with("poisson_nll_loss", target=[[0.0, 1.0, 2.0], [3.0, 0.5, 10.0]]),
        cases([(2, 3)], *_each({"full": True, "log_input": False, "eps": 0.1}, {"full": True})),
        "p",
    ),
    row(
        "gaussian_nll_loss",
        _f("gaussian_nll_loss"),
        cases([((4, 3),) * 3, ((4, 3), (4, 3), (4,)), ((4, 3), (4, 3), (4, 1))], *_each({}, {"full": True})),
        "rrp",
    ),
    # margins
    row(
        "hinge_embedding_loss",
        _with("hinge_embedding_loss", target=SIGNS),
        cases([(2, 3)], *_each({}, {"margin": 0.3})),
    ),
    row("soft_margin_loss", _with("soft_margin_loss", target=SIGNS), cases([(2, 3)], *REDUCTIONS)),
    row(
        "margin_ranking_loss",
        _with("margin_ranking_loss", target=SIGNS[0]),
        cases([((3,), (3,))], *_each({}, {"margin": 0.3})),
    ),
    row(
        "cosine_embedding_loss",
        _with("cosine_embedding_loss", target=SIGNS[0]),
        cases([((3, 4), (3, 4))], *_each({}, {"margin": 0.3})),
    ),
    row(
        "triplet_margin_loss",
        _f("triplet_margin_loss"),
        cases([((3, 4),) * 3, ((4,),) * 3], *_each({}, {"swap": True, "margin": 3.0}, {"p": 3.0})),
    ),
    row(
        "triplet_margin_with_distance_loss",
        _f("triplet_margin_with_distance_loss"),
        cases([((3, 4),) * 3], *REDUCTIONS),
    ),
    row(
        "multi_margin_loss",
        _with("multi_margin_loss", target=TARGET),
        cases([(4, 3)], *_each({}, {"p": 2, "margin": 0.4})),
        torch=None,  # (whose own has no second derivative)
    ),
    row(
        "multi_margin_loss weight",
        _with("multi_margin_loss", target=TARGET, weight=[0.5, 1.0, 3.0]),
        cases([(4, 3)], *REDUCTIONS),
        torch=None,  # (whose own has no second derivative)
    ),
    row("multi_margin_loss one", _with("multi_margin_loss", target=1), cases([(3,)]), torch=None),
    row(
        "multilabel_margin_loss",
        _with("multilabel_margin_loss", target=[[2, 0, -1], [1, -1, 0], [2, 2, 0]]),
        cases([(3, 3)], *REDUCTIONS),
        torch=None,  # (whose own has no second derivative)
    ),
    row("multilabel_soft_margin_loss", _f("multilabel_soft_margin_loss"), cases([((4, 3),) * 2], *REDUCTIONS)),
    row(
        "multilabel_soft_margin_loss weight",
        lambda m, x, t, w: m.nn.functional.multilabel_soft_margin_loss(x, t, w),
        cases([((4, 3), (4, 3), (3,))]),
    ),
    row(
        "ctc_loss",
        lambda m, x, **k: m.nn.functional.ctc_loss(
            x.log_softmax(-1), m.tensor([[1, 2, 2], [3, 1, 0]]), m.tensor([6, 5]), m.tensor([3, 2]), **k
        ),
        cases([(6, 2, 4)], *REDUCTIONS),
        torch=None,  # (whose own has no second derivative)
    ),
    # likeness
    row(
        "cosine_similarity",
        _f("cosine_similarity"),
        cases([((4, 3),) * 2, ((4, 3), (1, 3))]) + cases([((2, 3, 4),) * 2], {"dim": 0}, {"dim": -1}),
    ),
    row(
        "pairwise_distance",
        _f("pairwise_distance"),
        cases(
            [((4, 3),) * 2, ((3,),) * 2, ((4, 3), (3,))],
            {},
            {"p": 1.0},
            {"p": 3.0, "keepdim": True},
            {"p": float("inf")},
        ),
    ),
    row(
        "normalize",
        _f("normalize"),
        cases([(4, 3)], {}, {"p": 1.0}, {"p": 3.0, "dim": 0}, {"p": float("inf"), "dim": -1}, {"eps": 2.0}),
    ),
)
