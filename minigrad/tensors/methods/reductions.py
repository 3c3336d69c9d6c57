"""Reductions: sums, means, extremes, norms and softmax, of all elements or along dimensions."""

from __future__ import annotations

import math
from typing import Any, Generic, NamedTuple, overload

import numpy as np

from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name
from minigrad.primitives import extremes, norms, reductions, softmax
from minigrad.primitives import indexing as index
from minigrad.primitives import layout as moves
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.base import Base, Dims, Out
from minigrad.tensors.dtypes import default
from minigrad.tensors.methods.selection import Selected


class Bounds(NamedTuple, Generic[Out]):
    """The result of `aminmax`."""

    min: Out
    max: Out


class Reductions(Base[Out]):
    """Reductions; `dim`/`keepdim` (PyTorch) and `axis`/`keepdims` (NumPy) are two names of the same arguments."""

    def _reduce(self, primitive: Primitive, dim: Dims, keepdim: bool, axis: Dims, keepdims: bool | None) -> Out:
        keep = keepdim if keepdims is None else keepdims
        dims = self._dims(dim, axis)
        if primitive.name in ("amax", "amin", "max", "min") and 0 in self._sizes_along(dims):
            raise ValueError(f"{primitive.name}: no elements to choose from in a tensor of shape {self.shape}")
        return self.apply(primitive, self, axis=dims, keepdims=bool(keep))

    def sum(
        self,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the sum of all elements, or along `dim`. The gradient of each element is that of its sum.

        Args:
            dim: a dimension or several; by default all.
            keepdim: True to keep the reduced dimensions, with size 1.
            dtype: the dtype to sum in; by default that of the tensor, int64 for booleans and integers.
            axis: NumPy's name of `dim`.
            keepdims: NumPy's name of `keepdim`.

        >>> from minigrad import tensor
        >>> x = tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.sum(), x.sum(dim=0), x.sum(dim=1, keepdim=True)
        (tensor(10.), tensor([4., 6.]), tensor([[3.],
                [7.]]))
        """
        out: Out = self._summable(dtype)._reduce(reductions.sum, dim, keepdim, axis, keepdims)
        return out if dtype is None else out.astype(dtype)  # NumPy's sum of narrow integers is wider

    def mean(
        self,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the mean of all elements, or along `dim`: the sum divided by n. For the arguments, see `sum`.

        Raises:
            TypeError: for integers: convert them with `.float()`.

        >>> from minigrad import tensor
        >>> tensor([[1.0, 2.0], [3.0, 4.0]]).mean(dim=0)
        tensor([2., 3.])
        """
        t = self if dtype is None else self.astype(dtype)
        if t.dtype.kind != "f":
            raise TypeError(f"mean of a tensor of {t.dtype}: convert it to floats first, as in t.float().mean()")
        return t._reduce(reductions.mean, dim, keepdim, axis, keepdims)

    def prod(
        self,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: int | None = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the product of all elements, or along `dim`. Booleans and integers are multiplied in int64.

        The gradient is correct also where elements are 0.

        >>> from minigrad import tensor
        >>> tensor([2.0, 3.0, 4.0]).prod()
        tensor(24.)
        """
        t = self._summable(dtype)
        d = t._dims(dim, axis)
        if isinstance(d, tuple):
            raise TypeError(f"prod takes one dim, got {d}; for several: one after the other")
        if not t.ndim:
            return t.clone()
        if d is None:
            out = t.apply(reductions.prod, t.ravel(), axis=None, keepdims=False)
            keep = bool(keepdim if keepdims is None else keepdims)
            out = out.reshape((1,) * self.ndim) if keep else out
        else:
            out = t._reduce(reductions.prod, d, keepdim, None, keepdims)
        return out if dtype is None else out.astype(dtype)

    def _summable(self, dtype: Any) -> Any:
        """Return the tensor in `dtype`; by default booleans and integers in int64, which holds their sums."""
        if dtype is None and self.dtype.kind in "biu":
            dtype = np.dtype("int64")
        return self if dtype is None else self.astype(dtype)

    def norm(
        self,
        p: float | str | None = "fro",
        dim: Dims = None,
        keepdim: bool = False,
        dtype: Any = None,
        *,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the p-norm (sum |x|**p)**(1/p) of all elements as one vector, or of those along `dim`.

        Where the norm is 0, its gradient is 0 too.

        Args:
            p: 2 (or "fro") is the Euclidean norm; inf and -inf the largest and smallest absolute value; 0 the number
                of elements that are not 0.
            dim: a dimension or several; by default all.
            keepdim: True to keep the reduced dimensions, with size 1.
            dtype: the dtype to compute in.
            axis: NumPy's name of `dim`.
            keepdims: NumPy's name of `keepdim`.

        Raises:
            TypeError: for integers: convert them with `.float()`.

        >>> from minigrad import tensor
        >>> tensor([3.0, -4.0]).norm(), tensor([3.0, -4.0]).norm(p=1)
        (tensor(5.), tensor(7.))
        """
        t: Any = self if dtype is None else self.astype(dtype)
        if t.dtype.kind != "f":
            raise TypeError(f"norm of a tensor of {t.dtype}: convert it to floats first, as in t.float().norm()")
        p = 2.0 if p in ("fro", None) else p
        if isinstance(p, bool) or not isinstance(p, int | float | np.integer | np.floating):
            raise ValueError(f"norm: p is a number, inf, -inf or 'fro', got {p!r}; others of matrices: linalg.norm")
        if p == 2:
            return t._reduce(norms.norm, dim, keepdim, axis, keepdims)
        if p == 0:
            return t._reduce(norms.zero_norm, dim, keepdim, axis, keepdims)
        if p == 1:
            return t.abs().sum(dim, keepdim, axis=axis, keepdims=keepdims)
        if math.isinf(p):
            return t.abs()._reduce(extremes.max if p > 0 else extremes.min, dim, keepdim, axis, keepdims)
        keep = bool(keepdim if keepdims is None else keepdims)
        return t.apply(norms.power_norm, t, p=float(p), axis=t._dims(dim, axis), keepdims=keep)

    def dist(self, other: Any, p: float = 2) -> Out:
        """Return the distance of two tensors, the p-norm of self - other; see `norm`."""
        return (self - other).norm(p)

    def cdist(self, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Out:
        """Return the distance in the p-norm of each row of (..., P, M) to each row of (..., R, M): (..., P, R).

        `compute_mode` is PyTorch's choice of an algorithm; minigrad always subtracts the rows, which is exact.
        """
        if not isinstance(x2, Base | np.ndarray):
            raise TypeError(f"cdist: takes two tensors, got {class_name(x2)}: {x2!r}")
        if self.ndim < 2 or x2.ndim < 2 or self.shape[-1] != x2.shape[-1]:
            raise ValueError(
                f"cdist: takes rows of one length, (..., P, M) and (..., R, M); got {self.shape} and {tuple(x2.shape)}"
            )
        if p < 0:
            raise ValueError(f"cdist: p is not negative, got {p}")
        t = x2 if isinstance(x2, Base) else self._of(x2)
        return (self.unsqueeze(-2) - t.unsqueeze(-3)).norm(p if self.shape[-1] else 2, -1)  # of nothing it is 0

    def amax(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Out:
        """Return the largest of all elements, or along `dim`. Ties share the gradient equally.

        >>> from minigrad import tensor
        >>> tensor([[1.0, 5.0], [3.0, 2.0]]).amax(dim=0)
        tensor([3., 5.])
        """
        return self._reduce(reductions.amax, dim, keepdim, axis, keepdims)

    def amin(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Out:
        """Return the smallest of all elements, or along `dim`. Ties share the gradient equally."""
        return self._reduce(reductions.amin, dim, keepdim, axis, keepdims)

    @overload
    def max(self, dim: None = None, *, other: None = None, axis: None = None) -> Out: ...
    @overload
    def max(
        self, dim: int, keepdim: bool = False, *, axis: None = None, keepdims: bool | None = None
    ) -> Selected[Out]: ...
    @overload
    def max(self, dim: None = None, keepdim: bool = False, *, axis: Dims, keepdims: bool | None = None) -> Out: ...
    @overload
    def max(self, dim: Base[Any] | np.ndarray) -> Out: ...
    @overload
    def max(self, *, other: Base[Any] | np.ndarray) -> Out: ...
    def max(
        self,
        dim: Any = None,
        keepdim: bool = False,
        *,
        other: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Any:
        """Return the largest element; with `dim`, the pair (values, indices) along it; with `axis`, the values alone.

        `dim` is PyTorch's argument, `axis` is NumPy's: `t.max(axis=1)` is `t.amax(1)`, as `np.max(t, axis=1)`. In the
        function `minigrad.max`, which is PyTorch's, `axis` is another name of `dim`. `t.max(other)` with another
        tensor is the elementwise `maximum`. Of tied elements, all share the gradient without `dim`; with `dim`, the
        one at the index gets it.

        >>> from minigrad import tensor
        >>> x = tensor([[1.0, 5.0], [3.0, 2.0]])
        >>> x.max()
        tensor(5.)
        >>> values, indices = x.max(dim=1)
        >>> values, indices
        (tensor([5., 3.]), tensor([1, 0]))
        """
        return self._extreme("max", dim if other is None else other, keepdim, axis, keepdims)

    @overload
    def min(self, dim: None = None, *, other: None = None, axis: None = None) -> Out: ...
    @overload
    def min(
        self, dim: int, keepdim: bool = False, *, axis: None = None, keepdims: bool | None = None
    ) -> Selected[Out]: ...
    @overload
    def min(self, dim: None = None, keepdim: bool = False, *, axis: Dims, keepdims: bool | None = None) -> Out: ...
    @overload
    def min(self, dim: Base[Any] | np.ndarray) -> Out: ...
    @overload
    def min(self, *, other: Base[Any] | np.ndarray) -> Out: ...
    def min(
        self,
        dim: Any = None,
        keepdim: bool = False,
        *,
        other: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Any:
        """Return the smallest element; with `dim`, the pair (values, indices) along it; see `max`.

        >>> from minigrad import tensor
        >>> tensor([[1.0, 5.0], [3.0, 2.0]]).min(dim=1).values
        tensor([1., 2.])
        """
        return self._extreme("min", dim if other is None else other, keepdim, axis, keepdims)

    def _extreme(self, name: str, dim: Any, keepdim: bool, axis: Dims, keepdims: bool | None) -> Any:
        if axis is not None:
            return getattr(self, f"a{name}")(dim, keepdim, axis=axis, keepdims=keepdims)
        if hasattr(dim, "dtype") and getattr(dim, "ndim", 0) + isinstance(dim, Base):
            return getattr(self, f"{name}imum")(dim)
        dims = self._dims(dim, None)
        if dims is None and dim is None:
            return self._reduce(getattr(extremes, name), None, False, None, keepdim or keepdims)
        if isinstance(dims, tuple):
            raise TypeError(f"{name} gives indices and so takes one dim, got {dims}; for several: a{name}")
        keep = keepdim if keepdims is None else keepdims
        if dims is None:  # of one number
            return Selected(self.clone(), self.apply(moves.clone, np.zeros((), np.int64)))
        where = getattr(self, f"arg{name}")(dims, keepdim=True)
        values = self.apply(index.gather, self, index=where.detach().numpy(), axis=dims)
        return Selected(values, where) if keep else Selected(values.squeeze(dims), where.squeeze(dims))

    def aminmax(
        self, *, dim: int | None = None, keepdim: bool = False, axis: int | None = None, keepdims: bool | None = None
    ) -> Bounds[Out]:
        """Return (min, max), the smallest and largest of all elements, or along `dim`. Ties share the gradient."""
        options: dict[str, Any] = {"dim": dim, "keepdim": keepdim, "axis": axis, "keepdims": keepdims}
        return Bounds(self.amin(**options), self.amax(**options))

    def argmax(
        self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
    ) -> Out:
        """Return the index of the largest element: in the flattened tensor, or along `dim`. Of ties, the first; int64.

        >>> from minigrad import tensor
        >>> scores = tensor([[0.1, 0.7, 0.2], [0.9, 0.0, 0.1]])
        >>> scores.argmax(dim=1)
        tensor([1, 0])
        """
        return self._where_extreme("max", dim, keepdim, axis, keepdims)

    def argmin(
        self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
    ) -> Out:
        """Return the index of the smallest element; see `argmax`."""
        return self._where_extreme("min", dim, keepdim, axis, keepdims)

    def _where_extreme(self, name: str, dim: Any, keepdim: bool, axis: Any, keepdims: bool | None) -> Out:
        dims = self._dims(dim, axis)
        if 0 in self._sizes_along(dims):
            raise ValueError(f"arg{name}: no elements to choose from in a tensor of shape {self.shape}")
        keep = keepdim if keepdims is None else keepdims
        return self.apply(
            reductions.argmax if name == "max" else reductions.argmin, self, axis=dims, keepdims=bool(keep)
        )

    def all(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Out:
        """Return True where all elements are true (not 0): one answer, or one for each along `dim`.

        >>> from minigrad import tensor
        >>> (tensor([1.0, 2.0]) > 0).all()
        tensor(True)
        """
        return self._reduce(reductions.all, dim, keepdim, axis, keepdims)

    def any(self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None) -> Out:
        """Return True where any element is true (not 0): one answer, or one for each along `dim`.

        >>> from minigrad import tensor
        >>> tensor([1.0, float("nan")]).isnan().any()
        tensor(True)
        """
        return self._reduce(reductions.any, dim, keepdim, axis, keepdims)

    def logsumexp(
        self, dim: Dims = None, keepdim: bool = False, *, axis: Dims = None, keepdims: bool | None = None
    ) -> Out:
        """Return log(sum(exp(x))) along `dim`, without overflow; the gradient is softmax(x).

        >>> from minigrad import tensor
        >>> tensor([0.0, 0.0]).logsumexp(0)
        tensor(0.6931)
        """
        t = self if self.dtype.kind == "f" else self.astype(default.dtype)
        return t._reduce(softmax.logsumexp, dim, keepdim, axis, keepdims)

    def softmax(self, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Out:
        """Return exp(x) / sum(exp(x)) along `dim`, without overflow: probabilities from scores.

        Args:
            dim: the dimension that sums to 1; 1 for scores of shape (N, classes).
            dtype: the dtype to compute in; by default that of the tensor.
            axis: NumPy's name of `dim`.

        >>> from minigrad import tensor
        >>> tensor([[0.0, 0.0], [0.0, 1.0]]).softmax(dim=1)
        tensor([[0.5000, 0.5000],
                [0.2689, 0.7311]])
        """
        return (self if dtype is None else self.astype(dtype))._normalized(softmax.softmax, dim, axis)

    def log_softmax(self, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Out:
        """Return log(softmax(x)) = x - logsumexp(x) along `dim`, without underflow; see `softmax`.

        >>> from minigrad import tensor
        >>> tensor([0.0, 1.0]).log_softmax(dim=0)
        tensor([-1.3133, -0.3133])
        """
        return (self if dtype is None else self.astype(dtype))._normalized(softmax.log_softmax, dim, axis)

    def _normalized(self, primitive: Primitive, dim: int | None, axis: int | None) -> Out:
        if dim is None and axis is None:
            dim = 0 if self.ndim in (0, 1, 3) else 1  # PyTorch's choice
            warn_deprecated(f"{primitive.name} without dim", f"dim={dim}, which it has chosen, or another")
        t = self if self.dtype.kind == "f" else self.astype(default.dtype)
        dims = t._dims(dim, axis)
        if dims is None:  # 0-d: one number by itself
            return t.reshape(1)._normalized(primitive, 0, None).reshape(())
        return t.apply(primitive, t, axis=dims)
