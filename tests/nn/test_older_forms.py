"""Forms of PyTorch's earlier versions: they compute the same, and a DeprecationWarning says what has replaced them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minigrad
from minigrad import autograd, nn, tensor
from minigrad.nn import functional as F

X, Y = tensor([[1.0, 3.0], [2.0, 5.0]]), tensor([[0.0, 1.0], [1.0, 1.0]])
CLASSES = tensor([0, 1])
FORMS: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "softmax": (lambda: F.softmax(X), lambda: F.softmax(X, 1), "dim=1"),
    "softmax of 3-D": (lambda: F.softmax(X[None]), lambda: F.softmax(X[None], 0), "dim=0"),
    "log_softmax": (lambda: F.log_softmax(X[0]), lambda: F.log_softmax(X[0], 0), "dim=0"),
    "Softmax": (lambda: nn.Softmax()(X), lambda: nn.Softmax(1)(X), "dim=1"),
    "LogSoftmax": (lambda: nn.LogSoftmax()(X[None, None]), lambda: nn.LogSoftmax(1)(X[None, None]), "dim=1"),
    "softmin": (lambda: F.softmin(X), lambda: F.softmin(X, 1), "dim=1"),
    "mse sum": (lambda: F.mse_loss(X, Y, size_average=False), lambda: F.mse_loss(X, Y, reduction="sum"), "'sum'"),
    "mse mean": (lambda: F.mse_loss(X, Y, size_average=True), lambda: F.mse_loss(X, Y), "'mean'"),
    "mse none": (
        lambda: F.mse_loss(X, Y, size_average=True, reduce=False),
        lambda: F.mse_loss(X, Y, reduction="none"),
        "'none'",
    ),
    "MSELoss": (lambda: nn.MSELoss(size_average=False)(X, Y), lambda: nn.MSELoss(reduction="sum")(X, Y), "'sum'"),
    "MSELoss reduce": (lambda: nn.MSELoss(reduce=True)(X, Y), lambda: nn.MSELoss()(X, Y), "'mean'"),
    "CrossEntropyLoss": (
        lambda: nn.CrossEntropyLoss(size_average=False)(X, CLASSES),
        lambda: nn.CrossEntropyLoss(reduction="sum")(X, CLASSES),
        "'sum'",
    ),
    "nll_loss": (
        lambda: F.nll_loss(X, CLASSES, size_average=False),
        lambda: F.nll_loss(X, CLASSES, reduction="sum"),
        "'sum'",
    ),
    "upsample": (
        lambda: F.upsample(X[None, None], scale_factor=2),
        lambda: F.interpolate(X[None, None], scale_factor=2),
        "interpolate",
    ),
    "constant": (lambda: nn.init.constant(X.clone(), 2.0), lambda: nn.init.constant_(X.clone(), 2.0), "init.constant_"),
    "eye": (lambda: nn.init.eye(X.clone()), lambda: nn.init.eye_(X.clone()), "init.eye_"),
}


@pytest.mark.parametrize("name", FORMS)
def test_older_forms(name: str) -> None:
    older, newer, says = FORMS[name]
    with pytest.warns(DeprecationWarning, match=says) as caught:
        result = older()
    assert len(caught) == 1 and caught[0].filename == __file__
    assert result.tolist() == newer().tolist()


def test_nothing_warns_without_the_older_form() -> None:
    F.mse_loss(X, Y, reduction="sum")
    nn.MSELoss(size_average=None, reduce=None)(X, Y)
    with pytest.raises(AttributeError, match="has no attribute 'write'"):
        _ = nn.init.write


def test_only_inputs_and_the_default_tensor_type() -> None:
    w = tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(DeprecationWarning, match="only_inputs"):
        assert autograd.grad((w * w).sum(), w, only_inputs=True)[0].tolist() == [2.0, 4.0]
    try:
        for kind in (minigrad.DoubleTensor, "torch.DoubleTensor"):
            minigrad.set_default_dtype("float32")
            with pytest.warns(DeprecationWarning, match="set_default_dtype"):
                minigrad.set_default_tensor_type(kind)
            assert str(minigrad.get_default_dtype()) == "float64"
    finally:
        minigrad.set_default_dtype("float32")


def test_the_constructor_takes_what_pytorchs_takes() -> None:
    for data, wanted in [(([1, 2],), [1.0, 2.0]), (([[True], [False]],), [[1.0], [0.0]])]:
        with pytest.warns(DeprecationWarning, match="keeps the dtype") as caught:
            t = minigrad.Tensor(*data)
        assert str(t.dtype) == "float32" and t.tolist() == wanted and caught[0].filename == __file__
    for sizes in [(2, 3, 4), (4, 8), (3,), ()]:
        with pytest.warns(DeprecationWarning, match="of these sizes"):
            t = minigrad.Tensor(*sizes)
        assert t.shape == (sizes or (0,)) and str(t.dtype) == "float32"
    assert minigrad.Tensor([1, 2], "int64").tolist() == minigrad.Tensor([1, 2], dtype="int64").tolist() == [1, 2]
    assert str(minigrad.Tensor([1.0]).dtype) == "float32" and minigrad.Tensor(2.5).item() == 2.5
    assert str(minigrad.Tensor(tensor([1, 2])).dtype) == str(minigrad.as_tensor([1, 2]).dtype) == "int64"
    with pytest.raises(TypeError, match="takes the data, a dtype and requires_grad, or sizes"):
        minigrad.Tensor([1.0], "float32", True)
