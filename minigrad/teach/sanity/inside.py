"""Models that compute their loss themselves: model(X, y) returns it, alone or beside the outputs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn import functional as F
from minigrad.nn.module import Module
from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.tensor import Tensor


def takes_targets(model: Module) -> bool:
    """Return whether a model can be called with inputs and targets."""
    try:
        inspect.signature(model.forward).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True


def parts(returned: Any) -> tuple[Tensor, Tensor]:
    """Return the outputs and the loss of what a model returned; the loss twice if it is alone.

    Raises:
        ValueError: there is no loss, a tensor with one element.
    """
    values = returned.values() if isinstance(returned, dict) else returned if isinstance(returned, tuple | list) else ()
    tensors = [t for t in values or (returned,) if isinstance(t, Tensor)]
    losses = [t for t in tensors if t.numel() == 1]
    if not losses:
        raise ValueError(f"model(X, y) must return its loss, a tensor with one element, got {class_name(returned)}")
    return next((t for t in tensors if t.numel() > 1), losses[0]), losses[0]


def loss_of(output: Tensor, targets: Any, result: Tensor) -> Callable[[Any, Any], Any] | None:
    """Return the loss as a function of outputs and targets, if it is one of the usual ones; None otherwise."""
    for usual in (
        ()
        if output is result
        else (_cross_entropy, F.mse_loss, F.binary_cross_entropy_with_logits, F.binary_cross_entropy)
    ):
        try:
            with no_grad(), np.errstate(all="ignore"):
                found = usual(output.detach(), as_tensor(targets))
        except (TypeError, ValueError, RuntimeError):
            continue
        if math.isclose(float(found.item()), float(result.item()), rel_tol=1e-4):
            return partial(_of_tensors, usual)
    return None


def _of_tensors(usual: Callable[[Any, Any], Any], output: Any, targets: Any) -> Any:
    return usual(output, as_tensor(targets))


def _cross_entropy(output: Any, targets: Any) -> Any:
    return F.cross_entropy(output.reshape(-1, output.shape[-1]), targets.reshape(-1))


def arguments(given: tuple[Any, ...], options: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the inputs and the targets of a call model(X, y), or model(X, targets=y)."""
    if len(given) == 2 and not options or len(given) == 1 and len(options) == 1:
        yield given[0], (*given, *options.values())[1]
