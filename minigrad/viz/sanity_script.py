"""Run a user's program up to its first backward pass, and check its network on that batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.grad_mode import no_grad
from minigrad.network import Network
from minigrad.nn import functional
from minigrad.nn.module import Module
from minigrad.teach import loss_graph
from minigrad.teach.sanity import SanityReport, inside, sanity
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor
from minigrad.viz.steps.script import Reached, run_script


class _Call(NamedTuple):
    """A call of a module, a loss or `Network.forward` by the program: who was called, with what, and the result."""

    called: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    result: Any


def sanity_of(script: str | Path, arguments: Sequence[str] = ()) -> SanityReport:
    """Run a program up to its first backward pass, and return what `sanity` says of its network and that batch.

    The network is the `Network` that computed the loss; or the model whose output the loss was given, where the loss is
    a module of `nn` or a function of `nn.functional`, or squares or distances of outputs and targets; or the model that
    computed the loss itself, from inputs and targets.

    Args:
        script: the Python file.
        arguments: the program's `sys.argv[1:]`. Default: none.

    Raises:
        OSError: the file does not exist or cannot be read.
        ValueError: the program makes no backward pass, or model and loss are not found.
        ScriptError: the program fails.
    """
    found: list[Any] = []
    made: list[_Call] = []

    def begin(output: Any, gradient: Any) -> None:
        if not found:
            found.append(output)
        raise Reached

    with _recording(made):
        run_script(script, arguments, begin, found)
    if not found:
        raise ValueError(f"{script} makes no backward pass, so there is no network to check")
    for call in reversed(made):
        if isinstance(call.called, Network):
            return sanity(call.called, call.arguments[0])
        scores, targets = (*call.arguments, None, None)[:2]
        model = next((c for c in made if _is_model(c) and _hands_on(c.result, scores)), None)
        if model is not None and len(call.arguments) == 2 and getattr(call.result, "shape", None) == ():
            loss = partial(call.called, **call.options) if call.options else call.called
            if model.result is not scores:
                loss = partial(_reshaped, loss, scores.shape[1:])
            return sanity(model.called, (model.arguments[0], targets), loss)
    for call in reversed(made):
        if isinstance(call.called, Module) and any(t is found[0] for t in (*_several(call.result), call.result)):
            for pair in inside.arguments(call.arguments, call.options):
                return sanity(call.called, pair)
    for call in filter(_is_model, reversed(made)):
        for batch_loss, targets in _of_differences(call.result, found[0]):
            return sanity(call.called, (call.arguments[0], targets), batch_loss)
    raise ValueError(
        f"{script}: the loss is none of minigrad.nn, and no mean of squares, of the output of a model, and none that a "
        "model returns. Call minigrad.sanity(model, (X, y), loss) in the program"
    )


def _several(returned: Any) -> tuple[Any, ...]:
    """Return the values of a dictionary, tuple or list."""
    returned = returned.values() if isinstance(returned, dict) else returned
    return () if isinstance(returned, Tensor) or not isinstance(returned, Iterable) else tuple(returned)


def _hands_on(output: Any, scores: Any) -> bool:
    """Return whether the scores are a model's output, as it is or in another shape with the same last axis."""
    if output is scores:
        return True
    node = getattr(scores, "node", None)
    while node is not None and node.primitive is not None and node.primitive.name == "reshape":
        node = node.inputs[0]
    return node is not None and node is getattr(output, "node", None) and output.numel() == scores.numel()


def _reshaped(loss: Callable[..., Any], shape: tuple[int, ...], output: Any, targets: Any) -> Any:
    return loss(output.reshape(-1, *shape), targets)


def _of_differences(output: Any, loss: Any) -> Iterator[tuple[Callable[..., Any], Any]]:
    """Yield the loss of differences of outputs and targets that a program writes itself, and its targets."""
    if getattr(output, "node", None) is None or getattr(loss, "node", None) is None or not isinstance(output, Tensor):
        return
    for targets in loss_graph.targets(loss_graph.nodes_between(output.node, loss.node), output.node):
        for own in (_mean_square, _half_mean_square, _sum_of_squares, _mean_distance):
            with no_grad():
                made = own(output, targets)
            if math.isclose(float(made.item()), float(loss.item()), rel_tol=1e-5):
                yield own, targets


def _mean_square(output: Any, targets: Any) -> Any:
    return (output - as_tensor(targets)).square().mean()


def _half_mean_square(output: Any, targets: Any) -> Any:
    return 0.5 * _mean_square(output, targets)


def _sum_of_squares(output: Any, targets: Any) -> Any:
    return (output - as_tensor(targets)).square().sum()


def _mean_distance(output: Any, targets: Any) -> Any:
    return (output - as_tensor(targets)).abs().mean()


def _is_model(call: _Call) -> bool:
    return isinstance(call.called, Module) and len(call.arguments) == 1 and any(True for _ in call.called.parameters())


@contextmanager
def _recording(made: list[_Call]) -> Iterator[None]:
    """Within the context, append the program's own calls of modules, losses and `Network.forward` to `made`."""
    depth = 0

    def recorded(function: Callable[..., Any], method: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal depth
            depth += 1
            try:
                result = function(*arguments, **options)
            finally:
                depth -= 1
            if depth == 0:  # not within another call
                called, given = (arguments[0], arguments[1:]) if method else (function, arguments)
                made.append(_Call(called, given, options, result))
            return result

        return call

    losses = [name for name in dir(functional) if name.endswith("_loss") or "cross_entropy" in name]
    places: list[tuple[Any, str, bool]] = [(Module, "__call__", True), (Network, "forward", True)]
    places += [(functional, name, False) for name in losses]
    before = [getattr(owner, name) for owner, name, _ in places]
    for (owner, name, method), function in zip(places, before):
        setattr(owner, name, recorded(function, method))
    try:
        yield
    finally:
        for (owner, name, _), function in zip(places, before):
            setattr(owner, name, function)
