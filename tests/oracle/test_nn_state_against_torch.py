"""A model trained in PyTorch loads, under the same names, and computes the same."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad import nn

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle


def test_a_state_of_pytorch_loads() -> None:
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Sequential(torch.nn.Linear(4, 2, bias=False))
    )
    ours = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Sequential(nn.Linear(4, 2, bias=False)))
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(
        ours(minigrad.tensor(x)).detach(), theirs(torch.tensor(x)).detach(), rtol=1e-6, atol=1e-6
    )
