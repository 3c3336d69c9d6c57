"""Shape: the same elements in other places, or several tensors in one.

What shares memory in PyTorch shares it here: a write to a view is a write to what it shows, also for the gradients.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate

import numpy as np

from minigrad.primitives import layout as moves
from minigrad.tensors.base import Base, Dims, Out, Size, sizes
from minigrad.tensors.dtypes import NUMBERS, operand, result_type
from minigrad.tensors.methods.method_factories import Itself, P, in_place


def _numbers(args: tuple[Any, ...], named: dict[str, Any], name: str) -> tuple[int, ...]:
    """Integers given one by one, as one sequence, or by their keyword."""
    if args or set(named) != {name}:
        if named or not args:
            raise TypeError(f"give {name}, one by one or as one sequence, and no more; got {args} and {named}")
        return sizes(args)
    return sizes((named[name],))


def _turned(function: Callable[Concatenate[Any, P], Any]) -> Callable[Concatenate[Itself, P], Itself]:
    """A method that changes the tensor's own dimensions as the method `function`, which gives a view, would."""
    name = function.__name__

    @functools.wraps(function)
    def method(self: Itself, /, *args: P.args, **named: P.kwargs) -> Itself:
        return self._become_view(name, *args, **named)

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"`{name}`, of the tensor itself: the same memory in another shape; gives the tensor."
    return method


