"""What a module's backward hooks see: the gradients at its doors.

All tensors that go into the module pass a gate together, and so do all that come out. A gate changes nothing, but on
the way back it has the gradients of all its tensors at once, calls the hooks, and lets through what they return.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd.function import Function
from minigrad.tensors.creation import zeros
from minigrad.tensors.tensor import Tensor

Grads = tuple[Any, ...]


class BackwardHook(Function):
    """The gate. (Its tensors are copies, so that a write in place behind it does not reach those before it.)"""

    @staticmethod
    def forward(ctx: Any, on_the_way_back: Callable[[Grads], Grads], at_the_inputs: bool, *tensors: Tensor) -> Any:
        ctx.call = on_the_way_back
        ctx.shapes = [(t.shape, t.dtype) for t in tensors]
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        # as in PyTorch: hooks see None for an output that no gradient came to, but zeros for such an input
        ctx.set_materialize_grads(at_the_inputs)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        given = ctx.call(grads)
        return None, None, *[zeros(*shape, dtype=d) if g is None else g for g, (shape, d) in zip(given, ctx.shapes)]

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
        self.no_inputs: Grads | None = None  # what stands for grad_input where no input receives a gradient

    def enter(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """The module's positional inputs behind the first gate."""
        gated = self._gated(inputs, True)
        if gated is None:
            self.no_inputs = (None,) * len(inputs)
        return inputs if gated is None else gated

    def leave(self, output: Any) -> Any:
        """The module's output, a tensor or a tuple of them, behind the second gate."""
        several = isinstance(output, tuple)
        gated = self._gated(output if several else (output,), False)
        if gated is None:
            return output
        if not several:
            return gated[0]
        return type(output)(*gated) if hasattr(output, "_fields") else gated

    def _gated(self, values: tuple[Any, ...], at_the_inputs: bool) -> tuple[Any, ...] | None:
        hooks = self._at_the_inputs if at_the_inputs else self._at_the_outputs
        places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not any(values[i].requires_grad for i in places):
            return None

        def on_the_way_back(grads: Grads) -> Grads:
            found = dict(zip(places, grads))
            answer = hooks(tuple([found.get(i) for i in range(len(values))]))
            return tuple([answer[i] for i in places])

        gated = list(values)
        outside = BackwardHook.apply(on_the_way_back, at_the_inputs, *[values[i] for i in places])
        for i, t in zip(places, outside):
            gated[i] = t
        return tuple(gated)

    def _at_the_outputs(self, grads: Grads) -> Grads:
        for hook in self.pre_hooks:
            grads = self._changed("full_backward_pre_hook", "grad_output", grads, hook(self.module, grads))
        self.grad_output = grads
        if self.no_inputs is not None:
            for hook in self.hooks:
                answer = hook(self.module, self.no_inputs, grads)
                if answer is not None and any(g is not None for g in self._changed("", "", self.no_inputs, answer)):
                    raise RuntimeError(
                        f"the full_backward_hook of {type(self.module).__name__} returned a gradient, but no input "
                        "requires one"
                    )
        return grads

    def _at_the_inputs(self, grads: Grads) -> Grads:
        for hook in self.hooks:
            answer = hook(self.module, grads, self.grad_output)
            grads = self._changed("full_backward_hook", "grad_input", grads, answer)
        return grads

    def _changed(self, kind: str, what: str, grads: Grads, answer: Any) -> Grads:
        """The gradients that a hook has left or returned."""
        if answer is None:
            return grads
        answer = answer if isinstance(answer, tuple | list) else (answer,)
        if len(answer) != len(grads):
            raise RuntimeError(
                f"the {kind} of {type(self.module).__name__} returned {len(answer)} gradients in place of the "
                f"{len(grads)} of {what}"
            )
        return tuple(answer)
