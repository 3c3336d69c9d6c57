"""A function and its settings as a module, without repeating the function's arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from minigrad.nn.arguments import check_annotated
from minigrad.nn.module import Module, bound_settings
from minigrad.output.words import class_name
from minigrad.tensors.tensor import Tensor


class FunctionalModule(Module):
    """The base class of modules that call one function: constructed with its settings, called with its inputs.

    A subclass sets `function`, and `settings` if some arguments are inputs. Signature and defaults are the function's;
    the settings are attributes.

    >>> from minigrad import tensor
    >>> class Scale(FunctionalModule):
    ...     function = staticmethod(lambda input, factor=2.0: factor * input)
    >>> Scale(factor=3.0)(tensor([1.0, 2.0]))
    tensor([3., 6.])

    Raises:
        TypeError: if a setting is unknown, or a bool where the function's annotation says int or float, or the reverse.
    """

    function: Any
    checks: ClassVar[dict[str, Callable[..., None]]] = {}
    """The settings that the function accepts a part of only, with a function that raises for the others."""
    settings: ClassVar[tuple[str, ...] | None] = None  # None: all arguments but `input` and `dtype`
    _signature: ClassVar[inspect.Signature]
    _inputs: ClassVar[inspect.Signature]
    _names: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        if "function" not in vars(cls):
            return
        parameters = inspect.signature(cls.function).parameters
        names = [n for n in parameters if n not in ("input", "dtype")] if cls.settings is None else cls.settings
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        cls._names = tuple(names)
        cls._signature = inspect.Signature([parameters[name].replace(kind=kind) for name in names])
        cls._inputs = inspect.Signature([p for p in parameters.values() if p.default is p.empty])
        if "__init__" not in vars(cls):
            cls.__signature__ = cls._signature  # type: ignore[attr-defined]

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        bound = bound_settings(self, self._signature, settings, named)
        for name, value in bound.arguments.items():
            check_annotated(class_name(self), name, value, self._signature.parameters[name].annotation)
        bound.apply_defaults()
        for name, check in self.checks.items():
            check(class_name(self), **{name: bound.arguments[name]})
        for name, value in bound.arguments.items():
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def _values(self) -> dict[str, Any]:
        """Return the current settings by name."""
        return {name: getattr(self, name) for name in self._names}

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """Return the function of these inputs, with the module's settings."""
        if named:
            inputs = bound_settings(self, self._inputs, inputs, named).args
        return type(self).function(*inputs, **self._values())
