"""Checks of arguments by kind: a bool is not an int, and a number is not a bool.

They catch positional arguments that land in the wrong place. In `NLLLoss(None, False)`, for example, False is a value
for `ignore_index`, where Python would take it for class 0.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import numpy as np

Init = TypeVar("Init", bound=Callable[..., None])


def check_bool(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values, given by the name of its argument, is not a bool.

    >>> check_bool("Linear", bias=True)
    >>> check_bool("Linear", bias=0.5)
    Traceback (most recent call last):
    TypeError: Linear: bias must be True or False, got 0.5. If another argument was meant, pass it by name
    """
    for name, value in values.items():
        if not isinstance(value, bool | np.bool_):
            refuse(function, name, "True or False", value)


def check_int(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is not an integer (a bool is not)."""
    for name, value in values.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            refuse(function, name, "an integer", value)


def check_number(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is not a real number (a bool is not; a tensor of one element is)."""
    for name, value in values.items():
        if not hasattr(value, "__float__") or isinstance(value, bool | np.bool_):
            refuse(function, name, "a number", value)


_CHECKS = {"bool": check_bool, "int": check_int, "float": check_number}


def check_annotated(function: str, name: str, value: Any, annotation: Any) -> None:
    """Check a value by the annotation of its argument: bool, int or float, each with or without `| None`."""
    kind, _, optional = str(annotation).partition(" | ")
    if kind in _CHECKS and optional in ("", "None") and not (optional and value is None):
        _CHECKS[kind](function, **{name: value})


def check_arguments(init: Init) -> Init:
    """Decorate the `__init__` of a module: check the arguments whose annotation is bool, int or float.

    >>> class Scale:
    ...     @check_arguments
    ...     def __init__(self, factor: float, bias: bool = True) -> None: ...
    >>> Scale(2.0, 0.5)
    Traceback (most recent call last):
    TypeError: Scale: bias must be True or False, got 0.5. If another argument was meant, pass it by name
    """
    annotations = {name: p.annotation for name, p in list(inspect.signature(init).parameters.items())[1:]}

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **named: Any) -> None:
        for name, value in (*zip(annotations, args), *named.items()):
            check_annotated(type(self).__name__, name, value, annotations.get(name))
        init(self, *args, **named)

    return checked  # type: ignore[return-value]


def refuse(function: str, name: str, kind: str, value: Any) -> NoReturn:
    """Raise a TypeError: the argument `name` of `function` must be of this kind."""
    raise TypeError(f"{function}: {name} must be {kind}, got {value!r}. If another argument was meant, pass it by name")
