"""Uses of the walk: gradients, anomaly detection, custom functions, Jacobians and Hessians, gradient checks.

`grad`, `backward`, `walk` and `detect_anomaly` take Tensors and Values alike and need no NumPy. The other names are
for Tensors and are loaded on first use; type checkers read them in `__init__.pyi`.
"""

from __future__ import annotations

import importlib
from typing import Any

from minigrad.autograd.anomaly import detect_anomaly, set_detect_anomaly
from minigrad.autograd.gradients import Event, backward, walk
from minigrad.autograd.gradients import grads as grad
from minigrad.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.output.absent import no_attribute

_LAZY = {
    "Function": "minigrad.autograd.function",
    "Variable": "minigrad.autograd.variable",
    # the words of a check are in `teach`, a higher layer
    "check_gradient": "minigrad.teach.gradient_check",
    **dict.fromkeys(("gradcheck", "gradcheck_report", "gradgradcheck"), "minigrad.teach.gradcheck"),
}

__all__ = [
    "Event",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "walk",
]


def __getattr__(name: str) -> Any:
    if name in ("function", "functional"):
        return importlib.import_module(f"minigrad.autograd.{name}")
    if name not in _LAZY:
        raise no_attribute("module 'minigrad.autograd'", name, lambda: [*globals(), *_LAZY, "functional"])
    value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
    return value
