"""Gradient checkpointing: save memory by recomputing parts of a model in the backward pass.

Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost" (2016).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from minigrad import engine
from minigrad.autograd.function import Application
from minigrad.autograd.trees import mapped, tensors
from minigrad.engine import tick
from minigrad.grad_mode import enable_grad, is_grad_enabled
from minigrad.primitives.primitive import Primitive
from minigrad.tensors import saved
from minigrad.tensors.rng import numbers
from minigrad.tensors.tensor import Tensor, wrap

_REFUSED = ("context_fn", "determinism_check", "debug", "early_stop")


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = False,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Compute `function(*args, **kwargs)`, and save only its arguments for the backward pass.

    The backward pass recomputes the function to get the intermediate results that the derivatives need. Gradients go
    to the arguments and to all parameters that the function uses.

    Args:
        function: returns a tensor, or nested tuples, lists and dicts of tensors; must compute the same both times.
        args: its positional arguments.
        use_reentrant: only False is supported.
        preserve_rng_state: True to draw the same random numbers both times, so that dropout zeroes the same elements.
        kwargs: its keyword arguments.

    Raises:
        RuntimeError: in the backward pass, if a tensor that the function used was written to in the meantime.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).exp(), x).sum().backward()
    >>> x.grad
    tensor([  5.4366, 218.3926])
    """
    refused = [f"{name}=..." for name in _REFUSED if name in kwargs] + ["use_reentrant=True"] * bool(use_reentrant)
    if refused:
        raise NotImplementedError(f"checkpoint: {refused[0]} is not supported; leave it out")
    if not is_grad_enabled():
        return function(*args, **kwargs)
    run = _Run(function, args, kwargs, numbers().bit_generator.state if preserve_rng_state else None)
    arguments = [t._array for t in tensors([args, kwargs])]
    start = tick()
    output = run()
    if saved.last_event > start and saved.find_overwritten(tuple(arguments), start, None) is not None:
        raise RuntimeError(
            "checkpoint: the function writes to its arguments in place, so it cannot be recomputed; write to a copy, "
            "x.clone()"
        )
    passing = [t.node is not None and t.node.index > start for t in tensors(output)]
    inner = engine.reverse_topological_order(
        [t.node for t, p in zip(tensors(output), passing) if p and t.node], since=start
    )
    outside = {s for node in inner for s in node.inputs if s is not None and s.index < start}
    if not outside:
        return output
    owners = [weakref.ref(saved.memory_owner(a)) for node in inner for _, a in saved.saved_arrays(node.saved)]  # type: ignore[attr-defined]
    inner.clear()

    remaining = iter(passing)
    output = mapped(lambda t: _without_graph(t) if isinstance(t, Tensor) and next(remaining) else t, output)
    results = tensors(output)
    arrays = [t._array if p else None for t, p in zip(results, passing)]
    node = _Checkpoint(_checkpoint, arrays, tuple(sorted(outside, key=lambda n: n.index)), several=True)
    node.run = run
    # the saved arrays that are still alive come from outside the function: parameters, and other tensors that it uses
    own = {id(saved.memory_owner(t._array)) for t in results}
    others = {id(a): a for a in (r() for r in owners) if a is not None and id(a) not in own}
    node.saved = (*arguments, *others.values())
    if saved.exposed:
        node.checksums = saved.checksums(node.saved)
    node.attach(results)
    return output


def checkpoint_sequential(
    functions: Iterable[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = False,
    preserve_rng_state: bool = True,
) -> Any:
    """Apply functions one after the other, in `segments` checkpointed segments.

    The last segment is not checkpointed, as the backward pass starts with it.

    Args:
        functions: a `Sequential`, or a sequence of modules or functions.
        segments: the number of segments; for n functions, sqrt(n) segments need memory of order sqrt(n).
        input: the argument of the first function.
        use_reentrant: only False is supported.
        preserve_rng_state: as for `checkpoint`.
    """
    steps = list(functions)
    size = len(steps) // segments
    if not 1 <= segments <= len(steps):
        raise ValueError(
            f"checkpoint_sequential: segments must be from 1 to the number of functions, {len(steps)}, got {segments}"
        )

    def segment(first: int, end: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for step in steps[first:end]:
                x = step(x)
            return x

        return run

    last = size * (segments - 1)
    for first in range(0, last, size):
        input = checkpoint(
            segment(first, first + size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return segment(last, len(steps))(input)


class _Run:
    """A call of a function that can be repeated with the same random numbers."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, random_state: Any) -> None:
        self.function, self.args, self.kwargs, self.random_state = function, args, kwargs, random_state

    def __call__(self) -> Any:
        return self.function(*self.args, **self.kwargs)

    def recompute(self) -> Any:
        with enable_grad(), nullcontext() if self.random_state is None else _drawing_from(self.random_state):
            return self()


@contextmanager
def _drawing_from(state: Any) -> Iterator[None]:
    """Context manager: draw the random numbers that follow `state`."""
    generator = numbers().bit_generator
    before, generator.state = generator.state, state
    try:
        yield
    finally:
        generator.state = before


def _without_graph(t: Tensor) -> Tensor:
    """Return a result without its graph; a view as a copy, so that its base can be freed."""
    return wrap(t._array if t._base is None else t._array.copy(), None)


class _Checkpoint(Application):
    """The node of a checkpointed call. Its inputs are the outside nodes it used, in order of creation."""

    run: _Run | None

    def differentiate(self, grads: list[Any], graph: bool) -> Iterable[Any]:
        assert self.run is not None
        start = tick()
        results = tensors(self.run.recompute())
        specs = [(t.shape, t.dtype) for t in results]
        if len(specs) != len(self.outputs) or any(o not in (None, s) for o, s in zip(self.outputs, specs)):
            raise RuntimeError(
                f"checkpoint: the function returned shapes {[o and o[0] for o in self.outputs]} in the forward pass, "
                f"but {[shape for shape, _ in specs]} when recomputed; it must compute the same both times"
            )
        seeds: dict[Any, Any] = {}
        for t, g in zip(results, grads):
            if g is not None and t.node is not None:
                seeds[t.node] = seeds[t.node] + g if t.node in seeds else g
        gradients: dict[Any, Any] = {}
        for node, _, contributions in engine.walk(seeds, retain_graph=graph, create_graph=graph, since=start):
            for source, c in zip(node.inputs, contributions):
                if c is not None and source is not None and source.index < start:
                    gradients[source] = gradients[source] + c if source in gradients else c
        if not gradients.keys() <= set(self.inputs):
            raise RuntimeError(
                "checkpoint: the function used other tensors when recomputed than in the forward pass; it must compute "
                "the same both times"
            )
        return [gradients.get(source) for source in self.inputs]

    def release(self) -> None:
        super().release()
        self.run = None


_checkpoint = Primitive("checkpoint", lambda *xs: xs, xs=lambda g: g).with_notation(
    xs="the gradient from a backward pass through the recomputed function"
)
"""The primitive's name, and that it takes any number of inputs; the node does the computing."""
