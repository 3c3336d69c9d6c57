"""Several tensors in one, or brought to one shape. Arrays may stand among the tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import check_broadcast
from minigrad.tensors.tensor import Tensor, wrap


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors one after the other along an existing dimension, in their common dtype. Empty ones of shape (0,) are
    left out.

    Raises:
        ValueError: unless all other dimensions are equal.
        TypeError: for no tensors, or what is none.
    """
    return _first_of("cat", tensors)._joined("cat", tensors, dim if axis is None else axis)


concat = concatenate = cat


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors of one shape along a new dimension.

    Raises:
        ValueError: for different shapes.
        TypeError: for no tensors, or what is none.
    """
    return _first_of("stack", tensors)._joined("stack", tensors, dim if axis is None else axis)


def _first_of(name: str, tensors: Sequence[Any]) -> Tensor:
    for t in tensors:
        if isinstance(t, Tensor):
            return t
    raise TypeError(f"{name} takes a sequence of at least one tensor, got {tensors!r}")


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Side by side: along the second dimension, vectors along their only one."""
    tensors = [atleast_1d(t) for t in _listed("hstack", tensors)]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """One below the other; vectors become rows."""
    return cat([atleast_2d(t) for t in _listed("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors: Sequence[Any]) -> Tensor:
    """One behind the other, along the third dimension; see `atleast_3d`."""
    return cat([atleast_3d(t) for t in _listed("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Side by side; vectors become columns."""
    return hstack([t.reshape(t.numel(), 1) if t.ndim <= 1 else t for t in _listed("column_stack", tensors)])


def _listed(name: str, tensors: Sequence[Any]) -> list[Tensor]:
    """The tensors and arrays, all of them as tensors."""
    _first_of(name, tensors)
    for t in tensors:
        if not hasattr(t, "dtype"):
            raise TypeError(f"{name}: takes tensors and arrays, got {type(t).__name__} {t!r}")
    return [as_tensor(t) for t in tensors]


def _each(name: str, grown: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    """What became of one tensor, or of each of several; these may be in one list."""
    if len(tensors) == 1 and hasattr(tensors[0], "dtype"):
        return grown(as_tensor(tensors[0]))
    listed = tensors[0] if len(tensors) == 1 else tensors
    return tuple([grown(t) for t in _listed(name, listed)])


@overload
def atleast_1d(tensor: Any, /) -> Tensor: ...
@overload
def atleast_1d(*tensors: Any) -> tuple[Tensor, ...]: ...
def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of one; all else as it is. Of several tensors, a tuple."""
    return _each("atleast_1d", lambda t: t if t.ndim else t.reshape(1), tensors)


@overload
def atleast_2d(tensor: Any, /) -> Tensor: ...
@overload
def atleast_2d(*tensors: Any) -> tuple[Tensor, ...]: ...
def atleast_2d(*tensors: Any) -> Any:
    """A number or a vector as a row; all else as it is. Of several tensors, a tuple."""
    return _each("atleast_2d", lambda t: t if t.ndim >= 2 else t.reshape(1, t.numel()), tensors)


@overload
def atleast_3d(tensor: Any, /) -> Tensor: ...
@overload
def atleast_3d(*tensors: Any) -> tuple[Tensor, ...]: ...
def atleast_3d(*tensors: Any) -> Any:
    """A vector in the middle of three dimensions, a matrix in the first two. Of several tensors, a tuple."""
    return _each(
        "atleast_3d",
        lambda t: t if t.ndim >= 3 else t.unsqueeze(-1) if t.ndim == 2 else t.reshape(1, t.numel(), 1),
        tensors,
    )


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape in which tensors of these shapes meet.

    >>> broadcast_shapes((3, 1), (4,), ())
    (3, 4)
    """
    return np.broadcast_shapes(*shapes)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """All expanded to the shape in which they meet; views.

    Raises:
        ValueError: if the shapes do not broadcast.
    """
    listed = _listed("broadcast_tensors", tensors)
    check_broadcast("broadcast_tensors", *listed)
    shape = np.broadcast_shapes(*(t.shape for t in listed))
    return tuple([t.expand(shape) for t in listed])


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: for each vector a tensor with one dimension for each of them, in which it varies
    along its own.

    Args:
        tensors: vectors or numbers, one by one or in a list.
        indexing: "ij", the first vector along the first dimension; or "xy", along the second, and the second one along
            the first, as one draws x and y.
    """
    listed = _listed("meshgrid", tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors)
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing is 'ij' or 'xy', got {indexing!r}")
    if any(t.ndim > 1 for t in listed):
        raise ValueError(f"meshgrid: takes vectors and numbers, got shapes {[t.shape for t in listed]}")
    n = len(listed)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    return broadcast_tensors(
        *[t.reshape([-1 if i == place else 1 for i in range(n)]) for t, place in zip(listed, places)]
    )


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All choices of one element of each vector, a row each; of one vector, itself."""
    if len(tensors) == 1 and tensors[0].ndim == 1:
        return tensors[0]
    return stack([grid.flatten() for grid in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, a row each, in its order.

    >>> combinations(as_tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    if input.ndim != 1 or r < 0:
        raise ValueError(f"combinations: of r, 0 or more, elements of a vector; got r={r}, shape {input.shape}")
    if not r:  # PyTorch's answer
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[chosen]


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with these along its diagonal, and 0 elsewhere; vectors are rows."""
    listed = _listed("block_diag", tensors)
    if any(t.ndim > 2 for t in listed):
        raise ValueError(f"block_diag: takes matrices, vectors and numbers, got shapes {[t.shape for t in listed]}")
    blocks = [atleast_2d(t) for t in listed]
    width, left = sum(b.shape[1] for b in blocks), 0
    rows = []
    for b in blocks:
        sides = (np.zeros((b.shape[0], n), b.dtype) for n in (left, width - left - b.shape[1]))
        rows.append(cat([next(sides), b, next(sides)], 1))
        left += b.shape[1]
    return cat(rows, 0)


def tril_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The indices of the lower triangle of a matrix of this size, its rows and its columns, of shape (2, n)."""
    return wrap(np.stack(np.tril_indices(row, offset, col)), None)


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """The indices of the upper triangle; see `tril_indices`."""
    return wrap(np.stack(np.triu_indices(row, offset, col)), None)
