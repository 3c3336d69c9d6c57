"""Views: tensors that share the memory of their base, and follow it through the graph when it is written to.

A view knows its base, the primitive that returned it, and how often the base had been given a new node at that time
(its generation). After a recorded write the base has a newer node, and the view computes its own again from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from minigrad.grad_mode import enable_grad
from minigrad.primitives.primitive import Primitive
from minigrad.tensors import saved
from minigrad.tensors.base import Base, Out


class Views(Base[Out]):
    """The part of Tensor that keeps views and their bases consistent."""

    _node: Any
    _leaf: Any
    _set_array: Callable[..., None]
    _check_write: Callable[..., bool]
    _move_to: Callable[..., None]
    _generation: int = 0  # how often a recorded write has given this tensor a new node
    _base: Any = None  # the tensor that this is a view of
    _view: tuple[Primitive, dict[str, Any], object]  # the primitive, its parameters, and the base's layout at that time
    _base_generation: int  # the base's generation that this view's node was computed from
    _layout: object = None  # replaced whenever a method such as `t_` changes the dimensions
    _root: Any = None  # the end of the chain of bases; it counts the recorded writes to any tensor of the chain
    _writes: int = 0
    _seen_writes: int

    def _link_to_base(self, base: Any, primitive: Primitive, parameters: dict[str, Any]) -> None:
        """Make this a view of `base`, if the two share memory."""
        if saved.memory_owner(self._array) is not saved.memory_owner(base._array):
            return
        self._base, self._view, self._base_generation = base, (primitive, parameters, base._layout), base._generation
        self._root = base if base._root is None else base._root
        self._is_users = base._is_users
        self._seen_writes = self._root._writes

    def _update_view(self) -> None:
        """If the base was written to since, compute this view's node again from the base's new node."""
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
            if base._generation != view._base_generation:
                view._check_layout()
                primitive, parameters, _ = view._view
                with enable_grad():
                    view._move_to(self.apply(primitive, base, **parameters)._node)  # also for the views of this view
                view._base_generation = base._generation

    def _become_view(self, name: str, *args: Any, **named: Any) -> Self:
        """Become the view of this tensor that the method `name` returns: `t_`, `unsqueeze_` and so on."""
        self._check_write(f"{name}_", None)  # refuses leaves
        leaf = self._node is not None and self.is_leaf
        with enable_grad():
            view = getattr(self, name)(*args, **named)
        if self._base is not None:  # from now on a view of the tensor that this was
            old = self._wrap(self._array, None)
            old.__dict__.update(self.__dict__)
            self._base, self._view, self._base_generation = old, (*view._view[:2], old._layout), old._generation
        if leaf:
            self._set_array(view._array)
        else:
            self._array, self._node = view._array, view._node
        self._layout = object()
        return self

    def _check_layout(self) -> None:
        """Raise if this is a view of a tensor whose dimensions were changed since."""
        if self._base is not None and self._view[2] is not self._base._layout:
            raise RuntimeError(
                f"a tensor of shape {self.shape} is a view of one whose dimensions were changed by a method such as t_ "
                f"or unsqueeze_ (it has shape {self._base.shape} now), and then one of them was written to: create the "
                "view again after the change"
            )
