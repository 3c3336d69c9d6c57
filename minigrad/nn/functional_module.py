"""A function and its settings as a module, without saying its arguments once more."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from minigrad.nn.module import Module, bound_settings
from minigrad.tensors.tensor import Tensor


class OfFunction(Module):
    """The base of such modules: made with the function's settings, called with its other arguments.

    A subclass names the `function`, and which of its arguments are `settings`; the signature and the defaults are the
    function's. They can be read as attributes.
    """

    function: Any
    settings: ClassVar[tuple[str, ...] | None] = None  # None: all but the input and the dtype
    _signature: ClassVar[inspect.Signature]

    def __init_subclass__(cls) -> None:
        if "function" not in vars(cls):
            return
        parameters = inspect.signature(cls.function).parameters
        names = [n for n in parameters if n not in ("input", "dtype")] if cls.settings is None else cls.settings
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        cls._signature = inspect.Signature([parameters[name].replace(kind=kind) for name in names])
        if "__init__" not in vars(cls):
            cls.__signature__ = cls._signature  # type: ignore[attr-defined]

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        bound = bound_settings(self, self._signature, settings, named)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def _values(self) -> dict[str, Any]:
        """The settings as they are now."""
        return {name: getattr(self, name) for name in self._signature.parameters}

    def forward(self, *inputs: Any) -> Tensor:
        """The function of these inputs, with the settings."""
        return type(self).function(*inputs, **self._values())
