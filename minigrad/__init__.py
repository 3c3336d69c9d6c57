"""minigrad: reverse-mode automatic differentiation to learn from, on NumPy.

Names are loaded when they are first used, so that `import minigrad` is quick and `minigrad.scalar` needs no NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "scalar": "Value",
    "tensors": "Tensor",
    "creation": "tensor as_tensor from_numpy zeros ones full zeros_like ones_like arange linspace cat stack where "
    "manual_seed rand randn",
    "engine": "no_grad enable_grad is_grad_enabled",
    "autograd": "grad walk detect_anomaly",
    "network": "Network",
    "show.draw": "draw",
}
_HOME = {name: module for module, names in _WHERE.items() for name in names.split()}
_MODULES = {"autograd", "data", "engine", "nn", "optim", "scalar", "show"}
_DTYPES = {"float64", "float32", "int64", "int32", "int16", "int8", "uint8", "bool"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"minigrad.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"minigrad.{name}")
    elif name in _DTYPES:
        value = importlib.import_module("numpy").dtype(name)
    elif not name.startswith("_") and hasattr(_operations(), name):  # minigrad.exp(t) is t.exp()
        value = getattr(_operations(), name)
    else:
        raise AttributeError(f"module 'minigrad' has no attribute {name!r}")
    globals()[name] = value
    return value


def _operations() -> Any:
    return importlib.import_module("minigrad.operations").Operations


def __dir__() -> list[str]:
    methods = [name for name in vars(_operations()) if not name.startswith("_")]
    return sorted({*globals(), *_HOME, *_MODULES, *_DTYPES, *methods})


if TYPE_CHECKING:
    from minigrad import autograd, data, engine, nn, optim, scalar, show
    from minigrad.autograd import detect_anomaly, grad, walk
    from minigrad.creation import (
        arange,
        as_tensor,
        cat,
        from_numpy,
        full,
        linspace,
        manual_seed,
        ones,
        ones_like,
        rand,
        randn,
        stack,
        tensor,
        where,
        zeros,
        zeros_like,
    )
    from minigrad.engine import enable_grad, is_grad_enabled, no_grad
    from minigrad.network import Network
    from minigrad.scalar import Value
    from minigrad.show.draw import draw
    from minigrad.tensors import Tensor
