"""Recurrent layers, attention and transformers: messages for mistakes, and training of small models."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, ones, optim, tensor
from minigrad.nn import functional as F


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nn.LSTM(3, 4)(ones(5, 2, 6)),
            ValueError,
            r"LSTM: the input \(time, batch, features\) .*=3 features, got 6 in shape \(5, 2, 6\)",
        ),
        (
            lambda: nn.GRU(3, 4, batch_first=True)(ones(2, 5, 1)),
            ValueError,
            r"\(batch, time, features\) must have .* got 1 ",
        ),
        (lambda: nn.RNN(3, 4)(ones(2, 5, 1, 3)), ValueError, r"RNN: the input must be \(time, batch, features\) or"),
        (lambda: nn.RNN(3, 4)(ones(0, 5, 3)), ValueError, "at least one time step"),
        (lambda: nn.RNN(3, 4)(ones(2, 3).double()), TypeError, "dtype of the weights, float32, got float64"),
        (
            lambda: nn.RNN(3, 4)(ones(5, 2, 3), ones(1, 3, 4)),
            ValueError,
            r"h_0 .* \(1, 2, 4\), got \(1, 3, 4\)",
        ),
        (
            lambda: nn.LSTM(3, 4)(ones(5, 2, 3), ones(1, 2, 4)),
            TypeError,
            r"the initial state must be a pair \(h_0, c_0\)",
        ),
        (lambda: nn.RNN(3, 4, nonlinearity="relu6"), ValueError, "nonlinearity must be 'tanh' or 'relu', got 'relu6'"),
        (lambda: nn.LSTM(3, 4, dropout=2), ValueError, "dropout must be a probability, from 0 to 1, got 2"),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "less than hidden_size=4, got 4"),
        (lambda: nn.LSTM(0, 4), ValueError, "LSTM: input_size must be a positive integer"),
        (lambda: nn.GRUCell(3, 4)(ones(2, 5)), ValueError, r"GRUCell: .* \(3,\) or \(N, 3\), got shape \(2, 5\)"),
        (
            lambda: nn.LSTMCell(3, 4)(ones(2, 3), (ones(2, 4),)),
            ValueError,
            r"must be \(h, c\), each of shape \(2, 4\)",
        ),
        (lambda: nn.LSTMCell(3, 4)(ones(2, 3).long()), TypeError, "LSTMCell: .* the weights, float32, got int64"),
        (lambda: nn.Transformer(4, 2, 1, 1, 6)(tensor(1.0), tensor(1.0)), ValueError, r"d_model=4, got \(\) and \(\)"),
        (
            lambda: nn.MultiheadAttention(5, 2),
            ValueError,
            "embed_dim must be a multiple of num_heads, got embed_dim=5 and num_heads=2",
        ),
        (lambda: nn.MultiheadAttention(4, 2)(*[ones(3, 2, 5)] * 3), ValueError, r"must be \(4, 4, 4\)"),
        (
            lambda: nn.MultiheadAttention(4, 2)(ones(2, 5, 4), ones(2, 3, 4), ones(2, 3, 4)),
            ValueError,
            "same batch size, dimension 1, got .* pass batch_first=True",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[ones(3, 2, 4)] * 3, attn_mask=ones(2, 2)),
            ValueError,
            r"attn_mask must have shape \(3, 3\) or \(4, 3, 3\), got \(2, 2\)",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[ones(3, 2, 4)] * 3, ones(3, 2).bool()),
            ValueError,
            r"key_padding_mask must have shape \(2, 3\)",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[ones(3, 2, 4)] * 3, attn_mask=ones(3, 3).long()),
            TypeError,
            r"booleans or floats, got int64; .bool\(\)",
        ),
        (
            lambda: nn.MultiheadAttention(4, 2)(*[ones(3, 2, 4)] * 3, is_causal=True),
            ValueError,
            "pass the causal mask too",
        ),
        (lambda: F.scaled_dot_product_attention(*[ones(3)] * 3), ValueError, r"the inputs must be \(..., L, E\)"),
        (
            lambda: F.scaled_dot_product_attention(ones(2, 3), ones(2, 4), ones(2, 4)),
            ValueError,
            r"query \(2, 3\), key \(2, 4\)",
        ),
        (
            lambda: F.scaled_dot_product_attention(*[ones(2, 3)] * 3, attn_mask=ones(2, 2).bool(), is_causal=True),
            ValueError,
            "pass attn_mask or is_causal=True, not both",
        ),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), ValueError, "'relu', 'gelu' or a function"),
        (lambda: nn.TransformerEncoderLayer(6, 2)(ones(3, 2, 5)), ValueError, r"^TransformerEncoderLayer.self_attn: "),
        (
            lambda: nn.Transformer(4, 2, 1, 1, 4)(ones(3, 2, 4), ones(3, 3, 4)),
            ValueError,
            "same batch size, dimension 1",
        ),
    ],
)
def test_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def learn(model: nn.Module, batches: Any, loss: Any, steps: int, lr: float = 1e-2) -> float:
    optimizer = optim.Adam(model.parameters(), lr=lr)
    for _ in range(steps):
        x, y = batches()
        optimizer.zero_grad()
        value = loss(model(tensor(x)), y)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return float(value.item())


class Echo(nn.Module):
    """Classifies the input of some steps ago."""

    def __init__(self, layer: nn.Module, size: int) -> None:
        super().__init__()
        self.layer, self.out = layer, nn.Linear(size, 4)

    def forward(self, x: Any) -> Any:
        return self.out(self.layer(x)[0])


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.slow
def test_recurrent_layers_learn_a_delayed_echo(kind: str) -> None:
    minigrad.manual_seed(0)
    rng = np.random.default_rng(0)

    def batches() -> Any:
        classes = rng.integers(0, 4, (12, 16))
        return np.eye(4, dtype=np.float32)[classes], classes

    def loss(scores: Any, classes: Any) -> Any:
        return F.cross_entropy(scores[2:].reshape(-1, 4), classes[:-2].reshape(-1))

    assert learn(Echo(getattr(nn, kind)(4, 24), 24), batches, loss, 250) < 0.1


class Copier(nn.Module):
    """Predicts, at each position of a sequence of classes, the class one position before."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.positions = nn.Embedding(5, 16), nn.Embedding(8, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 1)
        self.out = nn.Linear(16, 5)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(8))

    def forward(self, x: Any) -> Any:
        h = self.symbols(x) + self.positions(np.arange(8))
        return self.out(self.body(h, mask=self.mask))


