"""Losses as modules, at extreme scores, and where PyTorch has only first derivatives, against PyTorch's."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle

RNG = np.random.default_rng(0)
CLASSES = [0, 2, 1, 1]
SIGNS = np.where(RNG.random((4, 3)) < 0.5, -1.0, 1.0)
PROBABILITIES = RNG.random((4, 3))
LABELS = [[2, 0, -1], [1, -1, 0], [-1, 0, 1], [0, 2, 2]]
W = [0.5, 1.0, 3.0]

MODULES: list[tuple[str, Any]] = [
    ("nn.MSELoss()", PROBABILITIES),
    ("nn.L1Loss(reduction='sum')", PROBABILITIES),
    ("nn.SmoothL1Loss(beta=0.5)", PROBABILITIES),
    ("nn.HuberLoss('none', 0.5)", PROBABILITIES),
    ("nn.NLLLoss(m.tensor(W))", CLASSES),
    ("nn.NLLLoss(ignore_index=1)", CLASSES),
    ("nn.CrossEntropyLoss()", CLASSES),
    ("nn.CrossEntropyLoss(m.tensor(W), label_smoothing=0.3)", CLASSES),
    ("nn.CrossEntropyLoss(ignore_index=2, reduction='sum')", CLASSES),
    ("nn.CrossEntropyLoss()", PROBABILITIES),
    ("nn.BCEWithLogitsLoss(pos_weight=m.tensor(W))", PROBABILITIES),
    ("nn.BCEWithLogitsLoss(m.tensor(W), reduction='none')", PROBABILITIES),
    ("nn.KLDivLoss(reduction='batchmean')", PROBABILITIES),
    ("nn.KLDivLoss(reduction='sum', log_target=True)", PROBABILITIES),
    ("nn.PoissonNLLLoss()", PROBABILITIES),
    ("nn.HingeEmbeddingLoss(0.5)", SIGNS),
    ("nn.SoftMarginLoss()", SIGNS),
    ("nn.MultiMarginLoss()", CLASSES),
    ("nn.MultiMarginLoss(p=2, margin=0.5, weight=m.tensor(W))", CLASSES),
    ("nn.MultiMarginLoss(reduction='none')", CLASSES),
    ("nn.MultiLabelMarginLoss()", LABELS),
    ("nn.MultiLabelMarginLoss(reduction='none')", LABELS),
    ("nn.MultiLabelSoftMarginLoss(m.tensor(W))", (PROBABILITIES > 0.5) * 1.0),
]


def run(m: Any, text: str, scores: np.ndarray, *targets: Any) -> list[Any]:
    loss = eval(text, {"nn": m.nn, "m": m, "W": W}).double()
    x = m.tensor(scores, requires_grad=True)
    y = loss(x, *[m.tensor(np.array(t)) if not isinstance(t, tuple) else t for t in targets])
    y.sum().backward()
    state = [t.numpy() for t in loss.state_dict().values()]
    return [repr(loss), y.detach().numpy(), x.grad.numpy(), *state]


@pytest.mark.parametrize(("text", "target"), MODULES)
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_modules(text: str, target: Any, scale: float) -> None:
    scores = RNG.standard_normal((4, 3)) * scale
    scores[0] = scale * np.array([1.0, -1.0, 1.0])
    if "Poisson" in text or "SoftMarginLoss()" in text:  # (exp(1000) is infinite, and PyTorch's soft margin overflows)
        scores = scores.clip(-30, 30)
    ours, theirs = (run(m, text, scores, target) for m in (minigrad, torch))
    assert ours[0] == theirs[0]
    for f, w in zip(ours[1:], theirs[1:], strict=True):
        assert (f.shape, f.dtype) == (w.shape, w.dtype)
        np.testing.assert_allclose(f, w, rtol=1e-9, atol=1e-12)


def test_probabilities_of_0_and_1() -> None:
    """PyTorch's bounds: a logarithm is no less than -100, a derivative no more than 1e12."""
    x, t = np.meshgrid([0.0, 1e-6, 0.5, 0.999, 1.0], [0.0, 0.3, 1.0])
    for dtype in (np.float64, np.float32):
        answers = []
        for m in (minigrad, torch):
            p = m.tensor(x.astype(dtype), requires_grad=True)
            y = m.nn.functional.binary_cross_entropy(p, m.tensor(t.astype(dtype)), reduction="none")
            y.sum().backward()
            answers.append((y.detach().numpy(), p.grad.numpy()))
        for f, w in zip(*answers):
            np.testing.assert_allclose(f, w, rtol=1e-4)


CTC: list[tuple[Any, Any, Any, dict[str, Any]]] = [
    ([[1, 2, 2], [3, 1, 0]], (6, 5), (3, 2), {}),
    ([[1, 2, 2], [3, 1, 0]], (6, 5), (3, 2), {"reduction": "none"}),
    ([1, 2, 2, 3, 1], (6, 5), (3, 2), {"reduction": "sum"}),
    ([[1, 1, 1], [2, 2, 0]], (4, 6), (3, 2), {"reduction": "none", "zero_infinity": True}),
    ([[0, 2, 2], [3, 0, 1]], (6, 6), (3, 3), {"blank": 1, "reduction": "none"}),
    ([[1, 2], [1, 2]], (6, 6), (0, 2), {"reduction": "none"}),
]


@pytest.mark.parametrize(("targets", "steps", "lengths", "settings"), CTC)
def test_ctc(targets: Any, steps: Any, lengths: Any, settings: dict[str, Any]) -> None:
    scores = np.random.default_rng(1).standard_normal((6, 2, 4)) * 3
    targets = np.array(targets)
    if settings.get("blank") == 1:
        targets = np.where(targets == 1, 2, targets)
    answers = []
    for m in (minigrad, torch):
        x = m.tensor(scores, requires_grad=True)
        y = m.nn.CTCLoss(**settings)(x.log_softmax(-1), m.tensor(targets), m.tensor(steps), m.tensor(lengths))
        y.sum().backward()
        answers.append((y.detach().numpy(), x.grad.numpy()))
    for f, w in zip(*answers):
        assert f.shape == w.shape
        np.testing.assert_allclose(f, w, rtol=1e-9, atol=1e-9)


def test_an_impossible_target_costs_infinitely_much() -> None:
    for m in (minigrad, torch):
        x = m.tensor(np.zeros((2, 1, 3)), requires_grad=True)
        y = m.nn.functional.ctc_loss(x.log_softmax(-1), m.tensor([[1, 1]]), m.tensor([2]), m.tensor([2]))
        assert y.item() == np.inf


def test_settings_have_pytorchs_names_defaults_and_places() -> None:
    names = [n for n in dir(torch.nn) if n.endswith("Loss") and hasattr(minigrad.nn, n)]
    assert len(names) >= 21
    for name in names:
        ours, theirs = (inspect.signature(getattr(m.nn, name)).parameters for m in (minigrad, torch))
        legacy = [n for n in theirs if n not in ("size_average", "reduce")]
        assert [*ours] == legacy, name
        assert [p.default for p in ours.values()] == [theirs[n].default for n in legacy], name


def test_one_hot() -> None:
    for values, count in (([0, 2, 1], -1), ([[0, 2], [1, 1]], 4), (2, 3)):
        ours, theirs = (m.nn.functional.one_hot(m.tensor(values), count) for m in (minigrad, torch))
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        assert ours.dtype == np.int64
