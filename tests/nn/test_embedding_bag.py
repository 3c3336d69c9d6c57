"""`EmbeddingBag` and `AveragedModel` give PyTorch's numbers."""

from __future__ import annotations

import pytest
from cases import each

import minigrad
from minigrad import nn

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = pytest.mark.oracle


@each("mode", ["sum", "mean", "max"])
def test_bags(mode: str) -> None:
    mine = nn.EmbeddingBag(6, 3, mode=mode, padding_idx=2)
    theirs = torch.nn.EmbeddingBag(6, 3, mode=mode, padding_idx=2)
    theirs.load_state_dict({"weight": torch.tensor(mine.weight.tolist())})
    for given in (([1, 2, 4, 0, 1], [0, 3, 3]), ([[1, 2], [4, 0], [2, 2]],)):
        mine.zero_grad(), theirs.zero_grad()
        y, z = mine(*map(minigrad.tensor, given)), theirs(*map(torch.tensor, given))
        assert y.allclose(minigrad.tensor(z.tolist()), atol=1e-6)
        (y * y).sum().backward()
        (z * z).sum().backward()
        assert mine.weight.grad is not None
        assert mine.weight.grad.allclose(minigrad.tensor(theirs.weight.grad.tolist()), atol=1e-5)


def test_averaged_model() -> None:
    results = []
    for m in (minigrad, torch):
        model = m.nn.Linear(2, 1)
        average = m.optim.swa_utils.AveragedModel(model)
        decaying = m.optim.swa_utils.AveragedModel(model, avg_fn=m.optim.swa_utils.get_ema_avg_fn(0.9))
        for value in (1.0, 2.0, 6.0):
            m.nn.init.constant_(model.weight, value)
            average.update_parameters(model)
            decaying.update_parameters(model)
        assert [*average.state_dict()] == ["n_averaged", "module.weight", "module.bias"]
        results.append((average.module.weight.tolist(), decaying.module.weight.tolist()))
    assert results[0][0] == results[1][0] and results[0][1][0] == pytest.approx(results[1][1][0])
