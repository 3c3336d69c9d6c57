"""Run a user's program up to its first backward pass, and check its network on that batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad.engine import reverse_topological_order
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
        if len(call.arguments) != 2 or getattr(call.result, "shape", None) != ():
            continue
        for model in filter(_is_model, made):
            for place, output in enumerate(_several(model.result) or (model.result,)):
                views = _views(output, scores)
                if views is None:
                    continue
                loss = partial(call.called, **call.options) if call.options else call.called
                if views:
                    loss = partial(_viewed, loss, views)
                if output is not model.result:
                    loss = partial(_of_one, loss, place)
                return sanity(model.called, (model.arguments[0], targets), loss)
    for call in reversed(made):
        own = isinstance(call.called, Module) and any(True for _ in call.called.parameters())
        if own and any(t is found[0] for t in (*_several(call.result), call.result)):
            for pair in inside.arguments(call.arguments, call.options):
                return sanity(call.called, pair)
    leaves = {*reverse_topological_order([found[0].node])} if getattr(found[0], "node", None) is not None else set()
    models = [call.called for call in made if _is_model(call)]
    if models and not any(p.node in leaves for model in models for p in model.parameters()):
        raise ValueError(
            f"{script}: the loss depends on no parameter of a model: between output and loss the graph is cut "
            "(detach(), .data, .numpy(), tensor(...), argmax, a comparison, rounding), so nothing is trained"
        )
    for call in filter(_is_model, reversed(made)):
        for batch_loss, targets in _by_hand(call.result, found[0]):
            return sanity(call.called, (call.arguments[0], targets), batch_loss)
    raise ValueError(
        f"{script}: the loss is none of minigrad.nn, and no mean of squares and no cross entropy, of the output of a "
        "model, and none that a model returns. Call minigrad.sanity(model, (X, y), loss) in the program"
    )


def _several(returned: Any) -> tuple[Any, ...]:
    """Return the values of a dictionary, tuple or list."""
    returned = returned.values() if isinstance(returned, dict) else returned
    return () if isinstance(returned, Tensor) or not isinstance(returned, Iterable) else tuple(returned)


def _views(output: Any, scores: Any) -> list[Any] | None:
    """Return the reshapes and transposes that make the scores of a model's output, in order; None if others do."""
    found: list[Any] = []
    node, end = getattr(scores, "node", None), getattr(output, "node", None)
    while scores is not output and node is not end:
        if node is None or node.primitive is None or node.primitive.name not in ("reshape", "permute"):
            return None
        found.insert(0, node)
        node = node.inputs[0]
    return found if scores is output or node is not None else None


def _viewed(loss: Callable[..., Any], views: list[Any], output: Any, targets: Any) -> Any:
    for node in views:
        if node.primitive.name == "reshape":
            output = output.reshape(-1, *node.shape[1:])
        else:
            output = Tensor.apply(node.primitive, output, **node.parameters)
    return loss(output, targets)


def _of_one(loss: Callable[..., Any], place: int, outputs: Any, targets: Any) -> Any:
    return loss(_several(outputs)[place], targets)


def _by_hand(output: Any, loss: Any) -> Iterator[tuple[Callable[..., Any], Any]]:
    """Yield the loss of outputs and targets that a program writes itself, and its targets."""
    if getattr(output, "node", None) is None or getattr(loss, "node", None) is None or not isinstance(output, Tensor):
        return
    between = loss_graph.nodes_between(output.node, loss.node)
    indices = [(n.parameters or {}).get("index") for n in between if loss_graph.kind_of(n) == "getitem"]
    picked = (index[-1] for index in indices if isinstance(index, tuple) and isinstance(index[-1], np.ndarray))
    labels = next((y for y in picked if y.dtype.kind in "iu" and y.shape == output.shape[:1]), None)
    tried = [(own, t) for t in loss_graph.targets(between, output.node) for own in _DIFFERENCES]
    tried += [(own, labels) for own in _ENTROPIES if labels is not None]
    for own, targets in tried:
        for factor in (1.0, -1.0):
            with no_grad():
                made = factor * own(output, as_tensor(targets)).item()
            if math.isclose(made, float(loss.item()), rel_tol=1e-5):
                yield own if factor == 1 else partial(_negative, own), targets


def _negative(own: Callable[..., Any], output: Any, targets: Any) -> Any:
    return -own(output, as_tensor(targets))


def _distance(power: int, factor: float, reduction: str, output: Any, targets: Any) -> Any:
    each = output - as_tensor(targets)  # which broadcasts, as the program does
    return factor * getattr(each**2 if power == 2 else each.abs(), reduction)()


def _picked(normalized: Callable[[Any], Any], output: Any, targets: Any, reduction: str) -> Any:
    return functional.nll_loss(normalized(output), as_tensor(targets), reduction=reduction)


_DIFFERENCES: tuple[Callable[..., Any], ...] = (
    *(partial(_distance, *how) for how in ((2, 1.0, "mean"), (2, 0.5, "mean"), (2, 1.0, "sum"), (1, 1.0, "mean"))),
)
_CROSS_ENTROPIES: tuple[Callable[..., Any], ...] = (
    functional.cross_entropy,
    functional.nll_loss,
    partial(_picked, lambda s: s.log_softmax(0)),  # wrong: over the batch
    partial(_picked, lambda s: s.softmax(1)),  # without the logarithm
    partial(_picked, lambda s: s - s.logsumexp((0, 1))),  # over all scores
)
_ENTROPIES: tuple[Callable[..., Any], ...] = tuple(
    partial(loss, reduction=reduction) for loss in _CROSS_ENTROPIES for reduction in ("mean", "sum")
)


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
