"""What a function uses while it is recorded: its tensors and random generators hold stand-ins."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import engine
from minigrad.program.arguments import with_arrays
from minigrad.program.recorder import Recorder
from minigrad.program.stand_ins import is_array, real
from minigrad.scalar import Value
from minigrad.tensors import rng, saved
from minigrad.tensors.node import ArrayNode
from minigrad.tensors.tensor import Tensor


class Input(ArrayNode):
    """The node of a tensor that a recorded function uses: its gradient ends here."""

    def __init__(self, t: Tensor, original: Any, recorder: Recorder) -> None:
        super().__init__(t._array)
        self.value, self._recorder = t._array, recorder
        self.original, self.name = original, original.name
        self.index, self.stores_grad = original.index, original.stores_grad

    @property
    def grad(self) -> Any:
        """The gradient, which is not a part of the program."""
        self._recorder.refuse(".grad is read")
        return self.original.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._recorder.refuse(".grad is set")
        self.original.grad = value


class _Draws:
    """A NumPy generator whose numbers are drawn by the program."""

    def __init__(self, generator: rng.Generator, recorder: Recorder) -> None:
        self._generator, self._numbers, self._recorder = generator, generator.numpy, recorder

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._numbers, name)
        if not callable(method):
            self._recorder.refuse("the state of a random generator is read or set")
            return method
        self._recorder.draws.setdefault(self._generator, self._numbers.bit_generator.state)
        return lambda *args, **options: self._recorder.call(method, args, options)


class Held:
    """The tensors and generators that a recorded function uses, which hold stand-ins meanwhile."""

    def __init__(self, recorder: Recorder, inputs: list[Any]) -> None:
        self._recorder, self.inputs = recorder, inputs
        self.tensors: list[Any] = []
        self.arrays: list[np.ndarray] = []
        self.leaves: list[Any] = []
        self.nodes: list[Any] = []
        self.values: list[tuple[Value, Any]] = []
        self.before: list[tuple[Any, Any, Any, Any, Any, bool]] = []
        self._generators: list[tuple[Any, Any]] = []
        self._ids: set[int] = set()
        self._restored = False
        self._given = 0
        self.fixed: set[int] = set()  # the positions of arguments that the function also finds elsewhere

    def give(self, x: Any) -> Any:
        """Return the stand-in of an argument."""
        self._given += 1
        if isinstance(x, Tensor | Value):
            self.hold(x)
            return x
        self.tensors.append(None)
        self.arrays.append(x)
        self.leaves.append(None)
        self.nodes.append(None)
        return self._recorder.give(x, "x")

    def hold(self, t: Any) -> None:
        """Replace the array of a tensor by its stand-in, or the numbers of a generator."""
        if id(t) in self._ids or (isinstance(t, Tensor) and is_array(t._array)):
            self.fixed.update([i for i, x in enumerate(self.inputs) if x is t and self._given == len(self.inputs)])
            return
        self._ids.add(id(t))
        if isinstance(t, Value):
            self.values.append((t, t.grad))
            return
        if isinstance(t, rng.Generator):
            self._generators.append((t, t.numpy))
            t.numpy = _Draws(t, self._recorder)  # type: ignore[assignment]
            return
        node = t.node
        if node is not None and (node.hooks or t._base is not None):
            self._recorder.refuse("a tensor has a hook" if node.hooks else "a view that requires a gradient is used")
        original = node or t._leaf
        leaf = None if original is None else Input(t, original, self._recorder)
        self.before.append((t, t._array, node, t._leaf, leaf, t._is_users))
        self.tensors.append(t)
        self.arrays.append(t._array)
        self.leaves.append(None if node is None else leaf)
        self.nodes.append(node)
        t._array, t._is_users = self._recorder.give(t._array, "x"), False
        if node is not None:
            t._node = leaf
        if t._leaf is not None:
            t._leaf = leaf if t._leaf is original else t._leaf

    def holds(self, t: Any) -> bool:
        """Return whether a tensor was given, and not made by the function."""
        return id(t) in self._ids

    def restore(self) -> None:
        """Give the tensors and generators back what they had."""
        if self._restored:
            return
        self._restored = True
        nodes = {leaf: node for _, _, node, _, leaf, _ in self.before if node is not None}
        for t, array, node, own, leaf, is_users in self.before:
            if real(t._array) is array:
                t._array = array
            else:
                self._recorder.refuse("it gives a tensor another array")
                t._set_array(real(t._array))
            if t._node is (None if node is None else leaf):
                t._node = node
            else:
                self._recorder.refuse("it gives a tensor another history")
            if t._leaf is leaf and leaf is not None:
                t._leaf = own
            t._is_users = is_users
            if leaf is not None and (leaf.hooks or leaf.post_accumulate_hooks):
                self._recorder.refuse("it registers a hook")
        for generator, numbers in self._generators:
            generator.numpy = numbers
        self._originals = nodes

    def splice(self, result: Any) -> None:
        """Make the graph of a result an ordinary one: with real arrays, which ends at the nodes of the tensors."""
        node = getattr(result, "_node", None)
        ends = [node] if node is not None else []
        self._splice(engine.reverse_topological_order(ends + self._recorder.nodes if self._recorder.reason else ends))

    def end(self, seeds: dict[Any, Any]) -> dict[Any, Any]:
        """End the recording, before a backward pass from these nodes: from here on, everything is ordinary."""
        self._recorder.active = False
        self.restore()
        self._splice(self._recorder.nodes)
        return {self._originals.get(node, node): with_arrays(seed) for node, seed in seeds.items()}

    def _splice(self, nodes: list[Any]) -> None:
        own = [x for x in self.inputs if x.__class__ is np.ndarray]
        own += [array for _, array, _, _, _, is_users in self.before if is_users]
        owners = {id(saved.memory_owner(a)) for a in own}
        for n in nodes:
            values = real(n.saved)
            users = {id(a) for _, a in saved.saved_arrays(values) if id(saved.memory_owner(a)) in owners}
            n.saved, n.checksums = saved.protect(values, users)
            if any(source in self._originals for source in n.inputs):
                n.inputs = tuple([self._originals.get(source, source) for source in n.inputs])
