"""Making tensors: from data, filled, and in steps. (Random ones are in `random`.)"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from minigrad.grad_mode import mode
from minigrad.tensors.base import Size, sizes_of
from minigrad.tensors.devices import check_device, check_options
from minigrad.tensors.dtypes import NUMBERS, SUPPORTED, TYPES, default, floats, kind, scalar_type
from minigrad.tensors.dtypes import result_type as _result_type
from minigrad.tensors.tensor import Tensor, wrap


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """A new tensor with a copy of the data.

    Args:
        data: nested lists of numbers, a number, an array or a tensor. Python floats become float32, integers int64,
            booleans bool; arrays and tensors keep their dtype.
        dtype: another dtype.
        requires_grad: whether gradients with respect to it are wanted.
        options: `device`, which can only be the CPU, and what else PyTorch says of memory.

    Raises:
        ValueError: for nested lists of unequal lengths.
        TypeError: for anything but numbers.
        RuntimeError: for `requires_grad` of integers.

    >>> tensor([[1.0, 2.5], [3.0, 4.0]]).mean()
    tensor(2.6250)
    """
    if options:
        check_options("tensor", options)
    return Tensor(data, dtype, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """A tensor itself, or one that shares an array's memory; else as `tensor`."""
    if device is not None:
        check_device("as_tensor", device)
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == dtype) and data.dtype in SUPPORTED:
        return wrap(data, None)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(data, dtype)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """As `as_tensor`, but without a history unless `requires_grad`; `copy` says that memory must be copied, or must
    not."""
    t = as_tensor(obj, dtype, device)
    shared = isinstance(obj, Tensor | np.ndarray) and np.shares_memory(t._array, getattr(obj, "_array", obj))
    if copy is False and not shared and t._array.size:
        raise ValueError(f"asarray: copy=False, but {type(obj).__name__} cannot be shared as {t.dtype}")
    if t is obj or copy and shared:
        if requires_grad and not copy and t.requires_grad:
            return t
        t = t.detach().clone() if copy else t.detach()
    return t.requires_grad_(requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes an array, got {type(array).__name__}; for other data: tensor(...)")
    return as_tensor(array)


# ---- filled ----------------------------------------------------------------------------------------------------


def zeros(*size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Zeros of the given sizes.

    >>> zeros(2, 3), zeros((2,), dtype=int)
    (tensor([[0., 0., 0.],
            [0., 0., 0.]]), tensor([0, 0]))
    """
    return filled(np.zeros(sizes_of("zeros", size, options), scalar_type("zeros", dtype)), requires_grad)


def ones(*size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Ones of the given sizes."""
    return filled(np.ones(sizes_of("ones", size, options), scalar_type("ones", dtype)), requires_grad)


def empty(*size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """A tensor of the given sizes to be written to: what it holds until then is anything."""
    return filled(np.empty(sizes_of("empty", size, options), scalar_type("empty", dtype)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """`fill_value` all over; its type says the dtype."""
    value = getattr(fill_value, "_array", fill_value)
    if isinstance(value, str) or np.ndim(value):
        raise TypeError(f"full: fill_value is a number, got {type(fill_value).__name__}: {fill_value!r}")
    if mode.recording and getattr(fill_value, "requires_grad", False):
        raise RuntimeError(
            "full: the gradient of fill_value would be lost; to keep it: t.expand(size), else t.detach()"
        )
    inferred = default.dtype if isinstance(fill_value, float) else np.asarray(value).dtype
    shape, found = sizes_of("full", (size,), options), scalar_type("full", dtype or inferred)
    return filled(np.full(shape, value, found), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Zeros of the same shape and dtype."""
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Ones of the same shape and dtype."""
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def empty_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """A tensor of the same shape and dtype, to be written to."""
    return empty(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """`fill_value` in the same shape and dtype."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """The identity, a matrix of n rows and m columns (n, if not given): 1 on the diagonal, 0 elsewhere."""
    shape = sizes_of("eye", (n, n if m is None else m), options)
    return filled(np.eye(*shape, dtype=scalar_type("eye", dtype)), requires_grad)


# ---- in steps --------------------------------------------------------------------------------------------------


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """start, start + step, … up to but without end; from 0 if only the end is given.

    Raises:
        ValueError: for a step of 0, or one that leads away from the end.

    >>> arange(3), arange(0, 1, 0.25)
    (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    check_options("arange", options)
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if hasattr(v, "item") else v for v in (start, end, step))
    whole = all(isinstance(v, int) for v in (start, end, step))
    found = scalar_type("arange", dtype, np.dtype("int64") if whole else None)
    if found.kind != "f":
        start, end, step, whole = int(start), int(end), int(step), True
    if not step:
        raise ValueError("arange: the step is 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: a step of {step} leads away from {end}, starting from {start}")
    count = -((start - end) // step) if whole else math.ceil((end - start) / step)
    return filled((start + np.arange(count) * step).astype(found), requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """`steps` numbers from start to end, both included, evenly spaced."""
    check_options("linspace", options)
    (steps,) = sizes_of("linspace", (steps,), {})
    start, end = (float(v) for v in (start, end))
    return filled(np.linspace(start, end, steps).astype(scalar_type("linspace", dtype)), requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """`steps` powers of the base, whose exponents are evenly spaced from start to end."""
    exponents = linspace(start, end, steps, dtype=np.float64, **options)._array
    return filled((base**exponents).astype(scalar_type("logspace", dtype)), requires_grad)


def filled(array: Any, requires_grad: bool) -> Tensor:
    """A tensor of just this array."""
    t = wrap(np.asarray(array), None)
    return t.requires_grad_() if requires_grad else t


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...
def where(condition: Any, input: Any = None, other: Any = None) -> Tensor | tuple[Tensor, ...]:
    """`input` where the condition holds, `other` elsewhere; without the two, where it holds: indices, a tensor for
    each dimension."""
    if input is None and other is None:
        return tuple(map(as_tensor, np.nonzero(np.atleast_1d(as_tensor(condition)._array))))
    return as_tensor(condition)._choose(condition, input, other)


# ---- asking ----------------------------------------------------------------------------------------------------


def is_tensor(obj: Any, /) -> bool:
    """Whether this is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor is of floats."""
    return input.is_floating_point()


def result_type(tensor1: Any, tensor2: Any) -> np.dtype:
    """The dtype in which two tensors, or a tensor and a number, meet.

    >>> result_type(tensor([1, 2]), 1.0), result_type(tensor([1], dtype=np.int32), 1)
    (dtype('float32'), dtype('int32'))
    """
    operands = [as_tensor(v) if v.__class__ in NUMBERS else v for v in (tensor1, tensor2)]
    if any(v.__class__ in NUMBERS for v in (tensor1, tensor2)):  # which give way also to a 0-d tensor
        operands = [t if v.__class__ in NUMBERS else t.reshape(-1) for v, t in zip((tensor1, tensor2), operands)]
    return _result_type(*operands)


def promote_types(type1: Any, type2: Any) -> np.dtype:
    """The dtype in which tensors of these dtypes meet.

    >>> promote_types("float32", "int64")
    dtype('float32')
    """
    return _result_type(*[np.empty(1, scalar_type("promote_types", t)) for t in (type1, type2)])


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a tensor of one dtype may be written into one of the other: not floats into integers, nor into bools."""
    return kind(scalar_type("can_cast", from_)) <= kind(scalar_type("can_cast", to))


class finfo:
    """What a dtype of floats can hold: `max`, `min`, `eps`, `tiny`, `resolution`, `bits`; the default's for None.

    >>> finfo(np.float64).eps
    2.220446049250313e-16
    """

    def __init__(self, type: Any = None) -> None:
        info = np.finfo(floats("finfo", type))
        self.dtype, self.bits = str(info.dtype), info.bits
        self.max, self.min, self.eps = float(info.max), float(info.min), float(info.eps)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:
    """What a dtype of integers can hold: `max`, `min`, `bits`.

    >>> iinfo(np.uint8).max
    255
    """

    def __init__(self, type: Any) -> None:
        found = scalar_type("iinfo", type)
        if found.kind not in "iu":
            raise TypeError(f"iinfo: takes a dtype of integers, not {found}; for floats: finfo")
        info = np.iinfo(found)
        self.dtype, self.bits, self.max, self.min = str(found), info.bits, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def _typed(name: str) -> Callable[..., Tensor]:
    dtype = TYPES[name]

    def make(*data: Any) -> Tensor:
        if len(data) == 1 and not isinstance(data[0], int):
            return Tensor(data[0], dtype)
        return empty(*data or (0,), dtype=dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"A tensor of {dtype} with a copy of the data; or, from sizes, to be written to. See `tensor`."
    make.dtype = dtype  # type: ignore[attr-defined]
    return make


FloatTensor, DoubleTensor = _typed("FloatTensor"), _typed("DoubleTensor")
ByteTensor, CharTensor, ShortTensor = _typed("ByteTensor"), _typed("CharTensor"), _typed("ShortTensor")
IntTensor, LongTensor, BoolTensor = _typed("IntTensor"), _typed("LongTensor"), _typed("BoolTensor")
