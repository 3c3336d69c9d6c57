"""Anomaly detection: find the first operation that returns nan, and the line that called it. Imports no NumPy."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from contextlib import ContextDecorator, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from minigrad.engine import Node
from minigrad.hooks import watchers
from minigrad.output.words import class_name, printable

_PACKAGE = str(Path(__file__).parents[1])


class AnomalyError(FloatingPointError, RuntimeError):
    """A nan that anomaly detection has found; PyTorch's error is a RuntimeError."""


class detect_anomaly(ContextDecorator):
    """Context manager and decorator: raise at the first operation that returns nan.

    The error names the operation; in the backward pass, also the line of the program that called it. Every operation
    becomes slower; all threads are watched.

    Args:
        check_nan: True to check for nan. If False, errors of the backward pass still name the line that called the
            operation.

    >>> from minigrad.scalar import Value
    >>> with detect_anomaly():
    ...     Value(0.0) * Value(-1.0).log()
    Traceback (most recent call last):
    minigrad.autograd.anomaly.AnomalyError: the forward pass of 'log' returned nan. ...
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def _recreate_cm(self) -> detect_anomaly:
        return type(self)(self.check_nan)

    def __enter__(self) -> None:
        watchers.append(self.look)

    def __exit__(self, *exc: object) -> None:
        if self.look in watchers:  # set_detect_anomaly(False) may have removed it
            watchers.remove(self.look)

    def look(self, primitive: Any, result: Any, direction: str, node: Node | None) -> None:
        """Check a result. The engine calls this watcher with everything that it computes."""
        if direction == "forward" and node is not None:
            with suppress(AttributeError):  # Values have no slot for it
                node.created_at = _place()  # type: ignore[misc]
        if not self.check_nan:
            return
        different = result != result  # true for nan only; a bool for a number, an array for an array
        if different.any() if hasattr(different, "any") else different:
            names = [source.name for source in node.inputs if source is not None and source.name] if node else []
            of = f", of {', '.join(map(printable, names))}" if names else ""
            place = f" Its result was computed {node.created_at}." if node and node.created_at else ""
            raise AnomalyError(
                f"the {direction} pass of {primitive.name!r} returned nan{of}."
                f"{place if direction == 'backward' else ''} Usual causes: log or sqrt of a negative number, 0 / 0, "
                "inf - inf after a learning rate that was too high, or a nan in the data."
            )


class set_detect_anomaly:
    """Switch anomaly detection on or off; as a context manager, for the block only.

    Args:
        mode: True to switch it on.
        check_nan: as for `detect_anomaly`.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _detectors()
        _use([detect_anomaly(check_nan).look] if mode else [])

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _use(self._before)


def nan_is_refused() -> bool:
    """Return True if anomaly detection is on and checks for nan."""
    return any(detector.__self__.check_nan for detector in _detectors())  # type: ignore[attr-defined]


def _detectors() -> list[Callable[..., None]]:
    return [w for w in watchers if isinstance(getattr(w, "__self__", None), detect_anomaly)]


def _use(detectors: list[Callable[..., None]]) -> None:
    present = _detectors()
    watchers[:] = [w for w in watchers if w not in present] + detectors


def _place() -> str:
    """Return the line of the program that called minigrad, and the module in whose call this operation was computed."""
    frame: FrameType | None = sys._getframe(2)
    layers: list[Any] = []  # the innermost first
    line = ""
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_PACKAGE):
            if not line:
                text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
                line = f"at {frame.f_code.co_filename}:{frame.f_lineno}{text and f' ({text})'}"
        elif frame.f_code.co_name == "__call__" and hasattr(frame.f_locals.get("self"), "named_modules"):
            layers.append(frame.f_locals["self"])
        frame = frame.f_back
    if not layers:
        return line
    path = next((path for path, module in layers[-1].named_modules() if module is layers[0]), "")
    return f"in {class_name(layers[-1])}{path and '.'}{printable(path)}, {line}"
