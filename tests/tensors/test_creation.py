"""Making tensors (compared with PyTorch in tests/oracle): what is refused, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import device, tensor


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: minigrad.zeros(2, -3), ValueError, r"zeros: a size must not be negative, got -3 in \(2, -3\)"),
        (lambda: minigrad.zeros(2, dtype=complex), TypeError, "zeros: tensors do not support complex128"),
        (lambda: tensor([1], dtype="float16"), TypeError, "tensor: tensors do not support float16"),
        (lambda: tensor(np.ones(2, np.complex64)), TypeError, "of complex64"),
        (lambda: tensor(np.ones(2, np.float16)), TypeError, "of float16"),
        (lambda: tensor(np.ones(2, np.uint32)), TypeError, "of uint32"),
        (lambda: minigrad.from_numpy(np.ones(2, np.float16)), TypeError, "of float16"),
        (lambda: tensor([1, 1j]), TypeError, "of complex128"),
        (
            lambda: tensor([1.0]).to(np.float16),
            TypeError,
            "to: tensors do not support float16; the dtype must be one of bool, float32",
        ),
        (lambda: tensor([1.0]).to("half"), TypeError, "do not support float16"),
        (lambda: tensor([1.0]).to("nonsense"), TypeError, "'nonsense' is not a dtype"),
        (lambda: tensor([1.0]).to("cuda"), RuntimeError, "device 'cuda': minigrad computes on the CPU only"),
        (lambda: tensor([1.0]).to(0), TypeError, "to: 0 is not a dtype"),
        (lambda: tensor([1.0]).cuda(), RuntimeError, r"cuda\(\): minigrad computes on the CPU only"),
        (lambda: device("nonsense"), RuntimeError, "no such device"),
        (lambda: device("cpu:x"), RuntimeError, "no such device"),
        (lambda: minigrad.zeros(2, device=3), RuntimeError, "zeros: device=3"),
        (lambda: minigrad.zeros(2, layout="sparse"), NotImplementedError, "zeros: layout='sparse' is not supported"),
        (lambda: minigrad.zeros(2, out=tensor([1.0])), NotImplementedError, "zeros: out=.* is not supported"),
        (lambda: minigrad.zeros(2, out=minigrad.ones(2)), NotImplementedError, "zeros: out=.* is not supported"),
        (lambda: "a" in tensor([1.0]), TypeError, "contains numbers, but 'a' is a str"),
        (lambda: minigrad.zeros(2, nonsense=1), TypeError, "zeros.. got an unexpected keyword argument 'nonsense'"),
        (lambda: minigrad.zeros(2.5), TypeError, "float"),
        (lambda: minigrad.arange(0, 3, 0), ValueError, "the step must not be 0"),
        (lambda: minigrad.arange("5"), TypeError, "arange: end must be a number, got str: '5'"),
        (lambda: minigrad.linspace(0, None, 3), TypeError, "linspace: end must be a number, got NoneType"),
        (lambda: minigrad.arange(3, 0), ValueError, "a step of 1 leads away from 0, starting from 3"),
        (lambda: minigrad.full((2,), [1]), TypeError, "fill_value must be a number, got list"),
        (lambda: minigrad.full((2,), tensor(1.0, requires_grad=True)), RuntimeError, "t.expand"),
        (lambda: minigrad.from_numpy([1]), TypeError, "takes an array, got list"),
        (lambda: minigrad.asarray([1.0], copy=False), ValueError, "a list must be copied"),
        (lambda: minigrad.set_default_dtype(np.int64), TypeError, "float32 or float64, not int64"),
        (lambda: minigrad.iinfo(np.float32), TypeError, "for floats: finfo"),
        (lambda: minigrad.finfo(np.int64), TypeError, "a float dtype"),
        (lambda: (tensor([1.0, 2.0])[:1]).detach_(), RuntimeError, "detach_: not possible for a view"),
        (lambda: minigrad.nn.Linear(1, 1).to(int), TypeError, "needs a floating-point dtype, got int64"),
        (lambda: minigrad.nn.Linear(1, 1).to(device="mps"), RuntimeError, "CPU only"),
    ],
)
def test_errors(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_devices() -> None:
    assert repr(device("cpu")) == repr(tensor(1).device) == "device(type='cpu')"
    assert str(device("cpu:0")) == "cpu:0" and repr(device("cpu", 0)) == "device(type='cpu', index=0)"
    assert device("cpu") == minigrad.get_default_device() == device(device("cpu")) != device("cpu:0")
    assert device("cuda" if minigrad.cuda.is_available() else "cpu").type == "cpu"
    assert minigrad.accelerator.current_accelerator() is None and not minigrad.backends.cudnn.is_available()
    minigrad.cuda.manual_seed_all(3)
    minigrad.backends.cudnn.benchmark = True
    with pytest.raises(AttributeError, match="synchronize: minigrad computes on the CPU only"):
        minigrad.cuda.synchronize()
    minigrad.set_default_device("cpu")
    with pytest.raises(RuntimeError, match="CPU only"):
        minigrad.set_default_device("cuda")
    net = minigrad.nn.Linear(2, 2).to(device("cpu"), np.float64)
    assert net.weight.dtype == np.float64 and net.to(tensor([1.0])).weight.dtype == np.float32


def test_names_of_kinds_of_tensors() -> None:
    t = tensor([1.5])
    assert t.type() == "minigrad.FloatTensor" and t.type("minigrad.LongTensor").type() == "minigrad.LongTensor"
    assert t.type("torch.DoubleTensor").dtype == np.float64
    assert minigrad.LongTensor(2, 3).shape == (2, 3) and minigrad.FloatTensor(3).dtype == np.float32
    assert minigrad.Size is tuple


def test_what_lists_hold_says_the_dtype() -> None:
    assert tensor([np.float32(1), 2.5]).dtype == np.float32
    assert tensor([np.int8(1), 2]).dtype == np.int64
    assert tensor([tensor(1.0, dtype=np.float64), 1]).dtype == np.float64
    assert tensor([[np.ones(2, np.float32)], [[1, 2]]]).dtype == np.float32


def test_squares_and_signs_of_bools() -> None:
    b = minigrad.tensor([True, False])
    assert b.square().dtype == "int64" and b.square().tolist() == [1, 0]
    assert b.sign().dtype == b.sgn().dtype == "bool" and b.sign().tolist() == [True, False]
