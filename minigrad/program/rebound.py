"""Rebind `np` in the functions of primitives, so that the arrays they create are traced, and their locals named.

A function is rebuilt from its code with other globals, and so are the functions of primitives that it calls. The
module itself keeps its `np`: other calls of the same functions, on plain arrays, are no part of the program.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

import numpy as np

from minigrad.program.ir import Term
from minigrad.program.stand_ins import NumPy
from minigrad.program.traced_array import Traced

_current: ContextVar[Any] = ContextVar("_current", default=None)


@contextmanager
def tracing(trace: Any) -> Iterator[None]:
    """Context manager: arrays created by primitives belong to this program."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


_numpy = NumPy(_current.get)
_rebound_globals: dict[str, dict[str, Any]] = {}
_MARK = "traced by minigrad"
"""A name that only rebound globals have."""


def rebound(function: Any) -> Any:
    """A primitive's function as it is where this `np` stands for NumPy; likewise the functions that it calls."""
    if isinstance(function, functools.partial):
        return functools.partial(rebound(function.func), *function.args, **function.keywords)
    if not isinstance(function, FunctionType):
        return function
    names = _globals(function.__globals__)
    other = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    other.__kwdefaults__ = function.__kwdefaults__
    return other


def _globals(names: dict[str, Any]) -> dict[str, Any]:
    """Return the rebound globals of a module; those of the user's modules are not cached, since they may change."""
    module = names.get("__name__", "")
    if module in _rebound_globals:
        return _rebound_globals[module]
    copies = dict(names)
    _rebound_globals[module] = copies
    for name, value in names.items():
        if value is np:
            copies[name] = _numpy
        elif isinstance(value, FunctionType) and value.__module__.startswith(("minigrad.primitives", module)):
            copies[name] = rebound(value)
    copies[_MARK] = True
    if not module.startswith("minigrad."):
        del _rebound_globals[module]
    return copies


def _depth(frame: Any) -> int:
    """Return the number of rebound functions on the stack of a frame."""
    depth = 0
    while frame is not None:
        depth += _MARK in frame.f_globals
        frame = frame.f_back
    return depth


def _whole(x: Traced) -> Term | None:
    """Return the term of a traced array that is not a view of another."""
    content, path = x._known() or (x.memory.content, x.path)
    return None if path else content


@contextmanager
def names_of_locals() -> Iterator[None]:
    """Context manager: the local variable that holds a traced array names its term; the outermost function wins.

    Beside a variable `z`, `dz` is the gradient of `z`, and gets its name from it.
    """

    def enter(frame: Any, event: str, arg: Any) -> Any:
        if _MARK not in frame.f_globals or frame.f_code.co_name.startswith("<"):
            return None
        given = dict(frame.f_locals)
        depth = _depth(frame)

        def look(frame: Any, event: str, arg: Any) -> Any:
            names = frame.f_locals
            for name, value in names.items():
                if isinstance(value, Traced) and value is not given.get(name):
                    of = names.get(name[1:]) if name[0] == "d" else None
                    content = _whole(value)
                    if content is not None:
                        value.recorder.call_it(content, _whole(of) or name if isinstance(of, Traced) else name, depth)
            return look

        return look

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
