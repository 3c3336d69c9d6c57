"""Elementwise operations on small tensors: `Tensor.apply` without what the commonest case does not need.

The commonest case: recording is on, every operand is a tensor that requires a gradient, no watcher is registered, and
no memory is the user's or a view's. The nodes are those of `Tensor.apply`; a test compares them. What would be a call
is written out, for on tiny arrays a call costs as much as the arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad.engine import tick
from minigrad.grad_mode import mode
from minigrad.hooks import watchers
from minigrad.primitives.primitive import Primitive
from minigrad.tensors import saved
from minigrad.tensors.array_vjps import write_out
from minigrad.tensors.base import Base
from minigrad.tensors.node import ArrayNode, fit
from minigrad.tensors.saved import exposed

_new: Any = object.__new__


class SameShapeNode(ArrayNode):
    """The node of an elementwise primitive whose operands have the result's shape: no broadcasting to undo."""

    __slots__ = ()

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        if graph or saved.last_event > self.index or self.check is not None:
            return ArrayNode.vjp(self, g, graph)
        plan = self.plan
        function = plan.written_out_same_shape or write_out(plan, fit, same_shape=True)
        return function(g, self.saved, self.inputs)


def _recorded(primitive: Primitive, array: Any, operands: tuple[Any, ...], inputs: tuple[Any, ...]) -> Any:
    """Return the tensor of a result and its node, made as by `ArrayNode.__init__`."""
    if array.__class__ is not np.ndarray:
        array = np.asarray(array)
    node = _new(SameShapeNode)
    node.shape = array.shape
    node.dtype = array.dtype
    node.index = tick()
    node.primitive = primitive
    node.inputs = inputs
    node.released = False
    node.plan = plan = primitive.full_plan
    node.saved = plan.select((array, *operands))
    return ArrayNode.wrap(array, node)


def one_operand(primitive: Primitive, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of one tensor; `otherwise` is the method for all other cases."""

    def method(self: Any) -> Any:
        recorded = isinstance(self, Base) and self._node is not None and mode.recording
        if recorded and self._base is None and not (watchers or exposed or self._is_users):
            x = self._array
            return _recorded(primitive, primitive.run(x), (x,), (self._node,))
        return otherwise(self)

    method.__annotations__ = otherwise.__annotations__  # for the type stub
    return method


def two_operands(primitive: Primitive, otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operator of two tensors of one shape and dtype; `otherwise` is the operator for all other cases."""

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, Base) and mode.recording:
            a, b = self._node, other._node
            if a is not None and b is not None and self._base is None and other._base is None:
                x, y = self._array, other._array
                same = x.dtype is y.dtype and x.shape == y.shape
                if same and not (watchers or exposed or self._is_users or other._is_users):
                    return _recorded(primitive, primitive.run(x, y), (x, y), (a, b))
        return otherwise(self, other)

    method.__annotations__ = otherwise.__annotations__
    return method
