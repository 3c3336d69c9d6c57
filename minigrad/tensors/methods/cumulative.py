"""Cumulative sums, products and extremes along a dimension, differences and integrals."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitives import indexing as index
from minigrad.primitives import scans
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.base import Base, Out
from minigrad.tensors.dtypes import default
from minigrad.tensors.methods.method_factories import in_place
from minigrad.tensors.methods.selection import Selected


class Cumulative(Base[Out]):
    """Cumulative sums, products and extremes; differences, and integrals over them."""

    def cumsum(self, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Out:
        """Return the cumulative sum y_i = x_0 + … + x_i along `dim`. Booleans and integers are summed in int64.

        >>> from minigrad import tensor
        >>> tensor([1, 2, 3]).cumsum(0)
        tensor([1, 3, 6])
        """
        out: Out = self._summable(dtype)._cumulative(scans.cumsum, dim, axis)
        return out if dtype is None else out.astype(dtype)

    def cumprod(self, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Out:
        """Return the cumulative product y_i = x_0 · … · x_i along `dim`. Booleans and integers are multiplied in int64.

        The gradient is correct also where elements are 0.

        >>> from minigrad import tensor
        >>> tensor([1, 2, 3]).cumprod(0)
        tensor([1, 2, 6])
        """
        out: Out = self._summable(dtype)._cumulative(scans.cumprod, dim, axis)
        return out if dtype is None else out.astype(dtype)

    cumsum_, cumprod_ = in_place(cumsum), in_place(cumprod)

    def logcumsumexp(self, dim: int | None = None, *, axis: int | None = None) -> Out:
        """Return log(cumsum(exp(x))) along `dim`, without overflow."""
        t = self if self.dtype.kind == "f" else self.astype(default.dtype)
        return t._cumulative(scans.logcumsumexp, dim, axis)

    def _cumulative(self, primitive: Primitive, dim: int | None, axis: int | None) -> Out:
        dim = dim if axis is None else axis
        if dim is None:
            raise TypeError(
                f"{primitive.name}: along which dim? For all elements in one row: t.flatten().{primitive.name}(0)"
            )
        d = self._dim(dim)
        if not self.ndim or self.shape[d] == 1 and primitive is not scans.logcumsumexp:  # whose nan has no slope
            return self.clone()
        return self.apply(primitive, self, axis=d)

    def cummax(self, dim: int, *, axis: int | None = None) -> Selected[Out]:
        """Return (values, indices): the largest element so far along `dim`, and its last index."""
        return self._so_far(np.maximum, dim if axis is None else axis)

    def cummin(self, dim: int, *, axis: int | None = None) -> Selected[Out]:
        """Return (values, indices): the smallest element so far along `dim`, and its last index."""
        return self._so_far(np.minimum, dim if axis is None else axis)

    def _so_far(self, extreme: np.ufunc, dim: int) -> Selected[Out]:
        d = self._dim(dim)
        if not self.ndim:
            return Selected(*[part.reshape(()) for part in self.reshape(1)._so_far(extreme, 0)])
        x = self._array
        best = (x == extreme.accumulate(x, d)) | (x != x)  # nan is not equal to itself, and stays
        steps = np.arange(x.shape[d]).reshape([-1 if i == d else 1 for i in range(x.ndim)])
        where = np.maximum.accumulate(np.where(best, steps, 0), d)
        return Selected(self.apply(index.gather, self, index=where, axis=d), self._of(where))

    def diff(
        self, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, axis: int | None = None
    ) -> Out:
        """Return the differences x[i + 1] - x[i] along `dim`, applied n times; for booleans, whether they differ.

        Args:
            n: how many times to apply it; 0 returns a copy, without what is inserted.
            dim: the dimension.
            prepend: values to insert before the first element, of the same shape except along `dim`.
            append: values to append after the last element.
            axis: NumPy's name of `dim`.

        >>> from minigrad import tensor
        >>> tensor([1, 4, 9]).diff()
        tensor([3, 5])
        """
        if not self.ndim:
            raise ValueError("diff: a 0-d tensor has nothing to take differences of")
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise ValueError(f"diff: n is how often, 0 or more, got {n!r}")
        d = self._dim(dim if axis is None else axis)
        if not n:
            return self.clone()
        parts = [part for part in (prepend, self, append) if part is not None]
        t: Any = self._joined("cat", parts, d) if len(parts) > 1 else self
        for _ in range(n):
            size = max(t.shape[d] - 1, 0)
            after, before = t.narrow(d, t.shape[d] - size, size), t.narrow(d, 0, size)
            t = after.ne(before) if t.dtype.kind == "b" else after - before
        return t

    def trapezoid(self, x: Any = None, *, dx: float | None = None, dim: int = -1) -> Out:
        """Return the integral along `dim` by the trapezoidal rule.

        Args:
            x: the positions of the points: of the tensor's shape, or a vector for `dim`.
            dx: the distance of the points; by default 1.
            dim: the dimension.
        """
        return self._trapezoids("trapezoid", x, dx, dim).sum(dim)

    trapz = trapezoid

    def cumulative_trapezoid(self, x: Any = None, *, dx: float | None = None, dim: int = -1) -> Out:
        """Return the integral up to each point but the first; see `trapezoid`."""
        return self._trapezoids("cumulative_trapezoid", x, dx, dim).cumsum(dim)

    def _trapezoids(self, name: str, x: Any, dx: float | None, dim: int) -> Out:
        """Return the areas from each point to the next."""
        if x is not None and dx is not None:
            raise TypeError(f"{name}: x and dx both say where the points are: give one")
        d = self._dim(dim)
        size = max(self.shape[d] - 1, 0)
        heights = self.narrow(d, self.shape[d] - size, size) + self.narrow(d, 0, size)
        if x is None:
            return heights * ((1 if dx is None else dx) / 2)
        if x.ndim == 1:
            if len(x) != self.shape[d]:
                raise ValueError(f"{name}: x has {len(x)} points, but dim {dim} of shape {self.shape} {self.shape[d]}")
            x = x.reshape([-1 if i == d else 1 for i in range(self.ndim)])
        return heights * (x if isinstance(x, Base) else self._of(x)).diff(dim=d - self.ndim) * 0.5
