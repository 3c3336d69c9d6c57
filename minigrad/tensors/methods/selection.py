"""Selection: read, write and add elements at given indices; sort, search and count.

`gather` and `scatter` are PyTorch's: `index` has as many dimensions as the tensor, and may be smaller in all but `dim`.
Each method ending in _ writes into the tensor itself; the one without it writes into a copy.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Generic, Literal, NamedTuple, ParamSpec, Self, overload

import numpy as np

from minigrad.grad_mode import mode
from minigrad.output.words import class_name
from minigrad.primitives import indexing as ix
from minigrad.tensors.base import Base, Out
from minigrad.tensors.dtypes import NUMBERS, check_broadcast, check_range, operand


class Histogram(NamedTuple, Generic[Out]):
    """The counts of a histogram, and the edges of its bins."""

    hist: Out
    bin_edges: Out


class Selected(NamedTuple, Generic[Out]):
    """Elements along a dimension, and their indices."""

    values: Out
    indices: Out


P = ParamSpec("P")


def _on_a_copy(method: Callable[Concatenate[Any, P], Any]) -> Callable[Concatenate[Base[Out], P], Out]:
    """Make the variant of an in-place method that writes into a copy, and leaves the tensor unchanged."""

    @functools.wraps(method)
    def copying(self: Base[Out], /, *args: P.args, **named: P.kwargs) -> Out:
        return method(self.clone(), *args, **named)

    copying.__name__ = copying.__qualname__ = method.__name__.rstrip("_")
    return copying


def _array(value: Any) -> np.ndarray:
    """Return a tensor, array or number as an array."""
    return value._array if isinstance(value, Base) else np.asarray(value)


def _arrivals(targets: np.ndarray) -> np.ndarray:
    """Return, for each column, how many equal columns are before it."""
    _, place = np.unique(targets, axis=1, return_inverse=True)
    place = place.reshape(-1)
    order = np.argsort(place, kind="stable")
    first = np.searchsorted(place[order], place[order])
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order)) - first
    return ranks


class Selection(Base[Out]):
    """Methods that choose elements by index or order."""

    def _places(self, name: str, index: Any, dim: int | None = None, wrap: bool = False) -> np.ndarray:
        """Return an index as an array; raise unless it has integers in the range of `dim` (None: of all elements).

        With `wrap`, they may be negative, and count from the end.
        """
        if not isinstance(index, Base | np.ndarray):
            raise TypeError(f"{name}: the index is a tensor of integers, got {class_name(index)}: {index!r}")
        places = _array(index)
        if places.dtype.kind not in "iu":
            raise TypeError(f"{name}: the index is a tensor of integers, got {places.dtype}; .long() converts it")
        n = self._array.size if dim is None else self.shape[dim] if self.ndim else 1
        wrong = places[(places < (-n if wrap else 0)) | (places >= n)]
        if wrong.size:
            where = "a tensor" if dim is None else f"dimension {dim}, of size {n}, of a tensor"
            raise IndexError(f"{name}: index {wrong.flat[0]} is out of range for {where} of shape {self.shape}")
        return places.astype(np.int64, copy=False)

    # ---- reading ---------------------------------------------------------------------------------------------------

    def index_select(self, dim: int, index: Any) -> Out:
        """Return the slices along `dim` at a vector of indices; a copy.

        >>> from minigrad import tensor
        >>> tensor([[1, 2], [3, 4], [5, 6]]).index_select(0, tensor([2, 0]))
        tensor([[5, 6],
                [1, 2]])
        """
        d = self._dim(dim)
        places = self._places("index_select", index, d)
        if places.ndim > 1:
            raise ValueError(f"index_select: the index is a vector, got shape {places.shape}")
        if not self.ndim:
            if places.size != 1:
                raise ValueError(f"index_select: of a 0-d tensor one element, got an index of shape {places.shape}")
            return self.clone()
        return self[(slice(None),) * d + (places.reshape(-1),)]

    def gather(self, dim: int, index: Any, *, sparse_grad: bool = False) -> Out:
        """Choose an element along `dim` for each index: y[i][j][k] = x[i][index[i][j][k]][k] for dim=1 of three.

        Args:
            dim: the dimension to choose along.
            index: int64, of as many dimensions as the tensor; the result has its shape.
            sparse_grad: not supported.

        Raises:
            ValueError: if `index` has another number of dimensions, or is larger in one other than `dim`.
            IndexError: for an index out of range.

        >>> from minigrad import tensor
        >>> log_probs = tensor([[-0.1, -2.3], [-1.2, -0.4]])
        >>> log_probs.gather(1, tensor([[0], [1]]))
        tensor([[-0.1000],
                [-0.4000]])
        """
        d = self._dim(dim)
        places = self._places("gather", index, d)
        if sparse_grad:
            raise NotImplementedError("gather: gradients are never sparse here; leave sparse_grad out")
        self._check_fit("gather", d, places)
        t = self if self.ndim else self.reshape(1)
        out = t.apply(ix.gather, t, index=places if places.ndim else places.reshape(1), axis=d)
        return out if places.ndim else out.reshape(())

    def _check_fit(self, name: str, d: int, places: np.ndarray, source: tuple[int, ...] | None = None) -> None:
        """Raise unless an index has a shape that gather and scatter take."""
        mine = self.shape or (1,)
        shape = places.shape or (1,)
        others = [n for i, n in enumerate(mine) if i != d]
        if len(shape) != len(mine):
            raise ValueError(
                f"{name}: index and tensor must have the same number of dimensions, got shapes {places.shape} and "
                f"{self.shape}"
                + ("; to repeat an index along the others: index.unsqueeze(-1).expand(...)" if places.size else "")
            )
        if places.size and any(m > n for m, n in zip((m for i, m in enumerate(shape) if i != d), others)):
            raise ValueError(
                f"{name}: index, of shape {places.shape}, is larger than the tensor, of shape {self.shape}, in a "
                f"dimension other than {d}"
            )
        if source is not None and (
            len(source or (1,)) != len(shape) or places.size and any(m > n for m, n in zip(shape, source or (1,)))
        ):
            raise ValueError(f"{name}: for an index of shape {places.shape}, src, of shape {source}, is too small")

    def take(self, index: Any) -> Out:
        """Return the elements of the flattened tensor at these indices, in the shape of `index`."""
        places = self._places("take", index, wrap=True)
        return self.ravel()[places.reshape(-1)].reshape(places.shape)

    def take_along_dim(self, indices: Any, dim: int | None = None, *, axis: int | None = None) -> Out:
        """Choose elements along `dim` as `gather` does, with broadcasting in all other dimensions.

        NumPy's take_along_axis: t.take_along_dim(t.argsort(dim), dim) is sorted.
        """
        dim = dim if axis is None else axis
        if dim is None:
            return self.ravel().take_along_dim(indices.reshape(-1), 0)
        d = self._dim(dim)
        places = self._places("take_along_dim", indices, d, wrap=True)
        if places.ndim != self.ndim:
            raise ValueError(
                f"take_along_dim: indices and tensor must have the same number of dimensions, got shapes "
                f"{places.shape} and {self.shape}"
            )
        n = self.shape[d] if self.ndim else 1
        around = [1 if i == d else m for i, m in enumerate(self.shape)]
        shape = list(np.broadcast_shapes(tuple(around), tuple(1 if i == d else m for i, m in enumerate(places.shape))))
        larger = self.expand([n if i == d else m for i, m in enumerate(shape)])
        places = np.broadcast_to(places, [places.shape[i] if i == d else m for i, m in enumerate(shape)])
        return larger.gather(d, self._of(np.where(places < 0, places + n, places)))

    def masked_select(self, mask: Any) -> Out:
        """Return the elements where the bool mask is true, in one dimension; tensor and mask broadcast.

        >>> from minigrad import tensor
        >>> x = tensor([1.0, -2.0, 3.0])
        >>> x.masked_select(x > 0)
        tensor([1., 3.])
        """
        chosen = self._checked_mask("masked_select", mask)
        check_broadcast("masked_select", self, chosen)
        shape = np.broadcast_shapes(self.shape, chosen.shape)
        return self.expand(shape)[np.broadcast_to(chosen, shape)]

    def _checked_mask(self, name: str, mask: Any) -> np.ndarray:
        chosen = _array(mask)
        if chosen.dtype != bool:
            raise TypeError(f"{name}: the mask is a tensor of booleans, got {chosen.dtype}; .bool() converts it")
        return chosen

    def _refuse_other(self, name: str, source: Any) -> None:
        """Raise unless the values to write are a tensor of this tensor's dtype."""
        if not isinstance(source, Base | np.ndarray):
            raise TypeError(f"{name}: takes its values from a tensor, got {class_name(source)}: {source!r}")
        if source.dtype != self.dtype:
            raise TypeError(
                f"{name}: the values are of {source.dtype}, the tensor of {self.dtype}; values.to(...) converts them"
            )

    def _refuse_gradient(self, name: str, source: Any) -> None:
        if mode.recording and (self.requires_grad or getattr(source, "requires_grad", False)):
            raise NotImplementedError(
                f"{name} has no gradient here; for the values alone use t.detach() and src.detach()"
            )

    @overload
    def nonzero(self, *, as_tuple: Literal[False] = False) -> Out: ...
    @overload
    def nonzero(self, *, as_tuple: Literal[True]) -> tuple[Out, ...]: ...
    def nonzero(self, *, as_tuple: bool = False) -> Out | tuple[Out, ...]:
        """Return the indices of the elements that are not 0, one a row; as a tuple, a vector for each dimension.

        >>> from minigrad import tensor
        >>> tensor([[1, 0], [0, 2]]).nonzero()
        tensor([[0, 0],
                [1, 1]])
        """
        t = self._array
        if as_tuple:
            return tuple([self._of(i) for i in np.nonzero(t if self.ndim else t.reshape(1))])
        return self._of(np.argwhere(t))

    def argwhere(self) -> Out:
        """Return the indices of the elements that are not 0, one a row."""
        return self.nonzero()

    # ---- writing ---------------------------------------------------------------------------------------------------

    def scatter_(self, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Self:
        """Write src at the indices: self[i][index[i][j][k]][k] = src[i][j][k] for dim=1 of three.

        Where an index is repeated, the last write counts, also for the gradients.

        Args:
            dim: the dimension to index.
            index: int64, of as many dimensions as the tensor.
            src: a tensor at least as large as `index`, or a number.
            value: a number, instead of `src`.
            reduce: "add" to add instead, "multiply" to multiply (without a gradient).

        Raises:
            ValueError: if `index` is larger than the tensor in a dimension other than `dim`, or than `src`.
            IndexError: for an index out of range.
        """
        if (src is None) == (value is None):
            raise TypeError("scatter: give one of src, a tensor, and value, a number")
        source, places, d = self._source("scatter", dim, index, value if src is None else src)
        if reduce == "add":
            return self._added(ix.scatter, source, index=places, axis=d)
        if reduce == "multiply":
            self._refuse_gradient("scatter: reduce='multiply'", source)
            product = self._array.copy().reshape(self.shape or (1,))
            np.multiply.at(product, ix.grid(places, d), _array(source))
            return self.copy_(self._of(product.reshape(self.shape)))
        if reduce is not None:
            raise ValueError(f"scatter: reduce is 'add' or 'multiply', got {reduce!r}")
        (self if self.ndim else self.reshape(1))[ix.grid(places, d)] = source
        return self

    def _source(self, name: str, dim: int, index: Any, src: Any) -> tuple[Any, np.ndarray, int]:
        """Return the values to scatter, in the shape of the index; the index, checked; and the dimension."""
        d = self._dim(dim)
        places = self._places(name, index, d)
        if isinstance(src, Base | np.ndarray):
            self._check_fit(name, d, places, src.shape)
            self._refuse_other(name, src)
            source: Any = src if src.ndim else src.reshape(1)
            source = source[tuple([slice(n) for n in places.shape or (1,)])]
        elif operand(src) is None:
            raise TypeError(f"{name}: takes its values from a tensor, or a number; got {class_name(src)}: {src!r}")
        else:
            self._check_fit(name, d, places)
            check_range(name, src, self.dtype)
            source = np.full(places.shape or (1,), src).astype(self.dtype)
        return source, places.reshape(places.shape or (1,)), d

    def _added(self, primitive: Any, source: Any, **places: Any) -> Self:
        """Add `source` at these indices; a repeated index receives the sum."""
        total = self.apply(primitive, source, shape=self.shape or (1,), **places).reshape(self.shape)
        t: Any = self
        return t.add_(total)

    def scatter_add_(self, dim: int, index: Any, src: Any) -> Self:
        """Add src at the indices: self[i][index[i][j][k]][k] += src[i][j][k] for dim=1 of three; repeats add up."""
        self._refuse_other("scatter_add", src)
        source, places, d = self._source("scatter_add", dim, index, src)
        return self._added(ix.scatter, source, index=places, axis=d)

    def scatter_reduce_(self, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Self:
        """As scatter_add, with the sum, mean, prod, amax or amin of what meets at each place.

        Args:
            reduce: one of these names. Equal extremes at one place share the gradient.
            include_self: whether the tensor's own elements take part, at the places that receive something.
        """
        if reduce not in ("sum", "mean", "prod", "amax", "amin"):
            raise ValueError(f"scatter_reduce: reduce is sum, mean, prod, amax or amin, got {reduce!r}")
        self._refuse_other("scatter_reduce", src)
        source, places, d = self._source("scatter_reduce", dim, index, src)
        grid = ix.grid(places, d)
        if not include_self:
            one = {"sum": 0, "mean": 0, "prod": 1}.get(reduce, source)  # an extreme may begin with any of its elements
            (self if self.ndim else self.reshape(1))[grid] = one
        if reduce in ("sum", "mean"):
            out = self._added(ix.scatter, source, index=places, axis=d)
            if reduce == "sum":
                return out
            count = np.full(self.shape or (1,), int(include_self), self.dtype)
            np.add.at(count, grid, 1)
            count = np.maximum(count, 1).reshape(self.shape)
            t: Any = self
            return t.div_(count) if self.dtype.kind == "f" else t.copy_(self._of(self._array // count))
        ufunc: Any = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum}[reduce]
        result = self._array.copy().reshape(self.shape or (1,))
        ufunc.at(result, grid, _array(source))
        if not (mode.recording and (self.requires_grad or getattr(source, "requires_grad", False))):
            return self.copy_(self._of(result.reshape(self.shape)))
        own: Any = self.clone().reshape(self.shape or (1,))
        source = own._of(source) if isinstance(source, np.ndarray) else source
        at, zeros = own._of(places), own._of(np.zeros_like(own._array))
        if reduce == "prod":  # one factor for each place at a time: the first that arrives there, the second, …
            rounds = _arrivals(np.stack([g.ravel() for g in np.broadcast_arrays(*grid)]))
            for turn in range(rounds.max(initial=0) + 1):
                now = own._of(rounds.reshape(places.shape) == turn)
                arrived = zeros.scatter_add(d, at, now.to(own.dtype)) > 0
                own = own * zeros.scatter_add(d, at, source.where(now, 0)).where(arrived, 1)
            return self.copy_(own.reshape(self.shape))
        # an extreme is the mean of the elements that equal it, so that they share its gradient, as in PyTorch
        top = own._of(result)
        hit, own_hit = source == top.gather(d, at), own == top
        if not include_self:
            own_hit[grid] = False
        count = own_hit.to(own.dtype).scatter_add(d, at, hit.to(own.dtype))
        shared = own.where(own_hit, 0).scatter_add(d, at, source.where(hit, 0))
        return self.copy_((shared / count).reshape(self.shape))

    def index_add_(self, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Self:
        """Add slices: self[index[i]] += alpha * source[i] for dim=0; repeats add up.

        >>> from minigrad import tensor, zeros
        >>> zeros(3).index_add_(0, tensor([0, 0, 2]), tensor([1.0, 2.0, 5.0]))
        tensor([3., 0., 5.])
        """
        where = self._along("index_add", dim, index, source)
        scaled = source if alpha == 1 else source * alpha
        if not self.ndim:
            t: Any = self
            return t.add_(scaled.sum())
        return self._added(ix.place, scaled, index=where)

    def index_copy_(self, dim: int, index: Any, source: Any) -> Self:
        """Write slices: self[index[i]] = source[i] for dim=0."""
        where = self._along("index_copy", dim, index, source)
        if not self.ndim:
            return self.copy_(source.reshape(()))
        self[where] = source
        return self

    def index_fill_(self, dim: int, index: Any, value: Any) -> Self:
        """Fill slices: self[index[i]] = value for dim=0; a number or a 0-d tensor."""
        d = self._dim(dim)
        places = self._places("index_fill", index, d, wrap=True)
        if np.ndim(_array(value)) or places.ndim > 1:
            raise ValueError(
                f"index_fill: takes a vector of indices and one value, got shapes {places.shape}, {np.shape(value)}"
            )
        if self.ndim:
            self[(slice(None),) * d + (places.reshape(-1),)] = value
        else:
            self[...] = value
        return self

    def _along(self, name: str, dim: int, index: Any, source: Any) -> tuple[Any, ...]:
        """The index of what a vector of indices names along `dim`, if `source` fits there."""
        d = self._dim(dim)
        places = self._places(name, index, d)
        self._refuse_other(name, source)
        wanted = (*self.shape[:d], places.size, *self.shape[d + 1 :]) if self.ndim else (places.size,)
        if places.ndim > 1 or source.shape != wanted and (self.ndim or source.shape != ()):
            raise ValueError(
                f"{name}: for an index of shape {places.shape} (it is a vector) along dim {dim} of shape {self.shape}, "
                f"source has shape {wanted}; got {source.shape}"
            )
        return (slice(None),) * d + (places.reshape(-1).copy(),)

    def index_put_(self, indices: Any, values: Any, accumulate: bool = False) -> Self:
        """Write self[indices] = values for a tuple `indices`; with `accumulate`, add, and repeats add up."""
        if not isinstance(indices, tuple | list):
            raise TypeError(f"index_put: indices is a tuple of tensors, got {class_name(indices)}")
        self._refuse_other("index_put", values)
        if not accumulate:
            self[tuple(indices)] = values
            return self
        where = tuple([np.array(_array(i)) if i is not None else None for i in indices])
        shape = np.broadcast_to(np.empty(()), self.shape)[where].shape
        spread = (values if isinstance(values, Base) else self._of(values)).expand(shape)
        return self._added(ix.place, spread, index=where)

    def masked_scatter_(self, mask: Any, source: Any) -> Self:
        """Write the elements of `source`, in order, where the mask is true."""
        chosen = self._checked_mask("masked_scatter", mask)
        check_broadcast("masked_scatter", self, chosen)
        chosen = np.broadcast_to(chosen, self.shape)
        n = int(chosen.sum())
        self._refuse_other("masked_scatter", source)
        if n > source.reshape(-1).shape[0]:
            raise ValueError(
                f"masked_scatter: the mask selects {n} elements, but source, of shape {source.shape}, has only "
                f"{source.reshape(-1).shape[0]}"
            )
        self[chosen] = source.reshape(-1)[:n]
        return self

    scatter, scatter_add, scatter_reduce = _on_a_copy(scatter_), _on_a_copy(scatter_add_), _on_a_copy(scatter_reduce_)
    index_add, index_copy, index_fill = _on_a_copy(index_add_), _on_a_copy(index_copy_), _on_a_copy(index_fill_)
    index_put, masked_scatter = _on_a_copy(index_put_), _on_a_copy(masked_scatter_)

    # ---- order -----------------------------------------------------------------------------------------------------

    def sort(
        self, dim: int = -1, descending: bool = False, stable: bool = False, *, axis: int | None = None
    ) -> Selected[Out]:
        """Return (values, indices): the elements sorted along `dim`, and their indices; nan sorts last.

        The sort is always stable: `stable` has no effect.

        >>> from minigrad import tensor
        >>> values, indices = tensor([3.0, 1.0, 2.0]).sort()
        >>> values, indices
        (tensor([1., 2., 3.]), tensor([1, 2, 0]))
        """
        return self._ordered(dim if axis is None else axis, descending)

    def _ordered(self, dim: int, descending: bool, part: slice = slice(None)) -> Selected[Out]:
        """Return the elements sorted along `dim`, or a slice of them."""
        d = self._dim(dim)
        t = self if self.ndim else self.reshape(1)
        order = ix.argsort(t._array, axis=d, descending=bool(descending))[(slice(None),) * d + (part,)]
        values = t.apply(ix.gather, t, index=order, axis=d)
        out = Selected(values, self._of(order))
        return out if self.ndim else Selected(*[o.reshape(()) for o in out])

    def argsort(self, dim: int = -1, descending: bool = False, *, stable: bool = False, axis: int | None = None) -> Out:
        """Return the indices that sort the tensor along `dim`; see `sort`.

        >>> from minigrad import tensor
        >>> tensor([3.0, 1.0, 2.0]).argsort(descending=True)
        tensor([0, 2, 1])
        """
        d = self._dim(dim if axis is None else axis)
        if not self.ndim:
            return self._of(0)
        return self._of(ix.argsort(self._array, axis=d, descending=bool(descending)))

    def msort(self) -> Out:
        """Return the tensor sorted along the first dimension."""
        return self.sort(0).values

    def topk(
        self, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, axis: int | None = None
    ) -> Selected[Out]:
        """Return (values, indices) of the k largest elements along `dim`, the largest first; of ties, the first.

        With `largest=False`, the k smallest.

        >>> from minigrad import tensor
        >>> tensor([1.0, 4.0, 3.0]).topk(2).values
        tensor([4., 3.])
        """
        d = self._dim(dim if axis is None else axis)
        n = self.shape[d] if self.ndim else 1
        if not 0 <= k <= n:
            raise ValueError(f"topk: k is 0 to {n}, the size of dim {dim} of shape {self.shape}; got {k}")
        return self._ordered(d, largest, slice(k))

    def kthvalue(self, k: int, dim: int = -1, keepdim: bool = False) -> Selected[Out]:
        """Return (values, indices) of the k-th smallest element along `dim`, counted from 1."""
        d = self._dim(dim)
        n = self.shape[d] if self.ndim else 1
        if not 1 <= k <= n:
            raise ValueError(f"kthvalue: k is 1 to {n}, the size of dim {dim} of shape {self.shape}; got {k}")
        out = self._ordered(d, False, slice(k - 1, k))
        return out if keepdim or not self.ndim else Selected(*[o.squeeze(d) for o in out])

    # ---- sets and counts -------------------------------------------------------------------------------------------

    @overload
    def unique(
        self,
        sorted: bool = True,
        return_inverse: Literal[False] = False,
        return_counts: Literal[False] = False,
        dim: int | None = None,
    ) -> Out: ...
    @overload
    def unique(
        self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any: ...
    def unique(
        self, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any:
        """Return the distinct elements, sorted, or the distinct slices along `dim`; the first of equals is chosen.

        Args:
            sorted: has no effect: the result is always sorted.
            return_inverse: True to return also, for each element, its index in the result.
            return_counts: True to return also how often each occurs.
            dim: the dimension of the slices; by default the elements of the flattened tensor.

        >>> from minigrad import tensor
        >>> tensor([3, 1, 3]).unique()
        tensor([1, 3])
        """
        d = None if dim is None else self._dim(dim)
        _, first, inverse, counts = np.unique(
            self._array, return_index=True, return_inverse=True, return_counts=True, axis=d, equal_nan=False
        )
        inverse = inverse.reshape(self.shape if d is None else -1)
        return self._distinct(d, first, inverse if return_inverse else None, counts if return_counts else None)

    @overload
    def unique_consecutive(
        self, return_inverse: Literal[False] = False, return_counts: Literal[False] = False, dim: int | None = None
    ) -> Out: ...
    @overload
    def unique_consecutive(
        self, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any: ...
    def unique_consecutive(
        self, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
    ) -> Any:
        """Return the elements (or slices along `dim`) that differ from the one before: `unique` without sorting."""
        d = None if dim is None else self._dim(dim)
        rows = self._array.reshape(self._array.size) if d is None else np.moveaxis(self._array, d, 0)
        new = np.ones(len(rows), bool)
        new[1:] = (rows[1:] != rows[:-1]).any(tuple(range(1, rows.ndim)))
        first = np.flatnonzero(new)
        inverse = (np.cumsum(new) - 1).reshape(self.shape if d is None else -1)
        counts = np.diff(first, append=len(rows))
        return self._distinct(d, first, inverse if return_inverse else None, counts if return_counts else None)

    def _distinct(self, d: int | None, first: np.ndarray, *more: np.ndarray | None) -> Any:
        values = self.ravel()[first] if d is None else self.index_select(d, self._of(first))
        out = (values, *[self._of(m) for m in more if m is not None])
        return out if len(out) > 1 else values

    def bincount(self, weights: Any = None, minlength: int = 0) -> Out:
        """Return how often each of 0, 1, 2, … occurs; with weights, the sum of their weights.

        >>> from minigrad import tensor
        >>> tensor([0, 2, 2]).bincount()
        tensor([1, 0, 2])
        """
        if self.ndim != 1 or self.dtype.kind not in "iu" or (self._array < 0).any():
            raise ValueError(f"bincount: takes a vector of integers from 0 on, got {self.dtype} of shape {self.shape}")
        if minlength < 0:
            raise ValueError(f"bincount: minlength is 0 or more, got {minlength}")
        n = max(int(self._array.max(initial=-1)) + 1, minlength)
        if weights is None:
            return self._of(np.bincount(self._array, minlength=n))
        if weights.shape != self.shape:
            raise ValueError(f"bincount: weights have the shape of the tensor, {self.shape}, got {weights.shape}")
        if weights.dtype.kind != "f":
            weights = weights.astype(np.dtype("float64"))
        return self.apply(ix.place, weights, index=self._array.astype(np.int64), shape=(n,))

    def histc(self, bins: int = 100, min: float = 0, max: float = 0) -> Out:
        """Return the number of elements in each of `bins` bins of equal width from `min` to `max`.

        If both are 0, the range is that of the elements. Elements outside the range, and nan, are not counted.
        """
        if self.dtype.kind != "f":
            raise TypeError(f"histc: takes floats, got {self.dtype}; t.float() converts")
        x = self._array
        if bins < 1 or min > max:
            raise ValueError(f"histc: needs 1 or more bins, and min below max; got {bins}, {min}, {max}")
        if min == max and x.size:
            min, max = float(x.min()), float(x.max())
        if min == max:
            min, max = min - 1, max + 1
        if not np.isfinite([min, max]).all():
            raise ValueError(f"histc: the range from {min} to {max} is not finite; give min and max")
        counts, _ = np.histogram(x[np.isfinite(x)], bins, (min, max))
        return self._of(counts.astype(self.dtype))

    def histogram(
        self, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False
    ) -> Histogram[Out]:
        """Return (hist, bin_edges): the number of elements in each bin, or the sum of their weights.

        Args:
            bins: the number of bins of equal width, or a tensor of their edges.
            range: (lowest, highest) edge (default: those of the elements).
            weight: what each element counts (default 1); a gradient reaches it.
            density: whether to divide by the total and the width, as a density (default False).

        >>> from minigrad import tensor
        >>> hist, edges = tensor([1.0, 2.0, 1.0]).histogram(4, range=(0.0, 4.0))
        >>> hist.tolist(), edges.tolist()
        ([0.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0, 4.0])
        """
        if self.dtype.kind != "f":
            raise TypeError(f"histogram: takes floats, got {self.dtype}; t.float() converts")
        x = self._array.ravel()
        edges = _array(bins) if getattr(bins, "shape", ()) else bins
        counts, edges = np.histogram(x, edges, range)
        hist = self._of(counts.astype(self.dtype))
        if weight is not None:
            weight = weight if isinstance(weight, Selection) else self._of(np.asarray(weight))
            if weight.shape != self.shape:
                raise ValueError(f"histogram: weight has the shape of the tensor, {self.shape}, got {weight.shape}")
            index = np.where(x == edges[-1], counts.size, edges.searchsorted(x, "right")) - 1
            inside = (index >= 0) & (index < counts.size)
            weights = weight.astype(self.dtype).reshape(-1)[inside]
            hist = self.apply(ix.place, weights, index=index[inside], shape=counts.shape)
        if density:
            hist = hist / (hist.sum() * np.diff(edges).astype(self.dtype))
        return Histogram(hist, self._of(edges.astype(self.dtype)))

    def searchsorted(
        self, values: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Any = None
    ) -> Out:
        """Return the index at which each value would be inserted into this sorted tensor; `right`: after its equals.

        A sorted tensor of more dimensions is sorted along the last; values then agree with it in all others.
        """
        if side not in (None, "left", "right") or (side == "left" and right):
            raise ValueError(
                f"searchsorted: side is 'left' or 'right', and right agrees with it; got {side!r}, {right}"
            )
        rows, wanted = self._array, _array(values)
        if values.__class__ in NUMBERS and rows.dtype.kind == "f":
            wanted = wanted.astype(rows.dtype)
        if sorter is not None:
            rows = np.take_along_axis(rows, _array(sorter), -1)
        if self.ndim != 1 and (self.ndim != wanted.ndim or rows.shape[:-1] != wanted.shape[:-1]) or not self.ndim:
            raise ValueError(
                "searchsorted: the sorted tensor is a vector, or has all but the last dimension in common with "
                f"the values; got shapes {self.shape} and {wanted.shape}"
            )
        to: Any = "right" if right or side == "right" else "left"
        if self.ndim == 1:
            found = np.asarray(np.searchsorted(rows, wanted, to))
        else:
            found = np.empty(wanted.shape, np.int64)
            for i in np.ndindex(rows.shape[:-1]):
                found[i] = np.searchsorted(rows[i], wanted[i], to)
        return self._of(found.astype(np.int32) if out_int32 else found)

    def bucketize(self, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Out:
        """Return the bucket of each element between sorted boundaries: boundaries[i-1] < x <= boundaries[i].

        With `right`, boundaries[i-1] <= x < boundaries[i].
        """
        bounds = boundaries if isinstance(boundaries, Selection) else self._of(boundaries)
        if bounds.ndim != 1:
            raise ValueError(f"bucketize: the boundaries are a vector, got shape {bounds.shape}")
        return bounds.searchsorted(self, out_int32=out_int32, right=right)

    def isin(self, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Out:
        """Return True for each element that is in `test_elements`; one of the two may be a number."""
        t = self if isinstance(self, Base) else test_elements
        return t._of(np.isin(_array(self), _array(test_elements), assume_unique, invert))
