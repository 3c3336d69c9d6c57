"""Backward hooks of modules: identity functions around a module's inputs and outputs that see all gradients at once.

All tensors that enter the module pass through one gate together, and all that leave it through another. A gate is the
identity in the forward pass. In the backward pass it has the gradients of all its tensors, calls the hooks and passes
on what they return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd.function import Function
from minigrad.output.words import class_name
from minigrad.tensors.creation import zeros
from minigrad.tensors.tensor import Tensor

Grads = tuple[Any, ...]


class BackwardHook(Function):
    """One gate. Its outputs are copies, so an in-place write after the gate does not change the tensors before it."""

    calls_hooks = True

    @staticmethod
    def forward(ctx: Any, call_hooks: Callable[[Grads], Grads], at_inputs: bool, *tensors: Tensor) -> Any:
        ctx.call_hooks = call_hooks
        ctx.shapes = [(t.shape, t.dtype) for t in tensors]
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        # as in PyTorch: where no gradient arrives, hooks see None for an output, but zeros for an input
        ctx.set_materialize_grads(at_inputs)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        grads = ctx.call_hooks(grads)
        return None, None, *[zeros(*shape, dtype=d) if g is None else g for g, (shape, d) in zip(grads, ctx.shapes)]

    @staticmethod
    def jvp(ctx: Any, _: Any, __: Any, *tangents: Any) -> Any:  # forward mode calls no hooks
        return tangents


class Gates:
    """The two gates of one call of a module.

    Args:
        module: the module.
        pre_hooks: called with (module, grad_output).
        hooks: called with (module, grad_input, grad_output).
    """

    def __init__(self, module: Any, pre_hooks: list[Any], hooks: list[Any]) -> None:
        self.module, self.pre_hooks, self.hooks = module, tuple(pre_hooks), tuple(hooks)
        self.grad_output: Grads = ()
        self.no_inputs: Grads | None = None  # the grad_input that hooks get if no input requires a gradient

    def enter(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pass the module's positional inputs through the first gate."""
        gated = self._gated(inputs, True)
        if gated is None:
            self.no_inputs = (None,) * len(inputs)
        return inputs if gated is None else gated

    def leave(self, output: Any) -> Any:
        """Pass the module's output, a tensor or a tuple of them, through the second gate."""
        several = isinstance(output, tuple)
        gated = self._gated(output if several else (output,), False)
        if gated is None:
            return output
        if not several:
            return gated[0]
        return type(output)(*gated) if hasattr(output, "_fields") else gated

    def _gated(self, values: tuple[Any, ...], at_inputs: bool) -> tuple[Any, ...] | None:
        """The values with their tensors passed through a gate; None if no gradient can come back through it."""
        hooks = self._at_inputs if at_inputs else self._at_outputs
        positions = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not any(values[i].requires_grad for i in positions):
            return None

        def call_hooks(grads: Grads) -> Grads:
            by_position = dict(zip(positions, grads))
            result = hooks(tuple([by_position.get(i) for i in range(len(values))]))
            return tuple([result[i] for i in positions])

        gated = list(values)
        outputs = BackwardHook.apply(call_hooks, at_inputs, *[values[i] for i in positions])
        for i, t in zip(positions, outputs):
            gated[i] = t
        return tuple(gated)

    def _at_outputs(self, grads: Grads) -> Grads:
        for hook in self.pre_hooks:
            grads = self._replaced("full_backward_pre_hook", "grad_output", grads, hook(self.module, grads))
        self.grad_output = grads
        if self.no_inputs is not None:
            for hook in self.hooks:
                result = hook(self.module, self.no_inputs, grads)
                if result is not None and any(g is not None for g in self._replaced("", "", self.no_inputs, result)):
                    raise RuntimeError(
                        f"the full_backward_hook of {class_name(self.module)} returned a gradient, but no input "
                        "requires one"
                    )
        return grads

    def _at_inputs(self, grads: Grads) -> Grads:
        for hook in self.hooks:
            result = hook(self.module, grads, self.grad_output)
            grads = self._replaced("full_backward_hook", "grad_input", grads, result)
        return grads

    def _replaced(self, kind: str, argument: str, grads: Grads, result: Any) -> Grads:
        """The gradients after a hook: those it returned, or the old ones if it returned None."""
        if result is None:
            return grads
        result = result if isinstance(result, tuple | list) else (result,)
        if len(result) != len(grads):
            raise RuntimeError(
                f"the {kind} of {class_name(self.module)} must return as many gradients as {argument} has, "
                f"{len(grads)}; it returned {len(result)}"
            )
        return tuple(result)
