"""Random tensors. What they are drawn from is a `minigrad.tensors.rng.Generator`: the default one or `generator=`."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.base import Size, sizes_of
from minigrad.tensors.creation import as_tensor, filled
from minigrad.tensors.devices import check_options
from minigrad.tensors.dtypes import floats, scalar_type
from minigrad.tensors.rng import Generator as Generator
from minigrad.tensors.rng import default_generator as default_generator
from minigrad.tensors.rng import fork_rng as fork_rng
from minigrad.tensors.rng import get_rng_state as get_rng_state
from minigrad.tensors.rng import initial_seed as initial_seed
from minigrad.tensors.rng import manual_seed as manual_seed
from minigrad.tensors.rng import numbers
from minigrad.tensors.rng import seed as seed
from minigrad.tensors.rng import set_rng_state as set_rng_state
from minigrad.tensors.tensor import Tensor


def rand(*size: Size, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Uniform in [0, 1)."""
    shape = sizes_of("rand", size, options)
    return filled(numbers(generator).random(shape, floats("rand", dtype)), requires_grad)


def randn(*size: Size, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Normal, with mean 0 and variance 1."""
    shape = sizes_of("randn", size, options)
    return filled(numbers(generator).standard_normal(shape).astype(floats("randn", dtype)), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Whole numbers from low to high - 1, of int64: randint(high, size), randint(low, high, size).

    >>> randint(5, 6, (3,))
    tensor([5, 5, 5])
    """
    if size is None and isinstance(high, tuple | list):
        high, size = None, high
    if high is None:
        low, high = 0, low
    if size is None:
        raise TypeError("randint: the size is missing: randint(high, size) or randint(low, high, size)")
    shape = sizes_of("randint", (size,), options)
    if low >= high:
        raise ValueError(f"randint: low={low} must be less than high={high}")
    values = numbers(generator).integers(low, high - 1, shape, endpoint=True)
    return filled(np.asarray(values).astype(scalar_type("randint", dtype, np.dtype("int64"))), requires_grad)


def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """The numbers from 0 to n - 1 in random order, of int64."""
    check_options("randperm", options)
    if n < 0:
        raise ValueError(f"randperm: n is at least 0, got {n}")
    order = numbers(generator).permutation(n)
    return filled(order.astype(scalar_type("randperm", dtype, np.dtype("int64"))), requires_grad)


def rand_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """`rand`, of the same shape and dtype."""
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def randn_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """`randn`, of the same shape and dtype."""
    return randn(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """`randint`, of the same shape and dtype: randint_like(t, high), randint_like(t, low, high)."""
    dtype = dtype or input.dtype
    shape = tuple(input.shape)
    return randint(low, high, shape, generator=generator, dtype=dtype, requires_grad=requires_grad, **options)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **options: Any,
) -> Tensor:
    """Normal numbers: for each mean and each standard deviation of tensors, which broadcast; or `size` for numbers.

    Raises:
        ValueError: for a standard deviation below 0.
    """
    check_options("normal", options)
    given = [as_tensor(v).detach() for v in (mean, std) if isinstance(v, Tensor)]
    if given and size is not None:
        raise TypeError("normal: the size is that of the tensors mean and std; size goes with two numbers")
    if not given and size is None:
        raise TypeError("normal: mean and std are numbers, so a size is needed: normal(0.0, 1.0, (2, 3))")
    m, s = np.asarray(getattr(mean, "_array", mean)), np.asarray(getattr(std, "_array", std))
    if not (s >= 0).all():
        raise ValueError(f"normal: standard deviations are at least 0, got {s.min()}")
    shape = np.broadcast_shapes(m.shape, s.shape) if given else sizes_of("normal", (size,), {})
    dtype = floats("normal", dtype or (given[0].dtype if given else None))
    return filled((m + s * numbers(generator).standard_normal(shape)).astype(dtype), requires_grad)
