"""Layers that learn the size of their input from the first one: `LazyLinear(10)` becomes a `Linear` when it is called.

Until then their parameters have no shape. Call the model once, on any batch, before its parameters are used.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from minigrad.nn.layers import Linear
from minigrad.nn.module import Module, Parameter, bound_settings
from minigrad.tensors.tensor import Tensor


class UninitializedParameter(Parameter):
    """A parameter without values yet; whatever needs them raises, and says what to do. See `Lazy`."""

    def __init__(self) -> None:
        self._node = None

    def __reduce__(self) -> tuple[Any, ...]:
        return UninitializedParameter, ()

    @property
    def _array(self) -> Any:  # type: ignore[override]
        raise RuntimeError(
            f"the parameter {self.name or ''} has no shape yet, since its layer has not seen an input: call the model "
            "once, on any batch, before you look at its parameters, convert, save or train them"
        )

    def materialise(self, p: Parameter) -> None:
        """Become this parameter; who holds the old one, holds it now."""
        self.__class__ = Parameter  # type: ignore[assignment]
        Parameter.__init__(self, p.detach())

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class Lazy(Module):
    """The base of the lazy layers: takes the settings of the layer that it is to become, but for the input's size."""

    becomes: ClassVar[type[Module]]
    unknown: ClassVar[str]  # the name of that size
    axis: ClassVar[int]  # where it stands in the input's shape
    divisor: ClassVar[str | None] = None  # a setting that the size is a multiple of

    def __init_subclass__(cls) -> None:
        signature = inspect.signature(cls.becomes)
        settings = [p for name, p in signature.parameters.items() if name != cls.unknown]
        cls.__signature__ = signature.replace(parameters=settings)  # type: ignore[attr-defined]

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        bound = bound_settings(self, type(self).__signature__, settings, named)  # type: ignore[attr-defined]
        sample = {self.unknown: bound.arguments.get(self.divisor or "", 1)}
        stand_in = self.becomes(**sample, **bound.arguments)  # checks the settings, and knows what parameters there are
        self.__dict__.update(_settings=bound.arguments)
        self._take_over(stand_in)
        setattr(self, self.unknown, 0)
        for name, p in stand_in._parameters.items():
            setattr(self, name, UninitializedParameter() if p is not None else None)

    def _take_over(self, layer: Module) -> None:
        """What the layer knows about itself."""
        own = vars(Module()).keys()
        self.__dict__.update({name: value for name, value in vars(layer).items() if name not in own})

    def forward(self, x: Any) -> Tensor:
        """As the layer that this becomes with the first input."""
        if not -x.ndim <= self.axis < x.ndim:
            raise ValueError(f"{type(self).__name__}: cannot read {self.unknown} off an input of shape {x.shape}")
        layer = self.becomes(**{self.unknown: x.shape[self.axis]}, **self._settings)
        for name, p in self._parameters.items():
            p.materialise(layer._parameters[name])
        self._buffers.update(layer._buffers)
        self._take_over(layer)
        del self._settings
        self.__class__ = self.becomes  # type: ignore[assignment]
        return self.forward(x)

    def extra_repr(self) -> str:
        return self.becomes.extra_repr(self)


class LazyLinear(Lazy):
    """`Linear` whose in_features are those of its first input.

    >>> from minigrad import nn, ones
    >>> net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(1))
    >>> net(ones(2, 5)).shape
    (2, 1)
    >>> net[0]
    Linear(in_features=5, out_features=3, bias=True)
    """

    becomes, unknown, axis = Linear, "in_features", -1
