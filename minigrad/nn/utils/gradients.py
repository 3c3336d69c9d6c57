"""Gradients and parameters of a whole model at once: clipped, measured, as one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat
from minigrad.tensors.tensor import Tensor


def _gradients(parameters: Any) -> list[Tensor]:
    several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for p in several:
        if not isinstance(p, Tensor):
            raise TypeError(f"takes tensors, as model.parameters(); got {type(p).__name__}")
    return [p.grad for p in several if p.grad is not None]


def get_total_norm(tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """The norm of all elements of several tensors, as of one long vector.

    Args:
        tensors: the tensors.
        norm_type: the p of the p-norm; math.inf for the largest magnitude.
        error_if_nonfinite: raise when it is nan or infinite.

    Raises:
        RuntimeError: see `error_if_nonfinite`.
    """
    arrays = [t.detach()._array for t in tensors]
    if not arrays:
        return as_tensor(np.zeros((), np.float32))
    norms = np.array([np.linalg.norm(a.ravel(), norm_type) for a in arrays])
    total = np.linalg.norm(norms, norm_type).astype(np.result_type(*arrays))
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"the total norm of order {norm_type} of the gradients is {total}, so they cannot be clipped. Usual "
            "causes: a learning rate that is too high, or a nan in the data; detect_anomaly() finds the operation"
        )
    return as_tensor(np.asarray(total))


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor) -> None:
    """Scale the gradients by max_norm / total_norm where that is less than 1."""
    factor = min(max_norm / (total_norm.item() + 1e-6), 1.0)
    with no_grad():
        for g in _gradients(parameters):
            g.mul_(factor)


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients by one factor, so that the norm of all together is at most `max_norm`; in place.

    Args:
        parameters: tensors, as `model.parameters()`; those without a gradient do not count.
        max_norm: the bound.
        norm_type: the p of the p-norm; math.inf for the largest magnitude.
        error_if_nonfinite: raise when the norm is nan or infinite; otherwise all gradients become nan or 0.

    Returns:
        The norm before clipping.

    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", 2013.

    >>> from minigrad import tensor
    >>> w = tensor([3.0, 4.0], requires_grad=True)
    >>> w.grad = tensor([3.0, 4.0])
    >>> clip_grad_norm_([w], max_norm=1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm is 0 or more, not {max_norm}")
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Cut each element of each gradient to [-clip_value, clip_value]; in place."""
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value is 0 or more, not {clip_value}")
    with no_grad():
        for g in _gradients(parameters):
            g.copy_(g.clamp(-clip_value, clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters one after the other in one vector, through which gradients pass."""
    flat = [p.reshape(-1) if p.numel() else p.reshape(0) for p in parameters]
    if not flat:
        raise ValueError("parameters_to_vector: no parameters; is the iterator used up?")
    return cat(flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the pieces of a vector into the parameters, in their order.

    Raises:
        TypeError: for what is not a tensor.
        ValueError: when the vector is of another length; then nothing is written.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: vec is a tensor, got {type(vec).__name__}")
    parameters = list(parameters)
    total = sum(p.numel() for p in parameters)
    if vec.shape != (total,):
        raise ValueError(f"vector_to_parameters: {total} numbers are needed, vec has the shape {vec.shape}")
    start = 0
    for p in parameters:
        end = start + p.numel()
        p.data.copy_(vec.detach()[start:end].reshape(p.shape))
        start = end
