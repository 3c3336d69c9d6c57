"""Recurrent layers, attention and transformers with PyTorch's own parameters: outputs and all gradients."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch", reason="the oracle is PyTorch, which is not installed: pip install torch")
pytestmark = [
    pytest.mark.oracle,
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
    pytest.mark.filterwarnings("ignore:LSTM with projections"),
    pytest.mark.filterwarnings("ignore:Support for mismatched"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested"),
]

X, Y = (5, 2, 4), (3, 2, 4)
CAUSAL = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False, False, False, True, True], [False] * 5])

PROGRAMS: list[tuple[str, str, tuple[Any, ...]]] = [
    *[
        (f"nn.{kind}(4, 3{settings})", "(x)", (X,))
        for kind in ("RNN", "LSTM", "GRU")
        for settings in (
            *(
                "",
                ", num_layers=2, bidirectional=True",
                ", bias=False, batch_first=True",
                ", num_layers=3, dropout=0.0",
            ),
        )
    ],
    ("nn.RNN(4, 3, 2, 'relu')", "(x)", (X,)),
    ("nn.LSTM(4, 5, proj_size=3, num_layers=2, bidirectional=True)", "(x)", (X,)),
    ("nn.LSTM(4, 3)", "(x)", ((5, 4),)),
    ("nn.GRU(4, 3, batch_first=True, bidirectional=True)", "(x)", ((5, 4),)),
    ("nn.LSTM(4, 3, 2)", "(x, (y, z))", (X, (2, 2, 3), (2, 2, 3))),
    ("nn.LSTM(4, 5, proj_size=3)", "(x, (y, z))", (X, (1, 2, 3), (1, 2, 5))),
    ("nn.GRU(4, 3, bidirectional=True)", "(x, y)", (X, (2, 2, 3))),
    ("nn.RNN(4, 3)", "(x, y)", ((5, 4), (1, 3))),
    ("nn.RNNCell(4, 3)", "(x)", ((2, 4),)),
    ("nn.RNNCell(4, 3, nonlinearity='relu', bias=False)", "(x, y)", ((2, 4), (2, 3))),
    ("nn.GRUCell(4, 3)", "(x, y)", ((2, 4), (2, 3))),
    ("nn.GRUCell(4, 3, bias=False)", "(x)", ((4,),)),
    ("nn.LSTMCell(4, 3)", "(x, (y, z))", ((2, 4), (2, 3), (2, 3))),
    ("nn.LSTMCell(4, 3)", "(x)", ((4,),)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x)", (X,)),
    ("nn.MultiheadAttention(4, 2, batch_first=True)", "(x, y, y)", ((2, 5, 4), (2, 3, 4))),
    ("nn.MultiheadAttention(4, 2, bias=False)", "(x, y, y, need_weights=False)", (X, Y)),
    ("nn.MultiheadAttention(4, 2, kdim=3, vdim=2)", "(x, y, z)", (X, (3, 2, 3), (3, 2, 2))),
    ("nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)", "(x, x, x, padding, attn_mask=causal)", (X,)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x, padding)", (X,)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x, attn_mask=causal, average_attn_weights=False)", (X,)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x, attn_mask=causal.double() * -2.0)", (X,)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x, attn_mask=causal.expand(4, 5, 5), need_weights=False)", (X,)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x, attn_mask=causal, is_causal=True, need_weights=False)", (X,)),
    ("nn.MultiheadAttention(4, 2)", "(x, x, x)", ((5, 4),)),
    *[
        (f"nn.TransformerEncoderLayer(4, 2, 6, 0.0{settings})", call, (shape,))
        for settings, call, shape in (
            ("", "(x)", X),
            (", activation='gelu', batch_first=True", "(x)", (2, 5, 4)),
            (", norm_first=True", "(x, causal)", X),
            (", bias=False", "(x, causal, padding)", X),
            ("", "(x)", (5, 4)),
        )
    ],
    ("nn.TransformerDecoderLayer(4, 2, 6, 0.0)", "(x, y, tgt_mask=causal)", (X, Y)),
    ("nn.TransformerDecoderLayer(4, 2, 6, 0.0, norm_first=True, bias=False)", "(x, y)", (X, Y)),
    (
        "nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.0), 2, nn.LayerNorm(4))",
        "(x, causal, padding)",
        (X,),
    ),
    ("nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, 0.0), 2)", "(x, y, causal)", (X, Y)),
    (
        "nn.Transformer(4, 2, 1, 2, 6, 0.0)",
        "(y, x, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5))",
        (X, Y),
    ),
    ("nn.Transformer(4, 2, 1, 1, 6, 0.0, batch_first=True, norm_first=True)", "(x, y)", ((2, 5, 4), (2, 3, 4))),
]


def flat(out: Any) -> list[Any]:
    if isinstance(out, tuple):
        return [t for o in out for t in flat(o)]
    return [] if out is None else [out]


@pytest.mark.parametrize(("text", "call", "shapes"), PROGRAMS, ids=[f"{t}{c}" for t, c, _ in PROGRAMS])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outputs_and_gradients(text: str, call: str, shapes: tuple[Any, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    theirs = eval(text, {"nn": torch.nn}).to(getattr(torch, dtype))
    with torch.no_grad():
        for p in theirs.parameters():
            p.normal_()
            p.mul_(0.5)
    ours = eval(text, {"nn": minigrad.nn}).to(dtype)
    ours.load_state_dict(theirs.state_dict())
    strip = [repr(m).replace("NonDynamicallyQuantizable", "") for m in (ours, theirs)]
    assert strip[0] == strip[1]
    answers = []
    for m, module in ((minigrad, ours), (torch, theirs)):
        xs = [m.tensor(a, requires_grad=True) for a in arrays]
        names = {
            "module": module,
            "model": m.nn.Transformer,
            "nn": m.nn,
            "causal": m.tensor(CAUSAL),
            "padding": m.tensor(PADDING),
        }
        expression = f"module{call}"
        if dtype == "float32":
            expression = expression.replace("double()", "float()")
        elif "generate" in call:
            expression = expression.replace("(5)", "(5, dtype=float64)")
            names["float64"] = m.float64
        outs = flat(eval(expression, names | dict(zip("xyz", xs))))
        sum(((i + 1) * o * o.cos()).sum() for i, o in enumerate(outs)).backward()
        gradients = [t.grad if t.grad is not None else t * 0 for t in (*xs, *module.parameters())]
        answers.append([t.detach().numpy() for t in (*outs, *gradients)])
    for f, w in zip(*answers, strict=True):
        assert (f.shape, f.dtype) == (w.shape, w.dtype)
        tolerance = 1e-9 if dtype == "float64" else 2e-4
        np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance * max(1, np.abs(w).max()))


def test_a_query_that_may_look_nowhere_gets_nothing() -> None:
    for m in (minigrad, torch):
        q = m.ones(2, 3, requires_grad=True)
        mask = m.tensor([[True, True], [False, False]])
        out = m.nn.functional.scaled_dot_product_attention(q, q, q, mask)
        out.sum().backward()
        assert out[1].tolist() == [0, 0, 0] and np.isfinite(q.grad.numpy()).all()


NAMES = "RNN LSTM GRU RNNCell LSTMCell GRUCell MultiheadAttention TransformerEncoderLayer TransformerDecoderLayer"
MORE = "TransformerEncoder TransformerDecoder Transformer"


@pytest.mark.parametrize("name", [*NAMES.split(), *MORE.split()])
def test_settings_have_pytorchs_names_defaults_and_places(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(m.nn, name)).parameters for m in (minigrad, torch))
    if "args" in theirs:  # PyTorch's signature is in its documentation only
        return
    wanted = [*theirs]
    assert [*ours] == wanted
    for n in wanted:
        a, b = ours[n].default, theirs[n].default
        assert a == b or callable(a) and callable(b)


def test_initial_values_are_within_pytorchs_bounds() -> None:
    for text in (
        "LSTM(4, 16)",
        "GRU(4, 16, 2)",
        "MultiheadAttention(16, 4)",
        "Transformer(16, 2, 1, 1, 8)",
    ):
        ours, theirs = (dict(eval(f"m.nn.{text}", {"m": m}).named_parameters()) for m in (minigrad, torch))
        assert [*ours] == [*theirs]
        for name, p in ours.items():
            a, b = p.detach().numpy(), theirs[name].detach().numpy()
            assert a.shape == b.shape and (a.std() == 0) == (b.std() == 0)
            assert np.abs(a).max() <= 1.3 * np.abs(b).max() + 1e-6 or a.size < 50


def test_sequences_are_padded() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((n, 2)) for n in (3, 1, 4)]
    for settings in ({}, {"batch_first": True}, {"padding_value": -1.0}, {"padding_side": "left", "batch_first": True}):
        answers = []
        for m in (minigrad, torch):
            xs = [m.tensor(a, requires_grad=True) for a in arrays]
            out = m.nn.utils.rnn.pad_sequence(xs, **settings)
            (out * out).sum().backward()
            answers.append([out.detach().numpy(), *[x.grad.numpy() for x in xs]])
        for f, w in zip(*answers):
            np.testing.assert_array_equal(f, w)
    for m in (minigrad, torch):
        back = m.nn.utils.rnn.unpad_sequence(m.nn.utils.rnn.pad_sequence([m.ones(2), m.ones(3)]), m.tensor([2, 3]))
        assert [len(b) for b in back] == [2, 3]
