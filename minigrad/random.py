"""Random tensors, drawn from a `minigrad.tensors.rng.Generator`: the default one or `generator=`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad.output.absent import missing_from
from minigrad.tensors.base import Size, plain_int, sizes_of
from minigrad.tensors.creation import as_tensor, filled
from minigrad.tensors.devices import check_options
from minigrad.tensors.dtypes import check_range, floats, scalar_type
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
    """Return a tensor of the given shape with random numbers, uniform in [0, 1).

    Args:
        size: the shape, as separate sizes or as one sequence.
        generator: the Generator to draw from; by default the one that `manual_seed` seeds.
        dtype: float32 (the default) or float64.
        requires_grad: True to compute gradients with respect to this tensor.
        options: `device` and PyTorch's options about memory, see `tensor`.

    >>> _ = manual_seed(0)
    >>> rand(2, 3).shape
    (2, 3)
    """
    shape = sizes_of("rand", size, options)
    return filled(numbers(generator).random(shape, floats("rand", dtype)), requires_grad)


def randn(*size: Size, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any) -> Tensor:
    """Return a tensor of the given shape with standard normal random numbers: mean 0, variance 1.

    For the arguments, see `rand`.

    >>> _ = manual_seed(0)
    >>> bool(abs(randn(10000).mean()) < 0.1)
    True
    """
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
    """Return random integers from low to high - 1, of int64: randint(high, size), randint(low, high, size).

    All are equally likely. For the other arguments, see `rand`.

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
    dtype = scalar_type("randint", dtype, np.dtype("int64"))
    check_range("randint", [low, high - 1], dtype)
    values = numbers(generator).integers(low, high - 1, shape, endpoint=True)
    return filled(np.asarray(values).astype(dtype), requires_grad)


def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Return the integers from 0 to n - 1 in random order, of int64: a shuffled index.

    >>> randperm(5).sort().values
    tensor([0, 1, 2, 3, 4])
    """
    check_options("randperm", options)
    n = plain_int(n)
    if n < 0:
        raise ValueError(f"randperm: n must not be negative, got {n}")
    order = numbers(generator).permutation(n)
    return filled(order.astype(scalar_type("randperm", dtype, np.dtype("int64"))), requires_grad)


def rand_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Return uniform random numbers in the shape and dtype of `input`; see `rand`."""
    return rand(input.shape, generator=generator, dtype=dtype or input.dtype, requires_grad=requires_grad, **options)


def randn_like(
    input: Tensor, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, **options: Any
) -> Tensor:
    """Return standard normal random numbers in the shape and dtype of `input`; see `randn`."""
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
    """Return random integers in the shape and dtype of `input`: randint_like(t, high), randint_like(t, low, high)."""
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
    """Return normal random numbers mean + std z, with z standard normal.

    Args:
        mean: a number, or a tensor of means.
        std: a number, or a tensor of standard deviations, which broadcasts with `mean`.
        size: the shape, if both are numbers.
        generator: the Generator to draw from; by default the one that `manual_seed` seeds.
        dtype: the dtype; by default that of the tensors, or float32.
        requires_grad: True to compute gradients with respect to the result.
        options: `device` and PyTorch's options about memory, see `tensor`.

    Raises:
        ValueError: for a negative standard deviation.

    >>> normal(0.0, 1.0, (2, 3)).shape
    (2, 3)
    """
    check_options("normal", options)
    given = [as_tensor(v).detach() for v in (mean, std) if isinstance(v, Tensor)]
    if given and size is not None:
        raise TypeError("normal: size must not be given with tensors: the shape is that of mean and std")
    if not given and size is None:
        raise TypeError("normal: size must be given if mean and std are numbers: normal(0.0, 1.0, (2, 3))")
    m, s = np.asarray(getattr(mean, "_array", mean)), np.asarray(getattr(std, "_array", std))
    if not (s >= 0).all():
        raise ValueError(f"normal: standard deviations must not be negative, got {s.min()}")
    shape = np.broadcast_shapes(m.shape, s.shape) if given else sizes_of("normal", (size,), {})
    dtype = floats("normal", dtype or (given[0].dtype if given else None))
    return filled((m + s * numbers(generator).standard_normal(shape)).astype(dtype), requires_grad)


if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
