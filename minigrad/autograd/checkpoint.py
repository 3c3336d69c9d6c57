"""Time for memory: parts of a model whose inner results are not kept, but computed again in the backward pass.

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
    """`function(*args, **kwargs)`, of which the graph keeps only the arguments. The backward pass computes it again,
    and so finds what the derivatives need; gradients come to the arguments and to all parameters that are used.

    Args:
        function: gives a tensor, or nested tuples, lists and dicts of them; must do the same both times.
        use_reentrant: only False is supported.
        preserve_rng_state: draw the same random numbers both times, so that dropout leaves out the same elements.

    Raises:
        RuntimeError: in the backward pass, if something it was computed from has been written to in the meantime.

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
    given = [t._array for t in tensors([args, kwargs])]
    start = tick()
    output = run()
    if saved.last_event > start and saved.find_overwritten(tuple(given), start, None) is not None:
        raise RuntimeError("checkpoint: the function writes to its arguments in place; it could not be computed again")
    passing = [t.node is not None and t.node.index > start for t in tensors(output)]
    made = engine.reverse_topological_order(
        [t.node for t, p in zip(tensors(output), passing) if p and t.node], since=start
    )
    outside = {s for node in made for s in node.inputs if s is not None and s.index < start}
    if not outside:
        return output
    kept = [weakref.ref(saved.memory_owner(k)) for node in made for _, k in saved.saved_arrays(node.saved)]  # type: ignore[attr-defined]
    made.clear()

    remaining = iter(passing)
    output = mapped(lambda t: _alone(t) if isinstance(t, Tensor) and next(remaining) else t, output)
    results = tensors(output)
    arrays = [t._array if p else None for t, p in zip(results, passing)]
    node = _Checkpoint(_rule, arrays, tuple(sorted(outside, key=lambda n: n.index)), several=True)
    node.run = run
    # of what was kept, that which is still there is not the function's own: parameters, and what else it uses
    own = {id(saved.memory_owner(t._array)) for t in results}
    others = {id(a): a for a in (r() for r in kept) if a is not None and id(a) not in own}
    node.saved = (*given, *others.values())
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
    """Apply functions one after the other, in `segments` checkpointed pieces (the last one is not: it is the first
    that the backward pass needs).

    Args:
        functions: a `Sequential`, or modules or functions.
        segments: how many pieces; with the square root of their number, memory grows with that only.
        input: what the first one is given.
        use_reentrant: only False is supported.
        preserve_rng_state: as for `checkpoint`.
    """
    steps = list(functions)
    size = len(steps) // segments
    if not 1 <= segments <= len(steps):
        raise ValueError(f"checkpoint_sequential: {len(steps)} functions cannot be {segments} segments")

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
    """A call of a function that can be made again, with the same random numbers."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, random_state: Any) -> None:
        self.function, self.args, self.kwargs, self.random_state = function, args, kwargs, random_state

    def __call__(self) -> Any:
        return self.function(*self.args, **self.kwargs)

    def recompute(self) -> Any:
        with enable_grad(), nullcontext() if self.random_state is None else _drawing_from(self.random_state):
            return self()


@contextmanager
def _drawing_from(state: Any) -> Iterator[None]:
    """In here, the random numbers are those after `state`."""
    generator = numbers().bit_generator
    before, generator.state = generator.state, state
    try:
        yield
    finally:
        generator.state = before


def _alone(t: Tensor) -> Tensor:
    """A result without its graph, and if it is a view, with memory of its own, for its base goes."""
    return wrap(t._array if t._base is None else t._array.copy(), None)


class _Checkpoint(Application):
    """Its inputs are all nodes outside from which the function was computed, in order of creation."""

    run: _Run | None

    def differentiate(self, grads: list[Any], graph: bool) -> Iterable[Any]:
        assert self.run is not None
        start = tick()
        results = tensors(self.run.recompute())
        found = [(t.shape, t.dtype) for t in results]
        if len(found) != len(self.outputs) or any(o not in (None, f) for o, f in zip(self.outputs, found)):
            raise RuntimeError(
                f"checkpoint: the function gave {[o and o[0] for o in self.outputs]} in the forward pass, but "
                f"{[shape for shape, _ in found]} when it was computed again; it has to do the same both times"
            )
        seeds: dict[Any, Any] = {}
        for t, g in zip(results, grads):
            if g is not None and t.node is not None:
                seeds[t.node] = seeds[t.node] + g if t.node in seeds else g
        shares: dict[Any, Any] = {}
        for node, _, contributions in engine.walk(seeds, retain_graph=graph, create_graph=graph, since=start):
            for source, c in zip(node.inputs, contributions):
                if c is not None and source is not None and source.index < start:
                    shares[source] = shares[source] + c if source in shares else c
        if not shares.keys() <= set(self.inputs):
            raise RuntimeError("checkpoint: the function used other tensors when it was computed again than before")
        return [shares.get(source) for source in self.inputs]

    def release(self) -> None:
        super().release()
        self.run = None


_rule = Primitive("checkpoint", lambda *xs: xs, xs=lambda g: g).with_notation(
    xs="what a backward pass through it, made now, gives"
)
"""Its name, and that the number of inputs is open; what is computed is the node's business."""
