"""Tensor: an array that records how it was computed. This file holds the recording and the backward pass.

A Tensor is a handle: an array, and the graph node that computed it (None where no gradient is needed). Every operation
goes through `Tensor.apply`, which computes with arrays and, while recording, creates the next node. What a Tensor can
compute is in `methods/`, what happens when it is written to in `inplace` and `views`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.grad_mode import mode, warn_of_missing_grad
from minigrad.hooks import notify, watchers
from minigrad.output.words import class_name
from minigrad.primitives import kernels as kernels  # registers the faster forms
from minigrad.primitives.primitive import Primitive
from minigrad.tensors import saved
from minigrad.tensors.attributes import Attributes
from minigrad.tensors.conversion import array_from, data_and_dtype, plain_operand
from minigrad.tensors.graph_attributes import GraphAttributes
from minigrad.tensors.indexing import Indexing
from minigrad.tensors.inplace import InPlaceWrites
from minigrad.tensors.methods import Casts, Factories, Operations
from minigrad.tensors.node import ArrayNode
from minigrad.tensors.numpy_protocols import NumPyProtocols
from minigrad.tensors.operand_info import describe_constants


class Tensor(
    GraphAttributes["Tensor"],
    InPlaceWrites["Tensor"],
    Indexing["Tensor"],
    Attributes["Tensor"],
    Operations["Tensor"],
    Factories["Tensor"],
    Casts["Tensor"],
    NumPyProtocols,
):
    """An n-dimensional array of numbers that can take part in differentiation.

    Args:
        data: nested lists of numbers, an array, or a number; copied, as by `minigrad.tensor`.
        dtype: the type of the elements; by default that of `data`, float32 for Python floats.
        requires_grad: True to compute gradients with respect to this tensor.

    Without `dtype` and `requires_grad`, integers become floats, and integers outside a list are sizes, as in PyTorch;
    both are deprecated there.

    >>> w = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> loss.backward()
    >>> w.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    def __init__(self, *data: Any, dtype: Any = None, requires_grad: bool | None = None) -> None:
        self._array = array_from(*data_and_dtype(data, dtype, requires_grad))
        self._node = None
        if requires_grad:
            self.requires_grad = True

    @staticmethod
    def _of(array: Any) -> Tensor:
        """Return a tensor of these values without a history."""
        return wrap(np.asarray(array), None)

    # -- recording ------------------------------------------------------------------------------------------------

    @staticmethod
    def apply(primitive: Primitive, *operands: Any, **parameters: Any) -> Any:
        """Apply a primitive to tensors, arrays and numbers, and record it if an operand requires a gradient."""
        arrays: list[Any] = []
        inputs: list[ArrayNode | None] = []
        users: set[int] = set()  # the ids of the arrays that belong to the user, who may write to them
        for o in operands:
            if isinstance(o, Tensor):
                if o._base is not None:
                    o._update_view()
                arrays.append(o._array)
                inputs.append(o._node)
                if o._is_users:
                    users.add(id(o._array))
            else:
                arrays.append(o)
                inputs.append(None)
                if o.__class__ is np.ndarray:
                    users.add(id(o))
                elif hasattr(o, "__array__"):
                    arrays[-1] = plain_operand(o, users)
        array = primitive.run(*arrays, **parameters) if parameters else primitive.run(*arrays)
        extras: Any = ()
        if array.__class__ is not np.ndarray:
            if array.__class__ is tuple:  # a kernel's, see `primitive.kernel`
                array, *extras = array
            array = np.asarray(array)
        out = wrap(array, Tensor._record(primitive, operands, arrays, inputs, array, parameters, users, extras))
        if primitive.returns_view and array.base is not None:
            out._link_to_base(operands[0], primitive, parameters)
        return out

    @staticmethod
    def _record(
        primitive: Primitive,
        operands: Any,
        arrays: list[Any],
        inputs: list[ArrayNode | None],
        array: np.ndarray,
        parameters: dict[str, Any],
        users: set[int],
        extras: Any = (),
    ) -> ArrayNode | None:
        """Return the node of the result `array`; None if there is nothing to differentiate."""
        if not mode.recording or not any(inputs) or array.dtype.kind != "f":
            notify(primitive, array, "forward", None)
            return None
        node = ArrayNode(array, primitive, tuple(inputs))
        if primitive.variadic:
            plan, values = primitive.full_plan, (array, tuple(arrays))
        else:
            plan = primitive.plan(tuple([n is not None for n in inputs])) if None in inputs else primitive.full_plan
            values = (array, *arrays)
        node.plan = plan
        if plan.saved:
            if parameters or extras:
                values = (*values, *[parameters[p] for p in primitive.parameters], *extras)
            node.saved = plan.select(values)
            if parameters:
                users.update([id(p) for p in parameters.values() if p.__class__ is np.ndarray])
            if users:
                node.saved, node.checksums = saved.protect(node.saved, users)
            elif saved.exposed:
                node.checksums = saved.checksums(node.saved)
        if None in inputs:
            node.constants = describe_constants(operands, inputs)
        if parameters:
            node.parameters = parameters
        if watchers:
            notify(primitive, array, "forward", node)
        return node

    # -- the backward pass ----------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Iterable[Tensor] | Tensor | None = None,
    ) -> None:
        """Add d self / d leaf to `leaf.grad`, for every leaf that this tensor was computed from.

        Args:
            gradient: d loss / d self, of this tensor's shape. Default: 1, for a tensor of one element.
            retain_graph: keep the graph for another backward pass. Default: the value of `create_graph`.
            create_graph: record the backward pass, so that the gradients can be differentiated.
            inputs: accumulate gradients in these tensors only.

        Raises:
            RuntimeError: if this tensor requires no gradient, or has several elements and no `gradient` is given; on a
                second pass through a graph that was not retained; if an array that the pass needs was written to.
        """
        if inputs is not None:
            inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        targets = None
        if inputs is not None:
            targets = [t.node for t in inputs if t.node is not None]
            if not targets or len(targets) < len(inputs):
                raise RuntimeError("backward: inputs must be tensors that require a gradient, at least one")
        backward = getattr(self.node, "backward", engine.backward)  # that of a recorded function is shorter
        backward(
            {self.node: self.seed(gradient, create_graph)},  # type: ignore[dict-item]
            retain_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
            targets=targets,
        )

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`; None before the first backward pass. Can be set, also to None."""
        node = self.node if self._node is not None else self._leaf
        if node is None:
            return None
        if not node.stores_grad and node.grad is None:
            warn_of_missing_grad()
        return node.grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f".grad must be a Tensor or None, got {class_name(value)}: {value!r}")
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f".grad must match the tensor, {self.dtype} of shape {self.shape}; got {value.dtype} of shape "
                    f"{value.shape}"
                )
        (self._node or self._leaf_node()).grad = value

    def seed(self, gradient: Any = None, graph: bool = False) -> Any:
        """Return the gradient with which a backward pass from this tensor starts.

        Raises:
            RuntimeError: if nothing requires a gradient; if there is more than one element and no `gradient` to weight
                them; if `gradient` has another shape.
        """
        saved.clear_comparisons()
        if self.node is None:
            raise RuntimeError(
                "backward: this tensor does not require a gradient, and nothing it was computed from does. Was "
                "requires_grad=True forgotten, or was it computed under no_grad() or from .detach(), .data or .item()?"
            )
        if gradient is None:
            if self._array.size != 1:
                raise RuntimeError(
                    f"backward from a tensor of shape {self.shape}: only a single number has one gradient. Reduce it, "
                    "as in loss.sum() or loss.mean(), or give the upstream one: backward(gradient) of the same shape."
                )
            gradient = np.array(1, self.dtype, ndmin=self.ndim)
            if not graph:
                return gradient
        shape = np.shape(gradient._array if isinstance(gradient, Tensor) else gradient)
        if shape != self.shape:
            raise RuntimeError(f"backward: the gradient has shape {shape}, but the tensor has shape {self.shape}")
        if graph:
            return gradient.clone().to(self.dtype) if isinstance(gradient, Tensor) else Tensor(gradient, self.dtype)
        return array_from(gradient, self.dtype)

    def detach(self) -> Tensor:
        """Return a tensor that shares this memory but has no history: no gradient flows through it."""
        out = wrap(self._array, None)
        out._name, out._is_users = self._name, self._is_users
        return out


def wrap(array: np.ndarray, node: ArrayNode | None) -> Tensor:
    """Return the Tensor of an array, not copied, and its node."""
    t = _new(Tensor)
    t._array = array
    t._node = node
    return t


_new: Callable[[type[Tensor]], Tensor] = object.__new__
Tensor._wrap = ArrayNode.wrap = staticmethod(wrap)  # type: ignore[method-assign]
