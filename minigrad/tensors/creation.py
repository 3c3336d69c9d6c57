"""Create tensors: from data, filled with a value, and as ranges. (For random ones, see `minigrad.random`.)"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from minigrad.grad_mode import mode
from minigrad.output.words import class_name
from minigrad.tensors.base import Size, sizes_of
from minigrad.tensors.conversion import plain_array
from minigrad.tensors.devices import check_device, check_options
from minigrad.tensors.dtypes import NUMBERS, SUPPORTED, TYPES, check_range, default, floats, kind, scalar_type
from minigrad.tensors.dtypes import result_type as _result_type
from minigrad.tensors.tensor import Tensor, wrap


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a new tensor with a copy of the data.

    Args:
        data: nested lists of numbers, a number, an array or a tensor. Python floats become float32, integers int64,
            booleans bool; arrays and tensors keep their dtype.
        dtype: the dtype; by default that of the data.
        requires_grad: True to compute gradients with respect to this tensor.
        options: `device`, which must be the CPU, and PyTorch's options about memory, which have no effect.

    Raises:
        ValueError: for nested lists of unequal lengths.
        TypeError: for anything but numbers.
        RuntimeError: for `requires_grad` of integers.

    >>> tensor([[1.0, 2.5], [3.0, 4.0]]).mean()
    tensor(2.6250)
    """
    if options:
        check_options("tensor", options)
    return Tensor(data, dtype=dtype, requires_grad=requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Convert the data to a tensor without a copy where possible.

    A tensor of the dtype is returned itself, an array is shared; other data is copied, as by `tensor`.

    >>> array = np.zeros(2)
    >>> t = as_tensor(array)
    >>> array[0] = 5.0
    >>> t
    tensor([5., 0.], dtype=float64)
    """
    if device is not None:
        check_device("as_tensor", device)
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == dtype) and data.dtype in SUPPORTED:
        t = wrap(plain_array(data), None)
        t._is_users = True
        return t
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(data, dtype=dtype, requires_grad=False)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Convert the data to a tensor as `as_tensor` does, but without a history.

    Args:
        obj: a tensor, an array, nested lists of numbers or a number.
        dtype: the dtype; by default that of the data.
        device: only the CPU is available.
        copy: True to copy always, False to raise where a copy is necessary; None copies where necessary.
        requires_grad: True to compute gradients with respect to the result.
    """
    t = as_tensor(obj, dtype, device)
    shared = isinstance(obj, Tensor | np.ndarray) and np.shares_memory(t._array, getattr(obj, "_array", obj))
    if copy is False and not shared and t._array.size:
        raise ValueError(f"asarray: copy=False, but a {class_name(obj)} must be copied to become {t.dtype}")
    if t is obj or copy and shared:
        if requires_grad and not copy and t.requires_grad:
            return t
        t = t.detach().clone() if copy else t.detach()
    return t.requires_grad_(requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a tensor that shares the array's memory.

    >>> from_numpy(np.arange(3))
    tensor([0, 1, 2])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: takes an array, got {class_name(array)}; for other data: tensor(...)")
    if not array.dtype.isnative:
        raise TypeError(f"from_numpy: cannot share memory of foreign byte order, {array.dtype}; copy it: tensor(array)")
    return as_tensor(array)


# ---- filled ----------------------------------------------------------------------------------------------------


def zeros(*size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of the given shape filled with 0.

    Args:
        size: the shape, as separate sizes or as one sequence.
        dtype: the dtype; by default float32.
        requires_grad: True to compute gradients with respect to this tensor.
        options: `device` and PyTorch's options about memory, see `tensor`.

    >>> zeros(2, 3), zeros((2,), dtype=int)
    (tensor([[0., 0., 0.],
            [0., 0., 0.]]), tensor([0, 0]))
    """
    return filled(np.zeros(sizes_of("zeros", size, options), scalar_type("zeros", dtype)), requires_grad)


def ones(*size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of the given shape filled with 1. For the arguments, see `zeros`.

    >>> ones(2, 2)
    tensor([[1., 1.],
            [1., 1.]])
    """
    return filled(np.ones(sizes_of("ones", size, options), scalar_type("ones", dtype)), requires_grad)


def empty(*size: Size, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of the given shape with arbitrary values, to write to. For the arguments, see `zeros`."""
    return filled(np.empty(sizes_of("empty", size, options), scalar_type("empty", dtype)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of shape `size` filled with `fill_value`, by default in the dtype of that value.

    >>> full((2,), 7.0), full((2,), 7)
    (tensor([7., 7.]), tensor([7, 7]))
    """
    value = getattr(fill_value, "_array", fill_value)
    if isinstance(value, str) or np.ndim(value):
        raise TypeError(f"full: fill_value must be a number, got {class_name(fill_value)}: {fill_value!r}")
    if mode.recording and getattr(fill_value, "requires_grad", False):
        raise RuntimeError(
            "full: the gradient of fill_value would be lost; to keep it: t.expand(size), otherwise t.detach()"
        )
    inferred = default.dtype if isinstance(fill_value, float) else np.asarray(value).dtype
    shape, dtype = sizes_of("full", (size,), options), scalar_type("full", dtype or inferred)
    check_range("full", value, dtype)
    return filled(np.full(shape, value, dtype), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of zeros with the shape and dtype of `input`.

    >>> zeros_like(tensor([1.0, 2.0]))
    tensor([0., 0.])
    """
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of ones with the shape and dtype of `input`.

    >>> ones_like(tensor([3, 4]))
    tensor([1, 1])
    """
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def empty_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor with the shape and dtype of `input` and arbitrary values, to write to."""
    return empty(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Return a tensor with the shape and dtype of `input`, filled with `fill_value`."""
    return full(input.shape, fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return the identity matrix: 1 on the diagonal, 0 elsewhere.

    Args:
        n: the number of rows.
        m: the number of columns; by default n.
        dtype: the dtype; by default float32.
        requires_grad: True to compute gradients with respect to this tensor.
        options: `device` and PyTorch's options about memory, see `tensor`.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    shape = sizes_of("eye", (n, n if m is None else m), options)
    return filled(np.eye(*shape, dtype=scalar_type("eye", dtype)), requires_grad)


# ---- ranges ----------------------------------------------------------------------------------------------------


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Return start, start + step, start + 2 step, … below `end`; `arange(end)` starts from 0.

    The result has ceil((end - start) / step) elements, of int64 if all arguments are integers, otherwise float32.

    Args:
        start: the first number.
        end: the bound, not included.
        step: the difference of neighbors.
        dtype: the dtype, instead of that of the arguments.
        requires_grad: True to compute gradients with respect to this tensor.
        options: `device` and PyTorch's options about memory, see `tensor`.

    Raises:
        TypeError: if an argument is not a number.
        ValueError: for a step of 0, or one that leads away from the end.

    >>> arange(3), arange(0, 1, 0.25)
    (tensor([0, 1, 2]), tensor([0.0000, 0.2500, 0.5000, 0.7500]))
    """
    check_options("arange", options)
    if end is None:
        start, end = 0, start
    start, end, step = _plain("arange", start=start, end=end, step=step)
    integers = all(isinstance(v, int) for v in (start, end, step))
    dtype = scalar_type("arange", dtype, np.dtype("int64") if integers else None)
    if any(isinstance(v, float) and not math.isfinite(v) for v in (start, end, step)):
        raise ValueError(f"arange: the bounds and the step must be finite, got {start}, {end}, {step}")
    if dtype.kind != "f":
        start, end, step, integers = int(start), int(end), int(step), True
    if not step:
        raise ValueError("arange: the step must not be 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: a step of {step} leads away from {end}, starting from {start}")
    count = -((start - end) // step) if integers else math.ceil((end - start) / step)
    numbers = start + np.arange(count) * step
    check_range("arange", numbers, dtype)
    return filled(numbers.astype(dtype), requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Return `steps` evenly spaced numbers from start to end, both included.

    >>> linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    check_options("linspace", options)
    (steps,) = sizes_of("linspace", (steps,), {})
    start, end = map(float, _plain("linspace", start=start, end=end))
    dtype = scalar_type("linspace", dtype)
    numbers = np.linspace(start, end, steps)
    check_range("linspace", numbers, dtype)
    return filled(numbers.astype(dtype), requires_grad)


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
    """Return `steps` powers of `base` with exponents evenly spaced from start to end, both included.

    >>> logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    exponents = linspace(start, end, steps, dtype=np.float64, **options)._array
    dtype = scalar_type("logspace", dtype)
    check_range("logspace", base**exponents, dtype)
    return filled((base**exponents).astype(dtype), requires_grad)


def _plain(function: str, **values: Any) -> list[Any]:
    """Return numbers, and tensors and arrays of one element, as Python's numbers."""
    plain = {name: v.item() if hasattr(v, "item") else v for name, v in values.items()}
    for name, v in plain.items():
        if not isinstance(v, int | float):
            raise TypeError(f"{function}: {name} must be a number, got {class_name(v)}: {v!r}")
    return list(plain.values())


def filled(array: Any, requires_grad: bool) -> Tensor:
    """Return a tensor that holds this array, without a copy."""
    t = wrap(np.asarray(array), None)
    return t.requires_grad_() if requires_grad else t


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...
def where(condition: Any, input: Any = None, other: Any = None) -> Tensor | tuple[Tensor, ...]:
    """Choose elements: those of `input` where the condition is true, those of `other` elsewhere.

    The gradient goes to the chosen elements. The three broadcast. `where(condition)` alone returns the indices of its
    true elements, one tensor for each dimension.

    >>> x = tensor([-2.0, 3.0])
    >>> where(x > 0, x, 0.1 * x)
    tensor([-0.2000,  3.0000])
    >>> where(x > 0)
    (tensor([1]),)
    """
    if input is None and other is None:
        return tuple(map(as_tensor, np.nonzero(np.atleast_1d(as_tensor(condition)._array))))
    return as_tensor(condition)._choose(condition, input, other)


# ---- queries ---------------------------------------------------------------------------------------------------


def is_tensor(obj: Any, /) -> bool:
    """Return True if `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Return True if the dtype of the tensor is a float type."""
    return input.is_floating_point()


def result_type(tensor1: Any, tensor2: Any) -> np.dtype:
    """Return the dtype of an operation on two tensors, or on a tensor and a number.

    >>> result_type(tensor([1, 2]), 1.0), result_type(tensor([1], dtype=np.int32), 1)
    (dtype('float32'), dtype('int32'))
    """
    operands = [as_tensor(v) if v.__class__ in NUMBERS else v for v in (tensor1, tensor2)]
    if any(v.__class__ in NUMBERS for v in (tensor1, tensor2)):  # a number adapts to a 0-d tensor too
        operands = [t if v.__class__ in NUMBERS else t.reshape(-1) for v, t in zip((tensor1, tensor2), operands)]
    return _result_type(*operands)


def promote_types(type1: Any, type2: Any) -> np.dtype:
    """Return the dtype of an operation on tensors of these dtypes.

    >>> promote_types("float32", "int64")
    dtype('float32')
    """
    return _result_type(*[np.empty(1, scalar_type("promote_types", t)) for t in (type1, type2)])


def can_cast(from_: Any, to: Any) -> bool:
    """Return True if values of one dtype may be written into a tensor of another: not floats into integers or bools.

    >>> can_cast("int64", "float32"), can_cast("float32", "int64")
    (True, False)
    """
    return kind(scalar_type("can_cast", from_)) <= kind(scalar_type("can_cast", to))


class finfo:
    """The limits of a float dtype: `max`, `min`, `eps`, `tiny`, `resolution`, `bits`. None: the default dtype.

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
    """The limits of an integer dtype: `max`, `min`, `bits`.

    >>> iinfo(np.uint8).max
    255
    """

    def __init__(self, type: Any) -> None:
        dtype = scalar_type("iinfo", type)
        if dtype.kind not in "iu":
            raise TypeError(f"iinfo: takes an integer dtype, not {dtype}; for floats: finfo")
        info = np.iinfo(dtype)
        self.dtype, self.bits, self.max, self.min = str(dtype), info.bits, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def _typed(name: str) -> Callable[..., Tensor]:
    dtype = TYPES[name]

    def make(*data: Any) -> Tensor:
        if len(data) == 1 and not isinstance(data[0], int):
            return Tensor(data[0], dtype)
        return empty(*data or (0,), dtype=dtype)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"Return a tensor of {dtype} with a copy of the data; from sizes, one with arbitrary values."
    make.dtype = dtype  # type: ignore[attr-defined]
    return make


FloatTensor, DoubleTensor = _typed("FloatTensor"), _typed("DoubleTensor")
ByteTensor, CharTensor, ShortTensor = _typed("ByteTensor"), _typed("CharTensor"), _typed("ShortTensor")
IntTensor, LongTensor, BoolTensor = _typed("IntTensor"), _typed("LongTensor"), _typed("BoolTensor")
