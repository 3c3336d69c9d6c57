"""Parameters that no module holds: a list or dictionary of tensors or Values, of a network written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.scalar import Value
from minigrad.tensors.creation import tensor
from minigrad.tensors.tensor import Tensor


class Weights(Module):
    """A layer of parameters: a matrix and its vectors."""

    of_values = False  # whether they are Values, which may be weights and biases of several layers


class Parameters(Module):
    """A model without a forward pass, whose layers are the given parameters.

    A vector belongs to the matrix whose name ends as its own does, as b1 to W1, or else to the one before it. Values
    are one layer, and are copied into a tensor by `refresh()`.
    """

    def __init__(self, given: Any) -> None:
        super().__init__()
        self.given = given
        self._shown: dict[str, Any] = {}
        self._place: dict[str, Module] = {}
        named = _named(given)
        if not named:
            raise TypeError("watch: there is no parameter in the list or dictionary")
        for name, p in named.items():
            values = isinstance(p, Sequence) and p and all(isinstance(v, Value) for v in p)
            if not isinstance(p, Tensor) and not values:
                raise TypeError(
                    f"watch: a parameter must be a tensor, or a list of Values, got {class_name(p)} for {name!r}"
                )
            if isinstance(p, Tensor) and not p.requires_grad:
                raise ValueError(f"watch: {name!r} does not require a gradient: give the parameters that are trained")
        matrices = [name for name, p in named.items() if isinstance(p, Tensor) and p.ndim > 1] or [*named][:1]
        for name in matrices:
            self._place[name] = self._modules[name.replace(".", "_")] = Weights()
        last = matrices[0]
        for name, p in named.items():
            last = name if name in matrices else last
            partner = next((m for m in matrices if name[1:] and m[1:] == name[1:] and not name.isdigit()), last)
            alone = not isinstance(p, Tensor) and name not in self._place
            if alone:
                self._modules[name] = Weights()
            self._place.setdefault(name, self._modules[name] if alone else self._place[partner])
            self._place[name].of_values = not isinstance(p, Tensor)
        self.refresh()

    def values(self) -> Iterator[Value]:
        """The Values among the parameters."""
        for p in _named(self.given).values():
            yield from p if not isinstance(p, Tensor) else ()

    def refresh(self) -> None:
        """Look up the parameters again: a loop may replace them, and Values are numbers."""
        for name, p in _named(self.given).items():
            before = self._shown.get(name)
            if not isinstance(p, Tensor):
                shown = tensor(np.array([float(v.data) for v in p]), dtype="float64", requires_grad=True)
                shown.grad = tensor(np.array([float(v.grad) for v in p]), dtype="float64")
                p = shown
            elif before is not None and p is not before and p.grad is None and before.grad is not None:
                p = p.detach().requires_grad_()  # x = x - learning_rate * dx: the gradient is that of the old one
                p.grad = before.grad
            if name in self._place:
                self._place[name]._parameters[name] = self._shown[name] = p


def _named(given: Any) -> dict[str, Any]:
    """Return the parameters by name: those of a list are numbered, and Values that stand alone are one list."""
    items = [*(given.items() if isinstance(given, Mapping) else enumerate(given))]
    values = [p for _, p in items if isinstance(p, Value)]
    named = {str(name): p for name, p in items if not isinstance(p, Value)}
    return {**({"values": values} if values else {}), **named}


def is_loose(given: Any) -> bool:
    """Return whether this is a list, tuple or dictionary, as of parameters."""
    return isinstance(given, Mapping | Sequence) and not isinstance(given, str)
