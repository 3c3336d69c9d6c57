"""Weight normalization: the length and the direction of a weight as parameters of their own."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from minigrad.nn.module import Module, Parameter
from minigrad.output.words import class_name

M = TypeVar("M", bound=Module)


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Replace the parameter `w` by two: w = g * v / ||v||, with the norm over all dimensions but `dim`.

    Args:
        module: the layer; `<name>_g` and `<name>_v` become its parameters, and each call computes `<name>` of them.
        name: the parameter's name (default "weight").
        dim: the dimension that keeps a length for each index (default 0); None for one length of the whole weight.

    Returns:
        The module.

    Raises:
        ValueError: if the module has no such parameter.

    >>> from minigrad import nn
    >>> layer = weight_norm(nn.Linear(4, 3))
    >>> {name: p.shape for name, p in layer.named_parameters()}
    {'bias': (3,), 'weight_g': (3, 1), 'weight_v': (3, 4)}

    Source: Salimans and Kingma, "Weight normalization", 2016.
    """
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"weight_norm: {class_name(module)} has no parameter {name!r}")
    others = tuple([d for d in range(weight.ndim) if dim is not None and d != dim % weight.ndim])

    def computed() -> Any:
        v, g = getattr(module, f"{name}_v"), getattr(module, f"{name}_g")
        return v * (g / np.sqrt((v * v).sum(others or None, keepdim=bool(others))))

    length = weight.detach().square().sum(others or None, keepdim=bool(others)).sqrt()
    delattr(module, name)
    setattr(module, f"{name}_g", Parameter(length))
    setattr(module, f"{name}_v", Parameter(weight.detach().clone()))
    setattr(module, name, computed())
    handle = module.register_forward_pre_hook(lambda module, inputs: setattr(module, name, computed()))
    module.__dict__.setdefault("_weight_norms", {})[name] = (handle, computed)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make the parameter `<name>` one again, with its present value; return the module.

    Raises:
        ValueError: if `weight_norm` was not applied to it.

    >>> from minigrad import nn
    >>> [n for n, _ in remove_weight_norm(weight_norm(nn.Linear(4, 3))).named_parameters()]
    ['bias', 'weight']
    """
    norms = module.__dict__.get("_weight_norms", {})
    if name not in norms:
        raise ValueError(f"remove_weight_norm: weight_norm was not applied to {name!r} of {class_name(module)}")
    handle, computed = norms.pop(name)
    handle.remove()
    value = computed().detach()
    for part in (name, f"{name}_g", f"{name}_v"):
        delattr(module, part)
    setattr(module, name, Parameter(value))
    return module
