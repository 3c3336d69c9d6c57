"""Making tensors: from data, filled, and at random (seeded by `manual_seed`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.operations import sizes as _sizes
from minigrad.promotion import default_dtype
from minigrad.tensors import Tensor, _tensor


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of the data.

    Args:
        data: nested lists of numbers, a number, an array or a tensor. Python floats become float32, integers int64,
            booleans bool; arrays and tensors keep their dtype.
        dtype: another NumPy dtype.
        requires_grad: whether gradients with respect to it are wanted.

    Raises:
        ValueError: for nested lists of unequal lengths.
        TypeError: for anything but numbers.
        RuntimeError: for `requires_grad` of integers.

    >>> tensor([[1.0, 2.5], [3.0, 4.0]]).mean()
    tensor(2.6250)
    """
    return Tensor(data, dtype, requires_grad)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """A tensor itself, or one that shares an array's memory; else as `tensor`."""
    if isinstance(data, np.ndarray) and (dtype is None or data.dtype == dtype) and data.dtype.kind in "biuf":
        return _tensor(data, None)
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    return Tensor(data, dtype)


def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares the array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes an array, got {type(array).__name__}; for other data: tensor(...)")
    return as_tensor(array)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the given sizes."""
    return _filled(np.zeros(_sizes(size), dtype or default_dtype), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the given sizes."""
    return _filled(np.ones(_sizes(size), dtype or default_dtype), requires_grad)


def full(size: Sequence[int], fill_value: float, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """`fill_value` all over."""
    if isinstance(fill_value, str) or not np.isscalar(fill_value):
        raise TypeError(f"full: fill_value is a number, got {type(fill_value).__name__}: {fill_value!r}")
    dtype = dtype or (default_dtype if isinstance(fill_value, float) else None)
    return _filled(np.full(_sizes((size,)), fill_value, dtype), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the same shape and dtype."""
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the same shape and dtype."""
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def arange(start: float, end: float | None = None, step: float = 1, *, dtype: Any = None) -> Tensor:
    """start, start + step, … up to but without end; from 0 if only the end is given."""
    if end is None:
        start, end = 0, start
    if dtype is None and float in (type(start), type(end), type(step)):
        dtype = default_dtype
    return _tensor(np.arange(start, end, step, dtype), None)  # type: ignore[call-overload]


def linspace(start: float, end: float, steps: int, *, dtype: Any = None) -> Tensor:
    """`steps` numbers from start to end, both included, evenly spaced."""
    return _tensor(np.linspace(start, end, steps, dtype=dtype or default_dtype), None)


def _filled(array: np.ndarray, requires_grad: bool) -> Tensor:
    return _tensor(array, None).requires_grad_(requires_grad)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, `other` elsewhere; without the two, where it holds: indices, a tensor for
    each dimension."""
    if input is None and other is None:
        return tuple(map(as_tensor, np.nonzero(np.atleast_1d(as_tensor(condition)._array))))
    return as_tensor(condition)._choose(condition, input, other)


# ---- at random -------------------------------------------------------------------------------------------------

generator = np.random.default_rng()
"""What all random tensors and initial parameters are drawn from."""


def manual_seed(seed: int) -> None:
    """Start the random numbers of minigrad over from a seed.

    >>> manual_seed(0); a = rand(3); manual_seed(0); b = rand(3)
    >>> bool((a == b).all())
    True
    """
    generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def rand(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform in [0, 1)."""
    return _filled(generator.random(_sizes(size)).astype(dtype or default_dtype), requires_grad)


def randn(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Normal, with mean 0 and variance 1."""
    return _filled(generator.standard_normal(_sizes(size)).astype(dtype or default_dtype), requires_grad)
