"""Run a user's program up to its first backward pass, and check its network on that batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.network import Network
from minigrad.nn import functional
from minigrad.nn.module import Module
from minigrad.teach.sanity import SanityReport, sanity
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
    a module of `nn` or a function of `nn.functional`.

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
        model = next((c for c in made if c.result is scores and _is_model(c)), None)
        if model is not None and len(call.arguments) == 2 and getattr(call.result, "shape", None) == ():
            batch = model.arguments[0], targets
            return sanity(model.called, batch, partial(call.called, **call.options) if call.options else call.called)
    raise ValueError(
        f"{script}: no loss of minigrad.nn gets the output of a model as it is. Call minigrad.sanity(model, (X, y), "
        "loss) in the program"
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
