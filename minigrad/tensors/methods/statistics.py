"""Statistics of all elements or along dimensions: variances, medians and quantiles."""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np

from minigrad.primitives import indexing as index
from minigrad.primitives import variance
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.base import Base, Dims, Out
from minigrad.tensors.methods.selection import Selected

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


class Statistics(Base[Out]):
    """Variance, standard deviation, covariance, median, quantiles, mode and counts."""

    def var(
        self,
        dim: Any = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the variance sum((x - mean)²) / (n - correction) of all elements, or along `dim`.

        Args:
            dim: a dimension or several; by default all. As in PyTorch, t.var(False) means unbiased=False.
            unbiased: True for correction 1 (Bessel's), False for 0.
            keepdim: True to keep the reduced dimensions, with size 1.
            correction: the correction, instead of `unbiased`.
            axis: NumPy's name of `dim`.
            keepdims: NumPy's name of `keepdim`.

        >>> from minigrad import tensor
        >>> tensor([1.0, 3.0]).var(), tensor([1.0, 3.0]).var(unbiased=False)
        (tensor(2.), tensor(1.))
        """
        return self._spread(variance.var, dim, unbiased, keepdim, correction, axis, keepdims)

    def std(
        self,
        dim: Any = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the standard deviation, the square root of `var`. Where it is 0, so is its gradient.

        >>> from minigrad import tensor
        >>> tensor([1.0, 5.0]).std(unbiased=False)
        tensor(2.)
        """
        return self._spread(variance.std, dim, unbiased, keepdim, correction, axis, keepdims)

    def _spread(
        self,
        primitive: Primitive,
        dim: Any,
        unbiased: bool,
        keepdim: bool,
        correction: Any,
        axis: Dims,
        keepdims: bool | None,
    ) -> Out:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if self.dtype.kind != "f":
            raise TypeError(
                f"{primitive.name} of a tensor of {self.dtype}: convert it to floats first, as in t.float()"
            )
        less = int(unbiased) if correction is None else correction
        keep = bool(keepdim if keepdims is None else keepdims)
        return self.apply(primitive, self, less=less, axis=self._dims(dim, axis), keepdims=keep)

    def var_mean(
        self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, **options: Any
    ) -> tuple[Out, Out]:
        """Return (`var`, `mean`)."""
        return self.var(dim, unbiased, keepdim, **options), self._mean_of(dim, keepdim, options)

    def std_mean(
        self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, **options: Any
    ) -> tuple[Out, Out]:
        """Return (`std`, `mean`)."""
        return self.std(dim, unbiased, keepdim, **options), self._mean_of(dim, keepdim, options)

    def _mean_of(self, dim: Any, keepdim: bool, options: dict[str, Any]) -> Out:
        options = {name: value for name, value in options.items() if name != "correction"}
        return self.mean(None if isinstance(dim, bool) else dim, keepdim, **options)

    def cov(self, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Out:
        """Return the covariance matrix of variables, one a row of observations; for one row, its variance."""
        if fweights is not None or aweights is not None:
            raise NotImplementedError("cov: weights are not supported; multiply the deviations yourself")
        if self.ndim > 2 or self.dtype.kind != "f":
            raise ValueError(f"cov: takes a matrix of floats, a variable a row; got {self.dtype} of shape {self.shape}")
        rows = self if self.ndim == 2 else self.reshape(1, self.numel())
        deviation = rows - rows.mean(1, keepdim=True)
        out = deviation @ deviation.mT / max(rows.shape[1] - correction, 0)
        return out if rows.shape[0] != 1 else out.reshape(())

    def corrcoef(self) -> Out:
        """Return the correlation matrix of variables, one a row of observations: the covariances at variance 1."""
        c: Any = self.cov()
        if not c.ndim:
            return c / c
        scale = c.diagonal().sqrt()
        return (c / scale.unsqueeze(1) / scale).clamp(-1, 1)

    # ---- by order --------------------------------------------------------------------------------------------------

    @overload
    def median(self, dim: None = None, *, axis: None = None) -> Out: ...
    @overload
    def median(self, dim: int, keepdim: bool = False, *, axis: None = None) -> Selected[Out]: ...
    @overload
    def median(self, dim: None = None, keepdim: bool = False, *, axis: int) -> Selected[Out]: ...
    def median(self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Any:
        """Return the median of all elements, of two the smaller; along `dim`, (values, indices). nan if one is nan.

        Without `dim` elements that are equal to it share the gradient.
        """
        return self._middle("median", dim if axis is None else axis, keepdim, False)

    @overload
    def nanmedian(self, dim: None = None, *, axis: None = None) -> Out: ...
    @overload
    def nanmedian(self, dim: int, keepdim: bool = False, *, axis: None = None) -> Selected[Out]: ...
    @overload
    def nanmedian(self, dim: None = None, keepdim: bool = False, *, axis: int) -> Selected[Out]: ...
    def nanmedian(self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Any:
        """Return the `median` of the elements that are not nan."""
        return self._middle("nanmedian", dim if axis is None else axis, keepdim, True)

    def _middle(self, name: str, dim: int | None, keepdim: bool, skip: bool) -> Any:
        if dim is None:
            flat = self.reshape(-1)
            if not flat.shape[0] and self.dtype.kind == "f":
                return flat.sum() * math.nan
            value = flat.detach()._middle(name, 0, False, skip).values._array
            return flat[flat._array == value].amax() if value == value else flat[flat._array != flat._array].mean()
        d = self._dim(dim)
        if not self.ndim:
            return Selected(self.clone(), self._of(0))
        t, numbers = self._sorted(name, d)
        n = self.shape[d]
        middle = (np.maximum(numbers - 1, 0) if skip else n - 1) // 2
        where = middle if skip else np.where(numbers == n, middle, numbers)
        out = Selected(*[part.gather(d, self._of(where)) for part in t])
        return out if keepdim else Selected(*[part.squeeze(d) for part in out])

    def _sorted(self, name: str, d: int) -> tuple[Any, np.ndarray]:
        """Return the tensor sorted along d, and the number of elements that are not nan."""
        if not self.shape[d]:
            raise ValueError(f"{name}: no elements to choose from along dim {d} of shape {self.shape}")
        return self.sort(d), np.sum(self._array == self._array, axis=d, keepdims=True)

    def quantile(
        self,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
        axis: int | None = None,
    ) -> Out:
        """Return the q-quantile of all elements, or along `dim`; nan if one is nan.

        Args:
            q: from 0 to 1: a number; or several in a 1-d tensor, which then is the first dimension of the result. A
                tensor q gets a gradient: the slope between the two elements, with "linear".
            dim: along which; of all unless given.
            keepdim: keep `dim`, as 1.
            interpolation: where q falls between two elements: "linear" in between, "lower", "higher", "midpoint" or
                "nearest".
        """
        return self._quantile("quantile", q, dim if axis is None else axis, keepdim, interpolation, False)

    def nanquantile(
        self,
        q: Any,
        dim: int | None = None,
        keepdim: bool = False,
        *,
        interpolation: str = "linear",
        axis: int | None = None,
    ) -> Out:
        """Return the `quantile` of the elements that are not nan."""
        return self._quantile("nanquantile", q, dim if axis is None else axis, keepdim, interpolation, True)

    def _quantile(self, name: str, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip: bool) -> Out:
        if self.dtype.kind != "f":
            raise TypeError(f"{name} of a tensor of {self.dtype}: convert it to floats first, as in t.float()")
        if interpolation not in _INTERPOLATIONS:
            raise ValueError(f"{name}: interpolation is one of {', '.join(_INTERPOLATIONS)}; got {interpolation!r}")
        share = np.asarray(getattr(q, "_array", q), self.dtype)
        if share.ndim > 1 or not ((share >= 0) & (share <= 1)).all():
            raise ValueError(f"{name}: q is from 0 to 1, a number or a vector of them; got {q!r}")
        d = 0 if dim is None else self._dim(dim)
        t = self.reshape(-1) if dim is None or not self.ndim else self
        (values, _), numbers = t._sorted(name, d)
        n = t.shape[d]
        last = np.moveaxis(np.maximum(numbers - 1, 0) if skip else numbers, d, -1)
        steps = (last if skip else np.full_like(last, n - 1)).astype(self.dtype)
        rank = share.reshape(-1) * steps
        if not skip:
            rank = np.where(last == n, rank, n - 1).astype(self.dtype)  # where nan is, the last one in order
        if interpolation in ("lower", "higher", "nearest"):
            rounded: dict[str, Any] = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}
            rank = rounded[interpolation](rank)
        below = np.floor(rank)
        between = np.full_like(rank, 0.5) * (rank > below) if interpolation == "midpoint" else rank - below
        rows = values.movedim(d, -1)
        low, high = (rows.gather(-1, self._of(p.astype(np.int64))) for p in (below, np.ceil(rank)))
        weight = self._of(between)
        if interpolation == "linear" and isinstance(q, Base) and q.requires_grad:
            weight = q.astype(self.dtype).reshape(-1) * self._of(steps) - self._of(below)
        out = low if not between.any() and not weight.requires_grad else low.lerp(high, weight)
        out = out.movedim(-1, 0)
        if keepdim:
            out = out.unsqueeze(d + 1) if dim is not None and self.ndim else out.reshape([-1] + [1] * self.ndim)
        elif not self.ndim:
            out = out.reshape(-1)
        return out if share.ndim else out[0]

    def mode(self, dim: int = -1, keepdim: bool = False, *, axis: int | None = None) -> Selected[Out]:
        """Return (values, indices): the most frequent element along `dim`, of ties the smallest, and its last index."""
        d = self._dim(dim if axis is None else axis)
        if not self.ndim:
            return Selected(self.clone(), self._of(0))
        if not self.shape[d]:
            raise ValueError(f"mode: no elements to choose from along dim {d} of shape {self.shape}")
        order = index.argsort(self._array, axis=d, descending=False)
        x = np.moveaxis(np.take_along_axis(self._array, order, d), d, -1)
        steps = np.arange(x.shape[-1])
        new = np.concatenate([np.ones_like(x[..., :1], bool), x[..., 1:] != x[..., :-1]], -1)
        length = steps - np.maximum.accumulate(np.where(new, steps, 0), -1)  # of the run of equals up to here
        last = np.moveaxis(np.argmax(length, -1)[..., None], -1, d)
        where = np.take_along_axis(order, last, d)
        out = Selected(self.apply(index.gather, self, index=where, axis=d), self._of(where))
        return out if keepdim else Selected(*[part.squeeze(d) for part in out])

    # ---- without nan -----------------------------------------------------------------------------------------------

    def nansum(
        self,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the `sum` of the elements that are not nan."""
        t: Any = self
        t = t.masked_fill(t.isnan(), 0) if self.dtype.kind == "f" else t
        return t.sum(dim, keepdim, dtype=dtype, axis=axis, keepdims=keepdims)

    def nanmean(
        self,
        dim: Dims = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        axis: Dims = None,
        keepdims: bool | None = None,
    ) -> Out:
        """Return the `mean` of the elements that are not nan; nan if there are none."""
        t: Any = self if dtype is None else self.astype(dtype)
        if t.dtype.kind != "f":
            raise TypeError(f"nanmean of a tensor of {t.dtype}: convert it to floats first, as in t.float()")
        total = t.nansum(dim, keepdim, axis=axis, keepdims=keepdims)
        number = t.isnan().logical_not().sum(dim, keepdim, axis=axis, keepdims=keepdims)
        return total / number.astype(t.dtype)

    def count_nonzero(self, dim: Dims = None, *, axis: Dims = None) -> Out:
        """Return the number of elements that are not 0; int64."""
        t: Any = self
        return t.ne(0).sum(dim, axis=axis)
