"""Run a user's program up to one of its backward passes, and record that pass."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from minigrad.engine import check_not_released, reverse_topological_order
from minigrad.program.variables import variables
from minigrad.scalar import Value
from minigrad.viz.steps.steps import Steps


class Reached(BaseException):
    """Stops a program at the start of its backward pass. Not an Exception, which the program might catch."""


class ScriptError(Exception):
    """The program ended with an error; the message is what Python would have printed.

    Attributes:
        status: the exit status of the program.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def steps_of(script: str | Path, arguments: Sequence[str] = (), backward: int = 1) -> Steps:
    """Run a program up to one of its backward passes and return the steps of that pass.

    A program without a backward pass runs to its end; the steps are then those of the last scalar it computed.

    Args:
        script: the Python file.
        arguments: the program's `sys.argv[1:]`. Default: none.
        backward: the number of the backward pass, from 1. Default: 1.

    Raises:
        OSError: the file does not exist or cannot be read.
        ValueError: the program makes fewer passes, or computes no scalar that has a gradient.
        ScriptError: the program fails.
    """
    if backward < 1:
        raise ValueError(f"--backward must be at least 1, the first backward pass of the program, got {backward}")
    found: list[Steps] = []
    passes = 0

    def begin(output: Any, gradient: Any) -> None:
        nonlocal passes
        passes += 1
        if passes == backward:
            with suppress(RuntimeError):  # let backward() raise it, with the traceback of the program
                check_not_released(reverse_topological_order([output.node]))
                found.append(Steps(output, gradient, variables()))
                raise Reached

    names = run_script(script, arguments, begin, found)
    if found:
        return found[0]
    if passes:
        raise ValueError(f"--backward is {backward}, but {script} makes only {passes} backward passes")
    return _last(names, script)


def run_script(
    script: str | Path, arguments: Sequence[str], begin: Callable[[Any, Any], None], found: Sequence[Any]
) -> dict[str, Any]:
    """Run a program and return its variables; it ends early where `begin` raises `Reached`.

    Args:
        script: the Python file.
        arguments: the program's `sys.argv[1:]`.
        begin: called as `begin(output, gradient)` at the start of each backward pass.
        found: what `begin` has found; if there is anything, an error after that does not matter.

    Raises:
        OSError: the file does not exist or cannot be read.
        ScriptError: the program fails.
    """
    path = Path(script)
    path.read_bytes()  # raises an error that names the file
    before = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [str(script), *arguments], str(path.resolve().parent)
    names: dict[str, Any] = {}
    try:
        with _intercepting(begin):
            names = runpy.run_path(str(path), run_name="__main__")
    except Reached:
        pass
    except SystemExit as error:
        if error.code not in (None, 0) and not found:
            raise ScriptError(str(error.code), error.code if isinstance(error.code, int) else 1) from None
    except Exception as error:
        if not found:
            raise ScriptError(_traceback(error, str(path)), 1) from None
    finally:
        sys.argv, sys.path[0] = before
    return names


def _last(names: dict[str, Any], script: Any) -> Steps:
    """Return the steps of the most recent scalar among a program's variables."""
    from minigrad.tensors.tensor import Tensor

    ends = [v for v in names.values() if isinstance(v, Value) or isinstance(v, Tensor) and v.numel() == 1]
    nodes = {v.node: v for v in ends if v.node is not None and v.node.primitive is not None}
    if not nodes:
        raise ValueError(f"{script} makes no backward pass, and none of its variables is a scalar that has a gradient")
    return Steps(nodes[max(nodes, key=lambda node: node.index)], None, variables(names))


@contextmanager
def _intercepting(begin: Any) -> Iterator[None]:
    """Within the context, call `begin(output, gradient)` at the start of each backward pass.

    Every pass calls `seed` of its output, so that method is replaced.
    """
    from minigrad.tensors.tensor import Tensor

    kinds: tuple[Any, ...] = (Value, Tensor)
    seeds = [kind.seed for kind in kinds]

    def intercepted(seed: Any) -> Any:
        def begin_and_seed(self: Any, gradient: Any = None, graph: bool = False) -> Any:
            if self.node is not None:
                begin(self, gradient)
            return seed(self, gradient, graph)

        return begin_and_seed

    for kind, seed in zip(kinds, seeds):
        kind.seed = intercepted(seed)
    try:
        yield
    finally:
        for kind, seed in zip(kinds, seeds):
            kind.seed = seed


def _traceback(error: Exception, path: str) -> str:
    """Return the traceback that Python prints when it runs the program itself."""
    report = traceback.TracebackException.from_exception(error)
    frames = [i for i, frame in enumerate(report.stack) if frame.filename == path]
    if frames:
        report.stack[:] = report.stack[frames[0] :]
    elif isinstance(error, SyntaxError):
        report.stack.clear()
    return "".join(report.format()).rstrip()
