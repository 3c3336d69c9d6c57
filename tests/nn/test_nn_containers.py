"""Containers, lazy layers, summary and initial values: messages for mistakes, and what PyTorch does not have."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, ones, optim, tensor


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.ModuleList([nn.ReLU()])[1], IndexError, "ModuleList: the index 1 is out of range for 1 items"),
        (lambda: nn.ModuleList([nn.ReLU()])["0"], TypeError, "the index must be an integer, got '0'"),
        (
            lambda: nn.Sequential(nn.ReLU, nn.Tanh()),
            TypeError,
            r"item 0 must be a module, got the class ReLU: call it, ReLU\(…\)",
        ),
        (lambda: nn.ModuleDict({"a": nn.ReLU()})["b"], KeyError, r"ModuleDict has no item 'b'; it has \['a'\]"),
        (lambda: nn.ModuleDict({"training": nn.ReLU()}), KeyError, "'training' cannot be a name"),
        (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), KeyError, "has a dot"),
        (
            lambda: nn.ParameterList([1.0]),
            TypeError,
            "ParameterList: item 0 must be a parameter or a tensor, got float",
        ),
        (lambda: nn.Bilinear(2, 0, 1), ValueError, "Bilinear: in2_features must be a positive integer, got 0"),
        (lambda: nn.Bilinear(2, 3, 1)(ones(4, 2), ones(5, 3)), ValueError, r"bilinear: inputs of shapes \(4, 2\)"),
        (lambda: nn.Unflatten(1, (2, 2))(ones(4, 5)), ValueError, r"cannot split dim 1 of shape \(4, 5\), of size 5"),
        (lambda: nn.LazyLinear(2).weight.shape, RuntimeError, "The parameter weight has no shape yet.*call the model"),
        (lambda: minigrad.Network(nn.LazyLinear(2), nn.MSELoss()), RuntimeError, "has no shape yet"),
        (lambda: nn.LazyLinear(2)(tensor(1.0)), ValueError, r"LazyLinear: cannot infer in_features from .* shape \(\)"),
        (lambda: nn.LazyLinear(0), ValueError, "Linear: out_features must be a positive integer"),
        (lambda: nn.ReLU().train("eval"), TypeError, "mode must be True or False, got 'eval'"),
        (lambda: nn.Linear(2, 2).to("cuda"), RuntimeError, "CPU only"),
        (lambda: nn.Linear(2, 2).get_buffer("x"), AttributeError, "Linear has no buffer 'x'; it has"),
        (lambda: nn.init.xavier_uniform_(ones(3)), ValueError, r"at least 2 dimensions, got shape \(3,\)"),
        (
            lambda: nn.init.kaiming_normal_(ones(3, 2), mode="in"),
            ValueError,
            "mode must be 'fan_in' or 'fan_out', got 'in'",
        ),
        (
            lambda: nn.init.calculate_gain("gelu"),
            ValueError,
            "calculate_gain: nonlinearity must be one of .* got 'gelu'",
        ),
        (
            lambda: nn.init.trunc_normal_(ones(3), 0, 0.01, 5, 6),
            ValueError,
            "exclude the normal distribution with mean 0",
        ),
        (lambda: nn.utils.clip_grad_norm_([ones(1)], -1), ValueError, "max_norm must be at least 0, got -1"),
        (lambda: nn.utils.clip_grad_norm_([ones(1)], "1"), TypeError, "max_norm must be a number, got '1'"),
        (lambda: nn.utils.clip_grad_norm_(None, 1), TypeError, "parameters must be tensors, .* got NoneType"),
        (lambda: nn.init.kaiming_normal_(np.ones((2, 3))), TypeError, "tensor must be a tensor, got ndarray"),
        (
            lambda: nn.utils.vector_to_parameters(ones(3), [ones(2)]),
            ValueError,
            r"shape \(2,\) of all parameters, got \(3,\)",
        ),
        (lambda: nn.utils.parameters_to_vector([]), ValueError, "no parameters; is the iterator used up"),
    ],
)
def test_mistakes(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_lazy_layer_keeps_its_parameters_names_and_mode() -> None:
    net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(1, bias=False)).eval()
    before = list(net.parameters())
    optimizer = optim.SGD(before, lr=0.1)
    net(ones(2, 5)).sum().backward()
    assert [p.name for p in before] == ["0.weight", "0.bias", "2.weight"]
    assert list(net.parameters()) == before and type(net[0]) is nn.Linear and type(before[0]) is nn.Parameter
    assert not net[0].training and net[0].in_features == 5 and net[2].bias is None
    weight = net[2].weight.tolist()
    optimizer.step()
    assert net[2].weight.tolist() != weight
    assert net(ones(2, 5)).shape == (2, 1)
    with pytest.raises(
        ValueError, match=r"Sequential\.0: linear: the input must have 5 features .* got shape \(2, 4\)"
    ):
        net(ones(2, 4))
    copied = pickle.loads(pickle.dumps(copy.deepcopy(net)))
    assert copied(ones(2, 5)).tolist() == net(ones(2, 5)).tolist()


def test_slices_share_modules_and_rename_nothing() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    head = net[1:]
    assert head[1] is net[2] and net[2].weight.name == "2.weight"
    assert [name for name, _ in head.named_parameters()] == ["2.weight", "2.bias"]
    weights = nn.ParameterList([ones(1), ones(2)])
    weights[0] = nn.Parameter(ones(3))
    assert weights[0].shape == (3,) and len(weights[1:]) == 1 and weights.pop().shape == (2,)


def test_summary_counts_and_leaves_the_model_unchanged() -> None:
    shared = nn.Linear(4, 4)
    net = nn.Sequential(shared, nn.Dropout(), shared, nn.Linear(4, 2)).train()
    net[3].eval()
    net.register_buffer("steps", ones(7))
    shared.bias.requires_grad_(False)
    table = nn.summary(net, (5, 4))
    assert (table.total, table.trainable, table.buffers) == (30, 26, 7)
    assert [(row.path, row.shape, row.parameters, row.calls) for row in table.rows] == [
        ("", "(5, 2)", 30, 1),
        ("0", "(5, 4)", 20, 2),
        ("1", "(5, 4)", 0, 1),
        ("3", "(5, 2)", 10, 1),
    ]
    text = str(table)
    assert "0: Linear" in text and "(5, 4)  x2" in text and "30 parameters (4 of them frozen), and 7 numbers" in text
    assert net.training and not net[3].training and not net._hooks
    assert [row.path for row in nn.summary(net, depth=0).rows] == [""]
    with pytest.raises(ValueError, match="Sequential.0: linear"):
        nn.summary(net, ones(5, 3))
    assert net.training and not net._hooks


def test_summary_notes_mistakes_of_the_model() -> None:
    table = nn.summary(nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 3), nn.Softmax(-1)), (1, 4))
    activation, softmax = table.notes
    assert "no activation between 0 and 2" in activation and "ends with a softmax" in softmax
    assert str(table).endswith(f"{activation}\n{softmax}")
    low_rank = nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    assert nn.summary(low_rank, (1, 8)).notes == nn.summary(low_rank).notes == ()


def test_clipping_says_when_the_gradients_are_not_finite() -> None:
    w = tensor([1.0, 2.0], requires_grad=True)
    w.grad = tensor([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="is inf, so they cannot be clipped"):
        nn.utils.clip_grad_norm_([w], 1.0, error_if_nonfinite=True)
    assert w.grad.tolist() == [math.inf, 1.0]


def test_lazy_layers_are_copied_and_pickled_before_their_first_input() -> None:
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(1, bias=False))
    for again in copy.deepcopy(net), pickle.loads(pickle.dumps(net)):
        assert again(minigrad.ones(2, 4)).shape == (2, 1)
    assert repr(net[0]) == "LazyLinear(in_features=0, out_features=3, bias=True)"
