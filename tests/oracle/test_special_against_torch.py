"""minigrad.special against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle
NAMES = [
    name
    for name, f in vars(minigrad.special).items()
    if callable(f) and hasattr(f, "__code__") and not name.startswith("_")
]


@pytest.mark.parametrize("name", NAMES)
def test_special(name: str) -> None:
    """The value and the gradient."""
    x = np.random.default_rng(0).uniform(0.1, 0.9, (2, 3))
    more = {"xlogy": (0.7,), "softmax": (1,), "log_softmax": (1,), "logsumexp": (0,)}.get(name, ())
    answers = []
    for m in (minigrad, torch):
        t = m.tensor(x, requires_grad=True)
        y = getattr(m.special, name)(t, *more)
        (y * y).sum().backward()
        answers.append((y.detach().numpy(), t.grad.numpy()))
    for found, wanted in zip(*answers):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_normal_distribution_far_out() -> None:
    """Where PyTorch's has lost all digits."""
    found = minigrad.special.ndtr(minigrad.tensor([-30.0, -5.0, 0.0, 40.0], dtype=minigrad.float64)).tolist()
    assert found == pytest.approx([4.906713927148187e-198, 2.866515718791939e-07, 0.5, 1.0], rel=1e-12, abs=0)


def test_erfinv_is_exact_near_0_and_in_the_tails() -> None:
    y = np.array([1e-300, 1e-9, 0.1, 0.499, 0.5, 0.9, 1 - 1e-9, 1 - 1e-16])
    found, wanted = (m.special.erfinv(m.tensor(np.concatenate([y, -y]))).numpy() for m in (minigrad, torch))
    np.testing.assert_allclose(found, wanted, rtol=1e-15)
