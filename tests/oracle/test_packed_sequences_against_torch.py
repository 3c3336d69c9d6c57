"""Packed sequences, alone and through recurrent layers, as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.nn.utils import rnn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytestmark = pytest.mark.oracle


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(("lengths", "enforce"), [([4, 2, 1], True), ([2, 4, 4], False), ([1, 3, 2], False)])
def test_packing(lengths: list[int], enforce: bool, batch_first: bool) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 2) if batch_first else (4, 3, 2))
    theirs = torch.nn.utils.rnn
    there = theirs.pack_padded_sequence(torch.tensor(x), torch.tensor(lengths), batch_first, enforce)
    here = rnn.pack_padded_sequence(minigrad.tensor(x), minigrad.tensor(lengths), batch_first, enforce)
    assert here.data.tolist() == there.data.tolist() and here.batch_sizes.tolist() == there.batch_sizes.tolist()
    for options in ({}, {"padding_value": -1.0, "total_length": 6}):
        for a, b in zip(
            rnn.pad_packed_sequence(here, batch_first, **options),
            theirs.pad_packed_sequence(there, batch_first, **options),
        ):
            assert a.tolist() == b.tolist()
    assert [s.shape for s in rnn.unpack_sequence(rnn.pack_sequence([minigrad.ones(2), minigrad.ones(5)], False))] == [
        (2,),
        (5,),
    ]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize(("lengths", "enforce"), [([5, 3, 3, 1], True), ([2, 5, 1, 2], False)])
@pytest.mark.parametrize("options", [{}, {"batch_first": True, "bidirectional": True, "num_layers": 2}])
@pytest.mark.parametrize("with_state", [False, True])
def test_recurrent_layers(kind: str, lengths: list[int], enforce: bool, options: Any, with_state: bool) -> None:
    theirs = getattr(torch.nn, kind)(3, 4, **options)
    ours = getattr(minigrad.nn, kind)(3, 4, **options)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    first = options.get("batch_first", False)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, 5, 3) if first else (5, 4, 3)).astype(np.float32)
    state = rng.standard_normal((4 if options else 1, 4, 4)).astype(np.float32)

    def run(lib: Any, layer: Any, nn_rnn: Any) -> list[Any]:
        t = lib.tensor(x, requires_grad=True)
        hx = lib.tensor(state)
        initial = None if not with_state else (hx, hx) if kind == "LSTM" else hx
        out, last = layer(nn_rnn.pack_padded_sequence(t, lengths, first, enforce), initial)
        padded, sizes = nn_rnn.pad_packed_sequence(out, first)
        finals = last if isinstance(last, tuple) else (last,)
        weights = lib.arange(float(padded.numel())).reshape(padded.shape)
        ((padded * weights).sum() + sum((f * f).sum() for f in finals)).backward()
        numbers = [padded, *finals, t.grad, layer.weight_hh_l0.grad]
        return [sizes.tolist(), *(np.asarray(n.detach()) for n in numbers)]

    here, there = run(minigrad, ours, rnn), run(torch, theirs, torch.nn.utils.rnn)
    assert here[0] == there[0]
    for a, b in zip(here[1:], there[1:]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_lengths_that_do_not_fit() -> None:
    x = minigrad.zeros(4, 3, 2)
    for lengths, error, message in [
        ([1, 2, 3], RuntimeError, r"lengths must decrease, got \[1, 2, 3\]; pass enforce_sorted=False"),
        ([4, 4], ValueError, "must be 3 integers"),
        ([4.0, 2.0, 1.0], ValueError, "must be 3 integers"),
        ([5, 2, 1], ValueError, "from 1 to 4, got 1 to 5"),
        ([2, 1, 0], ValueError, "from 1 to 4, got 0 to 2"),
    ]:
        with pytest.raises(error, match=message):
            rnn.pack_padded_sequence(x, lengths)
