"""Replay the user's own functions: nodes of an `autograd.Function` or of a checkpoint.

Called again while recording, such a function builds its own graph from the Tensors it computes with; that graph is
replayed like the one around it.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from minigrad.autograd.checkpoint import _Checkpoint
from minigrad.autograd.function import Function, FunctionCtx, OutputNode, _FunctionNode
from minigrad.autograd.trees import tensors
from minigrad.engine import reverse_topological_order, tick
from minigrad.grad_mode import enable_grad
from minigrad.program.traced_array import Traced
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


class Replaying(Protocol):
    """The part of `array_replay.ArrayReplay` that `Functions` uses."""

    results: dict[Any, Any]
    trace: Any

    def result_of(self, node: Any) -> Any: ...
    def fitted(self, c: Any, source: Any) -> Any: ...
    def walk(self, order: Any, pending: Any) -> Any: ...


Parts = list[tuple[int, Any]]
"""Pairs of (number of the output, its gradient). Concatenating two lists accumulates gradients."""


class Functions:
    """The user's functions in the graph of a replay."""

    def __init__(self, replay: Replaying) -> None:
        self.replay, self.arrays, self.trace = replay, replay.results, replay.trace
        self._contexts: dict[Any, Any] = {}
        self._inner: dict[Any, tuple[list[Any], list[Any]]] = {}  # checkpoint -> its results and their graph

    def forward(self, node: Any) -> Any:
        """Return the output of the function, or the list of its outputs."""
        if isinstance(node, OutputNode):
            return self.arrays[node.inputs[0]][node.i]
        if isinstance(node, _FunctionNode):
            return self._called(node)
        if not isinstance(node, _Checkpoint) or node.run is None:
            raise NotImplementedError(
                f"source: {node.primitive.name!r} cannot be computed again: a backward pass has released it. Write the "
                "source before backward()"
            )
        start = tick()
        results = tensors(node.run.recompute())
        outputs = self._replayed(results, start)
        self._inner[node] = (
            results,
            reverse_topological_order([t.node for t in results if t.node is not None], since=start),
        )
        return outputs

    def _called(self, node: Any) -> Any:
        start = tick()
        args = [self._argument(node, i) for i in range(len(node.inputs))]
        ctx: Any = FunctionCtx(node.primitive.name)
        ctx.needs_input_grad = node.ctx.needs_input_grad
        function = node.function
        with enable_grad():
            if function.setup_context is Function.setup_context:
                result = function.forward(ctx, *args)
            else:
                result = function.forward(*args)
                function.setup_context(ctx, tuple(args), result)
        self._contexts[node] = ctx, ctx._saved
        outputs = list(result) if isinstance(result, tuple) else [result]
        for output, form in zip(outputs, node.outputs):
            if form is not None and output.node is None:
                raise NotImplementedError(
                    f"source: {node.primitive.name}.forward computes with arrays, of which nothing is recorded. Let it "
                    "compute with Tensors, or make it a primitive: minigrad.primitives.primitive.Primitive"
                )
        found = self._replayed(outputs, start)
        return found if node.several else found[0]

    def _argument(self, node: Any, i: int) -> Any:
        source, c = node.inputs[i], node.constants.get(i)
        if source is not None:
            return self._leaf(self.arrays[source])
        if not hasattr(c, "value"):
            return c
        if c.value is None:
            raise RuntimeError(f"source: an argument of {node.primitive.name} was freed: no variable holds it any more")
        t = as_tensor(c.value)
        t.name = c.name
        return t

    def _leaf(self, array: Traced) -> Tensor:
        """Return a leaf Tensor that represents a traced array in the function's own graph."""
        t = Tensor(array.value.copy(), requires_grad=True)
        self.arrays[t.node] = array
        return t

    def _replayed(self, results: list[Any], since: int) -> list[Any]:
        """Return the traced arrays of Tensors that have just been computed."""
        for node in reversed(reverse_topological_order([t.node for t in results if _has_node(t)], since=since)):
            if node not in self.arrays:
                self.arrays[node] = self.replay.result_of(node)
        return [
            self.arrays[t.node]
            if _has_node(t)
            else self.trace.new(t._array, self.trace.constant(t._array))
            if isinstance(t, Tensor)
            else None
            for t in results
        ]

    def contributions(self, node: Any, g: Any) -> list[tuple[Any, Any]]:
        """Return pairs of (input node, its gradient contribution)."""
        if isinstance(node, OutputNode):
            return [(node.inputs[0], [(node.i, g)])]
        parts: dict[int, Any] = {}
        for i, part in g if node.several else [(0, g)]:
            parts[i] = parts[i] + part if i in parts else part
        if isinstance(node, _FunctionNode):
            return self._differentiated(node, parts)
        results, inner = self._inner[node]
        pending: dict[Any, Any] = {}
        for i, part in parts.items():
            end = results[i].node
            pending[end] = pending[end] + part if end in pending else part
        self.replay.walk(inner, pending)
        return [(source, pending[source]) for source in node.inputs if source in pending]

    def _differentiated(self, node: Any, parts: dict[int, Any]) -> list[tuple[Any, Any]]:
        start = tick()
        grads: list[Any] = []
        for i, spec in enumerate(node.output_specs):
            if i in parts:
                grads.append(self._leaf(parts[i]))
            else:
                fill = spec is not None and node.ctx._materialize
                grads.append(as_tensor(np.zeros(*spec)) if fill else None)
        ctx, ctx._saved = self._contexts[node]
        with enable_grad():
            answer = node.function.backward(ctx, *grads)
        found = self._replayed(list(answer) if isinstance(answer, tuple | list) else [answer], start)
        pairs = [(source, c) for source, c in zip(node.inputs, found) if source is not None]
        return [(source, self.replay.fitted(c, source)) for source, c in pairs if c is not None]


def _has_node(t: Any) -> bool:
    return isinstance(t, Tensor) and t.node is not None
