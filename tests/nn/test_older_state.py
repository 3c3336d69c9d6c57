"""State dictionaries from older programs, and those that are taken over instead of copied."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad import nn


def test_batch_normalization_from_before_batches_were_counted() -> None:
    model = nn.Sequential(nn.BatchNorm1d(2), nn.BatchNorm1d(2))
    state = {k: v + 1 for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert model.load_state_dict(state).missing_keys == []
    assert model[1].weight.tolist() == [2.0, 2.0] and model[1].num_batches_tracked.item() == 0
    del state["1.running_mean"]
    with pytest.raises(RuntimeError, match=r"missing: 1.running_mean, 1.num_batches_tracked"):
        model.load_state_dict(state)


def test_assign_takes_over_dtype_and_memory() -> None:
    model = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    state = {k: v.clone() for k, v in nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).double().state_dict().items()}
    model[0].bias.requires_grad = False
    model.load_state_dict(state, assign=True)
    for name, t in model.state_dict().items():
        assert t.dtype == state[name].dtype and np.shares_memory(t.numpy(), state[name].numpy()), name
    assert isinstance(model[0].weight, nn.Parameter) and model[0].weight.requires_grad
    assert not model[0].bias.requires_grad
    model(minigrad.ones(2, 2, dtype="float64")).sum().backward()
    assert model[0].weight.grad.dtype == np.float64
