from minigrad.autograd import function as function
from minigrad.autograd import functional as functional
from minigrad.autograd.anomaly import detect_anomaly as detect_anomaly
from minigrad.autograd.anomaly import set_detect_anomaly as set_detect_anomaly
from minigrad.autograd.function import Function as Function
from minigrad.autograd.gradients import Event as Event
from minigrad.autograd.gradients import backward as backward
from minigrad.autograd.gradients import grads as _grads
from minigrad.autograd.gradients import walk as walk
from minigrad.autograd.variable import Variable as Variable
from minigrad.grad_mode import enable_grad as enable_grad
from minigrad.grad_mode import inference_mode as inference_mode
from minigrad.grad_mode import is_grad_enabled as is_grad_enabled
from minigrad.grad_mode import no_grad as no_grad
from minigrad.grad_mode import set_grad_enabled as set_grad_enabled
from minigrad.teach.gradcheck import gradcheck as gradcheck
from minigrad.teach.gradcheck import gradcheck_report as gradcheck_report
from minigrad.teach.gradcheck import gradgradcheck as gradgradcheck
from minigrad.teach.gradient_check import check_gradient as check_gradient

grad = _grads

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
