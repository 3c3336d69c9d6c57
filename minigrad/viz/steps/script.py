"""A program of the user's, run up to one of its backward passes, to step through that."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from minigrad.program.variables import variables
from minigrad.scalar import Value
from minigrad.viz.steps.steps import Steps


class Reached(BaseException):
    """Ends a program where its backward pass would begin. Not an Exception, which the program might catch."""


class Failed(Exception):
    """The program ended with an error, which is told.

    Attributes:
        status: of the exit that it would have made.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def steps_of(script: str | Path, arguments: Sequence[str] = (), backward: int = 1) -> Steps:
    """The steps of a backward pass of a program. It is run up to there; if it makes none at all, to its end, and then
    they are those of the last single number that it computed.

    Args:
        script: the program's file.
        arguments: what it finds in `sys.argv[1:]`.
        backward: which of its backward passes, from 1.

    Raises:
        OSError: when there is no such file.
        ValueError: when the program makes fewer passes, or computes nothing that has a gradient.
        Failed: when the program itself fails.
    """
    if backward < 1:
        raise ValueError(f"--backward counts the backward passes of the program from 1, not {backward}")
    path = Path(script)
    path.read_bytes()  # an error that names the file
    found: list[Steps] = []
    passes = 0

    def begin(output: Any, gradient: Any) -> None:
        nonlocal passes
        passes += 1
        if passes == backward:
            with suppress(RuntimeError):  # backward itself says better what is wrong
                found.append(Steps(output, gradient, variables()))
                raise Reached

    before = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [str(script), *arguments], str(path.resolve().parent)
    names: dict[str, Any] = {}
    try:
        with _watching(begin):
            names = runpy.run_path(str(path), run_name="__main__")
    except Reached:
        pass
    except SystemExit as error:
        if error.code not in (None, 0) and not found:
            raise Failed(str(error.code), error.code if isinstance(error.code, int) else 1) from None
    except Exception as error:
        if not found:
            raise Failed(_told(error, str(path)), 1) from None
    finally:
        sys.argv, sys.path[0] = before
    if found:
        return found[0]
    if passes:
        raise ValueError(f"{script} makes {passes} backward passes; --backward {backward} asks for another")
    return _last(names, script)


def _last(names: dict[str, Any], script: Any) -> Steps:
    """The steps of the youngest single number among a program's variables."""
    from minigrad.tensors.tensor import Tensor

    ends = [v for v in names.values() if isinstance(v, Value) or isinstance(v, Tensor) and v.numel() == 1]
    nodes = {v.node: v for v in ends if v.node is not None and v.node.primitive is not None}
    if not nodes:
        raise ValueError(f"{script} made no backward pass, and among its variables is no result that has a gradient")
    return Steps(nodes[max(nodes, key=lambda node: node.index)], None, variables(names))


@contextmanager
def _watching(begin: Any) -> Iterator[None]:
    """In here, `begin` is called with each (output, gradient) from which a backward pass is to start: all of them ask
    the output for the gradient to start from."""
    from minigrad.tensors.tensor import Tensor

    kinds: tuple[Any, ...] = (Value, Tensor)
    seeds = [kind.seed for kind in kinds]

    def watched(seed: Any) -> Any:
        def asked(self: Any, gradient: Any = None, graph: bool = False) -> Any:
            if self.node is not None:
                begin(self, gradient)
            return seed(self, gradient, graph)

        return asked

    for kind, seed in zip(kinds, seeds):
        kind.seed = watched(seed)
    try:
        yield
    finally:
        for kind, seed in zip(kinds, seeds):
            kind.seed = seed


def _told(error: Exception, path: str) -> str:
    """The traceback as Python tells it when it runs the program itself: from the program's first line on."""
    told = traceback.TracebackException.from_exception(error)
    places = [i for i, frame in enumerate(told.stack) if frame.filename == path]
    if places:
        told.stack[:] = told.stack[places[0] :]
    elif isinstance(error, SyntaxError):
        told.stack.clear()
    return "".join(told.format()).rstrip()