class Shapes(Base[Out]):
    """Moving elements about, and copying them."""

    # ---- other shapes ----------------------------------------------------------------------------------------------

    def reshape(self, *shape: Size, **named: Any) -> Out:
        """The same elements in another shape; one size may be -1, for what is left. Shares memory where it can.

        Raises:
            ValueError: when the numbers of elements differ.
        """
        return self.apply(moves.reshape, self, shape=self._new_shape(_numbers(shape, named, "shape")))

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

    def view(self, *size: Size, **named: Any) -> Out:
        """`reshape` without a copy: what is written to the result is written to this tensor.

        PyTorch lays the results of most operations out in the order of their dimensions, NumPy at times in another
        order. Such a result (never one of transpose, an index, expand …) is copied here where PyTorch would share it,
        and the copy is for reading only.

        Raises:
            ValueError: when the numbers of elements differ.
            RuntimeError: for a view, as that of a transposition, whose memory cannot be read in the new shape.
        """
        if len(size) == 1 and isinstance(size[0], type | np.dtype | str) or "dtype" in named:
            raise NotImplementedError("view: of the same bytes as another dtype is not supported; t.to(dtype) converts")
        out = self.reshape(_numbers(size, named, "size"))
        if out._base is None and out._array.size:  # a copy
            if self._base is not None:
                raise RuntimeError(
                    f"view: a tensor of shape {self.shape} cannot be seen in the shape {out.shape}, for it is itself "
                    "a view (as of a transposition) that reads its memory in another order; .reshape copies"
                )
            out._array.flags.writeable = False
        return out

    def view_as(self, other: Any) -> Out:
        """`view` in the shape of another tensor."""
        return self.view(other.shape)

    def reshape_as(self, other: Any) -> Out:
        """`reshape` to the shape of another tensor."""
        return self.reshape(other.shape)

    def as_strided(self, *_: Any, **__: Any) -> Out:
        """Not supported."""
        raise NotImplementedError("as_strided: there are no strides to choose; for windows use .unfold, else .reshape")

    def contiguous(self) -> Out:
        """The tensor itself, or a copy if its memory is not in the order of its dimensions."""
        t: Any = self
        return t if self._array.flags.c_contiguous else t.clone()

    def is_contiguous(self) -> bool:
        """Whether the memory is in the order of the dimensions, the last one fastest."""
        return self._array.flags.c_contiguous

    def numel(self) -> int:
        """The number of elements."""
        return self._array.size

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Out:
        """The dimensions from `start_dim` to `end_dim` as one; flatten(1) leaves the batch alone."""
        start, end = self._dim(start_dim), self._dim(end_dim)
        if not self.ndim:
            return self.reshape(1)
        if start > end:
            raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {self.shape}")
        middle = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], middle, *self.shape[end + 1 :])

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Out:
        """One dimension as several, of the given sizes; one may be -1.

        Raises:
            ValueError: when the sizes do not multiply up to that of `dim`.
        """
        d = self._dim(dim)
        if not self.ndim:
            raise IndexError("unflatten: a 0-d tensor has no dimension to take apart")
        n, known = self.shape[d], math.prod(s for s in sizes if s != -1)
        free = list(sizes).count(-1)
        if free > 1 or not sizes or (n % known if free and known else free or n != known):
            raise ValueError(f"unflatten: sizes {tuple(sizes)} do not multiply up to {n}, dim {dim} of {self.shape}")
        middle = [n // known if s == -1 else s for s in sizes]
        return self.reshape(*self.shape[:d], *middle, *self.shape[d + 1 :])

    def ravel(self) -> Out:
        """All elements in one dimension."""
        return self.reshape(math.prod(self.shape))

    def squeeze(self, dim: Dims = None, *, axis: Dims = None) -> Out:
        """Without its dimensions of size 1: all of them, or those of `dim` that are."""
        dims = self._dims(dim, axis)
        chosen = range(self.ndim) if dim is None and axis is None else (dims,) if isinstance(dims, int) else dims or ()
        return self.reshape(tuple([n for i, n in enumerate(self.shape) if n != 1 or i not in chosen]))

    def unsqueeze(self, dim: Any) -> Out:
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
        if len(set(places)) < len(places):
            raise ValueError(f"unsqueeze: dims {tuple(dim)} name one of the {new} twice")
        old = iter(self.shape)
        return self.reshape(*[1 if i in places else next(old) for i in range(new)])

    # ---- other orders of the dimensions ----------------------------------------------------------------------------

    def permute(self, *dims: Size, **named: Any) -> Out:
        """The dimensions in another order, all of them named."""
        given = _numbers(dims, named, "dims") if self.ndim or dims or named else ()
        order = self._dims(given, None) if self.ndim else given
        if not isinstance(order, tuple) or len(order) != self.ndim:
            raise ValueError(f"permute: name all {self.ndim} dimensions of shape {self.shape} once, got {given}")
        return self.apply(moves.permute, self, axes=order)

    def transpose(self, /, *dims: Size | None, **named: Any) -> Out:
        """Two dimensions, dim0 and dim1, exchanged (PyTorch); as in NumPy, all reversed or, if all are named,
        permuted."""
        if named:
            if set(named) != {"dim0", "dim1"} - {"dim0" if dims else ""} or len(dims) > 1:
                raise TypeError(f"transpose: give dim0 and dim1, got {dims} and {named}")
            dims = (dims[0] if dims else named["dim0"], named["dim1"])
        if len(dims) == 2 and all(isinstance(d, int | np.integer) for d in dims):
            order = list(range(self.ndim))
            a, b = (self._dim(d) for d in dims)
            if self.ndim:
                order[a], order[b] = order[b], order[a]
            return self.permute(*order)
        axes: Any = dims
        if not dims or dims == (None,):
            axes = reversed(range(self.ndim))
        return self.permute(*axes)

    def swapaxes(self, axis0: int, axis1: int) -> Out:
        """Two dimensions exchanged."""
        return self.transpose(axis0, axis1)

    def swapdims(self, dim0: int, dim1: int) -> Out:
        """Two dimensions exchanged."""
        return self.transpose(dim0, dim1)

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Out:
        """The dimensions of `source` moved to the places of `destination`; the others keep their order."""
        here, there = ([self._dim(d) for d in (s if isinstance(s, Sequence) else [s])] for s in (source, destination))
        if len(here) != len(there) or len(set(here)) < len(here) or len(set(there)) < len(there):
            raise ValueError(f"movedim: each of {source} goes to one of {destination}, and none twice")
        if not self.ndim:
            return self.permute()
        order = [d for d in range(self.ndim) if d not in here]
        for to, d in sorted(zip(there, here)):
            order.insert(to, d)
        return self.permute(*order)

    def moveaxis(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Out:
        """`movedim` under NumPy's name."""
        return self.movedim(source, destination)

    def t(self) -> Out:
        """The transpose of a matrix; a vector or a number as it is."""
        if self.ndim > 2:
            raise ValueError(f"t: the transpose is that of a matrix, got shape {self.shape}; for more: .mT, .transpose")
        return self.transpose()

    @property
    def T(self) -> Out:
        """All dimensions reversed."""
        return self.transpose()

    @property
    def mT(self) -> Out:
        """The last two dimensions exchanged."""
        if self.ndim < 2:
            raise ValueError(f"mT: needs at least two dimensions, got shape {self.shape}")
        return self.transpose(-2, -1)

    squeeze_, unsqueeze_ = _turned(squeeze), _turned(unsqueeze)
    transpose_, t_, swapaxes_, swapdims_ = _turned(transpose), _turned(t), _turned(swapaxes), _turned(swapdims)

    # ---- other orders of the elements ------------------------------------------------------------------------------

    def flip(self, *dims: Size, **named: Any) -> Out:
        """The order of the elements reversed along these dimensions; a copy, as in PyTorch. A view: t[::-1]."""
        given = _numbers(dims, named, "dims")
        return self.apply(moves.flip, self, axes=self._dims(given, None) or ())

    def fliplr(self) -> Out:
        """The columns reversed."""
        if self.ndim < 2:
            raise ValueError(f"fliplr: needs at least two dimensions, got shape {self.shape}")
        return self.flip(1)

    def flipud(self) -> Out:
        """The rows reversed."""
        if not self.ndim:
            raise ValueError("flipud: needs at least one dimension, got shape ()")
        return self.flip(0)

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Out:
        """Turned k times by 90 degrees, from the first of the two dimensions towards the second."""
        plane = [self._dim(d) for d in dims]
        if self.ndim < 2 or len(set(plane)) != 2 or len(plane) != 2:
            raise ValueError(f"rot90: turns in a plane of two different dimensions, got {dims} of shape {self.shape}")
        a, b = plane
        if k % 2 == 0:
            return self.flip(plane) if k % 4 else self.clone()
        return self.flip(b if k % 4 == 1 else a).transpose(a, b)

    def roll(self, shifts: int | Sequence[int], dims: Any = None) -> Out:
        """The elements moved on by `shifts` along `dims`, the last ones coming in again at the front. Without
        `dims`, as if in one dimension."""
        by = sizes((shifts,))
        if dims is None and len(by) == 1:
            return self.apply(moves.roll, self, shifts=by, axes=None)
        along = () if dims is None else sizes((dims,))
        if len(by) != len(along):
            raise ValueError(f"roll: {len(by)} shifts, {shifts}, along {len(along)} dims, {dims}: give one for each")
        if not self.ndim:
            raise IndexError("roll: a 0-d tensor has no dimension to roll along")
        return self.apply(moves.roll, self, shifts=by, axes=tuple([self._dim(d) for d in along]))

    # ---- more of the same ------------------------------------------------------------------------------------------

    def expand(self, *size: Size, **named: Any) -> Out:
        """Dimensions of size 1 repeated to the given sizes, without copying; -1 leaves a size as it is."""
        wanted = _numbers(size, named, "size") if size or named else ()
        new = len(wanted) - self.ndim
        target = tuple([self.shape[i - new] if n == -1 and i >= new else n for i, n in enumerate(wanted)])
        if new < 0 or any(m not in (1, n) for m, n in zip(self.shape, target[new:])) or min(target, default=0) < 0:
            raise ValueError(f"expand: shape {self.shape} cannot become {wanted}: only sizes of 1 can be repeated")
        return self.apply(moves.expand, self, shape=target)

    def expand_as(self, other: Any) -> Out:
        """`expand` to the shape of another tensor."""
        return self.expand(other.shape)

    def broadcast_to(self, shape: Sequence[int]) -> Out:
        """`expand` under NumPy's name."""
        return self.expand(shape)

    def repeat(self, *repeats: Size, **named: Any) -> Out:
        """The whole tensor so many times along each dimension, the last of them the last; NumPy's tile. A copy."""
        times = _numbers(repeats, named, "repeats") if repeats or named else ()
        if len(times) < self.ndim or min(times, default=0) < 0:
            raise ValueError(
                f"repeat: say for each of the {self.ndim} dimensions of shape {self.shape} (or more) how many times, "
                f"0 or more; got {times}"
            )
        old = (1,) * (len(times) - self.ndim) + self.shape
        apart = self.reshape(tuple([m for n in old for m in (1, n)]))
        copies = apart.expand(tuple([m for r, n in zip(times, old) for m in (r, n)])).clone()
        return copies.reshape(tuple([r * n for r, n in zip(times, old)]))

    def tile(self, *dims: Size, **named: Any) -> Out:
        """As `repeat`; of dimensions for which nothing is said, the first ones, there is one."""
        times = _numbers(dims, named, "dims") if dims or named else ()
        return self.repeat((1,) * (self.ndim - len(times)) + times)

    def repeat_interleave(self, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Out:
        """Each element (along `dim`; else of all, in one dimension) so many times; NumPy's repeat.

        Args:
            repeats: how many times: a number, or a tensor or list of one for each.
            output_size: the size that results, which PyTorch likes to know beforehand; checked.
        """
        t: Any
        if dim is None or not self.ndim:
            t, d = self.reshape(math.prod(self.shape)), 0 if dim is None else self._dim(dim)
        else:
            t, d = self, self._dim(dim)
        n = t.shape[d]
        counts = np.asarray(getattr(repeats, "_array", repeats))
        if counts.dtype.kind not in "iu" or counts.ndim > 1 or counts.size not in (1, n) or counts.min(initial=0) < 0:
            raise ValueError(
                f"repeat_interleave: repeats is one number from 0 on, or one for each of {n}; got {repeats!r}"
            )
        if counts.size == 1:
            one = t.unsqueeze(d + 1)
            times = int(counts.reshape(()))
            out = one.expand(*one.shape[: d + 1], times, *one.shape[d + 2 :]).clone().flatten(d, d + 1)
        else:
            out = t[(slice(None),) * d + (np.repeat(np.arange(n), counts),)]
        if output_size is not None and output_size != out.shape[d]:
            raise ValueError(f"repeat_interleave: output_size is {output_size}, but the size is {out.shape[d]}")
        return out

    # ---- parts -----------------------------------------------------------------------------------------------------

    def narrow(self, dim: int, start: Any, length: int) -> Out:
        """`length` elements along `dim`, from `start` on; a view."""
        d = self._dim_of("narrow", dim)
        first, n = int(start), self.shape[d]
        first += n if first < 0 else 0
        if not (0 <= first <= n and 0 <= length <= n - first):
            raise IndexError(f"narrow: {length} elements from {start} on do not lie in dim {dim} of shape {self.shape}")
        return self._cut(d, first, first + length)

    def select(self, dim: int, index: int) -> Out:
        """The elements at one index of `dim`, without that dimension; a view."""
        d = self._dim_of("select", dim)
        if not -self.shape[d] <= index < self.shape[d]:
            raise IndexError(f"select: index {index} is out of range for dim {dim} of shape {self.shape}")
        return self[(slice(None),) * d + (int(index),)]

    def unbind(self, dim: int = 0) -> tuple[Out, ...]:
        """The tensors that lie along `dim`, one by one; views."""
        return tuple([self.select(dim, i) for i in range(self.shape[self._dim_of("unbind", dim)])])

    def split(self, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None) -> tuple[Out, ...]:
        """Pieces along `dim`, of one size (the last one may be smaller), or of the given sizes; views.

        PyTorch has both names for the first argument, of the function and of the method.
        """
        d = self._dim_of("split", dim)
        n, size = self.shape[d], split_size_or_sections if split_size is None else split_size
        if isinstance(size, int | np.integer):
            if size < 0 or not size and n:
                raise ValueError(f"split: the size of a piece is 1 or more, got {size}")
            lengths = [min(int(size), n - i) for i in range(0, n, size)] if n else [0]
        else:
            lengths = list(sizes((size,)))
            if sum(lengths) != n or min(lengths, default=0) < 0:
                raise ValueError(f"split: sizes {lengths} do not add up to {n}, dim {dim} of shape {self.shape}")
        ends = np.cumsum(lengths).tolist()
        return tuple([self._cut(d, end - length, end) for length, end in zip(lengths, ends)])

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Out, ...]:
        """At most so many pieces of equal size along `dim` (the last one may be smaller); views."""
        if chunks < 1:
            raise ValueError(f"chunk: into 1 piece or more, got {chunks}")
        n = self.shape[self._dim_of("chunk", dim)]
        return self.split(-(-n // chunks) if n else [0] * chunks, dim)

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Out, ...]:
        """Exactly so many pieces along `dim`, of sizes that differ by at most 1; or cut at these places. Views."""
        d = self._dim_of("tensor_split", dim)
        n, where = self.shape[d], getattr(indices_or_sections, "_array", indices_or_sections)
        if np.ndim(where) == 0:
            count = int(where)
            if count < 1:
                raise ValueError(f"tensor_split: into 1 piece or more, got {count}")
            cuts = [i * (n // count) + min(i, n % count) for i in range(1, count)]
        else:
            cuts = [int(i) for i in where]
        return tuple([self._cut(d, a, b) for a, b in zip([0, *cuts], [*cuts, n])])

    def _dim_of(self, name: str, dim: Any) -> int:
        """A dimension to take apart."""
        d = self._dim(dim)
        if not self.ndim:
            raise IndexError(f"{name}: a 0-d tensor is a single number, which has no parts")
        return d

    def _cut(self, d: int, start: int, end: int) -> Out:
        return self[(slice(None),) * d + (slice(start, end),)]

    def unfold(self, dimension: int, size: int, step: int) -> Out:
        """All windows of `size` neighbours along a dimension, `step` apart; the elements of a window are in a new
        last dimension. A view; where the windows overlap, for reading only."""
        d = self._dim(dimension)
        t = self if self.ndim else self.reshape(1)
        if not 0 <= size <= t.shape[d] or step < 1:
            raise ValueError(
                f"unfold: windows of {size}, {step} apart, in dimension {dimension} of shape {self.shape}: "
                f"the size is 0 to {t.shape[d]}, the step 1 or more"
            )
        out = t.apply(moves.windows, t, axis=d, size=size, step=step)
        return out if self.ndim else out.reshape(size)

    # ---- diagonals -------------------------------------------------------------------------------------------------

    def diagonal(self, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Out:
        """The elements with equal indices in two dimensions, as a last dimension; `offset` above. A view."""
        axes = self._dim(dim1), self._dim(dim2)
        if self.ndim < 2 or axes[0] == axes[1]:
            raise ValueError(f"diagonal: is one of two different dimensions, got {dim1}, {dim2} of shape {self.shape}")
        return self.apply(moves.diagonal, self, offset=offset, axes=axes)

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Out:
        """The last dimension as the diagonal of matrices that are 0 elsewhere; see `diagonal`."""
        ndim = self.ndim + 1
        if not self.ndim or any(not -ndim <= d < ndim for d in (dim1, dim2)) or dim1 % ndim == dim2 % ndim:
            raise ValueError(
                f"diag_embed: dims {dim1} and {dim2} of the result are to be different, from {-ndim} to {ndim - 1}, "
                f"and this tensor to have a dimension; it has shape {self.shape}"
            )
        axes = dim1 % ndim, dim2 % ndim
        shape = list(self.shape[:-1])
        for axis in sorted(axes):
            shape.insert(axis, self.shape[-1] + abs(offset))
        return self.apply(moves.on_diagonal, self, shape=tuple(shape), offset=offset, axes=axes)

    def diag(self, diagonal: int = 0) -> Out:
        """A vector as the diagonal of a matrix, or a matrix's diagonal as a vector (a copy)."""
        if self.ndim not in (1, 2):
            raise ValueError(f"diag: takes a vector or a matrix, got shape {self.shape}; see diagonal, diag_embed")
        return self.diag_embed(diagonal) if self.ndim == 1 else self.diagonal(diagonal).clone()

    def diagflat(self, offset: int = 0) -> Out:
        """All elements as the diagonal of a matrix."""
        flat: Any = self.ravel()
        return flat.diag(offset)

    def tril(self, diagonal: int = 0) -> Out:
        """The lower triangle of matrices: 0 above the diagonal, or above the one that lies `diagonal` higher."""
        return self._triangle("tril", diagonal)

    def triu(self, diagonal: int = 0) -> Out:
        """The upper triangle of matrices: 0 below the diagonal, or below the one that lies `diagonal` higher."""
        return self._triangle("triu", diagonal)

    def _triangle(self, name: str, diagonal: int) -> Out:
        if self.ndim < 2:
            raise ValueError(f"{name}: needs at least two dimensions, got shape {self.shape}")
        lower = np.tri(self.shape[-2], self.shape[-1], diagonal - (name == "triu"), bool)
        return self._choose(lower if name == "tril" else ~lower, self, np.zeros((), self.dtype))

    tril_, triu_ = in_place(tril), in_place(triu)

    # ---- several tensors, and copies -------------------------------------------------------------------------------

    def _joined(self, how: str, tensors: Sequence[Any], dim: int) -> Out:
        """`cat` and `stack`: of tensors and arrays, in their common dtype."""
        for t in tensors:
            if operand(t) is None or t.__class__ in NUMBERS:
                raise TypeError(f"{how}: takes tensors and arrays, got {type(t).__name__} {t!r}")
        if not isinstance(dim, int):
            raise TypeError(f"{how}: the dimension is an integer, got {dim!r}")
        dtype = result_type(*tensors)
        if how == "cat" and any(t.ndim != 1 for t in tensors):  # tensor([]), with which many loops begin, fits all
            tensors = [t for t in tensors if t.shape != (0,)]
        shapes = [tuple(t.shape) for t in tensors]
        first = shapes[0]
        ndim = len(first) + (how == "stack")
        if not ndim:
            raise ValueError("cat: 0-d tensors have no dimension along which to join them; use stack")
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
        tensors = [t if t.dtype == dtype else t.astype(dtype) for t in tensors]
        return self.apply(getattr(moves, how), *tensors, axis=dim)

    def clone(self) -> Out:
        """A copy with memory of its own, through which gradients pass."""
        return self.apply(moves.clone, self)

    copy = clone
