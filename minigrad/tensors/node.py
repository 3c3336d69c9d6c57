"""ArrayNode: a node of the graph of Tensors, and what it does with a gradient.

`vjp` runs the primitive's vector-Jacobian products on the saved arrays; with `graph` it runs the same lines on
Tensors, which record them. `unbroadcast` is the only place where broadcasting is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from minigrad import engine
from minigrad.engine import Node, tick
from minigrad.grad_mode import enable_grad
from minigrad.output.words import class_name, in_brackets
from minigrad.primitives.layout import constant_in
from minigrad.primitives.primitive import Elementwise, Plan, Primitive
from minigrad.tensors import saved
from minigrad.tensors.array_vjps import write_out
from minigrad.tensors.base import Base


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an array of `shape` was broadcast. The transpose of broadcasting.

    >>> unbroadcast(np.ones((2, 3)), (3,)).tolist(), unbroadcast(np.ones((2, 3)), (2, 1)).tolist()
    ([2.0, 2.0, 2.0], [[3.0], [3.0]])
    """
    new = g.ndim - len(shape)
    stretched = tuple([i + new for i, n in enumerate(shape) if n == 1 and i + new >= 0 and g.shape[i + new] != 1])
    if new > 0 or stretched:
        g = g.sum(axis=(*range(new), *stretched), keepdims=bool(stretched))
    return g if g.shape == shape else g.reshape(shape)


def fit(c: Any, source: ArrayNode) -> Any:
    """Return a gradient contribution in the shape and dtype of the input that it goes to."""
    if c.shape != source.shape:
        c = unbroadcast(c, source.shape)
    return c if c.dtype == source.dtype else c.astype(source.dtype)


