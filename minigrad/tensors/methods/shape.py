"""Shape methods: reshape, permute, repeat, split and join tensors.

Results that share memory in PyTorch share it here: a write to a view is a write to its base, also for the gradients.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Self

import numpy as np

from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name
from minigrad.primitives import layout as moves
from minigrad.tensors.base import Base, Dims, Out, Size, plain_int, sizes, sizes_of
from minigrad.tensors.devices import check_options
from minigrad.tensors.dtypes import NUMBERS, operand, result_type
from minigrad.tensors.methods.method_factories import Itself, P, in_place


def _numbers(args: tuple[Any, ...], named: dict[str, Any], name: str) -> tuple[int, ...]:
    """Return the integers that were given as separate arguments, as one sequence, or by their keyword."""
    if args or set(named) != {name}:
        if named or not args:
            raise TypeError(f"pass only {name}, as separate arguments or one sequence; got {args} and {named}")
        return sizes(args)
    return sizes((named[name],))


def _in_place_view(function: Callable[Concatenate[Any, P], Any]) -> Callable[Concatenate[Itself, P], Itself]:
    """Make the in-place variant of a method that returns a view: the tensor itself becomes that view."""
    name = function.__name__

    @functools.wraps(function)
    def method(self: Itself, /, *args: P.args, **named: P.kwargs) -> Itself:
        return self._become_view(name, *args, **named)

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"Apply `{name}` in place: change the dimensions of this tensor, and return it."
    return method


class Shapes(Base[Out]):
    """Methods that rearrange or copy elements, without computing with them."""

    # ---- other shapes ----------------------------------------------------------------------------------------------

    def reshape(self, *shape: Size, **named: Any) -> Out:
        """Return the same elements in another shape, in the same order. Shares memory where possible.

        Args:
            shape: the sizes, as separate arguments or one sequence; one may be -1, and is computed from the others.
            named: the sizes as the keyword `shape`.

        Raises:
            ValueError: if the shape does not have the same number of elements.

        >>> from minigrad import arange
        >>> arange(6).reshape(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
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
        """Return the same elements in another shape without a copy: a write to the result writes to this tensor.

        PyTorch stores the results of most operations in the order of their dimensions, NumPy sometimes in another
        order. Such a result (never one of transpose, an index, expand …) is copied where PyTorch would share it, and
        the copy is read-only.

        Raises:
            ValueError: if the shape does not have the same number of elements.
            RuntimeError: for a view, such as a transpose, whose memory cannot be read in the new shape: use `reshape`.

        >>> from minigrad import arange
        >>> arange(6).view(3, 2)
        tensor([[0, 1],
                [2, 3],
                [4, 5]])
        """
        if len(size) == 1 and isinstance(size[0], type | np.dtype | str) or "dtype" in named:
            raise NotImplementedError("view: of the same bytes as another dtype is not supported; t.to(dtype) converts")
        out = self.reshape(_numbers(size, named, "size"))
        if out._base is None and out._array.size:  # a copy
            if self._base is not None:
                raise RuntimeError(
                    f"view: a tensor of shape {self.shape} cannot be viewed in shape {out.shape}, because it is itself "
                    "a view (such as a transpose) that reads its memory in another order; use .reshape, which copies"
                )
            out._array.flags.writeable = False
        return out

    def view_as(self, other: Any) -> Out:
        """Return a `view` in the shape of another tensor."""
        return self.view(other.shape)

    def reshape_as(self, other: Any) -> Out:
        """Return a `reshape` to the shape of another tensor."""
        return self.reshape(other.shape)

    def as_strided(self, *_: Any, **__: Any) -> Out:
        """Raise: not supported."""
        raise NotImplementedError("as_strided: not supported; for windows use .unfold, otherwise .reshape")

    def contiguous(self, **options: Any) -> Out:
        """Return the tensor itself, or a copy if its memory is not in the order of its dimensions.

        >>> from minigrad import zeros
        >>> zeros(2, 3).T.contiguous().is_contiguous()
        True
        """
        check_options("contiguous", options)
        t: Any = self
        return t if self._array.flags.c_contiguous else t.clone()

    def is_contiguous(self) -> bool:
        """Return True if the memory is in the order of the dimensions, the last one fastest."""
        return self._array.flags.c_contiguous

    def numel(self) -> int:
        """Return the number of elements.

        >>> from minigrad import zeros
        >>> zeros(2, 3).numel()
        6
        """
        return self._array.size

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Out:
        """Flatten the dimensions from `start_dim` to `end_dim` into one; flatten(1) keeps the batch dimension.

        If that is one dimension already, return the tensor itself.

        >>> from minigrad import zeros
        >>> zeros(8, 3, 4, 4).flatten(1).shape
        (8, 48)
        """
        start, end = self._dim(start_dim), self._dim(end_dim)
        if not self.ndim:
            return self.reshape(1)
        if start > end:
            raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in shape {self.shape}")
        if start == end:
            return self  # type: ignore[return-value]
        middle = math.prod(self.shape[start : end + 1])
        return self.reshape(*self.shape[:start], middle, *self.shape[end + 1 :])

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Out:
        """Split one dimension into several of the given sizes; one may be -1.

        Raises:
            ValueError: if the product of the sizes is not the size of `dim`.

        >>> from minigrad import zeros
        >>> zeros(2, 6).unflatten(1, (2, 3)).shape
        (2, 2, 3)
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
        """Return all elements in one dimension; shares memory where possible."""
        return self.reshape(math.prod(self.shape))

    def squeeze(self, dim: Dims = None, *, axis: Dims = None) -> Out:
        """Remove the dimensions of size 1: all of them, or those among `dim`.

        >>> from minigrad import zeros
        >>> zeros(1, 3, 1).squeeze().shape, zeros(1, 3, 1).squeeze(0).shape
        ((3,), (3, 1))
        """
        dims = self._dims(dim, axis)
        chosen = range(self.ndim) if dim is None and axis is None else (dims,) if isinstance(dims, int) else dims or ()
        return self.reshape(tuple([n for i, n in enumerate(self.shape) if n != 1 or i not in chosen]))

    def unsqueeze(self, dim: Any) -> Out:
        """Insert a dimension of size 1 at position `dim` of the result.

        >>> from minigrad import zeros
        >>> zeros(3).unsqueeze(0).shape, zeros(3).unsqueeze(-1).shape
        ((1, 3), (3, 1))
        """
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
        """Return the dimensions in the order `dims`, which must name each once. A view.

        >>> from minigrad import zeros
        >>> zeros(8, 28, 28, 3).permute(0, 3, 1, 2).shape
        (8, 3, 28, 28)
        """
        given = _numbers(dims, named, "dims") if self.ndim or dims or named else ()
        order = self._dims(given, None) if self.ndim else given
        if not isinstance(order, tuple) or len(order) != self.ndim:
            raise ValueError(f"permute: name all {self.ndim} dimensions of shape {self.shape} once, got {given}")
        return self.apply(moves.permute, self, axes=order)

    def transpose(self, /, *dims: Size | None, **named: Any) -> Out:
        """Exchange two dimensions, dim0 and dim1. A view.

        As in NumPy, transpose() reverses all dimensions, and transpose(axes) permutes them.

        >>> from minigrad import zeros
        >>> zeros(2, 3, 4).transpose(1, 2).shape
        (2, 4, 3)
        """
        if named:
            if set(named) != {"dim0", "dim1"} - {"dim0" if dims else ""} or len(dims) > 1:
                raise TypeError(f"transpose: give dim0 and dim1, got {dims} and {named}")
            dims = (dims[0] if dims else named["dim0"], named["dim1"])
        dims = tuple([plain_int(d) for d in dims])
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
        """Exchange two dimensions: `transpose` under NumPy's name."""
        return self.transpose(axis0, axis1)

    def swapdims(self, dim0: int, dim1: int) -> Out:
        """Exchange two dimensions, as `transpose`."""
        return self.transpose(dim0, dim1)

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Out:
        """Move the dimensions `source` to the positions `destination`; the others keep their order. A view.

        >>> from minigrad import zeros
        >>> zeros(8, 28, 28, 3).movedim(-1, 1).shape
        (8, 3, 28, 28)
        """
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
        """Move dimensions: `movedim` under NumPy's name."""
        return self.movedim(source, destination)

    def t(self) -> Out:
        """Return the transpose of a matrix; a vector or a number unchanged. A view.

        >>> from minigrad import tensor
        >>> tensor([[1, 2], [3, 4]]).t()
        tensor([[1, 3],
                [2, 4]])
        """
        if self.ndim > 2:
            raise ValueError(f"t: the transpose is that of a matrix, got shape {self.shape}; for more: .mT, .transpose")
        return self.transpose()

    @property
    def T(self) -> Out:
        """The tensor with its dimensions reversed: the transpose of a matrix. A view.

        >>> from minigrad import zeros
        >>> zeros(2, 3).T.shape
        (3, 2)
        """
        return self.transpose()

    @property
    def mT(self) -> Out:
        """The tensor with its last two dimensions exchanged: the transpose of each matrix of a batch. A view.

        >>> from minigrad import zeros
        >>> zeros(8, 2, 3).mT.shape
        (8, 3, 2)
        """
        if self.ndim < 2:
            raise ValueError(f"mT: needs at least two dimensions, got shape {self.shape}")
        return self.transpose(-2, -1)

    squeeze_, unsqueeze_ = _in_place_view(squeeze), _in_place_view(unsqueeze)
    transpose_, t_ = _in_place_view(transpose), _in_place_view(t)
    swapaxes_, swapdims_ = _in_place_view(swapaxes), _in_place_view(swapdims)

    # ---- other orders of the elements ------------------------------------------------------------------------------

    def flip(self, *dims: Size, **named: Any) -> Out:
        """Reverse the order of the elements along these dimensions; a copy, as in PyTorch. (t[::-1] is a view.)

        >>> from minigrad import tensor
        >>> tensor([[1, 2], [3, 4]]).flip(0)
        tensor([[3, 4],
                [1, 2]])
        """
        given = _numbers(dims, named, "dims")
        return self.apply(moves.flip, self, axes=self._dims(given, None) or ())

    def fliplr(self) -> Out:
        """Reverse the order of the columns, dimension 1."""
        if self.ndim < 2:
            raise ValueError(f"fliplr: needs at least two dimensions, got shape {self.shape}")
        return self.flip(1)

    def flipud(self) -> Out:
        """Reverse the order of the rows, dimension 0."""
        if not self.ndim:
            raise ValueError("flipud: needs at least one dimension, got shape ()")
        return self.flip(0)

    def rot90(self, k: int = 1, dims: Sequence[int] = (0, 1)) -> Out:
        """Rotate k times by 90 degrees, from the first of the two dimensions towards the second."""
        plane = [self._dim(d) for d in dims]
        if self.ndim < 2 or len(set(plane)) != 2 or len(plane) != 2:
            raise ValueError(f"rot90: turns in a plane of two different dimensions, got {dims} of shape {self.shape}")
        a, b = plane
        if k % 2 == 0:
            return self.flip(plane) if k % 4 else self.clone()
        return self.flip(b if k % 4 == 1 else a).transpose(a, b)

    def roll(self, shifts: int | Sequence[int], dims: Any = None) -> Out:
        """Shift the elements by `shifts` along `dims`; the last ones reenter at the front.

        Without `dims`, the flattened tensor is shifted.

        >>> from minigrad import tensor
        >>> tensor([1, 2, 3, 4]).roll(1)
        tensor([4, 1, 2, 3])
        """
        by = sizes((shifts,))
        if dims is None and len(by) == 1:
            return self.apply(moves.roll, self, shifts=by, axes=None)
        along = () if dims is None else sizes((dims,))
        if len(by) != len(along):
            raise ValueError(f"roll: {len(by)} shifts, {shifts}, along {len(along)} dims, {dims}: give one for each")
        if not self.ndim:
            raise IndexError("roll: a 0-d tensor has no dimension to roll along")
        return self.apply(moves.roll, self, shifts=by, axes=tuple([self._dim(d) for d in along]))

    # ---- repetition ------------------------------------------------------------------------------------------------

    def expand(self, *size: Size, **named: Any) -> Out:
        """Repeat dimensions of size 1 to the given sizes without a copy; -1 keeps a size. The gradient is the sum.

        >>> from minigrad import tensor
        >>> tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
        """
        wanted = _numbers(size, named, "size") if size or named else ()
        new = len(wanted) - self.ndim
        target = tuple([self.shape[i - new] if n == -1 and i >= new else n for i, n in enumerate(wanted)])
        if new < 0 or any(m not in (1, n) for m, n in zip(self.shape, target[new:])) or min(target, default=0) < 0:
            raise ValueError(f"expand: shape {self.shape} cannot become {wanted}: only sizes of 1 can be repeated")
        # where nothing is repeated, the view can be written to
        return self.reshape(target) if target == self.shape else self.apply(moves.expand, self, shape=target)

    def expand_as(self, other: Any) -> Out:
        """Repeat dimensions of size 1 to the shape of another tensor; see `expand`."""
        return self.expand(other.shape)

    def broadcast_to(self, shape: Sequence[int]) -> Out:
        """Repeat dimensions of size 1: `expand` under NumPy's name."""
        return self.expand(shape)

    def repeat(self, *repeats: Size, **named: Any) -> Out:
        """Repeat the whole tensor along each dimension; NumPy's tile. A copy.

        Args:
            repeats: how often along each dimension, counted from the last; more than the tensor has add dimensions.
            named: the repeats as the keyword `repeats`.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
        """
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
        """Repeat the whole tensor as `repeat` does; leading dimensions without a number are not repeated."""
        times = _numbers(dims, named, "dims") if dims or named else ()
        return self.repeat((1,) * (self.ndim - len(times)) + times)

    def repeat_interleave(self, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Out:
        """Repeat each element along `dim`, or each element of the flattened tensor; NumPy's repeat.

        Args:
            repeats: a number, or a tensor or list with one for each element.
            dim: the dimension; by default the tensor is flattened.
            output_size: the expected size of the result; checked.

        >>> from minigrad import tensor
        >>> tensor([1, 2]).repeat_interleave(2)
        tensor([1, 1, 2, 2])
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

    # ---- slices ----------------------------------------------------------------------------------------------------

    def narrow(self, dim: int, start: Any, length: int) -> Out:
        """Return `length` elements along `dim`, starting at `start`; a view.

        >>> from minigrad import tensor
        >>> tensor([1, 2, 3, 4]).narrow(0, 1, 2)
        tensor([2, 3])
        """
        d = self._dim_of("narrow", dim)
        first, n = int(start), self.shape[d]
        first += n if first < 0 else 0
        if not (0 <= first <= n and 0 <= length <= n - first):
            raise IndexError(f"narrow: {length} elements from {start} on do not lie in dim {dim} of shape {self.shape}")
        return self._cut(d, first, first + length)

    def select(self, dim: int, index: int) -> Out:
        """Return the elements at one index of `dim`, without that dimension; a view."""
        d = self._dim_of("select", dim)
        if not -self.shape[d] <= index < self.shape[d]:
            raise IndexError(f"select: index {index} is out of range for dim {dim} of shape {self.shape}")
        return self[(slice(None),) * d + (int(index),)]

    def unbind(self, dim: int = 0) -> tuple[Out, ...]:
        """Return a tuple of the slices along `dim`, without that dimension; views."""
        return tuple([self.select(dim, i) for i in range(self.shape[self._dim_of("unbind", dim)])])

    def split(self, split_size_or_sections: Any = None, dim: int = 0, *, split_size: Any = None) -> tuple[Out, ...]:
        """Split the tensor along `dim` into a tuple of views.

        Args:
            split_size_or_sections: the size of each piece (the last may be smaller), or a list of sizes.
            dim: the dimension.
            split_size: the name of the first argument in PyTorch's method.

        >>> from minigrad import arange
        >>> arange(5).split(2)
        (tensor([0, 1]), tensor([2, 3]), tensor([4]))
        """
        d = self._dim_of("split", dim)
        n, size = self.shape[d], plain_int(split_size_or_sections if split_size is None else split_size)
        if isinstance(size, int | np.integer):
            if size < 0 or not size and n:
                raise ValueError(f"split: the size of a piece must be at least 1, got {size}")
            lengths = [min(int(size), n - i) for i in range(0, n, size)] if n else [0]
        else:
            lengths = list(sizes((size,)))
            if sum(lengths) != n or min(lengths, default=0) < 0:
                raise ValueError(f"split: sizes {lengths} do not add up to {n}, dim {dim} of shape {self.shape}")
        ends = np.cumsum(lengths).tolist()
        return tuple([self._cut(d, end - length, end) for length, end in zip(lengths, ends)])

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Out, ...]:
        """Split the tensor along `dim` into at most `chunks` views of equal size (the last may be smaller).

        >>> from minigrad import arange
        >>> arange(6).chunk(3)
        (tensor([0, 1]), tensor([2, 3]), tensor([4, 5]))
        """
        if chunks < 1:
            raise ValueError(f"chunk: chunks must be at least 1, got {chunks}")
        n = self.shape[self._dim_of("chunk", dim)]
        return self.split(-(-n // chunks) if n else [0] * chunks, dim)

    def tensor_split(self, indices_or_sections: Any, dim: int = 0) -> tuple[Out, ...]:
        """Split the tensor along `dim` into n views whose sizes differ by at most 1, or at the given indices."""
        d = self._dim_of("tensor_split", dim)
        n, where = self.shape[d], getattr(indices_or_sections, "_array", indices_or_sections)
        if np.ndim(where) == 0:
            count = int(where)
            if count < 1:
                raise ValueError(f"tensor_split: the number of pieces must be at least 1, got {count}")
            cuts = [i * (n // count) + min(i, n % count) for i in range(1, count)]
        else:
            cuts = [int(i) for i in where]
        return tuple([self._cut(d, a, b) for a, b in zip([0, *cuts], [*cuts, n])])

    def resize_(self, *size: Any) -> Self:
        """Change the shape and keep the elements in their order; elements that are new are 0.

        Deprecated: `reshape` keeps all elements, and raises if they do not fit.

        Raises:
            RuntimeError: if the tensor requires a gradient.
        """
        warn_deprecated("resize_", "reshape, or a new tensor")
        if self.requires_grad:
            raise RuntimeError("resize_: a tensor that requires a gradient keeps its shape; use reshape")
        shape = sizes_of("resize_", size, {})
        flat = np.zeros(math.prod(shape), self.dtype)
        kept = self._array.ravel()[: flat.size]
        flat[: kept.size] = kept
        t: Any = self
        t.data = self._of(flat.reshape(shape))
        return self

    def hsplit(self, indices_or_sections: Any) -> tuple[Out, ...]:
        """Split along dimension 1, a vector along its only one, into equal parts or at the given indices."""
        return self._sections("hsplit", indices_or_sections, min(1, self.ndim - 1), 1)

    def vsplit(self, indices_or_sections: Any) -> tuple[Out, ...]:
        """Split along dimension 0 into equal parts or at the given indices."""
        return self._sections("vsplit", indices_or_sections, 0, 2)

    def dsplit(self, indices_or_sections: Any) -> tuple[Out, ...]:
        """Split along dimension 2 into equal parts or at the given indices."""
        return self._sections("dsplit", indices_or_sections, 2, 3)

    def _sections(self, name: str, where: Any, d: int, least: int) -> tuple[Out, ...]:
        where = plain_int(where)
        if self.ndim < least:
            raise ValueError(f"{name}: the tensor must have {least} or more dimensions, got shape {self.shape}")
        if isinstance(where, int) and where > 0 and self.shape[d] % where:
            raise ValueError(
                f"{name}: dimension {d} of shape {self.shape} cannot be split into {where} equal parts; "
                "tensor_split makes unequal ones"
            )
        return self.tensor_split(where, d)

    def _dim_of(self, name: str, dim: Any) -> int:
        """Return a dimension to split, checked; raise for a 0-d tensor."""
        d = self._dim(dim)
        if not self.ndim:
            raise IndexError(f"{name}: a 0-d tensor is a single number, which has no parts")
        return d

    def _cut(self, d: int, start: int, end: int) -> Out:
        return self[(slice(None),) * d + (slice(start, end),)]

    def unfold(self, dimension: int, size: int, step: int) -> Out:
        """Return all windows of `size` elements along a dimension, `step` apart, in a new last dimension.

        A view; read-only if the windows overlap.

        >>> from minigrad import arange
        >>> arange(5).unfold(0, 3, 1)
        tensor([[0, 1, 2],
                [1, 2, 3],
                [2, 3, 4]])
        """
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
        """Return the diagonal of two dimensions as the last dimension; `offset` counts upwards. A view.

        >>> from minigrad import tensor
        >>> tensor([[1, 2], [3, 4]]).diagonal()
        tensor([1, 4])
        """
        axes = self._dim(dim1), self._dim(dim2)
        if self.ndim < 2 or axes[0] == axes[1]:
            raise ValueError(f"diagonal: takes two different dimensions, got {dim1}, {dim2} of shape {self.shape}")
        return self.apply(moves.diagonal, self, offset=offset, axes=axes)

    def diag_embed(self, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Out:
        """Return matrices with the last dimension as their diagonal, and 0 elsewhere; see `diagonal`."""
        ndim = self.ndim + 1
        if not self.ndim or any(not -ndim <= d < ndim for d in (dim1, dim2)) or dim1 % ndim == dim2 % ndim:
            raise ValueError(
                f"diag_embed: dims {dim1} and {dim2} of the result must differ and lie between {-ndim} and {ndim - 1}, "
                f"and this tensor must have a dimension; it has shape {self.shape}"
            )
        axes = dim1 % ndim, dim2 % ndim
        shape = list(self.shape[:-1])
        for axis in sorted(axes):
            shape.insert(axis, self.shape[-1] + abs(offset))
        return self.apply(moves.on_diagonal, self, shape=tuple(shape), offset=offset, axes=axes)

    def diag(self, diagonal: int = 0) -> Out:
        """Return a matrix with this vector as its diagonal, or the diagonal of this matrix as a vector (a copy).

        >>> from minigrad import tensor
        >>> tensor([1, 2]).diag()
        tensor([[1, 0],
                [0, 2]])
        """
        if self.ndim not in (1, 2):
            raise ValueError(f"diag: takes a vector or a matrix, got shape {self.shape}; see diagonal, diag_embed")
        return self.diag_embed(diagonal) if self.ndim == 1 else self.diagonal(diagonal).clone()

    def diagflat(self, offset: int = 0) -> Out:
        """Return a matrix with all elements as its diagonal."""
        flat: Any = self.ravel()
        return flat.diag(offset)

    def tril(self, diagonal: int = 0) -> Out:
        """Return the lower triangle of matrices: 0 above the diagonal, or above the one `diagonal` higher.

        >>> from minigrad import ones
        >>> ones(3, 3).tril()
        tensor([[1., 0., 0.],
                [1., 1., 0.],
                [1., 1., 1.]])
        """
        return self._triangle("tril", diagonal)

    def triu(self, diagonal: int = 0) -> Out:
        """Return the upper triangle of matrices: 0 below the diagonal, or below the one `diagonal` higher.

        >>> from minigrad import ones
        >>> ones(2, 2).triu(diagonal=1)
        tensor([[0., 1.],
                [0., 0.]])
        """
        return self._triangle("triu", diagonal)

    def _triangle(self, name: str, diagonal: int) -> Out:
        diagonal = plain_int(diagonal)
        if self.ndim < 2:
            raise ValueError(f"{name}: needs at least two dimensions, got shape {self.shape}")
        lower = np.tri(self.shape[-2], self.shape[-1], diagonal - (name == "triu"), bool)
        return self._choose(lower if name == "tril" else ~lower, self, np.zeros((), self.dtype))

    tril_, triu_ = in_place(tril), in_place(triu)

    # ---- several tensors, and copies -------------------------------------------------------------------------------

    def _joined(self, how: str, tensors: Sequence[Any], dim: int) -> Out:
        """Compute `cat` or `stack` of tensors and arrays, in their common dtype."""
        for t in tensors:
            if operand(t) is None or t.__class__ in NUMBERS:
                raise TypeError(f"{how}: takes tensors and arrays, got {class_name(t)} {t!r}")
        if not isinstance(dim, int):
            raise TypeError(f"{how}: dim must be an integer, got {dim!r}")
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

    def clone(self, **options: Any) -> Out:
        """Return a copy with memory of its own, through which gradients pass; `detach().clone()` stops them.

        >>> from minigrad import tensor
        >>> x = tensor([1.0, 2.0])
        >>> y = x.clone()
        >>> y[0] = 5.0
        >>> x, y
        (tensor([1., 2.]), tensor([5., 2.]))
        """
        if options:
            check_options("clone", options)
        return self.apply(moves.clone, self)

    copy = clone
