"""In-place writes. The tensor and every base it is a view of get new graph nodes.

An array that an older node has saved may be overwritten all the same: `saved` records the write, and the backward pass
raises if it needs the old values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from minigrad.grad_mode import mode
from minigrad.output.words import in_brackets
from minigrad.primitives import indexing as ix
from minigrad.tensors import saved
from minigrad.tensors.base import Base, Out
from minigrad.tensors.conversion import array_from
from minigrad.tensors.dtypes import check_range, kind
from minigrad.tensors.indexing import index_from, split_index
from minigrad.tensors.node import ArrayNode
from minigrad.tensors.operand_info import snapshot
from minigrad.tensors.views import Views


class InPlaceWrites(Views[Out]):
    """The part of Tensor that writes in place."""

    _record: Callable[..., Any]

    def _check_write(self, name: str, new: Any) -> bool:
        """Return whether writing `new` must be recorded; raise if the write would lose or falsify a gradient."""
        if not mode.recording:
            return False
        own = self.requires_grad
        t: Any = self
        while t is not None:
            if t.requires_grad and not t.is_leaf and not own:
                raise RuntimeError(
                    f"{name} in place on a view, of shape {self.shape}, that was created under no_grad() from a tensor "
                    "that requires a gradient: that tensor could not notice the write. Create the view again, or write "
                    "under no_grad() too"
                )
            if t.is_leaf and t.requires_grad:
                what = "a leaf that requires a gradient" if t is self else "a view of a leaf that requires a gradient"
                raise RuntimeError(
                    f"{name} in place on {what}{in_brackets(t.name)}, of shape {t.shape}: its old values "
                    "would be lost to the graph. To update a parameter: with no_grad(): w -= ..., or w.data -= ...; "
                    "otherwise compute a new tensor: w = w + ..."
                )
            t = t._base
        if not (own or isinstance(new, Base) and new.requires_grad):
            return False
        t = self
        while t is not None:
            t._check_layout()
            t = t._base
        return True

    def _past(self, *others: Any) -> Any:
        """This tensor as it is before a write of a function of it and `others`: a copy if the graph may need it."""
        recorded = mode.recording and any(isinstance(t, Base) and t.requires_grad for t in (self, *others))
        return self._wrap(self._array.copy(), self._node) if recorded else self

    def _write(self, new: Any, name: str) -> Self:
        """Take over the values of `new`, and its history."""
        if new.shape != self.shape:
            raise ValueError(f"{name} in place: the result has shape {new.shape}, which does not fit {self.shape}")
        if kind(new.dtype) > kind(self.dtype):
            raise TypeError(f"{name} in place: the result is {new.dtype}, which a tensor of {self.dtype} cannot hold")
        recorded = self._check_write(name, new)
        self._put(..., new._array, name)
        if recorded and new.requires_grad:
            self._set_written_node(new.astype(self.dtype)._node)
        elif recorded:  # the result of eq_ and the like: the old values get no gradient
            self._record_setitem(..., new._array, None)
        return self

    def _put(self, index: Any, value: Any, name: str) -> None:
        if not self._array.flags.writeable:
            raise RuntimeError(
                f"{name} in place on an expanded (or read-only) tensor of shape {self.shape}: .clone() it"
            )
        self._array[index] = value
        saved.record_write(self._array)

    def _set_written_node(self, node: ArrayNode | None) -> None:
        """After a recorded write: set the node of the new values, and give every base a new node too."""
        t: Any = self
        t._move_to(node)
        while t._base is not None:
            base, (primitive, parameters, _) = t._base, t._view
            old = self._wrap(snapshot(base._array, base._node), base._node)
            new = self._wrap(t._array, t._node)
            base._move_to(self.apply(ix.setview, old, new, view=partial(primitive, **parameters))._node)
            t = base
        t._writes += 1  # at the root: every view of it must update, this one too: its gradient passes through the base

    def _move_to(self, node: ArrayNode | None) -> None:
        """Take the node of the new values. `retain_grad()` is about the tensor, so it moves along."""
        old = self._node
        if node is not None and old is not None and old.retains_grad:
            node.stores_grad = node.retains_grad = True
            node.grad, old.grad = old.grad, None
            old.stores_grad = old.retains_grad = False
        self._node = node
        self._generation += 1

    def __setitem__(self, index: Any, value: Any) -> None:
        index = index_from(index)
        if index.__class__ is tuple and (steps := split_index(index)):
            self[steps[0]][steps[1]] = value
            return
        v = value if isinstance(value, Base) else array_from(value, None)
        array = v._array if isinstance(v, Base) else v
        if not isinstance(v, Base):
            check_range("t[...] =", v, self.dtype)
        recorded = self._check_write("t[...] =", v)
        if recorded and self.dtype.kind != "f":
            raise TypeError(f"t[...] =: a tensor of {self.dtype} cannot hold values that require a gradient")
        try:
            self._put(index, ix.without_leading_ones(array), "t[...] =")
        except (ValueError, IndexError, TypeError) as error:
            raise type(error)(
                f"t[...] =: values of shape {np.shape(array)} into shape {self.shape}, at {index!r}: {error}"
            ) from None
        if recorded:
            self._record_setitem(index, array, v._node if isinstance(v, Base) else None)

    def _record_setitem(self, index: Any, array: np.ndarray, node: ArrayNode | None) -> None:
        """Record that `array`, the value of `node`, was written at an index."""
        arrays = [snapshot(self._array, self._node), array]
        parameters = {"index": index}
        inputs = [self._node, node]
        self._set_written_node(self._record(ix.setitem, arrays, arrays, inputs, self._array, parameters, set()))

    def copy_(self, source: Any) -> Self:
        """Copy the values of another tensor, broadcast to this shape, into this tensor."""
        self[...] = source
        return self

    def fill_(self, value: float) -> Self:
        """Fill with `value`."""
        self[...] = value
        return self

    def zero_(self) -> Self:
        """Fill with 0."""
        return self.fill_(0)