@pytest.mark.slow
def test_a_transformer_learns_to_look_back() -> None:
    minigrad.manual_seed(0)
    rng = np.random.default_rng(0)

    def batches() -> Any:
        classes = rng.integers(0, 5, (16, 8))
        return classes, classes

    def loss(scores: Any, classes: Any) -> Any:
        return F.cross_entropy(scores[:, 1:].reshape(-1, 5), classes[:, :-1].reshape(-1))

    assert learn(Copier(), batches, loss, 250) < 0.1


def test_truncated_backpropagation_in_pieces_equals_the_whole_where_nothing_is_cut() -> None:
    layer = nn.LSTM(3, 4).double()
    x = minigrad.randn(6, 2, 3, dtype="float64")
    whole, _ = layer(x)
    first, state = layer(x[:3])
    second, _ = layer(x[3:], state)
    assert np.allclose(whole.detach().numpy(), np.concatenate([first.detach().numpy(), second.detach().numpy()]))
    cut = tuple(s.detach() for s in state)
    layer.zero_grad()
    layer(x[3:], cut)[0].sum().backward()
    assert all(p.grad is not None for p in layer.parameters())


def test_writing_to_a_saved_weight_raises() -> None:
    layer = nn.GRU(3, 4)
    out, _ = layer(ones(2, 1, 3))
    layer.weight_hh_l0.data += 1
    with pytest.raises(RuntimeError, match="the backward pass of 'gru' needs its inputs.*changed in place"):
        out.sum().backward()


def test_dropout_between_layers_is_for_training_only() -> None:
    layer = nn.LSTM(3, 4, 2, dropout=0.5)
    x = minigrad.randn(5, 2, 3)
    assert layer(x)[0].tolist() != layer(x)[0].tolist()
    layer.eval()
    assert layer(x)[0].tolist() == layer(x)[0].tolist()


def test_layers_of_a_stack_are_copies() -> None:
    layer = nn.TransformerEncoderLayer(4, 2, 8)
    stack = nn.TransformerEncoder(layer, 2)
    assert stack.layers[0].linear1.weight is not stack.layers[1].linear1.weight
    assert stack.layers[0].linear1.weight.tolist() == layer.linear1.weight.tolist()
    again = copy.deepcopy(stack).eval()
    x = minigrad.randn(3, 2, 4)
    assert again(x).tolist() == stack.eval()(x).tolist()


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
def test_hooks_are_called_once_also_when_the_backward_pass_is_recorded(kind: str) -> None:
    layer, x = getattr(nn, kind)(2, 3), minigrad.randn(4, 2, 2)
    calls: list[Any] = []
    layer.weight_hh_l0.register_hook(calls.append)
    layer(x)[0].sum().backward(create_graph=True)
    assert len(calls) == 1


def test_a_mask_of_another_dtype_does_not_change_that_of_the_result() -> None:
    x = minigrad.randn(1, 3, 4)
    mask = np.where(np.tri(3), 0.0, -np.inf)
    assert F.scaled_dot_product_attention(x, x, x, mask).dtype == np.float32
    causal = F.scaled_dot_product_attention(x, x, x, is_causal=True)
    assert F.scaled_dot_product_attention(x, x, x, mask).tolist() == causal.tolist()
