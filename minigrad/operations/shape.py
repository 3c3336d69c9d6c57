"""Shape: the same elements in other places, or several tensors in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

from minigrad.operations.base import Base, Dims, sizes
from minigrad.promotion import NUMBERS, operand, result_type
from minigrad.rules import shape as moves


class Shapes(Base):
    """Moving elements about, and copying them."""

    def reshape(self, *shape: Any) -> Self:
        """The same elements in another shape; one size may be -1, for what is left. Shares memory where it can.

        Raises:
            ValueError: when the numbers of elements differ.
        """
        return self.apply(moves.reshape, self, shape=self._new_shape(sizes(shape)))

    def _new_shape(self, wanted: tuple[int, ...]) -> tuple[int, ...]:
        n, known = math.prod(self.shape), math.prod(s for s in wanted if s != -1)
        free = wanted.count(-1)
        if free == 1 and known and n % known == 0:
            return tuple([n // known if s == -1 else s for s in wanted])
        if free or known != n or min(wanted, default=0) < 0:
            raise ValueError(
                f"reshape: a tensor of shape {self.shape} has {n} elements, which do not fill the shape {wanted}"
                + (": only one size can be -1" if free > 1 else "")
            )
        return wanted

    view = reshape

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self:
        """The dimensions from `start_dim` to `end_dim` as one; flatten(1) leaves the batch alone."""
        if not self.ndim:
            return self.reshape(1)
        start: Any = self._dims(start_dim, None)
        end: Any = self._dims(end_dim, None)
        if start > end:
            raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {self.shape}")
        middle = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], middle, *self.shape[end + 1 :])

    def ravel(self) -> Self:
        """All elements in one dimension."""
        return self.reshape(-1) if 0 not in self.shape else self.reshape(0)

    def permute(self, *dims: Any) -> Self:
        """The dimensions in another order, all of them named."""
        order = self._dims(sizes(dims), None) if self.ndim else ()
        if not isinstance(order, tuple) or len(order) != self.ndim:
            raise ValueError(f"permute: name all {self.ndim} dimensions of shape {self.shape} once, got {sizes(dims)}")
        return self.apply(moves.permute, self, axes=order)

    def transpose(self, *dims: Any) -> Self:
        """Two dimensions exchanged (PyTorch); as in NumPy, all reversed or, if all are named, permuted."""
        if len(dims) == 2 and all(isinstance(d, int) for d in dims):
            order = list(range(self.ndim))
            a, b = (self._dims(d, None) for d in dims)
            if a is not None:
                order[a], order[b] = order[b], order[a]  # type: ignore[index]
            return self.permute(*order)
        if not dims or dims == (None,):
            return self.permute(*reversed(range(self.ndim)))
        return self.permute(*dims)

    def swapaxes(self, axis0: int, axis1: int) -> Self:
        """Two dimensions exchanged."""
        return self.transpose(axis0, axis1)

    def t(self) -> Self:
        """The transpose of a matrix; a vector or a number as it is."""
        if self.ndim > 2:
            raise ValueError(f"t: the transpose is that of a matrix, got shape {self.shape}; for more: .mT, .transpose")
        return self.transpose()

    @property
    def T(self) -> Self:
        """All dimensions reversed."""
        return self.transpose()

    @property
    def mT(self) -> Self:
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise ValueError(f"mT: needs at least two dimensions, got shape {self.shape}")
        return self.transpose(-2, -1)

    def squeeze(self, dim: Dims = None, *, axis: Dims = None) -> Self:
        """Without its dimensions of size 1: all of them, or those of `dim` that are."""
        dims = self._dims(dim, axis)
        chosen = range(self.ndim) if dim is None and axis is None else (dims,) if isinstance(dims, int) else dims or ()
        return self.reshape(*[n for i, n in enumerate(self.shape) if n != 1 or i not in chosen])

    def unsqueeze(self, dim: Any) -> Self:
        """With a new dimension of size 1 at `dim` (of the result)."""
        many = isinstance(dim, Sequence)
        new = self.ndim + (len(dim) if many else 1)
        places = []
        for d in dim if many else (dim,):
            if not -new <= d < new:
                raise IndexError(
                    f"unsqueeze: dim {d} is out of range; for shape {self.shape} it may be {-new} to {new - 1}"
                )
            places.append(d % new)
        old = iter(self.shape)
        return self.reshape(*[1 if i in places else next(old) for i in range(new)])

    def expand(self, *shape: Any) -> Self:
        """Dimensions of size 1 repeated to the given sizes, without copying; -1 leaves a size as it is."""
        wanted = sizes(shape)
        new = len(wanted) - self.ndim
        target = tuple([self.shape[i - new] if n == -1 and i >= new else n for i, n in enumerate(wanted)])
        if new < 0 or any(m not in (1, n) for m, n in zip(self.shape, target[new:])) or -1 in target:
            raise ValueError(f"expand: shape {self.shape} cannot become {wanted}: only sizes of 1 can be repeated")
        return self.apply(moves.expand, self, shape=target)

    def broadcast_to(self, shape: Sequence[int]) -> Self:
        """`expand` under NumPy's name."""
        return self.expand(*shape)

    def _joined(self, how: str, tensors: Sequence[Any], dim: int) -> Self:
        """`cat` and `stack`: of tensors and arrays, in their common dtype."""
        for t in tensors:
            if operand(t) is None or t.__class__ in NUMBERS:
                raise TypeError(f"{how}: takes tensors and arrays, got {type(t).__name__} {t!r}")
        if not isinstance(dim, int):
            raise TypeError(f"{how}: the dimension is an integer, got {dim!r}")
        shapes = [tuple(t.shape) for t in tensors]
        first = shapes[0]
        ndim = len(first) + (how == "stack")
        if not -ndim <= dim < ndim:
            raise IndexError(f"{how}: dim {dim} is out of range for tensors of shape {first}")
        for i, other in enumerate(shapes):
            fits = (
                other == first
                if how == "stack"
                else (
                    len(other) == len(first)
                    and all(m == n for d, (m, n) in enumerate(zip(first, other)) if d != dim % ndim)
                )
            )
            if not fits:
                raise ValueError(
                    f"{how} along dim {dim}: tensor 0 has shape {first}, but tensor {i} has shape {other}"
                    + ("" if how == "stack" else "; all other dimensions must be equal")
                )
        dtype = result_type(*tensors)
        tensors = [t if t.dtype == dtype else t.astype(dtype) for t in tensors]
        return self.apply(getattr(moves, how), *tensors, axis=dim)

    def clone(self) -> Self:
        """A copy with memory of its own, through which gradients pass."""
        return self.apply(moves.clone, self)

    copy = clone
