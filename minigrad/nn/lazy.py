"""Layers that take the size of their input from the first one: `LazyLinear(10)` becomes a `Linear` when it is called.

Until then their parameters have no shape. Call the model once, on any batch, before you use its parameters.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from minigrad.nn.layers import Linear
from minigrad.nn.module import Module, Parameter, bound_settings
from minigrad.output.words import class_name, printable
from minigrad.tensors.tensor import Tensor


class UninitializedParameter(Parameter):
    """A parameter without shape and values, of a lazy layer that has not been called. Using it raises a RuntimeError.

    >>> from minigrad import nn, ones
    >>> layer = nn.LazyLinear(3)
    >>> layer.weight
    <UninitializedParameter>
    >>> _ = layer(ones(2, 5))
    >>> layer.weight.shape
    (3, 5)
    """

    has_shape = False
    requires_grad = True  # also without a node; the parameter that this one becomes takes it over

    def __init__(self, requires_grad: bool = True) -> None:
        self._node = None
        self.requires_grad = requires_grad

    _wanted: Any = None  # the dtype that `to` has asked for

    def _convert(self, dtype: Any) -> None:
        self._wanted = dtype

    def detach(self) -> Any:
        """Return the parameter itself: there are no values yet."""
        return self

    data = property(detach)

    def __reduce__(self) -> tuple[Any, ...]:
        return UninitializedParameter, (self.requires_grad,)

    def _register(self, *_: Any) -> Any:
        return self._array  # raises: a hook needs a node

    @property
    def _array(self) -> Any:  # type: ignore[override]
        raise RuntimeError(
            f"The parameter {printable(self.name or '')} has no shape yet, because its layer has not seen an input: "
            "call the model once, on any batch, before you read, convert, save or train its parameters"
        )

    def materialise(self, p: Parameter) -> None:
        """Become the parameter `p`, for everyone who holds a reference to this one."""
        requires_grad, dtype = self.__dict__.pop("requires_grad"), self.__dict__.pop("_wanted", None)
        self.__class__ = Parameter  # type: ignore[assignment]
        Parameter.__init__(self, p.detach() if dtype is None else p.detach().to(dtype), requires_grad)

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class Lazy(Module):
    """The base class of lazy layers, which take the arguments of the layer they become, without the input's size."""

    becomes: ClassVar[type[Module]]
    unknown: ClassVar[str]  # the argument for the input's size
    axis: ClassVar[int]  # the dimension of the input that has this size
    divisor: ClassVar[str | None] = None  # an argument that divides this size

    def __init_subclass__(cls) -> None:
        signature = inspect.signature(cls.becomes)
        settings = [p for name, p in signature.parameters.items() if name != cls.unknown]
        cls.__signature__ = signature.replace(parameters=settings)  # type: ignore[attr-defined]

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        bound = bound_settings(self, type(self).__signature__, settings, named)  # type: ignore[attr-defined]
        sample = {self.unknown: bound.arguments.get(self.divisor or "", 1)}
        stand_in = self.becomes(**sample, **bound.arguments)  # checks the arguments and names the parameters
        self.__dict__.update(_settings=bound.arguments)
        own = vars(Module()).keys()  # the parameters, hooks and mode, which every module has
        self.__dict__.update({name: value for name, value in vars(stand_in).items() if name not in own})
        setattr(self, self.unknown, 0)
        for name, p in stand_in._parameters.items():
            setattr(self, name, UninitializedParameter() if p is not None else None)

    def forward(self, input: Any, *others: Any, **options: Any) -> Tensor:
        """Become the layer for inputs of the size of this one, and call it.

        Raises:
            ValueError: if the input has too few dimensions.
        """
        if not -input.ndim <= self.axis < input.ndim:
            raise ValueError(f"{class_name(self)}: cannot infer {self.unknown} from an input of shape {input.shape}")
        layer = self.becomes(**{self.unknown: input.shape[self.axis]}, **self._settings)
        for p in self._parameters.values():
            if isinstance(p, UninitializedParameter) and p._wanted is not None:
                layer.to(p._wanted)  # the buffers too
        for name, p in self._parameters.items():
            if isinstance(p, UninitializedParameter):  # otherwise the user has set another, or None
                p.materialise(layer._parameters[name])
        self._buffers.update(layer._buffers)
        setattr(self, self.unknown, getattr(layer, self.unknown))
        del self._settings
        self.__class__ = self.becomes  # type: ignore[assignment]
        return self.forward(input, *others, **options)

    def extra_repr(self) -> str:
        return self.becomes.extra_repr(self)


class LazyLinear(Lazy):
    """y = x @ W.T + b: a `Linear` whose in_features is the size of the last dimension of its first input.

    Args:
        out_features: the size of each output vector.
        bias: whether to add b (default True).
        device: the CPU, the only one: "cpu" or None (default None).
        dtype: of the parameters (default float32).

    Shape: (..., in_features) -> (..., out_features).

    Raises:
        RuntimeError: if a parameter is used before the first call.

    >>> from minigrad import nn, ones
    >>> net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(1))
    >>> net(ones(2, 5)).shape
    (2, 1)
    >>> net[0]
    Linear(in_features=5, out_features=3, bias=True)
    """

    becomes, unknown, axis = Linear, "in_features", -1
