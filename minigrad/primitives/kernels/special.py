"""Special functions block by block: what is computed on the way then stays in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.primitives.kernels import compiled
from minigrad.primitives.primitive import kernel
from minigrad.primitives.special import erf, erfc, erfinv, gelu, ndtr

BLOCK = 32768  # elements


def _in_blocks(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def forward(x: Any) -> Any:
        flat = x.reshape(-1)
        out = np.empty_like(flat)
        for start in range(0, flat.size, BLOCK):
            out[start : start + BLOCK] = function(flat[start : start + BLOCK])
        return out.reshape(x.shape)

    return forward


for _primitive in (erf, erfc, erfinv, ndtr):
    kernel(_primitive, forward=_in_blocks(_primitive.forward))


def _gelu(x: Any) -> Any:
    """Return the result; and for the vjp Phi(x)."""
    if compiled.usable(x):
        out, phi = np.empty_like(x), np.empty_like(x)
        compiled.run("gelu", x.ravel(), out.reshape(-1), phi.reshape(-1))
        return out, phi
    phi = ndtr.run(x)
    return x * phi, phi


def _gelu_x(g: Any, x: Any, phi: Any) -> Any:
    out = np.empty(x.shape, x.dtype)
    arrays = [a.reshape(-1) for a in (g, x, phi, out)]
    if compiled.usable(x, g, phi):
        compiled.run("gelu_vjp", *arrays)
        return out
    for start in range(0, x.size, BLOCK):
        dy, a, p, dx = (array[start : start + BLOCK] for array in arrays)
        np.multiply(dy, p, out=dx)
        dx += dy * a * np.exp(-0.5 * a * a) * (1 / math.sqrt(2 * math.pi))
    return out


kernel(gelu, forward=_gelu, x=_gelu_x, keeps=("phi",))
