"""What a Tensor is in the graph: its node, requires_grad, grad, hooks, name and data."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from minigrad.hooks import RemovableHandle
from minigrad.output.words import class_name
from minigrad.tensors.base import Out
from minigrad.tensors.conversion import array_from
from minigrad.tensors.dtypes import kind
from minigrad.tensors.node import ArrayNode
from minigrad.tensors.views import Views


class GraphAttributes(Views[Out]):
    """The part of Tensor that reads and sets the attributes of its graph node."""

    _leaf: ArrayNode | None = None  # the node of a leaf, also while requires_grad is False: it holds .grad
    _name: str | None = None
    detach: Callable[[], Any]
    grad: Any

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.is_leaf:
            raise RuntimeError(
                f"only leaves can be copied or pickled, not results of {self._node.primitive.name!r}, which would "
                "lose its graph: t.detach() first, or t.clone() to continue computing with a copy"
            )
        return _restored, (type(self), self._array, self.requires_grad, self._name, self.grad)

    @property
    def node(self) -> ArrayNode | None:
        """The graph node of this tensor; None if no gradient flows here."""
        if self._base is not None:
            self._update_view()
        return self._node

    @property
    def grad_fn(self) -> ArrayNode | None:
        """The node of the operation that computed this tensor; None for a leaf."""
        return None if self.is_leaf else self._node

    @property
    def is_leaf(self) -> bool:
        """True unless an operation on tensors that require a gradient computed this tensor."""
        return self.node is None or self._node is self._leaf

    @property
    def requires_grad(self) -> bool:
        """True if gradients flow to this tensor; can be set on leaves of floats."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self._array.dtype.kind != "f":
            raise RuntimeError(
                f"a tensor of {self.dtype} cannot require a gradient: derivatives need real numbers. "
                "Create it from floats, as in tensor([1.0, 2.0]), or convert it: t.float()"
            )
        if not self.is_leaf:
            if not wanted:
                raise RuntimeError("only a leaf can stop requiring a gradient; for a result without one: t.detach()")
            return
        self._node = self._leaf_node() if wanted else None
        if wanted:
            self._base = self._root = None  # a view that becomes a leaf is differentiated by itself

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set `requires_grad` and return the tensor.

        Raises:
            RuntimeError: for a tensor of integers.
        """
        self.requires_grad = requires_grad
        return self

    def _leaf_node(self) -> ArrayNode:
        if self._leaf is None:
            self._leaf = ArrayNode(self._array)
            self._leaf.value = self._array
            self._leaf.stores_grad = True
            self._leaf.name = self._name
        return self._leaf

    def _set_array(self, array: np.ndarray) -> None:
        """Hold another array from now on, also in the leaf's node."""
        self._array = array
        if self._leaf is not None:
            self._leaf.value, self._leaf.shape, self._leaf.dtype = array, array.shape, array.dtype

    def retain_grad(self) -> None:
        """Store `.grad` in backward, although this tensor is not a leaf."""
        if self.node is None:
            raise RuntimeError(
                "retain_grad: no gradient flows to this tensor; nothing it was computed from requires one"
            )
        self._node.stores_grad, self._node.retains_grad = True, not self.is_leaf

    def register_hook(self, hook: Callable[[Out], Out | None]) -> RemovableHandle:
        """Call `hook(gradient)` whenever a backward pass has finished the gradient of this tensor.

        What the hook returns, unless None, replaces the gradient: in `.grad`, and in what goes to the tensors that
        this one was computed from.

        Returns:
            A handle; its `remove()` removes the hook.

        Raises:
            RuntimeError: if no gradient flows here.

        >>> from minigrad import tensor
        >>> x = tensor([1.0, 2.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([20., 40.])
        """
        return self._register("register_hook", "hooks", hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Self], None]) -> RemovableHandle:
        """Call `hook(self)` after each backward pass that has added to the `.grad` of this leaf.

        Raises:
            RuntimeError: for a tensor that is not a leaf, or requires no gradient.
        """
        if not self.is_leaf:
            raise RuntimeError(
                f"register_post_accumulate_grad_hook: only leaves accumulate gradients, and this is a result of "
                f"{self._node.primitive.name!r}; use register_hook"
            )
        weak_self = weakref.ref(self)  # the tensor's own hook must not keep it alive

        def call() -> None:
            if (tensor := weak_self()) is not None:
                hook(tensor)

        return self._register("register_post_accumulate_grad_hook", "post_accumulate_hooks", hook, call)

    def _register(self, name: str, attribute: str, hook: Any, call: Any = None) -> RemovableHandle:
        if self.node is None:
            raise RuntimeError(f"{name}: no gradient flows to this tensor; set requires_grad_() first")
        if not callable(hook):
            raise TypeError(f"{name}: takes a function, got {class_name(hook)}: {hook!r}")
        if getattr(self._node, attribute) is None:
            setattr(self._node, attribute, [])
        return RemovableHandle(getattr(self._node, attribute), call or hook)

    @property
    def name(self) -> str | None:
        """The name of this tensor in pictures and errors; modules name their parameters."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name
        if self.node is not None:
            self._node.name = name

    def detach_(self) -> Self:
        """Detach this tensor from its history, in place.

        Raises:
            RuntimeError: for a view, whose history is that of its base.
        """
        if self._base is not None:
            raise RuntimeError("detach_: not possible for a view, whose history is its base's; use .detach()")
        self._node = None
        return self

    @property
    def data(self) -> Out:
        """The same as `detach()`. Can be set to a tensor or array of the same kind.

        In-place changes of it change this tensor and are not recorded in the graph, but noticed: a pending backward
        pass that needs the old values raises.
        """
        return self.detach()

    @data.setter
    def data(self, value: Any) -> None:
        array = value._array if isinstance(value, GraphAttributes) else array_from(value, self.dtype)
        if kind(array.dtype) != kind(self.dtype):
            raise TypeError(f".data of a tensor of {self.dtype} cannot become {array.dtype}")
        if self.is_leaf:
            self._set_array(array)
        elif array.shape == self.shape:
            self._array = array
        else:
            raise ValueError(f".data of a result of shape {self.shape} cannot take the shape {array.shape}")
        self._is_users = isinstance(value, GraphAttributes) and value._is_users


def _restored(cls: type[Any], array: np.ndarray, requires_grad: bool, name: str | None, grad: Any) -> Any:
    """Unpickle a leaf. Its node is created now, with a new place in the order of creation."""
    t = object.__new__(cls)
    t._array, t._node, t._name = array, None, name
    t.requires_grad = requires_grad
    if grad is not None:
        t.grad = grad
    return t
