"""`gradient`: the derivative of a sampled function by differences, as PyTorch's function of the name."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.tensors.tensor import Tensor


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Return the derivative along each dimension: central differences, of second order, and one-sided ones at the ends.

    Not the gradient of autograd, which is `minigrad.grad`; it can be differentiated itself.

    Args:
        input: samples of a function.
        spacing: the distance of the samples; one number, one for each of `dim`, or tensors with their coordinates.
        dim: the dimension or dimensions (default all).
        edge_order: the order of the differences at the ends, 1 or 2.

    Raises:
        ValueError: if a dimension has too few samples, or the number of spacings does not fit.

    >>> from minigrad import tensor
    >>> gradient(tensor([0.0, 1.0, 4.0, 9.0]))
    (tensor([1., 2., 4., 5.]),)
    """
    several = isinstance(spacing, list | tuple)
    count = input.ndim if dim is None else len(dim) if isinstance(dim, list | tuple) else 1
    if several and len(spacing) != count:
        raise ValueError(f"gradient: takes one spacing for each of {count} dimensions, got {len(spacing)}")
    differences: Any = np.gradient
    found = differences(input, *(spacing if several else [spacing]), axis=dim, edge_order=edge_order)
    return tuple(found) if isinstance(found, list | tuple) else (found,)
