"""Clip and measure the gradients of a whole model, and turn its parameters into one vector and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minigrad.grad_mode import no_grad
from minigrad.nn.arguments import check_number
from minigrad.output.deprecation import warn_deprecated
from minigrad.output.words import class_name
from minigrad.tensors.creation import as_tensor
from minigrad.tensors.joining import cat
from minigrad.tensors.tensor import Tensor


def _listed(parameters: Any) -> list[Any]:
    if hasattr(parameters, "parameters"):
        raise TypeError("parameters must be those of the module, got the module: pass model.parameters()")
    if not isinstance(parameters, Iterable):
        raise TypeError(f"parameters must be tensors, as from model.parameters(); got {class_name(parameters)}")
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _gradients(parameters: Any) -> list[Tensor]:
    parameters = _listed(parameters)
    for p in parameters:
        if not isinstance(p, Tensor):
            raise TypeError(f"parameters must be tensors, as from model.parameters(); got {class_name(p)}")
    return [p.grad for p in parameters if p.grad is not None]


def get_total_norm(tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """Return the p-norm of all elements of several tensors: (the sum of |x| ** p) ** (1 / p), as of one long vector.

    Args:
        tensors: the tensors, usually gradients.
        norm_type: p (default 2). math.inf gives the largest magnitude.
        error_if_nonfinite: whether to raise if the norm is nan or infinite (default False).

    Returns:
        A 0-d tensor.

    Raises:
        RuntimeError: if `error_if_nonfinite` and the norm is nan or infinite.

    >>> from minigrad import tensor
    >>> get_total_norm([tensor([3.0]), tensor([[4.0]])])
    tensor(5.)
    """
    arrays = [t.detach()._array for t in tensors]
    if not arrays:
        return as_tensor(np.zeros((), np.float32))
    norms = np.array([np.linalg.norm(a.ravel(), norm_type) for a in arrays])
    total = np.linalg.norm(norms, norm_type).astype(np.result_type(*arrays))
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"the total norm of order {norm_type} of the gradients is {total}, so they cannot be clipped. Usual "
            "causes are a learning rate that is too high and a nan in the data; detect_anomaly() finds the operation"
        )
    return as_tensor(np.asarray(total))


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Tensor) -> None:
    """Scale the gradients in place by min(max_norm / (total_norm + 1e-6), 1).

    Args:
        parameters: tensors, as `model.parameters()`; those without a gradient are skipped.
        max_norm: the bound.
        total_norm: the norm of the gradients, as `get_total_norm` returns it.

    >>> from minigrad import tensor
    >>> w = tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = tensor([3.0, 4.0])
    >>> clip_grads_with_norm_([w], max_norm=1.0, total_norm=tensor(10.0))
    >>> w.grad
    tensor([0.3000, 0.4000])
    """
    factor = min(max_norm / (total_norm.item() + 1e-6), 1.0)
    with no_grad():
        for g in _gradients(parameters):
            g.mul_(factor)


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients in place by min(max_norm / (norm + 1e-6), 1), so that their norm is at most max_norm.

    Call it between `backward` and `step`. It keeps the direction of the update, unlike `clip_grad_value_`.

    Args:
        parameters: tensors, as `model.parameters()`; those without a gradient are skipped.
        max_norm: the bound, often 1.
        norm_type: the p of the p-norm (default 2). math.inf for the largest magnitude.
        error_if_nonfinite: whether to raise if the norm is nan or infinite; by default all gradients become nan or 0.

    Returns:
        The norm before clipping.

    Raises:
        ValueError: if max_norm is negative.
        RuntimeError: if `error_if_nonfinite` and the norm is nan or infinite.

    >>> from minigrad import tensor
    >>> w = tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = tensor([3.0, 4.0])
    >>> clip_grad_norm_([w], max_norm=1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    parameters = _listed(parameters)
    check_number("clip_grad_norm_", max_norm=max_norm)
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must be at least 0, got {max_norm}")
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Clip the gradients under the older name of `clip_grad_norm_`."""
    warn_deprecated("nn.utils.clip_grad_norm", "nn.utils.clip_grad_norm_")
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Clamp each element of each gradient to [-clip_value, clip_value], in place.

    Args:
        parameters: tensors, as `model.parameters()`; those without a gradient are skipped.
        clip_value: the bound.

    Raises:
        ValueError: if clip_value is negative.

    >>> from minigrad import tensor
    >>> w = tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = tensor([3.0, -0.5])
    >>> clip_grad_value_([w], clip_value=1.0)
    >>> w.grad
    tensor([ 1.0000, -0.5000])
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must be at least 0, got {clip_value}")
    with no_grad():
        for g in _gradients(parameters):
            g.copy_(g.clamp(-clip_value, clip_value))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Concatenate all parameters into one vector, through which gradients pass.

    Args:
        parameters: tensors, as `model.parameters()`.

    Shape: tensors of n_1, n_2, ... elements -> (n_1 + n_2 + ...,).

    Raises:
        ValueError: if there are no parameters.

    >>> from minigrad import nn
    >>> parameters_to_vector(nn.Linear(2, 3).parameters()).shape
    (9,)
    """
    flat = [p.reshape(-1) if p.numel() else p.reshape(0) for p in _listed(parameters)]
    if not flat:
        raise ValueError("parameters_to_vector: got no parameters; is the iterator used up?")
    return cat(flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the pieces of a vector into the parameters, in their order: the inverse of `parameters_to_vector`.

    Args:
        vec: a vector with as many elements as all parameters together.
        parameters: tensors, as `model.parameters()`; written in place.

    Raises:
        TypeError: if `vec` is not a tensor.
        ValueError: if the vector has another length; nothing is written then.

    >>> from minigrad import nn, tensor
    >>> layer = nn.Linear(2, 1)
    >>> vector_to_parameters(tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[1.0, 2.0]], [3.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: vec must be a tensor, got {class_name(vec)}")
    parameters = _listed(parameters)
    total = sum(p.numel() for p in parameters)
    if vec.shape != (total,):
        raise ValueError(f"vector_to_parameters: vec must have the shape ({total},) of all parameters, got {vec.shape}")
    start = 0
    for p in parameters:
        end = start + p.numel()
        p.data.copy_(vec.detach()[start:end].reshape(p.shape))
        start = end