class ArrayNode(Node):
    """A node of the graph of Tensors. It knows the shape and dtype of its array, but saves only what `vjp` needs.

    Attributes:
        value: the array of a leaf.
        plan: which values are saved, and which of them each vector-Jacobian product takes.
        saved: the saved values, in the order of `plan.saved`.
        checksums: of the saved arrays whose memory is exposed, see `minigrad.tensors.saved`.
        constants: the operands that get no gradient, by position.
        parameters: the keyword parameters of the primitive.
        calls: the calls of modules that returned it, each as (module, tick of its start), see `module_calls`.
    """

    # the attributes that every node has are slots, for speed; the others are rarely set
    __slots__ = (
        "__dict__",
        "__weakref__",
        "dtype",
        "index",
        "inputs",
        "plan",
        "primitive",
        "released",
        "saved",
        "shape",
    )
    inputs: tuple[ArrayNode | None, ...]
    plan: Plan
    stores_grad = False
    grad: Any = None
    name: str | None = None
    value: np.ndarray | None = None
    calls: list[tuple[Any, int]] | None = None
    constants: dict[int, Any] = {}
    parameters: dict[str, Any] = {}
    checksums: tuple[int | None, ...] | None = None
    check: Callable[[], Callable[[], None] | None] | None = None  # weak reference to a check to run before `vjp`

    def __init__(self, array: np.ndarray, primitive: Primitive | None = None, inputs: tuple[Any, ...] = ()) -> None:
        self.shape = array.shape
        self.dtype = array.dtype
        self.index = tick()
        self.primitive = primitive
        self.inputs = inputs
        self.saved: tuple[Any, ...] = ()
        self.released = False

    @staticmethod
    def wrap(array: np.ndarray, node: ArrayNode | None) -> Any:
        """Return the Tensor of an array and its node. `tensors.tensor`, which is built on this file, sets it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{'leaf' if self.primitive is None else self.primitive.name} of shape {self.shape}>"

    # -- reverse and forward mode ---------------------------------------------------------------------------------

    def vjp(self, g: Any, graph: bool) -> Iterable[Any]:
        values = self.saved
        if graph or saved.last_event > self.index or self.checksums is not None or self.check is not None:
            values = self.unpack(graph)
        calls = self.plan.calls if graph else self.plan.array_calls
        if calls.together is not None:
            function, places = calls.together
            found = function(g, *[values[i] for i in places])
            return [None if source is None else fit(c, source) for source, c in zip(self.inputs, found)]
        if not graph:  # the loop below, for plain arrays
            return (self.plan.written_out or write_out(self.plan, fit))(g, values, self.inputs)
        contributions: list[Any] = []
        for source, call in zip(self.inputs, calls.each):
            c = None
            if call is not None and source is not None:
                c = fit(call[0](g, *[values[i] for i in call[1]]), source)
                if self.primitive.piecewise_linear:
                    c = constant_in(c, self.wrap(np.zeros(source.shape, source.dtype), source))
            contributions.append(c)
        return contributions

    def jvp(self, tangents: list[Any], graph: bool) -> Any:
        if not isinstance(self.primitive, Elementwise):
            u = self.wrap(np.zeros(self.shape, self.dtype), None)
            u.requires_grad = True
            with enable_grad():
                contributions = self.vjp(u, graph=True)
            return transpose_vjp([u], contributions, tangents, graph)[0]
        # an elementwise Jacobian is diagonal, so it is its own transpose: the vjp of the tangent is its jvp
        values = self.unpack(graph)
        parts = [
            call[0](t, *[values[i] for i in call[1]])
            for t, call in zip(tangents, self.plan.calls.each)
            if t is not None and call is not None
        ]
        return np.broadcast_to(reduce(add, parts), self.shape).astype(self.dtype) if parts else None

    # -- saved values ---------------------------------------------------------------------------------------------

    def unpack(self, graph: bool) -> tuple[Any, ...]:
        """Return the saved values: as arrays, or with `graph` as Tensors at their nodes.

        Raises:
            RuntimeError: if one of them was written to after it was saved.
        """
        values = self.saved
        if self.check is not None and (check := self.check()) is not None:
            check()
        if saved.last_event > self.index or self.checksums is not None:
            overwritten = saved.find_overwritten(values, self.index, self.checksums)
            if overwritten is not None:
                self._raise_overwritten(overwritten)
        return tuple([self._at_its_node(name, v) for name, v in zip(self.plan.saved, values)]) if graph else values

    def _at_its_node(self, name: str, value: Any) -> Any:
        """A saved value as a Tensor at the node that it came from."""
        if name == "y":
            return self.wrap(value, self)
        if isinstance(value, tuple) and name in self.primitive.inputs:  # the inputs of a variadic primitive
            return tuple([self.wrap(v, n) if isinstance(v, np.ndarray) else v for v, n in zip(value, self.inputs)])
        position = self._position(name)
        return (
            value if position is None or not isinstance(value, np.ndarray) else self.wrap(value, self.inputs[position])
        )

    def _position(self, name: str) -> int | None:
        """The position of the input called `name`; None if it is none."""
        inputs = self.primitive.inputs
        return inputs.index(name) if name in inputs and not self.primitive.variadic else None

    def _raise_overwritten(self, overwritten: int) -> None:
        name = self.plan.saved[overwritten]
        position = self._position(name)
        source: Any = self if position is None else self.inputs[position] or self.constants.get(position)
        called = in_brackets(getattr(source, "name", None))
        if not called and getattr(getattr(source, "primitive", None), "returns_view", False) and source.inputs[0].name:
            called = in_brackets(source.inputs[0].name, "a view of ")
        value = self.saved[overwritten]
        what = "its result" if name == "y" else "its inputs" if isinstance(value, tuple) else f"its input {name!r}"
        shape = "tensors, of which one" if isinstance(value, tuple) else f"a tensor of shape {value.shape}, but that"
        raise RuntimeError(
            f"the backward pass of {self.primitive.name!r} needs {what}{called}, {shape} was changed in place after it "
            "was used: by t[...] =, +=, through .data, by a method ending in _, or through a NumPy view of it. "
            "Change it after backward(), or change a copy (t.clone())."
        )

    def release(self) -> None:
        self.released, self.saved = True, ()

    # -- gradients ------------------------------------------------------------------------------------------------

    def apply_hooks(self, g: Any) -> Any:
        # a copy: others may hold the same g, and the hook may write to it
        t = g.clone() if isinstance(g, Base) else self.wrap(np.array(g), None)
        for hook in tuple(self.hooks or ()):
            changed = hook(t)
            if changed is None:
                continue
            if not isinstance(changed, Base):
                raise TypeError(f"{_hook_name(hook)}: must return a Tensor or None, not {class_name(changed)}")
            if (changed.shape, changed.dtype) != (self.shape, self.dtype):
                raise RuntimeError(
                    f"{_hook_name(hook)}: returned {changed.dtype} of shape {changed.shape} for the gradient of "
                    f"{self.name or self!r}, which is {self.dtype} of shape {self.shape}"
                )
            t = changed
        return t if isinstance(g, Base) else t._array[...]  # a view, for the hook's owner may still hold it

    def accumulate_grad(self, g: Any, shared: bool) -> Any:
        g = self.export_grad(g, shared)
        return g if self.grad is None else self.grad + g

    def export_grad(self, g: Any, shared: bool) -> Any:
        """Return the gradient as a Tensor with memory of its own, with a history only if one was requested."""
        t = g if isinstance(g, Base) else self.wrap(np.asarray(g), None)
        # what is shared, or a view, could be changed through the other objects that hold its memory
        return t if not shared and t._array.base is None else t.clone() if t is g else self.wrap(t._array.copy(), None)


def transpose_vjp(us: list[Any], contributions: Iterable[Any], tangents: Iterable[Any], graph: bool) -> list[Any]:
    """Return the Jacobian-vector product, from a vector-Jacobian product.

    `contributions` were computed from the upstream gradients `us`, in which they are linear. The vjp of that linear
    map is its transpose, which maps tangents to tangents; the values of `us` do not matter.

    This gives every primitive its forward mode. Source: J. Townsend, "A new trick for calculating Jacobian vector
    products" (2017).
    """
    seeds: dict[Node, Any] = {}
    for c, t in zip(contributions, tangents):
        node = None if c is None or t is None else c.node
        if node is not None:
            seeds[node] = seeds[node] + t if node in seeds else t
    targets: Any = [u.node for u in us]
    events = engine.walk(seeds, create_graph=graph, targets=targets, since=targets[0].index)
    found = {node: g for node, g, _ in events}
    return [found.get(node) for node in targets]


def _hook_name(hook: Any) -> str:
    return f"the hook {getattr(hook.func, '__name__', repr(hook.func))}"
