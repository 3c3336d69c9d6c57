"""Tensors made in minigrad and in PyTorch with the same words: the same values, shapes and dtypes."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle


def same(found: Any, wanted: Any) -> None:
    if isinstance(found, minigrad.Tensor):
        assert found.shape == tuple(wanted.shape) and f"torch.{found.dtype}" == str(wanted.dtype)
        assert found.requires_grad == wanted.requires_grad
        np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-6, atol=1e-7)
    elif isinstance(found, np.dtype):
        assert f"torch.{found}" == str(wanted)
    else:
        assert found == (tuple(wanted) if isinstance(wanted, torch.Size) else wanted)
        assert isinstance(found, type(wanted)) or isinstance(wanted, torch.Size)


CALLS: dict[str, Callable[[Any], Any]] = {}
_CALLS = """
tensor(3) tensor(True) tensor(2.5) tensor([]) tensor([[]]) tensor([[1,2],[3,4]]) tensor([1,2.5]) tensor([True,2])
tensor([[1.5],[True]]) tensor(((1,),(2,))) tensor(range(3)) tensor([1,2],dtype=m.float64)
tensor([1.7,-1.7],dtype=m.long)
tensor([0,2],dtype=bool) tensor([1],dtype=float) tensor([1.0],dtype=int) tensor(1.0,requires_grad=True)
tensor([1,2],device='cpu') tensor([1.],device=m.device('cpu'),requires_grad=True)
tensor([m.tensor(1.0),m.tensor(2.0)])
tensor(np.ones(2)) tensor(np.ones(2,dtype=np.int16)) tensor(np.float64(3)) tensor([np.float32(1),2.5])
tensor(1,dtype=m.uint8)
tensor([np.float64(1),2]) tensor([m.tensor(1.0,dtype=m.double),2.5]) tensor([np.int16(1),2])
tensor([[np.float32(1)],[2]])
tensor(10**12)
as_tensor([1,2]) as_tensor(np.ones(3)) as_tensor(np.ones(3),dtype=m.float32) as_tensor(m.ones(2),dtype=m.int)
asarray([1.0,2.0]) asarray(np.ones(2),dtype=m.float) asarray(m.ones(2),copy=True) asarray([1.],requires_grad=True)
from_numpy(np.arange(3)) from_numpy(np.ones((2,0),dtype=np.float32))
zeros(2,3) zeros((2,3)) zeros([2]) zeros(()) zeros(0) zeros(2,dtype=m.bool) zeros(size=(2,2))
zeros(2,requires_grad=True)
zeros(2,device=None,pin_memory=False,layout=None) zeros(m.Size([2,3])) ones(2,dtype=m.uint8) ones(2,1)
ones((2,),dtype=m.double)
full((2,),3) full((2,),3.5) full((2,2),True) full((),1.5) full([2],1,dtype=m.float32)
full((2,),fill_value=m.tensor(2))
full((0,3),1) full(size=(2,),fill_value=1) zeros_like(m.ones(2,3)) zeros_like(m.ones(2),dtype=m.long)
ones_like(m.zeros(2,dtype=m.int)) full_like(m.ones(2),7) full_like(m.ones(2,dtype=m.long),7)
full_like(m.ones(2),2,dtype=m.bool)
zeros_like(m.ones(2,requires_grad=True)) ones_like(m.ones(2),requires_grad=True)
eye(3) eye(2,3) eye(3,2,dtype=m.long) eye(0) eye(2,requires_grad=True) eye(n=2,m=1)
arange(5) arange(0) arange(2,5) arange(5,2,-1) arange(1,6,2) arange(0,1,0.25) arange(5.) arange(0,1,0.1)
arange(1,2,0.3)
arange(5,dtype=m.float) arange(0,5,dtype=m.int16) arange(-3,3,2) arange(0.,3.,requires_grad=True)
arange(start=1,end=3)
arange(1,3,step=1) arange(2.5,5.1) arange(3,3) arange(0,-1,-0.25) arange(0,10**10,10**9) arange(10,0,-3)
arange(m.tensor(3)) arange(0,2.5,dtype=m.long) arange(1.5,5,dtype=m.long) arange(0,3,1.5,dtype=m.long)
linspace(0,1,5) linspace(1,0,3) linspace(0,1,1) linspace(0,1,0) linspace(-2.5,2.5,11,dtype=m.float64)
linspace(0,10,steps=3)
linspace(start=0,end=1,steps=2) linspace(0,10,4,dtype=m.long) linspace(0,1,3,requires_grad=True)
linspace(m.tensor(0.),m.tensor(3.),4)
linspace(-3,3,7,dtype=m.int) linspace(5,0,4,dtype=m.long) linspace(0,-9,5,dtype=m.long)
linspace(0.7,4.2,5,dtype=m.long)
logspace(0,2,3) logspace(0,3,4,base=2) logspace(-1,1,3,dtype=m.float64) logspace(0,1,0) logspace(0,3,4,dtype=m.long)
FloatTensor([1,2]) LongTensor([1,2]) LongTensor([[1],[2]]) DoubleTensor([1]) ByteTensor([1,2]) BoolTensor([True])
IntTensor([3])
ShortTensor([1]) CharTensor([1]) FloatTensor() LongTensor(np.array([1,2]))
is_tensor(m.ones(2)) is_tensor(3) is_floating_point(m.ones(2)) is_floating_point(m.tensor(1)) numel(m.ones(2,3))
numel(m.ones(()))
get_default_dtype() cuda.is_available() cuda.device_count() accelerator.is_available() backends.mps.is_available()
"""
for text in _CALLS.split("\n"):
    for call in text.replace(") ", ")\n").split("\n"):
        if call:
            CALLS[call] = eval(f"lambda m: m.{call}", {"np": np})
_ON_TENSORS = """
new_zeros(2,3) new_zeros((2,)) new_ones(2) new_ones([1,2],dtype=m.long) new_full((2,),3)
new_full((2,),2.7,dtype=m.int) new_tensor([1,2])
new_tensor(2.5,dtype=m.double) new_zeros(2,requires_grad=True) new_ones(()) new_zeros(size=(2,))
new_tensor([[1.]],requires_grad=True)
size() size(0) size(-1) stride() stride(0) stride(-1) t().stride() element_size() nelement() nbytes itemsize dim()
ndim shape is_cuda
is_floating_point() is_contiguous() t().is_contiguous() t().contiguous().stride() byte() char() short() int() long()
float() double() bool()
to('cpu') to(m.float64) to('cpu',m.int) to('cpu',dtype=m.long) to(device='cpu') to(dtype=m.bool)
to(device='cpu',dtype=m.double)
to(m.ones(1,dtype=m.long)) to(m.device('cpu')) to(m.float64,non_blocking=True) to(m.float64,False,True)
to(device=m.device('cpu'),non_blocking=True)
type(m.double) type_as(m.ones(1,dtype=m.int)) type(m.LongTensor) cpu() tolist() to(m.float32,copy=True)
__contains__(1.0) __contains__(9) __len__() device.type is_complex() is_sparse type(m.float32).dtype
detach().requires_grad
"""
for text in _ON_TENSORS.split():
    CALLS[f"t.{text}"] = eval(f"lambda m: m.tensor([[1.0, 2.0, -3.5], [0.0, 1.5, 2.5]]).{text}", {"np": np})


@pytest.mark.parametrize("call", CALLS)
def test_calls(call: str) -> None:
    same(CALLS[call](minigrad), CALLS[call](torch))


_ERRORS = """
m.tensor([[1],[1,2]]) m.tensor('a') m.tensor(None) m.tensor([1],requires_grad=True) m.zeros(-1) m.ones(2,-3)
m.full((-2,),1.0)
m.zeros(2.5) m.arange(0,3,-1) m.arange(3,0) m.arange(0,3,0) m.linspace(0,1,-1) m.eye(-1)
m.zeros(2,dtype=m.long,requires_grad=True)
m.zeros(2,nonsense=1) m.zeros(2,dtype='nonsense') m.zeros(2,device='nonsense') m.from_numpy([1,2])
m.ones(2).new_zeros(-1) m.zeros(2,device='cuda')
m.ones(2).to('cuda') m.ones(2).cuda() m.ones(2).size(1) m.ones(()).size(0) m.iinfo(m.float32) m.finfo(m.int32)
m.set_default_dtype(m.int64)
len(m.tensor(1)) int(m.ones(2)) bool(m.ones(2)) bool(m.ones(0)) m.ones(2).item() range(3)[m.tensor(1.0)]
m.ones(2,3,2)[0,0,5]
m.ones(2,requires_grad=True).numpy() m.ones(2)[0:1].detach_() m.device('nonsense') m.full((2,),'a')
m.ones(2,requires_grad=True).new_full((2,))
m.randint(3,3,(2,)) m.randperm(-1) m.rand(-2) m.Generator(device='cuda') m.multinomial(m.ones(2),3)
m.normal(m.zeros(2),-1.0)
"""
ERRORS: dict[str, Callable[[Any], Any]] = {text: eval(f"lambda m: {text}", {"np": np}) for text in _ERRORS.split()}


@pytest.mark.parametrize("call", ERRORS)
def test_both_refuse(call: str) -> None:
    for module in (minigrad, torch):
        with pytest.raises((ValueError, TypeError, RuntimeError, IndexError, AssertionError)):
            ERRORS[call](module)


NAMES = ["float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]


def test_names_of_dtypes() -> None:
    for name in [*NAMES, "float", "double", "short", "int", "long"]:
        same(getattr(minigrad, name), getattr(torch, name))
    for name in NAMES:
        assert minigrad.ones(1, dtype=name).type().split(".")[1] == torch.ones(1, dtype=getattr(torch, name)).type()[6:]


def test_meeting_of_dtypes() -> None:
    for a, b in itertools.product(NAMES, NAMES):
        mine, theirs = [(getattr(m, a), getattr(m, b)) for m in (minigrad, torch)]
        same(minigrad.promote_types(*mine), torch.promote_types(*theirs))
        same(minigrad.can_cast(*mine), torch.can_cast(*theirs))
        for shapes in itertools.product([(), (2,)], [(), (2,)]):
            x, y = [
                [m.ones(shape, dtype=d) for shape, d in zip(shapes, ds)]
                for m, ds in ((minigrad, mine), (torch, theirs))
            ]
            same(minigrad.result_type(*x), torch.result_type(*y))
    for name, shape, number in itertools.product(NAMES, [(), (2,)], [True, 3, 2.5]):
        t, u = [m.ones(shape, dtype=getattr(m, name)) for m in (minigrad, torch)]
        same(minigrad.result_type(t, number), torch.result_type(u, number))
        same(minigrad.result_type(number, t), torch.result_type(number, u))
    for a, b in itertools.product([True, 3, 2.5], repeat=2):
        same(minigrad.result_type(a, b), torch.result_type(a, b))


def test_what_dtypes_hold() -> None:
    for name in ("float32", "float64"):
        mine, theirs = [m.finfo(getattr(m, name)) for m in (minigrad, torch)]
        for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
            assert (
                math.isclose(getattr(mine, field), getattr(theirs, field), rel_tol=1e-6) if field != "dtype" else True
            )
        assert mine.dtype == theirs.dtype
    assert minigrad.finfo().dtype == torch.finfo().dtype
    for name in ("uint8", "int8", "int16", "int32", "int64"):
        mine, theirs = [m.iinfo(getattr(m, name)) for m in (minigrad, torch)]
        assert (mine.bits, mine.max, mine.min, mine.dtype) == (theirs.bits, theirs.max, theirs.min, theirs.dtype)
        assert repr(mine) == repr(theirs)


def answers(m: Any) -> list[Any]:
    """With float64 as the default."""
    nn = m.nn
    made = [m.tensor(1.0), m.tensor([1, 2]), m.tensor([]), m.zeros(2), m.ones(2), m.full((2,), 1.5), m.full((2,), 1)]
    made += [m.eye(2), m.arange(3), m.arange(3.0), m.linspace(0, 1, 3), m.rand(2) * 0, m.randn(2) * 0]
    made += [m.normal(0.0, 1.0, (2,)) * 0, m.tensor(np.ones(2, np.float32)), m.ones(2, dtype=m.float32)]
    made += [m.tensor([1, 2]) / 2, m.tensor([1, 2]) * 1.5, m.exp(m.tensor([1, 2])), m.tensor([True]) * 0.5]
    made += [m.tensor([1, 2]).sqrt(), m.ones(2, dtype=m.float32) * 2.0, m.tensor(1) + 0.5, m.logspace(0, 1, 2)]
    made += [
        p.detach() * 0
        for layer in (nn.Linear(2, 2), nn.Embedding(2, 2), nn.Conv1d(1, 1, 1))
        for p in layer.parameters()
    ]
    made += [p.detach() * 0 for layer in (nn.BatchNorm1d(2), nn.LayerNorm(2), nn.PReLU()) for p in layer.parameters()]
    made += [nn.BatchNorm1d(2).running_mean, m.tensor([1.0, 2.0]).softmax(0), m.bernoulli(m.zeros(2))]
    return made


def test_the_default_dtype_is_everywhere() -> None:
    found = []
    for m in (minigrad, torch):
        assert m.get_default_dtype() == m.float32
        m.set_default_dtype(m.float64)
        try:
            found.append(answers(m))
        finally:
            m.set_default_dtype(m.float32)
    for mine, theirs in zip(*found, strict=True):
        same(mine, theirs)


def test_sharing_of_memory() -> None:
    for m in (minigrad, torch):
        array = np.zeros(3, np.float32)
        m.from_numpy(array)[0] = 1
        m.as_tensor(array)[1] = 2
        m.asarray(array)[2] = 3
        m.tensor(array)[0] = 9
        m.asarray(array, copy=True)[0] = 9
        assert array.tolist() == [1, 2, 3]
        t = m.ones(2)
        assert t.to(m.float32) is t and t.to("cpu") is t and m.as_tensor(t) is t and t.contiguous() is t
        assert t.to(m.float32, copy=True) is not t
        t.detach()[0] = 5
        assert t[0] == 5 and m.zeros_like(t).sum() == 0


def test_copies() -> None:
    for m in (minigrad, torch):
        w = m.tensor([1.0, 2.0], requires_grad=True)
        (w * w).sum().backward()
        for other in (copy.deepcopy(w), pickle.loads(pickle.dumps(w))):
            assert other.requires_grad and other.is_leaf and other.tolist() == [1, 2]
        assert copy.deepcopy(w).grad.tolist() == [2, 4]
        with pytest.raises(RuntimeError):
            copy.deepcopy(w * 2)


def test_detaching_in_place() -> None:
    for m in (minigrad, torch):
        w = m.ones(2, requires_grad=True)
        h = w * 2
        y = h + 1
        assert h.detach_() is h and not h.requires_grad and h.is_leaf
        y.sum().backward()
        assert w.grad.tolist() == [2, 2]
        assert not w.detach_().requires_grad


def test_reading_single_numbers() -> None:
    for m in (minigrad, torch):
        assert float(m.tensor([2.5])) == 2.5 and int(m.tensor(2.9)) == 2 and int(m.tensor([[-2.9]])) == -2
        assert [10, 20, 30][m.tensor(1)] == 20 and [10, 20][m.tensor(True)] == 20 and list(range(m.tensor(2))) == [0, 1]
        assert bool(m.tensor(0.0)) is False and bool(m.tensor([3])) is True
        assert 2 in m.tensor([1, 2]) and m.tensor(3) not in m.tensor([1, 2])
        assert isinstance(m.tensor(1).item(), int) and isinstance(m.tensor(True).item(), bool)
        assert math.isclose(math.sqrt(m.tensor(4.0)), 2) and round(m.tensor(2.567).item(), 1) == 2.6
