"""Modules and functions take their arguments as PyTorch's: in its order, by its names, with device and dtype."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from cases import each

import minigrad
from minigrad import nn

LAYERS: list[tuple[type[nn.Module], tuple[Any, ...]]] = [
    *((nn.Linear, (2, 3)), (nn.Bilinear, (2, 2, 3)), (nn.Conv1d, (2, 3, 1)), (nn.ConvTranspose2d, (2, 3, 1))),
    *((nn.BatchNorm1d, (2,)), (nn.InstanceNorm2d, (2,)), (nn.LayerNorm, (2,)), (nn.RMSNorm, (2,))),
    *((nn.GroupNorm, (1, 2)), (nn.Embedding, (2, 3)), (nn.RNN, (2, 3)), (nn.LSTM, (2, 3)), (nn.GRU, (2, 3))),
    *((nn.RNNCell, (2, 3)), (nn.LSTMCell, (2, 3)), (nn.GRUCell, (2, 3)), (nn.PReLU, ())),
    *((nn.MultiheadAttention, (4, 2)), (nn.TransformerEncoderLayer, (4, 2)), (nn.TransformerDecoderLayer, (4, 2))),
    *((nn.Transformer, (4, 2, 1, 1)), (nn.LazyLinear, (3,)), (nn.LazyConv2d, (3, 1)), (nn.LazyBatchNorm1d, ())),
]


@each("layer, sizes", LAYERS)
def test_layers_take_device_and_dtype(layer: type[nn.Module], sizes: tuple[Any, ...]) -> None:
    double = layer(*sizes, device="cpu", dtype=minigrad.float64)
    if not layer.__name__.startswith("Lazy"):
        assert {p.dtype for p in double.parameters()} <= {minigrad.float64}
    layer(*sizes, device=minigrad.device("cpu"))
    with pytest.raises(RuntimeError, match="CPU"):
        layer(*sizes, device="cuda")
    order = [*inspect.signature(layer).parameters]
    assert order.index("device") + 1 == order.index("dtype")


def test_criterion_and_layer_by_name() -> None:
    x, y = minigrad.ones(2, 3), minigrad.tensor([0, 1])
    assert nn.CrossEntropyLoss()(input=x, target=y) == nn.CrossEntropyLoss()(x, y)
    assert nn.CrossEntropyLoss()(x, target=y) == nn.CrossEntropyLoss()(x, y)
    assert nn.TripletMarginLoss()(anchor=x, positive=x, negative=x) == 1
    assert (nn.ReLU()(input=x) == x).all()
    assert nn.Sequential(nn.Linear(3, 2), nn.Flatten())(input=x).shape == (2, 2)
    assert nn.LazyLinear(4)(input=x).shape == (2, 4)
    assert minigrad.sum(input=x, dim=0).tolist() == [2, 2, 2]
    assert minigrad.softmax(input=x, dim=1).shape == x.shape


X = minigrad.ones(2, 3)


@each(
    "call",
    [
        lambda: nn.MSELoss()(inputs=X, target=X),
        lambda: nn.MSELoss()(X),
        lambda: nn.ReLU()(),
        lambda: nn.LSTM(3, 2)(x=X),
        lambda: nn.BatchNorm1d(3)(X, X),
        lambda: minigrad.sum(),
        lambda: minigrad.reshape(tensor=X, shape=(6,)),
        lambda: X.max(foo=1),
        lambda: X.exp(1),
    ],
)
def test_messages_name_what_was_called(call: Any) -> None:
    with pytest.raises(TypeError) as raised:
        call()
    assert not re.search(r"FunctionalModule|Activation|_[A-Z]|Shapes|Reductions|Pointwise|'self'", str(raised.value))


@pytest.mark.oracle
def test_forward_and_settings_have_pytorchs_names() -> None:
    torch = pytest.importorskip("torch")
    wrong = []
    old = {"size_average", "reduce"}
    for name, mine in vars(nn).items():
        theirs = getattr(torch.nn, name, None)
        if not (isinstance(mine, type) and isinstance(theirs, type) and issubclass(theirs, torch.nn.Module)):
            continue
        for a, b in ((mine, theirs), (mine.forward, theirs.forward)):
            ours, wanted = ([*inspect.signature(f).parameters] for f in (a, b))
            if any(p.kind == p.VAR_POSITIONAL for f in (a, b) for p in inspect.signature(f).parameters.values()):
                continue  # a loss, a container, a lazy layer
            if [n for n in ours if n not in old] != [n for n in wanted if n not in old]:
                wrong.append((name, ours, wanted))
    assert not wrong
