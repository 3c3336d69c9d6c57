"""Join several tensors into one, or broadcast them to one shape. Arrays are accepted among the tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, overload

import numpy as np

from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.dtypes import check_broadcast
from minigrad.tensors.tensor import Tensor, wrap


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Concatenate tensors along an existing dimension, in their common dtype.

    Args:
        tensors: tensors and arrays of equal shapes but for dimension `dim`. Empty ones of shape (0,) are ignored.
        dim: the dimension.
        axis: NumPy's name of `dim`.

    Raises:
        ValueError: if another dimension differs.
        TypeError: for an empty sequence, or an element that is not a tensor.

    >>> a, b = as_tensor([[1.0, 2.0]]), as_tensor([[3.0, 4.0]])
    >>> cat([a, b])
    tensor([[1., 2.],
            [3., 4.]])
    >>> cat([a, b], dim=1)
    tensor([[1., 2., 3., 4.]])
    """
    return _first_of("cat", _several("cat", tensors))._joined("cat", tensors, dim if axis is None else axis)


concat = concatenate = cat


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Args:
        tensors: n tensors and arrays of one shape.
        dim: the position of the new dimension, which has size n.
        axis: NumPy's name of `dim`.

    Raises:
        ValueError: for different shapes.
        TypeError: for an empty sequence, or an element that is not a tensor.

    >>> a, b = as_tensor([1.0, 2.0]), as_tensor([3.0, 4.0])
    >>> stack([a, b])
    tensor([[1., 2.],
            [3., 4.]])
    >>> stack([a, b], dim=1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    return _first_of("stack", _several("stack", tensors))._joined("stack", tensors, dim if axis is None else axis)


def _several(name: str, tensors: Any) -> Sequence[Any]:
    """Return the tensors; raise if they are one tensor, as in cat(a, b)."""
    if isinstance(tensors, Tensor):
        raise TypeError(f"{name}: takes a list of tensors, {name}([a, b]), got one tensor of shape {tensors.shape}")
    return tensors


def _first_of(name: str, tensors: Sequence[Any]) -> Tensor:
    for t in tensors:
        if isinstance(t, Tensor):
            return t
    raise TypeError(f"{name}: takes a sequence of at least one tensor, got {tensors!r}")


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Join tensors side by side: along the second dimension, vectors along their only one.

    >>> hstack([as_tensor([1, 2]), as_tensor([3])])
    tensor([1, 2, 3])
    """
    tensors = [atleast_1d(t) for t in _listed("hstack", tensors)]
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Join tensors one below the other, along the first dimension; vectors become rows.

    >>> vstack([as_tensor([1, 2]), as_tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat([atleast_2d(t) for t in _listed("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors: Sequence[Any]) -> Tensor:
    """Join tensors along the third dimension, after `atleast_3d`."""
    return cat([atleast_3d(t) for t in _listed("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Join tensors side by side; vectors become columns.

    >>> column_stack([as_tensor([1, 2]), as_tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    return hstack([t.reshape(t.numel(), 1) if t.ndim <= 1 else t for t in _listed("column_stack", tensors)])


def _listed(name: str, tensors: Sequence[Any]) -> list[Tensor]:
    """Return the tensors and arrays as a list of tensors."""
    _first_of(name, tensors)
    for t in tensors:
        if not hasattr(t, "dtype"):
            raise TypeError(f"{name}: takes tensors and arrays, got {class_name(t)} {t!r}")
    return [as_tensor(t) for t in tensors]


def _each(name: str, f: Callable[[Tensor], Tensor], tensors: tuple[Any, ...]) -> Any:
    """Apply `f` to one tensor, or to each of several, which may be in one list."""
    if len(tensors) == 1 and hasattr(tensors[0], "dtype"):
        return f(as_tensor(tensors[0]))
    listed = tensors[0] if len(tensors) == 1 else tensors
    return tuple([f(t) for t in _listed(name, listed)])


@overload
def atleast_1d(tensor: Any, /) -> Tensor: ...
@overload
def atleast_1d(*tensors: Any) -> tuple[Tensor, ...]: ...
def atleast_1d(*tensors: Any) -> Any:
    """Return a 0-d tensor as a vector of one element, other tensors unchanged; for several tensors, a tuple."""
    return _each("atleast_1d", lambda t: t if t.ndim else t.reshape(1), tensors)


@overload
def atleast_2d(tensor: Any, /) -> Tensor: ...
@overload
def atleast_2d(*tensors: Any) -> tuple[Tensor, ...]: ...
def atleast_2d(*tensors: Any) -> Any:
    """Return a 0-d tensor or a vector as a row of shape (1, n), others unchanged; for several tensors, a tuple."""
    return _each("atleast_2d", lambda t: t if t.ndim >= 2 else t.reshape(1, t.numel()), tensors)


@overload
def atleast_3d(tensor: Any, /) -> Tensor: ...
@overload
def atleast_3d(*tensors: Any) -> tuple[Tensor, ...]: ...
def atleast_3d(*tensors: Any) -> Any:
    """Return a vector in shape (1, n, 1), a matrix in shape (m, n, 1), others unchanged; for several, a tuple."""
    return _each(
        "atleast_3d",
        lambda t: t if t.ndim >= 3 else t.unsqueeze(-1) if t.ndim == 2 else t.reshape(1, t.numel(), 1),
        tensors,
    )


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """Return the shape to which tensors of these shapes broadcast.

    >>> broadcast_shapes((3, 1), (4,), ())
    (3, 4)
    """
    return np.broadcast_shapes(*shapes)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Expand the tensors to their common shape; the results are views.

    Raises:
        ValueError: if the shapes do not broadcast.

    >>> [t.shape for t in broadcast_tensors(as_tensor([[1], [2]]), as_tensor([1, 2, 3]))]
    [(2, 3), (2, 3)]
    """
    listed = _listed("broadcast_tensors", tensors)
    check_broadcast("broadcast_tensors", *listed)
    shape = np.broadcast_shapes(*(t.shape for t in listed))
    return tuple([t.expand(shape) for t in listed])


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return the coordinates of a grid: one tensor for each of n vectors, all of one shape with n dimensions.

    Args:
        tensors: vectors or numbers, as separate arguments or in a list.
        indexing: "ij": the i-th vector varies along dimension i. "xy": the first two are exchanged, so that x varies
            along the columns and y along the rows, as in a plot.

    >>> x, y = meshgrid(as_tensor([1, 2]), as_tensor([3, 4, 5]))
    >>> x
    tensor([[1, 1, 1],
            [2, 2, 2]])
    >>> y
    tensor([[3, 4, 5],
            [3, 4, 5]])
    """
    listed = _listed("meshgrid", tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors)
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    if any(t.ndim > 1 for t in listed):
        raise ValueError(f"meshgrid: takes vectors and numbers, got shapes {[t.shape for t in listed]}")
    n = len(listed)
    dims = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    return broadcast_tensors(*[t.reshape([-1 if i == dim else 1 for i in range(n)]) for t, dim in zip(listed, dims)])


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return the Cartesian product of vectors, one combination a row; for a single vector, the vector itself.

    >>> cartesian_prod(as_tensor([1, 2]), as_tensor([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    if len(tensors) == 1 and tensors[0].ndim == 1:
        return tensors[0]
    return stack([grid.flatten() for grid in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all combinations of r elements of a vector, one a row, in the order of the vector.

    Args:
        input: a vector.
        r: the number of elements in a combination.
        with_replacement: True to allow an element more than once.

    >>> combinations(as_tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    if input.ndim != 1 or r < 0:
        raise ValueError(
            f"combinations: takes a vector and an r of at least 0, got a tensor of shape {input.shape} and r={r}"
        )
    if not r:  # as PyTorch
        return input[:0]
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return input[chosen]


def block_diag(*tensors: Tensor) -> Tensor:
    """Return a matrix with these matrices along its diagonal, and 0 elsewhere; vectors are rows.

    >>> block_diag(as_tensor([[1, 2]]), as_tensor([[3], [4]]))
    tensor([[1, 2, 0],
            [0, 0, 3],
            [0, 0, 4]])
    """
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
    """Return the indices of the lower triangle of a `row` by `col` matrix: rows and columns, of shape (2, n)."""
    return wrap(np.stack(np.tril_indices(row, offset, col)), None)


def triu_indices(row: int, col: int, offset: int = 0) -> Tensor:
    """Return the indices of the upper triangle of a `row` by `col` matrix; see `tril_indices`."""
    return wrap(np.stack(np.triu_indices(row, offset, col)), None)
