"""What one does with the walk: gradients handed out, watched for nan, step by step; functions of one's own; whole
derivatives of functions.

`grad`, `backward`, `walk` and `detect_anomaly` are for Tensors and for Values alike, and need no NumPy; the rest is
for Tensors, and is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from minigrad.autograd.anomaly import detect_anomaly, set_detect_anomaly
from minigrad.autograd.gradients import Event, backward, walk
from minigrad.autograd.gradients import grads as grad
from minigrad.grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from minigrad.autograd import function as function
    from minigrad.autograd import functional as functional
    from minigrad.autograd.function import Function as Function
    from minigrad.teach.gradcheck import check_gradient as check_gradient
    from minigrad.teach.gradcheck import gradcheck as gradcheck
    from minigrad.teach.gradcheck import gradcheck_report as gradcheck_report
    from minigrad.teach.gradcheck import gradgradcheck as gradgradcheck

_HOME = {
    "Function": "minigrad.autograd.function",
    **dict.fromkeys(("check_gradient", "gradcheck", "gradcheck_report", "gradgradcheck"), "minigrad.teach.gradcheck"),
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
    if name not in _HOME:
        raise AttributeError(f"module 'minigrad.autograd' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value
