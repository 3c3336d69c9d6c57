"""Initial values of parameters. Each function writes into the tensor and gives it back."""

from __future__ import annotations

import math

from minigrad import creation
from minigrad.engine import no_grad
from minigrad.tensors import Tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Uniform in [a, b)."""
    with no_grad():
        return tensor.copy_(creation.generator.uniform(a, b, tensor.shape))


def kaiming_uniform_(tensor: Tensor, a: float = 0.0) -> Tensor:
    """Uniform with a bound that keeps the variance through layers of ReLUs whose slope below 0 is `a`.

    For a weight of shape (out_features, in_features). Source: He et al., "Delving deep into rectifiers", 2015.
    """
    bound = math.sqrt(6 / ((1 + a * a) * tensor.shape[1]))
    return uniform_(tensor, -bound, bound)
