"""Writing into a Tensor, and what it does to the graph: the tensor gets a new node, and so does what it is a view of.

An array that an older node keeps may be overwritten all the same; `guard` notes the write, and the backward pass
raises if it needs the old values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np

from minigrad.grad_mode import enable_grad, mode
from minigrad.primitives import indexing as ix
from minigrad.primitives.primitive import Rule
from minigrad.tensors import saved as guard
from minigrad.tensors.conversion import array_from, index_from, selected_first
from minigrad.tensors.dtypes import kind
from minigrad.tensors.methods.base import Base
from minigrad.tensors.operand_info import untouched


class Writing(Base):
    """The part of Tensor that writes in place."""

    _handle: Callable[..., Any]
    _node: Any
    _leaf: Any
    _generation: int = 0  # how often a recorded write has given this tensor a new node
    _base: Any = None  # what this is a view of, by which rule, and at which of its generations
    _view: tuple[Rule, dict[str, Any], object]  # and in which layout of it
    _layout: object = None  # a new one whenever a method as `t_` has changed the dimensions
    _seen: int
    _root: Any = None  # where the chain of views ends: there are counted the recorded writes to any of them
    _writes: int = 0
    _seen_writes: int

    def _catch_up(self) -> None:
        """A view whose base was written to gets its node anew, from the base's new node."""
        root = self._root
        assert root is not None
        chain: list[Any] = []
        t: Any = self
        while t is not None and t._base is not None and t._seen_writes != root._writes:
            chain.append(t)
            t = t._base
        for view in reversed(chain):
            base = view._base
            assert base is not None
            view._seen_writes = root._writes
            if base._generation != view._seen:
                view._check_layout()
                rule, parameters, _ = view._view
                with enable_grad():
                    view._node = self.apply(rule, base, **parameters)._node
                view._seen = base._generation
                view._generation += 1  # for the views of this view

    def _recorded(self, name: str, new: Any) -> bool:
        """Whether writing `new` into this is to be recorded; raises where that would lose or falsify a gradient."""
        if not mode.recording:
            return False
        mine = self.requires_grad
        t: Any = self
        while t is not None:
            if t.requires_grad and not t.is_leaf and not mine:
                raise RuntimeError(
                    f"{name} in place on a view, of shape {self.shape}, that was made under no_grad() of a tensor that "
                    "requires a gradient: that one could not notice. Make the view again, or write under no_grad() too"
                )
            if t.is_leaf and t.requires_grad:
                what = "a leaf that requires a gradient" if t is self else "a view of a leaf that requires a gradient"
                raise RuntimeError(
                    f"{name} in place on {what}{f' ({t.name})' if t.name else ''}, of shape {t.shape}: its old values "
                    "would be lost to the graph. To update a parameter: with no_grad(): w -= ..., or w.data -= ...; "
                    "otherwise compute a new tensor: w = w + ..."
                )
            t = t._base
        if not (mine or isinstance(new, Base) and new.requires_grad):
            return False
        t = self
        while t is not None:
            t._check_layout()
            t = t._base
        return True

    def _past(self, *others: Any) -> Any:
        """self as it is before a write of what is computed from it and others: a copy, where the graph may need it."""
        recorded = mode.recording and any(isinstance(t, Base) and t.requires_grad for t in (self, *others))
        return self._handle(self._array.copy(), self._node) if recorded else self

    def _write(self, new: Any, name: str) -> Self:
        """Take over the values of `new`, and its history."""
        if new.shape != self.shape:
            raise ValueError(f"{name} in place: the result has shape {new.shape}, which does not fit {self.shape}")
        if kind(new.dtype) > kind(self.dtype):
            raise TypeError(f"{name} in place: the result is {new.dtype}, which a tensor of {self.dtype} cannot hold")
        recorded = self._recorded(name, new)
        self._put(..., new._array, name)
        if recorded and new.requires_grad:
            self._rewritten(new.astype(self.dtype)._node)
        elif recorded:  # an answer such as of eq_: the old values get no gradient
            self._replaced(..., new._array, None)
        return self

    def _put(self, index: Any, value: Any, name: str) -> None:
        if not self._array.flags.writeable:
            raise RuntimeError(
                f"{name} in place on an expanded (or read-only) tensor of shape {self.shape}: .clone() it"
            )
        self._array[index] = value
        guard.wrote(self._array)

    def _rewritten(self, node: Any) -> None:
        """After a recorded write: this is the node of the new values, and what this is a view of changed with it."""
        t: Any = self
        t._node = node
        t._generation += 1
        while t._base is not None:
            base, (rule, parameters, _) = t._base, t._view
            old = self._handle(untouched(base._array, base._node), base._node)
            new = self._handle(t._array, t._node)
            base._node = self.apply(ix.setview, old, new, view=partial(rule, **parameters))._node
            base._generation += 1
            t._seen = base._generation
            t = base
        t._writes += 1  # at the root: all other views of it have to look

    def _turn(self, name: str, *args: Any, **named: Any) -> Self:
        """Become the view of oneself that the method `name` gives."""
        self._recorded(f"{name}_", None)  # refuses leaves
        leaf = self._node is not None and self.is_leaf
        with enable_grad():
            view = getattr(self, name)(*args, **named)
        if self._base is not None:  # from now on a view of what one was
            old = self._handle(self._array, None)
            old.__dict__.update(self.__dict__)
            self._base, self._view, self._seen = old, (*view._view[:2], old._layout), old._generation
        if leaf:
            self._hold(view._array)
        else:
            self._array, self._node = view._array, view._node
        self._layout = object()
        return self

    def _check_layout(self) -> None:
        """Raise where this is a view of what has other dimensions now."""
        if self._base is not None and self._view[2] is not self._base._layout:
            raise RuntimeError(
                f"a tensor of shape {self.shape} is a view of one whose dimensions were changed by a method as t_ or "
                f"unsqueeze_ (it has shape {self._base.shape} now), and then one of them was written to: make the "
                "view again after the change"
            )

    def __setitem__(self, index: Any, value: Any) -> None:
        index = index_from(index)
        if index.__class__ is tuple and (steps := selected_first(index)):
            self[steps[0]][steps[1]] = value
            return
        v = value if isinstance(value, Base) else array_from(value, None)
        array = v._array if isinstance(v, Base) else v
        recorded = self._recorded("t[...] =", v)
        if recorded and self.dtype.kind != "f":
            raise TypeError(f"t[...] =: a tensor of {self.dtype} cannot hold values that require a gradient")
        try:
            self._put(index, array, "t[...] =")
        except (ValueError, IndexError) as error:
            raise type(error)(
                f"t[...] =: values of shape {np.shape(array)} into shape {self.shape}, at {index!r}: {error}"
            ) from None
        if recorded:
            self._replaced(index, array, v._node if isinstance(v, Base) else None)

    def _replaced(self, index: Any, array: np.ndarray, node: Any) -> None:
        """After a recorded write of values, whose node this is, at an index."""
        arrays = [untouched(self._array, self._node), array]
        self._rewritten(self._record(ix.setitem, arrays, arrays, [self._node, node], self._array, {"index": index}))

    def copy_(self, source: Any) -> Self:
        """Take over the values of another tensor (broadcast to this shape)."""
        self[...] = source
        return self

    def fill_(self, value: float) -> Self:
        """Set every element to `value`."""
        self[...] = value
        return self

    def zero_(self) -> Self:
        """Set every element to 0."""
        return self.fill_(0)
