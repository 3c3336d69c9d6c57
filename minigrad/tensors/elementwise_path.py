"""Elementwise operations on small tensors: `Tensor.apply` without what the commonest case does not need.

The commonest case: recording is on, every operand is a tensor of floats that requires a gradient, no watcher is
registered, and no memory is the user's or a view's. The nodes are those of `Tensor.apply`; a test compares them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.engine import tick
from minigrad.grad_mode import mode
from minigrad.hooks import watchers
from minigrad.primitives.primitive import Primitive
from minigrad.tensors.node import ArrayNode
from minigrad.tensors.saved import exposed

_new: Any = object.__new__


def one_operand(primitive: Primitive, t: Any) -> Any:
    """Return the result; None where the case is another one."""
    x, node = t._array, t._node
    if node is None or x.dtype.kind != "f" or t._base is not None or not mode.recording:
        return None
    if watchers or exposed or t._is_users:
        return None
    return _recorded(primitive, primitive.run(x), (x,), (node,))


def two_operands(primitive: Primitive, t: Any, u: Any) -> Any:
    """Return the result for tensors of one shape and one float dtype; None where the case is another one."""
    node, other = t._node, u._node
    if node is None or other is None or t._base is not None or u._base is not None or not mode.recording:
        return None
    if watchers or exposed or t._is_users or u._is_users:
        return None
    x, y = t._array, u._array
    return _recorded(primitive, primitive.run(x, y), (x, y), (node, other))


def _recorded(primitive: Primitive, array: Any, arrays: tuple[Any, ...], inputs: tuple[Any, ...]) -> Any:
    if array.__class__ is not np.ndarray:
        array = np.asarray(array)
    plan = primitive.full_plan
    node = _new(ArrayNode)  # as `ArrayNode.__init__`, which would be a call
    node.shape, node.dtype = array.shape, array.dtype
    node.index = tick()
    node.primitive, node.inputs, node.released = primitive, inputs, False
    node.plan, node.saved = plan, plan.select((array, *arrays))
    return ArrayNode.wrap(array, node)
