"""Gradient modes: whether a thread records its operations; gradients that threads share. Imports no NumPy."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator
from itertools import repeat
from opcode import opmap
from typing import Any, Self, TypeVar, overload

from minigrad.output.words import class_name


class _Mode(threading.local):
    """The gradient mode of this thread: whether its operations are recorded.

    Attributes:
        recording: whether operations are recorded.
        inference: whether tensors are those of `inference_mode`.
        opens_functions: whether the operations inside of `Function.forward` are recorded instead of the Function.
    """

    recording = True
    inference = False
    opens_functions = False


F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
mode = _Mode()
_accumulating = threading.RLock()
if hasattr(os, "register_at_fork"):  # a forked process has no thread that would release it
    os.register_at_fork(after_in_child=_accumulating._at_fork_reinit)  # type: ignore[attr-defined]


def run_in_mode(recording: bool, function: Callable[..., R], *args: Any) -> R:
    """Call a function with recording on (but not in inference mode) or off.

    An interrupt at any line leaves the mode as it was. A context manager cannot promise this, since an interrupt may
    arrive at the start of its `__exit__`. Each `finally` restores what an interrupt of the other one leaves.
    """
    earlier_recording, earlier_inference = mode.recording, mode.inference
    try:
        try:
            mode.recording = recording and not earlier_inference
            return function(*args)
        finally:
            mode.recording, mode.inference = earlier_recording, earlier_inference
    finally:
        mode.recording, mode.inference = earlier_recording, earlier_inference


def warn_of_missing_grad() -> None:
    """Warn that an intermediate result has no `.grad`, on the line of the caller's caller."""
    warnings.warn(
        "the .grad of a tensor that is not a leaf is not stored. Was a parameter replaced by a new tensor, as in "
        "w = w - lr * w.grad? Update it in place, under no_grad(): w -= lr * w.grad. To keep the gradient of an "
        "intermediate result, call .retain_grad() on it before backward()",
        UserWarning,
        stacklevel=3,
    )


def warn_of_plain_number(what: str, letter: str) -> None:
    """Warn, once per line of the program, that a recorded value becomes a plain number; formatting is no reason to.

    Called by `__float__` and `__int__`.
    """
    caller = sys._getframe(2)
    at = caller.f_lasti
    operation, argument = caller.f_code.co_code[at : at + 2]
    if operation == opmap["BINARY_OP"] and argument in (6, 19):  # % and %=: a text, "%.3f" % loss
        return
    warnings.warn(
        f"a {what} was converted to a plain number, by float({letter}), int({letter}) or a function such as "
        f"math.exp({letter}): no gradient flows through the result. To record an operation use a method, "
        f"{letter}.exp(); for the number alone {letter}.item()",
        UserWarning,
        stacklevel=3,
    )


def accumulate(gradients: dict[Any, Any]) -> None:
    """Add each gradient to the `.grad` of its node, and then call the hooks of the nodes.

    All gradients are added or, after an interrupt, none of them. One thread at a time adds, since threads that train
    one model have the same leaves.
    """
    mine = _accumulating._is_owned()  # type: ignore[attr-defined]
    try:
        with _accumulating:
            seen: set[int] = set()
            sums = []
            for node, g in gradients.items():
                sums.append(node.accumulate_grad(g, id(g) in seen))
                seen.add(id(g))
            # one call in C, so that no interrupt finds a part of them set
            deque(map(setattr, gradients, repeat("grad"), sums), maxlen=0)
    finally:  # an interrupt at the end of the `with` leaves it locked
        if not mine and _accumulating._is_owned():  # type: ignore[attr-defined]
            _accumulating.release()
    for node in gradients:
        if node.post_accumulate_hooks:
            for hook in tuple(node.post_accumulate_hooks):
                hook()


class no_grad(ContextDecorator):
    """Do not record operations: their results require no gradient. A context manager and decorator.

    Use it for updates of parameters and for evaluation. Thread-local, as PyTorch's.

    >>> from minigrad.scalar import Value
    >>> w = Value(2.0)
    >>> with no_grad():
    ...     print((w * 3.0).inputs)
    ()
    """

    _recording = False
    _inference: bool | None = None  # None leaves it as it is

    @overload
    def __new__(cls, function: None = None) -> Self: ...
    @overload
    def __new__(cls, function: Callable[..., Any]) -> Any: ...
    def __new__(cls, function: Any = None) -> Any:
        return cls()(function) if callable(function) else super().__new__(cls)  # @no_grad, without brackets

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self._earlier: list[tuple[bool, bool]] = []  # a stack, for the object may be entered again inside itself

    def _recreate_cm(self) -> Self:
        return type(self)()

    @overload
    def __call__(self, function: F) -> F: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...  # mypy takes what @no_grad decorates for a no_grad
    def __call__(self, function: Any) -> Any:
        if not inspect.isgeneratorfunction(function):
            return super().__call__(function)

        @functools.wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            results = function(*args, **kwargs)
            try:
                sent: Any = None
                while True:
                    with self._recreate_cm():  # around each step: in between, the mode is the caller's
                        try:
                            result = results.send(sent)
                        except StopIteration as end:
                            return end.value
                    sent = yield result
            finally:
                results.close()

        return steps

    def __enter__(self) -> None:
        self._earlier.append(_state())
        if self._inference is not None:  # no call from here on, after which an interrupt could arrive
            mode.inference = self._inference
        mode.recording = self._recording and not mode.inference

    def _set(self) -> None:
        if self._inference is not None:
            mode.inference = self._inference
        mode.recording = self._recording and not mode.inference

    def __exit__(self, *exc: object) -> None:
        mode.recording, mode.inference = self._earlier[-1]
        del self._earlier[-1]


class enable_grad(no_grad):
    """Record operations, also inside `no_grad`. A context manager and decorator."""

    _recording = True


class set_grad_enabled(no_grad):
    """Set whether operations are recorded; as a context manager or decorator, only for the block or function.

    >>> from minigrad.scalar import Value
    >>> for train in (True, False):
    ...     with set_grad_enabled(train):
    ...         print(len((Value(2.0) * Value(3.0)).inputs))
    2
    0
    """

    def __new__(cls, mode: bool) -> Any:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled: mode must be True or False, got {class_name(mode)}: {mode!r}")
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._recording = mode
        self._before = _state()
        self._set()

    def _recreate_cm(self) -> Self:
        return type(self)(self._recording)

    def __call__(self, function: Any) -> Any:
        _restore(self._before)  # a decorator changes nothing until the function is called
        return super().__call__(function)

    def __enter__(self) -> None:
        self._set()

    def __exit__(self, *exc: object) -> None:
        _restore(self._before)


class inference_mode(no_grad):
    """Do not record operations, as `no_grad`, also inside `enable_grad`. With `mode=False`, leave inference mode.

    The results are ordinary tensors; PyTorch's must not be used in a recorded computation later.
    """

    _inference = True

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._inference, self._recording = mode, not mode

    def _recreate_cm(self) -> Self:
        return type(self)(bool(self._inference))


def _state() -> tuple[bool, bool]:
    return mode.recording, mode.inference


def _restore(state: tuple[bool, bool]) -> None:
    mode.recording, mode.inference = state


def is_grad_enabled() -> bool:
    """Return True if this thread records its operations."""
    return mode.recording


def is_inference_mode_enabled() -> bool:
    """Return True if this thread is inside `inference_mode`."""
    return mode.inference
