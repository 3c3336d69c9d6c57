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

from minigrad.output.words import class_name, printable, shortened
from minigrad.tensors.base import Base, plain_int

Checked = TypeVar("Checked", bound=Callable[..., Any])


def check_bool(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values, given by the name of its argument, is not a bool.

    >>> check_bool("Linear", bias=True)
    >>> check_bool("Linear", bias=0.5)
    Traceback (most recent call last):
    TypeError: Linear: bias must be True or False, got 0.5. If another argument was meant, pass it by name
    """
    for name, value in values.items():
        if value is not True and value is not False and not isinstance(value, np.bool_):
            refuse(function, name, "True or False", value)


def check_int(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is not an integer (a bool is not)."""
    for name, value in values.items():
        if value.__class__ is int:
            continue  # the commonest case
        if not isinstance(plain_int(value), int | np.integer) or isinstance(value, bool):
            refuse(function, name, "an integer", value)


def check_number(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is not a real number (a bool is not; a tensor of one element is)."""
    for name, value in values.items():
        if value.__class__ is float:
            continue  # the commonest case
        several = isinstance(value, np.ndarray) and value.size != 1
        if several or not hasattr(value, "__float__") or isinstance(value, bool | np.bool_):
            refuse(function, name, "a number", value)


def check_tensor(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is not a tensor."""
    for name, value in values.items():
        if not isinstance(value, Base):
            raise TypeError(f"{function}: {name} must be a tensor, got {class_name(value)}; use minigrad.tensor(...)")


def check_function(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is neither a function nor None."""
    for name, value in values.items():
        if value is not None and not callable(value):
            refuse(function, name, "a function", value)


def check_callable(function: str, **values: Any) -> None:
    """Raise a TypeError if one of the values is not a function."""
    for name, value in values.items():
        if not callable(value):
            raise TypeError(f"{function}: {name} must be a function, got {class_name(value)}")


def check_positive(function: str, **values: Any) -> None:
    """Raise if one of the values is not a number above 0.

    >>> check_positive("HuberLoss", delta=-1)
    Traceback (most recent call last):
    ValueError: HuberLoss: delta must be positive, got -1
    """
    check_number(function, **values)
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{function}: {name} must be positive, got {value}")


def check_not_negative(function: str, **values: Any) -> None:
    """Raise if one of the values is not a number of at least 0; nan is not."""
    check_number(function, **values)
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{function}: {name} must not be negative, got {value}")


def check_probability(function: str, **values: Any) -> None:
    """Raise if one of the values is not a number from 0 to 1."""
    check_number(function, **values)
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{function}: {name} must be a probability, from 0 to 1, got {value}")


def check_choice(function: str, *, allowed: tuple[Any, ...], **values: Any) -> None:
    """Raise a ValueError if one of the values is not one of those allowed.

    >>> check_choice("GELU", allowed=("none", "tanh"), approximate="erf")
    Traceback (most recent call last):
    ValueError: GELU: approximate must be 'none' or 'tanh', got 'erf'
    """
    *others, last = map(repr, allowed)
    for name, value in values.items():
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(f"{function}: {name} must be {', '.join(others)} or {last}, got {printable(repr(value))}")


_CHECKS = {"bool": check_bool, "int": check_int, "float": check_number}


def check_annotated(function: str, name: str, value: Any, annotation: Any) -> None:
    """Check a value by the annotation of its argument: bool, int or float, also with `| None` or `| list[float]`."""
    kind, _, other = str(annotation).partition(" | ")
    if kind not in _CHECKS or other == "None" and value is None:
        return
    if other in ("", "None"):
        _CHECKS[kind](function, **{name: value})
    elif other == f"list[{kind}]":
        for v in value if isinstance(value, list | tuple) else [value]:
            _CHECKS[kind](function, **{name: v})


def check_arguments(function: Checked) -> Checked:
    """Decorate a function, or the `__init__` of a class: check the arguments whose annotation is bool, int or float.

    >>> class Scale:
    ...     @check_arguments
    ...     def __init__(self, factor: float, bias: bool = True) -> None: ...
    >>> Scale(2.0, 0.5)
    Traceback (most recent call last):
    TypeError: Scale: bias must be True or False, got 0.5. If another argument was meant, pass it by name
    """
    annotations = {name: p.annotation for name, p in inspect.signature(function).parameters.items()}
    counts = {name for name, annotation in annotations.items() if str(annotation).startswith("int")}

    @functools.wraps(function)
    def checked(*args: Any, **named: Any) -> Any:
        name = class_name(args[0]) if function.__name__ == "__init__" else function.__name__
        args = (*[plain_int(v) if n in counts else v for n, v in zip(annotations, args)], *args[len(annotations) :])
        named = {n: plain_int(v) if n in counts else v for n, v in named.items()}
        for argument, value in (*zip(annotations, args), *named.items()):
            check_annotated(name, argument, value, annotations.get(argument))
        try:
            return function(*args, **named)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:  # the call itself failed
                called = f"{name}.__init__" if function.__name__ == "__init__" else name
                raise TypeError(str(error).replace(function.__qualname__, called)) from None
            raise

    return checked  # type: ignore[return-value]


def refuse(function: str, name: str, kind: str, value: Any) -> NoReturn:
    """Raise a TypeError: the argument `name` of `function` must be of this kind."""
    raise TypeError(
        f"{function}: {name} must be {kind}, got {shortened(printable(repr(value)), 80)}. If another argument was "
        "meant, pass it by name" + old_reduction(function, value)
    )


def old_reduction(function: str, value: Any) -> str:
    """Return a hint if `value` may be one of the arguments of losses that PyTorch has replaced by `reduction`."""
    of_loss = function.lower().endswith(("loss", "entropy", "logits", "kl_div"))
    if not of_loss or not isinstance(value, bool | None):
        return ""
    return ". PyTorch's old arguments size_average and reduce are reduction='mean', 'sum' or 'none'"
